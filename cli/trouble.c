/* trouble.c - lines on standard error, and whether standard output could be written. */
#include <poll.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/out.h"
#include "cli/cli.h"

int trouble_text(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fflush(stdout);
    out_words(stderr, "bootreel: ");
    out_print_list(stderr, fmt, ap);
    out_char(stderr, '\n');
    va_end(ap);
    return EXIT_TROUBLE;
}

void say_warning(void *ctx, const char *text)
{
    trouble_text("%s", text);
}

int trouble(const struct error *err)
{
    return trouble_text("%s", err->text);
}

int finish_output(int status)
{
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    struct pollfd out = {.fd = STDOUT_FILENO};
    if (written || status == EXIT_TROUBLE) /* which is one line */
        return status;
    if (poll(&out, 1, 0) == 1 && out.revents & POLLERR) /* a pipe whose reader has what it wanted */
        return status;
    return trouble_text("standard output: cannot be written: make room, or give it another place");
}
