/* test_profile.c - boot profiles: what parses, what does not, and the stages that come of events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/stages.h"

static void bad(const char *text, const char *message)
{
    struct error err;
    assert_null(profile_parse("p", text, &err));
    assert_non_null(strstr(err.text, message));
}

static void errors_name_the_line(void **state)
{
    bad("open event irq\n", "p:1: \"open\" before the first stage");
    bad("stage a\n open event nothing\n", "p:2: \"nothing\" is no kind of event");
    bad("stage a\n open event irq vektor=3\n", "p:2: events irq have no field \"vektor\"");
    bad("stage a\n open event irq vector=x\n", "p:2: \"x\" is no number");
    bad("stage a\n\n# comment\nstage b\n open event irq\n", "p:1: stage a has no open line");
    bad("stage a\n open mode unreal\n", "p:2: \"unreal\" is no mode");
    bad("stage a\n open console \"x\n", "p:2: a quotation mark");
    bad("stage a\n close weather fine\n", "p:2: \"weather\" is no condition");
    bad("stage a\n with bios\n", "p:2: expected: with KEY=VALUE");
    bad("stage a b\n", "p:1: expected: stage NAME");
}

static void builtin_parses(void **state)
{
    struct profile *p = profile_builtin();
    assert_true(profile_stages(p) > 10);
    profile_free(p);
}

static void probes_are_listed_once(void **state)
{
    struct error err;
    struct profile *p =
        profile_parse("p", "stage a\n open symbol f\n close return f\n open address 0x7c00\n", &err);
    assert_non_null(p);
    assert_string_equal(profile_probe(p, 0), "f");
    assert_string_equal(profile_probe(p, 1), "0x7c00");
    assert_null(profile_probe(p, 2));
    profile_free(p);
}

/* ---------------------------------------------------------------- stages of a small trace */

static char path[] = "/tmp/bootreel-profile-XXXXXX";

static void put(struct trace_writer *w, unsigned kind, uint64_t icount, const char *text)
{
    struct error err;
    struct event ev = {.kind = (uint16_t)kind,
                       .icount = icount,
                       .time = icount,
                       .data = text,
                       .len = text ? (uint32_t)strlen(text) : 0};
    assert_int_equal(trace_write_event(w, &ev, &err), 0);
}

static struct trace *sample(void)
{
    struct error err;
    static const struct trace_setting settings[] = {{"bios", "builtin"}};
    const struct trace_config cfg = {.engine = "pc",
                                     .behaviour = 1,
                                     .step_ns = 1,
                                     .classes = EVENT_CLASSES_ALL,
                                     .settings = settings,
                                     .nsettings = 1};
    strcpy(path + strlen(path) - 6, "XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct trace_writer *w = trace_writer_create(path, &cfg, &err);
    put(w, EV_RESET_VECTOR, 0, NULL);
    put(w, EV_OPTION_ROM, 10, NULL);
    put(w, EV_BOOT_SECTOR_ENTER, 100, NULL);
    put(w, EV_CONSOLE_LINE, 150, "Hello from the loader");
    put(w, EV_INITCALL, 200, "one");
    put(w, EV_INITCALL, 210, "two");
    put(w, EV_INITCALL_DONE, 220, "two");
    put(w, EV_INITCALL_DONE, 230, "one");
    const struct trace_end end = {.reason = "power-off", .text = "", .icount = 300, .time = 300};
    assert_int_equal(trace_writer_finish(w, &end, &err), 0);
    struct trace *t = trace_open(path, &err);
    assert_non_null(t);
    return t;
}

static void stages_nest(void **state)
{
    static const char text[] =
        "stage bios\n open event cpu.reset-vector\n close event loader.boot-sector\n"
        "stage rom\n in bios\n open event firmware.option-rom\n"
        "stage loader\n open event loader.boot-sector\n"
        "stage hello\n in loader\n open console \"Hello\"\n close event kernel.initcall\n"
        "stage call.{data}\n open event kernel.initcall\n close event kernel.initcall-done same\n";
    static const struct {
        const char *name;
        long parent;
        uint64_t begin, end;
    } want[] = {{"bios", -1, 0, 100},   {"rom", 0, 10, 100},        {"loader", -1, 100, 200},
                {"hello", 2, 150, 200}, {"call.one", -1, 200, 230}, {"call.two", 4, 210, 220}};
    struct error err;
    struct trace *t = sample();
    struct profile *p = profile_parse("p", text, &err);
    assert_non_null(p);
    struct stages *s = stages_build(t, p, &err);
    assert_non_null(s);
    assert_int_equal(stages_count(s), sizeof want / sizeof want[0]);
    for (size_t i = 0; i < stages_count(s); i++) {
        const struct stage *g = stages_get(s, i);
        assert_string_equal(g->name, want[i].name);
        assert_int_equal(g->parent, want[i].parent);
        assert_int_equal(g->begin, want[i].begin);
        assert_int_equal(g->end, want[i].end);
    }
    assert_string_equal(stages_get(s, (size_t)stages_at(s, 215))->name, "call.two");
    assert_string_equal(stages_get(s, (size_t)stages_at(s, 120))->name, "loader");
    stages_free(s);
    profile_free(p);
    trace_close(t);
    unlink(path);
}

/* Rules that are meant for other machines do not count. */
static void machines_differ(void **state)
{
    static const char text[] =
        "stage ours\n with bios=builtin\n open event cpu.reset-vector\n"
        "stage theirs\n with bios=seabios\n open event cpu.reset-vector\n"
        "stage nobody's\n with bios=builtin\n with memory=1\n open event cpu.reset-vector\n"
        "stage others\n without bios=builtin\n open event loader.boot-sector\n"
        "stage all\n without bios=seabios\n without memory=1\n open event loader.boot-sector\n";
    struct error err;
    struct trace *t = sample();
    struct profile *p = profile_parse("p", text, &err);
    assert_non_null(p);
    struct stages *s = stages_build(t, p, &err);
    assert_non_null(s);
    assert_int_equal(stages_count(s), 2);
    assert_string_equal(stages_get(s, 0)->name, "ours");
    assert_string_equal(stages_get(s, 1)->name, "all");
    stages_free(s);
    profile_free(p);
    trace_close(t);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_name_the_line),   cmocka_unit_test(builtin_parses),
        cmocka_unit_test(probes_are_listed_once), cmocka_unit_test(stages_nest),
        cmocka_unit_test(machines_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
