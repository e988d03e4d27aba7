/* recorder_until.c - where --until ends a recording. See private/recorder_impl.h. */
#include "core/run/private/recorder_impl.h"

/* Guest time, ns, between two looks at the screen of a guest that sleeps. */
enum { LOOKS_APART = 100000000 };

int recorder_check_until(const struct position *until, struct error *err)
{
    if (!until || until->kind == POS_ICOUNT || until->kind == POS_TIME || until->kind == POS_CONSOLE)
        return 0;
    return error_set(
        err,
        "--until: that position needs a recorded run: give an ICOUNT, a guest time (10s) or console:TEXT");
}

static bool waits_for_text(const struct recorder *r)
{
    return r->o.until && r->o.until->kind == POS_CONSOLE && !r->until.found;
}

void recorder_until_console(struct recorder *r, unsigned device, const char *data, size_t n)
{
    struct until_console *u = &r->until;
    for (size_t i = 0; i < n && device < CONSOLES && waits_for_text(r); i++) {
        if (!plain_byte(&u->plain[device], (uint8_t)data[i]) || data[i] == '\r')
            continue;
        seen_stream_add(&u->stream[device], data[i]);
        if (!seen_stream_find(&u->stream[device], r->o.until->text))
            continue;
        u->found = true;
        r->e->ops->interrupt(r->e);
    }
}

static void look_at_screen(struct recorder *r)
{
    char text[SCREEN_SIZE];
    const bool idle = r->stop.reason == STOP_IDLE || r->stop.reason == STOP_HALTED;
    if (waits_for_text(r) && recorder_screen(r, idle, text, sizeof text))
        r->until.found = seen_screen_find(&r->until.screen, text, r->o.until->text);
    r->until.due = time_of(r) + LOOKS_APART;
}

void recorder_limit_by_until(const struct recorder *r, struct run_limit *l)
{
    const struct position *until = r->o.until;
    if (until && until->kind == POS_ICOUNT)
        l->icount = earlier(l->icount, until->n);
    if (until && until->kind == POS_TIME) {
        l->until = l->until ? earlier(l->until, until->n) : until->n;
        l->time = earlier(l->time, until->n);
    }
    if (waits_for_text(r)) {
        l->icount = earlier(l->icount, (icount_of(r) / LIVE_STEPS + 1) * LIVE_STEPS);
        l->time = earlier(l->time, r->until.due);
    }
}

bool recorder_until_reached(struct recorder *r)
{
    const struct position *until = r->o.until;
    look_at_screen(r);
    const bool reached = r->until.found || (until && until->kind == POS_ICOUNT && icount_of(r) >= until->n) ||
                         (until && until->kind == POS_TIME && time_of(r) >= until->n);
    if (reached)
        end_as(r, STOP_REACHED);
    return reached;
}

void recorder_until_free(struct recorder *r)
{
    for (size_t i = 0; i < CONSOLES; i++)
        seen_stream_free(&r->until.stream[i]);
    seen_screen_free(&r->until.screen);
}
