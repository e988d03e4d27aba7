/* sys.h - the processor's system side: what its files share. Private to hv/x86.
 *
 * Segments and modes: seg.c, segop.c. Far transfers: frame.c, far.c, ret.c, syscall.c. Interrupts:
 * interrupt.c. Tasks: task.c. Control registers and the rest: cr.c, sysop.c, msr.c, cpuid.c, smm.c. From
 * outside: regs.c, state.c.
 *
 * The rule of all of it: whatever can fault comes first (`check`), then the state changes at once (`commit`).
 */
#ifndef BOOTREEL_HV_X86_SYS_H
#define BOOTREEL_HV_X86_SYS_H

#include "hv/x86/exec.h"
#include "hv/x86/insn.h"

/* ---------------------------------------------------------------- small words */

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
static inline bool is_canonical(uint64_t a)
{
    return (uint64_t)((int64_t)(a << 16) >> 16) == a;
}
/* A type and S field, as in attr bits 0-4, of system descriptors. */
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

/* The address of the present instruction, or of the next one between instructions. */
static inline uint64_t where_rip(const struct x86 *cpu)
{
    return cpu->block && cpu->op ? rip_of(cpu, cpu->op) : cpu->gpr[REG_RIP];
}
/* A linear address of the system tables: 64 bits in long mode, else 32. */
static inline uint64_t table_linear(const struct x86 *cpu, uint64_t a)
{
    return long_mode(cpu) ? a : (uint32_t)a;
}

/* A fault whose error code names a selector: index and TI of `sel`, and the EXT bit. */
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
/* Read the descriptor of a selector from the GDT or LDT. False: null TI=1 table, or beyond the limit. */
bool desc_read(struct x86 *, uint16_t sel, struct desc *);
/* In long mode a system descriptor has 16 bytes: reads the upper 8, checks their type field and extends base.
 * False: beyond the limit or not zero there. *upper gets bits 64-95 (may be NULL). Does nothing outside of
 * long mode. */
bool desc_read_upper(struct x86 *, uint16_t sel, struct desc *, uint32_t *upper);
/* Set bits in the type field, in memory. */
void desc_set_type(struct x86 *, const struct desc *, uint8_t bits);
struct seg desc_seg(uint16_t sel, const struct desc *);

/* ---------------------------------------------------------------- segments and modes (seg.c) */

/* What loading ES, SS, DS, FS or GS with `sel` at privilege `cpl` would give, with all checks of protected
 * mode; marks the descriptor accessed. `bad` is the vector of most faults: VEC_GP, or VEC_TS in a task
 * switch. */
void seg_check(struct x86 *, unsigned n, uint16_t sel, unsigned cpl, unsigned bad, unsigned ext,
               struct seg *out);
/* A segment of real or virtual-8086 mode; `old` as it was. */
struct seg seg_real(const struct x86 *, const struct seg *old, uint16_t sel);
/* A null segment, usable for nothing. */
struct seg seg_null(uint16_t sel);
/* 4 GiB from 0: what SYSCALL and the like load. attr without P, S and A, which are set. */
struct seg seg_flat(uint16_t sel, uint16_t attr);
/* Check in any mode, without changing the register. */
void seg_prepare(struct x86 *, unsigned n, uint16_t sel, struct seg *out);
void seg_commit(struct x86 *, unsigned n, const struct seg *);
/* Is the range inside of the segment's limit (expand-down too)? Rights are not looked at. */
bool seg_in_bounds(const struct seg *, uint64_t first, uint64_t last);
/* After a return to an outer level: data segments that CPL may not use become null, and selectors of null segments 0. Intel's
 * pseudo-code of RET and IRET has both; AMD's (APM volume 3) has the first only, so that null selectors 1-3 would stay. We do as
 * Intel's says. */
void seg_drop_inner(struct x86 *);

/* Recompute all that is derived from control registers and segments; no event. */
void mode_derive(struct x86 *);
/* mode_derive() with EV_CPU_MODE if the mode number is another; rip for the event. */
void mode_update(struct x86 *, uint64_t rip);
/* Commit CS and CPL, after the flags and SS; events of modes and of the first ring 3. */
void cs_commit(struct x86 *, const struct seg *cs, unsigned cpl, uint64_t rip);
/* #GP(0) unless rip may be the next instruction in `cs`. */
void check_rip(struct x86 *, const struct seg *cs, uint64_t rip, unsigned ext);
/* CS as it will be is 64-bit code. */
static inline bool seg_is_64(const struct x86 *cpu, const struct seg *cs)
{
    return long_mode(cpu) && cs->attr & SEG_L;
}

/* ---------------------------------------------------------------- frames on stacks (frame.c) */

/* A stack being written or read; rsp and SS change only by stk_commit(). */
struct stk {
    struct seg seg;
    uint64_t sp;
    uint64_t mask;  /* 0xffff, 0xffffffff, or all ones: 64-bit, no segment */
    bool inner;     /* accesses are a supervisor's, whatever CPL is now */
    uint32_t error; /* of #SS */
};
/* The present stack. */
void stk_here(const struct x86 *, struct stk *, unsigned ext);
/* The stack that the TSS has for privilege `dpl`, or (long mode) its IST entry if ist is not 0. */
void stk_inner(struct x86 *, unsigned dpl, unsigned ist, unsigned ext, struct stk *);
/* Linear address of the top of the present stack. */
uint64_t stack_linear(const struct x86 *);
void stk_push(struct x86 *, struct stk *, unsigned size, uint64_t value);
uint64_t stk_pop(struct x86 *, struct stk *, unsigned size);
void stk_skip(struct stk *, unsigned n);
/* rsp from the frame; SS too if it is an inner stack (mode_derive() is the caller's). */
void stk_commit(struct x86 *, const struct stk *);
/* Set as much of rsp as a stack with this SS uses. */
void rsp_set(struct x86 *, const struct seg *ss, bool to64, uint64_t sp);

/* ---------------------------------------------------------------- far transfers */

/* IRET and POPF: EFLAGS bits that may change at this privilege and operand size (ret.c). */
uint64_t flags_writable(const struct x86 *, unsigned osize);

/* ---------------------------------------------------------------- tasks (task.c) */

enum task_how { TASK_JMP, TASK_CALL, TASK_IRET, TASK_INT };
/* Switch to the task of TSS selector `sel`. `rip`: what the old task will go on with. On return the block is
 * left and gpr[REG_RIP] is set; faults of the new task's segments are raised there. True: the new TSS asks
 * for a debug trap. */
bool task_switch(struct x86 *, enum task_how, uint16_t sel, uint64_t rip, unsigned ext);
/* After everything else of a switch: raise the trap that the new TSS asks for. */
void task_trap(struct x86 *, bool wanted);
/* The selector to go back to by IRET with NT set; raises if the link is bad. */
uint16_t task_link(struct x86 *);
static inline bool tss_is_32(const struct x86 *cpu)
{
    return cpu->seg[TR].attr & 8;
}

/* May the present code use ports [port, port+size)? IOPL and the TSS's permission bitmap. The caller raises
 * #GP(0). May raise itself (page faults in the TSS). cpu->op must be set. */
bool io_allowed(struct x86 *, uint16_t port, unsigned size);

/* ---------------------------------------------------------------- control registers (cr.c) */

/* Load CR3 with all that follows. Paging must be as it will be. */
void cr3_load(struct x86 *, uint64_t value);
/* Read the four PAE page-directory pointers from memory; false if a reserved bit is set (nothing is changed).
 */
bool pdpte_load(struct x86 *, uint64_t cr3);
/* PAE paging outside of long mode: the pointers are in use. */
static inline bool uses_pdptes(const struct x86 *cpu)
{
    return cpu->cr0 & CR0_PG && cpu->cr4 & CR4_PAE && !long_mode(cpu);
}
/* Bits of CR4 and EFER that the model has. */
uint64_t cr4_allowed(const struct x86 *);
uint64_t efer_allowed(const struct x86 *);
/* What debug register n becomes when v is written: DR6 and DR7 have bits that are always 0 or 1. */
uint64_t dr_fixed(unsigned n, uint64_t v);

/* ---------------------------------------------------------------- CPUID (cpuid.c) */

/* Look up the model and set cpu->model. -1 with err filled: no such model (the text lists all). */
int cpuid_select(struct x86 *, const char *name, struct error *err);
/* Does the processor's model have it? */
bool cpu_has(const struct x86 *, enum feature);
bool cpu_has_nx(const struct x86 *);
/* CPUID.1:EAX, which is in EDX after reset. */
uint32_t cpuid_signature(const struct x86 *);
unsigned cpuid_physical_bits(const struct x86 *);

/* ---------------------------------------------------------------- events */

/* Nothing answered: `what` is "msr" or "cpuid". */
/* random.c: where the sequence of a processor's RDRAND begins. */
uint64_t random_seed(unsigned processor);
void unhandled_event(struct x86 *, const char *what, uint64_t number, bool write, uint64_t value);
void dtable_event(struct x86 *, unsigned table, uint64_t base, uint64_t limit);

#endif
