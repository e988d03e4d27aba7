/* piix3_words.c - the ISA bridge in words. Source: Intel 82371SB (PIIX3) datasheet. */
#include "hv/board/words/words.h"

static const char manual[] = "Intel 82371SB (PIIX3) datasheet";

static const struct word_bits pirq_bits[] = {
    {0x80, "not routed", NULL, NULL}, {0x0f, "IRQ", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_reg registers[] = {
    {0x4c, WORD_BOTH, "IORT, ISA I/O recovery timer", NULL, "IORT", SHOW_VALUE},
    {0x4e, WORD_BOTH, "XBCS, X-bus chip select", NULL, "XBCS", SHOW_VALUE},
    {0x60, WORD_BOTH, "PIRQRC A, PCI interrupt routing", pirq_bits, "PIRQRC[A:D]", SHOW_VALUE},
    {0x61, WORD_BOTH, "PIRQRC B, PCI interrupt routing", pirq_bits, "PIRQRC[A:D]", SHOW_VALUE},
    {0x62, WORD_BOTH, "PIRQRC C, PCI interrupt routing", pirq_bits, "PIRQRC[A:D]", SHOW_VALUE},
    {0x63, WORD_BOTH, "PIRQRC D, PCI interrupt routing", pirq_bits, "PIRQRC[A:D]", SHOW_VALUE},
    {0x69, WORD_BOTH, "TOM, top of memory", NULL, "TOM", SHOW_VALUE},
    {0x82, WORD_BOTH, "DLC, deterministic latency control", NULL, "DLC", SHOW_VALUE},
};

bool piix3_pci_words(struct board_seen *s, const struct access *a, struct words *w)
{
    return words_byte_registers(w, "PIIX3", manual, WORD_ROWS(registers), a->at, a);
}

bool reset_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const struct word_bits bits[] = {
        {0x04, "reset now", NULL, NULL}, {0x02, "hard reset", "soft reset", NULL}, {0, NULL, NULL, NULL}};
    static const struct word_reg table[] = {
        {0xcf9, WORD_BOTH, "reset control", bits, "RC register", SHOW_VALUE}};
    if (a->size == 1)
        return words_register(w, "PC", manual, WORD_ROWS(table), a->at, a);
    return pci_words(s, a, w);
}

bool coprocessor_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const struct word_reg table[] = {
        {0xf0, WORD_BOTH, "clear coprocessor error (IRQ 13)", NULL, "Coprocessor Error Register", SHOW_NAME}};
    return words_register(w, "PC", manual, WORD_ROWS(table), a->at, a);
}
