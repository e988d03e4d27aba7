/* int.h - shared by the files of integer handlers: flag computation by size, conditions, memory forms.
 * Private to hv/x86. */
#ifndef BOOTREEL_HV_X86_INTEGER_INT_H
#define BOOTREEL_HV_X86_INTEGER_INT_H

#include "hv/x86/exec.h"
#include "hv/x86/decode/insn.h"

#define U(bits)       uint##bits##_t
#define S(bits)       int##bits##_t
#define SEXT(bits, v) ((uint64_t)(int64_t)(S(bits))(v))

/* CF and OF from the carry-out vector's top two bits; AF from bit 4 of a ^ b ^ r. */
#define DEFINE_ARITH(bits)                                                                                   \
    static inline U(bits) alu_add##bits(struct x86 *cpu, U(bits) a, U(bits) b)                               \
    {                                                                                                        \
        U(bits) r = (U(bits))(a + b);                                                                        \
        cpu->cc_res = SEXT(bits, r);                                                                         \
        cpu->cc_aux = (uint64_t)(r < a) | (uint64_t)((U(bits))((a ^ r) & (b ^ r)) >> (bits - 1)) << AUX_OF | \
                      ((a ^ b ^ r) & 0x10);                                                                  \
        return r;                                                                                            \
    }                                                                                                        \
    static inline U(bits) alu_adc##bits(struct x86 *cpu, U(bits) a, U(bits) b)                               \
    {                                                                                                        \
        U(bits) r = (U(bits))(a + b + (U(bits))cc_cf(cpu));                                                  \
        cpu->cc_res = SEXT(bits, r);                                                                         \
        cpu->cc_aux = (uint64_t)((U(bits))((a & b) | ((a | b) & ~r)) >> (bits - 1)) |                        \
                      (uint64_t)((U(bits))((a ^ r) & (b ^ r)) >> (bits - 1)) << AUX_OF |                     \
                      ((a ^ b ^ r) & 0x10);                                                                  \
        return r;                                                                                            \
    }                                                                                                        \
    static inline U(bits) alu_sub##bits(struct x86 *cpu, U(bits) a, U(bits) b)                               \
    {                                                                                                        \
        U(bits) r = (U(bits))(a - b);                                                                        \
        cpu->cc_res = SEXT(bits, r);                                                                         \
        cpu->cc_aux = (uint64_t)(a < b) | (uint64_t)((U(bits))((a ^ b) & (a ^ r)) >> (bits - 1)) << AUX_OF | \
                      ((a ^ b ^ r) & 0x10);                                                                  \
        return r;                                                                                            \
    }                                                                                                        \
    static inline U(bits) alu_sbb##bits(struct x86 *cpu, U(bits) a, U(bits) b)                               \
    {                                                                                                        \
        U(bits) r = (U(bits))(a - b - (U(bits))cc_cf(cpu));                                                  \
        cpu->cc_res = SEXT(bits, r);                                                                         \
        cpu->cc_aux = (uint64_t)((U(bits))((~a & b) | ((~a | b) & r)) >> (bits - 1)) |                       \
                      (uint64_t)((U(bits))((a ^ b) & (a ^ r)) >> (bits - 1)) << AUX_OF |                     \
                      ((a ^ b ^ r) & 0x10);                                                                  \
        return r;                                                                                            \
    }                                                                                                        \
    static inline U(bits) alu_and##bits(struct x86 *cpu, U(bits) a, U(bits) b)                               \
    {                                                                                                        \
        U(bits) r = a & b;                                                                                   \
        FLAGS_LOGIC(bits, r);                                                                                \
        return r;                                                                                            \
    }                                                                                                        \
    static inline U(bits) alu_or##bits(struct x86 *cpu, U(bits) a, U(bits) b)                                \
    {                                                                                                        \
        U(bits) r = a | b;                                                                                   \
        FLAGS_LOGIC(bits, r);                                                                                \
        return r;                                                                                            \
    }                                                                                                        \
    static inline U(bits) alu_xor##bits(struct x86 *cpu, U(bits) a, U(bits) b)                               \
    {                                                                                                        \
        U(bits) r = a ^ b;                                                                                   \
        FLAGS_LOGIC(bits, r);                                                                                \
        return r;                                                                                            \
    }                                                                                                        \
    static inline U(bits) alu_inc##bits(struct x86 *cpu, U(bits) a)                                          \
    {                                                                                                        \
        U(bits) r = (U(bits))(a + 1);                                                                        \
        cpu->cc_res = SEXT(bits, r);                                                                         \
        cpu->cc_aux =                                                                                        \
            (cpu->cc_aux & 1) | (uint64_t)(r == (U(bits))1 << (bits - 1)) << AUX_OF | ((a ^ r) & 0x10);      \
        return r;                                                                                            \
    }                                                                                                        \
    static inline U(bits) alu_dec##bits(struct x86 *cpu, U(bits) a)                                          \
    {                                                                                                        \
        U(bits) r = (U(bits))(a - 1);                                                                        \
        cpu->cc_res = SEXT(bits, r);                                                                         \
        cpu->cc_aux =                                                                                        \
            (cpu->cc_aux & 1) | (uint64_t)(a == (U(bits))1 << (bits - 1)) << AUX_OF | ((a ^ r) & 0x10);      \
        return r;                                                                                            \
    }                                                                                                        \
    static inline U(bits) alu_neg##bits(struct x86 *cpu, U(bits) a)                                          \
    {                                                                                                        \
        return alu_sub##bits(cpu, 0, a);                                                                     \
    }                                                                                                        \
    static inline U(bits) alu_not##bits(struct x86 *cpu, U(bits) a)                                          \
    {                                                                                                        \
        return (U(bits)) ~a;                                                                                 \
    }
DEFINE_ARITH(8)
DEFINE_ARITH(16)
DEFINE_ARITH(32)
DEFINE_ARITH(64)

/* Condition codes 0-15 as in the opcodes of Jcc. */
static inline bool cond(const struct x86 *cpu, unsigned cc)
{
    bool v;
    switch (cc >> 1) {
    case 0:
        v = cc_of(cpu);
        break;
    case 1:
        v = cc_cf(cpu);
        break;
    case 2:
        v = cc_zf(cpu);
        break;
    case 3:
        v = cc_cf(cpu) || cc_zf(cpu);
        break;
    case 4:
        v = cc_sf(cpu);
        break;
    case 5:
        v = cc_pf(cpu);
        break;
    case 6:
        v = cc_sf(cpu) != cc_of(cpu);
        break;
    default:
        v = cc_zf(cpu) || cc_sf(cpu) != cc_of(cpu);
        break;
    }
    return v != (cc & 1);
}

/* Address forms: EA_g in any mode, EA_f for 64-bit code with 64-bit addresses. */
#define EA_g(bytes, write) ea_any(cpu, op, bytes, write)
#define EA_f(bytes, write) ea_64(cpu, op)

/* Read, change and write one memory operand: `old` is the old value, `expr` gives the new one and sets
 * flags. */
#define RMW(bits, lin, expr)                                                                                 \
    do {                                                                                                     \
        uint64_t lin_ = (lin);                                                                               \
        void *p_ = host_w(cpu, lin_, bits / 8);                                                              \
        U(bits) old, new_;                                                                                   \
        if (likely(p_)) {                                                                                    \
            memcpy(&old, p_, sizeof old);                                                                    \
            new_ = (expr);                                                                                   \
            memcpy(p_, &new_, sizeof new_);                                                                  \
        } else {                                                                                             \
            old = (U(bits))mem_load_rmw(cpu, op, lin_, bits / 8);                                            \
            new_ = (expr);                                                                                   \
            mem_store(cpu, op, lin_, bits / 8, new_);                                                        \
        }                                                                                                    \
    } while (0)

/* A family from handlers NAME_<form><bits>: r register, g memory in any mode, f 64-bit memory. */
#define FAMILY_SIZED(fam, n)                                                                                 \
    const struct family fam = {{{n##_r8, n##_r16, n##_r32, n##_r64},                                         \
                                {n##_g8, n##_g16, n##_g32, n##_g64},                                         \
                                {n##_f8, n##_f16, n##_f32, n##_f64}}}
#define FAMILY_SIZED_R(fam, n) const struct family fam = {{{n##_r8, n##_r16, n##_r32, n##_r64}}}
#define FAMILY_SIZED_M(fam, n)                                                                               \
    const struct family fam = {                                                                              \
        {{0}, {n##_g8, n##_g16, n##_g32, n##_g64}, {n##_f8, n##_f16, n##_f32, n##_f64}}}

#define FOR_SIZES(M, ...) M(8, __VA_ARGS__) M(16, __VA_ARGS__) M(32, __VA_ARGS__) M(64, __VA_ARGS__)

#endif
