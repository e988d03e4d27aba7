/* internal.h - the board's own struct. For the files that implement the board itself and its bridges, and for chips that belong to the
 * board as a whole (ACPI, firmware configuration, SMBIOS, shadow memory). Other chips use chip.h and the headers of their
 * subjects (hv/board/README.md). */
#ifndef BOOTREEL_HV_BOARD_INTERNAL_H
#define BOOTREEL_HV_BOARD_INTERNAL_H

#include "hv/board/board.h"
#include "hv/board/bus.h"
#include "hv/board/chip.h"
#include "hv/board/events.h"
#include "hv/board/irq.h"
#include "hv/board/slots.h"

enum {
    BOARD_MAX_CHIPS = 145,
    BOARD_MAX_TIMERS = 161,
    BOARD_MAX_MMIO = 64,
    BOARD_MAX_HANDLERS = 128,
    BOARD_MAX_DISKS = 32,
};

#define FOUR_GIB 0x100000000ull

struct boot_path {
    char role[16], path[96];
};

/* ---- chips.c ---- */

/* Creates the chips of the board's kind. */
int board_create_chips(struct board *, struct error *);

/* The next choice of a kind, at the step that is being made. */
uint64_t board_vary(struct board *, enum vary_kind);
/* As vary_flash_error(). */
bool board_flash_error(struct board *, uint64_t offset, uint64_t n, bool *again);
/* As vary_read_error(). */
uint64_t board_read_error(struct board *, const char *drive, uint64_t offset, uint64_t n);

/* ---- timers.c ---- */

void timers_recount(struct board *);

/* ---- the board ---- */

/* Saved as the section "board". */
struct board_state {
    uint8_t a20;
    uint8_t request; /* enum board_request */
    int32_t request_status;
    uint8_t request_how[200];
    uint8_t asleep; /* in S3 */
};

struct board {
    const struct engine_config *cfg;
    const struct board_kind *kind;
    struct board_host host;
    struct board_state state;
    struct error image_error; /* with the request BOARD_ERROR; not state */
    bool built;               /* board_create() has returned, so the host knows the time */

    struct physmem *mem;
    struct ramblock *ram, *rom;
    uint64_t ram_low, ram_high;

    struct board_cpu cpu[ENGINE_CPUS];
    unsigned ncpus;
    struct board_cpu *active; /* the processor whose bus callback is running, or NULL */
    struct moment moment;
    uint64_t accesses; /* see board_accesses() */

    struct chip chip[BOARD_MAX_CHIPS];
    unsigned nchips;
    void *slot[SLOT_COUNT];

    struct port_handler handler[BOARD_MAX_HANDLERS];
    unsigned nhandlers;
    uint8_t port[65536]; /* index of the handler + 1, or 0 */
    struct mmio_region mmio[BOARD_MAX_MMIO];
    unsigned nmmio;

    struct timer *timer[BOARD_MAX_TIMERS];
    unsigned ntimers;
    uint64_t next_timer;

    struct irq_state irq;
    struct events events;
    struct boot_path boot_path[BOARD_MAX_DISKS];
    unsigned nboot_paths;
    struct disk *disk[BOARD_MAX_DISKS];
    unsigned ndisks;

    void (*medium_seen)(void *ctx, const struct engine_medium *m); /* NULL: nobody wants to know; not state */
    void *medium_ctx;

    uint32_t epoch; /* counts from 1; each save that has a base ends one; not part of the state */
};

/* Reports what becomes of a medium, if somebody wants to know (engine_ops.media). It never changes the run. */
static inline void board_medium(const struct board *b, const struct engine_medium *m)
{
    if (b->medium_seen)
        b->medium_seen(b->medium_ctx, m);
}

#endif
