/* test_viewers.c - what viewers type and where they point, as the guest's devices are told (core/live/viewers.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/live/private/viewer_keys.h"
#include "core/live/private/viewer_pointer.h"

#define MS 1000000ull

enum { SHIFT_L = 0xffe1, ALT_GR = 0xfe03, CAPS_LOCK = 0xffe5, UP = 0xff52, PAUSE = 0xff13, KP_7 = 0xffb7 };

/* ---------------------------------------------------------------- keys */

static void sends(struct viewer_keys *k, uint32_t viewer, uint32_t keysym, bool down, const char *bytes,
                  size_t len)
{
    uint8_t out[VIEWER_KEY_BYTES];
    assert_int_equal(viewer_key(k, viewer, keysym, down, out), len);
    assert_memory_equal(out, bytes, len);
}
#define SENDS(k, viewer, keysym, down, bytes) sends(k, viewer, keysym, down, bytes, sizeof(bytes) - 1)

static void test_keys(void **state)
{
    (void)state;
    struct viewer_keys k = {0};
    SENDS(&k, 1, 'a', true, "\0\x1e");
    SENDS(&k, 1, 'a', true, "\0\x1e"); /* it repeats */
    SENDS(&k, 1, 'a', false, "\0\x9e");
    SENDS(&k, 1, 'a', false, ""); /* never pressed */
    SENDS(&k, 1, UP, true, "\0\xe0\0\x48");
    SENDS(&k, 1, UP, false, "\0\xe0\0\xc8");
    SENDS(&k, 1, KP_7, true, "\0\x08");
    SENDS(&k, 1, KP_7, false, "\0\x88");
    SENDS(&k, 1, PAUSE, true, "\0\xe1\0\x1d\0\x45\0\xe1\0\x9d\0\xc5");
    SENDS(&k, 1, PAUSE, false, "");
    SENDS(&k, 1, CAPS_LOCK, true, "");
    SENDS(&k, 1, ALT_GR, true, "");
    SENDS(&k, 1, 0x1000040, true, "\0\x2a\0\x03\0\xaa"); /* U+0040, @ */
    SENDS(&k, 1, 0x1000040, false, "\0\x83");
    SENDS(&k, 1, 0xe4, true, ""); /* not on a US keyboard */
    assert_int_equal(k.nheld, 0);
}

/* Shift is what the character needs, whatever the viewer holds. */
static void test_shift(void **state)
{
    (void)state;
    struct viewer_keys k = {0};
    SENDS(&k, 1, 'A', true, "\0\x2a\0\x1e\0\xaa");
    SENDS(&k, 1, 'A', false, "\0\x9e");
    SENDS(&k, 1, SHIFT_L, true, "\0\x2a");
    SENDS(&k, 1, 'B', true, "\0\x30");
    SENDS(&k, 1, '/', true, "\0\xaa\0\x35\0\x2a"); /* Shift and 7 on a German keyboard */
    SENDS(&k, 1, SHIFT_L, false, "\0\xaa");
    SENDS(&k, 1, 'b', false, "\0\xb0"); /* what X's viewers say when Shift is released first */
    SENDS(&k, 1, '/', false, "\0\xb5");
    assert_int_equal(k.nheld, 0);
}

static void test_let_go(void **state)
{
    (void)state;
    struct viewer_keys k = {0};
    uint8_t out[VIEWER_KEY_BYTES];
    SENDS(&k, 1, SHIFT_L, true, "\0\x2a");
    SENDS(&k, 2, SHIFT_L, true, "\0\x2a");
    SENDS(&k, 1, UP, true, "\0\xe0\0\x48");
    assert_int_equal(viewer_key_let_go(&k, 1, out), 4); /* not Shift: the other one holds it, too */
    assert_int_equal(viewer_key_let_go(&k, 1, out), 0);
    assert_int_equal(k.nheld, 1);
    assert_int_equal(viewer_key_let_go(&k, 2, out), 2);
    for (uint32_t i = 0; i < 60; i++)
        viewer_key(&k, 3, 'a' + i % 26 + (i / 26) * 0x1000000, true, out);
    assert_int_equal(k.nheld, VIEWER_KEYS_HELD);
    while (viewer_key_let_go(&k, 3, out))
        ;
    assert_int_equal(k.nheld, 0);
}

/* ---------------------------------------------------------------- the pointer */

struct guest {
    bool tablet;
    uint8_t place[6];
    int x, y, wheel; /* as a mouse's movements add up, from the corner */
    uint8_t buttons;
    unsigned inputs, clicks;
};

static void move(struct guest *g, const uint8_t *p)
{
    g->clicks += p[0] & ~g->buttons ? 1 : 0;
    g->buttons = p[0];
    g->x += (int8_t)p[1];
    g->y -= (int8_t)p[2];
    g->wheel += (int8_t)p[3];
    g->x = g->x < 0 ? 0 : g->x;
    g->y = g->y < 0 ? 0 : g->y;
}

static int offer(void *ctx, struct input *in, struct error *err)
{
    struct guest *g = ctx;
    if (in->port == INPUT_TABLET && !g->tablet) {
        in->len = 0;
        return 0;
    }
    g->inputs++;
    if (in->port == INPUT_TABLET)
        memcpy(g->place, in->data, sizeof g->place);
    for (uint32_t i = 0; in->port == INPUT_MOUSE && i < in->len; i += 4)
        move(g, in->data + i);
    return 0;
}

static uint64_t give_all(struct viewer_pointer *p, struct guest *g, uint64_t now)
{
    for (; viewer_point_due(p) != UINT64_MAX; now += MS)
        assert_int_equal(viewer_point_give(p, now, 1024, 768, offer, g, NULL), 0);
    return now;
}

static void test_tablet(void **state)
{
    (void)state;
    struct guest g = {.tablet = true};
    struct viewer_pointer p = {0};
    viewer_point(&p, 1, 1023, 0, 0);
    give_all(&p, &g, 0);
    assert_memory_equal(g.place, ((uint8_t[]){0, 0xff, 0x7f, 0, 0, 0}), 6);
    for (uint32_t x = 0; x < 500; x++) /* movements that nobody has seen become one */
        viewer_point(&p, 1, x, 767, 0);
    g.inputs = 0;
    give_all(&p, &g, 1000 * MS);
    assert_int_equal(g.inputs, 1);
    viewer_point(&p, 1, 0, 0, 2 | 16);
    viewer_point(&p, 1, 70000, 70000, 4);
    assert_int_equal(viewer_point_give(&p, 2000 * MS, 1024, 768, offer, &g, NULL), 0);
    assert_memory_equal(g.place, ((uint8_t[]){4, 0, 0, 0, 0, 1}), 6);
    give_all(&p, &g, 2000 * MS);
    assert_memory_equal(g.place, ((uint8_t[]){2, 0xff, 0x7f, 0xff, 0x7f, 0}), 6);
    viewer_point_let_go(&p, 1);
    give_all(&p, &g, 3000 * MS);
    assert_int_equal(g.place[0], 0);
}

static void test_mouse(void **state)
{
    (void)state;
    struct guest g = {.x = 512, .y = 384};
    struct viewer_pointer p = {0};
    viewer_point(&p, 1, 700, 50, 0);
    uint64_t now = give_all(&p, &g, 0);
    assert_int_equal(g.x, 700);
    assert_int_equal(g.y, 50);
    viewer_point(&p, 1, 10, 60, 1);
    viewer_point(&p, 1, 10, 60, 0);
    viewer_point(&p, 1, 10, 60, 8);
    now = give_all(&p, &g, now);
    assert_int_equal(g.x, 10);
    assert_int_equal(g.y, 60);
    assert_int_equal(g.clicks, 1);
    assert_int_equal(g.buttons, 0);
    assert_int_equal(g.wheel, -1);
    for (unsigned i = 0; i < 1000; i++)
        viewer_point(&p, 1, i, i, i & 7);
    assert_int_equal(p.n, VIEWER_POINTS);
    give_all(&p, &g, now);
    assert_int_equal(g.buttons, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_keys), cmocka_unit_test(test_shift),
                                       cmocka_unit_test(test_let_go), cmocka_unit_test(test_tablet),
                                       cmocka_unit_test(test_mouse)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
