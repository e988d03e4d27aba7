/* orc.c - the tables by which a Linux kernel finds callers (CONFIG_UNWINDER_ORC), read from the guest's memory.
 *
 * Source: Linux, Documentation/arch/x86/orc-unwinder.rst, arch/x86/include/asm/orc_types.h, and arch/x86/include/asm/module.h for
 * those of modules. One table has the addresses that rows begin at, as distances from their own places; the other has the rows, 6
 * bytes each.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/systems/linux/memory/orc.h"
#include "core/systems/linux/memory/tasks.h"

enum { ROW = 6, MOST = 8 << 20 /* rows; a distribution's kernel has 400,000 */, MODULE_MOST = 1 << 20 };

/* The tables are read in pieces of PIECE rows, each when it is first needed. A backtrace needs a dozen of some 400 pieces, and in a
 * machine that was just restored every page that is read has to be unpacked. SAMPLES pieces, evenly spaced, are read first: they show
 * whether the kernel has sorted the tables, and what the numbers in the rows mean. */
enum { PIECE = 1024, SAMPLES = 16 };

struct table {
    const char *module;   /* its name, which belongs to the symbols; NULL: the kernel */
    uint64_t at, rows_at; /* where it is */
    size_t n;             /* rows */
    uint8_t *distances, *rows;
    bool *known; /* by piece: whether it was read */
};

struct view_orc {
    symbol_space space;  /* of the kernel */
    struct table kernel; /* without rows: it is not open */
    bool newer;          /* types as since Linux 6.4 */
    bool renumbered;     /* registers as in Linux 7 */
    struct table *modules;
    size_t nmodules;
    uint64_t member; /* where a struct module says where its table is; 0: not known yet */
};

struct view_orc *view_orc_new(void)
{
    return mem_zero(1, sizeof(struct view_orc));
}

static void close_table(struct table *t)
{
    free(t->distances);
    free(t->rows);
    free(t->known);
    *t = (struct table){0};
}

static void clear(struct view_orc *o)
{
    close_table(&o->kernel);
    for (size_t i = 0; i < o->nmodules; i++)
        close_table(&o->modules[i]);
    free(o->modules);
    *o = (struct view_orc){0};
}

void view_orc_free(struct view_orc *o)
{
    if (!o)
        return;
    clear(o);
    free(o);
}

/* ---------------------------------------------------------------- a table */

static size_t pieces(const struct table *t)
{
    return (t->n + PIECE - 1) / PIECE;
}

static uint64_t address_of(const struct table *t, size_t i)
{
    int32_t distance;
    assert(t->known[i / PIECE]);
    memcpy(&distance, t->distances + 4 * i, 4);
    return t->at + 4 * i + (uint64_t)(int64_t)distance;
}

static bool sorted(const struct table *t, size_t first, size_t n)
{
    for (size_t i = first + 1; i < first + n; i++)
        if (address_of(t, i) < address_of(t, i - 1))
            return false;
    return true;
}

static size_t peek(const struct orc_guest *g, uint64_t address, void *buf, size_t n)
{
    return view_peek(g->m, view_tables_for(g->m, g->cpu, address), address, buf, n);
}

/* Reads a piece, unless that was done. False: it cannot be read, or is not sorted. */
static bool need(struct table *t, const struct orc_guest *g, size_t piece)
{
    const size_t i = piece * PIECE, n = t->n - i < PIECE ? t->n - i : PIECE;
    assert(i < t->n);
    if (t->known[piece])
        return true;
    if (peek(g, t->at + 4 * i, t->distances + 4 * i, 4 * n) != 4 * n ||
        peek(g, t->rows_at + ROW * i, t->rows + ROW * i, ROW * n) != ROW * n)
        return false;
    t->known[piece] = true;
    return t->known[piece] = sorted(t, i, n);
}

static void make_table(struct table *t, const char *module, uint64_t at, uint64_t rows, size_t n)
{
    *t = (struct table){.module = module, .at = at, .rows_at = rows, .n = n};
    t->distances = mem_alloc(4 * n);
    t->rows = mem_alloc(ROW * n);
    t->known = mem_zero(pieces(t), sizeof t->known[0]);
}

/* The number of rows that begin at or before `pc`; SIZE_MAX: a piece cannot be read. */
static size_t rows_up_to(struct table *t, const struct orc_guest *g, uint64_t pc)
{
    size_t low = 0, high = t->n;
    while (low < high) {
        const size_t mid = (low + high) / 2;
        if (!need(t, g, mid / PIECE))
            return SIZE_MAX;
        if (address_of(t, mid) <= pc)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* ---------------------------------------------------------------- a row */

/* Linux 7 has other numbers for some registers than all kernels before. */
static uint8_t reg_of(const struct view_orc *o, unsigned number)
{
    static const uint8_t renumbered[16] = {
        [2] = ORC_DX,  [3] = ORC_SP,      [4] = ORC_BP,          [6] = ORC_R10,
        [7] = ORC_R13, [8] = ORC_PREV_SP, [9] = ORC_SP_INDIRECT, [10] = ORC_BP_INDIRECT};
    return o->renumbered ? renumbered[number] : (uint8_t)number;
}

static void row_of(const struct view_orc *o, const struct table *t, size_t i, struct orc_row *row)
{
    static const enum orc_type older[] = {ORC_CALL, ORC_REGS, ORC_REGS_PARTIAL, ORC_NOTHING};
    const uint8_t *p = t->rows + ROW * i;
    const unsigned type = p[5] & (o->newer ? 7 : 3);
    /* before 6.3 bit 2, in 6.3 bit 3, where bit 2 is set in frames of interrupts only */
    const bool end = !o->newer && p[5] >> 2 & 3;
    memcpy(&row->sp_offset, p, 2);
    memcpy(&row->bp_offset, p + 2, 2);
    row->sp_reg = reg_of(o, p[4] & 15);
    row->bp_reg = reg_of(o, p[4] >> 4);
    row->type = !o->newer ? older[type] : type <= ORC_REGS_PARTIAL ? (enum orc_type)type : ORC_NOTHING;
    if (!o->newer && row->sp_reg == ORC_UNDEFINED)
        row->type = end ? ORC_END : ORC_NOTHING;
}

static enum orc_answer find_row(const struct view_orc *o, struct table *t, const struct orc_guest *g,
                                uint64_t pc, struct orc_row *row)
{
    const size_t upto = rows_up_to(t, g, pc);
    if (!upto || upto >= t->n) /* the last row ends the code that it begins */
        return ORC_NO_ROW;
    row_of(o, t, upto - 1, row);
    return ORC_ROW;
}

/* ---------------------------------------------------------------- the kernel's table */

/* How often each number occurs in the rows, which shows what it means: most rows are of calls, which were type 0 and are 2, and
 * most frames are found from the stack pointer, which was register 5 and is 3. */
struct census {
    size_t type[4], reg[16];
};

static void count_rows(const struct table *t, size_t piece, struct census *c)
{
    for (size_t i = piece * PIECE; i < t->n && i < (piece + 1) * PIECE; i++) {
        const uint8_t *row = t->rows + ROW * i;
        c->type[row[5] & 3]++;
        c->reg[row[4] & 15]++;
    }
}

static bool read_samples(struct view_orc *o, const struct orc_guest *g)
{
    struct table *t = &o->kernel;
    const size_t all = pieces(t), n = all < SAMPLES ? all : SAMPLES;
    struct census c = {0};
    uint64_t last = 0;
    for (size_t k = 0; k < n; k++) {
        const size_t piece = k * all / n;
        if (!need(t, g, piece) || address_of(t, piece * PIECE) < last)
            return false;
        last = address_of(t, piece * PIECE);
        count_rows(t, piece, &c);
    }
    o->newer = c.type[2] > c.type[0];
    o->renumbered = c.reg[3] > c.reg[5];
    return true;
}

/* Opens the table of the kernel that is there now, unless that was done. */
static bool open_kernel(struct view_orc *o, const struct orc_guest *g)
{
    struct symbol from, to, rows;
    const uint64_t at = look_icount(g->m);
    if (!g->symbols || !symbols_find(g->symbols, g->kernel, "__start_orc_unwind_ip", at, &from) ||
        !symbols_find(g->symbols, g->kernel, "__stop_orc_unwind_ip", at, &to) ||
        !symbols_find(g->symbols, g->kernel, "__start_orc_unwind", at, &rows))
        return false;
    if (o->kernel.n && o->kernel.at == from.address && o->space == g->kernel)
        return true;
    clear(o);
    const size_t n = to.address > from.address ? (size_t)((to.address - from.address) / 4) : 0;
    if (!n || n > MOST)
        return false;
    o->space = g->kernel;
    make_table(&o->kernel, NULL, from.address, rows.address, n);
    if (read_samples(o, g))
        return true;
    clear(o); /* perhaps the kernel has not mapped or sorted it yet */
    return false;
}

/* ---------------------------------------------------------------- those of modules
 * struct module holds, somewhere, a struct mod_arch_specific: the number of rows, and where both parts of the table are. Where it
 * is differs from kernel to kernel. It is found once by what it has to be, so no type information is needed. */

struct module_orcs {
    uint32_t n, unused;
    uint64_t at, rows_at;
};

static bool in_module(const struct orc_guest *g, uint64_t address, const char *module)
{
    struct symbol sym;
    return symbols_at_in(g->symbols, g->kernel, address, look_icount(g->m), &sym) &&
           !strcmp(sym.module, module);
}

/* Whether these can be the tables of a module: most of their rows begin in it. */
static bool plausible(const struct orc_guest *g, const struct module_orcs *m, const char *module)
{
    size_t inside = 0, seen = 0;
    if (!m->n || m->n > MODULE_MOST || m->unused || m->at % 4 || m->rows_at % 2 || !(m->at >> 63) ||
        !(m->rows_at >> 63))
        return false;
    for (; seen < SAMPLES && seen < m->n; seen++) {
        const uint64_t row = m->at + 4 * (seen * (uint64_t)m->n / (m->n < SAMPLES ? m->n : SAMPLES));
        int32_t distance;
        if (peek(g, row, &distance, 4) != 4)
            return false;
        inside += in_module(g, row + (uint64_t)(int64_t)distance, module);
    }
    return 2 * inside > seen;
}

static bool find_member(struct view_orc *o, const struct orc_guest *g, const struct symbol *self)
{
    struct module_orcs m;
    for (uint64_t at = 8; !o->member && at + sizeof m <= self->size; at += 8)
        if (peek(g, self->address + at, &m, sizeof m) == sizeof m && plausible(g, &m, self->module))
            o->member = at;
    return o->member;
}

static struct table *opened(const struct view_orc *o, const char *module, const struct module_orcs *m)
{
    for (size_t i = 0; i < o->nmodules; i++) {
        struct table *t = &o->modules[i];
        if (t->module == module && t->at == m->at && t->rows_at == m->rows_at && t->n == m->n)
            return t;
    }
    return NULL;
}

/* The table of the module that has the code; NULL if none has it, or it has no table. */
static struct table *module_table(struct view_orc *o, const struct orc_guest *g, uint64_t pc)
{
    const uint64_t now = look_icount(g->m);
    struct symbol sym, self;
    struct module_orcs m;
    char name[100];
    if (!symbols_at_in(g->symbols, g->kernel, pc, now, &sym))
        return NULL;
    snprintf(name, sizeof name, "%.80s:__this_module", sym.module);
    if (!symbols_find_in(g->symbols, g->kernel, name, now, &self) || self.module != sym.module ||
        !find_member(o, g, &self) || peek(g, self.address + o->member, &m, sizeof m) != sizeof m)
        return NULL;
    struct table *t = opened(o, sym.module, &m);
    if (t || !plausible(g, &m, sym.module))
        return t;
    MEM_MORE(o->modules, o->nmodules);
    make_table(&o->modules[o->nmodules], sym.module, m.at, m.rows_at, m.n);
    return &o->modules[o->nmodules++];
}

/* ---------------------------------------------------------------- */

enum orc_answer view_orc_row(struct view_orc *o, const struct orc_guest *g, uint64_t pc, struct orc_row *row)
{
    if (!open_kernel(o, g))
        return ORC_NO_TABLES;
    if (find_row(o, &o->kernel, g, pc, row) == ORC_ROW)
        return ORC_ROW;
    struct table *t = module_table(o, g, pc);
    return t ? find_row(o, t, g, pc, row) : ORC_NO_ROW;
}
