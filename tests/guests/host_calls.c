/* host_calls.c - what a Linux program sees of its kernel, in lines that are the same on every host: run natively and
 * under the deterministic host, the two outputs are compared (tests/cli/program.sh). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__), putchar('\n'))
/* A call, what it returned, and why it failed. */
static void tell(const char *call, long result)
{
    SAY("%s = %ld, errno %d", call, result, result == -1 ? errno : 0);
}
#define TRY(call) tell(#call, (long)(call))

static char dir[] = "/tmp/host-callsXXXXXX";
static volatile int hits;


/* ---- files ---- */
static void files(void)
{
    char buf[64] = "", name[100];
    struct stat st;
    if (!mkdtemp(dir) || chdir(dir))
        exit(99);
    int fd = open("a", O_RDWR | O_CREAT | O_EXCL, 0640);
    TRY(write(fd, "hello world", 11));
    TRY(pwrite(fd, "J", 1, 0));
    TRY(lseek(fd, -5, SEEK_END));
    TRY(read(fd, buf, 20));
    SAY("read %s", buf);
    TRY(lseek(fd, -50, SEEK_CUR));
    TRY(ftruncate(fd, 5000));
    TRY(pread(fd, buf, 3, 4999));
    TRY(open("a", O_RDWR | O_CREAT | O_EXCL, 0600));
    TRY(open("no/such", O_RDONLY));
    TRY(open("a/b", O_RDONLY));
    TRY(open(".", O_RDWR));
    TRY(mkdir("d", 0755));
    TRY(mkdir("d", 0755));
    TRY(rmdir("a"));
    TRY(unlink("d"));
    TRY(symlink("a", "link"));
    TRY(readlink("link", name, sizeof name));
    TRY(readlink("a", name, sizeof name));
    TRY(lstat("link", &st));
    SAY("mode %o size %ld", st.st_mode, (long)st.st_size);
    TRY(stat("link", &st));
    SAY("mode %o size %ld links %ld", st.st_mode, (long)st.st_size, (long)st.st_nlink);
    TRY(link("a", "d/second"));
    TRY(rename("a", "d/third"));
    TRY(rmdir("d"));
    TRY(rename("d", "d/below"));
    TRY(stat("link", &st));
    TRY(symlink("loop", "loop"));
    TRY(open("loop", O_RDONLY));
    TRY(access("d/third", X_OK));
    TRY(chmod("d/third", 0755));
    TRY(access("d/third", X_OK));
    TRY(close(fd));
    TRY(close(fd));
    TRY(write(fd, "x", 1));
    fd = open("d/third", O_WRONLY | O_APPEND);
    TRY(write(fd, "end", 3));
    TRY(lseek(fd, 0, SEEK_CUR));
    TRY(read(fd, buf, 1));
    struct iovec v[3] = {{"ab", 2}, {NULL, 0}, {"cde", 3}};
    TRY(writev(fd, v, 3));
    TRY(writev(fd, v, -1));
    TRY(fcntl(fd, F_GETFL) & O_ACCMODE);
    TRY(dup2(fd, 50));
    TRY(dup3(50, 50, 0));
    TRY(fcntl(50, F_GETFD));
    TRY(fcntl(50, F_DUPFD_CLOEXEC, 60));
    TRY(fcntl(60, F_GETFD));
    TRY(unlink("d/second"));
    TRY(unlink("d/third"));
    TRY(fstat(fd, &st));
    SAY("links %ld size %ld", (long)st.st_nlink, (long)st.st_size);
    TRY(rmdir("d"));
    unlink("link");
    unlink("loop");
    TRY(read(fd, (void *)8, 10));
    TRY(pipe((int *)8));
    TRY(open((char *)8, O_RDONLY));
    TRY(syscall(SYS_close_range, 50, 60, 0));
    close(fd);
}

/* ---- memory ---- */
static void on_fault(int sig, siginfo_t *si, void *ctx)
{
    ucontext_t *uc = ctx;
    hits++;
    SAY("signal %d code %d error %lld trap %lld", sig, si->si_code, (long long)uc->uc_mcontext.gregs[REG_ERR],
        (long long)uc->uc_mcontext.gregs[REG_TRAPNO]);
    if (sig == SIGSEGV && si->si_code == SEGV_ACCERR)
        mprotect((void *)((uintptr_t)si->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE);
    else
        uc->uc_mcontext.gregs[REG_RIP] = uc->uc_mcontext.gregs[REG_RBX]; /* where to go on */
}

#define FAULTS(insn) __asm__ volatile("lea 1f(%%rip), %%rbx\n\t" insn "\n1:" ::: "rbx", "rax", "rdx", "memory")

static void memory(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    for (int s = 0; s < 5; s++)
        sigaction((int[]){SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP}[s], &sa, NULL);
    char *p = mmap(NULL, 16384, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    p[4096] = 7;
    SAY("now %d, next %d", p[4096], p[8192]);
    TRY(munmap(p + 4096, 4096));
    TRY(mprotect(p, 16384, PROT_READ));
    TRY(madvise(p, 16384, MADV_DONTNEED));
    TRY(mmap(p, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED);
    TRY(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    TRY(mmap((void *)1, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED);
    FAULTS("movl $1, 8");
    FAULTS("mov $0x8000000000000000, %%rax; mov (%%rax), %%rax");
    FAULTS("ud2");
    FAULTS("hlt");
    FAULTS("xor %%edx, %%edx; mov $1, %%eax; div %%edx");
    FAULTS("int3");
    int fd = memfd_create("m", 0);
    TRY(ftruncate(fd, 8192));
    char *a = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *b = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    a[5] = 1;
    SAY("private sees %d", b[5]);
    b[5] = 2;
    a[5] = 3;
    SAY("shared %d private %d", a[5], b[5]);
    register char *past __asm__("rax") = a + 8192;
    __asm__ volatile("lea 1f(%%rip), %%rbx\n\tmovb $1, (%0)\n1:" ::"r"(past) : "rbx", "memory");
    if (!fork()) {
        a[6] = 9;
        b[6] = 9;
        _exit(0);
    }
    wait(NULL);
    SAY("after fork: shared %d private %d", a[6], b[6]);
    TRY(madvise(a, 4096, MADV_REMOVE));
    SAY("removed: %d", a[6]);
    char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    m[4097] = 5;
    m = mremap(m, 8192, 1 << 20, MREMAP_MAYMOVE);
    SAY("moved %d %d", m[4097], m[100000]);
    char *again = mremap(a, 0, 8192, MREMAP_MAYMOVE);
    again[4100] = 7;
    SAY("mapped again %d", a[4100]);
    TRY(mprotect(again, 8192, PROT_READ));
    a[4100] = 8;
    SAY("and changed %d", again[4100]);
    TRY(mremap(a, 0, 4096, 0) == MAP_FAILED);
    TRY(mremap(m, 0, 4096, MREMAP_MAYMOVE) == MAP_FAILED);
    TRY(munmap(m, 1 << 20));
    TRY(mremap(m, 4096, 8192, 0) == MAP_FAILED);
    TRY(mremap(m, 0, 4096, MREMAP_MAYMOVE) == MAP_FAILED);
    char *brk0 = sbrk(0);
    TRY(brk(brk0 + 100000));
    brk0[99999] = 1;
    TRY(brk(brk0));
    SAY("hits %d", hits);
}

/* ---- signals ---- */
static void count(int sig)
{
    hits++;
}
static void nested(int sig)
{
    char here;
    stack_t ss;
    sigaltstack(NULL, &ss);
    hits++;
    SAY("handler %d on alternate stack %d", sig, ss.ss_flags == SS_ONSTACK && &here > (char *)ss.ss_sp);
    if (sig == SIGUSR1)
        raise(SIGUSR2);
}
static void signals(void)
{
    static char alt[65536];
    sigset_t set, old;
    siginfo_t si;
    int fds[2];
    char c;
    struct sigaction sa = {.sa_handler = nested, .sa_flags = SA_ONSTACK};
    struct timespec half = {0, 50000000};
    stack_t ss = {alt, 0, sizeof alt};
    TRY(sigaltstack(&ss, NULL));
    sigaction(SIGUSR1, &sa, NULL);
    sigaction(SIGUSR2, &sa, NULL);
    double d = 1.5;
    __asm__ volatile("movsd %0, %%xmm5" ::"m"(d));
    raise(SIGUSR1);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, &old);
    union sigval v = {.sival_int = 41};
    for (int i = 0; i < 3; i++, v.sival_int++)
        TRY(sigqueue(getpid(), SIGRTMIN, v));
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR1);
    for (int i = 0; i < 4; i++) {
        int sig = sigtimedwait(&set, &si, &half);
        SAY("got %d code %d value %d", sig, si.si_code, sig == SIGUSR1 ? 0 : si.si_value.sival_int);
    }
    TRY(sigtimedwait(&set, &si, &half));
    sigprocmask(SIG_SETMASK, &old, NULL);
    sa.sa_handler = count;
    sa.sa_flags = 0;
    sigaction(SIGALRM, &sa, NULL);
    /* Again and again, in case that the first comes before the read. */
    struct itimerval it = {{0, 0}, {0, 20000}}, again = {{0, 20000}, {0, 20000}};
    if (pipe(fds))
        exit(99);
    setitimer(ITIMER_REAL, &again, NULL);
    TRY(read(fds[0], &c, 1));
    setitimer(ITIMER_REAL, &it, NULL);
    TRY(nanosleep(&(struct timespec){5, 0}, NULL));
    sa.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &sa, NULL);
    setitimer(ITIMER_REAL, &it, NULL);
    if (!fork()) {
        usleep(60000);
        TRY(write(fds[1], "x", 1) - 1);
        _exit(0);
    }
    ssize_t got = read(fds[0], &c, 1);
    wait(NULL); /* so that the child's line comes first */
    SAY("read after the signal: %zd", got);
    setitimer(ITIMER_REAL, &it, NULL);
    TRY(poll(NULL, 0, 1000));
    TRY(kill(getpid(), 65));
    TRY(kill(0x7ffffff, 0));
    TRY(sigaction(SIGKILL, &sa, NULL));
    signal(SIGPIPE, SIG_IGN);
    close(fds[0]);
    TRY(write(fds[1], "x", 1));
    close(fds[1]);

}

/* ---- processes ---- */
static void show(const char *what, int status)
{
    SAY("%s: exited %d %d signaled %d %d stopped %d", what, WIFEXITED(status), WIFEXITED(status) ? WEXITSTATUS(status) : 0,
        WIFSIGNALED(status), WIFSIGNALED(status) ? WTERMSIG(status) : 0, WIFSTOPPED(status));
}
static void processes(char *self)
{
    int status;
    siginfo_t si = {0};
    TRY(wait(NULL));
    pid_t p = fork();
    if (!p)
        _exit(42);
    TRY(waitpid(p, &status, 0) - p);
    show("exit", status);
    if (!(p = fork()))
        pause();
    TRY(waitpid(p, &status, WNOHANG));
    kill(p, SIGSTOP);
    TRY(waitpid(p, &status, WUNTRACED) - p);
    show("stop", status);
    kill(p, SIGCONT);
    TRY(waitpid(p, &status, WCONTINUED) - p);
    SAY("continued %d", WIFCONTINUED(status));
    kill(p, SIGTERM);
    TRY(waitid(P_PID, p, &si, WEXITED | WNOWAIT));
    SAY("waitid code %d status %d", si.si_code, si.si_status);
    TRY(waitpid(p, &status, 0) - p);
    show("term", status);
    if (!(p = vfork())) {
        execl(self, self, "child", "two words", (char *)NULL);
        _exit(1);
    }
    TRY(waitpid(p, &status, 0) - p);
    show("exec", status);
    TRY(execl("/nonexistent", "x", (char *)NULL));
    TRY(execl("/tmp", "x", (char *)NULL));
    if (!(p = fork())) {
        signal(SIGSEGV, SIG_DFL);
        *(volatile int *)8 = 1;
    }
    waitpid(p, &status, 0);
    SAY("killed by %d", WTERMSIG(status));
    TRY(getpgrp() == getpgid(0));
    TRY(setpgid(0, 0x7fffff));
}

/* ---- threads ---- */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long sum, turn;
static __thread int local;
static void *work(void *arg)
{
    long me = (long)arg;
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&lock);
        sum += ++local > 0;
        pthread_mutex_unlock(&lock);
    }
    pthread_mutex_lock(&lock);
    while (turn != me)
        pthread_cond_wait(&cond, &lock);
    SAY("thread %ld", me);
    turn++;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&lock);
    return (void *)(me * 10);
}
static void threads(void)
{
    pthread_t t[8];
    void *result[8];
    for (long i = 0; i < 8; i++)
        pthread_create(&t[i], NULL, work, (void *)i);
    /* All are joined before a line says so: else this thread's lines would fall among the others' as the scheduler pleases. */
    for (int i = 0; i < 8; i++)
        pthread_join(t[i], &result[i]);
    for (int i = 0; i < 8; i++)
        SAY("joined %ld", (long)result[i]);
    SAY("sum %ld", sum);
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    ts.tv_sec -= 1;
    pthread_mutex_lock(&lock);
    SAY("timed wait %d", pthread_cond_timedwait(&cond, &lock, &ts));
    pthread_mutex_unlock(&lock);
}

/* A thread executes programs: only one that can run ends the others, and it has the number of the process. */
static void *execute(void *self)
{
    TRY(execl("/nonexistent", "x", (char *)NULL));
    TRY(execl("/tmp", "x", (char *)NULL));
    execl(self, self, "child", "of a thread", (char *)NULL);
    return NULL;
}
static void *idle(void *arg)
{
    for (;;)
        pause();
}
static void exec_in_thread(char *self)
{
    int status;
    pid_t p = fork();
    if (!p) {
        pthread_t t[3];
        for (int i = 0; i < 3; i++)
            pthread_create(&t[i], NULL, i == 1 ? execute : idle, self);
        for (;;)
            pause();
    }
    SAY("the same process %d", waitpid(p, &status, 0) == p);
    show("exec in a thread", status);
}

/* ---- pipes, sockets, polling ---- */
static void io(void)
{
    int p[2], s[2], e = epoll_create1(0), ev = eventfd(3, EFD_NONBLOCK), passed;
    char buf[64] = "", c[CMSG_SPACE(4)];
    struct epoll_event out[4], in = {.events = EPOLLIN | EPOLLET, .data.u32 = 77};
    uint64_t n;
    if (pipe2(p, O_NONBLOCK) || socketpair(AF_UNIX, SOCK_STREAM, 0, s))
        exit(99);
    TRY(read(p[0], buf, 1));
    TRY(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &in));
    TRY(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &in));
    TRY(epoll_wait(e, out, 4, 0));
    TRY(write(p[1], "abc", 3));
    TRY(epoll_wait(e, out, 4, -1));
    SAY("events %x data %u", out[0].events, out[0].data.u32);
    TRY(epoll_wait(e, out, 4, 0));
    TRY(write(p[1], "d", 1));
    TRY(epoll_wait(e, out, 4, 0));
    struct pollfd pf[3] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}, {99, POLLIN, 0}};
    TRY(poll(pf, 3, 0));
    SAY("%x %x %x", pf[0].revents, pf[1].revents, pf[2].revents);
    TRY(read(p[0], buf, 64));
    long total = 0, k;
    static char block[5000];
    while ((k = write(p[1], block, sizeof block)) > 0)
        total += k;
    SAY("pipe took %d", total > 50000);
    close(p[1]);
    while (read(p[0], block, sizeof block) > 0)
        ;
    TRY(poll(pf, 1, 0));
    SAY("%x", pf[0].revents);
    TRY(read(ev, &n, 8));
    SAY("counter %d", (int)n);
    TRY(read(ev, &n, 8));
    TRY(read(ev, &n, 4));
    struct iovec v = {"fd", 2};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof c};
    struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
    *cm = (struct cmsghdr){CMSG_LEN(4), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(cm), &p[0], 4);
    TRY(sendmsg(s[0], &m, 0));
    v = (struct iovec){buf, sizeof buf};
    TRY(recvmsg(s[1], &m, 0));
    memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&m)), 4);
    SAY("passed one: %d, is open: %d", passed > 2, fcntl(passed, F_GETFD) >= 0);
    TRY(send(s[0], "12345", 5, 0));
    TRY(recv(s[1], buf, 2, MSG_PEEK));
    TRY(recv(s[1], buf, 64, 0));
    TRY(recv(s[1], buf, 64, MSG_DONTWAIT));
    TRY(shutdown(s[0], SHUT_WR));
    TRY(recv(s[1], buf, 64, 0));
    close(s[1]);
    TRY(send(s[0], "x", 1, MSG_NOSIGNAL));
    struct sockaddr_un sa = {AF_UNIX, "sock"};
    int l = socket(AF_UNIX, SOCK_STREAM, 0), c1 = socket(AF_UNIX, SOCK_STREAM, 0);
    TRY(connect(c1, (void *)&sa, sizeof sa));
    TRY(bind(l, (void *)&sa, sizeof sa));
    TRY(connect(c1, (void *)&sa, sizeof sa));
    TRY(listen(l, 5));
    TRY(connect(c1, (void *)&sa, sizeof sa));
    int a = accept(l, NULL, NULL);
    TRY(write(a, "hi", 2));
    TRY(read(c1, buf, 10));
    TRY(bind(c1, (void *)&sa, sizeof sa));
    TRY(socket(AF_UNIX, 77, 0));
    unlink("sock");
    int t = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec its = {{0, 0}, {0, 1000000}};
    TRY(timerfd_settime(t, 0, &its, NULL));
    TRY(read(t, &n, 8));
    fd_set set;
    FD_ZERO(&set);
    FD_SET(c1, &set);
    struct timeval tv = {0, 1000};
    TRY(select(c1 + 1, &set, NULL, NULL, &tv));
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    TRY(unlockpt(master));
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    TRY(read(slave, &master, 0)); /* nothing to read, and nothing asked for */
    TRY(read(master, &master, 0));
    close(slave);
    close(master);
}

/* ---- signals from a file ---- */
static void *sends_later(void *of)
{
    usleep(2000);
    union sigval v = {.sival_int = 77};
    pthread_sigqueue(*(pthread_t *)of, SIGRTMIN, v);
    return NULL;
}

static void say_signals(const char *what, int fd)
{
    struct signalfd_siginfo s[4];
    ssize_t n = read(fd, s, sizeof s);
    SAY("%s: %zd bytes, errno %d", what, n, n < 0 ? errno : 0);
    for (ssize_t i = 0; i < n / (ssize_t)sizeof *s; i++)
        SAY("signal %u code %d from us %d value %d status %d overrun %u fd %d", s[i].ssi_signo, s[i].ssi_code,
            s[i].ssi_pid == (unsigned)getpid(), s[i].ssi_int, s[i].ssi_status, s[i].ssi_overrun, s[i].ssi_fd);
}

static void signal_files(void)
{
    sigset_t set;
    struct epoll_event out[2], in = {.events = EPOLLIN | EPOLLET};
    pthread_t self = pthread_self(), other;
    sigemptyset(&set);
    for (int i = 0; i < 5; i++)
        sigaddset(&set, ((const int[]){SIGUSR1, SIGUSR2, SIGRTMIN, SIGALRM, SIGCHLD})[i]);
    TRY(sigprocmask(SIG_BLOCK, &set, NULL));
    int fd = signalfd(-1, &set, SFD_NONBLOCK), e = epoll_create1(0);
    struct pollfd p = {fd, POLLIN, 0};
    say_signals("none", fd);
    TRY(epoll_ctl(e, EPOLL_CTL_ADD, fd, &in));
    TRY(epoll_wait(e, out, 2, 0));
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR1);
    TRY(epoll_wait(e, out, 2, 0));
    TRY(epoll_wait(e, out, 2, 0));
    sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = -5});
    TRY(epoll_wait(e, out, 2, 0));
    say_signals("two", fd);
    TRY(poll(&p, 1, 0));
    if (!fork())
        _exit(9);
    TRY(poll(&p, 1, 1000));
    say_signals("child", fd);
    wait(NULL);
    TRY(fcntl(fd, F_SETFL, 0));
    pthread_create(&other, NULL, sends_later, &self);
    say_signals("waits", fd);
    pthread_join(other, NULL);
    struct itimerval it = {{0, 0}, {0, 1000}};
    setitimer(ITIMER_REAL, &it, NULL);
    say_signals("timer", fd);
    sigemptyset(&set);
    TRY(signalfd(fd, &set, 0) == fd);
    kill(getpid(), SIGUSR1);
    TRY(poll(&p, 1, 0));
    TRY(signalfd(e, &set, 0));
    TRY(signalfd(99, &set, 0));
    TRY(signalfd(-1, &set, 1));
    TRY(syscall(SYS_signalfd4, -1, &set, 4, 0));
    TRY(syscall(SYS_signalfd4, -1, 8, 8, 0));
    TRY(read(fd, &p, 4));
    TRY(write(fd, &set, 8));
    close(fd);
    close(e);
    sigaddset(&set, SIGUSR1);
    siginfo_t info;
    TRY(sigwaitinfo(&set, &info));
}

/* ---- ptrace ---- */
static void traced(void)
{
    struct user_regs_struct r;
    siginfo_t si;
    int status;
    static volatile long word = 5;
    pid_t p = fork();
    if (!p) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        long pid = syscall(SYS_getppid);
        _exit(pid == 1234 ? word : 1);
    }
    TRY(waitpid(p, &status, 0) - p);
    show("traced", status);
    TRY(ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_TRACESYSGOOD));
    TRY(ptrace(PTRACE_PEEKDATA, p, &word, 0));
    TRY(ptrace(PTRACE_POKEDATA, p, &word, 33));
    TRY(ptrace(PTRACE_PEEKDATA, p, 8, 0));
    for (int i = 0; i < 3; i++) {
        TRY(ptrace(PTRACE_SINGLESTEP, p, 0, 0));
        waitpid(p, &status, 0);
        ptrace(PTRACE_GETSIGINFO, p, 0, &si);
        SAY("step %x code %d", status, si.si_code);
    }
    do {
        ptrace(PTRACE_SYSCALL, p, 0, 0);
        waitpid(p, &status, 0);
        ptrace(PTRACE_GETREGS, p, 0, &r);
    } while (WIFSTOPPED(status) && r.orig_rax != SYS_getppid);
    SAY("at getppid: %x rax %lld", status, (long long)r.rax);
    ptrace(PTRACE_SYSCALL, p, 0, 0);
    waitpid(p, &status, 0);
    ptrace(PTRACE_GETREGS, p, 0, &r);
    SAY("done: %x own pid %d", status, (pid_t)r.rax == getpid());
    r.rax = 1234;
    TRY(ptrace(PTRACE_SETREGS, p, 0, &r));
    TRY(ptrace(PTRACE_SYSEMU, p, 0, 0));
    waitpid(p, &status, 0);
    ptrace(PTRACE_GETREGS, p, 0, &r);
    SAY("emulated: %x call %lld argument %lld", status, (long long)r.orig_rax, (long long)r.rdi);
    TRY(ptrace(PTRACE_CONT, p, 0, SIGUSR2));
    waitpid(p, &status, 0);
    show("stopped by", status);
    TRY(ptrace(PTRACE_KILL, p, 0, 0));
    waitpid(p, &status, 0);
    show("killed", status);
    TRY(ptrace(PTRACE_CONT, p, 0, 0));
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1) {
        SAY("child: %d arguments, last %s, signals %d", argc, argv[argc - 1], signal(SIGPIPE, SIG_DFL) == SIG_IGN);
        return 7;
    }
    char self[200];
    self[readlink("/proc/self/exe", self, sizeof self - 1)] = 0;
    files();
    memory();
    signals();
    io();
    signal_files();
    processes(self);
    threads();
    exec_in_thread(self);
    traced();
    if (chdir("/") || rmdir(dir))
        SAY("the folder is not empty: errno %d", errno);
    return 0;
}
