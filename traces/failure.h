/* failure.h - the first failure of the host while a file was read (its disk, memory for the machine), shared by all readers of that file. Private to
 * traces/. */
#ifndef BOOTREEL_TRACES_FAILURE_H
#define BOOTREEL_TRACES_FAILURE_H

#include <stdbool.h>

#include "base/error.h"

struct failure;

/* For a file that is being opened. */
struct failure *failure_new(void);
/* For another reader of that file, in any thread. Each gets its own reference. */
struct failure *failure_share(struct failure *f);
void failure_leave(struct failure *f); /* NULL is allowed */
/* Only the first one is kept. Any thread. */
void failure_note(struct failure *f, const struct error *err);
/* Whether there was one; then `err`, which may be NULL, gets it. Any thread. */
bool failure_noted(const struct failure *f, struct error *err);

#endif
