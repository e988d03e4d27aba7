/* share.c - see share.h. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/run/replay.h"
#include "core/run/share.h"

enum { OWN_SETTINGS = 3 };
/* Settings of the file; those of what is observed follow. */
static const char key_trace[] = "trace", key_part[] = "part", key_program[] = "bootreel";

/* The notes with the state at a checkpoint: their type, the name of the first of them, that of the others. */
#define STATE_NOTE "part"
#define FIRST      "state"
#define MORE       "more"

/* ---------------------------------------------------------------- writing */

struct share_writer {
    struct trace *t; /* the record */
    struct trace_writer *w;
    size_t k; /* the next checkpoint */
    uint64_t end, events;
};

static struct trace_writer *create(struct trace *t, const char *path, const char *name,
                                   const struct trace_config *config, const struct share_about *about,
                                   struct error *err)
{
    char identity[TRACE_IDENTITY], part[32];
    trace_identity(t, identity);
    snprintf(part, sizeof part, "%u/%u", about->part, about->parts);
    const struct setting own[OWN_SETTINGS] = {
        {key_trace, identity}, {key_part, part}, {key_program, about->program}};
    struct setting *settings = mem_zero(OWN_SETTINGS + about->nobserved, sizeof *settings);
    memcpy(settings, own, sizeof own);
    for (size_t i = 0; i < about->nobserved; i++)
        settings[OWN_SETTINGS + i] = about->observed[i];
    struct trace_config c = *config;
    c.settings = settings;
    c.nsettings = OWN_SETTINGS + about->nobserved;
    c.nimages = 0;
    struct trace_writer *w = trace_share_create(path, name, &c, err);
    free(settings);
    return w;
}

struct share_writer *share_create(struct trace *t, const char *path, const char *name,
                                  const struct trace_config *config, const struct share_about *about,
                                  struct error *err)
{
    size_t first, end;
    struct trace_writer *w = create(t, path, name, config, about, err);
    if (!w)
        return NULL;
    replay_stretches(t, about->part, about->parts, &first, &end);
    struct share_writer *s = mem_zero(1, sizeof *s);
    *s = (struct share_writer){.t = t, .w = w, .k = first, .end = trace_checkpoint(t, end)->icount};
    return s;
}

/* In as many notes as it takes, but one at least. */
static int put_state(struct share_writer *s, const struct trace_checkpoint *c, const struct part_state *state,
                     struct error *err)
{
    size_t at = 0, n;
    do {
        n = state->n - at < TRACE_MAX_NOTE ? state->n - at : TRACE_MAX_NOTE;
        const struct trace_note note = {.icount = c->icount,
                                        .time = c->time,
                                        .type = STATE_NOTE,
                                        .name = at ? MORE : FIRST,
                                        .data = state->data + at,
                                        .len = (uint32_t)n};
        if (trace_write_note(s->w, &note, err))
            return -1;
        at += n;
    } while (at < state->n);
    return 0;
}

/* Writes a checkpoint of the record, without its state, and before it the state of what makes the events. */
static int put_checkpoint(struct share_writer *s, const struct part_state *state, struct error *err)
{
    const struct trace_checkpoint *c = trace_checkpoint(s->t, s->k++);
    assert(c && "a share has no more checkpoints than the record");
    return put_state(s, c, state, err) || trace_checkpoint_begin(s->w, c->icount, c->time, false, err) ||
                   trace_checkpoint_end(s->w, c->hash, err)
               ? -1
               : 0;
}

int share_put(struct share_writer *s, enum taped what, const struct taped_item *item, struct error *err)
{
    assert(what != TAPED_END && "the end is no item");
    if (what != TAPED_EVENT)
        return put_checkpoint(s, &item->state, err);
    s->events++;
    return trace_write_event(s->w, &item->ev, err);
}

uint64_t share_written(const struct share_writer *s)
{
    return s->events;
}

int share_finish(struct share_writer *s, struct error *err)
{
    const struct trace_end end = {.reason = "share", .text = "", .icount = s->end};
    int rc = trace_writer_finish(s->w, &end, err);
    free(s);
    return rc;
}

void share_abort(struct share_writer *s)
{
    if (!s)
        return;
    trace_writer_abort(s->w);
    free(s);
}

/* ---------------------------------------------------------------- reading */

struct share {
    char *name;
    struct trace *t;
    struct share_about about;
    struct trace_cursor *events;
    uint64_t taken; /* events */
    size_t k;       /* checkpoints of the file that were taken */
    uint64_t note;  /* the next one */
    size_t first;   /* the number of the first one in the record */
};

static int refuse(const struct share *s, const char *what, struct error *err)
{
    return error_set(err, "%s: %s: make this share again", s->name, what);
}

static int read_about(struct share *s, struct error *err)
{
    struct share_about *a = &s->about;
    const struct trace_config *c = trace_config(s->t);
    const char *part = trace_setting(s->t, key_part);
    int n = 0;
    if (c->nsettings < OWN_SETTINGS)
        return refuse(s, "does not say which share it is", err);
    a->observed = c->settings + OWN_SETTINGS;
    a->nobserved = c->nsettings - OWN_SETTINGS;
    a->program = trace_setting(s->t, key_program);
    bool valid = part && sscanf(part, "%9u/%9u%n", &a->part, &a->parts, &n) == 2 && !part[n] &&
                 1 <= a->part && a->part <= a->parts;
    return valid && a->program && trace_setting(s->t, key_trace)
               ? 0
               : refuse(s, "does not say which share it is", err);
}

void share_close(struct share *s)
{
    if (!s)
        return;
    trace_cursor_close(s->events);
    trace_close(s->t);
    free(s->name);
    free(s);
}

void share_about(const struct share *s, struct share_about *about)
{
    *about = s->about;
}

uint32_t share_classes(const struct share *s)
{
    return trace_config(s->t)->classes;
}

/* ---------------------------------------------------------------- checks */

static int check_maker(const struct share *s, const struct trace *t, const char *program, uint32_t behaviour,
                       struct error *err)
{
    const struct trace_config *c = trace_config(s->t);
    char identity[TRACE_IDENTITY];
    trace_identity(t, identity);
    if (strcmp(s->about.program, program))
        return error_set(err, "%s: was made by bootreel %.40s, and this is %s: make this share again",
                         s->name, s->about.program, program);
    if (strcmp(c->engine, trace_config(t)->engine) || strcmp(trace_setting(s->t, key_trace), identity))
        return refuse(s, "is a share of another trace", err);
    if (c->behaviour != behaviour)
        return error_set(
            err, "%s: was made by version %u of the engine, and this is version %u: make this share again",
            s->name, c->behaviour, behaviour);
    return 0;
}

/* How many states the notes are; SIZE_MAX: they are something else. */
static size_t count_states(const struct share *s)
{
    struct trace_note note;
    struct error ignored;
    size_t n = 0;
    for (uint64_t i = 0; i < trace_note_count(s->t); i++) {
        if (trace_note(s->t, i, &note, &ignored) || strcmp(note.type, STATE_NOTE) ||
            (strcmp(note.name, FIRST) && (strcmp(note.name, MORE) || !n)))
            return SIZE_MAX;
        n += !strcmp(note.name, FIRST);
    }
    return n;
}

/* Whether it has the record's checkpoints from `first` to `end`, with a state each, and its events between
 * them; the last share also has some after its last one. */
static bool has_checkpoints(const struct share *s, const struct trace *t, size_t first, size_t end)
{
    size_t n = first < end ? end - first + 1 : 0;
    if (trace_checkpoint_count(s->t) != n || count_states(s) != n || trace_checkpoint_count(t) <= end)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct trace_checkpoint *a = trace_checkpoint(s->t, i), *b = trace_checkpoint(t, first + i);
        if (a->icount != b->icount || a->time != b->time || a->hash != b->hash)
            return false;
    }
    if (!n || end == replay_parts(t))
        return !n || !trace_checkpoint(s->t, 0)->event;
    return !trace_checkpoint(s->t, 0)->event &&
           trace_checkpoint(s->t, n - 1)->event == trace_event_count(s->t, EVENT_CLASSES_ALL);
}

/* Checks what is known without reading all of the file. */
static int check(struct share *s, struct trace *t, const char *program, uint32_t behaviour, struct error *err)
{
    size_t end;
    if (read_about(s, err) || check_maker(s, t, program, behaviour, err))
        return -1;
    if (trace_truncated(s->t))
        return error_set(err, "%.300s: make this share again", trace_damage(s->t));
    replay_stretches(t, s->about.part, s->about.parts, &s->first, &end);
    return has_checkpoints(s, t, s->first, end) ? 0 : refuse(s, "has other checkpoints than the trace", err);
}

struct share *share_open(const char *path, struct trace *t, const char *program, uint32_t behaviour,
                         struct error *err)
{
    struct error why;
    struct trace *file = trace_share_open(path, &why);
    if (!file) {
        error_set(err, "%.300s: make this share again, or give the right file", why.text);
        return NULL;
    }
    struct share *s = mem_zero(1, sizeof *s);
    *s = (struct share){.name = mem_string(path), .t = file};
    s->events = trace_cursor_open(file, EVENT_CLASSES_ALL);
    if (!check(s, t, program, behaviour, err))
        return s;
    share_close(s);
    return NULL;
}

int share_check(const struct share *s, struct error *err)
{
    struct error why;
    return trace_check(s->t, &why) ? error_set(err, "%.300s: make this share again", why.text) : 0;
}

/* ---------------------------------------------------------------- items */

static int take_state(struct share *s, struct part_state *state, struct error *err)
{
    struct trace_note note;
    *state = (struct part_state){0};
    do {
        if (trace_note(s->t, s->note, &note, err))
            return -1;
        state->data = mem_resize(state->data, state->n + note.len + 1);
        if (note.len)
            memcpy(state->data + state->n, note.data, note.len);
        state->n += note.len;
        s->note++;
        if (s->note < trace_note_count(s->t) && trace_note(s->t, s->note, &note, err))
            return -1;
    } while (s->note < trace_note_count(s->t) && !strcmp(note.name, MORE));
    return 0;
}

static int take_checkpoint(struct share *s, enum taped *what, struct taped_item *item, struct error *err)
{
    assert(s->note < trace_note_count(s->t) && "has_checkpoints() saw a state for each");
    if (take_state(s, &item->state, err))
        return -1;
    *what = s->k ? TAPED_CHECKPOINT : TAPED_BEGIN;
    item->k = s->first + s->k++;
    item->has_touched = false;
    return 0;
}

int share_next(struct share *s, enum taped *what, struct taped_item *item, struct error *err)
{
    taped_free(item);
    if (s->k < trace_checkpoint_count(s->t) && s->taken >= trace_checkpoint(s->t, s->k)->event)
        return take_checkpoint(s, what, item, err);
    int rc = trace_cursor_next(s->events, &item->ev, NULL, err);
    s->taken++;
    *what = rc > 0 ? TAPED_EVENT : TAPED_END;
    return rc < 0 ? -1 : 0;
}
