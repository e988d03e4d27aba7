/* fuzz_drives.c - the controllers of drives and of USB under a hostile driver (tests/fuzz/cards.h). */
#include "tests/fuzz/cards.h"
#include "tests/unit/ahci_driver.h"

#include "hv/board/storage/nvme.h"
#include "hv/board/usb/xhci.h"

/* ---------------------------------------------------------------- NVMe */

enum { NVME_RINGS = ARENA, NVME_ENTRIES = 16 };

/* The submission queue i, and the completion queue behind it. */
static uint64_t nvme_ring(unsigned i)
{
    return NVME_RINGS + i * 0x2000;
}

static void submit(struct driven *d, unsigned i, struct nvme_command c)
{
    put(d, nvme_ring(i) + d->tail[i] * sizeof c, &c, sizeof c);
    d->tail[i] = (d->tail[i] + 1) % NVME_ENTRIES;
    set(d, 0, NVME_DOORBELLS + i * 8, 4, d->tail[i]);
}

static void start_nvme(struct driven *d)
{
    set(d, 0, NVME_CC, 4, 0);
    set(d, 0, NVME_AQA, 4, (NVME_ENTRIES - 1) << 16 | (NVME_ENTRIES - 1));
    set(d, 0, NVME_ASQ, 8, nvme_ring(0));
    set(d, 0, NVME_ACQ, 8, nvme_ring(0) + 0x1000);
    set(d, 0, NVME_CC, 4, 4 << 20 | 6 << 16 | 1);
    submit(
        d, 0,
        (struct nvme_command){
            .opcode = 5, .prp1 = nvme_ring(1) + 0x1000, .cdw10 = (NVME_ENTRIES - 1) << 16 | 1, .cdw11 = 3});
    submit(
        d, 0,
        (struct nvme_command){
            .opcode = 1, .prp1 = nvme_ring(1), .cdw10 = (NVME_ENTRIES - 1) << 16 | 1, .cdw11 = 1 << 16 | 1});
    for (unsigned i = 0; i < 8; i++)
        to_deadline(d);
    set(d, 0, NVME_DOORBELLS + 4, 4, 2);
}

static void give_nvme(struct driven *d, unsigned which)
{
    struct nvme_command c = {
        .opcode = take(d), .id = which, .nsid = which & 0x80 ? (uint32_t)take_value(d) : 1};
    c.prp1 = take_value(d);
    c.prp2 = take_value(d);
    c.cdw10 = (uint32_t)take_value(d);
    c.cdw11 = (uint32_t)take_value(d);
    c.cdw12 = (uint32_t)take_value(d);
    submit(d, which & 1, c);
    if (which & 2) /* what is done is taken */
        set(d, 0, NVME_DOORBELLS + (which & 1) * 8 + 4, 4, take(d) % NVME_ENTRIES);
}

/* ---------------------------------------------------------------- commands of drives */

/* Of ATA, mostly one that is known. */
static uint8_t take_command(struct driven *d)
{
    static const uint8_t usual[] = {0xc8, 0xca, 0x25, 0x35, 0x20, 0x30, 0x24, 0x34, 0xc4, 0xc5, 0xc6,
                                    0x60, 0x61, 0xa0, 0xa0, 0xa0, 0xec, 0xa1, 0x29, 0x39, 0x40, 0xef,
                                    0xf5, 0xf8, 0xe7, 0xe5, 0x08, 0x90, 0x91, 0xb0, 0x27, 0xe3};
    const unsigned what = take(d);
    return what & 1 ? usual[(what >> 1) % sizeof usual] : take(d);
}

/* Of SCSI: a command block. */
static void take_packet(struct driven *d, uint8_t *packet, size_t n)
{
    static const uint8_t usual[] = {0x00, 0x03, 0x12, 0x1a, 0x1b, 0x1e, 0x23, 0x25, 0x28, 0x2a, 0x2b,
                                    0x2f, 0x35, 0x3c, 0x43, 0x46, 0x4a, 0x51, 0x52, 0x55, 0x5a, 0x88,
                                    0x8a, 0x8f, 0x91, 0x9e, 0xa0, 0xa3, 0xa8, 0xaa, 0xb9, 0xbe};
    const unsigned what = take(d);
    packet[0] = what & 1 ? usual[(what >> 1) % sizeof usual] : take(d);
    for (size_t i = 1; i < n; i++)
        packet[i] = what & 0x40 || i == 8 || i == 5 ? take(d) : 0;
}

/* Of virtio-blk: type, sector. */
static size_t blk_request(struct driven *d, uint8_t *head)
{
    head[0] = take(d) & 15;
    head[8] = take(d);
    return 16;
}

/* Of virtio-scsi: the unit, a tag, a command block. */
static size_t scsi_request(struct driven *d, uint8_t *head)
{
    const unsigned unit = take(d);
    head[0] = unit & 0x80 ? 0 : 1;
    head[1] = unit & 3;
    head[2] = unit & 0x40;
    take_packet(d, head + 19, 16);
    return 51;
}

/* ---------------------------------------------------------------- AHCI */

static void set_ahci(void *ctx, unsigned reg, uint32_t value)
{
    struct driven *d = ctx;
    set(d, d->ranges - 1, reg, 4, value);
}

static void put_ahci(void *ctx, uint64_t at, const void *p, size_t n)
{
    put(ctx, at, p, n);
}

static void wait_ahci(void *ctx)
{
    pass(ctx, 10000000);
}

static struct ahci_driver ahci_driver(struct driven *d)
{
    return (struct ahci_driver){.ctx = d,
                                .set = set_ahci,
                                .put = put_ahci,
                                .wait = wait_ahci,
                                .lists = ARENA,
                                .received = ARENA + 0x2000,
                                .tables = ARENA + 0x4000};
}

static void start_ahci(struct driven *d)
{
    const struct ahci_driver a = ahci_driver(d);
    ahci_start(&a);
}

/* A command in any slot: its header, its registers, a packet and two regions. */
static void give_ahci(struct driven *d, unsigned which)
{
    const struct ahci_driver a = ahci_driver(d);
    const unsigned i = which & 1, slot = which >> 1 & 31, how = take(d);
    struct ahci_command c = {.flags = how & 0x60, .regions = how & 3};
    c.fis[2] = take_command(d);
    for (unsigned k = 3; k < 14; k++)
        c.fis[k] = how & 0x10 ? take(d) : 0;
    c.fis[4] = take(d);
    c.fis[12] = take(d);
    take_packet(d, c.packet, sizeof c.packet);
    for (unsigned k = 0; k < 2; k++) {
        c.region[k].at = (uint32_t)take_value(d);
        c.region[k].last = (uint32_t)take_value(d);
    }
    ahci_put(&a, i, slot, c);
    if (how & 8)
        ahci_set_port(&a, i, PX_SACT, 1u << slot);
    if (how & 4) /* after an error */
        for (unsigned on = 0; on < 2; on++)
            ahci_set_port(&a, i, PX_CMD, AHCI_PORT_ON | (on ? CMD_ST : 0));
    ahci_set_port(&a, i, PX_CI, 1u << slot);
}

/* ---------------------------------------------------------------- xHCI */

enum {
    XHCI_CONTEXTS = ARENA, /* the list of contexts, then the contexts */
    XHCI_COMMAND_RING = ARENA + 0x4000,
    XHCI_EVENT_RING = ARENA + 0x5000,
    XHCI_SEGMENTS = ARENA + 0x6000,
    XHCI_INPUT = ARENA + 0x7000,
    XHCI_TRANSFER_RINGS = ARENA + 0x8000, /* of the control endpoint, of 1 in, of 2 out */
};

/* Ring 0 has the commands. */
static void add_trb(struct driven *d, unsigned ring, uint64_t parameter, uint32_t status, uint32_t control)
{
    static const unsigned endpoint[4] = {0, 1, 3, 4};
    const struct xhci_trb t = {parameter, status, control | 1};
    const uint64_t at = ring ? XHCI_TRANSFER_RINGS + (ring - 1) * 0x1000 : XHCI_COMMAND_RING;
    put(d, at + d->tail[ring]++ % 255 * sizeof t, &t, sizeof t);
    set(d, 0, XHCI_DOORBELLS + (ring ? 4 : 0), 4, endpoint[ring]);
}

static void settle(struct driven *d)
{
    for (unsigned i = 0; i < 4; i++)
        to_deadline(d);
}

/* The device at a port, with an address and its endpoints. */
static void open_device(struct driven *d, unsigned port, bool stick)
{
    uint32_t input[8 * 7] = {0, 3, [8] = 3 << 20 | 1 << 27, [9] = port << 16};
    set(d, 0, XHCI_PORT_REGISTERS + (port - 1) * 16, 4, PORT_POWER | PORT_RESET);
    add_trb(d, 0, 0, 0, TRB_ENABLE_SLOT << 10);
    settle(d);
    input[17] = 64 << 16 | 4 << 3 | 3 << 1;
    input[18] = XHCI_TRANSFER_RINGS | 1;
    put(d, XHCI_INPUT, input, sizeof input);
    add_trb(d, 0, XHCI_INPUT, 0, 1u << 24 | TRB_ADDRESS_DEVICE << 10);
    settle(d);
    add_trb(d, 1, 0x10900, 8, TRB_SETUP << 10 | TRB_IMMEDIATE); /* SET_CONFIGURATION 1 */
    add_trb(d, 1, 0, 0, TRB_STATUS << 10 | TRB_IOC);
    settle(d);
    input[1] = 1 | 1 << 3 | (stick ? 1 << 4 : 0);
    input[8] = 4u << 27;
    input[8 * 4 + 1] = 512 << 16 | (stick ? 6 : 7) << 3;
    input[8 * 4 + 2] = (XHCI_TRANSFER_RINGS + 0x1000) | 1;
    input[8 * 5 + 1] = 512 << 16 | 2 << 3;
    input[8 * 5 + 2] = (XHCI_TRANSFER_RINGS + 0x2000) | 1;
    put(d, XHCI_INPUT, input, sizeof input);
    add_trb(d, 0, XHCI_INPUT, 0, 1u << 24 | TRB_CONFIGURE << 10);
    settle(d);
}

static void start_xhci(struct driven *d)
{
    const uint64_t segment[2] = {XHCI_EVENT_RING, 64};
    const unsigned port = 1 + take(d) % 4;
    static const uint8_t zeros[0xc000];
    put(d, ARENA, zeros, sizeof zeros);
    put(d, XHCI_SEGMENTS, segment, sizeof segment);
    for (unsigned i = 0; i < 8; i++) {
        const uint64_t context = XHCI_CONTEXTS + 0x1000 + i * 0x400;
        put(d, XHCI_CONTEXTS + i * 8, &context, sizeof context);
    }
    set(d, 0, XHCI_USBCMD, 4, CMD_RESET);
    set(d, 0, XHCI_CONFIG, 4, 8);
    set(d, 0, XHCI_DCBAAP, 8, XHCI_CONTEXTS);
    set(d, 0, XHCI_CRCR, 8, XHCI_COMMAND_RING | 1);
    set(d, 0, XHCI_ERSTSZ, 4, 1);
    set(d, 0, XHCI_ERDP, 8, XHCI_EVENT_RING);
    set(d, 0, XHCI_ERSTBA, 8, XHCI_SEGMENTS);
    set(d, 0, XHCI_IMAN, 4, 2);
    set(d, 0, XHCI_USBCMD, 4, CMD_RUN | CMD_INTERRUPTS);
    open_device(d, port, port > 2);
}

/* A wrapper with a command for a stick, or a block of work of any kind. */
static void give_xhci(struct driven *d, unsigned which)
{
    if (which & 4) {
        uint8_t wrapper[31] = {'U', 'S', 'B', 'C', 1, 2, 3, 4};
        const uint32_t length = (uint32_t)take_value(d);
        memcpy(wrapper + 8, &length, sizeof length);
        wrapper[12] = take(d);
        wrapper[13] = which & 0x10 ? take(d) : 0;
        wrapper[14] = which & 0x20 ? take(d) : 16;
        take_packet(d, wrapper + 15, 16);
        put(d, DATA, wrapper, sizeof wrapper);
        add_trb(d, 3, DATA, which & 8 ? take(d) : sizeof wrapper, TRB_NORMAL << 10 | TRB_IOC);
        return;
    }
    const uint64_t parameter = take_value(d);
    const uint32_t status = (uint32_t)take_value(d), control = (uint32_t)take_value(d) & ~0xfc01u;
    add_trb(d, which & 3, parameter, status, control | (take(d) & 63u) << 10 | (which & 3 ? 0 : 1u << 24));
    if (which & 8) /* events are taken */
        set(d, 0, XHCI_ERDP, 8, (XHCI_EVENT_RING + take(d) % 64 * 16) | 8);
}

/* ---------------------------------------------------------------- IDE */

static void start_ide(struct driven *d)
{
    set(d, 0, 4, 4, ARENA); /* where the list of regions is */
    set(d, 0, 12, 4, ARENA);
}

/* A command to any of the drives, a packet, or regions for DMA. */
static void give_ide(struct driven *d, unsigned which)
{
    const unsigned channel = 1 + (which & 1);
    uint8_t packet[12];
    for (unsigned i = 2; i < 7; i++)
        set(d, channel, i, 1, take(d));
    set(d, channel, 7, 1, take_command(d));
    if (which & 0x10) {
        to_deadline(d);
        take_packet(d, packet, sizeof packet);
        for (unsigned i = 0; i < sizeof packet; i += 2)
            set(d, channel, 0, 2, packet[i] | packet[i + 1] << 8);
    }
    if (which & 2)
        for (unsigned i = 0; i < 6; i++)
            set(d, channel, 0, 2, take_bytes(d, 2));
    if (which & 4)
        set(d, 0, (which & 1) * 8, 1, 1 | (which & 8));
}

static const struct driven_kind kinds[] = {
    {.devfn = 4 << 3,
     .setting = {{"disk0-interface", "nvme"}},
     .role = {"disk0"},
     .start = start_nvme,
     .give = give_nvme},
    {.devfn = 4 << 3,
     .setting = {{"disk0-interface", "ahci"}, {"cdrom-interface", "ahci"}},
     .role = {"disk0", "cdrom"},
     .start = start_ahci,
     .give = give_ahci},
    {.devfn = 4 << 3,
     .setting = {{"disk0-interface", "virtio"}},
     .role = {"disk0"},
     .start = start_virtio,
     .give = give_virtio,
     .request = blk_request},
    {.devfn = 4 << 3,
     .setting = {{"disk0-interface", "scsi"}, {"cdrom-interface", "scsi"}},
     .role = {"disk0", "cdrom"},
     .start = start_virtio,
     .give = give_virtio,
     .request = scsi_request},
    {.devfn = 4 << 3,
     .setting = {{"disk0-interface", "usb"}, {"cdrom-interface", "usb"}, {"usb", "keyboard,tablet"}},
     .role = {"disk0", "cdrom"},
     .start = start_xhci,
     .give = give_xhci,
     .input = INPUT_KEYBOARD},
    {.devfn = 1 << 3 | 1,
     .role = {"disk0", "cdrom"},
     .start = start_ide,
     .give = give_ide,
     .port = {{0x1f0, 8}, {0x170, 8}, {0x3f6, 1}}},
};

/* What libFuzzer calls has no context, so this is kept here. */
enum { KINDS = sizeof kinds / sizeof kinds[0] };
static struct driven_bench benches[KINDS];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    drive(kinds, benches, KINDS, data, size);
    return 0;
}
