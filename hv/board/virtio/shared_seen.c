/* shared_seen.c - what a person reads of a share at a position: only what the guest has seen or written, so that nobody is asked. */
#include "hv/board/slots.h"
#include "hv/board/chip.h"
#include "hv/board/virtio/shared.h"

#include <string.h>
#include <sys/stat.h>

static int step(struct shared *s, const char *name, size_t n, uint32_t *node)
{
    uint32_t next = n <= SHARE_NAME ? shared_seen(s, *node, name, n) : 0;
    if (!next || shared_node(s, next)->nowhere)
        return -1;
    *node = shared_file(s, next);
    return 0;
}

/* A path without links. */
static int find(struct shared *s, const char *path, uint32_t *node)
{
    *node = SHARE_ROOT;
    while (*path) {
        size_t n = strcspn(path, "/");
        if (n && step(s, path, n, node))
            return -1;
        path += n + (path[n] == '/');
    }
    return 0;
}

int board_share_read(struct board *b, unsigned number, const char *path, void *ctx,
                     void (*take)(void *ctx, const void *data, size_t n), struct error *err)
{
    uint8_t page[SHARE_PAGE];
    uint32_t node;
    struct shared *s = number < ENGINE_SHARES ? board_slot(b, SLOT_SHARE0 + number) : NULL;
    if (!s || find(s, path, &node))
        return error_set(err, "the guest has neither read nor made such a file up to there");
    const struct shared_node *n = shared_node(s, node);
    if (!S_ISREG(n->mode))
        return error_set(err, "is no regular file");
    for (uint64_t at = 0, size = n->size, part; at < size; at += part) {
        part = size - at < SHARE_PAGE ? size - at : SHARE_PAGE;
        if (shared_seen_page(s, node, at / SHARE_PAGE, page))
            return error_set(err, "the guest has not read it from byte %llu on: it is not in the trace",
                             (unsigned long long)at);
        take(ctx, page, (size_t)part);
    }
    return 0;
}
