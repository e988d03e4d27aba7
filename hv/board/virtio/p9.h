/* p9.h - 9P2000.L, the protocol of shared folders: numbers of messages, their parts. Private to hv/board.
 *
 * Source: the manual of Plan 9, section 5 (fourth edition); 9P2000.L: the description in the sources of diod (protocol.md), and what
 * Linux's client sends (net/9p/protocol.c). A message is its size (4 bytes), a type, a tag (2), and its fields, little-endian; a string is
 * its length (2) and its bytes. */
#ifndef BOOTREEL_HV_BOARD_VIRTIO_P9_H
#define BOOTREEL_HV_BOARD_VIRTIO_P9_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/byte_order.h"

enum {
    P9_HEADER = 7,
    P9_QID = 13,
    P9_WALK_MOST = 16,
    P9_MSIZE_LEAST = 4096,
    P9_MSIZE_MOST = 1 << 20,
    P9_NO_TAG = 0xffff,
};
#define P9_NO_FID UINT32_MAX

/* Requests; an answer has the next number. */
enum {
    P9_LERROR = 6,
    P9_STATFS = 8,
    P9_LOPEN = 12,
    P9_LCREATE = 14,
    P9_SYMLINK = 16,
    P9_MKNOD = 18,
    P9_RENAME = 20,
    P9_READLINK = 22,
    P9_GETATTR = 24,
    P9_SETATTR = 26,
    P9_XATTRWALK = 30,
    P9_XATTRCREATE = 32,
    P9_READDIR = 40,
    P9_FSYNC = 50,
    P9_LOCK = 52,
    P9_GETLOCK = 54,
    P9_LINK = 70,
    P9_MKDIR = 72,
    P9_RENAMEAT = 74,
    P9_UNLINKAT = 76,
    P9_VERSION = 100,
    P9_AUTH = 102,
    P9_ATTACH = 104,
    P9_FLUSH = 108,
    P9_WALK = 110,
    P9_READ = 116,
    P9_WRITE = 118,
    P9_CLUNK = 120,
    P9_REMOVE = 122,
};

/* A request that is read, field by field: behind its end each field is 0, and `bad`. */
struct p9_request {
    const uint8_t *p;
    size_t n;
    bool bad;
};
/* An answer that is written; behind its room nothing is, and `full`. */
struct p9_answer {
    uint8_t *p;
    size_t n, room;
    bool full;
};

struct p9_string {
    const char *s;
    size_t n;
};

static inline uint64_t p9_get(struct p9_request *r, unsigned bytes)
{
    if (r->n < bytes) {
        r->bad = true;
        r->n = 0;
        return 0;
    }
    uint64_t value = get_le(r->p, bytes);
    r->p += bytes;
    r->n -= bytes;
    return value;
}

static inline struct p9_string p9_get_string(struct p9_request *r)
{
    struct p9_string s = {.n = (size_t)p9_get(r, 2)};
    if (s.n > r->n) {
        r->bad = true;
        s.n = 0;
    }
    s.s = (const char *)r->p;
    r->p += s.n;
    r->n -= s.n;
    return s;
}

/* Room for n bytes, or NULL. */
static inline uint8_t *p9_room(struct p9_answer *a, size_t n)
{
    if (n > a->room - a->n) {
        a->full = true;
        return NULL;
    }
    a->n += n;
    return a->p + a->n - n;
}

static inline void p9_put(struct p9_answer *a, uint64_t value, unsigned bytes)
{
    uint8_t *p = p9_room(a, bytes);
    if (p)
        put_le(p, value, bytes);
}

static inline void p9_put_string(struct p9_answer *a, const char *s, size_t n)
{
    p9_put(a, n, 2);
    uint8_t *p = p9_room(a, n);
    if (p)
        __builtin_memcpy(p, s, n);
}

#endif
