/* program.c - a program on the deterministic Linux host that is ended by a signal. The host says so where the record ends. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/why/private/explainers.h"

void explain_program(struct why_case *c, struct finding *f)
{
    const struct trace_end *end = trace_end(c->t);
    char words[300];
    unsigned sig;
    if (!c->whole || !end || sscanf(end->text, "ended by signal %u", &sig) != 1)
        return;
    const char *name = sigabbrev_np((int)sig);
    const struct event *lack = facts_last(&c->now, EV_CPU_LACKS), *off = facts_last(&c->now, EV_POWER_OFF);
    if (lack && sig == SIGILL)
        find_verdict(f, WHY_PROGRAM_CPU_LACKS, lack->icount,
                     "the program is ended by SIGILL: this processor lacks %s",
                     fact_text(lack, words, sizeof words));
    else
        find_verdict(f, WHY_PROGRAM_SIGNAL, c->at, "the program is ended by signal %u (SIG%s)", sig,
                     name ? name : "?");
    if (lack)
        find_event(f, c, lack, "the processor lacks");
    if (off)
        find_event(f, c, off, NULL);
    find_console(f, c, 0, c->at, 4);
}
