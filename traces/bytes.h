/* bytes.h - a growing byte buffer, a bounded reader of bytes, and the numbers in them.
 *
 * varint: little-endian base 128, seven bits a byte, the high bit is set if more follow; at most ten bytes.
 * zigzag: a signed number as an unsigned one, so that small numbers of either sign are short.
 *
 * Private to traces/.
 */
#ifndef BOOTREEL_TRACES_BYTES_H
#define BOOTREEL_TRACES_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/byte_order.h"
#include "base/memory.h"

/* ---------------------------------------------------------------- numbers */

static inline uint64_t zigzag(uint64_t delta)
{
    return delta << 1 ^ (uint64_t)((int64_t)delta >> 63);
}

static inline uint64_t unzigzag(uint64_t v)
{
    return v >> 1 ^ -(v & 1);
}

enum { VARINT_MAX = 10 };

/* Writes v at p (room for VARINT_MAX); returns the byte after it. */
static inline uint8_t *varint_write(uint8_t *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (uint8_t)v | 0x80;
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}

/* ---------------------------------------------------------------- growing buffer */

struct buf {
    uint8_t *p;
    size_t n;
    size_t cap;
};

static inline void buf_free(struct buf *b)
{
    free(b->p);
    *b = (struct buf){0};
}

/* Room for n more bytes; returns where they go. The caller advances b->n. */
static inline uint8_t *buf_room(struct buf *b, size_t n)
{
    b->p = mem_grow(b->p, &b->cap, b->n + n, 1);
    return b->p + b->n;
}

static inline void buf_add(struct buf *b, const void *data, size_t n)
{
    if (!n)
        return;
    memcpy(buf_room(b, n), data, n);
    b->n += n;
}

static inline void buf_u8(struct buf *b, uint8_t v)
{
    buf_add(b, &v, 1);
}

static inline void buf_u64(struct buf *b, uint64_t v)
{
    put_le64(buf_room(b, 8), v);
    b->n += 8;
}

static inline void buf_varint(struct buf *b, uint64_t v)
{
    b->n = (size_t)(varint_write(buf_room(b, VARINT_MAX), v) - b->p);
}

/* Length, then bytes. */
static inline void buf_bytes(struct buf *b, const void *data, size_t n)
{
    buf_varint(b, n);
    buf_add(b, data, n);
}

static inline void buf_string(struct buf *b, const char *s)
{
    buf_bytes(b, s, strlen(s));
}

/* ---------------------------------------------------------------- bounded reader */

/* Reads never leave [p, end). After a failed one `bad` stays set and everything reads as zero. */
struct view {
    const uint8_t *p;
    const uint8_t *end;
    bool bad;
};

static inline struct view view_of(const void *p, size_t n)
{
    return (struct view){p, (const uint8_t *)p + n, false};
}

static inline size_t view_left(const struct view *v)
{
    return v->bad ? 0 : (size_t)(v->end - v->p);
}

static inline const uint8_t *view_take(struct view *v, uint64_t n)
{
    if (n > view_left(v) || v->bad) {
        v->bad = true;
        return NULL;
    }
    const uint8_t *p = v->p;
    v->p += n;
    return p;
}

static inline uint8_t view_u8(struct view *v)
{
    const uint8_t *p = view_take(v, 1);
    return p ? *p : 0;
}

static inline uint64_t view_u64(struct view *v)
{
    const uint8_t *p = view_take(v, 8);
    return p ? le64(p) : 0;
}

static inline uint64_t view_long_varint(struct view *v)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        const uint8_t *p = view_take(v, 1);
        if (!p)
            return 0;
        if (shift == 63 && *p > 1)
            break;
        value |= (uint64_t)(*p & 0x7f) << shift;
        if (!(*p & 0x80))
            return value;
    }
    v->bad = true;
    return 0;
}

static inline uint64_t view_varint(struct view *v)
{
    if (!v->bad && v->p < v->end && *v->p < 0x80) /* most are short */
        return *v->p++;
    return view_long_varint(v);
}

/* A varint of at most `max`. */
static inline uint64_t view_number(struct view *v, uint64_t max)
{
    uint64_t value = view_varint(v);
    if (value > max) {
        v->bad = true;
        return 0;
    }
    return value;
}

/* The bytes of a length-prefixed string of at most `max` bytes without NUL, and how many they are; NULL if it is not one. */
static inline const uint8_t *view_text(struct view *v, size_t max, size_t *n)
{
    *n = view_number(v, max);
    const uint8_t *p = view_take(v, *n);
    if (p && !memchr(p, 0, *n))
        return p;
    v->bad = true;
    return NULL;
}

/* Passes over such a string. */
static inline void view_pass_string(struct view *v, size_t max)
{
    size_t n;
    view_text(v, max, &n);
}

/* Such a string, as a new C string; NULL if it is not one. */
static inline char *view_string(struct view *v, size_t max)
{
    size_t n;
    const uint8_t *p = view_text(v, max, &n);
    if (!p)
        return NULL;
    char *s = mem_alloc(n + 1);
    memcpy(s, p, n);
    s[n] = 0;
    return s;
}

#endif
