/* stages_inner.c - see stages_inner.h. */
#include "core/story/private/stages_inner.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

/* The machine of that kind and key; a new one if there is none. */
static size_t machine_of(struct stages_inner *in, enum stages_machine_kind kind, uint64_t key)
{
    unsigned same = 0;
    for (size_t i = 0; i < in->n; i++) {
        if (in->list[i].kind == kind && in->list[i].key == key)
            return i + 1;
        same += in->list[i].kind == kind;
    }
    MEM_MORE(in->list, in->n);
    in->list[in->n] =
        (struct stages_machine){kind, key, kind == MACHINE_OF_DOMAIN ? (unsigned)key : same + 1};
    return ++in->n;
}

static size_t entered(struct stages_inner *in, const struct event *ev)
{
    if (in->domain[ev->cpu])
        return machine_of(in, MACHINE_OF_DOMAIN, in->domain[ev->cpu] - 1);
    if (in->process[ev->cpu])
        return machine_of(in, MACHINE_OF_PROCESS, in->process[ev->cpu]);
    return machine_of(in, MACHINE_OF_BLOCK, EVF(ev, VIRT_ENTER, vmcb));
}

/* A domain that is destroyed, or a process that ends, is gone with its machine; its number may come again. */
static void ended(struct stages_inner *in, enum stages_machine_kind kind, uint64_t key)
{
    for (size_t i = 0; i < in->n; i++)
        if (in->list[i].kind == kind && in->list[i].key == key)
            in->list[i].key = UINT64_MAX;
}

/* What processors and the guests on the machine itself do now. */
static void follow(struct stages_inner *in, const struct event *ev)
{
    switch (ev->kind) {
    case EV_VIRT_ENTER:
        in->runs[ev->cpu] = entered(in, ev);
        break;
    case EV_VIRT_EXIT:
        in->runs[ev->cpu] = 0;
        break;
    case EV_VCPU_SWITCH:
        in->domain[ev->cpu] = EVF(ev, VCPU_SWITCH, domain) + 1;
        break;
    case EV_SCHED_SWITCH:
        in->process[ev->cpu] = EVF(ev, SCHED_SWITCH, tgid);
        break;
    case EV_DOMAIN_CREATE:
        ended(in, MACHINE_OF_DOMAIN, EVF(ev, DOMAIN_CREATE, domain));
        break;
    case EV_PROCESS_EXIT:
        if (EVF(ev, PROCESS_EXIT, pid) == EVF(ev, PROCESS_EXIT, tgid))
            ended(in, MACHINE_OF_PROCESS, EVF(ev, PROCESS_EXIT, tgid));
        break;
    default:
        break;
    }
}

static void reset(struct stages_inner *in)
{
    for (size_t i = 0; i < in->n; i++)
        in->list[i].key = UINT64_MAX;
    *in = (struct stages_inner){.list = in->list, .n = in->n};
}

/* What a processor does, and not a device: of the machine that it runs. Who makes the event is not known yet, or never. Xen reports the
 * start of a domain when it has entered it. */
static bool is_processors(const struct event *ev)
{
    const enum event_class c = event_kind(ev->kind)->cls;
    return ev->kind == EV_VIRT_BOOT || ev->kind == EV_DOMAIN_START || c == EC_CPU || c == EC_EXCEPTION ||
           c == EC_FIRMWARE || c == EC_LOADER || c == EC_KERNEL;
}

size_t stages_inner_of(struct stages_inner *in, const struct event *ev)
{
    const size_t runs = in->runs[ev->cpu];
    size_t none = 0, *of = ev->guest && ev->guest < INNER_GUESTS ? &in->guest[ev->guest] : &none;
    if (ev->kind == EV_RESET)
        reset(in);
    else if (runs && event_kind(ev->kind)->cls == EC_KERNEL && !*of)
        *of = runs;
    if (*of && ev->guest)
        return *of;
    if (runs && is_processors(ev))
        return runs;
    follow(in, ev);
    return 0;
}

const char *stages_inner_prefix(const struct stages_inner *in, size_t machine, char buf[40])
{
    static const char *const words[] = {
        [MACHINE_OF_BLOCK] = "vm", [MACHINE_OF_PROCESS] = "kvm", [MACHINE_OF_DOMAIN] = "xen.domain"};
    const struct stages_machine *m = &in->list[machine - 1];
    snprintf(buf, 40, "%s.%u.", words[m->kind], m->number);
    return buf;
}

void stages_inner_clear(struct stages_inner *in)
{
    free(in->list);
}
