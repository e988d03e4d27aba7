/* image.c - the kernel's image: where it begins, where it will run, its symbols. See impl.h. */
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/linux/private/impl.h"
#include "core/systems/linux/private/place.h"

enum { IMAGE_DEFAULT = 96 << 20, IMAGE_MAX = 512 << 20 };

/* ---------------------------------------------------------------- symbols in it */

enum { NOWHERE = -1 };

struct well_known {
    unsigned word;
    uint64_t text, stext, start_kernel, entry; /* NOWHERE: there is no such symbol */
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
    else if (!strcmp(name, w->word == 8 ? "startup_64" : "startup_32"))
        w->entry = address;
}

/* Where the kernel's symbols are from: its own kallsyms, or a file that the user gave. */
struct source {
    struct kallsyms *k;
    const struct symbol_table *given;
    uint64_t bias; /* of what was given: what is added to link addresses */
};

typedef void each_symbol(void *ctx, const char *name, char type, uint64_t address, bool absolute);

static void source_each(const struct source *src, each_symbol *fn, void *ctx)
{
    /* Up to 6.14 per-cpu variables are linked from 0 on. */
    const uint64_t lowest = 0x40000000;
    struct symbol sym;
    if (src->k) {
        kallsyms_each(src->k, fn, ctx);
        return;
    }
    for (size_t i = 0; i < symbol_table_count(src->given); i++) {
        symbol_table_symbol(src->given, i, &sym);
        bool absolute = sym.flags & SYMBOL_ABSOLUTE || sym.address < lowest;
        fn(ctx, sym.name, sym.type, sym.address + (absolute ? 0 : src->bias), absolute);
    }
}

static size_t source_count(const struct source *src)
{
    return src->k ? src->k->count : symbol_table_count(src->given);
}

static struct well_known well_known_of(const struct linux_guest *lx, const struct source *src)
{
    const uint64_t none = (uint64_t)NOWHERE;
    struct well_known w = {lx->base.word, none, none, none, none};
    source_each(src, look_at_symbol, &w);
    w.text = w.text != none ? w.text : w.stext;
    return w;
}

struct functions {
    uint64_t text, extent, *list; /* extent: bytes from _text to the highest symbol */
    size_t n;
};

static void add_function(void *ctx, const char *name, char type, uint64_t address, bool absolute)
{
    struct functions *f = ctx;
    if (!absolute && address >= f->text && address - f->text > f->extent)
        f->extent = address - f->text;
    if ((type == 't' || type == 'T') && !absolute && address >= f->text)
        f->list[f->n++] = address - f->text;
}

/* Where _text is in the image, if that is known before the place; otherwise 0. */
static size_t text_in(const struct lx_image *im, const struct source *src, const struct well_known *w)
{
    const uint64_t none = (uint64_t)NOWHERE;
    uint64_t at = 0;
    if (src->k)
        at = w->text;
    else if (im->entry && w->entry != none)
        at = im->entry - (w->entry - w->text) - im->physical;
    return at < im->size ? at : 0;
}

/* Finds out where the image will run, if the symbols do not tell it. False if they do not fit the image. */
static bool place(const struct linux_guest *lx, const struct lx_image *im, struct source *src)
{
    struct well_known w = well_known_of(lx, src);
    struct functions f = {w.text, 0, mem_alloc(source_count(src) * sizeof(uint64_t)), 0};
    uint64_t text;
    source_each(src, add_function, &f);
    size_t at = text_in(im, src, &w);
    bool found = place_find(im->bytes + at, im->size - at, lx->base.word, f.list, f.n, &text);
    if (!found &&
        at) /* behind the image may be the rest of what it was unpacked to, which is not relocated */
        found = place_find(im->bytes + at, f.extent < im->size - at ? f.extent : im->size - at, lx->base.word,
                           f.list, f.n, &text);
    if (found && src->k)
        src->k->begin = text - w.text;
    else if (found)
        src->bias = text - w.text;
    free(f.list);
    return found;
}

/* ---------------------------------------------------------------- where it is */

/* Where the kernel maps physical address 0. A 32-bit kernel runs where it was loaded, plus this distance; if
 * the place is not known, the default of three quarters of the address space is used. */
static uint64_t kernel_map(const struct linux_guest *lx)
{
    if (lx->base.word == 8)
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

/* Whether that is a file's table of a kernel's symbols, which the user gave. It is mapped at its link addresses, or where a kernel of these
 * symbols was found to run; that may have ended (kexec). */
static bool is_given(const struct symbol_mapping *m, struct symbol *text)
{
    const char *from = symbol_table_source(m->table);
    return m->space >= 0 && !symbol_space_id(m->space) && (!strcmp(from, "elf") || !strcmp(from, "map")) &&
           symbol_table_find(m->table, "_text", text);
}

/* How many of a sample of the kernel's functions are as far from _text as the file says. */
struct fit {
    const struct symbol_table *given;
    uint64_t text, given_text;
    size_t n, seen, same;
};

static void compare_symbol(void *ctx, const char *name, char type, uint64_t address, bool absolute)
{
    enum { SAMPLE = 16 };
    struct fit *f = ctx;
    struct symbol sym;
    if (type != 'T' || absolute || f->n++ % SAMPLE || !symbol_table_find(f->given, name, &sym))
        return;
    f->seen++;
    f->same += address - f->text == sym.address - f->given_text;
}

/* Of another build most are elsewhere. A name may stand for several functions, so not all need be the same. */
static bool fits(const struct linux_guest *lx, const struct source *src, const struct symbol_table *given,
                 uint64_t given_text)
{
    struct fit f = {.given = given, .text = lx->text, .given_text = given_text};
    source_each(src, compare_symbol, &f);
    return f.same * 10 >= f.seen * 9;
}

static bool is_mapped(const struct symbols *s, const struct symbol_mapping *like)
{
    for (size_t i = 0; i < symbols_mappings(s); i++) {
        const struct symbol_mapping *m = symbols_mapping(s, i);
        if (!m->until && m->table == like->table && m->space == like->space && m->bias == like->bias)
            return true;
    }
    return false;
}

/* Symbols of this kernel that were given as a file: moves them to where it runs. A kernel that follows another (kexec), or runs beside it,
 * has them too, if it is of the same build. */
static void move_given(struct linux_guest *lx, const struct source *src)
{
    struct symbols *s = lx->base.o.symbols;
    struct symbol sym;
    const char *other = NULL;
    bool fitting = false;
    for (size_t i = 0, n = symbols_mappings(s); i < n; i++) {
        struct symbol_mapping m = *symbols_mapping(s, i);
        if (!is_given(&m, &sym))
            continue;
        if (!fits(lx, src, m.table, sym.address)) {
            other = symbol_table_name(m.table);
            continue;
        }
        fitting = true;
        const symbol_space was = m.space;
        m.space = lx->base.space;
        m.bias = lx->text - sym.address;
        m.since = lx->base.icount;
        m.until = 0;
        m.time = lx->base.time;
        if (is_mapped(s, &m))
            continue;
        if (was == lx->base.space)
            symbols_unmap(s, m.table, was, lx->base.icount, lx->base.time);
        symbols_map(s, &m);
    }
    if (other && !fitting)
        base_note(&lx->base,
                  "the symbols of %.100s (--symbols) are those of another kernel: they are not used", other);
}

/* Where the image is in the kernel's physical memory. Inside another guest page tables may hold that guest's addresses,
 * so there the kernel's own distance is taken. */
static void find_physical(struct linux_guest *lx)
{
    uint64_t base = lx_symbol(lx, "phys_base");
    if (!guest_shares(&lx->base.guest))
        lx_physical(lx, lx->text, &lx->text_physical);
    else if (lx->base.word == 8 && base)
        lx->text_physical = lx->text - KERNEL_MAP_BASE + lx_u64(lx, base);
}

/* ---------------------------------------------------------------- its version */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* The banner in the image, or NULL. Formats that begin in the same way have no number after it,
 * and a copy that the linker replaces has none after "#". */
static const uint8_t *banner_in(const struct lx_image *im)
{
    static const char begins[] = "Linux version ";
    enum { LENGTH = sizeof begins - 1 };
    const uint8_t *p = im->bytes, *end = p + im->size;
    for (; (p = memmem(p, (size_t)(end - p), begins, LENGTH)); p++) {
        const uint8_t *line = memchr(p, '\n', (size_t)(end - p));
        const uint8_t *build = line ? memchr(p, '#', (size_t)(line - p)) : NULL;
        if (build && is_digit(p[LENGTH]) && is_digit(build[1]))
            return p;
    }
    return NULL;
}

static void read_banner(struct linux_guest *lx, const struct lx_image *im)
{
    uint64_t at = lx->state == LX_FOUND ? lx_symbol(lx, "linux_banner") : 0;
    const uint8_t *p = at ? NULL : banner_in(im);
    if (at)
        lx_string(lx, at, lx->version, sizeof lx->version);
    else if (p)
        snprintf(lx->version, sizeof lx->version, "%.*s", (int)strcspn((const char *)p, "\n"),
                 (const char *)p);
    lx->version[strcspn(lx->version, "\n")] = 0;
}

/* ---------------------------------------------------------------- the kernel is found */

static void set_up(struct linux_guest *lx)
{
    lx_boot_setup(lx);
    lx_initcall_setup(lx);
    lx_task_setup(lx);
    lx_module_setup(lx);
    lx_loading_setup(lx);
    lx_device_setup(lx);
    lx_syscall_setup(lx);
    lx_file_setup(lx);
    lx_log_setup(lx);
    lx_hosted_setup(lx);
    base_note_missing(&lx->base, "kernel");
    base_say_notes(&lx->base);
    lx->base.o.symbols_changed(lx->base.o.ctx);
    probes_apply(lx->base.o.probes);
}

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

/* The kernel's symbols become a table of their own, which comes before what was given. */
static void map_symbols(struct linux_guest *lx, const struct source *src)
{
    struct adding a = {symbol_table_begin(lx->base.o.symbols, "kernel",
                                          src->k ? "kallsyms" : symbol_table_source(src->given)),
                       lx->bias};
    source_each(src, add_symbol, &a);
    const struct symbol_mapping m = {.table = symbol_table_end(a.t),
                                     .space = lx->base.space,
                                     .bias = lx->bias,
                                     .since = lx->base.icount,
                                     .time = lx->base.time};
    symbols_map(lx->base.o.symbols, &m);
}

/* The kernel's symbols are known: from here on it is followed. */
static void found(struct linux_guest *lx, const struct lx_image *im, const struct source *src)
{
    lx->image_size = im->size;
    lx->bias = lx->hosted.is ? 0 : !src->k ? src->bias : lx->text - link_address(lx);
    lx->base.space = symbol_space_of(lx->base.o.found(lx->base.o.ctx), 0);
    lx->base.hooks = base_hooks_new(&lx->base);
    lx->state = LX_FOUND;
    move_given(lx, src);
    map_symbols(lx, src);
    lx->image = *im;
    lx_types_load(lx, im->bytes, im->size, im->base);
    if (lx->hosted.is)
        lx->text_physical = lx->text - lx->hosted.begin;
    else if (!lx->has_physical)
        find_physical(lx);
    read_banner(lx, im);
    if (!lx->version[0])
        snprintf(lx->version, sizeof lx->version, "Linux of unknown version");
    GUEST_EMIT(lx, EV_KERNEL_FOUND, lx->version, lx->text, lx->bias, lx->text_physical, source_count(src),
               lx->types.count);
    set_up(lx);
    lx->image = (struct lx_image){0};
}

/* Whether the image with these symbols is the one that is entered at im->entry. *text: where it begins in physical memory. Symbols that
 * are relative to their own place tell it for sure, others from the distance to the symbol of the entry. */
static bool is_entered(const struct lx_image *im, const struct source *src, const struct well_known *w,
                       uint64_t *text)
{
    bool knows = w->entry != (uint64_t)NOWHERE;
    *text = knows ? im->entry - (w->entry - w->text) : im->physical;
    if (src->k && src->k->how == KALLSYMS_SELF)
        *text = im->physical + (w->text - src->k->begin);
    return *text >= im->physical && *text - im->physical < im->size &&
           (!knows || *text + (w->entry - w->text) == im->entry);
}

/* Whether these are the image's symbols. They are told about then. */
static int take(struct linux_guest *lx, struct lx_image *im, struct source *src, struct error *err)
{
    bool floats = !src->k || (src->k->how == KALLSYMS_SELF && !src->k->begin);
    if (floats && !place(lx, im, src))
        return error_set(err, "%s: no place where its pointers are to functions of these symbols",
                         src->k ? "kallsyms" : symbol_table_name(src->given));
    const struct well_known w = well_known_of(lx, src);
    if (w.start_kernel == (uint64_t)NOWHERE || w.text == (uint64_t)NOWHERE)
        return error_set(err, "a table like kallsyms has %zu names, but no start_kernel and _text among them",
                         source_count(src));
    uint64_t physical = 0;
    if (im->entry && !is_entered(im, src, &w, &physical))
        return error_set(err, "the symbols are those of another kernel");
    if (!im->entry && w.text - im->base >= im->size)
        return error_set(err, "the symbols are those of another kernel");
    lx->text = w.text;
    if (im->entry) {
        lx->text_physical = physical;
        lx->has_physical = true;
        im->base = w.text - (physical - im->physical);
    }
    found(lx, im, src);
    return 0;
}

static bool take_kallsyms(struct linux_guest *lx, struct lx_image *im, struct error *why)
{
    struct kallsyms k = {.image = im->bytes,
                         .size = im->size,
                         .word = lx->base.word,
                         .lowest = lx->hosted.begin,
                         .begin = im->base};
    struct source src = {.k = &k};
    struct error err, other = {""};
    for (int rc = kallsyms_find(&k, &err); !rc; k.begin = im->base, rc = kallsyms_next(&k, &err))
        if (!take(lx, im, &src, &other))
            return true;
    *why = other.text[0] ? other : err;
    return false;
}

/* A kernel without kallsyms: symbols that the user gave, if they fit. */
static bool take_given(struct linux_guest *lx, struct lx_image *im, struct error *why)
{
    struct symbol sym;
    for (size_t i = 0, n = symbols_mappings(lx->base.o.symbols); i < n; i++) {
        const struct symbol_mapping m = *symbols_mapping(lx->base.o.symbols, i);
        struct source src = {.given = m.table};
        if (is_given(&m, &sym) && !take(lx, im, &src, why))
            return true;
    }
    return false;
}

/* Whether that is the header of a multiboot kernel: magic number, flags (architecture and length) and a checksum, whose sum is 0.
 * Multiboot Specification 0.6.96, 3.1; 2.0, 3.1. */
static bool is_multiboot_header(const uint8_t *p, size_t n)
{
    enum { MAGIC_1 = 0x1badb002 };
    const uint32_t magic_2 = 0xe85250d6;
    uint32_t word[4] = {0};
    memcpy(word, p, n < sizeof word ? n : sizeof word);
    return (word[0] == MAGIC_1 && !(word[0] + word[1] + word[2])) ||
           (word[0] == magic_2 && !(word[0] + word[1] + word[2] + word[3]));
}

/* Linux has no such header. A kernel that has one may contain Linux's banner all the same, with drivers of Linux's, as GNU Mach. */
static bool is_multiboot(const struct lx_image *im)
{
    for (size_t at = 0; at + 12 <= im->size; at += 4)
        if (is_multiboot_header(im->bytes + at, im->size - at))
            return true;
    return false;
}

bool lx_take_image(struct linux_guest *lx, struct lx_image *im)
{
    struct error why;
    lx->base.notes[0] = 0;
    if (take_kallsyms(lx, im, &why) || take_given(lx, im, &why))
        return true;
    if (!lx->params_reported && is_multiboot(im)) {
        base_note(
            &lx->base,
            "a multiboot kernel was entered that is not known: no kernel, process or system call events");
        return false;
    }
    read_banner(lx, im);
    base_note(&lx->base,
              "a kernel was entered, but its symbols are not found (%s): no kernel, process or system call "
              "events; with its vmlinux or System.map (--symbols) there would be%s%s",
              why.text, lx->version[0] ? ". It is " : "", lx->version);
    return false;
}

/* ---------------------------------------------------------------- found earlier */

static const void *view_physical(const struct linux_guest *lx, uint64_t physical, size_t *size, void **copy)
{
    if (!lx->hosted.is)
        return guest_view_physical(&lx->base.guest, lx->base.o.engine, physical, size, copy);
    *copy = mem_alloc(*size);
    *size = lx_hosted_physical(lx, physical, *copy, *size);
    return *copy;
}

/* The image is the part of memory that the symbols tell. */
static void take_up(struct linux_guest *lx)
{
    void *copy;
    lx->image = (struct lx_image){.size = lx->image_size, .base = lx->text};
    lx->image.bytes = view_physical(lx, lx->text_physical, &lx->image.size, &copy);
    lx_types_load(lx, lx->image.bytes, lx->image.size, lx->text);
    lx->image = (struct lx_image){0};
    free(copy);
    lx_task_find_current(lx);
}

bool lx_resume(struct linux_guest *lx, const struct event *found)
{
    lx->base.cpu = found->cpu;
    lx->base.space = symbol_space_of(found->guest, 0);
    lx->text = EVF(found, KERNEL_FOUND, text);
    lx->bias = EVF(found, KERNEL_FOUND, offset);
    lx->text_physical = EVF(found, KERNEL_FOUND, physical);
    lx->has_physical = lx->text_physical;
    uint64_t end;
    if (!lx_hosted_resume(lx, &end)) {
        lx->base.word = lx->text >> 32 ? 8 : 4;
        end = lx_symbol(lx, "_end");
    }
    if (!lx->has_physical || end <= lx->text || end - lx->text > IMAGE_MAX)
        return false;
    lx->image_size = end - lx->text;
    lx->base.hooks = base_hooks_new(&lx->base);
    lx->state = LX_FOUND;
    lx->resumed = true;
    take_up(lx);
    return lx->types.count || !EVF(found, KERNEL_FOUND, types);
}

/* ---------------------------------------------------------------- before it runs */

static bool take_physical(struct linux_guest *lx, uint64_t begin, uint64_t end, uint64_t entry)
{
    void *copy;
    struct lx_image im = {.size = end - begin, .physical = begin, .entry = entry};
    im.bytes = view_physical(lx, begin, &im.size, &copy);
    bool good = begin + im.size > entry && lx_take_image(lx, &im);
    free(copy);
    return good;
}

/* Up to 6.18 the image begins where it is entered, at a multiple of its alignment. Since then the entry is somewhere in it. */
void lx_kernel_at(struct linux_guest *lx, uint64_t entry, uint64_t size, uint64_t alignment)
{
    enum { LOWEST = 1 << 20 };
    uint64_t most = size && size < IMAGE_MAX ? size : IMAGE_DEFAULT, begin = entry & ~(alignment - 1);
    uint64_t before = begin > most + LOWEST ? begin - most : LOWEST;
    if (!take_physical(lx, begin, begin + most, entry) && before < begin)
        take_physical(lx, before, begin + most, entry);
}
