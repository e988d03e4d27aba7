/* relocatable.c - the symbols and lines of a kernel module's file (.ko), whose sections the kernel has put anywhere. See symbols.h.
 *
 * Addresses in its debug information are relocations, which libdwfl applies.
 */
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "core/symbols/private/frame.h"
#include "core/symbols/private/impl.h"

struct relocatable {
    const char *path;
    const struct symbol_sections *at;
    int fd;
    Elf *elf;
    size_t names; /* the section with the names of sections */
    size_t nsections;
    struct placed {
        uint64_t address;
        bool asked, there;
    } * placed; /* by section */
};

static bool open_relocatable(struct relocatable *r, const char *path)
{
    GElf_Ehdr head;
    elf_version(EV_CURRENT);
    r->path = path;
    r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    r->elf = r->fd < 0 ? NULL : elf_begin(r->fd, ELF_C_READ_MMAP, NULL);
    if (r->elf && elf_kind(r->elf) == ELF_K_ELF && gelf_getehdr(r->elf, &head) && head.e_type == ET_REL &&
        !elf_getshdrstrndx(r->elf, &r->names) && !elf_getshdrnum(r->elf, &r->nsections)) {
        r->placed = mem_zero(r->nsections + 1, sizeof *r->placed);
        return true;
    }
    elf_end(r->elf);
    if (r->fd >= 0)
        close(r->fd);
    return false;
}

static void close_relocatable(struct relocatable *r)
{
    free(r->placed);
    elf_end(r->elf);
    close(r->fd);
}

static const char *section_name(const struct relocatable *r, Elf_Scn *scn, GElf_Shdr *sh)
{
    const char *name = gelf_getshdr(scn, sh) ? elf_strptr(r->elf, r->names, sh->sh_name) : NULL;
    return name ? name : "";
}

/* ---------------------------------------------------------------- its name */

/* The kernel's name of a module is in .modinfo, as name=NAME. */
static bool name_in(const char *info, size_t n, char *name, size_t size)
{
    for (const char *end = info + n; info < end; info += strnlen(info, (size_t)(end - info)) + 1)
        if ((size_t)(end - info) > 5 && !strncmp(info, "name=", 5)) {
            snprintf(name, size, "%.*s", (int)strnlen(info + 5, (size_t)(end - info) - 5), info + 5);
            return true;
        }
    return false;
}

bool symbols_kernel_module(const char *path, char *name, size_t size)
{
    struct relocatable r = {0};
    GElf_Shdr sh;
    bool found = false;
    if (!open_relocatable(&r, path))
        return false;
    for (Elf_Scn *scn = NULL; !found && (scn = elf_nextscn(r.elf, scn));) {
        const Elf_Data *data = strcmp(section_name(&r, scn, &sh), ".modinfo") ? NULL : elf_getdata(scn, NULL);
        found = data && data->d_buf && name_in(data->d_buf, data->d_size, name, size);
    }
    close_relocatable(&r);
    return found;
}

/* ---------------------------------------------------------------- symbols */

static bool section_at(const struct relocatable *r, Elf_Scn *scn, uint64_t *address)
{
    const size_t i = elf_ndxscn(scn);
    struct placed *p = &r->placed[i < r->nsections ? i : r->nsections];
    if (!p->asked) {
        GElf_Shdr sh;
        const char *name = section_name(r, scn, &sh);
        p->asked = true;
        p->there = sh.sh_flags & SHF_ALLOC && r->at->address(r->at->ctx, name, &p->address);
    }
    *address = p->address;
    return p->there;
}

static void add_symbol(struct symbol_table *t, const struct relocatable *r, const GElf_Sym *sym,
                       const char *name)
{
    const unsigned type = GELF_ST_TYPE(sym->st_info);
    Elf_Scn *scn = sym->st_shndx && sym->st_shndx < SHN_LORESERVE ? elf_getscn(r->elf, sym->st_shndx) : NULL;
    uint64_t address;
    char letter = type == STT_FUNC ? 't' : 'd';
    if (!scn || !name || !*name || (type != STT_FUNC && type != STT_OBJECT) || !section_at(r, scn, &address))
        return;
    if (GELF_ST_BIND(sym->st_info) != STB_LOCAL)
        letter = (char)(letter - 32);
    symbol_table_add(t, name, address + sym->st_value, sym->st_size, letter, sym->st_size ? SYMBOL_SIZED : 0);
}

static void add_symbols(struct symbol_table *t, const struct relocatable *r)
{
    GElf_Shdr sh;
    GElf_Sym sym;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(r->elf, scn));) {
        Elf_Data *data = gelf_getshdr(scn, &sh) && sh.sh_type == SHT_SYMTAB ? elf_getdata(scn, NULL) : NULL;
        for (int i = 0; data && gelf_getsym(data, i, &sym); i++)
            add_symbol(t, r, &sym, elf_strptr(r->elf, sh.sh_link, sym.st_name));
    }
}

/* ---------------------------------------------------------------- lines */

static int find_file(Dwfl_Module *m, void **user, const char *name, Dwarf_Addr base, char **file, Elf **elf)
{
    const struct relocatable *r = *user;
    *file = mem_string(r->path);
    return open(r->path, O_RDONLY | O_CLOEXEC);
}

/* None but in the file itself: what else the host has must not matter. */
static int find_no_other(Dwfl_Module *m, void **user, const char *name, Dwarf_Addr base, const char *file,
                         const char *link, GElf_Word crc, char **debug)
{
    return -1;
}

static int section_address(Dwfl_Module *m, void **user, const char *name, Dwarf_Addr base,
                           const char *section, GElf_Word index, const GElf_Shdr *sh, Dwarf_Addr *address)
{
    const struct relocatable *r = *user;
    if (!r->at->address(r->at->ctx, section, address))
        *address = (Dwarf_Addr)-1; /* it is not in memory */
    return 0;
}

static void add_lines(struct symbol_table *t, struct relocatable *r)
{
    static const Dwfl_Callbacks callbacks = {
        .find_elf = find_file, .find_debuginfo = find_no_other, .section_address = section_address};
    Dwarf_Addr bias;
    void **user;
    uint64_t low = t->n ? UINT64_MAX : 0, high = 0;
    for (size_t i = 0; i < t->n; i++) {
        low = t->entries[i].address < low ? t->entries[i].address : low;
        high = t->entries[i].address >= high ? t->entries[i].address + 1 : high;
    }
    Dwfl *dwfl = high > low ? dwfl_begin(&callbacks) : NULL;
    Dwfl_Module *m = dwfl ? dwfl_report_module(dwfl, t->name, low, high) : NULL;
    if (m && dwfl_module_info(m, &user, NULL, NULL, NULL, NULL, NULL, NULL)) {
        *user = r;
        Dwarf *dwarf = dwfl_module_getdwarf(m, &bias);
        if (dwarf && !bias)
            symbol_table_read_lines(t, dwarf);
    }
    dwfl_end(dwfl);
}

struct symbol_table *symbols_add_relocatable(struct symbols *s, const char *name, const char *path,
                                             const struct symbol_sections *at, struct error *err)
{
    struct relocatable r = {.at = at};
    if (!open_relocatable(&r, path)) {
        error_set(err, "%.200s: is not a kernel module's file (.ko)", path);
        return NULL;
    }
    struct symbol_table *t = symbol_table_begin(s, name, "module file");
    add_symbols(t, &r);
    add_lines(t, &r);
    close_relocatable(&r);
    if (t->n)
        return symbol_table_end(t);
    symbol_table_free(t);
    error_set(err, "%.200s: has no symbols of what the kernel has loaded", path);
    return NULL;
}

bool symbols_same_build(const struct symbol_table *file, const struct symbol_table *module)
{
    struct symbol here, there;
    size_t same = 0, other = 0;
    for (size_t i = 0; i < file->n; i++) {
        symbol_table_symbol(file, i, &here);
        if (!symbol_is_code(here.type) || !symbol_table_find(module, here.name, &there))
            continue;
        same += here.address == there.address;
        other += here.address != there.address;
    }
    return same > other; /* names may occur several times */
}
