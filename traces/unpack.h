/* unpack.h - unpacks compressed data piece by piece, in the formats in which kernels and initial RAM disks are packed.
 * Private to traces/.
 */
#ifndef BOOTREEL_TRACES_UNPACK_H
#define BOOTREEL_TRACES_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers as in the file. */
enum unpack_format {
    UNPACK_GZIP = 1,
    UNPACK_XZ,
    UNPACK_ZSTD,
    UNPACK_LZ4, /* legacy frames */
    UNPACK_FORMATS
};

enum unpack_result {
    UNPACK_MORE, /* all input was used, or all room */
    UNPACK_END,  /* the end of the data; the input behind it was not used */
    UNPACK_BAD,
};

/* A decoder. It uses up to 128 MiB of memory, as much as the packed data asks for; what asks for more is bad. */
struct unpacker;

/* Where the next place of each format is, so that no byte is looked at twice for a format: zeroed before the first search of
 * some bytes, whose later searches begin further on. */
struct unpack_search {
    size_t place[UNPACK_FORMATS];
    bool searched[UNPACK_FORMATS];
};

/* The first place, at or after `at`, of the bytes with which data of a known format begin; n if there is none. *format:
 * which. Cost: some µs for 64 KiB, in all searches of them. */
size_t unpack_find(struct unpack_search *s, const uint8_t *p, size_t n, size_t at, unsigned *format);
/* "xz"; NULL for an unknown number. */
const char *unpack_format_name(unsigned format);
struct unpacker *unpacker_new(unsigned format);
void unpacker_free(struct unpacker *u); /* NULL is allowed */
/* Unpacks what it can. On return *in and *out are after what was used, *nin and *nout what is left. */
enum unpack_result unpacker_run(struct unpacker *u, const uint8_t **in, size_t *nin, uint8_t **out,
                                size_t *nout);

#endif
