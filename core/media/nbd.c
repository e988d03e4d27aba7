/* nbd.c - qemu-nbd, in a process of its own, which reads an image for us. It gets its socket from us (systemd's way of activation, which
 * libnbd speaks), serves nobody else, and ends when we are gone.
 *
 * Processes that we fork share the connection. The first that reads from the socket gets a reply, so each of them holds a lock from its request to the
 * reply. If one is killed in between, its reply is still to come, and another process would take it for its own: then nothing more is read. */
#include <errno.h>
#include <fcntl.h>
#include <libnbd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/media/private/impl.h"

struct nbd {
    struct nbd_handle *handle;
    int said;            /* what it prints; it is locked from a request to the reply */
    atomic_bool *asking; /* shared by all processes: a reply is awaited; NULL until it is there */
};

/* Record locks are of a process, and end with it. */
static int lock(const struct nbd *n, short type)
{
    struct flock all = {.l_type = type, .l_whence = SEEK_SET};
    int rc;
    while ((rc = fcntl(n->said, F_SETLKW, &all)) < 0 && errno == EINTR)
        ;
    return rc;
}

/* The last line that qemu-nbd has printed, without its own name. */
static void last_words(const struct nbd *n, char *text, size_t room)
{
    char all[2048];
    ssize_t got = pread(n->said, all, sizeof all - 1, 0);
    all[got < 0 ? 0 : got] = 0;
    while (got > 0 && all[got - 1] == '\n')
        all[--got] = 0;
    const char *line = strrchr(all, '\n');
    line = line ? line + 1 : all;
    if (!strncmp(line, "qemu-nbd: ", 10))
        line += 10;
    /* It names the file by our description, before what it has to say. */
    const char *after = strstr(line, "}': ");
    if (after)
        line = after + 4;
    snprintf(text, room, "%.*s", (int)room - 1, line);
}

/* The descriptors of a shell have one digit, so its standard error becomes a file by its name. */
static int start(struct nbd *n, const char *description)
{
    char said[64],
        *argv[] = {"sh", "-c", "exec setsid qemu-nbd --read-only \"$1\" 2>\"$0\"", said, (char *)description,
                   NULL};
    snprintf(said, sizeof said, "/proc/%ld/fd/%d", (long)getpid(), n->said);
    return nbd_connect_systemd_socket_activation(n->handle, argv);
}

static int explain(const struct nbd *n, const char *path, struct error *err)
{
    char text[200];
    last_words(n, text, sizeof text);
    if (strstr(text, "failed to execute"))
        return error_set(
            err,
            "%.120s: qemu-nbd is needed to read it, and is not installed: install qemu-utils, or convert it with "
            "qemu-img convert -O raw",
            path);
    if (strstr(text, "Is another process using"))
        return error_set(
            err, "%.160s: is in use by another program, which may change it: end that program first", path);
    return error_set(err, "%.120s: cannot be read: %s: look at it with qemu-img check", path,
                     *text ? text : nbd_get_error());
}

struct nbd *nbd_start(const char *path, const char *description, uint64_t *size, struct error *err)
{
    struct nbd *n = mem_zero(1, sizeof *n);
    void *shared = mmap(NULL, sizeof *n->asking, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    n->asking = shared == MAP_FAILED ? NULL : shared;
    n->said = memfd_create("qemu-nbd", MFD_CLOEXEC);
    n->handle = nbd_create();
    if (!n->asking || n->said < 0 || !n->handle) {
        error_set(err, "%.200s: cannot be read by qemu-nbd: %s", path, strerror(errno));
    } else if (start(n, description)) {
        explain(n, path, err);
    } else {
        int64_t got = nbd_get_size(n->handle);
        if (got > 0) {
            *size = (uint64_t)got;
            return n;
        }
        error_set(err, "%.200s: the disk in it has no size: give an image with a disk in it", path);
    }
    nbd_end(n);
    return NULL;
}

/* nbd_pread() while no other process reads. */
static int read_alone(struct nbd *n, const char *path, void *to, size_t part, uint64_t offset,
                      struct error *err)
{
    if (lock(n, F_WRLCK))
        return error_set(err, "%.200s: cannot be read by qemu-nbd: %s", path, strerror(errno));
    int rc = 0;
    if (atomic_exchange(n->asking, true)) {
        rc = error_set(
            err, "%.200s: its connection to qemu-nbd is broken, as by a process that was killed: start again",
            path);
    } else {
        if (nbd_pread(n->handle, to, part, offset, 0))
            rc = error_set(
                err,
                "%.120s: byte %llu of its disk cannot be read: the image is damaged, or qemu-nbd has ended",
                path, (unsigned long long)offset);
        atomic_store(n->asking, nbd_aio_is_ready(n->handle) != 1); /* else the reply is not whole */
    }
    lock(n, F_UNLCK);
    return rc;
}

int nbd_fetch(struct nbd *n, const char *path, uint64_t offset, void *buf, size_t size, struct error *err)
{
    enum { MOST = 1 << 20 };
    for (char *to = buf; size;) {
        const size_t part = size < MOST ? size : MOST;
        if (read_alone(n, path, to, part, offset, err))
            return -1;
        to += part;
        offset += part;
        size -= part;
    }
    return 0;
}

void nbd_end(struct nbd *n)
{
    if (!n)
        return;
    if (n->handle)
        nbd_close(n->handle);
    if (n->said >= 0)
        close(n->said);
    if (n->asking)
        munmap(n->asking, sizeof *n->asking);
    free(n);
}
