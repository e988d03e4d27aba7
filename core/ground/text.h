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

#endif
