/* replay_impl.h - what replay.c and verify.c share. Private to them. */
#ifndef BOOTREEL_CORE_RUN_REPLAY_IMPL_H
#define BOOTREEL_CORE_RUN_REPLAY_IMPL_H

#include <stdatomic.h>

#include "core/run/feed.h"
#include "core/run/replay.h"
#include "core/run/state.h"
#include "core/story/inspector.h"

struct replay {
    struct trace *t;
    const struct engine_kind *kind;
    struct engine *e;
    struct image_replay *images;
    struct engine_config cfg;
    struct observer silent;          /* observes nothing */
    const struct observer *observer; /* the user's */
    uint32_t classes;
    struct feed feed;
    bool unplaced;    /* no state was loaded yet: struct engine_config */
    uint64_t fed_at;  /* where the last input was given; UINT64_MAX: none since the state was set */
    struct stop last; /* how the engine's last run ended */
    /* The state that was gone to, as long as the engine may fetch pages of it; or NULL. */
    struct restored *restored;
    void (*progress)(void *ctx, const struct engine *e);
    void *progress_ctx;
    atomic_bool interrupted;
};

/* An inspector like the recorder's, which emits the events of this replay's engine, and its own. NULL with
 * err. */
struct inspector *replay_inspector(struct replay *r, uint32_t classes,
                                   void (*emit)(void *ctx, const struct event *ev), void *ctx,
                                   struct error *err);

/* Goes to checkpoint k, wherever the replay is. All of its pages are loaded at once. */
int replay_load(struct replay *r, size_t k, struct error *err);
/* The same, but pages may be left to be fetched (restore.h), and `hash` holds that state: the next state_hash_engine() with `base` needs
 * only what changes from here on. */
int replay_load_hashed(struct replay *r, size_t k, struct state_hash *hash, struct snapshot_base *base,
                       struct error *err);

/* Runs to `icount` and, if `with_inputs`, applies the inputs at it. As replay_run_to. */
int replay_run_inputs(struct replay *r, uint64_t icount, bool with_inputs, struct stop *stop,
                      struct error *err);

/* While the guest is idle: lets guest time pass up to `time`. 0, or 1 and *stop if the guest
 * goes on instead. */
int replay_pass_time(struct replay *r, uint64_t time, struct stop *stop);

#endif
