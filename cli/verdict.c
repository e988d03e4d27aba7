/* verdict.c - see verdict.h. */
#include "cli/cli.h"
#include "cli/verdict.h"

struct why *verdict_of(const struct engines *engines, struct trace *t)
{
    struct error ignored;
    if (!recorded_behaves(engines, t, &ignored))
        return NULL;
    return why_ask(t, engine_find(engines, trace_config(t)->engine, &ignored), UINT64_MAX, &ignored);
}

int verdict_status(const struct why *w)
{
    static const int status[] = {
        [WHY_WRONG] = EXIT_NO, [WHY_NOTHING] = EXIT_DONE, [WHY_UNKNOWN] = EXIT_UNKNOWN};
    return status[w->answer];
}
