/* chains.c - see chains.h. */
#include <stdlib.h>
#include <xxhash.h>

#include "base/chains.h"
#include "base/memory.h"

static uint64_t hash_of(uint64_t key)
{
    return XXH3_64bits(&key, sizeof key);
}

static struct chain *find(const struct chains *c, uint64_t key)
{
    for (struct hash_search s = hash_search(&c->index, hash_of(key)); hash_found(&c->index, &s);)
        if (c->chain[s.number].key == key)
            return &c->chain[s.number];
    return NULL;
}

static struct chain *find_or_add(struct chains *c, uint64_t key)
{
    struct chain *found = find(c, key);
    if (found)
        return found;
    MEM_MORE(c->chain, c->nchains);
    c->chain[c->nchains] = (struct chain){.key = key};
    hash_index_add(&c->index, hash_of(key), c->nchains);
    return &c->chain[c->nchains++];
}

void chains_add(struct chains *c, uint64_t key)
{
    struct chain *chain = find_or_add(c, key);
    MEM_MORE(c->older, c->n);
    c->older[c->n] = chain->newest;
    chain->newest = ++c->n;
}

size_t chains_newest(const struct chains *c, uint64_t key)
{
    const struct chain *found = find(c, key);
    return found ? found->newest : 0;
}

void chains_clear(struct chains *c)
{
    free(c->chain);
    hash_index_clear(&c->index);
    free(c->older);
    *c = (struct chains){0};
}
