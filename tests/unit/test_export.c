/* test_export.c - a recorded boot in the formats of other tools (core/export): what is in the files. */
#include <zlib.h>

#include "tests/unit/command.h"

/* How often a text is in another. */
static size_t occurrences(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
        n++;
    return n;
}

static void test_json_has_one_object_a_line(void **state)
{
    struct said s = bootreel("export demo.reel --format json -q");
    assert_int_equal(s.status, 0);
    assert_memory_equal(s.out, "{\"number\":0,", 12);
    assert_non_null(strstr(s.out, "\"kind\":\"power.off\""));
    const char *last = strrchr(s.out, '{');
    assert_non_null(last);
    assert_int_equal(s.out[strlen(s.out) - 1], '\n');
    said_free(&s);
}

static void test_json_of_a_part(void **state)
{
    struct said s = bootreel("export demo.reel --format json --from 1000 --to 2000 -q");
    assert_int_equal(s.status, 0);
    assert_null(strstr(s.out, "\"icount\":999,"));
    assert_null(strstr(s.out, "power.off"));
    said_free(&s);
}

static void test_folded_stages(void **state)
{
    COMMANDS(PRINTS("stages as stacks", "export demo.reel --format folded", 0, "bios;bios.post;", "\n"),
             PRINTS("samples as stacks", "export demo.reel --format folded --every 50000 -q", 0,
                    "memory_init", " "));
}

static void test_speedscope(void **state)
{
    COMMANDS(
        PRINTS("a profile of stages", "export demo.reel --format speedscope", 0, "speedscope", "bios.post"));
}

static void test_perfetto(void **state)
{
    COMMANDS(PRINTS("slices", "export demo.reel --format perfetto -o a.pftrace", 0, NULL),
             PRINTS("the same again", "export demo.reel --format perfetto -o b.pftrace", 0, NULL));
    size_t n, m;
    char *a = command_file("a.pftrace", &n), *b = command_file("b.pftrace", &m);
    assert_true(n > 1000);
    assert_int_equal(a[0], 0x0a); /* the first packet */
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    assert_non_null(memmem(a, n, "bios.post", 9));
    free(a);
    free(b);
}

/* pprof's files are packed by gzip. */
static void test_pprof(void **state)
{
    char text[20000];
    COMMANDS(PRINTS("samples", "export demo.reel --format pprof --every 100000 -q -o p.pb.gz", 0, NULL));
    gzFile z = gzopen("p.pb.gz", "rb");
    assert_non_null(z);
    const int n = gzread(z, text, sizeof text);
    assert_true(n > 100);
    assert_non_null(memmem(text, (size_t)n, "memory_init", 11));
    gzclose(z);
}

static void test_ctf(void **state)
{
    COMMANDS(PRINTS("a folder", "export demo.reel --format ctf -o ctf", 0, NULL),
             WARNS("a folder needs a name", "export demo.reel --format ctf", 2, "bootreel: "));
    char *meta = command_file("ctf/metadata", NULL);
    assert_non_null(strstr(meta, "trace {"));
    assert_non_null(strstr(meta, "event {"));
    free(meta);
}

static void test_sqlite(void **state)
{
    size_t n;
    COMMANDS(PRINTS("a database", "export demo.reel --format sqlite -o demo.db", 0, NULL),
             WARNS("not over another file", "export demo.reel --format sqlite -o demo.reel", 2, "demo.reel"));
    char *db = command_file("demo.db", &n);
    assert_memory_equal(db, "SQLite format 3", 16);
    free(db);
}

/* The text of an asciicast's events, of one character each. */
static char *cast_text(const char *cast)
{
    char *text = mem_alloc(strlen(cast) + 1), *to = text;
    for (const char *p = cast; (p = strstr(p, ",\"o\",\"")); p += 6)
        *to++ = p[6];
    *to = 0;
    return text;
}

static void test_asciicast(void **state)
{
    struct said s = bootreel("export demo.reel --format asciicast -q");
    assert_int_equal(s.status, 0);
    assert_memory_equal(s.out, "{\"version\":2,\"width\":80,", 24);
    char *text = cast_text(s.out);
    assert_non_null(strstr(text, "bootreel BIOS 1"));
    assert_non_null(strstr(text, "hello, world!"));
    free(text);
    said_free(&s);
    COMMANDS(PRINTS("of another device, which printed nothing",
                    "export demo.reel --format asciicast --console serial3", 0, "{\"version\":2", "!\"o\""),
             PRINTS("of the debug port", "export demo.reel --format asciicast --console debug", 0,
                    "{\"version\":2"));
}

static void test_apng(void **state)
{
    size_t n;
    COMMANDS(
        PRINTS("the screen in pictures", "export demo.reel --format apng --pictures 4 -q -o s.png", 0, NULL));
    char *png = command_file("s.png", &n);
    assert_memory_equal(png, "\x89PNG", 4);
    assert_non_null(memmem(png, n, "acTL", 4));
    assert_non_null(memmem(png, n, "fdAT", 4));
    free(png);
}

static void test_pcapng(void **state)
{
    size_t n;
    COMMANDS(
        PRINTS("a capture without cards is empty", "export demo.reel --format pcapng -o n.pcapng", 0, NULL));
    char *p = command_file("n.pcapng", &n);
    assert_memory_equal(p, "\x0a\x0d\x0d\x0a", 4);
    free(p);
}

static void test_html(void **state)
{
    struct said s = bootreel("export demo.reel --format html --pictures 2 -q");
    assert_int_equal(s.status, 0);
    assert_non_null(strstr(s.out, "<html"));
    assert_null(strstr(s.out, "<p><b>")); /* nothing went wrong */
    assert_non_null(strstr(s.out, "bios.post"));
    assert_non_null(strstr(s.out, "data:image/png;base64,"));
    assert_int_equal(occurrences(s.out, "<html"), 1);
    assert_non_null(strstr(s.out, "</html>"));
    said_free(&s);
    s = bootreel("export demo.reel --format html --pictures 0 -q");
    assert_null(strstr(s.out, "data:image/png"));
    said_free(&s);
}

static void test_refusals(void **state)
{
    COMMANDS(
        WARNS("a format is needed", "export demo.reel", 2, "--format"),
        WARNS("a format that is none", "export demo.reel --format nonsense", 2, "nonsense"),
        WARNS("a folder that is not there", "export demo.reel --format json -o no/where", 2, "no/where"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_has_one_object_a_line),
        cmocka_unit_test(test_json_of_a_part),
        cmocka_unit_test(test_folded_stages),
        cmocka_unit_test(test_speedscope),
        cmocka_unit_test(test_perfetto),
        cmocka_unit_test(test_pprof),
        cmocka_unit_test(test_ctf),
        cmocka_unit_test(test_sqlite),
        cmocka_unit_test(test_asciicast),
        cmocka_unit_test(test_apng),
        cmocka_unit_test(test_pcapng),
        cmocka_unit_test(test_html),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, command_recorded, command_cleanup);
}
