/* asm.c - the encoder: SDM volume 2, chapter 2. */
#include <string.h>

#include "hv/x86/jit/asm.h"

void asm_bytes(struct code_buffer *c, uint64_t v, unsigned n)
{
    if (c->at + n > c->end) {
        c->full = true;
        return;
    }
    memcpy(c->at, &v, n);
    c->at += n;
}

static void byte(struct code_buffer *c, unsigned v)
{
    asm_bytes(c, v, 1);
}

/* Prefixes and opcode. `need` forces a REX prefix, for SPL, BPL, SIL and DIL. */
static void opcode_bytes(struct code_buffer *c, unsigned size, unsigned opcode, unsigned rex, bool need)
{
    if (size == 2)
        byte(c, 0x66);
    if (size == 8)
        rex |= 8;
    if (rex || need)
        byte(c, 0x40 | rex);
    if (opcode >> 8)
        byte(c, 0x0f);
    if (opcode >> 16)
        byte(c, opcode >> 8 & 0xff);
    byte(c, opcode & 0xff);
}

void asm_rr_from(struct code_buffer *c, unsigned size, unsigned opcode, unsigned reg, unsigned rm,
                 bool byte_rm)
{
    opcode_bytes(c, size, opcode, (reg >> 3) << 2 | rm >> 3, (byte_rm && rm >= 4) || (size == 1 && reg >= 4));
    byte(c, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

void asm_rr(struct code_buffer *c, unsigned size, unsigned opcode, unsigned reg, unsigned rm)
{
    asm_rr_from(c, size, opcode, reg, rm, size == 1);
}

static void sib(struct code_buffer *c, unsigned mod, unsigned reg, struct host_mem m)
{
    unsigned index = m.index == H_NONE ? 4 : m.index & 7u, base = m.base == H_NONE ? 5 : m.base & 7u;
    byte(c, mod << 6 | (reg & 7) << 3 | 4);
    byte(c, (unsigned)m.scale << 6 | index << 3 | base);
}

/* The upper bits of the registers of modrm and SIB, as in REX. */
static unsigned upper_bits(unsigned reg, struct host_mem m)
{
    return (reg >> 3) << 2 | (m.index == H_NONE ? 0u : (unsigned)m.index >> 3 << 1) |
           (m.base == H_NONE ? 0u : (unsigned)m.base >> 3);
}

static void memory_operand(struct code_buffer *c, unsigned reg, struct host_mem m)
{
    if (m.base == H_NONE) {
        sib(c, 0, reg, m);
        asm_bytes(c, (uint32_t)m.disp, 4);
        return;
    }
    bool small = m.disp == (int8_t)m.disp;
    unsigned mod = !m.disp && (m.base & 7) != 5 ? 0 : small ? 1 : 2;
    if (m.index != H_NONE || (m.base & 7) == 4)
        sib(c, mod, reg, m);
    else
        byte(c, mod << 6 | (reg & 7) << 3 | (m.base & 7));
    if (mod)
        asm_bytes(c, (uint32_t)m.disp, mod == 1 ? 1 : 4);
}

void asm_rm(struct code_buffer *c, unsigned size, unsigned opcode, unsigned reg, struct host_mem m)
{
    opcode_bytes(c, size, opcode, upper_bits(reg, m), size == 1 && reg >= 4);
    memory_operand(c, reg, m);
}

/* SDM volume 2, 2.3.5: always the form of three bytes. */
static void vex_bytes(struct code_buffer *c, struct vex v, unsigned upper)
{
    byte(c, 0xc4);
    byte(c, (~upper & 7) << 5 | v.map);
    byte(c, (unsigned)v.w << 7 | (~v.vvvv & 15u) << 3 | (unsigned)v.long_ << 2 | v.prefix);
    byte(c, v.opcode);
}

void asm_vex_rr(struct code_buffer *c, struct vex v, unsigned reg, unsigned rm)
{
    vex_bytes(c, v, (reg >> 3) << 2 | rm >> 3);
    byte(c, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

void asm_vex_rm(struct code_buffer *c, struct vex v, unsigned reg, struct host_mem m)
{
    vex_bytes(c, v, upper_bits(reg, m));
    memory_operand(c, reg, m);
}

void asm_alu(struct code_buffer *c, unsigned size, unsigned operation, unsigned dst, unsigned src)
{
    asm_rr(c, size, operation << 3 | (size > 1), src, dst);
}

void asm_alu_imm(struct code_buffer *c, unsigned size, unsigned operation, unsigned dst, int32_t imm)
{
    if (size > 1 && imm == (int8_t)imm) {
        asm_rr(c, size, HOST_ALU_EB, operation, dst);
        asm_bytes(c, (uint8_t)imm, 1);
    } else {
        asm_rr_from(c, size, size > 1 ? HOST_ALU_EI : HOST_ALU_EI8, operation, dst, size == 1);
        asm_bytes(c, (uint32_t)imm, size > 4 ? 4 : size);
    }
}

void asm_alu_imm_mem(struct code_buffer *c, unsigned operation, struct host_mem m, int8_t imm)
{
    asm_rm(c, 8, HOST_ALU_EB, operation, m);
    asm_bytes(c, (uint8_t)imm, 1);
}

void asm_move(struct code_buffer *c, unsigned dst, unsigned src)
{
    if (dst != src)
        asm_rr(c, 8, HOST_MOV_EG, src, dst);
}

void asm_load(struct code_buffer *c, unsigned dst, unsigned base, int32_t disp)
{
    asm_rm(c, 8, HOST_MOV_GE, dst, at_reg(base, disp));
}

void asm_store(struct code_buffer *c, unsigned base, int32_t disp, unsigned src)
{
    asm_rm(c, 8, HOST_MOV_EG, src, at_reg(base, disp));
}

void asm_address(struct code_buffer *c, unsigned size, unsigned dst, struct host_mem m)
{
    if (m.base != H_NONE && m.index == H_NONE && !m.disp)
        asm_rr(c, size, HOST_MOV_EG, m.base, dst);
    else
        asm_rm(c, size, HOST_LEA, dst, m);
}

void asm_imm(struct code_buffer *c, unsigned dst, uint64_t value)
{
    if (value == (uint32_t)value) {
        opcode_bytes(c, 4, 0xb8 | (dst & 7), dst >> 3, false);
        asm_bytes(c, value, 4);
    } else if (value == (uint64_t)(int32_t)value) {
        asm_rr(c, 8, HOST_MOV_EI, 0, dst);
        asm_bytes(c, (uint32_t)value, 4);
    } else {
        opcode_bytes(c, 8, 0xb8 | (dst & 7), dst >> 3, false);
        asm_bytes(c, value, 8);
    }
}

uint8_t *asm_jcc(struct code_buffer *c, unsigned cc)
{
    byte(c, 0x0f);
    byte(c, 0x80 | cc);
    asm_bytes(c, 0, 4);
    return c->at - 4;
}

uint8_t *asm_jmp(struct code_buffer *c)
{
    byte(c, 0xe9);
    asm_bytes(c, 0, 4);
    return c->at - 4;
}

static void push_or_pop(struct code_buffer *c, unsigned opcode, unsigned reg)
{
    if (reg >= H_8)
        byte(c, 0x41);
    byte(c, opcode | (reg & 7));
}

void asm_push(struct code_buffer *c, unsigned reg)
{
    push_or_pop(c, 0x50, reg);
}

void asm_pop(struct code_buffer *c, unsigned reg)
{
    push_or_pop(c, 0x58, reg);
}

uint8_t *asm_call(struct code_buffer *c)
{
    byte(c, 0xe8);
    asm_bytes(c, 0, 4);
    return c->at - 4;
}

void asm_ret(struct code_buffer *c)
{
    asm_bytes(c, 0xc3, 1);
}

void asm_patch(uint8_t *where, const uint8_t *target)
{
    int32_t offset = (int32_t)(target - (where + 4));
    memcpy(where, &offset, sizeof offset);
}
