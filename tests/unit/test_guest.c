/* test_guest.c - the seam for guest systems (core/story/guest.h) and the inspector behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_guests.h"

static void runs(struct fixture *f, unsigned cpu, uint32_t pid, symbol_space space, char byte)
{
    struct guest_task t;
    char read = 0;
    assert_int_equal(inspector_task(f->in, cpu, &t), pid != 0);
    assert_int_equal(t.pid, pid);
    assert_int_equal(t.space, space);
    assert_true(inspector_read(f->in, cpu, 0, &read, 1));
    assert_int_equal(read, byte);
}

static void described(struct fixture *f, const char *want)
{
    struct text out = {0};
    inspector_describe(f->in, &out);
    assert_string_equal(out.n ? out.s : "", want);
    free(out.s);
}

/* ---------------------------------------------------------------- tests */

/* Two at one machine: each sees its classes, numbers are in the order of finding, and the one that knows says who runs. */
static void beside_each_other(void **state)
{
    struct fixture *f = start("kernel,firmware", NULL);
    assert_int_equal(inspector_classes(f->in),
                     EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_POWER) | EVENT_CLASS_BIT(EC_FIRMWARE));
    runs(f, 0, 0, SPACE_KERNEL, 0);
    happens(f, EV_POST_CODE, 0, 1, 0);
    runs(f, 0, 0, SPACE_KERNEL, 0); /* the firmware is there, but does not know */
    msr(f, 0, KERNEL_RUNS, 0);
    runs(f, 1, 201, symbol_space_of(1, 0), 'B');
    described(f, "kernel: found\nfirmware: found\n");
    says(f, "10 firmware.post \n10 kernel.found firmware 0\n20 cpu.msr \n20 of 1: kernel.found kernel 1\n");
    finish(f);
}

/* A hypervisor with two domains: each event goes to those whom it concerns, the innermost is asked, and the kernel that looked at
 * the machine itself finds nothing in a domain. */
static void inside_another(void **state)
{
    struct fixture *f = start("all", NULL);
    msr(f, 0, HYPERVISOR_RUNS, 0);
    msr(f, 0, DOMAIN_BEGINS, 1);
    msr(f, 0, DOMAIN_BEGINS, 2);
    described(f, "kernel: not found\nhypervisor: found\nfirmware: not found\n"
                 "  kernel: not found\n  firmware: not found\n  kernel: not found\n  firmware: not found\n");
    runs(f, 0, 100, 0, 'A');
    msr(f, 0, KERNEL_RUNS, 0); /* no domain runs: it is nobody's */
    msr(f, 0, DOMAIN_RUNS, 2);
    msr(f, 0, KERNEL_RUNS, 0);
    runs(f, 0, 200, symbol_space_of(1, 0), 'B'); /* the second domain's kernel was found first */
    runs(f, 1, 101, 0, 'A');                     /* the other processor runs the hypervisor */
    msr(f, 1, DOMAIN_RUNS, 1);
    runs(f, 1, 101, 0, 'A'); /* nothing is found in there yet */
    msr(f, 1, KERNEL_RUNS, 0);
    runs(f, 1, 301, symbol_space_of(2, 0), 'C');
    described(f, "kernel: not found\nhypervisor: found\nfirmware: not found\n"
                 "  kernel: found\n  firmware: not found\n  kernel: found\n  firmware: not found\n");
    msr(f, 1, DOMAIN_RUNS, 0);
    f->events[0] = 0;
    msr(f, 0, DOMAIN_ENDS, 2);
    assert_int_equal(f->unmaps, 1);
    described(
        f,
        "kernel: not found\nhypervisor: found\nfirmware: not found\n  kernel: found\n  firmware: not found\n");
    says(f, "100 cpu.msr \n");
    finish(f);
}

/* What was found is gone after a reset, and so are all places inside; numbers begin again. */
static void after_a_reset(void **state)
{
    struct fixture *f = start("hypervisor,kernel", NULL);
    msr(f, 0, HYPERVISOR_RUNS, 0);
    msr(f, 0, DOMAIN_BEGINS, 1);
    msr(f, 0, DOMAIN_RUNS, 1);
    msr(f, 0, KERNEL_RUNS, 0);
    runs(f, 0, 200, symbol_space_of(1, 0), 'B');
    happens(f, EV_RESET, 0, 0, 0);
    assert_int_equal(f->unmaps, 2);
    runs(f, 0, 0, SPACE_KERNEL, 0);
    described(f, "kernel: not found\nhypervisor: not found\n");
    msr(f, 0, KERNEL_RUNS, 0);
    runs(f, 0, 100, SPACE_KERNEL, 'A');
    finish(f);
}

/* A kernel hands the machine to another: that is a guest of its own, and the symbols of the first are gone. */
static void one_after_another(void **state)
{
    struct fixture *f = start("kernel,hypervisor", NULL);
    msr(f, 0, KERNEL_RUNS, 0);
    runs(f, 0, 100, SPACE_KERNEL, 'A');
    msr(f, 0, KERNEL_REPLACED, 0);
    assert_int_equal(f->unmaps, 1);
    described(f, "hypervisor: not found\nkernel: not found\n");
    runs(f, 0, 0, SPACE_KERNEL, 0);
    msr(f, 0, KERNEL_RUNS, 0);
    runs(f, 0, 200, symbol_space_of(1, 0), 'B');
    described(f, "hypervisor: not found\nkernel: found\n");
    finish(f);
}

/* A probe at an address that several kernels execute is that of the one that runs. A symbol that is asked for is looked up in the space of who
 * runs. */
static void probes_of_each(void **state)
{
    struct fixture *f = start("kernel,hypervisor", "kernel");
    msr(f, 0, HYPERVISOR_RUNS, 0);
    for (uint64_t d = 1; d <= 2; d++) {
        msr(f, 0, DOMAIN_BEGINS, d);
        msr(f, 0, DOMAIN_RUNS, d);
        msr(f, 0, KERNEL_RUNS, 0);
    }
    f->events[0] = 0;
    executes(f, 0, FUNCTION); /* in domain 2 */
    msr(f, 0, DOMAIN_RUNS, 0);
    executes(f, 0, FUNCTION); /* in the hypervisor, which has no such symbol */
    inspector_finish(f->in);
    says(f, "71 of 2: probe.enter kernel\n81 cpu.msr \n");
    described(f, "kernel: not found\nhypervisor: found\n  kernel: found\n  kernel: found, calls: 1\n");
    finish(f);
}

/* Physical memory of a guest inside another: page by page where the outer one has it, through both if there are two. */
static void memory_of_domains(void **state)
{
    struct machine m = {.fake.e.ops = &machine_ops};
    struct fake_guest outer = {.guest = {&hypervisor, NULL, 0}},
                      middle = {.guest = {&hypervisor, &outer.guest, 2}},
                      inner = {.guest = {&kernel, &middle.guest, 1}};
    char buf[0x3000];
    for (unsigned page = 0; page < MEMORY / 0x1000; page++)
        memset(m.memory + page * 0x1000, 'a' + (int)page, 0x1000);
    assert_int_equal(guest_peek_physical(&outer.guest, &m.fake.e, 0x1fff, buf, 2), 2);
    assert_memory_equal(buf, "bc", 2);
    assert_int_equal(guest_peek_physical(&middle.guest, &m.fake.e, 0xfff, buf, 2), 2);
    assert_memory_equal(buf, "cd", 2);
    assert_int_equal(guest_peek_physical(&middle.guest, &m.fake.e, 0x1ffe, buf, 5),
                     2); /* the domain ends there */
    assert_int_equal(guest_peek_physical(&middle.guest, &m.fake.e, 0x2000, buf, 1), 0);
    assert_int_equal(guest_peek_physical(&inner.guest, &m.fake.e, 0xffe, buf, 2), 2);
    assert_memory_equal(buf, "dd", 2);
    /* The middle one has no such page. */
    assert_int_equal(guest_peek_physical(&inner.guest, &m.fake.e, 0x1000, buf, 1), 0);
}

static void names_of_systems(void **state)
{
    struct error err;
    uint32_t chosen;
    struct text names = {0};
    assert_int_equal(guest_systems_parse(systems, "firmware,kernel", &chosen, &err), 0);
    assert_int_equal(chosen, 5);
    guest_systems_names(systems, chosen, &names);
    assert_string_equal(names.s, "kernel,firmware");
    free(names.s);
    assert_int_equal(guest_systems_parse(systems, "all", &chosen, &err), 0);
    assert_int_equal(chosen, 7);
    assert_int_equal(guest_systems_parse(systems, "none", &chosen, &err), 0);
    assert_int_equal(chosen, 0);
    assert_int_equal(guest_systems_parse(systems, "kernel,beos", &chosen, &err), -1);
    assert_string_equal(err.text,
                        "inspect: there is no guest system \"beos\": give one or more of kernel, hypervisor, "
                        "firmware, or all, or none");
    assert_int_equal(guest_systems_parse(systems, "kernel,", &chosen, &err), -1);
    assert_int_equal(guest_systems_parse(systems, "", &chosen, &err), -1);
    assert_int_equal(guest_systems_parse(guest_systems, "linux", &chosen, &err), 0);
}

static void words_of_linux(void **state)
{
    assert_string_equal(guest_word(EV_INITCALL, EVF_INITCALL_level, 8), "early");
    assert_string_equal(guest_word(EV_INITCALL_DONE, EVF_INITCALL_DONE_level, 12), "other");
    assert_string_equal(guest_word(EV_KERNEL_CALL, EVF_KERNEL_CALL_parent, 1), "start_kernel");
    assert_null(guest_word(EV_INITCALL, EVF_INITCALL_level, 13));
    assert_null(guest_word(EV_INITCALL, EVF_INITCALL_pid, 1));
    assert_null(guest_word(EV_POST_CODE, EVF_POST_CODE_code, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beside_each_other), cmocka_unit_test(inside_another),
        cmocka_unit_test(after_a_reset),     cmocka_unit_test(probes_of_each),
        cmocka_unit_test(memory_of_domains), cmocka_unit_test(names_of_systems),
        cmocka_unit_test(words_of_linux),    cmocka_unit_test(one_after_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
