/* map.h - what the readers of file systems fill. Private to core/volumes/. */
#ifndef BOOTREEL_CORE_VOLUMES_MAP_H
#define BOOTREEL_CORE_VOLUMES_MAP_H

#include "base/byte_order.h"
#include "core/volumes/volumes.h"

/* A file system: a stretch of the image. */
struct volume {
    struct volumes *all;
    uint64_t begin, size; /* bytes */
    unsigned partition;
    const char *prefix; /* in front of its paths: the file that it is in, with a colon, or "" */
};

/* Reads n bytes of the volume; beyond its end they are zero. */
void volume_read(const struct volume *v, uint64_t offset, void *buf, size_t n);

/* Adds a file; returns its number. */
uint32_t volume_file(const struct volume *v, const char *system, const char *path);
/* Adds `n` bytes of a file: from its byte `at` on they lie at `offset` of the volume. What lies outside the
 * volume is not added. */
void volume_extent(const struct volume *v, uint32_t file, uint64_t at, uint64_t offset, uint64_t n);

/* The readers add the files of a volume; false if it is no such file system. */
bool volume_ext(const struct volume *v);
bool volume_iso(const struct volume *v);
bool volume_fat(const struct volume *v);
/* For an initramfs: reads its archives up to the first one that is compressed. */
bool volume_cpio(const struct volume *v);

/* Looks for a file system in a file of a volume; `path` is the file's. */
void volume_within(const struct volume *v, const char *path, uint64_t offset, uint64_t n);

#endif
