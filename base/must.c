/* must.c - see must.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"

void must_fail(const char *file, int line, const char *condition, const char *words)
{
    char text[512];
    snprintf(text, sizeof text, "bootreel: %.100s:%d: %.200s (%.100s): a defect of bootreel\n", file, line,
             words, condition);
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        abort();
    abort();
}
