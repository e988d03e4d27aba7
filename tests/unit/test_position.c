/* test_position.c - parts of core/ that need no machine: positions, marks, sections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/story/marks.h"
#include "core/story/position.h"
#include "core/run/state.h"

static void test_position_parse(void **state)
{
    static const struct {
        const char *text;
        enum position_kind kind;
        uint64_t n;
    } good[] = {
        {"0", POS_ICOUNT, 0},
        {"123", POS_ICOUNT, 123},
        {"2.5M", POS_ICOUNT, 2500000},
        {"3G", POS_ICOUNT, 3000000000},
        {"100k", POS_ICOUNT, 100000},
        {"18446744073709551615", POS_ICOUNT, UINT64_MAX},
        {"1.5s", POS_TIME, 1500000000},
        {"20ms", POS_TIME, 20000000},
        {"7ns", POS_TIME, 7},
        {"50%", POS_PERCENT, 500000},
        {"99.99%", POS_PERCENT, 999900},
        {"#17", POS_EVENT, 17},
        {"+10", POS_FORWARD, 10},
        {"-1k", POS_BACK, 1000},
        {"console:login:", POS_CONSOLE, 0},
        {"mark:x", POS_MARK, 0},
        {"stage:bios", POS_STAGE, 0},
    };
    static const char *const bad[] = {"",
                                      "x",
                                      "12x",
                                      "1.5",
                                      "1.",
                                      "#",
                                      "+",
                                      "-",
                                      "console:",
                                      "mark:",
                                      "101%",
                                      "1 s",
                                      "18446744073709551616",
                                      "99999999999G",
                                      "0x10",
                                      "-",
                                      "1.5ns"};
    struct position pos;
    struct error err;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(position_parse(good[i].text, &pos, &err), 0);
        assert_int_equal(pos.kind, good[i].kind);
        assert_int_equal(pos.n, good[i].n);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (!position_parse(bad[i], &pos, &err))
            fail_msg("\"%s\" was taken for a position", bad[i]);
}

/* A page of zeros is the same as none. */
static void test_hash_zero_page(void **state)
{
    static const uint8_t zero[SNAPSHOT_PAGE];
    struct state_hash *s = state_hash_new();
    state_hash_begin(s, true);
    uint64_t empty = state_hash_end(s);
    state_hash_begin(s, false);
    state_hash_page(s, "ram", 4000000, zero);
    assert_int_equal(state_hash_end(s), empty);
    state_hash_free(s);
}

/* ---------------------------------------------------------------- marks */

static void test_marks(void **state)
{
    struct marks *m = marks_new();
    size_t n;
    struct event ev[] = {
        {.kind = EV_RESET_VECTOR, .f = {0xf000, 0xfff0}},
        {.kind = EV_CPU_MODE, .f = {0, 3}, .data = "protected", .len = 9},
        {.kind = EV_CPU_MODE, .f = {3, 0}, .data = "real", .len = 4},
        {.kind = EV_CPU_MODE, .f = {1, 3}, .data = "protected", .len = 9}, /* again */
        {.kind = EV_CPU_CR, .f = {0, 1, 2, 3}},                            /* never */
        {.kind = EV_RESET, .data = "port 92h", .len = 8},
        {.kind = EV_CPU_MODE, .f = {0, 3}, .data = "protected", .len = 9}, /* after a reset: once more */
    };
    for (size_t i = 0; i < sizeof ev / sizeof ev[0]; i++)
        marks_see(m, &ev[i]);
    const struct mark *list = marks_list(m, &n);
    assert_int_equal(n, 5);
    assert_int_equal(list[3].kind, EV_RESET);
    marks_free(m);
}

/* ---------------------------------------------------------------- sections */

struct section {
    uint32_t number;
    bool flag;
    uint16_t list[3];
};

static void test_section(void **state)
{
    static const struct field fields[] = {FIELDS(struct section, list), FIELD(struct section, flag),
                                          FIELD(struct section, number)};
    static const uint8_t stored[] = {1, 0, 2, 0, 3, 0, 7, 0x78, 0x56, 0x34, 0x12};
    struct section s = {0};
    uint8_t packed[sizeof stored];
    assert_int_equal(section_size(fields, 3), sizeof stored);
    section_unpack(fields, 3, &s, stored);
    assert_int_equal(s.number, 0x12345678);
    assert_int_equal(s.list[2], 3);
    section_pack(fields, 3, &s, packed);
    assert_memory_equal(packed, stored, 6);
    assert_int_equal(packed[6], 1); /* stored as 7, which no bool is */
    assert_memory_equal(packed + 7, stored + 7, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_position_parse),
        cmocka_unit_test(test_hash_zero_page),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_section),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
