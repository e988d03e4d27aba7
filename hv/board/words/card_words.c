/* card_words.c - accesses to PCI cards in words: which card, by the addresses that the guest has given it. */
#include "hv/board/network/e1000.h"
#include "hv/board/pci/msix.h"
#include "hv/board/storage/nvme.h"
#include "hv/board/pci/pci.h"
#include "hv/board/virtio/virtio.h"
#include "hv/board/words/words.h"
#include "hv/board/usb/xhci.h"

#include <stdio.h>
#include <string.h>

/* A range of a kind of card. */
struct card_range {
    enum card_kind kind;
    uint8_t bar;
    bool io, wide;
    uint32_t size;
    chip_words_fn *fn;
    bool has_table; /* of MSI-X, and its offset */
    uint32_t table;
};
static const struct card_range ranges[] = {
    {CARD_AHCI, 5, false, false, AHCI_BAR, ahci_words, false, 0},
    {CARD_AHCI, 4, true, false, AHCI_IO, ahci_port_words, false, 0},
    {CARD_NVME, 0, false, true, NVME_BAR, nvme_words, true, NVME_TABLE},
    {CARD_VIRTIO_BLK, 0, true, false, VIRTIO_LEGACY_BAR, virtio_legacy_words, false, 0},
    {CARD_VIRTIO_BLK, 1, false, false, VIRTIO_MSIX_BAR, virtio_msix_words, true, 0},
    {CARD_VIRTIO_BLK, 4, false, true, VIRTIO_BAR, virtio_words, false, 0},
    {CARD_VIRTIO_SCSI, 0, true, false, VIRTIO_LEGACY_BAR, virtio_legacy_words, false, 0},
    {CARD_VIRTIO_SCSI, 1, false, false, VIRTIO_MSIX_BAR, virtio_msix_words, true, 0},
    {CARD_VIRTIO_SCSI, 4, false, true, VIRTIO_BAR, virtio_words, false, 0},
    {CARD_VIRTIO_RNG, 0, true, false, VIRTIO_LEGACY_BAR, virtio_legacy_words, false, 0},
    {CARD_VIRTIO_RNG, 1, false, false, VIRTIO_MSIX_BAR, virtio_msix_words, true, 0},
    {CARD_VIRTIO_RNG, 4, false, true, VIRTIO_BAR, virtio_words, false, 0},
    {CARD_VIRTIO_CONSOLE, 0, true, false, VIRTIO_LEGACY_BAR, virtio_legacy_words, false, 0},
    {CARD_VIRTIO_CONSOLE, 1, false, false, VIRTIO_MSIX_BAR, virtio_msix_words, true, 0},
    {CARD_VIRTIO_CONSOLE, 4, false, true, VIRTIO_BAR, virtio_words, false, 0},
    {CARD_VIRTIO_NET, 0, true, false, VIRTIO_LEGACY_BAR, virtio_legacy_words, false, 0},
    {CARD_VIRTIO_NET, 1, false, false, VIRTIO_MSIX_BAR, virtio_msix_words, true, 0},
    {CARD_VIRTIO_NET, 4, false, true, VIRTIO_BAR, virtio_words, false, 0},
    {CARD_VIRTIO_9P, 0, true, false, VIRTIO_LEGACY_BAR, virtio_legacy_words, false, 0},
    {CARD_VIRTIO_9P, 1, false, false, VIRTIO_MSIX_BAR, virtio_msix_words, true, 0},
    {CARD_VIRTIO_9P, 4, false, true, VIRTIO_BAR, virtio_words, false, 0},
    {CARD_E1000, 0, false, false, E1000_BAR, e1000_words, false, 0},
    {CARD_E1000E, 0, false, false, E1000_BAR, e1000e_words, false, 0},
    {CARD_E1000E, 3, false, false, E1000E_MSIX_BAR, e1000e_msix_words, true, 0},
    {CARD_XHCI, 0, false, true, XHCI_BAR, xhci_words, true, XHCI_TABLE},
};
static const char *const names[CARD_KINDS] = {[CARD_NVME] = "NVMe",
                                              [CARD_VIRTIO_BLK] = "virtio-blk",
                                              [CARD_VIRTIO_SCSI] = "virtio-scsi",
                                              [CARD_XHCI] = "xHCI",
                                              [CARD_AHCI] = "AHCI",
                                              [CARD_VIRTIO_RNG] = "virtio-rng",
                                              [CARD_VIRTIO_CONSOLE] = "virtio-console",
                                              [CARD_VIRTIO_NET] = "virtio-net",
                                              [CARD_E1000] = "e1000",
                                              [CARD_E1000E] = "e1000e",
                                              [CARD_VIRTIO_9P] = "virtio-9p"};

enum { RANGES = sizeof ranges / sizeof ranges[0] };

void cards_seen_reset(struct board_seen *s, const struct engine_config *cfg, const struct board_seen *old)
{
    struct card cards[CARDS_MOST];
    struct error err;
    int n = cfg ? cards_of(cfg, cards, &err) : old->ncards;
    s->ncards = (uint8_t)(n > 0 ? n : 0);
    for (unsigned i = 0; i < s->ncards; i++) {
        const struct card_seen *o = &old->card[i];
        s->card[i] = cfg ? (struct card_seen){.kind = (uint8_t)cards[i].kind,
                                              .devfn = cards[i].devfn,
                                              .index = cards[i].index}
                         : (struct card_seen){.kind = o->kind, .devfn = o->devfn, .index = o->index};
    }
}

static struct card_seen *card_at(struct board_seen *s, unsigned devfn)
{
    for (unsigned i = 0; i < s->ncards; i++)
        if (s->card[i].devfn == devfn)
            return &s->card[i];
    return NULL;
}

const char *card_name(const struct board_seen *s, unsigned devfn, char buf[32])
{
    const struct card_seen *c = card_at((struct board_seen *)s, devfn);
    if (!c)
        return NULL;
    snprintf(buf, 32, "%s %u", names[c->kind], c->index);
    return buf;
}

/* Writing all ones makes the next read return the size. Any other value is the address. */
void cards_note_config(struct board_seen *s, unsigned devfn, unsigned reg, const struct access *a)
{
    struct card_seen *c = card_at(s, devfn);
    if (!c || reg < REG_BAR0 || reg >= REG_BAR0 + 24 || reg & 3 || a->size != 4)
        return;
    unsigned bar = (reg - REG_BAR0) / 4, bit = 1u << bar;
    bool ones = (uint32_t)a->value == UINT32_MAX;
    if (a->write)
        c->sizing = (uint8_t)(ones ? c->sizing | bit : c->sizing & ~bit);
    if (!(c->sizing & bit) && !ones)
        c->bar[bar] = (uint32_t)a->value;
}

static uint64_t base_of(const struct card_seen *c, const struct card_range *r)
{
    uint64_t low = c->bar[r->bar] & (r->io ? ~3u : ~15u);
    return r->wide ? (uint64_t)c->bar[r->bar + 1] << 32 | low : low;
}

static void note_vector(struct card_seen *c, const struct card_range *r, const struct access *a)
{
    uint64_t at = a->at - r->table;
    if (r->has_table && a->write && at % MSIX_ENTRY == 8 && at / MSIX_ENTRY < sizeof c->vector)
        c->vector[at / MSIX_ENTRY] = (uint8_t)a->value;
}

bool cards_words(struct board_seen *s, const struct access *a, bool io, struct words *w)
{
    for (unsigned i = 0; i < s->ncards; i++) {
        struct card_seen *c = &s->card[i];
        for (size_t k = 0; k < RANGES; k++) {
            const struct card_range *r = &ranges[k];
            uint64_t base = base_of(c, r);
            if (r->kind != c->kind || r->io != io || !base || a->at - base >= r->size)
                continue;
            struct access in = *a;
            char name[32];
            in.at = a->at - base;
            note_vector(c, r, &in);
            w->chip = card_name(s, c->devfn, name);
            bool told = r->fn(s, &in, w);
            w->chip = NULL;
            return told;
        }
    }
    return false;
}

bool card_vector_words(const struct board_seen *s, unsigned vector, struct words *w)
{
    char name[32];
    for (unsigned i = 0; i < s->ncards; i++)
        for (unsigned k = 0; k < sizeof s->card[i].vector; k++)
            if (vector && s->card[i].vector[k] == vector) {
                words_add(w, "%s, MSI-X vector %u", card_name(s, s->card[i].devfn, name), k);
                return true;
            }
    return false;
}
