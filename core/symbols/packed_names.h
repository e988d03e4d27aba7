/* packed_names.h - names packed by tokens, as Linux (kallsyms) and Xen (symbols) keep their own symbol tables:
 * found in an image by their structure.
 *
 *   token table: 256 texts ended by NUL. The tokens of characters that occur in names stand for themselves, so
 *     the tokens of '0' to '9' are these characters, in a row: that is what is looked for.
 *
 *   token index: 256 x u16, where each token begins in the table; aligned.
 *
 *   a name: its length in tokens (in Linux one byte or, with bit 7, two; in Xen one byte), and that many tokens.
 *     The first character of the unpacked name is the symbol's type.
 *
 * scripts/kallsyms.c of Linux; tools/symbols.c of Xen.
 */
#ifndef BOOTREEL_CORE_SYMBOLS_PACKED_NAMES_H
#define BOOTREEL_CORE_SYMBOLS_PACKED_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ROOM: for a name and its NUL, and for what is written beyond it. */
enum { PACKED_TOKENS = 256, PACKED_NAME_MAX = 512, PACKED_NAME_ROOM = PACKED_NAME_MAX + 8 };

struct packed_names {
    const uint8_t *image;
    size_t size;
    unsigned
        align; /* of tables, at least: 4 (the index is at 4 or 8), or 1 if they may be anywhere (the index is
                * at 2 or 4) */
    size_t tokens, token_index; /* offsets in the image */
};

/* Finds the first token table with its index at or after `from`; image, size and align must be set. Cost: a
 * search through the image. */
bool packed_names_find(struct packed_names *k, size_t from);
/* The length, in tokens, of Linux's name at *p, which is moved to the first token. 0 if there is none before
 * `end`. */
unsigned packed_name_length(const struct packed_names *k, size_t *p, size_t end);
/* Unpacks a name of n tokens at p; longer names are truncated. */
void packed_name_unpack(const struct packed_names *k, size_t p, unsigned n, char out[PACKED_NAME_ROOM]);

#endif
