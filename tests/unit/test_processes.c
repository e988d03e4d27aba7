/* test_processes.c - the processes of a boot at a position of a trace (core/story/processes.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/story/process_names.h"
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

static void see(struct process_names *n, uint64_t icount, unsigned kind, uint64_t pid, unsigned how,
                const char *text)
{
    struct event ev = {.icount = icount, .kind = (uint16_t)kind, .data = text, .len = (uint32_t)strlen(text)};
    if (kind == EV_PROCESS_CREATE) {
        ev.f[EVF_PROCESS_CREATE_pid] = pid;
        ev.f[EVF_PROCESS_CREATE_kind] = how;
    } else if (kind == EV_PROCESS_NAME) {
        ev.f[EVF_PROCESS_NAME_pid] = pid;
    } else if (kind == EV_PROCESS_EXEC) {
        ev.f[EVF_PROCESS_EXEC_pid] = pid;
    } else {
        ev.f[EVF_PROCESS_EXIT_pid] = pid;
    }
    process_names_see(n, &ev);
}

/* A process is found by all that it was: but not by its parent's name, nor is the next one that has its pid. */
static void test_names(void **state)
{
    struct process_names *n = process_names_new();
    see(n, 1, EV_PROCESS_CREATE, 1, PROCESS_KERNEL_THREAD, "swapper/0");
    see(n, 2, EV_PROCESS_NAME, 1, 0, "init");
    see(n, 2, EV_PROCESS_EXEC, 1, 0, "/init");
    see(n, 3, EV_PROCESS_EXEC, 1, 0, "/usr/lib/systemd/systemd --switched-root");
    see(n, 4, EV_PROCESS_CREATE, 80, PROCESS_PROCESS, "systemd");
    see(n, 5, EV_PROCESS_EXEC, 80, 0, "/bin/mount /usr/lib/systemd");
    see(n, 6, EV_PROCESS_EXIT, 80, 0, "mount");
    see(n, 7, EV_PROCESS_CREATE, 80, PROCESS_PROCESS, "systemd");
    see(n, 8, EV_PROCESS_NAME, 1, 0, "systemd-shutdow");
    static const char *const first[] = {"swapper/0", "init",     "systemd", "systemd-shutdow",
                                        "shutd",     "systemd*", "1",       "0:1"};
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
        assert_true(process_names_fit(n, first[i], 0, 1, 9));
    assert_false(process_names_fit(n, "shutd*", 0, 1, 9));
    assert_true(process_names_fit(n, "mount", 0, 80, 5));
    assert_false(process_names_fit(n, "systemd", 0, 80, 5));
    assert_false(process_names_fit(n, "mount", 0, 80, 7));
    assert_true(process_names_fit(n, "systemd", 0, 80, 7));
    assert_true(process_names_any(n, "mount"));
    assert_false(process_names_any(n, "umount"));
    assert_false(process_names_any(n, "81"));
    process_names_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kexec), cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
