/* varied.c - the first evidence of a boot in which something was varied (docs/hunt.md): a plain recording may go well. */
#include <stdlib.h>
#include <string.h>

#include "core/story/position.h"
#include "core/why/private/explainers.h"

/* Choices are separated by "; " (cli/variation.c). */
static unsigned choices_in(const char *schedule)
{
    unsigned n = *schedule != 0;
    for (const char *p = schedule; (p = strchr(p, ';')); p++)
        n++;
    return n;
}

/* Cut where it gets long: the setting has it all. */
static void add_schedule(struct text *to, const char *schedule)
{
    enum { MOST = 100 };
    const unsigned n = choices_in(schedule);
    const bool long_one = strlen(schedule) > MOST;
    text_add(to, "%u listed choice%s%s%.*s%s", n, n == 1 ? "" : "s", n ? ": " : "", MOST, schedule,
             long_one ? " …" : "");
}

/* Where variation begins; the later one of two positions. */
static uint64_t begin_of(struct trace *t)
{
    const char *icount = trace_setting(t, "vary-from"), *time = trace_setting(t, "vary-from-time");
    const struct position at = {.kind = POS_TIME, .n = time ? strtoull(time, NULL, 10) : 0};
    uint64_t begin = icount ? strtoull(icount, NULL, 10) : 0, timed = 0;
    struct error beyond_the_end;
    if (time && position_resolve(t, &at, 0, &timed, &beyond_the_end))
        timed = trace_last_icount(t);
    if (timed > begin)
        begin = timed;
    return begin < trace_last_icount(t) ? begin : trace_last_icount(t);
}

void varied_line(struct why_case *c, struct finding *f)
{
    const char *kinds = trace_setting(c->t, "vary"), *schedule = trace_setting(c->t, "schedule"),
               *seed = trace_setting(c->t, "vary-seed");
    struct text what = {0};
    if ((!kinds && !schedule) || f->n == FIND_LINES)
        return;
    if (schedule)
        add_schedule(&what, schedule);
    if (kinds)
        text_add(&what, "%s%s, seed %s", schedule ? ", then " : "", kinds, seed ? seed : "0");
    find_line(f, begin_of(c->t), NULL, "varied: %s", what.s);
    free(what.s);
    /* What says most stays the first that is chosen. */
    const size_t to = f->n > 1;
    const struct why_line line = f->line[f->n - 1];
    memmove(f->line + to + 1, f->line + to, (f->n - 1 - to) * sizeof *f->line);
    f->line[to] = line;
}
