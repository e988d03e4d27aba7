/* unattended.c - see unattended.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/run/private/unattended.h"
#include "core/story/processes.h"
#include "traces/memory.h"

/* ns of guest time. Between looks: */
#define SLOT    1000000000ull
#define IDLE    (600 * SLOT)
#define POLLING (60 * SLOT)

enum {
    IDLE_SHARE = 20,      /* a machine that executes more than 1/20 of the steps that it could is not idle */
    POLLS_A_SLOT = 10,    /* at least; … */
    STEPS_A_POLL = 20000, /* … and in a busy machine one in so many steps */
    SCREEN_SIZE = 65536
};

/* ---------------------------------------------------------------- what happens */

static bool is_of_kernel(const struct event *ev)
{
    return ev->kind == EV_PROCESS_NAME ||
           (ev->kind == EV_PROCESS_CREATE && EVF(ev, PROCESS_CREATE, kind) == PROCESS_KERNEL_THREAD);
}

void unattended_event(struct unattended *u, const struct event *ev)
{
    switch (event_kind(ev->kind)->cls) {
    case EC_CONSOLE:
    case EC_DISK:
    case EC_NET:
        u->busy = true;
        break;
    case EC_PROCESS:
        u->busy |= !is_of_kernel(ev);
        u->programs |= ev->kind == EV_PROCESS_EXEC;
        break;
    default:
        break;
    }
}

void unattended_reset(struct unattended *u)
{
    u->busy = true;
    u->programs = false;
}

/* ---------------------------------------------------------------- the screen */

static uint64_t hash_pixels(const struct engine *e)
{
    struct display d;
    if (!e->ops->display || !e->ops->display(e, &d, NULL, 0, NULL, 0))
        return 0;
    const size_t n = (size_t)d.width * d.height * 3;
    uint8_t *rgb = mem_zero(n + 1, 1);
    e->ops->display(e, &d, NULL, 0, rgb, n);
    const uint64_t hash = XXH3_64bits(rgb, n);
    free(rgb);
    return hash;
}

static uint64_t hash_screen(const struct engine *e)
{
    char *text = mem_zero(1, SCREEN_SIZE);
    const size_t n = e->ops->screen(e, text, SCREEN_SIZE);
    const uint64_t hash = n ? XXH3_64bits(text, strlen(text)) : hash_pixels(e);
    free(text);
    return hash;
}

/* Whether the screen shows something that it has not shown lately. */
static bool shows_news(struct unattended *u, const struct engine *e)
{
    const uint64_t now = hash_screen(e);
    for (unsigned i = 0; i < SCREENS_SEEN && i < u->screens; i++)
        if (u->screen[i] == now)
            return false;
    u->screen[u->screens++ % SCREENS_SEEN] = now;
    return true;
}

/* ---------------------------------------------------------------- looking */

uint64_t unattended_limit(const struct unattended *u)
{
    return u->on ? u->slot_begin + SLOT : UINT64_MAX;
}

static bool ends(const struct unattended *u, uint64_t time, char *text, size_t size)
{
    if (time - u->polling_since >= POLLING)
        snprintf(text, size, "the guest has done nothing but poll %s for a minute of guest time",
                 u->inputs ? "for a key or a character" : "a timer");
    else if (time - u->idle_since >= IDLE)
        snprintf(text, size, "the guest has been idle for ten minutes of guest time");
    else
        return false;
    return true;
}

/* Software that waits for an interrupt often reads a timer when it comes, so this says nothing of an idle machine. */
static bool is_polling(const struct unattended *u, const struct engine_polls *n, uint64_t steps,
                       uint64_t took, bool idle)
{
    const uint64_t all = n->input + n->timer, least = POLLS_A_SLOT * took / SLOT;
    if (u->programs)
        return false;
    return idle ? n->input >= least : all >= least && steps / all < STEPS_A_POLL;
}

static void begin_slot(struct unattended *u, uint64_t icount, uint64_t time, struct engine_polls polls)
{
    u->busy = false;
    u->slot_begin = time;
    u->slot_steps = icount;
    u->slot_polls = polls;
}

bool unattended_look(struct unattended *u, const struct engine *e, char *text, size_t size)
{
    const uint64_t time = e->ops->time(e), icount = e->ops->icount(e);
    if (!u->on || time < u->slot_begin + SLOT)
        return false;
    const struct engine_polls now = e->ops->polls ? e->ops->polls(e) : (struct engine_polls){0, 0},
                              n = {now.input - u->slot_polls.input, now.timer - u->slot_polls.timer};
    const uint64_t steps = icount - u->slot_steps, took = time - u->slot_begin;
    const bool quiet = !u->busy && !shows_news(u, e), idle = steps < took / IDLE_SHARE;
    if (!quiet || !idle)
        u->idle_since = time;
    if (!quiet || !is_polling(u, &n, steps, took, idle)) {
        u->polling_since = time;
        u->inputs = 0;
    } else {
        u->inputs += n.input;
    }
    begin_slot(u, icount, time, now);
    return ends(u, time, text, size);
}
