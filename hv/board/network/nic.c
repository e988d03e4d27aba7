/* nic.c - see nic.h. */
#include "hv/board/inputs.h"
#include "hv/board/pci/function.h"
#include "hv/board/slots.h"
#include "hv/board/network/nic.h"

#include <stdio.h>
#include <string.h>

#include "base/byte_order.h"

enum { ROM_MOST = 1 << 20, ROM_PCIR = 0x18, ROM_FREE = 6 /* a byte that only counts in the checksum */ };

const struct field nic_fields[1] = {FIELD(struct nic, look.deadline)};

/* ---------------------------------------------------------------- frames */

static void report(struct nic *nic, unsigned kind, const uint8_t *frame, size_t n)
{
    struct event ev = {.kind = (uint16_t)kind, .data = frame, .len = (uint32_t)n};
    ev.f[EVF_NET_OUT_card] = nic->number;
    ev.f[EVF_NET_OUT_length] = n;
    board_event(nic->board, &ev);
}

bool nic_send(struct nic *nic, const uint8_t *frame, size_t n)
{
    if (n < NIC_HEADER || n > ENGINE_FRAME) {
        board_unhandled(nic->board, "a frame of a length that no Ethernet carries", nic->number, true, n);
        return false;
    }
    report(nic, EV_NET_OUT, frame, n);
    timer_set(nic->board, &nic->look, board_now(nic->board) + NIC_LOOK);
    return true;
}

void nic_took(struct nic *nic, const uint8_t *frame, size_t n)
{
    report(nic, EV_NET_IN, frame, n);
}

uint32_t nic_input(struct board *b, unsigned number, const uint8_t *frame, uint32_t n)
{
    struct nic *nic = number < ENGINE_NICS ? board_slot(b, SLOT_NIC0 + number) : NULL;
    if (!nic)
        return 0;
    return n < NIC_HEADER || n > ENGINE_FRAME ? n : nic->receive(nic->ctx, frame, n);
}

uint32_t nic_note(struct board *b, unsigned number, const uint8_t *text, uint32_t n)
{
    struct event ev = {.kind = EV_NET_MANGLED, .data = text, .len = n < EVENT_MAX_DATA ? n : EVENT_MAX_DATA};
    ev.f[EVF_NET_MANGLED_card] = number;
    board_event(b, &ev);
    return n;
}

/* Nothing happens then: see nic.h. */
static void look(void *ctx) {}

/* ---------------------------------------------------------------- the ROM */

void nic_map_rom(struct nic *nic, uint64_t base)
{
    board_bar_memory(nic->board, nic->rom_base, base, nic->rom, true);
    nic->rom_base = base;
}

/* iPXE's ROM for virtio has the number of the modern card, the first of those in its list. Firmware compares only that one with the card's,
 * so it becomes the card's, and the checksum stays 0, as QEMU does it (PCI Firmware Specification 3.0, 5.1.2). */
static void fit_rom(struct nic *nic, const struct pci_device *pci)
{
    uint8_t *rom = ramblock_host(nic->rom);
    uint64_t size = ramblock_size(nic->rom), at = le16(rom + ROM_PCIR);
    if (rom[0] != 0x55 || rom[1] != 0xaa || at + 8 > size || memcmp(rom + at, "PCIR", 4) ||
        memcmp(rom + at + 4, pci->config, 2))
        return;
    for (unsigned i = 2; i < 4; i++) {
        rom[ROM_FREE] = (uint8_t)(rom[ROM_FREE] + rom[at + 4 + i] - pci->config[i]);
        rom[at + 4 + i] = pci->config[i];
    }
}

static int load_rom(struct nic *nic, struct error *err)
{
    char role[16];
    snprintf(role, sizeof role, "nic%u-rom", nic->number);
    const struct image *image = config_image(board_config(nic->board), role);
    uint64_t size = 4096;
    nic->rom_base = UINT64_MAX;
    if (!image)
        return 0;
    if (!image->size || image->size > ROM_MOST)
        return error_set(err, "%s: %llu bytes; a network card's ROM has 1 to %d", image->name,
                         (unsigned long long)image->size, ROM_MOST);
    while (size < image->size)
        size *= 2;
    nic->rom = physmem_block(board_mem(nic->board), role, size);
    if (!nic->rom)
        return error_set(err, "%s: no memory for a network card's ROM", image->name);
    if (image->read(image->ctx, 0, ramblock_host(nic->rom), image->size, err) < 0)
        return -1;
    physmem_touch(board_mem(nic->board), nic->rom, 0, size);
    return 0;
}

/* ---------------------------------------------------------------- the card */

/* The setting nic0-mac, or QEMU's address for a card of that number. */
static void fill_address(struct nic *nic)
{
    char key[16];
    unsigned b[NIC_MAC] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56 + nic->number};
    snprintf(key, sizeof key, "nic%u-mac", nic->number);
    const char *mac = config_get(board_config(nic->board), key);
    if (mac)
        sscanf(mac, "%2x:%2x:%2x:%2x:%2x:%2x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]);
    for (unsigned i = 0; i < NIC_MAC; i++)
        nic->address[i] = (uint8_t)b[i];
}

int nic_init(struct nic *nic, struct board *b, const struct card *card, const char *model, void *ctx,
             uint32_t (*receive)(void *ctx, const uint8_t *frame, uint32_t n), struct error *err)
{
    nic->board = b;
    nic->number = card->index;
    nic->ctx = ctx;
    nic->receive = receive;
    snprintf(nic->name, sizeof nic->name, "%s%u", model, nic->number);
    fill_address(nic);
    board_set_slot(b, SLOT_NIC0 + nic->number, nic);
    board_timer(b, &nic->look, look, nic);
    return load_rom(nic, err);
}

void nic_add_rom(struct nic *nic, struct pci_device *pci, void (*map)(void *ctx, unsigned bar, uint64_t base))
{
    if (!nic->rom)
        return;
    fit_rom(nic, pci);
    pci->rom = (struct pci_bar){.size = (uint32_t)ramblock_size(nic->rom), .map = map};
}

void nic_reset(struct nic *nic)
{
    timer_stop(nic->board, &nic->look);
}
