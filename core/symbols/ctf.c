/* ctf.c - see ctf.h. Source: FreeBSD's ctf(5) and sys/ctf.h.
 *
 * A header, then, perhaps compressed by zlib: labels, objects, functions, types, strings. Types have numbers
 * from 1 on, in their order; each has a name, its kind with the number of its parts, and its size or the type
 * that it refers to, then its parts. Version 3 has wider fields than version 2.
 */
#include "core/symbols/private/ctf.h"

#include <string.h>
#include <zlib.h>

#include "base/memory.h"

enum { MAGIC = 0xcff1, COMPRESSED = 1, HEADER = 36, PLAIN_MAX = 128 << 20, DEPTH = 16, BUDGET = 1 << 16 };
enum kind {
    K_UNKNOWN,
    K_INTEGER,
    K_FLOAT,
    K_POINTER,
    K_ARRAY,
    K_FUNCTION,
    K_STRUCT,
    K_UNION,
    K_ENUM,
    K_FORWARD,
    K_TYPEDEF,
    K_VOLATILE,
    K_CONST,
    K_RESTRICT,
    KINDS
};

/* What the versions differ in. */
struct format {
    unsigned width; /* bytes of a type's number, of its kind and of its size */
    unsigned kind_shift;
    uint32_t parts_mask;
    uint32_t long_size; /* instead of the size: the size follows, as two words */
    uint64_t large;     /* members of structures of this size have longer offsets */
    unsigned member;    /* bytes of a member of other structures */
};
static const struct format formats[] = {{2, 11, 0x3ff, 0xffff, 8192, 8},
                                        {4, 26, 0x1ffffff, 0xffffffff, 536870912, 12}};

struct ctf {
    const struct format *f;
    const uint8_t *types, *strings;
    size_t types_size, strings_size;
    const char *names;
    size_t names_size;
    unsigned word;
    uint32_t *at; /* where each type begins in `types`, by its number */
    size_t n;
    unsigned budget; /* how many members are still examined */
};

struct type {
    uint32_t name, kind, parts, to;
    uint64_t size;
    size_t body; /* where its parts are */
};

static uint32_t get(const uint8_t *p, unsigned n)
{
    uint32_t v = 0;
    memcpy(&v, p, n);
    return v;
}

/* ---------------------------------------------------------------- types */

/* A word of the types; 0 beyond their end. */
static uint32_t word_at(const struct ctf *c, size_t at, unsigned n)
{
    return at <= c->types_size && n <= c->types_size - at ? get(c->types + at, n) : 0;
}

static uint64_t part_size(const struct ctf *c, const struct type *t)
{
    const unsigned w = c->f->width;
    switch (t->kind) {
    case K_INTEGER:
    case K_FLOAT:
        return 4;
    case K_ARRAY:
        return 2 * w + 4;
    case K_FUNCTION: /* narrow ones are padded to words */
        return (uint64_t)w * (w == 2 ? t->parts + (t->parts & 1) : t->parts);
    case K_STRUCT:
    case K_UNION:
        return (uint64_t)t->parts * (t->size < c->f->large ? c->f->member : 16);
    case K_ENUM:
        return (uint64_t)t->parts * 8;
    default:
        return 0;
    }
}

/* The type that begins there. Returns its length, or 0 if it is damaged. */
static size_t type_at(const struct ctf *c, size_t at, struct type *t)
{
    const struct format *f = c->f;
    size_t head = 4 + 2 * (size_t)f->width;
    if (c->types_size - at < head)
        return 0;
    const uint32_t info = word_at(c, at + 4, f->width), size = word_at(c, at + 4 + f->width, f->width);
    *t = (struct type){word_at(c, at, 4), info >> f->kind_shift, info & f->parts_mask, size, size, at + head};
    if (size == f->long_size) {
        t->size = (uint64_t)word_at(c, at + head, 4) << 32 | word_at(c, at + head + 4, 4);
        head += 8;
        t->body = at + head;
    }
    const uint64_t body = part_size(c, t);
    return t->kind < KINDS && head <= c->types_size - at && body <= c->types_size - at - head
               ? head + (size_t)body
               : 0;
}

static int find_types(struct ctf *c, struct error *err)
{
    struct type t;
    size_t cap = 0, n;
    c->at = mem_grow(NULL, &cap, 1, sizeof *c->at);
    c->at[0] = 0;
    c->n = 1;
    for (size_t at = 0; at < c->types_size; at += n) {
        n = type_at(c, at, &t);
        if (!n)
            return error_set(err, "its type %zu is damaged", c->n);
        c->at = mem_grow(c->at, &cap, c->n + 1, sizeof *c->at);
        c->at[c->n++] = (uint32_t)at;
    }
    return 0;
}

static bool numbered(const struct ctf *c, uint32_t number, struct type *t)
{
    return number && number < c->n && type_at(c, c->at[number], t);
}

/* The name at that offset; "" if there is none. */
static const char *name_of(const struct ctf *c, uint32_t name)
{
    const bool outside = name >> 31;
    const char *from = outside ? c->names : (const char *)c->strings;
    const size_t size = outside ? c->names_size : c->strings_size, at = name & 0x7fffffff;
    return from && at < size && memchr(from + at, 0, size - at) ? from + at : "";
}

/* The size of a type in bytes; 0 if not known. */
static uint64_t size_of(const struct ctf *c, uint32_t number)
{
    uint64_t times = 1;
    struct type t;
    for (unsigned i = 0; i < DEPTH && numbered(c, number, &t); i++)
        switch (t.kind) {
        case K_INTEGER:
        case K_FLOAT:
        case K_STRUCT:
        case K_UNION:
        case K_ENUM:
            return times * t.size;
        case K_POINTER:
            return times * c->word;
        case K_ARRAY:
            times *= word_at(c, t.body + 2 * c->f->width, 4);
            number = word_at(c, t.body, c->f->width);
            break;
        case K_TYPEDEF:
        case K_VOLATILE:
        case K_CONST:
        case K_RESTRICT:
            number = t.to;
            break;
        default:
            return 0;
        }
    return 0;
}

/* ---------------------------------------------------------------- members */

struct member {
    uint32_t name, type;
    uint64_t offset; /* in bits */
};

static struct member member_of(const struct ctf *c, const struct type *t, uint32_t i)
{
    const struct format *f = c->f;
    const bool large = t->size >= f->large;
    const size_t at = t->body + (size_t)i * (large ? 16 : f->member);
    struct member m = {word_at(c, at, 4), word_at(c, at + 4, f->width), 0};
    m.offset = large ? (uint64_t)word_at(c, at + 8, 4) << 32 | word_at(c, at + 12, 4)
                     : word_at(c, at + 4 + f->width, f->width);
    return m;
}

struct wish {
    const char *structure;
    ctf_member_fn *fn;
    void *ctx;
};

static void members(struct ctf *c, const struct type *t, uint64_t base, unsigned depth, const struct wish *w)
{
    for (uint32_t i = 0; i < t->parts && c->budget; i++, c->budget--) {
        const struct member m = member_of(c, t, i);
        const char *name = name_of(c, m.name);
        struct type inner;
        if (m.offset % 8)
            continue;
        if (*name)
            w->fn(w->ctx, w->structure, name, base + m.offset / 8, size_of(c, m.type));
        else if (depth < DEPTH && numbered(c, m.type, &inner) &&
                 (inner.kind == K_STRUCT || inner.kind == K_UNION))
            members(c, &inner, base + m.offset / 8, depth + 1, w);
        if (!c->budget)
            return;
    }
}

static void all_members(struct ctf *c, const struct wish *w)
{
    struct type t;
    for (size_t i = 1; i < c->n; i++)
        if (type_at(c, c->at[i], &t) && t.kind == K_STRUCT && t.parts &&
            !strcmp(name_of(c, t.name), w->structure)) {
            c->budget = BUDGET;
            members(c, &t, 0, 0, w);
            return;
        }
}

/* ---------------------------------------------------------------- the section */

struct header {
    uint32_t parent_name, types, strings, strings_size;
    unsigned version, flags;
};

static int read_header(const struct ctf_input *in, struct header *h, struct error *err)
{
    const uint8_t *p = in->data;
    if (in->size < HEADER || get(p, 2) != MAGIC)
        return error_set(err, "it does not begin as CTF does");
    *h = (struct header){get(p + 8, 4), get(p + 24, 4), get(p + 28, 4), get(p + 32, 4), p[2], p[3]};
    if (h->version != 2 && h->version != 3)
        return error_set(err, "it is of version %u: 2 and 3 are known", h->version);
    if (h->types > h->strings || (uint64_t)h->strings + h->strings_size > PLAIN_MAX)
        return error_set(err, "its header is damaged");
    return 0;
}

/* What follows the header, unpacked; *own is to be freed. */
static const uint8_t *plain(const struct ctf_input *in, const struct header *h, uint8_t **own,
                            struct error *err)
{
    const uint8_t *p = (const uint8_t *)in->data + HEADER;
    const size_t n = (size_t)h->strings + h->strings_size, there = in->size - HEADER;
    uLongf done = n;
    if (h->flags & COMPRESSED) {
        *own = mem_alloc(n);
        if (uncompress(*own, &done, p, there) == Z_OK && done == n)
            return *own;
    } else if (n <= there) {
        return p;
    }
    error_set(err, "it is cut short or damaged");
    return NULL;
}

int ctf_members(const struct ctf_input *in, const char *const *structures, ctf_member_fn *fn, void *ctx,
                struct error *err)
{
    struct header h = {0};
    uint8_t *own = NULL;
    if (read_header(in, &h, err))
        return -1;
    if (h.parent_name) /* a module: its types continue the kernel's */
        return 0;
    const uint8_t *p = plain(in, &h, &own, err);
    struct ctf c = {.f = &formats[h.version - 2],
                    .types = p ? p + h.types : NULL,
                    .types_size = h.strings - h.types,
                    .strings = p ? p + h.strings : NULL,
                    .strings_size = h.strings_size,
                    .names = in->names,
                    .names_size = in->names_size,
                    .word = in->word};
    int rc = p ? find_types(&c, err) : -1;
    for (size_t i = 0; !rc && structures[i]; i++)
        all_members(&c, &(struct wish){structures[i], fn, ctx});
    free(c.at);
    free(own);
    return rc;
}
