/* fail_call.c - runs a program, and makes one of its system calls fail: fail_call N COMMAND…: the N-th (from 1) after it has begun, which is
 * when it first sets the action of SIGPIPE; that is main's first act. Memory: ENOMEM; writes: ENOSPC; a new thread: EAGAIN; all else: EIO. Calls that
 * cannot fail, and those that wait for another thread, are not counted. With N 0 none fails, and descriptor 9 gets, for each call stack that
 * makes calls, the numbers of its first and its last, and at the end "all" with how many there were.
 * The exit status is that of the program, or 128 and the signal's number. */
#include <elfutils/libdwfl.h>
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

enum { THREADS = 4096, STACKS = 1 << 14, DEPTH = 32 };

struct thread {
    pid_t id;
    bool in;
    int error; /* that its call is to return */
    bool kept; /* its first argument is to be restored at the exit */
    unsigned long long argument;
};

struct stack {
    uint64_t hash, first, last;
};

static struct {
    Dwfl *dwfl;
    struct stack list[STACKS];
} stacks;

struct frames {
    uint64_t hash;
    unsigned n;
};

static int add_frame(Dwfl_Frame *frame, void *arg)
{
    struct frames *f = arg;
    Dwarf_Addr pc;
    if (!dwfl_frame_pc(frame, &pc, NULL))
        return DWARF_CB_ABORT;
    f->hash = (f->hash ^ pc) * 1099511628211u;
    return ++f->n < DEPTH ? DWARF_CB_OK : DWARF_CB_ABORT;
}

/* The n-th call is made by this thread, which is stopped in it. */
static void note(pid_t first, pid_t id, uint64_t n)
{
    static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_linux_proc_find_elf,
                                             .find_debuginfo = dwfl_standard_find_debuginfo};
    struct frames f = {.hash = 14695981039346656037u};
    if (!stacks.dwfl) {
        stacks.dwfl = dwfl_begin(&callbacks);
        dwfl_linux_proc_report(stacks.dwfl, first);
        dwfl_report_end(stacks.dwfl, NULL, NULL);
        dwfl_linux_proc_attach(stacks.dwfl, first, true);
    }
    dwfl_getthread_frames(stacks.dwfl, id, add_frame, &f);
    size_t i = f.hash % STACKS;
    while (stacks.list[i].first && stacks.list[i].hash != f.hash)
        i = (i + 1) % STACKS;
    if (!stacks.list[i].first)
        stacks.list[i] = (struct stack){f.hash, n, n};
    stacks.list[i].last = n;
}

static void print_stacks(uint64_t all)
{
    for (size_t i = 0; i < STACKS; i++)
        if (stacks.list[i].first)
            dprintf(9, "%llu\n%llu\n", (unsigned long long)stacks.list[i].first,
                    (unsigned long long)stacks.list[i].last);
    dprintf(9, "all %llu\n", (unsigned long long)all);
}

static struct thread *thread_of(struct thread *list, size_t *n, pid_t id)
{
    for (size_t i = 0; i < *n; i++)
        if (list[i].id == id)
            return &list[i];
    list[*n] = (struct thread){.id = id};
    return &list[(*n)++];
}

/* Makes the call that the thread is about to make fail. brk() has no error: it returns the end of memory as it is, as brk(0) does. */
static void fail(struct thread *t, struct user_regs_struct *r)
{
    if (r->orig_rax == SYS_brk) {
        t->kept = true;
        t->argument = r->rdi;
        r->rdi = 0;
    } else {
        t->error = error_of((long)r->orig_rax);
        r->orig_rax = (unsigned long long)-1;
    }
    ptrace(PTRACE_SETREGS, t->id, NULL, r);
}

static void at_exit(struct thread *t, struct user_regs_struct *r)
{
    if (!t->error && !t->kept)
        return;
    if (t->error)
        r->rax = (unsigned long long)-(long long)t->error;
    if (t->kept)
        r->rdi = t->argument;
    ptrace(PTRACE_SETREGS, t->id, NULL, r);
    t->error = 0;
    t->kept = false;
}

struct run {
    pid_t first;
    bool begun;
    uint64_t count, at;
};

/* At the entry to a call, or its exit. */
static void at_call(struct run *run, struct thread *t)
{
    struct user_regs_struct r;
    if (ptrace(PTRACE_GETREGS, t->id, NULL, &r))
        return;
    t->in = !t->in;
    if (!t->in) {
        at_exit(t, &r);
        return;
    }
    const long call = (long)r.orig_rax;
    run->begun |= call == SYS_rt_sigaction && r.rdi == SIGPIPE;
    if (!run->begun || !counts(call))
        return;
    run->count++;
    if (!run->at)
        note(run->first, t->id, run->count);
    else if (run->count == run->at)
        fail(t, &r);
}

static int follow(pid_t first, uint64_t at)
{
    static struct thread list[THREADS];
    size_t n = 0;
    struct run run = {.first = first, .at = at};
    int status, result = 0;
    for (pid_t id; (id = waitpid(-1, &status, __WALL)) > 0;) {
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (id == first)
                result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        int signal = WSTOPSIG(status);
        if (signal == (SIGTRAP | 0x80))
            at_call(&run, thread_of(list, &n, id));
        if (signal == (SIGTRAP | 0x80) || signal == SIGTRAP || signal == SIGSTOP)
            signal = 0;
        ptrace(PTRACE_SYSCALL, id, NULL, signal);
    }
    if (!at)
        print_stacks(run.count);
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
