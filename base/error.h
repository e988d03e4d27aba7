/* error.h - one-line errors: what, where, what to do.
 *
 * Every function that can fail for a reason outside the program (a file, an option, a guest image)
 * takes a `struct error *` and fills it; the caller prints it as `bootreel: TEXT` on standard error. Names in it are as they are: they are
 * escaped when it is printed (base/out.h).
 */
#ifndef BOOTREEL_BASE_ERROR_H
#define BOOTREEL_BASE_ERROR_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct error {
    char text[400];
};

/* Ends a text that was too long, without half a character. */
static inline void error_cut(struct error *err)
{
    static const char more[] = "…";
    size_t n = sizeof err->text - sizeof more;
    while (n && (err->text[n] & 0xc0) == 0x80)
        n--;
    memcpy(err->text + n, more, sizeof more);
}

/* Fills `err` (which may be NULL) with a printf-formatted text. Always returns -1, so that a function can end
 * with `return error_set(err, ...)`. */
__attribute__((format(printf, 2, 3))) static inline int error_set(struct error *err, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        const int n = vsnprintf(err->text, sizeof err->text, fmt, ap);
        va_end(ap);
        if (n >= (int)sizeof err->text)
            error_cut(err);
    }
    return -1;
}

#endif
