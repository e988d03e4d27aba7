/* firmware.c - finds SeaBIOS: in the folder of fetched guests, or where the distribution installs it. */
#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/machine.h"

/* The folder itself may hold the files, or be a package's root, or a folder of such. */
static const char *const below[] = {".", "usr/share/seabios", "*", "*/usr/share/seabios",
                                    "*/*/usr/share/seabios"};
static const char *const usual[] = {"/usr/share/seabios", "/usr/share/qemu"};

static int try_pattern(const char *pattern, char *path, size_t size)
{
    glob_t found;
    int rc = glob(pattern, 0, NULL, &found); /* sorted by name */
    if (!rc && found.gl_pathc)
        snprintf(path, size, "%s", found.gl_pathv[0]);
    globfree(&found);
    return rc;
}

static int try_root(const char *root, const char *file, char *path, size_t size)
{
    char pattern[4096];
    for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
        snprintf(pattern, sizeof pattern, "%s/%s/%s", root, below[i], file);
        if (!try_pattern(pattern, path, size))
            return 0;
    }
    return -1;
}

int firmware_find(const char *file, char *path, size_t size, struct error *err)
{
    const char *guests = getenv("BOOTREEL_GUESTS");
    if (guests && *guests && !try_root(guests, file, path, size))
        return 0;
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        snprintf(path, size, "%s/%s", usual[i], file);
        if (!access(path, R_OK))
            return 0;
    }
    if (!try_root("./.cache", file, path, size))
        return 0;
    return error_set(
        err,
        "SeaBIOS: %s is not in /usr/share/seabios, /usr/share/qemu, $BOOTREEL_GUESTS or ./.cache: "
        "install the package seabios, or give --bios FILE (and --vgabios FILE)",
        file);
}
