/* exits.c - see exits.h. */
#include "core/ran/exits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/run/times.h"
#include "traces/event.h"

/* A virtual processor: when it was entered and left last, and why. */
struct block {
    uint64_t address;              /* of its control block */
    uint64_t entered, left, asked; /* guest time; asked: its device model; UINT64_MAX: not */
    size_t row;
};

struct reading {
    struct exits *out;
    size_t cap; /* of its rows */
    const struct stages *stages;
    struct block *blocks;
    size_t nblocks;
    size_t on[UINT8_MAX + 1]; /* by processor: the block that it was in last, + 1 */
};

static struct block *block_of(struct reading *x, uint64_t address, unsigned cpu)
{
    size_t i = 0;
    while (i < x->nblocks && x->blocks[i].address != address)
        i++;
    if (i == x->nblocks) {
        MEM_MORE(x->blocks, x->nblocks);
        x->blocks[x->nblocks++] = (struct block){address, UINT64_MAX, UINT64_MAX, UINT64_MAX, 0};
    }
    x->on[cpu] = i + 1;
    return &x->blocks[i];
}

static size_t count(struct reading *x, const char *name, long stage, uint64_t icount, uint64_t times)
{
    size_t i = 0;
    while (i < x->out->n && (x->out->row[i].stage != stage || strcmp(x->out->row[i].name, name)))
        i++;
    if (i == x->out->n) {
        x->out->row = mem_grow(x->out->row, &x->cap, x->out->n + 1, sizeof *x->out->row);
        x->out->row[x->out->n++] = (struct exits_row){.stage = stage, .first = icount};
        snprintf(x->out->row[i].name, sizeof x->out->row[i].name, "%s", name);
    }
    x->out->row[i].count += times;
    return i;
}

/* Times are those of the events; of what the trace has as repetitions, that of the round that it has, as often. */
static void entered(struct reading *x, const struct event *ev, uint64_t times)
{
    struct block *b = block_of(x, EVF(ev, VIRT_ENTER, vmcb), ev->cpu);
    if (b->left != UINT64_MAX)
        x->out->row[b->row].away += (ev->time - b->left) * times;
    b->entered = ev->time;
    b->left = UINT64_MAX;
}

static void left(struct reading *x, const struct event *ev, size_t row, uint64_t times)
{
    struct block *b = block_of(x, EVF(ev, VIRT_EXIT, vmcb), ev->cpu);
    if (b->entered != UINT64_MAX)
        x->out->inside += (ev->time - b->entered) * times;
    b->entered = b->asked = UINT64_MAX;
    b->left = ev->time;
    b->row = row;
}

/* What the processor that asks, or is answered, was in last: Xen says both where it leaves or enters the guest. */
static struct block *block_on(struct reading *x, unsigned cpu)
{
    return x->on[cpu] ? &x->blocks[x->on[cpu] - 1] : NULL;
}

static void asked(struct reading *x, const struct event *ev)
{
    struct block *b = block_on(x, ev->cpu);
    if (b && b->left != UINT64_MAX) /* its row is that of the exit */
        b->asked = ev->time;
}

static void answered(struct reading *x, const struct event *ev, uint64_t times)
{
    struct block *b = block_on(x, ev->cpu);
    x->out->answers = true;
    if (b && b->asked != UINT64_MAX)
        x->out->row[b->row].model += (ev->time - b->asked) * times;
    if (b)
        b->asked = UINT64_MAX;
}

/* Repetitions that were left out: what comes next does not follow what came last. */
static void forget(struct reading *x)
{
    for (size_t i = 0; i < x->nblocks; i++)
        x->blocks[i].entered = x->blocks[i].left = x->blocks[i].asked = UINT64_MAX;
}

static void see(struct reading *x, const struct event *ev, uint64_t times)
{
    char name[64];
    switch (ev->kind) {
    case EV_VIRT_ENTER:
        x->out->entries += times;
        entered(x, ev, times);
        break;
    case EV_VIRT_INJECT:
        x->out->injected += times;
        break;
    case EV_VIRT_REFUSED:
        x->out->refused += times;
        break;
    case EV_VIRT_EXIT:
        x->out->exits += times;
        event_exit_name(ev, name, sizeof name);
        left(x, ev,
             count(x, name, x->stages ? stages_at_inner(x->stages, ev->icount) : -1, ev->icount, times),
             times);
        break;
    case EV_DOMAIN_REQUEST:
        asked(x, ev);
        break;
    case EV_DOMAIN_ANSWER:
        answered(x, ev, times);
        break;
    case EV_AGAIN:
        forget(x);
        break;
    default:
        break;
    }
}

static int read_events(struct reading *x, struct trace *t, struct error *err)
{
    struct times *times = times_of_trace(t, err);
    if (!times)
        return -1;
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_VIRT) | EVENT_CLASS_BIT(EC_HYPERCALL) |
                                                      EVENT_CLASS_BIT(EC_FOLD));
    struct event ev;
    uint64_t number;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, &number, err)) == 1) {
        const bool counted = event_kind(ev.kind)->cls != EC_FOLD;
        see(x, &ev, counted ? times_get(times, &ev, number) : 1);
        x->out->estimated |= counted && times_estimated(times, number);
    }
    trace_cursor_close(c);
    times_free(times);
    return rc;
}

/* The stages in their order, in each the most frequent first. */
static int by_count(const void *a, const void *b)
{
    const struct exits_row *x = a, *y = b;
    if (x->stage != y->stage)
        return x->stage < y->stage ? -1 : 1;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return strcmp(x->name, y->name);
}

int exits_refused(const struct trace *t, const char *path, struct error *err)
{
    const char *cpu = trace_setting(t, "cpu");
    if (!cpu || !strchr(cpu, '+'))
        return error_set(err, "%s: its processor has no hardware virtualization: record --cpu %s,%s", path,
                         cpu ? cpu : "MODEL", cpu && !strncmp(cpu, "intel", 5) ? "+vmx" : "+svm");
    if (!(trace_config(t)->classes & EVENT_CLASS_BIT(EC_VIRT)))
        return error_set(
            err,
            "%s: has no events of the class virt: bootreel annotate %s -o NEW --events virt records them",
            path, path);
    return 0;
}

int exits_read(struct trace *t, const struct stages *stages, struct exits *out, struct error *err)
{
    struct reading x = {.out = out, .stages = stages};
    *out = (struct exits){0};
    const int rc = read_events(&x, t, err);
    free(x.blocks);
    if (rc)
        exits_clear(out);
    else if (out->n)
        qsort(out->row, out->n, sizeof *out->row, by_count);
    for (size_t i = 0; i < out->n; i++) {
        out->away += out->row[i].away;
        out->model += out->row[i].model;
    }
    return rc;
}

void exits_clear(struct exits *x)
{
    free(x->row);
    *x = (struct exits){0};
}
