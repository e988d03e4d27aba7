/* unpack_lz4.h - unpacks legacy frames of LZ4, as `lz4 -l` makes them and Linux reads them. Private to traces/ (unpack.c).
 *
 * Source: LZ4 Frame Format Description, "Legacy frame". A frame is a magic number and blocks, each behind its packed size. A block has
 * 8 MiB of content, only the last one less. Nothing marks the end: the frame ends after a block of less than 8 MiB, or where
 * what follows cannot be the size of a block. (In Linux's images the length of the content follows.)
 */
#ifndef BOOTREEL_TRACES_UNPACK_LZ4_H
#define BOOTREEL_TRACES_UNPACK_LZ4_H

#include "traces/unpack.h"

/* It takes up to 17 MB: a block, and its content. */
struct lz4_frame;

struct lz4_frame *lz4_frame_new(void);
void lz4_frame_free(struct lz4_frame *f); /* NULL is allowed */
/* As unpacker_run(). */
enum unpack_result lz4_frame_run(struct lz4_frame *f, const uint8_t **in, size_t *nin, uint8_t **out,
                                 size_t *nout);

#endif
