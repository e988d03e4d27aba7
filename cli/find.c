/* find.c - see find.h. */
#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/out.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "core/run/replay.h"
#include "core/story/running.h"
#include "core/views/views.h"

/* What a job needs; it is made for the first part that a job does, and used again. */
struct worker {
    struct search *s;
    size_t turn; /* of the part that it searches */
    struct find_machine machine;
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
    struct stretch *part;
    size_t n;
    size_t alone;    /* parts that were searched before there were several jobs */
    atomic_bool ran; /* a part was not left out by the index */
    atomic_size_t
        enough; /* FIND_FIRST, FIND_LAST: the turn of a part with a hit; those after it are left out */
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

bool find_is_number(uint64_t n)
{
    return n == 1 || n == 2 || n == 4 || n == 8;
}

const char *find_value(const uint8_t *bytes, unsigned n, char buf[FIND_VALUE])
{
    const bool number = find_is_number(n);
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
    out_print(stdout, "%8" PRIu64 " %15" PRIu64 " %17s  %-16s ", number, ev->icount,
              number_exact(time, ev->time), event_kind(ev->kind)->name);
    out_words(stdout, words);
    out_char(stdout, '\n');
}

/* ---------------------------------------------------------------- workers */

static bool on_progress(void *ctx, const struct timeline_progress *p)
{
    const struct worker *w = ctx;
    struct search *s = w->s;
    if (w->turn > atomic_load(&s->enough))
        return false;
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
    find_machine_free(&w->machine);
    free(w);
}

static struct worker *worker_new(struct search *s, struct error *err)
{
    struct worker *w = mem_zero(1, sizeof *w);
    w->s = s;
    if (find_ahead_machine(s->r->ahead, &w->machine, err)) {
        worker_free(w);
        return NULL;
    }
    w->processes = processes_new();
    w->orc = view_orc_new();
    timeline_short_seeks(w->machine.tl, true);
    timeline_set_budget(w->machine.tl, 0);
    timeline_set_progress(w->machine.tl, on_progress, w);
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
        timeline_interrupt(w->machine.tl);
    pthread_mutex_unlock(&s->lock);
}

/* ---------------------------------------------------------------- hits */

static char *caller_of(const struct worker *w, const struct timeline_hit *hit, symbol_space space)
{
    struct view_frame frame[2];
    char text[600];
    if (view_frames(timeline_look(w->machine.tl), hit->cpu, w->s->r->symbols, space, w->orc, frame, 2) < 2)
        return mem_string("");
    symbols_text(w->s->r->symbols, space, frame[1].pc, hit->icount, text, sizeof text - 2);
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

/* Whether a process that is meant runs there. */
static bool is_meant(const struct search *s, const struct worker *w, const struct timeline_hit *hit)
{
    struct error ignored;
    if (!s->r->process)
        return true;
    processes_move(w->processes, w->machine.t, hit->icount, &ignored);
    const struct process *p = processes_current(w->processes, hit->cpu);
    return p && process_names_fit(s->r->names, s->r->process, p->guest, p->pid, hit->icount);
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
    struct looking l = {w->machine.tl, hit->cpu};
    const struct types_memory m = {&l, read_memory};
    uint64_t reg[6];
    char text[1200];
    const struct kernel_types *types = NULL;
    const struct types_function *function = find_ahead_function(s->r->ahead, &types);
    if (!function || timeline_code_bits(w->machine.tl, hit->cpu) != 64)
        return mem_string("");
    for (unsigned i = 0; i < 6; i++)
        reg[i] = timeline_reg(w->machine.tl, hit->cpu, names[i]);
    kernel_types_arguments(types, function, reg, &m, text, sizeof text);
    return mem_string(text);
}

/* The machine stands at the hit. */
static struct find_hit describe(const struct search *s, struct worker *w, const struct timeline_hit *hit)
{
    struct error ignored;
    struct find_hit h = {.hit = *hit};
    char text[600];
    processes_move(w->processes, w->machine.t, hit->icount, &ignored);
    const struct running_place place = {.t = w->machine.t,
                                        .symbols = s->r->symbols,
                                        .processes = w->processes,
                                        .icount = hit->icount,
                                        .recorded = hit->icount,
                                        .cpu = hit->cpu,
                                        .pc = hit->pc};
    struct running run;
    running_at(&place, &run);
    symbols_text(s->r->symbols, run.space, hit->pc, hit->icount, text, sizeof text);
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
    if (!is_meant(q->s, q->w, hit))
        return true;
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

static void free_hit(struct find_hit *h)
{
    free(h->process);
    free(h->symbol);
    free(h->caller);
    free(h->arguments);
    *h = (struct find_hit){.process = NULL};
}

/* ---------------------------------------------------------------- the last hit of a part */

/* As many hits are each described as they come, which takes less than a second run; if there are more, the last
 * one takes it. */
enum { DESCRIBED = 1024 };

struct last {
    struct search *s;
    struct worker *w;
    struct find_hit hit;
    uint64_t icount, count;
};

static bool take_last(void *ctx, const struct timeline_hit *hit)
{
    struct last *l = ctx;
    if (!is_meant(l->s, l->w, hit))
        return true;
    l->icount = hit->icount;
    free_hit(&l->hit);
    if (++l->count <= DESCRIBED)
        l->hit = describe(l->s, l->w, hit);
    return true;
}

static int scan_last(struct search *s, struct worker *w, struct stretch *p, struct timeline_stopped *how)
{
    struct last l = {.s = s, .w = w};
    int rc = timeline_scan(w->machine.tl, &s->r->stop, p->from, p->to, take_last, &l, how, &p->err);
    if (!rc && how->reason != TIMELINE_INTERRUPTED && l.count > DESCRIBED) {
        l.count = 0;
        rc = timeline_scan(w->machine.tl, &s->r->stop, l.icount, l.icount + 1, take_last, &l, how, &p->err);
    }
    if (rc || !l.count || how->reason == TIMELINE_INTERRUPTED) {
        free_hit(&l.hit);
        return rc;
    }
    p->hit = mem_copy(&l.hit, sizeof l.hit);
    p->n = p->count = 1;
    return 0;
}

/* ---------------------------------------------------------------- the parts' turns */

static bool one_hit(const struct search *s)
{
    return s->r->mode == FIND_FIRST || s->r->mode == FIND_LAST;
}

static struct stretch *part_at(const struct search *s, size_t turn)
{
    return &s->part[s->r->mode == FIND_LAST ? s->n - 1 - turn : turn];
}

static void search_part(struct search *s, struct worker *w, struct stretch *p)
{
    struct timeline_stopped how = {0};
    struct scan q = {s, w, p};
    const uint64_t before = timeline_icount(w->machine.tl);
    p->failed = s->r->mode == FIND_LAST
                    ? scan_last(s, w, p, &how)
                    : timeline_scan(w->machine.tl, &s->r->stop, p->from, p->to, take_hit, &q, &how, &p->err);
    if (!p->failed)
        p->failed = timeline_lost(w->machine.tl, &p->err);
    if (!p->failed && how.reason == TIMELINE_INTERRUPTED)
        p->failed = error_set(&p->err, "%s: interrupted at icount %" PRIu64, s->r->path, how.icount);
    if (timeline_icount(w->machine.tl) != before)
        atomic_store(&s->ran, true);
}

static void do_part(void *ctx, size_t i)
{
    struct search *s = ctx;
    const size_t turn = s->alone + i;
    struct stretch *p = part_at(s, turn);
    if (turn > atomic_load(&s->enough))
        return;
    struct worker *w = worker_get(s, &p->err);
    p->failed = !w;
    if (w) {
        w->turn = turn;
        if (s->interrupted)
            timeline_interrupt(w->machine.tl);
        search_part(s, w, p);
        worker_put(s, w);
    }
    if (p->failed || (p->n && one_hit(s)))
        lower(&s->enough, turn);
}

/* Each job makes a machine of its own, which takes longer than many an answer. So where one hit is wanted, the other
 * jobs begin when a part was run in vain. */
static void do_parts(struct search *s)
{
    while (one_hit(s) && s->alone < s->n && !atomic_load(&s->ran) && atomic_load(&s->enough) == SIZE_MAX) {
        do_part(s, 0);
        s->alone++;
    }
    if (atomic_load(&s->enough) == SIZE_MAX)
        jobs_run(s->r->jobs, s->n - s->alone, do_part, s);
}

static int gather(struct search *s, struct find_result *res, struct error *err)
{
    for (size_t turn = 0; turn < s->n && !(one_hit(s) && res->n); turn++) {
        struct stretch *p = part_at(s, turn);
        if (p->failed)
            return *err = p->err, -1;
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
    struct search s = {.r = r, .enough = SIZE_MAX, .lock = PTHREAD_MUTEX_INITIALIZER};
    if (!recording_engine(r->engines, t, r->path, err))
        return -1;
    assert(r->ahead && "there is one for each engine that this program has");
    struct signals *signals = signals_start(on_signal, &s);
    choose_parts(&s, t);
    do_parts(&s);
    signals_stop(signals);
    const int rc = gather(&s, res, err);
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
