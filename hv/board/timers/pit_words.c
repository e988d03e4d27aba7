/* pit_words.c - the interval timer and port 61h in words.
 *
 * Sources: Intel 8254 datasheet (231164): "Control Word Format", "Read-Back Command", "Counter Latch
 * Command"; PIIX3 datasheet, NMI status and control register. */
#include "hv/board/words/words.h"

static const char manual[] = "Intel 8254 datasheet (231164)";
enum { CONTROL = 0x43, LATCH = 0, READ_BACK = 3 };

static const struct word_value access_names[] = {
    {1, "low byte"}, {2, "high byte"}, {3, "low then high byte"}, {0, NULL}};
static const struct word_value modes[] = {
    {0, "mode 0 (interrupt on terminal count)"},
    {1, "mode 1 (one-shot)"},
    {2, "mode 2 (rate generator)"},
    {3, "mode 3 (square wave)"},
    {4, "mode 4 (software strobe)"},
    {5, "mode 5 (hardware strobe)"},
    {6, "mode 2 (rate generator)"},
    {7, "mode 3 (square wave)"},
    {0, NULL},
};
static const struct word_bits control_bits[] = {{0x30, "access", NULL, access_names},
                                                {0x0e, "mode", NULL, modes},
                                                {0x01, "BCD", "binary", NULL},
                                                {0, NULL, NULL, NULL}};
static const struct word_bits status_bits[] = {{0x80, "output high", "output low", NULL},
                                               {0x40, "null count", NULL, NULL},
                                               {0x30, "access", NULL, access_names},
                                               {0x0e, "mode", NULL, modes},
                                               {0x01, "BCD", "binary", NULL},
                                               {0, NULL, NULL, NULL}};
static const struct word_bits read_back_bits[] = {
    {0x20, NULL, "latch count", NULL}, {0x10, NULL, "latch status", NULL}, {0x02, "counter 0", NULL, NULL},
    {0x04, "counter 1", NULL, NULL},   {0x08, "counter 2", NULL, NULL},    {0, NULL, NULL, NULL}};
static const struct word_bits port61_bits[] = {{0x01, "timer 2 gate on", "timer 2 gate off", NULL},
                                               {0x02, "speaker on", NULL, NULL},
                                               {0x04, "SERR# NMI off", NULL, NULL},
                                               {0x08, "IOCHK# NMI off", NULL, NULL},
                                               {0x10, "refresh toggle", NULL, NULL},
                                               {0x20, "timer 2 output high", NULL, NULL},
                                               {0x40, "IOCHK# NMI", NULL, NULL},
                                               {0x80, "SERR# NMI", NULL, NULL},
                                               {0, NULL, NULL, NULL}};
static const struct word_reg port61[] = {
    {0x61, WORD_BOTH, "port 61h", port61_bits, "NMI Status and Control Register", SHOW_VALUE},
};

static const char *const uses[] = {"counter 0 (IRQ 0)", "counter 1 (refresh)", "counter 2 (speaker)"};

static void control(struct pit_seen *p, unsigned v, struct words *w)
{
    unsigned counter = v >> 6;
    words_begin(w, "PIT", manual);
    if (counter == READ_BACK) {
        w->source = "Read-Back Command";
        words_add(w, "read back");
        words_bits(w, read_back_bits, v & 0x3e, 1);
        for (unsigned i = 0; i < 3; i++)
            if (v >> (i + 1) & 1) {
                p->status[i] |= !(v & 0x10);
                p->high_read[i] = v & 0x20 ? p->high_read[i] : 0;
            }
        return;
    }
    words_add(w, "%s", uses[counter]);
    if ((v >> 4 & 3) == LATCH) {
        w->source = "Counter Latch Command";
        words_add(w, ": latch count");
        return;
    }
    w->source = "Control Word Format";
    words_bits(w, control_bits, v, 1);
    p->access[counter] = v >> 4 & 3;
    p->high_write[counter] = p->high_read[counter] = p->status[counter] = 0;
}

static void count(struct pit_seen *p, unsigned counter, const struct access *a, struct words *w)
{
    uint8_t *high = a->write ? &p->high_write[counter] : &p->high_read[counter];
    words_begin(w, "PIT", manual);
    words_add(w, "%s", uses[counter]);
    w->source = a->write ? "Write Operations" : "Read Operations";
    if (!a->write && p->status[counter]) {
        p->status[counter] = 0;
        words_add(w, ": status");
        words_bits(w, status_bits, a->value, 1);
        return;
    }
    unsigned mode = p->access[counter];
    if (mode == 3 && a->count > 1) {
        words_add(w, ": count, last byte %02llXh", (unsigned long long)a->value);
        *high ^= a->count & 1;
        return;
    }
    words_add(w, ": %scount%s %02llXh", a->write ? "" : "present ",
              !mode                               ? ""
              : mode == 2 || (mode == 3 && *high) ? ", high byte"
                                                  : ", low byte",
              (unsigned long long)a->value);
    if (mode == 3)
        *high ^= 1;
}

bool pit_words(struct board_seen *s, const struct access *a, struct words *w)
{
    if (a->at == 0x61)
        return words_register(w, "PC", "PIIX3 datasheet", WORD_ROWS(port61), a->at, a);
    if (a->at != CONTROL) {
        count(&s->pit, a->at & 3, a, w);
        return true;
    }
    if (a->write) {
        control(&s->pit, (unsigned)a->value, w);
        return true;
    }
    words_begin(w, "PIT", manual);
    words_add(w, "control word, not readable");
    return true;
}
