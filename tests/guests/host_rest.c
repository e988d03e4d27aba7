/* host_rest.c - the calls that host_calls.c does not make, each with its errors, in lines that are the same on every host
 * (tests/cli/program.sh). Calls are made by number: libraries use others instead. */
#include "host_rest.h"

static char dir[] = "/tmp/host-restXXXXXX";
static char text[8192];

/* ---- sockets ---- */
static void sockets(void)
{
    struct sockaddr_un name = {AF_UNIX}, got;
    socklen_t n = sizeof got, one = 1;
    int value, s = socket(AF_UNIX, SOCK_STREAM, 0), t = socket(AF_UNIX, SOCK_STREAM, 0);
    char buf[50];
    sprintf(name.sun_path + 1, "host-rest-%07d", getpid());
    socklen_t len = 3 + strlen(name.sun_path + 1);
    TRY(connect(t, (void *)&name, len));
    TRY(bind(s, (void *)&name, len));
    TRY(bind(t, (void *)&name, len));
    TRY(connect(t, (void *)&name, len));
    TRY(listen(s, 5));
    TRY(connect(t, (void *)&name, len + 1));
    TRY(connect(t, (void *)&name, len));
    int c = syscall(SYS_accept4, s, &got, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
    TRY(fcntl(c, F_GETFD));
    TRY(fcntl(c, F_GETFL) & (O_NONBLOCK | O_ACCMODE));
    CALL(accept4, s, NULL, NULL, 1);
    CALL(accept4, 0, NULL, NULL, 0);
    SAY("peer's name %d bytes, family %d", n, got.sun_family);
    n = sizeof got;
    CALL(getsockname, s, &got, &n);
    SAY("name %d bytes, %d %s", n, got.sun_path[0], got.sun_path[1] == 'h' ? "abstract" : "");
    n = sizeof got;
    CALL(getpeername, t, &got, &n);
    SAY("peer %d bytes", (int)(n - len));
    n = sizeof got;
    CALL(getpeername, s, &got, &n);
    CALL(getsockname, 0, &got, &n);
    TRY(send(t, "over", 4, 0));
    TRY(recv(c, buf, 50, 0));
    TRY(recv(c, buf, 50, 0));
    CALL(setsockopt, t, SOL_SOCKET, SO_PASSCRED, &one, sizeof one);
    CALL(setsockopt, t, SOL_SOCKET, SO_PASSCRED, &one, 1);
    CALL(setsockopt, t, SOL_SOCKET, 9999, &one, sizeof one);
    CALL(setsockopt, 0, SOL_SOCKET, SO_PASSCRED, &one, sizeof one);
    n = sizeof value;
    CALL(getsockopt, t, SOL_SOCKET, SO_TYPE, &value, &n);
    SAY("type %d, %d bytes", value, n);
    CALL(getsockopt, s, SOL_SOCKET, SO_ACCEPTCONN, &value, &n);
    SAY("listens %d", value);
    CALL(getsockopt, t, SOL_SOCKET, SO_ERROR, &value, &n);
    SAY("error %d", value);
    CALL(getsockopt, t, SOL_SOCKET, 9999, &value, &n);
    struct ucred cred;
    n = sizeof cred;
    CALL(getsockopt, t, SOL_SOCKET, SO_PEERCRED, &cred, &n);
    SAY("own %d", cred.pid == getpid());
    close(s);
    int u = socket(AF_UNIX, SOCK_STREAM, 0);
    TRY(connect(u, (void *)&name, len)); /* the name is gone with its socket */
    TRY(bind(u, (void *)&name, len));
    int d = socket(AF_UNIX, SOCK_DGRAM, 0);
    TRY(bind(d, (void *)&name, 2)); /* a name is chosen */
    n = sizeof got;
    getsockname(d, (void *)&got, &n);
    SAY("chosen %d bytes, %d", n, got.sun_path[0]);
    TRY(sendto(t, "x", 1, 0, (void *)&got, n));
    int d2 = socket(AF_UNIX, SOCK_DGRAM, 0);
    TRY(sendto(d2, "dgram", 5, 0, (void *)&got, n));
    TRY(recv(d, buf, 50, 0));
    for (int i = 3; i < 12; i++)
        close(i);
}

/* ---- itself ---- */
static void identity(void)
{
    unsigned list[4], r, e, s;
    struct utsname u;
    CALL(getgroups, 0, list);
    CALL(getgroups, -1, list);
    CALL(getresuid, &r, &e, &s);
    CALL(getresgid, &r, &e, 8);
    SAY("%u %u", geteuid(), (unsigned)syscall(SYS_getegid));
    SAY("%ld %ld", syscall(SYS_getuid), syscall(SYS_getgid));
    pid_t p = fork();
    if (!p) {
        CALL(setreuid, -1, -1);
        CALL(setregid, -1, -1);
        CALL(setgroups, 0, NULL);
        CALL(setgid, 12);
        CALL(setresgid, 13, 14, 15);
        CALL(getresgid, &r, &e, &s);
        SAY("%u %u %u", r, e, s);
        CALL(setfsgid, 14);
        CALL(setresuid, 21, 22, 0);
        CALL(getresuid, &r, &e, &s);
        SAY("%u %u %u", r, e, s);
        CALL(setfsuid, -1);
        CALL(setuid, 0);
        CALL(setreuid, 0, 0);
        CALL(setuid, 30);
        CALL(setresuid, 31, 31, 31);
        CALL(setuid, 31);
        CALL(getresuid, &r, &e, &s);
        SAY("%u %u %u", r, e, s);
        CALL(setuid, 0);
        exit(0);
    }
    waitpid(p, NULL, 0);
    CALL(uname, &u);
    SAY("%s %s", u.sysname, u.machine);
    CALL(uname, 8);
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct caps[2];
    CALL(capget, &h, caps);
    h.version = 5;
    CALL(capget, &h, caps);
    SAY("%x", h.version);
    h.pid = 999999;
    CALL(capget, &h, caps);
    CALL(getsid, 999999);
    SAY("own session %d", syscall(SYS_getsid, 0) == syscall(SYS_getsid, getpid()));
    p = fork();
    if (!p) {
        SAY("%d", syscall(SYS_setsid) == getpid());
        CALL(setsid);
        SAY("%d", syscall(SYS_getsid, 0) == getpid());
        exit(0);
    }
    waitpid(p, NULL, 0);
    CALL(prctl, PR_SET_NAME, "a name of more than fifteen");
    char name[16];
    CALL(prctl, PR_GET_NAME, name);
    SAY("%s", name);
    CALL(prctl, PR_SET_DUMPABLE, 0);
    CALL(prctl, PR_GET_DUMPABLE);
    CALL(prctl, PR_SET_DUMPABLE, 1);
    CALL(prctl, PR_SET_DUMPABLE, 7);
    CALL(prctl, PR_SET_PDEATHSIG, 99);
    CALL(prctl, PR_SET_PDEATHSIG, SIGUSR1);
    int sig = 0;
    CALL(prctl, PR_GET_PDEATHSIG, &sig);
    SAY("%d", sig);
    prctl(PR_SET_PDEATHSIG, 0);
    CALL(prctl, 77777);
    CALL(personality, 0xffffffff);
    CALL(modify_ldt, 0, text, 16);
    CALL(modify_ldt, 77, text, 16);
    WORKS(getcpu, &r, &e, NULL);
    CALL(getcpu, 8, NULL, NULL);
    CALL(syslog, 3, text, -1);
}

/* ---- limits, priorities, the scheduler ---- */
static void limits(void)
{
    struct rlimit l = {100, 200}, bad = {300, 200};
    struct rusage ru;
    struct sched_param sp = {0};
    struct sysinfo si;
    struct tms tm;
    unsigned long mask[16];
    CALL(getrlimit, 77, &l);
    CALL(setrlimit, RLIMIT_NOFILE, &bad);
    CALL(setrlimit, RLIMIT_NOFILE, &l);
    CALL(getrlimit, RLIMIT_NOFILE, &l);
    SAY("%ld %ld", (long)l.rlim_cur, (long)l.rlim_max);
    CALL(dup2, 1, 100);
    CALL(dup2, 1, 99);
    close(99);
    CALL(getrusage, RUSAGE_SELF, &ru);
    CALL(getrusage, 77, &ru);
    CALL(getrusage, RUSAGE_SELF, 8);
    CALL(getpriority, 77, 0);
    CALL(getpriority, PRIO_PROCESS, 999999);
    CALL(setpriority, PRIO_PROCESS, 0, 19); /* the caller may be nice already */
    CALL(getpriority, PRIO_PROCESS, 0);
    CALL(setpriority, PRIO_PROCESS, 0, 100);
    CALL(getpriority, PRIO_PROCESS, 0);
    CALL(setpriority, PRIO_PROCESS, 999999, 100);
    CALL(ioprio_get, 1, 0);
    CALL(ioprio_get, 77, 0);
    CALL(sched_getscheduler, 0);
    CALL(sched_getscheduler, -1);
    CALL(sched_getscheduler, 999999);
    CALL(sched_getparam, 0, &sp);
    CALL(sched_getparam, 0, NULL);
    CALL(sched_setscheduler, 0, SCHED_BATCH, &sp);
    CALL(sched_getscheduler, 0);
    CALL(sched_setscheduler, 0, SCHED_OTHER, &sp);
    CALL(sched_setscheduler, 0, 77, &sp);
    CALL(sched_setparam, 0, &sp);
    CALL(sched_get_priority_max, SCHED_FIFO);
    CALL(sched_get_priority_min, SCHED_FIFO);
    CALL(sched_get_priority_max, SCHED_OTHER);
    CALL(sched_get_priority_max, 77);
    WORKS(sched_getaffinity, 0, sizeof mask, mask);
    CALL(sched_getaffinity, 0, 3, mask);
    CALL(sched_getaffinity, 999999, sizeof mask, mask);
    memset(mask, 0, sizeof mask);
    CALL(sched_setaffinity, 0, sizeof mask, mask);
    mask[0] = 1;
    CALL(sched_setaffinity, 0, sizeof mask, mask);
    CALL(sched_yield);
    CALL(sysinfo, &si);
    SAY("unit %u", si.mem_unit);
    CALL(sysinfo, 8);
    WORKS(times, &tm);
    CALL(times, 8);
    WORKS(membarrier, 0, 0, 0);
    CALL(membarrier, 77777, 0, 0);
    long head, size;
    WORKS(get_robust_list, 0, &head, &size);
    CALL(get_robust_list, 999999, &head, &size);
}

/* ---- memory ---- */
static void memory(void)
{
    char *p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char in[4] = {9, 9, 9, 9};
    p[4096] = 1;
    CALL(mincore, p, 4 * 4096, in);
    SAY("%d %d", in[0] & 1, in[1] & 1);
    TRY(mincore(p + 1, 4096, in));
    munmap(p + 3 * 4096, 4096);
    TRY(mincore(p, 4 * 4096, in));
    TRY(msync(p, 4096, MS_SYNC));
    TRY(msync(p + 1, 4096, MS_SYNC));
    TRY(msync(p, 4096, MS_SYNC | MS_ASYNC));
    TRY(msync(p, 4 * 4096, MS_ASYNC));
    TRY(mlock(p, 4096));
    TRY(mlock(p, 4 * 4096));
    TRY(munlock(p, 4096));
    TRY(syscall(SYS_mlock2, p, 4096, 0));
    TRY(syscall(SYS_mlock2, p, 4096, 8));
    TRY(mlockall(0));
    TRY(mlockall(MCL_FUTURE));
    TRY(munlockall());
    struct iovec mine = {text, 10}, theirs = {p + 4096, 10};
    text[0] = 7;
    TRY(syscall(SYS_process_vm_readv, getpid(), &mine, 1, &theirs, 1, 0));
    SAY("%d", text[0]);
    text[0] = 8;
    TRY(syscall(SYS_process_vm_writev, getpid(), &mine, 1, &theirs, 1, 0));
    SAY("%d", p[4096]);
    theirs.iov_base = p + 3 * 4096;
    TRY(syscall(SYS_process_vm_readv, getpid(), &mine, 1, &theirs, 1, 0));
    TRY(syscall(SYS_process_vm_readv, 999999, &mine, 1, &theirs, 1, 0));
    munmap(p, 3 * 4096);
}

/* ---- time ---- */
static void use_time(unsigned n)
{
    for (volatile unsigned i = 0; i < n; i++)
        ;
}

static void clocks(void)
{
    struct timespec ts = {0, 5000000}, bad = {0, 1000000000};
    struct timeval tv;
    struct itimerval it = {{0, 0}, {100, 0}}, was;
    CALL(clock_getres, CLOCK_MONOTONIC, &ts);
    SAY("%ld", ts.tv_nsec);
    CALL(clock_getres, 77, &ts);
    CALL(gettimeofday, &tv, NULL);
    CALL(gettimeofday, 8, NULL);
    SAY("same second %d", labs(syscall(SYS_time, NULL) - tv.tv_sec) < 2);
    CALL(time, 8);
    ts = (struct timespec){0, 5000000};
    CALL(nanosleep, &ts, NULL);
    CALL(nanosleep, &bad, NULL);
    CALL(setitimer, ITIMER_REAL, &it, NULL);
    CALL(getitimer, ITIMER_REAL, &was);
    SAY("%ld", (was.it_value.tv_sec + 1) / 50);
    CALL(getitimer, 3, &was);
    CALL(alarm, 10);
    CALL(alarm, 0);
    /* processor time: what waits does not count, what works does */
    catch(SIGVTALRM);
    catch(SIGPROF);
    it = (struct itimerval){{0, 2000}, {0, 2000}};
    hits = 0;
    CALL(setitimer, ITIMER_VIRTUAL, &it, NULL);
    struct timespec nap = {0, 30000000};
    nanosleep(&nap, NULL);
    SAY("asleep %d", (int)hits);
    while (hits < 3)
        use_time(1000);
    it = (struct itimerval){0};
    CALL(setitimer, ITIMER_VIRTUAL, &it, &was);
    SAY("every %ld, some left %d", (long)was.it_interval.tv_usec, was.it_value.tv_usec <= 10000);
    hits = 0;
    it.it_value.tv_usec = 3000;
    CALL(setitimer, ITIMER_PROF, &it, NULL);
    while (!hits)
        use_time(1000);
    CALL(getitimer, ITIMER_PROF, &was);
    SAY("left %ld", (long)was.it_value.tv_usec);
    timer_t id;
    struct sigevent se = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    catch(SIGUSR1);
    hits = 0;
    int kid = -1;
    CALL(timer_create, CLOCK_MONOTONIC, &se, &kid);
    CALL(timer_create, 77, &se, &kid);
    struct itimerspec its = {{0, 0}, {0, 2000000}}, left;
    CALL(timer_settime, kid, 0, &its, NULL);
    while (!hits)
        use_time(1000);
    CALL(timer_gettime, kid, &left);
    SAY("%ld", left.it_value.tv_nsec);
    CALL(timer_getoverrun, kid);
    CALL(timer_delete, kid);
    CALL(timer_delete, kid);
    CALL(timer_gettime, 99, &left);
}

/* ---- signals ---- */
static void signals(void)
{
    sigset_t set, old;
    catch(SIGUSR1);
    hits = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    CALL(tkill, syscall(SYS_gettid), SIGUSR1);
    CALL(tkill, 999999, SIGUSR1);
    CALL(tkill, -1, SIGUSR1);
    CALL(tkill, syscall(SYS_gettid), 77);
    unsigned long pending = 0;
    CALL(rt_sigpending, &pending, 8);
    SAY("%lx", pending);
    CALL(rt_sigpending, &pending, 9);
    unsigned long none = 0;
    CALL(rt_sigsuspend, &none, 8);
    SAY("%d", (int)hits);
    CALL(rt_sigsuspend, &none, 4);
    sigprocmask(SIG_SETMASK, &old, NULL);
    catch(SIGUSR2);
    pid_t p = fork();
    if (!p) {
        CALL(pause);
        exit(0);
    }
    int status;
    do {
        usleep(3000);
        kill(p, SIGUSR2);
    } while (!waitpid(p, &status, WNOHANG));
    SAY("%x", status);
    siginfo_t si = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
    TRY(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &si));
    SAY("%d", (int)hits);
    CALL(restart_syscall);
    p = syscall(SYS_fork);
    if (!p)
        _exit(5);
    waitpid(p, &status, 0);
    SAY("%x", status);
    char *argv[] = {"/proc/self/exe", "again", NULL};
    p = fork();
    if (!p) {
        int me = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        TRY(syscall(SYS_execveat, me, "none", argv, NULL, 0));
        TRY(syscall(SYS_execveat, me, "", argv, NULL, 0));
        syscall(SYS_execveat, me, "", argv, NULL, AT_EMPTY_PATH);
        _exit(9);
    }
    waitpid(p, &status, 0);
    SAY("%x", status);
}

/* ---- tracing without a signal ---- */
static void wait_for(pid_t p, const char *what)
{
    int status = 0;
    pid_t got = waitpid(p, &status, __WALL);
    SAY("%s: %d status %x", what, got == p, status);
}

static void seized(void)
{
    siginfo_t si;
    unsigned long child = 0;
    catch(SIGUSR1);
    hits = 0;
    pid_t p = fork();
    if (!p) {
        while (!hits)
            use_time(1000);
        pid_t q = fork();
        if (!q)
            _exit(3);
        waitpid(q, NULL, 0);
        _exit(4);
    }
    TRY(ptrace(PTRACE_INTERRUPT, p, 0, 0));
    TRY(ptrace(PTRACE_SEIZE, p, 1, 0));
    TRY(ptrace(PTRACE_SEIZE, p, 0, 0x10000000));
    TRY(ptrace(PTRACE_SEIZE, p, 0, PTRACE_O_TRACEFORK));
    TRY(ptrace(PTRACE_SEIZE, p, 0, 0));
    TRY(ptrace(PTRACE_CONT, p, 0, 0));
    TRY(ptrace(PTRACE_INTERRUPT, p, 0, 0));
    wait_for(p, "interrupted");
    TRY(ptrace(PTRACE_GETSIGINFO, p, 0, &si));
    SAY("signal %d code %x", si.si_signo, si.si_code);
    TRY(ptrace(PTRACE_CONT, p, 0, 0));
    kill(p, SIGSTOP);
    wait_for(p, "signal");
    TRY(ptrace(PTRACE_CONT, p, 0, SIGSTOP));
    wait_for(p, "group stop");
    TRY(ptrace(PTRACE_LISTEN, p, 0, 0));
    kill(p, SIGCONT);
    wait_for(p, "continued");
    TRY(ptrace(PTRACE_CONT, p, 0, 0));
    wait_for(p, "its signal");
    TRY(ptrace(PTRACE_CONT, p, 0, 0));
    kill(p, SIGUSR1);
    wait_for(p, "signal");
    TRY(ptrace(PTRACE_CONT, p, 0, SIGUSR1));
    wait_for(p, "fork");
    TRY(ptrace(PTRACE_GETEVENTMSG, p, 0, &child));
    wait_for(child, "the child");
    TRY(ptrace(PTRACE_CONT, child, 0, 0));
    wait_for(child, "the child has exited");
    TRY(ptrace(PTRACE_CONT, p, 0, 0));
    wait_for(p, "signal");
    TRY(ptrace(PTRACE_DETACH, p, 0, SIGCHLD));
    wait_for(p, "has exited");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return 6;
    setvbuf(stdout, NULL, _IOLBF, 0);
    static void (*const parts[])(void) = {paths, open_files, fifos, sockets, inet, identity, limits, memory, clocks, signals, seized};
    if (!mkdtemp(dir) || chdir(dir))
        return 99;
    for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        fflush(stdout);
        pid_t p = fork();
        if (!p) {
            parts[i]();
            exit(0);
        }
        int status;
        waitpid(p, &status, 0);
        SAY("part %u: %x", i, status);
    }
    chdir("/");
    TRY(rmdir(dir));
    return 0;
}
