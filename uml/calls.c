/* calls.c - system calls: from the table to their handlers, restarting, and reporting. */
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ptrace.h>

#include "core/ground/linux_calls.h"
#include "uml/calls.h"
#include "uml/files.h"
#include "uml/look.h"
#include "uml/tasks.h"

struct call {
    const char *name, *args;
    call_fn *handler; /* NULL: missing */
    enum restart how;
};

enum { CALLS = 512 };
static const struct call calls[CALLS] = {
#define CALL(number, name, args, how) [number] = {#name, args, call_##name, how},
#define MISSING(number, name)         [number] = {#name, "xxxxxx", NULL, RESTART_NEVER},
#include "uml/calls.def"
#undef CALL
#undef MISSING
};

static const struct call *call_of(int64_t number)
{
    return number >= 0 && number < CALLS && calls[number].name ? &calls[number] : NULL;
}

const char *call_name(int64_t number)
{
    const struct call *c = call_of(number);
    return c ? c->name : NULL;
}

/* ---------------------------------------------------------------- reporting */

void report(struct host *h, struct event *ev)
{
    report_at(h, ev, h->r.icount, now(h));
}

void report_at(struct host *h, struct event *ev, uint64_t icount, uint64_t time)
{
    ev->icount = icount;
    ev->time = time;
    if (h->base.observer.event && h->base.classes & EVENT_CLASS_BIT(event_kind(ev->kind)->cls))
        h->base.observer.event(h->base.observer.ctx, ev);
}

void fail(struct host *h, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (!h->failed)
        vsnprintf(h->failure, sizeof h->failure, fmt, ap);
    va_end(ap);
    h->failed = true;
}

void report_missing(struct host *h, const char *what, uint64_t number, uint64_t value)
{
    struct task *t = current(h);
    struct event ev = {.kind = EV_UNHANDLED, .data = what, .len = (uint32_t)strlen(what)};
    ev.f[EVF_UNHANDLED_number] = number;
    ev.f[EVF_UNHANDLED_value] = value;
    ev.f[EVF_UNHANDLED_ip] = t ? t->u.rip : 0;
    ev.f[EVF_UNHANDLED_count] = 1;
    h->r.calls_missing++;
    report(h, &ev);
}

struct line {
    char s[512];
    size_t n;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(l->s + l->n, sizeof l->s - l->n, fmt, ap);
    va_end(ap);
    l->n += (size_t)n < sizeof l->s - l->n ? (size_t)n : sizeof l->s - l->n - 1;
}

/* Read as those read who look: a page that the program has not touched must not become present because of an event. */
static void add_string(const struct host *h, const struct task *t, struct line *l, uint64_t addr)
{
    char s[64];
    size_t got = host_peek(&h->engine, ENGINE_TASK | (unsigned)t->pid, addr, s, sizeof s - 1);
    s[got] = 0;
    if (!got) {
        add(l, "%#llx", (unsigned long long)addr);
        return;
    }
    add(l, "\"");
    for (const char *p = s; *p; p++)
        add(l, *p >= ' ' && *p < 127 ? "%c" : "\\x%02x", (unsigned char)*p);
    add(l, strlen(s) == sizeof s - 1 ? "\"..." : "\"");
}

/* One argument: d signed, u unsigned, o octal, s a path or other text, x anything else. */
static void add_arg(const struct host *h, const struct task *t, struct line *l, char form, uint64_t v)
{
    if (form == 'd')
        add(l, "%d", (int)v);
    else if (form == 'u')
        add(l, "%llu", (unsigned long long)v);
    else if (form == 'o')
        add(l, "%#o", (unsigned)v);
    else if (form == 's')
        add_string(h, t, l, v);
    else
        add(l, "%#llx", (unsigned long long)v);
}

/* Up to behaviour 10: numbers. */
static void add_plain_call(const struct host *h, const struct task *t, struct text *out, const struct call *c)
{
    struct line l = {.n = 0};
    add(&l, "%s(", c->name);
    for (unsigned i = 0; c->args[i]; i++) {
        add(&l, i ? ", " : "");
        add_arg(h, t, &l, c->args[i], t->arg[i]);
    }
    add(&l, ")");
    text_add(out, "%s", l.s);
}

/* The memory of a task. */
struct peeked {
    const struct host *h;
    const struct task *t;
};

/* Read as those read who look: a page that the program has not touched must not become present because of an event. */
static bool peek(void *ctx, uint64_t at, void *buf, size_t n)
{
    const struct peeked *p = ctx;
    return host_peek(&p->h->engine, ENGINE_TASK | (unsigned)p->t->pid, at, buf, n) == n;
}

/* The call in words, at its beginning: what its arguments point to may be gone at its end. */
static void report_call(struct host *h, struct task *t, const struct call *c)
{
    struct text text = {0};
    struct peeked p = {h, t};
    const struct linux_memory memory = {.ctx = &p, .read = peek, .word = 8};
    const uint64_t number = (uint64_t)t->number;
    uint64_t arg[LINUX_CALL_VALUES] = {0};
    if (!(h->base.classes & EVENT_CLASS_BIT(EC_HOST)))
        return;
    memcpy(arg, t->arg, sizeof t->arg);
    if (host_behaves(h, 11))
        linux_call_add(&text, linux_call_of(false, number), number, arg, &memory);
    else
        add_plain_call(h, t, &text, c);
    struct event ev = {.kind = EV_HOST_CALL, .data = text.s, .len = (uint32_t)text.n};
    ev.f[EVF_HOST_CALL_number] = number;
    ev.f[EVF_HOST_CALL_pid] = (uint32_t)t->pid;
    report(h, &ev);
    free(text.s);
}

static void report_result(struct host *h, const struct task *t, const struct call *c, int64_t result)
{
    struct event ev = {
        .kind = EV_HOST_RESULT, .data = c ? c->name : "", .len = c ? (uint32_t)strlen(c->name) : 0};
    ev.f[EVF_HOST_RESULT_number] = (uint64_t)t->number;
    ev.f[EVF_HOST_RESULT_result] = (uint64_t)result;
    ev.f[EVF_HOST_RESULT_pid] = (uint32_t)t->pid;
    report(h, &ev);
}

/* ---------------------------------------------------------------- doing */

/* Tracers' stops at a system call: ptrace(2), "Syscall-stops". */
static void call_stop(struct host *h, struct task *t)
{
    int sig = SIGTRAP | (t->trace_options & PTRACE_O_TRACESYSGOOD ? 0x80 : 0);
    struct info info = {.signo = SIGTRAP, .code = sig, .pid = t->pid};
    t->trace_signal = 0;
    trace_stop(h, t, sig << 8 | 0x7f, &info);
}

static void call_end(struct host *h, struct task *t)
{
    t->call = CALL_NONE;
    if (t->tracer && t->trace_mode == TRACE_CALL) {
        t->call = CALL_LEAVING;
        call_stop(h, t);
    } else if (t->tracer && t->trace_step) {
        struct info info = {.signo = SIGTRAP, .code = 2};
        info.address = t->u.rip;
        signal_force(h, t, &info);
    }
}

static void finish(struct host *h, struct task *t, const struct call *c, int64_t result)
{
    report_result(h, t, c, result);
    t->u.gpr[0] = (uint64_t)result;
    t->again = 0;
    call_end(h, t);
}

/* The answer to a call that the host does not have, which is reported. */
static int64_t missing(struct host *h, struct task *t)
{
    const struct call *c = call_of(t->number);
    char text[64];
    snprintf(text, sizeof text, "system call %s", c ? c->name : "(unknown)");
    report_missing(h, text, (uint64_t)t->number, t->arg[0]);
    return -ENOSYS;
}

static void run(struct host *h, struct task *t)
{
    const struct call *c = call_of(t->number);
    ref self = ref_of(h, t);
    t->call = CALL_RUNS;
    if (!t->again) {
        h->r.calls++;
        if (c)
            report_call(h, t, c);
    }
    int64_t result = c && c->handler ? c->handler(h, t, t->arg) : missing(h, t);
    if (h->r.current != self || t->state == TASK_ZOMBIE)
        return; /* it has exited */
    if (t->call == CALL_NONE)
        return; /* execve() began another program */
    if (result != BLOCKS) {
        finish(h, t, c, result);
        return;
    }
    t->again = 1;
    t->woken = 0;
    if (t->state != TASK_READY)
        return; /* a tracer's stop inside of the call */
    if (c->how != RESTART_UNINTERRUPTED && signal_waits(h, t)) {
        t->interrupted = 1 + c->how;
        open_given_up(h, t);
        finish(h, t, c,
               t->progress && c->how == RESTART_ALWAYS ? (int64_t)t->progress
               : c->how == RESTART_SLEEP               ? sleep_interrupted(h, t)
                                                       : -EINTR);
        return;
    }
    t->state = TASK_WAITS;
    wait_until(h, t->deadline);
}

static void take_arguments(struct task *t)
{
    static const uint8_t order[] = {7, 6, 2, 10, 8, 9}; /* rdi, rsi, rdx, r10, r8, r9 */
    for (unsigned i = 0; i < 6; i++)
        t->arg[i] = t->u.gpr[order[i]];
    t->progress = 0;
    t->again = 0;
    t->deadline = UINT64_MAX;
}

void call_begin(struct host *h, struct task *t)
{
    t->number = (int64_t)t->u.gpr[0];
    t->u.gpr[0] = (uint64_t)-ENOSYS; /* what a tracer sees at the entry */
    t->interrupted = 0;
    if (t->tracer && t->trace_mode != TRACE_CONT) {
        t->call = t->trace_mode == TRACE_EMULATE ? CALL_SKIPPED : CALL_ENTERING;
        call_stop(h, t);
        return;
    }
    take_arguments(t);
    run(h, t);
}

/* A task that runs again inside of a call. */
void call_continue(struct host *h, struct task *t)
{
    switch (t->call) {
    case CALL_ENTERING:
        take_arguments(t);
        if (t->number == -1)
            call_end(h, t);
        else
            run(h, t);
        break;
    case CALL_RUNS:
        run(h, t);
        break;
    default:
        t->call = CALL_NONE;
    }
}

int64_t call_restart_syscall(struct host *h, struct task *t, const uint64_t *a)
{
    return -EINTR;
}
