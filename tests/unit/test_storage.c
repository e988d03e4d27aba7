/* test_storage.c - IDE disks, the ATAPI CD-ROM and the floppy controller on a board made of arrays. */
#include "hv/board/chips.h"
#include "base/memory.h"
#include "tests/unit/storage_board.h"

/* ---------------------------------------------------------------- the machine */

static void add_disk(struct board *b, const char *role, uint64_t size)
{
    struct disk *d = &b->disk[b->ndisks++];

    *d = (struct disk){.role = role, .size = size, .data = mem_alloc(size)};
    for (uint64_t i = 0; i < size; i++)
        d->data[i] = i / 512 * 7 + i * 3 + i / 65536;
}

static int setup(void **state)
{
    struct board *b = mem_zero(1, sizeof *b);
    struct error err;

    add_disk(b, "disk0", 40 << 20);
    add_disk(b, "disk1", 4 << 20);
    add_disk(b, "cdrom", 2 << 20);
    add_disk(b, "floppy0", 1474560);
    assert_int_equal(ide_create(b, &err), 0);
    assert_int_equal(floppy_create(b, &err), 0);
    b->pci->config[4] = 5; /* I/O space, bus master */
    b->pci->bar[4].map(b->pci->ctx, 4, 0xc000);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct board *b = *state;

    for (unsigned i = 0; i < b->nchips; i++)
        if (b->chip[i].destroy)
            b->chip[i].destroy(b->chip[i].state);
    for (unsigned i = 0; i < b->nchips; i++)
        if (!b->chip[i].destroy)
            free(b->chip[i].state);
    for (unsigned i = 0; i < b->nchips; i++)
        free((struct field *)b->chip[i].fields);
    for (unsigned i = 0; i < b->ndisks; i++)
        free(b->disk[i].data);
    free(b);
    return 0;
}

/* ---------------------------------------------------------------- ATA */

static void task(struct board *b, uint16_t base, uint8_t device, uint32_t lba, uint8_t count)
{
    outb(b, base + 6, device);
    outb(b, base + 2, count);
    outb(b, base + 3, lba);
    outb(b, base + 4, lba >> 8);
    outb(b, base + 5, lba >> 16);
}

static void command(struct board *b, uint16_t base, uint8_t cmd)
{
    outb(b, base + 7, cmd);
    assert_int_equal(inb(b, base + 0x206) & 0x80, 0x80); /* busy at first */
    settle(b);
}

static void read_words(struct board *b, uint16_t base, void *buf, unsigned words)
{
    uint8_t *p = buf;

    for (unsigned i = 0; i < words; i++) {
        uint16_t w = in(b, base, 2);

        memcpy(p + 2 * i, &w, 2);
    }
}

static void test_identify(void **state)
{
    struct board *b = *state;
    uint16_t w[256];
    uint8_t sum = 0;

    task(b, 0x1f0, 0xa0, 0, 0);
    command(b, 0x1f0, 0xec);
    assert_true(b->irq[14]);
    assert_int_equal(inb(b, 0x1f7), 0x58);
    assert_false(b->irq[14]);
    read_words(b, 0x1f0, w, 256);
    assert_int_equal(inb(b, 0x1f7), 0x50);
    for (unsigned i = 0; i < 512; i++)
        sum += ((uint8_t *)w)[i];
    assert_int_equal(sum, 0);
    assert_int_equal(w[1], (40 << 11) / (16 * 63));
    assert_int_equal(w[3], 16);
    assert_int_equal(w[6], 63);
    assert_int_equal(w[60] | w[61] << 16, 40 << 11);
    assert_int_equal(w[100] | w[101] << 16, 40 << 11);
    assert_int_equal(w[10], 'B' << 8 | 'R');
    assert_int_equal(w[27], 'B' << 8 | 'O');
    assert_int_equal(w[83] & 0x0400, 0x0400);
    assert_int_equal(w[63] & 0xff, 7);

    /* The packet form is not for disks. */
    command(b, 0x1f0, 0xa1);
    assert_int_equal(inb(b, 0x1f7), 0x51);
    assert_int_equal(inb(b, 0x1f1), 4);
    assert_int_equal(b->unhandled, 0);
    command(b, 0x1f0, 0x8f);
    assert_int_equal(inb(b, 0x1f7), 0x51);
    assert_int_equal(b->unhandled, 1);
}

static void test_pio(void **state)
{
    struct board *b = *state;
    uint8_t buf[512 * 3];

    task(b, 0x1f0, 0xe0, 0, 3);
    outb(b, 0x1f7, 0x20);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(inb(b, 0x3f6) & 0x80, 0x80);
        settle(b);
        assert_true(b->irq[14]);
        assert_int_equal(inb(b, 0x1f7), 0x58);
        read_words(b, 0x1f0, buf + 512 * i, 256);
    }
    assert_int_equal(inb(b, 0x1f7), 0x50);
    assert_memory_equal(buf, b->disk[0].data, sizeof buf);
    assert_string_equal(b->log, "R READ SECTORS d0 lba 0 n 3 @ffffffffffffffff\nboot 0 0\n");

    /* CHS 1/2/3 on the slave, a write by doublewords. */
    task(b, 0x1f0, 0xb0 | 2, 1 << 8 | 3, 1);
    command(b, 0x1f0, 0x30);
    assert_false(b->irq[14]);
    assert_int_equal(inb(b, 0x1f7), 0x58);
    for (unsigned i = 0; i < 128; i++)
        out(b, 0x1f0, 4, 0x01020304 * (i & 31));
    settle(b);
    assert_true(b->irq[14]);
    assert_int_equal(inb(b, 0x1f7), 0x50);
    assert_int_equal(((uint32_t *)(b->disk[1].data + ((16 + 2) * 63 + 2) * 512))[5], 0x01020304 * 5);

    /* Past the end. */
    task(b, 0x1f0, 0xf0, (4 << 11) - 1, 2);
    command(b, 0x1f0, 0x20);
    assert_int_equal(inb(b, 0x1f7), 0x51);
    assert_int_equal(inb(b, 0x1f1), 0x10);
    assert_int_equal(inb(b, 0x1f3) | inb(b, 0x1f4) << 8, 4 << 11);
}

static void write_one(struct board *b)
{
    task(b, 0x1f0, 0xe0, 7, 1);
    command(b, 0x1f0, 0x30);
    for (unsigned i = 0; i < 128; i++)
        out(b, 0x1f0, 4, i);
    settle(b);
    assert_int_equal(inb(b, 0x1f7), 0x50);
}

/* What stays after a loss of power: what was flushed, and each write while the cache is off. */
static void test_write_cache(void **state)
{
    struct board *b = *state;
    const struct disk *d = &b->disk[0];

    write_one(b);
    assert_int_equal(d->flushed + d->through, 0);
    command(b, 0x1f0, 0xe7);
    command(b, 0x1f0, 0xea);
    assert_int_equal(d->flushed, 2);
    outb(b, 0x1f1, 0x82);
    command(b, 0x1f0, 0xef);
    assert_int_equal(d->flushed, 3);
    write_one(b);
    assert_int_equal(d->through, 1);
    outb(b, 0x1f1, 0x02);
    command(b, 0x1f0, 0xef);
    write_one(b);
    assert_int_equal(d->flushed, 3);
    assert_int_equal(d->through, 1);
}

/* A driver that writes the data at once, as xv6's does, and the next sector's as well. */
static void test_pio_at_once(void **state)
{
    struct board *b = *state;

    task(b, 0x1f0, 0xe0, 7, 2);
    outb(b, 0x1f7, 0x30);
    assert_int_equal(inb(b, 0x3f6), 0xd0);
    for (unsigned i = 0; i < 256; i++)
        out(b, 0x1f0, 4, 0x5a000000 + i);
    assert_int_equal(inb(b, 0x3f6), 0xd0);
    settle(b);
    assert_true(b->irq[14]);
    assert_int_equal(inb(b, 0x1f7), 0x50);
    assert_int_equal(((uint32_t *)(b->disk[0].data + 7 * 512))[0], 0x5a000000);
    assert_int_equal(((uint32_t *)(b->disk[0].data + 7 * 512))[255], 0x5a0000ff);

    /* Data for a command that takes none is dropped, and changes nothing. */
    task(b, 0x1f0, 0xe0, 7, 1);
    outb(b, 0x1f7, 0x20);
    out(b, 0x1f0, 4, 0);
    assert_int_equal(inb(b, 0x3f6), 0xd0);
    settle(b);
    assert_int_equal(inb(b, 0x1f7), 0x58);
}

static void test_multiple(void **state)
{
    struct board *b = *state;
    uint8_t buf[512 * 20];

    task(b, 0x1f0, 0xe0, 5, 20);
    command(b, 0x1f0, 0xc4);
    assert_int_equal(inb(b, 0x1f7), 0x51); /* not before SET MULTIPLE */
    outb(b, 0x1f2, 16);
    command(b, 0x1f0, 0xc6);
    assert_int_equal(inb(b, 0x1f7), 0x50);
    outb(b, 0x1f2, 20);
    b->edges[14] = 0;
    command(b, 0x1f0, 0xc4);
    inb(b, 0x1f7);
    read_words(b, 0x1f0, buf, 16 * 256);
    settle(b);
    inb(b, 0x1f7);
    read_words(b, 0x1f0, buf + 16 * 512, 4 * 256);
    assert_int_equal(inb(b, 0x1f7), 0x50);
    assert_int_equal(b->edges[14], 2);
    assert_memory_equal(buf, b->disk[0].data + 5 * 512, sizeof buf);
}

static void prd(struct board *b, uint32_t at, uint32_t address, uint32_t count)
{
    memcpy(b->ram + at, &address, 4);
    memcpy(b->ram + at + 4, &count, 4);
}

static void test_dma(void **state)
{
    struct board *b = *state;

    /* LBA48, 8 sectors in two regions, at sector 70000. */
    prd(b, 0x1000, 0x20000, 1024);
    prd(b, 0x1008, 0x30000, 3072 | 1u << 31);
    out(b, 0xc004, 4, 0x1000);
    outb(b, 0xc002, 6);
    outb(b, 0xc000, 8);
    task(b, 0x1f0, 0xe0, 70000 >> 24, 0);
    task(b, 0x1f0, 0xe0, 70000 & 0xffffff, 8);
    command(b, 0x1f0, 0x25);
    assert_int_equal(inb(b, 0x3f6), 0x58);
    outb(b, 0xc000, 9);
    assert_int_equal(inb(b, 0xc002) & 5, 1);
    settle(b);
    assert_true(b->irq[14]);
    assert_int_equal(inb(b, 0xc002) & 7, 4);
    assert_int_equal(inb(b, 0x1f7), 0x50);
    outb(b, 0xc000, 0);
    outb(b, 0xc002, 4);
    assert_int_equal(inb(b, 0xc002) & 7, 0);
    assert_memory_equal(b->ram + 0x20000, b->disk[0].data + 70000 * 512, 1024);
    assert_memory_equal(b->ram + 0x30000, b->disk[0].data + 70000 * 512 + 1024, 3072);
    assert_string_equal(b->log, "R READ DMA EXT d0 lba 70000 n 8 @20000\n");

    /* A write, the master started first; a table longer than the transfer leaves it active. */
    prd(b, 0x1000, 0x40000, 0 | 1u << 31);
    memset(b->ram + 0x40000, 0x5a, 512);
    out(b, 0xc004, 4, 0x1000);
    outb(b, 0xc000, 1);
    task(b, 0x1f0, 0xe0, 9, 1);
    command(b, 0x1f0, 0xca);
    assert_int_equal(inb(b, 0xc002) & 7, 5);
    assert_int_equal(b->disk[0].data[9 * 512 + 511], 0x5a);
    assert_int_not_equal(b->disk[0].data[10 * 512], 0x5a);
    outb(b, 0xc000, 0);
    inb(b, 0x1f7);

    /* A table that is too short: no interrupt, not active. */
    outb(b, 0xc002, 6);
    prd(b, 0x1000, 0x40000, 512 | 1u << 31);
    task(b, 0x1f0, 0xe0, 0, 2);
    outb(b, 0xc000, 9);
    command(b, 0x1f0, 0xc8);
    assert_int_equal(inb(b, 0xc002) & 7, 0);
    assert_false(b->irq[14]);
}

static void test_reset(void **state)
{
    struct board *b = *state;

    outb(b, 0x3f6, 6);
    assert_int_equal(inb(b, 0x1f7), 0x80);
    outb(b, 0x3f6, 2);
    assert_int_equal(inb(b, 0x1f7), 0x80);
    step_to_idle(b);
    assert_int_equal(inb(b, 0x1f7), 0x50);
    assert_int_equal(in(b, 0x1f1, 1) | in(b, 0x1f2, 1) << 8 | in(b, 0x1f3, 1) << 16, 0x010101);
    assert_int_equal(in(b, 0x1f4, 2), 0);
    outb(b, 0x376, 6);
    outb(b, 0x376, 2);
    step_to_idle(b);
    assert_int_equal(in(b, 0x174, 2), 0xeb14);
    outb(b, 0x176, 0xb0); /* nobody there */
    assert_int_equal(inb(b, 0x177), 0);
    assert_int_equal(inb(b, 0x176), 0xb0);

    /* nIEN holds the interrupt back, and lets it go. */
    outb(b, 0x1f6, 0xe0);
    outb(b, 0x1f7, 0xe7);
    settle(b);
    assert_false(b->irq[14]);
    outb(b, 0x3f6, 0);
    assert_true(b->irq[14]);
    inb(b, 0x1f7);
    assert_false(b->irq[14]);

    outb(b, 0x1f7, 0x90);
    settle(b);
    assert_true(b->irq[14]);
    assert_int_equal(inb(b, 0x1f1), 1);
}

/* ---------------------------------------------------------------- ATAPI */

static uint8_t packet_start(struct board *b, const uint8_t *cdb, bool dma, uint16_t limit)
{
    outb(b, 0x176, 0xa0);
    outb(b, 0x171, dma);
    outb(b, 0x174, limit);
    outb(b, 0x175, limit >> 8);
    command(b, 0x170, 0xa0);
    assert_int_equal(inb(b, 0x172) & 3, 1);
    assert_int_equal(inb(b, 0x177), 0x58);
    for (unsigned i = 0; i < 6; i++)
        out(b, 0x170, 2, cdb[2 * i] | cdb[2 * i + 1] << 8);
    settle(b);
    return inb(b, 0x376);
}

/* A packet with data by PIO; returns bytes read, or minus the sense key. */
static int packet(struct board *b, const uint8_t *cdb, uint8_t *buf, uint16_t limit)
{
    int n = 0;

    packet_start(b, cdb, false, limit);
    for (;;) {
        assert_true(b->irq[15]);
        uint8_t st = inb(b, 0x177);
        if (st & 1)
            return -(inb(b, 0x171) >> 4);
        if (!(st & 8))
            break;
        assert_int_equal(inb(b, 0x172) & 3, 2);
        unsigned block = in(b, 0x174, 2);
        assert_true(block <= limit);
        for (unsigned i = 0; i < (block + 1) / 2; i++) {
            uint16_t w = in(b, 0x170, 2);
            memcpy(buf + n + 2 * i, &w, i * 2 + 1 < block ? 2 : 1);
        }
        n += block;
        settle(b);
    }
    assert_int_equal(inb(b, 0x172) & 3, 3);
    return n;
}

static void test_atapi(void **state)
{
    struct board *b = *state;
    uint8_t buf[8192];
    const uint8_t ready[12] = {0}, sense[12] = {3, 0, 0, 0, 18}, capacity[12] = {0x25};
    const uint8_t inquiry[12] = {0x12, 0, 0, 0, 36};
    const uint8_t read17[12] = {0x28, 0, 0, 0, 0, 17, 0, 0, 2}, far[12] = {0xa8, 0, 0, 0, 4, 0, 0, 0, 0, 1};
    uint16_t w[256];

    command(b, 0x170, 0xec);
    assert_int_equal(inb(b, 0x177), 0x51);
    assert_int_equal(in(b, 0x174, 2), 0xeb14);
    command(b, 0x170, 0xa1);
    assert_int_equal(inb(b, 0x177), 0x58);
    read_words(b, 0x170, w, 256);
    assert_int_equal(w[0], 0x85c0);

    assert_int_equal(packet(b, ready, buf, 512), -6); /* unit attention: reset */
    assert_int_equal(packet(b, sense, buf, 512), 18);
    assert_int_equal(buf[2], 6);
    assert_int_equal(buf[12], 0x29);
    assert_int_equal(packet(b, ready, buf, 512), 0);
    assert_int_equal(packet(b, inquiry, buf, 10), 36);
    assert_memory_equal(buf + 8, "BOOTREELCD-ROM", 14);
    assert_int_equal(packet(b, capacity, buf, 512), 8);
    assert_int_equal(buf[2] << 8 | buf[3], 1023);
    assert_int_equal(buf[6] << 8, 2048);
    b->log[0] = 0;
    assert_int_equal(packet(b, read17, buf, 2048), 4096);
    assert_memory_equal(buf, b->disk[2].data + 17 * 2048, 4096);
    assert_string_equal(b->log, "R ATAPI READ(10) d2 lba 17 n 2 @ffffffffffffffff\nboot 2 17\n");
    assert_int_equal(packet(b, read17, buf, 1000), 4096); /* blocks that end inside a sector */
    assert_memory_equal(buf, b->disk[2].data + 17 * 2048, 4096);
    assert_int_equal(packet(b, far, buf, 2048), -5);
    assert_int_equal(packet(b, sense, buf, 512), 18);
    assert_int_equal(buf[12], 0x21);
}

static void test_atapi_dma(void **state)
{
    struct board *b = *state;
    const uint8_t sense[12] = {3, 0, 0, 0, 18}, read3[12] = {0x28, 0, 0, 0, 0, 3, 0, 0, 20};
    uint8_t buf[64];

    packet(b, sense, buf, 64);
    prd(b, 0x1000, 0x20000, 40960 | 1u << 31);
    out(b, 0xc00c, 4, 0x1000);
    outb(b, 0xc008, 8);
    packet_start(b, read3, true, 0);
    assert_false(b->irq[15]);
    outb(b, 0xc008, 9);
    settle(b);
    assert_true(b->irq[15]);
    assert_int_equal(inb(b, 0xc00a) & 7, 4);
    assert_int_equal(inb(b, 0x177), 0x50);
    assert_int_equal(inb(b, 0x172) & 3, 3);
    assert_memory_equal(b->ram + 0x20000, b->disk[2].data + 3 * 2048, 40960);
}

static void test_atapi_medium(void **state)
{
    struct board *b = *state;
    uint8_t buf[4096];
    const uint8_t sense[12] = {3, 0, 0, 0, 18}, ready[12] = {0}, eject[12] = {0x1b, 0, 0, 0, 2};
    const uint8_t load[12] = {0x1b, 0, 0, 0, 3}, lock[12] = {0x1e, 0, 0, 0, 1}, unlock[12] = {0x1e};
    const uint8_t toc[12] = {0x43, 2, 0, 0, 0, 0, 0, 0, 64}, full[12] = {0x43, 0, 2, 0, 0, 0, 0, 0, 64};
    const uint8_t session[12] = {0x43, 0, 1, 0, 0, 0, 0, 0, 64},
                  mode[12] = {0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 64};
    const uint8_t config[12] = {0x46, 0, 0, 0, 0, 0, 0, 0, 255},
                  event[12] = {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8};
    const uint8_t raw[12] = {0xbe, 0, 0, 0, 0, 16, 0, 0, 1, 0xf8};

    packet(b, sense, buf, 64);
    assert_int_equal(packet(b, toc, buf, 64), 20);
    assert_memory_equal(buf, "\0\x12\1\1\0\x14\1\0\0\0\2\0\0\x14\xaa\0\0\0\x0f\x31",
                        20); /* 0:02.00, 0:15.49 */
    assert_int_equal(packet(b, session, buf, 64), 12);
    assert_int_equal(packet(b, full, buf, 64), 48);
    assert_int_equal(buf[7], 0xa0);
    assert_int_equal(packet(b, mode, buf, 64), 28);
    assert_int_equal(buf[8], 0x2a);
    assert_true(packet(b, config, buf, 256) > 40);
    assert_int_equal(buf[7], 8);
    assert_int_equal(packet(b, raw, buf, 4096), 2352);
    assert_memory_equal(buf, "\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\2\x16\1", 16);
    assert_memory_equal(buf + 16, b->disk[2].data + 16 * 2048, 2048);

    packet(b, lock, buf, 64);
    assert_int_equal(packet(b, eject, buf, 64), -5);
    packet(b, unlock, buf, 64);
    assert_int_equal(packet(b, eject, buf, 64), 0);
    assert_int_equal(packet(b, ready, buf, 64), -2);
    packet(b, sense, buf, 64);
    assert_int_equal(buf[12], 0x3a);
    assert_int_equal(packet(b, event, buf, 64), 8);
    assert_int_equal(buf[4], 3);
    assert_int_equal(packet(b, load, buf, 64), 0);
    assert_int_equal(packet(b, ready, buf, 64), -6);
    assert_int_equal(packet(b, ready, buf, 64), 0);
}

/* The parity of a raw sector: each code vector's syndromes are 0. */
void cd_raw_sector(uint8_t *raw, uint32_t lba);

static uint8_t times2(uint8_t x)
{
    return x << 1 ^ (x & 0x80 ? 0x1d : 0);
}

static void test_cd_parity(void **state)
{
    uint8_t raw[2352];

    for (unsigned i = 0; i < 2048; i++)
        raw[16 + i] = i * 37 + i / 256;
    cd_raw_sector(raw, 4711);
    for (unsigned v = 0; v < 86; v++) { /* P: columns of 24 bytes, then two parity bytes */
        uint8_t plain = 0, weighted = 0;

        for (unsigned row = 0; row < 26; row++) {
            uint8_t byte = raw[12 + v + 86 * row];

            plain ^= byte;
            weighted = times2(weighted) ^ byte;
        }
        assert_int_equal(plain, 0);
        assert_int_equal(weighted, 0);
    }
    for (unsigned v = 0; v < 52; v++) { /* Q: diagonals of 43 bytes through data and P parity */
        uint8_t plain = 0, weighted = 0;

        for (unsigned i = 0; i < 45; i++) {
            unsigned at = i < 43 ? (2 * (44 * i + 43 * (v / 2)) + (v & 1)) % 2236 : 2236 + v + 52 * (i - 43);

            plain ^= raw[12 + at];
            weighted = times2(weighted) ^ raw[12 + at];
        }
        assert_int_equal(plain, 0);
        assert_int_equal(weighted, 0);
    }
}

/* ---------------------------------------------------------------- floppy */

static void fdc_send(struct board *b, const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(inb(b, 0x3f4) & 0xc0, 0x80);
        outb(b, 0x3f5, bytes[i]);
    }
}

static void fdc_result(struct board *b, uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(inb(b, 0x3f4) & 0xc0, 0xc0);
        bytes[i] = inb(b, 0x3f5);
    }
    assert_int_equal(inb(b, 0x3f4), 0x80);
}

/* A command that takes a while, and the seven bytes of its result. */
static void fdc_command(struct board *b, const uint8_t *bytes, unsigned n, uint8_t *result)
{
    fdc_send(b, bytes, n);
    settle(b);
    fdc_result(b, result, 7);
}

static void floppy_reset(struct board *b)
{
    uint8_t r[2];

    outb(b, 0x3f2, 0);
    assert_int_equal(inb(b, 0x3f4), 0);
    outb(b, 0x3f2, 0x1c);
    settle(b);
    assert_true(b->irq[6]);
    for (unsigned i = 0; i < 4; i++) {
        fdc_send(b, (uint8_t[]){8}, 1);
        fdc_result(b, r, 2);
        assert_int_equal(r[0], 0xc0 | i);
        assert_false(b->irq[6]);
    }
    fdc_send(b, (uint8_t[]){8}, 1);
    fdc_result(b, r, 1);
    assert_int_equal(r[0], 0x80);
    fdc_send(b, (uint8_t[]){0x10}, 1);
    fdc_result(b, r, 1);
    assert_int_equal(r[0], 0x90);
}

static void floppy_recalibrate(struct board *b)
{
    uint8_t r[2];

    assert_int_equal(inb(b, 0x3f7), 0x80); /* changed */
    fdc_send(b, (uint8_t[]){3, 0xaf, 2}, 3);
    fdc_send(b, (uint8_t[]){7, 0}, 2);
    settle(b);
    fdc_send(b, (uint8_t[]){8}, 1);
    fdc_result(b, r, 2);
    assert_int_equal(r[0], 0x20);
    assert_int_equal(inb(b, 0x3f7), 0);
}

/* At 250 kbit/s there is nothing to read, at 500 there is. */
static void floppy_rate(struct board *b)
{
    uint8_t r[7];

    fdc_command(b, (uint8_t[]){0x4a, 0}, 2, r);
    assert_int_equal(r[0], 0x40);
    outb(b, 0x3f7, 0);
    fdc_command(b, (uint8_t[]){0x4a, 0}, 2, r);
    assert_int_equal(r[0], 0);
}

/* Cylinder 0, from head 0 sector 17 on, over to head 1: 4 sectors. */
static void floppy_read(struct board *b)
{
    uint8_t r[7];

    b->dma_address = 0x8000;
    b->dma_left = 2048;
    fdc_send(b, (uint8_t[]){0xe6, 0, 0, 0, 17, 2, 18, 0x1b, 0xff}, 9);
    assert_false(b->irq[6]);
    settle(b);
    assert_true(b->irq[6]);
    fdc_result(b, r, 7);
    assert_memory_equal(r, "\4\0\0\0\1\3\2", 7);
    assert_memory_equal(b->ram + 0x8000, b->disk[3].data + 16 * 512, 2048);
    assert_string_equal(b->log, "R FLOPPY READ DATA d8 lba 16 n 4 @ffffffffffffffff\n");
}

/* The first sector; a write with an implied seek. */
static void floppy_boot_sector_and_write(struct board *b)
{
    uint8_t r[7];

    b->log[0] = 0;
    b->dma_address = 0x7c00;
    b->dma_left = 512;
    fdc_command(b, (uint8_t[]){0xe6, 0, 0, 0, 1, 2, 1, 0x1b, 0xff}, 9, r);
    assert_non_null(strstr(b->log, "boot 8 0\n"));
    b->dma_address = 0x7c00;
    b->dma_left = 512;
    fdc_command(b, (uint8_t[]){0xc5, 4, 40, 1, 2, 2, 2, 0x1b, 0xff}, 9, r);
    assert_int_equal(r[0] & 0xc0, 0);
    assert_memory_equal(b->disk[3].data + ((40 * 2 + 1) * 18 + 1) * 512, b->ram + 0x7c00, 512);
}

/* No terminal count by the end of the track; no such sector; no such drive. */
static void floppy_errors(struct board *b)
{
    uint8_t r[7];

    b->dma_left = 4096;
    fdc_command(b, (uint8_t[]){0x46, 0, 40, 0, 18, 2, 18, 0x1b, 0xff}, 9, r);
    assert_int_equal(r[0], 0x40);
    assert_int_equal(r[1], 0x80);
    fdc_command(b, (uint8_t[]){0x46, 0, 40, 0, 19, 2, 19, 0x1b, 0xff}, 9, r);
    assert_int_equal(r[1], 4);
    fdc_command(b, (uint8_t[]){0x46, 1, 0, 0, 1, 2, 18, 0x1b, 0xff}, 9, r);
    assert_int_equal(r[0], 0x41);
}

static void floppy_without_dma(struct board *b)
{
    uint8_t r[7];

    fdc_send(b, (uint8_t[]){3, 0xaf, 3}, 3);
    fdc_send(b, (uint8_t[]){0x46, 0, 40, 0, 5, 2, 5, 0x1b, 0xff}, 9);
    settle(b);
    for (unsigned i = 0; i < 512; i++) {
        assert_int_equal(inb(b, 0x3f4), 0xf0);
        b->ram[i] = inb(b, 0x3f5);
    }
    assert_memory_equal(b->ram, b->disk[3].data + (40 * 2 * 18 + 4) * 512, 512);
    fdc_result(b, r, 7);
}

/* Each step goes on from where the one before left the controller. */
static void test_floppy(void **state)
{
    struct board *b = *state;

    floppy_reset(b);
    floppy_recalibrate(b);
    floppy_rate(b);
    floppy_read(b);
    floppy_boot_sector_and_write(b);
    floppy_errors(b);
    floppy_without_dma(b);
}

static void test_floppy_format(void **state)
{
    struct board *b = *state;
    uint8_t r[7];

    outb(b, 0x3f2, 0x1c);
    outb(b, 0x3f7, 0);
    for (unsigned i = 0; i < 18; i++)
        memcpy(b->ram + 0x9000 + 4 * i, (uint8_t[]){0, 0, i + 1, 2}, 4);
    b->dma_address = 0x9000;
    b->dma_left = 72;
    fdc_command(b, (uint8_t[]){0x4d, 0, 2, 18, 0x6c, 0xf6}, 6, r);
    assert_int_equal(r[0], 0);
    for (unsigned i = 0; i < 18 * 512; i++)
        assert_int_equal(b->disk[3].data[i], 0xf6);
}

/* ---------------------------------------------------------------- field tables */

/* Everything a chip holds must come back from its fields: fill the state, save, reset, load, save again. The
 * state in between is compared by what the guest sees, too. */
static size_t save(const struct chip *c, uint8_t *to)
{
    size_t n = 0;

    for (size_t i = 0; i < c->nfields; i++) {
        size_t bytes = (size_t)c->fields[i].width * c->fields[i].count;

        memcpy(to + n, (const uint8_t *)c->state + c->fields[i].offset, bytes);
        n += bytes;
    }
    return n;
}

static void load(const struct chip *c, const uint8_t *from)
{
    for (size_t i = 0; i < c->nfields; i++) {
        size_t bytes = (size_t)c->fields[i].width * c->fields[i].count;

        memcpy((uint8_t *)c->state + c->fields[i].offset, from, bytes);
        from += bytes;
    }
    if (c->loaded)
        c->loaded(c->state);
}

static void test_fields(void **state)
{
    struct board *b = *state;
    static uint8_t saved[MAX][65536], again[65536];
    const uint8_t read17[12] = {0x28, 0, 0, 0, 0, 17, 0, 0, 2}, sense[12] = {3, 0, 0, 0, 18};
    uint8_t buf[4096], part[1024], r[7];
    size_t n[MAX];

    /* In the middle of a PIO read, of an ATAPI read and of a floppy command. */
    task(b, 0x1f0, 0xe0, 100, 2);
    command(b, 0x1f0, 0x20);
    read_words(b, 0x1f0, part, 100);
    packet(b, sense, buf, 64);
    packet_start(b, read17, false, 1000);
    outb(b, 0x3f2, 0x1c);
    outb(b, 0x3f7, 0);
    b->dma_address = 0x8000;
    b->dma_left = 1024;
    fdc_send(b, (uint8_t[]){0xe6, 0, 0, 0, 3, 2, 18, 0x1b, 0xff}, 9);
    uint64_t now = b->now;
    for (unsigned i = 0; i < b->nchips; i++)
        n[i] = save(&b->chip[i], saved[i]);

    settle(b);
    for (unsigned i = 0; i < b->nchips; i++)
        if (b->chip[i].reset)
            b->chip[i].reset(b->chip[i].state);
    for (unsigned i = 0; i < b->nchips; i++)
        load(&b->chip[i], saved[i]);
    b->now = now;
    b->dma_address = 0x8000;
    b->dma_left = 1024;
    memset(b->ram + 0x8000, 0, 1024);
    for (unsigned i = 0; i < b->nchips; i++) {
        assert_int_equal(save(&b->chip[i], again), n[i]);
        assert_memory_equal(again, saved[i], n[i]);
    }

    settle(b);
    fdc_result(b, r, 7);
    assert_memory_equal(b->ram + 0x8000, b->disk[3].data + 2 * 512, 1024);
    read_words(b, 0x1f0, part + 200, 156);
    settle(b);
    read_words(b, 0x1f0, part + 512, 256);
    assert_memory_equal(part, b->disk[0].data + 100 * 512, 1024);
    read_words(b, 0x170, buf, 500);
    settle(b);
    read_words(b, 0x170, buf + 1000, 500);
    assert_memory_equal(buf, b->disk[2].data + 17 * 2048, 2000);
}

/* What is left over from earlier commands must survive as it is, too. */
static void test_fields_idle(void **state)
{
    struct board *b = *state;
    static uint8_t saved[65536], again[65536];
    const uint8_t sense[12] = {3, 0, 0, 0, 18}, inquiry[12] = {0x12, 0, 0, 0, 36};
    uint8_t buf[1024], r[10];

    /* A far sector of the large disk, then the small one; an interrupted read; a packet, then another
     * command. */
    task(b, 0x1f0, 0xe0, 70000, 2);
    command(b, 0x1f0, 0x20);
    read_words(b, 0x1f0, buf, 10);
    outb(b, 0x3f6, 4);
    outb(b, 0x3f6, 0);
    settle(b);
    task(b, 0x1f0, 0xe0, 70000, 1);
    command(b, 0x1f0, 0x20);
    read_words(b, 0x1f0, buf, 256);
    outb(b, 0x1f6, 0xf0);
    packet(b, sense, buf, 64);
    packet(b, inquiry, buf, 1024);
    command(b, 0x170, 0xa1);
    read_words(b, 0x170, buf, 20);
    /* Floppy: the longest result, a sector without DMA, and half a command. */
    outb(b, 0x3f2, 0x1c);
    outb(b, 0x3f7, 0);
    fdc_send(b, (uint8_t[]){3, 0xaf, 3}, 3);
    fdc_send(b, (uint8_t[]){0x46, 0, 0, 0, 5, 2, 5, 0x1b, 0xff}, 9);
    settle(b);
    for (unsigned i = 0; i < 512; i++)
        inb(b, 0x3f5);
    fdc_result(b, r, 7);
    fdc_send(b, (uint8_t[]){0x0e}, 1);
    fdc_result(b, r, 10);
    fdc_send(b, (uint8_t[]){0x46, 0, 0}, 3);
    for (unsigned i = 0; i < b->nchips; i++) {
        size_t n = save(&b->chip[i], saved);

        load(&b->chip[i], saved);
        assert_int_equal(save(&b->chip[i], again), n);
        assert_memory_equal(again, saved, n);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_identify),  T(test_pio),    T(test_pio_at_once),   T(test_write_cache), T(test_multiple),
        T(test_dma),       T(test_reset),  T(test_atapi),         T(test_atapi_dma),   T(test_atapi_medium),
        T(test_cd_parity), T(test_floppy), T(test_floppy_format), T(test_fields),      T(test_fields_idle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
