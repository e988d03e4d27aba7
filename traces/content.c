/* content.c - equal content gets the same number. */
#include <assert.h>
#include <xxhash.h>

#include "traces/content.h"

/* The slot that holds the key, or the empty one where it belongs. */
static uint32_t *content_slot(const struct content_table *t, struct content_key key)
{
    assert(t->nslots && !(t->nslots & (t->nslots - 1)) && "the number of slots is a power of two");
    for (size_t i = key.low;; i++) {
        uint32_t *slot = &t->slot[i & (t->nslots - 1)];
        if (!*slot || (t->key[*slot - 1].low == key.low && t->key[*slot - 1].high == key.high))
            return slot;
    }
}

static void content_grow(struct content_table *t)
{
    free(t->slot);
    t->nslots = t->nslots ? 2 * t->nslots : 1024;
    t->slot = mem_zero(t->nslots, sizeof t->slot[0]);
    for (uint32_t i = 0; i < t->next; i++)
        *content_slot(t, t->key[i]) = i + 1;
}

struct content_key content_key(const void *data, size_t n)
{
    XXH128_hash_t h = XXH3_128bits(data, n);
    return (struct content_key){h.low64, h.high64};
}

uint32_t content_number(struct content_table *t, struct content_key key, bool *is_new)
{
    if (t->next < CONTENT_MAX && 2 * ((size_t)t->next + 1) > t->nslots)
        content_grow(t);
    uint32_t *slot = content_slot(t, key);
    *is_new = !*slot;
    if (*slot)
        return *slot - 1;
    assert(t->next < UINT32_MAX && "numbers are not used again");
    if (t->next < CONTENT_MAX) {
        t->key = mem_grow(t->key, &t->cap, (size_t)t->next + 1, sizeof t->key[0]);
        t->key[t->next] = key;
        *slot = t->next + 1;
    }
    return t->next++;
}

void content_free(struct content_table *t)
{
    free(t->key);
    free(t->slot);
    *t = (struct content_table){0};
}
