/* ops.c - one instruction to host code.
 *
 * What is not compiled here is left to its handler: addresses of another size than the code's, high byte registers as destinations,
 * and everything rare. Within an instruction no guest register and no flag source
 * changes before the last side exit. */
#include <assert.h>

#include "hv/x86/exec.h"
#include "hv/x86/jit/branch.h"
#include "hv/x86/jit/ops.h"

/* ---------------------------------------------------------------- flag sources */

/* The host's flags become the source: after an instruction that sets all of them as the guest's does. */
void flags_capture(struct unit *u, const struct op *op, unsigned result)
{
    struct code_buffer *c = &u->code;
    asm_move(c, FLAG_A, result);
    if (u->level > 1) {
        asm_rr(c, 1, HOST_SET(CC_O), 0, H_AX);
        asm_bytes(c, 0x9f, 1); /* LAHF */
        asm_move(c, FLAG_B, H_AX);
        flags_from(u, FLAGS_SET, op);
        return;
    }
    flags_pushed(c, FLAG_B);
    flags_from(u, FLAGS_RAW, op);
    flags_lost(u);
}

void flags_of_comparison(struct unit *u, const struct op *op)
{
    asm_bytes(&u->code, 0x9f, 1); /* LAHF */
    asm_move(&u->code, FLAG_A, H_AX);
    flags_from(u, FLAGS_AH, op);
}

enum flag_source alu_source(unsigned operation)
{
    return operation == ALU_ADD                           ? FLAGS_ADD
           : operation == ALU_SUB || operation == ALU_CMP ? FLAGS_SUB
                                                          : FLAGS_LOGIC;
}

/* ---------------------------------------------------------------- two operands */

static struct second second_of(struct unit *u, const struct op *op, const struct shape *s)
{
    const unsigned guest = guest_of(op, op->src);
    if (s->form == FORM_EI)
        return (struct second){true, (int32_t)op->imm, 0, FLAG_OWN};
    return (struct second){false, 0, reg_use(u, guest), (uint8_t)guest};
}

void alu_apply(struct unit *u, unsigned size, unsigned operation, unsigned dst, struct second b)
{
    if (b.imm)
        asm_alu_imm(&u->code, size, operation, dst, b.value);
    else
        asm_alu(&u->code, size, operation, dst, b.reg);
}

/* The same with the first operand in memory. */
static void apply_memory(struct unit *u, unsigned size, unsigned operation, struct second b)
{
    struct host_mem m = u->at;
    if (!b.imm) {
        asm_rm(&u->code, size, operation << 3 | (size > 1), b.reg, m);
        return;
    }
    asm_rm(&u->code, size, size > 1 ? HOST_ALU_EI : HOST_ALU_EI8, operation, m);
    asm_bytes(&u->code, (uint32_t)b.value, size > 4 ? 4 : size);
}

void flags_of_two(struct unit *u, const struct op *op, enum flag_source source, unsigned a, struct second b)
{
    flags_from(u, source, op);
    u->now.a = (uint8_t)a;
    u->now.b = b.guest;
    u->now.imm = b.imm;
    u->now.value = b.value;
}

void alu_to_register(struct unit *u, const struct op *op, unsigned operation, struct second b)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op), guest = guest_of(op, op->dst);
    unsigned d = operation == ALU_CMP ? reg_use(u, guest) : reg_change(u, guest);
    bool dead = flags_dead(u);
    if (dead) {
        alu_apply(u, size, operation, d, b);
        flags_none(u);
    } else if (alu_source(operation) == FLAGS_LOGIC) {
        alu_apply(u, size, operation, d, b);
        flags_from(u, FLAGS_LOGIC, op);
        u->now.a = (uint8_t)guest;
    } else if (operation == ALU_CMP) {
        alu_apply(u, size, operation, d, b);
        flags_of_two(u, op, FLAGS_SUB, guest, b);
    } else if (b.guest == guest ||
               (b.imm && b.value == INT32_MIN)) { /* the result does not tell the operands */
        asm_move(c, FLAG_A, d);
        if (!b.imm)
            asm_move(c, FLAG_B, d);
        alu_apply(u, size, operation, d, b);
        b.guest = FLAG_OWN;
        flags_of_two(u, op, alu_source(operation), FLAG_OWN, b);
    } else {
        alu_apply(u, size, operation, d, b);
        flags_of_two(u, op, alu_source(operation), guest, b);
        u->now.after = true;
    }
}

static void alu_with_carry(struct unit *u, const struct op *op, unsigned operation, struct second b)
{
    unsigned d = reg_change(u, guest_of(op, op->dst));
    bool dead = flags_dead(u);
    flags_carry(u);
    alu_apply(u, size_of(op), operation, d, b);
    if (dead)
        flags_none(u);
    else
        flags_capture(u, op, d);
}

/* ADC and SBB with memory as the destination. */
static void carry_to_memory(struct unit *u, const struct op *op, unsigned operation, struct second b)
{
    unsigned size = size_of(op);
    bool dead = flags_dead(u);
    flags_carry(u);
    if (dead) {
        apply_memory(u, size, operation, b);
        flags_none(u);
        return;
    }
    operand_fetch(u, size, H_DX); /* no flag changes, nor does one by putting it back */
    alu_apply(u, size, operation, H_DX, b);
    operand_put(u, size, H_DX);
    flags_capture(u, op, H_DX);
}

void alu_to_memory(struct unit *u, const struct op *op, unsigned operation, struct second b)
{
    unsigned size = size_of(op);
    if (flags_dead(u)) {
        apply_memory(u, size, operation, b);
        flags_none(u);
    } else if (alu_source(operation) == FLAGS_LOGIC) {
        operand_fetch(u, size, FLAG_A);
        alu_apply(u, size, operation, FLAG_A, b);
        operand_put(u, size, FLAG_A);
        flags_from(u, FLAGS_LOGIC, op);
    } else {
        operand_fetch(u, size, FLAG_A);
        if (operation == ALU_CMP)
            alu_apply(u, size, operation, FLAG_A, b);
        else
            apply_memory(u, size, operation, b);
        flags_of_two(u, op, alu_source(operation), FLAG_OWN, b);
    }
}

void compile_alu(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned size = size_of(op), operation = s->arg;
    bool carry = operation == ALU_ADC || operation == ALU_SBB;
    struct second b = {0};
    if (!in_memory(op) && operation == ALU_XOR && s->form != FORM_EI && op->dst == op->src && size >= 4) {
        unsigned d = reg_set(u, op->dst);
        asm_alu(&u->code, 4, ALU_XOR, d, d);
        flags_from(u, FLAGS_LOGIC, op);
        u->now.a = op->dst;
        return;
    }
    if (carry)
        flags_carry_soon(u);
    if (s->form != FORM_GE || !in_memory(op))
        b = second_of(u, op, s);
    if (in_memory(op))
        operand_probe(u, op, size, s->form != FORM_GE && operation != ALU_CMP);
    if (in_memory(op) && s->form != FORM_GE) {
        (carry ? carry_to_memory : alu_to_memory)(u, op, operation, b);
        return;
    }
    if (in_memory(op)) {
        b = (struct second){.reg = carry ? H_DX : FLAG_B, .guest = FLAG_OWN};
        operand_fetch(u, size, b.reg);
    }
    if (carry)
        alu_with_carry(u, op, operation, b);
    else
        alu_to_register(u, op, operation, b);
    groups_move(u, stack_step(u, op, s));
}

static void test_registers(struct unit *u, const struct op *op, struct second b)
{
    const unsigned size = size_of(op), guest = guest_of(op, op->dst), d = reg_use(u, guest);
    if (b.imm)
        flags_test_imm(u, size, d, b.value);
    else
        flags_test(u, size, d, b.reg);
    const bool same = b.guest == guest;
    if (same)
        b.guest = FLAG_OWN;
    flags_of_two(u, op, same ? FLAGS_LOGIC : FLAGS_TEST, guest, b);
}

/* If an operand is in memory, FLAG_A becomes the result. */
void compile_test(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned size = size_of(op);
    struct second b = second_of(u, op, s);
    if (!in_memory(op)) {
        test_registers(u, op, b);
        return;
    }
    operand_probe(u, op, size, false);
    operand_fetch(u, size, FLAG_A);
    alu_apply(u, size, ALU_AND, FLAG_A, b);
    flags_from(u, FLAGS_LOGIC, op);
}

/* ---------------------------------------------------------------- one operand */

void compile_step(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op), ext = s->kind == SHAPE_DEC, opcode = size == 1 ? 0xfe : 0xff;
    bool dead = flags_dead(u);
    if (!dead)
        flags_carry_soon(u);
    unsigned d = FLAG_A;
    if (in_memory(op))
        operand_probe(u, op, size, true);
    else
        d = reg_change(u, guest_of(op, op->dst));
    if (!dead)
        flags_carry(u);
    if (in_memory(op)) {
        operand_fetch(u, size, FLAG_A); /* no flag changes, nor is FLAG_A needed any more */
        asm_rr_from(c, size, opcode, ext, FLAG_A, false);
        operand_put(u, size, FLAG_A);
    } else {
        asm_rr(c, size, opcode, ext, d);
    }
    if (dead)
        flags_none(u);
    else
        flags_capture(u, op, d);
}

void compile_neg(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned d = reg_change(u, guest_of(op, op->dst)), size = size_of(op);
    asm_move(&u->code, FLAG_B, d);
    asm_imm(&u->code, FLAG_A, 0);
    asm_rr(&u->code, size, size == 1 ? HOST_GROUP3_8 : HOST_GROUP3, HOST_NEG, d);
    flags_from(u, FLAGS_SUB, op);
}

void compile_not(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned size = size_of(op);
    asm_rr(&u->code, size, size == 1 ? HOST_GROUP3_8 : HOST_GROUP3, HOST_NOT,
           reg_change(u, guest_of(op, op->dst)));
}

/* ---------------------------------------------------------------- moves */

static void move_register(struct unit *u, unsigned size, unsigned dst, unsigned from)
{
    if (size >= 4)
        asm_rr(&u->code, size, HOST_MOV_EG, from, reg_set(u, dst));
    else
        asm_rr(&u->code, size, size == 1 ? HOST_MOV_EG8 : HOST_MOV_EG, from, reg_change(u, dst));
}

static void move_immediate(struct unit *u, const struct op *op, bool wide)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op), guest = guest_of(op, op->dst);
    if (size == 8) {
        asm_imm(c, reg_set(u, guest), (uint64_t)(wide ? op->wide : op->imm));
    } else if (size == 4) {
        asm_imm(c, reg_set(u, guest), (uint32_t)op->imm);
    } else {
        asm_rr(c, size, size == 1 ? HOST_MOV_EI8 : HOST_MOV_EI, 0, reg_change(u, guest));
        asm_bytes(c, (uint32_t)op->imm, size);
    }
}

void compile_mov(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op);
    if (!in_memory(op)) {
        if (s->form == FORM_EI)
            move_immediate(u, op, s->arg == MOV_WIDE);
        else
            move_register(u, size, guest_of(op, op->dst), reg_use(u, guest_of(op, op->src)));
    } else if (s->form == FORM_GE) {
        operand_probe(u, op, size, false);
        unsigned guest = guest_of(op, op->dst), d = reg_result(u, guest, size);
        asm_rm(c, size, size == 1 ? HOST_MOV_GE8 : HOST_MOV_GE, d, u->at);
    } else if (s->form == FORM_EG) {
        unsigned from = reg_use(u, guest_of(op, op->src));
        operand_probe(u, op, size, true);
        operand_put(u, size, from);
    } else {
        operand_probe(u, op, size, true);
        asm_rm(c, size, size == 1 ? HOST_MOV_EI8 : HOST_MOV_EI, 0, u->at);
        asm_bytes(c, (uint32_t)op->imm, size > 4 ? 4 : size);
    }
}

/* shape.arg: size of the source. */
void compile_extend(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op), from = s->arg;
    unsigned opcode = from == 4 ? 0x63 : OP0F((s->kind == SHAPE_MOVZX ? 0xb6 : 0xbe) | (from == 2));
    if (in_memory(op)) {
        operand_probe(u, op, from, false);
        asm_rm(c, size, opcode, reg_result(u, op->dst, size), u->at);
        return;
    }
    unsigned r = reg_use(u, from == 1 ? op->src >> 3 : op->src);
    if (from == 1 && is_high(op->src)) {
        asm_move(c, H_AX, r);
        asm_shift(c, 4, HOST_SHR, H_AX, 8);
        flags_lost(u);
        r = H_AX;
    }
    asm_rr_from(c, size, opcode, reg_result(u, op->dst, size), r, from == 1);
}

void compile_lea(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned size = size_of(op);
    struct host_mem m = operand_address(u, op);
    unsigned d = reg_result(u, op->dst, size);
    asm_rm(&u->code, size, HOST_LEA, d, m);
    if (address_size(u, op) < size)
        asm_rr(&u->code, 4, HOST_MOVZX16, d, d);
}

void compile_cmov(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned size = size_of(op), from = operand_source(u, op, size);
    unsigned d = reg_change(u, op->dst);
    int cc = flags_condition(u, s->arg);
    asm_rr(&u->code, size, HOST_CMOV((unsigned)cc), d, from);
}

void compile_set(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned d = reg_change(u, op->dst >> 3);
    int cc = flags_condition(u, s->arg);
    asm_rr(&u->code, 1, HOST_SET((unsigned)cc), 0, d);
}

void compile_xchg(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op);
    if (is_pause(u, op, s)) {
        flags_lost(u);
        asm_rm(c, 1, HOST_GROUP3_8, HOST_TEST_EI, CPU_FIELD(pause_ends));
        asm_bytes(c, 1, 1);
        side_exit(u, CC_NE);
        return;
    }
    if (op->dst == op->src && (s->arg || size != 4))
        return; /* NOP: nop_or_pause() */
    unsigned a = reg_change(u, op->dst), b = reg_change(u, op->src);
    asm_rr(c, size, HOST_MOV_EG, a, H_AX);
    asm_rr(c, size, HOST_MOV_EG, b, a);
    asm_rr(c, size, HOST_MOV_EG, H_AX, b);
}

void compile_bswap(struct unit *u, const struct op *op, const struct shape *s)
{
    unsigned d = reg_change(u, op->dst);
    unsigned rex = 0x40 | (op->osize == 3 ? 8 : 0) | d >> 3;
    asm_bytes(&u->code, rex | 0x0f00 | (0xc8u | (d & 7)) << 16, 3);
}

/* CBW, CWDE, CDQE; CWD, CDQ, CQO. */
void compile_sign(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op);
    if (s->kind == SHAPE_CBW) {
        unsigned a = reg_change(u, RAX);
        asm_rr_from(c, size,
                    size == 8   ? HOST_MOVSXD
                    : size == 4 ? HOST_MOVSX16
                                : HOST_MOVSX8,
                    a, a, size == 2);
        return;
    }
    unsigned a = reg_use(u, RAX), d = reg_result(u, RDX, size);
    asm_rr(c, size, HOST_MOV_EG, a, d);
    asm_shift(c, size, HOST_SAR, d, size * 8 - 1);
    flags_lost(u);
}

/* ---------------------------------------------------------------- shifts, multiplication, bits */

enum flag_source shift_source(unsigned ext)
{
    return ext == 4 ? FLAGS_SHL : ext == 5 ? FLAGS_SHR : FLAGS_SAR;
}

void flags_of_shift(struct unit *u, const struct op *op, const struct shape *s, bool dead)
{
    if (dead) {
        flags_none(u);
        return;
    }
    flags_from(u, shift_source(s->arg), op);
    u->now.count = (uint8_t)shift_count(op);
    u->overflow_ok = false;
}

void compile_shift(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op), n = shift_count(op), d = reg_change(u, guest_of(op, op->dst));
    bool dead = flags_dead(u);
    if (!dead)
        asm_move(c, FLAG_A, d);
    asm_shift(c, size, s->arg, d, n);
    flags_of_shift(u, op, s, dead);
}

/* If somebody asks for flags, a count of more bits than the operand has is left to the handler. */
void compile_shift_cl(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    const unsigned size = size_of(op), d = reg_change(u, op->dst);
    asm_rr(c, 4, HOST_MOV_EG, reg_use(u, RCX), H_CX);
    if (flags_dead(u)) {
        asm_rr(c, size, HOST_SHIFT_CL, s->arg, d);
        flags_none(u);
        return;
    }
    asm_alu_imm(c, 4, ALU_AND, H_CX, (int32_t)count_mask(op));
    flags_lost(u);
    struct side *none = shift_begin(u, d, size);
    if (size == 2) {
        asm_alu_imm(c, 4, ALU_CMP, H_CX, 16);
        side_exit(u, CC_AE);
    }
    asm_move(c, FLAG_A, d);
    asm_move(c, FLAG_B, H_CX);
    asm_rr(c, size, HOST_SHIFT_CL, s->arg, d);
    flags_from(u, shift_source(s->arg), op);
    shift_end(u, none);
}

/* CF and OF are the host's, which all processors define; the others follow from the result. */
void compile_imul(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op);
    bool dead = flags_dead(u), three = s->kind == SHAPE_IMUL_IMM;
    unsigned from = operand_source(u, op, size);
    unsigned d = three ? reg_result(u, op->dst, size) : reg_change(u, op->dst);
    if (three) {
        asm_rr(c, size, HOST_IMUL_GEI, d, from);
        asm_bytes(c, (uint32_t)op->imm, size > 4 ? 4 : size);
    } else {
        asm_rr(c, size, HOST_IMUL_GE, d, from);
    }
    if (dead) {
        flags_none(u);
        return;
    }
    asm_imm(c, FLAG_B, 0);
    asm_rr(c, 1, HOST_SET(CC_B), 0, FLAG_B);
    asm_rr(c, 4, HOST_GROUP3, HOST_NEG, FLAG_B);
    asm_alu_imm(c, 4, ALU_AND, FLAG_B, FLAG_CF | 1 << AUX_OF);
    asm_move(c, FLAG_A, d);
    flags_from(u, FLAGS_RAW, op);
    flags_lost(u);
}

/* Only CF changes. */
void compile_bt(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned size = size_of(op), src = 0;
    bool imm = s->form == FORM_EI;
    flags_to_memory(u);
    if (!imm)
        src = reg_use(u, op->src);
    unsigned d = s->arg == 4 ? reg_use(u, op->dst) : reg_change(u, op->dst);
    asm_rm(c, 8, HOST_MOV_GE, H_CX, CPU_FIELD(cc_aux));
    asm_alu_imm(c, 8, ALU_AND, H_CX, ~FLAG_CF);
    if (imm) {
        asm_rr(c, size, HOST_BT_EI, s->arg, d);
        asm_bytes(c, (uint32_t)op->imm, 1);
    } else {
        asm_rr(c, size, HOST_BT_EG(s->arg), src, d);
    }
    asm_alu_imm(c, 8, ALU_ADC, H_CX, 0);
    asm_rm(c, 8, HOST_MOV_EG, H_CX, CPU_FIELD(cc_aux));
    flags_lost(u);
}

/* ---------------------------------------------------------------- the stack */

void compile_push(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    unsigned from = s->kind == SHAPE_PUSH ? reg_use(u, op->dst) : 0, size = item_size(u, op);
    stack_probe(u, -(int32_t)size, size, true);
    if (s->kind == SHAPE_PUSH) {
        operand_put(u, size, from);
    } else {
        asm_rm(c, size, HOST_MOV_EI, 0, u->at);
        asm_bytes(c, (uint32_t)op->imm, size == 2 ? 2 : 4);
    }
    stack_move(u, -(int32_t)size);
}

void compile_pop(struct unit *u, const struct op *op, const struct shape *s)
{
    const unsigned size = item_size(u, op);
    stack_probe(u, 0, size, false);
    operand_fetch(u, size, H_DX);
    stack_move(u, (int32_t)size);
    asm_rr(&u->code, size, HOST_MOV_EG, H_DX, reg_result(u, op->dst, size));
}

/* PUSH rBP, and room for locals, to the last of which it must be possible to store: so all of it is checked, as more than what can be
 * noted, since only rBP is stored. */
void compile_enter(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    const unsigned size = item_size(u, op), all = size + enter_frame(op), from = reg_use(u, RBP);
    const unsigned checked = all > size && all <= NOTE_SIZE ? NOTE_SIZE + 1 : all;
    stack_probe(u, -(int32_t)checked, checked, true);
    u->at.disp += (int32_t)(checked - size);
    operand_put(u, size, from);
    const unsigned sp = reg_change(u, RSP), bp = reg_result(u, RBP, size);
    asm_rm(c, size, HOST_LEA, bp, at_reg(sp, -(int32_t)size));
    asm_rm(c, u->stack, HOST_LEA, sp, at_reg(sp, -(int32_t)all));
}

void compile_leave(struct unit *u, const struct op *op, const struct shape *s)
{
    struct code_buffer *c = &u->code;
    const unsigned size = item_size(u, op);
    if (u->segmented) {
        segment_probe(u, at_reg(reg_use(u, RBP), 0), u->stack, SS, size, false);
    } else {
        asm_rr(c, size, HOST_MOV_EG, reg_use(u, RBP), H_AX);
        tlb_check(u, size, false);
    }
    unsigned bp = reg_change(u, RBP), sp = reg_result(u, RSP, u->stack);
    asm_rm(c, u->stack, HOST_LEA, sp, at_reg(bp, (int32_t)size));
    asm_rm(c, size, HOST_MOV_GE, bp, u->at);
}

void compile_nop(struct unit *u, const struct op *op, const struct shape *s) {}

/* ---------------------------------------------------------------- all */

bool op_compile(struct unit *u, const struct op *op)
{
    const struct shape *s = shape_of(u, op);
    if (!op_compiled(u, op))
        return false;
    const struct shape_traits *t = &shape_traits[s->kind];
    assert(t->compile && "what is compiled has functions in kinds.def");
    (t->compile_byte && needs_byte(op, s) ? t->compile_byte
     : t->compile_memory && in_memory(op) ? t->compile_memory
                                          : t->compile)(u, op, s);
    return true;
}
