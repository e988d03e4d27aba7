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
/* The clock's alarm: wakes the board if it may (PM1_EN). */
void acpi_rtc_alarm(struct board *);
/* S3 begins: the clock goes on, but of its interrupts only the alarm's stays enabled, and the CMOS's shutdown
 * byte says that the next reset is a resume. */
void rtc_suspend(struct board *);
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

/* ---- disk content: the image with an overlay of what the guest wrote, in its own snapshot region ---- */
struct disk;
/* `role` is "disk0", "cdrom" or "floppy0". NULL if there is no such image. */
struct disk *board_disk(struct board *, const char *role);
uint64_t disk_size(const struct disk *);
/* Any bytes within the size, aligned or not. Returns -1 after board_image_error(), and if the machine's variation has an error there: then
 * nothing is read, and disk_bad() is the offset of the sector. A drive ends its command as with a sector that it cannot read. */
int disk_read(struct disk *, uint64_t offset, void *buf, size_t n);
uint64_t disk_bad(const struct disk *); /* right after disk_read() or disk_verify() returned -1 */
/* Returns -1 if a read of these bytes would, and counts as one. */
int disk_verify(struct disk *, uint64_t offset, uint64_t n);
int disk_write(struct disk *, uint64_t offset, const void *buf, size_t n);
/* Makes the bytes zeros, as a drive does with blocks that it is told to forget. Costs little memory, however many there are. */
int disk_zero(struct disk *, uint64_t offset, uint64_t n);
/* The drive's promise that what was written to these bytes survives a loss of power: by the present write, which has FUA or goes to a drive
 * whose write cache is off; or by all writes so far. Without it a write may be lost, or done after later ones. See engine_ops.media. */
void disk_through(struct disk *, uint64_t offset, uint64_t n);
void disk_flush(struct disk *, uint64_t offset, uint64_t n);
void disk_flush_all(struct disk *);
/* Where firmware finds the drive of a role: its Open Firmware device path, as in fw_cfg's bootorder. Set
 * while the board is built. */
__attribute__((format(printf, 3, 4))) void board_boot_path(struct board *, const char *role, const char *form,
                                                           ...);
/* The path, or NULL if it has none. */
const char *board_boot_path_of(const struct board *, const char *role);
/* The guest has read a drive's boot record, at `lba`: notify the machine, and report it. */
void board_boot_sector(struct board *, unsigned drive, uint64_t lba);

/* ---- PCI (pci.c) ---- */
struct pci_bar {
    uint32_t size; /* power of two, or 0 if there is no BAR */
    bool io;
    bool prefetch;
    bool wide; /* of 64 bits: its upper half takes the place of the next BAR, which must be left empty */
    /* The BAR is now decoded at `base`, or no longer decoded (base UINT64_MAX). */
    void (*map)(void *ctx, unsigned bar, uint64_t base);
};
struct pci_device {
    const char *name;
    uint8_t devfn;
    uint8_t config[256]; /* belongs in the chip's field table: FIELDS(struct x, pci.config) */
    uint8_t wmask[256];  /* writable bits */
    uint8_t w1c[256];    /* write-1-to-clear bits */
    struct pci_bar bar[6];
    struct pci_bar rom;      /* bar number 6 */
    uint64_t mapped[7];      /* derived: where each is mapped now */
    uint8_t last_capability; /* where the list of capabilities ends; 0: there are none */
    uint8_t power, express;  /* where these capabilities are (express.h); 0: there is none */
    void *ctx;
    /* Before config bytes [reg, reg+size) are read by the guest, which may change them; may be NULL. */
    void (*reading)(void *ctx, unsigned reg, unsigned size);
    /* After config bytes [reg, reg+size) were written by the guest; may be NULL. */
    void (*written)(void *ctx, unsigned reg, unsigned size);
};
/* Standard header: ids, class (24 bits), header type, command register's writable bits, interrupt pin (1-4, 0
 * none). */
void pci_init(struct pci_device *, const char *name, unsigned devfn, uint16_t vendor, uint16_t device,
              uint32_t class_code, uint8_t revision, uint8_t pin);
/* Adds a capability of `size` bytes at `offset` (a multiple of 4, 40h or more) to the end of the list (PCI
 * Local Bus Specification 3.0, 6.7); its registers are the caller's to fill. */
void pci_add_capability(struct pci_device *, uint8_t id, unsigned offset);
/* On bus 0. The device must outlive the board. The bus resets the command register, BARs and interrupt
 * line. */
void board_add_pci(struct board *, struct pci_device *);
/* Resets what a function's configuration space holds, as the bus does. */
void pci_reset_function(struct board *, struct pci_device *);
/* Map the BARs again after a chip's fields were loaded. */
void pci_loaded(struct board *, struct pci_device *);

/* ---- creation: one function per chip, in the order in which chips.c lists them ---- */
int pflash_create(struct board *,
                  struct error *); /* with images "pflash0" and "pflash1": firmware in flash chips */
int pci_host_create(struct board *, struct error *); /* bus 0 */
int i440fx_create(struct board *, struct error *);   /* host bridge with PAM and SMRAM */
int mch_create(struct board *,
               struct error *); /* the same of the Q35, with configuration space in memory and TSEG */
int piix3_create(struct board *, struct error *); /* ISA bridge: PIRQ routing, reset control cf9h */
int ich9_create(struct board *,
                struct error *); /* LPC bridge: the same, root complex registers, power management, TCO */
int ich9_smbus_create(struct board *, struct error *);
int pic_create(struct board *, struct error *); /* two 8259A */
int pit_create(struct board *, struct error *); /* 8254, port 61h speaker gate */
int ioapic_create(struct board *, struct error *);
int lapic_create(struct board *, unsigned cpu, struct error *);
int hpet_create(struct board *, struct error *);
int rtc_create(struct board *, struct error *);                  /* MC146818 and CMOS memory sizes */
int ps2_create(struct board *, struct error *);                  /* 8042, keyboard, mouse; port 92h */
int uart_create(struct board *, unsigned index, struct error *); /* 16550A at 3f8, 2f8, 3e8, 2e8 */
int ide_create(struct board *, struct error *); /* PIIX3 IDE, two channels, disks and ATAPI, bus-master DMA */
int cards_paths(struct board *,
                struct error *); /* where firmware finds their drives: before fwcfg_create() */
int cards_create(struct board *,
                 struct error *); /* the PCI cards that the configuration asks for (cards.h) */
struct card;
int ahci_create(struct board *, const struct card *, struct error *);
int nvme_create(struct board *, const struct card *, struct error *);
int xhci_create(struct board *, const struct card *, struct error *);
/* The port of the first drive on USB. */
unsigned xhci_first_drive(const struct engine_config *);
/* Passes input on to a device on USB; *taken gets how many bytes it took. False if the guest uses no USB
 * device for this port. */
bool xhci_input(struct board *, enum input_port port, const uint8_t *data, uint32_t n, uint32_t *taken);
int virtio_scsi_create(struct board *, const struct card *, struct error *);
int virtio_blk_create(struct board *, const struct card *, struct error *);
int virtio_rng_create(struct board *, const struct card *, struct error *);
int virtio_console_create(struct board *, const struct card *, struct error *);
/* Passes on what is typed at the virtio console; returns how many bytes the driver had room for. */
uint32_t virtio_console_input(struct board *, const uint8_t *data, uint32_t n);
int virtio_net_create(struct board *, const struct card *, struct error *);
int virtio_9p_create(struct board *, const struct card *, struct error *);
int e1000_create(struct board *, const struct card *, struct error *);
int e1000e_create(struct board *, const struct card *, struct error *);
/* A frame for a network card: n if it is done with (taken, or not for it), 0 if there is no room for it now (nic.c). */
uint32_t nic_input(struct board *, unsigned number, const uint8_t *frame, uint32_t n);
/* Reports what has happened to a frame on its way to a card; `text` says it in words. Returns n. */
uint32_t nic_note(struct board *, unsigned number, const uint8_t *text, uint32_t n);
/* Reports the line of the virtio console that is not complete. */
void virtio_console_flush(struct board *);
int floppy_create(struct board *, struct error *); /* 82077AA and the ISA DMA controllers it needs (dma.c) */
int dma_create(struct board *, struct error *);    /* two 8237A with page registers */
int vga_create(struct board *, struct error *);
int fwcfg_create(struct board *, struct error *);
/* PIIX4 power management: PM timer, SCI, SMI command, sleep; GPE */
int acpi_pm_create(struct board *, struct error *);
int debug_ports_create(struct board *, struct error *); /* 402h, e9h, 80h, f4h isa-debug-exit */
/* xen_host.c: with an image "hvmloader", Xen and its platform device; otherwise nothing */
int xen_host_create(struct board *, struct error *);

/* ISA DMA for the floppy: transfer up to n bytes on a channel; returns bytes moved, *tc true at terminal
 * count. */
unsigned dma_transfer(struct board *, unsigned channel, void *buf, unsigned n, bool to_memory, bool *tc);

/* Input passed on by board.c. Each returns the number of bytes accepted. */
uint32_t uart_input(struct board *, unsigned index, const uint8_t *data, uint32_t n);
uint32_t ps2_input(struct board *, enum input_port port, const uint8_t *data, uint32_t n);
void acpi_power_button(struct board *);
size_t vga_screen_text(struct board *, char *buf, size_t size);

/* Between the interrupt controllers. */
void pic_set(struct board *, unsigned line, bool level);
void ioapic_set(struct board *, unsigned pin, bool level);
/* True if some pin, or some LINT0, is unmasked and sends NMI, SMI or INIT. */
bool ioapic_sends_nmi(const struct board *);
bool lapic_lint0_sends_nmi(const struct board *);
void ioapic_eoi(struct board *, uint8_t vector);
/* Whether the I/O APIC passes the PIC's INTR on to the local APIC of that id: "virtual wire" by its pin 0, to which it
 * is wired in a domain of Xen (__vlapic_accept_pic_intr() in xen/arch/x86/hvm/vlapic.c). hvmloader sets it up. */
bool ioapic_passes_pic(const struct board *, uint8_t id);
uint8_t pic_acknowledge(struct board *);
bool pic_output(struct board *);
/* Deliver an interrupt message: dest, mode and trigger as in an I/O APIC redirection entry's fields. */
void lapic_message(struct board *, uint8_t dest, bool logical, unsigned delivery, uint8_t vector,
                   bool level_triggered);
/* A write of `data` to FEExxxxxh: a message signalled interrupt (SDM volume 3, 10.11). */
void lapic_msi(struct board *, uint64_t address, uint32_t data);
/* The board's NMI source: LINT1 of every local APIC, or the processor's pin while its APIC is off; held back
 * by port 70h bit 7. */
void lapic_nmi(struct board *);
bool rtc_nmi_masked(struct board *);
/* What the clock says at guest time 0: seconds since 1970. */
int64_t rtc_power_on_time(struct board *);
/* HPET legacy replacement: whether the PIT drives IRQ 0, and the RTC IRQ 8. While disabled, the chip drives
 * its line low. */
void pit_irq_enable(struct board *, bool on);
void rtc_irq_enable(struct board *, bool on);
/* INIT# of all processors. */
void lapic_init_all(struct board *);
/* The PIC's INTR line changed: LINT0 in ExtINT mode, or straight through while the APIC is off. */
void lapic_pic_line(struct board *, bool level);
/* For the processor's bus: acknowledge, registers in MSRs (IA32_APIC_BASE), TPR. */
uint8_t lapic_acknowledge(struct board *, unsigned cpu, unsigned *source);
bool lapic_rdmsr(struct board *, unsigned cpu, uint32_t msr, uint64_t *value);
bool lapic_wrmsr(struct board *, unsigned cpu, uint32_t msr, uint64_t value);
uint64_t lapic_get_tpr(struct board *, unsigned cpu);
void lapic_set_tpr(struct board *, unsigned cpu, uint64_t cr8);
/* The vector by which Xen tells a processor of events, or -1; it is acknowledged before any of the local APIC's.
 * An interrupt of any kind ends a processor's waiting in a hypercall. */
int xen_host_upcall(struct board *, unsigned cpu);
int xen_host_acknowledge(struct board *, unsigned cpu);
/* intr_delay.c: whether a processor's INTR line, which is to have this level, is held back for a while; then lapic_update() follows. */
bool intr_delayed(struct board *, unsigned cpu, bool level);
int intr_delay_create(struct board *, struct error *); /* nothing unless interrupts are varied */
/* Recomputes the processor's INTR line. */
void lapic_update(struct board *, unsigned cpu);
uint64_t lapic_mmio_read(struct board *, unsigned cpu, uint64_t offset, unsigned size);
void lapic_mmio_write(struct board *, unsigned cpu, uint64_t offset, unsigned size, uint64_t value);

/* Slots in which the board keeps the chips' state, for chips to find it. */
enum chip_slot {
    SLOT_PCI,
    SLOT_SHADOW,
    SLOT_MCH,
    SLOT_PIC,
    SLOT_PIT,
    SLOT_IOAPIC,
    SLOT_HPET,
    SLOT_RTC,
    SLOT_PS2,
    SLOT_IDE,
    SLOT_FLOPPY,
    SLOT_DMA,
    SLOT_VGA,
    SLOT_FWCFG,
    SLOT_ACPI,
    SLOT_DEBUG,
    SLOT_XEN,
    SLOT_XHCI,
    SLOT_CONSOLE,
    SLOT_INTR_DELAY,
    SLOT_NIC0,
    SLOT_NIC_LAST = SLOT_NIC0 + ENGINE_NICS - 1,
    SLOT_SHARE0,
    SLOT_SHARE_LAST = SLOT_SHARE0 + ENGINE_SHARES - 1,
    SLOT_UART0,
    SLOT_UART3 = SLOT_UART0 + 3,
    SLOT_LAPIC0,
    SLOT_LAPIC_LAST = SLOT_LAPIC0 + 63,
    SLOT_COUNT
};
void *board_slot(const struct board *, enum chip_slot);
void board_set_slot(struct board *, enum chip_slot, void *state);

#endif
