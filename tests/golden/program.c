/* program.c - the program of linux-N.reel: a little of everything that decides how a run on the Linux host goes: turns of processes and
 * threads, sleeping and waking, timers and signals, faults, random numbers, pages that are copied when they are written. No library. */
#define SIGSEGV 11
#define SIGALRM 14

enum {
    READ = 0,
    WRITE = 1,
    MMAP = 9,
    MUNMAP = 11,
    SIGACTION = 13,
    SIGRETURN = 15,
    PIPE = 22,
    YIELD = 24,
    SLEEP = 35,
    ITIMER = 38,
    CLONE = 56,
    FORK = 57,
    EXIT = 60,
    WAIT = 61,
    FUTEX = 202,
    CLOCK = 228,
    EXIT_GROUP = 231,
    RANDOM = 318
};

static long call(long n, long a, long b, long c, long d, long e)
{
    long r;
    register long r10 asm("r10") = d, r8 asm("r8") = e, r9 asm("r9") = 0;
    asm volatile("syscall"
                 : "=a"(r)
                 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return r;
}

struct action {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    unsigned long mask;
};
struct pair {
    long s, n;
};

static volatile unsigned alarms, word, shared = 7;
static char stack[8192] __attribute__((aligned(16)));

void restore(void);
asm("restore: mov $15, %eax\n syscall");

static void number(const char *what, unsigned long v)
{
    char buf[64];
    int n = 0, at = 40;
    while (*what)
        buf[n++] = *what++;
    buf[at] = '\n';
    do
        buf[--at] = "0123456789abcdef"[v & 15];
    while (v >>= 4);
    buf[n++] = ' ';
    while (at <= 40)
        buf[n++] = buf[at++];
    call(WRITE, 1, (long)buf, n, 0, 0);
}

static void on_alarm(int s)
{
    alarms++;
}

static void on_fault(int s)
{
    number("fault", (unsigned)s);
    call(MMAP, 0x10000000, 4096, 3, 0x32, -1);
}

static unsigned long work(unsigned long seed, unsigned n)
{
    double d = 1;
    for (unsigned i = 0; i < n; i++) {
        seed = seed * 6364136223846793005ul + 1442695040888963407ul;
        d = d * 1.0000001 + (double)(seed >> 40);
    }
    return seed ^ (unsigned long)d;
}

static void thread(void)
{
    number("thread", work(3, 20000));
    word = 1;
    call(FUTEX, (long)&word, 1, 1, 0, 0);
    call(EXIT, 0, 0, 0, 0, 0);
}

/* CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM */
static void start_thread(void)
{
    long *top = (long *)(stack + sizeof stack) - 2;
    *top = (long)thread;
    register long r10 asm("r10") = 0, r8 asm("r8") = 0;
    asm volatile("syscall\n test %%rax, %%rax\n jnz 1f\n pop %%rax\n call *%%rax\n 1:"
                 :
                 : "a"(CLONE), "D"(0x50f00), "S"(top), "d"(0), "r"(r10), "r"(r8)
                 : "rcx", "r11", "memory");
}

static void child(int *pipe)
{
    shared = 8; /* a page of its own from here on */
    unsigned long got = work(5, 30000);
    call(WRITE, pipe[1], (long)&got, sizeof got, 0, 0);
    call(EXIT_GROUP, 3, 0, 0, 0, 0);
}

void _start(void)
{
    const struct action on[2] = {{on_alarm, 0x4000000, restore, 0}, {on_fault, 0x4000000, restore, 0}};
    const struct pair every[2] = {{0, 50}, {0, 30}}, nap = {0, 3000000};
    struct pair t;
    int pipe[2], status = 0;
    unsigned long got = 0;
    call(SIGACTION, SIGALRM, (long)&on[0], 0, 8, 0);
    call(SIGACTION, SIGSEGV, (long)&on[1], 0, 8, 0);
    *(volatile char *)0x10000000 = 1;
    call(PIPE, (long)pipe, 0, 0, 0, 0);
    call(ITIMER, 0, (long)every, 0, 0, 0);
    if (!call(FORK, 0, 0, 0, 0, 0))
        child(pipe);
    start_thread();
    number("parent", work(1, 40000));
    while (!word)
        call(FUTEX, (long)&word, 0, 0, 0, 0);
    while (call(READ, pipe[0], (long)&got, sizeof got, 0, 0) != sizeof got)
        ;
    number("child", got);
    while (call(WAIT, -1, (long)&status, 0, 0, 0) < 0)
        ;
    number("status", (unsigned)status);
    number("shared", shared);
    number("nap", (unsigned long)call(SLEEP, (long)&nap, 0, 0, 0, 0));
    call(RANDOM, (long)&got, sizeof got, 0, 0, 0);
    number("random", got);
    call(CLOCK, 1, (long)&t, 0, 0, 0);
    number("clock", (unsigned long)t.n);
    number("alarms", alarms);
    call(EXIT_GROUP, 0, 0, 0, 0, 0);
}
