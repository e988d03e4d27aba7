/* cards.h - a machine whose card is driven by a fuzzer's bytes, as a hostile driver would: registers,
 * configuration, descriptors in memory, frames, keys, and time that passes. For fuzz_nics.c and
 * fuzz_drives.c.
 *
 * Each event is put into words. At a place that the bytes choose the machine is saved, and loaded into a
 * second one: from there on both do the same, and whatever they answer, tell and are at the end must be
 * equal. What is not ends the program. */
#ifndef BOOTREEL_TESTS_FUZZ_CARDS_H
#define BOOTREEL_TESTS_FUZZ_CARDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "hv/board/internal.h"
#include "tests/unit/saved_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    ARENA = 0x10000, /* where drivers have their structures */
    ARENA_STEP = 0x400,
    DATA = 0x40000,
    DISK = 96 << 10,
    OPERATIONS = 3000,
    TAILS = 16,
    RANGES = 8,
};

struct driven; /* below */

/* What has a card: `start` does what a driver does before its first command, `give` gives a command or buffers. */
struct driven_kind {
    uint8_t devfn;
    struct setting setting[3];
    const char *role[3]; /* of its drives */
    void (*start)(struct driven *);
    void (*give)(struct driven *, unsigned which);
    size_t (*request)(struct driven *,
                      uint8_t *); /* of virtio: fills the beginning of a request, at most 64 bytes */
    unsigned input;               /* a port for inputs, or 0 */
    struct {
        uint16_t first, size;
    } port[3]; /* beside its BARs */
};

struct driven_machine {
    struct image image[3];
    struct setting setting[6];
    struct engine_config cfg;
    struct board *board;
    uint64_t icount, time;
    void *words;
    uint64_t told; /* a sum over its events */
};

struct driven_range {
    uint64_t at, size;
    bool io;
};

/* The machines of a kind are made once: a case begins with the state that they had then. */
struct driven_bench {
    struct driven_machine machine[2];
    struct saved *fresh;
};

struct driven {
    const uint8_t *p;
    size_t n;
    const struct driven_kind *kind;
    struct driven_machine *machine;
    unsigned machines;
    struct driven_range range[RANGES];
    unsigned ranges;
    unsigned tail[TAILS]; /* for `give` */
};

#define FUZZ_CHECK(what, ...)                                                                                \
    do {                                                                                                     \
        if (!(what)) {                                                                                       \
            fprintf(stderr, __VA_ARGS__);                                                                    \
            fprintf(stderr, ": %s\n", #what);                                                                \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* ---------------------------------------------------------------- bytes */

static uint8_t take(struct driven *d)
{
    return d->n ? d->n--, *d->p++ : 0;
}

static uint64_t take_bytes(struct driven *d, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++)
        v |= (uint64_t)take(d) << i * 8;
    return v;
}

static uint64_t take_address(struct driven *d)
{
    return ARENA + take(d) * ARENA_STEP;
}

/* A small number, one with a bit, an address of the arena, or anything. */
static uint64_t take_value(struct driven *d)
{
    switch (take(d) & 7) {
    case 0:
        return 0;
    case 1:
        return take(d);
    case 2:
        return take_bytes(d, 2);
    case 3:
        return take_bytes(d, 4);
    case 4:
        return take_bytes(d, 8);
    case 5:
        return 1ull << (take(d) & 63);
    case 6:
        return take_address(d);
    default:
        return take_address(d) + take(d);
    }
}

/* ---------------------------------------------------------------- a machine */

static uint64_t driven_icount(void *ctx)
{
    return ((struct driven_machine *)ctx)->icount;
}

static uint64_t driven_time(void *ctx)
{
    return ((struct driven_machine *)ctx)->time;
}

static int driven_read(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)buf)[i] = (uint8_t)((offset + i) * 7 + (offset + i) / 512);
    return 0;
}

static uint64_t add_to_sum(uint64_t sum, const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ ((const uint8_t *)p)[i]) * 1099511628211u;
    return sum;
}

static void driven_event(void *ctx, const struct event *ev)
{
    struct driven_machine *m = ctx;
    char text[1024];
    const char *manual, *source;
    int n = event_text(ev, text, sizeof text);
    m->told = add_to_sum(m->told, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
    m->told = add_to_sum(m->told, &ev->time, sizeof ev->time);
    board_words(m->words, ev, text, sizeof text, &manual, &source);
}

static void make_machine(struct driven_machine *m, const struct driven_kind *kind)
{
    const struct board_host host = {.ctx = m, .icount = driven_icount, .time = driven_time};
    struct error err = {""};
    unsigned images = 0, settings = 0;
    m->setting[settings++] = (struct setting){"memory", "1048576"};
    m->setting[settings++] = (struct setting){"vga", "none"};
    for (unsigned i = 0; i < 3 && kind->setting[i].key; i++)
        m->setting[settings++] = kind->setting[i];
    for (unsigned i = 0; i < 3 && kind->role[i]; i++)
        m->image[images++] =
            (struct image){.role = kind->role[i], .name = "drive", .size = DISK, .read = driven_read};
    m->cfg = (struct engine_config){
        .settings = m->setting, .nsettings = settings, .images = m->image, .nimages = images};
    m->board = board_create(&m->cfg, &host, &err);
    FUZZ_CHECK(m->board, "%s", err.text);
    m->words = mem_zero(1, board_words_size());
    board_words_reset(m->words, &m->cfg);
    const struct observer o = {.ctx = m, .event = driven_event};
    board_observe(m->board, EVENT_CLASSES_ALL, &o);
}

/* ---------------------------------------------------------------- what a processor does */

static void put(struct driven *d, uint64_t at, const void *p, size_t n)
{
    for (unsigned i = 0; i < d->machines; i++)
        physmem_write(d->machine[i].board->mem, at, p, n);
}

static void write_at(struct driven *d, bool io, uint64_t at, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < d->machines; i++) {
        const struct x86_bus *bus = &d->machine[i].board->cpu[0].bus;
        d->machine[i].icount++;
        if (io)
            bus->out(bus->ctx, (uint16_t)at, size > 4 ? 4 : size, (uint32_t)value);
        else
            bus->write(bus->ctx, at, size, value);
    }
}

static uint64_t read_at(struct driven *d, bool io, uint64_t at, unsigned size)
{
    uint64_t v[2] = {0, 0};
    for (unsigned i = 0; i < d->machines; i++) {
        const struct x86_bus *bus = &d->machine[i].board->cpu[0].bus;
        d->machine[i].icount++;
        v[i] = io ? bus->in(bus->ctx, (uint16_t)at, size > 4 ? 4 : size) : bus->read(bus->ctx, at, size);
    }
    FUZZ_CHECK(d->machines < 2 || v[0] == v[1], "%llx reads %llx and %llx", (unsigned long long)at,
               (unsigned long long)v[0], (unsigned long long)v[1]);
    return v[0];
}

static void config_write(struct driven *d, unsigned reg, unsigned size, uint32_t value)
{
    write_at(d, true, 0xcf8, 4, 0x80000000 | (uint32_t)d->kind->devfn << 8 | (reg & 0xfc));
    write_at(d, true, 0xcfc + (reg & 3), size, value);
}

static uint32_t config_read(struct driven *d, unsigned reg)
{
    write_at(d, true, 0xcf8, 4, 0x80000000 | (uint32_t)d->kind->devfn << 8 | reg);
    return (uint32_t)read_at(d, true, 0xcfc, 4);
}

/* The register at an offset in the nth range. */
static void set(struct driven *d, unsigned nth, uint32_t at, unsigned size, uint64_t value)
{
    if (nth < d->ranges)
        write_at(d, d->range[nth].io, d->range[nth].at + at, size, value);
}

static void pass(struct driven *d, uint64_t ns)
{
    for (unsigned i = 0; i < d->machines; i++) {
        d->machine[i].time += ns;
        board_run_timers(d->machine[i].board);
    }
}

static void to_deadline(struct driven *d)
{
    const uint64_t at = board_deadline(d->machine[0].board), now = d->machine[0].time;
    FUZZ_CHECK(d->machines < 2 || board_deadline(d->machine[1].board) == at, "other deadlines");
    pass(d, at == UINT64_MAX || at < now ? 1000 : at - now);
}

/* Gives its BARs places, and turns it on. */
static void place(struct driven *d)
{
    d->ranges = 0;
    for (unsigned i = 0; i < 6; i++) {
        config_write(d, 0x10 + i * 4, 4, UINT32_MAX);
        const uint32_t bits = config_read(d, 0x10 + i * 4), io = bits & 1;
        if (!bits)
            continue;
        const uint32_t at = io ? 0xc000 + i * 0x100 : 0xe0000000 + i * 0x100000;
        d->range[d->ranges++] =
            (struct driven_range){at, (io ? ~(bits & ~3u) & 0xffff : ~(bits & ~15u)) + 1ull, io};
        config_write(d, 0x10 + i * 4, 4, at);
        if (!io && (bits & 6) == 4)
            config_write(d, 0x10 + ++i * 4, 4, 0);
    }
    for (unsigned i = 0; i < 3 && d->kind->port[i].size; i++)
        d->range[d->ranges++] = (struct driven_range){d->kind->port[i].first, d->kind->port[i].size, true};
    config_write(d, 4, 2, 7);
}

static void start(struct driven *d)
{
    memset(d->tail, 0, sizeof d->tail);
    place(d);
    d->kind->start(d);
}

/* ---------------------------------------------------------------- saving */

static struct saved *save(const struct driven_machine *m)
{
    struct saved *s = mem_zero(1, sizeof *s);
    const struct snapshot_sink sink = saved_sink(s);
    board_save(m->board, &sink, NULL);
    return s;
}

static void load(struct driven_machine *m, struct saved *s)
{
    const struct snapshot_source source = saved_source(s, true);
    struct error err = {""};
    FUZZ_CHECK(!board_load(m->board, &source, &err), "%s", err.text);
    board_words_reset(m->words, &m->cfg);
    m->told = 0;
}

/* A page that is not in it is zero. */
static uint64_t sum_of_pages(const struct saved *s)
{
    static const uint8_t zero[SNAPSHOT_PAGE];
    uint64_t sum = 0;
    for (size_t i = 0; i < s->npages; i++) {
        const struct saved_page *p = &s->page[i];
        if (memcmp(p->data, zero, sizeof zero))
            sum += add_to_sum(add_to_sum(p->index, p->region, strlen(p->region)), p->data, sizeof p->data);
    }
    return sum;
}

/* The field at a byte of a section. */
struct sought {
    const char *section;
    size_t at;
    char name[80];
};

static void seek_field(void *ctx, const char *name, const struct field *f, size_t n, const void *base)
{
    struct sought *s = ctx;
    size_t end = 0;
    for (size_t i = 0; i < n && !strcmp(name, s->section); i++) {
        const size_t begin = end;
        end += section_size(&f[i], 1);
        if (s->at >= begin && s->at < end)
            snprintf(s->name, sizeof s->name, "%s, byte %zu", f[i].name, s->at - begin);
    }
}

static void pass_page(void *ctx, const char *region, uint64_t index, const void *data) {}

static void assert_same_section(const struct driven *d, const struct saved_section *a,
                                const struct saved_section *b)
{
    struct sought s = {.section = a->name};
    const struct snapshot_sink sink = {.ctx = &s, .section = seek_field, .page = pass_page};
    FUZZ_CHECK(a->size == b->size, "section %s", a->name);
    while (s.at < a->size && a->bytes[s.at] == b->bytes[s.at])
        s.at++;
    if (s.at < a->size)
        board_save(d->machine[0].board, &sink, NULL);
    FUZZ_CHECK(s.at == a->size, "section %s, %s: %02x and %02x", a->name, s.name, a->bytes[s.at],
               b->bytes[s.at]);
}

static void assert_same(const struct driven *d)
{
    struct saved *a = save(&d->machine[0]), *b = save(&d->machine[1]);
    FUZZ_CHECK(a->nsections == b->nsections, "sections");
    for (size_t i = 0; i < a->nsections; i++)
        assert_same_section(d, &a->section[i], &b->section[i]);
    FUZZ_CHECK(sum_of_pages(a) == sum_of_pages(b), "pages");
    FUZZ_CHECK(d->machine[0].told == d->machine[1].told, "events");
    saved_free(a);
    saved_free(b);
}

static void fork_machine(struct driven *d)
{
    struct driven_machine *a = &d->machine[0], *b = &d->machine[1];
    if (d->machines > 1)
        return;
    struct saved *s = save(a);
    b->icount = a->icount;
    b->time = a->time;
    load(b, s);
    saved_free(s);
    a->told = 0;
    d->machines = 2;
    assert_same(d);
}

/* ---------------------------------------------------------------- operations */

static void op_register(struct driven *d)
{
    const unsigned what = take(d);
    if (!d->ranges)
        return;
    const struct driven_range *r = &d->range[(what & 7) % d->ranges];
    const uint64_t at = r->at + take_bytes(d, r->size > 256 ? 2 : 1) * (r->size > 65536 ? 4 : 1) % r->size;
    const unsigned size = 1u << (what >> 3 & 3);
    if (what & 0x20)
        read_at(d, r->io, at, size);
    else
        write_at(d, r->io, at, size, take_value(d));
}

static void op_memory(struct driven *d)
{
    const uint64_t at = take_address(d) + take(d) * 4;
    const size_t n = take(d);
    const size_t have = n < d->n ? n : d->n;
    put(d, at, d->p, have);
    d->p += have;
    d->n -= have;
}

static void op_words(struct driven *d)
{
    const uint64_t at = take_address(d) + take(d) * 4;
    for (unsigned i = 0, n = take(d) & 15; i < n; i++) {
        const uint64_t v = take_value(d);
        put(d, at + i * 8, &v, 8);
    }
}

static void op_time(struct driven *d)
{
    const unsigned n = take(d);
    if (n < 0xc0)
        to_deadline(d);
    else
        pass(d, 1ull << (n & 31));
}

/* A frame, or what is typed; several alike are a storm. */
static void op_input(struct driven *d)
{
    uint8_t data[ENGINE_FRAME];
    const unsigned times = 1 + (take(d) & 15), n = take_bytes(d, 2) % (sizeof data + 1), given = take(d);
    memset(data, take(d), sizeof data);
    for (unsigned i = 0; i < given; i++)
        data[i] = take(d);
    if (!d->kind->input)
        return;
    for (unsigned k = 0; k < times; k++)
        for (unsigned i = 0; i < d->machines; i++) {
            const struct input in = {.port = d->kind->input, .data = data, .len = n};
            if (n >= 14 || d->kind->input != INPUT_NET0)
                board_input(d->machine[i].board, &in);
        }
}

static void op_config(struct driven *d)
{
    const unsigned reg = take(d), size = 1u << take(d) % 3;
    config_write(d, reg & ~(size - 1), size, (uint32_t)take_value(d));
    config_read(d, reg & 0xfc);
}

static void op_give(struct driven *d)
{
    d->kind->give(d, take(d));
}

static void (*const operations[])(struct driven *) = {
    op_register, op_register, op_memory, op_words,  op_time, op_time,      op_input, op_config,
    op_give,     op_give,     op_give,   op_memory, op_time, fork_machine, start,    op_register};

/* The machines of the kind, of which the first is as it was when it was made. */
static struct driven_machine *begin(struct driven_bench *b, const struct driven_kind *kind)
{
    if (!b->fresh) {
        make_machine(&b->machine[0], kind);
        make_machine(&b->machine[1], kind);
        b->fresh = save(&b->machine[0]);
    }
    b->machine[0].icount = b->machine[0].time = 0;
    load(&b->machine[0], b->fresh);
    return b->machine;
}

/* One case: the first byte chooses the card. */
static void drive(const struct driven_kind *kinds, struct driven_bench *benches, size_t n,
                  const uint8_t *data, size_t size)
{
    struct driven *d = mem_zero(1, sizeof *d);
    d->p = data;
    d->n = size;
    const unsigned which = take(d) % n;
    d->kind = &kinds[which];
    d->machine = begin(&benches[which], d->kind);
    d->machines = 1;
    start(d);
    for (unsigned i = 0; i < OPERATIONS && d->n; i++)
        operations[take(d) % (sizeof operations / sizeof operations[0])](d);
    if (d->machines == 2)
        assert_same(d);
    free(d);
}

/* ---------------------------------------------------------------- virtio */

enum { VIRTIO_AREA = 0x4000, VIRTIO_ENTRIES = 8 };

static uint64_t virtio_area(unsigned queue)
{
    return ARENA + (queue & 7) * VIRTIO_AREA;
}

/* The range of the modern interface, or one that is not there. */
static unsigned virtio_modern(const struct driven *d)
{
    return d->ranges - 1;
}

/* With features of the input's choice, and up to four queues. */
static void start_virtio(struct driven *d)
{
    const uint64_t features = take_bytes(d, 5) | 1ull << 32;
    const unsigned r = virtio_modern(d), queues = 1 + (take(d) & 3);
    set(d, r, 20, 1, 0);
    set(d, r, 20, 1, 3);
    for (unsigned i = 0; i < 2; i++) {
        set(d, r, 8, 4, i);
        set(d, r, 12, 4, features >> i * 32);
    }
    set(d, r, 20, 1, 11);
    for (unsigned q = 0; q < queues; q++) {
        set(d, r, 22, 2, q);
        set(d, r, 24, 2, VIRTIO_ENTRIES);
        set(d, r, 26, 2, q);
        set(d, r, 32, 8, virtio_area(q));
        set(d, r, 40, 8, virtio_area(q) + 0x1000);
        set(d, r, 48, 8, virtio_area(q) + 0x2000);
        set(d, r, 28, 2, 1);
    }
    set(d, r, 20, 1, 15);
}

static void make_available(struct driven *d, unsigned q, unsigned first)
{
    const uint16_t head = (uint16_t)first, index = (uint16_t)(d->tail[q] + 1);
    put(d, virtio_area(q) + 0x1004 + d->tail[q]++ % VIRTIO_ENTRIES * 2, &head, 2);
    put(d, virtio_area(q) + 0x1002, &index, 2);
    set(d, virtio_modern(d), 0x3000 + q * 4, 2, q);
}

struct virtio_entry {
    uint64_t address;
    uint32_t size;
    uint16_t flags, next;
};

/* A request as a driver makes it: its beginning, data in one direction, and room for what it ends with. */
static void give_request(struct driven *d, unsigned q, unsigned first)
{
    uint8_t head[64] = {0};
    const size_t n = d->kind->request(d, head);
    const unsigned how = take(d);
    struct virtio_entry entry[3] = {{DATA, (uint32_t)n, 1, 0},
                                    {take_address(d), (uint32_t)take_value(d), 1, 0},
                                    {DATA + 0x100, 1 + (how & 0x7f), 2, 0}};
    if (how & 0x80)
        entry[1].flags |= 2;
    put(d, DATA, head, n);
    for (unsigned i = 0; i < 3; i++) {
        const unsigned at = (first + i) % VIRTIO_ENTRIES;
        entry[i].next = (uint16_t)((at + 1) % VIRTIO_ENTRIES);
        put(d, virtio_area(q) + at * sizeof entry[i], &entry[i], sizeof entry[i]);
    }
    make_available(d, q, first);
}

/* Some descriptors, the first of which is made available. */
static void give_virtio(struct driven *d, unsigned which)
{
    const unsigned q = which & 3, first = which >> 2 & 7;
    if (which & 0x20 && d->kind->request) {
        give_request(d, q, first);
        return;
    }
    const unsigned n = 1 + (take(d) & 3);
    for (unsigned i = 0; i < n; i++) {
        struct virtio_entry entry = {take_value(d), (uint32_t)take_value(d), 0,
                                     (uint16_t)((first + i + 1) % VIRTIO_ENTRIES)};
        const unsigned flags = take(d);
        entry.flags = (uint16_t)((flags & 7) | (flags & 0x40) << 1 | (flags & 0x80) << 8);
        if (i + 1 < n)
            entry.flags |= 1;
        if (flags & 8)
            entry.next = (uint16_t)take_bytes(d, 2);
        put(d, virtio_area(q) + (first + i) % VIRTIO_ENTRIES * 16, &entry, sizeof entry);
    }
    make_available(d, q, first);
}

#endif
