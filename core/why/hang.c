/* hang.c - a machine that goes no further: halted for good, or in a loop; and one that has nothing to do, which is none. */
#include <capstone/capstone.h>
#include <inttypes.h>

#include "core/why/private/case.h"

enum { STEPS = 4096, LOOP_MOST = 512, EFLAGS_IF = 0x200 };

/* ---------------------------------------------------------------- halted for good */

static void halted(struct why_case *c, struct finding *f, const struct event *halt)
{
    const struct event *down = facts_last(&c->now, EV_KERNEL_SHUTDOWN);
    char place[PLACE_TEXT], where[PLACE_TEXT];
    const bool there = case_go(c, halt->icount);
    const uint64_t pc = there ? timeline_pc(c->tl, halt->cpu) : halt->f[EVF_HALT_ip];
    case_address(c, halt->icount, halt->cpu, pc, where);
    if (down && (fact_contains(down, "halt") || fact_contains(down, "power")))
        find_verdict(f, WHY_NOTHING, halt->icount,
                     "nothing went wrong: the system was shut down, and halted the processor");
    else
        find_verdict(
            f, WHY_WRONG, halt->icount,
            "the processor is halted for good: HLT with interrupts off at %s, which nothing can wake", where);
    find_line(f, halt->icount, case_place(c, halt->icount, halt->cpu, pc, place), "HLT with IF = 0");
    if (there)
        find_callers(f, c, halt->cpu);
    if (down)
        find_event(f, c, down, "the kernel shuts down");
    find_console(f, c, c->now.begin, halt->icount, 6);
}

/* ---------------------------------------------------------------- the loop */

struct loop {
    uint64_t pc[LOOP_MOST]; /* what is executed in it, each address once */
    size_t n;
    uint64_t begin; /* icount of the first of the steps that were looked at */
    unsigned length, times;
    bool halts, in;
};

static size_t add_pc(struct loop *l, uint64_t pc)
{
    size_t i = 0;
    while (i < l->n && l->pc[i] != pc)
        i++;
    if (i == l->n && l->n < LOOP_MOST)
        l->pc[l->n++] = pc;
    return i;
}

static void see_insn(struct why_case *c, struct loop *l)
{
    struct instruction in;
    case_insn(c, 0, &in);
    l->halts |= in.id == X86_INS_HLT;
    l->in |= in.id == X86_INS_IN;
}

/* The last STEPS steps. False if they are no loop of a few addresses. */
static bool find_loop(struct why_case *c, struct loop *l)
{
    uint64_t *seen = mem_alloc(STEPS * sizeof *seen);
    size_t n = 0;
    l->begin = c->at - c->now.begin > STEPS ? c->at - STEPS : c->now.begin + 1;
    bool ok = case_go(c, l->begin);
    while (ok && timeline_icount(c->tl) < c->at && n < STEPS) {
        const uint64_t pc = timeline_pc(c->tl, 0);
        const size_t before = l->n;
        seen[n++] = pc;
        add_pc(l, pc);
        if (l->n > before)
            see_insn(c, l);
        ok = l->n < LOOP_MOST && case_step(c);
    }
    /* Its length: the least distance after which the addresses are the same. */
    for (unsigned d = 1; ok && d <= n / 2 && !l->length; d++) {
        size_t i = 0;
        while (i + d < n && seen[i] == seen[i + d])
            i++;
        if (i + d == n)
            l->length = d;
    }
    free(seen);
    l->times = l->length ? (unsigned)(n / l->length) : 0;
    return ok && n >= 64;
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

/* Whether nothing is at that port, and it has been so for seconds: firmware looks at such ports, too, but gives up. */
static bool answers_not(struct why_case *c, const struct event *poll)
{
    const uint64_t long_time = 3000000000;
    const struct trace_end *end = trace_end(c->t);
    uint64_t last = 0;
    for (size_t i = 0; i < c->now.n; i++)
        if (c->now.event[i].kind != EV_UNHANDLED)
            last = c->now.event[i].time;
    if (!c->whole || !end || end->time - last < long_time)
        return false;
    for (size_t i = 0; i < c->now.n; i++)
        if (c->now.event[i].kind == EV_UNHANDLED && fact_contains(&c->now.event[i], "port") &&
            c->now.event[i].f[EVF_UNHANDLED_number] == poll->f[EVF_PIO_READ_port])
            return true;
    return false;
}

static void loop_lines(struct why_case *c, struct finding *f, const struct loop *l)
{
    char place[PLACE_TEXT], where[48];
    struct instruction in;
    uint64_t last = l->length && c->at > l->length ? c->at - l->length : l->begin;
    if (!case_go(c, last))
        return;
    for (unsigned i = 0; i < l->length && i < 8; i++) {
        const uint64_t at = timeline_icount(c->tl);
        case_insn(c, 0, &in);
        find_line(f, at, case_place(c, at, 0, timeline_pc(c->tl, 0), place), "%s: %s",
                  view_place_text(timeline_look(c->tl), 0, where), in.text);
        if (!case_step(c))
            return;
    }
    if (l->length > 8)
        find_note(f, "and %u more instructions in the loop", l->length - 8);
    find_callers(f, c, 0);
}

/* Interrupts that the loop could wait for, and whether they can come: the 8259As' masks, and the timer. */
static void interrupt_lines(struct why_case *c, struct finding *f, bool *all_masked)
{
    uint64_t master = 0xff, slave = 0xff, irr = 0, isr = 0, lvt = 0, svr = 0;
    *all_masked = false;
    if (!timeline_field(c->tl, "pic", "chip[0].imr", 0, &master) ||
        !timeline_field(c->tl, "pic", "chip[1].imr", 0, &slave))
        return;
    timeline_field(c->tl, "pic", "chip[0].irr", 0, &irr);
    timeline_field(c->tl, "pic", "chip[0].isr", 0, &isr);
    find_line(f, c->at, NULL,
              "8259A: mask %02" PRIx64 " and %02" PRIx64 " (slave), requested %02" PRIx64
              ", in service %02" PRIx64,
              master, slave, irr, isr);
    const bool lapic = timeline_field(c->tl, "lapic0", "svr", 0, &svr) && svr & 0x100;
    if (lapic && timeline_field(c->tl, "lapic0", "lvt", 0, &lvt))
        find_line(f, c->at, NULL, "local APIC: enabled, its timer is %s",
                  lvt >> 16 & 1 ? "masked" : "not masked");
    *all_masked = master == 0xff && (!lapic || lvt >> 16 & 1);
    /* The I/O APIC's redirection entries, of which bit 16 masks. */
    uint64_t entry;
    for (unsigned i = 0; timeline_field(c->tl, "ioapic", "rte", i, &entry); i++)
        *all_masked &= entry >> 16 & 1;
}

/* Whether an interrupt has come in the last second of guest time. */
static bool interrupted_lately(struct why_case *c)
{
    enum { LATELY = 1000000000 };
    struct trace_cursor *cur = trace_cursor_open(c->t, EVENT_CLASS_BIT(EC_IRQ) | EVENT_CLASS_BIT(EC_FOLD));
    struct error ignored;
    struct event ev;
    struct timeline_where w;
    timeline_where(c->tl, &w);
    const struct trace_end *end = trace_end(c->t);
    const uint64_t now = c->whole && end ? end->time : w.time;
    const bool yes = !trace_cursor_seek_icount(cur, c->at + 1, &ignored) &&
                     trace_cursor_prev(cur, &ev, NULL, &ignored) == 1 && ev.time + LATELY > now;
    trace_cursor_close(cur);
    return yes;
}

/* One of the last lines of the console that tells of something bad. */
static const struct event *bad_words(struct why_case *c)
{
    static const char *const texts[] = {"rror",   "ailed",  "anic",  "annot", "not found",
                                        "issing", "nvalid", "ERROR", "FATAL"};
    const enum console_device console = trace_console(c->t);
    unsigned n = 0;
    for (size_t i = c->now.n; i-- && n < 3;) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind != EV_CONSOLE_LINE || ev->f[EVF_CONSOLE_LINE_device] != console || !ev->len)
            continue;
        n++;
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
            if (fact_contains(ev, texts[k]))
                return ev;
    }
    return NULL;
}

/* HLT with interrupts on: it has nothing to do, or waits for an interrupt that cannot come. */
static void waits(struct why_case *c, struct finding *f, const struct loop *l, const char *where)
{
    bool masked;
    char words[300];
    const struct event *bad;
    const struct event *sector = facts_last(&c->now, EV_BOOT_SECTOR_ENTER);
    if (!case_go(c, c->at))
        return;
    const bool irq = trace_config(c->t)->classes & EVENT_CLASS_BIT(EC_IRQ) && interrupted_lately(c);
    interrupt_lines(c, f, &masked);
    if (masked && !irq)
        find_verdict(
            f, WHY_WRONG, c->at,
            "the processor waits in HLT at %s for an interrupt, and all of them are masked: mask ff in the 8259A",
            where);
    else if ((bad = bad_words(c)))
        find_verdict(f, WHY_UNKNOWN, c->at,
                     "cannot tell: the processor is idle in HLT at %s, after it was said: %s", where,
                     fact_text(bad, words, sizeof words));
    else if (facts_last(&c->now, EV_INIT_RUN) || facts_last(&c->now, EV_PROCESS_FIRST))
        find_verdict(
            f, WHY_NOTHING, c->at,
            "nothing went wrong: the system is idle, and waits in HLT at %s for something to do, such as a line of input",
            where);
    else if (facts_last(&c->now, EV_KERNEL_FOUND))
        find_verdict(
            f, WHY_UNKNOWN, c->at,
            "cannot tell: the kernel waits in HLT at %s before it has started a process, and no event says for what",
            where);
    else if (irq)
        find_verdict(
            f, WHY_NOTHING, c->at,
            "nothing went wrong that can be seen: the processor is idle in HLT at %s, and gets its interrupts",
            where);
    else
        find_verdict(f, WHY_UNKNOWN, c->at,
                     "cannot tell: the processor waits in HLT at %s with interrupts on, and none came lately",
                     where);
    if (sector && !facts_last(&c->now, EV_KERNEL_FOUND))
        find_event(f, c, sector, NULL);
    find_console(f, c, c->now.begin, c->at, 5);
}

static void in_loop(struct why_case *c, struct finding *f, const struct loop *l)
{
    char where[PLACE_TEXT], words[300];
    struct event copy;
    const bool on = timeline_reg(c->tl, 0, "eflags") & EFLAGS_IF, hang = !strcmp(c->reason, "hang");
    case_address(c, c->at, 0, timeline_pc(c->tl, 0), where);
    if (l->halts) {
        waits(c, f, l, where);
        return;
    }
    if (!l->length) /* no fixed way round: it may well be busy with something */
        return;
    const struct event *poll = l->in ? polled(c, &copy, words, sizeof words) : NULL;
    if (hang || (!on && !l->in && l->length <= 32))
        find_verdict(f, hang ? WHY_WRONG : WHY_UNKNOWN, c->at,
                     "%sthe processor is in a loop of %u instruction%s at %s with interrupts off%s",
                     hang ? "" : "cannot tell for sure: ", l->length, l->length == 1 ? "" : "s", where,
                     hang ? ", which nothing can end"
                          : "; the record ends before it is known whether anything ends it");
    else if (poll && answers_not(c, poll))
        find_verdict(f, WHY_WRONG, c->at,
                     "the processor polls port 0x%" PRIx64
                     " in a loop at %s, and nothing is at that port: it reads 0x%" PRIx64 " each time",
                     poll->f[EVF_PIO_READ_port], where, poll->f[EVF_PIO_READ_value]);
    else if (poll)
        find_verdict(f, WHY_UNKNOWN, c->at,
                     "cannot tell: the processor polls port 0x%" PRIx64
                     " in a loop at %s, which reads 0x%" PRIx64 "; the record does not say what it waits for",
                     poll->f[EVF_PIO_READ_port], where, poll->f[EVF_PIO_READ_value]);
    else
        return;
    if (poll)
        find_line(f, poll->icount, NULL, "read %" PRIu64 " times in a row: %s", poll->f[EVF_PIO_READ_count],
                  *words ? words : "nothing answers there");
    find_note(f, "the last %u turns of the loop took %u steps each", l->times, l->length);
    loop_lines(c, f, l);
    find_console(f, c, c->now.begin, c->at, 5);
}

void explain_hang(struct why_case *c, struct finding *f)
{
    const struct event *halt = facts_last(&c->now, EV_HALT);
    struct loop *l;
    if (halt && (halt->icount + 1 >= c->at || !strcmp(c->reason, "halted"))) {
        halted(c, f, halt);
        return;
    }
    if (facts_last(&c->now, EV_POWER_OFF) || strcmp(trace_config(c->t)->engine, "pc") ||
        c->at <= c->now.begin + 64)
        return;
    if (!case_go(c, c->at) || timeline_cpus(c->tl) != 1)
        return;
    l = mem_zero(1, sizeof *l);
    uint64_t state;
    if (timeline_field(c->tl, "cpu0", "halted", 0, &state) && state) {
        char where[PLACE_TEXT];
        l->begin = c->at;
        waits(c, f, l, case_address(c, c->at, 0, timeline_pc(c->tl, 0), where));
    } else if (find_loop(c, l) && case_go(c, c->at))
        in_loop(c, f, l);
    free(l);
}
