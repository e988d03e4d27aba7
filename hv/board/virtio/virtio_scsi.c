/* virtio_scsi.c - a SCSI host on virtio: one card for all drives with interface=scsi. The n-th drive is target n, its only unit 0.
 *
 * Source: VIRTIO 1.2, 5.6. Requests are executed one at a time, each when the time that it takes has passed; those of the control queue
 * come first. What the drives do is in scsi_disk.c and scsi_cd.c. The event queue is never used: drives do not come and go. */
#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/pci/function.h"
#include "hv/board/storage/scsi.h"
#include "hv/board/virtio/virtio.h"

#include <stdio.h>
#include <string.h>

enum { CONTROL, EVENTS, REQUESTS, QUEUES };
enum { HEADER = 19 /* before the command block */, RESPONSE = 12 /* before the sense data */ };
enum { SENSE_SIZE = 96, CDB_SIZE = 32, SIZE_MOST = 255 /* not below SCSI_CDB */, PART = 64 * 1024 };
/* Guest times in ns, as nvme_io.c has them: what is behind virtio is a fast drive of the host's. */
enum { NS_REQUEST = 8000, NS_SECTOR = 170 };

/* The response field (5.6.6.1, 5.6.6.2). */
enum { OK = 0, OVERRUN = 1, BAD_TARGET = 3, FUNCTION_SUCCEEDED = 10, FUNCTION_REJECTED = 11 };
enum { TASK_MANAGEMENT = 0, NOTIFICATION_QUERY = 1, NOTIFICATION_SUBSCRIBE = 2 };
enum { NEXUS_RESET = 4, UNIT_RESET = 5, QUERY_SET = 7 };

struct response {
    uint32_t sense_size, residual;
    uint16_t qualifier;
    uint8_t status, response;
};
_Static_assert(sizeof(struct response) == RESPONSE, "as the specification has it");

struct virtio_scsi {
    struct virtio virtio;
    unsigned targets;

    struct scsi_unit unit[SCSI_TARGETS];
    uint32_t sense_size, cdb_size; /* of the driver's choice */
    struct timer timer;            /* runs while a request is being executed */
    uint64_t busy;                 /* until when the last one's data takes */
    struct virtio_chain *chain; /* for the request that is executed: not state, since it lasts for a call */
};

static struct virtio_scsi *scsi_of(struct virtio *v)
{
    return (struct virtio_scsi *)v;
}

/* The target of an address in SCSI's form (5.6.6.1): 1, the target, then the unit, as a flat number. */
static struct scsi_unit *unit_of(struct virtio_scsi *s, const uint8_t lun[8])
{
    bool zero = !((be16(lun + 2)) & 0x3fff) && !be32(lun + 4);
    return lun[0] == 1 && lun[1] < s->targets && zero ? &s->unit[lun[1]] : NULL;
}

static struct drive_place place(const struct virtio_scsi *s, unsigned queue)
{
    return (struct drive_place){.queue = queue, .entry = s->chain->id + 1u};
}

/* ---------------------------------------------------------------- requests */

/* Where the data's first byte is: `at` bytes into segments. */
static uint64_t address_of(const struct virtio_segment *segment, unsigned n, uint64_t at)
{
    for (; n; n--, segment++) {
        if (at < segment->size)
            return segment->address + at;
        at -= segment->size;
    }
    return UINT64_MAX;
}

static void report(struct virtio_scsi *s, const struct scsi_task *t, uint8_t opcode)
{
    const struct virtio_chain *c = s->chain;
    unsigned drive = DRIVE_NUMBER_SCSI + (unsigned)(t->unit - s->unit);
    uint64_t at = t->write ? address_of(c->segment, c->nout, HEADER + s->cdb_size)
                           : address_of(c->segment + c->nout, c->nin, RESPONSE + s->sense_size);
    if (!t->medium || t->status) {
        drive_report_command(s->virtio.board, drive, opcode, scsi_name(t), scsi_event_status(t),
                             place(s, REQUESTS));
        return;
    }
    drive_report(s->virtio.board, &(struct drive_transfer){.drive = drive,
                                                           .write = t->write,
                                                           .cdrom = t->unit->cdrom,
                                                           .command = opcode,
                                                           .name = scsi_name(t),
                                                           .lba = t->lba,
                                                           .count = t->count,
                                                           .address = at,
                                                           .place = place(s, REQUESTS)});
}

/* The blocks that an UNMAP has freed. */
static void report_unmapped(struct virtio_scsi *s, const struct scsi_task *t, uint8_t opcode)
{
    uint64_t lba;
    uint32_t count;
    for (unsigned i = 0; scsi_unmapped(t, i, &lba, &count); i++)
        if (count)
            drive_report(s->virtio.board,
                         &(struct drive_transfer){.drive = DRIVE_NUMBER_SCSI + (unsigned)(t->unit - s->unit),
                                                  .write = true,
                                                  .command = opcode,
                                                  .name = scsi_name(t),
                                                  .lba = lba,
                                                  .count = count,
                                                  .address = UINT64_MAX,
                                                  .place = place(s, REQUESTS)});
}

/* Moves `size` bytes of the task's data in parts. */
static int move(struct virtio_scsi *s, struct scsi_task *t, uint64_t size)
{
    uint8_t *part = mem_alloc(PART);
    int rc = 0;
    for (uint64_t at = 0; at < size && !rc; at += PART) {
        size_t n = size - at < PART ? size - at : PART;
        if (t->write)
            virtio_read(&s->virtio, s->chain, HEADER + s->cdb_size + at, part, n);
        rc = t->write ? scsi_write_at(t, at, part, n) : scsi_read_at(t, at, part, n);
        if (!t->write && !rc)
            virtio_write(&s->virtio, s->chain, RESPONSE + s->sense_size + at, part, n);
    }
    free(part);
    return rc;
}

/* Returns how many bytes were moved to the driver. */
static uint64_t run(struct virtio_scsi *s, struct scsi_unit *unit, const uint8_t *cdb, struct response *r)
{
    const struct virtio_chain *c = s->chain;
    struct scsi_task t;
    scsi_execute(s->virtio.board, unit, cdb, &t);
    uint64_t moves = scsi_moves(&t);
    uint64_t room = t.write ? c->out_size - HEADER - s->cdb_size : c->in_size - RESPONSE - s->sense_size;
    if (moves > room) {
        r->response = OVERRUN;
        return 0;
    }
    report(s, &t, cdb[0]);
    s->busy += moves / DRIVE_SECTOR * NS_SECTOR;
    if (moves && move(s, &t, moves)) {
        scsi_sense(unit, KEY_MEDIUM, ASC_UNREADABLE, 0);
        t.status = SCSI_CHECK;
        moves = 0;
        report(s, &t, cdb[0]);
    }
    report_unmapped(s, &t, cdb[0]);
    r->status = t.status;
    r->residual = (uint32_t)(room - moves);
    return t.write ? 0 : moves;
}

static void put_sense(struct virtio_scsi *s, struct scsi_unit *unit, struct response *r)
{
    uint8_t sense[SCSI_SENSE];
    uint32_t n = s->sense_size < sizeof sense ? s->sense_size : sizeof sense;
    scsi_take_sense(unit, sense);
    virtio_write(&s->virtio, s->chain, RESPONSE, sense, n);
    r->sense_size = n;
}

static void request(struct virtio_scsi *s)
{
    struct virtio_chain *c = s->chain;
    uint8_t header[HEADER], cdb[SIZE_MOST] = {0};
    struct response r = {0};
    uint64_t moved = 0;
    if (c->out_size < HEADER + s->cdb_size || c->in_size < RESPONSE + s->sense_size) {
        virtio_break(&s->virtio, "a virtio-scsi request without header or response");
        return;
    }
    virtio_read(&s->virtio, c, 0, header, HEADER);
    virtio_read(&s->virtio, c, HEADER, cdb, s->cdb_size);
    struct scsi_unit *unit = unit_of(s, header);
    if (unit)
        moved = run(s, unit, cdb, &r);
    else
        r.response = BAD_TARGET;
    if (r.status == SCSI_CHECK)
        put_sense(s, unit, &r);
    virtio_write(&s->virtio, c, 0, &r, sizeof r);
    virtio_give(&s->virtio, REQUESTS, c, (uint32_t)(RESPONSE + s->sense_size + moved));
}

/* ---------------------------------------------------------------- the control queue */

/* No request is under way while this is executed: there is nothing to abort, and none to be found. */
static uint8_t manage(struct virtio_scsi *s, uint32_t function, const uint8_t lun[8])
{
    struct scsi_unit *unit = unit_of(s, lun);
    if (!unit)
        return BAD_TARGET;
    if (function == NEXUS_RESET || function == UNIT_RESET)
        scsi_reset(unit, ASC_RESET);
    return function > QUERY_SET ? FUNCTION_REJECTED : OK;
}

static void control(struct virtio_scsi *s)
{
    struct {
        uint32_t type, function;
        uint8_t lun[8];
        uint64_t id;
    } r = {0};
    struct virtio_chain *c = s->chain;
    size_t n = c->out_size < sizeof r ? c->out_size : sizeof r;
    uint8_t answer[5] = {0}; /* a response; or which events there are, none, and a response */
    virtio_read(&s->virtio, c, 0, &r, n);
    bool task = r.type == TASK_MANAGEMENT;
    size_t size = task ? 1 : sizeof answer;
    if (n < 4 || (task && n < sizeof r) || c->in_size < size) {
        virtio_break(&s->virtio, "a virtio-scsi control request of a wrong size");
        return;
    }
    if (task)
        answer[0] = manage(s, r.function, r.lun);
    else if (r.type != NOTIFICATION_QUERY && r.type != NOTIFICATION_SUBSCRIBE) {
        board_unhandled(s->virtio.board, "virtio-scsi control request", r.type, true, 0);
        answer[4] = FUNCTION_REJECTED;
    }
    virtio_write(&s->virtio, c, 0, answer, size);
    virtio_give(&s->virtio, CONTROL, c, (uint32_t)size);
}

/* ---------------------------------------------------------------- time */

static void begin(struct virtio_scsi *s)
{
    uint64_t now = board_now(s->virtio.board);
    if (s->timer.deadline == TIMER_OFF &&
        (virtio_waits(&s->virtio, CONTROL) || virtio_waits(&s->virtio, REQUESTS)))
        timer_set(s->virtio.board, &s->timer,
                  (s->busy > now ? s->busy : now) + NS_REQUEST + board_late(s->virtio.board));
}

static void fire(void *ctx)
{
    struct virtio_scsi *s = ctx;
    s->busy = board_now(s->virtio.board);
    if (virtio_take(&s->virtio, CONTROL, s->chain) > 0)
        control(s);
    else if (virtio_take(&s->virtio, REQUESTS, s->chain) > 0)
        request(s);
    begin(s);
}

static void notified(struct virtio *v, unsigned queue)
{
    if (queue != EVENTS)
        begin(scsi_of(v));
}

/* ---------------------------------------------------------------- the device */

enum { CONFIG_SENSE = 20, CONFIG_CDB = 24, CONFIG_SIZE = 36 };

static void put(uint8_t *p, uint32_t value)
{
    memcpy(p, &value, sizeof value);
}

static void fill_config(const struct virtio *v, uint8_t *c)
{
    const struct virtio_scsi *s = (const struct virtio_scsi *)v;
    put(c, 1);                         /* request queues */
    put(c + 4, VIRTIO_QUEUE_SIZE - 2); /* segments */
    put(c + 8, 0xffff);                /* sectors of a transfer */
    put(c + 12, 128);                  /* commands of a unit */
    put(c + 16, 16);                   /* an event's size */
    put(c + CONFIG_SENSE, s->sense_size);
    put(c + CONFIG_CDB, s->cdb_size);
    put(c + 28, (s->targets - 1) << 16); /* highest channel and target */
    put(c + 32, 0);                      /* highest unit */
}

/* The sizes may be set before the driver is ready, to something that leaves room for a command. */
static void config_written(struct virtio *v, unsigned offset, unsigned size, uint64_t value)
{
    struct virtio_scsi *s = scsi_of(v);
    if (size != 4 || value > SIZE_MOST || v->status & VIRTIO_DRIVER_OK)
        return;
    if (offset == CONFIG_SENSE)
        s->sense_size = (uint32_t)value;
    else if (offset == CONFIG_CDB && value)
        s->cdb_size = (uint32_t)value;
}

static void device_reset(struct virtio *v)
{
    struct virtio_scsi *s = scsi_of(v);
    timer_stop(v->board, &s->timer);
    s->busy = 0;
    s->sense_size = SENSE_SIZE;
    s->cdb_size = CDB_SIZE;
    for (unsigned i = 0; i < s->targets; i++)
        scsi_reset(&s->unit[i], ASC_RESET);
}

static const struct virtio_kind kind = {
    .name = "virtio-scsi",
    .device = 8,
    .legacy = 0x1004,
    .class_code = 0x010000,
    .queues = QUEUES,
    .config_size = CONFIG_SIZE,
    .notified = notified,
    .reset = device_reset,
    .config = fill_config,
    .config_written = config_written,
};

static const struct field scsi_card_fields[] = {
    FIELD_STRUCT_AS("", struct virtio_scsi, virtio, virtio_fields),
    FIELD_STRUCTS(struct virtio_scsi, unit, scsi_fields),
    FIELD(struct virtio_scsi, sense_size),
    FIELD(struct virtio_scsi, cdb_size),
    FIELD(struct virtio_scsi, timer.deadline),
    FIELD(struct virtio_scsi, busy),
};

static void reset(void *state)
{
    struct virtio_scsi *s = state;
    msix_reset(&s->virtio.msix);
    virtio_reset(&s->virtio);
}

/* The state may come from a damaged file. */
static void loaded(void *state)
{
    struct virtio_scsi *s = state;
    if (s->sense_size > SIZE_MOST)
        s->sense_size = SENSE_SIZE;
    if (s->cdb_size > SIZE_MOST || !s->cdb_size)
        s->cdb_size = CDB_SIZE;
    virtio_loaded(&s->virtio);
}

static void destroy(void *state)
{
    struct virtio_scsi *s = state;
    free(s->chain);
    free(s);
}

static int add_targets(struct virtio_scsi *s, struct error *err)
{
    struct drive drives[SCSI_TARGETS];
    int n = drives_of(board_config(s->virtio.board), DRIVE_SCSI, drives, SCSI_TARGETS, err);
    for (int i = 0; i < n; i++) {
        scsi_attach(s->virtio.board, &s->unit[i], &drives[i]);
        s->unit[i].thin = !drives[i].cdrom;
    }
    s->targets = n < 0 ? 0 : (unsigned)n;
    return n < 0 ? -1 : 0;
}

int virtio_scsi_create(struct board *b, const struct card *card, struct error *err)
{
    struct virtio_scsi *s = mem_zero(1, sizeof *s);
    s->virtio.board = b;
    s->virtio.kind = &kind;
    if (add_targets(s, err)) {
        free(s);
        return -1;
    }
    s->chain = mem_zero(1, sizeof *s->chain);
    virtio_init(&s->virtio, "virtio-scsi", card->devfn);
    board_timer(b, &s->timer, fire, s);
    board_add_chip(b, &(struct chip){.name = "virtio-scsi",
                                     .fields = scsi_card_fields,
                                     .nfields = FIELD_COUNT(scsi_card_fields),
                                     .state = s,
                                     .reset = reset,
                                     .loaded = loaded,
                                     .destroy = destroy});
    board_add_pci(b, &s->virtio.pci);
    return 0;
}
