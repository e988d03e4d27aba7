/* many.c - traces with very many of something, for what lists them: tests/scale.sh measures time and memory.
 *
 *   many processes N FILE    N processes, each created by the one before it, named, executing a program, and ended
 *   many running N FILE      the same, but none ends before the last has begun; they end in the order of their beginnings
 *   many units N FILE        N units of systemd, each started before the first is active
 *   many waiting N FILE      the same, one after the other
 *   many initcalls N FILE    N initcalls one after the other
 *   many nested N FILE       N initcalls, each begun in the one before it and never ended
 *   many names N FILE        N names of one process
 *
 * The events are those of a Linux kernel; nothing was run for them, so such a trace can be read and not replayed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hv/hv.h"
#include "traces/trace.h"

struct many {
    struct trace_writer *w;
    uint64_t icount;
};

static void must_work(int rc, const struct error *err)
{
    if (!rc)
        return;
    fprintf(stderr, "many: %s\n", err->text);
    exit(2);
}

static void put(struct many *m, struct event ev, const char *text)
{
    struct error err;
    ev.icount = ev.time = m->icount += 1000;
    ev.data = text;
    ev.len = (uint32_t)strlen(text);
    must_work(trace_write_event(m->w, &ev, &err), &err);
}

static void begin_process(struct many *m, uint64_t i)
{
    char name[40];
    const uint64_t pid = 2 + i;
    snprintf(name, sizeof name, "p%" PRIu64, i);
    put(m, (struct event){.kind = EV_PROCESS_CREATE, .f = {1, 0, pid, pid, 1 + i}}, name);
    put(m, (struct event){.kind = EV_PROCESS_EXEC, .f = {pid, pid, 0x1000}}, "/bin/program argument");
}

static void end_process(struct many *m, uint64_t i)
{
    char name[40];
    snprintf(name, sizeof name, "p%" PRIu64, i);
    put(m, (struct event){.kind = EV_PROCESS_EXIT, .f = {0, 2 + i, 2 + i}}, name);
}

/* What systemd says of a unit. */
static void say(struct many *m, const char *format, uint64_t i)
{
    char text[80];
    snprintf(text, sizeof text, format, i, i);
    put(m, (struct event){.kind = EV_PROCESS_LOG, .f = {6, 1, 1}}, text);
}

static void begin_unit(struct many *m, uint64_t i)
{
    if (!i)
        say(m, "systemd 252 running in system mode (%" PRIu64 "%" PRIu64 ")", 0);
    say(m, "Starting u%" PRIu64 ".service - Unit %" PRIu64 "...", i);
}

static void end_unit(struct many *m, uint64_t i)
{
    say(m, "Started u%" PRIu64 ".service - Unit %" PRIu64 ".", i);
}

static void begin_initcall(struct many *m, uint64_t i)
{
    char name[40];
    snprintf(name, sizeof name, "init_%" PRIu64, i);
    put(m, (struct event){.kind = EV_INITCALL, .f = {6, 0xffffffff81000000 + i, 1}}, name);
}

static void end_initcall(struct many *m, uint64_t i)
{
    char name[40];
    snprintf(name, sizeof name, "init_%" PRIu64, i);
    put(m, (struct event){.kind = EV_INITCALL_DONE, .f = {6, 0, 1000, 1}}, name);
}

static void put_name(struct many *m, uint64_t i)
{
    char name[40];
    snprintf(name, sizeof name, "n%" PRIu64, i);
    put(m, (struct event){.kind = EV_PROCESS_NAME, .f = {1, 1}}, name);
}

static const struct what {
    const char *name;
    void (*begin)(struct many *, uint64_t), (*end)(struct many *, uint64_t);
    bool at_once; /* all begin, then all end */
    bool init;    /* /init is executed before, which also ends what has initcalls */
} whats[] = {{"processes", begin_process, end_process, false, true},
             {"running", begin_process, end_process, true, true},
             {"units", begin_unit, end_unit, true, true},
             {"waiting", begin_unit, end_unit, false, true},
             {"initcalls", begin_initcall, end_initcall, false, false},
             {"nested", begin_initcall, NULL, false, false},
             {"names", put_name, NULL, false, false}};

static const struct what *what_is(const char *name)
{
    for (size_t i = 0; i < sizeof whats / sizeof whats[0]; i++)
        if (!strcmp(whats[i].name, name))
            return &whats[i];
    return NULL;
}

static void put_all(struct many *m, const struct what *w, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        w->begin(m, i);
        if (w->end && !w->at_once)
            w->end(m, i);
    }
    for (uint64_t i = 0; i < n && w->at_once; i++)
        w->end(m, i);
}

int main(int argc, char **argv)
{
    struct error err;
    const struct trace_config config = {
        .engine = "pc", .behaviour = HV_BEHAVIOUR, .step_ns = 1, .classes = UINT32_MAX};
    const struct what *w = argc == 4 ? what_is(argv[1]) : NULL;
    if (!w)
        return fprintf(stderr, "usage: many processes|running|units|waiting|initcalls|nested|names N FILE\n"),
               2;
    const uint64_t n = strtoull(argv[2], NULL, 10);
    struct many m = {.w = trace_writer_create(argv[3], &config, &err)};
    must_work(m.w ? 0 : -1, &err);
    put(&m, (struct event){.kind = EV_KERNEL_FOUND},
        "Linux version 6.1.0"); /* where the stages of a kernel begin */
    put(&m, (struct event){.kind = EV_KERNEL_REACHED}, "rest_init");
    if (w->init)
        put(&m, (struct event){.kind = EV_PROCESS_EXEC, .f = {1, 1, 0x1000}}, "/init");
    put_all(&m, w, n);
    const struct trace_end end = {.reason = "reached", .text = "", .icount = m.icount, .time = m.icount};
    must_work(trace_writer_finish(m.w, &end, &err), &err);
    return 0;
}
