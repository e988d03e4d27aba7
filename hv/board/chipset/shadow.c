/* shadow.c - see shadow.h.
 *
 * Source: Intel 440FX PCIset datasheet (82441FX), 3.2.18 PAM registers 59h-5Fh, 3.2.23 SMRAM register 72h; Intel 3 Series Express Chipset
 * datasheet (316966), 5.1.22 PAM0, 5.1.29 SMRAM: the same bits at other places. Where DRAM is not enabled for a shadow range, reads of the
 * last 128 KiB below 1 MiB return the end of the BIOS, as on the PIIX3 boards. */
#include "hv/board/chipset/memory_map.h"
#include "hv/board/pci/function.h"
#include "hv/board/slots.h"
#include "hv/board/chipset/shadow.h"
#include "hv/board/internal.h"

#include <string.h>

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

static void update_pam(struct shadow *s)
{
    const uint8_t *now = s->pci->config + s->pam_at;
    for (size_t i = 0; i < sizeof pam_ranges / sizeof pam_ranges[0]; i++) {
        const struct pam_range *r = &pam_ranges[i];
        unsigned old = s->pam[r->reg] >> r->shift & 3, new = now[r->reg] >> r->shift & 3;
        if (old != new || !s->mapped)
            map_range(s->board, r, new);
    }
    memcpy(s->pam, now, sizeof s->pam);
}

/* ---------------------------------------------------------------- SMRAM */

bool shadow_visible(const struct shadow *s)
{
    return s->smram & SMRAM_ENABLE && (s->smram & SMRAM_OPEN || s->smm_cpus);
}

static void update_smram(struct shadow *s)
{
    struct board *b = s->board;
    bool open = shadow_visible(s);
    if (open == s->smram_open && s->mapped)
        return;
    s->smram_open = open;
    if (open)
        physmem_map(b->mem, SMRAM_START, SMRAM_SIZE, b->ram, SMRAM_START, b->ram, SMRAM_START, false);
    else
        physmem_unmap(b->mem, SMRAM_START, SMRAM_SIZE);
}

void board_smm(struct board *b, unsigned cpu, bool enter)
{
    struct shadow *s = board_slot(b, SLOT_SHADOW);
    if (enter)
        s->smm_cpus |= 1ull << cpu;
    else
        s->smm_cpus &= ~(1ull << cpu);
    update_smram(s);
    if (s->smm)
        s->smm(s->ctx);
}

/* The lock bit clears the open bit and locks the register until reset. */
static void write_smram(struct shadow *s)
{
    uint8_t *reg = &s->pci->config[s->smram_at];
    if (s->smram & SMRAM_LOCK)
        *reg = (uint8_t)((s->smram & ~SMRAM_CLOSED) | (*reg & SMRAM_CLOSED));
    else if (*reg & SMRAM_LOCK)
        *reg &= (uint8_t)~SMRAM_OPEN;
    if (*reg & SMRAM_CLOSED)
        board_unhandled(s->board, s->what, s->smram_at, true, *reg);
    s->smram = *reg;
    update_smram(s);
}

/* ---------------------------------------------------------------- for the bridges */

void shadow_written(struct shadow *s, unsigned reg, unsigned size)
{
    if (reg < s->pam_at + PAM_REGISTERS && reg + size > s->pam_at)
        update_pam(s);
    if (reg <= s->smram_at && reg + size > s->smram_at)
        write_smram(s);
}

/* Maps memory according to the registers. Ranges that are already right are left alone, because mapping drops
 * decoded code. */
void shadow_loaded(struct shadow *s)
{
    update_pam(s);
    update_smram(s);
    s->mapped = true;
}

void shadow_reset(struct shadow *s)
{
    memset(s->pci->config + s->pam_at, 0, PAM_REGISTERS);
    s->pci->config[s->smram_at] = SMRAM_SEGMENT;
    s->smram = SMRAM_SEGMENT;
    s->smm_cpus = 0;
    shadow_loaded(s);
}

void shadow_init(struct shadow *s, struct board *b, struct pci_device *pci, unsigned pam_at,
                 unsigned smram_at, const char *what)
{
    *s = (struct shadow){
        .board = b, .pci = pci, .what = what, .pam_at = (uint8_t)pam_at, .smram_at = (uint8_t)smram_at};
    memset(pci->wmask + pam_at, 0xff, PAM_REGISTERS);
    pci->wmask[smram_at] = SMRAM_OPEN | SMRAM_CLOSED | SMRAM_LOCK | SMRAM_ENABLE;
    board_set_slot(b, SLOT_SHADOW, s);
}

void shadow_keep(struct board *b, uint8_t pam[SHADOW_PAM])
{
    const struct shadow *s = board_slot(b, SLOT_SHADOW);
    memcpy(pam, s->pci->config + s->pam_at, SHADOW_PAM);
}

void shadow_restore(struct board *b, const uint8_t pam[SHADOW_PAM])
{
    struct shadow *s = board_slot(b, SLOT_SHADOW);
    memcpy(s->pci->config + s->pam_at, pam, SHADOW_PAM);
    update_pam(s);
}
