/* media.h - images as people have them, as the bytes that a machine reads: raw; in the formats of other virtual machines (qcow2, VMDK,
 * VHD, VHDX, VDI), with the images that they are based on; compressed (gzip, xz, zstd, bzip2); or a folder of the host, as a disk with an
 * ext4 file system, or as an initramfs.
 *
 * What a file is follows from its content, never from its name. Nothing is ever written to it. The formats of other virtual machines are
 * read by QEMU's qemu-nbd, in a process of its own: an image may be hostile.
 */
#ifndef BOOTREEL_CORE_MEDIA_MEDIA_H
#define BOOTREEL_CORE_MEDIA_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"

/* An opened image. */
struct media_image;

struct media_options {
    bool
        formats; /* the image may be in a format of another virtual machine, or compressed; otherwise the file is taken as it is */
    /* Files outside of the image's own folder that it may be based on, as the user named them. */
    const char *const *backing;
    size_t nbacking;
    /* The folder for what is unpacked, which is made; NULL: compressed images are refused. */
    const char *cache;
    /* Called while something is unpacked, with its name and the share of it that is done (0 to 1); may be NULL. */
    void (*progress)(void *ctx, const char *path, double share);
    void *ctx;
};

/* A file of the host that an image consists of. */
struct media_file {
    char *path;
    int fd;         /* open for reading */
    struct stat st; /* as it was when it was opened */
    uint64_t size;  /* also a disk's */
};

/* Opens a file or a disk of the host. A compressed one is unpacked into the cache if it is not there yet, which takes as long as its
 * format takes (xz: about 10 s a GB). NULL with err: it does not exist, is empty, or is not what it seems to be; it is based on a file
 * that it may not be based on; qemu-nbd is missing, or says that the image is damaged or in use. */
struct media_image *media_open(const char *path, const struct media_options *, struct error *err);
/* The folder that "folder:PATH" names; NULL if `path` is a file's. */
const char *media_folder(const char *path);
/* A folder as a disk: an MBR, and from 1 MiB on an ext4 file system with the folder's files, of the same bytes for equal folders: names in
 * order, times of modification kept, all other times and identifiers fixed. As large as its content, and a quarter more. NULL with err. */
struct media_image *media_open_folder(const char *folder, const struct media_options *, struct error *err);
/* Initramfs images, each a file or "folder:PATH" (a cpio archive of the folder: names in order, times and inode numbers fixed), one after
 * another as boot loaders join them: each begins at a multiple of 4 bytes. NULL with err. */
struct media_image *media_open_initrds(const char *const *path, size_t n, struct error *err);
void media_close(struct media_image *); /* NULL is allowed */

uint64_t media_size(const struct media_image *);
/* Reads exactly n bytes at offset, both within the size; as struct image's `read`. */
int media_read(void *media, uint64_t offset, void *buf, size_t n, struct error *err);
/* The files that it consists of; *count of them. */
const struct media_file *media_files(const struct media_image *, size_t *count);

#endif
