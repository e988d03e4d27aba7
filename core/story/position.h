/* position.h - how people write a position in a run, everywhere: command line, terminal
 * interface, gdb monitor.
 *
 *   ICOUNT         1234567, 100k, 2.5M, 3G: steps since reset
 *   TIME           1.5s, 300ms, 20us, 7ns: guest time; a time during a halt between two events means the second one
 *   NN%            of the whole run
 *   #EVENT         the event of that number
 *   console:TEXT   when TEXT was first printed
 *   mark:NAME      a mark that a person set, or the first event of the kind NAME ("mark:cpu.ring3")
 *   stage:NAME     the beginning of a stage
 *   +N, -N         relative to the current position; N as ICOUNT
 */
#ifndef BOOTREEL_CORE_STORY_POSITION_H
#define BOOTREEL_CORE_STORY_POSITION_H

#include "traces/trace.h"

enum position_kind {
    POS_ICOUNT,
    POS_TIME,
    POS_PERCENT,
    POS_EVENT,
    POS_CONSOLE,
    POS_MARK,
    POS_STAGE,
    POS_FORWARD,
    POS_BACK
};

struct position {
    enum position_kind kind;
    uint64_t n;       /* steps, ns, millionths of the whole (POS_PERCENT), event number */
    const char *text; /* TEXT or NAME: points into what was parsed */
};

/* Parses a position. -1 with err that shows the ways to write one. */
int position_parse(const char *text, struct position *pos, struct error *err);

/* The icount of a position in a recorded run. `here` is the current position, for relative ones. -1 if the
 * trace has no such position. Positions beyond the end are an error; relative ones stop at the ends. */
int position_resolve(struct trace *t, const struct position *pos, uint64_t here, uint64_t *icount,
                     struct error *err);

/* A number of steps: digits, a fraction if a suffix follows, suffix k, M, G or T. Returns 0 or -1. */
int parse_steps(const char *text, uint64_t *n);

#endif
