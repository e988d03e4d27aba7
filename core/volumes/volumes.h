/* volumes.h - the file that a byte of a disk image belongs to. */
#ifndef BOOTREEL_CORE_VOLUMES_VOLUMES_H
#define BOOTREEL_CORE_VOLUMES_VOLUMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace;
struct volumes;

/* Bytes of a sector of the drive that an image of this role ("disk0", "cdrom", "floppy1") is the medium of: 2048 of a CD, 512 of the others; 0 if
 * it is no drive's. */
unsigned volumes_sector(const char *role);

/* Reads n bytes of an image at `offset`. What is not known, or beyond the end, is read as zeros. */
typedef void volumes_read(void *ctx, uint64_t offset, void *buf, size_t n);

/* The volumes of an image of `size` bytes: partitions (MBR, GPT), or a file system or an initramfs that fills
 * it; a FAT image within an ISO 9660 file counts, too. Damaged ones have fewer files, or none. Never NULL.
 * Cost: nothing until the first question. */
struct volumes *volumes_new(volumes_read *read, void *ctx, uint64_t size);
/* The volumes of an image of a trace, as it was before the boot, as far as the trace has it. `t` must outlive
 * them. */
struct volumes *volumes_of_image(struct trace *t, unsigned image);
void volumes_free(struct volumes *); /* NULL is allowed */

/* Where a byte is in a file. `partition`: as Linux counts them, 0 if it is in none. `system`: "ext2/3/4",
 * "ISO 9660", "FAT", "cpio" (an initramfs). `path`: "/boot/grub/grub.cfg"; a directory's ends with "/";
 * "inode 12" if no directory with its name is known; in an image that is a file itself,
 * "/efi.img:/EFI/boot/bootx64.efi". */
struct volume_place {
    unsigned partition;
    const char *system;
    const char *path;
    uint64_t at; /* the byte's offset in the file */
    uint64_t n;  /* how many bytes of the file lie there in a row, from this one on */
};

/* The file that the byte at `offset` belongs to; the texts live as long as the volumes. False: none that is
 * known. Cost: the first question reads all metadata (10 to 200 ms for a system's disk); each later one is a
 * search in a sorted list. */
bool volumes_find(struct volumes *, uint64_t offset, struct volume_place *place);

#endif
