/* programs_x87.c - the x87 instructions of random programs: see programs_parts.h. */
#include "tests/unit/programs_parts.h"

#include <string.h>

static void x87_push(struct program *p)
{
    static const struct {
        uint8_t opcode, ext;
    } load[] = {{0xdf, 0}, {0xdb, 0}, {0xdf, 5}, {0xd9, 0}, {0xdd, 0}, {0xdb, 5}};
    const unsigned which = (unsigned)any(any(3) ? 3 : 6);
    if (!any(3))
        program_emit(p, 0xe8d9 + (any(7) << 8), 2); /* a constant */
    else if (p->depth && !any(4))
        program_emit(p, 0xc0d9 + (any(p->depth) << 8), 2);
    else
        program_modrm(p, 4, 0, load[which].opcode, load[which].ext, IN_MEMORY, 0);
    p->depth++;
}

/* ST(i) of a register that is not empty, mostly. */
static unsigned x87_register(const struct program *p)
{
    return (unsigned)any(any(30) && p->depth ? p->depth : 8);
}

static void x87_pop(struct program *p)
{
    static const struct {
        uint8_t opcode, ext;
    } store[] = {{0xd9, 3}, {0xdd, 3}, {0xdb, 7}, {0xdf, 3}, {0xdb, 3},
                 {0xdf, 7}, {0xdf, 1}, {0xdb, 1}, {0xdd, 1}};
    static const uint16_t compare[] = {0xd8d8, 0xe8dd, 0xe8df, 0xf0df};
    const unsigned which = (unsigned)any(9);
    switch (any(5)) {
    case 0:
        program_modrm(p, 4, 0, store[which].opcode, store[which].ext, IN_MEMORY, 0);
        break;
    case 1:
        program_emit(p, 0xd8dd + (x87_register(p) << 8), 2);
        break;
    case 2:
        program_emit(p, compare[any(4)] + (x87_register(p) << 8), 2);
        break;
    case 3:
        if (p->depth > 1) {
            program_emit(p, any(2) ? 0xd9de : 0xe9da, 2); /* FCOMPP, FUCOMPP */
            p->depth--;
            break;
        }
        __attribute__((fallthrough));
    default: {
        static const uint8_t arithmetic[] = {0, 1, 4, 5, 6, 7};
        program_emit(p, 0xc0de + ((uint64_t)arithmetic[any(6)] << 11) + (x87_register(p) << 8), 2);
        break;
    }
    }
    p->depth -= p->depth > 0;
}

/* FNSTCW to memory, OR, and FLDCW from there, mostly: what is anywhere in memory is rarely a good control word. */
static void x87_control(struct program *p)
{
    const unsigned at = (unsigned)any(100), base = p->code16 ? 7 : 3;
    if (!any(20)) {
        program_modrm(p, 4, 0, 0xd9, any(2) ? 5 : 7, IN_MEMORY, 0);
        return;
    }
    program_emit(p, 0xd9 | (0x78 | base) << 8 | at << 16, 3);
    if (!p->code16)
        program_emit(p, 0x66, 1);
    program_emit(p, 0x81 | (0x48 | base) << 8 | at << 16, 3);
    program_emit(p, (any(5) ? 0x33f : 0x3f) | any(4) << 10, 2);
    program_emit(p, 0xd9 | (0x68 | base) << 8 | at << 16, 3);
}

/* What leaves the stack as high as it is. */
static void x87_operate(struct program *p)
{
    static const uint8_t memory[] = {0xd8, 0xda, 0xdc, 0xde};
    static const uint16_t compare[] = {0xd0d8, 0xe0dd, 0xe8db, 0xf0db};
    static const uint16_t alone[] = {0xe0d9, 0xe1d9, 0xe4d9, 0xfad9, 0xfcd9, 0xd0d9, 0xe5d9,
                                     0xe2db, 0xf7d9, 0xf6d9, 0x9b90, 0xfdd9, 0xe0df, 0xe0df};
    static const uint8_t store[] = {0xd9, 0xdd, 0xdb, 0xdf};
    switch (any(9)) {
    case 0:
    case 1:
        program_emit(p, (any(2) ? 0xc0d8 : 0xc0dc) + (any(8) << 11) + (x87_register(p) << 8), 2);
        break;
    case 2:
        program_modrm(p, 4, 0, memory[any(4)], (int)any(8), IN_MEMORY, 0);
        break;
    case 3:
        program_emit(p, compare[any(4)] + (x87_register(p) << 8), 2);
        break;
    case 4:
        program_emit(p, alone[any(any(4) ? 6 : sizeof alone / sizeof alone[0])], 2);
        break;
    case 5:
        program_modrm(p, 4, 0, store[any(4)], 2, IN_MEMORY, 0);
        break;
    case 6:
        program_emit(p,
                     (any(3)   ? 0xc8d9
                      : any(4) ? 0xd0dd
                               : 0xc0dd) +
                         (x87_register(p) << 8),
                     2); /* FXCH, FST, FFREE */
        break;
    case 7:
        if (any(3))
            program_emit(p, 0xe0df, 2); /* FNSTSW AX */
        else
            program_modrm(p, 4, 0, 0xdd, 7, IN_MEMORY, 0);
        break;
    default:
        if (any(3))
            x87_control(p);
        else
            program_emit(p, 0xc0da + (any(4) << 11) + any(2) + (x87_register(p) << 8), 2); /* FCMOV */
        break;
    }
}

void x87_instructions(struct program *p)
{
    const unsigned before = p->depth;
    for (uint64_t n = any(10); n--;) {
        const uint64_t kind = any(4);
        if (!p->depth || (kind == 0 && (p->depth < 8 || !any(20))))
            x87_push(p);
        else if (kind == 1)
            x87_pop(p);
        else
            x87_operate(p);
    }
    if (!any(6))
        return;
    while (p->depth < before)
        x87_push(p);
    while (p->depth > before)
        x87_pop(p);
}

void x87_state(struct program *p)
{
    static const uint16_t exponent[] = {0x3fff, 0x4000, 0x3ffe, 0x403e, 0xbfff, 0, 0x7fff, 0xffff, 0x7ffe, 1};
    memset(p->fpu, 0, sizeof p->fpu);
    const uint16_t control = any(4) ? 0x37f : 0x3f | (uint16_t)(any(64) << 6);
    memcpy(p->fpu, &control, 2);
    p->depth = any(4) ? 0 : (unsigned)any(9);
    const uint16_t status = (uint16_t)((any(2)   ? 0x20
                                        : any(2) ? 0
                                                 : any(64)) |
                                       any(8) << 8 | ((any(4) ? 0 : any(8)) << 11) | any(2) << 14);
    memcpy(p->fpu + 2, &status, 2);
    for (unsigned i = 0; i < p->depth; i++)
        p->fpu[4] |= (uint8_t)(1 << ((status >> 11) + i) % 8);
    for (unsigned i = 0; i < 8; i++) {
        const uint64_t sig = any(8) ? any_value() | 1ull << 63 : any_value();
        const uint16_t exp = any(4) ? exponent[any(5)] : any(3) ? exponent[any(10)] : (uint16_t)any(0x10000);
        memcpy(p->fpu + 32 + 16 * i, &sig, 8);
        memcpy(p->fpu + 40 + 16 * i, &exp, 2);
    }
}
