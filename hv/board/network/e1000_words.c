/* e1000_words.c - the network cards 82540EM and 82574L in words: their registers and some of their bits. */
#include "hv/board/network/e1000.h"
#include "hv/board/words/words.h"

static const struct word_bits cause_bits[] = {{E1000_TXDW, "TXDW", NULL, NULL},
                                              {E1000_TXQE, "TXQE", NULL, NULL},
                                              {E1000_LSC, "LSC", NULL, NULL},
                                              {E1000_RXDMT0, "RXDMT0", NULL, NULL},
                                              {E1000_RXO, "RXO", NULL, NULL},
                                              {E1000_RXT0, "RXT0", NULL, NULL},
                                              {E1000_MDAC, "MDAC", NULL, NULL},
                                              {E1000_RXQ0, "RXQ0", NULL, NULL},
                                              {E1000_RXQ1, "RXQ1", NULL, NULL},
                                              {E1000_TXQ0, "TXQ0", NULL, NULL},
                                              {E1000_TXQ1, "TXQ1", NULL, NULL},
                                              {E1000_OTHER, "OTHER", NULL, NULL},
                                              {0, NULL, NULL, NULL}};
static const struct word_bits status_bits[] = {
    {1, "FD", NULL, NULL}, {2, "LU", "link down", NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits rctl_bits[] = {{2, "EN", "off", NULL},       {8, "UPE", NULL, NULL},
                                             {16, "MPE", NULL, NULL},      {32, "LPE", NULL, NULL},
                                             {1 << 15, "BAM", NULL, NULL}, {1 << 26, "SECRC", NULL, NULL},
                                             {0, NULL, NULL, NULL}};
static const struct word_bits tctl_bits[] = {
    {2, "EN", "off", NULL}, {8, "PSP", NULL, NULL}, {0, NULL, NULL, NULL}};

struct register_range {
    uint32_t offset, n;
    const char *name, *what;
};
#define PLACE(name, offset, n, access, what) {offset, n, #name, what},
static const struct register_range places[] = {E1000_REGISTERS(PLACE)}, more[] = {E1000E_REGISTERS(PLACE)};
#undef PLACE

static const struct word_bits *bits_of(uint32_t offset)
{
    switch (offset) {
    case 0x0008:
        return status_bits;
    case 0x00c0:
    case 0x00c8:
    case 0x00d0:
    case 0x00d8:
    case 0x00dc:
    case 0x00e0:
        return cause_bits;
    case 0x0100:
        return rctl_bits;
    case 0x0400:
        return tctl_bits;
    default:
        return NULL;
    }
}

/* Says a register of the table: false if it is none. */
static bool say(const struct register_range *p, size_t n, const struct access *a, struct words *w)
{
    for (size_t i = 0; i < n; i++, p++) {
        uint64_t at = a->at - p->offset;
        if (a->at < p->offset || at >= p->n * 4)
            continue;
        words_add(w, "%s (%s)", p->what, p->name);
        if (p->n > 1)
            words_add(w, " %u", (unsigned)at / 4);
        const struct word_bits *bits = bits_of(p->offset);
        if (bits)
            words_bits(w, bits, a->value, a->size);
        else
            words_add(w, ": %0*llXh", a->size * 2, (unsigned long long)a->value);
        return true;
    }
    return false;
}

static bool say_other(const struct access *a, struct words *w)
{
    words_add(w, "register %05llXh: %0*llXh", (unsigned long long)a->at, a->size * 2,
              (unsigned long long)a->value);
    return true;
}

bool e1000_words(struct board_seen *s, const struct access *a, struct words *w)
{
    words_begin(w, "e1000", "Intel 317453-006");
    w->source = "13 Register Descriptions";
    return say(places, sizeof places / sizeof places[0], a, w) || say_other(a, w);
}

bool e1000e_words(struct board_seen *s, const struct access *a, struct words *w)
{
    words_begin(w, "e1000e", "Intel 317694");
    w->source = "10 Driver Programming Interface";
    return say(more, sizeof more / sizeof more[0], a, w) ||
           say(places, sizeof places / sizeof places[0], a, w) || say_other(a, w);
}

bool e1000e_msix_words(struct board_seen *s, const struct access *a, struct words *w)
{
    return msix_words(a, 0, E1000E_PENDING, w);
}
