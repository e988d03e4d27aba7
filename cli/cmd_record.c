/* cmd_record.c - bootreel record. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/out.h"
#include "base/path.h"
#include "base/real_time.h"
#include "cli/answers.h"
#include "cli/cli.h"
#include "cli/display.h"
#include "cli/machine.h"
#include "cli/record_summary.h"
#include "cli/trace_program.h"
#include "cli/variables.h"
#include "cli/verdict.h"
#include "core/run/recorder.h"
#include "core/screen/screen.h"
#include "core/story/marks.h"
#include "guests/demo/demo.h"
#include "tui/tui.h"

#define RECORD_PATH "boot.reel"

enum { SCREEN_SIZE = 65536 };

struct record {
    struct engines *engines;
    struct record_options o;
    struct machine *machine;
    struct given_until until;
    bool interactive, vga_console, quiet, tui;
    bool classes_given; /* --events */
    struct display_option display;
    struct viewers *viewers; /* --display */
    struct tui_watch *watch; /* --tui … */
    int typing, master;      /* … and the ends of the pseudo-terminal for what is typed, or -1 */
    struct recorder *recorder;
    struct record_result result;
    struct error *err;
    int rc;
    const char *variables; /* --save-vars */
    const char *trace;     /* --trace */
    struct file_id *read;  /* what is being read, and must not be written over */
    size_t nread;
    bool lost;      /* … could not be written */
    bool typed_end; /* Ctrl-A x */
    int console;
    struct console printer;
    struct observed observed;
    struct symbol_image own_symbols[MACHINE_SYMBOLS];
    struct marks *marks;
    struct progress *progress;
    /* --vga-console: what is on the terminal, and since when. */
    char *painted, *screen;
    uint64_t painted_at;
    struct screen *pictures; /* --type: what a display in a graphics mode shows; NULL until it is asked for */
};

/* ---------------------------------------------------------------- options */

enum {
    OPT_UNTIL = 1,
    OPT_STOP_ON,
    OPT_MAX_SIZE,
    OPT_EVENTS,
    OPT_CHECKPOINTS,
    OPT_CONSOLE,
    OPT_TYPE,
    OPT_TYPE_FILE,
    OPT_DISPLAY
};

static const struct option_row rows[] = {
    HEADING("Machine"),
    GROUP(machine_options),
    HEADING("Recording"),
    {.name = "output",
     .letter = 'o',
     .argument = "FILE",
     .help = "the trace (default " RECORD_PATH ")",
     .more =
         "It has this name as soon as it can be replayed, and is FILE.part before; only then is an earlier file of that name replaced. "
         "Without -o an earlier " RECORD_PATH
         " is kept, as boot-1.reel, boot-2.reel and so on. While a trace is being recorded, nobody else can write to it.",
     STORE(struct record, o.path)},
    {.name = "until",
     .argument = "WHEN",
     .help =
         "stop at an icount (500M), a guest time (10s), or when a text was printed (console:TEXT); at the first of several",
     .more =
         "If a text was not printed when the recording ended, a line says so, and the exit status is 1: `--until 'console:login:' --until 60s` is a boot that must reach its login within a minute.",
     .id = OPT_UNTIL},
    {.name = "stop-on-reset",
     .help = "stop at the first reset after power-on",
     STORE(struct record, o.stop_on_reset),
     .more = "That is when the guest resets the machine, or its processor shuts down."},
    {.name = "stop-on",
     .argument = "panic,reset-loop,triple-fault,hang,idle",
     .help = "stop at the first of these (may be given several times)",
     .id = OPT_STOP_ON,
     .more =
         "`panic`: a kernel gives up, and what it prints about that is complete. `triple-fault`: before the machine is reset. `reset-loop`: before a reset after a boot in which nothing new happened. "
         "`hang`: a loop that nothing can end. `idle`: the guest does nothing but wait for five seconds. docs/endings.md defines them. After a crash, which is any of these but `idle`, the trace ends with the machine as it was."},
    {.name = "keep-going",
     .help = "go on after a second identical crash, and when the guest only waits",
     STORE(struct record, o.keep_going),
     .more =
         "Otherwise a recording ends, as with --stop-on, at a second panic or triple fault like one before, in a reset loop, in a hang, and in a panic that the kernel does not leave. "
         "And where nothing can come from outside (no -i, --tui, --net socket=, outside=yes or hostfwd=) and no --until is given, it ends when the guest has been idle for ten minutes of guest time, or has done nothing but poll a keyboard, a serial port or a timer for one."},
    {.name = "max-size",
     .argument = "SIZE",
     .help = "stop before the trace is larger than SIZE, such as 100M",
     .id = OPT_MAX_SIZE,
     .more =
         "The suffixes K, M and G are powers of 1024. The trace ends with the last events or saved state that fit, with its end and "
         "index; what the guest did after them (at most 256 KiB of packed events) is not in it, nor is its last screen. Where it ends depends on the run alone, not on the host. Reaching the limit is not an error, unless not even the initial state of the machine fits."},
    {.name = "events",
     .argument = "CLASSES",
     .help = "which classes of events to record (default: all but {other-classes})",
     .id = OPT_EVENTS,
     .more =
         "Sequences of events that repeat, in a loop or from reset to reset, are recorded as one event (`fold.again`) that says how often, unless -fold is in the list. Which events are recorded never changes the run."},
    GROUP(observe_options),
    {.name = "checkpoint-every",
     .argument = "N",
     .help =
         "steps between saved states (default {checkpoint-every}, fewer where these take long to run again, more where saving takes longer than that; 0: only at the beginning and at the end)",
     .id = OPT_CHECKPOINTS},
    {.name = "save-vars",
     .argument = "FILE",
     .help = "write the flash chip with the firmware's variables to FILE at the end: for another --pflash",
     STORE(struct record, variables),
     .more = "FILE must not be the image that the machine was given: images are only read."},
    {.name = "no-index",
     .help = "leave out the index of what was executed and written, by which searches skip parts of the run",
     STORE(struct record, o.no_index),
     .more = "bootreel annotate adds it."},
    {.name = "interactive",
     .letter = 'i',
     .help = "the terminal is the guest's serial port, and what is typed is recorded; Ctrl-A x ends",
     STORE(struct record, interactive),
     .more =
         "Ctrl-A Ctrl-A sends Ctrl-A, and Ctrl-A h lists these keys. An idle guest waits in real time. If standard input is a pipe or a file instead of a terminal, its lines are typed one by one, each when the guest is idle after a prompt (or has printed nothing for ten seconds of "
         "guest time); at its end the guest goes on without waiting. The same lines then give the same trace."},
    {.name = "type",
     .argument = "'PATTERN=KEYS'",
     .help =
         "when the text PATTERN is printed, type KEYS on the device where it stands; several are given in order",
     .id = OPT_TYPE,
     .more =
         "The text is looked for on the serial ports, the console on virtio and the screen, behind that of the answer before; escape sequences do not count. The keys are typed when the guest is idle, or a tenth of a second of guest time later. '@2s=KEYS' types at a guest time instead, where the last answered text stood (before the first, where the guest printed last; on the keyboard if it printed on the screen only). "
         "In both, \\n \\t \\r \\e \\b \\xHH \\= \\\\ \\@ stand for characters; in KEYS \\n is Enter, and <F12>, <Down>, <Ctrl-c>, <Ctrl-Alt-Del> are keys (\\< is a <). An answer that was not typed is reported at the end, and the status is 1."},
    {.name = "trace",
     .argument = "FILE",
     .help = "then run the program in FILE over the boot, as bootreel trace does",
     STORE(struct record, trace),
     .more =
         "The program is read before the machine starts, so that a mistake in it is found then. It prints when the recording is complete."},
    {.name = "type-file",
     .argument = "FILE",
     .help = "the same from a file, with one PATTERN=KEYS a line; lines that begin with # do not count",
     .id = OPT_TYPE_FILE},
    {.name = "vga-console",
     .help = "with -i or --tui: use the guest's screen and keyboard instead of its serial port",
     STORE(struct record, vga_console)},
    {.name = "tui",
     .help = "watch the recording on the terminal, and type to the guest",
     STORE(struct record, tui),
     .more =
         "It shows the stage, the speed, the guest's screen and console, and counts of events. Ctrl-A l looks back, with all "
         "that tui can do, while the recording waits; Ctrl-A s shows the screen or the console first; Ctrl-A x ends the "
         "recording."},
    {.name = "display",
     .argument = "vnc[=[HOST]:N][,password=FILE][,wait]",
     .help = "show the guest's screen to VNC viewers, who can type and point; what they do is recorded",
     .id = OPT_DISPLAY,
     .more =
         "Viewers connect to port 5900 + N of HOST, which is this host's loopback if it is not given; without :N it is the first free port "
         "from 5900 on, which is printed. noVNC and other programs in browsers can connect to the same port by WebSocket. "
         "With `password`, the first line of FILE is asked for; it has at most eight characters, and nothing is encrypted. "
         "With `wait`, the machine starts when the first viewer is there. "
         "From the first viewer on an idle guest waits in real time; until then, the recording is the same as without --display. "
         "docs/display.md has more."},
    {.name = "console",
     .argument = "[DEVICE]",
     .help = "print the guest's console: {consoles} (default serial0)",
     .id = OPT_CONSOLE,
     .more = "The screen is printed line by line."},
    GROUP(compile_options),
    QUIET_ROW(struct record, quiet),
    END_OF_ROWS,
};

static int take_stop_on(struct record *r, const struct option_row *row, const char *value, struct error *err)
{
    struct error why;
    return crash_parse(value, &r->o.stop_on, &why) ? error_set(err, "--%s: %.300s", row->name, why.text) : 0;
}

static int set_console(struct record *r, const struct option_row *row, const char *value, struct error *err)
{
    r->console = 0;
    if (value && take_console(row, value, &r->console, err))
        return -1;
    if (r->console == CONSOLE_AUTO)
        r->console = 0;
    return 0;
}

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct record *r = ctx;
    if (row->id >= OPT_MACHINE)
        return machine_option(r->machine, row, value, err);
    switch (row->id) {
    case OPT_UNTIL:
        return take_until(&r->until, value, &r->o, err);
    case OPT_STOP_ON:
        return take_stop_on(r, row, value, err);
    case OPT_MAX_SIZE:
        return take_size(row, value, 1, &r->o.max_size, err);
    case OPT_EVENTS:
        r->classes_given = true;
        return take_classes(row, value, &r->o.classes, err);
    case OPT_CHECKPOINTS:
        r->o.checkpoint_adapted = false;
        if (!parse_steps(value, &r->o.checkpoint_every))
            return 0;
        return error_set(err, "--%s: \"%.40s\" is not a number of steps: write it as 100M", row->name, value);
    case OPT_CONSOLE:
        return set_console(r, row, value, err);
    case OPT_TYPE:
    case OPT_TYPE_FILE:
        return take_answers(row, value, row->id == OPT_TYPE_FILE, &r->o.answers, err);
    case OPT_DISPLAY:
        return take_display(row, value, &r->display, err);
    default:
        return observe_option(&r->observed, row, value, err);
    }
}

static bool parse(struct record *r, int argc, char **argv, int *status)
{
    if (!parse_options(&command_record, r->engines, argc, argv, take_option, r, status))
        return false;
    *status = EXIT_TROUBLE;
    struct error err;
    if (machine_arguments(r->machine, argv + optind, (size_t)(argc - optind), &err))
        trouble(&err);
    else if (r->vga_console && !r->interactive && !r->tui)
        trouble_text("--vga-console: goes with -i or --tui: give one of them");
    else if (r->display.given && machine_is_hosted(r->machine))
        trouble_text("--display: programs on the Linux host have no screen: record without it");
    else if (r->tui && r->interactive)
        trouble_text("--tui and -i: choose one of them");
    else if (r->tui && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
        trouble_text("--tui: standard input and output are not a terminal: record without it");
    else
        return true;
    return false;
}

/* ---------------------------------------------------------------- while it runs */

static void on_console(void *ctx, unsigned device, const void *data, size_t n)
{
    struct record *r = ctx;
    if (r->watch)
        tui_watch_console(r->watch, device, data, n);
    else
        console_bytes(&r->printer, device, data, n);
}

static void on_event(void *ctx, const struct event *ev)
{
    struct record *r = ctx;
    if (r->watch)
        tui_watch_event(r->watch, ev);
    else
        console_event(&r->printer, ev);
    marks_see(r->marks, ev);
}

/* Shows the guest's text screen on the terminal when it has changed, at most twenty times a second. */
static void paint(struct record *r, const struct engine *e)
{
    uint64_t now = real_ns() / 1000000;
    if (now - r->painted_at < 50)
        return;
    r->painted_at = now;
    if (!e->ops->screen(e, r->screen, SCREEN_SIZE))
        snprintf(r->screen, SCREEN_SIZE, "(the guest's screen shows graphics)\n");
    if (!strcmp(r->screen, r->painted))
        return;
    strcpy(r->painted, r->screen);
    out_control(stdout, "\033[H");
    for (const char *p = r->screen; *p; p += p[0] == '\n') {
        const size_t n = strcspn(p, "\n");
        out_name(stdout, p, n);
        p += n;
        if (*p)
            out_control(stdout, "\033[K\r\n");
    }
    out_control(stdout, "\033[J");
}

static void on_progress(void *ctx, const struct engine *e)
{
    struct record *r = ctx;
    if (r->viewers)
        viewers_paint(r->viewers, e);
    if (r->watch) {
        tui_watch_progress(r->watch, e);
        return;
    }
    if (r->vga_console)
        paint(r, e);
    fflush(stdout);
    progress_update(r->progress, e->ops->icount(e), e->ops->time(e));
}

static void on_signal(void *ctx)
{
    recorder_interrupt(ctx);
}

/* ---------------------------------------------------------------- the verdict */

static struct record_ended ended_as(const struct record *r, const struct record_result *result)
{
    return (struct record_ended){result, r->marks, r->o.path, r->typed_end};
}

/* What went wrong in the boot that was recorded. NULL if that cannot be asked: of a pipe; with err, if the host fails. */
static struct why *ask_why(const struct record *r, struct error *err)
{
    struct stat st;
    err->text[0] = 0;
    if (!stat(r->o.path, &st) && !S_ISREG(st.st_mode))
        return NULL;
    struct trace *t = trace_open(r->o.path, err);
    if (!t)
        return NULL;
    err->text[0] = 0;
    struct why *w = verdict_of(r->engines, t);
    if (trace_failed(t, err)) {
        why_free(w);
        w = NULL;
    }
    trace_close(t);
    return w;
}

/* ---------------------------------------------------------------- the command */

static struct live *open_live(struct record *r, struct error *err)
{
    struct live_options lo = {.fd = r->tui           ? r->typing
                                    : r->interactive ? STDIN_FILENO
                                                     : -1,
                              .port = INPUT_SERIAL0,
                              .console = CONSOLE_SERIAL0,
                              .viewers = r->viewers};
    if (r->vga_console)
        lo.port = INPUT_KEYBOARD, lo.console = CONSOLE_SCREEN;
    else if (r->console == CONSOLE_VIRTIO)
        lo.port = INPUT_VIRTIO, lo.console = CONSOLE_VIRTIO;
    return live_open(&lo, err);
}

static void on_ended(void *ctx, struct engine *e)
{
    struct record *r = ctx;
    struct error err;
    const struct file_id trace = file_id_at(r->o.path);
    if (r->variables && output_check("--save-vars", r->variables, &trace, 1, &err))
        r->lost = trouble(&err);
    else if (r->variables &&
             variables_save(e, machine_config(r->machine), machine_variables(r->machine), r->variables, &err))
        r->lost = trouble(&err);
}

static bool on_look(void *ctx)
{
    return tui_watch_looks(((struct record *)ctx)->watch);
}

static void on_looked(void *ctx)
{
    tui_watch_written(((struct record *)ctx)->watch);
}

static size_t on_picture_text(void *ctx, struct engine *e, char *buf, size_t size)
{
    struct record *r = ctx;
    size_t n = 0;
    if (!r->pictures)
        r->pictures = screen_of_machine(r->o.kind, r->o.config);
    screen_text(r->pictures, look_of(e, false), buf, size, &n);
    return n;
}

static void set_hooks(struct record *r)
{
    r->o.hooks = (struct record_hooks){.ctx = r,
                                       .ended = on_ended,
                                       .console = on_console,
                                       .picture_text = on_picture_text,
                                       .event = on_event,
                                       .classes = MARK_CLASSES,
                                       .warning = say_warning,
                                       .progress = on_progress};
    if (r->watch) {
        r->o.hooks.classes |= tui_watch_classes(r->watch);
        r->o.hooks.look = on_look;
        r->o.hooks.looked = on_looked;
    }
    if (r->console == CONSOLE_SCREEN)
        r->o.hooks.classes |= EVENT_CLASS_BIT(EC_CONSOLE);
}

/* ---------------------------------------------------------------- --tui */

/* Opens a pseudo-terminal through which the user's typing reaches the guest as it would from a real terminal.
 * Its other end is *master. */
static int open_typing(int *master, struct error *err)
{
    *master =
        posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK); /* a guest need not read what is typed */
    if (*master >= 0 && !grantpt(*master) && !unlockpt(*master)) {
        int slave = open(ptsname(*master), O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave >= 0)
            return slave;
    }
    return error_set(err, "--tui: cannot get a pseudo-terminal: record without it");
}

static void end_recording(void *ctx)
{
    struct record *r = ctx;
    r->typed_end = true; /* before the interrupt: the recorder's thread says how it ended */
    recorder_interrupt(r->recorder);
}

static void wake_recorder(void *ctx)
{
    live_wake(((struct record *)ctx)->o.live);
}

static void begin_watch(struct record *r, const struct engine_kind *const *kind, int master)
{
    struct tui_watch_options wo = {
        .look = {.path = r->o.path, .kinds = kind, .nkinds = 1, .read = r->read, .nread = r->nread},
        .profile = r->o.profile,
        .config = r->o.config,
        .typing = master,
        .wake = wake_recorder,
        .end = end_recording,
        .ctx = r};
    if (!wo.profile)
        wo.profile = r->observed.profile = profile_builtin();
    r->watch = tui_watch_new(&wo);
}

static int run_recorder(struct record *r, struct record_result *result, struct error *err)
{
    if (r->display.wait && !live_wait_for_viewer(r->o.live) && viewers_lost(r->viewers))
        return error_set(err,
                         "--display: bootreel-vnc has ended before a viewer came: see whether it starts");
    return recorder_run(r->recorder, result, err);
}

static void *record_on_thread(void *ctx)
{
    struct record *r = ctx;
    char how[300];
    r->rc = run_recorder(r, &r->result, r->err);
    const struct record_ended ended = ended_as(r, &r->result);
    tui_watch_over(r->watch, r->rc ? r->err->text : record_how_ended(&ended, how, sizeof how));
    return NULL;
}

/* The recorder on a thread, the terminal on this one. */
static int run_watched(struct record *r, struct record_result *res, struct error *err)
{
    struct error why = {""};
    pthread_t thread;
    r->err = err;
    if (pthread_create(&thread, NULL, record_on_thread, r))
        return error_set(err, "--tui: cannot start a thread: record without it");
    int rc = tui_watch_run(r->watch, &why);
    recorder_interrupt(
        r->recorder); /* the user has quit, or the terminal is gone: the trace is closed properly */
    live_wake(r->o.live);
    pthread_join(thread, NULL);
    *res = r->result;
    return r->rc ? -1 : rc ? error_set(err, "%s", why.text) : 0;
}

/* Runs the recorder, and restores the terminal. */
static int run(struct record *r, struct record_result *res, struct error *err)
{
    bool no_line =
        r->quiet || r->interactive || r->tui || (r->console != CONSOLE_NONE && isatty(STDOUT_FILENO));
    r->progress = progress_new("recording", no_line);
    r->printer = console_on(stdout, r->console, r->interactive);
    struct signals *signals = r->watch ? NULL : signals_start(on_signal, r->recorder);
    int rc = r->watch ? run_watched(r, res, err) : run_recorder(r, res, err);
    signals_stop(signals);
    progress_end(r->progress);
    console_end(&r->printer, false);
    r->typed_end |= r->o.live && live_quit(r->o.live);
    live_close(r->o.live);
    r->o.live = NULL;
    if (r->interactive)
        out_char(stdout, '\n');
    return rc;
}

/* What is to be known of the trace itself. */
static void say_remarks(const struct record *r, const struct record_result *res)
{
    if (r->viewers && viewers_lost(r->viewers))
        out_print(stderr,
                  "bootreel: --display: bootreel-vnc ended before the recording: its viewers were cut off\n");
    if (res->earlier.name[0])
        out_print(stderr, "bootreel: the earlier %s is now %s\n", r->o.path, path_name(res->earlier.name));
    if (res->refused)
        out_print(
            stderr,
            "bootreel: %s: %llu pages are stored in full, since nothing shorter read back as they were: the trace is "
            "right; please report this\n",
            r->o.path, (unsigned long long)res->refused);
    if (res->full)
        out_print(stderr, "bootreel: %s: ends at icount %llu, before --max-size (%llu bytes) is exceeded\n",
                  r->o.path, (unsigned long long)res->stop.icount, (unsigned long long)r->o.max_size);
}

/* Says how the recording ended and whether the boot went well. Returns the exit status. */
static int conclude(struct record *r, const struct record_result *res, struct error *err)
{
    struct error unasked;
    struct why *w = ask_why(r, &unasked);
    /* Where a person ends a recording, a boot may look stuck that only was not done yet. */
    const bool person = res->stop.reason == STOP_INTERRUPTED,
               broken = record_crashed(res) || (why_is_bad(w) && !person);
    const struct record_ended ended = ended_as(r, res);
    if (!r->quiet)
        record_summary(&ended, w);
    if (!broken && w && w->answer == WHY_UNKNOWN && !person)
        out_print(stderr, "bootreel: %s: %s\n", r->o.path, w->verdict);
    why_free(w);
    say_remarks(r, res);
    if (res->image_lost)
        return trouble_text("%s; %s ends before that, at icount %llu", res->stop.text, r->o.path,
                            (unsigned long long)res->stop.icount);
    if (res->stop.reason == STOP_GUEST_FAULT)
        return trouble_text("the machine cannot go on at icount %llu: %s; %s is complete up to there",
                            (unsigned long long)res->stop.icount, res->stop.text, r->o.path);
    if (image_files_unchanged(machine_files(r->machine), err))
        return trouble(err);
    if (unasked.text[0])
        return trouble_text("%s is recorded, but whether the boot went well cannot be told: %s", r->o.path,
                            unasked.text);
    if (res->probes_missing) /* a line has said which */
        return EXIT_TROUBLE;
    bool lacking = answers_say_lacking(r->o.answers);
    lacking |= !person && until_say_lacking(&r->until, res);
    lacking |= calls_say_lacking(res);
    return r->lost ? EXIT_TROUBLE : broken || lacking ? EXIT_NO : EXIT_DONE;
}

/* The files that are read to the end: images, and typing that is in a file. */
static void list_read(struct record *r)
{
    r->read = image_files_ids(machine_files(r->machine), &r->nread);
    MEM_MORE(r->read, r->nread);
    r->read[r->nread++] = file_id_of(STDIN_FILENO);
}

static int check_file(struct record *r, const char *option, const char *path, struct error *err)
{
    if (check_output_name(option, path, NULL, err))
        return -1;
    long same = image_files_same(machine_files(r->machine), path);
    if (same >= 0)
        return error_set(err, "%s %s: this is the image %s: give another name", option, path,
                         image_files_path(machine_files(r->machine), (size_t)same));
    if (observed_check_output(&r->observed, option, path, err))
        return -1;
    return output_check(option, path, r->read, r->nread, err);
}

/* What the recording writes must not be what it reads, nor one file twice. */
static int check_output(struct record *r, struct error *err)
{
    list_read(r);
    if (check_file(r, "-o", r->o.path, err) ||
        (r->variables && check_file(r, "--save-vars", r->variables, err)))
        return -1;
    if (!r->variables ||
        (strcmp(r->variables, r->o.path) && !file_id_same(file_id_at(r->variables), file_id_at(r->o.path))))
        return 0;
    return error_set(err, "--save-vars %s: this is the trace: give another name", r->variables);
}

/* The symbols of a kernel that is an ELF file come with it, unless --symbols names that file. */
static void add_kernel_symbols(struct record *r)
{
    const char *kernel = machine_kernel_symbols(r->machine);
    struct stat a, b;
    bool given = !kernel || stat(kernel, &a);
    for (size_t i = 0; !given && i < r->observed.symbols.n; i++)
        given = !stat(r->observed.symbols.word[i], &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    if (!given)
        given_words_add(&r->observed.symbols, kernel);
}

static int set_observed(struct record *r, struct error *err)
{
    struct observed *o = &r->observed;
    if (machine_is_demo(r->machine) && !o->profile &&
        !(o->profile = profile_parse("demo", demo_profile(), err)))
        return -1;
    add_kernel_symbols(r);
    observe(o, &r->o);
    for (size_t i = 0; i < o->probes.n; i++)
        machine_add_setting(r->machine, "probe", o->probes.word[i]);
    return 0;
}

/* Whether nobody can wake a guest that only waits: not by typing, nor over the network. */
static bool is_unattended(const struct record *r)
{
    size_t n;
    const struct net_wire *wires = machine_wires(r->machine, &n);
    bool alone = !r->interactive && !r->tui;
    for (size_t i = 0; i < n; i++)
        alone &= wires[i].kind != NET_SOCKET && !wires[i].outside && !wires[i].nforwards;
    return alone;
}

static int configure(struct record *r, struct error *err)
{
    r->o.keep_earlier = !r->o.path;
    if (!r->o.path)
        r->o.path = RECORD_PATH;
    if (set_observed(r, err) || machine_finish(r->machine, err) || check_output(r, err))
        return -1;
    r->o.config = machine_config(r->machine);
    if (r->variables && !machine_variables(r->machine))
        return error_set(err, "--save-vars: the firmware is not in flash: give --bios ovmf, or --pflash");
    r->o.nsymbol_images = machine_symbols(r->machine, r->own_symbols);
    r->o.symbol_images = r->own_symbols;
    r->o.unattended = is_unattended(r) && !r->o.nuntil;
    machine_functions(r->machine, &r->o);
    r->o.kind = engine_find(r->engines, machine_is_hosted(r->machine) ? "linux" : "pc", err);
    return r->o.kind ? 0 : -1;
}

/* The terminal, and the other ends of network cards. */
static int open_outside(struct record *r, struct error *err)
{
    size_t n;
    const struct net_wire *wires = machine_wires(r->machine, &n);
    if (r->tui && (r->typing = open_typing(&r->master, err)) < 0)
        return -1;
    if (r->tui)
        begin_watch(r, &r->o.kind, r->master);
    set_hooks(r);
    signals_block();
    signal(SIGPIPE, SIG_IGN); /* a reader of the console that goes away must not end the recording */
    if (r->display.given && !(r->viewers = display_open(&r->display, err)))
        return -1;
    if ((r->interactive || r->tui || r->viewers) && !(r->o.live = open_live(r, err)))
        return -1;
    return n && !(r->o.net = net_new(wires, n, err)) ? -1 : 0;
}

static void close_outside(struct record *r)
{
    live_close(r->o.live);
    viewers_close(r->viewers);
    recorder_destroy(r->recorder);
    net_free(r->o.net);
    tui_watch_free(r->watch);
    if (r->typing >= 0)
        close(r->typing);
    if (r->master >= 0)
        close(r->master);
}

static int record(struct record *r, struct error *err)
{
    struct record_result res;
    int rc = configure(r, err);
    if (!rc)
        rc = open_outside(r, err);
    if (!rc && !(r->recorder = recorder_create(&r->o, err)))
        rc = -1;
    if (!rc)
        rc = run(r, &res, err);
    close_outside(r);
    return rc ? trouble(err) : conclude(r, &res, err);
}

/* With --trace: a wrong program ends the command before the machine starts. */
static int record_traced(struct record *r, struct error *err)
{
    struct trace_program p = {0};
    int status = r->trace ? trace_program_read(&p, r->trace, NULL, 0) : EXIT_DONE;
    const bool right = status == EXIT_DONE;
    if (right)
        status = record(r, err);
    if (right && r->trace && status != EXIT_TROUBLE &&
        trace_program_over(&p, r->engines, r->o.path, r->quiet) != EXIT_DONE)
        status = EXIT_TROUBLE;
    trace_program_end(&p);
    return status;
}

static int cmd_record(struct engines *engines, int argc, char **argv)
{
    struct error err;
    struct record r = {.engines = engines,
                       .o = {.classes = EVENT_CLASSES_DEFAULT,
                             .checkpoint_every = RECORD_CHECKPOINT_EVERY,
                             .checkpoint_adapted = true},
                       .machine = machine_new(),
                       .console = CONSOLE_NONE,
                       .marks = marks_new(),
                       .typing = -1,
                       .master = -1,
                       .painted = mem_zero(1, SCREEN_SIZE),
                       .screen = mem_zero(1, SCREEN_SIZE)};
    int status;
    if (parse(&r, argc, argv, &status)) {
        if (r.interactive && !r.vga_console && r.console == CONSOLE_NONE)
            r.console = 0;
        if (!r.classes_given && machine_has_guests(r.machine))
            r.o.classes |= EVENT_CLASS_BIT(EC_VIRT);
        status = finish_output(record_traced(&r, &err));
    }
    machine_free(r.machine);
    marks_free(r.marks);
    observed_free(&r.observed);
    answers_free(r.o.answers);
    screen_close(r.pictures);
    free(r.painted);
    free(r.screen);
    free(r.read);
    return status;
}

const struct command command_record = {
    .name = "record",
    .run = cmd_record,
    .what = "boot a machine and record it into a trace",
    .arguments = "[MACHINE…] [-o FILE] [--until WHEN] [--events CLASSES] [-i]",
    .rows = rows,
    .intro =
        "Boots a machine and records the boot into a trace. With no disk, CD-ROM, floppy, kernel or binary given, it boots the "
        "demo disk that is part of the program.",
    .more =
        "At the end it prints how the boot ended, and its marks: the few events that tell its story. Its exit status is 0 if the boot went well, 1 if it went wrong (a crash, or what bootreel why says), and 2 if there was trouble; if bootreel why cannot tell, it is 0, and a line on standard error says so. docs/endings.md has more. SIGINT, SIGTERM "
        "and SIGHUP close the trace in order, which is no failure. A recording that was killed, or that ran out of room, can be "
        "read and replayed up to its last whole frame.",
};
