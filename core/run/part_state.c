/* part_state.c - see private/part_state.h: the size of the folder's state in 4 bytes, that state, the probes'. */
#include <string.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "core/run/private/part_state.h"

enum { HEAD = 4 };

void *part_state_join(const struct part_state_view *v, size_t *n)
{
    *n = 0;
    if (!v->nfold && !v->nprobes)
        return NULL;
    *n = HEAD + v->nfold + v->nprobes;
    uint8_t *state = mem_alloc(*n);
    put_le(state, v->nfold, HEAD);
    if (v->nfold)
        memcpy(state + HEAD, v->fold, v->nfold);
    if (v->nprobes)
        memcpy(state + HEAD + v->nfold, v->probes, v->nprobes);
    return state;
}

bool part_state_split(const void *state, size_t n, struct part_state_view *v)
{
    const uint8_t *p = state;
    *v = (struct part_state_view){0};
    if (!n)
        return true;
    if (n < HEAD || le32(p) > n - HEAD)
        return false;
    v->nfold = le32(p);
    v->fold = p + HEAD;
    v->probes = p + HEAD + v->nfold;
    v->nprobes = n - HEAD - v->nfold;
    return true;
}
