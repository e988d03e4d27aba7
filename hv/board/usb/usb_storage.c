/* usb_storage.c - a USB stick, or a CD-ROM drive on USB: SCSI commands by bulk-only transport.
 *
 * Source: USB Mass Storage Class, Bulk-Only Transport 1.0: 3 (requests), 5 (wrappers), 6 (errors; 6.7: the thirteen cases). */
#include "base/memory.h"
#include "hv/board/usb/usb.h"

#include <stdlib.h>
#include <string.h>

enum { GET_MAX_LUN = 0xfe, RESET = 0xff, COMMAND_SIZE = 31, STATUS_SIZE = 13, PART = 64 * 1024 };
enum { PASSED = 0, FAILED = 1, PHASE_ERROR = 2 };

struct command {
    uint32_t signature, tag, length;
    uint8_t flags, lun, cdb_size, cdb[16];
} __attribute__((packed));
struct status {
    uint32_t signature, tag, residue;
    uint8_t status;
} __attribute__((packed));
enum { COMMAND_SIGNATURE = 0x43425355, STATUS_SIGNATURE = 0x53425355 };
_Static_assert(sizeof(struct command) == COMMAND_SIZE && sizeof(struct status) == STATUS_SIZE,
               "as on the bus");

void storage_reset(struct usb_device *d)
{
    struct usb_storage *s = &d->storage;
    struct scsi_unit unit = s->unit;
    *s = (struct usb_storage){.unit = unit};
    scsi_reset(&s->unit, ASC_RESET);
}

int storage_control(struct usb_device *d, const struct usb_setup *setup, uint8_t *data)
{
    switch (setup->request) {
    case GET_MAX_LUN:
        data[0] = 0;
        return 1;
    case RESET:
        d->storage.phase = BOT_COMMAND;
        return 0;
    default:
        return -1;
    }
}

/* ---------------------------------------------------------------- the command */

/* The task that is kept in the state. */
static struct scsi_task task_of(struct usb_storage *s)
{
    struct scsi_task t = {.unit = &s->unit,
                          .status = s->scsi_status,
                          .medium = s->medium,
                          .write = s->write,
                          .lba = s->lba,
                          .count = s->count,
                          .parts = s->parts,
                          .unit_size = s->unit_size,
                          .size = s->size,
                          .fua = s->fua};
    memcpy(t.buf, s->buf, sizeof t.buf);
    return t;
}

static void keep(struct usb_storage *s, const struct scsi_task *t)
{
    s->scsi_status = t->status;
    s->medium = t->medium;
    s->write = t->write;
    s->fua = t->fua;
    s->lba = t->lba;
    s->count = t->count;
    s->parts = t->parts;
    s->unit_size = t->unit_size;
    s->size = t->size;
    memcpy(s->buf, t->buf, sizeof s->buf);
}

static void report(struct usb_device *d, const struct scsi_task *t, uint8_t opcode, uint64_t address)
{
    unsigned drive = DRIVE_NUMBER_USB + d->number;
    if (!t->medium || t->status) {
        drive_report_command(d->board, drive, opcode, scsi_name(t), scsi_event_status(t),
                             (struct drive_place){0});
        return;
    }
    drive_report(d->board, &(struct drive_transfer){.drive = drive,
                                                    .write = t->write,
                                                    .cdrom = t->unit->cdrom,
                                                    .command = opcode,
                                                    .name = scsi_name(t),
                                                    .lba = t->lba,
                                                    .count = t->count,
                                                    .address = address});
}

static enum usb_result take_command(struct usb_device *d, struct usb_transfer *x)
{
    struct usb_storage *s = &d->storage;
    struct command c;
    struct scsi_task t;
    if (x->size != sizeof c)
        return USB_STALL;
    x->get(x->ctx, 0, &c, sizeof c);
    if (c.signature != COMMAND_SIGNATURE || c.lun || c.cdb_size > sizeof c.cdb)
        return USB_STALL;
    memset(c.cdb + c.cdb_size, 0, sizeof c.cdb - c.cdb_size);
    x->moved = sizeof c;
    scsi_execute(d->board, &s->unit, c.cdb, &t);
    keep(s, &t);
    s->tag = c.tag;
    s->left = c.length;
    s->in = c.flags >> 7;
    s->opcode = c.cdb[0];
    s->at = 0;
    s->status = t.status ? FAILED : PASSED;
    if (scsi_moves(&t) && (scsi_moves(&t) > c.length || t.write == s->in))
        s->status = PHASE_ERROR;
    if (!t.medium || t.status)
        report(d, &t, s->opcode, 0);
    s->phase = c.length ? BOT_DATA : BOT_STATUS;
    return USB_OK;
}

/* ---------------------------------------------------------------- data and status */

static bool move_part(struct usb_storage *s, struct scsi_task *t, struct usb_transfer *x, uint64_t n)
{
    uint8_t *part = mem_alloc(PART);
    int rc = 0;
    for (uint64_t at = 0; at < n && !rc; at += PART) {
        size_t size = n - at < PART ? n - at : PART;
        if (t->write)
            x->get(x->ctx, at, part, size);
        rc = t->write ? scsi_write_at(t, s->at + at, part, size) : scsi_read_at(t, s->at + at, part, size);
        if (!t->write && !rc)
            x->put(x->ctx, at, part, size);
    }
    free(part);
    return !rc;
}

/* What is expected beyond the command's data is not moved: a short packet to the host ends it; from the host, it is thrown away. */
static enum usb_result move(struct usb_device *d, bool in, struct usb_transfer *x)
{
    struct usb_storage *s = &d->storage;
    struct scsi_task t = task_of(s);
    uint64_t has = s->status == PASSED ? scsi_moves(&t) - s->at : 0, n = x->size < has ? x->size : has;
    if (in != s->in || x->size > s->left)
        return USB_STALL;
    t.command = s->unit.cdrom ? scsi_cd_command(s->opcode) : scsi_disk_command(s->opcode);
    if (n && !s->at && t.medium)
        report(d, &t, s->opcode, x->address);
    if (n && !move_part(s, &t, x, n)) {
        scsi_sense(&s->unit, KEY_MEDIUM, ASC_UNREADABLE, 0);
        s->status = FAILED;
        n = 0;
        t.status = SCSI_CHECK;
        report(d, &t, s->opcode, x->address);
    }
    s->at += n;
    x->moved = in ? n : x->size;
    s->left -= (uint32_t)n;
    if (n < x->size || !s->left)
        s->phase = BOT_STATUS;
    return USB_OK;
}

static enum usb_result give_status(struct usb_device *d, struct usb_transfer *x)
{
    struct usb_storage *s = &d->storage;
    struct status c = {STATUS_SIGNATURE, s->tag, s->left, s->status};
    if (x->size < sizeof c)
        return USB_STALL;
    x->put(x->ctx, 0, &c, sizeof c);
    x->moved = sizeof c;
    s->phase = BOT_COMMAND;
    return USB_OK;
}

enum usb_result storage_data(struct usb_device *d, bool in, struct usb_transfer *x)
{
    switch (d->storage.phase) {
    case BOT_COMMAND:
        return in ? USB_NAK : take_command(d, x);
    case BOT_DATA:
        return move(d, in, x);
    default:
        return in ? give_status(d, x) : USB_STALL;
    }
}

/* The state may come from a damaged file. */
void storage_loaded(struct usb_device *d)
{
    struct usb_storage *s = &d->storage;
    bool fits = s->lba <= s->unit.blocks && s->count <= s->unit.blocks - s->lba && s->size <= SCSI_BUFFER &&
                s->unit_size <= SCSI_RAW_SECTOR && (!s->medium || s->unit_size) &&
                (s->unit.cdrom || !s->medium || s->unit_size == scsi_block(&s->unit)) &&
                s->phase <= BOT_STATUS;
    struct scsi_task t = task_of(s);
    if (!fits || s->at > scsi_moves(&t))
        s->medium = s->size = s->at = s->phase = 0;
}

#define S struct usb_storage
const struct field usb_storage_fields[17] = {
    FIELD_STRUCT(S, unit, scsi_fields),
    FIELD(S, phase),
    FIELD(S, status),
    FIELD(S, opcode),
    FIELD(S, tag),
    FIELD(S, left),
    FIELD(S, at),
    FIELD(S, medium),
    FIELD(S, write),
    FIELD(S, parts),
    FIELD(S, scsi_status),
    FIELD(S, lba),
    FIELD(S, count),
    FIELD(S, unit_size),
    FIELD(S, size),
    FIELD(S, in),
    FIELDS(S, buf),
};
#undef S
