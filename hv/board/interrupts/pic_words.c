/* pic_words.c - the interrupt controllers in words.
 *
 * Source: Intel 8259A datasheet (231468): "Initialization Command Words", "Operation Command Words"; PIIX3
 * datasheet, edge/level control registers. */
#include "hv/board/words/words.h"

static const char manual[] = "Intel 8259A datasheet (231468)";
static const char *const names[] = {"master PIC", "slave PIC"};
enum { ICW1 = 0x10, OCW3 = 0x08, ICW1_NO_CASCADE = 0x02, ICW1_ICW4 = 0x01, CASCADE = 2 };

static const char *const lines[16] = {
    "timer", "keyboard", "cascade", "COM2 and COM4", "COM1 and COM3", "LPT2", "floppy",      "LPT1",
    "clock", "ACPI",     "PCI",     "PCI",           "mouse",         "FPU",  "IDE primary", "IDE secondary",
};

const char *irq_line_name(unsigned line)
{
    return line < 16 ? lines[line] : "PCI";
}

int pic_line_of(const struct board_seen *s, unsigned vector)
{
    for (unsigned i = 0; i < 2; i++)
        if (s->pic[i].known && (vector & 0xf8) == s->pic[i].base)
            return (int)(8 * i + (vector & 7));
    return -1;
}

static const struct word_bits icw1_bits[] = {{0x08, "level-triggered", "edge-triggered", NULL},
                                             {ICW1_NO_CASCADE, "single", "cascade", NULL},
                                             {ICW1_ICW4, "ICW4 follows", "no ICW4", NULL},
                                             {0, NULL, NULL, NULL}};
static const struct word_bits icw4_bits[] = {{0x10, "special fully nested", NULL, NULL},
                                             {0x08, "buffered", NULL, NULL},
                                             {0x02, "automatic EOI", "normal EOI", NULL},
                                             {0x01, "8086 mode", "8085 mode", NULL},
                                             {0, NULL, NULL, NULL}};
static const struct word_value ocw2_names[] = {{0, "rotate in automatic EOI off"},
                                               {1, "non-specific EOI"},
                                               {2, "no operation"},
                                               {3, "specific EOI"},
                                               {4, "rotate in automatic EOI on"},
                                               {5, "rotate on non-specific EOI"},
                                               {6, "set priority"},
                                               {7, "rotate on specific EOI"},
                                               {0, NULL}};
static const struct word_value ocw3_reads[] = {{0, ""}, {1, ""}, {2, "read IRR"}, {3, "read ISR"}, {0, NULL}};
static const struct word_value ocw3_masks[] = {
    {0, ""}, {1, ""}, {2, "special mask off"}, {3, "special mask on"}, {0, NULL}};
static const struct word_bits ocw3_bits[] = {{0x60, NULL, NULL, ocw3_masks},
                                             {0x04, "poll", NULL, NULL},
                                             {0x03, NULL, NULL, ocw3_reads},
                                             {0, NULL, NULL, NULL}};

/* Adds the lines of an eight-bit mask: "IRQ 0, 2-7", "none", "all". */
static void add_lines(struct words *w, unsigned first, unsigned set)
{
    const char *sep = "IRQ ";
    if (!(set & 0xff) || (set & 0xff) == 0xff) {
        words_add(w, set & 0xff ? "all" : "none");
        return;
    }
    for (unsigned i = 0; i < 8; i++) {
        unsigned end = i;
        while (end < 8 && set >> end & 1)
            end++;
        if (end == i)
            continue;
        words_add(w, end - i > 1 ? "%s%u-%u" : "%s%u", sep, first + i, first + end - 1);
        sep = ", ";
        i = end;
    }
}

static void command(struct pic_seen *p, unsigned chip, unsigned v, struct words *w)
{
    if (v & ICW1) {
        words_add(w, "ICW1");
        words_bits(w, icw1_bits, v, 1);
        w->source = "Initialization Command Words";
        p->icw = 2;
        p->icw4 = v & ICW1_ICW4;
        p->read_isr = 0;
    } else if (v & OCW3) {
        words_add(w, "OCW3");
        words_bits(w, ocw3_bits, v, 1);
        w->source = "Operation Control Word 3";
        if (v & 2)
            p->read_isr = v & 1;
    } else {
        const char *name = words_value(ocw2_names, v >> 5 & 7);
        w->source = "Operation Control Word 2";
        words_add(w, "%s", name);
        if (v & 0x40 && (v >> 5 & 7) != 2)
            words_add(w, ", IRQ %u (%s)", 8 * chip + (v & 7), irq_line_name(8 * chip + (v & 7)));
    }
}

/* An initialization word after the first. A single chip would have no ICW3, but no PC has a single one. */
static void initialize(struct pic_seen *p, unsigned chip, unsigned v, struct words *w)
{
    unsigned word = p->icw;
    w->source = "Initialization Command Words";
    if (word == 2) {
        p->base = v & 0xf8;
        p->known = 1;
        words_add(w, "ICW2: IRQ %u-%u are vectors %02Xh-%02Xh", 8 * chip, 8 * chip + 7, p->base, p->base + 7);
    } else if (word == 3 && !chip) {
        words_add(w, "ICW3: slaves at ");
        add_lines(w, 0, v);
    } else if (word == 3) {
        words_add(w, "ICW3: slave at the master's IRQ %u", v & 7);
    } else {
        words_add(w, "ICW4");
        words_bits(w, icw4_bits, v, 1);
    }
    p->icw = word == 2 ? 3 : word == 3 && p->icw4 ? 4 : 0;
}

bool pic_words(struct board_seen *s, const struct access *a, struct words *w)
{
    unsigned chip = a->at >> 7 & 1, v = (unsigned)a->value;
    struct pic_seen *p = &s->pic[chip];
    words_begin(w, names[chip], manual);
    if (!(a->at & 1) && a->write) {
        command(p, chip, v, w);
    } else if (!(a->at & 1)) {
        words_add(w, p->read_isr ? "in service: " : "requests: ");
        w->source = "Reading the 8259A Status";
        add_lines(w, 8 * chip, v);
    } else if (a->write && p->icw) {
        initialize(p, chip, v, w);
    } else {
        words_add(w, "masked: ");
        w->source = "Operation Control Word 1";
        add_lines(w, 8 * chip, v);
    }
    return true;
}

bool elcr_words(struct board_seen *s, const struct access *a, struct words *w)
{
    words_begin(w, "PIC", "PIIX3 datasheet");
    w->source = a->at & 1 ? "ELCR2" : "ELCR1";
    words_add(w, "level-triggered: ");
    add_lines(w, a->at & 1 ? 8 : 0, (unsigned)a->value);
    return true;
}
