/* services.h - BIOS services as events: each INT 10h-1Ah that is executed in real mode (or, by the 8086
 * program's own vectors, in virtual-8086 mode) and its return, of any firmware. Private to hv/.
 *
 * A PUSHF and a far CALL to what a vector points to is such a call as well. In virtual-8086 mode it makes no
 * difference whether the processor does the INT by itself, through the monitor, or the monitor in its place.
 *
 * What is under way (calls that have not returned, text that is being put together, repeats that are being
 * counted) is saved state: a replay from any checkpoint reports what the recording reported. Nothing here
 * reaches the guest.
 */
#ifndef BOOTREEL_HV_SERVICES_H
#define BOOTREEL_HV_SERVICES_H

#include "hv/board/board.h"

enum {
    SERVICE_DEPTH = 16, /* calls inside of calls; the oldest is forgotten when there are more */
    SERVICE_WORDS = 160,
    SERVICE_REPEATS = 4, /* different polling calls that are folded at a time */
    SERVICE_LINE = 240,
};

/* ---------------------------------------------------------------- what a call says (services_table.c) */

/* The registers at the INT, or at its return. */
struct service_regs {
    uint32_t eax, ebx, ecx, edx, esi, edi, ebp;
    uint16_t ds, es, flags;
};

/* How a call is reported. */
enum service_flags {
    SVC_CARRY = 1,   /* carry says that it failed */
    SVC_STATUS = 2,  /* … and AH has INT 13h's status */
    SVC_VBE = 4,     /* anything but AX = 004Fh says that it failed */
    SVC_POLL = 8,    /* repeated in loops: equal ones are counted */
    SVC_AWAY = 16,   /* does not return: reported when it is called */
    SVC_CURSOR = 32, /* sets or reads the cursor: part of writing text */
    SVC_TEXT = 64,   /* writes AL at the cursor, which moves on (teletype) */
    SVC_CELL = 128,  /* writes AL CX times at the cursor, which stays */
    SVC_OUTPUT = SVC_CURSOR | SVC_TEXT | SVC_CELL,
};

struct service_row {
    uint8_t vector;
    uint16_t function, mask; /* of AX; the mask is what of AX chooses the function */
    uint16_t flags;
    const char *name, *args, *result; /* the last two may be NULL; see services_table.c */
};

/* The row of a call, "unknown function" if there is none. For vectors 10h-1Ah. */
const struct service_row *service_row(uint8_t vector, uint16_t ax);
/* "INT 13h AH=42h extended read: drive 80h …", as the call stands. Memory is read as `cpu` would, without
 * side effects. At most `size` bytes with the final NUL; returns the length. */
size_t service_call_words(const struct service_row *, const struct service_regs *, uint8_t vector,
                          struct board *, unsigned cpu, char *buf, size_t size);
/* Appends " -> …" with results that are the same in each boot, or why it failed. *failed as the row says.
 * Returns the new length. */
size_t service_result_words(const struct service_row *, const struct service_regs *, struct board *,
                            unsigned cpu, char *buf, size_t n, size_t size, bool *failed);

/* ---------------------------------------------------------------- calls and returns (services.c) */

/* A call that has not returned. */
struct service_call {
    uint8_t cpu, vector;
    uint16_t ax, cx;
    uint64_t stack, next; /* linear: the stack pointer before the INT, the instruction after it */
    uint64_t caller, icount;
    uint8_t words[SERVICE_WORDS];
};

/* A polling call, and how often it was repeated. */
struct service_poll {
    uint8_t vector;              /* 0: free */
    uint16_t function;           /* of AX, as the row masks it */
    uint64_t count, steps, last; /* repeats, their steps together, icount of the last */
    uint8_t words[SERVICE_WORDS];
};

struct services {
    /* state */
    uint8_t depth;
    struct service_call call[SERVICE_DEPTH];
    struct service_poll poll[SERVICE_REPEATS]; /* the last seen first */
    /* text that is being written */
    bool output;                /* the last call was one that writes, or moves the cursor */
    bool at_known, wrapped;     /* wrapped: CR, and no LF yet */
    uint8_t row, col;           /* where the next character goes, if known */
    uint8_t line_row, line_col; /* where the line began; 255: not known */
    uint16_t line_length;
    uint64_t line_calls, line_steps, line_start;
    uint8_t line[SERVICE_LINE];
    /* not state */
    struct board *board;
    uint64_t (*now)(void *ctx); /* icount */
    void *ctx;
};

/* The fields of struct services; to be freed. */
struct field_table services_fields(void);

void services_init(struct services *, struct board *, uint64_t (*now)(void *ctx), void *ctx);
/* The machine was reset: nothing that was called will return. */
void services_reset(struct services *);
/* After a load: -1 if the state makes no sense (it is empty then). */
int services_loaded(struct services *);
/* What the processors call. */
struct x86_hooks services_hooks(struct services *);
/* Report text and repeats that are still being put together. `end`: of the recording: as they are, the state
 * is kept. */
void services_flush(struct services *, bool end);

#endif
