/* calls.c - system calls of a boot: what is entered and what is left are two events, and one call. */
#include <stdlib.h>
#include <string.h>

#include "core/query/private/impl.h"

enum { BUCKETS = 1024 };
#define NO_CALL SIZE_MAX

/* Calls that have not returned, in lists by pid. */
struct pairing {
    struct boot *b;
    size_t open[BUCKETS];
    size_t *next; /* of each call */
    size_t hint;
    size_t running[QUERY_CPUS];
};

static size_t bucket_of(uint64_t pid)
{
    return pid % BUCKETS;
}

static void enters(struct pairing *p, const struct event *ev, uint64_t event, bool host)
{
    struct boot *b = p->b;
    const char *bracket = ev->len ? memchr(ev->data, '(', ev->len) : NULL;
    const uint64_t pid = host ? EVF(ev, HOST_CALL, pid) : EVF(ev, SYSCALL_ENTER, pid);
    p->next = mem_more(p->next, b->ncalls, sizeof *p->next);
    MEM_MORE(b->calls, b->ncalls);
    b->calls[b->ncalls] = (struct known_call){
        .event = event,
        .icount = ev->icount,
        .time = ev->time,
        .times = times_get(b->times, ev, event),
        .number = host ? EVF(ev, HOST_CALL, number) : EVF(ev, SYSCALL_ENTER, number),
        .pid = pid,
        .stage = changes_at(&b->innermost, ev->icount, &p->hint),
        .process = changes_at(&b->running[ev->cpu], event, &p->running[ev->cpu]),
        .call = mem_text(ev->len ? ev->data : "", ev->len),
        .name = bracket ? (unsigned)(bracket - (const char *)ev->data) : ev->len,
        .guest = ev->guest,
        .host = host,
    };
    p->next[b->ncalls] = p->open[bucket_of(pid)];
    p->open[bucket_of(pid)] = b->ncalls++;
}

static void leaves(struct pairing *p, const struct event *ev, bool host)
{
    const uint64_t pid = host ? EVF(ev, HOST_RESULT, pid) : EVF(ev, SYSCALL_EXIT, pid);
    const uint64_t number = host ? EVF(ev, HOST_RESULT, number) : EVF(ev, SYSCALL_EXIT, number);
    for (size_t *at = &p->open[bucket_of(pid)]; *at != NO_CALL; at = &p->next[*at]) {
        struct known_call *c = &p->b->calls[*at];
        if (c->pid != pid || c->guest != ev->guest || c->host != host || c->number != number)
            continue;
        c->returned = true;
        c->result = (int64_t)(host ? EVF(ev, HOST_RESULT, result) : EVF(ev, SYSCALL_EXIT, result));
        c->duration = host ? ev->time - c->time : EVF(ev, SYSCALL_EXIT, duration);
        *at = p->next[*at];
        return;
    }
}

/* What had not returned never will. */
static void forget(struct pairing *p)
{
    for (size_t i = 0; i < BUCKETS; i++)
        p->open[i] = NO_CALL;
}

static void see(struct pairing *p, const struct event *ev, uint64_t number)
{
    switch (ev->kind) {
    case EV_SYSCALL_ENTER:
    case EV_HOST_CALL:
        enters(p, ev, number, ev->kind == EV_HOST_CALL);
        break;
    case EV_SYSCALL_EXIT:
    case EV_HOST_RESULT:
        leaves(p, ev, ev->kind == EV_HOST_RESULT);
        break;
    case EV_RESET:
        forget(p);
        break;
    default:
        break;
    }
}

int boot_calls(struct boot *b, struct error *err)
{
    if (b->has_calls)
        return 0;
    if (boot_times(b, err) || boot_innermost(b, err) || boot_processes(b, err))
        return -1;
    struct pairing p = {.b = b};
    forget(&p);
    struct trace_cursor *c = trace_cursor_open(
        b->trace, EVENT_CLASS_BIT(EC_SYSCALL) | EVENT_CLASS_BIT(EC_HOST) | EVENT_CLASS_BIT(EC_POWER));
    struct event ev;
    uint64_t number;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, &number, err)) == 1)
        see(&p, &ev, number);
    trace_cursor_close(c);
    free(p.next);
    b->has_calls = true;
    return rc;
}
