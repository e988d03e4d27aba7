/* units.h - amounts with a unit, as people write them: 5M, 1.5s, 20us. */
#ifndef BOOTREEL_BASE_UNITS_H
#define BOOTREEL_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

struct unit {
    const char *name; /* NULL ends a table */
    uint64_t scale;   /* in the smallest unit */
};
extern const struct unit time_units[];  /* ns, us, ms, s: in ns */
extern const struct unit count_units[]; /* none, k or K, M, G, T: powers of 1000 */

/* The scale of the unit that these n bytes name; 0 if they name none. */
uint64_t unit_scale(const struct unit *units, const char *name, size_t n);
/* DIGITS[.DIGITS]UNIT as a whole number of the smallest unit; smaller fractions are dropped, and the smallest unit itself has none. Exact: no
 * floating point. -1 if the text has another form or the number does not fit. */
int units_parse(const char *text, const struct unit *units, uint64_t *out);

#endif
