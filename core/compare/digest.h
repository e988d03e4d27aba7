/* digest.h - an outline as a small text, which people keep in git instead of a trace.
 *
 * Line-oriented: one item a line, indented by its depth, so that a line-based difference of two digests can be
 * read as well. docs/diff.md describes the form. The same outline gives the same text.
 */
#ifndef BOOTREEL_CORE_COMPARE_DIGEST_H
#define BOOTREEL_CORE_COMPARE_DIGEST_H

#include <stdio.h>

#include "core/compare/outline.h"

#define DIGEST_VERSION     2                 /* 1 is read, too */
#define DIGEST_FIRST_WORDS "bootreel-digest" /* of the first line, before the version */

/* Whether the file begins as a digest does. False too if it cannot be read. */
bool digest_is(const char *path);
/* Returns 0, or -1 with err if it could not be written. How long stages take and how often accesses are made differs in nearly every boot:
 * this comes after everything else, so that a line-based difference shows what matters; or, with `in_place`, in the items' own lines. */
int digest_write(const struct outline *, bool in_place, FILE *out, struct error *err);
/* Reads a digest; errors give file and line. A line that was edited by hand is taken as it stands if it is
 * well-formed. The last line says how many items there are, so a digest that was cut short is noticed, and
 * outline_about.warning says so. NULL with err. */
struct outline *digest_read(const char *path, struct error *err);
/* Reads a digest that is in memory; `name` is for messages. */
struct outline *digest_parse(const char *name, const char *text, size_t n, struct error *err);

#endif
