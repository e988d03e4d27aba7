/* firmware.c - finds SeaBIOS, OVMF and iPXE: in the folder of fetched guests, or where the distribution
 * installs them. */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/machine.h"

/* The folder itself may hold the files, or be a package's root, or a folder of such. */
struct package {
    const char *name, *package;
    const char *below[6]; /* the last one is NULL */
    const char *usual[3];
    const char *instead;
};
static const struct package packages[] = {
    [FIRMWARE_SEABIOS] = {"SeaBIOS",
                          "seabios",
                          {".", "usr/share/seabios", "*", "*/usr/share/seabios", "*/*/usr/share/seabios"},
                          {"/usr/share/seabios", "/usr/share/qemu"},
                          "--bios FILE (and --vgabios FILE)"},
    [FIRMWARE_OVMF] = {"OVMF",
                       "ovmf",
                       {".", "usr/share/OVMF", "*", "*/usr/share/OVMF", "*/*/usr/share/OVMF"},
                       {"/usr/share/OVMF", "/usr/share/qemu"},
                       "--pflash CODE --pflash VARS"},
    [FIRMWARE_IPXE] = {"iPXE",
                       "ipxe-qemu",
                       {".", "usr/lib/ipxe/qemu", "*", "*/usr/lib/ipxe/qemu", "*/*/usr/lib/ipxe/qemu"},
                       {"/usr/lib/ipxe/qemu", "/usr/share/qemu"},
                       "--nic MODEL,rom=FILE or rom=none"},
};

static int try_pattern(const char *pattern, char *path, size_t size)
{
    glob_t found;
    int rc = glob(pattern, 0, NULL, &found); /* sorted by name */
    if (!rc && found.gl_pathc)
        snprintf(path, size, "%s", found.gl_pathv[0]);
    globfree(&found);
    return rc;
}

static int try_root(const struct package *p, const char *root, const char *file, char *path, size_t size)
{
    char pattern[4096];
    for (size_t i = 0; p->below[i]; i++) {
        snprintf(pattern, sizeof pattern, "%s/%s/%s", root, p->below[i], file);
        if (!try_pattern(pattern, path, size))
            return 0;
    }
    return -1;
}

int firmware_find(enum firmware which, const char *file, char *path, size_t size, struct error *err)
{
    const struct package *p = &packages[which];
    const char *guests = getenv("BOOTREEL_GUESTS");
    if (guests && *guests && !try_root(p, guests, file, path, size))
        return 0;
    for (size_t i = 0; p->usual[i]; i++) {
        snprintf(path, size, "%s/%s", p->usual[i], file);
        if (!access(path, R_OK))
            return 0;
    }
    if (!try_root(p, "./.cache", file, path, size))
        return 0;
    return error_set(
        err, "%s: %s is not in %s, %s, $BOOTREEL_GUESTS or ./.cache: install the package %s, or give %s",
        p->name, file, p->usual[0], p->usual[1], p->package, p->instead);
}

static bool holds(const struct image *im, const char *text)
{
    enum { MOST = 16 << 20 };
    struct error err;
    if (!im || im->size > MOST)
        return false;
    uint8_t *bytes = mem_alloc(im->size);
    const bool is =
        !im->read(im->ctx, 0, bytes, im->size, &err) && memmem(bytes, im->size, text, strlen(text));
    free(bytes);
    return is;
}

bool firmware_is_seabios(const struct image *im)
{
    return holds(im, "SeaBIOS (version ");
}

bool firmware_is_uefi(const struct image *im)
{
    return holds(im, "_FVH"); /* PI 1.7, volume 3, 3.2.1 */
}
