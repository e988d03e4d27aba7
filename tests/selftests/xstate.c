/* xstate.c - YMM registers where the kernel saves and restores them: in a signal's frame (and as its handler changes it there), over
 * system calls, forks and turns of processes, and by ptrace(PTRACE_GETREGSET, NT_X86_XSTATE) and PTRACE_SETREGSET. As the self tests of
 * Linux: exit status 0 good, 1 wrong, 4 cannot be tried. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

/* SDM volume 1, 13.4: the standard format. */
enum { HEADER = 512, YMMH = 576, XMM = 160, XSTATE_SSE = 2, XSTATE_AVX = 4, SKIP = 4, SIZE = 8192 };

static unsigned failures;

static void check(int good, const char *what)
{
    printf("[%s]\t%s\n", good ? "OK" : "FAIL", what);
    failures += !good;
}

/* YMM7 is the only register that matters: half by half. */
struct ymm {
    unsigned char low[16], high[16];
};
static void load(const struct ymm *v)
{
    __asm__ volatile("vmovdqu %0, %%ymm7" : : "m"(*v) : "xmm7");
}
static struct ymm store(void)
{
    struct ymm v;
    __asm__ volatile("vmovdqu %%ymm7, %0" : "=m"(v));
    return v;
}
static struct ymm pattern(unsigned char first)
{
    struct ymm v;
    for (unsigned i = 0; i < 16; i++)
        v.low[i] = (unsigned char)(first + i), v.high[i] = (unsigned char)(first + 0x80 + i);
    return v;
}
static int same(struct ymm a, struct ymm b)
{
    return !memcmp(&a, &b, sizeof a);
}
/* Loads the register, makes a system call and returns what the register is then. */
static struct ymm over_call(struct ymm v, long number, long a, long b)
{
    struct ymm out;
    __asm__ volatile("vmovdqu %2, %%ymm7\n\tsyscall\n\tvmovdqu %%ymm7, %0"
                     : "=m"(out), "+a"(number)
                     : "m"(v), "D"(a), "S"(b)
                     : "rcx", "r11", "memory", "xmm7");
    return out;
}

/* ---------------------------------------------------------------- signals */

static struct ymm in_frame, in_handler, to_frame;
static unsigned long long frame_features;
static int change, drop;

static void handler(int sig, siginfo_t *info, void *context)
{
    unsigned char *area = (unsigned char *)((ucontext_t *)context)->uc_mcontext.fpregs;
    memcpy(&frame_features, area + HEADER, 8);
    memcpy(in_frame.low, area + XMM + 16 * 7, 16);
    memcpy(in_frame.high, area + YMMH + 16 * 7, 16);
    in_handler = store();
    load(&to_frame);
    if (change) {
        memcpy(area + XMM + 16 * 7, to_frame.low, 16);
        memcpy(area + YMMH + 16 * 7, to_frame.high, 16);
    }
    if (drop) { /* the component is in its initial state */
        unsigned long long bv = frame_features & ~(unsigned long long)XSTATE_AVX;
        memcpy(area + HEADER, &bv, 8);
    }
}

static void test_signals(void)
{
    struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    struct ymm v = pattern(0x11), zero_high = v, out;
    long me = getpid();
    sigaction(SIGUSR1, &a, NULL);
    to_frame = pattern(0x42);
    out = over_call(v, 62, me, SIGUSR1);
    check(same(in_frame, v), "the frame has the register");
    check((frame_features & (XSTATE_SSE | XSTATE_AVX)) == (XSTATE_SSE | XSTATE_AVX), "its header says so");
    check(same(out, v), "the register is restored");
    change = 1;
    check(same(over_call(v, 62, me, SIGUSR1), to_frame), "what the handler writes to the frame is restored");
    change = 0, drop = 1;
    memset(zero_high.high, 0, 16);
    check(same(over_call(v, 62, me, SIGUSR1), zero_high), "a component that the header leaves out is zero");
    drop = 0;
}

/* ---------------------------------------------------------------- processes */

static void test_turns(void)
{
    enum { CHILDREN = 4, TURNS = 2000 };
    int good = 1, status;
    for (int k = 0; k < CHILDREN; k++)
        if (!fork()) {
            struct ymm v = pattern((unsigned char)(16 * k + 3));
            for (unsigned i = 0; i < TURNS; i++)
                if (!same(over_call(v, 24, 0, 0), v)) /* sched_yield */
                    _exit(1);
            _exit(0);
        }
    for (int k = 0; k < CHILDREN; k++)
        good &= wait(&status) > 0 && !status;
    check(good, "turns of processes that yield");
    struct ymm v = pattern(0x77);
    load(&v);
    pid_t child = fork();
    if (!child)
        _exit(!same(store(), v));
    waitpid(child, &status, 0);
    check(!status, "a child has its parent's");
}

/* ---------------------------------------------------------------- ptrace */

static int regset(int request, pid_t child, unsigned char *area, size_t *size)
{
    struct iovec v = {area, *size};
    int rc = (int)ptrace(request, child, (void *)NT_X86_XSTATE, &v);
    *size = v.iov_len;
    return rc;
}

static void test_ptrace(void)
{
    static unsigned char area[SIZE] __attribute__((aligned(64)));
    struct ymm v = pattern(0x23), w = pattern(0x61), got;
    size_t size = sizeof area;
    int status;
    pid_t child = fork();
    if (!child) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        struct ymm out = over_call(v, 62, getpid(), SIGSTOP);
        _exit(same(out, w) ? 0 : same(out, v) ? 2 : 3);
    }
    waitpid(child, &status, 0);
    check(WIFSTOPPED(status) && !regset(PTRACE_GETREGSET, child, area, &size), "PTRACE_GETREGSET");
    memcpy(got.low, area + XMM + 16 * 7, 16);
    memcpy(got.high, area + YMMH + 16 * 7, 16);
    check(size >= YMMH + 256 && same(got, v), "the register of the child");
    memcpy(area + XMM + 16 * 7, w.low, 16);
    memcpy(area + YMMH + 16 * 7, w.high, 16);
    check(!regset(PTRACE_SETREGSET, child, area, &size), "PTRACE_SETREGSET");
    area[HEADER + 8 + 7] |= 1; /* XCOMP_BV without compaction */
    check(regset(PTRACE_SETREGSET, child, area, &size), "a header that makes no sense is refused");
    ptrace(PTRACE_CONT, child, NULL, NULL);
    waitpid(child, &status, 0);
    check(WIFEXITED(status) && !WEXITSTATUS(status), "the child has what was set");
}

int main(void)
{
    unsigned a, b, c = 0, d;
    __get_cpuid(1, &a, &b, &c, &d);
    if (!(c & bit_OSXSAVE) || !(c & bit_AVX)) {
        puts("[SKIP]\tno AVX");
        return SKIP;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_signals();
    test_turns();
    test_ptrace();
    return failures > 0;
}
