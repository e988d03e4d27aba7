/* types.c - the types of a guest's kernel and those that a program declares, as one. See private/value.h. */
#include <xxhash.h>

#include "base/memory.h"
#include "core/ask/private/value.h"

enum { NESTED = 16 };

struct known_member {
    const struct ask_type *of;
    const char *name;
    struct ask_member m;
    bool found;
};

struct ask_types {
    const struct ask_program *p;
    const struct kernel_types *k;
    struct ask_type **list;
    size_t n;
    struct hash_index by_tree, by_member;
    struct known_member *member;
    size_t nmembers;
    const struct ask_type *number[2][4]; /* by sign and size */
    const struct ask_type *nothing, *pointers;
    struct written {
        const struct ask_written *w;
        const struct ask_type *t;
    } * written;
    size_t nwritten;
};

static struct ask_type *add(struct ask_types *x, const struct ask_type *t)
{
    MEM_MORE(x->list, x->n);
    return x->list[x->n++] = mem_copy(t, sizeof *t);
}

struct ask_types *ask_types_new(const struct ask_program *p, const struct kernel_types *k)
{
    struct ask_types *x = mem_zero(1, sizeof *x);
    x->p = p;
    x->k = k && kernel_types_set(k)->n ? k : NULL;
    x->nothing = add(x, &(struct ask_type){.is = {.kind = TREE_VOID, .name = "void"}});
    return x;
}

void ask_types_free(struct ask_types *x)
{
    if (!x)
        return;
    for (size_t i = 0; i < x->n; i++)
        free(x->list[i]);
    free(x->list);
    free(x->member);
    free(x->written);
    hash_index_clear(&x->by_tree);
    hash_index_clear(&x->by_member);
    free(x);
}

const struct kernel_types *ask_types_kernel(const struct ask_types *x)
{
    return x->k;
}

/* ---------------------------------------------------------------- finding */

const struct ask_type *ask_type_tree(struct ask_types *x, struct tree_type t)
{
    const uint64_t key[2] = {t.table, t.id}, hash = XXH3_64bits(key, sizeof key);
    if (!t.id || !x->k)
        return x->nothing;
    for (struct hash_search s = hash_search(&x->by_tree, hash); hash_found(&x->by_tree, &s);)
        if (x->list[s.number]->tree.table == t.table && x->list[s.number]->tree.id == t.id)
            return x->list[s.number];
    struct ask_type type = {.tree = t};
    type_tree_info(x->k, t, &type.is);
    hash_index_add(&x->by_tree, hash, x->n);
    return add(x, &type);
}

const struct ask_type *ask_type_int(struct ask_types *x, unsigned size, bool is_signed)
{
    static const char *const names[2][4] = {{"uint8", "uint16", "uint32", "uint64"},
                                            {"int8", "int16", "int32", "int64"}};
    const unsigned i = size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3;
    if (!x->number[is_signed][i])
        x->number[is_signed][i] = add(
            x,
            &(struct ask_type){
                .is = {.kind = TREE_INT, .name = names[is_signed][i], .size = size, .is_signed = is_signed}});
    return x->number[is_signed][i];
}

static const struct ask_type *own_struct(struct ask_types *x, const struct ask_struct *st)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->list[i]->own == st)
            return x->list[i];
    return add(
        x, &(struct ask_type){
               .is = {.kind = st->is_union ? TREE_UNION : TREE_STRUCT, .name = st->name, .size = st->size},
               .own = st});
}

static const struct ask_type *named(struct ask_types *x, const struct ask_written *w)
{
    static const enum tree_kind kinds[] = {[BASE_STRUCT] = TREE_STRUCT,
                                           [BASE_UNION] = TREE_UNION,
                                           [BASE_ENUM] = TREE_ENUM,
                                           [BASE_NAME] = TREE_UNKNOWN};
    struct tree_type t;
    const struct ask_struct *own = ask_structure(x->p, w->name);
    if (own && w->base != BASE_ENUM)
        return own_struct(x, own);
    return x->k && type_tree_named(x->k, kinds[w->base], w->name, &t) ? ask_type_tree(x, t) : NULL;
}

static const struct ask_type *wrap(struct ask_types *x, const struct ask_type *of, enum tree_kind kind,
                                   uint64_t count)
{
    return add(x, &(struct ask_type){.is = {.kind = kind,
                                            .name = "",
                                            .count = count,
                                            .size = kind == TREE_POINTER ? 8 : count * of->is.size},
                                     .to = of});
}

const struct ask_type *ask_type_pointers(struct ask_types *x)
{
    if (!x->pointers) {
        struct ask_type letter = *ask_type_int(x, 1, true);
        letter.is.is_char = true;
        letter.is.name = "char";
        x->pointers = wrap(x, wrap(x, add(x, &letter), TREE_POINTER, 0), TREE_POINTER, 0);
    }
    return x->pointers;
}

static const struct ask_type *written_type(struct ask_types *x, const struct ask_written *w,
                                           const struct ask_struct *inner)
{
    const struct ask_type *t = inner                  ? own_struct(x, inner)
                               : w->base == BASE_VOID ? x->nothing
                               : w->base == BASE_INT  ? ask_type_int(x, w->size, w->is_signed)
                                                      : named(x, w);
    if (t && w->is_char) {
        struct ask_type letter = *t;
        letter.is.is_char = true;
        letter.is.name = "char";
        t = add(x, &letter);
    }
    /* A pointer to a structure that nobody knows is a pointer still. */
    if (!t && w->pointers && w->base != BASE_NAME)
        t = add(x, &(struct ask_type){.is = {.kind = TREE_UNKNOWN, .name = w->name}});
    for (unsigned i = 0; t && i < w->pointers; i++)
        t = wrap(x, t, TREE_POINTER, 0);
    for (unsigned i = w->ncounts; t && i-- > 0;)
        t = wrap(x, t, TREE_ARRAY, w->counts[i]);
    return t;
}

const struct ask_type *ask_type_written(struct ask_types *x, const struct ask_written *w)
{
    for (size_t i = 0; i < x->nwritten; i++)
        if (x->written[i].w == w)
            return x->written[i].t;
    const struct ask_type *t = written_type(x, w, NULL);
    MEM_MORE(x->written, x->nwritten);
    x->written[x->nwritten++] = (struct written){w, t};
    return t;
}

const struct ask_type *ask_type_to(struct ask_types *x, const struct ask_type *t)
{
    if (!t->to && t->tree.id)
        ((struct ask_type *)t)->to = ask_type_tree(x, t->is.of);
    return t->to ? t->to : x->nothing;
}

/* ---------------------------------------------------------------- members */

static bool own_member(struct ask_types *x, const struct ask_struct *st, const char *name,
                       struct ask_member *m, unsigned deep)
{
    for (size_t i = 0; i < st->n && deep < NESTED; i++) {
        const struct ask_field *f = &st->field[i];
        if (!*f->name && f->inner && own_member(x, f->inner, name, m, deep + 1)) {
            m->offset += f->offset;
            return true;
        }
        if (strcmp(f->name, name))
            continue;
        *m = (struct ask_member){written_type(x, &f->type, f->inner), f->offset, f->bits};
        return m->type;
    }
    return false;
}

static bool tree_member(struct ask_types *x, struct tree_type t, const char *name, struct ask_member *m,
                        unsigned deep)
{
    struct tree_member its;
    for (unsigned i = 0; deep < NESTED && type_tree_member(x->k, t, i, &its); i++) {
        if (!*its.name && tree_member(x, its.type, name, m, deep + 1)) {
            m->offset += its.offset;
            return true;
        }
        if (strcmp(its.name, name))
            continue;
        *m = (struct ask_member){ask_type_tree(x, its.type), its.offset, its.bits};
        return true;
    }
    return false;
}

bool ask_type_member(struct ask_types *x, const struct ask_type *t, const char *name, struct ask_member *m)
{
    const void *key[2] = {t, name};
    const uint64_t hash = XXH3_64bits(key, sizeof key);
    for (struct hash_search s = hash_search(&x->by_member, hash); hash_found(&x->by_member, &s);)
        if (x->member[s.number].of == t && x->member[s.number].name == name) {
            *m = x->member[s.number].m;
            return x->member[s.number].found;
        }
    struct known_member known = {.of = t, .name = name};
    known.found = t->own       ? own_member(x, t->own, name, &known.m, 0)
                  : t->tree.id ? tree_member(x, t->tree, name, &known.m, 0)
                               : false;
    MEM_MORE(x->member, x->nmembers);
    hash_index_add(&x->by_member, hash, x->nmembers);
    x->member[x->nmembers++] = known;
    *m = known.m;
    return known.found;
}

const char *ask_type_text(const struct ask_types *x, const struct ask_type *t, char buf[ASK_TYPE_TEXT])
{
    if (t->tree.id && x->k)
        type_tree_text(x->k, t->tree, buf, ASK_TYPE_TEXT);
    else if (t->to && t->is.kind == TREE_POINTER) {
        char to[ASK_TYPE_TEXT];
        snprintf(buf, ASK_TYPE_TEXT, "%.180s *", ask_type_text(x, t->to, to));
    } else
        snprintf(buf, ASK_TYPE_TEXT, "%s%.180s",
                 t->is.kind == TREE_STRUCT || t->is.kind == TREE_UNKNOWN ? "struct "
                 : t->is.kind == TREE_UNION                              ? "union "
                                                                         : "",
                 t->is.name);
    return buf;
}
