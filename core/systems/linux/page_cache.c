/* page_cache.c - see page_cache.h.
 *
 * Slots hold pages, or nodes of 64 slots (marked by the low bits 10), or values (bit 0 set: a page that was swapped out). A page that is
 * part of a larger folio has sibling entries, which say which slot of the same node has the folio.
 */
#include "core/systems/linux/page_cache.h"

#include <stdbool.h>

enum { SLOTS = 64, DEPTH = 11, LOWEST_NODE = 4096 };

static bool is_node(uint64_t entry)
{
    return (entry & 3) == 2 && entry > LOWEST_NODE;
}

static bool is_sibling(uint64_t entry)
{
    return (entry & 3) == 2 && entry < (SLOTS - 1) << 2;
}

uint64_t page_cache_find(const struct page_cache *c, uint64_t mapping, uint64_t index, uint64_t *first)
{
    uint64_t entry = mapping ? c->word(c->ctx, mapping + c->head) : 0;
    *first = index;
    if (!is_node(entry)) /* an only page, the file's first */
        return index || entry & 3 ? 0 : entry;
    for (unsigned depth = 0; is_node(entry) && depth < DEPTH; depth++) {
        const uint64_t node = entry & ~(uint64_t)3, slots = node + c->slots;
        const unsigned shift = c->word(c->ctx, node + c->shift) & 0xff;
        if (shift > 60 || (!depth && index >> shift >= SLOTS))
            return 0;
        uint64_t slot = index >> shift & (SLOTS - 1);
        entry = c->word(c->ctx, slots + c->bytes * slot);
        if (is_sibling(entry)) {
            slot = entry >> 2;
            entry = c->word(c->ctx, slots + c->bytes * slot);
        }
        if (!is_node(entry)) /* a folio may fill several slots, or one of a higher level */
            *first = ((index >> shift & ~(uint64_t)(SLOTS - 1)) + slot) << shift;
    }
    return entry & 3 ? 0 : entry;
}
