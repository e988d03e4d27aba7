/* test_json.c - JSON of whatever a guest named: base/json.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

static char *written(yajl_gen g)
{
    char *s = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&s, &n);
    json_write(g, f);
    fclose(f);
    yajl_gen_free(g);
    return s;
}

static void texts(void **state)
{
    static const struct {
        const char *text, *json;
    } rows[] = {
        {"\xc3\xa4\xf0\x9f\x90\xa7", "[\"\xc3\xa4\xf0\x9f\x90\xa7\"]"},
        {"\x1b[0m\n\"\\", "[\"\\u001B[0m\\n\\\"\\\\\"]"},
        {"\x7f\xc2\x9b", "[\"\\u007F\\u009B\"]"},
        {"\xe2\x80\xae\xe2\x81\xa9\xd8\x9c", "[\"\\u202E\\u2069\\u061C\"]"},
        {"a\xff\xc3(\xed\xa0\x80", "[\"a\\uFFFD\\uFFFD(\\uFFFD\\uFFFD\\uFFFD\"]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        yajl_gen g = json_new(false);
        yajl_gen_array_open(g);
        json_element(g, rows[i].text);
        yajl_gen_array_close(g);
        char *s = written(g);
        assert_string_equal(s, rows[i].json);
        free(s);
    }
}

/* Numbers are unsigned, up to the largest; keys are escaped like values. */
static void members(void **state)
{
    yajl_gen g = json_new(false);
    yajl_gen_map_open(g);
    json_number(g, "n", UINT64_MAX);
    json_text(g, "a\xff", NULL);
    json_bool(g, "b", true);
    yajl_gen_map_close(g);
    char *s = written(g);
    assert_string_equal(s, "{\"n\":18446744073709551615,\"a\\uFFFD\":null,\"b\":true}");
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(members)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
