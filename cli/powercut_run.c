/* powercut_run.c - the boots of powercut. See powercut.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/real_time.h"
#include "base/text.h"
#include "cli/powercut.h"
#include "cli/verdict.h"
#include "cli/work_folder.h"
#include "cli/workers.h"
#include "core/compare/compare.h"
#include "core/compare/trace_outline.h"
#include "core/hunt/trial.h"
#include "core/run/images.h"
#include "core/run/recorder.h"

/* ---------------------------------------------------------------- a boot */

static int record(const struct powercut *p, const struct engine_config *cfg, const char *path,
                  struct record_result *result, struct error *err)
{
    const struct position until = {.kind = p->until ? POS_ICOUNT : POS_TIME,
                                   .n = p->until ? p->until : p->until_time};
    const bool limited = p->until || p->until_time;
    const struct record_options o = {.path = path,
                                     .kind = p->kind,
                                     .config = cfg,
                                     .classes = EVENT_CLASSES_DEFAULT,
                                     .checkpoint_every = RECORD_CHECKPOINT_EVERY,
                                     .checkpoint_adapted = true,
                                     .until = &until,
                                     .nuntil = limited ? 1 : 0,
                                     .unattended = !limited};
    struct recorder *r = recorder_create(&o, err);
    const int rc = r ? recorder_run(r, result, err) : -1;
    recorder_destroy(r);
    return rc;
}

static void put_end(const struct trace *t, char end[POWER_END])
{
    const struct trace_end *e = trace_end(t);
    char text[300];
    trial_plain(e ? e->text : "", text, sizeof text);
    if (e && !strcmp(e->reason, stop_word(STOP_POWER_OFF)))
        snprintf(end, POWER_END, "power-off, status %d", e->status);
    else
        snprintf(end, POWER_END, "%.40s%s%s", e ? e->reason : "no end", *text ? ": " : "", text);
}

/* Whether two boots are the same, their inputs apart. */
static bool is_same(const struct outline *a, const struct outline *b)
{
    struct comparison *c = compare(a, b, NULL);
    bool same = true;
    for (size_t i = 0; i < comparison_count(c) && same; i++) {
        const struct pair *pair = comparison_pair(c, i);
        const struct outline_item *item =
            pair->a != OUTLINE_NONE ? outline_get(a, pair->a) : outline_get(b, pair->b);
        same = pair->way == PAIR_SAME || pair->tolerated || item->type == OUTLINE_INPUT;
    }
    comparison_free(c);
    return same;
}

/* What a trace of a boot says. */
struct boot {
    struct outline *outline;
    bool wrong;
    char end[POWER_END];
};

static int look(const struct powercut *p, const char *path, struct boot *b, struct power_result *result,
                struct error *err)
{
    struct trace *t = trace_open(path, err);
    if (!t)
        return -1;
    struct why *w = verdict_of(p->engines, t);
    b->outline = outline_of_trace(t, path, NULL, err);
    b->wrong = why_is_bad(w);
    put_end(t, b->end);
    if (b->wrong && result) {
        snprintf(result->code, sizeof result->code, "%s", why_code_name(w->code));
        snprintf(result->verdict, sizeof result->verdict, "%s", w->verdict);
        for (char *s = result->verdict; *s; s++)
            *s = (unsigned char)*s < ' ' ? ' ' : *s;
    }
    why_free(w);
    trace_close(t);
    return b->outline ? 0 : -1;
}

static enum power_outcome judge(const struct powercut *p, const struct boot *b)
{
    if ((strcmp(b->end, p->before.end) && strcmp(b->end, p->after.end)) ||
        (b->wrong && !p->before.wrong && !p->after.wrong))
        return POWER_DEAD;
    if (!strcmp(b->end, p->after.end) && is_same(p->after.outline, b->outline))
        return POWER_AFTER;
    if (!strcmp(b->end, p->before.end) && is_same(p->before.outline, b->outline))
        return POWER_BEFORE;
    return POWER_REPAIR;
}

/* The machine with the images after a loss. */
static struct engine_config config_of(const struct powercut *p, const struct power_images *images,
                                      struct setting **settings, const char *text)
{
    struct engine_config cfg = p->cfg;
    *settings = mem_zero(cfg.nsettings + 2, sizeof **settings);
    memcpy(*settings, cfg.settings, cfg.nsettings * sizeof **settings);
    if (text)
        (*settings)[cfg.nsettings++] = (struct setting){POWER_SETTING, text};
    cfg.settings = *settings;
    cfg.images = power_images_list(images);
    return cfg;
}

/* Records a boot. 1 if an image could not be read: then result says which. */
static int make_boot(const struct powercut *p, const struct power_cut *cut, const char *path,
                     const char *text, struct power_result *result, struct error *err)
{
    struct power_images *images = power_images_new(p->content, cut);
    struct setting *settings;
    struct record_result r = {0};
    const struct engine_config cfg = config_of(p, images, &settings, text);
    int rc = record(p, &cfg, path, &r, err);
    if (!rc && r.image_lost) {
        result->outcome = POWER_FAILED;
        snprintf(result->end, sizeof result->end, "%.390s", r.stop.text);
        rc = 1;
    }
    power_images_free(images);
    free(settings);
    return rc;
}

int powercut_boot(const struct powercut *p, const struct power_cut *cut, const char *keep, const char *text,
                  struct power_result *result, struct error *err)
{
    struct boot b = {0};
    char *path = keep ? mem_string(keep)
                      : text_format("%s/boot-%llu.reel", p->folder, (unsigned long long)result->number);
    int rc = make_boot(p, cut, path, text, result, err);
    if (!rc && !(rc = look(p, path, &b, result, err))) {
        result->outcome = judge(p, &b);
        snprintf(result->end, sizeof result->end, "%s", b.end);
    }
    outline_free(b.outline);
    if (!keep)
        unlink(path);
    free(path);
    return rc < 0 ? -1 : 0;
}

static int make_reference(struct powercut *p, const struct power_cut *cut, struct power_reference *ref,
                          const char *name, struct error *err)
{
    struct boot b = {0};
    struct power_result result = {0};
    char *path = text_format("%s/%s.reel", p->folder, name);
    int rc = make_boot(p, cut, path, NULL, &result, err);
    if (rc > 0)
        rc = error_set(err, "the boot from what was %s the run: %.300s", name, result.end);
    if (!rc)
        rc = look(p, path, &b, NULL, err);
    ref->outline = b.outline;
    ref->wrong = b.wrong;
    snprintf(ref->end, sizeof ref->end, "%s", b.end);
    free(path);
    if (!rc && !p->quiet)
        out_print(stderr, "bootreel: %s: %s\n", name, ref->end);
    return rc;
}

static int make_references(struct powercut *p, struct error *err)
{
    if (p->check)
        return powercut_check_references(p, err);
    if (make_reference(p, &p->cut[0], &p->before, "before", err) ||
        make_reference(p, &(struct power_cut){.point = p->w.n}, &p->after, "after", err))
        return -1;
    if (p->after.wrong)
        out_print(
            stderr,
            "bootreel: warning: the boot after the run goes wrong (bootreel why %s/after.reel): boots that "
            "end so too are not counted as dead\n",
            p->folder);
    if (!p->quiet && is_same(p->before.outline, p->after.outline) && !strcmp(p->before.end, p->after.end))
        out_words(stderr, "bootreel: the boots before and after the run do not differ\n");
    return 0;
}

/* ---------------------------------------------------------------- the run that writes */

/* Whether an image may differ from that of the run: one that it does not write to, if another machine boots. */
static bool may_differ(const struct powercut *p, const char *role)
{
    for (size_t m = 0; m < p->w.nmedia; m++)
        if (!strcmp(p->w.medium[m].role, role))
            return false;
    return p->trace != NULL;
}

/* The images of the machine that boots are those that the run began with. */
static int check_images(const struct powercut *p, const struct engine_config *cfg, struct error *err)
{
    const struct trace_config *was = trace_config(p->t);
    for (size_t i = 0; i < cfg->nimages; i++)
        for (size_t k = 0; k < was->nimages; k++) {
            struct trace_image now;
            if (strcmp(cfg->images[i].role, was->images[k].role))
                continue;
            if (image_describe(&cfg->images[i], &now, err))
                return -1;
            const bool same = now.size == was->images[k].size &&
                              now.has_digest == was->images[k].has_digest &&
                              !memcmp(now.digest, was->images[k].digest, sizeof now.digest);
            if (!same && !may_differ(p, cfg->images[i].role))
                return error_set(err, "%.200s is not the image that %.200s%s began with%s",
                                 cfg->images[i].name, p->trace ? p->trace : p->folder,
                                 p->trace ? "" : "/run.reel",
                                 p->trace ? "" : ": give another folder with -o");
        }
    return 0;
}

/* A recording that was killed has no end. */
static bool is_whole(const char *path)
{
    struct error ignored;
    struct trace *t = trace_open(path, &ignored);
    const bool whole = t && trace_end(t);
    trace_close(t);
    return whole;
}

static int open_run(struct powercut *p, struct error *err)
{
    char *path = p->trace ? mem_string(p->trace) : text_format("%s/run.reel", p->folder);
    int rc = 0;
    if (!p->trace || p->words.n)
        rc = machine_finish(p->machine, err);
    if (!rc && !p->trace) {
        struct record_result result;
        p->again = is_whole(path);
        rc = p->again ? 0 : record(p, machine_config(p->machine), path, &result, err);
        if (!rc && !p->quiet)
            out_print(stderr, "bootreel: the run is in %s\n", path);
    }
    p->t = rc ? NULL : trace_open(path, err);
    if (p->t && (p->kind = recording_engine(p->engines, p->t, path, err)))
        p->replay = replay_open(p->t, p->kind, err);
    free(path);
    return p->replay ? 0 : -1;
}

static int read_writes(struct powercut *p, struct error *err)
{
    const struct power_marks marks = {.text = p->texts.word,
                                      .ntexts = p->texts.n,
                                      .lines = !p->texts.n && !p->nports,
                                      .port = p->ports,
                                      .nports = p->nports};
    if (power_writes_read(&p->w, p->replay, p->kind, trace_last_icount(p->t), &marks, err))
        return -1;
    bool found = !p->cuts.role;
    for (size_t m = 0; m < p->w.nmedia; m++)
        found |= p->cuts.role && !strcmp(p->w.medium[m].role, p->cuts.role);
    if (!found)
        return error_set(err, "--image %.40s: the run does not write to it", p->cuts.role);
    return p->w.n ? 0
                  : error_set(err, "%.300s: the run writes to no drive and no flash chip",
                              p->trace ? p->trace : p->folder);
}

int powercut_prepare(struct powercut *p, struct error *err)
{
    p->kind = engine_find(p->engines, p->machine && machine_is_hosted(p->machine) ? "linux" : "pc", err);
    if (!p->kind || open_run(p, err) || read_writes(p, err))
        return -1;
    const bool own = p->trace && !p->words.n;
    p->cfg = own ? *replay_config(p->replay) : *machine_config(p->machine);
    p->cfg.unplaced = false;
    if ((p->trace ? !own : p->again) && check_images(p, &p->cfg, err))
        return -1;
    p->content = power_content_new(&p->w, p->cfg.images, p->cfg.nimages, err);
    if (!p->content)
        return -1;
    p->cut = power_cuts(p->content, &p->cuts, &p->ncuts);
    if (!p->quiet)
        out_print(stderr, "bootreel: %zu writes, %zu contents that differ\n", p->w.n, p->ncuts);
    return 0;
}

void powercut_free(struct powercut *p)
{
    outline_free(p->before.outline);
    outline_free(p->after.outline);
    power_cuts_free(p->cut, p->ncuts);
    power_content_free(p->content);
    power_writes_free(&p->w);
    replay_close(p->replay);
    trace_close(p->t);
    free(p->ports);
}

/* ---------------------------------------------------------------- all losses */

struct trials {
    struct powercut *p;
    struct power_results *r;
    size_t next, end, made, total;
    FILE *log;
    uint64_t began;
};

static bool next(void *ctx, uint64_t *item)
{
    struct trials *t = ctx;
    while (t->next < t->end && power_results_find(t->r, t->next))
        t->next++;
    *item = t->next;
    return t->next++ < t->end;
}

static void describe(const struct powercut *p, const struct power_cut *cut, struct power_result *result)
{
    const struct power_write *last = cut->point ? &p->w.write[cut->point - 1] : NULL;
    result->point = cut->point;
    result->whole = !cut->nlost && !cut->torn;
    power_cut_words(p, cut, result->words);
    snprintf(result->mark, sizeof result->mark, "%s", last && last->mark ? last->mark : "");
    for (char *s = result->mark; *s; s++)
        *s = *s == '\t' ? ' ' : *s;
}

static void work(void *ctx, uint64_t item, size_t slot, void *out)
{
    const struct trials *t = ctx;
    struct power_result *result = out;
    struct error err = {""};
    const struct power_cut *cut = &t->p->cut[item];
    result->number = item;
    describe(t->p, cut, result);
    const int rc = t->p->check ? powercut_check(t->p, cut, slot, result, &err)
                               : powercut_boot(t->p, cut, NULL, NULL, result, &err);
    if (rc) {
        result->outcome = POWER_FAILED;
        snprintf(result->end, sizeof result->end, "%.390s", err.text);
    }
}

static int take(void *ctx, uint64_t item, const void *out, int signal, struct error *err)
{
    struct trials *t = ctx;
    struct power_result killed = {.number = item, .outcome = POWER_FAILED};
    describe(t->p, &t->p->cut[item], &killed);
    snprintf(killed.end, sizeof killed.end, "the trial was ended by signal %d", signal);
    const struct power_result *result = out ? out : &killed;
    power_results_add(t->r, result);
    power_results_put(t->log, result);
    t->made++;
    return fflush(t->log) ? error_set(err, "%.200s/results: %s", t->p->folder, strerror(errno)) : 0;
}

static void show(void *ctx)
{
    const struct trials *t = ctx;
    if (t->p->quiet || !isatty(STDERR_FILENO))
        return;
    const double seconds = (double)(real_ns() - t->began) / 1e9;
    size_t dead = 0;
    for (size_t i = 0; i < t->r->n; i++)
        dead += t->r->result[i].outcome == POWER_DEAD;
    out_control(stderr, "\r\033[K");
    out_print(stderr, "losing power: %zu of %zu, %.1f a second, %zu dead", t->r->n, t->total,
              (double)t->made / (seconds + 0.001), dead);
    fflush(stderr);
}

int powercut_run(struct powercut *p, struct power_results *r, size_t first, size_t end, struct error *err)
{
    struct trials t = {.p = p, .r = r, .next = first, .end = end, .total = end - first, .began = real_ns()};
    struct workers w = {.jobs = p->jobs,
                        .result = sizeof(struct power_result),
                        .ctx = &t,
                        .next = next,
                        .work = work,
                        .take = take,
                        .show = show};
    int rc = make_references(p, err);
    if (!rc && !(t.log = work_folder_append(p->folder, "results", err)))
        rc = -1;
    if (!rc)
        rc = workers_run(&w, err);
    p->stopped = w.stopped;
    if (!p->quiet && isatty(STDERR_FILENO))
        out_control(stderr, "\r\033[K");
    if (t.log)
        fclose(t.log);
    return rc;
}
