/* systems.c - Xen, FreeBSD, user-mode Linux and UEFI firmware: panics, domains that die, assertions, exceptions of modules. */
#include <inttypes.h>
#include <string.h>

#include "core/why/private/explainers.h"
#include "core/systems/efi/why/explain.h"

/* ---------------------------------------------------------------- panics */

static const char PANIC[] = "panic: ";

/* Who panics, by what was found as that guest. */
static const char *who(const struct facts *f, const struct event *panic)
{
    const char *name = "the kernel";
    for (size_t i = 0; i < f->n; i++) {
        const struct event *ev = &f->event[i];
        if (ev->guest != panic->guest)
            continue;
        if (ev->kind == EV_XEN_FOUND)
            name = "Xen";
        else if (ev->kind == EV_KERNEL_FOUND && fact_contains(ev, "FreeBSD"))
            name = "FreeBSD";
    }
    return name;
}

/* FreeBSD's panic as it printed it before its debugger, in a trace that has no event of it. */
static const struct event *printed_panic(const struct facts *f)
{
    const struct event *kernel = facts_last(f, EV_KERNEL_FOUND),
                       *debugger = facts_line(f, "KDB: enter: panic", f->begin), *panic = NULL;
    char words[300];
    if (!kernel || !debugger || !fact_contains(kernel, "FreeBSD"))
        return NULL;
    for (size_t i = 0; i < f->n && f->event[i].icount <= debugger->icount; i++)
        if (f->event[i].kind == EV_CONSOLE_LINE &&
            !strncmp(fact_text(&f->event[i], words, sizeof words), PANIC, sizeof PANIC - 1))
            panic = &f->event[i];
    return panic;
}

static enum why_code panic_code(const struct facts *f, const struct event *panic)
{
    static const struct {
        const char *who;
        enum why_code code;
    } list[] = {{"Xen", WHY_XEN_PANIC}, {"FreeBSD", WHY_FREEBSD_PANIC}};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (!strcmp(list[i].who, who(f, panic)))
            return list[i].code;
    return WHY_KERNEL_PANIC;
}

static void panicked(struct why_case *c, struct finding *f, const struct event *panic)
{
    char words[300];
    const struct event *modules = NULL;
    fact_text(panic, words, sizeof words);
    find_verdict(f, panic_code(&c->now, panic), panic->icount, "%s panicked: %s", who(&c->now, panic),
                 words + (panic->kind == EV_CONSOLE_LINE ? sizeof PANIC - 1 : 0));
    find_event(f, c, panic, NULL);
    find_callers_at(f, c, panic);
    for (size_t i = 0; i < c->now.n; i++)
        if (c->now.event[i].kind == EV_LOADER_MODULE) {
            modules = &c->now.event[i];
            find_event(f, c, modules, NULL);
        }
    if (facts_last(&c->now, EV_XEN_FOUND) && !modules)
        find_note(f, "the loader passed no module to Xen: domain 0's kernel would be the first");
    find_console(f, c, c->now.begin, panic->icount, 8);
}

/* ---------------------------------------------------------------- domains */

static bool domain_died(struct why_case *c, struct finding *f)
{
    char words[200];
    for (size_t i = 0; i < c->now.n; i++) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind != EV_DOMAIN_END || !(fact_contains(ev, "crash") || fact_contains(ev, "watchdog")))
            continue;
        find_verdict(f, WHY_XEN_DOMAIN, ev->icount, "domain %" PRIu64 " died: it %s",
                     EVF(ev, DOMAIN_END, domain), fact_text(ev, words, sizeof words));
        find_event(f, c, ev, NULL);
        for (size_t k = i, n = 0; k-- && n < 3;)
            if (c->now.event[k].kind == EV_DOMAIN_EXCEPTION &&
                EVF(&c->now.event[k], DOMAIN_EXCEPTION, domain) == EVF(ev, DOMAIN_END, domain) && ++n)
                find_event(f, c, &c->now.event[k], "an exception of it before");
        find_console(f, c, c->now.begin, c->at, 10);
        return true;
    }
    return false;
}

/* ---------------------------------------------------------------- UEFI */

/* A program's last call of the firmware that failed before a position, after the program was started; NULL if there is none. */
static const struct event *failed_service(struct why_case *c, size_t before)
{
    enum { APPLICATION = 9, NEAR = 20000000 /* steps */ };
    const struct event *stop = &c->now.event[before];
    for (size_t i = before; i--;) {
        const struct event *ev = &c->now.event[i];
        if ((ev->kind == EV_EFI_START && EVF(ev, EFI_START, type) == APPLICATION) ||
            stop->icount - ev->icount > NEAR)
            return NULL;
        /* Programs ask for variables and protocols that may not be there. */
        if (ev->kind == EV_EFI_SERVICE && EVF(ev, EFI_SERVICE, status) >> 63 &&
            !fact_contains(ev, ": GetVariable(") && !fact_contains(ev, "Protocol("))
            return ev;
    }
    return NULL;
}

/* Of "!!!! X64 Exception Type - 0E(#PF - Page-Fault)  CPU Apic ID - 00000000 !!!!" what says most; else the whole line. */
static const char *exception_words(char *line)
{
    char *open = strstr(line, "Exception Type - "), *close;
    open = open ? strchr(open, '(') : NULL;
    close = open ? strchr(open, ')') : NULL;
    if (!close)
        return line;
    *close = 0;
    return open + 1;
}

/* MdePkg's DebugLib and UefiCpuPkg's exception handler say it in these words, on the debug port or the serial port. */
static bool firmware_says(struct why_case *c, struct finding *f)
{
    static const char *const texts[] = {"ASSERT ", "ASSERT_EFI_ERROR", "!!!! X64 Exception",
                                        "!!!! IA32 Exception"};
    char words[300];
    for (size_t i = 0; i < c->now.n; i++) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind != EV_CONSOLE_LINE && ev->kind != EV_FIRMWARE_LOG)
            continue;
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            if (!fact_contains(ev, texts[k]))
                continue;
            const struct event *failed = strstr(texts[k], "Exception") ? failed_service(c, i) : NULL;
            char call[300], program[80] = "";
            struct text wanted = {0};
            fact_text(ev, words, sizeof words);
            for (size_t m = 0; m < i; m++)
                if (c->now.event[m].kind == EV_EFI_START && EVF(&c->now.event[m], EFI_START, type) == 9)
                    fact_text(&c->now.event[m], program, sizeof program);
            if (failed)
                find_verdict(f, WHY_UEFI_STOPS, failed->icount, "%s; the program goes on, and meets %s",
                             fact_text(failed, call, sizeof call), exception_words(words));
            else if (strstr(texts[k], "Exception") &&
                     efi_wanted(c, f, efi_program_of(c, ev->icount), ev->icount, 0, &wanted))
                find_verdict(f, WHY_UEFI_STOPS, f->line[f->n - 1].icount,
                             "%s does not get %s, goes on, and meets %s", program, wanted.s,
                             exception_words(words));
            else
                find_verdict(f, WHY_UEFI_STOPS, ev->icount, "the UEFI firmware stops%s%s: %s",
                             *program ? " in " : "", program, fact_text(ev, words, sizeof words));
            free(wanted.s);
            if (failed)
                find_event(f, c, failed, NULL);
            const struct event *start = NULL;
            for (size_t m = 0; m < i; m++)
                if (c->now.event[m].kind == EV_EFI_START)
                    start = &c->now.event[m];
            if (start)
                find_event(f, c, start, "the last module that was started before");
            find_console(f, c, ev->icount, c->at, 12);
            return true;
        }
    }
    return false;
}

void explain_systems(struct why_case *c, struct finding *f)
{
    const struct event *panic = facts_last(&c->now, EV_KERNEL_PANIC);
    if (!panic)
        panic = printed_panic(&c->now);
    if (panic)
        panicked(c, f, panic);
    else if (!domain_died(c, f) && facts_last(&c->now, EV_EFI_START))
        firmware_says(c, f);
}
