/* debug_ports.c - ports for developers: the firmware log (402h, e9h), POST codes (80h), isa-debug-exit (f4h).
 *
 * Source: QEMU's isa-debugcon (reads give E9h, which is how firmware finds it) and isa-debug-exit ((value <<
 * 1) | 1 becomes the exit status); port 80h is the PC/AT's diagnostic port, whose last value reads back. */
#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/events.h"
#include "hv/board/slots.h"
#include "hv/board/chip.h"
#include "hv/board/ports/debug_ports.h"

#include <stdlib.h>

struct debug_ports {
    struct board *board;
    uint8_t post;
    uint8_t post_seen; /* a code was written since reset */
};

static const struct field debug_fields[] = {
    FIELD(struct debug_ports, post),
    FIELD(struct debug_ports, post_seen),
};

static uint32_t log_in(void *ctx, uint16_t port, unsigned size)
{
    return 0xe9;
}

static void log_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct debug_ports *s = ctx;
    events_debug_byte(s->board, port, (uint8_t)value);
}

static uint32_t post_in(void *ctx, uint16_t port, unsigned size)
{
    const struct debug_ports *s = ctx;
    return s->post;
}

/* Operating systems write here for delays, often the same value: only a new value counts as a code. */
static void post_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct debug_ports *s = ctx;
    if (s->post_seen && s->post == (uint8_t)value)
        return;
    s->post = (uint8_t)value;
    s->post_seen = 1;
    struct event ev = {.kind = EV_POST_CODE};
    ev.f[EVF_POST_CODE_code] = s->post;
    board_event(s->board, &ev);
}

static void exit_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct debug_ports *s = ctx;
    board_power_off(s->board, (int)((value & 0x7f) << 1 | 1), "isa-debug-exit");
}

static void reset(void *state)
{
    struct debug_ports *s = state;
    s->post = 0;
    s->post_seen = 0;
}

int debug_ports_create(struct board *b, struct error *err)
{
    struct debug_ports *s = mem_zero(1, sizeof *s);
    s->board = b;
    board_set_slot(b, SLOT_DEBUG, s);
    board_add_chip(b, &(struct chip){.name = "debug",
                                     .fields = debug_fields,
                                     .nfields = FIELD_COUNT(debug_fields),
                                     .state = s,
                                     .reset = reset});
    board_ports(b, PORT_LOG, 1, false, s, log_in, log_out);
    board_ports(b, PORT_BOCHS, 1, false, s, log_in, log_out);
    board_ports(b, PORT_POST, 1, false, s, post_in, post_out);
    board_ports(b, PORT_EXIT, 1, false, s, NULL, exit_out);
    return 0;
}
