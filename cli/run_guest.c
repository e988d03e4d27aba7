/* run_guest.c - see run_guest.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run_guest.h"
#include "base/memory.h"
#include "base/out.h"
#include "guests/run/run.h"

/* ---------------------------------------------------------------- options */

/* What guests/run/init.c and the machine need of a kernel. With `module`, it may be a module of that name, which is loaded. With `opens`, it is
 * only a condition of that option, and not every version of Linux has it: it is needed where that option is not set either. */
static const struct {
    const char *name, *why, *module, *opens;
} options[] = {
    {"64BIT", "the first program has 64 bits", NULL, NULL},
    {"BLK_DEV_INITRD", "the initramfs", NULL, NULL},
    {"BINFMT_ELF", "programs", NULL, NULL},
    {"BINFMT_SCRIPT", "scripts", NULL, NULL},
    {"FUTEX", "the C library", NULL, NULL},
    {"SIGNALFD", "the end of the command", NULL, NULL},
    {"TTY", "the console", NULL, NULL},
    {"PRINTK", "the kernel's messages", NULL, NULL},
    {"SERIAL_8250", "the console and the command's output", NULL, NULL},
    {"SERIAL_8250_CONSOLE", "the console", NULL, NULL},
    {"DEVTMPFS", "/dev", NULL, NULL},
    {"PROC_FS", "/proc", NULL, NULL},
    {"SYSFS", "/sys", NULL, NULL},
    {"SHMEM", "/run and /dev/shm", NULL, "TMPFS"},
    {"TMPFS", "/run and /dev/shm", NULL, NULL},
    {"PCI", "virtio", NULL, NULL},
    {"VIRTIO_MENU", "virtio", NULL, "VIRTIO_PCI"},
    {"VIRTIO_PCI", "the root", "virtio_pci", NULL},
    {"NET", "9p", NULL, NULL},
    {"NET_9P", "the root", "9pnet", NULL},
    {"NET_9P_VIRTIO", "the root", "9pnet_virtio", NULL},
    {"NETWORK_FILESYSTEMS", "9p", NULL, "9P_FS"},
    {"INET", "9p", NULL, "9P_FS"},
    {"9P_FS", "the root", "9p", NULL},
    {"ACPI", "power-off", NULL, NULL},
};
enum { OPTIONS = sizeof options / sizeof options[0] };

static char state_of(const struct kernel_tree *t, size_t i)
{
    char state = kernel_tree_option(t, options[i].name);
    if (state == 'n' && options[i].opens && kernel_tree_option(t, options[i].opens) != 'n')
        state = 'y';
    return state;
}

static bool is_lacking(const struct kernel_tree *t, size_t i, char state)
{
    if (state == 'm')
        return !options[i].module || (!t->unbuilt && !kernel_tree_module(t, options[i].module));
    return state == 'n';
}

static const char *words_of(const struct kernel_tree *t, size_t i, char state)
{
    if (state == '?')
        return t->unbuilt  ? "not known: the tree has no .config"
               : t->kernel ? "not known: the kernel has no configuration beside it"
                           : "needed";
    if (state == 'm' && !options[i].module)
        return "LACKING: a module would be too late";
    if (state == 'm')
        return is_lacking(t, i, state) ? "LACKING: its module is missing" : "a module, which is loaded";
    return state == 'y' ? "yes" : "LACKING";
}

unsigned run_print_options(const struct kernel_tree *t)
{
    unsigned lacking = 0;
    for (size_t i = 0; i < OPTIONS; i++) {
        const char state = state_of(t, i);
        char line[64];
        lacking += is_lacking(t, i, state);
        snprintf(line, sizeof line, "CONFIG_%s=y", options[i].name);
        out_print(stdout, "%-30s # %s: %s\n", line, options[i].why, words_of(t, i, state));
    }
    return lacking;
}

unsigned run_lacks(const struct kernel_tree *t, char *names, size_t size)
{
    unsigned lacking = 0;
    size_t n = 0;
    *names = 0;
    for (size_t i = 0; i < OPTIONS; i++)
        if (is_lacking(t, i, state_of(t, i))) {
            n += (size_t)snprintf(names + n, size - n, "%sCONFIG_%s", n ? " " : "", options[i].name);
            lacking++;
            if (n >= size)
                n = size - 1;
        }
    return lacking;
}

/* ---------------------------------------------------------------- the archive */

static void add_bytes(struct run_archive *a, const void *bytes, size_t n)
{
    a->bytes = mem_resize(a->bytes, a->n + n + 4);
    if (n)
        memcpy(a->bytes + a->n, bytes, n);
    a->n += n;
}

static void add_padding(struct run_archive *a)
{
    add_bytes(a, "\0\0\0", -a->n & 3);
}

static void add_file(struct run_archive *a, const char *name, unsigned mode, const void *bytes, size_t n)
{
    char head[112];
    snprintf(head, sizeof head, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", ++a->files,
             mode, 0, 0, 1, 0, (unsigned)n, 0, 0, 0, 0, (unsigned)strlen(name) + 1, 0);
    add_bytes(a, head, 110);
    add_bytes(a, name, strlen(name) + 1);
    add_padding(a);
    add_bytes(a, bytes, n);
    add_padding(a);
}

/* ---------------------------------------------------------------- modules */

enum { MODULES_MOST = 64 };

struct loading {
    const struct kernel_tree *tree;
    struct run_archive *archive, *job;
    const struct kernel_module *loaded[MODULES_MOST];
    unsigned n;
};

static bool is_loaded(const struct loading *l, const struct kernel_module *m)
{
    for (unsigned i = 0; i < l->n; i++)
        if (l->loaded[i] == m)
            return true;
    return false;
}

static int load(struct loading *l, const char *name, unsigned depth, struct error *err);

static int load_needed(struct loading *l, char *names, unsigned depth, struct error *err)
{
    for (char *rest = names, *name; (name = strsep(&rest, ","));)
        if (*name && load(l, name, depth + 1, err))
            return -1;
    return 0;
}

static void add_module(struct loading *l, const char *name, const uint8_t *bytes, size_t n)
{
    char path[300], line[320];
    snprintf(path, sizeof path, "modules/%.200s.ko", name);
    add_file(l->archive, path, 0100644, bytes, n);
    add_bytes(l->job, line, (size_t)snprintf(line, sizeof line, "module=/%s", path) + 1);
}

/* Adds a module behind those that it needs. One that there is not is part of the kernel, as far as anybody can tell from here. */
static int load(struct loading *l, const char *name, unsigned depth, struct error *err)
{
    const struct kernel_module *m = kernel_tree_module(l->tree, name);
    size_t n;
    if (!m || is_loaded(l, m))
        return 0;
    if (l->n == MODULES_MOST || depth > MODULES_MOST)
        return error_set(err, "%.300s: needs too many other modules", m->path);
    uint8_t *bytes = kernel_module_read(m, &n, err);
    char *needs = bytes ? kernel_module_needs(bytes, n, m->path, err) : NULL;
    if (needs)
        l->loaded[l->n++] = m;
    int rc = needs ? load_needed(l, needs, depth, err) : -1;
    if (!rc)
        add_module(l, name, bytes, n);
    free(needs);
    free(bytes);
    return rc;
}

int run_archive_make(struct run_archive *a, const struct kernel_tree *t, const uint8_t *job, size_t n,
                     struct error *err)
{
    static const char *const wanted[] = {"virtio_pci", "9pnet_virtio", "9p"};
    struct run_archive lines = {0};
    struct loading l = {.tree = t, .archive = a, .job = &lines};
    size_t size;
    int rc = 0;
    const uint8_t *init = run_init(&size);
    add_file(a, "init", 0100755, init, size);
    add_file(a, "dev", 040755, NULL, 0);
    add_file(a, "newroot", 040755, NULL, 0);
    add_file(a, "modules", 040755, NULL, 0);
    for (unsigned i = 0; i < sizeof wanted / sizeof wanted[0] && !rc; i++)
        rc = load(&l, wanted[i], 0, err);
    add_bytes(&lines, job, n);
    add_file(a, "run.conf", 0100600, lines.bytes, lines.n);
    add_file(a, "TRAILER!!!", 0, NULL, 0);
    free(lines.bytes);
    return rc;
}
