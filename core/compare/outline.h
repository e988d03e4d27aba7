/* outline.h - a boot as a tree of items that can be compared with another boot, and kept as text.
 *
 * An *item* is a stage, a process, an event that matters by itself (a console line, a program executed, a
 * POST code), or the number of accesses of one sort in a stage. An outline of a trace is made by
 * core/compare/trace_outline.h; one of a digest is read by digest.h. Both go into compare.h.
 *
 * Items of one parent and one *lane* are in the order in which they happened, except in lanes without order
 * (OUTLINE_UNORDERED), which hold parallel work and counts. Lanes keep apart what is interleaved by chance:
 * the lines of each console, what runs beside the stages, the machine's own events.
 *
 * Everything is in the stage "boot", except inputs, which are beside it.
 *
 * Numbers: positions in steps since reset, times in nanoseconds of guest time. All strings that an outline
 * returns belong to it.
 */
#ifndef BOOTREEL_CORE_COMPARE_OUTLINE_H
#define BOOTREEL_CORE_COMPARE_OUTLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "traces/event.h"

#define OUTLINE_NONE   UINT32_MAX /* no item */
#define OUTLINE_WORKER "kworker"  /* what the names of a kernel's workers begin with: "kworker/u4:1" */

enum outline_type {
    OUTLINE_INPUT, /* what the boot was given: a setting, an image. kind "setting" or "image", text: its name */
    OUTLINE_STAGE,   /* kind "stage", text: its name */
    OUTLINE_PROCESS, /* kind "process", "thread" or "kernel-thread"; text: the program, or the name */
    OUTLINE_EVENT,   /* kind: as in event_kinds.def */
    OUTLINE_COUNT,   /* kind: as in event_kinds.def; text: which port, address, vector …; `count` of them */
    OUTLINE_TYPES
};

/* Lanes. A console's lane is OUTLINE_CONSOLE + device. */
enum { OUTLINE_MAIN, OUTLINE_UNORDERED, OUTLINE_LOG, OUTLINE_TEXT, OUTLINE_CONSOLE };

/* A number of an item. A key says what happened and is compared; other numbers are tolerated unless
 * bounded. */
struct outline_field {
    const char *name;
    uint64_t value;
    uint8_t type; /* enum event_field_type */
    bool key;
};

struct outline_item {
    uint8_t type; /* enum outline_type */
    uint8_t lane;
    bool open;               /* a stage or process that had not ended */
    bool log;                /* a line of a kernel's log: numbers in it are payload */
    uint16_t depth;          /* 0: `within` is OUTLINE_NONE */
    uint32_t parent;         /* the item that it is compared in, or OUTLINE_NONE; always a lower number */
    uint32_t within;         /* the stage or process to show it in: differs from `parent` for console lines */
    const char *kind;        /* "stage", "pio.write": equal strings of one outline are equal pointers */
    const char *text;        /* what happened */
    const char *same;        /* what of `text` is compared: without times and addresses (outline_plain) */
    const char *detail;      /* an input's value, a program's path and arguments; or "". Compared too */
    uint32_t first, nfields; /* its fields: outline_field */
    uint64_t begin, end;     /* icounts; equal for an event */
    uint64_t time;           /* guest time at `begin`, ns */
    uint64_t steps, took;    /* of a stage or process; `took` in ns of guest time */
    uint64_t count;          /* of a count; otherwise 1 */
    uint64_t event;          /* number of its (first) event in the trace; UINT64_MAX: from a digest */
    uint64_t id;             /* hash of type, kind and pattern (outline_pattern): the same thing */
    uint64_t key;            /* hash of id, `same`, `detail` and key fields: the same in every respect */
};

/* The boot as a whole. */
struct outline_about {
    const char *name;   /* the file, for messages */
    const char *engine; /* "pc" */
    const char *ended;  /* the end's reason: "power-off"; "" if the record is cut short */
    const char *end_text;
    const char *warning; /* "" or why it is not whole: "damaged: …", "cut short: …" */
    uint32_t behaviour;
    uint32_t classes; /* that were observed */
    uint64_t icount, time, events;
    bool digest; /* it was read from a digest: items have no event numbers */
    bool edited; /* … and no longer has as many items as when it was written */
};

struct outline;

struct outline *outline_new(void);
void outline_free(struct outline *); /* NULL is allowed */
/* The description is copied. */
void outline_set_about(struct outline *, const struct outline_about *);
const struct outline_about *outline_about(const struct outline *);
/* Whether that boot ended in a crash (core/run/crash.h): `end_text` says which. */
bool outline_crashed(const struct outline_about *a);
/* How it ended, in a few words: "power-off", "kernel panic: …". */
const char *outline_end(const struct outline_about *a);

/* Adds an item with its fields and returns its number. `parent` and `within` must exist. All strings are copied;
 * kind and text are needed; `same` NULL: computed from the text. id, key, depth, first and nfields are computed. */
uint32_t outline_add(struct outline *, const struct outline_item *, const struct outline_field *, unsigned n);
/* Sets an item's lane, and the parent that it is compared in, by its kind and by what it is `within`. `device`: of a
 * console line. A stage's lane stays as it is: the main one, or that of stages that run beside others. */
void outline_place(const struct outline *, struct outline_item *, unsigned device);
/* The item, for completing it: a stage's end, a process's name. Strings in it must come from outline_string.
 * After a change of anything that id and key depend on, call outline_seal. */
struct outline_item *outline_edit(struct outline *, uint32_t item);
void outline_add_field(struct outline *, uint32_t item, const struct outline_field *);
void outline_seal(struct outline *, uint32_t item);
/* Whether it is a kernel's worker. They are compared as one: the number in the name does not count. */
bool outline_is_worker(const struct outline_item *);
/* What id and key would be if the item had that `same` and that `detail`. */
void outline_hashes(const struct outline *, uint32_t item, const char *same, const char *detail, uint64_t *id,
                    uint64_t *key);
/* A copy that belongs to the outline; equal strings are stored once. NUL, new lines, and bytes that are not UTF-8
 * become \xNN. */
const char *outline_string(struct outline *, const char *text, size_t n);

uint32_t outline_count(const struct outline *);
const struct outline_item *outline_get(const struct outline *, uint32_t item);
/* The i-th field of an item. */
const struct outline_field *outline_field(const struct outline *, uint32_t item, unsigned i);

/* Makes an outline of one stage: of several of that name, the one that takes longest. It has all that is in
 * the stage, and the inputs. The stage takes the place of the whole boot, and the steps and time in `about`
 * are the stage's. Items do not name the guest that most of them are of, so that a kernel in a hypervisor's
 * domain can be compared with one on the bare machine. NULL with err if there is no such stage. */
struct outline *outline_cut(const struct outline *, const char *stage, struct error *);

/* Writes to `out` (room for n + 1 bytes) the part of a guest's text that is compared. It has no escape
 * sequences. A line of a kernel's log also loses the time at its beginning ("[ 1.234567] "), and has
 * addresses (0x and at least 5 digits, or 8, 12 or 16 hexadecimal digits) as "0x#" and places in symbols
 * ("+0x12/0x34") as "+#"; in other lines, only kernel addresses are replaced. Sets *log to whether it is a
 * line of a kernel's log. Returns its length. */
size_t outline_plain(const char *text, size_t n, char *out, bool *log);
/* Writes to `out` (room for n + 1 bytes) the pattern of a text: symbols without what a compiler adds (".constprop.0",
 * ".isra.1", ".cold"), and, if `numbers`, numbers that are not part of a name as "#". Returns its length. */
size_t outline_pattern(const char *text, size_t n, bool numbers, char *out);

#endif
