/* int_mul.c - MUL IMUL DIV IDIV. */
#include "hv/x86/integer/int.h"

/* Flags after a multiplication: CF and OF are set if the upper half is significant. The others are undefined;
 * here they are set from the low half, with AF 0. */
#define MUL_FLAGS(bits, low, big)                                                                            \
    (cpu->cc_res = SEXT(bits, low), cpu->cc_aux = (big) ? FLAG_CF | 1u << AUX_OF : 0)

/* ---------------------------------------------------------------- one operand */

static inline void mul8(struct x86 *cpu, uint8_t v)
{
    uint16_t r = (uint16_t)(R8(RAX) * v);
    SET16(RAX, r);
    MUL_FLAGS(8, r, r >> 8);
}
static inline void imul8(struct x86 *cpu, uint8_t v)
{
    int16_t r = (int16_t)((int8_t)R8(RAX) * (int8_t)v);
    SET16(RAX, r);
    MUL_FLAGS(8, r, r != (int8_t)r);
}
#define DEFINE_MUL(bits, wide)                                                                               \
    static inline void mul##bits(struct x86 *cpu, U(bits) v)                                                 \
    {                                                                                                        \
        unsigned wide r = (unsigned wide)(U(bits))R##bits(RAX) * v;                                          \
        SET##bits(RAX, (U(bits))r);                                                                          \
        SET##bits(RDX, (U(bits))(r >> bits));                                                                \
        MUL_FLAGS(bits, (U(bits))r, r >> bits);                                                              \
    }                                                                                                        \
    static inline void imul##bits(struct x86 *cpu, U(bits) v)                                                \
    {                                                                                                        \
        wide r = (wide)(S(bits))R##bits(RAX) * (S(bits))v;                                                   \
        SET##bits(RAX, (U(bits))r);                                                                          \
        SET##bits(RDX, (U(bits))(r >> bits));                                                                \
        MUL_FLAGS(bits, (U(bits))r, r != (wide)(S(bits))r);                                                  \
    }                                                                                                        \
    static inline void div##bits(struct x86 *cpu, U(bits) v)                                                 \
    {                                                                                                        \
        unsigned wide n = (unsigned wide)(U(bits))R##bits(RDX) << bits | (U(bits))R##bits(RAX);              \
        if (!v || n / v >> bits)                                                                             \
            raise_fault(cpu, VEC_DE);                                                                        \
        SET##bits(RAX, (U(bits))(n / v));                                                                    \
        SET##bits(RDX, (U(bits))(n % v));                                                                    \
    }                                                                                                        \
    static inline void idiv##bits(struct x86 *cpu, U(bits) v)                                                \
    {                                                                                                        \
        wide n = (wide)((unsigned wide)(U(bits))R##bits(RDX) << bits | (U(bits))R##bits(RAX)),               \
             d = (S(bits))v;                                                                                 \
        if (!d || (d == -1 && n == (wide)((unsigned wide)1 << (2 * bits - 1))))                              \
            raise_fault(cpu, VEC_DE);                                                                        \
        wide q = n / d;                                                                                      \
        if (q != (S(bits))q)                                                                                 \
            raise_fault(cpu, VEC_DE);                                                                        \
        SET##bits(RAX, (U(bits))q);                                                                          \
        SET##bits(RDX, (U(bits))(n % d));                                                                    \
    }
DEFINE_MUL(16, int)
DEFINE_MUL(32, long)
DEFINE_MUL(64, __int128)

static inline void div8(struct x86 *cpu, uint8_t v)
{
    uint16_t n = R16(RAX);
    if (!v || n / v > 0xff)
        raise_fault(cpu, VEC_DE);
    SET16(RAX, (uint8_t)(n / v) | (n % v) << 8);
}
static inline void idiv8(struct x86 *cpu, uint8_t v)
{
    int n = (int16_t)R16(RAX), d = (int8_t)v;
    if (!d || n / d != (int8_t)(n / d))
        raise_fault(cpu, VEC_DE);
    SET16(RAX, (uint8_t)(n / d) | (n % d) << 8);
}

#define ONE_OPERAND(bits, name)                                                                              \
    static OP(name##_r##bits)                                                                                \
    {                                                                                                        \
        SYNC;                                                                                                \
        name##bits(cpu, (U(bits))R##bits(op->dst));                                                          \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_g##bits)                                                                                \
    {                                                                                                        \
        SYNC;                                                                                                \
        name##bits(cpu, ld##bits(cpu, op, EA_g(bits / 8, false)));                                           \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_f##bits)                                                                                \
    {                                                                                                        \
        SYNC;                                                                                                \
        name##bits(cpu, ld##bits(cpu, op, EA_f(bits / 8, false)));                                           \
        NEXT;                                                                                                \
    }
#define ONE_OPERAND_FAMILY(name)                                                                             \
    FOR_SIZES(ONE_OPERAND, name)                                                                             \
    FAMILY_SIZED(fam_##name, name);
ONE_OPERAND_FAMILY(mul)
ONE_OPERAND_FAMILY(imul)
ONE_OPERAND_FAMILY(div)
ONE_OPERAND_FAMILY(idiv)

/* ---------------------------------------------------------------- IMUL with two and three operands */

#define DEFINE_IMUL2(bits, wide)                                                                             \
    static inline U(bits) imul2_##bits(struct x86 *cpu, U(bits) a, U(bits) b)                                \
    {                                                                                                        \
        wide r = (wide)(S(bits))a * (S(bits))b;                                                              \
        MUL_FLAGS(bits, (U(bits))r, r != (wide)(S(bits))r);                                                  \
        return (U(bits))r;                                                                                   \
    }                                                                                                        \
    static OP(imul_GE_r##bits)                                                                               \
    {                                                                                                        \
        SET##bits(op->dst, imul2_##bits(cpu, (U(bits))R##bits(op->dst), (U(bits))R##bits(op->src)));         \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(imul_GE_g##bits)                                                                               \
    {                                                                                                        \
        U(bits) b = ld##bits(cpu, op, EA_g(bits / 8, false));                                                \
        SET##bits(op->dst, imul2_##bits(cpu, (U(bits))R##bits(op->dst), b));                                 \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(imul_GEI_r##bits)                                                                              \
    {                                                                                                        \
        SET##bits(op->dst, imul2_##bits(cpu, (U(bits))R##bits(op->src), (U(bits))op->imm));                  \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(imul_GEI_g##bits)                                                                              \
    {                                                                                                        \
        U(bits) b = ld##bits(cpu, op, EA_g(bits / 8, false));                                                \
        SET##bits(op->dst, imul2_##bits(cpu, b, (U(bits))op->imm));                                          \
        NEXT;                                                                                                \
    }
DEFINE_IMUL2(16, int)
DEFINE_IMUL2(32, long)
DEFINE_IMUL2(64, __int128)
const struct family fam_imul_GE = {
    {{NULL, imul_GE_r16, imul_GE_r32, imul_GE_r64}, {NULL, imul_GE_g16, imul_GE_g32, imul_GE_g64}}};
const struct family fam_imul_GEI = {
    {{NULL, imul_GEI_r16, imul_GEI_r32, imul_GEI_r64}, {NULL, imul_GEI_g16, imul_GEI_g32, imul_GEI_g64}}};
