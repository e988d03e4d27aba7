/* shared_content.c - what files of a share hold: the host's bytes, with the guest's own over them. See shared.h.
 *
 * A segment stands for SHARE_CHUNK bytes of a file: the chunk of the image that has the host's, once they were asked for, and the pages
 * that the guest has written. A page that is partly written begins with the host's bytes.
 */
#include "hv/board/virtio/shared.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static struct shared_segment *segment_at(struct shared *s, uint32_t number)
{
    return shared_record(s, POOL_SEGMENTS, number);
}

static uint64_t segment_hash(uint32_t node, uint32_t index)
{
    return (((uint64_t)node << 32 | index) + 1) * 0x9e3779b97f4a7c15ull;
}

static uint32_t find_segment(struct shared *s, uint32_t node, uint32_t index)
{
    uint32_t at = shared_bucket(s, POOL_SEGMENTS, segment_hash(node, index));
    for (uint32_t i = shared_most(s, POOL_SEGMENTS); at; i--) {
        const struct shared_segment *g = segment_at(s, at);
        if (g->node == node && g->index == index)
            return at;
        if (!i) {
            shared_set_damaged(s);
            return 0;
        }
        at = g->link;
    }
    return 0;
}

/* 0 if there is no room. */
static uint32_t make_segment(struct shared *s, uint32_t node, uint32_t index)
{
    const uint64_t hash = segment_hash(node, index);
    uint32_t number = find_segment(s, node, index);
    if (number || !(number = shared_take(s, POOL_SEGMENTS)))
        return number;
    struct shared_segment *g = segment_at(s, number);
    g->node = node;
    g->index = index;
    g->link = shared_bucket(s, POOL_SEGMENTS, hash);
    shared_set_bucket(s, POOL_SEGMENTS, hash, number);
    struct shared_node *n = shared_node_changing(s, node);
    g->next = n->segments;
    n->segments = number;
    shared_changed(s, POOL_SEGMENTS, number);
    return number;
}

/* Frees what a segment has of pages from `first` on. */
static void drop_pages(struct shared *s, uint32_t number, unsigned first)
{
    struct shared_segment *g = segment_at(s, number);
    for (unsigned i = first; i < SHARE_PAGES; i++)
        if (g->page[i]) {
            shared_give(s, POOL_PAGES, g->page[i]);
            g->page[i] = 0;
        }
    shared_changed(s, POOL_SEGMENTS, number);
}

/* Drops the segments from an index on. */
static void drop_segments(struct shared *s, uint32_t node, uint32_t from)
{
    struct shared_node *n = shared_node_changing(s, node);
    uint32_t *link = &n->segments;
    for (uint32_t i = shared_most(s, POOL_SEGMENTS); *link && !shared_damaged(s);) {
        uint32_t number = *link;
        struct shared_segment *g = segment_at(s, number);
        if (!i--) {
            shared_set_damaged(s);
            return;
        }
        if (g->index < from) {
            link = &g->next;
            continue;
        }
        *link = g->next;
        shared_unhash(s, POOL_SEGMENTS, segment_hash(node, g->index), number);
        drop_pages(s, number, 0);
        shared_give(s, POOL_SEGMENTS, number);
    }
    for (uint32_t at = n->segments; at && !shared_damaged(s); at = segment_at(s, at)->next)
        shared_changed(s, POOL_SEGMENTS, at);
}

void shared_drop_content(struct shared *s, uint32_t node)
{
    drop_segments(s, node, 0);
}

/* ---------------------------------------------------------------- reading */

int shared_open(struct shared *s, uint32_t node)
{
    const struct shared_node *n = shared_node(s, node);
    char path[SHARE_PATH];
    uint32_t chunk;
    struct share_answer a;
    if (!S_ISREG(n->mode))
        return EACCES;
    if (n->opened || !n->host)
        return (int)n->unreadable;
    int rc = shared_path(s, node, path);
    const struct share_question q = {.what = SHARE_OPEN, .path = path};
    if (!rc)
        rc = shared_ask(s, &q, &a, sizeof a, &chunk);
    if (rc)
        return rc;
    struct shared_node *changing = shared_node_changing(s, node);
    changing->opened = 1;
    changing->unreadable = a.error;
    return (int)a.error;
}

/* The host's bytes of one page, which end with zeros. The segment may be made. */
static int read_host(struct shared *s, uint32_t node, uint64_t page, uint8_t *to)
{
    const struct shared_node *n = shared_node(s, node);
    const uint64_t at = page * SHARE_PAGE, left = at < n->host_size ? n->host_size - at : 0;
    const size_t size = left < SHARE_PAGE ? (size_t)left : SHARE_PAGE;
    char path[SHARE_PATH];
    memset(to + size, 0, SHARE_PAGE - size);
    if (!size)
        return 0;
    uint32_t number = make_segment(s, node, (uint32_t)(page / SHARE_PAGES));
    if (!number)
        return ENOSPC;
    struct shared_segment *g = segment_at(s, number);
    if (!g->chunk) {
        int rc = shared_path(s, node, path);
        const struct share_question q = {.what = SHARE_DATA, .path = path, .block = g->index};
        uint32_t chunk;
        uint8_t first;
        if (!rc)
            rc = shared_ask(s, &q, &first, 1, &chunk);
        if (rc)
            return rc;
        g->chunk = chunk + 1;
        shared_changed(s, POOL_SEGMENTS, number);
    }
    return shared_image(s, (uint64_t)(g->chunk - 1) * SHARE_CHUNK + page % SHARE_PAGES * SHARE_PAGE, to,
                        size);
}

/* A page as the guest sees it. */
static int read_page(struct shared *s, uint32_t node, uint64_t page, uint8_t *to)
{
    uint32_t number = find_segment(s, node, (uint32_t)(page / SHARE_PAGES));
    uint32_t own = number ? segment_at(s, number)->page[page % SHARE_PAGES] : 0;
    if (!own)
        return read_host(s, node, page, to);
    memcpy(to, shared_record(s, POOL_PAGES, own), SHARE_PAGE);
    return 0;
}

int shared_read(struct shared *s, uint32_t node, uint64_t at, void *buf, size_t n, size_t *done)
{
    const uint64_t size = shared_node(s, node)->size;
    uint8_t page[SHARE_PAGE];
    *done = 0;
    if (at >= size)
        return 0;
    if (n > size - at)
        n = (size_t)(size - at);
    for (size_t part; *done < n; *done += part) {
        const size_t in = (at + *done) % SHARE_PAGE;
        part = SHARE_PAGE - in < n - *done ? SHARE_PAGE - in : n - *done;
        int rc = read_page(s, node, (at + *done) / SHARE_PAGE, page);
        if (rc)
            return *done ? 0 : rc;
        memcpy((uint8_t *)buf + *done, page + in, part);
    }
    return 0;
}

int shared_seen_page(struct shared *s, uint32_t node, uint64_t page, uint8_t *to)
{
    uint32_t number = find_segment(s, node, (uint32_t)(page / SHARE_PAGES));
    const struct shared_segment *g = segment_at(s, number);
    const bool own = number && g->page[page % SHARE_PAGES], host = number && g->chunk;
    if (!own && !host && page * SHARE_PAGE < shared_node(s, node)->host_size)
        return -1;
    return read_page(s, node, page, to) ? -1 : 0;
}

/* ---------------------------------------------------------------- writing */

/* The guest's own copy of a page, which begins as the page is; `whole`: all of it is written anyway. */
static int own_page(struct shared *s, uint32_t node, uint64_t page, bool whole, uint8_t **to)
{
    uint32_t number = make_segment(s, node, (uint32_t)(page / SHARE_PAGES));
    uint8_t content[SHARE_PAGE];
    if (!number)
        return ENOSPC;
    uint32_t *own = &segment_at(s, number)->page[page % SHARE_PAGES];
    int rc = *own || whole ? 0 : read_host(s, node, page, content);
    if (rc)
        return rc;
    if (!*own) {
        if (!(*own = shared_take(s, POOL_PAGES)))
            return ENOSPC;
        shared_changed(s, POOL_SEGMENTS, number);
        if (!whole)
            memcpy(shared_record(s, POOL_PAGES, *own), content, SHARE_PAGE);
    }
    shared_changed(s, POOL_PAGES, *own);
    *to = shared_record(s, POOL_PAGES, *own);
    return 0;
}

int shared_write(struct shared *s, uint32_t node, uint64_t at, const void *buf, size_t n)
{
    if (at > SHARE_FILE || n > SHARE_FILE - at)
        return EFBIG;
    for (size_t done = 0, part; done < n; done += part) {
        const size_t in = (at + done) % SHARE_PAGE;
        uint8_t *page;
        part = SHARE_PAGE - in < n - done ? SHARE_PAGE - in : n - done;
        int rc = own_page(s, node, (at + done) / SHARE_PAGE, part == SHARE_PAGE, &page);
        if (rc)
            return rc;
        memcpy(page + in, (const uint8_t *)buf + done, part);
    }
    if (at + n > shared_node(s, node)->size)
        shared_node_changing(s, node)->size = at + n;
    if (n)
        shared_set_now(s, node);
    return 0;
}

/* What is behind the end reads as zeros, should the file grow again. */
static void cut_page(struct shared *s, uint32_t node, uint64_t size)
{
    uint32_t number = find_segment(s, node, (uint32_t)(size / SHARE_CHUNK));
    const unsigned page = (unsigned)(size / SHARE_PAGE % SHARE_PAGES);
    if (!number)
        return;
    drop_pages(s, number, page + (size % SHARE_PAGE != 0));
    uint32_t own = segment_at(s, number)->page[page];
    if (own && size % SHARE_PAGE) {
        memset((uint8_t *)shared_record(s, POOL_PAGES, own) + size % SHARE_PAGE, 0,
               SHARE_PAGE - size % SHARE_PAGE);
        shared_changed(s, POOL_PAGES, own);
    }
}

int shared_resize(struct shared *s, uint32_t node, uint64_t size)
{
    struct shared_node *n = shared_node_changing(s, node);
    if (size > SHARE_FILE)
        return EFBIG;
    if (size < n->size) {
        drop_segments(s, node, (uint32_t)((size + SHARE_CHUNK - 1) / SHARE_CHUNK));
        cut_page(s, node, size);
    }
    if (size < n->host_size)
        n->host_size = size;
    n->size = size;
    shared_set_now(s, node);
    return 0;
}
