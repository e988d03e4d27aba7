/* seeks.h - going to positions of a trace in any order, compared with one run from its beginning. */
#ifndef BOOTREEL_CLI_SEEKS_H
#define BOOTREEL_CLI_SEEKS_H

#include "core/run/replay.h"

struct seeks;

/* n positions, the same for the same trace: anywhere, and beside checkpoints. */
struct seeks *seeks_new(struct trace *t, unsigned n);
void seeks_free(struct seeks *s); /* NULL is allowed */
/* For replay_options: where the run fills in its states' hashes. */
struct replay_visit *seeks_visits(struct seeks *s, size_t *n);
/* After that run: goes to the positions, and says whether the states are the same. Returns the exit status. */
struct engines;
int seeks_compare(struct seeks *s, const struct engines *engines, const char *path, bool quiet);

#endif
