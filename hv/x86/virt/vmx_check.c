/* vmx_check.c - what VMLAUNCH and VMRESUME check: a row a check, in the order and nearly in the words of SDM volume 3, 26.2 (controls, host)
 * and 26.3 (guest). A check of the first two kinds is a VM-instruction error; one of the guest's state is an exit of reason 33. */
#include "hv/x86/virt/vmx.h"

struct subject {
    const struct x86 *cpu;
    const struct vmcs *v;
    uint32_t pin, first, second, exit, entry;
};
#define V(field) (s->v->value[VMCS_##field])

enum { ADDRESS_4K = 0xfff, ADDRESS_16 = 0xf };

static bool far(const struct subject *s, uint64_t pa, uint64_t low)
{
    return pa & low || pa >> cpuid_physical_bits(s->cpu);
}
static bool canonical(const struct subject *s, uint64_t a)
{
    return may_be_canonical(s->cpu, a);
}
static bool bad_pat(uint64_t v)
{
    enum { TYPES = 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 };
    for (unsigned i = 0; i < 8; i++, v >>= 8)
        if ((v & 0xff) > 7 || !(TYPES >> (v & 0xff) & 1))
            return true;
    return false;
}
static bool bad_word(const struct subject *s, uint32_t v, enum vmx_word w)
{
    return v & ~vmx_may(s->cpu, w) || ~v & vmx_must(w);
}

bool vmx_eptp_valid(const struct x86 *cpu, uint64_t eptp)
{
    enum { TYPE = 7, UC = 0, WB = 6, LEVELS = 3, LEVELS_4 = 3, RESERVED = 0xf80 };
    const uint64_t type = eptp & TYPE;
    return (type == UC || type == WB) && (eptp >> LEVELS & 7) == LEVELS_4 && !(eptp & RESERVED) &&
           !(eptp >> cpuid_physical_bits(cpu));
}

/* ---------------------------------------------------------------- controls: 26.2.1 */

static bool pin(const struct subject *s)
{
    return bad_word(s, s->pin, VMX_PIN);
}
static bool first(const struct subject *s)
{
    return bad_word(s, s->first, VMX_FIRST);
}
static bool second(const struct subject *s)
{
    return bad_word(s, s->second, VMX_SECOND);
}
static bool targets(const struct subject *s)
{
    return V(CR3_TARGETS) > VMX_CR3_TARGETS;
}
static bool io_maps(const struct subject *s)
{
    return s->first & VMX_FIRST_IO_BITMAPS &&
           (far(s, V(IO_BITMAP_A), ADDRESS_4K) || far(s, V(IO_BITMAP_B), ADDRESS_4K));
}
static bool msr_map(const struct subject *s)
{
    return s->first & VMX_FIRST_MSR_BITMAPS && far(s, V(MSR_BITMAP), ADDRESS_4K);
}
static bool virtual_apic(const struct subject *s)
{
    return s->first & VMX_FIRST_TPR_SHADOW && far(s, V(VIRTUAL_APIC), ADDRESS_4K);
}
static bool threshold(const struct subject *s)
{
    return s->first & VMX_FIRST_TPR_SHADOW && V(TPR_THRESHOLD) >> 4;
}
static bool threshold_above(const struct subject *s)
{
    enum { VTPR = 0x80 };
    uint8_t vtpr;
    if (!(s->first & VMX_FIRST_TPR_SHADOW))
        return false;
    physmem_read(s->cpu->mem, V(VIRTUAL_APIC) + VTPR, &vtpr, 1);
    return (V(TPR_THRESHOLD) & 15) > vtpr >> 4;
}
static bool virtual_nmis(const struct subject *s)
{
    return s->pin & VMX_PIN_VIRTUAL_NMIS && !(s->pin & VMX_PIN_NMI);
}
static bool nmi_window(const struct subject *s)
{
    return s->first & VMX_FIRST_NMI_WINDOW && !(s->pin & VMX_PIN_VIRTUAL_NMIS);
}
static bool vpid(const struct subject *s)
{
    return s->second & VMX_SECOND_VPID && !V(VPID);
}
static bool eptp(const struct subject *s)
{
    return s->second & VMX_SECOND_EPT && !vmx_eptp_valid(s->cpu, V(EPTP));
}
static bool unrestricted(const struct subject *s)
{
    return s->second & VMX_SECOND_UNRESTRICTED && !(s->second & VMX_SECOND_EPT);
}
static bool exit_controls(const struct subject *s)
{
    return bad_word(s, s->exit, VMX_EXIT);
}
static bool save_timer(const struct subject *s)
{
    return s->exit & VMX_EXIT_SAVE_TIMER && !(s->pin & VMX_PIN_TIMER);
}
static bool list(const struct subject *s, uint64_t n, uint64_t pa)
{
    enum { ENTRY_BYTES = 16 };
    return n && (far(s, pa, ADDRESS_16) || far(s, pa + n * ENTRY_BYTES - 1, 0));
}
static bool store_list(const struct subject *s)
{
    return list(s, V(EXIT_MSR_STORES), V(EXIT_MSR_STORE));
}
static bool load_list(const struct subject *s)
{
    return list(s, V(EXIT_MSR_LOADS), V(EXIT_MSR_LOAD));
}
static bool entry_controls(const struct subject *s)
{
    return bad_word(s, s->entry, VMX_ENTRY);
}
static bool entry_list(const struct subject *s)
{
    return list(s, V(ENTRY_MSR_LOADS), V(ENTRY_MSR_LOAD));
}

/* The event to inject: 26.2.1.3. */
enum {
    TYPE_INTERRUPT = 0,
    TYPE_RESERVED = 1,
    TYPE_NMI = 2,
    TYPE_EXCEPTION = 3,
    TYPE_SOFT = 4,
    TYPE_INT1 = 5,
    TYPE_TRAP = 6,
    TYPE_OTHER = 7
};
static uint32_t event(const struct subject *s)
{
    const uint32_t e = (uint32_t)V(ENTRY_EVENT);
    return e & VMX_EVENT_VALID ? e : 0;
}
static unsigned type_of(uint32_t e)
{
    return e >> 8 & 7;
}
static bool event_type(const struct subject *s)
{
    return event(s) && type_of(event(s)) == TYPE_RESERVED;
}
static bool event_vector(const struct subject *s)
{
    const uint32_t e = event(s), vector = e & 0xff;
    return e && ((type_of(e) == TYPE_NMI && vector != VEC_NMI) ||
                 (type_of(e) == TYPE_EXCEPTION && vector > 31) || (type_of(e) == TYPE_OTHER && vector));
}
static bool takes_error(unsigned vector)
{
    return vector == VEC_DF || (vector >= VEC_TS && vector <= VEC_PF) || vector == VEC_AC;
}
/* An unrestricted guest in real mode gets no error code. */
static bool event_error(const struct subject *s)
{
    const uint32_t e = event(s);
    const bool real = s->second & VMX_SECOND_UNRESTRICTED && !(V(GUEST_CR0) & CR0_PE);
    const bool wants = type_of(e) == TYPE_EXCEPTION && takes_error(e & 0xff) && !real;
    return e && wants != !!(e & VMX_EVENT_ERROR);
}
static bool event_reserved(const struct subject *s)
{
    enum { RESERVED = 0x7ffff000 };
    return event(s) & RESERVED;
}
static bool event_error_reserved(const struct subject *s)
{
    return event(s) & VMX_EVENT_ERROR && V(ENTRY_EVENT_ERROR) >> 16; /* bits 31:16; 15 is SGX's */
}
static bool event_length(const struct subject *s)
{
    const uint32_t e = event(s);
    return e && type_of(e) >= TYPE_SOFT && type_of(e) <= TYPE_TRAP &&
           (V(ENTRY_LENGTH) < 1 || V(ENTRY_LENGTH) > 15);
}

/* ---------------------------------------------------------------- the host: 26.2.2 to 26.2.4 */

static bool bad_cr0(const struct x86 *cpu, uint64_t v, uint64_t fixed)
{
    (void)cpu;
    return (v & fixed) != fixed || v >> 32;
}
static bool host_cr0(const struct subject *s)
{
    return bad_cr0(s->cpu, V(HOST_CR0), CR0_FIXED);
}
static bool bad_cr4(const struct x86 *cpu, uint64_t v)
{
    return (v & CR4_FIXED) != CR4_FIXED || v & ~cr4_allowed(cpu);
}
static bool host_cr4(const struct subject *s)
{
    return bad_cr4(s->cpu, V(HOST_CR4));
}
static bool host_cr3(const struct subject *s)
{
    return V(HOST_CR3) >> cpuid_physical_bits(s->cpu);
}
static bool host_sysenter(const struct subject *s)
{
    return !canonical(s, V(HOST_SYSENTER_ESP)) || !canonical(s, V(HOST_SYSENTER_EIP));
}
static bool host_pat(const struct subject *s)
{
    return s->exit & VMX_EXIT_LOAD_PAT && bad_pat(V(HOST_PAT));
}
static bool host_efer(const struct subject *s)
{
    const uint64_t e = V(HOST_EFER);
    const bool wide = s->exit & VMX_EXIT_HOST64;
    return s->exit & VMX_EXIT_LOAD_EFER &&
           (e & ~(efer_allowed(s->cpu) | EFER_LMA) || !(e & EFER_LMA) == wide || !(e & EFER_LME) == wide);
}
static bool host_selectors(const struct subject *s)
{
    uint64_t any = V(HOST_TR);
    for (unsigned i = 0; i < 6; i++)
        any |= s->v->value[VMCS_HOST_ES + i];
    return any & 7;
}
static bool host_cs(const struct subject *s)
{
    return !V(HOST_CS) || !V(HOST_TR);
}
static bool host_ss(const struct subject *s)
{
    return !V(HOST_SS) && !(s->exit & VMX_EXIT_HOST64);
}
static bool host_bases(const struct subject *s)
{
    return !canonical(s, V(HOST_FS_BASE)) || !canonical(s, V(HOST_GS_BASE)) ||
           !canonical(s, V(HOST_GDTR_BASE)) || !canonical(s, V(HOST_IDTR_BASE)) ||
           !canonical(s, V(HOST_TR_BASE));
}
static bool host_size(const struct subject *s)
{
    const bool now64 = long_mode(s->cpu), wide = s->exit & VMX_EXIT_HOST64;
    return now64 ? !wide : wide || s->entry & VMX_ENTRY_GUEST64;
}
static bool host_wide(const struct subject *s)
{
    if (s->exit & VMX_EXIT_HOST64)
        return !(V(HOST_CR4) & CR4_PAE) || !canonical(s, V(HOST_RIP));
    return V(HOST_CR4) & CR4_PCIDE || V(HOST_RIP) >> 32;
}

static const struct check {
    bool (*refuses)(const struct subject *);
    const char *words;
} control_checks[] = {
    {pin, "reserved bits of the pin-based VM-execution controls are not as IA32_VMX_PINBASED_CTLS has them"},
    {first,
     "reserved bits of the primary processor-based VM-execution controls are not as IA32_VMX_PROCBASED_CTLS has them"},
    {second,
     "a secondary processor-based VM-execution control is set which this processor lacks (IA32_VMX_PROCBASED_CTLS2)"},
    {targets, "the CR3-target count is greater than 4"},
    {io_maps, "an I/O-bitmap address is not aligned, or beyond the physical addresses"},
    {msr_map, "the MSR-bitmap address is not aligned, or beyond the physical addresses"},
    {virtual_apic, "the virtual-APIC address is not aligned, or beyond the physical addresses"},
    {threshold, "bits 31:4 of the TPR threshold are not zero"},
    {threshold_above, "the TPR threshold is greater than bits 7:4 of VTPR"},
    {virtual_nmis, "virtual NMIs is 1 and NMI exiting is 0"},
    {nmi_window, "NMI-window exiting is 1 and virtual NMIs is 0"},
    {vpid, "enable VPID is 1 and the VPID is 0000H"},
    {eptp, "the EPT pointer has a memory type, a page-walk length or a bit that is not supported"},
    {unrestricted, "unrestricted guest is 1 and enable EPT is 0"},
    {exit_controls, "reserved bits of the VM-exit controls are not as IA32_VMX_EXIT_CTLS has them"},
    {save_timer, "save VMX-preemption timer value is 1 and activate VMX-preemption timer is 0"},
    {store_list,
     "the VM-exit MSR-store address is not aligned, or the list is beyond the physical addresses"},
    {load_list, "the VM-exit MSR-load address is not aligned, or the list is beyond the physical addresses"},
    {entry_controls, "reserved bits of the VM-entry controls are not as IA32_VMX_ENTRY_CTLS has them"},
    {event_type, "the interruption type of the event to inject is reserved"},
    {event_vector, "the vector of the event to inject is not one of its type"},
    {event_error, "the event to inject has an error code, and must not, or has none, and must"},
    {event_reserved, "reserved bits of the VM-entry interruption information are not zero"},
    {event_error_reserved, "reserved bits of the VM-entry exception error code are not zero"},
    {event_length, "the VM-entry instruction length is not 1 to 15"},
    {entry_list,
     "the VM-entry MSR-load address is not aligned, or the list is beyond the physical addresses"},
};
static const struct check host_checks[] = {
    {host_cr0, "host CR0 has a bit that VMX operation does not support"},
    {host_cr4, "host CR4 has a bit that VMX operation does not support"},
    {host_cr3, "host CR3 is beyond the physical addresses"},
    {host_sysenter, "host IA32_SYSENTER_ESP or IA32_SYSENTER_EIP is not canonical"},
    {host_pat, "host IA32_PAT has a type that does not exist"},
    {host_efer, "host IA32_EFER has a reserved bit, or its LMA or LME is not the host address-space size"},
    {host_selectors, "a host selector's RPL or TI is not zero"},
    {host_cs, "host CS or TR is 0000H"},
    {host_ss, "host SS is 0000H and the host address-space size is 0"},
    {host_bases, "a host base address is not canonical"},
    {host_size, "the host address-space size is not that of the processor's mode"},
    {host_wide, "host CR4.PAE, CR4.PCIDE or RIP does not go with the host address-space size"},
};

/* ---------------------------------------------------------------- the guest: 26.3.1 */

static uint64_t flags(const struct subject *s)
{
    return V(GUEST_RFLAGS);
}
static bool v86(const struct subject *s)
{
    return flags(s) & FLAG_VM;
}
static bool wide(const struct subject *s)
{
    return s->entry & VMX_ENTRY_GUEST64;
}
static bool paging(const struct subject *s)
{
    return V(GUEST_CR0) & CR0_PG;
}

static bool guest_cr0(const struct subject *s)
{
    const uint64_t free = s->second & VMX_SECOND_UNRESTRICTED ? CR0_PE | CR0_PG : 0;
    return bad_cr0(s->cpu, V(GUEST_CR0), CR0_FIXED & ~free);
}
static bool guest_pg(const struct subject *s)
{
    return paging(s) && !(V(GUEST_CR0) & CR0_PE);
}
static bool guest_cr4(const struct subject *s)
{
    return bad_cr4(s->cpu, V(GUEST_CR4));
}
static bool guest_debugctl(const struct subject *s)
{
    return s->entry & VMX_ENTRY_LOAD_DEBUG && V(GUEST_DEBUGCTL);
}
static bool guest_wide(const struct subject *s)
{
    return wide(s) && (!paging(s) || !(V(GUEST_CR4) & CR4_PAE));
}
static bool guest_pcide(const struct subject *s)
{
    return !wide(s) && V(GUEST_CR4) & CR4_PCIDE;
}
static bool guest_cr3(const struct subject *s)
{
    return V(GUEST_CR3) >> cpuid_physical_bits(s->cpu);
}
static bool guest_dr7(const struct subject *s)
{
    return s->entry & VMX_ENTRY_LOAD_DEBUG && V(GUEST_DR7) >> 32;
}
static bool guest_sysenter(const struct subject *s)
{
    return !canonical(s, V(GUEST_SYSENTER_ESP)) || !canonical(s, V(GUEST_SYSENTER_EIP));
}
static bool guest_pat(const struct subject *s)
{
    return s->entry & VMX_ENTRY_LOAD_PAT && bad_pat(V(GUEST_PAT));
}
static bool guest_efer(const struct subject *s)
{
    const uint64_t e = V(GUEST_EFER);
    if (!(s->entry & VMX_ENTRY_LOAD_EFER))
        return false;
    return e & ~(efer_allowed(s->cpu) | EFER_LMA) || !(e & EFER_LMA) == wide(s) ||
           (paging(s) && !(e & EFER_LMA) != !(e & EFER_LME));
}

/* ---- segment registers: 26.3.1.2 ---- */

#define AR_RESERVED 0xfffe0f00u
enum { AR_TYPE = 0xf, AR_UNUSABLE = 1 << 16, V86_AR = 0xf3 };
static uint64_t ar(const struct subject *s, unsigned seg)
{
    return s->v->value[VMCS_GUEST_ES_AR + seg];
}
static uint64_t limit(const struct subject *s, unsigned seg)
{
    return s->v->value[VMCS_GUEST_ES_LIMIT + seg];
}
static uint64_t base(const struct subject *s, unsigned seg)
{
    return s->v->value[VMCS_GUEST_ES_BASE + seg];
}
static uint64_t selector(const struct subject *s, unsigned seg)
{
    return s->v->value[VMCS_GUEST_ES + seg];
}
static bool usable(const struct subject *s, unsigned seg)
{
    return !(ar(s, seg) & AR_UNUSABLE);
}
static unsigned dpl(const struct subject *s, unsigned seg)
{
    return ar(s, seg) >> 5 & 3;
}
static unsigned type(const struct subject *s, unsigned seg)
{
    return ar(s, seg) & AR_TYPE;
}
static bool free_guest(const struct subject *s)
{
    return s->second & VMX_SECOND_UNRESTRICTED;
}
enum { ROW_LDTR = 6, ROW_TR = 7 };

static bool tr_selector(const struct subject *s)
{
    return selector(s, ROW_TR) & 4;
}
static bool ldtr_selector(const struct subject *s)
{
    return usable(s, ROW_LDTR) && selector(s, ROW_LDTR) & 4;
}
static bool ss_rpl(const struct subject *s)
{
    return !v86(s) && !free_guest(s) && (selector(s, SS) & 3) != (selector(s, CS) & 3);
}
static bool v86_bases(const struct subject *s)
{
    bool bad = false;
    for (unsigned i = ES; i <= GS; i++)
        bad |= v86(s) && base(s, i) != selector(s, i) << 4;
    return bad;
}
static bool long_bases(const struct subject *s)
{
    return !canonical(s, base(s, ROW_TR)) || !canonical(s, base(s, FS)) || !canonical(s, base(s, GS)) ||
           (usable(s, ROW_LDTR) && !canonical(s, base(s, ROW_LDTR)));
}
static bool short_bases(const struct subject *s)
{
    return base(s, CS) >> 32 || (usable(s, SS) && base(s, SS) >> 32) ||
           (usable(s, DS) && base(s, DS) >> 32) || (usable(s, ES) && base(s, ES) >> 32);
}
static bool v86_limits(const struct subject *s)
{
    bool bad = false;
    for (unsigned i = ES; i <= GS; i++)
        bad |= v86(s) && limit(s, i) != 0xffff;
    return bad;
}
static bool v86_rights(const struct subject *s)
{
    bool bad = false;
    for (unsigned i = ES; i <= GS; i++)
        bad |= v86(s) && ar(s, i) != V86_AR;
    return bad;
}
/* CS is accessed code; an unrestricted guest may have read/write accessed data there. */
static bool cs_type(const struct subject *s)
{
    enum { DATA_RW_A = 3, CODE_ACCESSED = SEG_CODE | SEG_ACCESSED };
    const unsigned t = type(s, CS);
    return !v86(s) && (t & CODE_ACCESSED) != CODE_ACCESSED && !(free_guest(s) && t == DATA_RW_A);
}
static bool ss_type(const struct subject *s)
{
    return !v86(s) && usable(s, SS) && type(s, SS) != 3 && type(s, SS) != 7;
}
static bool data_types(const struct subject *s)
{
    static const uint8_t data[] = {DS, ES, FS, GS};
    bool bad = false;
    for (unsigned i = 0; i < sizeof data; i++) {
        const unsigned t = type(s, data[i]);
        if (!v86(s) && usable(s, data[i]))
            bad |= !(t & SEG_ACCESSED) || (t & SEG_CODE && !(t & SEG_READABLE));
    }
    return bad;
}
static bool system_bits(const struct subject *s)
{
    bool bad = false;
    for (unsigned i = ES; i <= GS; i++)
        bad |= !v86(s) && (i == CS || usable(s, i)) && !(ar(s, i) & SEG_S);
    return bad;
}
static bool cs_dpl(const struct subject *s)
{
    const unsigned t = type(s, CS);
    if (v86(s))
        return false;
    if (t == 3)
        return dpl(s, CS);
    if (t == 9 || t == 11)
        return dpl(s, CS) != dpl(s, SS);
    return (t == 13 || t == 15) && dpl(s, CS) > dpl(s, SS);
}
static bool ss_dpl(const struct subject *s)
{
    if (v86(s))
        return false;
    if (!free_guest(s) && dpl(s, SS) != (selector(s, SS) & 3))
        return true;
    return (type(s, CS) == 3 || !(V(GUEST_CR0) & CR0_PE)) && dpl(s, SS);
}
static bool data_dpl(const struct subject *s)
{
    static const uint8_t data[] = {DS, ES, FS, GS};
    bool bad = false;
    for (unsigned i = 0; i < sizeof data; i++)
        if (!v86(s) && !free_guest(s) && usable(s, data[i]) && type(s, data[i]) <= 11)
            bad |= dpl(s, data[i]) < (selector(s, data[i]) & 3);
    return bad;
}
static bool present(const struct subject *s)
{
    bool bad = false;
    for (unsigned i = ES; i <= GS; i++)
        bad |= !v86(s) && (i == CS || usable(s, i)) && !(ar(s, i) & SEG_P);
    return bad;
}
static bool reserved_rights(const struct subject *s)
{
    bool bad = false;
    for (unsigned i = ES; i <= GS; i++)
        bad |= !v86(s) && (i == CS || usable(s, i)) && ar(s, i) & AR_RESERVED;
    return bad;
}
static bool cs_db(const struct subject *s)
{
    return !v86(s) && wide(s) && ar(s, CS) & SEG_L && ar(s, CS) & SEG_DB;
}
static bool bad_granularity(const struct subject *s, unsigned seg)
{
    const bool g = ar(s, seg) & SEG_G;
    return ((limit(s, seg) & 0xfff) != 0xfff && g) || (limit(s, seg) >> 20 && !g);
}
static bool granularity(const struct subject *s)
{
    bool bad = false;
    for (unsigned i = ES; i <= GS; i++)
        bad |= !v86(s) && (i == CS || usable(s, i)) && bad_granularity(s, i);
    return bad;
}
static bool tr_rights(const struct subject *s)
{
    const unsigned t = type(s, ROW_TR);
    return (wide(s) ? t != SYS_TSS32_BUSY : t != SYS_TSS16_BUSY && t != SYS_TSS32_BUSY) ||
           ar(s, ROW_TR) & SEG_S || !(ar(s, ROW_TR) & SEG_P) || ar(s, ROW_TR) & AR_RESERVED ||
           !usable(s, ROW_TR) || bad_granularity(s, ROW_TR);
}
static bool ldtr_rights(const struct subject *s)
{
    return usable(s, ROW_LDTR) &&
           (type(s, ROW_LDTR) != SYS_LDT || ar(s, ROW_LDTR) & SEG_S || !(ar(s, ROW_LDTR) & SEG_P) ||
            ar(s, ROW_LDTR) & AR_RESERVED || bad_granularity(s, ROW_LDTR));
}
static bool table_bases(const struct subject *s)
{
    return !canonical(s, V(GUEST_GDTR_BASE)) || !canonical(s, V(GUEST_IDTR_BASE));
}
static bool table_limits(const struct subject *s)
{
    return V(GUEST_GDTR_LIMIT) >> 16 || V(GUEST_IDTR_LIMIT) >> 16;
}

/* ---- RIP, RFLAGS, and the rest: 26.3.1.4, 26.3.1.5 ---- */

static bool guest_rip(const struct subject *s)
{
    const bool code64 = wide(s) && ar(s, CS) & SEG_L;
    return code64 ? !canonical(s, V(GUEST_RIP)) : V(GUEST_RIP) >> 32;
}
static bool reserved_flags(const struct subject *s)
{
    enum { ALL = 0x3f7fd7 };
    return flags(s) & ~(uint64_t)ALL || !(flags(s) & FLAG_1);
}
static bool flags_vm(const struct subject *s)
{
    return v86(s) && (wide(s) || !(V(GUEST_CR0) & CR0_PE));
}
static bool flags_if(const struct subject *s)
{
    return event(s) && type_of(event(s)) == TYPE_INTERRUPT && !(flags(s) & FLAG_IF);
}
static bool activity(const struct subject *s)
{
    return V(ACTIVITY) != ACTIVE && V(ACTIVITY) != ACTIVITY_HLT && V(ACTIVITY) != ACTIVITY_SIPI;
}
static bool activity_dpl(const struct subject *s)
{
    return V(ACTIVITY) == ACTIVITY_HLT && dpl(s, SS);
}
static bool activity_blocked(const struct subject *s)
{
    return V(ACTIVITY) != ACTIVE && V(BLOCKING) & (BLOCKED_STI | BLOCKED_SS);
}
/* In HLT there may be interrupts, NMIs, #DB and #MC, and a pending MTF; waiting for a SIPI there may be none. */
static bool activity_event(const struct subject *s)
{
    const uint32_t e = event(s), t = type_of(e), vector = e & 0xff;
    if (!e || V(ACTIVITY) == ACTIVE)
        return false;
    if (V(ACTIVITY) != ACTIVITY_HLT)
        return true;
    return !(t == TYPE_INTERRUPT || t == TYPE_NMI ||
             (t == TYPE_EXCEPTION && (vector == VEC_DB || vector == VEC_MC)) || (t == TYPE_OTHER && !vector));
}
static bool blocking_reserved(const struct subject *s)
{
    return V(BLOCKING) & ~(uint64_t)(BLOCKED_STI | BLOCKED_SS | BLOCKED_SMI | BLOCKED_NMI);
}
static bool blocking_both(const struct subject *s)
{
    return (V(BLOCKING) & 3) == 3;
}
static bool blocking_if(const struct subject *s)
{
    return V(BLOCKING) & BLOCKED_STI && !(flags(s) & FLAG_IF);
}
static bool blocking_event(const struct subject *s)
{
    const unsigned t = type_of(event(s));
    return event(s) &&
           ((t == TYPE_INTERRUPT && V(BLOCKING) & 3) || (t == TYPE_NMI && V(BLOCKING) & BLOCKED_SS));
}
static bool blocking_smi(const struct subject *s)
{
    return V(BLOCKING) & BLOCKED_SMI;
}
static bool blocking_nmi(const struct subject *s)
{
    return event(s) && type_of(event(s)) == TYPE_NMI && s->pin & VMX_PIN_VIRTUAL_NMIS &&
           V(BLOCKING) & BLOCKED_NMI;
}
static bool pending_reserved(const struct subject *s)
{
    enum { KNOWN = 0x500f };
    return V(PENDING_DEBUG) & ~(uint64_t)KNOWN;
}
/* A single step is pending after an instruction that held it back, if it is being stepped; DEBUGCTL.BTF is not there. */
static bool pending_step(const struct subject *s)
{
    enum { BS = 1 << 14 };
    const bool held = V(BLOCKING) & 3 || V(ACTIVITY) == ACTIVITY_HLT;
    return held && !(V(PENDING_DEBUG) & BS) != !(flags(s) & FLAG_TF);
}
static bool link_pointer(const struct subject *s)
{
    return V(LINK) != UINT64_MAX;
}
static bool guest_pdptes(const struct subject *s)
{
    const uint64_t reserved = 0x1e6 | ~0ull << cpuid_physical_bits(s->cpu);
    uint64_t e[4];
    if (!paging(s) || !(V(GUEST_CR4) & CR4_PAE) || wide(s))
        return false;
    if (!(s->second & VMX_SECOND_EPT))
        return !pdptes_read(s->cpu, V(GUEST_CR3), e);
    for (unsigned i = 0; i < 4; i++)
        if (s->v->value[VMCS_GUEST_PDPTE0 + i] & 1 && s->v->value[VMCS_GUEST_PDPTE0 + i] & reserved)
            return true;
    return false;
}
static bool asleep(const struct subject *s)
{
    return s->cpu->virt.asleep.runs;
}

/* The qualification is 0 but for a few (26.7). */
enum { BY_PDPTES = 2, BY_NMI = 3, BY_LINK = 4 };
static const struct guest_check {
    bool (*refuses)(const struct subject *);
    uint8_t qualification;
    const char *words;
} guest_checks[] = {
    {guest_cr0, 0, "CR0 has a bit that VMX operation does not support"},
    {guest_pg, 0, "CR0.PG is 1 and CR0.PE is 0"},
    {guest_cr4, 0, "CR4 has a bit that VMX operation does not support"},
    {guest_debugctl, 0, "a reserved bit of IA32_DEBUGCTL is set"},
    {guest_wide, 0, "IA-32e mode guest is 1 and CR0.PG or CR4.PAE is 0"},
    {guest_pcide, 0, "IA-32e mode guest is 0 and CR4.PCIDE is 1"},
    {guest_cr3, 0, "CR3 is beyond the physical addresses"},
    {guest_dr7, 0, "DR7[63:32] are not zero"},
    {guest_sysenter, 0, "IA32_SYSENTER_ESP or IA32_SYSENTER_EIP is not canonical"},
    {guest_pat, 0, "IA32_PAT has a type that does not exist"},
    {guest_efer, 0,
     "IA32_EFER has a reserved bit, or its LMA and LME do not go with IA-32e mode guest and CR0.PG"},
    {tr_selector, 0, "TI of TR is 1"},
    {ldtr_selector, 0, "TI of LDTR is 1"},
    {ss_rpl, 0, "RPL of SS is not RPL of CS"},
    {v86_bases, 0, "a segment's base is not its selector times 16 in virtual-8086 mode"},
    {long_bases, 0, "the base of TR, FS, GS or LDTR is not canonical"},
    {short_bases, 0, "bits 63:32 of the base of CS, SS, DS or ES are not zero"},
    {v86_limits, 0, "a segment's limit is not FFFFH in virtual-8086 mode"},
    {v86_rights, 0, "a segment's access rights are not F3H in virtual-8086 mode"},
    {cs_type, 0, "the type of CS is not accessed code"},
    {ss_type, 0, "the type of SS is not read/write accessed data"},
    {data_types, 0, "the type of DS, ES, FS or GS is not accessed, or is code that cannot be read"},
    {system_bits, 0, "the S bit of a segment is 0"},
    {cs_dpl, 0, "DPL of CS does not go with its type and DPL of SS"},
    {ss_dpl, 0, "DPL of SS is not RPL of SS"},
    {data_dpl, 0, "DPL of DS, ES, FS or GS is less than its RPL"},
    {present, 0, "the P bit of a segment is 0"},
    {reserved_rights, 0, "a reserved bit of a segment's access rights is set"},
    {cs_db, 0, "CS.L and CS.D/B are both 1 in IA-32e mode"},
    {granularity, 0, "a segment's limit does not go with its G bit"},
    {tr_rights, 0, "the access rights of TR are not those of a busy TSS"},
    {ldtr_rights, 0, "the access rights of LDTR are not those of an LDT"},
    {table_bases, 0, "the base of GDTR or IDTR is not canonical"},
    {table_limits, 0, "bits 31:16 of the limit of GDTR or IDTR are not zero"},
    {guest_rip, 0, "RIP is not canonical, or beyond 32 bits"},
    {reserved_flags, 0, "a reserved bit of RFLAGS is not as it must be"},
    {flags_vm, 0, "RFLAGS.VM is 1 and IA-32e mode guest is 1 or CR0.PE is 0"},
    {flags_if, 0, "an external interrupt is injected and RFLAGS.IF is 0"},
    {activity, 0, "the activity state is one that this processor does not support"},
    {activity_dpl, 0, "the activity state is HLT and DPL of SS is not 0"},
    {activity_blocked, 0, "the activity state is not active, and STI or MOV SS blocks"},
    {activity_event, 0, "the activity state does not allow the event to inject"},
    {blocking_reserved, 0, "a reserved bit of the interruptibility state is set"},
    {blocking_both, 0, "blocking by STI and by MOV SS are both 1"},
    {blocking_if, 0, "blocking by STI is 1 and RFLAGS.IF is 0"},
    {blocking_event, 0, "STI or MOV SS blocks the event to inject"},
    {blocking_smi, 0, "blocking by SMI is 1 outside of system-management mode"},
    {blocking_nmi, BY_NMI, "an NMI is injected and virtual NMIs are blocked"},
    {pending_reserved, 0, "a reserved bit of the pending debug exceptions is set"},
    {pending_step, 0, "BS of the pending debug exceptions does not go with RFLAGS.TF"},
    {link_pointer, BY_LINK,
     "the VMCS link pointer is not FFFFFFFF_FFFFFFFFH, and this processor has no shadow VMCS"},
    {guest_pdptes, BY_PDPTES, "a reserved bit of a PDPTE is set"},
    {asleep, 0, "an SMI has interrupted a guest, and another one cannot run before RSM"},
};

/* ---------------------------------------------------------------- all of them */

static struct subject subject(const struct x86 *cpu, const struct vmcs *v)
{
    const uint32_t word = (uint32_t)v->value[VMCS_FIRST];
    return (struct subject){.cpu = cpu,
                            .v = v,
                            .pin = (uint32_t)v->value[VMCS_PIN],
                            .first = word,
                            .second = word & VMX_FIRST_SECOND ? (uint32_t)v->value[VMCS_SECOND] : 0,
                            .exit = (uint32_t)v->value[VMCS_EXIT],
                            .entry = (uint32_t)v->value[VMCS_ENTRY]};
}

const char *vmx_refusal(const struct x86 *cpu, const struct vmcs *v, unsigned *error)
{
    const struct subject s = subject(cpu, v);
    *error = ERROR_CONTROLS;
    for (size_t i = 0; i < sizeof control_checks / sizeof control_checks[0]; i++)
        if (control_checks[i].refuses(&s))
            return control_checks[i].words;
    *error = ERROR_HOST;
    for (size_t i = 0; i < sizeof host_checks / sizeof host_checks[0]; i++)
        if (host_checks[i].refuses(&s))
            return host_checks[i].words;
    return NULL;
}

const char *vmx_bad_guest(struct x86 *cpu, const struct vmcs *v, uint64_t *qualification)
{
    const struct subject s = subject(cpu, v);
    for (size_t i = 0; i < sizeof guest_checks / sizeof guest_checks[0]; i++)
        if (guest_checks[i].refuses(&s)) {
            *qualification = guest_checks[i].qualification;
            return guest_checks[i].words;
        }
    return NULL;
}
