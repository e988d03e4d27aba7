/* words.c - FreeBSD's numbers by name, its events in words. See impl.h. */
#include "core/freebsd/impl.h"

static const struct {
    uint32_t number, first;
    const char *name;
} subsystems[] = {
#define SUBSYSTEM(number, first, name) {number, first, "SI_SUB_" #name},
#include "core/freebsd/subsystems.def"
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
                            ev->f[ev->kind == EV_KERNEL_CALL ? (unsigned)EVF_KERNEL_CALL_parent
                                                             : (unsigned)EVF_KERNEL_RETURN_parent]);
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
        text_add(out, ev->f[EVF_KERNEL_DEVICE_result] ? "its driver could not attach to it"
                                                      : "its driver is attached to it");
        return true;
    case EV_PROCESS_WAIT:
        text_add(out, "wait: the last of the process is gone");
        return true;
    case EV_SYSINIT:
        order = order_name(ev->f[EVF_SYSINIT_order]);
        if (order)
            text_add(out, "order within the subsystem: %s", order);
        return order;
    case EV_SYSINIT_DONE:
        text_add(out, "took %llu.%03llu us", (unsigned long long)(ev->f[EVF_SYSINIT_DONE_duration] / 1000),
                 (unsigned long long)(ev->f[EVF_SYSINIT_DONE_duration] % 1000));
        return true;
    default:
        return false;
    }
}
