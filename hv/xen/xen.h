/* xen.h - Xen for one HVM domain: hypercalls, event channels, xenstore. The one public header of hv/xen.
 *
 * The machine plays the parts of Xen, of its domain builder, of xenstored and of the console daemon. There is
 * no other domain: the processors are the domain's virtual processors, one for one, and always run. The board
 * creates this for a guest that shall not find a bare machine, and passes on what reaches a hypervisor.
 *
 * Source: xen/include/public of Xen 4.17; what its hypercalls answer after xen/arch/x86/hvm and xen/common. */
#ifndef BOOTREEL_HV_XEN_XEN_H
#define BOOTREEL_HV_XEN_XEN_H

#include "core/engine/engine.h"
#include "hv/x86/x86.h"

struct xen;

/* Why the domain shuts down (xen/include/public/sched.h). */
enum xen_shutdown { XEN_POWER_OFF, XEN_REBOOT, XEN_SUSPEND, XEN_CRASH, XEN_WATCHDOG, XEN_SOFT_RESET };

struct xen_host {
    void *ctx;
    uint64_t (*now)(void *ctx); /* guest time, ns */
    struct x86 *(*cpu)(void *ctx, unsigned vcpu);
    /* Reports an event; its position is filled in. */
    void (*event)(void *ctx, struct event *);
    /* Something is not implemented; as board_unhandled(). */
    void (*unhandled)(void *ctx, const char *what, uint64_t number, bool write, uint64_t value);
    /* A byte that the domain writes to a console of Xen's. */
    void (*console)(void *ctx, uint8_t byte);
    /* xen_upcall() gives another answer for this virtual processor. */
    void (*upcall)(void *ctx, unsigned vcpu);
    void (*shutdown)(void *ctx, enum xen_shutdown reason);
};

/* The domain as it is built. */
struct xen_domain {
    struct physmem *mem;
    struct ramblock *ram; /* its first `ram_low` bytes are at 0, the others at 4 GiB */
    uint64_t ram_low, ram_high;
    unsigned vcpus;
    const char *bios;   /* what hvmloader is told of its firmware: "seabios" or "ovmf", as libxl's option */
    int64_t wall_clock; /* seconds since 1970 at guest time 0 */
};

/* The physmap goes on above all RAM for this many bytes: FreeBSD puts its grant table and other domains'
 * pages there. The domain's `mem` must cover them. */
enum { XEN_ABOVE_RAM = 256 << 20 };

/* NULL if the host lacks memory. */
struct xen *xen_create(const struct xen_host *, const struct xen_domain *);
void xen_destroy(struct xen *);
/* The domain is built again. Its memory is what the machine keeps over a reset. */
void xen_reset(struct xen *);
/* The state of this struct; the rest is in blocks of the physmem. The caller frees the table's fields. */
struct field_table xen_fields(void);
/* To be called after the state and all memory were replaced. False if they cannot be a state that was
 * saved. */
bool xen_loaded(struct xen *);
/* The memory map was changed by others: what is in the domain's physmap takes precedence again. */
void xen_remap(struct xen *);

/* ---- what the processors do ---- */
void xen_hypercall(struct xen *, unsigned vcpu);
void xen_cpuid(const struct xen *, unsigned vcpu, uint32_t leaf, uint32_t subleaf, uint32_t result[4]);
/* The hypercall page's MSR. False for any other. */
bool xen_rdmsr(const struct xen *, uint32_t msr, uint64_t *value);
bool xen_wrmsr(struct xen *, unsigned vcpu, uint32_t msr, uint64_t value);
/* The vector by which Xen tells this virtual processor now that events are pending, or -1. */
int xen_upcall(const struct xen *, unsigned vcpu);
/* That vector was taken. */
void xen_upcall_taken(struct xen *, unsigned vcpu);
/* An interrupt of any kind was taken: it waits no longer. */
void xen_interrupted(struct xen *, unsigned vcpu);
/* The guest time at which something next happens by itself; UINT64_MAX: never. */
uint64_t xen_deadline(const struct xen *);
void xen_run_timers(struct xen *);
/* Hands what is still being counted, and an unfinished line, to `emit`, with the host's context. Changes
 * nothing. */
typedef void xen_emit_fn(void *ctx, struct event *);
void xen_flush(const struct xen *, xen_emit_fn *emit);

/* ---- the domain builder ---- */
/* What the page that hvmloader gets its memory sizes from says (struct hvm_info_table, 800h into page 9Fh). */
enum { XEN_HVM_INFO = 0x9f800, XEN_HVM_INFO_SIZE = 48 };
void xen_hvm_info(const struct xen *, uint8_t info[XEN_HVM_INFO_SIZE]);
enum { XEN_DOMAIN = 1 }; /* its number */
/* How many pages it has. */
uint64_t xen_pages(const struct xen *);

#endif
