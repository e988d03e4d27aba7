/* rtc.c - the MC146818 real-time clock and 128 bytes of CMOS RAM at ports 70h and 71h.
 *
 * Sources: Motorola MC146818A datasheet; CMOS byte use as in Ralf Brown's CMOS list and as firmware of the
 * reference PC reads it.
 *
 * The clock does not tick: seconds and interrupt flags are computed from guest time when they are needed. A
 * timer runs only while an enabled interrupt is pending in the future. Guest time 0 is the date of the
 * setting "rtc". */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/date.h"
#include "core/engine/settings.h"
#include "hv/board/chips.h"
#include "hv/board/slots.h"
#include "hv/board/timers/clocks.h"
#include "hv/board/chip.h"
#include "hv/board/storage/drives.h"
#include "hv/board/timers/rtc.h"

enum { CHAIN_HZ = 32768 };

#define SECOND_NS 1000000000ll
#define UIP_NS    244141ll /* 8 cycles of 32 kHz before an update */

struct rtc {
    struct board *board;
    uint8_t index; /* port 70h: bit 7 masks the NMI */
    uint8_t cmos[128];
    int64_t second; /* seconds since 1970 of the clock while it runs, at guest time `chain` */
    int64_t chain;  /* guest time at which some second started: the divider chain's phase */
    uint64_t seen;  /* the flags in register C are up to date until here */
    bool line;      /* IRQ 8 as driven */
    bool irq_off;   /* the HPET drives IRQ 8 */
    struct timer t;
};

static const struct field rtc_fields[] = {
    FIELD(struct rtc, index),   FIELDS(struct rtc, cmos),      FIELD(struct rtc, second),
    FIELD(struct rtc, chain),   FIELD(struct rtc, seen),       FIELD(struct rtc, line),
    FIELD(struct rtc, irq_off), FIELD(struct rtc, t.deadline),
};

/* ---------------------------------------------------------------- calendar */

static void date_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned doe = days - era * 146097;
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned m = (5 * doy + 2) / 153;
    *day = doy - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = yoe + era * 400 + (*month <= 2);
}

/* ---------------------------------------------------------------- registers and time */

static uint8_t encode(const struct rtc *s, unsigned v)
{
    return s->cmos[R_B] & B_BINARY ? v : v / 10 << 4 | v % 10;
}

static unsigned decode(const struct rtc *s, uint8_t v)
{
    return s->cmos[R_B] & B_BINARY ? v : (v >> 4) * 10 + (v & 15);
}

static unsigned decode_hour(const struct rtc *s, uint8_t v)
{
    if (s->cmos[R_B] & B_24H)
        return decode(s, v);
    return decode(s, v & 0x7f) % 12 + (v & 0x80 ? 12 : 0);
}

static uint8_t encode_hour(const struct rtc *s, unsigned hour)
{
    if (s->cmos[R_B] & B_24H)
        return encode(s, hour);
    return encode(s, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? 0x80 : 0);
}

/* The divider chain counts unless bits 4-6 of register A hold it in reset. */
static bool chain_runs(const struct rtc *s)
{
    return (s->cmos[R_A] & 0x60) != 0x60;
}

static bool clock_runs(const struct rtc *s)
{
    return chain_runs(s) && !(s->cmos[R_B] & B_SET);
}

static int64_t second_at(const struct rtc *s, uint64_t time)
{
    return s->second + ((int64_t)time - s->chain) / SECOND_NS;
}

/* Put the running clock's date and time into the registers. */
static void show_time(struct rtc *s)
{
    if (!clock_runs(s))
        return;
    int64_t now = second_at(s, board_now(s->board)), year;
    int64_t days = (now >= 0 ? now : now - 86399) / 86400;
    unsigned of_day = now - days * 86400, month, day;
    date_from_days(days, &year, &month, &day);
    s->cmos[R_SECOND] = encode(s, of_day % 60);
    s->cmos[R_MINUTE] = encode(s, of_day / 60 % 60);
    s->cmos[R_HOUR] = encode_hour(s, of_day / 3600);
    s->cmos[R_WEEKDAY] = encode(s, ((days + 4) % 7 + 7) % 7 + 1);
    s->cmos[R_DAY] = encode(s, day);
    s->cmos[R_MONTH] = encode(s, month);
    s->cmos[R_YEAR] = encode(s, year % 100);
    s->cmos[R_CENTURY] = encode(s, year / 100 % 100);
}

/* Sets the clock's time from the registers; its phase does not change. */
static void take_time(struct rtc *s)
{
    unsigned month = decode(s, s->cmos[R_MONTH]);
    int64_t year = decode(s, s->cmos[R_CENTURY]) * 100 + decode(s, s->cmos[R_YEAR]);
    int64_t days = date_days(year, month >= 1 && month <= 12 ? month : 1, 1) + decode(s, s->cmos[R_DAY]) - 1;
    s->second = days * 86400 + decode_hour(s, s->cmos[R_HOUR]) * 3600 + decode(s, s->cmos[R_MINUTE]) * 60 +
                decode(s, s->cmos[R_SECOND]);
    int64_t now = board_now(s->board);
    s->chain = now - (now - s->chain) % SECOND_NS;
}

/* ---------------------------------------------------------------- interrupts */

/* The period of the periodic interrupt in cycles of 32768 Hz; 0 if it is off. */
static uint64_t periodic_cycles(const struct rtc *s)
{
    unsigned rate = s->cmos[R_A] & A_RATE;
    if (!rate || !chain_runs(s))
        return 0;
    return 1u << (rate < 3 ? rate + 6 : rate - 1);
}

/* How many periods have ended at `time`, counted from the chain's phase. */
static uint64_t periods(const struct rtc *s, uint64_t time, uint64_t cycles)
{
    return muldiv64(time - s->chain, CHAIN_HZ, SECOND_NS) / cycles;
}

/* Compares an alarm byte with a value; if its two top bits are set, it matches everything. */
static bool alarm_matches(const struct rtc *s, unsigned reg, unsigned value)
{
    uint8_t alarm = s->cmos[reg];
    if ((alarm & 0xc0) == 0xc0)
        return true;
    return (reg == R_HOUR + 1 ? decode_hour(s, alarm) : decode(s, alarm)) == value;
}

/* The first second after `after` that matches the alarm; INT64_MAX if none does. */
static int64_t next_alarm(const struct rtc *s, int64_t after)
{
    int64_t end = after + 2 * 86400;
    for (int64_t t = after + 1; t < end;) {
        unsigned of_day = (t % 86400 + 86400) % 86400;
        if (!alarm_matches(s, R_HOUR + 1, of_day / 3600))
            t += 3600 - of_day % 3600;
        else if (!alarm_matches(s, R_MINUTE + 1, of_day / 60 % 60))
            t += 60 - of_day % 60;
        else if (!alarm_matches(s, R_SECOND + 1, of_day % 60))
            t++;
        else
            return t;
    }
    return INT64_MAX;
}

/* Sets the flags in register C for what has happened since the last call. To be called before anything that
 * they depend on is changed. */
static void collect(struct rtc *s)
{
    uint64_t now = board_now(s->board), cycles = periodic_cycles(s);
    if (cycles && periods(s, now, cycles) != periods(s, s->seen, cycles))
        s->cmos[R_C] |= C_PERIODIC;
    if (clock_runs(s)) {
        int64_t from = second_at(s, s->seen), to = second_at(s, now);
        if (to > from)
            s->cmos[R_C] |= C_UPDATE;
        if (to > from && next_alarm(s, from) <= to)
            s->cmos[R_C] |= C_ALARM;
    }
    s->seen = now;
    if (s->cmos[R_C] & s->cmos[R_B] & C_SOURCES)
        s->cmos[R_C] |= C_IRQ;
    else
        s->cmos[R_C] &= ~C_IRQ;
}

static uint64_t min64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Guest time of the first enabled interrupt after now. */
static uint64_t next_interrupt(const struct rtc *s)
{
    uint64_t now = board_now(s->board), next = TIMER_OFF, cycles = periodic_cycles(s);
    uint8_t enabled = s->cmos[R_B];
    if ((enabled & C_PERIODIC) && cycles)
        next = s->chain + muldiv64_up((periods(s, now, cycles) + 1) * cycles, SECOND_NS, CHAIN_HZ);
    if (!clock_runs(s))
        return next;
    int64_t second = second_at(s, now);
    if (enabled & C_UPDATE)
        next = min64(next, s->chain + (second + 1 - s->second) * SECOND_NS);
    if (enabled & C_ALARM) {
        int64_t alarm = next_alarm(s, second);
        if (alarm != INT64_MAX)
            next = min64(next, s->chain + (alarm - s->second) * SECOND_NS);
    }
    return next;
}

/* IRQ 8 is high from an interrupt until register C is read; nothing can change it in between, so no timer is
 * needed. */
static void update(struct rtc *s)
{
    bool irq = s->cmos[R_C] & C_IRQ, line = irq && !s->irq_off;
    uint64_t next = irq ? TIMER_OFF : next_interrupt(s);
    if (next == TIMER_OFF)
        timer_stop(s->board, &s->t);
    else
        timer_set(s->board, &s->t, next);
    if (line != s->line) {
        s->line = line;
        board_irq(s->board, 8, line);
    }
}

static void rtc_fire(void *ctx)
{
    struct rtc *s = ctx;
    collect(s);
    update(s);
    if (s->cmos[R_C] & s->cmos[R_B] & C_ALARM)
        acpi_rtc_alarm(s->board);
}

/* CMOS 0Fh: as QEMU sets it for firmware, which SeaBIOS and OVMF look at. */
void rtc_suspend(struct board *board)
{
    enum { R_SHUTDOWN = 0x0f, RESUME_S3 = 0xfe };
    struct rtc *s = board_slot(board, SLOT_RTC);
    collect(s);
    s->cmos[R_B] &= (uint8_t) ~(C_SOURCES & ~C_ALARM);
    s->cmos[R_C] = 0;
    s->cmos[R_SHUTDOWN] = RESUME_S3;
    s->irq_off = false;
    update(s);
}

void rtc_irq_enable(struct board *board, bool on)
{
    struct rtc *s = board_slot(board, SLOT_RTC);
    if (!s)
        return;
    s->irq_off = !on;
    collect(s);
    update(s);
}

bool rtc_nmi_masked(struct board *board)
{
    const struct rtc *s = board_slot(board, SLOT_RTC);
    return s && (s->index & 0x80);
}

/* ---------------------------------------------------------------- ports */

static void write_a(struct rtc *s, uint8_t value)
{
    bool ran = chain_runs(s);
    show_time(s);
    s->cmos[R_A] = value & ~A_UIP;
    if (!ran && chain_runs(s)) { /* released: the first update is half a second away */
        s->chain = (int64_t)board_now(s->board) - SECOND_NS / 2;
        if (clock_runs(s))
            take_time(s);
    }
}

static void write_b(struct rtc *s, uint8_t value)
{
    show_time(s);
    if (value & B_SET)
        value &= ~C_UPDATE; /* SET clears the update interrupt's enable */
    s->cmos[R_B] = value;
    if (clock_runs(s)) /* the bytes stay, but their meaning may change */
        take_time(s);
}

static void write_register(struct rtc *s, unsigned reg, uint8_t value)
{
    switch (reg) {
    case R_SECOND:
    case R_MINUTE:
    case R_HOUR:
    case R_WEEKDAY ... R_YEAR:
    case R_CENTURY:
        collect(s);
        show_time(s);
        s->cmos[reg] = value;
        if (clock_runs(s))
            take_time(s);
        break;
    case R_SECOND + 1: /* the alarm */
    case R_MINUTE + 1:
    case R_HOUR + 1:
        collect(s);
        s->cmos[reg] = value;
        break;
    case R_A:
        collect(s);
        write_a(s, value);
        break;
    case R_B:
        collect(s);
        write_b(s, value);
        collect(s);
        break;
    case R_C:
    case R_D:
        return; /* read-only */
    default:
        s->cmos[reg] = value;
        return;
    }
    update(s);
}

static uint8_t read_register(struct rtc *s, unsigned reg)
{
    uint8_t value;
    switch (reg) {
    case R_SECOND:
    case R_MINUTE:
    case R_HOUR:
    case R_WEEKDAY ... R_YEAR:
    case R_CENTURY:
        show_time(s);
        return s->cmos[reg];
    case R_A:
        if (clock_runs(s) && ((int64_t)board_now(s->board) - s->chain) % SECOND_NS >= SECOND_NS - UIP_NS)
            return s->cmos[R_A] | A_UIP;
        return s->cmos[R_A];
    case R_C:
        collect(s);
        value = s->cmos[R_C];
        s->cmos[R_C] = 0;
        update(s);
        return value;
    default:
        return s->cmos[reg];
    }
}

static unsigned selected(const struct rtc *s)
{
    unsigned reg = s->index & 0x7f;
    return reg == R_CENTURY_PS2 ? R_CENTURY : reg; /* two addresses of the same byte */
}

static void rtc_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
    struct rtc *s = ctx;
    if (port & 1)
        write_register(s, selected(s), value);
    else
        s->index = value;
}

static uint32_t rtc_in(void *ctx, uint16_t port, unsigned size)
{
    struct rtc *s = ctx;
    board_polled_timer(s->board);
    return port & 1 ? read_register(s, selected(s)) : 0xff; /* the index cannot be read */
}

/* ---------------------------------------------------------------- CMOS contents for firmware */

static void put16(struct rtc *s, unsigned reg, uint64_t value)
{
    s->cmos[reg] = value;
    s->cmos[reg + 1] = value >> 8;
}

static void fill_memory(struct rtc *s)
{
    uint64_t low = board_ram_low(s->board), high = board_ram_high(s->board) >> 16;
    uint64_t kib = low > 1 << 20 ? min64((low - (1 << 20)) >> 10, 65535) : 0;
    uint64_t above16m = low > 16 << 20 ? min64((low - (16 << 20)) >> 16, 65535) : 0;
    put16(s, 0x15, 640);
    put16(s, 0x17, kib);
    put16(s, 0x30, kib);
    put16(s, 0x34, above16m);
    put16(s, 0x5b, high); /* in units of 64 KiB */
    s->cmos[0x5d] = high >> 16;
    s->cmos[0x5f] = board_cpus(s->board) - 1;
}

/* Drive type by the image's size: 1 360K, 2 1.2M, 3 720K, 4 1.44M, 5 2.88M. */
static uint8_t floppy_type(const struct image *image)
{
    if (!image)
        return 0;
    uint64_t kib = image->size >> 10;
    return kib > 1440 ? 5 : kib == 1200 ? 2 : 4;
}

static void fill_floppies(struct rtc *s)
{
    uint8_t a = floppy_type(config_image(board_config(s->board), "floppy0"));
    uint8_t b = floppy_type(config_image(board_config(s->board), "floppy1"));
    s->cmos[0x10] = a << 4 | b;
    s->cmos[0x14] = 6; /* coprocessor, PS/2 mouse; colour display by its own firmware */
    if (a || b)
        s->cmos[0x14] |= a && b ? 0x41 : 1;
}

/* Geometry of hard disk n (user-defined type 47), and the translation that firmware should use for it. */
static void fill_disk(struct rtc *s, unsigned n, uint64_t sectors)
{
    enum { HEADS = 16, SECTORS = 63 };
    unsigned first = n ? 0x24 : 0x1b, translation = 0; /* none */
    uint64_t cylinders = sectors / (HEADS * SECTORS);
    cylinders = cylinders > 16383 ? 16383 : cylinders < 2 ? 2 : cylinders;
    if (cylinders > 1024)
        translation = cylinders * HEADS <= 131072 ? 2 : 1; /* large, LBA */
    s->cmos[0x12] |= n ? 0x0f : 0xf0;
    s->cmos[0x19 + n] = 47;
    put16(s, first, cylinders);
    s->cmos[first + 2] = HEADS;
    s->cmos[first + 3] = s->cmos[first + 4] = 0xff; /* no write precompensation */
    s->cmos[first + 5] = 0xc0 | 8;                  /* more than 8 heads */
    put16(s, first + 6, cylinders);
    s->cmos[first + 8] = SECTORS;
    s->cmos[0x39] |= translation << n * 2;
}

static int fill_boot_order(struct rtc *s, struct error *err)
{
    static const char letters[] = "acdn"; /* nibbles 1 floppy, 2 disk, 3 CD, 4 network */
    const char *order = config_get(board_config(s->board), "boot");
    uint8_t nibble[3] = {0};
    if (!order)
        order = "cad";
    for (unsigned i = 0; order[i]; i++) {
        const char *at = strchr(letters, order[i]);
        if (!at || i >= 3)
            return error_set(
                err, "setting boot '%s': up to three letters of a (floppy), c (disk), d (CD), n (network)",
                order);
        nibble[i] = at - letters + 1;
    }
    s->cmos[0x3d] = nibble[1] << 4 | nibble[0];
    s->cmos[0x38] = nibble[2] << 4; /* bit 0 clear: check a floppy's boot signature */
    return 0;
}

static int parse_date(const char *text, int64_t *second, struct error *err)
{
    return date_parse(text, second)
               ? 0
               : error_set(err, "setting rtc '%s': not a date of the form %s", text, setting_preset("rtc"));
}

/* ---------------------------------------------------------------- creation */

/* Reset clears interrupt enables and flags; the battery keeps the rest. */
static void rtc_reset(void *state)
{
    struct rtc *s = state;
    collect(s);
    s->index = 0;
    s->cmos[R_B] &= ~(C_SOURCES | 8);
    s->cmos[R_C] = 0;
    s->irq_off = false;
    update(s);
}

/* What the clock is set to; variation may choose another date. */
static const char *date_of(const struct board *board)
{
    const char *date = board_varied_date(board);
    return date ? date : setting_value(board_config(board), "rtc");
}

static int fill(struct rtc *s, struct error *err)
{
    const struct engine_config *config = board_config(s->board);
    const char *date = date_of(s->board);
    s->cmos[R_A] = 0x26; /* 32 kHz, 1024 Hz */
    s->cmos[R_B] = B_24H;
    s->cmos[R_D] = 0x80; /* the battery is good */
    fill_memory(s);
    fill_floppies(s);
    struct drive place[IDE_PLACES];
    if (drives_at_ide(config, place, err))
        return -1;
    for (unsigned n = 0; n < 2; n++)
        if (*place[n].role && !place[n].cdrom)
            fill_disk(s, n, place[n].sectors);
    if (fill_boot_order(s, err))
        return -1;
    return parse_date(date, &s->second, err);
}

int64_t rtc_power_on_time(struct board *board)
{
    int64_t second = 0;
    parse_date(date_of(board), &second, NULL);
    return second;
}

int rtc_create(struct board *board, struct error *err)
{
    struct rtc *s = mem_zero(1, sizeof *s);
    s->board = board;
    if (fill(s, err)) {
        free(s);
        return -1;
    }
    show_time(s);
    board_timer(board, &s->t, rtc_fire, s);
    board_set_slot(board, SLOT_RTC, s);
    board_add_chip(board, &(struct chip){.name = "rtc",
                                         .fields = rtc_fields,
                                         .nfields = FIELD_COUNT(rtc_fields),
                                         .state = s,
                                         .reset = rtc_reset});
    board_ports(board, 0x70, 2, true, s, rtc_in, rtc_out);
    return 0;
}
