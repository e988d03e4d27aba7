/* programs.c - see programs.h. */
#include "tests/unit/programs.h"

#include <string.h>

static uint64_t seed;

void any_from(uint64_t start)
{
    seed = start;
}

uint64_t any(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % n;
}

static void emit(struct program *p, uint64_t v, unsigned n)
{
    memcpy(p->code + p->size, &v, n);
    p->size += n;
}

uint64_t any_value(void)
{
    static const uint64_t edge[] = {
        0,          1,         UINT64_MAX,         0x7f,       0x80,       0xff, 0x7fff, 0x8000, 0x7fffffff,
        0x80000000, INT64_MAX, 0x8000000000000000, 0xffffffff, 0x100000000};
    uint64_t r = any(UINT64_MAX);
    return any(3) ? r : edge[any(sizeof edge / sizeof edge[0])];
}

/* Registers that hold addresses are hardly ever changed. */
static unsigned a_register(bool byte, bool rex)
{
    for (;;) {
        unsigned r = (unsigned)any(rex ? 16 : 8);
        bool address = byte && !rex ? r == 3 || r == 7 : r == RBX || r == RSP || r == RSI;
        if (!address || !any(300))
            return r;
    }
}

/* One instruction with a modrm byte. `map` 0x0f or 0; `ext` 0-7 or -1 for a register; `size` of both operands. */
static void modrm(struct program *p, unsigned size, unsigned map, unsigned opcode, int ext, bool to_memory,
                  unsigned imm)
{
    size = p->code32 && size == 8 ? 4 : size;
    bool rex = !p->code32 && (size == 8 || any(2)), mem = to_memory && any(5) < 2;
    unsigned reg = ext < 0 ? a_register(size == 1, rex) : (unsigned)ext, rm = a_register(size == 1, rex),
             base = 0;
    unsigned bits = 0x40 | (size == 8 ? 8 : 0) | reg >> 3 << 2;
    if (mem && !any(12))
        emit(p, 0x64, 1);
    if (mem && !any(100))
        emit(p, 0x67, 1);
    if (size == 2)
        emit(p, 0x66, 1);
    if (mem) {
        static const uint8_t bases[] = {RBX, RBX, RSI, RSP, 5};
        base = any(200) ? bases[any(5)] : (unsigned)any(8);
        rm = base;
    }
    if (rex)
        emit(p, bits | (mem ? 0 : rm >> 3), 1);
    if (map)
        emit(p, map, 1);
    emit(p, opcode, 1);
    if (!mem) {
        emit(p, 0xc0 | (reg & 7) << 3 | (rm & 7), 1);
    } else if (base == 5) { /* absolute or relative to rip: data, and now and then code */
        emit(p, (reg & 7) << 3 | 5, 1);
        uint64_t to = any(60) ? DATA + any(64) : CODE + any(p->size);
        emit(p, p->code32 ? to : to - (CODE + p->size + 4 + imm), 4);
    } else {
        emit(p, 0x40 | (reg & 7) << 3 | base, 1);
        if (base == RSP)
            emit(p, any(2) ? 0x24 : 0x23, 1); /* (rsp), (rbx) */
        emit(p, p->aligned ? any(16) * 16 : any(256), 1);
    }
    for (unsigned i = 0; i < imm; i++)
        emit(p, any(3) ? any(256) : any(2) * 0xff, 1);
}

static unsigned wide(void)
{
    static const uint8_t size[] = {2, 4, 4, 8, 8};
    return size[any(5)];
}
static unsigned any_size(void)
{
    return any(5) ? wide() : 1;
}

static unsigned imm_of(unsigned size)
{
    return size > 4 ? 4 : size;
}

static void arithmetic(struct program *p)
{
    unsigned size = any_size(), operation = (unsigned)any(8), form = (unsigned)any(3);
    if (form < 2)
        modrm(p, size, 0, operation * 8 + form * 2 + (size > 1), -1, true, 0);
    else if (size > 1 && any(2))
        modrm(p, size, 0, 0x83, (int)operation, true, 1);
    else
        modrm(p, size, 0, size > 1 ? 0x81 : 0x80, (int)operation, true, imm_of(size));
}

static void one_operand(struct program *p)
{
    unsigned size = any_size(), big = size > 1;
    switch (any(6)) {
    case 0:
    case 1:
        modrm(p, size, 0, 0xfe + big, (int)any(2), true, 0); /* INC, DEC */
        break;
    case 2:
        modrm(p, size, 0, 0xf6 + big, 2 + (int)any(2), true, 0); /* NOT, NEG */
        break;
    case 3:
        modrm(p, size, 0, 0xf6 + big, 0, true, imm_of(size)); /* TEST */
        break;
    case 4:
        modrm(p, size, 0, 0x84 + big, -1, true, 0);
        break;
    default:
        modrm(p, size, 0, 0xf6 + big, 4 + (int)any(2), true, 0); /* MUL, IMUL */
        break;
    }
}

static void move(struct program *p)
{
    static const uint8_t extend[] = {0xb6, 0xb7, 0xbe, 0xbf}; /* MOVZX, MOVSX */
    unsigned size = any_size(), bits = wide();
    switch (any(8)) {
    case 0:
        modrm(p, bits, 0x0f, extend[any(4)], -1, true, 0);
        break;
    case 1:
        modrm(p, any(2) ? 8 : 4, 0, 0x63, -1, true, 0);
        break;
    case 2:
        modrm(p, wide(), 0, 0x8d, -1, false, 0);
        p->code[p->size - 1] &= 0x7f; /* LEA needs a memory operand: (reg) with a byte of displacement */
        if ((p->code[p->size - 1] & 7) == 4)
            emit(p, 0x08 | any(8), 1); /* base and RCX as the index */
        emit(p, any(256), 1);
        break;
    case 3:
        modrm(p, size, 0, 0xc6 + (size > 1), 0, true, imm_of(size));
        break;
    case 4: {
        unsigned r = a_register(false, !p->code32);
        if (!p->code32)
            emit(p, 0x48 | r >> 3, 1);
        emit(p, 0xb8 | (r & 7), 1);
        emit(p, any_value(), p->code32 ? 4 : 8);
        break;
    }
    default:
        modrm(p, size, 0, 0x88 + 2 * any(2) + (size > 1), -1, true, 0);
        break;
    }
}

static void shift(struct program *p)
{
    static const uint8_t ext[] = {0, 1, 4, 5, 7, 2, 3, 4, 5, 7};
    unsigned size = any_size();
    int e = ext[any(10)];
    switch (any(3)) {
    case 0:
        modrm(p, size, 0, 0xd0 + (size > 1) + 2 * any(2), e, true, 0); /* by 1, by CL */
        break;
    default:
        modrm(p, size, 0, 0xc0 + (size > 1), e, true, 1);
        break;
    }
}

static void conditional(struct program *p)
{
    unsigned size = wide(), condition = (unsigned)any(16);
    if (any(2))
        modrm(p, size, 0x0f, 0x40 + condition, -1, true, 0); /* CMOV */
    else
        modrm(p, 1, 0x0f, 0x90 + condition, 0, true, 0); /* SET */
}

static void stack(struct program *p)
{
    switch (any(8)) {
    case 0:
        emit(p, 0x6a | any(256) << 8, 2);
        break;
    case 1:
        emit(p, 0x68 | any(1u << 31) << 8, 5);
        break;
    case 2:
        emit(p, 0x9c, 1); /* PUSHF */
        break;
    case 3:
        if (!p->code32)
            emit(p, 0x48, 1);
        emit(p, any(2) ? 0xec83 : 0xc483, 2); /* SUB, ADD of rsp */
        emit(p, any(8) ? 8 * any(8) : 8 * any(8) + 1, 1);
        break;
    default: {
        unsigned r = a_register(false, !p->code32);
        if (!p->code32)
            emit(p, 0x40 | r >> 3, 1);
        emit(p, (any(2) ? 0x50 : 0x58) | (r & 7), 1);
        break;
    }
    }
}

static void others(struct program *p)
{
    static const uint8_t byte[] = {0x90, 0x98, 0x99, 0xf5, 0xf8, 0xf9, 0xfc, 0x9f, 0x91, 0x92, 0x97, 0xc9};
    unsigned r = a_register(false, !p->code32), size = wide();
    switch (any(9)) {
    case 0:
        modrm(p, size, 0x0f, 0xaf, -1, true, 0); /* IMUL */
        break;
    case 1:
        modrm(p, size, 0, 0x6b, -1, true, 1);
        break;
    case 2:
        modrm(p, size, 0x0f, 0xa3 + 8 * any(4), -1, false, 0); /* BT … */
        break;
    case 3:
        modrm(p, size, 0x0f, 0xba, 4 + (int)any(4), true, 1);
        break;
    case 4:
        modrm(p, any_size(), 0, 0x87, -1, true, 0); /* XCHG */
        break;
    case 5:
        modrm(p, size, 0x0f, 0xb1 + 0x10 * any(2), -1, true, 0); /* CMPXCHG, XADD */
        break;
    case 6:
        if (!p->code32)
            emit(p, (any(2) ? 0x48 : 0x40) | r >> 3, 1);
        emit(p, 0x0f | (0xc8u | (r & 7)) << 8, 2); /* BSWAP */
        break;
    case 7:
        if (any(2))
            emit(p, 0x310f, 2); /* RDTSC */
        else
            emit(p, 0xf9010f, 3); /* RDTSCP */
        break;
    default:
        if (p->code32 && any(2))
            emit(p, 0x40 | any(16), 1); /* INC, DEC */
        else if (any(2))
            emit(p, 0x48, 1);
        emit(p, byte[any(sizeof byte - !!any(20))], 1);
        break;
    }
}

/* Multiplication, division (of what seldom overflows), bit scans, double shifts. */
static void more_arithmetic(struct program *p)
{
    unsigned size = wide(), smaller = any_size();
    switch (any(5)) {
    case 0:
        modrm(p, smaller, 0, 0xf7, 4 + (int)any(4), true, 0);
        break;
    case 1:
        emit(p, 0xd231, 2); /* XOR EDX, EDX; DIV */
        modrm(p, size, 0, 0xf7, 6, true, 0);
        break;
    case 2:
        if (size == 8 && !p->code32)
            emit(p, 0x48, 1);
        emit(p, 0x99, 1); /* CDQ, CQO; IDIV */
        modrm(p, size, 0, 0xf7, 7, true, 0);
        break;
    case 3:
        if (!any(3))
            emit(p, 0xc031, 2); /* XOR EAX, EAX */
        modrm(p, size, 0x0f, 0xbc + any(2), -1, true, 0);
        break;
    default:
        modrm(p, size, 0x0f, any(2) ? 0xa4 : 0xac, -1, true, 1);
        break;
    }
}

/* What reads and writes memory, or accesses it twice. */
static void more_memory(struct program *p)
{
    unsigned size = wide();
    switch (any(8)) {
    case 0: /* bits by a register, near the operand */
        emit(p, 0xb9 | (any(4096) - 2048) << 8, 5);
        modrm(p, size, 0x0f, 0xa3 + 8 * any(4), 1, true, 0);
        break;
    case 1: /* CMPXCHG with what may be equal */
        if (any(2))
            emit(p, 0xc031, 2);
        modrm(p, any_size(), 0x0f, 0xb1, -1, true, 0);
        break;
    case 2:
        modrm(p, p->code32 ? 4 : 8, 0, 0xff, 6, true, 0); /* PUSH */
        break;
    case 3:
        modrm(p, any_size(), 0x0f, 0xc1, -1, true, 0); /* XADD */
        break;
    case 4: /* CALL through memory, to a block */
        if (!p->code32)
            emit(p, 0x48, 1);
        emit(p, 0xb8, 1);
        emit(p, CODE + p->start[0], p->code32 ? 4 : 8);
        if (!p->code32)
            emit(p, 0x48, 1);
        emit(p, 0x104389, 3); /* MOV 16(rbx), rAX; CALL *16(rbx) */
        emit(p, 0x1053ff, 3);
        break;
    case 5:
        emit(p, any(2) ? 0xe8ae0f : 0x4b180f, 3); /* LFENCE, PREFETCHT0 … */
        if (p->code[p->size - 1] == 0x4b)
            emit(p, any(256), 1);
        break;
    case 6:
        emit(p, 0x9066, 2); /* NOP of two bytes */
        break;
    default:
        modrm(p, any(2) ? 4 : 8, 0, 0x87, -1, true, 0); /* XCHG */
        break;
    }
}

/* SSE2 instructions: opcodes with a 66 prefix; those with an immediate; shifts by an immediate; moves. */
static void vector(struct program *p)
{
    static const uint8_t plain[] = {
        0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x74, 0x75,
        0x76, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xe1,
        0xe2, 0xe3, 0xe4, 0xe5, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee, 0xef, 0xf1, 0xf2, 0xf3, 0xf4,
        0xf5, 0xf6, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0x14, 0x15, 0x54, 0x55, 0x56, 0x57};
    static const uint8_t moves[] = {0x10, 0x11, 0x28, 0x29, 0x12, 0x13, 0x16, 0x17, 0x6f, 0x7f, 0xd6};
    p->aligned = any(4);
    unsigned prefixed = any(2) ? 2 : 4; /* a size of two bytes stands for the prefix 66 */
    switch (any(8)) {
    case 0: /* MOVD, MOVQ */
        emit(p, 0x66, 1);
        modrm(p, prefixed == 2 ? 8 : 4, 0x0f, any(2) ? 0x6e : 0x7e, -1, true, 0);
        break;
    case 1:
        modrm(p, prefixed, 0x0f, moves[any(8)], -1, true, 0);
        break;
    case 2:
        if (any(2))
            emit(p, any(2) ? 0xf2 : 0xf3, 1);
        modrm(p, 4, 0x0f, moves[any(any(3) ? 2 : sizeof moves)], -1, true, 0);
        break;
    case 3:
        if (any(2))
            emit(p, any(2) ? 0xf2 : 0xf3, 1);
        modrm(p, prefixed, 0x0f, any(2) ? 0x70 : 0xc6, -1, true, 1);
        break;
    case 4: {
        static const uint8_t ext[] = {2, 4, 6, 3, 7};
        unsigned kind = ext[any(5)];
        emit(p, 0x0f66, 2);
        emit(p, 0x71 + any(3), 1);
        emit(p, 0xc0 | kind << 3 | any(8), 1);
        emit(p, any(any(2) ? 20 : 256), 1);
        break;
    }
    case 5:
        modrm(p, prefixed, 0x0f, any(2) ? 0xd7 : 0x50, -1, false, 0); /* PMOVMSKB … */
        break;
    case 6:
        if (!any(3)) {
            modrm(p, 2, 0x0f, 0x38, -1, false, 0); /* PSHUFB: the opcode goes before the modrm byte */
            p->code[p->size] = p->code[p->size - 1];
            p->code[p->size++ - 1] = 0;
            break;
        }
        __attribute__((fallthrough));
    default:
        modrm(p, 2, 0x0f, plain[any(sizeof plain)], -1, prefixed == 2, 0);
        break;
    }
    p->aligned = false;
}

/* MOVS, STOS and LODS to where they overlap what they read, or to the stack, whose translations contend with those of code. */
static void string(struct program *p)
{
    static const uint8_t opcode[] = {0xa4, 0xa5, 0xa5, 0xaa, 0xab, 0xac, 0xad};
    if (!any(3))
        emit(p, 0xfc | any(2), 1); /* CLD, STD */
    if (!p->code32)
        emit(p, 0x48, 1);
    if (any(2))
        emit(p, 0x7e8d, 2); /* LEA of RDI: RSI or RSP, and a byte */
    else
        emit(p, 0x247c8d, 3);
    emit(p, any(256), 1);
    emit(p, 0xb9 | any(any(4) ? 24 : 3000) << 8, 5); /* MOV to ECX */
    if (any(3))
        emit(p, 0xf3, 1);
    if (any(2))
        emit(p, any(2) ? 0x48 : 0x66, 1);
    emit(p, opcode[any(sizeof opcode)], 1);
}

static void instruction(struct program *p)
{
    static void (*const kind[])(struct program *) = {
        arithmetic, arithmetic, arithmetic, one_operand,     move,        move,   move,  shift, conditional,
        stack,      others,     others,     more_arithmetic, more_memory, vector, vector};
    if (!any(30)) {
        string(p);
        return;
    }
    kind[any(sizeof kind / sizeof kind[0])](p);
}

/* The target is filled in when all blocks are there. */
static void branch(struct program *p)
{
    switch (any(9)) {
    case 8:
        /* LOOP or JRCXZ, over a JMP */
        emit(p, any(3) ? 0x05e2 : 0x05e3, 2);
        /* fall through */
    case 0:
        emit(p, 0xe9, 1);
        break;
    case 1:
        emit(p, 0xe8, 1);
        break;
    case 2:
        if (!p->code32 &&
            !any(4)) { /* to a block, or to where only 57 bits reach it, or to where nothing does */
            static const uint64_t place[] = {0, FAR, FAR, 2 * FAR, 1ull << 56, 1ull << 47, 1ull << 63};
            emit(p, 0xb848, 2);
            emit(p, (CODE + p->start[any(p->nblocks)]) | place[any(7)], 8);
            if (any(2))
                emit(p, 0xc350, 2); /* PUSH RAX; RET */
            else
                emit(p, any(2) ? 0xe0ff : 0xd0ff, 2); /* JMP, CALL */
        } else if (any(4))
            emit(p, 0xc3, 1); /* RET: to what is on the stack */
        else
            modrm(p, 4, 0, 0xff, any(2) ? 2 : 4, true, 0); /* CALL, JMP */
        return;
    default:
        emit(p, 0x0f | (0x80 | any(16)) << 8, 2);
        break;
    }
    p->jump[p->njumps++] = p->size;
    emit(p, 0, 4);
}

void make_program(struct program *p)
{
    p->aligned = false;
    p->size = p->njumps = 0;
    p->code32 = !any(3);
    p->privileged = any(2);
    p->nblocks = 2 + (unsigned)any(10);
    for (unsigned i = 0; i < p->nblocks; i++) {
        p->start[i] = p->size;
        for (uint64_t n = any(14); n--;)
            instruction(p);
        branch(p);
    }
    emit(p, 0xe9, 1);
    p->jump[p->njumps++] = p->size;
    emit(p, 0, 4);
    for (unsigned i = 0; i < p->njumps; i++) {
        uint32_t offset = p->start[any(p->nblocks)] - (p->jump[i] + 4);
        memcpy(p->code + p->jump[i], &offset, 4);
    }
}
