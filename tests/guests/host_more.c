/* host_more.c - what programs rely on beside host_calls.c: what is left of a sleep, error codes of page faults, the vsyscall
 * page, System V shared memory, a tracer's breakpoints. Prints what tests/cli/program.sh expects; on Linux the same. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static long fault;
static volatile int watched;

static void segv(int sig, siginfo_t *info, void *context)
{
    fault = ((ucontext_t *)context)->uc_mcontext.gregs[REG_ERR];
    siglongjmp(back, 1);
}

static void nothing(int sig) {}

static void sleeps(void)
{
    const struct timespec ts = {0, 20000000};
    const struct itimerval soon = {{0, 0}, {0, 5000}};
    struct timespec left = {7, 7};
    nanosleep(&ts, &left);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &left);
    printf("a whole sleep leaves %ld %ld\n", (long)left.tv_sec, left.tv_nsec);
    signal(SIGALRM, nothing);
    setitimer(ITIMER_REAL, &soon, NULL);
    int rc = nanosleep(&ts, &left);
    printf("an interrupted one: %d, %s, some is left %d\n", rc, strerror(errno), !left.tv_sec && left.tv_nsec < 19000000);
}

static long touch(volatile char *p, int write)
{
    fault = -1;
    if (!sigsetjmp(back, 1)) {
        if (write)
            *p = 1;
        else
            (void)*p;
    }
    return fault;
}

static void faults(void)
{
    struct sigaction sa = {.sa_sigaction = segv, .sa_flags = SA_SIGINFO | SA_NODEFER};
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaction(SIGSEGV, &sa, NULL);
    p[0] = 1;
    mprotect(p, 4096, PROT_NONE);
    printf("no access: %ld %ld\n", touch(p, 1), touch(p, 0));
    mprotect(p, 4096, PROT_READ);
    printf("read only: %ld %ld\n", touch(p, 1), touch(p, 0));
}

static void vsyscalls(void)
{
    int (*day)(struct timeval *, void *) = (void *)0xffffffffff600000;
    time_t (*seconds)(time_t *) = (void *)0xffffffffff600400;
    int (*cpu)(unsigned *, unsigned *, void *) = (void *)0xffffffffff600800;
    struct timeval tv = {0, 0};
    unsigned n = 9999;
    time_t now = time(NULL);
    printf("vsyscalls: %d %d %d\n", day(&tv, NULL), seconds(NULL) - now <= 1 && tv.tv_sec - now <= 1, cpu(&n, NULL, NULL));
    if (!sigsetjmp(back, 1))
        ((void (*)(void))0xffffffffff600010)();
    else
        printf("nothing else is there\n");
}

static void shared(void)
{
    struct shmid_ds ds;
    int id = shmget(IPC_PRIVATE, 32000, IPC_CREAT | 0777);
    char *p = shmat(id, NULL, 0);
    memset(p, 5, 32000);
    fflush(stdout);
    if (!fork()) {
        char *again = shmat(id, NULL, 0);
        again[3] = 9;
        shmctl(id, IPC_STAT, &ds);
        printf("attached %d times, %d bytes\n", (int)ds.shm_nattch, (int)ds.shm_segsz);
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    printf("from the child: %d; ", p[3]);
    printf("removed %d, ", shmctl(id, IPC_RMID, NULL));
    printf("detached %d, ", shmdt(p));
    printf("again %d\n", shmdt(p));
    id = shmget(0x62726c31, 4096, IPC_CREAT | 0600);
    printf("by its key %d", shmget(0x62726c31, 100, 0) == id);
    shmctl(id, IPC_RMID, NULL);
    printf(", then %d\n", shmget(0x62726c31, 100, 0));
}

static void __attribute__((noinline)) called(void)
{
    __asm__ volatile("nop");
}

static void breakpoints(void)
{
    const size_t debug = offsetof(struct user, u_debugreg);
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        watched = 1;
        called();
        called();
        _exit(3);
    }
    waitpid(pid, &status, 0);
    ptrace(PTRACE_POKEUSER, pid, debug, &watched);
    ptrace(PTRACE_POKEUSER, pid, debug + 8, called);
    printf("set %ld, ", ptrace(PTRACE_POKEUSER, pid, debug + 56, 0xd0005l)); /* writes of 4 bytes; execution */
    printf("beyond programs' memory %ld\n", ptrace(PTRACE_POKEUSER, pid, debug + 16, 0xffffffffff600000));
    for (;;) {
        siginfo_t info;
        ptrace(PTRACE_CONT, pid, 0, 0);
        waitpid(pid, &status, 0);
        if (WIFEXITED(status))
            break;
        ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
        printf("stop %d, code %d, DR6 %ld\n", WSTOPSIG(status), info.si_code, ptrace(PTRACE_PEEKUSER, pid, debug + 48, 0) & 15);
        ptrace(PTRACE_POKEUSER, pid, debug + 48, 0);
    }
    printf("exit %d\n", WEXITSTATUS(status));
}

int main(void)
{
    sleeps();
    faults();
    vsyscalls();
    shared();
    breakpoints();
    return 0;
}
