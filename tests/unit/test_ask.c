/* test_ask.c - programs in bpftrace's language: what parses, what does not and where, and what firings compute in a world of arrays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/ask/private/eval.h"

/* ---------------------------------------------------------------- the world */

enum { BASE = 0x1000, SIZE = 256 };

struct world {
    uint8_t memory[SIZE];
    uint64_t argument[2];
    uint64_t result;
};

static size_t read_memory(void *ctx, uint64_t address, void *buf, size_t n)
{
    struct world *w = ctx;
    if (address < BASE || address >= BASE + SIZE)
        return 0;
    const size_t left = BASE + SIZE - (size_t)address;
    n = n < left ? n : left;
    memcpy(buf, w->memory + (address - BASE), n);
    return n;
}

static bool reg(void *ctx, const char *name, uint64_t *v)
{
    *v = 0x7c00;
    return !strcmp(name, "ip");
}

static void task(void *ctx, struct ask_task *t)
{
    *t = (struct ask_task){.address = 0x5000, .pid = 7, .tid = 8, .comm = "shell"};
}

static bool id(void *ctx, bool group, uint64_t *v)
{
    *v = group ? 100 : 1000;
    return true;
}

static void symbol(void *ctx, uint64_t address, bool user, bool offset, struct text *t)
{
    text_add(t, "symbol_%llx", (unsigned long long)address);
}

static bool address_of(void *ctx, const char *name, bool user, uint64_t *address)
{
    *address = BASE;
    return !strcmp(name, "base");
}

static void stack(void *ctx, bool user, unsigned most, const char *mode, struct text *t)
{
    text_add(t, "\n    inner+1\n");
    if (most > 1)
        text_add(t, "    outer+2\n");
}

static void caller(void *ctx, struct text *t)
{
    text_add(t, "outer");
}

static void stage(void *ctx, struct text *t)
{
    text_add(t, "kernel");
}

static bool argument(void *ctx, const char *name, struct ask_value *v)
{
    struct world *w = ctx;
    if ((*name != 'a' && *name != 'b') || name[1])
        return false;
    *v = ask_number(w->argument[*name - 'a'], true);
    return true;
}

static bool numbered(void *ctx, unsigned i, struct ask_value *v)
{
    struct world *w = ctx;
    *v = ask_number(i < 2 ? w->argument[i] : 0, false);
    return true;
}

static bool result(void *ctx, struct ask_value *v)
{
    *v = ask_number(((struct world *)ctx)->result, true);
    return true;
}

static bool variable(void *ctx, const char *name, uint64_t *address, const struct ask_type **type)
{
    return false;
}

static const struct ask_world functions = {.read = read_memory,
                                           .reg = reg,
                                           .task = task,
                                           .id = id,
                                           .symbol = symbol,
                                           .address_of = address_of,
                                           .stack = stack,
                                           .caller = caller,
                                           .stage = stage,
                                           .argument = argument,
                                           .numbered = numbered,
                                           .result = result,
                                           .variable = variable};

/* ---------------------------------------------------------------- running */

struct ran {
    struct ask_error error;
    struct text out;
};

/* Fires the first probe with a = 0, 1 … n - 1, and b = 10 * a; then prints the maps of the program. */
static struct ran run(const char *text, unsigned n, bool json)
{
    struct ran r = {.out = {NULL, 0}};
    struct world w = {.memory = "hello, world", .result = (uint64_t)-2};
    const struct ask_source source = {.name = "t", .text = text};
    struct ask_program *p = ask_parse(&source, &r.error);
    if (!p)
        return r;
    w.memory[32] = 0x78; /* a structure: int 0x12345678, char 'x', a bit-field, a pointer to the text */
    w.memory[33] = 0x56;
    w.memory[34] = 0x34;
    w.memory[35] = 0x12;
    w.memory[36] = 'x';
    w.memory[37] = 0x5a;
    w.memory[41] = BASE >> 8;
    struct ask_eval e = {.p = p,
                         .world = &functions,
                         .ctx = &w,
                         .maps = ask_maps_new(p),
                         .print = {&r.out, json},
                         .start = 86400};
    e.types = ask_types_new(p, NULL);
    ask_eval_begin(&e);
    for (unsigned i = 0; i < n && !e.failed && !e.exits; i++) {
        w.argument[0] = i;
        w.argument[1] = 10 * i;
        const struct ask_firing f = {.icount = 1000 + i,
                                     .time = i * 1000000000ull,
                                     .cpu = i % 2,
                                     .place = p->probe[0].place,
                                     .function = "f"};
        ask_fire(&e, &p->probe[0], &f);
    }
    r.error = e.error;
    for (size_t i = 0; i < p->nmaps && !e.failed; i++)
        if (e.maps[i].n > e.maps[i].ngone)
            ask_print_map(&e.print, &e.maps[i], 0, 1);
    ask_maps_free(e.maps, p);
    ask_eval_end(&e);
    ask_types_free(e.types);
    ask_free(p);
    return r;
}

/* What `n` firings of a body print. */
static void prints(const char *body, unsigned n, const char *want)
{
    struct text t = {NULL, 0};
    text_add(&t, "kprobe:f { %s }", body);
    struct ran r = run(t.s, n, false);
    assert_string_equal(r.error.error.text, "");
    assert_string_equal(r.out.s ? r.out.s : "", want);
    free(r.out.s);
    free(t.s);
}

static void is_json(const char *body, unsigned n, const char *want)
{
    struct text t = {NULL, 0};
    text_add(&t, "kprobe:f { %s }", body);
    struct ran r = run(t.s, n, true);
    assert_string_equal(r.error.error.text, "");
    assert_string_equal(r.out.s ? r.out.s : "", want);
    free(r.out.s);
    free(t.s);
}

/* The program is wrong at that place. */
static void wrong(const char *text, unsigned line, unsigned column, unsigned length, const char *message)
{
    struct ran r = run(text, 1, false);
    if (!strstr(r.error.error.text, message))
        print_error("%s: \"%s\"\n", text, r.error.error.text);
    assert_non_null(strstr(r.error.error.text, message));
    assert_int_equal(r.error.line, line);
    assert_int_equal(r.error.column, column);
    assert_int_equal(r.error.length, length);
    free(r.out.s);
}

/* ---------------------------------------------------------------- values */

static void expressions(void **state)
{
    prints("printf(\"%d %d %d\", 1 + 2 * 3, (1 + 2) * 3, 7 - 2 - 1)", 1, "7 9 4");
    prints("printf(\"%d %d %d\", 7 / 2, 7 % 4, 5 / 0)", 1, "3 3 0");
    prints("printf(\"%d %d\", -7 / 2, 1 << 10 >> 2)", 1, "-3 256");
    prints("printf(\"%d%d%d%d%d\", 1 < 2, 2 <= 1, 3 == 3, 3 != 3, !0)", 1, "10101");
    prints("printf(\"%d %d %x\", 6 & 3 | 8, 6 ^ 3, ~0)", 1, "10 5 ffffffffffffffff");
    prints("printf(\"%d %d\", 1 ? 2 : 3, 0 ? 2 : 0 ? 3 : 4)", 1, "2 4");
    prints("printf(\"%d %d\", 1e3, 0x10 + 010)", 1, "1000 24");
    prints("printf(\"%d\", 5ms)", 1, "5000000");
    prints("printf(\"%d\", comm == \"shell\" && pid == 7 && tid != pid)", 1, "1");
    prints("$a = 1; $a += 4; $a <<= 2; $a++; printf(\"%d %d %d\", $a, $a--, ++$a)", 1, "21 21 21");
    prints("$t = (1, \"two\", (3, 4)); printf(\"%s %d %d\", $t.1, $t.2.1, $t.0)", 1, "two 4 1");
}

static void formats(void **state)
{
    prints("printf(\"%5d|%-5d|%05d|%+d|%x|%X|%o|%c|%%\", 42, 42, 42, 42, 255, 255, 8, 65)", 1,
           "   42|42   |00042|+42|ff|FF|10|A|%");
    prints("printf(\"%10s|%-10s|%.2s|\", \"abc\", \"abc\", \"abc\")", 1, "       abc|abc       |ab|");
    prints("printf(\"%hhd %hd %u %lld\", 255, 65535, -1, -1)", 1, "-1 -1 18446744073709551615 -1");
    prints("printf(\"%p %s\", 4096, 7)", 1, "0x1000 7");
    prints("printf(\"%r\", buf(arg0 + 0x1000, 7))", 1, "hello, ");
    prints("printf(\"a\\tb\\x41\\101\\n\")", 1, "a\tbAA\n");
}

static void words(void **state)
{
    prints("printf(\"%d %d %s %d %d %d\", pid, tid, comm, cpu, uid, gid)", 2,
           "7 8 shell 0 1000 1007 8 shell 1 1000 100");
    prints("printf(\"%d %d %s %s %s %s\", icount, nsecs, func, probe, stage, caller)", 1,
           "1000 0 f kprobe:f kernel outer");
    prints("printf(\"%s%s\", kstack, kstack(1))", 1, "\n    inner+1\n    outer+2\n\n    inner+1\n");
    prints("printf(\"%x %s %x %d\", reg(\"ip\"), ksym(16), kaddr(\"base\"), retval)", 1,
           "7c00 symbol_10 1000 -2");
    prints("printf(\"%s\", probe)", 1, "kprobe:f");
    struct ran r = run("k:f { printf(\"%s\", probe) }", 1, false);
    assert_string_equal(r.out.s, "kprobe:f");
    free(r.out.s);
    prints("time(\"%H:%M:%S \"); printf(\"%s\", strftime(\"%F %T.%f\", nsecs))", 2,
           "00:00:00 1970-01-02 00:00:00.00000000:00:01 1970-01-02 00:00:01.000000");
    prints("printf(\"%s %s %s\", ntop(0x0100007f), ntop(2, 0x0100007f), str(\"x\"))", 1,
           "127.0.0.1 127.0.0.1 x");
    prints("printf(\"%d %d\", strncmp(\"abc\", \"abd\", 2), strncmp(\"abc\", \"abd\", 3) != 0)", 1, "0 1");
}

static void memory(void **state)
{
    prints("printf(\"%s|%s\", str(0x1000), str(0x1000, 5))", 1, "hello, world|hello");
    prints("printf(\"%s\", str(0))", 1, "");
    prints("printf(\"%x %x\", *(uint8 *)0x1000, *(uint16 *)0x1000)", 1, "68 6568");
    prints("printf(\"%d %d\", args.a, args->b)", 2, "0 01 10");
}

static void structures(void **state)
{
    struct ran r = run(
        "struct s { int n; union { char letter; u8 same; }; u8 low : 4, high : 4; char *text; char name[5]; }\n"
        "kprobe:f { $s = (struct s *)0x1020; printf(\"%x %c %d %x %x %s %d %d\", $s->n, $s->letter, $s->same, $s->low, $s->high, str($s->text), "
        "sizeof(struct s), offsetof(struct s, text)); printf(\" %s %x\", ((struct s *)0x0fF0)->name, (*$s).n) }",
        1, false);
    assert_string_equal(r.error.error.text, "");
    assert_string_equal(r.out.s, "12345678 x 120 a 5 hello, world 24 8 hello 12345678");
    free(r.out.s);
}

/* ---------------------------------------------------------------- maps */

static void maps(void **state)
{
    prints("@ = count()", 3, "@: 3\n\n");
    prints("@[args.a % 2] = sum(args.b)", 4, "@[0]: 20\n@[1]: 40\n\n");
    prints("@x = min(args.b); @y = max(args.b); @z = avg(args.b); @s = stats(args.a)", 4,
           "@x: 0\n\n@y: 30\n\n@z: 15\n\n@s: count 4, average 1, total 6\n\n");
    prints("@[comm, args.a] = args.b", 2, "@[shell, 0]: 0\n@[shell, 1]: 10\n\n");
    prints("@a[1] = \"one\"; @b = @a[1]; delete(@a[1]); printf(\"%s %d\\n\", @b, @a[1])", 1,
           "one 0\n@b: one\n\n");
    prints("@++; @ += 2; print(@)", 2, "@: 3\n\n@: 6\n\n@: 6\n\n");
    prints("@[args.a] = count(); print(@, 2); clear(@)", 3, "@[0]: 1\n@[1]: 1\n@[2]: 1\n");
    prints("@[args.a] = count(); if (args.a == 2) { zero(@) }", 3, "@[0]: 0\n@[1]: 0\n@[2]: 0\n\n");
    prints("@t[(1, 2)] = 5; print((1, \"x\")); print(@t[(1, 2)])", 1,
           "(1, x)\n@t[(1, 2)]: 5\n@t[(1, 2)]: 5\n\n");
    prints("@x[args.a] = 1; if (args.a > 1500) { delete(@x[args.a - 1]) } @n = count()", 1,
           "@x[0]: 1\n\n@n: 1\n\n");
    prints("@s[args.a] = 1; delete(@s[args.a]); @n = count()", 5000, "@n: 5000\n\n");
}

static void histograms(void **state)
{
    prints("@ = hist(args.b)", 4,
           "@: \n[0]                    1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |\n"
           "[1]                    0 |                                                    |\n"
           "[2, 4)                 0 |                                                    |\n"
           "[4, 8)                 0 |                                                    |\n"
           "[8, 16)                1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |\n"
           "[16, 32)               2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n\n");
    prints("@ = lhist(args.b, 10, 30, 10)", 4,
           "@: \n(..., 10)              1 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n"
           "[10, 20)               1 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n"
           "[20, 30)               1 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n"
           "[30, ...)              1 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n\n");
    prints("@[0] = hist(-1); @[1] = hist(2048)", 1,
           "@[0]: \n(..., 0)               1 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n"
           "\n@[1]: \n[2K, 4K)               1 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n\n");
}

static void json(void **state)
{
    is_json(
        "printf(\"a\\n\"); print(5); print((1, \"x\"))", 1,
        "{\"type\":\"printf\",\"data\":\"a\\n\"}\n{\"type\":\"value\",\"data\":5}\n{\"type\":\"value\",\"data\":[1,\"x\"]}\n");
    is_json(
        "@[comm, 1] = count(); @h = hist(5)", 1,
        "{\"type\":\"map\",\"data\":{\"@\":{\"shell,1\":1}}}\n{\"type\":\"hist\",\"data\":{\"@h\":[{\"min\":4,\"max\":7,\"count\":1}]}}\n");
    is_json("emit(who=comm, n=args.a)", 1,
            "{\"type\":\"row\",\"data\":{\"icount\":1000,\"time\":0,\"who\":\"shell\",\"n\":0}}\n");
}

/* ---------------------------------------------------------------- statements and text */

static void statements(void **state)
{
    prints(
        "if (args.a == 0) { printf(\"zero \") } else if (args.a == 1) { printf(\"one \") } else { printf(\"more \") }",
        4, "zero one more more ");
    prints(
        "$i = 0; while ($i < 10) { $i++; if ($i == 3) { continue } if ($i == 6) { break } printf(\"%d\", $i) }",
        1, "1245");
    prints("unroll (3) { printf(\"u\") } unroll ($1 + 2) { printf(\"v\") }", 1, "uuuvv");
    prints("printf(\"1\"); return; printf(\"2\")", 1, "1");
    prints("printf(\"%d\", args.a); if (args.a == 1) { exit() } printf(\",\")", 5, "0,1");
    struct ran r = run(
        "#define FOUR (2 + 2)\n#ifdef BPFTRACE_HAVE_BTF\n#include <linux/sched.h>\n#else\n?\n#endif\n// a comment\n/* another\n */\n"
        "enum { A, B = 7, C };\nkprobe:f,\nkprobe:g /args.a == 1 || args.a == FOUR/ { printf(\"%d %d;\", args.a, C + TASK_INTERRUPTIBLE) }",
        6, false);
    assert_string_equal(r.error.error.text, "");
    assert_string_equal(r.out.s, "1 9;4 9;");
    free(r.out.s);
}

/* A map's keys and values in the order in which print() has them; what is deleted meanwhile is left out. */
static void loops_over_maps(void **state)
{
    prints(
        "@m[args.a] = args.b; if (args.a == 2) { for ($kv : @m) { printf(\"%d=%d \", $kv.0, $kv.1) } clear(@m) }",
        3, "0=0 1=10 2=20 ");
    prints(
        "@m[comm, args.a] = sum(args.b); if (args.a == 2) { for ($kv : @m) { printf(\"%s %d: %d|\", $kv.0.0, $kv.0.1, $kv.1); "
        "delete(@m[$kv.0]) } }",
        3, "shell 0: 0|shell 1: 10|shell 2: 20|");
    prints(
        "@m[args.a] = 1; @n[7] = 2; if (args.a == 4) { for ($kv : @m) { if ($kv.0 == 1) { continue } if ($kv.0 == 3) { break } "
        "delete(@m, 2); printf(\"%d\", $kv.0) } clear(@m); clear(@n) }",
        5, "0");
    prints(
        "@m[\"b\"] = 1; @m[\"a\"] = 1; for ($x : @m) { for ($y : @m) { printf(\"%s%s \", $x.0, $y.0) } } clear(@m)",
        1, "aa ab ba bb ");
    prints(
        "for ($i : 2..5) { printf(\"%d\", $i) } for $i : 0..(args.a + 1) { printf(\"x\") } for ($i : 3..3) { printf(\"y\") }",
        1, "234x");
    prints("let $x = 5; let $y; if $x == 5 { printf(\"five\") } while $x > 3 { $x--; printf(\"%d\", $x) }", 1,
           "five43");
}

static void keys_of_maps(void **state)
{
    prints(
        "@m[args.a] = 1; @k[1, \"x\"] = 2; $t = (1, \"x\"); printf(\"%d%d%d%d%d \", has_key(@m, 1), has_key(@k, (1, \"x\")), "
        "has_key(@k, $t), has_key(@k, (2, \"x\")), @k[$t]); if (args.a == 1) { clear(@m); clear(@k) }",
        2, "01102 11102 ");
    prints("@m[args.a] = 1; delete(@m, 0); printf(\"%d \", len(@m)); if (args.a == 2) { clear(@m) }", 3,
           "0 1 2 ");
    prints("printf(\"%d %d %d\", len(kstack), len(kstack(1)), len(@none))", 1, "2 1 0");
    prints(
        "printf(\"%d%d%d\", strcontains(\"hello\", \"ell\"), strcontains(\"a\", \"ab\"), strcontains(comm, \"\"))",
        1, "101");
}

static void errors_of_loops(void **state)
{
    wrong("kprobe:f { @m = 1; for ($kv : @m) { } }", 1, 31, 2, "@m has no keys");
    wrong("kprobe:f { @m[1] = hist(1); for ($kv : @m) { } }", 1, 40, 2, "holds hist()");
    wrong("kprobe:f { @m[1] = 1; for ($kv : @m) { } $x = $kv }", 1, 47, 3, "$kv has no value here");
    wrong("kprobe:f { $kv = 1; for ($kv : @m) { } }", 1, 26, 3, "$kv has a value already");
    wrong("kprobe:f { for ($kv : @m[1]) { } }", 1, 23, 2, "a map without keys");
    wrong("kprobe:f { for (@x : @m) { } }", 1, 17, 2, "expected a variable");
    wrong("kprobe:f { for ($i : 0..\"x\") { } }", 1, 25, 3, "from a number to a number");
    wrong("kprobe:f { for ($i : 0..2000000) { } }", 1, 12, 3, "1000000 times");
    wrong("kprobe:f { for ($i : 0..100000) { for ($j : 0..100000) { } } }", 1, 35, 3,
          "computed for too long");
    wrong("kprobe:f { @m = 1; has_key(@m, 1) }", 1, 28, 2, "@m has no keys");
    wrong("kprobe:f { @m[1, 2] = 1; has_key(@m, 1) }", 1, 26, 7, "@m has 2 keys");
    wrong("kprobe:f { @m[1, 2] = 1; $x = 1; @m[$x] = 1 }", 1, 34, 2, "@m has 2 keys");
    wrong("kprobe:f { $x = 1; @m[$x] = 1; @m = 1 }", 1, 32, 2, "@m has 1 key elsewhere");
    wrong("kprobe:f { len(5) }", 1, 16, 1, "len() wants a map");
    wrong("kprobe:f { $x = if (1) { 2 } }", 1, 17, 2, "CONDITION ? A : B");
    wrong("kprobe:f { strerror(1) }", 1, 12, 8, "not implemented");
    wrong("kprobe:f { let @m = 1 }", 1, 16, 2, "expected a variable");
}

static void errors_name_the_place(void **state)
{
    wrong("kprobe:f { foo() }", 1, 12, 3, "unknown function foo()");
    wrong("kprobe:f {\n  system(\"ls\") }", 2, 3, 6, "system(): it acts on the system");
    wrong("kprobe:f { cat(\"x\") }", 1, 12, 3, "files of this host");
    wrong("nonsense:f { }", 1, 1, 10, "\"nonsense\" is no kind of probe");
    wrong("kprobe: { }", 1, 1, 7, "a function is missing");
    wrong("kprobe:f", 1, 9, 1, "a body is expected");
    wrong("kprobe:f { 1 + }", 1, 16, 1, "expected a value");
    wrong("kprobe:f { $x = 1 $y = 2 }", 1, 19, 2, "expected ;");
    wrong("kprobe:f { @x = count(); @x = 1 }", 1, 26, 2, "@x holds a value here, and count() in line 1");
    wrong("kprobe:f { @x[1] = 1; @x[1, 2] = 1 }", 1, 23, 2, "@x has 1 key elsewhere");
    wrong("kprobe:f { printf(\"%d\") }", 1, 12, 6, "1 conversion, and 0 arguments");
    wrong("kprobe:f { printf(\"%d\", \"x\") }", 1, 25, 3, "%d is for numbers");
    wrong("kprobe:f { printf($x) }", 1, 19, 2, "text in quotation marks");
    wrong("kprobe:f { $y = $x }", 1, 17, 2, "$x has no value here");
    wrong("kprobe:f { $y = count() }", 1, 17, 5, "count() is for maps");
    wrong("kprobe:f { 1 = 2 }", 1, 12, 1, "only $locals and @maps");
    wrong("kprobe:f { \"x }", 1, 12, 1, "a quotation mark is missing");
    wrong("kprobe:f { /* x }", 1, 12, 1, "a comment begins here");
    wrong("kprobe:f { lhist(1) }", 1, 12, 5, "lhist() takes 4 arguments, not 1");
    wrong("kprobe:f { @ = lhist(1, 9, 0, 1) }", 1, 16, 5, "at most 1000 steps");
    wrong("kprobe:f { args.c }", 1, 17, 1, "has no argument c");
    wrong("kprobe:f { ((struct nosuch *)1)->x }", 1, 34, 1, "struct nosuch");
    wrong("kprobe:f { pid->x }", 1, 17, 1, "is no structure");
    wrong("kprobe:f { \"a\" + 1 }", 1, 16, 1, "this operator is for numbers");
    wrong("kprobe:f { while (1) { $x = 1 } }", 1, 12, 5, "1000000 times");
    wrong("kprobe:f { break }", 1, 12, 5, "outside of a loop");
    wrong("kprobe:f { ` }", 1, 12, 1, "has no meaning");
    wrong("kprobe:f { jiffies }", 1, 12, 7, "jiffies_64");
    wrong("interval:h:1 { }", 1, 1, 12, "\"h\" is no unit");
    wrong("event:nothing { }", 1, 1, 13, "no kind or class");
    wrong("#define F(x) x\nkprobe:f { }", 1, 1, 1, "macros with arguments");
    wrong("#if 1\nkprobe:f { }", 2, 13, 1, "#endif is missing");
    wrong("struct s { struct t x; };\nkprobe:f { }", 1, 22, 1, "the size of this type is not known");
    wrong("", 0, 0, 1, "there is no probe");
}

/* Whatever is nested ends with an error, not with a crash. */
static void depth_has_a_limit(void **state)
{
    enum { DEEP = 5000 };
    char *text = malloc(2 * DEEP + 64);
    strcpy(text, "kprobe:f { ");
    memset(text + 11, '(', DEEP);
    strcpy(text + 11 + DEEP, "1");
    memset(text + 12 + DEEP, ')', DEEP);
    strcpy(text + 12 + 2 * DEEP, " }");
    struct ran r = run(text, 1, false);
    assert_non_null(strstr(r.error.error.text, "deep"));
    free(r.out.s);
    free(text);
}

/* ---------------------------------------------------------------- order */

static bool in_order(const char *text)
{
    const struct ask_source source = {.name = "t", .text = text};
    struct ask_error err;
    struct ask_program *p = ask_parse(&source, &err);
    assert_non_null(p);
    const bool yes = p->in_order;
    ask_free(p);
    return yes;
}

static void order_matters_where_firings_meet(void **state)
{
    assert_false(in_order("kprobe:f { @[func] = count(); printf(\"x\") } END { print(@) }"));
    assert_false(in_order("kprobe:f { @n++; @last = pid }"));
    assert_true(in_order("kprobe:f { @n++ } kprobe:g { @n = 0 }"));
    assert_true(in_order("kprobe:f { @t[tid] = nsecs } kprobe:g /@t[tid]/ { @ = count() }"));
    assert_true(in_order("kprobe:f { @ = count() } interval:s:1 { print(@) }"));
    assert_true(in_order("kretprobe:f { @ = count() }"));
    assert_true(in_order("kprobe:f { exit() }"));
    assert_false(in_order(
        "kprobe:f { @[func] = count() } END { for ($kv : @) { print($kv) } printf(\"%d\", len(@)) }"));
    assert_true(in_order("kprobe:f { @[func] = count(); for ($kv : @) { print($kv) } }"));
    assert_true(in_order("kprobe:f { @[func] = 1; if (has_key(@, \"x\")) { exit() } }"));
    assert_true(in_order("kprobe:f { @[func] = count(); printf(\"%d\", len(@)) }"));
}

/* Parts that were counted apart are as one. */
static void parts_are_joined(void **state)
{
    const struct ask_source source = {
        .name = "t",
        .text =
            "kprobe:f { @c[args.a] = count(); @m = min(args.a); @h = hist(args.a); @n++; @last = args.a }"};
    struct ask_error err;
    struct ask_program *p = ask_parse(&source, &err);
    struct ask_map *total = ask_maps_new(p), *part[2] = {ask_maps_new(p), ask_maps_new(p)};
    for (uint64_t i = 0; i < 10; i++) {
        struct ask_map *m = part[i / 5];
        const struct ask_value v = ask_number(i % 5 + i / 5, true);
        m[0].nkeys = total[0].nkeys = 1;
        ask_map_add(&m[0], ask_map_cell(&m[0], &v, true), &v);
        ask_map_add(&m[1], ask_map_cell(&m[1], NULL, true), &v);
        ask_map_add(&m[2], ask_map_cell(&m[2], NULL, true), &v);
        struct ask_cell *n = ask_map_cell(&m[3], NULL, true);
        n->value = ask_number(n->value.n + 1, true);
        ask_map_cell(&m[4], NULL, true)->value = v;
    }
    for (size_t i = 0; i < 5; i++) {
        ask_map_join(&total[i], &part[0][i]);
        ask_map_join(&total[i], &part[1][i]);
    }
    const struct ask_value two = ask_number(2, true);
    assert_int_equal(ask_map_cell(&total[0], &two, false)->count, 2);
    assert_int_equal(ask_map_cell(&total[1], NULL, false)->least, 0);
    assert_int_equal(ask_map_cell(&total[2], NULL, false)->count, 10);
    assert_int_equal(ask_map_cell(&total[3], NULL, false)->value.n, 10);
    assert_int_equal(ask_map_cell(&total[4], NULL, false)->value.n, 5);
    ask_maps_free(total, p);
    ask_maps_free(part[0], p);
    ask_maps_free(part[1], p);
    ask_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions),
        cmocka_unit_test(formats),
        cmocka_unit_test(words),
        cmocka_unit_test(memory),
        cmocka_unit_test(structures),
        cmocka_unit_test(maps),
        cmocka_unit_test(histograms),
        cmocka_unit_test(json),
        cmocka_unit_test(statements),
        cmocka_unit_test(loops_over_maps),
        cmocka_unit_test(keys_of_maps),
        cmocka_unit_test(errors_of_loops),
        cmocka_unit_test(errors_name_the_place),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(order_matters_where_firings_meet),
        cmocka_unit_test(parts_are_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
