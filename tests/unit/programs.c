/* programs.c - see programs.h. */
#include "tests/unit/programs_parts.h"

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

void program_emit(struct program *p, uint64_t v, unsigned n)
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

/* MOV of an immediate to a register, whose size is the code's. */
static void set_register(struct program *p, unsigned r, uint64_t v)
{
    if (!p->code32)
        program_emit(p, 0x48 | r >> 3, 1);
    program_emit(p, 0xb8 | (r & 7), 1);
    program_emit(p, v, p->code16 ? 2 : p->code32 ? 4 : 8);
}

/* Where segments have limits, small ones are more likely to meet them. */
static void displacement(struct program *p)
{
    program_emit(p, p->aligned ? any(16) * 16 : any(p->segmented && any(2) ? 16 : 256), 1);
}

/* The operand of 16-bit addresses: one of those registers that hold addresses, mostly, or none. */
static void operand16(struct program *p, unsigned reg)
{
    static const uint8_t place[] = {7, 7, 4, 7, 4, 5, 0, 2};
    if (!any(6)) {
        program_emit(p, (reg & 7) << 3 | 6, 1);
        program_emit(p, p->data + any(64) - p->segment[PROGRAM_DS].base, 2);
        return;
    }
    program_emit(p, 0x40 | (reg & 7) << 3 | place[any(any(20) ? 5 : 8)], 1);
    displacement(p);
}

void program_modrm(struct program *p, unsigned size, unsigned map, unsigned opcode, int ext, unsigned where,
                   unsigned imm)
{
    size = p->code32 && size == 8 ? 4 : size;
    bool rex = !p->code32 && (size == 8 || any(2)),
         mem = where == IN_MEMORY || (where == ANYWHERE && any(5) < 2);
    unsigned reg = ext < 0 ? a_register(size == 1, rex) : (unsigned)ext, rm = a_register(size == 1, rex),
             base = 0;
    unsigned bits = 0x40 | (size == 8 ? 8 : 0) | reg >> 3 << 2;
    bool other = mem && !any(p->code16 ? 4 : 100), small = other != p->code16;
    if (mem && !any(p->segmented ? 5 : 12))
        program_emit(p, p->segmented ? (uint64_t) "\x26\x2e\x36\x3e"[any(4)] : 0x64, 1);
    if (other)
        program_emit(p, 0x67, 1);
    if (size == 2 ? !p->code16 : size == 4 && p->code16)
        program_emit(p, 0x66, 1);
    if (mem && !(p->code32 && small)) {
        static const uint8_t bases[] = {RBX, RBX, RSI, RSP, 5};
        base = any(200) ? bases[any(5)] : (unsigned)any(8);
        rm = base;
    }
    if (rex)
        program_emit(p, bits | (mem ? 0 : rm >> 3), 1);
    if (map)
        program_emit(p, map, map > 0xff ? 2 : 1);
    program_emit(p, opcode, 1);
    if (!mem) {
        program_emit(p, 0xc0 | (reg & 7) << 3 | (rm & 7), 1);
    } else if (p->code32 && small) {
        operand16(p, reg);
    } else if (base == 5) { /* absolute or relative to rip: data, and now and then code */
        program_emit(p, (reg & 7) << 3 | 5, 1);
        uint64_t to = any(60) ? p->data + any(64) : CODE + any(p->size);
        program_emit(p, p->code32 ? to - p->segment[PROGRAM_DS].base : to - (CODE + p->size + 4 + imm), 4);
    } else {
        program_emit(p, 0x40 | (reg & 7) << 3 | base, 1);
        if (base == RSP)
            program_emit(p, any(2) ? 0x24 : 0x23, 1); /* (rsp), (rbx) */
        displacement(p);
    }
    for (unsigned i = 0; i < imm; i++)
        program_emit(p, any(3) ? any(256) : any(2) * 0xff, 1);
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
        program_modrm(p, size, 0, operation * 8 + form * 2 + (size > 1), -1, ANYWHERE, 0);
    else if (size > 1 && any(2))
        program_modrm(p, size, 0, 0x83, (int)operation, ANYWHERE, 1);
    else
        program_modrm(p, size, 0, size > 1 ? 0x81 : 0x80, (int)operation, ANYWHERE, imm_of(size));
}

static void one_operand(struct program *p)
{
    unsigned size = any_size(), big = size > 1;
    switch (any(6)) {
    case 0:
    case 1:
        program_modrm(p, size, 0, 0xfe + big, (int)any(2), ANYWHERE, 0); /* INC, DEC */
        break;
    case 2:
        program_modrm(p, size, 0, 0xf6 + big, 2 + (int)any(2), ANYWHERE, 0); /* NOT, NEG */
        break;
    case 3:
        program_modrm(p, size, 0, 0xf6 + big, 0, ANYWHERE, imm_of(size)); /* TEST */
        break;
    case 4:
        program_modrm(p, size, 0, 0x84 + big, -1, ANYWHERE, 0);
        break;
    default:
        program_modrm(p, size, 0, 0xf6 + big, 4 + (int)any(2), ANYWHERE, 0); /* MUL, IMUL */
        break;
    }
}

static void move(struct program *p)
{
    static const uint8_t extend[] = {0xb6, 0xb7, 0xbe, 0xbf}; /* MOVZX, MOVSX */
    unsigned size = any_size(), bits = wide();
    switch (any(8)) {
    case 0:
        program_modrm(p, bits, 0x0f, extend[any(4)], -1, ANYWHERE, 0);
        break;
    case 1:
        program_modrm(p, any(2) ? 8 : 4, 0, 0x63, -1, ANYWHERE, 0);
        break;
    case 2:
        program_modrm(p, wide(), 0, 0x8d, -1, IN_REGISTER, 0);
        p->code[p->size - 1] &= 0x7f; /* LEA needs a memory operand: (reg) with a byte of displacement */
        if ((p->code[p->size - 1] & 7) == 4 && !p->code16)
            program_emit(p, 0x08 | any(8), 1); /* base and RCX as the index */
        program_emit(p, any(256), 1);
        break;
    case 3:
        program_modrm(p, size, 0, 0xc6 + (size > 1), 0, ANYWHERE, imm_of(size));
        break;
    case 4: {
        if (p->code16 && any(2))
            program_emit(p, 0x66 | (0xb8 | a_register(false, false)) << 8 | any_value() << 16, 6);
        else
            set_register(p, a_register(false, !p->code32), any_value());
        break;
    }
    default:
        program_modrm(p, size, 0, 0x88 + 2 * any(2) + (size > 1), -1, ANYWHERE, 0);
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
        program_modrm(p, size, 0, 0xd0 + (size > 1) + 2 * any(2), e, ANYWHERE, 0); /* by 1, by CL */
        break;
    default:
        program_modrm(p, size, 0, 0xc0 + (size > 1), e, ANYWHERE, 1);
        break;
    }
}

static void conditional(struct program *p)
{
    unsigned size = wide(), condition = (unsigned)any(16);
    if (any(2))
        program_modrm(p, size, 0x0f, 0x40 + condition, -1, ANYWHERE, 0); /* CMOV */
    else
        program_modrm(p, 1, 0x0f, 0x90 + condition, 0, ANYWHERE, 0); /* SET */
}

/* ENTER, of a level seldom, and mostly LEAVE. */
static void frame(struct program *p)
{
    static const uint16_t locals[] = {0, 1, 2, 6, 8, 16, 100, 1000, 2000, 5000};
    program_emit(p, 0xc8, 1);
    program_emit(p, locals[any(sizeof locals / sizeof locals[0])], 2);
    program_emit(p, any(6) ? 0 : any(4), 1);
    if (any(4))
        program_emit(p, 0xc9, 1);
}

static void stack(struct program *p)
{
    if (!any(12)) {
        frame(p);
        return;
    }
    switch (any(p->segmented ? 9 : 8)) {
    case 8:
        program_emit(p, 0xe589, 2); /* MOV BP, SP; LEAVE */
        program_emit(p, 0xc9, 1);
        break;
    case 0:
        program_emit(p, 0x6a | any(256) << 8, 2);
        break;
    case 1:
        program_emit(p, 0x68 | any(1u << 31) << 8, p->code16 ? 3 : 5);
        break;
    case 2:
        program_emit(p, 0x9c, 1); /* PUSHF */
        break;
    case 3:
        if (!p->code32)
            program_emit(p, 0x48, 1);
        program_emit(p, any(2) ? 0xec83 : 0xc483, 2); /* SUB, ADD of rsp */
        program_emit(p, any(8) ? 8 * any(8) : 8 * any(8) + 1, 1);
        break;
    default: {
        unsigned r = a_register(false, !p->code32);
        if (!p->code32)
            program_emit(p, 0x40 | r >> 3, 1);
        else if (p->segmented && !any(3))
            program_emit(p, 0x66, 1);
        program_emit(p, (any(2) ? 0x50 : 0x58) | (r & 7), 1);
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
        program_modrm(p, size, 0x0f, 0xaf, -1, ANYWHERE, 0); /* IMUL */
        break;
    case 1:
        program_modrm(p, size, 0, 0x6b, -1, ANYWHERE, 1);
        break;
    case 2:
        program_modrm(p, size, 0x0f, 0xa3 + 8 * any(4), -1, IN_REGISTER, 0); /* BT … */
        break;
    case 3:
        program_modrm(p, size, 0x0f, 0xba, 4 + (int)any(4), ANYWHERE, 1);
        break;
    case 4:
        program_modrm(p, any_size(), 0, 0x87, -1, ANYWHERE, 0); /* XCHG */
        break;
    case 5:
        program_modrm(p, size, 0x0f, 0xb1 + 0x10 * any(2), -1, ANYWHERE, 0); /* CMPXCHG, XADD */
        break;
    case 6:
        if (!p->code32)
            program_emit(p, (any(2) ? 0x48 : 0x40) | r >> 3, 1);
        program_emit(p, 0x0f | (0xc8u | (r & 7)) << 8, 2); /* BSWAP */
        break;
    case 7:
        if (any(2))
            program_emit(p, 0x310f, 2); /* RDTSC */
        else
            program_emit(p, 0xf9010f, 3); /* RDTSCP */
        break;
    default:
        if (p->code32 && any(2))
            program_emit(p, 0x40 | any(16), 1); /* INC, DEC */
        else if (any(2))
            program_emit(p, 0x48, 1);
        program_emit(p, byte[any(sizeof byte - !!any(p->segmented ? 3 : 20))], 1);
        break;
    }
}

/* Multiplication, division (of what seldom overflows), bit scans, double shifts. */
static void more_arithmetic(struct program *p)
{
    unsigned size = wide(), smaller = any_size();
    switch (any(5)) {
    case 0:
        program_modrm(p, smaller, 0, 0xf7, 4 + (int)any(4), ANYWHERE, 0);
        break;
    case 1:
        program_emit(p, 0xd231, 2); /* XOR EDX, EDX; DIV */
        program_modrm(p, size, 0, 0xf7, 6, ANYWHERE, 0);
        break;
    case 2:
        if (size == 8 && !p->code32)
            program_emit(p, 0x48, 1);
        program_emit(p, 0x99, 1); /* CDQ, CQO; IDIV */
        program_modrm(p, size, 0, 0xf7, 7, ANYWHERE, 0);
        break;
    case 3:
        if (!any(3))
            program_emit(p, 0xc031, 2); /* XOR EAX, EAX */
        program_modrm(p, size, 0x0f, 0xbc + any(2), -1, ANYWHERE, 0);
        break;
    default:
        program_modrm(p, size, 0x0f, any(2) ? 0xa4 : 0xac, -1, ANYWHERE, 1);
        break;
    }
}

/* What reads and writes memory, or accesses it twice. */
static void more_memory(struct program *p)
{
    unsigned size = wide();
    switch (any(8)) {
    case 0: /* bits by a register, near the operand */
        if (p->code16)
            program_emit(p, 0x66, 1);
        program_emit(p, 0xb9 | (any(4096) - 2048) << 8, 5);
        program_modrm(p, size, 0x0f, 0xa3 + 8 * any(4), 1, ANYWHERE, 0);
        break;
    case 1: /* CMPXCHG with what may be equal */
        if (any(2))
            program_emit(p, 0xc031, 2);
        program_modrm(p, any_size(), 0x0f, 0xb1, -1, ANYWHERE, 0);
        break;
    case 2:
        program_modrm(p, p->code32 ? 4 : 8, 0, 0xff, 6, ANYWHERE, 0); /* PUSH */
        break;
    case 3:
        program_modrm(p, any_size(), 0x0f, 0xc1, -1, ANYWHERE, 0); /* XADD */
        break;
    case 4: /* CALL through memory, to a block */
        set_register(p, RAX, CODE + p->start[0] - p->segment[PROGRAM_CS].base);
        if (!p->code32)
            program_emit(p, 0x48, 1);
        program_emit(p, p->code16 ? 0x104789 : 0x104389, 3); /* MOV 16(rbx), rAX; CALL *16(rbx) */
        program_emit(p, p->code16 ? 0x1057ff : 0x1053ff, 3);
        break;
    case 5:
        program_emit(p, any(2) ? 0xe8ae0f : 0x4b180f, 3); /* LFENCE, PREFETCHT0 … */
        if (p->code[p->size - 1] == 0x4b)
            program_emit(p, any(256), 1);
        break;
    case 6:
        program_emit(p, any(2) ? 0x9066 : 0x90f3, 2); /* NOP of two bytes, PAUSE */
        break;
    default:
        program_modrm(p, any(2) ? 4 : 8, 0, 0x87, -1, ANYWHERE, 0); /* XCHG */
        break;
    }
}

/* DPPS or DPPD, often of a register that is made NaNs before: which of them comes out? */
static void dot_product(struct program *p)
{
    const unsigned nans = (unsigned)any(8);
    if (any(2)) {
        program_emit(p, 0xc0760f66 | nans * 9 << 24, 4);             /* PCMPEQD: all ones */
        program_emit(p, 0x17f0720f66 | (uint64_t)nans << 24, 5);     /* PSLLD by 23 */
        program_emit(p, 0x01d0720f66 | (uint64_t)nans << 24, 5);     /* PSRLD by 1 */
        program_emit(p, 0xc0eb0f66 | (nans << 3 | any(8)) << 24, 4); /* POR */
        program_emit(p, 0x403a0f66, 4);                              /* DPPS */
        program_emit(p, 0xc0 | nans << 3 | any(8) | any(256) << 8, 2);
        return;
    }
    program_emit(p, 0x66, 1);
    program_modrm(p, 4, 0x3a0f, any(2) ? 0x40 : 0x41, -1, ANYWHERE, 1);
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
        program_emit(p, 0x66, 1);
        program_modrm(p, prefixed == 2 ? 8 : 4, 0x0f, any(2) ? 0x6e : 0x7e, -1, ANYWHERE, 0);
        break;
    case 1:
        program_modrm(p, prefixed, 0x0f, moves[any(8)], -1, ANYWHERE, 0);
        break;
    case 2:
        if (any(2))
            program_emit(p, any(2) ? 0xf2 : 0xf3, 1);
        program_modrm(p, 4, 0x0f, moves[any(any(3) ? 2 : sizeof moves)], -1, ANYWHERE, 0);
        break;
    case 3:
        if (any(2))
            program_emit(p, any(2) ? 0xf2 : 0xf3, 1);
        program_modrm(p, prefixed, 0x0f, any(2) ? 0x70 : 0xc6, -1, ANYWHERE, 1);
        break;
    case 4: {
        static const uint8_t ext[] = {2, 4, 6, 3, 7};
        unsigned kind = ext[any(5)];
        program_emit(p, 0x0f66, 2);
        program_emit(p, 0x71 + any(3), 1);
        program_emit(p, 0xc0 | kind << 3 | any(8), 1);
        program_emit(p, any(any(2) ? 20 : 256), 1);
        break;
    }
    case 5:
        program_modrm(p, prefixed, 0x0f, any(2) ? 0xd7 : 0x50, -1, IN_REGISTER, 0); /* PMOVMSKB … */
        break;
    case 6:
        if (!any(3)) {
            program_emit(p, 0x66, 1);
            program_modrm(p, 4, 0x380f, 0x00, -1, ANYWHERE, 0); /* PSHUFB */
            break;
        } else if (!any(3)) {
            dot_product(p);
            break;
        }
        __attribute__((fallthrough));
    default:
        program_modrm(p, 2, 0x0f, plain[any(sizeof plain)], -1, prefixed == 2, 0);
        break;
    }
    p->aligned = false;
}

/* MOVS, STOS and LODS to where they overlap what they read, or to the stack, whose translations contend with those of code. */
static void string(struct program *p)
{
    static const uint8_t opcode[] = {0xa4, 0xa5, 0xa5, 0xaa, 0xab, 0xac, 0xad};
    if (!any(3))
        program_emit(p, 0xfc | any(2), 1); /* CLD, STD */
    if (!p->code32)
        program_emit(p, 0x48, 1);
    if (p->code16)
        program_emit(p, 0x7c8d, 2); /* LEA of RDI: RSI or RSP, and a byte */
    else if (any(2))
        program_emit(p, 0x7e8d, 2);
    else
        program_emit(p, 0x247c8d, 3);
    program_emit(p, any(256), 1);
    set_register(p, RCX, any(any(4) ? 24 : 3000));
    if (p->code16 && !any(5))
        program_emit(p, 0x67, 1);
    if (any(3))
        program_emit(p, 0xf3, 1);
    if (any(2))
        program_emit(p, any(2) ? 0x48 : 0x66, 1);
    program_emit(p, opcode[any(sizeof opcode)], 1);
}

/* Loads and stores of segment registers. In protected mode there are no selectors to load. */
static void segment(struct program *p)
{
    static const uint16_t push[] = {0x06, 0x0e, 0x16, 0x1e, 0xa00f, 0xa80f},
                          pop[] = {0x07, 0x1f, 0x1f, 0x07, 0xa10f, 0xa90f};
    static const uint8_t data[] = {0, 3, 4, 5};
    const unsigned which = (unsigned)any(6), kind = (unsigned)any(p->real ? 6 : 3);
    if (kind != 4 && !any(6))
        program_emit(p, kind ? 0x66 : 0x26, 1);
    switch (kind) {
    case 0:
        program_emit(p, 0xd7, 1); /* XLAT */
        break;
    case 1:
        program_modrm(p, 2, 0, 0x8c, (int)which, ANYWHERE, 0);
        break;
    case 2:
        program_emit(p, push[which], which < 4 ? 1 : 2);
        break;
    case 3:
        program_emit(p, pop[which], which < 4 ? 1 : 2);
        break;
    case 4:
        program_modrm(p, 2, 0, 0x8e, any(20) ? data[any(4)] : (int)which, ANYWHERE, 0);
        break;
    default: /* LES, LDS, LFS, LGS */
        if (any(2))
            program_emit(p, 0xc4 + any(2), 1);
        else
            program_emit(p, 0x0f | (0xb4 + any(2)) << 8, 2);
        operand16(p, a_register(false, false));
        break;
    }
}

/* Accesses to a frame, mostly one that lies in two pages: the stack pointer is rounded up to a page, and goes down. */
static void page_frame(struct program *p)
{
    const bool wide = !p->code32;
    if (p->segmented)
        return;
    if (any(4)) {
        program_emit(p, wide ? 0x24a48d48 : 0x24a48d, wide ? 4 : 3); /* LEA rSP, [rSP + 4095] */
        program_emit(p, PAGE - 1, 4);
        program_emit(p, wide ? 0xe48148 : 0xe481, wide ? 3 : 2); /* AND rSP, -4096 */
        program_emit(p, (uint32_t)-PAGE, 4);
    }
    program_emit(p, wide ? 0xec8348 : 0xec83, wide ? 3 : 2); /* SUB rSP, up to 28 */
    program_emit(p, 4 * any(8), 1);
    for (unsigned n = 2 + (unsigned)any(5); n--;) {
        static const uint32_t access[] = {0x2474ff, 0x2474ff, 0x24448b, 0x244489, 0x244c8b, 0x245489};
        program_emit(p, access[any(6)], 3); /* PUSH, MOV: [rSP + up to 28] */
        program_emit(p, 4 * any(8), 1);
    }
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
    if (!any(30)) {
        page_frame(p);
        return;
    }
    if (p->x87 && any(2))
        x87_instructions(p);
    else if (p->segmented && !any(12))
        segment(p);
    else
        kind[any(sizeof kind / sizeof kind[0])](p);
}

/* A branch of `n` bytes and its target, which is filled in when all blocks are there: of 2 bytes in 16-bit code, else of 4; with a
 * prefix the other way round. */
static void relative(struct program *p, unsigned opcode, unsigned n)
{
    const bool prefix = p->segmented && !any(p->code16 ? 4 : 16);
    if (prefix)
        program_emit(p, 0x66, 1);
    program_emit(p, opcode, n);
    p->jump[p->njumps].at = p->size;
    p->jump[p->njumps].bytes = p->code16 != prefix ? 2 : 4;
    program_emit(p, 0, p->jump[p->njumps++].bytes);
}

/* To a block, or to what is on the stack, by an address in rAX. */
static void indirect(struct program *p, uint64_t to)
{
    set_register(p, RAX, to);
    if (any(2))
        program_emit(p, 0xc350, 2); /* PUSH RAX; RET */
    else
        program_emit(p, any(2) ? 0xe0ff : 0xd0ff, 2); /* JMP, CALL */
}

static void branch(struct program *p)
{
    switch (any(9)) {
    case 8: { /* LOOP or JRCXZ, over a JMP */
        const unsigned at = p->size;
        program_emit(p, any(3) ? 0x00e2 : 0x00e3, 2);
        relative(p, 0xe9, 1);
        p->code[at + 1] = (uint8_t)(p->size - at - 2);
        return;
    }
    case 0:
        relative(p, 0xe9, 1);
        return;
    case 1:
        relative(p, 0xe8, 1);
        return;
    case 2:
        if (!p->code32 &&
            !any(4)) { /* to a block, or to where only 57 bits reach it, or to where nothing does */
            static const uint64_t place[] = {0, FAR, FAR, 2 * FAR, 1ull << 56, 1ull << 47, 1ull << 63};
            indirect(p, (CODE + p->start[any(p->nblocks)]) | place[any(7)]);
        } else if (p->segmented && any(3)) {
            indirect(p, CODE + p->start[any(p->nblocks)] - p->segment[PROGRAM_CS].base);
        } else if (any(4))
            program_emit(p, 0xc3, 1); /* RET: to what is on the stack */
        else
            program_modrm(p, 4, 0, 0xff, any(2) ? 2 : 4, ANYWHERE, 0); /* CALL, JMP */
        return;
    default:
        relative(p, 0x0f | (0x80 | (unsigned)any(16)) << 8, 2);
        break;
    }
}

static uint16_t segment_attr(const struct program *p, unsigned i)
{
    enum { DATA_RW = 0x93, DATA_RO = 0x91, DATA_DOWN = 0x97, CODE_RX = 0x9b, CODE_X = 0x99, BIG = 0xc000 };
    const unsigned big = i == PROGRAM_CS ? !p->code16
                         : any(2)        ? !p->code16
                                         : (unsigned)any(2),
                   ring = p->privileged ? 0 : 3 << 5;
    unsigned type = i == PROGRAM_CS ? CODE_RX : DATA_RW;
    if (!any(6))
        type = i == PROGRAM_CS ? CODE_X : any(2) ? DATA_RO : DATA_DOWN;
    return (uint16_t)(type | ring | (big ? BIG : 0));
}

/* The program's code begins anywhere in its first page, and may go on in the next one. */
static void place_code(struct program *p)
{
    if (p->segmented && any(2))
        p->size = any(2) ? (unsigned)any(PAGE) : PAGE - (unsigned)any(300);
    memset(p->code, 0, p->size);
}

/* What is used of a segment is about here. */
static uint32_t used_place(const struct program *p, unsigned i)
{
    if (i == PROGRAM_CS)
        return any(2) ? CODE + PAGE : CODE + p->size + (uint32_t)any(400);
    if (i == PROGRAM_SS)
        return STACK + 2 * PAGE - (uint32_t)any(0x300);
    if (any(2))
        return p->data + 0x800 + (uint32_t)any(any(2) ? 16 : 256);
    return p->data + (any(2) ? PAGE : 2 * PAGE) + (uint32_t)any(64) - 16;
}

/* Bases, so that 16 bits reach what is used, and limits: mostly far away, sometimes in the midst of it. Code may end where 16 bits do. */
static void make_segments(struct program *p)
{
    p->data = p->segmented && !any(8) ? CODE : DATA;
    for (unsigned i = 0; i < PROGRAM_SEGMENTS; i++) {
        struct program_segment *s = &p->segment[i];
        const uint32_t to = i == PROGRAM_CS ? CODE : i == PROGRAM_SS ? STACK : p->data;
        const uint32_t before = (uint32_t)(any(2) ? any(12) * PAGE : any(0xc00) * 16);
        *s = (struct program_segment){.limit = UINT32_MAX};
        if (!p->segmented)
            continue;
        s->base = to - before;
        if (i == PROGRAM_CS && !any(3))
            s->base = p->code16 ? used_place(p, i) - 0x10000 : s->base - 0x20000;
        s->limit = any(2) && to - s->base < 0x10000 ? 0xffff
                   : any(2)                         ? UINT32_MAX
                                                    : used_place(p, i) - s->base - 1;
        s->attr = segment_attr(p, i);
    }
}

void make_program(struct program *p, bool x87)
{
    p->x87 = x87;
    p->depth = 0;
    p->aligned = false;
    p->size = p->njumps = 0;
    p->code32 = any(3) < 2;
    p->segmented = p->code32 && any(2);
    p->code16 = p->segmented && any(3);
    p->real = p->code16 && any(2);
    p->privileged = p->real || any(2);
    place_code(p);
    make_segments(p);
    if (x87)
        x87_state(p);
    p->nblocks = 2 + (unsigned)any(10);
    for (unsigned i = 0; i < p->nblocks; i++) {
        p->start[i] = p->size;
        for (uint64_t n = any(14); n--;)
            instruction(p);
        branch(p);
    }
    relative(p, 0xe9, 1);
    for (unsigned i = 0; i < p->njumps; i++) {
        const unsigned at = p->jump[i].at, bytes = p->jump[i].bytes;
        const uint32_t offset = p->start[any(p->nblocks)] - (at + bytes);
        memcpy(p->code + at, &offset, bytes);
    }
}
