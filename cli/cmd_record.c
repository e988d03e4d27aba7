/* cmd_record.c - bootreel record. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/machine.h"
#include "core/marks.h"
#include "core/recorder.h"
#include "guests/demo/demo.h"
#include "tui/tui.h"

static const char help[] =
    "usage: bootreel record [MACHINE…] [-o FILE] [OPTION…]\n\n"
    "Boots a machine and records the boot into a trace. With no disk, CD-ROM, floppy, kernel or binary given,\n"
    "it boots the demo disk that is part of the program.\n\n"
    "Machine:\n" MACHINE_HELP "\n"
    "Recording:\n"
    "  -o FILE                       the trace (default boot.reel)\n"
    "  --until POSITION              stop at an icount (500M), a guest time (10s) or a text (console:TEXT)\n"
    "  --events CLASSES              which to record: cpu,irq …, all, none, default, -pio,+syscall\n"
    "                                (default: all but syscall and sched)\n"
    "  --profile FILE                a boot profile: which stages there are (form: docs/profiles.md)\n"
    "  --probe SYMBOL                report each call of SYMBOL, with arguments and result (several times)\n"
    "  --symbols FILE                an ELF file whose symbols go into the trace (several times)\n"
    "  --checkpoint-every N          steps between saved states (default 100M; 0: only first and last)\n"
    "  -i, --interactive             the terminal is the guest's serial port; what is typed is recorded;\n"
    "                                Ctrl-A x ends\n"
    "  --vga-console                 with -i: the guest's screen and keyboard instead\n"
    "  --tui                         watch it on the terminal: stage, speed, screen, console, events; type to\n"
    "                                the guest; look back without ending it\n"
    "  --console[=DEVICE]            print the guest's console: serial0 (default) … serial3, screen or\n"
    "                                debug\n"
    "  -q, --quiet                   no summary, no progress line\n";

enum {
    OPT_UNTIL = 1,
    OPT_SYMBOLS,
    OPT_PROFILE,
    OPT_PROBE,
    OPT_EVENTS,
    OPT_CHECKPOINTS,
    OPT_VGA_CONSOLE,
    OPT_CONSOLE,
    OPT_TUI,
    OPT_HELP
};

static const struct option longs[] = {
    MACHINE_OPTIONS,
    {"output", required_argument, NULL, 'o'},
    {"until", required_argument, NULL, OPT_UNTIL},
    {"events", required_argument, NULL, OPT_EVENTS},
    {"symbols", required_argument, NULL, OPT_SYMBOLS},
    {"profile", required_argument, NULL, OPT_PROFILE},
    {"probe", required_argument, NULL, OPT_PROBE},
    {"checkpoint-every", required_argument, NULL, OPT_CHECKPOINTS},
    {"interactive", no_argument, NULL, 'i'},
    {"vga-console", no_argument, NULL, OPT_VGA_CONSOLE},
    {"console", optional_argument, NULL, OPT_CONSOLE},
    {"quiet", no_argument, NULL, 'q'},
    {"tui", no_argument, NULL, OPT_TUI},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

enum { SCREEN_SIZE = 65536 };

struct record {
    struct record_options o;
    struct machine *machine;
    struct position until;
    bool interactive, vga_console, quiet, tui;
    struct tui_watch *watch;    /* --tui … */
    int typing;                 /* … and where what is typed for the guest goes in; -1 */
    struct recorder *recorder;
    struct record_result result;
    struct error *err;
    int rc;
    bool typed_end; /* Ctrl-A x */
    int console;
    const char **symbols; /* files */
    struct symbol_image own_symbols[MACHINE_SYMBOLS];
    struct profile *profile;
    struct marks *marks;
    struct progress *progress;
    /* --vga-console: what is on the terminal, and since when. */
    char *painted, *screen;
    uint64_t painted_at;
};

/* ---------------------------------------------------------------- options */

static int set_until(struct record *r, const char *value, struct error *err)
{
    if (position_parse(value, &r->until, err))
        return -1;
    r->o.until = &r->until;
    return 0;
}

static int set_events(struct record *r, const char *value, struct error *err)
{
    const char *bad = "";
    if (!event_classes_parse(value, &r->o.classes, &bad))
        return 0;
    return error_set(err,
                     "--events: \"%.40s\" is no class of events: cpu, exception, irq, pio, mmio, disk, "
                     "firmware, loader, kernel, "
                     "process, sched, syscall, hypercall, console, power, unhandled; or all, none, default",
                     bad);
}

static int set_option(struct record *r, int c, struct error *err)
{
    if (c > MO_FIRST && c < MO_LAST)
        return machine_option(r->machine, c, optarg, err);
    switch (c) {
    case 'o':
        r->o.path = optarg;
        return 0;
    case 'i':
        r->interactive = true;
        return 0;
    case 'q':
        r->quiet = true;
        return 0;
    case OPT_UNTIL:
        return set_until(r, optarg, err);
    case OPT_PROFILE:
        profile_free(r->profile);
        r->o.profile = r->profile = profile_load(optarg, err);
        return r->profile ? 0 : -1;
    case OPT_PROBE:
        return machine_add_setting(r->machine, "probe", optarg, err);
    case OPT_SYMBOLS:
        r->symbols = realloc(r->symbols, (r->o.nsymbol_files + 1) * sizeof *r->symbols);
        r->symbols[r->o.nsymbol_files++] = optarg;
        r->o.symbol_files = r->symbols;
        return 0;
    case OPT_EVENTS:
        return set_events(r, optarg, err);
    case OPT_CHECKPOINTS:
        if (!parse_steps(optarg, &r->o.checkpoint_every))
            return 0;
        return error_set(err, "--checkpoint-every: \"%.40s\" is no number of steps: write it as 100M",
                         optarg);
    case OPT_VGA_CONSOLE:
        r->vga_console = true;
        return 0;
    case OPT_TUI:
        r->tui = true;
        return 0;
    default: /* OPT_CONSOLE */
        r->console = optarg ? console_device(optarg) : 0;
        if (r->console == CONSOLE_AUTO)
            r->console = 0;
        return r->console < 0 ? -2 : 0;
    }
}

/* 0: go on; else the exit status + 1. */
static int parse(struct record *r, int argc, char **argv, struct error *err)
{
    int c;
    while ((c = next_option(argc, argv, "o:iq", longs)) != -1) {
        if (c == OPT_HELP) {
            fputs(help, stdout);
            return 1 + finish_output(EXIT_DONE);
        }
        int rc = c == '?' ? -2 : set_option(r, c, err);
        if (rc)
            return 1 + (rc == -2 ? EXIT_TROUBLE : trouble(err));
    }
    if (optind < argc)
        return 1 + trouble_text("record: \"%.100s\" is no option: give images as --kernel, --disk, --cdrom …",
                                argv[optind]);
    if (r->vga_console && !r->interactive && !r->tui)
        return 1 + trouble_text("--vga-console: goes with -i or --tui: give one of them");
    if (r->tui && r->interactive)
        return 1 + trouble_text("--tui and -i: choose one of them");
    if (r->tui && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
        return 1 + trouble_text("--tui: standard input and output are no terminal: record without it");
    return 0;
}

/* ---------------------------------------------------------------- while it runs */

static void on_console(void *ctx, unsigned device, const void *data, size_t n)
{
    struct record *r = ctx;
    if (r->watch)
        tui_watch_console(r->watch, device, data, n);
    else
        console_bytes(r->console, device, data, n);
}

static void on_event(void *ctx, const struct event *ev)
{
    struct record *r = ctx;
    if (r->watch)
        tui_watch_event(r->watch, ev);
    else
        console_event(r->console, ev);
    marks_see(r->marks, ev);
}

static uint64_t real_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* The guest's text screen on the terminal, when it changed; at most twenty times a second. */
static void paint(struct record *r, const struct engine *e)
{
    uint64_t now = real_ms();
    if (now - r->painted_at < 50)
        return;
    r->painted_at = now;
    if (!e->ops->screen(e, r->screen, SCREEN_SIZE))
        snprintf(r->screen, SCREEN_SIZE, "(the guest's screen shows graphics)\n");
    if (!strcmp(r->screen, r->painted))
        return;
    strcpy(r->painted, r->screen);
    fputs("\033[H", stdout);
    for (const char *p = r->screen; *p; p++)
        if (*p == '\n')
            fputs("\033[K\r\n", stdout);
        else
            fputc(*p, stdout);
    fputs("\033[J", stdout);
}

static void on_progress(void *ctx, const struct engine *e)
{
    struct record *r = ctx;
    if (r->watch) {
        tui_watch_progress(r->watch, e);
        return;
    }
    if (r->vga_console)
        paint(r, e);
    fflush(stdout);
    progress_update(r->progress, e->ops->icount(e), e->ops->time(e));
}

static void on_warning(void *ctx, const char *text)
{
    fprintf(stderr, "bootreel: %s: recorded without it\n", text);
}

static void on_signal(void *ctx)
{
    recorder_interrupt(ctx);
}

/* ---------------------------------------------------------------- the summary */

static const char *how_it_ended(const struct record *r, const struct stop *s, char *buf, size_t size)
{
    switch (s->reason) {
    case STOP_REACHED:
        return "stopped where --until said";
    case STOP_HALTED:
        return "the guest halted, and nothing can wake it";
    case STOP_INTERRUPTED:
        return r->typed_end ? "ended with Ctrl-A x"
                            : "interrupted by a signal; the trace is complete up to there";
    case STOP_POWER_OFF:
        snprintf(buf, size, "the guest switched itself off (status %d)%s%.200s", s->status,
                 s->text[0] ? ": " : "", s->text);
        return buf;
    default:
        return stop_word(s->reason);
    }
}

static void summary(struct record *r, const struct record_result *res)
{
    char a[NUMBER_TEXT], b[NUMBER_TEXT], c[NUMBER_TEXT], how[300];
    size_t n;
    marks_list(r->marks, &n);
    if (n)
        puts("marks (icount, guest time):");
    print_marks(stdout, r->marks, n, 0);
    printf("ended: %s\n", how_it_ended(r, &res->stop, how, sizeof how));
    printf("%s steps, guest time %s\n", commas(a, res->stop.icount), seconds(b, res->stop.time));
    printf("%s: %s, ", r->o.path, bytes_text(a, res->bytes));
    printf("%s events, %s checkpoints, %s inputs\n", commas(a, res->events), commas(b, res->checkpoints),
           commas(c, res->inputs));
}

/* ---------------------------------------------------------------- the command */

static struct live *open_live(struct record *r, struct error *err)
{
    const struct live_options lo = {.fd = r->tui ? r->typing : STDIN_FILENO,
                                    .port = r->vga_console ? INPUT_KEYBOARD : INPUT_SERIAL0,
                                    .console = r->vga_console ? CONSOLE_SCREEN : 0};
    return live_open(&lo, err);
}

static void set_hooks(struct record *r)
{
    r->o.hooks = (struct record_hooks){.ctx = r,
                                       .console = on_console,
                                       .event = on_event,
                                       .classes = MARK_CLASSES,
                                       .warning = on_warning,
                                       .progress = on_progress};
    if (r->watch)
        r->o.hooks.classes |= tui_watch_classes(r->watch);
    if (r->console == CONSOLE_SCREEN)
        r->o.hooks.classes |= EVENT_CLASS_BIT(EC_CONSOLE);
}

/* ---------------------------------------------------------------- --tui */

/* A terminal of our own, on which the person's typing reaches the guest as it would from a real one. Its other end is *master. */
static int open_typing(int *master, struct error *err)
{
    *master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*master >= 0 && !grantpt(*master) && !unlockpt(*master)) {
        int slave = open(ptsname(*master), O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave >= 0)
            return slave;
    }
    return error_set(err, "--tui: no pseudo terminal can be had: record without it");
}

static void end_recording(void *ctx)
{
    struct record *r = ctx;
    r->typed_end = true; /* before the interrupt: the recorder's thread says how it ended */
    recorder_interrupt(r->recorder);
}

static void begin_watch(struct record *r, const struct engine_kind *const *kind, int master)
{
    struct tui_watch_options wo = {.look = {.path = r->o.path, .kinds = kind, .nkinds = 1},
                                   .profile = r->o.profile,
                                   .config = r->o.config,
                                   .typing = master,
                                   .end = end_recording,
                                   .ctx = r};
    if (!wo.profile)
        wo.profile = r->profile = profile_builtin();
    r->watch = tui_watch_new(&wo);
}

static void *record_on_thread(void *ctx)
{
    struct record *r = ctx;
    char how[300];
    r->rc = recorder_run(r->recorder, &r->result, r->err);
    tui_watch_over(r->watch, r->rc ? r->err->text : how_it_ended(r, &r->result.stop, how, sizeof how));
    return NULL;
}

/* The recorder on a thread, the terminal on this one. */
static int run_watched(struct record *r, struct record_result *res, struct error *err)
{
    struct error why = {""};
    pthread_t thread;
    r->err = err;
    if (pthread_create(&thread, NULL, record_on_thread, r))
        return error_set(err, "--tui: no thread can be had: record without it");
    int rc = tui_watch_run(r->watch, &why);
    recorder_interrupt(r->recorder); /* the person has left, or the terminal has gone: the trace is closed in order */
    live_wake(r->o.live);
    pthread_join(thread, NULL);
    *res = r->result;
    return r->rc ? -1 : rc ? error_set(err, "%s", why.text) : 0;
}

/* Runs a recorder that was created; the terminal is given back before anything is said. */
static int run(struct record *r, struct recorder *rec, struct error *err)
{
    struct record_result res;
    bool no_line = r->quiet || r->interactive || r->tui || (r->console != CONSOLE_NONE && isatty(STDOUT_FILENO));
    r->progress = progress_new("recording", no_line);
    struct signals *signals = r->watch ? NULL : signals_start(on_signal, rec);
    r->recorder = rec;
    int rc = r->watch ? run_watched(r, &res, err) : recorder_run(rec, &res, err);
    signals_stop(signals);
    progress_end(r->progress);
    r->typed_end |= r->o.live && live_quit(r->o.live);
    live_close(r->o.live);
    r->o.live = NULL;
    if (r->interactive)
        putchar('\n');
    if (rc)
        return trouble(err);
    if (!r->quiet)
        summary(r, &res);
    if (res.stop.reason == STOP_GUEST_FAULT)
        return trouble_text("the machine cannot go on at icount %llu: %s; %s is complete up to there",
                            (unsigned long long)res.stop.icount, res.stop.text, r->o.path);
    if (image_files_unchanged(machine_files(r->machine), err))
        return trouble(err);
    return EXIT_DONE;
}

static int check_output(struct record *r, struct error *err)
{
    long same = image_files_same(machine_files(r->machine), r->o.path);
    if (same < 0)
        return 0;
    return error_set(err, "-o %s: is the image %s: give another name for the trace", r->o.path,
                     image_files_path(machine_files(r->machine), (size_t)same));
}

static int record(struct record *r, struct error *err)
{
    if (machine_is_demo(r->machine) && !r->profile) {
        r->o.profile = r->profile = profile_parse("demo", demo_profile(), err);
        if (!r->profile)
            return trouble(err);
    }
    for (size_t i = 0; r->profile && profile_probe(r->profile, i); i++)
        if (machine_add_setting(r->machine, "probe", profile_probe(r->profile, i), err))
            return trouble(err);
    if (machine_finish(r->machine, err) || check_output(r, err))
        return trouble(err);
    r->o.config = machine_config(r->machine);
    r->o.nsymbol_images = machine_symbols(r->machine, r->own_symbols);
    r->o.symbol_images = r->own_symbols;
    r->o.kind = engine_find("pc", err);
    int master = -1;
    if (r->tui) {
        r->typing = open_typing(&master, err);
        if (r->typing < 0)
            return trouble(err);
        begin_watch(r, &r->o.kind, master);
    }
    set_hooks(r);
    signals_block();
    signal(SIGPIPE, SIG_IGN); /* a reader of the console that goes away must not cut the trace */
    if ((r->interactive || r->tui) && !(r->o.live = open_live(r, err)))
        return trouble(err);
    struct recorder *rec = recorder_create(&r->o, err);
    int status;
    if (rec) {
        status = run(r, rec, err);
    } else {
        live_close(r->o.live);
        status = trouble(err);
    }
    recorder_destroy(rec);
    tui_watch_free(r->watch);
    if (r->tui) {
        close(r->typing);
        close(master);
    }
    return status;
}

int cmd_record(int argc, char **argv)
{
    struct error err;
    struct record r = {.o = {.path = "boot.reel",
                             .classes = EVENT_CLASSES_DEFAULT,
                             .checkpoint_every = RECORD_CHECKPOINT_EVERY},
                       .machine = machine_new(),
                       .console = CONSOLE_NONE,
                       .marks = marks_new(),
                       .painted = calloc(1, SCREEN_SIZE),
                       .screen = calloc(1, SCREEN_SIZE)};
    int status = parse(&r, argc, argv, &err);
    if (status) {
        status--;
    } else {
        if (r.interactive && !r.vga_console && r.console == CONSOLE_NONE)
            r.console = 0;
        status = finish_output(record(&r, &err));
    }
    machine_free(r.machine);
    marks_free(r.marks);
    free(r.symbols);
    profile_free(r.profile);
    free(r.painted);
    free(r.screen);
    return status;
}
