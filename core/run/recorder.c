/* recorder.c - see recorder.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "core/run/private/recorder_impl.h"
#include "core/run/replay.h"

enum {
    SLICE = 25000000,     /* steps between two reports of progress */
    SOON = 1000000000,    /* guest time, ns */
    TOUCHED_MOST = 5000,  /* lines executed, or what takes as long (effort()): about 80 M steps of a loop */
    WORTH_SAVING = 4096,  /* pages written: saving more takes longer than running again what wrote them */
    FEW_LINES = 4000,     /* lines executed: a part with more takes long to run again */
    SWITCHES_A_LINE = 20, /* between processors: as many take as long as a line */
    ACCESSES_A_LINE = 256 /* to devices: likewise */
};

/* ---------------------------------------------------------------- observing */

static void fail(struct recorder *r)
{
    r->failed = true;
    r->e->ops->interrupt(r->e);
}

static void write_event(void *ctx, const struct event *ev)
{
    struct recorder *r = ctx;
    if (r->failed)
        return;
    assert(r->w && "events come while the trace is written");
    assert(ev->icount >= r->last_event && "positions never fall");
    r->last_event = ev->icount;
    note_written(r, ev->icount, ev->time);
    if (trace_write_event(r->w, ev, &r->err))
        fail(r);
    r->result.events++;
}

/* The first one is kept: it says for which processor the program was compiled. */
static void note_lacking(struct record_result *res, const struct event *ev)
{
    static const char before[] = "which --cpu ";
    if (ev->kind != EV_CPU_LACKS || res->lacking[0])
        return;
    char text[160];
    snprintf(text, sizeof text, "%.*s", (int)ev->len, (const char *)ev->data);
    const char *model = strstr(text, before);
    if (model)
        snprintf(res->model, sizeof res->model, "%.*s", (int)strcspn(model + sizeof before - 1, " "),
                 model + sizeof before - 1);
    snprintf(res->lacking, sizeof res->lacking, "%.*s at %#llx", (int)strcspn(text, ","), text,
             (unsigned long long)EVF(ev, CPU_LACKS, ip));
}

/* An event of the engine or of the inspector, in order. */
static void take_event(void *ctx, const struct event *ev)
{
    struct recorder *r = ctx;
    if (r->watch)
        crash_watch_story(r->watch, ev);
    if (r->watch && crash_watch_over(r->watch))
        r->e->ops->interrupt(r->e);
    note_lacking(&r->result, ev);
    uint32_t bit = EVENT_CLASS_BIT(event_kind(ev->kind)->cls);
    if (r->failed)
        return;
    outlet_event(&r->out, ev);
    if (bit & r->o.hooks.classes)
        r->o.hooks.event(r->o.hooks.ctx, ev);
}

static void take_note(void *ctx, const struct trace_note *note)
{
    struct recorder *r = ctx;
    assert((r->w || r->failed) && "notes come while the trace is written");
    if (!r->failed && !image_lost(r) && trace_write_note(r->w, note, &r->err))
        fail(r);
}

static void take_warning(void *ctx, const char *text)
{
    const struct recorder *r = ctx;
    r->o.hooks.warning(r->o.hooks.ctx, text);
}

/* What the guest sends is answered once the engine has stopped, which it does soon. */
static void note_frame(struct recorder *r, const struct event *ev)
{
    if (!r->o.net || ev->kind != EV_NET_OUT)
        return;
    net_sent(r->o.net, EVF(ev, NET_OUT, card), ev->time, ev->data, ev->len);
    r->e->ops->interrupt(r->e);
}

static void on_event(void *ctx, const struct event *ev)
{
    struct recorder *r = ctx;
    if (image_lost(r))
        return;
    note_frame(r, ev);
    if (r->watch)
        crash_watch_event(r->watch, ev);
    inspector_event(r->inspector, ev);
}

static void on_probe(void *ctx, unsigned id, unsigned cpu, uint64_t icount)
{
    struct recorder *r = ctx;
    if (!image_lost(r))
        inspector_probe(r->inspector, id, cpu, icount);
}

static void on_console(void *ctx, unsigned device, const void *data, size_t n)
{
    struct recorder *r = ctx;
    if (image_lost(r))
        return;
    if (r->watch)
        crash_watch_console(r->watch);
    recorder_until_console(r, device, data, n);
    if (answering(r))
        answers_console(r->o.answers, device, data, n, r->e->ops->time(r->e));
    if (r->o.live)
        live_console(r->o.live, device, data, n, r->e->ops->time(r->e));
    if (r->o.hooks.console)
        r->o.hooks.console(r->o.hooks.ctx, device, data, n);
}

/* ---------------------------------------------------------------- creating */

/* A run that is repeated keeps its behaviour. */
static uint32_t behaviour_of(const struct recorder *r)
{
    return r->o.again ? trace_config(r->o.again)->behaviour : r->o.kind->behaviour;
}

static int create_writer(struct recorder *r, struct error *err)
{
    const struct engine_config *cfg = r->o.config;
    struct trace_image *images = mem_zero(cfg->nimages + 1, sizeof *images);
    int rc = 0;
    for (size_t i = 0; i < cfg->nimages && !rc; i++)
        rc = r->o.again ? (images[i] = trace_config(r->o.again)->images[i], 0)
                        : image_describe(&cfg->images[i], &images[i], err);
    const struct trace_config tc = {.engine = r->o.kind->name,
                                    .behaviour = behaviour_of(r),
                                    .step_ns = r->o.kind->step_ns,
                                    .classes = r->o.classes,
                                    .settings = cfg->settings,
                                    .nsettings = cfg->nsettings,
                                    .images = images,
                                    .nimages = cfg->nimages};
    if (!rc)
        r->w = trace_writer_create(r->o.path, &tc, err);
    if (r->w && r->o.max_size)
        trace_writer_limit(r->w, r->o.max_size);
    if (r->w && r->o.kind->unpacked)
        trace_writer_store(r->w, r->o.kind->unpacked);
    if (r->w)
        trace_writer_count_refused(r->w, &r->result.refused);
    if (r->w && r->o.keep_earlier)
        trace_writer_keep_earlier(r->w, &r->result.earlier);
    free(images);
    return r->w ? 0 : -1;
}

/* The inputs of a repeated run: those of `again`, then those of the diversion. */
static int input_again(void *ctx, uint64_t i, struct input *in, struct error *err)
{
    const struct recorder *r = ctx;
    const struct record_branch *b = r->o.branch;
    if (!b || i < r->branch_from)
        return feed_trace_input(r->o.again, i, in, err);
    *in = (struct input){.icount = UINT64_MAX};
    if (i - r->branch_from < b->ninputs)
        *in = b->inputs[i - r->branch_from];
    return 0;
}

static int no_input(void *ctx, uint64_t i, struct input *in, struct error *err)
{
    *in = (struct input){.icount = UINT64_MAX};
    return 0;
}

static int input_given(void *ctx, const struct input *in, struct error *err)
{
    struct recorder *r = ctx;
    assert(r->w && "inputs come while the trace is written");
    r->result.inputs++;
    note_written(r, in->icount, in->time);
    if (r->watch)
        crash_watch_input(r->watch);
    return trace_write_input(r->w, in, err);
}

/* Creates the inspector, which is between the engine and the trace. */
static int create_inspector(struct recorder *r, struct error *err)
{
    const struct inspector_options io = {.engine = r->e,
                                         .config = r->o.config,
                                         .classes = r->o.classes,
                                         .ctx = r,
                                         .emit = take_event,
                                         .note = take_note,
                                         .recorded = r->o.again,
                                         .symbol_images = r->o.symbol_images,
                                         .nsymbol_images = r->o.nsymbol_images,
                                         .symbol_files = r->o.symbol_files,
                                         .nsymbol_files = r->o.nsymbol_files,
                                         .debug = r->o.debug,
                                         .warn = r->o.hooks.warning ? take_warning : NULL,
                                         .symbols_changed = recorder_calls_look};
    recorder_calls_begin(r);
    r->inspector = inspector_create(&io, err);
    if (!r->inspector)
        return -1;
    r->observer = (struct observer){.ctx = r, .event = on_event, .probe = on_probe, .console = on_console};
    uint32_t watched = r->watch ? crash_watch_classes(r->watch) : 0;
    watched |= r->o.net ? EVENT_CLASS_BIT(EC_NET) : 0;
    r->e->ops->observe(r->e, r->o.classes | r->o.hooks.classes | inspector_classes(r->inspector) | watched,
                       &r->observer);
    return 0;
}

static int create_engine(struct recorder *r, struct error *err)
{
    r->images = image_tracker_new(r->o.config->images, r->o.config->nimages, r->w);
    struct engine_config cfg = {.settings = r->o.config->settings,
                                .nsettings = r->o.config->nsettings,
                                .images = image_tracker_images(r->images),
                                .nimages = r->o.config->nimages,
                                .behaviour = behaviour_of(r),
                                .host = r->o.kind->host};
    /* A recording has one machine; jobs that run again may have several. */
    cfg.host.keeps_zeros = !r->o.again;
    r->e = r->o.kind->create(&cfg, err);
    if (!r->e)
        return -1;
    r->feed = (struct feed){
        .e = r->e, .source = {.ctx = r, .input = r->o.again ? input_again : no_input, .given = input_given}};
    return create_inspector(r, err);
}

struct recorder *recorder_create(const struct record_options *o, struct error *err)
{
    if (recorder_check_until(o, err))
        return NULL;
    struct recorder *r = mem_zero(1, sizeof *r);
    r->o = *o;
    if (!o->hooks.event)
        r->o.hooks.classes = 0;
    r->hash = state_hash_new();
    if (!o->again)
        r->watch = crash_watch_new(o->stop_on, o->keep_going);
    if (r->watch && o->unattended && !o->keep_going)
        crash_watch_unattended(r->watch);
    outlet_open(&r->out, o->classes, write_event, r);
    if (!create_writer(r, err) && !create_engine(r, err)) {
        if (r->e->ops->touched && !o->no_index)
            r->touched = touched_writer_new();
        return r;
    }
    recorder_destroy(r);
    return NULL;
}

void recorder_destroy(struct recorder *r)
{
    if (!r)
        return;
    trace_writer_abort(r->w);
    inspector_destroy(r->inspector);
    crash_watch_free(r->watch);
    outlet_close(&r->out);
    if (r->e)
        r->e->ops->destroy(r->e);
    image_tracker_free(r->images);
    touched_writer_free(r->touched);
    state_hash_free(r->hash);
    recorder_until_free(r);
    recorder_calls_free(r);
    free(r);
}

void recorder_interrupt(struct recorder *r)
{
    atomic_store(&r->interrupted, true);
    r->e->ops->interrupt(r->e);
    if (r->o.live)
        live_wake(r->o.live);
}

/* ---------------------------------------------------------------- checkpoints */

static void save_section(void *ctx, const char *name, const struct field *fields, size_t nfields,
                         const void *base)
{
    struct recorder *r = ctx;
    struct trace_section section = {.name = name, .nfields = nfields, .len = section_size(fields, nfields)};
    struct trace_field *tf = mem_zero(nfields + 1, sizeof *tf);
    void *bytes = mem_alloc(section.len + 1);
    for (size_t i = 0; i < nfields; i++)
        tf[i] = (struct trace_field){fields[i].name, fields[i].width, fields[i].count};
    section_pack(fields, nfields, base, bytes);
    section.fields = tf;
    section.data = bytes;
    state_hash_section(r->hash, name, bytes, section.len);
    trace_checkpoint_section(r->w, &section);
    free(bytes);
    free(tf);
}

static void save_page(void *ctx, const char *region, uint64_t index, const void *data)
{
    struct recorder *r = ctx;
    assert(r->w && index <= UINT32_MAX && "a page's number has 32 bits in a trace");
    state_hash_page(r->hash, region, index, data);
    trace_checkpoint_page(r->w, region, index, data);
}

/* No event is held back across a checkpoint, so that a verification can begin there. */
static int cut_events(struct recorder *r)
{
    size_t n;
    void *state = outlet_cut(&r->out, &n);
    const struct trace_note note = {.icount = icount_of(r),
                                    .time = time_of(r),
                                    .type = FOLD_NOTE,
                                    .name = "state",
                                    .data = state,
                                    .len = (uint32_t)n};
    int rc = r->failed ? -1 : state ? trace_write_note(r->w, &note, &r->err) : 0;
    free(state);
    return rc;
}

/* Writes the pages touched since the last checkpoint, for searches. */
static int write_touched(struct recorder *r, bool first)
{
    struct touched_set set;
    if (!r->touched)
        return 0;
    r->e->ops->touched(r->e, &set);
    r->many = set.n[TOUCH_WRITTEN] > WORTH_SAVING;
    return first
               ? 0
               : touched_write(r->touched, r->w, r->last_checkpoint, icount_of(r), time_of(r), &set, &r->err);
}

/* Whether the distance between checkpoints follows what is touched. */
static bool adapts(const struct recorder *r)
{
    return r->o.checkpoint_adapted && !r->o.again && r->touched && r->o.checkpoint_every % RECORD_CLOSER == 0;
}

/* Where the next checkpoint may be. A repeated run has its checkpoints where the record has them. */
static uint64_t next_checkpoint(const struct recorder *r)
{
    const uint64_t here = icount_of(r), every = r->o.checkpoint_every / (adapts(r) ? RECORD_CLOSER : 1);
    if (!r->o.again || r->o.branch)
        return every ? (here / every + 1) * every : UINT64_MAX;
    size_t next = (size_t)(trace_checkpoint_find(r->o.again, here) + 1);
    bool any = next < trace_checkpoint_count(r->o.again) && (long)next != replay_final_checkpoint(r->o.again);
    return any ? trace_checkpoint(r->o.again, next)->icount : UINT64_MAX;
}

static int checkpoint(struct recorder *r)
{
    const struct snapshot_sink sink = {.ctx = r, .section = save_section, .page = save_page};
    bool whole = !r->saved.epoch;
    assert(icount_of(r) >= r->last_checkpoint && "checkpoints are in order");
    if (cut_events(r) || write_touched(r, whole) ||
        trace_checkpoint_begin(r->w, icount_of(r), time_of(r), whole, &r->err))
        return -1;
    state_hash_begin(r->hash, whole);
    r->e->ops->save(r->e, &sink, &r->saved);
    r->result.checkpoints++;
    r->next_checkpoint = next_checkpoint(r);
    assert(r->next_checkpoint > icount_of(r) && "the next checkpoint is still to come");
    r->last_checkpoint = icount_of(r);
    note_written(r, icount_of(r), time_of(r));
    r->last_hash = state_hash_end(r->hash);
    return trace_checkpoint_end(r->w, r->last_hash, &r->err);
}

/* ---------------------------------------------------------------- running */

static struct run_limit next_limit(struct recorder *r)
{
    uint64_t icount = icount_of(r);
    struct run_limit l = {.icount = earlier(icount + SLICE, r->next_checkpoint),
                          .time = UINT64_MAX,
                          .stop_on_reset = r->o.stop_on_reset || recorder_at_last_reset(r)};
    if (r->look)
        l.icount = earlier(l.icount, icount + 1);
    if (r->watch)
        crash_watch_limit(r->watch, icount, time_of(r), &l);
    if (live(r)) {
        l.icount = earlier(l.icount, (icount / LIVE_STEPS + 1) * LIVE_STEPS);
        l.time = earlier(l.time, r->idle_until);
    }
    if (answering(r))
        recorder_limit_by_answers(r, &l);
    if (r->o.net)
        recorder_limit_by_net(r, &l);
    if (r->o.again)
        l.icount = earlier(l.icount, recorder_again_limit(r));
    recorder_limit_by_until(r, &l);
    return l;
}

/* Whether the run is over. */
static bool asked_to_end(struct recorder *r)
{
    if (!atomic_load(&r->interrupted) && !(r->o.live && live_quit(r->o.live)))
        return false;
    end_as(r, STOP_INTERRUPTED);
    return true;
}

/* A checkpoint is the state when its position was first reached: before inputs there, and before time passes there. */
static bool just_reached(const struct recorder *r)
{
    return r->stop.reason == STOP_REACHED && icount_of(r) > r->last_stop;
}

/* Whether the guest will not reach another position soon: it is halted, and no timer is due soon, or those
 * that were due did not wake it. */
static bool sleeps(const struct recorder *r)
{
    bool halted = r->stop.reason == STOP_IDLE || r->stop.reason == STOP_HALTED;
    return halted && (r->stop.wake == UINT64_MAX || r->stop.wake > r->look_time + SOON ||
                      time_of(r) > r->look_time + SOON);
}

/* How long a part takes to run again, in lines of code that are executed for the first time. */
static uint64_t effort(const struct touched_amount *a)
{
    const uint64_t pages = a->pages > WORTH_SAVING ? 0 : a->pages;
    return a->lines + pages + a->switches / SWITCHES_A_LINE + a->accesses / ACCESSES_A_LINE;
}

/* Whether a checkpoint pays where one may be, by what was touched since the last one. */
static bool checkpoint_pays(struct recorder *r)
{
    const uint64_t here = icount_of(r), every = r->o.checkpoint_every;
    if (!adapts(r) || here % (every * RECORD_FARTHER) == 0)
        return true;
    const struct touched_amount a = r->e->ops->touched_amount(r->e);
    if (here % every == 0)
        return !r->many || a.pages <= WORTH_SAVING || a.lines > FEW_LINES;
    return effort(&a) > TOUCHED_MOST;
}

/* Whether a checkpoint is to be here. Otherwise the next one may be at a later position. */
static bool checkpoint_due(struct recorder *r)
{
    if (icount_of(r) != r->next_checkpoint)
        return false;
    if (checkpoint_pays(r))
        return true;
    r->next_checkpoint = next_checkpoint(r);
    return false;
}

/* Writes the checkpoint that is due here, or for which somebody waits who looks at the recording. */
static int checkpoint_here(struct recorder *r)
{
    bool reached = just_reached(r), due = checkpoint_due(r);
    const bool looked = r->look;
    r->look = r->o.hooks.look && r->o.hooks.look(r->o.hooks.ctx);
    if (r->look && !looked)
        r->look_time = time_of(r);
    r->last_stop = icount_of(r);
    if ((due || (r->look && reached)) && checkpoint(r))
        return -1;
    if (!r->look || (!reached && !sleeps(r)))
        return 0;
    r->look = false;
    if (trace_writer_sync(r->w, &r->err))
        return -1;
    r->o.hooks.looked(r->o.hooks.ctx);
    return 0;
}

/* Whether the watch says that the run is over. */
static bool watch_ends(struct recorder *r)
{
    r->watched = r->watch && crash_watch_stopped(r->watch, r->e, &r->stop);
    return r->watched;
}

/* Handles a stop of the engine. 1: the run is over, see r->stop; 0: go on; -1: the trace cannot be
 * written. */
static int stopped(struct recorder *r)
{
    enum stop_reason reason = r->stop.reason;
    bool goes_on = reason == STOP_REACHED || reason == STOP_IDLE || reason == STOP_HALTED ||
                   reason == STOP_INTERRUPTED || (reason == STOP_RESET && r->watch && !r->o.stop_on_reset);
    int answered;
    if (r->failed)
        return -1;
    if (!goes_on || image_lost(r))
        return 1;
    if (checkpoint_here(r))
        return -1;
    if (r->o.again && recorder_feed_again(r))
        return -1;
    if (recorder_until_reached(r) || asked_to_end(r) || recorder_again_over(r) || watch_ends(r))
        return r->failed ? -1 : 1;
    recorder_look_for_viewers(r);
    if (r->o.hooks.progress)
        r->o.hooks.progress(r->o.hooks.ctx, r->e);
    if (answering(r) && (answered = recorder_answer(r)))
        return answered < 0 ? -1 : 0;
    if (reason == STOP_HALTED)
        return 1;
    if (recorder_serve_net(r))
        return -1;
    if (!live(r))
        return 0;
    return reason == STOP_IDLE ? recorder_idle(r) : recorder_look_for_typing(r);
}

/* Writes the profile with which the trace is to be read. */
static int write_profile(struct recorder *r)
{
    if (!r->o.profile)
        return 0;
    const char *text = profile_text(r->o.profile);
    struct trace_note note = {
        .type = "profile", .name = "profile", .data = text, .len = (uint32_t)strlen(text)};
    return trace_write_note(r->w, &note, &r->err);
}

/* At the end, stores the guest's last screen in the trace for `info`, so that it needs no replay. */
static int write_screen(struct recorder *r)
{
    char *text = mem_alloc(SCREEN_SIZE);
    size_t n = r->e->ops->screen(r->e, text, SCREEN_SIZE);
    struct trace_note note = {
        .icount = icount_of(r), .time = time_of(r), .type = "screen", .name = "final", .data = text};
    note.len = (uint32_t)(n < SCREEN_SIZE ? n : SCREEN_SIZE - 1);
    int rc = n ? trace_write_note(r->w, &note, &r->err) : 0;
    free(text);
    return rc;
}

/* The final state is a checkpoint too, unless there is one at this position, so that a replay can compare it
 * field by field and users can examine it without running anything. */
static int final_state(struct recorder *r, uint64_t *hash)
{
    bool taken = icount_of(r) == r->last_checkpoint;
    if (!taken && checkpoint(r))
        return -1;
    *hash = taken ? state_hash_engine(r->hash, r->e, &r->saved) : r->last_hash;
    return 0;
}

/* How the run ended, in the trace's words. A repeated run ends as its record did, which says why. */
static struct trace_end end_of(struct recorder *r)
{
    struct trace_end end = {.reason = stop_word(r->stop.reason),
                            .text = r->stop.text,
                            .icount = icount_of(r),
                            .time = time_of(r),
                            .status = r->stop.status};
    const struct trace_end *was = end_again(r);
    if (r->watched) {
        bool resets = r->stop.reason == STOP_RESET && r->result.crash == CRASH_PANIC;
        end.reason = resets ? CRASH_PANIC_RESET : crash_word(r->result.crash);
        end.text = r->result.crash_text;
    } else if (was && r->stop.reason != STOP_INTERRUPTED && crash_by_word(was->reason)) {
        end.reason = was->reason;
        end.text = was->text;
    }
    return end;
}

static void take_crash(struct recorder *r)
{
    const char *text;
    if (!r->watch)
        return;
    r->result.watched = r->watched;
    r->result.crash = crash_watch_result(r->watch, &text);
    snprintf(r->result.crash_text, sizeof r->result.crash_text, "%s", text);
}

static int finish(struct recorder *r)
{
    assert(!r->failed && "a trace that cannot be written has no end");
    take_crash(r);
    struct trace_end end = end_of(r);
    if (final_state(r, &end.hash))
        return -1;
    r->result.hash = end.hash;
    r->e->ops->flush(r->e); /* after the hash, since it changes the engine's unfinished events */
    inspector_finish(r->inspector);
    r->result.text_lacking = recorder_until_lacks_text(r);
    recorder_calls_end(r);
    r->result.probes_missing = inspector_probes_missing(r->inspector);
    outlet_finish(&r->out);
    if (r->failed || write_screen(r))
        return -1;
    struct trace_writer *w = r->w;
    r->w = NULL;
    return trace_writer_finish(w, &end, &r->err);
}

/* The trace ends where it is full, which is before the position that the run has reached. */
static int finish_full(struct recorder *r)
{
    struct trace_kept kept;
    char text[80];
    trace_writer_kept(r->w, &kept);
    snprintf(text, sizeof text, "%llu bytes", (unsigned long long)r->o.max_size);
    struct trace_writer *w = r->w;
    r->w = NULL;
    if (!kept.checkpoints) { /* an earlier file of that name stays as it was */
        trace_writer_abort(w);
        return error_set(&r->err, "%s: the machine's first state does not fit into %s: give a larger size",
                         r->o.path, text);
    }
    r->result.full = true;
    r->result.events = kept.events;
    r->result.inputs = kept.inputs;
    r->result.checkpoints = kept.checkpoints;
    r->result.stop = (struct stop){.reason = STOP_REACHED, .icount = kept.icount, .time = kept.time};
    return trace_writer_finish_full(w, text, &r->err);
}

/* An image could not be read: the trace ends with what is in it by now, which is before the read. */
static int finish_lost(struct recorder *r)
{
    char text[80];
    const struct image_lost *lost = image_tracker_lost(r->images);
    snprintf(text, sizeof text, "%.40s cannot be read from byte %llu on", lost->image->role,
             (unsigned long long)lost->offset);
    r->result.image_lost = true;
    r->stop = (struct stop){.reason = STOP_GUEST_FAULT, .icount = r->written_icount, .time = r->written_time};
    snprintf(r->stop.text, sizeof r->stop.text, "%s", lost->why.text);
    const struct trace_end end = {
        .reason = TRACE_IMAGE_LOST, .text = text, .icount = r->written_icount, .time = r->written_time};
    struct trace_writer *w = r->w;
    r->w = NULL;
    return trace_writer_finish(w, &end, &r->err);
}

static uint64_t file_size(const char *path)
{
    struct stat st;
    return stat(path, &st) ? 0 : (uint64_t)st.st_size;
}

int recorder_run(struct recorder *r, struct record_result *result, struct error *err)
{
    inspector_start(r->inspector);
    int over =
        recorder_find_branch(r) || checkpoint(r) || write_profile(r) || (r->o.again && recorder_feed_again(r))
            ? -1
            : 0;
    if (!over && r->o.nuntil && recorder_until_reached(r))
        over = 1;
    while (!over) {
        const struct run_limit limit = next_limit(r);
        const uint64_t from = icount_of(r);
        r->e->ops->run(r->e, &limit, &r->stop);
        assert(icount_of(r) >= from && (icount_of(r) <= limit.icount || icount_of(r) == from) &&
               "a run ends where it was told to");
        const int called = recorder_call_entered(r);
        over = called < 0 ? -1 : called ? 0 : stopped(r);
    }
    if (over > 0)
        over = image_lost(r) ? finish_lost(r) : finish(r);
    if (!r->result.image_lost) {
        r->stop.icount = icount_of(r);
        r->stop.time = time_of(r);
    }
    r->result.stop = r->stop;
    if (over < 0 && r->w && trace_writer_full(r->w))
        over = finish_full(r);
    r->result.bytes = file_size(r->o.path);
    *result = r->result;
    if (over >= 0 && r->o.hooks.ended)
        r->o.hooks.ended(r->o.hooks.ctx, r->e);
    return over < 0 ? error_set(err, "%s", r->err.text) : 0;
}
