/* recorder_until.c - where --until ends a recording. See private/recorder_impl.h. */
#include "base/must.h"
#include "core/run/private/recorder_impl.h"

/* Guest time, ns, between two looks at the screen of a guest that sleeps. */
enum { LOOKS_APART = 100000000 };

int recorder_check_until(const struct record_options *o, struct error *err)
{
    must(o->nuntil <= RECORD_UNTIL, "the limit of positions");
    for (const struct position *p = o->until; p != o->until + o->nuntil; p++)
        if (p->kind != POS_ICOUNT && p->kind != POS_TIME && p->kind != POS_CONSOLE)
            return error_set(err, "--until: that position needs a recorded run: give an ICOUNT, a guest time "
                                  "(10s) or console:TEXT");
    return 0;
}

static const char *text_of(const struct recorder *r, size_t i)
{
    return r->o.until[i].kind == POS_CONSOLE ? r->o.until[i].text : NULL;
}

static bool waits_for_text(const struct recorder *r)
{
    for (size_t i = 0; i < r->o.nuntil && !r->until.found; i++)
        if (text_of(r, i))
            return true;
    return false;
}

/* Adds a character of a device, and says whether it ends a text. */
static bool completes_text(struct recorder *r, unsigned device, char c)
{
    bool found = false;
    for (size_t i = 0; i < r->o.nuntil; i++) {
        struct seen_stream *s = &r->until.stream[i][device];
        if (!text_of(r, i))
            continue;
        seen_stream_add(s, c);
        found |= seen_stream_find(s, text_of(r, i));
    }
    return found;
}

void recorder_until_console(struct recorder *r, unsigned device, const char *data, size_t n)
{
    struct until_console *u = &r->until;
    for (size_t i = 0; i < n && device < CONSOLES && waits_for_text(r); i++) {
        if (!plain_byte(&u->plain[device], (uint8_t)data[i]) || data[i] == '\r' ||
            !completes_text(r, device, data[i]))
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
        for (size_t i = 0; i < r->o.nuntil; i++)
            r->until.found |= text_of(r, i) && seen_screen_find(&r->until.screen[i], text, text_of(r, i));
    r->until.due = time_of(r) + LOOKS_APART;
}

void recorder_limit_by_until(const struct recorder *r, struct run_limit *l)
{
    for (const struct position *p = r->o.until; p != r->o.until + r->o.nuntil; p++) {
        if (p->kind == POS_ICOUNT)
            l->icount = earlier(l->icount, p->n);
        if (p->kind == POS_TIME) {
            l->until = l->until ? earlier(l->until, p->n) : p->n;
            l->time = earlier(l->time, p->n);
        }
    }
    if (waits_for_text(r)) {
        l->icount = earlier(l->icount, (icount_of(r) / LIVE_STEPS + 1) * LIVE_STEPS);
        l->time = earlier(l->time, r->until.due);
    }
}

bool recorder_until_reached(struct recorder *r)
{
    look_at_screen(r);
    bool reached = r->until.found;
    for (const struct position *p = r->o.until; p != r->o.until + r->o.nuntil; p++)
        reached |=
            (p->kind == POS_ICOUNT && icount_of(r) >= p->n) || (p->kind == POS_TIME && time_of(r) >= p->n);
    if (reached)
        end_as(r, STOP_REACHED);
    return reached;
}

bool recorder_until_lacks_text(const struct recorder *r)
{
    return waits_for_text(r);
}

void recorder_until_free(struct recorder *r)
{
    for (size_t i = 0; i < RECORD_UNTIL; i++) {
        for (size_t d = 0; d < CONSOLES; d++)
            seen_stream_free(&r->until.stream[i][d]);
        seen_screen_free(&r->until.screen[i]);
    }
}
