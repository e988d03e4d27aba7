/* mch.c - the Q35's host bridge: configuration space in memory (ECAM), shadow RAM, SMRAM and TSEG.
 *
 * Source: Intel 3 Series Express Chipset datasheet (316966), 5.1: PCIEXBAR 60h, PAM0-6 90h-96h, SMRAM 9Dh, ESMRAMC 9Eh; PCI Express Base
 * Specification 2.0, 7.2.2 (enhanced configuration access). As on QEMU, TSEG ends where RAM below 4 GiB ends, and its size may be
 * extended (50h). SMRAM at FEDA0000h (H_SMRAME) is not implemented. */
#include "hv/board/chips.h"
#include "hv/board/chipset/memory_map.h"
#include "hv/board/pci/function.h"
#include "hv/board/slots.h"
#include "hv/board/chipset/mch.h"
#include "base/memory.h"
#include "hv/board/chipset/shadow.h"
#include "hv/board/internal.h"

#include <string.h>

struct mch {
    struct board *board;
    struct pci_device pci;
    struct shadow shadow;
    uint8_t esmramc; /* state: the register's value, which determines what a write may change */

    unsigned mmio;
    uint32_t window; /* derived: where configuration space is mapped, or 0 */
    uint32_t
        hidden_size; /* derived: bytes at the end of low RAM that only SMM sees, which are unmapped now */
};

static const struct field mch_fields[] = {
    FIELDS(struct mch, pci.config),
    SHADOW_FIELDS(struct mch, shadow),
    FIELD(struct mch, esmramc),
};

static uint32_t get(const struct mch *s, unsigned reg, unsigned size)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (uint32_t)s->pci.config[reg + i] << i * 8;
    return v;
}

/* ---------------------------------------------------------------- configuration space in memory */

/* An access that crosses a register is made as several. */
static unsigned part_of(uint64_t offset, unsigned size)
{
    unsigned room = 4 - (offset & 3);
    return size < room ? size : room;
}

static uint64_t window_read(void *ctx, uint64_t offset, unsigned size)
{
    struct mch *s = ctx;
    uint64_t value = 0;
    for (unsigned done = 0; done < size;) {
        unsigned part = part_of(offset + done, size - done);
        value |= (uint64_t)pci_express_read(s->board, (uint32_t)(offset + done), part) << done * 8;
        done += part;
    }
    return value;
}

static void window_write(void *ctx, uint64_t offset, unsigned size, uint64_t value)
{
    struct mch *s = ctx;
    for (unsigned done = 0; done < size;) {
        unsigned part = part_of(offset + done, size - done);
        pci_express_write(s->board, (uint32_t)(offset + done), part, (uint32_t)(value >> done * 8));
        done += part;
    }
}

/* The registers have 36 bits of address; as on QEMU, firmware uses addresses below 4 GiB. */
static void update_window(struct mch *s)
{
    uint32_t size = 0, base = mch_window(get(s, MCH_PCIEXBAR, 4), &size);
    if (get(s, MCH_PCIEXBAR + 4, 4) & 0xf) {
        board_unhandled(s->board, "mch PCIEXBAR above 4 GiB", MCH_PCIEXBAR + 4, true,
                        s->pci.config[MCH_PCIEXBAR + 4]);
        base = 0;
    }
    if (base == s->window)
        return;
    s->window = base;
    board_mmio_move(s->board, s->mmio, base ? base : UINT64_MAX);
}

uint32_t mch_ecam(struct board *b)
{
    const struct mch *s = board_slot(b, SLOT_MCH);
    return s ? s->window : 0;
}

/* ---------------------------------------------------------------- TSEG */

static uint32_t tseg_size(const struct mch *s)
{
    static const uint32_t sizes[3] = {1, 2, 8};
    unsigned code = s->esmramc >> 1 & 3;
    if (!(s->esmramc & ESMRAMC_TSEG) || !(s->shadow.smram & SMRAM_ENABLE))
        return 0;
    uint32_t mib = code < 3 ? sizes[code] : get(s, MCH_EXT_TSEG, 2);
    uint64_t size = (uint64_t)mib << 20;
    return size < s->board->ram_low - 0x100000 ? (uint32_t)size : 0;
}

/* Unmaps TSEG while no processor is in system management mode, and maps it again. */
static void update_tseg(void *ctx)
{
    struct mch *s = ctx;
    struct board *b = s->board;
    uint32_t hide = s->shadow.smm_cpus ? 0 : tseg_size(s), old = s->hidden_size;
    if (hide == old)
        return;
    s->hidden_size = hide;
    if (old)
        physmem_map(b->mem, b->ram_low - old, old, b->ram, b->ram_low - old, b->ram, b->ram_low - old, false);
    if (hide)
        physmem_unmap(b->mem, b->ram_low - hide, hide);
}

/* D_LCK makes the register read-only until a reset. */
static void write_esmramc(struct mch *s)
{
    uint8_t *reg = &s->pci.config[MCH_ESMRAMC];
    if (s->shadow.smram & SMRAM_LOCK)
        *reg = s->esmramc;
    if (*reg & ESMRAMC_HIGH && !(s->esmramc & ESMRAMC_HIGH))
        board_unhandled(s->board, "mch ESMRAMC H_SMRAME", MCH_ESMRAMC, true, *reg);
    s->esmramc = *reg;
}

static void write_ext_tseg(struct mch *s)
{
    bool ask = get(s, MCH_EXT_TSEG, 2) == MCH_EXT_TSEG_QUERY;
    s->pci.config[MCH_EXT_TSEG] = ask ? MCH_EXT_TSEG_MIB : 0;
    s->pci.config[MCH_EXT_TSEG + 1] = 0;
}

/* ---------------------------------------------------------------- the chip */

static bool touches(unsigned reg, unsigned size, unsigned first, unsigned count)
{
    return reg < first + count && reg + size > first;
}

/* A write to SMRAM and ESMRAMC at once locks both with what it writes. */
static void written(void *ctx, unsigned reg, unsigned size)
{
    struct mch *s = ctx;
    if (touches(reg, size, MCH_ESMRAMC, 1))
        write_esmramc(s);
    shadow_written(&s->shadow, reg, size);
    if (touches(reg, size, MCH_EXT_TSEG, 2))
        write_ext_tseg(s);
    if (touches(reg, size, MCH_PCIEXBAR, 8))
        update_window(s);
    update_tseg(s);
}

static void reset(void *state)
{
    struct mch *s = state;
    memset(s->pci.config + 0x40, 0, 0xc0);
    s->pci.config[MCH_ESMRAMC] = s->esmramc = ESMRAMC_CACHE;
    shadow_reset(&s->shadow);
    update_window(s);
    update_tseg(s);
}

static void loaded(void *state)
{
    struct mch *s = state;
    shadow_loaded(&s->shadow);
    update_window(s);
    update_tseg(s);
}

int mch_create(struct board *b, struct error *err)
{
    struct mch *s = mem_zero(1, sizeof *s);
    s->board = b;
    pci_init(&s->pci, "mch", 0, 0x8086, 0x29c0, 0x060000, 0, 0);
    memset(s->pci.wmask + 0x40, 0xff,
           0xc0); /* of the others, firmware reads back what it wrote: where memory ends, and its parts */
    s->pci.wmask[MCH_SMBASE] = 0;
    memcpy(s->pci.wmask + MCH_PCIEXBAR, (const uint8_t[]){0x07, 0, 0, 0xfc, 0x0f, 0, 0, 0}, 8);
    memcpy(s->pci.wmask + MCH_EXT_TSEG, (const uint8_t[]){0xff, 0xff}, 2);
    s->pci.wmask[MCH_ESMRAMC] = ESMRAMC_TSEG | ESMRAMC_SIZE | ESMRAMC_HIGH;
    shadow_init(&s->shadow, b, &s->pci, MCH_PAM0, MCH_SMRAM, "mch SMRAM D_CLS");
    s->shadow.smm = update_tseg;
    s->shadow.ctx = s;
    s->pci.ctx = s;
    s->pci.written = written;
    s->mmio = board_mmio(b, UINT64_MAX, 256u << 20, s, window_read, window_write);
    board_set_slot(b, SLOT_MCH, s);
    board_add_chip(b, &(struct chip){.name = "mch",
                                     .fields = mch_fields,
                                     .nfields = FIELD_COUNT(mch_fields),
                                     .state = s,
                                     .reset = reset,
                                     .loaded = loaded});
    board_add_pci(b, &s->pci);
    return 0;
}
