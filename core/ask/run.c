/* run.c - a program over a whole trace: what it needs is looked up, the parts in which a probe can fire are chosen and run, and what they
 * print and count is put together. See ask.h. */
#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "base/date.h"
#include "base/memory.h"
#include "core/ask/private/run.h"
#include "core/timeline/recorded_types.h"

struct running {
    struct ask_shared s;
    struct ask_stretch *part;
    size_t nparts;
    struct ask_map *maps;
    struct text out;
    /* in parts: */
    struct result {
        struct ask_map *maps;
        struct text out;
        bool failed;
        struct error err;
        struct ask_error where;
    } * result;
    size_t share; /* parts in a row for one job */
    struct ask_worker **worker, **free;
    size_t nworkers, nfree;
    const char *last_printed; /* the map's name */
    atomic_size_t bad;
};

/* ---------------------------------------------------------------- moments */

static int add_moment(struct ask_shared *s, const struct ask_probe *probe, const struct ask_place *place,
                      size_t order, struct ask_error *err)
{
    struct ask_moment m = {
        .probe = probe, .place = place, .order = order, .needs_machine = probe->uses_machine};
    struct error why;
    if (place->kind == P_EVENT && event_filter_parse(place->name, &m.filter, &why))
        return ask_wrong_place(err, s->p, place, "%s: %.200s", place->text, why.text);
    if (place->kind == P_PROCESS)
        event_filter_parse("process.exec", &m.filter, &why);
    const uint32_t classes =
        place->kind == P_EVENT || place->kind == P_PROCESS ? event_filter_classes(&m.filter) : 0;
    const uint32_t missing = classes & ~trace_config(s->o->trace)->classes;
    if (missing && (m.filter.classes || m.filter.one_kind))
        return ask_wrong_place(
            err, s->p, place,
            "%s: the trace does not have these events: bootreel annotate --events adds them", place->text);
    s->classes |= classes;
    s->runs_all |= (place->period && m.needs_machine) || (place->kind == P_PROFILE && place->number);
    MEM_MORE(s->moment, s->nmoments);
    s->moment[s->nmoments++] = m;
    return 0;
}

static bool is_moment(enum ask_probe_kind kind)
{
    return kind == P_EVENT || kind == P_STAGE || kind == P_PROCESS || kind == P_INTERVAL || kind == P_PROFILE;
}

static int find_moments(struct ask_shared *s, struct ask_error *err)
{
    for (size_t i = 0; i < s->p->nprobes; i++)
        for (size_t k = 0; k < s->p->probe[i].nplaces; k++) {
            const struct ask_place *place = &s->p->probe[i].place[k];
            if (is_moment(place->kind) && add_moment(s, &s->p->probe[i], place, i, err))
                return -1;
        }
    return 0;
}

static int by_icount(const void *a, const void *b)
{
    const struct ask_edge *x = a, *y = b;
    if (x->icount != y->icount)
        return x->icount < y->icount ? -1 : 1;
    return x->moment < y->moment ? -1 : x->moment > y->moment;
}

static int add_edges(struct ask_shared *s, size_t moment, struct ask_error *err)
{
    const struct ask_place *p = s->moment[moment].place;
    bool any = false;
    for (size_t i = 0; i < stages_count(s->stages); i++) {
        const struct stage *st = stages_get(s->stages, i);
        if (!symbol_name_matches(p->name, st->name))
            continue;
        any = true;
        if (p->ends && st->open)
            continue;
        MEM_MORE(s->edge, s->nedges);
        s->edge[s->nedges++] = (struct ask_edge){p->ends ? st->end : st->begin,
                                                 p->ends ? st->end_time : st->begin_time, moment, st};
    }
    return any ? 0
               : ask_wrong_place(err, s->p, p, "%s: the boot has no such stage: bootreel stages lists them",
                                 p->text);
}

static int find_edges(struct ask_shared *s, struct ask_error *err)
{
    for (size_t i = 0; i < s->nmoments; i++)
        if (s->moment[i].place->kind == P_STAGE && add_edges(s, i, err))
            return -1;
    if (s->nedges)
        qsort(s->edge, s->nedges, sizeof *s->edge, by_icount);
    return 0;
}

/* ---------------------------------------------------------------- what the program needs */

struct needs {
    bool types, stages;
};

static void add_asked(struct ask_shared *s, const struct ask_node *n)
{
    MEM_MORE(s->asked, s->nasked);
    s->asked[s->nasked++] = (struct ask_asked){.node = n->list[1]};
}

static void walk(struct ask_shared *s, const struct ask_node *n, struct needs *needs)
{
    if (!n)
        return;
    needs->types |= n->kind == N_ARGS || n->kind == N_CAST || n->kind == N_MEMBER || n->kind == N_SIZEOF ||
                    n->kind == N_OFFSETOF ||
                    (n->kind == N_WORD && (n->id < 0 || n->id == W_RETVAL || n->id == W_UID ||
                                           n->id == W_GID || n->id == W_CURTASK || n->id == W_PID ||
                                           n->id == W_TID || n->id == W_COMM || n->id == W_USTACK)) ||
                    (n->kind == N_CALL && n->id == F_USTACK);
    needs->stages |= n->kind == N_WORD && n->id == W_STAGE;
    if (n->kind == N_CALL && n->id == F_AT)
        add_asked(s, n);
    for (size_t i = 0; i < n->n; i++)
        walk(s, n->list[i], needs);
    walk(s, n->a, needs);
    walk(s, n->b, needs);
    walk(s, n->c, needs);
}

static void find_needs(struct ask_shared *s, struct needs *needs)
{
    for (size_t i = 0; i < s->p->nprobes; i++) {
        walk(s, s->p->probe[i].condition, needs);
        walk(s, s->p->probe[i].body, needs);
        for (size_t k = 0; k < s->p->probe[i].nplaces; k++) {
            const enum ask_probe_kind kind = s->p->probe[i].place[k].kind;
            needs->stages |= kind == P_STAGE;
            needs->types |= kind == P_WATCHPOINT;
        }
    }
}

static int find_fields(struct ask_shared *s, struct ask_error *err)
{
    const struct ask_tracepoint_row *row;
    s->own = mem_zero(1, sizeof *s->own);
    s->own->name = "tracepoint";
    for (size_t i = 0; (row = ask_tracepoint(i)); i++) {
        MEM_MORE(s->fields, s->nfields);
        struct ask_fields *f = &s->fields[s->nfields++];
        *f = (struct ask_fields){.row = row};
        for (const char *const *text = row->fields; text && *text; text++, f->n++) {
            const size_t n = strcspn(*text, "=");
            assert(f->n < sizeof f->name / sizeof f->name[0]);
            f->name[f->n] = ask_own_text(s->own, *text, n);
            if (ask_parse_value(s->own, *text + n + 1, &f->node[f->n], err))
                return -1;
        }
        if (row->when && ask_parse_value(s->own, row->when, &f->when, err))
            return -1;
    }
    return 0;
}

/* The clock of the machine's calendar at its start; 0 if the engine has none. */
static uint64_t clock_of(const struct trace *t)
{
    const char *rtc = setting_find(trace_config(t)->settings, trace_config(t)->nsettings, "rtc");
    int64_t seconds;
    return rtc && date_parse(rtc, &seconds) ? (uint64_t)seconds : 0;
}

static unsigned cpus_of(const struct trace *t)
{
    const char *cpus = setting_find(trace_config(t)->settings, trace_config(t)->nsettings, "cpus");
    const unsigned long n = cpus ? strtoul(cpus, NULL, 10) : 0;
    return n && n <= UINT8_MAX ? (unsigned)n : 1;
}

static int copy_error(struct ask_error *to, const struct error *from)
{
    *to = (struct ask_error){.error = *from};
    return -1;
}

static int prepare(struct ask_shared *s, struct ask_error *err)
{
    struct needs needs = {.types = false};
    struct error why;
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->asking, NULL);
    s->start = clock_of(s->o->trace);
    s->cpus = cpus_of(s->o->trace);
    find_needs(s, &needs);
    if (find_moments(s, err))
        return -1;
    for (size_t i = 0; i < s->nmoments; i++)
        needs.types |= s->moment[i].needs_machine;
    if (needs.types && !(s->kernel = kernel_types_read(s->o->trace, s->o->kind, s->o->symbols, &why)))
        return copy_error(err, &why);
    if (needs.stages && !(s->stages = stages_of_trace(s->o->trace, &why)))
        return copy_error(err, &why);
    if (find_edges(s, err) || ask_attach(s->o, s->kernel, &s->at, err))
        return -1;
    if (s->at.npoints && !(s->index = touched_index_read(s->o->trace, &why)))
        return copy_error(err, &why);
    return find_fields(s, err);
}

static void shared_end(struct ask_shared *s)
{
    for (size_t i = 0; i < s->nasked; i++)
        ask_forget(&s->asked[i].value);
    free(s->asked);
    free(s->moment);
    free(s->edge);
    free(s->fields);
    ask_free(s->own);
    ask_detach(&s->at);
    touched_index_free(s->index);
    kernel_types_free(s->kernel);
    stages_free(s->stages);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->asking);
}

/* ---------------------------------------------------------------- arguments that there are not */

struct arguments {
    struct running *r;
    struct ask_worker *w;
    const struct ask_target *t;
    struct ask_error *err;
};

static bool has_parameter(const struct arguments *a, struct tree_type proto, const char *name)
{
    struct tree_type type;
    const char *its;
    for (unsigned i = 0; type_tree_parameter(a->r->s.kernel, proto, i, &its, &type); i++)
        if (!strcmp(its, name))
            return true;
    return false;
}

static int check_argument(const struct arguments *a, const struct ask_node *n)
{
    struct tree_type proto;
    if (n->kind != N_MEMBER || n->a->kind != N_ARGS || a->t->tracepoint)
        return 0;
    if (!ask_target_proto(a->w, a->t, &proto))
        return ask_wrong_at(a->err, a->r->s.p, n, "args.%s: the types of %s are not known: use arg0, arg1 …",
                            n->text, a->t->function ? a->t->function : "this address");
    return has_parameter(a, proto, n->text)
               ? 0
               : ask_wrong_at(a->err, a->r->s.p, n,
                              "%s() has no parameter %s: bootreel trace TRACE -l 'kprobe:%s' shows them",
                              a->t->function, n->text, a->t->function);
}

static int check_arguments(const struct arguments *a, const struct ask_node *n)
{
    if (!n)
        return 0;
    if (check_argument(a, n))
        return -1;
    for (size_t i = 0; i < n->n; i++)
        if (check_arguments(a, n->list[i]))
            return -1;
    return check_arguments(a, n->a) || check_arguments(a, n->b) || check_arguments(a, n->c) ? -1 : 0;
}

/* args.NAME of functions that have no such parameter: before anything is run. */
static int check_all_arguments(struct running *r, struct ask_error *err)
{
    enum { ENOUGH = 64 };
    struct ask_worker w;
    int rc = 0;
    ask_worker_begin(&w, &r->s);
    for (size_t i = 0; i < r->s.at.ntargets && i < ENOUGH && !rc; i++) {
        const struct arguments a = {r, &w, &r->s.at.target[i], err};
        rc = check_arguments(&a, a.t->probe->condition) || check_arguments(&a, a.t->probe->body) ? -1 : 0;
    }
    ask_worker_end(&w);
    return rc;
}

/* ---------------------------------------------------------------- parts */

static bool may_fire(const struct ask_shared *s, uint64_t from, uint64_t to)
{
    if (s->runs_all)
        return true;
    for (size_t i = 0; i < s->at.npoints; i++) {
        const struct ask_point *p = &s->at.point[i];
        bool there = false;
        for (size_t k = p->first; k < p->first + p->n; k++)
            there |= s->at.target[k].since < to && s->at.target[k].until > from;
        const enum touch what = !p->length ? TOUCH_EXECUTED : p->on_read ? TOUCH_ACCESSED : TOUCH_WRITTEN;
        if (there && ask_may_execute(s, what, p->address, p->length ? p->length : 1, from, to))
            return true;
    }
    return false;
}

/* Guest time at an icount that is no checkpoint's: from a machine that goes there. */
static int time_at(struct running *r, uint64_t icount, uint64_t *time, struct error *err)
{
    struct trace *t = r->s.o->trace;
    const long k = trace_checkpoint_find(t, icount);
    *time = 0;
    if (!icount || !r->s.nmoments)
        return 0;
    if (k >= 0 && trace_checkpoint(t, (size_t)k)->icount == icount) {
        *time = trace_checkpoint(t, (size_t)k)->time;
        return 0;
    }
    struct ask_worker w;
    ask_worker_begin(&w, &r->s);
    const uint64_t last = trace_last_icount(t);
    const int rc = ask_worker_open(&w, err) || replay_seek(w.r, icount < last ? icount : last, err) ? -1 : 0;
    if (!rc)
        *time = w.e->ops->time(w.e);
    ask_worker_end(&w);
    return rc;
}

static int choose_parts(struct running *r, struct error *err)
{
    const struct ask_options *o = r->s.o;
    const size_t n = trace_checkpoint_count(o->trace);
    uint64_t at = o->from, from_time, to_time;
    r->part = mem_zero(n + 2, sizeof *r->part);
    if (time_at(r, o->from, &from_time, err))
        return -1;
    for (size_t i = 0; i <= n; i++) {
        uint64_t end = i < n ? trace_checkpoint(o->trace, i)->icount : o->to;
        end = end > o->to ? o->to : end;
        if (end <= at)
            continue;
        if (time_at(r, end, &to_time, err))
            return -1;
        r->part[r->nparts++] = (struct ask_stretch){at, end, from_time, to_time, may_fire(&r->s, at, end)};
        at = end;
        from_time = to_time;
    }
    return 0;
}

/* ---------------------------------------------------------------- output */

static void flush(struct running *r, struct text *t)
{
    if (t->n)
        r->s.o->print(r->s.o->ctx, t->s, t->n);
    free(t->s);
    *t = (struct text){0};
}

/* ---------------------------------------------------------------- BEGIN and END */

static void fire_special(struct running *r, struct ask_worker *w, enum ask_probe_kind kind, uint64_t icount,
                         uint64_t time)
{
    w->icount = icount;
    w->time = time;
    w->cpu = 0;
    w->placed = false;
    w->target = NULL;
    w->returns = NULL;
    w->event = NULL;
    w->edge = NULL;
    for (size_t i = 0; i < r->s.p->nprobes; i++)
        for (size_t k = 0; k < r->s.p->probe[i].nplaces; k++)
            if (r->s.p->probe[i].place[k].kind == kind)
                ask_fire_at(w, &r->s.p->probe[i], &r->s.p->probe[i].place[k]);
}

static int failed(const struct ask_worker *w, const struct error *why, struct ask_error *err)
{
    if (w->eval.failed && !w->lost)
        *err = w->eval.error;
    else
        copy_error(err, why);
    return -1;
}

/* ---------------------------------------------------------------- in order */

static int run_in_order(struct running *r, struct ask_worker *w, struct ask_error *err)
{
    struct error why;
    for (size_t i = 0; i < r->nparts && !w->eval.exits; i++) {
        struct ask_stretch *p = &r->part[i];
        p->run |= ask_may_return(w, p->from, p->to);
        const int rc = ask_pass(w, p, &why);
        flush(r, &w->out);
        if (rc)
            return failed(w, &why, err);
    }
    return 0;
}

/* ---------------------------------------------------------------- in parts */

static struct ask_worker *worker_get(struct running *r)
{
    struct ask_worker *w = NULL;
    pthread_mutex_lock(&r->s.lock);
    if (r->nfree)
        w = r->free[--r->nfree];
    pthread_mutex_unlock(&r->s.lock);
    if (w)
        return w;
    w = mem_zero(1, sizeof *w);
    ask_worker_begin(w, &r->s);
    pthread_mutex_lock(&r->s.lock);
    MEM_MORE(r->worker, r->nworkers);
    r->worker[r->nworkers++] = w;
    pthread_mutex_unlock(&r->s.lock);
    return w;
}

static void worker_put(struct running *r, struct ask_worker *w)
{
    pthread_mutex_lock(&r->s.lock);
    r->free[r->nfree++] = w;
    pthread_mutex_unlock(&r->s.lock);
}

static void lower(atomic_size_t *to, size_t i)
{
    size_t was = atomic_load(to);
    while (i < was && !atomic_compare_exchange_weak(to, &was, i))
        ;
}

/* Some parts in a row. */
static void do_share(void *ctx, size_t number)
{
    struct running *r = ctx;
    struct result *res = &r->result[number];
    if (number > atomic_load(&r->bad))
        return;
    struct ask_worker *w = worker_get(r);
    res->maps = w->eval.maps = ask_maps_new(r->s.p);
    for (size_t i = number * r->share; i < (number + 1) * r->share && i < r->nparts && !res->failed; i++)
        res->failed = ask_pass(w, &r->part[i], &res->err);
    if (res->failed) {
        failed(w, &res->err, &res->where);
        lower(&r->bad, number);
    }
    res->out = w->out;
    w->out = (struct text){0};
    w->eval.failed = w->lost = false;
    worker_put(r, w);
}

static int gather(struct running *r, size_t shares, struct ask_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < shares; i++) {
        struct result *res = &r->result[i];
        if (!rc)
            flush(r, &res->out);
        if (!rc && res->failed) {
            *err = res->where;
            rc = -1;
        }
        for (size_t k = 0; !rc && k < r->s.p->nmaps; k++)
            ask_map_join(&r->maps[k], &res->maps[k]);
        ask_maps_free(res->maps, r->s.p);
        free(res->out.s);
    }
    return rc;
}

/* Shares are as small as jobs need to end at about the same time: each begins with loading a state. */
static int run_in_parts(struct running *r, struct ask_error *err)
{
    enum { SHARES = 6 };
    const unsigned jobs = r->s.o->jobs ? r->s.o->jobs : 1;
    r->share = r->nparts / ((size_t)jobs * SHARES);
    r->share = r->share ? r->share : 1;
    const size_t shares = (r->nparts + r->share - 1) / r->share;
    r->result = mem_zero(shares + 1, sizeof *r->result);
    r->free = mem_zero(jobs + 1, sizeof(struct ask_worker *));
    atomic_store(&r->bad, SIZE_MAX);
    jobs_run(jobs, shares, do_share, r);
    const int rc = gather(r, shares, err);
    for (size_t i = 0; i < r->nworkers; i++) {
        ask_worker_end(r->worker[i]);
        free(r->worker[i]);
    }
    free(r->worker);
    free(r->free);
    free(r->result);
    return rc;
}

/* ---------------------------------------------------------------- all of it */

static void print_maps(struct running *r, struct ask_worker *w)
{
    for (size_t done = 0; done < r->s.p->nmaps; done++) {
        /* By their names. */
        size_t next = SIZE_MAX;
        for (size_t i = 0; i < r->s.p->nmaps; i++) {
            const char *name = r->s.p->map[i].name;
            const bool before = done && strcmp(name, r->last_printed) <= 0;
            if (!before && (next == SIZE_MAX || strcmp(name, r->s.p->map[next].name) < 0))
                next = i;
        }
        if (next == SIZE_MAX)
            break;
        r->last_printed = r->s.p->map[next].name;
        if (r->maps[next].n > r->maps[next].ngone)
            ask_print_map(&w->eval.print, &r->maps[next], 0, 1);
    }
}

static int run_program(struct running *r, struct ask_error *err)
{
    struct ask_worker w;
    struct error why = {.text = ""};
    const struct trace_checkpoint *last = NULL;
    const size_t n = trace_checkpoint_count(r->s.o->trace);
    ask_worker_begin(&w, &r->s);
    r->maps = w.eval.maps = ask_maps_new(r->s.p);
    ask_print_attached(&w.eval.print, r->s.at.places);
    fire_special(r, &w, P_BEGIN, UINT64_MAX, r->nparts ? r->part[0].from_time : 0);
    flush(r, &w.out);
    int rc = w.eval.failed ? failed(&w, &why, err) : 0;
    if (!rc && !w.eval.exits)
        rc = r->s.p->in_order ? run_in_order(r, &w, err) : run_in_parts(r, err);
    last = n ? trace_checkpoint(r->s.o->trace, n - 1) : NULL;
    if (!rc) {
        const uint64_t end = w.eval.exits || !last ? w.time : last->time;
        w.eval.exits = false;
        fire_special(r, &w, P_END, UINT64_MAX, end);
        rc = w.eval.failed ? failed(&w, &why, err) : 0;
    }
    if (!rc && !r->s.o->json)
        text_add(&w.out, "\n\n");
    if (!rc)
        print_maps(r, &w);
    flush(r, &w.out);
    ask_maps_free(r->maps, r->s.p);
    ask_worker_end(&w);
    return rc;
}

static void interrupt(void *work)
{
    struct ask_shared *s = work;
    atomic_store(&s->interrupted, true);
}

int ask_run(const struct ask_options *o, struct ask_error *err)
{
    struct running r = {.s = {.o = o, .p = o->program}};
    struct error why;
    *err = (struct ask_error){.line = 0};
    int rc = prepare(&r.s, err);
    if (!rc)
        rc = check_all_arguments(&r, err);
    if (!rc && choose_parts(&r, &why))
        rc = copy_error(err, &why);
    if (!rc) {
        if (o->front.running)
            o->front.running(o->front.ctx, interrupt, &r.s);
        rc = run_program(&r, err);
        if (o->front.running)
            o->front.running(o->front.ctx, NULL, NULL);
    }
    free(r.part);
    shared_end(&r.s);
    return rc;
}
