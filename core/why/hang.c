/* hang.c - a machine that goes no further: halted for good, or in a loop; and one that has nothing to do, which is none. */
#include <inttypes.h>

#include "core/insn/insn.h"
#include "core/systems/linux/why/explain.h"
#include "core/why/private/derail.h"
#include "core/why/private/led.h"
#include "core/why/private/prompt.h"
#include "core/case/refusal.h"
#include "core/case/said.h"
#include "core/why/private/storm.h"

/* ---------------------------------------------------------------- halted for good */

static void halted_plainly(struct why_case *c, struct finding *f, const struct event *halt, uint64_t pc)
{
    const struct event *met = led_exception(c, halt->cpu, halt->icount), *last = said_last(c, halt->icount);
    char where[PLACE_TEXT], said[SAID_TEXT];
    struct text why = {0};
    if (met && led_earlier(c, f, met))
        return;
    if (met)
        led_exception_lines(c, f, met, &why);
    case_address(c, halt->icount, halt->cpu, pc, where);
    if (met)
        find_verdict(f, WHY_FAULT_HANDLED, met->icount, "%s; its handler halts the processor for good",
                     why.s);
    else if (last)
        find_verdict(f, WHY_HANG_HALTED, halt->icount,
                     "the processor is halted for good after \"%s\": HLT with interrupts off at %s",
                     fact_text(last, said, sizeof said), where);
    else
        find_verdict(
            f, WHY_HANG_HALTED, halt->icount,
            "the processor is halted for good: HLT with interrupts off at %s, which nothing can wake", where);
    free(why.s);
}

static void halted(struct why_case *c, struct finding *f, const struct event *halt)
{
    const struct event *down = facts_last(&c->now, EV_KERNEL_SHUTDOWN);
    char place[PLACE_TEXT];
    const bool there = case_go(c, halt->icount);
    const uint64_t pc = there ? timeline_pc(c->tl, halt->cpu) : EVF(halt, HALT, ip);
    const struct event *said =
        down && fact_contains(down, "halt") && !systems_up(c) ? said_shortly(c, down->icount) : NULL;
    char words[SAID_TEXT];
    if (said)
        find_verdict(f, WHY_ERROR_SAID, said->icount, "a process says \"%s\", and halts the machine",
                     fact_text(said, words, sizeof words));
    else if (down && (fact_contains(down, "halt") || fact_contains(down, "power")))
        find_verdict(f, WHY_OK_SHUT_DOWN, halt->icount,
                     "nothing went wrong: the system was shut down, and halted the processor");
    else if (!led_error_said(c, f, halt->icount, "halts the processor") &&
             !led_no_return(c, f, halt->cpu, halt->icount, "HLT waits forever"))
        halted_plainly(c, f, halt, pc);
    find_line(f, halt->icount, case_place(c, halt->icount, halt->cpu, pc, place), "HLT with IF = 0");
    if (case_go(c, halt->icount))
        find_callers(f, c, halt->cpu);
    if (down)
        find_event(f, c, down, "the kernel shuts down");
    find_disk_services(f, c, halt->icount);
    find_log(f, c, halt->cpu, halt->icount);
    find_console(f, c, c->now.begin, halt->icount, 6);
}

/* ---------------------------------------------------------------- what it waits for */

/* The last access of a port that was read again and again, in words. */
static const struct event *polled(struct why_case *c, struct event *copy, char *words, size_t size)
{
    const uint32_t classes = EVENT_CLASS_BIT(EC_PIO) | EVENT_CLASS_BIT(EC_MMIO) | EVENT_CLASS_BIT(EC_FOLD);
    struct trace_cursor *cur = trace_cursor_open(c->t, classes);
    struct error ignored;
    struct event ev;
    uint64_t number, at = 0;
    unsigned looked = 0;
    bool found = false;
    struct trace_explainer *x = trace_explainer_new(c->t, c->kind);
    if (!trace_cursor_seek_icount(cur, c->at + 1, &ignored))
        while (!found && looked++ < 64 && trace_cursor_prev(cur, &ev, &number, &ignored) == 1)
            if (ev.kind == EV_PIO_READ || ev.kind == EV_MMIO_READ) {
                found = true;
                *copy = ev;
                at = number;
            }
    trace_cursor_close(cur);
    *words = 0;
    if (found)
        trace_explain(x, at, words, size, &ignored);
    trace_explainer_free(x);
    copy->data = NULL;
    copy->len = 0;
    return found ? copy : NULL;
}

/* Nothing but accesses of that port, and interrupts, has happened for seconds of guest time. */
static uint64_t quiet(struct why_case *c)
{
    const struct trace_end *end = trace_end(c->t);
    struct timeline_where w;
    uint64_t last = 0;
    for (size_t i = 0; i < c->now.n; i++)
        if (c->now.event[i].kind != EV_UNHANDLED && c->now.event[i].kind != EV_EXCEPTION &&
            c->now.event[i].icount + 1 <
                c->at) /* what is printed of a line that has not ended is no event of then */
            last = c->now.event[i].time;
    timeline_where(c->tl, &w);
    const uint64_t now = c->whole && end ? end->time : w.time;
    return now > last ? now - last : 0;
}

/* Nothing is at that port: firmware looks at such ports, too, but gives up. */
static bool answers_not(struct why_case *c, const struct event *poll)
{
    for (size_t i = 0; i < c->now.n; i++)
        if (c->now.event[i].kind == EV_UNHANDLED && fact_contains(&c->now.event[i], "port") &&
            EVF(&c->now.event[i], UNHANDLED, number) == EVF(poll, PIO_READ, port))
            return true;
    return false;
}

static void loop_lines(struct why_case *c, struct finding *f, const struct cpu_loop *l, unsigned cpu)
{
    enum { SHOWN = 6 };
    char place[PLACE_TEXT], where[48];
    struct instruction in;
    const size_t first = l->nseen - (l->length < l->nseen ? l->length : l->nseen);
    find_note(f, "the last %u turns of the loop took %u step%s each", l->times, l->length,
              l->length == 1 ? "" : "s");
    for (size_t i = first; i < l->nseen && i < first + SHOWN; i++) {
        if (!case_go(c, l->icount[i]))
            return;
        case_insn(c, cpu, &in);
        find_line(f, l->icount[i], case_place(c, l->icount[i], cpu, timeline_pc(c->tl, cpu), place), "%s: %s",
                  view_place_text(timeline_look(c->tl), cpu, where), in.text);
    }
    if (l->length > SHOWN)
        find_note(f, "and %u more instructions in the loop", l->length - SHOWN);
    if (case_go(c, c->at))
        find_callers(f, c, cpu);
}

/* What cannot be told is a program's work if it is seen to do something. */
static void at_work(struct why_case *c, struct finding *f, uint64_t pc, unsigned cpu)
{
    /* A wait stays one, whatever others do meanwhile; so does a kernel that does not yield the processor. */
    char place[PLACE_TEXT], where[PLACE_TEXT];
    struct text did = {0};
    case_name(c, c->at, cpu, pc, place);
    const bool kernel = facts_last(&c->now, EV_KERNEL_FOUND) && case_go(c, c->at) &&
                        !timeline_reg(c->tl, cpu, "cpl") && !strstr(place, "halt") && !strstr(place, "idle");
    if (!f->found || f->answer != WHY_UNKNOWN || f->code == WHY_UNKNOWN_WAITS || kernel ||
        !activity_lately(c, &did))
        return;
    case_address(c, c->at, cpu, pc, where);
    find_verdict(f, WHY_OK_WORKS, c->at, "nothing went wrong: a program is at work at %s, and lately %s",
                 where, did.s);
    free(did.s);
}

/* HLT with interrupts on: it has nothing to do, or waits for an interrupt that cannot come. The first row that gives a verdict. */
struct idle {
    struct why_case *c;
    struct finding *f;
    unsigned cpu;
    char where[PLACE_TEXT];
    bool irq;        /* interrupts come */
    struct text why; /* why none comes, or which could */
    bool closed;     /* none can come */
};

static bool no_interrupt(struct idle *x)
{
    if (!x->closed || x->irq)
        return false;
    find_verdict(x->f, WHY_HANG_NO_INTERRUPT, x->c->at, "the processor waits in HLT at %s for an interrupt%s",
                 x->where, x->why.s);
    return true;
}

static bool unit_unfinished(struct idle *x)
{
    return units_unfinished(x->c, x->f, false);
}

static bool error_said(struct idle *x)
{
    struct text then = {0};
    if (systems_up(x->c))
        return false;
    if (!idle_process(x->c, &then))
        text_add(&then, "goes no further: the machine is idle");
    const bool said = led_error_said(x->c, x->f, x->c->at, then.s);
    free(then.s);
    return said;
}

/* What was said last counts unless somebody can go on: a shell that waits for a line may have complained of its terminal. */
static bool system_is_up(struct idle *x)
{
    if (!idle_system(x->c, x->f))
        return false;
    if (x->f->answer == WHY_UNKNOWN && !error_said(x))
        at_work(x->c, x->f, timeline_pc(x->c->tl, x->cpu), x->cpu);
    return true;
}

static bool before_processes(struct idle *x)
{
    if (!facts_last(&x->c->now, EV_KERNEL_FOUND) || facts_last(&x->c->now, EV_INIT_RUN) ||
        facts_last(&x->c->now, EV_PROCESS_FIRST))
        return false;
    find_verdict(
        x->f, WHY_UNKNOWN_IDLE, x->c->at,
        "cannot tell: the kernel waits in HLT at %s before it has started a process, and no event says for what",
        x->where);
    return true;
}

static bool firmware_is_idle(struct idle *x)
{
    if (!facts_last(&x->c->now, EV_EFI_START) || facts_last(&x->c->now, EV_KERNEL_FOUND))
        return false;
    find_verdict(x->f, WHY_UNKNOWN_IDLE, x->c->at,
                 "cannot tell: the UEFI firmware is idle in HLT at %s, and no system was started", x->where);
    return true;
}

/* It handles what comes, and prints nothing that reads like an error. */
static bool gets_interrupts(struct idle *x)
{
    if (!x->irq)
        return false;
    find_verdict(
        x->f, WHY_OK_IDLE, x->c->at,
        "nothing went wrong that can be seen: the processor is idle in HLT at %s, and gets its interrupts",
        x->where);
    return true;
}

static bool idle_unknown(struct idle *x)
{
    find_verdict(x->f, WHY_UNKNOWN_IDLE, x->c->at,
                 "cannot tell: the processor waits in HLT at %s, and no interrupt came lately%s%s", x->where,
                 x->why.n ? "; not masked: " : "", x->why.n ? x->why.s : "");
    return true;
}

static void waits(struct why_case *c, struct finding *f, unsigned cpu, uint64_t pc)
{
    static bool (*const rows[])(struct idle *) = {no_interrupt,    unit_unfinished,  system_is_up,
                                                  error_said,      before_processes, firmware_is_idle,
                                                  gets_interrupts, idle_unknown};
    struct idle x = {.c = c, .f = f, .cpu = cpu};
    if (!case_go(c, c->at))
        return;
    case_address(c, c->at, cpu, pc, x.where);
    x.irq = trace_config(c->t)->classes & EVENT_CLASS_BIT(EC_IRQ) && interrupts_lately(c);
    struct finding chips = {0};
    x.closed = interrupts_closed(c, &chips, cpu, &x.why);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && !rows[i](&x); i++)
        ;
    if (!x.irq)
        find_move(f, &chips);
    find_drop(&chips);
    free(x.why.s);
    led_end_lines(c, f);
}

/* ---------------------------------------------------------------- a word of memory */

/* The read that the loop waits on: a word that stays as it is. */
static const struct loop_read *awaited(const struct cpu_loop *l)
{
    const struct loop_read *best = NULL;
    for (unsigned i = 0; i < l->nreads; i++) {
        const struct loop_read *r = &l->read[i];
        if (r->device || r->written || r->moves || (!r->decides && !r->locked))
            continue;
        if (!best || (r->locked && !best->locked) || (r->tested && !best->tested && !best->locked))
            best = r;
    }
    return best;
}

/* A device's register in memory on which the loop's end depends. */
static const struct loop_read *register_read(const struct cpu_loop *l)
{
    for (unsigned i = 0; i < l->nreads; i++)
        if (l->read[i].device && l->read[i].decides)
            return &l->read[i];
    return NULL;
}

/* A lock: it is taken in the loop, or by the function that has the loop, or was taken as locks are: by XCHG or a locked instruction. */
static bool is_lock(struct why_case *c, const struct cpu_loop *l, const struct loop_read *r, unsigned cpu,
                    const struct last_writer *w)
{
    char name[PLACE_TEXT];
    struct instruction in;
    case_name(c, c->at, cpu, l->pc, name);
    if (!r->value)
        return false;
    if (r->locked || strstr(name, "spin_lock") || strstr(name, "mutex"))
        return true;
    return w->found && !w->device && !w->before && case_go(c, w->icount) &&
           (case_insn(c, w->cpu, &in), in.id == X86_INS_XCHG || !strncmp(in.text, "lock ", 5));
}

static const char *task_of(struct why_case *c, uint64_t icount, unsigned cpu, char buf[80])
{
    struct error ignored;
    struct processes *ps = processes_at(c->t, icount, &ignored);
    const struct process *p = ps ? processes_current(ps, cpu) : NULL;
    *buf = 0;
    if (p)
        snprintf(buf, 80, " in %.50s (%" PRIu32 ")", p->name, p->pid);
    processes_free(ps);
    return buf;
}

/* All others can do nothing about it: they are halted for good, not started, or in such a loop themselves. */
static bool others_are_stuck(const struct cpu_loop *list, unsigned n, unsigned self)
{
    for (unsigned i = 0; i < n; i++) {
        const struct cpu_loop *l = &list[i];
        if (i == self || l->does == CPU_NOT_STARTED || l->does == CPU_HALTED_FOR_GOOD)
            continue;
        if (l->does != CPU_LOOPS || l->interrupts || register_read(l) || l->in || l->clock || l->carried)
            return false;
    }
    return true;
}

static void writer_lines(struct why_case *c, struct finding *f, const struct last_writer *w, bool lock)
{
    char place[PLACE_TEXT], who[80], where[48];
    struct instruction in;
    if (!w->found || !case_go(c, w->icount))
        return;
    case_insn(c, w->cpu, &in);
    find_line(f, w->icount, case_place(c, w->icount, w->cpu, w->pc, place),
              "%s 0x%" PRIx64 " -> 0x%" PRIx64 " by %sprocessor %u%s: %s %s",
              lock ? "it was taken here:" : "it was written last here:", w->before, w->after,
              w->device ? "a device, during " : "", w->cpu, task_of(c, w->icount, w->cpu, who),
              view_place_text(timeline_look(c->tl), w->cpu, where), w->device ? "" : in.text);
    find_callers(f, c, w->cpu);
}

/* Another processor spins for a lock that this one has taken: both wait for each other. */
static bool lock_of_this(struct why_case *c, const struct cpu_loop *list, unsigned n, unsigned cpu,
                         struct text *out)
{
    char where[PLACE_TEXT], lock[PLACE_TEXT];
    for (unsigned i = 0; i < n; i++) {
        const struct loop_read *r = i == cpu || list[i].does != CPU_LOOPS ? NULL : awaited(&list[i]);
        if (!r || !r->locked || !r->value)
            continue;
        const struct last_writer w = loops_writer(c, &list[i], i, r);
        if (!w.found || w.cpu != cpu)
            continue;
        case_address(c, c->at, i, r->linear, lock);
        text_add(
            out,
            "; processor %u spins for the lock at %s, which processor %u has taken at %s and not released", i,
            lock, cpu, case_address(c, w.icount, w.cpu, w.pc, where));
        return true;
    }
    return false;
}

/* Why the word stays as it is, to follow "… the word at X, which is 0": */
static void word_reason(struct why_case *c, struct finding *f, const struct cpu_loop *list, unsigned n,
                        unsigned cpu, const struct last_writer *w, bool lock, struct text *out)
{
    char where[PLACE_TEXT], who[80];
    struct text why = {0};
    const unsigned others = n - 1;
    if (lock && w->found) {
        case_address(c, w->icount, w->cpu, w->pc, where);
        if (w->cpu == cpu)
            text_add(out, ", which it has taken itself%s at %s and not released",
                     task_of(c, w->icount, w->cpu, who), where);
        else {
            text_add(out, ", which processor %u has taken%s at %s and not released: it ", w->cpu,
                     task_of(c, w->icount, w->cpu, who), where);
            loops_text(c, &list[w->cpu], w->cpu, out);
        }
        return;
    }
    if (w->found)
        text_add(out, "; it was written last at icount %" PRIu64 " by %s", w->icount,
                 case_address(c, w->icount, w->cpu, w->pc, where));
    else
        text_add(out, ", and nobody has written to it since the beginning");
    bool told = lock_of_this(c, list, n, cpu, out);
    for (unsigned i = 0; i < n; i++)
        if (i != cpu && !told && (list[i].does != CPU_BUSY || ran_zeros(c, i))) {
            text_add(out, "; processor %u ", i);
            if (ran_zeros(c, i))
                text_add(out, "was sent to where no code is (zeros at 0x%" PRIx64 ":0x%" PRIx64 "), and ",
                         EVF(ran_zeros(c, i), CPU_ZEROS, cs), EVF(ran_zeros(c, i), CPU_ZEROS, ip));
            loops_text(c, &list[i], i, out);
            told = true;
        }
    if (list[cpu].interrupts) {
        if (case_go(c, c->at) && interrupts_closed(c, f, cpu, &why))
            text_add(out, "; no interrupt comes that could lead to it%s", why.s);
    } else if (!others)
        text_add(out, "; the machine has no other processor, and interrupts are off");
    else if (!told)
        text_add(out, "; interrupts are off");
    free(why.s);
}

/* No interrupt gets through to that processor. */
static bool why_closed(struct why_case *c, unsigned cpu)
{
    struct finding ignored = {0};
    struct text why = {0};
    const bool closed = case_go(c, c->at) && interrupts_closed(c, &ignored, cpu, &why);
    find_drop(&ignored);
    free(why.s);
    return closed;
}

/* An interrupt's handler spins for the lock that what it has interrupted holds: neither goes on. */
static bool lock_of_interrupted(struct why_case *c, struct finding *f, const struct cpu_loop *l, unsigned cpu,
                                const struct loop_read *r, const struct last_writer *w)
{
    char name[80], where[PLACE_TEXT], by[PLACE_TEXT], word[PLACE_TEXT];
    struct event irq = {0};
    if (l->interrupts || !led_in_interrupt(c, cpu, loops_entered(c, l, cpu), &irq, name) ||
        irq.icount < w->icount)
        return false;
    case_address(c, c->at, cpu, l->pc, where);
    case_address(c, c->at, cpu, r->linear, word);
    find_verdict(
        f, WHY_HANG_LOCK, irq.icount,
        "the handler of %s spins at %s for the lock at %s, which the code that it interrupted took at %s",
        name, where, word, case_address(c, w->icount, w->cpu, w->pc, by));
    find_line(f, irq.icount, case_place_of(c, &irq, by), "%s interrupts the holder of the lock here", name);
    return true;
}

static bool word_loop(struct why_case *c, struct finding *f, const struct cpu_loop *list, unsigned n,
                      unsigned cpu)
{
    const uint64_t LONG = 1000000000;
    const struct cpu_loop *l = &list[cpu];
    const struct loop_read *r = awaited(l);
    char where[PLACE_TEXT], word[PLACE_TEXT], who[80], processor[24] = "the processor";
    struct text why = {0};
    if (!r || l->port_decides || register_read(l) || (!loop_waits(l) && !r->locked))
        return false;
    const struct last_writer w = loops_writer(c, l, cpu, r);
    const bool lock = is_lock(c, l, r, cpu, &w);
    case_go(c, c->at);
    const uint64_t since = time_since(c, w.icount), silence = quiet(c),
                   long_ago = w.found && since < silence ? since : silence;
    /* Another processor has just changed it, or does something else, and goes on: they work together. */
    struct text did = {0};
    const bool others_work = !lock && n > 1 && !others_are_stuck(list, n, cpu) &&
                             ((w.found && since < LONG && !w.device) || activity_lately(c, &did));
    free(did.s);
    if (others_work)
        return false;
    case_go(c, c->at);
    /* What could change it: an interrupt's handler if they are on, another processor, a device. A lock is released by its owner. */
    const bool closed = !l->interrupts || why_closed(c, cpu);
    const bool holder =
        lock && w.found && (w.cpu == cpu || (list[w.cpu].does != CPU_BUSY && list[w.cpu].does != CPU_HALTED));
    /* A kernel that does not yield: nothing but an interrupt's handler runs, for a second. */
    const bool stuck = facts_last(&c->now, EV_KERNEL_FOUND) && !timeline_reg(c->tl, cpu, "cpl") && n == 1 &&
                       long_ago >= LONG;
    const bool sure = stuck    ? true
                      : holder ? !l->interrupts || long_ago >= LONG
                               : closed && (others_are_stuck(list, n, cpu) || long_ago >= LONG);
    if (lock && w.found && w.cpu == cpu && lock_of_interrupted(c, f, l, cpu, r, &w)) {
        writer_lines(c, f, &w, lock);
        loop_lines(c, f, l, cpu);
        led_end_lines(c, f);
        return true;
    }
    word_reason(c, f, list, n, cpu, &w, lock, &why);
    case_address(c, c->at, cpu, l->pc, where);
    case_address(c, c->at, cpu, r->linear, word);
    if (n > 1)
        snprintf(processor, sizeof processor, "processor %u", cpu);
    find_verdict(f,
                 !sure  ? WHY_UNKNOWN_WAITS
                 : lock ? WHY_HANG_LOCK
                        : WHY_HANG_WORD,
                 c->at, "%s%s %s in a loop at %s%s for the %s at %s, which is 0x%" PRIx64 "%s",
                 sure ? "" : "cannot tell for sure: ", processor, lock ? "spins" : "waits", where,
                 task_of(c, c->at, cpu, who), lock ? "lock" : "word", word, r->value, why.s ? why.s : "");
    free(why.s);
    find_line(f, r->at, NULL,
              "what it looks at: %s: %u bytes at 0x%" PRIx64 " (physical 0x%" PRIx64 ") are 0x%" PRIx64,
              r->text, r->size, r->linear, r->physical, r->value);
    writer_lines(c, f, &w, lock);
    for (unsigned i = 0; i < n && n > 1; i++) {
        struct text does = {0};
        if (i == cpu)
            continue;
        loops_text(c, &list[i], i, &does);
        find_line(f, c->at, NULL, "processor %u %s%s", i, does.s, task_of(c, c->at, i, who));
        if (ran_zeros(c, i))
            find_event(f, c, ran_zeros(c, i), "it was sent to where no code is");
        free(does.s);
    }
    loop_lines(c, f, l, cpu);
    led_end_lines(c, f);
    return true;
}

/* ---------------------------------------------------------------- a device */

/* What is polled counts time: the loop ends by itself. */
static bool is_clock(const char *words)
{
    static const char *const clocks[] = {"PM timer", "main counter", "RTC", "counter 0", "counter 2"};
    for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++)
        if (strstr(words, clocks[i]))
            return true;
    return false;
}

static void device_loop(struct why_case *c, struct finding *f, const struct cpu_loop *l, unsigned cpu)
{
    const uint64_t seconds = 1000000000;
    enum { OFTEN = 10000 };
    char where[PLACE_TEXT], words[300], bits[60] = "";
    struct event copy;
    const struct event *poll = polled(c, &copy, words, sizeof words);
    if (!poll)
        return;
    const bool port = poll->kind == EV_PIO_READ;
    const uint64_t address = port ? EVF(poll, PIO_READ, port) : EVF(poll, MMIO_READ, address),
                   value = port ? EVF(poll, PIO_READ, value) : EVF(poll, MMIO_READ, value),
                   count = port ? EVF(poll, PIO_READ, count) : EVF(poll, MMIO_READ, count);
    char at[60];
    snprintf(at, sizeof at, port ? "port 0x%" PRIx64 : "the device's register at 0x%" PRIx64, address);
    case_go(c, c->at);
    case_address(c, c->at, cpu, l->pc, where);
    const uint64_t still = quiet(c);
    if (l->bits)
        snprintf(bits, sizeof bits, ", and looks at the bits 0x%" PRIx64 " of it", l->bits);
    const bool sure = still >= seconds / 2 && count > OFTEN && loop_waits(l);
    if (port && answers_not(c, poll) && still >= seconds && loop_waits(l))
        find_verdict(
            f, WHY_HANG_NO_DEVICE, c->at,
            "the processor polls %s in a loop at %s, and nothing is at that port: it reads 0x%" PRIx64
            " each time",
            at, where, value);
    else if (!sure && is_clock(words) && led_refused_said(c, f, "waits for time to pass"))
        ;
    else if (!sure && is_clock(words))
        find_verdict(f, WHY_UNKNOWN_BUSY, c->at,
                     "cannot tell: the processor is in a delay at %s, and looks at a clock (%s)", where,
                     words);
    else
        find_verdict(f, sure ? WHY_HANG_POLL : WHY_UNKNOWN_WAITS, c->at,
                     "%sthe processor polls %s in a loop at %s, which reads 0x%" PRIx64 "%s%s%s%s",
                     sure ? "" : "cannot tell: ", at, where, value, *words ? " (" : "", words,
                     *words ? ")" : "", bits);
    char times[40] = "read once";
    if (count != 1)
        snprintf(times, sizeof times, "read %" PRIu64 " times in a row", count);
    find_line(f, poll->icount, NULL, "%s: %s", times, *words ? words : "nothing answers there");
    loop_lines(c, f, l, cpu);
    led_end_lines(c, f);
}

/* ---------------------------------------------------------------- other loops */

/* A loop that goes through the delivery of an exception. */
static bool fault_loop(struct why_case *c, struct finding *f, const struct cpu_loop *l, unsigned cpu)
{
    const struct event *ev = NULL, *first = NULL;
    for (size_t i = 0; i < c->now.n; i++)
        if (c->now.event[i].kind == EV_EXCEPTION && c->now.event[i].cpu == cpu) {
            ev = &c->now.event[i];
            first = first && EVF(first, EXCEPTION, ip) == EVF(ev, EXCEPTION, ip) ? first : ev;
        }
    if (!ev)
        return false;
    loop_lines(c, f, l, cpu);
    exception_again(c, f, first);
    led_end_lines(c, f);
    return f->found;
}

/* It has no branch that would leave it: only an interrupt could, and none can come. */
static void endless_loop(struct why_case *c, struct finding *f, const struct cpu_loop *l, unsigned cpu)
{
    char where[PLACE_TEXT], said[SAID_TEXT];
    const uint64_t entered = loops_entered(c, l, cpu);
    const struct event *met = led_exception(c, cpu, entered), *last = said_last(c, entered);
    struct text why = {0};
    if (met)
        led_exception_lines(c, f, met, &why);
    if (met && led_earlier(c, f, met))
        ;
    else if (met)
        find_verdict(f, WHY_FAULT_HANDLED, met->icount, "%s; its handler ends in an endless loop", why.s);
    else if (!led_error_said(c, f, c->at, "ends in an endless loop") &&
             !led_refused_said(c, f, "ends in an endless loop") &&
             !led_no_return(c, f, cpu, entered, "an endless loop follows") && case_go(c, c->at)) {
        if (last)
            text_add(&why, "after \"%s\" ", fact_text(last, said, sizeof said));
        find_verdict(
            f, WHY_HANG_LOOP, c->at,
            "%sthe processor is in a loop of %u instruction%s at %s with interrupts off, which nothing can end",
            last ? why.s : "", l->length, l->length == 1 ? "" : "s",
            case_address(c, c->at, cpu, l->pc, where));
    }
    free(why.s);
    find_disk_services(f, c, c->at);
    loop_lines(c, f, l, cpu);
    led_end_lines(c, f);
}

/* Something is different in each turn: a register, or a word that the loop writes. */
static bool computes(const struct cpu_loop *l)
{
    bool yes = l->counts;
    for (unsigned i = 0; i < l->nreads; i++)
        yes |= l->read[i].written;
    return yes;
}

/* An endless loop with interrupts on is where a program waits for them. */
static void idle_loop(struct why_case *c, struct finding *f, const struct cpu_loop *l, unsigned cpu)
{
    const struct event *met = led_exception(c, cpu, loops_entered(c, l, cpu));
    char where[PLACE_TEXT];
    struct text why = {0};
    if (met) {
        led_exception_lines(c, f, met, &why);
        if (!led_earlier(c, f, met))
            find_verdict(f, WHY_FAULT_HANDLED, met->icount, "%s; its handler ends in an endless loop", why.s);
    } else if (!led_error_said(c, f, c->at, "ends in an endless loop") &&
               !led_refused_said(c, f, "ends in an endless loop") && case_go(c, c->at)) {
        case_address(c, c->at, cpu, l->pc, where);
        if (computes(l) && activity_lately(c, &why))
            find_verdict(f, WHY_OK_WORKS, c->at,
                         "nothing went wrong: a program is at work at %s, and lately %s", where, why.s);
        else if (computes(l) && interrupts_lately(c))
            find_verdict(f, WHY_OK_WORKS, c->at,
                         "nothing went wrong: a program computes in a loop at %s, and gets its interrupts",
                         where);
        else if (interrupts_lately(c))
            find_verdict(
                f, WHY_OK_IDLE, c->at,
                "nothing went wrong that can be seen: the processor idles in a loop at %s, and gets its interrupts",
                where);
        else
            find_verdict(
                f, WHY_UNKNOWN_IDLE, c->at,
                "cannot tell: the processor is in an endless loop at %s with interrupts on, and none came lately",
                where);
    }
    free(why.s);
    loop_lines(c, f, l, cpu);
    led_end_lines(c, f);
}

/* Neither a wait nor the end: it goes on with something. */
static void busy(struct why_case *c, struct finding *f, const struct cpu_loop *l, unsigned cpu)
{
    char where[PLACE_TEXT];
    if (!case_go(c, c->at))
        return;
    case_address(c, c->at, cpu, l->pc, where);
    find_verdict(f, WHY_UNKNOWN_BUSY, c->at, "cannot tell: the processor is busy at %s, and no end is seen",
                 where);
    if (l->length)
        loop_lines(c, f, l, cpu);
    led_end_lines(c, f);
}

/* A kernel's idle loop that polls instead of executing HLT (idle=poll). */
static bool idles(struct why_case *c, unsigned cpu, uint64_t pc)
{
    static const char *const names[] = {"cpu_idle_poll", "poll_idle", "do_idle",
                                        "default_idle",  "cpu_idle",  "sched_idletd"};
    char place[PLACE_TEXT];
    case_name(c, c->at, cpu, pc, place);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strstr(place, names[i]))
            return true;
    return false;
}

static void in_loop(struct why_case *c, struct finding *f, const struct cpu_loop *list, unsigned n,
                    unsigned cpu)
{
    const struct cpu_loop *l = &list[cpu];
    if (l->delivers && !l->halts && fault_loop(c, f, l, cpu))
        return;
    if (l->halts || idles(c, cpu, l->pc))
        waits(c, f, cpu, l->pc);
    else if (interrupts_storm(c, f, l, cpu))
        ;
    else if (!l->exits && !l->interrupts && !l->delivers)
        endless_loop(c, f, l, cpu);
    else if (!l->exits)
        idle_loop(c, f, l, cpu);
    else if (!l->carried && (l->port_decides || register_read(l)))
        device_loop(c, f, l, cpu);
    else if (!word_loop(c, f, list, n, cpu))
        busy(c, f, l, cpu);
}

/* Which processor's state says most: one that spins, then one that waits. */
static unsigned to_look_at(const struct cpu_loop *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (list[i].does == CPU_LOOPS && !list[i].halts && awaited(&list[i]))
            return i;
    for (unsigned i = 0; i < n; i++)
        if (list[i].does == CPU_LOOPS && !list[i].halts)
            return i;
    for (unsigned i = 0; i < n; i++)
        if (list[i].does == CPU_HALTED || list[i].does == CPU_LOOPS)
            return i;
    return 0;
}

/* One of the processors waits for somebody to type; what others do meanwhile is no matter. */
static bool somebody_prompts(struct why_case *c, const struct cpu_loop *list, unsigned n, struct prompt *p)
{
    for (unsigned i = 0; i < n; i++)
        if (list[i].does != CPU_NOT_STARTED && list[i].does != CPU_HALTED_FOR_GOOD &&
            prompt_waits(c, &list[i], i, p))
            return true;
    return false;
}

void explain_hang(struct why_case *c, struct finding *f)
{
    const struct event *halt = facts_last(&c->now, EV_HALT);
    struct prompt prompt;
    if (halt && (halt->icount + 1 >= c->at || !strcmp(c->reason, "halted"))) {
        halted(c, f, halt);
        return;
    }
    if (!facts_last(&c->now, EV_POWER_OFF) && strcmp(trace_config(c->t)->engine, "pc"))
        idle_prompt(c, f);
    if (facts_last(&c->now, EV_POWER_OFF) || strcmp(trace_config(c->t)->engine, "pc"))
        return;
    if (c->whole && !strcmp(c->reason, "reset") && facts_last(&c->now, EV_KERNEL_SHUTDOWN))
        return; /* it ends where it was to be reset */
    const struct event *storm = facts_last(&c->now, EV_KERNEL_FOUND) ? NULL : storm_at_end(c);
    if (storm) {
        exception_again(c, f, storm);
        led_end_lines(c, f);
        return;
    }
    if (!case_go(c, c->at))
        return;
    const unsigned n = timeline_cpus(c->tl);
    struct cpu_loop *list = n <= LOOP_CPUS ? loops_find(c, n) : NULL;
    if (!list)
        return;
    const unsigned cpu = to_look_at(list, n);
    if (interrupts_nested(c, f, cpu) || interrupts_held_back(c, f, cpu, &list[cpu]))
        ;
    else if (somebody_prompts(c, list, n, &prompt)) {
        if (!led_error_said(c, f, c->at, "waits for a key"))
            prompt_verdict(c, f, &prompt);
    } else if (list[cpu].does == CPU_HALTED)
        waits(c, f, cpu, list[cpu].pc);
    else if (!list[cpu].halts && list[cpu].interrupts && console_asks(c, f))
        ;
    else if (list[cpu].does == CPU_LOOPS) {
        in_loop(c, f, list, n, cpu);
        at_work(c, f, list[cpu].pc, cpu);
    } else if (list[cpu].does == CPU_BUSY && list[cpu].nseen) {
        busy(c, f, &list[cpu], cpu);
        at_work(c, f, list[cpu].pc, cpu);
    }
    free(list);
}
