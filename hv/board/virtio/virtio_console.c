/* virtio_console.c - a console on virtio, with one port: Linux's /dev/hvc0.
 *
 * Source: VIRTIO 1.2, 5.3. What the driver sends is the console "virtio" of the trace. What is typed waits until the driver has made a
 * buffer available: board_input() then takes it, as a serial port's FIFO does. */
#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/events.h"
#include "hv/board/inputs.h"
#include "hv/board/pci/function.h"
#include "hv/board/slots.h"
#include "hv/board/internal.h"
#include "hv/board/virtio/virtio.h"

#include <string.h>

enum { RECEIVE, TRANSMIT, QUEUES };
/* A request takes as long as virtio-blk's without data. */
enum { NS_REQUEST = 8000, PART = 4096, BYTES_MOST = 64 * 1024 /* of one buffer */ };
#define F_SIZE (1ull << 0)
enum { COLUMNS = 80, ROWS = 25 };

struct virtio_console {
    struct virtio virtio;
    struct timer timer; /* runs while a buffer is being sent */
    uint16_t length;    /* of the line that is not complete */
    uint8_t line[CONSOLE_LINE_MAX];
    struct virtio_chain *chain; /* for the request that is executed: not state, since it lasts for a call */
};

/* ---------------------------------------------------------------- sending */

static void line_end(struct virtio_console *s)
{
    struct event ev = {.kind = EV_CONSOLE_LINE, .data = s->line, .len = s->length};
    ev.f[EVF_CONSOLE_LINE_device] = CONSOLE_VIRTIO;
    board_event(s->virtio.board, &ev);
    s->length = 0;
    memset(s->line, 0, sizeof s->line); /* equal consoles give equal snapshots */
}

static void line_byte(struct virtio_console *s, uint8_t byte)
{
    if (byte == '\n') {
        line_end(s);
    } else if (byte != '\r') {
        if (s->length == CONSOLE_LINE_MAX)
            line_end(s);
        s->line[s->length++] = byte;
    }
}

static void print(struct virtio_console *s, const uint8_t *bytes, size_t n)
{
    const struct observer *o = &s->virtio.board->events.observer;
    if (o->console)
        o->console(o->ctx, CONSOLE_VIRTIO, bytes, n);
    for (size_t i = 0; i < n; i++)
        line_byte(s, bytes[i]);
}

void virtio_console_flush(struct board *b)
{
    struct virtio_console *s = board_slot(b, SLOT_CONSOLE);
    if (!s || !s->length)
        return;
    struct event ev = {.kind = EV_CONSOLE_LINE, .data = s->line, .len = s->length};
    ev.f[EVF_CONSOLE_LINE_device] = CONSOLE_VIRTIO;
    events_deliver(b, &ev);
}

static void send(struct virtio_console *s)
{
    uint8_t part[PART];
    uint64_t size = s->chain->out_size;
    if (size > BYTES_MOST) {
        virtio_break(&s->virtio, "a virtio-console buffer too long");
        return;
    }
    for (uint64_t at = 0; at < size; at += PART) {
        size_t n = size - at < PART ? size - at : PART;
        virtio_read(&s->virtio, s->chain, at, part, n);
        print(s, part, n);
    }
    virtio_give(&s->virtio, TRANSMIT, s->chain, 0);
}

static void begin(struct virtio_console *s)
{
    if (s->timer.deadline == TIMER_OFF && virtio_waits(&s->virtio, TRANSMIT))
        timer_set(s->virtio.board, &s->timer, board_now(s->virtio.board) + NS_REQUEST);
}

static void fire(void *ctx)
{
    struct virtio_console *s = ctx;
    if (virtio_take(&s->virtio, TRANSMIT, s->chain) > 0)
        send(s);
    begin(s);
}

static void notified(struct virtio *v, unsigned queue)
{
    if (queue == TRANSMIT)
        begin((struct virtio_console *)v);
}

/* ---------------------------------------------------------------- receiving */

uint32_t virtio_console_input(struct board *b, const uint8_t *data, uint32_t n)
{
    struct virtio_console *s = board_slot(b, SLOT_CONSOLE);
    uint32_t taken = 0;
    while (s && taken < n && virtio_take(&s->virtio, RECEIVE, s->chain) > 0) {
        uint32_t part = n - taken < s->chain->in_size ? n - taken : (uint32_t)s->chain->in_size;
        if (!part) {
            virtio_break(&s->virtio, "a virtio-console buffer without room");
            break;
        }
        virtio_write(&s->virtio, s->chain, 0, data + taken, part);
        virtio_give(&s->virtio, RECEIVE, s->chain, part);
        taken += part;
    }
    return taken;
}

/* ---------------------------------------------------------------- the device */

static void fill_config(const struct virtio *v, uint8_t *c)
{
    const uint16_t size[2] = {COLUMNS, ROWS};
    memcpy(c, size, sizeof size);
    c[4] = 1; /* ports */
}

static void device_reset(struct virtio *v)
{
    timer_stop(v->board, &((struct virtio_console *)v)->timer);
}

static const struct virtio_kind kind = {
    .name = "virtio-console",
    .device = 3,
    .legacy = 0x1003,
    .class_code = 0x078000,
    .queues = QUEUES,
    .features = F_SIZE,
    .config_size = 12,
    .notified = notified,
    .reset = device_reset,
    .config = fill_config,
};

static const struct field console_fields[] = {
    FIELD_STRUCT_AS("", struct virtio_console, virtio, virtio_fields),
    FIELD(struct virtio_console, timer.deadline),
    FIELD(struct virtio_console, length),
    FIELDS(struct virtio_console, line),
};

static void reset(void *state)
{
    struct virtio_console *s = state;
    msix_reset(&s->virtio.msix);
    virtio_reset(&s->virtio);
}

/* The state may come from a damaged file. */
static void loaded(void *state)
{
    struct virtio_console *s = state;
    if (s->length > CONSOLE_LINE_MAX)
        s->length = 0;
    virtio_loaded(&s->virtio);
}

static void destroy(void *state)
{
    struct virtio_console *s = state;
    free(s->chain);
    free(s);
}

int virtio_console_create(struct board *b, const struct card *card, struct error *err)
{
    struct virtio_console *s = mem_zero(1, sizeof *s);
    s->virtio.board = b;
    s->virtio.kind = &kind;
    s->chain = mem_zero(1, sizeof *s->chain);
    board_set_slot(b, SLOT_CONSOLE, s);
    virtio_init(&s->virtio, kind.name, card->devfn);
    board_timer(b, &s->timer, fire, s);
    board_add_chip(b, &(struct chip){.name = kind.name,
                                     .fields = console_fields,
                                     .nfields = FIELD_COUNT(console_fields),
                                     .state = s,
                                     .reset = reset,
                                     .loaded = loaded,
                                     .destroy = destroy});
    board_add_pci(b, &s->virtio.pci);
    return 0;
}
