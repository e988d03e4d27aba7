/* loops.h - what the processors of a machine do at a position: halted, not started, or in a loop; and what a
 * loop waits for. Private to core/why/.
 */
#ifndef BOOTREEL_CORE_WHY_LOOPS_H
#define BOOTREEL_CORE_WHY_LOOPS_H

#include "core/why/private/explainers.h"

enum { LOOP_STEPS = 4096, LOOP_PCS = 512, LOOP_READS = 24, LOOP_CPUS = 64 };

enum cpu_does { CPU_BUSY, CPU_LOOPS, CPU_HALTED, CPU_HALTED_FOR_GOOD, CPU_NOT_STARTED };

/* A place that the loop reads. */
struct loop_read {
    uint64_t at; /* icount of the read in the last turn */
    uint64_t linear, physical, value;
    unsigned size;
    bool device;     /* it is no memory */
    bool locked;     /* the instruction also writes it, atomically: the way to take a lock */
    bool moves;      /* the next turn reads another place: it goes through a table */
    bool written;    /* the loop writes it in another way: it waits for nobody */
    bool decides;    /* whether the loop ends depends on it */
    uint64_t tested; /* the bits that the loop looks at; 0: not known */
    char text[INSTRUCTION_TEXT];
};

/* What one processor does. */
struct cpu_loop {
    enum cpu_does does;
    bool interrupts;                               /* interrupts are on */
    uint64_t pc;                                   /* at the end */
    uint64_t seen[LOOP_STEPS], icount[LOOP_STEPS]; /* its last steps, oldest first */
    size_t nseen;
    unsigned length, times; /* of the loop, in steps, and how often it went round; 0: it does not repeat
                             * exactly */
    size_t places;          /* different addresses among the last steps */
    bool counts;            /* a register has another value in the next turn: a loop that counts may end */
    bool halts, in, clock, strings, delivers;
    uint64_t delivered; /* icount of the last step that delivered an exception or interrupt */
    struct loop_read read[LOOP_READS];
    unsigned nreads;
    uint64_t bits;         /* the bits of a port or register that the loop looks at; 0: not known */
    uint64_t first_tested; /* the bits that the turn tests first */
    bool in_tested;        /* `bits` are those that are tested after the port is read */
    /* What decides whether it ends, by the flow of data over one turn. */
    unsigned exits;     /* branches that would leave it */
    bool port_decides;  /* what was read from a port */
    bool clock_decides; /* a time stamp */
    bool carried;       /* what the loop itself changes from turn to turn: it may end by itself */
    uint64_t port;      /* the last port that was read … */
    bool port_read;     /* … if there is one */
};

/* Whether the end of the loop depends only on what others do: on what it reads, and nothing that it changes itself. */
static inline bool loop_waits(const struct cpu_loop *l)
{
    return l->exits && !l->carried && !l->clock_decides;
}

/* Looks at the steps before c->at of all processors, of which there are n. NULL if that is not possible. The
 * caller frees it. */
struct cpu_loop *loops_find(struct why_case *c, unsigned n);

/* The step that gave a word the value that a loop waits to see changed. */
struct last_writer {
    bool found, device;
    uint64_t icount;
    unsigned cpu;
    uint64_t pc, before, after;
};
/* Finds the last write before c->at that changed the word to the value that the loop sees. */
struct last_writer loops_writer(struct why_case *c, const struct cpu_loop *l, unsigned cpu,
                                const struct loop_read *r);

/* A position at which the processor has just come into its loop. */
uint64_t loops_entered(struct why_case *c, const struct cpu_loop *l, unsigned cpu);

/* What a processor does, as part of a sentence: "is halted with interrupts off at 0x1000". */
void loops_text(struct why_case *c, const struct cpu_loop *l, unsigned cpu, struct text *out);

/* ---------------------------------------------------------------- interrupts (interrupts.c) */

/* Why no interrupt comes to a processor that waits for one, in words to follow "an interrupt": ", and all of
 * them are masked". False if one may come: then `why` names the lines that are open, "the keyboard's and the
 * serial port's". Adds the evidence. */
bool interrupts_closed(struct why_case *c, struct finding *f, unsigned cpu, struct text *why);

/* Whether an interrupt that is in service, and was never ended, holds back all that are not masked, as the end of a sentence. Adds evidence. */
bool interrupts_held(struct why_case *c, struct finding *f, unsigned cpu, struct text *why);

#endif
