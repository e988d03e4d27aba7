/* virtio_driver.h - a driver of a virtio device on a mainboard: configuration, one queue in guest memory,
 * chains. For tests, after cmocka.h. */
#ifndef BOOTREEL_TESTS_UNIT_VIRTIO_DRIVER_H
#define BOOTREEL_TESTS_UNIT_VIRTIO_DRIVER_H

#include "hv/board/virtio/virtio.h"
#include "tests/unit/mainboard.h"

#define BAR_AT 0xfeb00000u
enum {
    DEVFN = 4 << 3,
    IO_AT = 0xc000,
    SIZE = 8,
    RING = 0x10000,   /* descriptors */
    DRIVER = 0x11000, /* the driver's area */
    DEVICE = 0x12000, /* the device's area */
    TABLE = 0x13000,
    HEADER = 0x14000,
    STATUS = 0x14100,
    DATA = 0x20000,
};
enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };

struct descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t a, b;
};
struct machine {
    struct fixture f;
    uint16_t available;
    bool packed, wrap;
    unsigned queue;
};

static inline struct board *new_board(struct fixture *f, const char *interface)
{
    struct board_host host = {.ctx = f, .icount = host_icount, .time = host_time};
    struct error err;
    f->image[0] = (struct image){.role = "disk0", .name = "disk", .size = DISK_SIZE, .read = image_read};
    f->setting[0] = (struct setting){"memory", "16777216"};
    f->setting[1] = (struct setting){"vga", "none"};
    f->setting[2] = (struct setting){"disk0-interface", interface};
    f->cfg = (struct engine_config){.settings = f->setting, .nsettings = 3, .images = f->image, .nimages = 1};
    struct board *b = board_create(&f->cfg, &host, &err);
    if (!b)
        fail_msg("%s", err.text);
    return b;
}

/* With one device that is no drive; `key` is its setting. */
static inline struct board *new_other(struct fixture *f, const char *key, const char *name)
{
    struct board_host host = {.ctx = f, .icount = host_icount, .time = host_time};
    struct error err;
    f->setting[0] = (struct setting){"memory", "16777216"};
    f->setting[1] = (struct setting){"vga", "none"};
    f->setting[2] = (struct setting){key, name};
    f->cfg = (struct engine_config){.settings = f->setting, .nsettings = 3, .images = f->image, .nimages = 0};
    struct board *b = board_create(&f->cfg, &host, &err);
    if (!b)
        fail_msg("%s", err.text);
    return b;
}

static inline uint32_t get(struct fixture *f, unsigned at, unsigned size)
{
    return memory_in(f, BAR_AT + at, size);
}

static inline void set(struct fixture *f, unsigned at, unsigned size, uint64_t value)
{
    memory_out(f, BAR_AT + at, size, value);
}

static inline void put(struct fixture *f, uint64_t at, const void *data, size_t n)
{
    physmem_write(f->board->mem, at, data, n);
}

static inline uint16_t word(struct fixture *f, uint64_t at)
{
    uint16_t v;
    physmem_read(f->board->mem, at, &v, 2);
    return v;
}

static inline void put_word(struct fixture *f, uint64_t at, uint16_t v)
{
    put(f, at, &v, 2);
}

static inline void descriptor(struct fixture *f, uint64_t table, unsigned i, uint64_t address, uint32_t size,
                              uint16_t a, uint16_t b)
{
    struct descriptor d = {address, size, a, b};
    put(f, table + i * sizeof d, &d, sizeof d);
}

static inline void start(struct machine *m, uint64_t features)
{
    struct fixture *f = &m->f;
    uint8_t zero[4096] = {0};
    m->available = 0;
    m->packed = features & VIRTIO_F_RING_PACKED;
    m->wrap = true;
    put(f, RING, zero, sizeof zero);
    put(f, DRIVER, zero, sizeof zero);
    put(f, DEVICE, zero, sizeof zero);
    set(f, 20, 1, 0);
    set(f, 20, 1, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    features |= VIRTIO_F_VERSION_1;
    for (unsigned i = 0; i < 2; i++) {
        set(f, 8, 4, i);
        set(f, 12, 4, (uint32_t)(features >> i * 32));
    }
    set(f, 20, 1, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
    assert_true(get(f, 20, 1) & VIRTIO_FEATURES_OK);
    set(f, 22, 2, m->queue);
    set(f, 24, 2, SIZE);
    set(f, 32, 8, RING);
    set(f, 40, 8, DRIVER);
    set(f, 48, 8, DEVICE);
    set(f, 28, 2, 1);
    set(f, 20, 1, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
}

/* With a drive if `key` is NULL: `name` is its interface. */
static inline int make_of(void **state, const char *key, const char *name)
{
    struct machine *m = mem_zero(1, sizeof *m);
    struct fixture *f = &m->f;
    f->board = key ? new_other(f, key, name) : new_board(f, name);
    config_out(f, DEVFN, 0x10, 4, IO_AT);
    config_out(f, DEVFN, 0x20, 4, BAR_AT);
    config_out(f, DEVFN, 0x04, 2, 7);
    *state = m;
    return 0;
}

static inline int drop(void **state)
{
    struct machine *m = *state;
    board_destroy(m->f.board);
    free(m);
    return 0;
}

static inline void go(struct machine *m)
{
    set(&m->f, VIRTIO_NOTIFY + m->queue * VIRTIO_NOTIFY_STEP, 2, 0);
    m->f.time += 10000000;
    board_run_timers(m->f.board);
}

/* The chain that begins at descriptor 0. */
static inline void offer_split(struct machine *m)
{
    put_word(&m->f, DRIVER + 4 + m->available % SIZE * 2, 0);
    put_word(&m->f, DRIVER + 2, ++m->available);
    go(m);
}

static inline uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

#endif
