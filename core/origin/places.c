/* places.c - places on the screen and on consoles. */
#include <inttypes.h>
#include <string.h>

#include "core/origin/private/impl.h"
#include "core/screen/timeline_screen.h"

/* Text mode: each character has two bytes. */
static int text_place(const struct display *d, unsigned row, unsigned column, struct origin_place *place,
                      struct error *err)
{
    if (row >= d->rows || column >= d->columns)
        return error_set(err, "row %u, column %u: the screen has %u rows of %u characters", row, column,
                         d->rows, d->columns);
    place->linear = 0xb8000 + 2ull * (row * d->columns + column);
    place->length = 1;
    return 0;
}

int origin_screen(struct origin *o, uint64_t icount, unsigned row, unsigned column,
                  struct origin_place *place, struct error *err)
{
    struct display d;
    struct timeline_stopped s;
    *place = (struct origin_place){.memory = true, .at_physical = true};
    if (timeline_seek(o->tl, icount, &s, err))
        return -1;
    if (!timeline_display(o->tl, &d, NULL, 0, NULL, 0))
        return error_set(err, "the display shows nothing there");
    return d.columns ? text_place(&d, row, column, place, err)
                     : timeline_pixel(o->tl, row, column, &place->linear, &place->length, err);
}

/* ---------------------------------------------------------------- consoles */

/* A console line: where it and the one before it on the same device ended. */
struct line {
    uint64_t device, begin, end;
    size_t offset; /* of the text in it */
};

/* The last line before `icount` that has the text. 1, 0 or -1. */
static int find_line(struct trace *t, const char *text, uint64_t icount, struct line *l, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_CONSOLE));
    struct event ev;
    uint64_t number;
    bool found = false;
    *l = (struct line){0};
    int rc = trace_cursor_seek_icount(c, icount, err);
    while (!rc && (rc = trace_cursor_prev(c, &ev, &number, err)) == 1) {
        rc = 0;
        if (ev.kind != EV_CONSOLE_LINE || (found && EVF(&ev, CONSOLE_LINE, device) != l->device))
            continue;
        if (found) {
            l->begin = ev.icount + 1;
            break;
        }
        const uint8_t *at = memmem(ev.data, ev.len, text, strlen(text));
        if (!at)
            continue;
        *l = (struct line){EVF(&ev, CONSOLE_LINE, device), 0, ev.icount,
                           (size_t)(at - (const uint8_t *)ev.data)};
        found = true;
    }
    trace_cursor_close(c);
    return rc < 0 ? -1 : found;
}

/* How much of the line a serial port has taken: state of the machine, in the part "events". */
static int taken_at(struct origin *o, const struct line *l, uint64_t icount, uint64_t *n, struct error *err)
{
    struct timeline_stopped s;
    if (timeline_seek(o->tl, icount, &s, err))
        return -1;
    if (s.reason == TIMELINE_INTERRUPTED)
        return error_set(err, "interrupted at icount %" PRIu64, s.icount);
    timeline_field(o->tl, "events", "line_length", (uint32_t)l->device, n);
    return 0;
}

int origin_console(struct origin *o, const char *text, uint64_t *icount, struct origin_place *place,
                   struct error *err)
{
    struct line l;
    uint64_t n;
    const int found = *text ? find_line(timeline_trace(o->tl), text, *icount, &l, err) : 0;
    if (found < 0)
        return -1;
    if (!found)
        return error_set(err, "no console line before icount %" PRIu64 " has \"%.60s\"", *icount, text);
    if (l.device >= 4)
        return error_set(
            err, "\"%.60s\" was not printed on a serial port: ask for the place on the screen, or in memory",
            text);
    uint64_t low = l.begin, high = l.end; /* the character is taken in a step from low on, before high */
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (taken_at(o, &l, middle + 1, &n, err))
            return -1;
        if (n > l.offset)
            high = middle;
        else
            low = middle + 1;
    }
    *icount = low;
    return taken_at(o, &l, low, &n, err) || origin_register(o, 0, "al", place, err) ? -1 : 0;
}
