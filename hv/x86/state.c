/* state.c - reset, saving and loading: one table of all the state of a processor. */
#include <stdio.h>

#include "hv/x86/system/sys.h"
#include "hv/x86/virt/virt.h"

/* ---------------------------------------------------------------- the table */

#define NUMBER(text, member)  FIELD_AS(text, struct x86, member)
#define NUMBERS(text, member) FIELDS_AS(text, struct x86, member)
#define PLAIN(member)         NUMBER(#member, member)
#define MSR(member)           NUMBER(#member, msr.member)
#define MSRS(member)          NUMBERS(#member, msr.member)
#define SEGMENT(text, n)      FIELD_STRUCT_AS(text, struct x86, seg[n], seg_fields)

/* Of "es": the selector is "es" itself. */
static const struct field seg_fields[] = {FIELD_AS("", struct seg, sel), FIELD(struct seg, base),
                                          FIELD(struct seg, limit), FIELD(struct seg, attr),
                                          FIELD(struct seg, null)};
static const struct field odd_fields[] = {FIELDS(struct odd_told, page), FIELD(struct odd_told, count)};
static const struct field fpreg_fields[] = {FIELD(struct fpreg, sig), FIELD(struct fpreg, exp)};
static const struct field xmm_fields[] = {FIELDS_AS("", union xmm, q)};

static const struct field fields[] = {
    NUMBER("rax", gpr[RAX]),
    NUMBER("rcx", gpr[RCX]),
    NUMBER("rdx", gpr[RDX]),
    NUMBER("rbx", gpr[RBX]),
    NUMBER("rsp", gpr[RSP]),
    NUMBER("rbp", gpr[RBP]),
    NUMBER("rsi", gpr[RSI]),
    NUMBER("rdi", gpr[RDI]),
    NUMBER("r8", gpr[R8]),
    NUMBER("r9", gpr[R9]),
    NUMBER("r10", gpr[R10]),
    NUMBER("r11", gpr[R11]),
    NUMBER("r12", gpr[R12]),
    NUMBER("r13", gpr[R13]),
    NUMBER("r14", gpr[R14]),
    NUMBER("r15", gpr[R15]),
    NUMBER("rip", gpr[REG_RIP]),
    NUMBER("eflags", flags),
    SEGMENT("es", ES),
    SEGMENT("cs", CS),
    SEGMENT("ss", SS),
    SEGMENT("ds", DS),
    SEGMENT("fs", FS),
    SEGMENT("gs", GS),
    SEGMENT("ldtr", LDTR),
    SEGMENT("tr", TR),
    NUMBER("gdtr.base", gdtr.base),
    NUMBER("gdtr.limit", gdtr.limit),
    NUMBER("idtr.base", idtr.base),
    NUMBER("idtr.limit", idtr.limit),
    PLAIN(cr0),
    PLAIN(cr2),
    PLAIN(cr3),
    PLAIN(cr4),
    PLAIN(efer),
    PLAIN(xcr0),
    PLAIN(random),
    NUMBERS("pdpte", pdpte),
    NUMBERS("dr", dr),
    MSR(star),
    MSR(lstar),
    MSR(cstar),
    MSR(fmask),
    MSR(kernel_gs_base),
    MSR(tsc_aux),
    MSR(sysenter_cs),
    MSR(sysenter_esp),
    MSR(sysenter_eip),
    MSR(pat),
    MSR(misc_enable),
    MSR(mtrr_def),
    MSRS(mtrr_fix),
    MSRS(mtrr_var),
    MSR(tsc_offset),
    MSR(mcg_status),
    MSR(mcg_ctl),
    MSRS(mc),
    MSR(smbase),
    MSR(spec_ctrl),
    MSR(bios_sign),
    MSR(tsc_adjust),
    MSR(feature_control),
    PLAIN(cpl),
    PLAIN(inhibit),
    PLAIN(halted),
    PLAIN(shutdown),
    NUMBERS("led", led),
    NUMBERS("led_cr2", led_cr2),
    FIELD_STRUCTS_AS("odd#", struct x86, odd, odd_fields),
    PLAIN(zeros_page),
    PLAIN(in_smm),
    PLAIN(nmi_blocked),
    PLAIN(intr),
    PLAIN(nmi_pending),
    PLAIN(smi_pending),
    PLAIN(init_pending),
    PLAIN(sipi_pending),
    PLAIN(wait_sipi),
    PLAIN(sipi_vector),
    PLAIN(tf_pending),
    PLAIN(data_breaks),
    PLAIN(seen_ring3),
    FIELD_STRUCTS_AS("fpr#", struct x86, fpu.r, fpreg_fields),
    NUMBER("fpu.cw", fpu.cw),
    NUMBER("fpu.sw", fpu.sw),
    NUMBER("fpu.empty", fpu.empty),
    NUMBER("fpu.fop", fpu.fop),
    NUMBER("fpu.fcs", fpu.fcs),
    NUMBER("fpu.fds", fpu.fds),
    NUMBER("fpu.fip", fpu.fip),
    NUMBER("fpu.fdp", fpu.fdp),
    NUMBER("mxcsr", fpu.mxcsr),
    FIELD_STRUCTS_AS("xmm#", struct x86, xmm, xmm_fields),
};

static const struct field dtable_fields[] = {FIELD(struct dtable, base), FIELD(struct dtable, limit)};
static const struct field guest_fields[] = {
    FIELD(struct virt_guest, runs),         FIELD(struct virt_guest, nested),
    FIELD(struct virt_guest, masking),      FIELD(struct virt_guest, v_irq),
    FIELD(struct virt_guest, v_any_tpr),    FIELD(struct virt_guest, v_tpr),
    FIELD(struct virt_guest, v_priority),   FIELD(struct virt_guest, v_vector),
    FIELDS(struct virt_guest, wants),       FIELD(struct virt_guest, asid),
    FIELD(struct virt_guest, inject),       FIELD(struct virt_guest, inject_error),
    FIELD(struct virt_guest, vmcb),         FIELD(struct virt_guest, ncr3),
    FIELD(struct virt_guest, iopm),         FIELD(struct virt_guest, msrpm),
    FIELD(struct virt_guest, tsc_offset),   FIELD(struct virt_guest, inject_rip),
    FIELD(struct virt_guest, pause_at),     FIELD(struct virt_guest, pause_filter),
    FIELD(struct virt_guest, pause_window), FIELD(struct virt_guest, pause_left),
};
/* Models with SVM have these. */
static const struct field virt_fields[] = {
    FIELD_STRUCT_AS("guest", struct x86, guest, guest_fields),
    FIELD_STRUCT_AS("asleep", struct x86, virt.asleep, guest_fields),
    NUMBER("held", virt.held),
    FIELD_STRUCTS_AS("host.seg#", struct x86, virt.host.seg, seg_fields),
    FIELD_STRUCT_AS("host.gdtr", struct x86, virt.host.gdtr, dtable_fields),
    FIELD_STRUCT_AS("host.idtr", struct x86, virt.host.idtr, dtable_fields),
    NUMBER("host.cr0", virt.host.cr0),
    NUMBER("host.cr3", virt.host.cr3),
    NUMBER("host.cr4", virt.host.cr4),
    NUMBER("host.efer", virt.host.efer),
    NUMBER("host.eflags", virt.host.flags),
    NUMBER("host.rip", virt.host.rip),
    NUMBER("host.rsp", virt.host.rsp),
    NUMBER("host.rax", virt.host.rax),
    NUMBER("host.pat", virt.host.pat),
    NUMBER("vm_hsave_pa", virt.hsave_pa),
    NUMBER("vm_cr", virt.vm_cr),
};

/* Models with VMX have these. */
static const struct field vmx_fields[] = {
    FIELD_STRUCT_AS("guest", struct x86, guest, guest_fields),
    FIELD_STRUCT_AS("asleep", struct x86, virt.asleep, guest_fields),
    NUMBER("vmx.on", vmx.on),
    NUMBER("vmx.by_ss", vmx.by_ss),
    NUMBER("vmx.mtf_due", vmx.mtf_due),
    NUMBER("vmx.tpr_due", vmx.tpr_due),
    NUMBER("vmx.tpr_threshold", vmx.tpr_threshold),
    NUMBER("vmx.pin", vmx.pin),
    NUMBER("vmx.first", vmx.first),
    NUMBER("vmx.second", vmx.second),
    NUMBER("vmx.pf_mask", vmx.pf_mask),
    NUMBER("vmx.pf_match", vmx.pf_match),
    NUMBER("vmx.ple_gap", vmx.ple_gap),
    NUMBER("vmx.ple_window", vmx.ple_window),
    NUMBER("vmx.cr3_targets", vmx.cr3_targets),
    NUMBER("vmx.vmxon_pa", vmx.vmxon_pa),
    NUMBER("vmx.vmcs", vmx.vmcs),
    NUMBER("vmx.cr0_mask", vmx.cr0_mask),
    NUMBER("vmx.cr0_shadow", vmx.cr0_shadow),
    NUMBER("vmx.cr4_mask", vmx.cr4_mask),
    NUMBER("vmx.cr4_shadow", vmx.cr4_shadow),
    NUMBERS("vmx.cr3_target", vmx.cr3_target),
    NUMBER("vmx.io_b", vmx.io_b),
    NUMBER("vmx.vapic", vmx.vapic),
    NUMBER("vmx.xss_bitmap", vmx.xss_bitmap),
    NUMBER("vmx.timer_end", vmx.timer_end),
    NUMBER("vmx.ple_first", vmx.ple_first),
};

/* Models with AVX have these after the others: a state without them is as it always was. */
static const struct field avx_fields[] = {FIELD_STRUCTS_AS("ymmh#", struct x86, ymmh, xmm_fields)};

struct field_table x86_saved(const struct x86 *cpu)
{
    enum {
        N = FIELD_COUNT(fields),
        AVX = FIELD_COUNT(avx_fields),
        VIRT = FIELD_COUNT(virt_fields),
        VMX = FIELD_COUNT(vmx_fields)
    };
    struct field all[N + AVX + VIRT + VMX];
    size_t n = N;
    memcpy(all, fields, sizeof fields);
    if (cpu_has(cpu, FT_AVX)) {
        memcpy(all + n, avx_fields, sizeof avx_fields);
        n += AVX;
    }
    if (cpu_has(cpu, FT_SVM)) {
        memcpy(all + n, virt_fields, sizeof virt_fields);
        n += VIRT;
    }
    if (cpu_has(cpu, FT_VMX)) {
        memcpy(all + n, vmx_fields, sizeof vmx_fields);
        n += VMX;
    }
    return fields_flatten(all, n);
}

static void section_name(const struct x86 *cpu, char name[16])
{
    snprintf(name, 16, "cpu%u", cpu->index & 0xff);
}

/* EFLAGS is saved as a whole: the internal form of the lazy flags is not part of the state. */
void x86_save(struct x86 *cpu, const struct snapshot_sink *sink)
{
    char name[16];
    uint64_t system_flags = cpu->flags;
    section_name(cpu, name);
    cpu->flags = eflags_get(cpu);
    sink->section(sink->ctx, name, cpu->saved.fields, cpu->saved.n, cpu);
    cpu->flags = system_flags;
    lacking_save(cpu, sink);
}

static void set_constants(struct x86 *cpu)
{
    cpu->gpr[REG_ZERO] = 0;
    cpu->gpr[REG_4G] = 1ull << 32;
}

int x86_load(struct x86 *cpu, const struct snapshot_source *source)
{
    char name[16];
    section_name(cpu, name);
    if (source->section(source->ctx, name, cpu->saved.fields, cpu->saved.n, cpu) < 0)
        return -1;
    lacking_load(cpu, source);
    eflags_set(cpu, cpu->flags & 0x3f7fd7);
    for (unsigned i = 0; i < NSEG; i++)
        cpu->seg[i].attr &= 0xf0ff;
    cpu->cpl &= 3;
    set_constants(cpu);
    virt_loaded(cpu);
    cpu->op = NULL;
    cpu->block = NULL;
    cpu->stops.said = 0;
    cpu->brk = cpu->stops.hit = cpu->delivering = false;
    cpu->attention = true;
    tlb_flush(cpu);
    mode_derive(cpu);
    return 0;
}

/* ---------------------------------------------------------------- reset: SDM volume 3, table 9-1 */

static void reset_segments(struct x86 *cpu)
{
    memset(cpu->seg, 0, sizeof cpu->seg);
    for (unsigned i = ES; i <= GS; i++)
        cpu->seg[i] = (struct seg){.limit = 0xffff, .attr = 0x93};
    cpu->seg[CS].attr = 0x9b;
    cpu->seg[CS].sel = 0xf000;
    cpu->seg[CS].base = 0xffff0000;
    cpu->seg[LDTR] = (struct seg){.limit = 0xffff, .attr = 0x82};
    cpu->seg[TR] = (struct seg){.limit = 0xffff, .attr = 0x8b};
    cpu->gdtr = cpu->idtr = (struct dtable){.limit = 0xffff};
}

/* Resets what INIT does not change. The time-stamp counter counts guest time since power-on, across
 * resets. */
static void power_on(struct x86 *cpu)
{
    memset(&cpu->msr, 0, sizeof cpu->msr);
    memset(&cpu->fpu, 0, sizeof cpu->fpu);
    memset(cpu->xmm, 0, sizeof cpu->xmm);
    memset(cpu->ymmh, 0, sizeof cpu->ymmh);
    cpu->fpu.cw = 0x40;
    cpu->fpu.mxcsr = 0x1f80;
    cpu->msr.pat = 0x0007040600070406;
    cpu->msr.misc_enable = 1;
    cpu->msr.smbase = 0x30000;
    cpu->xcr0 = 1;
    cpu->seen_ring3 = false;
    cpu->smi_pending = cpu->intr = false;
    cpu->sipi_vector = 0;
}

void x86_advance_tsc(struct x86 *cpu, uint64_t by)
{
    cpu->msr.tsc_offset += by;
}

void x86_reset(struct x86 *cpu, bool init)
{
    uint64_t caches = init ? cpu->cr0 & (CR0_CD | CR0_NW) : CR0_CD | CR0_NW;
    if (!init)
        power_on(cpu);
    if (cpu->in_smm)
        cpu->bus.smm(cpu->bus.ctx, false);
    memset(cpu->gpr, 0, sizeof cpu->gpr);
    set_constants(cpu);
    cpu->gpr[RDX] = cpuid_signature(cpu);
    cpu->gpr[REG_RIP] = 0xfff0;
    eflags_set(cpu, FLAG_1);
    reset_segments(cpu);
    cpu->cr0 = CR0_ET | caches;
    cpu->cr2 = cpu->cr3 = cpu->cr4 = cpu->efer = 0;
    memset(cpu->pdpte, 0, sizeof cpu->pdpte);
    memset(cpu->dr, 0, sizeof cpu->dr);
    cpu->dr[6] = 0xffff0ff0;
    cpu->dr[7] = 0x400;
    cpu->cpl = 0;
    cpu->inhibit = cpu->halted = cpu->shutdown = cpu->in_smm = cpu->nmi_blocked = false;
    cpu->nmi_pending = cpu->init_pending = cpu->sipi_pending = false;
    debug_taken(cpu);
    memset(cpu->led, 0, sizeof cpu->led);
    memset(cpu->led_cr2, 0, sizeof cpu->led_cr2);
    memset(cpu->odd, 0, sizeof cpu->odd);
    memset(&cpu->lacking, 0, sizeof cpu->lacking);
    cpu->zeros_page = 0;
    virt_reset(cpu, init);
    cpu->wait_sipi = cpu->index > 0;
    cpu->delivering = false;
    cpu->attention = true;
    tlb_flush(cpu);
    mode_derive(cpu);
}
