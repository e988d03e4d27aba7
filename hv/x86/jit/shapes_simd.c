/* shapes_simd.c - which families of SIMD handlers are compiled, and as what. */
#include "hv/x86/jit/ops.h"

/* Each row is for fam_NAME and fam_v_NAME, the instruction with VEX: kind, bytes of the operand in memory (of 256 bits: of a half),
 * form of moves, enum shape_how.
 *
 * Those without HOW_FLOAT have results that depend on their operands alone, and are the same on all processors. */

/* clang-format off */
#define OPERATION(F, name)      F(name, SIMD, 16, GE, 0)
#define SIMD_INTEGERS(F)                                                                                     \
    OPERATION(F, punpcklbw) OPERATION(F, punpcklwd) OPERATION(F, punpckldq) OPERATION(F, punpcklqdq)         \
    OPERATION(F, punpckhbw) OPERATION(F, punpckhwd) OPERATION(F, punpckhdq) OPERATION(F, punpckhqdq)         \
    OPERATION(F, packsswb) OPERATION(F, packssdw) OPERATION(F, packuswb) OPERATION(F, packusdw)              \
    OPERATION(F, pshufb) OPERATION(F, palignr) OPERATION(F, shufps) OPERATION(F, unpcklps)                   \
    OPERATION(F, unpckhps) OPERATION(F, unpcklpd) OPERATION(F, unpckhpd) OPERATION(F, movhlps)               \
    OPERATION(F, movlhps) OPERATION(F, pand) OPERATION(F, pandn) OPERATION(F, por) OPERATION(F, pxor)        \
    OPERATION(F, paddb) OPERATION(F, paddw) OPERATION(F, paddd) OPERATION(F, paddq)                          \
    OPERATION(F, psubb) OPERATION(F, psubw) OPERATION(F, psubd) OPERATION(F, psubq)                          \
    OPERATION(F, paddsb) OPERATION(F, paddsw) OPERATION(F, paddusb) OPERATION(F, paddusw)                    \
    OPERATION(F, psubsb) OPERATION(F, psubsw) OPERATION(F, psubusb) OPERATION(F, psubusw)                    \
    OPERATION(F, pavgb) OPERATION(F, pavgw) OPERATION(F, pmullw) OPERATION(F, pmulhw)                        \
    OPERATION(F, pmulhuw) OPERATION(F, pmulhrsw) OPERATION(F, pmulld) OPERATION(F, pmuludq)                  \
    OPERATION(F, pmuldq) OPERATION(F, pmaddwd) OPERATION(F, pmaddubsw) OPERATION(F, psadbw)                  \
    OPERATION(F, pcmpeqb) OPERATION(F, pcmpeqw) OPERATION(F, pcmpeqd) OPERATION(F, pcmpeqq)                  \
    OPERATION(F, pcmpgtb) OPERATION(F, pcmpgtw) OPERATION(F, pcmpgtd) OPERATION(F, pcmpgtq)                  \
    OPERATION(F, pminub) OPERATION(F, pmaxub) OPERATION(F, pminsw) OPERATION(F, pmaxsw)                      \
    OPERATION(F, pminsb) OPERATION(F, pmaxsb) OPERATION(F, pminuw) OPERATION(F, pmaxuw)                      \
    OPERATION(F, pminsd) OPERATION(F, pmaxsd) OPERATION(F, pminud) OPERATION(F, pmaxud)                      \
    OPERATION(F, phaddw) OPERATION(F, phaddd) OPERATION(F, phaddsw) OPERATION(F, phsubw)                     \
    OPERATION(F, phsubd) OPERATION(F, phsubsw) OPERATION(F, psignb) OPERATION(F, psignw)                     \
    OPERATION(F, psignd) OPERATION(F, pblendw)                                                               \
    F(shufpd, SIMD, 16, GE, 2) F(blendpd, SIMD, 16, GE, 2) F(blendps, SIMD, 16, GE, 4)                       \
    F(aesenc, SIMD, 16, GE, HOW_CIPHER) F(aesenclast, SIMD, 16, GE, HOW_CIPHER)                              \
    F(aesdec, SIMD, 16, GE, HOW_CIPHER) F(aesdeclast, SIMD, 16, GE, HOW_CIPHER)                              \
    F(aesimc, SIMD_UNARY, 16, GE, HOW_CIPHER) F(aeskeygenassist, SIMD_UNARY, 16, GE, HOW_CIPHER)             \
    F(pclmulqdq, SIMD, 16, GE, HOW_CIPHER) OPERATION(F, gf2p8mulb)                                           \
    OPERATION(F, gf2p8affineqb) OPERATION(F, gf2p8affineinvqb)                                               \
    F(mpsadbw, SIMD, 16, GE, 3) F(insertps, SIMD, 4, GE, 0)                                                  \
    F(movlps_load, SIMD, 8, GE, 0) F(movhps_load, SIMD, 8, GE, 0)                                            \
    F(psllw, SIMD, 16, GE, HOW_SAME) F(pslld, SIMD, 16, GE, HOW_SAME) F(psllq, SIMD, 16, GE, HOW_SAME)       \
    F(psrlw, SIMD, 16, GE, HOW_SAME) F(psrld, SIMD, 16, GE, HOW_SAME) F(psrlq, SIMD, 16, GE, HOW_SAME)       \
    F(psraw, SIMD, 16, GE, HOW_SAME) F(psrad, SIMD, 16, GE, HOW_SAME)                                        \
    F(psllw_imm, SIMD_SHIFT, 16, EI, 0) F(pslld_imm, SIMD_SHIFT, 16, EI, 0)                                  \
    F(psllq_imm, SIMD_SHIFT, 16, EI, 0) F(psrlw_imm, SIMD_SHIFT, 16, EI, 0)                                  \
    F(psrld_imm, SIMD_SHIFT, 16, EI, 0) F(psrlq_imm, SIMD_SHIFT, 16, EI, 0)                                  \
    F(psraw_imm, SIMD_SHIFT, 16, EI, 0) F(psrad_imm, SIMD_SHIFT, 16, EI, 0)                                  \
    F(pslldq_imm, SIMD_SHIFT, 16, EI, 0) F(psrldq_imm, SIMD_SHIFT, 16, EI, 0)                                \
    F(pshufd, SIMD_UNARY, 16, GE, 0) F(pshuflw, SIMD_UNARY, 16, GE, 0) F(pshufhw, SIMD_UNARY, 16, GE, 0)     \
    F(pabsb, SIMD_UNARY, 16, GE, 0) F(pabsw, SIMD_UNARY, 16, GE, 0) F(pabsd, SIMD_UNARY, 16, GE, 0)          \
    F(movsldup, SIMD_UNARY, 16, GE, 0) F(movshdup, SIMD_UNARY, 16, GE, 0)                                    \
    F(pmovsxbw, SIMD_WIDE, 8, GE, 0) F(pmovsxbd, SIMD_WIDE, 4, GE, 0) F(pmovsxbq, SIMD_WIDE, 2, GE, 0)       \
    F(pmovsxwd, SIMD_WIDE, 8, GE, 0) F(pmovsxwq, SIMD_WIDE, 4, GE, 0) F(pmovsxdq, SIMD_WIDE, 8, GE, 0)       \
    F(pmovzxbw, SIMD_WIDE, 8, GE, 0) F(pmovzxbd, SIMD_WIDE, 4, GE, 0) F(pmovzxbq, SIMD_WIDE, 2, GE, 0)       \
    F(pmovzxwd, SIMD_WIDE, 8, GE, 0) F(pmovzxwq, SIMD_WIDE, 4, GE, 0) F(pmovzxdq, SIMD_WIDE, 8, GE, 0)       \
    F(pmovmskb, SIMD_MASK, 16, EG, 0) F(movmskps, SIMD_MASK, 4, EG, 0) F(movmskpd, SIMD_MASK, 2, EG, 0)      \
    F(ptest, SIMD_FLAGS, 16, GE, 0) F(pinsrb, SIMD_INSERT, 1, GE, 0) F(pinsrw, SIMD_INSERT, 2, GE, 0)        \
    F(pinsrd, SIMD_INSERT, 0, GE, 0) F(pextrb, SIMD_EXTRACT, 1, EG, 0) F(pextrw, SIMD_EXTRACT, 2, EG, 0)     \
    F(pextrw_store, SIMD_EXTRACT, 2, EG, 0) F(pextrd, SIMD_EXTRACT, 0, EG, 0)                                \
    F(extractps, SIMD_EXTRACT, 4, EG, 0)

#define SIMD_MOVES(F)                                                                                        \
    F(movu_load, SIMD_MOVE, 16, GE, 0) F(mova_load, SIMD_MOVE, 16, GE, HOW_ALIGNED)                          \
    F(movu_store, SIMD_MOVE, 16, EG, 0) F(mova_store, SIMD_MOVE, 16, EG, HOW_ALIGNED)                        \
    F(movd_load, SIMD_LOAD, 0, GE, 0) F(movss_load, SIMD_LOAD, 4, GE, 0) F(movsd_load, SIMD_LOAD, 8, GE, 0)  \
    F(movq_load, SIMD_LOAD, 8, GE, HOW_SAME) F(movd_store, SIMD_STORE, 0, EG, 0)                             \
    F(movss_store, SIMD_STORE, 4, EG, 0) F(movsd_store, SIMD_STORE, 8, EG, 0)                                \
    F(movq_store, SIMD_STORE, 8, EG, HOW_SAME) F(movlps_store, SIMD_STORE, 8, EG, 0)                         \
    F(movhps_store, SIMD_STORE, 0x88, EG, 0)

#define PACKED(F, name, kind)   F(name, kind, 16, GE, HOW_FLOAT)
#define SINGLE(F, name, kind)   F(name, kind, 4, GE, HOW_FLOAT)
#define DOUBLE_(F, name, kind)  F(name, kind, 8, GE, HOW_FLOAT)
#define ARITHMETIC(F, name)                                                                                  \
    PACKED(F, name##ps, SIMD) PACKED(F, name##pd, SIMD) SINGLE(F, name##ss, SIMD) DOUBLE_(F, name##sd, SIMD)
#define SIMD_FLOATS(F)                                                                                       \
    ARITHMETIC(F, add) ARITHMETIC(F, sub) ARITHMETIC(F, mul) ARITHMETIC(F, div) ARITHMETIC(F, min)           \
    ARITHMETIC(F, max) ARITHMETIC(F, cmp)                                                                    \
    PACKED(F, sqrtps, SIMD_UNARY) PACKED(F, sqrtpd, SIMD_UNARY)                                              \
    SINGLE(F, sqrtss, SIMD) DOUBLE_(F, sqrtsd, SIMD)                                                         \
    PACKED(F, addsubps, SIMD) PACKED(F, addsubpd, SIMD) PACKED(F, haddps, SIMD) PACKED(F, haddpd, SIMD)      \
    PACKED(F, hsubps, SIMD) PACKED(F, hsubpd, SIMD) PACKED(F, dpps, SIMD_DOT) PACKED(F, dppd, SIMD_DOT)      \
    PACKED(F, roundps, SIMD_UNARY) PACKED(F, roundpd, SIMD_UNARY)                                            \
    SINGLE(F, roundss, SIMD) DOUBLE_(F, roundsd, SIMD)                                                       \
    SINGLE(F, cvtss2sd, SIMD) DOUBLE_(F, cvtsd2ss, SIMD)                                                     \
    PACKED(F, cvtdq2ps, SIMD_UNARY) PACKED(F, cvtps2dq, SIMD_UNARY) PACKED(F, cvttps2dq, SIMD_UNARY)         \
    DOUBLE_(F, cvtps2pd, SIMD_WIDE) DOUBLE_(F, cvtdq2pd, SIMD_WIDE)                                          \
    PACKED(F, cvtpd2ps, SIMD_NARROW) PACKED(F, cvtpd2dq, SIMD_NARROW) PACKED(F, cvttpd2dq, SIMD_NARROW)      \
    F(cvtsi2ss, SIMD_FROM_INT, 0, GE, HOW_FLOAT) F(cvtsi2sd, SIMD_FROM_INT, 0, GE, HOW_FLOAT)                \
    SINGLE(F, cvtss2si, SIMD_TO_INT) SINGLE(F, cvttss2si, SIMD_TO_INT)                                       \
    DOUBLE_(F, cvtsd2si, SIMD_TO_INT) DOUBLE_(F, cvttsd2si, SIMD_TO_INT)                                     \
    SINGLE(F, comiss, SIMD_FLAGS) SINGLE(F, ucomiss, SIMD_FLAGS)                                             \
    DOUBLE_(F, comisd, SIMD_FLAGS) DOUBLE_(F, ucomisd, SIMD_FLAGS)

/* Families whose names do not follow. The operand of a scalar multiply-add has the size that W says. */
#define FUSED(F, name)                                                                                       \
    F(name, SIMD_FMA, 16, GE, HOW_FLOAT | HOW_VEX) F(name##_scalar, SIMD_FMA, 0, GE, HOW_FLOAT | HOW_VEX)
#define SIMD_OTHERS(F)                                                                                       \
    F(fam_movddup, SIMD_UNARY, 8, GE, 0) F(fam_v_movddup128, SIMD_UNARY, 8, GE, 0)                           \
    F(fam_v_movddup256, SIMD_UNARY, 16, GE, 0)                                                               \
    F(fam_v_permilps, SIMD, 16, GE, HOW_VEX) F(fam_v_permilpd, SIMD, 16, GE, HOW_VEX)                        \
    F(fam_v_permilps_imm, SIMD_UNARY, 16, GE, HOW_VEX)                                                       \
    F(fam_v_permilpd_imm, SIMD_UNARY, 16, GE, HOW_VEX | 2) F(fam_v_pblendd, SIMD, 16, GE, HOW_VEX | 4)       \
    F(fam_v_psllvd, SIMD, 16, GE, HOW_VEX) F(fam_v_psllvq, SIMD, 16, GE, HOW_VEX)                            \
    F(fam_v_psrlvd, SIMD, 16, GE, HOW_VEX) F(fam_v_psrlvq, SIMD, 16, GE, HOW_VEX)                            \
    F(fam_v_psravd, SIMD, 16, GE, HOW_VEX) F(fam_vzeroupper, SIMD_ZERO, 0, GE, 0)                            \
    F(fam_vzeroall, SIMD_ZERO, 0, GE, 0) F(fam_vbroadcast8, SIMD_BROADCAST, 1, GE, HOW_VEX)                  \
    F(fam_vbroadcast16, SIMD_BROADCAST, 2, GE, HOW_VEX) F(fam_vbroadcast32, SIMD_BROADCAST, 4, GE, HOW_VEX)  \
    F(fam_vbroadcast64, SIMD_BROADCAST, 8, GE, HOW_VEX) F(fam_vbroadcast128, SIMD_BROADCAST, 16, GE, HOW_SAME) \
    F(fam_vperm2x128, SIMD_CHOOSE, 16, GE, 0) F(fam_vinsert128, SIMD_INSERT_HALF, 16, GE, HOW_SAME)          \
    F(fam_vextract128, SIMD_EXTRACT_HALF, 16, EG, HOW_SAME) F(fam_vpermq, SIMD_QUARTERS, 16, GE, 0)          \
    F(fam_vpermd, SIMD_PERMUTE, 16, GE, HOW_VEX) F(fam_v_blendvps, SIMD_BLEND, 16, GE, HOW_VEX)              \
    F(fam_v_blendvpd, SIMD_BLEND, 16, GE, HOW_VEX) F(fam_v_pblendvb, SIMD_BLEND, 16, GE, HOW_VEX)            \
    FUSED(F, fam_fmadd) FUSED(F, fam_fmsub) FUSED(F, fam_fnmadd) FUSED(F, fam_fnmsub)                        \
    F(fam_fmaddsub, SIMD_FMA, 16, GE, HOW_FLOAT | HOW_VEX) F(fam_fmsubadd, SIMD_FMA, 16, GE, HOW_FLOAT | HOW_VEX) \
    F(fam_v_testps, SIMD_FLAGS, 16, GE, HOW_VEX) F(fam_v_testpd, SIMD_FLAGS, 16, GE, HOW_VEX)                \
    F(fam_blendvps, SIMD_WITH_XMM0, 16, GE, 0) F(fam_blendvpd, SIMD_WITH_XMM0, 16, GE, 0)                    \
    F(fam_pblendvb, SIMD_WITH_XMM0, 16, GE, 0) F(fam_sha256rnds2, SIMD_WITH_XMM0, 16, GE, 0)                 \
    F(fam_sha256msg1, SIMD, 16, GE, 0) F(fam_sha256msg2, SIMD, 16, GE, 0) F(fam_sha1nexte, SIMD, 16, GE, 0)  \
    F(fam_sha1msg1, SIMD, 16, GE, 0) F(fam_sha1msg2, SIMD, 16, GE, 0) F(fam_sha1rnds4, SIMD, 16, GE, 0)      \
    F(fam_vcvtph2ps, SIMD_WIDE, 8, GE, HOW_FLOAT | HOW_VEX)                                                  \
    F(fam_vcvtps2ph, SIMD_TO_HALF, 8, EG, HOW_FLOAT | HOW_VEX)                                               \
    F(fam_vmaskload32, SIMD_MASKED, 16, GE, HOW_VEX) F(fam_vmaskload64, SIMD_MASKED, 16, GE, HOW_VEX)        \
    F(fam_vmaskstore32, SIMD_MASKED, 16, EG, HOW_VEX) F(fam_vmaskstore64, SIMD_MASKED, 16, EG, HOW_VEX)      \
    F(fam_vgather_d32, SIMD_GATHER, 4, GE, 0) F(fam_vgather_d64, SIMD_GATHER, 8, GE, 0)                      \
    F(fam_vgather_q32, SIMD_GATHER, 4, GE, 0) F(fam_vgather_q64, SIMD_GATHER, 8, GE, 0)                      \
    F(x87_ldmxcsr, SIMD_MXCSR, 4, GE, 0) F(fam_v_ldmxcsr, SIMD_MXCSR, 4, GE, 0)                              \
    F(x87_stmxcsr, SIMD_MXCSR, 4, EG, 0) F(fam_v_stmxcsr, SIMD_MXCSR, 4, EG, 0)
/* clang-format on */

#define DECLARED(name, kind, arg, form, how)       extern const struct family fam_##name, fam_v_##name;
#define OTHER_DECLARED(name, kind, arg, form, how) extern const struct family name;
SIMD_INTEGERS(DECLARED)
SIMD_MOVES(DECLARED)
SIMD_FLOATS(DECLARED)
SIMD_OTHERS(OTHER_DECLARED)

/* Without VEX a row says itself whether its operand must be aligned. */
#define ENTRY(name, kind, arg, form, how)                                                                    \
    {&fam_##name, {SHAPE_##kind, arg, FORM_##form, (how) & ~HOW_ALIGNED}},                                   \
        {&fam_v_##name, {SHAPE_##kind, arg, FORM_##form, how}},
#define OTHER_ENTRY(name, kind, arg, form, how) {&name, {SHAPE_##kind, arg, FORM_##form, how}},

static const struct {
    const struct family *family;
    struct shape shape;
} families[] = {SIMD_INTEGERS(ENTRY) SIMD_MOVES(ENTRY) SIMD_FLOATS(ENTRY) SIMD_OTHERS(OTHER_ENTRY)};

struct shape shape_of_simd(const struct insn_row *row)
{
    for (size_t k = 0; k < sizeof families / sizeof families[0]; k++)
        if (row->family == families[k].family)
            return families[k].shape;
    return (struct shape){0};
}
