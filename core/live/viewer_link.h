/* viewer_link.h - what a recording and the program that serves its viewers (vnc/) share: the screen in memory, and messages of what
 * viewers do.
 *
 * The recording writes the screen, and the server's processes can only read it. The recording reads messages, of a fixed size, and
 * believes nothing in them.
 */
#ifndef BOOTREEL_CORE_LIVE_VIEWER_LINK_H
#define BOOTREEL_CORE_LIVE_VIEWER_LINK_H

#include <stdint.h>

/* The descriptors with which the server starts. */
enum { VIEWER_FD_LISTEN = 3, VIEWER_FD_LINK = 4, VIEWER_FD_SCREEN = 5 };

/* A screen of at most VIEWER_PIXELS is divided into tiles. Any screen of that size whose sides are at most VIEWER_SIDE has fewer than
 * VIEWER_TILES. */
enum {
    VIEWER_TILE_WIDTH = 64,
    VIEWER_TILE_HEIGHT = 16,
    VIEWER_TILES = 32768,
    VIEWER_PIXELS = 16 << 20,
    VIEWER_SIDE = 16384
};

/* The first bytes of the shared memory. `frame` is odd while the rest is being changed. Who has read something and finds another frame
 * afterwards has to read again. */
struct viewer_screen {
    uint32_t frame;
    uint32_t width, height;
    uint32_t stamp[VIEWER_TILES]; /* row by row: the frame in which a tile changed last */
};

/* Where its pixels are: 0x00BBGGRR, row by row. */
enum { VIEWER_PIXELS_AT = (sizeof(struct viewer_screen) + 4095) / 4096 * 4096 };
#define VIEWER_MEMORY ((uint64_t)VIEWER_PIXELS_AT + (uint64_t)VIEWER_PIXELS * 4)

static inline uint32_t viewer_tile_columns(uint32_t width)
{
    return (width + VIEWER_TILE_WIDTH - 1) / VIEWER_TILE_WIDTH;
}

static inline uint32_t viewer_tile_rows(uint32_t height)
{
    return (height + VIEWER_TILE_HEIGHT - 1) / VIEWER_TILE_HEIGHT;
}

/* The first message, to the server. RFB's password has at most eight characters; "" means that none is needed. */
enum { VIEWER_PASSWORD = 8 };
struct viewer_hello {
    char password[VIEWER_PASSWORD + 1];
    char title[119];
};

/* All others, from the server. `viewer` tells viewers apart. */
enum viewer_event_kind {
    VIEWER_COMES,   /* it has been let in, and sees the screen */
    VIEWER_GOES,    /* also without VIEWER_COMES; what it held is released */
    VIEWER_KEY,     /* a: X's keysym; b: 1 if it is pressed, 0 if it is released */
    VIEWER_POINTER, /* a, b: pixel from the left and from the top; c: RFB's mask of buttons */
};
struct viewer_event {
    uint32_t kind, viewer, a, b, c;
};

#endif
