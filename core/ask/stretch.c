/* stretch.c - runs a part of a boot, and fires the probes in it: where instructions are executed, where the record has an event or a stage,
 * and at times. See private/run.h. */
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/ask/private/run.h"

enum {
    STACK = 16384
}; /* what a kernel's stack is aligned to: older calls of one stack are in the same part of it */

/* ---------------------------------------------------------------- firing */

/* What a tracepoint's row wants to be true there; NULL: nothing. */
static const struct ask_node *when_of(const struct ask_worker *w)
{
    const struct ask_tracepoint_row *row = w->target ? w->target->tracepoint : NULL;
    for (size_t i = 0; row && row->when && i < w->s->nfields; i++)
        if (w->s->fields[i].row == row)
            return w->s->fields[i].when;
    return NULL;
}

void ask_fire_at(struct ask_worker *w, const struct ask_probe *probe, const struct ask_place *place)
{
    const struct ask_target *t = w->target;
    const struct ask_firing f = {.icount = w->icount,
                                 .time = w->time,
                                 .cpu = w->cpu,
                                 .guest = t && t->space >= 0 ? symbol_space_guest(t->space)
                                          : w->event         ? w->event->guest
                                                             : 0,
                                 .place = place,
                                 .function = t ? t->function : NULL,
                                 .probe = t ? t->written : NULL};
    const struct ask_node *when = when_of(w);
    if (!when || ask_holds(&w->eval, when, &f))
        ask_fire(&w->eval, probe, &f);
    if (when && w->eval.failed)
        ask_wrong_place(&w->eval.error, w->s->p, place,
                        "%s: where it fires cannot be told for this kernel: its types are not known",
                        place->text);
    if (w->r && (w->eval.exits || w->eval.failed))
        replay_interrupt(w->r);
}

/* What fires next, and where nothing of the last firing is left. */
static void place_at(struct ask_worker *w, uint64_t icount, uint64_t time, unsigned cpu, bool placed)
{
    w->icount = icount;
    w->time = time;
    w->cpu = cpu;
    w->placed = placed;
    w->target = NULL;
    w->returns = NULL;
    w->event = NULL;
    w->edge = NULL;
}

/* ---------------------------------------------------------------- the record */

static bool wants_event(const struct ask_moment *m, const struct event *ev)
{
    return (m->place->kind == P_EVENT || m->place->kind == P_PROCESS) && event_filter_matches(&m->filter, ev);
}

/* The process that an event is about has the name that the place says. */
static bool is_process(const struct ask_place *p, const struct event *ev)
{
    char path[256];
    event_data_until(ev, 0, " ", path, sizeof path);
    const char *slash = strrchr(path, '/');
    return symbol_name_matches(p->name, path) || symbol_name_matches(p->name, slash ? slash + 1 : path);
}

static bool fires_at(const struct ask_moment *m, const struct event *ev)
{
    return wants_event(m, ev) && (m->place->kind != P_PROCESS || is_process(m->place, ev));
}

static int next_event(struct ask_worker *w, struct error *err)
{
    int rc;
    w->has_next = false;
    while (w->s->classes && (rc = trace_cursor_next(w->events, &w->next, &w->next_number, err)) != 0) {
        if (rc < 0)
            return -1;
        for (size_t i = 0; i < w->s->nmoments; i++)
            if (fires_at(&w->s->moment[i], &w->next)) {
                w->has_next = true;
                return 0;
            }
    }
    return 0;
}

static int begin_record(struct ask_worker *w, const struct ask_stretch *part, struct error *err)
{
    if (w->passed == part->from && w->began)
        return 0;
    trace_cursor_close(w->events);
    w->events = trace_cursor_open(w->t, w->s->classes ? w->s->classes : EVENT_CLASS_BIT(EC_POWER));
    if (trace_cursor_seek_icount(w->events, part->from, err) || next_event(w, err))
        return -1;
    for (w->next_edge = 0; w->next_edge < w->s->nedges && w->s->edge[w->next_edge].icount < part->from;)
        w->next_edge++;
    for (size_t i = 0; i < w->s->nmoments; i++) {
        const struct ask_place *p = w->s->moment[i].place;
        if (p->period)
            w->count[i] = (uint64_t)((unsigned __int128)part->from_time * p->rate / p->period) + 1;
    }
    w->began = true;
    return 0;
}

/* When a place in time is next: guest time in ns, rounded up. */
static uint64_t tick_of(const struct ask_worker *w, size_t i)
{
    const struct ask_place *p = w->s->moment[i].place;
    const unsigned __int128 at = ((unsigned __int128)w->count[i] * p->period + p->rate - 1) / p->rate;
    return at > UINT64_MAX ? UINT64_MAX : (uint64_t)at;
}

/* The next time at which something fires; with or without the machine. SIZE_MAX: nothing. */
static size_t next_tick(const struct ask_worker *w, bool needs_machine, uint64_t *time)
{
    size_t found = SIZE_MAX;
    *time = UINT64_MAX;
    for (size_t i = 0; i < w->s->nmoments; i++) {
        const struct ask_moment *m = &w->s->moment[i];
        if (!m->place->period || m->needs_machine != needs_machine)
            continue;
        const uint64_t t = tick_of(w, i);
        if (t < *time) {
            *time = t;
            found = i;
        }
    }
    return found;
}

static bool placed_at(const struct ask_worker *w, uint64_t icount)
{
    return w->r && w->running && w->e->ops->icount(w->e) == icount;
}

static void fire_event(struct ask_worker *w)
{
    const struct event *ev = &w->next;
    for (size_t i = 0; i < w->s->nmoments; i++) {
        const struct ask_moment *m = &w->s->moment[i];
        if (!fires_at(m, ev))
            continue;
        place_at(w, ev->icount, ev->time, ev->cpu, placed_at(w, ev->icount));
        w->event = ev;
        ask_fire_at(w, m->probe, m->place);
    }
}

static void fire_edge(struct ask_worker *w, const struct ask_edge *edge)
{
    const struct ask_moment *m = &w->s->moment[edge->moment];
    place_at(w, edge->icount, edge->time, 0, placed_at(w, edge->icount));
    w->edge = edge;
    ask_fire_at(w, m->probe, m->place);
}

/* A profile fires on each processor. */
static void fire_tick(struct ask_worker *w, size_t i, uint64_t icount, uint64_t time, bool placed)
{
    const struct ask_moment *m = &w->s->moment[i];
    const unsigned cpus = m->place->kind == P_PROFILE ? w->s->cpus : 1;
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        place_at(w, icount, time, cpu, placed);
        ask_fire_at(w, m->probe, m->place);
    }
}

/* Fires what the record has up to an icount, and the times up to `time` that need no machine. */
static int catch_up(struct ask_worker *w, uint64_t icount, uint64_t time, struct error *err)
{
    while (!w->eval.exits && !w->eval.failed) {
        uint64_t tick;
        const struct ask_edge *edge = w->next_edge < w->s->nedges ? &w->s->edge[w->next_edge] : NULL;
        const bool has_event = w->has_next && w->next.icount <= icount;
        const bool has_edge =
            edge && edge->icount <= icount && (!has_event || edge->icount <= w->next.icount);
        const size_t i = next_tick(w, false, &tick);
        const bool has_tick = i != SIZE_MAX && tick <= time && (!has_event || tick <= w->next.time) &&
                              (!has_edge || tick <= edge->time);
        if (has_tick) {
            w->count[i]++;
            fire_tick(w, i, UINT64_MAX, tick, false);
        } else if (has_edge) {
            w->next_edge++;
            fire_edge(w, edge);
        } else if (has_event) {
            fire_event(w);
            if (next_event(w, err))
                return -1;
        } else {
            break;
        }
    }
    return 0;
}

/* The next icount at which the record has something that needs the machine. */
static uint64_t next_recorded(const struct ask_worker *w)
{
    uint64_t at = UINT64_MAX;
    for (size_t i = 0; w->has_next && i < w->s->nmoments; i++)
        if (w->s->moment[i].needs_machine && fires_at(&w->s->moment[i], &w->next))
            at = w->next.icount;
    for (size_t i = w->next_edge; i < w->s->nedges; i++)
        if (w->s->moment[w->s->edge[i].moment].needs_machine)
            return w->s->edge[i].icount < at ? w->s->edge[i].icount : at;
    return at;
}

/* The same, beyond events that need none: only the cursor can tell, so any event may be one. */
static uint64_t next_stop(const struct ask_worker *w)
{
    bool any = false;
    for (size_t i = 0; i < w->s->nmoments; i++)
        any |= w->s->moment[i].needs_machine &&
               (w->s->moment[i].place->kind == P_EVENT || w->s->moment[i].place->kind == P_PROCESS);
    const uint64_t at = next_recorded(w);
    return any && w->has_next && w->next.icount < at ? w->next.icount : at;
}

/* ---------------------------------------------------------------- returns */

static void set_stops(struct ask_worker *w)
{
    const struct ask_attached *a = &w->s->at;
    struct stop_point *stops = mem_zero(a->npoints + w->nbacks + 1, sizeof *stops);
    for (size_t i = 0; i < a->npoints; i++) {
        const struct ask_point *p = &a->point[i];
        const enum stop_kind kind = !p->length                  ? STOPS_EXEC_LINEAR
                                    : p->on_read && p->on_write ? STOPS_ACCESS
                                    : p->on_read                ? STOPS_READ
                                                                : STOPS_WRITE;
        stops[i] = (struct stop_point){.id = (unsigned)i,
                                       .kind = kind,
                                       .address = p->address,
                                       .length = p->length ? p->length : 1,
                                       .report_only = true};
    }
    for (size_t i = 0; i < w->nbacks; i++)
        stops[a->npoints + i] = (struct stop_point){.id = (unsigned)(a->npoints + i),
                                                    .kind = STOPS_EXEC_LINEAR,
                                                    .address = w->back[i],
                                                    .length = 1,
                                                    .report_only = true};
    w->e->ops->stops(w->e, stops, a->npoints + w->nbacks);
    free(stops);
    w->more_stops = false;
}

static void add_back(struct ask_worker *w, uint64_t address)
{
    for (size_t i = 0; i < w->nbacks; i++)
        if (w->back[i] == address)
            return;
    MEM_MORE(w->back, w->nbacks);
    w->back[w->nbacks++] = address;
    w->more_stops = true;
}

/* A call begins whose return is to fire. Calls of the same stack that it lies above have been left in another way. */
static void enter(struct ask_worker *w, const struct ask_target *t)
{
    const uint64_t sp = ask_register(w, w->reg.sp), space = t->program ? ask_register(w, w->reg.cr3) : 0;
    const bool wide = look_code_bits(w->look, w->cpu) == 64;
    struct ask_pending p = {.target = t, .space = space, .sp = sp + (wide ? 8 : 4)};
    if (look_peek(w->look, w->cpu, sp, &p.back, wide ? 8 : 4) != (wide ? 8u : 4u))
        return;
    size_t n = 0;
    for (size_t i = 0; i < w->npending; i++) {
        const struct ask_pending *q = &w->pending[i];
        const bool left = q->space == space && q->sp / STACK == p.sp / STACK &&
                          (q->sp < p.sp || (q->sp == p.sp && q->target == t));
        if (!left)
            w->pending[n++] = *q;
    }
    w->npending = n;
    for (unsigned i = 0; i < 6; i++)
        p.argument[i] = ask_register(w, w->reg.a[i]);
    w->pending = mem_grow(w->pending, &w->pending_cap, w->npending + 1, sizeof *w->pending);
    w->pending[w->npending++] = p;
    add_back(w, p.back);
}

/* The first call in progress, of those not yet fired, that returns here. */
static bool take_return(struct ask_worker *w, uint64_t address, struct ask_pending *p)
{
    const uint64_t sp = ask_register(w, w->reg.sp), space = ask_register(w, w->reg.cr3);
    for (size_t i = 0; i < w->npending; i++) {
        const struct ask_pending *q = &w->pending[i];
        if (q->back != address || q->sp != sp || (q->target->program && q->space != space))
            continue;
        *p = *q;
        memmove(&w->pending[i], &w->pending[i + 1], (--w->npending - i) * sizeof *q);
        return true;
    }
    return false;
}

static void returned(struct ask_worker *w, uint64_t address)
{
    struct ask_pending p;
    while (!w->eval.exits && !w->eval.failed && take_return(w, address, &p)) {
        place_at(w, w->icount, w->time, w->cpu, true);
        w->target = p.target;
        w->returns = &p;
        ask_fire_at(w, p.target->probe, p.target->place);
    }
    w->returns = NULL;
}

/* ---------------------------------------------------------------- what is executed */

static void reached(struct ask_worker *w, const struct ask_point *point)
{
    for (size_t i = point->first; i < point->first + point->n && !w->eval.exits && !w->eval.failed; i++) {
        const struct ask_target *t = &w->s->at.target[i];
        w->target = NULL;
        if (!ask_runs_here(w, t))
            continue;
        w->target = t;
        if (t->leaves)
            enter(w, t);
        else
            ask_fire_at(w, t->probe, t->place);
    }
}

static void on_probe(void *ctx, unsigned id, unsigned cpu, uint64_t icount)
{
    struct ask_worker *w = ctx;
    const struct ask_attached *a = &w->s->at;
    const uint64_t time = w->e->ops->time(w->e);
    if (w->eval.exits || w->eval.failed || icount < w->from || icount >= w->to)
        return;
    if (w->s->nmoments && catch_up(w, icount, time, &w->trouble)) {
        w->eval.failed = w->lost = true;
        replay_interrupt(w->r);
        return;
    }
    place_at(w, icount, time, cpu, true);
    if (id < a->npoints)
        reached(w, &a->point[id]);
    else if (id - a->npoints < w->nbacks)
        returned(w, w->back[id - a->npoints]);
    if (w->more_stops)
        set_stops(w);
}

static void on_event(void *ctx, const struct event *ev) {}

/* ---------------------------------------------------------------- the part */

static void on_progress(void *ctx, const struct engine *e)
{
    struct ask_worker *w = ctx;
    struct ask_shared *s = w->s;
    const uint64_t now = e->ops->icount(e), more = now > w->told ? now - w->told : 0;
    const uint64_t steps = atomic_fetch_add(&s->steps, more) + more;
    w->told = now;
    if (atomic_load(&s->interrupted))
        replay_interrupt(w->r);
    if (!s->o->front.progress || pthread_mutex_trylock(&s->lock))
        return;
    s->o->front.progress(s->o->front.ctx, steps, e->ops->time(e));
    pthread_mutex_unlock(&s->lock);
}

/* The next multiple of a profile's number of steps. */
static uint64_t next_multiple(const struct ask_worker *w, uint64_t here)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < w->s->nmoments; i++) {
        const struct ask_place *p = w->s->moment[i].place;
        if (p->kind != P_PROFILE || !p->number)
            continue;
        const uint64_t at = here / p->number * p->number + p->number;
        next = at < next ? at : next;
    }
    return next;
}

/* Fires what is at the position where the machine stands. */
static int fire_here(struct ask_worker *w, uint64_t here, struct error *err)
{
    const uint64_t time = w->e->ops->time(w->e);
    if (catch_up(w, here, time, err))
        return -1;
    for (size_t i = 0; i < w->s->nmoments; i++) {
        const struct ask_place *p = w->s->moment[i].place;
        if (p->kind == P_PROFILE && p->number && here && here % p->number == 0)
            fire_tick(w, i, here, time, true);
    }
    return 0;
}

/* Fires the times that have come. */
static void fire_times(struct ask_worker *w, uint64_t here)
{
    const uint64_t time = w->e->ops->time(w->e);
    uint64_t tick;
    size_t i;
    while ((i = next_tick(w, true, &tick)) != SIZE_MAX && tick <= time && !w->eval.exits && !w->eval.failed) {
        w->count[i]++;
        fire_tick(w, i, here, time, true);
    }
}

static bool is_over(const struct ask_worker *w)
{
    return w->eval.exits || w->eval.failed;
}

/* Runs from one position at which something fires to the next. */
static int run_part(struct ask_worker *w, uint64_t end, struct error *err)
{
    for (;;) {
        const uint64_t here = w->e->ops->icount(w->e);
        uint64_t tick, next = end;
        if (here < w->to && w->s->nmoments && fire_here(w, here, err))
            return -1;
        if (w->s->nmoments)
            fire_times(w, here);
        if (here >= end || is_over(w))
            return 0;
        const uint64_t recorded = next_stop(w), multiple = next_multiple(w, here);
        next = recorded > here && recorded < next ? recorded : next;
        next = multiple < next ? multiple : next;
        const size_t i = next_tick(w, true, &tick);
        if (replay_reach_time(w->r, next, i == SIZE_MAX ? 0 : tick, err))
            return is_over(w) ? 0 : -1;
        if (atomic_load(&w->s->interrupted))
            return error_set(err, "interrupted at icount %llu", (unsigned long long)w->e->ops->icount(w->e));
    }
}

static int run(struct ask_worker *w, const struct ask_stretch *part, struct error *err)
{
    const uint64_t last = trace_last_icount(w->t), end = part->to < last ? part->to : last;
    if (ask_worker_open(w, err))
        return -1;
    replay_observe(w->r, 0, NULL);
    if (replay_seek(w->r, part->from, err))
        return -1;
    w->told = w->e->ops->icount(w->e);
    replay_progress(w->r, on_progress, w);
    w->observer = (struct observer){.ctx = w, .event = on_event, .probe = on_probe};
    replay_observe(w->r, 0, &w->observer);
    set_stops(w);
    w->running = true;
    const int rc = run_part(w, end, err);
    w->running = false;
    w->e->ops->stops(w->e, NULL, 0);
    replay_observe(w->r, 0, NULL);
    return rc;
}

static int outcome(struct ask_worker *w, int rc, struct error *err)
{
    if (w->lost)
        *err = w->trouble;
    else if (w->eval.failed)
        *err = w->eval.error.error;
    return rc || w->eval.failed ? -1 : 0;
}

int ask_pass(struct ask_worker *w, const struct ask_stretch *part, struct error *err)
{
    if (!w->t && !(w->t = trace_open_beside(w->s->o->trace, err)))
        return -1;
    w->from = part->from;
    w->to = part->to;
    int rc = begin_record(w, part, err);
    const bool must = !rc && (part->run || next_stop(w) < part->to);
    if (!rc && must)
        rc = run(w, part, err);
    if (!rc && !is_over(w))
        rc = catch_up(w, part->to - 1, part->to_time, err);
    w->passed = part->to;
    return outcome(w, rc, err);
}

bool ask_may_execute(const struct ask_shared *s, enum touch what, uint64_t address, uint64_t length,
                     uint64_t from, uint64_t to)
{
    long i = s->index ? touched_part_at(s->index, from) : -1;
    if (i < 0)
        return true;
    for (; (size_t)i < touched_parts(s->index); i++) {
        uint64_t begin, end;
        struct touched_set ignored;
        touched_part(s->index, (size_t)i, &begin, &end, &ignored);
        if (begin >= to)
            return false;
        if (touched_linear(s->index, (size_t)i, what, address, length))
            return true;
        from = end;
    }
    return from < to;
}

bool ask_may_return(const struct ask_worker *w, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < w->npending; i++)
        if (ask_may_execute(w->s, TOUCH_EXECUTED, w->pending[i].back, 1, from, to))
            return true;
    return false;
}
