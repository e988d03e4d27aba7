/* test_why_shape.c - the shape of verdicts (core/case/shape.c): headlines, evidence once and in order of time, wrapped lines; and codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/case/case.h"
#include "core/why/why.h"

static void release(struct finding *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->line[i].text);
        free(f->line[i].place);
    }
    free(f->verdict.s);
}

static void test_short_headline(void **state)
{
    struct finding f = {0};
    find_verdict(&f, WHY_HANG_LOOP, 7, "an endless loop");
    shape_headline(&f);
    assert_string_equal(f.verdict.s, "an endless loop");
    assert_int_equal(f.answer, WHY_WRONG);
    assert_int_equal(f.n, 0);
    release(&f);
}

/* It ends with a clause, and the rest is the first line of evidence, at the verdict's position. */
static void test_long_headline(void **state)
{
    struct finding f = {0};
    find_line(&f, 3, NULL, "evidence");
    find_verdict(&f, WHY_LINUX_NO_ROOT, 9,
                 "Linux cannot mount root=/dev/vda: the kernel knows no disk, though the machine has one: "
                 "no driver for it was loaded, and no initrd was given that has one");
    shape_headline(&f);
    assert_string_equal(f.verdict.s,
                        "Linux cannot mount root=/dev/vda: the kernel knows no disk, though the machine "
                        "has one: no driver for it was loaded");
    assert_string_equal(f.line[0].text, "and no initrd was given that has one");
    assert_int_equal(f.line[0].icount, 9);
    assert_string_equal(f.line[1].text, "evidence");
    release(&f);
}

/* Without a clause that could end it, it is cut between words, and goes on in the first line. Characters count, not bytes. */
static void test_cut_headline(void **state)
{
    struct finding f = {0};
    char want[400] = "";
    for (unsigned i = 0; i < 40; i++)
        strcat(want, i ? " wörd" : "wörd");
    find_verdict(&f, WHY_LINUX_PANIC, 1, "%s", want);
    shape_headline(&f);
    assert_string_equal(f.verdict.s + f.verdict.n - strlen(" wörd…"), " wörd…");
    assert_true(f.verdict.n <= 120 + 24 + 2);
    assert_true(!strncmp(f.line[0].text, "…wörd wörd", strlen("…wörd wörd")));
    assert_int_equal(f.verdict.n + strlen(f.line[0].text), strlen(want) + 2 * strlen("…") - 1);
    release(&f);
}

/* Before it is cut, it does without what the evidence has: operands of string instructions, addresses that have a name, the image's name again. */
static void test_shortened_headline(void **state)
{
    struct finding f = {0};
    find_verdict(
        &f, WHY_RAILS_RETURN, 1,
        "the frame to which IRET at 0x100100 (timer+0x1a [k.elf]) returns was overwritten at 0x1000f6 "
        "(timer+0x10 [k.elf]): rep movsb byte ptr es:[edi], byte ptr [esi]; its CS is 6d6d6d6dh");
    shape_headline(&f);
    assert_string_equal(f.verdict.s, "the frame to which IRET at timer+0x1a [k.elf] returns was overwritten "
                                     "at timer+0x10: rep movsb; its CS is 6d6d6d6dh");
    assert_int_equal(f.n, 0);
    release(&f);
    f = (struct finding){0};
    find_verdict(
        &f, WHY_RAILS_WILD_JUMP, 1,
        "call dword ptr [ebx + 8] at 0x100070 (main+0x27 [k.elf]) goes astray, to 0xffffffff (the firmware's "
        "ROM): it is from 0x97c (key [k.elf])");
    shape_headline(&f);
    assert_string_equal(f.verdict.s,
                        "call dword ptr [ebx + 8] at main+0x27 [k.elf] goes astray, to 0xffffffff (the "
                        "firmware's ROM): it is from key [k.elf]");
    release(&f);
}

static void test_lines(void **state)
{
    struct finding f = {0};
    find_note(&f, "the machine has no disk");
    find_line(&f, 30, NULL, "systemd says: Failed to start accounts.service - The Accounts.");
    find_line(&f, 31, NULL, "console: [FAILED] Failed to start accounts.service - The Accounts.");
    find_line(&f, 20, NULL, "console: [    1.234567] something before");
    find_line(&f, 20, NULL, "console: [    1.234567] something before");
    for (unsigned i = 0; i < 20; i++)
        find_line(&f, 40 + i, NULL, "line %u", i);
    shape_lines(&f);
    assert_int_equal(f.n, WHY_LINES);
    assert_int_equal(f.line[0].icount, 20);
    assert_int_equal(f.line[0].rank, 2);
    assert_int_equal(f.line[1].icount, 30);
    assert_int_equal(f.line[2].icount, 40);
    assert_string_equal(f.line[WHY_LINES - 1].text, "the machine has no disk");
    assert_false(f.line[WHY_LINES - 1].placed);
    release(&f);
}

/* As text: most important first if there is little room, wrapped, with the way there. */
static void test_text(void **state)
{
    char
        headline
            [] = "it failed",
    early[] = "early", late[] = "late", none[] = "",
    wide[] =
        "a line of a hundred and more characters that cannot be shown in a single line of a terminal, so that "
        "it goes on in another";
    struct why w = {.verdict = headline,
                    .n = 3,
                    .line = {{.rank = 2, .placed = true, .icount = 1, .text = early, .place = none},
                             {.rank = 0, .placed = true, .icount = 2, .text = late, .place = none},
                             {.rank = 1, .text = wide, .place = none}}};
    struct text out = {0};
    why_text(&out, &w, "go", 1);
    assert_string_equal(out.s, "it failed\n              2  late  > go 2\n");
    free(out.s);
    out = (struct text){0};
    why_text(&out, &w, NULL, 4);
    assert_string_equal(
        out.s,
        "it failed\n              1  early\n              2  late\n"
        "                 a line of a hundred and more characters that cannot be shown in a single line of a "
        "terminal, so that it\n                 goes on in another\n");
    free(out.s);
}

static void test_codes(void **state)
{
    enum why_code code;
    for (unsigned i = 0; i < WHY_CODES; i++) {
        assert_true(why_code_find(why_code_name(i), &code));
        assert_int_equal(code, i); /* no name is there twice */
        assert_true(strlen(why_code_meaning(i)) > 0);
    }
    assert_false(why_code_find("linux", &code));
    assert_int_equal(why_code_answer(WHY_OK_POWER_OFF), WHY_NOTHING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_headline), cmocka_unit_test(test_long_headline),
        cmocka_unit_test(test_cut_headline),   cmocka_unit_test(test_shortened_headline),
        cmocka_unit_test(test_lines),          cmocka_unit_test(test_text),
        cmocka_unit_test(test_codes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
