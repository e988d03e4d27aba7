/* hypercall.c - what domains ask of Xen: hypercalls, batches of them, and their consoles. See impl.h.
 *
 * Arguments: xen/include/public (xen.h, event_channel.h, memory.h …), which are the same in all versions.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/xen/private/impl.h"
#include "core/systems/xen/private/numbers.h"

/* ---------------------------------------------------------------- reported once */

static bool same(const struct xen_repeat *r, const struct xen_call *c)
{
    return r->kind == c->kind && r->number == c->number && r->by.structure == c->by.structure &&
           !strcmp(r->text, c->text);
}

void xen_hypercall_flush(struct xen_guest *xg)
{
    struct xen_repeat *r = &xg->repeat;
    if (r->count)
        GUEST_EMIT(xg, EV_HYPERCALL_AGAIN, r->text, r->kind == EV_HYPERCALL ? r->number : UINT64_MAX,
                   r->by.domain, r->by.id, r->count, r->last);
    r->count = 0;
    r->kind = 0;
}

void xen_report_call(struct xen_guest *xg, const struct xen_call *c)
{
    struct xen_repeat *r = &xg->repeat;
    if (same(r, c)) {
        r->count++;
        r->last = xg->base.icount;
        return;
    }
    xen_hypercall_flush(xg);
    r->kind = c->kind;
    r->number = c->number;
    r->by = c->by;
    memcpy(r->text, c->text, sizeof r->text);
    xen_emit(xg, c->kind, c->text, c->f, EVENT_MAX_FIELDS);
}

/* The symbol that contains an address, now; NULL if there is none. */
static const struct symbol *symbol_at(struct xen_guest *xg, symbol_space space, uint64_t address)
{
    struct xen_named *n = &xg->named[(address ^ address >> 6) % XEN_NAMED];
    const uint64_t changes = symbols_changes(xg->base.o.symbols);
    if (n->address != address || n->space != space || n->changes != changes) {
        *n = (struct xen_named){.space = space, .address = address, .changes = changes};
        n->found = symbols_at(xg->base.o.symbols, space, address, SYMBOLS_NOW, &n->symbol, NULL);
    }
    return n->found ? &n->symbol : NULL;
}

void xen_caller(struct xen_guest *xg, uint64_t address, char *buf, size_t size)
{
    symbol_space space;
    const struct symbol *sym;
    const struct xen_vcpu *v = xen_running(xg, xg->base.cpu);
    buf[0] = 0;
    if (!v || !xg->base.o.domain_space(xg->base.o.ctx, v->domain, &space) ||
        !(sym = symbol_at(xg, space, address)))
        return;
    xen_add(buf, size, sym->name);
    if (strcmp(sym->module, "kernel") != 0)
        xen_put(buf, size, " [%s]", sym->module);
}

/* ---------------------------------------------------------------- arguments */

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* Numbers that an operation's structure holds, for its text. */
struct shown {
    uint8_t hypercall, operation;
    struct {
        const char *text; /* before the number */
        uint8_t offset, bytes;
    } field[3];
};

static const char virq_text[] = "virtual interrupt ", parameter_text[] = "parameter ";

static const struct shown shown[] = {
    {XEN_EVENT_CHANNEL_OP, 0, {{"domain ", 0, 2}, {"its port ", 4, 4}, {"port ", 8, 4}}},
    {XEN_EVENT_CHANNEL_OP, 1, {{virq_text, 0, 4}, {"vcpu ", 4, 4}, {"port ", 8, 4}}},
    {XEN_EVENT_CHANNEL_OP, 2, {{"interrupt ", 0, 4}, {"port ", 8, 4}}},
    {XEN_EVENT_CHANNEL_OP, 3, {{"port ", 0, 4}}},
    {XEN_EVENT_CHANNEL_OP, 4, {{"port ", 0, 4}}},
    {XEN_EVENT_CHANNEL_OP, 6, {{"domain ", 0, 2}, {"for domain ", 2, 2}, {"port ", 4, 4}}},
    {XEN_EVENT_CHANNEL_OP, 7, {{"vcpu ", 0, 4}, {"port ", 4, 4}}},
    {XEN_EVENT_CHANNEL_OP, 8, {{"port ", 0, 4}, {"vcpu ", 4, 4}}},
    {XEN_EVENT_CHANNEL_OP, 9, {{"port ", 0, 4}}},
    {XEN_EVENT_CHANNEL_OP, 11, {{"vcpu ", 12, 4}}},
    {XEN_EVENT_CHANNEL_OP, 13, {{"port ", 0, 4}, {"priority ", 4, 4}}},
    {XEN_MEMORY_OP, 0, {{"extents ", 8, 8}, {"order ", 16, 4}, {"domain ", 24, 2}}},
    {XEN_MEMORY_OP, 1, {{"extents ", 8, 8}, {"order ", 16, 4}, {"domain ", 24, 2}}},
    {XEN_MEMORY_OP, 6, {{"extents ", 8, 8}, {"order ", 16, 4}, {"domain ", 24, 2}}},
    {XEN_MEMORY_OP, 7, {{"domain ", 0, 2}, {"space ", 4, 4}}},
    {XEN_SCHED_OP, 2, {{"reason ", 0, 4}}},
    {XEN_PHYSDEV_OP, 6, {{"level ", 0, 4}}},
    {XEN_PHYSDEV_OP, 13, {{"domain ", 0, 2}, {"index ", 8, 4}, {"interrupt ", 12, 4}}},
    {XEN_PHYSDEV_OP, 21, {{"GSI ", 0, 4}}},
    {XEN_PHYSDEV_OP, 25, {{"bus ", 2, 1}, {"device and function ", 3, 1}}},
    {XEN_HVM_OP, 0, {{"domain ", 0, 2}, {parameter_text, 4, 4}}},
    {XEN_HVM_OP, 1, {{"domain ", 0, 2}, {parameter_text, 4, 4}}},
};

static void show_fields(const struct xen_guest *xg, const struct shown *s, uint64_t at, char *text,
                        size_t size)
{
    uint8_t bytes[32];
    if (!xen_read(xg, at, bytes, sizeof bytes))
        return;
    for (unsigned i = 0; i < 3 && s->field[i].text; i++) {
        uint64_t v = 0;
        memcpy(&v, bytes + s->field[i].offset, s->field[i].bytes);
        const char *name = s->field[i].text == virq_text                               ? xen_virq_name(v)
                           : s->field[i].text == parameter_text && xen_virtualizes(xg) ? xen_parameter_name(v)
                                                                                       : NULL;
        if (v == DOMID_SELF && s->field[i].bytes == 2)
            name = "itself";
        if (name)
            xen_put(text, size, ", %s%s", s->field[i].text, name);
        else
            xen_put(text, size, ", %s%llu", s->field[i].text, (unsigned long long)v);
    }
}

/* Set by Xen in a count, for the part that it goes on with (MMU_UPDATE_PREEMPTED). */
static const uint32_t PREEMPTED = 1u << 31;

/* A list of struct mmuext_op: the commands' names, one for several of the same in a row. */
static void show_mmuext(const struct xen_guest *xg, uint64_t at, uint64_t count, char *text, size_t size)
{
    enum { ENTRY = 24, MOST = 64 };
    uint64_t run = 0;
    for (uint64_t i = 0; i < count && i < MOST; i += run) {
        uint32_t command = xen_u32(xg, at + i * ENTRY);
        const char *name = xen_mmuext_name(command);
        for (run = 1; i + run < count && i + run < MOST && xen_u32(xg, at + (i + run) * ENTRY) == command;)
            run++;
        xen_put(text, size, "%s%s", i ? ", " : "", name ? name : "unknown command");
        if (run > 1)
            xen_put(text, size, " x%llu", (unsigned long long)run);
    }
}

/* The number of the sub-operation: it is the first argument, or the first number of a structure. */
static uint64_t operation_of(const struct xen_guest *xg, const struct xen_arguments *a)
{
    switch (a->number) {
    case XEN_PLATFORM_OP:
    case XEN_SYSCTL:
    case XEN_DOMCTL:
        return xen_u32(xg, a->a[0]);
    case XEN_MEMORY_OP:
        return a->a[0] & 0x3f;
    case XEN_VM_ASSIST:
        return (uint32_t)a->a[1];
    default:
        return (uint32_t)a->a[0];
    }
}

/* The structures of memory_op have pointers, which are narrower in 32-bit code. */
static bool other_layout(const struct xen_arguments *a)
{
    return a->narrow && a->number == XEN_MEMORY_OP;
}

static void show_operation(struct xen_guest *xg, const struct xen_arguments *a, char *text, size_t size)
{
    uint64_t operation = operation_of(xg, a);
    const char *name = xen_operation_name(a->number, operation);
    if (a->number == XEN_DM_OP && xen_virtualizes(xg))
        xen_show_model_op(xg, a, text, size);
    if (!xen_has_operations(a->number))
        return;
    if (!name && xen_virtualizes(xg))
        name = xen_machine_operation(a->number, operation);
    if (name)
        xen_add(text, size, name);
    else
        xen_put(text, size, "operation %llu", (unsigned long long)operation);
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        if (shown[i].hypercall == a->number && shown[i].operation == operation && !other_layout(a))
            show_fields(xg, &shown[i], a->a[1], text, size);
    if (a->number == XEN_DOMCTL && xen_virtualizes(xg))
        xen_put(text, size, ", domain %u", (uint16_t)xen_u32(xg, a->a[0] + 8));
}

static void show(struct xen_guest *xg, const struct xen_arguments *a, char *text, size_t size)
{
    const char *name = xen_hypercall_name(a->number);
    text[0] = 0;
    if (name)
        xen_add(text, size, name);
    else
        xen_put(text, size, "hypercall %llu", (unsigned long long)a->number);
    xen_add(text, size, "(");
    if (a->number == XEN_MMUEXT_OP)
        show_mmuext(xg, a->a[0], a->a[1], text, size);
    else if (a->number == XEN_MMU_UPDATE || a->number == XEN_MULTICALL)
        xen_put(text, size, "%u entr%s", (uint32_t)a->a[1] & ~PREEMPTED,
                (uint32_t)a->a[1] == 1 ? "y" : "ies");
    else
        show_operation(xg, a, text, size);
    if (a->number == XEN_CONSOLE_IO)
        xen_put(text, size, ", %llu byte%s", (unsigned long long)a->a[1], plural(a->a[1]));
    xen_add(text, size, ")");
}

/* ---------------------------------------------------------------- what a domain prints */

static void console_line(struct xen_guest *xg, const struct xen_vcpu *by)
{
    struct xen_line *l = &xg->line;
    l->text[l->n] = 0;
    if (l->n)
        xen_hypercall_flush(xg);
    if (l->n)
        GUEST_EMIT(xg, EV_DOMAIN_CONSOLE, l->text, l->domain);
    l->n = 0;
    l->domain = by->domain;
}

/* The beginning of another domain's line ends a line. */
static void console(struct xen_guest *xg, const struct xen_vcpu *by, uint64_t at, uint64_t n)
{
    struct xen_line *l = &xg->line;
    char byte;
    if (l->domain != by->domain)
        console_line(xg, by);
    for (uint64_t i = 0; i < n && i < 4096 && xen_read(xg, at + i, &byte, 1); i++) {
        if (byte == '\n' || l->n + 1 == sizeof l->text)
            console_line(xg, by);
        if (byte != '\n' && byte != '\r')
            l->text[l->n++] = byte;
    }
}

/* ---------------------------------------------------------------- hypercalls */

/* A program of domain 0 makes the call, by a driver of its kernel (/dev/xen/privcmd): which process, and what it is for. */
static void of_program(struct xen_guest *xg, const struct xen_arguments *a, char *text, size_t size,
                       uint64_t result)
{
    enum { POPULATE = 6, MODEL = 1 };
    struct guest_task task;
    const bool memory = a->number == XEN_MEMORY_OP && operation_of(xg, a) == POPULATE && !a->narrow;
    if (!strstr(text, "xen_privcmd]") || !xg->base.o.domain_task ||
        !xg->base.o.domain_task(xg->base.o.ctx, a->by.domain, xg->base.cpu, &task))
        return;
    xen_put(text, size, " for process %u", task.tgid);
    if (a->number == XEN_DM_OP && xen_u32(xg, xen_u64(xg, a->a[2])) == MODEL)
        xen_model_made(xg, (uint16_t)a->a[0], task.tgid);
    if (memory &&
        result == xen_u64(xg, a->a[1] + 8)) /* all extents; else it was interrupted, and is made again */
        xen_memory_given(xg, (uint16_t)xen_u32(xg, a->a[1] + 24), result << (xen_u32(xg, a->a[1] + 16) & 63));
}

static void report(struct xen_guest *xg, const struct xen_arguments *a, uint64_t batch, uint64_t result)
{
    struct xen_call c = {.kind = EV_HYPERCALL, .number = a->number, .by = a->by};
    char caller[160];
    uint64_t first[2] = {a->a[0], a->a[1]};
    show(xg, a, c.text, sizeof c.text);
    if (a->number == XEN_MMU_UPDATE)
        xen_read(xg, a->a[0], first, sizeof first);
    xen_caller(xg, a->caller, caller, sizeof caller);
    if (caller[0]) {
        xen_add(c.text, sizeof c.text, " by ");
        xen_add(c.text, sizeof c.text, caller);
    }
    if (xen_virtualizes(xg))
        of_program(xg, a, c.text, sizeof c.text, result);
    const uint64_t f[EVENT_MAX_FIELDS] = {a->number, a->by.domain, a->by.id, batch,
                                          first[0],  first[1],     result,   a->caller};
    memcpy(c.f, f, sizeof f);
    xen_report_call(xg, &c);
}

void xen_report_hypercall(struct xen_guest *xg, const struct xen_arguments *a, uint64_t result)
{
    report(xg, a, 0, result);
}

/* struct multicall_entry: the number, the result, six arguments. */
static void report_batch(struct xen_guest *xg, const struct xen_arguments *all)
{
    enum { WORDS = 8, MOST = 512 };
    uint64_t entry[WORDS];
    for (uint64_t i = 0; i < all->a[1] && i < MOST; i++) {
        if (!xen_read(xg, all->a[0] + i * sizeof entry, entry, sizeof entry))
            return;
        struct xen_arguments a = {.number = entry[0], .by = all->by, .caller = all->caller};
        memcpy(a.a, entry + 2, sizeof a.a);
        report(xg, &a, i + 1, entry[1]);
    }
}

/* Where the domain makes the call: if the syscall is in the hypercall page or a stub like its entries, which end with
 * pop %r11, pop %rcx and ret (or a jump to the thunk that does it), at the stub's caller. */
static uint64_t caller_of(const struct xen_guest *xg, const uint8_t *regs)
{
    uint64_t ip, sp;
    uint8_t code[4];
    memcpy(&ip, regs + USER_RIP, 8);
    memcpy(&sp, regs + USER_RSP, 8);
    bool stub = xen_read(xg, ip, code, sizeof code) && !memcmp(code, "\x41\x5b\x59", 3) &&
                (code[3] == 0xc3 || code[3] == 0xe9);
    return stub ? xen_u64(xg, sp + 16) : ip;
}

/* Structures are not at such low addresses. */
static uint64_t slot_of(const struct xen_guest *xg, uint64_t structure)
{
    return xg->base.o.story < STORY_OF_MACHINES ? xg->base.cpu : structure;
}

struct xen_arguments *xen_call_of(const struct xen_guest *xg, uint64_t structure)
{
    const uint64_t slot = slot_of(xg, structure);
    size_t i = 0;
    while (i < xg->ncalls && xg->calls[i].slot != slot)
        i++;
    return i < xg->ncalls ? &xg->calls[i] : NULL;
}

void xen_call_keep(struct xen_guest *xg, const struct xen_arguments *a)
{
    struct xen_arguments *last = xen_call_of(xg, a->by.structure);
    if (!last) {
        MEM_MORE(xg->calls, xg->ncalls);
        last = &xg->calls[xg->ncalls++];
    }
    *last = *a;
    last->slot = slot_of(xg, a->by.structure);
}

void xen_calls_drop(struct xen_guest *xg, uint64_t domain)
{
    size_t n = 0;
    for (size_t i = 0; i < xg->ncalls; i++)
        if (xg->calls[i].by.domain != domain)
            xg->calls[n++] = xg->calls[i];
    xg->ncalls = n;
}

/* Whether this is the call that Xen wanted to be made again. */
static bool goes_on(struct xen_arguments *a, const struct xen_vcpu *v, const uint8_t *regs)
{
    bool again = a && a->unfinished && a->by.structure == v->structure && !memcmp(&a->ip, regs + USER_RIP, 8);
    if (a)
        a->unfinished = false;
    return again;
}

static void enters(struct xen_guest *xg, struct hook_frame *f)
{
    static const unsigned order[6] = {USER_RDI, USER_RSI, USER_RDX, USER_R10, USER_R8, USER_R9};
    uint8_t regs[USER_REGS];
    const struct xen_vcpu *v = xen_running(xg, xg->base.cpu);
    uint64_t at = base_argument(&xg->base, 0);
    f->value[0] = 0;
    if (!v || !xen_read(xg, at, regs, sizeof regs))
        return;
    f->value[0] = at;
    f->value[1] = v->structure;
    xg->user_regs = (xen_reg(xg, GUEST_RSP) | (XEN_STACK - 1)) + 1 - at;
    if (goes_on(xen_call_of(xg, v->structure), v, regs)) /* its arguments say what is left */
        return;
    struct xen_arguments a = {.by = *v, .caller = caller_of(xg, regs)};
    memcpy(&a.number, regs + USER_RAX, 8);
    a.number = (uint32_t)a.number;
    memcpy(&a.ip, regs + USER_RIP, 8);
    for (unsigned i = 0; i < 6; i++)
        memcpy(&a.a[i], regs + order[i], 8);
    xen_call_keep(xg, &a);
    if (a.number == XEN_CONSOLE_IO && a.a[0] == 0)
        console(xg, v, a.a[2], a.a[1]);
}

/* Xen goes back to the call itself if it has to be continued; then it is reported when it is done. */
static void leaves(struct xen_guest *xg, const struct hook_frame *f)
{
    struct xen_arguments *a = f->value[0] ? xen_call_of(xg, f->value[1]) : NULL;
    if (!a)
        return;
    bool iret = a->number == XEN_IRET;
    a->unfinished = !iret && xen_u64(xg, f->value[0] + USER_RIP) != a->ip;
    if (a->unfinished)
        return;
    report(xg, a, 0, iret ? 0 : xen_u64(xg, f->value[0] + USER_RAX));
    if (a->number == XEN_MULTICALL)
        report_batch(xg, a);
}

void xen_hypercall_setup(struct xen_guest *xg)
{
    if (base_wants(&xg->base, EC_HYPERCALL))
        XEN_HOOK(xg, enters, leaves, "pv_hypercall", "do_hypercall");
}
