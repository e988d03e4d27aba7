/* story.c - see story.h. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/helper.h"
#include "base/memory.h"
#include "base/sorted.h"
#include "core/symbols/debug.h"
#include "core/timeline/recorded_debug.h"
#include "tui/story.h"

enum { SAMPLES = 500000 };

/* The position of every stride-th event. */
struct sample {
    uint64_t icount, time;
};

struct story {
    char *path;
    const struct engine_kind *kind;
    struct debug_info *debug;
    struct helper helper;
    struct trace *t; /* the thread's */
    struct stages *stages;
    struct symbols *symbols;
    struct sample *sample;
    size_t n;
    uint64_t stride, events, last, last_time;
    struct error err;
    atomic_bool have_stages, have_symbols, ready, stop;
};

static void sample_events(struct story *s)
{
    struct trace_cursor *c = trace_cursor_open(s->t, EVENT_CLASSES_ALL);
    struct event ev;
    struct error err;
    uint64_t number;
    int rc;
    s->events = trace_event_count(s->t, EVENT_CLASSES_ALL);
    s->stride = s->events / SAMPLES + 1;
    s->sample = mem_alloc((s->events / s->stride + 2) * sizeof *s->sample);
    while (!atomic_load(&s->stop) && (rc = trace_cursor_next(c, &ev, &number, &err)) != 0) {
        if (rc < 0) {
            s->err = err;
            break;
        }
        s->last_time = ev.time;
        if (number % s->stride == 0 && s->n <= s->events / s->stride)
            s->sample[s->n++] = (struct sample){ev.icount, ev.time};
    }
    trace_cursor_close(c);
}

/* The first sentence about what does not fit is shown when the story is ready. */
static void said(void *ctx, const char *text)
{
    struct story *s = ctx;
    if (!*s->err.text)
        error_set(&s->err, "%s", text);
}

static void add_debug(struct story *s)
{
    struct error err;
    debug_info_on_words(s->debug, said, s);
    if (recorded_debug(s->t, s->kind, s->symbols, s->debug, &err))
        said(s, err.text);
    debug_info_on_words(s->debug, NULL, NULL);
}

static void *work(void *ctx)
{
    struct story *s = ctx;
    struct error err = {""};
    s->t = trace_open(s->path, &s->err);
    if (s->t) {
        s->err.text[0] = 0;
        s->last = trace_last_icount(s->t);
        s->stages = stages_of_trace(s->t, &err);
        atomic_store(&s->have_stages, true);
        s->symbols = atomic_load(&s->stop) ? NULL : symbols_load(s->t, &s->err);
        if (s->symbols && s->debug && !atomic_load(&s->stop))
            add_debug(s);
        atomic_store(&s->have_symbols, true);
        if (!s->stages)
            s->err = err;
        sample_events(s);
        if (trace_end(s->t))
            s->last_time = trace_end(s->t)->time;
    }
    atomic_store(&s->ready, true);
    return NULL;
}

struct story *story_begin(const char *path, const struct engine_kind *kind, struct debug_info *debug)
{
    struct story *s = mem_zero(1, sizeof *s);
    s->path = mem_string(path);
    s->kind = kind;
    s->debug = debug;
    helper_start(&s->helper, work, s);
    return s;
}

void story_wait(struct story *s)
{
    helper_wait(&s->helper);
}

void story_end(struct story *s)
{
    if (!s)
        return;
    atomic_store(&s->stop, true);
    story_wait(s);
    stages_free(s->stages);
    symbols_free(s->symbols);
    trace_close(s->t);
    free(s->sample);
    free(s->path);
    free(s);
}

const struct stages *story_stages(struct story *s)
{
    return atomic_load(&s->have_stages) ? s->stages : NULL;
}

const struct symbols *story_symbols(struct story *s)
{
    return atomic_load(&s->have_symbols) ? s->symbols : NULL;
}

bool story_ready(struct story *s)
{
    return atomic_load(&s->ready);
}

const char *story_error(struct story *s)
{
    return story_ready(s) ? s->err.text : "";
}

bool story_failed(const struct story *s, struct error *err)
{
    if (s->t)
        return trace_failed(s->t, err);
    *err = s->err;
    return true;
}

/* ---------------------------------------------------------------- samples */

/* How many samples are before `v`, by icount or by time. */
static size_t samples_before(const struct story *s, uint64_t v, bool by_time)
{
    return FIRST_NOT(mid, 0, s->n, (by_time ? s->sample[mid].time : s->sample[mid].icount) < v);
}

uint64_t story_events_before(struct story *s, uint64_t icount)
{
    return story_ready(s) && s->n ? samples_before(s, icount, false) * s->stride : 0;
}

/* Interpolates on the line from (a, x) to (b, y). */
static uint64_t between(uint64_t v, uint64_t a, uint64_t b, uint64_t x, uint64_t y)
{
    return b > a ? x + (uint64_t)((double)(y - x) * ((double)(v - a) / (double)(b - a))) : x;
}

uint64_t story_time(struct story *s, uint64_t icount)
{
    if (!story_ready(s) || !s->n)
        return 0;
    size_t i = samples_before(s, icount + 1, false);
    struct sample a = i ? s->sample[i - 1] : (struct sample){0, 0};
    struct sample b = i < s->n ? s->sample[i] : (struct sample){s->last, s->last_time};
    return between(icount < a.icount ? a.icount : icount, a.icount, b.icount, a.time, b.time);
}

uint64_t story_icount(struct story *s, uint64_t time)
{
    if (!story_ready(s) || !s->n)
        return 0;
    size_t i = samples_before(s, time + 1, true);
    struct sample a = i ? s->sample[i - 1] : (struct sample){0, 0};
    struct sample b = i < s->n ? s->sample[i] : (struct sample){s->last, s->last_time};
    return between(time < a.time ? a.time : time, a.time, b.time, a.icount, b.icount);
}
