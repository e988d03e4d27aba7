/* whole.c - whether a file has all that its own tables say is in it. qemu-nbd reads zeros where a qcow2 or VDI image was cut off, and takes a
 * VHD without its footer, so a download that broke off would only be seen as a guest that fails. Kinds of these formats that are not read
 * are refused by name here, before their tables are looked at.
 *
 * Sources: QEMU docs/interop/qcow2.txt ("Header", "Cluster mapping"); VMware's Virtual Disk Format 5.0 ("Hosted Sparse Extents");
 * VirtualBox's VDICore.h; Microsoft's VHD specification 1.0; [MS-VHDX] 2.2 ("Region Table", "Metadata Table").
 */
#include <stdlib.h>
#include <string.h>

#include "base/byte_order.h"
#include "core/media/private/impl.h"

static int cut(const struct media_file *f, const char *what, struct error *err)
{
    return error_set(err, "%.200s: was cut off: %s is not in its %llu bytes: fetch it again", f->path, what,
                     (unsigned long long)f->size);
}

/* A table of 64-bit entries, most significant byte first. NULL with err. */
static uint8_t *table_at(const struct media_file *f, uint64_t at, uint64_t entries, struct error *err)
{
    enum { ENTRIES_MOST = 4 << 20 }; /* QEMU's own limit: 32 MiB */
    if (entries > ENTRIES_MOST || at > f->size || entries * 8 > f->size - at) {
        cut(f, "a table of its clusters", err);
        return NULL;
    }
    uint8_t *table = mem_alloc(entries * 8);
    if (!media_read_fd(f->fd, f->path, at, table, entries * 8, err))
        return table;
    free(table);
    return NULL;
}

static int qcow2_is_readable(const struct media_file *f, const uint8_t *header, struct error *err)
{
    enum { VERSION = 4, CRYPT = 32, INCOMPATIBLE = 72, DATA_FILE = 4 };
    const uint64_t version = media_big(header + VERSION, 4);
    if (version == 1)
        return error_set(
            err, "%.200s: is a qcow image of version 1: make a qcow2 image of it with qemu-img convert",
            f->path);
    if (!version || version > 3)
        return error_set(err, "%.200s: is damaged: no qcow image has version %u", f->path, (unsigned)version);
    if (media_big(header + CRYPT, 4))
        return error_set(err, "%.200s: is encrypted: decrypt it with qemu-img convert", f->path);
    if (version >= 3 && media_big(header + INCOMPATIBLE, 8) & DATA_FILE)
        return error_set(err, "%.200s: has its data in another file: make one of them with qemu-img convert",
                         f->path);
    return 0;
}

/* The last cluster may be shorter than a cluster: where one begins is what counts. */
static int qcow2_is_whole(const struct media_file *f, struct error *err)
{
    enum { HEADER = 104, CLUSTER_BITS = 20, L1_SIZE = 36, L1_AT = 40, INCOMPATIBLE = 72, EXTENDED_L2 = 0x10 };
    const uint64_t offset_mask = 0x00fffffffffffe00, compressed = 1ull << 62;
    uint8_t header[HEADER] = {0};
    if (f->size < 72 || media_read_fd(f->fd, f->path, 0, header, f->size < HEADER ? f->size : HEADER, err))
        return f->size < 72 ? cut(f, "the header", err) : -1;
    if (qcow2_is_readable(f, header, err))
        return -1;
    const unsigned bits = (unsigned)media_big(header + CLUSTER_BITS, 4);
    if (bits < 9 || bits > 21)
        return error_set(err, "%.200s: is damaged: its clusters have no possible size", f->path);
    const bool extended = media_big(header + 4, 4) >= 3 && media_big(header + INCOMPATIBLE, 8) & EXTENDED_L2;
    const uint64_t nl1 = media_big(header + L1_SIZE, 4), per_table = (1ull << bits) / 8;
    uint8_t *l1 = table_at(f, media_big(header + L1_AT, 8), nl1, err);
    int rc = l1 ? 0 : -1;
    for (uint64_t i = 0; i < nl1 && !rc; i++) {
        const uint64_t at = media_big(l1 + 8 * i, 8) & offset_mask;
        uint8_t *l2 = at ? table_at(f, at, per_table, err) : NULL;
        rc = at && !l2 ? -1 : 0;
        for (uint64_t k = 0; l2 && k < per_table && !rc; k += extended ? 2 : 1) {
            const uint64_t entry = media_big(l2 + 8 * k, 8);
            if (!(entry & compressed) && (entry & offset_mask) && (entry & offset_mask) >= f->size)
                rc = cut(f, "one of its clusters", err);
        }
        free(l2);
    }
    free(l1);
    return rc;
}

static int vdi_is_whole(const struct media_file *f, struct error *err)
{
    enum { HEADER = 512, DATA_AT = 0x158, BLOCK_SIZE = 0x178, ALLOCATED = 0x184 };
    uint8_t header[HEADER];
    if (f->size < HEADER || media_read_fd(f->fd, f->path, 0, header, HEADER, err))
        return f->size < HEADER ? cut(f, "the header", err) : -1;
    const uint64_t end =
        le32(header + DATA_AT) + (uint64_t)le32(header + ALLOCATED) * le32(header + BLOCK_SIZE);
    return end <= f->size ? 0 : cut(f, "the last of its blocks", err);
}

/* The grains of a sparse extent: a directory of tables, in sectors. What streams (optimized for that, without a directory at its head) is
 * not looked at. */
static int vmdk_is_whole(const struct media_file *f, struct error *err)
{
    enum { HEADER = 64, SECTOR = 512, ENTRY = 4, CAPACITY = 12, GRAIN = 20, PER_TABLE = 44, DIRECTORY = 56 };
    uint8_t header[HEADER];
    if (f->size < HEADER || media_read_fd(f->fd, f->path, 0, header, HEADER, err))
        return f->size < HEADER ? cut(f, "the header", err) : -1;
    const uint64_t grain = le32(header + GRAIN), per_table = le32(header + PER_TABLE),
                   covers = grain * per_table;
    const uint64_t at = le64(header + DIRECTORY) * SECTOR;
    const uint64_t capacity = le64(header + CAPACITY);
    if (memcmp(header, "KDMV", 4) || !covers || at + SECTOR < SECTOR)
        return 0; /* a descriptor file, or one that streams */
    const uint64_t tables = (capacity + covers - 1) / covers;
    if (tables > UINT32_MAX / ENTRY || per_table > UINT16_MAX || at > f->size ||
        tables * ENTRY > f->size - at)
        return cut(f, "the directory of its grains", err);
    uint8_t *directory = mem_alloc(tables * ENTRY), *table = mem_alloc(per_table * ENTRY);
    int rc = media_read_fd(f->fd, f->path, at, directory, tables * ENTRY, err);
    for (uint64_t i = 0; i < tables && !rc; i++) {
        const uint64_t there = (uint64_t)le32(directory + i * ENTRY) * SECTOR;
        if (there > f->size || per_table * ENTRY > f->size - there)
            rc = cut(f, "a table of its grains", err);
        else if (there)
            rc = media_read_fd(f->fd, f->path, there, table, per_table * ENTRY, err);
        for (uint64_t k = 0; there && k < per_table && !rc; k++)
            if ((uint64_t)le32(table + k * ENTRY) * SECTOR >= f->size)
                rc = cut(f, "one of its grains", err);
    }
    free(directory);
    free(table);
    return rc;
}

static int vhd_is_whole(const struct media_file *f, struct error *err)
{
    enum { FOOTER = 512, TYPE = 60, DIFFERENCING = 4 };
    uint8_t footer[FOOTER] = {0};
    if (f->size > FOOTER && media_read_fd(f->fd, f->path, f->size - FOOTER, footer, FOOTER, err))
        return -1;
    if (memcmp(footer, "conectix", 8))
        return cut(f, "the footer", err);
    /* QEMU reads zeros where the parent's blocks are. */
    return media_big(footer + TYPE, 4) != DIFFERENCING
               ? 0
               : error_set(
                     err,
                     "%.200s: is a differencing VHD, which has no blocks of its parent: merge them where it was made",
                     f->path);
}

/* What a table of a VHDX says of the part with this name: where it is, and its length. False if it has none. */
static bool vhdx_find(const uint8_t *table, unsigned entries, unsigned at, const uint8_t name[16],
                      uint64_t *from, uint64_t *length)
{
    enum { ENTRY = 32, REGION_TABLE = 16 };
    for (unsigned i = 0; i < entries; i++) {
        const uint8_t *e = table + at + (size_t)i * ENTRY;
        if (memcmp(e, name, 16))
            continue;
        *from = at == REGION_TABLE ? le64(e + 16) : le32(e + 16);
        *length = le32(e + (at == REGION_TABLE ? 24 : 20));
        return true;
    }
    return false;
}

/* The tables are trusted as far as this needs; qemu-nbd checks their sums, and refuses sectors of 4 KiB without saying so. */
static int vhdx_is_whole(const struct media_file *f, struct error *err)
{
    enum { REGIONS_AT = 192 << 10, TABLE = 64 << 10, ENTRIES_MOST = 2047, SECTOR = 512 };
    static const uint8_t metadata[16] = {0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
                                         0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e};
    static const uint8_t sector_size[16] = {0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47,
                                            0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f};
    uint64_t region, length, item, size;
    uint8_t sector[4];
    if (f->size < REGIONS_AT + TABLE)
        return cut(f, "the table of its regions", err);
    uint8_t *table = mem_alloc(TABLE);
    int rc = media_read_fd(f->fd, f->path, REGIONS_AT, table, TABLE, err);
    bool found = !rc && le32(table + 8) <= ENTRIES_MOST &&
                 vhdx_find(table, le32(table + 8), 16, metadata, &region, &length);
    if (found && (length < TABLE || region > f->size || length > f->size - region))
        rc = cut(f, "what describes its disk", err);
    else if (found)
        rc = media_read_fd(f->fd, f->path, region, table, TABLE, err);
    found = found && !rc && le16(table + 10) <= ENTRIES_MOST &&
            vhdx_find(table, le16(table + 10), 32, sector_size, &item, &size) &&
            item <= length - sizeof sector;
    free(table);
    if (!found || media_read_fd(f->fd, f->path, region + item, sector, sizeof sector, err))
        return rc;
    return le32(sector) == SECTOR
               ? 0
               : error_set(err,
                           "%.200s: is a VHDX image with sectors of %u bytes, and only those of %d are "
                           "supported: convert it where it was made",
                           f->path, le32(sector), SECTOR);
}

int media_is_whole(const struct media_file *f, const struct media_format *format, struct error *err)
{
    static const struct {
        const char *driver;
        int (*is_whole)(const struct media_file *, struct error *);
    } checks[] = {{"qcow2", qcow2_is_whole},
                  {"vmdk", vmdk_is_whole},
                  {"vdi", vdi_is_whole},
                  {"vpc", vhd_is_whole},
                  {"vhdx", vhdx_is_whole}};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (!strcmp(format->driver, checks[i].driver))
            return checks[i].is_whole(f, err);
    return 0;
}
