/* test_why_events.c - verdicts of boots that are given as lists of events, without a machine to look at (core/why). */
#include "tests/unit/event_lists.h"

static void test_words(void **state)
{
    static const char *const errors[] = {
        "error: no such device",     "Kernel PANIC - halted",    "mount: can't find /dev/sda",
        "** Unable to read file **", "File not found",           "Disk read error 0C",
        "sector 7 is not readable",  "unloadable file format",   "no disk: error 5",
        "nothing to do, fatal",      "Read of sector 0 failed!", "Disk 0 read failed"};
    static const char *const others[] = {"Loading the kernel",
                                         "ext4: mounted, errors=remount-ro",
                                         "terror",
                                         "failover done",
                                         "Press any key",
                                         "a table of four",
                                         "portable and readable",
                                         "No errors were found on it",
                                         "63 passed, 0 failed",
                                         "0 errors",
                                         "fsck: done, with 0 errors",
                                         "nothing is missing, nothing failed"};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        assert_true(said_words(errors[i]));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(said_words(others[i]));
}

/* The first of the errors that were said together is the headline, not the last; what came long before is none. */
static void test_error_said(void **state)
{
    SAYS("halted", "error.said",
         "the machine says \"error: file /vmlinuz not found\", and halts the processor",
         LINE("warning: bad CRC, using defaults"), LINE("one"), LINE("two"), LINE("three"), LINE("four"),
         LINE("five"), LINE("error: file /vmlinuz not found"), LINE("error: load the kernel first"),
         {EV_HALT, NULL, {8, 0x1000}});
}

/* A halt without words is one. */
static void test_halted(void **state)
{
    SAYS("halted", "hang.halted", NULL, LINE("all is well"), {EV_HALT, NULL, {8, 0x1000}});
}

static void test_power_off(void **state)
{
    SAYS("power-off", "ok.power-off", "nothing went wrong: the guest switched the machine off", LINE("bye"),
         {EV_POWER_OFF, "ACPI", {0}});
}

/* A triple fault is the headline even if the next boot goes well … */
static void test_first_boot(void **state)
{
    struct step list[] = {{EV_TRIPLE_FAULT, NULL, {8, 0x1000, 13, 13 | 0x6b << 8, 13 | 0x43 << 8}},
                          {EV_RESET, "triple fault", {0}},
                          LINE("well"),
                          {EV_POWER_OFF, "ACPI", {0}}};
    struct why *w = ask(list, sizeof list / sizeof list[0], "power-off");
    assert_int_equal(w->answer, WHY_WRONG);
    assert_non_null(strstr(w->verdict, "triple fault"));
    why_free(w);
}

/* … but not one that was made to reset the machine: LIDT of nothing, and an interrupt. */
static void test_on_purpose(void **state)
{
    const struct step list[] = {{EV_CPU_DTABLE, "IDT", {1, 0, 0, 0x1000}},
                                {EV_TRIPLE_FAULT, NULL, {8, 0x1000, 13, 13 | 0x6b << 8, 13 | 0x43 << 8}},
                                {EV_RESET, "triple fault", {0}},
                                LINE("well"),
                                {EV_POWER_OFF, "ACPI", {0}}};
    struct trace_config config = sample_config;
    struct error err = {0};
    char *path = temp_path("why-purpose");
    config.nimages = 0;
    struct trace_writer *w = trace_writer_create(path, &config, &err);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct event ev = {.kind = (uint16_t)list[i].kind,
                           .icount = 100 + i,
                           .time = 100 + i,
                           .data = list[i].text,
                           .len = list[i].text ? (uint32_t)strlen(list[i].text) : 0};
        memcpy(ev.f, list[i].f, sizeof list[i].f);
        assert_int_equal(trace_write_event(w, &ev, NULL), 0);
    }
    const struct trace_end end = {.reason = "power-off", .text = "", .icount = 104, .time = 104};
    assert_int_equal(trace_writer_finish(w, &end, &err), 0);
    struct trace *t = trace_open(path, &err);
    struct why *why = why_ask(t, &fake_kind, UINT64_MAX, &err);
    assert_int_equal(why->code, WHY_OK_POWER_OFF);
    why_free(why);
    trace_close(t);
    unlink(path);
    free(path);
}

/* The program that failed, although the firmware went on to its shell; in its own words. */
static void test_efi_program(void **state)
{
    SAYS("reached", "uefi.program-failed",
         "the UEFI program grubx64.efi gives up with the error EFI_NOT_FOUND: error: no such file",
         {EV_EFI_START, "grubx64.efi", {APPLICATION}}, LINE("error: no such file"),
         {EV_EFI_RETURN, "grubx64.efi", {APPLICATION, FAILED}}, {EV_EFI_START, "Shell", {APPLICATION}},
         LINE("Shell>"));
}

/* GRUB's first error, whichever of its texts that is. */
static void test_grub(void **state)
{
    SAYS("reached", "grub.failed", "GRUB cannot go on: error: file `/vmlinuz' not found.",
         {EV_BOOT_SECTOR_ENTER, NULL, {0x7c00, 0x80}}, LINE("GRUB loading."),
         LINE("error: file `/vmlinuz' not found."), LINE("error: you need to load the kernel first."),
         LINE("Press any key to continue..."));
}

/* … also one that none of its known texts is: the errors before it, with the same beginning. */
static void test_grub_first(void **state)
{
    SAYS("reached", "grub.failed", "GRUB cannot go on: error: no multiboot header found.",
         {EV_BOOT_SECTOR_ENTER, NULL, {0x7c00, 0x80}}, LINE("GRUB loading."),
         LINE("error: no multiboot header found."), LINE("error: you need to load the kernel first."));
}

/* A short error takes the next line along. */
static void test_said_further(void **state)
{
    SAYS("halted", "error.said",
         "the machine says \"PANIC! / heap: no memory left (28 bytes)\", and halts the processor",
         LINE("one"), LINE("PANIC!"), LINE("heap: no memory left (28 bytes)"), {EV_HALT, NULL, {8, 0x1000}});
}

/* The read that failed comes before what was said about it. */
static void test_said_because(void **state)
{
    SAYS(
        "halted", "error.said",
        "INT 13h cannot read from drive 00h (01h: invalid function or parameter): the machine says \"Could not read the disk!\"",
        {EV_BOOT_SECTOR_ENTER, NULL, {0x7c00, 0x80}},
        {EV_SERVICE, "read: drive 00h -> error 01h", {0x13, 2, 1, 0x0100}}, LINE("Could not read the disk!"),
        {EV_HALT, NULL, {8, 0x1000}});
}

/* ---------------------------------------------------------------- Linux and systemd */

#define NO_ROOT WITH(EV_KERNEL_PANIC, "VFS: Unable to mount root fs on unknown-block(0,0)")

/* What a Linux without a root file system lacks: the first that applies. */
#define SECTOR                                                                                               \
    {                                                                                                        \
        EV_BOOT_SECTOR_ENTER, NULL,                                                                          \
        {                                                                                                    \
            0x7c00, 0x80                                                                                     \
        }                                                                                                    \
    }
#define READ(carry)                                                                                          \
    {                                                                                                        \
        EV_SERVICE, "INT 13h AH=02h read: drive 80h",                                                        \
        {                                                                                                    \
            0x13, 2, carry, carry ? 0x400 : 1, 0, 0x10080                                                    \
        }                                                                                                    \
    }
#define HALT                                                                                                 \
    {                                                                                                        \
        EV_HALT, NULL,                                                                                       \
        {                                                                                                    \
            8, 0x1000                                                                                        \
        }                                                                                                    \
    }

/* What is printed after a read of the boot drive has failed tells of it in whatever words, unless another read goes well. */
static void test_boot_read(void **state)
{
    SAYS(
        "halted", "error.said",
        "INT 13h cannot read from drive 80h (04h: sector not found): the machine says \"stage B\", and halts the processor",
        SECTOR, READ(1), LINE("stage B"), HALT);
    SAYS("halted", "loader.read-failed",
         "INT 13h cannot read from drive 80h (04h: sector not found); the program halts the processor",
         SECTOR, READ(1), HALT);
    SAYS("halted", "hang.halted", NULL, SECTOR, READ(1), READ(0), LINE("stage B"), HALT);
}

static void test_no_root(void **state)
{
    SAYS("reached", "linux.no-root",
         "Linux has no root file system: there is no root= in its command line, and it was given no initrd",
         LINUX, WITH(EV_COMMAND_LINE, "console=ttyS0"), NO_ROOT);
    /* Without an event of it, the command line is what the kernel has printed; a root= that is not known is not said to be missing. */
    SAYS("reached", "linux.no-root",
         "Linux cannot mount root=/dev/udba: the machine has no disk, and the kernel was given no initrd",
         LINUX, LINE("Kernel command line: mem=128M root=/dev/udba"), NO_ROOT);
    SAYS("reached", "linux.no-root",
         "Linux cannot mount its root file system: VFS: Unable to mount root fs on unknown-block(0,0)", LINUX,
         NO_ROOT);
    SAYS("reached", "linux.initrd",
         "Linux has no root file system: its initrd could not be unpacked (Initramfs unpacking failed: junk)",
         LINUX, WITH(EV_COMMAND_LINE, "console=ttyS0"), LINE("[    0.5] Initramfs unpacking failed: junk"),
         NO_ROOT);
    SAYS("reached", "linux.no-root",
         "Linux cannot mount root=/dev/sda1: the machine has no disk, and the kernel was given no initrd",
         LINUX, WITH(EV_COMMAND_LINE, "root=/dev/sda1"), NO_ROOT);
    SAYS("reached", "linux.no-root",
         "Linux cannot mount root=/dev/nfs: VFS: Unable to mount root fs on unknown-block(0,0)", LINUX,
         WITH(EV_COMMAND_LINE, "root=/dev/nfs"), NO_ROOT);
}

static void test_panics(void **state)
{
    SAYS("reached", "linux.init-died",
         "init exits with status 2, after it has said: /init: line 7: syntax error", LINUX,
         WITH(EV_INIT_RUN, "/init"), LINE("/init: line 7: syntax error"),
         WITH(EV_KERNEL_PANIC, "Attempted to kill init! exitcode=0x00000200"));
    SAYS("reached", "linux.init-died",
         "init is killed by signal 11 (SIGSEGV), and Linux cannot go on without it", LINUX,
         WITH(EV_INIT_RUN, "/init"), WITH(EV_KERNEL_PANIC, "Attempted to kill init! exitcode=0x0000000b"));
    SAYS("reached", "linux.out-of-memory",
         "Linux ran out of memory: Out of memory and no killable processes...", LINUX,
         LINE("[    3.1] Out of memory and no killable processes..."),
         WITH(EV_KERNEL_PANIC, "System is deadlocked on memory"));
    SAYS("reached", "linux.panic", "Linux panicked: sysrq triggered crash", LINUX,
         WITH(EV_KERNEL_PANIC, "sysrq triggered crash"));
    SAYS(
        "reached", "linux.no-init",
        "Linux finds no init that it can execute: Failed to execute /init (error -8): it is neither a program for this processor…",
        LINUX, LINE("[    1.1] Failed to execute /init (error -8)"),
        WITH(EV_KERNEL_PANIC, "No working init found."));
}

#define SYSTEMD(level, text)                                                                                 \
    {                                                                                                        \
        EV_PROCESS_LOG, text,                                                                                \
        {                                                                                                    \
            level, 1, 1                                                                                      \
        }                                                                                                    \
    }

static void test_units(void **state)
{
    SAYS("reached", "systemd.unit-failed",
         "systemd has a unit that failed: a.service: Failed with result 'exit-code'.", LINUX,
         SYSTEMD(4, "a.service: Failed with result 'exit-code'."));
    SAYS("reached", "systemd.freezes", "systemd gives up, and freezes: Failed to load x.target", LINUX,
         SYSTEMD(3, "Failed to load x.target"), SYSTEMD(0, "Freezing execution."));
    SAYS(
        "reached", "systemd.maintenance",
        "the system does not come up, and ends in a shell for maintenance: Timed out waiting for device dev-sdb.device.",
        LINUX, SYSTEMD(4, "Timed out waiting for device dev-sdb.device."),
        SYSTEMD(6, "Reached target emergency.target - Emergency Mode."));
}

/* A machine that a process restarts again and again: what it said. */
static void test_restarts(void **state)
{
    const struct step list[] = {LINUX,
                                WITH(EV_INIT_RUN, "/init"),
                                LINE("health check failed: no config"),
                                {EV_KERNEL_SHUTDOWN, "restart", {0}},
                                {EV_RESET, "port cf9h", {0}}};
    struct why *w = ask(list, sizeof list / sizeof list[0], "reset-loop");
    assert_string_equal(why_code_name(w->code), "reset.loop");
    assert_non_null(strstr(w->verdict, "health check failed"));
    why_free(w);
}

/* A program that says why it resets the machine: that, and what it was refused, come before the resets. */
static void test_error_before_reset(void **state)
{
    const struct step list[] = {SECTOR, READ(1), LINE("kernel image missing"), {EV_RESET, "port cf9h", {0}}};
    struct why *w = ask(list, sizeof list / sizeof list[0], "reset-loop");
    assert_string_equal(why_code_name(w->code), "error.said");
    assert_non_null(strstr(w->verdict, "INT 13h cannot read from drive 80h (04h: sector not found)"));
    why_free(w);
    const struct step mute[] = {SECTOR, READ(0), {EV_RESET, "port cf9h", {0}}};
    w = ask(mute, sizeof mute / sizeof mute[0], "reset-loop");
    assert_string_equal(why_code_name(w->code), "reset.loop");
    assert_null(strstr(w->verdict, "again and again")); /* the record has one */
    why_free(w);
}

#define INIT_EXITS WITH(EV_KERNEL_PANIC, "Attempted to kill init! exitcode=0x00000100")
/* A program of pid 5, from its start to its end. */
#define RUNS(name)                                                                                           \
    {EV_PROCESS_CREATE, "sh", {1, 0, 5, 5, 1}}, {EV_PROCESS_EXEC, "/bin/" name, {5, 5}},                     \
    {                                                                                                        \
        EV_SCHED_SWITCH, name,                                                                               \
        {                                                                                                    \
            1, 5, 5                                                                                          \
        }                                                                                                    \
    }
#define ENDS(name, code)                                                                                     \
    {                                                                                                        \
        EV_PROCESS_EXIT, name,                                                                               \
        {                                                                                                    \
            code, 5, 5                                                                                       \
        }                                                                                                    \
    }

/* What was printed while a program ran that then failed is its error, in whatever words: its own last line. */
static void test_failed_program(void **state)
{
    SAYS("reached", "linux.init-died", "init exits with status 1, after it has said: nothing to configure",
         LINUX, WITH(EV_INIT_RUN, "/init"), RUNS("ipconfig"), LINE("nothing to configure"),
         ENDS("ipconfig", 0x100), LINE("/init: can't open net.conf"), INIT_EXITS);
    /* Not if it did its work. */
    SAYS("reached", "linux.init-died",
         "init exits with status 1, after it has said: could not assemble the root", LINUX,
         WITH(EV_INIT_RUN, "/init"), RUNS("mount"), LINE("[    2.3] overlayfs: all is well"),
         ENDS("mount", 0), LINE("could not assemble the root"), INIT_EXITS);
}

/* Programs that have done their work since: what was said before them is over. */
static void test_progress(void **state)
{
    SAYS("reached", "linux.init-died", "init exits with status 1, after it has said: no key: cannot open it",
         LINUX, WITH(EV_INIT_RUN, "/init"), LINE("insmod: can't insert a.ko: File exists"), RUNS("insmod"),
         ENDS("insmod", 0), RUNS("insmod"), ENDS("insmod", 0), LINE("no key: cannot open it"), INIT_EXITS);
    SAYS("reached", "linux.init-died", "init exits with status 1, after it has said: no disk: cannot open it",
         LINUX, WITH(EV_INIT_RUN, "/init"), LINE("no disk: cannot open it"), RUNS("sleep"), ENDS("sleep", 0),
         RUNS("sleep"), ENDS("sleep", 0), LINE("no disk: cannot open it, giving up"), INIT_EXITS);
}

static void test_asks(void **state)
{
    assert_true(said_asks("login:"));
    assert_true(said_asks("[Press enter to continue]"));
    assert_true(said_asks("Hit any key"));
    assert_true(said_asks("go on? [Y/n]"));
    assert_false(said_asks("Loading the kernel ..."));
    assert_false(said_asks("fetching 45%"));
    assert_false(said_asks("[=====>   ]"));
    assert_false(said_asks("Decompressing image"));
    assert_false(said_asks("Generating host key"));
    assert_false(said_asks(""));
}

/* A kernel that another one started by kexec: the panic before it is the verdict. */
static void test_kexec(void **state)
{
    const struct step list[] = {LINUX,
                                WITH(EV_KERNEL_PANIC, "sysrq triggered crash"),
                                {EV_KERNEL_KEXEC, NULL, {0x100000}},
                                LINUX,
                                LINE("saved the vmcore"),
                                {EV_POWER_OFF, "ACPI", {0}}};
    struct why *w = ask(list, sizeof list / sizeof list[0], "power-off");
    assert_string_equal(why_code_name(w->code), "linux.panic");
    assert_string_equal(w->verdict,
                        "Linux panicked: sysrq triggered crash; then kexec started another kernel");
    why_free(w);
}

/* … also if the kernel that was to save its memory fails, for a reason of its own. */
static void test_crash_kernel(void **state)
{
    const struct step list[] = {LINUX,
                                WITH(EV_KERNEL_PANIC, "sysrq triggered crash"),
                                {EV_KERNEL_KEXEC, NULL, {0x100000}},
                                LINUX,
                                WITH(EV_KERNEL_PANIC, "no room")};
    struct why *w = ask(list, sizeof list / sizeof list[0], "reached");
    assert_string_equal(w->verdict, "the kernel panicked (sysrq triggered crash), and the crash kernel then "
                                    "failed: Linux panicked: no room");
    why_free(w);
}

/* What a program said of the volume group comes before the end of the patience for it. */
static void test_gave_up(void **state)
{
    SAYS(
        "reached", "linux.root-wait",
        "Linux waits for its root file system in vain (root=/dev/mapper/vg-root): Volume group \"vg\" not found",
        LINUX, WITH(EV_COMMAND_LINE, "root=/dev/mapper/vg-root"), LINE("  Volume group \"vg\" not found"),
        LINE("Gave up waiting for root file system device."));
}

/* Nothing says that anything went wrong, and nothing that it went well. */
static void test_unknown(void **state)
{
    struct why *w = ask((const struct step[]){LINE("hello")}, 1, "reached");
    assert_int_equal(w->answer, WHY_UNKNOWN);
    why_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words),
                                       cmocka_unit_test(test_error_said),
                                       cmocka_unit_test(test_halted),
                                       cmocka_unit_test(test_power_off),
                                       cmocka_unit_test(test_first_boot),
                                       cmocka_unit_test(test_on_purpose),
                                       cmocka_unit_test(test_efi_program),
                                       cmocka_unit_test(test_grub),
                                       cmocka_unit_test(test_unknown),
                                       cmocka_unit_test(test_grub_first),
                                       cmocka_unit_test(test_said_further),
                                       cmocka_unit_test(test_said_because),
                                       cmocka_unit_test(test_no_root),
                                       cmocka_unit_test(test_panics),
                                       cmocka_unit_test(test_units),
                                       cmocka_unit_test(test_restarts),
                                       cmocka_unit_test(test_kexec),
                                       cmocka_unit_test(test_crash_kernel),
                                       cmocka_unit_test(test_gave_up),
                                       cmocka_unit_test(test_boot_read),
                                       cmocka_unit_test(test_error_before_reset),
                                       cmocka_unit_test(test_failed_program),
                                       cmocka_unit_test(test_progress),
                                       cmocka_unit_test(test_asks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
