/* scsi.c - what all SCSI units have in common: unit attention, sense, INQUIRY, and the movement of data. See scsi.h. */
#include "hv/board/storage/disk.h"
#include "hv/board/storage/scsi.h"
#include "base/byte_order.h"
#include "hv/board/storage/ide.h"

#include <assert.h>
#include <string.h>

#define U struct scsi_unit
const struct field scsi_fields[7] = {
    FIELD(U, sense_key), FIELD(U, asc),    FIELD(U, ascq),        FIELD(U, attention),
    FIELD(U, tray_open), FIELD(U, locked), FIELD(U, media_event),
};
#undef U

enum { REQUEST_SENSE = 0x03 };

void scsi_attach(struct board *b, struct scsi_unit *u, const struct drive *d)
{
    *u = (struct scsi_unit){.disk = board_disk(b, d->role), .cdrom = d->cdrom};
    u->blocks = disk_size(u->disk) / scsi_block(u);
    memcpy(u->serial, d->serial, sizeof u->serial);
}

void scsi_reset(struct scsi_unit *u, uint8_t attention)
{
    u->sense_key = u->asc = u->ascq = 0;
    u->attention = attention;
    u->tray_open = u->locked = u->media_event = 0;
}

void scsi_sense(struct scsi_unit *u, uint8_t key, uint8_t asc, uint8_t ascq)
{
    u->sense_key = key;
    u->asc = asc;
    u->ascq = ascq;
}

static void fill_sense(struct scsi_unit *u, uint8_t *b)
{
    memset(b, 0, SCSI_SENSE);
    b[0] = 0x70;
    b[2] = u->sense_key;
    b[7] = SCSI_SENSE - 8;
    b[12] = u->asc;
    b[13] = u->ascq;
    scsi_sense(u, 0, 0, 0);
}

void scsi_take_sense(struct scsi_unit *u, uint8_t sense[SCSI_SENSE])
{
    fill_sense(u, sense);
}

/* ---------------------------------------------------------------- executing */

const struct scsi_command *scsi_find(const struct scsi_command *table, size_t n, uint8_t opcode)
{
    for (size_t i = 0; i < n; i++)
        if (table[i].opcode == opcode)
            return &table[i];
    return NULL;
}

const struct scsi_command *scsi_command_of(const struct scsi_unit *u, uint8_t opcode)
{
    const struct scsi_command *c = u->cdrom ? scsi_cd_command(opcode) : scsi_disk_command(opcode);
    return c && c->flags & SCSI_THIN && !u->thin ? NULL : c;
}

const char *scsi_name(const struct scsi_task *t)
{
    return t->command ? t->command->name : "unknown SCSI command";
}

/* Checks before the command itself for a pending unit attention and a missing medium. True if it may be executed. */
static bool may_execute(struct scsi_task *t)
{
    struct scsi_unit *u = t->unit;
    if (u->attention && !(t->command->flags & SCSI_ANYTIME)) {
        uint8_t asc = u->attention;
        u->attention = 0;
        scsi_check(t, KEY_ATTENTION, asc, 0);
        return false;
    }
    if (t->command->flags & SCSI_MEDIUM && u->tray_open) {
        scsi_check(t, KEY_NOT_READY, ASC_NO_MEDIUM, 2);
        return false;
    }
    return true;
}

void scsi_execute(struct board *b, struct scsi_unit *u, const uint8_t *cdb, struct scsi_task *t)
{
    *t = (struct scsi_task){.unit = u, .command = scsi_command_of(u, cdb[0])};
    if (cdb[0] != REQUEST_SENSE)
        scsi_sense(u, 0, 0, 0);
    if (!t->command) {
        board_unhandled(b, u->atapi ? "ATAPI packet" : "SCSI command", cdb[0], true, 0);
        scsi_check(t, KEY_ILLEGAL, ASC_OPCODE, 0);
    } else if (may_execute(t)) {
        t->command->run(t, cdb);
    }
}

uint8_t *scsi_blank(struct scsi_task *t, uint32_t n)
{
    t->blanked = n;
    return memset(t->buf, 0, n);
}

void scsi_check(struct scsi_task *t, uint8_t key, uint8_t asc, uint8_t ascq)
{
    scsi_sense(t->unit, key, asc, ascq);
    t->status = SCSI_CHECK;
}

void scsi_bad_field(struct scsi_task *t)
{
    scsi_check(t, KEY_ILLEGAL, ASC_FIELD, 0);
}

void scsi_reply(struct scsi_task *t, uint32_t n, uint32_t allocation)
{
    t->replies = true;
    t->size = n < allocation ? n : allocation;
}

void scsi_list(struct scsi_task *t, uint32_t n, void (*finish)(struct scsi_task *))
{
    assert(n <= sizeof t->buf);
    t->write = n != 0;
    t->finish = n ? finish : NULL;
    t->size = t->blanked = n;
}

/* The size in bytes of the selected parts of a raw mode 1 sector. */
static uint32_t parts_size(uint8_t parts)
{
    return (parts & PART_SYNC ? 12 : 0) + (parts & PART_HEADER ? 4 : 0) + (parts & PART_USER ? 2048 : 0) +
           (parts & PART_EDC ? 288 : 0);
}

void scsi_blocks(struct scsi_task *t, bool write, uint64_t lba, uint32_t count, uint8_t parts)
{
    if (lba > t->unit->blocks || count > t->unit->blocks - lba) {
        scsi_check(t, KEY_ILLEGAL, ASC_OUT_OF_RANGE, 0);
        return;
    }
    t->medium = true;
    t->write = write;
    t->lba = lba;
    t->count = count;
    t->parts = parts;
    t->unit_size = t->unit->cdrom ? parts_size(parts) : scsi_block(t->unit);
}

uint32_t scsi_event_status(const struct scsi_task *t)
{
    return t->status ? t->status | (uint32_t)t->unit->sense_key << 8 | (uint32_t)t->unit->asc << 16 : 0;
}

/* ---------------------------------------------------------------- data */

uint64_t scsi_moves(const struct scsi_task *t)
{
    return t->status ? 0 : t->medium ? (uint64_t)t->count * t->unit_size : t->size;
}

int scsi_cd_sector(const struct scsi_unit *u, uint64_t lba, uint8_t parts, uint8_t *buf)
{
    static const struct {
        uint8_t part;
        uint16_t at, n;
    } piece[] = {{PART_SYNC, 0, 12}, {PART_HEADER, 12, 4}, {PART_USER, 16, 2048}, {PART_EDC, 2064, 288}};
    uint8_t raw[SCSI_RAW_SECTOR];
    int len = 0;

    if (disk_read(u->disk, lba * 2048, raw + 16, 2048) < 0)
        return -1;
    if (parts != PART_USER)
        cd_raw_sector(raw, (uint32_t)lba);
    for (unsigned i = 0; i < sizeof piece / sizeof *piece; i++) {
        if (!(parts & piece[i].part))
            continue;
        assert(len + piece[i].n <= SCSI_RAW_SECTOR);
        memcpy(buf + len, raw + piece[i].at, piece[i].n);
        len += piece[i].n;
    }
    return len;
}

/* Sector by sector, as much of each as is asked for. */
static int read_parts(const struct scsi_task *t, uint64_t at, uint8_t *buf, size_t n)
{
    while (n) {
        uint8_t sector[SCSI_RAW_SECTOR];
        size_t from = at % t->unit_size, part = t->unit_size - from < n ? t->unit_size - from : n;
        if (scsi_cd_sector(t->unit, t->lba + at / t->unit_size, t->parts, sector) < 0)
            return -1;
        memcpy(buf, sector + from, part);
        buf += part;
        at += part;
        n -= part;
    }
    return 0;
}

int scsi_read_at(const struct scsi_task *t, uint64_t at, void *buf, size_t n)
{
    if (!t->medium) {
        assert(at <= sizeof t->buf && n <= sizeof t->buf - at);
        memcpy(buf, t->buf + at, n);
        return 0;
    }
    if (t->unit->cdrom && t->parts != PART_USER)
        return read_parts(t, at, buf, n);
    return disk_read(t->unit->disk, t->lba * scsi_block(t->unit) + at, buf, n);
}

int scsi_write_at(struct scsi_task *t, uint64_t at, const void *buf, size_t n)
{
    if (t->finish) {
        assert(at <= t->size && n <= t->size - at);
        memcpy(t->buf + at, buf, n);
        if (at + n == t->size)
            t->finish(t);
        return 0;
    }
    const uint64_t where = t->lba * scsi_block(t->unit) + at;
    if (disk_write(t->unit->disk, where, buf, n))
        return -1;
    if (t->fua)
        disk_through(t->unit->disk, where, n);
    return 0;
}

/* ---------------------------------------------------------------- commands of all */

void scsi_good(struct scsi_task *t, const uint8_t *p) {}

void scsi_request_sense(struct scsi_task *t, const uint8_t *p)
{
    struct scsi_unit *u = t->unit;
    uint8_t *b = scsi_blank(t, SCSI_SENSE);

    if (!u->sense_key && u->attention) {
        u->sense_key = KEY_ATTENTION;
        u->asc = u->attention;
        u->attention = 0;
    }
    fill_sense(u, b);
    scsi_reply(t, SCSI_SENSE, p[4]);
}

static uint32_t text(uint8_t *to, const char *from, uint32_t room)
{
    uint32_t n = (uint32_t)strlen(from);
    assert(n <= room);
    memset(to, ' ', room);
    memcpy(to, from, n);
    return n;
}

/* Page 83h: a name of the vendor's. */
static uint32_t put_identification(uint8_t *b, const struct scsi_unit *u)
{
    uint32_t n = (uint32_t)strlen(u->serial);
    b[0] = 2; /* ASCII */
    b[1] = 1; /* the vendor's identification */
    b[3] = (uint8_t)(8 + n);
    memcpy(b + 4, "BOOTREEL", 8);
    memcpy(b + 12, u->serial, n);
    return 12 + n;
}

/* SPC-4, 7.8, and SBC-3, 6.5. */
static uint32_t put_page(uint8_t *b, const struct scsi_unit *u, uint8_t page)
{
    static const uint8_t pages[] = {0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2};
    uint32_t n = u->cdrom ? 3 : u->thin ? 6 : 5;
    switch (page) {
    case 0x00:
        memcpy(b, pages, n);
        return n;
    case 0x80:
        return text(b, u->serial, (uint32_t)strlen(u->serial));
    case 0x83:
        return put_identification(b, u);
    case 0xb0: /* block limits: none, but of UNMAP */
        if (u->thin) {
            put_be32(b + 16, 1 << 30 >> 9); /* blocks */
            put_be32(b + 20, SCSI_UNMAPS);
            put_be32(b + 24, 8); /* the granularity that is best */
        }
        return u->cdrom ? 0 : 0x3c;
    case 0xb1: /* block device characteristics: does not rotate */
        put_be16(b, 1);
        return u->cdrom ? 0 : 0x3c;
    case 0xb2: /* logical block provisioning: thin, by UNMAP; blocks read as zeros */
        memcpy(b, (uint8_t[]){0, 0x84, 2, 0}, 4);
        return u->thin ? 4 : 0;
    default:
        return 0;
    }
}

static void vital_data(struct scsi_task *t, const uint8_t *p)
{
    uint8_t *b = scsi_blank(t, 96);
    uint32_t n = put_page(b + 4, t->unit, p[2]);
    if (!n) {
        scsi_bad_field(t);
        return;
    }
    b[0] = t->unit->cdrom ? 5 : 0;
    b[1] = p[2];
    put_be16(b + 2, n);
    scsi_reply(t, 4 + n, be16(p + 3));
}

void scsi_inquiry(struct scsi_task *t, const uint8_t *p)
{
    const struct scsi_unit *u = t->unit;
    uint8_t *b;
    if (p[1] & 1) {
        vital_data(t, p);
        return;
    }
    if (p[2]) {
        scsi_bad_field(t);
        return;
    }
    b = scsi_blank(t, 36);
    b[0] = u->cdrom ? 5 : 0;
    b[1] = u->cdrom || u->removable ? 0x80 : 0;
    b[2] = 5; /* SPC-3 */
    b[3] = 2;
    b[4] = 31;
    b[7] = 2; /* queues commands */
    text(b + 8, "BOOTREEL", 8);
    text(b + 16, u->cdrom ? "CD-ROM" : "HARDDISK", 16);
    text(b + 32, "1.0", 4);
    scsi_reply(t, 36, be16(p + 3));
}

/* There is one: 0. */
void scsi_report_luns(struct scsi_task *t, const uint8_t *p)
{
    uint8_t *b = scsi_blank(t, 16);
    if (p[2] > 2) {
        scsi_bad_field(t);
        return;
    }
    put_be32(b, p[2] == 1 ? 0 : 8); /* 1: well known units, of which there are none */
    scsi_reply(t, p[2] == 1 ? 8 : 16, be32(p + 6));
}
