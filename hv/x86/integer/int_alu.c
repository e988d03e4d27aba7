/* int_alu.c - ADD OR ADC SBB AND SUB XOR CMP TEST, INC DEC NEG NOT, XADD, CMPXCHG. */
#include "hv/x86/integer/int.h"
#include "hv/x86/virt/virt.h"

/* ---------------------------------------------------------------- two operands */

#define BINARY_FORMS(bits, name, form)                                                                       \
    static OP(name##_GE_##form##bits)                                                                        \
    {                                                                                                        \
        U(bits) b = ld##bits(cpu, op, EA_##form(bits / 8, false));                                           \
        SET##bits(op->dst, alu_##name##bits(cpu, (U(bits))R##bits(op->dst), b));                             \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_EG_##form##bits)                                                                        \
    {                                                                                                        \
        RMW(bits, EA_##form(bits / 8, true), alu_##name##bits(cpu, old, (U(bits))R##bits(op->src)));         \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_EI_##form##bits)                                                                        \
    {                                                                                                        \
        RMW(bits, EA_##form(bits / 8, true), alu_##name##bits(cpu, old, (U(bits))op->imm));                  \
        NEXT;                                                                                                \
    }

#define BINARY(bits, name)                                                                                   \
    static OP(name##_GE_r##bits)                                                                             \
    {                                                                                                        \
        SET##bits(op->dst, alu_##name##bits(cpu, (U(bits))R##bits(op->dst), (U(bits))R##bits(op->src)));     \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_EI_r##bits)                                                                             \
    {                                                                                                        \
        SET##bits(op->dst, alu_##name##bits(cpu, (U(bits))R##bits(op->dst), (U(bits))op->imm));              \
        NEXT;                                                                                                \
    }                                                                                                        \
    BINARY_FORMS(bits, name, g)                                                                              \
    BINARY_FORMS(bits, name, f)

/* Register forms do not depend on which operand is the modrm one. */
#define BINARY_FAMILIES(name)                                                                                \
    FOR_SIZES(BINARY, name)                                                                                  \
    const struct family fam_##name##_EG = {{{name##_GE_r8, name##_GE_r16, name##_GE_r32, name##_GE_r64},     \
                                            {name##_EG_g8, name##_EG_g16, name##_EG_g32, name##_EG_g64},     \
                                            {name##_EG_f8, name##_EG_f16, name##_EG_f32, name##_EG_f64}}};   \
    FAMILY_SIZED(fam_##name##_GE, name##_GE);                                                                \
    FAMILY_SIZED(fam_##name##_EI, name##_EI);

BINARY_FAMILIES(add)
BINARY_FAMILIES(or)
BINARY_FAMILIES(adc)
BINARY_FAMILIES(sbb)
BINARY_FAMILIES(and)
BINARY_FAMILIES(sub)
BINARY_FAMILIES(xor)

/* Operations that only set flags. */
#define COMPARE_FORMS(bits, name, how, form)                                                                 \
    static OP(name##_GE_##form##bits)                                                                        \
    {                                                                                                        \
        U(bits) b = ld##bits(cpu, op, EA_##form(bits / 8, false));                                           \
        alu_##how##bits(cpu, (U(bits))R##bits(op->dst), b);                                                  \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_EG_##form##bits)                                                                        \
    {                                                                                                        \
        U(bits) a = ld##bits(cpu, op, EA_##form(bits / 8, false));                                           \
        alu_##how##bits(cpu, a, (U(bits))R##bits(op->src));                                                  \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_EI_##form##bits)                                                                        \
    {                                                                                                        \
        U(bits) a = ld##bits(cpu, op, EA_##form(bits / 8, false));                                           \
        alu_##how##bits(cpu, a, (U(bits))op->imm);                                                           \
        NEXT;                                                                                                \
    }
#define COMPARE(bits, name, how)                                                                             \
    static OP(name##_GE_r##bits)                                                                             \
    {                                                                                                        \
        alu_##how##bits(cpu, (U(bits))R##bits(op->dst), (U(bits))R##bits(op->src));                          \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_EI_r##bits)                                                                             \
    {                                                                                                        \
        alu_##how##bits(cpu, (U(bits))R##bits(op->dst), (U(bits))op->imm);                                   \
        NEXT;                                                                                                \
    }                                                                                                        \
    COMPARE_FORMS(bits, name, how, g)                                                                        \
    COMPARE_FORMS(bits, name, how, f)

#define COMPARE_FAMILIES(name, how)                                                                          \
    FOR_SIZES(COMPARE, name, how)                                                                            \
    const struct family fam_##name##_EG = {{{name##_GE_r8, name##_GE_r16, name##_GE_r32, name##_GE_r64},     \
                                            {name##_EG_g8, name##_EG_g16, name##_EG_g32, name##_EG_g64},     \
                                            {name##_EG_f8, name##_EG_f16, name##_EG_f32, name##_EG_f64}}};   \
    FAMILY_SIZED(fam_##name##_GE, name##_GE);                                                                \
    FAMILY_SIZED(fam_##name##_EI, name##_EI);

COMPARE_FAMILIES(cmp, sub)
COMPARE_FAMILIES(test, and)

/* ---------------------------------------------------------------- one operand */

#define UNARY(bits, name)                                                                                    \
    static OP(name##_r##bits)                                                                                \
    {                                                                                                        \
        SET##bits(op->dst, alu_##name##bits(cpu, (U(bits))R##bits(op->dst)));                                \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_g##bits)                                                                                \
    {                                                                                                        \
        RMW(bits, EA_g(bits / 8, true), alu_##name##bits(cpu, old));                                         \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_f##bits)                                                                                \
    {                                                                                                        \
        RMW(bits, EA_f(bits / 8, true), alu_##name##bits(cpu, old));                                         \
        NEXT;                                                                                                \
    }
#define UNARY_FAMILY(name)                                                                                   \
    FOR_SIZES(UNARY, name)                                                                                   \
    FAMILY_SIZED(fam_##name, name);
UNARY_FAMILY(inc)
UNARY_FAMILY(dec)
UNARY_FAMILY(neg)
UNARY_FAMILY(not )

/* ---------------------------------------------------------------- XADD, CMPXCHG, XCHG */

/* The register gets the old value, the destination the sum. */
#define XADD_MEM(bits, form)                                                                                 \
    static OP(xadd_##form##bits)                                                                             \
    {                                                                                                        \
        U(bits) b = (U(bits))R##bits(op->src), was = 0;                                                      \
        RMW(bits, EA_##form(bits / 8, true), (was = old, alu_add##bits(cpu, old, b)));                       \
        SET##bits(op->src, was);                                                                             \
        NEXT;                                                                                                \
    }
#define XADD(bits, unused)                                                                                   \
    static OP(xadd_r##bits)                                                                                  \
    {                                                                                                        \
        U(bits) a = (U(bits))R##bits(op->dst), r = alu_add##bits(cpu, a, (U(bits))R##bits(op->src));         \
        SET##bits(op->src, a);                                                                               \
        SET##bits(op->dst, r);                                                                               \
        NEXT;                                                                                                \
    }                                                                                                        \
    XADD_MEM(bits, g)                                                                                        \
    XADD_MEM(bits, f)
FOR_SIZES(XADD, )
FAMILY_SIZED(fam_xadd, xadd);

/* The destination is always written (SDM), with its old value if not equal. A 32-bit accumulator is only
 * written, and its upper half cleared, if not equal. */
#define CMPXCHG_MEM(bits, form)                                                                              \
    static OP(cmpxchg_##form##bits)                                                                          \
    {                                                                                                        \
        U(bits) acc = (U(bits))R##bits(RAX), was = 0;                                                        \
        RMW(bits, EA_##form(bits / 8, true),                                                                 \
            (was = old, alu_sub##bits(cpu, acc, old) ? old : (U(bits))R##bits(op->src)));                    \
        if (was != acc)                                                                                      \
            SET##bits(RAX, was);                                                                             \
        NEXT;                                                                                                \
    }
#define CMPXCHG(bits, unused)                                                                                \
    static OP(cmpxchg_r##bits)                                                                               \
    {                                                                                                        \
        U(bits) acc = (U(bits))R##bits(RAX), was = (U(bits))R##bits(op->dst);                                \
        if (alu_sub##bits(cpu, acc, was))                                                                    \
            SET##bits(RAX, was);                                                                             \
        else                                                                                                 \
            SET##bits(op->dst, R##bits(op->src));                                                            \
        NEXT;                                                                                                \
    }                                                                                                        \
    CMPXCHG_MEM(bits, g)                                                                                     \
    CMPXCHG_MEM(bits, f)
FOR_SIZES(CMPXCHG, )
FAMILY_SIZED(fam_cmpxchg, cmpxchg);

#define XCHG_MEM(bits, form)                                                                                 \
    static OP(xchg_##form##bits)                                                                             \
    {                                                                                                        \
        U(bits) was = 0;                                                                                     \
        RMW(bits, EA_##form(bits / 8, true), (was = old, (U(bits))R##bits(op->src)));                        \
        SET##bits(op->src, was);                                                                             \
        NEXT;                                                                                                \
    }
#define XCHG(bits, unused)                                                                                   \
    static OP(xchg_r##bits)                                                                                  \
    {                                                                                                        \
        U(bits) a = (U(bits))R##bits(op->dst);                                                               \
        SET##bits(op->dst, R##bits(op->src));                                                                \
        SET##bits(op->src, a);                                                                               \
        NEXT;                                                                                                \
    }                                                                                                        \
    XCHG_MEM(bits, g)                                                                                        \
    XCHG_MEM(bits, f)
FOR_SIZES(XCHG, )
FAMILY_SIZED(fam_xchg, xchg);

/* 90h is NOP: it does not clear the upper half of RAX, as XCHG EAX, EAX in two bytes does. F3 90h is PAUSE. */
static OP(nop_or_pause)
{
    if (op->pfx & PFX_REP) {
        SYNC;
        virt_pause(cpu, op);
        pause_run(cpu);
    }
    NEXT;
}
#define XCHG_A(bits)                                                                                         \
    static OP(xchg_A##bits)                                                                                  \
    {                                                                                                        \
        if (op->dst == RAX)                                                                                  \
            TAIL(nop_or_pause(cpu, op));                                                                     \
        TAIL(xchg_r##bits(cpu, op));                                                                         \
    }
XCHG_A(16)
XCHG_A(32)
XCHG_A(64)
const struct family fam_xchg_A = {{{NULL, xchg_A16, xchg_A32, xchg_A64}}};

/* CMPXCHG8B, CMPXCHG16B: only ZF changes. */
static void set_zf(struct x86 *cpu, bool zf)
{
    uint64_t f = eflags_get(cpu) & FLAGS_ARITH & ~(uint64_t)FLAG_ZF;
    cc_set(cpu, f | (zf ? FLAG_ZF : 0));
}

static OP(cmpxchg8b)
{
    uint64_t lin = ea_any(cpu, op, 8, true), old = mem_load_rmw(cpu, op, lin, 8);
    bool equal = old == (R32(RAX) | (uint64_t)R32(RDX) << 32);
    st64(cpu, op, lin, equal ? R32(RBX) | (uint64_t)R32(RCX) << 32 : old);
    if (!equal) {
        SET32(RAX, old);
        SET32(RDX, old >> 32);
    }
    set_zf(cpu, equal);
    NEXT;
}

static OP(cmpxchg16b)
{
    uint64_t lin = ea_any(cpu, op, 16, true);
    SYNC;
    if (lin & 15)
        raise_error(cpu, VEC_GP, 0);
    uint64_t lo = mem_load_rmw(cpu, op, lin, 8), hi = mem_load_rmw(cpu, op, lin + 8, 8);
    bool equal = lo == R64(RAX) && hi == R64(RDX);
    st64(cpu, op, lin, equal ? R64(RBX) : lo);
    st64(cpu, op, lin + 8, equal ? R64(RCX) : hi);
    if (!equal) {
        SET64(RAX, lo);
        SET64(RDX, hi);
    }
    set_zf(cpu, equal);
    NEXT;
}
const struct family fam_cmpxchg8b = {{{0}, {NULL, cmpxchg8b, cmpxchg8b, cmpxchg16b}}};
