/* nbd.c - qemu-nbd, in a process of its own, which reads an image for us. It gets its socket from us (systemd's way of activation, which
 * libnbd speaks), serves nobody else, and ends when we are gone. */
#include <errno.h>
#include <libnbd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/media/private/impl.h"

struct nbd {
    struct nbd_handle *handle;
    int said; /* what it prints */
};

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
    n->said = memfd_create("qemu-nbd", MFD_CLOEXEC);
    n->handle = nbd_create();
    if (n->said < 0 || !n->handle) {
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

int nbd_fetch(struct nbd *n, const char *path, uint64_t offset, void *buf, size_t size, struct error *err)
{
    enum { MOST = 1 << 20 };
    for (char *to = buf; size;) {
        const size_t part = size < MOST ? size : MOST;
        if (nbd_pread(n->handle, to, part, offset, 0))
            return error_set(
                err,
                "%.120s: byte %llu of its disk cannot be read: the image is damaged, or qemu-nbd has ended",
                path, (unsigned long long)offset);
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
    free(n);
}
