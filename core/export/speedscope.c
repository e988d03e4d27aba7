/* speedscope.c - the stages in order of time, in speedscope's own format
 * (https://www.speedscope.app/file-format-schema.json): frames, and when each is entered and left. Stages that run side
 * by side are left out, since the format's frames nest. */
#include <inttypes.h>
#include <string.h>

#include "core/export/private/impl.h"
#include "core/ground/out.h"

static void put_string(FILE *out, const char *key, const char *text)
{
    out_print(out, "\"%s\":\"", key);
    put_json(out, text, strlen(text));
    out_char(out, '"');
}

static void put_frames(FILE *out, const struct stages *all)
{
    out_words(out, "\"shared\":{\"frames\":[");
    for (size_t i = 0; i < stages_count(all); i++) {
        out_words(out, i ? ",\n{" : "\n{");
        put_string(out, "name", stages_get(all, i)->name);
        out_char(out, '}');
    }
    out_words(out, "]}");
}

static void put_edge(FILE *out, char type, size_t frame, uint64_t at, bool *first)
{
    out_print(out, "%s\n{\"type\":\"%c\",\"frame\":%zu,\"at\":%" PRIu64 "}", *first ? "" : ",", type, frame,
              at);
    *first = false;
}

/* Stages are a tree, parents first: those that have ended are left before the next one is entered. */
static void put_edges(FILE *out, const struct stages *all)
{
    bool first = true;
    long open = -1;
    for (size_t i = 0; i < stages_count(all); i++) {
        const struct stage *s = stages_get(all, i);
        if (s->beside)
            continue;
        for (; open != s->parent; open = stages_get(all, (size_t)open)->parent)
            put_edge(out, 'C', (size_t)open, stages_get(all, (size_t)open)->end_time, &first);
        put_edge(out, 'O', i, s->begin_time, &first);
        open = (long)i;
    }
    for (; open >= 0; open = stages_get(all, (size_t)open)->parent)
        put_edge(out, 'C', (size_t)open, stages_get(all, (size_t)open)->end_time, &first);
}

int export_speedscope(const struct export_options *o, FILE *out, struct error *err)
{
    struct story *s = story_of(o->trace, err);
    if (!s)
        return -1;
    out_words(
        out,
        "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\"exporter\":\"bootreel\",");
    put_string(out, "name", o->title);
    out_words(out, ",\n");
    put_frames(out, s->stages);
    out_words(out, ",\n\"profiles\":[{\"type\":\"evented\",\"unit\":\"nanoseconds\",");
    put_string(out, "name", "stages, guest time");
    out_print(out, ",\"startValue\":0,\"endValue\":%" PRIu64 ",\"events\":[", s->end_time);
    put_edges(out, s->stages);
    out_words(out, "]}]}\n");
    story_free(s);
    return 0;
}
