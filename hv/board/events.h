/* events.h - events of the board's chips: series of equal accesses, lines of consoles, what is not implemented. Private to hv/board. */
#ifndef BOOTREEL_HV_BOARD_EVENTS_H
#define BOOTREEL_HV_BOARD_EVENTS_H

#include "hv/board/board.h"

enum { CONSOLE_LINES = 7, CONSOLE_LINE_MAX = 1000, UNHANDLED_NAME = 32 };

/* A sequence of identical accesses: same direction, place, size and instruction. */
struct access_series {
    uint8_t active, mmio, write, size, unhandled, cpu;
    uint64_t number, ip;
    uint64_t value, count; /* the last value; how many accesses */
    uint64_t changes;      /* how many had another value than the one before */
    uint64_t earlier[2];   /* the values before the last, as in the event, while event_keeps_values() */
    uint64_t icount, time; /* of the last access */
};
/* A sequence of the same unimplemented access. */
struct unhandled_series {
    uint8_t active, write, cpu;
    uint8_t what[UNHANDLED_NAME];
    uint64_t number, ip, value, count, icount, time;
};
struct events {
    struct access_series access;
    struct unhandled_series unhandled;
    uint16_t line_length[CONSOLE_LINES];
    uint8_t line[CONSOLE_LINES][CONSOLE_LINE_MAX];
    uint32_t classes;
    struct observer observer;
    struct engine_polls polls; /* not state */
};
extern const struct field events_fields[];
extern const size_t events_nfields;

/* Call before an access: the current series is reported if this access does not continue it. */
void events_before_access(struct board *, bool mmio, bool write, uint64_t number, unsigned size, uint64_t ip);
/* Call for the access itself: before the handler for a write, after it for a read. */
void events_access(struct board *, bool mmio, bool write, uint64_t number, unsigned size, uint64_t ip,
                   uint64_t value);
/* Nothing answered the access that was just made. */
void events_access_unhandled(struct board *);
/* A byte of firmware log: console device 9, and EV_FIRMWARE_LOG lines. port: 402h or e9h. */
void events_debug_byte(struct board *, uint16_t port, uint8_t byte);
void events_init(struct events *);
/* Reports an event at the present position without ending a series: only for what is flushed. */
void events_deliver(struct board *, struct event *);
/* Reports an event of the class iflag. It does not end a series either: there are so many that series would become short, and the class
 * must not change the events of others. So a series that is older may be reported after it. */
void events_flag(struct board *, struct event *);
static inline bool event_is_of_flag(unsigned kind)
{
    return kind >= EV_CPU_CLI && kind <= EV_CPU_IF;
}

#endif
