/* internal.h - the domain's state, and what the files of hv/xen share. Private to hv/xen. */
#ifndef BOOTREEL_HV_XEN_INTERNAL_H
#define BOOTREEL_HV_XEN_INTERNAL_H

#include <string.h>

#include "base/byte_order.h"
#include "hv/xen/xen.h"

enum {
    PAGE = SNAPSHOT_PAGE,
    SHARED_VCPUS = 32, /* virtual processors whose information has a place in the shared page */
    PARAMETERS = 39,
    CHANNELS = 1024,
    MAX_E820 = 128,
    LINE_MAX_BYTES = 200,
    TEXT_MAX = 160,
};
enum { DOMID_SELF = 0x7ff0 };

/* Error values (xen/include/public/errno.h). */
enum {
    XEN_EPERM = 1,
    XEN_ENOENT = 2,
    XEN_ESRCH = 3,
    XEN_EAGAIN = 11,
    XEN_ENOMEM = 12,
    XEN_EFAULT = 14,
    XEN_EBUSY = 16,
    XEN_EEXIST = 17,
    XEN_ENODEV = 19,
    XEN_EINVAL = 22,
    XEN_ENOSPC = 28,
    XEN_ENOSYS = 38,
    XEN_ENODATA = 61,
    XEN_EOPNOTSUPP = 95,
    XEN_ETIME = 62,
};

/* HVM parameters (xen/include/public/hvm/params.h). */
enum {
    PARAM_CALLBACK_IRQ = 0,
    PARAM_STORE_PFN = 1,
    PARAM_STORE_EVTCHN = 2,
    PARAM_IOREQ_PFN = 5,
    PARAM_BUFIOREQ_PFN = 6,
    PARAM_TIMER_MODE = 10,
    PARAM_HPET_ENABLED = 11,
    PARAM_IDENT_PT = 12,
    PARAM_VM86_TSS = 15,
    PARAM_CONSOLE_PFN = 17,
    PARAM_CONSOLE_EVTCHN = 18,
    PARAM_ACPI_IOPORTS_LOCATION = 19,
    PARAM_PAGING_RING_PFN = 27,
    PARAM_MONITOR_RING_PFN = 28,
    PARAM_SHARING_RING_PFN = 29,
    PARAM_IOREQ_SERVER_PFN = 32,
    PARAM_NR_IOREQ_SERVER_PAGES = 33,
    PARAM_VM_GENERATION_ID_ADDR = 34,
    PARAM_X87_FIP_WIDTH = 36,
    PARAM_VM86_TSS_SIZED = 37,
};

enum channel_type { CHANNEL_FREE, CHANNEL_UNBOUND, CHANNEL_DAEMON, CHANNEL_VIRQ, CHANNEL_IPI };
/* What the domain builder gives the domain. */
enum { PORT_STORE = 1, PORT_CONSOLE = 2 };
enum { VIRQ_TIMER = 0, VIRQS = 24 };

struct channel {
    uint8_t type, vcpu;
    uint16_t virq; /* CHANNEL_UNBOUND: for which domain */
};

struct vcpu {
    uint64_t info;      /* physical address of its information, if it was moved out of the shared page */
    uint64_t timer;     /* when its timer fires, in guest time; UINT64_MAX: never */
    uint64_t period;    /* of its periodic timer; 0: none */
    uint64_t periodic;  /* when that fires next */
    uint64_t polls;     /* it waits for a port until this time; 0: it does not */
    uint32_t poll_port; /* the port that it waits for; 0: any of those it named */
    bool registered, upcall, blocked;
};

/* A hypercall, as it is counted while it is repeated. */
struct repeat {
    uint64_t number, count, last;
    uint8_t vcpu, length;
    uint8_t text[TEXT_MAX];
};

enum { STORE_REQUEST = 16 + 4096 };

/* xenstored's side of the ring; its tree, watches, transactions and answers are in the block `store`. */
struct store_state {
    uint32_t have; /* bytes of the request */
    uint8_t request[STORE_REQUEST];
    uint32_t next_transaction, generation;
};

struct xen {
    struct xen_host host;
    struct xen_domain domain;
    uint64_t ram_pages, pages; /* of RAM; all that the physmap covers */
    struct ramblock *p2m;      /* a number for each page of the domain: enum p2m_entry */
    struct ramblock *frames;   /* a byte for each frame: enum frame_use */
    struct ramblock *pool;     /* frames besides RAM */
    struct ramblock *store;
    uint32_t *applied;   /* the physmap as it is mapped now */
    uint32_t first_free; /* no frame of RAM below it is free */

    /* state */
    uint64_t param[PARAMETERS];
    struct vcpu vcpu[ENGINE_CPUS];
    struct channel channel[CHANNELS];
    uint64_t hypercall_page;
    bool wide; /* the domain's structures in shared memory are those of 64-bit code */
    uint32_t grant_version, grant_frames;
    uint32_t map_entries;
    uint8_t map[MAX_E820 * 20];
    uint64_t assists;
    struct repeat repeat;
    struct store_state ring;
    uint16_t line_length;
    uint8_t line[LINE_MAX_BYTES];
};

/* ---- a hypercall (call.c) ---- */

struct call {
    struct xen *xen;
    unsigned vcpu;
    struct x86 *cpu;
    bool wide; /* made by 64-bit code: pointers and words are of 64 bits */
    uint64_t number, arg[5];
    char *text; /* TEXT_MAX: the call in words */
};

/* Copy from and to the caller's memory. False if it is not mapped. */
bool guest_get(const struct call *, uint64_t linear, void *buf, size_t n);
bool guest_put(const struct call *, uint64_t linear, const void *buf, size_t n);
/* A word of the caller's (an unsigned long, a pointer) in `bytes`, at offset `narrow` for 32-bit code and at
 * `wide` for 64-bit code. */
uint64_t word_at(const struct call *, const uint8_t *bytes, unsigned narrow, unsigned wide);
/* Appends to the call's words. */
void call_say(const struct call *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* 0 if the number stands for this domain, else an error. */
int64_t own_domain(uint16_t domid);
/* Reports an operation as not implemented; returns -XEN_ENOSYS. */
int64_t call_missing(const struct call *, const char *operation, uint64_t number);

/* A hypercall with operations has one of these for each. */
typedef int64_t operation_fn(struct call *, uint64_t argument);
struct operation {
    const char *name;  /* NULL: there is no such operation */
    operation_fn *run; /* NULL: not implemented */
};

/* ---- files ---- */

/* memory.c */
extern const struct operation memory_operations[];
extern const size_t memory_noperations;
bool memory_create(struct xen *);
void memory_reset(struct xen *);
bool memory_loaded(struct xen *);
/* Frames of Xen's own, in the pool. */
enum {
    OWN_SHARED = 0,
    OWN_GRANTS = 1,
    MAX_GRANT_FRAMES = 32,
    OWN_SPECIAL = OWN_GRANTS + MAX_GRANT_FRAMES,
    SPECIALS = 16
};
enum { FIRST_SPECIAL = 0xfeff0 };
uint8_t *own_page(struct xen *, unsigned own);
/* To be called after a change of n bytes of such a page. */
void own_touch(struct xen *, unsigned own, unsigned offset, unsigned n);

/* event.c */
extern const struct operation event_operations[];
extern const size_t event_noperations;
void channels_reset(struct xen *);
/* An event on a port of the domain. */
void channel_notify(struct xen *, unsigned port);
void virq_notify(struct xen *, unsigned vcpu, unsigned virq);
/* struct vcpu_time_info, 32 bytes: how guest time follows from the time-stamp counter. */
void vcpu_times(const struct xen *, unsigned vcpu, uint8_t times[32]);
/* The information moved, or is now of another width: the times in it are written again. */
void info_refresh(struct xen *);
/* Tells a virtual processor that events may be pending. */
void vcpu_mark_pending(struct xen *, unsigned vcpu);
bool port_pending(const struct xen *, unsigned port);
bool vcpu_info_get(const struct xen *, unsigned vcpu, unsigned offset, void *buf, unsigned n);
void vcpu_info_set(struct xen *, unsigned vcpu, unsigned offset, const void *buf, unsigned n);

/* schedule.c */
extern const struct operation schedule_operations[];
extern const size_t schedule_noperations;
int64_t vcpu_op(struct call *);
int64_t set_timer_op(struct call *);
void timers_reset(struct xen *);
void vcpu_wake(struct xen *, unsigned vcpu);

/* calls.c */
extern const struct operation version_operations[], hvm_operations[], grant_operations[];
extern const size_t version_noperations, hvm_noperations, grant_noperations;
int64_t console_io(struct call *);
int64_t vm_assist(struct call *);
void console_byte(struct xen *, uint8_t byte);
/* Reports the line that is not ended yet; it stays. */
void console_flush(const struct xen *, xen_emit_fn *emit);
int64_t run_operation(struct call *, const struct operation *, size_t n);
int64_t run_call(struct call *);

/* store.c, store_ring.c */
bool store_create(struct xen *);
void store_reset(struct xen *);
bool store_loaded(const struct xen *);
void store_event(struct xen *);          /* the domain has sent an event on its port */
void domain_console_event(struct xen *); /* the same for its console */

#endif
