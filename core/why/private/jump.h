/* jump.h - how execution came to where it is: the last jump, call or return before a position, and where its target came from. Private to
 * core/why/. */
#ifndef BOOTREEL_CORE_WHY_JUMP_H
#define BOOTREEL_CORE_WHY_JUMP_H

#include "core/origin/origin.h"
#include "core/why/private/case.h"

enum jump_kind { JUMP_BRANCH, JUMP_CALL, JUMP_RETURN, JUMP_INTERRUPT_RETURN };

struct jump {
    unsigned cpu;
    uint64_t icount, pc; /* of the instruction; linear */
    uint64_t target;     /* where it went; linear */
    enum jump_kind kind;
    bool indirect;    /* its target is in a register or in memory: */
    bool memory;      /* … in memory, at: */
    uint64_t pointer; /* linear */
    unsigned size;    /* bytes of it */
    char reg[12];     /* … or in this register */
    char text[INSTRUCTION_TEXT];
};

/* The last instruction before `icount` that did not go on to the next one, within some steps. False if there is none. */
bool jump_find(struct why_case *c, unsigned cpu, uint64_t icount, struct jump *j);

/* Where bytes came from: the last step that computed or wrote them, and what it took them from. */
struct came {
    bool known;
    enum origin_source source;
    bool never;       /* nobody has written there since power-on */
    bool delivery;    /* an interrupt or exception was delivered: its frame */
    bool call;        /* a CALL pushed it */
    uint64_t written; /* the step that put the bytes there */
    uint64_t icount;  /* of the first step that made this value; 0 if it was never written */
    uint64_t pc;
    bool memory; /* the chain ends at this place in memory: */
    uint64_t linear;
    const char *image; /* ORIGIN_IMAGE */
    uint64_t offset;
    char text[400];
};

/* Where the target of an indirect jump, or n bytes of memory, came from. */
struct came jump_came(struct why_case *c, const struct jump *j);
struct came memory_came(struct why_case *c, unsigned cpu, uint64_t icount, uint64_t linear, unsigned n);
/* Where a register's value came from. */
struct came register_came(struct why_case *c, unsigned cpu, uint64_t icount, const char *name);

/* Whether code that had run at `pc` was overwritten afterwards, before `icount`: gives that as the verdict. */
bool overwritten_code(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount, uint64_t pc);

/* Whether what is executed at a position is no code, and a jump, call or return through a pointer went there: gives that as the verdict. No code
 * is what is not in memory, in the first page of protected mode, or was never written. */
bool wild_jump(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount);

/* Adds the jump as evidence, its callers, and where its target came from. */
struct came jump_lines(struct why_case *c, struct finding *f, const struct jump *j);

#endif
