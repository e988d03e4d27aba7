/* position.c - see position.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "base/units.h"
#include "core/story/position.h"
#include "core/story/stages.h"

#define WAYS                                                                                                 \
    "write it as ICOUNT (1234, 5M), 1.5s, NN%%, #EVENT, console:TEXT, mark:NAME, stage:NAME, +N or -N"

/* ---------------------------------------------------------------- parsing */

static const struct unit percent_units[] = {{"%", 10000}, {NULL, 0}};

int parse_steps(const char *text, uint64_t *n)
{
    return units_parse(text, count_units, n);
}

static bool prefixed(const char *text, const char *prefix, const char **rest)
{
    size_t n = strlen(prefix);
    if (strncmp(text, prefix, n))
        return false;
    *rest = text + n;
    return **rest != 0;
}

int position_parse(const char *text, struct position *pos, struct error *err)
{
    *pos = (struct position){.kind = POS_ICOUNT};
    if (prefixed(text, "console:", &pos->text))
        pos->kind = POS_CONSOLE;
    else if (prefixed(text, "mark:", &pos->text))
        pos->kind = POS_MARK;
    else if (prefixed(text, "stage:", &pos->text))
        pos->kind = POS_STAGE;
    else if (text[0] == '#' && !parse_steps(text + 1, &pos->n))
        pos->kind = POS_EVENT;
    else if (text[0] == '+' && !parse_steps(text + 1, &pos->n))
        pos->kind = POS_FORWARD;
    else if (text[0] == '-' && !parse_steps(text + 1, &pos->n))
        pos->kind = POS_BACK;
    else if (!units_parse(text, percent_units, &pos->n))
        pos->kind = POS_PERCENT;
    else if (!units_parse(text, time_units, &pos->n))
        pos->kind = POS_TIME;
    else if (parse_steps(text, &pos->n))
        return error_set(err, "\"%.100s\" is not a position: " WAYS, text);
    if (pos->kind == POS_PERCENT && pos->n > 1000000)
        return error_set(err, "\"%.100s\" is more than the whole run: at most 100%%", text);
    return 0;
}

/* ---------------------------------------------------------------- resolving */

static int event_position(struct trace *t, uint64_t number, struct event *ev, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASSES_ALL);
    int rc = trace_cursor_seek_number(c, number, err);
    if (!rc)
        rc = trace_cursor_next(c, ev, NULL, err) == 1 ? 0 : -1;
    ev->data = NULL; /* it was the cursor's */
    ev->len = 0;
    trace_cursor_close(c);
    return rc;
}

static int resolve_event(struct trace *t, uint64_t number, uint64_t *icount, struct error *err)
{
    uint64_t count = trace_event_count(t, EVENT_CLASSES_ALL);
    struct event ev;
    if (number >= count)
        return error_set(err, "event #%llu: the trace has %llu events, numbered from 0",
                         (unsigned long long)number, (unsigned long long)count);
    if (event_position(t, number, &ev, err))
        return -1;
    *icount = ev.icount;
    return 0;
}

/* The first event of a class for which `match` returns true. 1: found. */
static int find_event(struct trace *t, uint32_t classes, bool (*match)(const struct event *, const char *),
                      const char *text, uint64_t *icount, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, classes);
    struct event ev;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1)
        if (match(&ev, text)) {
            *icount = ev.icount;
            break;
        }
    trace_cursor_close(c);
    return rc;
}

static bool has_text(const struct event *ev, const char *text)
{
    return ev->kind == EV_CONSOLE_LINE && plain_holds(ev->data, ev->len, text);
}

static bool has_kind(const struct event *ev, const char *name)
{
    return !strcmp(event_kind(ev->kind)->name, name);
}

static int resolve_console(struct trace *t, const char *text, uint64_t *icount, struct error *err)
{
    int rc = find_event(t, EVENT_CLASS_BIT(EC_CONSOLE), has_text, text, icount, err);
    if (rc == 0)
        return error_set(err, "console:%.100s: no console line of the trace has that text", text);
    return rc < 0 ? -1 : 0;
}

static int resolve_mark(struct trace *t, const char *name, uint64_t *icount, struct error *err)
{
    for (uint64_t i = 0; i < trace_note_count(t); i++) {
        struct trace_note note;
        if (trace_note(t, i, &note, err))
            return -1;
        if (!strcmp(note.type, "mark") && !strcmp(note.name, name)) {
            *icount = note.icount;
            return 0;
        }
    }
    for (unsigned id = 0; id < EV_COUNT; id++)
        if (!strcmp(event_kind(id)->name, name)) {
            int rc = find_event(t, EVENT_CLASS_BIT(event_kind(id)->cls), has_kind, name, icount, err);
            if (rc)
                return rc < 0 ? -1 : 0;
        }
    return error_set(err, "mark:%.100s: the trace has no mark and no event of that name", name);
}

/* The beginning of the first stage of that name. */
static int resolve_stage(struct trace *t, const char *name, uint64_t *icount, struct error *err)
{
    struct stages *s = stages_of_trace(t, err);
    size_t n = s ? stages_count(s) : 0, i = 0;
    if (!s)
        return -1;
    while (i < n && strcmp(stages_get(s, i)->name, name))
        i++;
    if (i < n)
        *icount = stages_get(s, i)->begin;
    stages_free(s);
    return i < n ? 0
                 : error_set(err,
                             "stage:%.100s: the trace has no stage of that name: bootreel stages lists them",
                             name);
}

/* Whether time passes at a constant rate up to the event: a repetition does so, including its halts, and so does an
 * access that is repeated, each of which takes its time. */
static bool even_pace(const struct event *ev)
{
    switch (ev->kind) {
    case EV_AGAIN:
        return true;
    case EV_PIO_READ:
    case EV_PIO_WRITE:
    case EV_MMIO_READ:
    case EV_MMIO_WRITE:
        return EVF(ev, PIO_READ, count) > 1; /* the four have the same fields */
    default:
        return false;
    }
}

/* Between two other events guest time runs with the steps, or is skipped while halted and in an access. So the position
 * is found from the last event at or before it: steps at the recorded rate, but not beyond the next event. */
static int resolve_time(struct trace *t, uint64_t time, uint64_t *icount, struct error *err)
{
    uint64_t low = 0, high = trace_event_count(t, EVENT_CLASSES_ALL);
    uint64_t step_ns = trace_config(t)->step_ns ? trace_config(t)->step_ns : 1;
    struct event before = {.icount = 0}, after = {.icount = trace_last_icount(t)};
    const struct trace_end *end = trace_end(t);
    char exact[NUMBER_TEXT];
    if (end && time > end->time)
        return error_set(err, "that is after the end of the run, at %s s of guest time",
                         number_exact(exact, end->time));
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        struct event ev;
        if (event_position(t, mid, &ev, err))
            return -1;
        if (ev.time <= time) {
            low = mid + 1;
            before = ev;
        } else {
            high = mid;
            after = ev;
        }
    }
    uint64_t guess = before.icount + (time - before.time) / step_ns;
    if (even_pace(&after) && after.time > before.time)
        guess = before.icount + (uint64_t)((unsigned __int128)(time - before.time) *
                                           (after.icount - before.icount) / (after.time - before.time));
    *icount = guess < after.icount ? guess : after.icount;
    return 0;
}

int position_resolve(struct trace *t, const struct position *pos, uint64_t here, uint64_t *icount,
                     struct error *err)
{
    uint64_t last = trace_last_icount(t);
    int rc = 0;
    switch (pos->kind) {
    case POS_ICOUNT:
        *icount = pos->n;
        break;
    case POS_TIME:
        rc = resolve_time(t, pos->n, icount, err);
        break;
    case POS_PERCENT:
        *icount = (uint64_t)((unsigned __int128)last * pos->n / 1000000);
        break;
    case POS_EVENT:
        rc = resolve_event(t, pos->n, icount, err);
        break;
    case POS_CONSOLE:
        rc = resolve_console(t, pos->text, icount, err);
        break;
    case POS_MARK:
        rc = resolve_mark(t, pos->text, icount, err);
        break;
    case POS_STAGE:
        rc = resolve_stage(t, pos->text, icount, err);
        break;
    case POS_FORWARD:
        *icount = pos->n < last - (here < last ? here : last) ? here + pos->n : last;
        break;
    case POS_BACK:
        *icount = pos->n < here ? here - pos->n : 0;
        break;
    }
    if (!rc && *icount > last)
        return error_set(err, "icount %llu is after the end of the run, which is at %llu",
                         (unsigned long long)*icount, (unsigned long long)last);
    return rc;
}
