/* i440fx_words.c - the host bridge's own configuration registers in words. Source: Intel 440FX PCIset
 * datasheet (82441FX), 3.2. */
#include "hv/board/i440fx.h"
#include "hv/board/words.h"

static const struct word_value low[] = {{0, "low half: bus"},
                                        {1, "low half: RAM, read-only"},
                                        {2, "low half: RAM, write-only"},
                                        {3, "low half: RAM"},
                                        {0, NULL}};
static const struct word_value high[] = {{0, "high half: bus"},
                                         {1, "high half: RAM, read-only"},
                                         {2, "high half: RAM, write-only"},
                                         {3, "high half: RAM"},
                                         {0, NULL}};
static const struct word_value all[] = {
    {0, "from the bus"}, {1, "in RAM, read-only"}, {2, "in RAM, write-only"}, {3, "in RAM"}, {0, NULL}};
static const struct word_bits pam_bits[] = {
    {0x03, NULL, NULL, low}, {0x30, NULL, NULL, high}, {0, NULL, NULL, NULL}};
static const struct word_bits pam0_bits[] = {{0x30, NULL, NULL, all}, {0, NULL, NULL, NULL}};
static const struct word_bits smram_bits[] = {{SMRAM_OPEN, "open", NULL, NULL},
                                              {SMRAM_CLOSED, "closed", NULL, NULL},
                                              {SMRAM_LOCK, "locked", NULL, NULL},
                                              {SMRAM_ENABLE, "enabled", "disabled", NULL},
                                              {0, NULL, NULL, NULL}};
static const char pam_source[] = "PAM[6:0], 59h-5Fh";
static const struct word_reg registers[] = {
    {0x57, WORD_BOTH, "DRAMC, DRAM control", NULL, "3.2.16", SHOW_VALUE},
    {0x58, WORD_BOTH, "DRAMT, DRAM timing", NULL, "3.2.17", SHOW_VALUE},
    {REG_PAM0, WORD_BOTH, "PAM0, F0000h-FFFFFh", pam0_bits, pam_source, SHOW_VALUE},
    {REG_PAM0 + 1, WORD_BOTH, "PAM1, C0000h-C7FFFh", pam_bits, pam_source, SHOW_VALUE},
    {REG_PAM0 + 2, WORD_BOTH, "PAM2, C8000h-CFFFFh", pam_bits, pam_source, SHOW_VALUE},
    {REG_PAM0 + 3, WORD_BOTH, "PAM3, D0000h-D7FFFh", pam_bits, pam_source, SHOW_VALUE},
    {REG_PAM0 + 4, WORD_BOTH, "PAM4, D8000h-DFFFFh", pam_bits, pam_source, SHOW_VALUE},
    {REG_PAM0 + 5, WORD_BOTH, "PAM5, E0000h-E7FFFh", pam_bits, pam_source, SHOW_VALUE},
    {REG_PAM0 + 6, WORD_BOTH, "PAM6, E8000h-EFFFFh", pam_bits, pam_source, SHOW_VALUE},
    {REG_SMRAM, WORD_BOTH, "SMRAM, system management RAM control", smram_bits, "SMRAM, 72h", SHOW_VALUE},
};

bool i440fx_pci_words(struct board_seen *s, const struct access *a, struct words *w)
{
    return words_byte_registers(w, "i440FX", "Intel 440FX PCIset datasheet", WORD_ROWS(registers), a->at, a);
}
