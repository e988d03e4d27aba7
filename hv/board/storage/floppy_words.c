/* floppy_words.c - the floppy disk controller in words. Source: Intel 82077AA datasheet (290166), sections 2
 * (registers), 5 and 6 (commands, status). Names of commands are those of floppy.c's own table. */
#include "hv/board/storage/floppy.h"
#include "hv/board/words/words.h"

static const char manual[] = "Intel 82077AA datasheet (290166)";
enum { DOR = 2, TDR, MSR, FIFO, DIR = 7 };

static const struct word_bits dor_bits[] = {
    {0x03, "drive", NULL, NULL},           {DOR_RUN, "running", "reset", NULL},
    {DOR_DMAGATE, "DMA gate", NULL, NULL}, {0x10, "motor 0 on", NULL, NULL},
    {0x20, "motor 1 on", NULL, NULL},      {0, NULL, NULL, NULL}};
static const struct word_bits msr_bits[] = {
    {MSR_RQM, "RQM", NULL, NULL},    {MSR_DIO, "DIO", NULL, NULL},   {MSR_NDM, "NON-DMA", NULL, NULL},
    {MSR_CB, "CMD-BSY", NULL, NULL}, {0x08, "DRV3-BSY", NULL, NULL}, {0x04, "DRV2-BSY", NULL, NULL},
    {0x02, "DRV1-BSY", NULL, NULL},  {0x01, "DRV0-BSY", NULL, NULL}, {0, NULL, NULL, NULL}};
static const struct word_value rates[] = {
    {0, "500 kbit/s"}, {1, "300 kbit/s"}, {2, "250 kbit/s"}, {3, "1 Mbit/s"}, {0, NULL}};
static const struct word_bits dsr_bits[] = {{0x80, "reset", NULL, NULL},
                                            {0x40, "power down", NULL, NULL},
                                            {0x03, "rate", NULL, rates},
                                            {0, NULL, NULL, NULL}};
static const struct word_bits ccr_bits[] = {{0x03, "rate", NULL, rates}, {0, NULL, NULL, NULL}};
static const struct word_bits dir_bits[] = {{0x80, "disk changed", "disk not changed", NULL},
                                            {0, NULL, NULL, NULL}};
/* Bits 6 and 7 of ST0 */
static const struct word_value codes[] = {{0, "normal end"},
                                          {ST0_ABNORMAL >> 6, "abnormal end"},
                                          {ST0_INVALID >> 6, "invalid command"},
                                          {ST0_POLLING >> 6, "ready line changed"},
                                          {0, NULL}};
static const struct word_bits st0_bits[] = {
    {0x03, "drive", NULL, NULL},      {0x04, "head 1", NULL, NULL},     {ST0_CHECK, "EC", NULL, NULL},
    {ST0_SEEK_END, "SE", NULL, NULL}, {ST0_POLLING, NULL, NULL, codes}, {0, NULL, NULL, NULL}};
static const struct word_reg registers[] = {
    {0, WORD_READ, "status register A", NULL, "2.1.1 Status Register A", SHOW_VALUE},
    {1, WORD_READ, "status register B", NULL, "2.1.2 Status Register B", SHOW_VALUE},
    {DOR, WORD_BOTH, "digital output", dor_bits, "2.1.3 Digital Output Register", SHOW_VALUE},
    {TDR, WORD_BOTH, "tape drive", NULL, "2.1.4 Tape Drive Register", SHOW_VALUE},
    {MSR, WORD_READ, "main status", msr_bits, "2.1.6 Main Status Register", SHOW_VALUE},
    {MSR, WORD_WRITE, "data rate select", dsr_bits, "2.1.5 Datarate Select Register", SHOW_VALUE},
    {DIR, WORD_READ, "digital input", dir_bits, "2.1.8 Digital Input Register", SHOW_VALUE},
    {DIR, WORD_WRITE, "configuration control", ccr_bits, "2.1.9 Configuration Control Register", SHOW_VALUE},
};

void fdc_status_words(struct words *w, uint8_t st0)
{
    words_add(w, ": ST0");
    words_bits(w, st0_bits, st0, 1);
    w->manual = manual;
    w->source = "6.0 Status Register Encoding";
}

static void written(struct fdc_seen *f, const struct access *a, struct words *w)
{
    const struct fdc_command *c;
    if (!f->pos || f->pos >= f->length) {
        c = fdc_command((uint8_t)a->value);
        *f = (struct fdc_seen){.command = (uint8_t)a->value, .pos = 1, .length = c->length};
        words_add(w, "command %s (%02Xh)", c->name, f->command);
        return;
    }
    c = fdc_command(f->command);
    words_add(w, "%s, byte %u of the command: %02Xh", c->name, f->pos, (unsigned)a->value);
    f->pos++;
}

/* The first byte of most results is ST0. */
static void fetched(struct fdc_seen *f, const struct access *a, struct words *w)
{
    enum { SENSE_DRIVE = 0x04, VERSION = 0x10, DUMPREG = 0x0e, LOCK = 0x14, OPERATION = 0x1f };
    unsigned op = f->command & OPERATION, at = f->result;
    f->result += (uint8_t)a->count;
    words_add(w, "byte %u of the result", at);
    if (at || !f->length || op == SENSE_DRIVE || op == VERSION || op == DUMPREG || op == LOCK) {
        words_add(w, ": %02Xh", (unsigned)a->value);
        return;
    }
    words_add(w, ": ST0");
    words_bits(w, st0_bits, a->value, 1);
}

bool floppy_words(struct board_seen *s, const struct access *a, struct words *w)
{
    unsigned reg = a->at & 7;
    if (reg == FIFO) {
        words_begin(w, "floppy", manual);
        w->source = "5.0 Command Set/Descriptions";
        a->write ? written(&s->fdc, a, w) : fetched(&s->fdc, a, w);
        return true;
    }
    if ((reg == DOR && a->write && !(a->value & DOR_RUN)) || (reg == MSR && a->write && a->value & 0x80))
        s->fdc = (struct fdc_seen){0};
    if (words_register(w, "floppy", manual, WORD_ROWS(registers), reg, a))
        return true;
    words_begin(w, "floppy", manual);
    words_add(w, "register %u, not writable", reg);
    return true;
}
