/* gates.h - the way from an exception to its handler, check by check: IDT, gate, code segment, stack. Private to core/why/. */
#ifndef BOOTREEL_CORE_WHY_GATES_H
#define BOOTREEL_CORE_WHY_GATES_H

#include "core/why/private/explainers.h"

/* What keeps a handler from being entered. */
struct gate_lack {
    enum why_code code; /* WHY_FAULT_TRIPLE: nothing that is looked at */
    struct text why;    /* in words; to be freed */
    bool entry;         /* what the IDT's entry has is the reason: */
    uint64_t gate;      /* its linear address */
    bool page;          /* the reason is how this address is mapped: */
    uint64_t address;   /* linear */
    const char *what;   /* … of the GDT, the stack … */
};

/* Why the processor cannot get to the handler of that vector, from its state at the position of c->tl. The first check of the
 * processor's that fails decides. */
void gate_lacks(struct why_case *c, unsigned cpu, uint64_t vector, struct gate_lack *lack);

/* The vector whose delivery met the exception that the processor names first: a benign one, or an interrupt, whose gate is bad. `vector`
 * itself if it was none. */
uint64_t gate_vector(struct why_case *c, unsigned cpu, uint64_t vector, uint64_t error, uint64_t cr2);

/* Which of the processor's tables an address of a page fault is in, as the end of a sentence: "in the GDT: descriptor 0008". False if it is
 * in none. *lack: as gate_lacks(), if the page is the reason. */
bool gate_table(struct why_case *c, unsigned cpu, uint64_t address, struct gate_lack *lack);

/* Adds who wrote the entry of the page tables by which an address is not mapped, or not as it must be. */
void gate_page_line(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount,
                    const struct gate_lack *lack);

#endif
