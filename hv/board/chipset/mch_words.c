/* mch_words.c - the Q35 host bridge's own configuration registers in words. Source: Intel 3 Series Express Chipset datasheet (316966),
 * 5.1. */
#include "hv/board/chipset/mch.h"
#include "hv/board/chipset/shadow.h"
#include "hv/board/words/words.h"

static const char manual[] = "Intel 3 Series Express Chipset datasheet (316966)";

static const struct word_value lengths[] = {
    {0, "256 MiB, 256 busses"}, {1, "128 MiB, 128 busses"}, {2, "64 MiB, 64 busses"}, {0, NULL}};
static const struct word_bits window_bits[] = {
    {PCIEXBAR_ENABLE, "on", "off", NULL},
    {0xfc000000u, "configuration space in memory, in units of 64 MiB at", NULL, NULL},
    {PCIEXBAR_LENGTH, NULL, NULL, lengths},
    {0, NULL, NULL, NULL}};
static const struct word_value sizes[] = {
    {0, "1 MiB"}, {1, "2 MiB"}, {2, "8 MiB"}, {3, "of the extended size"}, {0, NULL}};
static const struct word_bits esmramc_bits[] = {{ESMRAMC_TSEG, "TSEG on", "TSEG off", NULL},
                                                {ESMRAMC_SIZE, "TSEG of", NULL, sizes},
                                                {ESMRAMC_ERROR, "invalid access", NULL, NULL},
                                                {ESMRAMC_HIGH, "SMRAM at FEDA0000h", NULL, NULL},
                                                {0, NULL, NULL, NULL}};
static const struct word_reg registers[] = {
    {MCH_EXT_TSEG, WORD_BOTH, "extended TSEG's size in MiB (QEMU's)", NULL, "QEMU, docs/specs", SHOW_VALUE},
    {MCH_PCIEXBAR, WORD_BOTH, "PCIEXBAR, configuration space in memory", window_bits, "5.1.16 PCIEXBAR",
     SHOW_VALUE},
    {MCH_PCIEXBAR + 4, WORD_BOTH, "PCIEXBAR, upper half", NULL, "5.1.16 PCIEXBAR", SHOW_VALUE},
    {MCH_SMBASE, WORD_BOTH, "SMRAM at 30000h (QEMU's)", NULL, "QEMU, docs/specs", SHOW_VALUE},
    {MCH_ESMRAMC, WORD_BOTH, "ESMRAMC, extended system management RAM control", esmramc_bits,
     "5.1.30 ESMRAMC", SHOW_VALUE},
    {0xac, WORD_BOTH, "TSEGMB, start of TSEG", NULL, "5.1.33 TSEGMB", SHOW_VALUE},
    {0xb0, WORD_BOTH, "TOLUD, top of low usable DRAM", NULL, "5.1.34 TOLUD", SHOW_VALUE},
};

bool mch_pci_words(struct board_seen *s, const struct access *a, struct words *w)
{
    if (a->at >= MCH_PAM0 && a->at <= MCH_SMRAM && a->at != MCH_SMBASE)
        return shadow_words(w, "Q35", manual, MCH_PAM0, MCH_SMRAM, a);
    return words_register(w, "Q35", manual, WORD_ROWS(registers), a->at, a);
}
