/* pci.c - PCI bus 0: configuration mechanism #1 and base address registers.
 *
 * Source: PCI Local Bus Specification 2.1, chapter 6 (configuration space), 3.7.4.1 (mechanism #1). Addresses
 * at which a BAR is not decoded (0, or the all-ones of sizing) are as on QEMU. */
#include "base/byte_order.h"
#include "base/memory.h"
#include "base/must.h"
#include "hv/board/chips.h"
#include "hv/board/pci/function.h"
#include "hv/board/slots.h"
#include "hv/board/xen_host.h"
#include "hv/board/chip.h"
#include "hv/board/pci/pci.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* No processor has more address lines (SDM volume 3, 4.1.4: MAXPHYADDR). */
enum { PHYSICAL_BITS = 52 };

struct pci_bus {
    struct board *board;
    struct pci_device *function[256];
    uint32_t address; /* CF8h */
};

/* ---------------------------------------------------------------- registers of a function */

static unsigned bar_register(unsigned bar)
{
    return bar == BAR_ROM ? REG_ROM : REG_BAR0 + bar * 4;
}

static const struct pci_bar *bar_of(const struct pci_device *d, unsigned bar)
{
    return bar == BAR_ROM ? &d->rom : &d->bar[bar];
}

/* The fixed bits of a BAR: the kind of space. */
static uint32_t bar_type(const struct pci_device *d, unsigned bar)
{
    const struct pci_bar *r = bar_of(d, bar);
    if (!r->size || bar == BAR_ROM)
        return 0;
    return r->io ? 1 : (r->prefetch ? 8u : 0) | (r->wide ? 4u : 0);
}

void pci_init(struct pci_device *d, const char *name, unsigned devfn, uint16_t vendor, uint16_t device,
              uint32_t class_code, uint8_t revision, uint8_t pin)
{
    memset(d, 0, sizeof *d);
    d->name = name;
    d->devfn = (uint8_t)devfn;
    put_le(d->config, vendor | (uint32_t)device << 16, 4);
    d->config[0x08] = revision;
    d->config[0x09] = (uint8_t)class_code;
    d->config[0x0a] = (uint8_t)(class_code >> 8);
    d->config[0x0b] = (uint8_t)(class_code >> 16);
    /* Firmware recognizes by QEMU's subsystem ids that fw_cfg exists. */
    put_le(d->config + 0x2c, 0x11001af4, 4);
    d->config[0x3d] = pin;
    d->wmask[REG_COMMAND] = 0x07;     /* I/O, memory, bus master */
    d->wmask[REG_COMMAND + 1] = 0x05; /* SERR#, interrupt disable */
    d->w1c[REG_STATUS + 1] = 0xf9;
    d->wmask[REG_CACHE_LINE] = 0xff;
    d->wmask[REG_LATENCY] = 0xff;
    d->wmask[REG_LINE] = 0xff;
}

void pci_add_capability(struct pci_device *d, uint8_t id, unsigned offset)
{
    assert(offset >= 0x40 && offset < 0x100 && offset % 4 == 0);
    d->config[REG_STATUS] |= STATUS_CAPABILITIES;
    d->config[d->last_capability ? d->last_capability + 1 : REG_CAPABILITIES] = (uint8_t)offset;
    d->config[offset] = id;
    d->config[offset + 1] = 0;
    d->last_capability = (uint8_t)offset;
}

static void init_bar(struct pci_device *d, unsigned bar)
{
    const struct pci_bar *r = bar_of(d, bar);
    uint32_t fixed = bar == BAR_ROM ? 0x7fe : r->io ? 3 : 15;
    d->mapped[bar] = UINT64_MAX;
    if (!r->size)
        return;
    put_le(d->wmask + bar_register(bar), (~(r->size - 1) & ~fixed) | (bar == BAR_ROM),
           4); /* bit 0: ROM enable */
    put_le(d->config + bar_register(bar), bar_type(d, bar), 4);
    if (!r->wide)
        return;
    assert(bar < 5 && !d->bar[bar + 1].size);
    put_le(d->wmask + bar_register(bar + 1), UINT32_MAX, 4);
}

/* ---------------------------------------------------------------- decoding */

static unsigned power_state(const struct pci_device *d)
{
    return d->power ? d->config[d->power + POWER_CONTROL] & POWER_STATE_BITS : 0;
}

/* The address at which the registers decode the BAR, or UINT64_MAX. */
static uint64_t bar_address(const struct pci_device *d, unsigned bar)
{
    const struct pci_bar *r = bar_of(d, bar);
    uint32_t value = (uint32_t)get_le(d->config + bar_register(bar), 4);
    uint64_t high = r->wide ? get_le(d->config + bar_register(bar + 1), 4) : 0;
    uint64_t base = high << 32 | (value & ~(r->size - 1)), last = base + r->size - 1;
    if (!(d->config[REG_COMMAND] & (r->io ? CMD_IO : CMD_MEMORY)) || (bar == BAR_ROM && !(value & 1)) ||
        power_state(d) == POWER_D3)
        return UINT64_MAX;
    if (base == 0 || (r->io && last > 0xffff) || (high ? last >> PHYSICAL_BITS : last >= UINT32_MAX))
        return UINT64_MAX;
    return base;
}

/* Unmap all BARs that move before mapping any: two BARs may change places. Returns whether any moved. */
static bool update_bars(struct pci_device *d)
{
    uint64_t now[7];
    bool moved = false;
    for (unsigned bar = 0; bar < 7; bar++) {
        const struct pci_bar *r = bar_of(d, bar);
        now[bar] = r->size ? bar_address(d, bar) : UINT64_MAX;
        moved |= now[bar] != d->mapped[bar];
        if (now[bar] == d->mapped[bar] || d->mapped[bar] == UINT64_MAX)
            continue;
        d->mapped[bar] = UINT64_MAX;
        if (r->map)
            r->map(d->ctx, bar, UINT64_MAX);
    }
    for (unsigned bar = 0; bar < 7; bar++) {
        if (now[bar] == d->mapped[bar])
            continue;
        d->mapped[bar] = now[bar];
        if (bar_of(d, bar)->map)
            bar_of(d, bar)->map(d->ctx, bar, now[bar]);
    }
    return moved;
}

void pci_loaded(struct board *b, struct pci_device *d)
{
    update_bars(d);
}

void board_add_pci(struct board *b, struct pci_device *d)
{
    struct pci_bus *bus = board_slot(b, SLOT_PCI);
    must(!bus->function[d->devfn], "two PCI functions at one place");
    for (unsigned bar = 0; bar < 7; bar++)
        init_bar(d, bar);
    bus->function[d->devfn] = d;
}

struct pci_device *pci_function(struct board *b, unsigned devfn)
{
    struct pci_bus *bus = board_slot(b, SLOT_PCI);
    return bus->function[devfn];
}

bool board_pci(struct board *b, unsigned devfn, struct engine_pci *p)
{
    const struct pci_device *d = devfn < 256 && board_slot(b, SLOT_PCI) ? pci_function(b, devfn) : NULL;
    *p = (struct engine_pci){.name = NULL};
    if (!d)
        return false;
    p->name = d->name;
    p->what = pci_class_words((uint16_t)(d->config[0x0b] << 8 | d->config[0x0a]));
    memcpy(p->config, d->config, sizeof p->config);
    for (unsigned bar = 0; bar < ENGINE_PCI_RANGES; bar++) {
        const struct pci_bar *r = bar_of(d, bar);
        p->range[bar] = (struct engine_pci_range){r->size, d->mapped[bar], r->io, r->prefetch};
    }
    return true;
}

/* ---------------------------------------------------------------- configuration space */

uint32_t pci_config_read(struct board *b, unsigned devfn, unsigned reg, unsigned size)
{
    struct pci_device *d = pci_function(b, devfn);
    uint32_t value = 0;
    if (d && d->reading)
        d->reading(d->ctx, reg, size);
    for (unsigned i = 0; i < size; i++)
        value |= (uint32_t)(d ? d->config[(reg + i) & 0xff] : 0xff) << i * 8;
    return value;
}

static bool touches(unsigned reg, unsigned size, unsigned first, unsigned last)
{
    return reg <= last && reg + size > first;
}

/* D1 and D2, which no function has, are not entered (PCI Bus Power Management Interface Specification 1.2, 3.2.4). */
static void check_power(struct pci_device *d, unsigned before)
{
    uint8_t *control = &d->config[d->power + POWER_CONTROL];
    if (d->power && power_state(d) && power_state(d) != POWER_D3)
        *control = (uint8_t)((*control & ~POWER_STATE_BITS) | before);
}

void pci_config_write(struct board *b, unsigned devfn, unsigned reg, unsigned size, uint32_t value)
{
    struct pci_device *d = pci_function(b, devfn);
    if (!d)
        return;
    unsigned power = power_state(d);
    for (unsigned i = 0; i < size; i++) {
        unsigned r = (reg + i) & 0xff;
        uint8_t byte = (uint8_t)(value >> i * 8);
        d->config[r] =
            (uint8_t)(((d->config[r] & ~d->wmask[r]) | (byte & d->wmask[r])) & ~(byte & d->w1c[r]));
    }
    check_power(d, power);
    bool decodes = touches(reg, size, REG_COMMAND, REG_COMMAND + 1) || power_state(d) != power ||
                   touches(reg, size, REG_BAR0, REG_BAR0 + 23) || touches(reg, size, REG_ROM, REG_ROM + 3);
    if (decodes && update_bars(d))
        xen_host_remap(b);
    if (d->written)
        d->written(d->ctx, reg, size);
}

/* Functions have no extended capabilities: their registers from 100h on read as 0. */
uint32_t pci_express_read(struct board *b, uint32_t offset, unsigned size)
{
    unsigned devfn = offset >> 12 & 0xff, reg = offset & 0xfff;
    if (offset >> 20 || !pci_function(b, devfn))
        return UINT32_MAX;
    return reg < 0x100 ? pci_config_read(b, devfn, reg, size) : 0;
}

void pci_express_write(struct board *b, uint32_t offset, unsigned size, uint32_t value)
{
    if (!(offset >> 20) && (offset & 0xfff) < 0x100)
        pci_config_write(b, offset >> 12 & 0xff, offset & 0xff, size, value);
}

/* CF8h is a register of 32 bits: narrower writes do not reach it (CF9h is the reset control register). */
static uint32_t address_in(void *ctx, uint16_t port, unsigned size)
{
    const struct pci_bus *bus = ctx;
    return bus->address >> (port & 3) * 8;
}

static void address_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct pci_bus *bus = ctx;
    if (port == 0xcf8 && size == 4)
        bus->address = value & 0x80fffffc;
}

/* The part of an access at CFCh + n that is inside the dword. */
static unsigned clip(uint16_t port, unsigned size)
{
    unsigned room = 4 - (port & 3);
    return size < room ? size : room;
}

static uint32_t data_in(void *ctx, uint16_t port, unsigned size)
{
    struct pci_bus *bus = ctx;
    unsigned devfn = bus->address >> 8 & 0xff, reg = (bus->address & 0xfc) | (port & 3), n = clip(port, size);
    if (!(bus->address >> 31) || (bus->address >> 16 & 0xff))
        return UINT32_MAX;
    uint32_t value = pci_config_read(bus->board, devfn, reg, n);
    return n < 4 ? value | UINT32_MAX << n * 8 : value;
}

static void data_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct pci_bus *bus = ctx;
    unsigned devfn = bus->address >> 8 & 0xff, reg = (bus->address & 0xfc) | (port & 3);
    if (bus->address >> 31 && !(bus->address >> 16 & 0xff))
        pci_config_write(bus->board, devfn, reg, clip(port, size), value);
}

/* ---------------------------------------------------------------- the chip */

static void reset_function(struct pci_device *d)
{
    d->config[REG_COMMAND] &= (uint8_t)~d->wmask[REG_COMMAND];
    d->config[REG_COMMAND + 1] &= (uint8_t)~d->wmask[REG_COMMAND + 1];
    d->config[REG_STATUS + 1] &= (uint8_t)~d->w1c[REG_STATUS + 1];
    d->config[REG_CACHE_LINE] = 0;
    d->config[REG_LATENCY] = 0;
    d->config[REG_LINE] = 0;
    if (d->power)
        d->config[d->power + POWER_CONTROL] &= (uint8_t)~POWER_STATE_BITS;
    if (d->express) {
        put_le(d->config + d->express + EXPRESS_CONTROL, EXPRESS_DEFAULT, 2);
        put_le(d->config + d->express + EXPRESS_LINK_CONTROL, 0, 2);
    }
    for (unsigned bar = 0; bar < 7; bar++)
        if (bar_of(d, bar)->size) {
            put_le(d->config + bar_register(bar), bar_type(d, bar), 4);
            if (bar_of(d, bar)->wide)
                put_le(d->config + bar_register(bar + 1), 0, 4);
        }
    update_bars(d);
}

void pci_reset_function(struct board *b, struct pci_device *d)
{
    reset_function(d);
    xen_host_remap(b);
}

static void pci_reset(void *state)
{
    struct pci_bus *bus = state;
    bus->address = 0;
    for (unsigned devfn = 0; devfn < 256; devfn++)
        if (bus->function[devfn])
            reset_function(bus->function[devfn]);
}

static const struct field pci_fields[] = {FIELD(struct pci_bus, address)};

int pci_host_create(struct board *b, struct error *err)
{
    struct pci_bus *bus = mem_zero(1, sizeof *bus);
    bus->board = b;
    board_set_slot(b, SLOT_PCI, bus);
    board_add_chip(b, &(struct chip){.name = "pci",
                                     .fields = pci_fields,
                                     .nfields = FIELD_COUNT(pci_fields),
                                     .state = bus,
                                     .reset = pci_reset});
    board_ports(b, 0xcf8, 4, false, bus, address_in, address_out);
    board_ports(b, 0xcfc, 4, false, bus, data_in, data_out);
    return 0;
}
