/* command.h - commands of bootreel, run in the test's own process, in a folder of their own, with what they print kept. For tests of cli/ and of
 * what it shows. After cmocka.h's own includes; each program that includes this has one folder, with the recording of the demo guest that
 * `command_recorded` made in it, "demo.reel".
 */
#ifndef BOOTREEL_TESTS_UNIT_COMMAND_H
#define BOOTREEL_TESTS_UNIT_COMMAND_H

#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cli/cli.h"

enum { COMMAND_WORDS = 64, COMMAND_LINE = 4096 };

/* What a command said; to be freed by said_free. */
struct said {
    int status;
    char *out, *err;
};

static inline void said_free(struct said *s)
{
    free(s->out);
    free(s->err);
}

/* The whole of what was written to a descriptor of a memory file. */
static inline char *command_read(int fd)
{
    const off_t n = lseek(fd, 0, SEEK_END);
    char *text = mem_alloc((size_t)n + 1);
    assert_int_equal(pread(fd, text, (size_t)n, 0), n);
    text[n] = 0;
    close(fd);
    return text;
}

/* Cuts a line into words, in place: blanks separate them, '…' and "…" hold them together. */
static inline int command_words(char *line, char **word)
{
    int n = 0;
    for (char *p = line; *p;) {
        const bool quoted = *p == '\'' || *p == '"';
        const char end = quoted ? *p : ' ';
        p += quoted;
        assert_true(n < COMMAND_WORDS - 1);
        word[n++] = p;
        while (*p && *p != end)
            p++;
        if (*p)
            *p++ = 0;
        while (*p == ' ')
            p++;
    }
    word[n] = NULL;
    return n;
}

/* Sends a stream into a memory file; *saved is where it went before. */
static inline int command_catch(FILE *f, int *saved)
{
    const int fd = memfd_create("said", 0);
    fflush(f);
    *saved = dup(fileno(f));
    assert_true(fd >= 0 && *saved >= 0);
    assert_true(dup2(fd, fileno(f)) >= 0);
    return fd;
}

static inline void command_release(FILE *f, int saved)
{
    fflush(f);
    clearerr(f);
    assert_true(dup2(saved, fileno(f)) >= 0);
    close(saved);
}

/* bootreel LINE, with nothing on standard input. */
static inline struct said bootreel_line(const char *line)
{
    char copy[COMMAND_LINE], *word[COMMAND_WORDS];
    int out, err;
    assert_true(strlen(line) < sizeof copy);
    strcpy(copy, line);
    const int n = command_words(copy, word);
    const struct command *c = command_find(word[0]);
    struct engines engines = engines_here(NULL);
    sigset_t mask; /* commands block signals */
    assert_non_null(c);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    optind = 0;
    const int out_file = command_catch(stdout, &out), err_file = command_catch(stderr, &err);
    struct said s = {.status = c->run(&engines, n, word)};
    command_release(stdout, out);
    command_release(stderr, err);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    s.out = command_read(out_file);
    s.err = command_read(err_file);
    return s;
}

/* For a test of commands that run others, each as a process of its own: such a process is the test's program with arguments, and is then bootreel.
 * To be called first in main; -1: there are none. */
static inline int command_main(int argc, char **argv)
{
    struct engines engines = engines_here(NULL);
    const struct command *c = argc > 1 ? command_find(argv[1]) : NULL;
    if (argc > 1 && !c)
        return EXIT_TROUBLE;
    return c ? c->run(&engines, argc - 1, argv + 1) : -1;
}

__attribute__((format(printf, 1, 2))) static inline struct said bootreel(const char *fmt, ...)
{
    char line[COMMAND_LINE];
    va_list ap;
    va_start(ap, fmt);
    assert_true(vsnprintf(line, sizeof line, fmt, ap) < (int)sizeof line);
    va_end(ap);
    return bootreel_line(line);
}

/* ---------------------------------------------------------------- tables of commands */

enum { COMMAND_PARTS = 6 };

/* A command, its exit status, and texts that its output and its messages hold in that order. A text that begins with "!" must not be there. */
struct command_row {
    const char *states; /* the behaviour */
    const char *line;
    int status;
    const char *out[COMMAND_PARTS], *err[COMMAND_PARTS];
};

#define PRINTS(states, line, status, ...)                                                                    \
    {                                                                                                        \
        states, line, status, {__VA_ARGS__},                                                                 \
        {                                                                                                    \
            NULL                                                                                             \
        }                                                                                                    \
    }
#define WARNS(states, line, status, ...)                                                                     \
    {                                                                                                        \
        states, line, status, {NULL},                                                                        \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }

/* False after a message. */
static inline bool command_fails(const struct command_row *r, const struct said *s, const char *what)
{
    fprintf(stderr, "%s: %s\nbootreel %s\nstatus %d\n%.2000s%.1000s\n", r->states, what, r->line, s->status,
            s->out, s->err);
    return false;
}

static inline bool command_holds(const struct command_row *r, const struct said *s, const char *text,
                                 const char *const *parts)
{
    const char *from = text;
    char what[300];
    for (size_t i = 0; i < COMMAND_PARTS && parts[i]; i++) {
        const bool absent = parts[i][0] == '!';
        const char *at = strstr(absent ? text : from, parts[i] + absent);
        snprintf(what, sizeof what, "\"%s\" is %s", parts[i] + absent, absent ? "there" : "not there");
        if (!at != absent)
            return command_fails(r, s, what);
        from = absent ? from : at + strlen(parts[i]);
    }
    return true;
}

static inline bool command_check(const struct command_row *r)
{
    struct said s = bootreel_line(r->line);
    const bool good = (s.status == r->status || command_fails(r, &s, "another status")) &&
                      command_holds(r, &s, s.out, r->out) && command_holds(r, &s, s.err, r->err);
    said_free(&s);
    return good;
}

static inline void command_rows(const struct command_row *row, size_t n)
{
    size_t failed = 0;
    for (size_t i = 0; i < n; i++)
        failed += !command_check(&row[i]);
    if (failed)
        fail_msg("%zu commands did not do what they should", failed);
}
#define COMMANDS(...)                                                                                        \
    do {                                                                                                     \
        static const struct command_row rows[] = {__VA_ARGS__};                                              \
        command_rows(rows, sizeof rows / sizeof rows[0]);                                                    \
    } while (0)

/* ---------------------------------------------------------------- the folder */

static inline void command_write(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}
static inline void command_write_text(const char *path, const char *text)
{
    command_write(path, text, strlen(text));
}

/* A file's bytes, with a zero after them; to be freed. */
static inline char *command_file(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f)
        fail_msg("%s is not there", path);
    assert_int_equal(fstat(fileno(f), &st), 0);
    char *data = mem_alloc((size_t)st.st_size + 1);
    assert_int_equal(fread(data, 1, (size_t)st.st_size, f), st.st_size);
    data[st.st_size] = 0;
    fclose(f);
    if (n)
        *n = (size_t)st.st_size;
    return data;
}

static inline int command_remove(const char *path, const struct stat *st, int type, struct FTW *w)
{
    return remove(path);
}

/* Group setup: a folder, which is the current one and the person's home. */
static inline int command_folder(void **state)
{
    const char *dir = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/bootreel-command-XXXXXX", dir ? dir : "/tmp") < 0 || !mkdtemp(path) ||
        chdir(path))
        return -1;
    setenv("HOME", path, 1);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("XDG_STATE_HOME");
    setenv("TERM", "dumb", 1);
    *state = path;
    return 0;
}

/* The folder in which the Makefile puts guests: beside that of the unit tests' programs. To be freed. */
static inline char *command_guests(void)
{
    char path[4096], *guests = NULL;
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    assert_true(n > 0);
    path[n] = 0;
    for (unsigned i = 0; i < 2; i++)
        *strrchr(path, '/') = 0;
    assert_true(asprintf(&guests, "%s/guests", path) > 0);
    return guests;
}

/* The same, with demo.reel in it. */
static inline int command_recorded(void **state)
{
    if (command_folder(state))
        return -1;
    struct said s = bootreel("record -o demo.reel -q --memory 32M");
    const int status = s.status;
    if (status)
        fprintf(stderr, "%s", s.err);
    said_free(&s);
    return status;
}

static inline int command_cleanup(void **state)
{
    if (chdir("/") || nftw(*state, command_remove, 16, FTW_DEPTH | FTW_PHYS))
        return -1;
    free(*state);
    return 0;
}

#endif
