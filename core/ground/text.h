/* text.h - a string that grows. */
#ifndef BOOTREEL_CORE_GROUND_TEXT_H
#define BOOTREEL_CORE_GROUND_TEXT_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traces/memory.h"

struct text {
    char *s; /* NULL while empty; to be freed */
    size_t n;
};

__attribute__((format(printf, 2, 3))) static inline void text_add(struct text *t, const char *fmt, ...)
{
    char *more = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&more, fmt, ap);
    va_end(ap);
    if (n < 0)
        abort();
    t->s = mem_resize(t->s, t->n + (size_t)n + 1);
    memcpy(t->s + t->n, more, (size_t)n + 1);
    t->n += (size_t)n;
    free(more);
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
