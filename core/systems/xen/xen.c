/* xen.c - see xen.h: life, events, finding the hypervisor. */
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/xen/private/impl.h"
#include "core/systems/xen/private/symbol_table.h"

/* ---------------------------------------------------------------- life */

static struct xen_guest *xen_guest(struct guest *g)
{
    return (struct xen_guest *)g;
}

static struct guest *create(const struct guest_options *o)
{
    struct xen_guest *xg = mem_zero(1, sizeof *xg);
    base_init(&xg->base, &xen_system, o, &guest_base_plain);
    return &xg->base.guest;
}

static void destroy(struct guest *g)
{
    struct xen_guest *xg = xen_guest(g);
    hooks_free(xg->base.hooks);
    probe_remove(xg->base.o.probes, xg->start_probe);
    xen_domains_free(xg);
    free(xg);
}

/* ---------------------------------------------------------------- its entry, with paging off */

enum { MULTIBOOT = 0x1badb002, AROUND = 8 << 20, PIECE = 64 << 10, MISSES = 32, TRIES = 16 };

static bool multiboot_header(const uint8_t *p)
{
    uint32_t v[3];
    memcpy(v, p, sizeof v);
    return v[0] == MULTIBOOT && v[0] + v[1] + v[2] == 0;
}

static const char banner[] = "Xen version %d.%d%s";
enum { HEADER = 12, OVERLAP = sizeof banner, NOWHERE = -1 };

/* A piece of memory, and so much more that nothing is cut in two. What is no memory is zero. */
static void read_piece(const struct xen_guest *xg, uint64_t at, uint8_t *bytes)
{
    memset(bytes, 0, PIECE + OVERLAP);
    base_peek_physical(&xg->base, at, bytes, PIECE + OVERLAP);
}

/* The address of the last multiboot header between two, or NOWHERE. They are multiples of four. */
static uint64_t last_header(const struct xen_guest *xg, uint64_t from, uint64_t to, uint8_t *bytes)
{
    for (uint64_t at = to, n; at > from;) {
        n = at - from < PIECE ? at - from : PIECE;
        at -= n;
        read_piece(xg, at, bytes);
        for (uint64_t i = n; i; i -= 4)
            if (at + i - 4 + HEADER <= to && multiboot_header(bytes + i - 4))
                return at + i - 4;
    }
    return (uint64_t)NOWHERE;
}

/* Whether a Xen's banner comes before another multiboot header. */
static bool banner_follows(const struct xen_guest *xg, uint64_t header, uint64_t to, uint8_t *bytes)
{
    for (uint64_t at = header + 4; at < to; at += PIECE) {
        read_piece(xg, at, bytes);
        const uint8_t *text = memmem(bytes, PIECE + OVERLAP - 1, banner, sizeof banner - 1);
        const uint64_t end = text ? (uint64_t)(text - bytes) : PIECE;
        for (uint64_t i = 0; i + (text ? HEADER : 0) <= end && i < PIECE; i += 4)
            if (multiboot_header(bytes + i))
                return false;
        if (text)
            return true;
    }
    return false;
}

/* Whether the code at `ip` belongs to a Xen that was loaded there: both its code and its banner's format come after
 * the same multiboot header. (GRUB has such a header too.) */
static bool image_around(const struct xen_guest *xg, uint64_t ip)
{
    const uint64_t start = ip > AROUND ? (ip - AROUND) & ~(uint64_t)0xfff : 0;
    uint8_t *bytes = mem_alloc(PIECE + OVERLAP);
    const uint64_t header = last_header(xg, start, ip & ~(uint64_t)3, bytes);
    const bool found =
        header != (uint64_t)NOWHERE && banner_follows(xg, header, start + 2 * (uint64_t)AROUND, bytes);
    free(bytes);
    return found;
}

static void look_for_entry(struct xen_guest *xg, uint64_t ip)
{
    if (xg->misses >= MISSES || !image_around(xg, ip)) {
        xg->misses++;
        return;
    }
    xg->state = XEN_ENTERED;
    GUEST_EMIT(xg, EV_KERNEL_ENTRY, "Xen", ip);
}

/* ---------------------------------------------------------------- the hypervisor is found */

enum { LARGE = 2 << 20, IMAGE_MAX = 64 << 20, GIGABYTE = 1 << 30 };

static void add_symbol(void *ctx, const char *name, char type, uint64_t address)
{
    const char *local = strchr(name, '#');
    symbol_table_add(ctx, local ? local + 1 : name, address, 0, type, 0);
}

/* What a function of common/version.c returns: it loads a constant, and returns. 0 if its code is another. */
static uint64_t constant_of(const struct xen_guest *xg, const char *function)
{
    uint8_t code[16];
    int32_t offset;
    uint64_t at = xen_symbol(xg, function);
    if (!at || !xen_read(xg, at, code, sizeof code))
        return 0;
    const uint8_t *p = memcmp(code, "\xf3\x0f\x1e\xfa", 4) ? code : code + 4; /* endbr64 */
    memcpy(&offset, p + 1 + 2 * (p[0] == 0x48), 4);
    if (p[0] == 0xb8) /* mov $n,%eax */
        return (uint32_t)offset;
    if (p[0] == 0x48 && p[1] == 0x8d && p[2] == 0x05) /* lea n(%rip),%rax */
        return at + (uint64_t)(p - code) + 7 + (uint64_t)(int64_t)offset;
    return p[0] == 0x48 && p[1] == 0xc7 && p[2] == 0xc0 ? (uint64_t)(int64_t)offset : 0; /* mov $n,%rax */
}

static void text_of(const struct xen_guest *xg, const char *function, char *buf, size_t size)
{
    xen_string(xg, constant_of(xg, function), buf, size);
}

/* The build id, from its ELF note: name size, size, type, "GNU". */
static void add_build_id(const struct xen_guest *xg, char *text, size_t size)
{
    uint8_t note[16 + 32];
    uint32_t n;
    uint64_t at = xen_symbol(xg, "__note_gnu_build_id_start");
    if (!at || !xen_read(xg, at, note, sizeof note) || memcmp(note + 12, "GNU", 4))
        return;
    memcpy(&n, note + 4, 4);
    xen_put(text, size, ", build id ");
    for (uint32_t i = 0; i < n && i < 32; i++)
        xen_put(text, size, "%02x", note[16 + i]);
}

/* As print_xen_info (drivers/char/console.c) puts it. */
static void find_version(struct xen_guest *xg)
{
    char extra[80], compiler[120], date[80], *to = xg->version;
    const size_t size = sizeof xg->version;
    unsigned major = (unsigned)constant_of(xg, "xen_major_version");
    to[0] = 0;
    text_of(xg, "xen_extra_version", extra, sizeof extra);
    text_of(xg, "xen_compiler", compiler, sizeof compiler);
    text_of(xg, "xen_compile_date", date, sizeof date);
    if (major)
        xen_put(to, size, "Xen version %u.%u%s", major, (unsigned)constant_of(xg, "xen_minor_version"),
                extra);
    else
        xen_put(to, size, "Xen of unknown version");
    if (compiler[0])
        xen_put(to, size, " (%s)", compiler);
    if (date[0])
        xen_put(to, size, " %s", date);
    add_build_id(xg, to, size);
}

static void set_up(struct xen_guest *xg)
{
    xg->base.hooks = base_hooks_new(&xg->base);
    xen_boot_setup(xg);
    xen_domain_setup(xg);
    xen_hypercall_setup(xg);
    xen_trap_setup(xg);
    xen_machine_setup(xg);
    base_note_missing(&xg->base, "hypervisor");
    base_say_notes(&xg->base);
    xg->base.o.symbols_changed(xg->base.o.ctx);
    probes_apply(xg->base.o.probes);
}

/* Whether the table is that of the hypervisor that runs, and not one that merely is in its memory. */
static bool is_hypervisor(const struct xen_guest *xg, uint64_t ip)
{
    struct symbol sym;
    return xen_symbol(xg, "__start_xen") && xen_symbol(xg, "context_switch") &&
           symbols_at(xg->base.o.symbols, xg->base.space, ip, SYMBOLS_NOW, &sym, NULL);
}

/* Xen has no tables to find callers by, and no frame pointers. What its entries save: struct cpu_user_regs (public/arch-x86/
 * xen-x86_64.h), the registers from R15 on, which is lowest. */
static void add_frames(struct symbol_table *t, const struct xen_symbols *s, uint64_t first)
{
    enum { RIP_END = 0x88, RSP = 0x98 };
    static const struct symbol_registers registers = {
        RIP_END,
        {0x28 - RIP_END, 0x20 - RIP_END, 0x18 - RIP_END, 0x10 - RIP_END, 0x08 - RIP_END, -RIP_END},
        RSP - RIP_END};
    const struct symbol_code code = {.bytes = s->packed.image,
                                     .size = s->packed.size,
                                     .address = first,
                                     .entries = "_stextentry",
                                     .entries_end = "_etextentry",
                                     .registers = &registers};
    symbol_table_deduce_frames(t, &code);
}

static void take_symbols(struct xen_guest *xg, const struct xen_symbols *s, uint64_t first, uint64_t ip)
{
    struct symbol_table *t = symbol_table_begin(xg->base.o.symbols, "xen", "xen");
    xg->base.space = symbol_space_of(xg->base.o.found(xg->base.o.ctx), 0);
    xen_symbols_each(s, add_symbol, t);
    add_frames(t, s, first);
    const struct symbol_mapping m = {.table = symbol_table_end(t),
                                     .space = xg->base.space,
                                     .since = xg->base.icount,
                                     .time = xg->base.time};
    symbols_map(xg->base.o.symbols, &m);
    xg->state = XEN_FOUND;
    find_version(xg);
    GUEST_EMIT(xg, EV_XEN_FOUND, xg->version, s->origin, s->count);
    if (!is_hypervisor(xg, ip))
        xen_emit(xg, EV_KERNEL_NOTE, "this hypervisor has no symbols that are known: only they are reported",
                 NULL, 0);
    else
        set_up(xg);
}

static bool mapped(const struct xen_guest *xg, uint64_t address)
{
    uint8_t byte;
    return xg->base.o.engine->ops->peek(xg->base.o.engine, xg->base.cpu, address, &byte, 1) == 1;
}

static void give_up(struct xen_guest *xg, const struct error *err)
{
    char note[sizeof err->text + 80];
    snprintf(note, sizeof note, "a Xen was entered, but its symbols are not found: %s", err->text);
    if (xg->state == XEN_ENTERED)
        xen_emit(xg, EV_KERNEL_NOTE, note, NULL, 0);
    xg->state = XEN_GIVEN_UP;
}

/* Reads what is mapped around `ip` in large pages without a hole, and searches it. */
static void take_running(struct xen_guest *xg, uint64_t ip)
{
    const uint64_t lowest = ip & ~(uint64_t)(GIGABYTE - 1);
    uint64_t first = ip & ~(uint64_t)(LARGE - 1), end = first + LARGE;
    struct xen_symbols s;
    struct error err;
    while (first > lowest && mapped(xg, first - LARGE))
        first -= LARGE;
    while (end - first < IMAGE_MAX && mapped(xg, end))
        end += LARGE;
    void *copy;
    const void *image = guest_view(xg->base.o.engine, xg->base.cpu, first, end - first, &copy);
    if (!xen_symbols_find(image, end - first, ip, &s, &err))
        take_symbols(xg, &s, first, ip);
    else if (xg->state == XEN_ENTERED || ++xg->tries > TRIES)
        give_up(xg, &err);
    free(copy);
}

/* ---------------------------------------------------------------- events of the engine */

/* Firmware has loops that write control registers, so each place is tried only once. */
static bool was_tried(struct xen_guest *xg, uint64_t ip)
{
    enum { N = sizeof xg->tried / sizeof xg->tried[0] };
    for (unsigned i = 0; i < N; i++)
        if (xg->tried[i] == ip)
            return true;
    xg->tried[xg->ntried++ % N] = ip;
    return false;
}

static void look(struct xen_guest *xg, uint64_t ip)
{
    const uint64_t paging = (uint64_t)1 << 31;
    const struct engine *e = xg->base.o.engine;
    if (!ip || xg->state >= XEN_FOUND || xen_reg(xg, GUEST_CPL))
        return;
    unsigned bits = e->ops->code_bits(e, xg->base.cpu);
    if (bits == 64 && ip >= XEN_VIRT_BEGIN && ip < XEN_VIRT_END) {
        if (!was_tried(xg, ip))
            take_running(xg, ip);
    } else if (bits == 32 && xg->state == XEN_NONE && !(xen_reg(xg, GUEST_CR0) & paging) &&
               !was_tried(xg, ip)) {
        look_for_entry(xg, ip);
    }
}

static void event(struct guest *g, const struct event *ev)
{
    struct xen_guest *xg = xen_guest(g);
    base_at_event(&xg->base, ev);
    if (event_kind(ev->kind)->cls == EC_POWER)
        xen_hypercall_flush(xg);
    else if (ev->kind == EV_VIRT_ENTER)
        xen_machine_entered(xg, ev);
    else if (ev->kind == EV_VIRT_EXIT)
        xen_machine_left(xg, ev);
    else
        look(xg, guest_event_ip(ev));
}

/* ---------------------------------------------------------------- the row */

static bool task(struct guest *g, unsigned cpu, struct guest_task *t)
{
    const struct xen_guest *xg = xen_guest(g);
    *t = (struct guest_task){.space = xg->base.space};
    return xg->state == XEN_FOUND;
}

/* The domains are told by later events. */
static bool resume(struct guest *g, const struct event *found)
{
    struct xen_guest *xg = xen_guest(g);
    xg->base.cpu = found->cpu;
    xg->base.space = symbol_space_of(found->guest, 0);
    xg->state = XEN_FOUND;
    return true;
}

static void describe(const struct guest *g, struct text *out)
{
    const struct xen_guest *xg = (const struct xen_guest *)g;
    if (xg->state == XEN_FOUND)
        text_add(out, "%s%s%s", xg->version, xg->base.missing[0] ? "; without " : "", xg->base.missing);
    else
        text_add(out, "%s", xg->state == XEN_NONE ? "no Xen" : "a Xen without symbols");
}

const struct guest_system xen_system = {
    .name = "xen",
    .engine = "pc",
    .needs = EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_POWER) | EVENT_CLASS_BIT(EC_VIRT),
    .create = create,
    .destroy = destroy,
    .event = event,
    .task = task,
    .read = base_read_at,
    .resume = resume,
    .retold = EVENT_CLASS_BIT(EC_HYPERCALL) | EVENT_CLASS_BIT(EC_SCHED),
    .retell = xen_domain_retell,
    .describe = describe,
    .word = xen_value_word,
    .explain = xen_explain,
    .banner = "Xen",
    .domain = xen_domain_of,
    .given = xen_domain_given,
    .machine = xen_is_machine,
    .translate = xen_translate,
};
