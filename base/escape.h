/* escape.h - how names and texts that a guest made are shown to people.
 *
 * A character that utf8_printable() excludes, and each byte that is no UTF-8, is shown as \xNN, one for each byte, in lower case. A
 * backslash is shown as it is, unless an x and two hexadecimal digits follow it: then it is shown as \x5c. So each \xNN that is shown
 * stands for one byte, each other backslash for itself, and no two names are shown alike.
 *
 * In text of several lines, new lines and tabs stay, and a carriage return before a new line is left out.
 */
#ifndef BOOTREEL_BASE_ESCAPE_H
#define BOOTREEL_BASE_ESCAPE_H

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

enum escape_kind {
    ESCAPE_NAME,  /* a name, a path, a cell of a table: all on one line */
    ESCAPE_LINES, /* text of several lines */
    /* Text of this program in which names are escaped already: the backslashes in it are those of escapes. */
    ESCAPE_WORDS,
};
enum { ESCAPE_LONGEST = 4 }; /* bytes that one byte may become */

static inline bool escape_is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Whether a backslash at p would be taken for the beginning of an escape. */
static inline bool escape_is_like_one(const uint8_t *p, size_t n)
{
    return n >= 4 && p[0] == '\\' && p[1] == 'x' && escape_is_hex(p[2]) && escape_is_hex(p[3]);
}

/* The length of the character at p, at least one of n bytes, if it is shown as it is; 0 if its first byte is escaped. */
static inline size_t escape_passes(enum escape_kind kind, const uint8_t *p, size_t n)
{
    if (*p == '\\')
        return kind == ESCAPE_WORDS || !escape_is_like_one(p, n);
    if (*p == '\n' || *p == '\t')
        return kind != ESCAPE_NAME;
    return utf8_printable(p, n);
}

/* Whether the byte at p is left out: a carriage return before a new line. */
static inline bool escape_drops(enum escape_kind kind, const uint8_t *p, size_t n)
{
    return kind != ESCAPE_NAME && n >= 2 && p[0] == '\r' && p[1] == '\n';
}

static inline void escape_byte(uint8_t byte, char out[ESCAPE_LONGEST])
{
    out[0] = '\\';
    out[1] = 'x';
    out[2] = "0123456789abcdef"[byte >> 4];
    out[3] = "0123456789abcdef"[byte & 15];
}

/* The value of a hexadecimal digit. */
static inline uint8_t escape_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* Turns what was escaped back into what it was, in place. */
static inline void escape_undo(char *text)
{
    char *to = text;
    while (*text)
        if (escape_is_like_one((const uint8_t *)text, strnlen(text, 4))) {
            *to++ = (char)(escape_digit(text[2]) << 4 | escape_digit(text[3]));
            text += 4;
        } else {
            *to++ = *text++;
        }
    *to = 0;
}

#endif
