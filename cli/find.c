/* find.c - see find.h. */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/find.h"
#include "core/run/replay.h"
#include "core/story/running.h"
#include "core/views/views.h"
#include "traces/memory.h"

/* What a job needs; it is made for the first part that a job does, and used again. */
struct worker {
    struct trace *t;
    struct timeline *tl;
    struct symbols *symbols;
    struct processes *processes;
    struct view_orc *orc;
    struct worker *next_free, *next;
};

/* A part between two recorded checkpoints. */
struct stretch {
    uint64_t from, to;
    struct find_hit *hit;
    size_t n, cap;
    uint64_t count;
    bool failed;
    struct error err;
};

struct search {
    const struct find_request *r;
    const struct trace *t;
    const struct engine_kind *kind;
    struct stretch *part;
    size_t n;
    atomic_size_t enough; /* FIND_FIRST: the first part with a hit; later ones are left out */
    pthread_mutex_t lock; /* of the following */
    struct worker *all, *free;
    bool interrupted;
};

struct scan {
    struct search *s;
    struct worker *w;
    struct stretch *part;
};

/* ---------------------------------------------------------------- names */

unsigned find_jobs(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    return n > 0 ? (unsigned)n : 1;
}

int find_symbol(const struct symbols *s, const char *name, struct symbol *sym, struct error *err)
{
    int found = running_find(s, SPACE_KERNEL, name, SYMBOLS_NOW, sym, err);
    for (size_t i = 0; !found && i < symbols_mappings(s); i++) {
        const struct symbol_mapping *m = symbols_mapping(s, i);
        found = symbols_find_in(s, m->space, name, m->since, sym);
    }
    return found;
}

const char *find_value(const uint8_t *bytes, unsigned n, char buf[FIND_VALUE])
{
    bool number = n == 1 || n == 2 || n == 4 || n == 8;
    char *at = buf;
    if (!n)
        return "?";
    at += sprintf(at, number ? "0x" : "%s", "");
    for (unsigned i = 0; i < n; i++)
        at += sprintf(at, "%s%02x", i && !number ? " " : "", bytes[number ? n - 1 - i : i]);
    return buf;
}

void find_print_event(const struct event *ev, uint64_t number, const char *words)
{
    char time[NUMBER_TEXT];
    printf("%8" PRIu64 " %15" PRIu64 " %17s  %-16s %s\n", number, ev->icount, number_exact(time, ev->time),
           event_kind(ev->kind)->name, words);
}

/* ---------------------------------------------------------------- workers */

static bool on_progress(void *ctx, const struct timeline_progress *p)
{
    struct search *s = ctx;
    if (pthread_mutex_trylock(&s->lock))
        return true;
    bool go_on = !s->interrupted;
    progress_update(s->r->progress, p->icount, 0);
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

static void worker_free(struct worker *w)
{
    view_orc_free(w->orc);
    processes_free(w->processes);
    symbols_free(w->symbols);
    timeline_close(w->tl);
    trace_close(w->t);
    free(w);
}

static struct worker *worker_new(struct search *s, struct error *err)
{
    struct worker *w = mem_zero(1, sizeof *w);
    w->t = trace_open_beside(s->t, err); /* a trace is for one thread only */
    w->tl = w->t ? timeline_open_trace(w->t, s->kind, err) : NULL;
    w->symbols = w->tl ? symbols_load(w->t, err) : NULL;
    if (!w->symbols) {
        worker_free(w);
        return NULL;
    }
    w->processes = processes_new();
    w->orc = view_orc_new();
    timeline_short_seeks(w->tl, true);
    timeline_set_budget(w->tl, 0);
    timeline_set_progress(w->tl, on_progress, s);
    return w;
}

static struct worker *worker_get(struct search *s, struct error *err)
{
    pthread_mutex_lock(&s->lock);
    struct worker *w = s->free;
    if (w)
        s->free = w->next_free;
    pthread_mutex_unlock(&s->lock);
    if (w || !(w = worker_new(s, err)))
        return w;
    pthread_mutex_lock(&s->lock);
    w->next = s->all;
    s->all = w;
    pthread_mutex_unlock(&s->lock);
    return w;
}

static void worker_put(struct search *s, struct worker *w)
{
    pthread_mutex_lock(&s->lock);
    w->next_free = s->free;
    s->free = w;
    pthread_mutex_unlock(&s->lock);
}

static void on_signal(void *ctx)
{
    struct search *s = ctx;
    pthread_mutex_lock(&s->lock);
    s->interrupted = true;
    for (struct worker *w = s->all; w; w = w->next)
        timeline_interrupt(w->tl);
    pthread_mutex_unlock(&s->lock);
}

/* ---------------------------------------------------------------- hits */

static char *caller_of(const struct worker *w, const struct timeline_hit *hit, symbol_space space)
{
    struct view_frame frame[2];
    char text[600];
    if (view_frames(timeline_look(w->tl), hit->cpu, w->symbols, space, w->orc, frame, 2) < 2)
        return mem_string("");
    symbols_text(w->symbols, space, frame[1].pc, hit->icount, text, sizeof text - 2);
    if (frame[1].by == VIEW_FRAME_GUESS)
        strcat(text, "?");
    return mem_string(text);
}

static char *process_of(const struct worker *w, const struct timeline_hit *hit)
{
    const struct process *p = processes_current(w->processes, hit->cpu);
    char text[128], pid[32];
    if (!p)
        return mem_string("");
    symbol_space_text(symbol_space_of(p->guest, p->pid), pid, sizeof pid);
    snprintf(text, sizeof text, "%.64s (%s)", p->name, pid);
    return mem_string(text);
}

struct looking {
    const struct timeline *tl;
    unsigned cpu;
};

static size_t read_memory(void *ctx, uint64_t address, void *buf, size_t n)
{
    const struct looking *l = ctx;
    return timeline_peek(l->tl, l->cpu, address, buf, n);
}

static char *arguments_of(const struct search *s, const struct worker *w, const struct timeline_hit *hit)
{
    static const char *const names[] = {"rdi", "rsi", "rdx", "rcx", "r8", "r9"};
    struct looking l = {w->tl, hit->cpu};
    const struct types_memory m = {&l, read_memory};
    uint64_t reg[6];
    char text[1200];
    if (!s->r->calls || timeline_code_bits(w->tl, hit->cpu) != 64)
        return mem_string("");
    for (unsigned i = 0; i < 6; i++)
        reg[i] = timeline_reg(w->tl, hit->cpu, names[i]);
    kernel_types_arguments(s->r->types, &s->r->function, reg, &m, text, sizeof text);
    return mem_string(text);
}

/* The machine stands at the hit. */
static struct find_hit describe(const struct search *s, struct worker *w, const struct timeline_hit *hit)
{
    struct error ignored;
    struct find_hit h = {.hit = *hit};
    char text[600];
    processes_move(w->processes, w->t, hit->icount, &ignored);
    const struct running_place place = {.t = w->t,
                                        .symbols = w->symbols,
                                        .processes = w->processes,
                                        .icount = hit->icount,
                                        .recorded = hit->icount,
                                        .cpu = hit->cpu,
                                        .pc = hit->pc};
    struct running run;
    running_at(&place, &run);
    symbols_text(w->symbols, run.space, hit->pc, hit->icount, text, sizeof text);
    h.symbol = mem_string(text);
    h.process = process_of(w, hit);
    h.caller = caller_of(w, hit, run.space);
    h.arguments = arguments_of(s, w, hit);
    return h;
}

static bool take_hit(void *ctx, const struct timeline_hit *hit)
{
    struct scan *q = ctx;
    struct stretch *p = q->part;
    p->count++;
    if (q->s->r->mode == FIND_COUNT)
        return true;
    p->hit = mem_grow(p->hit, &p->cap, p->n + 1, sizeof *p->hit);
    p->hit[p->n++] = describe(q->s, q->w, hit);
    return q->s->r->mode != FIND_FIRST;
}

/* ---------------------------------------------------------------- parts */

static void lower(atomic_size_t *to, size_t i)
{
    size_t was = atomic_load(to);
    while (i < was && !atomic_compare_exchange_weak(to, &was, i))
        ;
}

static void do_part(void *ctx, size_t i)
{
    struct search *s = ctx;
    struct stretch *p = &s->part[i];
    struct timeline_stopped how;
    if (i > atomic_load(&s->enough))
        return;
    struct worker *w = worker_get(s, &p->err);
    p->failed = !w;
    if (!w) {
        lower(&s->enough, i);
        return;
    }
    struct scan q = {s, w, p};
    if (s->interrupted)
        timeline_interrupt(w->tl);
    p->failed = timeline_scan(w->tl, &s->r->stop, p->from, p->to, take_hit, &q, &how, &p->err);
    if (!p->failed && how.reason == TIMELINE_INTERRUPTED)
        p->failed = error_set(&p->err, "%s: interrupted at icount %" PRIu64, s->r->path, how.icount);
    if (p->failed || (p->n && s->r->mode == FIND_FIRST))
        lower(&s->enough, i);
    worker_put(s, w);
}

static void choose_parts(struct search *s, struct trace *t)
{
    size_t n = trace_checkpoint_count(t);
    uint64_t at = s->r->from;
    s->part = mem_zero(n + 1, sizeof *s->part);
    for (size_t i = 0; i <= n; i++) {
        uint64_t end = i < n ? trace_checkpoint(t, i)->icount : UINT64_MAX;
        if (end > s->r->to)
            end = s->r->to;
        if (end <= at)
            continue;
        s->part[s->n++] = (struct stretch){.from = at, .to = end};
        at = end;
    }
}

/* The last hit of a part. The first few hits are each described as they come; if there are more, the last one
 * takes a second run. */
struct last {
    struct search *s;
    struct worker *w;
    struct find_hit hit;
    uint64_t icount, count;
};

enum { DESCRIBED = 64 };

static void free_hit(struct find_hit *h)
{
    free(h->process);
    free(h->symbol);
    free(h->caller);
    free(h->arguments);
    *h = (struct find_hit){.process = NULL};
}

static bool take_last(void *ctx, const struct timeline_hit *hit)
{
    struct last *l = ctx;
    l->icount = hit->icount;
    free_hit(&l->hit);
    if (++l->count <= DESCRIBED)
        l->hit = describe(l->s, l->w, hit);
    return true;
}

static int scan_last(struct last *l, uint64_t from, uint64_t to, struct error *err)
{
    const struct find_request *r = l->s->r;
    struct timeline_stopped how;
    l->count = 0;
    if (timeline_scan(l->w->tl, &r->stop, from, to, take_last, l, &how, err))
        return -1;
    if (how.reason != TIMELINE_INTERRUPTED)
        return 0;
    return error_set(err, "%s: interrupted at icount %" PRIu64, r->path, how.icount);
}

/* Searches the parts from the last one backwards, in one job. */
static int find_last(struct search *s, struct find_result *res, struct error *err)
{
    struct last l = {.s = s, .w = worker_get(s, err)};
    int rc = l.w ? 0 : -1;
    for (size_t i = s->n; i-- > 0 && !rc && !l.count;)
        rc = scan_last(&l, s->part[i].from, s->part[i].to, err);
    if (!rc && l.count > DESCRIBED)
        rc = scan_last(&l, l.icount, l.icount + 1, err);
    if (rc || !l.count) {
        free_hit(&l.hit);
        return rc;
    }
    *res = (struct find_result){mem_alloc(sizeof l.hit), 1, 1};
    *res->hit = l.hit;
    return 0;
}

static int gather(struct search *s, struct find_result *res, struct error *err)
{
    for (size_t i = 0; i < s->n; i++) {
        struct stretch *p = &s->part[i];
        if (p->failed)
            return *err = p->err, -1;
        if (s->r->mode == FIND_FIRST && res->n)
            continue;
        res->hit = mem_resize(res->hit, (res->n + p->n + 1) * sizeof *res->hit);
        if (p->n)
            memcpy(res->hit + res->n, p->hit, p->n * sizeof *p->hit);
        res->n += p->n;
        res->count += p->count;
        p->n = 0;
    }
    return 0;
}

static void free_hits(struct find_hit *hit, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free_hit(&hit[i]);
    free(hit);
}

int find_hits(const struct find_request *r, struct trace *t, struct find_result *res, struct error *err)
{
    struct search s = {.r = r, .t = t, .enough = SIZE_MAX, .lock = PTHREAD_MUTEX_INITIALIZER};
    s.kind = recording_engine(r->engines, t, r->path, err);
    if (!s.kind)
        return -1;
    struct signals *signals = signals_start(on_signal, &s);
    int rc = 0;
    choose_parts(&s, t);
    if (r->mode == FIND_LAST)
        rc = find_last(&s, res, err);
    else
        jobs_run(r->jobs, s.n, do_part, &s);
    signals_stop(signals);
    if (!rc && r->mode != FIND_LAST)
        rc = gather(&s, res, err);
    for (size_t i = 0; i < s.n; i++)
        free_hits(s.part[i].hit, s.part[i].n);
    free(s.part);
    for (struct worker *w = s.all, *next; w; w = next) {
        next = w->next;
        worker_free(w);
    }
    return rc;
}

void find_result_free(struct find_result *res)
{
    free_hits(res->hit, res->n);
    *res = (struct find_result){0};
}
