/* test_nvme.c - the NVMe controller (hv/board/storage/nvme*.c) on a mainboard: queues, PRP lists, errors, MSI-X, state, random accesses. */
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
#include "hv/board/storage/nvme.h"

#define BAR_AT 0xfeb00000u
enum {
    DEVFN = 4 << 3,
    SECTORS = DISK_SIZE / 512,
    ADMIN_SQ = 0x10000,
    ADMIN_CQ = 0x11000,
    IO_SQ = 0x12000,
    IO_CQ = 0x13000,
    LIST = 0x14000,
    DATA = 0x20000,
    ENTRIES = 8,
};
enum { READ = 2, WRITE = 1, COMPARE = 5, WRITE_ZEROES = 8, IDENTIFY = 6 };

struct queue {
    unsigned number, sq, cq, tail, head;
};
struct machine {
    struct fixture f;
    struct queue admin, io;
};

static struct board *new_board(struct fixture *f)
{
    struct board_host host = {.ctx = f, .icount = host_icount, .time = host_time};
    struct error err;
    f->image[0] = (struct image){.role = "disk0", .name = "disk", .size = DISK_SIZE, .read = image_read};
    f->setting[0] = (struct setting){"memory", "16777216"};
    f->setting[1] = (struct setting){"vga", "none"};
    f->setting[2] = (struct setting){"disk0-interface", "nvme"};
    f->setting[3] = (struct setting){"disk0-serial", "SERIAL1"};
    f->cfg = (struct engine_config){.settings = f->setting, .nsettings = 4, .images = f->image, .nimages = 1};
    struct board *b = board_create(&f->cfg, &host, &err);
    if (!b)
        fail_msg("%s", err.text);
    return b;
}

static uint32_t reg(struct fixture *f, unsigned offset)
{
    return memory_in(f, BAR_AT + offset, 4);
}

static void set_reg(struct fixture *f, unsigned offset, uint32_t value)
{
    memory_out(f, BAR_AT + offset, 4, value);
}

static void put(struct fixture *f, uint64_t at, const void *data, size_t n)
{
    physmem_write(f->board->mem, at, data, n);
}

static void get(struct fixture *f, uint64_t at, void *data, size_t n)
{
    physmem_read(f->board->mem, at, data, n);
}

static void pass(struct fixture *f, uint64_t ns)
{
    f->time += ns;
    board_run_timers(f->board);
}

/* Gives a command and waits for its completion; returns the status without the phase, -1 if there is none. */
static int command(struct fixture *f, struct queue *q, struct nvme_command c)
{
    struct {
        uint32_t result, reserved;
        uint16_t sq_head, sq, id, status;
    } done;
    c.id = (uint16_t)(q->tail + 100);
    put(f, q->sq + q->tail * sizeof c, &c, sizeof c);
    q->tail = (q->tail + 1) % ENTRIES;
    set_reg(f, NVME_DOORBELLS + q->number * 8, q->tail);
    for (unsigned i = 0; i < 20; i++)
        pass(f, 1000000);
    get(f, q->cq + q->head % ENTRIES * sizeof done, &done, sizeof done);
    if ((done.status & 1) != !(q->head / ENTRIES & 1))
        return -1;
    assert_int_equal(done.id, c.id);
    assert_int_equal(done.sq, q->number);
    assert_int_equal(done.sq_head, q->tail);
    q->head++;
    set_reg(f, NVME_DOORBELLS + q->number * 8 + 4, q->head % ENTRIES);
    return done.status >> 1;
}

static void enable(struct machine *m)
{
    struct fixture *f = &m->f;
    config_out(f, DEVFN, 0x10, 4, BAR_AT);
    config_out(f, DEVFN, 0x04, 2, 6);
    set_reg(f, NVME_AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1));
    set_reg(f, NVME_ASQ, ADMIN_SQ);
    set_reg(f, NVME_ACQ, ADMIN_CQ);
    set_reg(f, NVME_CC, 4 << 20 | 6 << 16 | 1);
    assert_int_equal(reg(f, NVME_CSTS), CSTS_READY);
    m->admin = (struct queue){0, ADMIN_SQ, ADMIN_CQ, 0, 0};
    m->io = (struct queue){1, IO_SQ, IO_CQ, 0, 0};
}

static int make_queues(struct machine *m, unsigned vector)
{
    struct nvme_command cq = {
        .opcode = 5, .prp1 = IO_CQ, .cdw10 = (ENTRIES - 1) << 16 | 1, .cdw11 = vector << 16 | 3};
    struct nvme_command sq = {
        .opcode = 1, .prp1 = IO_SQ, .cdw10 = (ENTRIES - 1) << 16 | 1, .cdw11 = 1 << 16 | 1};
    int status = command(&m->f, &m->admin, cq);
    return status ? status : command(&m->f, &m->admin, sq);
}

static int make(void **state)
{
    struct machine *m = mem_zero(1, sizeof *m);
    m->f.board = new_board(&m->f);
    enable(m);
    *state = m;
    return 0;
}

static int drop(void **state)
{
    struct machine *m = *state;
    board_destroy(m->f.board);
    free(m);
    return 0;
}

static void assert_sectors(struct fixture *f, uint64_t at, uint64_t lba, size_t n)
{
    uint8_t want[8192], is[8192];
    assert_true(n <= sizeof want);
    image_read(NULL, lba * 512, want, n, NULL);
    get(f, at, is, n);
    assert_memory_equal(want, is, n);
}

static void test_identify(void **state)
{
    struct machine *m = *state;
    uint8_t page[4096];
    assert_int_equal(
        command(&m->f, &m->admin, (struct nvme_command){.opcode = IDENTIFY, .cdw10 = 1, .prp1 = DATA}),
        NVME_OK);
    get(&m->f, DATA, page, sizeof page);
    assert_memory_equal(page + 4, "SERIAL1             ", 20);
    assert_int_equal(page[512], 0x66);
    assert_int_equal(
        command(&m->f, &m->admin, (struct nvme_command){.opcode = IDENTIFY, .nsid = 1, .prp1 = DATA}),
        NVME_OK);
    get(&m->f, DATA, page, sizeof page);
    assert_int_equal(page[0] | page[1] << 8, SECTORS);
    assert_int_equal(
        command(&m->f, &m->admin, (struct nvme_command){.opcode = IDENTIFY, .nsid = 7, .prp1 = DATA}),
        NVME_INVALID_NAMESPACE | NVME_DO_NOT_RETRY);
}

static void test_blocks(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    assert_int_equal(make_queues(m, 0), NVME_OK);
    struct nvme_command c = {.opcode = READ, .nsid = 1, .cdw10 = 3, .cdw12 = 1, .prp1 = DATA + 512};
    assert_int_equal(command(f, &m->io, c), NVME_OK);
    assert_sectors(f, DATA + 512, 3, 1024);
    put(f, DATA, "changed", 7);
    assert_int_equal(
        command(f, &m->io, (struct nvme_command){.opcode = WRITE, .nsid = 1, .cdw10 = 9, .prp1 = DATA}),
        NVME_OK);
    c = (struct nvme_command){.opcode = COMPARE, .nsid = 1, .cdw10 = 9, .prp1 = DATA};
    assert_int_equal(command(f, &m->io, c), NVME_OK);
    put(f, DATA, "other", 5);
    assert_int_equal(command(f, &m->io, c), NVME_COMPARE_FAILED | NVME_DO_NOT_RETRY);
    c = (struct nvme_command){.opcode = WRITE_ZEROES, .nsid = 1, .cdw10 = 9};
    assert_int_equal(command(f, &m->io, c), NVME_OK);
    c = (struct nvme_command){.opcode = READ, .nsid = 1, .cdw10 = 9, .prp1 = DATA};
    assert_int_equal(command(f, &m->io, c), NVME_OK);
    uint8_t byte = 1;
    get(f, DATA, &byte, 1);
    assert_int_equal(byte, 0);
}

struct seen {
    unsigned written, zeroed, flushed, through;
};

static void note(void *ctx, const struct engine_medium *m)
{
    struct seen *s = ctx;
    assert_string_equal(m->role, "disk0");
    s->written += m->what == MEDIUM_WRITE;
    s->zeroed += m->what == MEDIUM_ZERO;
    s->flushed += m->what == MEDIUM_FLUSH;
    s->through += m->what == MEDIUM_THROUGH;
}

/* What stays after a loss of power: what was flushed, written with FUA, or written without the volatile write cache. */
static void test_cache(void **state)
{
    enum { FUA = 1 << 30, SET_FEATURES = 9, VOLATILE_CACHE = 6 };
    struct machine *m = *state;
    struct fixture *f = &m->f;
    struct seen s = {0};
    board_media(f->board, note, &s);
    assert_int_equal(make_queues(m, 0), NVME_OK);
    struct nvme_command c = {.opcode = WRITE, .nsid = 1, .cdw10 = 9, .prp1 = DATA};
    assert_int_equal(command(f, &m->io, c), NVME_OK);
    assert_int_equal(s.written, 1);
    assert_int_equal(s.flushed + s.through, 0);
    assert_int_equal(command(f, &m->io, (struct nvme_command){.nsid = 1}), NVME_OK);
    assert_int_equal(s.flushed, 1);
    c.cdw12 = FUA;
    assert_int_equal(command(f, &m->io, c), NVME_OK);
    assert_int_equal(s.through, 1);
    c = (struct nvme_command){.opcode = WRITE_ZEROES, .nsid = 1, .cdw10 = 9};
    assert_int_equal(command(f, &m->io, c), NVME_OK);
    assert_int_equal(s.zeroed, 1);
    assert_int_equal(s.through, 1);
    c = (struct nvme_command){.opcode = SET_FEATURES, .cdw10 = VOLATILE_CACHE};
    assert_int_equal(command(f, &m->admin, c), NVME_OK);
    assert_int_equal(s.flushed, 2);
    c = (struct nvme_command){.opcode = WRITE, .nsid = 1, .cdw10 = 9, .prp1 = DATA};
    assert_int_equal(command(f, &m->io, c), NVME_OK);
    assert_int_equal(s.through, 2);
    board_media(f->board, NULL, NULL);
}

/* Deallocated blocks are zeros, as the namespace says; from a host's hints nothing follows. */
static void test_deallocate(void **state)
{
    enum { DATASET = 0x09, HINT = 1, DEALLOCATE = 4 };
    struct machine *m = *state;
    struct fixture *f = &m->f;
    const struct {
        uint32_t attributes, count;
        uint64_t lba;
    } range[2] = {{0, 2, 9}, {0, 1, 20}};
    uint8_t have[1024], zero[1024] = {0}, page[4096];
    assert_int_equal(make_queues(m, 0), NVME_OK);
    struct nvme_command read = {.opcode = READ, .nsid = 1, .cdw10 = 9, .cdw12 = 1, .prp1 = DATA};
    struct nvme_command c = {.opcode = DATASET, .nsid = 1, .cdw10 = 1, .cdw11 = HINT, .prp1 = DATA};
    put(f, DATA, range, sizeof range);
    assert_int_equal(command(f, &m->io, c), NVME_OK);
    assert_int_equal(command(f, &m->io, read), NVME_OK);
    assert_sectors(f, DATA, 9, 1024);
    put(f, DATA, range, sizeof range);
    c.cdw11 = DEALLOCATE;
    assert_int_equal(command(f, &m->io, c), NVME_OK);
    assert_int_equal(command(f, &m->io, read), NVME_OK);
    get(f, DATA, have, sizeof have);
    assert_memory_equal(have, zero, sizeof zero);
    read.cdw10 = 11;
    assert_int_equal(command(f, &m->io, read), NVME_OK);
    assert_sectors(f, DATA, 11, 1024);
    assert_int_equal(
        command(f, &m->admin, (struct nvme_command){.opcode = IDENTIFY, .nsid = 1, .prp1 = DATA}), NVME_OK);
    get(f, DATA, page, sizeof page);
    assert_int_equal(page[33], 1);
}

/* 40 sectors from an address within a page: a page of the list holds the rest. */
static void test_list(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    uint64_t list[] = {0x40000, 0x60000, 0x50000, 0x70000, 0x44000};
    assert_int_equal(make_queues(m, 0), NVME_OK);
    put(f, LIST, list, sizeof list);
    struct nvme_command c = {
        .opcode = READ, .nsid = 1, .cdw10 = 1, .cdw12 = 39, .prp1 = DATA + 2048, .prp2 = LIST};
    assert_int_equal(command(f, &m->io, c), NVME_OK);
    assert_sectors(f, DATA + 2048, 1, 2048);
    for (unsigned i = 0; i < 4; i++)
        assert_sectors(f, list[i], 1 + 4 + i * 8, 4096);
    assert_sectors(f, list[4], 1 + 4 + 32, 2048);
    /* the same with the list in two pages: its last entry in the first one leads to the next */
    put(f, LIST + 4096 - 16, (uint64_t[]){0x40000, LIST + 4096}, 16);
    put(f, LIST + 4096, list + 1, 32);
    c.prp2 = LIST + 4096 - 16;
    memset(list, 0, sizeof list);
    put(f, 0x44000, list, sizeof list);
    assert_int_equal(command(f, &m->io, c), NVME_OK);
    assert_sectors(f, 0x44000, 1 + 4 + 32, 2048);
}

static void test_errors(void **state)
{
    static const struct {
        struct nvme_command c;
        int status;
    } cases[] = {
        {{.opcode = READ, .nsid = 2, .prp1 = DATA}, NVME_INVALID_NAMESPACE | NVME_DO_NOT_RETRY},
        {{.opcode = READ, .nsid = 1, .cdw10 = SECTORS, .prp1 = DATA}, NVME_LBA_RANGE | NVME_DO_NOT_RETRY},
        {{.opcode = READ, .nsid = 1, .cdw10 = SECTORS - 1, .cdw12 = 1, .prp1 = DATA},
         NVME_LBA_RANGE | NVME_DO_NOT_RETRY},
        {{.opcode = READ, .nsid = 1, .cdw10 = UINT32_MAX, .cdw11 = UINT32_MAX, .prp1 = DATA},
         NVME_LBA_RANGE | NVME_DO_NOT_RETRY},
        {{.opcode = READ, .nsid = 1, .cdw12 = 0xffff, .prp1 = DATA}, NVME_INVALID_FIELD | NVME_DO_NOT_RETRY},
        {{.opcode = READ, .nsid = 1, .prp1 = DATA + 1}, NVME_PRP_OFFSET | NVME_DO_NOT_RETRY},
        {{.opcode = READ, .nsid = 1, .cdw12 = 7, .prp1 = DATA + 4, .prp2 = DATA + 8},
         NVME_PRP_OFFSET | NVME_DO_NOT_RETRY},
        {{.opcode = READ, .nsid = 1, .prp1 = 0x7fffffff000}, NVME_TRANSFER_ERROR},
        {{.opcode = READ, .nsid = 1, .cdw12 = 39, .prp1 = DATA, .prp2 = 0x7fffffff000}, NVME_TRANSFER_ERROR},
        {{.opcode = READ, .flags = 0x40, .nsid = 1, .prp1 = DATA}, NVME_INVALID_FIELD | NVME_DO_NOT_RETRY},
        {{.opcode = 0x99, .nsid = 1}, NVME_INVALID_OPCODE | NVME_DO_NOT_RETRY},
    };
    struct machine *m = *state;
    assert_int_equal(make_queues(m, 0), NVME_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(command(&m->f, &m->io, cases[i].c), cases[i].status);
    assert_int_equal(make_queues(m, 0), NVME_INVALID_QUEUE | NVME_DO_NOT_RETRY);
    assert_int_equal(command(&m->f, &m->admin, (struct nvme_command){.opcode = 4, .cdw10 = 1}),
                     NVME_INVALID_DELETION | NVME_DO_NOT_RETRY);
    assert_int_equal(command(&m->f, &m->admin, (struct nvme_command){.opcode = 0, .cdw10 = 1}), NVME_OK);
    assert_int_equal(command(&m->f, &m->admin, (struct nvme_command){.opcode = 4, .cdw10 = 1}), NVME_OK);
}

/* A wrong doorbell completes a request for events, once until the error log is read. */
static void test_events(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    assert_int_equal(command(f, &m->admin, (struct nvme_command){.opcode = 12}), -1);
    uint16_t id;
    set_reg(f, NVME_DOORBELLS + 5 * 8, 1);
    get(f, ADMIN_CQ + 12, &id, 2);
    assert_int_equal(id, 100);
}

static bool requested(struct fixture *f, unsigned vector)
{
    struct x86_bus *bus = &f->board->cpu[0].bus;
    return bus->read(bus->ctx, 0xfee00200 + vector / 32 * 16, 4) >> vector % 32 & 1;
}

static void test_msix(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    memory_out(f, 0xfee000f0, 4, 0x1ff); /* the local APIC on */
    assert_int_equal(config_in(f, DEVFN, 0x34, 1), 0x40);
    assert_int_equal(config_in(f, DEVFN, 0x40, 4) & 0x7ff00ff, 0x400011);
    config_out(f, DEVFN, 0x42, 2, 0x8000);
    for (unsigned v = 0; v < 2; v++) {
        set_reg(f, NVME_TABLE + v * 16, 0xfee00000);
        set_reg(f, NVME_TABLE + v * 16 + 8, 0x40 + v);
        set_reg(f, NVME_TABLE + v * 16 + 12, v); /* the second stays masked */
    }
    assert_int_equal(make_queues(m, 1), NVME_OK);
    assert_true(requested(f, 0x40));
    struct nvme_command c = {.opcode = READ, .nsid = 1, .prp1 = DATA};
    assert_int_equal(command(f, &m->io, c), NVME_OK);
    assert_false(requested(f, 0x41));
    assert_int_equal(reg(f, NVME_PENDING), 2);
    set_reg(f, NVME_TABLE + 16 + 12, 0);
    assert_true(requested(f, 0x41));
    assert_int_equal(reg(f, NVME_PENDING), 0);
}

static void test_state(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f, other = {0};
    struct error err;
    assert_int_equal(make_queues(m, 0), NVME_OK);
    struct nvme_command c = {.opcode = READ, .nsid = 1, .prp1 = DATA, .id = 5};
    put(f, IO_SQ, &c, sizeof c);
    set_reg(f, NVME_DOORBELLS + 8, 1); /* it is being executed */
    struct saved *saved = mem_zero(1, sizeof *saved);
    const struct snapshot_sink sink = saved_sink(saved);
    const struct snapshot_source source = saved_source(saved, true);
    board_save(f->board, &sink, NULL);
    other.board = new_board(&other);
    other.time = f->time;
    if (board_load(other.board, &source, &err))
        fail_msg("%s", err.text);
    assert_int_equal(reg(&other, NVME_CSTS), CSTS_READY);
    pass(&other, 1000000);
    assert_sectors(&other, DATA, 0, 512);
    saved_free(saved);
    board_destroy(other.board);
}

/* Random registers, doorbells, queue entries and lists: nothing may be reached outside of the machine. */
static void test_wild(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    uint64_t x = 88172645463325252ull;
    f->log[0] = 0;
    for (unsigned i = 0; i < 40000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        unsigned what = x >> 60, at = (unsigned)(x >> 20) % (NVME_BAR / 4) * 4;
        if (i % 500 == 0) {
            set_reg(f, NVME_CC, 0);
            enable(m);
        }
        if (what < 4) {
            uint64_t entry[8] = {x, x >> 3, x * 3, x >> 30 & 0xffffff, x >> 40, x >> 50, x >> 55, x >> 60};
            put(f, ADMIN_SQ + (x >> 32) % 0x5000 / 64 * 64, entry, sizeof entry);
        } else if (what < 8) {
            set_reg(f, NVME_DOORBELLS + (unsigned)(x >> 40) % 6 * 4, (uint32_t)x % ENTRIES);
        } else if (what < 10) {
            set_reg(f, at, (uint32_t)x);
        } else {
            pass(f, x % 100000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_identify, make, drop),
        cmocka_unit_test_setup_teardown(test_blocks, make, drop),
        cmocka_unit_test_setup_teardown(test_cache, make, drop),
        cmocka_unit_test_setup_teardown(test_list, make, drop),
        cmocka_unit_test_setup_teardown(test_deallocate, make, drop),
        cmocka_unit_test_setup_teardown(test_errors, make, drop),
        cmocka_unit_test_setup_teardown(test_events, make, drop),
        cmocka_unit_test_setup_teardown(test_msix, make, drop),
        cmocka_unit_test_setup_teardown(test_state, make, drop),
        cmocka_unit_test_setup_teardown(test_wild, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
