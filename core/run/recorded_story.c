/* recorded_story.c - see recorded_story.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "core/run/private/recorded_story.h"
#include "core/story/inspector.h"

struct recorded_story {
    struct trace_cursor *next_of, *around;
    void (*emit)(void *ctx, const struct event *ev);
    void *ctx;
    struct event next;
    bool any;        /* `next` is an event */
    uint64_t number; /* of `next` */
    uint64_t before; /* how many events of the engine at the icount of `next` are before it in the record */
    uint64_t at;     /* icount of the engine's last event */
    uint64_t seen;   /* its events at that icount */
    uint64_t count;
    uint64_t passed;  /* the number of the last one that was passed on, plus one */
    uint32_t classes; /* that are recorded */
    bool unclear;
};

/* Counts s->before: events at one icount are in the order in which they were made, which only the record
 * knows. */
static int count_before(struct recorded_story *s, struct error *err)
{
    struct event ev;
    int rc = trace_cursor_seek_number(s->around, s->number, err);
    s->before = 0;
    while (!rc && (rc = trace_cursor_prev(s->around, &ev, NULL, err)) == 1 && ev.icount == s->next.icount) {
        s->before += ev.kind != EV_AGAIN && !inspector_makes(ev.kind);
        rc = 0;
    }
    return rc < 0 ? -1 : 0;
}

static int advance(struct recorded_story *s, struct error *err)
{
    int rc;
    while ((rc = trace_cursor_next(s->next_of, &s->next, &s->number, err)) == 1 &&
           !inspector_makes(s->next.kind))
        ;
    s->any = rc == 1;
    return rc < 0 ? -1 : s->any ? count_before(s, err) : 0;
}

static int pass_on(struct recorded_story *s, struct error *err)
{
    s->count++;
    s->passed = s->number + 1;
    s->emit(s->ctx, &s->next);
    return advance(s, err);
}

/* *classes: if a sequence that was folded away had events of these, events of the inspector may be lost. Each
 * boot of UEFI firmware has some, so any reset counts there; such firmware is seen at the reset vector. */
static int lost_classes(struct trace *t, uint64_t *classes, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_FIRMWARE));
    struct event ev;
    int rc;
    *classes = INSPECTOR_CLASSES | EVENT_CLASS_BIT(EC_NET);
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1 && !ev.icount)
        if (ev.kind == EV_EFI_VOLUME)
            *classes |= EVENT_CLASS_BIT(EC_POWER);
    trace_cursor_close(c);
    return rc;
}

int recorded_story_check(struct trace *t, struct error *err)
{
    struct event ev;
    uint64_t classes;
    if (lost_classes(t, &classes, err) < 0)
        return -1;
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_FOLD));
    int rc;
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1)
        if (EVF(&ev, AGAIN, classes) & classes) {
            rc = error_set(
                err,
                "the trace cannot be verified in parts: from icount %llu on a sequence repeats, and what only a "
                "run from the beginning has of it (guest systems, class iflag) was left out: verify it as a whole",
                (unsigned long long)EVF(&ev, AGAIN, begin));
            break;
        }
    trace_cursor_close(c);
    return rc < 0 ? -1 : 0;
}

int recorded_story_open(struct trace *t, uint64_t first, void (*emit)(void *ctx, const struct event *ev),
                        void *ctx, struct recorded_story **story, struct error *err)
{
    if (recorded_story_check(t, err))
        return -1;
    struct recorded_story *s = mem_zero(1, sizeof *s);
    s->emit = emit;
    s->ctx = ctx;
    s->classes = trace_config(t)->classes;
    s->next_of = trace_cursor_open(t, INSPECTOR_CLASSES | INSPECTOR_ALSO);
    s->around = trace_cursor_open(t, EVENT_CLASSES_ALL);
    if (!trace_cursor_seek_number(s->next_of, first, err) && !advance(s, err)) {
        *story = s;
        return 0;
    }
    recorded_story_close(s);
    return -1;
}

void recorded_story_close(struct recorded_story *s)
{
    if (!s)
        return;
    trace_cursor_close(s->next_of);
    trace_cursor_close(s->around);
    free(s);
}

int recorded_story_before(struct recorded_story *s, const struct event *ev, struct error *err)
{
    bool recorded = s->classes & EVENT_CLASS_BIT(event_kind(ev->kind)->cls);
    if (ev->icount != s->at)
        s->seen = 0;
    s->at = ev->icount;
    for (;;) {
        if (s->any && event_same(&s->next, ev)) /* the engine's own */
            return advance(s, err);
        if (!s->any || s->next.icount > ev->icount || (s->next.icount == ev->icount && s->before > s->seen))
            break;
        s->unclear |= !recorded && s->next.icount == ev->icount;
        if (pass_on(s, err))
            return -1;
    }
    s->seen += recorded;
    return 0;
}

bool recorded_story_unclear(const struct recorded_story *s)
{
    return s->unclear;
}

uint64_t recorded_story_passed(const struct recorded_story *s)
{
    return s->passed;
}

int recorded_story_until(struct recorded_story *s, uint64_t end, struct error *err)
{
    while (s->any && s->number < end)
        if (pass_on(s, err))
            return -1;
    return 0;
}

int recorded_story_last(struct trace *t, uint64_t end, struct event *ev, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, INSPECTOR_CLASSES | INSPECTOR_ALSO);
    int rc = trace_cursor_seek_number(c, end, err);
    if (!rc)
        while ((rc = trace_cursor_prev(c, ev, NULL, err)) == 1 && !inspector_makes(ev->kind))
            ;
    trace_cursor_close(c);
    return rc;
}

uint64_t recorded_story_count(const struct recorded_story *s)
{
    return s->count;
}
