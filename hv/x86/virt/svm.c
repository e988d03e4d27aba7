/* svm.c - AMD's entry into a guest and the exit from it: VMRUN and #VMEXIT. AMD APM volume 2, 15.5, 15.6. */
#include "hv/x86/virt/svm.h"

#include "hv/x86/decode/decode.h"
#include "hv/x86/system/sys.h"

/* EFLAGS as it can be. */
enum { FLAGS_ALL = 0x3f7fd7 };

/* ---------------------------------------------------------------- entry */

static void keep_host(struct x86 *cpu)
{
    struct virt_host *h = &cpu->virt.host;
    memcpy(h->seg, cpu->seg, sizeof h->seg);
    h->gdtr = cpu->gdtr;
    h->idtr = cpu->idtr;
    h->cr0 = cpu->cr0;
    h->cr3 = cpu->cr3;
    h->cr4 = cpu->cr4;
    h->efer = cpu->efer;
    h->flags = eflags_get(cpu);
    h->rip = cpu->gpr[REG_RIP];
    h->rsp = cpu->gpr[RSP];
    h->rax = cpu->gpr[RAX];
    h->pat = cpu->msr.pat;
}

static void load_control(struct x86 *cpu, const struct vmcb *v, uint64_t pa)
{
    struct virt_guest *g = &cpu->guest;
    const uint64_t ints = vmcb_get(v, VMCB_INT, 8);
    *g = (struct virt_guest){
        .runs = true,
        .nested = vmcb_get(v, VMCB_FEATURES, 8) & FEATURE_NESTED,
        .masking = ints & INT_MASKING,
        .v_irq = ints & INT_IRQ,
        .v_any_tpr = ints & INT_ANY_TPR,
        .v_tpr = ints & 15,
        .v_priority = ints >> INT_PRIORITY & 15,
        .v_vector = ints >> INT_VECTOR & 0xff,
        .asid = (uint32_t)vmcb_get(v, VMCB_ASID, 4),
        .inject = (uint32_t)vmcb_get(v, VMCB_EVENTINJ, 4),
        .inject_error = (uint32_t)vmcb_get(v, VMCB_EVENTINJ + 4, 4),
        .vmcb = pa,
        .ncr3 = vmcb_get(v, VMCB_NCR3, 8),
        .iopm = vmcb_get(v, VMCB_IOPM, 8) & ~0xfffull,
        .msrpm = vmcb_get(v, VMCB_MSRPM, 8) & ~0xfffull,
        .tsc_offset = vmcb_get(v, VMCB_TSC_OFFSET, 8),
        .inject_rip = vmcb_get(v, VMCB_NEXT_RIP, 8),
        .pause_filter = (uint16_t)vmcb_get(v, VMCB_PAUSE_FILTER, 2),
        .pause_window = (uint16_t)vmcb_get(v, VMCB_PAUSE_WINDOW, 2),
    };
    g->pause_left = g->pause_filter;
    if (!(g->inject & EVENT_VALID))
        g->inject = 0;
    memcpy(g->wants, v->byte + VMCB_WANTS, sizeof g->wants);
}

/* Makes of the loaded registers what a processor can hold. Bits that do not exist were refused or are ignored (15.5.1). */
static void settle_guest(struct x86 *cpu)
{
    const bool paging = cpu->cr0 & CR0_PG, lme = cpu->efer & EFER_LME;
    cpu->cr0 = (cpu->cr0 &
                (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)) |
               CR0_ET;
    cpu->efer = lme && paging ? cpu->efer | EFER_LMA : cpu->efer & ~(uint64_t)EFER_LMA;
    cpu->dr[6] = dr_fixed(6, cpu->dr[6]);
    cpu->dr[7] = dr_fixed(7, cpu->dr[7]);
    eflags_set(cpu, cpu->flags & FLAGS_ALL);
    if (cpu->efer & EFER_LMA || real_mode(cpu))
        cpu->flags &= ~(uint64_t)FLAG_VM;
    cpu->cpl = real_mode(cpu) ? 0 : v86_mode(cpu) ? 3 : cpu->cpl & 3;
    if (uses_pdptes(cpu))
        pdptes_read(cpu, cpu->cr3, cpu->pdpte);
}

static void enter_event(struct x86 *cpu)
{
    struct event ev = {.kind = EV_VIRT_ENTER};
    ev.f[EVF_VIRT_ENTER_vmcb] = cpu->guest.vmcb;
    ev.f[EVF_VIRT_ENTER_asid] = cpu->guest.asid;
    ev.f[EVF_VIRT_ENTER_cs] = cpu->seg[CS].sel;
    ev.f[EVF_VIRT_ENTER_ip] = cpu->gpr[REG_RIP];
    cpu_event(cpu, &ev);
}

static void refused_event(struct x86 *cpu, uint64_t pa, const char *why)
{
    struct event ev = {.kind = EV_VIRT_REFUSED, .data = why, .len = (uint32_t)strlen(why)};
    ev.f[EVF_VIRT_REFUSED_vmcb] = pa;
    ev.f[EVF_VIRT_REFUSED_ip] = cpu->gpr[REG_RIP];
    cpu_event(cpu, &ev);
}

static void to_host(struct x86 *cpu);

/* VMRUN with a VMCB that is refused exits at once, in the same step: no guest ran. */
static void refuse(struct x86 *cpu, struct vmcb *v, uint64_t pa, const char *why)
{
    refused_event(cpu, pa, why);
    vmcb_put(v, VMCB_EXITCODE, 8, VIRT_INVALID);
    vmcb_put(v, VMCB_EVENTINJ, 8, 0);
    vmcb_write(cpu, pa, v, VMCB_EXITCODE, VMCB_EVENTINJ + 8);
    to_host(cpu);
}

void svm_enter(struct x86 *cpu, uint64_t pa)
{
    const uint64_t dr7 = cpu->dr[7];
    struct vmcb v;
    vmcb_read(cpu, pa, &v);
    keep_host(cpu);
    const char *why = svm_refusal(cpu, &v);
    if (why) {
        refuse(cpu, &v, pa, why);
        return;
    }
    load_control(cpu, &v, pa);
    vmcb_load_state(cpu, &v);
    settle_guest(cpu);
    cpu->virt.held = false;
    cpu->inhibit = vmcb_get(&v, VMCB_SHADOW, 8) & 1;
    virt_world_changed(cpu, dr7);
    enter_event(cpu);
    cpu->attention = true;
}

/* ---------------------------------------------------------------- exit */

static void exit_event(struct x86 *cpu, const struct virt_now *n)
{
    struct event ev = {.kind = EV_VIRT_EXIT};
    ev.f[EVF_VIRT_EXIT_reason] = n->reason;
    ev.f[EVF_VIRT_EXIT_info1] = n->info1;
    ev.f[EVF_VIRT_EXIT_info2] = n->info2;
    ev.f[EVF_VIRT_EXIT_vmcb] = cpu->guest.vmcb;
    ev.f[EVF_VIRT_EXIT_cs] = cpu->seg[CS].sel;
    ev.f[EVF_VIRT_EXIT_ip] = cpu->gpr[REG_RIP];
    cpu_event(cpu, &ev);
}

/* NRIP is of instructions: those that are intercepted as such, and those that cause #BP, #OF and #BR (15.7.1). */
static bool has_next_rip(const struct virt_now *n)
{
    if (n->event)
        return false;
    if (n->reason >= VIRT_EXCEPTION && n->reason < VIRT_INTR)
        return n->reason - VIRT_EXCEPTION >= VEC_BP && n->reason - VIRT_EXCEPTION <= VEC_BR;
    return (n->reason < VIRT_INTR || n->reason > VIRT_VINTR) && n->reason < VIRT_NESTED_FAULT &&
           n->reason != VIRT_SHUTDOWN && n->reason != VIRT_TASK;
}

/* The bytes of the instruction whose data access caused a page fault (15.8.4): as many of 15 as can be read. */
static unsigned instruction_bytes(const struct x86 *cpu, const struct virt_now *n, uint8_t *to)
{
    const bool fault = n->reason == VIRT_EXCEPTION + VEC_PF && !(n->info1 & 16);
    unsigned k = 0;
    if (!fault && !(n->reason == VIRT_NESTED_FAULT && !n->fetch))
        return 0;
    for (uint64_t pa; k < 15 && mem_translate_peek(cpu, code_linear(cpu, cpu->gpr[REG_RIP] + k), &pa); k++) {
        const struct pdesc *d = physmem_page(cpu->mem, pa);
        if (!d->rd)
            break;
        to[k] = d->rd[pa & 0xfff];
    }
    return k;
}

static void store_control(const struct x86 *cpu, struct vmcb *v)
{
    const struct virt_now *n = &cpu->virt.now;
    const struct virt_guest *g = &cpu->guest;
    uint8_t bytes[15] = {0};
    uint64_t ints = vmcb_get(v, VMCB_INT, 8) & ~(uint64_t)(INT_TPR | INT_IRQ);
    vmcb_put(v, VMCB_INT, 8, ints | g->v_tpr | (g->v_irq ? INT_IRQ : 0));
    vmcb_put(v, VMCB_SHADOW, 8, cpu->inhibit);
    vmcb_put(v, VMCB_EXITCODE, 8, n->reason);
    vmcb_put(v, VMCB_EXITINFO1, 8, n->info1);
    vmcb_put(v, VMCB_EXITINFO2, 8, n->info2);
    vmcb_put(v, VMCB_EXITINTINFO, 4, n->event);
    vmcb_put(v, VMCB_EXITINTINFO + 4, 4, n->event_error);
    vmcb_put(v, VMCB_EVENTINJ, 8, 0);
    vmcb_put(v, VMCB_NEXT_RIP, 8, has_next_rip(n) ? n->next_rip : 0);
    vmcb_put(v, VMCB_BYTES, 1, instruction_bytes(cpu, n, bytes));
    memcpy(v->byte + VMCB_BYTES + 1, bytes, sizeof bytes);
}

/* Back to what VMRUN kept (15.6). The processor is at CPL 0 in protected mode, with interrupts held back. */
static void to_host(struct x86 *cpu)
{
    const struct virt_host *h = &cpu->virt.host;
    const uint64_t dr7 = cpu->dr[7];
    if (cpu->guest.nested)
        cpu->msr.pat = h->pat;
    memcpy(cpu->seg, h->seg, sizeof h->seg);
    cpu->gdtr = h->gdtr;
    cpu->idtr = h->idtr;
    cpu->cr0 = h->cr0 | CR0_PE;
    cpu->cr3 = h->cr3;
    cpu->cr4 = h->cr4;
    cpu->efer = h->efer;
    eflags_set(cpu, h->flags & FLAGS_ALL & ~(uint64_t)FLAG_VM);
    cpu->gpr[REG_RIP] = h->rip;
    cpu->gpr[RSP] = h->rsp;
    cpu->gpr[RAX] = h->rax;
    cpu->dr[7] = 0x400;
    cpu->cpl = 0;
    cpu->inhibit = false;
    cpu->guest = (struct virt_guest){0};
    cpu->virt.held = true;
    cpu->virt.now = (struct virt_now){0};
    if (uses_pdptes(cpu) && !pdptes_read(cpu, cpu->cr3, cpu->pdpte))
        cpu->shutdown = true;
    virt_world_changed(cpu, dr7);
    cpu->tf_pending = h->flags & FLAG_TF; /* VMRUN was single-stepped: the trap is due after it */
    cpu->attention = true;
}

void svm_leave(struct x86 *cpu)
{
    struct vmcb v;
    exit_event(cpu, &cpu->virt.now);
    vmcb_read(cpu, cpu->guest.vmcb, &v);
    store_control(cpu, &v);
    vmcb_store_state(cpu, &v);
    const uint64_t pa = cpu->guest.vmcb;
    vmcb_write(cpu, pa, &v, VMCB_INT, VMCB_CONTROL_END);
    vmcb_write(cpu, pa, &v, VMCB_SAVE, VMCB_SAVE_END);
    cpu->delivering = false;
    to_host(cpu);
    cpu->left--;
}
