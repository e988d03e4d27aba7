/* names.c - what Linux's events mean, in words. Nothing here examines a guest.
 *
 * Sources: Linux, include/linux/{init,console}.h (levels, stubs); Documentation/arch/x86/boot.rst (loader types); wait(2) (exit codes);
 * syslog(3).
 */
#include "core/systems/linux/private/names.h"

#include "core/systems/linux/private/impl.h"
#include "core/story/processes.h"

static void add_result(struct text *out, int64_t result)
{
    const char *name = linux_error_name(result);
    if (name)
        text_add(out, "failed: %s", name);
    else
        text_add(out,
                 result < 0 ? "failed: error %lld"
                 : result   ? "returned %lld"
                            : "succeeded",
                 (long long)result);
}

/* ---------------------------------------------------------------- events */

static void created(struct text *out, const struct event *ev)
{
    text_add(out, "%s: ", process_kind_text(EVF(ev, PROCESS_CREATE, kind)));
    linux_add_clone(out, EVF(ev, PROCESS_CREATE, flags));
}

/* wait(2): the status in bits 8-15, or the signal in bits 0-6, with bit 7 if memory was dumped. */
static void exited(struct text *out, uint64_t code)
{
    if (!(code & 0x7f)) {
        text_add(out, "exit code %llu", (unsigned long long)(code >> 8 & 0xff));
        return;
    }
    text_add(out, "killed by ");
    linux_add_signal(out, code & 0x7f);
    if (code & 0x80)
        text_add(out, ", core dumped");
}

/* "SIGSEGV (SEGV_MAPERR), handled": sigaction(2). */
static void signalled(struct text *out, const struct event *ev)
{
    const uint64_t signal = EVF(ev, HOST_SIGNAL, signal);
    linux_add_signal(out, signal);
    text_add(out, " (");
    linux_add_signal_code(out, signal, (int64_t)EVF(ev, HOST_SIGNAL, code));
    text_add(out, "), %s", EVF(ev, HOST_SIGNAL, handler) ? "a handler runs" : "the default action");
}

static void boot_params(struct text *out, const struct event *ev)
{
    static const char *const loaders[] = {"LILO",
                                          "Loadlin",
                                          "bootsect-loader",
                                          "Syslinux",
                                          "Etherboot, gPXE, iPXE",
                                          "ELILO",
                                          NULL,
                                          "GRUB",
                                          "U-Boot",
                                          "Xen",
                                          "Gujin",
                                          "QEMU",
                                          "Arcturus",
                                          "kexec-tools"};
    uint64_t protocol = EVF(ev, BOOT_PARAMS, protocol), loader = EVF(ev, BOOT_PARAMS, loader);
    if (protocol)
        text_add(out, "Linux boot protocol %llu.%02llu", (unsigned long long)protocol >> 8,
                 (unsigned long long)protocol & 0xff);
    else
        text_add(out, "a boot protocol without a version, as of the kernel's EFI stub");
    if (loader == 0xff)
        text_add(out, ", a loader without a number");
    else if (loader >> 4 < sizeof loaders / sizeof loaders[0] && loaders[loader >> 4])
        text_add(out, ", loaded by %s", loaders[loader >> 4]);
}

static void console(struct text *out, const struct event *ev)
{
    static const struct flag_name flags[] = {
        {1, "CON_PRINTBUFFER"}, {2, "CON_CONSDEV"},     {4, "CON_ENABLED"},
        {8, "CON_BOOT"},        {16, "CON_ANYTIME"},    {32, "CON_BRL"},
        {64, "CON_EXTENDED"},   {128, "CON_SUSPENDED"}, {0, NULL}};
    text_add_flags(out, EVF(ev, KERNEL_CONSOLE, flags), flags, "no flags");
}

static void said(struct text *out, const struct event *ev)
{
    static const char *const levels[] = {"emergency", "alert",  "critical", "error",
                                         "warning",   "notice", "info",     "debug"};
    uint64_t level = EVF(ev, PROCESS_LOG, level);
    text_add(out, "level %s", level < 8 ? levels[level] : "not known");
}

/* Kinds with a fixed explanation. */
static const struct {
    uint16_t kind;
    const char *words;
} fixed[] = {
    {EV_PROCESS_NAME, "the task gets a name (comm)"},
    {EV_PROCESS_EXEC, "execve: another program in the same process"},
    {EV_SCHED_SWITCH, "context switch"},
    {EV_DECOMPRESS_BEGIN, "the kernel's own decompressor unpacks it"},
    {EV_DECOMPRESS_END, "the decompressor jumps to the kernel proper"},
    {EV_INIT_FREED, "code and data of the kernel's start are given back"},
    {EV_INIT_RUN, "the kernel starts the first program"},
    {EV_KERNEL_MEMORY, "the page allocator takes over from the boot allocator"},
    {EV_MODULE_LOAD, "a kernel module is in memory, before it is initialized"},
    {EV_KERNEL_ENTRY, "the kernel's entry point, in its own set-up or decompression code"},
    {EV_COMMAND_LINE, "what the loader passes as the kernel's command line"},
    {EV_INITRD, "the initial RAM disk, as the loader put it into memory"},
    {EV_E820, "a range of the memory map that the kernel gets"},
    {EV_KERNEL_FOUND, "Linux is in memory: its symbols are known from here on"},
    {EV_KERNEL_REACHED, "a function of the kernel's start is entered"},
    {EV_KERNEL_SHUTDOWN, "the kernel shuts the machine down"},
    {EV_KERNEL_PANIC, "the kernel gives up"},
    {EV_PANIC_TIMEOUT, "what the kernel does once it has given up: panic_timeout; 0: it stays as it is"},
    {EV_MODULE_SECTION, "where a section of a module is"},
    {EV_MODULE_UNLOAD, "a module is removed"},
    {EV_MODULE_BEGIN, "a module's file is in memory, and will be checked, linked and initialized"},
    {EV_INITRAMFS, "the files of the initramfs are made, in memory"},
    {EV_INITRAMFS_DONE, "the files of the initramfs are there"},
    {EV_DEVICE_PROBE, "the driver is asked whether it takes the device"},
    {EV_DEVICE_DEFERRED,
     "the probe needs what is not there yet: it is tried again when another device has got its driver"},
    {EV_DEVICE_UEVENT, "the kernel tells user space (udev) of a device"},
    {EV_CPU_UP, "another processor has started"},
};

static void probed(struct text *out, const struct event *ev)
{
    int64_t result = (int64_t)EVF(ev, DEVICE_PROBE_DONE, result);
    const char *name = linux_error_name(result);
    if (!result)
        text_add(out, "the driver has the device");
    else if (result > 0)
        text_add(out, "the driver does not have the device");
    else
        text_add(out, "the driver does not take the device: %s", name ? name : "an unknown error");
}

static void module_done(struct text *out, const struct event *ev)
{
    int64_t signature = (int64_t)EVF(ev, MODULE_DONE, signature);
    const char *error = linux_error_name(signature);
    add_result(out, (int64_t)EVF(ev, MODULE_DONE, result));
    if (signature < 0)
        text_add(out, ", signature not verified: %s", error ? error : "an unknown error");
    else
        text_add(out, signature == 0   ? ", signature verified"
                      : signature == 1 ? ", without a signature"
                                       : ", with a signature that is not looked at");
}

/* The name of a field's value, from the guest system's table. */
static const char *name_of(const struct event *ev, unsigned field)
{
    const char *name = linux_system.word(ev->kind, field, event_number(ev, field));
    return name ? name : "unknown";
}

bool linux_event_words(const struct event *ev, struct text *out)
{
    switch (ev->kind) {
    case EV_PROCESS_CREATE:
        created(out, ev);
        return true;
    case EV_PROCESS_EXIT:
        exited(out, EVF(ev, PROCESS_EXIT, code));
        return true;
    case EV_HOST_EXIT:
        exited(out, EVF(ev, HOST_EXIT, code));
        return true;
    case EV_HOST_CLONE:
        linux_add_clone(out, EVF(ev, HOST_CLONE, flags));
        return true;
    case EV_HOST_SIGNAL:
        signalled(out, ev);
        return true;
    case EV_HOST_RESULT:
        add_result(out, (int64_t)EVF(ev, HOST_RESULT, result));
        return true;
    case EV_PROCESS_LOG:
        said(out, ev);
        return true;
    case EV_SYSCALL_EXIT:
        add_result(out, (int64_t)EVF(ev, SYSCALL_EXIT, result));
        return true;
    case EV_INITCALL:
        text_add(out, "%s initcall", name_of(ev, EVF_INITCALL_level));
        return true;
    case EV_INITCALL_DONE:
        text_add(out, "%s initcall, ", name_of(ev, EVF_INITCALL_DONE_level));
        add_result(out, (int64_t)EVF(ev, INITCALL_DONE, result));
        return true;
    case EV_MODULE_DONE:
        module_done(out, ev);
        return true;
    case EV_DEVICE_PROBE_DONE:
        probed(out, ev);
        return true;
    case EV_DEVICE_FIRMWARE:
        add_result(out, (int64_t)EVF(ev, DEVICE_FIRMWARE, result));
        return true;
    case EV_KERNEL_CALL:
        text_add(out, "called by %s", name_of(ev, EVF_KERNEL_CALL_parent));
        return true;
    case EV_KERNEL_RETURN:
        text_add(out, "back in %s", name_of(ev, EVF_KERNEL_RETURN_parent));
        return true;
    case EV_BOOT_PARAMS:
        boot_params(out, ev);
        return true;
    case EV_KERNEL_CONSOLE:
        console(out, ev);
        return true;
    }
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (fixed[i].kind == ev->kind) {
            text_add(out, "%s", fixed[i].words);
            return true;
        }
    return false;
}

/* "__322_3687_con_initcon": a counter and a line, then the name. NULL if that does not begin here. */
static const char *after_numbers(const char *p)
{
    for (unsigned i = 0; i < 2; i++) {
        const char *digits = p + (i ? 1 : 2);
        if (strncmp(p, i ? "_" : "__", i ? 1 : 2) != 0)
            return NULL;
        p = digits + strspn(digits, "0123456789");
        if (p == digits)
            return NULL;
    }
    return *p == '_' && p[1] ? p + 1 : NULL;
}

/* How long a name is without the level at its end: early, 0 to 7, 0s to 7s, rootfs, con. */
static size_t without_level(const char *name, size_t n)
{
    static const char *const levels[] = {"early", "rootfs", "con"};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        const size_t k = strlen(levels[i]);
        if (n > k && !strncmp(name + n - k, levels[i], k))
            return n - k;
    }
    const size_t digit = n > 1 && name[n - 1] == 's' ? n - 2 : n - 1;
    return n > 1 && digit && name[digit] >= '0' && name[digit] <= '7' ? digit : n;
}

bool linux_initcall_of_stub(const char *stub, char *buf, size_t size)
{
    static const char prefix[] = "__initstub__kmod_";
    if (strncmp(stub, prefix, sizeof prefix - 1) != 0)
        return false;
    for (const char *p = stub + sizeof prefix - 1; (p = strstr(p, "__")); p++) {
        const char *name = after_numbers(p);
        if (!name)
            continue;
        snprintf(buf, size, "%.*s", (int)without_level(name, strcspn(name, ".")), name);
        return true;
    }
    return false;
}
