/* test_virtio_scsi.c - the SCSI host on virtio (hv/board/virtio/virtio_scsi.c) on a mainboard: commands, sense data, targets that are not there,
 * task management, requests that are too short, random rings and commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/virtio_driver.h"

enum { CONTROL = 0, REQUESTS = 2 };
enum { SENSE = 96, CDB = 32, REQUEST = 19 + CDB, ANSWER = 12 + SENSE };

static int make(void **state)
{
    return make_of(state, NULL, "scsi");
}

/* What comes back before the sense data (VIRTIO 1.2, 5.6.6.1). */
struct answer {
    uint32_t sense, residual;
    uint16_t qualifier;
    uint8_t status, response;
};

static struct answer command(struct machine *m, uint8_t target, const uint8_t *cdb, size_t n, uint32_t reads)
{
    uint8_t request[REQUEST] = {1, target, 0x40};
    struct answer a;
    memcpy(request + 19, cdb, n);
    put(&m->f, HEADER, request, sizeof request);
    descriptor(&m->f, RING, 0, HEADER, sizeof request, NEXT, 1);
    descriptor(&m->f, RING, 1, STATUS, ANSWER, WRITE | (reads ? NEXT : 0), 2);
    descriptor(&m->f, RING, 2, DATA, reads, WRITE, 0);
    offer_split(m);
    physmem_read(m->f.board->mem, STATUS, &a, sizeof a);
    return a;
}

static void start_requests(struct machine *m)
{
    static const uint8_t ready[6] = {0};
    m->queue = REQUESTS;
    start(m, 0);
    assert_int_equal(command(m, 0, ready, 6, 0).status, 2); /* unit attention: reset */
}

static void test_commands(void **state)
{
    static const uint8_t ready[6] = {0}, inquiry[6] = {0x12, 0, 0, 0, 36},
                         read[10] = {0x28, 0, 0, 0, 0, 3, 0, 0, 2};
    struct machine *m = *state;
    uint8_t data[36];
    start_requests(m);
    assert_int_equal(command(m, 0, ready, 6, 0).status, 0);
    const struct answer a = command(m, 0, inquiry, 6, 36);
    assert_int_equal(a.status, 0);
    assert_int_equal(a.residual, 0);
    physmem_read(m->f.board->mem, DATA, data, sizeof data);
    assert_int_equal(data[0], 0); /* a disk */
    assert_int_equal(command(m, 0, read, 10, 1024).status, 0);
    uint8_t want[1024], is[1024];
    image_read(NULL, 3 * 512, want, sizeof want, NULL);
    physmem_read(m->f.board->mem, DATA, is, sizeof is);
    assert_memory_equal(want, is, sizeof is);
    assert_int_equal(command(m, 0, read, 10, 512).response, 1); /* overrun */
    assert_int_equal(command(m, 5, ready, 6, 0).response, 3);   /* no such target */
}

/* A driver that is refused WRITE SAME as an unknown command writes zeros itself (SPC-4, 4.5: ILLEGAL REQUEST, INVALID COMMAND OPERATION
 * CODE). */
static void test_unknown_commands(void **state)
{
    enum { ILLEGAL_REQUEST = 5, INVALID_OPCODE = 0x20 };
    static const uint8_t vendors[10] = {0xc0}, write_same_10[10] = {0x41, [8] = 8},
                         write_same_16[16] = {0x93, [13] = 8};
    const struct {
        const uint8_t *cdb;
        unsigned n;
    } unknown[] = {{vendors, 10}, {write_same_10, 10}, {write_same_16, 16}};
    struct machine *m = *state;
    uint8_t sense[18];
    start_requests(m);
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        const struct answer a = command(m, 0, unknown[i].cdb, unknown[i].n, 0);
        assert_int_equal(a.status, 2);
        assert_int_equal(a.sense, sizeof sense);
        physmem_read(m->f.board->mem, STATUS + 12, sense, sizeof sense);
        assert_int_equal(sense[2] & 15, ILLEGAL_REQUEST);
        assert_int_equal(sense[12], INVALID_OPCODE);
    }
}

/* Two ranges become zeros; the list goes to the device behind the command. */
static void test_unmap(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    uint8_t request[REQUEST] = {1, 0, 0x40}, page[64];
    uint8_t list[40] = {0, 38, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0,
                        0, 2,  0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1};
    static const uint8_t limits[6] = {0x12, 1, 0xb0, 0, 64}, thin[6] = {0x12, 1, 0xb2, 0, 64},
                         capacity[16] = {0x9e, 0x10, [13] = 32};
    struct answer a;
    uint8_t have[3584], want[3584];
    start_requests(m);
    assert_int_equal(command(m, 0, limits, 6, 64).status, 0);
    physmem_read(f->board->mem, DATA, page, sizeof page);
    assert_int_equal(page[27], 31);
    assert_int_equal(command(m, 0, thin, 6, 8).status, 0);
    physmem_read(f->board->mem, DATA, page, 8);
    assert_int_equal(page[5], 0x84);
    assert_int_equal(command(m, 0, capacity, 16, 32).status, 0);
    physmem_read(f->board->mem, DATA, page, 32);
    assert_int_equal(page[14], 0xc0);
    for (unsigned bad = 0; bad < 2; bad++) {
        request[19] = 0x42;
        request[19 + 8] = sizeof list;
        list[8] = (uint8_t)bad; /* the first range is far beyond the end: nothing is done */
        put(f, HEADER, request, sizeof request);
        put(f, DATA, list, sizeof list);
        descriptor(f, RING, 0, HEADER, sizeof request, NEXT, 1);
        descriptor(f, RING, 1, DATA, sizeof list, NEXT, 2);
        descriptor(f, RING, 2, STATUS, ANSWER, WRITE, 0);
        offer_split(m);
        physmem_read(f->board->mem, STATUS, &a, sizeof a);
        assert_int_equal(a.status, bad ? 2 : 0);
    }
    image_read(NULL, 3 * 512, want, sizeof want, NULL);
    memset(want, 0, 1024);
    memset(want + 6 * 512, 0, 512);
    assert_int_equal(disk_read(board_disk(f->board, "disk0"), 3 * 512, have, sizeof have), 0);
    assert_memory_equal(have, want, sizeof want);
}

static void test_control(void **state)
{
    struct machine *m = *state;
    uint8_t reset[24] = {0}, response = 0xff;
    reset[4] = 5; /* logical unit reset */
    reset[8] = 1, reset[10] = 0x40;
    m->queue = CONTROL;
    start(m, 0);
    put(&m->f, HEADER, reset, sizeof reset);
    descriptor(&m->f, RING, 0, HEADER, sizeof reset, NEXT, 1);
    descriptor(&m->f, RING, 1, STATUS, 1, WRITE, 0);
    offer_split(m);
    physmem_read(m->f.board->mem, STATUS, &response, 1);
    assert_int_equal(response, 0);
}

static void test_short(void **state)
{
    struct machine *m = *state;
    m->queue = REQUESTS;
    start(m, 0);
    descriptor(&m->f, RING, 0, HEADER, REQUEST - 1, NEXT, 1);
    descriptor(&m->f, RING, 1, STATUS, ANSWER, WRITE, 0);
    offer_split(m);
    assert_true(get(&m->f, 20, 1) & VIRTIO_NEEDS_RESET);
}

/* Commands at random, in chains that are cut anywhere, with sizes of the driver's choice. */
static void test_wild(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    uint64_t x = 99;
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t r = next_random(&x), d = next_random(&x), request[8];
        if (i % 40 == 0) {
            m->queue = r >> 8 & 3 ? REQUESTS : CONTROL;
            start(m, r & (VIRTIO_F_RING_PACKED | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX));
        }
        for (unsigned k = 0; k < 8; k++)
            request[k] = next_random(&x);
        request[0] = m->queue == CONTROL ? r >> 9 & 3 : 0x400001; /* target 0 */
        put(f, HEADER, request, sizeof request);
        descriptor(f, RING, 0, HEADER, r >> 60 ? REQUEST : (uint32_t)(r & 63), NEXT, 1);
        descriptor(f, RING, 1, d & 0xffffff, d >> 62 ? ANSWER : (uint32_t)(d >> 24 & 0x1ff), NEXT | WRITE, 2);
        descriptor(f, RING, 2, d >> 30 & 0xffffff, (uint32_t)(d >> 8 & 0xffff),
                   (uint16_t)(r >> 40 & (NEXT | WRITE)), (uint16_t)(r >> 44 & 7));
        if (r >> 59 == 1)
            set(f, (unsigned)(r >> 8) % VIRTIO_BAR & ~3u, 4, d >> 40 & 0x1ff);
        offer_split(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commands, make, drop),
        cmocka_unit_test_setup_teardown(test_unknown_commands, make, drop),
        cmocka_unit_test_setup_teardown(test_unmap, make, drop),
        cmocka_unit_test_setup_teardown(test_control, make, drop),
        cmocka_unit_test_setup_teardown(test_short, make, drop),
        cmocka_unit_test_setup_teardown(test_wild, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
