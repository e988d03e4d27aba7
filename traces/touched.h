/* touched.h - which pages each part of a run (between two checkpoints) executed and wrote: an index for
 * searches, in notes of the trace (docs/trace-format.md). A trace need not have it, or not for each part.
 *
 * A page is noted at the linear address that was used, so a search needs to know no translation: if the page
 * of an address is not in a part's set, or not with its line, no processor executed (wrote) anything at that
 * address in the part, whatever the page tables were. What is noted follows from the run alone, so it is the
 * same in each recording.
 */
#ifndef BOOTREEL_TRACES_TOUCHED_H
#define BOOTREEL_TRACES_TOUCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum touch {
    TOUCH_EXECUTED,
    TOUCH_WRITTEN,
    TOUCHES,                 /* that are in traces */
    TOUCH_ACCESSED = TOUCHES /* read or written; possible in all parts that have not been learnt */
};

struct touched {
    uint64_t linear, physical; /* page numbers: addresses / 4096 */
    /* The lines of 64 bytes that may have been touched, bit 0 for the first. All ones if it is not known. A
     * page that was noted may have none: what wrote to it faulted. */
    uint64_t lines;
    /* For each of these lines, in ascending order, a byte: which of its cells of 8 bytes may have been written, bit 0 for the first.
     * NULL if it is not known. */
    const uint8_t *cells;
};
#define TOUCHED_LINE 64u
#define TOUCHED_CELL 8u
/* The lines that `n` bytes from an offset in the page on are in (n > 0; they end in the page). */
static inline uint64_t touched_lines(uint64_t off, uint64_t n)
{
    return (2ull << (off + n - 1) / TOUCHED_LINE) - (1ull << off / TOUCHED_LINE);
}
/* The number of bytes at `cells`. */
static inline size_t touched_cells(const struct touched *page)
{
    return page->cells ? (size_t)__builtin_popcountll(page->lines) : 0;
}

/* Whether the same is known of both, whatever their addresses. */
bool touched_same(const struct touched *, const struct touched *);
/* Whether each line of `a`, and each of its cells, is one of `b`; the cells of both are known. */
bool touched_within(const struct touched *a, const struct touched *b);

/* In ascending order of linear, then physical; no pair twice. */
struct touched_set {
    const struct touched *page[TOUCHES];
    size_t n[TOUCHES];
    /* In what an engine gives for a part that it was asked about (engine_ops.touched_ask): as page[TOUCH_WRITTEN], but of each page only
     * what was written from the processors' first write to it on. NULL otherwise. */
    const struct touched *late;
};
/* Whether it is known which lines of the page may have been touched. */
static inline bool touched_is_known(const struct touched *page)
{
    return page->cells || page->lines != UINT64_MAX;
}

/* What makes a part of a run slow to run again: lines of 64 bytes executed, pages written, changes from one processor to another, and
 * accesses of instructions to devices. */
struct touched_amount {
    uint64_t lines, pages, switches, accesses;
};

/* ---------------------------------------------------------------- what a run tells besides */

/* What processors read and wrote in a part: lines as above. It is in no trace, but is found by running a part. To note reads
 * takes several times as long as to note writes. */
enum accesses { ACCESSES_NONE, ACCESSES_WRITES, ACCESSES_ALL };
struct accessed {
    uint64_t linear, physical;  /* page numbers */
    uint64_t accessed, written; /* lines: read or written; written */
};
/* In ascending order of linear, then physical; no pair twice. */
struct accessed_set {
    const struct accessed *page;
    size_t n;
    enum accesses
        what; /* ACCESSES_WRITES: pages that were only read may be missing, and `accessed` means nothing */
};

/* ---------------------------------------------------------------- writing */

#define TOUCHED_NOTE "touched" /* type of its notes */

struct trace_writer;
struct touched_writer;
struct touched_writer *touched_writer_new(void);
void touched_writer_free(struct touched_writer *); /* NULL is allowed */
/* Writes the set of the part from icount `begin` to `end`, where the writer is now. Parts in order. */
int touched_write(struct touched_writer *, struct trace_writer *, uint64_t begin, uint64_t end, uint64_t time,
                  const struct touched_set *, struct error *err);

/* ---------------------------------------------------------------- reading */

struct trace;
struct touched_index;

/* Reads the index of a trace; empty if it has none. NULL if it is damaged. */
struct touched_index *touched_index_read(struct trace *, struct error *err);
void touched_index_free(struct touched_index *); /* NULL is allowed */
size_t touched_parts(const struct touched_index *);
/* The i-th part, in the order of the run. */
void touched_part(const struct touched_index *, size_t i, uint64_t *begin, uint64_t *end,
                  struct touched_set *set);
/* The part that the step from `icount` on belongs to; -1 if the index does not have it. */
long touched_part_at(const struct touched_index *, uint64_t icount);
/* The part that ends at that icount; -1 if there is none. */
long touched_part_to(const struct touched_index *, uint64_t icount);
/* Whether each part is exactly what was touched there. Notes of earlier versions say less, so more is possible. */
bool touched_is_exact(const struct touched_index *);
/* Whether that part can have touched one of `length` bytes at a linear address (length > 0; the end must not
 * wrap), or at a physical one. */
bool touched_linear(const struct touched_index *, size_t part, enum touch, uint64_t address, uint64_t length);
bool touched_physical(const struct touched_index *, size_t part, enum touch, uint64_t address,
                      uint64_t length);

/* Somebody ran that part, and this is what processors read and wrote in it: from now on the index answers for TOUCH_ACCESSED (with
 * ACCESSES_ALL), and more exactly for TOUCH_WRITTEN. */
void touched_learn(struct touched_index *, size_t part, const struct accessed_set *);
/* What of it has been learnt. */
enum accesses touched_learnt(const struct touched_index *, size_t part);
/* Whether there is room for another part's pages in memory. */
bool touched_may_learn(const struct touched_index *);
/* What has been learnt of a part; set->page is to be freed. */
void touched_accessed(const struct touched_index *, size_t part, struct accessed_set *set);

/* What was learnt is kept in a folder (that of trace_prepare()), so that the next process need not run the parts again. A file is named
 * after the trace's identity, and ends with its own digest: a damaged one counts as none. The oldest files of the folder are removed as
 * traces/stream_store.h says. */

/* Tells the index of this trace what is known of its parts. Cost: milliseconds for some hundred thousand pages. */
void touched_store_get(const char *folder, const struct trace *t, struct touched_index *x);
/* Keeps what the index has learnt, and what is known besides. Where that fails (a full disk, a file system without O_TMPFILE), it is
 * not kept. */
void touched_store_keep(const char *folder, const struct trace *t, struct touched_index *x);

#endif
