/* base.c - see base.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hv/x86/base.h"
#include "base/memory.h"

enum { MEMORY_PAGE = 4096 };

void engine_base_init(struct engine_base *b, const struct engine_parts *parts, void *ctx)
{
    *b = (struct engine_base){.parts = parts, .ctx = ctx, .worked = UINT64_MAX};
}

void engine_base_end(struct engine_base *b)
{
    free(b->stops);
    free(b->asked);
}

/* ---------------------------------------------------------------- stops */

void engine_base_stops(struct engine_base *b, const struct stop_point *s, size_t n)
{
    free(b->asked);
    b->asked = mem_copy(s, n * sizeof *s);
    b->nasked = n;
    b->stops_changed = true;
    x86_break(b->parts->running(b->ctx));
}

/* The processors know each by its index among the active ones. */
void engine_base_set_stops(struct engine_base *b, const struct stop_point *marks, size_t nmarks,
                           uint32_t left_out)
{
    const size_t n = nmarks + b->nasked;
    assert(nmarks <= 8 * sizeof left_out && "a mark is left out by its bit");
    struct stop_point *numbered = mem_zero(n, sizeof *numbered);
    size_t set = 0;
    b->stops = mem_resize(b->stops, n * sizeof *b->stops);
    b->nmarks = nmarks;
    for (size_t i = 0; i < n; i++) {
        b->stops[i] = i < nmarks ? marks[i] : b->asked[i - nmarks];
        if (i < nmarks && left_out >> i & 1)
            continue;
        numbered[set] = b->stops[i];
        numbered[set++].id = (unsigned)i;
    }
    for (unsigned i = 0; i < b->parts->cpus(b->ctx); i++)
        x86_stops(b->parts->cpu(b->ctx, i), numbered, set);
    free(numbered);
    b->stops_changed = false;
}

static void device_wrote(void *ctx, size_t i, uint64_t address, uint64_t n)
{
    struct engine_base *b = ctx;
    const uint64_t end = address + n;
    size_t k = b->nmarks;
    while (b->stops[k].kind != STOPS_WRITE_PHYSICAL || i--)
        k++;
    if (b->device_wrote) { /* in the same step */
        if (b->device_wrote != k + 1)
            return;
        b->device_address = address < b->device_address ? address : b->device_address;
        b->device_end = end > b->device_end ? end : b->device_end;
        return;
    }
    b->device_wrote = k + 1;
    b->device_address = address;
    b->device_end = end;
    x86_break(b->parts->running(b->ctx));
}

void engine_base_watch_devices(struct engine_base *b, struct physmem *mem)
{
    struct physmem_range *range = mem_zero(b->nasked + 1, sizeof *range);
    size_t n = 0;
    for (size_t i = 0; i < b->nasked; i++)
        if (b->asked[i].kind == STOPS_WRITE_PHYSICAL)
            range[n++] = (struct physmem_range){b->asked[i].address, b->asked[i].length};
    physmem_watch(mem, range, n, device_wrote, b);
    b->device_wrote = 0;
    free(range);
}

bool engine_base_device_stop(struct engine_base *b, uint64_t since, struct stop *stop)
{
    if (!b->device_wrote || b->parts->icount(b->ctx) <= since)
        return false;
    stop->reason = STOP_WATCHPOINT;
    stop->id = b->stops[b->device_wrote - 1].id;
    stop->address = b->device_address;
    stop->device = true;
    stop->physical = b->device_address;
    stop->size = b->device_end - b->device_address;
    b->device_wrote = 0;
    return true;
}

static void fill_stop(struct stop *stop, const struct stop_point *p, const struct x86_stop *s)
{
    stop->reason = s->reason;
    stop->id = p->id;
    stop->address = s->address;
    stop->pc = s->pc;
    stop->from = s->from;
    stop->nbefore = s->nbefore;
    stop->physical = s->physical;
    stop->size = s->size;
    memcpy(stop->before, s->before, sizeof s->before);
}

bool engine_base_stopped(struct engine_base *b, unsigned cpu, struct stop *stop)
{
    struct x86 *x = b->parts->cpu(b->ctx, cpu);
    bool end = false;
    struct x86_stop s;
    do {
        x86_stop_info(x, &s);
        const struct stop_point *p = &b->stops[s.id];
        if (s.id < b->nmarks) {
            b->parts->mark(b->ctx, p->id);
        } else if (p->report_only) {
            if (b->observer.probe)
                b->observer.probe(b->observer.ctx, p->id, cpu, b->parts->icount(b->ctx));
        } else if (!end) {
            fill_stop(stop, p, &s);
            end = true;
        }
    } while (x86_stop_next(x));
    b->reported = !end;
    return end;
}

void engine_base_observe(struct engine_base *b, uint32_t classes, const struct observer *o)
{
    b->observer = o ? *o : (struct observer){0};
    b->classes = classes;
}

/* ---------------------------------------------------------------- running */

/* Whether the run is interrupted here. Nothing (an input, the end of the run) may come between the report of a probe and its
 * instruction, which was reported as executed. Nor may anything come between advancing time to a timer and processing the timer: a replay
 * that runs to that time does both. */
static bool interrupted_here(struct engine_base *b)
{
    if (b->reported || b->waking)
        return false;
    return atomic_load(&b->interrupted) && atomic_exchange(&b->interrupted, false);
}

static bool time_has_come(const struct engine_base *b, const struct run_limit *limit)
{
    return limit->until && b->parts->time(b->ctx) >= limit->until &&
           (!b->parts->settled || b->parts->settled(b->ctx)) && !b->reported && !b->waking;
}

static bool ends_here(struct engine_base *b, const struct run_limit *limit, struct stop *stop)
{
    if (b->parts->ends(b->ctx, limit, stop))
        return true;
    if (interrupted_here(b))
        stop->reason = STOP_INTERRUPTED;
    else if (b->parts->icount(b->ctx) >= limit->icount || time_has_come(b, limit))
        stop->reason = STOP_REACHED;
    else
        return false;
    return true;
}

void engine_base_run(struct engine_base *b, const struct run_limit *limit, struct stop *stop)
{
    const uint64_t from = b->parts->icount(b->ctx), since = b->parts->time(b->ctx);
    *stop = (struct stop){.wake = UINT64_MAX};
    b->worked = UINT64_MAX;
    for (bool end = false; !end && !ends_here(b, limit, stop);) {
        b->parts->prepare(b->ctx);
        b->reported = b->waking = false;
        end = b->parts->slice(b->ctx, limit, stop);
    }
    stop->icount = b->parts->icount(b->ctx);
    stop->time = b->parts->time(b->ctx);
    assert(stop->icount >= from && (stop->icount <= limit->icount || stop->icount == from) &&
           "run() is exact");
    assert(stop->time >= since && "guest time does not go back");
    stop->late = stop->reason == STOP_BREAKPOINT && b->worked == stop->icount;
    if (stop->reason != STOP_WATCHPOINT)
        stop->address = x86_linear_ip(b->parts->running(b->ctx));
}

bool engine_base_idle(struct engine_base *b, uint64_t wake, uint64_t *skipped, const struct run_limit *limit,
                      struct stop *stop)
{
    const uint64_t now = b->parts->time(b->ctx);
    if (wake >= TIME_END)
        wake = UINT64_MAX;
    stop->wake = wake;
    if (wake > limit->time) {
        if (limit->time > now)
            *skipped += limit->time - now;
        stop->reason = STOP_IDLE;
        return true;
    }
    if (wake == UINT64_MAX) {
        stop->reason = STOP_HALTED;
        return true;
    }
    if (atomic_load(&b->interrupted))
        return false; /* before time passes: see interrupted_here() */
    if (wake > now)
        *skipped += wake - now;
    assert(b->parts->time(b->ctx) >= now);
    b->waking = true;
    return false;
}

/* ---------------------------------------------------------------- memory */

size_t physmem_access(struct physmem *pm, uint64_t pa, void *buf, size_t n, enum memory_access how)
{
    const size_t there = physmem_mapped(pm, pa, n);
    if (how == MEMORY_WRITE)
        physmem_write(pm, pa, buf, there);
    else
        physmem_read(pm, pa, buf, there);
    return there;
}

size_t memory_by_pages(uint64_t address, void *buf, size_t n, memory_part *part, void *ctx)
{
    size_t done = 0, wanted, got;
    do {
        const size_t left = MEMORY_PAGE - (address + done) % MEMORY_PAGE;
        wanted = left < n - done ? left : n - done;
        got = wanted ? part(ctx, address + done, (char *)buf + done, wanted) : 0;
        assert(got <= wanted && "no more is done than was asked for");
        done += got;
    } while (got && got == wanted);
    return done;
}
