/* access.c - registers, memory and symbols of the hypervisor; its functions as hooks. See impl.h. */
#include "core/systems/xen/private/impl.h"
#include "traces/memory.h"

/* ---------------------------------------------------------------- registers and memory */

void xen_find_registers(struct xen_guest *xg)
{
    static const char *const names[XEN_REGS] = {"rax", "rbx", "rdi", "rsi", "rdx",
                                                "rsp", "rip", "cr0", "cpl"};
    for (unsigned i = 0; i < XEN_REGS; i++)
        xg->reg[i] = engine_reg_index(xg->o.engine, names[i]);
}

uint64_t xen_reg(const struct xen_guest *xg, enum xen_reg reg)
{
    uint64_t v = 0;
    const struct engine *e = xg->o.engine;
    if (xg->reg[reg] == SIZE_MAX || e->ops->reg_get(e, xg->cpu, xg->reg[reg], &v))
        return 0;
    return v;
}

uint64_t xen_argument(const struct xen_guest *xg, unsigned i)
{
    static const enum xen_reg order[] = {XEN_RDI, XEN_RSI, XEN_RDX};
    return xen_reg(xg, order[i]);
}

bool xen_read(const struct xen_guest *xg, uint64_t address, void *buf, size_t n)
{
    const struct engine *e = xg->o.engine;
    size_t done = e->ops->peek(e, xg->cpu, address, buf, n);
    memset((char *)buf + done, 0, n - done);
    return done == n;
}

uint64_t xen_u64(const struct xen_guest *xg, uint64_t address)
{
    uint64_t v;
    xen_read(xg, address, &v, sizeof v);
    return v;
}

uint32_t xen_u32(const struct xen_guest *xg, uint64_t address)
{
    uint32_t v;
    xen_read(xg, address, &v, sizeof v);
    return v;
}

static bool read_for_string(const void *ctx, uint64_t address, void *buf, size_t n)
{
    return xen_read(ctx, address, buf, n);
}

void xen_string(const struct xen_guest *xg, uint64_t address, char *buf, size_t size)
{
    guest_string(address, buf, size, read_for_string, xg);
}

/* ---------------------------------------------------------------- symbols */

uint64_t xen_symbol(const struct xen_guest *xg, const char *name)
{
    return guest_symbol(xg->o.symbols, xg->space, name);
}

bool xen_function(const struct xen_guest *xg, const char *name, struct symbol *sym)
{
    return guest_function(xg->o.symbols, xg->space, name, sym);
}

void xen_name(const struct xen_guest *xg, uint64_t address, char *buf, size_t size)
{
    symbols_text(xg->o.symbols, xg->space, address, SYMBOLS_NOW, buf, size);
}

/* ---------------------------------------------------------------- hooks */

void xen_here(struct xen_guest *xg, const struct probe_hit *hit)
{
    xg->cpu = hit->cpu;
    xg->icount = hit->icount;
    xg->time = hit->time;
}

static bool here(void *ctx, const struct probe_hit *hit)
{
    xen_here(ctx, hit);
    return true;
}

static bool read_memory(void *ctx, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    struct xen_guest *xg = ctx;
    xg->cpu = cpu;
    return xen_read(xg, address, buf, n);
}

struct hooks *xen_hooks_new(struct xen_guest *xg)
{
    const struct hooks_options o = {.engine = xg->o.engine,
                                    .probes = xg->o.probes,
                                    .bits = 64,
                                    .ctx = xg,
                                    .read = read_memory,
                                    .here = here};
    return hooks_new(&o);
}

struct hooked {
    struct xen_guest *xg;
    xen_enter *enter;
    xen_leave *leave;
};

static void entered(struct hook *h, const struct probe_hit *hit, struct frame *f)
{
    const struct hooked *x = h->ctx;
    x->enter(x->xg, f);
}

static void left(struct hook *h, const struct probe_hit *hit, const struct frame *f)
{
    const struct hooked *x = h->ctx;
    x->leave(x->xg, f);
}

void xen_sites(struct xen_guest *xg, const struct symbol *function,
               void (*fn)(void *ctx, const struct code_site *site), void *ctx)
{
    struct symbol cold;
    guest_cold_part(xg->o.symbols, xg->space, function, &cold);
    hooks_sites(xg->hooks, xg->cpu, function, &cold, fn, ctx);
}

static void note_missing(struct xen_guest *xg, const char *name)
{
    size_t n = strlen(xg->missing);
    snprintf(xg->missing + n, sizeof xg->missing - n, "%s%s", n ? ", " : "", name);
}

bool xen_hook(struct xen_guest *xg, const char *const *names, xen_enter *enter, xen_leave *leave)
{
    struct symbol sym, cold;
    const char *const *name = names;
    while (*name && !xen_function(xg, *name, &sym))
        name++;
    if (!*name) {
        note_missing(xg, names[0]);
        return false;
    }
    guest_cold_part(xg->o.symbols, xg->space, &sym, &cold);
    struct hooked *x = mem_zero(1, sizeof *x);
    *x = (struct hooked){xg, enter, leave};
    hook_function(xg->hooks, xg->cpu, &sym, &cold, enter ? entered : NULL, leave ? left : NULL, x);
    return true;
}
