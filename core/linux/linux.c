/* linux.c - see linux.h: life, events, finding the kernel. */
#include <stdarg.h>
#include <stdlib.h>

#include "core/linux/impl.h"
#include "core/linux/names.h"
#include "traces/memory.h"

enum { IMAGE_MAX = 512 << 20, IMAGE_DEFAULT = 96 << 20, TRIES = 64 };

/* ---------------------------------------------------------------- words */

static const char *const parents[PARENT_COUNT] = {[PARENT_X86_64_START_KERNEL] = "x86_64_start_kernel",
                                                  [PARENT_START_KERNEL] = "start_kernel",
                                                  [PARENT_REST_INIT] = "rest_init",
                                                  [PARENT_KERNEL_INIT] = "kernel_init",
                                                  [PARENT_KERNEL_INIT_FREEABLE] = "kernel_init_freeable",
                                                  [PARENT_I386_START_KERNEL] = "i386_start_kernel",
                                                  [PARENT_XEN_START_KERNEL] = "xen_start_kernel",
                                                  [PARENT_LINUX_MAIN] = "linux_main",
                                                  [PARENT_SETUP_ARCH] = "setup_arch"};

static const char *const levels[INITCALL_LEVELS] = {
    [INITCALL_PURE] = "pure",     [INITCALL_CORE] = "core",       [INITCALL_POSTCORE] = "postcore",
    [INITCALL_ARCH] = "arch",     [INITCALL_SUBSYS] = "subsys",   [INITCALL_FS] = "fs",
    [INITCALL_DEVICE] = "device", [INITCALL_LATE] = "late",       [INITCALL_EARLY] = "early",
    [INITCALL_ROOTFS] = "rootfs", [INITCALL_CONSOLE] = "console", [INITCALL_MODULE] = "module",
    [INITCALL_OTHER] = "other"};

const char *lx_parent_name(unsigned parent)
{
    return parents[parent];
}

/* Number fields whose values have names. */
static const struct {
    unsigned kind, field;
    const char *const *names;
    size_t n;
} words[] = {
    {EV_KERNEL_CALL, EVF_KERNEL_CALL_parent, parents, PARENT_COUNT},
    {EV_KERNEL_RETURN, EVF_KERNEL_RETURN_parent, parents, PARENT_COUNT},
    {EV_INITCALL, EVF_INITCALL_level, levels, INITCALL_LEVELS},
    {EV_INITCALL_DONE, EVF_INITCALL_DONE_level, levels, INITCALL_LEVELS},
};

static const char *word(unsigned kind, unsigned field, uint64_t value)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (words[i].kind == kind && words[i].field == field && value < words[i].n)
            return words[i].names[value];
    return NULL;
}

/* ---------------------------------------------------------------- events of its own */

bool lx_wants(const struct linux_guest *lx, enum event_class cls)
{
    return lx->o.classes & EVENT_CLASS_BIT(cls);
}

void lx_emit(struct linux_guest *lx, unsigned kind, const char *data, const uint64_t *fields, size_t nfields)
{
    const struct event head = {
        .kind = (uint16_t)kind, .cpu = (uint8_t)lx->cpu, .icount = lx->icount, .time = lx->time};
    guest_emit(&lx->o, &head, data, fields, nfields);
}

void lx_note(struct linux_guest *lx, const char *fmt, ...)
{
    size_t n = strlen(lx->notes);
    va_list ap;
    if (n)
        n += (size_t)snprintf(lx->notes + n, sizeof lx->notes - n, "; ");
    va_start(ap, fmt);
    if (n < sizeof lx->notes)
        vsnprintf(lx->notes + n, sizeof lx->notes - n, fmt, ap);
    va_end(ap);
}

static void lx_say_notes(struct linux_guest *lx)
{
    if (lx->notes[0])
        lx_emit(lx, EV_KERNEL_NOTE, lx->notes, NULL, 0);
    lx->notes[0] = 0;
}

void lx_note_once(struct linux_guest *lx, enum lx_note which, const char *text)
{
    if (!(lx->noted >> which & 1))
        lx_emit(lx, EV_KERNEL_NOTE, text, NULL, 0);
    lx->noted |= 1u << which;
}

void lx_missing(struct linux_guest *lx, const char *name)
{
    size_t n = strlen(lx->missing);
    snprintf(lx->missing + n, sizeof lx->missing - n, "%s%s", n ? ", " : "", name);
}

/* ---------------------------------------------------------------- life */

static struct linux_guest *linux_guest(struct guest *g)
{
    return (struct linux_guest *)g;
}

static struct guest *create(const struct guest_options *o)
{
    struct linux_guest *lx = mem_zero(1, sizeof *lx);
    *lx = (struct linux_guest){
        .guest = {&linux_system, o->parent, o->domain}, .o = *o, .current_offset = -1, .word = 8};
    lx_find_registers(lx);
    return &lx->guest;
}

static void destroy(struct guest *g)
{
    struct linux_guest *lx = linux_guest(g);
    for (size_t i = 0; i < sizeof lx->early_probe / sizeof lx->early_probe[0]; i++)
        probe_remove(lx->o.probes, lx->early_probe[i]);
    hooks_free(lx->hooks);
    free(lx->clones);
    free(lx->initcalls);
    lx_hosted_free(lx);
    free(lx);
}

/* ---------------------------------------------------------------- the kernel is found */

struct adding {
    struct symbol_table *t;
    uint64_t bias;
};

static void add_symbol(void *ctx, const char *name, char type, uint64_t address, bool absolute)
{
    struct adding *a = ctx;
    symbol_table_add(a->t, name, absolute ? address : address - a->bias, 0, type,
                     absolute ? SYMBOL_ABSOLUTE : 0);
}

struct well_known {
    uint64_t text, stext, start_kernel;
};

static void look_at_symbol(void *ctx, const char *name, char type, uint64_t address, bool absolute)
{
    struct well_known *w = ctx;
    if (!strcmp(name, "_text"))
        w->text = address;
    else if (!strcmp(name, "_stext"))
        w->stext = address;
    else if (!strcmp(name, "start_kernel"))
        w->start_kernel = address;
}

/* Where the kernel maps physical address 0. A 32-bit kernel runs where it was loaded, plus this distance; if
 * the place is not known, the default of three quarters of the address space is used. */
static uint64_t kernel_map(const struct linux_guest *lx)
{
    if (lx->word == 8)
        return KERNEL_MAP_BASE;
    return lx->has_physical ? lx->text - lx->text_physical : 0xc0000000u;
}

/* The preferred link address, from the boot parameters; without them, the configuration's default. */
static uint64_t link_address(const struct linux_guest *lx)
{
    uint64_t preferred = 0;
    if (lx->boot_params)
        lx_peek_physical(lx, lx->boot_params + 0x258, &preferred, sizeof preferred);
    return kernel_map(lx) + (preferred && preferred < 0x40000000 ? preferred : 0x1000000);
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* The address of the banner if it has no symbol. Formats that begin in the same way have no number after it,
 * and a copy that the linker replaces has none after "#". */
static uint64_t banner_in(const struct linux_guest *lx)
{
    static const char begins[] = "Linux version ";
    enum { LENGTH = sizeof begins - 1 };
    const uint8_t *p = lx->image.bytes, *end = p + lx->image.size;
    for (; (p = memmem(p, (size_t)(end - p), begins, LENGTH)); p++) {
        const uint8_t *line = memchr(p, '\n', (size_t)(end - p));
        const uint8_t *build = line ? memchr(p, '#', (size_t)(line - p)) : NULL;
        if (build && is_digit(p[LENGTH]) && is_digit(build[1]))
            return lx->image.base + (uint64_t)(p - lx->image.bytes);
    }
    return 0;
}

static void banner(const struct linux_guest *lx, char *buf, size_t size)
{
    uint64_t at = lx_symbol(lx, "linux_banner");
    lx_string(lx, at ? at : banner_in(lx), buf, size);
    buf[strcspn(buf, "\n")] = 0;
    if (!buf[0])
        snprintf(buf, size, "Linux of unknown version");
}

static void set_up(struct linux_guest *lx)
{
    lx_boot_setup(lx);
    lx_initcall_setup(lx);
    lx_task_setup(lx);
    lx_module_setup(lx);
    lx_syscall_setup(lx);
    lx_log_setup(lx);
    lx_hosted_setup(lx);
    if (lx->missing[0])
        lx_note(lx, "this kernel has no %s: what it would tell is not reported", lx->missing);
    lx_say_notes(lx);
    lx->o.symbols_changed(lx->o.ctx);
    probes_apply(lx->o.probes);
}

/* Symbols of this kernel that were given as a file (--symbols vmlinux) are mapped at their link addresses:
 * moves them to where it runs. */
static void move_given(struct linux_guest *lx)
{
    struct symbols *s = lx->o.symbols;
    struct symbol sym;
    for (size_t i = 0, n = symbols_mappings(s); i < n; i++) {
        struct symbol_mapping m = *symbols_mapping(s, i);
        if (m.until || m.space != SPACE_KERNEL || strcmp(symbol_table_source(m.table), "elf") ||
            !symbol_table_find(m.table, "_text", &sym) || sym.address + m.bias == lx->text)
            continue;
        symbols_unmap(s, m.table, SPACE_KERNEL, lx->icount, lx->time);
        m.space = lx->space;
        m.bias = lx->text - sym.address;
        m.since = lx->icount;
        m.time = lx->time;
        symbols_map(s, &m);
    }
}

/* Where the image is in the kernel's physical memory. Inside another guest page tables may hold that guest's addresses,
 * so there the kernel's own distance is taken. */
static void find_physical(struct linux_guest *lx)
{
    uint64_t base = lx_symbol(lx, "phys_base");
    if (!lx->guest.parent)
        lx_physical(lx, lx->text, &lx->text_physical);
    else if (lx->word == 8 && base)
        lx->text_physical = lx->text - KERNEL_MAP_BASE + lx_u64(lx, base);
}

/* The kernel's image has been read; its first byte is at `base`, or at _text if that is 0. */
static bool take_image(struct linux_guest *lx, const void *image, size_t size, uint64_t base)
{
    struct kallsyms k;
    struct error err;
    struct well_known w = {0};
    if (kallsyms_find(image, size, lx->word, lx->hosted.begin, &k, &err)) {
        lx_note(lx,
                "a kernel was entered, but its symbols are not found (%s): no kernel, process or system call "
                "events",
                err.text);
        return false;
    }
    kallsyms_each(&k, look_at_symbol, &w);
    if (!w.start_kernel || (!w.text && !w.stext)) {
        lx_note(
            lx,
            "a table like kallsyms has %u names, but no start_kernel and _text among them: taken for garbage",
            k.count);
        return false;
    }
    lx->text = w.text ? w.text : w.stext;
    lx->image_size = size;
    lx->bias = lx->hosted.is ? 0 : lx->text - link_address(lx);
    lx->space = symbol_space_of(lx->o.found(lx->o.ctx), 0);
    struct adding a = {symbol_table_begin(lx->o.symbols, "kernel", "kallsyms"), lx->bias};
    lx->hooks = lx_hooks_new(lx);
    kallsyms_each(&k, add_symbol, &a);
    lx->kernel = symbol_table_end(a.t);
    const struct symbol_mapping m = {
        .table = lx->kernel, .space = lx->space, .bias = lx->bias, .since = lx->icount, .time = lx->time};
    symbols_map(lx->o.symbols, &m);
    lx->state = LX_FOUND;
    move_given(lx);
    base = base ? base : lx->text;
    lx->image.bytes = image;
    lx->image.size = size;
    lx->image.base = base;
    lx_types_load(lx, image, size, base);
    if (lx->hosted.is)
        lx->text_physical = lx->text - lx->hosted.begin;
    else if (!lx->has_physical)
        find_physical(lx);
    banner(lx, lx->version, sizeof lx->version);
    LX_EMIT(lx, EV_KERNEL_FOUND, lx->version, lx->text, lx->bias, lx->text_physical, k.count,
            lx->types.count);
    set_up(lx);
    lx->image.bytes = NULL;
    lx->image.size = 0;
    return true;
}

/* Gives up; the note reports what was wrong last. */
static void give_up(struct linux_guest *lx)
{
    lx->state = LX_GIVEN_UP;
    lx_say_notes(lx);
}

static const void *view_physical(const struct linux_guest *lx, uint64_t physical, size_t *size, void **copy)
{
    if (!lx->hosted.is)
        return guest_view_physical(&lx->guest, lx->o.engine, physical, size, copy);
    *copy = mem_alloc(*size);
    *size = lx_hosted_physical(lx, physical, *copy, *size);
    return *copy;
}

void lx_kernel_at(struct linux_guest *lx, uint64_t physical, uint64_t size)
{
    void *copy;
    size_t there = size && size < IMAGE_MAX ? size : IMAGE_DEFAULT;
    const void *image = view_physical(lx, physical, &there, &copy);
    lx->text_physical = physical;
    lx->has_physical = true;
    if (!take_image(lx, image, there, 0))
        give_up(lx);
    free(copy);
}

/* ---------------------------------------------------------------- a kernel that is running already */

enum { LARGE = 2 << 20, KERNEL_MAP_32 = 0x40000000, BEFORE_32 = 32 << 20 };

static bool mapped(const struct linux_guest *lx, uint64_t address)
{
    uint8_t byte;
    return lx->o.engine->ops->peek(lx->o.engine, lx->cpu, address, &byte, 1) == 1;
}

/* Whether the image of a FreeBSD kernel begins there: an ELF header with that system's number. */
static bool is_freebsd(const struct linux_guest *lx, uint64_t address)
{
    static const uint8_t magic[] = {0x7f, 'E', 'L', 'F'};
    enum { EI_OSABI = 7, OSABI_FREEBSD = 9 };
    uint8_t header[8];
    return lx->o.engine->ops->peek(lx->o.engine, lx->cpu, address, header, sizeof header) == sizeof header &&
           !memcmp(header, magic, sizeof magic) && header[EI_OSABI] == OSABI_FREEBSD;
}

/* The range that is mapped around `ip` in the kernel's part of the address space by large pages without a
 * hole. A 32-bit kernel maps all other memory next to its image, so less is searched there. */
static void take_running(struct linux_guest *lx, uint64_t ip)
{
    bool wide = lx->word == 8;
    uint64_t begin = ip & ~(uint64_t)(LARGE - 1), end = begin + LARGE;
    const uint64_t lowest = wide                                ? KERNEL_MAP_BASE
                            : begin > KERNEL_MAP_32 + BEFORE_32 ? begin - BEFORE_32
                                                                : KERNEL_MAP_32;
    while (begin > lowest && mapped(lx, begin - LARGE) && !is_freebsd(lx, begin))
        begin -= LARGE;
    if (is_freebsd(lx, begin)) {
        lx->state = LX_GIVEN_UP; /* the guest system of that kernel speaks of it */
        return;
    }
    const uint64_t most = wide ? IMAGE_MAX : IMAGE_DEFAULT + BEFORE_32;
    while ((wide ? end : (uint32_t)end) && end - begin < most && mapped(lx, end))
        end += LARGE;
    void *copy;
    const void *image = guest_view(lx->o.engine, lx->cpu, begin, end - begin, &copy);
    lx->notes[0] = 0;
    if (!take_image(lx, image, end - begin, begin) && ++lx->running_tries == 2)
        give_up(lx);
    free(copy);
}

/* A process of a Linux host executes a kernel as its program. */
static void take_hosted(struct linux_guest *lx, uint64_t ip)
{
    uint64_t begin;
    size_t size;
    void *image = lx_hosted_image(lx, ip, &begin, &size);
    if (!take_image(lx, image, size, begin))
        give_up(lx);
    free(image);
}

/* Whether this is code of a 32-bit kernel, at a linear address that differs from the physical one. */
static bool runs_high_32(struct linux_guest *lx, uint64_t ip)
{
    enum { CR0_PG = 1u << 31, EFER_LMA = 1 << 10 };
    const struct engine *e = lx->o.engine;
    uint8_t linear[64], physical[sizeof linear];
    return ip >= KERNEL_MAP_32 && ip <= UINT32_MAX && lx_reg(lx, LX_CPL) == 0 &&
           lx_reg(lx, LX_CR0) & CR0_PG && !(lx_reg(lx, LX_EFER) & EFER_LMA) &&
           e->ops->peek(e, lx->cpu, ip, linear, sizeof linear) == sizeof linear &&
           (e->ops->peek_physical(e, ip, physical, sizeof physical) < sizeof physical ||
            memcmp(linear, physical, sizeof linear));
}

/* ---------------------------------------------------------------- events of the engine */

/* 64-bit firmware has loops that write control registers, so each place is tried only once. */
static bool was_tried(struct linux_guest *lx, uint64_t ip)
{
    enum { N = sizeof lx->tried / sizeof lx->tried[0] };
    for (unsigned i = 0; i < N; i++)
        if (lx->tried[i] == ip && lx->state != LX_DECOMPRESSOR)
            return true;
    lx->tried[lx->ntried++ % N] = ip;
    return false;
}

static void interrupted(struct linux_guest *lx, const struct event *ev)
{
    const struct engine *e = lx->o.engine;
    uint64_t ip = ev->f[EVF_IRQ_ip];
    if (lx->state != LX_FOUND && !lx->efi_image && !lx->params_reported && lx_wants(lx, EC_KERNEL) &&
        ip <= UINT32_MAX && !(ev->f[EVF_IRQ_cs] & 3) && e->ops->code_bits(e, lx->cpu) == 64)
        lx_efi_interrupted(lx, ip);
}

static void look_for_kernel(struct linux_guest *lx, uint64_t ip)
{
    const struct engine *e = lx->o.engine;
    if (!ip || lx->state == LX_FOUND || lx->state == LX_GIVEN_UP)
        return;
    unsigned bits = e->ops->code_bits(e, lx->cpu);
    if (bits == 64 && lx->word == 4) { /* not the kernel that the parameters were for */
        lx->word = 8;
        lx->state = LX_NONE;
    }
    if (bits == 64 && ip >= KERNEL_MAP_BASE) {
        take_running(lx, ip);
    } else if (bits == 32 && runs_high_32(lx, ip)) {
        lx->word = 4;
        take_running(lx, ip);
    } else if ((bits == 64 || (bits == 32 && lx->word == 4)) && lx->tries < TRIES && !was_tried(lx, ip)) {
        lx_boot_early(lx, ip);
    }
}

static void event(struct guest *g, const struct event *ev)
{
    struct linux_guest *lx = linux_guest(g);
    lx->cpu = ev->cpu;
    lx->icount = ev->icount;
    lx->time = ev->time;
    if (ev->kind == EV_KERNEL_HANDOVER && ev->len > 5 && !memcmp(ev->data, "linux", 5))
        lx_boot_params(lx, ev->f[EVF_KERNEL_HANDOVER_params]);
    else if (lx->state == LX_NONE && !lx->params_reported && guest_event_ip(ev))
        lx_boot_entered(lx, guest_event_ip(ev));
    if (ev->kind == EV_IRQ)
        interrupted(lx, ev);
    look_for_kernel(lx, guest_event_ip(ev));
}

/* A host enters the kernel, already unpacked, in a domain (Xen's paravirtual ones). */
static void enters(struct guest *g, unsigned cpu, uint64_t ip)
{
    struct linux_guest *lx = linux_guest(g);
    lx->cpu = cpu;
    lx->icount = lx->o.engine->ops->icount(lx->o.engine);
    lx->time = lx->o.engine->ops->time(lx->o.engine);
    if (lx_hosted_entered(lx, ip))
        take_hosted(lx, ip);
    else
        look_for_kernel(lx, ip);
}

/* ---------------------------------------------------------------- the row */

static bool task(struct guest *g, unsigned cpu, struct guest_task *t)
{
    linux_guest(g)->cpu = cpu;
    return lx_task(linux_guest(g), t);
}

static bool read_memory(struct guest *g, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    linux_guest(g)->cpu = cpu;
    return lx_read(linux_guest(g), address, buf, n);
}

static void describe(const struct guest *g, struct text *out)
{
    const struct linux_guest *lx = (const struct linux_guest *)g;
    if (lx->state == LX_FOUND)
        text_add(out, "%s%s%s", lx->version, lx->missing[0] ? "; without " : "", lx->missing);
    else
        text_add(out, "%s", lx->state == LX_GIVEN_UP ? "a Linux kernel without symbols" : "no Linux kernel");
}

const struct guest_system linux_system = {
    .name = "linux",
    .needs = EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_LOADER) | EVENT_CLASS_BIT(EC_POWER) |
             EVENT_CLASS_BIT(EC_IRQ),
    .create = create,
    .destroy = destroy,
    .event = event,
    .enters = enters,
    .task = task,
    .read = read_memory,
    .describe = describe,
    .word = word,
    .explain = linux_event_words,
    .banner = "Linux",
};
