/* images.h - an engine's images tied to a trace: while recording, what the engine reads is written to the
 * trace before the engine gets it; while replaying, the engine reads from the trace. */
#ifndef BOOTREEL_CORE_RUN_IMAGES_H
#define BOOTREEL_CORE_RUN_IMAGES_H

#include "core/engine/engine.h"
#include "traces/trace.h"

/* ---- recording ---- */
struct image_tracker;

/* Wraps n images (referred to, not copied) so that each chunk is written to `w` the first time that any of
 * it is read. They must be in the order of the trace's configuration. A read fails if the image or the
 * writer fails. */
struct image_tracker *image_tracker_new(const struct image *images, size_t n, struct trace_writer *w);
const struct image *image_tracker_images(const struct image_tracker *t);
/* A read that failed: of which image, where (a multiple of TRACE_CHUNK), and what the host said. */
struct image_lost {
    const struct image *image;
    uint64_t offset;
    struct error why;
};
/* The first one; NULL if there was none. From then on the engine does what no replay can repeat, since the trace may hold the chunk
 * from an earlier read. */
const struct image_lost *image_tracker_lost(const struct image_tracker *t);
void image_tracker_free(struct image_tracker *t);

/* Fills the trace's description of an image. Images up to 64 MiB are read whole for their digest, unless they are those of a trace. */
int image_describe(const struct image *image, struct trace_image *out, struct error *err);

/* ---- replaying ---- */
struct image_replay;

struct image_replay *image_replay_new(struct trace *t);
const struct image *image_replay_images(const struct image_replay *r, size_t *count);
void image_replay_free(struct image_replay *r);

#endif
