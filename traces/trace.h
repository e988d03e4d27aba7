/* trace.h - the trace file: writing it, reading it, and checking a replay against it.
 *
 * A trace is everything that is needed to run a boot again (configuration, image content that was read,
 * inputs) and an index over that run (events, checkpoints, notes). The bytes are described in
 * docs/trace-format.md. Nothing here depends on an engine.
 *
 * The file depends on the calls alone: the same calls give the same bytes, on any host and with any order of
 * threads. No path, time, process id or address gets into it.
 *
 * Numbers: icount in steps since reset, time in nanoseconds of guest time. Functions that can fail return
 * -1 (or NULL) and fill `err` with one line; `err` may be NULL.
 */
#ifndef BOOTREEL_TRACES_TRACE_H
#define BOOTREEL_TRACES_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/file_id.h"
#include "traces/event.h"
#include "traces/given.h"

/* Raised when the format changes. A reader accepts this version and all earlier ones, and
 * refuses later ones. */
#define TRACE_VERSION 4
/* The first version in which each page has a checksum. */
#define TRACE_PAGE_CHECKS 3
/* The first version in which an event's data may be those of an input, and then are not stored twice. */
#define TRACE_EVENTS_REFER 4

enum {
    TRACE_CHUNK = 65536, /* image content is stored in pieces of this size (the last may be shorter) */
    TRACE_PAGE = 4096,   /* machine memory is stored in pages of this size */
};

/* ---------------------------------------------------------------- what was recorded */

struct trace_image {
    const char *role; /* "disk0", "kernel": unique */
    const char *name; /* the file's base name, for people; never a path */
    uint64_t size;
    bool has_digest;    /* the digest is known … */
    uint64_t digest[2]; /* … XXH3-128 of the whole content: low half, high half */
};

/* Settings and images keep their order: the image numbers below are indexes in `images`. */
struct trace_config {
    const char *engine; /* "pc"; at most 31 bytes */
    uint32_t behaviour; /* the engine's behaviour version */
    uint64_t step_ns;   /* guest nanoseconds per step, or 0 if not constant; it only makes the file smaller */
    uint32_t classes;   /* the event classes that were observed (mask of EVENT_CLASS_BIT) */
    const struct setting *settings;
    size_t nsettings;
    const struct trace_image *images;
    size_t nimages;
};

/* ---------------------------------------------------------------- parts of a trace */

/* A remark at a position: a user's mark, a stage edge, symbols. `type` says which ("mark", "stage.begin",
 * "symbols"); readers skip types they do not know. */
struct trace_note {
    uint64_t icount;
    uint64_t time;
    const char *type;
    const char *name;
    const void *data;
    uint32_t len; /* at most TRACE_MAX_NOTE */
};

enum { TRACE_MAX_INPUT = 65536, TRACE_MAX_NOTE = 1 << 20 };

/* One field of a section: `count` numbers of `width` bytes (1, 2, 4, 8), little-endian. An engine's row, struct
 * field of core/ground/fields.h, says as well where the numbers are in memory, which no file knows; the recorder turns
 * it into this. */
struct trace_field {
    const char *name;
    uint16_t width;
    uint32_t count;
};

/* A named part of a machine state. `len` is the sum of width * count over the fields. */
struct trace_section {
    const char *name;
    const struct trace_field *fields;
    size_t nfields;
    const void *data; /* the fields' numbers, little-endian, one after the other without padding */
    size_t len;
};

/* The end reason of a recording that reached the size limit of its trace: the record ends amid the events of
 * its last position, like one that was killed, and `time` is that of the last of these. */
#define TRACE_FULL "max-size"
/* Likewise, of a recording whose image could no longer be read: `text` names the image's role and the byte. What the machine did
 * from the failed read on is not in the trace, since a replay could not repeat it. */
#define TRACE_IMAGE_LOST "image-lost"

/* How a recording ended. */
struct trace_end {
    /* One word: "reached", "power-off", "halted", "interrupted", "guest-fault", or a crash (core/run/crash.h). */
    const char *reason;
    const char *text; /* more for people; may be "" */
    uint64_t icount;
    uint64_t time;
    int32_t status; /* the guest's exit status */
    uint64_t hash;  /* of the machine's final state; 0 if not known */
    /* Reader only: number of events of each kind. */
    uint64_t kinds[EV_COUNT];
};

/* ---------------------------------------------------------------- writer */

/* Writes a trace from one thread. The writer compresses and writes on a thread of its own, behind a bounded
 * queue (about 16 MiB). That thread also keeps the pages that are likely to change next (as many as the
 * machine uses, at most 32 MiB) and digests of image content (at most 16 MiB), to store pages as differences
 * from them, and what packed data in images unpacks to (at most 128 MiB, without zeros). It uses at most
 * about 320 MiB in all, whatever the machine's size, and up to 128 MiB while it unpacks.
 *
 * When writing fails (disk full, file size limit, I/O error) the next call, or a later one, returns -1 with
 * "FILE: no space left on device; what was written up to icount N is kept", and so does each call after it.
 * The file then holds whole frames, without an end. The process does not get SIGXFSZ. */
struct trace_writer;

/* Creates the file and writes the configuration, which is copied. The caller must make sure that `path` is
 * not one of the images. Returns NULL on error; nothing is left open then. The file is locked for this
 * writer: another one that opens it, by whatever name, is refused. It is written as PATH.part, and gets its
 * name with the first events or the first checkpoint; if it does not get so far, an earlier file of that name
 * stays as it was. A pipe or a device is written at once. */
struct trace_writer *trace_writer_create(const char *path, const struct trace_config *cfg, struct error *err);

/* Creates a share, a file of the same form that is no trace (core/run/share.h). It is of no use unless it is
 * whole: errors call it `name`, and do not say what is kept. */
struct trace_writer *trace_share_create(const char *path, const char *name, const struct trace_config *cfg,
                                        struct error *err);

/* Adds an event. Icounts must not decrease from one event to the next (-1 with a message that names both).
 * The event is copied. Cost: about 50 ns; more when a frame is full, and when the queue is full. */
int trace_write_event(struct trace_writer *w, const struct event *ev, struct error *err);

/* Adds an input. Icounts must not decrease from one input to the next. The data of an event that are those of
 * an input shortly before it, or of the next input after it, are not stored again. */
int trace_write_input(struct trace_writer *w, const struct input *in, struct error *err);

/* Whether that chunk of the image is in the trace already. `chunk` = offset / TRACE_CHUNK. Cheap. */
bool trace_writer_has_chunk(const struct trace_writer *w, unsigned image, uint64_t chunk);

/* Adds a chunk of an image: all its bytes, which are TRACE_CHUNK, or fewer at the end of the image. To
 * be called before the guest can see any of them. A chunk that is already there is ignored; equal
 * content is stored once. */
int trace_write_chunk(struct trace_writer *w, unsigned image, uint64_t chunk, const void *data, size_t n,
                      struct error *err);

int trace_write_note(struct trace_writer *w, const struct trace_note *note, struct error *err);

/* A checkpoint: begin, then sections and pages in any order, then end. Begins with a flush. `whole`: pages
 * that are not given do not exist in this state; otherwise they are as in the previous checkpoint (so the
 * first one is always whole). A page of zeros takes no room, but differs from one that was not given. In
 * either case the file holds only what changed since the last checkpoint; pages that consist of image content
 * (trace_write_chunk) or resemble earlier pages take little room. `index` is below 2^32. An error in section
 * or page is returned by end. */
int trace_checkpoint_begin(struct trace_writer *w, uint64_t icount, uint64_t time, bool whole,
                           struct error *err);
void trace_checkpoint_section(struct trace_writer *w, const struct trace_section *section);
void trace_checkpoint_page(struct trace_writer *w, const char *region, uint64_t index, const void *data);
/* `hash`: a hash of the whole state, computed as the caller likes; the reader returns it. */
int trace_checkpoint_end(struct trace_writer *w, uint64_t hash, struct error *err);

/* Ends the current event, input and chunk frames at this position, and passes them to the writing thread. To
 * be called only at positions that depend on the run alone, since it decides where frames begin. */
int trace_writer_flush(struct trace_writer *w, struct error *err);
/* Flushes as trace_writer_flush, and waits until all of it is in the file: it can be opened as a trace that
 * was cut short there. */
int trace_writer_sync(struct trace_writer *w, struct error *err);

struct trace;
struct trace_chunk;

/* Makes the writer's trace another record of the run of `t`, from which image content and states are copied,
 * packed as they are: with trace_copy_chunk each of the chunks that trace_chunks lists, in that order; and
 * with trace_copy_checkpoint each checkpoint from the first one on, after the chunks that came before it.
 * Nothing else of these kinds may be written, before or after. `t` must stay open, and is used by the calling
 * thread only. -1 with err if it cannot be read. */
int trace_writer_copies(struct trace_writer *w, struct trace *t, struct error *err);
int trace_copy_chunk(struct trace_writer *w, const struct trace_chunk *c, struct error *err);
/* The next checkpoint. Begins with a flush, as trace_checkpoint_begin. */
int trace_copy_checkpoint(struct trace_writer *w, struct error *err);

/* Limits the file to `bytes`. To be called once, before anything is written. Frames are then written in
 * groups, each of which ends with events or a checkpoint, and the writer waits for each group, so that the
 * position where the file is full depends on the calls alone. The call that does not fit returns -1, as does
 * each later one, and trace_writer_full is true: the trace then ends with the last group that fits, and must
 * be closed with trace_writer_finish_full. */
void trace_writer_limit(struct trace_writer *w, uint64_t bytes);
bool trace_writer_full(const struct trace_writer *w);

/* What a full trace holds. */
struct trace_kept {
    uint64_t icount, time; /* of the last event or checkpoint */
    uint64_t events, inputs, checkpoints;
};
/* Fills *kept; `checkpoints` is 0 if there is not even room for the state at the beginning. */
void trace_writer_kept(const struct trace_writer *w, struct trace_kept *kept);
/* Ends the trace where it is full, with reason TRACE_FULL, closes the file and frees the
 * writer, also on error. */
int trace_writer_finish_full(struct trace_writer *w, const char *text, struct error *err);

/* An earlier file of that name is not replaced, but renamed to NAME-1.reel (or the first other number that is
 * free). When the writer is closed, its new name is in *earlier; "" if there was none. To be called before
 * anything is written. */
struct trace_kept_name {
    char name[4096];
};
void trace_writer_keep_earlier(struct trace_writer *w, struct trace_kept_name *earlier);

/* What is packed in images is not unpacked again if an earlier process has left its content in this folder,
 * and is left there for the next one: the folder of trace_prepare(). The file is the same with and without it. To be
 * called before image content is given. */
void trace_writer_store(struct trace_writer *w, const char *folder);

/* When the writer is closed, *refused becomes what trace_pages_refused will say. */
void trace_writer_count_refused(struct trace_writer *w, uint64_t *refused);

/* Writes the end and the index, closes the file and frees the writer, also on error. */
int trace_writer_finish(struct trace_writer *w, const struct trace_end *end, struct error *err);

/* Closes and frees without an end; whole frames stay in the file, as after a kill, if it has got its name.
 * NULL is allowed. */
void trace_writer_abort(struct trace_writer *w);

/* ---------------------------------------------------------------- reader */

/* An open trace. Everything that is read is checked; using a damaged part gives an error that names the file,
 * the frame and its offset. Only one thread at a time may use it. Memory: the index, one checkpoint's page
 * table, at most 16 MiB of unpacked frames, and, once a page needs it, what packed data in images unpacks to
 * (at most 128 MiB, without zeros). */
struct trace;

/* Opens a trace. Only the index is read; if there is none (a recording that was killed), all
 * frames are read. */
struct trace *trace_open(const char *path, struct error *err);
/* Opens a share; a trace is refused, as trace_open refuses a share. */
struct trace *trace_share_open(const char *path, struct error *err);
/* Opens a trace that is in memory; the bytes must stay valid until trace_close. */
struct trace *trace_open_memory(const void *data, size_t size, struct error *err);
/* Begins to unpack what states will need, on a thread of its own, so that the first one need not wait for it
 * (half a second, if a kernel is packed with xz). `folder`: keeps it there for the next process, and looks
 * there first; NULL: nowhere. */
void trace_prepare(const struct trace *t, const char *folder);
/* Opens the same file once more, for another thread: what both need of it is unpacked only once. Any
 * thread may call this; either may be closed first. */
struct trace *trace_open_beside(const struct trace *t, struct error *err);
void trace_close(struct trace *t); /* NULL is allowed */
/* The file that it is read from, whatever its name is by now. */
struct file_id trace_file_id(const struct trace *t);

/* Whether the host failed while the file was read, by `t` or by a reader opened beside it: an error of its disk, no memory for the machine.
 * Then `err`, which may be NULL, gets the first failure. Callers go on without much that cannot be read; so what they found is not
 * the whole answer, and a command ends with this error. Any thread. */
bool trace_failed(const struct trace *t, struct error *err);
void trace_note_failure(const struct trace *t, const struct error *err);

/* Whether the file has no complete end: the recording was killed or the file was cut short. All whole frames
 * before that can be read. */
bool trace_truncated(const struct trace *t);
/* Whether it ends amid the events of its last position: truncated, full, or without the rest of an image. */
bool trace_cut_off(const struct trace *t);
/* Whether it is truncated because something in the file is not as it was written, not because its
 * end is missing. */
bool trace_damaged(const struct trace *t);
/* Whether somebody was writing it when it was opened: then it is truncated, and later there will be more in it. */
bool trace_being_written(const struct trace *t);
/* Whether somebody is writing a trace of that name now, and it has begun. */
bool trace_written_at(const char *path);
/* The reason, as one line; "" if not truncated. */
const char *trace_damage(const struct trace *t);
unsigned trace_version(const struct trace *t);
/* The identity of the content: the XXH3-128 over the headers of all frames, as text. Two files have the same
 * one only if their content is the same. */
enum { TRACE_IDENTITY = 33 };
void trace_identity(const struct trace *t, char text[TRACE_IDENTITY]);
const struct trace_config *trace_config(const struct trace *t);
/* How it ended; NULL if truncated before the end was written. */
const struct trace_end *trace_end(const struct trace *t);
/* The last position that can be replayed: that of the end, or of the last whole frame. */
uint64_t trace_last_icount(const struct trace *t);
uint64_t trace_file_size(const struct trace *t);
/* How many pages the writer has stored in full because no shorter form read back as the page: a fault of the
 * program that wrote it, which does no harm. */
uint64_t trace_pages_refused(const struct trace *t);

/* Value of a setting, or NULL. */
const char *trace_setting(const struct trace *t, const char *key);
/* The guest's RAM in bytes, by the setting "memory"; 0: there is no such setting. */
uint64_t trace_memory(const struct trace *t);
/* Number of the image of that role, or -1. */
int trace_image_by_role(const struct trace *t, const char *role);
/* Reads n bytes of an image at offset. -1 if they reach beyond the image, or were never recorded. */
int trace_image_read(struct trace *t, unsigned image, uint64_t offset, void *buf, size_t n,
                     struct error *err);
/* Of n bytes of an image at offset, reads those that the trace has. The others, and those beyond the image,
 * are left unchanged in buf. */
void trace_image_known(struct trace *t, unsigned image, uint64_t offset, void *buf, size_t n);
/* The chunks that are in the trace, in the order in which they were first read (but one whose content was
 * there already comes right after that one), each with the number of its frame. To be freed. Cost: sorts
 * them. */
struct trace_chunk {
    unsigned image;
    uint64_t chunk;
    uint32_t content;
    size_t frame;
};
struct trace_chunk *trace_chunks(const struct trace *t, size_t *n);
/* Bytes of the image that are in the trace. */
uint64_t trace_image_recorded(const struct trace *t, unsigned image);

/* ---- events ---- */

uint64_t trace_event_count(const struct trace *t, uint32_t classes);

/* Walks through the events of some classes in both directions. A cursor is between two events. Events
 * are numbered from 0 over all classes. Several cursors of one trace may be open; those in the same
 * frame share what is unpacked of it. A cursor also keeps one unpacked frame of inputs, if the data of events are
 * there. Close all cursors before the trace. */
struct trace_cursor;

struct trace_cursor *trace_cursor_open(struct trace *t, uint32_t classes); /* before the first event */
void trace_cursor_close(struct trace_cursor *c);
/* Moves to before the first event with at least this icount. Returns 0 or -1. Cost: unpacks at
 * most one frame. */
int trace_cursor_seek_icount(struct trace_cursor *c, uint64_t icount, struct error *err);
/* Moves to before event `number` (of all classes), or to the end if it is beyond the last. */
int trace_cursor_seek_number(struct trace_cursor *c, uint64_t number, struct error *err);
/* Moves to before the n-th event of the cursor's classes. */
int trace_cursor_seek_nth(struct trace_cursor *c, uint64_t n, struct error *err);
/* Returns the next (previous) event of the cursor's classes, and moves past it. 1: there is one; 0: no more;
 * -1: error. `number` may be NULL. ev->data stays valid until the next call on this cursor. */
int trace_cursor_next(struct trace_cursor *c, struct event *ev, uint64_t *number, struct error *err);
int trace_cursor_prev(struct trace_cursor *c, struct event *ev, uint64_t *number, struct error *err);

/* The console on which to read what the guest prints: the first serial port if it printed a line there, else
 * the one on virtio or the screen if it printed a line there. (Many guests print on several.) Cost: reads
 * console events up to the first of the serial port's. */
enum console_device trace_console(struct trace *t);

/* ---- inputs and notes, in order ---- */

uint64_t trace_input_count(const struct trace *t);
/* in->data stays valid until the next call of this function. */
int trace_input(struct trace *t, uint64_t i, struct input *in, struct error *err);
uint64_t trace_note_count(const struct trace *t);
int trace_note(struct trace *t, uint64_t i, struct trace_note *note, struct error *err);

/* ---- checkpoints, in order of icount ---- */

struct trace_checkpoint {
    uint64_t icount;
    uint64_t time;
    uint64_t hash;  /* as given to trace_checkpoint_end */
    uint64_t event; /* number of the first event after it */
};

size_t trace_checkpoint_count(const struct trace *t);
const struct trace_checkpoint *trace_checkpoint(const struct trace *t, size_t k);
/* The last checkpoint at or before icount, or -1. */
long trace_checkpoint_find(const struct trace *t, uint64_t icount);

/* The whole state at checkpoint k. Cost: reads the page tables of the checkpoints since the last one loaded,
 * or, going back, of all from the start; pages are read when they are asked for. The trace must stay open. */
struct trace_state;

struct trace_state *trace_checkpoint_load(struct trace *t, size_t k, struct error *err);
void trace_state_free(struct trace_state *s);
size_t trace_state_sections(const struct trace_state *s);
const struct trace_section *trace_state_section(const struct trace_state *s, size_t i);
const struct trace_section *trace_state_section_by_name(const struct trace_state *s,
                                                        const char *name); /* or NULL */
size_t trace_state_regions(const struct trace_state *s);
const char *trace_state_region_name(const struct trace_state *s, size_t i);
uint64_t trace_state_region_pages(const struct trace_state *s, size_t i);
/* Calls put once for each page that exists in the region, in no particular order. If `put` does not return 0,
 * that stops and its value is returned. An unknown region has no pages. -1 on error. */
int trace_state_pages(struct trace_state *s, const char *region,
                      int (*put)(void *ctx, uint64_t index, const void *data), void *ctx, struct error *err);
/* As trace_state_pages(), but only for pages whose index is at least `first` and less than first + n. */
int trace_state_some_pages(struct trace_state *s, const char *region, uint64_t first, uint64_t n,
                           int (*put)(void *ctx, uint64_t index, const void *data), void *ctx,
                           struct error *err);
/* One page. 1: read; 0: it does not exist; -1: error. */
int trace_state_page(struct trace_state *s, const char *region, uint64_t index, void *data,
                     struct error *err);

/* Page contents by number: pages with the same id have the same content, in all states of the trace. */
enum { TRACE_PAGE_ABSENT, TRACE_PAGE_ZERO };
/* Calls fn for each page that exists in region i, in order of index. */
void trace_state_page_ids(const struct trace_state *s, size_t i,
                          void (*fn)(void *ctx, uint64_t index, uint32_t id), void *ctx);
/* The content of that id (not TRACE_PAGE_ABSENT); valid until another page is asked for. NULL on error. Cheap
 * for ids in ascending order. */
const void *trace_page(struct trace *t, uint32_t id, struct error *err);

/* What checkpoint k itself has, without those before it: its sections, in order, then the pages that have changed since the one before.
 * Either function may be called any number of times; `page` ends it with an error if it returns -1. Returns 0, or -1 with err. */
struct trace_changes {
    void *ctx;
    void (*section)(void *ctx, const struct trace_section *s);
    int (*page)(void *ctx, const char *region, uint64_t index, uint32_t id, struct error *err);
};
int trace_checkpoint_changes(struct trace *t, size_t k, const struct trace_changes *to, struct error *err);
/* Says that something is wrong with checkpoint k, with the frame's number and place in the file. Returns -1. */
int trace_checkpoint_error(const struct trace *t, size_t k, const char *what, struct error *err);

/* ---- frames ---- */

enum trace_frame_kind {
    TF_CONFIG = 1,
    TF_CHUNKS,
    TF_EVENTS,
    TF_INPUT,
    TF_PAGES,
    TF_CHECKPOINT,
    TF_NOTE,
    TF_END,
    TF_INDEX,
    TF_STREAM,
    TF_KINDS /* one more than the last */
};

struct trace_frame {
    enum trace_frame_kind kind;
    uint64_t offset;       /* in the file */
    uint32_t stored;       /* bytes in the file, with the header */
    uint32_t raw;          /* bytes unpacked */
    uint64_t first_icount; /* of what is in it */
    uint64_t last_icount;
    uint64_t first; /* number of the first item of this kind in the trace */
    uint32_t items; /* events, inputs, pages … */
    uint64_t hash;  /* XXH3-64 of the unpacked bytes */
};

size_t trace_frame_count(const struct trace *t);
const struct trace_frame *trace_frame(const struct trace *t, size_t i);
const char *trace_frame_kind_name(enum trace_frame_kind kind);
/* Reads, unpacks and decodes every frame. 0 if all are valid; -1 with an error about the
 * first that is not. What it unpacked is not kept, but for what trace_prepare() has asked for. */
int trace_check(struct trace *t, struct error *err);
/* Sets how many bytes of unpacked frames are kept for later use; the default is 16 MiB. For a caller that goes from position to position:
 * each may need pages from frames all over the trace. */
void trace_keep_unpacked(struct trace *t, size_t bytes);
/* Gives back the memory of unpacked frames that are kept since they may be needed again: they will be
 * unpacked anew. For when a state was read, and a long run follows. */
void trace_relax(struct trace *t);

/* ---------------------------------------------------------------- checking a replay */

/* Compares the events of a replay with those of the record, frame by frame: the replay's events are encoded
 * like those of the frame, and the checksums are compared; if they differ, both are decoded to find the first
 * event that differs. The replay must observe the classes of trace_config()->classes. */
struct trace_verifier;

struct trace_difference {
    uint64_t number;   /* number of the first event that differs */
    bool has_recorded; /* false: the replay had one more */
    bool has_replayed; /* false: the record had one more */
    struct event recorded;
    struct event replayed; /* data of both valid until trace_verifier_close */
};

/* Whether the program that recorded it had this kind of event. A replay's events of others are not compared. */
bool trace_knows(const struct trace *t, unsigned kind);

struct trace_verifier *trace_verifier_open(struct trace *t, struct error *err);
/* Starts at another event: for a replay from a checkpoint, at trace_checkpoint.event. Only before the first
 * event is given. */
int trace_verifier_seek(struct trace_verifier *v, uint64_t number, struct error *err);
/* Gives the next event of the replay. 0: no difference so far (found only at the end of a frame); 1:
 * there is a difference, and *diff is filled; -1: the record cannot be read. After 1 the verifier can
 * only be closed. */
int trace_verifier_event(struct trace_verifier *v, const struct event *ev, struct trace_difference *diff,
                         struct error *err);
/* To be called when the replay has stopped at `icount` and all its events have been given: compares what is
 * left. The record may have further events at or after `icount`, unless that is the end of the trace. Returns
 * as trace_verifier_event. */
int trace_verifier_finish(struct trace_verifier *v, uint64_t icount, struct trace_difference *diff,
                          struct error *err);
/* The number of the next event that it expects. */
uint64_t trace_verifier_next(const struct trace_verifier *v);
void trace_verifier_close(struct trace_verifier *v);

/* ---------------------------------------------------------------- event encoding */

struct event_encoder;

struct event_encoder *event_encoder_new(uint64_t step_ns);
void event_encoder_free(struct event_encoder *e);
/* Appends an event. True if the frame is now full and must end here. */
bool event_encoder_add(struct event_encoder *e, const struct event *ev);
/* The frame so far. Valid until the next add or reset. */
const void *event_encoder_bytes(const struct event_encoder *e, size_t *n);
uint64_t event_encoder_hash(const struct event_encoder *e); /* what trace_frame.hash holds */
uint32_t event_encoder_count(const struct event_encoder *e);
void event_encoder_reset(struct event_encoder *e); /* begins a new frame */

/* ---------------------------------------------------------------- more about events (event.c) */

/* Why a guest was left, of an EV_VIRT_EXIT, as `exits` counts it: "write of CR3", "nested page fault". Cut to size. */
void event_exit_name(const struct event *ev, char *buf, size_t size);
/* The same with its details: "out to port 1f7h, 8 bits". */
void event_exit_words(const struct event *ev, char *buf, size_t size);
/* Why a guest was left, as AMD's exit code also for Intel's processors; reasons that only Intel has begin at EVENT_EXIT_VMX. The port of an access that
 * ended its run, and the guest-physical address of a nested page fault or EPT violation; false if it was none. */
#define EVENT_EXIT_VMX 0x1000000u
uint64_t event_exit_code(const struct event *ev);
bool event_exit_port(const struct event *ev, uint16_t *port);
bool event_exit_nested(const struct event *ev, uint64_t *address);
/* Of the class virt: whether it is of Intel's extension (not known of virt.inject); its control block is then a VMCS, else a VMCB. */
bool event_is_vmx(const struct event *ev);
const char *event_block_name(const struct event *ev);

/* How often an event happened (core/run/times.h). */
struct event_count {
    uint64_t n;
    bool estimated; /* n is not exact */
};
/* The event as a JSON object: number (unless UINT64_MAX), icount, time, cpu, kind, class, times (and "estimated": true), its fields by name (hex fields as strings), data if it has any ("data" as text, or "data_hex" if it is not UTF-8),
 * text. `gen` is a yajl_gen. Returns 0, or -1 if the generator failed. */
struct yajl_gen_t;
int event_json(const struct event *ev, uint64_t number, struct event_count times, struct yajl_gen_t *gen);
/* event_json with the members "explain", "manual" and "section", each left out if NULL. */
int event_json_explained(const struct event *ev, uint64_t number, struct event_count times,
                         const char *explain, const char *manual, const char *source, struct yajl_gen_t *gen);

/* Whether kind, key fields and data are equal: the same thing happened, perhaps at another time. */
bool event_same_keys(const struct event *a, const struct event *b);
/* A hash of the kind, the key fields and the data. */
uint64_t event_key_hash(const struct event *ev);
/* Whether everything is equal, including the position, except the words of EV_CPU_LACKS, which a disassembler
 * chose. */
bool event_same(const struct event *a, const struct event *b);

#endif
