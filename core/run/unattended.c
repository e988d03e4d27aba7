/* unattended.c - see unattended.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "core/run/private/unattended.h"
#include "core/story/processes.h"

/* ns of guest time. Between looks: */
#define SLOT    1000000000ull
#define IDLE    (600 * SLOT)
#define POLLING (60 * SLOT)

enum {
    IDLE_SHARE = 20,      /* a machine that executes more than 1/20 of the steps that it could is not idle */
    POLLS_A_SLOT = 10,    /* at least; … */
    STEPS_A_POLL = 20000, /* … and in a busy machine one in so many steps */
    TRIES = 4,            /* to see a loop in a second: a look fails if it meets an interrupt's handler */
    TRY_STEPS = 100000,   /* between them */
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

uint64_t unattended_limit_icount(const struct unattended *u, uint64_t icount)
{
    if (!u->on || !u->waiting.looks)
        return UINT64_MAX;
    return u->waiting.at > icount ? u->waiting.at : icount + 1;
}

static bool ends(const struct unattended *u, uint64_t time, char *text, size_t size)
{
    if (time - u->polling_since >= POLLING)
        snprintf(text, size, "the guest has done nothing but %s for a minute of guest time",
                 u->inputs   ? "poll for a key or a character"
                 : u->timers ? "poll a timer"
                             : "wait in a loop that polls memory or the time-stamp counter");
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

/* A second is over. polls: it did nothing but poll. */
static bool end_slot(struct unattended *u, const struct engine *e, bool polls, char *text, size_t size)
{
    const uint64_t time = e->ops->time(e);
    const struct engine_polls now = e->ops->polls ? e->ops->polls(e) : (struct engine_polls){0, 0};
    if (!u->quiet || !u->idle)
        u->idle_since = time;
    if (!u->quiet || !polls) {
        u->polling_since = time;
        u->inputs = u->timers = 0;
    } else {
        u->inputs += now.input - u->slot_polls.input;
        u->timers += now.timer - u->slot_polls.timer;
    }
    u->busy = false;
    u->tries = 0;
    u->slot_begin = time;
    u->slot_steps = e->ops->icount(e);
    u->slot_polls = now;
    return ends(u, time, text, size);
}

/* Goes on with a look at the loop that the machine may be in. */
static bool look_on(struct unattended *u, const struct engine *e, const struct stop *s, char *text,
                    size_t size)
{
    const uint64_t icount = e->ops->icount(e);
    if (icount < u->waiting.at)
        return false;
    const enum waits waits = s->reason == STOP_REACHED ? waiting_look(&u->waiting, e, s->address) : WAITS_NOT;
    if (waits == WAITS_MORE)
        return false;
    u->waiting.looks = waits == WAITS_NOT && ++u->tries < TRIES;
    if (!u->waiting.looks)
        return end_slot(u, e, waits == WAITS_YES, text, size);
    waiting_begin(&u->waiting, icount + TRY_STEPS);
    return false;
}

bool unattended_look(struct unattended *u, const struct engine *e, const struct stop *s, char *text,
                     size_t size)
{
    const uint64_t time = e->ops->time(e), icount = e->ops->icount(e);
    if (u->on && u->waiting.looks)
        return look_on(u, e, s, text, size);
    if (!u->on || time < u->slot_begin + SLOT)
        return false;
    const struct engine_polls now = e->ops->polls ? e->ops->polls(e) : (struct engine_polls){0, 0},
                              n = {now.input - u->slot_polls.input, now.timer - u->slot_polls.timer};
    const uint64_t steps = icount - u->slot_steps, took = time - u->slot_begin;
    u->quiet = !u->busy && !shows_news(u, e);
    u->idle = steps < took / IDLE_SHARE;
    const bool polls = is_polling(u, &n, steps, took, u->idle);
    if (!u->quiet || u->idle || u->programs || polls)
        return end_slot(u, e, polls, text, size);
    waiting_begin(&u->waiting, icount);
    return look_on(u, e, s, text, size);
}
