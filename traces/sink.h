/* sink.h - the writer's second half: a thread that packs frames and writes them to the file, in order.
 * Private to traces/.
 */
#ifndef BOOTREEL_TRACES_SINK_H
#define BOOTREEL_TRACES_SINK_H

#include "traces/frame.h"
#include "traces/page_packer.h"

struct sink;

/* Pages are passed on in batches of so many bytes, so that both threads have work. */
enum { SINK_BATCH = 1 << 20 };

/* Creates the file and starts the thread, which first writes `header`. `name`: what errors call a file that
 * is of no use unless it is whole. If it is NULL, errors give the path, and whole frames are kept. Returns
 * NULL on error. */
struct sink *sink_open(const char *path, const char *name, const uint8_t header[FILE_HEADER_SIZE],
                       struct error *err);
/* Passes on a frame, with its extra bytes and unpacked payload; both buffers are taken and left empty. The
 * caller fills in the head's kind, positions and items; number, lengths, packing and checksums are filled in
 * here. Waits while the queue is full.
 *
 * `aside` is not written: for a CHUNKS frame it holds the length of each new content (uint32_t), so that
 * pages can refer to it, and streams in it are found. It is taken too. */
void sink_put(struct sink *s, struct frame_head head, struct buf *extra, struct buf *payload,
              struct buf *aside);
/* Passes on a frame as another file has it: the payload is packed, and the head has its lengths, packing and
 * checksums. */
void sink_put_packed(struct sink *s, struct frame_head head, struct buf *extra, struct buf *payload);
/* Passes on pages, whose positions are in `head`, with a struct page_hint for each. They are written before
 * the next CHECKPOINT frame, divided into frames as they fill. */
void sink_put_pages(struct sink *s, struct frame_head head, struct buf *pages, struct buf *hints);
/* Gives `pages`, which is empty, the memory for a batch: that of one that was packed, or new memory. */
void sink_pages_room(struct sink *s, struct buf *pages);
/* Waits until all that was passed on is in the file (with a limit: up to the last sink_commit). */
void sink_wait(struct sink *s);
/* 0, or -1 and the error if writing has failed. Cheap when all is well. */
int sink_check(struct sink *s, struct error *err);
/* See trace_writer_store(). To be called before content of images is passed on. */
void sink_use_store(struct sink *s, const char *folder);
/* From now on frames wait until sink_commit, and the file does not grow beyond `limit` bytes, including its
 * end, index and trailer. */
void sink_limit(struct sink *s, uint64_t limit);
/* Writes the waiting frames, if there is room, and waits until that is done. False if there was no room: they
 * and all later frames, except END, are dropped. */
bool sink_commit(struct sink *s);
/* See trace_writer_keep_earlier(). */
void sink_keep_earlier(struct sink *s, struct trace_kept_name *earlier);
/* When the sink is closed, *refused becomes the number of pages that are stored in full because no shorter
 * form read back as the page. */
void sink_count_refused(struct sink *s, uint64_t *refused);
/* Writes what is queued and, with `whole`, index and trailer; closes, frees. Without it, the file is as
 * before sink_open if nothing but configuration and content of images was passed on. */
int sink_close(struct sink *s, bool whole, struct error *err);

#endif
