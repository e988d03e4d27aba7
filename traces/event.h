/* event.h - things that happened during a boot.
 *
 * The table `event_kinds.def` has one row per kind. Everything about events is derived from it: encoding,
 * text, JSON, filters, comparison, documentation. An event's number fields are positional, in the order of
 * the row; the enumerators `EVF_<KIND>_<field>` name the positions.
 */
#ifndef BOOTREEL_TRACES_EVENT_H
#define BOOTREEL_TRACES_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_class {
#define CLASS(number, id, name, usual, what) id = number,
#include "traces/event_classes.def"
#undef CLASS
    EC_COUNT = 0
#define CLASS(...) +1
#include "traces/event_classes.def"
#undef CLASS
};
#define EVENT_CLASS_BIT(c) (1u << (c))
#define EVENT_CLASSES_ALL  ((1u << EC_COUNT) - 1)
/* What `record` observes unless --events says otherwise. */
enum {
    EVENT_CLASSES_DEFAULT = 0
#define CLASS(number, id, name, usual, what) | (usual) << (number)
#include "traces/event_classes.def"
#undef CLASS
};

/* How a field prints. */
enum event_field_type {
    EFT_DEC,
    EFT_HEX,
    EFT_BOOL,
    EFT_CHAR,
    EFT_SIGNED,  /* decimal, two's complement */
    EFT_GROUPED, /* decimal, in text with commas */
    EFT_MEMORY,  /* hex: an address in memory; all ones: none */
    EFT_NUMBER,  /* decimal; all ones: none */
};

static inline bool event_field_hex(unsigned type)
{
    return type == EFT_HEX || type == EFT_MEMORY;
}

/* Whether that value says that the event has none of it. */
static inline bool event_field_none(unsigned type, uint64_t v)
{
    return (type == EFT_MEMORY || type == EFT_NUMBER) && v == UINT64_MAX;
}

struct event_field {
    const char *name;
    enum event_field_type type;
    bool key; /* a key says what happened; other fields say when, where or how much, and may differ */
};

enum { EVENT_MAX_FIELDS = 8, EVENT_MAX_DATA = 4096 };
/* Where a guest prints: the device of a console line. The serial ports are 0 to 3. */
enum console_device { CONSOLE_SERIAL0, CONSOLE_SCREEN = 8, CONSOLE_DEBUG, CONSOLE_XEN, CONSOLE_VIRTIO };

struct event_kind {
    const char *name; /* "pio.read" */
    enum event_class cls;
    unsigned nfields;
    struct event_field field[EVENT_MAX_FIELDS];
    bool has_data;      /* carries a text (or bytes), which is a key too */
    const char *format; /* "{port} -> {value}", "{data}" for the text; see event_text() */
};

/* Field types in the rows are written K(name, TYPE) for a key and P(name, TYPE) for a payload field. */
enum event_id {
#define EVENT(number, id, cls, name, data, format, ...) EV_##id = number,
#include "traces/event_kinds.def"
#undef EVENT
    EV_COUNT = 0
#define EVENT(...) +1
#include "traces/event_kinds.def"
#undef EVENT
};

/* Positions of the number fields: EVF_PIO_READ_port and so on. */
#define EVENT(number, id, cls, name, data, format, ...) enum evf_##id{__VA_ARGS__ EVF_##id##_COUNT};
#define K(kind, name, type)                             EVF_##kind##_##name,
#define P(kind, name, type)                             EVF_##kind##_##name,
#include "traces/event_kinds.def"
#undef EVENT
#undef K
#undef P

struct event {
    uint16_t kind; /* enum event_id */
    uint8_t cpu;
    /* The number of the guest that made it (core/story/guest.h); 0: the first one, or the machine. */
    uint16_t guest;
    uint64_t icount; /* steps since reset when it happened */
    uint64_t time;   /* guest time in nanoseconds */
    uint64_t f[EVENT_MAX_FIELDS];
    const void *data; /* borrowed; valid only during the observer's call */
    uint32_t len;     /* at most EVENT_MAX_DATA */
};

extern const struct event_kind event_table[EV_COUNT];
/* The row of a kind; NULL if the number is not that of a kind. */
static inline const struct event_kind *event_kind(unsigned id)
{
    return id < EV_COUNT ? &event_table[id] : NULL;
}

/* A guest's number as events have it: those beyond the last possible one share it. */
static inline uint16_t event_guest(unsigned number)
{
    return number < UINT16_MAX ? (uint16_t)number : UINT16_MAX;
}

/* Ends the process: an event of this kind has no field of that name at that place. */
__attribute__((noreturn, cold)) void event_wrong_kind(const struct event *ev, enum event_id kind,
                                                      unsigned field);
/* Whether an event of `other` has at that place a field of the same name as one of `kind` has: what the rows of pio and mmio share, for example. */
bool event_shares_field(unsigned other, enum event_id kind, unsigned field);

/* The field there of an event of that kind, or of one that shares the field; and those behind it. */
static inline const uint64_t *event_fields(const struct event *ev, enum event_id kind, unsigned field)
{
    if (__builtin_expect(ev->kind != kind, 0) && !event_shares_field(ev->kind, kind, field))
        event_wrong_kind(ev, kind, field);
    return &ev->f[field];
}
/* EVF(ev, PIO_READ, port): the one way to read a number field, since it checks that the event is of a kind that has it. EVF_AT: where it is. */
#define EVF(ev, KIND, name)    (*event_fields((ev), EV_##KIND, EVF_##KIND##_##name))
#define EVF_AT(ev, KIND, name) event_fields((ev), EV_##KIND, EVF_##KIND##_##name)

/* A field by its position in the row, for code that reads the rows: i is below the row's nfields. */
static inline uint64_t event_number(const struct event *ev, unsigned i)
{
    if (i >= event_table[ev->kind].nfields)
        event_wrong_kind(ev, (enum event_id)ev->kind, i);
    return ev->f[i];
}

/* The event's text from byte `from` on, until one of the characters of `end`, the end of the text or of the room. Data have a length and no
 * zero behind them, so no string function of C may be used on them. Returns the length; `text` is ended with a zero. */
static inline size_t event_data_until(const struct event *ev, size_t from, const char *end, char *text,
                                      size_t room)
{
    const char *data = ev->data;
    size_t n = 0;
    for (size_t i = from; i < ev->len && n + 1 < room; i++) {
        const char *p = end;
        while (*p && *p != data[i])
            p++;
        if (*p || !data[i])
            break;
        text[n++] = data[i];
    }
    text[n] = 0;
    return n;
}

/* The class iflag is the part of the class cpu that is not recorded by default; this word names it, too. */
#define EVENT_IFLAG_WORD "cpu.iflag"
/* The classes that a person means who asks a record for those of `mask`: cpu with its part. */
uint32_t event_classes_shown(uint32_t mask, uint32_t recorded);
/* The class of that name ("pio"), or -1. */
int event_class_by_name(const char *name);
const char *event_class_name(enum event_class c);
/* A short description of the class. */
const char *event_class_what(enum event_class c);
/* All classes, for messages: "cpu, exception, irq, …". A constant string. */
const char *event_class_list(void);
/* Parses "cpu,irq,pio", "all", "none", "default", and "-syscall" / "+syscall" after them, into a mask. A list
 * that begins with one of the last two changes `base`. The class fold is part of every list that has another
 * class, unless "-fold" removes it. Returns 0, or -1 with `*bad` pointing at the word that is not a class. */
int event_classes_parse(const char *text, uint32_t base, uint32_t *mask, const char **bad);

enum { EVENT_VALUES = 8, EVENT_VALUES_BYTES = 16 };
/* Whether a series of accesses of that size keeps n values before the last. */
static inline bool event_keeps_values(uint64_t n, uint64_t size)
{
    return n < EVENT_VALUES && size && size <= 8 && !(size & (size - 1)) && n * size <= EVENT_VALUES_BYTES;
}
/* The values of a series of accesses (pio.read, pio.write, mmio.read, mmio.write) that differ, in order.
 * Returns how many there are, 2 to EVENT_VALUES; 0 if all have the event's `value`, if they are too many to
 * be known, or for an event of another kind. */
unsigned event_values(const struct event *ev, uint64_t value[EVENT_VALUES]);

/* How the blocks of a disk.read or disk.write move: by DMA, through the controller's data port, not at all because the
 * command makes them zeros, or not at all because the command only looks at them. */
enum event_data { EVENT_DATA_MEMORY, EVENT_DATA_PORT, EVENT_DATA_ZEROS, EVENT_DATA_NONE };
enum event_data event_disk_data(const struct event *ev);

/* The event as text, without its position: fills `buf` like snprintf and returns the length. What the guest made is escaped
 * (base/escape.h), so that it can be printed as it is. The text of an event of guest 1 or a later one begins with "guest 1: ". */
int event_text(const struct event *ev, char *buf, size_t size);
/* The same, not escaped: for texts that are escaped as a whole when they are printed. A 0
 * byte becomes \x00. */
int event_text_raw(const struct event *ev, char *buf, size_t size);

/* ---- text as a person sees it on a terminal: without escape sequences ---- */

/* The state of the parser of a stream of bytes; all zero at its beginning. */
struct plain {
    uint8_t state;
};
/* Whether the next byte is not part of an escape sequence. Control characters (new line, BEL) are
 * not part of one. */
bool plain_byte(struct plain *p, uint8_t byte);
/* Copies `n` bytes without their escape sequences to `out` (room for n bytes); returns how
 * many were copied. */
size_t plain_text(const void *data, size_t n, char *out);
/* Whether the bytes contain `text`, as they are or without their escape sequences. */
bool plain_holds(const void *data, size_t n, const char *text);

#endif
