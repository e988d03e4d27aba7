/* sysinit.c - each SYSINIT as mi_startup calls it. See impl.h. SYSINIT(9), sys/kernel.h.
 *
 * struct sysinit begins with subsystem and order; function and argument follow each other, so they are found
 * where the indirect call takes the function from. The set itself is not read: it is sorted while mi_startup runs, and
 * modules replace it.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/freebsd/private/impl.h"

/* An indirect call in mi_startup, or in what calls a module's SYSINITs. */
struct site {
    struct fb_guest *fb;
    const char *base; /* the call is through memory at this register + offset; NULL: through `reg` */
    uint64_t offset;
    const char *reg;
};

struct call {
    uint64_t object; /* struct sysinit; 0 if not known */
    uint64_t function, argument;
    uint32_t subsystem, order;
};

/* ---------------------------------------------------------------- the object of a call */

/* The object that holds this function and argument, in the set that mi_startup goes through. */
static uint64_t object_in_set(struct fb_guest *fb, const struct call *c)
{
    enum { SET_MAX = 1 << 16, MISSES_MAX = 256 };
    uint64_t first = fb_symbol(fb, "sysinit"), last = fb_symbol(fb, "sysinit_end");
    uint64_t at = first ? fb_word(fb, first) : 0, end = last ? fb_word(fb, last) : 0;
    for (unsigned i = 0; at < end && i < SET_MAX && fb->set_misses < MISSES_MAX; i++, at += fb->base.word) {
        uint64_t object = fb_word(fb, at);
        if (object && fb_u32(fb, object) > 1 && fb_word(fb, object + 8) == c->function &&
            fb_word(fb, object + 8 + fb->base.word) == c->argument)
            return object;
    }
    fb->set_misses++; /* a set without an end is not gone through again and again */
    return 0;
}

/* False if this is no call of a SYSINIT. */
static bool take_call(const struct site *s, struct call *c)
{
    enum { FUNCTION_MIN = 8, FUNCTION_MAX = 64, DONE = 1 };
    struct fb_guest *fb = s->fb;
    uint64_t base = 0;
    *c = (struct call){.argument =
                           fb->base.word == 8 ? fb_reg(fb, GUEST_RDI) : fb_u32(fb, fb_reg(fb, GUEST_RSP))};
    if (!base_reg_by_name(&fb->base, s->base ? s->base : s->reg, &base))
        return false;
    if (!s->base) {
        c->function = base;
        c->object = object_in_set(fb, c);
    } else if (s->offset >= FUNCTION_MIN && s->offset <= FUNCTION_MAX) {
        c->object = base;
        c->function = fb_word(fb, base + s->offset);
        if (fb_word(fb, base + s->offset + fb->base.word) != c->argument)
            return false;
    }
    c->subsystem = c->object ? fb_u32(fb, c->object) : 0;
    c->order = c->object ? fb_u32(fb, c->object + 4) : 0;
    return c->object && c->function && c->subsystem > DONE;
}

/* ---------------------------------------------------------------- events */

/* As the kernel prints it with VERBOSE_SYSINIT. */
static void describe(const struct fb_guest *fb, const struct call *c, char *buf, size_t size)
{
    const char *function = fb_exact_name(fb, c->function);
    const char *argument = c->argument ? fb_exact_name(fb, c->argument) : NULL;
    int n = function ? snprintf(buf, size, "%s(", function)
                     : snprintf(buf, size, "0x%llx(", (unsigned long long)c->function);
    if ((size_t)n >= size)
        return;
    if (argument)
        snprintf(buf + n, size - (size_t)n, "&%s)", argument);
    else
        snprintf(buf + n, size - (size_t)n, c->argument ? "0x%llx)" : "%llu)",
                 (unsigned long long)c->argument);
}

/* Code also asks for the moment right before or after a subsystem: "SI_SUB_VM-1". */
static void report_subsystem(struct fb_guest *fb, uint32_t subsystem)
{
    static const struct {
        int distance;
        const char *text;
    } near[] = {{0, ""}, {-1, "+1"}, {1, "-1"}};
    char text[64];
    if (fb->subsystem == subsystem)
        return;
    fb->subsystem = subsystem;
    snprintf(text, sizeof text, "0x%x", subsystem);
    for (size_t i = 0; i < sizeof near / sizeof near[0]; i++) {
        const char *name = fb_subsystem_name(fb->release, subsystem + (uint32_t)near[i].distance);
        if (name) {
            snprintf(text, sizeof text, "%s%s", name, near[i].text);
            break;
        }
    }
    GUEST_EMIT(fb, EV_KERNEL_SUBSYSTEM, text, subsystem);
}

static void begins(void *ctx, const struct probe_hit *hit)
{
    enum { OBJECT, FUNCTION, ARGUMENT, PLACE };
    struct hook *h = ctx;
    const struct site *s = h->ctx;
    struct fb_guest *fb = s->fb;
    struct call c;
    char text[256];
    if (!take_call(s, &c))
        return;
    struct hook_frame *f = hook_push(h, fb_reg(fb, GUEST_RSP), hit->time);
    f->value[OBJECT] = c.object;
    f->value[FUNCTION] = c.function;
    f->value[ARGUMENT] = c.argument;
    f->value[PLACE] = (uint64_t)c.subsystem << 32 | c.order;
    report_subsystem(fb, c.subsystem);
    describe(fb, &c, text, sizeof text);
    GUEST_EMIT(fb, EV_SYSINIT, text, c.subsystem, c.order, c.function, c.argument, fb_current_pid(fb));
}

static void ends(void *ctx, const struct probe_hit *hit)
{
    struct hook *h = ctx;
    struct fb_guest *fb = ((const struct site *)h->ctx)->fb;
    struct hook_frame *f = hook_find(h, fb_reg(fb, GUEST_RSP));
    char text[256];
    if (!f)
        return;
    const struct call c = {f->value[0], f->value[1], f->value[2], (uint32_t)(f->value[3] >> 32),
                           (uint32_t)f->value[3]};
    uint64_t duration = hit->time - f->time;
    hooks_drop(h->set, f);
    fb_task_first(fb);
    describe(fb, &c, text, sizeof text);
    GUEST_EMIT(fb, EV_SYSINIT_DONE, text, c.subsystem, c.order, duration, fb_current_pid(fb));
}

/* ---------------------------------------------------------------- setting up */

struct sites {
    struct fb_guest *fb;
    unsigned n;
};

static void indirect_call(void *ctx, const struct code_site *site)
{
    struct sites *all = ctx;
    if (site->kind != CODE_CALL_REGISTER && (site->kind != CODE_CALL_MEMORY || !site->reg))
        return;
    bool memory = site->kind == CODE_CALL_MEMORY;
    struct site *s = mem_zero(1, sizeof *s);
    *s = (struct site){all->fb, memory ? site->reg : NULL, site->target, memory ? NULL : site->reg};
    struct hook *h = hook_keep(all->fb->base.hooks, s);
    hooks_probe(h->set, PROBE_LINEAR, site->address, begins, h);
    hooks_probe(h->set, PROBE_LINEAR, site->address + site->length, ends, h);
    all->n++;
}

/* Process 0 exists now. */
static void mi_startup(struct fb_guest *fb, struct hook_frame *f)
{
    fb_layout_derive(fb);
    if (base_wants(&fb->base, EC_KERNEL))
        GUEST_EMIT(fb, EV_KERNEL_REACHED, "mi_startup", fb_symbol(fb, "mi_startup"));
    fb_say_notes(fb);
}

void fb_sysinit_setup(struct fb_guest *fb)
{
    /* Those of modules are called in linker_file_sysinit, wherever the compiler has put it. */
    static const char *const callers[] = {
        "mi_startup",         "linker_file_sysinit",      "linker_load_file",
        "linker_load_module", "linker_load_dependencies", "kern_kldload"};
    struct symbol sym;
    struct sites all = {fb, 0};
    fb_hook_needed(fb, "mi_startup", mi_startup, NULL);
    for (size_t i = 0; base_wants(&fb->base, EC_KERNEL) && i < sizeof callers / sizeof callers[0]; i++) {
        if (base_function(&fb->base, callers[i], &sym))
            hooks_sites(fb->base.hooks, fb->base.cpu, &sym, NULL, indirect_call, &all);
        if (!i && !all.n)
            base_note(&fb->base, "no indirect call found in mi_startup: no SYSINITs");
    }
}
