/* internal.h - the board's own struct. For the files that implement the board itself and its bridges, and for chips that belong to the
 * board as a whole (ACPI, firmware configuration, SMBIOS, shadow memory). Other chips use chip.h. */
#ifndef BOOTREEL_HV_BOARD_INTERNAL_H
#define BOOTREEL_HV_BOARD_INTERNAL_H

#include "hv/board/board.h"
#include "hv/board/chip.h"

enum {
    BOARD_MAX_CHIPS = 145,
    BOARD_MAX_TIMERS = 161,
    BOARD_MAX_MMIO = 64,
    BOARD_MAX_HANDLERS = 128,
    BOARD_MAX_DISKS = 32,
};

/* ---- bus.c ---- */

struct board_cpu {
    struct board *board;
    unsigned index;
    struct x86 *x86;
    struct x86_bus bus;
};

/* When the access that a processor is making takes place. That is one step, so the host is asked once. */
struct moment {
    bool known; /* there is one */
    uint64_t icount, time;
};

/* A registered range of ports; the port table holds its index + 1. */
struct port_handler {
    void *ctx;
    port_in_fn *in;
    port_out_fn *out;
    bool bytewise;
};

#define FOUR_GIB 0x100000000ull

struct mmio_region {
    uint64_t pa, size;
    bool fixed; /* it never moves */
    bool bar;   /* of a PCI function: it gives way to the others */
    void *ctx;
    mmio_read_fn *read;
    mmio_write_fn *write;
};

/* ---- cost.c ---- */

/* Guest time in ns that an access takes beyond its step. */
uint64_t cost_of_port(uint16_t port, unsigned size);
uint64_t cost_of_memory_read(uint64_t pa, unsigned size);

/* ---- bus.c ---- */

/* Fill a processor's bus callbacks. */
void bus_init(struct board_cpu *, struct board *, unsigned index);
/* A port access as a processor would make it, but without events. *handled is false if nothing answered. */
uint32_t bus_port_read(struct board *, uint16_t port, unsigned size, bool *handled);
void bus_port_write(struct board *, uint16_t port, unsigned size, uint32_t value, bool *handled);
/* A write to device memory (not a local APIC), without events. Returns false if nothing answered. */
bool bus_device_write(struct board *, uint64_t pa, unsigned size, uint64_t value);
/* Linear address of the active processor's current instruction; 0 outside a bus callback. */
uint64_t bus_ip(const struct board *);

/* ---- events.c ---- */

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

/* ---- irq.c ---- */

enum { PIRQS = 8 };

struct irq_state {
    uint32_t isa;         /* line levels as driven by the chips */
    uint8_t intx[256];    /* by devfn, one bit per pin */
    uint8_t route[PIRQS]; /* derived: to which line the ISA bridge routes each PIRQ; 16 and up: to none */
    uint8_t pirq[32][4];  /* derived: the PIRQ (0 = A) of each slot's pins */
    uint8_t npirqs;       /* of this board */
    bool pirq_inputs;     /* each PIRQ also has an input of the I/O APIC, from 16 on */
    uint64_t driven;      /* derived: the levels last passed to the interrupt controllers */
};
/* Called once the board is built. pirq: the PIRQ that each slot's pins are wired to. */
void irq_wire(struct board *, const uint8_t pirq[32][4], unsigned npirqs, bool inputs);
/* The wiring, or the bridge's routing registers (one for each PIRQ; bit 7: not routed) were written. */
void irq_route(struct board *, const uint8_t *route);
/* Takes the routing over after a load; no line is driven again. */
void irq_loaded(struct board *, const uint8_t *route);
void irq_reset(struct board *);

/* ---- disk.c ---- */

/* Save the pages changed in epoch `since` or later; with 0, all. */
void disks_save(struct board *, const struct snapshot_sink *, uint32_t since);
int disks_load(struct board *, const struct snapshot_source *, struct error *);
void disk_destroy(struct disk *);

struct boot_path {
    char role[16], path[96];
};

/* ---- chips.c ---- */

/* Creates the chips of the board's kind. */
int board_create_chips(struct board *, struct error *);

/* The next choice of a kind, at the step that is being made. */
uint64_t board_vary(struct board *, enum vary_kind);
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

/* ---- shadow.c, mch.c, pci.c, direct.c ---- */

/* SMRAM opens or closes as a processor enters or leaves system management mode. */
void board_smm(struct board *, unsigned cpu, bool enter);
/* The PAM registers, which S3 keeps: a firmware goes on in shadow RAM. */
enum { SHADOW_PAM = 7 };
void shadow_keep(struct board *, uint8_t pam[SHADOW_PAM]);
void shadow_restore(struct board *, const uint8_t pam[SHADOW_PAM]);
/* Where configuration space is mapped, or 0. */
uint32_t mch_ecam(struct board *);
/* Configuration space as through CF8h/CFCh, size 1, 2 or 4, not crossing a dword. */
uint32_t pci_config_read(struct board *, unsigned devfn, unsigned reg, unsigned size);
void pci_config_write(struct board *, unsigned devfn, unsigned reg, unsigned size, uint32_t value);
/* Configuration space through memory (ECAM). `offset`: the register in bits 0-11, the function in bits 12-19,
 * the bus above. */
uint32_t pci_express_read(struct board *, uint32_t offset, unsigned size);
void pci_express_write(struct board *, uint32_t offset, unsigned size, uint32_t value);
struct pci_device *pci_function(struct board *, unsigned devfn);
/* RAM and reserved ranges as in fw_cfg's etc/e820: only those that the hardware itself determines. */
size_t board_e820_ram(struct board *, struct e820_entry *, size_t max);

/* acpi_pm.c: address of the power management registers, or if they are not mapped yet, where the board's own
 * firmware puts them. */
uint32_t acpi_pm_base(struct board *);
/* What power management keeps during S3: what wakes the board, and where its ports are. */
struct pm_kept {
    uint16_t may_wake; /* of PM1_EN */
    uint8_t base[4], on;
};
void acpi_keep(struct board *, struct pm_kept *);
void acpi_restore(struct board *, const struct pm_kept *);

/* ---- xen_host.c: the hypervisor's side of the processors' bus; nothing without a domain ---- */

bool xen_host_wanted(const struct board *);
/* How many bytes of guest-physical addresses it needs above all RAM. */
uint64_t xen_host_above_ram(const struct board *);
void xen_host_hypercall(struct board *, unsigned cpu);
void xen_host_cpuid(struct board *, unsigned cpu, uint32_t leaf, uint32_t subleaf, uint32_t result[4]);
bool xen_host_rdmsr(struct board *, uint32_t msr, uint64_t *value);
bool xen_host_wrmsr(struct board *, unsigned cpu, uint32_t msr, uint64_t value);
/* PCI functions have moved in the memory map. */
void xen_host_remap(struct board *);
void xen_host_flush(struct board *);

/* ---- what fw_cfg provides ---- */

/* A growing, zeroed byte buffer. Growing invalidates pointers into it. */
struct blob {
    uint8_t *data;
    size_t size, room;
};
/* Append n bytes (zeroes if data is NULL); returns their offset. */
size_t blob_add(struct blob *, const void *data, size_t n);
/* Writes a little-endian number of `width` bytes at an existing offset. */
void blob_set(struct blob *, size_t offset, unsigned width, uint64_t value);
void blob_free(struct blob *);

struct acpi_fixup {
    bool in_rsdp;    /* the place is in the RSDP, else in the tables */
    bool checksum;   /* else a pointer to `start` in the tables */
    uint32_t offset; /* of the pointer or the checksum byte */
    uint32_t width;  /* of a pointer */
    uint32_t start, length;
};
struct acpi_tables {
    struct blob tables; /* "etc/acpi/tables": offsets where the pointers will be */
    struct blob rsdp;   /* "etc/acpi/rsdp" */
    struct acpi_fixup fixup[48];
    unsigned nfixups;
};
/* Builds the tables for the current state of the chips; their length does not depend on it. */
void acpi_tables_build(struct board *, struct acpi_tables *);
void acpi_tables_free(struct acpi_tables *);
/* The linker/loader script "etc/table-loader" for them. */
void acpi_loader_script(const struct acpi_tables *, struct blob *);
/* Structures and entry point; with `bios` a BIOS information structure as well (SeaBIOS adds its own). */
void smbios_build(struct board *, bool bios, struct blob *structures, struct blob *anchor);

#endif
