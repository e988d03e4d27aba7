/* explain_files.c - the files that a disk's sectors belong to. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "core/story/explain.h"
#include "core/story/private/explain_impl.h"
#include "core/volumes/volumes.h"

enum { NAMED = 3, SECTORS_MOST = 4096 };

struct file_words {
    struct trace *t;
    struct engine_images config; /* of the recording */
    const struct engine_words *engine;
    struct volumes **of; /* an image's, from its first use on */
};

struct file_words *file_words_new(struct trace *t, const struct engine_words *engine)
{
    struct file_words *w = mem_zero(1, sizeof *w);
    *w = (struct file_words){.t = t,
                             .config = engine_images_of(trace_config(t)),
                             .engine = engine,
                             .of = mem_zero(trace_config(t)->nimages + 1, sizeof(struct volumes *))};
    return w;
}

void file_words_free(struct file_words *w)
{
    for (size_t i = 0; i < trace_config(w->t)->nimages; i++)
        volumes_free(w->of[i]);
    engine_images_free(&w->config);
    free(w->of);
    free(w);
}

/* The image of that drive, or -1. */
static int image_of(const struct file_words *w, unsigned drive, char role[16])
{
    if (!w->engine || !w->engine->drive || !w->engine->drive(&w->config.config, drive, role))
        return -1;
    return trace_image_by_role(w->t, role);
}

/* Adds the files of `count` sectors from `lba` on: each once, and where in it the sectors begin. */
static unsigned add_files(struct volumes *v, uint64_t lba, uint64_t count, unsigned sector, struct text *out)
{
    const char *last = NULL;
    unsigned n = 0;
    for (uint64_t i = 0, row; i < count && i < SECTORS_MOST; i += row) {
        struct volume_place place;
        const bool found = volumes_find(v, (lba + i) * sector, &place);
        row = found && place.n > sector ? place.n / sector : 1;
        if (!found || (last && !strcmp(place.path, last)))
            continue;
        last = place.path;
        if (n++ >= NAMED)
            continue;
        text_add(out, n > 1 ? ", " : "; ");
        if (n == 1 && place.partition)
            text_add(out, "partition %u: ", place.partition);
        text_add(out, "%s", place.path);
        if (place.at)
            text_add(out, " from byte %" PRIu64, place.at);
    }
    return n;
}

void file_words_add(struct file_words *w, const struct event *ev, struct text *out)
{
    char role[16];
    if (ev->kind != EV_DISK_READ)
        return;
    const int image = image_of(w, (unsigned)EVF(ev, DISK_READ, drive), role);
    if (image < 0)
        return;
    if (!w->of[image])
        w->of[image] = volumes_of_image(w->t, (unsigned)image);
    const unsigned n = add_files(w->of[image], EVF(ev, DISK_READ, lba), EVF(ev, DISK_READ, count),
                                 volumes_sector(role), out);
    if (n > NAMED)
        text_add(out, " and %u more", n - NAMED);
}

int explain_files(struct trace *t, const struct engine_kind *kind, const struct event *ev, char *buf,
                  size_t size)
{
    struct text words = {NULL, 0};
    struct file_words *w = file_words_new(t, kind ? kind->words : NULL);
    file_words_add(w, ev, &words);
    file_words_free(w);
    const int n = snprintf(buf, size, "%s", words.s ? words.s + strlen("; ") : "");
    free(words.s);
    return n;
}
