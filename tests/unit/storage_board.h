/* storage_board.h - the board of test_storage.c: ports, timers, lines, disks and memory made of arrays. The
 * functions here stand in for the library's, so that nothing else of hv/board is linked. Only one source file
 * of a program includes this.
 */
#ifndef BOOTREEL_TESTS_STORAGE_BOARD_H
#define BOOTREEL_TESTS_STORAGE_BOARD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hv/board/chipset/dma.h"
#include "hv/board/pci/function.h"
#include "hv/board/slots.h"
#include "hv/board/storage/disk.h"
#include "hv/board/chip.h"

/* ---------------------------------------------------------------- the fake board */

enum { RAM = 1 << 20, MAX = 24 };

struct disk {
    const char *role;
    uint64_t size;
    uint8_t *data;
    unsigned flushed, through; /* how often the drive promised that what was written stays */
};

struct range {
    uint16_t first;
    unsigned count;
    bool bytewise;
    void *ctx;
    port_in_fn *in;
    port_out_fn *out;
};

struct board {
    uint64_t now;
    uint8_t ram[RAM];
    struct chip chip[MAX];
    struct range range[MAX];
    struct timer *timer[MAX];
    unsigned nchips, nranges, ntimers;
    bool irq[24];
    unsigned edges[24];
    struct pci_device *pci;
    struct disk disk[6];
    unsigned ndisks;
    struct image image[6];
    struct engine_config config;
    void *slot[SLOT_COUNT];
    char log[4096]; /* the disk and boot sector events */
    unsigned unhandled;
    uint32_t dma_address, dma_left; /* channel 2: bytes to go */
};

void board_add_chip(struct board *b, const struct chip *c)
{
    b->chip[b->nchips++] = chip_flat(c);
}

void board_ports(struct board *b, uint16_t first, unsigned count, bool bytewise, void *ctx, port_in_fn *in,
                 port_out_fn *out)
{
    b->range[b->nranges++] = (struct range){first, count, bytewise, ctx, in, out};
}

void board_ports_remove(struct board *b, uint16_t first, unsigned count, void *ctx)
{
    for (unsigned i = 0; i < b->nranges; i++)
        if (b->range[i].first == first && b->range[i].ctx == ctx)
            b->range[i].count = 0;
}

struct physmem *board_mem(struct board *b)
{
    return (struct physmem *)b;
}

void physmem_read(struct physmem *m, uint64_t pa, void *buf, size_t n)
{
    assert_true(pa + n <= RAM);
    memcpy(buf, ((struct board *)m)->ram + pa, n);
}

void physmem_write(struct physmem *m, uint64_t pa, const void *buf, size_t n)
{
    assert_true(pa + n <= RAM);
    memcpy(((struct board *)m)->ram + pa, buf, n);
}

uint64_t board_now(const struct board *b)
{
    return b->now;
}

/* Nothing varies. */
uint64_t board_late(struct board *b)
{
    return 0;
}

void board_timer(struct board *b, struct timer *t, void (*fire)(void *), void *ctx)
{
    t->deadline = TIMER_OFF;
    t->fire = fire;
    t->ctx = ctx;
    b->timer[b->ntimers++] = t;
}

void timer_set(struct board *b, struct timer *t, uint64_t deadline)
{
    t->deadline = deadline;
}
void timer_stop(struct board *b, struct timer *t)
{
    t->deadline = TIMER_OFF;
}

void board_irq(struct board *b, unsigned line, bool level)
{
    b->edges[line] += level && !b->irq[line];
    b->irq[line] = level;
}

bool board_observes(const struct board *b, enum event_class c)
{
    return true;
}

void board_event(struct board *b, struct event *ev)
{
    char line[200];

    if (ev->kind == EV_DISK_COMMAND)
        return;
    snprintf(line, sizeof line, "%s %.*s d%d lba %llu n %llu @%llx\n", ev->kind == EV_DISK_READ ? "R" : "W",
             (int)ev->len, (const char *)ev->data, (int)ev->f[0], (unsigned long long)ev->f[2],
             (unsigned long long)ev->f[3], (unsigned long long)ev->f[4]);
    if (strlen(b->log) + strlen(line) < sizeof b->log)
        strcat(b->log, line);
}

void board_boot_sector(struct board *b, unsigned drive, uint64_t lba)
{
    char line[40];

    snprintf(line, sizeof line, "boot %u %llu\n", drive, (unsigned long long)lba);
    if (strlen(b->log) + strlen(line) < sizeof b->log)
        strcat(b->log, line);
}

void board_unhandled(struct board *b, const char *what, uint64_t number, bool write, uint64_t value)
{
    b->unhandled++;
}

/* Images of the disks, for those who look for drives. */
const struct engine_config *board_config(const struct board *b)
{
    struct board *own = (struct board *)b;
    for (unsigned i = 0; i < b->ndisks; i++)
        own->image[i] = (struct image){.role = b->disk[i].role, .size = b->disk[i].size};
    own->config = (struct engine_config){.images = own->image, .nimages = b->ndisks};
    return &own->config;
}

void board_boot_path(struct board *b, const char *role, const char *form, ...) {}

struct disk *board_disk(struct board *b, const char *role)
{
    for (unsigned i = 0; i < b->ndisks; i++)
        if (!strcmp(b->disk[i].role, role))
            return &b->disk[i];
    return NULL;
}

uint64_t disk_size(const struct disk *d)
{
    return d->size;
}

int disk_read(struct disk *d, uint64_t offset, void *buf, size_t n)
{
    assert_true(offset + n <= d->size);
    memcpy(buf, d->data + offset, n);
    return 0;
}

/* Nothing fails here. */
int disk_verify(struct disk *d, uint64_t offset, uint64_t n)
{
    assert_true(offset + n <= d->size);
    return 0;
}

uint64_t disk_bad(const struct disk *d)
{
    return 0;
}

int disk_write(struct disk *d, uint64_t offset, const void *buf, size_t n)
{
    assert_true(offset + n <= d->size);
    memcpy(d->data + offset, buf, n);
    return 0;
}

int disk_zero(struct disk *d, uint64_t offset, uint64_t n)
{
    assert_true(offset + n <= d->size);
    memset(d->data + offset, 0, n);
    return 0;
}

void disk_through(struct disk *d, uint64_t offset, uint64_t n)
{
    assert_true(offset + n <= d->size);
    d->through++;
}

void disk_flush(struct disk *d, uint64_t offset, uint64_t n)
{
    assert_true(offset + n <= d->size);
    d->flushed++;
}

void disk_flush_all(struct disk *d)
{
    disk_flush(d, 0, d->size);
}

bool board_behaves(const struct board *b, uint32_t version)
{
    return true;
}

void pci_init(struct pci_device *d, const char *name, unsigned devfn, uint16_t vendor, uint16_t device,
              uint32_t class_code, uint8_t revision, uint8_t pin)
{
    memset(d, 0, sizeof *d);
    d->devfn = devfn;
    d->config[0] = vendor;
    d->config[1] = vendor >> 8;
    d->config[2] = device;
    d->config[3] = device >> 8;
    d->config[9] = class_code;
    d->config[10] = class_code >> 8;
    d->config[11] = class_code >> 16;
}

void board_add_pci(struct board *b, struct pci_device *d)
{
    b->pci = d;
}
void pci_loaded(struct board *b, struct pci_device *d) {}
void *board_slot(const struct board *b, enum chip_slot s)
{
    return b->slot[s];
}
void board_set_slot(struct board *b, enum chip_slot s, void *state)
{
    b->slot[s] = state;
}

unsigned dma_transfer(struct board *b, unsigned channel, void *buf, unsigned n, bool to_memory, bool *tc)
{
    assert_int_equal(channel, 2);
    if (n > b->dma_left)
        n = b->dma_left;
    if (to_memory)
        memcpy(b->ram + b->dma_address, buf, n);
    else
        memcpy(buf, b->ram + b->dma_address, n);
    b->dma_address += n;
    b->dma_left -= n;
    *tc = n && !b->dma_left;
    return n;
}

/* ---------------------------------------------------------------- what a guest does */

static inline struct range *range_of(struct board *b, uint16_t port)
{
    for (unsigned i = b->nranges; i-- > 0;)
        if (port >= b->range[i].first && port < b->range[i].first + b->range[i].count)
            return &b->range[i];
    fail_msg("no handler for port %x", port);
    return NULL;
}

static inline uint32_t in(struct board *b, uint16_t port, unsigned size)
{
    struct range *r = range_of(b, port);
    uint32_t v = 0;

    if (!r->bytewise)
        return r->in(r->ctx, port, size);
    for (unsigned i = 0; i < size; i++)
        v |= (r->in(r->ctx, port + i, 1) & 0xff) << 8 * i;
    return v;
}

static inline void out(struct board *b, uint16_t port, unsigned size, uint32_t v)
{
    struct range *r = range_of(b, port);

    if (!r->bytewise)
        r->out(r->ctx, port, size, v);
    else
        for (unsigned i = 0; i < size; i++)
            r->out(r->ctx, port + i, 1, v >> 8 * i & 0xff);
}

static inline uint8_t inb(struct board *b, uint16_t port)
{
    return in(b, port, 1);
}
static inline void outb(struct board *b, uint16_t port, uint8_t v)
{
    out(b, port, 1, v);
}

/* Lets guest time pass until no timer runs. */
static inline void settle(struct board *b)
{
    for (unsigned round = 0; round < 100000; round++) {
        struct timer *first = NULL;

        for (unsigned i = 0; i < b->ntimers; i++)
            if (b->timer[i]->deadline != TIMER_OFF && (!first || b->timer[i]->deadline < first->deadline))
                first = b->timer[i];
        if (!first)
            return;
        b->now = first->deadline > b->now ? first->deadline : b->now;
        first->deadline = TIMER_OFF;
        first->fire(first->ctx);
    }
    fail_msg("timers never rest");
}

static inline void step_to_idle(struct board *b)
{
    b->now += 1000;
    settle(b);
}

#endif
