/* chip.h - how to write a chip: what the board provides to chips. Private to hv/board.
 *
 * Each chip has one file, one struct and one field table. It is created once, registers its ports, memory,
 * timers and field table, and from then on only runs in callbacks. All of its mutable state is in the field
 * table (or in a ramblock); whatever is derived from that is recomputed in `loaded`. No chip knows host time;
 * guest time is board_now(). */
#ifndef BOOTREEL_HV_BOARD_CHIP_H
#define BOOTREEL_HV_BOARD_CHIP_H

#include "hv/board/board.h"

/* What the board stores for a chip; the chip's own struct is `state`. */
struct chip {
    const char *name; /* section name in snapshots, and in `info`: "pit", "uart0", "ide0" */
    const struct field *fields;
    size_t nfields;
    void *state;
    void (*reset)(void *state); /* power-on or hard reset. May be NULL */
    /* fields were replaced: recompute what is derived, but drive no lines. May be NULL */
    void (*loaded)(void *state);
    void (*destroy)(void *state); /* if NULL, free() is used */
};
/* The chip as the board stores it: with a flattened field table, which the board frees. */
static inline struct chip chip_flat(const struct chip *c)
{
    struct field_table flat = fields_flatten(c->fields, c->nfields);
    struct chip own = *c;
    own.fields = flat.fields;
    own.nfields = flat.n;
    return own;
}
/* Registers a chip; from then on the board owns `chip->state`. The struct chip is copied. */
void board_add_chip(struct board *, const struct chip *chip);

/* ---- ports and memory ---- */
typedef uint32_t port_in_fn(void *ctx, uint16_t port, unsigned size);
typedef void port_out_fn(void *ctx, uint16_t port, unsigned size, uint32_t value);
/* [first, first+count). Accesses of several bytes to a range whose handler is `bytewise` come as single
 * bytes, lowest first. A later registration of the same port wins. With a NULL handler, reads return all ones
 * and writes are ignored, and neither is reported as "unhandled". */
void board_ports(struct board *, uint16_t first, unsigned count, bool bytewise, void *ctx, port_in_fn *,
                 port_out_fn *);
/* Remove a range again. */
void board_ports_remove(struct board *, uint16_t first, unsigned count, void *ctx);
/* Moves a range, as I/O BARs do: *at is where it was, UINT64_MAX for nowhere, and becomes `to`. */
static inline void board_ports_move(struct board *b, uint64_t *at, uint64_t to, unsigned count, bool bytewise,
                                    void *ctx, port_in_fn *in, port_out_fn *out)
{
    if (*at != UINT64_MAX)
        board_ports_remove(b, (uint16_t)*at, count, ctx);
    *at = to;
    if (to != UINT64_MAX)
        board_ports(b, (uint16_t)to, count, bytewise, ctx, in, out);
}

typedef uint64_t mmio_read_fn(void *ctx, uint64_t offset, unsigned size);
typedef void mmio_write_fn(void *ctx, uint64_t offset, unsigned size, uint64_t value);
/* A region of device memory, with accesses of 1 to 8 bytes as the guest made them. Returns an id for
 * board_mmio_move(). It starts at `pa`, or unmapped if that is UINT64_MAX. */
unsigned board_mmio(struct board *, uint64_t pa, uint64_t size, void *ctx, mmio_read_fn *, mmio_write_fn *);
void board_mmio_move(struct board *, unsigned id, uint64_t pa);
/* The same for a BAR of a PCI function, not yet mapped: what the chipset has at an address comes first. */
unsigned board_mmio_bar(struct board *, uint64_t size, void *ctx, mmio_read_fn *, mmio_write_fn *);
/* Moves a BAR that is memory, all of `block`, from an address to another one; UINT64_MAX: none. RAM, firmware and
 * device memory that is always at its place come first. */
void board_bar_memory(struct board *, uint64_t from, uint64_t to, struct ramblock *block, bool rom);

/* ---- time ---- */
uint64_t board_now(const struct board *); /* guest time, ns since power-on; exact within callbacks */
/* How many ns more the next command of a drive takes, if that is varied (hv/vary). One call a command. */
uint64_t board_late(struct board *);
/* The date at which the clock starts, if that is varied; else NULL. */
const char *board_varied_date(const struct board *);
#define TIMER_OFF UINT64_MAX
/* Embedded in a chip's struct. `deadline` belongs in the chip's field table: FIELD(struct pit,
 * tick.deadline). */
struct timer {
    uint64_t deadline;       /* guest time in ns, or TIMER_OFF */
    void (*fire)(void *ctx); /* called once guest time ≥ deadline; deadline is TIMER_OFF by then */
    void *ctx;
};
/* Timers due at the same time fire in the order of registration. */
void board_timer(struct board *, struct timer *, void (*fire)(void *ctx), void *ctx);
void timer_set(struct board *, struct timer *, uint64_t deadline);
void timer_stop(struct board *, struct timer *);
/* a * b / c without overflow, rounded down (or up), for clock conversions. */
static inline uint64_t muldiv64(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t ab;
    return __builtin_mul_overflow(a, b, &ab) ? (uint64_t)((unsigned __int128)a * b / c) : ab / c;
}
static inline uint64_t muldiv64_up(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t ab;
    return __builtin_mul_overflow(a, b, &ab) || ab > UINT64_MAX - c
               ? (uint64_t)(((unsigned __int128)a * b + c - 1) / c)
               : (ab + c - 1) / c;
}

/* ---- interrupts ---- */
/* An ISA interrupt line or I/O APIC pin 0-23 (0 is routed to pin 2 as well, as on PCs): sets the level. Each
 * source has its own line. */
void board_irq(struct board *, unsigned line, bool level);
/* PCI INTx of a function, pin 0-3; it passes through the ISA bridge's routing. */
void board_pci_irq(struct board *, unsigned devfn, unsigned pin, bool level);
void board_smi(struct board *);

/* ---- the machine ---- */
/* `how` is the text for the event: "port 92h". The reset takes place after the current instruction. */
void board_request_reset(struct board *, const char *how);
void board_power_off(struct board *, int status, const char *how);
/* Ask for S3, and end it. */
void board_request_sleep(struct board *);
void board_wake(struct board *, const char *how);
void board_set_a20(struct board *, bool on);

/* ---- configuration: settings and images by role ---- */
const struct engine_config *board_config(const struct board *);
/* Memory below 4 GiB, and above it. */
uint64_t board_ram_low(const struct board *);
uint64_t board_ram_high(const struct board *);
/* Report that an image could not be read (the run stops with a guest fault that says so). */
void board_image_error(struct board *, const struct error *);

/* ---- reporting, besides board_event(). It never changes the run. Chips report whether or not anything is observed: leaving events
 * out would change their series ---- */
/* The guest has read a register that says whether something has come from outside, or what time it is. */
void board_polled_input(struct board *);
void board_polled_timer(struct board *);
/* Report a byte sent to a console device (EV_CONSOLE_LINE numbers: 0-3 serial, 8 screen, 9 debug port). The
 * board assembles the lines. */
void board_console(struct board *, unsigned device, uint8_t byte);
/* Report something that a chip does not implement: `what` names it ("ide0 command"), `number` the command or
 * register. */
void board_unhandled(struct board *, const char *what, uint64_t number, bool write, uint64_t value);

/* Where firmware finds the drive of a role: its Open Firmware device path, as in fw_cfg's bootorder. Set
 * while the board is built. */
__attribute__((format(printf, 3, 4))) void board_boot_path(struct board *, const char *role, const char *form,
                                                           ...);
/* The path, or NULL if it has none. */
const char *board_boot_path_of(const struct board *, const char *role);
/* The guest has read a drive's boot record, at `lba`: notify the machine, and report it. */
void board_boot_sector(struct board *, unsigned drive, uint64_t lba);

#endif
