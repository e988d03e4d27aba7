/* types_written.c - the parser's part for types: casts, struct and enum declarations. See private/ast.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/ask/private/ast.h"

enum { FIELDS_MOST = 4096, SIZE_MOST = 1 << 28, STRUCT_DEEP = 32 };

/* ---------------------------------------------------------------- names of numbers */

static const struct {
    const char *name;
    unsigned size;
    bool is_signed, is_char;
} numbers[] = {
    {"int8", 1, true, false},      {"int16", 2, true, false},     {"int32", 4, true, false},
    {"int64", 8, true, false},     {"uint8", 1, false, false},    {"uint16", 2, false, false},
    {"uint32", 4, false, false},   {"uint64", 8, false, false},   {"int8_t", 1, true, false},
    {"int16_t", 2, true, false},   {"int32_t", 4, true, false},   {"int64_t", 8, true, false},
    {"uint8_t", 1, false, false},  {"uint16_t", 2, false, false}, {"uint32_t", 4, false, false},
    {"uint64_t", 8, false, false}, {"u8", 1, false, false},       {"u16", 2, false, false},
    {"u32", 4, false, false},      {"u64", 8, false, false},      {"s8", 1, true, false},
    {"s16", 2, true, false},       {"s32", 4, true, false},       {"s64", 8, true, false},
    {"__u8", 1, false, false},     {"__u16", 2, false, false},    {"__u32", 4, false, false},
    {"__u64", 8, false, false},    {"__s32", 4, true, false},     {"__s64", 8, true, false},
    {"bool", 1, false, false},     {"_Bool", 1, false, false},    {"size_t", 8, false, false},
    {"ssize_t", 8, true, false},   {"pid_t", 4, true, false},     {"uintptr_t", 8, false, false},
    {"__be16", 2, false, false},   {"__be32", 4, false, false},   {"sector_t", 8, false, false},
};

/* The words of which C makes types. */
static const char *const c_words[] = {"unsigned", "signed", "long",  "short",   "int",
                                      "char",     "void",   "const", "volatile"};

static bool is_c_word(const char *name)
{
    for (size_t i = 0; i < sizeof c_words / sizeof c_words[0]; i++)
        if (!strcmp(c_words[i], name))
            return true;
    return false;
}

static long number_named(const char *name)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (!strcmp(numbers[i].name, name))
            return (long)i;
    return -1;
}

static bool is_composite(const char *name)
{
    return !strcmp(name, "struct") || !strcmp(name, "union") || !strcmp(name, "enum");
}

bool ask_is_type(const struct ask_lexed *t)
{
    return t->kind == T_NAME && (is_composite(t->text) || is_c_word(t->text) || number_named(t->text) >= 0);
}

/* ---------------------------------------------------------------- types */

static int c_type(struct ask_parser *s, struct ask_written *w)
{
    unsigned longs = 0, shorts = 0, chars = 0, voids = 0, unsigneds = 0, others = 0;
    while (s->now.kind == T_NAME && is_c_word(s->now.text)) {
        const char *t = s->now.text;
        longs += !strcmp(t, "long");
        shorts += !strcmp(t, "short");
        chars += !strcmp(t, "char");
        voids += !strcmp(t, "void");
        unsigneds += !strcmp(t, "unsigned");
        others += !strcmp(t, "int") || !strcmp(t, "signed");
        if (ask_take(s) < 0)
            return -1;
    }
    if (!(longs + shorts + chars + voids + unsigneds + others)) /* const struct … */
        return ask_parse_type(s, w);
    w->base = voids ? BASE_VOID : BASE_INT;
    w->size = voids ? 0 : chars ? 1 : shorts ? 2 : longs ? 8 : 4;
    w->is_signed = !unsigneds;
    w->is_char = chars && !unsigneds;
    return 0;
}

static int composite_type(struct ask_parser *s, struct ask_written *w)
{
    w->base = *s->now.text == 's' ? BASE_STRUCT : *s->now.text == 'u' ? BASE_UNION : BASE_ENUM;
    if (ask_take(s) < 0)
        return -1;
    if (s->now.kind != T_NAME)
        return ask_bad(s, "expected the name of a type");
    w->name = s->now.text;
    return ask_take(s) < 0 ? -1 : 0;
}

static int named_type(struct ask_parser *s, struct ask_written *w)
{
    const long i = number_named(s->now.text);
    if (i >= 0)
        *w = (struct ask_written){
            .base = BASE_INT, .size = numbers[i].size, .is_signed = numbers[i].is_signed};
    else
        *w = (struct ask_written){.base = BASE_NAME, .name = s->now.text};
    return ask_take(s) < 0 ? -1 : 0;
}

/* [N] behind a type or a field's name. */
static int counts(struct ask_parser *s, struct ask_written *w)
{
    while (s->now.kind == '[') {
        if (w->ncounts == sizeof w->counts / sizeof w->counts[0])
            return ask_bad(s, "an array of more than %u dimensions", w->ncounts);
        if (ask_take(s) < 0)
            return -1;
        w->counts[w->ncounts++] = s->now.kind == T_INTEGER ? s->now.number : 0;
        if (s->now.kind == T_INTEGER && ask_take(s) < 0)
            return -1;
        if (w->counts[w->ncounts - 1] > SIZE_MOST)
            return ask_bad(s, "an array of that many elements is too large");
        if (ask_expect(s, ']', "a number and ]"))
            return -1;
    }
    return 0;
}

static int pointers(struct ask_parser *s, struct ask_written *w)
{
    while (s->now.kind == '*' || (s->now.kind == T_NAME && !strcmp(s->now.text, "const"))) {
        w->pointers += s->now.kind == '*';
        if (ask_take(s) < 0)
            return -1;
    }
    return 0;
}

int ask_parse_type(struct ask_parser *s, struct ask_written *w)
{
    if (s->now.kind != T_NAME)
        return ask_bad(s, "expected a type");
    const int rc = is_composite(s->now.text) ? composite_type(s, w)
                   : is_c_word(s->now.text)  ? c_type(s, w)
                                             : named_type(s, w);
    return rc || pointers(s, w) || counts(s, w) ? -1 : 0;
}

/* ---------------------------------------------------------------- structures */

const struct ask_struct *ask_structure(const struct ask_program *p, const char *name)
{
    for (size_t i = 0; i < p->nstructures; i++)
        if (*p->structure[i]->name && !strcmp(p->structure[i]->name, name))
            return p->structure[i];
    return NULL;
}

static int layout(struct ask_parser *s, struct ask_field *f, uint64_t *size, unsigned *align)
{
    const struct ask_written *w = &f->type;
    const struct ask_struct *inner = f->inner ? f->inner
                                     : w->base == BASE_STRUCT || w->base == BASE_UNION
                                         ? ask_structure(s->p, w->name)
                                         : NULL;
    *size = w->base == BASE_INT ? w->size : w->base == BASE_ENUM ? 4 : inner ? inner->size : 0;
    *align = inner ? inner->align : (unsigned)*size;
    if (w->pointers)
        *size = *align = 8;
    if (!*align)
        return ask_bad(
            s, "%s%s: the size of this type is not known here: declare it before, or use a pointer to it",
            w->base == BASE_STRUCT ? "struct " : "", w->name ? w->name : "void");
    for (unsigned i = 0; i < w->ncounts; i++)
        if ((*size *= w->counts[i]) > SIZE_MOST)
            return ask_bad(s, "the structure is too large");
    return 0;
}

static int place(struct ask_parser *s, struct ask_struct *st, struct ask_field *f, uint64_t *at)
{
    uint64_t size;
    unsigned align;
    if (layout(s, f, &size, &align))
        return -1;
    const uint64_t unit = (uint64_t)align * 8;
    if (st->is_union)
        *at = 0;
    if (!f->bits || *at / unit != (*at + f->bits - 1) / unit)
        *at = (*at + unit - 1) / unit * unit;
    f->offset = *at;
    *at += f->bits ? f->bits : size * 8;
    st->align = align > st->align ? align : st->align;
    const uint64_t end = (*at + 7) / 8;
    st->size = end > st->size ? end : st->size;
    if (st->size > SIZE_MOST)
        return ask_bad(s, "the structure is too large");
    if (st->n == FIELDS_MOST)
        return ask_bad(s, "a structure of more than %d members", FIELDS_MOST);
    struct ask_field *more = ask_own(s->p, (st->n + 1) * sizeof *more);
    if (st->n)
        memcpy(more, st->field, st->n * sizeof *more);
    st->field = more;
    st->field[st->n++] = *f;
    return 0;
}

static int fields(struct ask_parser *s, struct ask_struct *st);

/* struct { … } name; in a structure. */
static int inner_struct(struct ask_parser *s, struct ask_field *f)
{
    struct ask_struct *inner = ask_own(s->p, sizeof *inner);
    *inner = (struct ask_struct){.name = "", .is_union = *s->now.text == 'u'};
    f->type.base = inner->is_union ? BASE_UNION : BASE_STRUCT;
    f->type.name = "";
    f->inner = inner;
    if (ask_take(s) < 0)
        return -1;
    if (s->now.kind == T_NAME) {
        inner->name = s->now.text;
        if (ask_take(s) < 0)
            return -1;
    }
    if (s->depth > STRUCT_DEEP)
        return ask_bad(s, "structures more than %d deep in each other", STRUCT_DEEP);
    s->depth++;
    const int rc = fields(s, inner) || ask_take(s) < 0 ? -1 : 0;
    s->depth--;
    MEM_MORE(s->p->structure, s->p->nstructures);
    s->p->structure[s->p->nstructures++] = inner;
    return rc;
}

static int begins_inner(struct ask_parser *s, bool *yes)
{
    struct ask_lexed t;
    *yes = false;
    if (s->now.kind != T_NAME || (strcmp(s->now.text, "struct") && strcmp(s->now.text, "union")))
        return 0;
    if (ask_peek(s, &t) < 0)
        return -1;
    *yes = t.kind == '{';
    return 0;
}

static int declarator(struct ask_parser *s, struct ask_struct *st, const struct ask_field *base, uint64_t *at)
{
    struct ask_field f = *base;
    f.name = "";
    if (pointers(s, &f.type))
        return -1;
    if (s->now.kind == T_NAME) {
        f.name = s->now.text;
        if (ask_take(s) < 0)
            return -1;
    } else if (!f.inner) {
        return ask_bad(s, "expected a member's name");
    }
    if (counts(s, &f.type))
        return -1;
    if (s->now.kind == ':') {
        if (ask_take(s) < 0)
            return -1;
        if (s->now.kind != T_INTEGER || !s->now.number || s->now.number > 64)
            return ask_bad(s, "expected the number of bits");
        f.bits = (unsigned)s->now.number;
        if (ask_take(s) < 0)
            return -1;
    }
    return place(s, st, &f, at);
}

/* Up to the closing brace, which stays: what follows a declaration is read in another way. */
static int fields(struct ask_parser *s, struct ask_struct *st)
{
    uint64_t at = 0;
    if (ask_expect(s, '{', "{"))
        return -1;
    while (s->now.kind != '}') {
        struct ask_field base = {.name = ""};
        bool inner;
        if (begins_inner(s, &inner) || (inner ? inner_struct(s, &base) : ask_parse_type(s, &base.type)))
            return -1;
        if (declarator(s, st, &base, &at))
            return -1;
        while (s->now.kind == ',')
            if (ask_take(s) < 0 || declarator(s, st, &base, &at))
                return -1;
        if (ask_expect(s, ';', "; behind a member"))
            return -1;
    }
    if (st->align)
        st->size = (st->size + st->align - 1) / st->align * st->align;
    return 0;
}

int ask_parse_struct(struct ask_parser *s)
{
    struct ask_struct *st = ask_own(s->p, sizeof *st);
    *st = (struct ask_struct){.is_union = *s->now.text == 'u'};
    if (ask_take(s) < 0)
        return -1;
    if (s->now.kind != T_NAME)
        return ask_bad(s, "expected the name of the structure");
    st->name = s->now.text;
    if (ask_take(s) < 0)
        return -1;
    if (s->now.kind == ';') /* known to the guest */
        return 0;
    if (fields(s, st))
        return -1;
    MEM_MORE(s->p->structure, s->p->nstructures);
    s->p->structure[s->p->nstructures++] = st;
    return 0;
}

int ask_parse_enum(struct ask_parser *s)
{
    int64_t value = 0;
    if (ask_take(s) < 0 || (s->now.kind == T_NAME && ask_take(s) < 0) || ask_expect(s, '{', "{"))
        return -1;
    while (s->now.kind != '}') {
        if (s->now.kind != T_NAME)
            return ask_bad(s, "expected a constant's name");
        const char *name = s->now.text;
        if (ask_take(s) < 0)
            return -1;
        if (s->now.kind == '=') {
            if (ask_take(s) < 0)
                return -1;
            const bool minus = s->now.kind == '-';
            if (minus && ask_take(s) < 0)
                return -1;
            if (s->now.kind != T_INTEGER)
                return ask_bad(s, "expected a number");
            value = minus ? -(int64_t)s->now.number : (int64_t)s->now.number;
            if (ask_take(s) < 0)
                return -1;
        }
        MEM_MORE(s->p->constant, s->p->nconstants);
        s->p->constant[s->p->nconstants++] = (struct ask_constant){name, value++};
        if (s->now.kind == ',' && ask_take(s) < 0)
            return -1;
    }
    return 0;
}
