/* place.c - see place.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sorted.h"
#include "core/systems/linux/private/place.h"

struct votes {
    uint64_t lowest, highest; /* addresses that a kernel may have */
    uint64_t step;            /* kernels are placed at multiples of it */
    size_t n;                 /* functions */
    uint32_t *of;             /* votes of each place from `lowest` on */
};

/* Functions in order of where they begin within a step. */
struct key {
    uint64_t within, function;
};

static int by_place(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    return x->within != y->within ? (x->within < y->within ? -1 : 1)
                                  : (x->function > y->function) - (x->function < y->function);
}

static void vote(const struct votes *v, const struct key *keys, uint64_t pointer)
{
    uint64_t within = pointer & (v->step - 1);
    for (size_t i = SORTED_FROM(keys, v->n, within, within); i < v->n && keys[i].within == within; i++)
        if (pointer - v->lowest >= keys[i].function)
            v->of[(pointer - keys[i].function - v->lowest) / v->step]++;
}

static void count_votes(const struct votes *v, const struct key *keys, const uint8_t *image, size_t size,
                        unsigned word)
{
    for (size_t at = 0; at + word <= size; at += word) {
        uint64_t pointer = 0;
        memcpy(&pointer, image + at, word);
        if (pointer >= v->lowest && pointer < v->highest)
            vote(v, keys, pointer);
    }
}

/* The place with the most votes, if it has enough and twice as many as any other. */
static bool winner(const struct votes *v, uint64_t *place)
{
    enum { VOTES_MIN = 16 };
    size_t places = (size_t)((v->highest - v->lowest) / v->step), best = 0;
    uint32_t second = 0;
    for (size_t i = 1; i < places; i++)
        if (v->of[i] > v->of[best]) {
            second = v->of[best];
            best = i;
        } else if (v->of[i] > second) {
            second = v->of[i];
        }
    *place = v->lowest + best * v->step;
    return v->of[best] >= VOTES_MIN && v->of[best] / 2 >= second;
}

bool place_find(const void *image, size_t size, unsigned word, const uint64_t *functions, size_t n,
                uint64_t *text)
{
    struct votes v = {.lowest = 0xffffffff80000000, .highest = 0xffffffffc0000000, .step = 2 << 20, .n = n};
    if (word == 4)
        v = (struct votes){.lowest = 0x40000000, .highest = 0xffffe000, .step = 8 << 10, .n = n};
    v.of = mem_zero((size_t)((v.highest - v.lowest) / v.step) + 1, sizeof *v.of);
    struct key *keys = mem_zero(n + 1, sizeof *keys);
    for (size_t i = 0; i < n; i++)
        keys[i] = (struct key){functions[i] & (v.step - 1), functions[i]};
    qsort(keys, n, sizeof *keys, by_place);
    count_votes(&v, keys, image, size, word);
    bool found = winner(&v, text);
    free(keys);
    free(v.of);
    return found;
}
