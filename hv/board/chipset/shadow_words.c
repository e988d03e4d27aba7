/* shadow_words.c - the registers of shadow RAM and SMRAM in words, of either host bridge. Sources: see shadow.c. */
#include "hv/board/chipset/shadow.h"
#include "hv/board/words/words.h"

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
static const char pam_source[] = "PAM[6:0]";
/* By number; the last one is SMRAM. */
static const struct word_reg registers[] = {
    {0, WORD_BOTH, "PAM0, F0000h-FFFFFh", pam0_bits, pam_source, SHOW_VALUE},
    {1, WORD_BOTH, "PAM1, C0000h-C7FFFh", pam_bits, pam_source, SHOW_VALUE},
    {2, WORD_BOTH, "PAM2, C8000h-CFFFFh", pam_bits, pam_source, SHOW_VALUE},
    {3, WORD_BOTH, "PAM3, D0000h-D7FFFh", pam_bits, pam_source, SHOW_VALUE},
    {4, WORD_BOTH, "PAM4, D8000h-DFFFFh", pam_bits, pam_source, SHOW_VALUE},
    {5, WORD_BOTH, "PAM5, E0000h-E7FFFh", pam_bits, pam_source, SHOW_VALUE},
    {6, WORD_BOTH, "PAM6, E8000h-EFFFFh", pam_bits, pam_source, SHOW_VALUE},
    {7, WORD_BOTH, "SMRAM, system management RAM control", smram_bits, "SMRAM", SHOW_VALUE},
};

bool shadow_words(struct words *w, const char *chip, const char *manual, unsigned pam_at, unsigned smram_at,
                  const struct access *a)
{
    bool told = false;
    for (unsigned i = 0; i < a->size; i++) {
        unsigned at = (unsigned)a->at + i;
        struct access byte = *a;
        byte.size = 1;
        byte.value = a->value >> 8 * i & 0xff;
        if (at == smram_at || at - pam_at < PAM_REGISTERS)
            told |= words_register(w, chip, manual, WORD_ROWS(registers), at == smram_at ? 7 : at - pam_at,
                                   &byte);
    }
    return told;
}
