/* scsi_cd.c - the commands of CD-ROM drives, by packets of ATAPI or as SCSI commands.
 *
 * Sources: MMC-3 (T10/1363D), clause 6; SFF-8020i for the older forms of READ TOC and MODE SENSE. */
#include "base/byte_order.h"
#include "hv/board/storage/scsi.h"

#include <string.h>

enum { CD_SECTOR = 2048 };
enum { CD_SPEED = 7056 /* KB/s: 40 x */, CD_MAX_SECTORS = 80 * 60 * 75 /* beyond, it is a DVD */ };
enum { PROFILE_CD = 0x0008, PROFILE_DVD = 0x0010 };

/* Stores an address as four bytes: an LBA, or 0, minute, second, frame. */
static void put_address(uint8_t *p, uint32_t lba, bool msf)
{
    uint32_t frame = lba + 150;

    put_be32(p, msf ? frame / 75 / 60 << 16 | frame / 75 % 60 << 8 | frame % 75 : lba);
}

static uint32_t last_lba(const struct scsi_unit *d)
{
    return d->blocks ? d->blocks - 1 : 0;
}

/* ---------------------------------------------------------------- state of the drive */

static void inquiry(struct scsi_task *t, const uint8_t *p)
{
    uint8_t *b;

    if (!t->unit->atapi) {
        scsi_inquiry(t, p);
        return;
    }
    b = scsi_blank(t, 36);
    if (p[1] & 1) { /* vital product data: not supported */
        scsi_bad_field(t);
        return;
    }
    b[0] = 0x05; /* CD-ROM */
    b[1] = 0x80; /* removable */
    b[3] = 0x21; /* ATAPI */
    b[4] = 31;
    memcpy(b + 8, "BOOTREELCD-ROM          1.0 ", 28);
    scsi_reply(t, 36, p[4]);
}

static void start_stop(struct scsi_task *t, const uint8_t *p)
{
    struct scsi_unit *d = t->unit;
    bool start = p[4] & 1, load_eject = p[4] & 2;

    if (p[4] >> 4 || !load_eject) {
        return; /* power conditions and motor control */
    }
    if (!start && d->locked) {
        scsi_check(t, KEY_ILLEGAL, ASC_REMOVAL, 2);
        return;
    }
    if (start && d->tray_open) {
        d->attention = ASC_CHANGED;
        d->media_event = 2;
    } else if (!start && !d->tray_open) {
        d->media_event = 3;
    }
    d->tray_open = !start;
}

static void prevent(struct scsi_task *t, const uint8_t *p)
{
    t->unit->locked = p[4] & 1;
}

static void mechanism_status(struct scsi_task *t, const uint8_t *p)
{
    uint8_t *b = scsi_blank(t, 8);

    b[1] = t->unit->tray_open ? 0x10 : 0;
    scsi_reply(t, 8, be16(p + 8));
}

static void event_status(struct scsi_task *t, const uint8_t *p)
{
    struct scsi_unit *d = t->unit;
    uint8_t *b = scsi_blank(t, 8);

    if (!(p[1] & 1)) { /* only polling is supported */
        scsi_bad_field(t);
        return;
    }
    b[3] = 0x10; /* supported classes: media */
    if (!(p[4] & 0x10)) {
        b[1] = 2;
        b[2] = 0x80; /* no event available */
        scsi_reply(t, 4, be16(p + 7));
        return;
    }
    b[1] = 6;
    b[2] = 4;
    b[4] = d->media_event;
    b[5] = d->tray_open ? 1 : 2; /* door open; medium present */
    d->media_event = 0;
    scsi_reply(t, 8, be16(p + 7));
}

/* ---------------------------------------------------------------- MODE SENSE */

static const uint8_t mode_pages[] = {
    0x01,
    0x06,
    0x00,
    0x05,
    0,
    0,
    0,
    0, /* error recovery: 5 retries */
    0x0d,
    0x06,
    0x00,
    0x0d,
    0,
    60,
    0,
    75, /* CD parameters: seconds, frames */
    0x0e,
    0x0e,
    0x04,
    0,
    0,
    0,
    0,
    75,
    1,
    0xff,
    2,
    0xff,
    0,
    0,
    0,
    0, /* audio control */
    /* capabilities: reads CD-R, CD-RW, DVD-ROM; mode 2, multisession; lock, eject, tray; speed, buffer of 512
       KiB */
    0x2a,
    0x12,
    0x0b,
    0x00,
    0x70,
    0x00,
    0x29,
    0x00,
    CD_SPEED >> 8,
    CD_SPEED & 0xff,
    0,
    0,
    2,
    0,
    CD_SPEED >> 8,
    CD_SPEED & 0xff,
    0,
    0,
    0,
    0,
};

/* Appends the requested pages; 0 if there is no such page. `control` 1 requests the changeable bits, of which
 * there are none. */
static unsigned put_pages(const struct scsi_unit *d, uint8_t *out, unsigned page, unsigned control)
{
    unsigned n = 0;

    for (unsigned at = 0; at < sizeof mode_pages; at += 2 + mode_pages[at + 1]) {
        unsigned size = 2 + mode_pages[at + 1];

        if (page != 0x3f && page != mode_pages[at])
            continue;
        memcpy(out + n, mode_pages + at, size);
        if (mode_pages[at] == 0x2a && d->locked)
            out[n + 6] |= 0x02;
        if (control == 1)
            memset(out + n + 2, 0, size - 2);
        n += size;
    }
    return n;
}

static void mode_sense(struct scsi_task *t, const uint8_t *p)
{
    const struct scsi_unit *d = t->unit;
    bool ten = p[0] == 0x5a;
    unsigned header = ten ? 8 : 4, control = p[2] >> 6;
    uint8_t *b = scsi_blank(t, 128);
    unsigned n = put_pages(d, b + header, p[2] & 0x3f, control);
    uint8_t medium = d->tray_open ? 0x71 : 0x01;

    if (control == 3) {
        scsi_check(t, KEY_ILLEGAL, ASC_SAVING, 0);
        return;
    }
    if (!n) {
        scsi_bad_field(t);
        return;
    }
    if (ten) {
        put_be16(b, header + n - 2);
        b[2] = medium;
    } else {
        b[0] = header + n - 1;
        b[1] = medium;
    }
    scsi_reply(t, header + n, ten ? be16(p + 7) : p[4]);
}

/* ---------------------------------------------------------------- GET CONFIGURATION */

static unsigned profile(const struct scsi_unit *d)
{
    return d->tray_open ? 0 : d->blocks > CD_MAX_SECTORS ? PROFILE_DVD : PROFILE_CD;
}

struct features {
    uint8_t *buf;
    unsigned n, first, type; /* type: 0 all, 1 current ones, 2 only `first` */
};

static void feature(struct features *f, unsigned code, unsigned version, bool persistent, bool current,
                    const void *data, unsigned n)
{
    uint8_t *b = f->buf + f->n;

    if (f->type == 2 ? code != f->first : code < f->first || (f->type == 1 && !current))
        return;
    put_be16(b, code);
    b[2] = version << 2 | (persistent ? 2 : 0) | (current ? 1 : 0);
    b[3] = n;
    memcpy(b + 4, data, n);
    f->n += 4 + n;
}

static void get_configuration(struct scsi_task *t, const uint8_t *p)
{
    unsigned now = profile(t->unit);
    bool cd = now == PROFILE_CD, dvd = now == PROFILE_DVD;
    struct features f = {.buf = scsi_blank(t, 256), .n = 8, .first = be16(p + 2), .type = p[1] & 3};
    const uint8_t profiles[8] = {0, PROFILE_DVD, dvd, 0, 0, PROFILE_CD, cd, 0};
    const uint8_t random[8] = {0, 0, CD_SECTOR >> 8, 0, 0, dvd ? 16 : 1, 0, 0};

    if (f.type == 3) {
        scsi_bad_field(t);
        return;
    }
    feature(&f, 0x0000, 0, true, true, profiles, 8);
    feature(&f, 0x0001, 2, true, true, "\0\0\0\2\1\0\0", 8); /* core: ATAPI; device busy event */
    feature(&f, 0x0002, 1, true, true, "\2\0\0", 4);         /* morphing */
    feature(&f, 0x0003, 0, true, true, "\x29\0\0", 4);       /* removable medium: tray, eject, lock */
    feature(&f, 0x0010, 0, false, now != 0, random, 8);      /* random readable */
    feature(&f, 0x001e, 2, false, cd, "\0\0\0", 4);          /* CD read */
    feature(&f, 0x001f, 0, false, dvd, "", 0);               /* DVD read */
    feature(&f, 0x0100, 0, true, true, "", 0);               /* power management */
    feature(&f, 0x0105, 0, true, true, "", 0);               /* timeout */
    put_be32(f.buf, f.n - 4);
    put_be16(f.buf + 6, now);
    scsi_reply(t, f.n, be16(p + 7));
}

/* ---------------------------------------------------------------- medium information */

static void read_capacity(struct scsi_task *t, const uint8_t *p)
{
    uint8_t *b = scsi_blank(t, 8);

    put_be32(b, last_lba(t->unit));
    put_be32(b + 4, CD_SECTOR);
    scsi_reply(t, 8, 8);
}

static unsigned toc_tracks(const struct scsi_unit *d, uint8_t *b, unsigned start, bool msf)
{
    unsigned n = 4;

    if (start <= 1) {
        b[n + 1] = 0x14; /* data track */
        b[n + 2] = 1;
        put_address(b + n + 4, 0, msf);
        n += 8;
    }
    b[n + 1] = 0x14;
    b[n + 2] = 0xaa; /* lead-out */
    put_address(b + n + 4, d->blocks, msf);
    return n + 8;
}

static unsigned toc_sessions(uint8_t *b, bool msf)
{
    b[5] = 0x14;
    b[6] = 1;
    put_address(b + 8, 0, msf);
    return 12;
}

static unsigned toc_full(const struct scsi_unit *d, uint8_t *b)
{
    static const uint8_t point[4] = {0xa0, 0xa1, 0xa2, 1};
    unsigned n = 4;

    for (unsigned i = 0; i < 4; i++, n += 11) {
        b[n] = 1; /* session */
        b[n + 1] = 0x14;
        b[n + 3] = point[i];
        if (point[i] == 0xa2 || point[i] == 1) /* starts: lead-out, track 1 */
            put_address(b + n + 7, point[i] == 1 ? 0 : d->blocks, true);
        else
            b[n + 8] = 1; /* first and last track */
    }
    return n;
}

static void read_toc(struct scsi_task *t, const uint8_t *p)
{
    const struct scsi_unit *d = t->unit;
    bool msf = p[1] & 2;
    unsigned format = p[2] & 15 ? p[2] & 15 : p[9] >> 6; /* byte 9 is the old position of the format */
    unsigned start = p[6], n;
    uint8_t *b = scsi_blank(t, 64);

    if (format > 2 || (format == 0 && start > 1 && start != 0xaa) || (format && start > 1)) {
        scsi_bad_field(t);
        return;
    }
    n = format == 0 ? toc_tracks(d, b, start, msf) : format == 1 ? toc_sessions(b, msf) : toc_full(d, b);
    put_be16(b, n - 2);
    b[2] = b[3] = 1;
    scsi_reply(t, n, be16(p + 7));
}

static void disc_information(struct scsi_task *t, const uint8_t *p)
{
    uint8_t *b = scsi_blank(t, 34);

    if (p[1] & 7) {
        scsi_bad_field(t);
        return;
    }
    put_be16(b, 32);
    b[2] = 0x0e; /* complete disc, complete session */
    b[3] = b[4] = b[5] = b[6] = 1;
    b[7] = 0x20;             /* for unrestricted use */
    memset(b + 16, 0xff, 8); /* last session's lead-in, last possible lead-out: none */
    scsi_reply(t, 34, be16(p + 7));
}

static void track_information(struct scsi_task *t, const uint8_t *p)
{
    const struct scsi_unit *d = t->unit;
    uint32_t where = be32(p + 2);
    unsigned type = p[1] & 3;
    uint8_t *b = scsi_blank(t, 36);

    if (type == 3 || (type == 0 && where >= d->blocks) || (type != 0 && where != 1)) {
        scsi_bad_field(t);
        return;
    }
    put_be16(b, 34);
    b[2] = b[3] = 1; /* track, session */
    b[5] = 0x04;     /* data track */
    b[6] = 0x01;     /* mode 1 */
    put_be32(b + 24, d->blocks);
    put_be32(b + 28, last_lba(d));
    b[7] = 0x02; /* last recorded address is valid */
    scsi_reply(t, 36, be16(p + 7));
}

static void seek(struct scsi_task *t, const uint8_t *p)
{
    if (be32(p + 2) >= t->unit->blocks)
        scsi_check(t, KEY_ILLEGAL, ASC_OUT_OF_RANGE, 0);
}

/* ---------------------------------------------------------------- reading */

static void read10(struct scsi_task *t, const uint8_t *p)
{
    scsi_blocks(t, false, be32(p + 2), be16(p + 7), PART_USER);
}

static void read12(struct scsi_task *t, const uint8_t *p)
{
    scsi_blocks(t, false, be32(p + 2), be32(p + 6), PART_USER);
}

static void read_parts(struct scsi_task *t, const uint8_t *p, uint32_t lba, uint32_t count)
{
    unsigned type = p[1] >> 2 & 7;

    if (type != 0 && type != 2) { /* anything but "any" and mode 1 */
        scsi_check(t, KEY_ILLEGAL, ASC_TRACK_MODE, 0);
        return;
    }
    if (p[9] & 0x06 || p[10] & 7) { /* C2 error flags, sub-channels */
        scsi_bad_field(t);
        return;
    }
    /* Bit 6 requests the sub-header, which mode 1 does not have. */
    scsi_blocks(t, false, lba, count, p[9] & (PART_SYNC | PART_HEADER | PART_USER | PART_EDC));
}

static void read_cd(struct scsi_task *t, const uint8_t *p)
{
    read_parts(t, p, be32(p + 2), be24(p + 6));
}

static void read_cd_msf(struct scsi_task *t, const uint8_t *p)
{
    uint32_t first = (p[3] * 60 + p[4]) * 75 + p[5], end = (p[6] * 60 + p[7]) * 75 + p[8];

    if (first < 150 || end < first)
        scsi_bad_field(t);
    else
        read_parts(t, p, first - 150, end - first);
}

/* ---------------------------------------------------------------- the table */

static const struct scsi_command commands[] = {
    {0x00, "TEST UNIT READY", scsi_good, SCSI_MEDIUM},
    {0x03, "REQUEST SENSE", scsi_request_sense, SCSI_ANYTIME},
    {0x12, "INQUIRY", inquiry, SCSI_ANYTIME},
    {0x1a, "MODE SENSE(6)", mode_sense, 0},
    {0x1b, "START STOP UNIT", start_stop, 0},
    {0x1e, "PREVENT ALLOW MEDIUM REMOVAL", prevent, 0},
    {0x25, "READ CAPACITY", read_capacity, SCSI_MEDIUM},
    {0x28, "READ(10)", read10, SCSI_MEDIUM},
    {0x2b, "SEEK(10)", seek, SCSI_MEDIUM},
    {0x43, "READ TOC", read_toc, SCSI_MEDIUM},
    {0x46, "GET CONFIGURATION", get_configuration, SCSI_ANYTIME},
    {0x4a, "GET EVENT STATUS NOTIFICATION", event_status, SCSI_ANYTIME},
    {0x4e, "STOP PLAY/SCAN", scsi_good, SCSI_MEDIUM},
    {0x51, "READ DISC INFORMATION", disc_information, SCSI_MEDIUM},
    {0x52, "READ TRACK INFORMATION", track_information, SCSI_MEDIUM},
    {0x5a, "MODE SENSE(10)", mode_sense, 0},
    {0xa0, "REPORT LUNS", scsi_report_luns, SCSI_ANYTIME},
    {0xa8, "READ(12)", read12, SCSI_MEDIUM},
    {0xb9, "READ CD MSF", read_cd_msf, SCSI_MEDIUM},
    {0xbb, "SET CD SPEED", scsi_good, 0},
    {0xbd, "MECHANISM STATUS", mechanism_status, 0},
    {0xbe, "READ CD", read_cd, SCSI_MEDIUM},
};

const struct scsi_command *scsi_cd_command(uint8_t opcode)
{
    return scsi_find(commands, sizeof commands / sizeof *commands, opcode);
}
