/* led.c - what led to the end of a boot: exceptions, handlers that have not returned, interrupts that come too often or not at all, errors that were
 * said.
 */
#include <inttypes.h>

#include "core/ground/vectors.h"
#include "core/systems/linux/why/explain.h"
#include "core/why/private/derail.h"
#include "core/why/private/led.h"
#include "core/why/private/pointer.h"
#include "core/case/refusal.h"
#include "core/case/said.h"
#include "core/why/private/storm.h"
#include "core/systems/efi/why/explain.h"

/* ---------------------------------------------------------------- what led there */

/* The exception that the processor met shortly before it stopped, if there is no kernel, for which exceptions are no mistakes. */
const struct event *led_exception(struct why_case *c, unsigned cpu, uint64_t icount)
{
    enum { SHORTLY = 100000, DEBUG = 1, BREAKPOINT = 3, DEVICE_NOT_AVAILABLE = 7 };
    struct storm s;
    if (facts_last(&c->now, EV_KERNEL_FOUND) || !storm_find(c, cpu, icount, SHORTLY, &s))
        return NULL;
    const uint64_t vector = EVF(s.first, EXCEPTION, vector);
    return vector == DEBUG || vector == BREAKPOINT || vector == DEVICE_NOT_AVAILABLE ? NULL : s.first;
}

/* The handler of an exception ended in an IRET while the error code was still on the stack: what comes after follows from the #GP of that. */
static bool error_code_left(struct why_case *c, struct finding *f, const struct event *ev)
{
    const uint32_t with_code =
        1u << 8 | 0x1fu << 10 | 1u << 17 | 1u << 21; /* #DF, #TS to #PF, #AC, #CP: SDM 3, 6.15 */
    const struct event *next = NULL;
    char first[PLACE_TEXT], at[PLACE_TEXT];
    uint64_t code;
    if (EVF(ev, EXCEPTION, vector) >= 32 || !(with_code >> EVF(ev, EXCEPTION, vector) & 1))
        return false;
    for (size_t i = 0; i < c->now.n && !next; i++) {
        const struct event *e = &c->now.event[i];
        if (e->kind == EV_EXCEPTION && e->cpu == ev->cpu && e->icount > ev->icount)
            next = e;
    }
    if (!next || !storm_error_code(c, next, &code) || code != EVF(ev, EXCEPTION, error))
        return false;
    case_address(c, next->icount, next->cpu, timeline_pc(c->tl, next->cpu), at);
    case_exception_event(c, ev, first);
    first[strcspn(first, " ")] = 0; /* "#PF" */
    find_verdict(f, WHY_FAULT_ERROR_CODE, next->icount,
                 "the handler of %s returns at %s without removing the error code", first, at);
    find_event(f, c, ev, NULL);
    find_line(f, next->icount, NULL,
              "IRET would pop 0x%" PRIx64 " as the address: the error code is still on the stack", code);
    return true;
}

bool led_earlier(struct why_case *c, struct finding *f, const struct event *ev)
{
    struct pointer p;
    char words[PLACE_TEXT];
    return error_code_left(c, f, ev) || derail_frame(c, f, ev->cpu, ev->icount) ||
           derail_wild(c, f, ev->cpu, ev->icount) || derail_halt_returns(c, f, ev->cpu, ev->icount) ||
           (pointer_find(c, ev->cpu, ev->icount, EVF(ev, EXCEPTION, vector), EVF(ev, EXCEPTION, cr2), &p) &&
            (pointer_red_zone(c, f, ev->cpu, &p.came, case_exception_event(c, ev, words)) ||
             pointer_clobbered(c, f, ev->cpu, &p, ev->icount, case_exception_event(c, ev, words))));
}

/* Adds to `why` what that exception was, and the evidence. */
void led_exception_lines(struct why_case *c, struct finding *f, const struct event *ev, struct text *why)
{
    char words[PLACE_TEXT], where[PLACE_TEXT], place[PLACE_TEXT];
    struct text refused = {0};
    struct instruction in;
    case_exception_event(c, ev, words);
    if (!case_go(c, ev->icount))
        return;
    const uint64_t pc = timeline_pc(c->tl, ev->cpu);
    refusal_text(c, ev->cpu, EVF(ev, EXCEPTION, vector), EVF(ev, EXCEPTION, error), &refused);
    text_add(why, "%s at %s%s%s", words, case_address(c, ev->icount, ev->cpu, pc, where),
             refused.s ? ": " : "", refused.s ? refused.s : "");
    find_line(f, ev->icount, case_place(c, ev->icount, ev->cpu, pc, place), "%s", case_insn(c, ev->cpu, &in));
    find_callers(f, c, ev->cpu);
    free(refused.s);
    struct pointer p;
    if (pointer_find(c, ev->cpu, ev->icount, EVF(ev, EXCEPTION, vector), EVF(ev, EXCEPTION, cr2), &p))
        pointer_lines(c, f, ev->cpu, &p);
}

/* Whether interrupts were off at each step of a processor between two positions. */
struct masked {
    struct why_case *c;
    unsigned cpu;
    bool on;
};

static bool see_masked(void *ctx, const struct timeline_trail *step)
{
    enum { INTERRUPT_FLAG = 0x200 };
    struct masked *m = ctx;
    m->on = step->cpu == m->cpu && timeline_reg(m->c->tl, m->cpu, "eflags") & INTERRUPT_FLAG;
    return !m->on;
}

/* The interrupt since whose delivery interrupts are off: its handler has not returned by IRET. False if there is none within some steps. */
static bool unreturned(struct why_case *c, unsigned cpu, uint64_t icount, struct event *irq)
{
    enum { MOST = 2000000, LOOKED = 64 };
    struct trace_cursor *cur = trace_cursor_open(c->t, EVENT_CLASS_BIT(EC_IRQ));
    struct masked m = {.c = c, .cpu = cpu};
    struct error ignored;
    bool found = false;
    if (!trace_cursor_seek_icount(cur, icount, &ignored))
        for (unsigned i = 0; i < LOOKED && !found && trace_cursor_prev(cur, irq, NULL, &ignored) == 1; i++)
            found = irq->kind == EV_IRQ && irq->cpu == cpu;
    trace_cursor_close(cur);
    irq->data = NULL;
    irq->len = 0;
    return found && irq->icount >= c->now.begin && icount - irq->icount <= MOST &&
           case_go(c, irq->icount + 1) &&
           !timeline_trail(c->tl, irq->icount + 1, icount, see_masked, &m, &ignored) && !m.on;
}

/* "the keyboard (IRQ 1, vector 21h)": the line of the 8259A whose vector it is; else "interrupt 21h". */
static const char *vector_name(struct why_case *c, const struct event *irq, char buf[80])
{
    const uint64_t vector = EVF(irq, IRQ, vector);
    uint64_t base[2] = {0, 0};
    timeline_field(c->tl, "pic", "chip[0].base", 0, &base[0]);
    timeline_field(c->tl, "pic", "chip[1].base", 0, &base[1]);
    for (unsigned i = 0; i < 2; i++)
        if (!EVF(irq, IRQ, source) && vector >= base[i] && vector < base[i] + 8) {
            const unsigned line = (unsigned)(vector - base[i]) + 8 * i;
            snprintf(buf, 80, "%s (IRQ %u, vector %02" PRIX64 "h)", interrupt_line_name(line), line, vector);
            return buf;
        }
    snprintf(buf, 80, "interrupt %02" PRIX64 "h", vector);
    return buf;
}

bool led_in_interrupt(struct why_case *c, unsigned cpu, uint64_t icount, struct event *irq, char name[80])
{
    if (!unreturned(c, cpu, icount, irq) || !case_go(c, irq->icount + 1))
        return false;
    vector_name(c, irq, name);
    return true;
}

/* In protected mode the first vectors are exceptions': an interrupt of the 8259A that comes as one of them finds the handler of another event. A
 * monitor of virtual-8086 mode leaves it there, and tells them apart. */
static bool is_exceptions(struct why_case *c, unsigned cpu, const struct event *irq)
{
    enum { EXCEPTIONS = 32, PROTECTED = 1, V86 = 1 << 17 };
    return EVF(irq, IRQ, vector) < EXCEPTIONS && !EVF(irq, IRQ, source) &&
           timeline_reg(c->tl, cpu, "cr0") & PROTECTED && case_go(c, irq->icount) &&
           !(timeline_reg(c->tl, cpu, "eflags") & V86);
}

/* Interrupts are off since one whose handler has not returned: gives that as the verdict. `then` ends the sentence. */
bool led_no_return(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount, const char *then)
{
    struct event irq = {0};
    char name[80], place[PLACE_TEXT];
    if (!led_in_interrupt(c, cpu, icount, &irq, name))
        return false;
    const uint64_t handler = timeline_pc(c->tl, cpu);
    if (is_exceptions(c, cpu, &irq))
        find_verdict(f, WHY_FAULT_IRQ_VECTOR, irq.icount,
                     "%s comes as an exception's vector: the 8259A was not moved; its handler never returned "
                     "by IRET; %s",
                     name, then);
    else
        find_verdict(f, WHY_HANG_NO_IRET, irq.icount,
                     "interrupts are off since %s at icount %" PRIu64
                     ": its handler never returned by IRET; %s",
                     name, irq.icount, then);
    find_line(f, irq.icount + 1, case_place(c, irq.icount + 1, cpu, handler, place),
              "the handler of %s begins at 0x%" PRIx64, name, handler);
    return true;
}

/* The line after an error, if that alone says little: "PANIC", and then the reason. */
static const struct event *said_further(struct why_case *c, const struct event *ev, const char *text)
{
    enum { WORDS = 4, SOON = 1000000 /* steps */ };
    unsigned words = 0;
    for (const char *p = text; *p;) {
        const size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        words += n > 1;
        p += n ? n : 1;
    }
    const size_t n = strlen(text);
    if (words >= WORDS && text[n - 1] != ':')
        return NULL;
    for (const struct event *next = ev + 1;
         next < c->now.event + c->now.n && next->icount - ev->icount < SOON; next++)
        if (said_line(next) && next->kind == ev->kind && next->len)
            return next;
    return NULL;
}

/* What failed just before an error was said: an exception in whose handler it was said, or a read of a disk. Adds it to `why`. */
static bool said_because(struct why_case *c, struct finding *f, const struct event *said, struct text *why)
{
    const struct event *met = led_exception(c, said->cpu, said->icount),
                       *read = disk_read_failed(c, said->icount);
    if (met && storm_in_handler(c, met, said->icount)) {
        led_exception_lines(c, f, met, why);
        return why->n;
    }
    if (!read)
        return network_refused(c, said->icount, why) || network_no_dhcp(c, c->at, why);
    disk_read_words(read, why);
    find_event(f, c, read, NULL);
    return true;
}

/* A read of the drive that it boots from failed, and the program says nothing of it. */
static bool silent_read(struct why_case *c, struct finding *f, uint64_t to, const char *then)
{
    const struct event *read = boot_read_failed(c, to);
    struct text what = {0};
    if (!read)
        return false;
    disk_read_words(read, &what);
    find_verdict(f, WHY_LOADER_READ, read->icount, "%s; the program %s", what.s, then);
    find_event(f, c, read, NULL);
    free(what.s);
    find_disk_services(f, c, to);
    return true;
}

/* What was said at the end reads like an error: gives that as the verdict. `then`: what the machine does since. */
bool led_error_said(struct why_case *c, struct finding *f, uint64_t icount, const char *then)
{
    /* Of programs under a kernel the last few lines count, whatever was started since: a script's `sleep` is no progress. */
    const struct event *said = said_error(c, icount),
                       *ev = said || !facts_last(&c->now, EV_INIT_RUN) ? said : said_shortly(c, icount);
    char text[SAID_TEXT], more[SAID_TEXT] = "";
    struct text why = {0};
    if (facts_last(&c->now, EV_KERNEL_SHUTDOWN))
        return false;
    if (!ev)
        return silent_read(c, f, icount, then);
    const char *name = said_name(c);
    const struct event *further = said_further(c, ev, fact_text(ev, text, sizeof text));
    if (further)
        fact_text(further, more, sizeof more);
    const struct event *met = led_exception(c, ev->cpu, ev->icount);
    if (met && storm_in_handler(c, met, ev->icount) && led_earlier(c, f, met)) {
        find_line(f, ev->icount, NULL, "console: %s", text);
        return true;
    }
    const bool because = said_because(c, f, ev, &why);
    find_verdict(f, because && !strncmp(why.s, "#", 1) ? WHY_FAULT_HANDLED : WHY_ERROR_SAID, ev->icount,
                 "%s%s%s%s\"%s%s%s\", and %s", because ? why.s : "", because ? ": " : "",
                 *name ? name : "the machine", " says ", text, *more ? " / " : "", more, then);
    find_line(f, ev->icount, NULL, "console: %s", text);
    find_callers_at(f, c, ev);
    find_disk_services(f, c, ev->icount);
    free(why.s);
    return true;
}

/* The call of the firmware by a UEFI program that failed just before its last line was printed, with nothing printed between. */
static const struct event *refused_before(struct why_case *c, const struct event *line)
{
    enum { SOON = 1000000 /* steps */ };
    for (const struct event *ev = line; ev-- > c->now.event && line->icount - ev->icount < SOON;) {
        char text[SAID_TEXT], own[SAID_TEXT];
        if (said_line(ev) && strcmp(fact_text(ev, text, sizeof text), fact_text(line, own, sizeof own)) != 0)
            return NULL;
        if (ev->kind == EV_EFI_SERVICE)
            return EVF(ev, EFI_SERVICE, status) >> 63 && !fact_contains(ev, "GetVariable(") ? ev : NULL;
    }
    return NULL;
}

bool led_refused_said(struct why_case *c, struct finding *f, const char *then)
{
    const struct event *line = said_last(c, c->at), *refused = line ? refused_before(c, line) : NULL;
    char call[300], text[SAID_TEXT];
    if (!refused || !efi_program_of(c, line->icount) || kernel_after(c, c->now.begin))
        return false;
    find_verdict(f, WHY_ERROR_SAID, refused->icount, "%s; the program says \"%s\", and %s",
                 fact_text(refused, call, sizeof call), fact_text(line, text, sizeof text), then);
    find_event(f, c, efi_program_of(c, line->icount), NULL);
    find_line(f, line->icount, NULL, "console: %s", text);
    return true;
}

/* Whether an interrupt has come in the last second of guest time, or the last half of a shorter boot. */
bool interrupts_lately(struct why_case *c)
{
    const uint64_t second = 1000000000, begin = c->now.n ? c->now.event[0].time : 0;
    struct trace_cursor *cur = trace_cursor_open(c->t, EVENT_CLASS_BIT(EC_IRQ) | EVENT_CLASS_BIT(EC_FOLD));
    struct error ignored;
    struct event ev;
    struct timeline_where w;
    timeline_where(c->tl, &w);
    const struct trace_end *end = trace_end(c->t);
    const uint64_t now = c->whole && end ? end->time : w.time;
    const bool yes = !trace_cursor_seek_icount(cur, c->at + 1, &ignored) &&
                     trace_cursor_prev(cur, &ev, NULL, &ignored) == 1 &&
                     ev.time + ((now - begin) / 2 < second ? (now - begin) / 2 : second) > now;
    trace_cursor_close(cur);
    return yes;
}

void led_end_lines(struct why_case *c, struct finding *f)
{
    const struct event *sector = facts_last(&c->now, EV_BOOT_SECTOR_ENTER);
    if (sector && !facts_last(&c->now, EV_KERNEL_FOUND))
        find_event(f, c, sector, NULL);
    find_log(f, c, 0, c->at);
    find_console(f, c, c->now.begin, c->at, 5);
}

/* ---------------------------------------------------------------- nested interrupts */

/* Where an interrupt was delivered, and how many times since the one before, of those that the record has folded. */
struct delivered {
    uint64_t icount, times, sp;
};

/* The last deliveries to a processor, the newest first. */
static unsigned deliveries(struct why_case *c, unsigned cpu, struct delivered *list, unsigned most,
                           struct event *irq)
{
    struct trace_cursor *cur = trace_cursor_open(c->t, EVENT_CLASS_BIT(EC_IRQ) | EVENT_CLASS_BIT(EC_FOLD));
    struct error ignored;
    struct event ev;
    unsigned n = 0;
    if (!trace_cursor_seek_icount(cur, c->at, &ignored))
        while (n < most && trace_cursor_prev(cur, &ev, NULL, &ignored) == 1 && ev.icount > c->now.begin) {
            if (ev.kind != EV_AGAIN && (ev.kind != EV_IRQ || ev.cpu != cpu))
                continue;
            if (ev.kind == EV_IRQ)
                *irq = ev;
            list[n++] = (struct delivered){.icount = ev.icount,
                                           .times = ev.kind == EV_IRQ ? 1 : EVF(&ev, AGAIN, count)};
        }
    trace_cursor_close(cur);
    irq->data = NULL;
    irq->len = 0;
    return n;
}

/* The bytes after which the words on top of the stack come again and again: those of handlers that were entered in each other. 0: they do not. */
static unsigned stack_period(struct why_case *c, unsigned cpu)
{
    enum { MOST = 512, PERIODS = 8, LEAST = 3 /* words: those that the processor pushes */ };
    const unsigned word = timeline_code_bits(c->tl, cpu) / 8;
    uint8_t stack[MOST * (PERIODS + 1)];
    const size_t got = timeline_peek(c->tl, cpu, view_stack(timeline_look(c->tl), cpu), stack, sizeof stack);
    for (unsigned p = LEAST * word; p <= MOST && (size_t)p * (PERIODS + 1) <= got; p += word) {
        unsigned same = 0;
        for (unsigned at = 0; at < p; at += word) {
            bool all = true;
            uint64_t zero = 0;
            for (unsigned k = 1; k < PERIODS && all; k++)
                all = !memcmp(stack + at, stack + at + (size_t)k * p, word);
            same += all && memcmp(stack + at, &zero, word) != 0;
        }
        if (same >= LEAST)
            return p;
    }
    return 0;
}

/* The same interrupt comes again and again on a stack that only grows: each handler is interrupted before it has returned. */
bool interrupts_nested(struct why_case *c, struct finding *f, unsigned cpu)
{
    enum { SAMPLES = 12, LEAST = 3, TIMES = 8 };
    struct delivered list[SAMPLES];
    struct event irq = {0};
    const unsigned n = facts_last(&c->now, EV_KERNEL_FOUND) ? 0 : deliveries(c, cpu, list, SAMPLES, &irq);
    uint64_t times = 0;
    char name[80];
    for (unsigned i = 0; i < n; i++) {
        if (!case_go(c, list[i].icount))
            return false;
        list[i].sp = view_stack(timeline_look(c->tl), cpu);
        if (i && list[i].sp <= list[i - 1].sp)
            return false;
        times += i ? list[i - 1].times : 0;
    }
    if (n < LEAST || times < TIMES || !case_go(c, list[0].icount))
        return false;
    const unsigned each = stack_period(c, cpu);
    if (!each)
        return false;
    vector_name(c, &irq, name);
    find_verdict(f, WHY_HANG_NESTED, list[n - 1].icount,
                 "%s comes again before its handler has returned: %" PRIu64 " times, %u bytes of stack each",
                 name, times, each);
    for (unsigned i = 0; i < n && i < LEAST; i++)
        find_line(f, list[i].icount, NULL, "%s is delivered, the stack pointer is 0x%" PRIx64, name,
                  list[i].sp);
    if (case_go(c, list[0].icount))
        find_callers(f, c, cpu);
    led_end_lines(c, f);
    return true;
}

/* A line of the 8259A is raised, and cannot get through to a processor that has interrupts on. */
bool interrupts_held_back(struct why_case *c, struct finding *f, unsigned cpu, const struct cpu_loop *l)
{
    struct finding lines = {0};
    struct text why = {0};
    char where[PLACE_TEXT];
    const bool held = l->interrupts && !facts_last(&c->now, EV_KERNEL_FOUND) && case_go(c, c->at) &&
                      interrupts_held(c, &lines, cpu, &why) && !interrupts_lately(c);
    if (held && case_go(c, c->at)) {
        case_address(c, c->at, cpu, l->pc, where);
        find_verdict(f, WHY_HANG_NO_EOI, c->at, "%s; the processor is at %s", why.s + strspn(why.s, ": "),
                     where);
        find_move(f, &lines);
        led_end_lines(c, f);
    }
    find_drop(&lines);
    free(why.s);
    return held;
}

/* Each turn is an interrupt that comes again as soon as its handler has returned, so that nothing else runs. False if it is not. */
bool interrupts_storm(struct why_case *c, struct finding *f, const struct cpu_loop *l, unsigned cpu)
{
    struct trace_cursor *cur = trace_cursor_open(c->t, EVENT_CLASS_BIT(EC_IRQ));
    struct error ignored;
    struct event irq = {0};
    char name[80], place[PLACE_TEXT], at[PLACE_TEXT];
    bool found = !trace_cursor_seek_icount(cur, c->at + 1, &ignored) &&
                 trace_cursor_prev(cur, &irq, NULL, &ignored) == 1 && irq.kind == EV_IRQ && irq.cpu == cpu;
    trace_cursor_close(cur);
    irq.data = NULL;
    irq.len = 0;
    /* Where it was delivered is where its handler has just returned to. */
    struct jump j;
    found = found && l->delivers && jump_find(c, cpu, l->delivered, &j) && j.kind == JUMP_INTERRUPT_RETURN &&
            l->delivered - j.icount <= 2;
    if (!found || !case_go(c, l->delivered + 1))
        return false;
    const uint64_t handler = timeline_pc(c->tl, cpu);
    vector_name(c, &irq, name);
    case_address(c, j.icount, cpu, j.target, at);
    find_verdict(f, WHY_HANG_STORM, irq.icount,
                 "%s comes again as soon as its handler has returned; nothing else runs, at %s", name, at);
    find_line(f, l->delivered + 1, case_place(c, l->delivered + 1, cpu, handler, place),
              "its handler begins at 0x%" PRIx64, handler);
    find_line(f, j.icount, case_place(c, j.icount, cpu, j.pc, place), "and ends: %s", j.text);
    led_end_lines(c, f);
    return true;
}
