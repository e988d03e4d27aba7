/* anchor.h - anchors: places in a run of bytes, about one in 512, that are chosen by the eight bytes there.
 * So equal bytes have the same anchors in an image and in a page, which shows what part of the image the page
 * holds. Private to traces/.
 */
#ifndef BOOTREEL_TRACES_ANCHOR_H
#define BOOTREEL_TRACES_ANCHOR_H

#include "traces/bytes.h"

/* The first anchor at or after `at`; n if there is none. *hash: 20 bits of its bytes. Cost: 1 µs for a page. */
size_t anchor_next(const uint8_t *data, size_t n, size_t at, uint32_t *hash);

#endif
