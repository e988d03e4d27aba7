/* explain.c - explanations of events: which table they come from, and how to get them anywhere in a trace.
 * See explain.h. */
#include "core/story/explain.h"

#include "base/memory.h"
#include "base/sorted.h"
#include "core/packets/packet.h"
#include "core/story/fold.h"
#include "core/story/guest.h"
#include "core/story/private/explain_impl.h"

/* The explainer's memory, as one block of bytes: the last events (a repetition may have ended in the middle),
 * then the engine's state. */
enum { GUESTS = 32 };
struct memory {
    uint64_t seen;           /* events so far */
    uint8_t systems[GUESTS]; /* of the guests, as from guest_system_found */
    struct event last[FOLD_LOOP];
};

struct explainer {
    const struct engine_words *words; /* NULL: none */
    size_t size;                      /* of the memory */
    struct memory *memory;
    const struct trace_config *cfg;
    struct profile *builtin; /* NULL until a POST code is explained */
    const char *manual, *source;
};

/* ---------------------------------------------------------------- in order */

static void *engine_part(struct memory *m)
{
    return m + 1;
}

struct engine_images engine_images_of(const struct trace_config *cfg)
{
    struct image *images = mem_zero(cfg->nimages, sizeof *images);
    for (size_t i = 0; i < cfg->nimages; i++)
        images[i] = (struct image){
            .role = cfg->images[i].role, .name = cfg->images[i].name, .size = cfg->images[i].size};
    return (struct engine_images){.config = {.settings = cfg->settings,
                                             .nsettings = cfg->nsettings,
                                             .images = images,
                                             .nimages = cfg->nimages,
                                             .behaviour = cfg->behaviour},
                                  .images = images};
}

void engine_images_free(struct engine_images *e)
{
    free(e->images);
}

static void reset_engine(struct explainer *x, const struct trace_config *cfg)
{
    struct engine_images e = engine_images_of(cfg);
    x->words->reset(engine_part(x->memory), &e.config);
    engine_images_free(&e);
}

struct explainer *explainer_new(const struct engine_kind *kind, const struct trace_config *cfg)
{
    struct explainer *x = mem_zero(1, sizeof *x);
    x->cfg = cfg;
    x->words = kind ? kind->words : NULL;
    x->size = sizeof *x->memory + (x->words ? x->words->size() : 0);
    x->memory = mem_zero(1, x->size);
    if (x->words)
        reset_engine(x, cfg);
    return x;
}

void explainer_free(struct explainer *x)
{
    if (!x)
        return;
    profile_free(x->builtin);
    free(x->memory);
    free(x);
}

const char *explainer_manual(const struct explainer *x)
{
    return x->manual;
}

const char *explainer_source(const struct explainer *x)
{
    return x->source;
}

static int engine_says(struct explainer *x, const struct event *ev, char *buf, size_t size)
{
    return x->words ? x->words->event(engine_part(x->memory), ev, buf, size, &x->manual, &x->source) : 0;
}

static struct event *remembered(struct memory *m, uint64_t back)
{
    return back && back <= m->seen && back <= FOLD_LOOP ? &m->last[(m->seen - back) % FOLD_LOOP] : NULL;
}

/* A sequence was repeated, the last time only in part: the last events to happen were its first ones. */
static void after_repetition(struct explainer *x, const struct event *again)
{
    uint64_t period = EVF(again, AGAIN, period), more = EVF(again, AGAIN, more);
    const char *manual = x->manual, *source = x->source;
    for (uint64_t i = 0; i < more && i < period; i++) {
        struct event *ev = remembered(x->memory, period - i);
        if (!ev)
            break;
        if (ev->kind != EV_AGAIN)
            engine_says(x, ev, NULL, 0);
    }
    x->manual = manual;
    x->source = source;
}

/* Numbers begin again at a reset. */
static void note_guest(struct memory *m, const struct event *ev)
{
    unsigned system = guest_system_found(ev);
    if (ev->kind == EV_RESET)
        memset(m->systems, 0, sizeof m->systems);
    else if (system && ev->guest < GUESTS)
        m->systems[ev->guest] = (uint8_t)system;
}

static void remember(struct memory *m, const struct event *ev)
{
    struct event *to = &m->last[m->seen++ % FOLD_LOOP];
    *to = *ev;
    to->data = NULL;
    to->len = 0;
}

/* The header fields of a frame. */
static bool explain_packet(const struct event *ev, struct text *out)
{
    if (ev->kind != EV_NET_OUT && ev->kind != EV_NET_IN)
        return false;
    const int n = packet_fields(ev->data, ev->len, NULL, 0);
    char *fields = mem_alloc((size_t)n + 1);
    packet_fields(ev->data, ev->len, fields, (size_t)n + 1);
    text_add(out, "%s", fields);
    free(fields);
    return true;
}

int explainer_event(struct explainer *x, const struct event *ev, char *buf, size_t size)
{
    const struct event_kind *k = event_kind(ev->kind);
    struct text t = {0};
    x->manual = x->source = NULL;
    if (size)
        *buf = 0;
    if (!k)
        return 0;
    int n = engine_says(x, ev, buf, size);
    if (ev->kind == EV_AGAIN)
        after_repetition(x, ev);
    note_guest(x->memory, ev);
    unsigned system = ev->guest < GUESTS ? x->memory->systems[ev->guest] : 0;
    if (EXPLAIN_NEEDS >> k->cls & 1)
        remember(x->memory, ev);
    if (n && (size_t)n < size && ev->kind == EV_CPU_MSR)
        explain_register_bits(&t, buf, EVF(ev, CPU_MSR, value));
    else if (!n && (explain_packet(ev, &t) || explain_virt_event(ev, &t) ||
                    explain_cpu(ev, x->cfg, &x->builtin, &t) || guest_explain(ev, system, &t)))
        x->manual = explain_cpu_manual(ev);
    if (t.n && (size_t)n < size)
        snprintf(buf + n, size - (size_t)n, "%s", t.s);
    n += (int)t.n;
    free(t.s);
    return n;
}

/* ---------------------------------------------------------------- anywhere in a trace */

enum { STATE_EVERY = 4096, STATES_MOST = 1024, LATER_MOST = 2000 };

/* The memory as it was before event `number`. */
struct state {
    uint64_t number;
    struct memory *memory;
};

struct trace_explainer {
    struct trace *t;
    struct explainer *x;
    struct trace_cursor *cursor;
    uint64_t at;    /* the explainer has seen all before this event */
    uint64_t reach; /* and states have been saved up to this one */
    uint64_t fed;   /* events since the last state */
    uint64_t every; /* events from one state to the next */
    struct state *states;
    size_t n;
    struct file_words *files;
};

/* A longer trace gets the same number of states, further apart. */
static void thin_out(struct trace_explainer *e)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->n; i++)
        if (i % 2)
            free(e->states[i].memory);
        else
            e->states[kept++] = e->states[i];
    e->n = kept;
    e->every *= 2;
}

static void keep_state(struct trace_explainer *e)
{
    e->fed = 0;
    if (e->n && e->states[e->n - 1].number >= e->at)
        return;
    if (e->n == STATES_MOST)
        thin_out(e);
    MEM_MORE(e->states, e->n);
    e->states[e->n++] = (struct state){e->at, mem_copy(e->x->memory, e->x->size)};
}

struct trace_explainer *trace_explainer_new(struct trace *t, const struct engine_kind *kind)
{
    struct trace_explainer *e = mem_zero(1, sizeof *e);
    e->t = t;
    e->x = explainer_new(kind, trace_config(t));
    e->cursor = trace_cursor_open(t, EVENT_CLASSES_ALL);
    e->every = STATE_EVERY;
    e->files = file_words_new(t, kind ? kind->words : NULL);
    keep_state(e);
    return e;
}

void trace_explainer_free(struct trace_explainer *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->n; i++)
        free(e->states[i].memory);
    free(e->states);
    file_words_free(e->files);
    trace_cursor_close(e->cursor);
    explainer_free(e->x);
    free(e);
}

/* Goes to the last saved state that is not beyond `number`, unless going on from here is as near. */
static void go_near(struct trace_explainer *e, uint64_t number)
{
    const size_t after = FIRST_NOT(i, 0, e->n, e->states[i].number <= number), low = after ? after - 1 : 0;
    if (e->at <= number && e->at >= e->states[low].number)
        return;
    memcpy(e->x->memory, e->states[low].memory, e->x->size);
    e->at = e->states[low].number;
    e->fed = 0;
}

static int feed_up_to(struct trace_explainer *e, uint64_t number, struct error *err)
{
    struct event ev;
    uint64_t n;
    int rc = trace_cursor_seek_number(e->cursor, e->at, err) ? -1 : 1;
    while (rc == 1 && e->at < number) {
        rc = trace_cursor_next(e->cursor, &ev, &n, err);
        e->at = rc == 1 && n < number ? n + 1 : number;
        if (rc != 1 || n >= number)
            break;
        if (!(EXPLAIN_NEEDS >> event_kind(ev.kind)->cls & 1))
            continue;
        explainer_event(e->x, &ev, NULL, 0);
        if (++e->fed >= e->every)
            keep_state(e);
    }
    if (rc >= 0 && e->at < number) /* beyond the last event */
        e->at = number;
    e->reach = e->at > e->reach ? e->at : e->reach;
    return rc < 0 ? -1 : 0;
}

int trace_explain_prepare(struct trace_explainer *e, uint64_t number, uint64_t most, struct error *err)
{
    uint64_t to = number - e->reach > most ? e->reach + most : number;
    if (number <= e->reach)
        return 1;
    go_near(e, to);
    if (feed_up_to(e, to, err))
        return -1;
    return number <= e->reach;
}

/* What only a later event tells; the cursor is behind `ev`. A trace that is damaged there tells nothing more. */
static int add_later(struct trace_explainer *e, const struct event *ev, char *buf, size_t size)
{
    const struct engine_words *w = e->x->words;
    const void *state = engine_part(e->x->memory);
    struct event of = *ev, next;
    of.data = NULL; /* it is lost with the cursor's next event */
    of.len = 0;
    if (!w || !w->later || w->later(state, &of, NULL, buf, size))
        return 0;
    *buf = 0;
    for (unsigned i = 0; i < LATER_MOST && trace_cursor_next(e->cursor, &next, NULL, NULL) == 1; i++) {
        int rc = w->later(state, &of, &next, buf, size);
        if (rc)
            return rc > 0 ? (int)strlen(buf) : 0;
    }
    return 0;
}

int trace_explain(struct trace_explainer *e, uint64_t number, char *buf, size_t size, struct error *err)
{
    struct event ev;
    uint64_t n = number;
    char more[128] = "";
    if (e->fed >= e->every)
        keep_state(e);
    go_near(e, number);
    if (feed_up_to(e, number, err) || trace_cursor_seek_number(e->cursor, number, err))
        return -1;
    int rc = trace_cursor_next(e->cursor, &ev, &n, err);
    if (rc < 0)
        return -1;
    if (!rc || n != number) {
        if (size)
            *buf = 0;
        return 0;
    }
    e->at = number + 1;
    e->reach = e->at > e->reach ? e->at : e->reach;
    e->fed++;
    struct text files = {NULL, 0};
    file_words_add(e->files, &ev, &files);
    int len = explainer_event(e->x, &ev, buf, size), later = add_later(e, &ev, more, sizeof more);
    if (later && (size_t)len < size)
        snprintf(buf + len, size - (size_t)len, "%s", more);
    len += later;
    /* "; " only after other words. */
    const char *words = files.s && !len ? files.s + 2 : files.s;
    if (words && (size_t)len < size)
        snprintf(buf + len, size - (size_t)len, "%s", words);
    len += words ? (int)strlen(words) : 0;
    free(files.s);
    return len;
}

const struct explainer *trace_explainer_last(const struct trace_explainer *e)
{
    return e->x;
}
