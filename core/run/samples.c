/* samples.c - see samples.h. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/hash_index.h"
#include "base/memory.h"
#include "core/run/private/replay_impl.h"
#include "core/run/samples.h"
#include "core/symbols/debug.h"
#include "core/run/state.h"
#include "core/story/inspector.h"
#include "core/story/processes.h"
#include "core/story/running.h"
#include "core/story/stages.h"
#include "core/symbols/symbols.h"

/* The things that were seen have numbers, which are found by the hash of what they are. */
struct samples {
    uint64_t every, count;
    struct sample_function *functions;
    struct sample_chain *chains;
    struct sample_place *places;
    size_t nfunctions, nchains, nplaces;
    uint32_t *order; /* functions, as they are listed */
    char **names;    /* of stages, processes and code without symbols; the chains point to them */
    size_t nnames;
    const struct symbols *symbols;
    struct symbols *own_symbols; /* NULL: they are the caller's */
    struct hash_index by_name, by_function, by_chain, by_place;
};

/* Calls, each with what is inlined there, and one entry for callers that are not known. */
enum { CHAIN_MAX = 4 * SAMPLES_DEPTH };

struct sampler {
    const struct samples_options *o;
    struct replay *r;
    struct samples *out;
    const struct stages *stages;
    struct stages *own_stages; /* NULL: they are the caller's */
    struct processes *processes;
    struct inspector *inspector; /* NULL: the processes are as the trace says */
    struct trace_cursor *events;
    struct event next; /* of `events`; kind EV_COUNT: none */
    struct look look;
    void *walker; /* of o->walker */
    struct observer observer;
    long active[256]; /* by processor: the guest that made the last event there, or -1 */
    unsigned cpu;
    uint64_t pc[SAMPLES_DEPTH];
    uint32_t call[CHAIN_MAX];
    long checkpoint; /* the last one that was passed, or is at the beginning */
    struct state_hash *hash;
    struct snapshot_base hashed;
};

enum {
    PROCESS_CLASSES = EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_SCHED) | EVENT_CLASS_BIT(EC_POWER)
};

/* ---------------------------------------------------------------- what was seen */

/* The number of the thing with that hash for which same(ctx, number) holds; a new number (x->n - 1) if there
 * is none. */
static uint32_t seen_number(struct hash_index *x, uint64_t hash,
                            bool (*same)(const void *ctx, uint32_t number), const void *ctx)
{
    for (struct hash_search s = hash_search(x, hash); hash_found(x, &s);)
        if (same(ctx, s.number))
            return s.number;
    hash_index_add(x, hash, x->n);
    return (uint32_t)x->n - 1;
}

struct asked_name {
    const struct samples *s;
    const char *text;
};

static bool same_name(const void *ctx, uint32_t number)
{
    const struct asked_name *a = ctx;
    return !strcmp(a->s->names[number], a->text);
}

/* The one copy of a text that all chains share. */
static const char *shared(struct samples *s, const char *text)
{
    const struct asked_name a = {s, text};
    uint32_t i = seen_number(&s->by_name, XXH3_64bits(text, strlen(text)), same_name, &a);
    if (i == s->nnames) {
        MEM_MORE(s->names, s->nnames);
        s->names[s->nnames++] = mem_string(text);
    }
    return s->names[i];
}

/* ---------------------------------------------------------------- functions */

struct asked_function {
    const struct samples *s;
    const char *name, *module;
};

static bool same_function(const void *ctx, uint32_t number)
{
    const struct asked_function *a = ctx;
    const struct sample_function *f = &a->s->functions[number];
    return f->name == a->name && f->module == a->module;
}

static uint32_t function_number(struct samples *s, const struct sample_function *f)
{
    const struct asked_function a = {s, f->name, f->module};
    const void *key[2] = {f->name, f->module};
    uint32_t i = seen_number(&s->by_function, XXH3_64bits(key, sizeof key), same_function, &a);
    if (i == s->nfunctions) {
        MEM_MORE(s->functions, s->nfunctions);
        s->functions[s->nfunctions++] = *f;
    }
    return i;
}

/* The name for code without symbols: what sort of code it is, and in which stage. Its addresses are counted
 * as places. */
static const char *sort_of_code(struct sampler *s, uint64_t at)
{
    unsigned bits = look_code_bits(s->look, s->cpu);
    char name[240];
    if (bits != 16 && look_reg(s->look, s->cpu, "cpl") == 3)
        return shared(s->out, "[program without symbols]");
    long i = stages_at(s->stages, at);
    snprintf(name, sizeof name, "[%s%s%u-bit code without symbols]",
             i < 0 ? "" : stages_get(s->stages, (size_t)i)->name, i < 0 ? "" : ": ", bits);
    return shared(s->out, name);
}

/* The number of the entry that stands for callers that cannot be found. */
static uint32_t unknown_callers(struct sampler *s)
{
    const struct sample_function f = {.name = shared(s->out, "[callers unknown]"),
                                      .module = shared(s->out, "")};
    return function_number(s->out, &f);
}

/* The number of a frame's function. A caller's address is the one after its call. */
static uint32_t function_at(struct sampler *s, symbol_space space, uint64_t pc, uint64_t at)
{
    struct sample_function f = {.module = shared(s->out, "")};
    struct symbol sym;
    if (symbols_at(s->out->symbols, space, pc, at, &sym, NULL)) {
        f.name = sym.name;
        f.module = sym.module;
        f.address = sym.address;
        symbols_line(s->out->symbols, space, sym.address, at, &f.file, &f.line);
    } else {
        f.name = sort_of_code(s, at);
    }
    return function_number(s->out, &f);
}

/* Adds a frame to the chain: its function, then those that the compiler has put into it there, by the debug information. They count as functions of
 * the same module. */
static void add_frame(struct sampler *s, struct sample_chain *c, symbol_space space, uint64_t pc, uint64_t at)
{
    struct debug_place place[DEBUG_PLACES];
    const uint32_t own = function_at(s, space, pc, at);
    const char *module = s->out->functions[own].module;
    if (c->ncalls < CHAIN_MAX)
        s->call[c->ncalls++] = own;
    for (size_t n = symbols_places(s->out->symbols, space, pc, at, place, DEBUG_PLACES); n-- > 1;) {
        const struct debug_place *p = &place[n - 1];
        if (!p->inlined || !p->function || c->ncalls == CHAIN_MAX)
            continue;
        const struct sample_function f = {.name = shared(s->out, p->function),
                                          .module = module,
                                          .file = p->begin_file,
                                          .line = p->begin_line};
        s->call[c->ncalls++] = function_number(s->out, &f);
    }
}

/* ---------------------------------------------------------------- places */

static bool same_place(const void *ctx, uint32_t number)
{
    const struct samples *s = *(const struct samples *const *)ctx;
    const struct sample_place *asked = ((const struct sample_place *const *)ctx)[1], *p = &s->places[number];
    return p->name == asked->name && p->address == asked->address;
}

static void count_place(struct samples *s, const char *name, uint64_t address, uint64_t count)
{
    const struct sample_place asked = {.name = name, .address = address / PLACE_BYTES * PLACE_BYTES};
    const void *ctx[2] = {s, &asked};
    const uint64_t key[2] = {(uintptr_t)asked.name, asked.address};
    uint32_t i = seen_number(&s->by_place, XXH3_64bits(key, sizeof key), same_place, ctx);
    if (i == s->nplaces) {
        MEM_MORE(s->places, s->nplaces);
        s->places[s->nplaces++] = asked;
    }
    s->places[i].count += count;
}

/* ---------------------------------------------------------------- chains */

struct asked_chain {
    const struct samples *s;
    const struct sample_chain *chain;
};

static bool same_chain(const void *ctx, uint32_t number)
{
    const struct asked_chain *a = ctx;
    const struct sample_chain *c = &a->s->chains[number];
    return c->stage == a->chain->stage && c->process == a->chain->process && c->ncalls == a->chain->ncalls &&
           !memcmp(c->call, a->chain->call, c->ncalls * sizeof *c->call);
}

static uint32_t chain_number(struct samples *s, const struct sample_chain *c)
{
    const struct asked_chain a = {s, c};
    uint64_t hash = XXH3_64bits(c->call, c->ncalls * sizeof *c->call);
    const void *key[2] = {c->stage, c->process};
    hash = XXH3_64bits_withSeed(key, sizeof key, hash);
    uint32_t i = seen_number(&s->by_chain, hash, same_chain, &a);
    if (i == s->nchains) {
        MEM_MORE(s->chains, s->nchains);
        s->chains[s->nchains] = *c;
        s->chains[s->nchains++].call = mem_copy(c->call, c->ncalls * sizeof *c->call);
    }
    return i;
}

static void count_chain(struct samples *s, const struct sample_chain *c)
{
    uint32_t i = chain_number(s, c); /* this may move s->chains */
    s->chains[i].count++;
    s->count++;
}

static void count_functions(struct samples *s, const uint32_t *call, size_t n)
{
    if (n)
        s->functions[call[n - 1]].self++;
    for (size_t i = 0; i < n; i++) {
        bool again = false; /* a recursive function counts once */
        for (size_t k = 0; k < i && !again; k++)
            again = call[k] == call[i];
        s->functions[call[i]].total += !again;
    }
}

/* ---------------------------------------------------------------- who runs */

static const char *stage_at(struct sampler *s, uint64_t at)
{
    long i = stages_at(s->stages, at);
    while (i >= 0 && stages_get(s->stages, (size_t)i)->depth > 1)
        i = stages_get(s->stages, (size_t)i)->parent;
    return shared(s->out, i < 0 ? "" : stages_get(s->stages, (size_t)i)->name);
}

static void see(struct sampler *s, const struct event *ev)
{
    s->active[ev->cpu] = ev->guest;
    processes_see(s->processes, ev);
}

/* The space of the code that is executed. */
static symbol_space space_at(struct sampler *s, const struct process *p, uint64_t at)
{
    const struct running_place place = {.symbols = s->out->symbols,
                                        .processes = s->processes,
                                        .icount = at,
                                        .recorded = at,
                                        .cpu = s->cpu,
                                        .pc = look_pc(s->look, s->cpu)};
    struct running r;
    running_after(&place, s->active[s->cpu], &r);
    return r.several ? r.space : running_space(s->out->symbols, p, at);
}

/* Without an inspector: takes the recorded events before the position. */
static int catch_up(struct sampler *s, uint64_t at, struct error *err)
{
    while (s->next.kind != EV_COUNT && s->next.icount < at) {
        see(s, &s->next);
        int rc = trace_cursor_next(s->events, &s->next, NULL, err);
        if (rc < 0)
            return -1;
        if (!rc)
            s->next.kind = EV_COUNT;
    }
    return 0;
}

static const struct process *who_runs(struct sampler *s)
{
    if (s->inspector)
        inspector_finish(
            s->inspector); /* events that it still holds, to be in order, are before this position */
    return processes_running(s->processes, s->cpu, (uint32_t)look_reg(s->look, s->cpu, "host_pid"));
}

/* ---------------------------------------------------------------- sampling */

static int take_one(struct sampler *s, uint64_t at, struct error *err)
{
    if (!s->inspector && catch_up(s, at, err))
        return -1;
    const struct process *p = who_runs(s);
    if (s->o->process && !(p && process_names_fit(s->o->names, s->o->process, p->guest, p->pid, at)))
        return 0;
    symbol_space space = space_at(s, p, at);
    struct sample_chain c = {
        .stage = stage_at(s, at), .process = shared(s->out, p ? p->name : ""), .first = at};
    bool lost;
    const size_t n =
        s->o->walker->walk(s->walker, s->look, s->cpu, s->out->symbols, space, s->pc, SAMPLES_DEPTH, &lost);
    if (lost)
        s->call[c.ncalls++] = unknown_callers(s);
    for (size_t i = n; i-- > 0;)
        add_frame(s, &c, space, s->pc[i], at);
    c.call = s->call;
    if (c.ncalls && !*s->out->functions[s->call[c.ncalls - 1]].module)
        count_place(s->out, s->out->functions[s->call[c.ncalls - 1]].name, s->pc[0], 1);
    count_functions(s->out, s->call, c.ncalls);
    count_chain(s->out, &c);
    return 0;
}

/* Checks at checkpoint k that the run is the recorded one, wherever a part begins. */
static int compare(struct sampler *s, size_t k, struct error *err)
{
    const struct trace_checkpoint *c = trace_checkpoint(s->o->trace, k);
    if (!s->hash)
        return 0;
    if (replay_reach(s->r, c->icount, err))
        return -1;
    if (state_hash_engine(s->hash, s->r->e, &s->hashed) == c->hash)
        return 0;
    return error_set(err,
                     "the state at the checkpoint at icount %llu differs from the record: find out how with "
                     "`bootreel replay --verify`",
                     (unsigned long long)c->icount);
}

/* 1: the stretches up to `at` are this part's; 0: not all of them; -1: error. */
static int go_on(struct sampler *s, uint64_t at, struct error *err)
{
    long end = trace_checkpoint_find(s->o->trace, at), parts = (long)replay_parts(s->o->trace);
    for (; s->checkpoint < end && s->checkpoint + 1 < parts; s->checkpoint++) {
        size_t next = (size_t)s->checkpoint + 1;
        if (compare(s, next, err))
            return -1;
        if (s->o->go_on && !s->o->go_on(s->o->ctx, next))
            return 0;
    }
    return 1;
}

static int take_all(struct sampler *s, struct error *err)
{
    uint64_t every = s->out->every;
    uint64_t at = s->o->from / every * every;
    if (at < s->o->from)
        at += every;
    s->checkpoint = trace_checkpoint_find(s->o->trace, s->o->from);
    for (; at < s->o->to; at += every) {
        int rc = go_on(s, at, err);
        if (rc <= 0)
            return rc;
        if (replay_reach(s->r, at, err))
            return -1;
        s->cpu = s->r->last.cpu;
        if (take_one(s, at, err))
            return -1;
        if (UINT64_MAX - at < every)
            break;
    }
    return go_on(s, s->o->to, err) < 0 ? -1 : 0;
}

/* ---------------------------------------------------------------- beginning */

static void inspected_event(void *ctx, const struct event *ev)
{
    see(ctx, ev);
}

static void on_event(void *ctx, const struct event *ev)
{
    inspector_event(((struct sampler *)ctx)->inspector, ev);
}

static void on_probe(void *ctx, unsigned id, unsigned cpu, uint64_t icount)
{
    inspector_probe(((struct sampler *)ctx)->inspector, id, cpu, icount);
}

/* An inspector that says which process runs; it has to see the run from its beginning. */
static int begin_inspected(struct sampler *s, struct error *err)
{
    s->inspector = replay_inspector(s->r, PROCESS_CLASSES, inspected_event, s, err);
    if (!s->inspector)
        return -1;
    s->observer = (struct observer){.ctx = s, .event = on_event, .probe = on_probe};
    s->r->e->ops->observe(s->r->e, PROCESS_CLASSES | inspector_classes(s->inspector), &s->observer);
    inspector_start(s->inspector);
    return 0;
}

static int begin_plain(struct sampler *s, struct error *err)
{
    s->events = trace_cursor_open(s->o->trace, PROCESS_CLASSES);
    int rc = trace_cursor_next(s->events, &s->next, NULL, err);
    if (!rc)
        s->next.kind = EV_COUNT;
    return rc < 0 ? -1 : replay_seek(s->r, s->o->from, err);
}

int samples_divisible(struct trace *t, struct error *err)
{
    const char *inspect = trace_setting(t, "inspect");
    struct error folded;
    if (!inspect || !strcmp(inspect, "none"))
        return 1;
    /* The record's events are those that an inspector would make, if it has all of them. */
    return (trace_config(t)->classes & PROCESS_CLASSES) == PROCESS_CLASSES && !replay_check_parts(t, &folded);
}

static int begin(struct sampler *s, struct error *err)
{
    int divisible = samples_divisible(s->o->trace, err);
    if (divisible < 0)
        return -1;
    s->out->symbols = s->o->symbols ? s->o->symbols : (s->out->own_symbols = symbols_load(s->o->trace, err));
    if (s->out->symbols)
        s->stages = s->o->stages ? s->o->stages : (s->own_stages = stages_of_trace(s->o->trace, err));
    if (!s->stages)
        return -1;
    s->processes = processes_new();
    for (size_t i = 0; i < sizeof s->active / sizeof s->active[0]; i++)
        s->active[i] = -1;
    s->hash = state_hash_new();
    s->look = look_of(s->r->e, false);
    s->walker = s->o->walker->open();
    replay_progress(s->r, s->o->progress, s->o->ctx);
    return divisible ? begin_plain(s, err) : begin_inspected(s, err);
}

/* ---------------------------------------------------------------- order */

static int by_count(const void *a, const void *b)
{
    const struct sample_chain *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return x->first < y->first ? -1 : x->first > y->first;
}

static int by_place(const void *a, const void *b)
{
    const struct sample_place *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int by_self(const void *a, const void *b, void *ctx)
{
    const struct samples *s = ctx;
    uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
    const struct sample_function *x = &s->functions[i], *y = &s->functions[k];
    if (x->self != y->self)
        return x->self < y->self ? 1 : -1;
    if (x->total != y->total)
        return x->total < y->total ? 1 : -1;
    return i < k ? -1 : i > k;
}

static void sort(struct samples *s)
{
    if (s->nchains)
        qsort(s->chains, s->nchains, sizeof *s->chains, by_count);
    if (s->nplaces)
        qsort(s->places, s->nplaces, sizeof *s->places, by_place);
    s->order = mem_zero(s->nfunctions, sizeof *s->order);
    for (size_t i = 0; i < s->nfunctions; i++)
        s->order[i] = (uint32_t)i;
    qsort_r(s->order, s->nfunctions, sizeof *s->order, by_self, s);
}

/* ---------------------------------------------------------------- all of it */

static bool is_prime(uint64_t n)
{
    for (uint64_t d = 2; d * d <= n; d++)
        if (n % d == 0)
            return false;
    return n > 1;
}

uint64_t samples_usual(uint64_t steps)
{
    uint64_t n = steps / SAMPLES_USUAL;
    while (n > 1 && !is_prime(n))
        n++;
    return n ? n : 1;
}

struct samples *samples_take(const struct samples_options *o, struct error *err)
{
    struct sampler s = {.o = o, .r = o->replay, .out = mem_zero(1, sizeof *s.out)};
    s.out->every = o->every ? o->every : samples_usual(o->to > o->from ? o->to - o->from : 0);
    int rc = begin(&s, err);
    if (!rc)
        rc = take_all(&s, err);
    s.r->e->ops->observe(s.r->e, s.r->classes, s.r->observer);
    if (s.inspector)
        s.r->e->ops->stops(s.r->e, NULL, 0);
    inspector_destroy(s.inspector);
    state_hash_free(s.hash);
    trace_cursor_close(s.events);
    if (s.walker)
        o->walker->close(s.walker);
    processes_free(s.processes);
    stages_free(s.own_stages);
    if (rc) {
        samples_free(s.out);
        return NULL;
    }
    sort(s.out);
    return s.out;
}

/* Each part has its own copies of texts that are not symbols'. */
static uint32_t join_function(struct samples *s, const struct sample_function *of)
{
    struct sample_function f = *of;
    f.self = f.total = 0;
    if (!*f.module) {
        f.module = shared(s, "");
        f.name = shared(s, f.name);
    }
    uint32_t i = function_number(s, &f);
    s->functions[i].self += of->self;
    s->functions[i].total += of->total;
    return i;
}

static void join_chain(struct samples *s, const struct sample_chain *of, const uint32_t *number)
{
    uint32_t call[CHAIN_MAX];
    struct sample_chain c = *of;
    c.stage = shared(s, of->stage);
    c.process = shared(s, of->process);
    c.call = call;
    c.count = 0;
    for (size_t i = 0; i < c.ncalls; i++)
        call[i] = number[of->call[i]];
    uint32_t i = chain_number(s, &c);
    s->chains[i].count += of->count;
    s->count += of->count;
}

struct samples *samples_join(struct samples *const *part, size_t n)
{
    struct samples *s = mem_zero(1, sizeof *s);
    s->every = part[0]->every;
    s->symbols = part[0]->symbols;
    for (size_t i = 0; i < n; i++) {
        const struct samples *p = part[i];
        uint32_t *number = mem_zero(p->nfunctions + 1, sizeof *number);
        for (size_t k = 0; k < p->nfunctions; k++)
            number[k] = join_function(s, &p->functions[k]);
        for (size_t k = 0; k < p->nchains; k++)
            join_chain(s, &p->chains[k], number);
        for (size_t k = 0; k < p->nplaces; k++)
            count_place(s, shared(s, p->places[k].name), p->places[k].address, p->places[k].count);
        free(number);
    }
    sort(s);
    return s;
}

void samples_free(struct samples *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->nchains; i++)
        free((void *)s->chains[i].call);
    for (size_t i = 0; i < s->nnames; i++)
        free(s->names[i]);
    free(s->chains);
    free(s->functions);
    free(s->order);
    free(s->names);
    hash_index_clear(&s->by_name);
    hash_index_clear(&s->by_function);
    hash_index_clear(&s->by_chain);
    hash_index_clear(&s->by_place);
    free(s->places);
    symbols_free(s->own_symbols);
    free(s);
}

uint64_t samples_every(const struct samples *s)
{
    return s->every;
}

uint64_t samples_count(const struct samples *s)
{
    return s->count;
}

size_t samples_functions(const struct samples *s)
{
    return s->nfunctions;
}

const struct sample_function *samples_function(const struct samples *s, size_t i)
{
    return &s->functions[s->order[i]];
}

const struct sample_function *samples_function_number(const struct samples *s, uint32_t number)
{
    return &s->functions[number];
}

size_t samples_places(const struct samples *s)
{
    return s->nplaces;
}

const struct sample_place *samples_place(const struct samples *s, size_t i)
{
    return &s->places[i];
}

size_t samples_chains(const struct samples *s)
{
    return s->nchains;
}

const struct sample_chain *samples_chain(const struct samples *s, size_t i)
{
    return &s->chains[i];
}
