/* int_shift.c - shifts and rotates (SDM volume 2, SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD).
 *
 * A count of zero changes no flag. Flags that the manual leaves undefined are set as recent processors set
 * them: OF as for a count of one, computed from the last step; AF 0 after shifts. */
#include "hv/x86/integer/int.h"

/* After a shift: result, CF, OF. */
#define SHIFT_FLAGS(bits, r, cf, of)                                                                         \
    (cpu->cc_res = SEXT(bits, r), cpu->cc_aux = (uint64_t)(cf) | (uint64_t)(of) << AUX_OF)
/* After a rotate: only CF and OF change. */
static inline void rotate_flags(struct x86 *cpu, unsigned cf, unsigned of)
{
    cpu->cc_aux = (cpu->cc_aux & ~(uint64_t)(FLAG_CF | 1u << AUX_OF)) | cf | of << AUX_OF;
}
#define TOP(bits, v) ((unsigned)((U(bits))(v) >> (bits - 1)) & 1)

#define DEFINE_SHIFTS(bits, unused)                                                                          \
    static inline U(bits) sh_shl##bits(struct x86 *cpu, U(bits) a, unsigned n)                               \
    {                                                                                                        \
        uint64_t wide = n < 64 ? (uint64_t)a << n : 0;                                                       \
        U(bits) r = (U(bits))wide;                                                                           \
        unsigned cf = n <= bits ? (unsigned)((a >> (bits - n)) & 1) : 0;                                     \
        SHIFT_FLAGS(bits, r, cf, TOP(bits, r) ^ cf);                                                         \
        return r;                                                                                            \
    }                                                                                                        \
    static inline U(bits) sh_shr##bits(struct x86 *cpu, U(bits) a, unsigned n)                               \
    {                                                                                                        \
        U(bits) r = n < bits ? (U(bits))(a >> n) : 0;                                                        \
        unsigned cf = n <= bits ? (unsigned)((a >> (n - 1)) & 1) : 0;                                        \
        SHIFT_FLAGS(bits, r, cf, TOP(bits, r) ^ TOP(bits, r << 1));                                          \
        return r;                                                                                            \
    }                                                                                                        \
    static inline U(bits) sh_sar##bits(struct x86 *cpu, U(bits) a, unsigned n)                               \
    {                                                                                                        \
        unsigned m = n < bits ? n : bits - 1;                                                                \
        U(bits) r = (U(bits))((S(bits))a >> m);                                                              \
        unsigned cf = n <= bits ? (unsigned)((S(bits))a >> (n - 1)) & 1 : TOP(bits, a);                      \
        SHIFT_FLAGS(bits, r, cf, 0);                                                                         \
        return r;                                                                                            \
    }                                                                                                        \
    static inline U(bits) sh_rol##bits(struct x86 *cpu, U(bits) a, unsigned n)                               \
    {                                                                                                        \
        unsigned m = n & (bits - 1);                                                                         \
        U(bits) r = m ? (U(bits))(a << m | a >> (bits - m)) : a;                                             \
        rotate_flags(cpu, r & 1, TOP(bits, r) ^ (r & 1));                                                    \
        return r;                                                                                            \
    }                                                                                                        \
    static inline U(bits) sh_ror##bits(struct x86 *cpu, U(bits) a, unsigned n)                               \
    {                                                                                                        \
        unsigned m = n & (bits - 1);                                                                         \
        U(bits) r = m ? (U(bits))(a >> m | a << (bits - m)) : a;                                             \
        rotate_flags(cpu, TOP(bits, r), TOP(bits, r) ^ TOP(bits, r << 1));                                   \
        return r;                                                                                            \
    }                                                                                                        \
    static inline U(bits) sh_rcl##bits(struct x86 *cpu, U(bits) a, unsigned n)                               \
    {                                                                                                        \
        unsigned cf = (unsigned)cc_cf(cpu), m = n % (bits + 1);                                              \
        U(bits) r = a;                                                                                       \
        for (unsigned i = 0; i < m; i++) {                                                                   \
            unsigned out = TOP(bits, r);                                                                     \
            r = (U(bits))(r << 1 | cf);                                                                      \
            cf = out;                                                                                        \
        }                                                                                                    \
        rotate_flags(cpu, cf, TOP(bits, r) ^ cf);                                                            \
        return r;                                                                                            \
    }                                                                                                        \
    static inline U(bits) sh_rcr##bits(struct x86 *cpu, U(bits) a, unsigned n)                               \
    {                                                                                                        \
        unsigned cf = (unsigned)cc_cf(cpu), m = n % (bits + 1);                                              \
        U(bits) r = a;                                                                                       \
        for (unsigned i = 0; i < m; i++) {                                                                   \
            unsigned out = r & 1;                                                                            \
            r = (U(bits))(r >> 1 | (U(bits))cf << (bits - 1));                                               \
            cf = out;                                                                                        \
        }                                                                                                    \
        rotate_flags(cpu, cf, TOP(bits, r) ^ TOP(bits, r << 1));                                             \
        return r;                                                                                            \
    }
FOR_SIZES(DEFINE_SHIFTS, )

#define COUNT_MASK(bits) (bits == 64 ? 63 : 31)

/* The count is an immediate (or 1), or CL. A count of 0 still accesses memory for writing. */
#define SHIFT_MEM(bits, name, suffix, count, form)                                                           \
    static OP(name##_##suffix##_##form##bits)                                                                \
    {                                                                                                        \
        unsigned n = (count)&COUNT_MASK(bits);                                                               \
        RMW(bits, EA_##form(bits / 8, true), n ? sh_##name##bits(cpu, old, n) : old);                        \
        NEXT;                                                                                                \
    }
#define SHIFT(bits, name, suffix, count)                                                                     \
    static OP(name##_##suffix##_r##bits)                                                                     \
    {                                                                                                        \
        unsigned n = (count)&COUNT_MASK(bits);                                                               \
        U(bits) a = (U(bits))R##bits(op->dst);                                                               \
        if (n)                                                                                               \
            a = sh_##name##bits(cpu, a, n);                                                                  \
        SET##bits(op->dst, a);                                                                               \
        NEXT;                                                                                                \
    }                                                                                                        \
    SHIFT_MEM(bits, name, suffix, count, g)                                                                  \
    SHIFT_MEM(bits, name, suffix, count, f)

#define SHIFT_FAMILIES(name)                                                                                 \
    FOR_SIZES(SHIFT, name, i, (unsigned)op->imm)                                                             \
    FOR_SIZES(SHIFT, name, cl, (unsigned)R8(RCX * 8))                                                        \
    FAMILY_SIZED(fam_##name##_i, name##_i);                                                                  \
    FAMILY_SIZED(fam_##name##_cl, name##_cl);
SHIFT_FAMILIES(shl)
SHIFT_FAMILIES(shr)
SHIFT_FAMILIES(sar)
SHIFT_FAMILIES(rol)
SHIFT_FAMILIES(ror)
SHIFT_FAMILIES(rcl)
SHIFT_FAMILIES(rcr)

/* ---------------------------------------------------------------- SHLD, SHRD */

/* 16-bit counts over 16 are undefined; like real processors, this rotates through the 32 bits dst:src. */
static uint16_t shld16(struct x86 *cpu, uint16_t a, uint16_t b, unsigned n)
{
    uint64_t w = (uint64_t)a << 32 | (uint64_t)b << 16 | a;
    uint16_t r = (uint16_t)(w << n >> 32);
    unsigned cf = (unsigned)(w << n >> 48) & 1;
    SHIFT_FLAGS(16, r, cf, TOP(16, r) ^ TOP(16, a));
    return r;
}
static uint16_t shrd16(struct x86 *cpu, uint16_t a, uint16_t b, unsigned n)
{
    uint64_t w = (uint64_t)a << 32 | (uint64_t)b << 16 | a;
    uint16_t r = (uint16_t)(w >> n);
    unsigned cf = (unsigned)(w >> (n - 1)) & 1;
    SHIFT_FLAGS(16, r, cf, TOP(16, r) ^ TOP(16, a));
    return r;
}
#define DEFINE_DOUBLE(bits)                                                                                  \
    static inline U(bits) shld##bits(struct x86 *cpu, U(bits) a, U(bits) b, unsigned n)                      \
    {                                                                                                        \
        U(bits) r = (U(bits))(a << n | b >> (bits - n));                                                     \
        SHIFT_FLAGS(bits, r, a >> (bits - n) & 1, TOP(bits, r) ^ TOP(bits, a));                              \
        return r;                                                                                            \
    }                                                                                                        \
    static inline U(bits) shrd##bits(struct x86 *cpu, U(bits) a, U(bits) b, unsigned n)                      \
    {                                                                                                        \
        U(bits) r = (U(bits))(a >> n | b << (bits - n));                                                     \
        SHIFT_FLAGS(bits, r, a >> (n - 1) & 1, TOP(bits, r) ^ TOP(bits, a));                                 \
        return r;                                                                                            \
    }
DEFINE_DOUBLE(32)
DEFINE_DOUBLE(64)

#define DOUBLE(bits, name, suffix, count)                                                                    \
    static OP(name##_##suffix##_r##bits)                                                                     \
    {                                                                                                        \
        unsigned n = (count)&COUNT_MASK(bits);                                                               \
        U(bits) a = (U(bits))R##bits(op->dst);                                                               \
        if (n)                                                                                               \
            a = name##bits(cpu, a, (U(bits))R##bits(op->src), n);                                            \
        SET##bits(op->dst, a);                                                                               \
        NEXT;                                                                                                \
    }                                                                                                        \
    static OP(name##_##suffix##_g##bits)                                                                     \
    {                                                                                                        \
        unsigned n = (count)&COUNT_MASK(bits);                                                               \
        RMW(bits, EA_g(bits / 8, true), n ? name##bits(cpu, old, (U(bits))R##bits(op->src), n) : old);       \
        NEXT;                                                                                                \
    }
#define DOUBLE_FAMILIES(name, suffix, count)                                                                 \
    DOUBLE(16, name, suffix, count)                                                                          \
    DOUBLE(32, name, suffix, count)                                                                          \
    DOUBLE(64, name, suffix, count)                                                                          \
    const struct family fam_##name##_##suffix = {                                                            \
        {{NULL, name##_##suffix##_r16, name##_##suffix##_r32, name##_##suffix##_r64},                        \
         {NULL, name##_##suffix##_g16, name##_##suffix##_g32, name##_##suffix##_g64}}};
DOUBLE_FAMILIES(shld, i, (unsigned)op->imm)
DOUBLE_FAMILIES(shrd, i, (unsigned)op->imm)
DOUBLE_FAMILIES(shld, cl, (unsigned)R8(RCX * 8))
DOUBLE_FAMILIES(shrd, cl, (unsigned)R8(RCX * 8))
