/* outline_text.c - the part of a text that is compared. */
#include <ctype.h>
#include <string.h>

#include "core/compare/outline.h"

static bool is_hex(char c)
{
    return isxdigit((unsigned char)c);
}

/* Length of the time that a kernel puts before a line: "[    1.234567] ", also with "<6>" before it. */
static size_t stamp_length(const char *s, size_t n)
{
    size_t i = 0;
    if (n > 3 && s[0] == '<') {
        for (i = 1; i < n && isdigit((unsigned char)s[i]);)
            i++;
        if (i < 2 || i >= n || s[i++] != '>')
            return 0;
    }
    if (i >= n || s[i++] != '[')
        return 0;
    while (i < n && s[i] == ' ')
        i++;
    size_t digits = i;
    while (i < n && isdigit((unsigned char)s[i]))
        i++;
    if (i == digits || i >= n || s[i++] != '.')
        return 0;
    while (i < n && isdigit((unsigned char)s[i]))
        i++;
    if (i >= n || s[i++] != ']')
        return 0;
    return i < n && s[i] == ' ' ? i + 1 : i;
}

/* Length of the address at s, or 0. */
static size_t address_length(const char *s, size_t n, bool log)
{
    size_t prefix = n > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 2 : 0, i = prefix;
    while (i < n && is_hex(s[i]))
        i++;
    size_t digits = i - prefix;
    if (i < n && (isalnum((unsigned char)s[i]) || s[i] == '_'))
        return 0;
    bool kernel = digits == 16 && !strncasecmp(s + prefix, "ffff", 4);
    bool bare = digits == 8 || digits == 12 || digits == 16;
    return kernel || (log && (prefix ? digits >= 5 : bare)) ? i : 0;
}

/* Length of the place in a symbol, "+0x12/0x34", or 0. Such places differ from build to build. */
static size_t offset_length(const char *s, size_t n)
{
    size_t i = 0;
    for (unsigned part = 0; part < 2; part++) {
        if (i + 3 >= n || s[i] != (part ? '/' : '+') || s[i + 1] != '0' || s[i + 2] != 'x')
            return 0;
        for (i += 3; i < n && is_hex(s[i]);)
            i++;
    }
    return i;
}

static bool in_word(const char *text, size_t i)
{
    return i > 0 && (isalnum((unsigned char)text[i - 1]) || text[i - 1] == '_');
}

size_t outline_plain(const char *text, size_t n, char *out, bool *log)
{
    size_t len = plain_text(text, n, out), skip = stamp_length(out, len), to = 0;
    *log = skip > 0;
    for (size_t i = skip; i < len;) {
        size_t address =
            is_hex(out[i]) && !(i > skip && in_word(out, i)) ? address_length(out + i, len - i, *log) : 0;
        size_t offset = *log && out[i] == '+' && in_word(out, i) ? offset_length(out + i, len - i) : 0;
        if (address > 3) {
            memmove(out + to, "0x#", 3);
            to += 3;
            i += address;
        } else if (offset) {
            memmove(out + to, "+#", 2);
            to += 2;
            i += offset;
        } else {
            out[to++] = out[i++];
        }
    }
    while (to && (out[to - 1] == ' ' || out[to - 1] == '\r'))
        to--;
    out[to] = 0;
    return to;
}

/* Length of what a compiler added to a symbol, at its point, or 0. */
static size_t suffix_length(const char *s, size_t n)
{
    static const char *const suffixes[] = {".constprop", ".isra", ".part", ".cold", ".llvm"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        size_t len = strlen(suffixes[i]);
        if (n < len || memcmp(s, suffixes[i], len))
            continue;
        if (len + 1 < n && s[len] == '.' && isdigit((unsigned char)s[len + 1]))
            for (len++; len < n && isdigit((unsigned char)s[len]);)
                len++;
        if (len == n || !(isalnum((unsigned char)s[len]) || s[len] == '_'))
            return len;
    }
    return 0;
}

size_t outline_pattern(const char *text, size_t n, bool numbers, char *out)
{
    size_t to = 0;
    for (size_t i = 0; i < n;) {
        if (text[i] == '.' && suffix_length(text + i, n - i)) {
            i += suffix_length(text + i, n - i);
        } else if (numbers && isdigit((unsigned char)text[i]) && !in_word(text, i)) {
            while (i < n && (isdigit((unsigned char)text[i]) ||
                             (text[i] == '.' && i + 1 < n && isdigit((unsigned char)text[i + 1]))))
                i++;
            out[to++] = '#';
        } else {
            out[to++] = text[i++];
        }
    }
    out[to] = 0;
    return to;
}
