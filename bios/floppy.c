/* floppy.c - floppy disks: the controller, and INT 13h for drives 00h and 01h.
 *
 * Sources: Intel 82077AA datasheet (290166); Intel 8237A datasheet; IBM PS/2 BIOS Interface Technical
 * Reference (INT 13h, diskette parameter table at INT 1Eh).
 */
#include "bios/disk.h"

enum {
    DOR = 0x3f2,
    MSR = 0x3f4,
    FIFO = 0x3f5,
    DIR = 0x3f7,
    CCR = 0x3f7,
    DOR_RUN = 0x04,
    DOR_DMA = 0x08,
    MSR_READY = 0x80,
    MSR_TO_HOST = 0x40,
    DIR_CHANGED = 0x80,
    CMD_SPECIFY = 0x03,
    CMD_WRITE = 0xc5,
    CMD_READ = 0xe6,
    CMD_RECALIBRATE = 0x07,
    CMD_SENSE_INTERRUPT = 0x08,
    CMD_READ_ID = 0x4a,
    CMD_FORMAT = 0x4d,
    CMD_SEEK = 0x0f,
    IRQ_CAME = 0x80, /* in 40:3E */
    WAIT_TICKS = 37, /* 2 s */
};
/* Bytes of the table at INT 1Eh. */
enum { T_SPECIFY1, T_SPECIFY2, T_MOTOR_OFF, T_SIZE, T_LAST, T_GAP, T_LENGTH, T_FORMAT_GAP, T_FILL };
/* bda->floppy_media: rate in bits 7-6, bit 4 medium known, bits 2-0 kind. */
enum { MEDIA_KNOWN = 0x10, MEDIA_OTHER = 0x07 };

struct drive floppies[FLOPPIES];
u8 floppy_count;

/* The media of a drive: data rate (as in CCR), tracks, sectors per track, and when it is known, heads. */
struct medium {
    u8 rate, tracks, sectors, heads;
};
enum { MEDIA = 6 };

/* By the drive's CMOS type, its own kind first; rates: 0 500, 1 300, 2 250 kbit/s, 3 1 Mbit/s. Eight sectors come after
 * nine at the same rate, since the last sector decides. */
static const struct medium media[6][MEDIA] = {
    [1] = {{2, 40, 9}, {2, 40, 8}},
    [2] = {{0, 80, 15}, {1, 40, 9}, {1, 40, 8}},
    [3] = {{2, 80, 9}, {2, 40, 8}},
    [4] = {{0, 80, 18}, {2, 80, 9}, {2, 40, 9}, {0, 80, 15}, {2, 40, 8}},
    [5] = {{3, 80, 36}, {0, 80, 18}, {2, 80, 9}, {2, 40, 9}, {2, 40, 8}},
};

static struct medium present[FLOPPIES]; /* what is in the drive, while MEDIA_KNOWN */

static u8 table(u8 index)
{
    u32 at = vector(0x1e);
    return far_read8(at >> 16, (u16)at + index);
}

/* ---------------------------------------------------------------- controller */

/* INT 0Eh, IRQ 6. */
void irq6_floppy(struct regs *r)
{
    bda->floppy_calibrated |= IRQ_CAME;
    eoi1();
}

static u8 wait_irq(void)
{
    struct limit limit = limit_start(WAIT_TICKS);
    cli();
    while (!(bda->floppy_calibrated & IRQ_CAME)) {
        if (limit_over(&limit))
            return DISK_TIMEOUT;
        idle(6);
    }
    bda->floppy_calibrated &= ~IRQ_CAME;
    return DISK_OK;
}

static bool fifo_ready(u8 direction)
{
    for (u32 looks = 0; looks < 100000; looks++)
        if ((inb(MSR) & (MSR_READY | MSR_TO_HOST)) == (MSR_READY | direction))
            return true;
    return false;
}

static u8 send(const u8 *command, unsigned n)
{
    bda->floppy_calibrated &= ~IRQ_CAME;
    for (unsigned i = 0; i < n; i++) {
        if (!fifo_ready(0))
            return DISK_CONTROLLER;
        outb(FIFO, command[i]);
    }
    return DISK_OK;
}

static u8 receive(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!fifo_ready(MSR_TO_HOST))
            return DISK_CONTROLLER;
        bda->floppy_result[i] = inb(FIFO);
    }
    return DISK_OK;
}

static u8 sense_interrupt(void)
{
    static const u8 command[] = {CMD_SENSE_INTERRUPT};
    u8 error = send(command, 1);
    return error ? error : receive(2);
}

/* The result bytes of a transfer. */
static u8 result_error(void)
{
    u8 st0 = bda->floppy_result[0], st1 = bda->floppy_result[1];
    if (!(st0 & 0xc0))
        return DISK_OK;
    return st1 & 0x02   ? DISK_WRITE_PROTECTED
           : st1 & 0x04 ? DISK_NO_SECTOR
           : st1 & 0x20 ? DISK_CRC
           : st1 & 0x10 ? DISK_DMA_OVERRUN
           : st1 & 0x01 ? DISK_NO_ADDRESS_MARK
                        : DISK_CONTROLLER;
}

static void specify(void)
{
    const u8 command[] = {CMD_SPECIFY, table(T_SPECIFY1), table(T_SPECIFY2)};
    send(command, 3);
}

static void set_rate(u8 rate)
{
    outb(CCR, rate);
    bda->floppy_rate = (bda->floppy_rate & 0x3f) | rate << 6;
}

u8 floppy_reset(void)
{
    u8 error, motors = bda->floppy_motor << 4 & 0x30;
    bda->floppy_calibrated = 0;
    outb(DOR, motors | DOR_DMA);
    delay_us(10);
    outb(DOR, motors | DOR_DMA | DOR_RUN);
    error = wait_irq();
    for (unsigned i = 0; i < 4 && !error; i++)
        error = sense_interrupt();
    if (!error)
        specify();
    return error;
}

/* ---------------------------------------------------------------- motor and head */

/* Called by the timer. */
void floppy_tick(void)
{
    u8 left = bda->floppy_timeout;
    if (!left)
        return;
    bda->floppy_timeout = --left;
    if (left)
        return;
    bda->floppy_motor &= 0xf0;
    outb(DOR, DOR_RUN | DOR_DMA);
}

/* Spins the drive up. A real motor takes half a second; an emulated one needs no wait. */
static void motor_on(u8 unit)
{
    bda->floppy_timeout = 0xff;
    outb(DOR, DOR_RUN | DOR_DMA | 0x10 << unit | unit);
    bda->floppy_motor = 1 << unit;
}

static void motor_later_off(void)
{
    bda->floppy_timeout = table(T_MOTOR_OFF);
}

static u8 seek_command(const u8 *command, unsigned n)
{
    u8 error = send(command, n);
    if (!error)
        error = wait_irq();
    if (!error)
        error = sense_interrupt();
    return error ? error : (bda->floppy_result[0] & 0xe0) == 0x20 ? DISK_OK : DISK_SEEK;
}

static u8 recalibrate(u8 unit)
{
    const u8 command[] = {CMD_RECALIBRATE, unit};
    u8 error = seek_command(command, 2);
    if (error == DISK_SEEK) /* 77 steps may not be enough for 80 tracks */
        error = seek_command(command, 2);
    if (error)
        return error;
    bda->floppy_calibrated |= 1 << unit;
    bda->floppy_track[unit] = 0;
    return DISK_OK;
}

static u8 seek(u8 unit, u8 head, u8 track)
{
    const u8 command[] = {CMD_SEEK, head << 2 | unit, track};
    u8 error;
    if (!(bda->floppy_calibrated >> unit & 1) && (error = recalibrate(unit)))
        return error;
    if (bda->floppy_track[unit] == track)
        return DISK_OK;
    error = seek_command(command, 3);
    if (!error)
        bda->floppy_track[unit] = track;
    return error;
}

/* ---------------------------------------------------------------- transfers */

/* Channel 2 of the 8237: it cannot cross 64 KiB. */
static u8 dma_program(u32 address, u32 bytes, bool write)
{
    u32 last = address + bytes - 1;
    if (address >> 16 != last >> 16)
        return DISK_DMA_BOUNDARY;
    outb(0x0a, 0x06);
    outb(0x0c, 0);
    outb(0x0b, write ? 0x4a : 0x46);
    outb(0x04, (u8)address);
    outb(0x04, address >> 8);
    outb(0x81, address >> 16);
    outb(0x05, (u8)(bytes - 1));
    outb(0x05, (bytes - 1) >> 8);
    outb(0x0a, 0x02);
    return DISK_OK;
}

static u8 run(const u8 *command, unsigned n)
{
    u8 error = send(command, n);
    if (!error)
        error = wait_irq();
    if (error) {
        floppy_reset();
        return error;
    }
    error = receive(7);
    return error ? error : result_error();
}

struct chs {
    u8 track, head, sector;
};

/* Moves sectors of one track. */
static u8 move(u8 unit, struct chs at, u16 count, u32 address, bool write)
{
    const u8 command[] = {write ? CMD_WRITE & ~0x80 : CMD_READ & ~0xa0,
                          at.head << 2 | unit,
                          at.track,
                          at.head,
                          at.sector,
                          table(T_SIZE),
                          (u8)(at.sector + count - 1),
                          table(T_GAP),
                          table(T_LENGTH)};
    u8 error = seek(unit, at.head, at.track);
    if (!error)
        error = dma_program(address, (u32)count * SECTOR, write);
    return error ? error : run(command, sizeof command);
}

static u8 read_id(u8 unit, u8 head)
{
    const u8 command[] = {CMD_READ_ID, head << 2 | unit};
    return run(command, 2);
}

/* ---------------------------------------------------------------- the medium */

static void use_medium(struct drive *d, const struct medium *m, u8 heads)
{
    present[d->unit] = *m;
    present[d->unit].heads = heads;
    bda->floppy_media[d->unit] = m->rate << 6 | MEDIA_KNOWN | MEDIA_OTHER;
    d->logical = (struct geometry){m->tracks, heads, m->sectors};
}

/* Detects the medium: an ID can be read at its data rate, and its last sector exists. The first ones of 5.25 inches had
 * one side only. */
static u8 detect(struct drive *d)
{
    static u8 sector[SECTOR];
    u8 error = DISK_NOT_READY;
    for (unsigned i = 0; i < MEDIA && media[d->floppy_type][i].sectors; i++) {
        const struct medium *m = &media[d->floppy_type][i];
        struct chs last = {0, 0, m->sectors};
        set_rate(m->rate);
        error = seek(d->unit, 0, 0);
        if (!error)
            error = read_id(d->unit, 0);
        if (!error)
            error = move(d->unit, last, 1, DATA_LINEAR + (u32)sector, false);
        if (error)
            continue;
        use_medium(d, m, m->tracks == 40 && read_id(d->unit, 1) ? 1 : 2);
        return DISK_OK;
    }
    bda->floppy_media[d->unit] &= ~MEDIA_KNOWN;
    return error;
}

/* Prepares drive and medium. A step of the head clears the change line. */
static u8 prepare(struct drive *d)
{
    u8 error;
    motor_on(d->unit);
    if (inb(DIR) & DIR_CHANGED) {
        bool known = bda->floppy_media[d->unit] & MEDIA_KNOWN;
        bda->floppy_media[d->unit] &= ~MEDIA_KNOWN;
        bda->floppy_calibrated &= ~(1 << d->unit);
        if (!(error = seek(d->unit, 0, 1)))
            error = seek(d->unit, 0, 0);
        if (error)
            return error;
        if (inb(DIR) & DIR_CHANGED)
            return DISK_TIMEOUT; /* empty */
        if (known)
            return DISK_CHANGED;
    }
    if (!(bda->floppy_media[d->unit] & MEDIA_KNOWN) && (error = detect(d)))
        return error;
    set_rate(present[d->unit].rate);
    return DISK_OK;
}

u8 floppy_detect_medium(struct drive *d)
{
    u8 error = prepare(d);
    return error == DISK_CHANGED ? prepare(d) : error;
}

struct geometry floppy_medium(struct drive *d)
{
    return d->logical;
}

/* In pieces of a track that do not cross 64 KiB. */
u8 floppy_transfer(struct request *q)
{
    struct drive *d = q->drive;
    u8 error = prepare(d);
    q->done = 0;
    while (!error && q->done < q->count) {
        u32 lba = q->lba + q->done, address = q->address + (u32)q->done * SECTOR;
        u16 spt = d->logical.sectors, heads = d->logical.heads, n = spt - lba % spt,
            left = q->count - q->done;
        u32 room = (0x10000 - (address & 0xffff)) / SECTOR;
        struct chs at = {(u8)(lba / spt / heads), (u8)(lba / spt % heads), lba % spt + 1};
        if (lba / spt / heads >= d->logical.cylinders)
            return DISK_NO_SECTOR;
        n = n < left ? n : left;
        if (n > room)
            n = room ? room : 1;
        for (unsigned tries = 0; tries < 3; tries++) {
            error = move(d->unit, at, n, address, q->direction == DISK_WRITE);
            if (!error || error == DISK_DMA_BOUNDARY || error == DISK_WRITE_PROTECTED)
                break;
            floppy_reset();
        }
        if (!error)
            q->done += n;
    }
    motor_later_off();
    return error;
}

/* ---------------------------------------------------------------- POST */

void floppy_init(void)
{
    u8 types = cmos_read(0x10);
    for (u8 i = 0; i < FLOPPIES; i++) {
        u8 type = i ? types & 15 : types >> 4;
        if (!type || type > 5)
            continue;
        floppies[i] = (struct drive){.kind = DRIVE_FLOPPY, .unit = i, .floppy_type = type, .block = SECTOR};
        floppies[i].logical = (struct geometry){media[type][0].tracks, 2, media[type][0].sectors};
        floppy_count++;
    }
    if (!floppy_count)
        return;
    bda->equipment |= 1 | (floppy_count - 1) << 6;
    bda->floppy_info = (floppies[0].kind ? 0x07 : 0) | (floppies[1].kind ? 0x70 : 0);
    irq_unmask(6);
    irq_unmask(2);
    if (floppy_reset())
        log("no floppy controller\n");
    sti();
}

/* ---------------------------------------------------------------- INT 13h */

static u8 read_write(struct regs *r, struct drive *d, enum direction direction)
{
    static u8 sector[SECTOR];
    u8 error, count = r->al;
    r->al = 0;
    if (!count || count > 128 || !r->cl || r->dh > 1)
        return DISK_BAD_COMMAND;
    if ((error = prepare(d)))
        return error;
    const struct geometry *g = &d->logical;
    if (r->ch >= g->cylinders || r->cl > g->sectors || r->dh >= g->heads)
        return DISK_NO_SECTOR;
    struct request q = {.drive = d, .direction = direction, .address = linear(r->es, r->bx), .count = count};
    q.lba = ((u32)r->ch * g->heads + r->dh) * g->sectors + r->cl - 1;
    if (direction == DISK_VERIFY) { /* read, and forget */
        for (q.count = 1, q.address = DATA_LINEAR + (u32)sector; !error && r->al < count; q.lba++)
            if (!(error = floppy_transfer(&q)))
                r->al++;
        return error;
    }
    if ((q.address & 0xffff) + (u32)count * SECTOR > 0x10000)
        return DISK_DMA_BOUNDARY;
    error = floppy_transfer(&q);
    r->al = (u8)q.done;
    return error;
}

/* AH=05h: track CH, head DH; four bytes a sector at ES:BX. */
static u8 format(struct regs *r, struct drive *d)
{
    const u8 command[] = {CMD_FORMAT,    r->dh << 2 | d->unit, table(T_SIZE),
                          table(T_LAST), table(T_FORMAT_GAP),  table(T_FILL)};
    u8 error = prepare(d);
    if (!error)
        error = seek(d->unit, r->dh, r->ch);
    if (!error)
        error = dma_program(linear(r->es, r->bx), table(T_LAST) * 4u, true);
    if (!error)
        error = run(command, sizeof command);
    motor_later_off();
    return error;
}

static void put_parameters(struct regs *r, const struct geometry *g, u8 type)
{
    r->bx = type;
    r->cx = (u16)((g->cylinders - 1) << 8 | g->sectors);
    r->dh = 1;
    r->es = vector(0x1e) >> 16;
    r->di = (u16)vector(0x1e);
}

/* AH=08h: also for a drive that does not exist: all zero. */
static u8 parameters(struct regs *r, struct drive *d)
{
    r->ax = 0;
    if (!d) {
        r->bx = r->cx = r->di = 0;
        r->dh = 0;
        r->es = 0;
        r->dl = floppy_count;
        return DISK_OK;
    }
    const struct medium *m = &media[d->floppy_type][0];
    struct geometry g = {m->tracks, 2, m->sectors};
    put_parameters(r, &g, d->floppy_type == 5 ? 6 : d->floppy_type);
    r->dl = floppy_count + (emulation.active && !(emulation.drive & 0x80));
    return DISK_OK;
}

/* AH=16h: has the medium been changed? */
static u8 change(struct drive *d)
{
    motor_on(d->unit);
    bool changed = inb(DIR) & DIR_CHANGED;
    motor_later_off();
    return changed ? DISK_CHANGED : DISK_OK;
}

/* AH=18h: the medium has CH + 1 tracks of CL sectors. */
static u8 set_medium(struct regs *r, struct drive *d)
{
    for (unsigned i = 0; i < MEDIA && media[d->floppy_type][i].sectors; i++) {
        const struct medium *m = &media[d->floppy_type][i];
        if (m->tracks != r->ch + 1 || m->sectors != (r->cl & 0x3f))
            continue;
        use_medium(d, m, 2);
        r->es = vector(0x1e) >> 16;
        r->di = (u16)vector(0x1e);
        return DISK_OK;
    }
    return DISK_UNKNOWN_MEDIUM;
}

static u8 function(struct regs *r, struct drive *d)
{
    switch (r->ah) {
    case 0x00:
        return floppy_reset();
    case 0x02:
        return read_write(r, d, DISK_READ);
    case 0x03:
        return read_write(r, d, DISK_WRITE);
    case 0x04:
        return read_write(r, d, DISK_VERIFY);
    case 0x05:
        return format(r, d);
    case 0x08:
        return parameters(r, d);
    case 0x16:
        return change(d);
    case 0x17: /* the kind of medium, before formatting: detected anyway */
        bda->floppy_media[d->unit] &= ~MEDIA_KNOWN;
        return DISK_OK;
    case 0x18:
        return set_medium(r, d);
    default:
        return DISK_BAD_COMMAND;
    }
}

u8 floppy_service(struct regs *r, struct drive *d)
{
    u8 status;
    if (r->ah == 0x01) {
        status = bda->floppy_status;
        answer(r, status);
        return status;
    }
    if (r->ah == 0x15) { /* AH: 0 none, 2 with change line */
        r->ah = d ? 2 : 0;
        bda->floppy_status = 0;
        set_carry(r, false);
        return DISK_OK;
    }
    status = d || r->ah == 0x08 ? function(r, d) : DISK_BAD_COMMAND;
    bda->floppy_status = status;
    answer(r, status);
    return status;
}
