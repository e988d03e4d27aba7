/* initramfs.h - the files of an initramfs image: cpio archives, as Linux takes them, one after the other,
 * with zeros between them, and compressed from some place on (Linux:
 * Documentation/driver-api/early-userspace/buffer-format.rst). */
#ifndef BOOTREEL_CORE_VOLUMES_INITRAMFS_H
#define BOOTREEL_CORE_VOLUMES_INITRAMFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Calls fn for each file: its name, and content. The image may be compressed by gzip, bzip2, lzma, xz, lz4 or
 * zstd. Ends at the first damage. */
typedef void initramfs_fn(void *ctx, const char *name, const uint8_t *content, size_t n);
void initramfs_files(const uint8_t *image, size_t size, initramfs_fn *fn, void *ctx);

/* Calls fn for each part: archives one after the other as they are in the image, or, with `packed`, as a compressed part unpacks to. */
typedef void initramfs_part_fn(void *ctx, const uint8_t *archives, size_t n, bool packed);
void initramfs_parts(const uint8_t *image, size_t size, initramfs_part_fn *fn, void *ctx);

/* An entry of an archive, as its header has it (newc; "070702" with checksums). */
struct initramfs_entry {
    const uint8_t *header; /* 110 bytes */
    const char *name;      /* as it is there, ended by 0 */
    size_t name_size;      /* with the 0 */
    const uint8_t *content;
    uint64_t size;
    uint32_t inode, mode, links;
};
/* The entry at *at in n bytes of archives; *at becomes the place after it. Trailers are entries, too, named "TRAILER!!!". False: there is
 * none, or it is damaged. */
bool initramfs_next(const uint8_t *archives, size_t n, size_t *at, struct initramfs_entry *e);

#endif
