/* drives.c - see drives.h. */
#include "hv/board/storage/drives.h"
#include "core/engine/settings.h"
#include "hv/board/board.h"
#include "hv/board/kinds.h"

#include <stdio.h>
#include <string.h>

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
    const int place =
        setting_place(SETTING_DISK_INTERFACES, text, strlen(text)); /* as enum drive_interface */
    if (place < 0)
        return error_set(err, "%s: there is no interface %s", role, text);
    *which = (enum drive_interface)place;
    return 0;
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
        if (*n == max) {
            size_t length;
            const char *name = setting_word(SETTING_DISK_INTERFACES, which, &length);
            return error_set(err, "%s: interface %.*s has room for %u drives", role, (int)length, name, max);
        }
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

int drives_at_ide(const struct engine_config *cfg, struct drive place[IDE_PLACES], struct error *err)
{
    enum { SECONDARY_MASTER = 2 };
    struct drive list[IDE_PLACES];
    const int n = drives_of(cfg, DRIVE_IDE, list, IDE_PLACES, err);
    int cd = 0;
    memset(place, 0, IDE_PLACES * sizeof *place);
    while (cd < n && !list[cd].cdrom)
        cd++;
    if (cd < n)
        place[SECONDARY_MASTER] = list[cd];
    for (int i = 0, at = 0; i < n; i++) {
        if (i == cd)
            continue;
        while (*place[at].role)
            at++;
        place[at] = list[i];
    }
    return n < 0 ? -1 : 0;
}

/* ---------------------------------------------------------------- numbers */

static bool role_at(const struct drive *list, int n, unsigned index, char role[16])
{
    if (n < 0 || index >= (unsigned)n || !*list[index].role)
        return false;
    memcpy(role, list[index].role, sizeof list[index].role);
    return true;
}

bool board_drive_role(const struct engine_config *cfg, unsigned number, char role[16])
{
    static const struct {
        unsigned first;
        enum drive_interface interface;
    } kinds[] = {{DRIVE_NUMBER_USB, DRIVE_USB},
                 {DRIVE_NUMBER_SCSI, DRIVE_SCSI},
                 {DRIVE_NUMBER_VIRTIO, DRIVE_VIRTIO},
                 {DRIVE_NUMBER_NVME, DRIVE_NVME},
                 {DRIVE_NUMBER_AHCI, DRIVE_AHCI}};
    struct drive list[DRIVES_MOST];
    struct error ignored;
    for (size_t i = 0; number < DRIVE_NUMBER_END && i < sizeof kinds / sizeof kinds[0]; i++)
        if (number >= kinds[i].first)
            return role_at(list, drives_of(cfg, kinds[i].interface, list, DRIVES_MOST, &ignored),
                           number - kinds[i].first, role);
    if (number < IDE_PLACES)
        return !drives_at_ide(cfg, list, &ignored) && role_at(list, IDE_PLACES, number, role);
    if (number - DRIVE_NUMBER_FLOPPY >= 2)
        return false;
    snprintf(role, 16, "floppy%u", number - DRIVE_NUMBER_FLOPPY);
    return config_image(cfg, role) != NULL;
}
