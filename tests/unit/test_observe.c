/* test_observe.c - what is observed changes nothing of the machine: not its state, and not what is reported later.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/run/state.h"
#include "tests/host_asked.h"

/* At 7c00h: reads the disk's boot sector by the data port, to 500h, and starts again. The machine counts that
 * (pc.loader_entered), but a boot sector is entered only once: none is put at 7C00h after it. */
static const uint8_t rebooter[] = {
    0xba, 0xf2, 0x01, 0xb0, 0x01, 0xee,             /* mov dx, 1f2h; mov al, 1; out dx, al: one sector */
    0x42, 0x30, 0xc0, 0xee, 0x42, 0xee, 0x42, 0xee, /* inc dx; xor al, al; out … : LBA 0 */
    0x42, 0xb0, 0xe0, 0xee, 0x42, 0xb0, 0x20, 0xee, /* drive 0, LBA; command 20h: read */
    0xec, 0xa8, 0x08, 0x74, 0xfb,                   /* in al, dx; test al, 8; jz: wait for data */
    0xb9, 0x00, 0x01, 0xba, 0xf0, 0x01, 0xbf, 0x00, 0x05, /* mov cx, 256; mov dx, 1f0h; mov di, 500h */
    0xf3, 0x6d, 0xeb, 0xd8,                               /* rep insw; jmp 7c00h */
};

static int read_image(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    if (ctx)
        memcpy(buf, (const uint8_t *)ctx + offset, n);
    else
        memset(buf, 0x5a, n);
    return 0;
}

/* At 7c00h: stores to each word of the segment 1000h in turn, forever. */
static const uint8_t storer[] = {
    0xb8, 0x00, 0x10, 0x8e, 0xd8, 0x31, 0xff, /* mov ax, 1000h; mov ds, ax; xor di, di */
    0x89, 0x05, 0x40, 0x83, 0xc7, 0x02,       /* mov [di], ax; inc ax; add di, 2 */
    0xeb, 0xf8,                               /* jmp to the store */
};
enum { STORER_BEGINS = 3, STORER_LOOP = 4, STORER_WORDS = 0x8000 };

/* The images have to be there as long as the machine. */
static struct engine *machine(const uint8_t *code, size_t size, struct image images[2])
{
    static const struct setting settings[] = {
        {"memory", "2097152"}, {"bios", "none"}, {"vga", "none"}, {"flat-address", "31744"}};
    images[0] = (struct image){
        .role = "flat", .name = "guest", .size = size, .ctx = (void *)code, .read = read_image};
    images[1] = (struct image){.role = "disk0", .name = "disk", .size = 1 << 20, .read = read_image};
    const struct engine_config cfg = {.settings = settings, .nsettings = 4, .images = images, .nimages = 2};
    struct error err;
    struct engine *e = pc_as_asked(&cfg, &err);
    if (!e)
        fail_msg("%s", err.text);
    return e;
}

static void count_event(void *ctx, const struct event *ev)
{
    unsigned *count = ctx;
    count[ev->kind]++;
}

static uint64_t run(struct engine *e, uint64_t icount)
{
    const struct run_limit limit = {.icount = icount, .time = UINT64_MAX};
    struct state_hash *h = state_hash_new();
    struct stop stop;
    e->ops->run(e, &limit, &stop);
    assert_int_equal(stop.reason, STOP_REACHED);
    uint64_t hash = state_hash_engine(h, e, NULL);
    state_hash_free(h);
    return hash;
}

/* The mark at 7C00h is set again by each read of a boot sector, whether anybody observes or not. */
static void boot_sectors(void **state)
{
    static unsigned all[EV_COUNT], late[EV_COUNT];
    const struct observer to_all = {.ctx = all, .event = count_event};
    const struct observer to_late = {.ctx = late, .event = count_event};
    struct image images[2];
    struct engine *a = machine(rebooter, sizeof rebooter, images),
                  *b = machine(rebooter, sizeof rebooter, images);
    a->ops->observe(a, EVENT_CLASSES_ALL, &to_all);
    b->ops->observe(b, 0, NULL);
    for (unsigned i = 1; i <= 20; i++)
        assert_int_equal(run(a, i * 1000000), run(b, i * 1000000));
    assert_int_equal(all[EV_BOOT_SECTOR_ENTER], 1);
    assert_true(all[EV_BOOT_SECTOR_READ] > 20);
    memset(all, 0, sizeof all);
    b->ops->observe(b, EVENT_CLASSES_ALL, &to_late);
    assert_int_equal(run(a, 21000000), run(b, 21000000));
    assert_memory_equal(all, late, sizeof all);
    a->ops->destroy(a);
    b->ops->destroy(b);
}

/* The position after the first store to that word of the segment that begins at or after `from`. */
static uint64_t next_store(uint64_t from, uint64_t word)
{
    const uint64_t lap = (uint64_t)STORER_LOOP * STORER_WORDS;
    uint64_t at = STORER_BEGINS + word * STORER_LOOP;
    while (at < from)
        at += lap;
    return at + 1;
}

/* Code that has become hot is watched, at other places each time, and not watched again. A kept translation or compiled code
 * must not get past a watchpoint; and the machine stays like one that nobody has watched. */
static void watches_of_hot_code(void **state)
{
    static const enum stop_kind kinds[] = {STOPS_WRITE, STOPS_WRITE_PHYSICAL, STOPS_ACCESS};
    struct image images[2];
    struct engine *a = machine(storer, sizeof storer, images), *b = machine(storer, sizeof storer, images);
    uint64_t at = 1000000;
    run(a, at);
    for (unsigned i = 0; i < 60; i++) {
        const uint64_t word = (i * 7919u + 13) % STORER_WORDS;
        const struct run_limit limit = {.icount = UINT64_MAX, .time = UINT64_MAX};
        const struct stop_point watch = {
            .id = i, .kind = kinds[i % 3], .address = 0x10000 + 2 * word + i % 2, .length = 1};
        struct stop stop;
        a->ops->stops(a, &watch, 1);
        a->ops->run(a, &limit, &stop);
        assert_int_equal(stop.reason, STOP_WATCHPOINT);
        assert_int_equal(stop.id, i);
        assert_int_equal(stop.icount, next_store(at, word));
        a->ops->stops(a, NULL, 0);
        at = stop.icount + 50000 + i;
        assert_int_equal(run(a, at), run(b, at));
    }
    a->ops->destroy(a);
    b->ops->destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(boot_sectors), cmocka_unit_test(watches_of_hot_code)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
