/* call.c - a hypercall: who may make it, its arguments, its result, and how it is reported.
 *
 * Source: xen/include/public/arch-x86/xen-x86_32.h and xen-x86_64.h (registers); which calls an HVM domain has,
 * and what others get: xen/arch/x86/hvm/hypercall.c. */
#include <stdarg.h>
#include <stdio.h>

#include "hv/xen/internal.h"

/* ---------------------------------------------------------------- the caller's memory */

static bool guest_copy(const struct call *c, uint64_t linear, void *buf, size_t n, bool put)
{
    struct physmem *mem = c->xen->domain.mem;
    for (uint8_t *p = buf; n;) {
        uint64_t pa;
        size_t part = PAGE - (linear & (PAGE - 1));
        part = part < n ? part : n;
        if (!c->wide)
            linear = (uint32_t)linear;
        if (!x86_translate(c->cpu, linear, &pa) || physmem_mapped(mem, pa, part) < part)
            return false;
        if (put)
            physmem_write(mem, pa, p, part);
        else
            physmem_read(mem, pa, p, part);
        p += part, linear += part, n -= part;
    }
    return true;
}

bool guest_get(const struct call *c, uint64_t linear, void *buf, size_t n)
{
    return guest_copy(c, linear, buf, n, false);
}

bool guest_put(const struct call *c, uint64_t linear, const void *buf, size_t n)
{
    return guest_copy(c, linear, (void *)buf, n, true);
}

uint64_t word_at(const struct call *c, const uint8_t *bytes, unsigned narrow, unsigned wide)
{
    return c->wide ? le64(bytes + wide) : le32(bytes + narrow);
}

/* ---------------------------------------------------------------- what it is in words */

void call_say(const struct call *c, const char *format, ...)
{
    size_t n = strlen(c->text);
    va_list ap;
    va_start(ap, format);
    vsnprintf(c->text + n, TEXT_MAX - n, format, ap);
    va_end(ap);
}

int64_t own_domain(uint16_t domid)
{
    if (domid == DOMID_SELF || domid == XEN_DOMAIN)
        return 0;
    return domid ? -XEN_ESRCH : -XEN_EPERM; /* domain 0 is there, but not for this one */
}

/* ---------------------------------------------------------------- the hypercalls */

struct hypercall {
    const char *name;
    const struct operation *operations;
    const size_t *noperations;
    int64_t (*run)(struct call *); /* of one that has no operations, or not in arg[0] */
};

static int64_t multicall(struct call *);

static int64_t refused(struct call *c)
{
    return -XEN_EPERM;
}

static const struct hypercall hypercalls[] = {
    [12] = {.name = "memory_op", .operations = memory_operations, .noperations = &memory_noperations},
    [13] = {"multicall", .run = multicall},
    [15] = {"set_timer_op", .run = set_timer_op},
    [17] = {.name = "xen_version", .operations = version_operations, .noperations = &version_noperations},
    [18] = {"console_io", .run = console_io},
    [20] = {.name = "grant_table_op", .operations = grant_operations, .noperations = &grant_noperations},
    [21] = {"vm_assist", .run = vm_assist},
    [24] = {"vcpu_op", .run = vcpu_op},
    [26] = {.name = "mmuext_op"},
    [27] = {.name = "xsm_op"},
    [29] = {.name = "sched_op", .operations = schedule_operations, .noperations = &schedule_noperations},
    [32] = {.name = "event_channel_op", .operations = event_operations, .noperations = &event_noperations},
    [33] = {.name = "physdev_op"},
    [34] = {.name = "hvm_op", .operations = hvm_operations, .noperations = &hvm_noperations},
    [35] = {"sysctl", .run = refused},
    [36] = {"domctl", .run = refused},
    [39] = {.name = "argo_op"},
    [40] = {.name = "xenpmu_op"},
    [41] = {"dm_op", .run = refused},
    [42] = {"hypfs_op", .run = refused},
};
enum { HYPERCALLS = sizeof hypercalls / sizeof hypercalls[0] };

int64_t call_missing(const struct call *c, const char *operation, uint64_t number)
{
    char what[64];
    const char *name = c->number < HYPERCALLS ? hypercalls[c->number].name : NULL;
    if (operation && name && strncmp(operation, name, strlen(name)))
        snprintf(what, sizeof what, "%s %s", name, operation);
    else
        snprintf(what, sizeof what, "%s", operation ? operation : name ? name : "hypercall");
    c->xen->host.unhandled(c->xen->host.ctx, what, number, false, c->arg[0]);
    return -XEN_ENOSYS;
}

int64_t run_operation(struct call *c, const struct operation *list, size_t n)
{
    uint64_t number = (uint32_t)c->arg[0];
    const struct operation *o = number < n ? &list[number] : NULL;
    if (!o || !o->name) {
        call_say(c, "%llu", (unsigned long long)number);
        return call_missing(c, NULL, number);
    }
    call_say(c, "%s", o->name);
    return o->run ? o->run(c, c->arg[1]) : call_missing(c, o->name, number);
}

int64_t run_call(struct call *c)
{
    const struct hypercall *h = c->number < HYPERCALLS ? &hypercalls[c->number] : NULL;
    if (!h || !h->name) {
        call_say(c, "hypercall %llu()", (unsigned long long)c->number);
        return call_missing(c, NULL, c->number);
    }
    call_say(c, "%s(", h->name);
    int64_t result = h->operations ? run_operation(c, h->operations, *h->noperations)
                     : h->run      ? h->run(c)
                                   : call_missing(c, NULL, c->arg[0]);
    call_say(c, ")");
    return result;
}

/* ---------------------------------------------------------------- reporting */

static void emit_repeat(const struct xen *xen, xen_emit_fn *emit)
{
    const struct repeat *r = &xen->repeat;
    if (!r->count)
        return;
    struct event ev = {.kind = EV_HYPERCALL_AGAIN, .data = (const char *)r->text, .len = r->length};
    ev.f[EVF_HYPERCALL_AGAIN_number] = r->number;
    ev.f[EVF_HYPERCALL_AGAIN_domain] = XEN_DOMAIN;
    ev.f[EVF_HYPERCALL_AGAIN_vcpu] = r->vcpu;
    ev.f[EVF_HYPERCALL_AGAIN_count] = r->count;
    ev.f[EVF_HYPERCALL_AGAIN_last] = r->last;
    emit(xen->host.ctx, &ev);
}

void xen_flush(const struct xen *xen, xen_emit_fn *emit)
{
    emit_repeat(xen, emit);
    console_flush(xen, emit);
}

/* Equal calls in a row are counted. */
static void report(struct call *c, unsigned batch, int64_t result, uint64_t caller)
{
    struct xen *xen = c->xen;
    struct repeat *r = &xen->repeat;
    uint8_t n = (uint8_t)strlen(c->text);
    if (r->length == n && r->number == c->number && r->vcpu == c->vcpu && !memcmp(r->text, c->text, n)) {
        r->count++;
        r->last = xen->host.now(xen->host.ctx);
        return;
    }
    emit_repeat(xen, xen->host.event);
    *r = (struct repeat){.number = c->number, .vcpu = (uint8_t)c->vcpu, .length = n};
    memcpy(r->text, c->text, n);
    struct event ev = {.kind = EV_HYPERCALL, .data = c->text, .len = n};
    ev.f[EVF_HYPERCALL_number] = c->number;
    ev.f[EVF_HYPERCALL_domain] = XEN_DOMAIN;
    ev.f[EVF_HYPERCALL_vcpu] = c->vcpu;
    ev.f[EVF_HYPERCALL_batch] = batch;
    ev.f[EVF_HYPERCALL_a0] = c->arg[0];
    ev.f[EVF_HYPERCALL_a1] = c->arg[1];
    ev.f[EVF_HYPERCALL_result] = (uint64_t)result;
    ev.f[EVF_HYPERCALL_caller] = caller;
    xen->host.event(xen->host.ctx, &ev);
}

/* The return address on the stack, if the call is made from the hypercall page. */
static uint64_t caller_of(const struct call *c)
{
    struct x86_where w;
    uint64_t pa, caller = 0;
    x86_where(c->cpu, &w);
    uint64_t ip = w.cs_base + w.rip, page = c->xen->hypercall_page;
    if (!page || !x86_translate(c->cpu, ip, &pa) || (pa & ~(uint64_t)(PAGE - 1)) != page)
        return ip;
    uint64_t sp =
        c->wide ? x86_get(c->cpu, "rsp") : (uint32_t)(x86_get(c->cpu, "ss_base") + x86_get(c->cpu, "rsp"));
    return guest_get(c, sp, &caller, c->wide ? 8 : 4) ? caller : ip;
}

/* ---------------------------------------------------------------- from a processor */

/* Ring 0 of protected mode. */
static bool may_call(const struct x86 *cpu, const struct x86_where *w)
{
    enum { FLAG_VM = 1 << 17 };
    return w->protected_mode && !w->cpl && !(x86_get(cpu, "eflags") & FLAG_VM);
}

static void take_arguments(struct call *c)
{
    static const char *const narrow[] = {"rbx", "rcx", "rdx", "rsi", "rdi"};
    static const char *const wide[] = {"rdi", "rsi", "rdx", "r10", "r8"};
    for (unsigned i = 0; i < 5; i++) {
        uint64_t v = x86_get(c->cpu, c->wide ? wide[i] : narrow[i]);
        c->arg[i] = c->wide ? v : (uint32_t)v;
    }
}

void xen_hypercall(struct xen *xen, unsigned vcpu)
{
    char text[TEXT_MAX] = "";
    struct x86_where w;
    struct call c = {.xen = xen, .vcpu = vcpu, .cpu = xen->host.cpu(xen->host.ctx, vcpu), .text = text};
    x86_where(c.cpu, &w);
    c.wide = w.code_bits == 64;
    c.number = c.wide ? x86_get(c.cpu, "rax") : (uint32_t)x86_get(c.cpu, "rax");
    take_arguments(&c);
    uint64_t caller = caller_of(&c);
    int64_t result = -XEN_EPERM;
    if (may_call(c.cpu, &w))
        result = run_call(&c);
    else
        call_say(&c, "hypercall %llu(), not from ring 0", (unsigned long long)c.number);
    x86_set(c.cpu, "rax", c.wide ? (uint64_t)result : (uint32_t)result);
    report(&c, 0, result, caller);
}

/* struct multicall_entry: the number, the result, six arguments. */
static int64_t multicall(struct call *all)
{
    enum { WORDS = 8, MOST = 4096 };
    unsigned size = all->wide ? 8 : 4;
    uint64_t n = all->arg[1];
    call_say(all, "%llu calls", (unsigned long long)n);
    for (uint64_t i = 0; i < n && i < MOST; i++) {
        uint8_t s[WORDS * 8];
        char text[TEXT_MAX] = "";
        uint64_t at = all->arg[0] + i * WORDS * size;
        struct call c = {
            .xen = all->xen, .vcpu = all->vcpu, .cpu = all->cpu, .wide = all->wide, .text = text};
        if (!guest_get(all, at, s, WORDS * size))
            return -XEN_EFAULT;
        c.number = word_at(all, s, 0, 0);
        for (unsigned a = 0; a < 5; a++)
            c.arg[a] = word_at(all, s, (2 + a) * 4, (2 + a) * 8);
        int64_t result = c.number == all->number ? -XEN_EINVAL : run_call(&c); /* not one in another */
        report(&c, (unsigned)i + 1, result, 0);
        if (!guest_put(all, at + size, &result, size))
            return -XEN_EFAULT;
    }
    return 0;
}
