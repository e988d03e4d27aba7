/* memory.c - the end of a process that cannot have memory. See memory.h. */
#include <fcntl.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/memory.h"
#include "base/unfinished.h"

enum { LINE = 700, NO_MEMORY = 2 /* the exit status of trouble */ };

/* A line that is composed without memory. */
struct line {
    char text[LINE];
    size_t n;
};

static void add(struct line *l, const char *text)
{
    while (*text && l->n + 1 < LINE)
        l->text[l->n++] = *text++;
}

static void add_number(struct line *l, size_t n)
{
    char digits[32], *p = digits + sizeof digits;
    unsigned group = 0;
    *--p = 0;
    do {
        if (group && group % 3 == 0)
            *--p = ',';
        *--p = (char)('0' + n % 10);
        group++;
    } while (n /= 10);
    add(l, p);
}

/* The command as it was given, in which the program's name may be a path. */
static void add_command(struct line *l)
{
    char words[300];
    const int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, words, sizeof words - 1);
    size_t i = 0;
    if (fd >= 0)
        close(fd);
    if (n <= 0) {
        add(l, "bootreel");
        return;
    }
    words[n] = 0;
    for (size_t k = 0; words[k]; k++)
        i = words[k] == '/' ? k + 1 : i;
    for (; i + 1 < (size_t)n; i++) {
        const uint8_t c = words[i] ? (uint8_t)words[i] : ' ';
        char one[2] = {(char)c, 0}, escape[ESCAPE_LONGEST + 1] = "";
        escape_byte(c, escape);
        add(l, c >= 0x20 && c < 0x7f ? one : escape);
    }
    add(l, (size_t)n == sizeof words - 1 ? " …" : "");
}

void mem_none(size_t n)
{
    struct line l = {.n = 0};
    unfinished_remove();
    add(&l, "bootreel: no memory for `");
    add_command(&l);
    add(&l, "`, which wanted ");
    if (n)
        add_number(&l, n);
    add(&l, n ? " bytes more" : "some more");
    add(&l, ": raise the limit (ulimit -v, memory.max of its control group), or use fewer --jobs\n");
    (void)!write(STDERR_FILENO, l.text, l.n);
    _exit(NO_MEMORY);
}
