/* ide_words.c - the IDE channels and their bus master in words.
 *
 * Sources: ATA/ATAPI-6 (T13/1410D), clause 7 (interface register definitions); Programming Interface for Bus
 * Master IDE Controller 1.0 (SFF-8038i); PIIX3 datasheet, IDE configuration registers. Names of commands are
 * those of the drives' own tables (ide_ata.c, scsi.c). */
#include <stdio.h>

#include "hv/board/storage/ide.h"
#include "hv/board/words/words.h"

static const char manual[] = "ATA/ATAPI-6 (T13/1410D)", bus_master[] = "Bus Master IDE 1.0 (SFF-8038i)";
enum { CONTROL = 8, COMMAND_PACKET = 0xa0, REASON = 0x10 };

static const struct word_bits status_bits[] = {
    {ST_BSY, "BSY", NULL, NULL}, {ST_DRDY, "DRDY", NULL, NULL}, {ST_DF, "DF", NULL, NULL},
    {ST_DSC, "DSC", NULL, NULL}, {ST_DRQ, "DRQ", NULL, NULL},   {0x04, "CORR", NULL, NULL},
    {0x02, "IDX", NULL, NULL},   {ST_ERR, "ERR", NULL, NULL},   {0, NULL, NULL, NULL}};
static const struct word_bits error_bits[] = {
    {0x80, "ICRC", NULL, NULL},    {ER_UNC, "UNC", NULL, NULL}, {0x20, "MC", NULL, NULL},
    {ER_IDNF, "IDNF", NULL, NULL}, {0x08, "MCR", NULL, NULL},   {ER_ABRT, "ABRT", NULL, NULL},
    {0x02, "NM", NULL, NULL},      {0x01, "AMNF", NULL, NULL},  {0, NULL, NULL, NULL}};
static const struct word_bits device_bits[] = {{DEV_UNIT, "slave", "master", NULL},
                                               {DEV_LBA, "LBA", "CHS", NULL},
                                               {0x0f, "head#", NULL, NULL},
                                               {0, NULL, NULL, NULL}};
static const struct word_bits control_bits[] = {{CTL_HOB, "HOB", NULL, NULL},
                                                {CTL_SRST, "SRST (reset)", NULL, NULL},
                                                {CTL_NIEN, "nIEN (interrupt off)", "interrupt on", NULL},
                                                {0, NULL, NULL, NULL}};
static const struct word_bits reason_bits[] = {{REASON_CD, "C/D (command)", "data", NULL},
                                               {REASON_IO, "I/O (to host)", "to drive", NULL},
                                               {0, NULL, NULL, NULL}};
static const struct word_reg registers[] = {
    {REG_DATA, WORD_BOTH, "data", NULL, "7.6 Data register", SHOW_NAME},
    {REG_FEATURE, WORD_READ, "error", error_bits, "7.9 Error register", SHOW_VALUE},
    {REG_FEATURE, WORD_WRITE, "features", NULL, "7.10 Features register", SHOW_VALUE},
    {REG_COUNT, WORD_BOTH, "sector count", NULL, "7.14 Sector Count register", SHOW_VALUE},
    {REG_LOW, WORD_BOTH, "LBA low", NULL, "7.12 LBA Low register", SHOW_VALUE},
    {REG_MID, WORD_BOTH, "LBA mid", NULL, "7.13 LBA Mid register", SHOW_VALUE},
    {REG_HIGH, WORD_BOTH, "LBA high", NULL, "7.11 LBA High register", SHOW_VALUE},
    {REG_DEVICE, WORD_BOTH, "device", device_bits, "7.7 Device register", SHOW_VALUE},
    {REG_COMMAND, WORD_READ, "status", status_bits, "7.15 Status register", SHOW_VALUE},
    {CONTROL, WORD_READ, "alternate status", status_bits, "7.3 Alternate Status register", SHOW_VALUE},
    {CONTROL, WORD_WRITE, "device control", control_bits, "7.8 Device Control register", SHOW_VALUE},
    {REASON, WORD_BOTH, "interrupt reason", reason_bits, "7.14, PACKET command", SHOW_VALUE},
};

void ide_status_words(struct words *w, uint8_t status)
{
    words_add(w, ": status");
    words_bits(w, status_bits, status, 1);
    w->manual = manual;
    w->source = "7.15 Status register";
}

static void command(struct ide_seen *c, const char *name, unsigned v, struct words *w)
{
    c->command = (uint8_t)v;
    c->packet = v == COMMAND_PACKET ? ATAPI_PACKET : 0;
    words_begin(w, name, manual);
    w->source = "7.4 Command register";
    words_add(w, "command %s (%02Xh)", ata_command_name((uint8_t)v), v);
}

static const char *op_name(const struct scsi_command *op, char buf[64])
{
    snprintf(buf, 64, "ATAPI %s", op ? op->name : "");
    return op ? buf : "unknown ATAPI packet";
}

/* The first byte of a command packet is its operation code. Of a packet whose words are
 * not all in the event, the operation is not known here. */
static bool packet(struct ide_seen *c, const char *name, const struct access *a, struct words *w)
{
    const struct scsi_command *op = scsi_cd_command(a->value & 0xff);
    bool first = c->packet == ATAPI_PACKET && a->count == 1;
    uint64_t bytes = a->count * a->size;
    char text[64];
    if (!c->packet || !a->write)
        return false;
    c->unseen = c->packet == ATAPI_PACKET && !first && bytes >= ATAPI_PACKET;
    c->packet = bytes < c->packet ? (uint8_t)(c->packet - bytes) : 0;
    words_begin(w, name, manual);
    w->source = "7.6 Data register";
    words_add(w, "command packet");
    if (first)
        words_add(w, ": %s (%02Xh)", op_name(op, text), (unsigned)a->value & 0xff);
    return true;
}

static unsigned channel_of(uint64_t port)
{
    return port & 0x80 ? 0 : 1;
}

/* The drive reports each command that it has executed (EC_DISK), so the first ATAPI command of that channel is the
 * packet's, unless another command was begun before. */
int ide_packet_later(const struct board_seen *s, const struct event *ev, const struct event *next, char *buf,
                     size_t size)
{
    uint64_t port = EVF(ev, PIO_WRITE, port);
    unsigned channel = channel_of(port);
    if ((port & ~0x80ull) != 0x170 || !s->ide[channel].unseen)
        return -1;
    if (!next)
        return 0;
    if (next->kind == EV_PIO_WRITE && EVF(next, PIO_WRITE, port) == port + REG_COMMAND)
        return -1;
    bool moved = next->kind == EV_DISK_READ || next->kind == EV_DISK_WRITE;
    if ((!moved && next->kind != EV_DISK_COMMAND) || EVF(next, DISK_READ, drive) / 2 != channel)
        return next->kind == EV_RESET ? -1 : 0;
    const struct scsi_command *op = scsi_cd_command((unsigned)EVF(next, DISK_READ, command) & 0xff);
    char text[64];
    int n = snprintf(buf, size, ": %s (%02Xh)", op_name(op, text),
                     (unsigned)EVF(next, DISK_READ, command) & 0xff);
    const uint64_t count = moved ? EVF(next, DISK_READ, count) : 0;
    if (moved && n > 0 && (size_t)n < size)
        snprintf(buf + n, size - (size_t)n, ", LBA %llu, %llu block%s",
                 (unsigned long long)EVF(next, DISK_READ, lba), (unsigned long long)count,
                 count == 1 ? "" : "s");
    return 1;
}

bool ide_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const char *const names[] = {"IDE primary", "IDE secondary"};
    unsigned channel = channel_of(a->at);
    unsigned reg = a->at >= 0x300 ? CONTROL : (unsigned)a->at & 7;
    struct ide_seen *c = &s->ide[channel];
    c->unseen = 0;
    if (reg == REG_COMMAND && a->write) {
        command(c, names[channel], (unsigned)a->value, w);
        return true;
    }
    if (reg == REG_DATA && packet(c, names[channel], a, w))
        return true;
    if (reg == REG_COUNT && !a->write && c->command == COMMAND_PACKET)
        reg = REASON;
    return words_register(w, names[channel], manual, WORD_ROWS(registers), reg, a);
}

/* ---------------------------------------------------------------- bus master */

static const struct word_bits command_bits[] = {{CMD_START, "start", "stop", NULL},
                                                {CMD_TO_MEMORY, "to memory", "from memory", NULL},
                                                {0, NULL, NULL, NULL}};
static const struct word_bits bm_status_bits[] = {{BMS_ACTIVE, "active", NULL, NULL},
                                                  {BMS_ERROR, "error", NULL, NULL},
                                                  {BMS_INTERRUPT, "interrupt", NULL, NULL},
                                                  {0x20, "drive 0 can DMA", NULL, NULL},
                                                  {0x40, "drive 1 can DMA", NULL, NULL},
                                                  {0x80, "simplex", NULL, NULL},
                                                  {0, NULL, NULL, NULL}};
static const struct word_reg bm_registers[] = {
    {BM_COMMAND, WORD_BOTH, "command", command_bits, "2.1 Bus Master IDE Command Register", SHOW_VALUE},
    {BM_STATUS, WORD_WRITE, "clear status", bm_status_bits, "2.2 Bus Master IDE Status Register", SHOW_VALUE},
    {BM_STATUS, WORD_READ, "status", bm_status_bits, "2.2 Bus Master IDE Status Register", SHOW_VALUE},
    {BM_PRD, WORD_BOTH, "descriptor table at", NULL, "2.3 Descriptor Table Pointer Register", SHOW_VALUE},
};

bool ide_dma_words(struct board_seen *s, const struct access *a, struct words *w)
{
    return words_register(w, a->at & 8 ? "IDE secondary bus master" : "IDE primary bus master", bus_master,
                          WORD_ROWS(bm_registers), a->at & 7, a);
}

/* ---------------------------------------------------------------- PCI configuration */

static const struct word_bits timing_bits[] = {
    {0x8000, "decode on", "decode off", NULL},  {0x4000, "slave timing register on", NULL, NULL},
    {0x3000, "IORDY sample point", NULL, NULL}, {0x0300, "recovery time", NULL, NULL},
    {0x00ff, "drive timing#", NULL, NULL},      {0, NULL, NULL, NULL}};
static const struct word_reg pci_registers[] = {
    {PCI_IDETIM, WORD_BOTH, "IDETIM, primary timing", timing_bits, "IDETIM", SHOW_VALUE},
    {PCI_IDETIM + 2, WORD_BOTH, "IDETIM, secondary timing", timing_bits, "IDETIM", SHOW_VALUE},
    {PCI_SIDETIM, WORD_BOTH, "SIDETIM, slave timing", NULL, "SIDETIM", SHOW_VALUE},
};

bool ide_pci_words(struct board_seen *s, const struct access *a, struct words *w)
{
    return words_register(w, "", "PIIX3 datasheet", WORD_ROWS(pci_registers), a->at, a);
}
