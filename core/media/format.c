/* format.c - what an image file is, by its content.
 *
 * Sources: QEMU docs/interop/qcow2.txt; VMware's Virtual Disk Format 5.0 (sparse extents, descriptor files); Microsoft's VHD image format
 * specification 1.0 (the footer, at the end) and [MS-VHDX] 2.2; VirtualBox's VDICore.h; the formats' own documents.
 */
#include <string.h>

#include "core/media/private/impl.h"

enum { HEAD = 512, FOOTER = 512, FOOTER_SUM = 64 };

static const struct known {
    unsigned offset, n;
    const char *magic;
    struct media_format format;
} known[] = {
    {0, 4, "QFI\xfb", {"a qcow2 image", "qcow2", true, PACKED_NOT}},
    {0, 4, "KDMV", {"a VMDK image", "vmdk", true, PACKED_NOT}},
    {0, 21, "# Disk DescriptorFile", {"a VMDK descriptor", "vmdk", true, PACKED_NOT}},
    {64, 4, "\x7f\x10\xda\xbe", {"a VDI image", "vdi", false, PACKED_NOT}},
    {0, 8, "vhdxfile", {"a VHDX image", "vhdx", false, PACKED_NOT}},
    {0, 8, "conectix", {"a VHD image", "vpc", false, PACKED_NOT}},
    {0, 3, "\x1f\x8b\x08", {"compressed by gzip", NULL, false, PACKED_GZIP}},
    {0,
     6,
     "\xfd"
     "7zXZ",
     {"compressed by xz", NULL, false, PACKED_XZ}},
    {0, 3, "BZh", {"compressed by bzip2", NULL, false, PACKED_BZIP2}},
    {0, 4, "\x28\xb5\x2f\xfd", {"compressed by zstd", NULL, false, PACKED_ZSTD}},
    /* What is an image for certain, and is not read. */
    {0, 4, "QED\0", {"a QED image", NULL, false, PACKED_NOT}},
    {0, 16, "WithoutFreeSpace", {"an image of Parallels", NULL, false, PACKED_NOT}},
    {0, 16, "WithouFreSpacExt", {"an image of Parallels", NULL, false, PACKED_NOT}},
    {0, 4, "COWD", {"a VMDK image of an old kind (COWD)", NULL, false, PACKED_NOT}},
    {0, 22, "Bochs Virtual HD Image", {"an image of Bochs", NULL, false, PACKED_NOT}},
    {0, 4, "\x3a\xff\x26\xed", {"a sparse image of Android", NULL, false, PACKED_NOT}},
};
static const struct media_format vhd_of_fixed_size = {"a VHD image", "vpc", false, PACKED_NOT};
static const struct media_format raw = {"a raw image", "raw", false, PACKED_NOT};

/* A VHD of fixed size is the disk and, after it, a footer with a checksum: the complement of the sum of its other bytes. */
static bool has_vhd_footer(int fd, uint64_t size)
{
    uint8_t footer[FOOTER];
    uint32_t sum = 0, said;
    if (size < 2 * FOOTER || media_read_fd(fd, "", size - FOOTER, footer, FOOTER, NULL) ||
        memcmp(footer, "conectix", 8))
        return false;
    memcpy(&said, footer + FOOTER_SUM, 4);
    for (unsigned i = 0; i < FOOTER; i++)
        sum += i / 4 == FOOTER_SUM / 4 ? 0 : footer[i];
    return __builtin_bswap32(said) == ~sum;
}

const struct media_format *media_format_of(int fd, uint64_t size)
{
    uint8_t head[HEAD] = {0};
    if (media_read_fd(fd, "", 0, head, size < HEAD ? size : HEAD, NULL))
        return &raw;
    if (has_vhd_footer(fd, size))
        return &vhd_of_fixed_size;
    if (head[510] == 0x55 && head[511] == 0xaa)
        return &raw; /* a boot sector, however it begins */
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!memcmp(head + known[i].offset, known[i].magic, known[i].n))
            return &known[i].format;
    return &raw;
}
