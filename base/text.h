/* text.h - a string that grows. */
#ifndef BOOTREEL_BASE_TEXT_H
#define BOOTREEL_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct text {
    char *s; /* NULL while empty; to be freed */
    size_t n;
};

/* A string of its own, to be freed. */
__attribute__((format(printf, 1, 0))) static inline char *text_format_list(const char *fmt, va_list ap)
{
    char *s = NULL;
    if (vasprintf(&s, fmt, ap) < 0)
        mem_none(0);
    return s;
}

__attribute__((format(printf, 1, 2))) static inline char *text_format(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *s = text_format_list(fmt, ap);
    va_end(ap);
    return s;
}

__attribute__((format(printf, 2, 0))) static inline void text_add_list(struct text *t, const char *fmt,
                                                                       va_list ap)
{
    char *more = NULL;
    const int n = vasprintf(&more, fmt, ap); /* counts a character 0, too */
    if (n < 0)
        mem_none(0);
    t->s = mem_resize(t->s, t->n + (size_t)n + 1);
    memcpy(t->s + t->n, more, (size_t)n + 1);
    t->n += (size_t)n;
    free(more);
}

__attribute__((format(printf, 2, 3))) static inline void text_add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    text_add_list(t, fmt, ap);
    va_end(ap);
}

/* One bit of a number, or several that have to be set together. A list ends with one whose name is NULL. */
struct flag_name {
    uint64_t bit;
    const char *name;
};

/* Adds "CLONE_VM|CLONE_FS|0x80000000": bits without a name as a number; `none` if no bit is set. */
static inline void text_add_flags(struct text *t, uint64_t v, const struct flag_name *flags, const char *none)
{
    const char *sep = "";
    for (; flags->name; flags++)
        if (v & flags->bit && (v & flags->bit) == flags->bit) {
            text_add(t, "%s%s", sep, flags->name);
            v &= ~flags->bit;
            sep = "|";
        }
    if (v)
        text_add(t, "%s0x%llx", sep, (unsigned long long)v);
    else if (!*sep)
        text_add(t, "%s", none);
}

/* Adds "\"bytes\"", as C writes a string, with "..." behind it if there are more. */
static inline void text_add_bytes(struct text *t, const uint8_t *p, size_t n, bool more)
{
    static const char escapes[] = "\aa\bb\tt\nn\vv\ff\rr\"\"\\\\";
    text_add(t, "\"");
    for (; n--; p++) {
        const char *e = escapes;
        while (*e && *e != (char)*p)
            e += 2;
        if (*e)
            text_add(t, "\\%c", e[1]);
        else
            text_add(t, *p >= 0x20 && *p < 0x7f ? "%c" : "\\x%02x", *p);
    }
    text_add(t, more ? "\"..." : "\"");
}

/* Adds a word as a shell takes it: in quotes if it needs them. After a blank if it is not the first. */
static inline void text_add_word(struct text *t, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%";
    text_add(t, t->n ? " " : "");
    if (*word && !word[strspn(word, plain)]) {
        text_add(t, "%s", word);
        return;
    }
    text_add(t, "'");
    for (; *word; word++)
        text_add(t, "%.*s", *word == '\'' ? 4 : 1, *word == '\'' ? "'\\''" : word);
    text_add(t, "'");
}

#endif
