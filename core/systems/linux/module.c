/* module.c - modules: where each is loaded, its sections, its symbols. See impl.h.
 *
 * A module is examined in do_init_module: everything is in place, and none of its code has run. A module's
 * symbol table (struct mod_kallsyms) is then the whole one, init functions included.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/linux/private/impl.h"

enum {
    CORE_USES = 4 /* text, data, read-only, read-only after init */,
    MODULE_NAME = 56,
    SECTIONS_MAX = 1024,
    SYMBOLS_MAX = 1 << 20,
    STRINGS_MAX = 16 << 20,
    ELF64_SYM = 24,
    ELF32_SYM = 16,
    SECTION_NAME = 128
};

/* ---------------------------------------------------------------- where it is */

struct module_place {
    uint64_t base, size;
};

/* One block of memory (up to 6.3), or one for each use: then the text is the first, and the
 * sizes are added. */
static struct module_place place_of(const struct linux_guest *lx, uint64_t mod)
{
    const struct linux_types *t = &lx->types;
    struct module_place p = {lx_member(lx, mod, t->module_core_base),
                             lx_member32(lx, mod, t->module_core_size)};
    if (t->module_core_base >= 0 || t->module_mem < 0 || t->mem_stride <= 0)
        return p;
    for (int i = 0; i < t->mem_count && i < CORE_USES; i++) { /* the rest are the init parts,
                                                               * which are freed */
        uint64_t m = mod + (unsigned)t->module_mem + (unsigned)(i * t->mem_stride);
        if (!i)
            p.base = lx_member(lx, m, t->mem_base);
        p.size += lx_member32(lx, m, t->mem_size);
    }
    return p;
}

/* Whether a symbol of the module is in its memory; *room: how far that goes on (0: not known). Others are of memory that the kernel has
 * for all modules together (since 6.16 allocation tags), or plain numbers. */
static bool is_inside(const struct linux_guest *lx, uint64_t mod, uint64_t address, uint64_t *room)
{
    const struct linux_types *t = &lx->types;
    *room = 0;
    if (t->module_core_base >= 0 || t->module_mem < 0 || t->mem_stride <= 0)
        return true;
    for (int i = 0; i < t->mem_count; i++) {
        uint64_t m = mod + (unsigned)t->module_mem + (unsigned)(i * t->mem_stride);
        uint64_t at = address - lx_member(lx, m, t->mem_base), size = lx_member32(lx, m, t->mem_size);
        if (at < size) {
            *room = size - at;
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- sections */

/* Called with a section's name and address. */
typedef void section_fn(void *ctx, const char *section, uint64_t address);

static void take_section(struct linux_guest *lx, uint64_t name, uint64_t address, section_fn *fn, void *ctx)
{
    char section[SECTION_NAME];
    if (fn && lx_string(lx, name, section, sizeof section))
        fn(ctx, section, address);
}

struct emitting {
    struct linux_guest *lx;
    const char *module;
};

static void emit_section(void *ctx, const char *section, uint64_t address)
{
    const struct emitting *e = ctx;
    struct linux_guest *lx = e->lx;
    char text[MODULE_NAME + SECTION_NAME + 2];
    snprintf(text, sizeof text, "%s %s", e->module, section);
    GUEST_EMIT(lx, EV_MODULE_SECTION, text, address);
}

/* Since 6.14: a group's list of pointers to attributes, ended by NULL. */
static unsigned grouped_sections(struct linux_guest *lx, uint64_t attrs, section_fn *fn, void *ctx)
{
    const struct linux_types *t = &lx->types;
    uint64_t list = lx_member(lx, attrs, t->sects_group_bin);
    unsigned n = 0;
    for (uint64_t bin; list && n < SECTIONS_MAX && (bin = lx_word(lx, list + lx->base.word * (uint64_t)n));
         n++)
        take_section(lx, lx_member(lx, bin, t->bin_name), lx_member(lx, bin, t->bin_private), fn, ctx);
    return n;
}

/* Returns how many there are; calls fn (or NULL) with each. */
static unsigned sections(struct linux_guest *lx, uint64_t mod, section_fn *fn, void *ctx)
{
    const struct linux_types *t = &lx->types;
    uint64_t attrs = lx_member(lx, mod, t->module_sect_attrs);
    if (!attrs)
        return 0;
    if (t->sects_count < 0 || t->sect_address < 0)
        return t->sects_group_bin < 0 ? 0 : grouped_sections(lx, attrs, fn, ctx);
    uint32_t n = lx_member32(lx, attrs, t->sects_count);
    n = n < SECTIONS_MAX ? n : SECTIONS_MAX;
    for (uint32_t i = 0; fn && i < n; i++) {
        uint64_t s = attrs + (unsigned)t->sects_attrs + (uint64_t)i * (unsigned)t->sect_stride;
        take_section(lx, lx_member(lx, s, t->sect_name), lx_member(lx, s, t->sect_address), fn, ctx);
    }
    return n;
}

/* ---------------------------------------------------------------- symbols */

static char letter(unsigned info)
{
    enum { STT_OBJECT = 1, STT_FUNC = 2 };
    char c = (info & 15) == STT_FUNC ? 't' : (info & 15) == STT_OBJECT ? 'd' : '?';
    return c == '?' || !(info >> 4) ? c : (char)(c - 32);
}

static void add_symbol(struct linux_guest *lx, struct symbol_table *t, uint64_t mod, const uint8_t *sym,
                       uint64_t strtab)
{
    uint32_t name;
    uint16_t section;
    uint64_t value = 0, size = 0, room;
    char text[256];
    memcpy(&name, sym, 4);
    bool wide = lx->base.word == 8;
    uint8_t info = sym[wide ? 4 : 12];
    memcpy(&section, sym + (wide ? 6 : 14), 2);
    memcpy(&value, sym + (wide ? 8 : 4), lx->base.word);
    memcpy(&size, sym + (wide ? 16 : 8), lx->base.word);
    if (!section || !value || !name || !is_inside(lx, mod, value, &room))
        return;
    lx_string(lx, strtab + name, text, sizeof text);
    if (text[0] && (info & 15) <= 2) /* no sections, no files */
        symbol_table_add(t, text, value, size ? size : room, letter(info), size ? SYMBOL_SIZED : 0);
}

/* The values are already addresses (see the kernel's simplify_symbols). Returns how many. */
static size_t symbols_of(struct linux_guest *lx, const char *module, uint64_t mod,
                         const struct symbol_table **own)
{
    const struct linux_types *t = &lx->types;
    uint64_t k = lx_member(lx, mod, t->module_kallsyms), symtab = lx_member(lx, k, t->ksyms_symtab);
    uint64_t strtab = lx_member(lx, k, t->ksyms_strtab);
    uint32_t n = lx_member32(lx, k, t->ksyms_num);
    if (!symtab || !strtab || n > SYMBOLS_MAX)
        return 0;
    struct symbol_table *table = symbol_table_begin(lx->base.o.symbols, module, "module");
    size_t one = lx->base.word == 8 ? ELF64_SYM : ELF32_SYM;
    uint8_t *syms = mem_alloc(n * one + 1);
    lx_read(lx, symtab, syms, n * one);
    for (uint32_t i = 1; i < n; i++)
        add_symbol(lx, table, mod, syms + i * one, strtab);
    free(syms);
    table = symbol_table_end(table);
    const struct symbol_mapping m = {
        .table = table, .space = lx->base.space, .since = lx->base.icount, .time = lx->base.time};
    symbols_map(lx->base.o.symbols, &m);
    *own = table;
    return symbol_table_count(table);
}

/* ---------------------------------------------------------------- a file that was given for it */

struct looking {
    struct linux_guest *lx;
    uint64_t mod;
    const char *section;
    uint64_t address;
    bool found;
};

static void see_section(void *ctx, const char *section, uint64_t address)
{
    struct looking *l = ctx;
    if (l->found || strcmp(section, l->section) != 0)
        return;
    l->found = true;
    l->address = address;
}

static bool section_address(void *ctx, const char *section, uint64_t *address)
{
    struct looking *l = ctx;
    l->section = section;
    l->found = false;
    sections(l->lx, l->mod, see_section, l);
    *address = l->address;
    return l->found;
}

/* Its symbols and lines take the place of the kernel's symbols, which have no lines. */
static void take_file(struct linux_guest *lx, const char *module, uint64_t mod,
                      const struct symbol_table *own)
{
    struct looking l = {.lx = lx, .mod = mod};
    const struct symbol_sections at = {&l, section_address};
    const char *path = lx->base.o.files ? symbol_files_kernel_module(lx->base.o.files, module) : NULL;
    struct error err;
    char text[600];
    if (!path)
        return;
    const struct symbol_table *t = symbols_add_relocatable(lx->base.o.symbols, module, path, &at, &err);
    if (t && symbols_same_build(t, own)) {
        symbols_map(lx->base.o.symbols, &(struct symbol_mapping){.table = t,
                                                                 .space = lx->base.space,
                                                                 .since = lx->base.icount,
                                                                 .time = lx->base.time});
        return;
    }
    snprintf(text, sizeof text,
             "%.300s: is of another build of the module %.60s than the one that was loaded", path, module);
    if (lx->base.o.warn)
        lx->base.o.warn(lx->base.o.ctx, t ? text : err.text);
}

/* ---------------------------------------------------------------- loading, unloading */

static void name_of(const struct linux_guest *lx, uint64_t mod, char name[MODULE_NAME + 1])
{
    lx_string(lx, mod + (unsigned)lx->types.module_name, name, MODULE_NAME + 1);
}

static void loaded(struct linux_guest *lx, struct hook_frame *f)
{
    uint64_t mod = lx_argument(lx, 0);
    char name[MODULE_NAME + 1];
    lx_infer_module(lx, mod);
    name_of(lx, mod, name);
    struct module_place p = place_of(lx, mod);
    const struct symbol_table *own = NULL;
    size_t nsymbols = symbols_of(lx, name, mod, &own);
    GUEST_EMIT(lx, EV_MODULE_LOAD, name, p.base, p.size, sections(lx, mod, NULL, NULL), nsymbols,
               lx_current_pid(lx));
    sections(lx, mod, emit_section, &(struct emitting){lx, name});
    if (own)
        take_file(lx, name, mod, own);
    lx_calls_module(lx, mod, name);
    if (nsymbols)
        lx->base.o.symbols_changed(lx->base.o.ctx);
    probes_apply(lx->base.o.probes);
}

static void unloaded(struct linux_guest *lx, struct hook_frame *f)
{
    uint64_t mod = lx_argument(lx, 0);
    char name[MODULE_NAME + 1];
    name_of(lx, mod, name);
    GUEST_EMIT(lx, EV_MODULE_UNLOAD, name, place_of(lx, mod).base);
    struct symbols *s = lx->base.o.symbols;
    for (size_t i = symbols_mappings(s); i-- > 0;) {
        const struct symbol_mapping *m = symbols_mapping(s, i);
        if (!m->until && m->space == lx->base.space && !strcmp(symbol_table_name(m->table), name) &&
            !strncmp(symbol_table_source(m->table), "module", 6))
            symbols_unmap(s, m->table, lx->base.space, lx->base.icount, lx->base.time);
    }
}

void lx_module_setup(struct linux_guest *lx)
{
    if (lx->types.module_name < 0)
        return;
    /* Even if kernel events are not wanted, the symbols are. */
    if (!lx_hook(lx, "do_init_module", loaded, NULL))
        base_missing(&lx->base, "do_init_module");
    lx_hook(lx, "free_module", unloaded, NULL);
}
