/* test_compile.c - compiled code against the interpreter: random programs of 64-bit and 32-bit code, with SSE2 instructions, in two processors, one of which compiles
 * each block when it is first entered. They are run in the same pieces, and must be equal after each.
 *
 * COMPILE_SEED and COMPILE_PROGRAMS: the first program, and how many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hv/x86/x86.h"
#include "traces/memory.h"
#include "core/engine/engines.h"

enum { RAM = 8 << 20, CODE = 0x200000, DATA = 0x400000, STACK = 0x600000, PAGES = 4, PAGE = 4096 };
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

/* ---------------------------------------------------------------- a processor */

/* Time is the steps made: those of earlier runs, and of the present one. */
struct clock {
    struct x86 *cpu;
    uint64_t before;
};

struct machine {
    struct clock *clock;
    struct physmem *mem;
    struct ramblock *ram;
    struct x86 *cpu;
    uint8_t *host;
    uint32_t epoch;
};

static uint64_t bus_time(void *ctx)
{
    const struct clock *c = ctx;
    return c->before + (c->cpu ? x86_steps(c->cpu) : 0);
}

static void put64(uint8_t *at, uint64_t v)
{
    memcpy(at, &v, 8);
}

/* Code and stack are mapped to themselves, the pages of data in reverse order; there is nothing behind them. The third page of data is
 * read-only. With five levels the same is mapped once more at FAR. */
#define FAR (1ull << 48)
enum { PML5 = 0, PML4 = 0x1000, CR4_LA57 = 1 << 12 };
static void make_tables(uint8_t *ram)
{
    put64(ram + PML5, PML4 | 0x67);
    put64(ram + PML5 + 8, PML4 | 0x67);
    put64(ram + 0x1000, 0x2000 | 0x67);
    put64(ram + 0x2000, 0x3000 | 0x67);
    for (unsigned i = 1; i < 4; i++) {
        put64(ram + 0x3000 + 8 * i, (0x4000 + i * 0x1000) | 0x67);
        for (unsigned k = 0; k < PAGES; k++) {
            bool data = i * 0x200000 == DATA;
            uint64_t frame = i * 0x200000 + (data ? PAGES - 1 - k : k) * PAGE;
            put64(ram + 0x4000 + i * 0x1000 + 8 * k, frame | (data && k == 2 ? 0x25 : 0x27));
        }
    }
}

static struct machine make(const char *compile, bool la57)
{
    struct machine m = {.epoch = 1, .clock = mem_zero(1, sizeof *m.clock)};
    struct x86_bus bus = x86_empty_bus;
    bus.ctx = m.clock;
    bus.time = bus_time;
    struct error err;
    const struct engine_host host = engine_host_of(compile, NULL);
    m.mem = physmem_create(RAM, &host);
    m.ram = physmem_block(m.mem, "ram", RAM);
    physmem_map(m.mem, 0, RAM, m.ram, 0, m.ram, 0, false);
    m.host = ramblock_host(m.ram);
    make_tables(m.host);
    physmem_touch(m.mem, m.ram, 0, 0x8000);
    m.cpu = x86_create(m.mem, &bus, 0, "max", &err);
    assert_non_null(m.cpu);
    m.clock->cpu = m.cpu;
    x86_host(m.cpu);
    if (la57)
        x86_set(m.cpu, "cr4", x86_get(m.cpu, "cr4") | CR4_LA57);
    x86_user_space(m.cpu, la57 ? PML5 : PML4);
    return m;
}

static void end(struct machine *m)
{
    x86_destroy(m->cpu);
    physmem_destroy(m->mem);
    free(m->clock);
}

static enum x86_exit run(struct machine *m, uint64_t steps, uint64_t *done)
{
    enum x86_exit end = x86_run(m->cpu, steps, done);
    m->clock->before += *done;
    return end;
}

/* ---------------------------------------------------------------- random programs */

static uint64_t seed;

static uint64_t any(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % n;
}

struct program {
    bool code32;     /* 32-bit code in flat segments; else 64-bit code */
    bool privileged; /* CPL 0 */
    bool aligned;    /* displacements are multiples of 16 */
    uint8_t code[2 * PAGE];
    unsigned size, start[16], nblocks, jump[64], njumps;
};

static void emit(struct program *p, uint64_t v, unsigned n)
{
    memcpy(p->code + p->size, &v, n);
    p->size += n;
}

/* Often one with which carries and signs are at stake. */
static uint64_t value(void)
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
        emit(p, value(), p->code32 ? 4 : 8);
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
    switch (any(8)) {
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

static void make_program(struct program *p)
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

/* ---------------------------------------------------------------- comparing */

static void start(struct machine *m, const struct program *p, const struct x86_user *u)
{
    physmem_write(m->mem, CODE, p->code, p->size);
    x86_user_set(m->cpu, u);
    uint8_t fx[X86_FX_SIZE];
    x86_user_fx_get(m->cpu, fx);
    for (unsigned i = 0; i < 16 * 16; i += 8) /* the XMM registers */
        put64(fx + 160 + i, (u->gpr[i / 16] ^ u->gpr[15 - i / 16] << (i & 8)) * (i / 16 + 1));
    assert_true(x86_user_fx_set(m->cpu, fx));
    const unsigned ring = p->privileged ? 0 : 3, dpl = ring << 5;
    if (!p->code32 && !p->privileged)
        return;
    x86_set_segment(m->cpu, "cs", (uint16_t)(0x20 | ring), 0, UINT32_MAX,
                    (p->code32 ? 0xc09b : 0xa09b) | dpl);
    for (unsigned i = 0; i < 3; i++)
        x86_set_segment(m->cpu, &"ss\0ds\0es"[3 * i], (uint16_t)(0x28 | ring), 0, UINT32_MAX, 0xc093 | dpl);
}

static struct x86_user random_user(const struct program *p)
{
    struct x86_user u = {.cs = 0x33, .ss = 0x2b, .rip = CODE + p->start[any(p->nblocks)]};
    u.rflags = 0x202 | (any(0x1000) & 0x8d5);
    for (unsigned i = 0; i < 16; i++)
        u.gpr[i] = value();
    u.gpr[RBX] = DATA + 0x800 + (any(2) ? any(16) : 0);
    u.gpr[RSI] = DATA + PAGE - 8 + any(16);
    u.gpr[RSP] = STACK + 2 * PAGE - 8 * any(100);
    if (!any(4))
        u.gpr[RSI] = CODE + any(p->size); /* data beside code, and code as data */
    if (!any(4))
        u.gpr[RBX] = DATA + 2 * PAGE + any(0x200) - 0x100;
    u.fs_base = any(64) | (any(4) ? 0 : FAR);
    if (p->code32)
        for (unsigned i = 0; i < 16; i++) { /* 32-bit addresses have no use for it */
            u.gpr[i] |= any(2) << 32;
            u.gpr[i] |= any(2) << 63;
        }
    return u;
}

static void differ(uint64_t first, uint64_t steps, const char *what, uint64_t a, uint64_t b)
{
    fail_msg(
        "program %llu, after %llu steps: %s is %llx interpreted, %llx compiled (COMPILE_SEED=%llu COMPILE_PROGRAMS=1)",
        (unsigned long long)first, (unsigned long long)steps, what, (unsigned long long)a,
        (unsigned long long)b, (unsigned long long)first);
}

static void compare(struct machine *a, struct machine *b, uint64_t first, uint64_t steps)
{
    static const char *const name[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                       "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    struct x86_user x, y;
    x86_user_get(a->cpu, &x);
    x86_user_get(b->cpu, &y);
    if (x.rip != y.rip)
        differ(first, steps, "rip", x.rip, y.rip);
    for (unsigned i = 0; i < 16; i++)
        if (x.gpr[i] != y.gpr[i])
            differ(first, steps, name[i], x.gpr[i], y.gpr[i]);
    if (x.rflags != y.rflags)
        differ(first, steps, "rflags", x.rflags, y.rflags);
    uint8_t fx[2][X86_FX_SIZE];
    x86_user_fx_get(a->cpu, fx[0]);
    x86_user_fx_get(b->cpu, fx[1]);
    for (unsigned i = 0; i < X86_FX_SIZE; i++)
        if (fx[0][i] != fx[1][i])
            differ(first, steps, "the FXSAVE area", i << 8 | fx[0][i], i << 8 | fx[1][i]);
    for (unsigned at = CODE; at < STACK + PAGES * PAGE; at += 0x200000)
        if (memcmp(a->host + at, b->host + at, PAGES * PAGE))
            for (unsigned i = at; i < at + PAGES * PAGE; i++)
                if (a->host[i] != b->host[i])
                    differ(first, steps, "memory", (uint64_t)i << 8 | a->host[i],
                           (uint64_t)i << 8 | b->host[i]);
}

static void count_page(void *ctx, const char *region, uint64_t index, const void *data)
{
    uint64_t *sum = ctx;
    *sum = (*sum ^ index) * 0x9e3779b97f4a7c15u;
}

/* The pages that were changed since the last call. */
static uint64_t changed(struct machine *m)
{
    uint64_t sum = 0;
    const struct snapshot_sink sink = {.ctx = &sum, .page = count_page};
    physmem_save(m->mem, &sink, m->epoch, m->epoch);
    m->epoch++;
    return sum;
}

/* One step after the other. */
static enum x86_exit run_by_steps(struct machine *m, uint64_t steps, uint64_t *done)
{
    enum x86_exit end = X86_DONE;
    for (*done = 0; *done < steps && end == X86_DONE;) {
        uint64_t n;
        end = run(m, 1, &n);
        *done += n;
    }
    return end;
}

/* Both watch the same bytes, and must stop at the same steps. The interpreter also watches two pages of which nothing is
 * written: so each of its stores to the page of those bytes is looked at, and not only those near them. */
static void watch(struct machine *a, struct machine *b)
{
    static const uint64_t near[] = {DATA, DATA + 0x780, DATA + PAGE - 128, STACK + 2 * PAGE - 256, CODE};
    const struct stop_point s[] = {
        {.id = 1,
         .kind = any(2) ? STOPS_WRITE_PHYSICAL : STOPS_WRITE,
         .address = near[any(5)] + any(256),
         .length = 1 + any(any(3) ? 8 : 64)},
        {.kind = STOPS_WRITE_PHYSICAL, .address = RAM - 2 * PAGE, .length = 2 * PAGE}};
    x86_stops(a->cpu, s, 2);
    x86_stops(b->cpu, s, 1);
}

static void compare_stops(struct machine *a, struct machine *b, uint64_t first, uint64_t steps)
{
    struct x86_stop x, y;
    x86_stop_info(a->cpu, &x);
    x86_stop_info(b->cpu, &y);
    if (x.id != 1 || y.id != 1 || x.address != y.address || x.pc != y.pc)
        differ(first, steps, "the instruction of the stop", x.pc, y.pc);
}

/* The same was executed and written since the last call. */
static void compare_touched(struct machine *a, struct machine *b, uint64_t first, uint64_t steps)
{
    static const char *const name[TOUCHES] = {[TOUCH_EXECUTED] = "executed", [TOUCH_WRITTEN] = "written"};
    struct touched_set x, y;
    physmem_touched(a->mem, &x);
    physmem_touched(b->mem, &y);
    for (unsigned k = 0; k < TOUCHES; k++) {
        if (x.n[k] != y.n[k])
            differ(first, steps, name[k], x.n[k], y.n[k]);
        for (size_t i = 0; i < x.n[k]; i++)
            if (memcmp(&x.page[k][i], &y.page[k][i], sizeof x.page[k][i]))
                differ(first, steps, name[k], x.page[k][i].lines, y.page[k][i].lines);
    }
}

/* Runs both for so many steps. False after a trap. */
static bool run_both(struct machine *a, struct machine *b, uint64_t steps, uint64_t first, uint64_t *total,
                     uint64_t *stops)
{
    uint64_t da, db;
    enum x86_exit ea = any(4) ? run(a, steps, &da) : run_by_steps(a, steps, &da), eb = run(b, steps, &db);
    *total += da;
    if (ea != eb || da != db)
        differ(first, *total, "steps done", da, db);
    compare(a, b, first, *total);
    if (ea == X86_STOP)
        compare_stops(a, b, first, *total);
    *stops += ea == X86_STOP;
    return ea == X86_DONE || ea == X86_STOP;
}

enum also { ALSO_NOTHING, ALSO_WATCH, ALSO_NOTE };

static void run_program(struct machine *a, struct machine *b, uint64_t first, enum also also, uint64_t *stops)
{
    struct program p;
    uint64_t total = 0;
    make_program(&p);
    for (unsigned try = 0; try < 24; try++) {
        struct x86_user u = random_user(&p);
        start(a, &p, &u);
        start(b, &p, &u);
        if (also == ALSO_WATCH && any(2))
            watch(a, b);
        for (unsigned piece = 0; piece < 12; piece++) {
            if (also == ALSO_NOTE && any(2))
                compare_touched(a, b, first, total);
            if (!run_both(a, b, 1 + any(any(3) ? 20 : 3000), first, &total, stops))
                break;
        }
        if (changed(a) != changed(b))
            differ(first, total, "the set of changed pages", 0, 0);
    }
}

static uint64_t run_programs(enum also also, uint64_t n)
{
    const char *text = getenv("COMPILE_SEED"), *many = getenv("COMPILE_PROGRAMS");
    uint64_t first = text ? strtoull(text, NULL, 10) : 1, stops = 0;
    static const char *const heat[] = {"1", "2", "3", "8"};
    n = many ? strtoull(many, NULL, 10) : n;
    for (uint64_t i = first; i < first + n; i++) {
        seed = i * 0x9e3779b97f4a7c15u | 1;
        any(2), any(2), any(2);
        bool la57 = !any(3);
        struct machine a = make("0", la57), b = make(heat[any(4)], la57);
        run_program(&a, &b, i, also, &stops);
        end(&a);
        end(&b);
    }
    return stops;
}

static void random_programs(void **state)
{
    run_programs(ALSO_NOTHING, 1500);
}

static void watched_programs(void **state)
{
    uint64_t stops = run_programs(ALSO_WATCH, 700);
    assert_true(stops > 200 || getenv("COMPILE_PROGRAMS"));
}

static void noted_programs(void **state)
{
    run_programs(ALSO_NOTE, 700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_programs), cmocka_unit_test(watched_programs),
                                       cmocka_unit_test(noted_programs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
