/* boot.c - from the kernel's entry to the power-off: milestones and their callees, devices, file systems, consoles,
 * processors, shutdown. See impl.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/systems/freebsd/private/impl.h"

enum { TEXT = 256, MOUNTS_MAX = 4096 };

/* ---------------------------------------------------------------- milestones and their callees */

struct callee {
    struct fb_guest *fb;
    unsigned parent;
    uint64_t target;
    const char *name;
};

struct callees {
    struct fb_guest *fb;
    unsigned parent;
    uint64_t *seen; /* functions that were met before: only the first call of each is reported */
    size_t nseen;
};

static void at_call(void *ctx, const struct probe_hit *hit)
{
    struct hook *h = ctx;
    const struct callee *c = h->ctx;
    hook_push(h, fb_reg(c->fb, GUEST_RSP), hit->time);
    GUEST_EMIT(c->fb, EV_KERNEL_CALL, c->name, c->parent, c->target);
}

static void after_call(void *ctx, const struct probe_hit *hit)
{
    struct hook *h = ctx;
    const struct callee *c = h->ctx;
    struct hook_frame *f = hook_find(h, fb_reg(c->fb, GUEST_RSP));
    if (!f)
        return;
    uint64_t duration = hit->time - f->time;
    hooks_drop(h->set, f);
    GUEST_EMIT(c->fb, EV_KERNEL_RETURN, c->name, c->parent, fb_reg(c->fb, GUEST_RAX), duration);
}

/* Functions that are called everywhere. */
static bool boring(const char *name)
{
    static const char *const names[] = {"printf",           "memset", "memcpy", "bzero", "bcopy",
                                        "__stack_chk_fail", "panic",  "strlen", "strcmp"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

static bool seen(struct callees *cs, uint64_t target)
{
    for (size_t i = 0; i < cs->nseen; i++)
        if (cs->seen[i] == target)
            return true;
    MEM_MORE(cs->seen, cs->nseen);
    cs->seen[cs->nseen++] = target;
    return false;
}

static void callee(void *ctx, const struct code_site *site)
{
    struct callees *cs = ctx;
    const char *name = site->kind == CODE_CALL ? fb_exact_name(cs->fb, site->target) : NULL;
    if (!name || boring(name) || seen(cs, site->target))
        return;
    struct callee *c = mem_zero(1, sizeof *c);
    *c = (struct callee){cs->fb, cs->parent, site->target, name};
    struct hook *h = hook_keep(cs->fb->base.hooks, c);
    hooks_probe(h->set, PROBE_LINEAR, site->address, at_call, h);
    hooks_probe(h->set, PROBE_LINEAR, site->address + site->length, after_call, h);
}

static void reached(struct fb_guest *fb, const char *name)
{
    GUEST_EMIT(fb, EV_KERNEL_REACHED, name, fb_symbol(fb, name));
}

static void hammer_time(struct fb_guest *fb, struct hook_frame *f)
{
    reached(fb, "hammer_time");
}

static void init386(struct fb_guest *fb, struct hook_frame *f)
{
    reached(fb, "init386");
}

static void start_init(struct fb_guest *fb, struct hook_frame *f)
{
    reached(fb, "start_init");
}

static void mountroot(struct fb_guest *fb, struct hook_frame *f)
{
    reached(fb, "vfs_mountroot");
}

static void hook_milestones(struct fb_guest *fb)
{
    const struct {
        const char *name;
        fb_enter *enter;
        unsigned parent;
    } all[] = {{"hammer_time", hammer_time, FB_PARENT_HAMMER_TIME},
               {"init386", init386, FB_PARENT_INIT386},
               {"start_init", start_init, 0},
               {"vfs_mountroot", mountroot, 0}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct symbol sym;
        struct callees cs = {.fb = fb, .parent = all[i].parent};
        if (fb_hook(fb, all[i].name, all[i].enter, NULL) && cs.parent &&
            base_function(&fb->base, all[i].name, &sym))
            hooks_sites(fb->base.hooks, fb->base.cpu, &sym, NULL, callee, &cs);
        free(cs.seen);
    }
}

/* ---------------------------------------------------------------- devices */

static void attach_begins(struct fb_guest *fb, struct hook_frame *f)
{
    f->value[0] = base_argument(&fb->base, 0);
}

/* "uart0 at acpi0: 16550 or compatible" */
static void attach_ends(struct fb_guest *fb, const struct hook_frame *f)
{
    const struct fb_layout *l = &fb->layout;
    uint64_t device = f->value[0];
    char name[TEXT], parent[TEXT], desc[TEXT];
    struct text t = {0};
    fb_string(fb, fb_member(fb, device, l->dev_nameunit), name, sizeof name);
    fb_string(fb, fb_member(fb, fb_member(fb, device, l->dev_parent), l->dev_nameunit), parent,
              sizeof parent);
    fb_string(fb, fb_member(fb, device, l->dev_desc), desc, sizeof desc);
    text_add(&t, "%s", name[0] ? name : "a device without a name");
    if (parent[0])
        text_add(&t, " at %s", parent);
    if (desc[0])
        text_add(&t, ": %s", desc);
    GUEST_EMIT(fb, EV_KERNEL_DEVICE, t.s, fb_reg(fb, GUEST_RAX) & UINT32_MAX, fb->base.time - f->time);
    free(t.s);
}

/* ---------------------------------------------------------------- file systems */

/* vfs_mount_alloc(vnode, type, path, credentials) */
static void mount_begins(struct fb_guest *fb, struct hook_frame *f)
{
    f->value[0] = base_argument(&fb->base, 1);
    f->value[1] = base_argument(&fb->base, 2);
}

static struct fb_mount *mount_of(struct fb_guest *fb, uint64_t mp)
{
    for (size_t i = 0; i < fb->nmounts; i++)
        if (fb->mounts[i].mp == mp)
            return &fb->mounts[i];
    return NULL;
}

/* struct vfsconf: a number, then the type's name, in 16 bytes. */
static void mount_ends(struct fb_guest *fb, const struct hook_frame *f)
{
    enum { VFC_NAME = 4 };
    uint64_t mp = fb_reg(fb, GUEST_RAX);
    struct fb_mount *m = mount_of(fb, mp);
    if (!m) {
        fb->nmounts = fb->nmounts < MOUNTS_MAX ? fb->nmounts : 0;
        MEM_MORE(fb->mounts, fb->nmounts);
        m = &fb->mounts[fb->nmounts++];
    }
    m->mp = mp;
    fb_string(fb, f->value[0] + VFC_NAME, m->type, sizeof m->type);
    fb_string(fb, f->value[1], m->path, sizeof m->path);
}

/* A file system says that it is mounted: vfs_mountedfrom(mount, from). */
static void mounted(struct fb_guest *fb, struct hook_frame *f)
{
    const struct fb_mount *m = mount_of(fb, base_argument(&fb->base, 0));
    char from[TEXT];
    struct text t = {0};
    fb_string(fb, base_argument(&fb->base, 1), from, sizeof from);
    text_add(&t, "%s on %s from %s", m ? m->type : "a file system", m ? m->path : "a place that is not known",
             from);
    GUEST_EMIT(fb, EV_KERNEL_MOUNT, t.s, fb_current_pid(fb));
    free(t.s);
}

/* ---------------------------------------------------------------- consoles, processors, shutdown */

/* struct consdev: operations, priority, argument, flags, name. */
static void console(struct fb_guest *fb, struct hook_frame *f)
{
    uint64_t consdev = base_argument(&fb->base, 0);
    char name[64];
    fb_string(fb, consdev + (fb->base.word == 8 ? 28 : 16), name, sizeof name);
    GUEST_EMIT(fb, EV_KERNEL_CONSOLE, name, 0);
}

static void processor(struct fb_guest *fb, struct hook_frame *f)
{
    GUEST_EMIT(fb, EV_CPU_UP, NULL, fb->base.cpu);
}

/* The text of a panic is complete when the kernel enters its debugger or reboots because of it. */
static void panicked(struct fb_guest *fb)
{
    const uint64_t panicstr = fb_symbol(fb, "panicstr"), at = panicstr ? fb_word(fb, panicstr) : 0;
    char text[TEXT * 2];
    if (at && !fb->panicked && fb_string(fb, at, text, sizeof text))
        GUEST_EMIT(fb, EV_KERNEL_PANIC, text, fb_current_pid(fb));
    fb->panicked |= at != 0;
}

static void debugger(struct fb_guest *fb, struct hook_frame *f)
{
    panicked(fb);
}

/* kdb_trap(type, code, frame): a fatal trap goes to the debugger first, and panics only if that goes on. Breakpoints, single steps and
 * NMIs are meant for the debugger. */
static void debugger_trap(struct fb_guest *fb, struct hook_frame *f)
{
    enum { T_BPTFLT = 3, T_TRCTRAP = 10, T_NMI = 19 };
    const uint32_t type = (uint32_t)base_argument(&fb->base, 0);
    const char *name = fb_trap_words(type);
    char text[64];
    panicked(fb);
    if (fb->panicked || type == T_BPTFLT || type == T_TRCTRAP || type == T_NMI)
        return;
    snprintf(text, sizeof text, "fatal trap %u%s%s", type, name ? ": " : "", name ? name : "");
    GUEST_EMIT(fb, EV_KERNEL_PANIC, text, fb_current_pid(fb));
    fb->panicked = true;
}

static void shutdown(struct fb_guest *fb, struct hook_frame *f)
{
    enum { RB_HALT = 8, RB_POWEROFF = 0x4000 };
    uint64_t howto = base_argument(&fb->base, 0);
    panicked(fb);
    GUEST_EMIT(fb, EV_KERNEL_SHUTDOWN,
               howto & RB_POWEROFF ? "kern_reboot (power off)"
               : howto & RB_HALT   ? "kern_reboot (halt)"
                                   : "kern_reboot (reboot)",
               fb_current_pid(fb));
}

void fb_boot_setup(struct fb_guest *fb)
{
    if (!base_wants(&fb->base, EC_KERNEL))
        return;
    hook_milestones(fb);
    fb_hook_needed(fb, "device_attach", attach_begins, attach_ends);
    fb_hook_needed(fb, "vfs_mount_alloc", mount_begins, mount_ends);
    fb_hook_needed(fb, "vfs_mountedfrom", mounted, NULL);
    fb_hook_needed(fb, "cnadd", console, NULL);
    fb_hook(fb, "init_secondary", processor, NULL);
    fb_hook_needed(fb, "kern_reboot", shutdown, NULL);
    fb_hook(fb, "kdb_enter", debugger, NULL);
    fb_hook(fb, "kdb_trap", debugger_trap, NULL);
}
