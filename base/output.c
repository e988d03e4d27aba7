/* output.c - see output.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output.h"
#include "base/text.h"
#include "base/unfinished.h"

enum { ATTEMPTS = 100 }; /* names that are tried for a temporary file */

struct output {
    char *path;  /* the name that it gets, no symbolic link; NULL: standard output */
    char *shown; /* as the user wrote it */
    char *under; /* its name while it is written; NULL: it has none, or its own */
    FILE *f;     /* NULL: a folder, or one that a library writes */
    int fd;      /* that it writes to; -1: none, or standard output's */
    int bad;     /* errno of the first write that failed */
    bool folder;
    bool replaces; /* it gets its name when it is complete */
    mode_t mode;   /* of the file that it replaces; 0: there is none */
};

static struct output *new_output(const char *path)
{
    struct output *o = mem_zero(1, sizeof *o);
    struct stat st;
    o->fd = -1;
    if (!path)
        return o;
    char *real = realpath(path, NULL);
    o->path = real ? real : mem_string(path);
    o->shown = mem_string(path);
    size_t n = strlen(o->path);
    while (n > 1 && o->path[n - 1] == '/')
        o->path[--n] = 0;
    const bool there = !stat(o->path, &st);
    o->replaces = (!there && lstat(o->path, &st)) || (there && S_ISREG(st.st_mode));
    o->mode = there ? st.st_mode & 07777 : 0;
    return o;
}

static void free_output(struct output *o)
{
    free(o->path);
    free(o->shown);
    unfinished_done(o->under);
    free(o->under);
    free(o);
}

/* ---------------------------------------------------------------- temporary names */

/* The next name to try: FOLDER/.NAME.XXXXXXXX, which `ls` and patterns such as *.json leave out. */
static void next_name(struct output *o)
{
    struct text t = {0};
    uint32_t number = 0;
    const char *slash = strrchr(o->path, '/');
    const int folder = slash ? (int)(slash + 1 - o->path) : 0;
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number)
        number = (uint32_t)getpid() * 2654435761u;
    if (o->under) /* was taken */
        number += (uint32_t)strtoul(strrchr(o->under, '.') + 1, NULL, 16);
    text_add(&t, "%.*s.%.200s.%08x", folder, o->path, o->path + folder, number);
    free(o->under);
    o->under = t.s;
}

static bool taken(int i)
{
    return errno == EEXIST && i + 1 < ATTEMPTS;
}

static int open_named(struct output *o)
{
    int fd = -1;
    for (int i = 0; fd < 0 && i < ATTEMPTS; i++) {
        next_name(o);
        fd = open(o->under, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd < 0 && !taken(i))
            break;
    }
    if (fd >= 0) {
        unfinished_begin(o->under);
        return fd;
    }
    free(o->under);
    o->under = NULL;
    return -1;
}

static int open_nameless(const struct output *o)
{
    const char *slash = strrchr(o->path, '/');
    struct text folder = {0};
    text_add(&folder, "%.*s", slash ? (int)(slash + 1 - o->path) : 2, slash ? o->path : "./");
    const int fd = open(folder.s, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    free(folder.s);
    return fd;
}

/* Gives a file that has no name its first one. */
static int link_nameless(struct output *o, int fd)
{
    char place[40];
    int rc = -1;
    snprintf(place, sizeof place, "/proc/self/fd/%d", fd);
    for (int i = 0; rc && i < ATTEMPTS; i++) {
        next_name(o);
        rc = linkat(AT_FDCWD, place, AT_FDCWD, o->under, AT_SYMLINK_FOLLOW);
        if (rc && !taken(i))
            break;
    }
    if (!rc)
        return 0;
    free(o->under);
    o->under = NULL;
    return -1;
}

static bool has_proc(void)
{
    return !access("/proc/self/fd", X_OK);
}

/* ---------------------------------------------------------------- opening */

/* What is no ordinary file. open() would wait for the reader of a pipe, and no signal ends that while signals wait for a thread. */
static int open_as_it_is(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    if (fd >= 0)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    return fd;
}

/* stdio forgets why a write failed: this keeps it. */
static ssize_t write_all(void *ctx, const char *data, size_t n)
{
    struct output *o = ctx;
    size_t done = 0;
    while (done < n && !o->bad) {
        const ssize_t put = write(o->fd, data + done, n - done);
        if (put > 0)
            done += (size_t)put;
        else if (!put || errno != EINTR)
            o->bad = put ? errno : EIO;
    }
    return (ssize_t)done;
}

/* Only in the temporary file: what a user has opened is written from its beginning to its end. */
static int seek(void *cookie, off64_t *offset, int whence)
{
    struct output *o = cookie;
    const off_t at = o->replaces ? lseek(o->fd, *offset, whence) : -1;
    *offset = at;
    return at < 0 ? -1 : 0;
}

/* A file whose reader goes away, or whose size is limited, is an error like a full disk. */
static void no_signals(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

static struct output *not_open(struct output *o, const char *name, struct error *err)
{
    error_set(err, "%s: %s: give another place", name, strerror(errno));
    free_output(o);
    return NULL;
}

struct output *output_open(const char *path, struct error *err)
{
    struct output *o = new_output(path);
    int fd = -1;
    if (!path) {
        o->f = stdout;
        return o;
    }
    no_signals();
    if (!o->replaces)
        fd = open_as_it_is(o->path);
    else if (has_proc())
        fd = open_nameless(o);
    if (fd < 0 && o->replaces)
        fd = open_named(o);
    if (fd < 0)
        return not_open(o, path, err);
    if (o->mode && o->replaces)
        (void)!fchmod(fd, o->mode);
    o->fd = fd;
    o->f = mem_check(fopencookie(o, "wb", (cookie_io_functions_t){.write = write_all, .seek = seek}));
    return o;
}

struct output *output_open_name(const char *path, struct error *err)
{
    struct output *o = new_output(path);
    no_signals();
    const int fd = o->replaces ? open_named(o) : -1;
    if (o->replaces && fd < 0)
        return not_open(o, path, err);
    if (fd < 0)
        return o;
    if (o->mode)
        (void)!fchmod(fd, o->mode);
    close(fd);
    return o;
}

struct output *output_open_folder(const char *path, struct error *err)
{
    struct stat st;
    struct output *o = new_output(path);
    int rc = -1;
    no_signals();
    o->folder = true;
    if (!lstat(path, &st)) {
        error_set(err, "%s: exists: remove it, or give another place", path);
        free_output(o);
        return NULL;
    }
    for (int i = 0; rc && i < ATTEMPTS; i++) {
        next_name(o);
        rc = mkdir(o->under, 0777);
        if (rc && !taken(i))
            break;
    }
    if (rc)
        return not_open(o, path, err);
    unfinished_begin(o->under);
    return o;
}

FILE *output_file(struct output *o)
{
    return o->f;
}

const char *output_folder(struct output *o)
{
    return o->under;
}

const char *output_name(struct output *o)
{
    return o->under ? o->under : o->path;
}

/* ---------------------------------------------------------------- the end */

/* Removes a folder of plain files. */
static void remove_folder(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    while (d && (e = readdir(d)))
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    rmdir(path);
}

/* With the files that SQLite may leave beside a database. */
static void remove_under(const struct output *o)
{
    static const char *const beside[] = {"", "-journal", "-wal", "-shm"};
    if (o->folder) {
        remove_folder(o->under);
        return;
    }
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        struct text name = {0};
        text_add(&name, "%s%s", o->under, beside[i]);
        unlink(name.s);
        free(name.s);
    }
}

/* Writes what is left to the disk; a file without a name gets one. Returns what went wrong, as errno; -1 if that is not known any more. */
static int complete(struct output *o)
{
    int bad = o->f && ferror(o->f) ? -1 : 0;
    errno = 0;
    if (o->f && fflush(o->f))
        bad = errno;
    if (o->bad)
        return o->bad;
    if (!bad && o->fd >= 0 && o->replaces && fsync(o->fd) && errno != EINVAL && errno != EROFS)
        bad = errno;
    if (!bad && o->fd >= 0 && o->replaces && !o->under && link_nameless(o, o->fd))
        bad = errno;
    if (!bad && !o->f && o->under && o->mode) /* the library may have made it anew */
        (void)!chmod(o->under, o->mode);
    return bad;
}

static int close_file(struct output *o)
{
    FILE *f = o->f;
    o->f = NULL;
    if (f && f != stdout)
        fclose(f);
    return o->fd >= 0 && close(o->fd) && errno != EINTR ? errno : 0;
}

static int give_name(const struct output *o)
{
    if (!o->under)
        return 0;
    if (!o->folder)
        return rename(o->under, o->path) ? errno : 0;
    int rc = renameat2(AT_FDCWD, o->under, AT_FDCWD, o->path, RENAME_NOREPLACE);
    if (rc && (errno == EINVAL || errno == ENOSYS)) /* not on this file system */
        rc = rename(o->under, o->path);
    return rc ? errno : 0;
}

int output_done(struct output *o, struct error *err)
{
    int bad = complete(o);
    const int closed = close_file(o);
    bad = bad > 0 || !closed ? bad : closed;
    if (!bad)
        bad = give_name(o);
    if (bad && o->under)
        remove_under(o);
    if (bad)
        error_set(err, "%s: cannot be written%s%s: make room, or give another place",
                  o->path ? o->shown : "standard output", bad > 0 ? ": " : "", bad > 0 ? strerror(bad) : "");
    free_output(o);
    return bad ? -1 : 0;
}

void output_drop(struct output *o)
{
    if (!o)
        return;
    close_file(o);
    if (o->under)
        remove_under(o);
    free_output(o);
}
