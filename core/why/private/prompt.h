/* prompt.h - whether a machine waits for somebody to type. Private to core/why/. */
#ifndef BOOTREEL_CORE_WHY_PROMPT_H
#define BOOTREEL_CORE_WHY_PROMPT_H

#include "core/why/private/loops.h"

struct prompt {
    char what[40]; /* "a key", "a character at COM1" */
    char how[200]; /* by what that is seen */
    bool polls;    /* it looks for a key now and then, and does other things, too */
};

/* Whether a processor waits for a key or a character, at c->at. */
bool prompt_waits(struct why_case *c, const struct cpu_loop *l, unsigned cpu, struct prompt *p);
/* Gives the verdict: "nothing went wrong: FreeDOS waits for a key at its prompt "C:\>"". */
void prompt_verdict(struct why_case *c, struct finding *f, const struct prompt *p);

#endif
