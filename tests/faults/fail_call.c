/* fail_call.c - runs a program, and makes one of its system calls fail: fail_call N COMMAND…: the N-th (from 1) after it has begun, which is
 * when it first sets the action of SIGPIPE; that is main's first act. Memory: ENOMEM; writes: ENOSPC; a new thread: EAGAIN; all else: EIO. Calls that
 * cannot fail, and those that wait for another thread, are not counted. With N 0 none fails, and the number of calls is written to descriptor 9.
 * The exit status is that of the program, or 128 and the signal's number. */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static const int not_counted[] = {SYS_exit,
                                  SYS_exit_group,
                                  SYS_rt_sigreturn,
                                  SYS_futex,
                                  SYS_munmap,
                                  SYS_sched_yield,
                                  SYS_rt_sigaction,
                                  SYS_rt_sigprocmask,
                                  SYS_rseq,
                                  SYS_getpid,
                                  SYS_gettid,
                                  SYS_restart_syscall,
                                  SYS_madvise,
                                  SYS_mprotect,
                                  SYS_set_robust_list,
                                  SYS_rt_sigtimedwait,
                                  SYS_clock_nanosleep,
                                  SYS_poll,
                                  SYS_wait4};

static bool counts(long call)
{
    for (size_t i = 0; i < sizeof not_counted / sizeof not_counted[0]; i++)
        if (call == not_counted[i])
            return false;
    return true;
}

static int error_of(long call)
{
    switch (call) {
    case SYS_mmap:
    case SYS_brk:
    case SYS_mremap:
        return ENOMEM;
    case SYS_write:
    case SYS_writev:
    case SYS_pwrite64:
    case SYS_ftruncate:
    case SYS_fallocate:
        return ENOSPC;
    case SYS_clone:
    case SYS_clone3:
        return EAGAIN;
    default:
        return EIO;
    }
}

struct thread {
    pid_t id;
    bool in;
    int error; /* that its call is to return */
};

static struct thread *thread_of(struct thread *list, size_t *n, pid_t id)
{
    for (size_t i = 0; i < *n; i++)
        if (list[i].id == id)
            return &list[i];
    list[*n] = (struct thread){.id = id};
    return &list[(*n)++];
}

/* At the entry to a call, or its exit. */
static void at_call(struct thread *t, bool *begun, uint64_t *count, uint64_t at)
{
    struct user_regs_struct r;
    if (ptrace(PTRACE_GETREGS, t->id, NULL, &r))
        return;
    t->in = !t->in;
    if (!t->in && t->error) {
        r.rax = (unsigned long long)-(long long)t->error;
        ptrace(PTRACE_SETREGS, t->id, NULL, &r);
        t->error = 0;
    }
    if (!t->in)
        return;
    const long call = (long)r.orig_rax;
    *begun |= call == SYS_rt_sigaction && r.rdi == SIGPIPE;
    if (!*begun || !counts(call) || ++*count != at)
        return;
    t->error = error_of(call);
    r.orig_rax = (unsigned long long)-1;
    ptrace(PTRACE_SETREGS, t->id, NULL, &r);
}

static int follow(pid_t first, uint64_t at)
{
    enum { THREADS = 4096 };
    static struct thread list[THREADS];
    size_t n = 0;
    uint64_t count = 0;
    bool begun = false;
    int status, result = 0;
    for (pid_t id; (id = waitpid(-1, &status, __WALL)) > 0;) {
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (id == first)
                result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        int signal = WSTOPSIG(status);
        if (signal == (SIGTRAP | 0x80))
            at_call(thread_of(list, &n, id), &begun, &count, at);
        if (signal == (SIGTRAP | 0x80) || signal == SIGTRAP || signal == SIGSTOP)
            signal = 0;
        ptrace(PTRACE_SYSCALL, id, NULL, signal);
    }
    if (!at)
        dprintf(9, "%llu\n", (unsigned long long)count);
    return result;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    const pid_t child = fork();
    if (!child) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        execv(argv[2], argv + 2);
        _exit(127);
    }
    int status;
    waitpid(child, &status, 0);
    if (ptrace(PTRACE_SETOPTIONS, child, NULL,
               PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_EXITKILL))
        return 2;
    ptrace(PTRACE_SYSCALL, child, NULL, 0);
    return follow(child, strtoull(argv[1], NULL, 10));
}
