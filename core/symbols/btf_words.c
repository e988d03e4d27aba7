/* btf_words.c - arguments and values in words, and member expressions, by a kernel's types. See kernel_types.h. */
#include <bpf/btf.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/text.h"
#include "core/symbols/private/btf_dwarf.h"
#include "core/symbols/btf_member.h"
#include "core/symbols/private/kernel_types_impl.h"

enum { TEXT_MAX = 64, ARGUMENTS = 6, DEPTH = 16 };

static const char *name_of(const struct btf *btf, uint32_t offset)
{
    const char *s = offset ? btf__name_by_offset(btf, offset) : NULL;
    return s ? s : "";
}

/* The type behind typedefs and qualifiers, or NULL (void). */
static const struct btf_type *plain(const struct btf *btf, uint32_t id, uint32_t *its)
{
    const int resolved = id ? btf__resolve_type(btf, id) : 0;
    if (its)
        *its = resolved > 0 ? (uint32_t)resolved : 0;
    return resolved > 0 ? btf__type_by_id(btf, (uint32_t)resolved) : NULL;
}

static bool is_char(const struct btf *btf, uint32_t id)
{
    const struct btf_type *t = plain(btf, id, NULL);
    return t && btf_is_int(t) && t->size == 1 && !strcmp(name_of(btf, t->name_off), "char");
}

/* ---------------------------------------------------------------- texts */

/* Whether the bytes are a text, up to a NUL or all of them. */
static bool is_text(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n && p[i]; i++)
        if (!isprint(p[i]) && !isspace(p[i]) && p[i] < 0x80)
            return false;
    return n > 0;
}

static void put_text(struct text *t, const uint8_t *p, size_t n)
{
    text_add(t, "\"");
    size_t i = 0;
    for (; i < n && p[i]; i++)
        if (p[i] == '"' || p[i] == '\\')
            text_add(t, "\\%c", p[i]);
        else if (isprint(p[i]))
            text_add(t, "%c", p[i]);
        else
            text_add(t, "\\%03o", p[i]);
    text_add(t, i == TEXT_MAX ? "\"…" : "\"");
}

/* Adds the text at an address; false if there is none. */
static bool put_text_at(struct text *t, const struct types_memory *m, uint64_t address)
{
    uint8_t bytes[TEXT_MAX] = {0};
    const size_t n = address && m ? m->read(m->ctx, address, bytes, sizeof bytes) : 0;
    if (!is_text(bytes, n) || (n < sizeof bytes && !memchr(bytes, 0, n)))
        return false;
    put_text(t, bytes, n);
    return true;
}

/* ---------------------------------------------------------------- values */

static void put_enum(struct text *t, const struct btf *btf, const struct btf_type *e, uint64_t v)
{
    for (unsigned i = 0; i < btf_vlen(e); i++) {
        const bool wide = btf_is_enum64(e);
        const uint64_t its = wide ? btf_enum64_value(&btf_enum64(e)[i]) : (uint32_t)btf_enum(e)[i].val;
        if (its == (wide ? v : (uint32_t)v)) {
            text_add(t, "%s", name_of(btf, wide ? btf_enum64(e)[i].name_off : btf_enum(e)[i].name_off));
            return;
        }
    }
    text_add(t, "%" PRId64, (int64_t)v);
}

static uint64_t low_bytes(uint64_t v, unsigned size)
{
    return size < 8 ? v & (((uint64_t)1 << 8 * size) - 1) : v;
}

static void put_int(struct text *t, const struct btf_type *i, uint64_t v)
{
    const unsigned size = i->size < 8 ? i->size : 8, shift = 64 - 8 * size;
    v = low_bytes(v, size);
    if (btf_int_encoding(i) & BTF_INT_BOOL)
        text_add(t, v ? "true" : "false");
    else if (btf_int_encoding(i) & BTF_INT_SIGNED)
        text_add(t, "%" PRId64, (int64_t)(v << shift) >> shift);
    else
        text_add(t, v <= UINT32_MAX ? "%" PRIu64 : "0x%" PRIx64,
                 v); /* a larger one is an address, most likely */
}

/* Adds a structure's name: a text in it, or one to which it points. */
static void put_own_name(struct text *t, const struct btf *btf, uint32_t id, uint64_t address,
                         const struct types_memory *m)
{
    static const char *const names[] = {"comm", "filename", "name", "d_iname"};
    const struct btf_type *s = plain(btf, id, NULL);
    struct text own = {0};
    bool found = false;
    for (unsigned i = 0; s && btf_is_struct(s) && !found && i < sizeof names / sizeof names[0]; i++) {
        uint64_t offset, pointer = 0;
        const struct btf_member *its = btf_member_at(btf, id, names[i], strlen(names[i]), &offset);
        const struct btf_type *of = its ? plain(btf, its->type, NULL) : NULL;
        if (of && btf_is_array(of) && is_char(btf, btf_array(of)->type))
            found = put_text_at(&own, m, address + offset);
        else if (of && btf_is_ptr(of) && is_char(btf, of->type))
            found = m->read(m->ctx, address + offset, &pointer, 8) == 8 && put_text_at(&own, m, pointer);
    }
    if (found)
        text_add(t, " %s", own.s);
    free(own.s);
}

static void put_pointer(struct text *t, const struct btf *btf, const struct btf_type *p, uint64_t v,
                        const struct types_memory *m)
{
    if (!v) {
        text_add(t, "NULL");
        return;
    }
    if (m && is_char(btf, p->type) && put_text_at(t, m, v))
        return;
    text_add(t, "0x%" PRIx64, v);
    if (m)
        put_own_name(t, btf, p->type, v, m);
}

/* A value of at most 8 bytes. */
static void put_scalar(struct text *t, const struct btf *btf, uint32_t type, uint64_t v,
                       const struct types_memory *m)
{
    const struct btf_type *its = plain(btf, type, NULL);
    if (its && btf_is_ptr(its))
        put_pointer(t, btf, its, v, m);
    else if (its && btf_is_any_enum(its))
        put_enum(t, btf, its, v);
    else if (its && btf_is_int(its))
        put_int(t, its, v);
    else
        text_add(t, "0x%" PRIx64, v);
}

/* ---------------------------------------------------------------- arguments */

/* The number of a function's type among a table's own; 0: it has none. */
static uint32_t own_function(const struct kernel_types *k, size_t i, const char *name)
{
    const struct hash_index *x = &k->functions[i];
    for (struct hash_search s = hash_search(x, XXH3_64bits(name, strlen(name))); hash_found(x, &s);) {
        const struct btf_type *t = btf__type_by_id(k->btf[i], s.number);
        if (t && !strcmp(name_of(k->btf[i], t->name_off), name))
            return s.number;
    }
    return 0;
}

/* A module's table has the kernel's functions, too. */
static bool function_of(const struct kernel_types *k, size_t i, const char *name, struct types_function *f)
{
    const uint32_t own = own_function(k, i, name), id = own || !i ? own : own_function(k, 0, name);
    const struct btf_type *fn = id ? btf__type_by_id(k->btf[i], id) : NULL;
    const struct btf_type *proto = fn ? btf__type_by_id(k->btf[i], fn->type) : NULL;
    if (!proto || !btf_is_func_proto(proto))
        return false;
    *f = (struct types_function){i, fn->type};
    return true;
}

bool kernel_types_function(const struct kernel_types *k, const char *name, struct types_function *f)
{
    for (size_t i = 0; i < k->set.n; i++)
        if (function_of(k, i, name, f))
            return true;
    return false;
}

bool kernel_types_function_in(const struct kernel_types *k, const char *table, const char *name,
                              struct types_function *f)
{
    for (size_t i = 0; i < k->set.n; i++)
        if (!strcmp(k->list[i].table, table) && function_of(k, i, name, f))
            return true;
    return false;
}

/* Whether a parameter is a number whose bits matter, by its name. */
static bool is_bits(const struct btf *btf, const struct btf_param *p)
{
    const struct btf_type *t = plain(btf, p->type, NULL);
    const char *name = name_of(btf, p->name_off);
    return t && btf_is_int(t) && (strstr(name, "flags") || strstr(name, "mask"));
}

/* System V ABI, x86-64, 3.2.3: a structure of up to 16 bytes is in one or two registers, a larger one on the
 * stack. Arguments beyond the sixth register are not shown. */
int kernel_types_arguments(const struct kernel_types *k, const struct types_function *f,
                           const uint64_t reg[6], const struct types_memory *m, char *buf, size_t size)
{
    const struct btf *btf = k->btf[f->table];
    const struct btf_type *proto = btf__type_by_id(btf, f->proto);
    struct text t = {0};
    unsigned used = 0;
    text_add(&t, "(");
    for (unsigned i = 0; i < btf_vlen(proto); i++) {
        const struct btf_param *p = btf_params(proto) + i;
        const int64_t bytes = p->type ? btf__resolve_size(btf, p->type) : 0;
        const unsigned need = bytes > 8 ? 2 : 1;
        text_add(&t, "%s", i ? ", " : "");
        if (*name_of(btf, p->name_off))
            text_add(&t, "%s=", name_of(btf, p->name_off));
        if (!p->type || bytes > 16 || used + need > ARGUMENTS) {
            text_add(&t, "…");
            continue;
        }
        if (need == 1 && is_bits(btf, p))
            text_add(&t, "0x%" PRIx64, low_bytes(reg[used], (unsigned)bytes));
        else if (need == 1)
            put_scalar(&t, btf, p->type, reg[used], m);
        else
            text_add(&t, "{0x%" PRIx64 ", 0x%" PRIx64 "}", reg[used], reg[used + 1]);
        used += need;
    }
    text_add(&t, ")");
    const int n = snprintf(buf, size, "%s", t.s);
    free(t.s);
    return n;
}

/* ---------------------------------------------------------------- expressions */

/* What has been read of an expression. */
struct walk {
    const struct kernel_types *k;
    const struct btf *btf;
    const char *all, *at;
    uint64_t address;
    uint32_t type;
    uint64_t elements; /* of an array of `type` that BTF has no type for; 0: it is none */
    unsigned pointers; /* it is a pointer to `type` that BTF has no type for */
};

static void skip_blanks(struct walk *w)
{
    w->at += strspn(w->at, " \t");
}

static bool take(struct walk *w, const char *s)
{
    skip_blanks(w);
    const size_t n = strlen(s);
    if (strncmp(w->at, s, n))
        return false;
    w->at += n;
    return true;
}

static size_t word(struct walk *w)
{
    skip_blanks(w);
    size_t n = 0;
    while (isalnum((unsigned char)w->at[n]) || w->at[n] == '_')
        n++;
    return n;
}

static uint32_t named(const struct btf *btf, const char *name)
{
    static const uint32_t kinds[] = {BTF_KIND_STRUCT, BTF_KIND_UNION, BTF_KIND_ENUM, BTF_KIND_TYPEDEF,
                                     BTF_KIND_INT};
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const int32_t id = btf__find_by_name_kind(btf, name, kinds[i]);
        if (id > 0)
            return (uint32_t)id;
    }
    return 0;
}

/* (struct NAME *)ADDRESS, as often in parentheses as there are `(` before it. */
static bool take_cast(struct walk *w)
{
    char name[128];
    unsigned open = 0;
    for (; take(w, "("); open++)
        ;
    if (!open || !(take(w, "struct ") || take(w, "union ")))
        return false;
    const size_t n = word(w);
    snprintf(name, sizeof name, "%.*s", (int)n, w->at);
    w->at += n;
    char *end;
    if (!take(w, "*") || !take(w, ")"))
        return false;
    skip_blanks(w);
    w->address = strtoull(w->at, &end, 0);
    if (end == w->at)
        return false;
    for (w->at = end; open > 1 && take(w, ")"); open--)
        ;
    w->type = named(w->btf, name);
    return w->type && open == 1;
}

/* The type of a variable: as BTF says, or the table of well-known ones. */
static bool type_of_variable(struct walk *w, const char *name, const struct symbol *sym)
{
    const int32_t id = btf__find_by_name_kind(w->btf, name, BTF_KIND_VAR);
    if (id > 0) {
        w->type = btf__type_by_id(w->btf, (uint32_t)id)->type;
        return true;
    }
    for (const struct kernel_global *g = kernel_globals; g->name; g++) {
        if (strcmp(g->name, name) || !(w->type = named(w->btf, g->type)))
            continue;
        const int64_t size = btf__resolve_size(w->btf, w->type);
        w->pointers = g->form == GLOBAL_POINTER || g->form == GLOBAL_POINTERS;
        const uint64_t each = w->pointers ? 8 : size > 0 ? (uint64_t)size : 1;
        w->elements = g->form == GLOBAL_ARRAY || g->form == GLOBAL_POINTERS ? sym->size / each : 0;
        return sym->size >= each;
    }
    return false;
}

static bool take_variable(struct walk *w, const struct symbols *s)
{
    char name[256];
    struct symbol sym;
    const size_t n = word(w);
    if (!n || n >= sizeof name)
        return false;
    memcpy(name, w->at, n);
    name[n] = 0;
    if (!symbols_find_in(s, w->k->set.space, name, SYMBOLS_NOW, &sym) || !type_of_variable(w, name, &sym))
        return false;
    w->at += n;
    w->address = sym.address;
    return true;
}

static int64_t size_of(const struct walk *w)
{
    const int64_t one = w->pointers ? 8 : btf__resolve_size(w->btf, w->type);
    return w->elements ? (int64_t)w->elements * one : one;
}

static int take_member(struct walk *w, struct error *err)
{
    uint64_t offset;
    const size_t n = word(w);
    const struct btf_type *t = plain(w->btf, w->type, NULL);
    if (w->pointers || (t && btf_is_ptr(t)))
        return error_set(
            err,
            "\"%.100s\": the pointer before \"%.40s\" has another value at each position: give (struct TYPE *)ADDRESS instead",
            w->all, w->at);
    const struct btf_member *m = n && !w->elements ? btf_member_at(w->btf, w->type, w->at, n, &offset) : NULL;
    if (!m)
        return error_set(err, "\"%.100s\": there is no member \"%.*s\" that can be looked at%s%.60s", w->all,
                         (int)n, w->at, t && t->name_off && btf_is_composite(t) ? " in struct " : "",
                         t && btf_is_composite(t) ? name_of(w->btf, t->name_off) : "");
    w->at += n;
    w->address += offset;
    w->type = m->type;
    return 1;
}

static int take_index(struct walk *w, struct error *err)
{
    char *end;
    skip_blanks(w);
    const uint64_t i = strtoull(w->at, &end, 0);
    const struct btf_type *t = w->elements ? NULL : plain(w->btf, w->type, NULL);
    const bool array = t && btf_is_array(t);
    const uint64_t n = w->elements ? w->elements : array ? btf_array(t)->nelems : 0;
    const bool good = end != w->at && i < n;
    w->at = end;
    if (!good || !take(w, "]"))
        return error_set(err,
                         "\"%.100s\": an index must be a number below %" PRIu64 ", the length of the array",
                         w->all, n);
    w->elements = 0;
    if (array)
        w->type = btf_array(t)->type;
    const int64_t size = size_of(w);
    w->address += i * (uint64_t)(size > 0 ? size : 0);
    return 1;
}

int kernel_types_place(const struct kernel_types *k, const struct symbols *s, const char *expression,
                       struct types_place *p, struct error *err)
{
    struct walk w = {.k = k, .all = expression, .at = expression};
    int rc = 1;
    if (!k->set.n)
        return 0;
    w.btf = k->btf[0];
    skip_blanks(&w);
    if (*w.at == '(' ? !take_cast(&w) : !take_variable(&w, s))
        return 0;
    while (rc == 1 && (skip_blanks(&w), *w.at)) {
        if (take(&w, "->") || take(&w, "."))
            rc = take_member(&w, err);
        else if (take(&w, "["))
            rc = take_index(&w, err);
        else
            return error_set(err, "\"%.100s\": \"%.40s\" is no .MEMBER, ->MEMBER or [INDEX]", expression,
                             w.at);
    }
    const int64_t size = rc == 1 ? size_of(&w) : 0;
    if (rc == 1 && size <= 0)
        return error_set(err, "\"%.100s\" has no size", expression);
    *p = (struct types_place){
        .address = w.address, .size = (uint64_t)size, .type = w.pointers || w.elements ? 0 : w.type};
    return rc;
}

int kernel_types_value(const struct kernel_types *k, const struct types_place *p, const void *bytes, size_t n,
                       char *buf, size_t size)
{
    const struct btf *btf = k->btf[p->table];
    const struct btf_type *t = plain(btf, p->type, NULL);
    struct text out = {0};
    uint64_t v = 0;
    if (t && btf_is_array(t) && is_char(btf, btf_array(t)->type) && is_text(bytes, n))
        put_text(&out, bytes, n);
    else if (t && p->size <= 8 && n >= p->size && !btf_is_composite(t) && !btf_is_array(t)) {
        memcpy(&v, bytes, (size_t)p->size);
        put_scalar(&out, btf, p->type, v, NULL);
    }
    const int length = out.s ? snprintf(buf, size, "%s", out.s) : 0;
    free(out.s);
    return length;
}

/* ---------------------------------------------------------------- structures, member by member */

/* Adds the name of a type, as C writes it; for a pointer to a function, only that it is one. */
static void put_type(struct text *t, const struct btf *btf, uint32_t id, unsigned depth)
{
    const struct btf_type *type = id ? btf__type_by_id(btf, id) : NULL;
    if (!type || depth > DEPTH) {
        text_add(t, type ? "…" : "void");
    } else if (btf_is_ptr(type)) {
        const struct btf_type *to = type->type ? btf__type_by_id(btf, type->type) : NULL;
        put_type(t, btf, type->type, depth + 1);
        text_add(t, "%s", t->s[strlen(t->s) - 1] == '*' ? "*" : to && btf_is_func_proto(to) ? "" : " *");
    } else if (btf_is_array(type)) {
        put_type(t, btf, btf_array(type)->type, depth + 1);
        text_add(t, " [%u]", btf_array(type)->nelems);
    } else if (btf_is_func_proto(type)) {
        put_type(t, btf, type->type, depth + 1);
        text_add(t, " (*)(…)");
    } else if (*name_of(btf, type->name_off)) {
        const char *kind = btf_is_struct(type)          ? "struct "
                           : btf_is_union(type)         ? "union "
                           : btf_is_any_enum(type)      ? "enum "
                           : !btf_is_fwd(type)          ? ""
                           : BTF_INFO_KFLAG(type->info) ? "union "
                                                        : "struct ";
        text_add(t, "%s%s", kind, name_of(btf, type->name_off));
    } else if (btf_is_mod(type)) {
        text_add(t, btf_is_const(type) ? "const " : btf_is_volatile(type) ? "volatile " : "");
        put_type(t, btf, type->type, depth + 1);
    } else {
        text_add(t, btf_is_struct(type) ? "struct {…}" : btf_is_union(type) ? "union {…}" : "enum {…}");
    }
}

int kernel_types_name(const struct kernel_types *k, const struct types_place *p, char *buf, size_t size)
{
    struct text t = {0};
    put_type(&t, k->btf[p->table], p->type, 0);
    const int n = snprintf(buf, size, "%s", t.s ? t.s : "");
    free(t.s);
    return n;
}

struct listing {
    const struct kernel_types *k;
    const struct btf *btf;
    const struct types_place *whole;
    void (*fn)(void *ctx, const struct types_part *part);
    void *ctx;
    size_t n;
};

static void list_part(struct listing *l, const char *name, uint64_t address, uint32_t type, unsigned shift,
                      unsigned bits)
{
    const int64_t size = btf__resolve_size(l->btf, type);
    struct types_part part = {.place = {address, size > 0 ? (uint64_t)size : 0, l->whole->table, type},
                              .shift = shift,
                              .bits = bits};
    snprintf(part.name, sizeof part.name, "%s", name);
    kernel_types_name(l->k, &part.place, part.type, sizeof part.type);
    l->fn(l->ctx, &part);
    l->n++;
}

/* Lists the members of a structure, and of anonymous structures in it. */
static void list_members(struct listing *l, const struct btf_type *t, uint64_t address, unsigned depth)
{
    for (unsigned i = 0; i < btf_vlen(t) && l->n < TYPES_PARTS_MAX && depth < DEPTH; i++) {
        const struct btf_member *m = btf_members(t) + i;
        const struct btf_type *inner = plain(l->btf, m->type, NULL);
        const unsigned bits = btf_member_bitfield_size(t, i), at = btf_member_bit_offset(t, i);
        if (!m->name_off && inner && btf_is_composite(inner))
            list_members(l, inner, address + at / 8, depth + 1);
        else
            list_part(l, name_of(l->btf, m->name_off), address + at / 8, m->type, at % 8, bits);
    }
}

static void list_elements(struct listing *l, const struct btf_array *a)
{
    char name[24];
    const int64_t each = btf__resolve_size(l->btf, a->type);
    for (uint32_t i = 0; i < a->nelems && l->n < TYPES_PARTS_MAX && each >= 0; i++) {
        snprintf(name, sizeof name, "[%u]", i);
        list_part(l, name, l->whole->address + i * (uint64_t)each, a->type, 0, 0);
    }
}

size_t kernel_types_parts(const struct kernel_types *k, const struct types_place *p,
                          void (*fn)(void *ctx, const struct types_part *part), void *ctx)
{
    struct listing l = {k, k->btf[p->table], p, fn, ctx, 0};
    const struct btf_type *t = plain(l.btf, p->type, NULL);
    if (t && btf_is_composite(t))
        list_members(&l, t, p->address, 0);
    else if (t && btf_is_array(t))
        list_elements(&l, btf_array(t));
    else if (t)
        list_part(&l, "", p->address, p->type, 0, 0);
    return l.n;
}

/* The type of the only member of a structure, such as atomic_t, refcount_t and kuid_t; otherwise the type
 * itself. */
static const struct btf_type *only_member(const struct btf *btf, uint32_t *id)
{
    const struct btf_type *t = plain(btf, *id, id);
    for (unsigned d = 0; d < DEPTH && t && btf_is_composite(t) && btf_vlen(t) == 1; d++)
        t = plain(btf, btf_members(t)->type, id);
    return t;
}

static bool is_list(const struct btf *btf, const struct btf_type *t)
{
    static const char *const names[] = {"list_head", "hlist_node", "hlist_head", "llist_node", "llist_head"};
    for (unsigned i = 0; t && btf_is_struct(t) && i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(name_of(btf, t->name_off), names[i]))
            return true;
    return false;
}

static bool read_scalar(const struct types_part *part, const struct types_memory *m, uint64_t *v)
{
    const unsigned n = part->bits ? (part->shift + part->bits + 7) / 8 : (unsigned)part->place.size;
    uint8_t bytes[9] = {0};
    uint64_t all = 0;
    if (n > 8 || m->read(m->ctx, part->place.address, bytes, n) != n)
        return false;
    memcpy(&all, bytes, 8);
    *v = part->bits && part->bits < 64 ? all >> part->shift & (((uint64_t)1 << part->bits) - 1) : all;
    return true;
}

/* Adds the first elements of an array of numbers. */
static void put_elements(struct text *t, const struct btf *btf, const struct types_place *p,
                         const struct btf_array *a, const struct types_memory *m)
{
    enum { SHOWN = 8 };
    uint32_t type = a->type;
    const struct btf_type *e = only_member(btf, &type);
    const int64_t each = btf__resolve_size(btf, a->type);
    if (!e || btf_is_composite(e) || btf_is_array(e) || each <= 0 || each > 8) {
        text_add(t, "{…}");
        return;
    }
    text_add(t, "{");
    for (uint32_t i = 0; i < a->nelems && i < SHOWN; i++) {
        uint64_t v = 0;
        m->read(m->ctx, p->address + i * (uint64_t)each, &v, (size_t)each);
        text_add(t, i ? ", " : "");
        put_scalar(t, btf, type, v, NULL);
    }
    text_add(t, a->nelems > SHOWN ? ", …}" : "}");
}

static void put_part(struct text *out, const struct btf *btf, const struct types_part *part,
                     const struct types_memory *m)
{
    const struct types_place *p = &part->place;
    uint32_t type = p->type;
    const struct btf_type *t = plain(btf, type, NULL), *only = only_member(btf, &type);
    uint8_t bytes[TEXT_MAX];
    uint64_t v;
    size_t n = p->size < sizeof bytes ? (size_t)p->size : sizeof bytes;
    if (!t || (p->size && m->read(m->ctx, p->address, bytes, 1) != 1))
        text_add(out, "cannot be read here");
    else if (is_list(btf, t))
        text_add(out,
                 m->read(m->ctx, p->address, &v, 8) != 8 ? "cannot be read here"
                 : !v || v == p->address                 ? "empty"
                                                         : "→ 0x%" PRIx64,
                 v);
    else if (btf_is_array(t) && is_char(btf, btf_array(t)->type) &&
             m->read(m->ctx, p->address, bytes, n) == n && is_text(bytes, n))
        put_text(out, bytes, n);
    else if (btf_is_array(t))
        put_elements(out, btf, p, btf_array(t), m);
    else if (!only || btf_is_composite(only) || btf_is_array(only))
        text_add(out, "{…}");
    else if (read_scalar(part, m, &v))
        put_scalar(out, btf, type, v, m);
    else
        text_add(out, "cannot be read here");
}

int kernel_types_part_value(const struct kernel_types *k, const struct types_part *part,
                            const struct types_memory *m, char *buf, size_t size)
{
    struct text out = {0};
    put_part(&out, k->btf[part->place.table], part, m);
    const int n = snprintf(buf, size, "%s", out.s ? out.s : "");
    free(out.s);
    return n;
}

/* ---------------------------------------------------------------- where pointers and lists lead */

/* Heads of lists, and what is in these lists, which BTF does not tell. Any other list is taken to be of
 * structures of the type that it is in. */
static const struct list_of {
    const char *structure, *head, *entry, *member;
} lists_of[] = {
    {"task_struct", "children", "task_struct", "sibling"},
    {"task_struct", "ptraced", "task_struct", "ptrace_entry"},
    {"signal_struct", "thread_head", "task_struct", "thread_node"},
    {"super_block", "s_inodes", "inode", "i_sb_list"},
    {"super_block", "s_mounts", "mount", "mnt_instance"},
    {"file_system_type", "fs_supers", "super_block", "s_instances"},
    {"inode", "i_dentry", "dentry", "d_u"},
    {"dentry", "d_subdirs", "dentry", "d_child"},
    {"dentry", "d_children", "dentry", "d_sib"},
    {"mount", "mnt_mounts", "mount", "mnt_child"},
    {"module", "source_list", "module_use", "source_list"},
    {"module", "target_list", "module_use", "target_list"},
};

static bool place_of(const struct btf *btf, uint64_t address, uint32_t type, struct types_place *to)
{
    const int64_t size = type ? btf__resolve_size(btf, type) : 0;
    to->address = address;
    to->type = type;
    to->size = size > 0 ? (uint64_t)size : 0;
    return size > 0;
}

/* container_of() of a list's next entry. */
static bool next_of(const struct kernel_types *k, const struct types_place *whole,
                    const struct types_part *part, uint64_t next, struct types_place *to)
{
    const struct btf *btf = k->btf[whole->table];
    const struct btf_type *t = plain(btf, whole->type, NULL);
    uint64_t offset;
    for (size_t i = 0; t && i < sizeof lists_of / sizeof lists_of[0]; i++) {
        const struct list_of *l = &lists_of[i];
        const uint32_t entry = named(btf, l->entry);
        if (!strcmp(name_of(btf, t->name_off), l->structure) && !strcmp(part->name, l->head) && entry &&
            btf_member_at(btf, entry, l->member, strlen(l->member), &offset))
            return place_of(btf, next - offset, entry, to);
    }
    if (!t || !btf_is_struct(t))
        return false;
    return place_of(btf, next - (part->place.address - whole->address), whole->type, to);
}

bool kernel_types_follow(const struct kernel_types *k, const struct types_place *whole,
                         const struct types_part *part, const struct types_memory *m, struct types_place *to)
{
    const struct btf *btf = k->btf[part->place.table];
    const struct btf_type *t = plain(btf, part->place.type, NULL);
    uint64_t v = 0;
    *to = part->place;
    if (!t || part->bits)
        return false;
    if (is_list(btf, t))
        return m->read(m->ctx, part->place.address, &v, 8) == 8 && v && v != part->place.address &&
               next_of(k, whole, part, v, to);
    if (btf_is_composite(t) || btf_is_array(t))
        return true;
    if (!btf_is_ptr(t) || m->read(m->ctx, part->place.address, &v, 8) != 8 || !v)
        return false;
    const struct btf_type *of = plain(btf, t->type, NULL);
    return of && !btf_is_func_proto(of) && !btf_is_fwd(of) && place_of(btf, v, t->type, to);
}
