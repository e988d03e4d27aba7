/* roms.c - see private/roms.h.
 *
 * Sources: PCI Firmware Specification 3.2, chapter 5: a ROM begins with 55h AAh and its length in units of 512 bytes, at a multiple of 2 KiB;
 * at 18h is where its PCI data structure is, "PCIR" with vendor and device. */
#include "core/ran/private/roms.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/byte_order.h"

enum {
    BEGIN = 0xc0000,
    END = 0xf0000,
    STEP = 2048,
    UNIT = 512,
    HEADER = 0x1a,
    DATA_AT = 0x18,
    VENDOR = 4,
    DEVICE = 6,
    DATA = 8,
};

struct ids {
    uint16_t vendor, device;
};

static bool is_header(const uint8_t *p)
{
    return p[0] == 0x55 && p[1] == 0xaa && p[2];
}

static bool data_of(const uint8_t *p, struct ids *ids)
{
    if (memcmp(p, "PCIR", 4) != 0)
        return false;
    *ids = (struct ids){le16(p + VENDOR), le16(p + DEVICE)};
    return true;
}

static bool ids_in_memory(struct look look, uint64_t at, const uint8_t *header, struct ids *ids)
{
    uint8_t data[DATA];
    return look_peek_physical(look, at + le16(header + DATA_AT), data, DATA) == DATA && data_of(data, ids);
}

static bool ids_in_image(struct trace *t, unsigned i, struct ids *ids)
{
    const uint64_t size = trace_config(t)->images[i].size;
    uint8_t header[HEADER], data[DATA];
    struct error ignored;
    if (size < HEADER || trace_image_read(t, i, 0, header, HEADER, &ignored) || !is_header(header))
        return false;
    const uint64_t at = le16(header + DATA_AT);
    return at + DATA <= size && !trace_image_read(t, i, at, data, DATA, &ignored) && data_of(data, ids);
}

/* The bytes of a ROM add up to 0. */
static bool sum_is_right(struct look look, uint64_t at, uint64_t size)
{
    uint8_t bytes[UNIT], sum = 0;
    for (uint64_t i = 0; i < size; i += UNIT) {
        if (look_peek_physical(look, at + i, bytes, UNIT) != UNIT)
            return false;
        for (unsigned k = 0; k < UNIT; k++)
            sum = (uint8_t)(sum + bytes[k]);
    }
    return !sum;
}

static void name_rom(struct trace *t, const struct ids *its, struct rom *rom)
{
    const struct trace_config *config = trace_config(t);
    struct ids image;
    snprintf(rom->name, sizeof rom->name, "rom %04x:%04x", its->vendor, its->device);
    for (unsigned i = 0; i < config->nimages; i++)
        if (ids_in_image(t, i, &image) && image.vendor == its->vendor && image.device == its->device) {
            snprintf(rom->name, sizeof rom->name, "rom %.64s (%04x:%04x)", config->images[i].name,
                     its->vendor, its->device);
            return;
        }
}

bool rom_at(struct look look, struct trace *t, uint64_t physical, struct rom *rom)
{
    uint8_t header[HEADER];
    if (physical < BEGIN || physical >= END)
        return false;
    for (uint64_t at = physical - physical % STEP; at >= BEGIN; at -= STEP) {
        if (look_peek_physical(look, at, header, HEADER) != HEADER || !is_header(header) ||
            physical - at >= (uint64_t)header[2] * UNIT)
            continue;
        struct ids ids;
        const bool pci = ids_in_memory(look, at, header, &ids);
        if (!pci && !sum_is_right(look, at, (uint64_t)header[2] * UNIT))
            continue; /* other code, which happens to have these two bytes */
        rom->at = at;
        if (pci)
            name_rom(t, &ids, rom);
        else
            snprintf(rom->name, sizeof rom->name, "rom at 0x%" PRIx64, at);
        return true;
    }
    return false;
}
