/* debug_files.c - where debug information is looked for: files, folders, servers. See debug.h.
 *
 * A folder is asked for the path that a build-id has below it (.build-id), and only if that is not there are its files looked through, once.
 */
#include <dirent.h>
#include <fcntl.h>
#include <gelf.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/hash_index.h"
#include "base/memory.h"
#include "base/path.h"
#include "core/symbols/private/debug_impl.h"

enum { FOLDERS_DEEP = 40, FILES_MAX = 1 << 18 };

struct candidate {
    char *path;
    struct build_id id;
    bool given, used;
};

struct folder {
    char *path;
    bool scanned, listed; /* for the kernel and programs; for firmware */
};

struct source_map {
    char *from, *to;
};

struct debug_info {
    struct candidate *list;
    size_t n;
    struct folder *folder;
    size_t nfolders;
    struct source_map *map;
    size_t nmaps;
    bool debuginfod;
    struct symbol_files *modules;
    struct debug_file **file;
    size_t nfiles;
    char **text; /* paths as they are shown, and what debug_info_find() found elsewhere */
    size_t ntexts;
    struct hash_index by_text, said;
    void (*say)(void *ctx, const char *text);
    void *say_ctx;
    pthread_mutex_t lock;
};

struct debug_info *debug_info_new(void)
{
    struct debug_info *d = mem_zero(1, sizeof *d);
    d->modules = symbol_files_new();
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr,
                              PTHREAD_MUTEX_RECURSIVE); /* a file that is asked may look for another one */
    pthread_mutex_init(&d->lock, &attr);
    pthread_mutexattr_destroy(&attr);
    return d;
}

void debug_info_free(struct debug_info *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->nfiles; i++)
        debug_file_free(d->file[i]);
    for (size_t i = 0; i < d->n; i++)
        free(d->list[i].path);
    for (size_t i = 0; i < d->nfolders; i++)
        free(d->folder[i].path);
    for (size_t i = 0; i < d->nmaps; i++) {
        free(d->map[i].from);
        free(d->map[i].to);
    }
    for (size_t i = 0; i < d->ntexts; i++)
        free(d->text[i]);
    symbol_files_free(d->modules);
    free(d->file);
    free(d->list);
    free(d->folder);
    free(d->map);
    free(d->text);
    hash_index_clear(&d->by_text);
    hash_index_clear(&d->said);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

void debug_info_lock(struct debug_info *d)
{
    pthread_mutex_lock(&d->lock);
}

void debug_info_unlock(struct debug_info *d)
{
    pthread_mutex_unlock(&d->lock);
}

void debug_info_keep(struct debug_info *d, struct debug_file *f)
{
    debug_info_lock(d);
    MEM_MORE(d->file, d->nfiles);
    d->file[d->nfiles++] = f;
    debug_info_unlock(d);
}

/* ---------------------------------------------------------------- words */

void debug_info_on_words(struct debug_info *d, void (*say)(void *ctx, const char *text), void *ctx)
{
    d->say = say;
    d->say_ctx = ctx;
}

void debug_info_say(struct debug_info *d, const char *fmt, ...)
{
    char text[900];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const uint64_t hash = XXH3_64bits(text, strlen(text));
    debug_info_lock(d);
    struct hash_search s = hash_search(&d->said, hash);
    const bool again = hash_found(&d->said, &s);
    if (!again)
        hash_index_add(&d->said, hash, d->said.n);
    if (!again && d->say)
        d->say(d->say_ctx, text);
    debug_info_unlock(d);
}

/* The one copy of a text that is kept. */
static const char *kept(struct debug_info *d, const char *text)
{
    const uint64_t hash = XXH3_64bits(text, strlen(text));
    for (struct hash_search s = hash_search(&d->by_text, hash); hash_found(&d->by_text, &s);)
        if (!strcmp(d->text[s.number], text))
            return d->text[s.number];
    hash_index_add(&d->by_text, hash, d->ntexts);
    MEM_MORE(d->text, d->ntexts);
    return d->text[d->ntexts++] = mem_string(text);
}

/* ---------------------------------------------------------------- source paths */

int debug_info_map_source(struct debug_info *d, const char *map, struct error *err)
{
    const char *equals = strchr(map, '=');
    if (!equals || equals == map)
        return error_set(err, "\"%.200s\" is not OLD=NEW", map);
    MEM_MORE(d->map, d->nmaps);
    char *from = mem_string(map);
    from[equals - map] = 0;
    d->map[d->nmaps++] = (struct source_map){from, mem_string(equals + 1)};
    return 0;
}

/* What follows the prefix, if the path begins with all of its parts; else NULL. */
static const char *after(const char *path, const char *prefix)
{
    size_t n = strlen(prefix);
    while (n && prefix[n - 1] == '/')
        n--;
    return !strncmp(path, prefix, n) && (!path[n] || path[n] == '/') ? path + n : NULL;
}

static const char *plain(const char *path)
{
    while (!strncmp(path, "./", 2))
        path += 2;
    return path;
}

const char *debug_info_source(struct debug_info *d, const char *path, const char *folder)
{
    char whole[4096], mapped[8192];
    const char *inside = folder ? after(path, folder) : NULL;
    if (*path == '/' || !folder)
        snprintf(whole, sizeof whole, "%s", path);
    else
        snprintf(whole, sizeof whole, "%s/%s", folder, plain(path));
    const char *shown = plain(inside && *inside ? inside + 1 : path);
    for (size_t i = 0; i < d->nmaps; i++) {
        const char *rest = after(whole, d->map[i].from);
        rest = rest ? rest : after(shown, d->map[i].from);
        if (!rest)
            continue;
        snprintf(mapped, sizeof mapped, "%s%s", d->map[i].to, rest);
        return kept(d, mapped);
    }
    return kept(d, shown);
}

/* ---------------------------------------------------------------- files */

/* Whether an ELF file has debug information, packed or not. */
static bool has_dwarf(const char *path)
{
    GElf_Shdr sh;
    size_t names;
    bool has = false;
    elf_version(EV_CURRENT);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ_MMAP, NULL);
    const bool readable = elf && elf_kind(elf) == ELF_K_ELF && !elf_getshdrstrndx(elf, &names);
    for (Elf_Scn *scn = NULL; readable && !has && (scn = elf_nextscn(elf, scn));) {
        const char *name = gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;
        has = name && sh.sh_type != SHT_NOBITS &&
              (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info"));
    }
    elf_end(elf);
    if (fd >= 0)
        close(fd);
    return has;
}

static void add_file(struct debug_info *d, const char *path, bool given)
{
    struct candidate c = {.path = mem_string(path), .given = given};
    build_id_of_file(path, &c.id);
    if ((!c.id.n && !given) || d->n == FILES_MAX) {
        free(c.path);
        return;
    }
    MEM_MORE(d->list, d->n);
    d->list[d->n++] = c;
}

static bool ends_in(const char *name, const char *ending)
{
    const size_t n = strlen(name), e = strlen(ending);
    return n > e && !strcmp(name + n - e, ending);
}

/* In a folder where a system was built, most files are sources and objects, which are not even opened. */
static bool may_have(const char *name)
{
    static const char *const endings[] = {".debug", ".ko", ".so", ".elf", ".dbg", ".dll", ".exe"};
    bool may = !strchr(name, '.') || !strncmp(name, "vmlinux", 7) || strstr(name, ".so.");
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        may |= ends_in(name, endings[i]);
    return may && !ends_in(name, ".o") && !ends_in(name, ".lds");
}

static void scan(struct debug_info *d, const char *path, unsigned depth)
{
    struct dirent **entry;
    struct stat st;
    const int n = depth < FOLDERS_DEEP ? scandir(path, &entry, NULL, alphasort) : 0;
    for (int i = 0; i < n; i++) {
        char *inner = mem_alloc(strlen(path) + strlen(entry[i]->d_name) + 2);
        sprintf(inner, "%s/%s", path, entry[i]->d_name);
        const bool hidden = entry[i]->d_name[0] == '.',
                   is = !hidden && !(depth ? lstat : stat)(inner, &st); /* a link to a folder may lead back */
        if (is && S_ISDIR(st.st_mode))
            scan(d, inner, depth + 1);
        else if (is && may_have(entry[i]->d_name) && !stat(inner, &st) && S_ISREG(st.st_mode))
            add_file(d, inner, false);
        free(inner);
        free(entry[i]);
    }
    if (n > 0)
        free(entry);
}

static int add_given(struct debug_info *d, const char *path, struct error *err)
{
    struct error ignored;
    bool fixed;
    if (symbol_file_is_pdb(path))
        return symbol_files_add(d->modules, path, &fixed, err);
    if (!has_dwarf(path))
        return error_set(err, "%.200s: has no debug information (DWARF, PDB)", path);
    add_file(d, path, true);
    symbol_files_add(d->modules, path, &fixed, &ignored); /* it may be no module's */
    return 0;
}

int debug_info_add(struct debug_info *d, const char *where, struct error *err)
{
    struct stat st;
    if (!strcmp(where, "debuginfod")) {
        d->debuginfod = true;
        return 0;
    }
    if (stat(where, &st))
        return error_set(err, "%.200s: %m", where);
    if (!S_ISDIR(st.st_mode))
        return add_given(d, where, err);
    MEM_MORE(d->folder, d->nfolders);
    d->folder[d->nfolders++] = (struct folder){.path = mem_string(where)};
    return 0;
}

/* ---------------------------------------------------------------- finding */

static const char *in_list(struct debug_info *d, const struct build_id *id)
{
    for (size_t i = 0; i < d->n; i++) {
        struct candidate *c = &d->list[i];
        if (c->id.n == id->n && !memcmp(c->id.bytes, id->bytes, id->n) && (c->given || has_dwarf(c->path))) {
            c->used = true;
            return c->path;
        }
    }
    return NULL;
}

/* In folders that are laid out by build-ids: Debian's debug packages, gdb's debug-file-directory. */
static const char *by_path(struct debug_info *d, const struct build_id *id)
{
    static const char *const below[] = {"", "/usr/lib/debug", "/lib/debug"};
    char digits[BUILD_ID_TEXT], path[4096];
    build_id_text(id, digits);
    for (size_t i = 0; i < d->nfolders && id->n > 1; i++)
        for (size_t k = 0; k < sizeof below / sizeof below[0]; k++) {
            snprintf(path, sizeof path, "%s%s/.build-id/%.2s/%s.debug", d->folder[i].path, below[k], digits,
                     digits + 2);
            if (!access(path, R_OK) && has_dwarf(path))
                return kept(d, path);
        }
    return NULL;
}

static void scan_all(struct debug_info *d)
{
    for (size_t i = 0; i < d->nfolders; i++)
        if (!d->folder[i].scanned) {
            d->folder[i].scanned = true;
            scan(d, d->folder[i].path, 0);
        }
}

static const char *by_server(struct debug_info *d, const struct build_id *id, const char *name)
{
    struct error err;
    char *path = debuginfod_fetch(id, &err);
    const char *stays = path ? kept(d, path) : NULL;
    if (!path)
        debug_info_say(d, "%s: %s", name, err.text);
    free(path);
    return stays;
}

static const char *find(struct debug_info *d, const struct build_id *id, const char *name)
{
    const char *path = in_list(d, id);
    path = path ? path : by_path(d, id);
    if (!path) {
        scan_all(d);
        path = in_list(d, id);
    }
    return path || !d->debuginfod ? path : by_server(d, id, name);
}

const char *debug_info_find(struct debug_info *d, const struct build_id *id, const char *name)
{
    if (!id->n)
        return NULL;
    debug_info_lock(d);
    const char *path = find(d, id, name);
    debug_info_unlock(d);
    return path;
}

static bool same_name(const char *path, const char *name)
{
    const char *p = path_name(path);
    for (; *name; p++, name++)
        if (*p != *name && !(strchr("-_", *p) && *p && strchr("-_", *name)))
            return false;
    return !*p || *p == '.' || *p == '-';
}

const char *debug_info_named(struct debug_info *d, const char *name)
{
    const char *path = NULL;
    debug_info_lock(d);
    scan_all(d);
    for (size_t i = 0; !path && i < d->n; i++)
        if (same_name(d->list[i].path, name))
            path = d->list[i].path;
    debug_info_unlock(d);
    return path;
}

struct symbol_files *debug_info_modules(struct debug_info *d)
{
    struct error ignored;
    bool fixed;
    debug_info_lock(d);
    for (size_t i = 0; i < d->nfolders; i++)
        if (!d->folder[i].listed) {
            d->folder[i].listed = true;
            symbol_files_add(d->modules, d->folder[i].path, &fixed, &ignored);
        }
    debug_info_unlock(d);
    return d->modules;
}

static bool is_given(const struct debug_info *d, const char *path)
{
    for (size_t k = 0; k < d->n; k++)
        if (d->list[k].given && !strcmp(d->list[k].path, path))
            return true;
    return false;
}

/* An ELF file may be a module's as well; a PDB is only that. */
const char *debug_info_unused(const struct debug_info *d, size_t i)
{
    const char *path;
    for (size_t k = 0; k < d->n; k++)
        if (d->list[k].given && !d->list[k].used && !symbol_files_used(d->modules, d->list[k].path) && !i--)
            return d->list[k].path;
    for (size_t k = 0; (path = symbol_files_unused(d->modules, k)); k++)
        if (!is_given(d, path) && !i--)
            return path;
    return NULL;
}
