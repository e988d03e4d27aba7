/* monitor_json.c - `monitor json`: what scripts/gdb/bootreel_api.py asks for, as JSON. gdb stays where it is. */
#include <inttypes.h>

#include "base/json.h"
#include "base/memory.h"
#include "core/origin/origin.h"
#include "core/run/times.h"
#include "core/story/processes.h"
#include "core/systems/efi/firmware.h"
#include "core/views/machine.h"
#include "gdbstub/impl.h"

enum { EVENTS_MOST = 1000 };

/* ---------------------------------------------------------------- the position, stages, processes */

static int json_where(struct gdbstub *g, yajl_gen gen, const char *args, struct text *out, struct error *err)
{
    struct timeline_where w;
    char mode[48];
    const struct stages *st = stub_stages(g);
    const long stage = st ? stages_at(st, stub_recorded(g)) : -1;
    timeline_where(g->tl, &w);
    yajl_gen_map_open(gen);
    json_number(gen, "icount", w.icount);
    json_number(gen, "time", w.time);
    json_number(gen, "last", w.last);
    json_number(gen, "cpu", w.cpu);
    json_number(gen, "pc", timeline_pc(g->tl, w.cpu));
    json_text(gen, "mode", view_mode_text(timeline_look(g->tl), w.cpu, mode));
    json_text(gen, "stage", stage >= 0 ? stages_get(st, (size_t)stage)->name : NULL);
    json_bool(gen, "diverted", w.diverted);
    yajl_gen_map_close(gen);
    return 0;
}

static int json_resolve(struct gdbstub *g, yajl_gen gen, const char *args, struct text *out,
                        struct error *err)
{
    uint64_t icount;
    if (timeline_resolve(g->tl, args, &icount, err))
        return -1;
    yajl_gen_integer(gen, (long long)icount);
    return 0;
}

static int json_stages(struct gdbstub *g, yajl_gen gen, const char *args, struct text *out, struct error *err)
{
    const struct stages *st = stub_stages(g);
    yajl_gen_array_open(gen);
    for (size_t i = 0; st && i < stages_count(st); i++) {
        const struct stage *s = stages_get(st, i);
        yajl_gen_map_open(gen);
        json_text(gen, "name", s->name);
        json_number(gen, "depth", s->depth);
        json_number(gen, "begin", s->begin);
        json_number(gen, "end", s->end);
        json_number(gen, "begin_time", s->begin_time);
        json_number(gen, "end_time", s->end_time);
        json_bool(gen, "open", s->open);
        json_bool(gen, "failed", s->failed);
        yajl_gen_map_close(gen);
    }
    yajl_gen_array_close(gen);
    return 0;
}

static int json_processes(struct gdbstub *g, yajl_gen gen, const char *args, struct text *out,
                          struct error *err)
{
    const struct processes *ps = stub_processes(g, stub_recorded(g), err);
    if (!ps)
        return -1;
    yajl_gen_array_open(gen);
    for (size_t i = 0; i < processes_count(ps); i++) {
        const struct process *p = processes_get(ps, i);
        if (p->exited)
            continue;
        yajl_gen_map_open(gen);
        json_number(gen, "pid", p->pid);
        json_number(gen, "parent", p->parent);
        json_text(gen, "name", p->name);
        yajl_gen_map_close(gen);
    }
    yajl_gen_array_close(gen);
    return 0;
}

/* ---------------------------------------------------------------- events */

static int add_events(struct trace_cursor *c, const struct event_filter *f, struct times *times, uint64_t n,
                      yajl_gen gen, struct error *err)
{
    struct event ev;
    uint64_t number;
    int rc = 1;
    while (n && (rc = trace_cursor_next(c, &ev, &number, err)) == 1)
        if (event_filter_matches(f, &ev)) {
            if (event_json(&ev, number, times_count(times, &ev, number), (struct yajl_gen_t *)gen))
                return error_set(err, "event #%" PRIu64 " cannot be written as JSON", number);
            n--;
        }
    return rc < 0 ? -1 : 0;
}

/* FROM N [EVENT]: FROM is a position, or #NUMBER for the event of that number. */
static int json_events(struct gdbstub *g, yajl_gen gen, const char *args, struct text *out, struct error *err)
{
    struct event_filter f = {0};
    char from[200], count[24];
    uint64_t icount = 0;
    monitor_next_word(&args, from, sizeof from);
    monitor_next_word(&args, count, sizeof count);
    const uint64_t n = strtoull(count, NULL, 10);
    if (!n || n > EVENTS_MOST)
        return error_set(err, "json events: give a position, and how many: 1 to %d", EVENTS_MOST);
    if ((*args && event_filter_parse(args, &f, err)) ||
        event_filter_recorded(&f, trace_config(timeline_trace(g->tl))->classes, err) ||
        (*from != '#' && timeline_resolve(g->tl, from, &icount, err)))
        return -1;
    if (!g->times && !(g->times = times_of_trace(timeline_trace(g->tl), err)))
        return -1;
    struct trace_cursor *c = trace_cursor_open(timeline_trace(g->tl), event_filter_classes(&f));
    int rc = *from == '#' ? trace_cursor_seek_number(c, strtoull(from + 1, NULL, 10), err)
                          : trace_cursor_seek_icount(c, icount, err);
    yajl_gen_array_open(gen);
    if (!rc)
        rc = add_events(c, &f, g->times, n, gen, err);
    yajl_gen_array_close(gen);
    trace_cursor_close(c);
    return rc;
}

/* ---------------------------------------------------------------- searches */

static void add_link(yajl_gen gen, const struct origin_link *l)
{
    yajl_gen_map_open(gen);
    if (l->step) {
        json_number(gen, "icount", l->icount);
        json_number(gen, "time", l->time);
        json_number(gen, "pc", l->pc);
        json_text(gen, "instruction", l->instruction);
        json_text(gen, "function", l->function);
    }
    json_bool(gen, "ends", l->how == ORIGIN_ENDS);
    json_text(gen, "source", l->how == ORIGIN_ENDS ? origin_source_word(l->source) : NULL);
    json_text(gen, "image", l->image);
    json_text(gen, "text", l->text);
    yajl_gen_map_close(gen);
}

static int json_origin(struct gdbstub *g, yajl_gen gen, const char *args, struct text *out, struct error *err)
{
    char name[24];
    uint64_t address, n;
    if (!monitor_take_place(g, &args, name, &address, &n, out))
        return error_set(err, "json origin: give $REGISTER, or an address and a number of bytes");
    struct origin_chain *c = monitor_origin_chain(g, name, address, n, err);
    stop_here(g);
    if (!c)
        return -1;
    yajl_gen_array_open(gen);
    for (size_t i = 0; i < c->n; i++)
        add_link(gen, &c->link[i]);
    yajl_gen_array_close(gen);
    origin_chain_free(c);
    return 0;
}

static int json_find(struct gdbstub *g, yajl_gen gen, const char *args, struct text *out, struct error *err)
{
    struct timeline_stop stop;
    if (!monitor_take_find(g, &args, &stop, out))
        return error_set(err, "json find: give exec, write or read, and an address");
    yajl_gen_array_open(gen);
    const int rc = monitor_find_hits(g, &stop, out, (struct yajl_gen_t *)gen, err);
    yajl_gen_array_close(gen);
    stop_here(g);
    return rc;
}

/* ---------------------------------------------------------------- words, for completion */

static void words_parts(struct gdbstub *g, yajl_gen gen)
{
    const char *name;
    for (size_t i = 0; timeline_section_name(g->tl, i, &name); i++)
        json_element(gen, name);
}

static void words_events(struct gdbstub *g, yajl_gen gen)
{
    for (unsigned c = 0; c < EC_COUNT; c++)
        json_element(gen, event_class_name(c));
    for (unsigned kind = 0; kind < EV_COUNT; kind++)
        if (event_kind(kind))
            json_element(gen, event_kind(kind)->name);
}

static void words_marks(struct gdbstub *g, yajl_gen gen)
{
    const char *name;
    uint64_t icount;
    for (size_t i = 0; timeline_mark(g->tl, i, &name, &icount); i++)
        json_element(gen, name);
}

static void words_firmware(struct gdbstub *g, yajl_gen gen)
{
    const char *name, *what;
    for (size_t i = 0; (name = firmware_list(i, &what)); i++)
        json_element(gen, name);
}

static int json_words(struct gdbstub *g, yajl_gen gen, const char *args, struct text *out, struct error *err)
{
    static const struct {
        const char *name;
        void (*add)(struct gdbstub *g, yajl_gen gen);
    } lists[] = {{"parts", words_parts},
                 {"events", words_events},
                 {"marks", words_marks},
                 {"firmware", words_firmware}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if (!strcmp(args, lists[i].name)) {
            yajl_gen_array_open(gen);
            lists[i].add(g, gen);
            yajl_gen_array_close(gen);
            return 0;
        }
    return error_set(err, "json words: give parts, events, marks or firmware");
}

/* ---------------------------------------------------------------- which */

void monitor_json(struct gdbstub *g, const char *args, struct text *out)
{
    static const struct {
        const char *name;
        int (*fn)(struct gdbstub *g, yajl_gen gen, const char *args, struct text *out, struct error *err);
    } answers[] = {{"where", json_where},   {"stages", json_stages},   {"processes", json_processes},
                   {"events", json_events}, {"origin", json_origin},   {"find", json_find},
                   {"words", json_words},   {"resolve", json_resolve}, {"debug", json_debug}};
    struct error err;
    char word[20], *words = NULL;
    size_t n = 0;
    int rc =
        error_set(&err, "json: give where, resolve, events, stages, processes, origin, find, words or debug");
    yajl_gen gen = json_new(false);
    const bool silent = g->no_progress;
    monitor_next_word(&args, word, sizeof word);
    g->no_progress = true; /* gdb would put it among the answer */
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (!strcmp(word, answers[i].name))
            rc = answers[i].fn(g, gen, args, out, &err);
    g->no_progress = silent;
    FILE *f = rc ? NULL : open_memstream(&words, &n);
    if (f) {
        json_end(gen, f);
        fclose(f);
        text_add(out, "%s", words);
        free(words);
    } else if (!out->n) {
        text_add(out, "error: %s\n", rc ? err.text : "no memory");
    }
    yajl_gen_free(gen);
}
