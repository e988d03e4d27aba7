/* acpi_pm_words.c - the PIIX4's power management in words: PM and GPE registers, SMI command port, SMBus
 * host.
 *
 * Source: Intel 82371AB (PIIX4) datasheet (290562), chapter 7; ACPI specification, 4.7 (names of the
 * PM1 bits). */
#include "hv/board/chipset/acpi_pm.h"
#include "hv/board/chipset/ich9.h"
#include "hv/board/words/words.h"

static const char manual[] = "Intel 82371AB (PIIX4) datasheet (290562)";

static const struct word_bits status_bits[] = {
    {TMR_STS, "TMR_STS", NULL, NULL}, {0x10, "BM_STS", NULL, NULL},
    {GBL_STS, "GBL_STS", NULL, NULL}, {PWRBTN_STS, "PWRBTN_STS", NULL, NULL},
    {RTC_STS, "RTC_STS", NULL, NULL}, {0x800, "PWRBTNOR_STS", NULL, NULL},
    {0x8000, "RSM_STS", NULL, NULL},  {0, NULL, NULL, NULL}};
static const struct word_bits enable_bits[] = {{TMR_STS, "TMR_EN", NULL, NULL},
                                               {GBL_STS, "GBL_EN", NULL, NULL},
                                               {PWRBTN_STS, "PWRBTN_EN", NULL, NULL},
                                               {RTC_STS, "RTC_EN", NULL, NULL},
                                               {0, NULL, NULL, NULL}};
static const struct word_value sleep_types[] = {
    {0, "soft off"}, {1, "suspend to RAM"}, {5, "powered on"}, {0, NULL}};
static const struct word_bits control_bits[] = {
    {SCI_EN, "SCI_EN", NULL, NULL}, {0x02, "BRLD_EN_BM", NULL, NULL},          {0x04, "GBL_RLS", NULL, NULL},
    {SLP_EN, "SLP_EN", NULL, NULL}, {0x1c00, "sleep type", NULL, sleep_types}, {0, NULL, NULL, NULL}};
static const struct word_bits global_status_bits[] = {{APM_STS, "APM_STS", NULL, NULL},
                                                      {0x01, "BIOS_STS", NULL, NULL},
                                                      {0x02, "LEGACY_USB", NULL, NULL},
                                                      {0, NULL, NULL, NULL}};
static const struct word_bits global_control_bits[] = {{SMI_EN, "SMI_EN", NULL, NULL},
                                                       {0x02, "BIOS_RLS", NULL, NULL},
                                                       {0x10000, "EOS", NULL, NULL},
                                                       {0, NULL, NULL, NULL}};
static const struct word_reg registers[] = {
    {PMSTS, WORD_READ, "PM1 status", status_bits, "7.2.1 PMSTS", SHOW_VALUE},
    {PMSTS, WORD_WRITE, "clear PM1 status", status_bits, "7.2.1 PMSTS", SHOW_VALUE},
    {PMEN, WORD_BOTH, "PM1 enable", enable_bits, "7.2.2 PMEN", SHOW_VALUE},
    {PMCNTRL, WORD_BOTH, "PM1 control", control_bits, "7.2.3 PMCNTRL", SHOW_VALUE},
    {PMTMR, WORD_BOTH, "PM timer", NULL, "7.2.4 PMTMR", SHOW_DECIMAL},
    {0x0c, WORD_BOTH, "GPE status", NULL, "7.2.5 GPSTS", SHOW_VALUE},
    {0x0e, WORD_BOTH, "GPE enable", NULL, "7.2.6 GPEN", SHOW_VALUE},
    {0x10, WORD_BOTH, "processor control", NULL, "7.2.7 PCNTRL", SHOW_VALUE},
    {0x14, WORD_READ, "processor level 2", NULL, "7.2.8 PLVL2", SHOW_NAME},
    {0x15, WORD_READ, "processor level 3", NULL, "7.2.9 PLVL3", SHOW_NAME},
    {GLBSTS, WORD_BOTH, "global status", global_status_bits, "7.2.10 GLBSTS", SHOW_VALUE},
    {0x1c, WORD_BOTH, "device status", NULL, "7.2.11 DEVSTS", SHOW_VALUE},
    {GLBEN, WORD_BOTH, "global enable", NULL, "7.2.12 GLBEN", SHOW_VALUE},
    {GLBCTL, WORD_BOTH, "global control", global_control_bits, "7.2.13 GLBCTL", SHOW_VALUE},
    {0x2c, WORD_BOTH, "device control", NULL, "7.2.14 DEVCTL", SHOW_VALUE},
    {0x30, WORD_READ, "general-purpose input", NULL, "7.2.15 GPIREG", SHOW_VALUE},
    {0x34, WORD_BOTH, "general-purpose output", NULL, "7.2.16 GPOREG", SHOW_VALUE},
};

bool pm_words(struct board_seen *s, const struct access *a, struct words *w)
{
    return words_register(w, "ACPI PM", manual, WORD_ROWS(registers), a->at, a);
}

bool gpe_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const char *const names[] = {"GPE0 status, events 0-7", "GPE0 status, events 8-15",
                                        "GPE0 enable, events 0-7", "GPE0 enable, events 8-15"};
    words_begin(w, "ACPI GPE", "ACPI specification");
    w->source = "4.7.4.1 General-Purpose Event Register Blocks";
    words_add(w, "%s %02llXh", names[a->at & 3], (unsigned long long)a->value);
    return true;
}

bool apm_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const struct word_value commands[] = {
        {CMD_ACPI_ENABLE, "ACPI on"}, {CMD_ACPI_DISABLE, "ACPI off"}, {0, NULL}};
    static const struct word_value q35_commands[] = {
        {ICH9_ACPI_ENABLE, "ACPI on"}, {ICH9_ACPI_DISABLE, "ACPI off"}, {0, NULL}};
    const struct word_bits bits[] = {{0xff, "command#", NULL, s->q35 ? q35_commands : commands},
                                     {0, NULL, NULL, NULL}};
    const struct word_reg table[] = {
        {APMC, WORD_BOTH, "APM control, SMI command", bits, "APMC", SHOW_VALUE},
        {APMS, WORD_BOTH, "APM status", NULL, "APMS", SHOW_VALUE},
    };
    return words_register(w, "ACPI PM", manual, WORD_ROWS(table), a->at, a);
}

bool smbus_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const struct word_bits host[] = {{0x01, "HOST_BUSY", NULL, NULL}, {0x02, "SMB_INT", NULL, NULL},
                                            {0x04, "DEV_ERR", NULL, NULL},   {0x08, "BUS_ERR", NULL, NULL},
                                            {0x10, "FAILED", NULL, NULL},    {0, NULL, NULL, NULL}};
    static const struct word_value protocols[] = {{0, "quick"},     {1, "byte"},  {2, "byte data"},
                                                  {3, "word data"}, {5, "block"}, {0, NULL}};
    static const struct word_bits control[] = {{0x01, "interrupt", NULL, NULL},
                                               {0x02, "kill", NULL, NULL},
                                               {0x1c, "protocol", NULL, protocols},
                                               {0x40, "start", NULL, NULL},
                                               {0, NULL, NULL, NULL}};
    static const struct word_reg table[] = {
        {0x00, WORD_BOTH, "host status", host, "7.3.1 SMBHSTSTS", SHOW_VALUE},
        {0x01, WORD_BOTH, "slave status", NULL, "7.3.2 SMBSLVSTS", SHOW_VALUE},
        {0x02, WORD_BOTH, "host control", control, "7.3.3 SMBHSTCNT", SHOW_VALUE},
        {0x03, WORD_BOTH, "host command", NULL, "7.3.4 SMBHSTCMD", SHOW_VALUE},
        {0x04, WORD_BOTH, "host address", NULL, "7.3.5 SMBHSTADD", SHOW_VALUE},
        {0x05, WORD_BOTH, "host data 0", NULL, "7.3.6 SMBHSTDAT0", SHOW_VALUE},
        {0x06, WORD_BOTH, "host data 1", NULL, "7.3.7 SMBHSTDAT1", SHOW_VALUE},
        {0x07, WORD_BOTH, "block data", NULL, "7.3.8 SMBBLKDAT", SHOW_VALUE},
    };
    return words_register(w, "SMBus", manual, WORD_ROWS(table), a->at, a);
}

bool acpi_pm_pci_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const struct word_reg table[] = {
        {REG_PMBASE, WORD_BOTH, "PMBA, power management base address", NULL, "7.1 PMBA", SHOW_VALUE},
        {REG_DEVACTB, WORD_BOTH, "DEVACTB, device activity B", NULL, "7.1 DEVACTB", SHOW_VALUE},
        {0x5c, WORD_BOTH, "DEVRESA, device resource A", NULL, "7.1 DEVRESA", SHOW_VALUE},
        {0x60, WORD_BOTH, "DEVRESB, device resource B", NULL, "7.1 DEVRESB", SHOW_VALUE},
        {0x63, WORD_BOTH, "DEVRESB, device resource B", NULL, "7.1 DEVRESB", SHOW_VALUE},
        {0x64, WORD_BOTH, "DEVRESC, device resource C", NULL, "7.1 DEVRESC", SHOW_VALUE},
        {0x68, WORD_BOTH, "DEVRESE, device resource E", NULL, "7.1 DEVRESE", SHOW_VALUE},
        {0x6c, WORD_BOTH, "DEVRESF, device resource F", NULL, "7.1 DEVRESF", SHOW_VALUE},
        {0x70, WORD_BOTH, "DEVRESG, device resource G", NULL, "7.1 DEVRESG", SHOW_VALUE},
        {0x74, WORD_BOTH, "DEVRESH, device resource H", NULL, "7.1 DEVRESH", SHOW_VALUE},
        {0x78, WORD_BOTH, "DEVRESI, device resource I", NULL, "7.1 DEVRESI", SHOW_VALUE},
        {0x7c, WORD_BOTH, "DEVRESJ, device resource J", NULL, "7.1 DEVRESJ", SHOW_VALUE},
        {0x67, WORD_BOTH, "DEVRESC, device resource C", NULL, "7.1 DEVRESC", SHOW_VALUE},
        {0x5f, WORD_BOTH, "DEVRESA, device resource A", NULL, "7.1 DEVRESA", SHOW_VALUE},
        {REG_PMREGMISC, WORD_BOTH, "PMREGMISC, power management I/O on", NULL, "7.1 PMREGMISC", SHOW_VALUE},
        {REG_SMBBASE, WORD_BOTH, "SMBBA, SMBus base address", NULL, "7.1 SMBBA", SHOW_VALUE},
        {REG_SMBCFG, WORD_BOTH, "SMBHSTCFG, SMBus host configuration", NULL, "7.1 SMBHSTCFG", SHOW_VALUE},
    };
    return words_register(w, "PIIX4", manual, WORD_ROWS(table), a->at, a);
}
