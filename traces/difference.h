/* difference.h - which bytes of two pages differ, as a bit for each: so that what looks for runs of changed bytes goes
 * from one to the next without comparing again. Private to traces/.
 */
#ifndef BOOTREEL_TRACES_DIFFERENCE_H
#define BOOTREEL_TRACES_DIFFERENCE_H

#include <stdint.h>

#include "traces/trace.h"

enum { DIFFERENCE_WORDS = TRACE_PAGE / 64 };

struct difference {
    unsigned bytes;   /* that differ */
    unsigned changed; /* of these, those that are not zero in the page */
    unsigned kept;    /* bytes that do not differ and are not zero */
    /* Bit i % 64 of word i / 64: byte i differs. Behind the page nothing is equal. */
    uint64_t word[DIFFERENCE_WORDS + 1];
};

/* Compares a page with another. Cost: below 0.5 µs. */
void difference_find(struct difference *d, const uint8_t *page, const uint8_t *base);

/* The first byte at or after `at` that differs, or TRACE_PAGE. `at` is at most TRACE_PAGE. */
static inline unsigned difference_next(const struct difference *d, unsigned at)
{
    unsigned i = at / 64;
    uint64_t word = d->word[i] & ~(uint64_t)0 << at % 64;
    while (!word)
        word = d->word[++i];
    return i * 64 + (unsigned)__builtin_ctzll(word);
}

/* The first byte at or after `at` that does not differ, or TRACE_PAGE. `at` is below TRACE_PAGE. */
static inline unsigned difference_end(const struct difference *d, unsigned at)
{
    unsigned i = at / 64;
    uint64_t word = ~d->word[i] & ~(uint64_t)0 << at % 64;
    while (!word && ++i < DIFFERENCE_WORDS)
        word = ~d->word[i];
    return word ? i * 64 + (unsigned)__builtin_ctzll(word) : TRACE_PAGE;
}

#endif
