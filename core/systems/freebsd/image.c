/* image.c - the kernel's symbols: those that its dynamic section leads to, and the whole symbol table that a loader
 * put behind it. See impl.h. System V ABI, chapters 4 (symbol table) and 5 (dynamic section). */
#include <stdlib.h>

#include "base/memory.h"
#include "core/systems/freebsd/private/impl.h"

enum { SYMBOLS_MAX = 1 << 20, STRINGS_MAX = 64 << 20, DYNAMIC_MAX = 512 };
enum { DT_HASH = 4, DT_STRTAB = 5, DT_SYMTAB = 6, DT_STRSZ = 10 };
enum {
    SHN_UNDEF = 0,
    SHN_ABS = 0xfff1,
    STT_NOTYPE = 0,
    STT_OBJECT = 1,
    STT_FUNC = 2,
    STT_IFUNC = 10,
    STB_LOCAL = 0
};

static uint64_t get(const uint8_t *p, size_t offset, size_t n)
{
    uint64_t v = 0;
    memcpy(&v, p + offset, n);
    return v;
}

static size_t entry_size(const struct fb_guest *fb)
{
    return fb->base.word == 8 ? 24 : 16;
}

/* ---------------------------------------------------------------- adding */

struct elf_symbol {
    const char *name;
    uint64_t value, size;
    unsigned type, binding, section;
};

/* False if its name is not within the strings. */
static bool symbol_of(const struct fb_guest *fb, const struct fb_symbols *s, size_t i, struct elf_symbol *sym)
{
    const uint8_t *p = s->entries + i * entry_size(fb);
    bool wide = fb->base.word == 8;
    uint64_t name = get(p, 0, 4), info = p[wide ? 4 : 12];
    *sym = (struct elf_symbol){.name = s->strings + name,
                               .value = wide ? get(p, 8, 8) : get(p, 4, 4),
                               .size = wide ? get(p, 16, 8) : get(p, 8, 4),
                               .type = info & 15,
                               .binding = (unsigned)info >> 4,
                               .section = (unsigned)get(p, wide ? 6 : 14, 2)};
    return name < s->size;
}

/* Code of assembly files often has no type. */
static char type_letter(const struct elf_symbol *sym)
{
    bool code = sym->type == STT_FUNC || sym->type == STT_IFUNC || sym->type == STT_NOTYPE;
    char c = code ? 't' : 'd';
    return sym->binding == STB_LOCAL ? c : (char)(c - 'a' + 'A');
}

/* ---------------------------------------------------------------- the table */

static bool is_wanted(const struct elf_symbol *sym, const struct fb_range *in)
{
    return sym->section != SHN_UNDEF && sym->section != SHN_ABS && *sym->name &&
           (sym->type <= STT_FUNC || sym->type == STT_IFUNC) && sym->value + in->bias >= in->base &&
           sym->value + in->bias < in->end && sym->name[0] != '$' && sym->name[0] != '.';
}

size_t fb_symbols_in(const struct fb_guest *fb, const struct fb_symbols *s, const struct fb_range *in)
{
    struct elf_symbol sym;
    size_t n = 0;
    for (size_t i = 1; i < s->count; i++)
        n += symbol_of(fb, s, i, &sym) && is_wanted(&sym, in);
    return n;
}

size_t fb_symbols_add(const struct fb_guest *fb, struct symbol_table *t, const struct fb_symbols *s,
                      const struct fb_range *in)
{
    struct elf_symbol sym;
    size_t added = 0;
    for (size_t i = 1; i < s->count; i++) {
        if (!symbol_of(fb, s, i, &sym) || !is_wanted(&sym, in))
            continue;
        sym.value += in->bias;
        symbol_table_add(t, sym.name, sym.value, sym.size ? sym.size : in->end - sym.value, type_letter(&sym),
                         sym.size ? SYMBOL_SIZED : 0);
        added++;
    }
    return added;
}

void fb_symbols_drop(struct fb_symbols *s)
{
    free(s->entries);
    free(s->strings);
    *s = (struct fb_symbols){0};
}

/* ---------------------------------------------------------------- the dynamic section */

struct dynamic {
    uint64_t symbols, strings, size, hash;
};

static void read_dynamic(const struct fb_guest *fb, struct dynamic *d)
{
    uint8_t entry[16];
    const unsigned w = fb->base.word;
    *d = (struct dynamic){0};
    for (uint64_t i = 0; i < DYNAMIC_MAX && (i + 1) * 2 * w <= fb->image.dynamic_size; i++) {
        uint64_t *to = NULL;
        if (!fb_read(fb, fb->image.dynamic + i * 2 * w, entry, (size_t)2 * w) || !get(entry, 0, w))
            return;
        switch (get(entry, 0, w)) {
        case DT_SYMTAB:
            to = &d->symbols;
            break;
        case DT_STRTAB:
            to = &d->strings;
            break;
        case DT_STRSZ:
            to = &d->size;
            break;
        case DT_HASH:
            to = &d->hash;
            break;
        default:
            break;
        }
        if (to)
            *to = get(entry, w, w);
    }
}

static bool inside(const struct fb_guest *fb, uint64_t address, uint64_t n)
{
    const struct fb_image *im = &fb->image;
    return address >= im->base && address < im->end && n <= im->end - address;
}

/* The hash table has a chain for each symbol. Without it the strings follow the symbols, as linkers lay them out. */
static size_t dynamic_count(const struct fb_guest *fb, const struct dynamic *d)
{
    if (d->hash && inside(fb, d->hash, 8))
        return fb_u32(fb, d->hash + 4);
    return d->strings > d->symbols ? (d->strings - d->symbols) / entry_size(fb) : 0;
}

bool fb_symbols_read(const struct fb_guest *fb, uint64_t entries, size_t n, uint64_t strings, size_t size,
                     struct fb_symbols *s)
{
    *s = (struct fb_symbols){0};
    if (!n || n > SYMBOLS_MAX || !size || size > STRINGS_MAX)
        return false;
    *s = (struct fb_symbols){mem_alloc(n * entry_size(fb)), n, mem_zero(1, size + 1), size};
    if (fb_read(fb, entries, s->entries, n * entry_size(fb)) && fb_read(fb, strings, s->strings, size))
        return true;
    fb_symbols_drop(s);
    return false;
}

static bool dynamic_symbols(const struct fb_guest *fb, struct fb_symbols *s)
{
    struct dynamic d;
    read_dynamic(fb, &d);
    size_t n = d.symbols ? dynamic_count(fb, &d) : 0;
    return n <= SYMBOLS_MAX && inside(fb, d.symbols, n * entry_size(fb)) && inside(fb, d.strings, d.size) &&
           fb_symbols_read(fb, d.symbols, n, d.strings, d.size, s);
}

/* ---------------------------------------------------------------- the whole symbol table */

/* At `begin`: size, symbols, size, strings; sizes are words, and what follows them is padded to words. */
static const char *read_symtab(const struct fb_guest *fb, uint64_t begin, uint64_t end, struct fb_symbols *s)
{
    const unsigned w = fb->base.word;
    uint64_t length = end - begin, n = 0, size = 0;
    if (end <= begin || length > STRINGS_MAX || base_peek_physical(&fb->base, begin, &n, w) < w)
        return "its place is not in memory";
    if (n % entry_size(fb) || n > length - w)
        return "its size is damaged";
    uint64_t strings = begin + w + (n + w - 1) / w * w;
    if (strings > end || end - strings < w || base_peek_physical(&fb->base, strings, &size, w) < w ||
        size > end - strings - w)
        return "its strings' size is damaged";
    *s = (struct fb_symbols){mem_alloc(n), n / entry_size(fb), mem_zero(1, size + 1), size};
    if (base_peek_physical(&fb->base, begin + w, s->entries, n) == n &&
        base_peek_physical(&fb->base, strings + w, s->strings, size) == size)
        return NULL;
    fb_symbols_drop(s);
    return "its place is not in memory";
}

/* What was read is this kernel's table if it has the function that every kernel has where the dynamic table has it. */
static bool agrees(const struct fb_guest *fb, const struct fb_symbols *whole,
                   const struct fb_symbols *dynamic)
{
    uint64_t at[2] = {0, 0};
    const struct fb_symbols *const both[] = {whole, dynamic};
    struct elf_symbol sym;
    for (unsigned k = 0; k < 2; k++)
        for (size_t i = 1; i < both[k]->count; i++)
            if (symbol_of(fb, both[k], i, &sym) && !strcmp(sym.name, "mi_startup"))
                at[k] = sym.value;
    return at[0] && (at[0] == at[1] || !at[1]);
}

static void whole_symbols(struct fb_guest *fb, const struct fb_symbols *dynamic, struct fb_symbols *s)
{
    uint64_t begin, end;
    fb_metadata_symbols(fb, &begin, &end);
    const char *wrong = begin ? read_symtab(fb, begin, end, s) : "the loader passed none on";
    if (!wrong && !agrees(fb, s, dynamic)) {
        fb_symbols_drop(s);
        wrong = "it is not this kernel's";
    }
    if (wrong)
        base_note(&fb->base, "no whole symbol table (%s): static functions and data have no names", wrong);
}

bool fb_image_symbols(struct fb_guest *fb)
{
    struct fb_symbols dynamic = {0}, whole = {0};
    dynamic_symbols(fb, &dynamic);
    whole_symbols(fb, &dynamic, &whole);
    fb->has_symtab = whole.count;
    const struct fb_symbols *best = whole.count ? &whole : &dynamic;
    struct symbol_table *t =
        symbol_table_begin(fb->base.o.symbols, "kernel", whole.count ? "symtab" : "dynsym");
    const struct fb_range all = {fb->image.base, fb->image.end, 0};
    size_t n = best->count ? fb_symbols_add(fb, t, best, &all) : 0;
    fb_add_frames(fb, t, fb->image.text, fb->image.text_end);
    fb->kernel = symbol_table_end(t);
    fb_symbols_drop(&dynamic);
    fb_symbols_drop(&whole);
    const struct symbol_mapping m = {
        .table = fb->kernel, .space = fb->base.space, .since = fb->base.icount, .time = fb->base.time};
    if (n)
        symbols_map(fb->base.o.symbols, &m);
    return n;
}
