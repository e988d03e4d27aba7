/* nvme.c - NVMe controllers: one pair of queues for administration, one for transfers, and one command at a time.
 *
 * Source: NVM Express Base Specification 1.4: 3.1 (registers), 4.2 and 4.6 (queue entries), 5.15 (Identify), 5.3 and 5.4 (queues), 6.9 and
 * 6.15 (Read, Write), 7.6.1 (initialization).
 */
#include "bios/drives32/drives.h"

enum { CAP = 0x00, CC = 0x14, CSTS = 0x1c, AQA = 0x24, ASQ = 0x28, ACQ = 0x30, DOORBELLS = 0x1000 };
enum { CC_ENABLE = 1 | 6 << 16 | 4 << 20 /* entries of 64 and 16 bytes */, READY = 1 };
enum { CREATE_SQ = 0x01, CREATE_CQ = 0x05, IDENTIFY = 0x06, WRITE = 0x01, READ = 0x02 };
enum { PAGE = 4096, ENTRIES = 8, NAMESPACES = 8, MOST = 64 * 1024, PRP_LIST = 32 };

struct command {
    u32 opcode_and_id, nsid;
    u64 reserved, metadata;
    u64 prp1, prp2;
    u32 arg[6]; /* command dwords 10 to 15 */
};
struct completion {
    u32 result, reserved;
    u16 sq_head, sq_id, id, status; /* bit 0 is the phase */
};
_Static_assert(sizeof(struct command) == 64 && sizeof(struct completion) == 16, "as in memory");

struct queue {
    u32 entries, completions;     /* addresses, a page each */
    u32 sq_doorbell, cq_doorbell; /* addresses */
    u16 tail, head, phase;
};

struct controller {
    struct queue admin, io;
    u32 registers, list, data; /* a page for PRPs, a page for the identifications */
    u32 most;                  /* bytes of a transfer */
};

struct namespace
{
    struct driver driver;
    struct controller *c;
    u32 nsid;
    u32 shift; /* of the sector size */
};

/* The completion's status without the phase; FFFFh if none comes. */
static u16 run(struct queue *q, const struct command *command)
{
    volatile struct completion *done = (struct completion *)q->completions + q->head;
    struct patience p = patience_ms(PATIENCE);
    memcpy((struct command *)q->entries + q->tail, command, sizeof *command);
    q->tail = (q->tail + 1) % ENTRIES;
    mmio_write(q->sq_doorbell, q->tail);
    while ((done->status & 1) != q->phase)
        if (!patient(&p))
            return 0xffff;
    u16 status = done->status >> 1;
    q->head = (q->head + 1) % ENTRIES;
    q->phase ^= q->head == 0;
    mmio_write(q->cq_doorbell, q->head);
    return status;
}

static bool identify(struct controller *c, u32 what, u32 nsid)
{
    struct command command = {.opcode_and_id = IDENTIFY, .nsid = nsid, .prp1 = c->data, .arg = {what}};
    return !run(&c->admin, &command);
}

static bool make_queue(struct queue *q, u32 registers, u32 number, u32 stride)
{
    q->entries = (u32)high_alloc(PAGE, PAGE);
    q->completions = (u32)high_alloc(PAGE, PAGE);
    q->sq_doorbell = registers + DOORBELLS + 2 * number * stride;
    q->cq_doorbell = q->sq_doorbell + stride;
    q->phase = 1;
    return q->entries && q->completions;
}

static bool wait_ready(u32 registers, u32 wanted)
{
    struct patience p = patience_ms(PATIENCE);
    while ((mmio_read(registers + CSTS) & READY) != wanted)
        if (!patient(&p))
            return false;
    return true;
}

static bool enable(struct controller *c)
{
    u32 r = c->registers;
    mmio_write(r + CC, 0);
    if (!wait_ready(r, 0))
        return false;
    mmio_write(r + AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1));
    mmio_write(r + ASQ, c->admin.entries);
    mmio_write(r + ASQ + 4, 0);
    mmio_write(r + ACQ, c->admin.completions);
    mmio_write(r + ACQ + 4, 0);
    mmio_write(r + CC, CC_ENABLE);
    return wait_ready(r, READY);
}

static bool create_io_queues(struct controller *c)
{
    struct command cq = {
        .opcode_and_id = CREATE_CQ, .prp1 = c->io.completions, .arg = {(ENTRIES - 1) << 16 | 1, 1}};
    struct command sq = {
        .opcode_and_id = CREATE_SQ, .prp1 = c->io.entries, .arg = {(ENTRIES - 1) << 16 | 1, 1 << 16 | 1}};
    return !run(&c->admin, &cq) && !run(&c->admin, &sq);
}

/* ---------------------------------------------------------------- transfers */

/* The second entry: nothing, the second page, or a list of all further pages. */
static u32 second(struct controller *c, u32 address, u32 bytes)
{
    u32 first = PAGE - address % PAGE, next = address + first, n = 0;
    u64 *list = (u64 *)c->list;
    if (bytes <= first)
        return 0;
    bytes -= first;
    if (bytes <= PAGE)
        return next;
    for (; n * PAGE < bytes && n < PRP_LIST; n++)
        list[n] = next + n * PAGE;
    return c->list;
}

static u8 transfer(void *state, u64 lba, u32 sectors, u32 address, bool write)
{
    struct namespace *s = state;
    struct command command = {.opcode_and_id = write ? WRITE : READ,
                              .nsid = s->nsid,
                              .prp1 = address,
                              .prp2 = second(s->c, address, sectors << s->shift),
                              .arg = {(u32)lba, (u32)(lba >> 32), sectors - 1}};
    u16 status = run(&s->c->io, &command);
    return !status ? DISK_OK : status == 0xffff ? DISK_TIMEOUT : DISK_CONTROLLER;
}

/* ---------------------------------------------------------------- finding them */

static void add(u16 bdf, struct controller *c, u32 nsid, const char *model)
{
    const u8 *id = (const u8 *)c->data;
    char rest[24] = "/namespace@", *end = put_hex(rest + 11, nsid);
    struct namespace *s = high_alloc(sizeof *s, 16);
    *end++ = ',';
    *end++ = '0';
    *end = 0;
    if (!s || !identify(c, 0, nsid))
        return;
    u64 sectors = *(const u64 *)id;
    u32 format = *(const u32 *)(id + 128 + 4 * (id[26] & 15));
    s->shift = format >> 16 & 255;
    if (s->shift != 9 || !sectors) {
        log("NVMe: namespace %u has sectors of %u bytes: not for INT 13h\n", nsid, 1u << s->shift);
        return;
    }
    s->c = c;
    s->nsid = nsid;
    s->driver.transfer = transfer;
    s->driver.most = c->most >> s->shift;
    struct far_drive *d = drive_add(bdf, &s->driver, "NVME");
    if (!d)
        return;
    d->sectors = (u32)sectors;
    d->sectors_high = (u32)(sectors >> 32);
    path_of(d->path, bdf, rest);
    copy_text(d->model, sizeof d->model, model, 40);
}

static void add_all(u16 bdf, struct controller *c)
{
    u32 list[NAMESPACES] = {1};
    char model[40];
    const u8 *id = (const u8 *)c->data;
    memcpy(model, id + 24, sizeof model);
    c->most = id[77] && id[77] < 4 ? PAGE << id[77] : MOST;
    if (identify(c, 2, 0))
        memcpy(list, id, sizeof list);
    for (u32 i = 0; i < NAMESPACES && list[i]; i++)
        add(bdf, c, list[i], model);
}

bool nvme_init(u16 bdf)
{
    struct controller *c = high_alloc(sizeof *c, 16);
    u32 registers = memory_bar(bdf, PCI_BAR0);
    if (!c || !registers || mmio_read(registers + CAP + 4) >> 16 & 15) /* pages of 4 KiB */
        return false;
    u32 stride = 4u << (mmio_read(registers + CAP + 4) & 15);
    c->registers = registers;
    c->list = (u32)high_alloc(PAGE, PAGE);
    c->data = (u32)high_alloc(PAGE, PAGE);
    if (!c->list || !c->data || !make_queue(&c->admin, registers, 0, stride) ||
        !make_queue(&c->io, registers, 1, stride))
        return false;
    if (!enable(c) || !identify(c, 1, 0)) {
        log("NVMe: the controller does not answer\n");
        return false;
    }
    if (!create_io_queues(c))
        return false;
    add_all(bdf, c);
    return true;
}
