/* test_observe.c - what is observed changes nothing of the machine: not its state, and not what is reported later.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/run/state.h"
#include "tests/host_asked.h"

/* At 7c00h: reads the disk's boot sector by the data port, to 500h, and starts again. So it is a boot sector that loads
 * another and enters it, for ever; the machine counts that (pc.loader_entered). */
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

static struct engine *machine(void)
{
    static const struct setting settings[] = {
        {"memory", "2097152"}, {"bios", "none"}, {"vga", "none"}, {"flat-address", "31744"}};
    static const struct image images[] = {
        {.role = "flat",
         .name = "guest",
         .size = sizeof rebooter,
         .ctx = (void *)rebooter,
         .read = read_image},
        {.role = "disk0", .name = "disk", .size = 1 << 20, .read = read_image}};
    static const struct engine_config cfg = {
        .settings = settings, .nsettings = 4, .images = images, .nimages = 2};
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

/* The boot sector is entered more often than would be reported if nothing were read in between. */
static void boot_sectors(void **state)
{
    static unsigned all[EV_COUNT], late[EV_COUNT];
    const struct observer to_all = {.ctx = all, .event = count_event};
    const struct observer to_late = {.ctx = late, .event = count_event};
    struct engine *a = machine(), *b = machine();
    a->ops->observe(a, EVENT_CLASSES_ALL, &to_all);
    b->ops->observe(b, 0, NULL);
    for (unsigned i = 1; i <= 20; i++)
        assert_int_equal(run(a, i * 1000000), run(b, i * 1000000));
    assert_true(all[EV_BOOT_SECTOR_ENTER] > 20);
    assert_true(all[EV_BOOT_SECTOR_READ] > 20);
    memset(all, 0, sizeof all);
    b->ops->observe(b, EVENT_CLASSES_ALL, &to_late);
    assert_int_equal(run(a, 21000000), run(b, 21000000));
    assert_memory_equal(all, late, sizeof all);
    a->ops->destroy(a);
    b->ops->destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(boot_sectors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
