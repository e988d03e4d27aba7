/* linux.c - see linux.h: life, events, finding the kernel. */
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/linux/private/impl.h"
#include "core/systems/linux/private/names.h"

enum { IMAGE_MAX = 512 << 20, IMAGE_32_MAX = 96 << 20, TRIES = 64 };

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
    if (kind == EV_KERNEL_CALL || kind == EV_KERNEL_RETURN)
        value &= ~(uint64_t)GUEST_CALL_HELPER;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (words[i].kind == kind && words[i].field == field && value < words[i].n)
            return words[i].names[value];
    return NULL;
}

/* ---------------------------------------------------------------- life */

static struct linux_guest *linux_guest(struct guest *g)
{
    return (struct linux_guest *)g;
}

static struct guest *create(const struct guest_options *o)
{
    struct linux_guest *lx = mem_zero(1, sizeof *lx);
    base_init(&lx->base, &linux_system, o, &lx_base_ops);
    return &lx->base.guest;
}

static void destroy(struct guest *g)
{
    struct linux_guest *lx = linux_guest(g);
    for (size_t i = 0; i < sizeof lx->early_probe / sizeof lx->early_probe[0]; i++)
        probe_remove(lx->base.o.probes, lx->early_probe[i]);
    hooks_free(lx->base.hooks);
    free(lx->clones);
    lx_loading_free(lx);
    free(lx->initcalls);
    free(lx->program);
    lx_calls_free(lx);
    lx_hosted_free(lx);
    free(lx);
}

/* ---------------------------------------------------------------- a kernel that is running already */

/* The note reports what was wrong last. */
static void give_up(struct linux_guest *lx)
{
    lx->state = LX_GIVEN_UP;
    base_say_notes(&lx->base);
}

enum { LARGE = 2 << 20, KERNEL_MAP_32 = 0x40000000, BEFORE_32 = 32 << 20 };

static bool mapped(const struct linux_guest *lx, uint64_t address)
{
    uint8_t byte;
    return lx->base.o.engine->ops->peek(lx->base.o.engine, lx->base.cpu, address, &byte, 1) == 1;
}

/* Whether the image of a FreeBSD kernel begins there: an ELF header with that system's number. */
static bool is_freebsd(const struct linux_guest *lx, uint64_t address)
{
    static const uint8_t magic[] = {0x7f, 'E', 'L', 'F'};
    enum { EI_OSABI = 7, OSABI_FREEBSD = 9 };
    uint8_t header[8];
    return lx->base.o.engine->ops->peek(lx->base.o.engine, lx->base.cpu, address, header, sizeof header) ==
               sizeof header &&
           !memcmp(header, magic, sizeof magic) && header[EI_OSABI] == OSABI_FREEBSD;
}

/* The range that is mapped around `ip` in the kernel's part of the address space by large pages without a
 * hole. A 32-bit kernel maps all other memory next to its image, so less is searched there. */
static void take_running(struct linux_guest *lx, uint64_t ip)
{
    bool wide = lx->base.word == 8;
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
    const uint64_t most = wide ? IMAGE_MAX : IMAGE_32_MAX + BEFORE_32;
    while ((wide ? end : (uint32_t)end) && end - begin < most && mapped(lx, end))
        end += LARGE;
    void *copy;
    struct lx_image im = {.size = end - begin, .base = begin};
    im.bytes = guest_view(lx->base.o.engine, lx->base.cpu, begin, end - begin, &copy);
    if (!lx_take_image(lx, &im) && ++lx->running_tries == 2)
        give_up(lx);
    free(copy);
}

/* A process of a Linux host executes a kernel as its program. */
static void take_hosted(struct linux_guest *lx, uint64_t ip)
{
    struct lx_image im = {0};
    void *image = lx_hosted_image(lx, ip, &im.base, &im.size);
    im.bytes = image;
    if (!lx_take_image(lx, &im))
        give_up(lx);
    free(image);
}

/* Whether this is code of a 32-bit kernel, at a linear address that differs from the physical one. */
static bool runs_high_32(struct linux_guest *lx, uint64_t ip)
{
    enum { CR0_PG = 1u << 31, EFER_LMA = 1 << 10 };
    const struct engine *e = lx->base.o.engine;
    uint8_t linear[64], physical[sizeof linear];
    return ip >= KERNEL_MAP_32 && ip <= UINT32_MAX && lx_reg(lx, GUEST_CPL) == 0 &&
           lx_reg(lx, GUEST_CR0) & CR0_PG && !(lx_reg(lx, GUEST_EFER) & EFER_LMA) &&
           e->ops->peek(e, lx->base.cpu, ip, linear, sizeof linear) == sizeof linear &&
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
    const struct engine *e = lx->base.o.engine;
    uint64_t ip = EVF(ev, IRQ, ip);
    if (lx->state != LX_FOUND && !lx->params_reported && base_wants(&lx->base, EC_KERNEL) &&
        ip <= UINT32_MAX && !(EVF(ev, IRQ, cs) & 3) && e->ops->code_bits(e, lx->base.cpu) == 64)
        lx_efi_interrupted(lx, ip);
}

static void look_for_kernel(struct linux_guest *lx, uint64_t ip)
{
    const struct engine *e = lx->base.o.engine;
    if (!ip || lx->state == LX_FOUND || lx->state == LX_GIVEN_UP)
        return;
    unsigned bits = e->ops->code_bits(e, lx->base.cpu);
    if (bits == 64 && lx->base.word == 4) { /* not the kernel that the parameters were for */
        lx->base.word = 8;
        lx->state = LX_NONE;
    }
    if (bits == 64 && ip >= KERNEL_MAP_BASE) {
        take_running(lx, ip);
    } else if (bits == 32 && runs_high_32(lx, ip)) {
        lx->base.word = 4;
        take_running(lx, ip);
    } else if ((bits == 64 || (bits == 32 && lx->base.word == 4)) && !lx->followed && lx->tries < TRIES &&
               !was_tried(lx, ip)) {
        lx_boot_early(lx, ip);
    }
}

/* A program runs, and the kernel was not found: that and why is all that can be told. */
static void user_begins(struct linux_guest *lx)
{
    bool is_linux = lx->params_reported || lx->version[0];
    if (lx->state == LX_FOUND || !is_linux)
        return;
    if (lx->state != LX_GIVEN_UP && !lx->base.notes[0])
        base_note(&lx->base, "a kernel was entered, but its symbols are not found (nor its code)");
    give_up(lx);
    if (base_wants(&lx->base, EC_KERNEL))
        GUEST_EMIT(lx, EV_INIT_RUN, "a program that is not known");
}

/* kexec: the last code of a kernel runs where memory is mapped one to one, outside the kernel's part of the address space. */
static bool has_left(const struct linux_guest *lx, uint64_t ip)
{
    return ip && (lx->base.word == 8 ? !(ip >> 63) : ip < KERNEL_MAP_32);
}

static void event(struct guest *g, const struct event *ev)
{
    enum { VECTOR_DISK = 0x13 }; /* what loaders call most, and setup code late */
    struct linux_guest *lx = linux_guest(g);
    base_at_event(&lx->base, ev);
    if (ev->kind == EV_KERNEL_HANDOVER && ev->len > 5 && !memcmp(ev->data, "linux", 5))
        lx_boot_params(lx, EVF(ev, KERNEL_HANDOVER, params));
    else if (lx->state == LX_NONE && !lx->params_reported && guest_event_ip(ev))
        lx_boot_entered(lx, guest_event_ip(ev));
    if (ev->kind == EV_IRQ)
        interrupted(lx, ev);
    if (ev->kind == EV_SERVICE && EVF(ev, SERVICE, vector) != VECTOR_DISK)
        lx_setup_calls(lx, EVF(ev, SERVICE, caller));
    if (ev->kind == EV_PROCESS_FIRST)
        user_begins(lx);
    if (lx->leaving && has_left(lx, guest_event_ip(ev))) {
        GUEST_EMIT(lx, EV_KERNEL_KEXEC, NULL, guest_event_ip(ev));
        lx->base.o.replaced(lx->base.o.ctx);
        return;
    }
    look_for_kernel(lx, guest_event_ip(ev));
}

/* A host enters the kernel, already unpacked, in a domain (Xen's paravirtual ones). */
static void enters(struct guest *g, unsigned cpu, uint64_t ip)
{
    struct linux_guest *lx = linux_guest(g);
    lx->base.cpu = cpu;
    lx->base.icount = lx->base.o.engine->ops->icount(lx->base.o.engine);
    lx->base.time = lx->base.o.engine->ops->time(lx->base.o.engine);
    if (lx_hosted_entered(lx, ip))
        take_hosted(lx, ip);
    else
        look_for_kernel(lx, ip);
}

/* ---------------------------------------------------------------- the row */

static bool task(struct guest *g, unsigned cpu, struct guest_task *t)
{
    linux_guest(g)->base.cpu = cpu;
    return lx_task(linux_guest(g), t);
}

static bool call(struct guest *g, unsigned cpu, const char *name, uint64_t address, struct text *out)
{
    linux_guest(g)->base.cpu = cpu;
    return lx_call_words(linux_guest(g), name, address, out);
}

static bool resume(struct guest *g, const struct event *found)
{
    return lx_resume(linux_guest(g), found);
}

static void describe(const struct guest *g, struct text *out)
{
    const struct linux_guest *lx = (const struct linux_guest *)g;
    if (lx->state == LX_FOUND)
        text_add(out, "%s%s%s", lx->version, lx->base.missing[0] ? "; without " : "", lx->base.missing);
    else
        text_add(out, "%s", lx->state == LX_GIVEN_UP ? "a Linux kernel without symbols" : "no Linux kernel");
}

const struct guest_system linux_system = {
    .name = "linux",
    .needs = EVENT_CLASS_BIT(EC_CPU) | EVENT_CLASS_BIT(EC_LOADER) | EVENT_CLASS_BIT(EC_POWER) |
             EVENT_CLASS_BIT(EC_IRQ) | EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_FIRMWARE),
    .create = create,
    .destroy = destroy,
    .event = event,
    .enters = enters,
    .task = task,
    .read = base_read_at,
    .call = call,
    .resume = resume,
    .describe = describe,
    .word = word,
    .explain = linux_event_words,
    .banner = "Linux",
};
