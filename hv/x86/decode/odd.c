/* odd.c - what is hardly ever meant: running zeros, a stack that does not keep what is pushed, code that overwrites itself. Each is an
 * event, once for each page, at most ODD_MOST times of a sort since the reset. What was told is state, and whether something is told
 * depends on the state alone, not on what is decoded or compiled. Nothing of it reaches the guest. */
#include "hv/x86/decode/decode.h"
#include "hv/x86/decode/insn.h"
#include "hv/x86/system/sys.h"

extern const struct family fam_add_EG;

/* Whether this page was not told before. */
static bool is_news(struct odd_told *t, uint64_t page)
{
    for (unsigned i = 0; i < t->count && i < ODD_MOST; i++)
        if (t->page[i] == page)
            return false;
    if (t->count >= ODD_MOST) /* more only in a damaged state */
        return false;
    t->page[t->count++] = page;
    return true;
}

/* ---------------------------------------------------------------- zeros */

/* The bytes that are zero from `off` on, up to the end of the page. */
static unsigned zeros_from(const uint8_t *page, unsigned off)
{
    unsigned n = off;
    while (n < SNAPSHOT_PAGE && !page[n])
        n++;
    return n - off;
}

/* Straight on into the next page is the same run of zeros. */
static void zeros_run(struct x86 *cpu, const struct op *op)
{
    const struct block *b = cpu->block;
    uint64_t rip = rip_of(cpu, op), lin = code_linear(cpu, rip), page = lin >> 12;
    unsigned off = lin & (SNAPSHOT_PAGE - 1), left = SNAPSHOT_PAGE - off;
    struct odd_told *told = &cpu->odd[ODD_ZEROS];
    if (cpu->hosted || !b->page || b->crosses || (told->count && page == cpu->zeros_page))
        return;
    unsigned n = zeros_from(b->page->host, off);
    bool goes_on = told->count && page == cpu->zeros_page + 1;
    if (n < (left < ZEROS_LEAST ? left : ZEROS_LEAST))
        return;
    cpu->zeros_page = page;
    if (goes_on || !is_news(told, page))
        return;
    struct event ev = {.kind = EV_CPU_ZEROS, .f = {cpu->seg[CS].sel, rip, n}};
    cpu->op = op;
    cpu_event(cpu, &ev);
}

OP(op_zeros)
{
    zeros_run(cpu, op);
    return fam_add_EG.fn[FORM_MEM][0](cpu, op);
}

OP(op_zeros64)
{
    zeros_run(cpu, op);
    op_fn *fn = fam_add_EG.fn[FORM_MEM64][0];
    return (fn ? fn : fam_add_EG.fn[FORM_MEM][0])(cpu, op);
}

/* ---------------------------------------------------------------- the stack */

void odd_stack(struct x86 *cpu, uint64_t lin)
{
    uint64_t pa;
    bool rom = x86_translate(cpu, lin, &pa) && physmem_page(cpu->mem, pa)->rd;
    struct event ev = {.kind = EV_CPU_STACK,
                       .f = {lin, cpu->seg[CS].sel, where_rip(cpu)},
                       .data = rom ? "read-only memory" : "no memory",
                       .len = rom ? 16 : 9};
    if (!cpu->hosted && is_news(&cpu->odd[ODD_STACK], lin >> 12))
        cpu_event(cpu, &ev);
}

/* ---------------------------------------------------------------- code */

void odd_code(struct x86 *cpu, const struct pmeta *m, uint32_t off, unsigned size)
{
    const struct block *b = cpu->block;
    if (cpu->hosted || !b || !cpu->op || !b->page || b->crosses || b->page->meta != m)
        return;
    uint64_t rip = rip_of(cpu, cpu->op), lin = code_linear(cpu, rip);
    uint32_t begin = lin & (SNAPSHOT_PAGE - 1), end = begin + cpu->op->len + OWN_CODE;
    if (off >= end || off + size <= begin || !is_news(&cpu->odd[ODD_CODE], lin >> 12))
        return;
    struct event ev = {.kind = EV_CPU_OWN_CODE,
                       .f = {(lin & ~(uint64_t)0xfff) + off, size, cpu->seg[CS].sel, rip}};
    cpu_event(cpu, &ev);
}
