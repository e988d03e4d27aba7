/* isa_bridge.c - see isa_bridge.h.
 *
 * Source: Intel 82371SB (PIIX3) datasheet: RC register CF9h, coprocessor error register F0h; Intel ICH9 datasheet (316972), 13.7.5 RST_CNT,
 * 13.7.4 COPROC_ERR. */
#include "hv/board/interrupts/controllers.h"
#include "hv/board/chipset/isa_bridge.h"

enum { RESET_HARD = 2, RESET_NOW = 4, RESET_FULL = 8 };

static uint32_t reset_control_in(void *ctx, uint16_t port, unsigned size)
{
    const struct isa_bridge *s = ctx;
    return s->reset_control;
}

/* A reset is made when bit 2 goes from 0 to 1. With bit 1 it is a hard one, of the whole board; an ICH9 with bit 3 turns the power off and on
 * for that. Without bit 1 it is a soft one: the processors get INIT#, and no chip notices. */
static void reset_control_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct isa_bridge *s = ctx;
    bool rise = value & RESET_NOW && !(s->reset_control & RESET_NOW);
    s->reset_control = value & s->writable;
    if (!rise)
        return;
    if (!(value & RESET_HARD))
        lapic_init_all(s->board);
    else
        board_request_reset(s->board, s->reset_control & RESET_FULL ? "port cf9h, power cycle" : "port cf9h");
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
