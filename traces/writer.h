/* writer.h - the inside of a trace writer, shared by writer.c, writer_checkpoint.c and writer_copy.c. */
#ifndef BOOTREEL_TRACES_WRITER_H
#define BOOTREEL_TRACES_WRITER_H

#include "traces/content.h"
#include "traces/pagemap.h"
#include "traces/sink.h"

/* Items of one kind that are being collected for a frame. */
struct collect {
    struct buf bytes;
    uint32_t items;
    uint64_t total; /* items in frames before this one */
    uint64_t first_icount, last_icount;
};

struct image_state {
    uint64_t size;
    uint8_t *have; /* one bit per chunk */
};

struct region_state {
    char *name;
    struct pagemap map;   /* as of the last checkpoint */
    struct pagemap given; /* in the checkpoint being written */
    int64_t moved;        /* pages that were last seen at another place came from `index + moved`;
                           * 0 if not known */
};

struct page_place {
    uint32_t region, index;
};

struct checkpoint_state {
    bool open, whole, bad;
    struct error error;
    uint64_t icount, time;
    uint64_t total;
    struct buf sections;
    size_t nsections, nfields;
    struct buf pages, hints;  /* new pages for the other thread, with a struct page_hint for each */
    struct page_place *place; /* where the page of each number was last seen, for those that
                               * `content` remembers */
    size_t places;
    struct content_table content;
    struct region_state *region;
    size_t nregions, cap;
    size_t last_region; /* consecutive pages are mostly in the same region */
};

struct copied; /* writer_copy.c */

struct trace_writer {
    struct sink *sink;
    uint64_t icount; /* the highest position seen */

    struct event_encoder *encoder;
    unsigned nkinds; /* that the trace lists */
    uint64_t events; /* in frames before the current one */
    uint64_t first_event_icount, last_event_icount;
    uint32_t frame_kinds[EV_COUNT];
    uint64_t kinds[EV_COUNT];

    struct collect input, note;
    uint64_t input_time;

    struct image_state *image;
    size_t nimages;
    struct collect chunks; /* bytes: content; items: references */
    struct buf chunk_refs, chunk_lengths;
    uint32_t new_chunks;
    struct content_table content;

    struct checkpoint_state ck;
    struct copied *copied; /* NULL unless image content and states are copied from another trace */

    bool limited, full;
    struct trace_kept kept; /* what was committed */
    uint64_t kept_kinds[EV_COUNT];
    uint64_t last_event_time;
};

/* If there is a limit, commits what was passed to the sink, up to this position. -1 if the file is full. */
int writer_commit(struct trace_writer *w, uint64_t icount, uint64_t time, struct error *err);
void writer_checkpoint_free(struct checkpoint_state *ck);
/* The head of the next CHECKPOINT frame, and its extra bytes. */
struct frame_head writer_checkpoint_head(struct trace_writer *w, uint64_t hash, struct buf *extra);
/* Adds a chunk that is not there yet, with the number of its content. */
int writer_chunk(struct trace_writer *w, const struct trace_chunk *c, bool is_new, const void *data, size_t n,
                 struct error *err);
/* After a CHUNKS frame: writes the streams whose content is complete in the file by now. */
void writer_copied_streams(struct trace_writer *w, const struct frame_head *chunks);
void writer_copied_free(struct copied *c);

#endif
