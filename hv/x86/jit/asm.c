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

/* Bytes of an instruction without its immediate: at most 5 up to the opcode, ModRM, SIB and the displacement. */
enum { LONGEST = 11 };

/* Where to write an instruction; NULL if there may be no room. What writes a part of it returns where the next part goes. */
static uint8_t *begin(struct code_buffer *c)
{
    if (c->end - c->at >= LONGEST)
        return c->at;
    c->full = true;
    return NULL;
}

/* Prefixes and opcode. `need` forces a REX prefix, for SPL, BPL, SIL and DIL. */
static uint8_t *opcode_bytes(uint8_t *at, unsigned size, unsigned opcode, unsigned rex, bool need)
{
    if (size == 2)
        *at++ = 0x66;
    if (size == 8)
        rex |= 8;
    if (rex || need)
        *at++ = (uint8_t)(0x40 | rex);
    if (opcode >> 8)
        *at++ = 0x0f;
    if (opcode >> 16)
        *at++ = (uint8_t)(opcode >> 8);
    *at++ = (uint8_t)opcode;
    return at;
}

static uint8_t *modrm(uint8_t *at, unsigned mod, unsigned reg, unsigned rm)
{
    *at++ = (uint8_t)(mod << 6 | (reg & 7) << 3 | (rm & 7));
    return at;
}

void asm_rr_from(struct code_buffer *c, unsigned size, unsigned opcode, unsigned reg, unsigned rm,
                 bool byte_rm)
{
    uint8_t *at = begin(c);
    if (!at)
        return;
    at = opcode_bytes(at, size, opcode, (reg >> 3) << 2 | rm >> 3,
                      (byte_rm && rm >= 4) || (size == 1 && reg >= 4));
    c->at = modrm(at, 3, reg, rm);
}

void asm_rr(struct code_buffer *c, unsigned size, unsigned opcode, unsigned reg, unsigned rm)
{
    asm_rr_from(c, size, opcode, reg, rm, size == 1);
}

static uint8_t *sib(uint8_t *at, unsigned mod, unsigned reg, struct host_mem m)
{
    unsigned index = m.index == H_NONE ? 4 : m.index & 7u, base = m.base == H_NONE ? 5 : m.base & 7u;
    at = modrm(at, mod, reg, 4);
    *at++ = (uint8_t)((unsigned)m.scale << 6 | index << 3 | base);
    return at;
}

/* The upper bits of the registers of modrm and SIB, as in REX. */
static unsigned upper_bits(unsigned reg, struct host_mem m)
{
    return (reg >> 3) << 2 | (m.index == H_NONE ? 0u : (unsigned)m.index >> 3 << 1) |
           (m.base == H_NONE ? 0u : (unsigned)m.base >> 3);
}

static uint8_t *displacement(uint8_t *at, int32_t disp)
{
    memcpy(at, &disp, sizeof disp);
    return at + sizeof disp;
}

static uint8_t *memory_operand(uint8_t *at, unsigned reg, struct host_mem m)
{
    if (m.base == H_NONE)
        return displacement(sib(at, 0, reg, m), m.disp);
    bool small = m.disp == (int8_t)m.disp;
    unsigned mod = !m.disp && (m.base & 7) != 5 ? 0 : small ? 1 : 2;
    at = m.index != H_NONE || (m.base & 7) == 4 ? sib(at, mod, reg, m) : modrm(at, mod, reg, m.base);
    if (mod == 1)
        *at++ = (uint8_t)m.disp;
    return mod == 2 ? displacement(at, m.disp) : at;
}

void asm_rm(struct code_buffer *c, unsigned size, unsigned opcode, unsigned reg, struct host_mem m)
{
    uint8_t *at = begin(c);
    if (at)
        c->at =
            memory_operand(opcode_bytes(at, size, opcode, upper_bits(reg, m), size == 1 && reg >= 4), reg, m);
}

/* SDM volume 2, 2.3.5: always the form of three bytes. */
static uint8_t *vex_bytes(uint8_t *at, struct vex v, unsigned upper)
{
    *at++ = 0xc4;
    *at++ = (uint8_t)((~upper & 7) << 5 | v.map);
    *at++ = (uint8_t)((unsigned)v.w << 7 | (~v.vvvv & 15u) << 3 | (unsigned)v.long_ << 2 | v.prefix);
    *at++ = v.opcode;
    return at;
}

void asm_vex_rr(struct code_buffer *c, struct vex v, unsigned reg, unsigned rm)
{
    uint8_t *at = begin(c);
    if (at)
        c->at = modrm(vex_bytes(at, v, (reg >> 3) << 2 | rm >> 3), 3, reg, rm);
}

void asm_vex_rm(struct code_buffer *c, struct vex v, unsigned reg, struct host_mem m)
{
    uint8_t *at = begin(c);
    if (at)
        c->at = memory_operand(vex_bytes(at, v, upper_bits(reg, m)), reg, m);
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

void asm_shift(struct code_buffer *c, unsigned size, unsigned operation, unsigned reg, unsigned count)
{
    asm_rr(c, size, size == 1 ? HOST_SHIFT8 : HOST_SHIFT, operation, reg);
    asm_bytes(c, count, 1);
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

/* B8: MOV of an immediate to a register. */
static void mov_imm(struct code_buffer *c, unsigned size, unsigned dst, uint64_t value)
{
    uint8_t *at = begin(c);
    if (!at)
        return;
    c->at = opcode_bytes(at, size, 0xb8 | (dst & 7), dst >> 3, false);
    asm_bytes(c, value, size);
}

void asm_imm(struct code_buffer *c, unsigned dst, uint64_t value)
{
    if (value == (uint32_t)value) {
        mov_imm(c, 4, dst, value);
    } else if (value == (uint64_t)(int32_t)value) {
        asm_rr(c, 8, HOST_MOV_EI, 0, dst);
        asm_bytes(c, (uint32_t)value, 4);
    } else {
        mov_imm(c, 8, dst, value);
    }
}

static uint8_t *offset_after(struct code_buffer *c, unsigned opcode, unsigned n)
{
    asm_bytes(c, opcode, n + 4);
    return c->at - 4;
}

uint8_t *asm_jcc(struct code_buffer *c, unsigned cc)
{
    return offset_after(c, 0x0f | (0x80 | cc) << 8, 2);
}

uint8_t *asm_jmp(struct code_buffer *c)
{
    return offset_after(c, 0xe9, 1);
}

static void push_or_pop(struct code_buffer *c, unsigned opcode, unsigned reg)
{
    const bool upper = reg >= H_8;
    opcode |= reg & 7;
    asm_bytes(c, upper ? 0x41 | opcode << 8 : opcode, 1 + upper);
}

void asm_push(struct code_buffer *c, unsigned reg)
{
    push_or_pop(c, 0x50, reg);
}

void asm_pop(struct code_buffer *c, unsigned reg)
{
    push_or_pop(c, 0x58, reg);
}

void asm_with_value(struct code_buffer *c, unsigned opcode, unsigned reg, uint32_t value)
{
    asm_bytes(c, 0x68 | (uint64_t)value << 8, 5); /* PUSH */
    asm_rm(c, 4, opcode, reg, at_reg(H_SP, 0));
    asm_rm(c, 8, HOST_LEA, H_SP, at_reg(H_SP, 8));
}

uint8_t *asm_call(struct code_buffer *c)
{
    return offset_after(c, 0xe8, 1);
}

void asm_jmp_reg(struct code_buffer *c, unsigned reg)
{
    asm_rr(c, 4, HOST_GROUP5, HOST_JMP_E, reg);
}

void asm_jmp_mem(struct code_buffer *c, struct host_mem m)
{
    asm_rm(c, 4, HOST_GROUP5, HOST_JMP_E, m);
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
