/* initcall.c - initcalls: the level of each, from the kernel's tables; when each is called, and what it
 * returns. See impl.h.
 *
 * What is timed is the initcall alone, as the kernel's own initcall_debug does: from the indirect call in
 * do_one_initcall to the instruction after it. That is a call through a register or a thunk; a kernel patches
 * the latter in place without changing its length, so the next instruction stays where it is.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "base/sorted.h"
#include "core/systems/linux/private/impl.h"
#include "core/systems/linux/private/initcall_tables.h"
#include "core/systems/linux/private/names.h"

struct initcall_entry {
    uint64_t address;
    unsigned level;
};

/* ---------------------------------------------------------------- levels */

static void add_entry(void *ctx, uint64_t address, unsigned level)
{
    struct linux_guest *lx = ctx;
    MEM_MORE(lx->initcalls, lx->ninitcalls);
    lx->initcalls[lx->ninitcalls++] = (struct initcall_entry){address, level};
}

static int by_address(const void *a, const void *b)
{
    const struct initcall_entry *x = a, *y = b;
    return x->address != y->address ? (x->address < y->address ? -1 : 1) : (int)x->level - (int)y->level;
}

static size_t read_kernel(void *ctx, uint64_t at, void *buf, size_t n)
{
    return lx_read(ctx, at, buf, n) ? n : 0;
}

static uint64_t symbol_of(void *ctx, const char *name)
{
    return lx_symbol(ctx, name);
}

static void read_tables(struct linux_guest *lx)
{
    const struct initcall_reader r = {.ctx = lx,
                                      .read = read_kernel,
                                      .symbol = symbol_of,
                                      .word = lx->base.word,
                                      .text = lx->text,
                                      .size = lx->image_size,
                                      .to = lx,
                                      .add = add_entry};
    if (!initcall_tables(&r)) /* there are only function symbols (CONFIG_KALLSYMS_ALL is off) */
        lx_infer_initcalls(lx, &r);
    if (lx->ninitcalls)
        qsort(lx->initcalls, lx->ninitcalls, sizeof *lx->initcalls, by_address);
}

static unsigned level_of(const struct linux_guest *lx, uint64_t address)
{
    struct symbol sym;
    size_t low = SORTED_FROM(lx->initcalls, lx->ninitcalls, address, address);
    if (low < lx->ninitcalls && lx->initcalls[low].address == address)
        return lx->initcalls[low].level;
    bool found = symbols_at(lx->base.o.symbols, lx->base.space, address, SYMBOLS_NOW, &sym, NULL);
    return found && strcmp(sym.module, "kernel") ? INITCALL_MODULE : INITCALL_OTHER;
}

/* ---------------------------------------------------------------- calls */

/* One indirect call in a function that calls initcalls. */
struct initcall_site {
    struct linux_guest *lx;
    const char *reg; /* the register it calls through; NULL if not known */
    const struct hook
        *one; /* do_one_initcall's entry, whose frame knows the initcall; NULL: take what the register has */
    bool console; /* it calls those of consoles */
};

static void remember_argument(struct linux_guest *lx, struct hook_frame *f)
{
    f->value[0] = lx_argument(lx, 0);
}

/* A stub has the name of the initcall that it calls, which may be in it. */
static void name_initcall(const struct linux_guest *lx, uint64_t address, char *buf, size_t size)
{
    char stub[160];
    base_name(&lx->base, address, stub, sizeof stub);
    if (!linux_initcall_of_stub(stub, buf, size))
        snprintf(buf, size, "%s", stub);
}

static void initcall_begins(void *ctx, const struct probe_hit *hit)
{
    struct hook *h = ctx;
    const struct initcall_site *site = h->ctx;
    struct linux_guest *lx = site->lx;
    uint64_t fn = 0, sp = lx_reg(lx, GUEST_RSP);
    char name[160];
    if (site->reg)
        base_reg_by_name(&lx->base, site->reg, &fn);
    /* The initcall is its caller's argument. */
    const struct hook_frame *caller = hook_around(site->one, sp);
    uint64_t argument = !site->one ? fn : caller ? caller->value[0] : 0;
    if (!argument || (site->reg && fn != argument))
        return; /* it calls something else */
    struct hook_frame *f = hook_push(h, sp, hit->time);
    f->value[0] = argument;
    f->value[1] = level_of(lx, argument);
    if (site->console && f->value[1] == INITCALL_OTHER)
        f->value[1] = INITCALL_CONSOLE;
    name_initcall(lx, argument, name, sizeof name);
    GUEST_EMIT(lx, EV_INITCALL, name, f->value[1], argument, lx_current_pid(lx));
}

static void initcall_returns(void *ctx, const struct probe_hit *hit)
{
    struct hook *h = ctx;
    struct linux_guest *lx = ((const struct initcall_site *)h->ctx)->lx;
    char name[160];
    struct hook_frame *f = hook_find(h, lx_reg(lx, GUEST_RSP));
    if (!f)
        return;
    const struct hook_frame copy = *f;
    hooks_drop(h->set, f);
    name_initcall(lx, copy.value[0], name, sizeof name);
    int64_t result = (int32_t)lx_reg(lx, GUEST_RAX);
    GUEST_EMIT(lx, EV_INITCALL_DONE, name, copy.value[1], (uint64_t)result, hit->time - copy.time,
               lx_current_pid(lx));
}

struct caller {
    struct linux_guest *lx;
    const struct hook *one;
    bool console;
    unsigned sites;
};

static void indirect_call(void *ctx, const struct code_site *site)
{
    struct caller *c = ctx;
    const char *reg = NULL;
    if (site->kind == CODE_CALL_REGISTER)
        reg = site->reg;
    else if (site->kind == CODE_CALL)
        reg = lx_thunk_register(c->lx, site->target);
    if (!reg)
        return;
    struct initcall_site *s = mem_zero(1, sizeof *s);
    *s = (struct initcall_site){c->lx, reg, c->one, c->console};
    struct hook *h = hook_keep(c->lx->base.hooks, s);
    hooks_probe(h->set, PROBE_LINEAR, site->address, initcall_begins, h);
    hooks_probe(h->set, PROBE_LINEAR, site->address + site->length, initcall_returns, h);
    c->sites++;
}

static void forget_argument(struct linux_guest *lx, const struct hook_frame *f) {}

void lx_initcall_setup(struct linux_guest *lx)
{
    struct symbol sym;
    if (!base_wants(&lx->base, EC_KERNEL))
        return;
    read_tables(lx);
    struct caller c = {.lx = lx};
    c.one = lx_hook(lx, "do_one_initcall", remember_argument, forget_argument);
    if (c.one && lx_function(lx, "do_one_initcall", &sym))
        base_sites(&lx->base, &sym, indirect_call, &c);
    if (!c.sites)
        base_note(&lx->base, "no indirect call found in this kernel's do_one_initcall: no initcalls");
    else if (!lx->ninitcalls)
        base_note(
            &lx->base,
            "this kernel's symbols have no initcall tables: initcalls are reported as of level \"other\"");
    c.one = NULL;
    c.console = true;
    if (lx_function(lx, "console_init", &sym))
        base_sites(&lx->base, &sym, indirect_call, &c);
}
