/* svm.h - AMD's virtual machine control block, and what svm*.c share. Private to hv/x86/virt. AMD APM volume 2, appendix B. */
#ifndef BOOTREEL_HV_X86_VIRT_SVM_H
#define BOOTREEL_HV_X86_VIRT_SVM_H

#include "hv/x86/system/sys.h"
#include "hv/x86/virt/virt.h"

/* Offsets of the control area; the state's are in the tables of vmcb.c. */
enum vmcb_control {
    VMCB_WANTS = 0x00,
    VMCB_PAUSE_WINDOW = 0x3c,
    VMCB_PAUSE_FILTER = 0x3e,
    VMCB_IOPM = 0x40,
    VMCB_MSRPM = 0x48,
    VMCB_TSC_OFFSET = 0x50,
    VMCB_ASID = 0x58,
    VMCB_TLB_CONTROL = 0x5c,
    VMCB_INT = 0x60,
    VMCB_SHADOW = 0x68,
    VMCB_EXITCODE = 0x70,
    VMCB_EXITINFO1 = 0x78,
    VMCB_EXITINFO2 = 0x80,
    VMCB_EXITINTINFO = 0x88,
    VMCB_FEATURES = 0x90, /* nested paging, SEV, … */
    VMCB_EVENTINJ = 0xa8,
    VMCB_NCR3 = 0xb0,
    VMCB_MORE_FEATURES = 0xb8, /* LBR virtualization, virtual VMLOAD and VMSAVE */
    VMCB_NEXT_RIP = 0xc8,
    VMCB_BYTES = 0xd0, /* of the guest's instruction: how many, and 15 */
    VMCB_CONTROL_END = 0xe0,
    VMCB_SAVE = 0x400, /* the state save area */
    VMCB_SAVE_END = 0x670,
};
/* VMCB_INT: bits of the virtual interrupt control. */
enum {
    INT_TPR = 0xff,
    INT_IRQ = 1 << 8,
    INT_PRIORITY = 16,
    INT_ANY_TPR = 1 << 20,
    INT_MASKING = 1 << 24,
    /* the enabling of V_GIF, V_NMI, x2AVIC and AVIC, which are not there */
    INT_ABSENT = 1 << 25 | 1 << 26 | 1 << 30 | 1u << 31,
    INT_VECTOR = 32,
};
enum { FEATURE_NESTED = 1, FEATURE_ABSENT = ~1 & 0x3fff, MORE_ABSENT = 3 };
enum { EVENT_VALID = 1u << 31, EVENT_ERROR = 1 << 11 };
enum { TLB_NOTHING = 0, TLB_ALL = 1, TLB_GUEST = 3, TLB_NOT_GLOBAL = 7 };
enum {
    VM_CR_DPD = 1,
    VM_CR_R_INIT = 2,
    VM_CR_LOCK = 8,
    VM_CR_SVMDIS = 16,
};

/* A VMCB as a copy. */
struct vmcb {
    uint8_t byte[VMCB_SAVE_END];
};
static inline uint64_t vmcb_get(const struct vmcb *v, unsigned at, unsigned width)
{
    uint64_t value = 0;
    memcpy(&value, v->byte + at, width);
    return value;
}
static inline void vmcb_put(struct vmcb *v, unsigned at, unsigned width, uint64_t value)
{
    memcpy(v->byte + at, &value, width);
}
void vmcb_read(struct x86 *, uint64_t pa, struct vmcb *);
/* Writes [from, to) of it. */
void vmcb_write(struct x86 *, uint64_t pa, const struct vmcb *, unsigned from, unsigned to);

/* The registers that VMRUN loads and an exit stores; those of VMLOAD and VMSAVE. Loading checks nothing, and derives nothing. */
void vmcb_load_state(struct x86 *, const struct vmcb *);
void vmcb_store_state(struct x86 *, struct vmcb *);
void vmcb_load_more(struct x86 *, const struct vmcb *);
void vmcb_store_more(struct x86 *, struct vmcb *);

/* The world of the VMCB at pa, or, if it is refused, the hypervisor's after an exit. To be called between instructions. */
void svm_enter(struct x86 *, uint64_t pa);
void svm_leave(struct x86 *);
/* Why VMRUN refuses the VMCB, in words; NULL if it does not (svm_check.c). */
const char *svm_refusal(const struct x86 *, const struct vmcb *);

#endif
