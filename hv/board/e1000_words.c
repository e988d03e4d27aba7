/* e1000_words.c - the network card 82540EM in words: its registers and some of their bits. */
#include "hv/board/e1000.h"
#include "hv/board/words.h"

static const char manual[] = "Intel 317453-006";

static const struct word_bits cause_bits[] = {
    {E1000_TXDW, "TXDW", NULL, NULL}, {E1000_TXQE, "TXQE", NULL, NULL},
    {E1000_LSC, "LSC", NULL, NULL},   {E1000_RXDMT0, "RXDMT0", NULL, NULL},
    {E1000_RXO, "RXO", NULL, NULL},   {E1000_RXT0, "RXT0", NULL, NULL},
    {E1000_MDAC, "MDAC", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits status_bits[] = {
    {1, "FD", NULL, NULL}, {2, "LU", "link down", NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits rctl_bits[] = {{2, "EN", "off", NULL},       {8, "UPE", NULL, NULL},
                                             {16, "MPE", NULL, NULL},      {32, "LPE", NULL, NULL},
                                             {1 << 15, "BAM", NULL, NULL}, {1 << 26, "SECRC", NULL, NULL},
                                             {0, NULL, NULL, NULL}};
static const struct word_bits tctl_bits[] = {
    {2, "EN", "off", NULL}, {8, "PSP", NULL, NULL}, {0, NULL, NULL, NULL}};

static const struct {
    uint32_t offset, n;
    const char *name, *what;
} places[] = {
#define PLACE(name, offset, n, access, what) {offset, n, #name, what},
    E1000_REGISTERS(PLACE)
#undef PLACE
};

static const struct word_bits *bits_of(uint32_t offset)
{
    switch (offset) {
    case 0x0008:
        return status_bits;
    case 0x00c0:
    case 0x00c8:
    case 0x00d0:
    case 0x00d8:
        return cause_bits;
    case 0x0100:
        return rctl_bits;
    case 0x0400:
        return tctl_bits;
    default:
        return NULL;
    }
}

bool e1000_words(struct board_seen *s, const struct access *a, struct words *w)
{
    words_begin(w, "e1000", manual);
    w->source = "13 Register Descriptions";
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        uint64_t at = a->at - places[i].offset;
        if (a->at < places[i].offset || at >= places[i].n * 4)
            continue;
        words_add(w, "%s (%s)", places[i].what, places[i].name);
        if (places[i].n > 1)
            words_add(w, " %u", (unsigned)at / 4);
        const struct word_bits *bits = bits_of(places[i].offset);
        if (bits)
            words_bits(w, bits, a->value, a->size);
        else
            words_add(w, ": %0*llXh", a->size * 2, (unsigned long long)a->value);
        return true;
    }
    words_add(w, "register %05llXh: %0*llXh", (unsigned long long)a->at, a->size * 2,
              (unsigned long long)a->value);
    return true;
}
