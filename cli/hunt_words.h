/* hunt_words.h - the choices of a run in words. Private to cli/. */
#ifndef BOOTREEL_CLI_HUNT_WORDS_H
#define BOOTREEL_CLI_HUNT_WORDS_H

#include "base/text.h"
#include "core/engine/engines.h"
#include "traces/trace.h"

struct choices {
    struct engine_choice *choice; /* in the order of the run */
    size_t n, room;
};

struct hunt_words {
    const struct engine_kind *kind;
    const char *path; /* the trace of a run that makes exactly these choices */
    const struct choices *choices;
    struct trace
        *named; /* another trace of the machine, whose symbols are used where the run's own has none */
    /* Lines to be printed after some of the choices. */
    const struct hunt_more {
        const char *kind;
        uint32_t cpu;
        uint64_t ordinal;
        struct text lines;
    } * more;
    size_t nmore;
};

/* Prints each choice: what it is, between which instructions, and the calls in progress on all processors. -1 with err. */
int hunt_words(const struct hunt_words *w, struct error *err);

#endif
