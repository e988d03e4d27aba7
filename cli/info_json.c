/* info_json.c - bootreel info --format json: see info.h. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/info.h"
#include "cli/share_files.h"
#include "cli/verdict.h"
#include "core/run/crash.h"
#include "core/story/marks.h"

static void put_trace(yajl_gen g, const struct engines *engines, struct trace *t, const char *path)
{
    struct error why;
    const struct trace_config *cfg = trace_config(t);
    json_text(g, "trace", path);
    json_number(g, "bytes", trace_file_size(t));
    json_number(g, "format", trace_version(t));
    json_text(g, "state",
              trace_being_written(t) ? "being recorded"
              : trace_damaged(t)     ? "damaged"
              : trace_truncated(t)   ? "cut short"
                                     : "whole");
    json_text(g, "damage", trace_truncated(t) && !trace_being_written(t) ? trace_damage(t) : NULL);
    json_text(g, "engine", cfg->engine);
    json_number(g, "behaviour", cfg->behaviour);
    json_text(g, "replay_refused", recorded_behaves(engines, t, &why) ? NULL : why.text);
}

/* How many settings before `end` have the key of setting i. */
static size_t same_key(const struct trace_config *cfg, size_t i, size_t end)
{
    size_t n = 0;
    for (size_t k = 0; k < end; k++)
        n += !strcmp(cfg->settings[k].key, cfg->settings[i].key);
    return n;
}

/* Settings that are given several times (environment) are one member, an array. */
static void put_setting(yajl_gen g, const struct trace_config *cfg, size_t i)
{
    const char *key = cfg->settings[i].key;
    if (same_key(cfg, i, i))
        return;
    if (same_key(cfg, i, cfg->nsettings) == 1) {
        json_text(g, key, cfg->settings[i].value);
        return;
    }
    json_array(g, key);
    for (size_t k = i; k < cfg->nsettings; k++)
        if (!strcmp(cfg->settings[k].key, key))
            json_element(g, cfg->settings[k].value);
    yajl_gen_array_close(g);
}

static void put_machine(yajl_gen g, struct trace *t)
{
    const struct trace_config *cfg = trace_config(t);
    json_object(g, "machine");
    if (!strcmp(cfg->engine, "pc") && !trace_setting(t, "machine")) /* when there was no other */
        json_text(g, "machine", "pc");
    for (size_t i = 0; i < cfg->nsettings; i++)
        put_setting(g, cfg, i);
    yajl_gen_map_close(g);
}

static void put_images(yajl_gen g, struct trace *t)
{
    const struct trace_config *cfg = trace_config(t);
    json_array(g, "images");
    for (size_t i = 0; i < cfg->nimages; i++) {
        const struct trace_image *im = &cfg->images[i];
        char digest[33];
        snprintf(digest, sizeof digest, "%016llx%016llx", (unsigned long long)im->digest[1],
                 (unsigned long long)im->digest[0]);
        yajl_gen_map_open(g);
        json_text(g, "role", im->role);
        json_text(g, "name", im->name);
        json_number(g, "bytes", im->size);
        json_number(g, "recorded", trace_image_recorded(t, (unsigned)i));
        if (image_is_folder(im)) /* "bytes" is what a guest could look at */
            json_bool(g, "folder", true);
        json_text(g, "xxh3", im->has_digest ? digest : NULL);
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
}

static int put_inputs(yajl_gen g, struct trace *t, struct error *err)
{
    uint64_t bytes = 0;
    struct input in;
    for (uint64_t i = 0; i < trace_input_count(t); i++) {
        if (trace_input(t, i, &in, err))
            return -1;
        bytes += in.len;
    }
    json_object(g, "inputs");
    json_number(g, "count", trace_input_count(t));
    json_number(g, "bytes", bytes);
    yajl_gen_map_close(g);
    return 0;
}

/* A class that was not recorded has no member. */
static void put_events(yajl_gen g, struct trace *t)
{
    json_number(g, "events", trace_event_count(t, EVENT_CLASSES_ALL));
    json_object(g, "classes");
    for (int c = 0; c < EC_COUNT; c++)
        if (trace_config(t)->classes & EVENT_CLASS_BIT(c))
            json_number(g, event_class_name(c), trace_event_count(t, EVENT_CLASS_BIT(c)));
    yajl_gen_map_close(g);
}

static int put_host_calls(yajl_gen g, struct trace *t, struct error *err)
{
    struct host_call *list = NULL;
    size_t n = 0;
    const int rc = host_calls_of(t, &list, &n, err);
    json_array(g, "host_calls");
    for (size_t i = 0; i < n; i++) {
        yajl_gen_map_open(g);
        json_text(g, "name", list[i].name);
        json_number(g, "count", list[i].count);
        json_text(g, "errors", list[i].errors.n ? list[i].errors.s : NULL);
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
    host_calls_free(list, n);
    return rc;
}

static void put_checkpoints(yajl_gen g, struct trace *t)
{
    const size_t n = trace_checkpoint_count(t);
    json_object(g, "checkpoints");
    json_number(g, "count", n);
    if (n) {
        json_number(g, "first", trace_checkpoint(t, 0)->icount);
        json_number(g, "last", trace_checkpoint(t, n - 1)->icount);
    }
    yajl_gen_map_close(g);
}

static void put_frames(yajl_gen g, struct trace *t)
{
    struct {
        uint64_t n, stored, raw;
    } sum[TF_KINDS] = {{0}};
    for (size_t i = 0; i < trace_frame_count(t); i++) {
        const struct trace_frame *f = trace_frame(t, i);
        sum[f->kind].n++;
        sum[f->kind].stored += f->stored;
        sum[f->kind].raw += f->raw;
    }
    json_array(g, "frames");
    for (int k = 1; k < TF_KINDS; k++) {
        if (!sum[k].n)
            continue;
        yajl_gen_map_open(g);
        json_text(g, "kind", trace_frame_kind_name((enum trace_frame_kind)k));
        json_number(g, "count", sum[k].n);
        json_number(g, "bytes", sum[k].stored);
        json_number(g, "unpacked", sum[k].raw);
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
}

static int put_end(yajl_gen g, struct trace *t, struct error *err)
{
    struct crash_report crash;
    const struct trace_end *end = trace_end(t);
    if (crash_of_trace(t, &crash, err))
        return -1;
    json_object(g, "ended");
    json_text(g, "reason", end ? end->reason : NULL);
    json_text(g, "text", end && end->text[0] ? end->text : NULL);
    json_number(g, "icount", end ? end->icount : trace_last_icount(t));
    if (end) {
        json_number(g, "time", end->time);
        json_number(g, "status", (uint64_t)end->status);
    }
    yajl_gen_map_close(g);
    json_text(g, "crash", crash.kind ? crash.text : NULL);
    if (crash.kind)
        json_number(g, "crash_icount", crash.icount);
    return 0;
}

static int put_marks(yajl_gen g, struct trace *t, struct error *err)
{
    struct marks *m = marks_new();
    size_t n;
    const int rc = marks_see_trace(m, t, err);
    const struct mark *list = marks_list(m, &n);
    json_array(g, "marks");
    for (size_t i = 0; i < n; i++) {
        yajl_gen_map_open(g);
        json_number(g, "icount", list[i].icount);
        json_number(g, "time", list[i].time);
        json_text(g, "kind", event_kind(list[i].kind)->name);
        json_text(g, "text", list[i].text);
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
    marks_free(m);
    return rc;
}

static int put_screen(yajl_gen g, struct trace *t, struct error *err)
{
    for (uint64_t i = 0; i < trace_note_count(t); i++) {
        struct trace_note note;
        if (trace_note(t, i, &note, err))
            return -1;
        if (strcmp(note.type, "screen") || strcmp(note.name, "final"))
            continue;
        char *text = mem_text(note.data, note.len);
        json_text(g, "screen", text);
        free(text);
    }
    return 0;
}

/* null if it cannot be asked: the trace is of a version that this program cannot run. */
static void put_verdict(yajl_gen g, const struct engines *engines, struct trace *t, const char *path)
{
    struct why *w = verdict_of(engines, t);
    if (!w) {
        json_text(g, "why", NULL);
        return;
    }
    json_object(g, "why");
    why_json(g, w, path);
    yajl_gen_map_close(g);
    why_free(w);
}

int info_json(const struct engines *engines, struct trace *t, const char *path, bool checked,
              struct error *err)
{
    yajl_gen g = json_new(true);
    yajl_gen_map_open(g);
    put_trace(g, engines, t, path);
    put_machine(g, t);
    put_images(g, t);
    int rc = put_inputs(g, t, err);
    put_events(g, t);
    rc = rc ? rc : put_host_calls(g, t, err);
    put_checkpoints(g, t);
    put_frames(g, t);
    rc = rc ? rc : put_end(g, t, err);
    rc = rc ? rc : put_marks(g, t, err);
    rc = rc ? rc : put_screen(g, t, err);
    if (!rc)
        put_verdict(g, engines, t, path);
    json_bool(g, "checked", checked);
    yajl_gen_map_close(g);
    if (!rc)
        json_print(g);
    yajl_gen_free(g);
    return rc;
}
