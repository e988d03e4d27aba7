/* nvme_admin.c - the admin commands of an NVMe controller.
 *
 * Source: NVM Express Base Specification 1.4, chapter 5. */
#include "base/byte_order.h"
#include "hv/board/storage/disk.h"
#include "hv/board/storage/nvme.h"

#include <stdio.h>
#include <string.h>

enum {
    DELETE_SQ = 0x00,
    CREATE_SQ = 0x01,
    GET_LOG = 0x02,
    DELETE_CQ = 0x04,
    CREATE_CQ = 0x05,
    IDENTIFY = 0x06,
    ABORT = 0x08,
    SET_FEATURES = 0x09,
    GET_FEATURES = 0x0a,
    EVENT_REQUEST = 0x0c,
};
enum { PAGE = 4096, KELVIN_NOW = 313, KELVIN_WARNING = 343, KELVIN_CRITICAL = 353 };

struct name {
    uint8_t opcode;
    const char *name;
};
static const struct name admin_names[] = {
    {DELETE_SQ, "DELETE I/O SUBMISSION QUEUE"},
    {CREATE_SQ, "CREATE I/O SUBMISSION QUEUE"},
    {GET_LOG, "GET LOG PAGE"},
    {DELETE_CQ, "DELETE I/O COMPLETION QUEUE"},
    {CREATE_CQ, "CREATE I/O COMPLETION QUEUE"},
    {IDENTIFY, "IDENTIFY"},
    {ABORT, "ABORT"},
    {SET_FEATURES, "SET FEATURES"},
    {GET_FEATURES, "GET FEATURES"},
    {EVENT_REQUEST, "ASYNCHRONOUS EVENT REQUEST"},
};
static const struct name io_names[] = {
    {0x00, "FLUSH"},   {0x01, "WRITE"},        {0x02, "READ"},
    {0x05, "COMPARE"}, {0x08, "WRITE ZEROES"}, {0x09, "DATASET MANAGEMENT"},
};
enum {
    ADMIN_COMMANDS = sizeof admin_names / sizeof admin_names[0],
    IO_COMMANDS = sizeof io_names / sizeof io_names[0]
};

const char *nvme_command_name(uint8_t opcode, bool admin)
{
    const struct name *list = admin ? admin_names : io_names;
    for (unsigned i = 0; i < (admin ? (unsigned)ADMIN_COMMANDS : (unsigned)IO_COMMANDS); i++)
        if (list[i].opcode == opcode)
            return list[i].name;
    return "unknown NVMe command";
}

/* Text padded with blanks. */
static void put_text(uint8_t *p, size_t n, const char *text)
{
    memset(p, ' ', n);
    memcpy(p, text, strnlen(text, n));
}

/* ---------------------------------------------------------------- queues */

static bool queue_number(uint32_t id)
{
    return id && id < NVME_QUEUES;
}

/* What both kinds of queue ask of cdw10, cdw11 and PRP 1. */
static uint16_t check_queue(const struct nvme *n, const struct nvme_command *c, bool exists)
{
    uint32_t size = (c->cdw10 >> 16) + 1;
    uint64_t in_page = (4096ull << (n->cc >> 7 & 15)) - 1;
    if (!queue_number(c->cdw10 & 0xffff) || exists)
        return NVME_INVALID_QUEUE;
    if (size < 2 || size > NVME_QUEUE_MOST)
        return NVME_INVALID_SIZE;
    if (c->prp1 & in_page)
        return NVME_PRP_OFFSET;
    if (!(c->cdw11 & 1)) /* physically contiguous, as CAP.CQR requires */
        return NVME_INVALID_FIELD;
    return NVME_OK;
}

static uint16_t create_cq(struct nvme *n, const struct nvme_command *c)
{
    unsigned id = c->cdw10 & 0xffff, vector = c->cdw11 >> 16;
    uint16_t status = check_queue(n, c, id < NVME_QUEUES && n->cq[id].size);
    if (status)
        return status;
    if (vector >= NVME_VECTORS || (vector && !msix_enabled(&n->msix)))
        return NVME_INVALID_VECTOR;
    if ((n->cc >> 20 & 15) != 4) /* 16 bytes an entry */
        return NVME_INVALID_SIZE;
    n->cq[id] = (struct nvme_cq){.base = c->prp1,
                                 .size = (uint16_t)((c->cdw10 >> 16) + 1),
                                 .vector = (uint16_t)vector,
                                 .phase = 1,
                                 .interrupts = c->cdw11 >> 1 & 1};
    return NVME_OK;
}

static uint16_t create_sq(struct nvme *n, const struct nvme_command *c)
{
    unsigned id = c->cdw10 & 0xffff, cq = c->cdw11 >> 16;
    uint16_t status = check_queue(n, c, id < NVME_QUEUES && n->sq[id].size);
    if (status)
        return status;
    if (!queue_number(cq) || !n->cq[cq].size)
        return NVME_INVALID_CQ;
    if ((n->cc >> 16 & 15) != 6) /* 64 bytes an entry */
        return NVME_INVALID_SIZE;
    n->sq[id] =
        (struct nvme_sq){.base = c->prp1, .size = (uint16_t)((c->cdw10 >> 16) + 1), .cq = (uint16_t)cq};
    return NVME_OK;
}

static uint16_t delete_sq(struct nvme *n, const struct nvme_command *c)
{
    unsigned id = c->cdw10 & 0xffff;
    if (!queue_number(id) || !n->sq[id].size)
        return NVME_INVALID_QUEUE;
    memset(&n->sq[id], 0, sizeof n->sq[id]);
    return NVME_OK;
}

static uint16_t delete_cq(struct nvme *n, const struct nvme_command *c)
{
    unsigned id = c->cdw10 & 0xffff;
    if (!queue_number(id) || !n->cq[id].size)
        return NVME_INVALID_QUEUE;
    for (unsigned i = 1; i < NVME_QUEUES; i++)
        if (n->sq[i].size && n->sq[i].cq == id)
            return NVME_INVALID_DELETION;
    memset(&n->cq[id], 0, sizeof n->cq[id]);
    nvme_update_pin(n);
    return NVME_OK;
}

/* ---------------------------------------------------------------- identify */

/* IEEE's number for QEMU's cards, then the controller's and its drive's. */
static uint64_t eui64(const struct nvme *n)
{
    return __builtin_bswap64(0x5254000000000000ull | (uint64_t)(n->index + 1) << 8 | 1);
}

static void identify_controller(const struct nvme *n, uint8_t *p)
{
    put_le(p, 0x1b36, 2);
    put_le(p + 2, 0x1af4, 2);
    put_text(p + 4, 20, n->drive.serial);
    put_text(p + 24, 40, "BOOTREEL NVMe");
    put_text(p + 64, 8, "1.0");
    p[72] = 6;                                     /* RAB */
    memcpy(p + 73, (uint8_t[]){0, 0x54, 0x52}, 3); /* IEEE */
    p[77] = NVME_TRANSFER;
    put_le(p + 80, 0x00010400, 4);
    p[111] = 1; /* CNTRLTYPE: an I/O controller */
    p[258] = 3; /* ACL: 4 ABORTs at once */
    p[259] = NVME_EVENTS - 1;
    p[260] = 3; /* FRMW: one slot, read-only */
    p[261] = 6; /* LPA: the log of effects; parts of logs */
    put_le(p + 266, KELVIN_WARNING, 2);
    put_le(p + 268, KELVIN_CRITICAL, 2);
    p[512] = 0x66; /* SQES, CQES */
    p[513] = 0x44;
    put_le(p + 516, 1, 4);  /* NN */
    put_le(p + 520, 13, 2); /* ONCS: compare, dataset management, write zeroes */
    p[525] = 1;             /* VWC: there is a cache */
    snprintf((char *)p + 768, 256, "nqn.2014-08.org.nvmexpress:uuid:52540000-0000-0000-0000-%012x",
             n->index + 1);
    put_le(p + 2048, 2500, 2); /* power state 0: 25 W */
    put_le(p + 2052, 16, 4);   /* entry and exit latency in us */
    put_le(p + 2056, 4, 4);
}

static void identify_namespace(const struct nvme *n, uint8_t *p)
{
    put_le(p, n->drive.sectors, 8);
    put_le(p + 8, n->drive.sectors, 8);
    put_le(p + 16, n->drive.sectors, 8);
    put_le(p + 120, eui64(n), 8);
    p[130] = 9; /* LBADS of format 0: blocks of 512 bytes */
}

static uint16_t identify(struct nvme *n, const struct nvme_command *c)
{
    uint8_t page[PAGE] = {0};
    uint64_t id = eui64(n);
    switch (c->cdw10 & 0xff) {
    case 0: /* a namespace */
        if (c->nsid != 1 && c->nsid != UINT32_MAX)
            return NVME_INVALID_NAMESPACE;
        identify_namespace(n, page);
        page[33] = 1; /* DLFEAT: deallocated blocks read as zeros */
        break;
    case 1:
        identify_controller(n, page);
        break;
    case 2: /* namespaces with higher numbers than the one given */
        if (c->nsid >= 0xfffffffe)
            return NVME_INVALID_NAMESPACE;
        if (c->nsid == 0)
            put_le(page, 1, 4);
        break;
    case 3: /* its descriptors: EUI-64 */
        if (c->nsid != 1)
            return NVME_INVALID_NAMESPACE;
        memcpy(page, (uint8_t[]){1, 8}, 2);
        memcpy(page + 4, &id, sizeof id);
        break;
    default:
        return NVME_INVALID_FIELD;
    }
    return nvme_copy(n, c, page, sizeof page, true);
}

/* ---------------------------------------------------------------- logs */

static void smart_log(const struct nvme *n, uint8_t *p)
{
    put_le(p + 1, KELVIN_NOW, 2);
    p[3] = 100; /* spare, in percent, and its threshold */
    p[4] = 10;
    put_le(p + 32, (n->blocks_read + 999) / 1000, 8);
    put_le(p + 48, (n->blocks_written + 999) / 1000, 8);
    put_le(p + 64, n->reads, 8);
    put_le(p + 80, n->writes, 8);
    put_le(p + 112, n->power_cycles, 8);
    put_le(p + 144, n->unsafe_shutdowns, 8);
}

static void effects_log(uint8_t *p)
{
    for (unsigned i = 0; i < ADMIN_COMMANDS; i++)
        put_le(p + admin_names[i].opcode * 4, 1, 4);
    for (unsigned i = 0; i < IO_COMMANDS; i++) /* bit 1: changes data */
        put_le(p + 1024 + io_names[i].opcode * 4, strstr(io_names[i].name, "WRITE") ? 3 : 1, 4);
}

static uint16_t get_log(struct nvme *n, const struct nvme_command *c)
{
    enum { ERRORS = 1, SMART, FIRMWARE, EFFECTS = 5 };
    uint8_t log[PAGE] = {0};
    uint64_t offset = (uint64_t)c->cdw13 << 32 | c->cdw12;
    uint64_t size = ((uint64_t)(c->cdw11 & 0xffff) << 16 | c->cdw10 >> 16) * 4 + 4, all = 512;
    switch (c->cdw10 & 0xff) {
    case ERRORS: /* one entry, which says nothing: errors are told by completions */
        all = 64;
        if (!(c->cdw10 >> 15 & 1)) /* RAE */
            n->event_masked = 0;
        break;
    case SMART:
        smart_log(n, log);
        break;
    case FIRMWARE:
        log[0] = 1;
        put_text(log + 8, 8, "1.0");
        break;
    case EFFECTS:
        all = sizeof log;
        effects_log(log);
        break;
    default:
        return NVME_INVALID_LOG;
    }
    if (offset >= all || offset & 3)
        return NVME_INVALID_FIELD;
    return nvme_copy(n, c, log + offset, size < all - offset ? size : all - offset, true);
}

/* ---------------------------------------------------------------- features */

/* Which bits of a feature can be changed, and what it is after a reset. */
static const struct {
    bool known;
    uint32_t preset, writable;
} features[NVME_FEATURES] = {
    [FEATURE_ARBITRATION] = {true, 0, 0xffffff07},
    [FEATURE_POWER] = {true, 0, 0},
    [FEATURE_TEMPERATURE] = {true, 0x157, 0xffff},
    [FEATURE_ERRORS] = {true, 0, 0xffff},
    [FEATURE_WRITE_CACHE] = {true, 1, 1},
    [FEATURE_QUEUES] = {true, 0, 0},
    [FEATURE_COALESCING] = {true, 0, 0xffff},
    [FEATURE_VECTOR] = {true, 0, 0},
    [FEATURE_ATOMICITY] = {true, 0, 1},
    [FEATURE_EVENTS] = {true, 0, 0xff},
};

/* How many I/O queues there may be, in each half, less one. */
static uint32_t queue_counts(void)
{
    return (NVME_QUEUES - 2) * 0x10001u;
}

static uint32_t feature_value(const struct nvme *n, unsigned id, const struct nvme_command *c)
{
    if (id == FEATURE_QUEUES)
        return queue_counts();
    if (id == FEATURE_VECTOR) /* no vector is delayed to be sent with others */
        return (c->cdw11 & 0xffff) | 1 << 16;
    return n->feature[id];
}

static uint16_t get_features(struct nvme *n, const struct nvme_command *c, uint32_t *result)
{
    unsigned id = c->cdw10 & 0xff, select = c->cdw10 >> 8 & 7;
    if (id >= NVME_FEATURES || !features[id].known || select > 3)
        return NVME_INVALID_FIELD;
    if (id == FEATURE_VECTOR && (c->cdw11 & 0xffff) >= NVME_VECTORS)
        return NVME_INVALID_FIELD;
    if (select == 3) /* its capabilities: bit 2, changeable */
        *result = features[id].writable ? 4 : 0;
    else if (select == 0 || id == FEATURE_QUEUES || id == FEATURE_VECTOR)
        *result = feature_value(n, id, c);
    else
        *result = features[id].preset;
    return NVME_OK;
}

static uint16_t set_features(struct nvme *n, const struct nvme_command *c, uint32_t *result)
{
    unsigned id = c->cdw10 & 0xff;
    if (c->cdw10 >> 31)
        return NVME_NOT_SAVEABLE;
    if (id >= NVME_FEATURES || !features[id].known)
        return NVME_INVALID_FIELD;
    if (id == FEATURE_QUEUES) {
        if ((c->cdw11 & 0xffff) == 0xffff || c->cdw11 >> 16 == 0xffff)
            return NVME_INVALID_FIELD;
        for (unsigned i = 1; i < NVME_QUEUES; i++)
            if (n->cq[i].size || n->sq[i].size)
                return NVME_SEQUENCE;
        *result = queue_counts();
        return NVME_OK;
    }
    if (!features[id].writable)
        return id == FEATURE_POWER && !(c->cdw11 & 31) ? NVME_OK : NVME_NOT_CHANGEABLE;
    n->feature[id] = c->cdw11 & features[id].writable;
    if (id == FEATURE_WRITE_CACHE && !(n->feature[id] & 1))
        disk_flush_all(n->disk);
    return NVME_OK;
}

/* ---------------------------------------------------------------- commands */

static uint16_t event_request(struct nvme *n, const struct nvme_command *c, bool *waits)
{
    if (n->waiting_events == NVME_EVENTS)
        return NVME_EVENT_LIMIT;
    n->waiting_event[n->waiting_events++] = c->id;
    *waits = true;
    return NVME_OK;
}

static uint16_t run(struct nvme *n, const struct nvme_command *c, uint32_t *result, bool *waits)
{
    switch (c->opcode) {
    case CREATE_CQ:
        return create_cq(n, c);
    case CREATE_SQ:
        return create_sq(n, c);
    case DELETE_CQ:
        return delete_cq(n, c);
    case DELETE_SQ:
        return delete_sq(n, c);
    case IDENTIFY:
        return identify(n, c);
    case GET_LOG:
        return get_log(n, c);
    case SET_FEATURES:
        return set_features(n, c, result);
    case GET_FEATURES:
        return get_features(n, c, result);
    case EVENT_REQUEST:
        return event_request(n, c, waits);
    case ABORT: /* one command at a time is executed: any other has not begun, or is done */
        *result = 1;
        return NVME_OK;
    default:
        board_unhandled(n->board, "nvme admin command", c->opcode, true, c->cdw10);
        return NVME_INVALID_OPCODE;
    }
}

uint16_t nvme_admin(struct nvme *n, const struct nvme_command *c, struct drive_place place, uint32_t *result,
                    bool *waits)
{
    uint16_t status = c->flags & 3 ? NVME_INVALID_FIELD : run(n, c, result, waits);
    drive_report_command(n->board, nvme_drive(n), c->opcode, nvme_command_name(c->opcode, true), status,
                         place);
    return status ? status | NVME_DO_NOT_RETRY : NVME_OK;
}
