/* boot.c - Xen's own boot: multiboot information, the steps of __start_xen and of building domain 0, initcalls,
 * processors, the end. See impl.h.
 *
 * Multiboot Specification 0.6.96, 3.3; Xen keeps that form whatever protocol it was loaded by
 * (arch/x86/boot/reloc.c).
 */
#include <stdlib.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/systems/xen/private/impl.h"

/* ---------------------------------------------------------------- what the loader passed */

enum {
    MBI_FLAGS = 0,
    MBI_COMMAND_LINE = 16,
    MBI_MODULES = 20,
    MBI_SIZE = 120,
    FLAG_COMMAND_LINE = 4,
    FLAG_MODULES = 8,
    MODULE = 16,
    MODULES_MAX = 64,
    TEXT_MAX = 4000,
};

static size_t physical(const struct xen_guest *xg, uint64_t address, void *buf, size_t n)
{
    memset(buf, 0, n);
    return base_peek_physical(&xg->base, address, buf, n);
}

static void modules(struct xen_guest *xg, uint32_t count, uint32_t list)
{
    uint8_t m[MODULE];
    char text[TEXT_MAX];
    for (uint32_t i = 0; i < count && i < MODULES_MAX; i++) {
        if (physical(xg, list + i * (uint64_t)MODULE, m, sizeof m) < sizeof m)
            return;
        physical(xg, le32(m + 8), text, le32(m + 8) ? sizeof text - 1 : 0);
        text[le32(m + 8) ? sizeof text - 1 : 0] = 0;
        GUEST_EMIT(xg, EV_LOADER_MODULE, text, i, le32(m + 4) - le32(m), le32(m));
    }
}

static void loader_passed(struct xen_guest *xg, uint64_t info)
{
    uint8_t mbi[MBI_SIZE];
    char text[TEXT_MAX];
    if (physical(xg, info, mbi, sizeof mbi) < sizeof mbi)
        return;
    uint32_t flags = le32(mbi + MBI_FLAGS), line = le32(mbi + MBI_COMMAND_LINE);
    if (flags & FLAG_COMMAND_LINE && physical(xg, line, text, sizeof text - 1)) {
        text[sizeof text - 1] = 0;
        GUEST_EMIT(xg, EV_COMMAND_LINE, text, line);
    }
    if (flags & FLAG_MODULES)
        modules(xg, le32(mbi + MBI_MODULES), le32(mbi + MBI_MODULES + 4));
}

/* Its address is the argument, or (always since 4.20) in a variable. */
static void start_xen(struct xen_guest *xg, struct hook_frame *f)
{
    uint64_t at = xen_symbol(xg, "multiboot_ptr"), info = at ? xen_u32(xg, at) : 0;
    GUEST_EMIT(xg, EV_KERNEL_REACHED, "__start_xen", xen_reg(xg, GUEST_RIP));
    loader_passed(xg, info ? info : base_argument(&xg->base, 0));
}

/* ---------------------------------------------------------------- its memory map */

enum { E820_ENTRY = 20, E820_MAX = 1024 };

static const char *e820_type(uint32_t type)
{
    static const char *const names[] = {"of no type", "usable",   "reserved",
                                        "ACPI data",  "ACPI NVS", "unusable"};
    return type < sizeof names / sizeof names[0] ? names[type] : "of unknown type";
}

/* struct e820map: u32 number, then packed entries of u64 address, u64 size, u32 type. */
static void memory_map(struct xen_guest *xg, const struct hook_frame *f)
{
    uint8_t e[E820_ENTRY];
    uint64_t map = xen_symbol(xg, "e820"), range[2];
    uint32_t n = map ? xen_u32(xg, map) : 0;
    for (uint32_t i = 0; i < n && i < E820_MAX; i++) {
        xen_read(xg, map + 4 + i * (uint64_t)E820_ENTRY, e, sizeof e);
        memcpy(range, e, sizeof range);
        GUEST_EMIT(xg, EV_E820, e820_type(le32(e + 16)), range[0], range[1], le32(e + 16));
    }
}

/* ---------------------------------------------------------------- steps */

struct step {
    struct xen_guest *xg;
    unsigned parent;
    uint64_t target;
    char name[128];
};

static void step_begins(void *ctx, const struct probe_hit *hit)
{
    struct hook *h = ctx;
    const struct step *s = h->ctx;
    if (!base_here(&s->xg->base, hit))
        return;
    hook_push(h, xen_reg(s->xg, GUEST_RSP), hit->time);
    GUEST_EMIT(s->xg, EV_KERNEL_CALL, s->name, s->parent, s->target);
}

static void step_ends(void *ctx, const struct probe_hit *hit)
{
    struct hook *h = ctx;
    const struct step *s = h->ctx;
    if (!base_here(&s->xg->base, hit))
        return;
    struct hook_frame *f = hook_find(h, xen_reg(s->xg, GUEST_RSP));
    if (!f)
        return;
    uint64_t duration = hit->time - f->time;
    hooks_drop(h->set, f);
    GUEST_EMIT(s->xg, EV_KERNEL_RETURN, s->name, s->parent, xen_reg(s->xg, GUEST_RAX), duration);
}

struct steps {
    struct xen_guest *xg;
    unsigned parent;
    uint64_t begin, end; /* of the code that is freed after the boot */
};

/* What is called once, at boot: code that is freed later, and some that is also used then. */
static bool is_step(const struct steps *s, uint64_t target, const char *name)
{
    static const char *const also[] = {"cpu_up",           "identify_cpu",  "domain_create",
                                       "elf_parse_binary", "elf_xen_parse", "elf_load_binary"};
    for (size_t i = 0; i < sizeof also / sizeof also[0]; i++)
        if (!strcmp(name, also[i]))
            return true;
    return target >= s->begin && target < s->end && !strchr(name, '+');
}

static void step_site(void *ctx, const struct code_site *site)
{
    const struct steps *ss = ctx;
    char name[sizeof((struct step *)0)->name];
    if (site->kind != CODE_CALL)
        return;
    base_name(&ss->xg->base, site->target, name, sizeof name);
    name[strcspn(name, " ")] = 0; /* without the table's name */
    if (!is_step(ss, site->target, name))
        return;
    struct step *s = mem_zero(1, sizeof *s);
    *s = (struct step){.xg = ss->xg, .parent = ss->parent, .target = site->target};
    memcpy(s->name, name, sizeof name);
    struct hook *h = hook_keep(ss->xg->base.hooks, s);
    hooks_probe(h->set, PROBE_LINEAR, site->address, step_begins, h);
    hooks_probe(h->set, PROBE_LINEAR, site->address + site->length, step_ends, h);
}

static void steps_of(struct xen_guest *xg, unsigned parent, const char *function)
{
    struct symbol sym;
    struct steps s = {xg, parent, xen_symbol(xg, "_sinittext"), xen_symbol(xg, "_einittext")};
    if (base_function(&xg->base, function, &sym))
        base_sites(&xg->base, &sym, step_site, &s);
}

static void reached(struct xen_guest *xg, struct hook_frame *f)
{
    char name[128];
    uint64_t ip = xen_reg(xg, GUEST_RIP);
    base_name(&xg->base, ip, name, sizeof name);
    name[strcspn(name, " ")] = 0;
    GUEST_EMIT(xg, EV_KERNEL_REACHED, name, ip);
}

/* ---------------------------------------------------------------- initcalls */

struct xen_initcall {
    struct xen_guest *xg;
    unsigned level;
};

static void initcall_begins(struct hook *h, const struct probe_hit *hit, struct hook_frame *f)
{
    const struct xen_initcall *x = h->ctx;
    GUEST_EMIT(x->xg, EV_INITCALL, h->name, x->level, h->address, 0);
}

static void initcall_ends(struct hook *h, const struct probe_hit *hit, const struct hook_frame *f)
{
    const struct xen_initcall *x = h->ctx;
    uint64_t result = (uint64_t)(int64_t)(int32_t)xen_reg(x->xg, GUEST_RAX);
    GUEST_EMIT(x->xg, EV_INITCALL_DONE, h->name, x->level, result, hit->time - f->time, 0);
}

/* The functions in a table of pointers. */
static void initcalls(struct xen_guest *xg, const char *begin, const char *end, unsigned level)
{
    enum { MOST = 1000 };
    uint64_t at = xen_symbol(xg, begin), last = xen_symbol(xg, end), offset;
    struct symbol sym;
    for (unsigned i = 0; at && at < last && i < MOST; at += 8, i++) {
        if (!symbols_at(xg->base.o.symbols, xg->base.space, xen_u64(xg, at), SYMBOLS_NOW, &sym, &offset) ||
            offset)
            continue;
        struct xen_initcall *x = mem_zero(1, sizeof *x);
        *x = (struct xen_initcall){xg, level};
        hook_function(xg->base.hooks, xg->base.cpu, &sym, NULL, initcall_begins, initcall_ends, x);
    }
}

/* ---------------------------------------------------------------- processors, the end */

static void processor_up(struct xen_guest *xg, struct hook_frame *f)
{
    GUEST_EMIT(xg, EV_CPU_UP, NULL, xg->base.cpu);
}

static void shutdown_path(struct xen_guest *xg, struct hook_frame *f)
{
    char name[128], text[160];
    base_name(&xg->base, xen_reg(xg, GUEST_RIP), name, sizeof name);
    snprintf(text, sizeof text, "Xen %.*s", (int)strcspn(name, " "), name);
    GUEST_EMIT(xg, EV_KERNEL_SHUTDOWN, text, 0);
}

/* The message's format is its argument; the console has the message. */
static void panics(struct xen_guest *xg, struct hook_frame *f)
{
    char format[400];
    xen_string(xg, base_argument(&xg->base, 0), format, sizeof format);
    format[strcspn(format, "\n")] = 0;
    GUEST_EMIT(xg, EV_KERNEL_PANIC, format, 0);
}

void xen_boot_setup(struct xen_guest *xg)
{
    if (!base_wants(&xg->base, EC_KERNEL))
        return;
    XEN_HOOK(xg, start_xen, NULL, "__start_xen");
    XEN_HOOK(xg, NULL, memory_map, "init_e820");
    steps_of(xg, XEN_PARENT_START, "__start_xen");
    steps_of(xg, XEN_PARENT_DOM0, "construct_dom0");
    steps_of(xg, XEN_PARENT_DOM0, "dom0_construct_pv");
    XEN_HOOK(xg, reached, NULL, "construct_dom0");
    XEN_HOOK(xg, reached, NULL, "reinit_bsp_stack", "init_done");
    XEN_HOOK(xg, reached, NULL, "startup_cpu_idle_loop");
    initcalls(xg, "__initcall_start", "__presmp_initcall_end", XEN_INITCALL_PRESMP);
    initcalls(xg, "__presmp_initcall_end", "__initcall_end", XEN_INITCALL);
    XEN_HOOK(xg, processor_up, NULL, "start_secondary");
    XEN_HOOK(xg, shutdown_path, NULL, "hwdom_shutdown", "dom0_shutdown");
    XEN_HOOK(xg, shutdown_path, NULL, "machine_restart");
    XEN_HOOK(xg, shutdown_path, NULL, "machine_halt");
    XEN_HOOK(xg, shutdown_path, NULL, "acpi_enter_sleep");
    XEN_HOOK(xg, panics, NULL, "panic");
}
