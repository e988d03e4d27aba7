/* pointer.h - where the address came from at which an instruction failed. Private to core/why/. */
#ifndef BOOTREEL_CORE_WHY_POINTER_H
#define BOOTREEL_CORE_WHY_POINTER_H

#include "core/why/private/jump.h"

/* The register from which the next instruction of a processor makes a bad address, and where its value came from. */
struct pointer {
    char reg[12];
    uint64_t value;
    struct came came;
    bool base;               /* it is the base of FS or GS, */
    const struct event *set; /* … which this write of an MSR has set; NULL: none */
};

/* The instruction at `icount` fails because of the memory at `address` (CR2), or of an address that is not canonical. False if its operand is made of
 * no register, or of the stack pointer, or nothing is known of it. Cost: a search for the origin of a value. */
bool pointer_find(struct why_case *c, unsigned cpu, uint64_t icount, uint64_t vector, uint64_t address,
                  struct pointer *p);
/* What is known of it, as part of a sentence: "eax is 0xd0000000, which nobody has written to 0x5000 (list)". */
void pointer_words(struct why_case *c, unsigned cpu, const struct pointer *p, struct text *out);
/* The value was in memory below the stack pointer, where an interrupt's frame overwrote it: gives that as the verdict. False if it was not. `what`:
 * the exception that followed. */
bool pointer_red_zone(struct why_case *c, struct finding *f, unsigned cpu, const struct came *came,
                      const char *what);
/* The value is one that an interrupt's handler left in the register of what it had interrupted: gives that as the verdict. */
bool pointer_clobbered(struct why_case *c, struct finding *f, unsigned cpu, const struct pointer *p,
                       uint64_t icount, const char *what);
/* Adds the instructions that made and wrote the value as evidence. */
void pointer_lines(struct why_case *c, struct finding *f, unsigned cpu, const struct pointer *p);

#endif
