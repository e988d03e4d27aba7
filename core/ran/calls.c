/* calls.c - runs a part of a trace and makes its call trees. See calls.h. */
#include "core/ran/calls.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/ran/private/tree.h"
#include "core/run/replay.h"
#include "core/timeline/recorded_types.h"

static void on_flow(void *ctx, const struct engine_flow *f)
{
    call_follow(ctx, f);
}

static void interrupt(void *work)
{
    replay_interrupt(work);
}

static void find_registers(struct taking *t)
{
    static const char *const names[CALL_PARAMETERS + 1] = {"rdi", "rsi", "rdx", "rcx", "r8", "r9", "rax"};
    for (size_t i = 0; i <= CALL_PARAMETERS; i++)
        t->reg[i] = engine_reg_index(t->e, names[i]);
}

struct progress_of {
    const struct calls_options *o;
    uint64_t from;
};

static void on_progress(void *ctx, const struct engine *e)
{
    const struct progress_of *p = ctx;
    if (p->o->front.progress)
        p->o->front.progress(p->o->front.ctx, e->ops->icount(e) - p->from, e->ops->time(e));
}

static int run_window(struct taking *t, struct replay *r, struct error *err)
{
    struct progress_of p = {t->o, t->o->from};
    replay_progress(r, on_progress, &p);
    if (t->o->front.running)
        t->o->front.running(t->o->front.ctx, interrupt, r);
    t->e->ops->flows(t->e, on_flow, t);
    int rc = replay_reach(r, t->o->to, err);
    t->e->ops->flows(t->e, NULL, NULL);
    if (t->o->front.running)
        t->o->front.running(t->o->front.ctx, NULL, NULL);
    if (t->failed) {
        *err = t->trouble;
        rc = -1;
    }
    if (!rc)
        calls_finish(t, t->e->ops->icount(t->e), t->e->ops->time(t->e));
    return rc;
}

static int take(struct taking *t, struct replay *r, struct error *err)
{
    t->e = replay_engine(r);
    if (!t->e->ops->flows)
        return error_set(err, "calls: this engine reports no calls");
    t->look = look_of(t->e, false);
    t->stop = interrupt;
    t->stop_ctx = r;
    find_registers(t);
    if (replay_seek(r, t->o->from, err))
        return -1;
    struct trace *beside = trace_open_beside(t->o->trace, err);
    if (!beside)
        return -1;
    int rc = who_open(&t->who, beside, t->o->symbols, t->look, t->o->from + 1, err);
    if (!rc) {
        calls_begin(t, t->o->from, t->e->ops->time(t->e));
        rc = run_window(t, r, err);
    }
    who_close(&t->who);
    trace_close(beside);
    return rc;
}

/* Calls that were too short are left out, and their numbers are given to those after them. */
static void leave_out(struct calls *c)
{
    uint32_t *number = mem_alloc((c->ncalls + 1) * sizeof *number), n = 0;
    for (size_t i = 0; i < c->ncalls; i++)
        number[i] = c->call[i].function == CALL_NONE ? CALL_NONE : n++;
    for (size_t i = 0; i < c->ncalls; i++) {
        struct call *call = &c->call[i];
        if (number[i] == CALL_NONE)
            continue;
        if (call->parent != CALL_NONE)
            call->parent = number[call->parent];
        c->call[number[i]] = *call;
    }
    c->ncalls = n;
    free(number);
}

struct calls *calls_take(const struct calls_options *o, struct error *err)
{
    struct calls *c = mem_zero(1, sizeof *c);
    struct taking t = {.o = o, .c = c};
    struct replay *r = NULL;
    int rc =
        o->from < o->to ? 0 : error_set(err, "calls: the window has no step: --to has to be after --from");
    if (!rc && o->arguments && !(c->types = kernel_types_read(o->trace, o->kind, o->symbols, err)))
        rc = -1;
    if (!rc && !(r = replay_open_unplaced(o->trace, o->kind, err)))
        rc = -1;
    if (!rc)
        rc = take(&t, r, err);
    replay_close(r);
    for (size_t i = 0; i < t.nthreads; i++) {
        free(t.thread[i]->frame);
        free(t.thread[i]);
    }
    free(t.thread);
    free(t.cache);
    hash_index_clear(&t.by_place);
    if (rc) {
        calls_free(c);
        return NULL;
    }
    leave_out(c);
    return c;
}

void calls_free(struct calls *c)
{
    if (!c)
        return;
    free(c->call);
    free(c->function);
    free(c->thread);
    free(c->value);
    free(c->strings);
    kernel_types_free(c->types);
    free(c);
}

size_t calls_count(const struct calls *c)
{
    return c->ncalls;
}

const struct call *calls_get(const struct calls *c, size_t i)
{
    return &c->call[i];
}

const struct call_thread *calls_thread(const struct calls *c, uint32_t number)
{
    return &c->thread[number];
}

uint64_t calls_executed(const struct calls *c)
{
    return c->executed;
}

const char *call_sort_text(enum call_sort sort)
{
    static const char *const text[CALL_SORTS] = {
        "call", "tail call", "interrupt", "exception", "software interrupt", "system call", "SMI", "before"};
    return text[sort];
}
