/* starts.c - where functions begin in the code of an image that has no symbols. See module.h.
 *
 * From the image's entry on all paths are followed; what is called on them begins a function. So does code
 * that the image only has the address of: in an instruction, or in data that is relocated. Such an address
 * counts only if it is outside of what was followed so far. It may also be of data among the code, which does
 * no harm but for frames that are never used.
 *
 * Source: Microsoft, "PE Format", "The .reloc Section".
 */
#include "base/memory.h"
#include "core/symbols/private/insn.h"
#include "core/symbols/private/module.h"

enum { SEEN = 1, INSIDE = 2, START = 4, NAMED = 8, WORKS_MAX = 1 << 20, MODULE_CODE_MAX = 16 << 20 };

struct search {
    const struct module *m;
    uint32_t begin, end; /* of the code */
    uint8_t *marks;      /* of each byte of code */
    struct way {
        uint32_t at, named;    /* named: the address that an instruction before it had, or 0 */
    } * todo, *tables, *maybe; /* paths; jumps by tables; addresses in instructions and data */
    size_t ntodo, todo_cap, nmaybe, maybe_cap, ntables, tables_cap;
    bool sure; /* what is followed is certainly code: only code led there */
};

static uint64_t number(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;
    memcpy(&v, p, bytes);
    return v;
}

static bool inside(const struct search *s, uint64_t address)
{
    return address >= s->begin && address < s->end;
}

static void add(struct way **list, size_t *n, size_t *cap, struct way w)
{
    if (*n >= WORKS_MAX)
        return;
    *list = mem_grow(*list, cap, *n + 1, sizeof **list);
    (*list)[(*n)++] = w;
}

static void add_maybe(struct search *s, uint64_t address)
{
    add(&s->maybe, &s->nmaybe, &s->maybe_cap, (struct way){(uint32_t)address, 0});
}

static void follow(struct search *s, uint64_t address, uint32_t named)
{
    if (inside(s, address) && !(s->marks[address - s->begin] & SEEN))
        add(&s->todo, &s->ntodo, &s->todo_cap, (struct way){(uint32_t)address, named});
}

static void start(struct search *s, uint64_t address)
{
    if (!inside(s, address) || s->marks[address - s->begin] & INSIDE)
        return;
    if (!s->sure && (s->marks[address - s->begin] & (SEEN | START)) == SEEN)
        return;
    s->marks[address - s->begin] |= START;
    follow(s, address, 0);
}

/* The address that a LEA computes relative to the instruction (SDM volume 2, 2.2.1.6). 0 if it is another
 * instruction. */
static uint32_t named_address(const struct search *s, uint32_t at, const struct insn *i)
{
    const uint8_t *p = s->m->bytes + at;
    if (i->length != 7 || (p[0] & 0xf8) != 0x48 || p[1] != 0x8d || (p[2] & 0xc7) != 5)
        return 0;
    const uint64_t to = at + 7 + (uint64_t)(int64_t)(int32_t)number(p + 3, 4);
    return to < s->m->size ? (uint32_t)to : 0;
}

static void note_address(struct search *s, uint32_t to)
{
    if (!inside(s, to))
        return;
    s->marks[to - s->begin] |= NAMED;
    add_maybe(s, to);
}

static void walk(struct search *s, struct way w)
{
    struct insn i;
    uint32_t at = w.at, named = w.named, to_name;
    while (inside(s, at) && !(s->marks[at - s->begin] & SEEN) &&
           insn_decode(s->m->bytes + at, s->end - at, &i)) {
        s->marks[at - s->begin] |= SEEN;
        for (unsigned k = 1; k < i.length; k++)
            s->marks[at - s->begin + k] |= INSIDE;
        const uint64_t to = at + (uint64_t)(int64_t)i.target;
        if (i.flow == INSN_CALL && i.target != (int32_t)i.length)
            start(s, to);
        else if (i.flow == INSN_JUMP || i.flow == INSN_BRANCH)
            follow(s, to, named);
        if ((to_name = named_address(s, at, &i)))
            note_address(s, named = to_name);
        if (i.flow == INSN_JUMP_AT && named)
            add(&s->tables, &s->ntables, &s->tables_cap, (struct way){at, named});
        if (i.flow == INSN_JUMP || i.flow == INSN_JUMP_AT || i.flow == INSN_RETURN || i.flow == INSN_TRAP ||
            i.flow == INSN_SYSRET)
            return;
        at += i.length;
    }
}

static void walk_paths(struct search *s)
{
    while (s->ntodo)
        walk(s, s->todo[--s->ntodo]);
}

/* Takes the targets of a jump by a table: 32-bit distances from the table, as compilers make them for code
 * that can be moved. Nothing says where the table ends: it is taken to end at an address that is named, or at
 * a number that is not a distance to code nearby. */
static void follow_table(struct search *s, struct way jump)
{
    enum { NEAR = 1 << 16, LONGEST = 1024 };
    const struct module *m = s->m;
    const uint32_t table = jump.named;
    for (uint32_t k = 0, at = table; k < LONGEST && at + 4 <= m->size; k++, at += 4) {
        const uint64_t to = table + (uint64_t)(int64_t)(int32_t)number(m->bytes + at, 4);
        if ((k && inside(s, at) && s->marks[at - s->begin] & NAMED) || !inside(s, to) ||
            s->marks[to - s->begin] & INSIDE || (to > jump.at ? to - jump.at : jump.at - to) > NEAR)
            return;
        follow(s, to, 0);
        walk_paths(s);
    }
}

static void walk_all(struct search *s)
{
    walk_paths(s);
    while (s->ntables)
        follow_table(s, s->tables[--s->ntables]);
}

/* Takes 64-bit addresses in data, from the relocations: blocks of a page's address, a length, and entries of
 * a type and an offset. */
static void take_relocations(struct search *s)
{
    enum { HEADER = 8, DIR64 = 10 };
    const struct module *m = s->m;
    const struct pe_range *r = &m->pe->relocations;
    if (r->address > m->size || m->size - r->address < r->size)
        return;
    for (uint32_t at = 0, n; r->size - at >= HEADER; at += n) {
        const uint8_t *p = m->bytes + r->address + at;
        n = (uint32_t)number(p + 4, 4);
        if (n < HEADER || n > r->size - at)
            return;
        for (uint32_t k = HEADER; k + 2 <= n; k += 2) {
            const uint32_t entry = (uint32_t)number(p + k, 2);
            const uint64_t where = number(p, 4) + (entry & 0xfff);
            if (entry >> 12 != DIR64 || where > m->size || m->size - where < 8)
                continue;
            const uint64_t to = number(m->bytes + where, 8) - m->base;
            if (inside(s, to))
                add_maybe(s, to);
        }
    }
}

/* Whether an address may be of code to which nothing has led. */
static bool is_new(const struct search *s, uint32_t address)
{
    struct insn i;
    return !(s->marks[address - s->begin] & (SEEN | INSIDE)) &&
           insn_decode(s->m->bytes + address, s->end - address, &i) && i.flow != INSN_TRAP;
}

static void take_maybe(struct search *s)
{
    for (size_t i = 0; i < s->nmaybe; i++)
        if (is_new(s, s->maybe[i].at)) {
            start(s, s->maybe[i].at);
            walk_all(s);
        }
}

void pe_add_starts(struct symbol_table *t, const struct module *m)
{
    const struct pe_range code = pe_code(m->pe);
    struct search s = {.m = m, .begin = code.address, .end = code.address, .sure = true};
    uint32_t begin, end;
    if (code.size && code.address < m->size)
        s.end += code.size < m->size - code.address ? code.size : (uint32_t)(m->size - code.address);
    if (s.end - s.begin > MODULE_CODE_MAX)
        s.end = s.begin + MODULE_CODE_MAX;
    s.marks = mem_zero(s.end - s.begin, 1);
    start(&s, m->pe->entry);
    for (uint32_t i = 0; pe_function(m, i, &begin, &end); i++)
        start(&s, begin);
    for (size_t i = 0; i < t->n; i++)
        if (symbol_is_code(t->entries[i].type))
            start(&s, t->entries[i].address);
    walk_all(&s);
    s.sure = false;
    take_relocations(&s);
    take_maybe(&s);
    for (uint32_t i = 0; i < s.end - s.begin; i++)
        if (s.marks[i] & START)
            symbol_table_add(t, "", s.begin + i, 0, 't', 0);
    free(s.marks);
    free(s.todo);
    free(s.tables);
    free(s.maybe);
}
