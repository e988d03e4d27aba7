/* p9_server.h - answers requests of 9P2000.L with a share. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_VIRTIO_P9_SERVER_H
#define BOOTREEL_HV_BOARD_VIRTIO_P9_SERVER_H

#include "hv/board/virtio/p9.h"
#include "hv/board/virtio/shared.h"

struct p9 {
    struct shared *share;
    uint32_t msize; /* state: the largest message, as was agreed; 0: not yet */
};

/* Answers a message of n bytes, which may be anything. Returns the answer's size, at most `room`; 0: it is no message, `room` has not
 * even place for an error, or the share is damaged. */
size_t p9_serve(struct p9 *, const uint8_t *message, size_t n, uint8_t *answer, size_t room);

#endif
