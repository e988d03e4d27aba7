/* x87.c - handlers of the x87 instructions D8 to DF, WAIT and EMMS; except the state images (x87_env.c).
 *
 * Source: Intel SDM volume 2, the instruction pages and appendix A.3 (escape opcodes); the undocumented
 * duplicates (DC D0 and the like) as processors decode them. */
#include "hv/x86/exec.h"
#include "hv/x86/decode/insn.h"
#include "hv/x86/x87/x87_op.h"

NOINLINE const struct op *x87_ferr(struct x86 *cpu, const struct op *op)
{
    SYNC;
    cpu->bus.ferr(cpu->bus.ctx, cpu->fpu.sw & SW_ES);
    LEAVE;
}

/* ---------------------------------------------------------------- register forms */

/* A handler and its family for an instruction that is a function of the FPU's state. */
#define X87_REG(opcode, name)                                                                                \
    static OP(op_##name)                                                                                     \
    {                                                                                                        \
        x87_check(cpu, op);                                                                                  \
        fpu_##name(&cpu->fpu, op->modrm & 7);                                                                \
        x87_note(cpu, op, opcode);                                                                           \
        X87_END;                                                                                             \
    }                                                                                                        \
    FAMILY1(x87_##name, op_##name)

X87_REG(0xd8, fadd_0i);
X87_REG(0xd8, fmul_0i);
X87_REG(0xd8, fsub_0i);
X87_REG(0xd8, fsubr_0i);
X87_REG(0xd8, fdiv_0i);
X87_REG(0xd8, fdivr_0i);
X87_REG(0xd8, fcom);
X87_REG(0xd8, fcomp);
X87_REG(0xd9, fld);
X87_REG(0xd9, fxch);
X87_REG(0xd9, fnop);
X87_REG(0xd9, fstp1);
X87_REG(0xd9, fchs);
X87_REG(0xd9, fabs);
X87_REG(0xd9, ftst);
X87_REG(0xd9, fxam);
X87_REG(0xd9, fconst);
X87_REG(0xd9, f2xm1);
X87_REG(0xd9, fyl2x);
X87_REG(0xd9, fptan);
X87_REG(0xd9, fpatan);
X87_REG(0xd9, fxtract);
X87_REG(0xd9, fprem1);
X87_REG(0xd9, fdecstp);
X87_REG(0xd9, fincstp);
X87_REG(0xd9, fprem);
X87_REG(0xd9, fyl2xp1);
X87_REG(0xd9, fsqrt);
X87_REG(0xd9, fsincos);
X87_REG(0xd9, frndint);
X87_REG(0xd9, fscale);
X87_REG(0xd9, fsin);
X87_REG(0xd9, fcos);
X87_REG(0xda, fucompp);
X87_REG(0xdc, fadd_i0);
X87_REG(0xdc, fmul_i0);
X87_REG(0xdc, fsub_i0);
X87_REG(0xdc, fsubr_i0);
X87_REG(0xdc, fdiv_i0);
X87_REG(0xdc, fdivr_i0);
X87_REG(0xdd, ffree);
X87_REG(0xdd, fst);
X87_REG(0xdd, fstp);
X87_REG(0xdd, fucom);
X87_REG(0xdd, fucomp);
X87_REG(0xde, faddp);
X87_REG(0xde, fmulp);
X87_REG(0xde, fsubp);
X87_REG(0xde, fsubrp);
X87_REG(0xde, fdivp);
X87_REG(0xde, fdivrp);
X87_REG(0xde, fcompp);
X87_REG(0xdf, ffreep);

/* Duplicates at another opcode: they differ only in the opcode that is recorded. */
#define X87_ALIAS(opcode, name, as)                                                                          \
    static OP(op_##as)                                                                                       \
    {                                                                                                        \
        x87_check(cpu, op);                                                                                  \
        fpu_##name(&cpu->fpu, op->modrm & 7);                                                                \
        x87_note(cpu, op, opcode);                                                                           \
        X87_END;                                                                                             \
    }                                                                                                        \
    FAMILY1(x87_##as, op_##as)

X87_ALIAS(0xdc, fcom, fcom_dc);
X87_ALIAS(0xdc, fcomp, fcomp_dc);
X87_ALIAS(0xdd, fxch, fxch_dd);
X87_ALIAS(0xde, fcomp, fcomp_de);
X87_ALIAS(0xdf, fxch, fxch_df);
X87_ALIAS(0xdf, fstp, fstp_df);

/* ---------------------------------------------------------------- FCOMI, FCMOV */

/* Here and below, locals whose address is taken are kept in separate functions, because handlers must end in
 * tail calls. */
static NOINLINE void comi(struct x86 *cpu, const struct op *op, unsigned opcode, bool quiet, bool pop)
{
    unsigned flags;
    x87_check(cpu, op);
    if (fpu_comi(&cpu->fpu, op->modrm & 7, quiet, pop, &flags))
        cc_set(cpu, flags);
    x87_note(cpu, op, opcode);
}

#define X87_COMI(opcode, name, quiet, pop)                                                                   \
    static OP(op_##name)                                                                                     \
    {                                                                                                        \
        comi(cpu, op, opcode, quiet, pop);                                                                   \
        X87_END;                                                                                             \
    }                                                                                                        \
    FAMILY1(x87_##name, op_##name)

X87_COMI(0xdb, fcomi, false, false);
X87_COMI(0xdb, fucomi, true, false);
X87_COMI(0xdf, fcomip, false, true);
X87_COMI(0xdf, fucomip, true, true);

/* The condition is modrm.reg (B, E, BE, U); negated in DB. */
static void cmov(struct x86 *cpu, const struct op *op, unsigned opcode)
{
    bool cond;
    x87_check(cpu, op);
    switch (op->modrm >> 3 & 3) {
    case 0:
        cond = cc_cf(cpu);
        break;
    case 1:
        cond = cc_zf(cpu);
        break;
    case 2:
        cond = cc_cf(cpu) || cc_zf(cpu);
        break;
    default:
        cond = cc_pf(cpu);
        break;
    }
    fpu_cmov(&cpu->fpu, op->modrm & 7, cond ^ (opcode == 0xdb));
    x87_note(cpu, op, opcode);
}

static OP(op_fcmov)
{
    cmov(cpu, op, 0xda);
    X87_END;
}

static OP(op_fcmovn)
{
    cmov(cpu, op, 0xdb);
    X87_END;
}

FAMILY1(x87_fcmov, op_fcmov);
FAMILY1(x87_fcmovn, op_fcmovn);

/* ---------------------------------------------------------------- memory operands: loads and arithmetic */

#define FETCH(bits) ld##bits(cpu, op, ea_any(cpu, op, bits / 8, false))
#define INT16(v)    num_from_int((int16_t)(v))
#define INT32(v)    num_from_int((int32_t)(v))

/* The eight operations of D8, DA, DC, DE are selected by modrm.reg. */
#define X87_ARITH_MEM(opcode, name, bits, conv)                                                              \
    static OP(op_##name)                                                                                     \
    {                                                                                                        \
        x87_check(cpu, op);                                                                                  \
        struct num m = conv(FETCH(bits));                                                                    \
        fpu_arith_mem(&cpu->fpu, op->modrm >> 3 & 7, m);                                                     \
        x87_note_mem(cpu, op, opcode);                                                                       \
        X87_END;                                                                                             \
    }                                                                                                        \
    FAMILY1(x87_##name, op_##name)

X87_ARITH_MEM(0xd8, arith_f32, 32, num_from_f32);
X87_ARITH_MEM(0xda, arith_i32, 32, INT32);
X87_ARITH_MEM(0xdc, arith_f64, 64, num_from_f64);
X87_ARITH_MEM(0xde, arith_i16, 16, INT16);

#define X87_LOAD(opcode, name, bits, load)                                                                   \
    static OP(op_##name)                                                                                     \
    {                                                                                                        \
        x87_check(cpu, op);                                                                                  \
        load(FETCH(bits));                                                                                   \
        x87_note_mem(cpu, op, opcode);                                                                       \
        X87_END;                                                                                             \
    }                                                                                                        \
    FAMILY1(x87_##name, op_##name)
#define LOAD_F32(v) fpu_load(&cpu->fpu, num_from_f32(v))
#define LOAD_F64(v) fpu_load(&cpu->fpu, num_from_f64(v))
#define LOAD_I16(v) fpu_load_int(&cpu->fpu, (int16_t)(v))
#define LOAD_I32(v) fpu_load_int(&cpu->fpu, (int32_t)(v))
#define LOAD_I64(v) fpu_load_int(&cpu->fpu, (int64_t)(v))

X87_LOAD(0xd9, fld_f32, 32, LOAD_F32);
X87_LOAD(0xdb, fild_i32, 32, LOAD_I32);
X87_LOAD(0xdd, fld_f64, 64, LOAD_F64);
X87_LOAD(0xdf, fild_i16, 16, LOAD_I16);
X87_LOAD(0xdf, fild_i64, 64, LOAD_I64);

/* The address of the last two of ten bytes. */
static uint64_t upper16(const struct x86 *cpu, uint64_t lin)
{
    return cpu->mode64 ? lin + 8 : (uint32_t)(lin + 8);
}

static OP(op_fld_f80)
{
    x87_check(cpu, op);
    uint64_t lin = ea_any(cpu, op, 10, false);
    const uint64_t sig = ld64(cpu, op, lin);
    const struct fpreg v = fpreg(sig, ld16(cpu, op, upper16(cpu, lin)));
    fpu_push_reg(&cpu->fpu, v);
    x87_note_mem(cpu, op, 0xdb);
    X87_END;
}
FAMILY1(x87_fld_f80, op_fld_f80);

static OP(op_fbld)
{
    x87_check(cpu, op);
    uint64_t lin = ea_any(cpu, op, 10, false);
    uint64_t low = ld64(cpu, op, lin);
    fpu_load(&cpu->fpu, num_from_bcd(low, ld16(cpu, op, upper16(cpu, lin))));
    x87_note_mem(cpu, op, 0xdf);
    X87_END;
}
FAMILY1(x87_fbld, op_fbld);

/* ---------------------------------------------------------------- stores */

static void store_value(struct x86 *cpu, const struct op *op, uint64_t lin, unsigned size,
                        const struct fpu_store *s)
{
    switch (size) {
    case 2:
        st16(cpu, op, lin, (uint16_t)s->low);
        break;
    case 4:
        st32(cpu, op, lin, (uint32_t)s->low);
        break;
    case 8:
        st64(cpu, op, lin, s->low);
        break;
    default:
        mem_probe(cpu, op, lin, 10, true);
        st64(cpu, op, lin, s->low);
        st16(cpu, op, upper16(cpu, lin), s->high);
    }
}

static NOINLINE void store(struct x86 *cpu, const struct op *op, unsigned opcode, enum fpu_store_kind kind,
                           bool chop, bool pop)
{
    static const uint8_t sizes[] = {[STORE_F32] = 4, [STORE_F64] = 8, [STORE_F80] = 10, [STORE_I16] = 2,
                                    [STORE_I32] = 4, [STORE_I64] = 8, [STORE_BCD] = 10};
    unsigned size = sizes[kind];
    x87_check(cpu, op);
    uint64_t lin = ea_any(cpu, op, size, true);
    struct fpu_store s;
    fpu_store_prepare(&cpu->fpu, kind, chop, &s);
    if (s.write)
        store_value(cpu, op, lin, size, &s);
    else
        mem_probe(cpu, op, lin, size, true); /* page faults come first */
    fpu_store_commit(&cpu->fpu, &s, pop);
    x87_note_mem(cpu, op, opcode);
}

#define X87_STORE(opcode, name, kind, chop, pop)                                                             \
    static OP(op_##name)                                                                                     \
    {                                                                                                        \
        store(cpu, op, opcode, kind, chop, pop);                                                             \
        X87_END;                                                                                             \
    }                                                                                                        \
    FAMILY1(x87_##name, op_##name)

X87_STORE(0xd9, fst_f32, STORE_F32, false, false);
X87_STORE(0xd9, fstp_f32, STORE_F32, false, true);
X87_STORE(0xdd, fst_f64, STORE_F64, false, false);
X87_STORE(0xdd, fstp_f64, STORE_F64, false, true);
X87_STORE(0xdb, fstp_f80, STORE_F80, false, true);
X87_STORE(0xdf, fist_i16, STORE_I16, false, false);
X87_STORE(0xdf, fistp_i16, STORE_I16, false, true);
X87_STORE(0xdf, fisttp_i16, STORE_I16, true, true);
X87_STORE(0xdb, fist_i32, STORE_I32, false, false);
X87_STORE(0xdb, fistp_i32, STORE_I32, false, true);
X87_STORE(0xdb, fisttp_i32, STORE_I32, true, true);
X87_STORE(0xdf, fistp_i64, STORE_I64, false, true);
X87_STORE(0xdd, fisttp_i64, STORE_I64, true, true);
X87_STORE(0xdf, fbstp, STORE_BCD, false, true);

/* ---------------------------------------------------------------- control */

static OP(op_fldcw)
{
    x87_check(cpu, op);
    uint16_t old = cpu->fpu.sw;
    fpu_set_cw(&cpu->fpu, ld16(cpu, op, ea_any(cpu, op, 2, false)));
    X87_CONTROL_END(old);
}

static OP(op_fnstcw)
{
    x87_available(cpu, op);
    st16(cpu, op, ea_any(cpu, op, 2, true), cpu->fpu.cw);
    NEXT;
}

static OP(op_fnstsw)
{
    x87_available(cpu, op);
    st16(cpu, op, ea_any(cpu, op, 2, true), cpu->fpu.sw);
    NEXT;
}

static OP(op_fnstsw_ax)
{
    x87_available(cpu, op);
    SET16(RAX, cpu->fpu.sw);
    NEXT;
}

static OP(op_fnclex)
{
    x87_available(cpu, op);
    uint16_t old = cpu->fpu.sw;
    fpu_fnclex(&cpu->fpu, 0);
    X87_CONTROL_END(old);
}

static OP(op_fninit)
{
    x87_available(cpu, op);
    uint16_t old = cpu->fpu.sw;
    fpu_init(&cpu->fpu);
    X87_CONTROL_END(old);
}

/* FNENI, FNDISI, FNSETPM: instructions of the 8087 and 80287, without effect since. */
static OP(op_fnnop)
{
    x87_available(cpu, op);
    NEXT;
}

static OP(op_wait)
{
    if (unlikely((cpu->cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS))) {
        SYNC;
        raise_fault(cpu, VEC_NM);
    }
    if (unlikely(cpu->fpu.sw & SW_ES) && cpu->cr0 & CR0_NE) {
        SYNC;
        raise_fault(cpu, VEC_MF);
    }
    NEXT;
}

static OP(op_emms)
{
    mmx_check(cpu, op);
    fpu_emms(&cpu->fpu, 0);
    NEXT;
}

FAMILY1(x87_fldcw, op_fldcw);
FAMILY1(x87_fnstcw, op_fnstcw);
FAMILY1(x87_fnstsw, op_fnstsw);
FAMILY1(x87_fnstsw_ax, op_fnstsw_ax);
FAMILY1(x87_fnclex, op_fnclex);
FAMILY1(x87_fninit, op_fninit);
FAMILY1(x87_fnnop, op_fnnop);
FAMILY1(x87_wait, op_wait);
FAMILY1(x87_emms, op_emms);
