/* scsi_disk.c - the commands of SCSI disks. Sources: SBC-3 (T10/1799D), clause 5 and 6.4; SPC-4 (T10/1731D), clauses 6 and 7.5. */
#include "base/byte_order.h"
#include "hv/board/storage/disk.h"
#include "hv/board/storage/scsi.h"

#include <string.h>

enum { PAGE_CACHING = 0x08, PAGE_CONTROL = 0x0a, PAGE_ALL = 0x3f };

/* ---------------------------------------------------------------- reading and writing */

static void read6(struct scsi_task *t, const uint8_t *p)
{
    scsi_blocks(t, p[0] == 0x0a, be24(p + 1) & 0x1fffff, p[4] ? p[4] : 256, 0);
}

/* READ and WRITE of 10, 12 and 16 bytes: bit 1 of the opcode tells them apart. Bits 7-5 of byte 1 ask for protection, which the
 * medium does not have; bit 3 is FUA. */
static void move(struct scsi_task *t, const uint8_t *p, uint64_t lba, uint32_t count)
{
    if (p[1] >> 5)
        scsi_bad_field(t);
    else
        scsi_blocks(t, p[0] & 2, lba, count, 0);
    t->fua = p[1] & 8;
}

static void move10(struct scsi_task *t, const uint8_t *p)
{
    move(t, p, be32(p + 2), be16(p + 7));
}

static void move12(struct scsi_task *t, const uint8_t *p)
{
    move(t, p, be32(p + 2), be32(p + 6));
}

static void move16(struct scsi_task *t, const uint8_t *p)
{
    move(t, p, be64(p + 2), be32(p + 10));
}

/* SYNCHRONIZE CACHE: SBC-3, 5.22 and 5.23. A count of 0 means all blocks up to the last one. */
static void synchronize(struct scsi_task *t, const uint8_t *p)
{
    const struct scsi_unit *u = t->unit;
    const bool wide = p[0] == 0x91;
    const uint64_t lba = wide ? be64(p + 2) : be32(p + 2), most = lba < u->blocks ? u->blocks - lba : 0;
    const uint64_t asked = wide ? be32(p + 10) : be16(p + 7), n = asked && asked < most ? asked : most;
    disk_flush(u->disk, lba * scsi_block(u), n * scsi_block(u));
}

/* Without a comparison with data (BYTCHK). */
static void verify(struct scsi_task *t, const uint8_t *p)
{
    bool wide = p[0] == 0x8f;
    uint64_t lba = wide ? be64(p + 2) : be32(p + 2);
    uint32_t count = wide ? be32(p + 10) : be16(p + 7);
    if (p[1] & 0xe6)
        scsi_bad_field(t);
    else if (lba > t->unit->blocks || count > t->unit->blocks - lba)
        scsi_check(t, KEY_ILLEGAL, ASC_OUT_OF_RANGE, 0);
    else if (disk_verify(t->unit->disk, lba * scsi_block(t->unit), (uint64_t)count * scsi_block(t->unit)) < 0)
        scsi_check(t, KEY_MEDIUM, ASC_UNREADABLE, 0);
}

/* ---------------------------------------------------------------- UNMAP: SBC-3, 5.25 */

enum { LIST_HEADER = 8, RANGE = 16 };

static void unmap_listed(struct scsi_task *t);

bool scsi_unmapped(const struct scsi_task *t, unsigned i, uint64_t *lba, uint32_t *count)
{
    const uint8_t *range = t->buf + LIST_HEADER + i * RANGE;
    const uint32_t at = LIST_HEADER + i * RANGE,
                   listed = LIST_HEADER + (t->size < LIST_HEADER ? 0 : be16(t->buf + 2));
    if (t->finish != unmap_listed || t->status || at + RANGE > t->size || at + RANGE > listed)
        return false;
    *lba = be64(range);
    *count = be32(range + 8);
    return true;
}

static void unmap_listed(struct scsi_task *t)
{
    const struct scsi_unit *u = t->unit;
    uint64_t lba;
    uint32_t count;
    for (unsigned i = 0; scsi_unmapped(t, i, &lba, &count); i++)
        if (lba > u->blocks || count > u->blocks - lba)
            scsi_check(t, KEY_ILLEGAL, ASC_OUT_OF_RANGE, 0);
    for (unsigned i = 0; scsi_unmapped(t, i, &lba, &count); i++)
        if (disk_zero(u->disk, lba * scsi_block(u), (uint64_t)count * scsi_block(u)))
            scsi_check(t, KEY_MEDIUM, ASC_UNREADABLE, 0);
}

/* A list that is too short for its header is no error, and means nothing. */
static void unmap(struct scsi_task *t, const uint8_t *p)
{
    const uint32_t n = be16(p + 7);
    if (p[1] & 1 || n > LIST_HEADER + SCSI_UNMAPS * RANGE) /* ANCHOR */
        scsi_bad_field(t);
    else
        scsi_list(t, n, unmap_listed);
}

/* ---------------------------------------------------------------- what it is */

static uint64_t last_lba(const struct scsi_unit *u)
{
    return u->blocks ? u->blocks - 1 : 0;
}

static void capacity10(struct scsi_task *t, const uint8_t *p)
{
    uint8_t *b = scsi_blank(t, 8);
    uint64_t last = last_lba(t->unit);
    put_be32(b, last > UINT32_MAX ? UINT32_MAX : (uint32_t)last);
    put_be32(b + 4, scsi_block(t->unit));
    scsi_reply(t, 8, 8);
}

/* SERVICE ACTION IN(16). */
static void service16(struct scsi_task *t, const uint8_t *p)
{
    uint8_t *b = scsi_blank(t, 32);
    if ((p[1] & 31) != 0x10) { /* READ CAPACITY(16) */
        scsi_bad_field(t);
        return;
    }
    put_be64(b, last_lba(t->unit));
    put_be32(b + 8, scsi_block(t->unit));
    b[14] = t->unit->thin ? 0xc0 : 0; /* LBPME, LBPRZ */
    scsi_reply(t, 32, be32(p + 10));
}

static const uint8_t mode_pages[] = {
    PAGE_CACHING,
    0x12,
    0x04 /* a write cache */,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    PAGE_CONTROL,
    0x0a,
    0x02,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
};

/* Appends the requested pages; `control` 1 requests the changeable bits, of which there are none. */
static uint32_t put_pages(uint8_t *out, unsigned page, unsigned control)
{
    uint32_t n = 0;
    for (unsigned at = 0; at < sizeof mode_pages; at += 2u + mode_pages[at + 1]) {
        unsigned size = 2u + mode_pages[at + 1];
        if (page != PAGE_ALL && page != mode_pages[at])
            continue;
        memcpy(out + n, mode_pages + at, size);
        if (control == 1)
            memset(out + n + 2, 0, size - 2);
        n += size;
    }
    return n;
}

static void mode_sense(struct scsi_task *t, const uint8_t *p)
{
    bool ten = p[0] == 0x5a;
    uint32_t header = ten ? 8 : 4, control = p[2] >> 6, n;
    uint8_t *b = scsi_blank(t, 64);
    n = put_pages(b + header, p[2] & 0x3f, control);
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
        b[3] = 0x10; /* DPOFUA: FUA is understood */
    } else {
        b[0] = (uint8_t)(header + n - 1);
        b[2] = 0x10;
    }
    scsi_reply(t, header + n, ten ? be16(p + 7) : p[4]);
}

static void start_stop(struct scsi_task *t, const uint8_t *p)
{
    if (p[4] & 2)
        scsi_bad_field(t); /* nothing can be ejected */
}

static void supported_commands(struct scsi_task *t, const uint8_t *p);

static const struct scsi_command commands[] = {
    {0x00, "TEST UNIT READY", scsi_good, 0},
    {0x03, "REQUEST SENSE", scsi_request_sense, SCSI_ANYTIME},
    {0x08, "READ(6)", read6, 0},
    {0x0a, "WRITE(6)", read6, 0},
    {0x12, "INQUIRY", scsi_inquiry, SCSI_ANYTIME},
    {0x1a, "MODE SENSE(6)", mode_sense, 0},
    {0x1b, "START STOP UNIT", start_stop, 0},
    {0x1e, "PREVENT ALLOW MEDIUM REMOVAL", scsi_good, 0},
    {0x25, "READ CAPACITY(10)", capacity10, 0},
    {0x28, "READ(10)", move10, 0},
    {0x2a, "WRITE(10)", move10, 0},
    {0x2f, "VERIFY(10)", verify, 0},
    {0x35, "SYNCHRONIZE CACHE(10)", synchronize, 0},
    {0x42, "UNMAP", unmap, SCSI_THIN},
    {0x5a, "MODE SENSE(10)", mode_sense, 0},
    {0x88, "READ(16)", move16, 0},
    {0x8a, "WRITE(16)", move16, 0},
    {0x8f, "VERIFY(16)", verify, 0},
    {0x91, "SYNCHRONIZE CACHE(16)", synchronize, 0},
    {0x9e, "SERVICE ACTION IN(16)", service16, 0},
    {0xa0, "REPORT LUNS", scsi_report_luns, SCSI_ANYTIME},
    {0xa3, "MAINTENANCE IN", supported_commands, 0},
    {0xa8, "READ(12)", move12, 0},
    {0xaa, "WRITE(12)", move12, 0},
};

const struct scsi_command *scsi_disk_command(uint8_t opcode)
{
    return scsi_find(commands, sizeof commands / sizeof *commands, opcode);
}

/* REPORT SUPPORTED OPERATION CODES (SPC-4, 6.35), of one command: whether it is known, and that all of its bits are. */
static void supported_commands(struct scsi_task *t, const uint8_t *p)
{
    static const uint8_t sizes[8] = {6, 10, 10, 0, 16, 12, 0, 0};
    uint8_t *b = scsi_blank(t, 20), size = sizes[p[3] >> 5];
    bool one = (p[1] & 31) == 0x0c && (p[2] & 7) == 1;
    bool known = scsi_command_of(t->unit, p[3]) != NULL;
    if (!one) {
        scsi_bad_field(t);
        return;
    }
    b[1] = known ? 3 : 1;
    if (known) {
        put_be16(b + 2, size);
        memset(b + 4, 0xff, size);
        b[4] = p[3];
    }
    scsi_reply(t, 4 + (known ? size : 0u), be32(p + 6));
}
