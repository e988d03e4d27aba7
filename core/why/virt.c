/* virt.c - a hypervisor's guest that cannot be entered, that has met a triple fault, or that does not get on.
 *
 * Sources: AMD APM volume 2, 15.5.1 (checks of VMRUN), 15.12.16 (shutdown), 15.6 (VMEXIT); SDM volume 3, 26.2, 26.3 (checks of VM entries). */
#include <inttypes.h>

#include "core/ground/linux_calls.h"
#include "core/why/private/gates.h"
#include "core/why/private/loops.h"

/* By AMD's numbers, and those of Intel's reasons that have none there: NMI window, TPR below threshold, preemption timer. */
enum { SHUTDOWN = 0x7f, EXTERNAL_FIRST = 0x60, EXTERNAL_LAST = 0x64, PAUSE = 0x77, CHECK = 200 };
enum {
    SIPI = EVENT_EXIT_VMX + 4,
    NMI_WINDOW = EVENT_EXIT_VMX + 8,
    TPR = EVENT_EXIT_VMX + 43,
    TIMER = EVENT_EXIT_VMX + 52
};

/* Processes that run virtual machines (KVM), or model their devices (Xen): those whose end ends a machine. */
enum { MODELS = 32 };
struct models {
    unsigned host; /* the number of the kernel whose processes these are: the first that was found */
    uint64_t on[ENGINE_CPUS]; /* by processor: the process that it runs; 0: not known */
    uint64_t list[MODELS];
    size_t n;
    bool died; /* one was killed: */
    struct event death;
    char name[32];
};

/* The last of each in the boot. Exits for what comes from outside of the guest, and PAUSE, are no matter. */
struct virt {
    struct why_case *c;
    struct finding *f;
    bool entered, left, refused, vmx;
    bool inside;                       /* the last entry has no exit */
    struct event enter, exit, refusal; /* without data */
    bool shut;                         /* a guest was shut down, for the first time here: */
    struct event shutdown;
    char check[CHECK]; /* that the refused VMCB has not passed */
    bool stuck;        /* the last exit came before the guest had executed anything, */
    uint64_t refusals;
    struct models models;
};

/* ---------------------------------------------------------------- what there is */

static bool from_outside(const struct event *ev)
{
    const uint64_t reason = event_exit_code(ev);
    return (reason >= EXTERNAL_FIRST && reason <= EXTERNAL_LAST) || reason == PAUSE || reason == SIPI ||
           reason == NMI_WINDOW || reason == TPR || reason == TIMER;
}

static bool is_model(const struct models *m, uint64_t process)
{
    size_t i = 0;
    while (i < m->n && m->list[i] != process)
        i++;
    return i < m->n;
}

static void add_model(struct models *m, uint64_t process)
{
    if (process && m->n < MODELS && !is_model(m, process))
        m->list[m->n++] = process;
}

static void see_model(struct models *m, const struct event *ev)
{
    enum { SIGNAL = 0x7f };
    if (ev->kind == EV_SCHED_SWITCH && ev->guest == m->host)
        m->on[ev->cpu] = EVF(ev, SCHED_SWITCH, tgid);
    else if (ev->kind == EV_VIRT_ENTER && !m->host)
        add_model(m, m->on[ev->cpu]);
    else if (ev->kind == EV_DOMAIN_REQUEST)
        add_model(m, EVF(ev, DOMAIN_REQUEST, process));
    else if (ev->kind == EV_PROCESS_EXIT && ev->guest == m->host && !m->died &&
             EVF(ev, PROCESS_EXIT, code) & SIGNAL &&
             EVF(ev, PROCESS_EXIT, pid) == EVF(ev, PROCESS_EXIT, tgid) &&
             is_model(m, EVF(ev, PROCESS_EXIT, tgid))) {
        m->died = true;
        m->death = *ev;
        m->death.data = NULL;
        m->death.len = 0;
        fact_text(ev, m->name, sizeof m->name);
    }
}

static void see(struct virt *v, const struct event *ev)
{
    struct event plain = *ev;
    plain.data = NULL;
    plain.len = 0;
    see_model(&v->models, ev);
    v->inside &= ev->kind != EV_VIRT_EXIT;
    if (ev->kind == EV_VIRT_ENTER) {
        v->enter = plain;
        v->entered = v->inside = true;
        v->refused = false;
    } else if (ev->kind == EV_VIRT_REFUSED) {
        v->refusal = plain;
        v->refused = true;
        v->vmx = event_is_vmx(ev);
        v->refusals++;
        fact_text(ev, v->check, sizeof v->check);
    } else if (ev->kind == EV_VIRT_EXIT && !from_outside(ev)) {
        v->exit = plain;
        v->left = true;
        if (!v->shut && event_exit_code(ev) == SHUTDOWN)
            v->shutdown = plain;
        v->shut |= event_exit_code(ev) == SHUTDOWN;
        v->stuck = v->entered && v->enter.icount == ev->icount &&
                   EVF(&v->enter, VIRT_ENTER, ip) == EVF(ev, VIRT_EXIT, ip);
    }
}

static void read_events(struct virt *v)
{
    struct trace_cursor *at =
        trace_cursor_open(v->c->t, EVENT_CLASS_BIT(EC_VIRT) | EVENT_CLASS_BIT(EC_SCHED) |
                                       EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_HYPERCALL));
    struct event ev;
    struct error ignored;
    for (size_t i = v->c->now.n; i--;)
        if (v->c->now.event[i].kind == EV_KERNEL_FOUND)
            v->models.host = v->c->now.event[i].guest;
    while (trace_cursor_next(at, &ev, NULL, &ignored) == 1 && ev.icount <= v->c->at)
        if (ev.icount >= v->c->now.begin)
            see(v, &ev);
    trace_cursor_close(at);
}

/* ---------------------------------------------------------------- what the hypervisor does then */

static bool loops_then(struct virt *v, unsigned cpu, struct text *how)
{
    struct why_case *c = v->c;
    const unsigned n = case_go(c, c->at) ? timeline_cpus(c->tl) : 0;
    struct cpu_loop *list = cpu < n && n <= LOOP_CPUS ? loops_find(c, n) : NULL;
    const bool ends = list && list[cpu].does != CPU_BUSY && list[cpu].does != CPU_NOT_STARTED;
    if (ends)
        loops_text(c, &list[cpu], cpu, how);
    free(list);
    return ends;
}

/* Whether the hypervisor has come to an end since that event, as part of a sentence: "meets a triple fault". A system that has other work than
 * its guests has not. */
static bool ends(struct virt *v, const struct event *since, struct text *how)
{
    enum { SOON = 10000000 /* steps */ };
    const struct facts *now = &v->c->now;
    const struct event *triple = facts_last(now, EV_TRIPLE_FAULT), *halt = facts_last(now, EV_HALT);
    if (facts_last(now, EV_POWER_OFF))
        return false;
    if (triple && triple->icount >= since->icount && triple->icount - since->icount < SOON) {
        text_add(how, "meets a triple fault");
        return true;
    }
    if (halt && halt->icount >= since->icount && halt->icount - since->icount < SOON) {
        text_add(how, "executes HLT with interrupts off");
        return true;
    }
    return !triple && !facts_last(now, EV_KERNEL_FOUND) && loops_then(v, since->cpu, how);
}

/* ---------------------------------------------------------------- refused */

static bool refused(struct virt *v)
{
    const struct event *ev = &v->refusal;
    struct text how = {0};
    char place[PLACE_TEXT];
    const bool found = v->refused && ends(v, ev, &how);
    if (found) {
        find_verdict(v->f, WHY_VIRT_REFUSED, ev->icount,
                     "%s refuses the %s at 0x%" PRIx64 ": %s; the hypervisor then %s",
                     v->vmx ? "the processor" : "VMRUN", v->vmx ? "VMCS" : "VMCB",
                     EVF(ev, VIRT_REFUSED, vmcb), v->check, how.s);
        find_line(v->f, ev->icount, case_place_of(v->c, ev, place), "%s, before %" PRIx64 "h: %s",
                  v->vmx ? "the entry fails" : "VMEXIT_INVALID (exit code -1)", EVF(ev, VIRT_REFUSED, ip),
                  v->check);
        if (case_go(v->c, ev->icount))
            find_callers(v->f, v->c, ev->cpu);
        if (!v->entered)
            find_note(v->f, "no guest was entered before");
        find_console(v->f, v->c, v->c->now.begin, v->c->at, 3);
    }
    free(how.s);
    return found;
}

/* ---------------------------------------------------------------- shut down */

/* The exception of the guest from which the triple fault began, by the last one at `end`, where the guest was left or the machine shut down; the
 * processor's registers are the guest's there. */
static void first_exception(struct virt *v, const struct event *end, struct text *what)
{
    struct why_case *c = v->c;
    const struct event *met = NULL;
    char words[PLACE_TEXT], where[PLACE_TEXT];
    struct gate_lack lack = {0};
    for (size_t i = c->now.n; i-- && c->now.event[i].icount >= end->icount;)
        if (c->now.event[i].kind == EV_EXCEPTION && c->now.event[i].icount == end->icount &&
            c->now.event[i].cpu == end->cpu) {
            met = &c->now.event[i];
            find_event(v->f, c, met, "in the guest");
        }
    if (!met || !case_go(c, end->icount))
        return;
    case_address(c, end->icount, end->cpu, timeline_pc(c->tl, end->cpu), where);
    text_add(what, ": %s at %s", case_exception_event(c, met, words), where);
    gate_lacks(c, end->cpu, EVF(met, EXCEPTION, vector), &lack);
    if (lack.why.n)
        text_add(what, ", whose handler cannot run: %s", lack.why.s);
    free(lack.why.s);
}

static void say_shut_down(struct virt *v, const struct event *ev, const char *then)
{
    struct text what = {0};
    find_line(v->f, ev->icount, NULL,
              "the exit: shutdown of the guest of %s 0x%" PRIx64 " at %" PRIx64 ":%" PRIx64,
              event_block_name(ev), EVF(ev, VIRT_EXIT, vmcb), EVF(ev, VIRT_EXIT, cs), EVF(ev, VIRT_EXIT, ip));
    first_exception(v, ev, &what);
    find_verdict(v->f, WHY_VIRT_TRIPLE, ev->icount, "triple fault in a guest%s; %s", what.s ? what.s : "",
                 then);
    find_console(v->f, v->c, v->c->now.begin, v->c->at, 3);
    free(what.s);
}

static bool shut_down(struct virt *v)
{
    const struct event *ev = &v->exit;
    struct text how = {0};
    text_add(&how, "the hypervisor then ");
    const bool found =
        v->left && event_exit_code(ev) == SHUTDOWN && v->enter.icount <= ev->icount && ends(v, ev, &how);
    if (found)
        say_shut_down(v, ev, how.s);
    free(how.s);
    return found;
}

/* What runs in a virtual machine boots like a PC, and has not said that it shuts down: nobody has asked for this. Other guests may be there to try what
 * their hypervisor does. */
static bool is_unasked(const struct facts *now, const struct event *shutdown)
{
    bool boots = false, asked = false;
    for (size_t i = 0; i < now->n && now->event[i].icount < shutdown->icount; i++) {
        const struct event *ev = &now->event[i];
        boots |= ev->kind == EV_VIRT_BOOT;
        asked |= ev->kind == EV_KERNEL_SHUTDOWN && ev->guest;
    }
    return boots && !asked;
}

/* The hypervisor has other work, and goes on with it. */
static bool shut_down_guest(struct virt *v)
{
    if (!v->shut || !is_unasked(&v->c->now, &v->shutdown))
        return false;
    say_shut_down(v, &v->shutdown, "the hypervisor goes on without it, or begins it anew");
    return true;
}

/* The hypervisor does not intercept shutdown, so its guest's shuts the machine down. */
static bool shut_down_machine(struct virt *v)
{
    const struct event *triple = facts_last(&v->c->now, EV_TRIPLE_FAULT);
    struct text what = {0};
    if (!v->inside || !triple || triple->cpu != v->enter.cpu || triple->icount < v->enter.icount)
        return false;
    struct event met = *triple;
    met.icount--; /* its exceptions have the position before the step */
    first_exception(v, &met, &what);
    find_verdict(
        v->f, WHY_VIRT_TRIPLE, triple->icount,
        "triple fault in a guest%s; its hypervisor does not intercept shutdown, so the machine is reset",
        what.s ? what.s : "");
    find_event(v->f, v->c, &v->enter, "the entry");
    find_event(v->f, v->c, triple, NULL);
    find_console(v->f, v->c, v->c->now.begin, v->c->at, 3);
    free(what.s);
    return true;
}

/* ---------------------------------------------------------------- an exit again and again */

enum { REGISTERS = 16, LEAST = 8 };
struct again {
    struct why_case *c;
    unsigned cpu;
    uint64_t pc, back; /* of the guest's instruction, and of the hypervisor's behind VMRUN */
    bool entered;      /* the guest's instruction comes next */
    uint64_t reg[REGISTERS];
    uint64_t hits, last;
    bool other;
};

static void registers(struct why_case *c, unsigned cpu, uint64_t value[REGISTERS])
{
    static const char *const names[REGISTERS] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                                 "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    for (unsigned i = 0; i < REGISTERS; i++)
        value[i] = timeline_reg(c->tl, cpu, names[i]);
}

/* The walk stands behind a step: the next one begins at the guest's instruction, or it was that one, and has ended in the hypervisor. */
static bool turn(void *ctx, const struct timeline_trail *step)
{
    struct again *a = ctx;
    uint64_t now[REGISTERS];
    if (step->cpu != a->cpu)
        return true;
    a->other |= a->entered && step->next != a->back;
    a->entered = step->next == a->pc;
    if (!a->entered || a->other)
        return !a->other;
    registers(a->c, a->cpu, now);
    a->other |= a->hits && memcmp(now, a->reg, sizeof now);
    memcpy(a->reg, now, sizeof now);
    a->hits++;
    a->last = step->icount;
    return !a->other;
}

/* Runs the end once more: the guest has the same registers each time it is entered at the instruction, and it still is at the end. What the record
 * has folded need not have been the same in all its fields. */
static bool no_progress(struct virt *v)
{
    enum { FIRST = 10000, MOST = 4000000 /* steps */ };
    struct why_case *c = v->c;
    struct error ignored;
    if (!case_go(c, v->exit.icount))
        return false;
    struct again a = {.c = c, .cpu = v->exit.cpu, .pc = timeline_pc(c->tl, v->exit.cpu)};
    if (!case_step(c))
        return false;
    a.back = timeline_pc(c->tl, a.cpu);
    for (uint64_t n = FIRST; n <= MOST; n *= 20) {
        const uint64_t from = c->at - c->now.begin > n ? c->at - n : c->now.begin;
        a.hits = 0;
        a.other = a.entered = false;
        if (!case_go(c, from) || timeline_trail(c->tl, from, c->at, turn, &a, &ignored) || a.other)
            return false;
        if (a.hits >= LEAST || from == c->now.begin)
            return a.hits >= LEAST && c->at - a.last <= 2 * (c->at - from) / a.hits;
    }
    return false;
}

static bool exit_loop(struct virt *v)
{
    const struct event *ev = &v->exit;
    char words[160], where[PLACE_TEXT];
    struct instruction in;
    if (!v->left || !v->stuck || !no_progress(v) || !case_go(v->c, ev->icount))
        return false;
    event_exit_words(ev, words, sizeof words);
    const uint64_t pc = timeline_pc(v->c->tl, ev->cpu);
    case_insn(v->c, ev->cpu, &in);
    find_verdict(v->f, WHY_VIRT_EXIT_LOOP, ev->icount,
                 "a guest makes no progress at %s: it is left again and again: %s",
                 case_address(v->c, ev->icount, ev->cpu, pc, where), words);
    find_line(v->f, ev->icount, NULL, "the guest's instruction: %s", *in.text ? in.text : "not in memory");
    find_event(v->f, v->c, &v->enter, "the entry");
    find_event(v->f, v->c, ev, "the exit");
    find_note(v->f, "in between the guest executes nothing, and it has the same registers each time");
    find_console(v->f, v->c, v->c->now.begin, v->c->at, 3);
    return true;
}

/* ---------------------------------------------------------------- its process is gone */

static bool model_died(struct virt *v)
{
    enum { SIGNAL = 0x7f };
    const struct models *m = &v->models;
    struct text signal = {0};
    if (!m->died || !is_unasked(&v->c->now, &m->death))
        return false;
    linux_add_signal(&signal, EVF(&m->death, PROCESS_EXIT, code) & SIGNAL);
    find_verdict(v->f, WHY_VIRT_MODEL_DIED, m->death.icount,
                 "the process that %s, %s (pid %" PRIu64 "), is killed by %s",
                 m->host ? "models a virtual machine's devices" : "runs a virtual machine", m->name,
                 EVF(&m->death, PROCESS_EXIT, pid), signal.s);
    free(signal.s);
    find_event(v->f, v->c, &v->enter, "the last entry into a guest");
    find_line(v->f, m->death.icount, NULL, "the end of process %" PRIu64, EVF(&m->death, PROCESS_EXIT, pid));
    find_console(v->f, v->c, v->c->now.begin, v->c->at, 3);
    return true;
}

void explain_virt(struct why_case *c, struct finding *f)
{
    struct virt v = {.c = c, .f = f};
    if (!c->now.count[EV_VIRT_ENTER] && !c->now.count[EV_VIRT_REFUSED])
        return;
    read_events(&v);
    if (!refused(&v) && !shut_down(&v) && !shut_down_machine(&v) && !exit_loop(&v) && !shut_down_guest(&v))
        model_died(&v);
}
