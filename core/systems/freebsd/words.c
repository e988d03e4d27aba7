/* words.c - FreeBSD's numbers by name, its events in words. See impl.h. */
#include "core/systems/freebsd/private/impl.h"

static const struct {
    uint32_t number, first;
    const char *name;
} subsystems[] = {
#define SUBSYSTEM(number, first, name) {number, first, "SI_SUB_" #name},
#include "core/systems/freebsd/subsystems.def"
#undef SUBSYSTEM
};

const char *fb_subsystem_name(uint32_t release, uint32_t subsystem)
{
    const char *name = NULL;
    for (size_t i = 0; i < sizeof subsystems / sizeof subsystems[0]; i++)
        if (subsystems[i].number == subsystem && subsystems[i].first <= release)
            name = subsystems[i].name;
    return name;
}

static const struct {
    uint16_t number;
    const char *name;
} errors[] =
    {
#define ERRNO(number, name) {number, #name},
#define SIGNAL(number, name)
#define TRAP(number, name, words)
#include "core/systems/freebsd/numbers.def"
#undef ERRNO
#undef SIGNAL
},
  signals[] = {
#define ERRNO(number, name)
#define SIGNAL(number, name) {number, #name},
#include "core/systems/freebsd/numbers.def"
#undef ERRNO
#undef SIGNAL
#undef TRAP
};

static const struct {
    uint16_t number;
    const char *name, *words;
} traps[] = {
#define ERRNO(number, name)
#define SIGNAL(number, name)
#define TRAP(number, name, words) {number, #name, words},
#include "core/systems/freebsd/numbers.def"
#undef ERRNO
#undef SIGNAL
#undef TRAP
};

static const char *error_name(uint64_t number)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (errors[i].number == number)
            return errors[i].name;
    return NULL;
}

static void add_signal(struct text *out, uint64_t number)
{
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (signals[i].number == number) {
            text_add(out, "%s", signals[i].name);
            return;
        }
    text_add(out, "signal %llu", (unsigned long long)number);
}

const char *fb_trap_name(uint32_t trap)
{
    for (size_t i = 0; i < sizeof traps / sizeof traps[0]; i++)
        if (traps[i].number == trap)
            return traps[i].name;
    return NULL;
}

const char *fb_trap_words(uint32_t trap)
{
    for (size_t i = 0; i < sizeof traps / sizeof traps[0]; i++)
        if (traps[i].number == trap)
            return traps[i].words;
    return NULL;
}

const char *fb_parent_name(unsigned parent)
{
    static const char *const names[] = {
        [FB_PARENT_HAMMER_TIME] = "hammer_time", [FB_PARENT_INIT386] = "init386"};
    return parent < FB_PARENT_END ? names[parent] : NULL;
}

const char *fb_word_of(unsigned kind, unsigned field, uint64_t value)
{
    bool parent = (kind == EV_KERNEL_CALL && field == EVF_KERNEL_CALL_parent) ||
                  (kind == EV_KERNEL_RETURN && field == EVF_KERNEL_RETURN_parent);
    return parent && value < FB_PARENT_END ? fb_parent_name((unsigned)value) : NULL;
}

/* Orders within a subsystem that have names. sys/kernel.h */
static const char *order_name(uint64_t order)
{
    static const char *const first[] = {"first", "second", "third",   "fourth",
                                        "fifth", "sixth",  "seventh", "eighth"};
    if (order < sizeof first / sizeof first[0])
        return first[order];
    return order == 0x1000000 ? "in the middle" : order == 0xfffffff ? "at any place" : NULL;
}

/* "page fault of a program, at 0h" */
static void explain_trap(const struct event *ev, struct text *out)
{
    enum { PAGE_FAULT = 12 };
    uint64_t trap = EVF(ev, KERNEL_TRAP, trap);
    const char *words = "trap without a name";
    for (size_t i = 0; i < sizeof traps / sizeof traps[0]; i++)
        if (traps[i].number == trap)
            words = traps[i].words;
    text_add(out, "%s, in %s", words, EVF(ev, KERNEL_TRAP, ring) ? "a program" : "the kernel");
    if (trap == PAGE_FAULT)
        text_add(out, ", address %llXh", (unsigned long long)EVF(ev, KERNEL_TRAP, address));
}

bool fb_event_words(const struct event *ev, struct text *out)
{
    const char *order, *parent;
    switch (ev->kind) {
    case EV_KERNEL_FOUND:
        if (ev->len < 7 || memcmp(ev->data, "FreeBSD", 7))
            return false;
        text_add(out, "FreeBSD is in memory: its symbols are known from here on");
        return true;
    case EV_KERNEL_CALL:
    case EV_KERNEL_RETURN:
        parent = fb_word_of(ev->kind,
                            ev->kind == EV_KERNEL_CALL ? (unsigned)EVF_KERNEL_CALL_parent
                                                       : (unsigned)EVF_KERNEL_RETURN_parent,
                            ev->kind == EV_KERNEL_CALL ? EVF(ev, KERNEL_CALL, parent)
                                                       : EVF(ev, KERNEL_RETURN, parent));
        if (parent)
            text_add(out, ev->kind == EV_KERNEL_CALL ? "called by %s" : "back in %s", parent);
        return parent;
    case EV_KERNEL_FILE:
        text_add(out, "a file that the loader read into memory for the kernel");
        return true;
    case EV_KERNEL_VARIABLE:
        text_add(out, "a variable of the kernel's environment, as the loader passes it");
        return true;
    case EV_KERNEL_SUBSYSTEM:
        text_add(out, "mi_startup has reached another subsystem's SYSINITs");
        return true;
    case EV_KERNEL_DEVICE:
        text_add(out, EVF(ev, KERNEL_DEVICE, result) ? "its driver could not attach to it"
                                                     : "its driver is attached to it");
        return true;
    case EV_PROCESS_SCRIPT:
        text_add(out, "a shell has opened it to read: a script, or its input");
        return true;
    case EV_PROCESS_WAIT:
        text_add(out, "wait: the last of the process is gone");
        return true;
    case EV_SYSINIT:
        order = order_name(EVF(ev, SYSINIT, order));
        if (order)
            text_add(out, "order within the subsystem: %s", order);
        return order;
    case EV_KERNEL_TRAP:
        explain_trap(ev, out);
        return true;
    case EV_SYSINIT_DONE:
        text_add(out, "took %llu.%03llu us", (unsigned long long)(EVF(ev, SYSINIT_DONE, duration) / 1000),
                 (unsigned long long)(EVF(ev, SYSINIT_DONE, duration) % 1000));
        return true;
    default:
        return false;
    }
}

/* ---------------------------------------------------------------- events that other systems have too */

static void explain_exit(const struct event *ev, struct text *out)
{
    uint64_t code = EVF(ev, PROCESS_EXIT, code);
    if (!(code & 0x7f)) {
        text_add(out, "exit code %llu", (unsigned long long)(code >> 8 & 0xff));
        return;
    }
    text_add(out, "killed by ");
    add_signal(out, code & 0x7f);
    text_add(out, code & 0x80 ? ", core dumped" : "");
}

static void explain_result(const struct event *ev, struct text *out)
{
    int64_t result = (int64_t)EVF(ev, SYSCALL_EXIT, result);
    const char *name = result < 0 ? error_name(0 - (uint64_t)result) : NULL;
    if (name)
        text_add(out, "failed: %s", name);
    else
        text_add(out, result ? "returned %lld" : "succeeded", (long long)result);
}

/* What fork made, and which memory and files it shares. */
static void explain_create(const struct event *ev, struct text *out)
{
    enum { VM = 0x100, FILES = 0x400, VFORK = 0x4000, THREAD = 0x10000 };
    uint64_t flags = EVF(ev, PROCESS_CREATE, flags);
    if (flags & THREAD)
        text_add(out, "another thread of its process");
    else if (!EVF(ev, PROCESS_CREATE, pid))
        text_add(out, "process 0, which the kernel itself is");
    else
        text_add(out, "a new process%s%s%s", flags & VM ? ", in its parent's memory" : "",
                 flags & FILES ? ", with its parent's open files" : "",
                 flags & VFORK ? "; its parent waits until it executes a program or exits" : "");
}

static const struct {
    uint16_t kind;
    const char *words;
} own[] = {
    {EV_PROCESS_NAME, "the process or thread gets a name"},
    {EV_PROCESS_EXEC, "execve: another program in the same process"},
    {EV_SCHED_SWITCH, "cpu_switch: another thread gets the processor"},
    {EV_KERNEL_ENTRY, "the kernel's entry point"},
    {EV_COMMAND_LINE, "the flags that the loader passes (boothowto)"},
    {EV_E820, "a range of the memory map that the loader passes (SMAP)"},
    {EV_MODULE_LOAD, "a kernel module (KLD) is in memory, before any of its code runs"},
    {EV_KERNEL_CONSOLE, "the kernel writes to this device as well"},
};

bool fb_own_words(const struct event *ev, struct text *out)
{
    switch (ev->kind) {
    case EV_PROCESS_EXIT:
        explain_exit(ev, out);
        return true;
    case EV_SYSCALL_EXIT:
        explain_result(ev, out);
        return true;
    case EV_PROCESS_CREATE:
        explain_create(ev, out);
        return true;
    }
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (own[i].kind == ev->kind) {
            text_add(out, "%s", own[i].words);
            return true;
        }
    return false;
}
