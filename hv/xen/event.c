/* event.c - event channels with two levels of bits in the shared page, and how processors are told.
 *
 * Source: xen/include/public/event_channel.h and xen.h (struct shared_info, struct vcpu_info), whose layout
 * depends on the width of the code that set up the hypercall page. */
#include <assert.h>

#include "hv/xen/internal.h"

/* struct vcpu_info */
enum { INFO_SIZE = 64, INFO_PENDING = 0, INFO_SELECTOR_NARROW = 4, INFO_SELECTOR_WIDE = 8, INFO_TIME = 32 };
/* struct shared_info */
enum { SHARED_PENDING = 2048, SHARED_MASK_NARROW = 2176, SHARED_MASK_WIDE = 2560 };
enum { CLOCK_NARROW = 2304, CLOCK_WIDE = 3072, CLOCK_HIGH_NARROW = 2340 };
/* struct vcpu_time_info: the time-stamp counter has 1 GHz, so ns are (ticks << 1) * 2^31 >> 32 */
enum { TIME_SIZE = 32, TSC_SHIFT = 1, TIME_VERSION = 2, TIME_STABLE = 1 };
#define TSC_MULTIPLIER 0x80000000u

static unsigned word_bits(const struct xen *xen)
{
    return xen->wide ? 64 : 32;
}

/* ---------------------------------------------------------------- a virtual processor's information */

static bool has_info(const struct xen *xen, unsigned vcpu)
{
    return xen->vcpu[vcpu].registered || vcpu < SHARED_VCPUS;
}

bool vcpu_info_get(const struct xen *xen, unsigned vcpu, unsigned offset, void *buf, unsigned n)
{
    const struct vcpu *v = &xen->vcpu[vcpu];
    assert(vcpu < ENGINE_CPUS && offset <= INFO_SIZE && n <= INFO_SIZE - offset &&
           "a part of the information");
    memset(buf, 0, n);
    if (!has_info(xen, vcpu))
        return false;
    if (v->registered)
        physmem_read(xen->domain.mem, v->info + offset, buf, n);
    else
        memcpy(buf, own_page((struct xen *)xen, OWN_SHARED) + vcpu * INFO_SIZE + offset, n);
    return true;
}

void vcpu_info_set(struct xen *xen, unsigned vcpu, unsigned offset, const void *buf, unsigned n)
{
    const struct vcpu *v = &xen->vcpu[vcpu];
    assert(vcpu < ENGINE_CPUS && offset <= INFO_SIZE && n <= INFO_SIZE - offset &&
           "a part of the information");
    if (!has_info(xen, vcpu))
        return;
    if (v->registered) {
        physmem_write(xen->domain.mem, v->info + offset, buf, n);
    } else {
        memcpy(own_page(xen, OWN_SHARED) + vcpu * INFO_SIZE + offset, buf, n);
        own_touch(xen, OWN_SHARED, vcpu * INFO_SIZE + offset, n);
    }
}

/* The clock as it runs now. A guest may have set its time-stamp counter. */
void vcpu_times(const struct xen *xen, unsigned vcpu, uint8_t t[TIME_SIZE])
{
    uint64_t now = xen->host.now(xen->host.ctx);
    uint64_t ticks = now + x86_get(xen->host.cpu(xen->host.ctx, vcpu), "tsc_offset");
    const uint32_t version = TIME_VERSION, multiplier = TSC_MULTIPLIER;
    memset(t, 0, TIME_SIZE);
    memcpy(t, &version, 4);
    memcpy(t + 8, &ticks, 8);
    memcpy(t + 16, &now, 8);
    memcpy(t + 24, &multiplier, 4);
    t[28] = TSC_SHIFT;
    t[29] = TIME_STABLE;
}

static void write_time(struct xen *xen, unsigned vcpu)
{
    uint8_t t[TIME_SIZE];
    vcpu_times(xen, vcpu, t);
    vcpu_info_set(xen, vcpu, INFO_TIME, t, sizeof t);
}

static void write_wall_clock(struct xen *xen)
{
    uint64_t seconds = (uint64_t)xen->domain.wall_clock;
    unsigned at = xen->wide ? CLOCK_WIDE : CLOCK_NARROW;
    unsigned high = xen->wide ? CLOCK_WIDE + 12 : CLOCK_HIGH_NARROW;
    const uint32_t clock[3] = {TIME_VERSION, (uint32_t)seconds, 0}, top = (uint32_t)(seconds >> 32);
    uint8_t *shared = own_page(xen, OWN_SHARED);
    memcpy(shared + at, clock, sizeof clock);
    memcpy(shared + high, &top, 4);
    own_touch(xen, OWN_SHARED, 0, PAGE);
}

void info_refresh(struct xen *xen)
{
    write_wall_clock(xen);
    for (unsigned i = 0; i < xen->domain.vcpus; i++)
        write_time(xen, i);
}

/* ---------------------------------------------------------------- telling a processor */

static void set_upcall(struct xen *xen, unsigned vcpu, bool on)
{
    if (xen->vcpu[vcpu].upcall == on)
        return;
    xen->vcpu[vcpu].upcall = on;
    xen->host.upcall(xen->host.ctx, vcpu);
}

/* The other ways (a line of the I/O APIC, an interrupt of a PCI function) are refused when they are set. */
int xen_upcall(const struct xen *xen, unsigned vcpu)
{
    enum { VIA_VECTOR = 2 };
    uint64_t via = xen->param[PARAM_CALLBACK_IRQ];
    return xen->vcpu[vcpu].upcall && via >> 56 == VIA_VECTOR ? (int)(via & 0xff) : -1;
}

void xen_upcall_taken(struct xen *xen, unsigned vcpu)
{
    set_upcall(xen, vcpu, false);
}

void vcpu_mark_pending(struct xen *xen, unsigned vcpu)
{
    uint8_t pending;
    const uint8_t one = 1;
    vcpu_info_get(xen, vcpu, INFO_PENDING, &pending, 1);
    if (pending)
        return;
    vcpu_info_set(xen, vcpu, INFO_PENDING, &one, 1);
    set_upcall(xen, vcpu, true);
    if (xen->vcpu[vcpu].blocked)
        vcpu_wake(xen, vcpu);
}

static void select_word(struct xen *xen, unsigned vcpu, unsigned port)
{
    unsigned at = xen->wide ? INFO_SELECTOR_WIDE : INFO_SELECTOR_NARROW, bit = port / word_bits(xen);
    uint8_t byte;
    vcpu_info_get(xen, vcpu, at + bit / 8, &byte, 1);
    if (byte >> bit % 8 & 1)
        return;
    byte |= (uint8_t)(1u << bit % 8);
    vcpu_info_set(xen, vcpu, at + bit / 8, &byte, 1);
    vcpu_mark_pending(xen, vcpu);
}

/* ---------------------------------------------------------------- ports */

static uint8_t *pending_byte(struct xen *xen, unsigned port)
{
    assert(port < CHANNELS && "ports that the domain names are checked by is_port()");
    return own_page(xen, OWN_SHARED) + SHARED_PENDING + port / 8;
}

static unsigned mask_offset(const struct xen *xen, unsigned port)
{
    return (xen->wide ? SHARED_MASK_WIDE : SHARED_MASK_NARROW) + port / 8;
}

static bool masked(struct xen *xen, unsigned port)
{
    return own_page(xen, OWN_SHARED)[mask_offset(xen, port)] >> port % 8 & 1;
}

bool port_pending(const struct xen *xen, unsigned port)
{
    return *pending_byte((struct xen *)xen, port) >> port % 8 & 1;
}

static bool is_port(uint32_t port)
{
    return port && port < CHANNELS;
}

/* Processors that wait for this port go on. */
static void wake_pollers(struct xen *xen, unsigned port)
{
    for (unsigned i = 0; i < xen->domain.vcpus; i++) {
        const struct vcpu *v = &xen->vcpu[i];
        if (v->polls && (!v->poll_port || v->poll_port == port))
            vcpu_wake(xen, i);
    }
}

void channel_notify(struct xen *xen, unsigned port)
{
    if (!is_port(port) || xen->channel[port].type == CHANNEL_FREE || port_pending(xen, port))
        return;
    *pending_byte(xen, port) |= (uint8_t)(1u << port % 8);
    own_touch(xen, OWN_SHARED, SHARED_PENDING + port / 8, 1);
    if (!masked(xen, port))
        select_word(xen, xen->channel[port].vcpu, port);
    wake_pollers(xen, port);
}

void virq_notify(struct xen *xen, unsigned vcpu, unsigned virq)
{
    for (unsigned port = 1; port < CHANNELS; port++) {
        const struct channel *c = &xen->channel[port];
        if (c->type == CHANNEL_VIRQ && c->virq == virq && c->vcpu == vcpu) {
            channel_notify(xen, port);
            return;
        }
    }
}

void channels_reset(struct xen *xen)
{
    memset(xen->channel, 0, sizeof xen->channel);
    xen->channel[PORT_STORE].type = CHANNEL_DAEMON;
    xen->channel[PORT_CONSOLE].type = CHANNEL_DAEMON;
    for (unsigned i = 0; i < ENGINE_CPUS; i++)
        xen->vcpu[i].upcall = false;
}

/* ---------------------------------------------------------------- event_channel_op */

static int64_t new_channel(struct xen *xen, enum channel_type type, unsigned vcpu, unsigned virq)
{
    for (unsigned port = 1; port < CHANNELS; port++)
        if (xen->channel[port].type == CHANNEL_FREE) {
            xen->channel[port] = (struct channel){(uint8_t)type, (uint8_t)vcpu, (uint16_t)virq};
            return port;
        }
    return -XEN_ENOSPC;
}

/* Returns a port to the caller. */
static int64_t give_port(struct call *c, uint64_t at, int64_t port)
{
    uint32_t n = (uint32_t)port;
    if (port < 0)
        return port;
    call_say(c, ", port %u", n);
    return guest_put(c, at, &n, 4) ? 0 : -XEN_EFAULT;
}

static int64_t bind_virq(struct call *c, uint64_t at)
{
    static const uint16_t per_vcpu =
        1 << VIRQ_TIMER | 1 << 1 | 1 << 7 | 1 << 13; /* timer, debug, profilers */
    uint8_t s[12];
    if (!guest_get(c, at, s, sizeof s))
        return -XEN_EFAULT;
    uint32_t virq = le32(s), vcpu = le32(s + 4);
    call_say(c, ", virtual interrupt %u, vcpu %u", virq, vcpu);
    if (virq >= VIRQS || (vcpu && (virq > 15 || !(per_vcpu >> virq & 1))))
        return -XEN_EINVAL;
    if (vcpu >= c->xen->domain.vcpus)
        return -XEN_ENOENT;
    for (unsigned port = 1; port < CHANNELS; port++) {
        const struct channel *ch = &c->xen->channel[port];
        if (ch->type == CHANNEL_VIRQ && ch->virq == virq && ch->vcpu == vcpu)
            return -XEN_EEXIST;
    }
    return give_port(c, at + 8, new_channel(c->xen, CHANNEL_VIRQ, vcpu, virq));
}

static int64_t bind_ipi(struct call *c, uint64_t at)
{
    uint32_t vcpu;
    if (!guest_get(c, at, &vcpu, 4))
        return -XEN_EFAULT;
    call_say(c, ", vcpu %u", vcpu);
    if (vcpu >= c->xen->domain.vcpus)
        return -XEN_ENOENT;
    return give_port(c, at + 4, new_channel(c->xen, CHANNEL_IPI, vcpu, 0));
}

static int64_t alloc_unbound(struct call *c, uint64_t at)
{
    uint16_t s[2];
    if (!guest_get(c, at, s, sizeof s))
        return -XEN_EFAULT;
    int64_t bad = own_domain(s[0]);
    call_say(c, ", for domain %u", s[1]);
    return bad ? bad : give_port(c, at + 4, new_channel(c->xen, CHANNEL_UNBOUND, 0, s[1]));
}

/* Reads the port that the structure begins with. */
static int64_t take_port(struct call *c, uint64_t at, uint32_t *port)
{
    if (!guest_get(c, at, port, 4))
        return -XEN_EFAULT;
    call_say(c, ", port %u", *port);
    return is_port(*port) && c->xen->channel[*port].type != CHANNEL_FREE ? 0 : -XEN_EINVAL;
}

static void close_port(struct xen *xen, unsigned port)
{
    xen->channel[port] = (struct channel){0};
    *pending_byte(xen, port) &= (uint8_t) ~(1u << port % 8);
    own_touch(xen, OWN_SHARED, SHARED_PENDING + port / 8, 1);
}

static int64_t close_channel(struct call *c, uint64_t at)
{
    uint32_t port;
    int64_t bad = take_port(c, at, &port);
    if (!bad)
        close_port(c->xen, port);
    return bad;
}

static int64_t send(struct call *c, uint64_t at)
{
    uint32_t port;
    int64_t bad = take_port(c, at, &port);
    if (bad)
        return bad;
    struct xen *xen = c->xen;
    switch (xen->channel[port].type) {
    case CHANNEL_DAEMON:
        if (port == xen->param[PARAM_STORE_EVTCHN])
            store_event(xen);
        else if (port == xen->param[PARAM_CONSOLE_EVTCHN])
            domain_console_event(xen);
        return 0;
    case CHANNEL_IPI:
        channel_notify(xen, port);
        return 0;
    case CHANNEL_UNBOUND:
        return 0;
    default:
        return -XEN_EINVAL;
    }
}

/* EVTCHNSTAT_ numbers, by enum channel_type. */
static int64_t status(struct call *c, uint64_t at)
{
    static const uint32_t states[] = {0, 1, 2, 4, 5};
    uint8_t s[8];
    if (!guest_get(c, at, s, sizeof s))
        return -XEN_EFAULT;
    uint32_t port = le32(s + 4);
    int64_t bad = own_domain(le16(s));
    call_say(c, ", port %u", port);
    if (bad || port >= CHANNELS)
        return bad ? bad : -XEN_EINVAL;
    const struct channel *ch = &c->xen->channel[port];
    const uint32_t answer[4] = {states[ch->type], ch->vcpu, ch->type == CHANNEL_VIRQ ? ch->virq : 0,
                                ch->type == CHANNEL_DAEMON ? port : 0};
    return guest_put(c, at + 8, answer, sizeof answer) ? 0 : -XEN_EFAULT;
}

static int64_t bind_vcpu(struct call *c, uint64_t at)
{
    uint32_t port, vcpu;
    int64_t bad = take_port(c, at, &port);
    if (!guest_get(c, at + 4, &vcpu, 4))
        return -XEN_EFAULT;
    call_say(c, ", vcpu %u", vcpu);
    if (vcpu >= c->xen->domain.vcpus)
        return -XEN_ENOENT;
    if (bad || c->xen->channel[port].type == CHANNEL_IPI ||
        (c->xen->channel[port].type == CHANNEL_VIRQ && c->xen->channel[port].virq == VIRQ_TIMER))
        return -XEN_EINVAL;
    c->xen->channel[port].vcpu = (uint8_t)vcpu;
    return 0;
}

static int64_t unmask(struct call *c, uint64_t at)
{
    uint32_t port;
    int64_t bad = take_port(c, at, &port);
    if (bad)
        return bad;
    struct xen *xen = c->xen;
    bool was = masked(xen, port);
    own_page(xen, OWN_SHARED)[mask_offset(xen, port)] &= (uint8_t) ~(1u << port % 8);
    own_touch(xen, OWN_SHARED, mask_offset(xen, port), 1);
    if (was && port_pending(xen, port))
        select_word(xen, xen->channel[port].vcpu, port);
    return 0;
}

static int64_t reset(struct call *c, uint64_t at)
{
    uint16_t domid;
    if (!guest_get(c, at, &domid, 2))
        return -XEN_EFAULT;
    int64_t bad = own_domain(domid);
    for (unsigned port = 1; port < CHANNELS && !bad; port++)
        if (c->xen->channel[port].type != CHANNEL_FREE)
            close_port(c->xen, port);
    return bad;
}

const struct operation event_operations[] = {
    [0] = {.name = "bind_interdomain"},
    [1] = {"bind_virq", bind_virq},
    [2] = {.name = "bind_pirq"},
    [3] = {"close", close_channel},
    [4] = {"send", send},
    [5] = {"status", status},
    [6] = {"alloc_unbound", alloc_unbound},
    [7] = {"bind_ipi", bind_ipi},
    [8] = {"bind_vcpu", bind_vcpu},
    [9] = {"unmask", unmask},
    [10] = {"reset", reset},
    [11] = {.name = "init_control"},
    [12] = {.name = "expand_array"},
    [13] = {.name = "set_priority"},
};
const size_t event_noperations = sizeof event_operations / sizeof event_operations[0];
