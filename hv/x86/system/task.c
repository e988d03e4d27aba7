/* task.c - hardware task switches and the I/O permission bitmap. SDM volume 3, chapter 7; volume 1,
 * 18.5.2. */
#include "hv/x86/system/sys.h"
#include "hv/x86/virt/virt.h"

/* ---------------------------------------------------------------- layouts */

/* Offsets in a TSS of the values that a switch saves and loads. */
struct tss_layout {
    unsigned width; /* of registers */
    unsigned rip, flags, gpr, seg, nsegs, ldt, minimum;
};
static const struct tss_layout layout32 = {4, 0x20, 0x24, 0x28, 0x48, 6, 0x60, 0x67};
static const struct tss_layout layout16 = {2, 0x0e, 0x10, 0x12, 0x22, 4, 0x2a, 0x2b};
enum { TSS_CR3 = 0x1c, TSS_TRAP = 0x64, TSS_IOMAP = 0x66 };

static const struct tss_layout *layout_of(uint16_t attr)
{
    return attr & 8 ? &layout32 : &layout16;
}

/* The values that a TSS holds for a task. */
struct context {
    uint64_t cr3, rip, flags, gpr[8];
    uint16_t sel[6], ldt;
    bool trap;
};

static uint64_t tss_load(struct x86 *cpu, const struct seg *tss, unsigned off, unsigned size)
{
    return sys_load(cpu, (uint32_t)(tss->base + off), size);
}

static void tss_store(struct x86 *cpu, const struct seg *tss, unsigned off, unsigned size, uint64_t v)
{
    sys_store(cpu, (uint32_t)(tss->base + off), size, v);
}

/* ---------------------------------------------------------------- reading and writing contexts */

static void context_load(struct x86 *cpu, const struct seg *tss, struct context *c)
{
    const struct tss_layout *l = layout_of(tss->attr);
    unsigned w = l->width, stride = w;
    memset(c, 0, sizeof *c);
    c->rip = tss_load(cpu, tss, l->rip, w);
    c->flags = tss_load(cpu, tss, l->flags, w);
    for (unsigned i = 0; i < 8; i++)
        c->gpr[i] = tss_load(cpu, tss, l->gpr + i * stride, w) | (w == 2 ? 0xffff0000 : 0);
    for (unsigned i = 0; i < l->nsegs; i++)
        c->sel[i] = (uint16_t)tss_load(cpu, tss, l->seg + i * stride, 2);
    c->ldt = (uint16_t)tss_load(cpu, tss, l->ldt, 2);
    if (w == 4) {
        c->cr3 = tss_load(cpu, tss, TSS_CR3, 4);
        c->trap = tss_load(cpu, tss, TSS_TRAP, 1) & 1;
    }
}

static void context_save(struct x86 *cpu, uint64_t rip, uint64_t flags)
{
    const struct seg *tss = &cpu->seg[TR];
    const struct tss_layout *l = layout_of(tss->attr);
    tss_store(cpu, tss, l->rip, l->width, rip);
    tss_store(cpu, tss, l->flags, l->width, flags);
    for (unsigned i = 0; i < 8; i++)
        tss_store(cpu, tss, l->gpr + i * l->width, l->width, cpu->gpr[i]);
    for (unsigned i = 0; i < l->nsegs; i++)
        tss_store(cpu, tss, l->seg + i * l->width, 2, cpu->seg[i].sel);
}

/* Checks that all of the old TSS can be written: a fault must come before anything is changed. */
static void context_probe(struct x86 *cpu)
{
    const struct seg *tss = &cpu->seg[TR];
    const struct tss_layout *l = layout_of(tss->attr);
    unsigned last = l->ldt - 1;
    tss_store(cpu, tss, l->rip, 1, tss_load(cpu, tss, l->rip, 1));
    tss_store(cpu, tss, last, 1, tss_load(cpu, tss, last, 1));
}

/* ---------------------------------------------------------------- the new task's segments */

static void load_ldt(struct x86 *cpu, uint16_t sel, unsigned ext)
{
    struct desc d;
    if (is_null_selector(sel))
        return;
    if (sel & 4 || !desc_read(cpu, sel, &d) || sys_type(d.attr) != SYS_LDT || !(d.attr & SEG_P))
        raise_sel(cpu, VEC_TS, sel, ext);
    cpu->seg[LDTR] = desc_seg(sel, &d);
}

static void load_code(struct x86 *cpu, uint16_t sel, unsigned ext)
{
    struct desc d;
    if (is_null_selector(sel) || !desc_read(cpu, sel, &d))
        raise_sel(cpu, VEC_TS, sel, ext);
    unsigned dpl = dpl_of(d.attr), rpl = sel & 3;
    if (!is_code(d.attr) || (is_conforming(d.attr) ? dpl > rpl : dpl != rpl))
        raise_sel(cpu, VEC_TS, sel, ext);
    if (!(d.attr & SEG_P))
        raise_sel(cpu, VEC_NP, sel, ext);
    desc_set_type(cpu, &d, SEG_ACCESSED);
    struct seg cs = desc_seg(sel, &d);
    cs_commit(cpu, &cs, rpl, cpu->gpr[REG_RIP]);
}

static void load_v86(struct x86 *cpu, const struct context *c)
{
    for (unsigned i = ES; i <= GS; i++)
        cpu->seg[i] = seg_real(cpu, &cpu->seg[i], c->sel[i]);
    struct seg cs = cpu->seg[CS];
    cs_commit(cpu, &cs, 3, c->rip);
}

/* This already runs in the new task: a segment cannot be used until it is loaded. */
static void load_segments(struct x86 *cpu, const struct context *c, unsigned ext)
{
    static const uint8_t data[] = {DS, ES, FS, GS};
    cpu->seg[LDTR] = seg_null(c->ldt);
    for (unsigned i = ES; i <= GS; i++)
        cpu->seg[i] = seg_null(c->sel[i]);
    cpu->cpl = c->flags & FLAG_VM ? 3 : c->sel[CS] & 3;
    tlb_select(cpu);
    load_ldt(cpu, c->ldt, ext);
    if (c->flags & FLAG_VM) {
        load_v86(cpu, c);
    } else {
        struct seg s;
        load_code(cpu, c->sel[CS], ext);
        seg_check(cpu, SS, c->sel[SS], cpu->cpl, VEC_TS, ext, &s);
        seg_commit(cpu, SS, &s);
        for (unsigned i = 0; i < 4; i++) {
            seg_check(cpu, data[i], c->sel[data[i]], cpu->cpl, VEC_TS, ext, &s);
            seg_commit(cpu, data[i], &s);
        }
    }
    check_rip(cpu, &cpu->seg[CS], c->rip, ext);
}

/* ---------------------------------------------------------------- the switch */

/* The new task's TSS, checked as this kind of switch requires. */
static struct seg check_tss(struct x86 *cpu, enum task_how how, uint16_t sel, unsigned ext, struct desc *d)
{
    unsigned bad = how == TASK_IRET ? VEC_TS : VEC_GP;
    if (sel & 4 || is_null_selector(sel) || !desc_read(cpu, sel, d))
        raise_sel(cpu, bad, sel, ext);
    unsigned type = sys_type(d->attr);
    bool free = type == SYS_TSS32 || type == SYS_TSS16,
         busy = type == SYS_TSS32_BUSY || type == SYS_TSS16_BUSY;
    if (how == TASK_IRET ? !busy : !free)
        raise_sel(cpu, bad, sel, ext);
    if (!(d->attr & SEG_P))
        raise_sel(cpu, VEC_NP, sel, ext);
    if (d->limit < layout_of(d->attr)->minimum)
        raise_sel(cpu, VEC_TS, sel, ext);
    struct seg s = desc_seg(sel, d);
    s.attr |= SYS_BUSY;
    return s;
}

static void clear_busy(struct x86 *cpu)
{
    struct desc d;
    if (desc_read(cpu, cpu->seg[TR].sel, &d))
        sys_store(cpu, (uint32_t)(d.at + 5), 1, (d.raw >> 40 & 0xff) & ~(uint64_t)SYS_BUSY);
}

/* The instruction is left for the new task. Its step is counted when nothing more can fail; a fault from here on is delivered in that
 * step. */
static void leave_block(struct x86 *cpu, uint64_t rip)
{
    leave_to(cpu, cpu->op, rip);
    if (cpu->as_before_15)
        return;
    cpu->left++;
    cpu->step_owed = true;
}

/* General registers, flags, CR3 and TR; from here on the new task runs. */
static void context_commit(struct x86 *cpu, const struct seg *tss, const struct context *c)
{
    bool paging = cpu->cr0 & CR0_PG && tss->attr & 8;
    cpu->seg[TR] = *tss;
    cpu->cr0 |= CR0_TS;
    cpu->dr[7] &= ~(uint64_t)0x155;
    for (unsigned i = 0; i < 8; i++)
        SET32(i, c->gpr[i]);
    const uint64_t old = cpu->flags;
    eflags_set(cpu, c->flags & 0x3f7fd7);
    if_event(cpu, old, "task switch");
    if (cpu->block)
        leave_block(cpu, c->rip);
    cpu->gpr[REG_RIP] = c->rip;
    if (paging && cpu->cr3 != c->cr3)
        cr3_load(cpu, c->cr3);
}

bool task_switch(struct x86 *cpu, enum task_how how, uint16_t sel, uint64_t rip, unsigned ext)
{
    struct desc d;
    struct context c;
    struct seg tss = check_tss(cpu, how, sel, ext, &d);
    if (virt_wants(cpu, VIRT_TASK))
        virt_exit(cpu, VIRT_TASK, sel, virt_task_info(cpu, how == TASK_IRET, how == TASK_JMP));
    uint64_t flags = eflags_get(cpu);
    uint16_t old = cpu->seg[TR].sel;
    bool nested = how == TASK_CALL || how == TASK_INT;
    context_load(cpu, &tss, &c);
    context_probe(cpu);
    if (!nested)
        clear_busy(cpu);
    context_save(cpu, rip, how == TASK_IRET ? flags & ~(uint64_t)FLAG_NT : flags);
    if (nested) {
        tss_store(cpu, &tss, 0, 2, old);
        c.flags |= FLAG_NT;
    }
    if (how != TASK_IRET)
        desc_set_type(cpu, &d, SYS_BUSY);
    context_commit(cpu, &tss, &c);
    load_segments(cpu, &c, ext);
    return c.trap;
}

void task_trap(struct x86 *cpu, bool wanted)
{
    if (!wanted)
        return;
    raise_debug(cpu, 1 << 15); /* BT */
}

uint16_t task_link(struct x86 *cpu)
{
    return (uint16_t)tss_load(cpu, &cpu->seg[TR], 0, 2);
}

/* ---------------------------------------------------------------- I/O permission */

bool io_allowed(struct x86 *cpu, uint16_t port, unsigned size)
{
    const struct seg *tr = &cpu->seg[TR];
    if (real_mode(cpu) || (cpu->cpl <= iopl(cpu) && !v86_mode(cpu)))
        return true;
    if (!tss_is_32(cpu) || tr->null || tr->limit < 0x67)
        return false;
    uint32_t at = (uint32_t)sys_load(cpu, table_linear(cpu, tr->base + TSS_IOMAP), 2) + port / 8;
    if (at + 1 > tr->limit)
        return false;
    unsigned bits = (unsigned)sys_load(cpu, table_linear(cpu, tr->base + at), 2) >> (port & 7);
    return !(bits & ((1u << size) - 1));
}
