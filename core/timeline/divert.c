/* divert.c - diversions. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/run/recorder.h"
#include "core/run/replay.h"
#include "core/timeline/private/impl.h"

/* ---------------------------------------------------------------- beginning */

void tl_given_clear(struct timeline *tl, uint64_t from)
{
    assert(from <= tl->ngiven);
    while (tl->ngiven > from)
        free((void *)tl->given[--tl->ngiven].data);
}

/* Whether the record ends here because the guest switched itself off. */
static bool switched_off(const struct timeline *tl)
{
    const struct trace_end *end = trace_end(tl->t);
    return end && tl_here(tl) == tl->last && !strcmp(end->reason, stop_word(STOP_POWER_OFF));
}

void timeline_divert(struct timeline *tl)
{
    if (tl->diverted)
        return;
    assert(!tl->ngiven && !tl->divert.n && "an earlier diversion was left");
    tl->fork = tl_here(tl);
    tl_devices_lost(tl);
    tl_learn_lost(tl);
    tl->diverted = true;
    tl->feed.next = 0;
    tl->by_hand = false;
    tl->divert = (struct line){.begin = tl->fork, .end = NOWHERE};
    if (switched_off(tl)) {
        tl->divert.end = tl->last;
        tl->divert.how = STOP_POWER_OFF;
    }
    tl->base_pending = true;
}

bool timeline_off(const struct timeline *tl)
{
    return tl->diverted && tl_here(tl) == tl->divert.end && tl->divert.how == STOP_POWER_OFF;
}

/* The current state was changed by hand: what was known to come after it no longer applies. */
static void tl_fork(struct timeline *tl)
{
    timeline_divert(tl);
    tl_line_clear(tl, &tl->divert);
    tl_given_clear(tl, 0);
    tl->feed.next = 0;
    tl->by_hand = true;
    tl->divert.begin = tl_here(tl);
    tl->base_pending = true;
}

bool timeline_diverted(const struct timeline *tl)
{
    return tl->diverted;
}

int timeline_undivert(struct timeline *tl, struct error *err)
{
    if (!tl->diverted)
        return 0;
    tl_line_clear(tl, &tl->divert);
    tl_given_clear(tl, 0);
    tl->diverted = tl->base_pending = tl->settled = false;
    /* The engine is on another line: its state must be restored, whatever its icount is. */
    uint64_t from = tl_nearest(tl, tl->fork);
    if (from == NOWHERE)
        return error_set(err, "there is no checkpoint before icount %llu", (unsigned long long)tl->fork);
    if (tl_restore(tl, from, err))
        return -1;
    return tl_go_surely(tl, tl->fork, err);
}

/* ---------------------------------------------------------------- changing */

int timeline_reg_set(struct timeline *tl, unsigned cpu, size_t reg, const void *value)
{
    size_t n;
    timeline_regs(tl, &n);
    if (!tl_has(tl, cpu) || reg >= n || tl->e->ops->reg_set(tl->e, cpu, reg, value))
        return -1;
    tl_fork(tl);
    return 0;
}

size_t timeline_poke(struct timeline *tl, unsigned cpu, uint64_t linear, const void *buf, size_t n)
{
    size_t done = tl_has(tl, cpu) ? tl->e->ops->poke(tl->e, cpu, linear, buf, n) : 0;
    if (done)
        tl_fork(tl);
    return done;
}

size_t timeline_poke_physical(struct timeline *tl, uint64_t address, const void *buf, size_t n)
{
    size_t done = tl->e->ops->poke_physical(tl->e, address, buf, n);
    if (done)
        tl_fork(tl);
    return done;
}

/* ---------------------------------------------------------------- live */

/* Saves the diversion's beginning, if that has not been done. */
void tl_save_base(struct timeline *tl)
{
    if (!tl->base_pending)
        return;
    assert(tl->diverted && tl_here(tl) == tl->divert.begin && "it is saved before anything is run");
    tl->base_pending = false;
    tl->settled = true;
    tl_lay(tl);
    tl->divert.pinned = true;
}

static void note_given(struct timeline *tl, const struct input *in)
{
    assert(tl->feed.next == tl->ngiven && "a new input is the last one");
    MEM_MORE(tl->given, tl->ngiven);
    tl->given[tl->ngiven] = *in;
    tl->given[tl->ngiven++].data = mem_copy(in->data, in->len);
    tl->feed.next = tl->ngiven;
}

uint32_t timeline_input(struct timeline *tl, uint16_t port, const void *data, uint32_t len)
{
    timeline_divert(tl);
    if (timeline_off(tl))
        return 0;
    tl_save_base(tl);
    struct input in = {.port = port, .data = data, .len = len};
    struct error err;
    if (feed_offer(&tl->feed, &in, &err) || !in.len)
        return 0;
    /* What was known to come after this no longer applies. */
    assert(tl->diverted && !tl->base_pending && "its beginning can be returned to");
    tl_given_clear(tl, tl->feed.next);
    tl_line_cut(tl, &tl->divert, tl_here(tl));
    tl->divert.end = NOWHERE;
    note_given(tl, &in);
    tl->settled = false;
    return in.len;
}

void timeline_set_console(struct timeline *tl,
                          void (*fn)(void *ctx, unsigned device, const void *data, size_t n), void *ctx)
{
    tl->console = fn;
    tl->console_ctx = ctx;
}

/* ---------------------------------------------------------------- saving */

struct saving {
    struct timeline *tl;
    struct recorder *rec;
    struct record_options o;
    struct record_branch branch;
    struct input *inputs;
};

static void saving_progress(void *ctx, const struct engine *e)
{
    struct saving *s = ctx;
    struct timeline *tl = s->tl;
    tl->op.icount = tl->op.examined = e->ops->icount(e);
    if (tl->progress && !tl->progress(tl->progress_ctx, &tl->op))
        atomic_store(&tl->interrupted, true);
    if (atomic_load(&tl->interrupted))
        recorder_interrupt(s->rec);
}

static void prepare(struct saving *s, const char *path)
{
    struct timeline *tl = s->tl;
    /* Inputs after the current position are left out. */
    assert(tl->diverted && tl->feed.next <= tl->ngiven && tl_here(tl) >= tl->fork);
    s->inputs = mem_copy(tl->given, tl->feed.next * sizeof *s->inputs);
    s->branch = (struct record_branch){tl->fork, s->inputs, (size_t)tl->feed.next, tl_here(tl),
                                       tl->e->ops->time(tl->e)};
    s->o = (struct record_options){.path = path,
                                   .kind = tl->kind,
                                   .config = replay_config(tl->replay),
                                   .classes = trace_config(tl->t)->classes,
                                   .checkpoint_every = RECORD_CHECKPOINT_EVERY,
                                   .again = tl->t,
                                   .branch = &s->branch,
                                   .hooks = {.ctx = s, .progress = saving_progress}};
}

static int save(struct saving *s, struct error *err)
{
    struct record_result res;
    s->rec = recorder_create(&s->o, err);
    if (!s->rec)
        return -1;
    int rc = recorder_run(s->rec, &res, err);
    recorder_destroy(s->rec);
    if (!rc && res.stop.reason == STOP_INTERRUPTED) {
        atomic_store(&s->tl->interrupted, false);
        rc = error_set(err, "%s: interrupted; it holds the run up to icount %llu", s->o.path,
                       (unsigned long long)res.stop.icount);
    }
    return rc;
}

int timeline_save_private(struct timeline *tl, const char *path, struct error *err)
{
    struct saving s = {.tl = tl};
    if (!tl->diverted)
        return error_set(err, "there is no private run to save: give the guest an input first");
    if (tl->by_hand)
        return error_set(err, "a private run in which registers or memory were changed cannot be saved: a "
                              "trace holds inputs only");
    const struct file_id read = trace_file_id(tl->t);
    if (output_check("", path, &read, 1, err))
        return -1;
    tl_save_base(tl);
    tl->op = (struct timeline_progress){.to = tl_here(tl)};
    prepare(&s, path);
    int rc = save(&s, err);
    free(s.inputs);
    return rc;
}
