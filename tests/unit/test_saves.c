/* test_saves.c - saving changes nothing: consumers that save one engine in any order each get all that changed since their
 * own last save, loads by others included; on the PC and on the fake engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/run/state.h"
#include "fake_engine.c" /* not in the library: only tests have it */
#include "tests/host_asked.h"
#include "saved_state.h"

/* ---------------------------------------------------------------- the machines */

/* Real mode, at 8000h: adds 1 to a byte of each page of 10000h-1ffffh, one after the other, forever. */
static const uint8_t scribbler[] = {
    0xb8, 0x00, 0x10,       /* start: mov ax, 1000h */
    0x8e, 0xd8,             /* next:  mov ds, ax */
    0xfe, 0x06, 0x00, 0x00, /*        inc byte [0] */
    0x05, 0x00, 0x01,       /*        add ax, 100h */
    0x3d, 0x00, 0x20,       /*        cmp ax, 2000h */
    0x75, 0xf2,             /*        jne next */
    0xeb, 0xed,             /*        jmp start */
};

static int read_image(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    if (ctx)
        memcpy(buf, (const uint8_t *)ctx + offset, n);
    else
        memset(buf, 0x5a, n);
    return 0;
}

static struct engine *machine(struct engine *(*from)(const struct engine_config *, struct error *))
{
    static const struct setting settings[] = {
        {"memory", "2097152"}, {"bios", "none"}, {"vga", "std"}, {"flat-address", "32768"}};
    static const struct image images[] = {
        {.role = "flat",
         .name = "guest",
         .size = sizeof scribbler,
         .ctx = (void *)scribbler,
         .read = read_image},
        {.role = "disk0", .name = "disk", .size = 1 << 20, .read = read_image}};
    static const struct engine_config cfg = {
        .settings = settings, .nsettings = 4, .images = images, .nimages = 2};
    struct error err;
    struct engine *e = from(&cfg, &err);
    if (!e)
        fail_msg("%s", err.text);
    return e;
}

static void run_to(struct engine *e, uint64_t icount)
{
    const struct run_limit limit = {.icount = icount, .time = UINT64_MAX};
    struct stop stop;
    e->ops->run(e, &limit, &stop);
    assert_int_equal(stop.reason, STOP_REACHED);
}

/* ---------------------------------------------------------------- consumers */

struct consumer {
    struct state_hash *hash;
    struct snapshot_base base;
    unsigned pages; /* of the last save */
};

static void add_section(void *ctx, const char *name, const struct field *fields, size_t n, const void *base)
{
    uint8_t bytes[section_size(fields, n) + 1];
    section_pack(fields, n, base, bytes);
    state_hash_section(((struct consumer *)ctx)->hash, name, bytes, section_size(fields, n));
}

static void add_page(void *ctx, const char *region, uint64_t index, const void *data)
{
    struct consumer *c = ctx;
    state_hash_page(c->hash, region, index, data);
    c->pages++;
}

static uint64_t save_for(struct engine *e, struct consumer *c)
{
    const struct snapshot_sink sink = {.ctx = c, .section = add_section, .page = add_page};
    c->pages = 0;
    state_hash_begin(c->hash, !c->base.epoch);
    e->ops->save(e, &sink, &c->base);
    return state_hash_end(c->hash);
}

static uint64_t whole_hash(struct engine *e)
{
    struct state_hash *h = state_hash_new();
    uint64_t hash = state_hash_engine(h, e, NULL);
    state_hash_free(h);
    return hash;
}

static void go_back(struct engine *e, struct saved *s)
{
    struct error err;
    if (saved_load(e, s, &err))
        fail_msg("%s", err.text);
}

/* ---------------------------------------------------------------- tests */

enum { ROUNDS = 60, STEPS = 37 };

/* `often` saves in each round, `seldom` in a few; the machine goes back to an earlier state now and then. Each save is
 * compared with the whole state, which is looked at in between as well. */
static void interleave(struct engine *e)
{
    struct consumer often = {.hash = state_hash_new()}, seldom = {.hash = state_hash_new()};
    uint64_t icount = 0;
    run_to(e, icount += 1000);
    struct saved *early = saved_take(e);
    for (unsigned i = 0; i < ROUNDS; i++) {
        run_to(e, icount += STEPS);
        assert_int_equal(save_for(e, &often), whole_hash(e));
        save_for(e, &often);
        assert_int_equal(often.pages, 0);
        if (i % 7 != 3)
            continue;
        assert_int_equal(save_for(e, &seldom), whole_hash(e));
        assert_true(seldom.pages > 0);
        if (i % 2) {
            go_back(e, early);
            icount = 1000;
            assert_int_equal(save_for(e, &seldom), whole_hash(e));
        }
    }
    saved_free(early);
    state_hash_free(often.hash);
    state_hash_free(seldom.hash);
    e->ops->destroy(e);
}

static void test_pc(void **state)
{
    interleave(machine(pc_as_asked));
}

static void test_fake(void **state)
{
    interleave(machine(fake_kind.create));
}

/* Who saves in between gets no other's changes: the pages are those that were written since. */
static void test_pages_since(void **state)
{
    struct engine *e = machine(pc_as_asked);
    struct consumer a = {.hash = state_hash_new()}, b = {.hash = state_hash_new()};
    run_to(e, 1000);
    save_for(e, &a);
    save_for(e, &b);
    run_to(e, 1000 + 5 * 4); /* four pages, 5 steps each */
    save_for(e, &a);
    unsigned four = a.pages;
    assert_in_range(four, 3, 5);
    run_to(e, 1000 + 5 * 7);
    save_for(e, &a);
    assert_in_range(a.pages, 2, 4);
    save_for(e, &b);
    assert_int_equal(b.pages, four + a.pages);
    state_hash_free(a.hash);
    state_hash_free(b.hash);
    e->ops->destroy(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pc),
        cmocka_unit_test(test_fake),
        cmocka_unit_test(test_pages_since),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
