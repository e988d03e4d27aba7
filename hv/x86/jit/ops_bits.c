/* ops_bits.c - one instruction to host code: BMI1, BMI2, LZCNT, POPCNT and MOVBE, by the same instruction of the host. Flags that processors
 * leave undefined are as bmi.c has them. */
#include "hv/x86/decode/insn.h"
#include "hv/x86/jit/ops.h"

static const struct insn_row *row_of(const struct op *op)
{
    return &insn_rows(NULL)[op->row];
}

/* With VEX: the register in modrm.reg, or in its place the digit of the opcode; vvvv; the second source, a register or memory. */
static void emit(struct unit *u, const struct op *op, unsigned reg, unsigned vvvv, unsigned from)
{
    static const uint8_t prefixes[] = {[P66] = 1, [PF3] = 2, [PF2] = 3};
    const struct insn_row *r = row_of(op);
    struct vex v = {.prefix = prefixes[r->pfx],
                    .map = (uint8_t)(r->map - V0F + 1),
                    .opcode = r->opcode,
                    .vvvv = (uint8_t)vvvv,
                    .w = op->osize == 3};
    if (in_memory(op))
        asm_vex_rm(&u->code, v, reg, u->at);
    else
        asm_vex_rr(&u->code, v, reg, from);
}

/* FLAG_B = CF. */
static void keep_carry(struct unit *u)
{
    asm_imm(&u->code, FLAG_B, 0);
    asm_rr(&u->code, 1, HOST_SET(CC_B), 0, FLAG_B);
}

/* shape.arg: what it does to flags. CF is the host's, ZF and SF follow from the result, OF is 0. */
static void set_flags(struct unit *u, const struct op *op, const struct shape *s, unsigned result)
{
    if (s->arg == BITS_NO_FLAGS)
        return;
    if (s->arg == BITS_CARRY)
        keep_carry(u);
    asm_move(&u->code, FLAG_A, result);
    flags_from(u, s->arg == BITS_CARRY ? FLAGS_RAW : FLAGS_LOGIC, op);
    flags_lost(u);
}

/* The operands are G, B, E or G, E, B or G, E, an immediate. */
void compile_bits(struct unit *u, const struct op *op, const struct shape *s)
{
    const struct insn_row *r = row_of(op);
    bool digit = r->operand[0] == O_By; /* BLSR and the like: the destination is in vvvv */
    unsigned from = 0, second = 0;
    if (in_memory(op))
        operand_probe(u, op, size_of(op), false);
    else
        from = reg_use(u, op->src);
    if (r->flags & F_H)
        second = reg_use(u, op->vvvv);
    unsigned d = reg_set(u, op->dst);
    if (digit)
        emit(u, op, r->ext & 7u, d, from);
    else
        emit(u, op, d, second, from);
    if (r->operand[2] == O_Ib)
        asm_bytes(&u->code, (uint8_t)op->imm, 1);
    set_flags(u, op, s, d);
}

/* The low half to vvvv, then the high half: that stays if both are the same register. */
void compile_mulx(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned from = 0;
    if (in_memory(op))
        operand_probe(u, op, size_of(op), false);
    else
        from = reg_use(u, op->src);
    asm_move(&u->code, H_DX, reg_use(u, RDX));
    unsigned low = reg_set(u, op->vvvv), high = reg_set(u, op->dst);
    emit(u, op, high, low, from);
}

/* TZCNT, LZCNT: CF if the source is 0, ZF if the result is. POPCNT: ZF if the result is 0, and nothing else. */
void compile_count(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned from = 0;
    if (in_memory(op))
        operand_probe(u, op, size_of(op), false);
    else
        from = reg_use(u, op->src);
    unsigned d = reg_set(u, op->dst);
    asm_bytes(c, 0xf3, 1);
    if (in_memory(op))
        asm_rm(c, size_of(op), OP0F(s->arg), d, u->at);
    else
        asm_rr(c, size_of(op), OP0F(s->arg), d, from);
    if (flags_dead(u)) {
        flags_none(u);
        return;
    }
    asm_imm(c, FLAG_A, 0);
    if (s->arg == COUNT_ONES) {
        asm_imm(c, FLAG_B, 0);
        asm_rr(c, 1, HOST_SET(CC_E), 0, FLAG_B);
        asm_rr(c, 1, HOST_SET(CC_NE), 0, FLAG_A);
        asm_shift(c, 8, HOST_SHL, FLAG_B, AUX_PF); /* turns PF round, which follows from the result */
    } else {
        keep_carry(u);
        asm_rr(c, 1, HOST_SET(CC_NE), 0, FLAG_A);
    }
    flags_from(u, FLAGS_RAW, op);
    flags_lost(u);
}

/* MOVBE; shape.form as of moves. */
void compile_movbe(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op);
    bool store = s->form == FORM_EG;
    unsigned from = store ? reg_use(u, op->src) : 0;
    operand_probe(u, op, size, store);
    if (store)
        asm_move(c, H_DX, from);
    else
        operand_fetch(u, size, H_DX);
    asm_bytes(c, (size == 8 ? 0x48u : 0x40u) | 0xca0f00, 3); /* BSWAP */
    if (store)
        operand_put(u, size, H_DX);
    else
        asm_move(c, reg_set(u, op->dst), H_DX);
}

/* The source has the operand size, the destination 32 or 64 bits. */
void compile_crc32(struct unit *u, const struct op *op, const struct shape *s)
{
    enum { F2 = 0xf2, OF_BYTE = OP0F38(0xf0), OF_MORE = OP0F38(0xf1) };
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op), from = 0, opcode = size == 1 ? OF_BYTE : OF_MORE;
    if (in_memory(op)) {
        operand_probe(u, op, size, false);
    } else {
        from = reg_use(u, guest_of(op, op->src));
        if (size == 1 && is_high(op->src)) {
            asm_move(c, H_AX, from);
            asm_shift(c, 4, HOST_SHR, H_AX, 8);
            flags_lost(u);
            from = H_AX;
        }
    }
    unsigned d = reg_change(u, op->dst);
    asm_bytes(c, F2, 1);
    if (in_memory(op))
        asm_rm(c, size == 1 ? 4 : size, opcode, d, u->at);
    else
        asm_rr_from(c, size == 1 ? 4 : size, opcode, d, from, size == 1);
}

/* From now on cc_res is FLAG_A and cc_aux FLAG_B. */
static void flags_to_raw(struct unit *u)
{
    if (u->now.source == FLAGS_RAW)
        return;
    flags_to_memory(u);
    asm_rm(&u->code, 8, HOST_MOV_GE, FLAG_A, CPU_FIELD(cc_res));
    asm_rm(&u->code, 8, HOST_MOV_GE, FLAG_B, CPU_FIELD(cc_aux));
    u->now.source = FLAGS_RAW;
    u->now.size = 8;
    u->now.imm = false;
    u->now.count = 0;
}

/* ADCX, ADOX: shape.arg is the number of the flag that is their carry; the others stay. The host needs to have neither. */
void compile_add_carry(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op);
    flags_to_raw(u);
    unsigned from = operand_source(u, op, size);
    unsigned d = reg_change(u, op->dst);
    asm_rr(c, 8, HOST_BT_EI, 6, FLAG_B); /* cc_aux has flags in its upper half, too */
    asm_bytes(c, s->arg, 1);
    asm_alu(c, size, ALU_ADC, d, from);
    asm_alu(c, 4, ALU_SBB, H_AX, H_AX);
    asm_alu_imm(c, 4, ALU_AND, H_AX, 1 << s->arg);
    asm_alu(c, 8, ALU_OR, FLAG_B, H_AX);
    flags_lost(u);
}

bool bits_lacking(const struct unit *u, const struct shape *s)
{
    enum { LEVEL_POPCNT = 2, LEVEL_BMI = 3 };
    unsigned level = s->kind == SHAPE_BITS || s->kind == SHAPE_MULX ? LEVEL_BMI
                     : s->kind == SHAPE_CRC32                       ? LEVEL_POPCNT
                     : s->kind != SHAPE_COUNT                       ? 1
                     : s->arg == COUNT_ONES                         ? LEVEL_POPCNT
                                                                    : LEVEL_BMI;
    return u->level < level;
}
