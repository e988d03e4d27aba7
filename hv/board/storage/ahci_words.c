/* ahci_words.c - the AHCI controller in words. Source: Serial ATA AHCI 1.3.1, chapters 2 and 3. */
#include "hv/board/storage/ahci.h"
#include "hv/board/words/words.h"

#include <stdio.h>

static const char manual[] = "Serial ATA AHCI 1.3.1";

static const struct word_bits cap_bits[] = {{0x80000000u, "64-bit addresses", NULL, NULL},
                                            {0x40000000u, "NCQ", NULL, NULL},
                                            {0x01000000u, "command list override", NULL, NULL},
                                            {0x00040000u, "AHCI only", NULL, NULL},
                                            {0, NULL, NULL, NULL}};
static const struct word_bits ghc_bits[] = {{GHC_RESET, "reset", NULL, NULL},
                                            {GHC_IE, "interrupts on", "interrupts off", NULL},
                                            {0x80000000u, "AHCI on", NULL, NULL},
                                            {0, NULL, NULL, NULL}};
static const struct word_bits port_bits[] = {{0x01, "port 0", NULL, NULL}, {0x02, "port 1", NULL, NULL},
                                             {0x04, "port 2", NULL, NULL}, {0x08, "port 3", NULL, NULL},
                                             {0x10, "port 4", NULL, NULL}, {0x20, "port 5", NULL, NULL},
                                             {0, NULL, NULL, NULL}};
static const struct word_reg generic[] = {
    {AHCI_CAP, WORD_BOTH, "CAP, capabilities", cap_bits, "3.1.1 CAP", SHOW_VALUE},
    {AHCI_GHC, WORD_BOTH, "GHC, global control", ghc_bits, "3.1.2 GHC", SHOW_VALUE},
    {AHCI_IS, WORD_READ, "IS, interrupt pending", port_bits, "3.1.3 IS", SHOW_VALUE},
    {AHCI_IS, WORD_WRITE, "clear interrupt", port_bits, "3.1.3 IS", SHOW_VALUE},
    {AHCI_PI, WORD_BOTH, "PI, ports implemented", port_bits, "3.1.4 PI", SHOW_VALUE},
    {AHCI_VS, WORD_BOTH, "VS, version", NULL, "3.1.5 VS", SHOW_VALUE},
    {AHCI_CAP2, WORD_BOTH, "CAP2, capabilities extended", NULL, "3.1.10 CAP2", SHOW_VALUE},
    {0x28, WORD_BOTH, "BOHC, BIOS/OS handoff", NULL, "3.1.11 BOHC", SHOW_VALUE},
};

static const struct word_bits is_bits[] = {{IS_DHR, "DHRS", NULL, NULL}, {IS_PS, "PSS", NULL, NULL},
                                           {0x04, "DSS", NULL, NULL},    {IS_SDB, "SDBS", NULL, NULL},
                                           {0x20, "DPS", NULL, NULL},    {IS_PC, "PCS", NULL, NULL},
                                           {IS_OF, "OFS", NULL, NULL},   {IS_HBF, "HBFS", NULL, NULL},
                                           {IS_TFE, "TFES", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits cmd_bits[] = {
    {CMD_ST, "ST", NULL, NULL},   {CMD_SUD, "SUD", NULL, NULL},     {CMD_POD, "POD", NULL, NULL},
    {CMD_CLO, "CLO", NULL, NULL}, {CMD_FRE, "FRE", NULL, NULL},     {CMD_FR, "FR", NULL, NULL},
    {CMD_CR, "CR", NULL, NULL},   {CMD_ATAPI, "ATAPI", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits tfd_bits[] = {{ST_ERR, "ERR", NULL, NULL},    {ST_DRQ, "DRQ", NULL, NULL},
                                            {ST_DRDY, "DRDY", NULL, NULL},  {ST_BSY, "BSY", NULL, NULL},
                                            {0xff00, "error#", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_value signatures[] = {
    {0x00000101, "a disk"}, {0xeb140101u, "a CD-ROM"}, {0xffffffffu, "nothing"}, {0, NULL}};
static const struct word_bits sig_bits[] = {{0xffffffffu, "signature#", NULL, signatures},
                                            {0, NULL, NULL, NULL}};
static const struct word_value detections[] = {
    {0, "nothing"}, {1, "a device without communication"}, {3, "a device"}, {4, "offline"}, {0, NULL}};
static const struct word_bits ssts_bits[] = {
    {0x0f, NULL, NULL, detections}, {0xf0, "generation", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_value requests[] = {{0, "no reset"}, {1, "reset"}, {4, "offline"}, {0, NULL}};
static const struct word_bits sctl_bits[] = {
    {0x0f, NULL, NULL, requests}, {0xf00, "transitions off:", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits serr_bits[] = {{SERR_DIAG_X, "DIAG.X", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_reg port[] = {
    {PX_CLB, WORD_BOTH, "PxCLB, command list", NULL, "3.3.1 PxCLB", SHOW_VALUE},
    {PX_CLBU, WORD_BOTH, "PxCLBU, command list, upper half", NULL, "3.3.2 PxCLBU", SHOW_VALUE},
    {PX_FB, WORD_BOTH, "PxFB, received FIS", NULL, "3.3.3 PxFB", SHOW_VALUE},
    {PX_FBU, WORD_BOTH, "PxFBU, received FIS, upper half", NULL, "3.3.4 PxFBU", SHOW_VALUE},
    {PX_IS, WORD_READ, "PxIS, interrupt status", is_bits, "3.3.5 PxIS", SHOW_VALUE},
    {PX_IS, WORD_WRITE, "clear PxIS, interrupt status", is_bits, "3.3.5 PxIS", SHOW_VALUE},
    {PX_IE, WORD_BOTH, "PxIE, interrupt enable", is_bits, "3.3.6 PxIE", SHOW_VALUE},
    {PX_CMD, WORD_BOTH, "PxCMD, command and status", cmd_bits, "3.3.7 PxCMD", SHOW_VALUE},
    {PX_TFD, WORD_BOTH, "PxTFD, task file", tfd_bits, "3.3.8 PxTFD", SHOW_VALUE},
    {PX_SIG, WORD_BOTH, "PxSIG, signature", sig_bits, "3.3.9 PxSIG", SHOW_VALUE},
    {PX_SSTS, WORD_BOTH, "PxSSTS, SATA status", ssts_bits, "3.3.10 PxSSTS", SHOW_VALUE},
    {PX_SCTL, WORD_BOTH, "PxSCTL, SATA control", sctl_bits, "3.3.11 PxSCTL", SHOW_VALUE},
    {PX_SERR, WORD_READ, "PxSERR, SATA error", serr_bits, "3.3.12 PxSERR", SHOW_VALUE},
    {PX_SERR, WORD_WRITE, "clear PxSERR, SATA error", serr_bits, "3.3.12 PxSERR", SHOW_VALUE},
    {PX_SNTF, WORD_BOTH, "PxSNTF, SATA notification", NULL, "3.3.15 PxSNTF", SHOW_VALUE},
    {PX_FBS, WORD_BOTH, "PxFBS, FIS-based switching", NULL, "3.3.16 PxFBS", SHOW_VALUE},
};

/* The slots of a register with a bit for each: "commands in slots 0 3". */
static bool slot_words(struct words *w, unsigned reg, const struct access *a)
{
    if (reg != PX_CI && reg != PX_SACT)
        return false;
    words_begin(w, "AHCI", manual);
    w->source = reg == PX_CI ? "3.3.14 PxCI" : "3.3.13 PxSACT";
    words_add(w, "%s%s", reg == PX_CI ? "commands" : "queued commands",
              a->write ? " given in" : " not ended in");
    if (!a->value)
        words_add(w, " no slot");
    for (unsigned i = 0, n = 0; i < AHCI_SLOTS; i++)
        if (a->value >> i & 1)
            words_add(w, "%s%u", n++ ? ", " : (a->value & (a->value - 1)) ? " slots " : " slot ", i);
    return true;
}

bool ahci_words(struct board_seen *s, const struct access *a, struct words *w)
{
    if (a->at < AHCI_PORT_AT)
        return words_register(w, "AHCI", manual, WORD_ROWS(generic), a->at, a);
    unsigned i = (unsigned)(a->at - AHCI_PORT_AT) / AHCI_PORT_SIZE, reg = a->at % AHCI_PORT_SIZE;
    char name[32];
    if (i >= AHCI_PORTS)
        return false;
    snprintf(name, sizeof name, "AHCI port %u", i);
    const char *outer = w->chip;
    w->chip = name;
    bool told = slot_words(w, reg, a) || words_register(w, "AHCI", manual, WORD_ROWS(port), reg, a);
    w->chip = outer;
    return told;
}

/* Which register the data port is, is in no event before it that is kept: the index is told, and the data as it is. */
bool ahci_port_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const struct word_reg rows[] = {
        {AHCI_IO_INDEX, WORD_BOTH, "index of the register at the data port", NULL, "10.2.1 Index-Data Pair",
         SHOW_VALUE},
        {AHCI_IO_DATA, WORD_BOTH, "data port", NULL, "10.2.1 Index-Data Pair", SHOW_VALUE},
    };
    return words_register(w, "AHCI", manual, WORD_ROWS(rows), a->at, a);
}
