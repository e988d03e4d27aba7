/* test_processes.c - the processes of a boot at a position of a trace (core/story/processes.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/story/processes.h"

static void put(struct trace_writer *w, uint64_t icount, unsigned kind, uint64_t pid, unsigned guest)
{
    struct event ev = {.icount = icount, .time = icount, .kind = (uint16_t)kind, .guest = (uint8_t)guest};
    struct error err;
    if (kind == EV_PROCESS_CREATE)
        ev.f[EVF_PROCESS_CREATE_pid] = ev.f[EVF_PROCESS_CREATE_tgid] = pid;
    ev.data = "";
    assert_int_equal(trace_write_event(w, &ev, &err), 0);
}

/* A kernel that hands the machine to another takes its processes with it: also for those who read a trace. */
static void test_kexec(void **state)
{
    static const struct trace_config cfg = {
        .engine = "fake", .behaviour = 1, .step_ns = 1, .classes = EVENT_CLASSES_ALL};
    static const struct trace_end end = {.reason = "reached", .text = "", .icount = 100, .time = 100};
    char path[64];
    struct error err;
    snprintf(path, sizeof path, "/tmp/test_processes.%ld.reel", (long)getpid());
    struct trace_writer *w = trace_writer_create(path, &cfg, &err);
    assert_non_null(w);
    put(w, 10, EV_PROCESS_CREATE, 1, 0);
    put(w, 20, EV_KERNEL_KEXEC, 0, 0);
    put(w, 30, EV_PROCESS_CREATE, 1, 1);
    assert_int_equal(trace_writer_finish(w, &end, &err), 0);
    struct trace *t = trace_open(path, &err);
    struct processes *before = processes_at(t, 15, &err), *after = processes_at(t, 50, &err);
    assert_int_equal(processes_find(before, 0, 1)->exited, 0);
    assert_int_equal(processes_find(after, 0, 1)->exited, 20);
    assert_int_equal(processes_find(after, 1, 1)->exited, 0);
    processes_free(before);
    processes_free(after);
    trace_close(t);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kexec)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
