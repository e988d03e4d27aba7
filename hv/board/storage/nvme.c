/* nvme.c - an NVMe controller: registers, queues, doorbells, interrupts. See nvme.h.
 *
 * Source: NVM Express Base Specification 1.4, chapters 3, 4 and 7. PCI ids are those of QEMU's controller, which drivers know. Not
 * implemented: controller memory buffer, SGLs, subsystem reset, weighted arbitration (CAP says so). */
#include <assert.h>

#include "hv/board/chips.h"
#include "hv/board/pci/function.h"
#include "hv/board/storage/disk.h"
#include "hv/board/storage/nvme.h"
#include "base/memory.h"
#include "hv/board/pci/express.h"

#include <stdio.h>
#include <string.h>

enum {
    VENDOR = 0x1b36,
    DEVICE = 0x0010,
    CLASS = 0x010802,
    MSIX_AT = 0x40,
    POWER_AT = 0x60,
    EXPRESS_AT = 0x80,
};
enum { VERSION = 0x00010400, TIMEOUT = 15 /* units of 500 ms */, PAGE_SHIFT_MOST = 4 /* of 4096 */ };
/* The error that an asynchronous event tells (figure 147), and the log page that has more. */
enum { EVENT_INVALID_DOORBELL, EVENT_INVALID_VALUE, EVENT_LOG = 1 };

/* ---------------------------------------------------------------- completions and interrupts */

void nvme_update_pin(struct nvme *n)
{
    bool level = false;
    for (unsigned i = 0; i < NVME_QUEUES; i++) {
        const struct nvme_cq *q = &n->cq[i];
        level |=
            q->size && q->interrupts && q->head != q->tail && q->vector < 32 && !(n->mask >> q->vector & 1);
    }
    board_pci_irq(n->board, n->pci.devfn, 0, level && !msix_enabled(&n->msix));
}

static bool full(const struct nvme_cq *q)
{
    return (q->tail + 1) % q->size == q->head;
}

struct completion {
    uint32_t result, reserved;
    uint16_t sq_head, sq, id, status; /* status: the phase is bit 0 */
};

/* There must be room in the queue. */
static void complete(struct nvme *n, unsigned cq, struct completion c)
{
    struct nvme_cq *q = &n->cq[cq];
    assert(q->size && !full(q) && "a command begins only when its completion has room");
    c.status = (uint16_t)(c.status << 1 | q->phase);
    physmem_write(board_mem(n->board), q->base + q->tail * sizeof c, &c, sizeof c);
    q->tail = (uint16_t)((q->tail + 1) % q->size);
    q->phase ^= q->tail == 0;
    if (!q->interrupts)
        return;
    if (msix_enabled(&n->msix))
        msix_notify(&n->msix, q->vector);
    else
        nvme_update_pin(n);
}

/* An error that is not any command's own is told by completing a request for events, once until its log is read. */
static void tell_event(struct nvme *n)
{
    if (!n->event_pending || n->event_masked || !n->waiting_events || !n->cq[0].size || full(&n->cq[0]))
        return;
    struct completion c = {.result = (uint32_t)(n->event_pending - 1) << 8 | EVENT_LOG << 16,
                           .sq_head = n->sq[0].head,
                           .id = n->waiting_event[--n->waiting_events]};
    n->event_pending = 0;
    n->event_masked = 1;
    complete(n, 0, c);
}

static void note_event(struct nvme *n, unsigned what)
{
    n->event_pending = (uint8_t)(what + 1);
    tell_event(n);
}

/* ---------------------------------------------------------------- executing commands */

static bool ready(const struct nvme *n)
{
    return n->csts & CSTS_READY && !(n->csts & CSTS_FATAL);
}

static bool runnable(const struct nvme *n, unsigned i)
{
    const struct nvme_sq *q = &n->sq[i];
    return q->size && q->head != q->tail && n->cq[q->cq].size && !full(&n->cq[q->cq]);
}

static struct nvme_command command_at_head(struct nvme *n, const struct nvme_sq *q)
{
    struct nvme_command c;
    physmem_read(board_mem(n->board), q->base + q->head * sizeof c, &c, sizeof c);
    return c;
}

void nvme_begin(struct nvme *n)
{
    if (!ready(n) || n->timer.deadline != TIMER_OFF)
        return;
    for (unsigned k = 0; k < NVME_QUEUES; k++) {
        unsigned i = (n->turn + k) % NVME_QUEUES;
        if (!runnable(n, i))
            continue;
        struct nvme_command c = command_at_head(n, &n->sq[i]);
        n->turn = (uint16_t)i;
        timer_set(n->board, &n->timer,
                  board_now(n->board) + nvme_duration(&c, i == 0) + board_late(n->board));
        return;
    }
}

static void execute(struct nvme *n, unsigned i)
{
    assert(i < NVME_QUEUES && runnable(n, i));
    struct nvme_sq *q = &n->sq[i];
    struct nvme_command c = command_at_head(n, q);
    struct completion done = {.sq = (uint16_t)i, .id = c.id};
    struct drive_place place = {.queue = i, .entry = q->head + 1u};
    unsigned cq = q->cq;
    bool waits = false;
    q->head = (uint16_t)((q->head + 1) % q->size);
    done.sq_head = q->head;
    done.status = i ? nvme_io(n, &c, place) : nvme_admin(n, &c, place, &done.result, &waits);
    if (!waits && n->cq[cq].size)
        complete(n, cq, done);
    tell_event(n);
}

static void fire(void *ctx)
{
    struct nvme *n = ctx;
    unsigned i = n->turn;
    n->turn = (uint16_t)((i + 1) % NVME_QUEUES);
    if (runnable(n, i))
        execute(n, i);
    nvme_begin(n);
}

/* ---------------------------------------------------------------- enabling */

static void stop(struct nvme *n)
{
    timer_stop(n->board, &n->timer);
    memset(n->sq, 0, sizeof n->sq);
    memset(n->cq, 0, sizeof n->cq);
    n->turn = n->waiting_events = n->event_pending = n->event_masked = 0;
    n->mask = 0;
    n->csts = 0;
    memset(n->waiting_event, 0, sizeof n->waiting_event);
    nvme_update_pin(n);
}

/* 3.1.5: what is enabled must be what CAP offers; else the controller has failed. */
static void start(struct nvme *n)
{
    unsigned shift = n->cc >> 7 & 15, sq = n->aqa & 0xfff, cq = n->aqa >> 16 & 0xfff;
    uint64_t in_page = (4096ull << shift) - 1;
    if (n->cc & 0x3870 || shift > PAGE_SHIFT_MOST || !sq || !cq || (n->asq | n->acq) & in_page) {
        n->csts = CSTS_FATAL;
        return;
    }
    n->sq[0] = (struct nvme_sq){.base = n->asq, .size = (uint16_t)(sq + 1)};
    n->cq[0] = (struct nvme_cq){.base = n->acq, .size = (uint16_t)(cq + 1), .phase = 1, .interrupts = 1};
    n->csts = CSTS_READY;
}

static void write_cc(struct nvme *n, uint32_t value)
{
    uint32_t old = n->cc;
    n->cc = value & 0x00fffff1;
    if (old & CC_ENABLE && !(value & CC_ENABLE))
        stop(n);
    if (!(old & CC_ENABLE) && value & CC_ENABLE)
        start(n);
    /* All that was completed is on the disk: a shutdown takes no time. */
    n->csts &= ~(uint32_t)(3 << 2);
    if (n->cc & CC_SHUTDOWN) {
        n->csts |= CSTS_SHUTDOWN_DONE;
        disk_flush_all(n->disk);
    }
}

/* ---------------------------------------------------------------- registers */

static uint32_t read_register(const struct nvme *n, unsigned reg)
{
    switch (reg) {
    case NVME_CAP: /* contiguous queues */
        return (NVME_QUEUE_MOST - 1) | 1 << 16 | TIMEOUT << 24;
    case NVME_CAP + 4: /* the NVM command set; page sizes */
        return 1 << 5 | PAGE_SHIFT_MOST << 20;
    case NVME_VS:
        return VERSION;
    case NVME_INTMS:
    case NVME_INTMC:
        return n->mask;
    case NVME_CC:
        return n->cc;
    case NVME_CSTS:
        return n->csts;
    case NVME_AQA:
        return n->aqa;
    case NVME_ASQ:
    case NVME_ASQ + 4:
        return (uint32_t)(n->asq >> (reg - NVME_ASQ) * 8);
    case NVME_ACQ:
    case NVME_ACQ + 4:
        return (uint32_t)(n->acq >> (reg - NVME_ACQ) * 8);
    default:
        return 0;
    }
}

static void set_half(uint64_t *address, bool high, uint32_t value)
{
    *address = high ? (*address & UINT32_MAX) | (uint64_t)value << 32
                    : (*address & ~(uint64_t)UINT32_MAX) | (value & ~0xfffu);
}

static void write_mask(struct nvme *n, uint32_t mask)
{
    n->mask = mask;
    nvme_update_pin(n);
}

static void write_register(struct nvme *n, unsigned reg, uint32_t value)
{
    switch (reg) {
    case NVME_INTMS:
        write_mask(n, n->mask | value);
        break;
    case NVME_INTMC:
        write_mask(n, n->mask & ~value);
        break;
    case NVME_CC:
        write_cc(n, value);
        break;
    case NVME_AQA:
        n->aqa = value & 0x0fff0fff;
        break;
    case NVME_ASQ:
    case NVME_ASQ + 4:
        set_half(&n->asq, reg == NVME_ASQ + 4, value);
        break;
    case NVME_ACQ:
    case NVME_ACQ + 4:
        set_half(&n->acq, reg == NVME_ACQ + 4, value);
        break;
    case NVME_CAP:
    case NVME_CAP + 4:
    case NVME_VS:
    case NVME_CSTS: /* nothing in it can be written: no subsystem reset */
    case NVME_NSSR:
        break;
    default:
        board_unhandled(n->board, "nvme register", reg, true, value);
    }
}

/* ---------------------------------------------------------------- doorbells */

/* Whether a queue of `size` entries may have its doorbell at `value`; a mistake is told. */
static bool may_ring(struct nvme *n, uint16_t size, uint32_t value)
{
    if (size && value < size)
        return true;
    note_event(n, size ? EVENT_INVALID_VALUE : EVENT_INVALID_DOORBELL);
    return false;
}

static void ring_sq(struct nvme *n, unsigned i, uint32_t value)
{
    if (!may_ring(n, n->sq[i].size, value))
        return;
    n->sq[i].tail = (uint16_t)value;
    nvme_begin(n);
}

static void ring_cq(struct nvme *n, unsigned i, uint32_t value)
{
    if (!may_ring(n, n->cq[i].size, value))
        return;
    n->cq[i].head = (uint16_t)value;
    nvme_update_pin(n);
    tell_event(n);
    nvme_begin(n);
}

static void ring(struct nvme *n, unsigned bell, uint32_t value)
{
    if (!ready(n))
        return;
    if (bell / 2 >= NVME_QUEUES)
        note_event(n, EVENT_INVALID_DOORBELL);
    else if (bell & 1)
        ring_cq(n, bell / 2, value & 0xffff);
    else
        ring_sq(n, bell / 2, value & 0xffff);
}

/* ---------------------------------------------------------------- the BAR */

static uint64_t mmio_read(void *ctx, uint64_t offset, unsigned size)
{
    struct nvme *n = ctx;
    if (msix_covers(&n->msix, offset))
        return msix_read(&n->msix, offset, size);
    unsigned reg = (unsigned)offset & ~3u;
    uint64_t value = read_register(n, reg);
    if (size == 8)
        value |= (uint64_t)read_register(n, reg + 4) << 32;
    return value >> (offset & 3) * 8;
}

/* Narrower or unaligned writes are undefined (2.1.10): ignored. */
static void mmio_write(void *ctx, uint64_t offset, unsigned size, uint64_t value)
{
    struct nvme *n = ctx;
    if (msix_covers(&n->msix, offset)) {
        msix_write(&n->msix, offset, size, value);
        return;
    }
    if (size < 4 || offset & 3)
        return;
    for (unsigned i = 0; i < size / 4; i++) {
        unsigned reg = (unsigned)offset + i * 4;
        if (reg >= NVME_DOORBELLS)
            ring(n, (reg - NVME_DOORBELLS) / 4, (uint32_t)(value >> i * 32));
        else
            write_register(n, reg, (uint32_t)(value >> i * 32));
    }
}

static void map(void *ctx, unsigned bar, uint64_t base)
{
    struct nvme *n = ctx;
    board_mmio_move(n->board, n->mmio, base);
}

/* A controller level reset (7.3.2). */
static void reset_controller(struct nvme *n)
{
    n->cc = n->aqa = 0;
    n->asq = n->acq = 0;
    memset(n->feature, 0, sizeof n->feature);
    n->feature[FEATURE_WRITE_CACHE] = 1;
    n->feature[FEATURE_TEMPERATURE] = 0x157; /* 343 K: the warning temperature */
    msix_reset(&n->msix);
    stop(n);
}

static void config_written(void *ctx, unsigned reg, unsigned size)
{
    struct nvme *n = ctx;
    if (express_reset(n->board, &n->pci))
        reset_controller(n);
    msix_config_written(&n->msix, reg, size);
    nvme_update_pin(n);
}

/* ---------------------------------------------------------------- the chip */

#define SQ struct nvme_sq
static const struct field sq_fields[] = {
    FIELD(SQ, base), FIELD(SQ, size), FIELD(SQ, head), FIELD(SQ, tail), FIELD(SQ, cq),
};
#undef SQ
#define CQ struct nvme_cq
static const struct field cq_fields[] = {
    FIELD(CQ, base),   FIELD(CQ, size),  FIELD(CQ, head),       FIELD(CQ, tail),
    FIELD(CQ, vector), FIELD(CQ, phase), FIELD(CQ, interrupts),
};
#undef CQ
#define NV struct nvme
static const struct field nvme_fields[] = {
    FIELDS(NV, pci.config),
    FIELD(NV, timer.deadline),
    FIELD(NV, cc),
    FIELD(NV, csts),
    FIELD(NV, aqa),
    FIELD(NV, mask),
    FIELD(NV, asq),
    FIELD(NV, acq),
    FIELD(NV, turn),
    FIELD_STRUCTS(NV, sq, sq_fields),
    FIELD_STRUCTS(NV, cq, cq_fields),
    FIELDS(NV, waiting_event),
    FIELD(NV, waiting_events),
    FIELD(NV, event_pending),
    FIELD(NV, event_masked),
    FIELDS(NV, feature),
    FIELD(NV, blocks_read),
    FIELD(NV, blocks_written),
    FIELD(NV, reads),
    FIELD(NV, writes),
    FIELD(NV, power_cycles),
    FIELD(NV, unsafe_shutdowns),
    FIELD_STRUCT(NV, msix, msix_fields),
};
#undef NV

static void reset(void *state)
{
    struct nvme *n = state;
    n->unsafe_shutdowns += n->cc & CC_ENABLE && !(n->cc & CC_SHUTDOWN);
    reset_controller(n);
}

/* The state may come from a damaged file: nothing in it may be used as an index that is out of range. */
static void loaded(void *state)
{
    struct nvme *n = state;
    for (unsigned i = 0; i < NVME_QUEUES; i++) {
        struct nvme_sq *s = &n->sq[i];
        struct nvme_cq *c = &n->cq[i];
        if (s->size > NVME_QUEUE_MOST * 2 || s->head >= s->size || s->tail >= s->size || s->cq >= NVME_QUEUES)
            memset(s, 0, sizeof *s);
        if (c->size > NVME_QUEUE_MOST * 2 || c->head >= c->size || c->tail >= c->size)
            memset(c, 0, sizeof *c);
    }
    n->turn %= NVME_QUEUES;
    if (n->waiting_events > NVME_EVENTS)
        n->waiting_events = NVME_EVENTS;
    pci_loaded(n->board, &n->pci);
}

static void init_pci(struct nvme *n, unsigned devfn)
{
    pci_init(&n->pci, n->name, devfn, VENDOR, DEVICE, CLASS, 2, 1);
    n->pci.bar[0] = (struct pci_bar){.size = NVME_BAR, .wide = true, .map = map};
    n->pci.ctx = n;
    n->pci.written = config_written;
    msix_init(&n->msix, n->board, &n->pci, MSIX_AT, 0, NVME_TABLE, NVME_PENDING, NVME_VECTORS);
    power_init(&n->pci, POWER_AT); /* 2.3 and 2.5: both are mandatory, and so is the reset */
    express_init(n->board, &n->pci, EXPRESS_AT, true);
}

int nvme_create(struct board *b, const struct card *card, struct error *err)
{
    const struct drive *drive = &card->drive;
    struct nvme *n = mem_zero(1, sizeof *n);
    n->board = b;
    n->drive = *drive;
    n->disk = board_disk(b, drive->role);
    n->index = card->index;
    n->power_cycles = 1;
    snprintf(n->name, sizeof n->name, "nvme%u", card->index & 15u);
    init_pci(n, card->devfn);
    n->mmio = board_mmio_bar(b, NVME_BAR, n, mmio_read, mmio_write);
    board_timer(b, &n->timer, fire, n);
    board_add_chip(b, &(struct chip){.name = n->name,
                                     .fields = nvme_fields,
                                     .nfields = FIELD_COUNT(nvme_fields),
                                     .state = n,
                                     .reset = reset,
                                     .loaded = loaded});
    board_add_pci(b, &n->pci);
    return 0;
}
