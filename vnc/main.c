/* main.c - bootreel-vnc: lets viewers in, each into a process of its own. See README.md. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vnc/vnc.h"

/* Connections at once, of viewers and of those who may become one. */
enum { CONNECTIONS = 24 };

struct connection {
    pid_t pid; /* 0: none */
    uint32_t number;
};

struct server {
    struct viewer_hello hello;
    struct connection connection[CONNECTIONS];
    uint32_t *let_in; /* of each, in memory that its process shares with us */
    uint32_t count;
};

static void send_gone(const struct connection *c)
{
    const struct viewer_event ev = {.kind = VIEWER_GOES, .viewer = c->number};
    if (send(VIEWER_FD_LINK, &ev, sizeof ev, MSG_NOSIGNAL) < 0)
        exit(0);
}

static void reap(struct server *s)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (int i = 0; i < CONNECTIONS; i++)
            if (s->connection[i].pid == pid) {
                send_gone(&s->connection[i]);
                s->connection[i].pid = 0;
            }
}

/* A free place: if there is none, that of who has waited longest at the door. -1: all are viewers. */
static int find_place(struct server *s)
{
    int oldest = -1;
    for (int i = 0; i < CONNECTIONS; i++) {
        if (!s->connection[i].pid)
            return i;
        if (!__atomic_load_n(&s->let_in[i], __ATOMIC_ACQUIRE) &&
            (oldest < 0 || s->connection[i].number < s->connection[oldest].number))
            oldest = i;
    }
    if (oldest < 0)
        return -1;
    kill(s->connection[oldest].pid, SIGKILL);
    while (waitpid(s->connection[oldest].pid, NULL, 0) < 0 && errno == EINTR)
        ;
    send_gone(&s->connection[oldest]);
    s->connection[oldest].pid = 0;
    return oldest;
}

/* In the new process. It ends with its parent. */
__attribute__((noreturn)) static void begin_viewer(struct server *s, int place, int fd, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    sigprocmask(SIG_SETMASK, &none, NULL);
    close(VIEWER_FD_LISTEN);
    vnc_serve(&(struct vnc_viewer){fd, s->count, &s->hello, &s->let_in[place]});
}

static void let_connect(struct server *s)
{
    const int fd = accept4(VIEWER_FD_LISTEN, NULL, NULL, SOCK_CLOEXEC);
    const int place = fd < 0 ? -1 : find_place(s);
    const pid_t here = getpid();
    if (place >= 0) {
        s->count++;
        s->let_in[place] = 0;
        const pid_t pid = fork();
        if (!pid)
            begin_viewer(s, place, fd, here);
        if (pid > 0)
            s->connection[place] = (struct connection){pid, s->count};
    }
    if (fd >= 0)
        close(fd);
}

/* What the recording says first. */
static bool be_greeted(struct server *s)
{
    const bool whole = recv(VIEWER_FD_LINK, &s->hello, sizeof s->hello, 0) == sizeof s->hello;
    s->hello.password[VIEWER_PASSWORD] = s->hello.title[sizeof s->hello.title - 1] = 0;
    return whole;
}

static int children_fd(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(void)
{
    static struct server s;
    struct signalfd_siginfo info;
    if (!be_greeted(&s)) {
        fputs("bootreel-vnc: this is a part of `bootreel record --display vnc`, which starts it\n", stderr);
        return 2;
    }
    s.let_in =
        mmap(NULL, CONNECTIONS * sizeof *s.let_in, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const int children = children_fd();
    if (s.let_in == MAP_FAILED || children < 0) {
        perror("bootreel-vnc");
        return 2;
    }
    struct pollfd fds[] = {{.fd = VIEWER_FD_LISTEN, .events = POLLIN},
                           {.fd = children, .events = POLLIN},
                           {.fd = VIEWER_FD_LINK, .events = 0}};
    while (!fds[2].revents) { /* until the recording ends */
        if (poll(fds, 3, -1) < 0)
            continue;
        while (read(children, &info, sizeof info) > 0)
            ;
        reap(&s);
        if (fds[0].revents & POLLIN)
            let_connect(&s);
    }
    return 0;
}
