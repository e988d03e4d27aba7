/* evlist.h - a list of a trace's events, which reads only the events that are asked for. Private to tui/.
 *
 * A list of whole classes is an index into the trace: reading any row costs at most one frame. A list that is
 * filtered further, or folded, is built by a walk over the trace in slices; meanwhile the rows found so far
 * are shown.
 */
#ifndef BOOTREEL_TUI_EVLIST_H
#define BOOTREEL_TUI_EVLIST_H

#include "core/symbols/symbols.h"
#include "core/timeline/timeline.h"

struct evlist_filter {
    uint32_t classes;
    bool story;      /* without the events that a processor makes all the time */
    bool has_filter; /* also apply `filter` */
    struct event_filter filter;
    uint64_t from, to; /* icounts; `to` is 0 for the end of the trace */
    bool has_pid;
    symbol_space pid; /* of has_pid: guest and pid */
    bool fold;
};

struct evlist;

struct evlist *evlist_new(struct trace *t, const struct evlist_filter *f);
void evlist_free(struct evlist *l); /* NULL is allowed */
/* Does a slice of the walk. True while there is more. */
bool evlist_work(struct evlist *l);
/* How much of the walk is done, 0 to 100. */
unsigned evlist_done(const struct evlist *l);
/* Whether the walk ended at a part of the trace that cannot be read. */
bool evlist_damaged(const struct evlist *l);
uint64_t evlist_count(const struct evlist *l);
/* Reads row i; *run is the number of events that it stands for. ev->data is valid until the next call. False
 * if it cannot be read. */
bool evlist_get(struct evlist *l, uint64_t i, struct event *ev, uint64_t *number, uint32_t *run);
/* The first known row at or after an icount, or the count if there is none. */
uint64_t evlist_find(struct evlist *l, uint64_t icount);

#endif
