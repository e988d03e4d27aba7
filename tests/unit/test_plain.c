/* test_plain.c - text without escape sequences, and who looks at it: conditions of profiles, and a pipe's typing, which waits for
 * a prompt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/live/live.h"
#include "core/story/profile.h"

static void sequences_go(void **state)
{
    static const struct {
        const char *text, *plain;
    } rows[] = {
        {"plain", "plain"},
        {"Reached target \033[0;1;39mmulti-user.target\033[0m.", "Reached target multi-user.target."},
        {"\033[?2004l\r", "\r"},
        {"\033]0;title\007after", "after"},
        {"\033]0;title\033\\after", "after"},
        {"\033(Bcharset", "charset"},
        {"\0337saved\0338", "saved"},
        {"\033P1$r0m\033\\x", "x"},
        {"\033[1\nm in between", "\n in between"},
        {"\033[12\030cancelled", "cancelled"},
        {"\033]lost its end\nnext", "\nnext"},
        {"cut \033[0;1", "cut "},
        {"caf\303\251", "caf\303\251"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[100];
        size_t n = plain_text(rows[i].text, strlen(rows[i].text), out);
        assert_int_equal(n, strlen(rows[i].plain));
        assert_memory_equal(out, rows[i].plain, n);
    }
}

static void texts_are_found(void **state)
{
    static const char line[] = "Reached target \033[0;1;39mmulti-user.target\033[0m";
    assert_true(plain_holds(line, sizeof line - 1, "target multi-user"));
    assert_true(plain_holds(line, sizeof line - 1, "\033[0;1;39mmulti"));
    assert_false(plain_holds(line, sizeof line - 1, "39multi"));
    assert_true(plain_holds(NULL, 0, ""));
    assert_false(plain_holds(NULL, 0, "x"));
}

static void profiles_see_through(void **state)
{
    static const char line[] = "Reached target \033[0;1;39mmulti-user.target\033[0m";
    const struct event ev = {.kind = EV_CONSOLE_LINE, .data = line, .len = sizeof line - 1};
    struct error err;
    struct profile *p = profile_parse("p", "stage a\n open console \"target multi-user\"\n", &err);
    assert_true(condition_holds(&profile_stage(p, 0)->open[0], &ev, "", 0));
    profile_free(p);
}

/* ---------------------------------------------------------------- typing from a pipe */

static void prints(struct live *l, const char *text, uint64_t time)
{
    for (; *text; text++)
        live_console(l, 0, text, 1, time);
}

/* Whether, at an idle guest, something would go in now. */
static bool types(struct live *l, uint64_t now)
{
    size_t n;
    live_idle(l, now, now + 1000, false);
    live_bytes(l, &n);
    return n;
}

static void take_line(struct live *l)
{
    size_t n;
    live_bytes(l, &n);
    live_taken(l, n);
}

static struct live *open_pipe(const char *text, int *in)
{
    struct error err;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], text, strlen(text)), strlen(text));
    close(fds[1]);
    *in = fds[0];
    const struct live_options lo = {.fd = fds[0], .port = INPUT_SERIAL0, .console = 0};
    return live_open(&lo, &err);
}

/* The first line is typed at the prompt, the second only after the rest of the answer. */
static void waits_for_the_rest(const char *prompt, const char *part, const char *rest)
{
    int in;
    struct live *l = open_pipe("one\ntwo\n", &in);
    prints(l, prompt, 10);
    assert_true(types(l, 20));
    take_line(l);
    prints(l, part, 30);
    assert_false(types(l, 40));
    prints(l, rest, 50);
    assert_true(types(l, 60));
    live_close(l);
    close(in);
}

/* What bash prints when a line was entered: the end of its echo, then a control sequence, then the program's output. */
static void a_sequence_is_no_prompt(void **state)
{
    waits_for_the_rest("\033[?2004h# ", "one\r\n\033[?2004l\r", "answer\r\n\033[?2004h# ");
}

static void an_echo_is_no_prompt(void **state)
{
    waits_for_the_rest("# ", "on", "e\r\n# ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences_go),         cmocka_unit_test(texts_are_found),
        cmocka_unit_test(profiles_see_through), cmocka_unit_test(a_sequence_is_no_prompt),
        cmocka_unit_test(an_echo_is_no_prompt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
