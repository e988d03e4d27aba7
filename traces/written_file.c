/* written_file.c - see written_file.h. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_lock.h"
#include "base/memory.h"
#include "base/unfinished.h"
#include "traces/written_file.h"

enum {
    ATTEMPTS = 20, /* a file may be renamed or removed between its opening and its locking */
    PARTS = 1000   /* names that are tried while it has not its own */
};

struct written_file {
    char *path; /* no symbolic link */
    char *part; /* NULL: it has its name */
    int fd;
    int old;      /* the file that has the name, locked; or -1 */
    bool created; /* it was not there before, and is empty so far */
    bool begun;
    struct trace_kept_name *earlier; /* see written_file_keep(), or NULL */
};

enum opened { OPENED, FAILED, BUSY };

/* Whether the name still is the file's, or the host cannot tell. */
static bool is_at(int fd, const char *path)
{
    struct stat a, b;
    if (fstat(fd, &a) || stat(path, &b))
        return errno != ENOENT;
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Opens and locks the file that has the name. A pipe may be written to, but this does not wait for a reader:
 * open() fails with ENXIO. */
static enum opened open_locked(const char *path, int flags, int *fd)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        struct stat st;
        *fd = open(path, O_CLOEXEC | O_NONBLOCK | flags, 0666);
        if (*fd < 0)
            return FAILED;
        if (fstat(*fd, &st) ||
            !S_ISREG(st.st_mode)) /* never locked: a pipe's readers and writers meet in it */
            return OPENED;
        if (!file_lock(*fd)) {
            close(*fd);
            return BUSY;
        }
        if (is_at(*fd, path))
            return OPENED;
        close(*fd);
    }
    errno = EBUSY;
    return FAILED;
}

/* Makes NAME.part; if there is such a file, NAME.1.part and so on: one that somebody else made is not touched. BUSY: it is another
 * bootreel's. FAILED: the name itself has to be written. */
static enum opened open_part(struct written_file *f)
{
    enum opened rc = FAILED;
    const size_t room = strlen(f->path) + sizeof ".2147483647.part";
    f->part = mem_alloc(room);
    for (int i = 0; i < PARTS && rc == FAILED; i++) {
        snprintf(f->part, room, i ? "%s.%d.part" : "%s.part", f->path, i);
        rc = open_locked(f->part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, &f->fd);
        if (rc == FAILED && errno != EEXIST)
            break;
        if (rc == FAILED && file_locked_at(f->part))
            rc = BUSY;
    }
    if (rc == OPENED) {
        unfinished_begin(f->part);
        return rc;
    }
    free(f->part);
    f->part = NULL;
    f->fd = -1;
    return rc;
}

static enum opened open_name(struct written_file *f)
{
    if (f->old >= 0) {
        f->fd = f->old;
        f->old = -1;
        return OPENED;
    }
    enum opened rc = open_locked(f->path, O_WRONLY | O_CREAT | O_EXCL, &f->fd);
    f->created = rc == OPENED;
    return rc == FAILED ? open_locked(f->path, O_WRONLY | O_CREAT, &f->fd) : rc;
}

/* Under its name at once: a link that leads nowhere, or a file that has no name (/dev/stdout of a pipe). */
static bool nameless(const char *path, const char *real)
{
    struct stat st;
    return !real && !lstat(path, &st);
}

static enum opened open_file(struct written_file *f, bool at_once)
{
    struct stat st;
    bool there = !stat(f->path, &st);
    if (there && S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return FAILED;
    }
    enum opened rc = there ? open_locked(f->path, O_WRONLY, &f->old) : OPENED;
    if (rc != OPENED)
        return rc;
    rc = at_once || (there && !S_ISREG(st.st_mode)) ? FAILED : open_part(f);
    if (rc == OPENED && there)
        (void)!fchmod(f->fd, st.st_mode & 0777);
    return rc == FAILED ? open_name(f) : rc;
}

struct written_file *written_file_open(const char *path, const char *name, bool at_once, struct error *err)
{
    struct written_file *f = mem_zero(1, sizeof *f);
    char *real = realpath(path, NULL);
    f->path = real ? real : mem_string(path);
    f->fd = f->old = -1;
    enum opened rc = open_file(f, at_once || nameless(path, real));
    if (rc == OPENED) {
        fcntl(f->fd, F_SETFL, fcntl(f->fd, F_GETFL) & ~O_NONBLOCK);
        return f;
    }
    if (rc == BUSY)
        error_set(err, "%s: another bootreel is writing this file: wait until it ends, or give another name",
                  name);
    else
        error_set(err, "%s: cannot create: %s", name, strerrordesc_np(errno));
    written_file_close(f);
    return NULL;
}

int written_file_fd(const struct written_file *f)
{
    assert(f->fd >= 0 && "a file that could not be opened was not returned");
    return f->fd;
}

void written_file_keep(struct written_file *f, struct trace_kept_name *earlier)
{
    f->earlier = earlier;
}

int written_file_begin(struct written_file *f)
{
    assert(!f->begun && "its earlier content goes once");
    f->begun = true;
    return ftruncate(f->fd, 0) && errno != EINVAL ? errno : 0; /* a pipe or device has no length */
}

/* Renames the earlier file to the first NAME-N.reel that is free. */
static int keep_earlier(struct written_file *f)
{
    size_t n = strlen(f->path);
    bool dotted = n > 5 && !strcmp(f->path + n - 5, ".reel");
    struct trace_kept_name *k = f->earlier;
    for (unsigned i = 1; i; i++) {
        int used = snprintf(k->name, sizeof k->name, "%.*s-%u.reel", (int)(dotted ? n - 5 : n), f->path, i);
        if (used < 0 || (size_t)used >= sizeof k->name)
            return ENAMETOOLONG;
        if (!renameat2(AT_FDCWD, f->path, AT_FDCWD, k->name, RENAME_NOREPLACE))
            return 0;
        if (errno != EEXIST)
            break;
    }
    k->name[0] = 0;
    return errno;
}

/* Where there was no file, one that has appeared since is another recording's, and stays. */
static int give_name(const struct written_file *f)
{
    if (f->old < 0 && !renameat2(AT_FDCWD, f->part, AT_FDCWD, f->path, RENAME_NOREPLACE))
        return 0;
    if (f->old < 0 && errno != EINVAL && errno != ENOSYS)
        return errno;
    return rename(f->part, f->path) ? errno : 0;
}

int written_file_show(struct written_file *f)
{
    assert(f->begun && "a file gets its name once something is in it");
    int error = 0;
    if (!f->part)
        return 0;
    if (f->earlier && f->old >= 0)
        error = keep_earlier(f);
    if (!error)
        error = give_name(f);
    if (error)
        return error;
    unfinished_done(f->part);
    free(f->part);
    f->part = NULL;
    return 0;
}

bool written_file_shown(const struct written_file *f)
{
    return !f->part;
}

int written_file_close(struct written_file *f)
{
    if (f->part)
        unlink(f->part);
    else if (f->created && !f->begun)
        unlink(f->path);
    int error = f->fd >= 0 && close(f->fd) && errno != EINTR ? errno : 0;
    if (f->old >= 0)
        close(f->old);
    unfinished_done(f->part);
    free(f->part);
    free(f->path);
    free(f);
    return error;
}
