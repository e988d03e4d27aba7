/* terminal.c - see terminal.h. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "core/live/private/terminal.h"

enum { ESCAPE = 'a' & 0x1f, BUFFER = 65536 };

struct terminal {
    int fd;
    int wake_fd;
    bool tty;
    bool ended;
    bool quit;
    bool escaped; /* the byte before was the escape key */
    struct termios saved;
    size_t n;
    uint8_t buf[BUFFER];
};

static int make_raw(struct terminal *t, struct error *err)
{
    struct termios raw;
    if (tcgetattr(t->fd, &t->saved) < 0)
        return error_set(err, "terminal: its settings cannot be read: %s", strerror(errno));
    raw = t->saved;
    cfmakeraw(&raw);
    if (tcsetattr(t->fd, TCSADRAIN, &raw) < 0)
        return error_set(err, "terminal: it cannot be put into raw mode: %s", strerror(errno));
    return 0;
}

struct terminal *terminal_open(int fd, struct error *err)
{
    struct terminal *t = mem_zero(1, sizeof *t);
    t->fd = fd;
    t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    t->tty = fd >= 0 && isatty(fd);
    t->ended = fd < 0;
    if (t->wake_fd < 0) {
        error_set(err, "eventfd: %s", strerror(errno));
        free(t);
        return NULL;
    }
    if (t->tty && make_raw(t, err)) {
        close(t->wake_fd);
        free(t);
        return NULL;
    }
    return t;
}

void terminal_close(struct terminal *t)
{
    if (!t)
        return;
    if (t->tty)
        tcsetattr(t->fd, TCSADRAIN, &t->saved);
    close(t->wake_fd);
    free(t);
}

bool terminal_is_tty(const struct terminal *t)
{
    return t->tty;
}

static void say(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

/* The byte after the escape key. */
static void escape(struct terminal *t, uint8_t byte)
{
    if (byte == 'x' || byte == 'X')
        t->quit = true;
    else if (byte == 'a' || byte == ESCAPE)
        t->buf[t->n++] = ESCAPE;
    else
        say("\r\n[bootreel: Ctrl-A x ends the recording, Ctrl-A Ctrl-A sends Ctrl-A, Ctrl-A h shows "
            "this]\r\n");
}

static void got_byte(struct terminal *t, uint8_t byte)
{
    if (t->escaped) {
        t->escaped = false;
        escape(t, byte);
    } else if (t->tty && byte == ESCAPE) {
        t->escaped = true;
    } else {
        t->buf[t->n++] = byte;
    }
}

static void read_some(struct terminal *t)
{
    uint8_t in[4096];
    size_t room = BUFFER - t->n;
    ssize_t got = read(t->fd, in, room < sizeof in ? room : sizeof in);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0)
        t->ended = true;
    for (ssize_t i = 0; i < got; i++)
        got_byte(t, in[i]);
}

enum terminal_wait terminal_wait(struct terminal *t, uint64_t ns, int other)
{
    struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
    /* poll() ignores a negative descriptor: there is nothing more to read, or no room for it. */
    struct pollfd fds[3] = {{.fd = t->wake_fd, .events = POLLIN},
                            {.fd = t->ended || t->n == BUFFER ? -1 : t->fd, .events = POLLIN},
                            {.fd = other, .events = POLLIN}};
    int n = ppoll(fds, 3, ns == UINT64_MAX ? NULL : &ts, NULL);
    if (n < 0)
        return TERMINAL_WOKEN;
    if (fds[0].revents) {
        uint64_t count;
        ssize_t ignored = read(t->wake_fd, &count, sizeof count);
        (void)ignored;
        return TERMINAL_WOKEN;
    }
    if (n == 0)
        return TERMINAL_TIMEOUT;
    if (fds[1].revents)
        read_some(t);
    return TERMINAL_READY;
}

void terminal_wake(struct terminal *t)
{
    uint64_t one = 1;
    int saved = errno;
    ssize_t ignored = write(t->wake_fd, &one, sizeof one);
    (void)ignored;
    errno = saved;
}

const uint8_t *terminal_pending(const struct terminal *t, size_t *n)
{
    *n = t->n;
    return t->buf;
}

void terminal_take(struct terminal *t, size_t n)
{
    memmove(t->buf, t->buf + n, t->n - n);
    t->n -= n;
}

bool terminal_ended(const struct terminal *t)
{
    return t->ended;
}

bool terminal_quit(const struct terminal *t)
{
    return t->quit;
}
