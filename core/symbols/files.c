/* files.c - the files in which the symbols of modules are looked for. See symbols.h.
 *
 * A module names the file with its debug information by the path that it had where the module was built. Only
 * the last part of that counts here. Several files may have that name (builds for 32 and for 64 bits,
 * copies): the first, in the order of their paths, that belongs to the module's image is taken, so the choice
 * does not depend on the file system.
 */
#include <assert.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "core/symbols/debug.h"
#include "core/symbols/private/module.h"

enum { NAME = 128, FILES_MAX = 1 << 18, FOLDERS_DEEP = 40 };

struct candidate {
    char *path;
    char name[NAME];                /* without folder and ending */
    bool pdb, given, used, refused; /* refused: a warning about it was given */
    bool kernel_module;             /* a Linux kernel's (.ko), of that name */
    bool program;                   /* one that runs under a kernel */
};

struct symbol_files {
    struct candidate *list;
    size_t n, cap;
    struct debug_info *also; /* NULL: nothing */
};

struct symbol_files *symbol_files_new(void)
{
    return mem_zero(1, sizeof(struct symbol_files));
}

void symbol_files_free(struct symbol_files *f)
{
    for (size_t i = 0; f && i < f->n; i++)
        free(f->list[i].path);
    if (f)
        free(f->list);
    free(f);
}

const char *symbol_files_unused(const struct symbol_files *f, size_t i)
{
    for (size_t k = 0; k < f->n; k++)
        if (f->list[k].given && !f->list[k].used && !i--)
            return f->list[k].path;
    return NULL;
}

void symbol_files_also(struct symbol_files *f, struct debug_info *d)
{
    f->also = d;
}

bool symbol_files_used(const struct symbol_files *f, const char *path)
{
    for (size_t k = 0; k < f->n; k++)
        if (f->list[k].used && !strcmp(f->list[k].path, path))
            return true;
    return false;
}

const char *symbol_files_kernel_module(struct symbol_files *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->list[i].kernel_module && !strcmp(f->list[i].name, name)) {
            f->list[i].used = true;
            return f->list[i].path;
        }
    return NULL;
}

static void add(struct symbol_files *f, const char *path, bool pdb, bool given)
{
    if (f->n == FILES_MAX)
        return;
    f->list = mem_grow(f->list, &f->cap, f->n + 1, sizeof *f->list);
    struct candidate *c = &f->list[f->n++];
    *c = (struct candidate){.path = mem_string(path), .pdb = pdb, .given = given};
    pe_path_name(path, c->name, sizeof c->name);
}

void symbol_files_add_program(struct symbol_files *f, const char *path)
{
    const size_t n = f->n;
    add(f, path, false, true);
    if (f->n > n)
        f->list[n].program = true;
}

const char *symbol_files_program(struct symbol_files *f, const void *data, size_t size)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->list[i].program && symbols_same_program(f->list[i].path, data, size)) {
            f->list[i].used = true;
            return f->list[i].path;
        }
    struct build_id id;
    return f->also && build_id_of_elf(data, size, &id) ? debug_info_find(f->also, &id, "a program") : NULL;
}

/* ---------------------------------------------------------------- folders */

static bool ends_in(const char *name, const char *ending)
{
    const size_t n = strlen(name), e = strlen(ending);
    return n > e && !strcasecmp(name + n - e, ending);
}

static int add_folder(struct symbol_files *f, const char *path, unsigned depth, struct error *err)
{
    struct dirent **entry;
    const int n = scandir(path, &entry, NULL, alphasort);
    struct stat st;
    if (n < 0)
        return error_set(err, "%.200s: %m", path);
    for (int i = 0; i < n; i++) {
        char *inner = mem_alloc(strlen(path) + strlen(entry[i]->d_name) + 2);
        sprintf(inner, "%s/%s", path, entry[i]->d_name);
        const bool pdb = ends_in(inner, ".pdb");
        if (entry[i]->d_name[0] != '.' && !lstat(inner, &st)) {
            if (S_ISDIR(st.st_mode) && depth < FOLDERS_DEEP)
                add_folder(f, inner, depth + 1, NULL); /* a folder that cannot be read counts as empty */
            else if (!S_ISDIR(st.st_mode) && (pdb || ends_in(inner, ".debug")))
                add(f, inner, pdb, false);
        }
        free(inner);
        free(entry[i]);
    }
    free(entry);
    return 0;
}

/* ---------------------------------------------------------------- files */

struct mapped {
    uint8_t *p;
    size_t n;
};

static int map_file(const char *path, struct mapped *m, struct error *err)
{
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    m->p = MAP_FAILED;
    if (fd >= 0 && !fstat(fd, &st) && st.st_size > 0) {
        m->n = (size_t)st.st_size;
        m->p = mmap(NULL, m->n, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    const int rc = m->p != MAP_FAILED       ? 0
                   : fd >= 0 && !st.st_size ? error_set(err, "%.200s: is empty", path)
                                            : error_set(err, "%.200s: %m", path);
    if (fd >= 0)
        close(fd);
    return rc;
}

static int about_pdb(const char *path, struct pdb_about *about, struct error *err)
{
    struct mapped m;
    if (map_file(path, &m, err))
        return -1;
    const int rc = symbols_pdb_about(path, m.p, m.n, about, err);
    munmap(m.p, m.n);
    return rc;
}

static bool is_pdb(const char *path)
{
    char begin[16] = "";
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const bool read_all = fd >= 0 && read(fd, begin, sizeof begin - 1) > 0;
    if (fd >= 0)
        close(fd);
    return read_all && !strncmp(begin, "Microsoft C/C++", 15);
}

bool symbol_file_is_pdb(const char *path)
{
    return ends_in(path, ".pdb") || is_pdb(path);
}

int symbol_files_add(struct symbol_files *f, const char *path, bool *fixed, struct error *err)
{
    enum { PAGE = 4096 };
    struct stat st;
    struct pdb_about pdb;
    struct elf_about elf;
    *fixed = false;
    if (!stat(path, &st) && S_ISDIR(st.st_mode))
        return add_folder(f, path, 0, err);
    if (symbol_file_is_pdb(path)) {
        if (about_pdb(path, &pdb, err))
            return -1;
        add(f, path, true, true);
        return 0;
    }
    char module[NAME];
    if (symbols_kernel_module(path, module, sizeof module)) {
        add(f, path, false, true);
        f->list[f->n - 1].kernel_module = true;
        snprintf(f->list[f->n - 1].name, NAME, "%s", module);
        return 0;
    }
    if (symbols_elf_about(path, &elf, err)) {
        *fixed = true; /* it is reported when it is read */
        return 0;
    }
    /* A file with code in the first page is a module. A movable file with its code behind that may be a
     * module or a program, and is taken as both. (A Linux kernel has data at 0, but cannot be moved.) */
    *fixed = elf.code >= PAGE;
    if (!*fixed || (elf.movable && elf.lowest < PAGE))
        add(f, path, false, !*fixed);
    return 0;
}

/* ---------------------------------------------------------------- of an image */

/* What is added to the file's addresses: it was linked at 0, as the image, but the header in front of the
 * code may be longer or shorter. */
static int64_t distance(const struct elf_about *about, const struct module *m)
{
    return (int64_t)pe_code(m->pe).address - (int64_t)about->code;
}

static int check_elf(const struct candidate *c, const struct module *m, int64_t *bias, struct error *err)
{
    struct elf_about about;
    if (symbols_elf_about(c->path, &about, err))
        return -1;
    const unsigned machine = m->pe->machine == PE_AMD64 ? EM_X86_64 : EM_386;
    if (about.machine != machine)
        return error_set(err, "%.200s: is for another processor than the module", c->path);
    *bias = 0;
    if (about.entry != m->pe->entry)
        *bias = distance(&about, m);
    if (about.entry + (uint64_t)*bias != m->pe->entry)
        return error_set(err, "%.200s: is of another build of the module: its entry is at 0x%llx, not 0x%x",
                         c->path, (unsigned long long)about.entry, m->pe->entry);
    return 0;
}

static int check_pdb(const struct candidate *c, const struct pe_debug *d, struct error *err)
{
    struct pdb_about about;
    if (about_pdb(c->path, &about, err))
        return -1;
    if (d->has_guid && memcmp(about.guid, d->guid, sizeof d->guid))
        return error_set(err, "%.200s: is of another build of the module: it has another GUID", c->path);
    return 0;
}

static int read_pdb(struct symbol_table *t, const char *path, struct error *err)
{
    struct mapped m;
    if (map_file(path, &m, err))
        return -1;
    const int rc = symbol_table_read_pdb(t, path, m.p, m.n, err);
    munmap(m.p, m.n);
    return rc;
}

static void move(struct symbol_table *t, uint64_t by)
{
    assert(!symbol_table_whole(t) && "sizes are set when all addresses are known");
    for (size_t i = 0; i < t->n; i++)
        t->entries[i].address += t->entries[i].flags & SYMBOL_ABSOLUTE ? 0 : by;
    for (size_t i = 0; i < t->nlines; i++)
        t->lines[i].address += by;
    for (size_t i = 0; i < t->nframes; i++)
        t->frames[i].address += by;
}

/* Removes what was read from a file that turns out to be damaged. */
static void forget(struct symbol_table *t)
{
    for (size_t i = 0; i < t->nfiles; i++)
        free(t->files[i]);
    t->n = t->names_len = t->nlines = t->nfiles = t->nframes = t->nmembers = 0;
}

static int read_file(struct symbol_table *t, struct candidate *c, const struct module *m,
                     const struct pe_debug *d, struct error *err)
{
    int64_t bias = 0;
    if (c->pdb ? check_pdb(c, d, err) : check_elf(c, m, &bias, err))
        return -1;
    if (c->pdb ? read_pdb(t, c->path, err) : symbol_table_read_elf_file(t, c->path, err)) {
        forget(t);
        return -1;
    }
    move(t, (uint64_t)bias);
    c->used = true;
    return 0;
}

/* What files of an image may be called. */
struct names {
    char built[NAME], own[NAME], file[NAME];
};

static void names_of(struct names *n, const char *name, const char *file, const struct pe_debug *d)
{
    pe_path_name(name, n->own, sizeof n->own);
    pe_path_name(file ? file : name, n->file, sizeof n->file);
    pe_path_name(d->path, n->built, sizeof n->built);
}

static bool has_name(const struct candidate *c, const struct names *n)
{
    return !c->kernel_module && !c->program &&
           (!strcasecmp(c->name, n->built) || !strcasecmp(c->name, n->own) || !strcasecmp(c->name, n->file));
}

bool symbol_files_any_image(const struct symbol_files *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (!f->list[i].kernel_module && !f->list[i].program)
            return true;
    return false;
}

/* Says once that a file with the right name cannot be used. */
static void refuse(struct candidate *wrong, const struct error *err,
                   void (*warn)(void *ctx, const char *text), void *ctx)
{
    if (wrong && !wrong->refused && warn)
        warn(ctx, err->text);
    if (wrong)
        wrong->refused = true;
}

bool symbol_files_read(struct symbol_files *f, struct symbol_table *t, const struct module *m,
                       void (*warn)(void *ctx, const char *text), void *ctx)
{
    struct pe_debug d = {0};
    struct error err;
    struct names names;
    struct candidate *wrong = NULL;
    pe_read_debug(m->bytes, m->size, m->pe, &d);
    names_of(&names, t->name, m->file, &d);
    for (size_t i = 0; i < f->n; i++) {
        struct candidate *c = &f->list[i];
        if (!has_name(c, &names))
            continue;
        if (!read_file(t, c, m, &d, &err))
            return true;
        wrong = c;
    }
    refuse(wrong, &err, warn, ctx);
    return f->also && symbol_files_read(debug_info_modules(f->also), t, m, warn, ctx);
}

const char *symbol_files_of_image(struct symbol_files *f, const struct symbol_module *m, int64_t *bias,
                                  bool *pdb, void (*warn)(void *ctx, const char *text), void *ctx)
{
    struct pe_image pe;
    struct pe_debug d = {0};
    struct error err;
    struct names names;
    struct candidate *wrong = NULL;
    const struct module own = {.pe = &pe, .bytes = m->bytes, .size = m->size, .base = m->base};
    if (!pe_read_memory(m->bytes, m->size, &pe))
        return NULL;
    pe_read_debug(m->bytes, m->size, &pe, &d);
    names_of(&names, m->name, m->file, &d);
    for (size_t i = 0; i < f->n; i++) {
        struct candidate *c = &f->list[i];
        if (!has_name(c, &names))
            continue;
        *bias = 0;
        if (!(c->pdb ? check_pdb(c, &d, &err) : check_elf(c, &own, bias, &err))) {
            *pdb = c->pdb;
            c->used = true;
            return c->path;
        }
        wrong = c;
    }
    refuse(wrong, &err, warn, ctx);
    return NULL;
}
