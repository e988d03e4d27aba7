/* impl.h - what the files of core/media share. */
#ifndef BOOTREEL_CORE_MEDIA_IMPL_H
#define BOOTREEL_CORE_MEDIA_IMPL_H

#include "base/memory.h"
#include "core/media/media.h"

struct nbd;

struct media_image {
    uint64_t size;
    struct media_file *file; /* the first is the one that was opened */
    size_t nfiles;
    struct nbd *nbd; /* the bytes come from there, */
    int unpacked;    /* or from this file of ours (-1: none), */
    uint8_t *memory; /* or from memory; otherwise from file[0] */
};

/* ---- files (media.c) ---- */
struct media_image *media_new(void);
/* Opens a plain file or a disk, and adds it to the list. `within`: a path below this folder's descriptor, or AT_FDCWD. -1 with err. */
int media_add_file(struct media_image *, const char *path, struct error *err);
int media_read_fd(int fd, const char *path, uint64_t offset, void *buf, size_t n, struct error *err);

/* A number of n bytes, the highest first, as qcow2 has them. */
static inline uint64_t media_big(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;
    while (n--)
        v = v << 8 | *p++;
    return v;
}

/* ---- formats (format.c) ---- */
enum media_packing { PACKED_NOT, PACKED_GZIP, PACKED_XZ, PACKED_ZSTD, PACKED_BZIP2 };
struct media_format {
    const char *name;   /* "a qcow2 image" */
    const char *driver; /* QEMU's driver; NULL: none of its, or one that is not used */
    bool chained;       /* the driver takes "backing" */
    enum media_packing packing;
};
/* What the file's content is. Never NULL: a raw image is what is nothing else. */
const struct media_format *media_format_of(int fd, uint64_t size);

/* ---- whole files (whole.c) ---- */
/* 0 if the file has all that its tables say is in it, as far as can be told cheaply; -1 with err. `format` has a driver. */
int media_is_whole(const struct media_file *, const struct media_format *format, struct error *err);

/* ---- images that are based on others (chain.c) ---- */
/* Adds to the list of files what file[0] is based on, and makes the description of them all that qemu-nbd takes (to be freed): nothing
 * else is opened. NULL with err. */
char *chain_describe(struct media_image *, const struct media_format *, const struct media_options *,
                     struct error *err);

/* ---- qemu-nbd (nbd.c) ---- */
struct nbd *nbd_start(const char *path, const char *description, uint64_t *size, struct error *err);
int nbd_fetch(struct nbd *, const char *path, uint64_t offset, void *buf, size_t n, struct error *err);
void nbd_end(struct nbd *); /* NULL is allowed */

/* ---- compressed images (unpack.c) ---- */
/* A descriptor of the unpacked content, in the cache; *size is its size. -1 with err. */
int unpack_into_cache(const struct media_file *, const struct media_options *, uint64_t *size,
                      struct error *err);

/* What an initramfs may have, as hv/load limits it: checked before it is read. */
#define INITRAMFS_MOST (1ull << 30)

/* ---- folders (entries.c, ext4.c, cpio.c) ---- */
struct entry {
    char *path; /* below the folder: "usr/bin/true"; "" is the folder itself */
    struct stat st;
    size_t folder; /* the entry of the folder that it is in */
    char *target;  /* of a symbolic link */
    /* Several names of one file: each but the first refers to that; the first has their number. */
    const struct entry *first;
    unsigned names;
};
/* The last part of its path. */
const char *entry_name(const struct entry *);
struct entries {
    const char *folder;
    int fd;
    struct entry *entry; /* in order of their paths, a folder before what is in it */
    size_t n;
};
/* All that is in a folder, on its own file system. -1 with err. */
int entries_read(struct entries *, const char *folder, struct error *err);
void entries_free(struct entries *);
/* Opens a regular file of the list. -1 with err. */
int entry_open(const struct entries *, const struct entry *, struct error *err);

/* The folder as a cpio archive in the newc form, of *size bytes (to be freed). NULL with err. */
uint8_t *cpio_make(const struct entries *, size_t *size, struct error *err);
/* Writes the disk into an empty file; *size is its size. -1 with err. */
int ext4_make(int fd, const struct entries *, uint64_t *size, struct error *err);

#endif
