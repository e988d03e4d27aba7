/* views_orc.c - the tables by which a Linux kernel finds callers (CONFIG_UNWINDER_ORC), read from the guest's memory.
 *
 * Source: Linux, Documentation/arch/x86/orc-unwinder.rst and arch/x86/include/asm/orc_types.h. One table has the addresses
 * that rows begin at, as distances from their own places; the other has the rows, 6 bytes each.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/views/private/orc.h"
#include "core/views/tasks.h"
#include "traces/memory.h"

enum { ROW = 6, MOST = 8 << 20 /* rows; a distribution's kernel has 400,000 */ };

/* The tables are read in pieces of PIECE rows, each when it is first needed. A backtrace needs a dozen of some 400 pieces, and in a
 * machine that was just restored every page that is read has to be unpacked. SAMPLES pieces, evenly spaced, are read first: they show
 * whether the kernel has sorted the tables, and what the numbers in the rows mean. */
enum { PIECE = 1024, SAMPLES = 16 };

struct view_orc {
    symbol_space kernel;
    uint64_t at, rows_at; /* where its tables are */
    size_t n;             /* rows; 0: no tables are open */
    uint8_t *distances, *rows;
    bool *known;     /* by piece: whether it was read */
    bool newer;      /* types as since Linux 6.4 */
    bool renumbered; /* registers as in Linux 7 */
};

struct view_orc *view_orc_new(void)
{
    return mem_zero(1, sizeof(struct view_orc));
}

static void clear(struct view_orc *o)
{
    free(o->distances);
    free(o->rows);
    free(o->known);
    *o = (struct view_orc){0};
}

void view_orc_free(struct view_orc *o)
{
    if (!o)
        return;
    clear(o);
    free(o);
}

static size_t pieces(const struct view_orc *o)
{
    return (o->n + PIECE - 1) / PIECE;
}

static uint64_t address_of(const struct view_orc *o, size_t i)
{
    int32_t distance;
    assert(o->known[i / PIECE]);
    memcpy(&distance, o->distances + 4 * i, 4);
    return o->at + 4 * i + (uint64_t)(int64_t)distance;
}

static bool sorted(const struct view_orc *o, size_t first, size_t n)
{
    for (size_t i = first + 1; i < first + n; i++)
        if (address_of(o, i) < address_of(o, i - 1))
            return false;
    return true;
}

/* Reads a piece, unless that was done. False: it cannot be read, or is not sorted. */
static bool need(struct view_orc *o, struct look m, unsigned cpu, size_t piece)
{
    const size_t i = piece * PIECE, n = o->n - i < PIECE ? o->n - i : PIECE;
    assert(i < o->n);
    if (o->known[piece])
        return true;
    const uint64_t tables = view_tables_for(m, cpu, o->at);
    if (view_peek(m, tables, o->at + 4 * i, o->distances + 4 * i, 4 * n) != 4 * n ||
        view_peek(m, tables, o->rows_at + ROW * i, o->rows + ROW * i, ROW * n) != ROW * n)
        return false;
    o->known[piece] = true;
    return o->known[piece] = sorted(o, i, n);
}

/* Linux 7 has other numbers for some registers than all kernels before. */
static uint8_t reg_of(const struct view_orc *o, unsigned number)
{
    static const uint8_t renumbered[16] = {
        [2] = ORC_DX,  [3] = ORC_SP,      [4] = ORC_BP,          [6] = ORC_R10,
        [7] = ORC_R13, [8] = ORC_PREV_SP, [9] = ORC_SP_INDIRECT, [10] = ORC_BP_INDIRECT};
    return o->renumbered ? renumbered[number] : (uint8_t)number;
}

static void row_of(const struct view_orc *o, size_t i, struct orc_row *row, unsigned *type, bool *end)
{
    const uint8_t *p = o->rows + ROW * i;
    memcpy(&row->sp_offset, p, 2);
    memcpy(&row->bp_offset, p + 2, 2);
    row->sp_reg = reg_of(o, p[4] & 15);
    row->bp_reg = reg_of(o, p[4] >> 4);
    *type = p[5] & (o->newer ? 7 : 3);
    *end =
        !o->newer &&
        p[5] >> 2 & 3; /* before 6.3 bit 2, in 6.3 bit 3, where bit 2 is set in frames of interrupts only */
}

/* How often each number occurs in the rows, which shows what it means: most rows are of calls, which were type 0 and are 2, and
 * most frames are found from the stack pointer, which was register 5 and is 3. */
struct census {
    size_t type[4], reg[16];
};

static void count_rows(const struct view_orc *o, size_t piece, struct census *c)
{
    for (size_t i = piece * PIECE; i < o->n && i < (piece + 1) * PIECE; i++) {
        const uint8_t *row = o->rows + ROW * i;
        c->type[row[5] & 3]++;
        c->reg[row[4] & 15]++;
    }
}

static bool read_samples(struct view_orc *o, struct look m, unsigned cpu)
{
    const size_t all = pieces(o), n = all < SAMPLES ? all : SAMPLES;
    struct census c = {0};
    uint64_t last = 0;
    for (size_t k = 0; k < n; k++) {
        const size_t piece = k * all / n;
        if (!need(o, m, cpu, piece) || address_of(o, piece * PIECE) < last)
            return false;
        last = address_of(o, piece * PIECE);
        count_rows(o, piece, &c);
    }
    o->newer = c.type[2] > c.type[0];
    o->renumbered = c.reg[3] > c.reg[5];
    return true;
}

/* Opens the tables between these addresses. False: they are not there, or not sorted. */
static bool open_tables(struct view_orc *o, struct look m, unsigned cpu, uint64_t from, uint64_t to,
                        uint64_t rows)
{
    const size_t n = to > from ? (size_t)((to - from) / 4) : 0;
    if (!n || n > MOST)
        return false;
    o->at = from;
    o->rows_at = rows;
    o->n = n;
    o->distances = mem_alloc(4 * n);
    o->rows = mem_alloc(ROW * n);
    o->known = mem_zero(pieces(o), sizeof o->known[0]);
    return read_samples(o, m, cpu);
}

/* Opens the tables of the kernel that is there now, unless that was done. */
static bool look(struct view_orc *o, struct look m, unsigned cpu, const struct symbols *s,
                 symbol_space kernel)
{
    struct symbol from, to, rows;
    uint64_t at = look_icount(m);
    if (!s || !symbols_find(s, kernel, "__start_orc_unwind_ip", at, &from) ||
        !symbols_find(s, kernel, "__stop_orc_unwind_ip", at, &to) ||
        !symbols_find(s, kernel, "__start_orc_unwind", at, &rows))
        return false;
    if (o->n && o->at == from.address && o->kernel == kernel)
        return true;
    clear(o);
    o->kernel = kernel;
    if (open_tables(o, m, cpu, from.address, to.address, rows.address))
        return true;
    clear(o); /* perhaps the kernel has not mapped or sorted them yet */
    return false;
}

/* The number of rows that begin at or before `pc`; SIZE_MAX: a piece cannot be read. */
static size_t rows_up_to(struct view_orc *o, struct look m, unsigned cpu, uint64_t pc)
{
    size_t low = 0, high = o->n;
    while (low < high) {
        const size_t mid = (low + high) / 2;
        if (!need(o, m, cpu, mid / PIECE))
            return SIZE_MAX;
        if (address_of(o, mid) <= pc)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool view_orc_row(struct view_orc *o, struct look m, unsigned cpu, const struct symbols *s,
                  symbol_space kernel, uint64_t pc, struct orc_row *row)
{
    static const enum orc_type older[] = {ORC_CALL, ORC_REGS, ORC_REGS_PARTIAL, ORC_NOTHING};
    unsigned type;
    bool end;
    if (!look(o, m, cpu, s, kernel))
        return false;
    const size_t upto = rows_up_to(o, m, cpu, pc);
    if (!upto || upto >= o->n) /* the last row ends the code that it begins */
        return false;
    row_of(o, upto - 1, row, &type, &end);
    row->type = o->newer ? type <= ORC_REGS_PARTIAL ? type : ORC_NOTHING : older[type];
    if (!o->newer && row->sp_reg == ORC_UNDEFINED)
        row->type = end ? ORC_END : ORC_NOTHING;
    return row->type != ORC_NOTHING;
}
