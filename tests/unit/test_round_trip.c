/* test_round_trip.c - traces of random images, streams, pages and checkpoints give back what was written. One case alone:
 * test_round_trip --seed N.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/round_trip.h"

enum { CASES = 60 };

static void test_round_trip(void **state)
{
    for (uint64_t seed = 1; seed <= CASES; seed++) {
        round_trip(NULL, 0, seed * 0x9e3779b97f4a7c15u);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip)};
    if (argc == 3 && !strcmp(argv[1], "--seed")) {
        round_trip(NULL, 0, strtoull(argv[2], NULL, 0) * 0x9e3779b97f4a7c15u);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
