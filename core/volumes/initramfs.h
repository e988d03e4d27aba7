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

#endif
