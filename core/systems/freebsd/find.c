/* find.c - finds the kernel: its ELF header, which every loader leaves in front of it. See impl.h.
 *
 * ELF: System V ABI, chapters 4 and 5. EI_OSABI 9 is FreeBSD.
 */
#include "core/systems/freebsd/private/impl.h"

enum {
    HEADER = 4096, /* the ELF header and program headers are in the first page */
    STEP = 1 << 20,
    LOW = 64 << 20, /* physical memory in which loaders put kernels */
    LARGE = 2 << 20,
    IMAGE_MAX = 512 << 20,
    TRIES = 64,
    HEADERS_MAX = 64
};
enum { OSABI_FREEBSD = 9, ET_EXEC = 2, ET_DYN = 3, EM_386 = 3, EM_X86_64 = 62 };
enum { PT_LOAD = 1, PT_DYNAMIC = 2, PF_X = 1 };

static uint64_t get(const uint8_t *p, size_t offset, size_t n)
{
    uint64_t v = 0;
    memcpy(&v, p + offset, n);
    return v;
}

/* ---------------------------------------------------------------- the header */

/* Places in a program header, by the class of the file. */
struct phdr_layout {
    uint8_t size, offset, vaddr, memsz, flags;
};
static const struct phdr_layout wide = {56, 8, 16, 40, 4}, narrow = {32, 4, 8, 20, 24};

static bool is_header(const uint8_t *h)
{
    unsigned machine = (unsigned)get(h, 18, 2), type = (unsigned)get(h, 16, 2);
    return !memcmp(h, "\177ELF", 4) && h[5] == 1 && h[6] == 1 && h[7] == OSABI_FREEBSD &&
           (type == ET_EXEC || type == ET_DYN) &&
           ((h[4] == 2 && machine == EM_X86_64) || (h[4] == 1 && machine == EM_386));
}

static void take_segment(struct fb_image *im, const uint8_t *p, const struct phdr_layout *at, bool *first)
{
    unsigned w = im->word;
    uint64_t type = get(p, 0, 4), address = get(p, at->vaddr, w), size = get(p, at->memsz, w);
    if (type == PT_DYNAMIC) {
        im->dynamic = address;
        im->dynamic_size = size;
    }
    if (type != PT_LOAD)
        return;
    if (*first) {
        im->base = address - get(p, at->offset, w);
        *first = false;
    }
    im->end = address + size > im->end ? address + size : im->end;
    if (get(p, at->flags, 4) & PF_X) {
        im->text = im->text ? im->text : address;
        im->text_end = address + size;
    }
}

/* Reads a header of at most HEADER bytes. False if it is not a kernel's: a kernel is not small, is entered at an address
 * of its own, and has a dynamic section. */
static bool parse(const uint8_t *h, size_t n, struct fb_image *im)
{
    *im = (struct fb_image){0};
    if (n < 64 || !is_header(h))
        return false;
    im->word = h[4] == 2 ? 8 : 4;
    const struct phdr_layout *at = im->word == 8 ? &wide : &narrow;
    uint64_t table = get(h, im->word == 8 ? 32 : 28, im->word);
    unsigned size = (unsigned)get(h, im->word == 8 ? 54 : 42, 2),
             count = (unsigned)get(h, im->word == 8 ? 56 : 44, 2);
    im->entry = get(h, 24, im->word);
    if (size != at->size || !count || count > HEADERS_MAX || table > n || table + (uint64_t)count * size > n)
        return false;
    bool first = true;
    for (unsigned i = 0; i < count; i++)
        take_segment(im, h + table + (size_t)i * size, at, &first);
    uint64_t length = im->end - im->base;
    return !first && im->end > im->base && length < IMAGE_MAX && im->entry - im->base < length &&
           im->dynamic - im->base < length && im->dynamic_size <= length - (im->dynamic - im->base);
}

bool fb_header_at(const struct fb_guest *fb, uint64_t address, struct fb_image *im)
{
    uint8_t h[HEADER];
    if (base_peek_physical(&fb->base, address, h, 20) < 20 || !is_header(h))
        return false;
    if (!parse(h, base_peek_physical(&fb->base, address, h, sizeof h), im))
        return false;
    im->physical = address;
    im->has_physical = true;
    return true;
}

/* ---------------------------------------------------------------- before it is entered */

static void at_entry(void *ctx, const struct probe_hit *hit)
{
    const struct fb_candidate *c = ctx;
    struct fb_guest *fb = c->fb;
    struct fb_image im;
    if (!base_here(&fb->base, hit) || fb->state != FB_LOOKING || !fb_header_at(fb, c->image.physical, &im) ||
        im.entry != c->image.entry)
        return;
    fb->image = im;
    fb_take_kernel(fb, true);
    probes_apply(fb->base.o.probes);
}

void fb_forget_candidates(struct fb_guest *fb)
{
    for (unsigned i = 0; i < FB_CANDIDATES; i++)
        probe_remove(fb->base.o.probes, fb->candidates[i].probe);
    memset(fb->candidates, 0, sizeof fb->candidates);
}

static struct fb_candidate *place_for(struct fb_guest *fb, const struct fb_image *im)
{
    struct fb_candidate *free = NULL;
    for (unsigned i = FB_CANDIDATES; i-- > 0;) {
        struct fb_candidate *c = &fb->candidates[i];
        if (!c->probe)
            free = c;
        else if (c->image.physical == im->physical)
            return c->image.entry == im->entry ? NULL : c;
    }
    return free;
}

static void add_candidate(struct fb_guest *fb, const struct fb_image *im)
{
    struct fb_candidate *c = place_for(fb, im);
    if (!c)
        return;
    probe_remove(fb->base.o.probes, c->probe);
    *c = (struct fb_candidate){.fb = fb, .image = *im};
    c->probe =
        probe_add(fb->base.o.probes, PROBE_PHYSICAL, im->physical + (im->entry - im->base), at_entry, c);
    probes_apply(fb->base.o.probes);
}

static void look_low(struct fb_guest *fb)
{
    struct fb_image im;
    for (uint64_t at = STEP; at < LOW; at += STEP)
        if (fb_header_at(fb, at, &im))
            add_candidate(fb, &im);
}

/* ---------------------------------------------------------------- when it runs */

/* A 64-bit kernel is in the last 2 GiB of the address space. An i386 kernel may be anywhere; one whose header
 * was seen is told by that. */
static void look_down(struct fb_guest *fb, uint64_t ip)
{
    const struct engine *e = fb->base.o.engine;
    uint8_t h[HEADER];
    struct fb_image im;
    for (uint64_t at = ip & ~(uint64_t)(LARGE - 1), n = 0; n < IMAGE_MAX / LARGE && at; at -= LARGE, n++) {
        if (e->ops->peek(e, fb->base.cpu, at, h, 20) < 20)
            return;
        if (!is_header(h) || !parse(h, e->ops->peek(e, fb->base.cpu, at, h, sizeof h), &im) ||
            im.base != at || ip >= im.end)
            continue;
        fb->image = im;
        fb_take_kernel(fb, false);
        return;
    }
}

/* Each place is tried once: firmware and loaders execute the same ones again and again. */
static bool was_tried(struct fb_guest *fb, uint64_t ip)
{
    for (unsigned i = 0; i < FB_TRIED; i++)
        if (fb->tried[i] == ip)
            return true;
    fb->tried[fb->ntried++ % FB_TRIED] = ip;
    return false;
}

void fb_look(struct fb_guest *fb, uint64_t ip)
{
    const uint64_t upper_64 = 0xffffffff80000000, upper_32 = 0x80000000;
    bool wide_code = ip > UINT32_MAX;
    if (!ip || was_tried(fb, ip))
        return;
    if (!wide_code && (ip < upper_32 ||
                       !(engine_reg_value(fb->base.o.engine, fb->base.cpu, fb->base.reg[GUEST_CR0]) >> 31)))
        look_low(fb);
    else if ((ip >= upper_64 || !wide_code) && fb->tries++ < TRIES)
        look_down(fb, ip);
}
