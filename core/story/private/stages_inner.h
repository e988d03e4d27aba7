/* stages_inner.h - which events are of a virtual machine, and of which: its stages are told apart from those of the machine itself. Private to
 * core/story.
 *
 * Under Xen a virtual machine is the domain that the processor runs; under Linux, the process that it runs (KVM); else each virtual processor, by
 * its control block. What the processor does between an entry and an exit is its own; so is what a guest does that was found there.
 */
#ifndef BOOTREEL_CORE_STORY_STAGES_INNER_H
#define BOOTREEL_CORE_STORY_STAGES_INNER_H

#include <stddef.h>

#include "traces/event.h"

enum stages_machine_kind { MACHINE_OF_BLOCK, MACHINE_OF_PROCESS, MACHINE_OF_DOMAIN };

struct stages_machine {
    enum stages_machine_kind kind;
    uint64_t key;    /* address of the control block, process, domain */
    unsigned number; /* in its name: of a domain its own, else counted from 1 */
};

enum { INNER_CPUS = UINT8_MAX + 1, INNER_GUESTS = 64 };

/* Zeros before the first event. Machines are numbered from 1; 0: the machine itself. */
struct stages_inner {
    struct stages_machine *list;
    size_t n;
    size_t runs[INNER_CPUS];     /* what each processor runs */
    uint64_t domain[INNER_CPUS]; /* Xen's domain there, + 1; 0: none is known */
    uint64_t process
        [INNER_CPUS]; /* the process (tgid) there, of a kernel on the machine itself; 0: none is known */
    size_t guest[INNER_GUESTS]; /* where a guest was found; later ones count as the machine's own */
};

/* Shows it the next event, and returns which machine made that one. It needs all events of the classes virt and sched. */
size_t stages_inner_of(struct stages_inner *in, const struct event *ev);
/* What the names of a machine's stages begin with: "xen.domain.1.", "kvm.1.", "vm.1.". */
const char *stages_inner_prefix(const struct stages_inner *in, size_t machine, char buf[40]);
void stages_inner_clear(struct stages_inner *in);

#endif
