/* int_mov.c - MOV, MOVZX, MOVSX, LEA, CMOVcc, SETcc, conversions, BSWAP, XLAT, flags and no-ops. */
#include "hv/x86/integer/int.h"

/* ---------------------------------------------------------------- MOV */

#define MOV_FORMS(bits, form)                                                                                \
    static OP(mov_GE_##form##bits)                                                                           \
    {                                                                                                        \
        SET##bits(op->dst, ld##bits(cpu, op, EA_##form(bits / 8, false)));                                   \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(mov_EG_##form##bits)                                                                           \
    {                                                                                                        \
        st##bits(cpu, op, EA_##form(bits / 8, true), (U(bits))R##bits(op->src));                             \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(mov_EI_##form##bits)                                                                           \
    {                                                                                                        \
        st##bits(cpu, op, EA_##form(bits / 8, true), (U(bits))op->imm);                                      \
        NEXT;                                                                                                \
    }
#define MOV(bits, unused)                                                                                    \
    static OP(mov_GE_r##bits)                                                                                \
    {                                                                                                        \
        SET##bits(op->dst, R##bits(op->src));                                                                \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(mov_EI_r##bits)                                                                                \
    {                                                                                                        \
        SET##bits(op->dst, (U(bits))op->imm);                                                                \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(mov_AO_g##bits)                                                                                \
    {                                                                                                        \
        SET##bits(0, ld##bits(cpu, op, seg_linear(cpu, op, op->seg, (uint64_t)op->wide, bits / 8, false)));  \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(mov_OA_g##bits)                                                                                \
    {                                                                                                        \
        st##bits(cpu, op, seg_linear(cpu, op, op->seg, (uint64_t)op->wide, bits / 8, true),                  \
                 (U(bits))R##bits(0));                                                                       \
        NEXT;                                                                                                \
    }                                                                                                        \
    MOV_FORMS(bits, g)                                                                                       \
    MOV_FORMS(bits, f)
FOR_SIZES(MOV, )
FAMILY_SIZED(fam_mov_GE, mov_GE);
FAMILY_SIZED(fam_mov_EI, mov_EI);
const struct family fam_mov_EG = {{{mov_GE_r8, mov_GE_r16, mov_GE_r32, mov_GE_r64},
                                   {mov_EG_g8, mov_EG_g16, mov_EG_g32, mov_EG_g64},
                                   {mov_EG_f8, mov_EG_f16, mov_EG_f32, mov_EG_f64}}};
static OP(mov_ZI_r64)
{
    SET64(op->dst, (uint64_t)op->wide);
    NEXT;
}
const struct family fam_mov_ZI = {{{mov_EI_r8, mov_EI_r16, mov_EI_r32, mov_ZI_r64}}};
const struct family fam_mov_AO = {{{0}, {mov_AO_g8, mov_AO_g16, mov_AO_g32, mov_AO_g64}}};
const struct family fam_mov_OA = {{{0}, {mov_OA_g8, mov_OA_g16, mov_OA_g32, mov_OA_g64}}};

/* ---------------------------------------------------------------- extending moves: op->osize is for the destination */

#define EXTEND(to, name, from, type)                                                                         \
    static OP(name##_r##to)                                                                                  \
    {                                                                                                        \
        SET##to(op->dst, (U(to))(S(to))(type)R##from(op->src));                                              \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_g##to)                                                                                  \
    {                                                                                                        \
        SET##to(op->dst, (U(to))(S(to))(type)ld##from(cpu, op, EA_g(from / 8, false)));                      \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_f##to)                                                                                  \
    {                                                                                                        \
        SET##to(op->dst, (U(to))(S(to))(type)ld##from(cpu, op, EA_f(from / 8, false)));                      \
        NEXT;                                                                                                \
    }
#define EXTEND_FAMILY(name, from, type)                                                                      \
    EXTEND(16, name, from, type)                                                                             \
    EXTEND(32, name, from, type)                                                                             \
    EXTEND(64, name, from, type)                                                                             \
    const struct family fam_##name = {{{NULL, name##_r16, name##_r32, name##_r64},                           \
                                       {NULL, name##_g16, name##_g32, name##_g64},                           \
                                       {NULL, name##_f16, name##_f32, name##_f64}}};
EXTEND_FAMILY(movzx8, 8, uint8_t)
EXTEND_FAMILY(movzx16, 16, uint16_t)
EXTEND_FAMILY(movsx8, 8, int8_t)
EXTEND_FAMILY(movsx16, 16, int16_t)
EXTEND_FAMILY(movsxd, 32, int32_t)

/* ---------------------------------------------------------------- LEA */

static OP(lea16)
{
    SET16(op->dst, ea_offset(cpu, op));
    NEXT;
}
static OP(lea32)
{
    SET32(op->dst, ea_offset(cpu, op));
    NEXT;
}
static OP(lea64)
{
    SET64(op->dst, ea_offset(cpu, op));
    NEXT;
}
static OP(lea64_f)
{
    SET64(op->dst, cpu->gpr[op->base] + (cpu->gpr[op->index] << op->scale) + (int64_t)op->disp);
    NEXT;
}
static OP(lea32_f)
{
    SET32(op->dst, cpu->gpr[op->base] + (cpu->gpr[op->index] << op->scale) + (int64_t)op->disp);
    NEXT;
}
const struct family fam_lea = {{{0}, {NULL, lea16, lea32, lea64}, {NULL, lea16, lea32_f, lea64_f}}};

/* ---------------------------------------------------------------- conditions */

/* The source is read, and a 32-bit destination's upper half cleared, whether or not the condition holds. */
#define CMOV_SIZE(bits, cc)                                                                                  \
    static OP(cmov##cc##_r##bits)                                                                            \
    {                                                                                                        \
        SET##bits(op->dst, cond(cpu, cc) ? R##bits(op->src) : R##bits(op->dst));                             \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(cmov##cc##_g##bits)                                                                            \
    {                                                                                                        \
        U(bits) v = ld##bits(cpu, op, EA_g(bits / 8, false));                                                \
        SET##bits(op->dst, cond(cpu, cc) ? v : R##bits(op->dst));                                            \
        NEXT;                                                                                                \
    }
#define SETCC(cc)                                                                                            \
    static OP(set##cc##_r)                                                                                   \
    {                                                                                                        \
        SET8(op->dst, cond(cpu, cc));                                                                        \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(set##cc##_m)                                                                                   \
    {                                                                                                        \
        st8(cpu, op, EA_g(1, true), cond(cpu, cc));                                                          \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY_RM(fam_set##cc, set##cc##_r, set##cc##_m);
#define CONDITIONAL(cc)                                                                                      \
    CMOV_SIZE(16, cc)                                                                                        \
    CMOV_SIZE(32, cc)                                                                                        \
    CMOV_SIZE(64, cc)                                                                                        \
    const struct family fam_cmov##cc = {{{NULL, cmov##cc##_r16, cmov##cc##_r32, cmov##cc##_r64},             \
                                         {NULL, cmov##cc##_g16, cmov##cc##_g32, cmov##cc##_g64}}};           \
    SETCC(cc)
/* clang-format off */
CONDITIONAL(0) CONDITIONAL(1) CONDITIONAL(2) CONDITIONAL(3)
CONDITIONAL(4) CONDITIONAL(5) CONDITIONAL(6) CONDITIONAL(7)
CONDITIONAL(8) CONDITIONAL(9) CONDITIONAL(10) CONDITIONAL(11)
CONDITIONAL(12) CONDITIONAL(13) CONDITIONAL(14) CONDITIONAL(15)
    /* clang-format on */

    /* ---------------------------------------------------------------- conversions within rAX, rDX */

    static OP(cbw)
{
    SET16(RAX, (int8_t)R8(0));
    NEXT;
}
static OP(cwde)
{
    SET32(RAX, (int16_t)R16(RAX));
    NEXT;
}
static OP(cdqe)
{
    SET64(RAX, (uint64_t)(int64_t)(int32_t)R32(RAX));
    NEXT;
}
static OP(cwd)
{
    SET16(RDX, (int16_t)R16(RAX) < 0 ? 0xffff : 0);
    NEXT;
}
static OP(cdq)
{
    SET32(RDX, (int32_t)R32(RAX) < 0 ? 0xffffffff : 0);
    NEXT;
}
static OP(cqo)
{
    SET64(RDX, (int64_t)R64(RAX) < 0 ? UINT64_MAX : 0);
    NEXT;
}
const struct family fam_cbw = {{{NULL, cbw, cwde, cdqe}}};
const struct family fam_cwd = {{{NULL, cwd, cdq, cqo}}};

static OP(bswap16)
{
    SET16(op->dst, 0);
    NEXT;
} /* undefined by the manual; processors clear it */
static OP(bswap32)
{
    SET32(op->dst, __builtin_bswap32(R32(op->dst)));
    NEXT;
}
static OP(bswap64)
{
    SET64(op->dst, __builtin_bswap64(R64(op->dst)));
    NEXT;
}
const struct family fam_bswap = {{{NULL, bswap16, bswap32, bswap64}}};

static OP(xlat)
{
    uint64_t off = R64(RBX) + R8(0);
    off = op->asize == 2 ? off : op->asize == 1 ? (uint32_t)off : (uint16_t)off;
    SET8(0, ld8(cpu, op, seg_linear(cpu, op, op->seg, off, 1, false)));
    NEXT;
}
FAMILY1(fam_xlat, xlat);

/* ---------------------------------------------------------------- flags */

static OP(cmc)
{
    cpu->cc_aux ^= FLAG_CF;
    NEXT;
}
static OP(clc)
{
    cpu->cc_aux &= ~(uint64_t)FLAG_CF;
    NEXT;
}
static OP(stc)
{
    cpu->cc_aux |= FLAG_CF;
    NEXT;
}
static OP(cld)
{
    cpu->flags &= ~(uint64_t)FLAG_DF;
    NEXT;
}
static OP(std_)
{
    cpu->flags |= FLAG_DF;
    NEXT;
}
static OP(lahf)
{
    SET8(1, eflags_get(cpu));
    NEXT;
}
static OP(sahf)
{
    cc_set(cpu, (R8(1) & (FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF | FLAG_CF)) | cc_of(cpu) << 11);
    NEXT;
}
static OP(salc)
{
    SET8(0, cc_cf(cpu) ? 0xff : 0);
    NEXT;
}
FAMILY1(fam_cmc, cmc);
FAMILY1(fam_clc, clc);
FAMILY1(fam_stc, stc);
FAMILY1(fam_cld, cld);
FAMILY1(fam_std, std_);
FAMILY1(fam_lahf, lahf);
FAMILY1(fam_sahf, sahf);
FAMILY1(fam_salc, salc);

static OP(nop)
{
    NEXT;
}
FAMILY1(fam_nop, nop);

static OP(ud)
{
    SYNC;
    raise_fault(cpu, VEC_UD);
}
FAMILY1(fam_ud, ud);
