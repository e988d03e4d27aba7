/* event_code.c - events as bytes, and back. The code is described in docs/trace-format.md, "Event frames".
 *
 * Events are encoded as differences within a frame: the icount from the last event's, the fields from those
 * of the last event of the same kind, the time from what the steps alone would give.
 */
#include <assert.h>
#include <xxhash.h>

#include "traces/event_code.h"
#include "traces/frame.h"

enum {
    TAG_TIME = 1, /* a halt was skipped since the last event */
    TAG_CPU = 2,  /* the processor is not the last event's */
    TAG_BITS = 2,
    EVENT_MAX_CODE = EVENT_MAX_DATA + (EVENT_MAX_FIELDS + 8) * VARINT_MAX,
};

/* In place of an event's tag: the next event, and those after it, are of another guest. It is the tag of the
 * first kind that the trace does not have, so a reader that does not know it refuses it. */
static uint64_t guest_tag(const struct event_layout *l)
{
    return (uint64_t)l->nkinds << TAG_BITS;
}

static unsigned text_slot(const void *data, size_t n)
{
    return XXH3_64bits(data, n) % TEXT_SLOTS;
}

static void event_layout_own(struct event_layout *l)
{
    l->nkinds = EV_COUNT;
    for (unsigned i = 0; i < EV_COUNT; i++) {
        l->nfields[i] = (uint8_t)event_kind(i)->nfields;
        l->has_data[i] = event_kind(i)->has_data;
    }
}

/* What the next event's differences are relative to. */
struct event_past {
    uint64_t icount;
    uint64_t skipped; /* time that the steps do not account for, modulo 2^64 */
    uint8_t cpu;
    uint16_t guest;
    uint64_t input; /* the last one that was referred to */
    uint64_t f[EV_COUNT][EVENT_MAX_FIELDS];
};

/* ---------------------------------------------------------------- encoder */

struct text_copy {
    uint8_t n; /* 0: empty slot */
    uint8_t text[TEXT_SLOT_MAX];
};

/* Data that were written out. */
struct literal {
    size_t at, data; /* in the frame: where their coding begins, and they themselves */
    uint32_t n;
};

/* The last inputs that events may refer to. Many may come at one position before the events of the first. */
enum { INPUTS_KEPT = 256, LITERALS_KEPT = 8 };

struct input_window {
    uint64_t total; /* input i of all of them is at i % INPUTS_KEPT */
    uint64_t hash[INPUTS_KEPT], number[INPUTS_KEPT];
    uint32_t n[INPUTS_KEPT];
    uint8_t data[INPUTS_KEPT][EVENT_MAX_DATA];
};

struct event_encoder {
    uint64_t step_ns;
    uint32_t count;
    size_t n;
    struct input_window *inputs; /* NULL: there were none */
    struct literal literal[LITERALS_KEPT];
    size_t literals; /* since the last input, or reference to one; the last of them are in `literal` */
    struct event_layout layout;
    struct event_past past;
    struct text_copy slot[TEXT_SLOTS];
    uint8_t bytes[EVENTS_CUT_BYTES + EVENT_MAX_CODE];
};

_Static_assert(EVENTS_CUT_BYTES + EVENT_MAX_CODE <= EVENTS_CUT_BYTES + 8192, "frame_raw_max of events");

struct event_encoder *event_encoder_new(uint64_t step_ns)
{
    struct event_encoder *e = mem_zero(1, sizeof *e);
    e->step_ns = step_ns;
    event_layout_own(&e->layout);
    return e;
}

void event_encoder_layout(struct event_encoder *e, const struct event_layout *layout)
{
    e->layout = *layout;
}

void event_encoder_kinds(struct event_encoder *e, unsigned n)
{
    assert(n && n <= EV_COUNT && "kinds that there are");
    e->layout.nkinds = n;
}

void event_encoder_free(struct event_encoder *e)
{
    if (!e)
        return;
    free(e->inputs);
    free(e);
}

void event_encoder_reset(struct event_encoder *e)
{
    e->count = 0;
    e->n = 0;
    e->literals = 0;
    memset(&e->past, 0, sizeof e->past);
    for (int i = 0; i < TEXT_SLOTS; i++)
        e->slot[i].n = 0;
}

static uint8_t *encode_text(struct event_encoder *e, uint8_t *p, const void *data, uint32_t n)
{
    if (n && n <= TEXT_SLOT_MAX) {
        unsigned slot = text_slot(data, n);
        struct text_copy *copy = &e->slot[slot];
        if (copy->n == n && !memcmp(copy->text, data, n))
            return varint_write(p, slot + 1);
        copy->n = (uint8_t)n;
        memcpy(copy->text, data, n);
    }
    *p++ = 0;
    p = varint_write(p, n);
    if (n)
        memcpy(p, data, n);
    return p + n;
}

/* The first bytes of an input, as many as an event has at most. References in a frame do not go back. */
static uint8_t *encode_ref(struct event_encoder *e, uint8_t *p, uint64_t input, uint32_t n)
{
    assert(input >= e->past.input && n && n <= EVENT_MAX_DATA);
    p = varint_write(p, INPUT_DATA);
    p = varint_write(p, input - e->past.input);
    p = varint_write(p, 0);
    p = varint_write(p, n);
    e->past.input = input;
    e->literals = 0;
    return p;
}

/* The number of the first input with these data to which a reference is possible, or UINT64_MAX. */
static uint64_t find_input(const struct event_encoder *e, const void *data, uint32_t n)
{
    const struct input_window *w = e->inputs;
    const uint64_t hash = XXH3_64bits(data, n);
    for (uint64_t i = w->total > INPUTS_KEPT ? w->total - INPUTS_KEPT : 0; i < w->total; i++) {
        const size_t k = i % INPUTS_KEPT;
        if (w->hash[k] == hash && w->number[k] >= e->past.input && w->n[k] == n &&
            !memcmp(w->data[k], data, n))
            return w->number[k];
    }
    return UINT64_MAX;
}

static uint8_t *encode_data(struct event_encoder *e, uint8_t *p, const void *data, uint32_t n)
{
    if (n <= TEXT_SLOT_MAX)
        return encode_text(e, p, data, n);
    const uint64_t input = e->inputs ? find_input(e, data, n) : UINT64_MAX;
    if (input != UINT64_MAX)
        return encode_ref(e, p, input, n);
    uint8_t *end = encode_text(e, p, data, n);
    e->literal[e->literals++ % LITERALS_KEPT] =
        (struct literal){(size_t)(p - e->bytes), (size_t)(end - e->bytes) - n, n};
    return end;
}

/* A recorder knows that an input was taken only after the events that it made: their data become a reference. */
static void refer_back(struct event_encoder *e, uint64_t input, const void *data, uint32_t n)
{
    const size_t last = e->literals < LITERALS_KEPT ? e->literals : LITERALS_KEPT;
    for (size_t i = 1; i <= last; i++) {
        const struct literal l = e->literal[(e->literals - i) % LITERALS_KEPT];
        if (l.n != n || memcmp(e->bytes + l.data, data, n))
            continue;
        const uint8_t *after = e->bytes + l.data + n;
        const size_t rest = e->n - (l.data + n);
        uint8_t *p = encode_ref(e, e->bytes + l.at, input, n);
        memmove(p, after, rest);
        e->n = (size_t)(p - e->bytes) + rest;
        return;
    }
}

void event_encoder_input(struct event_encoder *e, uint64_t number, const void *data, uint32_t len)
{
    const uint32_t n = len < EVENT_MAX_DATA ? len : EVENT_MAX_DATA;
    if (n > TEXT_SLOT_MAX) {
        refer_back(e, number, data, n);
        if (!e->inputs)
            e->inputs = mem_zero(1, sizeof *e->inputs);
        struct input_window *w = e->inputs;
        const size_t k = w->total++ % INPUTS_KEPT;
        w->hash[k] = XXH3_64bits(data, n);
        w->number[k] = number;
        w->n[k] = n;
        memcpy(w->data[k], data, n);
    }
    e->literals = 0;
}

static uint8_t *encode_fields(uint8_t *p, uint64_t *past, const uint64_t *f, unsigned n)
{
    assert(n <= EVENT_MAX_FIELDS && EVENT_MAX_FIELDS <= 8 && "the mask has a bit for each field");
    uint8_t *mask = p++;
    uint8_t changed = 0;
    for (unsigned i = 0; i < n; i++) {
        if (f[i] == past[i])
            continue;
        changed |= (uint8_t)(1u << i);
        p = varint_write(p, zigzag(f[i] - past[i]));
        past[i] = f[i];
    }
    *mask = changed;
    return p;
}

bool event_encoder_add(struct event_encoder *e, const struct event *ev)
{
    assert(ev->kind < EV_COUNT && ev->len <= EVENT_MAX_DATA);
    assert(e->n < EVENTS_CUT_BYTES && "the frame was to be cut");
    struct event_past *past = &e->past;
    assert(ev->icount >= past->icount && "positions never fall");
    uint64_t skipped = ev->time - ev->icount * e->step_ns;
    unsigned tag = (skipped != past->skipped ? TAG_TIME : 0) | (ev->cpu != past->cpu ? TAG_CPU : 0);
    uint8_t *p = e->bytes + e->n;
    if (ev->guest != past->guest)
        p = varint_write(varint_write(p, guest_tag(&e->layout)), ev->guest);
    p = varint_write(p, (unsigned)ev->kind << TAG_BITS | tag);
    p = varint_write(p, ev->icount - past->icount);
    if (tag & TAG_CPU)
        *p++ = ev->cpu;
    if (tag & TAG_TIME)
        p = varint_write(p, zigzag(skipped - past->skipped));
    past->icount = ev->icount;
    past->skipped = skipped;
    past->cpu = ev->cpu;
    past->guest = ev->guest;
    if (e->layout.nfields[ev->kind])
        p = encode_fields(p, past->f[ev->kind], ev->f, e->layout.nfields[ev->kind]);
    if (e->layout.has_data[ev->kind])
        p = encode_data(e, p, ev->data, ev->len);
    e->n = (size_t)(p - e->bytes);
    assert(e->n <= sizeof e->bytes && "an event has no more bytes than EVENT_MAX_CODE");
    e->count++;
    return e->n >= EVENTS_CUT_BYTES || e->count >= EVENTS_CUT_COUNT;
}

const void *event_encoder_bytes(const struct event_encoder *e, size_t *n)
{
    *n = e->n;
    return e->bytes;
}

uint64_t event_encoder_hash(const struct event_encoder *e)
{
    return XXH3_64bits(e->bytes, e->n);
}

uint32_t event_encoder_count(const struct event_encoder *e)
{
    return e->count;
}

/* ---------------------------------------------------------------- decoder */

struct text_ref {
    const uint8_t *p; /* NULL: empty slot */
    uint32_t n;
};

struct event_decoder {
    struct view v;
    uint64_t step_ns;
    const struct event_layout *layout;
    uint64_t inputs; /* how many may be referred to */
    struct event_frame *f;
    uint32_t count; /* events in it */
    struct event_past past;
    struct text_ref slot[TEXT_SLOTS];
};

static const char *decode_ref(struct event_decoder *d, struct event *ev)
{
    if (!d->f->ref)
        d->f->ref = mem_zero(d->count, sizeof d->f->ref[0]);
    struct event_ref *ref = &d->f->ref[d->f->n];
    ref->input = d->past.input + view_varint(&d->v);
    ref->offset = (uint32_t)view_number(&d->v, TRACE_MAX_INPUT);
    ev->len = (uint32_t)view_number(&d->v, EVENT_MAX_DATA);
    if (ref->input < d->past.input || ref->input >= d->inputs || !ev->len)
        return "refers to an input that is not there";
    d->past.input = ref->input;
    return NULL;
}

static const char *decode_text(struct event_decoder *d, struct event *ev)
{
    uint64_t ref = view_varint(&d->v);
    if (ref == INPUT_DATA)
        return decode_ref(d, ev);
    if (ref > TEXT_SLOTS || (ref && !d->slot[ref - 1].p))
        return "refers to a text that is not there";
    if (ref) {
        ev->data = d->slot[ref - 1].p;
        ev->len = d->slot[ref - 1].n;
        return NULL;
    }
    ev->len = (uint32_t)view_number(&d->v, EVENT_MAX_DATA);
    ev->data = view_take(&d->v, ev->len);
    if (ev->data && ev->len && ev->len <= TEXT_SLOT_MAX)
        d->slot[text_slot(ev->data, ev->len)] = (struct text_ref){ev->data, ev->len};
    return NULL;
}

static const char *decode_fields(struct event_decoder *d, struct event *ev, unsigned n)
{
    uint64_t *past = d->past.f[ev->kind];
    unsigned mask = view_u8(&d->v);
    if (mask >> n)
        return "an event has a field that its kind has not";
    for (unsigned i = 0; i < n; i++)
        if (mask >> i & 1)
            past[i] += unzigzag(view_varint(&d->v));
    memcpy(ev->f, past, n * sizeof past[0]);
    return NULL;
}

static const char *decode_event(struct event_decoder *d, struct event *ev)
{
    uint64_t tag = view_varint(&d->v);
    if (tag == guest_tag(d->layout)) {
        d->past.guest = (uint16_t)view_number(&d->v, UINT16_MAX);
        tag = view_varint(&d->v);
    }
    if (tag >> TAG_BITS >= d->layout->nkinds)
        return "an event is of no known kind";
    *ev = (struct event){.kind = (uint16_t)(tag >> TAG_BITS)};
    ev->icount = d->past.icount + view_varint(&d->v);
    if (ev->icount < d->past.icount)
        return "an event's position is out of range";
    if (tag & TAG_CPU)
        d->past.cpu = view_u8(&d->v);
    if (tag & TAG_TIME)
        d->past.skipped += unzigzag(view_varint(&d->v));
    d->past.icount = ev->icount;
    ev->cpu = d->past.cpu;
    ev->guest = d->past.guest;
    ev->time = ev->icount * d->step_ns + d->past.skipped;
    unsigned nfields = d->layout->nfields[ev->kind];
    const char *bad = nfields ? decode_fields(d, ev, nfields) : NULL;
    if (!bad && d->layout->has_data[ev->kind])
        bad = decode_text(d, ev);
    if (!bad && d->v.bad)
        bad = "cut off in an event";
    return bad;
}

/* An empty frame for `count` events, with the memory of another. */
static void frame_ready(struct event_frame *f, uint8_t *raw, uint32_t count)
{
    free(f->raw);
    free(f->ref);
    *f = (struct event_frame){.raw = raw, .ev = f->ev, .room = f->room};
    if (count <= f->room)
        return;
    free(f->ev);
    f->room = count;
    f->ev = mem_alloc(count * sizeof f->ev[0]);
    mem_expect(f->ev, count * sizeof f->ev[0]);
}

const char *event_frame_decode(struct event_frame *f, uint8_t *raw, size_t n, uint32_t count,
                               uint64_t step_ns, const struct event_layout *layout, uint64_t inputs)
{
    const bool fits = count <= EVENTS_CUT_COUNT && count <= n;
    frame_ready(f, raw, fits ? count : 0);
    if (!fits)
        return "more events than it has room for";
    struct event_decoder *d = mem_zero(1, sizeof *d);
    d->v = view_of(raw, n);
    d->step_ns = step_ns;
    d->layout = layout;
    d->inputs = inputs;
    d->f = f;
    d->count = count;
    const char *bad = NULL;
    while (!bad && f->n < count) {
        bad = decode_event(d, &f->ev[f->n]);
        f->n += !bad;
    }
    if (!bad && view_left(&d->v))
        bad = "bytes after its last event";
    free(d);
    return bad;
}

void event_frame_free(struct event_frame *f)
{
    free(f->raw);
    free(f->ev);
    free(f->ref);
    *f = (struct event_frame){0};
}
