/* why.h - what went wrong in a recorded boot: a verdict in one sentence, and its evidence.
 *
 * The events are read first; parts of the boot are run only where the state of the machine has to be looked
 * at. A verdict is given only with evidence for it; without any, the answer is that it cannot be told, and
 * what is missing. docs/why.md has examples.
 */
#ifndef BOOTREEL_CORE_WHY_WHY_H
#define BOOTREEL_CORE_WHY_WHY_H

#include "core/engine/engines.h"
#include "core/ground/text.h"
#include "traces/trace.h"

enum why_answer { WHY_WRONG, WHY_NOTHING, WHY_UNKNOWN };
/* "wrong", "nothing", "unknown". */
const char *why_answer_word(enum why_answer a);

enum { WHY_LINES = 20 };

/* A piece of evidence. */
struct why_line {
    bool placed;     /* it has a position: */
    uint64_t icount; /* where it can be seen */
    char *text;
    char *place; /* the symbol or the part of the firmware; "" if there is none */
};

struct why {
    enum why_answer answer;
    const char *subject; /* "fault", "linux" …: who found it; "" if nobody did */
    char *verdict;       /* one sentence, without a full stop */
    uint64_t icount;     /* where it went wrong; the end if nothing did */
    struct why_line line[WHY_LINES];
    size_t n;
};

/* What went wrong up to a position (UINT64_MAX: the end of the record). The trace must stay open during the
 * call, and is used by it alone. NULL with err if it cannot be read. Cost: a pass over the events, some
 * million per second; and some tenths of a second where the machine is looked at. */
struct why *why_ask(struct trace *t, const struct engine_kind *kind, uint64_t at, struct error *err);
void why_free(struct why *w); /* NULL is allowed */

/* Adds the verdict and at most `most` lines of evidence. `go`: the command that goes to a position given
 * after it ("boot-seek"); NULL: it is left out. */
void why_text(struct text *out, const struct why *w, const char *go, size_t most);

#endif
