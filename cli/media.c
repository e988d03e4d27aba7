/* media.c - see media.h. */
#include <stdlib.h>
#include <string.h>

#include "cli/media.h"
#include "traces/memory.h"

/* What a drive can be attached to. */
static const char *const disk_interfaces[] = {"ide", "ahci", "nvme", "virtio", "scsi", "usb", NULL};
static const char *const cdrom_interfaces[] = {"ide", "ahci", "scsi", "usb", NULL};

enum { SERIAL_MOST = 20 };

/* Where the next ",key=" of those that are known begins. A comma elsewhere belongs to the file's name. */
static const char *next_key(const char *s)
{
    for (; (s = strchr(s, ',')); s++)
        if (!strncmp(s, ",interface=", 11) || !strncmp(s, ",serial=", 8))
            return s;
    return NULL;
}

static const char *known_interface(const struct medium *m, const char *text, size_t n)
{
    for (const char *const *list = m->cdrom ? cdrom_interfaces : disk_interfaces; *list; list++)
        if (strlen(*list) == n && !strncmp(*list, text, n))
            return *list;
    return NULL;
}

static int take_interface(struct medium *m, const struct option_row *row, const char *text, size_t n,
                          struct error *err)
{
    m->interface = known_interface(m, text, n);
    if (m->interface)
        return 0;
    return error_set(err, "--%s: \"%.*s\" is not an interface: give %s", row->name, (int)(n < 40 ? n : 40),
                     text, m->cdrom ? "ide, ahci, scsi or usb" : "ide, ahci, nvme, virtio, scsi or usb");
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

static int take_keys(struct medium *m, const struct option_row *row, const char *keys, struct error *err)
{
    while (keys) {
        const char *value = strchr(keys, '=') + 1, *end = next_key(value);
        size_t n = end ? (size_t)(end - value) : strlen(value);
        if (keys[1] == 'i' ? take_interface(m, row, value, n, err) : take_serial(m, row, value, n, err))
            return -1;
        keys = end;
    }
    return 0;
}

int media_add(struct media *all, bool cdrom, const struct option_row *row, const char *value,
              struct error *err)
{
    const char *keys = next_key(value);
    unsigned *count = cdrom ? &all->ncdroms : &all->ndisks;
    if (all->n == MEDIA_MOST)
        return error_set(err, "--%s: %.200s: there are %d drives already, and no room for more", row->name,
                         value, MEDIA_MOST);
    struct medium *m = &all->medium[all->n++];
    *m = (struct medium){.cdrom = cdrom,
                         .path = mem_text(value, keys ? (size_t)(keys - value) : strlen(value))};
    char role[sizeof m->role];
    if (cdrom && !*count)
        snprintf(role, sizeof role, "cdrom");
    else
        snprintf(role, sizeof role, "%s%u", cdrom ? "cdrom" : "disk", *count);
    memcpy(m->role, role, sizeof role);
    snprintf(m->interface_key, sizeof m->interface_key, "%s-interface", role);
    snprintf(m->serial_key, sizeof m->serial_key, "%s-serial", role);
    (*count)++;
    return take_keys(m, row, keys, err);
}

void media_free(struct media *all)
{
    for (unsigned i = 0; i < all->n; i++) {
        free(all->medium[i].path);
        free(all->medium[i].serial);
    }
}
