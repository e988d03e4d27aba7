/* uart.c - four 16550A UARTs: 3F8h and 3E8h on IRQ 4, 2F8h and 2E8h on IRQ 3.
 *
 * Source: National Semiconductor PC16550D datasheet. Sent bytes leave immediately, so the transmitter is
 * always empty; its interrupt is still set and cleared as the datasheet says. The interrupt is not gated by
 * OUT2: guests of the reference PC rely on that. The other side asserts DCD, DSR and CTS. */
#include <assert.h>

#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/inputs.h"
#include "hv/board/slots.h"
#include "hv/board/chip.h"
#include "hv/board/ports/uart.h"

enum { FIFO = 16, BASE_HZ = 115200 };

struct uart {
    struct board *board;
    char name[8];
    uint8_t index;
    uint8_t ier, lcr, mcr, lsr, scratch;
    uint8_t msr; /* line levels in bits 4-7, changes in bits 0-3 */
    uint8_t fcr; /* bit 0 and the trigger level */
    bool thre;   /* transmitter interrupt pending */
    bool line;   /* the level it drives on the IRQ line */
    uint8_t head, count;
    uint8_t fifo[FIFO];
    uint8_t last; /* the value read from an empty receiver */
    uint16_t divisor;
    uint64_t idle_at; /* guest time at which a received byte will have waited for four character times */
    struct timer t;
};

static const struct field uart_fields[] = {
    FIELD(struct uart, ier),        FIELD(struct uart, lcr),     FIELD(struct uart, mcr),
    FIELD(struct uart, lsr),        FIELD(struct uart, scratch), FIELD(struct uart, msr),
    FIELD(struct uart, fcr),        FIELD(struct uart, thre),    FIELD(struct uart, line),
    FIELD(struct uart, head),       FIELD(struct uart, count),   FIELDS(struct uart, fifo),
    FIELD(struct uart, last),       FIELD(struct uart, divisor), FIELD(struct uart, idle_at),
    FIELD(struct uart, t.deadline),
};

/* ---------------------------------------------------------------- interrupts */

static bool fifo_on(const struct uart *s)
{
    return s->fcr & 1;
}

static unsigned trigger_level(const struct uart *s)
{
    static const uint8_t level[4] = {1, 4, 8, 14};
    return fifo_on(s) ? level[s->fcr >> 6] : 1;
}

static bool timed_out(const struct uart *s)
{
    return fifo_on(s) && s->count && board_now(s->board) >= s->idle_at;
}

/* The time of four characters of start bit, data, parity and stop bits at the current speed. */
static uint64_t four_characters(const struct uart *s)
{
    unsigned bits = 1 + 5 + (s->lcr & 3) + !!(s->lcr & 8) + 1 + !!(s->lcr & 4);
    return muldiv64_up(4ull * bits * (s->divisor ? s->divisor : 1), 1000000000, BASE_HZ);
}

/* The most urgent interrupt that is pending and enabled, as IIR shows it. */
static uint8_t pending(const struct uart *s)
{
    if ((s->ier & IER_LINE) && (s->lsr & LSR_ERRORS))
        return IIR_LINE;
    if ((s->ier & IER_RX) && s->count >= trigger_level(s))
        return IIR_RX;
    if ((s->ier & IER_RX) && timed_out(s))
        return IIR_TIMEOUT;
    if ((s->ier & IER_THRE) && s->thre)
        return IIR_THRE;
    if ((s->ier & IER_MODEM) && (s->msr & 15))
        return IIR_MODEM;
    return IIR_NONE;
}

/* The first and third, and the second and fourth, share a line. */
static void update(struct uart *s)
{
    bool line = pending(s) != IIR_NONE;
    if (line != s->line) {
        s->line = line;
        const struct uart *other = board_slot(s->board, SLOT_UART0 + (s->index ^ 2));
        board_irq(s->board, s->index & 1 ? 3 : 4, line || (other && other->line));
    }
    bool waits = (s->ier & IER_RX) && fifo_on(s) && s->count && s->count < trigger_level(s) && !timed_out(s);
    if (waits)
        timer_set(s->board, &s->t, s->idle_at);
    else
        timer_stop(s->board, &s->t);
}

static void uart_fire(void *ctx)
{
    update(ctx);
}

/* ---------------------------------------------------------------- receiver */

static void receive(struct uart *s, uint8_t byte)
{
    unsigned room = fifo_on(s) ? FIFO : 1;
    assert(s->head < FIFO && s->count <= FIFO);
    s->idle_at = board_now(s->board) + four_characters(s);
    if (s->count >= room) {
        s->lsr |= LSR_OVERRUN;
        if (fifo_on(s)) /* the byte is lost; without FIFO it replaces the unread one */
            return;
        s->count = 0;
    }
    s->fifo[(s->head + s->count++) % FIFO] = byte;
    s->lsr |= LSR_READY;
}

static void flush_receiver(struct uart *s)
{
    s->head = s->count = 0;
    s->lsr &= ~(LSR_READY | LSR_ERRORS);
}

static uint8_t read_receiver(struct uart *s)
{
    assert(s->head < FIFO && s->count <= FIFO);
    if (s->count) {
        s->last = s->fifo[s->head];
        s->head = (s->head + 1) % FIFO;
        s->count--;
        s->idle_at = board_now(s->board) + four_characters(s);
    }
    if (!s->count)
        s->lsr &= ~LSR_READY;
    update(s);
    return s->last;
}

uint32_t uart_input(struct board *board, unsigned index, const uint8_t *data, uint32_t n)
{
    struct uart *s = index < 4 ? board_slot(board, SLOT_UART0 + index) : NULL;
    if (!s || (s->mcr & MCR_LOOP)) /* the pin is disconnected */
        return 0;
    uint32_t room = (fifo_on(s) ? FIFO : 1) - s->count, taken = n < room ? n : room;
    for (uint32_t i = 0; i < taken; i++)
        receive(s, data[i]);
    if (taken)
        update(s);
    return taken;
}

/* ---------------------------------------------------------------- registers */

static void transmit(struct uart *s, uint8_t byte)
{
    s->thre = false; /* the holding register is full for an instant, which clears the interrupt */
    update(s);
    if (s->mcr & MCR_LOOP)
        receive(s, byte);
    else
        board_console(s->board, s->index, byte);
    s->thre = true; /* then it is empty, which sets it again */
    update(s);
}

/* Modem lines in: from the other side, or looped back from the modem control register. */
static void update_modem(struct uart *s)
{
    uint8_t lines = 0xb0, mcr = s->mcr;
    if (mcr & MCR_LOOP)
        lines = (mcr & 1) << 5 | (mcr & 2) << 3 | (mcr & 0x0c) << 4;
    uint8_t changed = (lines ^ s->msr) >> 4;
    if (lines & 0x40)
        changed &= ~4; /* ring indicator: only its trailing edge counts */
    s->msr = lines | (s->msr & 15) | changed;
}

static void write_fcr(struct uart *s, uint8_t value)
{
    if ((value ^ s->fcr) & 1)
        value |= 6;
    s->fcr = value & 1 ? value & 0xc1 : 0;
    if (value & 2)
        flush_receiver(s);
    if (value & 4)
        s->thre = true;
    update(s);
}

static void write_ier(struct uart *s, uint8_t value)
{
    value &= 15;
    if ((value & ~s->ier & IER_THRE) && (s->lsr & LSR_EMPTY))
        s->thre = true; /* enabling it with an empty transmitter raises it */
    s->ier = value;
    update(s);
}

static void uart_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct uart *s = ctx;
    bool dlab = s->lcr & LCR_DLAB;
    value &= 0xff;
    switch (port & 7) {
    case 0:
        if (dlab)
            s->divisor = (s->divisor & 0xff00) | value;
        else
            transmit(s, value);
        break;
    case 1:
        if (dlab)
            s->divisor = (s->divisor & 0xff) | value << 8;
        else
            write_ier(s, value);
        break;
    case 2:
        write_fcr(s, value);
        break;
    case 3:
        s->lcr = value;
        break;
    case 4:
        s->mcr = value & 31;
        update_modem(s);
        update(s);
        break;
    case 7:
        s->scratch = value;
        break;
    }
}

static uint8_t read_iir(struct uart *s)
{
    uint8_t iir = pending(s);
    if (iir == IIR_THRE) {
        s->thre = false;
        update(s);
    }
    return iir | (fifo_on(s) ? 0xc0 : 0);
}

static uint32_t uart_in(void *ctx, uint16_t port, unsigned size)
{
    struct uart *s = ctx;
    bool dlab = s->lcr & LCR_DLAB;
    uint8_t value;
    switch (port & 7) {
    case 0:
        return dlab ? s->divisor & 0xff : read_receiver(s);
    case 1:
        return dlab ? s->divisor >> 8 : s->ier;
    case 2:
        return read_iir(s);
    case 3:
        return s->lcr;
    case 4:
        return s->mcr;
    case 5:
        board_polled_input(s->board);
        value = s->lsr;
        s->lsr &= ~LSR_ERRORS;
        break;
    case 6:
        value = s->msr;
        s->msr &= 0xf0;
        break;
    default:
        return s->scratch;
    }
    update(s);
    return value;
}

/* ---------------------------------------------------------------- creation */

static void init_state(struct uart *s)
{
    s->ier = s->lcr = s->scratch = s->fcr = s->last = 0;
    s->mcr = 8;
    s->lsr = LSR_EMPTY;
    s->msr = 0xb0;
    s->thre = false;
    s->head = s->count = 0;
    for (unsigned i = 0; i < FIFO; i++)
        s->fifo[i] = 0;
    s->divisor = 12;
    s->idle_at = 0;
}

static void uart_reset(void *state)
{
    init_state(state);
    update(state);
}

/* A damaged snapshot must not cause an index out of range. */
static void uart_loaded(void *state)
{
    struct uart *s = state;
    s->head %= FIFO;
    if (s->count > FIFO)
        s->count = FIFO;
}

int uart_create(struct board *board, unsigned index, struct error *err)
{
    static const uint16_t port[4] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
    struct uart *s = mem_zero(1, sizeof *s);
    s->board = board;
    s->index = index & 3;
    snprintf(s->name, sizeof s->name, "uart%u", index & 3);
    board_timer(board, &s->t, uart_fire, s);
    init_state(s);
    board_set_slot(board, SLOT_UART0 + s->index, s);
    board_add_chip(board, &(struct chip){.name = s->name,
                                         .fields = uart_fields,
                                         .nfields = FIELD_COUNT(uart_fields),
                                         .state = s,
                                         .reset = uart_reset,
                                         .loaded = uart_loaded});
    board_ports(board, port[s->index], 8, true, s, uart_in, uart_out);
    return 0;
}
