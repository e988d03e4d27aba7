/* test_freebsd_words.c - FreeBSD's events and numbers in words (core/systems/freebsd/words.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/systems/freebsd/private/impl.h"

struct row {
    struct event ev;
    const char *words; /* NULL: none */
};

static void check(const struct row *r, bool (*words_of)(const struct event *ev, struct text *out))
{
    struct text t = {0};
    struct event ev = r->ev;
    ev.len = ev.data ? (uint32_t)strlen(ev.data) : 0;
    const bool some = words_of(&ev, &t);
    assert_int_equal(some, r->words != NULL);
    if (r->words)
        assert_string_equal(t.s, r->words);
    free(t.s);
}

static void test_events_of_the_kernel(void **state)
{
    static const struct row rows[] = {
        {{.kind = EV_KERNEL_FOUND, .data = "FreeBSD 13.0"},
         "FreeBSD is in memory: its symbols are known from here on"},
        {{.kind = EV_KERNEL_FOUND, .data = "Linux version 6"}, NULL},
        {{.kind = EV_SYSINIT, .f = {0x2100000, 0}}, "order within the subsystem: first"},
        {{.kind = EV_SYSINIT, .f = {0x2100000, 0x1000000}}, "order within the subsystem: in the middle"},
        {{.kind = EV_SYSINIT, .f = {0x2100000, 77}}, NULL},
        {{.kind = EV_KERNEL_TRAP, .f = {12, 4, 1, 0x401000, 0x10}}, "page fault, in a program, address 10h"},
        {{.kind = EV_KERNEL_TRAP, .f = {999, 0, 0}}, "trap without a name, in the kernel"},
        {{.kind = EV_KERNEL_SUBSYSTEM}, "mi_startup has reached another subsystem's SYSINITs"},
        {{.kind = EV_KERNEL_VARIABLE}, "a variable of the kernel's environment, as the loader passes it"},
        {{.kind = EV_KERNEL_FILE}, "a file that the loader read into memory for the kernel"},
        {{.kind = EV_PROCESS_SCRIPT}, "a shell has opened it to read: a script, or its input"},
        {{.kind = EV_PROCESS_WAIT}, "wait: the last of the process is gone"},
        {{.kind = EV_CONSOLE_LINE, .data = "x"}, NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(&rows[i], fb_event_words);
}

static void test_events_of_processes(void **state)
{
    static const struct row rows[] = {
        {{.kind = EV_PROCESS_EXIT, .f = {0x300}}, "exit code 3"},
        {{.kind = EV_PROCESS_EXIT, .f = {11}}, "killed by SIGSEGV"},
        {{.kind = EV_PROCESS_EXIT, .f = {0x80 | 6}}, "killed by SIGABRT, core dumped"},
        {{.kind = EV_PROCESS_EXIT, .f = {126}}, "killed by signal 126"},
        {{.kind = EV_SYSCALL_EXIT, .f[EVF_SYSCALL_EXIT_result] = 0}, "succeeded"},
        {{.kind = EV_SYSCALL_EXIT, .f[EVF_SYSCALL_EXIT_result] = 5}, "returned 5"},
        {{.kind = EV_SYSCALL_EXIT, .f[EVF_SYSCALL_EXIT_result] = (uint64_t)-2}, "failed: ENOENT"},
        {{.kind = EV_PROCESS_CREATE, .f[EVF_PROCESS_CREATE_flags] = 0x10000},
         "another thread of its process"},
        {{.kind = EV_PROCESS_CREATE}, "process 0, which the kernel itself is"},
        {{.kind = EV_PROCESS_CREATE, .f[EVF_PROCESS_CREATE_pid] = 7, .f[EVF_PROCESS_CREATE_flags] = 0x4100},
         "a new process, in its parent's memory; its parent waits until it executes a program or exits"},
        {{.kind = EV_PROCESS_EXEC, .data = "/bin/sh"}, "execve: another program in the same process"},
        {{.kind = EV_MODULE_LOAD, .data = "if_em"},
         "a kernel module (KLD) is in memory, before any of its code runs"},
        {{.kind = EV_CONSOLE_LINE, .data = "x"}, NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(&rows[i], fb_own_words);
}

static void test_numbers(void **state)
{
    assert_string_equal(fb_subsystem_name(1300000, 0x2100000), "SI_SUB_CPU");
    assert_null(fb_subsystem_name(1300000, 0x12345));
    assert_string_equal(fb_trap_name(12), "T_PAGEFLT");
    assert_string_equal(fb_trap_words(32), "DTrace return probe");
    assert_null(fb_trap_name(999));
    assert_null(fb_trap_words(999));
    assert_string_equal(fb_parent_name(FB_PARENT_HAMMER_TIME), "hammer_time");
    assert_null(fb_parent_name(FB_PARENT_END));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_events_of_the_kernel),
                                       cmocka_unit_test(test_events_of_processes),
                                       cmocka_unit_test(test_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
