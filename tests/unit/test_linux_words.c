/* test_linux_words.c - what events of a Linux kernel mean, in words (core/systems/linux/names.c): from the event alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/systems/linux/linux.h"
#include "core/systems/linux/private/names.h"

/* `value` in that field; "" if there is nothing to say. */
static void means(unsigned kind, unsigned field, uint64_t value, const char *want)
{
    struct event ev = {.kind = (uint16_t)kind};
    struct text t = {0};
    ev.f[field] = value;
    assert_int_equal(linux_system.explain(&ev, &t), *want != 0);
    assert_string_equal(t.s ? t.s : "", want);
    free(t.s);
}
#define MEANS(kind, field, value, want) means(EV_##kind, EVF_##kind##_##field, value, want)

#define ERROR(n) ((uint64_t) - (n))

static void test_ends(void **state)
{
    MEANS(PROCESS_EXIT, code, 0, "exit code 0");
    MEANS(PROCESS_EXIT, code, 0x7f00, "exit code 127");
    MEANS(PROCESS_EXIT, code, 9, "killed by SIGKILL");
    MEANS(PROCESS_EXIT, code, 0x8b, "killed by SIGSEGV, core dumped");
    MEANS(HOST_EXIT, code, 0x100, "exit code 1");
}

static void test_results(void **state)
{
    MEANS(SYSCALL_EXIT, result, 0, "succeeded");
    MEANS(SYSCALL_EXIT, result, 3, "returned 3");
    MEANS(SYSCALL_EXIT, result, ERROR(2), "failed: ENOENT");
    MEANS(SYSCALL_EXIT, result, ERROR(4000), "failed: error -4000");
    MEANS(DEVICE_FIRMWARE, result, ERROR(2), "failed: ENOENT");
    MEANS(DEVICE_PROBE_DONE, result, 0, "the driver has the device");
    MEANS(DEVICE_PROBE_DONE, result, 1, "the driver does not have the device");
    MEANS(DEVICE_PROBE_DONE, result, ERROR(19), "the driver does not take the device: ENODEV");
    MEANS(DEVICE_PROBE_DONE, result, ERROR(517), "the driver does not take the device: EPROBE_DEFER");
}

/* A module that was initialized: what of its signature is known. */
static void test_modules(void **state)
{
    MEANS(MODULE_DONE, signature, 0, "succeeded, signature verified");
    MEANS(MODULE_DONE, signature, 1, "succeeded, without a signature");
    MEANS(MODULE_DONE, signature, 2, "succeeded, with a signature that is not looked at");
    MEANS(MODULE_DONE, signature, ERROR(126), "succeeded, signature not verified: ENOKEY");
}

static void test_levels(void **state)
{
    MEANS(INITCALL, level, 4, "subsys initcall");
    MEANS(INITCALL, level, 99, "unknown initcall");
    MEANS(INITCALL_DONE, level, 8, "early initcall, succeeded");
    MEANS(PROCESS_LOG, level, 3, "level error");
    MEANS(PROCESS_LOG, level, 9, "level not known");
    MEANS(KERNEL_CALL, parent, 1, "called by start_kernel");
    MEANS(KERNEL_RETURN, parent, 3, "back in kernel_init");
}

static void test_loaders(void **state)
{
    struct event ev = {.kind = EV_BOOT_PARAMS};
    static const struct {
        uint64_t protocol, loader;
        const char *words;
    } rows[] = {{0x20f, 0x72, "Linux boot protocol 2.15, loaded by GRUB"},
                {0x20c, 0xb0, "Linux boot protocol 2.12, loaded by QEMU"},
                {0x202, 0x60, "Linux boot protocol 2.02"},
                {0x20f, 0xff, "Linux boot protocol 2.15, a loader without a number"},
                {0, 0x90, "a boot protocol without a version, as of the kernel's EFI stub, loaded by Xen"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text t = {0};
        ev.f[EVF_BOOT_PARAMS_protocol] = rows[i].protocol;
        ev.f[EVF_BOOT_PARAMS_loader] = rows[i].loader;
        assert_true(linux_system.explain(&ev, &t));
        assert_string_equal(t.s, rows[i].words);
        free(t.s);
    }
}

static void test_others(void **state)
{
    MEANS(KERNEL_CONSOLE, flags, 5, "CON_PRINTBUFFER|CON_ENABLED");
    MEANS(KERNEL_CONSOLE, flags, 0, "no flags");
    MEANS(PROCESS_CREATE, flags, 17, "kernel thread: SIGCHLD");
    MEANS(HOST_CLONE, flags, 0x4111, "CLONE_VM|CLONE_VFORK|SIGCHLD");
    MEANS(HOST_SIGNAL, signal, 11, "SIGSEGV (SI_USER), the default action");
    MEANS(PROCESS_NAME, pid, 1, "the task gets a name (comm)");
    MEANS(KERNEL_PANIC, pid, 1, "the kernel gives up");
    means(EV_HALT, 0, 0, "");
}

/* Stubs of a compiler with link-time optimization: __initstub__kmod_FILE__COUNTER_LINE_NAME and the level. */
static void test_stubs(void **state)
{
    static const struct {
        const char *stub, *name; /* name: NULL: it is none */
    } rows[] = {{"__initstub__kmod_acpi__322_1404_acpi_init4", "acpi_init"},
                {"__initstub__kmod_vt__322_3687_con_initcon", "con_init"},
                {"__initstub__kmod_initramfs__377_736_populate_rootfsrootfs", "populate_rootfs"},
                {"__initstub__kmod_pci__250_10_pci_sysctl7s.cfi", "pci_sysctl"},
                {"__initstub__kmod_a__b__250_10_one6", "one"},
                {"__initstub__kmod_nothing", NULL},
                {"acpi_init", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[80] = "";
        assert_int_equal(linux_initcall_of_stub(rows[i].stub, name, sizeof name), rows[i].name != NULL);
        if (rows[i].name)
            assert_string_equal(name, rows[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),   cmocka_unit_test(test_results), cmocka_unit_test(test_modules),
        cmocka_unit_test(test_levels), cmocka_unit_test(test_loaders), cmocka_unit_test(test_others),
        cmocka_unit_test(test_stubs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
