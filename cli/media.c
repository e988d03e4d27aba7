/* media.c - see media.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/media.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/xdg.h"
#include "core/engine/settings.h"

enum { SERIAL_MOST = 20 };

static int take_interface(struct medium *, const struct option_row *, const char *text, size_t n,
                          struct error *);
static int take_serial(struct medium *, const struct option_row *, const char *text, size_t n,
                       struct error *);
static int take_backing(struct medium *, const struct option_row *, const char *text, size_t n,
                        struct error *);

static const struct {
    const char *name;
    int (*take)(struct medium *, const struct option_row *, const char *text, size_t n, struct error *);
} keys[] = {{"interface=", take_interface}, {"serial=", take_serial}, {"backing=", take_backing}};
enum { KEYS = sizeof keys / sizeof keys[0] };

/* Where the next ",key=" of those that are known begins. A comma elsewhere belongs to the file's name. */
static const char *next_key(const char *s)
{
    for (; (s = strchr(s, ',')); s++)
        for (size_t i = 0; i < KEYS; i++)
            if (!strncmp(s + 1, keys[i].name, strlen(keys[i].name)))
                return s;
    return NULL;
}

static int take_interface(struct medium *m, const struct option_row *row, const char *text, size_t n,
                          struct error *err)
{
    const char *const all = m->cdrom ? SETTING_CDROM_INTERFACES : SETTING_DISK_INTERFACES;
    char list[80];
    if (setting_place(all, text, n) >= 0) {
        free(m->interface);
        m->interface = mem_text(text, n);
        return 0;
    }
    setting_list(list, sizeof list, all);
    return error_set(err, "--%s: \"%.*s\" is not an interface: give %s", row->name, (int)(n < 40 ? n : 40),
                     text, list);
}

static int take_serial(struct medium *m, const struct option_row *row, const char *text, size_t n,
                       struct error *err)
{
    bool printable = n > 0 && n <= SERIAL_MOST;
    for (size_t i = 0; i < n && printable; i++)
        printable = text[i] > ' ' && text[i] < 127;
    if (!printable)
        return error_set(err, "--%s: serial=%.*s: give 1 to %d characters, without blanks", row->name,
                         (int)(n < 40 ? n : 40), text, SERIAL_MOST);
    free(m->serial);
    m->serial = mem_text(text, n);
    return 0;
}

static int take_backing(struct medium *m, const struct option_row *row, const char *text, size_t n,
                        struct error *err)
{
    MEM_MORE(m->backing, m->nbacking);
    m->backing[m->nbacking++] = mem_text(text, n);
    return n ? 0 : error_set(err, "--%s: backing= needs a file's name", row->name);
}

static int take_keys(struct medium *m, const struct option_row *row, const char *at, struct error *err)
{
    while (at) {
        const char *value = strchr(at, '=') + 1, *end = next_key(value);
        size_t n = end ? (size_t)(end - value) : strlen(value);
        for (size_t i = 0; i < KEYS; i++)
            if (!strncmp(at + 1, keys[i].name, strlen(keys[i].name)) && keys[i].take(m, row, value, n, err))
                return -1;
        at = end;
    }
    return 0;
}

int media_add(struct media *all, bool cdrom, const struct option_row *row, const char *value,
              struct error *err)
{
    const char *at = next_key(value);
    unsigned *count = cdrom ? &all->ncdroms : &all->ndisks;
    if (all->n == MEDIA_MOST)
        return error_set(err, "--%s: %.200s: there are %d drives already, and no room for more", row->name,
                         value, MEDIA_MOST);
    struct medium *m = &all->medium[all->n++];
    *m = (struct medium){.cdrom = cdrom, .path = mem_text(value, at ? (size_t)(at - value) : strlen(value))};
    char role[sizeof m->role];
    if (cdrom && !*count)
        snprintf(role, sizeof role, "cdrom");
    else
        snprintf(role, sizeof role, "%s%u", cdrom ? "cdrom" : "disk", *count);
    memcpy(m->role, role, sizeof role);
    snprintf(m->interface_key, sizeof m->interface_key, "%s-interface", role);
    snprintf(m->serial_key, sizeof m->serial_key, "%s-serial", role);
    (*count)++;
    return take_keys(m, row, at, err);
}

void media_free(struct media *all)
{
    for (unsigned i = 0; i < all->n; i++) {
        free(all->medium[i].path);
        free(all->medium[i].interface);
        free(all->medium[i].serial);
        for (size_t k = 0; k < all->medium[i].nbacking; k++)
            free(all->medium[i].backing[k]);
        free(all->medium[i].backing);
    }
}

/* ---------------------------------------------------------------- opening */

/* Unpacking is shown to a person only. */
static void show_unpacking(void *ctx, const char *path, double share)
{
    int *shown = ctx;
    const int percent = share < 1 ? (int)(share * 100) : 100;
    if (!isatty(STDERR_FILENO) || percent == *shown)
        return;
    *shown = percent;
    out_print(stderr, percent == 100 ? "\r%s: unpacking, %d %%\r\033[K" : "\r%s: unpacking, %d %%",
              path_last_part(path), percent);
}

int medium_open(const struct medium *m, const char *role, struct image_files *files, struct error *err)
{
    int shown = -1;
    char *cache = xdg_path("XDG_CACHE_HOME", ".cache", "bootreel/images");
    const struct media_options o = {.formats = true,
                                    .backing = (const char *const *)m->backing,
                                    .nbacking = m->nbacking,
                                    .cache = cache,
                                    .progress = show_unpacking,
                                    .ctx = &shown};
    const char *folder = m->cdrom ? NULL : media_folder(m->path);
    struct media_image *image = folder ? media_open_folder(folder, &o, err) : media_open(m->path, &o, err);
    free(cache);
    return image_files_add_media(files, role, m->path, image, err);
}

int initrds_open(const struct words *paths, const char *role, struct image_files *files, struct error *err)
{
    if (!paths->n)
        return 0;
    if (paths->n == 1 && !media_folder(paths->word[0]))
        return image_files_add(files, role, paths->word[0], err);
    return image_files_add_media(files, role, paths->word[0], media_open_initrds(paths->word, paths->n, err),
                                 err);
}
