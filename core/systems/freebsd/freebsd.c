/* freebsd.c - see freebsd.h: life, events, notes. */
#include <elf.h>
#include <stdarg.h>
#include <stdlib.h>

#include "core/systems/freebsd/private/impl.h"
#include "traces/memory.h"

/* ---------------------------------------------------------------- events of its own */

bool fb_wants(const struct fb_guest *fb, enum event_class cls)
{
    return fb->o.classes & EVENT_CLASS_BIT(cls);
}

void fb_emit(struct fb_guest *fb, unsigned kind, const char *data, const uint64_t *fields, size_t nfields)
{
    const struct event head = {
        .kind = (uint16_t)kind, .cpu = (uint8_t)fb->cpu, .icount = fb->icount, .time = fb->time};
    guest_emit(&fb->o, &head, data, fields, nfields);
}

void fb_note(struct fb_guest *fb, const char *fmt, ...)
{
    size_t n = strlen(fb->notes);
    va_list ap;
    if (n)
        n += (size_t)snprintf(fb->notes + n, sizeof fb->notes - n, "; ");
    va_start(ap, fmt);
    if (n < sizeof fb->notes)
        vsnprintf(fb->notes + n, sizeof fb->notes - n, fmt, ap);
    va_end(ap);
}

void fb_say_notes(struct fb_guest *fb)
{
    if (fb->missing[0])
        fb_note(fb, "this kernel has no %s: what it would tell is not reported", fb->missing);
    fb->missing[0] = 0;
    if (fb->notes[0])
        fb_emit(fb, EV_KERNEL_NOTE, fb->notes, NULL, 0);
    fb->notes[0] = 0;
}

void fb_note_once(struct fb_guest *fb, enum fb_note which, const char *text)
{
    if (!(fb->noted >> which & 1))
        fb_emit(fb, EV_KERNEL_NOTE, text, NULL, 0);
    fb->noted |= 1u << which;
}

void fb_missing(struct fb_guest *fb, const char *name)
{
    size_t n = strlen(fb->missing);
    snprintf(fb->missing + n, sizeof fb->missing - n, "%s%s", n ? ", " : "", name);
}

/* ---------------------------------------------------------------- life */

static struct fb_guest *freebsd_guest(struct guest *g)
{
    return (struct fb_guest *)g;
}

static struct guest *create(const struct guest_options *o)
{
    struct fb_guest *fb = mem_zero(1, sizeof *fb);
    *fb = (struct fb_guest){.guest = {&freebsd_system, o->parent, o->domain}, .o = *o, .word = 8};
    memset(&fb->layout, -1, sizeof fb->layout);
    fb_find_registers(fb);
    return &fb->guest;
}

static void destroy(struct guest *g)
{
    struct fb_guest *fb = freebsd_guest(g);
    fb_forget_candidates(fb);
    hooks_free(fb->hooks);
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
        fb_missing(fb, "osreldate");
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
    if (!fb_wants(fb, EC_KERNEL))
        return;
    FB_EMIT(fb, EV_KERNEL_FOUND, fb->version, fb->image.base, 0, fb->image.physical,
            symbol_table_count(fb->kernel), fb_types_count(fb));
    if (!entered)
        return;
    FB_EMIT(fb, EV_KERNEL_ENTRY, "freebsd", fb->image.entry);
    FB_EMIT(fb, EV_KERNEL_REACHED, "btext", fb->image.entry);
}

/* A kernel whose entry was not seen runs where it was loaded; the distance is that of its page tables. */
static void find_physical(struct fb_guest *fb)
{
    if (fb->image.has_physical || fb->word != 8)
        return;
    /* The loader maps the kernel's 2 GiB from physical address 0. */
    uint8_t here[64], there[sizeof here];
    uint64_t physical = fb->image.base & 0x7fffffff;
    fb->image.has_physical = fb_read(fb, fb->image.base, here, sizeof here) &&
                             fb_peek_physical(fb, physical, there, sizeof there) == sizeof there &&
                             !memcmp(here, there, sizeof here);
    fb->image.physical = fb->image.has_physical ? physical : 0;
}

void fb_take_kernel(struct fb_guest *fb, bool entered)
{
    fb->word = fb->image.word;
    fb->state = FB_FOUND;
    fb_forget_candidates(fb);
    fb->space = symbol_space_of(fb->o.found(fb->o.ctx), 0);
    find_physical(fb);
    if (entered)
        fb_metadata_at_entry(fb);
    if (!fb_image_symbols(fb)) {
        fb->state = FB_GIVEN_UP;
        fb_note(fb, "a FreeBSD kernel was found, but no symbols in its dynamic section: no events of it");
        fb_say_notes(fb);
        return;
    }
    fb_types_take(fb);
    fb->hooks = fb_hooks_new(fb);
    read_version(fb);
    report(fb, entered);
    if (!entered)
        fb_metadata_of_variable(fb);
    if (fb_wants(fb, EC_KERNEL))
        fb_metadata_report(fb);
    set_up(fb);
    fb_say_notes(fb);
    fb->o.symbols_changed(fb->o.ctx);
    probes_apply(fb->o.probes);
}

/* ---------------------------------------------------------------- events of the engine */

static void event(struct guest *g, const struct event *ev)
{
    struct fb_guest *fb = freebsd_guest(g);
    fb->cpu = ev->cpu;
    fb->icount = ev->icount;
    fb->time = ev->time;
    if (fb->state == FB_LOOKING)
        fb_look(fb, guest_event_ip(ev));
}

/* ---------------------------------------------------------------- the row */

static bool task(struct guest *g, unsigned cpu, struct guest_task *t)
{
    freebsd_guest(g)->cpu = cpu;
    return fb_task(freebsd_guest(g), t);
}

static bool read_memory(struct guest *g, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    freebsd_guest(g)->cpu = cpu;
    return fb_read(freebsd_guest(g), address, buf, n);
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
    .read = read_memory,
    .describe = describe,
    .word = fb_word_of,
    .explain = fb_event_words,
    .structures = fb_structures,
    .osabi = ELFOSABI_FREEBSD,
    .banner = "FreeBSD",
    .explain_own = fb_own_words,
};
