/* jump.h - how execution came to where it is: the last jump, call or return before a position, and where its target came from. Private to
 * core/why/. */
#ifndef BOOTREEL_CORE_WHY_JUMP_H
#define BOOTREEL_CORE_WHY_JUMP_H

#include "core/origin/origin.h"
#include "core/why/private/explainers.h"

enum jump_kind { JUMP_BRANCH, JUMP_CALL, JUMP_RETURN, JUMP_INTERRUPT_RETURN, JUMP_INTERRUPT };

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
    char base[12];    /* the register that the address of `pointer` is made of; "" if there is none */
    unsigned vector;  /* JUMP_INTERRUPT */
    char text[INSTRUCTION_TEXT];
};

/* The last instruction before `icount` that did not go on to the next one, within some thousand steps. False if there is none. */
bool jump_find(struct why_case *c, unsigned cpu, uint64_t icount, struct jump *j);

/* Where bytes came from: the last step that computed or wrote them, and what it took them from. */
struct came {
    bool known;
    enum origin_source source;
    bool never;       /* nobody has written there since power-on */
    bool delivery;    /* an interrupt or exception was delivered: its frame */
    uint64_t written; /* the step that put the bytes there */
    uint64_t icount;  /* of the first step that made this value; 0 if it was never written */
    uint64_t pc;
    bool memory; /* the chain ends at this place in memory: */
    uint64_t linear;
    bool loaded; /* a register's value was loaded from memory, here: */
    uint64_t pointer;
    /* The instruction that wrote the bytes in memory last; by_icount: 0 if there is none. */
    uint64_t by_icount, by_pc;
    unsigned by_cpu;
    bool by_call;     /* it is a CALL */
    bool by_delivery; /* it is none: the frame of an interrupt or exception was delivered there */
    char by[INSTRUCTION_TEXT];
    const char *image; /* ORIGIN_IMAGE */
    uint64_t offset;
    char text[400];
};

/* Where the target of an indirect jump, or n bytes of memory, came from. */
struct came jump_came(struct why_case *c, const struct jump *j);
struct came memory_came(struct why_case *c, unsigned cpu, uint64_t icount, uint64_t linear, unsigned n);
/* Where a register's value came from. */
struct came register_came(struct why_case *c, unsigned cpu, uint64_t icount, const char *name);

/* Adds the jump as evidence, its callers, and where its target came from. */
struct came jump_lines(struct why_case *c, struct finding *f, const struct jump *j);

#endif
