/* elf_write.c - the symbols of a space as an ELF file, for debuggers. libelf writes it.
 *
 * It has symbols, empty (NOBITS) sections at their addresses, and lines and call frames as far as they are
 * known. It has no code: a debugger reads that from the guest's memory.
 */
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/symbols/private/btf_dwarf.h"
#include "core/symbols/private/bytes.h"
#include "core/symbols/private/impl.h"

static uint32_t add_string(struct bytes *b, const char *s)
{
    return (uint32_t)put(b, s, strlen(s) + 1);
}

/* The file while it is made. libelf refers to what the sections have, so it stays until the file is written. */
struct elf {
    int fd;
    Elf *file;
    struct bytes symbols, names, section_names;
    size_t nsections; /* with the one that is always empty */
    bool named[2];    /* there is a .text, a .data */
    uint64_t entry;   /* where .text begins */
    struct symbols_dwarf *dwarf;
    struct btf_dwarf *types;
};

/* False if the host gives no file in memory. */
static bool open_file(struct elf *e)
{
    *e = (struct elf){.fd = memfd_create("symbols", MFD_CLOEXEC), .nsections = 1};
    elf_version(EV_CURRENT);
    e->file = e->fd < 0 ? NULL : elf_begin(e->fd, ELF_C_WRITE, NULL);
    if (!e->file || !elf64_newehdr(e->file))
        return false;
    add_string(&e->names, "");
    add_string(&e->section_names, "");
    put(&e->symbols, &(Elf64_Sym){0}, sizeof(Elf64_Sym));
    return true;
}

static void close_file(struct elf *e)
{
    elf_end(e->file);
    if (e->fd >= 0)
        close(e->fd);
    free(e->symbols.p);
    free(e->names.p);
    free(e->section_names.p);
}

static Elf_Scn *add_section(struct elf *e, const char *name, Elf64_Shdr s)
{
    Elf_Scn *section = mem_check(elf_newscn(e->file));
    s.sh_name = add_string(&e->section_names, name);
    s.sh_addralign = 1;
    *elf64_getshdr(section) = s;
    e->nsections++;
    return section;
}

/* Adds bytes to what a section has. */
static void add_data(Elf_Scn *section, Elf_Type type, const void *bytes, size_t n)
{
    Elf_Data *d = mem_check(elf_newdata(section));
    *d = (Elf_Data){
        .d_buf = (void *)bytes, .d_type = type, .d_size = n, .d_align = 1, .d_version = EV_CURRENT};
}

/* ---- one mapping of a table ---- */

enum part { CODE, DATA, NOWHERE };

/* Where a Linux kernel's symbols say that its code is, as linked; all 0: they do not say. Needed since in
 * some kernels the letters of kallsyms call all data code. */
struct code_ranges {
    uint64_t begin[2], end[2];
};

static struct code_ranges ranges_of(const struct symbol_table *t)
{
    static const char *const names[2][2] = {{"_stext", "_etext"}, {"_sinittext", "_einittext"}};
    struct code_ranges r = {{0}, {0}};
    struct symbol begin, end;
    if (strcmp(symbol_table_source(t), "kallsyms"))
        return r;
    for (unsigned i = 0; i < 2; i++)
        if (symbol_table_find(t, names[i][0], &begin) && symbol_table_find(t, names[i][1], &end)) {
            r.begin[i] = begin.address;
            r.end[i] = end.address;
        }
    return r;
}

static bool in_code(const struct code_ranges *r, uint64_t address)
{
    return !r->end[0] || (address >= r->begin[0] && address < r->end[0]) ||
           (address >= r->begin[1] && address < r->end[1]);
}

static enum part part_of(const struct symbol *s, const struct code_ranges *r)
{
    if (s->flags & SYMBOL_ABSOLUTE)
        return NOWHERE;
    if (symbol_is_code(s->type))
        return in_code(r, s->address) ? CODE : DATA;
    switch (s->type) {
    case 'D':
    case 'd':
    case 'B':
    case 'b':
    case 'R':
    case 'r':
    case 'V':
    case 'v':
    case 'G':
    case 'g':
    case 'S':
    case 's':
        return DATA;
    default:
        return NOWHERE;
    }
}

static uint64_t runtime(const struct symbol_mapping *m, const struct symbol *s)
{
    return s->flags & SYMBOL_ABSOLUTE ? s->address : s->address + m->bias;
}

/* A symbol without a size of its own extends to the next one, but not over half of the address space (a
 * module's per-processor variables are far from all else). gdb needs sizes: it looks back through all symbols
 * for one that has. */
static uint64_t extent(const struct symbol *s)
{
    enum { FAR = 32 << 20 };
    return s->flags & SYMBOL_SIZED || s->size < FAR ? s->size : 0;
}

/* Sections do not overlap: each is a run of symbols of one part, without wide gaps. The present one reaches
 * to `end`. */
static void end_section(Elf_Scn *section, uint64_t end)
{
    add_data(section, ELF_T_BYTE, NULL, end - elf64_getshdr(section)->sh_addr);
}

static Elf_Scn *begin_section(struct elf *e, const struct symbol_mapping *m, enum part part, uint64_t begin)
{
    static const char *const names[] = {".text", ".data"};
    static const uint64_t flags[] = {SHF_ALLOC | SHF_EXECINSTR, SHF_ALLOC | SHF_WRITE};
    char name[200];
    if (e->named[part])
        snprintf(name, sizeof name, "%s.%s.%zu", names[part], symbol_table_name(m->table), e->nsections);
    else
        snprintf(name, sizeof name, "%s", names[part]);
    if (part == CODE && !e->named[CODE])
        e->entry = begin;
    e->named[part] = true;
    return add_section(e, name,
                       (Elf64_Shdr){.sh_type = SHT_NOBITS, .sh_flags = flags[part], .sh_addr = begin});
}

static void add_symbol(struct elf *e, const struct symbol *s, uint64_t address, enum part part,
                       Elf_Scn *section)
{
    static const uint8_t types[] = {STT_FUNC, STT_OBJECT, STT_NOTYPE};
    bool global = s->type >= 'A' && s->type <= 'Z';
    Elf64_Sym sym = {.st_name = add_string(&e->names, s->name),
                     .st_info = ELF64_ST_INFO(global ? STB_GLOBAL : STB_LOCAL, types[part]),
                     .st_shndx = part == NOWHERE ? SHN_ABS : (Elf64_Section)elf_ndxscn(section),
                     .st_value = address,
                     .st_size = extent(s)};
    put(&e->symbols, &sym, sizeof sym);
}

/* A copy that the compiler made of a function (ring_push.constprop.0) is also found by the function's name, if nothing else has it.
 * It comes before its own name, since debuggers show the last of several. */
static void add_plain_name(struct elf *e, const struct symbol_table *t, const struct symbol *s,
                           uint64_t address, enum part part, Elf_Scn *section)
{
    const size_t n = symbol_plain_length(s->name);
    char name[SYMBOL_NAME_MAX + 1];
    struct symbol other = *s;
    if (part != CODE || !s->name[n] || n > SYMBOL_NAME_MAX)
        return;
    memcpy(name, s->name, n);
    name[n] = 0;
    other.name = name;
    if (!symbol_table_find(t, name, &(struct symbol){0}))
        add_symbol(e, &other, address, part, section);
}

/* A module's init_module and cleanup_module, which stand for functions with names of their own. */
static bool is_alias(const struct symbol_table *t, const struct symbol *s)
{
    return !strcmp(symbol_table_source(t), "module") &&
           (!strcmp(s->name, "init_module") || !strcmp(s->name, "cleanup_module"));
}

/* The same for such a name: if symbol i is one that symbol i - 1 had added before it, it is left out. */
static bool was_added(const struct symbol_table *t, size_t i, const struct symbol *s)
{
    struct symbol before;
    if (!i || !is_alias(t, s))
        return false;
    symbol_table_symbol(t, i - 1, &before);
    return before.address == s->address && !is_alias(t, &before);
}

static void add_alias(struct elf *e, const struct symbol_table *t, size_t i, uint64_t address, enum part part,
                      Elf_Scn *section)
{
    struct symbol next;
    if (i + 1 >= symbol_table_count(t))
        return;
    symbol_table_symbol(t, i + 1, &next);
    if (was_added(t, i + 1, &next))
        add_symbol(e, &next, address, part, section);
}

static void add_mapping(struct elf *e, const struct symbol_mapping *m, bool only_code)
{
    enum { GAP = 1 << 16 };
    const struct code_ranges ranges = ranges_of(m->table);
    struct symbol s;
    enum part now = NOWHERE;
    Elf_Scn *section = NULL;
    uint64_t end = 0;
    for (size_t i = 0; i < symbol_table_count(m->table); i++) {
        symbol_table_symbol(m->table, i, &s);
        enum part part = part_of(&s, &ranges);
        if ((only_code && part != CODE) || was_added(m->table, i, &s))
            continue;
        uint64_t address = runtime(m, &s);
        bool apart = part != now || (address > end && address - end > GAP);
        if (part != NOWHERE && apart &&
            e->nsections < SHN_LORESERVE - DWARF_SECTIONS - BTF_DWARF_SECTIONS - 4) {
            if (now != NOWHERE)
                end_section(section, end < address ? end : address);
            section = begin_section(e, m, part, address);
            now = part;
        }
        if (part != NOWHERE)
            end = address + (extent(&s) ? extent(&s) : 1);
        add_alias(e, m->table, i, address, part, section);
        add_plain_name(e, m->table, &s, address, part, section);
        add_symbol(e, &s, address, part, section);
    }
    if (now != NOWHERE)
        end_section(section, end);
}

/* ---- the whole ---- */

/* The section of that name of the types; NULL if there is none. */
static const void *types_section(const struct elf *e, const char *name, size_t *size)
{
    const void *data;
    for (unsigned i = 0; i < BTF_DWARF_SECTIONS; i++)
        if (!strcmp(btf_dwarf_section(e->types, i, &data, size), name))
            return data;
    *size = 0;
    return NULL;
}

static void add_debug_section(struct elf *e, const char *name, const void *data, size_t size,
                              const void *more, size_t nmore)
{
    if (!size && !nmore)
        return;
    Elf_Scn *section = add_section(e, name, (Elf64_Shdr){.sh_type = SHT_PROGBITS});
    if (size)
        add_data(section, ELF_T_BYTE, data, size);
    if (nmore)
        add_data(section, ELF_T_BYTE, more, nmore);
}

/* Adds lines and frames, and types after them in the same sections. */
static void add_debug_sections(struct elf *e)
{
    const void *data, *more;
    size_t size, nmore;
    bool done[BTF_DWARF_SECTIONS] = {false};
    for (unsigned i = 0; i < DWARF_SECTIONS; i++) {
        const char *name = symbols_dwarf_section(e->dwarf, i, &data, &size);
        more = types_section(e, name, &nmore);
        add_debug_section(e, name, data, size, more, nmore);
        for (unsigned k = 0; k < BTF_DWARF_SECTIONS; k++)
            done[k] |= !strcmp(btf_dwarf_section(e->types, k, &more, &nmore), name);
    }
    for (unsigned i = 0; i < BTF_DWARF_SECTIONS; i++) {
        const char *name = btf_dwarf_section(e->types, i, &data, &size);
        if (!done[i])
            add_debug_section(e, name, data, size, NULL, 0);
    }
}

static void add_symbol_sections(struct elf *e)
{
    /* sh_info: one more than the last local symbol. They come in any order here, so none is promised to be
     * global. */
    add_data(add_section(e, ".symtab",
                         (Elf64_Shdr){.sh_type = SHT_SYMTAB,
                                      .sh_link = (Elf64_Word)e->nsections + 1,
                                      .sh_info = (Elf64_Word)(e->symbols.n / sizeof(Elf64_Sym)),
                                      .sh_entsize = sizeof(Elf64_Sym)}),
             ELF_T_SYM, e->symbols.p, e->symbols.n);
    add_data(add_section(e, ".strtab", (Elf64_Shdr){.sh_type = SHT_STRTAB}), ELF_T_BYTE, e->names.p,
             e->names.n);
    Elf_Scn *own = add_section(e, ".shstrtab", (Elf64_Shdr){.sh_type = SHT_STRTAB});
    add_data(own, ELF_T_BYTE, e->section_names.p, e->section_names.n);
}

/* Returns the bytes of the file, to be freed; NULL if they could not be written. */
static void *write_file(struct elf *e, size_t *size)
{
    add_debug_sections(e);
    add_symbol_sections(e);
    Elf64_Ehdr *h = elf64_getehdr(e->file);
    h->e_ident[EI_DATA] = ELFDATA2LSB;
    h->e_type = ET_EXEC;
    h->e_machine = EM_X86_64;
    h->e_version = EV_CURRENT;
    h->e_entry = e->entry;
    h->e_shstrndx = (Elf64_Half)(e->nsections - 1);
    const int64_t n = elf_update(e->file, ELF_C_WRITE);
    if (n < 0)
        return NULL;
    void *bytes = mem_alloc((size_t)n);
    if (pread(e->fd, bytes, (size_t)n, 0) == n) {
        *size = (size_t)n;
        return bytes;
    }
    free(bytes);
    return NULL;
}

/* Whether a later mapping of the same kernel addresses replaces this one (a second kernel, after a reset). */
static bool replaced(const struct symbols *s, size_t i)
{
    const struct symbol_mapping *m = symbols_mapping(s, i);
    for (size_t k = i + 1; k < symbols_mappings(s); k++) {
        const struct symbol_mapping *n = symbols_mapping(s, k);
        if (n->space == m->space && !strcmp(symbol_table_name(n->table), symbol_table_name(m->table)))
            return true;
    }
    return false;
}

static bool is_kernel(symbol_space space)
{
    return space >= 0 && !symbol_space_id(space);
}

/* Whether a mapping belongs to a space; to a kernel's space belong the other kernels, too. */
static bool wanted(const struct symbols *s, size_t i, symbol_space space)
{
    const symbol_space of = symbols_mapping(s, i)->space;
    const bool any_kernel = (space == SPACE_ANY || is_kernel(space)) && is_kernel(of);
    return (of == space || any_kernel) && !replaced(s, i);
}

/* The present size of a section of lines and frames. */
static size_t section_size(const struct symbols_dwarf *d, const char *name)
{
    const void *data;
    size_t size;
    for (unsigned i = 0; i < DWARF_SECTIONS; i++)
        if (!strcmp(symbols_dwarf_section(d, i, &data, &size), name))
            return size;
    return 0;
}

static bool has_debug(const struct symbols *s, const struct symbol_mapping *m)
{
    for (size_t i = 0; i < s->ndebug; i++)
        if (s->debug[i].table == m->table && s->debug[i].space == m->space && s->debug[i].since == m->since)
            return true;
    return false;
}

/* Debug information of UEFI's modules is often without call frames (EDK II's), which are known from their code. */
static void add_frames_only(struct elf *e, const struct symbols *s)
{
    for (size_t i = 0; i < symbols_mappings(s); i++) {
        const struct symbol_mapping *m = symbols_mapping(s, i);
        if (!strcmp(m->table->source, "firmware") && has_debug(s, m))
            symbols_dwarf_add_frames(e->dwarf, m);
    }
}

static void *elf_of(const struct symbols *s, symbol_space space, const struct symbol_types_set *types,
                    bool rest, size_t *size)
{
    static const struct symbol_types_set none = {.n = 0};
    const struct symbol_mapping **maps = mem_alloc((symbols_mappings(s) + 1) * sizeof *maps);
    struct elf e;
    void *data = NULL;
    size_t n = 0;
    bool lines = false;
    const bool opened = open_file(&e);
    for (size_t i = 0; i < symbols_mappings(s) && opened; i++)
        if (wanted(s, i, space) && !(rest && has_debug(s, symbols_mapping(s, i)))) {
            maps[n++] = symbols_mapping(s, i);
            lines |= symbols_mapping(s, i)->table->nlines > 0;
            add_mapping(&e, maps[n - 1], is_kernel(space) && maps[n - 1]->space != space);
        }
    if (n) {
        e.dwarf = symbols_dwarf_new(lines);
        e.types = btf_dwarf_make(maps, n, types ? types : &none, e.dwarf,
                                 (uint32_t)section_size(e.dwarf, ".debug_abbrev"));
        for (size_t i = 0; i < n; i++)
            symbols_dwarf_add(e.dwarf, maps[i], btf_dwarf_spans(e.types));
        if (rest)
            add_frames_only(&e, s);
        data = write_file(&e, size);
        symbols_dwarf_free(e.dwarf);
        btf_dwarf_free(e.types);
    }
    close_file(&e);
    free(maps);
    return data;
}

void *symbols_elf(const struct symbols *s, symbol_space space, const struct symbol_types_set *types,
                  size_t *size)
{
    return elf_of(s, space, types, false, size);
}

void *symbols_elf_rest(const struct symbols *s, size_t *size)
{
    return elf_of(s, SPACE_ANY, NULL, true, size);
}
