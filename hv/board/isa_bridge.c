/* isa_bridge.c - see isa_bridge.h.
 *
 * Source: Intel 82371SB (PIIX3) datasheet: RC register CF9h, coprocessor error register F0h; Intel ICH9 datasheet (316972), 13.7.5 RST_CNT,
 * 13.7.4 COPROC_ERR. */
#include "hv/board/isa_bridge.h"

enum { RESET_NOW = 4 };

static uint32_t reset_control_in(void *ctx, uint16_t port, unsigned size)
{
    const struct isa_bridge *s = ctx;
    return s->reset_control;
}

/* A reset is made when bit 2 goes from 0 to 1. A soft reset (bit 1 clear) resets only the processor. This
 * board treats it the same: firmware starts at the reset vector and sets up every chip. */
static void reset_control_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct isa_bridge *s = ctx;
    bool rise = value & RESET_NOW && !(s->reset_control & RESET_NOW);
    s->reset_control = value & s->writable;
    if (rise)
        board_request_reset(s->board, "port cf9h");
}

/* Any write to F0h clears the coprocessor's error interrupt (and asserts IGNNE#). */
static void coprocessor_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct isa_bridge *s = ctx;
    board_irq(s->board, 13, false);
}

void isa_bridge_init(struct isa_bridge *s, struct board *b, uint8_t writable)
{
    *s = (struct isa_bridge){.board = b, .writable = writable};
    board_ports(b, 0xcf9, 1, false, s, reset_control_in, reset_control_out);
    board_ports(b, 0xf0, 1, false, s, NULL, coprocessor_out);
}
