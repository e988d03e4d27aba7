/* x87_op.h - shared by the x87 handlers (x87.c, x87_env.c): the checks before an instruction, the error line
 * after it. Private to hv/x86.
 *
 * Source: Intel SDM volume 1, 8.7 (reporting of x87 errors); volume 3, 2.5 (EM, MP, TS, NE).
 *
 * Without CR0.NE an unmasked error drives FERR# (bus.ferr) as soon as it is flagged, and the line follows ES
 * from then on. The board turns it into IRQ 13. Waiting instructions then continue as if IGNNE# were active:
 * the processor never freezes. */
#ifndef BOOTREEL_HV_X86_X87_X87_OP_H
#define BOOTREEL_HV_X86_X87_X87_OP_H

#include "hv/x86/exec.h"
#include "hv/x86/x87/x87.h"

#define NOINLINE __attribute__((noinline))

/* #NM; for instructions that do not wait (FN…, FXSAVE). */
static inline void x87_available(struct x86 *cpu, const struct op *op)
{
    if (unlikely(cpu->cr0 & (CR0_EM | CR0_TS))) {
        SYNC;
        raise_fault(cpu, VEC_NM);
    }
}

/* #NM, and #MF if an error is pending. */
static inline void x87_check(struct x86 *cpu, const struct op *op)
{
    x87_available(cpu, op);
    if (unlikely(cpu->fpu.sw & SW_ES) && cpu->cr0 & CR0_NE) {
        SYNC;
        raise_fault(cpu, VEC_MF);
    }
}

/* Record the instruction pointer and opcode (not for control instructions). opcode: D8 to DF. */
static inline void x87_note(struct x86 *cpu, const struct op *op, unsigned opcode)
{
    cpu->fpu.fop = (uint16_t)((opcode & 7) << 8 | op->modrm);
    cpu->fpu.fip = rip_of(cpu, op);
    cpu->fpu.fcs = cpu->seg[CS].sel;
}
static inline void x87_note_mem(struct x86 *cpu, const struct op *op, unsigned opcode)
{
    x87_note(cpu, op, opcode);
    cpu->fpu.fdp = ea_offset(cpu, op);
    cpu->fpu.fds = cpu->seg[op->seg == SEG_NONE ? DS : op->seg].sel;
}

/* Report the error line to the board, which may then interrupt. */
const struct op *x87_ferr(struct x86 *, const struct op *);

/* The end of a handler that may have flagged an error. */
#define X87_END                                                                                              \
    do {                                                                                                     \
        if (unlikely(cpu->fpu.sw & SW_ES) && !(cpu->cr0 & CR0_NE))                                           \
            return x87_ferr(cpu, op);                                                                        \
        NEXT;                                                                                                \
    } while (0)
/* The end of a handler that may have set or cleared ES. old: the status word before. */
#define X87_CONTROL_END(old)                                                                                 \
    do {                                                                                                     \
        if (unlikely((cpu->fpu.sw ^ (old)) & SW_ES) && !(cpu->cr0 & CR0_NE))                                 \
            return x87_ferr(cpu, op);                                                                        \
        NEXT;                                                                                                \
    } while (0)

#endif
