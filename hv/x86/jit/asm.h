/* asm.h - writes x86-64 instructions into a buffer. Private to hv/x86/jit.
 *
 * `size` is the operand size in bytes. An opcode is the byte of the form for 16 bits and more (of two-operand
 * instructions: the one whose destination is the modrm operand, unless said otherwise); OP0F() marks the
 * second map, OP0F38() the third. */
#ifndef BOOTREEL_HV_X86_JIT_ASM_H
#define BOOTREEL_HV_X86_JIT_ASM_H

#include <stdbool.h>
#include <stdint.h>

/* Host registers, by their numbers in the encoding. */
enum host_reg {
    H_AX,
    H_CX,
    H_DX,
    H_BX,
    H_SP,
    H_BP,
    H_SI,
    H_DI,
    H_8,
    H_9,
    H_10,
    H_11,
    H_12,
    H_13,
    H_14,
    H_15,
    H_NONE = 0xff
};

#define OP0F(b)   (0x0f00 | (b))
#define OP0F38(b) (0x0f3800 | (b))
#define OP0F3A(b) (0x0f3a00 | (b))

/* The host's condition codes are the guest's. */
enum {
    CC_O,
    CC_NO,
    CC_B,
    CC_AE,
    CC_E,
    CC_NE,
    CC_BE,
    CC_A,
    CC_S,
    CC_NS,
    CC_P,
    CC_NP,
    CC_L,
    CC_GE,
    CC_LE,
    CC_G
};

struct code {
    uint8_t *at, *end; /* nothing is written at or behind `end` */
    bool full;
};

/* A memory operand: base + (index << scale) + disp; H_NONE for no register. */
struct host_mem {
    uint8_t base, index, scale;
    int32_t disp;
};

void asm_bytes(struct code *, uint64_t v, unsigned n);
/* modrm.reg `reg`, modrm.rm register `rm`. For size 1 the opcode is that of the byte form. */
void asm_rr(struct code *, unsigned size, unsigned opcode, unsigned reg, unsigned rm);
/* Register form with registers of different sizes (MOVZX): byte_rm if rm is a byte register. */
void asm_rr_from(struct code *, unsigned size, unsigned opcode, unsigned reg, unsigned rm, bool byte_rm);
void asm_rm(struct code *, unsigned size, unsigned opcode, unsigned reg, struct host_mem);
/* With a VEX prefix. prefix: 0 none, 1 66, 2 F3, 3 F2; map: 1 to 3; vvvv: 0 if there is none. */
struct vex {
    uint8_t prefix, map, opcode, vvvv;
    bool w, long_; /* long_: 256 bits */
};
void asm_vex_rr(struct code *, struct vex, unsigned reg, unsigned rm);
void asm_vex_rm(struct code *, struct vex, unsigned reg, struct host_mem);
/* The eight two-operand operations (0 ADD, 1 OR, 2 ADC, 3 SBB, 4 AND, 5 SUB, 6 XOR, 7 CMP). */
void asm_alu(struct code *, unsigned size, unsigned operation, unsigned dst, unsigned src);
void asm_alu_imm(struct code *, unsigned size, unsigned operation, unsigned dst, int32_t imm);
/* Copies 64 bits; no flag changes. */
void asm_move(struct code *, unsigned dst, unsigned src);
void asm_load(struct code *, unsigned dst, unsigned base, int32_t disp);
void asm_store(struct code *, unsigned base, int32_t disp, unsigned src);
void asm_imm(struct code *, unsigned dst, uint64_t value);
/* Jumps with a 32-bit offset, to be given by asm_patch(). Return where the offset is. */
uint8_t *asm_jcc(struct code *, unsigned cc);
uint8_t *asm_jmp(struct code *);
void asm_patch(uint8_t *where, const uint8_t *target);

static inline struct host_mem at_reg(unsigned base, int32_t disp)
{
    return (struct host_mem){(uint8_t)base, H_NONE, 0, disp};
}

#endif
