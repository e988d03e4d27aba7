/* boot.c - from the decompressor to the power-off: boot parameters, milestones and their callees,
 * memory, consoles, processors, shutdown. See impl.h.
 *
 * The boot parameters: Documentation/x86/boot.rst and zero-page.rst of Linux.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/linux/private/impl.h"

/* ---------------------------------------------------------------- boot parameters */

enum {
    BP_EXT_INITRD = 0xc0,
    BP_EXT_INITRD_SIZE = 0xc4,
    BP_EXT_COMMAND_LINE = 0xc8,
    BP_E820_COUNT = 0x1e8,
    BP_JUMP = 0x200,  /* a short jump over the header */
    BP_MAGIC = 0x202, /* "HdrS" */
    BP_PROTOCOL = 0x206,
    BP_LOADER = 0x210,
    BP_CODE = 0x214, /* where the 32-bit entry is */
    BP_INITRD = 0x218,
    BP_INITRD_SIZE = 0x21c,
    BP_EXT_LOADER_VERSION = 0x226,
    BP_EXT_LOADER = 0x227,
    BP_COMMAND_LINE = 0x228,
    BP_XLOADFLAGS = 0x236, /* since protocol 2.12 */
    BP_PAYLOAD_LENGTH = 0x24c,
    BP_ALIGNMENT = 0x230,
    BP_SETUP_DATA = 0x250,
    BP_PREF_ADDRESS = 0x258,
    BP_INIT_SIZE = 0x260,
    BP_E820 = 0x2d0,
    BP_SIZE = 0x1000,
    XLF_KERNEL_64 = 1,
    E820_ENTRY = 20,
    E820_MAX = 128,
    SETUP_E820_EXT = 1,
    COMMAND_LINE_MAX = 4096,
};

static uint64_t get(const uint8_t *p, size_t offset, size_t n)
{
    uint64_t v = 0;
    memcpy(&v, p + offset, n);
    return v;
}

static size_t read_physical(const struct linux_guest *lx, uint64_t address, void *buf, size_t n)
{
    memset(buf, 0, n);
    return lx_peek_physical(lx, address, buf, n);
}

/* Reads the boot parameters, with zeros for what cannot be read. False if not all of them can be read. */
static bool read_params(const struct linux_guest *lx, uint64_t address, uint8_t p[BP_SIZE])
{
    return read_physical(lx, address, p, BP_SIZE) == BP_SIZE;
}

static bool has_magic(const uint8_t *p)
{
    return !memcmp(p + BP_MAGIC, "HdrS", 4);
}

static const char *e820_type(uint32_t type)
{
    static const char *const names[] = {"of no type", "usable",   "reserved", "ACPI data",
                                        "ACPI NVS",   "unusable", "type 6",   "persistent"};
    return type < sizeof names / sizeof names[0] ? names[type] : "of unknown type";
}

static void e820_entries(struct linux_guest *lx, const uint8_t *p, size_t n)
{
    for (; n--; p += E820_ENTRY) {
        uint32_t type = (uint32_t)get(p, 16, 4);
        GUEST_EMIT(lx, EV_E820, e820_type(type), get(p, 0, 8), get(p, 8, 8), type);
    }
}

/* The part of the map that the parameters have no room for. */
static void e820_more(struct linux_guest *lx, uint64_t list)
{
    uint8_t head[16], entry[E820_ENTRY];
    for (unsigned i = 0; list && i < 64; i++, list = get(head, 0, 8)) {
        if (read_physical(lx, list, head, sizeof head) < sizeof head)
            return;
        if (get(head, 8, 4) != SETUP_E820_EXT)
            continue;
        for (uint32_t at = 0; at + E820_ENTRY <= get(head, 12, 4) && at < 1024 * E820_ENTRY; at += E820_ENTRY)
            if (read_physical(lx, list + 16 + at, entry, sizeof entry) == sizeof entry)
                e820_entries(lx, entry, 1);
    }
}

static unsigned loader_id(const uint8_t *p)
{
    unsigned id = p[BP_LOADER] >> 4, version = p[BP_LOADER] & 15;
    if (id == 14)
        id = p[BP_EXT_LOADER] + 0x10u;
    return id << 4 | version;
}

static void command_line(struct linux_guest *lx, const uint8_t *p)
{
    char text[COMMAND_LINE_MAX];
    uint64_t at = get(p, BP_COMMAND_LINE, 4) | get(p, BP_EXT_COMMAND_LINE, 4) << 32;
    if (!at)
        return;
    read_physical(lx, at, text, sizeof text - 1);
    text[sizeof text - 1] = 0;
    GUEST_EMIT(lx, EV_COMMAND_LINE, text, at);
}

/* The decompressor is searched for where it will be entered: that of a 32-bit kernel causes no event after it has moved itself, that of
 * an old 64-bit one none at all. */
static void look_at_entry(struct linux_guest *lx, const uint8_t *p)
{
    enum { PROTOCOL_2_12 = 0x20c };
    if (lx->state != LX_NONE || lx->followed)
        return;
    if (get(p, BP_PROTOCOL, 2) >= PROTOCOL_2_12 && !(p[BP_XLOADFLAGS] & XLF_KERNEL_64))
        lx->base.word = 4;
    lx_boot_early(lx, get(p, BP_CODE, 4));
}

/* The boot protocol's header: in the parameters, or, since an EFI stub does not copy it, in the kernel's own image. */
static const uint8_t *protocol_header(const struct linux_guest *lx, const uint8_t *params)
{
    return !has_magic(params) && lx->efi_image ? lx->efi_header : params;
}

/* Reports the parameters. `sure`: they are valid even without the header's magic number, which an EFI stub
 * does not copy. */
static void report_params(struct linux_guest *lx, uint64_t address, bool sure)
{
    uint8_t p[BP_SIZE];
    if (!read_params(lx, address, p))
        return;
    if (has_magic(p))
        look_at_entry(lx, p);
    if (lx->params_reported || !base_wants(&lx->base, EC_KERNEL) || !(sure || has_magic(p)))
        return;
    lx->params_reported = true;
    lx->boot_params = address;
    const uint8_t *header = protocol_header(lx, p);
    GUEST_EMIT(lx, EV_BOOT_PARAMS, NULL, get(header, BP_PROTOCOL, 2), loader_id(p), address,
               get(header, BP_PREF_ADDRESS, 8), get(header, BP_INIT_SIZE, 4));
    command_line(lx, p);
    uint64_t size = get(p, BP_INITRD_SIZE, 4) | get(p, BP_EXT_INITRD_SIZE, 4) << 32;
    if (size)
        GUEST_EMIT(lx, EV_INITRD, NULL, size, get(p, BP_INITRD, 4) | get(p, BP_EXT_INITRD, 4) << 32);
    e820_entries(lx, p + BP_E820, p[BP_E820_COUNT] < E820_MAX ? p[BP_E820_COUNT] : E820_MAX);
    e820_more(lx, get(p, BP_SETUP_DATA, 8));
}

void lx_boot_params(struct linux_guest *lx, uint64_t address)
{
    report_params(lx, address, false);
}

/* rsi points to the boot parameters at the 32-bit and 64-bit entries and at the end of the real-mode setup
 * code; all of these soon load a descriptor table or a control register. */
void lx_boot_entered(struct linux_guest *lx, uint64_t ip)
{
    const struct engine *e = lx->base.o.engine;
    uint8_t magic[4];
    unsigned bits = e->ops->code_bits(e, lx->base.cpu);
    uint64_t params = lx_reg(lx, GUEST_RSI) & (bits == 64 ? UINT64_MAX : UINT32_MAX);
    if (!params || params & 3 || read_physical(lx, params + BP_MAGIC, magic, 4) < 4 ||
        memcmp(magic, "HdrS", 4) || read_physical(lx, params + BP_JUMP, magic, 1) < 1 || magic[0] != 0xeb)
        return;
    if (base_wants(&lx->base, EC_KERNEL))
        GUEST_EMIT(lx, EV_KERNEL_ENTRY,
                   bits == 64   ? "linux 64-bit"
                   : bits == 32 ? "linux 32-bit"
                                : "linux 16-bit",
                   ip);
    lx_boot_params(lx, params);
}

/* Whether p is the beginning of a kernel's real-mode setup code that has an instruction at p + offset. */
static bool is_setup(const uint8_t *p, size_t offset)
{
    enum { SECTS = 0x1f1, SECTS_WITHOUT = 4, SECTOR = 512, SHORT_JUMP = 0xeb };
    const size_t sects = p[SECTS] ? p[SECTS] : SECTS_WITHOUT;
    return has_magic(p) && p[BP_JUMP] == SHORT_JUMP && offset >= BP_JUMP && offset < (sects + 1) * SECTOR;
}

/* A loader enters a kernel in real mode 200h behind the beginning of its setup code, which is at a segment's. The first thing to be
 * seen of that are its calls of the BIOS. */
void lx_setup_calls(struct linux_guest *lx, uint64_t caller)
{
    enum { MOST = 64 * 512 + 512, PARAGRAPH = 16, HEADER = 0x206 };
    uint8_t bytes[MOST + HEADER];
    const uint64_t first = (caller > MOST ? caller - MOST : 0) & ~(uint64_t)(PARAGRAPH - 1);
    if (lx->state != LX_NONE || lx->params_reported || lx->setup_entered || !base_wants(&lx->base, EC_KERNEL))
        return;
    read_physical(lx, first, bytes, sizeof bytes);
    for (uint64_t at = caller & ~(uint64_t)(PARAGRAPH - 1);; at -= PARAGRAPH) {
        lx->setup_entered = is_setup(bytes + (at - first), caller - at);
        if (lx->setup_entered)
            GUEST_EMIT(lx, EV_KERNEL_ENTRY, "linux real-mode", at + BP_JUMP);
        if (lx->setup_entered || at <= first)
            return;
    }
}

/* ---------------------------------------------------------------- the decompressor */

static void kernel_entered(void *ctx, const struct probe_hit *hit)
{
    struct linux_guest *lx = ctx;
    if (!base_here(&lx->base, hit))
        return;
    probe_remove(lx->base.o.probes, lx->early_probe[EARLY_ENTRY]);
    if (base_wants(&lx->base, EC_KERNEL))
        GUEST_EMIT(lx, EV_KERNEL_REACHED, lx->base.word == 8 ? "startup_64" : "startup_32", hit->address);
    probes_apply(lx->base.o.probes);
}

/* What the image's place is a multiple of. */
static uint64_t alignment_of(const uint8_t *params)
{
    uint64_t alignment = params ? get(params, BP_ALIGNMENT, 4) : 0;
    return alignment < 0x1000 || alignment & (alignment - 1) ? 0x200000 : alignment;
}

/* At the jump to the kernel: rax (eax) is its entry, rsi (esi) the boot parameters. */
static void decompressed(void *ctx, const struct probe_hit *hit)
{
    struct linux_guest *lx = ctx;
    uint8_t p[BP_SIZE];
    if (!base_here(&lx->base, hit) || lx->state == LX_FOUND)
        return;
    uint64_t entry = lx_reg(lx, GUEST_RAX), params = lx_reg(lx, GUEST_RSI);
    if (base_wants(&lx->base, EC_KERNEL))
        GUEST_EMIT(lx, EV_DECOMPRESS_END, NULL, entry);
    bool good = read_params(lx, params, p) && has_magic(p);
    if (good) {
        lx->boot_params = params;
        lx_boot_params(lx, params);
    }
    for (unsigned i = EARLY_DECOMPRESS; i <= EARLY_MOVED; i++)
        probe_remove(lx->base.o.probes, lx->early_probe[i]);
    lx->early_probe[EARLY_ENTRY] = probe_add(lx->base.o.probes, PROBE_PHYSICAL, entry, kernel_entered, lx);
    lx_kernel_at(lx, entry, good ? get(p, BP_INIT_SIZE, 4) : 0, alignment_of(good ? p : NULL));
    probes_apply(lx->base.o.probes);
}

static void decompress(void *ctx, const struct probe_hit *hit)
{
    struct linux_guest *lx = ctx;
    uint8_t p[BP_SIZE];
    if (!base_here(&lx->base, hit))
        return;
    uint64_t params = lx_reg(lx, lx->base.word == 8 ? GUEST_RDI : GUEST_RSI);
    if (read_params(lx, params, p) && has_magic(p))
        lx_boot_params(lx, params);
    if (base_wants(&lx->base, EC_KERNEL))
        GUEST_EMIT(lx, EV_DECOMPRESS_BEGIN, NULL, get(p, BP_PAYLOAD_LENGTH, 4), hit->address,
                   get(p, BP_INIT_SIZE, 4));
}

/* call extract_kernel; (pop %rsi | mov %r15,%rsi | nothing); jmp *%rax. Returns the jump's offset
 * from the call, or 0. */
static unsigned decompressor_end(const uint8_t *p)
{
    if (p[0] != 0xe8)
        return 0;
    if (p[5] == 0xff && p[6] == 0xe0)
        return 5;
    if (p[5] == 0x5e && p[6] == 0xff && p[7] == 0xe0)
        return 6;
    return p[5] == 0x4c && p[6] == 0x89 && p[7] == 0xfe && p[8] == 0xff && p[9] == 0xe0 ? 8 : 0;
}

/* The same for a 32-bit kernel: call extract_kernel; [add $n,%esp]; xor %ebx,%ebx; jmp *%eax. */
static unsigned decompressor_end_32(const uint8_t *p)
{
    unsigned n = p[5] == 0x83 && p[6] == 0xc4 ? 8 : 5;
    bool clears = (p[n] == 0x31 || p[n] == 0x33) && p[n + 1] == 0xdb;
    return p[0] == 0xe8 && clears && p[n + 2] == 0xff && p[n + 3] == 0xe0 ? n + 2 : 0;
}

/* lea relocated(%rbx),%rax; jmp *%rax: the jump to the decompressor's copy of itself. Returns the jump's
 * offset, or 0. */
static unsigned decompressor_moves(const uint8_t *p)
{
    return p[0] == 0x48 && p[1] == 0x8d && p[2] == 0x83 && p[7] == 0xff && p[8] == 0xe0 ? 7 : 0;
}

static unsigned decompressor_moves_32(const uint8_t *p)
{
    return p[0] == 0x8d && p[1] == 0x83 && p[6] == 0xff && p[7] == 0xe0 ? 6 : 0;
}

/* The first place in n bytes where `matches` succeeds (there are 16 more bytes of code); false if none. */
static bool look_for(const uint8_t *code, size_t n, unsigned (*matches)(const uint8_t *p), uint64_t *at,
                     unsigned *jump)
{
    for (size_t i = 0; i < n; i++)
        if ((*jump = matches(code + i))) {
            *at += i;
            return true;
        }
    return false;
}

static void probe_decompressor(struct linux_guest *lx, uint64_t at, unsigned jump)
{
    if (at == lx->extract_call)
        return;
    for (unsigned i = EARLY_DECOMPRESS; i <= EARLY_DECOMPRESSED; i++)
        probe_remove(lx->base.o.probes, lx->early_probe[i]);
    lx->extract_call = at;
    lx->state = LX_DECOMPRESSOR;
    lx->early_probe[EARLY_DECOMPRESS] = probe_add(lx->base.o.probes, PROBE_PHYSICAL, at, decompress, lx);
    lx->early_probe[EARLY_DECOMPRESSED] =
        probe_add(lx->base.o.probes, PROBE_PHYSICAL, at + jump, decompressed, lx);
    probes_apply(lx->base.o.probes);
}

/* The call of extract_kernel and the jump to the kernel, in n bytes of code. */
static bool find_end(struct linux_guest *lx, const uint8_t *code, size_t n, uint64_t begin)
{
    unsigned jump;
    bool found =
        look_for(code, n, lx->base.word == 8 ? decompressor_end : decompressor_end_32, &begin, &jump);
    if (found)
        probe_decompressor(lx, begin, jump);
    return found;
}

/* In its copy, the decompressor clears its variables, unpacks the kernel and jumps to it, all in a few lines of assembly. */
static void moved(void *ctx, const struct probe_hit *hit)
{
    enum { NEAR = 1024 };
    struct linux_guest *lx = ctx;
    uint8_t code[NEAR + 16] = {0};
    if (!base_here(&lx->base, hit))
        return;
    uint64_t ip = lx_reg(lx, GUEST_RAX);
    size_t n = read_physical(lx, ip, code, NEAR);
    lx->followed = find_end(lx, code, n, ip);
    if (lx->followed)
        probe_remove(lx->base.o.probes, lx->early_probe[EARLY_MOVED]);
    probes_apply(lx->base.o.probes);
}

/* The decompressor runs with memory mapped one to one. It moves itself before it unpacks the kernel: it is followed
 * from the jump to its copy. If that is not seen, the copy is searched for at each event. */
void lx_boot_early(struct linux_guest *lx, uint64_t ip)
{
    enum { AROUND = 128 << 10, WINDOW = 2 * AROUND };
    uint64_t begin = ip > AROUND ? ip - AROUND : 0, at = begin;
    uint8_t *code = mem_alloc(WINDOW + 16);
    unsigned jump;
    size_t n = read_physical(lx, begin, code, WINDOW);
    memset(code + n, 0, 16);
    lx->tries++;
    if (look_for(code, n, lx->base.word == 8 ? decompressor_moves : decompressor_moves_32, &at, &jump)) {
        probe_remove(lx->base.o.probes, lx->early_probe[EARLY_MOVED]);
        lx->early_probe[EARLY_MOVED] = probe_add(lx->base.o.probes, PROBE_PHYSICAL, at + jump, moved, lx);
        probes_apply(lx->base.o.probes);
    }
    find_end(lx, code, n, begin);
    free(code);
}

/* ---------------------------------------------------------------- milestones and their callees */

struct call_site {
    struct linux_guest *lx;
    unsigned parent;
    uint64_t target;
    const char *reg; /* the register it calls through, if only the call shows what is called */
    char name[128];
};

/* Whether the story is told as at first: helpers had the number of their caller alone, and most of memblock's were reported. */
static bool helpers_are_alike(const struct linux_guest *lx)
{
    return lx->base.o.story < 2;
}

/* Called everywhere as long as there is no other memory. */
static bool is_memblock(const struct linux_guest *lx, const char *name)
{
    static const char before[] = "memblock_alloc", now[] = "memblock_", inner[] = "__memblock_";
    return helpers_are_alike(lx) ? !strncmp(name, before, strlen(before))
                                 : !strncmp(name, now, strlen(now)) || !strncmp(name, inner, strlen(inner));
}

/* Functions that a compiler or a tracer inserts, and those called everywhere, are not reported. */
static bool boring(const struct linux_guest *lx, const char *name)
{
    static const char *const prefixes[] = {
        "__x86_",         "__pi___x86_",     "__SC",          "__fentry__",   "_printk",
        "printk",         "__stack_chk",     "__warn_printk", "0x",           "__sanitizer",
        "__asan",         "__kasan",         "__tsan",        "__ubsan",      "mem_encrypt_",
        "memset",         "memcpy",          "memcmp",        "str",          "snprintf",
        "mcount",         "__preempt_count", "ftrace_likely", "want_init_on", "do_one_initcall",
        "trace_initcall", "__warn"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
            return true;
    return is_memblock(lx, name);
}

/* Whether it is an initialisation function: one of those that the kernel frees after the boot. All are taken for that if it is not known
 * where these are. */
static bool is_init_text(struct linux_guest *lx, uint64_t address)
{
    const uint64_t begin = lx_symbol(lx, "_sinittext"), end = lx_symbol(lx, "_einittext");
    return !begin || !end || (address >= begin && address < end);
}

static unsigned parent_of(struct linux_guest *lx, unsigned parent, uint64_t callee)
{
    return helpers_are_alike(lx) || is_init_text(lx, callee) ? parent : parent + GUEST_CALL_HELPER;
}

static void at_call(void *ctx, const struct probe_hit *hit)
{
    struct hook *h = ctx;
    struct call_site *c = h->ctx;
    if (c->reg) {
        base_reg_by_name(&c->lx->base, c->reg, &c->target);
        base_name(&c->lx->base, c->target, c->name, sizeof c->name);
        if (boring(c->lx, c->name))
            return;
        c->parent = parent_of(c->lx, c->parent & ~(unsigned)GUEST_CALL_HELPER, c->target);
    }
    hook_push(h, lx_reg(c->lx, GUEST_RSP), hit->time);
    GUEST_EMIT(c->lx, EV_KERNEL_CALL, c->name, c->parent, c->target);
}

static void after_call(void *ctx, const struct probe_hit *hit)
{
    struct hook *h = ctx;
    const struct call_site *c = h->ctx;
    struct hook_frame *f = hook_find(h, lx_reg(c->lx, GUEST_RSP));
    if (!f)
        return;
    uint64_t duration = hit->time - f->time;
    hooks_drop(h->set, f);
    GUEST_EMIT(c->lx, EV_KERNEL_RETURN, c->name, c->parent, lx_reg(c->lx, GUEST_RAX), duration);
}

struct callees {
    struct linux_guest *lx;
    unsigned parent;
};

static void callee(void *ctx, const struct code_site *site)
{
    const struct callees *cs = ctx;
    char name[sizeof((struct call_site *)0)->name] = "";
    /* User-mode Linux is built for addresses anywhere: it loads even those of functions that it knows. */
    bool loaded = cs->lx->hosted.is && site->kind == CODE_CALL_REGISTER;
    if (site->kind != CODE_CALL && !loaded)
        return;
    if (!loaded)
        base_name(&cs->lx->base, site->target, name, sizeof name);
    if (boring(cs->lx, name))
        return;
    struct call_site *c = mem_zero(1, sizeof *c);
    *c = (struct call_site){.lx = cs->lx,
                            .parent = loaded ? cs->parent : parent_of(cs->lx, cs->parent, site->target),
                            .target = site->target,
                            .reg = loaded ? site->reg : NULL};
    memcpy(c->name, name, sizeof name);
    struct hook *h = hook_keep(cs->lx->base.hooks, c);
    hooks_probe(h->set, PROBE_LINEAR, site->address, at_call, h);
    hooks_probe(h->set, PROBE_LINEAR, site->address + site->length, after_call, h);
}

static void reached(struct linux_guest *lx, struct hook_frame *f)
{
    uint64_t ip = lx_reg(lx, GUEST_RIP);
    char name[128];
    base_name(&lx->base, ip, name, sizeof name);
    for (unsigned i = 0; i < PARENT_COUNT; i++) /* its address may have other names, too */
        if (lx_symbol(lx, lx_parent_name(i)) == ip)
            snprintf(name, sizeof name, "%s", lx_parent_name(i));
    GUEST_EMIT(lx, EV_KERNEL_REACHED, name, ip);
}

/* The kernel copies the parameters from rdi there, whatever loaded it. */
static void first_c(struct linux_guest *lx, struct hook_frame *f)
{
    uint64_t params = lx_argument(lx, 0);
    report_params(lx, params & 0x7fffffffff, true);
    reached(lx, f);
}

static void milestones(struct linux_guest *lx)
{
    struct symbol sym;
    for (unsigned i = 0; i < (lx->hosted.is ? PARENT_COUNT : PARENT_LINUX_MAIN); i++) {
        struct callees cs = {lx, i};
        if (!lx_hook(lx, lx_parent_name(i),
                     i == PARENT_X86_64_START_KERNEL && lx->base.word == 8 ? first_c : reached, NULL))
            continue;
        if (lx_function(lx, lx_parent_name(i), &sym))
            base_sites(&lx->base, &sym, callee, &cs);
    }
}

/* ---------------------------------------------------------------- memory, consoles, processors, init memory
 */

static void first_load(void *ctx, const struct code_site *site)
{
    uint64_t *address = ctx;
    if (site->kind == CODE_LOAD && !*address)
        *address = site->target;
}

/* The address of _totalram_pages; without data symbols, what si_meminfo reads first. */
static uint64_t find_memory_total(struct linux_guest *lx)
{
    struct symbol sym;
    uint64_t address = lx_symbol(lx, "_totalram_pages");
    if (!address && lx_function(lx, "si_meminfo", &sym))
        base_sites(&lx->base, &sym, first_load, &address);
    return address;
}

static void memory_initialised(struct linux_guest *lx, const struct hook_frame *f)
{
    GUEST_EMIT(lx, EV_KERNEL_MEMORY, NULL, lx->memory_total ? lx_word(lx, lx->memory_total) : 0);
}

static void console_enter(struct linux_guest *lx, struct hook_frame *f)
{
    f->value[0] = lx_argument(lx, 0);
}

/* A console is registered only if it is enabled: the kernel rejects one that was not asked for. */
static void console_leave(struct linux_guest *lx, const struct hook_frame *f)
{
    enum { CON_ENABLED = 4 };
    const struct linux_types *t = &lx->types;
    char name[17], text[40];
    lx_infer_console(lx, f->value[0]);
    uint32_t flags = lx_member32(lx, f->value[0], t->console_flags);
    if (!(flags & CON_ENABLED) || t->console_name < 0)
        return;
    lx_string(lx, f->value[0] + (unsigned)t->console_name, name, sizeof name);
    int16_t index = (int16_t)lx_member32(lx, f->value[0], t->console_index);
    snprintf(text, sizeof text, "%s%d", name, index);
    GUEST_EMIT(lx, EV_KERNEL_CONSOLE, text, flags);
}

static void processor_up(struct linux_guest *lx, struct hook_frame *f)
{
    GUEST_EMIT(lx, EV_CPU_UP, NULL, lx->base.cpu);
}

/* Without data symbols, the range is taken from the arguments of the function that frees memory. One of the
 * two such functions may call the other. */
static void image_freed(struct linux_guest *lx, struct hook_frame *f)
{
    char what[64];
    uint64_t begin = lx_argument(lx, 1), end = lx_argument(lx, 2);
    lx_string(lx, lx_argument(lx, 0), what, sizeof what);
    bool init = strstr(what, "initmem") || strstr(what, "unused kernel memory");
    if (!init || end <= begin || lx->init_freed)
        return;
    lx->init_freed = true;
    GUEST_EMIT(lx, EV_INIT_FREED, NULL, begin, end - begin);
}

static void init_freed(struct linux_guest *lx, struct hook_frame *f)
{
    uint64_t begin = lx_symbol(lx, "__init_begin"), end = lx_symbol(lx, "__init_end");
    GUEST_EMIT(lx, EV_INIT_FREED, NULL, begin, end > begin ? end - begin : 0);
}

/* ---------------------------------------------------------------- the end */

static void shutdown_path(struct linux_guest *lx, struct hook_frame *f)
{
    char name[128];
    base_name(&lx->base, lx_reg(lx, GUEST_RIP), name, sizeof name);
    GUEST_EMIT(lx, EV_KERNEL_SHUTDOWN, name, lx_current_pid(lx));
}

static void leaves(struct linux_guest *lx, struct hook_frame *f)
{
    lx->leaving = true;
}

void lx_boot_setup(struct linux_guest *lx)
{
    static const char *const frees[] = {"free_kernel_image_pages", "free_init_pages"};
    static const char *const shutdowns[] = {
        "kernel_power_off", "kernel_restart",    "kernel_halt",      "machine_power_off", "machine_restart",
        "machine_halt",     "emergency_restart", "orderly_poweroff", "acpi_power_off",    "device_shutdown"};
    lx_hook(lx, "machine_kexec", leaves, NULL);
    if (!base_wants(&lx->base, EC_KERNEL))
        return;
    milestones(lx);
    lx->memory_total = find_memory_total(lx);
    lx_hook(lx, "mm_core_init", NULL, memory_initialised);
    if (lx->types.console_name >= 0 || lx->inferring)
        lx_hook(lx, "register_console", console_enter, console_leave);
    lx_hook(lx, "start_secondary", processor_up, NULL);
    if (lx_symbol(lx, "__init_begin") && lx_symbol(lx, "__init_end"))
        lx_hook(lx, "free_initmem", init_freed, NULL);
    else
        for (size_t i = 0; i < sizeof frees / sizeof frees[0]; i++)
            lx_hook(lx, frees[i], image_freed, NULL);
    for (size_t i = 0; i < sizeof shutdowns / sizeof shutdowns[0]; i++)
        lx_hook(lx, shutdowns[i], shutdown_path, NULL);
}
