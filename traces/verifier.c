/* verifier.c - checks whether a replay gives the events of the record.
 *
 * The replay's events are encoded as the writer would do, up to the number in the record's frame: equal
 * frames have equal checksums, and the record's frame need not be unpacked. Events are compared one by one
 * only where the checksums differ, and in frames that are not compared from their first event to their last.
 * The encoder knows of no inputs here, so this is also done where the record refers to their data.
 */
#include "traces/reader.h"

struct trace_verifier {
    struct trace *t;
    size_t at;       /* event frame: position in the list */
    uint32_t pos;    /* number of its events that were given */
    bool one_by_one; /* the current frame is in `recorded`, and each event is compared when it is given */
    struct event_encoder *encoder;
    struct event_frame recorded, replayed;
    struct record_frame inputs;   /* with data of `recorded` */
    uint8_t data[EVENT_MAX_DATA]; /* of a replayed event that differs */
};

static const struct frame_list *verify_list(const struct trace_verifier *v)
{
    return &v->t->list[TF_EVENTS];
}

static const struct trace_frame *verify_frame(const struct trace_verifier *v)
{
    return &v->t->frame[verify_list(v)->frame[v->at]].info;
}

struct trace_verifier *trace_verifier_open(struct trace *t, struct error *err)
{
    struct trace_verifier *v = mem_zero(1, sizeof *v);
    v->t = t;
    v->encoder = event_encoder_new(t->config.step_ns);
    event_encoder_layout(v->encoder, &t->layout);
    return v;
}

void trace_verifier_close(struct trace_verifier *v)
{
    if (!v)
        return;
    event_frame_free(&v->recorded);
    event_frame_free(&v->replayed);
    records_free(&v->inputs);
    event_encoder_free(v->encoder);
    free(v);
}

uint64_t trace_verifier_next(const struct trace_verifier *v)
{
    return v->at == verify_list(v)->n ? verify_list(v)->items : verify_frame(v)->first + v->pos;
}

/* Unpacks the current frame, to compare its events one by one. */
static int verify_load(struct trace_verifier *v, struct error *err)
{
    v->one_by_one = true;
    return events_load(v->t, verify_list(v)->frame[v->at], &v->recorded, err);
}

/* Event `pos` of the current frame, which is loaded. */
static int verify_recorded(struct trace_verifier *v, uint32_t pos, struct event *ev, struct error *err)
{
    return event_get(v->t, verify_list(v)->frame[v->at], &v->recorded, pos, &v->inputs, ev, err);
}

static void verify_next_frame(struct trace_verifier *v)
{
    v->at++;
    v->pos = 0;
    v->one_by_one = false;
    event_encoder_reset(v->encoder);
}

int trace_verifier_seek(struct trace_verifier *v, uint64_t number, struct error *err)
{
    if (number >= verify_list(v)->items) {
        v->at = verify_list(v)->n;
        return number > verify_list(v)->items
                   ? error_set(err, "%s: has no event %llu", v->t->name, (unsigned long long)number)
                   : 0;
    }
    v->at = frame_list_find(v->t, verify_list(v), number);
    v->pos = (uint32_t)(number - verify_frame(v)->first);
    return v->pos ? verify_load(v, err) : 0;
}

/* Fills the difference at event `pos` of the current frame; each side may be NULL. */
static int differs(struct trace_verifier *v, uint64_t number, const struct event *recorded,
                   const struct event *replayed, struct trace_difference *diff)
{
    *diff = (struct trace_difference){.number = number, .has_recorded = recorded, .has_replayed = replayed};
    if (recorded)
        diff->recorded = *recorded;
    if (replayed) {
        diff->replayed = *replayed;
        if (replayed->len && v->t->layout.has_data[replayed->kind]) {
            memcpy(v->data, replayed->data, replayed->len);
            diff->replayed.data = v->data;
        }
    }
    return 1;
}

/* Compares the encoder's events with the record's current frame, of which they may be only the beginning. */
static int verify_encoded(struct trace_verifier *v, struct trace_difference *diff, struct error *err)
{
    uint32_t count = event_encoder_count(v->encoder);
    size_t n;
    const void *bytes = event_encoder_bytes(v->encoder, &n);
    uint8_t *copy = mem_copy(bytes, n);
    const char *bad =
        event_frame_decode(&v->replayed, copy, n, count, v->t->config.step_ns, &v->t->layout, 0);
    if (bad)
        return error_set(err, "%s: the replay's events cannot be decoded: %s", v->t->name, bad);
    if (verify_load(v, err))
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        struct event recorded;
        const bool more = i < v->recorded.n;
        if (more && verify_recorded(v, i, &recorded, err))
            return -1;
        if (!more || !event_same(&recorded, &v->replayed.ev[i]))
            return differs(v, verify_frame(v)->first + i, more ? &recorded : NULL, &v->replayed.ev[i], diff);
    }
    return 0;
}

/* The event without the fields that the record does not have: they were added later. */
static const struct event *as_recorded(const struct trace_verifier *v, const struct event *ev,
                                       struct event *known)
{
    const struct event_layout *l = &v->t->layout;
    if (ev->kind >= l->nkinds || l->nfields[ev->kind] == event_kind(ev->kind)->nfields)
        return ev;
    *known = *ev;
    for (unsigned i = l->nfields[ev->kind]; i < EVENT_MAX_FIELDS; i++)
        known->f[i] = 0;
    return known;
}

bool trace_knows(const struct trace *t, unsigned kind)
{
    return kind < t->layout.nkinds;
}

static int verify_single(struct trace_verifier *v, const struct event *ev, struct trace_difference *diff,
                         struct error *err)
{
    struct event recorded;
    if (verify_recorded(v, v->pos, &recorded, err))
        return -1;
    if (!event_same(&recorded, ev))
        return differs(v, verify_frame(v)->first + v->pos, &recorded, ev, diff);
    if (++v->pos == v->recorded.n)
        verify_next_frame(v);
    return 0;
}

int trace_verifier_event(struct trace_verifier *v, const struct event *given, struct trace_difference *diff,
                         struct error *err)
{
    if (given->kind >= EV_COUNT || given->len > EVENT_MAX_DATA)
        return error_set(err, "%s: the replay gives an event of unknown kind or length", v->t->name);
    struct event known;
    const struct event *ev = as_recorded(v, given, &known);
    if (!trace_knows(v->t, ev->kind))
        return 0;
    if (v->at == verify_list(v)->n)
        return differs(v, verify_list(v)->items, NULL, ev, diff);
    if (v->one_by_one)
        return verify_single(v, ev, diff, err);
    bool full = event_encoder_add(v->encoder, ev);
    v->pos++;
    const struct trace_frame *f = verify_frame(v);
    if (v->pos == f->items) {
        size_t n;
        event_encoder_bytes(v->encoder, &n);
        int result =
            n == f->raw && event_encoder_hash(v->encoder) == f->hash ? 0 : verify_encoded(v, diff, err);
        if (!result)
            verify_next_frame(v);
        return result;
    }
    /* The record's frame is longer than this program would make it: go on event by event. */
    return full ? verify_encoded(v, diff, err) : 0;
}

int trace_verifier_finish(struct trace_verifier *v, uint64_t icount, struct trace_difference *diff,
                          struct error *err)
{
    if (v->at == verify_list(v)->n)
        return 0;
    if (!v->one_by_one) {
        int result = verify_encoded(v, diff, err);
        if (result)
            return result;
    }
    struct event next;
    if (verify_recorded(v, v->pos, &next, err))
        return -1;
    bool at_end = icount >= trace_last_icount(v->t);
    return at_end || next.icount < icount ? differs(v, verify_frame(v)->first + v->pos, &next, NULL, diff)
                                          : 0;
}
