/* ich9_tco.c - the ICH9's TCO timer: it counts ticks of 0.6 s down; at 0 it sends an SMI and begins again, and at 0 again it resets the
 * machine.
 *
 * Source: Intel ICH9 datasheet (316972), 5.14 (system management) and 13.9 (TCO registers). */
#include "base/byte_order.h"
#include "hv/board/chipset/ich9.h"

#include <string.h>

#define TCO struct tco
const struct field tco_fields[13] = {
    FIELD(TCO, reload),   FIELD(TCO, status1),     FIELD(TCO, status2),      FIELD(TCO, control1),
    FIELD(TCO, control2), FIELD(TCO, period),      FIELD(TCO, data_in),      FIELD(TCO, data_out),
    FIELDS(TCO, message), FIELD(TCO, boot_status), FIELD(TCO, software_irq), FIELD(TCO, timer.deadline),
    FIELD(TCO, timeouts),
};
#undef TCO

/* ---------------------------------------------------------------- the timer */

/* Counts from the period again. A period below 2 ticks is ignored (13.9.12). */
static void restart(struct tco *s)
{
    unsigned ticks = s->period & TCO_TIMER_BITS;
    s->reload = (uint16_t)ticks;
    if (s->control1 & TCO1_CNT_HALT || ticks < 2)
        timer_stop(s->board, &s->timer);
    else
        timer_set(s->board, &s->timer, board_now(s->board) + ticks * TCO_TICK_NS);
}

static unsigned ticks_left(const struct tco *s)
{
    uint64_t now = board_now(s->board);
    if (s->timer.deadline == TIMER_OFF)
        return s->reload;
    return s->timer.deadline > now ? (unsigned)((s->timer.deadline - now + TCO_TICK_NS - 1) / TCO_TICK_NS)
                                   : 0;
}

static void fire(void *ctx)
{
    struct tco *s = ctx;
    s->status1 |= TCO1_STS_TIMEOUT;
    if (++s->timeouts < 2) {
        s->timeout(s->ctx);
        restart(s);
        return;
    }
    s->timeouts = 0;
    s->status2 |= TCO2_STS_SECOND | TCO2_STS_BOOT;
    if (!s->no_reboot(s->ctx))
        board_request_reset(s->board, "TCO watchdog");
    else
        restart(s);
}

/* ---------------------------------------------------------------- registers */

static uint16_t word_at(const struct tco *s, unsigned offset)
{
    switch (offset) {
    case TCO_RLD:
        return (uint16_t)ticks_left(s);
    case TCO_DAT_IN:
        return (uint16_t)(s->data_in | s->data_out << 8);
    case TCO1_STS:
        return s->status1;
    case TCO2_STS:
        return s->status2;
    case TCO1_CNT:
        return s->control1;
    case TCO2_CNT:
        return s->control2;
    case TCO_MESSAGE1:
        return (uint16_t)le16(s->message);
    case TCO_WDCNT:
        return s->boot_status;
    case TCO_SW_IRQ:
        return s->software_irq;
    case TCO_TMR:
        return s->period;
    default:
        return 0;
    }
}

uint8_t tco_read(struct tco *s, unsigned offset)
{
    return (uint8_t)(word_at(s, offset & ~1u) >> (offset & 1) * 8);
}

/* TCO_LOCK can be set, and not cleared. */
static void write_control(struct tco *s, unsigned byte, uint8_t value)
{
    uint16_t old = s->control1;
    pm1_set_byte(&s->control1, byte, value);
    s->control1 = (uint16_t)((s->control1 & TCO1_CNT_BITS) | (old & TCO1_CNT_LOCK));
    if ((old ^ s->control1) & TCO1_CNT_HALT)
        restart(s);
}

static void reload(struct tco *s)
{
    s->timeouts = 0;
    restart(s);
}

static void write_bytes(struct tco *s, unsigned offset, uint8_t value)
{
    switch (offset) {
    case TCO_DAT_IN:
        s->data_in = value;
        s->status1 |= TCO1_STS_SW_SMI;
        s->timeout(s->ctx);
        break;
    case TCO_DAT_OUT:
        s->data_out = value;
        break;
    case TCO_MESSAGE1:
    case TCO_MESSAGE2:
        s->message[offset - TCO_MESSAGE1] = value;
        break;
    case TCO_WDCNT:
        s->boot_status = value;
        break;
    case TCO_SW_IRQ:
        s->software_irq = value & 3;
        break;
    }
}

void tco_write(struct tco *s, unsigned offset, uint8_t value)
{
    unsigned byte = offset & 1, bits = (unsigned)value << byte * 8;
    switch (offset & ~1u) {
    case TCO_RLD: /* any value */
        if (!byte)
            reload(s);
        break;
    case TCO1_STS:
        s->status1 &= (uint16_t) ~(bits & TCO1_STS_BITS);
        break;
    case TCO2_STS:
        s->status2 &= (uint16_t) ~(bits & TCO2_STS_BITS);
        break;
    case TCO1_CNT:
        write_control(s, byte, value);
        break;
    case TCO2_CNT:
        pm1_set_byte(&s->control2, byte, value);
        break;
    case TCO_TMR:
        pm1_set_byte(&s->period, byte, value);
        s->period &= TCO_TIMER_BITS;
        break;
    default:
        write_bytes(s, offset, value);
    }
}

/* ---------------------------------------------------------------- for ich9.c */

/* What tells of the reset that the timer made stays, until it is cleared. */
void tco_reset(struct tco *s)
{
    uint16_t why = s->status2 & (TCO2_STS_SECOND | TCO2_STS_BOOT);
    s->status1 = s->control1 = s->control2 = 0;
    s->status2 = why;
    s->data_in = s->data_out = s->message[0] = s->message[1] = s->boot_status = s->timeouts = 0;
    s->software_irq = 3;
    s->period = s->reload = 4;
    s->control1 = TCO1_CNT_HALT;
    timer_stop(s->board, &s->timer);
}

void tco_init(struct tco *s, struct board *b)
{
    s->board = b;
    board_timer(b, &s->timer, fire, s);
}
