/* x87.h - the x87 FPU, and the state that MMX and SSE share with it. Private to hv/x86.
 *
 * Source: Intel SDM volume 1, chapters 8 and 9 and appendix E; volume 2, the instruction pages.
 *
 * Everything here is computed with integers, so that results and flags are the same on every host. (A square root
 * begins with the host's estimate, which integers then correct.) The layers, from the bottom:
 *
 *   num_*   pure functions of operands and control word (x87_arith.c, x87_conv.c, x87_math.c)
 *   x87_*   the same for common operands, in a few instructions (x87_fast.h)
 *   fpu_*   instructions as functions of struct fpu alone (x87_stack.c)
 *   op_*    handlers: checks, memory operands, instruction pointers (x87.c, x87_env.c) */
#ifndef BOOTREEL_HV_X86_X87_X87_H
#define BOOTREEL_HV_X86_X87_X87_H

#include "hv/x86/cpu.h"

/* Status word, and (the first six) control word masks. */
enum x87_sw {
    SW_IE = 1 << 0,
    SW_DE = 1 << 1,
    SW_ZE = 1 << 2,
    SW_OE = 1 << 3,
    SW_UE = 1 << 4,
    SW_PE = 1 << 5,
    SW_SF = 1 << 6,
    SW_ES = 1 << 7,
    SW_C0 = 1 << 8,
    SW_C1 = 1 << 9,
    SW_C2 = 1 << 10,
    SW_TOP = 7 << 11,
    SW_C3 = 1 << 14,
    SW_B = 1 << 15,
    SW_EXCEPTIONS = 0x3f,
    SW_CC = SW_C0 | SW_C1 | SW_C2 | SW_C3,
};

/* ---------------------------------------------------------------- for the MMX and SSE handlers */

/* The checks of an MMX instruction: CR0.EM #UD, CR0.TS #NM, a pending x87 exception #MF (CR0.NE). Changes no
 * state: an instruction with a memory operand does mmx_check(), its loads and stores, then mmx_enter(). */
static inline void mmx_check(struct x86 *cpu, const struct op *op)
{
    if (unlikely(cpu->cr0 & (CR0_EM | CR0_TS)) || unlikely(cpu->fpu.sw & SW_ES)) {
        cpu->op = op;
        if (cpu->cr0 & CR0_EM)
            raise_fault(cpu, VEC_UD);
        if (cpu->cr0 & CR0_TS)
            raise_fault(cpu, VEC_NM);
        if (cpu->cr0 & CR0_NE)
            raise_fault(cpu, VEC_MF);
    }
}

/* An MMX instruction other than EMMS was executed: TOP = 0, all registers tagged valid. */
static inline void mmx_enter(struct x86 *cpu)
{
    cpu->fpu.sw &= ~SW_TOP;
    cpu->fpu.empty = 0;
}

/* Does both, for instructions that cannot fault afterwards. MMX register i is fpu.r[i].sig; use mmx_set() to
 * write it. */
static inline void mmx_prepare(struct x86 *cpu, const struct op *op)
{
    mmx_check(cpu, op);
    mmx_enter(cpu);
}

/* Write an MMX register: sign and exponent become all ones. */
static inline void mmx_set(struct x86 *cpu, unsigned i, uint64_t v)
{
    cpu->fpu.r[i & 7].sig = v;
    cpu->fpu.r[i & 7].upper = 0xffff;
}

/* The checks of an SSE instruction: CR0.EM or !CR4.OSFXSR #UD, CR0.TS #NM. */
static inline void sse_check(struct x86 *cpu, const struct op *op)
{
    if (unlikely(cpu->cr0 & (CR0_EM | CR0_TS)) || unlikely(!(cpu->cr4 & CR4_OSFXSR))) {
        cpu->op = op;
        raise_fault(cpu, (cpu->cr0 & CR0_EM) || !(cpu->cr4 & CR4_OSFXSR) ? VEC_UD : VEC_NM);
    }
}

/* Power-on state: as after FNINIT with the registers zero, and MXCSR = 1f80h. */
void fpu_reset(struct fpu *);

/* ---------------------------------------------------------------- numbers (x87_arith.c, x87_conv.c) */

/* An unpacked operand. A finite nonzero number is sig * 2^(exp - 63) with bit 63 of sig set. NaNs keep their
 * payload in sig (as in the 80-bit format) and their quiet bit. */
enum num_class { NUM_ZERO, NUM_FINITE, NUM_INF, NUM_QNAN, NUM_SNAN, NUM_UNSUPPORTED };
struct num {
    uint64_t sig;
    int32_t exp;
    uint8_t cls;
    bool sign;
    bool denormal; /* or pseudo-denormal */
};

enum { X87_BIAS = 16383 }; /* of the exponent in a register */

struct num num_from_reg(struct fpreg);
struct num num_from_f32(uint32_t);
struct num num_from_f64(uint64_t);
struct num num_from_int(int64_t);
static inline bool num_is_nan(struct num n)
{
    return n.cls >= NUM_QNAN;
}
static inline struct fpreg fpreg_make(bool sign, unsigned exp, uint64_t sig)
{
    return fpreg(sig, (unsigned)sign << 15 | exp);
}
/* Of a finite number that is not zero. */
static inline struct fpreg fpreg_from_num(struct num n)
{
    return fpreg_make(n.sign, (unsigned)(n.exp + X87_BIAS), n.sig);
}
/* The quiet NaN that is the masked response to an invalid operation. */
static inline struct fpreg fpreg_indefinite(void)
{
    return fpreg_make(true, 0x7fff, 3ull << 62);
}

/* Arithmetic. `cw` is the control word (precision, rounding; its masks only choose between the masked and the
 * biased result of overflow and underflow). Returns exception flags, and SW_C1 if the result was rounded away
 * from zero; *r is the masked response. Pure functions. */
typedef unsigned num_fn(unsigned cw, struct num a, struct num b, struct fpreg *r);
num_fn num_add, num_sub, num_mul, num_div, num_subr, num_divr; /* the r forms: b - a, b / a */
num_fn num_scale;                                              /* a * 2^trunc(b) */
unsigned num_sqrt(unsigned cw, struct num a, struct fpreg *r);
unsigned num_rndint(unsigned cw, struct num a, struct fpreg *r);
/* Remainder of a / b; `nearest` selects FPREM1. *cc gets C0-C3 (C1 is a quotient bit), or CC_KEPT if they
 * must not change. */
enum { CC_KEPT = 1 };
unsigned num_rem(unsigned cw, struct num a, struct num b, bool nearest, struct fpreg *r, unsigned *cc);
/* FXTRACT: *sig keeps a's significand and sign. */
unsigned num_xtract(unsigned cw, struct num a, struct fpreg *exponent, struct fpreg *sig);
/* *cc gets C0, C2, C3 as set by FCOM; with `quiet` only signalling NaNs are invalid. */
unsigned num_compare(struct num a, struct num b, bool quiet, unsigned *cc);
/* Round (hi:lo) * 2^(exp - 127), bit 127 set, to `prec` (24, 53, 64) bits. lo's low bit may be sticky. */
unsigned num_round(unsigned cw, unsigned prec, bool sign, int exp, uint64_t hi, uint64_t lo, struct fpreg *r);
/* The result of an operation one or both of whose operands is a NaN or unsupported; b may be a copy of a. */
unsigned num_nan(struct num a, struct num b, struct fpreg *r);

/* Conversions for stores; the same return value. *v is the masked response. */
unsigned num_to_f32(unsigned cw, struct num a, uint32_t *v);
unsigned num_to_f64(unsigned cw, struct num a, uint64_t *v);
/* To a two's-complement integer of 16, 32 or 64 bits (sign-extended into *v); `chop` is for FISTTP. */
unsigned num_to_int(unsigned cw, struct num a, unsigned bits, bool chop, int64_t *v);
/* Packed BCD, 18 digits: low 8 bytes and the two upper ones. */
struct num num_from_bcd(uint64_t low, uint16_t high);
unsigned num_to_bcd(unsigned cw, struct num a, uint64_t *low, uint16_t *high);

/* ---------------------------------------------------------------- transcendentals (x87_math.c) */

unsigned num_2xm1(unsigned cw, struct num a, struct fpreg *r);
num_fn num_yl2x, num_yl2xp1; /* b * log2(a), b * log2(a + 1) */
num_fn num_patan;            /* atan2(b, a) */
/* sin and cos. *in_range is false (C2) if |a| >= 2^63: nothing is computed. Either of s, c may be NULL. */
unsigned num_sincos(unsigned cw, struct num a, struct fpreg *s, struct fpreg *c, bool *in_range);
unsigned num_tan(unsigned cw, struct num a, struct fpreg *r, bool *in_range);

/* ---------------------------------------------------------------- the register stack (x87_stack.c) */

static inline unsigned fpu_top(const struct fpu *f)
{
    return f->sw >> 11 & 7;
}
static inline unsigned fpu_phys(const struct fpu *f, unsigned i)
{
    return (fpu_top(f) + i) & 7;
}
static inline bool fpu_empty(const struct fpu *f, unsigned i)
{
    return f->empty >> fpu_phys(f, i) & 1;
}
/* In two parts, as results are stored: the host cannot forward two stores to one load of both, which a compiler likes
 * to make of them. The assembler statement keeps it from that. */
static inline struct fpreg fpu_st(const struct fpu *f, unsigned i)
{
    const struct fpreg *r = &f->r[fpu_phys(f, i)];
    uint64_t sig = r->sig;
    __asm__("" : "+r"(sig));
    return (struct fpreg){.sig = sig, .upper = r->upper};
}
void fpu_set_st(struct fpu *, unsigned i, struct fpreg);
void fpu_pop(struct fpu *);
/* Clear C1, then set it and the exception flags in `flags`, and ES and B. Returns true if an unmasked
 * exception (invalid, denormal, zero divide) suppresses the instruction's result; no other exceptions are
 * flagged then. */
bool fpu_raise(struct fpu *, unsigned flags);
/* fpu_raise for a store of a number into memory, where unmasked overflow and underflow also suppress the
 * result. */
bool fpu_raise_store(struct fpu *, unsigned flags);
/* Recompute ES and B. */
void fpu_update_es(struct fpu *);
uint16_t fpu_tag_word(const struct fpu *);
void fpu_set_tag_word(struct fpu *, uint16_t);
/* Bit 6 reads as 1, bits 7 and 13-15 as 0; bit 12 (infinity control) is only stored. ES and B must be right before, and are after. */
static inline void fpu_set_cw(struct fpu *f, uint16_t cw)
{
    const unsigned masks = (f->cw ^ cw) & SW_EXCEPTIONS;
    f->cw = (cw & 0x1f3f) | 0x40;
    if (unlikely(masks))
        fpu_update_es(f);
}
void fpu_set_sw(struct fpu *, uint16_t);
void fpu_init(struct fpu *); /* FNINIT */

/* Instructions, as functions of the FPU's state alone. i: modrm & 7. */
typedef void fpu_insn(struct fpu *, unsigned i);
fpu_insn fpu_fadd_0i, fpu_fmul_0i, fpu_fsub_0i, fpu_fsubr_0i, fpu_fdiv_0i, fpu_fdivr_0i;
fpu_insn fpu_fadd_i0, fpu_fmul_i0, fpu_fsub_i0, fpu_fsubr_i0, fpu_fdiv_i0, fpu_fdivr_i0;
fpu_insn fpu_faddp, fpu_fmulp, fpu_fsubp, fpu_fsubrp, fpu_fdivp, fpu_fdivrp;
fpu_insn fpu_fcom, fpu_fcomp, fpu_fcompp, fpu_fucom, fpu_fucomp, fpu_fucompp;
fpu_insn fpu_fld, fpu_fxch, fpu_fnop, fpu_fst, fpu_fstp, fpu_fstp1, fpu_ffree, fpu_ffreep;
fpu_insn fpu_fchs, fpu_fabs, fpu_ftst, fpu_fxam;
fpu_insn fpu_fconst; /* D9 E8+i */
fpu_insn fpu_f2xm1, fpu_fyl2x, fpu_fptan, fpu_fpatan, fpu_fxtract, fpu_fprem1, fpu_fdecstp, fpu_fincstp;
fpu_insn fpu_fprem, fpu_fyl2xp1, fpu_fsqrt, fpu_fsincos, fpu_frndint, fpu_fscale, fpu_fsin, fpu_fcos;
fpu_insn fpu_fnclex, fpu_emms;

/* Arithmetic with a memory operand that was already fetched. kind: modrm.reg of D8. */
void fpu_arith_mem(struct fpu *, unsigned kind, struct num);
/* FLD m32, m64, FBLD (80-bit FLD: fpu_push_reg). */
void fpu_load(struct fpu *, struct num);
void fpu_load_int(struct fpu *, int64_t); /* FILD */
void fpu_push_reg(struct fpu *, struct fpreg);
/* FCOMI and FUCOMI (quiet). *flags gets ZF, PF, CF at their EFLAGS positions. Returns false if they must not
 * change (unmasked invalid operation). */
bool fpu_comi(struct fpu *, unsigned i, bool quiet, bool pop, unsigned *flags);
/* FCMOVcc: `take` is the condition. */
void fpu_cmov(struct fpu *, unsigned i, bool take);

/* Stores. The value that FST and the like write is computed first, and committed after the memory write
 * succeeded. */
enum fpu_store_kind { STORE_F32, STORE_F64, STORE_F80, STORE_I16, STORE_I32, STORE_I64, STORE_BCD };
struct fpu_store {
    uint64_t low;
    uint16_t high;
    unsigned flags; /* for fpu_store_commit */
    bool write;     /* false if an unmasked exception suppresses the write */
};
void fpu_store_prepare(const struct fpu *, enum fpu_store_kind, bool chop, struct fpu_store *);
void fpu_store_commit(struct fpu *, const struct fpu_store *, bool pop);

/* Memory images. `word`: 16-bit format; `prot`: protected-mode format. An environment has 14 or 28 bytes, the
 * registers another 80. */
unsigned fpu_env_save(const struct fpu *, bool word, bool prot, uint8_t *buf);
void fpu_env_load(struct fpu *, bool word, bool prot, const uint8_t *buf);
void fpu_regs_save(const struct fpu *, uint8_t *buf);
void fpu_regs_load(struct fpu *, const uint8_t *buf);

#endif
