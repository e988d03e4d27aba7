/* ich9_words.c - the ICH9's LPC bridge in words: configuration space, root complex registers, power management, TCO; and the SMBus
 * function's configuration space.
 *
 * Source: Intel ICH9 datasheet (316972), chapters 10, 13 and 20. */
#include "hv/board/chipset/ich9.h"
#include "hv/board/words/words.h"

static const char manual[] = "Intel ICH9 datasheet (316972)";

/* ---------------------------------------------------------------- configuration space */

static const struct word_bits base_bits[] = {{0xff80, "ports at#", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_value sci_lines[] = {{0, "SCI on IRQ 9"},    {1, "SCI on IRQ 10"},
                                              {2, "SCI on IRQ 11"},   {4, "SCI on input 20"},
                                              {5, "SCI on input 21"}, {0, NULL}};
static const struct word_bits acpi_bits[] = {
    {ACPI_CNTL_ENABLE, "PM registers decoded", "PM registers not decoded", NULL},
    {ACPI_CNTL_SCI, "SCI", NULL, sci_lines},
    {0, NULL, NULL, NULL}};
static const struct word_bits pirq_bits[] = {
    {0x80, "not routed", NULL, NULL}, {0x0f, "IRQ", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits pmcon_bits[] = {{GEN_PMCON_1_SMI_LOCK, "SMI_LOCK", NULL, NULL},
                                              {0, NULL, NULL, NULL}};
static const struct word_bits rcba_bits[] = {{1, "decoded", "not decoded", NULL},
                                             {0xffffc000u, "in units of 16 KiB at", NULL, NULL},
                                             {0, NULL, NULL, NULL}};

bool ich9_pci_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const struct word_reg table[] = {
        {LPC_PMBASE, WORD_BOTH, "PMBASE, power management base address", base_bits, "13.1.13 PMBASE",
         SHOW_VALUE},
        {LPC_ACPI_CNTL, WORD_BOTH, "ACPI_CNTL, ACPI control", acpi_bits, "13.1.14 ACPI_CNTL", SHOW_VALUE},
        {0x48, WORD_BOTH, "GPIOBASE, GPIO base address", NULL, "13.1.15 GPIOBASE", SHOW_VALUE},
        {0x60, WORD_BOTH, "PIRQA_ROUT, PCI interrupt routing", pirq_bits, "13.1.17 PIRQ[n]_ROUT", SHOW_VALUE},
        {0x61, WORD_BOTH, "PIRQB_ROUT, PCI interrupt routing", pirq_bits, "13.1.17 PIRQ[n]_ROUT", SHOW_VALUE},
        {0x62, WORD_BOTH, "PIRQC_ROUT, PCI interrupt routing", pirq_bits, "13.1.17 PIRQ[n]_ROUT", SHOW_VALUE},
        {0x63, WORD_BOTH, "PIRQD_ROUT, PCI interrupt routing", pirq_bits, "13.1.17 PIRQ[n]_ROUT", SHOW_VALUE},
        {0x68, WORD_BOTH, "PIRQE_ROUT, PCI interrupt routing", pirq_bits, "13.1.19 PIRQ[n]_ROUT", SHOW_VALUE},
        {0x69, WORD_BOTH, "PIRQF_ROUT, PCI interrupt routing", pirq_bits, "13.1.19 PIRQ[n]_ROUT", SHOW_VALUE},
        {0x6a, WORD_BOTH, "PIRQG_ROUT, PCI interrupt routing", pirq_bits, "13.1.19 PIRQ[n]_ROUT", SHOW_VALUE},
        {0x6b, WORD_BOTH, "PIRQH_ROUT, PCI interrupt routing", pirq_bits, "13.1.19 PIRQ[n]_ROUT", SHOW_VALUE},
        {LPC_GEN_PMCON_1, WORD_BOTH, "GEN_PMCON_1, general power management", pmcon_bits,
         "13.8.1.1 GEN_PMCON_1", SHOW_VALUE},
        {0xdc, WORD_BOTH, "BIOS_CNTL, BIOS control", NULL, "13.1.32 BIOS_CNTL", SHOW_VALUE},
        {LPC_RCBA, WORD_BOTH, "RCBA, root complex base address", rcba_bits, "13.1.36 RCBA", SHOW_VALUE},
    };
    return words_register(w, "ICH9", manual, WORD_ROWS(table), a->at, a);
}

bool ich9_smbus_pci_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const struct word_bits bits[] = {{1, "on", "off", NULL},
                                            {2, "SMI instead of interrupts", NULL, NULL},
                                            {4, "I2C", NULL, NULL},
                                            {8, "reset", NULL, NULL},
                                            {0, NULL, NULL, NULL}};
    static const struct word_reg table[] = {
        {0x40, WORD_BOTH, "HOSTC, host configuration", bits, "20.1.16 HOSTC", SHOW_VALUE}};
    return words_register(w, "ICH9", manual, WORD_ROWS(table), a->at, a);
}

/* ---------------------------------------------------------------- root complex registers */

bool ich9_rcba_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const struct word_bits gcs[] = {{GCS_NO_REBOOT, "no reboot by the watchdog", NULL, NULL},
                                           {0, NULL, NULL, NULL}};
    static const struct word_reg table[] = {
        {RCBA_D31IP, WORD_BOTH, "D31IP, interrupt pins of device 31", NULL, "10.1.40 D31IP", SHOW_VALUE},
        {RCBA_D31IR, WORD_BOTH, "D31IR, interrupt routes of device 31", NULL, "10.1.47 D31IR", SHOW_VALUE},
        {RCBA_D29IR, WORD_BOTH, "D29IR, interrupt routes of device 29", NULL, "10.1.49 D29IR", SHOW_VALUE},
        {RCBA_D28IR, WORD_BOTH, "D28IR, interrupt routes of device 28", NULL, "10.1.50 D28IR", SHOW_VALUE},
        {RCBA_D27IR, WORD_BOTH, "D27IR, interrupt routes of device 27", NULL, "10.1.51 D27IR", SHOW_VALUE},
        {RCBA_D26IR, WORD_BOTH, "D26IR, interrupt routes of device 26", NULL, "10.1.52 D26IR", SHOW_VALUE},
        {RCBA_D25IR, WORD_BOTH, "D25IR, interrupt routes of device 25", NULL, "10.1.53 D25IR", SHOW_VALUE},
        {0x3404, WORD_BOTH, "HPTC, high precision timer configuration", NULL, "10.1.58 HPTC", SHOW_VALUE},
        {RCBA_GCS, WORD_BOTH, "GCS, general control and status", gcs, "10.1.59 GCS", SHOW_VALUE},
    };
    return words_register(w, "ICH9 root complex", manual, WORD_ROWS(table), a->at, a);
}

/* ---------------------------------------------------------------- power management I/O */

static const struct word_bits smi_bits[] = {{SMI_EN_GLOBAL, "GBL_SMI_EN", NULL, NULL},
                                            {0x02, "EOS", NULL, NULL},
                                            {SMI_EN_APMC, "APMC_EN", NULL, NULL},
                                            {0x10, "SLP_SMI_EN", NULL, NULL},
                                            {SMI_EN_TCO, "TCO_EN", NULL, NULL},
                                            {0x4000, "PERIODIC_EN", NULL, NULL},
                                            {0, NULL, NULL, NULL}};
static const struct word_bits smi_status_bits[] = {
    {SMI_STS_APM, "APM_STS", NULL, NULL}, {SMI_STS_TCO, "TCO_STS", NULL, NULL}, {0, NULL, NULL, NULL}};

static bool tco_words(const struct access *a, struct words *w)
{
    static const struct word_bits sts1[] = {{TCO1_STS_SW_SMI, "TCO_INT_STS", NULL, NULL},
                                            {TCO1_STS_TIMEOUT, "TIMEOUT", NULL, NULL},
                                            {0, NULL, NULL, NULL}};
    static const struct word_bits sts2[] = {{TCO2_STS_SECOND, "SECOND_TO_STS", NULL, NULL},
                                            {TCO2_STS_BOOT, "BOOT_STS", NULL, NULL},
                                            {0, NULL, NULL, NULL}};
    static const struct word_bits control[] = {{TCO1_CNT_HALT, "halted", "running", NULL},
                                               {TCO1_CNT_LOCK, "locked", NULL, NULL},
                                               {0x100, "NMI_NOW", NULL, NULL},
                                               {0, NULL, NULL, NULL}};
    static const struct word_reg table[] = {
        {TCO_RLD, WORD_READ, "watchdog: ticks of 0.6 s left", NULL, "13.9.2 TCO_RLD", SHOW_DECIMAL},
        {TCO_RLD, WORD_WRITE, "watchdog: start again", NULL, "13.9.2 TCO_RLD", SHOW_NAME},
        {TCO_DAT_IN, WORD_BOTH, "TCO data in", NULL, "13.9.3 TCO_DAT_IN", SHOW_VALUE},
        {TCO_DAT_OUT, WORD_BOTH, "TCO data out", NULL, "13.9.4 TCO_DAT_OUT", SHOW_VALUE},
        {TCO1_STS, WORD_READ, "TCO status 1", sts1, "13.9.5 TCO1_STS", SHOW_VALUE},
        {TCO1_STS, WORD_WRITE, "clear TCO status 1", sts1, "13.9.5 TCO1_STS", SHOW_VALUE},
        {TCO2_STS, WORD_READ, "TCO status 2", sts2, "13.9.6 TCO2_STS", SHOW_VALUE},
        {TCO2_STS, WORD_WRITE, "clear TCO status 2", sts2, "13.9.6 TCO2_STS", SHOW_VALUE},
        {TCO1_CNT, WORD_BOTH, "watchdog", control, "13.9.7 TCO1_CNT", SHOW_VALUE},
        {TCO2_CNT, WORD_BOTH, "TCO control 2", NULL, "13.9.8 TCO2_CNT", SHOW_VALUE},
        {TCO_TMR, WORD_BOTH, "watchdog: period in ticks of 0.6 s", NULL, "13.9.12 TCO_TMR", SHOW_DECIMAL},
    };
    return words_register(w, "ICH9 TCO", manual, WORD_ROWS(table), a->at - ICH9_TCO, a);
}

bool ich9_pm_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const struct word_reg table[] = {
        {ICH9_GPE_STS, WORD_BOTH, "GPE0 status", NULL, "13.8.3.7 GPE0_STS", SHOW_VALUE},
        {ICH9_GPE_EN, WORD_BOTH, "GPE0 enable", NULL, "13.8.3.8 GPE0_EN", SHOW_VALUE},
        {ICH9_SMI_EN, WORD_BOTH, "SMI enable", smi_bits, "13.8.3.9 SMI_EN", SHOW_VALUE},
        {ICH9_SMI_STS, WORD_BOTH, "SMI status", smi_status_bits, "13.8.3.10 SMI_STS", SHOW_VALUE},
    };
    if (a->at < ICH9_GPE_STS)
        return pm_words(s, a, w);
    if (a->at >= ICH9_TCO)
        return tco_words(a, w);
    return words_register(w, "ACPI PM", manual, WORD_ROWS(table), a->at, a);
}
