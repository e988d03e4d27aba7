/* rtc_words.c - the real-time clock and the CMOS RAM in words.
 *
 * Sources: Motorola MC146818A datasheet (registers 00h-0Dh); Ralf Brown, CMOS Memory Map (the bytes after
 * them, as PC/AT firmware uses them); PIIX3 datasheet, NMI enable and real-time clock address register. */
#include "hv/board/timers/rtc.h"
#include "hv/board/words/words.h"

static const char manual[] = "Motorola MC146818A", map[] = "CMOS Memory Map (Ralf Brown)";

static const struct word_value rate[] = {{0, "no periodic rate"}, {6, "periodic rate 1024 Hz"}, {0, NULL}};
static const struct word_value divider[] = {{0, "4.19 MHz time base"}, {1, "1.05 MHz time base"},
                                            {2, "32 kHz time base"},   {6, "divider reset"},
                                            {7, "divider reset"},      {0, NULL}};
static const struct word_bits a_bits[] = {
    {A_UIP, "UIP (update in progress)", NULL, NULL},
    {0x70, "divider", NULL, divider},
    {A_RATE, "rate", NULL, rate},
    {0, NULL, NULL, NULL},
};
static const struct word_bits b_bits[] = {
    {B_SET, "SET (updates stopped)", NULL, NULL},
    {0x40, "PIE", NULL, NULL},
    {0x20, "AIE", NULL, NULL},
    {0x10, "UIE", NULL, NULL},
    {0x08, "SQWE", NULL, NULL},
    {B_BINARY, "binary values", "BCD values", NULL},
    {B_24H, "24 hours", "12 hours", NULL},
    {0x01, "daylight saving", NULL, NULL},
    {0, NULL, NULL, NULL},
};
static const struct word_bits c_bits[] = {
    {C_IRQ, "IRQF", NULL, NULL},  {C_PERIODIC, "PF", NULL, NULL}, {C_ALARM, "AF", NULL, NULL},
    {C_UPDATE, "UF", NULL, NULL}, {0, NULL, NULL, NULL},
};
static const struct word_bits d_bits[] = {{0x80, "VRT (valid RAM and time)", "battery lost", NULL},
                                          {0, NULL, NULL, NULL}};
static const struct word_value shutdown_codes[] = {
    {0x00, "power-on reset"},
    {0x05, "EOI and jump through 40:67"},
    {0x09, "INT 15h block move returns"},
    {0x0a, "jump through 40:67"},
    {0, NULL},
};
static const struct word_bits shutdown_bits[] = {{0xff, "code#", NULL, shutdown_codes},
                                                 {0, NULL, NULL, NULL}};
static const struct word_value floppies[] = {{0, "none"},    {1, "360 KB"},  {2, "1.2 MB"}, {3, "720 KB"},
                                             {4, "1.44 MB"}, {5, "2.88 MB"}, {0, NULL}};
static const struct word_bits floppy_bits[] = {
    {0xf0, "A", NULL, floppies}, {0x0f, "B", NULL, floppies}, {0, NULL, NULL, NULL}};
static const struct word_bits equipment_bits[] = {
    {0x01, "floppy drives", NULL, NULL},
    {0x02, "coprocessor", NULL, NULL},
    {0x04, "keyboard or mouse", NULL, NULL},
    {0, NULL, NULL, NULL},
};

/* The index selects a row. */
static const struct word_reg registers[] = {
    {R_SECOND, WORD_BOTH, "seconds", NULL, "Time, Calendar, and Alarm Locations", SHOW_VALUE},
    {R_SECOND + 1, WORD_BOTH, "seconds alarm", NULL, "Time, Calendar, and Alarm Locations", SHOW_VALUE},
    {R_MINUTE, WORD_BOTH, "minutes", NULL, "Time, Calendar, and Alarm Locations", SHOW_VALUE},
    {R_MINUTE + 1, WORD_BOTH, "minutes alarm", NULL, "Time, Calendar, and Alarm Locations", SHOW_VALUE},
    {R_HOUR, WORD_BOTH, "hours", NULL, "Time, Calendar, and Alarm Locations", SHOW_VALUE},
    {R_HOUR + 1, WORD_BOTH, "hours alarm", NULL, "Time, Calendar, and Alarm Locations", SHOW_VALUE},
    {R_WEEKDAY, WORD_BOTH, "day of the week", NULL, "Time, Calendar, and Alarm Locations", SHOW_VALUE},
    {R_DAY, WORD_BOTH, "date of the month", NULL, "Time, Calendar, and Alarm Locations", SHOW_VALUE},
    {R_MONTH, WORD_BOTH, "month", NULL, "Time, Calendar, and Alarm Locations", SHOW_VALUE},
    {R_YEAR, WORD_BOTH, "year", NULL, "Time, Calendar, and Alarm Locations", SHOW_VALUE},
    {R_A, WORD_BOTH, "register A", a_bits, "Register A", SHOW_VALUE},
    {R_B, WORD_BOTH, "register B", b_bits, "Register B", SHOW_VALUE},
    {R_C, WORD_BOTH, "register C", c_bits, "Register C", SHOW_VALUE},
    {R_D, WORD_BOTH, "register D", d_bits, "Register D", SHOW_VALUE},
    {0x0e, WORD_BOTH, "diagnostic status", NULL, "0Eh", SHOW_VALUE},
    {0x0f, WORD_BOTH, "shutdown status", shutdown_bits, "0Fh", SHOW_VALUE},
    {0x10, WORD_BOTH, "floppy drive types", floppy_bits, "10h", SHOW_VALUE},
    {0x12, WORD_BOTH, "hard disk types", NULL, "12h", SHOW_VALUE},
    {0x14, WORD_BOTH, "equipment", equipment_bits, "14h", SHOW_VALUE},
    {0x15, WORD_BOTH, "base memory, low byte", NULL, "15h", SHOW_VALUE},
    {0x16, WORD_BOTH, "base memory, high byte", NULL, "16h", SHOW_VALUE},
    {0x17, WORD_BOTH, "memory above 1 MiB, low byte", NULL, "17h", SHOW_VALUE},
    {0x18, WORD_BOTH, "memory above 1 MiB, high byte", NULL, "18h", SHOW_VALUE},
    {0x30, WORD_BOTH, "memory above 1 MiB found, low byte", NULL, "30h", SHOW_VALUE},
    {0x31, WORD_BOTH, "memory above 1 MiB found, high byte", NULL, "31h", SHOW_VALUE},
    {R_CENTURY, WORD_BOTH, "century", NULL, "32h", SHOW_VALUE},
    {0x34, WORD_BOTH, "memory above 16 MiB, low byte", NULL, "34h", SHOW_VALUE},
    {0x35, WORD_BOTH, "memory above 16 MiB, high byte", NULL, "35h", SHOW_VALUE},
    {R_CENTURY_PS2, WORD_BOTH, "century (PS/2)", NULL, "37h", SHOW_VALUE},
    {0x38, WORD_BOTH, "boot order, third", NULL, "38h (Bochs and QEMU)", SHOW_VALUE},
    {0x3d, WORD_BOTH, "boot order, first and second", NULL, "3Dh (Bochs and QEMU)", SHOW_VALUE},
    {0x5b, WORD_BOTH, "memory above 4 GiB, low byte", NULL, "5Bh (QEMU)", SHOW_VALUE},
    {0x5c, WORD_BOTH, "memory above 4 GiB, middle byte", NULL, "5Ch (QEMU)", SHOW_VALUE},
    {0x5d, WORD_BOTH, "memory above 4 GiB, high byte", NULL, "5Dh (QEMU)", SHOW_VALUE},
    {0x5f, WORD_BOTH, "number of processors less one", NULL, "5Fh (QEMU)", SHOW_VALUE},
};

static void selected(struct board_seen *s, const struct access *a, struct words *w)
{
    s->cmos = a->value & 0x7f;
    s->cmos_known = 1;
    words_select(w, "CMOS", "PIIX3 datasheet", WORD_ROWS(registers), s->cmos);
    w->source = "NMI Enable and Real-Time Clock Address Register";
    words_add(w, ", NMI %s", a->value & 0x80 ? "masked" : "enabled");
}

bool rtc_words(struct board_seen *s, const struct access *a, struct words *w)
{
    if (a->at == 0x70 && a->write) {
        selected(s, a, w);
        return true;
    }
    if (a->at == 0x70) {
        words_begin(w, "CMOS", "PIIX3 datasheet");
        words_add(w, "selected register %02llXh", (unsigned long long)a->value & 0x7f);
        return true;
    }
    if (s->cmos_known &&
        words_register(w, "CMOS", s->cmos <= R_D ? manual : map, WORD_ROWS(registers), s->cmos, a))
        return true;
    words_begin(w, "CMOS", map);
    if (s->cmos_known)
        words_add(w, "byte %02Xh: %02llXh", s->cmos, (unsigned long long)a->value);
    else
        words_add(w, "data of the selected register %02llXh", (unsigned long long)a->value);
    return true;
}
