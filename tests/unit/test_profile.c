/* test_profile.c - boot profiles: what parses, what does not, and the stages that come of events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/story/stages.h"

static void bad(const char *text, const char *message)
{
    struct error err;
    assert_null(profile_parse("p", text, &err));
    assert_non_null(strstr(err.text, message));
}

static void errors_name_the_line(void **state)
{
    bad("open event irq\n", "p:1: \"open\" before the first stage");
    bad("stage a\n open event nothing\n", "p:2: \"nothing\" is not a kind of event");
    bad("stage a\n open event irq vektor=3\n", "p:2: events irq have no field \"vektor\"");
    bad("stage a\n open event irq vector=x\n", "p:2: \"x\" is not a number");
    bad("stage a\n\n# comment\nstage b\n open event irq\n", "p:1: stage a has no open line");
    bad("stage a\n open mode unreal\n", "p:2: \"unreal\" is not a mode");
    bad("stage a\n open console \"x\n", "p:2: a quotation mark");
    bad("stage a\n close weather fine\n", "p:2: \"weather\" is not a condition");
    bad("stage a\n with bios\n", "p:2: expected: with KEY=VALUE");
    bad("stage a b\n", "p:1: expected: stage NAME");
    bad("stage a\n open event irq vector>3\n", "p:2: \"vector>3\": ranges are written");
    bad("stage a\n open event irq vector<0\n", "p:2: \"vector<0\": nothing is less than 0");
    bad("stage a\n fold 200%\n", "p:2: expected: fold N%");
    bad("stage a\n least 0%\n", "p:2: expected: least N%");
    bad("stage a\n moment now\n", "p:2: moment stands alone");
    bad("stage a\n by\n", "p:2: expected: by KEY [\"TEXT\"]");
    bad("stage a\n open console \"{x} and {y}\"\n", "p:2: ");
    bad("stage a\n\nstage b\n open event irq\n by pid\n", "p:1: stage a has no open line");
    bad("stage b\n open event irq\n by pid\n", "p:1: stage b: events irq have no pid");
    bad("stage b\n open event irq\n under pid\n", "p:1: stage b: under and rename need by");
    bad("stage b\n open event process.exit\n by pid\n under pid of\n", "p:4: expected: under FIELD");
    bad("stage b\n open event process.exit\n by pid\n under pid of a\n", "p:1: stage b: there is no stage a");
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
    static const struct setting settings[] = {{"bios", "builtin"}};
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

struct wanted {
    const char *name;
    long parent;
    uint64_t begin, end;
};

static struct stages *stages_are(struct trace *t, const char *text, const struct wanted *want, size_t n)
{
    struct error err;
    struct profile *p = text ? profile_parse("p", text, &err) : profile_builtin();
    assert_non_null(p);
    struct stages *s = stages_build(t, p, &err);
    assert_non_null(s);
    profile_free(p);
    for (size_t i = 0; i < n && i < stages_count(s); i++) {
        const struct stage *g = stages_get(s, i);
        assert_string_equal(g->name, want[i].name);
        assert_int_equal(g->parent, want[i].parent);
        assert_int_equal(g->begin, want[i].begin);
        assert_int_equal(g->end, want[i].end);
    }
    assert_int_equal(stages_count(s), n);
    return s;
}

static void drop(struct stages *s, struct trace *t)
{
    stages_free(s);
    trace_close(t);
    unlink(path);
}

static void stages_nest(void **state)
{
    static const char text[] =
        "stage bios\n open event cpu.reset-vector\n close event loader.boot-sector\n"
        "stage rom\n in bios\n open event firmware.option-rom\n"
        "stage loader\n open event loader.boot-sector\n"
        "stage hello\n in loader\n open console \"Hello\"\n close event kernel.initcall\n"
        "stage call.{data}\n open event kernel.initcall\n close event kernel.initcall-done same\n";
    static const struct wanted want[] = {{"bios", -1, 0, 100},       {"rom", 0, 10, 100},
                                         {"loader", -1, 100, 200},   {"hello", 2, 150, 200},
                                         {"call.one", -1, 200, 230}, {"call.two", 4, 210, 220}};
    struct trace *t = sample();
    struct stages *s = stages_are(t, text, want, sizeof want / sizeof want[0]);
    assert_string_equal(stages_get(s, (size_t)stages_at(s, 215))->name, "call.two");
    assert_string_equal(stages_get(s, (size_t)stages_at(s, 120))->name, "loader");
    drop(s, t);
}

/* ---------------------------------------------------------------- stages beside each other */

struct given {
    unsigned kind;
    uint64_t icount, time;
    const char *text;
    uint64_t f[5];
};

static struct trace *trace_of(const struct given *list, size_t n, uint64_t end_icount, uint64_t end_time)
{
    struct error err;
    const struct trace_config cfg = {
        .engine = "pc", .behaviour = 1, .step_ns = 1, .classes = EVENT_CLASSES_ALL};
    strcpy(path + strlen(path) - 6, "XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct trace_writer *w = trace_writer_create(path, &cfg, &err);
    for (size_t i = 0; i < n; i++) {
        struct event ev = {.kind = (uint16_t)list[i].kind,
                           .icount = list[i].icount,
                           .time = list[i].time,
                           .data = list[i].text,
                           .len = list[i].text ? (uint32_t)strlen(list[i].text) : 0};
        memcpy(ev.f, list[i].f, sizeof list[i].f);
        assert_int_equal(trace_write_event(w, &ev, &err), 0);
    }
    const struct trace_end end = {.reason = "power-off", .text = "", .icount = end_icount, .time = end_time};
    assert_int_equal(trace_writer_finish(w, &end, &err), 0);
    struct trace *t = trace_open(path, &err);
    assert_non_null(t);
    return t;
}

/* create: kind, flags, pid, tgid, parent; name: pid, tgid; exec: pid, tgid; exit: code, pid, tgid */
static const struct given processes[] = {
    {EV_KERNEL_FOUND, 0, 0, "Linux", {0}},
    {EV_PROCESS_EXEC, 100, 100, "/sbin/init /sbin/init", {1, 1}},
    {EV_INIT_RUN, 100, 100, "/sbin/init", {0}},
    {EV_PROCESS_CREATE, 110, 110, "init", {1, 0, 20, 20, 1}},
    {EV_PROCESS_EXEC, 120, 120, "/bin/sh sh -c 'a b'", {20, 20}},
    {EV_PROCESS_CREATE, 130, 130, "init", {1, 0, 21, 21, 1}},
    {EV_PROCESS_CREATE, 140, 140, "sh", {1, 0, 22, 22, 20}},
    {EV_PROCESS_CREATE, 141, 141, "sh", {2, 0, 23, 22, 20}}, /* a thread */
    {EV_PROCESS_EXIT, 142, 142, "sh", {0, 22, 22}},
    {EV_PROCESS_CREATE, 150, 150, "sh", {1, 0, 24, 24, 20}},
    {EV_PROCESS_EXIT, 151, 151, "sh", {0, 24, 24}},
    {EV_PROCESS_EXIT, 500, 600, "sh", {0, 20, 20}},
    {EV_PROCESS_NAME, 510, 610, "worker", {21, 21}},
    {EV_PROCESS_EXIT, 600, 700, "worker", {0, 21, 21}},
    {EV_KERNEL_SHUTDOWN, 900, 1000, "kernel_power_off", {1}},
};

static void processes_are_beside_each_other(void **state)
{
    static const struct wanted want[] = {
        {"kernel", -1, 0, 1000},         {"user", 0, 100, 900},
        {"user.init", 1, 100, 900},      {"process.sh", 2, 110, 500},
        {"process.sh", 3, 140, 142},     {"process.sh", 3, 150, 151},
        {"process.worker", 2, 130, 600}, {"kernel.shutdown", 0, 900, 1000},
    };
    struct trace *t = trace_of(processes, sizeof processes / sizeof processes[0], 1000, 1100);
    struct stages *s = stages_are(t, NULL, want, sizeof want / sizeof want[0]);
    assert_int_equal(stages_get(s, 3)->took, 490);
    assert_int_equal(stages_get(s, 3)->steps, 390); /* 100 ns of it idle */
    assert_string_equal(stages_get(s, (size_t)stages_at(s, 141))->name, "user.init");
    stages_fold(s);
    assert_int_equal(stages_count(s), 7);
    assert_int_equal(stages_get(s, 4)->count, 2);
    assert_int_equal(stages_get(s, 4)->took, 3);
    assert_int_equal(stages_get(s, 4)->parent, 3);
    assert_string_equal(stages_get(s, 5)->name, "process.worker");
    drop(s, t);
}

/* Of what start_kernel calls, initialisation functions are stages; others only if they take a hundredth of it. */
static void helpers_are_no_stages(void **state)
{
    static const struct given calls[] = {
        {EV_KERNEL_FOUND, 0, 0, "Linux", {0}},
        {EV_KERNEL_REACHED, 10, 10, "start_kernel", {0}},
        {EV_KERNEL_CALL, 20, 20, "setup_arch", {1}},
        {EV_KERNEL_RETURN, 21, 21, "setup_arch", {1}},
        {EV_KERNEL_CALL, 30, 30, "_find_next_bit", {257}},
        {EV_KERNEL_RETURN, 35, 35, "_find_next_bit", {257}},
        {EV_KERNEL_CALL, 40, 40, "calibrate_delay", {257}},
        {EV_KERNEL_RETURN, 540, 540, "calibrate_delay", {257}},
        {EV_KERNEL_REACHED, 1010, 1010, "rest_init", {0}},
    };
    static const struct wanted want[] = {
        {"kernel", -1, 0, 2000},
        {"kernel.start_kernel", 0, 10, 1010},
        {"kernel.start_kernel.setup_arch", 1, 20, 21},
        {"kernel.start_kernel.calibrate_delay", 1, 40, 540},
        {"kernel.init", 0, 1010, 2000},
    };
    struct trace *t = trace_of(calls, sizeof calls / sizeof calls[0], 2000, 2000);
    drop(stages_are(t, NULL, want, sizeof want / sizeof want[0]), t);
}

#define SAYS(icount, text)                                                                                   \
    {                                                                                                        \
        EV_PROCESS_LOG, icount, icount, text,                                                                \
        {                                                                                                    \
            6, 1, 1                                                                                          \
        }                                                                                                    \
    }
static const struct given systemd[] = {
    {EV_KERNEL_FOUND, 0, 0, "Linux", {0}},
    {EV_PROCESS_EXEC, 5, 5, "/sbin/init", {1, 1}},
    {EV_INIT_RUN, 5, 5, "/sbin/init", {0}},
    SAYS(10, "systemd 252 running in system mode (+PAM)"),
    SAYS(20, "Starting a.service - A..."),
    SAYS(25, "Starting b.service - B..."),
    SAYS(30, "Started b.service - B."),
    {EV_PROCESS_LOG, 35, 35, "Started a.service - A.", {6, 77, 77}}, /* another's words */
    SAYS(40, "Finished a.service - A."),
    SAYS(45, "Starting c.service..."),
    SAYS(50, "Failed to start c.service."),
    SAYS(60, "Reached target end.target."),
    SAYS(70, "Startup finished in 1s."),
    SAYS(80, "Starting later.service..."),
};

static void units_are_stages(void **state)
{
    static const struct wanted want[] = {
        {"kernel", -1, 0, 100},
        {"user", 0, 5, 100},
        {"user.init", 1, 5, 100},
        {"systemd.startup", 2, 10, 70},
        {"unit.a.service_-_A", 3, 20, 40},
        {"unit.b.service_-_B", 3, 25, 30},
        {"unit.c.service", 3, 45, 50},
        {"target.end.target", 3, 60, 60},
        {"unit.later.service", 2, 80, 100},
    };
    struct trace *t = trace_of(systemd, sizeof systemd / sizeof systemd[0], 100, 100);
    struct stages *s = stages_are(t, NULL, want, sizeof want / sizeof want[0]);
    assert_true(stages_get(s, 6)->failed);
    assert_false(stages_get(s, 4)->failed);
    assert_true(stages_get(s, 8)->open);
    static const size_t waited[] = {7, 6, 4}; /* the target, then c, which began when a was there */
    size_t *chain;
    assert_int_equal(stages_chain_end(s), 7);
    assert_int_equal(stages_chain(s, 7, &chain), 3);
    assert_memory_equal(chain, waited, sizeof waited);
    free(chain);
    drop(s, t);
}

/* An initramfs with a systemd of its own: its units are not those of the start-up, and the chain is that of the root's systemd. A device has another
 * description when it is there. */
static void systemd_runs_in_an_initramfs(void **state)
{
    static const struct given lines[] = {
        {EV_KERNEL_FOUND, 0, 0, "Linux", {0}},
        {EV_PROCESS_EXEC, 5, 5, "/init", {1, 1}},
        {EV_INIT_RUN, 5, 5, "/init", {0}},
        SAYS(10, "systemd 262 running in system mode (+PAM)"),
        SAYS(11, "Running in initrd."),
        SAYS(12, "Expecting device dev-sda.device - /dev/sda..."),
        SAYS(14, "Starting a.service - A..."),
        SAYS(16, "Finished a.service - A."),
        SAYS(18, "Found device dev-sda.device - A_DISK."),
        SAYS(20, "Starting initrd-switch-root.service - S..."),
        SAYS(30, "Switching root."),
        SAYS(40, "systemd 262 running in system mode (+PAM)"),
        SAYS(41, "Expecting device dev-ttyS0.device - /dev/ttyS0..."),
        SAYS(42, "Starting a.service - A..."),
        SAYS(44, "Condition check resulted in dev-ttyS0.device - /dev/ttyS0 being skipped."),
        SAYS(45, "Starting b.socket - B..."),
        SAYS(46, "Listening on b.socket - B."),
        SAYS(50, "Finished a.service - A."),
        SAYS(70, "Startup finished in 1s."),
    };
    static const struct wanted want[] = {
        {"kernel", -1, 0, 100},
        {"user", 0, 5, 100},
        {"user.init", 1, 5, 100},
        {"systemd.startup", 2, 10, 30},
        {"systemd.initrd", 3, 11, 30},
        {"initrd.wait.dev-sda.device", 4, 12, 18},
        {"initrd.a.service_-_A", 4, 14, 16},
        {"initrd.initrd-switch-root.service_-_S", 4, 20, 30},
        {"systemd.startup", 2, 40, 70},
        {"wait.dev-ttyS0.device", 8, 41, 44},
        {"unit.a.service_-_A", 8, 42, 50},
        {"unit.b.socket_-_B", 8, 45, 46},
    };
    struct trace *t = trace_of(lines, sizeof lines / sizeof lines[0], 100, 100);
    struct stages *s = stages_are(t, NULL, want, sizeof want / sizeof want[0]);
    assert_int_equal(stages_chain_end(s), 10);
    drop(s, t);
}

/* Where a kernel that nobody knows takes over: the loader does not go on forever. */
static void a_kernel_that_is_not_known(void **state)
{
    static const struct given multiboot[] = {
        {EV_KERNEL_HANDOVER, 0, 0, "multiboot", {0x100000, 0x9500}},
        {EV_KERNEL_ENTRY, 0, 0, "multiboot", {0x100000}},
        {EV_CPU_CR, 50, 50, NULL, {0, 0x11, 0x80000011, 0x80101000}},
    };
    static const struct wanted kernel[] = {{"loader", -1, 0, 0}, {"kernel", -1, 0, 100}};
    struct trace *t = trace_of(multiboot, 3, 100, 100);
    struct stages *s = stages_are(t, NULL, kernel, 2);
    assert_string_equal(stages_get(s, 1)->note, "not known");
    drop(s, t);

    /* FreeBSD's loader, then its kernel. */
    static const struct given upper_half[] = {
        {EV_RESET_VECTOR, 0, 0, NULL, {0}},
        {EV_BOOT_SECTOR_ENTER, 10, 10, NULL, {0x7c00, 0x80}},
        {EV_CPU_CR, 20, 20, NULL, {0, 0x11, 0x80000011, 0x9000}},
        {EV_CPU_DTABLE, 30, 30, "lgdt", {0, 0, 0, 0xffffffff80123456}},
        {EV_CPU_MSR, 40, 40, NULL, {0xc0000080, 1, 0xffffffff80123456}},
    };
    static const struct wanted freebsd[] = {
        {"bios", -1, 0, 10},     {"bios.post", 0, 0, 10},
        {"loader", -1, 10, 30},  {"loader.boot-sector", 2, 10, 30},
        {"kernel", -1, 30, 100},
    };
    t = trace_of(upper_half, 5, 100, 100);
    drop(stages_are(t, NULL, freebsd, 5), t);

    /* Found by the inspector right there: then it is that one. */
    static const struct given found[] = {
        {EV_RESET_VECTOR, 0, 0, NULL, {0}},
        {EV_CPU_CR, 5, 5, NULL, {0, 0x11, 0x80000011, 0xfffffe10}}, /* a 32-bit firmware's */
        {EV_CPU_MSR, 30, 30, NULL, {0xc0000080, 1, 0xffffffff80123456}},
        {EV_KERNEL_FOUND, 30, 30, "Linux", {0}},
        {EV_CPU_MSR, 40, 40, NULL, {0xc0000080, 1, 0xffffffff80123456}},
    };
    static const struct wanted known[] = {
        {"bios", -1, 0, 30}, {"bios.post", 0, 0, 30}, {"kernel", -1, 30, 100}};
    t = trace_of(found, 5, 100, 100);
    s = stages_are(t, NULL, known, 3);
    assert_null(stages_get(s, 2)->note);
    drop(s, t);
}

/* A stage that opens only after another was open, until the next reset. */
static void one_after_another(void **state)
{
    static const char text[] =
        "stage first\n open event kernel.note \"first\"\n close event kernel.note \"end\"\n"
        "stage second\n after other\n after first\n open event kernel.note \"second\"\n"
        " close event kernel.note \"end\"\n";
    static const struct given notes[] = {
        {EV_KERNEL_NOTE, 1, 1, "second", {0}}, {EV_KERNEL_NOTE, 2, 2, "first", {0}},
        {EV_KERNEL_NOTE, 3, 3, "end", {0}},    {EV_KERNEL_NOTE, 4, 4, "second", {0}},
        {EV_KERNEL_NOTE, 5, 5, "end", {0}},    {EV_RESET, 6, 6, "reset", {0}},
        {EV_KERNEL_NOTE, 7, 7, "second", {0}},
    };
    static const struct wanted want[] = {{"first", -1, 2, 3}, {"second", -1, 4, 5}};
    struct trace *t = trace_of(notes, sizeof notes / sizeof notes[0], 10, 10);
    drop(stages_are(t, text, want, 2), t);
}

/* A KEY that ends at a text: what some of the events add to it makes no other stage. */
static void keys_up_to_a_text(void **state)
{
    static const char text[] =
        "stage unit.{unit}\n by unit \" - \"\n open event kernel.note \"Starting {unit}...\"\n"
        " close event kernel.note \"Finished {unit}.\"\n close event kernel.note \"{unit}: gone.\"\n";
    static const struct given notes[] = {
        {EV_KERNEL_NOTE, 1, 1, "Starting a.service - First...", {0}},
        {EV_KERNEL_NOTE, 2, 2, "Starting b.service - Second...", {0}},
        {EV_KERNEL_NOTE, 3, 3, "b.service: gone.", {0}},
        {EV_KERNEL_NOTE, 4, 4, "Finished b.service - Second.", {0}},
        {EV_KERNEL_NOTE, 5, 5, "Finished a.service - First.", {0}},
    };
    static const struct wanted want[] = {{"unit.a.service_-_First", -1, 1, 5},
                                         {"unit.b.service_-_Second", -1, 2, 3}};
    struct trace *t = trace_of(notes, sizeof notes / sizeof notes[0], 10, 10);
    drop(stages_are(t, text, want, 2), t);
}

/* A text's {NAME}, in what is left of a console line without its colours. */
static void captures_in_console_lines(void **state)
{
    static const struct given lines[] = {
        {EV_CONSOLE_LINE, 1, 1, "[\033[32m  OK  \033[0m] Started \033[1mone\033[0m.\r", {0}},
        {EV_CONSOLE_LINE, 5, 5, "[  OK  ] Stopped one.", {0}},
        {EV_IRQ, 6, 6, NULL, {0x20}},
        {EV_IRQ, 7, 7, NULL, {0x30}},
    };
    static const struct wanted want[] = {{"on.one", -1, 1, 5}, {"low", -1, 6, 10}, {"high", -1, 7, 10}};
    struct trace *t = trace_of(lines, sizeof lines / sizeof lines[0], 10, 10);
    struct stages *s = stages_are(
        t,
        "stage on.{what}\n by what\n open console \"Started {what}.\"\n close console \"Stopped {what}.\"\n"
        "stage high\n by data\n open event irq vector>=0x30\n"
        "stage low\n by data\n open event irq vector<0x30\n",
        want, sizeof want / sizeof want[0]);
    drop(s, t);
}

/* What is only said to be there is a moment; what ends a stage is not one as well. */
static void moments_of_what_did_not_begin(void **state)
{
    static const struct given lines[] = {
        {EV_CONSOLE_LINE, 1, 1, "Starting one...", {0}},
        {EV_CONSOLE_LINE, 2, 2, "Started two.", {0}},
        {EV_CONSOLE_LINE, 5, 5, "Started one.", {0}},
        {EV_CONSOLE_LINE, 6, 6, "Started one.", {0}},
    };
    static const struct wanted want[] = {{"on.one", -1, 1, 5}, {"on.two", -1, 2, 2}, {"on.one", -1, 6, 6}};
    struct trace *t = trace_of(lines, sizeof lines / sizeof lines[0], 10, 10);
    struct stages *s = stages_are(
        t,
        "stage on.{what}\n by what\n open console \"Starting {what}...\"\n close console \"Started {what}.\"\n"
        "stage on.{what}\n by what\n moment\n unclosed\n open console \"Started {what}.\"\n",
        want, sizeof want / sizeof want[0]);
    drop(s, t);
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
    profile_free(p);
    drop(s, t);
}

/* ---------------------------------------------------------------- whose time it was */

static void fields(struct trace_writer *w, unsigned kind, uint64_t icount, unsigned cpu, const char *text,
                   uint64_t a, uint64_t b, uint64_t c)
{
    struct error err;
    struct event ev = {.kind = (uint16_t)kind,
                       .icount = icount,
                       .time = icount,
                       .cpu = (uint8_t)cpu,
                       .f = {a, b, c},
                       .data = text,
                       .len = text ? (uint32_t)strlen(text) : 0};
    assert_int_equal(trace_write_event(w, &ev, &err), 0);
}

static struct trace_writer *begin_tasks(void)
{
    struct error err;
    const struct trace_config cfg = {
        .engine = "pc", .behaviour = 1, .step_ns = 1, .classes = EVENT_CLASSES_ALL};
    strcpy(path + strlen(path) - 6, "XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct trace_writer *w = trace_writer_create(path, &cfg, &err);
    assert_non_null(w);
    return w;
}

static struct stages *end_tasks(struct trace_writer *w, const char *profile)
{
    struct error err;
    const struct trace_end end = {.reason = "power-off", .text = "", .icount = 1000, .time = 1000};
    assert_int_equal(trace_writer_finish(w, &end, &err), 0);
    struct trace *t = trace_open(path, &err);
    struct profile *p = profile_parse("p", profile, &err);
    assert_non_null(t);
    assert_non_null(p);
    struct stages *s = stages_build(t, p, &err);
    assert_non_null(s);
    profile_free(p);
    trace_close(t);
    unlink(path);
    return s;
}

static void is_time(const struct stages *s, size_t i, const char *name, uint64_t own, uint64_t others,
                    uint64_t waited)
{
    const struct stage *g = stages_get(s, i);
    assert_string_equal(g->name, name);
    assert_true(g->has_tasks);
    assert_int_equal(g->own, own);
    assert_int_equal(g->others, others);
    assert_int_equal(g->waited, waited);
}

static const char tasks_profile[] =
    "stage all\n open event cpu.reset-vector\n"
    "stage call.{data}\n in all\n in call.{data}\n open event kernel.initcall\n"
    " close event kernel.initcall-done same\n"
    "stage process.{data}\n by pid\n open event process.create kind=1\n"
    " close event process.exit\n"
    "stage unit\n by data\n open event process.log\n";

static void switch_to(struct trace_writer *w, uint64_t at, unsigned cpu, uint64_t prev, uint64_t next,
                      uint64_t tgid)
{
    fields(w, EV_SCHED_SWITCH, at, cpu, "t", prev, next, tgid);
}

static void of_guest(struct trace_writer *w, unsigned kind, uint64_t icount, unsigned guest, const char *text)
{
    struct error err;
    const struct event ev = {.kind = (uint16_t)kind,
                             .icount = icount,
                             .time = icount,
                             .guest = (uint16_t)guest,
                             .data = text,
                             .len = (uint32_t)strlen(text)};
    assert_int_equal(trace_write_event(w, &ev, &err), 0);
}

/* What a kernel in a virtual machine does opens and closes no stage, and has no processor of the machine's. One that is found later, on the machine
 * itself, does. */
static void stages_are_the_machines(void **state)
{
    struct trace_writer *w = begin_tasks();
    fields(w, EV_RESET_VECTOR, 0, 0, NULL, 0, 0, 0);
    of_guest(w, EV_KERNEL_FOUND, 10, 0, "outer");
    of_guest(w, EV_INITCALL, 100, 0, "a");
    fields(w, EV_VIRT_ENTER, 110, 0, NULL, 0x1000, 1, 0);
    of_guest(w, EV_KERNEL_FOUND, 120, 1, "inner");
    of_guest(w, EV_INITCALL, 130, 1, "b");
    of_guest(w, EV_INITCALL_DONE, 140, 1, "a");
    fields(w, EV_VIRT_EXIT, 150, 0, NULL, 0, 0, 0);
    of_guest(w, EV_INITCALL_DONE, 200, 0, "a");
    of_guest(w, EV_KERNEL_FOUND, 300, 2, "another");
    of_guest(w, EV_INITCALL, 310, 2, "c");
    of_guest(w, EV_INITCALL_DONE, 320, 2, "c");
    struct stages *s = end_tasks(w, tasks_profile);
    assert_int_equal(stages_count(s), 3);
    assert_string_equal(stages_get(s, 1)->name, "call.a");
    assert_int_equal(stages_get(s, 1)->end, 200);
    assert_string_equal(stages_get(s, 2)->name, "call.c");
    stages_free(s);
}

static const char machines_profile[] =
    "stage all\n open event cpu.reset-vector\n"
    "stage start\n open event domain.start\n close event virt.boot\n"
    "stage bios\n outside all\n open event virt.boot \"firmware begins\"\n close event kernel.found\n"
    "stage kernel\n outside all\n open event kernel.found\n close event power.off\n"
    "stage kernel.{data}\n in kernel\n open event kernel.initcall\n close event kernel.initcall-done same\n"
    "stage process.{data}\n by pid\n open event process.create kind=1\n close event process.exit\n"
    "stage domain.{domain}\n by domain\n open event domain.create\n close event domain.end\n";

/* A virtual machine boots on processor 0, from step `at` on; its kernel is guest `guest`. */
static void machine_boots(struct trace_writer *w, uint64_t at, uint64_t vmcb, unsigned guest)
{
    fields(w, EV_VIRT_ENTER, at, 0, NULL, vmcb, 1, 0);
    fields(w, EV_VIRT_BOOT, at + 1, 0, "firmware begins", 0xf000, 0xfff0, 0);
    fields(w, EV_VIRT_EXIT, at + 10, 0, NULL, 0x7b, 0, 0);
    fields(w, EV_VIRT_ENTER, at + 20, 0, NULL, vmcb, 1, 0);
    of_guest(w, EV_KERNEL_FOUND, at + 30, guest, "inner");
    of_guest(w, EV_INITCALL, at + 40, guest, "a");
    fields(w, EV_VIRT_EXIT, at + 50, 0, NULL, 0x7b, 0, 0);
}

static void is_stage(const struct stages *s, size_t i, const char *name, long parent, uint64_t begin,
                     uint64_t end)
{
    assert_string_equal(stages_get(s, i)->name, name);
    assert_int_equal(stages_get(s, i)->parent, parent);
    assert_int_equal(stages_get(s, i)->begin, begin);
    assert_int_equal(stages_get(s, i)->end, end);
}

/* A machine is known by its process, and ends with it; of another hypervisor, by its control block. */
static void machines_have_stages(void **state)
{
    struct trace_writer *w = begin_tasks();
    fields(w, EV_RESET_VECTOR, 0, 0, NULL, 0, 0, 0);
    machine_boots(w, 100, 0x1000, 1);
    fields(w, EV_PROCESS_CREATE, 200, 0, "q", 1, 0, 50); /* kind, flags, pid */
    switch_to(w, 210, 0, 1, 51, 50);
    machine_boots(w, 300, 0x2000, 2);
    fields(w, EV_PROCESS_EXIT, 400, 0, "q", 0, 50, 50);
    switch_to(w, 500, 0, 1, 0, 0);
    struct stages *s = end_tasks(w, machines_profile);
    assert_int_equal(stages_count(s), 8);
    is_stage(s, 1, "vm.1.bios", 0, 101, 130);
    is_stage(s, 2, "vm.1.kernel", 0, 130, 1000);
    is_stage(s, 3, "vm.1.kernel.a", 2, 140, 1000);
    is_stage(s, 4, "process.q", 0, 200, 400);
    is_stage(s, 5, "kvm.1.bios", 4, 301, 330);
    is_stage(s, 6, "kvm.1.kernel", 4, 330, 400);
    is_stage(s, 7, "kvm.1.kernel.a", 6, 340, 400);
    assert_true(stages_get(s, 2)->open);
    assert_false(stages_get(s, 6)->open);
    assert_int_equal(stages_at(s, 345), 0); /* where the machine itself is */
    stages_free(s);
}

static void domains_have_stages(void **state)
{
    struct trace_writer *w = begin_tasks();
    fields(w, EV_RESET_VECTOR, 0, 0, NULL, 0, 0, 0);
    fields(w, EV_DOMAIN_CREATE, 50, 0, NULL, 7, 0, 0);
    fields(w, EV_VCPU_SWITCH, 60, 0, "idle -> d7v0", 7, 0, (uint64_t)-1);
    fields(w, EV_VIRT_ENTER, 70, 0, NULL, 0x1000, 1, 0);
    fields(w, EV_DOMAIN_START, 70, 0, "with a loader", 7, 0, 0);
    machine_boots(w, 100, 0x1000, 1);
    fields(w, EV_VCPU_SWITCH, 200, 0, "d7v0 -> idle", (uint64_t)-1, 0, 7);
    fields(w, EV_DOMAIN_END, 300, 0, "destroyed", 7, 0, 0);
    struct stages *s = end_tasks(w, machines_profile);
    assert_int_equal(stages_count(s), 6); /* the machine's own are not closed by what runs in the domain */
    is_stage(s, 1, "domain.7", 0, 50, 300);
    is_stage(s, 2, "xen.domain.7.start", 1, 70, 101);
    is_stage(s, 3, "xen.domain.7.bios", 1, 101, 130);
    is_stage(s, 4, "xen.domain.7.kernel", 1, 130, 300);
    is_stage(s, 5, "xen.domain.7.kernel.a", 4, 140, 300);
    stages_free(s);
}

static void own_time_is_that_of_the_task(void **state)
{
    struct trace_writer *w = begin_tasks();
    fields(w, EV_RESET_VECTOR, 0, 0, NULL, 0, 0, 0);
    fields(w, EV_INITCALL, 10, 0, "early", 0, 0, 0);
    fields(w, EV_INITCALL_DONE, 30, 0, "early", 0, 0, 0);
    switch_to(w, 100, 0, 0, 1, 1); /* the boot goes on as the idle task */
    fields(w, EV_INITCALL, 110, 0, "outer", 0, 0, 1);
    switch_to(w, 120, 0, 1, 7, 7);
    switch_to(w, 150, 0, 7, 0, 0);
    switch_to(w, 160, 0, 0, 1, 1);
    fields(w, EV_INITCALL, 170, 0, "inner", 0, 0, 1);
    switch_to(w, 175, 0, 1, 7, 7);
    switch_to(w, 180, 1, 0, 8, 8); /* another processor: busy while this one idles */
    switch_to(w, 190, 0, 7, 0, 0);
    switch_to(w, 195, 0, 0, 1, 1);
    fields(w, EV_INITCALL_DONE, 200, 0, "inner", 0, 0, 1);
    fields(w, EV_INITCALL_DONE, 210, 0, "outer", 0, 0, 1);
    fields(w, EV_PROCESS_CREATE, 300, 0, "p", 1, 0, 50); /* kind, flags, pid */
    fields(w, EV_PROCESS_LOG, 305, 0, "u", 6, 1, 1);
    switch_to(w, 310, 0, 1, 50, 50);
    switch_to(w, 320, 1, 8, 51, 50); /* a thread of it, meanwhile */
    switch_to(w, 340, 0, 50, 0, 0);
    switch_to(w, 350, 1, 51, 0, 0);
    switch_to(w, 390, 0, 0, 50, 50);
    fields(w, EV_PROCESS_EXIT, 400, 0, "p", 0, 50, 50);
    struct stages *s = end_tasks(w, tasks_profile);
    assert_true(stages_have_tasks(s));
    assert_int_equal(stages_count(s), 6);
    is_time(s, 0, "all", 80, 760, 40);
    is_time(s, 1, "call.early", 20, 0, 0);
    is_time(s, 2, "call.outer", 30, 30, 10);
    is_time(s, 3, "call.inner", 10, 20, 0);
    is_time(s, 4, "process.p", 50, 10, 40);
    assert_string_equal(stages_get(s, 5)->name, "unit"); /* a message does not say whose time a unit is */
    assert_false(stages_get(s, 5)->has_tasks);
    stages_free(s);
}

static void without_switches_nothing_is_said(void **state)
{
    struct trace_writer *w = begin_tasks();
    fields(w, EV_RESET_VECTOR, 0, 0, NULL, 0, 0, 0);
    fields(w, EV_INITCALL, 10, 0, "early", 0, 0, 0);
    fields(w, EV_INITCALL_DONE, 30, 0, "early", 0, 0, 0);
    struct stages *s = end_tasks(w, tasks_profile);
    assert_false(stages_have_tasks(s));
    stages_free(s);
}

/* FreeBSD's first thread has a number, and goes on; the idle threads have others, and a name. */
static void idle_threads_are_told_by_name(void **state)
{
    struct trace_writer *w = begin_tasks();
    fields(w, EV_RESET_VECTOR, 0, 0, NULL, 0, 0, 0);
    fields(w, EV_INITCALL, 90, 0, "a", 0, 0, 0);
    fields(w, EV_SCHED_SWITCH, 100, 0, "intr", 1000, 1001, 12);
    fields(w, EV_SCHED_SWITCH, 110, 0, "idle: cpu0", 1001, 1002, 10);
    fields(w, EV_SCHED_SWITCH, 130, 0, "kernel", 1002, 1000, 0);
    fields(w, EV_INITCALL_DONE, 140, 0, "a", 0, 0, 0);
    struct stages *s = end_tasks(w, tasks_profile);
    is_time(s, 0, "all", 950, 0, 0);
    is_time(s, 1, "call.a", 20, 10, 20);
    stages_free(s);
}

static void creates(struct trace_writer *w, uint64_t at, uint64_t pid, uint64_t parent)
{
    struct error err;
    struct event ev = {.kind = EV_PROCESS_CREATE,
                       .icount = at,
                       .time = at,
                       .f = {1, 0x11, pid, pid, parent},
                       .data = "p",
                       .len = 1};
    assert_int_equal(trace_write_event(w, &ev, &err), 0);
}

/* A service manager starts a unit's process, and then says that it does. What that starts belongs to the unit, too. */
static void units_have_the_time_of_their_processes(void **state)
{
    static const char profile[] =
        "stage all\n open event cpu.reset-vector\n"
        "stage unit.{unit}\n in all\n by unit\n child\n open event process.log pid=1 \"Starting {unit}\"\n"
        " close event process.log pid=1 \"Started {unit}\"\n";
    struct trace_writer *w = begin_tasks();
    fields(w, EV_RESET_VECTOR, 0, 0, NULL, 0, 0, 0);
    switch_to(w, 10, 0, 0, 1, 1);
    creates(w, 20, 50, 1);
    switch_to(w, 25, 1, 0, 50, 50); /* it runs at once, on the other processor */
    fields(w, EV_PROCESS_LOG, 30, 0, "Starting a", 6, 1, 1);
    fields(w, EV_PROCESS_LOG, 40, 0, "Starting target", 6, 1, 1); /* has no process */
    creates(w, 50, 60, 1);
    fields(w, EV_PROCESS_LOG, 60, 0, "Starting b", 6, 1, 1);
    switch_to(w, 100, 0, 1, 60, 60);
    creates(w, 110, 51, 50); /* of a, beside it */
    switch_to(w, 120, 0, 60, 51, 51);
    switch_to(w, 150, 1, 50, 0, 0);
    switch_to(w, 200, 0, 51, 0, 0);
    switch_to(w, 230, 0, 0, 60, 60);
    switch_to(w, 240, 0, 60, 1, 1);
    fields(w, EV_PROCESS_LOG, 250, 0, "Started a", 6, 1, 1);
    fields(w, EV_PROCESS_LOG, 260, 0, "Started b", 6, 1, 1);
    struct stages *s = end_tasks(w, profile);
    assert_int_equal(stages_count(s), 4);
    is_time(s, 1, "unit.a", 170, 20, 30);
    assert_string_equal(stages_get(s, 2)->name, "unit.target");
    assert_false(stages_get(s, 2)->has_tasks);
    is_time(s, 3, "unit.b", 30, 140, 30);
    stages_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_name_the_line),
        cmocka_unit_test(builtin_parses),
        cmocka_unit_test(probes_are_listed_once),
        cmocka_unit_test(one_after_another),
        cmocka_unit_test(keys_up_to_a_text),
        cmocka_unit_test(stages_nest),
        cmocka_unit_test(machines_differ),
        cmocka_unit_test(processes_are_beside_each_other),
        cmocka_unit_test(helpers_are_no_stages),
        cmocka_unit_test(units_are_stages),
        cmocka_unit_test(a_kernel_that_is_not_known),
        cmocka_unit_test(captures_in_console_lines),
        cmocka_unit_test(systemd_runs_in_an_initramfs),
        cmocka_unit_test(moments_of_what_did_not_begin),
        cmocka_unit_test(stages_are_the_machines),
        cmocka_unit_test(machines_have_stages),
        cmocka_unit_test(domains_have_stages),
        cmocka_unit_test(own_time_is_that_of_the_task),
        cmocka_unit_test(units_have_the_time_of_their_processes),
        cmocka_unit_test(without_switches_nothing_is_said),
        cmocka_unit_test(idle_threads_are_told_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
