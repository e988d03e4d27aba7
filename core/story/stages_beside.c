/* stages_beside.c - see stages_beside.h. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "core/story/private/stages_beside.h"

static uint64_t hash_of(size_t rule, const char *key, size_t len)
{
    return len ? XXH3_64bits_withSeed(key, len, rule) : rule;
}

size_t stages_beside_find(const struct stages_beside *b, size_t rule, const char *key, size_t len)
{
    for (struct hash_search s = hash_search(&b->index, hash_of(rule, key, len)); hash_found(&b->index, &s);) {
        const struct open_stage *o = &b->slot[s.number];
        if (o->rule == rule && o->len == len && (!len || !memcmp(o->text, key, len)))
            return s.number + 1;
    }
    return 0;
}

static size_t place_for(struct stages_beside *b)
{
    const size_t place = b->unused;
    if (!place) {
        MEM_MORE(b->slot, b->n);
        return ++b->n;
    }
    b->unused = b->slot[place - 1].later;
    return place;
}

size_t stages_beside_add(struct stages_beside *b, size_t rule, const char *key, size_t len, size_t *last)
{
    const size_t place = place_for(b);
    struct open_stage *o = &b->slot[place - 1];
    *o = (struct open_stage){.rule = rule,
                             .text = mem_alloc(len + 1),
                             .len = len,
                             .hash = hash_of(rule, key, len),
                             .last = last,
                             .earlier = *last};
    if (len)
        memcpy(o->text, key, len);
    if (*last)
        b->slot[*last - 1].later = place;
    *last = place;
    hash_index_add(&b->index, o->hash, place - 1);
    return place;
}

void stages_beside_remove(struct stages_beside *b, size_t place)
{
    struct open_stage *o = &b->slot[place - 1];
    hash_index_remove(&b->index, o->hash, place - 1);
    if (o->earlier)
        b->slot[o->earlier - 1].later = o->later;
    if (o->later)
        b->slot[o->later - 1].earlier = o->earlier;
    else
        *o->last = o->earlier;
    o->later = b->unused;
    b->unused = place;
}

void stages_beside_clear(struct stages_beside *b)
{
    free(b->slot);
    hash_index_clear(&b->index);
}
