/* int_bits.c - BT BTS BTR BTC, BSF BSR. */
#include "hv/x86/integer/int.h"

/* Only CF changes (the manual leaves OF SF AF PF undefined, ZF unchanged). */
static inline void bit_flag(struct x86 *cpu, bool cf)
{
    cpu->cc_aux = (cpu->cc_aux & ~(uint64_t)FLAG_CF) | cf;
}

#define NEW_bt(bits, v, m)  (v)
#define NEW_bts(bits, v, m) ((U(bits))((v) | (m)))
#define NEW_btr(bits, v, m) ((U(bits))((v) & ~(m)))
#define NEW_btc(bits, v, m) ((U(bits))((v) ^ (m)))

/* With a register bit offset, memory beyond the operand is addressed: offset / bits operands further,
 * signed. */
static inline uint64_t bit_string(struct x86 *cpu, const struct op *op, unsigned bits, int64_t bit,
                                  bool write)
{
    uint64_t off = ea_offset(cpu, op) + (uint64_t)((bit >> (bits == 64   ? 6
                                                            : bits == 32 ? 5
                                                                         : 4)) *
                                                   (bits / 8));
    off = op->asize == 2 ? off : op->asize == 1 ? (uint32_t)off : (uint16_t)off;
    return seg_linear(cpu, op, op->seg, off, bits / 8, write);
}

#define BIT_WRITE(bits, name, lin, bitno)                                                                    \
    do {                                                                                                     \
        U(bits) m = (U(bits))1 << ((bitno) & (bits - 1)), was = 0;                                           \
        RMW(bits, lin, (was = old, NEW_##name(bits, old, m)));                                               \
        bit_flag(cpu, was &m);                                                                               \
    } while (0)

#define BIT_REG(bits, name, suffix, bitno)                                                                   \
    static OP(name##_##suffix##_r##bits)                                                                     \
    {                                                                                                        \
        U(bits) v = (U(bits))R##bits(op->dst), m = (U(bits))1 << ((bitno) & (bits - 1));                     \
        SET##bits(op->dst, NEW_##name(bits, v, m));                                                          \
        bit_flag(cpu, v &m);                                                                                 \
        NEXT;                                                                                                \
    }
#define BIT_CHANGE(bits, name)                                                                               \
    BIT_REG(bits, name, G, R##bits(op->src))                                                                 \
    BIT_REG(bits, name, I, op->imm)                                                                          \
    static OP(name##_G_g##bits)                                                                              \
    {                                                                                                        \
        int64_t bit = (S(bits))R##bits(op->src);                                                             \
        BIT_WRITE(bits, name, bit_string(cpu, op, bits, bit, true), bit);                                    \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_I_g##bits)                                                                              \
    {                                                                                                        \
        BIT_WRITE(bits, name, EA_g(bits / 8, true), op->imm);                                                \
        NEXT;                                                                                                \
    }
#define BIT_TEST(bits)                                                                                       \
    static OP(bt_G_r##bits)                                                                                  \
    {                                                                                                        \
        bit_flag(cpu, (U(bits))R##bits(op->dst) >> (R##bits(op->src) & (bits - 1)) & 1);                     \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(bt_I_r##bits)                                                                                  \
    {                                                                                                        \
        bit_flag(cpu, (U(bits))R##bits(op->dst) >> (op->imm & (bits - 1)) & 1);                              \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(bt_G_g##bits)                                                                                  \
    {                                                                                                        \
        int64_t bit = (S(bits))R##bits(op->src);                                                             \
        bit_flag(cpu, ld##bits(cpu, op, bit_string(cpu, op, bits, bit, false)) >> (bit & (bits - 1)) & 1);   \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(bt_I_g##bits)                                                                                  \
    {                                                                                                        \
        bit_flag(cpu, ld##bits(cpu, op, EA_g(bits / 8, false)) >> (op->imm & (bits - 1)) & 1);               \
        NEXT;                                                                                                \
    }
#define BIT_FAMILIES(name)                                                                                   \
    const struct family fam_##name##_G = {{{NULL, name##_G_r16, name##_G_r32, name##_G_r64},                 \
                                           {NULL, name##_G_g16, name##_G_g32, name##_G_g64}}};               \
    const struct family fam_##name##_I = {{{NULL, name##_I_r16, name##_I_r32, name##_I_r64},                 \
                                           {NULL, name##_I_g16, name##_I_g32, name##_I_g64}}};
BIT_TEST(16)
BIT_TEST(32)
BIT_TEST(64)
BIT_FAMILIES(bt)
#define BIT_ALL(name)                                                                                        \
    BIT_CHANGE(16, name)                                                                                     \
    BIT_CHANGE(32, name)                                                                                     \
    BIT_CHANGE(64, name)                                                                                     \
    BIT_FAMILIES(name)
BIT_ALL(bts)
BIT_ALL(btr)
BIT_ALL(btc)

/* A source of zero sets ZF and leaves the destination as it was (as all processors do). */
static inline void scan_flags(struct x86 *cpu, bool zero)
{
    cpu->cc_res = zero ? 0 : 1;
    cpu->cc_aux = 0;
}

#define SCAN(bits, name, index)                                                                              \
    static inline void name##bits(struct x86 *cpu, const struct op *op, U(bits) v)                           \
    {                                                                                                        \
        if (v)                                                                                               \
            SET##bits(op->dst, index);                                                                       \
        scan_flags(cpu, !v);                                                                                 \
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
#define SCAN_FAMILY(name, index)                                                                             \
    SCAN(16, name, index)                                                                                    \
    SCAN(32, name, index)                                                                                    \
    SCAN(64, name, index)                                                                                    \
    const struct family fam_##name = {                                                                       \
        {{NULL, name##_r16, name##_r32, name##_r64}, {NULL, name##_g16, name##_g32, name##_g64}}};
SCAN_FAMILY(bsf, (unsigned)__builtin_ctzll(v))
SCAN_FAMILY(bsr, 63 - (unsigned)__builtin_clzll(v))
