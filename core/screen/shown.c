/* shown.c - see shown.h. */
#include <xxhash.h>

#include "core/screen/shown.h"

static void add_page(void *ctx, uint64_t index, uint32_t id)
{
    const uint64_t both[2] = {index, id};
    uint64_t *hash = ctx;
    *hash = XXH3_64bits_withSeed(both, sizeof both, *hash);
}

bool shown_hash(struct trace *t, const struct engine_kind *kind, size_t k, uint64_t *hash, struct error *err)
{
    err->text[0] = 0;
    if (!kind->words || !kind->words->shows)
        return false;
    struct trace_state *s = trace_checkpoint_load(t, k, err);
    if (!s)
        return false;
    *hash = 0;
    for (size_t i = 0; i < trace_state_sections(s); i++) {
        const struct trace_section *part = trace_state_section(s, i);
        if (kind->words->shows(part->name))
            *hash = XXH3_64bits_withSeed(part->data, part->len, *hash);
    }
    for (size_t i = 0; i < trace_state_regions(s); i++)
        if (kind->words->shows(trace_state_region_name(s, i)))
            trace_state_page_ids(s, i, add_page, hash);
    trace_state_free(s);
    return true;
}
