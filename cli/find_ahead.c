/* find_ahead.c - what a search needs beside its symbols, made by threads of its own: see find.h. */
#include <pthread.h>
#include <stdlib.h>

#include "base/helper.h"
#include "base/memory.h"
#include "cli/find.h"
#include "core/engine/engines.h"

struct find_ahead {
    const struct engine_kind *kind;
    const struct trace *t;
    struct helper machine, types;
    pthread_mutex_t lock; /* of waiting for them, and of `taken` */
    bool taken;           /* the machine */
    struct find_machine made;
    struct error why; /* it could not be made */

    /* NULL: no types were asked for */
    const struct symbols *symbols;
    const char *function_name, *variable_name; /* one of them; the other is NULL */
    struct trace *types_trace;
    struct kernel_types *read;
    struct types_function function;
    bool calls;
    struct types_place place;
    int placed; /* as kernel_types_place() */
    struct error why_not;
};

/* ---------------------------------------------------------------- the machine */

static int make(const struct find_ahead *a, struct find_machine *m, struct error *err)
{
    *m = (struct find_machine){.t = trace_open_beside(a->t, err)}; /* a trace is for one thread only */
    m->tl = m->t ? timeline_open_unplaced(m->t, a->kind, err) : NULL;
    if (m->tl) {
        timeline_read_index(m->tl);
        return 0;
    }
    find_machine_free(m);
    return -1;
}

static void *make_machine(void *ctx)
{
    struct find_ahead *a = ctx;
    make(a, &a->made, &a->why);
    return NULL;
}

int find_ahead_machine(struct find_ahead *a, struct find_machine *m, struct error *err)
{
    pthread_mutex_lock(&a->lock);
    const bool first = !a->taken;
    a->taken = true;
    if (first)
        helper_wait(&a->machine);
    pthread_mutex_unlock(&a->lock);
    if (!first)
        return make(a, m, err);
    *m = a->made;
    a->made = (struct find_machine){0};
    return m->tl ? 0 : error_set(err, "%s", a->why.text);
}

void find_machine_free(struct find_machine *m)
{
    timeline_close(m->tl);
    trace_close(m->t);
    *m = (struct find_machine){0};
}

/* ---------------------------------------------------------------- the types */

static void *read_types(void *ctx)
{
    struct find_ahead *a = ctx;
    struct error ignored; /* without types there are only numbers */
    a->types_trace = trace_open_beside(a->t, &ignored);
    if (a->types_trace)
        a->read = kernel_types_read(a->types_trace, a->kind, a->symbols, &ignored);
    if (a->read && a->function_name)
        a->calls = kernel_types_function(a->read, a->function_name, &a->function);
    if (a->read && a->variable_name)
        a->placed = kernel_types_place(a->read, a->symbols, a->variable_name, &a->place, &a->why_not);
    return NULL;
}

void find_ahead_types(struct find_ahead *a, const struct symbols *s, const char *function,
                      const char *variable)
{
    a->symbols = s;
    a->function_name = function;
    a->variable_name = variable;
    helper_start(&a->types, read_types, a);
}

static void wait_for_types(struct find_ahead *a, const struct kernel_types **types)
{
    pthread_mutex_lock(&a->lock);
    helper_wait(&a->types);
    pthread_mutex_unlock(&a->lock);
    *types = a->read;
}

const struct types_function *find_ahead_function(struct find_ahead *a, const struct kernel_types **types)
{
    if (!a->function_name)
        return NULL;
    wait_for_types(a, types);
    return a->calls ? &a->function : NULL;
}

int find_ahead_placed(struct find_ahead *a, const struct kernel_types **types, struct types_place *place,
                      struct error *err)
{
    if (!a->variable_name)
        return 0;
    wait_for_types(a, types);
    *place = a->place;
    *err = a->why_not;
    return a->placed;
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
