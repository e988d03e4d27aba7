/* scsi.c - see scsi.h. */
#include "bios/drives32/scsi.h"

enum {
    TEST_READY = 0x00,
    INQUIRY = 0x12,
    START_STOP = 0x1b,
    CAPACITY_10 = 0x25,
    READ_10 = 0x28,
    WRITE_10 = 0x2a,
    READ_16 = 0x88,
    WRITE_16 = 0x8a,
    CAPACITY_16 = 0x9e,
};
enum {
    KEY_NOT_READY = 2,
    KEY_MEDIUM = 3,
    KEY_ILLEGAL = 5,
    KEY_ATTENTION = 6,
    CODE_NO_MEDIUM = 0x3a,
    TRIES = 8
};
enum { TYPE_DISK = 0, TYPE_CD = 5, MOST_BYTES = 64 * 1024 };

static u32 get32(const u8 *p)
{
    return __builtin_bswap32(*(const u32 *)p);
}

static void put32(u8 *p, u32 value)
{
    *(u32 *)p = __builtin_bswap32(value);
}

/* Converts how a command ended to INT 13h's status. */
static u8 status_of(const struct scsi *s, u8 ended)
{
    if (!ended)
        return DISK_OK;
    if (ended == 0xff)
        return DISK_TIMEOUT;
    switch (s->sense[2] & 15) {
    case KEY_NOT_READY:
        return s->sense[12] == CODE_NO_MEDIUM ? DISK_NO_MEDIUM : DISK_NOT_READY;
    case KEY_MEDIUM:
        return DISK_CRC;
    case KEY_ILLEGAL:
        return DISK_BAD_COMMAND;
    case KEY_ATTENTION:
        return DISK_CHANGED;
    default:
        return DISK_CONTROLLER;
    }
}

/* Retried after a unit attention, which is reported once. */
static u8 run(struct scsi *s, const u8 *cdb, u32 address, u32 bytes, bool write)
{
    u8 status = DISK_CHANGED;
    for (u32 i = 0; i < TRIES && status == DISK_CHANGED; i++)
        status = status_of(s, s->command(s, cdb, address, bytes, write));
    return status;
}

static u8 reply(struct scsi *s, const u8 *cdb, u32 bytes)
{
    return run(s, cdb, (u32)s->reply, bytes, false);
}

static u8 transfer(void *state, u64 lba, u32 sectors, u32 address, bool write)
{
    struct scsi *s = state;
    u8 cdb[SCSI_CDB] = {write ? WRITE_10 : READ_10};
    bool far = lba >> 32;
    if (far) {
        cdb[0] = write ? WRITE_16 : READ_16;
        put32(cdb + 2, (u32)(lba >> 32));
        put32(cdb + 6, (u32)lba);
        put32(cdb + 10, sectors);
    } else {
        put32(cdb + 2, (u32)lba);
        cdb[7] = sectors >> 8;
        cdb[8] = (u8)sectors;
    }
    return run(s, cdb, address, sectors * (s->cd ? 2048 : 512), write);
}

static u8 find_size(struct scsi *s, struct far_drive *d)
{
    static const u8 ready[SCSI_CDB] = {TEST_READY}, ten[SCSI_CDB] = {CAPACITY_10};
    static const u8 sixteen[SCSI_CDB] = {CAPACITY_16, 0x10, [13] = 32};
    u8 status = run(s, ready, 0, 0, false);
    if (!status)
        status = reply(s, ten, 8);
    if (status)
        return status;
    u64 sectors = (u64)get32(s->reply) + 1;
    u32 block = get32(s->reply + 4);
    if (sectors >> 32 && !(status = reply(s, sixteen, 32))) {
        sectors = ((u64)get32(s->reply) << 32 | get32(s->reply + 4)) + 1;
        block = get32(s->reply + 8);
    }
    d->sectors = (u32)sectors;
    d->sectors_high = (u32)(sectors >> 32);
    return status ? status : block == (s->cd ? 2048 : 512) ? DISK_OK : DISK_UNKNOWN_MEDIUM;
}

static u8 wish(void *state, struct far_drive *d, u8 what)
{
    struct scsi *s = state;
    u8 cdb[SCSI_CDB] = {START_STOP, 0, 0, 0, what == WISH_LOAD ? 3 : 2};
    if (what == WISH_READY)
        return find_size(s, d);
    return s->cd ? run(s, cdb, 0, 0, false) : DISK_NOT_REMOVABLE;
}

struct far_drive *scsi_add(u16 bdf, struct scsi *s, const char *interface)
{
    static const u8 inquiry[SCSI_CDB] = {INQUIRY, 0, 0, 0, 36};
    struct far_drive found = {0}, *d;
    char model[32];
    u32 n = 0;
    if (reply(s, inquiry, 36) || (s->reply[0] != TYPE_DISK && s->reply[0] != TYPE_CD))
        return NULL;
    s->cd = s->reply[0] == TYPE_CD;
    copy_text(model, 9, s->reply + 8, 8); /* vendor and product */
    while (model[n])
        n++;
    model[n++] = ' ';
    memcpy(model + n, s->reply + 16, 16);
    n += 16;
    u8 status = find_size(s, &found);
    if (status && !s->cd) {
        log("SCSI: a disk that is not for INT 13h, status %02x\n", status);
        return NULL;
    }
    s->driver.transfer = transfer;
    s->driver.wish = wish;
    s->driver.most = MOST_BYTES / (s->cd ? 2048 : 512);
    if (!(d = drive_add(bdf, &s->driver, interface)))
        return NULL;
    d->cd = s->cd;
    d->block = s->cd ? 2048 : 512;
    d->sectors = found.sectors;
    d->sectors_high = found.sectors_high;
    copy_text(d->model, sizeof d->model, model, n);
    return d;
}
