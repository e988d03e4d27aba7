/* usb_late.c - devices on USB that are connected late: variation of the kind usb (hv/vary/vary.h).
 *
 * A drive or a hub needs up to seconds after power-on until it shows itself on its port; a hand that plugs it in needs longer. Until then
 * the port is empty, also after a reset of the controller. Then the port says so as with any device that is plugged in. The state is there only
 * if USB is varied. */
#include "base/memory.h"
#include "hv/board/internal.h"
#include "hv/board/usb/usb.h"

struct usb_late {
    struct board *board;
    unsigned devices;
    void (*connected)(void *ctx, unsigned device);
    void *ctx;
    /* state */
    uint64_t until[USB_DEVICES]; /* guest time; 0: it is connected */
    struct timer t;
};

static const struct field late_fields[] = {
    FIELDS(struct usb_late, until),
    FIELD(struct usb_late, t.deadline),
};

static void set_timer(struct usb_late *s)
{
    uint64_t next = TIMER_OFF;
    for (unsigned i = 0; i < s->devices; i++)
        if (s->until[i] && s->until[i] < next)
            next = s->until[i];
    timer_set(s->board, &s->t, next);
}

static void fire(void *ctx)
{
    struct usb_late *s = ctx;
    const uint64_t now = board_now(s->board);
    for (unsigned i = 0; i < s->devices; i++)
        if (s->until[i] && s->until[i] <= now) {
            s->until[i] = 0;
            s->connected(s->ctx, i);
        }
    set_timer(s);
}

bool usb_late_waits(const struct usb_late *s, unsigned device)
{
    return s && s->until[device];
}

static void reset(void *state)
{
    struct usb_late *s = state;
    for (unsigned i = 0; i < s->devices; i++) {
        const uint64_t ns = vary_choose_at(s->board->host.vary, VARY_USB, i);
        s->until[i] = ns ? board_now(s->board) + ns : 0;
    }
    set_timer(s);
}

struct usb_late *usb_late_create(struct board *b, unsigned devices,
                                 void (*connected)(void *ctx, unsigned device), void *ctx)
{
    if (!vary_has(b->host.vary, VARY_USB))
        return NULL;
    struct usb_late *s = mem_zero(1, sizeof *s);
    s->board = b;
    s->devices = devices;
    s->connected = connected;
    s->ctx = ctx;
    board_timer(b, &s->t, fire, s);
    board_add_chip(b, &(struct chip){.name = "usb-late",
                                     .fields = late_fields,
                                     .nfields = FIELD_COUNT(late_fields),
                                     .state = s,
                                     .reset = reset});
    return s;
}
