/* cmd_run.c - bootreel run: a kernel tree's kernel, recorded, over the host's files. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/out.h"
#include "cli/cli.h"
#include "cli/machine.h"
#include "cli/run_guest.h"
#include "cli/share_files.h"
#include "cli/verdict.h"
#include "core/run/recorder.h"

#define RUN_PATH   "boot.reel"
#define RUN_MEMORY "1G"
/* Where init leaves the command's exit status: under the guest's /proc, which hides it. */
#define STATUS_FILE "root:proc/bootreel-status"

enum { EXIT_SKIP = 125 /* trouble of our own: git bisect run tries another commit */, NO_STATUS = -1 };
enum { MOUNTS = ENGINE_SHARES };

struct mount {
    char *folder, *where; /* on the host; in the guest */
    char tag[16];
};

struct run {
    struct engines *engines;
    struct machine *machine;
    struct record_options o;
    const char *kernel, *append, *modules, *root;
    struct words writable;
    bool options_only, quiet, verbose, memory_given;
    struct given_until until;
    struct observed observed;
    struct symbol_image own_symbols[MACHINE_SYMBOLS];
    char *const *command;
    size_t nwords;

    struct kernel_tree tree;
    char *root_folder, *begins_in;
    struct mount mount[MOUNTS];
    unsigned nmounts;
    struct run_archive archive;
    char *command_line;
    struct recorder *recorder;
    struct progress *progress;
    struct out_console out, err_out, kernel_out;
    int status; /* the command's, or NO_STATUS */
    bool typed_end;
};

/* ---------------------------------------------------------------- options */

enum { OPT_RW = 1, OPT_UNTIL, OPT_MAX_SIZE, OPT_EVENTS };

static const struct option_row rows[] = {
    HEADING("What runs"),
    {.name = "root",
     .argument = "FOLDER",
     .help = "the guest's root (default: /, this computer's own)",
     STORE(struct run, root),
     .more =
         "It is only read: what the guest changes is kept in the machine's memory. What it reads is in the trace, which needs the folder no more. Only what the user may read can be read."},
    {.name = "rw",
     .argument = "FOLDER",
     .help =
         "a folder, of the root or not, whose copy can be fetched: bootreel files --get (may be given several times)",
     .id = OPT_RW,
     .more =
         "The guest has it at the same path, and may write to its copy; the folder itself stays as it is. `bootreel files boot.reel --get PATH -o FILE` writes a file as it was at the end."},
    {.name = "modules",
     .argument = "FOLDER",
     .help =
         "the kernel's modules (default: those of the tree, or lib/modules/RELEASE next to the kernel's folder)",
     STORE(struct run, modules)},
    {.name = "config",
     .help = "print which options the kernel needs, and which it lacks, and do nothing else",
     STORE(struct run, options_only),
     .more =
         "The exit status is 1 if it lacks one. The tree need not be built yet, and without a tree the options alone are printed. To set them: `bootreel run --config | grep -o '^CONFIG_[^ ]*' >need.config; scripts/kconfig/merge_config.sh .config need.config`."},
    {.name = "verbose",
     .letter = 'v',
     .help = "print the kernel's console, too, on standard error",
     STORE(struct run, verbose)},
    HEADING("Machine"),
    GROUP(machine_options),
    HEADING("Recording"),
    {.name = "output",
     .letter = 'o',
     .argument = "FILE",
     .help = "the trace (default " RUN_PATH ")",
     STORE(struct run, o.path)},
    {.name = "until",
     .argument = "WHEN",
     .help =
         "stop at an icount (500M), a guest time (10s), or when a text was printed (console:TEXT); at the first of several",
     .id = OPT_UNTIL},
    {.name = "max-size",
     .argument = "SIZE",
     .help = "stop before the trace is larger than SIZE, such as 100M",
     .id = OPT_MAX_SIZE},
    {.name = "events",
     .argument = "CLASSES",
     .help = "which classes of events to record (default: all but {other-classes})",
     .id = OPT_EVENTS},
    GROUP(observe_options),
    GROUP(compile_options),
    QUIET_ROW(struct run, quiet),
    END_OF_ROWS,
};

static int set_machine(struct run *r, const char *name, const char *value, struct error *err)
{
    for (const struct option_row *row = machine_options; row->name; row++)
        if (!strcmp(row->name, name))
            return machine_option(r->machine, row, value, err);
    return error_set(err, "run: --%s is no option of a machine", name);
}

static int take_machine(struct run *r, const struct option_row *row, const char *value, struct error *err)
{
    static const char *const others[] = {"initrd", "module",  "flat",     "hvmloader",
                                         "uml",    "program", "protocol", "pflash"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (!strcmp(row->name, others[i]))
            return error_set(err,
                             "run: --%s: does not go with a Linux kernel and its own initramfs: use record",
                             row->name);
    if (!strcmp(row->name, "kernel") || !strcmp(row->name, "append")) {
        const char **to = *row->name == 'k' ? &r->kernel : &r->append;
        if (*to)
            return error_set(err, "--%s: given twice (%.100s and %.100s): give it once", row->name, *to,
                             value);
        *to = value;
        return 0;
    }
    r->memory_given |= !strcmp(row->name, "memory");
    return machine_option(r->machine, row, value, err);
}

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct run *r = ctx;
    if (row->id >= OPT_MACHINE)
        return take_machine(r, row, value, err);
    switch (row->id) {
    case OPT_RW:
        given_words_add(&r->writable, value);
        return 0;
    case OPT_UNTIL:
        return take_until(&r->until, value, &r->o, err);
    case OPT_MAX_SIZE:
        return take_size(row, value, 1, &r->o.max_size, err);
    case OPT_EVENTS:
        return take_classes(row, value, &r->o.classes, err);
    default:
        return observe_option(&r->observed, row, value, err);
    }
}

/* ---------------------------------------------------------------- the guest's tree */

/* A folder's real path; NULL with err. */
static char *real_folder(const char *option, const char *path, struct error *err)
{
    char *real = realpath(path, NULL);
    struct stat st;
    if (real && (stat(real, &st) || S_ISDIR(st.st_mode)))
        return real;
    error_set(err, "%s %.300s: %s", option, path, real ? "is no folder: give a folder" : strerror(errno));
    free(real);
    return NULL;
}

/* Where the guest has a path of the host: below the root, or NULL. */
static const char *in_guest(const struct run *r, const char *path)
{
    size_t n = strlen(r->root_folder);
    if (n == 1)
        return path;
    if (strncmp(path, r->root_folder, n) || (path[n] && path[n] != '/'))
        return NULL;
    return path[n] ? path + n : "/";
}

/* Takes `folder`. */
static int add_mount(struct run *r, char *folder, const char *where, const char *tag, unsigned number,
                     struct error *err)
{
    if (r->nmounts == MOUNTS) {
        free(folder);
        return error_set(err, "--rw: more than %d folders: give fewer", MOUNTS - 2);
    }
    struct mount *m = &r->mount[r->nmounts++];
    *m = (struct mount){.folder = folder, .where = mem_string(where)};
    snprintf(m->tag, sizeof m->tag, number ? "%s%u" : "%s", tag, number);
    return 0;
}

static int add_writable(struct run *r, struct error *err)
{
    for (size_t i = 0; i < r->writable.n; i++) {
        char *folder = real_folder("--rw", r->writable.word[i], err);
        const char *where = folder ? in_guest(r, folder) : NULL;
        if (!folder || add_mount(r, folder, where ? where : folder, "rw", (unsigned)i + 1, err))
            return -1;
    }
    return 0;
}

/* A package that was unpacked, and not installed, lacks what modprobe looks at. */
static void say_no_index(const char *modules, const char *release)
{
    char *index = text_format("%s/modules.dep", modules), *text = NULL;
    if (access(index, R_OK)) {
        text = text_format(
            "%s: has no modules.dep, so modprobe finds no module there: run depmod -b FOLDER %s, where its "
            "lib/modules is in FOLDER",
            modules, release);
        say_warning(NULL, text);
    }
    free(text);
    free(index);
}

/* An installed kernel's modules are where modprobe looks for them, if the root does not have them there anyway. */
static int add_modules(struct run *r, struct error *err)
{
    if (!r->tree.modules || !r->tree.installed)
        return 0;
    char *real = realpath(r->tree.modules, NULL), *own = NULL, *there = NULL, *where = NULL;
    if (asprintf(&where, "/lib/modules/%s", r->tree.release) < 0 ||
        asprintf(&own, "%s%s", strcmp(r->root_folder, "/") ? r->root_folder : "", where) < 0)
        mem_none(0);
    there = realpath(own, NULL);
    int rc = 0;
    if (real)
        say_no_index(real, r->tree.release);
    if (real && (!there || strcmp(real, there)))
        rc = add_mount(r, mem_string(real), where, "modules", 0, err);
    free(real);
    free(own);
    free(there);
    free(where);
    return rc;
}

static int find_folders(struct run *r, struct error *err)
{
    char *here = getcwd(NULL, 0);
    r->root_folder = real_folder("--root", r->root ? r->root : "/", err);
    const char *begins = here && r->root_folder ? in_guest(r, here) : NULL;
    r->begins_in = mem_string(begins ? begins : "/");
    free(here);
    if (!r->root_folder || add_mount(r, mem_string(r->root_folder), "/", "root", 0, err))
        return -1;
    return add_modules(r, err) || add_writable(r, err) ? -1 : 0;
}

static int add_shares(struct run *r, struct error *err)
{
    for (unsigned i = 0; i < r->nmounts; i++)
        if (machine_add_share(r->machine, r->mount[i].folder, r->mount[i].tag, r->mount[i].where, err))
            return -1;
    return 0;
}

/* ---------------------------------------------------------------- what it does */

__attribute__((format(printf, 2, 3))) static void add_line(struct text *job, const char *form, ...)
{
    va_list ap;
    va_start(ap, form);
    text_add_list(job, form, ap);
    va_end(ap);
    job->n++; /* the 0 at its end stays */
}

/* One word with what a shell understands is a line for the shell, as with ssh. */
static void add_command(const struct run *r, struct text *job)
{
    if (r->nwords == 1 && strpbrk(r->command[0], " \t\n|&;<>()$`\\\"'*?[#~=%!{}")) {
        add_line(job, "argument=/bin/sh");
        add_line(job, "argument=-c");
    }
    for (size_t i = 0; i < r->nwords; i++)
        add_line(job, "argument=%s", r->command[i]);
    if (!r->nwords)
        add_line(job, "terminal=1");
}

/* A shell gets the terminal that it is used on, as with ssh. It is a part of the initramfs, and so of the trace. */
static void add_terminal(struct text *job)
{
    const char *term = getenv("TERM");
    struct winsize size;
    if (isatty(STDIN_FILENO) && !ioctl(STDIN_FILENO, TIOCGWINSZ, &size)) {
        add_line(job, "rows=%u", size.ws_row);
        add_line(job, "columns=%u", size.ws_col);
        add_line(job, "environment=TERM=%.60s", term && *term ? term : "linux");
    } else {
        add_line(job, "environment=TERM=linux");
    }
}

static int make_initramfs(struct run *r, struct error *err)
{
    struct text job = {0};
    for (unsigned i = 0; i < r->nmounts; i++)
        add_line(&job, "%s=%s:%s", i ? "mount" : "root", r->mount[i].tag, r->mount[i].where);
    add_line(&job, "folder=%s", r->begins_in);
    add_line(&job, "environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    add_line(&job, "environment=HOME=/root");
    add_line(&job, "environment=USER=root");
    if (r->nwords)
        add_line(&job, "environment=TERM=linux");
    else
        add_terminal(&job);
    add_command(r, &job);
    int rc = job.n > RUN_JOB
                 ? error_set(err, "run: the command has more than %d bytes: put it into a script", RUN_JOB)
                 : run_archive_make(&r->archive, &r->tree, (uint8_t *)job.s, job.n, err);
    free(job.s);
    return rc;
}

/* ---------------------------------------------------------------- while it runs */

static void on_console(void *ctx, unsigned device, const void *data, size_t n)
{
    struct run *r = ctx;
    if (!r->nwords && device == CONSOLE_SERIAL0)
        out_console_add(&r->out, data, n);
    else if (r->nwords && device == CONSOLE_SERIAL0 + 1)
        out_console_add(&r->out, data, n);
    else if (r->nwords && device == CONSOLE_SERIAL0 + 2)
        out_console_add(&r->err_out, data, n);
    else if (device == CONSOLE_SERIAL0 && r->verbose)
        out_console_add(&r->kernel_out, data, n);
}

static void on_progress(void *ctx, const struct engine *e)
{
    struct run *r = ctx;
    fflush(stdout);
    progress_update(r->progress, e->ops->icount(e), e->ops->time(e));
}

static void on_signal(void *ctx)
{
    recorder_interrupt(ctx);
}

static void on_ended(void *ctx, struct engine *e)
{
    struct run *r = ctx;
    struct text said = {0};
    struct error ignored;
    if (!share_file_read(e, machine_config(r->machine), STATUS_FILE, &said, &ignored) && said.n)
        r->status = atoi(said.s) & 0xff;
    free(said.s);
}

/* ---------------------------------------------------------------- the end */

static struct why *ask_why(const struct run *r)
{
    struct error ignored;
    struct trace *t = trace_open(r->o.path, &ignored);
    struct why *w = t ? verdict_of(r->engines, t) : NULL;
    trace_close(t);
    return w;
}

static void summary(const struct run *r, const struct record_result *res, const struct why *w)
{
    char a[NUMBER_TEXT], b[NUMBER_TEXT];
    if (r->quiet)
        return;
    if (why_is_bad(w))
        out_print(stderr, "bootreel: %s: %s\n", r->o.path, w->verdict);
    out_print(stderr, "bootreel: %s: %s, guest time %s", r->o.path, number_bytes(a, res->bytes),
              number_time(b, res->stop.time));
    if (r->status != NO_STATUS)
        out_print(stderr, ", exit status %d", r->status);
    out_char(stderr, '\n');
}

/* The exit status. A command that failed says more than a boot that went wrong; but one that a signal ended in such a boot (as an oops ends
 * insmod) has none of its own, and git bisect run gives up at 128 and above. */
enum { SIGNALLED = 128 };
static int conclude(struct run *r, const struct record_result *res)
{
    const bool person = res->stop.reason == STOP_INTERRUPTED;
    struct why *w = ask_why(r);
    const bool bad = why_is_bad(w) || (res->crash && res->crash != CRASH_IDLE);
    summary(r, res, w);
    why_free(w);
    const bool lacking = calls_say_lacking(res);
    if (res->image_lost || res->stop.reason == STOP_GUEST_FAULT) {
        trouble_text("%s; %s ends before that", res->stop.text, r->o.path);
        return EXIT_SKIP;
    }
    if (r->status > SIGNALLED && bad)
        return EXIT_NO;
    if (r->status > 0)
        return r->status;
    if (r->status == 0)
        return bad || lacking ? EXIT_NO : EXIT_DONE;
    if (person)
        return r->typed_end ? EXIT_DONE : EXIT_SKIP;
    if (!r->quiet)
        out_print(stderr,
                  "bootreel: %s: the guest ended before the command did: bootreel replay shows its console\n",
                  r->o.path);
    return EXIT_NO;
}

/* ---------------------------------------------------------------- the command */

static int check_options(struct run *r, struct error *err)
{
    char names[400];
    if (!run_lacks(&r->tree, names, sizeof names))
        return 0;
    return error_set(err, "%.200s: lacks %.300s: bootreel run --config lists what is needed", r->tree.config,
                     names);
}

static int prepare_machine(struct run *r, struct error *err)
{
    if (asprintf(&r->command_line, "console=ttyS0%s%s", r->append ? " " : "", r->append ? r->append : "") < 0)
        mem_none(0);
    if (set_machine(r, "kernel", r->tree.kernel, err) || set_machine(r, "append", r->command_line, err) ||
        (!r->memory_given && set_machine(r, "memory", RUN_MEMORY, err)) || add_shares(r, err) ||
        make_initramfs(r, err))
        return -1;
    machine_set_initrd(r->machine, r->archive.bytes, r->archive.n);
    return machine_finish(r->machine, err);
}

static int check_output(struct run *r, struct error *err)
{
    if (check_output_name("-o", r->o.path, NULL, err))
        return -1;
    long same = image_files_same(machine_files(r->machine), r->o.path);
    return same < 0 ? 0
                    : error_set(err, "-o %s: this is the image %s: give another name", r->o.path,
                                image_files_path(machine_files(r->machine), (size_t)same));
}

static int configure(struct run *r, struct error *err)
{
    r->o.keep_earlier = !r->o.path;
    if (!r->o.path)
        r->o.path = RUN_PATH;
    if (check_options(r, err) || find_folders(r, err))
        return -1;
    if (r->tree.symbols)
        given_words_add(&r->observed.symbols, r->tree.symbols);
    observe(&r->observed, &r->o);
    for (size_t i = 0; i < r->observed.probes.n; i++)
        machine_add_setting(r->machine, "probe", r->observed.probes.word[i]);
    if (prepare_machine(r, err) || check_output(r, err))
        return -1;
    r->o.config = machine_config(r->machine);
    r->o.nsymbol_images = machine_symbols(r->machine, r->own_symbols);
    r->o.symbol_images = r->own_symbols;
    r->o.unattended = r->nwords && !r->o.nuntil;
    machine_functions(r->machine, &r->o);
    r->o.hooks = (struct record_hooks){
        .ctx = r, .console = on_console, .warning = say_warning, .progress = on_progress, .ended = on_ended};
    r->o.kind = engine_find(r->engines, "pc", err);
    return r->o.kind ? 0 : -1;
}

/* The terminal, for a shell; and the other ends of network cards. */
static int open_outside(struct run *r, struct error *err)
{
    size_t n;
    const struct net_wire *wires = machine_wires(r->machine, &n);
    const struct live_options lo = {.fd = STDIN_FILENO, .port = INPUT_SERIAL0, .console = CONSOLE_SERIAL0};
    signals_block();
    signal(SIGPIPE, SIG_IGN);
    if (!r->nwords && !(r->o.live = live_open(&lo, err)))
        return -1;
    return n && !(r->o.net = net_new(wires, n, err)) ? -1 : 0;
}

static int record(struct run *r, struct record_result *res, struct error *err)
{
    const bool no_line = r->quiet || r->verbose || !r->nwords || isatty(STDOUT_FILENO);
    if (open_outside(r, err) || !(r->recorder = recorder_create(&r->o, err)))
        return -1;
    r->progress = progress_new("recording", no_line);
    r->out = out_console_on(stdout, !r->nwords && isatty(STDIN_FILENO));
    r->err_out = out_console_on(stderr, false);
    r->kernel_out = out_console_on(stderr, false);
    struct signals *signals = signals_start(on_signal, r->recorder);
    int rc = recorder_run(r->recorder, res, err);
    signals_stop(signals);
    progress_end(r->progress);
    out_console_end(&r->out);
    out_console_end(&r->err_out);
    out_console_end(&r->kernel_out);
    r->typed_end = r->o.live && live_quit(r->o.live);
    live_close(r->o.live); /* the terminal is as before */
    r->o.live = NULL;
    if (!r->nwords)
        out_char(stdout, '\n');
    return rc;
}

static int run_kernel(struct run *r)
{
    struct error err;
    struct record_result res;
    int found = r->options_only ? kernel_tree_find_config(&r->tree, r->kernel, r->modules, &err)
                                : kernel_tree_find(&r->tree, r->kernel, r->modules, &err);
    if (found) {
        trouble(&err);
        return EXIT_SKIP;
    }
    if (r->options_only)
        return run_print_options(&r->tree) ? EXIT_NO : EXIT_DONE;
    int rc = configure(r, &err);
    if (!rc)
        rc = record(r, &res, &err);
    live_close(r->o.live);
    recorder_destroy(r->recorder);
    net_free(r->o.net);
    if (!rc)
        return conclude(r, &res);
    trouble(&err);
    return EXIT_SKIP;
}

static void release(struct run *r)
{
    machine_free(r->machine);
    observed_free(&r->observed);
    kernel_tree_free(&r->tree);
    words_free(&r->writable);
    for (unsigned i = 0; i < r->nmounts; i++) {
        free(r->mount[i].folder);
        free(r->mount[i].where);
    }
    free(r->root_folder);
    free(r->begins_in);
    free(r->archive.bytes);
    free(r->command_line);
}

static int cmd_run(struct engines *engines, int argc, char **argv)
{
    struct run r = {.engines = engines,
                    .o = {.classes = EVENT_CLASSES_DEFAULT,
                          .checkpoint_every = RECORD_CHECKPOINT_EVERY,
                          .checkpoint_adapted = true},
                    .machine = machine_new(),
                    .status = NO_STATUS};
    int status;
    if (parse_options(&command_run, engines, argc, argv, take_option, &r, &status)) {
        r.command = argv + optind;
        r.nwords = (size_t)(argc - optind);
        status = run_kernel(&r);
        if (finish_output(EXIT_DONE) != EXIT_DONE)
            status = EXIT_SKIP;
    } else if (status == EXIT_TROUBLE)
        status = EXIT_SKIP;
    release(&r);
    return status;
}

const struct command command_run = {
    .name = "run",
    .run = cmd_run,
    .what = "boot the kernel of a Linux tree over this computer's files, and record it",
    .arguments = "[MACHINE…] [--root FOLDER] [--rw FOLDER] [--append STRING] [-- COMMAND]",
    .rows = rows,
    .intro =
        "Boots a Linux kernel, with this computer's files as its root, runs COMMAND in it, and switches the machine off; all of it is recorded. "
        "Without COMMAND it runs a shell on the terminal. The kernel is the one of the tree in the current folder (arch/x86/boot/bzImage), or --kernel FILE.",
    .more =
        "The kernel gets an initramfs with a small program, which loads the modules for virtio and 9p (if they are no part of the kernel), mounts the root, /proc, /sys, /dev and /run, and runs COMMAND in the current folder as root. "
        "One word with blanks or other characters of the shell's is run by /bin/sh. COMMAND's standard output and error come out as they are; it has no standard input. The kernel's console is in the trace, and with -v on standard error. Network cards, disks and other devices are "
        "given as to bootreel record. The memory is " RUN_MEMORY " by default.\n"
        "The root is only read. What the guest writes is kept in the machine's memory, and `bootreel files --get` fetches it. The same tree and the same options give the same trace.\n"
        "The exit status is COMMAND's; 1 if COMMAND returned 0 or was ended by a signal, and bootreel why says that something went wrong, or if the guest ended before COMMAND did; "
        "and 125 for trouble of bootreel's own, so that `git bisect run bootreel run` skips a commit that cannot be tried. With --config it is 1 if the kernel lacks an option.",
};
