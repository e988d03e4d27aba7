/* access.c - registers, memory and symbols of the guest; its functions as hooks. See impl.h. */
#include <stdlib.h>

#include "core/systems/freebsd/private/impl.h"
#include "traces/memory.h"

/* ---------------------------------------------------------------- registers */

void fb_find_registers(struct fb_guest *fb)
{
    static const char *const names[FB_REGS] = {"rax",     "rcx",     "rdx", "rsi", "rdi",
                                               "rsp",     "rbp",     "r8",  "r9",  "eflags",
                                               "gs_base", "fs_base", "cpl", "cr0", "cr2"};
    for (unsigned i = 0; i < FB_REGS; i++)
        fb->reg[i] = engine_reg_index(fb->o.engine, names[i]);
}

static uint64_t register_value(const struct fb_guest *fb, size_t index)
{
    uint64_t v = engine_reg_value(fb->o.engine, fb->cpu, index);
    return fb->word == 4 ? (uint32_t)v : v;
}

uint64_t fb_reg(const struct fb_guest *fb, enum fb_reg reg)
{
    return register_value(fb, fb->reg[reg]);
}

bool fb_reg_by_name(const struct fb_guest *fb, const char *name, uint64_t *value)
{
    size_t index = guest_reg_index(fb->o.engine, name);
    *value = register_value(fb, index);
    return index != SIZE_MAX;
}

uint64_t fb_argument(const struct fb_guest *fb, unsigned i)
{
    static const enum fb_reg wide[] = {FB_RDI, FB_RSI, FB_RDX, FB_RCX, FB_R8, FB_R9};
    return fb->word == 8 ? fb_reg(fb, wide[i]) : fb_u32(fb, fb_reg(fb, FB_RSP) + 4 + 4 * i);
}

/* ---------------------------------------------------------------- memory */

size_t fb_peek_physical(const struct fb_guest *fb, uint64_t address, void *buf, size_t n)
{
    return guest_peek_physical(&fb->guest, fb->o.engine, address, buf, n);
}

/* The kernel's image in physical memory, while it is not mapped yet. */
static size_t peek_image(const struct fb_guest *fb, uint64_t address, void *buf, size_t n)
{
    const struct fb_image *im = &fb->image;
    if (!im->has_physical || address < im->base || address >= im->end)
        return 0;
    return fb_peek_physical(fb, im->physical + (address - im->base), buf, n);
}

static bool paging(const struct fb_guest *fb)
{
    return fb_reg(fb, FB_CR0) >> 31 & 1;
}

bool fb_read(const struct fb_guest *fb, uint64_t address, void *buf, size_t n)
{
    const struct engine *e = fb->o.engine;
    /* Without paging a linear address is a physical one, so the kernel's addresses are not yet valid. */
    size_t done = paging(fb) || address < fb->image.base || address >= fb->image.end
                      ? e->ops->peek(e, fb->cpu, address, buf, n)
                      : 0;
    if (done < n)
        done += peek_image(fb, address + done, (char *)buf + done, n - done);
    memset((char *)buf + done, 0, n - done);
    return done == n;
}

uint64_t fb_word(const struct fb_guest *fb, uint64_t address)
{
    uint64_t v = 0;
    fb_read(fb, address, &v, fb->word);
    return v;
}

uint32_t fb_u32(const struct fb_guest *fb, uint64_t address)
{
    uint32_t v;
    fb_read(fb, address, &v, sizeof v);
    return v;
}

static bool read_for_string(const void *ctx, uint64_t address, void *buf, size_t n)
{
    return fb_read(ctx, address, buf, n);
}

size_t fb_string(const struct fb_guest *fb, uint64_t address, char *buf, size_t size)
{
    return guest_string(address, buf, size, read_for_string, fb);
}

uint64_t fb_member(const struct fb_guest *fb, uint64_t object, int offset)
{
    return object && offset >= 0 ? fb_word(fb, object + (unsigned)offset) : 0;
}

uint32_t fb_member32(const struct fb_guest *fb, uint64_t object, int offset)
{
    return object && offset >= 0 ? fb_u32(fb, object + (unsigned)offset) : 0;
}

bool fb_is_kernel(const struct fb_guest *fb, uint64_t address)
{
    return fb->word == 8 ? address >> 63 : address >= fb->image.base;
}

/* ---------------------------------------------------------------- symbols */

uint64_t fb_symbol(const struct fb_guest *fb, const char *name)
{
    return guest_symbol(fb->o.symbols, fb->space, name);
}

bool fb_function(const struct fb_guest *fb, const char *name, struct symbol *sym)
{
    return guest_function(fb->o.symbols, fb->space, name, sym);
}

const char *fb_exact_name(const struct fb_guest *fb, uint64_t address)
{
    struct symbol sym;
    uint64_t offset;
    return symbols_at(fb->o.symbols, fb->space, address, SYMBOLS_NOW, &sym, &offset) && !offset ? sym.name
                                                                                                : NULL;
}

/* ---------------------------------------------------------------- functions that are hooked */

bool fb_here(struct fb_guest *fb, const struct probe_hit *hit)
{
    if (!guest_runs(&fb->guest, hit->cpu))
        return false;
    fb->cpu = hit->cpu;
    fb->icount = hit->icount;
    fb->time = hit->time;
    return true;
}

static bool here(void *ctx, const struct probe_hit *hit)
{
    return fb_here(ctx, hit);
}

static bool read_memory(void *ctx, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    struct fb_guest *fb = ctx;
    fb->cpu = cpu;
    return fb_read(fb, address, buf, n);
}

struct hooks *fb_hooks_new(struct fb_guest *fb)
{
    const struct hooks_options o = {.engine = fb->o.engine,
                                    .probes = fb->o.probes,
                                    .bits = 8 * fb->word,
                                    .ctx = fb,
                                    .read = read_memory,
                                    .here = here};
    return hooks_new(&o);
}

struct hooked {
    struct fb_guest *fb;
    fb_enter *enter;
    fb_leave *leave;
};

static void entered(struct hook *h, const struct probe_hit *hit, struct frame *f)
{
    const struct hooked *x = h->ctx;
    x->enter(x->fb, f);
}

static void left(struct hook *h, const struct probe_hit *hit, const struct frame *f)
{
    const struct hooked *x = h->ctx;
    x->leave(x->fb, f);
}

struct hook *fb_hook(struct fb_guest *fb, const char *name, fb_enter *enter, fb_leave *leave)
{
    struct symbol sym;
    if (!fb_function(fb, name, &sym))
        return NULL;
    struct hooked *x = mem_zero(1, sizeof *x);
    *x = (struct hooked){fb, enter, leave};
    return hook_function(fb->hooks, fb->cpu, &sym, NULL, enter ? entered : NULL, leave ? left : NULL, x);
}

void fb_hook_needed(struct fb_guest *fb, const char *name, fb_enter *enter, fb_leave *leave)
{
    if (!fb_hook(fb, name, enter, leave))
        fb_missing(fb, name);
}
