/* words.h - what an access to a register means, in words: how a chip's table of names is written, and how it
 * becomes a text. Private to hv/board.
 *
 * Beside CHIP.c is CHIP_words.c: a row a register, with its bits and the manual that names them, and the
 * little that has to be remembered to know which register an access goes to (index registers, flip-flops,
 * base addresses). Nothing here runs the machine: words are made from events alone, so that a trace can be
 * explained wherever it is read. What is remembered is plain bytes, to be copied and compared like any other
 * state. */
#ifndef BOOTREEL_HV_BOARD_WORDS_H
#define BOOTREEL_HV_BOARD_WORDS_H

#include "core/engine.h"

/* ---------------------------------------------------------------- tables */

struct word_value {
    uint32_t value;
    const char *name; /* NULL ends a list */
};

/* A flag (one bit of mask) shows `name` while it is set, `clear` while it is not (NULL: nothing). A field
 * shows the name of its value, if `values` has one, else `name` and its number: decimal, or hexadecimal if
 * the name ends with '#'. A mask of 0 ends a list. */
struct word_bits {
    uint32_t mask;
    const char *name, *clear;
    const struct word_value *values;
};

enum word_shown {
    SHOW_VALUE,   /* bits if the row has some, else the value, hexadecimal */
    SHOW_DECIMAL, /* the value, decimal */
    SHOW_NAME,    /* nothing but the name: what is read means nothing, or is data */
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
    size_t size, n;     /* n: the full length; what does not fit is left out */
    const char *manual; /* that names the register last told, or NULL; and the place in it */
    const char *source;
    const char *chip; /* to be said in place of the table's chip; NULL */
};

/* One access, in words or to be remembered. */
struct access {
    uint64_t at; /* port, or physical address; for a chip's function: its register, where it says so */
    uint64_t value;
    uint64_t count; /* how often, with `value` the last time */
    uint8_t size;
    bool write;
    uint8_t cpu;
};

__attribute__((format(printf, 2, 3))) void words_add(struct words *, const char *fmt, ...);
/* "CHIP: ", if nothing was said so far, else "; ". */
void words_begin(struct words *, const char *chip, const char *manual);
/* The bits that are set and the values of fields: " A B", ": such, so". What has nothing to show: its
 * value. */
void words_bits(struct words *, const struct word_bits *, uint64_t value, unsigned size);
/* "CHIP: NAME: …" by the row of register `at`; false: the table has no such row. */
bool words_register(struct words *, const char *chip, const char *manual, const struct word_reg *table,
                    size_t n, uint64_t at, const struct access *);
/* The same for an access that may span registers of one byte each: every one that has a row is told. */
bool words_byte_registers(struct words *, const char *chip, const char *manual, const struct word_reg *table,
                          size_t n, uint64_t at, const struct access *);
/* The row of a register; NULL: none. */
const struct word_reg *words_row(const struct word_reg *table, size_t n, uint64_t at, bool write);
/* The name of a value; NULL: none. */
const char *words_value(const struct word_value *, uint64_t value);
#define WORD_ROWS(table) (table), sizeof(table) / sizeof((table)[0])

/* ---------------------------------------------------------------- what is remembered */

struct pit_seen {
    uint8_t access[3];                   /* as in the control word; 0: not known */
    uint8_t high_write[3], high_read[3]; /* the next byte is the high one */
    uint8_t status[3];                   /* the next byte read is the status */
};
struct pic_seen {
    uint8_t icw;   /* the initialization word expected next: 2, 3, 4, or 0 */
    uint8_t icw4;  /* ICW4 is to come */
    uint8_t base;  /* vector of IR0 */
    uint8_t known; /* base was seen */
    uint8_t read_isr;
};
struct ide_seen {
    uint8_t unit, command;
    uint8_t packet; /* words of a packet that are still to come */
};
struct fdc_seen {
    uint8_t command, pos, length; /* bytes of a command */
    uint8_t result;               /* bytes of the result that were read */
};
struct ps2_seen {
    uint8_t controller, keyboard, mouse; /* the command whose data byte comes next; 0: none */
    uint8_t reply;                       /* a byte of the controller's own comes next */
    uint8_t from_mouse;                  /* by the status that was read last */
};
struct vga_seen {
    uint8_t seq, gr, crtc, attr, attr_data, dac_part;
    uint8_t dac_read, dac_write;
    uint16_t vbe;
};
struct pci_seen {
    uint32_t address;
    uint32_t sizing;  /* a bit a base below: all ones were written, what is read is the size */
    uint32_t base[4]; /* enum pci_base: as it was last seen in a configuration register; 0: not known */
};
enum pci_base { BASE_IDE, BASE_VGA_REGISTERS, BASE_PM, BASE_SMBUS };
struct apic_seen {
    uint8_t select;
    uint8_t pin_vector[24]; /* 0: not known */
    uint8_t pin_masked[24];
    uint8_t lvt[8];       /* vectors of the local vector table, as last written by any processor */
    uint8_t ipi[256 / 8]; /* vectors that were sent */
};

struct board_seen {
    uint8_t direct; /* the firmware ran before the first event: a kernel is loaded directly */
    uint8_t cmos;   /* the selected register */
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
};

/* ---------------------------------------------------------------- the chips */

/* Tells an access and takes note of it. False: no words. */
typedef bool chip_words_fn(struct board_seen *, const struct access *, struct words *);
chip_words_fn rtc_words, pit_words, pic_words, elcr_words, uart_words, ide_words, ide_dma_words, floppy_words,
    dma_words, ps2_words, port92_words, vga_words, vbe_words, pci_words, reset_words, coprocessor_words,
    apm_words, gpe_words, pm_words, smbus_words, fwcfg_words, debug_words, absent_words;
/* Of memory: `at` is the offset in the device's range. */
chip_words_fn ioapic_words, lapic_words, hpet_words, vga_memory_words, vga_register_words;

/* Registers of PCI functions beyond the standard header: `at` is the offset in configuration space. */
chip_words_fn i440fx_pci_words, piix3_pci_words, ide_pci_words, acpi_pm_pci_words;

/* Appends the status that a command ended with: of an IDE drive, ST0 of the floppy controller. */
void ide_status_words(struct words *, uint8_t status);
void fdc_status_words(struct words *, uint8_t st0);
/* What an item of fw_cfg is. */
bool fwcfg_item_words(unsigned key, struct words *w);
/* What drives ISA interrupt line 0-15 of this board. */
const char *irq_line_name(unsigned line);
/* Line that the 8259As deliver as a vector; -1: not known. */
int pic_line_of(const struct board_seen *, unsigned vector);
/* What an interrupt from the local APIC is; false: not known. */
bool apic_vector_words(const struct board_seen *, unsigned vector, struct words *);
#endif
