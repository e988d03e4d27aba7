/* pack.c - makes the demo disk: pack IMAGE SIZE BOOT LOADER NAME=FILE…
 *
 * This is a host program. The same files always give the same bytes. SIZE is in KiB; layout.h says what is
 * where.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guests/demo/layout.h"

struct image {
    u8 *bytes;
    size_t size;
};

static void fail(const char *what, const char *which)
{
    fprintf(stderr, "pack: %s: %s\n", which, what);
    exit(1);
}

/* Puts a file into the image; returns its size. */
static u32 place(struct image *im, size_t at, size_t room, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail("cannot be opened", path);
    if (at + room > im->size)
        room = at < im->size ? im->size - at : 0;
    size_t n = fread(im->bytes + at, 1, room, f);
    if (fgetc(f) != EOF)
        fail("is too big", path);
    fclose(f);
    return (u32)n;
}

static u32 sectors(size_t n)
{
    return (u32)((n + SECTOR - 1) / SECTOR);
}

int main(int argc, char **argv)
{
    if (argc < 5)
        fail("pack IMAGE SIZE BOOT LOADER NAME=FILE...", "usage");
    struct image im = {.size = (size_t)atoi(argv[2]) * 1024};
    im.bytes = calloc(1, im.size); /* this program stands alone: no base/memory.h */
    if (!im.bytes || im.size < (DIRECTORY_LBA + 1) * SECTOR)
        fail("no size", argv[2]);
    place(&im, 0, SECTOR, argv[3]);
    place(&im, LOADER_LBA * SECTOR, LOADER_SECTORS * SECTOR, argv[4]);
    u32 partition = sectors(im.size) - LOADER_LBA;
    memcpy(im.bytes + 446 + 12, &partition, 4);

    struct file *file = (struct file *)(im.bytes + DIRECTORY_LBA * SECTOR);
    u32 lba = DIRECTORY_LBA + 1;
    for (int i = 5; i < argc; i++, file++) {
        char *equals = strchr(argv[i], '=');
        if (!equals || equals - argv[i] >= (long)sizeof file->name || i - 5 == DIRECTORY_FILES)
            fail("is no NAME=FILE, or one too many", argv[i]);
        memcpy(file->name, argv[i], (size_t)(equals - argv[i]));
        file->lba = lba;
        file->size = place(&im, (size_t)lba * SECTOR, im.size, equals + 1);
        lba += sectors(file->size);
    }
    FILE *out = fopen(argv[1], "wb");
    if (!out || fwrite(im.bytes, 1, im.size, out) != im.size || fclose(out))
        fail("cannot be written", argv[1]);
    return 0;
}
