/* stages_ahead.c - see stages_ahead.h. */
#include "core/story/private/stages_ahead.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { SETTLED = 1000000000 }; /* ns: loaders unpack and check files for a long time without the BIOS */

struct boot {
    uint64_t end;   /* guest time */
    bool cut;       /* the recording ends in it */
    uint64_t *last; /* by rule: number of the last event against it, + 1; 0: none */
};

struct stages_ahead {
    const struct profile *p;
    struct boot *boot;
    size_t n;
    uint64_t repeated; /* where the events end that fold.again events repeat */
};

bool stages_ahead_allows(const struct stages_ahead *a, size_t rule, size_t boot, uint64_t number,
                         uint64_t time)
{
    if (!a || boot >= a->n)
        return false;
    const struct boot *b = &a->boot[boot];
    return number >= b->last[rule] && (!b->cut || b->end - time >= SETTLED);
}

static void begin_boot(struct stages_ahead *a)
{
    MEM_MORE(a->boot, a->n);
    a->boot[a->n++] = (struct boot){.last = mem_zero(profile_stages(a->p) + 1, sizeof(uint64_t))};
}

static void end_boot(struct stages_ahead *a, uint64_t time, bool cut)
{
    a->boot[a->n - 1].end = time;
    a->boot[a->n - 1].cut = cut;
}

static bool is_against(const struct stage_rule *r, const struct event *ev)
{
    for (size_t i = 0; i < r->nagainst; i++)
        if (condition_holds(&r->against[i], ev, "", 0))
            return true;
    return false;
}

/* The first of the events that a repetition repeats. They end before the first fold.again of it. */
static uint64_t first_repeated(struct stages_ahead *a, const struct event *ev, uint64_t number)
{
    uint64_t period = EVF(ev, AGAIN, period);
    if (!EVF(ev, AGAIN, continues))
        a->repeated = number;
    return a->repeated >= period ? a->repeated - period : 0;
}

static void look_at(struct stages_ahead *a, const struct event *ev, uint64_t number)
{
    struct boot *boot = &a->boot[a->n - 1];
    bool again = ev->kind == EV_AGAIN;
    uint64_t first = again ? first_repeated(a, ev, number) : 0;
    for (size_t i = 0; i < profile_stages(a->p); i++)
        if (again ? boot->last[i] > first : is_against(profile_stage(a->p, i), ev))
            boot->last[i] = number + 1;
}

/* The classes of the `against` lines; 0 if there are none. */
static uint32_t classes_against(const struct profile *p)
{
    uint32_t classes = 0;
    for (size_t i = 0; i < profile_stages(p); i++)
        for (size_t k = 0; k < profile_stage(p, i)->nagainst; k++)
            classes |= EVENT_CLASS_BIT(event_kind(profile_stage(p, i)->against[k].kind)->cls);
    return classes;
}

static bool ended_by_itself(const struct trace *t)
{
    const struct trace_end *end = trace_end(t);
    return end && (!strcmp(end->reason, "power-off") || !strcmp(end->reason, "halted") ||
                   !strcmp(end->reason, "guest-fault"));
}

static int look_ahead(struct stages_ahead *a, struct trace *t, uint32_t classes, struct error *err)
{
    struct trace_cursor *c =
        trace_cursor_open(t, classes | EVENT_CLASS_BIT(EC_POWER) | EVENT_CLASS_BIT(EC_FOLD));
    struct event ev;
    uint64_t number, last = 0;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, &number, err)) == 1) {
        look_at(a, &ev, number);
        last = ev.time;
        if (ev.kind == EV_RESET) {
            end_boot(a, ev.time, false);
            begin_boot(a);
        }
    }
    trace_cursor_close(c);
    end_boot(a, trace_end(t) && trace_end(t)->time > last ? trace_end(t)->time : last, !ended_by_itself(t));
    return rc < 0 ? -1 : 0;
}

struct stages_ahead *stages_ahead_of(struct trace *t, const struct profile *p, struct error *err)
{
    struct stages_ahead *a = mem_zero(1, sizeof *a);
    uint32_t classes = classes_against(p);
    a->p = p;
    begin_boot(a);
    if (!classes || !look_ahead(a, t, classes, err))
        return a;
    stages_ahead_free(a);
    return NULL;
}

void stages_ahead_free(struct stages_ahead *a)
{
    for (size_t i = 0; a && i < a->n; i++)
        free(a->boot[i].last);
    if (a)
        free(a->boot);
    free(a);
}
