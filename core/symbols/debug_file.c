/* debug_file.c - what a file with DWARF says of an address, by elfutils' libdw. See debug.h.
 *
 * libdw reads a unit when it is asked for it, so a kernel's file costs what is looked up in it. The unit of an address is found by
 * .debug_aranges; of units that are not in there (clang writes none) the ranges are read from all units, once. Lines and functions of a program
 * whose debug information is split are in its .dwo files, which libdw opens; where they are missing, lines alone are known.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash_index.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/sorted.h"
#include "core/symbols/private/debug_impl.h"

struct unit_range {
    uint64_t begin, end;
    Dwarf_Off die;
};

/* Where the sections of a relocatable file are. */
struct placed_section {
    char *name;
    uint64_t address;
};

/* What was found for an address: `n` places from `first` on. */
struct answer {
    uint64_t address;
    uint32_t first, n;
};

struct debug_file {
    struct debug_info *of;
    char *path;
    uint64_t bias;
    bool relocatable, opened;
    struct placed_section *section;
    size_t nsections;
    int fd, alt_fd;
    Elf *elf;
    Dwfl *dwfl;         /* of a relocatable file */
    Dwarf *dwarf, *alt; /* alt: what dwz has taken out of several files (.gnu_debugaltlink) */
    struct unit_range *range;
    size_t nranges;
    bool ranges_read;
    struct answer *answer;
    size_t nanswers;
    struct hash_index by_address;
    struct debug_place *place;
    size_t nplaces;
};

/* ---------------------------------------------------------------- ELF files */

struct opened {
    int fd;
    Elf *elf;
    GElf_Ehdr head;
    size_t names;
};

static bool open_elf(struct opened *o, const char *path)
{
    elf_version(EV_CURRENT);
    o->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    o->elf = o->fd < 0 ? NULL : elf_begin(o->fd, ELF_C_READ_MMAP, NULL);
    if (o->elf && elf_kind(o->elf) == ELF_K_ELF && gelf_getehdr(o->elf, &o->head) &&
        !elf_getshdrstrndx(o->elf, &o->names))
        return true;
    elf_end(o->elf);
    if (o->fd >= 0)
        close(o->fd);
    return false;
}

static void close_elf(struct opened *o)
{
    elf_end(o->elf);
    close(o->fd);
}

bool debug_file_base(const char *path, uint64_t *address)
{
    struct opened o;
    GElf_Phdr ph;
    size_t n;
    bool found = false;
    if (!open_elf(&o, path))
        return false;
    for (size_t i = 0; !found && !elf_getphdrnum(o.elf, &n) && i < n; i++)
        if (gelf_getphdr(o.elf, (int)i, &ph) && ph.p_type == PT_LOAD && ph.p_flags & PF_X) {
            *address = ph.p_vaddr;
            found = true;
        }
    close_elf(&o);
    return found;
}

bool debug_file_is_fixed(const char *path)
{
    struct opened o;
    const bool open = open_elf(&o, path), fixed = open && o.head.e_type == ET_EXEC;
    if (open)
        close_elf(&o);
    return fixed;
}

/* ---------------------------------------------------------------- beginning */

static void place_sections(struct debug_file *f, const struct opened *o, const struct symbol_sections *at)
{
    GElf_Shdr sh;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(o->elf, scn));) {
        const char *name = gelf_getshdr(scn, &sh) ? elf_strptr(o->elf, o->names, sh.sh_name) : NULL;
        uint64_t address;
        if (!name || !(sh.sh_flags & SHF_ALLOC) || !at->address(at->ctx, name, &address))
            continue;
        MEM_MORE(f->section, f->nsections);
        f->section[f->nsections++] = (struct placed_section){mem_string(name), address};
    }
}

struct debug_file *debug_file_open(struct debug_info *d, const char *path, const struct debug_at *at,
                                   struct error *err)
{
    struct opened o;
    if (!open_elf(&o, path)) {
        error_set(err, "%.200s: is not an ELF file", path);
        return NULL;
    }
    const bool relocatable = o.head.e_type == ET_REL;
    struct debug_file *f = NULL;
    if (relocatable && !at->rel) {
        error_set(err, "%.200s: is a relocatable file, and it is not known where its sections are", path);
    } else {
        f = mem_zero(1, sizeof *f);
        *f = (struct debug_file){.of = d,
                                 .path = mem_string(path),
                                 .bias = at->bias,
                                 .relocatable = relocatable,
                                 .fd = -1,
                                 .alt_fd = -1};
        if (relocatable)
            place_sections(f, &o, at->rel);
        debug_info_keep(d, f);
    }
    close_elf(&o);
    return f;
}

const char *debug_file_path(const struct debug_file *f)
{
    return f->path;
}

uint64_t debug_file_bias(const struct debug_file *f)
{
    return f->bias;
}

bool debug_file_is_relocatable(const struct debug_file *f)
{
    return f->relocatable;
}

void debug_file_free(struct debug_file *f)
{
    dwfl_end(f->dwfl); /* has the Dwarf of a relocatable file */
    if (!f->relocatable)
        dwarf_end(f->dwarf);
    dwarf_end(f->alt);
    elf_end(f->elf);
    if (f->fd >= 0)
        close(f->fd);
    if (f->alt_fd >= 0)
        close(f->alt_fd);
    for (size_t i = 0; i < f->nsections; i++)
        free(f->section[i].name);
    free(f->section);
    free(f->range);
    free(f->answer);
    free(f->place);
    hash_index_clear(&f->by_address);
    free(f->path);
    free(f);
}

/* ---------------------------------------------------------------- opening */

static int find_file(Dwfl_Module *m, void **user, const char *name, Dwarf_Addr base, char **file, Elf **elf)
{
    const struct debug_file *f = *user;
    *file = mem_string(f->path);
    return open(f->path, O_RDONLY | O_CLOEXEC);
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
    const struct debug_file *f = *user;
    *address = (Dwarf_Addr)-1; /* it is not in memory */
    for (size_t i = 0; i < f->nsections; i++)
        if (!strcmp(f->section[i].name, section))
            *address = f->section[i].address;
    return 0;
}

static void open_relocatable(struct debug_file *f)
{
    static const Dwfl_Callbacks callbacks = {
        .find_elf = find_file, .find_debuginfo = find_no_other, .section_address = section_address};
    uint64_t low = UINT64_MAX, high = 0;
    void **user;
    Dwarf_Addr bias;
    for (size_t i = 0; i < f->nsections; i++) {
        low = f->section[i].address < low ? f->section[i].address : low;
        high = f->section[i].address >= high ? f->section[i].address + 1 : high;
    }
    f->dwfl = high > low ? dwfl_begin(&callbacks) : NULL;
    Dwfl_Module *m = f->dwfl ? dwfl_report_module(f->dwfl, f->path, low, high) : NULL;
    if (!m || !dwfl_module_info(m, &user, NULL, NULL, NULL, NULL, NULL, NULL))
        return;
    *user = f;
    Dwarf *dwarf = dwfl_module_getdwarf(m, &bias);
    f->dwarf = dwarf && !bias ? dwarf : NULL;
}

/* libdw looks beside the file and in /usr/lib/debug; a folder that was given may be elsewhere. */
static void open_alternative(struct debug_file *f)
{
    const char *name;
    const void *bytes;
    struct build_id id = {0};
    const ssize_t n = dwelf_dwarf_gnu_debugaltlink(f->dwarf, &name, &bytes);
    if (n <= 0 || n > BUILD_ID_MAX || dwarf_getalt(f->dwarf))
        return;
    id.n = (uint8_t)n;
    memcpy(id.bytes, bytes, (size_t)n);
    const char *path = debug_info_find(f->of, &id, path_name(name));
    f->alt_fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    f->alt = f->alt_fd >= 0 ? dwarf_begin(f->alt_fd, DWARF_C_READ) : NULL;
    if (f->alt)
        dwarf_setalt(f->dwarf, f->alt);
    else
        debug_info_say(f->of, "%s: the file %s, to which it refers, is not there: some names are not known",
                       f->path, name);
}

static void open_dwarf(struct debug_file *f)
{
    f->opened = true;
    elf_version(EV_CURRENT);
    if (f->relocatable) {
        open_relocatable(f);
    } else {
        f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        f->elf = f->fd < 0 ? NULL : elf_begin(f->fd, ELF_C_READ_MMAP, NULL);
        f->dwarf = f->elf ? dwarf_begin_elf(f->elf, DWARF_C_READ, NULL) : NULL;
    }
    if (f->dwarf)
        open_alternative(f);
    else
        debug_info_say(f->of, "%s: its debug information cannot be read", f->path);
}

/* ---------------------------------------------------------------- units */

static int by_begin(const void *a, const void *b)
{
    const struct unit_range *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static void read_ranges(struct debug_file *f)
{
    Dwarf_CU *cu = NULL;
    Dwarf_Die die;
    f->ranges_read = true;
    while (!dwarf_get_units(f->dwarf, cu, &cu, NULL, NULL, &die, NULL)) {
        Dwarf_Addr base, begin, end;
        for (ptrdiff_t at = 0; (at = dwarf_ranges(&die, at, &base, &begin, &end)) > 0;) {
            if (begin >= end)
                continue;
            MEM_MORE(f->range, f->nranges);
            f->range[f->nranges++] = (struct unit_range){begin, end, dwarf_dieoffset(&die)};
        }
    }
    if (f->nranges)
        qsort(f->range, f->nranges, sizeof *f->range, by_begin);
}

static bool find_unit(struct debug_file *f, uint64_t address, Dwarf_Die *unit)
{
    if (dwarf_addrdie(f->dwarf, address, unit))
        return true;
    if (!f->ranges_read)
        read_ranges(f);
    const size_t above = FIRST_NOT(i, 0, f->nranges, f->range[i].begin <= address);
    return above && address < f->range[above - 1].end &&
           dwarf_offdie(f->dwarf, f->range[above - 1].die, unit);
}

/* ---------------------------------------------------------------- functions */

static const char *shown_file(struct debug_file *f, Dwarf_Die *unit, const char *path)
{
    Dwarf_Attribute attr;
    return path ? debug_info_source(f->of, path, dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attr)))
                : NULL;
}

static const char *name_of(Dwarf_Die *die)
{
    Dwarf_Attribute attr;
    const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attr));
    return name;
}

/* The file of that number in a unit's list; NULL: there is none. */
static const char *file_of(struct debug_file *f, Dwarf_Die *unit, Dwarf_Word number)
{
    Dwarf_Files *files;
    size_t n;
    return !dwarf_getsrcfiles(unit, &files, &n) && number < n
               ? shown_file(f, unit, dwarf_filesrc(files, number, NULL, NULL))
               : NULL;
}

/* Where a function is defined; its number is of the list of the unit where that is said. (dwarf_decl_file() ends the program where it finds no
 * list.) */
static const char *definition_of(struct debug_file *f, Dwarf_Die *unit, Dwarf_Die *scope)
{
    Dwarf_Attribute attr;
    Dwarf_Word number;
    const bool said = dwarf_attr_integrate(scope, DW_AT_decl_file, &attr) && attr.cu == scope->cu &&
                      !dwarf_formudata(&attr, &number);
    return said ? file_of(f, unit, number) : NULL;
}

static void add_place(struct debug_file *f, Dwarf_Die *unit, Dwarf_Die *scope, bool inlined, const char *file,
                      unsigned line)
{
    struct debug_place p = {.file = file, .line = line, .inlined = inlined};
    int begins = 0;
    if (scope) {
        p.function = name_of(scope);
        p.begin_file = definition_of(f, unit, scope);
        p.begin_line = !dwarf_decl_line(scope, &begins) && begins > 0 ? (unsigned)begins : 0;
    }
    MEM_MORE(f->place, f->nplaces);
    f->place[f->nplaces++] = p;
}

static unsigned number(Dwarf_Die *die, unsigned attribute)
{
    Dwarf_Attribute attr;
    Dwarf_Word v;
    return dwarf_formudata(dwarf_attr(die, attribute, &attr), &v) || v > UINT32_MAX ? 0 : (unsigned)v;
}

/* The file and line of the call of an inlined function. */
static const char *call_of(struct debug_file *f, Dwarf_Die *unit, Dwarf_Die *scope, unsigned *line)
{
    *line = number(scope, DW_AT_call_line);
    return file_of(f, unit, number(scope, DW_AT_call_file));
}

static void add_functions(struct debug_file *f, Dwarf_Die *unit, Dwarf_Die *scope, int n, const char *file,
                          unsigned line)
{
    const size_t before = f->nplaces;
    for (int i = 0; i < n && f->nplaces - before < DEBUG_PLACES; i++) {
        const int tag = dwarf_tag(&scope[i]);
        const bool inlined = tag == DW_TAG_inlined_subroutine;
        if (!inlined && tag != DW_TAG_subprogram)
            continue;
        add_place(f, unit, &scope[i], inlined, file, line);
        if (!inlined)
            break;
        file = call_of(f, unit, &scope[i], &line);
    }
    if (f->nplaces == before)
        add_place(f, unit, NULL, false, file, line); /* assembly */
}

/* libdw reads packages of .dwo files (.dwp) from version 0.191 on. */
static bool reads_packages(void)
{
    unsigned major, minor;
    return sscanf(dwfl_version(NULL), "%u.%u", &major, &minor) == 2 && (major || minor >= 191);
}

/* Split units that libdw does not find. */
static void say_split(struct debug_file *f)
{
    char *package = mem_alloc(strlen(f->path) + sizeof ".dwp");
    sprintf(package, "%s.dwp", f->path);
    if (!access(package, R_OK) && !reads_packages())
        debug_info_say(
            f->of,
            "%s: this program's elfutils (%s) cannot read such a package, 0.191 can, so only lines "
            "of %s are known; its .dwo files can be read if they are there",
            package, dwfl_version(NULL), f->path);
    else
        debug_info_say(f->of,
                       "%s: its .dwo files are not where it says that they are, nor in a .dwp file, so only "
                       "lines are known",
                       f->path);
    free(package);
}

/* The scopes of an address, and the functions among them: first the innermost, then what really is around it (an inlined function's scopes are
 * those of where it is defined). */
static void look_up(struct debug_file *f, uint64_t address)
{
    Dwarf_Die unit, split, *inner = NULL, *scope = NULL;
    Dwarf_Attribute attr;
    int lineno = 0;
    if (!find_unit(f, address, &unit))
        return;
    Dwarf_Line *row = dwarf_getsrc_die(&unit, address);
    if (!row || dwarf_lineno(row, &lineno))
        lineno = 0;
    const char *file = row ? shown_file(f, &unit, dwarf_linesrc(row, NULL, NULL)) : NULL;
    Dwarf_Die *top = &unit;
    if (!dwarf_cu_info(unit.cu, NULL, NULL, NULL, &split, NULL, NULL, NULL) && split.addr)
        top = &split;
    else if (dwarf_attr(&unit, DW_AT_dwo_name, &attr) || dwarf_attr(&unit, DW_AT_GNU_dwo_name, &attr))
        say_split(f);
    int n = dwarf_getscopes(top, address, &inner);
    n = n > 0 ? dwarf_getscopes_die(&inner[0], &scope) : 0;
    if (row || n > 0)
        add_functions(f, &unit, scope, n, file, (unsigned)lineno);
    free(inner);
    free(scope);
}

static const struct answer *ask(struct debug_file *f, uint64_t address)
{
    for (struct hash_search s = hash_search(&f->by_address, address * 0x9e3779b97f4a7c15u);
         hash_found(&f->by_address, &s);)
        if (f->answer[s.number].address == address)
            return &f->answer[s.number];
    const size_t first = f->nplaces;
    look_up(f, address - f->bias);
    hash_index_add(&f->by_address, address * 0x9e3779b97f4a7c15u, f->nanswers);
    MEM_MORE(f->answer, f->nanswers);
    f->answer[f->nanswers] = (struct answer){address, (uint32_t)first, (uint32_t)(f->nplaces - first)};
    return &f->answer[f->nanswers++];
}

size_t debug_file_places(struct debug_file *f, uint64_t address, struct debug_place *place, size_t max)
{
    size_t n = 0;
    debug_info_lock(f->of);
    if (!f->opened)
        open_dwarf(f);
    if (f->dwarf) {
        const struct answer *a = ask(f, address);
        n = a->n < max ? a->n : max;
        memcpy(place, f->place + a->first, n * sizeof *place);
    }
    debug_info_unlock(f->of);
    return n;
}
