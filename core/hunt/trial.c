/* trial.c - see trial.h. */
#include "core/hunt/trial.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/live/seen.h"
#include "core/run/feed.h"
#include "core/run/windows.h"
#include "core/story/inspector.h"

enum { STEPS_A_RUN = 25000000, DEVICES = 16, TEXT_MOST = 200, WAYS = 4, PANIC = 40 };

struct trial {
    struct trial_options o;
    struct engine *e;
    struct inspector *inspector;
    struct crash_watch *watch;
    struct observer observer;
    struct windows *windows;          /* NULL: turns are not varied at functions */
    struct feed feed;                 /* of o.inputs */
    struct seen_stream seen[DEVICES]; /* what each console has printed */
    struct trial_end end;
    struct stop stop;
    bool over, watched;
    /* Of this boot. */
    uint64_t boot; /* from 1 on */
    bool faulted;
    char panic[PANIC];
    /* What ended earlier ones: the first WAYS kinds of end in a row, and how many there were. */
    struct way {
        char what[PANIC + 20];
        uint64_t first, last;
    } way[WAYS];
    size_t nways;
};

/* ---------------------------------------------------------------- boots before the last one */

void trial_plain(const char *text, char *to, size_t size)
{
    size_t n = 0;
    while (*text && n + 2 < size) {
        if (!isdigit((unsigned char)*text)) {
            to[n++] = (unsigned char)*text < ' ' ? ' ' : *text;
            text++;
            continue;
        }
        to[n++] = 'N';
        while (isxdigit((unsigned char)*text) || *text == 'x')
            text++;
    }
    to[n] = 0;
}

/* Something that is not the end of the run: in a row with the same one at the boot before, if it can be. */
static void note_way(struct trial *t, const char *what)
{
    struct way *w = t->nways && t->nways <= WAYS ? &t->way[t->nways - 1] : NULL;
    if (w && !strcmp(w->what, what) && t->boot <= w->last + 1) {
        w->last = t->boot;
        return;
    }
    if (t->nways < WAYS) {
        w = &t->way[t->nways];
        *w = (struct way){.first = t->boot, .last = t->boot};
        snprintf(w->what, sizeof w->what, "%s", what);
    }
    t->nways++;
}

static void note_panic(struct trial *t)
{
    char what[PANIC + 20];
    if (!*t->panic)
        return;
    snprintf(what, sizeof what, "kernel panic (%s)", t->panic);
    note_way(t, what);
    *t->panic = 0;
}

/* The machine, or the kernel of user-mode Linux, begins again. */
static void note_boot(struct trial *t)
{
    if (t->faulted || !*t->panic)
        note_way(t, t->faulted ? "triple fault" : "reset");
    else
        note_panic(t);
    *t->panic = 0;
    t->faulted = false;
    t->boot++;
}

static void put_way(const struct trial *t, char *to, size_t size)
{
    size_t n = 0;
    *to = 0;
    for (size_t i = 0; i < t->nways && i < WAYS && n < size; i++) {
        const struct way *w = &t->way[i];
        n += (size_t)snprintf(to + n, size - n, "%s%s at boot%s %llu", i ? ", " : "", w->what,
                              w->first < w->last ? "s" : "", (unsigned long long)w->first);
        if (w->first < w->last && n < size)
            n += (size_t)snprintf(to + n, size - n, " to %llu", (unsigned long long)w->last);
    }
    if (t->nways > WAYS && n < size)
        snprintf(to + n, size - n, ", and others");
}

/* ---------------------------------------------------------------- observing */

static void take_story(void *ctx, const struct event *ev)
{
    struct trial *t = ctx;
    char text[200];
    crash_watch_story(t->watch, ev);
    if (crash_watch_over(t->watch))
        t->e->ops->interrupt(t->e);
    else if (ev->kind == EV_KERNEL_END && EVF(ev, KERNEL_END, kernel))
        note_boot(t);
    else if (ev->kind == EV_KERNEL_KEXEC && !ev->guest)
        note_panic(t);
    if (ev->kind == EV_KERNEL_PANIC) {
        snprintf(text, sizeof text, "%.*s", (int)ev->len, (const char *)ev->data);
        trial_plain(text, t->panic, sizeof t->panic);
    }
    if (ev->kind == EV_CONSOLE_LINE && ev->len)
        snprintf(t->end.line, sizeof t->end.line, "%.*s", (int)ev->len, (const char *)ev->data);
}

static void on_event(void *ctx, const struct event *ev)
{
    struct trial *t = ctx;
    crash_watch_event(t->watch, ev);
    t->faulted |= ev->kind == EV_TRIPLE_FAULT;
    inspector_event(t->inspector, ev);
}

static void on_probe(void *ctx, unsigned id, unsigned cpu, uint64_t icount)
{
    inspector_probe(((struct trial *)ctx)->inspector, id, cpu, icount);
}

static void look_for_text(struct trial *t, unsigned device, const char *data, size_t n)
{
    for (size_t i = 0; i < n && !t->end.said; i++) {
        seen_stream_add(&t->seen[device], data[i]);
        t->end.said = seen_stream_find(&t->seen[device], t->o.text) &&
                      (!t->o.text_before || t->e->ops->time(t->e) < t->o.text_before);
    }
}

static void on_console(void *ctx, unsigned device, const void *data, size_t n)
{
    struct trial *t = ctx;
    crash_watch_console(t->watch);
    if (t->o.text && device < DEVICES)
        look_for_text(t, device, data, n);
}

/* ---------------------------------------------------------------- creation */

static void on_symbols(void *ctx)
{
    struct trial *t = ctx;
    windows_look(t->windows, t->inspector);
}

static void ignore_note(void *ctx, const struct trace_note *note) {}

static void ignore_warning(void *ctx, const char *text) {}

static int create(struct trial *t, struct error *err)
{
    struct engine_config cfg = *t->o.config;
    cfg.host = t->o.kind->host;
    cfg.host.keeps_zeros = true;
    t->e = t->o.kind->create(&cfg, err);
    if (!t->e)
        return -1;
    const struct inspector_options io = {.engine = t->e,
                                         .config = t->o.config,
                                         .classes = EVENT_CLASSES_DEFAULT,
                                         .ctx = t,
                                         .emit = take_story,
                                         .symbol_images = t->o.symbol_images,
                                         .nsymbol_images = t->o.nsymbol_images,
                                         .symbol_files = t->o.symbol_files,
                                         .nsymbol_files = t->o.nsymbol_files,
                                         .note = ignore_note,
                                         .warn = ignore_warning,
                                         .symbols_changed = on_symbols};
    t->windows = windows_new(t->o.turns_at, t->o.nturns_at);
    t->feed = (struct feed){.e = t->e, .source = {.ctx = t->o.inputs, .input = feed_trace_input}};
    t->inspector = inspector_create(&io, err);
    if (!t->inspector)
        return -1;
    t->observer = (struct observer){.ctx = t, .event = on_event, .probe = on_probe, .console = on_console};
    t->e->ops->observe(
        t->e, EVENT_CLASSES_DEFAULT | inspector_classes(t->inspector) | crash_watch_classes(t->watch),
        &t->observer);
    inspector_start(t->inspector);
    return 0;
}

struct trial *trial_new(const struct trial_options *o, struct error *err)
{
    if (o->text && (!*o->text || strlen(o->text) > TEXT_MOST)) {
        error_set(err, "console:%.40s: a text of 1 to %d bytes", o->text, TEXT_MOST);
        return NULL;
    }
    struct trial *t = mem_zero(1, sizeof *t);
    t->o = *o;
    t->boot = 1;
    t->watch = crash_watch_new(o->stop_on, false);
    if (!o->until && !o->until_time)
        crash_watch_unattended(t->watch);
    if (!create(t, err))
        return t;
    trial_free(t);
    return NULL;
}

void trial_free(struct trial *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < DEVICES; i++)
        seen_stream_free(&t->seen[i]);
    inspector_destroy(t->inspector);
    crash_watch_free(t->watch);
    windows_free(t->windows);
    if (t->e)
        t->e->ops->destroy(t->e);
    free(t);
}

struct engine *trial_engine(struct trial *t)
{
    return t->e;
}

/* ---------------------------------------------------------------- running */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool until_reached(const struct trial *t)
{
    return (t->o.until && t->e->ops->icount(t->e) >= t->o.until) ||
           (t->o.until_time && t->e->ops->time(t->e) >= t->o.until_time);
}

/* As the recorder decides (core/run/recorder.c), in the same order. */
static void stopped(struct trial *t)
{
    const enum stop_reason reason = t->stop.reason;
    const bool goes_on = reason == STOP_REACHED || reason == STOP_IDLE || reason == STOP_HALTED ||
                         reason == STOP_INTERRUPTED || reason == STOP_RESET;
    t->over = !goes_on;
    if (!t->over && until_reached(t)) {
        t->stop = (struct stop){.reason = STOP_REACHED};
        t->over = true;
    }
    if (!t->over)
        t->over = t->watched = crash_watch_stopped(t->watch, t->e, &t->stop);
    t->over |= reason == STOP_HALTED;
    if (!t->over && reason == STOP_RESET)
        note_boot(t);
}

/* Whether the engine stopped at one of the functions, which it is then told. */
static bool entered(struct trial *t)
{
    struct input in;
    if (!windows_entered(t->windows, t->inspector, &t->stop, &in))
        return false;
    t->e->ops->input(t->e, &in);
    return true;
}

/* Gives the recorded inputs of this position. Returns where the next one is; if they cannot be given, the run ends. */
static uint64_t feed_inputs(struct trial *t)
{
    struct error err = {""};
    uint64_t next = UINT64_MAX;
    if (!t->o.inputs)
        return UINT64_MAX;
    if (feed_here(&t->feed, &err) != FEED_DONE || feed_next(&t->feed, &next, &err)) {
        t->stop = (struct stop){.reason = STOP_GUEST_FAULT};
        snprintf(t->stop.text, sizeof t->stop.text, "%.200s", err.text);
        t->over = true;
    }
    return next;
}

static void run_once(struct trial *t, uint64_t icount)
{
    const uint64_t here = t->e->ops->icount(t->e), fed = feed_inputs(t);
    struct run_limit l = {.icount = earlier(earlier(here + STEPS_A_RUN, icount), fed), .time = UINT64_MAX};
    if (t->over)
        return;
    crash_watch_limit(t->watch, here, t->e->ops->time(t->e), &l);
    if (t->o.until)
        l.icount = earlier(l.icount, t->o.until);
    if (t->o.until_time) {
        l.until = l.until ? earlier(l.until, t->o.until_time) : t->o.until_time;
        l.time = earlier(l.time, t->o.until_time);
    }
    t->e->ops->run(t->e, &l, &t->stop);
    if (!entered(t))
        stopped(t);
}

bool trial_run_to(struct trial *t, uint64_t icount)
{
    while (!t->over && t->e->ops->icount(t->e) < icount)
        run_once(t, icount);
    return !t->over;
}

int trial_divide(struct trial *t, uint64_t seed, struct error *err)
{
    if (t->e->ops->forked && t->e->ops->forked(t->e))
        return error_set(err, "no memory for a copy of the compiled code");
    t->e->ops->reseed(t->e, seed);
    return 0;
}

static void take_end(struct trial *t)
{
    const char *text;
    const enum crash crash = crash_watch_result(t->watch, &text);
    struct trial_end *end = &t->end;
    const char *word = t->watched ? crash_word(crash) : stop_word(t->stop.reason);
    if (t->watched && t->stop.reason == STOP_RESET && crash == CRASH_PANIC)
        word = CRASH_PANIC_RESET;
    snprintf(end->reason, sizeof end->reason, "%s", word ? word : "");
    snprintf(end->text, sizeof end->text, "%s", crash != CRASH_NONE ? text : t->stop.text);
    end->status = t->stop.reason == STOP_POWER_OFF ? t->stop.status : 0;
    end->icount = t->e->ops->icount(t->e);
    end->time = t->e->ops->time(t->e);
    if (t->stop.reason == STOP_POWER_OFF) /* else the end's text has it */
        note_panic(t);
    put_way(t, end->way, sizeof end->way);
    windows_lacking(t->windows, end->lacking, sizeof end->lacking);
}

void trial_run(struct trial *t, struct trial_end *end)
{
    while (!t->over)
        run_once(t, UINT64_MAX);
    t->e->ops->flush(t->e);
    inspector_finish(t->inspector);
    take_end(t);
    *end = t->end;
}

/* ---------------------------------------------------------------- in one line */

const char *trial_outcome(const struct trial_end *end, char buf[TRIAL_OUTCOME])
{
    char text[400];
    const char *then = *end->way ? ", then " : "";
    trial_plain(end->text, text, sizeof text);
    if (!strcmp(end->reason, stop_word(STOP_POWER_OFF)))
        snprintf(buf, TRIAL_OUTCOME, "%s%s%s, status %d", end->way, then, end->reason, end->status);
    else
        snprintf(buf, TRIAL_OUTCOME, "%s%s%s%s%s", end->way, then, end->reason, *text ? ": " : "", text);
    return buf;
}
