/* xen_host.c - the board in the part of Xen's host: connects a domain (hv/xen) to processors, time, events and
 * power, and has the device that tells operating systems of Xen, QEMU's xen-platform.
 *
 * Sources: hw/i386/xen/xen_platform.c of QEMU; docs/misc/hvm-emulated-unplug.pandoc of Xen. The domain has no
 * paravirtual disks or network cards that could take the emulated ones' place, so the device answers a driver
 * that says its name as one that is not wanted: the driver then leaves the emulated devices alone. */
#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/events.h"
#include "hv/board/interrupts/controllers.h"
#include "hv/board/pci/function.h"
#include "hv/board/slots.h"
#include "hv/board/timers/clocks.h"
#include "hv/board/xen_host.h"
#include "hv/board/internal.h"
#include "hv/xen/xen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLATFORM_PORTS = 0x10, PLATFORM_MAGIC = 0x49d2, PLATFORM_PROTOCOL = 1, PLATFORM_DEVFN = 3 << 3 };

struct xen_platform {
    struct board *board;
    struct xen *xen;
    struct pci_device pci;
    struct timer timer; /* the domain's next */
    uint8_t flags, refused;
    uint16_t product;
    uint32_t driver;
    /* not state */
    unsigned mmio;
};

static const struct field platform_fields[] = {
    FIELDS(struct xen_platform, pci.config), FIELD(struct xen_platform, timer.deadline),
    FIELD(struct xen_platform, flags),       FIELD(struct xen_platform, refused),
    FIELD(struct xen_platform, product),     FIELD(struct xen_platform, driver),
};

bool xen_host_wanted(const struct board *b)
{
    return config_image(b->cfg, "hvmloader");
}

uint64_t xen_host_above_ram(const struct board *b)
{
    return xen_host_wanted(b) ? XEN_ABOVE_RAM : 0;
}

static struct xen *xen_of(struct board *b)
{
    struct xen_platform *s = board_slot(b, SLOT_XEN);
    return s ? s->xen : NULL;
}

/* ---------------------------------------------------------------- what the domain needs of the board */

static uint64_t host_now(void *ctx)
{
    return board_now(ctx);
}

static struct x86 *host_cpu(void *ctx, unsigned vcpu)
{
    return board_cpu(ctx, vcpu);
}

static void host_event(void *ctx, struct event *ev)
{
    board_event(ctx, ev);
}

/* Without ending a series of accesses. */
static void host_deliver(void *ctx, struct event *ev)
{
    events_deliver(ctx, ev);
}

static void host_unhandled(void *ctx, const char *what, uint64_t number, bool write, uint64_t value)
{
    board_unhandled(ctx, what, number, write, value);
}

static void host_console(void *ctx, uint8_t byte)
{
    const struct observer *o = &((struct board *)ctx)->events.observer;
    if (o->console)
        o->console(o->ctx, CONSOLE_XEN, &byte, 1);
}

static void host_upcall(void *ctx, unsigned vcpu)
{
    lapic_update(ctx, vcpu);
}

/* What the toolstack does of it: on_poweroff and on_crash are to destroy, on_reboot is to build it again. */
static void host_shutdown(void *ctx, enum xen_shutdown reason)
{
    static const char *const how[] = {"sched_op shutdown: power off", "sched_op shutdown: reboot",
                                      "sched_op shutdown: suspend",   "sched_op shutdown: crash",
                                      "sched_op shutdown: watchdog",  "sched_op shutdown: soft reset"};
    char text[48];
    int n = snprintf(text, sizeof text, "shuts down%s", strchr(how[reason], ':'));
    struct event ev = {.kind = EV_DOMAIN_END, .data = text, .len = (uint32_t)n};
    ev.f[EVF_DOMAIN_END_domain] = XEN_DOMAIN;
    board_event(ctx, &ev);
    if (reason == XEN_REBOOT || reason == XEN_SOFT_RESET)
        board_request_reset(ctx, how[reason]);
    else
        board_power_off(ctx, reason == XEN_POWER_OFF ? 0 : (int)reason, how[reason]);
}

/* ---------------------------------------------------------------- what the processors ask of it */

/* Its next timer may be another now. */
static void retime(struct board *b)
{
    struct xen_platform *s = board_slot(b, SLOT_XEN);
    uint64_t next = xen_deadline(s->xen);
    if (s->timer.deadline != next)
        timer_set(b, &s->timer, next);
}

void xen_host_hypercall(struct board *b, unsigned cpu)
{
    xen_hypercall(xen_of(b), cpu);
    retime(b);
}

void xen_host_cpuid(struct board *b, unsigned cpu, uint32_t leaf, uint32_t subleaf, uint32_t result[4])
{
    xen_cpuid(xen_of(b), cpu, leaf, subleaf, result);
}

bool xen_host_rdmsr(struct board *b, uint32_t msr, uint64_t *value)
{
    struct xen *xen = xen_of(b);
    return xen && xen_rdmsr(xen, msr, value);
}

bool xen_host_wrmsr(struct board *b, unsigned cpu, uint32_t msr, uint64_t value)
{
    struct xen *xen = xen_of(b);
    return xen && xen_wrmsr(xen, cpu, msr, value);
}

int xen_host_upcall(struct board *b, unsigned cpu)
{
    struct xen *xen = xen_of(b);
    return xen ? xen_upcall(xen, cpu) : -1;
}

int xen_host_acknowledge(struct board *b, unsigned cpu)
{
    struct xen *xen = xen_of(b);
    int vector = xen ? xen_upcall(xen, cpu) : -1;
    if (xen)
        xen_interrupted(xen, cpu);
    if (vector >= 0)
        xen_upcall_taken(xen, cpu);
    return vector;
}

void xen_host_remap(struct board *b)
{
    if (xen_of(b))
        xen_remap(xen_of(b));
}

void xen_host_flush(struct board *b)
{
    if (xen_of(b))
        xen_flush(xen_of(b), host_deliver);
}

bool board_domain_wakes(struct board *b)
{
    return xen_of(b) && xen_deadline(xen_of(b)) != TIMER_OFF;
}

static void timer_fired(void *ctx)
{
    struct xen_platform *s = ctx;
    xen_run_timers(s->xen);
    retime(s->board);
}

/* ---------------------------------------------------------------- the platform device */

static uint32_t fixed_in(void *ctx, uint16_t port, unsigned size)
{
    const struct xen_platform *s = ctx;
    if (port == PLATFORM_PORTS && size == 2)
        return s->refused ? UINT32_MAX : PLATFORM_MAGIC;
    if (port == PLATFORM_PORTS && size == 1)
        return s->flags;
    if (port == PLATFORM_PORTS + 2 && size == 1)
        return PLATFORM_PROTOCOL;
    return UINT32_MAX;
}

static void fixed_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct xen_platform *s = ctx;
    if (port == PLATFORM_PORTS && size == 2 && value) {
        board_unhandled(s->board, "xen-platform unplug", port, true, value);
    } else if (port == PLATFORM_PORTS && size == 4) {
        s->driver = value;
        s->refused = 1;
    } else if (port == PLATFORM_PORTS && size == 1) {
        s->flags = value & 1;
    } else if (port == PLATFORM_PORTS + 2 && size == 2) {
        s->product = (uint16_t)value;
    } else if (port == PLATFORM_PORTS + 2 && size == 1) {
        events_debug_byte(s->board, 0xe9, (uint8_t)value);
    }
}

/* Its own ports: the flags again, and the log. */
static uint32_t bar_in(void *ctx, uint16_t port, unsigned size)
{
    const struct xen_platform *s = ctx;
    return (port & 0xff) == 0 ? s->flags : UINT32_MAX;
}

static void bar_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct xen_platform *s = ctx;
    if ((port & 0xff) == 0)
        events_debug_byte(s->board, 0xe9, (uint8_t)value);
    else if ((port & 0xff) == 4)
        s->flags = value & 1;
}

static void map_ports(void *ctx, unsigned bar, uint64_t base)
{
    struct xen_platform *s = ctx;
    if (s->pci.mapped[bar] == UINT64_MAX)
        for (unsigned port = 0x100; port < 0x10000; port += 0x100)
            board_ports_remove(s->board, (uint16_t)port, 0x100, &s->pci);
    if (base != UINT64_MAX)
        board_ports(s->board, (uint16_t)base, 0x100, false, s, bar_in, bar_out);
}

/* Its memory is only an address range, into which operating systems map pages of Xen's. */
static uint64_t nothing_in(void *ctx, uint64_t offset, unsigned size)
{
    return 0;
}

static void nothing_out(void *ctx, uint64_t offset, unsigned size, uint64_t value) {}

static void map_memory(void *ctx, unsigned bar, uint64_t base)
{
    struct xen_platform *s = ctx;
    board_mmio_move(s->board, s->mmio, base);
}

static void reset(void *state)
{
    struct xen_platform *s = state;
    s->flags = s->refused = 0;
    s->product = 0;
    s->driver = 0;
    xen_reset(s->xen);
    timer_set(s->board, &s->timer, xen_deadline(s->xen));
}

static void loaded(void *state)
{
    struct xen_platform *s = state;
    pci_loaded(s->board, &s->pci);
    xen_loaded(s->xen);
}

/* ---------------------------------------------------------------- creation */

/* UEFI firmware begins with a firmware volume (EFI_FIRMWARE_VOLUME_HEADER; PI specification, volume 3, 3.2.1). */
static const char *firmware_of(const struct board *b)
{
    enum { SIGNATURE = 40, HEADER = 44 };
    const struct image *bios = config_image(b->cfg, "bios");
    uint8_t header[HEADER];
    struct error err; /* it is read whole later */
    bool volume = bios && bios->size >= HEADER && !bios->read(bios->ctx, 0, header, HEADER, &err) &&
                  !memcmp(header + SIGNATURE, "_FVH", 4);
    return volume ? "ovmf" : "seabios";
}

static struct xen *make_domain(struct board *b, struct error *err)
{
    const struct xen_host host = {.ctx = b,
                                  .now = host_now,
                                  .cpu = host_cpu,
                                  .event = host_event,
                                  .unhandled = host_unhandled,
                                  .console = host_console,
                                  .upcall = host_upcall,
                                  .shutdown = host_shutdown};
    const struct xen_domain domain = {.mem = b->mem,
                                      .ram = b->ram,
                                      .ram_low = b->ram_low,
                                      .ram_high = b->ram_high,
                                      .vcpus = b->ncpus,
                                      .bios = firmware_of(b),
                                      .wall_clock = rtc_power_on_time(b)};
    if (b->ram_low < 16 << 20) {
        error_set(err, "memory=%llu: too little for a domain: give at least 16M",
                  (unsigned long long)b->ram_low);
        return NULL;
    }
    struct xen *xen = xen_create(&host, &domain);
    if (!xen)
        error_set(err, "the host has no memory for the tables of a domain");
    return xen;
}

static void destroy_domain(void *state)
{
    xen_destroy(state);
}

static void add_domain(struct board *b, struct xen *xen)
{
    struct field_table t = xen_fields();
    board_add_chip(
        b, &(struct chip){
               .name = "xen", .fields = t.fields, .nfields = t.n, .state = xen, .destroy = destroy_domain});
    free(t.fields);
}

static void init_pci(struct xen_platform *s)
{
    pci_init(&s->pci, "xen-platform", PLATFORM_DEVFN, 0x5853, 0x0001, 0xff8000, 1, 1);
    memcpy(s->pci.config + 0x2c, (const uint8_t[]){0x53, 0x58, 0x01, 0x00}, 4);
    s->pci.bar[0] = (struct pci_bar){.size = 0x100, .io = true, .map = map_ports};
    s->pci.bar[1] = (struct pci_bar){.size = 16 << 20, .prefetch = true, .map = map_memory};
    s->pci.ctx = s;
    s->mmio = board_mmio_bar(s->board, 16 << 20, s, nothing_in, nothing_out);
}

int xen_host_create(struct board *b, struct error *err)
{
    if (!xen_host_wanted(b))
        return 0;
    struct xen *xen = make_domain(b, err);
    if (!xen)
        return -1;
    struct xen_platform *s = mem_zero(1, sizeof *s);
    s->board = b;
    s->xen = xen;
    add_domain(b, xen);
    init_pci(s);
    board_timer(b, &s->timer, timer_fired, s);
    board_set_slot(b, SLOT_XEN, s);
    board_add_chip(b, &(struct chip){.name = "xen-platform",
                                     .fields = platform_fields,
                                     .nfields = FIELD_COUNT(platform_fields),
                                     .state = s,
                                     .reset = reset,
                                     .loaded = loaded});
    board_add_pci(b, &s->pci);
    board_ports(b, PLATFORM_PORTS, 16, false, s, fixed_in, fixed_out);
    return 0;
}

void board_domain_setup(struct board *b)
{
    uint8_t info[XEN_HVM_INFO_SIZE];
    pci_config_write(b, 0, 0x59, 1, 0x30);
    for (unsigned reg = 0x5a; reg <= 0x5f; reg++)
        pci_config_write(b, 0, reg, 1, 0x33);
    xen_hvm_info(xen_of(b), info);
    physmem_write(b->mem, XEN_HVM_INFO, info, sizeof info);
}

size_t board_e820_domain(struct board *b, struct e820_entry *map, size_t max)
{
    const struct e820_entry all[] = {
        {0, 0xa0000, 1}, {0x100000, b->ram_low - 0x100000, 1}, {0x100000000ull, b->ram_high, 1}};
    size_t n = b->ram_high ? 3 : 2;
    for (size_t i = 0; i < n && i < max; i++)
        map[i] = all[i];
    return n;
}

void board_domain_starts(struct board *b, uint64_t entry, uint64_t start_info)
{
    static const char kind[] = "HVM";
    struct event made = {.kind = EV_DOMAIN_CREATE, .f = {[EVF_DOMAIN_CREATE_domain] = XEN_DOMAIN}};
    board_event(b, &made);
    for (unsigned i = 0; i < b->ncpus; i++) {
        struct event vcpu = {.kind = EV_VCPU_CREATE, .f = {[EVF_VCPU_CREATE_domain] = XEN_DOMAIN}};
        vcpu.f[EVF_VCPU_CREATE_vcpu] = i;
        board_event(b, &vcpu);
    }
    struct event ev = {.kind = EV_DOMAIN_START, .data = kind, .len = sizeof kind - 1};
    ev.f[EVF_DOMAIN_START_domain] = XEN_DOMAIN;
    ev.f[EVF_DOMAIN_START_entry] = entry;
    ev.f[EVF_DOMAIN_START_pages] = xen_pages(xen_of(b));
    ev.f[EVF_DOMAIN_START_info] = start_info;
    board_event(b, &ev);
}
