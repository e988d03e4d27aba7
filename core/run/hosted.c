/* hosted.c - see hosted.h. What a program needs is in its headers: PT_INTERP and DT_NEEDED (elf(5)). Libraries
 * are found where ld.so(8) looks without a cache. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/run/hosted.h"
#include "base/memory.h"

enum { MAX_HEADERS = 64, MAX_DYNAMIC = 4096, PATH = 4096 };

static const char *const folders[] = {
    "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"};

struct elf {
    const struct image *im;
    Elf64_Ehdr head;
    Elf64_Phdr seg[MAX_HEADERS];
};

static bool read_at(const struct image *im, uint64_t offset, void *buf, size_t n)
{
    struct error err;
    return offset <= im->size && n <= im->size - offset && !im->read(im->ctx, offset, buf, n, &err);
}

static bool open_elf(struct elf *e, const struct image *im)
{
    e->im = im;
    return read_at(im, 0, &e->head, sizeof e->head) && !memcmp(e->head.e_ident, ELFMAG, SELFMAG) &&
           e->head.e_ident[EI_CLASS] == ELFCLASS64 && e->head.e_phentsize == sizeof(Elf64_Phdr) &&
           e->head.e_phnum <= MAX_HEADERS &&
           read_at(im, e->head.e_phoff, e->seg, e->head.e_phnum * sizeof(Elf64_Phdr));
}

static const Elf64_Phdr *segment(const struct elf *e, uint32_t type)
{
    for (unsigned i = 0; i < e->head.e_phnum; i++)
        if (e->seg[i].p_type == type)
            return &e->seg[i];
    return NULL;
}

/* The offset in the file of what is at an address. */
static uint64_t offset_of(const struct elf *e, uint64_t addr)
{
    for (unsigned i = 0; i < e->head.e_phnum; i++) {
        const Elf64_Phdr *s = &e->seg[i];
        if (s->p_type == PT_LOAD && addr >= s->p_vaddr && addr - s->p_vaddr < s->p_filesz)
            return s->p_offset + (addr - s->p_vaddr);
    }
    return UINT64_MAX;
}

/* A text in the file; false if it does not fit. */
static bool read_text(const struct elf *e, uint64_t offset, char *buf, size_t size)
{
    for (size_t n = 0; n < size; n++) {
        if (!read_at(e->im, offset + n, buf + n, 1))
            return false;
        if (!buf[n])
            return true;
    }
    return false;
}

static bool have(const struct image_files *files, const char *role)
{
    size_t n;
    const struct image *im = image_files_images(files, &n);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(im[i].role, role))
            return true;
    return false;
}

/* What is being looked for, and what was not found. */
struct search {
    struct image_files *files;
    const char *sysroot;
    struct missing *missing;
};

/* A library that a file needs and that is not where it looks: one of that name may be loaded for another
 * file, which is enough. */
struct missing {
    struct missing *next;
    char name[256], of[PATH];
};

/* A file that needs libraries: where it is here, where it is for the program, and which file needed it. */
struct needer {
    const struct needer *by;
    const char *path, *to;
    char *rpath, *runpath; /* DT_RPATH, DT_RUNPATH; NULL: none */
};

/* A folder of libraries: here, and for the program. */
struct folder {
    char here[PATH], there[PATH];
};

static int add_needs(struct search *s, struct needer *n, const struct image *im, struct error *err);

/* Adds a file under its guest path, with what it needs. */
static int add_file(struct search *s, const char *path, const char *to, const struct needer *by,
                    struct error *err)
{
    char role[PATH + 8];
    size_t n;
    snprintf(role, sizeof role, "file %s", to);
    if (have(s->files, role))
        return 0;
    if (image_files_add(s->files, role, path, err))
        return -1;
    const struct image *im = image_files_images(s->files, &n);
    const struct image copy = im[n - 1]; /* the list moves as it grows */
    struct needer needer = {.by = by, .path = path, .to = to};
    int rc = add_needs(s, &needer, &copy, err);
    free(needer.rpath);
    free(needer.runpath);
    return rc;
}

/* Adds a library if it is in a folder, and sets *found. */
static int add_if_there(struct search *s, const struct folder *f, const char *name, const struct needer *by,
                        bool *found, struct error *err)
{
    char path[PATH], to[PATH];
    bool fits = snprintf(path, sizeof path, "%s/%s", f->here, name) < (int)sizeof path &&
                snprintf(to, sizeof to, "%s/%s", f->there, name) < (int)sizeof to;
    if (!fits || access(path, R_OK))
        return 0;
    *found = true;
    return add_file(s, path, to, by, err);
}

/* Adds a library of a folder, and its variants for later processors. Which one is loaded is up to the C
 * library, by what CPUID says. *base: one for every processor is there; *found: any. */
static int add_variants(struct search *s, const struct folder *f, const char *name, const struct needer *by,
                        bool *base, bool *found, struct error *err)
{
    static const char *const levels[] = {"x86-64-v2", "x86-64-v3"}; /* those that a model has */
    struct folder v;
    int rc = add_if_there(s, f, name, by, base, err);
    for (size_t i = 0; i < sizeof levels / sizeof levels[0] && !rc; i++)
        if (snprintf(v.here, PATH, "%s/glibc-hwcaps/%s", f->here, levels[i]) < PATH &&
            snprintf(v.there, PATH, "%s/glibc-hwcaps/%s", f->there, levels[i]) < PATH)
            rc = add_if_there(s, &v, name, by, found, err);
    *found |= *base;
    return rc;
}

/* Without "." and "..", as the names of the files in the trace are. */
static void plain_path(char *path)
{
    char *to = path;
    for (const char *at = path; *at;) {
        at += strspn(at, "/");
        size_t n = strcspn(at, "/");
        if (n == 2 && !memcmp(at, "..", 2)) {
            while (to > path && *--to != '/')
                ;
        } else if (n && (n != 1 || *at != '.')) {
            *to++ = '/';
            memmove(to, at, n);
            to += n;
        }
        at += n;
    }
    *to = 0;
}

/* An entry of a list of folders, which may begin with the folder of the file that has the list (ld.so(8),
 * $ORIGIN). One that is not absolute is none: the program's current folder has no libraries. */
static bool folder_of(const char *sysroot, const struct needer *n, const char *entry, size_t len,
                      struct folder *f)
{
    static const char *const origins[] = {"$ORIGIN", "${ORIGIN}"};
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        size_t k = strlen(origins[i]);
        if (len < k || memcmp(entry, origins[i], k))
            continue;
        const char *here = strrchr(n->path, '/'), *there = strrchr(n->to, '/');
        int rest = (int)(len - k);
        if (snprintf(f->here, PATH, "%.*s%.*s", here ? (int)(here - n->path) : 1, here ? n->path : ".", rest,
                     entry + k) >= PATH ||
            snprintf(f->there, PATH, "%.*s%.*s", (int)(there - n->to), n->to, rest, entry + k) >= PATH)
            return false;
        plain_path(f->there);
        return true;
    }
    if (!len || *entry != '/' || snprintf(f->here, PATH, "%s%.*s", sysroot, (int)len, entry) >= PATH ||
        snprintf(f->there, PATH, "%.*s", (int)len, entry) >= PATH)
        return false;
    plain_path(f->there);
    return true;
}

/* Looks in a list of folders, DT_RPATH or DT_RUNPATH of `of`. */
static int add_from_list(struct search *s, const struct needer *of, const char *list, const char *name,
                         const struct needer *by, bool *base, bool *found, struct error *err)
{
    struct folder f;
    int rc = 0;
    for (const char *at = list; at && *at && !*base && !rc;) {
        size_t n = strcspn(at, ":");
        if (folder_of(s->sysroot, of, at, n, &f))
            rc = add_variants(s, &f, name, by, base, found, err);
        at += n + (at[n] == ':');
    }
    return rc;
}

/* In the order of ld.so(8): DT_RPATH of the file and of those that needed it, as far as they have no
 * DT_RUNPATH; the file's own DT_RUNPATH; the usual folders. */
static int find_library(struct search *s, const struct needer *by, const char *name, bool *anywhere,
                        struct error *err)
{
    bool base = false, found = false;
    struct folder f;
    int rc = 0;
    for (const struct needer *n = by->runpath ? NULL : by; n && !rc; n = n->by)
        if (!n->runpath)
            rc = add_from_list(s, n, n->rpath, name, by, &base, &found, err);
    if (!rc)
        rc = add_from_list(s, by, by->runpath, name, by, &base, &found, err);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0] && !base && !rc; i++)
        if (folder_of(s->sysroot, by, folders[i], strlen(folders[i]), &f))
            rc = add_variants(s, &f, name, by, &base, &found, err);
    *anywhere = found;
    return rc;
}

static int add_library(struct search *s, const struct needer *by, const char *name, struct error *err)
{
    bool found;
    int rc = find_library(s, by, name, &found, err);
    if (!rc && !found) {
        struct missing *m = mem_zero(1, sizeof *m);
        snprintf(m->name, sizeof m->name, "%s", name);
        snprintf(m->of, sizeof m->of, "%s", by->path);
        m->next = s->missing;
        s->missing = m;
    }
    return rc;
}

/* The text of an entry of the dynamic section; false if it makes no sense. */
static bool dynamic_text(const struct elf *e, uint64_t strings, const Elf64_Dyn *d, char *buf, size_t size)
{
    return strings != UINT64_MAX && read_text(e, strings + d->d_un.d_val, buf, size);
}

/* The file's own lists of folders. */
static int read_lists(const struct elf *e, uint64_t strings, const Elf64_Dyn *dyn, uint64_t n,
                      struct needer *by, struct error *err)
{
    char list[PATH];
    for (uint64_t i = 0; i < n && dyn[i].d_tag != DT_NULL; i++) {
        char **to = dyn[i].d_tag == DT_RPATH ? &by->rpath : dyn[i].d_tag == DT_RUNPATH ? &by->runpath : NULL;
        if (!to || *to)
            continue;
        if (!dynamic_text(e, strings, &dyn[i], list, sizeof list))
            return error_set(err, "%.200s: its list of folders makes no sense", by->path);
        *to = mem_string(list);
    }
    return 0;
}

/* The C library loads libgcc_s.so.1 when a thread is cancelled or ends itself, and aborts the program if it is not there. No file says that
 * it is needed. */
static int add_unwinder(struct search *s, const struct needer *by, const struct elf *e, uint64_t strings,
                        uint64_t size, struct error *err)
{
    static const char *const users[] = {"pthread_cancel", "pthread_exit"};
    enum { STRINGS_MAX = 64 << 20 };
    bool uses = false, found;
    if (strings == UINT64_MAX || size > STRINGS_MAX)
        return 0;
    char *text = mem_alloc(size + 1);
    if (read_at(e->im, strings, text, size))
        for (size_t i = 0; i < sizeof users / sizeof users[0]; i++)
            uses |= memmem(text, size, users[i], strlen(users[i]) + 1) != NULL;
    free(text);
    return uses ? find_library(s, by, "libgcc_s.so.1", &found, err) : 0;
}

static int add_libraries(struct search *s, struct needer *by, const struct elf *e, struct error *err)
{
    const Elf64_Phdr *d = segment(e, PT_DYNAMIC);
    uint64_t strings = UINT64_MAX, size = 0, n = d ? d->p_filesz / sizeof(Elf64_Dyn) : 0;
    if (!n || n > MAX_DYNAMIC)
        return 0;
    Elf64_Dyn *dyn = mem_zero(n, sizeof *dyn);
    int rc = read_at(e->im, d->p_offset, dyn, n * sizeof *dyn)
                 ? 0
                 : error_set(err, "%.200s: is cut off", by->path);
    for (uint64_t i = 0; i < n && !rc; i++)
        if (dyn[i].d_tag == DT_STRTAB)
            strings = offset_of(e, dyn[i].d_un.d_ptr);
        else if (dyn[i].d_tag == DT_STRSZ)
            size = dyn[i].d_un.d_val;
    if (!rc)
        rc = read_lists(e, strings, dyn, n, by, err);
    for (uint64_t i = 0; i < n && !rc && dyn[i].d_tag != DT_NULL; i++) {
        char name[256];
        if (dyn[i].d_tag != DT_NEEDED)
            continue;
        if (!dynamic_text(e, strings, &dyn[i], name, sizeof name) || strchr(name, '/'))
            rc = error_set(err, "%.200s: its list of libraries makes no sense", by->path);
        else
            rc = add_library(s, by, name, err);
    }
    free(dyn);
    return rc || by->by ? rc : add_unwinder(s, by, e, strings, size, err);
}

/* Whether it begins as a script or as an ELF file of any kind does. */
static bool like_program(const struct image *im)
{
    char head[SELFMAG] = "";
    return read_at(im, 0, head, 2) &&
           (!memcmp(head, "#!", 2) || (read_at(im, 0, head, SELFMAG) && !memcmp(head, ELFMAG, SELFMAG)));
}

static int add_needs(struct search *s, struct needer *n, const struct image *im, struct error *err)
{
    struct elf e;
    char interp[256], path[PATH];
    if (!open_elf(&e, im))
        return like_program(im)
                   ? 0 /* a script; of another kind of ELF file the host says so */
                   : error_set(err, "%.200s: is no program: neither an ELF file nor a script", n->path);
    const Elf64_Phdr *p = segment(&e, PT_INTERP);
    if (p && !read_text(&e, p->p_offset, interp, sizeof interp))
        return error_set(err, "%.200s: the name of its interpreter makes no sense", n->path);
    if (p) {
        snprintf(path, sizeof path, "%s%s", s->sysroot, interp);
        if (add_file(s, path, interp, n, err))
            return -1;
    }
    return add_libraries(s, n, &e, err);
}

/* Whether a file of that name, in whatever folder, is there. */
static bool have_name(const struct image_files *files, const char *name)
{
    size_t n;
    const struct image *im = image_files_images(files, &n);
    for (size_t i = 0; i < n; i++) {
        const char *last = strrchr(im[i].role, '/');
        if (last && !strcmp(last + 1, name))
            return true;
    }
    return false;
}

int hosted_add_program(struct image_files *files, const char *sysroot, const char *path, const char *to,
                       struct error *err)
{
    struct search s = {.files = files, .sysroot = sysroot};
    int rc = add_file(&s, path, to, NULL, err);
    for (struct missing *m = s.missing, *next; m; m = next) {
        next = m->next;
        if (!rc && !have_name(files, m->name))
            rc = error_set(err, "%.200s: needs %.100s, which is not below \"%.100s/\": give --sysroot", m->of,
                           m->name, sysroot);
        free(m);
    }
    return rc;
}
