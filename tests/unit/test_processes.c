/* test_processes.c - processes from events; probes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/story/probes.h"
#include "core/story/processes.h"

/* ---------------------------------------------------------------- processes */

static void see(struct processes *ps, unsigned kind, uint64_t icount, const char *data, uint64_t f0,
                uint64_t f1, uint64_t f2, uint64_t f3, uint64_t f4)
{
    const struct event ev = {.kind = (uint16_t)kind,
                             .icount = icount,
                             .time = icount,
                             .f = {f0, f1, f2, f3, f4},
                             .data = data,
                             .len = (uint32_t)strlen(data)};
    processes_see(ps, &ev);
}

static void test_processes(void **state)
{
    struct processes *ps = processes_new();
    see(ps, EV_PROCESS_CREATE, 10, "swapper/0", PROCESS_PROCESS, 0, 1, 1, 0);
    see(ps, EV_PROCESS_CREATE, 11, "swapper/0", PROCESS_KERNEL_THREAD, 0, 2, 2, 0);
    see(ps, EV_PROCESS_NAME, 12, "kthreadd", 2, 2, 0, 0, 0);
    see(ps, EV_PROCESS_EXEC, 20, "/init /bin/sh /init", 1, 1, 0, 0, 0);
    see(ps, EV_PROCESS_CREATE, 30, "init", PROCESS_PROCESS, 0x1200011, 3, 3, 1);
    see(ps, EV_PROCESS_EXIT, 40, "init", 0x300, 3, 3, 0, 0);
    assert_int_equal(processes_count(ps), 3);
    assert_string_equal(processes_find(ps, 0, 2)->name, "kthreadd");
    assert_string_equal(processes_find(ps, 0, 3)->path, "/init /bin/sh /init");
    assert_int_equal(processes_find(ps, 0, 3)->code, 0x300);
    assert_int_equal(processes_find(ps, 0, 3)->exited, 40);
    assert_int_equal(processes_find(ps, 0, 3)->parent, 1);
    assert_int_equal(processes_current(ps, 0)->pid, 3);
    see(ps, EV_SCHED_SWITCH, 50, "kthreadd", 3, 2, 2, 0, 0);
    assert_int_equal(processes_current(ps, 0)->pid, 2);
    see(ps, EV_PROCESS_CREATE, 60, "init", PROCESS_PROCESS, 0, 3, 3, 1); /* the number again */
    assert_int_equal(processes_find(ps, 0, 3)->created, 60);
    assert_null(processes_find(ps, 0, 99));
    see(ps, EV_RESET, 70, "", 0, 0, 0, 0, 0);
    assert_int_equal(processes_count(ps), 0);
    processes_free(ps);
}

/* A thread belongs to its group's parent, but runs the group's program. */
static void test_threads(void **state)
{
    struct processes *ps = processes_new();
    see(ps, EV_PROCESS_CREATE, 10, "sh", PROCESS_PROCESS, 0, 1, 1, 0);
    see(ps, EV_PROCESS_EXEC, 20, "/bin/sh sh", 1, 1, 0, 0, 0);
    see(ps, EV_PROCESS_CREATE, 30, "sh", PROCESS_PROCESS, 0x1200011, 5, 5, 1);
    see(ps, EV_PROCESS_EXEC, 40, "/bin/story story threads", 5, 5, 0, 0, 0);
    see(ps, EV_PROCESS_CREATE, 50, "story", PROCESS_THREAD, 0x3d0f00, 6, 5, 1);
    assert_string_equal(processes_find(ps, 0, 6)->path, "/bin/story story threads");
    assert_int_equal(processes_find(ps, 0, 6)->parent, 1);
    processes_free(ps);
}

/* ---------------------------------------------------------------- probes */

struct recorder_engine {
    struct engine e;
    struct stop_point stops[16];
    size_t n;
    unsigned calls;
};

static void take_stops(struct engine *e, const struct stop_point *s, size_t n)
{
    struct recorder_engine *r = (struct recorder_engine *)e;
    assert_true(n <= 16);
    memcpy(r->stops, s, n * sizeof *s);
    r->n = n;
    r->calls++;
}

static uint64_t no_time(const struct engine *e)
{
    return 5;
}

static void count_hit(void *ctx, const struct probe_hit *hit)
{
    assert_int_equal(hit->address, 0x1000);
    assert_int_equal(hit->icount, 42);
    ++*(unsigned *)ctx;
}

static void test_probes(void **state)
{
    const struct engine_ops ops = {.stops = take_stops, .time = no_time};
    struct recorder_engine r = {.e = {&ops}};
    struct probes *p = probes_new(&r.e);
    unsigned a = 0, b = 0;
    unsigned first = probe_add(p, PROBE_LINEAR, 0x1000, count_hit, &a);
    probe_add(p, PROBE_LINEAR, 0x1000, count_hit, &b);
    probe_add(p, PROBE_PHYSICAL, 0x1000, count_hit, &b);
    probes_apply(p);
    probes_apply(p);
    assert_int_equal(r.calls, 1); /* nothing had changed */
    assert_int_equal(r.n, 2);     /* two at one address are one stop */
    assert_true(r.stops[0].report_only);
    assert_true(probes_reached(p, r.stops[0].id, 0, 42));
    assert_false(probes_reached(p, 7, 0, 42));
    assert_int_equal(a, 1);
    assert_int_equal(b, 1);
    probe_remove(p, first);
    assert_true(probes_reached(p, r.stops[0].id, 0, 42));
    assert_int_equal(a, 1);
    assert_int_equal(b, 2);
    for (unsigned i = 0; i < 1000; i++)
        probe_remove(p, probe_add(p, PROBE_LINEAR, 0x3000 + i, count_hit, &a));
    probes_apply(p);
    assert_int_equal(r.n, 2);
    /* At the same address again, as after a reset. */
    unsigned c = 0, again = probe_add(p, PROBE_LINEAR, 0x2000, count_hit, &c);
    probes_apply(p);
    probe_remove(p, again);
    probes_apply(p);
    assert_int_equal(r.n, 2);
    probe_add(p, PROBE_LINEAR, 0x2000, count_hit, &c);
    probes_apply(p);
    assert_int_equal(r.n, 3);
    probes_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_probes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
