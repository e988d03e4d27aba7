/* test_out.c - how names and texts of a guest are printed: base/out.h, base/escape.h. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/out.h"

static void expect_text(struct text *t, const char *want)
{
    assert_string_equal(t->s ? t->s : "", want);
    free(t->s);
    *t = (struct text){0};
}

static void names(void **state)
{
    static const struct {
        const char *name, *shown;
    } rows[] = {
        {"plain \xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7", "plain \xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7"},
        {"a\x1b[31m\a", "a\\x1b[31m\\x07"},
        {"a\nb\tc\r\n", "a\\x0ab\\x09c\\x0d\\x0a"},
        {"\x7f", "\\x7f"},
        {"\xc2\x80\xc2\x9f\xc2\xa0", "\\xc2\\x80\\xc2\\x9f\xc2\xa0"},
        {"\xd8\x9c|\xe2\x80\x8e|\xe2\x80\x8f|\xe2\x80\x8d",
         "\\xd8\\x9c|\\xe2\\x80\\x8e|\\xe2\\x80\\x8f|\xe2\x80\x8d"},
        {"\xe2\x80\xa7|\xe2\x80\xa8|\xe2\x80\xae|\xe2\x80\xaf",
         "\xe2\x80\xa7|\\xe2\\x80\\xa8|\\xe2\\x80\\xae|\xe2\x80\xaf"},
        {"\xe2\x81\xa5|\xe2\x81\xa6|\xe2\x81\xa9|\xe2\x81\xaa",
         "\xe2\x81\xa5|\\xe2\\x81\\xa6|\\xe2\\x81\\xa9|\xe2\x81\xaa"},
        {"\xff\xc3", "\\xff\\xc3"},          /* no UTF-8 */
        {"\xc0\x9b", "\\xc0\\x9b"},          /* overlong ESC */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* a surrogate */
        {"\\EFI\\BOOT\\x.efi", "\\EFI\\BOOT\\x.efi"},
        {"\\x1b", "\\x5cx1b"},
        {"\\x1B", "\\x5cx1B"},
        {"\\\\x1b", "\\\\x5cx1b"},
        {"\\x1\x1b", "\\x1\\x1b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text t = {0};
        text_escape(&t, ESCAPE_NAME, rows[i].name, strlen(rows[i].name));
        assert_string_equal(t.s, rows[i].shown);
        escape_undo(t.s);
        assert_string_equal(t.s, rows[i].name);
        free(t.s);
    }
}

/* Whatever the bytes, they can be had back, and what is shown has only what may be shown. */
static void round_trip(void **state)
{
    static const char bytes[] = "\\\\x1bB4\x1b\xe2\x80\xae\xc2\x9b\nuq";
    unsigned seed = 1;
    for (int i = 0; i < 20000; i++) {
        char name[9] = "", shown[40];
        for (int k = 0; k < 8; k++) {
            seed = seed * 1103515245u + 12345u;
            name[k] = bytes[seed / 65536u % (sizeof bytes - 1)];
        }
        struct text t = {0};
        text_escape(&t, ESCAPE_NAME, name, 8);
        for (size_t n = t.n, at = 0, len; at < n; at += len) {
            len = utf8_printable((const uint8_t *)t.s + at, n - at);
            assert_true(len > 0);
        }
        snprintf(shown, sizeof shown, "%s", t.s);
        struct text again = {0};
        text_escape(&again, ESCAPE_WORDS, shown, strlen(shown));
        assert_string_equal(again.s, shown);
        escape_undo(t.s);
        assert_string_equal(t.s, name);
        free(t.s);
        free(again.s);
    }
}

static void lines(void **state)
{
    static const char text[] = "a\r\nb\tc\r\x1b[2J\n\r";
    struct text t = {0};
    text_escape(&t, ESCAPE_LINES, text, strlen(text));
    expect_text(&t, "a\nb\tc\\x0d\\x1b[2J\n\\x0d");
}

static void formats(void **state)
{
    struct text t = {0};
    text_print(&t, "%5d|%-5u|%05x|%llu|%zu|%c|%%|%.1f", -3, 7u, 0xabu, 1ULL << 40, (size_t)9, 'x', 1.25);
    expect_text(&t, "   -3|7    |000ab|1099511627776|9|x|%|1.2");
    text_print(&t, "%hhu %hd %jd %+" PRId64 " %#" PRIx64, (unsigned char)200, (short)-2, (intmax_t)-1,
               (int64_t)5, (uint64_t)255);
    expect_text(&t, "200 -2 -1 +5 0xff");
    text_print(&t, "[%6s][%-6s][%*s]", "a\x1b", "\xe2\x82\xac", 3, "");
    expect_text(&t, "[ a\\x1b][\xe2\x82\xac     ][   ]");
    text_print(&t, "[%.3s][%.*s][%c]", "ab\xe2\x82\xac", 2, "xyz", 27);
    expect_text(&t, "[ab][xy][\\x1b]");
    text_print(&t, "\033[1m%s\n", "\033[1m"); /* the format is ours */
    expect_text(&t, "\033[1m\\x1b[1m\n");
}

static void shell_words(void **state)
{
    struct text t = {0};
    text_shell_word(&t, "bootreel");
    text_shell_word(&t, "a b");
    text_shell_word(&t, "it's");
    text_shell_word(&t, "a'\x1b\\b");
    expect_text(&t, "bootreel 'a b' 'it'\\''s' $'a\\'\\x1b\\\\b'");
}

static void markup(void **state)
{
    static const char text[] = "<a href=\"x\">&\x1b\xff\xe2\x80\xae</a>\r\n";
    char *s = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&s, &n);
    out_markup(f, text, strlen(text));
    fclose(f);
    assert_string_equal(s, "&lt;a href=&quot;x&quot;&gt;&amp;\\x1b\\xff\\xe2\\x80\\xae&lt;/a&gt;\n");
    free(s);
}

/* A console comes in any pieces. */
static void console(void **state)
{
    static const char text[] = "a\r\n\xe2\x82\xac\xe2\x80\xae\\x1b\x1b[0m \\|/\xe2\x82";
    for (size_t piece = 1; piece < sizeof text; piece++) {
        char *s = NULL;
        size_t n = 0;
        FILE *f = open_memstream(&s, &n);
        struct out_console c = {.f = f};
        for (size_t at = 0; at < sizeof text - 1; at += piece)
            out_console_add(&c, text + at, sizeof text - 1 - at < piece ? sizeof text - 1 - at : piece);
        out_console_end(&c);
        fclose(f);
        assert_string_equal(s, "a\n\xe2\x82\xac\\xe2\\x80\\xae\\x5cx1b\\x1b[0m \\|/\\xe2\\x82");
        free(s);
    }
}

/* What is no terminal gets the bytes. */
static void console_in_a_file(void **state)
{
    char *s = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&s, &n);
    struct out_console c = out_console_on(f, false);
    out_console_add(&c, "\x1b[1m\r\n", 6);
    out_console_end(&c);
    fclose(f);
    assert_string_equal(s, "\x1b[1m\r\n");
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),   cmocka_unit_test(round_trip),        cmocka_unit_test(lines),
        cmocka_unit_test(formats), cmocka_unit_test(shell_words),       cmocka_unit_test(markup),
        cmocka_unit_test(console), cmocka_unit_test(console_in_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
