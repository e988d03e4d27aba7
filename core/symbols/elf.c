/* elf.c - symbols and lines of an ELF image: symbols by libelf, lines by elfutils' libdw. See symbols.h. */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/memory.h"
#include "base/path.h"
#include "core/symbols/private/dwarf_types.h"
#include "core/symbols/private/frame.h"
#include "core/symbols/private/module.h"
#include "core/symbols/private/types.h"

/* The type letter of nm(1), as far as it is known from a symbol table. */
static char type_letter(Elf *elf, const GElf_Sym *sym)
{
    GElf_Shdr sh;
    char c = 'd';
    Elf_Scn *scn = sym->st_shndx < SHN_LORESERVE ? elf_getscn(elf, sym->st_shndx) : NULL;
    if (sym->st_shndx == SHN_ABS)
        c = 'a';
    else if (GELF_ST_TYPE(sym->st_info) == STT_FUNC || GELF_ST_TYPE(sym->st_info) == STT_GNU_IFUNC)
        c = 't';
    else if (scn && gelf_getshdr(scn, &sh))
        c = sh.sh_flags & SHF_EXECINSTR ? 't'
            : sh.sh_type == SHT_NOBITS  ? 'b'
            : sh.sh_flags & SHF_WRITE   ? 'd'
                                        : 'r';
    return GELF_ST_BIND(sym->st_info) == STB_LOCAL ? c : (char)(c - 32);
}

static bool wanted(const GElf_Sym *sym, const char *name)
{
    unsigned type = GELF_ST_TYPE(sym->st_info);
    return name && *name && sym->st_shndx != SHN_UNDEF && type != STT_FILE && type != STT_SECTION &&
           type != STT_TLS;
}

/* The largest size that a symbol without a size can have: up to the end of its section; 0 if not limited. */
static uint64_t room_of(Elf *elf, const GElf_Sym *sym)
{
    GElf_Shdr sh;
    Elf_Scn *scn = sym->st_shndx < SHN_LORESERVE ? elf_getscn(elf, sym->st_shndx) : NULL;
    if (!scn || !gelf_getshdr(scn, &sh) || sym->st_value - sh.sh_addr > sh.sh_size)
        return 0;
    return sym->st_value - sh.sh_addr < sh.sh_size ? sh.sh_addr + sh.sh_size - sym->st_value : 1;
}

/* Whether a symbol is in a section that is loaded: a place in a debug section is not an address. */
static bool is_loaded(Elf *elf, const GElf_Sym *sym)
{
    GElf_Shdr sh;
    Elf_Scn *scn = sym->st_shndx < SHN_LORESERVE ? elf_getscn(elf, sym->st_shndx) : NULL;
    return !scn || !gelf_getshdr(scn, &sh) || sh.sh_flags & SHF_ALLOC;
}

static void add_section(struct symbol_table *t, Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh, bool local)
{
    Elf_Data *data = elf_getdata(scn, NULL);
    GElf_Sym sym;
    size_t n = data && sh->sh_entsize ? data->d_size / sh->sh_entsize : 0;
    for (size_t i = 0; i < n; i++) {
        if (!gelf_getsym(data, (int)i, &sym))
            break;
        const char *name = elf_strptr(elf, sh->sh_link, sym.st_name);
        if (!wanted(&sym, name) || !is_loaded(elf, &sym) || (GELF_ST_BIND(sym.st_info) == STB_LOCAL) != local)
            continue;
        unsigned flags = (sym.st_size ? SYMBOL_SIZED : 0) | (sym.st_shndx == SHN_ABS ? SYMBOL_ABSOLUTE : 0);
        symbol_table_add(t, name, sym.st_value, sym.st_size ? sym.st_size : room_of(elf, &sym),
                         type_letter(elf, &sym), flags);
    }
}

/* Sections do not overlap, so together they have at most the file's size. In a broken file thousands may be the same bytes: what is too
 * much is left out. */
static bool is_apart(const GElf_Shdr *sh, size_t *left)
{
    if (sh->sh_size > *left)
        return false;
    *left -= sh->sh_size;
    return true;
}

static void add_symbols(struct symbol_table *t, Elf *elf, unsigned section_type)
{
    GElf_Shdr sh;
    size_t left = 0;
    elf_rawfile(elf, &left);
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));)
        if (gelf_getshdr(scn, &sh) && sh.sh_type == section_type && is_apart(&sh, &left))
            for (int local = 0; local < 2; local++) /* if an address has two names, the global one is shown */
                add_section(t, elf, scn, &sh, local);
}

/* All of an xz file, up to a limit; to be freed. NULL if it is none, or is damaged. */
static uint8_t *unxz(const void *packed, size_t npacked, size_t *n)
{
    enum { MOST = 64 << 20, MEMORY = 128 << 20 };
    size_t cap = 0, in = 0;
    uint64_t memory = MEMORY;
    uint8_t *out = NULL;
    lzma_ret rc = LZMA_BUF_ERROR;
    for (size_t want = npacked * 8 + 4096; rc == LZMA_BUF_ERROR && want <= MOST; want *= 2) {
        out = mem_grow(out, &cap, want, 1);
        in = *n = 0;
        rc = lzma_stream_buffer_decode(&memory, 0, NULL, packed, &in, npacked, out, n, cap);
    }
    if (rc == LZMA_OK)
        return out;
    free(out);
    return NULL;
}

/* The path relative to the compilation's folder, if it is inside: the rest depends on the
 * builder's machine. */
static const char *short_path(const char *path, const char *folder)
{
    size_t n = folder ? strlen(folder) : 0;
    if (n && !strncmp(path, folder, n) && path[n] == '/')
        path += n + 1;
    return !strncmp(path, "./", 2) ? path + 2 : path;
}

static void add_unit_lines(struct symbol_table *t, Dwarf_Die *unit)
{
    Dwarf_Lines *lines;
    Dwarf_Attribute attr;
    size_t n;
    const char *folder = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attr));
    if (dwarf_getsrclines(unit, &lines, &n))
        return;
    for (size_t i = 0; i < n; i++) {
        Dwarf_Line *line = dwarf_onesrcline(lines, i);
        Dwarf_Addr address;
        int number = 0;
        bool end = false;
        const char *file = dwarf_linesrc(line, NULL, NULL);
        if (dwarf_lineaddr(line, &address) || dwarf_lineno(line, &number) ||
            dwarf_lineendsequence(line, &end))
            continue;
        symbol_table_add_line(t, address, file ? short_path(file, folder) : "?", end ? 0 : (unsigned)number);
    }
}

void symbol_table_read_lines(struct symbol_table *t, Dwarf *dwarf)
{
    Dwarf_CU *cu = NULL;
    Dwarf_Die die;
    while (!dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &die, NULL))
        add_unit_lines(t, &die);
}

/* A Linux kernel without types of its own (.BTF, which would be in its memory) gets those of its DWARF. */
static void add_types(struct symbol_table *t, Elf *elf, Dwarf *dwarf)
{
    static const char *const of_linux[] = {"init_task", "linux_banner", "_text"};
    size_t there = 0;
    for (size_t i = 0; i < t->n; i++)
        for (size_t k = 0; k < 3; k++)
            there |= !strcmp(t->names + t->entries[i].name, of_linux[k]) ? (size_t)1 << k : 0;
    if (there == 7 && !elf_section(elf, ".BTF"))
        t->types = dwarf_types_read(dwarf, gelf_getclass(elf) == ELFCLASS32 ? 4 : 8, &t->types_size);
}

static int add_debug_information(struct symbol_table *t, Elf *elf, struct error *err)
{
    Dwarf *dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
    GElf_Ehdr head;
    int rc = symbol_table_read_members(t, elf, dwarf, err);
    if (dwarf) {
        symbol_table_read_lines(t, dwarf);
        add_types(t, elf, dwarf);
    }
    /* Stripped programs and libraries have call frames, too: .eh_frame. */
    if (gelf_getehdr(elf, &head) && (head.e_machine == EM_386 || head.e_machine == EM_X86_64))
        symbol_table_read_frames(t, elf, dwarf, head.e_machine == EM_X86_64);
    dwarf_end(dwarf);
    return rc;
}

/* What a stripped program may still have of its symbol table: an ELF file of its own, packed by xz (gdb's documentation, "Debugging information in a
 * special section"). */
static void add_packed_symbols(struct symbol_table *t, Elf *elf)
{
    Elf_Scn *scn = elf_section(elf, ".gnu_debugdata");
    const Elf_Data *data = scn ? elf_rawdata(scn, NULL) : NULL;
    size_t n = 0;
    uint8_t *bytes = data && data->d_buf ? unxz(data->d_buf, data->d_size, &n) : NULL;
    Elf *inner = bytes ? elf_memory((char *)bytes, n) : NULL;
    if (inner && elf_kind(inner) == ELF_K_ELF)
        add_symbols(t, inner, SHT_SYMTAB);
    elf_end(inner);
    free(bytes);
}

static int read_elf(struct symbol_table *t, Elf *elf, bool lines, struct error *err)
{
    add_symbols(t, elf, SHT_SYMTAB);
    if (!t->n) {
        add_symbols(t, elf, SHT_DYNSYM);
        if (lines)
            add_packed_symbols(t, elf);
    }
    return lines ? add_debug_information(t, elf, err) : 0;
}

/* Reads all of an open ELF. NULL with err if it has no symbols. */
static struct symbol_table *add_elf(struct symbols *s, const char *name, Elf *elf, bool lines,
                                    struct error *err)
{
    if (elf_kind(elf) != ELF_K_ELF) {
        error_set(err, "%.200s: is not an ELF file: give one with symbols, such as a vmlinux", name);
        return NULL;
    }
    struct symbol_table *t = symbol_table_begin(s, name, "elf");
    const int rc = read_elf(t, elf, lines, err);
    if (!rc && (t->n || t->nlines || (lines && t->nframes)))
        return symbol_table_end(t);
    symbol_table_free(t);
    if (!rc)
        error_set(err, "%.200s: has no symbols, or is broken: give one that is not stripped", name);
    return NULL;
}

struct symbol_table *symbols_add_elf(struct symbols *s, const char *name, const void *data, size_t size,
                                     bool lines, struct error *err)
{
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)data, size);
    if (!elf) {
        error_set(err, "%.200s: %.100s", name, elf_errmsg(-1));
        return NULL;
    }
    struct symbol_table *t = add_elf(s, name, elf, lines, err);
    elf_end(elf);
    return t;
}

/* A shell starts the same few programs again and again. */
static struct elf_read *elf_read_before(const struct symbols *s, const struct elf_read *e)
{
    for (size_t i = 0; i < s->nelfs; i++)
        if (s->elfs[i].low == e->low && s->elfs[i].high == e->high && s->elfs[i].name == e->name)
            return &s->elfs[i];
    return NULL;
}

struct symbol_table *symbols_add_collected(struct symbols *s, const char *name, const void *data, size_t size,
                                           const struct elf_identity *id, struct error *err)
{
    struct elf_read now = {XXH3_64bits(name, strlen(name)), id->low, id->high, NULL};
    const struct elf_read *before = elf_read_before(s, &now);
    if (before)
        return before->table;
    now.table = symbols_add_elf(s, name, data, size, false, err);
    if (now.table) {
        MEM_MORE(s->elfs, s->nelfs);
        s->elfs[s->nelfs++] = now;
    }
    return now.table;
}

/* An ELF file that is open. */
struct elf_file {
    Elf *elf;
    int fd;
};

static int open_file(struct elf_file *f, const char *path, struct error *err)
{
    f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* do not wait for the writer of a pipe */
    if (f->fd < 0)
        return error_set(err, "%.200s: %m", path);
    elf_version(EV_CURRENT);
    f->elf = elf_begin(f->fd, ELF_C_READ_MMAP, NULL);
    if (f->elf)
        return 0;
    close(f->fd);
    return error_set(err, "%.200s: %.100s", path, elf_errmsg(-1));
}

static void close_file(struct elf_file *f)
{
    elf_end(f->elf);
    close(f->fd);
}

struct symbol_table *symbols_add_elf_file(struct symbols *s, const char *path, struct error *err)
{
    struct elf_file f;
    if (open_file(&f, path, err))
        return NULL;
    struct symbol_table *t = add_elf(s, path_name(path), f.elf, true, err);
    close_file(&f);
    return t;
}

/* The symbols of the other file, without the versions that are at the ends of their names (printf@@GLIBC_2.2.5). */
static void add_names_of(struct symbol_table *t, const char *path)
{
    struct elf_file f;
    struct error ignored;
    const size_t before = t->n;
    if (open_file(&f, path, &ignored))
        return;
    if (elf_kind(f.elf) == ELF_K_ELF)
        add_symbols(t, f.elf, SHT_SYMTAB);
    for (size_t i = before; i < t->n; i++) {
        char *name = t->names + t->entries[i].name;
        name[strcspn(name, "@")] = 0;
    }
    close_file(&f);
}

struct symbol_table *symbols_add_stripped(struct symbols *s, const char *name, const void *data, size_t size,
                                          const char *path, struct error *err)
{
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)data, size);
    struct symbol_table *t = symbol_table_begin(s, name, "elf");
    int rc = -1;
    if (path)
        add_names_of(t, path);
    if (elf && elf_kind(elf) == ELF_K_ELF)
        rc = read_elf(t, elf, true, err);
    elf_end(elf);
    if (!rc && (t->n || t->nframes))
        return symbol_table_end(t);
    symbol_table_free(t);
    return NULL;
}

bool symbols_in_elf_file(const char *path)
{
    struct elf_file f;
    struct error err;
    GElf_Shdr sh;
    bool found = false;
    if (open_file(&f, path, &err))
        return false;
    for (Elf_Scn *scn = NULL; elf_kind(f.elf) == ELF_K_ELF && (scn = elf_nextscn(f.elf, scn));)
        found |= gelf_getshdr(scn, &sh) && sh.sh_type == SHT_SYMTAB;
    close_file(&f);
    return found;
}

int symbol_table_read_elf_file(struct symbol_table *t, const char *path, struct error *err)
{
    struct elf_file f;
    if (open_file(&f, path, err))
        return -1;
    int rc = read_elf(t, f.elf, true, err);
    close_file(&f);
    if (!rc && !t->n && !t->nlines)
        rc = error_set(err, "%.200s: has no symbols, or is broken: give one that is not stripped", path);
    return rc;
}

int symbols_elf_about(const char *path, struct elf_about *about, struct error *err)
{
    GElf_Ehdr head;
    GElf_Shdr sh;
    struct elf_file f;
    if (open_file(&f, path, err))
        return -1;
    if (elf_kind(f.elf) != ELF_K_ELF || !gelf_getehdr(f.elf, &head)) {
        close_file(&f);
        return error_set(err, "%.200s: is not an ELF file", path);
    }
    *about = (struct elf_about){.machine = head.e_machine,
                                .movable = head.e_type == ET_DYN,
                                .entry = head.e_entry,
                                .code = UINT64_MAX,
                                .lowest = UINT64_MAX};
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(f.elf, scn));) {
        if (!gelf_getshdr(scn, &sh) || !(sh.sh_flags & SHF_ALLOC))
            continue;
        about->lowest = sh.sh_addr < about->lowest ? sh.sh_addr : about->lowest;
        if (sh.sh_flags & SHF_EXECINSTR && sh.sh_addr < about->code)
            about->code = sh.sh_addr;
    }
    close_file(&f);
    return 0;
}

struct collecting {
    const uint8_t *data;
    size_t size;
    void (*read)(void *ctx, size_t offset, size_t n);
    void *ctx;
    XXH3_state_t *hash;
};

/* A part of the file, as far as it has it. */
static void collect(struct collecting *c, uint64_t offset, uint64_t n)
{
    if (offset >= c->size || !n)
        return;
    const uint64_t part[2] = {offset, n < c->size - offset ? n : c->size - offset};
    c->read(c->ctx, part[0], part[1]);
    XXH3_128bits_update(c->hash, part, sizeof part);
    XXH3_128bits_update(c->hash, c->data + part[0], part[1]);
}

/* The tables of segments and of sections. */
static void collect_tables(struct collecting *c, void *data)
{
    GElf_Ehdr head;
    Elf *elf = elf_memory(data, c->size);
    const bool is_elf = elf && gelf_getehdr(elf, &head);
    elf_end(elf);
    if (!is_elf)
        return;
    collect(c, head.e_phoff, (uint64_t)head.e_phnum * head.e_phentsize);
    collect(c, head.e_shoff, (uint64_t)head.e_shnum * head.e_shentsize);
}

struct elf_identity symbols_elf_collect(void *data, size_t size,
                                        void (*read)(void *ctx, size_t offset, size_t n), void *ctx)
{
    struct collecting c = {
        .data = data, .size = size, .read = read, .ctx = ctx, .hash = mem_check(XXH3_createState())};
    GElf_Shdr sh;
    size_t left = size;
    XXH3_128bits_reset(c.hash);
    elf_version(EV_CURRENT);
    collect(&c, 0, sizeof(Elf64_Ehdr));
    collect_tables(&c, data);
    Elf *elf = elf_memory(data, size);
    for (Elf_Scn *scn = NULL; elf && elf_kind(elf) == ELF_K_ELF && (scn = elf_nextscn(elf, scn));)
        if (gelf_getshdr(scn, &sh) &&
            (sh.sh_type == SHT_SYMTAB || sh.sh_type == SHT_DYNSYM || sh.sh_type == SHT_STRTAB) &&
            is_apart(&sh, &left))
            collect(&c, sh.sh_offset, sh.sh_size);
    elf_end(elf);
    const XXH128_hash_t h = XXH3_128bits_digest(c.hash);
    XXH3_freeState(c.hash);
    return (struct elf_identity){h.low64, h.high64};
}

int symbols_elf_base(const void *data, size_t size, uint64_t *vaddr, uint64_t *offset)
{
    GElf_Phdr ph;
    size_t n = 0;
    int rc = -1;
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)data, size);
    if (elf && !elf_getphdrnum(elf, &n))
        for (size_t i = 0; rc && i < n; i++)
            if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_LOAD && ph.p_flags & PF_X) {
                *vaddr = ph.p_vaddr;
                *offset = ph.p_offset;
                rc = 0;
            }
    elf_end(elf);
    return rc;
}
