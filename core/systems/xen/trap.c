/* trap.c - what happens to domains without their asking: exceptions passed on to them, instructions emulated, events
 * raised. See impl.h. */
#include "base/memory.h"
#include "core/systems/xen/private/impl.h"

/* ---------------------------------------------------------------- who and where */

/* The function that contains the address, as " in NAME"; a program is not Xen's domain's kernel. */
static void add_place(struct xen_guest *xg, uint64_t ip, char *text, size_t size)
{
    char name[160];
    if (!ip)
        return;
    xen_caller(xg, ip, name, sizeof name);
    if (ip < XEN_VIRT_BEGIN)
        xen_put(text, size, " in a program");
    else if (name[0])
        xen_put(text, size, " in %s", name);
}

/* The instruction pointer of the domain, from the registers at the top of Xen's stack; 0 if their place is not known
 * yet (the first hypercall shows it). */
static uint64_t domain_ip(const struct xen_guest *xg)
{
    uint64_t top = (xen_reg(xg, GUEST_RSP) | (XEN_STACK - 1)) + 1;
    return xg->user_regs ? xen_u64(xg, top - xg->user_regs + USER_RIP) : 0;
}

/* ---------------------------------------------------------------- exceptions */

static const char *const exceptions[] = {"divide error",
                                         "debug",
                                         "NMI",
                                         "breakpoint",
                                         "overflow",
                                         "bound",
                                         "invalid opcode",
                                         "device not available",
                                         "double fault",
                                         "coprocessor",
                                         "invalid TSS",
                                         "segment not present",
                                         "stack fault",
                                         "general protection",
                                         "page fault",
                                         "exception 15",
                                         "x87 exception",
                                         "alignment check",
                                         "machine check",
                                         "SIMD exception"};

/* struct x86_event (arch/x86/x86_emulate/x86_emulate.h): i16 vector, u8 type, u8 length, i32 error code, u64 CR2. */
static void injected(struct xen_guest *xg, struct hook_frame *f)
{
    struct {
        int16_t vector;
        uint8_t type, length;
        int32_t error;
        uint64_t cr2;
    } e;
    enum { PAGE_FAULT = 14 };
    const struct xen_vcpu *v = xen_running(xg, xg->base.cpu);
    if (!v || !xen_read(xg, base_argument(&xg->base, 0), &e, sizeof e))
        return;
    uint64_t ip = domain_ip(xg), vector = (uint8_t)e.vector;
    struct xen_call c = {.kind = EV_DOMAIN_EXCEPTION, .by = *v};
    if (vector < sizeof exceptions / sizeof exceptions[0])
        xen_put(c.text, sizeof c.text, "%s", exceptions[vector]);
    else
        xen_put(c.text, sizeof c.text, "interrupt %llu", (unsigned long long)vector);
    add_place(xg, ip, c.text, sizeof c.text);
    const uint64_t cr2 = vector == PAGE_FAULT ? e.cr2 : 0;
    const uint64_t fields[EVENT_MAX_FIELDS] = {
        vector, v->domain, v->id, e.error == -1 ? 0 : (uint32_t)e.error, cr2, ip};
    memcpy(c.f, fields, sizeof fields);
    xen_report_call(xg, &c);
}

/* ---------------------------------------------------------------- emulated instructions */

static const struct {
    uint8_t first, last;
    const char *name;
} one_byte[] = {{0x6c, 0x6d, "ins"}, {0x6e, 0x6f, "outs"}, {0xe4, 0xe5, "in"},
                {0xe6, 0xe7, "out"}, {0xec, 0xed, "in"},   {0xee, 0xef, "out"},
                {0xf4, 0xf4, "hlt"}, {0xfa, 0xfa, "cli"},  {0xfb, 0xfb, "sti"}},
  two_bytes[] = {{0x01, 0x01, "system instruction"},
                 {0x06, 0x06, "clts"},
                 {0x08, 0x08, "invd"},
                 {0x09, 0x09, "wbinvd"},
                 {0x20, 0x20, "mov from a control register"},
                 {0x21, 0x21, "mov from a debug register"},
                 {0x22, 0x22, "mov to a control register"},
                 {0x23, 0x23, "mov to a debug register"},
                 {0x30, 0x30, "wrmsr"},
                 {0x31, 0x31, "rdtsc"},
                 {0x32, 0x32, "rdmsr"},
                 {0x33, 0x33, "rdpmc"},
                 {0xa2, 0xa2, "cpuid"},
                 {0xc7, 0xc7, "rdrand, rdseed or cmpxchg"}};

static bool is_prefix(uint8_t byte)
{
    return strchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", byte) || (byte & 0xf0) == 0x40;
}

static const char *instruction(const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i + 2 < n && p[i] && is_prefix(p[i]))
        i++;
    for (size_t k = 0; k < sizeof one_byte / sizeof one_byte[0]; k++)
        if (p[i] >= one_byte[k].first && p[i] <= one_byte[k].last)
            return one_byte[k].name;
    for (size_t k = 0; k < sizeof two_bytes / sizeof two_bytes[0] && p[i] == 0x0f; k++)
        if (p[i + 1] == two_bytes[k].first)
            return two_bytes[k].name;
    return "an instruction";
}

/* The port of an IN or OUT: the next byte, or DX. */
static void add_port(const uint8_t *p, size_t n, uint16_t dx, char *text, size_t size)
{
    size_t i = 0;
    while (i + 2 < n && p[i] && is_prefix(p[i]))
        i++;
    if (p[i] >= 0xe4 && p[i] <= 0xe7)
        xen_put(text, size, " port %Xh", p[i + 1]);
    else if (p[i] >= 0xec && p[i] <= 0xef)
        xen_put(text, size, " port %Xh", dx);
}

static void emulation_begins(struct xen_guest *xg, struct hook_frame *f)
{
    f->value[2] = xen_u64(xg, base_argument(&xg->base, 0) + USER_RDX);
    f->value[0] = xen_u64(xg, base_argument(&xg->base, 0) + USER_RIP);
    f->value[1] = 0;
    xen_read(xg, f->value[0], &f->value[1], 8);
}

static void emulation_ends(struct xen_guest *xg, const struct hook_frame *f)
{
    const struct xen_vcpu *v = xen_running(xg, xg->base.cpu);
    struct xen_call c = {.kind = EV_DOMAIN_EMULATE};
    uint8_t bytes[8];
    if (!v)
        return;
    c.by = *v;
    memcpy(bytes, &f->value[1], sizeof bytes);
    uint64_t done = (uint32_t)xen_reg(xg, GUEST_RAX) != 0;
    xen_put(c.text, sizeof c.text, "%s", instruction(bytes, sizeof bytes));
    add_port(bytes, sizeof bytes, (uint16_t)f->value[2], c.text, sizeof c.text);
    add_place(xg, f->value[0], c.text, sizeof c.text);
    const uint64_t fields[EVENT_MAX_FIELDS] = {v->domain, done, v->id, f->value[1], f->value[0]};
    memcpy(c.f, fields, sizeof fields);
    xen_report_call(xg, &c);
}

/* ---------------------------------------------------------------- events */

static void raised(struct xen_guest *xg, uint64_t domain, uint64_t vcpu, const char *text)
{
    const struct xen_vcpu *from = xen_running(xg, xg->base.cpu);
    struct xen_call c = {.kind = EV_DOMAIN_EVENT, .by = {.domain = (uint32_t)domain, .id = (uint32_t)vcpu}};
    if (domain == XEN_DOMAIN_OTHER)
        return;
    xen_put(c.text, sizeof c.text, "%s", text);
    c.f[EVF_DOMAIN_EVENT_domain] = domain;
    c.f[EVF_DOMAIN_EVENT_vcpu] = vcpu;
    c.f[EVF_DOMAIN_EVENT_from] = from ? from->domain : UINT64_MAX;
    xen_report_call(xg, &c);
}

/* An interrupt is raised by its event channel, too, which is not told again. */
static void interrupt_begins(struct xen_guest *xg)
{
    if (xg->base.cpu < XEN_PROCESSORS)
        xg->interrupts[xg->base.cpu] = true;
}

static void interrupt_ends(struct xen_guest *xg, const struct hook_frame *f)
{
    if (xg->base.cpu < XEN_PROCESSORS)
        xg->interrupts[xg->base.cpu] = false;
}

static void virq(struct xen_guest *xg, uint64_t domain, uint64_t vcpu, uint64_t number)
{
    char text[80];
    const char *name = xen_virq_name(number);
    if (name)
        snprintf(text, sizeof text, "virtual interrupt %s", name);
    else
        snprintf(text, sizeof text, "virtual interrupt %llu", (unsigned long long)number);
    raised(xg, domain, vcpu, text);
}

static void vcpu_virq(struct xen_guest *xg, struct hook_frame *f)
{
    const struct xen_vcpu *v = xen_vcpu(xg, base_argument(&xg->base, 0));
    interrupt_begins(xg);
    if (v)
        virq(xg, v->domain, v->id, (uint32_t)base_argument(&xg->base, 1));
}

static void global_virq(struct xen_guest *xg, struct hook_frame *f)
{
    interrupt_begins(xg);
    virq(xg, xen_domain_number(xg, base_argument(&xg->base, 0)), 0, (uint32_t)base_argument(&xg->base, 1));
}

/* The number is the first member of struct pirq (include/xen/irq.h). */
static void pirq(struct xen_guest *xg, struct hook_frame *f)
{
    char text[40];
    interrupt_begins(xg);
    snprintf(text, sizeof text, "interrupt %u", xen_u32(xg, base_argument(&xg->base, 1)));
    raised(xg, xen_domain_number(xg, base_argument(&xg->base, 0)), 0, text);
}

/* An event channel's port becomes pending: by another domain, another virtual processor, or Xen. */
static void port(struct xen_guest *xg, struct hook_frame *f)
{
    char text[40];
    const struct xen_vcpu *v = xen_vcpu(xg, base_argument(&xg->base, 0));
    if (!v || (xg->base.cpu < XEN_PROCESSORS && xg->interrupts[xg->base.cpu]))
        return;
    snprintf(text, sizeof text, "port %u", xen_u32(xg, base_argument(&xg->base, 1) + xg->port_offset));
    raised(xg, v->domain, v->id, text);
}

/* The function that sets a port pending first loads the port, from its second argument. */
static void find_port(void *ctx, const struct code_site *site)
{
    struct xen_guest *xg = ctx;
    if (!xg->port_offset && site->kind == CODE_MEMBER && !strcmp(site->reg, "rsi"))
        xg->port_offset = site->target;
}

static void hook_ports(struct xen_guest *xg)
{
    struct symbol sym;
    if (base_function(&xg->base, "evtchn_2l_set_pending", &sym))
        base_sites(&xg->base, &sym, find_port, xg);
    if (!xg->port_offset)
        return;
    XEN_HOOK(xg, port, NULL, "evtchn_2l_set_pending");
    XEN_HOOK(xg, port, NULL, "evtchn_fifo_set_pending");
}

void xen_trap_setup(struct xen_guest *xg)
{
    if (!base_wants(&xg->base, EC_HYPERCALL))
        return;
    XEN_HOOK(xg, injected, NULL, "pv_inject_event");
    XEN_HOOK(xg, emulation_begins, emulation_ends, "pv_emulate_privileged_op", "emulate_privileged_op");
    XEN_HOOK(xg, vcpu_virq, interrupt_ends, "send_guest_vcpu_virq");
    XEN_HOOK(xg, global_virq, interrupt_ends, "send_guest_global_virq", "send_guest_domain_virq");
    XEN_HOOK(xg, pirq, interrupt_ends, "send_guest_pirq");
    hook_ports(xg);
}
