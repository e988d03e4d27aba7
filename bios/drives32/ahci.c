/* ahci.c - AHCI controllers: disks and CD-ROM drives, with one command slot of each port and one command at a time.
 *
 * Sources: Serial ATA AHCI 1.3.1: 3 (registers), 4.2 (command list, table, received FIS), 10.1.2 and 10.3 (starting a port), 6.2.2 (errors);
 * ATA8-ACS, 7.16 (IDENTIFY DEVICE); Serial ATA 3.1, 10.3.4 (FIS of a command).
 */
#include "bios/drives32/scsi.h"

enum { GHC = 0x04, PI = 0x0c, GHC_AHCI = 1u << 31 };
enum { PORTS = 0x100, PORT_SIZE = 0x80, PORTS_MOST = 32 };
/* A port's registers. */
enum {
    CLB = 0x00,
    CLBU = 0x04,
    FB = 0x08,
    FBU = 0x0c,
    IS = 0x10,
    IE = 0x14,
    CMD = 0x18,
    TFD = 0x20,
    SIG = 0x24,
    SSTS = 0x28,
    SERR = 0x30,
    CI = 0x38,
};
enum { CMD_ST = 1, CMD_SUD = 2, CMD_POD = 4, CMD_FRE = 0x10, CMD_FR = 0x4000, CMD_CR = 0x8000 };
enum { IS_ERRORS = 0x7d000000, BUSY = 0x88, ERROR = 0x01, DET = 15, DET_ACTIVE = 3 };
enum { SIG_DISK = 0x00000101, SIG_CD = 0xeb140101 };
enum {
    READ_DMA = 0xc8,
    WRITE_DMA = 0xca,
    READ_DMA_EXT = 0x25,
    WRITE_DMA_EXT = 0x35,
    IDENTIFY = 0xec,
    PACKET = 0xa0
};
enum { ER_IDNF = 0x10, ER_UNC = 0x40, REQUEST_SENSE = 0x03, PACKET_SIZE = 12 };
enum { START_MS = 10000, STOP_MS = 500, MOST = 128 };

/* What the controller reads and writes: a page of a port. */
struct area {
    u32 list[256];    /* 32 headers of 8 words, of which the first is used */
    u8 received[256]; /* FIS */
    u8 fis[64];       /* the command's table: the FIS, */
    u8 packet[64];    /* the packet, */
    u32 region[4];    /* and where the data is */
    u8 unused[0x800 - 0x590];
    u16 identity[256];
};
_Static_assert(__builtin_offsetof(struct area, fis) % 128 == 0 && sizeof(struct area) == 0xa00,
               "as the controller wants it");

struct port {
    struct scsi scsi; /* begins with the driver, which is all that a disk has */
    u32 registers;
    struct area *area;
    bool ext; /* addresses of 48 bits */
};

struct command {
    u8 command, feature, device;
    u64 lba;
    u32 sectors;
    const u8 *packet;
    u32 address, bytes;
    bool write;
};

static bool wait_clear(u32 reg, u32 bits, u32 ms)
{
    struct patience p = patience_ms(ms);
    while (mmio_read(reg) & bits)
        if (!patient(&p))
            return false;
    return true;
}

static bool stop(u32 r)
{
    mmio_write(r + CMD, mmio_read(r + CMD) & ~(u32)CMD_ST);
    return wait_clear(r + CMD, CMD_CR, STOP_MS);
}

/* 6.2.2.1: after an error the port is stopped and started again. */
static void recover(u32 r)
{
    stop(r);
    mmio_write(r + SERR, ~0u);
    mmio_write(r + IS, ~0u);
    mmio_write(r + CMD, mmio_read(r + CMD) | CMD_ST);
}

static void fill(struct area *s, const struct command *c)
{
    u32 header[8] = {5 | (c->packet ? 1 << 5 : 0) | (c->write ? 1 << 6 : 0) | (c->bytes ? 1 << 16 : 0), 0,
                     (u32)s->fis};
    u32 region[4] = {c->address, 0, 0, c->bytes - 1};
    u8 fis[20] = {0x27, 0x80, c->command, c->feature};
    for (u32 i = 0; i < 3; i++) {
        fis[4 + i] = (u8)((u32)c->lba >> i * 8);
        fis[8 + i] = (u8)((c->lba >> 24) >> i * 8);
    }
    fis[7] = c->device;
    fis[12] = (u8)c->sectors;
    fis[13] = (u8)(c->sectors >> 8);
    memcpy(s->list, header, sizeof header);
    memcpy(s->region, region, sizeof region);
    memcpy(s->fis, fis, sizeof fis);
    if (c->packet)
        memcpy(s->packet, c->packet, PACKET_SIZE);
}

/* The task file: status, and above it the error register. All ones if the drive does not answer. */
static u32 run(struct port *p, const struct command *c)
{
    u32 r = p->registers;
    struct patience left = patience_ms(PATIENCE);
    fill(p->area, c);
    mmio_write(r + IS, ~0u);
    mmio_write(r + CI, 1);
    while (mmio_read(r + CI) & 1 && !(mmio_read(r + IS) & IS_ERRORS))
        if (!patient(&left)) {
            recover(r);
            return ~0u;
        }
    u32 ended = mmio_read(r + TFD);
    if (mmio_read(r + IS) & IS_ERRORS) {
        recover(r);
        ended |= ERROR;
    }
    return ended;
}

/* ---------------------------------------------------------------- disks */

static u8 status_of(u32 ended)
{
    if (ended == ~0u)
        return DISK_TIMEOUT;
    if (!(ended & ERROR))
        return DISK_OK;
    return ended >> 8 & ER_UNC ? DISK_CRC : ended >> 8 & ER_IDNF ? DISK_NO_SECTOR : DISK_CONTROLLER;
}

static u8 transfer(void *state, u64 lba, u32 sectors, u32 address, bool write)
{
    struct port *p = state;
    struct command c = {
        .lba = lba, .sectors = sectors, .address = address, .bytes = sectors * 512, .write = write};
    c.device = 0x40 | (p->ext ? 0 : lba >> 24 & 15);
    c.command = p->ext ? write ? WRITE_DMA_EXT : READ_DMA_EXT : write ? WRITE_DMA : READ_DMA;
    return status_of(run(p, &c));
}

static void take_model(struct far_drive *d, const u16 *id)
{
    char model[40];
    for (u32 i = 0; i < sizeof model; i++)
        model[i] = (char)(id[27 + i / 2] >> (i & 1 ? 0 : 8));
    copy_text(d->model, sizeof d->model, model, sizeof model);
}

static struct far_drive *add_disk(u16 bdf, struct port *p)
{
    const u16 *id = p->area->identity;
    struct command identify = {.command = IDENTIFY, .address = (u32)id, .bytes = 512};
    if (status_of(run(p, &identify)))
        return NULL;
    p->ext = id[83] >> 10 & 1;
    p->scsi.driver.transfer = transfer;
    p->scsi.driver.most = MOST;
    if ((id[106] & 0xd000) == 0x5000) {
        log("AHCI: a disk with sectors that are not of 512 bytes: not for INT 13h\n");
        return NULL;
    }
    struct far_drive *d = drive_add(bdf, &p->scsi.driver, "SATA");
    if (!d)
        return NULL;
    const u16 *size = id + (p->ext ? 100 : 60);
    d->sectors = size[0] | (u32)size[1] << 16;
    d->sectors_high = p->ext ? size[2] | (u32)size[3] << 16 : 0;
    take_model(d, id);
    return d;
}

/* ---------------------------------------------------------------- CD-ROM drives */

static u8 packet(void *state, const u8 *cdb, u32 address, u32 bytes, bool write)
{
    static const u8 ask[SCSI_CDB] = {REQUEST_SENSE, 0, 0, 0, SCSI_SENSE};
    struct port *p = state;
    struct command c = {.command = PACKET,
                        .feature = bytes ? 1 : 0 /* by DMA */,
                        .packet = cdb,
                        .address = address,
                        .bytes = bytes,
                        .write = write};
    struct command sense = {
        .command = PACKET, .feature = 1, .packet = ask, .address = (u32)p->scsi.sense, .bytes = SCSI_SENSE};
    u32 ended = run(p, &c);
    if (ended == ~0u)
        return 0xff;
    if (!(ended & ERROR))
        return 0;
    return run(p, &sense) & ERROR ? 0xff : 2;
}

/* ---------------------------------------------------------------- finding them */

/* Gives the port its memory, and starts it when the drive is ready. */
static bool start(struct port *p)
{
    u32 r = p->registers, command = CMD_SUD | CMD_POD;
    if (!stop(r))
        return false;
    mmio_write(r + CMD, mmio_read(r + CMD) & ~(u32)CMD_FRE);
    if (!wait_clear(r + CMD, CMD_FR, STOP_MS))
        return false;
    mmio_write(r + CLB, (u32)p->area->list);
    mmio_write(r + CLBU, 0);
    mmio_write(r + FB, (u32)p->area->received);
    mmio_write(r + FBU, 0);
    mmio_write(r + IE, 0);
    mmio_write(r + SERR, ~0u);
    mmio_write(r + CMD, command | CMD_FRE);
    if (!wait_clear(r + TFD, BUSY, START_MS))
        return false;
    mmio_write(r + IS, ~0u);
    mmio_write(r + CMD, command | CMD_FRE | CMD_ST);
    return true;
}

static void add_port(u16 bdf, u32 registers, u32 number)
{
    char rest[24] = "/drive@", *end = put_hex(rest + 7, number);
    struct port *p = high_alloc(sizeof *p, 16);
    struct far_drive *d = NULL;
    if (!p || !(p->area = high_alloc(sizeof *p->area, 4096)))
        return;
    p->registers = registers;
    p->scsi.command = packet;
    if (!start(p)) {
        log("AHCI: port %u: the drive does not become ready\n", number);
        return;
    }
    u32 signature = mmio_read(registers + SIG);
    if (signature == SIG_DISK)
        d = add_disk(bdf, p);
    else if (signature == SIG_CD)
        d = scsi_add(bdf, &p->scsi, "ATAPI");
    if (!d)
        return;
    memcpy(end, "/disk@0", 8);
    path_of(d->path, bdf, rest);
}

bool ahci_init(u16 bdf)
{
    u32 registers = memory_bar(bdf, PCI_BAR0 + 5 * 4);
    if (!registers)
        return false;
    mmio_write(registers + GHC, GHC_AHCI);
    u32 ports = mmio_read(registers + PI);
    for (u32 i = 0; i < PORTS_MOST; i++) {
        u32 port = registers + PORTS + i * PORT_SIZE;
        if (ports >> i & 1 && (mmio_read(port + SSTS) & DET) == DET_ACTIVE)
            add_port(bdf, port, i);
    }
    return true;
}
