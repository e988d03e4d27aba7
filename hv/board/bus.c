/* bus.c - ports and device memory: finds the chip that answers, and implements the processors' bus
 * callbacks. */
#include <assert.h>

#include "base/must.h"
#include "hv/board/bus.h"
#include "hv/board/chipset/memory_map.h"
#include "hv/board/events.h"
#include "hv/board/interrupts/controllers.h"
#include "hv/board/xen_host.h"
#include "hv/board/internal.h"
#include "hv/board/interrupts/lapic.h"

#include <stdlib.h>

/* ---------------------------------------------------------------- registration */

/* PCI BARs are mapped and unmapped: an existing handler is reused, so the table stays small. */
static unsigned handler_index(struct board *b, const struct port_handler *h)
{
    for (unsigned i = 0; i < b->nhandlers; i++) {
        const struct port_handler *k = &b->handler[i];
        if (k->ctx == h->ctx && k->in == h->in && k->out == h->out && k->bytewise == h->bytewise)
            return i;
    }
    must(b->nhandlers < BOARD_MAX_HANDLERS, "more handlers of ports than a board has room for");
    b->handler[b->nhandlers] = *h;
    return b->nhandlers++;
}

void board_ports(struct board *b, uint16_t first, unsigned count, bool bytewise, void *ctx, port_in_fn *in,
                 port_out_fn *out)
{
    struct port_handler h = {.ctx = ctx, .in = in, .out = out, .bytewise = bytewise};
    unsigned index = handler_index(b, &h);
    for (unsigned port = first; port < first + count && port < 65536; port++)
        b->port[port] = (uint8_t)(index + 1);
}

void board_ports_remove(struct board *b, uint16_t first, unsigned count, void *ctx)
{
    for (unsigned port = first; port < first + count && port < 65536; port++)
        if (b->port[port] && b->handler[b->port[port] - 1].ctx == ctx)
            b->port[port] = 0;
}

unsigned board_mmio(struct board *b, uint64_t pa, uint64_t size, void *ctx, mmio_read_fn *read,
                    mmio_write_fn *write)
{
    assert(size && "a region holds at least a byte");
    must(b->nmmio < BOARD_MAX_MMIO, "more regions of device memory than a board has room for");
    b->mmio[b->nmmio] = (struct mmio_region){
        .pa = pa, .size = size, .fixed = pa != UINT64_MAX, .ctx = ctx, .read = read, .write = write};
    return b->nmmio++;
}

unsigned board_mmio_bar(struct board *b, uint64_t size, void *ctx, mmio_read_fn *read, mmio_write_fn *write)
{
    const unsigned id = board_mmio(b, UINT64_MAX, size, ctx, read, write);
    b->mmio[id].bar = true;
    return id;
}

void board_mmio_move(struct board *b, unsigned id, uint64_t pa)
{
    assert(id < b->nmmio);
    b->mmio[id].pa = pa;
}

/* ---------------------------------------------------------------- ports */

static const struct port_handler *handler_of(const struct board *b, unsigned port)
{
    return port < 65536 && b->port[port] ? &b->handler[b->port[port] - 1] : NULL;
}

static uint32_t read_handler(const struct port_handler *h, uint16_t port, unsigned size)
{
    assert((size == 1 || size == 2 || size == 4) && "ports have no wider accesses");
    uint32_t ones = size == 4 ? UINT32_MAX : (1u << size * 8) - 1;
    return h && h->in ? h->in(h->ctx, port, size) & ones : ones;
}

uint32_t bus_port_read(struct board *b, uint16_t port, unsigned size, bool *handled)
{
    const struct port_handler *h = handler_of(b, port);
    *handled = h != NULL;
    if (!h || !h->bytewise || size == 1)
        return read_handler(h, port, size);
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= read_handler(handler_of(b, port + i), (uint16_t)(port + i), 1) << i * 8;
    return value;
}

static void write_handler(const struct port_handler *h, uint16_t port, unsigned size, uint32_t value)
{
    if (h && h->out)
        h->out(h->ctx, port, size, value);
}

void bus_port_write(struct board *b, uint16_t port, unsigned size, uint32_t value, bool *handled)
{
    const struct port_handler *h = handler_of(b, port);
    *handled = h != NULL;
    if (!h || !h->bytewise || size == 1) {
        write_handler(h, port, size, value);
        return;
    }
    for (unsigned i = 0; i < size; i++)
        write_handler(handler_of(b, port + i), (uint16_t)(port + i), 1, value >> i * 8 & 0xff);
}

/* ---------------------------------------------------------------- device memory */

/* BARs come last, as in QEMU, where PCI's address space is below the chipset's. */
static struct mmio_region *region_of(struct board *b, uint64_t pa)
{
    struct mmio_region *bar = NULL;
    for (unsigned i = b->nmmio; i-- > 0;) {
        struct mmio_region *m = &b->mmio[i];
        if (m->pa == UINT64_MAX || pa < m->pa || pa - m->pa >= m->size)
            continue;
        if (!m->bar)
            return m;
        if (!bar)
            bar = m;
    }
    return bar;
}

/* Whether RAM, firmware or a chip is always in the page. (What the configuration decides, and no register: so where a BAR is seen
 * does not depend on what was before.) */
static bool is_taken(const struct board *b, uint64_t page)
{
    if (page < b->ram_low || (page >= FOUR_GIB && page - FOUR_GIB < b->ram_high) ||
        (b->rom && page < FOUR_GIB && FOUR_GIB - page <= ramblock_size(b->rom)))
        return true;
    for (unsigned i = 0; i < b->nmmio; i++) {
        const struct mmio_region *m = &b->mmio[i];
        if (m->fixed && page < m->pa + m->size && m->pa < page + SNAPSHOT_PAGE)
            return true;
    }
    return false;
}

static void set_bar_memory(struct board *b, uint64_t base, struct ramblock *block, bool present, bool rom)
{
    const uint64_t size = ramblock_size(block);
    for (uint64_t at = 0, end; at < size; at = end) {
        const bool taken = is_taken(b, base + at);
        for (end = at + SNAPSHOT_PAGE; end < size && is_taken(b, base + end) == taken;)
            end += SNAPSHOT_PAGE;
        if (!taken && present)
            physmem_map(b->mem, base + at, end - at, block, at, rom ? NULL : block, at, rom);
        else if (!taken)
            physmem_unmap(b->mem, base + at, end - at);
    }
}

void board_bar_memory(struct board *b, uint64_t from, uint64_t to, struct ramblock *block, bool rom)
{
    if (from != UINT64_MAX)
        set_bar_memory(b, from, block, false, rom);
    if (to != UINT64_MAX)
        set_bar_memory(b, to, block, true, rom);
}

static uint64_t all_ones(unsigned size)
{
    return size == 8 ? UINT64_MAX : (1ull << size * 8) - 1;
}

/* Intel SDM volume 3, 11.4.4: IA32_APIC_BASE bit 11 enables, bit 10 is x2APIC mode (no memory window). */
static bool is_lapic(struct board *b, unsigned cpu, uint64_t pa)
{
    uint64_t base;
    return lapic_rdmsr(b, cpu, 0x1b, &base) && (base & 0xc00) == 0x800 &&
           (base & ~0xfffull) == (pa & ~0xfffull);
}

static uint64_t mmio_read(struct board_cpu *c, uint64_t pa, unsigned size, bool *handled)
{
    struct board *b = c->board;
    *handled = true;
    if (is_lapic(b, c->index, pa))
        return lapic_mmio_read(b, c->index, pa & 0xfff, size);
    struct mmio_region *m = region_of(b, pa);
    *handled = m != NULL;
    return m && m->read ? m->read(m->ctx, pa - m->pa, size) & all_ones(size) : all_ones(size);
}

bool bus_device_write(struct board *b, uint64_t pa, unsigned size, uint64_t value)
{
    struct mmio_region *m = region_of(b, pa);
    if (m && m->write)
        m->write(m->ctx, pa - m->pa, size, value);
    return m != NULL;
}

static void mmio_write(struct board_cpu *c, uint64_t pa, unsigned size, uint64_t value, bool *handled)
{
    *handled = true;
    if (is_lapic(c->board, c->index, pa))
        lapic_mmio_write(c->board, c->index, pa & 0xfff, size, value);
    else
        *handled = bus_device_write(c->board, pa, size, value);
}

/* ---------------------------------------------------------------- a processor's bus */

uint64_t bus_ip(const struct board *b)
{
    return b->active ? x86_linear_ip(b->active->x86) : 0;
}

static struct board_cpu *enter(struct board_cpu *c)
{
    struct board_cpu *old = c->board->active;
    c->board->active = c;
    return old;
}

static struct board_cpu *begin_access(struct board_cpu *c)
{
    struct board *b = c->board;
    struct board_cpu *old = enter(c);
    if (b->built && !b->moment.known)
        b->moment = (struct moment){true, b->host.icount(b->host.ctx), b->host.time(b->host.ctx)};
    return old;
}

void board_pass(struct board *b, uint64_t ns)
{
    if (ns && b->host.pass)
        b->host.pass(b->host.ctx, ns);
}

/* The access takes `ns` of guest time beyond its step. Only an instruction's own does: how often one is fetched from
 * device memory depends on where runs end. */
static void end_access(struct board_cpu *c, struct board_cpu *old, uint64_t ns)
{
    struct board *b = c->board;
    b->moment.known = false;
    b->active = old;
    if (!x86_executes(c->x86))
        return;
    b->accesses++;
    board_pass(b, ns);
}

uint64_t board_accesses(const struct board *b)
{
    return b->accesses;
}

/* With variation of the kind timers: all processors stand still after a write to a device, while guest time passes and timers fall due, as
 * they do for an SMI or while a hypervisor runs something else. */
static uint64_t stand_still(const struct board_cpu *c)
{
    return x86_executes(c->x86) ? board_vary(c->board, VARY_TIMERS) : 0;
}

static uint32_t cpu_in(void *ctx, uint16_t port, unsigned size)
{
    struct board_cpu *c = ctx, *old = begin_access(c);
    struct board *b = c->board;
    uint64_t ip = bus_ip(b);
    bool handled;
    events_before_access(b, false, false, port, size, ip);
    uint32_t value = bus_port_read(b, port, size, &handled);
    events_access(b, false, false, port, size, ip, value);
    if (!handled)
        events_access_unhandled(b);
    end_access(c, old, cost_of_port(port, size));
    return value;
}

static void cpu_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct board_cpu *c = ctx, *old = begin_access(c);
    struct board *b = c->board;
    uint64_t ip = bus_ip(b);
    bool handled;
    events_before_access(b, false, true, port, size, ip);
    events_access(b, false, true, port, size, ip, value);
    bus_port_write(b, port, size, value, &handled);
    if (!handled)
        events_access_unhandled(b);
    end_access(c, old, cost_of_port(port, size) + stand_still(c));
}

static uint64_t cpu_read(void *ctx, uint64_t pa, unsigned size)
{
    struct board_cpu *c = ctx, *old = begin_access(c);
    struct board *b = c->board;
    uint64_t ip = bus_ip(b);
    bool handled;
    events_before_access(b, true, false, pa, size, ip);
    uint64_t value = mmio_read(c, pa, size, &handled);
    events_access(b, true, false, pa, size, ip, value);
    if (!handled)
        events_access_unhandled(b);
    end_access(c, old, is_lapic(b, c->index, pa) ? 0 : cost_of_memory_read(pa, size));
    return value;
}

static void cpu_write(void *ctx, uint64_t pa, unsigned size, uint64_t value)
{
    struct board_cpu *c = ctx, *old = begin_access(c);
    struct board *b = c->board;
    uint64_t ip = bus_ip(b);
    bool handled;
    events_before_access(b, true, true, pa, size, ip);
    events_access(b, true, true, pa, size, ip, value);
    mmio_write(c, pa, size, value, &handled);
    if (!handled)
        events_access_unhandled(b);
    end_access(c, old, stand_still(c));
}

static uint8_t cpu_acknowledge(void *ctx, unsigned *source)
{
    struct board_cpu *c = ctx, *old = enter(c);
    uint8_t vector = lapic_acknowledge(c->board, c->index, source);
    c->board->active = old;
    return vector;
}

/* Accesses to the local APIC's registers are told as those in memory are. */
static void apic_event(struct board *b, uint16_t kind, uint32_t msr, uint64_t value)
{
    if (msr != MSR_TSC_DEADLINE && msr - MSR_X2APIC >= MSR_X2APIC_END - MSR_X2APIC)
        return;
    struct event ev = {.kind = kind};
    ev.f[EVF_APIC_READ_msr] = msr;
    ev.f[EVF_APIC_READ_value] = value;
    ev.f[EVF_APIC_READ_ip] = bus_ip(b);
    board_event(b, &ev);
}

static bool cpu_rdmsr(void *ctx, uint32_t msr, uint64_t *value)
{
    struct board_cpu *c = ctx, *old = enter(c);
    bool known = lapic_rdmsr(c->board, c->index, msr, value) || xen_host_rdmsr(c->board, msr, value);
    if (known)
        apic_event(c->board, EV_APIC_READ, msr, *value);
    c->board->active = old;
    return known;
}

static bool cpu_wrmsr(void *ctx, uint32_t msr, uint64_t value)
{
    struct board_cpu *c = ctx, *old = enter(c);
    bool known =
        lapic_wrmsr(c->board, c->index, msr, value) || xen_host_wrmsr(c->board, c->index, msr, value);
    if (known)
        apic_event(c->board, EV_APIC_WRITE, msr, value);
    c->board->active = old;
    return known;
}

static uint64_t cpu_get_cr8(void *ctx)
{
    struct board_cpu *c = ctx;
    return lapic_get_tpr(c->board, c->index);
}

static void cpu_set_cr8(void *ctx, uint64_t value)
{
    struct board_cpu *c = ctx, *old = enter(c);
    lapic_set_tpr(c->board, c->index, value);
    c->board->active = old;
}

static uint64_t cpu_time(void *ctx)
{
    struct board_cpu *c = ctx;
    return board_now(c->board);
}

static void cpu_smm(void *ctx, bool entering)
{
    struct board_cpu *c = ctx, *old = enter(c);
    board_smm(c->board, c->index, entering);
    c->board->active = old;
}

/* A processor that shuts down resets the board, as PC chipsets do (INIT# on the shutdown cycle). */
static void cpu_shutdown(void *ctx)
{
    struct board_cpu *c = ctx, *old = enter(c);
    struct x86_where w;
    x86_where(c->x86, &w);
    struct event ev = {.kind = EV_TRIPLE_FAULT};
    ev.f[EVF_TRIPLE_FAULT_cs] = w.cs;
    ev.f[EVF_TRIPLE_FAULT_ip] = w.rip;
    x86_led(c->x86, &ev.f[EVF_TRIPLE_FAULT_first], &ev.f[EVF_TRIPLE_FAULT_cr2a]);
    board_event(c->board, &ev);
    board_request_reset(c->board, "triple fault");
    c->board->active = old;
}

static void cpu_ferr(void *ctx, bool level)
{
    struct board_cpu *c = ctx, *old = enter(c);
    board_irq(c->board, 13, level);
    c->board->active = old;
}

static void cpu_hypercall(void *ctx)
{
    struct board_cpu *c = ctx, *old = enter(c);
    xen_host_hypercall(c->board, c->index);
    c->board->active = old;
}

static void cpu_cpuid(void *ctx, uint32_t leaf, uint32_t subleaf, uint32_t result[4])
{
    struct board_cpu *c = ctx;
    xen_host_cpuid(c->board, c->index, leaf, subleaf, result);
}

static void cpu_event(void *ctx, struct event *ev)
{
    struct board_cpu *c = ctx, *old = enter(c);
    if (event_is_of_flag(ev->kind))
        events_flag(c->board, ev);
    else
        board_event(c->board, ev);
    c->board->active = old;
}

/* ---------------------------------------------------------------- the processor's hooks, passed on to the host */

static void hook_interrupt(void *ctx, unsigned cpu, uint8_t vector, uint64_t stack, uint64_t caller,
                           uint64_t next)
{
    struct board_cpu *c = ctx, *old = enter(c);
    const struct x86_hooks *h = &c->board->host.hooks;
    if (h->interrupt)
        h->interrupt(h->ctx, cpu, vector, stack, caller, next);
    c->board->active = old;
}

static void hook_far_call(void *ctx, unsigned cpu, uint64_t target, uint64_t stack, uint64_t caller,
                          uint64_t next)
{
    struct board_cpu *c = ctx, *old = enter(c);
    const struct x86_hooks *h = &c->board->host.hooks;
    if (h->far_call)
        h->far_call(h->ctx, cpu, target, stack, caller, next);
    c->board->active = old;
}

static void hook_far_return(void *ctx, unsigned cpu, uint64_t stack, uint64_t next)
{
    struct board_cpu *c = ctx, *old = enter(c);
    const struct x86_hooks *h = &c->board->host.hooks;
    if (h->far_return)
        h->far_return(h->ctx, cpu, stack, next);
    c->board->active = old;
}

static void hook_paging(void *ctx, unsigned cpu)
{
    struct board_cpu *c = ctx, *old = enter(c);
    const struct x86_hooks *h = &c->board->host.hooks;
    if (h->paging)
        h->paging(h->ctx, cpu);
    c->board->active = old;
}

void bus_init(struct board_cpu *c, struct board *b, unsigned index)
{
    c->board = b;
    c->index = index;
    c->bus = (struct x86_bus){
        .ctx = c,
        .in = cpu_in,
        .out = cpu_out,
        .read = cpu_read,
        .write = cpu_write,
        .acknowledge = cpu_acknowledge,
        .rdmsr = cpu_rdmsr,
        .wrmsr = cpu_wrmsr,
        .get_cr8 = cpu_get_cr8,
        .set_cr8 = cpu_set_cr8,
        .time = cpu_time,
        .smm = cpu_smm,
        .shutdown = cpu_shutdown,
        .ferr = cpu_ferr,
        .event = cpu_event,
        .hypercall = xen_host_wanted(b) ? cpu_hypercall : NULL,
        .cpuid = xen_host_wanted(b) ? cpu_cpuid : NULL,
        .hooks = {.ctx = c,
                  .interrupt = hook_interrupt,
                  .far_call = hook_far_call,
                  .far_return = hook_far_return,
                  .paging = hook_paging},
    };
}
