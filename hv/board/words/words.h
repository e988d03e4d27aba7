/* words.h - describes accesses to registers in words: the format of a chip's table of names, and the
 * functions that turn it into text. Private to hv/board.
 *
 * Beside CHIP.c is CHIP_words.c, with one row per register that has its bits and the manual that names them,
 * and the little state needed to know which register an access goes to (index registers, flip-flops, base
 * addresses). Nothing here runs the machine: the text is made from events alone, so a trace can be explained
 * wherever it is read. The state is plain bytes, which can be copied and compared like any other state. */
#ifndef BOOTREEL_HV_BOARD_WORDS_WORDS_H
#define BOOTREEL_HV_BOARD_WORDS_WORDS_H

#include "core/engine/engine.h"
#include "hv/board/cards.h"
#include "hv/board/interrupts/ioapic.h"

/* ---------------------------------------------------------------- tables */

struct word_value {
    uint32_t value;
    const char *name; /* NULL ends a list */
};

/* A flag (mask of one bit) shows `name` when set and `clear` when not (nothing if that is NULL). A field
 * shows the name of its value if `values` has one, else `name` and the number: decimal, or hexadecimal if the
 * name ends with '#'. A mask of 0 ends a list. */
struct word_bits {
    uint32_t mask;
    const char *name, *clear;
    const struct word_value *values;
};

enum word_shown {
    SHOW_VALUE,   /* the bits if the row has some, else the value in hexadecimal */
    SHOW_DECIMAL, /* the value in decimal */
    SHOW_NAME,    /* only the name: the value has no meaning, or is data */
};
enum word_access { WORD_READ = 1, WORD_WRITE = 2, WORD_BOTH = 3 };

struct word_reg {
    uint32_t at;    /* port offset, memory offset or index */
    uint8_t access; /* enum word_access */
    const char *name;
    const struct word_bits *bits;
    const char *source; /* section or title in the chip's manual */
    uint8_t shown;      /* enum word_shown */
};

/* ---------------------------------------------------------------- texts */

struct words {
    char *buf;
    size_t size, n; /* n is the full length; text that does not fit is left out */
    /* The manual that names the last register described, or NULL, and the place in it. */
    const char *manual;
    const char *source;
    const char *chip; /* name to use instead of the table's chip, or NULL */
};

/* One access. */
struct access {
    uint64_t at; /* port, or physical address; a register number where a chip's function says so */
    uint64_t value;
    uint64_t count; /* how many accesses; `value` is that of the last */
    uint8_t size;
    bool write;
    uint8_t cpu;
};

__attribute__((format(printf, 2, 3))) void words_add(struct words *, const char *fmt, ...);
/* Adds "CHIP: " if there is no text yet, else "; ". */
void words_begin(struct words *, const char *chip, const char *manual);
/* Adds the bits that are set and the values of fields: " A B", ": one, other". Adds the value if there is
 * nothing to show. */
void words_bits(struct words *, const struct word_bits *, uint64_t value, unsigned size);
/* Adds "CHIP: NAME: …" from the row of register `at`; false if the table has no such row. */
bool words_register(struct words *, const char *chip, const char *manual, const struct word_reg *table,
                    size_t n, uint64_t at, const struct access *);
/* words_register for an access that may span several one-byte registers: each one that has a row is described. */
bool words_byte_registers(struct words *, const char *chip, const char *manual, const struct word_reg *table,
                          size_t n, uint64_t at, const struct access *);
/* Adds "CHIP: select register 0Fh (NAME)" for a write to an index register, without the name if the table has
 * no such row. */
void words_select(struct words *, const char *chip, const char *manual, const struct word_reg *table,
                  size_t n, uint64_t selected);
/* The row of a register, or NULL if there is none. */
const struct word_reg *words_row(const struct word_reg *table, size_t n, uint64_t at, bool write);
/* The name of a value, or NULL if it has none. */
const char *words_value(const struct word_value *, uint64_t value);
#define WORD_ROWS(table) (table), sizeof(table) / sizeof((table)[0])

/* ---------------------------------------------------------------- state */

struct pit_seen {
    uint8_t access[3];                   /* as in the control word; 0 if unknown */
    uint8_t high_write[3], high_read[3]; /* the next byte is the high one */
    uint8_t status[3];                   /* the next byte read is the status */
};
struct pic_seen {
    uint8_t icw;   /* the initialization word expected next: 2, 3, 4, or 0 for none */
    uint8_t icw4;  /* ICW4 is to come */
    uint8_t base;  /* vector of IR0 */
    uint8_t known; /* base was seen */
    uint8_t read_isr;
};
struct ide_seen {
    uint8_t command;
    uint8_t packet; /* bytes of a packet still to come */
    uint8_t unseen; /* the last access was a whole packet, of which only its last word is known */
};
struct fdc_seen {
    uint8_t command, pos, length; /* bytes of a command */
    uint8_t result;               /* bytes of the result read so far */
};
struct ps2_seen {
    uint8_t controller, keyboard, mouse; /* the command whose data byte comes next; 0 if none */
    uint8_t reply;                       /* the next byte is the controller's own */
    uint8_t from_mouse;                  /* according to the status read last */
};
struct vga_seen {
    uint8_t seq, gr, crtc, attr, attr_data, dac_part;
    uint8_t dac_read, dac_write;
    uint16_t vbe;
};
struct pci_seen {
    uint32_t address;
    uint32_t sizing;  /* one bit per base below: all ones were written, so the next read returns the size */
    uint32_t base[7]; /* by enum pci_base: as last seen in a configuration register; 0 if unknown */
};
enum pci_base {
    BASE_IDE,
    BASE_VGA_REGISTERS,
    BASE_PM,
    BASE_SMBUS,
    BASE_ICH9_PM,
    BASE_RCBA,
    BASE_ECAM, /* PCIEXBAR as it is */
};
/* A card, and where the guest has put its ranges. */
struct card_seen {
    uint8_t kind, devfn, index;
    uint8_t sizing;    /* one bit per BAR: all ones were written, so the next read returns the size */
    uint32_t bar[6];   /* as last seen in configuration space; 0 if unknown */
    uint8_t vector[4]; /* of its first MSI-X entries, as last written; 0 if unknown */
};
struct apic_seen {
    uint8_t select;
    uint8_t pin_vector[IOAPIC_PINS]; /* 0 if unknown */
    uint8_t pin_masked[IOAPIC_PINS];
    uint8_t lvt[8];       /* vectors of the local vector table, as last written by any processor */
    uint8_t ipi[256 / 8]; /* vectors that were sent */
};

struct board_seen {
    uint8_t direct; /* the firmware ran before the first event: a kernel is loaded directly */
    uint8_t cmos;   /* the selected register */
    bool domain;    /* an HVM domain of Xen */
    bool q35;       /* the board is a Q35 */
    uint8_t cmos_known;
    uint8_t dlab[4];
    uint8_t dma_high[2];
    uint16_t fw_cfg;
    struct pit_seen pit;
    struct pic_seen pic[2];
    struct ide_seen ide[2];
    struct fdc_seen fdc;
    struct ps2_seen ps2;
    struct vga_seen vga;
    struct pci_seen pci;
    struct apic_seen apic;
    uint8_t ncards;
    struct card_seen card[CARDS_MOST];
};

/* ---------------------------------------------------------------- the chips */

/* Describes an access and updates the state. False if there is no description. */
typedef bool chip_words_fn(struct board_seen *, const struct access *, struct words *);
chip_words_fn rtc_words, pit_words, pic_words, elcr_words, uart_words, ide_words, ide_dma_words, floppy_words,
    dma_words, ps2_words, port92_words, vga_words, vbe_words, pci_words, reset_words, coprocessor_words,
    apm_words, gpe_words, pm_words, smbus_words, fwcfg_words, debug_words, absent_words;
/* The local APIC's MSRs: `at` is the MSR's number. */
chip_words_fn lapic_msr_words;
/* For device memory: `at` is the offset in the device's range. */
chip_words_fn ioapic_words, lapic_words, hpet_words, vga_memory_words, vga_register_words;

/* A card's: `at` is the offset in its range. */
chip_words_fn ahci_words, ahci_port_words, e1000_words, e1000e_words, e1000e_msix_words, xhci_words,
    nvme_words, virtio_words, virtio_legacy_words, virtio_msix_words;
/* Its MSI-X table and pending bits, at these offsets of the range. */
bool msix_words(const struct access *, unsigned table, unsigned pending, struct words *);

/* ---- card_words.c ---- */
/* The cards of a configuration, or with NULL those of `old`, with no addresses known yet. */
void cards_seen_reset(struct board_seen *, const struct engine_config *, const struct board_seen *old);
/* The guest has accessed configuration register `reg` of a function. */
void cards_note_config(struct board_seen *, unsigned devfn, unsigned reg, const struct access *);
/* An access that may be to a range of a card. */
bool cards_words(struct board_seen *, const struct access *, bool io, struct words *);
/* The name of the card at a slot, "NVMe 0", or NULL. */
const char *card_name(const struct board_seen *, unsigned devfn, char buf[32]);
/* The name of the card whose MSI-X entry has the vector; false if none has. */
bool card_vector_words(const struct board_seen *, unsigned vector, struct words *);

/* Registers of PCI functions beyond the standard header: `at` is the offset in configuration space. */
chip_words_fn i440fx_pci_words, piix3_pci_words, ide_pci_words, acpi_pm_pci_words, mch_pci_words,
    ich9_pci_words, ich9_smbus_pci_words;
/* The host bridges' registers of shadow RAM and SMRAM, which are at these places. */
bool shadow_words(struct words *, const char *chip, const char *manual, unsigned pam_at, unsigned smram_at,
                  const struct access *);
/* The ICH9's ranges. */
chip_words_fn ich9_pm_words, ich9_rcba_words;
/* Configuration space in memory: `at` is the offset in the window. */
bool ecam_words(struct board_seen *, const struct access *, struct words *);

/* Appends the status that a command ended with: an IDE drive's, or the floppy controller's ST0. */
void ide_status_words(struct words *, uint8_t status);
void fdc_status_words(struct words *, uint8_t st0);
void nvme_status_words(struct words *, uint32_t status);
void scsi_status_words(struct words *, uint32_t status);
void virtio_blk_status_words(struct words *, uint32_t status);
/* What the drive's event tells of a command packet whose first byte is not known (engine_words.later). */
int ide_packet_later(const struct board_seen *, const struct event *ev, const struct event *next, char *buf,
                     size_t size);
/* Adds the name of a fw_cfg item. */
bool fwcfg_item_words(unsigned key, struct words *w);
/* The name of the device that drives ISA interrupt line 0-15 on this board. */
const char *irq_line_name(unsigned line);
/* The line that the 8259As deliver as `vector`, or -1 if unknown. */
int pic_line_of(const struct board_seen *, unsigned vector);
/* Describes an interrupt from the local APIC; false if its source is unknown. */
bool apic_vector_words(const struct board_seen *, unsigned vector, struct words *);
#endif
