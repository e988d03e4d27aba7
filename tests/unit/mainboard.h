/* mainboard.h - a mainboard without a machine around it: the test is its host, which counts steps and keeps what
 * the observer saw. For tests, after cmocka.h.
 */
#ifndef BOOTREEL_TESTS_UNIT_MAINBOARD_H
#define BOOTREEL_TESTS_UNIT_MAINBOARD_H

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "hv/board/storage/disk.h"
#include "hv/board/internal.h"

enum { DISK_SIZE = 40960 + 512, BIOS_SIZE = 128 << 10 };

struct fixture {
    uint64_t icount, time;
    struct image image[2];
    struct setting setting[4];
    struct engine_config cfg;
    struct board *board;
    char log[8192]; /* what the observer saw, a line an event */
    uint64_t last_icount;
};

static inline uint64_t host_icount(void *ctx)
{
    return ((struct fixture *)ctx)->icount;
}

static inline uint64_t host_time(void *ctx)
{
    return ((struct fixture *)ctx)->time;
}

static inline int image_read(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)buf)[i] = (uint8_t)((offset + i) * 7 + (offset + i) / 512);
    return 0;
}

static inline void seen(void *ctx, const struct event *ev)
{
    struct fixture *f = ctx;
    char text[600];
    event_text(ev, text, sizeof text);
    assert_true(ev->icount >= f->last_icount);
    f->last_icount = ev->icount;
    size_t n = strlen(f->log);
    snprintf(f->log + n, sizeof f->log - n, "%llu %s: %s\n", (unsigned long long)ev->icount,
             event_kind(ev->kind)->name, text);
}

static inline struct board *make_board_with(struct fixture *f, uint64_t disk_size)
{
    static const char memory[] = "16777216";
    struct board_host host = {.ctx = f, .icount = host_icount, .time = host_time};
    struct error err;
    f->image[0] = (struct image){.role = "disk0", .name = "disk", .size = disk_size, .read = image_read};
    f->image[1] = (struct image){.role = "bios", .name = "bios", .size = BIOS_SIZE, .read = image_read};
    f->setting[0] = (struct setting){"memory", memory};
    f->setting[1] = (struct setting){"cpus", "2"};
    f->setting[2] = (struct setting){"vga", "none"};
    f->cfg = (struct engine_config){.settings = f->setting, .nsettings = 3, .images = f->image, .nimages = 2};
    struct board *b = board_create(&f->cfg, &host, &err);
    if (!b)
        fail_msg("%s", err.text);
    return b;
}

static inline struct board *make_board(struct fixture *f)
{
    return make_board_with(f, DISK_SIZE);
}

static inline int setup(void **state)
{
    struct fixture *f = mem_zero(1, sizeof *f);
    f->board = make_board(f);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    board_destroy(f->board);
    free(f);
    return 0;
}

static inline void observe(struct fixture *f, struct board *b, uint32_t classes)
{
    struct observer o = {.ctx = f, .event = seen};
    f->log[0] = 0;
    f->last_icount = 0;
    board_observe(b, classes, &o);
}

static inline uint32_t in(struct fixture *f, struct board *b, uint16_t port, unsigned size)
{
    f->icount++;
    return b->cpu[0].bus.in(b->cpu[0].bus.ctx, port, size);
}

static inline void out(struct fixture *f, struct board *b, uint16_t port, unsigned size, uint32_t value)
{
    f->icount++;
    b->cpu[0].bus.out(b->cpu[0].bus.ctx, port, size, value);
}

/* Accesses to memory by processor 0, which count no step here. */
static inline uint32_t memory_in(const struct fixture *f, uint64_t address, unsigned size)
{
    struct x86_bus *bus = &f->board->cpu[0].bus;
    return (uint32_t)bus->read(bus->ctx, address, size);
}

static inline void memory_out(const struct fixture *f, uint64_t address, unsigned size, uint64_t value)
{
    struct x86_bus *bus = &f->board->cpu[0].bus;
    bus->write(bus->ctx, address, size, value);
}

static inline uint32_t config_in(struct fixture *f, unsigned devfn, unsigned reg, unsigned size)
{
    out(f, f->board, 0xcf8, 4, 0x80000000 | devfn << 8 | (reg & 0xfc));
    return in(f, f->board, (uint16_t)(0xcfc + (reg & 3)), size);
}

static inline void config_out(struct fixture *f, unsigned devfn, unsigned reg, unsigned size, uint32_t value)
{
    out(f, f->board, 0xcf8, 4, 0x80000000 | devfn << 8 | (reg & 0xfc));
    out(f, f->board, (uint16_t)(0xcfc + (reg & 3)), size, value);
}

#endif
