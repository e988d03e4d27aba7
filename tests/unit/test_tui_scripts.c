/* test_tui_scripts.c - the terminal interface by scripts of commands and keys, without a terminal: what the screen shows then (tui/). */
#include "tests/unit/command.h"

/* Runs a script over the demo's trace; each line of it that says `expect` or `message` is a check. Returns what `show -` printed, to be freed. */
static char *script_on(const char *traces, const char *options, const char *text)
{
    command_write_text("tui.script", text);
    struct said s = bootreel("tui %s --script tui.script %s", traces, options);
    if (s.status)
        fail_msg("tui %s: %s", traces, s.err);
    free(s.err);
    return s.out;
}
static void script(const char *text)
{
    free(script_on("demo.reel", "", text));
}
/* A script that ends with that error. */
static void script_fails(const char *text, const char *error)
{
    command_write_text("tui.script", text);
    struct said s = bootreel("tui demo.reel --script tui.script");
    assert_int_equal(s.status, EXIT_TROUBLE);
    if (!strstr(s.err, error))
        fail_msg("\"%s\" is not in: %s", error, s.err);
    said_free(&s);
}

static void test_pages_show_the_moment(void **state)
{
    script("goto stage:user.hello\n"
           "overview\nexpect Timeline\nexpect Events\nexpect Registers\n"
           "events\nexpect Details\n"
           "stages\nexpect bios.post\nexpect user.hello\n"
           "processor\nexpect cr0\nexpect gdt\n"
           "code\nexpect Stack\n"
           "memory\nexpect Page walk\n"
           "devices\nexpect pic\n"
           "screen\nexpect demo kernel\n"
           "processes\nexpect no processes\n"
           "console\nexpect kernel: \n"
           "marks\nexpect Marks\n"
           "firmware\nexpect Firmware\n"
           "page structure\nexpect Structure\n"
           "help\nexpect Keys\n");
}

static void test_sizes_and_looks(void **state)
{
    for (unsigned i = 0; i < 3; i++) {
        static const char *const options[] = {"--size 60x16", "--size 200x60 --mono", "--size 80x24 --ascii"};
        char *out = script_on("demo.reel", options[i],
                              "goto 60%\noverview\nshow -\nkeys 4\nshow -\nkeys 8\nshow -\n");
        assert_true(strlen(out) > 60);
        for (const char *p = out; i == 2 && *p; p++)
            assert_true((uint8_t)*p < 0x80);
        free(out);
    }
    script("size 80x24\nexpect Events\nsize 150x50\nexpect Details\n");
}

static void test_moves_have_reverses(void **state)
{
    script(
        "goto 1000\ncode\nexpect 1,000\nstep 5\nexpect 1,005\nback-step 5\nexpect 1,000\nnext-event\nprevious-event\n"
        "begin\nback-step\nmessage beginning\n");
}

static void test_moves_say_where_they_went(void **state)
{
    script(
        "begin\n"
        "next-stage\nnext-stage\nmessage stage bios.post\n"
        "previous-stage\n"
        "next-event cpu.mode\nexpect cpu.mode\n"
        "next-line\nnext-line\nprevious-line\n"
        "goto stage:loader\nover\nover\nback-over\nfind memory_init\ngoto stage:kernel.memory\nout\nback-out\n"
        "back\nforward\n"
        "next-change rax\nprevious-change rax\n"
        "goto console:hello\nconsole\nexpect hello\n"
        "end\nnext-event\nmessage no\n");
}

static void test_positions(void **state)
{
    script("goto 50%\ngoto 1ms\ngoto #100\ngoto +5\ngoto -5\ngoto 1M\nexpect 1,000,000\n"
           "goto nowhere\nmessage nowhere\n"
           "goto stage:nonsense\nmessage nonsense\n"
           "goto mark:nonsense\nmessage nonsense\n");
    script_fails("goto stage:nonsense\n", "nonsense");
    script_fails("nonsense\n", "nonsense");
    script_fails("keys Hyper-x\n", "is not a key");
    script_fails("size x\n", "is not a size");
    script_fails("expect no such text is shown\n", "no such text");
}

static void test_marks(void **state)
{
    script("goto stage:loader\nmark here\ngoto 50%\nmark there\nmarks\nexpect here\nexpect there\n"
           "goto mark:here\nstages\nexpect loader\n"
           "unmark here\nmarks\ngoto mark:here\nmessage here\n");
}

static void test_breakpoints(void **state)
{
    script("begin\nbreak memory_init\ncontinue\nmessage breakpoint at 0x\ncode\nexpect memory_init\n"
           "marks\nexpect memory_init\n"
           "back-continue\n"
           "break memory_init\n"
           "watch 7c00 2\nmarks\nexpect 7c00\nbegin\ncontinue\nback-continue\nclear-stops\n"
           "break nonsense_symbol\nmessage nonsense_symbol\n");
}

static void test_who_wrote(void **state)
{
    script("goto stage:loader\naddress 7c00\nexpect ea 05 7c\nwriter\n"
           "message the disk wrote it: READ DMA drive 0 lba 0 count 1 to 0x7c00\nback\nexpect ea 05 7c\n"
           "goto stage:user.hello\naddress sp\nwriter\nmessage the next instruction writes\n");
}

static void test_memory_view(void **state)
{
    script(
        "goto stage:user.hello\nmemory\naddress memory_init\nphysical\nphysical\nkeys Down Down Right Right Left Up PageDown PageUp Home End\n"
        "follow rsp\nstep\naddress 0x7c00\nsearch nosuchbytes\nmessage nosuchbytes\n");
}

static void test_find_marks_moments(void **state)
{
    script("goto 50%\nfind memory_init\nmarks\nfind write 7c00\nfind read 413\n");
}

static void test_events_view(void **state)
{
    script("events\nfilter disk\nexpect READ DMA\nkeys Home\nnext-event\nexpect disk\n"
           "filter disk.read drive=0\nexpect READ\n"
           "filter all\nfilter story\nfilter text:hello\nexpect hello\n"
           "filter stage:loader\nfold\nfold\n"
           "filter nonsense.kind\nmessage nonsense.kind\n"
           "filter console\nsearch hello\nexpect hello\nsearch-next\nsearch-back\nenter\n");
}

static void test_stages_view(void **state)
{
    script(
        "stages\nkeys Home\nsort\nexpect user.key\nsort\nsearch loader\nenter\nexpect loader\nzoom-in\nzoom-out\n");
}

static void test_timeline_view(void **state)
{
    script(
        "overview\nfocus timeline\nzoom-in\nzoom-in\nzoom-out\nkeys Left Right Home End Enter o o + -\nzoom\nzoom\nfocus\nfocus-back\n");
}

static void test_code_view(void **state)
{
    script(
        "goto stage:kernel\ncode\nexpect ▸\npath\npath\nkeys Down Down Up PageDown PageUp Home End\nfocus stack\nkeys Down Enter\n"
        "directory /nowhere\nmessage is not a folder\ndirectory .\ndirectory\nsubstitute-path /a /b\nsubstitute-path /a\ncpu\ncpu 0\ncpu turn\ncpu 9\nmessage 9\n");
}

static void test_devices_view(void **state)
{
    script(
        "devices\nsearch pic\nenter\nkeys Down Down Enter Up\nsearch uart\nenter\nsearch ide\nenter\nkeys PageDown\n");
}

static void test_console_view(void **state)
{
    script(
        "end\nconsole\nexpect that was all\nall-consoles\nall-consoles\nsearch hello\nexpect hello\nenter\n");
}

static void test_why_and_origin(void **state)
{
    script("end\nwhy\nexpect nothing went wrong\nwhy 50%\n"
           "goto stage:loader\norigin 7c00 2\nexpect disk0\norigin eax\norigin nonsense\nmessage nonsense\n");
}

static void test_prompt(void **state)
{
    script("keys g\ntype 50%\nkeys Enter\n"
           "keys :\ntype sta\nkeys Tab Enter\nexpect bios.post\n"
           "keys :\ntype goto stage:use\nkeys Tab Tab Esc\n"
           "keys :\ntype goto 1M\nkeys Home Right Left End BackSpace C-u Esc\n"
           "keys : Up Down Esc\nkeys /\ntype kernel\nkeys Enter n N . ,\n"
           "keys F1\nexpect Keys\nkeys q\n");
}

static void test_live(void **state)
{
    script("goto stage:user.key\nlive\ntype x\nundo\nexpect user.key\n"
           "goto stage:user.key\nundo\nmessage recorded\n");
}

static void test_dumps(void **state)
{
    size_t n;
    free(script_on("demo.reel", "--dump shot.svg", "overview\ndump shot.txt\nredraw\n"));
    char *svg = command_file("shot.svg", &n), *text = command_file("shot.txt", NULL);
    assert_non_null(strstr(svg, "<svg"));
    assert_non_null(strstr(text, "Timeline"));
    free(svg);
    free(text);
}

static void test_settings(void **state)
{
    command_write_text(
        "settings",
        "colour here = 81 on 236 bold\nkey F9 = goto 50%\nlayout overview 60x16 = events / code\n");
    struct said s = bootreel("record -o other.reel -q --memory 16M");
    assert_int_equal(s.status, 0);
    said_free(&s);
    command_write_text("tui.script", "keys F9\n");
    s = bootreel("tui demo.reel --script tui.script --settings settings");
    assert_int_equal(s.status, 0);
    said_free(&s);
    command_write_text("settings", "colour nowhere = red\n");
    command_write_text("tui.script", "message settings:1\n");
    s = bootreel("tui demo.reel --script tui.script --settings settings");
    if (s.status)
        fail_msg("%s", s.err);
    said_free(&s);
}

/* Two boots side by side: what differs, and moves of one follow those of the other. */
static void test_two_boots(void **state)
{
    char *out =
        script_on("demo.reel other.reel", "--size 150x40",
                  "next-difference\nnext-difference\nprevious-difference\nother\ntie\nstep\ntie\nother\n"
                  "goto stage:user.hello\noverview\nconsole\nshow -\nzoom\nzoom\nkeys Down Enter\n");
    assert_non_null(strstr(out, "KiB of memory"));
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_show_the_moment),
        cmocka_unit_test(test_sizes_and_looks),
        cmocka_unit_test(test_moves_have_reverses),
        cmocka_unit_test(test_moves_say_where_they_went),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_breakpoints),
        cmocka_unit_test(test_who_wrote),
        cmocka_unit_test(test_memory_view),
        cmocka_unit_test(test_find_marks_moments),
        cmocka_unit_test(test_events_view),
        cmocka_unit_test(test_stages_view),
        cmocka_unit_test(test_timeline_view),
        cmocka_unit_test(test_code_view),
        cmocka_unit_test(test_devices_view),
        cmocka_unit_test(test_console_view),
        cmocka_unit_test(test_why_and_origin),
        cmocka_unit_test(test_prompt),
        cmocka_unit_test(test_live),
        cmocka_unit_test(test_dumps),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_two_boots),
    };
    return cmocka_run_group_tests(tests, command_recorded, command_cleanup);
}
