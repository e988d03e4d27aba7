/* events.c - what the board reports to its observer: events, series of equal accesses, console lines. Nothing here
 * reaches the guest. But unfinished reports (a sequence of the same access, an incomplete line) are part of
 * the saved state, so that a replay from a checkpoint reports what the recording reported; and they are
 * continued in the same way whatever classes are observed.
 *
 * Order: but for those of the class iflag, an event is never reported with a smaller icount than one before it. A series has the icount of its
 * last access, and is reported before anything else, with one exception: a console line completed by the
 * access in a series does not end it (it has the same icount). */
#include <assert.h>

#include "hv/board/bus.h"
#include "hv/board/events.h"
#include "hv/board/inputs.h"
#include "hv/board/xen_host.h"
#include "hv/board/internal.h"

#include <string.h>

static const uint8_t kind_class[] = {
#define EVENT(number, id, cls, name, data, format, ...) [number] = cls,
#include "traces/event_kinds.def"
#undef EVENT
};

/* Line buffers: serial 0-3, the screen, the debug ports 402h and e9h. */
enum { LINE_SCREEN = 4, LINE_DEBUG = 5, LINE_E9 = 6 };

const struct field events_fields[] = {
    FIELD(struct events, access.active),    FIELD(struct events, access.mmio),
    FIELD(struct events, access.write),     FIELD(struct events, access.size),
    FIELD(struct events, access.unhandled), FIELD(struct events, access.cpu),
    FIELD(struct events, access.number),    FIELD(struct events, access.ip),
    FIELD(struct events, access.value),     FIELD(struct events, access.count),
    FIELD(struct events, access.changes),   FIELDS(struct events, access.earlier),
    FIELD(struct events, access.icount),    FIELD(struct events, access.time),
    FIELD(struct events, unhandled.active), FIELD(struct events, unhandled.write),
    FIELD(struct events, unhandled.cpu),    FIELD_BYTES(struct events, unhandled.what),
    FIELD(struct events, unhandled.number), FIELD(struct events, unhandled.ip),
    FIELD(struct events, unhandled.value),  FIELD(struct events, unhandled.count),
    FIELD(struct events, unhandled.icount), FIELD(struct events, unhandled.time),
    FIELDS(struct events, line_length),     FIELD_BYTES(struct events, line),
};
const size_t events_nfields = FIELD_COUNT(events_fields);

void events_init(struct events *e)
{
    memset(e, 0, sizeof *e);
}

/* ---------------------------------------------------------------- reporting */

static uint64_t now_icount(const struct board *b)
{
    if (b->moment.known)
        return b->moment.icount;
    return b->built ? b->host.icount(b->host.ctx) : 0;
}

static void deliver(struct board *b, struct event *ev)
{
    assert(ev->kind < sizeof kind_class / sizeof kind_class[0]);
    const struct observer *o = &b->events.observer;
    if (o->event && b->events.classes >> kind_class[ev->kind] & 1)
        o->event(o->ctx, ev);
}

static void deliver_now(struct board *b, struct event *ev)
{
    ev->icount = now_icount(b);
    ev->time = board_now(b);
    ev->cpu = b->active ? (uint8_t)b->active->index : 0;
    deliver(b, ev);
}

static void deliver_unhandled(struct board *b, const struct access_series *a)
{
    struct event ev = {.kind = EV_UNHANDLED, .cpu = a->cpu, .icount = a->icount, .time = a->time};
    ev.f[EVF_UNHANDLED_number] = a->number;
    ev.f[EVF_UNHANDLED_write] = a->write;
    ev.f[EVF_UNHANDLED_value] = a->value;
    ev.f[EVF_UNHANDLED_ip] = a->ip;
    ev.f[EVF_UNHANDLED_count] = a->count;
    ev.data = a->mmio ? "mmio" : "port";
    ev.len = 4;
    deliver(b, &ev);
}

/* The four kinds have the same fields in the same order. */
_Static_assert((int)EVF_PIO_READ_port == (int)EVF_MMIO_WRITE_address &&
                   (int)EVF_PIO_READ_ip == (int)EVF_MMIO_WRITE_ip &&
                   (int)EVF_PIO_WRITE_ip == (int)EVF_MMIO_READ_ip &&
                   (int)EVF_PIO_WRITE_count == (int)EVF_MMIO_READ_count &&
                   (int)EVF_PIO_READ_earlier2 == (int)EVF_MMIO_WRITE_earlier2 &&
                   (int)EVF_PIO_READ_COUNT == (int)EVENT_MAX_FIELDS,
               "access events differ");

static void deliver_access(struct board *b)
{
    const struct access_series *a = &b->events.access;
    static const uint16_t kind[2][2] = {{EV_PIO_READ, EV_PIO_WRITE}, {EV_MMIO_READ, EV_MMIO_WRITE}};
    if (!a->active)
        return;
    struct event ev; /* hosts take long to clear it: no initializer */
    ev.kind = kind[a->mmio][a->write];
    ev.cpu = a->cpu;
    ev.guest = 0;
    ev.icount = a->icount;
    ev.time = a->time;
    ev.data = NULL;
    ev.len = 0;
    bool known = a->changes && event_keeps_values(a->count - 1, a->size);
    ev.f[EVF_PIO_READ_port] = a->number;
    ev.f[EVF_PIO_READ_size] = a->size;
    ev.f[EVF_PIO_READ_value] = a->value;
    ev.f[EVF_PIO_READ_count] = a->count;
    ev.f[EVF_PIO_READ_ip] = a->ip;
    ev.f[EVF_PIO_READ_changes] = a->changes;
    ev.f[EVF_PIO_READ_earlier] = known ? a->earlier[0] : 0;
    ev.f[EVF_PIO_READ_earlier2] = known ? a->earlier[1] : 0;
    deliver(b, &ev);
    if (a->unhandled)
        deliver_unhandled(b, a);
}

static void deliver_unimplemented(struct board *b)
{
    const struct unhandled_series *u = &b->events.unhandled;
    if (!u->active)
        return;
    struct event ev = {.kind = EV_UNHANDLED, .cpu = u->cpu, .icount = u->icount, .time = u->time};
    ev.f[EVF_UNHANDLED_number] = u->number;
    ev.f[EVF_UNHANDLED_write] = u->write;
    ev.f[EVF_UNHANDLED_value] = u->value;
    ev.f[EVF_UNHANDLED_ip] = u->ip;
    ev.f[EVF_UNHANDLED_count] = u->count;
    ev.data = u->what;
    ev.len = (uint32_t)strnlen((const char *)u->what, sizeof u->what);
    deliver(b, &ev);
}

static void deliver_series(struct board *b)
{
    const struct events *e = &b->events;
    if (e->access.active && e->unhandled.active && e->access.icount > e->unhandled.icount) {
        deliver_unimplemented(b);
        deliver_access(b);
    } else {
        deliver_access(b);
        deliver_unimplemented(b);
    }
}

static void end_series(struct board *b)
{
    deliver_series(b);
    b->events.access.active = 0;
    b->events.unhandled.active = 0;
}

void board_event(struct board *b, struct event *ev)
{
    end_series(b);
    deliver_now(b, ev);
}

void board_observe(struct board *b, uint32_t classes, const struct observer *o)
{
    b->events.classes = classes;
    b->events.observer = o ? *o : (struct observer){0};
}

void board_forget_events(struct board *b)
{
    const struct observer o = b->events.observer;
    const struct engine_polls polls = b->events.polls;
    uint32_t classes = b->events.classes;
    events_init(&b->events);
    board_observe(b, classes, &o);
    b->events.polls = polls;
}

void board_polled_input(struct board *b)
{
    b->events.polls.input++;
}

void board_polled_timer(struct board *b)
{
    b->events.polls.timer++;
}

struct engine_polls *board_polls(struct board *b)
{
    return &b->events.polls;
}

/* ---------------------------------------------------------------- series */

static bool same_access(const struct access_series *a, bool mmio, bool write, uint64_t number, unsigned size,
                        uint64_t ip, unsigned cpu)
{
    return a->active && a->mmio == mmio && a->write == write && a->number == number && a->size == size &&
           a->ip == ip && a->cpu == cpu;
}

static unsigned active_cpu(const struct board *b)
{
    return b->active ? b->active->index : 0;
}

void events_before_access(struct board *b, bool mmio, bool write, uint64_t number, unsigned size, uint64_t ip)
{
    if (!same_access(&b->events.access, mmio, write, number, size, ip, active_cpu(b)))
        end_series(b);
}

/* Another access of the series: the value so far becomes an earlier one. */
static void keep_value(struct access_series *a, uint64_t next)
{
    uint64_t at = (a->count - 1) * a->size;
    if (event_keeps_values(a->count, a->size))
        a->earlier[at / 8] |= (a->value & ~0ull >> (64 - 8 * a->size)) << at % 8 * 8;
    a->changes += a->value != next;
}

void events_access(struct board *b, bool mmio, bool write, uint64_t number, unsigned size, uint64_t ip,
                   uint64_t value)
{
    struct access_series *a = &b->events.access;
    assert(size && size <= 8 && "wider accesses come in parts");
    if (!same_access(a, mmio, write, number, size, ip, active_cpu(b))) {
        if (a->active) /* would mean that a read's handler made accesses itself; none does */
            end_series(b);
        *a = (struct access_series){.active = 1,
                                    .mmio = mmio,
                                    .write = write,
                                    .size = (uint8_t)size,
                                    .cpu = (uint8_t)active_cpu(b),
                                    .number = number,
                                    .ip = ip};
    }
    if (a->count)
        keep_value(a, value);
    a->value = value;
    a->count++;
    a->icount = now_icount(b);
    a->time = board_now(b);
}

void events_access_unhandled(struct board *b)
{
    assert(b->events.access.active && "it belongs to the access before it");
    b->events.access.unhandled = 1;
}

void board_unhandled(struct board *b, const char *what, uint64_t number, bool write, uint64_t value)
{
    assert(*what && "it is told by its name");
    struct unhandled_series *u = &b->events.unhandled;
    uint64_t ip = bus_ip(b);
    size_t n = strnlen(what, sizeof u->what - 1);
    bool same = u->active && u->write == write && u->number == number && u->ip == ip &&
                u->cpu == active_cpu(b) && !memcmp(u->what, what, n) && !u->what[n];
    if (!same) {
        if (u->active)
            end_series(b);
        *u = (struct unhandled_series){
            .active = 1, .write = write, .cpu = (uint8_t)active_cpu(b), .number = number, .ip = ip};
        memcpy(u->what, what, n);
    }
    u->value = value;
    u->count++;
    u->icount = now_icount(b);
    u->time = board_now(b);
}

/* ---------------------------------------------------------------- console lines */

static unsigned line_device(unsigned line)
{
    return line < LINE_SCREEN ? line : line == LINE_SCREEN ? CONSOLE_SCREEN : CONSOLE_DEBUG;
}

static void deliver_line(struct board *b, unsigned line)
{
    const struct events *e = &b->events;
    assert(line < CONSOLE_LINES);
    struct event ev = {.kind = EV_CONSOLE_LINE, .data = e->line[line], .len = e->line_length[line]};
    ev.f[EVF_CONSOLE_LINE_device] = line_device(line);
    deliver_now(b, &ev);
    if (line < LINE_DEBUG)
        return;
    struct event log = {.kind = EV_FIRMWARE_LOG, .data = e->line[line], .len = e->line_length[line]};
    log.f[EVF_FIRMWARE_LOG_port] = line == LINE_DEBUG ? 0x402 : 0xe9;
    deliver_now(b, &log);
}

/* May a line be reported now without ending the series? Only if they would be reported with this icount or a
 * later one. */
static bool folds_are_now(const struct board *b)
{
    const struct events *e = &b->events;
    uint64_t now = now_icount(b);
    return (!e->access.active || e->access.icount == now) &&
           (!e->unhandled.active || e->unhandled.icount == now);
}

static void line_end(struct board *b, unsigned line)
{
    if (!folds_are_now(b))
        end_series(b);
    deliver_line(b, line);
    b->events.line_length[line] = 0;
    /* Clear the line, so that its old content does not enter the state: equal consoles give equal
     * snapshots. */
    memset(b->events.line[line], 0, sizeof b->events.line[line]);
}

static void line_byte(struct board *b, unsigned line, uint8_t byte)
{
    struct events *e = &b->events;
    assert(line < CONSOLE_LINES && e->line_length[line] <= CONSOLE_LINE_MAX);
    if (e->observer.console)
        e->observer.console(e->observer.ctx, line_device(line), &byte, 1);
    if (byte == '\n') {
        line_end(b, line);
    } else if (byte != '\r') {
        if (e->line_length[line] == CONSOLE_LINE_MAX)
            line_end(b, line);
        e->line[line][e->line_length[line]++] = byte;
    }
}

void board_console(struct board *b, unsigned device, uint8_t byte)
{
    line_byte(b, device < LINE_SCREEN ? device : device == 8 ? LINE_SCREEN : LINE_DEBUG, byte);
}

void events_debug_byte(struct board *b, uint16_t port, uint8_t byte)
{
    line_byte(b, port == 0xe9 ? LINE_E9 : LINE_DEBUG, byte);
}

void events_deliver(struct board *b, struct event *ev)
{
    deliver_now(b, ev);
}

void events_flag(struct board *b, struct event *ev)
{
    if (b->events.classes &
        EVENT_CLASS_BIT(EC_IFLAG)) /* the position costs more than most of these instructions */
        deliver_now(b, ev);
}

void board_flush_events(struct board *b)
{
    deliver_series(b);
    xen_host_flush(b);
    virtio_console_flush(b);
    for (unsigned line = 0; line < CONSOLE_LINES; line++)
        if (b->events.line_length[line])
            deliver_line(b, line);
}
