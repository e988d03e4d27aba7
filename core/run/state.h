/* state.h - the hash of a machine state, updated from the pages that changed; and the packed bytes
 * of a section.
 *
 * The hash is XXH3-64 over the sections' names and bytes in their order, plus the sum (modulo 2^64) over all
 * pages that are not all zero of XXH3-64 of the page seeded by region and page index. The sum does not depend
 * on the order of the pages, or on whether a page of zeros was given or left out; so a state saved whole and
 * one saved as changes have the same hash.
 */
#ifndef BOOTREEL_CORE_RUN_STATE_H
#define BOOTREEL_CORE_RUN_STATE_H

#include "core/engine/engine.h"

/* Bytes of a section's fields, packed. Fields are flat (core/ground/fields.h), here and below. */
size_t section_size(const struct field *fields, size_t nfields);
/* Packs the fields at `base` one after the other, without padding. */
void section_pack(const struct field *fields, size_t nfields, const void *base, void *out);
/* The reverse. Flags become 0 or 1, whatever was stored. */
void section_unpack(const struct field *fields, size_t nfields, void *base, const void *in);

struct state_hash;

struct state_hash *state_hash_new(void);
void state_hash_free(struct state_hash *s); /* NULL is allowed */
/* Begins a state. `whole`: all pages will be given; otherwise those that are not given are as in the
 * previous state. */
void state_hash_begin(struct state_hash *s, bool whole);
void state_hash_section(struct state_hash *s, const char *name, const void *bytes, size_t n);
void state_hash_page(struct state_hash *s, const char *region, uint64_t index, const void *data);
/* A field of a section: this counts in the layout, not in the hash. */
void state_hash_field(struct state_hash *s, const char *section, const char *name, unsigned width,
                      uint32_t count);
/* Never 0. */
uint64_t state_hash_end(struct state_hash *s);
/* A number for the fields of the state's sections, in their order: names, widths and counts. */
uint64_t state_hash_layout(const struct state_hash *s);

/* The number that a page adds to the hash of the state last begun; 0 if there is no such page or
 * it is all zero. */
uint64_t state_hash_of_page(const struct state_hash *s, const char *region, uint64_t index);
/* Calls fn for each page that is not all zero, by region and index. */
void state_hash_pages(const struct state_hash *s,
                      void (*fn)(void *ctx, const char *region, uint64_t index, uint64_t hash), void *ctx);
/* The number that a page with these bytes adds to the hash. */
uint64_t page_hash(const char *region, uint64_t index, const void *data);

/* Runs engine->save into `s` and returns the hash. `base`: that of the save that `s` holds; with NULL all
 * pages are hashed. */
uint64_t state_hash_engine(struct state_hash *s, struct engine *e, struct snapshot_base *base);
/* The same right after a state was loaded whose pages were given to `s`, which holds it from then on, as `base` says. The engine's
 * pages count where they differ; those that it has still to fetch stay so. */
void state_hash_loaded(struct state_hash *s, struct engine *e, struct snapshot_base *base);

#endif
