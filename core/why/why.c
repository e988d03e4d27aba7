/* why.c - see why.h. */
#include <inttypes.h>

#include "core/systems/efi/why/explain.h"
#include "core/systems/freebsd/why/explain.h"
#include "core/systems/linux/why/explain.h"
#include "core/why/private/explainers.h"
#include "core/why/why.h"

/* In order of causes: what comes first leads to what comes later. */
static const struct {
    const char *subject;
    explainer_fn *explain;
} explainers[] = {
    {"linux", explain_linux},       {"freebsd", explain_freebsd}, {"systems", explain_systems},
    {"virt", explain_virt},         {"rails", explain_rails},     {"fault", explain_fault},
    {"reset", explain_reset},       {"network", explain_network}, {"uefi", explain_uefi},
    {"firmware", explain_firmware}, {"units", explain_units},     {"program", explain_program},
    {"hang", explain_hang},
};

/* ---------------------------------------------------------------- asking */

static void case_close(struct why_case *c)
{
    facts_free(&c->now);
    facts_free(&c->before);
    facts_free(&c->bad);
    origin_free(c->origin);
    timeline_close(c->tl);
    symbols_free(c->symbols);
    processes_free(c->processes);
    view_orc_free(c->orc);
    explainer_free(c->words);
}

/* How it ended, if nobody has found anything. */
/* A healthy boot may have lost time in a wait: for a device that does not come, the network, a script. The longest time in which nothing was heard
 * of a system that was not up yet, and after which it went on by itself. */
static void slow_line(struct why_case *c, struct finding *f)
{
    const uint64_t second = 1000000000, least = 15 * second;
    const struct event *before = NULL, *from = NULL, *to = NULL;
    char last[200], next[200];
    if (!facts_last(&c->now, EV_KERNEL_FOUND) || trace_input_count(c->t))
        return;
    for (size_t i = 0; i < c->now.n; i++) {
        const struct event *ev = &c->now.event[i];
        if ((ev->kind != EV_CONSOLE_LINE && ev->kind != EV_PROCESS_LOG) || !ev->len ||
            ev->icount + 1 >= c->at)
            continue;
        if (fact_contains(ev, "login: "))
            break;
        if (before && ev->time - before->time > (from ? to->time - from->time : least)) {
            from = before;
            to = ev;
        }
        before = ev;
    }
    if (from)
        find_line(f, from->icount, NULL, "slow: %" PRIu64 " s passed between \"%s\" and \"%s\"",
                  (to->time - from->time) / second, fact_text(from, last, sizeof last),
                  fact_text(to, next, sizeof next));
}

static void no_finding(struct why_case *c, struct finding *f)
{
    const struct trace_end *end = trace_end(c->t);
    const struct event *off = facts_last(&c->now, EV_POWER_OFF);
    char text[200];
    if (c->whole && !end) {
        find_verdict(f, WHY_UNKNOWN_CUT, c->at,
                     "cannot tell: the record is cut short, and says nothing of how the boot ended");
    } else if (off && c->whole && !strcmp(c->reason, "power-off")) {
        find_verdict(f, WHY_OK_POWER_OFF, off->icount,
                     "nothing went wrong: the guest switched the machine off");
        event_text_raw(off, text, sizeof text);
        find_line(f, off->icount, NULL, "%s", text);
    } else if (c->whole && !strcmp(c->reason, "reset") && facts_last(&c->now, EV_KERNEL_SHUTDOWN)) {
        const struct event *down = facts_last(&c->now, EV_KERNEL_SHUTDOWN);
        find_verdict(f, WHY_OK_SHUT_DOWN, down->icount,
                     "nothing went wrong: the guest was shut down, and asked for a reset");
        find_event(f, c, down, "the kernel shuts down");
    } else if (c->whole && end && *end->text && strcmp(c->reason, "reached")) {
        find_verdict(f, WHY_UNKNOWN_ENDED, c->at,
                     "cannot tell: the record ended (%s: %s), and no event says why", end->reason, end->text);
    } else {
        find_verdict(
            f, WHY_UNKNOWN_OTHER, c->at,
            "cannot tell: no event up to here says that anything went wrong, and none that it went well");
    }
    find_console(f, c, 0, c->at, 4);
}

/* The last whole boot is looked at instead of the last one. */
static void take_boot_before(struct why_case *c)
{
    facts_free(&c->now);
    c->now = c->before;
    c->before = (struct facts){0};
    c->at = c->now.end;
    c->whole = false;
    c->again = true;
}

/* A boot that repeats the one before is folded in the record: that one has all of its events. And the record may end amid one of several
 * boots, none of which a kernel has ended, and which has not come further than the one before. */
static void choose_boot(struct why_case *c)
{
    enum { OFTEN = 3 };
    const struct facts *now = &c->now, *before = &c->before;
    const unsigned crash = facts_last(now, EV_TRIPLE_FAULT) ? EV_TRIPLE_FAULT : EV_RESET;
    const bool repeats = !strcmp(c->reason, "triple-fault") || !strcmp(c->reason, "reset-loop");
    if (repeats && facts_last(now, crash) && facts_last(before, crash))
        take_boot_before(c);
    else if (c->resets >= OFTEN && !c->shutdowns && !facts_last(now, EV_POWER_OFF) &&
             !facts_last(now, EV_RESET) && !facts_last(now, EV_TRIPLE_FAULT) &&
             now->end - now->begin <= before->end - before->begin)
        take_boot_before(c);
}

static struct why *answer(struct finding *f, const char *subject)
{
    struct why *w = mem_zero(1, sizeof *w);
    shape_headline(f);
    shape_lines(f);
    *w = (struct why){.code = f->code,
                      .answer = f->answer,
                      .subject = subject,
                      .verdict = f->verdict.s,
                      .icount = f->icount,
                      .n = f->n};
    memcpy(w->line, f->line, sizeof w->line);
    return w;
}

/* Asks each explainer until one has found something. Returns who did, or "". */
static const char *explain(struct why_case *c, struct finding *f)
{
    for (size_t i = 0; i < sizeof explainers / sizeof explainers[0]; i++) {
        find_drop(f);
        explainers[i].explain(c, f);
        if (f->found)
            return explainers[i].subject;
    }
    return "";
}

/* The kernel that a panicked one has started to save its memory fails, too: why the first one panicked comes first. */
static void crash_kernel(struct why_case *c, struct finding *f)
{
    const struct event *panic = facts_last(&c->before, EV_KERNEL_PANIC);
    char words[200];
    if (!c->kexec || !c->before_crashed || !panic)
        return;
    char *verdict = f->verdict.s;
    f->verdict = (struct text){0};
    const char *text = fact_text(panic, words, sizeof words);
    text_add(&f->verdict, "the kernel panicked (%s), and the crash kernel then failed: %s",
             text + (strncmp(text, "panic: ", 7) ? 0 : 7), verdict);
    free(verdict);
    find_event(f, c, panic, "the first kernel");
    find_callers_at(f, c, panic);
}

/* What fails in an initramfs that was not unpacked whole lacks what was not: that comes first. */
static void cut_initrd(struct why_case *c, struct finding *f)
{
    static const enum why_code late[] = {WHY_ERROR_SAID, WHY_LINUX_INITRAMFS, WHY_LINUX_INIT_DIED,
                                         WHY_LINUX_ROOT_WAIT};
    const struct event *failed = facts_first_line(&c->now, "Initramfs unpacking failed", c->now.begin);
    char words[200];
    bool in_it = false;
    for (size_t i = 0; i < sizeof late / sizeof late[0]; i++)
        in_it |= f->code == late[i];
    if (!failed || !in_it || f->icount < failed->icount)
        return;
    char *verdict = f->verdict.s;
    f->verdict = (struct text){0};
    const char *text = strstr(fact_text(failed, words, sizeof words), "Initramfs");
    find_verdict(f, WHY_LINUX_INITRD, failed->icount, "Linux could not unpack its initrd whole (%s); then %s",
                 text, verdict);
    free(verdict);
    find_event(f, c, failed, NULL);
}

/* Nothing is wrong with the last boot, or it has only begun; but one before it has crashed: what went wrong there. If none has, and it is not
 * known how the last one goes on, units that failed in the one before are told: systemd may have asked for the reset because of them. */
static const char *earlier_boot(struct why_case *c, struct finding *f, const char *subject)
{
    struct facts *boot = c->before_crashed ? &c->before : &c->bad;
    struct finding then = {0};
    const char *who = "units";
    const bool crashed = boot->n;
    if (!crashed && f->answer == WHY_UNKNOWN)
        boot = &c->before;
    if (!boot->n)
        return subject;
    facts_free(&c->now);
    c->now = *boot;
    *boot = (struct facts){0};
    c->at = c->now.end;
    c->whole = c->again = false;
    c->reason = "";
    if (crashed)
        who = explain(c, &then);
    else
        explain_units(c, &then);
    if (!then.found || then.answer != WHY_WRONG) {
        find_drop(&then);
        return subject;
    }
    char *verdict = then.verdict.s;
    cut_full_stop(verdict);
    then.verdict = (struct text){0};
    text_add(&then.verdict, "%s; then %s", verdict,
             c->kexec ? "kexec started another kernel" : "the machine was reset, and booted again");
    free(verdict);
    find_drop(f);
    *f = then;
    return who;
}

struct why *why_ask(struct trace *t, const struct engine_kind *kind, uint64_t at, struct error *err)
{
    return why_ask_debug(t, kind, at, NULL, err);
}

struct why *why_ask_debug(struct trace *t, const struct engine_kind *kind, uint64_t at,
                          struct debug_info *debug, struct error *err)
{
    const uint64_t last = trace_last_icount(t);
    const struct trace_end *end = trace_end(t);
    struct why_case c = {
        .t = t, .kind = kind, .at = at < last ? at : last, .whole = at >= last, .debug = debug};
    struct finding f = {0};
    const char *subject;
    c.reason = c.whole && end ? end->reason : "";
    if (facts_read(&c, err)) {
        case_close(&c);
        return NULL;
    }
    choose_boot(&c);
    subject = explain(&c, &f);
    if (!f.found) {
        find_drop(&f);
        no_finding(&c, &f);
    }
    if (f.answer != WHY_WRONG)
        subject = earlier_boot(&c, &f, subject);
    else
        crash_kernel(&c, &f);
    if (f.answer == WHY_WRONG) {
        cut_initrd(&c, &f);
        explain_media(&c, &f);
    } else if (f.answer == WHY_NOTHING)
        slow_line(&c, &f);
    varied_line(&c, &f);
    case_close(&c);
    return answer(&f, subject);
}

void why_free(struct why *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->n; i++) {
        free(w->line[i].text);
        free(w->line[i].place);
    }
    free(w->verdict);
    free(w);
}
