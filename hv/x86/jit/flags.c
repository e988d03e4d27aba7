/* flags.c - the guest's arithmetic flags: what they follow from, and the code that puts them in memory or in the host's flags. See unit.h. */
#include "hv/x86/exec.h"
#include "hv/x86/decode/insn.h"
#include "hv/x86/jit/ops.h"

/* ---------------------------------------------------------------- sources */

void flags_from(struct unit *u, enum flag_source source, const struct op *op)
{
    u->now.source = (uint8_t)source;
    u->now.size = (uint8_t)size_of(op);
    u->now.a = u->now.b = FLAG_OWN;
    u->now.after = u->now.imm = false;
    u->now.count = 0;
    u->host_flags = u->overflow_ok = true;
}

void flags_none(struct unit *u)
{
    u->now.source = FLAGS_MEMORY;
    flags_lost(u);
}

/* ---------------------------------------------------------------- operands */

/* The host register with A or B; if it is in no other, it is loaded into `to`. */
static unsigned operand(struct unit *u, const struct flow *f, uint8_t guest, unsigned own, unsigned to)
{
    if (guest == FLAG_OWN)
        return own;
    if (f->host[guest] != H_NONE)
        return f->host[guest];
    asm_load(&u->code, to, H_CPU, (int32_t)(offsetof(struct x86, gpr) + 8 * guest));
    return to;
}

static unsigned operand_a(struct unit *u, const struct flow *f, unsigned to)
{
    return operand(u, f, f->a, FLAG_A, to);
}

static unsigned operand_b(struct unit *u, const struct flow *f, unsigned to)
{
    return f->imm ? 0 : operand(u, f, f->b, FLAG_B, to);
}

static void apply(struct unit *u, const struct flow *f, unsigned operation, unsigned to, unsigned b)
{
    if (f->imm)
        asm_alu_imm(&u->code, f->size, operation, to, f->value);
    else
        asm_alu(&u->code, f->size, operation, to, b);
}

/* CX becomes A. `b` is where B is. */
static void copy_a(struct unit *u, const struct flow *f, unsigned b)
{
    asm_move(&u->code, H_CX, operand_a(u, f, H_CX));
    if (f->after)
        apply(u, f, f->source == FLAGS_SUB ? ALU_ADD : ALU_SUB, H_CX, b);
}

static void keep_a(struct unit *u)
{
    struct flow *f = &u->now;
    struct code_buffer *c = &u->code;
    const unsigned a = operand_a(u, f, FLAG_A);
    if (!f->after) {
        asm_move(c, FLAG_A, a);
    } else if (f->imm) {
        asm_rm(c, 8, HOST_LEA, FLAG_A, at_reg(a, f->source == FLAGS_SUB ? f->value : -f->value));
    } else if (f->source == FLAGS_SUB) {
        asm_rm(c, 8, HOST_LEA, FLAG_A, (struct host_mem){(uint8_t)a, (uint8_t)operand_b(u, f, H_CX), 0, 0});
    } else {
        asm_move(c, FLAG_A, a);
        asm_alu(c, 8, ALU_SUB, FLAG_A, operand_b(u, f, H_CX));
        flags_lost(u);
    }
    f->a = FLAG_OWN;
    f->after = false;
}

static void keep_b(struct unit *u)
{
    asm_move(&u->code, FLAG_B, operand_b(u, &u->now, FLAG_B));
    u->now.b = FLAG_OWN;
}

/* Are there guest registers that the flags follow from? */
static bool in_guest(const struct flow *f)
{
    return f->source != FLAGS_MEMORY && f->source <= FLAGS_LAST_IN_GUEST;
}

void flags_before(struct unit *u, const struct op *op)
{
    const struct flow *f = &u->now;
    if (!in_guest(f))
        return;
    const bool a = f->a != FLAG_OWN && op_changes(u, op, f->a);
    const bool b = f->b != FLAG_OWN && op_changes(u, op, f->b);
    if ((!a && !b) || op_renews_flags(u, op) || flags_dead(u))
        return;
    if (a)
        keep_a(u);
    if (b)
        keep_b(u);
}

void flags_settle(struct unit *u)
{
    struct flow *f = &u->now;
    if (!in_guest(f))
        return;
    if (f->a != FLAG_OWN)
        keep_a(u);
    if (f->source == FLAGS_TEST) {
        apply(u, f, ALU_AND, FLAG_A, operand_b(u, f, H_CX));
        f->source = FLAGS_LOGIC;
        f->imm = false;
        f->b = FLAG_OWN;
    } else if (f->b != FLAG_OWN) {
        keep_b(u);
    }
}

/* ---------------------------------------------------------------- in memory */

/* Through a register, which then is cc_res. */
static void store_extended(struct code_buffer *c, unsigned size, unsigned through, unsigned from)
{
    if (size == 8)
        asm_move(c, through, from);
    else if (size == 4)
        asm_rr(c, 8, HOST_MOVSXD, through, from);
    else
        asm_rr_from(c, 8, size == 2 ? HOST_MOVSX16 : HOST_MOVSX8, through, from, size == 1);
    asm_rm(c, 8, HOST_MOV_EG, through, CPU_FIELD(cc_res));
}

static void store_result(struct code_buffer *c, unsigned size, unsigned from)
{
    store_extended(c, size, H_AX, from);
}

/* AH is LAHF's, AL is OF. */
static void store_aux(struct code_buffer *c)
{
    _Static_assert(AUX_OF == 24 && AUX_PF >= 32 && AUX_SF >= 32, "the other bits may be any");
    asm_shift(c, 4, HOST_ROR, H_AX, 8);
    asm_rm(c, 8, HOST_MOV_EG, H_AX, CPU_FIELD(cc_aux));
}

void flags_pushed(struct code_buffer *c, unsigned to)
{
    enum { OF = 11, PUSHED = FLAG_CF | FLAG_AF | FLAG_OF };
    asm_bytes(c, 0x9c, 1);                             /* PUSHF */
    asm_bytes(c, 0x5840 | to >> 3 | (to & 7) << 8, 2); /* POP */
    asm_alu_imm(c, 4, ALU_AND, to, PUSHED);
    asm_rr(c, 4, HOST_IMUL_GEI, to, to);
    asm_bytes(c, 1 | 1 << (AUX_OF - OF), 4);
}

/* SETO and LAHF take a third of the time of PUSHF. */
static void store_arithmetic(struct unit *u, const struct flow *f)
{
    struct code_buffer *c = &u->code;
    const unsigned b = operand_b(u, f, H_AX);
    copy_a(u, f, b);
    apply(u, f, f->source == FLAGS_ADD ? ALU_ADD : ALU_SUB, H_CX, b);
    if (u->level > 1) {
        asm_rr(c, 1, HOST_SET(CC_O), 0, H_AX);
        asm_bytes(c, 0x9f, 1); /* LAHF */
        store_extended(c, f->size, H_CX, H_CX);
        store_aux(c);
        return;
    }
    flags_pushed(c, H_AX);
    asm_rm(c, 8, HOST_MOV_EG, H_AX, CPU_FIELD(cc_aux));
    store_extended(c, f->size, H_CX, H_CX);
}

/* CX is CF. OF is defined as in int_shift.c, whatever the host does: SHL and SHR as for a count of one, SAR
 * 0. */
static void store_overflow(struct code_buffer *c, const struct flow *f)
{
    if (f->source == FLAGS_SHL) {
        asm_shift(c, 8, HOST_SHR, H_AX, 63);
        asm_alu(c, 4, 6, H_AX, H_CX);
    } else if (f->source == FLAGS_SHR) {
        asm_shift(c, 8, HOST_SHR, H_AX, f->size * 8u - 2);
        asm_alu_imm(c, 4, 4, H_AX, 1);
    } else {
        return;
    }
    asm_shift(c, 4, HOST_SHL, H_AX, AUX_OF);
    asm_alu(c, 4, 1, H_CX, H_AX);
}

static void store_shift(struct code_buffer *c, const struct flow *f)
{
    static const uint8_t ext[] = {[FLAGS_SHL] = 4, [FLAGS_SHR] = 5, [FLAGS_SAR] = 7};
    uint8_t *by_none = NULL;
    if (!f->count) {
        asm_rr(c, 4, HOST_TEST_EG, FLAG_B, FLAG_B);
        by_none = asm_jcc(c, CC_E);
    }
    asm_move(c, H_AX, FLAG_A);
    if (f->count) {
        asm_shift(c, f->size, ext[f->source], H_AX, f->count);
    } else {
        asm_move(c, H_CX, FLAG_B);
        asm_rr_from(c, f->size, f->size == 1 ? HOST_SHIFT8_CL : HOST_SHIFT_CL, ext[f->source], H_AX, false);
    }
    asm_rr(c, 1, HOST_SET(CC_B), 0, H_CX);
    asm_rr_from(c, 4, HOST_MOVZX8, H_CX, H_CX, true);
    store_result(c, f->size, H_AX);
    store_overflow(c, f);
    asm_rm(c, 8, HOST_MOV_EG, H_CX, CPU_FIELD(cc_aux));
    if (by_none)
        asm_patch(by_none, c->at);
}

/* As cc_set() has it: the result is 0 with ZF and 1 without, and PF is turned round where that gives the wrong one. */
static void store_loaded(struct code_buffer *c)
{
    asm_rr(c, 4, HOST_MOV_EG, FLAG_A, H_AX);
    asm_shift(c, 4, HOST_SHR, H_AX, 8);
    asm_rr(c, 4, HOST_MOV_EG, H_AX, H_CX);
    asm_shift(c, 4, HOST_SHR, H_CX, 4);
    asm_alu_imm(c, 4, 4, H_CX, FLAG_PF);
    asm_alu(c, 4, 6, H_CX, H_AX);
    asm_alu_imm(c, 4, 4, H_CX, FLAG_PF | FLAG_CF);
    asm_move(c, H_AX, H_CX);
    asm_shift(c, 8, HOST_SHL, H_AX, AUX_PF - 2);
    asm_alu(c, 8, ALU_OR, H_CX, H_AX);
    asm_rm(c, 8, HOST_MOV_EG, H_CX, CPU_FIELD(cc_aux));
    asm_rr(c, 4, HOST_MOV_EG, FLAG_A, H_AX);
    asm_shift(c, 4, HOST_SHR, H_AX, 8 + 6);
    asm_rr(c, 4, HOST_GROUP3, HOST_NOT, H_AX);
    asm_alu_imm(c, 4, 4, H_AX, 1);
    asm_rm(c, 8, HOST_MOV_EG, H_AX, CPU_FIELD(cc_res));
}

static void store_logic(struct unit *u, const struct flow *f)
{
    struct code_buffer *c = &u->code;
    const unsigned a = operand_a(u, f, H_AX);
    if (f->source == FLAGS_TEST) {
        asm_move(c, H_AX, a);
        apply(u, f, ALU_AND, H_AX, operand_b(u, f, H_CX));
    }
    store_result(c, f->size, f->source == FLAGS_TEST ? H_AX : a);
    asm_rm(c, 8, HOST_MOV_EI, 0, CPU_FIELD(cc_aux));
    asm_bytes(c, 0, 4);
}

void flags_store(struct unit *u, const struct flow *f)
{
    struct code_buffer *c = &u->code;
    switch (f->source) {
    case FLAGS_MEMORY:
        return;
    case FLAGS_LOGIC:
    case FLAGS_TEST:
        store_logic(u, f);
        break;
    case FLAGS_ADD:
    case FLAGS_SUB:
        store_arithmetic(u, f);
        break;
    case FLAGS_RAW:
        store_result(c, f->size, FLAG_A);
        asm_rm(c, 8, HOST_MOV_EG, FLAG_B, CPU_FIELD(cc_aux));
        break;
    case FLAGS_AH:
        store_loaded(c);
        break;
    case FLAGS_SET:
        store_result(c, f->size, FLAG_A);
        asm_move(c, H_AX, FLAG_B);
        store_aux(c);
        break;
    default:
        store_shift(c, f);
        break;
    }
    flags_lost(u);
}

void flags_to_memory(struct unit *u)
{
    flags_store(u, &u->now);
    u->now.source = FLAGS_MEMORY;
}

void flags_carry_soon(struct unit *u)
{
    const struct flow *f = &u->now;
    if (f->source >= FLAGS_SHL && f->source <= FLAGS_SAR)
        flags_to_memory(u);
    if (f->source != FLAGS_ADD && f->source != FLAGS_SUB)
        return;
    if (f->a != FLAG_OWN)
        reg_use(u, f->a);
    if (!f->imm && f->b != FLAG_OWN)
        reg_use(u, f->b);
}

void flags_carry(struct unit *u)
{
    struct code_buffer *c = &u->code;
    if (u->host_flags) {
        flags_lost(u);
        return;
    }
    switch (u->now.source) {
    case FLAGS_LOGIC:
    case FLAGS_TEST:
        asm_bytes(c, 0xf8, 1); /* CLC */
        break;
    case FLAGS_ADD:
    case FLAGS_SUB:
        flags_condition(u, CC_B);
        break;
    case FLAGS_RAW:
        asm_rr(c, 4, HOST_BT_EI, 4, FLAG_B); /* BT */
        asm_bytes(c, 0, 1);
        break;
    case FLAGS_AH:
    case FLAGS_SET:
        asm_rr(c, 4, HOST_BT_EI, 4, u->now.source == FLAGS_AH ? FLAG_A : FLAG_B);
        asm_bytes(c, 8, 1);
        break;
    default:
        flags_to_memory(u);
        asm_rm(c, 4, HOST_BT_EI, 4, CPU_FIELD(cc_aux));
        asm_bytes(c, 0, 1);
        break;
    }
    flags_lost(u);
}

static void test_aux(struct code_buffer *c, unsigned bit)
{
    struct host_mem m = CPU_FIELD(cc_aux);
    m.disp += (int32_t)bit / 8;
    asm_rm(c, 1, HOST_GROUP3_8, HOST_TEST_EI, m);
    asm_bytes(c, 1u << bit % 8, 1);
}

static void test_zero(struct code_buffer *c)
{
    asm_rm(c, 8, HOST_ALU_EB, ALU_CMP, CPU_FIELD(cc_res));
    asm_bytes(c, 0, 1);
}

/* AL's bit 0: CF or ZF. */
static void below_or_equal(struct code_buffer *c)
{
    asm_rm(c, 8, HOST_MOV_GE, H_AX, CPU_FIELD(cc_aux));
    asm_alu_imm(c, 4, 4, H_AX, 1);
    test_zero(c);
    asm_rr(c, 1, HOST_SET(CC_E), 0, H_CX);
    asm_alu(c, 1, 1, H_AX, H_CX);
}

/* EAX: SF, or SF != OF. */
static void sign(struct code_buffer *c, bool with_overflow)
{
    asm_rm(c, 8, HOST_MOV_GE, H_AX, CPU_FIELD(cc_res));
    asm_shift(c, 8, HOST_SHR, H_AX, 63);
    asm_rm(c, 8, HOST_MOV_GE, H_CX, CPU_FIELD(cc_aux));
    asm_shift(c, 8, HOST_SHR, H_CX, AUX_OF);
    if (with_overflow)
        asm_alu(c, 4, 6, H_AX, H_CX);
    asm_shift(c, 4, HOST_SHR, H_CX, AUX_SF - AUX_OF);
    asm_alu(c, 4, 6, H_AX, H_CX);
    asm_alu_imm(c, 4, 4, H_AX, 1);
}

static void parity(struct code_buffer *c)
{
    asm_rm(c, 8, HOST_MOV_GE, H_AX, CPU_FIELD(cc_res));
    asm_rr(c, 1, HOST_TEST_EG8, H_AX, H_AX);
    asm_rr(c, 1, HOST_SET(CC_P), 0, H_AX); /* SETP */
    asm_rm(c, 8, HOST_MOV_GE, H_CX, CPU_FIELD(cc_aux));
    asm_shift(c, 8, HOST_SHR, H_CX, AUX_PF);
    asm_alu(c, 4, 6, H_AX, H_CX);
    asm_alu_imm(c, 4, 4, H_AX, 1);
}

/* From cc_res and cc_aux. Those of EFLAGS are tested for being set: the result is NE. */
static int condition_in_memory(struct code_buffer *c, unsigned cc)
{
    switch (cc >> 1) {
    case CC_O >> 1:
        test_aux(c, AUX_OF);
        break;
    case CC_B >> 1:
        test_aux(c, 0);
        break;
    case CC_E >> 1:
        test_zero(c);
        return (int)cc;
    case CC_BE >> 1:
        below_or_equal(c);
        break;
    case CC_S >> 1:
        sign(c, false);
        break;
    case CC_P >> 1:
        parity(c);
        break;
    case CC_L >> 1:
        sign(c, true);
        break;
    default:
        sign(c, true);
        test_zero(c);
        asm_rr(c, 1, HOST_SET(CC_E), 0, H_CX);
        asm_alu(c, 1, 1, H_AX, H_CX);
        break;
    }
    return cc & 1 ? CC_E : CC_NE;
}

static bool needs_overflow(unsigned cc)
{
    return cc >> 1 == CC_O >> 1 || cc >= CC_L;
}

void flags_test(struct unit *u, unsigned size, unsigned a, unsigned b)
{
    asm_rr(&u->code, size, size == 1 ? HOST_TEST_EG8 : HOST_TEST_EG, b, a);
}

void flags_test_imm(struct unit *u, unsigned size, unsigned a, int32_t value)
{
    asm_rr_from(&u->code, size, size == 1 ? HOST_GROUP3_8 : HOST_GROUP3, HOST_TEST_EI, a, size == 1);
    asm_bytes(&u->code, (uint32_t)value, size > 4 ? 4 : size);
}

static void test_logic(struct unit *u, const struct flow *f)
{
    const unsigned a = operand_a(u, f, H_AX);
    if (f->source == FLAGS_TEST && f->imm)
        flags_test_imm(u, f->size, a, f->value);
    else
        flags_test(u, f->size, a, f->source == FLAGS_TEST ? operand_b(u, f, H_CX) : a);
}

/* The same operation again, for its flags alone. */
static void repeat_arithmetic(struct unit *u, const struct flow *f)
{
    const unsigned b = operand_b(u, f, H_AX);
    if (f->source == FLAGS_SUB && !f->after) {
        apply(u, f, ALU_CMP, operand_a(u, f, H_CX), b);
        return;
    }
    copy_a(u, f, b);
    apply(u, f, f->source == FLAGS_ADD ? ALU_ADD : ALU_CMP, H_CX, b);
}

int flags_condition(struct unit *u, unsigned cc)
{
    struct code_buffer *c = &u->code;
    const struct flow *f = &u->now;
    if (u->host_flags && (u->overflow_ok || !needs_overflow(cc)))
        return (int)cc;
    switch (f->source) {
    case FLAGS_LOGIC:
    case FLAGS_TEST:
        test_logic(u, f);
        break;
    case FLAGS_ADD:
    case FLAGS_SUB:
        repeat_arithmetic(u, f);
        break;
    case FLAGS_SET:
        asm_move(c, H_AX, FLAG_B);
        asm_alu_imm(c, 1, ALU_ADD, H_AX, 127); /* OF */
        asm_bytes(c, 0x9e, 1);                 /* SAHF */
        break;
    case FLAGS_AH:
        asm_move(c, H_AX, FLAG_A);
        asm_rr(c, 4, HOST_TEST_EG, H_AX, H_AX); /* OF */
        asm_bytes(c, 0x9e, 1);                  /* SAHF */
        break;
    default:
        flags_to_memory(u);
        flags_lost(u);
        return condition_in_memory(c, cc);
    }
    u->host_flags = u->overflow_ok = true;
    return (int)cc;
}

bool flags_hidden_from(const struct unit *u, const struct block *b, unsigned k)
{
    for (; k < b->n; k++) {
        if (op_shows_flags(u, &b->ops[k]))
            return false;
        if (op_hides_flags(u, &b->ops[k]))
            return true;
    }
    return false;
}

bool flags_dead(const struct unit *u)
{
    return flags_hidden_from(u, u->block, u->op + 1);
}
