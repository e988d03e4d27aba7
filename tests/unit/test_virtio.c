/* test_virtio.c - virtio (hv/board/virtio/virtio*.c) on a mainboard, by its block device, and the devices for random numbers, the console and the network: split and packed queues, indirect tables, events, the
 * legacy interface, access through configuration space, drivers' mistakes, state, random accesses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/saved_state.h"
#include "tests/unit/virtio_driver.h"

enum { TYPE_IN = 0, TYPE_OUT = 1, TYPE_ID = 8 };

static int make(void **state)
{
    return make_of(state, NULL, "virtio");
}

static int make_rng(void **state)
{
    return make_of(state, "virtio", "rng");
}

static int make_console(void **state)
{
    return make_of(state, "virtio", "console");
}

static int make_net(void **state)
{
    return make_of(state, "nic0", "virtio-net");
}

static void header(struct fixture *f, uint32_t type, uint64_t sector)
{
    uint64_t h[2] = {type, sector};
    put(f, HEADER, h, sizeof h);
    put(f, STATUS, "\xff", 1);
}

static uint8_t status_of(struct machine *m)
{
    uint8_t s;
    physmem_read(m->f.board->mem, STATUS, &s, 1);
    return s;
}

static void assert_sectors(struct fixture *f, uint64_t at, uint64_t lba, size_t n)
{
    uint8_t want[4096], is[4096];
    image_read(NULL, lba * 512, want, n, NULL);
    physmem_read(f->board->mem, at, is, n);
    assert_memory_equal(want, is, n);
}

static void split_read(struct machine *m)
{
    struct fixture *f = &m->f;
    header(f, TYPE_IN, 3);
    descriptor(f, RING, 0, HEADER, 16, NEXT, 1);
    descriptor(f, RING, 1, DATA, 100, NEXT | WRITE, 2);
    descriptor(f, RING, 2, DATA + 100, 1024 - 100, NEXT | WRITE, 3);
    descriptor(f, RING, 3, STATUS, 1, WRITE, 0);
    offer_split(m);
}

static void test_split(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    start(m, 0);
    assert_int_equal(get(f, VIRTIO_DEVICE, 4), DISK_SIZE / 512);
    for (unsigned i = 0; i < 2 * SIZE + 1; i++) {
        split_read(m);
        assert_int_equal(status_of(m), 0);
        assert_int_equal(word(f, DEVICE + 2), i + 1);
        assert_int_equal(word(f, DEVICE + 4 + i % SIZE * 8 + 4), 1025);
    }
    assert_sectors(f, DATA, 3, 1024);
    assert_int_equal(get(f, VIRTIO_ISR, 1), 1);
    assert_int_equal(get(f, VIRTIO_ISR, 1), 0);
}

static void test_indirect(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    start(m, VIRTIO_F_INDIRECT_DESC);
    header(f, TYPE_OUT, 5);
    put(f, DATA, "written", 7);
    descriptor(f, TABLE, 0, HEADER, 16, NEXT, 2);
    descriptor(f, TABLE, 2, DATA, 512, NEXT, 1);
    descriptor(f, TABLE, 1, STATUS, 1, WRITE, 0);
    descriptor(f, RING, 0, TABLE, 48, INDIRECT, 0);
    offer_split(m);
    assert_int_equal(status_of(m), 0);
    header(f, TYPE_IN, 5);
    descriptor(f, TABLE, 2, DATA + 4096, 512, NEXT | WRITE, 1);
    offer_split(m);
    char text[8] = "";
    physmem_read(f->board->mem, DATA + 4096, text, 7);
    assert_string_equal(text, "written");
}

/* With events, the driver says after which request it wants an interrupt. */
static void test_events(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    start(m, VIRTIO_F_EVENT_IDX);
    split_read(m);
    assert_int_equal(get(f, VIRTIO_ISR, 1), 1);
    assert_int_equal(word(f, DEVICE + 4 + SIZE * 8), 1); /* notify of the second */
    put_word(f, DRIVER + 4 + SIZE * 2, 2);               /* the third, please */
    split_read(m);
    assert_int_equal(get(f, VIRTIO_ISR, 1), 0);
    split_read(m);
    assert_int_equal(get(f, VIRTIO_ISR, 1), 1);
}

static void offer_packed(struct machine *m, unsigned at, uint64_t address, uint32_t size, uint16_t flags)
{
    bool wrap = at >= SIZE ? !m->wrap : m->wrap;
    descriptor(&m->f, RING, at % SIZE, address, size, 77, (uint16_t)(flags | (wrap ? 1 << 7 : 1 << 15)));
}

static void test_packed(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    unsigned at = 0;
    start(m, VIRTIO_F_RING_PACKED | VIRTIO_F_INDIRECT_DESC);
    for (unsigned i = 0; i < 20; i++) {
        header(f, TYPE_IN, i);
        offer_packed(m, at + 2, STATUS, 1, WRITE);
        offer_packed(m, at + 1, DATA, 512, NEXT | WRITE);
        offer_packed(m, at, HEADER, 16, NEXT);
        go(m);
        assert_int_equal(status_of(m), 0);
        assert_sectors(f, DATA, i, 512);
        uint16_t flags = word(f, RING + at * 16 + 14);
        assert_int_equal(flags & (1 << 7 | 1 << 15), m->wrap ? 1 << 7 | 1 << 15 : 0);
        assert_int_equal(word(f, RING + at * 16 + 12), 77);
        assert_int_equal(word(f, RING + at * 16 + 8), 513);
        m->wrap ^= at + 3 >= SIZE;
        at = (at + 3) % SIZE;
    }
    header(f, TYPE_ID, 0);
    descriptor(f, TABLE, 0, HEADER, 16, 0, 0);
    descriptor(f, TABLE, 1, DATA, 20, 0, WRITE);
    descriptor(f, TABLE, 2, STATUS, 1, 0, WRITE);
    offer_packed(m, at, TABLE, 48, INDIRECT);
    go(m);
    assert_int_equal(status_of(m), 0);
    char id[21] = "";
    physmem_read(f->board->mem, DATA, id, 20);
    assert_string_equal(id, "BR-disk0");
}

static void test_legacy(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    struct board *b = f->board;
    enum { AVAIL = RING + VIRTIO_QUEUE_SIZE * 16, USED = RING + 8192 };
    assert_int_equal(in(f, b, IO_AT + 20, 4), DISK_SIZE / 512);
    out(f, b, IO_AT + 18, 1, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    out(f, b, IO_AT + 14, 2, 0);
    assert_int_equal(in(f, b, IO_AT + 12, 2), VIRTIO_QUEUE_SIZE);
    out(f, b, IO_AT + 8, 4, RING >> 12);
    out(f, b, IO_AT + 18, 1, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_DRIVER_OK);
    header(f, TYPE_IN, 7);
    descriptor(f, RING, 0, HEADER, 16, NEXT, 1);
    descriptor(f, RING, 1, DATA, 512, NEXT | WRITE, 2);
    descriptor(f, RING, 2, STATUS, 1, WRITE, 0);
    put_word(f, AVAIL + 4, 0);
    put_word(f, AVAIL + 2, 1);
    out(f, b, IO_AT + 16, 2, 0);
    f->time += 1000000;
    board_run_timers(b);
    assert_int_equal(status_of(m), 0);
    assert_sectors(f, DATA, 7, 512);
    assert_int_equal(word(f, USED + 2), 1);
    assert_int_equal(in(f, b, IO_AT + 19, 1), 1);
}

/* A driver of the old interface may give requests before it says DRIVER_OK, as FreeBSD's does; one of the new interface may not. */
static void test_legacy_early(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    struct board *b = f->board;
    enum { AVAIL = RING + VIRTIO_QUEUE_SIZE * 16 };
    out(f, b, IO_AT + 18, 1, 0);
    out(f, b, IO_AT + 18, 1, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    out(f, b, IO_AT + 8, 4, RING >> 12);
    header(f, TYPE_IN, 7);
    descriptor(f, RING, 0, HEADER, 16, NEXT, 1);
    descriptor(f, RING, 1, DATA, 512, NEXT | WRITE, 2);
    descriptor(f, RING, 2, STATUS, 1, WRITE, 0);
    put_word(f, AVAIL + 4, 0);
    put_word(f, AVAIL + 2, 1);
    put_word(f, RING + 8192 + 2, 0);
    out(f, b, IO_AT + 16, 2, 0);
    f->time += 1000000;
    board_run_timers(b);
    assert_int_equal(word(f, RING + 8192 + 2), 1);
    assert_sectors(f, DATA, 7, 512);
}

/* The capability by which a driver reaches the structures without a mapped BAR. */
static void test_access(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    unsigned at = config_in(f, DEVFN, 0x34, 1);
    while (at && (config_in(f, DEVFN, at, 1) != 9 || config_in(f, DEVFN, at + 3, 1) != 5))
        at = config_in(f, DEVFN, at + 1, 1);
    assert_int_not_equal(at, 0);
    config_out(f, DEVFN, at + 4, 1, 4);
    config_out(f, DEVFN, at + 8, 4, 18); /* number of queues */
    config_out(f, DEVFN, at + 12, 4, 2);
    assert_int_equal(config_in(f, DEVFN, at + 16, 4) & 0xffff, 1);
    config_out(f, DEVFN, at + 8, 4, 0xfffffff0);
    config_in(f, DEVFN, at + 16, 4);
}

static void broken(struct machine *m)
{
    offer_split(m);
    assert_true(get(&m->f, 20, 1) & VIRTIO_NEEDS_RESET);
    assert_int_equal(word(&m->f, DEVICE + 2), 0);
}

static void test_mistakes(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    start(m, 0); /* a chain that loops */
    descriptor(f, RING, 0, HEADER, 16, NEXT, 1);
    descriptor(f, RING, 1, HEADER, 16, NEXT, 0);
    broken(m);
    start(m, 0); /* beyond the queue */
    descriptor(f, RING, 0, HEADER, 16, NEXT, SIZE);
    broken(m);
    start(m, 0); /* outside of memory */
    descriptor(f, RING, 0, 0x7fffffff000, 16, NEXT, 1);
    broken(m);
    start(m, 0); /* longer than memory */
    descriptor(f, RING, 0, HEADER, UINT32_MAX, 0, 0);
    broken(m);
    start(m, 0); /* no header, no status */
    descriptor(f, RING, 0, HEADER, 15, 0, 0);
    broken(m);
    start(m, 0); /* an indirect table that was not negotiated */
    descriptor(f, RING, 0, TABLE, 32, INDIRECT, 0);
    broken(m);
    start(m, VIRTIO_F_INDIRECT_DESC); /* indirect in indirect */
    descriptor(f, TABLE, 0, TABLE, 32, INDIRECT, 0);
    descriptor(f, RING, 0, TABLE, 32, INDIRECT, 0);
    broken(m);
    start(m, 0); /* more chains than the queue has */
    m->available = SIZE;
    descriptor(f, RING, 0, HEADER, 16, 0, 0);
    broken(m);
    start(m, 0); /* and after a reset all is well */
    split_read(m);
    assert_int_equal(status_of(m), 0);
}

static void test_bad_requests(void **state)
{
    static const struct {
        uint32_t type;
        uint64_t sector;
        uint8_t status;
    } cases[] = {{TYPE_IN, DISK_SIZE / 512, 1}, {TYPE_IN, UINT64_MAX, 1}, {99, 0, 2}, {11, 0, 1}, {13, 0, 1}};
    struct machine *m = *state;
    struct fixture *f = &m->f;
    start(m, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        header(f, cases[i].type, cases[i].sector);
        descriptor(f, RING, 0, HEADER, 16, NEXT, 1);
        descriptor(f, RING, 1, DATA, 512, NEXT | WRITE, 2);
        descriptor(f, RING, 2, STATUS, 1, WRITE, 0);
        offer_split(m);
        assert_int_equal(status_of(m), cases[i].status);
    }
    assert_false(get(f, 20, 1) & VIRTIO_NEEDS_RESET);
}

/* What is discarded is zeros then. */
static void test_discard(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    const struct {
        uint64_t sector;
        uint32_t sectors, flags;
    } range = {3, 2, 0};
    uint8_t have[1536], want[1536];
    start(m, 0);
    header(f, 11, 0);
    put(f, DATA, &range, sizeof range);
    descriptor(f, RING, 0, HEADER, 16, NEXT, 1);
    descriptor(f, RING, 1, DATA, sizeof range, NEXT, 2);
    descriptor(f, RING, 2, STATUS, 1, WRITE, 0);
    offer_split(m);
    assert_int_equal(status_of(m), 0);
    image_read(NULL, 2 * 512, want, sizeof want, NULL);
    memset(want + 512, 0, 1024);
    assert_int_equal(disk_read(board_disk(f->board, "disk0"), 2 * 512, have, sizeof have), 0);
    assert_memory_equal(have, want, sizeof want);
}

static void test_state(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f, other = {0};
    struct error err;
    start(m, 0);
    split_read(m);
    put_word(f, DRIVER + 4 + m->available % SIZE * 2, 0);
    put_word(f, DRIVER + 2, ++m->available);
    set(f, VIRTIO_NOTIFY, 2, 0); /* it is being executed */
    struct saved *saved = mem_zero(1, sizeof *saved);
    const struct snapshot_sink sink = saved_sink(saved);
    const struct snapshot_source source = saved_source(saved, true);
    board_save(f->board, &sink, NULL);
    other.board = new_board(&other, "virtio");
    other.time = f->time;
    if (board_load(other.board, &source, &err))
        fail_msg("%s", err.text);
    assert_int_equal(word(&other, DEVICE + 2), 1);
    other.time += 10000000;
    board_run_timers(other.board);
    assert_int_equal(word(&other, DEVICE + 2), 2);
    saved_free(saved);
    board_destroy(other.board);
}

/* Random rings, descriptors and registers: nothing may be reached outside of the machine. */
static void test_wild(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    uint64_t x = 1234567;
    for (unsigned i = 0; i < 30000; i++) {
        uint64_t r = next_random(&x);
        if (i % 50 == 0)
            start(m, r & (VIRTIO_F_RING_PACKED | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX));
        header(f, (uint32_t)(r >> 50) % 15, r >> 20 & 127);
        for (unsigned k = 0; k < SIZE; k++) {
            uint64_t d = next_random(&x);
            descriptor(f, d >> 60 & 1 ? RING : TABLE, k, d >> 59 & 1 ? HEADER : d & 0xffffff,
                       (uint32_t)(d >> 20 & 0x7ff), (uint16_t)(d >> 40),
                       (uint16_t)(d >> 50 & (d >> 58 & 1 ? 0xffff : 7)));
        }
        if (r >> 63)
            set(f, (unsigned)(r >> 8) % VIRTIO_BAR & ~3u, 1u << (r >> 4 & 1) << (r >> 5 & 1),
                next_random(&x));
        put_word(f, DRIVER + 4 + m->available % SIZE * 2, (uint16_t)(r >> 30) % SIZE);
        put_word(f, DRIVER + 2, ++m->available);
        go(m);
    }
}

/* ---------------------------------------------------------------- random numbers, console */

/* A buffer to write in two parts; the numbers are those of any machine with this configuration. */
static void test_rng(void **state)
{
    struct machine *m = *state, *again;
    struct fixture *f = &m->f;
    uint8_t first[100], second[100], zero[100] = {0};
    start(m, 0);
    descriptor(f, RING, 0, DATA, 30, NEXT | WRITE, 1);
    descriptor(f, RING, 1, DATA + 30, 70, WRITE, 0);
    offer_split(m);
    assert_int_equal(word(f, DEVICE + 2), 1);
    assert_int_equal(word(f, DEVICE + 8), 100);
    physmem_read(f->board->mem, DATA, first, 100);
    assert_memory_not_equal(first, zero, 100);
    offer_split(m);
    physmem_read(f->board->mem, DATA, second, 100);
    assert_memory_not_equal(first, second, 100);
    assert_int_equal(make_rng((void **)&again), 0);
    start(again, 0);
    descriptor(&again->f, RING, 0, DATA, 100, WRITE, 0);
    offer_split(again);
    physmem_read(again->f.board->mem, DATA, second, 100);
    assert_memory_equal(first, second, 100);
    drop((void **)&again);
    start(m, 0); /* nothing to fill */
    descriptor(f, RING, 0, DATA, 30, 0, 0);
    broken(m);
}

struct printed {
    char bytes[64], lines[64];
};

static void on_console(void *ctx, unsigned device, const void *data, size_t n)
{
    assert_int_equal(device, CONSOLE_VIRTIO);
    strncat(((struct printed *)ctx)->bytes, data, n);
}

static void on_event(void *ctx, const struct event *ev)
{
    struct printed *p = ctx;
    if (ev->kind != EV_CONSOLE_LINE)
        return;
    assert_int_equal(ev->f[EVF_CONSOLE_LINE_device], CONSOLE_VIRTIO);
    strncat(p->lines, ev->data, ev->len);
    strcat(p->lines, "|");
}

static void test_console(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    struct printed p = {"", ""};
    const struct observer o = {.ctx = &p, .event = on_event, .console = on_console};
    const struct input typed = {.port = INPUT_VIRTIO, .data = (const uint8_t *)"yes\n", .len = 4};
    char got[4];
    board_observe(f->board, EVENT_CLASS_BIT(EC_CONSOLE), &o);
    m->queue = 1;
    start(m, 0);
    put(f, DATA, "one\r\ntwo", 8);
    descriptor(f, RING, 0, DATA, 8, 0, 0);
    offer_split(m);
    assert_int_equal(word(f, DEVICE + 2), 1);
    assert_string_equal(p.bytes, "one\r\ntwo");
    assert_string_equal(p.lines, "one|");
    board_flush_events(f->board);
    assert_string_equal(p.lines, "one|two|");
    assert_int_equal(board_input(f->board, &typed), 0); /* no room: the driver waits for nothing */
    m->queue = 0;
    start(m, 0);
    descriptor(f, RING, 0, DATA, 3, WRITE, 0);
    offer_split(m);
    assert_int_equal(board_input(f->board, &typed), 3);
    assert_int_equal(word(f, DEVICE + 8), 3);
    physmem_read(f->board->mem, DATA, got, 3);
    assert_memory_equal(got, "yes", 3);
    assert_int_equal(board_input(f->board, &typed), 0);
}

static void test_wild_input(void **state)
{
    const struct input typed = {.port = INPUT_VIRTIO, .data = (const uint8_t *)"0123456789", .len = 10};
    struct machine *m = *state;
    uint64_t x = 7;
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t r = next_random(&x);
        start(m, r & VIRTIO_F_RING_PACKED);
        for (unsigned k = 0; k < SIZE; k++)
            descriptor(&m->f, RING, k, r & 0xffffff, (uint32_t)(r >> 24 & 31), (uint16_t)(r >> 40 & 7),
                       (uint16_t)(r >> 44 & 15));
        put_word(&m->f, DRIVER + 2, (uint16_t)(r >> 60));
        board_input(m->f.board, &typed);
    }
}

static void test_wild_console(void **state)
{
    ((struct machine *)*state)->queue = 1;
    test_wild(state);
}

/* ---------------------------------------------------------------- the network card */

enum { NET_HEADER = 12, FRAME = 100, MERGEABLE = 1 << 15 };

struct frames {
    unsigned out, in;
    uint8_t last[ENGINE_FRAME];
    uint32_t n;
};

static void on_frame(void *ctx, const struct event *ev)
{
    struct frames *fr = ctx;
    if (ev->kind != EV_NET_OUT && ev->kind != EV_NET_IN)
        return;
    fr->out += ev->kind == EV_NET_OUT;
    fr->in += ev->kind == EV_NET_IN;
    fr->n = ev->len;
    memcpy(fr->last, ev->data, ev->len);
}

static void observe_frames(struct fixture *f, struct frames *fr, struct observer *o)
{
    *o = (struct observer){.ctx = fr, .event = on_frame};
    board_observe(f->board, EVENT_CLASS_BIT(EC_NET), o);
}

static uint32_t send_in(struct fixture *f, const uint8_t *frame, uint32_t n)
{
    const struct input in = {.port = INPUT_NET0, .data = frame, .len = n};
    return board_input(f->board, &in);
}

static void test_net_send(void **state)
{
    struct machine *m = *state;
    struct frames fr = {0};
    struct observer o;
    uint8_t packet[NET_HEADER + FRAME] = {0};
    for (unsigned i = 0; i < FRAME; i++)
        packet[NET_HEADER + i] = (uint8_t)i;
    observe_frames(&m->f, &fr, &o);
    m->queue = 1;
    start(m, 0);
    put(&m->f, DATA, packet, sizeof packet);
    descriptor(&m->f, RING, 0, DATA, 30, NEXT, 1);
    descriptor(&m->f, RING, 1, DATA + 30, sizeof packet - 30, 0, 0);
    offer_split(m);
    assert_int_equal(fr.out, 1);
    assert_int_equal(fr.n, FRAME);
    assert_memory_equal(fr.last, packet + NET_HEADER, FRAME);
    assert_int_equal(word(&m->f, DEVICE + 2), 1);
    /* giant: given back, but no frame */
    descriptor(&m->f, RING, 0, DATA, 0x10000, 0, 0);
    offer_split(m);
    assert_int_equal(word(&m->f, DEVICE + 2), 2);
    assert_int_equal(fr.out, 1);
}

static void test_net_receive(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    struct frames fr = {0};
    struct observer o;
    uint8_t frame[FRAME], got[NET_HEADER + FRAME];
    for (unsigned i = 0; i < FRAME; i++)
        frame[i] = (uint8_t)(i * 3);
    observe_frames(f, &fr, &o);
    m->queue = 0;
    start(m, MERGEABLE);
    assert_int_equal(send_in(f, frame, FRAME), 0); /* no room yet */
    for (unsigned i = 0; i < 2; i++) {
        descriptor(f, RING, i, DATA + i * 0x100, 64, WRITE, 0);
        put_word(f, DRIVER + 4 + i * 2, (uint16_t)i);
    }
    put_word(f, DRIVER + 2, 1);
    assert_int_equal(send_in(f, frame, FRAME), 0); /* one buffer is too small */
    assert_int_equal(word(f, DEVICE + 2), 0);
    put_word(f, DRIVER + 2, 2);
    assert_int_equal(send_in(f, frame, FRAME), FRAME);
    assert_int_equal(word(f, DEVICE + 2), 2);
    assert_int_equal(word(f, DATA + 10), 2); /* num_buffers */
    physmem_read(f->board->mem, DATA, got, 64);
    physmem_read(f->board->mem, DATA + 0x100, got + 64, sizeof got - 64);
    assert_memory_equal(got + NET_HEADER, frame, FRAME);
    assert_int_equal(fr.in, 1);
    assert_memory_equal(fr.last, frame, FRAME);
}

/* Descriptors at random for all three queues, and frames of any length. */
static void test_wild_net(void **state)
{
    struct machine *m = *state;
    static uint8_t frame[ENGINE_FRAME];
    uint64_t x = 11;
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t r = next_random(&x);
        m->queue = (unsigned)(r % 3);
        start(m, (r & VIRTIO_F_RING_PACKED) | (r & MERGEABLE) | 0x60000);
        for (unsigned k = 0; k < SIZE; k++) {
            r = next_random(&x);
            descriptor(&m->f, RING, k, r & 0xffffff, (uint32_t)(r >> 24 & (r >> 62 ? 0x7f : 0x1ffff)),
                       (uint16_t)(r >> 40 & 7), (uint16_t)(r >> 44 & 15));
        }
        put_word(&m->f, DRIVER + 2, (uint16_t)(r >> 60));
        go(m);
        send_in(&m->f, frame, (uint32_t)(r >> 8 & 0xfff));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
    const struct CMUnitTest tests[] = {
        TEST(test_split),
        TEST(test_indirect),
        TEST(test_events),
        TEST(test_packed),
        TEST(test_legacy),
        TEST(test_legacy_early),
        TEST(test_access),
        TEST(test_mistakes),
        TEST(test_bad_requests),
        TEST(test_discard),
        TEST(test_state),
        TEST(test_wild),
#define OTHER(name, made) cmocka_unit_test_setup_teardown(name, made, drop)
        OTHER(test_rng, make_rng),
        OTHER(test_wild, make_rng),
        OTHER(test_console, make_console),
        OTHER(test_wild_input, make_console),
        OTHER(test_wild_console, make_console),
        OTHER(test_net_send, make_net),
        OTHER(test_net_receive, make_net),
        OTHER(test_wild_net, make_net),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
