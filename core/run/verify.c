/* verify.c - replay_all: the whole run of a trace, compared with the record. See replay.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/run/crash.h"
#include "core/run/private/divergence.h"
#include "core/run/private/outlet.h"
#include "core/story/inspector.h"
#include "core/run/private/recorded_story.h"
#include "core/run/private/replay_impl.h"
#include "core/run/private/part_state.h"
#include "core/run/state.h"
#include "core/run/stored.h"
#include "core/story/reprobe.h"

struct verify {
    struct replay *r;
    const struct replay_options *o;
    struct replay_report *report;
    struct error *err;
    struct trace_verifier *events; /* NULL if not verified, or no longer */
    struct observer observer;
    struct inspector *inspector;  /* NULL if not verified, or in a part that does not begin at 0 */
    struct recorded_story *story; /* in such a part: what the inspector would emit */
    size_t first,
        last; /* checkpoints where the run begins and ends; last may be one more than there are: the end */
    struct outlet record; /* what is compared with the record; without classes once the comparison is over */
    struct outlet taken;  /* the taker's */
    struct reprobe *reprobe; /* the taker's new probes, or NULL */
    bool before;             /* the run is still before the part, for their sake */
    struct state_hash *hash;
    struct snapshot_base hashed; /* the state that `hash` holds */
    struct stored_index *index;  /* NULL: not compared */
    size_t visited;              /* of the options' positions */
    struct trace_difference diff;
    bool event_differs;
    bool failed; /* *err is set */
    struct text out;
    struct stop stop;
};

/* ---------------------------------------------------------------- events */

/* A trace that is truncated or full ends amid the events of its last position, and events that are not
 * complete there (a line, repeated port accesses) are missing: too many or too few events at the very end are
 * then not a difference. */
static bool cut_off(const struct verify *v, const struct trace_difference *d)
{
    return trace_cut_off(v->r->t) && !(d->has_recorded && d->has_replayed);
}

static void stop_comparing(struct verify *v)
{
    v->event_differs = !cut_off(v, &v->diff);
    v->record.classes = 0;
    if (v->event_differs)
        v->r->e->ops->interrupt(v->r->e);
}

static void fail(struct verify *v)
{
    v->failed = true;
    v->record.classes = 0;
    v->r->e->ops->interrupt(v->r->e);
}

static void verify_event(void *ctx, const struct event *ev)
{
    struct verify *v = ctx;
    if (!v->record.classes) /* the comparison is over */
        return;
    int rc = trace_verifier_event(v->events, ev, &v->diff, v->err);
    v->report->events++;
    if (rc > 0)
        stop_comparing(v);
    if (rc < 0)
        fail(v);
}

/* An event of a new probe. */
static void take_new(void *ctx, const struct event *ev)
{
    struct verify *v = ctx;
    if (!v->before)
        outlet_event(&v->taken, ev);
}

/* An event of the engine or of the inspector, in order. */
static void take_event(void *ctx, const struct event *ev)
{
    struct verify *v = ctx;
    uint32_t bit = EVENT_CLASS_BIT(event_kind(ev->kind)->cls);
    if (bit & v->record.classes && !trace_knows(v->r->t, ev->kind))
        v->report->newer++; /* and does not divide a repetition, as none did in the record */
    else
        outlet_event(&v->record, ev);
    outlet_event(&v->taken, ev);
    if (bit & v->r->classes)
        v->r->observer->event(v->r->observer->ctx, ev);
}

/* An event of the recorded story. */
static void take_story_event(void *ctx, const struct event *ev)
{
    struct verify *v = ctx;
    if (v->reprobe)
        reprobe_story(v->reprobe, ev);
    take_event(v, ev);
}

static void on_event(void *ctx, const struct event *ev)
{
    struct verify *v = ctx;
    if (v->before) {
        reprobe_event(v->reprobe, ev);
        return;
    }
    if (v->story && recorded_story_before(v->story, ev, v->err))
        fail(v);
    if (v->reprobe)
        reprobe_event(v->reprobe, ev);
    if (v->inspector)
        inspector_event(v->inspector, ev);
    else
        take_event(v, ev);
}

static void on_console(void *ctx, unsigned device, const void *data, size_t n)
{
    const struct verify *v = ctx;
    if (v->r->observer->console && !v->before)
        v->r->observer->console(v->r->observer->ctx, device, data, n);
}

static void on_probe(void *ctx, unsigned id, unsigned cpu, uint64_t icount)
{
    struct verify *v = ctx;
    if (v->inspector)
        inspector_probe(v->inspector, id, cpu, icount);
    if (v->reprobe)
        reprobe_probe(v->reprobe, id, cpu, icount);
    if (v->r->observer->probe)
        v->r->observer->probe(v->r->observer->ctx, id, cpu, icount);
}

/* Checks for events before `icount` that only the record or only the replay has. */
static int events_left(struct verify *v, uint64_t icount)
{
    if (!v->record.classes || v->event_differs)
        return 0;
    v->record.classes = 0;
    int rc = trace_verifier_finish(v->events, icount, &v->diff, v->err);
    if (rc > 0)
        v->event_differs = !cut_off(v, &v->diff);
    return rc < 0 ? -1 : 0;
}

/* ---------------------------------------------------------------- states */

static uint64_t present_hash(struct verify *v)
{
    return state_hash_engine(v->hash, v->r->e, &v->hashed);
}

static int report_state(struct verify *v, size_t k)
{
    long n = divergence_of_state(v->r->e, v->r->t, k, &v->out, v->err);
    if (n == 0)
        text_add(
            &v->out,
            "  it is the state that the trace holds, but not the one that was recorded: pages read back wrong%s\n",
            trace_version(v->r->t) < TRACE_PAGE_CHECKS
                ? ", and this trace is too old to have checksums that say which: record it again"
                : "");
    return n < 0 ? -1 : 0;
}

/* The state differs at checkpoint k. The report has differences of earlier events first, since they
 * happened before. */
static int state_differs(struct verify *v, size_t k)
{
    const struct trace_checkpoint *c = trace_checkpoint(v->r->t, k);
    uint64_t icount = c->icount;
    if (events_left(v, icount))
        return -1;
    /* An access that is being folded here was recorded later, with the icount of its last repetition. */
    bool at_edge = v->diff.has_recorded   ? !v->diff.has_replayed && v->diff.number >= c->event
                   : v->diff.has_replayed ? v->diff.replayed.icount >= icount
                                          : false;
    if (v->event_differs && !at_edge)
        divergence_of_event(&v->diff, &v->out);
    v->event_differs = false;
    text_add(&v->out, "the state at the checkpoint at icount %llu differs:\n", (unsigned long long)icount);
    v->report->diverged = true;
    return report_state(v, k);
}

/* The record lacks something that only the taker needs: *err is set. */
static int taker_fails(struct verify *v)
{
    v->report->unclear = true;
    return -1;
}

static int is_unclear(struct verify *v)
{
    v->report->unclear = true;
    return error_set(
        v->err, "the record does not say in which order the events of guest systems and the new ones come");
}

/* At a checkpoint, where the part begins or goes on: all that is before it is given to the taker. Returns the state with which the next
 * stretch begins, to be freed. */
static void *cut_taken(struct verify *v, bool begins, size_t *n)
{
    struct part_state_view parts = {0};
    void *probes = v->reprobe ? reprobe_cut(v->reprobe, &parts.nprobes) : NULL;
    void *fold = begins ? outlet_state(&v->taken, &parts.nfold) : outlet_cut(&v->taken, &parts.nfold);
    parts.fold = fold;
    parts.probes = probes;
    void *state = part_state_join(&parts, n);
    free(fold);
    free(probes);
    return state;
}

/* An event that an inspector holds is passed on at the engine's next event, which may be a new one: before
 * this checkpoint and not after it. */
static int give_checkpoint(struct verify *v, size_t k)
{
    const struct replay_taker *taker = v->o->taker;
    struct touched_set set;
    size_t n;
    if (recorded_story_unclear(v->story) ||
        recorded_story_passed(v->story) > trace_checkpoint(v->r->t, k)->event)
        return is_unclear(v);
    void *state = cut_taken(v, false, &n);
    if (taker->touched)
        v->r->e->ops->touched(v->r->e, &set);
    taker->checkpoint(taker->ctx, k, state, n, taker->touched ? &set : NULL);
    free(state);
    return 0;
}

/* The state is that of checkpoint k. What its hash does not cover must be right too: which fields it has, and which event follows it. */
static int checkpoint_fits(struct verify *v, size_t k)
{
    uint64_t layout;
    if (stored_layout(v->r->t, k, &layout, v->err))
        return -1;
    if (layout != state_hash_layout(v->hash))
        return trace_checkpoint_error(v->r->t, k, "its fields are not those of the machine", v->err);
    if (v->record.classes && trace_verifier_next(v->events) != trace_checkpoint(v->r->t, k)->event)
        return trace_checkpoint_error(v->r->t, k, "the event after it is another one", v->err);
    if (k > v->first)
        return stored_index_check(v->index, k, v->err);
    stored_index_begin(v->index, k);
    return 0;
}

/* 0: equal; 1: differs, reported; -1: error. */
static int compare_checkpoint(struct verify *v, size_t k)
{
    const struct trace_checkpoint *c = trace_checkpoint(v->r->t, k);
    uint64_t time = v->r->e->ops->time(v->r->e);
    if (v->story && recorded_story_until(v->story, c->event, v->err))
        fail(v);
    size_t n;
    free(outlet_cut(&v->record, &n)); /* as the recorder did */
    if (v->failed)
        return -1;
    if (present_hash(v) != c->hash)
        return state_differs(v, k) ? -1 : 1;
    if (time != c->time) {
        text_add(&v->out, "guest time at the checkpoint at icount %llu: recorded %llu ns, replayed %llu ns\n",
                 (unsigned long long)c->icount, (unsigned long long)c->time, (unsigned long long)time);
        v->report->diverged = true;
        return 1;
    }
    if (checkpoint_fits(v, k))
        return -1;
    v->report->checkpoints++;
    if (v->first && k == v->first + 1) /* most of the pages that this part needs have been fetched */
        trace_relax(v->r->t);
    return v->o->taker && k != v->first ? give_checkpoint(v, k) : 0;
}

/* ---------------------------------------------------------------- divergences */

/* An event differs. How the states differ is known at the next checkpoint, if the run gets there. */
static int event_diverged(struct verify *v)
{
    struct stop stop;
    v->report->diverged = true;
    divergence_of_event(&v->diff, &v->out);
    for (size_t k = 0; k < trace_checkpoint_count(v->r->t); k++) {
        uint64_t at = trace_checkpoint(v->r->t, k)->icount;
        if (at <= v->r->e->ops->icount(v->r->e))
            continue;
        /* The interrupt that ended the comparison may still be pending, if the run was about
         * to stop anyway. */
        int rc = replay_run_to(v->r, at, &stop, NULL);
        if (rc == 1 && stop.reason == STOP_INTERRUPTED && !atomic_load(&v->r->interrupted))
            rc = replay_run_to(v->r, at, &stop, NULL);
        if (!rc) {
            text_add(&v->out, "the state at the next checkpoint, at icount %llu:\n", (unsigned long long)at);
            return report_state(v, k);
        }
        break;
    }
    return 0;
}

/* The run stopped before `icount`, or at it for another reason than the recorded one. */
static int stopped_early(struct verify *v, uint64_t icount)
{
    if (v->failed)
        return -1;
    if (v->event_differs)
        return event_diverged(v);
    if (atomic_load(&v->r->interrupted)) {
        v->report->interrupted = true;
        return 0;
    }
    uint64_t at = v->r->e->ops->icount(v->r->e);
    if (events_left(v, at))
        return -1;
    if (v->event_differs && v->diff.has_recorded && v->diff.has_replayed)
        divergence_of_event(&v->diff, &v->out);
    v->report->diverged = true;
    text_add(&v->out, "the replay ended at icount %llu: %s%s%s; the record goes on to icount %llu\n",
             (unsigned long long)at, stop_word(v->stop.reason), v->stop.text[0] ? ": " : "", v->stop.text,
             (unsigned long long)icount);
    return 0;
}

/* ---------------------------------------------------------------- the end */

bool replay_ended_by_reset(const struct engine_kind *kind, const struct trace_end *end)
{
    const enum crash c = crash_by_word(end->reason);
    if (kind->no_reset)
        return false;
    return !strcmp(end->reason, stop_word(STOP_RESET)) || !strcmp(end->reason, CRASH_PANIC_RESET) ||
           c == CRASH_RESET_LOOP || c == CRASH_TRIPLE_FAULT;
}

/* Whether the recorder stopped the run there, which would otherwise have gone on. */
static bool ended_by_recorder(const struct trace_end *end)
{
    return !strcmp(end->reason, "reached") || !strcmp(end->reason, "interrupted") ||
           crash_by_word(end->reason) || !strcmp(end->reason, CRASH_PANIC_RESET) ||
           !strcmp(end->reason, stop_word(STOP_RESET));
}

/* Carries out what is left of the last step: the guest asks for the reset. */
static int reach_reset(struct verify *v, const struct trace_end *end)
{
    struct replay *r = v->r;
    const struct run_limit limit = {.icount = end->icount + 1, .time = UINT64_MAX, .stop_on_reset = true};
    r->e->ops->run(r->e, &limit, &r->last);
    v->stop = r->last;
    return v->stop.reason == STOP_INTERRUPTED;
}

/* Runs the engine to the position and the state in which the recording ended. */
static int reach_end(struct verify *v, const struct trace_end *end)
{
    struct replay *r = v->r;
    int rc = replay_run_inputs(r, end->icount, true, &v->stop, v->err);
    if (!rc)
        rc = replay_pass_time(r, end->time, &v->stop);
    if (rc)
        return rc;
    if (replay_ended_by_reset(r->kind, end))
        return reach_reset(v, end);
    if (ended_by_recorder(end))
        return 0;
    if (strcmp(stop_word(r->last.reason), end->reason) || r->last.icount != end->icount) {
        const struct run_limit limit = {.icount = end->icount + 1, .time = UINT64_MAX};
        r->e->ops->run(r->e, &limit, &r->last);
    }
    v->stop = r->last;
    return v->stop.reason == STOP_INTERRUPTED;
}

/* Compares how the runs ended. Returns 1 if that differs. */
static int compare_end(struct verify *v, const struct trace_end *end)
{
    const struct engine *e = v->r->e;
    bool by_itself = !ended_by_recorder(end);
    bool same = e->ops->icount(e) == end->icount && e->ops->time(e) == end->time;
    if (by_itself)
        same = same && !strcmp(stop_word(v->stop.reason), end->reason) && v->stop.status == end->status;
    if (same)
        return 0;
    v->report->diverged = true;
    text_add(&v->out, "the end differs:\n  recorded: %s at icount %llu, %llu ns, status %d\n", end->reason,
             (unsigned long long)end->icount, (unsigned long long)end->time, end->status);
    text_add(&v->out, "  replayed: %s at icount %llu, %llu ns, status %d%s%s\n", stop_word(v->stop.reason),
             (unsigned long long)e->ops->icount(e), (unsigned long long)e->ops->time(e), v->stop.status,
             v->stop.text[0] ? ": " : "", v->stop.text);
    return 1;
}

/* The checkpoint that the recorder took of the final state, if there is one; otherwise the last checkpoint is
 * from an earlier moment at that position. */
long replay_final_checkpoint(const struct trace *t)
{
    const struct trace_end *end = trace_end(t);
    size_t n = trace_checkpoint_count(t);
    if (!end || !n)
        return -1;
    const struct trace_checkpoint *c = trace_checkpoint(t, n - 1);
    return c->icount == end->icount && c->hash == end->hash ? (long)n - 1 : -1;
}

static int compare_final_state(struct verify *v, const struct trace_end *end)
{
    long k = replay_final_checkpoint(v->r->t);
    if (!end->hash)
        return 0;
    if (k >= 0)
        return compare_checkpoint(v, (size_t)k);
    if (present_hash(v) == end->hash)
        return 0;
    v->report->diverged = true;
    text_add(&v->out, "the final state, at icount %llu, differs from the recorded one\n",
             (unsigned long long)end->icount);
    return 1;
}

static int finish(struct verify *v)
{
    struct replay *r = v->r;
    const struct trace_end *end = trace_end(r->t);
    if (end && !trace_cut_off(r->t)) {
        int rc = reach_end(v, end);
        if (rc < 0)
            return -1;
        if (rc || v->event_differs || v->failed)
            return stopped_early(v, end->icount);
        rc = compare_end(v, end);
        if (!rc)
            rc = compare_final_state(v, end);
        if (rc)
            return rc < 0 ? -1 : 0;
        r->e->ops->flush(r->e);
        if (v->inspector)
            inspector_finish(v->inspector);
        if (v->story && recorded_story_until(v->story, UINT64_MAX, v->err))
            fail(v);
        if (v->reprobe)
            reprobe_finish(v->reprobe);
        outlet_finish(&v->record);
        outlet_finish(&v->taken);
        if (v->o->taker && recorded_story_unclear(v->story))
            return is_unclear(v);
    }
    if (v->failed || (!v->event_differs && events_left(v, r->e->ops->icount(r->e))))
        return -1;
    return v->event_differs ? event_diverged(v) : 0;
}

/* ---------------------------------------------------------------- the whole */

/* Checkpoints that divide the run: not that of the final state. */
static size_t dividing_checkpoints(const struct trace *t)
{
    return trace_checkpoint_count(t) - (replay_final_checkpoint(t) >= 0);
}

size_t replay_parts(const struct trace *t)
{
    size_t n = dividing_checkpoints(t);
    return n ? n : 1;
}

void replay_stretches(const struct trace *t, unsigned part, unsigned parts, size_t *first, size_t *end)
{
    assert(part && part <= parts && "parts are counted from 1");
    size_t n = replay_parts(t);
    *first = (size_t)((unsigned __int128)n * (part - 1) / parts);
    *end = (size_t)((unsigned __int128)n * part / parts);
}

int replay_check_parts(struct trace *t, struct error *err)
{
    return recorded_story_check(t, err);
}

/* Checks at the end of a part that the record has no events before its checkpoint that the replay did not
 * have. */
static int part_ends(struct verify *v)
{
    assert(v->last > v->first && v->last < trace_checkpoint_count(v->r->t) &&
           "a part ends at a checkpoint after its first");
    const struct trace_checkpoint *c = trace_checkpoint(v->r->t, v->last);
    if (!v->record.classes || trace_verifier_next(v->events) == c->event)
        return 0;
    int rc = trace_verifier_finish(v->events, UINT64_MAX, &v->diff, v->err);
    v->record.classes = 0;
    if (rc <= 0)
        return rc;
    divergence_of_event(&v->diff, &v->out);
    v->report->diverged = true;
    return 0;
}

/* Whether the part ends at checkpoint k; then that is its last. */
static bool ends_at(struct verify *v, size_t k)
{
    assert(k > v->first);
    if (k < v->last || (v->o->go_on && v->o->go_on(v->o->ctx, k)))
        return false;
    v->last = k;
    return true;
}

/* Runs to the positions up to `icount` where something becomes known that the new probes need. As replay_run_to. */
static int reach_known(struct verify *v, uint64_t icount)
{
    int rc = 0;
    for (uint64_t at; !rc && v->reprobe && (at = reprobe_next(v->reprobe)) <= icount;) {
        rc = replay_run_to(v->r, at, &v->stop, v->err);
        if (!rc && reprobe_reach(v->reprobe, v->err))
            return taker_fails(v);
    }
    return !rc && v->reprobe && reprobe_failed(v->reprobe, v->err) ? taker_fails(v) : rc;
}

/* Runs to `icount`, by way of the positions whose state the caller wants to know. */
static int run_to(struct verify *v, uint64_t icount)
{
    const struct replay_options *o = v->o;
    int rc = reach_known(v, icount);
    for (; !rc && v->visited < o->nvisits && o->visit[v->visited].icount <= icount; v->visited++) {
        rc = replay_run_to(v->r, o->visit[v->visited].icount, &v->stop, v->err);
        if (!rc)
            o->visit[v->visited].hash = present_hash(v);
    }
    return rc ? rc : replay_run_to(v->r, icount, &v->stop, v->err);
}

static int run_whole(struct verify *v)
{
    struct trace *t = v->r->t;
    for (size_t k = v->first; v->o->verify && k < dividing_checkpoints(t); k++) {
        uint64_t at = trace_checkpoint(t, k)->icount;
        int rc = run_to(v, at);
        if (rc < 0)
            return -1;
        if (rc || v->event_differs || v->failed)
            return stopped_early(v, at);
        rc = compare_checkpoint(v, k);
        if (rc)
            return rc < 0 ? -1 : 0;
        if (k == v->first && k) /* where a part begins; it is counted where another ends */
            v->report->checkpoints--;
        if (k > v->first && ends_at(v, k))
            return part_ends(v);
    }
    int rc = run_to(v, trace_last_icount(t));
    if (rc < 0)
        return -1;
    return rc || v->event_differs || v->failed ? stopped_early(v, trace_last_icount(t)) : finish(v);
}

/* Finds the folder's state as the recorder had it at that checkpoint: in a note right before it. 1: *note; 0:
 * the folder was as a new one. */
static int recorded_fold(struct verify *v, const struct trace_checkpoint *c, struct trace_note *note)
{
    for (uint64_t i = 0, n = trace_note_count(v->r->t); i < n; i++) {
        if (trace_note(v->r->t, i, note, v->err))
            return -1;
        if (note->icount == c->icount && !strcmp(note->type, FOLD_NOTE))
            return 1;
    }
    return 0;
}

static int load_recorded(struct verify *v, struct outlet *o)
{
    struct trace_note note;
    const int any = o->fold ? recorded_fold(v, trace_checkpoint(v->r->t, v->first), &note) : 0;
    return any < 0 ? -1 : outlet_load(o, any ? note.data : NULL, any ? note.len : 0, v->err);
}

/* Loads the state of the taker's outlet where the part begins. */
static int load_fold(struct verify *v, const struct part_state_view *state)
{
    return v->o->taker->has_state ? outlet_load(&v->taken, state->fold, state->nfold, v->err)
                                  : load_recorded(v, &v->taken);
}

static int begin_probes(struct verify *v, size_t k, const struct part_state_view *state)
{
    return reprobe_begin(v->reprobe, k, state->probes, state->nprobes, v->err) ? taker_fails(v) : 0;
}

static void observe(struct verify *v)
{
    const uint32_t needs =
        (v->inspector ? inspector_classes(v->inspector) : 0) | (v->o->taker ? v->o->taker->classes : 0);
    const uint32_t unordered = v->inspector ? 0 : EVENT_CLASS_BIT(EC_IFLAG);
    v->r->e->ops->observe(v->r->e, (v->r->classes | v->record.classes | needs) & ~unordered, &v->observer);
}

/* The calls in progress are not known where the part begins: so it is reached from the checkpoint before it. */
static bool runs_before(const struct verify *v)
{
    const struct replay_taker *taker = v->o->taker;
    return v->first && taker && taker->nprobes && !taker->has_state;
}

/* The record's guests have had their events up to where the part begins. */
static int tell_story_before(struct verify *v)
{
    struct event last;
    const int any = recorded_story_last(v->r->t, trace_checkpoint(v->r->t, v->first)->event, &last, v->err);
    if (any > 0)
        reprobe_story(v->reprobe, &last);
    return any < 0 ? -1 : 0;
}

/* The state of that checkpoint was loaded: start_at_checkpoint(). */
static int run_before(struct verify *v)
{
    const struct part_state_view none = {0};
    const uint64_t begin = trace_checkpoint(v->r->t, v->first)->icount;
    if (begin_probes(v, v->first - 1, &none))
        return -1;
    v->before = true;
    observe(v);
    int rc = reach_known(v, begin);
    if (!rc)
        rc = replay_reach(v->r, begin, v->err);
    else if (rc > 0)
        rc = error_set(v->err, "the replay stopped at icount %llu", (unsigned long long)v->stop.icount);
    if (!rc)
        rc = tell_story_before(v);
    v->before = false;
    return rc;
}

static int start_probes(struct verify *v, const struct part_state_view *state)
{
    const struct replay_taker *taker = v->o->taker;
    const struct reprobe_options o = {.engine = v->r->e,
                                      .recorded = v->r->t,
                                      .setting = taker->probe,
                                      .nsettings = taker->nprobes,
                                      .ctx = v,
                                      .emit = take_new};
    if (!taker->nprobes)
        return 0;
    v->reprobe = reprobe_create(&o, v->err);
    if (!v->reprobe)
        return -1;
    return runs_before(v) ? run_before(v) : begin_probes(v, v->first, state);
}

/* Gives the taker what it needs where the part begins. */
static int start_taking(struct verify *v)
{
    const struct replay_taker *taker = v->o->taker;
    struct touched_set ignored;
    struct part_state_view view = {0};
    size_t n;
    if (!taker)
        return 0;
    if (taker->has_state && !part_state_split(taker->state, taker->nstate, &view))
        return error_set(v->err, "the state where a part begins makes no sense");
    outlet_open(&v->taken, taker->classes, taker->event, taker->ctx);
    if ((v->first && load_fold(v, &view)) || start_probes(v, &view))
        return -1;
    void *state = cut_taken(v, true, &n);
    taker->begin(taker->ctx, state, n);
    free(state);
    if (taker->touched)
        v->r->e->ops->touched(v->r->e, &ignored);
    return 0;
}

static int start_at_checkpoint(struct verify *v)
{
    const struct trace_checkpoint *c = trace_checkpoint(v->r->t, v->first);
    if (trace_verifier_seek(v->events, c->event, v->err) ||
        replay_load_hashed(v->r, v->first - runs_before(v), v->hash, &v->hashed, v->err))
        return -1;
    return load_recorded(v, &v->record);
}

static int take_story(struct verify *v)
{
    uint64_t event = v->first ? trace_checkpoint(v->r->t, v->first)->event : 0;
    return recorded_story_open(v->r->t, event, take_story_event, v, &v->story, v->err);
}

/* Chooses the checkpoints between which the part lies that was asked for. False: it is empty. */
static bool choose_part(struct verify *v)
{
    unsigned part = v->o->part, parts = v->o->parts;
    size_t end;
    v->last = SIZE_MAX;
    if (!parts)
        return true;
    replay_stretches(v->r->t, part, parts, &v->first, &end);
    v->last = part < parts && end < replay_parts(v->r->t) ? end : SIZE_MAX;
    return v->first < end;
}

/* Makes the verifier of the events, and an inspector like the recorder's. */
static int start_verifying(struct verify *v)
{
    struct replay *r = v->r;
    if (!v->o->checked && (trace_check(r->t, v->err) || stored_states_check(r->t, v->err)))
        return -1; /* what the replay does not need must be valid too */
    outlet_open(&v->record, trace_config(r->t)->classes, verify_event, v);
    v->events = trace_verifier_open(r->t, v->err);
    if (!v->events)
        return -1;
    if (!v->o->taker &&
        stored_index_open(r->t, r->e, !v->first, &v->index, v->err)) /* a taker asks what is touched itself */
        return -1;
    if (v->first && start_at_checkpoint(v))
        return -1;
    if (v->first || v->o->no_inspector)
        return start_taking(v) ? -1 : take_story(v);
    v->inspector = replay_inspector(r, v->record.classes, take_event, v, v->err);
    return v->inspector ? 0 : -1;
}

int replay_all(struct replay *r, const struct replay_options *o, struct replay_report *report,
               struct error *err)
{
    struct verify v = {.r = r, .o = o, .report = report, .err = err, .hash = state_hash_new()};
    *report = (struct replay_report){0};
    r->progress = o->progress;
    r->progress_ctx = o->ctx;
    v.observer = (struct observer){.ctx = &v, .event = on_event, .probe = on_probe, .console = on_console};
    int rc = 0;
    if (!choose_part(&v)) {
        report->verified = true;
        state_hash_free(v.hash);
        return 0;
    }
    if (o->verify)
        rc = start_verifying(&v);
    if (rc && atomic_load(&r->interrupted)) { /* before the part began */
        report->interrupted = true;
        rc = 0;
    }
    report->from = r->e->ops->icount(r->e);
    observe(&v);
    if (v.inspector)
        inspector_start(v.inspector);
    if (!rc && !report->interrupted)
        rc = run_whole(&v);
    if (!rc && o->verify && !report->diverged && trace_damaged(r->t))
        rc = error_set(err, "%s: the trace is damaged; the replay equals everything before that",
                       trace_damage(r->t));
    r->e->ops->observe(r->e, r->classes, r->observer);
    report->divergence = v.out.s;
    report->steps = r->e->ops->icount(r->e) - report->from;
    report->taken = v.story ? recorded_story_count(v.story) : 0;
    report->stop = v.stop;
    report->verified = o->verify && !rc && !report->diverged && !report->interrupted;
    if (v.inspector || v.reprobe)
        r->e->ops->stops(r->e, NULL, 0);
    inspector_destroy(v.inspector);
    reprobe_free(v.reprobe);
    recorded_story_close(v.story);
    outlet_close(&v.record);
    outlet_close(&v.taken);
    trace_verifier_close(v.events);
    stored_index_close(v.index);
    state_hash_free(v.hash);
    return rc;
}
