/* find_ahead.c - what a search needs beside its symbols, made by threads of its own: see find.h. */
#include <pthread.h>
#include <stdlib.h>

#include "cli/find.h"
#include "core/engine/engines.h"
#include "traces/memory.h"

/* A thread that works for somebody who waits for it once. */
struct helper {
    bool started, running;
    pthread_t thread;
};

struct find_ahead {
    const struct engine_kind *kind;
    const struct trace *t;
    struct helper machine, types;
    struct find_machine made;
    struct error why; /* it could not be made */

    pthread_mutex_t lock; /* of waiting for the types */
    const struct symbols *symbols;
    const char *name;
    struct trace *types_trace;
    struct kernel_types *read;
    struct types_function function;
    bool calls;
};

/* Where there can be no thread, the work is done at once. */
static void helper_start(struct helper *h, void *(*fn)(void *ctx), void *ctx)
{
    h->started = true;
    h->running = !pthread_create(&h->thread, NULL, fn, ctx);
    if (!h->running)
        fn(ctx);
}

static void helper_wait(struct helper *h)
{
    if (h->running)
        pthread_join(h->thread, NULL);
    h->running = false;
}

/* ---------------------------------------------------------------- the machine */

int find_machine_make(struct find_machine *m, const struct engine_kind *kind, const struct trace *t,
                      struct error *err)
{
    *m = (struct find_machine){.t = trace_open_beside(t, err)}; /* a trace is for one thread only */
    m->tl = m->t ? timeline_open_trace(m->t, kind, err) : NULL;
    if (m->tl)
        return 0;
    find_machine_free(m);
    return -1;
}

void find_machine_free(struct find_machine *m)
{
    timeline_close(m->tl);
    trace_close(m->t);
    *m = (struct find_machine){0};
}

static void *make_machine(void *ctx)
{
    struct find_ahead *a = ctx;
    find_machine_make(&a->made, a->kind, a->t, &a->why);
    return NULL;
}

int find_ahead_machine(struct find_ahead *a, struct find_machine *m, struct error *err)
{
    if (!a || !a->machine.started)
        return 0;
    helper_wait(&a->machine);
    a->machine.started = false;
    *m = a->made;
    a->made = (struct find_machine){0};
    *err = a->why;
    return m->tl ? 1 : -1;
}

/* ---------------------------------------------------------------- the types */

static void *read_types(void *ctx)
{
    struct find_ahead *a = ctx;
    struct error ignored; /* without types there are only numbers */
    a->types_trace = trace_open_beside(a->t, &ignored);
    if (a->types_trace)
        a->read = kernel_types_read(a->types_trace, a->kind, a->symbols, &ignored);
    a->calls = a->read && kernel_types_function(a->read, a->name, &a->function);
    return NULL;
}

void find_ahead_types(struct find_ahead *a, const struct symbols *s, const char *function)
{
    a->symbols = s;
    a->name = function;
    helper_start(&a->types, read_types, a);
}

const struct types_function *find_ahead_function(struct find_ahead *a, const struct kernel_types **types)
{
    if (!a || !a->types.started)
        return NULL;
    pthread_mutex_lock(&a->lock);
    helper_wait(&a->types);
    pthread_mutex_unlock(&a->lock);
    *types = a->read;
    return a->calls ? &a->function : NULL;
}

/* ---------------------------------------------------------------- life */

struct find_ahead *find_ahead_new(const struct engine_kind *kind, const struct trace *t)
{
    struct find_ahead *a = mem_zero(1, sizeof *a);
    a->kind = kind;
    a->t = t;
    pthread_mutex_init(&a->lock, NULL);
    helper_start(&a->machine, make_machine, a);
    return a;
}

void find_ahead_free(struct find_ahead *a)
{
    if (!a)
        return;
    helper_wait(&a->machine);
    helper_wait(&a->types);
    find_machine_free(&a->made);
    kernel_types_free(a->read);
    trace_close(a->types_trace);
    pthread_mutex_destroy(&a->lock);
    free(a);
}
