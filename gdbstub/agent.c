/* agent.c - the interpreter of agent expressions. See agent.h; GDB manual, "Bytecode Descriptions".
 *
 * The code is from the connected debugger, so nothing of it is trusted: a table says what each opcode needs, and that is checked before it
 * is executed. */
#include "gdbstub/agent.h"

#include <string.h>

enum { STACK = 128, STEPS = 65536 };

/* Operands are big-endian. */
#define OPCODES(OP)                                                                                          \
    /* name, code, bytes of operand, values popped, values pushed */                                         \
    OP(ADD, 0x02, 0, 2, 1)                                                                                   \
    OP(SUB, 0x03, 0, 2, 1)                                                                                   \
    OP(MUL, 0x04, 0, 2, 1)                                                                                   \
    OP(DIV_SIGNED, 0x05, 0, 2, 1)                                                                            \
    OP(DIV_UNSIGNED, 0x06, 0, 2, 1)                                                                          \
    OP(REM_SIGNED, 0x07, 0, 2, 1)                                                                            \
    OP(REM_UNSIGNED, 0x08, 0, 2, 1)                                                                          \
    OP(LSH, 0x09, 0, 2, 1)                                                                                   \
    OP(RSH_SIGNED, 0x0a, 0, 2, 1)                                                                            \
    OP(RSH_UNSIGNED, 0x0b, 0, 2, 1)                                                                          \
    OP(TRACE, 0x0c, 0, 2, 0)                                                                                 \
    OP(TRACE_QUICK, 0x0d, 1, 1, 1)                                                                           \
    OP(LOG_NOT, 0x0e, 0, 1, 1)                                                                               \
    OP(BIT_AND, 0x0f, 0, 2, 1)                                                                               \
    OP(BIT_OR, 0x10, 0, 2, 1)                                                                                \
    OP(BIT_XOR, 0x11, 0, 2, 1)                                                                               \
    OP(BIT_NOT, 0x12, 0, 1, 1)                                                                               \
    OP(EQUAL, 0x13, 0, 2, 1)                                                                                 \
    OP(LESS_SIGNED, 0x14, 0, 2, 1)                                                                           \
    OP(LESS_UNSIGNED, 0x15, 0, 2, 1)                                                                         \
    OP(EXT, 0x16, 1, 1, 1)                                                                                   \
    OP(REF8, 0x17, 0, 1, 1)                                                                                  \
    OP(REF16, 0x18, 0, 1, 1)                                                                                 \
    OP(REF32, 0x19, 0, 1, 1)                                                                                 \
    OP(REF64, 0x1a, 0, 1, 1)                                                                                 \
    OP(IF_GOTO, 0x20, 2, 1, 0)                                                                               \
    OP(GOTO, 0x21, 2, 0, 0)                                                                                  \
    OP(CONST8, 0x22, 1, 0, 1)                                                                                \
    OP(CONST16, 0x23, 2, 0, 1)                                                                               \
    OP(CONST32, 0x24, 4, 0, 1)                                                                               \
    OP(CONST64, 0x25, 8, 0, 1)                                                                               \
    OP(REG, 0x26, 2, 0, 1)                                                                                   \
    OP(END, 0x27, 0, 1, 1)                                                                                   \
    OP(DUP, 0x28, 0, 1, 2)                                                                                   \
    OP(POP, 0x29, 0, 1, 0)                                                                                   \
    OP(ZERO_EXT, 0x2a, 1, 1, 1)                                                                              \
    OP(SWAP, 0x2b, 0, 2, 2)                                                                                  \
    OP(TRACENZ, 0x2f, 0, 2, 0)                                                                               \
    OP(TRACE16, 0x30, 2, 1, 1)                                                                               \
    OP(PICK, 0x32, 1, 0, 1)                                                                                  \
    OP(ROT, 0x33, 0, 3, 3)

enum opcode {
#define OP(name, code, operand, pops, pushes) OP_##name = code,
    OPCODES(OP)
#undef OP
        OPCODE_END
};

static const struct opcode_needs {
    bool known;
    uint8_t operand, pops, pushes;
} needs[OPCODE_END] = {
#define OP(name, code, operand, pops, pushes) [code] = {true, operand, pops, pushes},
    OPCODES(OP)
#undef OP
};

struct machine {
    const struct agent_target *t;
    uint64_t stack[STACK];
    unsigned depth;
    size_t pc;
};

/* ---------------------------------------------------------------- arithmetic */

/* The smallest number divided by -1 is itself, as in two's complement; C does not define it. */
static bool divide(enum opcode op, uint64_t a, uint64_t b, uint64_t *v)
{
    if (!b)
        return false;
    const int64_t sa = (int64_t)a, sb = (int64_t)b;
    switch (op) {
    case OP_DIV_UNSIGNED:
        *v = a / b;
        break;
    case OP_REM_UNSIGNED:
        *v = a % b;
        break;
    case OP_DIV_SIGNED:
        *v = sb == -1 ? -a : (uint64_t)(sa / sb);
        break;
    default:
        *v = sb == -1 ? 0 : (uint64_t)(sa % sb);
        break;
    }
    return true;
}

/* Shifts by the width and more leave nothing but the sign. */
static uint64_t shift(enum opcode op, uint64_t a, uint64_t by)
{
    const uint64_t sign = op == OP_RSH_SIGNED && (int64_t)a < 0 ? UINT64_MAX : 0;
    if (by > 63)
        return sign;
    if (op == OP_LSH)
        return a << by;
    return a >> by | (by ? sign << (64 - by) : 0);
}

static bool binary(enum opcode op, uint64_t a, uint64_t b, uint64_t *v)
{
    switch (op) {
    case OP_ADD:
        *v = a + b;
        return true;
    case OP_SUB:
        *v = a - b;
        return true;
    case OP_MUL:
        *v = a * b;
        return true;
    case OP_LSH:
    case OP_RSH_SIGNED:
    case OP_RSH_UNSIGNED:
        *v = shift(op, a, b);
        return true;
    case OP_BIT_AND:
        *v = a & b;
        return true;
    case OP_BIT_OR:
        *v = a | b;
        return true;
    case OP_BIT_XOR:
        *v = a ^ b;
        return true;
    case OP_EQUAL:
        *v = a == b;
        return true;
    case OP_LESS_SIGNED:
        *v = (int64_t)a < (int64_t)b;
        return true;
    case OP_LESS_UNSIGNED:
        *v = a < b;
        return true;
    default:
        return divide(op, a, b, v);
    }
}

/* The low `bits` of a value, with their sign or without. */
static bool extend(enum opcode op, uint64_t bits, uint64_t *v)
{
    if (!bits)
        return false;
    if (bits > 63)
        return true;
    const uint64_t mask = ((uint64_t)1 << bits) - 1;
    const bool negative = op == OP_EXT && *v >> (bits - 1) & 1;
    *v = negative ? *v | ~mask : *v & mask;
    return true;
}

static bool unary(const struct machine *m, enum opcode op, uint64_t operand, uint64_t *v)
{
    const uint64_t address = *v;
    switch (op) {
    case OP_LOG_NOT:
        *v = !*v;
        return true;
    case OP_BIT_NOT:
        *v = ~*v;
        return true;
    case OP_EXT:
    case OP_ZERO_EXT:
        return extend(op, operand, v);
    case OP_REF8:
    case OP_REF16:
    case OP_REF32:
    case OP_REF64:
        *v = 0;
        return m->t->memory(m->t->ctx, address, v, (size_t)1 << (op - OP_REF8));
    default:
        return true; /* trace_quick, trace16: what they collect is nobody's */
    }
}

/* ---------------------------------------------------------------- one instruction */

static void push(struct machine *m, uint64_t v)
{
    m->stack[m->depth++] = v;
}

/* Those that neither take one or two values and give one, nor jump. */
static bool other(struct machine *m, enum opcode op, uint64_t operand)
{
    uint64_t *top = m->stack + m->depth, v;
    switch (op) {
    case OP_DUP:
        push(m, top[-1]);
        return true;
    case OP_SWAP:
        v = top[-1];
        top[-1] = top[-2];
        top[-2] = v;
        return true;
    case OP_ROT: /* a b c: c a b */
        v = top[-1];
        top[-1] = top[-2];
        top[-2] = top[-3];
        top[-3] = v;
        return true;
    case OP_PICK:
        if (operand >= m->depth)
            return false;
        push(m, top[-1 - (long)operand]);
        return true;
    case OP_REG:
        if (!m->t->reg(m->t->ctx, (unsigned)operand, &v))
            return false;
        push(m, v);
        return true;
    case OP_POP:
    case OP_TRACE:
    case OP_TRACENZ:
        m->depth -= needs[op].pops;
        return true;
    default: /* constants */
        push(m, operand);
        return true;
    }
}

static bool execute(struct machine *m, enum opcode op, uint64_t operand)
{
    const struct opcode_needs *n = &needs[op];
    uint64_t *top = m->stack + m->depth;
    if (op == OP_GOTO || op == OP_IF_GOTO) {
        if (op == OP_GOTO || m->stack[--m->depth])
            m->pc = (size_t)operand;
        return true;
    }
    if (n->pushes != 1 || !n->pops)
        return other(m, op, operand);
    if (n->pops == 1)
        return unary(m, op, operand, &top[-1]);
    m->depth--;
    return binary(op, top[-2], top[-1], &top[-2]);
}

bool agent_evaluate(const uint8_t *code, size_t n, const struct agent_target *t, uint64_t *value)
{
    struct machine m = {.t = t};
    for (unsigned steps = 0; steps < STEPS && m.pc < n; steps++) {
        const uint8_t op = code[m.pc++];
        if (op >= OPCODE_END || !needs[op].known || needs[op].operand > n - m.pc ||
            needs[op].pops > m.depth || m.depth - needs[op].pops + needs[op].pushes > STACK)
            return false;
        uint64_t operand = 0;
        for (unsigned i = 0; i < needs[op].operand; i++)
            operand = operand << 8 | code[m.pc++];
        if (op == OP_END) {
            *value = m.stack[m.depth - 1];
            return true;
        }
        if (!execute(&m, op, operand))
            return false;
    }
    return false;
}
