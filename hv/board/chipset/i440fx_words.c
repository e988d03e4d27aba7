/* i440fx_words.c - the host bridge's own configuration registers in words. Source: Intel 440FX PCIset
 * datasheet (82441FX), 3.2. */
#include "hv/board/chipset/i440fx.h"
#include "hv/board/chipset/shadow.h"
#include "hv/board/words/words.h"

static const struct word_reg registers[] = {
    {0x57, WORD_BOTH, "DRAMC, DRAM control", NULL, "3.2.16", SHOW_VALUE},
    {0x58, WORD_BOTH, "DRAMT, DRAM timing", NULL, "3.2.17", SHOW_VALUE},
};

bool i440fx_pci_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const char manual[] = "Intel 440FX PCIset datasheet";
    bool told = words_byte_registers(w, "i440FX", manual, WORD_ROWS(registers), a->at, a);
    return shadow_words(w, "i440FX", manual, REG_PAM0, REG_SMRAM, a) || told;
}
