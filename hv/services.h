/* services.h - BIOS services as events: each INT 10h-1Ah executed in real mode, or in virtual-8086 mode
 * through the 8086 program's own vectors, and its return. Works with any firmware. Private to hv/.
 *
 * A PUSHF and a far CALL to the address in such a vector count as a call too. In virtual-8086 mode it makes
 * no difference whether the processor executes the INT itself, faults to the monitor, or the monitor emulates
 * it.
 *
 * Unfinished work (calls that have not returned, text being assembled, repeats being counted) is saved state,
 * so a replay from any checkpoint reports what the recording reported. Nothing here reaches the guest. */
#ifndef BOOTREEL_HV_SERVICES_H
#define BOOTREEL_HV_SERVICES_H

#include "hv/board/board.h"

enum {
    SERVICE_FIRST = 0x10, /* vectors of the services: INT 10h-1Ah */
    SERVICE_LAST = 0x1a,
    SERVICE_DEPTH = 16, /* nested calls; when there are more, the oldest is forgotten */
    SERVICE_WORDS = 160,
    SERVICE_REPEATS = 4, /* different polling calls that are counted at the same time */
    SERVICE_LINE = 240,
};

/* ---------------------------------------------------------------- descriptions of calls (services_table.c) */

/* The registers at the INT, or at its return. */
struct service_regs {
    uint32_t eax, ebx, ecx, edx, esi, edi, ebp;
    uint16_t ds, es, flags;
};

/* How a call is reported. */
enum service_flags {
    SVC_CARRY = 1,   /* carry set means failure */
    SVC_STATUS = 2,  /* … and AH holds INT 13h's status */
    SVC_VBE = 4,     /* anything but AX = 004Fh means failure */
    SVC_POLL = 8,    /* repeated in loops: identical calls are counted */
    SVC_AWAY = 16,   /* does not return: reported when it is called */
    SVC_CURSOR = 32, /* sets or reads the cursor: belongs to text output */
    SVC_TEXT = 64,   /* writes AL at the cursor and advances it (teletype) */
    SVC_CELL = 128,  /* writes AL CX times at the cursor without moving it */
    SVC_OUTPUT = SVC_CURSOR | SVC_TEXT | SVC_CELL,
};

struct service_row {
    uint8_t vector;
    uint16_t function, mask; /* of AX; the mask has the bits of AX that select the function */
    uint16_t flags;
    const char *name, *args, *result; /* the last two may be NULL; see services_table.c */
};

/* The row of a call, or the row "unknown function". For vectors 10h-1Ah. */
const struct service_row *service_row(uint8_t vector, uint16_t ax);
/* "INT 13h AH=42h extended read: drive 80h …", from the registers at the call. Memory is read as `cpu` would
 * read it, without side effects. At most `size` bytes with the final NUL; returns the length. */
size_t service_call_words(const struct service_row *, const struct service_regs *, uint8_t vector,
                          struct board *, unsigned cpu, char *buf, size_t size);
/* Appends " -> …" with those results that are the same in every boot, or why the call failed. *failed is set
 * by the row's flags. Returns the new length. */
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
    uint64_t count, steps, last; /* repeats, their total steps, icount of the last one */
    uint8_t words[SERVICE_WORDS];
};

struct services {
    /* state */
    uint8_t depth;
    /* INT 18h or 19h was called since the reset and, from behaviour version 15 on, since a boot sector was entered: boot records that
     * are read now are tried */
    bool booting;
    struct service_call call[SERVICE_DEPTH];
    struct service_poll poll[SERVICE_REPEATS]; /* most recent first */
    /* text being assembled */
    bool output;                /* the last call wrote text or moved the cursor */
    bool at_known, wrapped;     /* wrapped: CR seen, no LF yet */
    uint8_t row, col;           /* where the next character goes, if known */
    uint8_t line_row, line_col; /* where the line began; 255 if unknown */
    uint16_t line_length;
    uint64_t line_calls, line_steps, line_start;
    uint8_t line[SERVICE_LINE];
    /* not state */
    struct board *board;
    uint64_t (*now)(void *ctx); /* icount */
    void *ctx;
};

/* The fields of struct services. The caller frees the table. */
struct field_table services_fields(void);

void services_init(struct services *, struct board *, uint64_t (*now)(void *ctx), void *ctx);
/* The machine was reset: no pending call will return. */
void services_reset(struct services *);
/* After a load: -1 if the state is invalid; it is then emptied. */
int services_loaded(struct services *);
/* The hooks for the processors to call. */
struct x86_hooks services_hooks(struct services *);
/* Report text and repeats that are still being assembled. `end`: at the end of the recording they are
 * reported as they are, and the state is kept. */
void services_flush(struct services *, bool end);

#endif
