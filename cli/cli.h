/* cli.h - what the commands share. Private to cli/. */
#ifndef BOOTREEL_CLI_CLI_H
#define BOOTREEL_CLI_CLI_H

#include <getopt.h>
#include <stdio.h>

#include "base/numbers.h"
#include "base/out.h"
#include "cli/options.h"
#include "core/engine/engines.h"
#include "core/jobs/jobs.h"
#include "traces/trace.h"

/* Exit statuses: scripts rely on them. */
enum { EXIT_DONE = 0, EXIT_NO = 1, EXIT_TROUBLE = 2, EXIT_UNKNOWN = 3 /* of why: it cannot be told */ };

/* ---- commands, with their options (cli/options.h) ---- */
extern const struct command command_record;
extern const struct command command_run;
extern const struct command command_replay;
extern const struct command command_info;
extern const struct command command_why;
extern const struct command command_events;
extern const struct command command_screen;
extern const struct command command_dump;
extern const struct command command_symbols;
extern const struct command command_processes;
extern const struct command command_files;
extern const struct command command_firmware;
extern const struct command command_stages;
extern const struct command command_annotate;
extern const struct command command_search;
extern const struct command command_profile;
extern const struct command command_query;
extern const struct command command_trace;
extern const struct command command_calls;
extern const struct command command_coverage;
extern const struct command command_used;
extern const struct command command_exits;
extern const struct command command_origin;
extern const struct command command_export;
extern const struct command command_matrix;
extern const struct command command_tui;
extern const struct command command_gdb;
extern const struct command command_digest;
extern const struct command command_diff;
extern const struct command command_completion;
extern const struct command command_manual;
extern const struct command command_hunt;
extern const struct command command_powercut;

/* ---- engines ---- */
/* All kinds of engines. main() makes the list for the command that it calls: how the engines execute code is
 * said by $BOOTREEL_COMPILE, and by the command's options (--no-compile). It stays as long as the process. */
enum { ENGINES = 2 };
struct engines {
    struct engine_kind kind[ENGINES];
};
/* All of them as they execute code here: $BOOTREEL_COMPILE says at which entry code is compiled, 0 for never;
 * $BOOTREEL_COMPILE_WRONG which instruction compiled code is to do wrong (docs/compiler.md). Nothing else reads them. `unpacked`: the folder
 * in which unpacked images are kept, which must outlive the engines, or NULL. */
struct engines engines_here(const char *unpacked);
/* The kind of engine of that name, or NULL with err. */
const struct engine_kind *engine_find(const struct engines *engines, const char *name, struct error *err);

/* The release, as the file VERSION has it: "1.0.0". docs/versions.md says what a change of each part means. */
const char *program_version(void);
/* bootreel --version: the program's version, what it reads and how its engines behave, and the libraries. An exit status. */
int print_version(const struct engines *engines);

/* ---- errors ---- */
/* Prints `bootreel: TEXT` on standard error and returns EXIT_TROUBLE. */
int trouble(const struct error *err);
__attribute__((format(printf, 1, 2))) int trouble_text(const char *fmt, ...);
/* Prints such a line for what is no trouble; as record_hooks.warning. */
void say_warning(void *ctx, const char *text);
/* Flushes standard output. Returns EXIT_TROUBLE after a message if it could not be written (a full disk),
 * otherwise `status`. There is no second message after one of other trouble. */
int finish_output(int status);

/* ---- traces ---- */
struct output;
/* The one argument that a command takes besides its options; NULL after a message. */
const char *only_argument(int argc, char **argv, const char *what);
/* Opens a trace; warns on standard error if it is truncated. NULL after a message. */
struct trace *open_trace(const char *path);
/* The exit status of a command that has used `t`: trouble, with a line, if the host failed while it was read (trace_failed). */
int conclude_trace(const struct trace *t, int status);
/* Completes a file that was made from `t`, as output_done(); or drops it if the host failed while `t` was read: -1 with err. */
int done_with_trace(struct output *o, const struct trace *t, struct error *err);
/* What most commands do: parses the options, opens the trace that is the only argument, runs fn on it,
 * flushes standard output, and returns fn's exit status. */
typedef int trace_command(void *ctx, const struct engines *engines, struct trace *t, const char *path);
int run_on_trace(const struct command *c, struct engines *engines, int argc, char **argv, option_taker *take,
                 void *ctx, trace_command *fn);
/* -1 with err if a command cannot write what OPTION PATH said: it has no name, or is the file that the
 * command reads, whatever names both have (base/file_id.h). NULL input: it reads none; NULL path: standard
 * output. */
int check_output_name(const char *option, const char *path, const char *input, struct error *err);
/* The icount of a position; `otherwise` if text is NULL. `here`: what +N and -N are relative
 * to. -1 with err. */
int find_position(const struct engines *engines, struct trace *t, const char *text, uint64_t here,
                  uint64_t otherwise, uint64_t *icount, struct error *err);

/* Finds both ends of a range; a NULL stands for the beginning, or the end, of the trace. -1 with err, also if
 * it begins after its end. */
int find_range(const struct engines *engines, struct trace *t, const char *from, const char *to,
               uint64_t *begin, uint64_t *end, struct error *err);
/* --stage: reduces the range to the first stage of that name. -1 with err if there is none, or none of it is
 * in the range. */
int within_stage(struct trace *t, const char *name, uint64_t *from, uint64_t *to, struct error *err);
/* --process: the names of all processes up to a position, if one of them is meant. EXIT_NO, with a line on standard error, if none is; the
 * caller frees them. */
struct process_names;
int find_process(struct trace *t, const char *process, uint64_t icount, struct process_names **names);
/* Cuts a range down to its part K of N, which begins and ends at checkpoints or at the range's ends; N 0:
 * does nothing. A part may be empty. */
void cut_range(const struct trace *t, unsigned part, unsigned parts, uint64_t *begin, uint64_t *end);
struct replay;
/* A replay of the trace, by the engine that recorded it. NULL with err, also if this is another version of it. */
struct replay *open_replay(const struct engines *engines, struct trace *t, const char *path,
                           struct error *err);
/* Whether this program runs the trace's engine as the version that recorded it; otherwise `why` is one line that names the bootreel to use. */
bool recorded_behaves(const struct engines *engines, const struct trace *t, struct error *why);
/* The kind of engine that recorded the trace, to run it again. NULL with err, as open_replay(). */
const struct engine_kind *recording_engine(const struct engines *engines, const struct trace *t,
                                           const char *path, struct error *err);

/* ---- text ---- */
struct mark;
struct marks;
/* The table of marks: icount, guest time, kind, text; the first `head` and the last `tail` of them. */
/* That events of these classes are asked for, and were not recorded: an empty answer would mislead. `where`: added to "not recorded". */
void say_missing_classes(const char *command, uint32_t missing, const char *where);
void print_marks(FILE *out, const struct marks *m, size_t head, size_t tail);
/* The last part of a path, after a slash. Slashes at the path's end do not count, and stay. */
const char *path_last_part(const char *path);

/* ---- progress line: on a terminal only ---- */
struct progress;
/* `quiet`: it is never shown. */
struct progress *progress_new(const char *what, bool quiet);
void progress_update(struct progress *p, uint64_t icount, uint64_t time);
/* Removes the line and frees. */
void progress_end(struct progress *p);

/* ---- the guest's console on standard output ---- */
/* An enum console_device, or: */
enum { CONSOLE_AUTO = 100, CONSOLE_NONE };
/* The names of the console devices; NULL after the last. */
const char *console_name(size_t i);
/* Sets *device to the device of that name. -1 with err if there is none. */
int take_console(const struct option_row *row, const char *value, int *device, struct error *err);
/* Prints what comes from one device: on a terminal as harmless text, unless `raw`; elsewhere the bytes as they are. */
struct console {
    int device;
    struct out_console out;
    char last; /* byte that the guest printed; a new line if it printed nothing */
};
struct console console_on(FILE *f, int device, bool raw);
/* The screen is printed by lines (events), other devices as bytes. */
void console_bytes(struct console *c, unsigned from, const void *data, size_t n);
void console_event(struct console *c, const struct event *ev);
/* Prints what was already collected of it, by others. */
void console_print(struct console *c, const void *data, size_t n);
/* No more comes; the next line printed begins at the left. */
void console_end(struct console *c, bool line);

/* ---- signals ---- */
struct signals;
/* Blocks SIGINT, SIGTERM, SIGHUP and SIGQUIT in this thread and in those that it starts later. */
void signals_block(void);
/* Starts a thread that calls fn(ctx) for each of these signals. The third one ends the process at once. */
struct signals *signals_start(void (*fn)(void *ctx), void *ctx);
/* SIGINT calls on_interrupt(ctx), however often it comes; the other signals call fn(ctx) as above. */
struct signals *signals_start_apart(void (*fn)(void *ctx), void (*on_interrupt)(void *ctx), void *ctx);
void signals_stop(struct signals *s); /* NULL is allowed */

/* ---- a command that waits for work in several threads (core/jobs/jobs.h) ---- */
struct front {
    struct progress *progress;
    struct signals *signals;
    bool quiet;
};
/* Shows progress ("verifying"), passes signals on as interruptions, prints notes on standard error. f must
 * stay until front_end. */
struct jobs_front front_begin(struct front *f, const char *what, bool quiet);
void front_end(struct front *f);

#endif
