/* event_lists.h - boots that are given as lists of events, without a machine to look at, and what is said of them (core/why). */
#ifndef BOOTREEL_TESTS_UNIT_EVENT_LISTS_H
#define BOOTREEL_TESTS_UNIT_EVENT_LISTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/case/said.h"
#include "core/why/why.h"
#include "tests/unit/fake_engine.c" /* not in the library: only tests have it */
#include "tests/unit/trace_sample.h"

enum { APPLICATION = 9 };
#define FAILED (1ull << 63 | 14) /* EFI_NOT_FOUND */

/* An event, a thousand steps and a microsecond after the one before. */
struct step {
    unsigned kind;
    const char *text;
    uint64_t f[8];
};

static struct why *ask(const struct step *list, size_t n, const char *reason)
{
    struct trace_config config = sample_config;
    struct error err = {0};
    char *path = temp_path("why-events");
    uint64_t icount = 0;
    config.nimages = 0;
    struct trace_writer *w = trace_writer_create(path, &config, &err);
    assert_non_null(w);
    for (size_t i = 0; i < n; i++) {
        icount += 1000;
        struct event ev = {.kind = (uint16_t)list[i].kind,
                           .icount = icount,
                           .time = icount,
                           .data = list[i].text,
                           .len = list[i].text ? (uint32_t)strlen(list[i].text) : 0};
        memcpy(ev.f, list[i].f, sizeof list[i].f);
        assert_int_equal(trace_write_event(w, &ev, NULL), 0);
    }
    const struct trace_end end = {.reason = reason, .text = "", .icount = icount, .time = icount};
    assert_int_equal(trace_writer_finish(w, &end, &err), 0);
    struct trace *t = trace_open(path, &err);
    assert_non_null(t);
    struct why *why = why_ask(t, &fake_kind, UINT64_MAX, &err);
    assert_non_null(why);
    trace_close(t);
    unlink(path);
    free(path);
    return why;
}

static void says(const struct step *list, size_t n, const char *reason, const char *code, const char *verdict)
{
    struct why *w = ask(list, n, reason);
    assert_string_equal(why_code_name(w->code), code);
    if (verdict)
        assert_string_equal(w->verdict, verdict);
    assert_true(strlen(w->verdict) <= 4 * WHY_HEADLINE);
    assert_true(w->n <= WHY_LINES);
    why_free(w);
}
#define SAYS(reason, code, verdict, ...)                                                                     \
    do {                                                                                                     \
        const struct step list[] = {__VA_ARGS__};                                                            \
        says(list, sizeof list / sizeof list[0], reason, code, verdict);                                     \
    } while (0)
#define LINE(text)                                                                                           \
    {                                                                                                        \
        EV_CONSOLE_LINE, text,                                                                               \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

#define LINUX                                                                                                \
    {                                                                                                        \
        EV_KERNEL_FOUND, "Linux version 6.1.0 (gcc)",                                                        \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }
#define WITH(kind, text)                                                                                     \
    {                                                                                                        \
        kind, text,                                                                                          \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }

#endif
