/* units.c - see units.h. */
#include "base/units.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

const struct unit time_units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {NULL, 0}};
const struct unit count_units[] = {{"", 1},           {"k", 1000},          {"K", 1000}, {"M", 1000000},
                                   {"G", 1000000000}, {"T", 1000000000000}, {NULL, 0}};

uint64_t unit_scale(const struct unit *units, const char *name, size_t n)
{
    for (; units->name; units++)
        if (strlen(units->name) == n && !memcmp(units->name, name, n))
            return units->scale;
    return 0;
}

int units_parse(const char *text, const struct unit *units, uint64_t *out)
{
    unsigned __int128 whole = 0, fraction = 0, denominator = 1;
    const char *s = text;
    if (!isdigit((unsigned char)*s))
        return -1;
    for (; isdigit((unsigned char)*s); s++) {
        whole = whole * 10 + (unsigned)(*s - '0');
        if (whole > UINT64_MAX)
            return -1;
    }
    const bool point = *s == '.';
    if (point && !isdigit((unsigned char)*++s))
        return -1;
    for (; point && isdigit((unsigned char)*s); s++)
        if (denominator < 1000000000000000000u) {
            fraction = fraction * 10 + (unsigned)(*s - '0');
            denominator *= 10;
        }
    const uint64_t scale = unit_scale(units, s, strlen(s));
    const unsigned __int128 v = whole * scale + fraction * scale / denominator;
    if (!scale || v > UINT64_MAX || (point && scale == 1))
        return -1;
    *out = (uint64_t)v;
    return 0;
}
