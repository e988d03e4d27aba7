/* viewer_pointer.c - see private/viewer_pointer.h. Source: RFC 6143, 7.5.5 (PointerEvent). */
#include <stdlib.h>
#include <string.h>

#include "core/live/private/viewer_pointer.h"

/* Guest time, ns: in which a tablet reports a movement, a mouse makes a step, and a person presses a button. */
#define MOVE  10000000u
#define STEPS 20000000u
#define CLICK 50000000u

enum {
    STEP = 40, /* pixels of one movement */
    PUSH = 120, /* … towards the corner: drivers that do not know the ninth bit of a movement understand it */
    BEYOND = 480, /* pixels that are pushed farther than the screen is large */
    TABLET = 0x7fff
};
enum { RFB_LEFT = 1, RFB_MIDDLE = 2, RFB_RIGHT = 4, RFB_UP = 8, RFB_DOWN = 16 };

/* ---------------------------------------------------------------- what comes */

static uint8_t buttons_of(uint32_t mask)
{
    return (uint8_t)((mask & RFB_LEFT ? 1 : 0) | (mask & RFB_RIGHT ? 2 : 0) | (mask & RFB_MIDDLE ? 4 : 0));
}

/* A movement replaces the movement before it. If there is no room, the last one is replaced, so that buttons end as they are. */
static void add(struct viewer_pointer *p, const struct viewer_point *at)
{
    struct viewer_point *last = p->n ? &p->queue[p->n - 1] : NULL;
    const uint8_t before = p->n > 1 ? p->queue[p->n - 2].buttons : p->buttons;
    const bool moves = last && last->buttons == at->buttons && last->buttons == before && !last->wheel;
    if (last && (moves || p->n == VIEWER_POINTS))
        *last = *at;
    else
        p->queue[p->n++] = *at;
}

void viewer_point(struct viewer_pointer *p, uint32_t viewer, uint32_t x, uint32_t y, uint32_t mask)
{
    const uint32_t pressed = mask & ~p->mask;
    const struct viewer_point at = {
        .x = (uint16_t)(x < UINT16_MAX ? x : UINT16_MAX),
        .y = (uint16_t)(y < UINT16_MAX ? y : UINT16_MAX),
        .buttons = buttons_of(mask),
        .wheel = (int8_t)((pressed & RFB_DOWN ? 1 : 0) - (pressed & RFB_UP ? 1 : 0)),
    };
    p->mask = (uint8_t)mask;
    p->holder = viewer;
    add(p, &at);
}

void viewer_point_let_go(struct viewer_pointer *p, uint32_t viewer)
{
    const struct viewer_point *last = p->n ? &p->queue[p->n - 1] : NULL;
    if (p->holder != viewer || !p->mask)
        return;
    const struct viewer_point at = {.x = last ? last->x : (uint16_t)p->x,
                                    .y = last ? last->y : (uint16_t)p->y};
    p->mask = 0;
    add(p, &at);
}

/* ---------------------------------------------------------------- what is given */

static uint16_t scaled(uint16_t at, unsigned size)
{
    return (uint16_t)(size < 2 ? 0 : at >= size ? TABLET : (uint64_t)at * TABLET / (size - 1));
}

/* To a tablet. False in *taken: there is none that listens. */
static int give_place(const struct viewer_point *at, unsigned width, unsigned height, bool *taken,
                      int (*offer)(void *ctx, struct input *in, struct error *err), void *ctx,
                      struct error *err)
{
    const uint16_t x = scaled(at->x, width), y = scaled(at->y, height);
    const uint8_t data[] = {at->buttons, (uint8_t)x,        (uint8_t)(x >> 8),
                            (uint8_t)y,  (uint8_t)(y >> 8), (uint8_t)at->wheel};
    struct input in = {.port = INPUT_TABLET, .data = data, .len = sizeof data};
    const int rc = offer(ctx, &in, err);
    *taken = in.len == sizeof data;
    return rc;
}

static int within(int by, int most)
{
    return by > most ? most : by < -most ? -most : by;
}

/* To a mouse: a movement of at most 127 pixels to the right and down. */
static int give_move(int dx, int dy, const struct viewer_point *at,
                     int (*offer)(void *ctx, struct input *in, struct error *err), void *ctx,
                     struct error *err)
{
    const uint8_t data[] = {at->buttons, (uint8_t)dx, (uint8_t)-dy, (uint8_t)at->wheel};
    struct input in = {.port = INPUT_MOUSE, .data = data, .len = sizeof data};
    return offer(ctx, &in, err);
}

static void done(struct viewer_pointer *p, uint64_t now)
{
    p->next = now + (p->queue[0].buttons == p->buttons ? MOVE : CLICK);
    p->buttons = p->queue[0].buttons;
    memmove(p->queue, p->queue + 1, --p->n * sizeof p->queue[0]);
}

/* One push of a mouse towards the corner. */
static int push(struct viewer_pointer *p, uint64_t now, unsigned size,
                int (*offer)(void *ctx, struct input *in, struct error *err), void *ctx, struct error *err)
{
    const struct viewer_point held = {.buttons = p->buttons};
    p->pushed += PUSH;
    p->homed = p->pushed >= size + BEYOND;
    p->x = p->y = 0;
    p->next = now + STEPS;
    return give_move(-PUSH, -PUSH, &held, offer, ctx, err);
}

/* One step of a mouse towards the first point. */
static int step(struct viewer_pointer *p, uint64_t now,
                int (*offer)(void *ctx, struct input *in, struct error *err), void *ctx, struct error *err)
{
    const struct viewer_point held = {.buttons = p->buttons}, to = p->queue[0];
    int dx = within(to.x - p->x, STEP), dy = within(to.y - p->y, STEP);
    p->x += dx;
    p->y += dy;
    const bool there = p->x == to.x && p->y == to.y, clicks = there && to.buttons != p->buttons;
    if (there)
        done(p, now);
    p->next = now + (clicks ? CLICK : STEPS);
    /* At the upper and the left edge the guest's pointer is pushed against them: there both meet again if they have parted. */
    dx -= there && !to.x ? PUSH - STEP : 0;
    dy -= there && !to.y ? PUSH - STEP : 0;
    return give_move(dx, dy, there ? &to : &held, offer, ctx, err);
}

int viewer_point_give(struct viewer_pointer *p, uint64_t now, unsigned width, unsigned height,
                      int (*offer)(void *ctx, struct input *in, struct error *err), void *ctx,
                      struct error *err)
{
    bool taken;
    if (!p->n || now < p->next)
        return 0;
    if (give_place(&p->queue[0], width, height, &taken, offer, ctx, err))
        return -1;
    if (!taken && !p->homed)
        return push(p, now, width > height ? width : height, offer, ctx, err);
    if (!taken)
        return step(p, now, offer, ctx, err);
    p->x = p->queue[0].x;
    p->y = p->queue[0].y;
    done(p, now);
    return 0;
}

uint64_t viewer_point_due(const struct viewer_pointer *p)
{
    return p->n ? p->next : UINT64_MAX;
}
