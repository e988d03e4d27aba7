/* test_running.c - whose code runs at a position (core/story/running.h): by a trace of a hypervisor with two domains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/story/running.h"
#include "tests/unit/fake_guests.h"

enum { HYPERVISOR_AT = 0x3000, FIRST_FOUND = 65, BOTH_FOUND = 95 };

struct recorded {
    struct trace *t;
    struct symbols *symbols;
    struct processes *processes;
    struct running_memory *memory; /* asked at all positions of a test, in its order */
    char path[64];
};

/* Processor 0 runs domain 2, whose kernel is found first (guest 1); processor 1 runs domain 1 (guest 2). */
static void record(struct recorded *r)
{
    static const struct trace_config cfg = {
        .engine = "fake", .behaviour = 1, .step_ns = 1, .classes = EVENT_CLASSES_ALL};
    static const struct trace_end end = {.reason = "reached", .text = "", .icount = 200, .time = 200};
    struct error err;
    snprintf(r->path, sizeof r->path, "/tmp/test_running.%ld.reel", (long)getpid());
    struct fixture *f = start("kernel,hypervisor", NULL);
    f->w = trace_writer_create(r->path, &cfg, &err);
    assert_non_null(f->w);
    msr(f, 0, HYPERVISOR_RUNS, 0); /* icount 10 */
    msr(f, 0, DOMAIN_BEGINS, 1);
    msr(f, 0, DOMAIN_BEGINS, 2);
    msr(f, 0, DOMAIN_RUNS, 2);
    msr(f, 0, KERNEL_RUNS, 0); /* icount 50 */
    msr(f, 1, DOMAIN_RUNS, 1);
    msr(f, 1, KERNEL_RUNS, 0); /* icount 70 */
    inspector_finish(f->in);
    assert_int_equal(trace_writer_finish(f->w, &end, NULL), 0);
    finish(f);
    r->t = trace_open(r->path, &err);
    r->symbols = symbols_load(r->t, &err);
    r->processes = processes_at(r->t, BOTH_FOUND, &err);
    assert_non_null(r->processes);
    r->memory = running_memory_new(r->t, r->symbols);
}

static int setup(void **state)
{
    record(*state = mem_zero(1, sizeof(struct recorded)));
    return 0;
}

static int teardown(void **state)
{
    struct recorded *r = *state;
    processes_free(r->processes);
    running_memory_free(r->memory);
    symbols_free(r->symbols);
    trace_close(r->t);
    unlink(r->path);
    free(r);
    return 0;
}

/* Who runs when that processor is at an address, in words, and in which space names are looked up. */
static void runs(struct recorded *r, unsigned cpu, uint64_t pc, uint64_t icount, unsigned guest,
                 const char *words)
{
    const struct running_place p = {.t = r->t,
                                    .symbols = r->symbols,
                                    .processes = r->processes,
                                    .icount = icount,
                                    .recorded = icount,
                                    .cpu = cpu,
                                    .pc = pc};
    struct running who;
    char text[40];
    running_at(&p, &who);
    assert_int_equal(who.space, symbol_space_of(guest, 0));
    running_text(&who, text, sizeof text);
    assert_string_equal(text, words);
    running_remembered(r->memory, &p, &who);
    assert_int_equal(who.space, symbol_space_of(guest, 0));
    running_text(&who, text, sizeof text);
    assert_string_equal(text, words);
}

/* The same for one who has seen the events. */
static void runs_after(struct recorded *r, long last, uint64_t pc, unsigned guest)
{
    const struct running_place p = {.symbols = r->symbols,
                                    .processes = r->processes,
                                    .icount = BOTH_FOUND,
                                    .recorded = BOTH_FOUND,
                                    .pc = pc};
    struct running who;
    running_after(&p, last, &who);
    assert_int_equal(who.space, symbol_space_of(guest, 0));
}

static void events_say_whose_they_are(void **state)
{
    struct recorded *r = *state;
    struct trace_cursor *c = trace_cursor_open(r->t, EVENT_CLASS_BIT(EC_KERNEL));
    struct event ev;
    char text[200];
    static const char *const want[] = {"hypervisor 0; text at", "guest 1: kernel 1; text at",
                                       "guest 2: kernel 2; text at"};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(trace_cursor_next(c, &ev, NULL, NULL), 1);
        assert_int_equal(ev.guest, i);
        event_text(&ev, text, sizeof text);
        assert_int_equal(strncmp(text, want[i], strlen(want[i])), 0);
    }
    assert_int_equal(trace_cursor_next(c, &ev, NULL, NULL), 0);
    trace_cursor_close(c);
}

static void who_runs(void **state)
{
    struct recorded *r = *state;
    runs(r, 0, FUNCTION, 20, 0, ""); /* the only guest */
    runs(r, 0, FUNCTION, FIRST_FOUND, 1, "guest 1");
    runs(r, 1, FUNCTION, FIRST_FOUND, 1, "guest 1"); /* the only one that has code there */
    runs(r, 0, HYPERVISOR_AT, FIRST_FOUND, 0, "guest 0");
    runs(r, 0, FUNCTION, BOTH_FOUND, 1, "guest 1 or 2"); /* it was active last */
    runs(r, 1, FUNCTION, BOTH_FOUND, 2, "guest 2 or 1");
    runs(r, 1, HYPERVISOR_AT, BOTH_FOUND, 0, "guest 0");
    runs(r, 1, 0x9000, BOTH_FOUND, 2, "guest 2"); /* nobody's code: a program's */
    for (unsigned i = 0; i < 2; i++) {            /* on, and back again */
        runs(r, 0, FUNCTION, FIRST_FOUND, 1, "guest 1");
        runs(r, 0, FUNCTION, BOTH_FOUND, 1, "guest 1 or 2");
        runs(r, 1, FUNCTION, 150, 2, "guest 2 or 1");
        runs(r, 1, FUNCTION, FIRST_FOUND, 1, "guest 1");
    }
    runs_after(r, 1, FUNCTION, 1);
    runs_after(r, 2, FUNCTION, 2);
    runs_after(r, 2, HYPERVISOR_AT, 0);
    runs_after(r, -1, HYPERVISOR_AT, 0);
}

static void names(void **state)
{
    struct recorded *r = *state;
    const symbol_space first = symbol_space_of(1, 0);
    struct symbol sym;
    struct error err;
    assert_int_equal(running_find(r->symbols, first, "kernel", BOTH_FOUND, &sym, &err), 1);
    assert_int_equal(running_find(r->symbols, first, "hypervisor", BOTH_FOUND, &sym, &err), 1);
    assert_int_equal(sym.address, HYPERVISOR_AT);
    assert_int_equal(running_find(r->symbols, first, "nothing", BOTH_FOUND, &sym, &err), 0);
    assert_int_equal(running_find(r->symbols, SPACE_KERNEL, "kernel", FIRST_FOUND, &sym, &err), 1);
    assert_int_equal(running_find(r->symbols, SPACE_KERNEL, "kernel", BOTH_FOUND, &sym, &err), -1);
    assert_string_equal(err.text, "kernel: guests 1 and 2 have this symbol: write guest1:kernel");
    assert_int_equal(running_find(r->symbols, SPACE_KERNEL, "guest2:kernel", BOTH_FOUND, &sym, &err), 1);
    assert_int_equal(sym.address, FUNCTION);
    assert_int_equal(running_find(r->symbols, SPACE_KERNEL, "guest0:kernel", BOTH_FOUND, &sym, &err), 0);
}

/* What gdb loads. */
static void all_kernels_in_one_file(void **state)
{
    struct recorded *r = *state;
    struct symbols *s = symbols_new();
    struct symbol sym;
    struct error err;
    size_t size;
    void *elf = symbols_elf(r->symbols, SPACE_ANY, NULL, &size);
    const struct symbol_table *t = symbols_add_elf(s, "all", elf, size, false, &err);
    assert_non_null(t);
    assert_true(symbol_table_find(t, "hypervisor", &sym) && sym.address == HYPERVISOR_AT);
    assert_true(symbol_table_find(t, "kernel", &sym) && sym.address == FUNCTION);
    symbols_free(s);
    free(elf);
}

static void each_guest_has_its_pids(void **state)
{
    struct processes *ps = processes_new();
    struct event ev = {.kind = EV_PROCESS_CREATE, .data = "init", .len = 4};
    ev.f[EVF_PROCESS_CREATE_kind] = PROCESS_PROCESS;
    ev.f[EVF_PROCESS_CREATE_pid] = ev.f[EVF_PROCESS_CREATE_tgid] = 5;
    for (unsigned guest = 1; guest <= 2; guest++) {
        ev.guest = (uint16_t)guest;
        ev.icount = 10 * guest;
        processes_see(ps, &ev);
    }
    struct event gone = {.kind = EV_PROCESS_EXIT, .guest = 1, .icount = 30};
    gone.f[EVF_PROCESS_EXIT_pid] = 5;
    processes_see(ps, &gone);
    assert_int_equal(processes_count(ps), 2);
    assert_int_equal(processes_find(ps, 1, 5)->exited, 30);
    assert_int_equal(processes_find(ps, 2, 5)->exited, 0);
    assert_null(processes_find(ps, 0, 5));
    assert_int_equal(process_space(processes_find(ps, 2, 5)), symbol_space_of(2, 5));
    assert_int_equal(processes_current(ps, 0)->guest, 1);
    processes_free(ps);
}

static void processes_as_written(void **state)
{
    symbol_space s;
    char text[40];
    assert_true(symbol_space_parse("7", &s) && s == 7);
    assert_true(symbol_space_parse("2:7", &s) && s == symbol_space_of(2, 7));
    symbol_space_text(s, text, sizeof text);
    assert_string_equal(text, "2:7");
    static const char *const bad[] = {
        "", "x", "-1", "1:", ":1", "1:2:3", "1 ", "2147483648", "1:9999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(symbol_space_parse(bad[i], &s));
}

static void see(struct processes *ps, unsigned guest, unsigned kind, uint64_t a, uint64_t b, uint64_t c,
                uint64_t d)
{
    struct event ev = {.kind = (uint16_t)kind, .guest = (uint8_t)guest, .icount = 10, .f = {a, b, c, d}};
    processes_see(ps, &ev);
}

/* A host's processes 1000 and 1005, and in 1000 a kernel whose process 1 is run by 1005. */
static void test_host(void **state)
{
    struct processes *ps = processes_new();
    see(ps, 0, EV_PROCESS_CREATE, PROCESS_OF_HOST, 0, 1000, 1000);
    see(ps, 0, EV_PROCESS_CREATE, PROCESS_OF_HOST, 0, 1005, 1005);
    assert_int_equal(processes_running(ps, 0, 1000)->pid, 1000);
    see(ps, 1, EV_PROCESS_CREATE, PROCESS_PROCESS, 0, 1, 1);
    assert_int_equal(processes_running(ps, 0, 1005)->pid, 1005);
    see(ps, 1, EV_PROCESS_HOST, 1, 1, 1005, 0);
    assert_int_equal(processes_running(ps, 0, 1005)->pid, 1);
    assert_int_equal(processes_find(ps, 1, 1)->host, 1005);
    see(ps, 1, EV_PROCESS_EXEC, 1, 1, 0, 0);
    assert_int_equal(processes_running(ps, 0, 1000)->pid, 1); /* the kernel works for it */
    see(ps, 0, EV_KERNEL_END, 1000, 0, 0, 0); /* it exits: everything is as it was at the end */
    assert_int_equal(processes_find(ps, 1, 1)->exited, 0);
    see(ps, 0, EV_KERNEL_END, 1000, 1, 0, 0); /* it boots again */
    assert_int_equal(processes_find(ps, 1, 1)->exited, 10);
    assert_int_equal(processes_find(ps, 0, 1000)->exited, 0);
    assert_int_equal(processes_running(ps, 0, 1005)->pid, 1005);
    processes_free(ps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_say_whose_they_are, setup, teardown),
        cmocka_unit_test(test_host),
        cmocka_unit_test_setup_teardown(who_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(names, setup, teardown),
        cmocka_unit_test_setup_teardown(all_kernels_in_one_file, setup, teardown),
        cmocka_unit_test(each_guest_has_its_pids),
        cmocka_unit_test(processes_as_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
