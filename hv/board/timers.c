/* timers.c - the chips' timers: there are few, so this is a plain list plus the earliest deadline. */
#include "hv/board/internal.h"

#include <assert.h>

void timers_recount(struct board *b)
{
    uint64_t next = TIMER_OFF;
    for (unsigned i = 0; i < b->ntimers; i++)
        if (b->timer[i]->deadline < next)
            next = b->timer[i]->deadline;
    b->next_timer = next;
}

void board_timer(struct board *b, struct timer *t, void (*fire)(void *ctx), void *ctx)
{
    assert(b->ntimers < BOARD_MAX_TIMERS && "a chip's timers are counted in BOARD_MAX_TIMERS");
    *t = (struct timer){.deadline = TIMER_OFF, .fire = fire, .ctx = ctx};
    b->timer[b->ntimers++] = t;
}

void timer_set(struct board *b, struct timer *t, uint64_t deadline)
{
    assert(t->fire && "a timer is registered before it is set");
    uint64_t old = t->deadline;
    t->deadline = deadline;
    if (deadline < b->next_timer) {
        b->next_timer = deadline;
        /* The processor is running towards a later deadline: let the machine look again. */
        if (b->active)
            x86_break(b->active->x86);
    } else if (old == b->next_timer && old != deadline) {
        timers_recount(b);
    }
}

void timer_stop(struct board *b, struct timer *t)
{
    timer_set(b, t, TIMER_OFF);
}

uint64_t board_deadline(const struct board *b)
{
    return b->next_timer;
}

/* The earliest due timer; of several due at the same time the one registered first. */
static struct timer *earliest(struct board *b)
{
    for (unsigned i = 0; i < b->ntimers; i++)
        if (b->timer[i]->deadline == b->next_timer)
            return b->timer[i];
    return NULL;
}

void board_run_timers(struct board *b)
{
    uint64_t now = board_now(b);
    while (b->next_timer <= now && b->next_timer != TIMER_OFF) {
        struct timer *t = earliest(b);
        if (!t) { /* a chip changed a deadline directly */
            timers_recount(b);
            continue;
        }
        assert(t->deadline <= now && "no timer fires early");
        t->deadline = TIMER_OFF;
        timers_recount(b);
        t->fire(t->ctx);
    }
}
