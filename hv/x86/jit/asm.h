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

/* Opcodes. E: the operand of modrm.rm, G: the register of modrm.reg, I: an immediate, B: one of a byte, which
 * is extended. SDM 2, appendix A. */
enum {
    HOST_ADD_EG = 0x01,
    HOST_ADD_GE = 0x03,
    HOST_OR_GE = 0x0b,
    HOST_AND_GE = 0x23,
    HOST_SUB_EG = 0x29,
    HOST_XOR_EG = 0x31,
    HOST_XOR_GE = 0x33,
    HOST_CMP_GE = 0x3b,
    HOST_MOVSXD = 0x63,
    HOST_IMUL_GEI = 0x69,
    HOST_ALU_EI8 = 0x80,
    HOST_ALU_EI = 0x81,
    HOST_ALU_EB = 0x83,
    HOST_TEST_EG8 = 0x84,
    HOST_TEST_EG = 0x85,
    HOST_MOV_EG8 = 0x88,
    HOST_MOV_EG = 0x89,
    HOST_MOV_GE8 = 0x8a,
    HOST_MOV_GE = 0x8b,
    HOST_LEA = 0x8d,
    HOST_SHIFT8 = 0xc0, /* by an immediate; modrm.reg: HOST_ROL … */
    HOST_SHIFT = 0xc1,
    HOST_MOV_EI8 = 0xc6,
    HOST_MOV_EI = 0xc7,
    HOST_SHIFT8_1 = 0xd0,
    HOST_SHIFT_1 = 0xd1,
    HOST_SHIFT8_CL = 0xd2,
    HOST_SHIFT_CL = 0xd3,
    HOST_GROUP3_8 = 0xf6, /* modrm.reg: HOST_TEST_EI … */
    HOST_GROUP3 = 0xf7,
    HOST_GROUP5 = 0xff, /* modrm.reg: HOST_INC … */
    HOST_MOVUPS = OP0F(0x10),
    HOST_MOVUPS_EG = OP0F(0x11),
    HOST_MOVHPS = OP0F(0x16),
    HOST_MOVHPS_EG = OP0F(0x17),
    HOST_MOVAPS = OP0F(0x28),
    HOST_MOVMSKPS = OP0F(0x50),
    HOST_XORPS = OP0F(0x57),
    HOST_PUNPCKLQDQ = OP0F(0x6c), /* with 66 */
    HOST_MOVD_GE = OP0F(0x6e),
    HOST_SHIFT_QUADS = OP0F(0x73),
    HOST_MOVD_EG = OP0F(0x7e),
    HOST_GROUP15 = OP0F(0xae),
    HOST_IMUL_GE = OP0F(0xaf),
    HOST_MOVZX8 = OP0F(0xb6),
    HOST_MOVZX16 = OP0F(0xb7),
    HOST_BT_EI = OP0F(0xba),
    HOST_MOVSX8 = OP0F(0xbe),
    HOST_MOVSX16 = OP0F(0xbf),
    HOST_PXOR = OP0F(0xef),
};
#define HOST_CMOV(cc) OP0F(0x40 | (cc))
#define HOST_SET(cc)  OP0F(0x90 | (cc))
/* operation: 4 BT, 5 BTS, 6 BTR, 7 BTC, as modrm.reg of HOST_BT_EI. */
#define HOST_BT_EG(operation) OP0F(0x83 | (operation) << 3)
/* modrm.reg of HOST_ALU_…, and asm_alu()'s operation. */
enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
/* modrm.reg of shifts, of group 3, of group 5. */
enum { HOST_ROL, HOST_ROR, HOST_SHL = 4, HOST_SHR, HOST_SAR = 7 };
enum { HOST_TEST_EI, HOST_NOT = 2, HOST_NEG };
enum { HOST_INC, HOST_JMP_E = 4 };

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

struct code_buffer {
    uint8_t *at, *end; /* nothing is written at or behind `end` */
    bool full;
};

/* A memory operand: base + (index << scale) + disp; H_NONE for no register. */
struct host_mem {
    uint8_t base, index, scale;
    int32_t disp;
};

void asm_bytes(struct code_buffer *, uint64_t v, unsigned n);
/* modrm.reg `reg`, modrm.rm register `rm`. For size 1 the opcode is that of the byte form. */
void asm_rr(struct code_buffer *, unsigned size, unsigned opcode, unsigned reg, unsigned rm);
/* Register form with registers of different sizes (MOVZX): byte_rm if rm is a byte register. */
void asm_rr_from(struct code_buffer *, unsigned size, unsigned opcode, unsigned reg, unsigned rm,
                 bool byte_rm);
void asm_rm(struct code_buffer *, unsigned size, unsigned opcode, unsigned reg, struct host_mem);
/* With a VEX prefix. prefix: 0 none, 1 66, 2 F3, 3 F2; map: 1 to 3; vvvv: 0 if there is none. */
struct vex {
    uint8_t prefix, map, opcode, vvvv;
    bool w, long_; /* long_: 256 bits */
};
void asm_vex_rr(struct code_buffer *, struct vex, unsigned reg, unsigned rm);
void asm_vex_rm(struct code_buffer *, struct vex, unsigned reg, struct host_mem);
/* operation: ALU_ADD … */
void asm_alu(struct code_buffer *, unsigned size, unsigned operation, unsigned dst, unsigned src);
void asm_alu_imm(struct code_buffer *, unsigned size, unsigned operation, unsigned dst, int32_t imm);
/* By an immediate; operation: HOST_ROL … */
void asm_shift(struct code_buffer *, unsigned size, unsigned operation, unsigned reg, unsigned count);
/* With 64 bits of memory as the destination. */
void asm_alu_imm_mem(struct code_buffer *, unsigned operation, struct host_mem, int8_t imm);
/* An instruction with this value as its operand in memory, on the stack. No flag changes. */
void asm_with_value(struct code_buffer *, unsigned opcode, unsigned reg, uint32_t value);
void asm_push(struct code_buffer *, unsigned reg);
void asm_pop(struct code_buffer *, unsigned reg);
/* Copies 64 bits; no flag changes. */
void asm_move(struct code_buffer *, unsigned dst, unsigned src);
void asm_load(struct code_buffer *, unsigned dst, unsigned base, int32_t disp);
void asm_store(struct code_buffer *, unsigned base, int32_t disp, unsigned src);
/* The address in 32 or 64 bits. No flag changes. */
void asm_address(struct code_buffer *, unsigned size, unsigned dst, struct host_mem);
void asm_imm(struct code_buffer *, unsigned dst, uint64_t value);
/* Jumps with a 32-bit offset, to be given by asm_patch(). Return where the offset is. */
uint8_t *asm_jcc(struct code_buffer *, unsigned cc);
uint8_t *asm_jmp(struct code_buffer *);
uint8_t *asm_call(struct code_buffer *);
/* To the address in a register, or in memory. */
void asm_jmp_reg(struct code_buffer *, unsigned reg);
void asm_jmp_mem(struct code_buffer *, struct host_mem);
void asm_ret(struct code_buffer *);
void asm_patch(uint8_t *where, const uint8_t *target);

static inline struct host_mem at_reg(unsigned base, int32_t disp)
{
    return (struct host_mem){(uint8_t)base, H_NONE, 0, disp};
}

#endif
