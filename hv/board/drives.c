/* drives.c - see drives.h. */
#include "hv/board/drives.h"
#include "hv/board/kinds.h"

#include <stdio.h>
#include <string.h>

static const char *const interface_names[DRIVE_INTERFACES] = {"ide", "ahci", "nvme", "virtio", "scsi", "usb"};

/* ---------------------------------------------------------------- which */

static const char *setting_of(const struct engine_config *cfg, const char *role, const char *what)
{
    char key[40];
    snprintf(key, sizeof key, "%s-%s", role, what);
    return config_get(cfg, key);
}

static int interface_of(const struct engine_config *cfg, const char *role, enum drive_interface *which,
                        struct error *err)
{
    const char *text = setting_of(cfg, role, "interface");
    const struct board_kind *kind = board_kind_of(cfg, err);
    *which = kind ? kind->drives : DRIVE_IDE;
    if (!kind)
        return -1;
    if (!text)
        return 0;
    for (unsigned i = 0; i < DRIVE_INTERFACES; i++)
        if (!strcmp(text, interface_names[i])) {
            *which = i;
            return 0;
        }
    return error_set(err, "%s: there is no interface %s", role, text);
}

static bool is_role(const char *role, const char *kind)
{
    size_t n = strlen(kind);
    return !strncmp(role, kind, n) && strspn(role + n, "0123456789") == strlen(role + n);
}

static void fill(const struct engine_config *cfg, const struct image *image, bool cdrom, struct drive *d)
{
    const char *role = image->role;
    const char *serial = setting_of(cfg, role, "serial");
    *d = (struct drive){.cdrom = cdrom, .serial_given = serial != NULL};
    snprintf(d->role, sizeof d->role, "%s", role);
    d->sectors = (image->size + DRIVE_SECTOR - 1) / DRIVE_SECTOR; /* padded with zeros, as disk.c does */
    if (serial)
        snprintf(d->serial, sizeof d->serial, "%.*s", DRIVE_SERIAL, serial);
    else
        snprintf(d->serial, sizeof d->serial, "BR-%s", role);
}

static int add_kind(const struct engine_config *cfg, enum drive_interface which, const char *kind,
                    struct drive *list, unsigned max, unsigned *n, struct error *err)
{
    for (size_t i = 0; i < cfg->nimages; i++) {
        const char *role = cfg->images[i].role;
        enum drive_interface has;
        if (!is_role(role, kind))
            continue;
        if (interface_of(cfg, role, &has, err))
            return -1;
        if (has != which)
            continue;
        if (*n == max)
            return error_set(err, "%s: interface %s has room for %u drives", role, interface_names[which],
                             max);
        fill(cfg, &cfg->images[i], *kind == 'c', &list[(*n)++]);
    }
    return 0;
}

int drives_of(const struct engine_config *cfg, enum drive_interface which, struct drive *list, unsigned max,
              struct error *err)
{
    unsigned n = 0;
    if (add_kind(cfg, which, "disk", list, max, &n, err) || add_kind(cfg, which, "cdrom", list, max, &n, err))
        return -1;
    return (int)n;
}
