/* clock.c - INT 08h and INT 1Ah: the timer's tick, the time of day, the alarm, the real-time clock's
 * interrupt.
 *
 * Sources: IBM PC/AT Technical Reference (BIOS, INT 08h, 1Ah, 70h); Motorola MC146818A (registers).
 */
#include "bios/disk.h"
#include "bios/clock.h"
#include "bios/pcibios.h"

enum {
    RTC_SECONDS = 0x00,
    RTC_ALARM_SECONDS = 0x01,
    RTC_MINUTES = 0x02,
    RTC_ALARM_MINUTES = 0x03,
    RTC_HOURS = 0x04,
    RTC_ALARM_HOURS = 0x05,
    RTC_DAY = 0x07,
    RTC_MONTH = 0x08,
    RTC_YEAR = 0x09,
    RTC_A = 0x0a,
    RTC_B = 0x0b,
    RTC_C = 0x0c,
    RTC_CENTURY = 0x32,
    A_UPDATING = 0x80,
    B_SET = 0x80,
    B_PERIODIC = 0x40,
    B_ALARM = 0x20,
    B_DAYLIGHT = 0x01,
    B_24H = 0x02,
    TICKS_A_DAY = 0x1800b0,
    PERIOD_US = 977, /* 1024 Hz */
};

/* ---------------------------------------------------------------- the real-time clock's registers */

/* False if an update lasts longer than it can. */
static bool rtc_steady(void)
{
    for (u32 looks = 0; looks < 20000; looks++)
        if (!(cmos_read(RTC_A) & A_UPDATING))
            return true;
    return false;
}

static void rtc_set_bits(u8 bits)
{
    cmos_write(RTC_B, cmos_read(RTC_B) | bits);
}

static void rtc_clear_bits(u8 bits)
{
    cmos_write(RTC_B, cmos_read(RTC_B) & ~bits);
}

static u32 from_bcd(u8 value)
{
    return (value >> 4) * 10 + (value & 15);
}

/* ---------------------------------------------------------------- POST */

/* Ticks are 65536 / 1193182 of a second: 18.20648 a second. */
static u32 ticks_of(u32 seconds)
{
    return seconds * 18 + seconds * 20648 / 100000;
}

void clock_init(void)
{
    outb(0x43, 0x34); /* counter 0: rate generator, 65536 */
    outb(0x40, 0);
    outb(0x40, 0);
    cmos_write(RTC_A, 0x26);
    cmos_write(RTC_B, (cmos_read(RTC_B) & B_DAYLIGHT) | B_24H);
    cmos_read(RTC_C);
    rtc_steady();
    bda->ticks = ticks_of(from_bcd(cmos_read(RTC_HOURS)) * 3600 + from_bcd(cmos_read(RTC_MINUTES)) * 60 +
                          from_bcd(cmos_read(RTC_SECONDS)));
    irq_unmask(0);
    irq_unmask(8);
}

/* ---------------------------------------------------------------- interrupts */

/* INT 08h, IRQ 0. */
void irq0_timer(struct regs *r)
{
    struct regs user = {.ds = DATA_SEG, .es = DATA_SEG};
    u32 ticks = bda->ticks + 1;
    if (ticks >= TICKS_A_DAY) {
        ticks = 0;
        bda->midnight++;
    }
    bda->ticks = ticks;
    floppy_tick();
    call_int(0x1c, &user);
    eoi1();
}

/* INT 15h AH=83h and 86h: a period less is left. */
static void periodic(void)
{
    if (!bda->wait_active)
        return;
    if (bda->wait_left > PERIOD_US) {
        bda->wait_left -= PERIOD_US;
        return;
    }
    struct far flag = {bda->wait_flag.offset, bda->wait_flag.segment};
    bda->wait_left = 0;
    bda->wait_active = 0;
    rtc_clear_bits(B_PERIODIC);
    far_write8(flag.segment, flag.offset, far_read8(flag.segment, flag.offset) | 0x80);
}

/* INT 70h, IRQ 8. */
void irq8_rtc(struct regs *r)
{
    u8 enabled = cmos_read(RTC_B), what = cmos_read(RTC_C) & enabled;
    if (what & B_ALARM) {
        struct regs user = {.ds = DATA_SEG, .es = DATA_SEG};
        call_int(0x4a, &user);
    }
    if (what & B_PERIODIC)
        periodic();
    eoi2();
}

/* ---------------------------------------------------------------- waiting by the RTC: for INT 15h (system.c)
 */

/* Sets bit 7 of the byte at flag after that many microseconds. False if a wait is active. */
bool clock_wait_start(u32 microseconds, u16 segment, u16 offset)
{
    if (bda->wait_active)
        return false;
    bda->wait_active = 1;
    bda->wait_left = microseconds;
    bda->wait_flag.segment = segment;
    bda->wait_flag.offset = offset;
    irq_unmask(8);
    irq_unmask(2);
    rtc_set_bits(B_PERIODIC);
    return true;
}

void clock_wait_cancel(void)
{
    bda->wait_active = 0;
    rtc_clear_bits(B_PERIODIC);
}

/* ---------------------------------------------------------------- INT 1Ah */

static void get_ticks(struct regs *r)
{
    u32 ticks = bda->ticks;
    r->cx = (u16)(ticks >> 16);
    r->dx = (u16)ticks;
    r->al = bda->midnight;
    bda->midnight = 0;
    answer(r, 0);
}

static void set_ticks(struct regs *r)
{
    bda->ticks = (u32)r->cx << 16 | r->dx;
    bda->midnight = 0;
    answer(r, 0);
}

static void get_time(struct regs *r)
{
    if (!rtc_steady()) {
        set_carry(r, true);
        return;
    }
    r->dh = cmos_read(RTC_SECONDS);
    r->cl = cmos_read(RTC_MINUTES);
    r->ch = cmos_read(RTC_HOURS);
    r->dl = cmos_read(RTC_B) & B_DAYLIGHT;
    r->al = r->ch;
    answer(r, 0);
}

static void set_time(struct regs *r)
{
    rtc_steady();
    rtc_set_bits(B_SET);
    cmos_write(RTC_SECONDS, r->dh);
    cmos_write(RTC_MINUTES, r->cl);
    cmos_write(RTC_HOURS, r->ch);
    u8 b = (cmos_read(RTC_B) & (B_PERIODIC | B_ALARM)) | B_24H | (r->dl & B_DAYLIGHT);
    cmos_write(RTC_B, b);
    r->al = b;
    answer(r, 0);
}

static void get_date(struct regs *r)
{
    if (!rtc_steady()) {
        set_carry(r, true);
        return;
    }
    r->cl = cmos_read(RTC_YEAR);
    r->dh = cmos_read(RTC_MONTH);
    r->dl = cmos_read(RTC_DAY);
    r->ch = cmos_read(RTC_CENTURY);
    r->al = r->ch;
    answer(r, 0);
}

static void set_date(struct regs *r)
{
    rtc_steady();
    rtc_set_bits(B_SET);
    cmos_write(RTC_YEAR, r->cl);
    cmos_write(RTC_MONTH, r->dh);
    cmos_write(RTC_DAY, r->dl);
    cmos_write(RTC_CENTURY, r->ch);
    u8 b = cmos_read(RTC_B) & ~B_SET;
    cmos_write(RTC_B, b);
    r->al = b;
    answer(r, 0);
}

static void set_alarm(struct regs *r)
{
    u8 b = cmos_read(RTC_B);
    if (b & B_ALARM) {
        set_carry(r, true);
        return;
    }
    rtc_steady();
    cmos_write(RTC_ALARM_SECONDS, r->dh);
    cmos_write(RTC_ALARM_MINUTES, r->cl);
    cmos_write(RTC_ALARM_HOURS, r->ch);
    irq_unmask(8);
    irq_unmask(2);
    cmos_write(RTC_B, (b & ~B_SET) | B_ALARM);
    answer(r, 0);
}

static void cancel_alarm(struct regs *r)
{
    u8 b = cmos_read(RTC_B) & ~B_ALARM;
    cmos_write(RTC_B, b);
    r->al = b;
    answer(r, 0);
}

void int1a_clock(struct regs *r)
{
    static void (*const service[])(struct regs *) = {get_ticks, set_ticks, get_time,  set_time,
                                                     get_date,  set_date,  set_alarm, cancel_alarm};
    if (r->ah < COUNT(service))
        service[r->ah](r);
    else if (r->ah == 0xb1)
        pci_service(r);
    else
        set_carry(r, true);
}
