/* sched.c - whose turn it is on the processor, and what happens when it leaves a program. */
#include <assert.h>
#include <signal.h>
#include <sys/mman.h>

#include "uml/calls.h"
#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

enum { TURN = 200000, FLAG_TF = 0x100 };

void task_save(struct host *h)
{
    struct task *t = current(h);
    if (!h->r.live || !t)
        return;
    x86_user_get(h->cpu, &t->u);
    if (t->trace_step)
        t->u.rflags &= ~(uint64_t)FLAG_TF;
    h->r.live = 0;
}

void current_gone(struct host *h)
{
    x86_user_space(h->cpu, 0);
    h->r.current = 0;
    h->r.live = 0;
}

/* Registers of the task that has the processor, into it. */
static void load(struct host *h, struct task *t)
{
    struct x86_user u = t->u;
    assert(current(h) == t && !h->r.live && "registers are loaded once a turn");
    if (t->trace_step)
        u.rflags |= FLAG_TF;
    x86_user_space(h->cpu, MM(t->mm)->root);
    x86_user_set(h->cpu, &u);
    x86_user_debug_set(h->cpu, t->debug, t->debug[7]);
    h->r.live = 1;
}

static struct task *next_in_queue(struct host *h)
{
    ref r = h->r.run_first;
    if (!r)
        return NULL;
    struct task *t = TASK(r);
    assert(t->queued && r != h->r.current);
    h->r.run_first = t->run_next;
    if (!h->r.run_first)
        h->r.run_last = 0;
    t->run_next = 0;
    t->queued = 0;
    return t;
}

static void report_turn(struct host *h, const struct task *t)
{
    struct event ev = {.kind = EV_HOST_SWITCH};
    ev.f[EVF_HOST_SWITCH_pid] = (uint32_t)t->pid;
    ev.f[EVF_HOST_SWITCH_tgid] = (uint32_t)GROUP(t->group)->pid;
    report(h, &ev);
}

/* The first program is loaded before anybody can observe it: its events are made when it begins to run. */
static void report_first(struct host *h, const struct task *t)
{
    char path[PAGE];
    path[path_of(h, MM(t->mm)->program, path, sizeof path)] = 0;
    exec_report(h, t, path);
    report_turn(h, t);
}

static void take_turn(struct host *h, struct task *t)
{
    struct task *old = current(h);
    if (old == t)
        return;
    assert(!h->r.live && !t->queued);
    report_turn(h, t);
    if (old)
        task_float_get(h, old);
    h->r.current = ref_of(h, t);
    task_float_set(h, t);
    /* The length varies with the position, so that turns do not end at the same place of a loop forever. */
    h->r.turn_left = TURN + (uint32_t)(h->r.icount * 0x9e3779b97f4a7c15ull >> 46);
}

void sched_rotate(struct host *h)
{
    struct task *t = current(h);
    h->r.turn_left = TURN + (uint32_t)(h->r.icount * 0x9e3779b97f4a7c15ull >> 46);
    if (!t || t->state != TASK_READY || !h->r.run_first)
        return;
    task_save(h);
    struct task *next = next_in_queue(h);
    ref was = h->r.current;
    take_turn(h, next);
    task_ready(h, TASK(was));
}

/* Brings the current task to where it can execute its next instruction. False: it waits, or is gone. */
static bool prepare(struct host *h, struct task *t)
{
    ref self = ref_of(h, t);
    if (t->dying) {
        task_exit(h, t, GROUP(t->group)->exiting ? GROUP(t->group)->exit_status : 0);
        return false;
    }
    if (t->trace_interrupt) {
        t->trace_interrupt = 0;
        trace_event_stop(h, t, SIGTRAP);
        return false;
    }
    if (t->call != CALL_NONE) {
        call_continue(h, t);
        if (h->r.current != self || t->state != TASK_READY)
            return false;
    }
    return signals_deliver(h, t) && h->r.current == self && t->state == TASK_READY && t->call == CALL_NONE;
}

bool schedule(struct host *h)
{
    for (;;) {
        struct task *t = current(h);
        if (t && h->r.live && t->state == TASK_READY && !t->dying && !t->trace_interrupt &&
            !signal_waits(h, t))
            return true;
        task_save(h);
        if (!t || t->state != TASK_READY) {
            struct task *next = next_in_queue(h);
            if (!next)
                return false;
            take_turn(h, next);
            t = next;
        }
        if (prepare(h, t)) {
            if (!h->r.icount)
                report_first(h, t);
            load(h, t);
            return true;
        }
    }
}

/* ---------------------------------------------------------------- what left the program */

struct cause {
    int sig, code;
    bool address; /* si_addr is the instruction's */
};

static const struct cause causes[32] = {
    [0] = {SIGFPE, 1, true}, /* FPE_INTDIV */
    [3] = {SIGTRAP, SI_KERNEL, false},
    [4] = {SIGSEGV, SI_KERNEL, false},
    [5] = {SIGSEGV, SI_KERNEL, false},
    [6] = {SIGILL, 2, true}, /* ILL_ILLOPN */
    [10] = {SIGSEGV, SI_KERNEL, false},
    [11] = {SIGBUS, SI_KERNEL, false},
    [12] = {SIGBUS, SI_KERNEL, false},
    [13] = {SIGSEGV, SI_KERNEL, false},
    [17] = {SIGBUS, 1, false}, /* BUS_ADRALN */
};

/* FPE_…: from the exceptions that are not masked. */
static int float_code(unsigned raised)
{
    static const int codes[] = {7, 5, 3, 4, 5, 6}; /* FLTINV, FLTUND, FLTDIV, FLTOVF, FLTUND, FLTRES */
    for (unsigned i = 0; i < 6; i++)
        if (raised >> i & 1)
            return codes[i];
    return 0;
}

static void float_fault(struct host *h, struct task *t, bool sse)
{
    uint8_t fx[X86_FX_SIZE];
    uint16_t cw, sw;
    uint32_t mxcsr;
    x86_user_fx_get(h->cpu, fx);
    memcpy(&cw, fx, 2);
    memcpy(&sw, fx + 2, 2);
    memcpy(&mxcsr, fx + 24, 4);
    unsigned raised = sse ? mxcsr & ~(mxcsr >> 7) & 0x3f : sw & ~cw & 0x3fu;
    struct info info = {.signo = SIGFPE, .code = float_code(raised)};
    info.address = t->u.rip;
    signal_force(h, t, &info);
}

/* What the processor pushes on Linux: a page without any protection (PROT_NONE) is not present there, here it is one
 * that programs may not touch. */
static uint64_t fault_error(struct host *h, struct task *t, const struct x86_trap *tr)
{
    const struct area *v = area_at(h, MM(t->mm), tr->address);
    bool none = v && !(v->prot & (PROT_READ | PROT_WRITE | PROT_EXEC));
    return tr->error & ~(uint64_t)none;
}

/* Linux's page for old programs, at FFFFFFFFFF600000h: to execute one of its three entries is a call of that function
 * (arch/x86/entry/vsyscall). */
static bool vsyscall(struct host *h, struct task *t, const struct x86_trap *tr)
{
    static int64_t (*const entries[])(struct host *, struct task *,
                                      const uint64_t *) = {call_gettimeofday, call_time, call_getcpu};
    uint64_t *g = t->u.gpr, off = tr->address - VSYSCALL, back;
    if (!(tr->error & 16) || tr->address != t->u.rip || off % 0x400 || off / 0x400 >= 3 ||
        get_user(h, t, g[4], &back, 8))
        return false;
    const uint64_t a[6] = {g[7], g[6], g[2]};
    int64_t result = entries[off / 0x400](h, t, a);
    if (result == -EFAULT)
        return false;
    g[0] = (uint64_t)result;
    g[4] += 8;
    t->u.rip = back;
    return true;
}

static void page_fault(struct host *h, struct task *t, const struct x86_trap *tr)
{
    if (vsyscall(h, t, tr))
        return;
    unsigned access = tr->error & 16 ? ACCESS_EXEC : tr->error & 2 ? ACCESS_WRITE : ACCESS_READ;
    int code, sig = space_fault(h, MM(t->mm), tr->address, access, &code);
    if (!sig)
        return;
    if (sig == SIGKILL) {
        report_missing(h, "out of memory: process killed", (uint64_t)t->pid, 0);
        group_exit(h, t, SIGKILL);
        return;
    }
    struct info info = {.signo = sig, .code = tr->address >> 47 ? SI_KERNEL : code};
    info.address = tr->address >> 47 ? 0 : tr->address;
    t->trap_number = 14;
    t->trap_error = fault_error(h, t, tr);
    t->trap_address = tr->address;
    signal_force(h, t, &info);
}

/* A single step, or a breakpoint of the tracer's. One on an instruction must not hit again when it is executed at last. */
static void step_done(struct host *h, struct task *t, uint64_t hit)
{
    enum { TRACE = 2, HARDWARE_BREAKPOINT = 4, FLAG_RF = 0x10000 };
    struct info info = {.signo = SIGTRAP, .code = hit & 15 ? HARDWARE_BREAKPOINT : TRACE};
    info.address = t->u.rip;
    t->debug[6] = (t->debug[6] & ~15ull) | hit;
    for (unsigned i = 0; i < 4; i++)
        if (hit >> i & 1 && !(t->debug[7] >> (16 + 4 * i) & 3))
            t->u.rflags |= FLAG_RF;
    t->trap_number = 1;
    t->trap_error = 0;
    signal_force(h, t, &info);
}

static void exception(struct host *h, struct task *t, const struct x86_trap *tr)
{
    if (tr->kind == X86_TRAP_FAULT && tr->vector == 14) {
        page_fault(h, t, tr);
        return;
    }
    t->trap_number = tr->vector;
    t->trap_error = tr->error;
    if (tr->vector == 1) {
        step_done(h, t, tr->debug);
    } else if (tr->vector == 16 || tr->vector == 19) {
        float_fault(h, t, tr->vector == 19);
    } else {
        const struct cause *c = &causes[tr->vector & 31];
        struct info info = {.signo = c->sig ? c->sig : SIGSEGV, .code = c->sig ? c->code : SI_KERNEL};
        info.address = c->address ? t->u.rip : 0;
        signal_force(h, t, &info);
    }
}

void handle_trap(struct host *h)
{
    struct x86_trap tr;
    struct task *t = current(h);
    x86_trap_info(h->cpu, &tr);
    task_save(h);
    if (tr.kind == X86_TRAP_SYSCALL)
        call_begin(h, t);
    else if (tr.kind == X86_TRAP_INT && tr.vector == 0x80)
        report_missing(h, "32-bit system call", t->u.gpr[0], 0), t->u.gpr[0] = (uint64_t)-ENOSYS;
    else
        exception(h, t, &tr);
}
