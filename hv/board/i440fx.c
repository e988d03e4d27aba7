/* i440fx.c - the host bridge: shadow RAM (PAM) and SMRAM.
 *
 * Source: Intel 440FX PCIset datasheet (82441FX), 3.2.18 PAM registers 59h-5Fh, 3.2.23 SMRAM register 72h.
 * Where DRAM is not enabled for a shadow range, reads of the last 128 KiB below 1 MiB return the end of the
 * BIOS, as on the PIIX3 boards. */
#include "hv/board/i440fx.h"
#include "hv/board/internal.h"
#include "traces/memory.h"

#include <string.h>

struct i440fx {
    struct board *board;
    struct pci_device pci;
    uint64_t smm_cpus; /* processors in system management mode, one bit each */
    uint8_t smram;     /* the register's value, which determines what a write may change */
    uint8_t pam[7];    /* derived: how the memory is mapped now */
    bool smram_open;   /* derived */
    bool mapped;       /* derived: pam[] and smram_open are valid */
};

static const struct field i440fx_fields[] = {
    FIELDS(struct i440fx, pci.config),
    FIELD(struct i440fx, smm_cpus),
    FIELD(struct i440fx, smram),
};

/* ---------------------------------------------------------------- shadow RAM */

struct pam_range {
    uint32_t start, size;
    uint8_t reg, shift;
};
/* Each register has two attribute nibbles: bit 0 sends reads to DRAM, bit 1 sends writes to DRAM. */
static const struct pam_range pam_ranges[] = {
    {0xf0000, 0x10000, 0, 4}, {0xc0000, 0x4000, 1, 0}, {0xc4000, 0x4000, 1, 4}, {0xc8000, 0x4000, 2, 0},
    {0xcc000, 0x4000, 2, 4},  {0xd0000, 0x4000, 3, 0}, {0xd4000, 0x4000, 3, 4}, {0xd8000, 0x4000, 4, 0},
    {0xdc000, 0x4000, 4, 4},  {0xe0000, 0x4000, 5, 0}, {0xe4000, 0x4000, 5, 4}, {0xe8000, 0x4000, 6, 0},
    {0xec000, 0x4000, 6, 4},
};

/* Maps a shadow range whose reads go to the bus: the BIOS where there is one. */
static void map_without_ram(struct board *b, const struct pam_range *r, bool write_ram)
{
    uint64_t rom_size = b->rom ? ramblock_size(b->rom) : 0;
    uint64_t below_top = 0x100000 - r->start;
    bool is_rom = r->start >= BIOS_LOW && below_top <= rom_size;
    struct ramblock *read = is_rom ? b->rom : NULL, *write = write_ram ? b->ram : NULL;
    if (read || write)
        physmem_map(b->mem, r->start, r->size, read, is_rom ? rom_size - below_top : 0, write,
                    write ? r->start : 0, !write_ram && is_rom);
    else
        physmem_unmap(b->mem, r->start, r->size);
}

static void map_range(struct board *b, const struct pam_range *r, unsigned attributes)
{
    if (attributes & 1)
        physmem_map(b->mem, r->start, r->size, b->ram, r->start, attributes & 2 ? b->ram : NULL, r->start,
                    !(attributes & 2));
    else
        map_without_ram(b, r, attributes & 2);
}

static void update_pam(struct i440fx *s)
{
    const uint8_t *now = s->pci.config + REG_PAM0;
    for (size_t i = 0; i < sizeof pam_ranges / sizeof pam_ranges[0]; i++) {
        const struct pam_range *r = &pam_ranges[i];
        unsigned old = s->pam[r->reg] >> r->shift & 3, new = now[r->reg] >> r->shift & 3;
        if (old != new || !s->mapped)
            map_range(s->board, r, new);
    }
    memcpy(s->pam, now, sizeof s->pam);
}

/* ---------------------------------------------------------------- SMRAM */

static void update_smram(struct i440fx *s)
{
    struct board *b = s->board;
    bool open = s->smram & SMRAM_ENABLE && (s->smram & SMRAM_OPEN || s->smm_cpus);
    if (open == s->smram_open && s->mapped)
        return;
    s->smram_open = open;
    if (open)
        physmem_map(b->mem, SMRAM_START, SMRAM_SIZE, b->ram, SMRAM_START, b->ram, SMRAM_START, false);
    else
        physmem_unmap(b->mem, SMRAM_START, SMRAM_SIZE);
}

void i440fx_smm(struct board *b, unsigned cpu, bool enter)
{
    struct i440fx *s = board_slot(b, SLOT_I440FX);
    if (enter)
        s->smm_cpus |= 1ull << cpu;
    else
        s->smm_cpus &= ~(1ull << cpu);
    update_smram(s);
}

/* The lock bit clears the open bit and locks the register until reset. */
static void write_smram(struct i440fx *s)
{
    uint8_t *reg = &s->pci.config[REG_SMRAM];
    if (s->smram & SMRAM_LOCK)
        *reg = (uint8_t)((s->smram & ~SMRAM_CLOSED) | (*reg & SMRAM_CLOSED));
    else if (*reg & SMRAM_LOCK)
        *reg &= (uint8_t)~SMRAM_OPEN;
    if (*reg & SMRAM_CLOSED)
        board_unhandled(s->board, "i440fx SMRAM D_CLS", REG_SMRAM, true, *reg);
    s->smram = *reg;
    update_smram(s);
}

/* ---------------------------------------------------------------- the chip */

static void written(void *ctx, unsigned reg, unsigned size)
{
    struct i440fx *s = ctx;
    if (reg < REG_PAM0 + 7 && reg + size > REG_PAM0)
        update_pam(s);
    if (reg <= REG_SMRAM && reg + size > REG_SMRAM)
        write_smram(s);
}

/* Maps memory according to the registers. Ranges that are already right are left alone, because mapping drops
 * decoded code. */
static void remap(struct i440fx *s)
{
    update_pam(s);
    update_smram(s);
    s->mapped = true;
}

static void reset(void *state)
{
    struct i440fx *s = state;
    memset(s->pci.config + 0x40, 0, 0xc0);
    s->pci.config[REG_SMRAM] = SMRAM_SEGMENT;
    s->smram = SMRAM_SEGMENT;
    s->smm_cpus = 0;
    remap(s);
}

static void loaded(void *state)
{
    remap(state);
}

int i440fx_create(struct board *b, struct error *err)
{
    struct i440fx *s = mem_zero(1, sizeof *s);
    s->board = b;
    pci_init(&s->pci, "i440fx", 0, 0x8086, 0x1237, 0x060000, 2, 0);
    s->pci.config[0x07] = 0x02; /* medium DEVSEL# */
    memset(s->pci.wmask + 0x40, 0xff, 0xc0);
    s->pci.wmask[REG_SMRAM] = 0x78;
    s->pci.ctx = s;
    s->pci.written = written;
    board_set_slot(b, SLOT_I440FX, s);
    board_add_chip(b, &(struct chip){.name = "i440fx",
                                     .fields = i440fx_fields,
                                     .nfields = FIELD_COUNT(i440fx_fields),
                                     .state = s,
                                     .reset = reset,
                                     .loaded = loaded});
    board_add_pci(b, &s->pci);
    return 0;
}
