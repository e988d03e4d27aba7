/* test_answers.c - typing by program: what is written, what it waits for, what is typed (core/live/answers.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/live/answers.h"
#include "traces/event.h"

#define MS 1000000ull

static struct answers *given(const char *const *words, size_t n)
{
    struct answers *a = answers_new();
    struct error err;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(answers_add(a, words[i], &err), 0);
    return a;
}
#define GIVEN(...)                                                                                           \
    given((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void print(struct answers *a, unsigned device, const char *text, uint64_t time)
{
    answers_console(a, device, text, strlen(text), time);
}

/* What is typed now, to an idle guest that takes all of it. */
static void typed(struct answers *a, uint64_t time, enum input_port port, const char *bytes, size_t len)
{
    enum input_port where = INPUT_POWER_BUTTON;
    size_t n;
    const uint8_t *data = answers_bytes(a, time, true, &where, &n);
    assert_int_equal(n, len);
    assert_int_equal(where, port);
    assert_memory_equal(data, bytes, len);
    answers_taken(a, n);
}
#define TYPED(a, time, port, text) typed(a, time, port, text, sizeof(text) - 1)

static void typed_nothing(struct answers *a, uint64_t time, bool idle)
{
    enum input_port where;
    size_t n;
    answers_bytes(a, time, idle, &where, &n);
    assert_int_equal(n, 0);
}

static void test_in_turn(void **state)
{
    (void)state;
    struct answers *a = GIVEN("login: =root\\n", "word: =x\\=\\\\\\x41\\n", "# =off\\n");
    print(a, CONSOLE_SERIAL0, "word: log", 0);
    typed_nothing(a, 0, true);
    print(a, CONSOLE_SERIAL0, "\033[1min\033[0m\r: ", 0);
    TYPED(a, 0, INPUT_SERIAL0, "root\r");
    typed_nothing(a, 0, true); /* the earlier "word: " does not count */
    print(a, CONSOLE_SERIAL0, "root\r\nPassword: # ", 0);
    TYPED(a, 0, INPUT_SERIAL0, "x=\\A\r");
    TYPED(a, 0, INPUT_SERIAL0, "off\r"); /* was printed behind the last text */
    assert_false(answers_pending(a));
    assert_null(answers_lack(a, 0));
    answers_free(a);
}

static void test_busy_guest(void **state)
{
    (void)state;
    struct answers *a = GIVEN("boot: =linux\\n");
    print(a, CONSOLE_SERIAL0 + 1, "boot: ", 50 * MS);
    typed_nothing(a, 149 * MS, false);
    enum input_port port;
    size_t n;
    assert_memory_equal(answers_bytes(a, 150 * MS, false, &port, &n), "linux\r", 6);
    assert_int_equal(port, INPUT_SERIAL0 + 1);
    answers_taken(a, 4); /* its FIFO is full */
    assert_true(answers_pending(a));
    assert_memory_equal(answers_bytes(a, 150 * MS, false, &port, &n), "x\r", 2);
    answers_taken(a, n);
    assert_false(answers_pending(a));
    answers_free(a);
}

static void test_time(void **state)
{
    (void)state;
    struct answers *a = GIVEN("@2s=<F12>", "menu=1");
    assert_int_equal(answers_due(a), 2000 * MS);
    print(a, CONSOLE_VIRTIO, "menu", 0); /* is remembered */
    typed_nothing(a, 1999 * MS, true);
    TYPED(a, 2000 * MS, INPUT_VIRTIO, "\033[24~");
    assert_int_equal(answers_due(a), UINT64_MAX);
    TYPED(a, 2000 * MS, INPUT_VIRTIO, "1");
    answers_free(a);
    a = GIVEN("@2s=<F12>");
    TYPED(a, 2000 * MS, INPUT_KEYBOARD, "\0\x58\0\xd8");
    answers_free(a);
}

static void test_screen(void **state)
{
    (void)state;
    struct answers *a = GIVEN("# =a\\n", "# =b\\n", "# =c\\n", "done=<Ctrl-Alt-Del>");
    answers_screen(a, "Welcome\n#\n", 0);
    TYPED(a, 0, INPUT_KEYBOARD, "a\r");
    answers_screen(a, "Welcome\n# a\n", 0); /* the same prompt, with what was typed */
    typed_nothing(a, 0, true);
    answers_screen(a, "# a\nout\n#\n", 0); /* scrolled by a row */
    TYPED(a, 0, INPUT_KEYBOARD, "b\r");
    answers_screen(a, "1\n2\n#\n", 0); /* by more than there was */
    TYPED(a, 0, INPUT_KEYBOARD, "c\r");
    answers_screen(a, "1\n2\n# c\ndone\n", 0);
    TYPED(a, 0, INPUT_KEYBOARD, "\0\x1d\0\x38\0\xe0\0\x53\0\xe0\0\xd3\0\xb8\0\x9d");
    answers_free(a);
}

/* A text that stands on two consoles is answered where it stood first, and its copy counts no more. */
static void test_two_consoles(void **state)
{
    (void)state;
    struct answers *a = GIVEN("> =1", "> =2");
    print(a, CONSOLE_SERIAL0, "> ", 0);
    TYPED(a, 0, INPUT_SERIAL0, "1");
    answers_screen(a, ">\n", 0);
    typed_nothing(a, 0, true);
    answers_screen(a, "> 1\nhello\n>\n", 0);
    TYPED(a, 0, INPUT_KEYBOARD, "2");
    answers_free(a);
}

static void test_what_is_lacking(void **state)
{
    (void)state;
    struct answers *a = GIVEN("a=<Ctrl-Alt-Del>", "b=<Alt-x><Ctrl-c><Down><Shift-Up>", "c=1", "d=1");
    print(a, CONSOLE_SERIAL0, "ab", 0);
    TYPED(a, 0, INPUT_SERIAL0, "\033[3;7~");
    TYPED(a, 0, INPUT_SERIAL0, "\033x\003\033[B\033[1;2A");
    assert_null(answers_lack(a, 0));
    assert_string_equal(answers_lack(a, 2), "its text never came");
    assert_string_equal(answers_lack(a, 3), "its turn never came");
    answers_free(a);
    a = GIVEN("a=<Ctrl-1>", "b=\\xff");
    print(a, CONSOLE_SERIAL0, "a", 0);
    typed_nothing(a, 0, true);
    answers_screen(a, "b\n", 0);
    typed_nothing(a, 0, true);
    assert_string_equal(answers_lack(a, 0), "a key in it cannot be typed where its text stood");
    answers_free(a);
}

static void test_wrong_words(void **state)
{
    (void)state;
    static const char *const words[] = {"",     "a",       "=a",  "a=",   "a=<F13>", "a=<F1", "a=<c>",
                                        "a=\\", "a=\\x0g", "@=a", "@2=a", "@2s",     "\\q=a", "a=\\x00"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct answers *a = answers_new();
        struct error err = {""};
        assert_int_equal(answers_add(a, words[i], &err), -1);
        assert_non_null(strchr(err.text, '"'));
        answers_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_turn),      cmocka_unit_test(test_busy_guest),
        cmocka_unit_test(test_time),         cmocka_unit_test(test_screen),
        cmocka_unit_test(test_two_consoles), cmocka_unit_test(test_what_is_lacking),
        cmocka_unit_test(test_wrong_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
