/* virtio_blk.c - a block device on virtio, one for each drive.
 *
 * Source: VIRTIO 1.2, 5.2. One request is executed at a time, when the time that it takes has passed. */
#include "base/byte_order.h"
#include "base/memory.h"
#include "hv/board/chips.h"
#include "hv/board/pci/function.h"
#include "hv/board/storage/disk.h"
#include "hv/board/virtio/virtio.h"

#include <stdio.h>
#include <string.h>

#define F_SEG_MAX      (1ull << 2)
#define F_BLK_SIZE     (1ull << 6)
#define F_FLUSH        (1ull << 9)
#define F_DISCARD      (1ull << 13)
#define F_WRITE_ZEROES (1ull << 14)

enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, WRITE_ZEROES = 13 };
enum { OK, IO_ERROR, UNSUPPORTED };
enum {
    HEADER = 16,
    PART = 64 * 1024,
    RANGE_SECTORS = INT32_MAX / DRIVE_SECTOR /* of one discard or zeroing: 2 GiB */
};
/* Guest times in ns, as nvme_io.c has them: what is behind virtio is a fast drive of the host's. */
enum { NS_REQUEST = 8000, NS_SECTOR = 170 };

struct virtio_blk {
    struct virtio virtio;
    struct drive drive;
    struct disk *disk;
    unsigned index;
    char name[16];

    struct timer timer;         /* runs while a request is being executed */
    uint64_t busy;              /* until when the last one's data takes */
    struct virtio_chain *chain; /* for the request that is executed: not state, since it lasts for a call */
};

struct request {
    uint32_t type, reserved;
    uint64_t sector;
};
_Static_assert(sizeof(struct request) == HEADER, "as the specification has it");

static struct virtio_blk *blk_of(struct virtio *v)
{
    return (struct virtio_blk *)v;
}

static const char *request_name(uint32_t type)
{
    switch (type) {
    case IN:
        return "READ";
    case OUT:
        return "WRITE";
    case FLUSH:
        return "FLUSH";
    case GET_ID:
        return "GET ID";
    case DISCARD:
        return "DISCARD";
    case WRITE_ZEROES:
        return "WRITE ZEROES";
    default:
        return "unknown virtio-blk request";
    }
}

/* ---------------------------------------------------------------- requests */

static void report(struct virtio_blk *s, bool write, uint32_t type, uint64_t lba, uint64_t sectors)
{
    const struct virtio_chain *c = s->chain;
    bool moves = type == IN || type == OUT;
    unsigned at = type == OUT ? 1 : c->nout; /* the segment behind the header, or the first one to write */
    drive_report(s->virtio.board,
                 &(struct drive_transfer){.drive = DRIVE_NUMBER_VIRTIO + s->index,
                                          .write = write,
                                          .command = (uint8_t)type,
                                          .name = request_name(type),
                                          .lba = lba,
                                          .count = (uint32_t)sectors,
                                          .address = moves ? c->segment[at].address : UINT64_MAX,
                                          .place = {.queue = 0, .entry = c->id + 1u}});
}

static bool in_range(const struct virtio_blk *s, uint64_t sector, uint64_t count)
{
    return sector <= s->drive.sectors && count <= s->drive.sectors - sector;
}

/* Virtio 1.2, 5.2.6.2: a driver that does not accept the feature of a flush has a drive without a cache. */
static void hold(struct virtio_blk *s, uint64_t offset, uint64_t n)
{
    if (!virtio_has(&s->virtio, F_FLUSH))
        disk_through(s->disk, offset, n);
}

/* Moves the data in parts, since a driver may ask for any amount. `size` is whole sectors. */
static uint8_t transfer(struct virtio_blk *s, const struct request *r, uint64_t size)
{
    uint8_t *part = mem_alloc(PART);
    uint64_t at = r->sector * DRIVE_SECTOR;
    bool write = r->type == OUT, failed = false;
    report(s, write, r->type, r->sector, size / DRIVE_SECTOR);
    for (uint64_t done = 0; done < size && !failed; done += PART) {
        size_t n = size - done < PART ? size - done : PART;
        if (write)
            virtio_read(&s->virtio, s->chain, HEADER + done, part, n);
        failed = write ? disk_write(s->disk, at + done, part, n) : disk_read(s->disk, at + done, part, n);
        if (!write && !failed)
            virtio_write(&s->virtio, s->chain, done, part, n);
    }
    free(part);
    if (write)
        hold(s, at, size);
    if (failed)
        drive_report_command(s->virtio.board, DRIVE_NUMBER_VIRTIO + s->index, (uint8_t)r->type,
                             request_name(r->type), IO_ERROR, (struct drive_place){0, s->chain->id + 1u});
    return failed ? IO_ERROR : OK;
}

static uint8_t read_or_write(struct virtio_blk *s, const struct request *r, uint32_t *written)
{
    uint64_t size = r->type == OUT ? s->chain->out_size - HEADER : s->chain->in_size - 1;
    if (size % DRIVE_SECTOR || !in_range(s, r->sector, size / DRIVE_SECTOR))
        return IO_ERROR;
    s->busy += size / DRIVE_SECTOR * NS_SECTOR;
    if (r->type == IN)
        *written = (uint32_t)size;
    return size ? transfer(s, r, size) : OK;
}

struct range {
    uint64_t sector;
    uint32_t sectors, flags;
};

static uint8_t zero(struct virtio_blk *s, uint32_t type, const struct range *range)
{
    const uint64_t at = range->sector * DRIVE_SECTOR, n = (uint64_t)range->sectors * DRIVE_SECTOR;
    report(s, true, type, range->sector, range->sectors);
    if (disk_zero(s->disk, at, n))
        return IO_ERROR;
    hold(s, at, n);
    return OK;
}

/* Discarded sectors are zeros. (5.2.6.2 would let them keep their content, too.) */
static uint8_t ranges(struct virtio_blk *s, const struct request *r)
{
    uint64_t size = s->chain->out_size - HEADER;
    uint8_t status = OK;
    if (!size || size % sizeof(struct range))
        return IO_ERROR;
    for (uint64_t at = 0; at < size && status == OK; at += sizeof(struct range)) {
        struct range range;
        virtio_read(&s->virtio, s->chain, HEADER + at, &range, sizeof range);
        if (range.flags & ~1u || (r->type == DISCARD && range.flags))
            status = UNSUPPORTED;
        else if (range.sectors > RANGE_SECTORS || !in_range(s, range.sector, range.sectors))
            status = IO_ERROR;
        else if (range.sectors)
            status = zero(s, r->type, &range);
    }
    return status;
}

static uint8_t get_id(struct virtio_blk *s, uint32_t *written)
{
    char id[DRIVE_SERIAL] = {0};
    if (s->chain->in_size < sizeof id + 1)
        return IO_ERROR;
    memcpy(id, s->drive.serial, strnlen(s->drive.serial, sizeof id));
    virtio_write(&s->virtio, s->chain, 0, id, sizeof id);
    *written = sizeof id;
    return OK;
}

static uint8_t run(struct virtio_blk *s, const struct request *r, uint32_t *written)
{
    switch (r->type) {
    case IN:
    case OUT:
        return read_or_write(s, r, written);
    case FLUSH:
        disk_flush_all(s->disk);
        return OK;
    case GET_ID:
        return get_id(s, written);
    case DISCARD:
    case WRITE_ZEROES:
        return ranges(s, r);
    default:
        board_unhandled(s->virtio.board, "virtio-blk request", r->type, true, r->sector);
        return UNSUPPORTED;
    }
}

static void execute(struct virtio_blk *s)
{
    struct virtio_chain *c = s->chain;
    struct request r;
    uint32_t written = 0;
    if (c->out_size < HEADER || !c->in_size) {
        virtio_break(&s->virtio, "a virtio-blk request without header or status");
        return;
    }
    virtio_read(&s->virtio, c, 0, &r, sizeof r);
    uint8_t status = run(s, &r, &written);
    if ((r.type != IN && r.type != OUT && r.type != WRITE_ZEROES) || status)
        drive_report_command(s->virtio.board, DRIVE_NUMBER_VIRTIO + s->index, (uint8_t)r.type,
                             request_name(r.type), status,
                             (struct drive_place){.queue = 0, .entry = c->id + 1u});
    virtio_write(&s->virtio, c, c->in_size - 1, &status, 1);
    virtio_give(&s->virtio, 0, c, written + 1);
}

/* ---------------------------------------------------------------- time */

static void begin(struct virtio_blk *s)
{
    uint64_t now = board_now(s->virtio.board);
    if (s->timer.deadline == TIMER_OFF && virtio_waits(&s->virtio, 0))
        timer_set(s->virtio.board, &s->timer,
                  (s->busy > now ? s->busy : now) + NS_REQUEST + board_late(s->virtio.board));
}

static void fire(void *ctx)
{
    struct virtio_blk *s = ctx;
    s->busy = board_now(s->virtio.board);
    if (virtio_take(&s->virtio, 0, s->chain) > 0)
        execute(s);
    begin(s);
}

static void notified(struct virtio *v, unsigned queue)
{
    begin(blk_of(v));
}

/* ---------------------------------------------------------------- the device */

static void fill_config(const struct virtio *v, uint8_t *c)
{
    const struct virtio_blk *s = (const struct virtio_blk *)v;
    memcpy(c, &s->drive.sectors, 8);
    put_le(c + 12, VIRTIO_QUEUE_SIZE - 2, 4);
    put_le(c + 20, DRIVE_SECTOR, 4);
    c[34] = 1; /* queues */
    put_le(c + 36, RANGE_SECTORS, 4);
    put_le(c + 40, 1, 4);
    put_le(c + 44, 1, 4);
    put_le(c + 48, RANGE_SECTORS, 4);
    put_le(c + 52, 1, 4);
}

static void device_reset(struct virtio *v)
{
    struct virtio_blk *s = blk_of(v);
    timer_stop(v->board, &s->timer);
    s->busy = 0;
}

static const struct virtio_kind kind = {
    .name = "virtio-blk",
    .device = 2,
    .legacy = 0x1001,
    .class_code = 0x010000,
    .queues = 1,
    .features = F_SEG_MAX | F_BLK_SIZE | F_FLUSH | F_DISCARD | F_WRITE_ZEROES,
    .config_size = 60,
    .notified = notified,
    .reset = device_reset,
    .config = fill_config,
};

static const struct field blk_fields[] = {
    FIELD_STRUCT_AS("", struct virtio_blk, virtio, virtio_fields),
    FIELD(struct virtio_blk, timer.deadline),
    FIELD(struct virtio_blk, busy),
};

static void reset(void *state)
{
    struct virtio_blk *s = state;
    msix_reset(&s->virtio.msix);
    virtio_reset(&s->virtio);
}

static void loaded(void *state)
{
    struct virtio_blk *s = state;
    virtio_loaded(&s->virtio);
}

static void destroy(void *state)
{
    struct virtio_blk *s = state;
    free(s->chain);
    free(s);
}

int virtio_blk_create(struct board *b, const struct card *card, struct error *err)
{
    struct virtio_blk *s = mem_zero(1, sizeof *s);
    s->virtio.board = b;
    s->virtio.kind = &kind;
    s->drive = card->drive;
    s->disk = board_disk(b, card->drive.role);
    s->index = card->index;
    s->chain = mem_zero(1, sizeof *s->chain);
    snprintf(s->name, sizeof s->name, "virtio-blk%u", card->index & 15u);
    virtio_init(&s->virtio, s->name, card->devfn);
    board_timer(b, &s->timer, fire, s);
    board_add_chip(b, &(struct chip){.name = s->name,
                                     .fields = blk_fields,
                                     .nfields = FIELD_COUNT(blk_fields),
                                     .state = s,
                                     .reset = reset,
                                     .loaded = loaded,
                                     .destroy = destroy});
    board_add_pci(b, &s->virtio.pci);
    return 0;
}
