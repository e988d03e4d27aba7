/* test_kallsyms.c - the tables of names in a Linux kernel, in the layouts that they have had, whole and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/systems/linux/private/kallsyms.h"

enum { IMAGE = 1 << 20, COUNT = 700 };

/* The order of the tables before 6.4; since; since 7.0, where all is aligned to 4 and addresses are from their own place. */
enum made_order { BEFORE_6_4, SINCE_6_4, SINCE_7_0, MADE_ORDERS };

struct made_image {
    uint8_t *p;
    size_t at;
    unsigned word, align;
    bool shuffled;
};

static void put(struct made_image *m, const void *bytes, size_t n)
{
    memcpy(m->p + m->at, bytes, n);
    m->at += n;
}

static void put_word(struct made_image *m, uint64_t v)
{
    put(m, &v, m->word);
}

static void align(struct made_image *m)
{
    m->at = (m->at + m->align - 1) & ~(size_t)(m->align - 1);
}

static uint64_t made_base(unsigned word)
{
    return word == 8 ? 0xffffffff81000000 : 0xc1000000;
}

/* 64-bit kernels have per-cpu offsets among the addresses. */
static bool made_absolute(unsigned word, unsigned i)
{
    return word == 8 && i < 3;
}

static uint64_t made_address(unsigned word, unsigned i)
{
    return made_absolute(word, i) ? 0x100 * i : made_base(word) + 0x40 * (uint64_t)i;
}

static void made_name(unsigned i, char *name)
{
    sprintf(name, "%cfn_%u", i < 3 ? 'A' : 'T', i);
}

/* Where the i-th name's function is among the others: functions may be shuffled one by one. */
static unsigned made_place(const struct made_image *m, unsigned i)
{
    enum { STEP = 333, FIXED = 3 }; /* no divisor in common with the number of those that move */
    return m->shuffled && i >= FIXED ? FIXED + (i - FIXED) * STEP % (COUNT - FIXED) : i;
}

static void put_offsets(struct made_image *m)
{
    align(m);
    for (unsigned i = 0; i < COUNT; i++) {
        int32_t v = (int32_t)(made_address(m->word, made_place(m, i)) - made_base(m->word));
        if (m->word == 8)
            v = made_absolute(8, i) ? (int32_t)made_address(8, i) : -1 - v;
        put(m, &v, 4);
    }
    align(m);
}

/* Offsets from their own place; the image's first byte is at made_base. */
static void put_self(struct made_image *m)
{
    align(m);
    for (unsigned i = 0; i < COUNT; i++) {
        int32_t v = (int32_t)(0x40 * made_place(m, i) - m->at);
        put(m, &v, 4);
    }
}

static void put_names(struct made_image *m, uint32_t markers[])
{
    size_t begin = m->at;
    for (unsigned i = 0; i < COUNT; i++) {
        char name[40];
        made_name(i, name);
        if (i % 256 == 0)
            markers[i / 256] = (uint32_t)(m->at - begin);
        uint8_t n = (uint8_t)strlen(name);
        put(m, &n, 1);
        put(m, name, n);
    }
}

static void put_tokens(struct made_image *m)
{
    uint16_t index[256];
    size_t begin = m->at;
    for (unsigned i = 0; i < 256; i++) {
        char token[8];
        index[i] = (uint16_t)(m->at - begin);
        snprintf(token, sizeof token, i > ' ' && i < 0x7f ? "%c" : "~%u", i);
        put(m, token, strlen(token) + 1);
    }
    align(m);
    put(m, index, sizeof index);
}

/* Here and there in an image of noise. `shift` moves them. */
static struct made_image make_image_of(enum made_order order, unsigned word, unsigned shift, bool shuffled)
{
    struct made_image m = {mem_zero(1, IMAGE), 4096 + shift, word, order == SINCE_7_0 ? 4 : word, shuffled};
    uint32_t markers[(COUNT + 255) / 256], count = COUNT;
    align(&m);
    for (size_t i = 0; i < 4096; i++)
        m.p[i] = (uint8_t)(i * 37);
    if (order == BEFORE_6_4) {
        put_offsets(&m);
        put_word(&m, made_base(word));
    }
    put(&m, &count, 4);
    if (order != SINCE_7_0)
        align(&m);
    put_names(&m, markers);
    align(&m);
    put(&m, markers, sizeof markers);
    align(&m);
    put_tokens(&m);
    if (order == SINCE_7_0)
        put_self(&m);
    else if (order == SINCE_6_4) {
        put_offsets(&m);
        put_word(&m, made_base(word));
    }
    return m;
}

static struct made_image make_image(enum made_order order, unsigned word, unsigned shift)
{
    return make_image_of(order, word, shift, false);
}

struct seen {
    unsigned n, word;
    bool self;     /* no symbol is an absolute one */
    uint64_t base; /* of those */
};

static void see_symbol(void *ctx, const char *name, char type, uint64_t address, bool absolute)
{
    struct seen *s = ctx;
    char want[40];
    made_name(s->n, want);
    assert_string_equal(name, want + 1);
    assert_int_equal(type, want[0]);
    assert_int_equal(address, s->self ? s->base + 0x40 * s->n : made_address(s->word, s->n));
    assert_int_equal(absolute, !s->self && made_absolute(s->word, s->n));
    s->n++;
}

static struct kallsyms kallsyms_in(const struct made_image *m, size_t size, unsigned word)
{
    return (struct kallsyms){.image = m->p, .size = size, .word = word};
}

static void test_kallsyms(void **state)
{
    for (unsigned i = 0; i < 8 * MADE_ORDERS; i++) {
        enum made_order order = i % MADE_ORDERS;
        unsigned word = i / MADE_ORDERS & 1 ? 4 : 8;
        struct made_image m = make_image(order, word, 4 * (i / MADE_ORDERS / 2));
        struct kallsyms k = kallsyms_in(&m, IMAGE, word);
        struct error err;
        struct seen s = {0, word, order == SINCE_7_0, 0};
        assert_int_equal(kallsyms_find(&k, &err), 0);
        assert_int_equal(k.count, COUNT);
        assert_int_equal(k.how == KALLSYMS_SELF, order == SINCE_7_0);
        kallsyms_each(&k, see_symbol, &s);
        assert_int_equal(s.n, COUNT);
        k.begin = made_base(word);
        s = (struct seen){0, word, order == SINCE_7_0, made_base(word)};
        kallsyms_each(&k, see_symbol, &s);
        assert_int_equal(kallsyms_next(&k, &err), -1);
        free(m.p);
    }
}

struct seen_shuffled {
    const struct made_image *m;
    unsigned n;
    uint64_t base;
};

static void see_shuffled(void *ctx, const char *name, char type, uint64_t address, bool absolute)
{
    struct seen_shuffled *s = ctx;
    const unsigned i = s->n++;
    char want[40];
    made_name(i, want);
    assert_string_equal(name, want + 1);
    if (!made_absolute(s->m->word, i))
        assert_int_equal(address, s->base + 0x40 * made_place(s->m, i));
}

/* Functions in another order at each boot, and their names as they were: function-granular KASLR. */
static void test_kallsyms_shuffled(void **state)
{
    for (unsigned i = 0; i < 2 * MADE_ORDERS; i++) {
        const unsigned word = i / MADE_ORDERS ? 4 : 8;
        struct made_image m = make_image_of((enum made_order)(i % MADE_ORDERS), word, 0, true);
        struct kallsyms k = kallsyms_in(&m, IMAGE, word);
        struct seen_shuffled s = {&m, 0, made_base(word)};
        struct error err;
        assert_int_equal(kallsyms_find(&k, &err), 0);
        k.begin = made_base(word);
        kallsyms_each(&k, see_shuffled, &s);
        assert_int_equal(s.n, COUNT);
        for (unsigned n = 0; n < COUNT; n++) /* no addresses at all */
            memset(m.p + k.addresses + 4 * (size_t)n, 0, 4);
        k = kallsyms_in(&m, IMAGE, word);
        assert_int_equal(kallsyms_find(&k, &err), -1);
        free(m.p);
    }
}

static void see_far_symbol(void *ctx, const char *name, char type, uint64_t address, bool absolute)
{
    struct seen *s = ctx;
    assert_int_equal(address, s->n ? made_base(8) + 0x40 * s->n : s->base);
    assert_false(absolute);
    s->n++;
}

/* Linked by lld, with one processor: the lowest symbol, from which the others are counted, is a sum of two addresses far below the kernel. */
static void test_kallsyms_low_base(void **state)
{
    const uint64_t base = 0xffffffff0318e000;
    struct made_image m = make_image(SINCE_6_4, 8, 0);
    struct kallsyms k = kallsyms_in(&m, IMAGE, 8);
    struct seen s = {.base = base};
    struct error err;
    assert_int_equal(kallsyms_find(&k, &err), 0);
    for (unsigned i = 0; i < COUNT; i++) {
        uint32_t v = i ? (uint32_t)(made_base(8) + 0x40 * i - base) : 0;
        memcpy(m.p + k.addresses + 4 * (size_t)i, &v, 4);
    }
    memcpy(m.p + k.addresses + 4 * COUNT, &base, 8);
    k = kallsyms_in(&m, IMAGE, 8);
    assert_int_equal(kallsyms_find(&k, &err), 0);
    assert_int_equal(k.how, KALLSYMS_RELATIVE);
    kallsyms_each(&k, see_far_symbol, &s);
    assert_int_equal(s.n, COUNT);
    free(m.p);
}

/* Memory with the tables of two kernels. */
static void test_kallsyms_twice(void **state)
{
    struct made_image first = make_image(SINCE_6_4, 8, 0), second = make_image(SINCE_7_0, 8, 4),
                      both = {.p = mem_zero(2, IMAGE)};
    memcpy(both.p, first.p, IMAGE);
    memcpy(both.p + IMAGE, second.p, IMAGE);
    struct kallsyms k = kallsyms_in(&both, 2 * IMAGE, 8);
    struct error err;
    struct seen s = {0, 8, true, IMAGE};
    assert_int_equal(kallsyms_find(&k, &err), 0);
    assert_int_equal(k.how, KALLSYMS_PERCPU);
    assert_int_equal(kallsyms_next(&k, &err), 0);
    assert_int_equal(k.how, KALLSYMS_SELF);
    kallsyms_each(&k, see_symbol, &s);
    assert_int_equal(s.n, COUNT);
    assert_int_equal(kallsyms_next(&k, &err), -1);
    free(first.p);
    free(second.p);
    free(both.p);
}

static void count_symbol(void *ctx, const char *name, char type, uint64_t address, bool absolute)
{
    ++*(unsigned *)ctx;
}

static void test_kallsyms_garbage(void **state)
{
    struct made_image m = make_image(BEFORE_6_4, 8, 0);
    struct kallsyms k = {.image = m.p, .word = 8};
    struct error err;
    uint64_t seed = 7;
    unsigned n = 0;
    assert_int_equal(kallsyms_find(&k, &err), -1);
    assert_non_null(strstr(err.text, "token table"));
    for (unsigned round = 0; round < 600; round++) {
        if (round == 300) {
            free(m.p);
            m = make_image(SINCE_7_0, 8, 4);
        }
        uint8_t *p = memcpy(mem_alloc(IMAGE), m.p, IMAGE);
        for (unsigned i = 0; i < 1 + round % 5; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            p[4096 + (seed >> 33) % (m.at - 4096)] ^= (uint8_t)(seed >> 56);
        }
        k = (struct kallsyms){.image = p, .size = round % 3 ? m.at : m.at - round, .word = round % 2 ? 8 : 4};
        if (!kallsyms_find(&k, &err))
            kallsyms_each(&k, count_symbol, &n);
        free(p);
    }
    free(m.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kallsyms),          cmocka_unit_test(test_kallsyms_twice),
        cmocka_unit_test(test_kallsyms_low_base), cmocka_unit_test(test_kallsyms_shuffled),
        cmocka_unit_test(test_kallsyms_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
