/* access.c - where FreeBSD differs from core/story/base.h: memory, functions as hooks. See impl.h. */
#include "base/memory.h"
#include "core/systems/freebsd/private/impl.h"

/* ---------------------------------------------------------------- memory */

/* The kernel's image in physical memory, while it is not mapped yet. */
static size_t peek_image(const struct fb_guest *fb, uint64_t address, void *buf, size_t n)
{
    const struct fb_image *im = &fb->image;
    if (!im->has_physical || address < im->base || address >= im->end)
        return 0;
    return base_peek_physical(&fb->base, im->physical + (address - im->base), buf, n);
}

static bool paging(const struct fb_guest *fb)
{
    return fb_reg(fb, GUEST_CR0) >> 31 & 1;
}

/* Without paging a linear address is a physical one, so the kernel's addresses are not yet valid. */
static size_t peek(const struct guest_base *b, uint64_t address, void *buf, size_t n)
{
    const struct fb_guest *fb = (const struct fb_guest *)b;
    const struct engine *e = b->o.engine;
    const bool valid = paging(fb) || address < fb->image.base || address >= fb->image.end;
    size_t done = valid ? e->ops->peek(e, b->cpu, address, buf, n) : 0;
    if (done < n)
        done += peek_image(fb, address + done, (char *)buf + done, n - done);
    return done;
}

const struct guest_base_ops fb_base_ops = {.peek = peek};

bool fb_is_kernel(const struct fb_guest *fb, uint64_t address)
{
    return fb->base.word == 8 ? address >> 63 : address >= fb->image.base;
}

/* ---------------------------------------------------------------- symbols */

const char *fb_exact_name(const struct fb_guest *fb, uint64_t address)
{
    struct symbol sym;
    uint64_t offset;
    return symbols_at(fb->base.o.symbols, fb->base.space, address, SYMBOLS_NOW, &sym, &offset) && !offset
               ? sym.name
               : NULL;
}

/* ---------------------------------------------------------------- functions that are hooked */

GUEST_HOOKS(fb, struct fb_guest)

struct hook *fb_hook(struct fb_guest *fb, const char *name, fb_enter *enter, fb_leave *leave)
{
    struct symbol sym;
    return base_function(&fb->base, name, &sym) ? hook_calls(fb, &sym, enter, leave) : NULL;
}

void fb_hook_needed(struct fb_guest *fb, const char *name, fb_enter *enter, fb_leave *leave)
{
    if (!fb_hook(fb, name, enter, leave))
        base_missing(&fb->base, name);
}
