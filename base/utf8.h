#ifndef BOOTREEL_BASE_UTF8_H
#define BOOTREEL_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length of the well-formed UTF-8 sequence (Unicode Standard, table 3-7) at p; 0 if there is none. */
static inline size_t utf8_length(const uint8_t *p, size_t n)
{
    static const struct {
        uint8_t lead_min, lead_max, second_min, second_max, length;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; n && i < sizeof forms / sizeof forms[0]; i++) {
        if (p[0] < forms[i].lead_min || p[0] > forms[i].lead_max)
            continue;
        if (forms[i].length > n)
            return 0;
        if (forms[i].length > 1 && (p[1] < forms[i].second_min || p[1] > forms[i].second_max))
            return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if ((p[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].length;
    }
    return 0;
}

/* Writes a character of Unicode (below 200000h); returns how many bytes it has. */
static inline unsigned utf8_put(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    const unsigned n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (unsigned i = n; --i; c >>= 6)
        out[i] = (char)(0x80 | (c & 63));
    out[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | c);
    return n;
}

/* The length of a well-formed character that text may have on a terminal; 0 otherwise. Excluded are control characters (C0, DEL, C1),
 * the line and paragraph separators, and the characters that change the direction of the text around them: U+061C, U+200E, U+200F,
 * U+2028 to U+202E, U+2066 to U+2069. */
static inline size_t utf8_printable(const uint8_t *p, size_t n)
{
    const size_t len = utf8_length(p, n);
    if (len == 1 && (p[0] < 0x20 || p[0] == 0x7f))
        return 0;
    if (len == 2 && ((p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xd8 && p[1] == 0x9c)))
        return 0;
    if (len == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f))
        return 0;
    if (len == 3 && p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae)
        return 0;
    if (len == 3 && p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
        return 0;
    return len;
}

#endif
