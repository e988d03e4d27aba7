/* vmx.h - Intel's VMCS and its controls, and what vmx*.c and vmcs.c share. Private to hv/x86/virt. SDM volume 3, chapters 23 to 30,
 * appendices A to C.
 *
 * A VMCS is in memory only, in the region that VMPTRLD names: nothing is kept of it but its address, and, while a guest runs, what the guest's
 * instructions need (struct vmx in cpu.h). The region holds the revision, the VMX-abort indicator, the launch state, and from 64 on the fields. */
#ifndef BOOTREEL_HV_X86_VIRT_VMX_H
#define BOOTREEL_HV_X86_VIRT_VMX_H

#include "hv/x86/system/sys.h"
#include "hv/x86/virt/virt.h"

/* ---- the controls that there are: SDM 24.6 to 24.8 ---- */
enum vmx_pin {
    VMX_PIN_INTR = 1 << 0,
    VMX_PIN_NMI = 1 << 3,
    VMX_PIN_VIRTUAL_NMIS = 1 << 5,
    VMX_PIN_TIMER = 1 << 6,
};
enum vmx_first {
    VMX_FIRST_INTR_WINDOW = 1 << 2,
    VMX_FIRST_TSC_OFFSET = 1 << 3,
    VMX_FIRST_HLT = 1 << 7,
    VMX_FIRST_INVLPG = 1 << 9,
    VMX_FIRST_MWAIT = 1 << 10,
    VMX_FIRST_RDPMC = 1 << 11,
    VMX_FIRST_RDTSC = 1 << 12,
    VMX_FIRST_CR3_LOAD = 1 << 15,
    VMX_FIRST_CR3_STORE = 1 << 16,
    VMX_FIRST_CR8_LOAD = 1 << 19,
    VMX_FIRST_CR8_STORE = 1 << 20,
    VMX_FIRST_TPR_SHADOW = 1 << 21,
    VMX_FIRST_NMI_WINDOW = 1 << 22,
    VMX_FIRST_MOV_DR = 1 << 23,
    VMX_FIRST_IO = 1 << 24,
    VMX_FIRST_IO_BITMAPS = 1 << 25,
    VMX_FIRST_MTF = 1 << 27,
    VMX_FIRST_MSR_BITMAPS = 1 << 28,
    VMX_FIRST_MONITOR = 1 << 29,
    VMX_FIRST_PAUSE = 1 << 30,
    VMX_FIRST_SECOND = 1u << 31,
};
enum vmx_second {
    VMX_SECOND_EPT = 1 << 1,
    VMX_SECOND_TABLES = 1 << 2,
    VMX_SECOND_RDTSCP = 1 << 3,
    VMX_SECOND_VPID = 1 << 5,
    VMX_SECOND_WBINVD = 1 << 6,
    VMX_SECOND_UNRESTRICTED = 1 << 7,
    VMX_SECOND_PAUSE_LOOP = 1 << 10,
    VMX_SECOND_INVPCID = 1 << 12,
    VMX_SECOND_XSAVES = 1 << 20,
};
enum vmx_exit_control {
    VMX_EXIT_SAVE_DEBUG = 1 << 2,
    VMX_EXIT_HOST64 = 1 << 9,
    VMX_EXIT_ACKNOWLEDGE = 1 << 15,
    VMX_EXIT_SAVE_PAT = 1 << 18,
    VMX_EXIT_LOAD_PAT = 1 << 19,
    VMX_EXIT_SAVE_EFER = 1 << 20,
    VMX_EXIT_LOAD_EFER = 1 << 21,
    VMX_EXIT_SAVE_TIMER = 1 << 22,
};
enum vmx_entry_control {
    VMX_ENTRY_LOAD_DEBUG = 1 << 2,
    VMX_ENTRY_GUEST64 = 1 << 9,
    VMX_ENTRY_LOAD_PAT = 1 << 14,
    VMX_ENTRY_LOAD_EFER = 1 << 15,
};
enum vmx_word { VMX_ALWAYS, VMX_PIN, VMX_FIRST, VMX_SECOND, VMX_EXIT, VMX_ENTRY };
/* The bits of a word of controls that may be 1, and those that must be. */
uint32_t vmx_may(const struct x86 *, enum vmx_word);
uint32_t vmx_must(enum vmx_word);

/* Interruptibility (24.4.2), activity. */
enum { BLOCKED_STI = 1, BLOCKED_SS = 2, BLOCKED_SMI = 4, BLOCKED_NMI = 8 };
enum { ACTIVE = 0, ACTIVITY_HLT = 1, ACTIVITY_SHUTDOWN = 2, ACTIVITY_SIPI = 3 };
/* EPTP: accessed and dirty flags are enabled. */
enum { EPTP_AD = 1 << 6 };
/* What a CR0 and a CR4 in VMX operation must have (appendix A.7, A.8). */
enum { CR0_FIXED = CR0_PE | CR0_NE | CR0_PG, CR4_FIXED = CR4_VMXE };
/* The preemption timer counts once in so many ticks of the TSC, as a power of two (IA32_VMX_MISC). */
enum { VMX_TIMER_RATE = 5, VMX_REVISION = 1, VMX_CR3_TARGETS = 4, VMX_LIST_MOST = 512 };
/* Events in the format of interruption information: 24.8.3. The types are enum virt_event's. */
enum { VMX_EVENT_VALID = 1u << 31, VMX_EVENT_ERROR = 1 << 11, VMX_EVENT_UNBLOCKED = 1 << 12 };

/* ---- the VMCS ---- */
enum vmcs_field {
#define VMCS_FIELD(encoding, name, control) VMCS_##name,
#include "hv/x86/virt/vmcs_fields.def"
#undef VMCS_FIELD
    VMCS_FIELDS
};
enum { VMCS_ABORT = 4, VMCS_LAUNCHED = 8, VMCS_DATA = 64 };
#define VMCS_NONE UINT64_MAX
struct vmcs {
    uint64_t value[VMCS_FIELDS];
};
void vmcs_read(struct x86 *, uint64_t pa, struct vmcs *);
void vmcs_write(struct x86 *, uint64_t pa, const struct vmcs *);
/* The field of an encoding as VMREAD has it; -1 if there is none. *high: the upper half of a field of 64 bits is meant. */
int vmcs_find(const struct x86 *, uint64_t encoding, bool *high);
bool vmcs_read_only(enum vmcs_field);
/* How many bytes a field has: 2, 4 or 8. */
unsigned vmcs_width(enum vmcs_field);
static inline uint64_t vmcs_of(const struct vmcs *v, enum vmcs_field f)
{
    return v->value[f];
}

/* ---- the numbers of VM-instruction errors: SDM volume 3, table 30-1 ---- */
enum vmx_error {
    ERROR_VMCALL = 1,
    ERROR_VMCLEAR_ADDRESS = 2,
    ERROR_VMCLEAR_VMXON = 3,
    ERROR_LAUNCHED = 4,
    ERROR_NOT_LAUNCHED = 5,
    ERROR_CONTROLS = 7,
    ERROR_HOST = 8,
    ERROR_VMPTRLD_ADDRESS = 9,
    ERROR_VMPTRLD_VMXON = 10,
    ERROR_VMPTRLD_REVISION = 11,
    ERROR_NO_FIELD = 12,
    ERROR_READ_ONLY = 13,
    ERROR_VMXON = 15,
    ERROR_BLOCKED_SS = 26,
    ERROR_INVALIDATION = 28,
};

/* ---- between the files ---- */
/* Why VMLAUNCH and VMRESUME refuse a VMCS, in words; NULL if they do not. *error: enum vmx_error. vmx_check.c. */
const char *vmx_refusal(const struct x86 *, const struct vmcs *, unsigned *error);
/* The same of the guest's state, which ends as an exit. *qualification as the exit has it. */
const char *vmx_bad_guest(struct x86 *, const struct vmcs *, uint64_t *qualification);
/* The guest of the VMCS, or the hypervisor's world after an exit if its state is refused. To be called between instructions. `by`: the
 * instruction's name. */
void vmx_enter(struct x86 *, struct vmcs *, bool launch);
/* The event of a refused entry. */
void vmx_refused_event(struct x86 *, bool launch, unsigned error, const char *why);
/* Loads and stores the MSRs of a list; the number of the entry, from 1 on, that cannot be, or 0 (vmx_list.c). */
unsigned vmx_list_load(struct x86 *, uint64_t pa, unsigned n);
unsigned vmx_list_store(struct x86 *, uint64_t pa, unsigned n);
/* What an exit's fields say, from enum virt_reason and its infos (vmx_exit.c). */
struct vmx_exit {
    uint32_t reason, event, error, vectoring, vectoring_error, length, instruction;
    uint64_t qualification;
    bool by_nmi;
};
void vmx_exit_of(struct x86 *, struct vmx_exit *);
/* VM-exit instruction information of the current instruction, which has a memory operand (tables 27-9 to 27-14). */
uint32_t vmx_instruction(const struct x86 *, const struct op *, unsigned reg2);
/* Its qualification: the displacement; with RIP, the address. */
uint64_t vmx_displacement(const struct x86 *, const struct op *);
bool vmx_eptp_valid(const struct x86 *, uint64_t eptp);

#endif
