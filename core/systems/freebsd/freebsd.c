/* freebsd.c - see freebsd.h: life, events, notes. */
#include <elf.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/freebsd/private/impl.h"

/* ---------------------------------------------------------------- notes */

void fb_say_notes(struct fb_guest *fb)
{
    base_note_missing(&fb->base, "kernel");
    fb->base.missing[0] = 0;
    base_say_notes(&fb->base);
}

/* ---------------------------------------------------------------- life */

static struct fb_guest *freebsd_guest(struct guest *g)
{
    return (struct fb_guest *)g;
}

static struct guest *create(const struct guest_options *o)
{
    struct fb_guest *fb = mem_zero(1, sizeof *fb);
    base_init(&fb->base, &freebsd_system, o, &fb_base_ops);
    memset(&fb->layout, -1, sizeof fb->layout);
    return &fb->base.guest;
}

static void destroy(struct guest *g)
{
    struct fb_guest *fb = freebsd_guest(g);
    fb_forget_candidates(fb);
    hooks_free(fb->base.hooks);
    fb_task_forget(fb);
    free(fb->mounts);
    free(fb->klds);
    free(fb);
}

/* ---------------------------------------------------------------- the kernel is found */

static void read_version(struct fb_guest *fb)
{
    uint64_t at = fb_symbol(fb, "osreldate");
    fb->release = at ? fb_u32(fb, at) : 0;
    fb_string(fb, fb_symbol(fb, "version"), fb->version, sizeof fb->version);
    fb->version[strcspn(fb->version, "\n")] = 0;
    if (!fb->version[0])
        snprintf(fb->version, sizeof fb->version, "FreeBSD of unknown version");
    if (!fb->release)
        base_missing(&fb->base, "osreldate");
}

static void set_up(struct fb_guest *fb)
{
    fb_layout_constants(fb);
    fb_layout_types(fb);
    fb_boot_setup(fb);
    fb_sysinit_setup(fb);
    fb_task_setup(fb);
    fb_script_setup(fb);
    fb_syscall_setup(fb);
    fb_kld_setup(fb);
    fb_frames_setup(fb);
    fb_trap_setup(fb);
}

static void report(struct fb_guest *fb, bool entered)
{
    if (!base_wants(&fb->base, EC_KERNEL))
        return;
    GUEST_EMIT(fb, EV_KERNEL_FOUND, fb->version, fb->image.base, 0, fb->image.physical,
               symbol_table_count(fb->kernel), fb_types_count(fb));
    if (!entered)
        return;
    GUEST_EMIT(fb, EV_KERNEL_ENTRY, "freebsd", fb->image.entry);
    GUEST_EMIT(fb, EV_KERNEL_REACHED, "btext", fb->image.entry);
}

/* A kernel whose entry was not seen runs where it was loaded; the distance is that of its page tables. */
static void find_physical(struct fb_guest *fb)
{
    if (fb->image.has_physical || fb->base.word != 8)
        return;
    /* The loader maps the kernel's 2 GiB from physical address 0. */
    uint8_t here[64], there[sizeof here];
    uint64_t physical = fb->image.base & 0x7fffffff;
    fb->image.has_physical = fb_read(fb, fb->image.base, here, sizeof here) &&
                             base_peek_physical(&fb->base, physical, there, sizeof there) == sizeof there &&
                             !memcmp(here, there, sizeof here);
    fb->image.physical = fb->image.has_physical ? physical : 0;
}

void fb_take_kernel(struct fb_guest *fb, bool entered)
{
    fb->base.word = fb->image.word;
    fb->state = FB_FOUND;
    fb_forget_candidates(fb);
    fb->base.space = symbol_space_of(fb->base.o.found(fb->base.o.ctx), 0);
    find_physical(fb);
    if (entered)
        fb_metadata_at_entry(fb);
    if (!fb_image_symbols(fb)) {
        fb->state = FB_GIVEN_UP;
        base_note(&fb->base,
                  "a FreeBSD kernel was found, but no symbols in its dynamic section: no events of it");
        fb_say_notes(fb);
        return;
    }
    fb_types_take(fb);
    fb->base.hooks = base_hooks_new(&fb->base);
    read_version(fb);
    report(fb, entered);
    if (!entered)
        fb_metadata_of_variable(fb);
    if (base_wants(&fb->base, EC_KERNEL))
        fb_metadata_report(fb);
    set_up(fb);
    fb_say_notes(fb);
    fb->base.o.symbols_changed(fb->base.o.ctx);
    probes_apply(fb->base.o.probes);
}

/* Where members are is found out when a task is asked for: the symbols may not be there yet. */
static bool resume(struct guest *g, const struct event *found)
{
    struct fb_guest *fb = freebsd_guest(g);
    fb->base.cpu = found->cpu;
    fb->base.space = symbol_space_of(found->guest, 0);
    if (!fb_header_at(fb, EVF(found, KERNEL_FOUND, physical), &fb->image) ||
        fb->image.base != EVF(found, KERNEL_FOUND, text))
        return false;
    fb->base.word = fb->image.word;
    fb->base.hooks = base_hooks_new(&fb->base);
    fb->state = FB_FOUND;
    fb->resumed = true;
    return true;
}

/* ---------------------------------------------------------------- events of the engine */

static void event(struct guest *g, const struct event *ev)
{
    struct fb_guest *fb = freebsd_guest(g);
    base_at_event(&fb->base, ev);
    if (fb->state == FB_LOOKING)
        fb_look(fb, guest_event_ip(ev));
}

/* ---------------------------------------------------------------- the row */

static bool task(struct guest *g, unsigned cpu, struct guest_task *t)
{
    freebsd_guest(g)->base.cpu = cpu;
    return fb_task(freebsd_guest(g), t);
}

static void describe(const struct guest *g, struct text *out)
{
    const struct fb_guest *fb = (const struct fb_guest *)g;
    if (fb->state == FB_FOUND)
        text_add(out, "%s", fb->version);
    else
        text_add(out, "%s",
                 fb->state == FB_GIVEN_UP ? "a FreeBSD kernel without symbols" : "no FreeBSD kernel");
}

const struct guest_system freebsd_system = {
    .name = "freebsd",
    .engine = "pc",
    .needs = EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_POWER),
    .last = true,
    .create = create,
    .destroy = destroy,
    .event = event,
    .task = task,
    .read = base_read_at,
    .resume = resume,
    .retold = EVENT_CLASS_BIT(EC_PROCESS),
    .retell = fb_task_retell,
    .describe = describe,
    .word = fb_word_of,
    .explain = fb_event_words,
    .structures = fb_structures,
    .osabi = ELFOSABI_FREEBSD,
    .banner = "FreeBSD",
    .explain_own = fb_own_words,
};
