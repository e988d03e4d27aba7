/* vmx.c - Intel's entry into a guest and the exit from it. SDM volume 3: VM entries 26.3 to 26.7, VM exits 27.2 to 27.6. */
#include "hv/x86/virt/vmx.h"

#include <stdio.h>

#include "hv/x86/decode/decode.h"
#include "hv/x86/virt/vmx_guest.h"

/* EFLAGS as it can be. */
enum { FLAGS_ALL = 0x3f7fd7 };
enum {
    CR0_KEPT = CR0_CD | CR0_NW,
    CR0_LOADED = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_PG
};
/* Exit reasons of entries that fail: the guest's state, the list of MSRs. */
enum { BAD_GUEST = 33, BAD_MSRS = 34 };
#define ENTRY_FAILED (1u << 31)

/* ---------------------------------------------------------------- registers */

/* One register that is in a field as it is: `size` bytes in struct x86. */
static const struct slot {
    uint16_t field;
    uint8_t size;
    uint32_t member;
} guest_slots[] = {
#define SLOT(field, member)                                                                                  \
    {                                                                                                        \
        VMCS_##field, sizeof(((struct x86 *)0)->member), offsetof(struct x86, member)                        \
    }
    SLOT(GUEST_GDTR_BASE, gdtr.base),
    SLOT(GUEST_GDTR_LIMIT, gdtr.limit),
    SLOT(GUEST_IDTR_BASE, idtr.base),
    SLOT(GUEST_IDTR_LIMIT, idtr.limit),
    SLOT(GUEST_CR3, cr3),
    SLOT(GUEST_CR4, cr4),
    SLOT(GUEST_RSP, gpr[RSP]),
    SLOT(GUEST_RIP, gpr[REG_RIP]),
    SLOT(GUEST_SYSENTER_CS, msr.sysenter_cs),
    SLOT(GUEST_SYSENTER_ESP, msr.sysenter_esp),
    SLOT(GUEST_SYSENTER_EIP, msr.sysenter_eip),
};
static const struct slot host_slots[] = {
    SLOT(HOST_GDTR_BASE, gdtr.base),
    SLOT(HOST_IDTR_BASE, idtr.base),
    SLOT(HOST_CR3, cr3),
    SLOT(HOST_CR4, cr4),
    SLOT(HOST_RSP, gpr[RSP]),
    SLOT(HOST_RIP, gpr[REG_RIP]),
    SLOT(HOST_SYSENTER_CS, msr.sysenter_cs),
    SLOT(HOST_SYSENTER_ESP, msr.sysenter_esp),
    SLOT(HOST_SYSENTER_EIP, msr.sysenter_eip),
};
#define COUNT(table) (sizeof(table) / sizeof *(table))

static void load_slots(struct x86 *cpu, const struct vmcs *v, const struct slot *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        memcpy((char *)cpu + s[i].member, &v->value[s[i].field], s[i].size);
}

/* The fields of a segment register follow those of the one before it. LDTR and TR come behind GS, as SEG_NONE does here. */
static unsigned segment_row(unsigned seg)
{
    return seg < SEG_NONE ? seg : seg - 1;
}

enum { AR_BITS = 0xf0ff, AR_UNUSABLE = 1 << 16 };

static void load_segment(struct x86 *cpu, const struct vmcs *v, unsigned seg)
{
    const unsigned i = segment_row(seg);
    const uint64_t ar = v->value[VMCS_GUEST_ES_AR + i];
    cpu->seg[seg] = (struct seg){.sel = (uint16_t)v->value[VMCS_GUEST_ES + i],
                                 .attr = ar & AR_BITS,
                                 .limit = (uint32_t)v->value[VMCS_GUEST_ES_LIMIT + i],
                                 .base = v->value[VMCS_GUEST_ES_BASE + i],
                                 .null = ar & AR_UNUSABLE ? 1 : 0};
}

/* The privilege level of SS is CPL, whether it is null or not. */
static void store_segment(const struct x86 *cpu, struct vmcs *v, unsigned seg)
{
    const unsigned i = segment_row(seg);
    const struct seg *s = &cpu->seg[seg];
    uint64_t ar = s->attr | (s->null ? AR_UNUSABLE : 0);
    if (seg == SS)
        ar = (ar & ~(uint64_t)SEG_DPL) | (uint64_t)cpu->cpl << 5;
    v->value[VMCS_GUEST_ES + i] = s->sel;
    v->value[VMCS_GUEST_ES_AR + i] = ar;
    v->value[VMCS_GUEST_ES_LIMIT + i] = s->limit;
    v->value[VMCS_GUEST_ES_BASE + i] = s->base;
}

/* ---------------------------------------------------------------- entry */

/* What ends the guest's run whatever the controls say, and by which bit of them the rest. */
static const struct {
    uint8_t reason, word;
    uint32_t bit;
} wanted[] = {
    {VIRT_CPUID, VMX_ALWAYS, 0},
    {VIRT_INVD, VMX_ALWAYS, 0},
    {VIRT_XSETBV, VMX_ALWAYS, 0},
    {VIRT_SHUTDOWN, VMX_ALWAYS, 0},
    {VIRT_TASK, VMX_ALWAYS, 0},
    {VIRT_MSR, VMX_ALWAYS, 0},
    {VIRT_HLT, VMX_FIRST, VMX_FIRST_HLT},
    {VIRT_INVLPG, VMX_FIRST, VMX_FIRST_INVLPG},
    {VIRT_MWAIT, VMX_FIRST, VMX_FIRST_MWAIT},
    {VIRT_RDPMC, VMX_FIRST, VMX_FIRST_RDPMC},
    {VIRT_RDTSC, VMX_FIRST, VMX_FIRST_RDTSC},
    {VIRT_RDTSCP, VMX_FIRST, VMX_FIRST_RDTSC},
    {VIRT_IO, VMX_FIRST, VMX_FIRST_IO | VMX_FIRST_IO_BITMAPS},
    {VIRT_MONITOR, VMX_FIRST, VMX_FIRST_MONITOR},
    {VIRT_PAUSE, VMX_FIRST, VMX_FIRST_PAUSE},
    {VIRT_PAUSE, VMX_SECOND, VMX_SECOND_PAUSE_LOOP},
    {VIRT_VINTR, VMX_FIRST, VMX_FIRST_INTR_WINDOW},
    {VIRT_INVPCID, VMX_FIRST, VMX_FIRST_INVLPG},
    {VIRT_WBINVD, VMX_SECOND, VMX_SECOND_WBINVD},
    {VIRT_IDTR_READ, VMX_SECOND, VMX_SECOND_TABLES},
    {VIRT_GDTR_READ, VMX_SECOND, VMX_SECOND_TABLES},
    {VIRT_LDTR_READ, VMX_SECOND, VMX_SECOND_TABLES},
    {VIRT_TR_READ, VMX_SECOND, VMX_SECOND_TABLES},
    {VIRT_IDTR_WRITE, VMX_SECOND, VMX_SECOND_TABLES},
    {VIRT_GDTR_WRITE, VMX_SECOND, VMX_SECOND_TABLES},
    {VIRT_LDTR_WRITE, VMX_SECOND, VMX_SECOND_TABLES},
    {VIRT_TR_WRITE, VMX_SECOND, VMX_SECOND_TABLES},
};

static uint32_t second_of(const struct vmcs *v)
{
    return v->value[VMCS_FIRST] & VMX_FIRST_SECOND ? (uint32_t)v->value[VMCS_SECOND] : 0;
}

static void set_wants(struct virt_guest *g, const struct vmcs *v)
{
    const uint32_t words[] = {
        [VMX_ALWAYS] = 0, [VMX_FIRST] = (uint32_t)v->value[VMCS_FIRST], [VMX_SECOND] = second_of(v)};
    for (size_t i = 0; i < COUNT(wanted); i++)
        if (wanted[i].word == VMX_ALWAYS || words[wanted[i].word] & wanted[i].bit)
            g->wants[wanted[i].reason / 32] |= 1u << wanted[i].reason % 32;
    g->wants[VIRT_EXCEPTION / 32] = (uint32_t)v->value[VMCS_EXCEPTIONS];
}

/* Guest time at which the preemption timer has counted down: 25.5.1. It counts when bit VMX_TIMER_RATE of the TSC changes. */
static uint64_t timer_end(const struct x86 *cpu, uint64_t value)
{
    const uint64_t end = ((x86_tsc(cpu) >> VMX_TIMER_RATE) + value) << VMX_TIMER_RATE;
    return end - cpu->msr.tsc_offset;
}

static uint64_t timer_left(const struct x86 *cpu)
{
    const uint64_t end = (cpu->vmx.timer_end + cpu->msr.tsc_offset) >> VMX_TIMER_RATE,
                   now = x86_tsc(cpu) >> VMX_TIMER_RATE;
    return end > now ? end - now : 0;
}

static void load_vmx(struct x86 *cpu, const struct vmcs *v)
{
    struct vmx *x = &cpu->vmx;
    x->pin = (uint32_t)v->value[VMCS_PIN];
    x->first = (uint32_t)v->value[VMCS_FIRST];
    x->second = second_of(v);
    x->pf_mask = (uint32_t)v->value[VMCS_PF_MASK];
    x->pf_match = (uint32_t)v->value[VMCS_PF_MATCH];
    x->ple_gap = (uint32_t)v->value[VMCS_PLE_GAP];
    x->ple_window = (uint32_t)v->value[VMCS_PLE_WINDOW];
    x->cr3_targets = (uint32_t)v->value[VMCS_CR3_TARGETS];
    x->cr0_mask = v->value[VMCS_CR0_MASK];
    x->cr0_shadow = v->value[VMCS_CR0_SHADOW];
    x->cr4_mask = v->value[VMCS_CR4_MASK];
    x->cr4_shadow = v->value[VMCS_CR4_SHADOW];
    memcpy(x->cr3_target, &v->value[VMCS_CR3_TARGET0], sizeof x->cr3_target);
    x->io_b = v->value[VMCS_IO_BITMAP_B];
    x->vapic = v->value[VMCS_VIRTUAL_APIC];
    x->xss_bitmap = v->value[VMCS_XSS_BITMAP];
    x->tpr_threshold = v->value[VMCS_TPR_THRESHOLD] & 15;
    x->timer_end = x->pin & VMX_PIN_TIMER ? timer_end(cpu, v->value[VMCS_TIMER]) : 0;
    x->ple_first = 0;
    x->mtf_due = x->tpr_due = false;
}

static void load_control(struct x86 *cpu, const struct vmcs *v)
{
    const uint32_t first = (uint32_t)v->value[VMCS_FIRST], second = second_of(v);
    const uint32_t event = (uint32_t)v->value[VMCS_ENTRY_EVENT];
    struct virt_guest *g = &cpu->guest;
    *g = (struct virt_guest){
        .runs = true,
        .nested = second & VMX_SECOND_EPT,
        .v_irq = first & VMX_FIRST_INTR_WINDOW,
        .v_any_tpr = true,
        .asid = second & VMX_SECOND_VPID ? (uint32_t)v->value[VMCS_VPID] : 0,
        .vmcb = cpu->vmx.vmcs,
        .ncr3 = v->value[VMCS_EPTP],
        .iopm = v->value[VMCS_IO_BITMAP_A],
        .msrpm = v->value[VMCS_MSR_BITMAP],
        .tsc_offset = first & VMX_FIRST_TSC_OFFSET ? v->value[VMCS_TSC_OFFSET] : 0,
        .inject = event & VMX_EVENT_VALID ? event : 0,
        .inject_error = (uint32_t)v->value[VMCS_ENTRY_EVENT_ERROR],
        .inject_rip = v->value[VMCS_GUEST_RIP] + v->value[VMCS_ENTRY_LENGTH],
    };
    set_wants(g, v);
}

/* 26.3.2.1: EFER, where it is not loaded, takes its bits for long mode from the control. */
static uint64_t efer_of(const struct x86 *cpu, const struct vmcs *v)
{
    const uint64_t both = EFER_LMA | EFER_LME;
    if (v->value[VMCS_ENTRY] & VMX_ENTRY_LOAD_EFER)
        return v->value[VMCS_GUEST_EFER];
    if (v->value[VMCS_ENTRY] & VMX_ENTRY_GUEST64)
        return cpu->efer | both;
    return cpu->efer & ~(v->value[VMCS_GUEST_CR0] & CR0_PG ? both : (uint64_t)EFER_LMA);
}

static void load_guest(struct x86 *cpu, const struct vmcs *v)
{
    const uint32_t entry = (uint32_t)v->value[VMCS_ENTRY];
    cpu->efer = efer_of(cpu, v);
    cpu->cr0 = (cpu->cr0 & CR0_KEPT) | (v->value[VMCS_GUEST_CR0] & CR0_LOADED) | CR0_ET;
    load_slots(cpu, v, guest_slots, COUNT(guest_slots));
    for (unsigned s = ES; s < NSEG; s++)
        if (s != SEG_NONE)
            load_segment(cpu, v, s);
    eflags_set(cpu, v->value[VMCS_GUEST_RFLAGS] & FLAGS_ALL);
    if (entry & VMX_ENTRY_LOAD_DEBUG)
        cpu->dr[7] = dr_fixed(7, v->value[VMCS_GUEST_DR7]);
    if (entry & VMX_ENTRY_LOAD_PAT)
        cpu->msr.pat = v->value[VMCS_GUEST_PAT];
    cpu->cpl = real_mode(cpu) ? 0 : v86_mode(cpu) ? 3 : (uint8_t)dpl_of(cpu->seg[SS].attr);
    if (uses_pdptes(cpu) && cpu->guest.nested)
        memcpy(cpu->pdpte, &v->value[VMCS_GUEST_PDPTE0], sizeof cpu->pdpte);
    else if (uses_pdptes(cpu))
        pdptes_read(cpu, cpu->cr3, cpu->pdpte);
}

/* 26.4.1, 26.6: interruptibility, activity, pending debug exceptions. */
static void load_state(struct x86 *cpu, const struct vmcs *v)
{
    enum { PENDING_BS = 1 << 14 };
    const uint64_t blocking = v->value[VMCS_BLOCKING], activity = v->value[VMCS_ACTIVITY],
                   pending = v->value[VMCS_PENDING_DEBUG];
    cpu->inhibit = blocking & (BLOCKED_STI | BLOCKED_SS);
    cpu->vmx.by_ss = blocking & BLOCKED_SS;
    cpu->nmi_blocked = blocking & BLOCKED_NMI;
    cpu->halted = activity == ACTIVITY_HLT;
    cpu->wait_sipi = activity == ACTIVITY_SIPI;
    cpu->sipi_pending = false;
    /* An event that is injected comes first, and pending traps are lost if it is none that a shadow holds back (26.6.3). */
    cpu->data_breaks = cpu->guest.inject ? 0 : pending & 15;
    cpu->tf_pending = !cpu->guest.inject && pending & PENDING_BS;
}

enum { EVENT_TYPE = 8, TYPE_MTF = 7 };

/* 26.5.2, 26.6: an event that is injected; exits that are due at once. */
static void load_event(struct x86 *cpu)
{
    struct virt_guest *g = &cpu->guest;
    const uint32_t first = cpu->vmx.first;
    if (g->inject && (g->inject >> EVENT_TYPE & 7) == TYPE_MTF) {
        g->inject = 0;
        cpu->vmx.mtf_due = true;
    }
    if (g->inject && first & VMX_FIRST_MTF)
        cpu->vmx.mtf_due = true; /* after the delivery */
    if (first & VMX_FIRST_TPR_SHADOW && virt_cr8_get(cpu) < cpu->vmx.tpr_threshold)
        cpu->vmx.tpr_due = true;
}

static void enter_event(struct x86 *cpu)
{
    struct event ev = {.kind = EV_VIRT_ENTER};
    ev.f[EVF_VIRT_ENTER_vmcb] = cpu->guest.vmcb;
    ev.f[EVF_VIRT_ENTER_asid] = 1ull << 32 | cpu->guest.asid;
    ev.f[EVF_VIRT_ENTER_cs] = cpu->seg[CS].sel;
    ev.f[EVF_VIRT_ENTER_ip] = cpu->gpr[REG_RIP];
    cpu_event(cpu, &ev);
}

void vmx_refused_event(struct x86 *cpu, bool launch, unsigned error, const char *why)
{
    char text[200];
    const char *name = launch ? "VMLAUNCH" : "VMRESUME";
    if (error & 1u << 31)
        snprintf(text, sizeof text, "%s, exit reason %u: %s", name, error & 0xffff, why);
    else
        snprintf(text, sizeof text, "%s, error %u: %s", name, error, why);
    struct event ev = {.kind = EV_VIRT_REFUSED, .data = text, .len = (uint32_t)strlen(text)};
    ev.f[EVF_VIRT_REFUSED_vmcb] = cpu->vmx.vmcs;
    ev.f[EVF_VIRT_REFUSED_ip] = cpu->gpr[REG_RIP];
    cpu_event(cpu, &ev);
}

static void to_host(struct x86 *cpu, const struct vmcs *v, bool by_nmi);

/* 26.7: an exit of another kind, which stores nothing of the guest. No guest ran, so it is in the step of the instruction. */
static void fail_entry(struct x86 *cpu, struct vmcs *v, bool launch, uint32_t reason, uint64_t qualification,
                       const char *why)
{
    vmx_refused_event(cpu, launch, ENTRY_FAILED | reason, why);
    v->value[VMCS_REASON] = ENTRY_FAILED | reason;
    v->value[VMCS_QUALIFICATION] = qualification;
    vmcs_write(cpu, cpu->vmx.vmcs, v);
    to_host(cpu, v, false);
}

void vmx_enter(struct x86 *cpu, struct vmcs *v, bool launch)
{
    const uint64_t dr7 = cpu->dr[7];
    uint64_t qualification = 0;
    const char *why = vmx_bad_guest(cpu, v, &qualification);
    if (why) {
        fail_entry(cpu, v, launch, BAD_GUEST, qualification, why);
        return;
    }
    load_vmx(cpu, v);
    load_control(cpu, v);
    load_guest(cpu, v);
    virt_world_changed(cpu, dr7);
    load_state(cpu, v);
    const unsigned bad =
        vmx_list_load(cpu, v->value[VMCS_ENTRY_MSR_LOAD], (unsigned)v->value[VMCS_ENTRY_MSR_LOADS]);
    if (bad) {
        fail_entry(cpu, v, launch, BAD_MSRS, bad, "an entry of the list of MSRs to load cannot be loaded");
        return;
    }
    if (launch)
        physmem_write(cpu->mem, cpu->vmx.vmcs + VMCS_LAUNCHED, &(uint32_t){1}, 4);
    enter_event(cpu);
    load_event(cpu);
    cpu->attention = true;
}

/* ---------------------------------------------------------------- exit */

static void store_control(const struct x86 *cpu, struct vmcs *v, const struct vmx_exit *x)
{
    v->value[VMCS_REASON] = x->reason;
    v->value[VMCS_QUALIFICATION] = x->qualification;
    v->value[VMCS_EXIT_EVENT] = x->event;
    v->value[VMCS_EXIT_EVENT_ERROR] = x->error;
    v->value[VMCS_VECTORING] = x->vectoring;
    v->value[VMCS_VECTORING_ERROR] = x->vectoring_error;
    v->value[VMCS_EXIT_LENGTH] = x->length;
    v->value[VMCS_EXIT_INSTRUCTION] = x->instruction;
    v->value[VMCS_GUEST_LINEAR] = cpu->virt.now.linear;
    v->value[VMCS_GUEST_PHYSICAL] = cpu->virt.now.reason == VIRT_NESTED_FAULT ? cpu->virt.now.info2 : 0;
    v->value[VMCS_ENTRY_EVENT] &= ~(uint64_t)VMX_EVENT_VALID;
    v->value[VMCS_ENTRY] = (v->value[VMCS_ENTRY] & ~(uint64_t)VMX_ENTRY_GUEST64) |
                           (cpu->efer & EFER_LMA ? VMX_ENTRY_GUEST64 : 0);
    if (v->value[VMCS_EXIT] & VMX_EXIT_SAVE_TIMER && cpu->vmx.pin & VMX_PIN_TIMER)
        v->value[VMCS_TIMER] = timer_left(cpu);
}

/* 27.3. */
static void store_guest(struct x86 *cpu, struct vmcs *v)
{
    const uint32_t exit = (uint32_t)v->value[VMCS_EXIT];
    for (size_t i = 0; i < COUNT(guest_slots); i++) {
        v->value[guest_slots[i].field] = 0;
        memcpy(&v->value[guest_slots[i].field], (const char *)cpu + guest_slots[i].member,
               guest_slots[i].size);
    }
    v->value[VMCS_GUEST_CR0] = cpu->cr0;
    v->value[VMCS_GUEST_RFLAGS] = eflags_get(cpu);
    for (unsigned s = ES; s < NSEG; s++)
        if (s != SEG_NONE)
            store_segment(cpu, v, s);
    if (exit & VMX_EXIT_SAVE_DEBUG) {
        v->value[VMCS_GUEST_DR7] = cpu->dr[7];
        v->value[VMCS_GUEST_DEBUGCTL] = 0;
    }
    if (exit & VMX_EXIT_SAVE_PAT)
        v->value[VMCS_GUEST_PAT] = cpu->msr.pat;
    if (exit & VMX_EXIT_SAVE_EFER)
        v->value[VMCS_GUEST_EFER] = cpu->efer;
    if (cpu->guest.nested && uses_pdptes(cpu))
        memcpy(&v->value[VMCS_GUEST_PDPTE0], cpu->pdpte, sizeof cpu->pdpte);
    v->value[VMCS_BLOCKING] =
        (cpu->inhibit ? cpu->vmx.by_ss ? BLOCKED_SS : BLOCKED_STI : 0) | (cpu->nmi_blocked ? BLOCKED_NMI : 0);
    v->value[VMCS_ACTIVITY] = cpu->wait_sipi ? ACTIVITY_SIPI : cpu->halted ? ACTIVITY_HLT : ACTIVE;
    v->value[VMCS_PENDING_DEBUG] = cpu->virt.now.pending;
}

/* 27.5.2: the hidden parts of segment registers are fixed. */
static void host_segments(struct x86 *cpu, const struct vmcs *v)
{
    enum { TSS_LIMIT = 0x67, CODE = SEG_CODE | SEG_READABLE | SEG_G, DATA = SEG_WRITABLE | SEG_DB | SEG_G };
    const bool wide = v->value[VMCS_EXIT] & VMX_EXIT_HOST64;
    for (unsigned s = ES; s <= GS; s++) {
        const uint16_t sel = (uint16_t)v->value[VMCS_HOST_ES + s];
        cpu->seg[s] = s == CS ? seg_flat(sel, (uint16_t)(CODE | (wide ? SEG_L : SEG_DB)))
                      : sel   ? seg_flat(sel, DATA)
                              : seg_null(0);
    }
    cpu->seg[FS].base = v->value[VMCS_HOST_FS_BASE];
    cpu->seg[GS].base = v->value[VMCS_HOST_GS_BASE];
    cpu->seg[LDTR] = seg_null(0);
    cpu->seg[TR] = (struct seg){.sel = (uint16_t)v->value[VMCS_HOST_TR],
                                .base = v->value[VMCS_HOST_TR_BASE],
                                .limit = TSS_LIMIT,
                                .attr = SEG_P | SYS_TSS32_BUSY};
}

static void host_modes(struct x86 *cpu, const struct vmcs *v)
{
    const uint32_t exit = (uint32_t)v->value[VMCS_EXIT];
    const uint64_t both = EFER_LMA | EFER_LME;
    cpu->efer = exit & VMX_EXIT_LOAD_EFER ? v->value[VMCS_HOST_EFER]
                : exit & VMX_EXIT_HOST64  ? cpu->efer | both
                                          : cpu->efer & ~both;
    cpu->cr0 = (cpu->cr0 & CR0_KEPT) | (v->value[VMCS_HOST_CR0] & CR0_LOADED) | CR0_ET;
    if (exit & VMX_EXIT_LOAD_PAT)
        cpu->msr.pat = v->value[VMCS_HOST_PAT];
    cpu->dr[7] = 0x400;
    eflags_set(cpu, FLAG_1);
    cpu->cpl = 0;
}

/* What a guest leaves of struct vmx: VMX operation goes on. */
static void guest_is_gone(struct x86 *cpu)
{
    const struct vmx x = cpu->vmx;
    cpu->vmx = (struct vmx){.on = x.on, .vmxon_pa = x.vmxon_pa, .vmcs = x.vmcs};
    cpu->guest = (struct virt_guest){0};
    cpu->virt.now = (struct virt_now){0};
}

/* 27.7: nobody can be told. */
static void vmx_abort(struct x86 *cpu, uint32_t indicator)
{
    physmem_write(cpu->mem, cpu->vmx.vmcs + VMCS_ABORT, &indicator, sizeof indicator);
    cpu->shutdown = true;
}
enum { ABORT_STORING = 1, ABORT_PDPTES = 2, ABORT_LOADING = 4 };

/* 27.5: back in the hypervisor. With virtual NMIs what was blocked are the guest's; an exit by an NMI blocks the next one. */
static void to_host(struct x86 *cpu, const struct vmcs *v, bool by_nmi)
{
    const uint64_t dr7 = cpu->dr[7];
    if (by_nmi)
        cpu->nmi_blocked = true;
    else if (cpu->vmx.pin & VMX_PIN_VIRTUAL_NMIS)
        cpu->nmi_blocked = false;
    cpu->inhibit = cpu->wait_sipi = cpu->sipi_pending = false;
    guest_is_gone(cpu);
    host_modes(cpu, v);
    load_slots(cpu, v, host_slots, COUNT(host_slots));
    cpu->gdtr.limit = cpu->idtr.limit = 0xffff;
    host_segments(cpu, v);
    if (uses_pdptes(cpu) && !pdptes_read(cpu, cpu->cr3, cpu->pdpte))
        vmx_abort(cpu, ABORT_PDPTES);
    virt_world_changed(cpu, dr7);
    if (vmx_list_load(cpu, v->value[VMCS_EXIT_MSR_LOAD], (unsigned)v->value[VMCS_EXIT_MSR_LOADS]))
        vmx_abort(cpu, ABORT_LOADING);
    cpu->attention = true;
}

static void exit_event(struct x86 *cpu, const struct vmx_exit *x)
{
    const struct virt_now *n = &cpu->virt.now;
    struct event ev = {.kind = EV_VIRT_EXIT};
    ev.f[EVF_VIRT_EXIT_reason] = VIRT_VMX + x->reason;
    ev.f[EVF_VIRT_EXIT_info1] = x->qualification;
    ev.f[EVF_VIRT_EXIT_info2] = n->reason == VIRT_NESTED_FAULT ? n->info2
                                : n->reason == VIRT_MSR        ? R32(RCX)
                                                               : x->event | (uint64_t)x->error << 32;
    ev.f[EVF_VIRT_EXIT_vmcb] = cpu->guest.vmcb;
    ev.f[EVF_VIRT_EXIT_cs] = cpu->seg[CS].sel;
    ev.f[EVF_VIRT_EXIT_ip] = cpu->gpr[REG_RIP];
    cpu_event(cpu, &ev);
}

void vmx_leave(struct x86 *cpu)
{
    struct vmx_exit x = {0};
    struct vmcs v;
    vmx_exit_of(cpu, &x);
    exit_event(cpu, &x);
    vmcs_read(cpu, cpu->vmx.vmcs, &v);
    store_control(cpu, &v, &x);
    store_guest(cpu, &v);
    vmcs_write(cpu, cpu->vmx.vmcs, &v);
    if (vmx_list_store(cpu, v.value[VMCS_EXIT_MSR_STORE], (unsigned)v.value[VMCS_EXIT_MSR_STORES]))
        vmx_abort(cpu, ABORT_STORING);
    cpu->delivering = false;
    to_host(cpu, &v, x.by_nmi);
    cpu->left--;
}
