/* symbols.c - the trace's symbols as ELF files that gdb opens by itself: qXfer:exec-file names the first,
 * vFile reads them. GDB manual, "Host I/O Packets"; ELF-64 Object File Format 1.5.
 *
 *   /bootreel/kernel        the kernel and its modules, at the addresses at which they run (KASLR included)
 *   /bootreel/process-PID   what a process has executed, the kernel's not
 *
 * An ELF file has symbols, empty (NOBITS) sections at their addresses, and lines and call frames as far as
 * they are known: code is read from the guest's memory.
 */
#include <elf.h>
#include <inttypes.h>

#include "gdbstub/impl.h"
#include "traces/memory.h"

#define FILE_PREFIX  "/bootreel/"
#define KERNEL_FILE  FILE_PREFIX "kernel"
#define PROCESS_FILE FILE_PREFIX "process-"

const struct symbols *stub_symbols(struct gdbstub *g)
{
    struct error err;
    if (!g->symbols_read)
        g->symbols = symbols_load(timeline_trace(g->tl), &err);
    g->symbols_read = true;
    return g->symbols;
}

bool stub_has_symbols(struct gdbstub *g)
{
    return stub_symbols(g) && symbols_mappings(g->symbols);
}

int gdbstub_add_symbols(struct gdbstub *g, const char *path, struct error *err)
{
    struct symbol_mapping m = {.space = SPACE_KERNEL};
    if (!stub_symbols(g))
        g->symbols = symbols_new();
    m.table = symbols_add_elf_file(g->symbols, path, err);
    if (!m.table)
        return -1;
    symbols_map(g->symbols, &m);
    return 0;
}

void stub_symbols_free(struct gdbstub *g)
{
    for (size_t i = 0; i < g->nfiles; i++) {
        free(g->file[i].name);
        free(g->file[i].data);
    }
    g->nfiles = 0;
    symbols_free(g->symbols);
    g->symbols = NULL;
    g->symbols_read = false;
}

/* ---------------------------------------------------------------- making an ELF file */

struct bytes {
    uint8_t *p;
    size_t n, cap;
};

static size_t add_bytes(struct bytes *b, const void *data, size_t n)
{
    size_t at = b->n;
    if (n > b->cap - b->n) {
        b->cap = 2 * (b->n + n) + 4096;
        b->p = mem_resize(b->p, b->cap);
    }
    memcpy(b->p + b->n, data, n);
    b->n += n;
    return at;
}

static uint32_t add_string(struct bytes *b, const char *s)
{
    return (uint32_t)add_bytes(b, s, strlen(s) + 1);
}

/* The file while it is made: tables of sections, symbols and names. */
struct elf {
    struct bytes sections, symbols, names, section_names;
    unsigned nsections;
    bool named[2];  /* there is a .text, a .data */
    uint64_t entry; /* where .text begins */
    struct symbols_dwarf *dwarf;
};

static unsigned add_section(struct elf *e, const char *name, Elf64_Shdr s)
{
    s.sh_name = add_string(&e->section_names, name);
    add_bytes(&e->sections, &s, sizeof s);
    return e->nsections++;
}

static void elf_begin(struct elf *e)
{
    *e = (struct elf){0};
    add_string(&e->names, "");
    add_string(&e->section_names, "");
    add_bytes(&e->sections, &(Elf64_Shdr){0}, sizeof(Elf64_Shdr));
    add_bytes(&e->symbols, &(Elf64_Sym){0}, sizeof(Elf64_Sym));
    e->nsections = 1;
    e->dwarf = symbols_dwarf_new();
}

/* ---- one mapping of a table ---- */

enum part { CODE, DATA, NOWHERE };

static enum part part_of(const struct symbol *s)
{
    if (s->flags & SYMBOL_ABSOLUTE)
        return NOWHERE;
    switch (s->type) {
    case 'T':
    case 't':
    case 'W':
    case 'w':
    case 'i':
        return CODE;
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

/* Without a size of its own a symbol goes up to the next one, but not over half of the address space (a
 * module's per-processor variables are far from all else). gdb needs sizes: it looks back through all symbols
 * for one that has. */
static uint64_t extent(const struct symbol *s)
{
    enum { FAR = 32 << 20 };
    return s->flags & SYMBOL_SIZED || s->size < FAR ? s->size : 0;
}

/* Sections do not overlap: each is a run of symbols of one part, without wide gaps. The present one reaches
 * to `end`. */
static void end_section(struct elf *e, unsigned section, uint64_t end)
{
    Elf64_Shdr s;
    uint8_t *at = e->sections.p + section * sizeof s;
    memcpy(&s, at, sizeof s);
    s.sh_size = end - s.sh_addr;
    memcpy(at, &s, sizeof s);
}

static unsigned begin_section(struct elf *e, const struct symbol_mapping *m, enum part part, uint64_t begin)
{
    static const char *const names[] = {".text", ".data"};
    static const uint64_t flags[] = {SHF_ALLOC | SHF_EXECINSTR, SHF_ALLOC | SHF_WRITE};
    char name[200];
    if (e->named[part])
        snprintf(name, sizeof name, "%s.%s.%u", names[part], symbol_table_name(m->table), e->nsections);
    else
        snprintf(name, sizeof name, "%s", names[part]);
    if (part == CODE && !e->named[CODE])
        e->entry = begin;
    e->named[part] = true;
    return add_section(
        e, name,
        (Elf64_Shdr){.sh_type = SHT_NOBITS, .sh_flags = flags[part], .sh_addr = begin, .sh_addralign = 1});
}

static void add_symbol(struct elf *e, const struct symbol *s, uint64_t address, enum part part,
                       unsigned section)
{
    static const uint8_t types[] = {STT_FUNC, STT_OBJECT, STT_NOTYPE};
    bool global = s->type >= 'A' && s->type <= 'Z';
    Elf64_Sym sym = {.st_name = add_string(&e->names, s->name),
                     .st_info = ELF64_ST_INFO(global ? STB_GLOBAL : STB_LOCAL, types[part]),
                     .st_shndx = part == NOWHERE ? SHN_ABS : (uint16_t)section,
                     .st_value = address,
                     .st_size = extent(s)};
    add_bytes(&e->symbols, &sym, sizeof sym);
}

static void add_mapping(struct elf *e, const struct symbol_mapping *m)
{
    enum { GAP = 1 << 16 };
    struct symbol s;
    enum part now = NOWHERE;
    unsigned section = 0;
    uint64_t end = 0;
    for (size_t i = 0; i < symbol_table_count(m->table); i++) {
        symbol_table_symbol(m->table, i, &s);
        enum part part = part_of(&s);
        uint64_t address = runtime(m, &s);
        bool apart = part != now || (address > end && address - end > GAP);
        if (part != NOWHERE && apart && e->nsections < SHN_LORESERVE - DWARF_SECTIONS - 4) {
            if (now != NOWHERE)
                end_section(e, section, end < address ? end : address);
            section = begin_section(e, m, part, address);
            now = part;
        }
        if (part != NOWHERE)
            end = address + (extent(&s) ? extent(&s) : 1);
        add_symbol(e, &s, address, part, section);
    }
    if (now != NOWHERE)
        end_section(e, section, end);
    symbols_dwarf_add(e->dwarf, m);
}

/* ---- the whole ---- */

static size_t pad8(struct bytes *b)
{
    static const uint8_t zeros[8];
    add_bytes(b, zeros, -b->n & 7);
    return b->n;
}

static void add_debug_sections(struct elf *e, struct bytes *out)
{
    const void *data;
    size_t size;
    for (unsigned i = 0; i < DWARF_SECTIONS; i++) {
        const char *name = symbols_dwarf_section(e->dwarf, i, &data, &size);
        if (size)
            add_section(e, name,
                        (Elf64_Shdr){.sh_type = SHT_PROGBITS,
                                     .sh_offset = add_bytes(out, data, size),
                                     .sh_size = size,
                                     .sh_addralign = 1});
    }
    symbols_dwarf_free(e->dwarf);
}

static void elf_end(struct elf *e, struct served_file *f)
{
    struct bytes out = {0};
    add_bytes(&out, &(Elf64_Ehdr){0}, sizeof(Elf64_Ehdr));
    add_debug_sections(e, &out);
    unsigned symtab = e->nsections, strtab = symtab + 1, shstrtab = symtab + 2;
    Elf64_Ehdr h = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                    .e_type = ET_EXEC,
                    .e_machine = EM_X86_64,
                    .e_version = EV_CURRENT,
                    .e_entry = e->entry,
                    .e_ehsize = sizeof h,
                    .e_shentsize = sizeof(Elf64_Shdr),
                    .e_shnum = (uint16_t)(shstrtab + 1),
                    .e_shstrndx = (uint16_t)shstrtab};
    size_t symbols = add_bytes(&out, e->symbols.p, e->symbols.n);
    size_t names = add_bytes(&out, e->names.p, e->names.n);
    /* sh_info: one more than the last local symbol. They come in any order here, so none is promised to be
     * global. */
    add_section(e, ".symtab",
                (Elf64_Shdr){.sh_type = SHT_SYMTAB,
                             .sh_offset = symbols,
                             .sh_size = e->symbols.n,
                             .sh_link = strtab,
                             .sh_info = (uint32_t)(e->symbols.n / sizeof(Elf64_Sym)),
                             .sh_addralign = 8,
                             .sh_entsize = sizeof(Elf64_Sym)});
    add_section(
        e, ".strtab",
        (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = names, .sh_size = e->names.n, .sh_addralign = 1});
    uint32_t own_name = add_string(&e->section_names, ".shstrtab");
    size_t section_names = add_bytes(&out, e->section_names.p, e->section_names.n);
    Elf64_Shdr own = {.sh_name = own_name,
                      .sh_type = SHT_STRTAB,
                      .sh_offset = section_names,
                      .sh_size = e->section_names.n,
                      .sh_addralign = 1};
    add_bytes(&e->sections, &own, sizeof own);
    h.e_shoff = pad8(&out);
    add_bytes(&out, e->sections.p, e->sections.n);
    memcpy(out.p, &h, sizeof h);
    free(e->sections.p);
    free(e->symbols.p);
    free(e->names.p);
    free(e->section_names.p);
    f->data = out.p;
    f->n = out.n;
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

static bool wanted(const struct symbols *s, size_t i, symbol_space space)
{
    return symbols_mapping(s, i)->space == space && !replaced(s, i);
}

/* The symbols of a space, whenever they were mapped; of several of one name the last. False: there are none.
 */
static bool make_file(const struct symbols *s, symbol_space space, struct served_file *f)
{
    struct elf e;
    size_t n = 0;
    elf_begin(&e);
    for (size_t i = 0; i < symbols_mappings(s); i++)
        if (wanted(s, i, space)) {
            add_mapping(&e, symbols_mapping(s, i));
            n++;
        }
    elf_end(&e, f);
    if (!n)
        free(f->data);
    return n;
}

/* ---------------------------------------------------------------- serving */

/* The space that a file name stands for; false: none. */
static bool space_of(const char *name, symbol_space *space)
{
    size_t n = strlen(PROCESS_FILE);
    char *end;
    if (!strcmp(name, KERNEL_FILE)) {
        *space = SPACE_KERNEL;
        return true;
    }
    if (strncmp(name, PROCESS_FILE, n) || !name[n])
        return false;
    unsigned long pid = strtoul(name + n, &end, 10);
    *space = symbol_space_of(0, (uint32_t)pid);
    return !*end && pid > 0 && pid <= INT32_MAX;
}

static const struct served_file *served(struct gdbstub *g, const char *name)
{
    symbol_space space;
    for (size_t i = 0; i < g->nfiles; i++)
        if (!strcmp(g->file[i].name, name))
            return &g->file[i];
    const struct symbols *s = stub_symbols(g);
    if (!s || g->nfiles == MAX_FILES || !space_of(name, &space) || !make_file(s, space, &g->file[g->nfiles]))
        return NULL;
    g->file[g->nfiles].name = mem_string(name);
    return &g->file[g->nfiles++];
}

/* qXfer:exec-file:read:PID:OFFSET,LENGTH */
void gdb_exec_file(struct gdbstub *g, const char *args)
{
    uint64_t pid;
    if ((*args != ':' && !hex_number(&args, &pid)) || *args != ':')
        reply_error(g, FAIL_ARGUMENT);
    else if (!served(g, KERNEL_FILE))
        reply_error(g, FAIL_UNKNOWN);
    else
        reply_piece(g, args + 1, KERNEL_FILE, strlen(KERNEL_FILE));
}

/* ---------------------------------------------------------------- vFile */

/* File-I/O error numbers: the same as Linux's for these. */
static void file_error(struct gdbstub *g, int error)
{
    g->reply.n = 0;
    reply_text(g, "F-1,%x", error);
}

/* open:HEXNAME,FLAGS,MODE. The descriptor is the file's number. */
static void file_open(struct gdbstub *g, const char *args)
{
    char name[200];
    size_t digits = strcspn(args, ",");
    uint64_t flags;
    const char *rest = args + digits + 1;
    if (args[digits] != ',' || digits % 2 || digits / 2 >= sizeof name ||
        !hex_decode(args, digits / 2, name) || !hex_number(&rest, &flags)) {
        file_error(g, FAIL_ARGUMENT);
        return;
    }
    name[digits / 2] = 0;
    const struct served_file *f = flags & 3 ? NULL : served(g, name);
    if (f)
        reply_text(g, "F%x", (unsigned)(f - g->file));
    else
        file_error(g, FAIL_UNKNOWN);
}

static const struct served_file *file_number(struct gdbstub *g, const char **args)
{
    uint64_t n;
    return hex_number(args, &n) && n < g->nfiles ? &g->file[n] : NULL;
}

/* pread:FD,COUNT,OFFSET */
static void file_read(struct gdbstub *g, const char *args)
{
    uint64_t count, offset;
    const struct served_file *f = file_number(g, &args);
    if (!f || *args++ != ',' || !hex_number(&args, &count) || *args++ != ',' || !hex_number(&args, &offset)) {
        file_error(g, FAIL_ARGUMENT);
        return;
    }
    offset = offset < f->n ? offset : f->n;
    count = count < f->n - offset ? count : f->n - offset;
    count = count < PACKET_MAX / 2 ? count : PACKET_MAX / 2;
    reply_text(g, "F%" PRIx64 ";", count);
    reply_bytes(g, f->data + offset, (size_t)count);
}

/* struct stat of the File-I/O protocol: big-endian, 64 bytes; mode at 8, size at 28, block size at 36. */
static void file_stat(struct gdbstub *g, const char *args)
{
    uint8_t st[64] = {0};
    const struct served_file *f = file_number(g, &args);
    if (!f) {
        file_error(g, FAIL_ARGUMENT);
        return;
    }
    uint32_t mode = __builtin_bswap32(0100444);
    uint64_t size = __builtin_bswap64(f->n), block = __builtin_bswap64(512);
    memcpy(st + 8, &mode, 4);
    memcpy(st + 28, &size, 8);
    memcpy(st + 36, &block, 8);
    reply_text(g, "F%zx;", sizeof st);
    reply_bytes(g, st, sizeof st);
}

static void file_zero(struct gdbstub *g, const char *args)
{
    reply_text(g, "F0");
}

static void file_no_link(struct gdbstub *g, const char *args)
{
    file_error(g, FAIL_ARGUMENT);
}

void gdb_file(struct gdbstub *g, const char *args)
{
    static const struct {
        const char *name;
        void (*fn)(struct gdbstub *g, const char *args);
    } operations[] = {{"setfs:", file_zero}, {"open:", file_open},  {"pread:", file_read},
                      {"fstat:", file_stat}, {"close:", file_zero}, {"readlink:", file_no_link}};
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        size_t n = strlen(operations[i].name);
        if (!strncmp(args, operations[i].name, n)) {
            operations[i].fn(g, args + n);
            return;
        }
    }
}
