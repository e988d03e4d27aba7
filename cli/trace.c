/* trace.c - what the commands do with a trace: open it, find a position in it. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/out.h"
#include "base/output.h"
#include "cli/cli.h"
#include "core/live/seen.h"
#include "core/run/replay.h"
#include "core/screen/shown.h"
#include "core/screen/timeline_screen.h"
#include "core/story/position.h"
#include "core/story/process_names.h"
#include "core/story/stages.h"
#include "core/timeline/timeline.h"

const char *only_argument(int argc, char **argv, const char *what)
{
    if (argc - optind == 1)
        return argv[optind];
    if (argc == optind)
        trouble_text("%s: no %s given: see bootreel %s --help", argv[0], what, argv[0]);
    else
        trouble_text("%s: \"%.60s\" is one argument too many: give one %s", argv[0], argv[optind + 1], what);
    return NULL;
}

struct trace *open_trace(const char *path)
{
    struct error err;
    struct trace *t = check_output_name("", NULL, path, &err) ? NULL : trace_open(path, &err);
    if (!t)
        trouble(&err);
    else if (trace_being_written(t))
        out_print(stderr, "bootreel: %s: is being recorded; what is there so far is used\n", path);
    else if (trace_truncated(t))
        out_print(stderr, "bootreel: %s: %s (%s); what is there is used\n", path,
                  trace_damaged(t) ? "damaged" : "cut short", trace_damage(t));
    return t;
}

int conclude_trace(const struct trace *t, int status)
{
    struct error err;
    return status != EXIT_TROUBLE && trace_failed(t, &err) ? trouble(&err) : status;
}

int done_with_trace(struct output *o, const struct trace *t, struct error *err)
{
    if (!trace_failed(t, err))
        return output_done(o, err);
    output_drop(o);
    return -1;
}

int run_on_trace(const struct command *c, struct engines *engines, int argc, char **argv, option_taker *take,
                 void *ctx, trace_command *fn)
{
    int status;
    if (!parse_options(c, engines, argc, argv, take, ctx, &status))
        return status;
    const char *path = only_argument(argc, argv, "trace");
    struct trace *t = path ? open_trace(path) : NULL;
    if (!t)
        return EXIT_TROUBLE;
    status = conclude_trace(t, fn(ctx, engines, t, path));
    trace_close(t);
    return finish_output(status);
}

int check_output_name(const char *option, const char *path, const char *input, struct error *err)
{
    const struct file_id read = input ? file_id_at(input) : (struct file_id){FILE_ID_NONE, 0, 0};
    return output_check(option, path, &read, 1, err);
}

/* Whether a text is on the screen there: in a graphics mode, or in a line that has not ended, which is no event yet. -1 with err. */
static int drawn_at(struct timeline *tl, uint64_t icount, const char *text, struct error *err)
{
    enum { SIZE = 1 << 18 };
    struct timeline_stopped stopped;
    struct seen_screen seen = {0};
    if (timeline_seek(tl, icount, &stopped, err))
        return -1;
    char *shown = mem_zero(SIZE, 1);
    timeline_screen(tl, shown, SIZE);
    const int found = seen_screen_find(&seen, shown, text);
    seen_screen_free(&seen);
    free(shown);
    return found;
}

/* The first position in (from, to] at which the text is shown, found by bisection: it is shown at `to`, and
 * is taken to stay once it is shown. */
static int drawn_first(struct timeline *tl, uint64_t from, uint64_t to, const char *text, uint64_t *icount,
                       struct error *err)
{
    while (to - from > 1) {
        const uint64_t middle = from + (to - from) / 2;
        const int found = drawn_at(tl, middle, text, err);
        if (found < 0)
            return -1;
        *(found ? &to : &from) = middle;
    }
    *icount = to;
    return 1;
}

/* The checkpoints one after the other. */
struct drawn_search {
    const struct engine_kind *kind;
    struct timeline *tl;
    struct trace *t; /* another than the timeline's, which reads its states in another order */
    bool known;
    uint64_t hash; /* if known: of what the display showed at the last checkpoint */
};

/* Whether the display shows what it showed at the checkpoint before, so that it need not be read. */
static bool display_same(struct drawn_search *s, size_t k)
{
    struct error ignored;
    const uint64_t before = s->hash;
    const bool known = s->known;
    s->known = shown_hash(s->t, s->kind, k, &s->hash, &ignored);
    return known && s->known && s->hash == before;
}

static int search_drawn(struct drawn_search *s, const char *text, uint64_t *icount, struct error *err)
{
    const size_t n = trace_checkpoint_count(s->t);
    uint64_t before = 0;
    int rc = 0;
    timeline_short_seeks(s->tl, true);
    for (size_t i = 0; !rc && i <= n; i++) {
        const bool same = i < n && display_same(s, i);
        const uint64_t at = i < n ? trace_checkpoint(s->t, i)->icount : trace_last_icount(s->t);
        rc = at > before && !same ? drawn_at(s->tl, at, text, err) : 0;
        if (rc == 1)
            rc = drawn_first(s->tl, before, at, text, icount, err);
        before = at;
    }
    return rc;
}

/* When a text was first on the screen that is still there at the next checkpoint, or the end. 1; 0: it never was. */
static int find_drawn(const struct engines *engines, struct trace *t, const char *text, uint64_t *icount,
                      struct error *err)
{
    struct drawn_search s = {.kind = engine_find(engines, trace_config(t)->engine, err)};
    if (!s.kind || !trace_end(t))
        return 0;
    s.t = trace_open_beside(t, err);
    s.tl = s.t ? timeline_open_trace(t, s.kind, err) : NULL;
    int rc = s.tl ? search_drawn(&s, text, icount, err) : -1;
    if (rc >= 0 && timeline_lost(s.tl, err))
        rc = -1;
    timeline_close(s.tl);
    trace_close(s.t);
    return rc;
}

int find_position(const struct engines *engines, struct trace *t, const char *text, uint64_t here,
                  uint64_t otherwise, uint64_t *icount, struct error *err)
{
    struct position pos;
    struct error ignored;
    *icount = otherwise;
    if (!text)
        return 0;
    if (position_parse(text, &pos, err))
        return -1;
    if (!position_resolve(t, &pos, here, icount, err))
        return 0;
    if (pos.kind != POS_CONSOLE)
        return -1;
    if (!recorded_behaves(engines, t, &ignored))
        return error_set(err,
                         "console:%.60s: is in no recorded line, and the screen cannot be looked at: %.300s",
                         pos.text, ignored.text);
    return find_drawn(engines, t, pos.text, icount, &ignored) == 1 ? 0 : -1;
}

int find_range(const struct engines *engines, struct trace *t, const char *from, const char *to,
               uint64_t *begin, uint64_t *end, struct error *err)
{
    if (find_position(engines, t, from, 0, 0, begin, err) ||
        find_position(engines, t, to, *begin, trace_last_icount(t), end, err))
        return -1;
    if (*begin > *end)
        return error_set(err, "--from is after --to: icounts %llu and %llu", (unsigned long long)*begin,
                         (unsigned long long)*end);
    return 0;
}

/* Where the stretches of the first k parts of the range end. */
static uint64_t part_edge(const struct trace *t, unsigned k, unsigned parts, uint64_t begin, uint64_t end)
{
    long first = trace_checkpoint_find(t, begin),
         last = trace_checkpoint_find(t, end > begin ? end - 1 : begin);
    uint64_t n = (uint64_t)(last - first) + 1, stretch = n * k / parts;
    return !stretch       ? begin
           : stretch == n ? end
                          : trace_checkpoint(t, (size_t)first + (size_t)stretch)->icount;
}

void cut_range(const struct trace *t, unsigned part, unsigned parts, uint64_t *begin, uint64_t *end)
{
    const uint64_t from = *begin, to = *end;
    if (!parts)
        return;
    *begin = part_edge(t, part - 1, parts, from, to);
    *end = part_edge(t, part, parts, from, to);
}

bool recorded_behaves(const struct engines *engines, const struct trace *t, struct error *why)
{
    const struct engine_kind *kind = engine_find(engines, trace_config(t)->engine, why);
    return kind && !replay_behaves(t, kind, why);
}

const struct engine_kind *recording_engine(const struct engines *engines, const struct trace *t,
                                           const char *path, struct error *err)
{
    struct error why;
    if (recorded_behaves(engines, t, &why))
        return engine_find(engines, trace_config(t)->engine, err);
    error_set(err, "%.150s: %s", path, why.text);
    return NULL;
}

struct replay *open_replay(const struct engines *engines, struct trace *t, const char *path,
                           struct error *err)
{
    const struct engine_kind *kind = recording_engine(engines, t, path, err);
    return kind ? replay_open(t, kind, err) : NULL;
}

int find_process(struct trace *t, const char *process, uint64_t icount, struct process_names **names)
{
    struct error err;
    *names = process_names_at(t, icount, &err);
    if (!*names)
        return trouble(&err);
    if (process_names_any(*names, process))
        return EXIT_DONE;
    process_names_free(*names);
    *names = NULL;
    out_print(stderr, "bootreel: --process %s: no such process: bootreel processes lists them\n", process);
    return EXIT_NO;
}

int within_stage(struct trace *t, const char *name, uint64_t *from, uint64_t *to, struct error *err)
{
    struct stages *all = stages_of_trace(t, err);
    size_t n = all ? stages_count(all) : 0, i = 0;
    if (!all)
        return -1;
    while (i < n && strcmp(stages_get(all, i)->name, name))
        i++;
    if (i < n) {
        const struct stage *s = stages_get(all, i);
        *from = s->begin > *from ? s->begin : *from;
        *to = s->end < *to ? s->end : *to;
    }
    stages_free(all);
    if (i == n)
        return error_set(
            err, "--stage %.100s: the trace has no stage of that name: bootreel stages lists them", name);
    if (*from > *to)
        return error_set(err, "--stage %.100s: it is not between --from and --to", name);
    return 0;
}
