/* tape.c - see tape.h. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/run/tape.h"
#include "base/memory.h"

enum { BLOCK = 1 << 18 };

struct tape {
    int fd;
    char *name; /* in errors */
    uint8_t *out, *in;
    size_t nout, nin, at; /* bytes in `out` and `in`; the reader's place */
    uint64_t read;        /* bytes that went to `in` */
    pthread_mutex_t lock; /* of the following */
    pthread_cond_t more;
    uint64_t written;
    bool ended;
    int error;  /* errno, or 0: of writing */
    int unread; /* errno, or 0: of reading */
};

static int open_beside(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? mem_copy(path, (size_t)(slash - path) + 2) : mem_string("./"), *name;
    folder[slash ? slash - path + 1 : 2] = 0;
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && asprintf(&name, "%s.bootreel-XXXXXX", folder) > 0) {
        fd = mkostemp(name, O_CLOEXEC); /* not all file systems have nameless files */
        if (fd >= 0)
            unlink(name);
        free(name);
    }
    free(folder);
    return fd;
}

struct tape *tape_new(const char *path, struct error *err)
{
    int fd = open_beside(path);
    if (fd < 0) {
        error_set(err, "a temporary file beside %s: %s", path, strerror(errno));
        return NULL;
    }
    struct tape *t = mem_zero(1, sizeof *t);
    t->fd = fd;
    t->name = mem_string(path);
    t->out = mem_alloc(BLOCK);
    t->in = mem_alloc(BLOCK);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->more, NULL);
    return t;
}

void tape_free(struct tape *t)
{
    if (!t)
        return;
    close(t->fd);
    pthread_cond_destroy(&t->more);
    pthread_mutex_destroy(&t->lock);
    free(t->name);
    free(t->out);
    free(t->in);
    free(t);
}

/* ---------------------------------------------------------------- the writer */

static int write_all(const struct tape *t)
{
    assert(t->nout <= BLOCK);
    for (size_t at = 0; at < t->nout;) {
        ssize_t n = pwrite(t->fd, t->out + at, t->nout - at, (off_t)(t->written + at));
        if (n < 0 && errno != EINTR)
            return errno;
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* Only this thread changes `written`. */
static void flush(struct tape *t, bool end)
{
    int rc = t->error ? t->error : write_all(t);
    pthread_mutex_lock(&t->lock);
    t->error = rc;
    t->written += rc ? 0 : t->nout;
    t->ended = end || rc;
    pthread_cond_signal(&t->more);
    pthread_mutex_unlock(&t->lock);
    t->nout = 0;
}

void tape_put(struct tape *t, const void *data, size_t n)
{
    const uint8_t *from = data;
    assert((!t->ended || t->error) && "nothing follows the end");
    while (n) {
        assert(t->nout < BLOCK && "a full block is written at once");
        size_t part = BLOCK - t->nout < n ? BLOCK - t->nout : n;
        memcpy(t->out + t->nout, from, part);
        t->nout += part;
        from += part;
        n -= part;
        if (t->nout == BLOCK)
            flush(t, false);
    }
}

int tape_end(struct tape *t, struct error *err)
{
    assert((!t->ended || t->error) && "it ends once");
    flush(t, true);
    return tape_check(t, err);
}

/* ---------------------------------------------------------------- the reader */

/* Reads the next bytes into `in`; false at the end. */
static bool fill(struct tape *t)
{
    pthread_mutex_lock(&t->lock);
    while (t->read == t->written && !t->ended)
        pthread_cond_wait(&t->more, &t->lock);
    assert(t->read <= t->written && "nothing is read before it is written");
    uint64_t left = t->written - t->read;
    pthread_mutex_unlock(&t->lock);
    ssize_t n = left ? pread(t->fd, t->in, left < BLOCK ? left : BLOCK, (off_t)t->read) : 0;
    if (left && n <= 0)
        t->unread = n ? errno : EIO;
    t->at = 0;
    t->nin = n > 0 ? (size_t)n : 0;
    t->read += t->nin;
    return t->nin;
}

bool tape_get(struct tape *t, void *data, size_t n)
{
    uint8_t *to = data;
    assert(t->at <= t->nin);
    while (n) {
        if (t->at == t->nin && !fill(t))
            return false;
        size_t part = t->nin - t->at < n ? t->nin - t->at : n;
        memcpy(to, t->in + t->at, part);
        t->at += part;
        to += part;
        n -= part;
    }
    return true;
}

int tape_check(const struct tape *t, struct error *err)
{
    int bad = t->error ? t->error : t->unread;
    return bad ? error_set(err, "a temporary file beside %s: %s: make room", t->name, strerror(bad)) : 0;
}
