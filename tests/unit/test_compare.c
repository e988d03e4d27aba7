/* test_compare.c - comparing boots: sequences, texts, rules, digests, and outlines written as digests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/compare/compare.h"
#include "core/compare/digest.h"
#include "core/compare/private/sequence.h"

/* ---------------------------------------------------------------- sequences */

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Matches ascend, and are of equal elements; returns how many there are. */
static size_t check_match(const uint64_t *a, size_t na, const uint64_t *b, size_t nb)
{
    uint32_t *match = malloc((na + 1) * sizeof *match);
    size_t n = 0, next = 0;
    sequence_align(a, na, b, nb, match);
    for (size_t i = 0; i < na; i++) {
        if (match[i] == SEQUENCE_NONE)
            continue;
        assert_true(match[i] >= next && match[i] < nb);
        assert_int_equal(a[i], b[match[i]]);
        next = match[i] + 1;
        n++;
    }
    free(match);
    return n;
}

static void sequences_are_aligned(void **state)
{
    const uint64_t a[] = {1, 2, 3, 4, 5, 6}, b[] = {1, 2, 9, 4, 6, 5};
    assert_int_equal(check_match(a, 6, a, 6), 6);
    assert_int_equal(check_match(a, 6, b, 6), 4);
    assert_int_equal(check_match(a, 0, b, 6), 0);
    assert_int_equal(check_match(a, 6, b, 0), 0);
}

/* Without unique elements it is the shortest difference, as long as that is short. */
static size_t longest_common(const uint64_t *a, size_t na, const uint64_t *b, size_t nb)
{
    size_t len[64][64] = {{0}};
    for (size_t i = 1; i <= na; i++)
        for (size_t j = 1; j <= nb; j++)
            len[i][j] = a[i - 1] == b[j - 1]            ? len[i - 1][j - 1] + 1
                        : len[i - 1][j] > len[i][j - 1] ? len[i - 1][j]
                                                        : len[i][j - 1];
    return len[na][nb];
}

static void the_difference_is_the_shortest(void **state)
{
    uint64_t seed = 88172645463325252ull;
    for (unsigned round = 0; round < 2000; round++) {
        uint64_t a[60], b[60];
        size_t na = next_random(&seed) % 60, nb = next_random(&seed) % 60;
        for (size_t i = 0; i < na; i++)
            a[i] = next_random(&seed) % 2;
        for (size_t i = 0; i < nb; i++)
            b[i] = next_random(&seed) % 2;
        size_t n = check_match(a, na, b, nb), best = longest_common(a, na, b, nb);
        /* An element that happens to be unique in a part is an anchor, which can cost a little. */
        assert_true(n <= best && n + 2 >= best);
    }
}

static void large_sequences_stay_cheap(void **state)
{
    enum { N = 100000 };
    uint64_t *a = malloc(N * sizeof *a), *b = malloc(N * sizeof *b), seed = 7;
    for (size_t i = 0; i < N; i++) {
        a[i] = next_random(&seed) % 50;
        b[i] = next_random(&seed) % 50;
    }
    assert_true(check_match(a, N, b, N) > 0);
    memcpy(b, a, N * sizeof *b);
    b[N / 2] = 77;
    assert_int_equal(check_match(a, N, b, N), N - 1);
    free(a);
    free(b);
}

/* ---------------------------------------------------------------- texts */

static void check_plain(const char *text, const char *want, bool want_log)
{
    char out[300];
    bool log;
    outline_plain(text, strlen(text), out, &log);
    assert_string_equal(out, want);
    assert_int_equal(log, want_log);
}

static void times_and_addresses_are_left_out(void **state)
{
    check_plain("[    1.234567] Run /init as init process", "Run /init as init process", true);
    check_plain("<6>[   12.000001] x", "x", true);
    check_plain("[12] not a time", "[12] not a time", false);
    check_plain("[    1.0] RAMDISK: [mem 0x0ff03000-0x0fffefff]", "RAMDISK: [mem 0x#-0x#]", true);
    check_plain("[    1.0] at 00000000000fce50 x", "at 0x# x", true);
    check_plain("[    1.0] vector 0x30 of 1234", "vector 0x30 of 1234", true);
    check_plain("[    1.0] call foo_init+0x12/0x345 @ 1", "call foo_init+# @ 1", true);
    check_plain("crc deadbeef of 0x12345", "crc deadbeef of 0x12345", false);
    check_plain("at ffffffff81000000", "at 0x#", false);
    check_plain("\033[32mgreen\033[0m  ", "green", false);
}

static void check_pattern(const char *text, bool numbers, const char *want)
{
    char out[300];
    outline_pattern(text, strlen(text), numbers, out);
    assert_string_equal(out, want);
}

static void numbers_and_suffixes_are_no_names(void **state)
{
    check_pattern("Memory: 201568K/261748K, ttyS0, 1.5 GHz", true, "Memory: #K/#K, ttyS0, # GHz");
    check_pattern("foo_init.isra.0", false, "foo_init");
    check_pattern("foo.constprop.12 bar.cold", false, "foo bar");
    check_pattern("foo.particular", false, "foo.particular");
}

/* ---------------------------------------------------------------- outlines written as digests */

#define HEAD                                                                                                 \
    "bootreel-digest 1\nengine pc\nbehaviour 3\nclasses pio mmio cpu irq kernel process console power firmware\nended \"power-off\"\n"

static struct outline *parse(const char *lines)
{
    struct error err = {""};
    size_t n = strlen(HEAD) + strlen(lines) + 1, count = 0;
    char *text = malloc(n + 40);
    for (const char *p = lines; *p; p++)
        count += *p == '\n';
    sprintf(text, "%s%send %zu\n", HEAD, lines, count);
    struct outline *o = digest_parse("test", text, strlen(text), &err);
    if (!o)
        print_message("%s\n", err.text);
    assert_non_null(o);
    assert_string_equal(outline_about(o)->warning, "");
    assert_false(outline_about(o)->edited);
    free(text);
    return o;
}

struct compared {
    struct outline *a, *b;
    struct comparison *c;
    struct comparison_counts k;
};

static struct compared compare_texts(const char *a, const char *b, const struct rules *rules)
{
    struct compared x = {.a = parse(a), .b = parse(b)};
    x.c = compare(x.a, x.b, rules);
    comparison_counts(x.c, &x.k);
    return x;
}

static void done(struct compared *x)
{
    comparison_free(x->c);
    outline_free(x->a);
    outline_free(x->b);
}

/* The comparison of two texts has so many differences, of that way. */
static void check(const char *a, const char *b, size_t differences, enum pair_way way)
{
    struct compared x = compare_texts(a, b, NULL);
    assert_int_equal(x.k.differences, differences);
    assert_int_equal(differences ? x.k.ways[way] : 0, differences);
    done(&x);
    x = compare_texts(a, a, NULL);
    assert_int_equal(x.k.differences, 0);
    done(&x);
}

#define BOOT "stage \"boot\" : time 1000000 steps 1000\n"

static void what_only_one_has_is_one_difference(void **state)
{
    check(BOOT
          "  stage \"x\" : time 5 steps 5\n    kernel.call \"f\" parent=1\n    pio.read \"port 0x1\" x3\n",
          BOOT, 1, PAIR_ONLY_A);
    check(BOOT "  kernel.call \"f\" parent=1\n",
          BOOT "  kernel.call \"f\" parent=1\n  kernel.call \"g\" parent=1\n", 1, PAIR_ONLY_B);
}

static void keys_are_compared(void **state)
{
    struct compared x = compare_texts(BOOT "  stage \"i\" level=6 result=+0 : time 5 steps 5\n",
                                      BOOT "  stage \"i\" level=6 result=-19 : time 5 steps 5\n", NULL);
    assert_int_equal(x.k.ways[PAIR_CHANGED], 1);
    const struct pair *p = comparison_pair(x.c, comparison_first(x.c));
    assert_int_equal(p->nchanges, 1);
    assert_string_equal(comparison_change(x.c, p, 0)->field, "result");
    assert_string_equal(comparison_change(x.c, p, 0)->b, "-19");
    done(&x);
}

static void moved_is_not_removed_and_added(void **state)
{
    check(BOOT "  kernel.call \"a\" parent=1\n  kernel.call \"b\" parent=1\n  kernel.call \"c\" parent=1\n",
          BOOT "  kernel.call \"b\" parent=1\n  kernel.call \"c\" parent=1\n  kernel.call \"a\" parent=1\n",
          1, PAIR_MOVED);
    check(BOOT
          "  stage \"s\" : time 1 steps 1\n    kernel.call \"a\" parent=1\n  stage \"t\" : time 1 steps 1\n",
          BOOT
          "  stage \"s\" : time 1 steps 1\n  stage \"t\" : time 1 steps 1\n    kernel.call \"a\" parent=1\n",
          1, PAIR_MOVED);
}

static void parallel_work_has_no_order(void **state)
{
    check(
        BOOT
        "  kernel-thread \"kthreadd\" : time 1 steps 1\n    kernel-thread \"a\" : time 1 steps 1\n    kernel-thread \"b\" : time 1 steps 1\n",
        BOOT
        "  kernel-thread \"kthreadd\" : time 1 steps 1\n    kernel-thread \"b\" : time 1 steps 1\n    kernel-thread \"a\" : time 1 steps 1\n",
        0, PAIR_SAME);
    check(BOOT "  stage \"u\" beside : time 1 steps 1\n  stage \"v\" beside : time 1 steps 1\n",
          BOOT "  stage \"v\" beside : time 1 steps 1\n  stage \"u\" beside : time 1 steps 1\n", 0,
          PAIR_SAME);
}

static void counts_are_payload_but_new_accesses_are_not(void **state)
{
    const char *a = BOOT
        "  stage \"s\" : time 1 steps 1\n    pio.read \"port 0x60\" x3\n  stage \"t\" : time 1 steps 1\n";
    check(a,
          BOOT
          "  stage \"s\" : time 1 steps 1\n    pio.read \"port 0x60\" x300\n  stage \"t\" : time 1 steps 1\n",
          0, PAIR_SAME);
    check(a,
          BOOT
          "  stage \"s\" : time 1 steps 1\n  stage \"t\" : time 1 steps 1\n    pio.read \"port 0x60\" x3\n",
          0, PAIR_SAME);
    check(
        a,
        BOOT
        "  stage \"s\" : time 1 steps 1\n    pio.read \"port 0x60\" x3\n    pio.read \"port 0x64\" x1\n  stage \"t\" : time 1 steps 1\n",
        1, PAIR_ONLY_B);
}

static void numbers_count_in_what_programs_print(void **state)
{
    check(BOOT "  console:0 \"Memory: 100K\" log\n", BOOT "  console:0 \"Memory: 200K\" log\n", 0, PAIR_SAME);
    check(BOOT "  console:0 \"0 tests failed\"\n", BOOT "  console:0 \"1 tests failed\"\n", 1, PAIR_CHANGED);
    check(BOOT "  console:0 \"one two three\"\n", BOOT "  console:0 \"one two four\"\n", 1, PAIR_CHANGED);
}

static void what_a_setting_says_is_said_once(void **state)
{
    check(
        "setting \"append\" \"quiet\"\n" BOOT
        "  kernel.command-line \"quiet\"\n  console:0 \"Command line: quiet\" log\n  process \"init\" \"/init a\" : time 1 steps 1\n",
        "setting \"append\" \"quiet nokaslr\"\n" BOOT
        "  kernel.command-line \"quiet nokaslr\"\n  console:0 \"Command line: quiet nokaslr\" log\n  process \"init\" \"/init a nokaslr\" : time 1 steps 1\n",
        1, PAIR_CHANGED);
}

static void processes_are_told_apart_by_what_they_execute(void **state)
{
    const char *a = BOOT
        "  process \"init\" : time 9 steps 9\n    process \"mount\" \"mount a\" code=0x0 : time 1 steps 1\n"
        "    process \"mount\" \"mount c\" code=0x0 : time 1 steps 1\n";
    const char *b = BOOT
        "  process \"init\" : time 9 steps 9\n    process \"mount\" \"mount a\" code=0x0 : time 1 steps 1\n"
        "    process \"mount\" \"mount b\" code=0x0 : time 1 steps 1\n"
        "    process \"mount\" \"mount c\" code=0x0 : time 1 steps 1\n";
    struct compared x = compare_texts(a, b, NULL);
    assert_int_equal(x.k.differences, 1);
    const struct pair *p = comparison_pair(x.c, comparison_first(x.c));
    assert_string_equal(outline_get(x.b, p->b)->detail, "mount b");
    done(&x);
}

/* ---------------------------------------------------------------- rules */

static void check_rule(const char *rule, const char *a, const char *b, size_t differences)
{
    struct error err = {""};
    struct rules *rules = rules_new();
    if (rules_add(rules, "test", rule, &err))
        fail_msg("%s", err.text);
    struct compared x = compare_texts(a, b, rules);
    assert_int_equal(x.k.differences, differences);
    assert_int_equal(comparison_rule_uses(x.c)[0] > 0, strcmp(rule, "ignore pio") != 0);
    done(&x);
    rules_free(rules);
}

static void rules_tolerate_and_bound(void **state)
{
    const char *a = BOOT "  stage \"user.init\" : time 1000 steps 1000\n    console:0 \"hello\"\n";
    const char *b =
        BOOT "  stage \"user.init\" : time 1200 steps 1000\n    console:0 \"bye\"\n    console:0 \"now\"\n";
    check_rule("ignore console", a, b, 0);
    check_rule("ignore all # everything", a, b, 0);
    check_rule("ignore stage:user.*", a, b, 0);
    check_rule("ignore console in=user.init way=removed", a, b, 2);
    check_rule("ignore pio", a, b, 3);
    check_rule("bound stage:user.init time=30%", a, a, 0);
    check_rule("bound time=10%", a,
               BOOT "  stage \"user.init\" : time 1200 steps 1000\n    console:0 \"hello\"\n", 1);
    check_rule("bound stage time=300", a,
               BOOT "  stage \"user.init\" : time 1200 steps 1000\n    console:0 \"hello\"\n", 0);
    check_rule("bound time=10%+100", a,
               BOOT "  stage \"user.init\" : time 1200 steps 1000\n    console:0 \"hello\"\n", 0);
    check_rule("bound time=10%+99", a,
               BOOT "  stage \"user.init\" : time 1200 steps 1000\n    console:0 \"hello\"\n", 1);
    check_rule("bound stage:boot time=0", a,
               BOOT "  stage \"user.init\" : time 1200 steps 1000\n    console:0 \"hello\"\n", 0);
    check_rule("bound pio count=0", BOOT "  pio.read \"port 0x60\" x3\n",
               BOOT "  pio.read \"port 0x60\" x4\n", 1);
}

static void bad_rules_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "tolerate x",
                                      "ignore",
                                      "ignore frobs",
                                      "bound time",
                                      "bound",
                                      "ignore pio x=1",
                                      "ignore all way=up",
                                      "bound time=fast",
                                      "ignore pio in=",
                                      "bound time=10%5ms",
                                      "bound time=5x"};
    struct rules *rules = rules_new();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error err = {""};
        assert_int_equal(rules_add(rules, "there", bad[i], &err), -1);
        assert_non_null(strstr(err.text, "there: "));
    }
    assert_int_equal(rules_count(rules), 0);
    rules_free(rules);
}

/* ---------------------------------------------------------------- digests */

/* With times in place, and at the end; and from the form that the version before wrote, which is that of HEAD. */
static void a_digest_comes_back(bool in_place)
{
    const char *lines =
        "setting \"memory\" \"256\"\n" BOOT
        "  stage \"kernel\" failed=1 open : time 5 steps 6\n    pio.read \"port 0x60, size 1\" x12\n"
        "    kernel.e820 \"usable\" address=0x0 size=0x9fc00 type=1\n    console:0 \"a \\\"b\\\" \\\\ \\x1b \xc3\xa9\" log\n"
        "    stage \"u\" beside : time 1 steps 1\n    process \"init\" \"/init a\" code=0x100 : time 7 steps 8\n"
        "      process.log \"hello\" level=6\n";
    struct outline *o = parse(lines);
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    assert_int_equal(digest_write(o, in_place, f, NULL), 0);
    fclose(f);
    struct outline *again = digest_parse("again", text, n, NULL);
    assert_non_null(again);
    assert_int_equal(outline_count(again), outline_count(o));
    for (uint32_t i = 0; i < outline_count(o); i++) {
        assert_int_equal(outline_get(o, i)->key, outline_get(again, i)->key);
        assert_int_equal(outline_get(o, i)->lane, outline_get(again, i)->lane);
        assert_int_equal(outline_get(o, i)->parent, outline_get(again, i)->parent);
        assert_int_equal(outline_get(o, i)->took, outline_get(again, i)->took);
        assert_int_equal(outline_get(o, i)->steps, outline_get(again, i)->steps);
        assert_int_equal(outline_get(o, i)->count, outline_get(again, i)->count);
    }
    outline_free(o);
    outline_free(again);
    free(text);
}

static void a_digest_comes_back_as_it_was(void **state)
{
    a_digest_comes_back(false);
    a_digest_comes_back(true);
}

static char *written(const char *lines)
{
    struct outline *o = parse(lines);
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    assert_int_equal(digest_write(o, false, f, NULL), 0);
    fclose(f);
    outline_free(o);
    return text;
}

/* One more process, after which everything takes longer, is one more line before the times. */
static void a_digest_has_its_times_at_the_end(void **state)
{
    char *a = written(BOOT "  stage \"s\" : time 5 steps 6\n    pio.read \"port 0x60\" x12\n"),
         *b = written("stage \"boot\" : time 2000000 steps 2000\n"
                      "  stage \"s\" : time 7 steps 8\n    pio.read \"port 0x60\" x13\n");
    char *a_times = strstr(a, "\ntimes\n"), *b_times = strstr(b, "\ntimes\n");
    assert_non_null(a_times);
    assert_non_null(b_times);
    assert_string_not_equal(a_times, b_times);
    *a_times = *b_times = 0;
    assert_string_equal(a, b);
    free(a);
    free(b);
}

/* Lines that somebody removed leave their times behind, which do no harm. */
static void times_of_removed_lines_are_ignored(void **state)
{
    static const char text[] =
        "bootreel-digest 2\nengine pc\nended \"power-off\"\nstage \"boot\"\n  stage \"b\"\nend 3\ntimes\n"
        "stage \"boot\" : time 9 steps 8\n  stage \"a\" : time 1 steps 1\n    pio.read \"port 0x1\" x4\n"
        "  stage \"b\" : time 3 steps 2\n";
    struct error err;
    struct outline *o = digest_parse("test", text, strlen(text), &err);
    assert_non_null(o);
    assert_int_equal(outline_count(o), 2);
    assert_int_equal(outline_get(o, 0)->took, 9);
    assert_int_equal(outline_get(o, 1)->took, 3);
    outline_free(o);
}

static void inputs_and_workers_are_no_differences(void **state)
{
    check(BOOT "  kernel.initrd \"size 5\" size=5\n", BOOT "  kernel.initrd \"size 5\" size=6\n", 0,
          PAIR_SAME);
    check(BOOT "  kernel-thread \"kworker/0:1\"\n    process \"modprobe\" \"/sbin/modprobe x\" code=0x0\n",
          BOOT "  kernel-thread \"kworker/0:1\"\n    process \"modprobe\" \"/sbin/modprobe x\" code=0x0\n"
               "    process \"modprobe\" \"/sbin/modprobe x\" code=0x0\n  kernel-thread \"kworker/u8:0\"\n"
               "    process \"modprobe\" \"/sbin/modprobe x\" code=0x0\n",
          0, PAIR_SAME);
    check(BOOT "  kernel-thread \"kworker/0:1\"\n",
          BOOT "  kernel-thread \"kworker/1:1\"\n    process \"modprobe\" \"/sbin/modprobe y\" code=0x0\n", 1,
          PAIR_ONLY_B);
}

static void damaged_digests_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "x",
        "bootreel-digest\n",
        "bootreel-digest 3\n",
        HEAD "frob \"x\"\n",
        HEAD "stage\n",
        HEAD "stage \"boot\n",
        HEAD BOOT "   stage \"x\"\n",
        HEAD BOOT "    stage \"x\"\n",
        HEAD BOOT "  stage \"x\" y\n",
        HEAD BOOT "  stage \"x\" y=z\n",
        HEAD BOOT "  stage \"x\"y=1\n",
        HEAD "console:0 \"x\"\n",
        HEAD BOOT "  console:z \"x\"\n",
        HEAD "setting \"x\"\n  stage \"y\"\n",
        HEAD BOOT "  pio.read \"x\" x99999999999999999999999\n",
        HEAD "end 0\nstage \"boot\"\n",
        HEAD "classes frob\n",
        HEAD BOOT "  stage \"x\" a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error err = {""};
        struct outline *o = digest_parse("bad", bad[i], strlen(bad[i]), &err);
        if (o)
            fail_msg("%zu is taken: %s", i, bad[i]);
        assert_non_null(strstr(err.text, "bad"));
    }
}

/* Whatever is done to a digest, it is refused or compared. */
static void damaged_digests_do_no_harm(void **state)
{
    const char *text = HEAD
        "setting \"memory\" \"256\"\n" BOOT "  stage \"kernel\" : time 5 steps 6\n    pio.read \"port\" x12\n"
        "    console:0 \"a \\x41\" log\n  process \"init\" \"/init\" code=0x100 : time 7 steps 8\nend 6\n";
    uint64_t seed = 99;
    struct outline *whole = digest_parse("whole", text, strlen(text), NULL);
    assert_non_null(whole);
    for (unsigned round = 0; round < 5000; round++) {
        char *copy = strdup(text);
        size_t n = strlen(copy);
        for (unsigned k = 0; k < 1 + round % 3; k++)
            copy[next_random(&seed) % n] = (char)next_random(&seed);
        if (round % 4 == 0)
            n = next_random(&seed) % n;
        struct outline *o = digest_parse("damaged", copy, n, NULL);
        if (o)
            comparison_free(compare(whole, o, NULL));
        outline_free(o);
        free(copy);
    }
    outline_free(whole);
}

static void a_cut_digest_is_compared_as_far_as_it_goes(void **state)
{
    struct error err;
    const char *part = HEAD BOOT "  kernel.call \"a\" parent=1\n";
    struct outline *a = parse(BOOT "  kernel.call \"a\" parent=1\n  kernel.call \"b\" parent=1\n");
    struct outline *b = digest_parse("cut", part, strlen(part), &err);
    assert_non_null(b);
    assert_non_null(strstr(outline_about(b)->warning, "cut short"));
    struct comparison_counts k;
    struct comparison *c = compare(a, b, NULL);
    comparison_counts(c, &k);
    assert_int_equal(k.differences, 0);
    comparison_free(c);
    outline_free(a);
    outline_free(b);
}

/* A kernel by itself, and the same one as the second guest of a hypervisor. */
static void a_stage_is_compared_wherever_it_is(void **state)
{
    static const char alone[] = BOOT "  stage \"kernel\" : time 50 steps 50\n"
                                     "    kernel.call \"setup\" parent=1\n"
                                     "    pio.read \"port 0x60\" x3\n"
                                     "    console:0 \"hello\"\n";
    static const char inside[] = BOOT "  stage \"kernel\" : time 1 steps 1\n"
                                      "  stage \"xen\" : time 90 steps 90\n"
                                      "    console:0 \"(XEN) hello\"\n"
                                      "    stage \"kernel\" : time 70 steps 70\n"
                                      "      kernel.call \"setup\" parent=1 guest=1\n"
                                      "      pio.read \"port 0x60\" x5\n"
                                      "      console:0 \"hello\"\n";
    struct outline *a = parse(alone), *b = parse(inside);
    struct outline *one = outline_cut(a, "kernel", NULL), *two = outline_cut(b, "kernel", NULL);
    struct comparison_counts k;
    struct error err;
    assert_int_equal(outline_about(two)->time, 70);
    assert_int_equal(outline_count(two), 4);
    assert_int_equal(outline_get(two, 0)->depth, 0);
    assert_int_equal(outline_get(two, 2)->count, 5);
    assert_int_equal(outline_get(two, 3)->parent, 0);
    struct comparison *c = compare(one, two, NULL);
    comparison_counts(c, &k);
    assert_int_equal(k.differences, 0);
    assert_int_equal(k.ways[PAIR_SAME], 4);
    comparison_free(c);
    c = compare(a, b, NULL); /* not as whole boots */
    comparison_counts(c, &k);
    assert_true(k.differences > 0);
    comparison_free(c);
    assert_null(outline_cut(a, "user", &err));
    assert_non_null(strstr(err.text, "it has no stage user"));
    outline_free(one);
    outline_free(two);
    outline_free(a);
    outline_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences_are_aligned),
        cmocka_unit_test(the_difference_is_the_shortest),
        cmocka_unit_test(large_sequences_stay_cheap),
        cmocka_unit_test(times_and_addresses_are_left_out),
        cmocka_unit_test(numbers_and_suffixes_are_no_names),
        cmocka_unit_test(what_only_one_has_is_one_difference),
        cmocka_unit_test(keys_are_compared),
        cmocka_unit_test(moved_is_not_removed_and_added),
        cmocka_unit_test(parallel_work_has_no_order),
        cmocka_unit_test(counts_are_payload_but_new_accesses_are_not),
        cmocka_unit_test(numbers_count_in_what_programs_print),
        cmocka_unit_test(what_a_setting_says_is_said_once),
        cmocka_unit_test(processes_are_told_apart_by_what_they_execute),
        cmocka_unit_test(rules_tolerate_and_bound),
        cmocka_unit_test(bad_rules_are_refused),
        cmocka_unit_test(a_digest_comes_back_as_it_was),
        cmocka_unit_test(a_digest_has_its_times_at_the_end),
        cmocka_unit_test(times_of_removed_lines_are_ignored),
        cmocka_unit_test(inputs_and_workers_are_no_differences),
        cmocka_unit_test(damaged_digests_are_refused),
        cmocka_unit_test(damaged_digests_do_no_harm),
        cmocka_unit_test(a_cut_digest_is_compared_as_far_as_it_goes),
        cmocka_unit_test(a_stage_is_compared_wherever_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
