/* kld.c - modules (KLDs): files that the kernel's linker holds, whether the loader read them or kldload(2) did. See impl.h.
 *
 * A file is examined when the modules in it are registered: its symbols have their values then, and none of its code
 * has run. struct linker_file is the beginning of what the linker's class of the file's format keeps (struct elf_file),
 * in which the symbol table is found by its form. The values in it are addresses (relocatable objects, amd64), or
 * relative to the file's address (shared objects, i386).
 */
#include <stdlib.h>

#include "base/memory.h"
#include "base/path.h"
#include "core/systems/freebsd/private/impl.h"

enum { OBJECT_WORDS = 192, KLDS_MAX = 4096, SIZE_MAX_KLD = 256 << 20, SECTIONS_MAX = 256 };

/* What the linker keeps of a file, as far as it can be read. */
struct file {
    uint64_t object, base, size;
    uint64_t w[OBJECT_WORDS];
    unsigned n;
};

/* Whether it has a name that is the last part of the path behind it: a compiler may pass the arguments of a static
 * function as it likes. */
static bool has_name(const struct fb_guest *fb, uint64_t object)
{
    enum { PATH = 1024 };
    char name[PATH], path[PATH];
    int at = fb->layout.kld_filename;
    if (at < 0 || !fb_string(fb, fb_member(fb, object, at), name, sizeof name) ||
        !fb_string(fb, fb_member(fb, object, at + (int)fb->base.word), path, sizeof path))
        return false;
    return !strcmp(path_name(path), name);
}

static bool read_file(struct fb_guest *fb, uint64_t object, struct file *f)
{
    const struct fb_layout *l = &fb->layout;
    fb_layout_kld(fb, object);
    if (!has_name(fb, object))
        return false;
    *f = (struct file){.object = object,
                       .base = fb_member(fb, object, l->kld_address),
                       .size = fb_member(fb, object + fb->base.word, l->kld_address)};
    while (f->n < OBJECT_WORDS && fb_read(fb, object + f->n * fb->base.word, &f->w[f->n], fb->base.word))
        f->n++;
    return f->base && f->size && f->size < SIZE_MAX_KLD;
}

/* ---------------------------------------------------------------- symbols */

/* A pointer to symbols, the first of which is empty, their number, a pointer to strings, their size. */
static bool is_table(const struct fb_guest *fb, const uint64_t *w, struct fb_symbols *s)
{
    static const uint8_t empty[16];
    uint8_t first[16], edge[2];
    if (!fb_is_kernel(fb, w[0]) || !fb_is_kernel(fb, w[2]) || w[1] < 2 || w[3] < 2 || w[0] % 4 ||
        fb_is_kernel(fb, w[1]) || fb_is_kernel(fb, w[3]) || !fb_read(fb, w[0], first, sizeof first) ||
        memcmp(first, empty, sizeof first) || !fb_read(fb, w[2], edge, 1) ||
        !fb_read(fb, w[2] + w[3] - 1, edge + 1, 1) || edge[0] || edge[1])
        return false;
    return fb_symbols_read(fb, w[0], w[1], w[2], w[3], s);
}

/* The range of addresses in which most of the symbols are. */
static struct fb_range range_of(const struct fb_guest *fb, const struct file *f, const struct fb_symbols *s)
{
    struct fb_range absolute = {f->base, f->base + f->size, 0}, relative = absolute;
    relative.bias = f->base;
    return fb_symbols_in(fb, s, &absolute) >= fb_symbols_in(fb, s, &relative) ? absolute : relative;
}

static void add_symbols(struct fb_guest *fb, const struct file *f, struct fb_kld *k)
{
    struct fb_symbols s = {0};
    for (unsigned i = 0; i + 4 <= f->n; i++) {
        if (!is_table(fb, f->w + i, &s))
            continue;
        struct fb_range in = range_of(fb, f, &s);
        if (fb_symbols_in(fb, &s, &in)) {
            struct symbol_table *t = symbol_table_begin(fb->base.o.symbols, k->name, "module");
            fb_symbols_add(fb, t, &s, &in);
            fb_add_frames(fb, t, in.base, in.end);
            k->table = symbol_table_end(t);
        }
        fb_symbols_drop(&s);
        if (k->table)
            break;
    }
    if (!k->table)
        return;
    const struct symbol_mapping m = {
        .table = k->table, .space = fb->base.space, .since = fb->base.icount, .time = fb->base.time};
    symbols_map(fb->base.o.symbols, &m);
}

/* ---------------------------------------------------------------- sections */

/* The sections of a relocatable object: address, size, numbers, name. */
static bool section_at(const struct fb_guest *fb, uint64_t at, uint64_t *address, char name[64])
{
    *address = fb_word(fb, at);
    return fb_is_kernel(fb, *address) && fb_word(fb, at + 8) < SIZE_MAX_KLD &&
           fb_string(fb, fb_word(fb, at + 24), name, 64) && (name[0] == '.' || !strncmp(name, "set_", 4));
}

/* Whether these two words are a pointer to such sections, and their number. */
static bool are_sections(const struct fb_guest *fb, const uint64_t *w)
{
    uint64_t address;
    char name[64];
    uint32_t n = (uint32_t)w[1];
    if (fb->base.word != 8 || !fb_is_kernel(fb, w[0]) || !n || n > SECTIONS_MAX)
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (!section_at(fb, w[0] + 32 * (uint64_t)i, &address, name))
            return false;
    return true;
}

static const uint64_t *find_sections(const struct fb_guest *fb, const struct file *f)
{
    for (unsigned i = 0; i + 2 <= f->n; i++)
        if (are_sections(fb, f->w + i))
            return f->w + i;
    return NULL;
}

static void report_sections(struct fb_guest *fb, const struct fb_kld *k, const uint64_t *w)
{
    char name[64], text[sizeof k->name + sizeof name + 2];
    uint64_t address;
    for (uint32_t i = 0; i < (uint32_t)w[1]; i++) {
        section_at(fb, w[0] + 32 * (uint64_t)i, &address, name);
        snprintf(text, sizeof text, "%s %s", k->name, name);
        GUEST_EMIT(fb, EV_MODULE_SECTION, text, address);
    }
}

/* ---------------------------------------------------------------- loading, unloading */

static struct fb_kld *find_kld(struct fb_guest *fb, uint64_t object)
{
    for (size_t i = 0; i < fb->nklds; i++)
        if (fb->klds[i].object == object)
            return &fb->klds[i];
    return NULL;
}

static void report(struct fb_guest *fb, const struct file *f, const struct fb_kld *k)
{
    const uint64_t *sections = find_sections(fb, f);
    if (!base_wants(&fb->base, EC_KERNEL))
        return;
    GUEST_EMIT(fb, EV_MODULE_LOAD, k->name, f->base, f->size, sections ? (uint32_t)sections[1] : 0,
               k->table ? symbol_table_count(k->table) : 0, fb_current_pid(fb));
    if (sections)
        report_sections(fb, k, sections);
    if (!k->table) {
        base_note(&fb->base, "no symbols were found of the module %s", k->name);
        fb_say_notes(fb);
    }
}

/* The kernel itself is such a file as well. False if this is no file. */
static bool take_file(struct fb_guest *fb, uint64_t object)
{
    const struct fb_layout *l = &fb->layout;
    uint64_t kernel = fb_symbol(fb, "linker_kernel_file");
    struct file f;
    if (!object || find_kld(fb, object) || fb->nklds >= KLDS_MAX || (kernel && fb_word(fb, kernel) == object))
        return true;
    if (!read_file(fb, object, &f))
        return false;
    if (f.base >= fb->image.base && f.base < fb->image.end)
        return true;
    MEM_MORE(fb->klds, fb->nklds);
    struct fb_kld *k = &fb->klds[fb->nklds++];
    *k = (struct fb_kld){.object = object, .base = f.base};
    fb_string(fb, fb_member(fb, object, l->kld_filename), k->name, sizeof k->name);
    add_symbols(fb, &f, k);
    report(fb, &f, k);
    if (k->table)
        fb->base.o.symbols_changed(fb->base.o.ctx);
    probes_apply(fb->base.o.probes);
    return true;
}

/* linker_file_register_modules(file): not every file has modules. */
static void file_registered(struct fb_guest *fb, struct hook_frame *f)
{
    take_file(fb, base_argument(&fb->base, 0));
}

/* module_register(data, file) */
static void module_registered(struct fb_guest *fb, struct hook_frame *f)
{
    if (!take_file(fb, base_argument(&fb->base, 1)))
        base_note_once(&fb->base, FB_NOTE_MODULE, "a module is loaded, but its name and place are not found");
}

/* kobj_delete(object, type): the last step when a file is unloaded, and of many objects that are no files. */
static void deleted(struct fb_guest *fb, struct hook_frame *f)
{
    struct fb_kld *k = find_kld(fb, base_argument(&fb->base, 0));
    if (!k)
        return;
    if (base_wants(&fb->base, EC_KERNEL))
        GUEST_EMIT(fb, EV_MODULE_UNLOAD, k->name, k->base);
    if (k->table)
        symbols_unmap(fb->base.o.symbols, k->table, fb->base.space, fb->base.icount, fb->base.time);
    *k = fb->klds[--fb->nklds];
}

/* Even if kernel events are not wanted, the symbols are. */
void fb_kld_setup(struct fb_guest *fb)
{
    fb_hook(fb, "linker_file_register_modules", file_registered, NULL); /* static: not in dynamic symbols */
    fb_hook_needed(fb, "module_register", module_registered, NULL);
    fb_hook_needed(fb, "kobj_delete", deleted, NULL);
}
