/* kernel_tree.c - see kernel_tree.h.
 *
 * Sources: Linux's Documentation/arch/x86/boot.rst (the kernel's version in a bzImage) and Documentation/kbuild/modules.rst. */
#include <errno.h>
#include <fcntl.h>
#include <libelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/kernel_tree.h"
#include "cli/xdg.h"
#include "core/media/media.h"

enum { MODULE_MOST = 256 << 20, LINE = 4096 };
#define BZIMAGE "arch/x86/boot/bzImage"

static bool is_file(const char *path)
{
    struct stat st;
    return path && !stat(path, &st) && S_ISREG(st.st_mode);
}

/* The path if there is such a file; otherwise it is freed, and NULL. */
static char *if_file(char *path)
{
    if (is_file(path))
        return path;
    free(path);
    return NULL;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == path ? mem_string("/") : slash ? mem_text(path, (size_t)(slash - path)) : mem_string(".");
}

/* ---------------------------------------------------------------- the kernel */

/* The version string that a bzImage's setup code has. */
static char *release_of(const char *kernel, struct error *err)
{
    uint8_t head[0x300] = {0};
    char text[128] = "";
    FILE *f = fopen(kernel, "re");
    if (!f) {
        error_set(err, "%.300s: %s", kernel, strerror(errno));
        return NULL;
    }
    size_t n = fread(head, 1, sizeof head, f);
    const unsigned at = head[0x20e] | head[0x20f] << 8;
    if (n == sizeof head && !memcmp(head + 0x202, "HdrS", 4) && at && !fseek(f, (long)at + 0x200, SEEK_SET))
        n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[strcspn(text, " ")] = 0;
    if (*text)
        return mem_string(text);
    error_set(err, "%.300s: is no bzImage of Linux: give the kernel that a boot loader loads", kernel);
    return NULL;
}

/* The tree that a bzImage was built in; NULL if it is somewhere else. */
static char *tree_of(const char *kernel)
{
    const size_t n = strlen(kernel), tail = strlen(BZIMAGE);
    if (n < tail || strcmp(kernel + n - tail, BZIMAGE) || (n > tail && kernel[n - tail - 1] != '/'))
        return NULL;
    char *tree = n > tail + 1 ? mem_text(kernel, n - tail - 1) : mem_string(n > tail ? "/" : ".");
    char *config = text_format("%s/.config", tree);
    if (is_file(config)) {
        free(config);
        return tree;
    }
    free(config);
    free(tree);
    return NULL;
}

static int find_kernel(struct kernel_tree *t, const char *kernel, struct error *err)
{
    if (kernel)
        t->kernel = mem_string(kernel);
    else if (is_file(BZIMAGE))
        t->kernel = mem_string(BZIMAGE);
    else if (is_file("Kbuild") && is_file("Makefile"))
        return error_set(err, "run: " BZIMAGE ": this tree has no kernel yet: build it (make bzImage)");
    else
        return error_set(err,
                         "run: there is no " BZIMAGE " here: run it in a Linux tree, or give --kernel FILE");
    t->release = release_of(t->kernel, err);
    return t->release ? 0 : -1;
}

/* ---------------------------------------------------------------- modules */

static void set_name(struct kernel_module *m)
{
    const char *slash = strrchr(m->path, '/');
    m->name = slash ? slash + 1 : m->path;
}

/* Adds the module that a line of modules.order or modules.dep names, if its file is there: packed or not. */
static void add_module(struct kernel_tree *t, char *line)
{
    static const char *const suffixes[] = {"", ".xz", ".zst", ".gz"};
    line[strcspn(line, ":\n")] = 0;
    size_t n = strlen(line);
    if (n > 2 && !strcmp(line + n - 2, ".o")) { /* as a tree's newer list has it */
        line[n - 1] = 'k';
        strcpy(line + n, "o");
    }
    char *packed = strstr(line, ".ko.");
    if (packed)
        packed[3] = 0;
    const char *plain = strncmp(line, "kernel/", 7) || t->installed ? line : line + 7;
    for (unsigned i = 0; *plain && i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char *path = if_file(text_format("%s/%s%s", t->modules, plain, suffixes[i]));
        if (!path)
            continue;
        MEM_MORE(t->module, t->nmodules);
        t->module[t->nmodules].path = path;
        set_name(&t->module[t->nmodules++]);
        return;
    }
}

static bool list_modules(struct kernel_tree *t, const char *name)
{
    char line[LINE + 8], *path = text_format("%s/%s", t->modules, name);
    FILE *f = fopen(path, "re");
    free(path);
    if (!f)
        return false;
    while (fgets(line, LINE, f))
        add_module(t, line);
    fclose(f);
    return true;
}

/* The path if there is such a folder; otherwise it is freed, and NULL. */
static char *if_folder(char *path)
{
    struct stat st;
    if (!stat(path, &st) && S_ISDIR(st.st_mode))
        return path;
    free(path);
    return NULL;
}

/* Whether a kernel is in the folder of its modules, as some distributions' packages have it. */
static bool is_with_modules(const char *folder)
{
    char *order = if_file(text_format("%s/modules.order", folder));
    free(order);
    return order;
}

/* The folder of the kernel, /lib/modules/RELEASE beside it, or the host's own. */
static char *installed_modules(const struct kernel_tree *t)
{
    char *folder = folder_of(t->kernel);
    if (is_with_modules(folder))
        return folder;
    char *found = if_folder(text_format("%s/../lib/modules/%s", folder, t->release));
    if (!found)
        found = if_folder(text_format("%s/../usr/lib/modules/%s", folder, t->release));
    free(folder);
    return found ? found : if_folder(text_format("/lib/modules/%s", t->release));
}

static void find_modules(struct kernel_tree *t, const char *tree, const char *given)
{
    t->installed = given || !tree;
    t->modules = given ? mem_string(given) : tree ? mem_string(tree) : installed_modules(t);
    if (t->modules && !list_modules(t, "modules.order") && t->installed)
        list_modules(t, "modules.dep");
}

static void find_beside(struct kernel_tree *t, const char *modules)
{
    char *tree = tree_of(t->kernel), *folder = folder_of(t->kernel);
    find_modules(t, tree, modules);
    if (tree) {
        t->symbols = if_file(text_format("%s/vmlinux", tree));
        t->config = if_file(text_format("%s/.config", tree));
    } else {
        t->symbols = if_file(text_format("/usr/lib/debug/boot/vmlinux-%s", t->release));
        t->config = if_file(text_format("%s/config-%s", folder, t->release));
        if (!t->config && t->modules)
            t->config = if_file(text_format("%s/config", t->modules));
    }
    free(tree);
    free(folder);
}

int kernel_tree_find(struct kernel_tree *t, const char *kernel, const char *modules, struct error *err)
{
    *t = (struct kernel_tree){0};
    if (find_kernel(t, kernel, err))
        return -1;
    find_beside(t, modules);
    return 0;
}

int kernel_tree_find_config(struct kernel_tree *t, const char *kernel, const char *modules, struct error *err)
{
    if (kernel || is_file(BZIMAGE))
        return kernel_tree_find(t, kernel, modules, err);
    *t = (struct kernel_tree){.unbuilt = is_file("Kbuild") && is_file("Makefile")};
    if (t->unbuilt)
        t->config = if_file(mem_string(".config"));
    return 0;
}

void kernel_tree_free(struct kernel_tree *t)
{
    for (size_t i = 0; i < t->nmodules; i++)
        free(t->module[i].path);
    free(t->module);
    free(t->kernel);
    free(t->release);
    free(t->symbols);
    free(t->config);
    free(t->modules);
}

static bool same_name(const char *file, const char *name)
{
    for (; *name; file++, name++)
        if ((*file == '-' ? '_' : *file) != (*name == '-' ? '_' : *name))
            return false;
    return !strncmp(file, ".ko", 3);
}

const struct kernel_module *kernel_tree_module(const struct kernel_tree *t, const char *name)
{
    for (size_t i = 0; i < t->nmodules; i++)
        if (same_name(t->module[i].name, name))
            return &t->module[i];
    return NULL;
}

uint8_t *kernel_module_read(const struct kernel_module *m, size_t *n, struct error *err)
{
    char *cache = xdg_path("XDG_CACHE_HOME", ".cache", "bootreel/modules");
    const struct media_options o = {.formats = true, .cache = cache};
    struct media_image *image = media_open(m->path, &o, err);
    uint8_t *bytes = NULL;
    free(cache);
    if (!image)
        return NULL;
    if (media_size(image) > MODULE_MOST)
        error_set(err, "%.300s: is larger than a module can be", m->path);
    else {
        *n = media_size(image);
        bytes = mem_alloc(*n);
        if (media_read(image, 0, bytes, *n, err)) {
            free(bytes);
            bytes = NULL;
        }
    }
    media_close(image);
    return bytes;
}

/* The section .modinfo: strings, each "key=value", that end with a 0. */
static char *needs_in(const char *info, size_t n)
{
    for (size_t at = 0; at < n; at += strnlen(info + at, n - at) + 1)
        if (n - at > 8 && !memcmp(info + at, "depends=", 8))
            return mem_text(info + at + 8, n - at - 8);
    return NULL;
}

char *kernel_module_needs(const uint8_t *module, size_t n, const char *path, struct error *err)
{
    char *needs = NULL;
    size_t names;
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)module, n);
    if (elf && !elf_getshdrstrndx(elf, &names))
        for (Elf_Scn *s = NULL; !needs && (s = elf_nextscn(elf, s));) {
            const Elf64_Shdr *head = elf64_getshdr(s);
            const char *name = head ? elf_strptr(elf, names, head->sh_name) : NULL;
            Elf_Data *data = name && !strcmp(name, ".modinfo") ? elf_rawdata(s, NULL) : NULL;
            needs = data && data->d_buf ? needs_in(data->d_buf, data->d_size) : NULL;
        }
    elf_end(elf);
    if (!needs)
        error_set(err, "%.300s: is no module of a 64-bit kernel", path);
    return needs;
}

/* ---------------------------------------------------------------- options */

char kernel_tree_option(const struct kernel_tree *t, const char *name)
{
    char line[LINE], state = 'n';
    FILE *f = t->config ? fopen(t->config, "re") : NULL;
    const size_t n = strlen(name);
    if (!f)
        return '?';
    while (state == 'n' && fgets(line, sizeof line, f))
        if (!strncmp(line, "CONFIG_", 7) && !strncmp(line + 7, name, n) && line[7 + n] == '=')
            state = line[8 + n] == 'm' ? 'm' : 'y';
    fclose(f);
    return state;
}
