/* sys.h - the system part of the processor: declarations shared by its files. Private to hv/x86.
 *
 * Segments and modes: seg.c, segop.c. Far transfers: frame.c, far.c, ret.c, syscall.c. Interrupts:
 * interrupt.c. Tasks: task.c. Control registers and the rest: cr.c, sysop.c, msr.c, cpuid.c, smm.c. Access
 * from outside: regs.c, state.c.
 *
 * The rule for all of them: everything that can fault comes first (`check`), then the state changes in one go
 * (`commit`). */
#ifndef BOOTREEL_HV_X86_SYSTEM_SYS_H
#define BOOTREEL_HV_X86_SYSTEM_SYS_H

#include "hv/x86/exec.h"
#include "hv/x86/decode/insn.h"

/* ---------------------------------------------------------------- helpers */

static inline unsigned dpl_of(uint16_t attr)
{
    return attr >> 5 & 3;
}
static inline bool is_code(uint16_t attr)
{
    return (attr & (SEG_S | SEG_CODE)) == (SEG_S | SEG_CODE);
}
static inline bool is_data(uint16_t attr)
{
    return (attr & (SEG_S | SEG_CODE)) == SEG_S;
}
static inline bool is_writable_data(uint16_t attr)
{
    return is_data(attr) && attr & SEG_WRITABLE;
}
static inline bool is_conforming(uint16_t attr)
{
    return is_code(attr) && attr & SEG_CONFORMING;
}
static inline bool is_null_selector(uint16_t sel)
{
    return !(sel & 0xfffc);
}
/* Type and S field (attr bits 0-4) of system descriptors. */
enum sys_type {
    SYS_TSS16 = 1,
    SYS_LDT = 2,
    SYS_TSS16_BUSY = 3,
    SYS_CALL16 = 4,
    SYS_TASK = 5,
    SYS_INT16 = 6,
    SYS_TRAP16 = 7,
    SYS_TSS32 = 9,
    SYS_TSS32_BUSY = 11,
    SYS_CALL32 = 12,
    SYS_INT32 = 14,
    SYS_TRAP32 = 15
};
enum { SYS_BUSY = 2 };
static inline unsigned sys_type(uint16_t attr)
{
    return attr & (SEG_S | SEG_TYPE);
}

/* The address of the current instruction; between instructions, that of the next one. */
static inline uint64_t where_rip(const struct x86 *cpu)
{
    return cpu->block && cpu->op ? rip_of(cpu, cpu->op) : cpu->gpr[REG_RIP];
}
/* Reports that the instruction `by` has changed IF, if it has. `old`: EFLAGS before it. */
void if_event(struct x86 *cpu, uint64_t old, const char *by);
/* A linear address in the system tables: 64 bits in long mode, else 32. */
static inline uint64_t table_linear(const struct x86 *cpu, uint64_t a)
{
    return long_mode(cpu) ? a : (uint32_t)a;
}

/* Raise a fault whose error code holds a selector: index and TI of `sel`, and the EXT bit. */
__attribute__((noreturn)) static inline void raise_sel(struct x86 *cpu, unsigned vector, uint16_t sel,
                                                       unsigned ext)
{
    raise_error(cpu, vector, (sel & 0xfffcu) | ext);
}
/* #GP(0) unless CPL is 0 (virtual-8086 mode is CPL 3, real mode 0). */
static inline void need_cpl0(struct x86 *cpu)
{
    if (cpu->cpl)
        raise_error(cpu, VEC_GP, 0);
}

/* ---------------------------------------------------------------- descriptors (seg.c) */

struct desc {
    uint64_t at; /* linear address */
    uint64_t raw;
    uint64_t base;
    uint32_t limit;
    uint16_t attr; /* as in struct seg */
};
/* Read the descriptor of a selector from the GDT or LDT. False if the LDT is null or the selector is beyond
 * the limit. */
bool desc_read(struct x86 *, uint16_t sel, struct desc *);
/* In long mode a system descriptor has 16 bytes: reads the upper 8, checks their type field and extends base.
 * False if they are beyond the limit or the type field is not zero. *upper gets bits 64-95 (may be NULL).
 * Does nothing outside long mode. */
bool desc_read_upper(struct x86 *, uint16_t sel, struct desc *, uint32_t *upper);
/* Set bits of the type field in memory. */
void desc_set_type(struct x86 *, const struct desc *, uint8_t bits);
struct seg desc_seg(uint16_t sel, const struct desc *);

/* ---------------------------------------------------------------- segments and modes (seg.c) */

/* The result of loading ES, SS, DS, FS or GS with `sel` at privilege `cpl`, with all checks of protected
 * mode; marks the descriptor accessed. `bad` is the vector raised for most faults: VEC_GP, or VEC_TS in a
 * task switch. */
void seg_check(struct x86 *, unsigned n, uint16_t sel, unsigned cpl, unsigned bad, unsigned ext,
               struct seg *out);
/* A segment of real or virtual-8086 mode; `old` is its previous value. */
struct seg seg_real(const struct x86 *, const struct seg *old, uint16_t sel);
/* A null segment, which allows no access. */
struct seg seg_null(uint16_t sel);
/* A segment of 4 GiB from 0, as SYSCALL and the like load it. P, S and A are set in addition to `attr`. */
struct seg seg_flat(uint16_t sel, uint16_t attr);
/* Check a segment load in any mode, without changing the register. */
void seg_prepare(struct x86 *, unsigned n, uint16_t sel, struct seg *out);
void seg_commit(struct x86 *, unsigned n, const struct seg *);
/* Is the range within the segment's limit (expand-down too)? Access rights are not checked. */
bool seg_in_bounds(const struct seg *, uint64_t first, uint64_t last);
/* After a return to an outer level: data segments that CPL may not use become null, and selectors of null
 * segments 0. Intel's pseudo-code of RET and IRET has both; AMD's (APM volume 3) has only the first, so that
 * null selectors 1-3 would stay. We follow Intel. */
void seg_drop_inner(struct x86 *);

/* Recompute everything derived from control registers and segments; reports no event. */
void mode_derive(struct x86 *);
/* mode_derive(), and EV_CPU_MODE if the mode number changes; rip is for the event. */
void mode_update(struct x86 *, uint64_t rip);
/* Commit CS and CPL, after the flags and SS. Reports mode changes and the first ring 3. */
void cs_commit(struct x86 *, const struct seg *cs, unsigned cpl, uint64_t rip);
/* #GP(0) unless rip may be the next instruction in `cs`. */
void check_rip(struct x86 *, const struct seg *cs, uint64_t rip, unsigned ext);
/* Is the future CS 64-bit code? */
static inline bool seg_is_64(const struct x86 *cpu, const struct seg *cs)
{
    return long_mode(cpu) && cs->attr & SEG_L;
}

/* ---------------------------------------------------------------- frames on stacks (frame.c) */

/* A stack being written or read; rsp and SS change only in stk_commit(). */
struct stk {
    struct seg seg;
    uint64_t sp;
    uint64_t mask;  /* 0xffff, 0xffffffff, or all ones: 64-bit, no segment */
    bool inner;     /* accesses have supervisor privilege, whatever the CPL is now */
    uint32_t error; /* of #SS */
};
/* The current stack. */
void stk_here(const struct x86 *, struct stk *, unsigned ext);
/* The stack that the TSS holds for privilege `dpl`, or in long mode its IST entry if ist is not 0. */
void stk_inner(struct x86 *, unsigned dpl, unsigned ist, unsigned ext, struct stk *);
/* Linear address of the top of the current stack. */
uint64_t stack_linear(const struct x86 *);
void stk_push(struct x86 *, struct stk *, unsigned size, uint64_t value);
uint64_t stk_pop(struct x86 *, struct stk *, unsigned size);
void stk_skip(struct stk *, unsigned n);
/* Set rsp from the frame, and SS if it is an inner stack (the caller calls mode_derive()). */
void stk_commit(struct x86 *, const struct stk *);
/* Set as much of rsp as a stack with this SS uses. */
void rsp_set(struct x86 *, const struct seg *ss, bool to64, uint64_t sp);

/* ---------------------------------------------------------------- far transfers */

/* IRET and POPF: EFLAGS bits that may change at this privilege and operand size (ret.c). */
uint64_t flags_writable(const struct x86 *, unsigned osize);

/* ---------------------------------------------------------------- tasks (task.c) */

enum task_how { TASK_JMP, TASK_CALL, TASK_IRET, TASK_INT };
/* Switch to the task of TSS selector `sel`. `rip` is where the old task will continue. On return the block
 * has been left and gpr[REG_RIP] is set; faults of the new task's segments are raised in the new task.
 * Returns true if the new TSS asks for a debug trap. */
bool task_switch(struct x86 *, enum task_how, uint16_t sel, uint64_t rip, unsigned ext);
/* Raise the debug trap that the new TSS asks for; called at the very end of a switch. */
void task_trap(struct x86 *, bool wanted);
/* The selector that IRET with NT set returns to; raises if the link is bad. */
uint16_t task_link(struct x86 *);
static inline bool tss_is_32(const struct x86 *cpu)
{
    return cpu->seg[TR].attr & 8;
}

/* May the current code access ports [port, port+size)? Checks IOPL and the TSS's permission bitmap. The
 * caller raises #GP(0). May raise itself (page faults in the TSS). cpu->op must be set. */
bool io_allowed(struct x86 *, uint16_t port, unsigned size);

/* ---------------------------------------------------------------- control registers (cr.c) */

/* Load CR3 with all consequences. The other paging control bits must already have their new values. */
void cr3_load(struct x86 *, uint64_t value);
/* Read the four PAE page-directory pointers from memory; false if a reserved bit is set (nothing is
 * changed). */
bool pdpte_load(struct x86 *, uint64_t cr3);
/* The same, into `entry`. */
bool pdptes_read(const struct x86 *, uint64_t cr3, uint64_t entry[4]);
bool cpu_has(const struct x86 *, enum feature);
/* In a guest of AMD's with nested paging they are read when they are needed. */
static inline bool keeps_pdptes(const struct x86 *cpu)
{
    return !cpu->guest.nested || cpu_has(cpu, FT_VMX);
}
/* With PAE paging outside long mode the pointers are in use. */
static inline bool uses_pdptes(const struct x86 *cpu)
{
    return cpu->cr0 & CR0_PG && cpu->cr4 & CR4_PAE && !long_mode(cpu) && keeps_pdptes(cpu);
}
/* Bits of CR4 and EFER that the model has. */
uint64_t cr4_allowed(const struct x86 *);
uint64_t efer_allowed(const struct x86 *);
/* The value that debug register n takes when v is written: DR6 and DR7 have bits that are always 0 or 1. */
uint64_t dr_fixed(unsigned n, uint64_t v);

/* An MSR as RDMSR and WRMSR have it, but without intercepts, events and faults: false if they would be #GP (msr.c). */
bool msr_get(struct x86 *, uint32_t msr, uint64_t *v);
bool msr_put(struct x86 *, uint32_t msr, uint64_t v);

/* ---------------------------------------------------------------- CPUID (cpuid.c) */

/* Look up the model and set cpu->model. Returns -1 with err filled if there is no such model (the text lists
 * all). */
int cpuid_select(struct x86 *, const char *name, struct error *err);
/* Does the processor's model have the feature? */
bool cpu_has(const struct x86 *, enum feature);
/* The least model that has the feature; NULL if there is none. And the feature's name, as CPUID's manuals write it. */
const char *cpuid_least_model(const struct x86 *, enum feature);
const char *feature_name(enum feature);
bool cpu_has_nx(const struct x86 *);
/* CPUID.1:EAX, which EDX holds after reset. */
uint32_t cpuid_signature(const struct x86 *);
unsigned cpuid_physical_bits(const struct x86 *);
/* 57 if the model has 5-level paging, used or not. */
unsigned cpuid_linear_bits(const struct x86 *);
/* Whether an address is canonical in some paging mode that the model has. Where an address is only kept
 * (MSRs, the bases of tables and segments, INVPCID) this is what is checked, whatever CR4.LA57 is: Intel,
 * 5-Level Paging and 5-Level EPT (335252), 2.2 and 3. Without long mode there is nothing to check: all addresses
 * of 32 bits are valid. */
static inline bool may_be_canonical(const struct x86 *cpu, uint64_t a)
{
    if (!cpu_has(cpu, FT_LM) && !cpu->as_before_15)
        return true;
    unsigned n = 64 - cpuid_linear_bits(cpu);
    return (uint64_t)((int64_t)(a << n) >> n) == a;
}

/* ---------------------------------------------------------------- events */

/* random.c: the start of a processor's RDRAND sequence. */
uint64_t random_seed(unsigned processor);
/* Report an access that is not implemented: `what` is "msr" or "cpuid". */
void unhandled_event(struct x86 *, const char *what, uint64_t number, bool write, uint64_t value);

#endif
