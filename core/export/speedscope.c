/* speedscope.c - the stages in order of time, in speedscope's own format
 * (https://www.speedscope.app/file-format-schema.json): frames, and when each is entered and left. Stages that run side
 * by side are left out, since the format's frames nest. */
#include "base/json.h"
#include "core/export/private/impl.h"

static void put_frames(yajl_gen g, const struct stages *all)
{
    json_object(g, "shared");
    json_array(g, "frames");
    for (size_t i = 0; i < stages_count(all); i++) {
        yajl_gen_map_open(g);
        json_text(g, "name", stages_get(all, i)->name);
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
    yajl_gen_map_close(g);
}

static void put_edge(yajl_gen g, const char *type, size_t frame, uint64_t at)
{
    yajl_gen_map_open(g);
    json_text(g, "type", type);
    json_number(g, "frame", frame);
    json_number(g, "at", at);
    yajl_gen_map_close(g);
}

/* Stages are a tree, parents first: those that have ended are left before the next one is entered. */
static void put_edges(yajl_gen g, const struct stages *all)
{
    long open = -1;
    for (size_t i = 0; i < stages_count(all); i++) {
        const struct stage *s = stages_get(all, i);
        if (s->beside)
            continue;
        for (; open != s->parent; open = stages_get(all, (size_t)open)->parent)
            put_edge(g, "C", (size_t)open, stages_get(all, (size_t)open)->end_time);
        put_edge(g, "O", i, s->begin_time);
        open = (long)i;
    }
    for (; open >= 0; open = stages_get(all, (size_t)open)->parent)
        put_edge(g, "C", (size_t)open, stages_get(all, (size_t)open)->end_time);
}

static void put_profile(yajl_gen g, const struct story *s)
{
    yajl_gen_map_open(g);
    json_text(g, "type", "evented");
    json_text(g, "unit", "nanoseconds");
    json_text(g, "name", "stages, guest time");
    json_number(g, "startValue", 0);
    json_number(g, "endValue", s->end_time);
    json_array(g, "events");
    put_edges(g, s->stages);
    yajl_gen_array_close(g);
    yajl_gen_map_close(g);
}

int export_speedscope(const struct export_options *o, FILE *out, struct error *err)
{
    struct story *s = story_of(o->trace, err);
    if (!s)
        return -1;
    yajl_gen g = json_new(true);
    yajl_gen_map_open(g);
    json_text(g, "$schema", "https://www.speedscope.app/file-format-schema.json");
    json_text(g, "exporter", "bootreel");
    json_text(g, "name", o->title);
    put_frames(g, s->stages);
    json_array(g, "profiles");
    put_profile(g, s);
    yajl_gen_array_close(g);
    yajl_gen_map_close(g);
    json_write(g, out);
    yajl_gen_free(g);
    story_free(s);
    return 0;
}
