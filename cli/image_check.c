/* image_check.c - checks whether an image can be what its option says: its size, its signature, and that it
 * is not truncated. What cannot be checked (a disk's content) is not examined.
 *
 * Sources: ECMA-119 8.4 (primary volume descriptor), PCI Firmware Specification 3.0 5.1 (option ROM header),
 * the documents of the formats in `foreign`.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/out.h"
#include "cli/machine.h"
#include "core/systems/efi/firmware.h"

enum { SECTOR = 512, CD_SECTOR = 2048, HEAD = 4096, PVD = 16 * CD_SECTOR };

/* A CD-ROM's commands have 32 bits for a sector's number. A disk's have 48, but the host needs a table whose
 * size depends on the disk's. */
#define CD_MAX     ((uint64_t)CD_SECTOR << 32)
#define DISK_MAX   (1ull << 46)
#define FLOPPY_MAX 2949120 /* 2.88 MB */

/* What people give by mistake. The formats of other virtual machines and compressed images are none of these: core/media has unpacked them. */
static const struct {
    const char *name;
    unsigned offset, n;
    const char *magic;
    const char *what_to_do;
} foreign[] = {
    {"a cpio archive", 0, 6, "070701", "give it to --initrd"},
    {"a tar archive", 257, 5, "ustar", "unpack it, and give the folder as folder:PATH"},
    {"a zip archive", 0, 4, "PK\3\4", "unpack it first"},
    {"an ELF file", 0, 4, "\177ELF", "give a kernel to --kernel, a program to --program"},
};

struct head {
    const struct image *im;
    bool smm; /* the machine has TSEG */
    size_t n;
    uint8_t bytes[HEAD];
};

static int check_foreign(const struct head *h, struct error *err)
{
    if (h->n >= SECTOR && h->bytes[510] == 0x55 && h->bytes[511] == 0xaa)
        return 0; /* a boot sector, however it begins */
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (foreign[i].offset + foreign[i].n <= h->n &&
            !memcmp(h->bytes + foreign[i].offset, foreign[i].magic, foreign[i].n))
            return error_set(err, "%s: is %s: %s", h->im->name, foreign[i].name, foreign[i].what_to_do);
    return 0;
}

static int check_cd_sectors(const struct head *h, struct error *err)
{
    if (h->im->size % CD_SECTOR == 0)
        return 0;
    return error_set(
        err, "%s: %llu bytes are not whole sectors of %u: it is not an image of a CD-ROM, or it was cut off",
        h->im->name, (unsigned long long)h->im->size, CD_SECTOR);
}

static int check_size(const struct head *h, uint64_t max, struct error *err)
{
    if (h->im->size <= max)
        return 0;
    return error_set(err, "%s: has %llu bytes, and the drive takes at most %llu", h->im->name,
                     (unsigned long long)h->im->size, (unsigned long long)max);
}

static int check_disk(const struct head *h, struct error *err)
{
    return check_foreign(h, err) ? -1 : check_size(h, DISK_MAX, err);
}

static int check_floppy(const struct head *h, struct error *err)
{
    return check_disk(h, err) ? -1 : check_size(h, FLOPPY_MAX, err);
}

static int check_cdrom(const struct head *h, struct error *err)
{
    uint8_t pvd[CD_SECTOR];
    uint32_t blocks;
    uint16_t block;
    if (check_foreign(h, err) || check_cd_sectors(h, err) || check_size(h, CD_MAX, err))
        return -1;
    if (h->im->size < PVD + sizeof pvd)
        return error_set(
            err, "%s: ends before its file system begins: it is not an image of a CD-ROM, or it was cut off",
            h->im->name);
    if (h->im->read(h->im->ctx, PVD, pvd, sizeof pvd, err))
        return -1;
    memcpy(&blocks, pvd + 80, 4);
    memcpy(&block, pvd + 128, 2);
    if (memcmp(pvd, "\1CD001", 6) || (uint64_t)blocks * block <= h->im->size)
        return 0;
    return error_set(err, "%s: was cut off: its file system has %llu bytes, the file %llu: fetch it again",
                     h->im->name, (unsigned long long)blocks * block, (unsigned long long)h->im->size);
}

static int check_option_rom(const struct head *h, struct error *err)
{
    if (h->n < 3 || h->bytes[0] != 0x55 || h->bytes[1] != 0xaa)
        return error_set(err, "%s: is not an option ROM: it does not begin with 55 AA", h->im->name);
    if (h->bytes[2] * 512u <= h->im->size)
        return 0;
    return error_set(err, "%s: was cut off: its header says %u bytes, the file has %llu: fetch it again",
                     h->im->name, h->bytes[2] * 512u, (unsigned long long)h->im->size);
}

/* Firmware that needs something that the machine lacks would only be seen to hang. */
static int check_needs(const struct head *h, struct error *err)
{
    const struct image *im = h->im;
    enum { MOST = 16 << 20 };
    char name[64];
    if (h->smm || im->size > MOST)
        return 0;
    uint8_t *bytes = mem_alloc(im->size);
    int rc = im->read(im->ctx, 0, bytes, im->size, err);
    if (!rc && firmware_has_smm(bytes, im->size, name))
        rc = error_set(
            err,
            "%s: its drivers for system management mode (%s) need a Q35 chipset, and this machine has a 440FX: give --machine "
            "q35, or a build without SMM, such as OVMF_CODE_4M.fd",
            im->name, name);
    free(bytes);
    return rc;
}

static int check_bios(const struct head *h, struct error *err)
{
    return h->im->size ? check_needs(h, err) : 0;
}

static int check_flash(const struct head *h, struct error *err)
{
    enum { BLOCK = 4096, MOST = 8 << 20 };
    if (!h->im->size)
        return error_set(err, "%s: is empty: it is not an image of a flash chip", h->im->name);
    if (h->im->size % BLOCK || h->im->size > MOST)
        return error_set(
            err,
            "%s: has %llu bytes: an image of a flash chip has a multiple of 4 KiB, at most 8 MiB: it was cut off, or it is not one",
            h->im->name, (unsigned long long)h->im->size);
    return check_needs(h, err);
}

/* By role, without its number. */
static const struct {
    const char *role;
    int (*check)(const struct head *h, struct error *err);
} checks[] = {
    {"disk", check_disk},          {"floppy", check_floppy}, {"cdrom", check_cdrom},
    {"vgabios", check_option_rom}, {"pflash", check_flash},  {"bios", check_bios},
};

int image_check(const struct image *im, bool smm, struct error *err)
{
    struct head h = {.im = im, .smm = smm, .n = im->size < HEAD ? im->size : HEAD};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (strspn(im->role, "abcdefghijklmnopqrstuvwxyz") == strlen(checks[i].role) &&
            !strncmp(checks[i].role, im->role, strlen(checks[i].role)))
            return im->read(im->ctx, 0, h.bytes, h.n, err) ? -1 : checks[i].check(&h, err);
    return 0;
}

void image_say_padding(const struct image *im)
{
    bool disk = !strncmp(im->role, "disk", 4) || !strncmp(im->role, "floppy", 6);
    if (disk && im->size % SECTOR)
        out_print(stderr,
                  "bootreel: %s: %llu bytes are not whole sectors of %u: the last one ends with zeros\n",
                  im->name, (unsigned long long)im->size, SECTOR);
}
