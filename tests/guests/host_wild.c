/* host_wild.c - a hostile program for the deterministic Linux host: random system calls with random arguments, a fork bomb, nested
 * signals, huge mappings, random requests to a traced child. It must get errors, or be killed, and nothing else must happen.
 *
 *   host_wild SEED MODE     MODE: calls bomb signals maps ptrace
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t state;
static uint64_t next(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 32 ^ state << 17;
}
static uint64_t below(uint64_t n)
{
    return (next() >> 8) % n;
}

static char page[65536] __attribute__((aligned(4096)));
static const char *const texts[] = {"/proc/self/mem", "/proc/self/maps", "/dev/shm/x", "/dev/null", "/", "..", "", "/proc/1000/fd/0",
                                    "/dev/ptmx", "/tmp/../tmp/a/b", "x", "/usr/bin/host_wild", "/proc/self/exe", "/dev/tty"};

static uint64_t argument(void)
{
    switch (below(14)) {
    case 0: return below(4);
    case 1: return below(64);
    case 2: return (uint64_t)-1 - below(64);
    case 3: return (uint64_t)(uintptr_t)(page + below(sizeof page));
    case 4: return (uint64_t)(uintptr_t)page + sizeof page - below(16);
    case 5: return (uint64_t)(uintptr_t)texts[below(sizeof texts / sizeof texts[0])];
    case 6: return 1ull << below(64);
    case 7: return next();
    case 8: return (uint64_t)(uintptr_t)&argument;
    case 9: return below(4096) * 4096;
    case 10: return 0x7fffffff0000ull + below(131072);
    case 11: return (uint64_t)getpid() + below(8);
    case 12: return below(8) * 0x1000 + below(4);
    default: return 0;
    }
}

static void junk(void)
{
    for (unsigned i = 0; i < 64; i++)
        ((uint64_t *)page)[below(sizeof page / 8)] = argument();
}

static void some_calls(unsigned n)
{
    while (n--) {
        long number = (long)below(below(4) ? 335 : 460);
        if (number == SYS_exit || number == SYS_exit_group || number == SYS_pause || number == SYS_rt_sigsuspend)
            continue;
        junk();
        alarm(1);
        syscall(number, argument(), argument(), argument(), argument(), argument(), argument());
    }
}

static void calls(void)
{
    for (unsigned round = 0; round < 400; round++) {
        pid_t child = fork();
        state ^= round * 0x9e3779b97f4a7c15u;
        if (!child) {
            some_calls(below(200));
            _exit(0);
        }
        alarm(5);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        if (child > 0)
            waitpid(child, NULL, 0);
    }
}

static void bomb(void)
{
    for (;;)
        if (fork() < 0)
            sched_yield();
}

static volatile unsigned depth;
static void nested(int sig)
{
    if (depth++ < 100000)
        raise(below(2) ? SIGUSR1 : SIGUSR2);
}
static void again(int sig)
{
    *(volatile int *)(uintptr_t)(16 + below(64)) = 1;
}
static void signals(void)
{
    struct sigaction sa = {.sa_handler = nested, .sa_flags = SA_NODEFER};
    stack_t alt = {.ss_sp = page, .ss_size = 8192};
    for (unsigned round = 0; round < 24; round++) {
        if (fork()) {
            wait(NULL);
            continue;
        }
        state += round;
        if (round & 1)
            sigaltstack(&alt, NULL);
        sa.sa_flags = SA_NODEFER | (round & 1 ? SA_ONSTACK : 0) | (round & 2 ? SA_SIGINFO : 0);
        sigaction(SIGUSR1, &sa, NULL);
        sigaction(SIGUSR2, &sa, NULL);
        if (round & 4) {
            sa.sa_handler = again;
            sigaction(SIGSEGV, &sa, NULL);
        }
        if (round & 8)
            __asm__ volatile("mov %0, %%rsp; push %%rax" : : "r"(argument()) : "memory");
        raise(SIGUSR1);
        again(0);
        _exit(0);
    }
}

static void maps(void)
{
    char *at[64] = {0};
    for (unsigned round = 0; round < 4000; round++) {
        unsigned i = (unsigned)below(64);
        size_t size = below(3) ? below(1 << 20) : (size_t)1 << below(47);
        bool have = at[i] && at[i] != MAP_FAILED;
        if (!have && below(8)) /* mostly a new one then, so that the program does not unmap itself at once */
            at[i] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (at[i] == MAP_FAILED)
            at[i] = NULL;
        if (!at[i])
            continue;
        switch (below(6)) {
        case 0:
        case 1:
            at[i] = mmap(below(2) ? (void *)(uintptr_t)argument() : NULL, size, (int)below(8),
                         (below(2) ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS | (below(2) ? MAP_NORESERVE : 0), -1, 0);
            break;
        case 2:
            munmap(at[i] + below(4) * 4096, below(1 << 20));
            break;
        case 3:
            at[i] = mremap(at[i], below(1 << 20), size, MREMAP_MAYMOVE);
            break;
        case 4:
            mprotect(at[i], below(1 << 22), (int)below(8));
            break;
        default:
            madvise(at[i], size, (int)below(24));
        }
        if (at[i] != MAP_FAILED)
            write(1, at[i] + below(size + 1), 0), read(0, at[i], 0), syscall(SYS_getrandom, at[i] + below(size + 1), 64, 0);
    }
}

static void traced(void)
{
    for (unsigned round = 0; round < 200; round++) {
        pid_t child = fork();
        if (!child) {
            state += round;
            if (below(4))
                ptrace(PTRACE_TRACEME, 0, 0, 0);
            raise(SIGSTOP);
            some_calls(20);
            _exit(0);
        }
        for (unsigned i = 0; i < 30; i++) {
            junk();
            syscall(SYS_ptrace, below(2) ? below(34) : 0x4200 + below(20), below(8) ? (uint64_t)child : argument(), argument(),
                    argument());
            waitpid(child, NULL, WNOHANG | (below(2) ? WUNTRACED : 0));
        }
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } modes[] = {{"calls", calls}, {"bomb", bomb}, {"signals", signals}, {"maps", maps}, {"ptrace", traced}};
    state = argc > 1 ? strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15u : 1;
    for (unsigned i = 0; argc > 2 && i < sizeof modes / sizeof modes[0]; i++)
        if (!strcmp(argv[2], modes[i].name))
            modes[i].run();
    puts("done");
    return 0;
}
