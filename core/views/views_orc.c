/* views_orc.c - the tables by which a Linux kernel finds callers (CONFIG_UNWINDER_ORC), read from the guest's memory.
 *
 * Source: Linux, Documentation/arch/x86/orc-unwinder.rst and arch/x86/include/asm/orc_types.h. One table has the addresses
 * that rows begin at, as distances from their own places; the other has the rows, 6 bytes each.
 */
#include <string.h>

#include "core/views/private/orc.h"
#include "core/views/tasks.h"
#include "traces/memory.h"

enum { ROW = 6, MOST = 8 << 20 /* rows; a distribution's kernel has 400,000 */ };

struct view_orc {
    symbol_space kernel;
    uint64_t at; /* where its table of addresses is; 0: none was read */
    size_t n;
    uint8_t *distances, *rows;
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
    *o = (struct view_orc){0};
}

void view_orc_free(struct view_orc *o)
{
    if (!o)
        return;
    clear(o);
    free(o);
}

static uint64_t address_of(const struct view_orc *o, size_t i)
{
    int32_t distance;
    memcpy(&distance, o->distances + 4 * i, 4);
    return o->at + 4 * i + (uint64_t)(int64_t)distance;
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

/* Which numbers the types have: most rows are of calls, which were 0 and are 2. */
static bool has_newer_types(const struct view_orc *o)
{
    size_t calls[4] = {0};
    for (size_t i = 0; i < o->n; i++)
        calls[o->rows[ROW * i + 5] & 3]++;
    return calls[2] > calls[0];
}

/* Which numbers the registers have: most frames are found from the stack pointer, which was 5 and is 3. */
static bool is_renumbered(const struct view_orc *o)
{
    size_t from[16] = {0};
    for (size_t i = 0; i < o->n; i++)
        from[o->rows[ROW * i + 4] & 15]++;
    return from[3] > from[5];
}

static bool sorted(const struct view_orc *o)
{
    for (size_t i = 1; i < o->n; i++)
        if (address_of(o, i) < address_of(o, i - 1))
            return false;
    return true;
}

static bool read_tables(struct view_orc *o, struct look m, unsigned cpu, uint64_t from, uint64_t to,
                        uint64_t rows)
{
    size_t n = (size_t)((to - from) / 4);
    if (to <= from || n > MOST)
        return false;
    o->distances = mem_alloc(4 * n);
    o->rows = mem_alloc(ROW * n);
    o->n = n;
    const uint64_t tables = view_tables_for(m, cpu, from);
    if (view_peek(m, tables, from, o->distances, 4 * n) != 4 * n ||
        view_peek(m, tables, rows, o->rows, ROW * n) != ROW * n)
        return false;
    o->newer = has_newer_types(o);
    o->renumbered = is_renumbered(o);
    return sorted(o);
}

/* Reads the tables of the kernel that is there now, unless that was done. */
static bool look(struct view_orc *o, struct look m, unsigned cpu, const struct symbols *s,
                 symbol_space kernel)
{
    struct symbol from, to, rows;
    uint64_t at = look_icount(m);
    if (!s || !symbols_find(s, kernel, "__start_orc_unwind_ip", at, &from) ||
        !symbols_find(s, kernel, "__stop_orc_unwind_ip", at, &to) ||
        !symbols_find(s, kernel, "__start_orc_unwind", at, &rows))
        return false;
    if (o->at == from.address && o->kernel == kernel)
        return o->n > 0;
    clear(o);
    o->at = from.address;
    o->kernel = kernel;
    if (read_tables(o, m, cpu, from.address, to.address, rows.address))
        return true;
    clear(o); /* perhaps the kernel has not mapped them yet */
    return false;
}

bool view_orc_row(struct view_orc *o, struct look m, unsigned cpu, const struct symbols *s,
                  symbol_space kernel, uint64_t pc, struct orc_row *row)
{
    static const enum orc_type older[] = {ORC_CALL, ORC_REGS, ORC_REGS_PARTIAL, ORC_NOTHING};
    unsigned type;
    bool end;
    if (!look(o, m, cpu, s, kernel) || pc < address_of(o, 0))
        return false;
    size_t low = 0, high = o->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (address_of(o, mid) <= pc)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == o->n) /* beyond the last row, which ends the code that it begins */
        return false;
    row_of(o, low - 1, row, &type, &end);
    row->type = o->newer ? type <= ORC_REGS_PARTIAL ? type : ORC_NOTHING : older[type];
    if (!o->newer && row->sp_reg == ORC_UNDEFINED)
        row->type = end ? ORC_END : ORC_NOTHING;
    return row->type != ORC_NOTHING;
}
