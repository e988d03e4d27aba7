/* workers.c - see workers.h. */
#include "cli/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/must.h"
#include "base/spawn.h"

/* A child at work. It leads a process group of its own, with the programs that it starts. */
struct child {
    pid_t pid;  /* 0: the slot is free */
    int result; /* the end of a pipe from which its result comes */
    uint64_t item;
};

struct crew {
    struct workers *w;
    struct child *child; /* w->jobs slots */
    size_t working;
    sigset_t before; /* the signals that were blocked before */
};

/* ---------------------------------------------------------------- being stopped */

static void add_unless_ignored(sigset_t *s, int sig)
{
    struct sigaction how;
    if (!sigaction(sig, NULL, &how) && how.sa_handler != SIG_IGN)
        sigaddset(s, sig);
}

/* A terminal sends its signals to the group of this process only, so all of them have to stop the children: SIGHUP and SIGQUIT, too, unless they
 * are ignored, as by nohup. */
static sigset_t stop_signals(void)
{
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGINT);
    sigaddset(&s, SIGTERM);
    add_unless_ignored(&s, SIGHUP);
    add_unless_ignored(&s, SIGQUIT);
    return s;
}

/* Signals come only where they are waited for: to stop, and that a child has ended. */
static void block_signals(sigset_t *before)
{
    sigset_t s = stop_signals();
    sigaddset(&s, SIGCHLD);
    sigprocmask(SIG_BLOCK, &s, before);
}

bool workers_stopped(struct workers *w)
{
    const struct timespec now = {0};
    const sigset_t s = stop_signals();
    return w->stopped |= sigtimedwait(&s, NULL, &now) > 0;
}

/* A child that has ended, which is still to be waited for: -1 if there are none. 0: somebody has stopped it. */
static pid_t wait_for_end(struct crew *c)
{
    sigset_t s = stop_signals();
    sigaddset(&s, SIGCHLD);
    for (;;) {
        siginfo_t ended = {0};
        if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT))
            return -1;
        if (ended.si_pid || workers_stopped(c->w))
            return ended.si_pid;
        const int sig = sigwaitinfo(&s, NULL);
        if (sig > 0 && sig != SIGCHLD) {
            c->w->stopped = true;
            return 0;
        }
    }
}

/* ---------------------------------------------------------------- children */

__attribute__((noreturn)) static void be_child(struct crew *c, uint64_t item, size_t slot, int result)
{
    void *bytes = mem_zero(1, c->w->result);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigprocmask(SIG_SETMASK, &c->before, NULL);
    c->w->work(c->w->ctx, item, slot, bytes);
    const bool written = write(result, bytes, c->w->result) == (ssize_t)c->w->result;
    _exit(written ? EXIT_SUCCESS : EXIT_FAILURE);
}

static int start_child(struct crew *c, uint64_t item, struct error *err)
{
    int ends[2];
    size_t slot = 0;
    while (c->child[slot].pid)
        slot++;
    if (pipe2(ends, O_CLOEXEC))
        return error_set(err, "a pipe: %s", strerror(errno));
    fflush(NULL);
    const pid_t pid = fork();
    if (!pid)
        be_child(c, item, slot, ends[1]);
    close(ends[1]);
    if (pid > 0)
        setpgid(pid, pid); /* the child does it, too: neither knows which is first */
    if (pid < 0) {
        close(ends[0]);
        return error_set(err, "a process: %s", strerror(errno));
    }
    c->child[slot] = (struct child){pid, ends[0], item};
    c->working++;
    return 0;
}

/* Ends what is left of its group; the number of the group is not used again before the wait. */
static void bury(struct child *child, int *status)
{
    kill(-child->pid, SIGKILL);
    *status = spawn_wait(child->pid);
    close(child->result);
    child->pid = 0;
}

/* Waits for a child, and hands on what it has found. */
static int end_child(struct crew *c, struct error *err)
{
    struct workers *w = c->w;
    int status = 0;
    const pid_t pid = wait_for_end(c);
    size_t i = 0;
    while (i < w->jobs && (pid <= 0 || c->child[i].pid != pid))
        i++;
    if (i == w->jobs) {
        if (pid > 0)
            waitpid(pid, NULL, 0); /* of somebody else, such as a library */
        return pid < 0 && errno != EINTR ? error_set(err, "a process: %s", strerror(errno)) : 0;
    }
    void *bytes = mem_zero(1, w->result);
    const bool whole = read(c->child[i].result, bytes, w->result) == (ssize_t)w->result;
    bury(&c->child[i], &status);
    c->working--;
    int rc = 0;
    if (!workers_stopped(w)) /* else its end may be due to that; it is made again */
        rc = w->take(w->ctx, c->child[i].item, whole ? bytes : NULL,
                     WIFSIGNALED(status) ? WTERMSIG(status) : 0, err);
    free(bytes);
    return rc && w->stopped ? 0 : rc;
}

static int work(struct crew *c, struct error *err)
{
    struct workers *w = c->w;
    uint64_t item;
    bool more = true;
    int rc = 0;
    while (!rc && !w->stopped && (more || c->working)) {
        if (more && c->working < w->jobs) {
            more = w->next(w->ctx, &item);
            if (more)
                rc = start_child(c, item, err);
            continue;
        }
        rc = end_child(c, err);
        w->show(w->ctx);
    }
    for (size_t i = 0; i < w->jobs; i++)
        if (c->child[i].pid)
            bury(&c->child[i], &(int){0});
    return rc;
}

int workers_run(struct workers *w, struct error *err)
{
    must(w->result <= PIPE_BUF, "a result is written at once");
    struct crew c = {.w = w, .child = mem_zero(w->jobs, sizeof *c.child)};
    block_signals(&c.before);
    const int rc = work(&c, err);
    workers_stopped(w);
    sigprocmask(SIG_SETMASK, &c.before, NULL);
    free(c.child);
    return rc;
}
