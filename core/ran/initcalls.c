/* initcalls.c - see private/initcalls.h. */
#include "core/ran/private/initcalls.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/engine/look.h"
#include "core/run/replay.h"
#include "core/systems/linux/initcalls.h"

/* A kernel that was found, and where it calls its first initcall. */
struct kernel {
    uint64_t text, icount;
    unsigned guest, cpu;
    bool begun;
};

struct kernels {
    struct kernel *list;
    size_t n;
};

static void take_event(struct kernels *k, const struct event *ev)
{
    if (ev->kind == EV_KERNEL_FOUND) {
        MEM_MORE(k->list, k->n);
        k->list[k->n++] = (struct kernel){.text = EVF(ev, KERNEL_FOUND, text), .guest = ev->guest};
        return;
    }
    for (size_t i = k->n; ev->kind == EV_INITCALL && i-- > 0;) {
        struct kernel *last = &k->list[i];
        if (last->guest != ev->guest)
            continue;
        if (!last->begun) {
            last->icount = ev->icount;
            last->cpu = ev->cpu;
        }
        last->begun = true;
        return;
    }
}

static int read_events(struct trace *t, struct kernels *k, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_KERNEL));
    struct event ev;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1)
        take_event(k, &ev);
    trace_cursor_close(c);
    return rc;
}

struct reading {
    const struct initcalls *of;
    const struct kernel *kernel;
    struct look look;
};

static size_t read_linear(void *ctx, uint64_t linear, void *buf, size_t n)
{
    const struct reading *r = ctx;
    return look_peek(r->look, r->kernel->cpu, linear, buf, n);
}

static void found(void *ctx, uint64_t address, unsigned level)
{
    const struct reading *r = ctx;
    r->of->found(r->of->ctx, address, symbol_space_of(r->kernel->guest, 0), r->kernel->icount, level);
}

static int read_kernel(const struct initcalls *of, const struct kernel *k, struct replay *r,
                       struct error *err)
{
    struct reading reading = {of, k, look_of(replay_engine(r), false)};
    const struct linux_memory m = {.ctx = &reading,
                                   .read = read_linear,
                                   .symbols = of->symbols,
                                   .space = symbol_space_of(k->guest, 0),
                                   .at = k->icount,
                                   .text = k->text};
    if (replay_seek(r, k->icount, err))
        return -1;
    linux_initcalls(&m, found, &reading);
    return replay_lost(r, err);
}

int initcalls_of_trace(const struct initcalls *of, struct error *err)
{
    struct kernels k = {0};
    struct trace *t = trace_open_beside(of->trace, err);
    struct replay *r = NULL;
    int rc = t ? read_events(t, &k, err) : -1;
    for (size_t i = 0; i < k.n && !rc; i++) {
        if (!k.list[i].begun)
            continue;
        if (!r && !(r = replay_open_unplaced(t, of->kind, err)))
            rc = -1;
        rc = rc ? rc : read_kernel(of, &k.list[i], r, err);
    }
    replay_close(r);
    trace_close(t);
    free(k.list);
    return rc;
}
