/* bmi.c - BMI1, BMI2, LZCNT and ADX: bits of general registers.
 *
 * Source: Intel SDM volume 2, the instruction pages. Flags that the manual leaves undefined: AF and PF are 0 and PF as computed for
 * most; what processors do is in tests/native. */
#include "hv/x86/integer/int.h"

/* With VEX there are these only in protected mode. */
static inline void vex_check(struct x86 *cpu, const struct op *op)
{
    if (unlikely(!(cpu->cr0 & CR0_PE) || cpu->flags & FLAG_VM)) {
        cpu->op = op;
        raise_fault(cpu, VEC_UD);
    }
}

/* ZF and SF of the result, CF; OF is 0. */
#define BIT_FLAGS(bits, r, cf) (cpu->cc_res = SEXT(bits, r), cpu->cc_aux = (cf) ? FLAG_CF : 0)

/* Handlers of both sizes from `body(cpu, op, s)`, s being the operand in register or memory. */
#define BOTH_FORMS(name, bits)                                                                               \
    static OP(name##_r##bits)                                                                                \
    {                                                                                                        \
        vex_check(cpu, op);                                                                                  \
        name##bits(cpu, op, R##bits(op->src));                                                               \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_g##bits)                                                                                \
    {                                                                                                        \
        vex_check(cpu, op);                                                                                  \
        name##bits(cpu, op, ld##bits(cpu, op, EA_g(bits / 8, false)));                                       \
        NEXT;                                                                                                \
    }
#define FAMILY_VEX(name)                                                                                     \
    const struct family fam_##name = {                                                                       \
        {{NULL, NULL, name##_r32, name##_r64}, {NULL, NULL, name##_g32, name##_g64}}};

/* r: the result, an expression in s and v (the register of vvvv); cf: CF. `flags`: whether they are changed. */
#define BITS_OF(bits, name, r_expr, cf, flags)                                                               \
    static inline void name##bits(struct x86 *cpu, const struct op *op, U(bits) s)                           \
    {                                                                                                        \
        U(bits) v = (U(bits))R##bits(op->vvvv), r = (U(bits))(r_expr);                                       \
        (void)v;                                                                                             \
        if (flags)                                                                                           \
            BIT_FLAGS(bits, r, cf);                                                                          \
        SET##bits(op->dst, r);                                                                               \
    }                                                                                                        \
    BOTH_FORMS(name, bits)
#define BIT_OPERATION(name, r_expr, cf, flags)                                                               \
    BITS_OF(32, name, r_expr, cf, flags)                                                                     \
    BITS_OF(64, name, r_expr, cf, flags)                                                                     \
    FAMILY_VEX(name)
#define WIDTH (8 * (unsigned)sizeof s)

BIT_OPERATION(andn, ~v &s, false, true)
BIT_OPERATION(blsr, s &(s - 1), !s, true)
BIT_OPERATION(blsmsk, s ^ (s - 1), !s, true)
BIT_OPERATION(blsi, s &(0 - s), s, true)
BIT_OPERATION(shlx, s << (v & (WIDTH - 1)), false, false)
BIT_OPERATION(shrx, s >> (v & (WIDTH - 1)), false, false)

static inline uint64_t low_bits(uint64_t s, unsigned n)
{
    return n < 64 ? s & ((1ull << n) - 1) : s;
}
/* From bit `start` on, `length` bits. */
static inline uint64_t extract_bits(uint64_t s, uint64_t control)
{
    unsigned start = control & 0xff, length = control >> 8 & 0xff;
    return start < 64 ? low_bits(s >> start, length) : 0;
}
BIT_OPERATION(bextr, extract_bits(s, v), false, true)
BIT_OPERATION(bzhi, low_bits(s, v & 0xff), (v & 0xff) >= WIDTH, true)

static inline uint64_t deposit(uint64_t from, uint64_t mask)
{
    uint64_t r = 0;
    for (; mask; mask &= mask - 1, from >>= 1)
        if (from & 1)
            r |= mask & (0 - mask);
    return r;
}
static inline uint64_t extract(uint64_t from, uint64_t mask)
{
    uint64_t r = 0, bit = 1;
    for (; mask; mask &= mask - 1, bit <<= 1)
        if (from & mask & (0 - mask))
            r |= bit;
    return r;
}
BIT_OPERATION(pdep, deposit(v, s), false, false)
BIT_OPERATION(pext, extract(v, s), false, false)

#define SHIFT_SIGNED(bits)                                                                                   \
    static inline void sarx##bits(struct x86 *cpu, const struct op *op, U(bits) s)                           \
    {                                                                                                        \
        SET##bits(op->dst, (U(bits))((S(bits))s >> (R32(op->vvvv) & (bits - 1))));                           \
    }                                                                                                        \
    BOTH_FORMS(sarx, bits)                                                                                   \
    static inline void rorx##bits(struct x86 *cpu, const struct op *op, U(bits) s)                           \
    {                                                                                                        \
        unsigned n = (unsigned)op->imm & (bits - 1);                                                         \
        SET##bits(op->dst, (U(bits))(n ? s >> n | s << (bits - n) : s));                                     \
    }                                                                                                        \
    BOTH_FORMS(rorx, bits)
SHIFT_SIGNED(32)
SHIFT_SIGNED(64)
FAMILY_VEX(sarx)
FAMILY_VEX(rorx)

/* The low half to vvvv, then the high half: that stays if both are the same register. */
#define MULX(bits, wide)                                                                                     \
    static inline void mulx##bits(struct x86 *cpu, const struct op *op, U(bits) s)                           \
    {                                                                                                        \
        unsigned wide r = (unsigned wide)(U(bits))R##bits(RDX) * s;                                          \
        SET##bits(op->vvvv, (U(bits))r);                                                                     \
        SET##bits(op->dst, (U(bits))(r >> bits));                                                            \
    }                                                                                                        \
    BOTH_FORMS(mulx, bits)
MULX(32, long)
MULX(64, __int128)
FAMILY_VEX(mulx)

/* ---------------------------------------------------------------- TZCNT, LZCNT */

#define COUNT_ZEROS(bits, name, n_expr)                                                                      \
    static inline void name##bits(struct x86 *cpu, const struct op *op, U(bits) v)                           \
    {                                                                                                        \
        unsigned n = v ? n_expr : bits;                                                                      \
        SET##bits(op->dst, n);                                                                               \
        cpu->cc_res = n ? 1 : 0;                                                                             \
        cpu->cc_aux = v ? 0 : FLAG_CF;                                                                       \
    }                                                                                                        \
    static OP(name##_r##bits)                                                                                \
    {                                                                                                        \
        name##bits(cpu, op, (U(bits))R##bits(op->src));                                                      \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_g##bits)                                                                                \
    {                                                                                                        \
        name##bits(cpu, op, ld##bits(cpu, op, EA_g(bits / 8, false)));                                       \
        NEXT;                                                                                                \
    }
#define COUNT_ZEROS_FAMILY(name, n_expr)                                                                     \
    COUNT_ZEROS(16, name, n_expr(16))                                                                        \
    COUNT_ZEROS(32, name, n_expr(32))                                                                        \
    COUNT_ZEROS(64, name, n_expr(64))                                                                        \
    const struct family fam_##name = {                                                                       \
        {{NULL, name##_r16, name##_r32, name##_r64}, {NULL, name##_g16, name##_g32, name##_g64}}};
#define TRAILING(bits) (unsigned)__builtin_ctzll(v)
#define LEADING(bits)  (unsigned)__builtin_clzll(v) - (64 - bits)
COUNT_ZEROS_FAMILY(tzcnt, TRAILING)
COUNT_ZEROS_FAMILY(lzcnt, LEADING)

/* ---------------------------------------------------------------- ADCX, ADOX: one flag is the carry, the others stay */

#define ADD_CARRY(bits, name, flag)                                                                          \
    static inline void name##bits(struct x86 *cpu, const struct op *op, U(bits) s)                           \
    {                                                                                                        \
        U(bits) a = (U(bits))R##bits(op->dst), r;                                                            \
        uint64_t flags = eflags_get(cpu);                                                                    \
        bool carry = __builtin_add_overflow(a, s, &r);                                                       \
        carry |= __builtin_add_overflow(r, (U(bits))(flags & flag ? 1 : 0), &r);                             \
        SET##bits(op->dst, r);                                                                               \
        cc_set(cpu, carry ? flags | flag : flags & ~(uint64_t)flag);                                         \
    }                                                                                                        \
    static OP(name##_r##bits)                                                                                \
    {                                                                                                        \
        name##bits(cpu, op, (U(bits))R##bits(op->src));                                                      \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_g##bits)                                                                                \
    {                                                                                                        \
        name##bits(cpu, op, ld##bits(cpu, op, EA_g(bits / 8, false)));                                       \
        NEXT;                                                                                                \
    }
#define ADD_CARRY_FAMILY(name, flag)                                                                         \
    ADD_CARRY(32, name, flag)                                                                                \
    ADD_CARRY(64, name, flag)                                                                                \
    const struct family fam_##name = {{{name##_r32, name##_r32, name##_r32, name##_r64},                     \
                                       {name##_g32, name##_g32, name##_g32, name##_g64}}};
ADD_CARRY_FAMILY(adcx, FLAG_CF)
ADD_CARRY_FAMILY(adox, FLAG_OF)
