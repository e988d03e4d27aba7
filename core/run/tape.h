/* tape.h - passes any number of bytes from one thread to another. What the reader has not taken yet is in a
 * file without a name, not in memory. */
#ifndef BOOTREEL_CORE_RUN_TAPE_H
#define BOOTREEL_CORE_RUN_TAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct tape;

/* The file is in the folder of `path`. NULL with err. */
struct tape *tape_new(const char *path, struct error *err);
void tape_free(struct tape *t); /* NULL is allowed */

/* ---- the writer ---- */
void tape_put(struct tape *t, const void *data, size_t n);
/* Nothing more will be written. -1 with err if not all could be. */
int tape_end(struct tape *t, struct error *err);

/* ---- the reader ---- */
/* Takes n bytes, for which it waits. False at the end; tape_check() then says whether all was read. */
bool tape_get(struct tape *t, void *data, size_t n);
/* After the end: 0 if all bytes were written and read; -1 with err. */
int tape_check(const struct tape *t, struct error *err);

#endif
