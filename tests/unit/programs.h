/* programs.h - random programs of 64-bit, 32-bit and 16-bit code, with memory operands at page ends, in code and beside it, branches and calls. */
#ifndef BOOTREEL_TESTS_UNIT_PROGRAMS_H
#define BOOTREEL_TESTS_UNIT_PROGRAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "hv/x86/cpu.h"

/* Where they run: PAGES pages each of code, of data and of stack, which are mapped once more at FAR. */
enum { CODE = 0x200000, DATA = 0x400000, STACK = 0x600000, PAGES = 4, PAGE = 4096 };
#define FAR (1ull << 48)

/* One of a program's segments: what x86_set_segment() takes. */
enum { PROGRAM_CS, PROGRAM_SS, PROGRAM_DS, PROGRAM_ES, PROGRAM_SEGMENTS };
struct program_segment {
    uint32_t base, limit;
    uint16_t attr;
};

struct program {
    bool code32;    /* not 64-bit code: 32-bit code in flat segments, unless … */
    bool segmented; /* … segments have bases and limits */
    bool code16;    /* … and code is of 16 bits */
    bool real;      /* … in real mode, without paging */
    struct program_segment segment[PROGRAM_SEGMENTS];
    uint32_t data;    /* where data is: at DATA, or at CODE */
    bool privileged;  /* CPL 0 */
    bool aligned;     /* displacements are multiples of 16 */
    bool x87;         /* half of its instructions are x87, … */
    unsigned depth;   /* … of which so many registers are in use here, if all before was executed */
    uint8_t fpu[160]; /* the state in which it begins, as FXSAVE has it */
    uint8_t code[2 * PAGE];
    unsigned size, start[16], nblocks, njumps;
    struct {
        unsigned at, bytes;
    } jump[64];
};

/* What follows depends on this number (not 0). */
void any_from(uint64_t seed);
/* A number below n. */
uint64_t any(uint64_t n);
/* Often one with which carries and signs are at stake. */
uint64_t any_value(void);
void make_program(struct program *, bool x87);

#endif
