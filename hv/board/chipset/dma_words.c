/* dma_words.c - the DMA controllers in words. Sources: Intel 8237A datasheet (231466), register description;
 * PIIX3 datasheet, DMA page registers. */
#include "hv/board/chipset/dma.h"
#include "hv/board/words/words.h"

static const char manual[] = "Intel 8237A datasheet (231466)";
enum { COMMAND = 8, REQUEST, MASK, MODE, CLEAR_POINTER, MASTER_CLEAR, CLEAR_MASK, ALL_MASK };

static const struct word_value transfers[] = {
    {0, "verify"}, {1, "to memory"}, {2, "from memory"}, {3, "illegal"}, {0, NULL}};
static const struct word_value modes[] = {
    {0, "demand mode"}, {1, "single mode"}, {2, "block mode"}, {3, "cascade mode"}, {0, NULL}};
static const struct word_bits mode_bits[] = {{0x0c, "transfer", NULL, transfers},
                                             {0x10, "autoinitialize", NULL, NULL},
                                             {0x20, "decrement", NULL, NULL},
                                             {0xc0, "mode", NULL, modes},
                                             {0, NULL, NULL, NULL}};
static const struct word_bits mask_bits[] = {{0x04, "masked", "enabled", NULL}, {0, NULL, NULL, NULL}};
static const struct word_bits request_bits[] = {{0x04, "requested", "no request", NULL},
                                                {0, NULL, NULL, NULL}};
static const struct word_bits status_bits[] = {{0x01, "channel 0 at its end", NULL, NULL},
                                               {0x02, "channel 1 at its end", NULL, NULL},
                                               {0x04, "channel 2 at its end", NULL, NULL},
                                               {0x08, "channel 3 at its end", NULL, NULL},
                                               {0xf0, "requests#", NULL, NULL},
                                               {0, NULL, NULL, NULL}};
static const struct word_bits command_bits[] = {{0x01, "memory to memory", NULL, NULL},
                                                {0x04, "controller off", "controller on", NULL},
                                                {0x10, "rotating priority", NULL, NULL},
                                                {0x80, "DACK active high", NULL, NULL},
                                                {0, NULL, NULL, NULL}};
static const struct word_bits masks_bits[] = {{0x01, "channel 0 masked", NULL, NULL},
                                              {0x02, "channel 1 masked", NULL, NULL},
                                              {0x04, "channel 2 masked", NULL, NULL},
                                              {0x08, "channel 3 masked", NULL, NULL},
                                              {0, NULL, NULL, NULL}};
static const struct word_reg registers[] = {
    {COMMAND, WORD_READ, "status", status_bits, "Status Register", SHOW_VALUE},
    {COMMAND, WORD_WRITE, "command", command_bits, "Command Register", SHOW_VALUE},
    {REQUEST, WORD_WRITE, "request", request_bits, "Request Register", SHOW_VALUE},
    {MASK, WORD_WRITE, "mask", mask_bits, "Mask Register", SHOW_VALUE},
    {MODE, WORD_WRITE, "mode", mode_bits, "Mode Register", SHOW_VALUE},
    {CLEAR_POINTER, WORD_WRITE, "clear byte pointer", NULL, "Clear First/Last Flip-Flop", SHOW_NAME},
    {MASTER_CLEAR, WORD_READ, "temporary register", NULL, "Temporary Register", SHOW_VALUE},
    {MASTER_CLEAR, WORD_WRITE, "master clear", NULL, "Master Clear", SHOW_NAME},
    {CLEAR_MASK, WORD_WRITE, "clear all masks", NULL, "Clear Mask Register", SHOW_NAME},
    {ALL_MASK, WORD_BOTH, "all masks", masks_bits, "Mask Register", SHOW_VALUE},
};

static bool page_words(const struct access *a, struct words *w)
{
    int c = dma_page_channel((uint16_t)a->at);
    words_begin(w, "DMA", "PIIX3 datasheet");
    w->source = "DMA Page Registers";
    if (c < 0)
        words_add(w, "spare page register %02llXh", (unsigned long long)a->value);
    else
        words_add(w, "page of channel %d: %02llXh", c, (unsigned long long)a->value);
    return true;
}

bool dma_words(struct board_seen *s, const struct access *a, struct words *w)
{
    unsigned chip = a->at >= 0xc0, reg = (unsigned)(chip ? (a->at - 0xc0) / 2 : a->at);
    const char *name = chip ? "DMA channels 4-7" : "DMA channels 0-3";
    if (!chip && a->at >= 0x80)
        return page_words(a, w);
    if (reg == CLEAR_POINTER || reg == MASTER_CLEAR)
        s->dma_high[chip] = 0;
    if (a->write && (reg == REQUEST || reg == MASK || reg == MODE)) {
        static const char *const channels[] = {"DMA channel 0", "DMA channel 1", "DMA channel 2",
                                               "DMA channel 3", "DMA channel 4", "DMA channel 5",
                                               "DMA channel 6", "DMA channel 7"};
        name = channels[4 * chip + (a->value & 3)];
    }
    if (reg >= COMMAND)
        return words_register(w, name, manual, WORD_ROWS(registers), reg, a);
    words_begin(w, name, manual);
    w->source = reg & 1 ? "Current Word Register" : "Current Address Register";
    words_add(w, "channel %u %s, %s byte %02llXh", 4 * chip + reg / 2, reg & 1 ? "count" : "address",
              s->dma_high[chip] ? "high" : "low", (unsigned long long)a->value);
    s->dma_high[chip] ^= a->count & 1;
    return true;
}
