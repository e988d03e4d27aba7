/* touched_store.h - what was learnt of a trace's parts (touched_learn()), kept in a folder, so that the next process need not run them
 * again: the folder of unpacked streams (trace_prepare()).
 *
 * A file is named after the trace's identity, and ends with its own digest: a damaged one counts as none. The oldest files of the folder
 * are removed as stream_store.h says. */
#ifndef BOOTREEL_TRACES_TOUCHED_STORE_H
#define BOOTREEL_TRACES_TOUCHED_STORE_H

#include "traces/touched.h"

struct trace;

/* Tells the index of this trace what is known of its parts. Cost: milliseconds for some hundred thousand pages. */
void touched_store_get(const char *folder, const struct trace *t, struct touched_index *x);
/* Keeps what the index has learnt, and what is known besides. Where that fails (a full disk, a file system without O_TMPFILE), it is
 * not kept. */
void touched_store_keep(const char *folder, const struct trace *t, struct touched_index *x);

#endif
