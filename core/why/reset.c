/* reset.c - a machine that is reset again and again, or by its watchdog. */
#include <inttypes.h>

#include "core/why/private/led.h"
#include "core/case/said.h"

/* How many kernels were found in the record. */
static uint64_t kernels(struct why_case *c)
{
    struct trace_cursor *at = trace_cursor_open(c->t, EVENT_CLASS_BIT(EC_KERNEL));
    struct event ev;
    struct error ignored;
    uint64_t n = 0;
    while (trace_cursor_next(at, &ev, NULL, &ignored) == 1 && ev.icount <= c->at)
        n += ev.kind == EV_KERNEL_FOUND;
    trace_cursor_close(at);
    return n;
}

static int first_word(const struct event *ev)
{
    const char *text = ev->data;
    int n = 0;
    while ((uint32_t)n < ev->len && n < 100 && text[n] != ' ')
        n++;
    return n;
}

/* User-mode Linux boots again by executing itself: the machine is not reset. What asked its kernel for that is the process that ran then. */
static void explain_executes_again(struct why_case *c, struct finding *f)
{
    const struct event *down = facts_last(&c->now, EV_KERNEL_SHUTDOWN),
                       *run = facts_last(&c->now, EV_INIT_RUN);
    if (!down)
        return;
    const uint64_t pid = EVF(down, KERNEL_SHUTDOWN, pid);
    char program[SAID_TEXT] = "";
    if (run && pid == 1)
        snprintf(program, sizeof program, " (%.*s)", first_word(run), (const char *)run->data);
    find_verdict(f, WHY_RESET_LOOP, down->icount,
                 "the kernel restarts itself again and again: process %" PRIu64 "%s asks for it in each boot",
                 pid, program);
    find_event(f, c, down, "the kernel shuts down");
    find_note(f, "kernels in the record: %" PRIu64, kernels(c));
    find_console(f, c, c->now.begin, down->icount, 6);
}

/* What each boot ends in: "again and again" only if the record has seen it twice. */
static void reset_verdict(struct why_case *c, struct finding *f, const struct event *reset, const char *by,
                          const struct event *down)
{
    const char *asks = down ? ", which the kernel asks for" : "";
    if (c->resets > 1)
        find_verdict(f, WHY_RESET_LOOP, reset->icount,
                     "the machine is reset again and again: each boot ends in a reset by %s%s", by, asks);
    else
        find_verdict(f, WHY_RESET_LOOP, reset->icount,
                     "the boot ends in a reset by %s%s, and the next one goes the same way", by, asks);
}

/* The last console line but the kernel's own last words is what led there: shown with the reset. */
void explain_reset(struct why_case *c, struct finding *f)
{
    const struct event *reset = facts_last(&c->now, EV_RESET), *down;
    const bool loop = !strcmp(c->reason, "reset-loop");
    char words[120], place[PLACE_TEXT];
    const bool watchdog = reset && fact_contains(reset, "watchdog");
    if (!reset && loop)
        explain_executes_again(c, f);
    if (!reset || (!loop && !c->again && !watchdog))
        return;
    fact_text(reset, words, sizeof words);
    down = facts_last(&c->now, EV_KERNEL_SHUTDOWN);
    const struct event *run = facts_last(&c->now, EV_INIT_RUN),
                       *said = down && run ? said_complaint(c, run->icount, down->icount) : NULL;
    char complaint[SAID_TEXT];
    if ((loop || c->again) && said)
        find_verdict(
            f, WHY_RESET_LOOP, said->icount,
            "the machine is restarted again and again: a process says \"%s\", and asks the kernel for it",
            fact_text(said, complaint, sizeof complaint));
    else if ((loop || c->again) && led_error_said(c, f, reset->icount, "resets the machine, in each boot"))
        ; /* what a program said before it is the cause */
    else if (loop || c->again)
        reset_verdict(c, f, reset, words, down);
    else
        find_verdict(
            f, WHY_RESET_WATCHDOG, reset->icount,
            "the machine was reset by its %s: it was started, and not told in time that the system lives",
            words);
    /* What resets by itself does so at no instruction. */
    if (EVF(reset, RESET, ip))
        find_line(f, reset->icount, case_place_of(c, reset, place), "reset by %s at 0x%" PRIx64, words,
                  EVF(reset, RESET, ip));
    else
        find_event(f, c, reset, NULL);
    if (down)
        find_event(f, c, down, "the kernel shuts down");
    find_callers_at(f, c, reset);
    if (loop || c->again)
        find_note(f, "resets in the record: %" PRIu64 "%s", c->resets,
                  loop ? ", and it ends before another, after a boot in which nothing new happened" : "");
    find_console(f, c, c->now.begin, reset->icount, 6);
}
