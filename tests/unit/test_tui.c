/* test_tui.c - the terminal interface's parts without a trace: keys by name, bindings, layouts, cells, colours; bits in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/views/views.h"
#include "tui/app_impl.h"

static void test_keys(void **state)
{
    static const char *const names[] = {"a",   "C-o",    "M-x",    "Enter", "S-Tab",   "F1",
                                        "F12", "PageUp", "M-Left", "Space", "\xc3\xa4"};
    char buf[16];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_string_equal(key_text(key_parse(names[i]), buf), names[i]);
    assert_int_equal(key_parse("Hyper-x"), -1);
    assert_int_equal(key_parse("F13"), -1);
    assert_int_equal(key_parse(""), -1);
    assert_int_equal(key_parse("\xff"), -1);
}

/* Every key of the table is one, no two commands share one in a view, and what all views share is bound in each. */
static void test_table(void **state)
{
    struct bindings b = {0};
    bindings_default(&b);
    for (size_t i = 0; i < b.n; i++) {
        assert_true(b.list[i].key > 0);
        for (size_t k = 0; k < i; k++)
            if (b.list[i].key == b.list[k].key && b.list[i].contexts & b.list[k].contexts)
                assert_true(b.list[i].contexts != b.list[k].contexts);
    }
    for (unsigned c = 0; c < CMD_COUNT; c++) {
        const struct command_row *r = command_row((enum command)c);
        assert_true(command_by_name(r->name, strlen(r->name)) == c);
        assert_non_null(r->help);
    }
    assert_int_equal(command_by_name("back-s", 6), CMD_BACK_STEP);
    assert_int_equal(command_by_name("b", 1), CMD_NONE);
    assert_int_equal(command_by_name("", 0), CMD_NONE);
    bindings_free(&b);
}

static void test_bindings(void **state)
{
    struct bindings b = {0};
    struct error err;
    bindings_default(&b);
    assert_int_equal(bindings_find(&b, VIEW_CODE, 'o')->command, CMD_PATH);
    assert_int_equal(bindings_find(&b, VIEW_MEMORY, 'o')->command, CMD_FOLLOW);
    assert_null(bindings_find(&b, VIEW_SCREEN, 'o'));
    assert_int_equal(bindings_set(&b, VIEW_COUNT, "t", "next-event console", &err), 0);
    assert_string_equal(bindings_find(&b, VIEW_CODE, 't')->arg, "console");
    assert_int_equal(bindings_set(&b, VIEW_CODE, "s", "goto", &err), 0);
    assert_int_equal(bindings_find(&b, VIEW_CODE, 's')->command, CMD_GOTO);
    assert_int_equal(bindings_find(&b, VIEW_EVENTS, 's')->command, CMD_STEP);
    assert_int_equal(bindings_set(&b, VIEW_COUNT, "Hyper-x", "goto", &err), -1);
    assert_int_equal(bindings_set(&b, VIEW_COUNT, "t", "nonsense", &err), -1);
    bindings_free(&b);
}

static void test_layouts(void **state)
{
    static const char *const bad[] = {
        "",      "nonsense",    "code /",   "code | | stack",           "(code",
        "code)", "code / code", "code : 3", "((((((((((code))))))))))", "code:3x"};
    struct error err;
    assert_int_equal(layout_check("timeline:8 / (events / details:9) | (code / registers:12):52", &err), 0);
    assert_int_equal(layout_check("code", &err), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(layout_check(bad[i], &err), -1);
}

static void test_cells(void **state)
{
    struct canvas c = {0};
    canvas_resize(&c, 10, 2);
    struct window w = canvas_window(&c), part = window_part(&w, 2, 0, 4, 5);
    assert_int_equal(part.h, 2);
    assert_int_equal(window_text(&w, 0, 0, STYLE_NORMAL, "a\xc3\xa4\xe2\x94\x80\xff\t!"), 6);
    char *row = canvas_row(&c, 0, false);
    assert_string_equal(row, "a\xc3\xa4\xe2\x94\x80\xc2\xb7\xc2\xb7!");
    free(row);
    row = canvas_row(&c, 0, true);
    assert_string_equal(row, "a?-..!");
    free(row);
    window_text(&part, 0, 1, STYLE_NORMAL, "cut off here");
    row = canvas_row(&c, 1, false);
    assert_string_equal(row, "  cut");
    free(row);
    window_text(&w, -3, 0, STYLE_NORMAL, "xyz12");
    window_text(&w, 0, 7, STYLE_NORMAL, "nowhere");
    row = canvas_row(&c, 0, false);
    assert_memory_equal(row, "12", 2);
    free(row);
    canvas_free(&c);
}

static void test_looks(void **state)
{
    struct looks l;
    looks_default(&l);
    assert_int_equal(looks_set(&l, "here", "81 on 236 bold"), 0);
    assert_int_equal(l.of[STYLE_HERE].ink, 81);
    assert_int_equal(l.of[STYLE_HERE].paper, 236);
    assert_int_equal(l.of[STYLE_HERE].attributes, LOOK_BOLD);
    assert_int_equal(looks_set(&l, "here", "300"), -1);
    assert_int_equal(looks_set(&l, "here", "red"), -1);
    assert_int_equal(looks_set(&l, "nowhere", "81"), -1);
    for (int i = 16; i < 256; i++) /* the cube and the greys share a few */
        assert_int_equal(colour_rgb(colour_nearest(colour_rgb(i))), colour_rgb(i));
}

static void test_bits(void **state)
{
    char text[200];
    size_t n;
    view_bits_text("cr0", 0x80050033, text, sizeof text);
    assert_string_equal(text, "PE MP ET NE WP AM PG");
    view_bits_text("eflags", 0x3246, text, sizeof text);
    assert_string_equal(text, "PF ZF IF IOPL=3");
    view_bits_text("efer", 0xd01, text, sizeof text);
    assert_string_equal(text, "SCE LME LMA NXE");
    assert_int_equal(view_bits_text("efer", 0xd01, text, 4), 15);
    assert_string_equal(text, "SCE");
    assert_null(view_bits("rax", &n));
    for (size_t i = 0; view_bits_register(i); i++) { /* in order, without overlaps */
        const struct view_bit *b = view_bits(view_bits_register(i), &n);
        for (size_t k = 1; k < n; k++)
            assert_true(b[k].low >= b[k - 1].low + b[k - 1].width);
    }
}

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* A name as a compiler wrote it, found by a folder of the search path, by a part of its path, and by a substitution. */
static void test_sources(void **state)
{
    char dir[] = "/tmp/bootreel-test-XXXXXX", sub[100], line[80];
    struct sources s = {0};
    assert_non_null(mkdtemp(dir));
    snprintf(sub, sizeof sub, "%s/kernel", dir);
    assert_int_equal(mkdir(sub, 0700), 0);
    write_file(sub, "fork.c", "one\n  two \r\nthree\n");
    assert_null(source_line(&s, "/build/linux/kernel/fork.c", 2, line, sizeof line));
    sources_search(&s, "/nowhere::");
    assert_null(source_line(&s, "/build/linux/kernel/fork.c", 2, line, sizeof line));
    sources_search(&s, dir);
    assert_string_equal(source_line(&s, "/build/linux/kernel/fork.c", 2, line, sizeof line), "two");
    assert_string_equal(source_line(&s, "fork.c/../kernel/fork.c", 1, line, sizeof line), "one");
    assert_null(source_line(&s, "/build/linux/kernel/fork.c", 4, line, sizeof line));
    assert_null(source_line(&s, "/build/linux/kernel", 1, line, sizeof line)); /* a folder */
    sources_free(&s);
    sources_substitute(&s, "/build/linux", dir);
    assert_string_equal(source_line(&s, "/build/linux/kernel/fork.c", 3, line, sizeof line), "three");
    assert_null(source_line(&s, "/build/linux-6/kernel/fork.c", 3, line, sizeof line));
    sources_substitute(&s, "/build/linux", NULL);
    assert_null(source_line(&s, "/build/linux/kernel/fork.c", 3, line, sizeof line));
    sources_free(&s);
    strcat(sub, "/fork.c");
    unlink(sub);
    *strrchr(sub, '/') = 0;
    rmdir(sub);
    rmdir(dir);
}

/* Row i of what the guest printed, in so many columns. */
static void assert_row(const struct lines *l, size_t i, int columns, const char *text)
{
    struct canvas c = {0};
    canvas_resize(&c, columns, 1);
    struct window w = canvas_window(&c);
    lines_draw(l, i, columns, &w);
    char *row = canvas_row(&c, 0, false);
    assert_string_equal(row, text);
    free(row);
    canvas_free(&c);
}

static void print(struct lines *l, const char *text)
{
    lines_put(l, text, strlen(text));
}

static void test_lines(void **state)
{
    static const struct {
        const char *printed, *shown;
    } cases[] = {
        {"plain\r", "plain"},
        {"\033[1;32m  OK  \033[0m done", "  OK   done"},
        {"/ # \033[6necho", "/ # echo"},
        {"ls -x\b \b\by", "ls y"},      /* erased by a blank, then overwritten */
        {"ls -x\b\033[Ky", "ls -y"},    /* erased to the end */
        {"abcd\033[2Dxy", "abxy"},      /* to the left */
        {"abcd\r\033[1C\033[2P", "ad"}, /* characters deleted */
        {"ad\b\033[2@bc", "abcd"},      /* and inserted */
        {"10 %\r100 %", "100 %"},       /* progress */
        {"a\tb", "a       b"},
        {"\033]0;title\007text\033P1\033\\!", "text!"}, /* strings */
        {"\033(B\033[?25hx", "x"},
        {"\xc3\xa4\xff\xe4\xb8\xadx", "\xc3\xa4\xc2\xb7\xc2\xb7 x"}, /* two bytes, none, a wide one */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lines *l = lines_new();
        for (const char *p = cases[i].printed; *p; p++)
            lines_put(l, p, 1);
        assert_row(l, 0, 80, cases[i].shown);
        lines_free(l);
    }
}

static void test_long_lines(void **state)
{
    struct lines *l = lines_new();
    for (unsigned i = 0; i < LINES_COLUMNS; i++)
        print(l, "0");
    print(l, " \rnext row\r\033[K\033[A\b1"); /* as line editors go to the next row, and back */
    assert_int_equal(lines_rows(l, LINES_COLUMNS / 2), 2);
    assert_row(l, 0, 4, "1000");
    print(l, "\r\n");
    for (unsigned i = 0; i < LINES_KEPT + 5; i++) {
        char text[20];
        snprintf(text, sizeof text, "line %u\r\n", i);
        print(l, text);
    }
    assert_true(lines_dropped(l));
    assert_int_equal(lines_rows(l, 80), LINES_KEPT);
    assert_row(l, 0, 80, "line 6");
    assert_row(l, LINES_KEPT - 2, 80, "line 2004");
    assert_row(l, LINES_KEPT - 1, 80, "");
    assert_row(l, LINES_KEPT, 80, ""); /* there is no such row */
    assert_true(lines_hold(l, "ine 77"));
    assert_false(lines_hold(l, "line 5\n"));
    for (unsigned i = 0; i < LINES_LONGEST + 10; i++)
        print(l, "x");
    assert_int_equal(lines_rows(l, LINES_LONGEST), LINES_KEPT);
    assert_row(l, LINES_KEPT - 1, LINES_LONGEST, "xxxxxxxxxx");
    lines_free(l);
}

static void test_typed_bytes(void **state)
{
    char bytes[8];
    assert_memory_equal(bytes, "\033[24~", key_bytes(key_parse("F12"), bytes));
    assert_memory_equal(bytes, "\033b", key_bytes(key_parse("M-b"), bytes));
    assert_memory_equal(bytes, "\033[Z", key_bytes(key_parse("S-Tab"), bytes));
    assert_memory_equal(bytes, "\xc3\xa4", key_bytes(key_parse("\xc3\xa4"), bytes));
    assert_int_equal(key_bytes(key_parse("Insert"), bytes), 4);
    assert_int_equal(key_bytes(TK_MOUSE, bytes), 0);
    assert_int_equal(key_bytes(TK_MOUSE | KEY_ALT, bytes), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),        cmocka_unit_test(test_table),
        cmocka_unit_test(test_bindings),    cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_cells),       cmocka_unit_test(test_looks),
        cmocka_unit_test(test_bits),        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_lines),       cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_typed_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
