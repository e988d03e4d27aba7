/* rewriter.c - see rewriter.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/run/rewriter.h"
#include "base/memory.h"
#include "core/run/private/part_state.h"
#include "core/story/fold.h"
#include "core/symbols/symbols.h"

#define PROFILE_NOTE "profile" /* type and name, as core/story/stages.h reads it */

/* How much the record's file has in front of a checkpoint. */
struct before {
    size_t frame;
    uint64_t notes;
};

struct rewriter {
    struct trace *t;
    struct trace_writer *w;
    struct touched_writer *touched;
    struct touched_index *index; /* the record's, or NULL */
    struct before *before;       /* by checkpoint; one more for the end */
    size_t next;                 /* checkpoint */
    struct trace_chunk *chunk;
    size_t nchunks, chunks; /* all, and those that were written */
    uint64_t inputs, notes; /* that were written or left out */
    uint64_t events;
    const struct trace_note *more; /* notes at the end */
    size_t nmore;
    bool new_profile;
    char **reached; /* probes that were entered */
    size_t nreached;
};

/* ---------------------------------------------------------------- what comes before something */

static void find_before(struct rewriter *r)
{
    uint64_t notes = 0;
    r->before = mem_zero(trace_checkpoint_count(r->t) + 1, sizeof *r->before);
    for (size_t i = 0; i < trace_frame_count(r->t); i++) {
        const struct trace_frame *f = trace_frame(r->t, i);
        notes += f->kind == TF_NOTE ? f->items : 0;
        if (f->kind == TF_CHECKPOINT && f->first < trace_checkpoint_count(r->t))
            r->before[f->first] = (struct before){i, notes};
    }
    r->before[trace_checkpoint_count(r->t)] = (struct before){SIZE_MAX, UINT64_MAX};
}

/* Writes the chunks up to the next checkpoint that the guest read after an event at a position below
 * `icount`. */
static int write_chunks(struct rewriter *r, uint64_t icount, struct error *err)
{
    assert(r->chunks <= r->nchunks && r->next <= trace_checkpoint_count(r->t));
    for (; r->chunks < r->nchunks; r->chunks++) {
        const struct trace_chunk *c = &r->chunk[r->chunks];
        if (c->frame > r->before[r->next].frame || trace_frame(r->t, c->frame)->last_icount >= icount)
            break;
        if (trace_copy_chunk(r->w, c, err))
            return -1;
    }
    return 0;
}

/* Writes the inputs at positions below `end`. */
static int write_inputs(struct rewriter *r, uint64_t end, struct error *err)
{
    struct input in;
    for (; r->inputs < trace_input_count(r->t); r->inputs++) {
        if (trace_input(r->t, r->inputs, &in, err))
            return -1;
        if (in.icount >= end)
            break;
        if (trace_write_input(r->w, &in, err))
            return -1;
    }
    return 0;
}

/* Writes the notes at positions up to `icount`, except those that are made anew. */
static int write_notes(struct rewriter *r, uint64_t icount, struct error *err)
{
    struct trace_note note;
    for (; r->notes < r->before[r->next].notes && r->notes < trace_note_count(r->t); r->notes++) {
        if (trace_note(r->t, r->notes, &note, err))
            return -1;
        if (note.icount > icount)
            break;
        bool anew = !strcmp(note.type, FOLD_NOTE) || !strcmp(note.type, TOUCHED_NOTE) ||
                    (r->new_profile && !strcmp(note.type, PROFILE_NOTE));
        if (!anew && trace_write_note(r->w, &note, err))
            return -1;
    }
    return 0;
}

bool rewriter_reached(const struct rewriter *r, const char *probe)
{
    for (size_t i = 0; i < r->nreached; i++)
        if (!strcmp(r->reached[i], probe) || symbol_name_matches(probe, r->reached[i]))
            return true;
    return false;
}

static bool is_noted(const struct rewriter *r, const char *probe)
{
    size_t i = 0;
    while (i < r->nreached && strcmp(r->reached[i], probe) != 0)
        i++;
    return i < r->nreached;
}

static void note_reached(struct rewriter *r, const struct event *ev)
{
    char probe[EVENT_MAX_DATA + 1];
    if (ev->kind != EV_PROBE_ENTER)
        return;
    snprintf(probe, sizeof probe, "%.*s", (int)ev->len, (const char *)ev->data);
    if (is_noted(r, probe))
        return;
    MEM_MORE(r->reached, r->nreached);
    r->reached[r->nreached++] = mem_string(probe);
}

int rewriter_event(struct rewriter *r, const struct event *ev, struct error *err)
{
    r->events++;
    note_reached(r, ev);
    return write_chunks(r, ev->icount, err) || write_inputs(r, ev->icount + 1, err) ||
                   write_notes(r, ev->icount, err) || trace_write_event(r->w, ev, err)
               ? -1
               : 0;
}

/* ---------------------------------------------------------------- states */

static int write_made(struct rewriter *r, const struct taped_item *item, struct error *err)
{
    assert(item->k && item->k < trace_checkpoint_count(r->t) && "the first checkpoint has nothing before it");
    const struct trace_checkpoint *c = trace_checkpoint(r->t, item->k), *last = c - 1;
    struct part_state_view state;
    if (!part_state_split(item->state.data, item->state.n, &state))
        return error_set(err, "the state at checkpoint %zu makes no sense", item->k);
    const struct trace_note fold = {.icount = c->icount,
                                    .time = c->time,
                                    .type = FOLD_NOTE,
                                    .name = "state",
                                    .data = state.fold,
                                    .len = (uint32_t)state.nfold};
    if (state.nfold && trace_write_note(r->w, &fold, err))
        return -1;
    if (!r->index && !item->has_touched)
        return 0;
    struct touched_set set = item->set;
    uint64_t begin = last->icount, end;
    if (r->index)
        touched_part(r->index, item->k - 1, &begin, &end, &set);
    return touched_write(r->touched, r->w, begin, c->icount, c->time, &set, err);
}

int rewriter_checkpoint(struct rewriter *r, const struct taped_item *item, struct error *err)
{
    size_t k = item ? item->k : 0;
    assert(k == r->next && "checkpoints come in their order, each once");
    if (write_chunks(r, UINT64_MAX, err) || write_inputs(r, trace_checkpoint(r->t, k)->icount, err) ||
        write_notes(r, UINT64_MAX, err) || (item && write_made(r, item, err)) ||
        trace_copy_checkpoint(r->w, err))
        return -1;
    r->next = k + 1;
    return 0;
}

/* ---------------------------------------------------------------- life */

static void rewriter_free(struct rewriter *r)
{
    touched_writer_free(r->touched);
    touched_index_free(r->index);
    for (size_t i = 0; i < r->nreached; i++)
        free(r->reached[i]);
    free(r->reached);
    free(r->before);
    free(r->chunk);
    free(r);
}

bool rewriter_has_index(struct trace *t)
{
    struct error ignored;
    struct touched_index *x = touched_index_read(t, &ignored);
    struct touched_set set;
    size_t n = trace_checkpoint_count(t);
    bool all = x && touched_parts(x) + 1 == n;
    for (size_t i = 0; all && i + 1 < n; i++) {
        uint64_t begin, end;
        touched_part(x, i, &begin, &end, &set);
        all = begin == trace_checkpoint(t, i)->icount && end == trace_checkpoint(t, i + 1)->icount;
    }
    touched_index_free(x);
    return all;
}

static int write_profile(struct rewriter *r, const char *profile, struct error *err)
{
    const struct trace_note note = {.type = PROFILE_NOTE,
                                    .name = PROFILE_NOTE,
                                    .data = profile,
                                    .len = profile ? (uint32_t)strlen(profile) : 0};
    return profile ? trace_write_note(r->w, &note, err) : 0;
}

struct rewriter *rewriter_new(struct trace *t, const char *path, const struct trace_config *config,
                              const char *profile, struct error *err)
{
    struct rewriter *r = mem_zero(1, sizeof *r);
    r->t = t;
    r->w = trace_writer_create(path, config, err);
    if (!r->w) {
        rewriter_free(r);
        return NULL;
    }
    r->touched = touched_writer_new();
    r->index = rewriter_has_index(t) ? touched_index_read(t, err) : NULL;
    r->chunk = trace_chunks(t, &r->nchunks);
    find_before(r);
    r->new_profile = profile;
    if (!trace_writer_copies(r->w, t, err) && !rewriter_checkpoint(r, NULL, err) &&
        !write_profile(r, profile, err))
        return r;
    rewriter_abort(r);
    return NULL;
}

uint64_t rewriter_events(const struct rewriter *r)
{
    return r->events;
}

void rewriter_abort(struct rewriter *r)
{
    if (!r)
        return;
    trace_writer_abort(r->w);
    rewriter_free(r);
}

void rewriter_add_notes(struct rewriter *r, const struct trace_note *notes, size_t n)
{
    r->more = notes;
    r->nmore = n;
}

int rewriter_finish(struct rewriter *r, struct error *err)
{
    const struct trace_end *end = trace_end(r->t);
    int rc = write_chunks(r, UINT64_MAX, err) || write_inputs(r, UINT64_MAX, err) ||
             write_notes(r, UINT64_MAX, err);
    for (size_t i = 0; i < r->nmore && !rc; i++)
        rc = trace_write_note(r->w, &r->more[i], err);
    if (rc)
        trace_writer_abort(r->w);
    else
        rc = trace_writer_finish(r->w, end, err);
    rewriter_free(r);
    return rc ? -1 : 0;
}
