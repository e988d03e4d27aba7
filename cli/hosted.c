/* hosted.c - see hosted.h. What a program needs is in its headers: PT_INTERP and DT_NEEDED (elf(5)). Libraries
 * are found in the folders where ld.so(8) looks without a cache. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/hosted.h"
#include "traces/memory.h"

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

/* The place in the file of an address. */
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

static int add_needs(struct image_files *files, const char *sysroot, const char *what, const struct image *im,
                     struct error *err);

/* Adds a file under its guest path, with what it needs. */
static int add_file(struct image_files *files, const char *sysroot, const char *path, const char *to,
                    struct error *err)
{
    char role[PATH + 8];
    size_t n;
    snprintf(role, sizeof role, "file %s", to);
    if (have(files, role))
        return 0;
    if (image_files_add(files, role, path, err))
        return -1;
    const struct image *im = image_files_images(files, &n);
    const struct image copy = im[n - 1]; /* the list moves as it grows */
    return add_needs(files, sysroot, path, &copy, err);
}

/* Adds a library if it is in a folder, and sets *found. */
static int add_if_there(struct image_files *files, const char *sysroot, const char *folder, const char *name,
                        bool *found, struct error *err)
{
    char path[PATH], to[PATH];
    snprintf(to, sizeof to, "%s/%s", folder, name);
    *found = snprintf(path, sizeof path, "%s%s", sysroot, to) < (int)sizeof path && !access(path, R_OK);
    return *found ? add_file(files, sysroot, path, to, err) : 0;
}

/* The variants of a library for later processors. Which one is loaded is up to the C library, by what CPUID says. */
static int add_variants(struct image_files *files, const char *sysroot, const char *folder, const char *name,
                        struct error *err)
{
    static const char *const levels[] = {"x86-64-v2", "x86-64-v3"}; /* those that a model has */
    char variants[PATH];
    bool found;
    int rc = 0;
    for (size_t i = 0; i < sizeof levels / sizeof levels[0] && !rc; i++) {
        snprintf(variants, sizeof variants, "%s/glibc-hwcaps/%s", folder, levels[i]);
        rc = add_if_there(files, sysroot, variants, name, &found, err);
    }
    return rc;
}

static int add_library(struct image_files *files, const char *sysroot, const char *what, const char *name,
                       struct error *err)
{
    bool found;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        int rc = add_if_there(files, sysroot, folders[i], name, &found, err);
        if (found || rc)
            return rc ? rc : add_variants(files, sysroot, folders[i], name, err);
    }
    return error_set(err, "%.200s: needs %.100s, which is not below \"%.100s/\": give --sysroot", what, name,
                     sysroot);
}

static int add_libraries(struct image_files *files, const char *sysroot, const char *what,
                         const struct elf *e, struct error *err)
{
    const Elf64_Phdr *d = segment(e, PT_DYNAMIC);
    uint64_t strings = UINT64_MAX, n = d ? d->p_filesz / sizeof(Elf64_Dyn) : 0;
    if (!n || n > MAX_DYNAMIC)
        return 0;
    Elf64_Dyn *dyn = mem_zero(n, sizeof *dyn);
    int rc =
        read_at(e->im, d->p_offset, dyn, n * sizeof *dyn) ? 0 : error_set(err, "%.200s: is cut off", what);
    for (uint64_t i = 0; i < n && !rc; i++)
        if (dyn[i].d_tag == DT_STRTAB)
            strings = offset_of(e, dyn[i].d_un.d_ptr);
    for (uint64_t i = 0; i < n && !rc && dyn[i].d_tag != DT_NULL; i++) {
        char name[256];
        if (dyn[i].d_tag != DT_NEEDED)
            continue;
        if (strings == UINT64_MAX || !read_text(e, strings + dyn[i].d_un.d_val, name, sizeof name) ||
            strchr(name, '/'))
            rc = error_set(err, "%.200s: its list of libraries makes no sense", what);
        else
            rc = add_library(files, sysroot, what, name, err);
    }
    free(dyn);
    return rc;
}

static int add_needs(struct image_files *files, const char *sysroot, const char *what, const struct image *im,
                     struct error *err)
{
    struct elf e;
    char interp[256], path[PATH];
    if (!open_elf(&e, im))
        return 0; /* a script, or no program at all: the host says so */
    const Elf64_Phdr *s = segment(&e, PT_INTERP);
    if (s && !read_text(&e, s->p_offset, interp, sizeof interp))
        return error_set(err, "%.200s: the name of its interpreter makes no sense", what);
    if (s) {
        snprintf(path, sizeof path, "%s%s", sysroot, interp);
        if (add_file(files, sysroot, path, interp, err))
            return -1;
    }
    return add_libraries(files, sysroot, what, &e, err);
}

int hosted_add_program(struct image_files *files, const char *sysroot, const char *path, const char *to,
                       struct error *err)
{
    return add_file(files, sysroot, path, to, err);
}
