/* reader.h - the inside of an open trace, shared by the reader's files. */
#ifndef BOOTREEL_TRACES_READER_H
#define BOOTREEL_TRACES_READER_H

#include "traces/event_code.h"
#include "traces/frame.h"
#include "traces/pagemap.h"
#include "traces/stream.h"

/* Limits of the cache of unpacked frames. It is this large since pages can be changes of pages
 * in many frames. */
enum { CACHED_FRAMES = 4096, CACHED_BYTES = 16 << 20 };

/* So many unpacked event frames that no cursor uses are kept; each takes up to 3 MB. */
enum { IDLE_EVENTS = 3 };

struct page_item;

/* A frame of the file, as its header describes it. */
struct frame_entry {
    struct trace_frame info;
    uint8_t packing;
    uint32_t payload;   /* its bytes in the file */
    uint64_t head_hash; /* the checksum at the end of the header */
    uint64_t stored_hash;
    /* event frames */
    uint32_t class_count[EC_COUNT];
    uint64_t inputs; /* how many there are in front of it, to which its events may refer */

    bool checked;           /* a PAGES frame with checksums of its pages */
    uint32_t refused;       /* … of which this many are in full: no shorter form read back */
    unsigned pinned;        /* how many use `raw` now */
    uint8_t *raw;           /* NULL if not in the cache */
    struct page_item *item; /* of a PAGES frame in the cache: its items; NULL: not looked up yet */
    uint64_t used;
};

struct frame_list { /* frames of one kind, in order */
    uint32_t *frame;
    size_t n, cap;
    uint64_t items;
};

struct chunk_ref {
    uint64_t chunk;
    uint32_t content;
};

struct chunk_content {
    uint32_t frame;
    uint32_t offset; /* in the unpacked frame */
    uint32_t length;
};

struct image_chunks {
    struct chunk_ref *ref; /* sorted by chunk once the trace is open */
    size_t n, cap;
    uint64_t bytes;
};

struct region_map {
    char *name;
    struct pagemap map;
    size_t changed; /* by this checkpoint, last: number + 1 */
};

/* Page tables as of one checkpoint. */
struct region_maps {
    struct region_map *region;
    size_t n, cap;
    size_t done; /* checkpoints applied */
};

/* What is unpacked so far; traces of the same file that were opened by trace_open_beside share it. */
struct stream_cache;

struct streams {
    struct stream_entry *entry;
    size_t n;
    uint64_t end;
    struct stream_cache *cache;
    const struct stream_content **content; /* of each stream, once it was used */
};

/* Inputs or notes of one unpacked frame. */
struct record {
    uint64_t icount, time;
    uint16_t port;
    char *type, *name; /* owned */
    const uint8_t *data;
    uint32_t len;
};

struct record_frame {
    uint8_t *raw; /* NULL: none loaded */
    size_t frame;
    struct record *record;
    size_t n;
};

/* An unpacked event frame. All cursors that are in it share it. */
struct shared_events {
    size_t frame;
    struct event_frame events;
    unsigned users; /* 0: it is idle, kept for the next caller */
    uint64_t used;  /* when it was last given back, by `cache_clock` */
};

struct trace {
    char *name; /* in errors */
    const uint8_t *memory;
    int fd;
    uint64_t size;
    enum trace_file file;
    bool being_written;
    struct failure *failure; /* shared by all that read this file */
    unsigned version;
    char engine[ENGINE_NAME_SIZE];

    struct trace_config config;
    bool has_config;
    struct event_layout layout;
    struct setting *settings;
    struct trace_image *images;

    struct frame_entry *frame;
    size_t nframes, frames_cap;
    struct frame_list list[TF_KINDS];
    bool truncated, damaged;
    struct error damage;
    struct trace_end end;
    bool has_end;

    uint64_t kinds[EV_COUNT];
    uint64_t refused;            /* pages */
    struct image_chunks *chunks; /* an entry an image */
    struct chunk_content *content;
    size_t ncontent, content_cap;
    struct streams streams;
    struct trace_checkpoint *checkpoint;
    size_t checkpoint_cap;

    struct ZSTD_DCtx_s *zstd; /* both are made for the first frame, and used again: */
    uint8_t *stored;          /* the frame that is being unpacked, as it is in the file */
    size_t stored_cap;
    size_t cache[CACHED_FRAMES]; /* numbers of the frames that are unpacked */
    size_t ncached, cached_bytes;
    size_t cached_most; /* bytes; 0: CACHED_BYTES */
    uint64_t cache_clock;
    struct shared_events **events;
    size_t nevents;
    struct region_maps maps;
    uint8_t page[TRACE_PAGE]; /* what trace_page returned last */
    struct record_frame input, note;
};

/* ---- index.c ---- */
/* Finds the frames and fills in everything that is known from their headers. */
int trace_index(struct trace *t, struct error *err);
/* Position in the list of the frame with item number `i` (of list->items). */
size_t frame_list_find(const struct trace *t, const struct frame_list *list, uint64_t i);

/* ---- reader.c ---- */
int source_read(struct trace *t, uint64_t offset, void *buf, size_t n, struct error *err);
/* Opens the same file once more, sharing nothing. */
struct trace *trace_open_again(const struct trace *t, struct error *err);
/* "FILE: frame 3 (events) at offset 4711: what". Returns -1. */
int frame_error(const struct trace *t, size_t frame, struct error *err, const char *what);
/* A frame as it is in the file, header and payload, in new memory; the checksums of both are right. NULL on error. */
uint8_t *frame_read(struct trace *t, size_t frame, struct error *err);
/* Unpacks a frame into new memory, checked. NULL on error. */
uint8_t *frame_unpack(struct trace *t, size_t frame, struct error *err);
/* An unpacked frame from the cache; NULL on error. Valid until another frame is asked for, or as long as it
 * is pinned. */
const uint8_t *frame_cached(struct trace *t, size_t frame, struct error *err);
void frame_cache_clear(struct trace *t);
/* The image's chunk; NULL if it is not in the trace. */
const struct chunk_ref *chunk_find(const struct image_chunks *c, uint64_t chunk);
/* Parse the frame (already in t->frame) into t->config, t->end. */
int config_load(struct trace *t, size_t frame, struct error *err);
int end_load(struct trace *t, size_t frame, struct error *err);
void config_free(struct trace *t);

/* ---- reader_events.c ---- */
/* Unpacks an event frame into *f, which is empty or has another one. On error it is empty. */
int events_load(struct trace *t, size_t frame, struct event_frame *f, struct error *err);
/* The frame for one more user, unpacked if it is not there yet; NULL on error. */
struct shared_events *events_take(struct trace *t, size_t frame, struct error *err);
void events_give_back(struct trace *t, struct shared_events *s); /* NULL is allowed */
/* Frees the idle ones. */
void events_clear(struct trace *t);
/* Event i of the frame, with its data. If they are those of an input, they are in `from`, where its frame stays
 * loaded until an event needs another. */
int event_get(struct trace *t, size_t frame, const struct event_frame *f, uint32_t i,
              struct record_frame *from, struct event *ev, struct error *err);

/* ---- reader_records.c ---- */
int records_load(struct trace *t, size_t frame, struct record_frame *r, struct error *err);
void records_free(struct record_frame *r);
/* The i-th record of a kind; its frame stays loaded in `r`. NULL on error. */
const struct record *record_get(struct trace *t, enum trace_frame_kind kind, struct record_frame *r,
                                uint64_t i, struct error *err);

/* ---- reader_streams.c ---- */
/* Adds a stream. False if it does not fit. */
bool streams_add(struct streams *s, const struct stream *stream, uint32_t frame);
void streams_clear(struct streams *s);
/* All streams are added. */
void streams_ready(struct streams *s);
/* Makes `beside` use what `t` unpacks, if it has the same streams. */
void streams_share(const struct trace *t, struct trace *beside);
/* Unpacks stream i, if that was not done yet. */
int stream_use(struct trace *t, size_t i, struct error *err);
/* Gives back the memory of what was unpacked, if nobody else uses it, or is about to (trace_prepare()). */
void streams_drop(struct streams *s);
/* Does the packed data in the image unpack to stream i? What another process has kept is no answer. */
int stream_check(struct trace *t, size_t i, struct error *err);
/* Reads the page at a place of the streams' content, for a page in `frame`: the stream must be in an earlier
 * frame. */
int stream_page(struct trace *t, size_t frame, uint64_t place, uint8_t out[TRACE_PAGE], struct error *err);

/* ---- reader_pages.c ---- */
/* The content of a stored page, whose number is in range. */
int page_read(struct trace *t, uint32_t number, uint8_t out[TRACE_PAGE], struct error *err);
/* Reads all pages of a frame. */
int pages_check(struct trace *t, size_t frame, struct error *err);

/* ---- reader_checkpoint.c ---- */
void maps_free(struct region_maps *m);

#endif
