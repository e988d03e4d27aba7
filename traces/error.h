/* error.h - one-line errors: what, where, what to do.
 *
 * Every function that can fail for a reason outside the program (a file, an option, a guest image)
 * takes a `struct error *` and fills it; the caller prints it as `bootreel: TEXT` on standard error.
 */
#ifndef BOOTREEL_TRACES_ERROR_H
#define BOOTREEL_TRACES_ERROR_H

#include <stdarg.h>
#include <stdio.h>

struct error {
    char text[400];
};

/* Fills `err` (which may be NULL) with a printf-formatted text. Always returns -1, so that a function can end
 * with `return error_set(err, ...)`. */
__attribute__((format(printf, 2, 3))) static inline int error_set(struct error *err, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->text, sizeof err->text, fmt, ap);
        va_end(ap);
    }
    return -1;
}

#endif
