/* test_ahci.c - the AHCI controller (hv/board/storage/ahci*.c) of a q35, with a disk and a CD-ROM drive: commands one at a time and queued, packets,
 * resets, its interrupt as a message, state, random accesses; and random accesses to the Q35's host bridge and LPC bridge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/mainboard.h"
#include "tests/unit/saved_state.h"
#include "tests/unit/ahci_driver.h"
#include "hv/board/chipset/ich9.h"
#include "hv/board/chipset/mch.h"

#define BAR_AT 0xfeb00000u
enum {
    SECTORS = DISK_SIZE / 512,
    CD_SIZE = 64 * CD_SECTOR,
    LISTS = 0x10000,    /* 1 KiB for each port */
    RECEIVED = 0x12000, /* 256 bytes for each port */
    TABLES = 0x20000,   /* 1 KiB for each slot of both ports */
    DATA = 0x40000,
    DISK = 0, /* the ports of the drives */
    CD = 1,
};
enum {
    IDENTIFY = 0xec,
    IDENTIFY_PACKET = 0xa1,
    PACKET = 0xa0,
    READ_DMA = 0xc8,
    WRITE_DMA = 0xca,
    READ_PIO = 0x20
};
enum { READ_QUEUED = 0x60, WRITE_QUEUED = 0x61, MSI_AT = 0x80, READY = ST_DRDY | ST_DSC };

static struct board *new_board(struct fixture *f)
{
    struct board_host host = {.ctx = f, .icount = host_icount, .time = host_time};
    struct error err;
    f->image[0] = (struct image){.role = "disk0", .name = "disk", .size = DISK_SIZE, .read = image_read};
    f->image[1] = (struct image){.role = "cdrom", .name = "cd", .size = CD_SIZE, .read = image_read};
    f->setting[0] = (struct setting){"memory", "16777216"};
    f->setting[1] = (struct setting){"vga", "none"};
    f->setting[2] = (struct setting){"machine", "q35"};
    f->cfg = (struct engine_config){.settings = f->setting, .nsettings = 3, .images = f->image, .nimages = 2};
    struct board *b = board_create(&f->cfg, &host, &err);
    if (!b)
        fail_msg("%s", err.text);
    return b;
}

static uint64_t bus_read(struct fixture *f, uint64_t at, unsigned size)
{
    struct x86_bus *bus = &f->board->cpu[0].bus;
    return bus->read(bus->ctx, at, size);
}

static void bus_write(struct fixture *f, uint64_t at, unsigned size, uint64_t value)
{
    struct x86_bus *bus = &f->board->cpu[0].bus;
    bus->write(bus->ctx, at, size, value);
}

static uint32_t reg(struct fixture *f, unsigned offset)
{
    return (uint32_t)bus_read(f, BAR_AT + offset, 4);
}

static void set_reg(struct fixture *f, unsigned offset, uint32_t value)
{
    bus_write(f, BAR_AT + offset, 4, value);
}

static uint32_t port(struct fixture *f, unsigned i, unsigned offset)
{
    return reg(f, AHCI_PORT_AT + i * AHCI_PORT_SIZE + offset);
}

static void set_port(struct fixture *f, unsigned i, unsigned offset, uint32_t value)
{
    set_reg(f, AHCI_PORT_AT + i * AHCI_PORT_SIZE + offset, value);
}

static void put(struct fixture *f, uint64_t at, const void *data, size_t n)
{
    physmem_write(f->board->mem, at, data, n);
}

static void get(struct fixture *f, uint64_t at, void *data, size_t n)
{
    physmem_read(f->board->mem, at, data, n);
}

static void pass(struct fixture *f, unsigned ms)
{
    for (unsigned i = 0; i < ms * 10; i++) {
        f->time += 100000;
        board_run_timers(f->board);
    }
}

static void set_ahci(void *ctx, unsigned offset, uint32_t value)
{
    set_reg(ctx, offset, value);
}

static void put_ahci(void *ctx, uint64_t at, const void *p, size_t n)
{
    put(ctx, at, p, n);
}

static void wait_ahci(void *ctx)
{
    pass(ctx, 1);
}

static struct ahci_driver driver(struct fixture *f)
{
    return (struct ahci_driver){.ctx = f,
                                .set = set_ahci,
                                .put = put_ahci,
                                .wait = wait_ahci,
                                .lists = LISTS,
                                .received = RECEIVED,
                                .tables = TABLES};
}

static void start(struct fixture *f)
{
    const struct ahci_driver a = driver(f);
    config_out(f, ICH9_SATA, 0x24, 4, BAR_AT);
    config_out(f, ICH9_SATA, 0x04, 2, 6);
    ahci_start(&a);
    set_reg(f, AHCI_IS, UINT32_MAX);
}

static int make(void **state)
{
    struct fixture *f = mem_zero(1, sizeof *f);
    f->board = new_board(f);
    start(f);
    *state = f;
    return 0;
}

struct request {
    uint8_t command, feature;
    uint64_t lba;
    uint32_t count, bytes;
    uint8_t packet[ATAPI_PACKET];
    uint32_t data;
};

static uint64_t table_of(unsigned i, unsigned slot)
{
    const struct ahci_driver a = driver(NULL);
    return ahci_table(&a, i, slot);
}

/* The command's header and table. Its data is in two regions, the second of which follows the first. */
static void prepare(struct fixture *f, unsigned i, unsigned slot, struct request r)
{
    const struct ahci_driver a = driver(f);
    const bool queued = r.command == READ_QUEUED || r.command == WRITE_QUEUED;
    const uint32_t first = r.bytes > 512 ? 512 : r.bytes, second = r.bytes - first,
                   at = r.data ? r.data : DATA;
    struct ahci_command c = {.regions = r.bytes ? second ? 2 : 1 : 0,
                             .region = {{at, first - 1}, {at + first, second - 1}}};
    c.fis[2] = r.command;
    for (unsigned k = 0; k < 3; k++) {
        c.fis[4 + k] = (uint8_t)(r.lba >> k * 8);
        c.fis[8 + k] = (uint8_t)(r.lba >> (24 + k * 8));
    }
    c.fis[3] = r.feature;
    c.fis[7] = 0x40;
    c.fis[queued ? 3 : 12] = (uint8_t)r.count;
    c.fis[queued ? 11 : 13] = (uint8_t)(r.count >> 8);
    if (queued)
        c.fis[12] = (uint8_t)(slot << 3);
    if (r.command == PACKET) {
        c.flags = 1 << 5;
        c.fis[3] = 0; /* by PIO */
        c.fis[6] = 0x08;
    }
    memcpy(c.packet, r.packet, sizeof c.packet);
    ahci_put(&a, i, slot, c);
}

static void restart(struct fixture *f, unsigned i)
{
    set_port(f, i, PX_CMD, CMD_FRE | CMD_SUD | CMD_POD);
    set_port(f, i, PX_IS, UINT32_MAX);
    set_port(f, i, PX_CMD, CMD_FRE | CMD_SUD | CMD_POD | CMD_ST);
}

/* Runs a command in slot 3; returns the port's task file. After an error the port is started again. */
static uint32_t run(struct fixture *f, unsigned i, struct request r)
{
    prepare(f, i, 3, r);
    set_port(f, i, PX_CI, 1 << 3);
    pass(f, 5);
    uint32_t tfd = port(f, i, PX_TFD);
    bool error = tfd & ST_ERR;
    assert_int_equal(port(f, i, PX_CI), error ? 1 << 3 : 0);
    assert_int_equal(port(f, i, PX_IS) & IS_TFE, error ? IS_TFE : 0);
    if (error)
        restart(f, i);
    set_port(f, i, PX_IS, UINT32_MAX);
    return tfd;
}

static uint32_t moved(struct fixture *f, unsigned i, unsigned slot)
{
    uint32_t n;
    get(f, LISTS + i * 0x400 + slot * 32 + 4, &n, 4);
    return n;
}

static void assert_sectors(struct fixture *f, uint64_t at, uint64_t offset, size_t n)
{
    uint8_t *have = mem_zero(1, n), *want = mem_zero(1, n);
    struct error err;
    get(f, at, have, n);
    assert_int_equal(image_read(NULL, offset, want, n, &err), 0);
    assert_memory_equal(have, want, n);
    free(have);
    free(want);
}

/* ---------------------------------------------------------------- tests */

static void test_identify(void **state)
{
    struct fixture *f = *state;
    uint16_t id[256];
    uint8_t fis[FIS_LENGTH];
    assert_int_equal(config_in(f, ICH9_SATA, 0x08, 4) >> 8, 0x010601);
    assert_int_equal(reg(f, AHCI_VS), 0x10301);
    assert_int_equal(reg(f, AHCI_PI), 0x3f);
    assert_int_equal(port(f, DISK, PX_SSTS), SSTS_PRESENT);
    assert_int_equal(port(f, DISK, PX_SIG), 0x101);
    assert_int_equal(port(f, CD, PX_SIG), 0xeb140101);
    assert_int_equal(port(f, 2, PX_SSTS), 0);
    assert_int_equal(port(f, 2, PX_SIG), UINT32_MAX);
    assert_int_equal(run(f, DISK, (struct request){.command = IDENTIFY, .bytes = 512}), READY);
    get(f, DATA, id, sizeof id);
    assert_int_equal(id[60] | (uint32_t)id[61] << 16, SECTORS);
    assert_int_equal(id[75], 31); /* depth of the queue, less one */
    assert_true(id[76] & 1 << 8); /* NCQ */
    assert_int_equal(moved(f, DISK, 3), 512);
    get(f, RECEIVED + RECEIVED_PIO, fis, sizeof fis);
    assert_int_equal(fis[0], FIS_PIO);
    assert_int_equal(fis[15], READY);
    assert_int_equal(fis[16] | fis[17] << 8, 512);
    assert_int_equal(run(f, CD, (struct request){.command = IDENTIFY, .bytes = 512}) & 0xff00, ER_ABRT << 8);
    assert_int_equal(run(f, CD, (struct request){.command = IDENTIFY_PACKET, .bytes = 512}) & ST_ERR, 0);
    get(f, DATA, id, sizeof id);
    assert_int_equal(id[0] >> 8, 0x85);
}

static void test_one_at_a_time(void **state)
{
    struct fixture *f = *state;
    uint8_t want[1536], have[1536];
    memset(want, 0x5a, sizeof want);
    assert_int_equal(run(f, DISK, (struct request){.command = READ_DMA, .lba = 7, .count = 3, .bytes = 1536}),
                     READY);
    assert_int_equal(moved(f, DISK, 3), 1536);
    assert_sectors(f, DATA, 7 * 512, 1536);
    assert_int_equal(run(f, DISK, (struct request){.command = READ_PIO, .lba = 9, .count = 3, .bytes = 1536}),
                     READY);
    assert_sectors(f, DATA, 9 * 512, 1536);
    put(f, DATA, want, sizeof want);
    assert_int_equal(
        run(f, DISK, (struct request){.command = WRITE_DMA, .lba = 8, .count = 3, .bytes = 1536}), READY);
    assert_int_equal(
        run(f, DISK,
            (struct request){
                .command = READ_DMA, .lba = 8, .count = 3, .bytes = 1536, .data = DATA + 0x1000}),
        READY);
    get(f, DATA + 0x1000, have, sizeof have);
    assert_memory_equal(have, want, sizeof want);
    assert_int_equal(
        run(f, DISK, (struct request){.command = READ_DMA, .lba = SECTORS, .count = 1, .bytes = 512}) >> 8,
        ER_IDNF);
    assert_int_equal(run(f, DISK, (struct request){.command = 0xff}) >> 8, ER_ABRT);
    prepare(f, DISK, 3,
            (struct request){.command = READ_DMA, .count = 3, .bytes = 512}); /* there is no room for it */
    set_port(f, DISK, PX_CI, 1 << 3);
    pass(f, 5);
    assert_true(port(f, DISK, PX_IS) & IS_OF);
    assert_int_equal(moved(f, DISK, 3), 512);
}

static void test_queued(void **state)
{
    static const unsigned slot[3] = {0, 5, 31};
    struct fixture *f = *state;
    uint8_t fis[8], want[512], have[512];
    uint32_t set = 0;
    observe(f, f->board, EVENT_CLASSES_ALL);
    for (unsigned i = 0; i < 3; i++) {
        prepare(
            f, DISK, slot[i],
            (struct request){
                .command = READ_QUEUED, .lba = 2 * i, .count = 2, .bytes = 1024, .data = DATA + i * 0x1000});
        set |= 1u << slot[i];
    }
    set_port(f, DISK, PX_SACT, set);
    set_port(f, DISK, PX_CI, set);
    assert_int_equal(port(f, DISK, PX_CI), 0); /* the drive has them */
    assert_int_equal(port(f, DISK, PX_SACT), set);
    pass(f, 5);
    assert_int_equal(port(f, DISK, PX_SACT), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_sectors(f, DATA + i * 0x1000, i * 1024, 1024);
    get(f, RECEIVED + RECEIVED_BITS, fis, sizeof fis);
    assert_int_equal(fis[0], FIS_BITS);
    assert_true(port(f, DISK, PX_IS) & IS_SDB);
    assert_non_null(strstr(f->log, "READ FPDMA QUEUED drive 16 lba 2 count 2"));
    memset(want, 0xa5, sizeof want);
    put(f, DATA, want, sizeof want);
    prepare(f, DISK, 9, (struct request){.command = WRITE_QUEUED, .lba = 4, .count = 1, .bytes = 512});
    set_port(f, DISK, PX_SACT, 1 << 9);
    set_port(f, DISK, PX_CI, 1 << 9);
    pass(f, 5);
    run(f, DISK,
        (struct request){.command = READ_DMA, .lba = 4, .count = 1, .bytes = 512, .data = DATA + 0x1000});
    get(f, DATA + 0x1000, have, sizeof have);
    assert_memory_equal(have, want, sizeof want);
}

/* A queued command that fails takes the others with it, until software starts the port again. */
static void test_queued_error(void **state)
{
    struct fixture *f = *state;
    prepare(f, DISK, 1,
            (struct request){.command = READ_QUEUED, .lba = SECTORS - 1, .count = 2, .bytes = 1024});
    prepare(f, DISK, 2, (struct request){.command = READ_QUEUED, .lba = 0, .count = 1, .bytes = 512});
    set_port(f, DISK, PX_SACT, 6);
    set_port(f, DISK, PX_CI, 6);
    pass(f, 5);
    assert_int_equal(port(f, DISK, PX_SACT) & 2, 2);
    assert_true(port(f, DISK, PX_IS) & IS_TFE);
    assert_int_equal(port(f, DISK, PX_TFD), ER_IDNF << 8 | READY | ST_ERR);
    restart(f, DISK);
    assert_int_equal(port(f, DISK, PX_SACT), 0);
    assert_int_equal(run(f, DISK, (struct request){.command = READ_DMA, .count = 1, .bytes = 512}), READY);
}

static void test_packets(void **state)
{
    struct fixture *f = *state;
    uint8_t b[18];
    struct request ready = {.command = PACKET},
                   sense = {.command = PACKET, .packet = {3, 0, 0, 0, 18}, .bytes = 18},
                   size = {.command = PACKET, .packet = {0x25}, .bytes = 8},
                   read = {
                       .command = PACKET, .packet = {0x28, 0, 0, 0, 0, 5, 0, 0, 2}, .bytes = 2 * CD_SECTOR};
    assert_true(run(f, CD, ready) & ST_ERR); /* unit attention */
    assert_false(run(f, CD, sense) & ST_ERR);
    get(f, DATA, b, sizeof b);
    assert_int_equal(b[2] & 15, KEY_ATTENTION);
    assert_false(run(f, CD, ready) & ST_ERR);
    assert_false(run(f, CD, size) & ST_ERR);
    get(f, DATA, b, 8);
    assert_int_equal(b[2] << 8 | b[3], CD_SIZE / CD_SECTOR - 1);
    assert_int_equal(b[6] << 8 | b[7], CD_SECTOR);
    assert_false(run(f, CD, read) & ST_ERR);
    assert_sectors(f, DATA, 5 * CD_SECTOR, 2 * CD_SECTOR);
    assert_int_equal(moved(f, CD, 3), 2 * CD_SECTOR);
}

/* What optional feature sets have and these drives do not: a command ends with ABRT and is told by its name (ATA8-ACS 4.8 and 4.19), a
 * packet with its sense (SPC-4, LOG SENSE) and is told as not implemented. */
static void test_unsupported(void **state)
{
    enum { TRIM = 0x06, SMART = 0xb0, LOG_SENSE = 0x4d };
    struct fixture *f = *state;
    uint8_t b[18];
    observe(f, f->board, EVENT_CLASSES_ALL);
    assert_true(run(f, CD, (struct request){.command = PACKET}) & ST_ERR); /* unit attention */
    assert_int_equal(run(f, DISK, (struct request){.command = TRIM, .count = 1, .bytes = 512}) >> 8, ER_ABRT);
    assert_non_null(strstr(f->log, "DATA SET MANAGEMENT drive 16 status 0x51"));
    assert_int_equal(run(f, DISK, (struct request){.command = SMART, .lba = 0xc24f00, .bytes = 512}) >> 8,
                     ER_ABRT);
    assert_non_null(strstr(f->log, "SMART drive 16 status 0x51"));
    const struct request log = {.command = PACKET, .packet = {LOG_SENSE, 0, 0x40}, .bytes = 512};
    assert_int_equal(run(f, CD, log) >> 12, KEY_ILLEGAL);
    assert_non_null(strstr(f->log, "ATAPI packet 0x4d"));
    const struct request sense = {.command = PACKET, .packet = {3, 0, 0, 0, 18}, .bytes = 18};
    assert_false(run(f, CD, sense) & ST_ERR);
    get(f, DATA, b, sizeof b);
    assert_int_equal(b[2] & 15, KEY_ILLEGAL);
    assert_int_equal(b[12], ASC_OPCODE);
}

/* Ranges of blocks become zeros; those before one beyond the end, too. */
static void test_trim(void **state)
{
    enum { TRIM = 0x06 };
    struct fixture *f = *state;
    const uint64_t ranges[64] = {2ull << 48 | 5, 1ull << 48 | 9},
                   bad[64] = {1ull << 48 | 20, 2ull << 48 | (SECTORS - 1)};
    uint8_t have[512], zero[512] = {0};
    uint16_t id[256];
    run(f, DISK, (struct request){.command = IDENTIFY, .bytes = 512});
    get(f, DATA, id, sizeof id);
    assert_int_equal(id[169], 1);
    assert_int_equal(id[69] & 0x4020, 0x4020);
    observe(f, f->board, EVENT_CLASSES_ALL);
    put(f, DATA, ranges, sizeof ranges);
    assert_int_equal(run(f, DISK, (struct request){.command = TRIM, .feature = 1, .count = 1, .bytes = 512}),
                     READY);
    assert_non_null(strstr(f->log, "DATA SET MANAGEMENT"));
    static const unsigned trimmed[] = {5, 6, 9}, kept[] = {4, 7, 8, 10};
    for (unsigned i = 0; i < 3; i++) {
        run(f, DISK, (struct request){.command = READ_DMA, .lba = trimmed[i], .count = 1, .bytes = 512});
        get(f, DATA, have, sizeof have);
        assert_memory_equal(have, zero, sizeof zero);
    }
    for (unsigned i = 0; i < 4; i++) {
        run(f, DISK, (struct request){.command = READ_DMA, .lba = kept[i], .count = 1, .bytes = 512});
        assert_sectors(f, DATA, kept[i] * 512, 512);
    }
    put(f, DATA, bad, sizeof bad);
    assert_int_equal(
        run(f, DISK, (struct request){.command = TRIM, .feature = 1, .count = 1, .bytes = 512}) >> 8,
        ER_ABRT);
    run(f, DISK, (struct request){.command = READ_DMA, .lba = 20, .count = 1, .bytes = 512});
    get(f, DATA, have, sizeof have);
    assert_memory_equal(have, zero, sizeof zero);
    assert_int_equal(run(f, DISK, (struct request){.command = TRIM, .feature = 1}) >> 8, ER_ABRT);
}

static uint32_t smart(struct fixture *f, uint8_t feature, unsigned low, unsigned count, uint8_t data[512])
{
    const struct request r = {
        .command = 0xb0, .feature = feature, .lba = 0xc24f00 | low, .count = count, .bytes = data ? 512 : 0};
    uint32_t tfd = run(f, DISK, r);
    if (!data || tfd & ST_ERR)
        return tfd;
    uint8_t sum = 0;
    get(f, DATA, data, 512);
    for (unsigned i = 0; i < 512; i++)
        sum += data[i];
    assert_int_equal(sum, 0);
    return tfd;
}

static void test_smart(void **state)
{
    enum {
        DATA_ = 0xd0,
        THRESHOLDS = 0xd1,
        EXECUTE = 0xd4,
        LOG = 0xd5,
        ENABLE = 0xd8,
        DISABLE = 0xd9,
        STATUS = 0xda
    };
    struct fixture *f = *state;
    uint8_t d[512], t[512];
    uint16_t id[256];
    observe(f, f->board, EVENT_CLASSES_ALL);
    assert_int_equal(smart(f, DATA_, 0, 0, d), READY);
    assert_int_equal(smart(f, THRESHOLDS, 0, 0, t), READY);
    assert_non_null(strstr(f->log, "SMART READ THRESHOLDS drive 16 status 0x58"));
    for (unsigned i = 2; d[i]; i += 12) {
        assert_int_equal(d[i], t[i]);
        assert_true(d[i + 3] > t[i + 1]); /* it does not fail */
    }
    assert_int_equal(smart(f, STATUS, 0, 0, NULL), READY);
    assert_int_equal(smart(f, LOG, 6, 1, d), READY);
    assert_int_equal(d[508], 0);
    for (unsigned i = 0; i < 23; i++) /* the log begins anew behind its last entry */
        assert_int_equal(smart(f, EXECUTE, 1 + i % 2, 0, NULL), READY);
    assert_int_equal(smart(f, LOG, 6, 1, d), READY);
    assert_int_equal(d[508], 2);
    assert_int_equal(d[2 + 24], 1);
    assert_int_equal(d[2 + 24 * 20], 1);
    assert_int_equal(smart(f, LOG, 9, 1, d) >> 8, ER_ABRT);
    assert_int_equal(smart(f, EXECUTE, 3, 0, NULL) >> 8, ER_ABRT);
    assert_int_equal(smart(f, DISABLE, 0, 0, NULL), READY);
    assert_int_equal(smart(f, DATA_, 0, 0, d) >> 8, ER_ABRT);
    run(f, DISK, (struct request){.command = IDENTIFY, .bytes = 512});
    get(f, DATA, id, sizeof id);
    assert_int_equal(id[82] & 1, 1);
    assert_int_equal(id[85] & 1, 0);
    assert_int_equal(smart(f, ENABLE, 0, 0, NULL), READY);
    assert_int_equal(smart(f, DATA_, 0, 0, d), READY);
}

static void test_resets(void **state)
{
    struct fixture *f = *state;
    uint8_t srst[FIS_LENGTH] = {FIS_HOST, [15] = CTL_SRST}, end[FIS_LENGTH] = {FIS_HOST};
    /* COMRESET, while a command runs */
    prepare(f, DISK, 3, (struct request){.command = READ_DMA, .count = 1, .bytes = 512});
    set_port(f, DISK, PX_CI, 1 << 3);
    set_port(f, DISK, PX_CMD, CMD_FRE | CMD_SUD | CMD_POD);
    set_port(f, DISK, PX_SCTL, 0x301);
    assert_int_equal(port(f, DISK, PX_SSTS) & 15, 0);
    pass(f, 2);
    assert_int_equal(port(f, DISK, PX_TFD) & ST_BSY, ST_BSY);
    set_port(f, DISK, PX_SCTL, 0x300);
    assert_int_equal(port(f, DISK, PX_SSTS), SSTS_PRESENT);
    assert_true(port(f, DISK, PX_SERR) & SERR_DIAG_X);
    assert_true(port(f, DISK, PX_IS) & IS_PC);
    set_port(f, DISK, PX_IS, UINT32_MAX);
    assert_true(port(f, DISK, PX_IS) & IS_PC); /* it follows DIAG.X */
    set_port(f, DISK, PX_SERR, UINT32_MAX);
    assert_false(port(f, DISK, PX_IS) & IS_PC);
    pass(f, 2);
    assert_int_equal(port(f, DISK, PX_SIG), 0x101);
    assert_int_equal(port(f, DISK, PX_TFD) & (ST_BSY | ST_DRQ | ST_ERR), 0);
    restart(f, DISK);
    /* SRST, by two FISes */
    prepare(f, DISK, 0, (struct request){0});
    prepare(f, DISK, 1, (struct request){0});
    put(f, table_of(DISK, 0), srst, sizeof srst);
    put(f, table_of(DISK, 1), end, sizeof end);
    set_port(f, DISK, PX_CI, 1);
    pass(f, 2);
    assert_int_equal(port(f, DISK, PX_CI), 0);
    assert_int_equal(port(f, DISK, PX_SIG), UINT32_MAX);
    set_port(f, DISK, PX_CI, 2);
    pass(f, 2);
    assert_int_equal(port(f, DISK, PX_SIG), 0x101);
    assert_int_equal(run(f, DISK, (struct request){.command = READ_DMA, .count = 1, .bytes = 512}), READY);
    /* the whole controller */
    set_reg(f, AHCI_GHC, GHC_RESET);
    assert_int_equal(reg(f, AHCI_GHC), GHC_ENABLE);
    assert_int_equal(port(f, DISK, PX_CLB), 0);
    assert_int_equal(port(f, DISK, PX_CMD) & CMD_ST, 0);
}

/* What is no command's FIS stops the port, and is counted. */
static void test_bad_fis(void **state)
{
    struct fixture *f = *state;
    uint8_t fis[FIS_LENGTH] = {0x46};
    prepare(f, DISK, 3, (struct request){0});
    put(f, table_of(DISK, 3), fis, sizeof fis);
    set_port(f, DISK, PX_CI, 1 << 3);
    assert_true(port(f, DISK, PX_IS) & IS_HBF);
    restart(f, DISK);
    assert_int_equal(run(f, DISK, (struct request){.command = READ_DMA, .count = 1, .bytes = 512}), READY);
}

static void test_msi(void **state)
{
    struct fixture *f = *state;
    bus_write(f, 0xfee000f0, 4, 0x1ff); /* the local APIC on */
    config_out(f, ICH9_SATA, MSI_AT + 4, 4, 0xfee00000);
    config_out(f, ICH9_SATA, MSI_AT + 12, 2, 0x41);
    config_out(f, ICH9_SATA, MSI_AT + 2, 2, 1);
    assert_false(bus_read(f, 0xfee00220, 4) & 2);
    run(f, DISK, (struct request){.command = READ_DMA, .count = 1, .bytes = 512});
    assert_true(bus_read(f, 0xfee00220, 4) & 2);
    assert_int_equal(reg(f, AHCI_IS), 1);
    set_reg(f, AHCI_IS, 1);
    assert_int_equal(reg(f, AHCI_IS), 0);
}

/* Saved with a queue on one port and a packet on the other; they go on in another machine. */
static void test_state(void **state)
{
    struct fixture *f = *state, *other = mem_zero(1, sizeof *other);
    struct error err;
    prepare(f, DISK, 4, (struct request){.command = READ_QUEUED, .lba = 6, .count = 2, .bytes = 1024});
    prepare(
        f, DISK, 7,
        (struct request){.command = READ_QUEUED, .lba = 9, .count = 2, .bytes = 1024, .data = DATA + 0x1000});
    prepare(f, CD, 2,
            (struct request){
                .command = PACKET, .packet = {0x12, 0, 0, 0, 36}, .bytes = 36, .data = DATA + 0x2000});
    set_port(f, DISK, PX_SACT, 0x90);
    set_port(f, DISK, PX_CI, 0x90);
    set_port(f, CD, PX_CI, 4);
    struct saved *saved = mem_zero(1, sizeof *saved);
    const struct snapshot_sink sink = saved_sink(saved);
    const struct snapshot_source source = saved_source(saved, true);
    board_save(f->board, &sink, NULL);
    other->board = new_board(other);
    other->time = f->time;
    if (board_load(other->board, &source, &err))
        fail_msg("%s", err.text);
    assert_int_equal(port(other, DISK, PX_SACT), 0x90);
    pass(other, 5);
    assert_int_equal(port(other, DISK, PX_SACT), 0);
    assert_sectors(other, DATA, 6 * 512, 1024);
    assert_sectors(other, DATA + 0x1000, 9 * 512, 1024);
    uint8_t b[2];
    get(other, DATA + 0x2000, b, 2);
    assert_int_equal(b[0], 5);
    assert_int_equal(b[1], 0x80);
    saved_free(saved);
    board_destroy(other->board);
    free(other);
}

/* ---------------------------------------------------------------- random accesses */

static uint64_t next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    return *x ^= *x << 17;
}

/* A command of any kind, mostly one that the drives know, with regions anywhere. */
static void wild_command(struct fixture *f, uint64_t x)
{
    static const uint8_t usual[16] = {READ_DMA, WRITE_DMA,    0x25,        0x35,   READ_PIO, 0x30,
                                      0xc4,     0xc5,         READ_QUEUED, PACKET, PACKET,   IDENTIFY,
                                      0xa1,     WRITE_QUEUED, 0x29,        0x39};
    unsigned i = x >> 9 & 1, slot = x >> 10 & 31;
    struct request r = {.command = x >> 60 ? usual[x >> 15 & 15] : (uint8_t)(x >> 20),
                        .lba = (x >> 24) % (SECTORS + 8),
                        .count = (uint32_t)(x >> 30 & (x >> 29 & 1 ? 63 : 7)),
                        .bytes = (uint32_t)(x >> 36 & 0xffff),
                        .data = x >> 52 & 7 ? 0 : (uint32_t)x};
    static const uint8_t packets[8] = {0x28, 0xa8, 0x12, 0x43, 0xbe, 0x25, 0x5a, 0x03};
    r.packet[0] = x & 8 ? packets[x & 7] : (uint8_t)x;
    for (unsigned k = 1; k < ATAPI_PACKET; k++)
        r.packet[k] = x & 16 ? (uint8_t)(k == 5 || k == 8 ? x >> k * 3 & 31 : 0) : (uint8_t)(x >> k * 5);
    if (port(f, i, PX_IS) & (IS_TFE | IS_HBF) && x >> 47 & 3)
        restart(f, i);
    prepare(f, i, slot, r);
    if (x >> 57 == 1) {
        uint8_t fis[FIS_LENGTH] = {FIS_HOST, x & 1 ? FIS_HOST_COMMAND : 0, (uint8_t)(x >> 20),
                                   (uint8_t)(x >> 28), [15] = (uint8_t)(x >> 3)};
        put(f, table_of(i, slot), fis, sizeof fis);
    }
    if ((x >> 53 & 31) == 1) {
        uint64_t noise[4] = {x, x * 3, x * 5, x * 7};
        put(f, (x & 2 ? LISTS : TABLES) + (x >> 17) % 0x8000 / 8 * 8, noise, sizeof noise);
    }
    if (r.command == READ_QUEUED || r.command == WRITE_QUEUED)
        set_port(f, i, PX_SACT, 1u << slot);
    set_port(f, i, PX_CI, 1u << slot | ((x >> 50 & 63) == 1 ? (uint32_t)(x >> 8) : 0));
}

/* Random registers, command lists, tables and times: nothing may be reached outside of the machine, and it goes on afterwards. */
static void test_wild(void **state)
{
    static const uint8_t sizes[4] = {1, 2, 4, 8};
    struct fixture *f = *state;
    uint64_t x = 88172645463325252ull;
    unsigned reads = 0, writes = 0;
    observe(f, f->board, EVENT_CLASSES_ALL);
    for (unsigned n = 0; n < 60000; n++) {
        next(&x);
        unsigned what = x >> 58, at = (unsigned)(x >> 20) % AHCI_BAR;
        reads += strstr(f->log, "disk.read") != NULL;
        writes += strstr(f->log, "disk.write") != NULL;
        f->log[0] = 0;
        if (n % 60 == 0)
            start(f);
        if (what < 20) {
            wild_command(f, next(&x));
        } else if (what < 22) {
            bus_write(f, BAR_AT + at % 0x400, sizes[x & 3], next(&x));
        } else if (what < 24) {
            bus_read(f, BAR_AT + at, sizes[x & 3]);
        } else if (what < 25) {
            set_port(f, x & 1, PX_SCTL, (uint32_t)(x >> 8) % 6);
        } else if (what < 30) {
            restart(f, x & 1);
        } else {
            f->time += x % 200000;
            board_run_timers(f->board);
        }
    }
    assert_true(reads > 400 && writes > 400);
    start(f);
    assert_int_equal(run(f, DISK, (struct request){.command = IDENTIFY, .bytes = 512}), READY);
}

/* The chips of the Q35: configuration space by ports and in memory, root complex registers, power management. */
static void test_wild_chipset(void **state)
{
    static const uint8_t sizes[4] = {1, 2, 4, 8};
    static const uint8_t devfns[4] = {0, ICH9_LPC, ICH9_SATA, ICH9_SMBUS};
    struct fixture *f = *state;
    uint64_t x = 1442695040888963407ull;
    for (unsigned n = 0; n < 60000; n++) {
        next(&x);
        unsigned what = x >> 60, devfn = devfns[x >> 57 & 3], at = x >> 40 & 0xff, size = 1u << (x >> 50) % 3;
        uint64_t value = next(&x);
        f->log[0] = 0;
        if (n % 200 == 0) {
            config_out(f, 0, MCH_PCIEXBAR, 4, MCH_ECAM_USUAL | PCIEXBAR_ENABLE);
            config_out(f, 0, MCH_PCIEXBAR + 4, 4, 0);
            config_out(f, ICH9_LPC, LPC_PMBASE, 4, 0x601);
            config_out(f, ICH9_LPC, LPC_ACPI_CNTL, 1, ACPI_CNTL_ENABLE);
            config_out(f, ICH9_LPC, LPC_RCBA, 4, 0xfed1c001);
        }
        if (what < 4)
            config_out(f, devfn, at & ~(size - 1), size, (uint32_t)value);
        else if (what < 5)
            config_in(f, devfn, at & ~(size - 1), size);
        else if (what < 8)
            bus_write(f, MCH_ECAM_USUAL + ((uint64_t)devfn << 12) + (value >> 30) % 0x1100, sizes[value & 3],
                      value);
        else if (what < 9)
            bus_read(f, MCH_ECAM_USUAL + (value >> 30) % (256u << 20), sizes[value & 3]);
        else if (what < 11)
            bus_write(f, 0xfed1c000 + (value >> 30) % RCBA_SIZE, sizes[value & 3], value);
        else if (what < 12)
            bus_read(f, 0xfed1c000 + (value >> 30) % RCBA_SIZE, sizes[value & 3]);
        else if (what < 14)
            out(f, f->board, (uint16_t)(0x600 + (value >> 30) % ICH9_PM_SIZE), size, (uint32_t)value);
        else if (what < 15)
            in(f, f->board, (uint16_t)(0x600 + (value >> 30) % ICH9_PM_SIZE), size);
        else {
            f->time += value % 100000000;
            board_run_timers(f->board);
        }
    }
}

/* Serial ATA 3.1, 13.1: the capability says where the index and data ports are; by them the registers are the same. */
static void test_index_data(void **state)
{
    struct fixture *f = *state;
    struct board *b = f->board;
    enum { IO = 0xc000 };
    unsigned at = config_in(f, ICH9_SATA, 0x34, 1);
    start(f);
    while (at && config_in(f, ICH9_SATA, at, 1) != 0x12)
        at = config_in(f, ICH9_SATA, at + 1, 1);
    assert_int_equal(config_in(f, ICH9_SATA, at + 4, 4), 0x48);
    config_out(f, ICH9_SATA, 0x20, 4, IO);
    config_out(f, ICH9_SATA, 0x04, 2, 7);
    out(f, b, IO + 0x10, 4, AHCI_VS);
    assert_int_equal(in(f, b, IO + 0x14, 4), reg(f, AHCI_VS));
    out(f, b, IO + 0x10, 4, AHCI_GHC);
    out(f, b, IO + 0x14, 4, reg(f, AHCI_GHC) | GHC_IE);
    assert_true(reg(f, AHCI_GHC) & GHC_IE);
    out(f, b, IO + 0x10, 4, UINT32_MAX); /* nothing beyond the registers is reached */
    assert_int_equal(in(f, b, IO + 0x10, 4), AHCI_BAR - 4);
    in(f, b, IO + 0x14, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_identify, make, teardown),
        cmocka_unit_test_setup_teardown(test_one_at_a_time, make, teardown),
        cmocka_unit_test_setup_teardown(test_queued, make, teardown),
        cmocka_unit_test_setup_teardown(test_queued_error, make, teardown),
        cmocka_unit_test_setup_teardown(test_packets, make, teardown),
        cmocka_unit_test_setup_teardown(test_unsupported, make, teardown),
        cmocka_unit_test_setup_teardown(test_trim, make, teardown),
        cmocka_unit_test_setup_teardown(test_smart, make, teardown),
        cmocka_unit_test_setup_teardown(test_resets, make, teardown),
        cmocka_unit_test_setup_teardown(test_bad_fis, make, teardown),
        cmocka_unit_test_setup_teardown(test_msi, make, teardown),
        cmocka_unit_test_setup_teardown(test_index_data, make, teardown),
        cmocka_unit_test_setup_teardown(test_state, make, teardown),
        cmocka_unit_test_setup_teardown(test_wild, make, teardown),
        cmocka_unit_test_setup_teardown(test_wild_chipset, make, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
