/* evlist.h - a list of a trace's events, of which only those are read that are asked for. Private to tui/.
 *
 * A list of whole classes is an index into the trace: any row costs a frame at most. What is filtered
 * further, or folded, is found by a walk over the trace in slices, while the list is shown as far as it is
 * known.
 */
#ifndef BOOTREEL_TUI_EVLIST_H
#define BOOTREEL_TUI_EVLIST_H

#include "core/timeline.h"

struct evlist_filter {
    uint32_t classes;
    bool story;      /* without what a processor does again and again */
    bool has_filter; /* … and: */
    struct event_filter filter;
    uint64_t from, to; /* icounts; to 0: to the end */
    bool has_pid;
    uint32_t pid;
    bool fold;
};

struct evlist;

struct evlist *evlist_new(struct trace *t, const struct evlist_filter *f);
void evlist_free(struct evlist *l); /* NULL is allowed */
/* A slice of the walk. True while there is more. */
bool evlist_work(struct evlist *l);
/* How much of the walk is done, 0 to 100. */
unsigned evlist_done(const struct evlist *l);
/* The walk ended at a place of the trace that cannot be read. */
bool evlist_damaged(const struct evlist *l);
uint64_t evlist_count(const struct evlist *l);
/* Row i. *run: how many events it stands for. ev->data is valid until the next call. False: it cannot be
 * read. */
bool evlist_get(struct evlist *l, uint64_t i, struct event *ev, uint64_t *number, uint32_t *run);
/* The first row with icount >= this, as far as is known; the count if there is none. */
uint64_t evlist_find(struct evlist *l, uint64_t icount);

#endif
