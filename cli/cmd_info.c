/* cmd_info.c - bootreel info. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/out.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/info.h"
#include "cli/share_files.h"
#include "core/run/crash.h"
#include "core/run/replay.h"
#include "core/run/stored.h"
#include "core/story/marks.h"

static void print_machine(const struct engines *engines, struct trace *t, const char *path)
{
    struct error why;
    char a[NUMBER_TEXT], b[NUMBER_TEXT];
    const struct trace_config *cfg = trace_config(t);
    out_print(stdout, "trace        %s: %s (%s bytes), format %u%s\n", path,
              number_bytes(a, trace_file_size(t)), number_commas(b, trace_file_size(t)), trace_version(t),
              trace_being_written(t) ? ", being recorded"
              : trace_damaged(t)     ? ", damaged"
              : trace_truncated(t)   ? ", cut short"
                                     : "");
    if (trace_truncated(t) && !trace_being_written(t))
        out_print(stdout, "             %s\n", trace_damage(t));
    out_print(stdout, "engine       %s, behaviour %u\n", cfg->engine, cfg->behaviour);
    if (!recorded_behaves(engines, t, &why))
        out_print(stdout, "replay       %s\n", why.text);
    bool old = !strcmp(cfg->engine, "pc") && !trace_setting(t, "machine"); /* when there was no other */
    if (old)
        out_print(stdout, "%-12s machine = pc\n", "machine");
    for (size_t i = 0; i < cfg->nsettings; i++)
        out_print(stdout, "%-12s %s = %s\n", i || old ? "" : "machine", cfg->settings[i].key,
                  cfg->settings[i].value);
}

/* A folder of the host has no size: its image is as large as what the guest could look at. */
static void print_share(const struct trace_image *im, uint64_t recorded)
{
    char a[NUMBER_TEXT];
    out_print(stdout,
              "%-8s %s: a folder of the host, of which %s bytes are in the trace: what the guest looked at",
              im->role, im->name, number_commas(a, recorded));
}

static void print_image(const struct trace_image *im, uint64_t recorded)
{
    char a[NUMBER_TEXT], b[NUMBER_TEXT];
    out_print(stdout, "%-8s %s: %s bytes, of which %s are in the trace", im->role, im->name,
              number_commas(a, im->size), number_commas(b, recorded));
    if (im->has_digest)
        out_print(stdout, "; xxh3 %016llx%016llx", (unsigned long long)im->digest[1],
                  (unsigned long long)im->digest[0]);
}

static void print_images(struct trace *t)
{
    const struct trace_config *cfg = trace_config(t);
    for (size_t i = 0; i < cfg->nimages; i++) {
        const struct trace_image *im = &cfg->images[i];
        const uint64_t recorded = trace_image_recorded(t, (unsigned)i);
        out_print(stdout, "%-12s ", i ? "" : "images");
        if (image_is_folder(im))
            print_share(im, recorded);
        else
            print_image(im, recorded);
        out_char(stdout, '\n');
    }
}

static int print_inputs(struct trace *t, struct error *err)
{
    char a[NUMBER_TEXT];
    uint64_t bytes = 0;
    struct input in;
    for (uint64_t i = 0; i < trace_input_count(t); i++) {
        if (trace_input(t, i, &in, err))
            return -1;
        bytes += in.len;
    }
    out_print(stdout, "inputs       %s (%llu bytes)\n", number_commas(a, trace_input_count(t)),
              (unsigned long long)bytes);
    return 0;
}

static void print_classes(struct trace *t)
{
    char a[NUMBER_TEXT];
    out_print(stdout, "events       %s\n", number_commas(a, trace_event_count(t, EVENT_CLASSES_ALL)));
    for (int c = 0; c < EC_COUNT; c++) {
        bool recorded = trace_config(t)->classes & EVENT_CLASS_BIT(c);
        out_print(stdout, "             %-10s %14s\n", event_class_name(c),
                  recorded ? number_commas(a, trace_event_count(t, EVENT_CLASS_BIT(c))) : "not recorded");
    }
}

/* ---- what the calls to the Linux host add up to ---- */

static void add_error(struct host_call *c, const struct event *ev)
{
    const char *name = strerrorname_np((int)EVF(ev, HOST_ERRORS, error));
    text_add(&c->errors, "%s%s %llu", c->errors.n ? ", " : "", name ? name : "error",
             (unsigned long long)EVF(ev, HOST_ERRORS, count));
}

/* A call's total is followed by its errors. */
static int take_host_calls(struct trace *t, struct host_call **list, size_t *n, struct error *err)
{
    struct event ev;
    int rc;
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_PROCESS));
    while ((rc = trace_cursor_next(c, &ev, NULL, err)) == 1) {
        if (ev.kind == EV_HOST_ERRORS && *n)
            add_error(&(*list)[*n - 1], &ev);
        if (ev.kind != EV_HOST_TOTAL)
            continue;
        MEM_MORE(*list, *n);
        struct host_call *call = &(*list)[(*n)++];
        *call = (struct host_call){.count = EVF(&ev, HOST_TOTAL, count)};
        snprintf(call->name, sizeof call->name, "%.*s", (int)ev.len, (const char *)ev.data);
    }
    trace_cursor_close(c);
    return rc;
}

static int by_count(const void *a, const void *b)
{
    const struct host_call *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : strcmp(x->name, y->name);
}

int host_calls_of(struct trace *t, struct host_call **list, size_t *n, struct error *err)
{
    const int rc = take_host_calls(t, list, n, err);
    if (*n)
        qsort(*list, *n, sizeof **list, by_count);
    return rc;
}

void host_calls_free(struct host_call *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i].errors.s);
    free(list);
}

static int print_host_calls(struct trace *t, struct error *err)
{
    char a[NUMBER_TEXT];
    struct host_call *list = NULL;
    size_t n = 0;
    uint64_t all = 0;
    int rc = host_calls_of(t, &list, &n, err);
    for (size_t i = 0; i < n; i++)
        all += list[i].count;
    if (n)
        out_print(stdout, "host calls   %s\n", number_commas(a, all));
    for (size_t i = 0; i < n; i++)
        out_print(stdout, "             %-18s %10s%s%s\n", list[i].name, number_commas(a, list[i].count),
                  list[i].errors.n ? "   " : "", list[i].errors.n ? list[i].errors.s : "");
    host_calls_free(list, n);
    return rc;
}

static void print_checkpoints(struct trace *t)
{
    char a[NUMBER_TEXT], b[NUMBER_TEXT];
    size_t n = trace_checkpoint_count(t);
    out_print(stdout, "checkpoints  %zu", n);
    if (n)
        out_print(stdout, ", at icount %s to %s", number_commas(a, trace_checkpoint(t, 0)->icount),
                  number_commas(b, trace_checkpoint(t, n - 1)->icount));
    out_char(stdout, '\n');
}

static void print_frames(struct trace *t)
{
    struct {
        uint64_t n, items, stored, raw;
    } sum[TF_KINDS] = {{0}};
    char a[NUMBER_TEXT], b[NUMBER_TEXT];
    for (size_t i = 0; i < trace_frame_count(t); i++) {
        const struct trace_frame *f = trace_frame(t, i);
        sum[f->kind].n++;
        sum[f->kind].items += f->items;
        sum[f->kind].stored += f->stored;
        sum[f->kind].raw += f->raw;
    }
    if (trace_pages_refused(t))
        out_print(
            stdout,
            "             %s pages are stored in full, since nothing shorter read back as they were: please report this\n",
            number_commas(a, trace_pages_refused(t)));
    out_words(stdout, "frames       kind           number     bytes in file   bytes unpacked\n");
    for (int k = 1; k < TF_KINDS; k++)
        if (sum[k].n)
            out_print(stdout, "             %-12s %8llu %17s %16s\n",
                      trace_frame_kind_name((enum trace_frame_kind)k), (unsigned long long)sum[k].n,
                      number_commas(a, sum[k].stored), number_commas(b, sum[k].raw));
}

static int print_marks_of(struct trace *t, struct error *err)
{
    struct marks *m = marks_new();
    size_t n;
    int rc = marks_see_trace(m, t, err);
    marks_list(m, &n);
    if (n)
        out_words(stdout, "marks        (icount, guest time)\n");
    print_marks(stdout, m, 20, 12);
    marks_free(m);
    return rc;
}

static void print_end(struct trace *t)
{
    char a[NUMBER_TEXT], b[NUMBER_TEXT];
    struct error none;
    const struct trace_end *end = trace_end(t);
    if (end)
        out_print(stdout, "ended        %s%s%s at icount %s, guest time %s, status %d\n", end->reason,
                  end->text[0] ? ": " : "", end->text, number_commas(a, end->icount),
                  number_time(b, end->time), end->status);
    else if (replay_possible(t, &none))
        out_print(stdout, "ended        %s; it can be replayed up to icount %s\n",
                  trace_being_written(t) ? "not yet: it is being recorded"
                                         : "unknown: the recording was killed or the file was cut",
                  number_commas(a, trace_last_icount(t)));
    else
        out_print(stdout,
                  "ended        before the machine's first state was written: nothing can be replayed\n");
}

/* Without the empty lines at its end; nothing if there are no others. */
static void print_text(const char *title, const char *text, size_t n)
{
    while (n && (text[n - 1] == '\n' || text[n - 1] == ' '))
        n--;
    if (n) {
        out_print(stdout, "%s\n", title);
        out_lines(stdout, text, n);
        out_char(stdout, '\n');
    }
}

static int print_screen(struct trace *t, struct error *err)
{
    for (uint64_t i = 0; i < trace_note_count(t); i++) {
        struct trace_note note;
        if (trace_note(t, i, &note, err))
            return -1;
        if (strcmp(note.type, "screen") || strcmp(note.name, "final"))
            continue;
        print_text("screen       at the end:", note.data, note.len);
    }
    return 0;
}

/* Comes first: it is what one wants to know. */
static int print_crash(struct trace *t, struct error *err)
{
    struct crash_report r;
    char n[NUMBER_TEXT];
    if (crash_of_trace(t, &r, err))
        return -1;
    if (r.kind)
        out_print(stdout, "crashed      %s, at icount %s\n", r.text, number_commas(n, r.icount));
    return 0;
}

static int print_all(const struct engines *engines, struct trace *t, const char *path, bool check,
                     struct error *err)
{
    if (print_crash(t, err))
        return -1;
    print_machine(engines, t, path);
    print_images(t);
    if (print_inputs(t, err))
        return -1;
    print_classes(t);
    if (print_host_calls(t, err))
        return -1;
    print_checkpoints(t);
    print_frames(t);
    print_end(t);
    if (print_marks_of(t, err) || print_screen(t, err))
        return -1;
    if (check && (trace_check(t, err) || stored_states_check(t, err)))
        return -1;
    if (check)
        out_words(stdout, "checked      every frame is whole, and every stored state is the recorded one\n");
    return 0;
}

struct info_command {
    bool check, json;
};

static int info(void *ctx, const struct engines *engines, struct trace *t, const char *path)
{
    const struct info_command *c = ctx;
    struct error err;
    if (!c->json)
        return print_all(engines, t, path, c->check, &err) ? trouble(&err) : EXIT_DONE;
    const bool bad = (c->check && trace_check(t, &err)) || info_json(engines, t, path, c->check, &err);
    return bad ? trouble(&err) : EXIT_DONE;
}

static const struct option_row rows[] = {
    {.name = "check",
     .help = "read and check every frame of the file as well",
     STORE(struct info_command, check)},
    FORMAT_ROW(struct info_command, json),
    END_OF_ROWS,
};

static int cmd_info(struct engines *engines, int argc, char **argv)
{
    struct info_command c = {0};
    return run_on_trace(&command_info, engines, argc, argv, NULL, &c, info);
}

const struct command command_info = {
    .name = "info",
    .run = cmd_info,
    .what = "what is in a trace: machine, sizes, how it ended",
    .arguments = "TRACE",
    .rows = rows,
    .intro =
        "Prints what is in a trace: the machine, its images and how much of them is in the trace, inputs, counts of events "
        "by class, what programs on the Linux host called and how often it failed, checkpoints, sizes by kind of frame, how it ended, the first and last marks, and the final screen if it "
        "showed text. With --format json also what `bootreel why` says, with its position, as the member \"why\".",
};
