/* reader_events.c - walking the events of a trace, in both directions, by class. */
#include <assert.h>

#include "base/sorted.h"
#include "traces/reader.h"

struct trace_cursor {
    struct trace *t;
    uint32_t classes;
    /* The cursor is before event `pos` of event frame `at` (index in the list); at == list->n is the end. */
    size_t at;
    uint32_t pos;
    struct shared_events *shared; /* an event frame, not always the one at `at`; NULL: none yet */
    struct record_frame inputs;   /* that have the data of the event that was given last */
};

/* Checks that the frame contains what its header says. */
static const char *events_agree(const struct frame_entry *e, const struct event_frame *f)
{
    uint32_t count[EC_COUNT] = {0};
    for (uint32_t i = 0; i < f->n; i++)
        count[event_kind(f->ev[i].kind)->cls]++;
    if (memcmp(count, e->class_count, sizeof count))
        return "its events are not those that its header counts";
    if (f->ev[0].icount != e->info.first_icount || f->ev[f->n - 1].icount != e->info.last_icount)
        return "its events are not where its header says";
    return NULL;
}

int events_load(struct trace *t, size_t frame, struct event_frame *f, struct error *err)
{
    const struct frame_entry *e = &t->frame[frame];
    uint8_t *raw = frame_unpack(t, frame, err);
    if (!raw) {
        event_frame_free(f);
        return -1;
    }
    const char *bad =
        event_frame_decode(f, raw, e->info.raw, e->info.items, t->config.step_ns, &t->layout, e->inputs);
    if (!bad)
        bad = events_agree(e, f);
    if (!bad)
        return 0;
    event_frame_free(f);
    return frame_error(t, frame, err, bad);
}

/* ---------------------------------------------------------------- shared frames */

static void events_free(struct trace *t, size_t i)
{
    event_frame_free(&t->events[i]->events);
    free(t->events[i]);
    t->events[i] = t->events[--t->nevents];
}

void events_clear(struct trace *t)
{
    for (size_t i = t->nevents; i--;)
        if (!t->events[i]->users)
            events_free(t, i);
    if (!t->nevents) {
        free(t->events);
        t->events = NULL;
    }
}

/* The idle one that was used longest ago, if at least n are idle; else t->nevents. */
static size_t events_oldest(const struct trace *t, unsigned n)
{
    size_t oldest = t->nevents;
    unsigned idle = 0;
    for (size_t i = 0; i < t->nevents; i++) {
        if (t->events[i]->users)
            continue;
        idle++;
        if (oldest == t->nevents || t->events[i]->used < t->events[oldest]->used)
            oldest = i;
    }
    return idle < n ? t->nevents : oldest;
}

/* One whose memory can be used again, or a new one. */
static struct shared_events *events_room(struct trace *t)
{
    const size_t oldest = events_oldest(t, IDLE_EVENTS);
    if (oldest < t->nevents)
        return t->events[oldest];
    MEM_MORE(t->events, t->nevents);
    return t->events[t->nevents++] = mem_zero(1, sizeof *t->events[0]);
}

/* One that could not be read is there, too, and empty. */
static struct shared_events *events_find(const struct trace *t, size_t frame)
{
    for (size_t i = 0; i < t->nevents; i++)
        if (t->events[i]->frame == frame && t->events[i]->events.n)
            return t->events[i];
    return NULL;
}

struct shared_events *events_take(struct trace *t, size_t frame, struct error *err)
{
    struct shared_events *s = events_find(t, frame);
    if (!s) {
        s = events_room(t);
        s->frame = frame;
        if (events_load(t, frame, &s->events, err))
            return NULL;
    }
    s->users++;
    return s;
}

void events_give_back(struct trace *t, struct shared_events *s)
{
    if (!s)
        return;
    assert(s->users && "what was taken is given back once");
    s->users--;
    s->used = ++t->cache_clock;
    const size_t oldest = events_oldest(t, IDLE_EVENTS + 1);
    if (oldest < t->nevents)
        events_free(t, oldest);
}

/* ---------------------------------------------------------------- an event */

int event_get(struct trace *t, size_t frame, const struct event_frame *f, uint32_t i,
              struct record_frame *from, struct event *ev, struct error *err)
{
    assert(i < f->n && "an event is taken from its own frame");
    *ev = f->ev[i];
    if (!event_refers(ev))
        return 0;
    const struct event_ref *ref = &f->ref[i];
    struct error why;
    const struct record *r = record_get(t, TF_INPUT, from, ref->input, &why);
    if (!r)
        return error_set(err, "%s; the data of event %llu are in it", why.text,
                         (unsigned long long)(t->frame[frame].info.first + i));
    if (ref->offset > r->len || ev->len > r->len - ref->offset)
        return frame_error(t, frame, err, "an event has more data than the input that it refers to");
    ev->data = r->data + ref->offset;
    return 0;
}

static uint64_t count_classes(const struct frame_entry *e, uint32_t classes)
{
    uint64_t n = 0;
    for (int c = 0; c < EC_COUNT; c++)
        n += classes & EVENT_CLASS_BIT(c) ? e->class_count[c] : 0;
    return n;
}

uint64_t trace_event_count(const struct trace *t, uint32_t classes)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < EV_COUNT; i++)
        n += classes & EVENT_CLASS_BIT(event_kind(i)->cls) ? t->kinds[i] : 0;
    return n;
}

/* ---------------------------------------------------------------- cursor */

static const struct frame_list *cursor_list(const struct trace_cursor *c)
{
    return &c->t->list[TF_EVENTS];
}

static const struct frame_entry *cursor_frame(const struct trace_cursor *c, size_t at)
{
    return &c->t->frame[cursor_list(c)->frame[at]];
}

static bool cursor_wants(const struct trace_cursor *c, uint32_t pos)
{
    return c->classes & EVENT_CLASS_BIT(event_kind(c->shared->events.ev[pos].kind)->cls);
}

struct trace_cursor *trace_cursor_open(struct trace *t, uint32_t classes)
{
    struct trace_cursor *c = mem_zero(1, sizeof *c);
    c->t = t;
    c->classes = classes;
    return c;
}

void trace_cursor_close(struct trace_cursor *c)
{
    if (!c)
        return;
    events_give_back(c->t, c->shared);
    records_free(&c->inputs);
    free(c);
}

static bool cursor_loaded(const struct trace_cursor *c)
{
    return c->shared && c->shared->frame == cursor_list(c)->frame[c->at];
}

static int cursor_load(struct trace_cursor *c, struct error *err)
{
    assert(c->at < cursor_list(c)->n && "at the end there is no frame");
    if (cursor_loaded(c))
        return 0;
    events_give_back(c->t, c->shared);
    c->shared = events_take(c->t, cursor_list(c)->frame[c->at], err);
    return c->shared ? 0 : -1;
}

int trace_cursor_seek_icount(struct trace_cursor *c, uint64_t icount, struct error *err)
{
    const size_t low = FIRST_NOT(mid, 0, cursor_list(c)->n, cursor_frame(c, mid)->info.last_icount < icount);
    c->at = low;
    c->pos = 0;
    if (low == cursor_list(c)->n || cursor_frame(c, low)->info.first_icount >= icount)
        return 0;
    if (cursor_load(c, err))
        return -1;
    while (c->pos < c->shared->events.n && c->shared->events.ev[c->pos].icount < icount)
        c->pos++;
    return 0;
}

int trace_cursor_seek_number(struct trace_cursor *c, uint64_t number, struct error *err)
{
    const struct frame_list *list = cursor_list(c);
    c->at = list->n;
    c->pos = 0;
    if (number >= list->items)
        return 0;
    c->at = frame_list_find(c->t, list, number);
    c->pos = (uint32_t)(number - cursor_frame(c, c->at)->info.first);
    return 0;
}

int trace_cursor_seek_nth(struct trace_cursor *c, uint64_t n, struct error *err)
{
    c->pos = 0;
    for (c->at = 0; c->at < cursor_list(c)->n; c->at++) {
        uint64_t here = count_classes(cursor_frame(c, c->at), c->classes);
        if (n < here)
            break;
        n -= here;
    }
    if (c->at == cursor_list(c)->n || !n)
        return 0;
    if (cursor_load(c, err))
        return -1;
    for (; n || !cursor_wants(c, c->pos); c->pos++)
        n -= cursor_wants(c, c->pos);
    return 0;
}

/* Moves to `then` if the event can be read. */
static int cursor_give(struct trace_cursor *c, uint32_t pos, uint32_t then, struct event *ev,
                       uint64_t *number, struct error *err)
{
    assert(cursor_loaded(c) && "an event is taken from its own frame");
    if (event_get(c->t, cursor_list(c)->frame[c->at], &c->shared->events, pos, &c->inputs, ev, err))
        return -1;
    if (number)
        *number = cursor_frame(c, c->at)->info.first + pos;
    c->pos = then;
    return 1;
}

int trace_cursor_next(struct trace_cursor *c, struct event *ev, uint64_t *number, struct error *err)
{
    for (; c->at < cursor_list(c)->n; c->at++, c->pos = 0) {
        if (!count_classes(cursor_frame(c, c->at), c->classes))
            continue;
        if (cursor_load(c, err))
            return -1;
        for (; c->pos < c->shared->events.n; c->pos++)
            if (cursor_wants(c, c->pos))
                return cursor_give(c, c->pos, c->pos + 1, ev, number, err);
    }
    return 0;
}

int trace_cursor_prev(struct trace_cursor *c, struct event *ev, uint64_t *number, struct error *err)
{
    for (;;) {
        if (c->pos && count_classes(cursor_frame(c, c->at), c->classes)) {
            if (cursor_load(c, err))
                return -1;
            for (; c->pos; c->pos--)
                if (cursor_wants(c, c->pos - 1))
                    return cursor_give(c, c->pos - 1, c->pos - 1, ev, number, err);
        }
        if (!c->at) {
            c->pos = 0;
            return 0;
        }
        c->at--;
        c->pos = cursor_frame(c, c->at)->info.items;
    }
}

enum console_device trace_console(struct trace *t)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_CONSOLE));
    bool serial = false, screen = false, virtio = false;
    struct event ev;
    while (!serial && trace_cursor_next(c, &ev, NULL, NULL) == 1)
        if (ev.kind == EV_CONSOLE_LINE) {
            serial = EVF(&ev, CONSOLE_LINE, device) == CONSOLE_SERIAL0;
            screen |= EVF(&ev, CONSOLE_LINE, device) == CONSOLE_SCREEN;
            virtio |= EVF(&ev, CONSOLE_LINE, device) == CONSOLE_VIRTIO;
        }
    trace_cursor_close(c);
    if (serial)
        return CONSOLE_SERIAL0;
    return virtio ? CONSOLE_VIRTIO : screen ? CONSOLE_SCREEN : CONSOLE_SERIAL0;
}
