/* part_state.h - what a part of an annotated run begins with: the folder's state, and that of the new probes, as one string of bytes.
 * Private to core/run/.
 */
#ifndef BOOTREEL_CORE_RUN_PART_STATE_H
#define BOOTREEL_CORE_RUN_PART_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct part_state_view {
    const uint8_t *fold, *probes;
    size_t nfold, nprobes;
};

/* To be freed; NULL with *n 0 if both are empty. */
void *part_state_join(const struct part_state_view *v, size_t *n);
/* False if the bytes make no sense. */
bool part_state_split(const void *state, size_t n, struct part_state_view *v);

#endif
