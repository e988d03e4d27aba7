/* viewer_pointer.h - where viewers point, and what a guest's pointing device is told of it. Private to core/live.
 *
 * A tablet takes positions. A mouse takes movements only: the pointer is first pushed into the upper left corner, so that both are at the
 * same place, and then moved in small steps, which guests accelerate least. Movements that follow each other become one if the guest is
 * slower than the viewer; presses of buttons are kept.
 */
#ifndef BOOTREEL_CORE_LIVE_VIEWER_POINTER_H
#define BOOTREEL_CORE_LIVE_VIEWER_POINTER_H

#include "core/engine/engine.h"

enum { VIEWER_POINTS = 64 };

struct viewer_point {
    uint16_t x, y;   /* pixels */
    uint8_t buttons; /* 1 left, 2 right, 4 middle */
    int8_t wheel;    /* notches, positive towards the user */
};

struct viewer_pointer {
    struct viewer_point queue[VIEWER_POINTS];
    unsigned n;
    uint8_t mask;    /* RFB's buttons at the last message … */
    uint32_t holder; /* … of this viewer */
    uint64_t next;   /* guest time from which on a point may be given */
    uint8_t buttons; /* as the guest has them */
    unsigned pushed; /* pixels towards the corner */
    bool homed;      /* the guest's pointer is at (x, y), as far as we know */
    int x, y;
};

/* A message of RFB. */
void viewer_point(struct viewer_pointer *p, uint32_t viewer, uint32_t x, uint32_t y, uint32_t mask);
/* A viewer has gone: its buttons are released. */
void viewer_point_let_go(struct viewer_pointer *p, uint32_t viewer);
/* Gives what is due at guest time `now`; the screen has that size. See viewers_give(). */
int viewer_point_give(struct viewer_pointer *p, uint64_t now, unsigned width, unsigned height,
                      int (*offer)(void *ctx, struct input *in, struct error *err), void *ctx,
                      struct error *err);
uint64_t viewer_point_due(const struct viewer_pointer *p);

#endif
