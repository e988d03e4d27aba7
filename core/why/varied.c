/* varied.c - the first evidence of a boot in which something was varied (docs/hunt.md): a plain recording may go well. */
#include <stdlib.h>
#include <string.h>

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

void varied_line(struct why_case *c, struct finding *f)
{
    const char *kinds = trace_setting(c->t, "vary"), *schedule = trace_setting(c->t, "schedule"),
               *seed = trace_setting(c->t, "vary-seed"), *from = trace_setting(c->t, "vary-from");
    const uint64_t begin = from ? strtoull(from, NULL, 10) : 0;
    struct text what = {0};
    if ((!kinds && !schedule) || f->n == FIND_LINES)
        return;
    if (schedule)
        add_schedule(&what, schedule);
    if (kinds)
        text_add(&what, "%s%s, seed %s", schedule ? ", then " : "", kinds, seed ? seed : "0");
    find_line(f, begin, NULL, "varied: %s", what.s);
    free(what.s);
    /* What says most stays the first that is chosen. */
    const size_t to = f->n > 1;
    const struct why_line line = f->line[f->n - 1];
    memmove(f->line + to + 1, f->line + to, (f->n - 1 - to) * sizeof *f->line);
    f->line[to] = line;
}
