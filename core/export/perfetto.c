/* perfetto.c - the boot as tracks of time, in Perfetto's own format (perfetto.proto, packed by protobuf-c).
 *
 * A track is one row of the picture. Stages that nest share a track; stages that run side by side (processes, units) have
 * one each, and so has each task that calls initcalls. Interrupts, exceptions, marks and console lines are moments on
 * tracks of theirs. Each event carries its icount, so that a place in the picture can be found in the trace.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "base/utf8.h"
#include "core/export/perfetto.pb-c.h"
#include "core/export/private/impl.h"
#include "core/story/guest.h"
#include "core/story/marks.h"

enum { SEQUENCE = 1, SEQUENCE_BEGINS = 1, NOTES = 7, NAME = 300 };

/* Tracks of fixed numbers; those of stages, tasks and processes come after them. */
enum {
    TRACK_BOOT = 1,
    TRACK_STAGES,
    TRACK_MARKS,
    TRACK_CONSOLE,
    TRACK_INITCALLS,
    TRACK_PROCESSES,
    TRACK_UNITS,
    TRACK_OTHERS
};

struct writer {
    const struct export_options *o;
    FILE *out;
    bool any;
    uint64_t next_track;
    uint8_t *packed;
    size_t cap;
};

/* An event, and what is said about it. */
struct note {
    const char *name;
    const char *text; /* NULL: it is a number */
    uint64_t number;
};

/* ---------------------------------------------------------------- packets */

/* Strings of protocol buffers are UTF-8; what a guest named is any bytes. */
static const char *clean(const char *text, char out[NAME])
{
    const uint8_t *p = (const uint8_t *)text;
    size_t n = strlen(text), to = 0;
    for (size_t i = 0, len; i < n && to + 4 < NAME; i += len) {
        len = utf8_length(p + i, n - i);
        if (len)
            memcpy(out + to, p + i, len);
        else
            out[to] = '?';
        to += len ? len : 1;
        len += !len;
    }
    out[to] = 0;
    return out;
}

static void put_varint(FILE *out, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        out_byte(out, (uint8_t)(v | 0x80));
    out_byte(out, (uint8_t)v);
}

/* Trace.packet is field 1, so the file is a sequence of packets that each have its tag before them. */
static void put_packet(struct writer *w, Perfetto__TracePacket *p)
{
    enum { TAG = 1 << 3 | 2 };
    p->has_trusted_packet_sequence_id = 1;
    p->trusted_packet_sequence_id = SEQUENCE;
    p->has_sequence_flags = !w->any;
    p->sequence_flags = SEQUENCE_BEGINS;
    w->any = true;
    size_t n = perfetto__trace_packet__get_packed_size(p);
    w->packed = mem_grow(w->packed, &w->cap, n, 1);
    perfetto__trace_packet__pack(p, w->packed);
    out_byte(w->out, TAG);
    put_varint(w->out, n);
    out_bytes(w->out, w->packed, n);
}

static void put_track(struct writer *w, uint64_t track, uint64_t parent, const char *name)
{
    Perfetto__TracePacket p = PERFETTO__TRACE_PACKET__INIT;
    Perfetto__TrackDescriptor d = PERFETTO__TRACK_DESCRIPTOR__INIT;
    char cleaned[NAME];
    d.has_uuid = 1;
    d.uuid = track;
    d.name = (char *)clean(name, cleaned);
    d.has_parent_uuid = parent != 0;
    d.parent_uuid = parent;
    p.track_descriptor = &d;
    put_packet(w, &p);
}

static uint64_t new_track(struct writer *w, uint64_t parent, const char *name)
{
    uint64_t track = TRACK_OTHERS + w->next_track++;
    put_track(w, track, parent, name);
    return track;
}

static void put_event(struct writer *w, Perfetto__TrackEvent__Type type, uint64_t track, uint64_t time,
                      const char *category, const char *name, const struct note *notes, size_t nnotes)
{
    Perfetto__TracePacket p = PERFETTO__TRACE_PACKET__INIT;
    Perfetto__TrackEvent e = PERFETTO__TRACK_EVENT__INIT;
    Perfetto__DebugAnnotation a[NOTES], *list[NOTES];
    char *categories[] = {(char *)category}, cleaned[NAME], texts[NOTES][NAME];
    for (size_t i = 0; i < nnotes; i++) {
        perfetto__debug_annotation__init(&a[i]);
        a[i].name = (char *)notes[i].name;
        a[i].string_value = notes[i].text ? (char *)clean(notes[i].text, texts[i]) : NULL;
        a[i].has_uint_value = !notes[i].text;
        a[i].uint_value = notes[i].number;
        list[i] = &a[i];
    }
    e.n_debug_annotations = nnotes;
    e.debug_annotations = list;
    e.has_type = e.has_track_uuid = 1;
    e.type = type;
    e.track_uuid = track;
    e.n_categories = category ? 1 : 0;
    e.categories = categories;
    e.name = name ? (char *)clean(name, cleaned) : NULL;
    p.has_timestamp = 1;
    p.timestamp = time;
    p.track_event = &e;
    put_packet(w, &p);
}

static void put_end(struct writer *w, uint64_t track, uint64_t time)
{
    put_event(w, PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_END, track, time, NULL, NULL, NULL, 0);
}

/* ---------------------------------------------------------------- stages */

static void begin_stage(struct writer *w, uint64_t track, const struct stage *s)
{
    const char *state = s->note ? s->note : s->failed ? "failed" : s->open ? "not ended" : "";
    struct note notes[NOTES] = {{"icount", NULL, s->begin},
                                {"steps", NULL, s->steps},
                                {"events", NULL, s->last_event - s->first_event}};
    unsigned n = 3;
    if (s->has_tasks) {
        notes[n++] = (struct note){"own ns", NULL, s->own};
        notes[n++] = (struct note){"others ns", NULL, s->others};
        notes[n++] = (struct note){"waited ns", NULL, s->waited};
    }
    if (*state)
        notes[n++] = (struct note){"note", state, 0};
    put_event(w, PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN, track, s->begin_time, "stage", s->name, notes,
              n);
}

/* Stages are a tree, parents first: those that have ended are left before the next one is entered. */
static void put_nested(struct writer *w, const struct stages *all)
{
    long open = -1;
    for (size_t i = 0; i < stages_count(all); i++) {
        const struct stage *s = stages_get(all, i);
        if (s->beside)
            continue;
        for (; open != s->parent; open = stages_get(all, (size_t)open)->parent)
            put_end(w, TRACK_STAGES, stages_get(all, (size_t)open)->end_time);
        begin_stage(w, TRACK_STAGES, s);
        open = (long)i;
    }
    for (; open >= 0; open = stages_get(all, (size_t)open)->parent)
        put_end(w, TRACK_STAGES, stages_get(all, (size_t)open)->end_time);
}

/* Those that run side by side: units and the like. Processes have tracks of their own (put_processes). */
static void put_units(struct writer *w, const struct story *s)
{
    bool any = false;
    for (size_t i = 0; i < stages_count(s->stages); i++) {
        const struct stage *g = stages_get(s->stages, i);
        if (!g->beside || !strncmp(g->name, "process", 7))
            continue;
        if (!any)
            put_track(w, TRACK_UNITS, TRACK_BOOT, "units");
        any = true;
        uint64_t track = new_track(w, TRACK_UNITS, g->name);
        begin_stage(w, track, g);
        put_end(w, track, g->end_time);
    }
}

/* ---------------------------------------------------------------- initcalls and processes */

static void put_initcall(struct writer *w, uint64_t track, const struct initcall *c)
{
    char result[32];
    const char *level = guest_word(EV_INITCALL, EVF_INITCALL_level, c->level);
    snprintf(result, sizeof result, "%" PRId64, c->result);
    const struct note notes[] = {{"icount", NULL, c->begin},
                                 {"level", level, c->level},
                                 {"result", c->open ? "did not return" : result, 0},
                                 {"own ns", NULL, c->own}};
    put_event(w, PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN, track, c->begin_time, "initcall", c->name,
              notes, c->has_own ? 4 : 3);
}

/* The initcalls of one task nest, as calls do. */
static void put_initcalls_of(struct writer *w, const struct story *s, uint64_t pid)
{
    char name[64];
    size_t *open = mem_zero(s->ninitcalls, sizeof *open), n = 0;
    snprintf(name, sizeof name, "initcalls of process %" PRIu64, pid);
    uint64_t track = new_track(w, TRACK_INITCALLS, name);
    for (size_t i = 0; i < s->ninitcalls; i++) {
        const struct initcall *c = &s->initcalls[i];
        if (c->pid != pid)
            continue;
        while (n && s->initcalls[open[n - 1]].end_time <= c->begin_time)
            put_end(w, track, s->initcalls[open[--n]].end_time);
        put_initcall(w, track, c);
        open[n++] = i;
    }
    while (n)
        put_end(w, track, s->initcalls[open[--n]].end_time);
    free(open);
}

static void put_initcalls(struct writer *w, const struct story *s)
{
    if (s->ninitcalls)
        put_track(w, TRACK_INITCALLS, TRACK_BOOT, "initcalls");
    for (size_t i = 0; i < s->ninitcalls; i++) {
        bool done = false;
        for (size_t k = 0; k < i && !done; k++)
            done = s->initcalls[k].pid == s->initcalls[i].pid;
        if (!done)
            put_initcalls_of(w, s, s->initcalls[i].pid);
    }
}

static void put_process(struct writer *w, const struct story *s, const struct process *p)
{
    static const char *const kinds[] = {"kernel thread", "process", "thread"};
    char name[NAME];
    snprintf(name, sizeof name, "%u %s", p->pid, p->name);
    uint64_t track = new_track(w, TRACK_PROCESSES, name);
    const struct note notes[] = {
        {"icount", NULL, p->created}, {"pid", NULL, p->pid},
        {"parent", NULL, p->parent},  {"kind", kinds[p->kind % 3], 0},
        {"executes", p->path, 0},     {"wait status", process_lives(p) ? "has not exited" : NULL, p->code}};
    put_event(w, PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN, track, p->created_time, "process", p->name,
              notes, 6);
    put_end(w, track, process_lives(p) ? s->end_time : p->exited_time);
}

static void put_processes(struct writer *w, const struct story *s)
{
    if (processes_count(s->processes))
        put_track(w, TRACK_PROCESSES, TRACK_BOOT, "processes");
    for (size_t i = 0; i < processes_count(s->processes); i++)
        put_process(w, s, processes_get(s->processes, i));
}

/* ---------------------------------------------------------------- moments */

enum {
    MOMENT_CLASSES = MARK_CLASSES | EVENT_CLASS_BIT(EC_IRQ) | EVENT_CLASS_BIT(EC_EXCEPTION) |
                     EVENT_CLASS_BIT(EC_CONSOLE) | EVENT_CLASS_BIT(EC_DISK)
};

static void put_moment(struct writer *w, uint64_t track, const struct event *ev, struct event_count times)
{
    char text[NAME];
    event_text(ev, text, sizeof text);
    const struct note notes[] = {{"icount", NULL, ev->icount},
                                 {"kind", event_kind(ev->kind)->name, 0},
                                 {"times", NULL, times.n},
                                 {"estimated", NULL, 1}};
    put_event(w, PERFETTO__TRACK_EVENT__TYPE__TYPE_INSTANT, track, ev->time,
              event_class_name(event_kind(ev->kind)->cls), text, notes,
              times.estimated ? 4
              : times.n > 1   ? 3
                              : 2);
}

/* Interrupts, exceptions and disk commands have a track for each processor and class; `tracks` has its number, or 0. */
static uint64_t cpu_track(struct writer *w, const struct event *ev, uint64_t (*tracks)[EC_COUNT])
{
    enum event_class c = event_kind(ev->kind)->cls;
    char name[64];
    if (!tracks[ev->cpu][c]) {
        snprintf(name, sizeof name, "%s, processor %u", event_class_name(c), ev->cpu);
        tracks[ev->cpu][c] = new_track(w, TRACK_BOOT, name);
    }
    return tracks[ev->cpu][c];
}

static void put_marks(struct writer *w, const struct marks *m)
{
    size_t n;
    const struct mark *list = marks_list(m, &n);
    for (size_t i = 0; i < n; i++) {
        const struct note notes[] = {{"icount", NULL, list[i].icount}};
        put_event(w, PERFETTO__TRACK_EVENT__TYPE__TYPE_INSTANT, TRACK_MARKS, list[i].time, "mark",
                  list[i].text, notes, 1);
    }
}

static int put_moments(struct writer *w, struct error *err)
{
    struct times *times = times_of_trace(w->o->trace, err);
    if (!times)
        return -1;
    struct trace_cursor *c = trace_cursor_open(w->o->trace, MOMENT_CLASSES);
    struct marks *marks = marks_new();
    uint64_t(*tracks)[EC_COUNT] = mem_zero(UINT8_MAX + 1, sizeof *tracks);
    struct event ev;
    uint64_t number;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, &number, err)) == 1) {
        enum event_class cls = event_kind(ev.kind)->cls;
        if (EVENT_CLASS_BIT(cls) & MARK_CLASSES)
            marks_see(marks, &ev);
        if (ev.icount < w->o->from || ev.icount > w->o->to)
            continue;
        if (cls == EC_CONSOLE)
            put_moment(w, TRACK_CONSOLE, &ev, times_count(times, &ev, number));
        else if (cls == EC_IRQ || cls == EC_EXCEPTION || cls == EC_DISK)
            put_moment(w, cpu_track(w, &ev, tracks), &ev, times_count(times, &ev, number));
    }
    put_marks(w, marks);
    marks_free(marks);
    times_free(times);
    free(tracks);
    trace_cursor_close(c);
    return rc < 0 ? -1 : 0;
}

int export_perfetto(const struct export_options *o, FILE *out, struct error *err)
{
    struct writer w = {.o = o, .out = out};
    struct story *s = story_of(o->trace, err);
    if (!s)
        return -1;
    put_track(&w, TRACK_BOOT, 0, o->title);
    put_track(&w, TRACK_STAGES, TRACK_BOOT, "stages");
    put_track(&w, TRACK_MARKS, TRACK_BOOT, "marks");
    put_track(&w, TRACK_CONSOLE, TRACK_BOOT, "console");
    put_nested(&w, s->stages);
    put_initcalls(&w, s);
    put_units(&w, s);
    put_processes(&w, s);
    int rc = put_moments(&w, err);
    story_free(s);
    free(w.packed);
    return rc;
}
