/* test_why_causes.c - verdicts on what kernels, firmware and hypervisors say (core/why): a row has the events, the end of the record, and the code;
 * counter-examples say the same words and are well. */
#include "tests/unit/event_lists.h"

#define FREEBSD WITH(EV_KERNEL_FOUND, "FreeBSD 13.0-RELEASE")
#define XEN     WITH(EV_XEN_FOUND, "Xen 4.17")

static void test_freebsd_roots(void **state)
{
    SAYS("reached", "freebsd.no-root", NULL, FREEBSD,
         WITH(EV_KERNEL_VARIABLE, "vfs.root.mountfrom=ufs:/dev/ada9"), LINE("ada0: <DISK> ATA device"),
         LINE("Trying to mount root from ufs:/dev/ada9 []..."),
         LINE("Mounting from ufs:/dev/ada9 failed with error 19."),
         LINE("Manual root filesystem specification:"), LINE("mountroot>"));
    SAYS("reached", "freebsd.no-root", NULL, FREEBSD,
         LINE("Mounting from zfs:zroot failed with error 2: unknown file system."),
         LINE("Manual root filesystem specification:"), LINE("mountroot>"));
    SAYS("reached", "freebsd.panic", NULL, FREEBSD, LINE("panic: double fault"), LINE("cpuid = 0"),
         LINE("KDB: enter: panic"));
    /* Retries that end well. */
    SAYS("power-off", "ok.power-off", NULL, FREEBSD,
         LINE("Mounting from ufs:/dev/da0 failed with error 19; retrying for 3 more seconds"),
         LINE("login: "), {EV_POWER_OFF, "ACPI", {0}});
}

static void test_other_kernels_panic(void **state)
{
    SAYS("reached", "xen.panic", NULL, XEN, LINE("(XEN) Panic on CPU 0:"),
         WITH(EV_KERNEL_PANIC, "Could not construct domain 0"));
    SAYS("reached", "xen.domain-died", NULL, XEN, WITH(EV_DOMAIN_END, "crash"));
    SAYS("power-off", "ok.power-off", NULL, XEN, WITH(EV_DOMAIN_END, "power off"),
         {EV_POWER_OFF, "ACPI", {0}});
}

static void test_uefi_stops(void **state)
{
    SAYS("reached", "uefi.stops", "the UEFI firmware stops: ASSERT [DxeCore] Page.c(42): Found",
         {EV_EFI_START, "DxeCore", {1}}, WITH(EV_FIRMWARE_LOG, "ASSERT [DxeCore] Page.c(42): Found"));
    SAYS(
        "reached", "uefi.nothing-to-boot",
        "the UEFI firmware finds nothing to boot, and starts its own Shell: failed to load Boot0001: Not Found",
        {EV_EFI_PART_DONE, "Boot0001 disk", {FAILED, FAILED, FAILED}},
        LINE("BdsDxe: failed to load Boot0001: Not Found"), {EV_EFI_START, "Shell", {APPLICATION}},
        LINE("Shell> "));
    /* A boot manager has no "." in its name either, and is no program of the firmware's. */
    SAYS("reached", "unknown.other", NULL, {EV_EFI_PART_DONE, "Boot0001 CD", {FAILED, FAILED, FAILED}},
         LINE("BdsDxe: failed to load Boot0001: Not Found"),
         WITH(EV_EFI_NOTE, "BOOTX64.EFI is systemd-boot 252"), {EV_EFI_START, "systemd-boot", {APPLICATION}});
    SAYS("reached", "uefi.secure-boot", NULL, {EV_EFI_START, "DxeCore", {1}},
         {EV_EFI_SERVICE,
          "LoadImage(0, x, DevicePath \\EFI\\BOOT\\BOOTX64.EFI, SourceSize 5) = EFI_SECURITY_VIOLATION",
          {FAILED, FAILED, FAILED, FAILED}},
         LINE("BdsDxe: failed to load Boot0001: Access Denied"));
}

static void test_firmware_finds_nothing(void **state)
{
    SAYS("reached", "firmware.nothing-to-boot", NULL, LINE("Booting from Hard Disk..."),
         LINE("Boot failed: not a bootable disk"), LINE("No bootable device."));
    SAYS("halted", "firmware.nothing-to-boot", NULL, LINE("no bootable device"),
         {EV_HALT, NULL, {8, 0x1000}});
}

static void test_linux_oopses(void **state)
{
    SAYS("reached", "linux.oops", NULL, LINUX,
         LINE("[    1.0] BUG: kernel NULL pointer dereference, address: 0000000000000008"),
         LINE("[    1.0] Oops: 0002 [#1] SMP PTI"), WITH(EV_KERNEL_PANIC, "Fatal exception"));
    SAYS("reached", "linux.oops", NULL, LINUX, LINE("[    1.0] kernel BUG at mm/slub.c:305!"),
         LINE("[    1.0] invalid opcode: 0000 [#1] SMP"),
         WITH(EV_KERNEL_PANIC, "Fatal exception in interrupt"));
}

static void test_linux_initramfs(void **state)
{
    SAYS("reached", "linux.root-wait", NULL, LINUX, WITH(EV_INIT_RUN, "/init"),
         LINE("ALERT!  UUID=1234 does not exist.  Dropping to a shell!"), LINE("(initramfs) "));
    SAYS("reached", "linux.no-init", NULL, LINUX, LINE("[    1.1] Failed to execute /sbin/init (error -2)"),
         WITH(EV_KERNEL_PANIC, "No working init found."));
    SAYS("reached", "linux.panic", NULL, LINUX,
         WITH(EV_KERNEL_PANIC, "Watchdog detected hard LOCKUP on cpu 0"));
}

static void test_resets(void **state)
{
    SAYS("reset-loop", "reset.loop", NULL, {EV_RESET, "keyboard controller", {0}});
    SAYS("reset", "reset.watchdog", NULL, LINE("waiting"), {EV_RESET, "the watchdog of the PIIX", {0}},
         LINE("waiting"));
    SAYS("power-off", "ok.power-off", NULL, LINUX, LINE("login: "), WITH(EV_KERNEL_SHUTDOWN, "power off"),
         {EV_POWER_OFF, "ACPI", {0}});
    SAYS("reset", "ok.shut-down", NULL, LINUX, LINE("login: "), WITH(EV_KERNEL_SHUTDOWN, "restart"),
         {EV_RESET, "port cf9h", {0}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_freebsd_roots), cmocka_unit_test(test_other_kernels_panic),
        cmocka_unit_test(test_uefi_stops),    cmocka_unit_test(test_firmware_finds_nothing),
        cmocka_unit_test(test_linux_oopses),  cmocka_unit_test(test_linux_initramfs),
        cmocka_unit_test(test_resets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
