/* host_rest.c - the calls that host_calls.c does not make, each with its errors, in lines that are the same on every host
 * (tests/cli/program.sh). Calls are made by number: libraries use others instead. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__), putchar('\n'))
static void tell(const char *call, long result)
{
    SAY("%s = %ld, errno %d", call, result, result == -1 ? errno : 0);
}
#define TRY(call) tell(#call, (long)(call))
#define CALL(name, ...) tell(#name "(" #__VA_ARGS__ ")", syscall(SYS_##name, ##__VA_ARGS__))
/* Only whether it works: the value is the host's. */
#define WORKS(name, ...) SAY(#name "(" #__VA_ARGS__ ") %s", syscall(SYS_##name, ##__VA_ARGS__) >= 0 ? "works" : strerror(errno))

static char dir[] = "/tmp/host-restXXXXXX";
static char text[8192];
static volatile sig_atomic_t hits;
static void on_signal(int sig)
{
    hits++;
}
static void catch(int sig)
{
    struct sigaction sa = {.sa_handler = on_signal};
    sigaction(sig, &sa, NULL);
}

static void mode_of(const char *name)
{
    struct stat st;
    if (lstat(name, &st))
        SAY("%s is not there", name);
    else
        SAY("%s: %o, %ld links, %ld bytes, %d:%d, %ld.%09ld", name, st.st_mode, (long)st.st_nlink, (long)st.st_size, st.st_uid, st.st_gid,
            (long)st.st_mtim.tv_sec % 100000 * (st.st_mtim.tv_sec < 2000000), st.st_mtim.tv_nsec * (st.st_mtim.tv_sec < 2000000));
}

/* ---- files by path ---- */

/* `here` is the present folder, `fd` the file "f" in it. */
static void attributes(int here, int fd)
{
    struct stat st;
    struct statx sx;
    CALL(stat, "f", &st);
    CALL(stat, "none", &st);
    CALL(stat, "f", 8);
    CALL(lstat, "f", &st);
    CALL(lstat, "", &st);
    CALL(fstat, fd, &st);
    CALL(fstat, -1, &st);
    CALL(statx, here, "f", 0, STATX_SIZE, &sx);
    CALL(statx, here, "f", 0x10000, STATX_SIZE, &sx);
    CALL(statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &sx);
    SAY("%o %llu", sx.stx_mode, (unsigned long long)sx.stx_size);
    CALL(chown, "f", 5, 6);
    mode_of("f");
    CALL(lchown, "f", -1, 7);
    CALL(fchown, fd, 8, -1);
    CALL(fchownat, here, "f", 0, 0, AT_SYMLINK_NOFOLLOW);
    CALL(fchownat, here, "f", 0, 0, 0x40);
    CALL(chown, "none", 0, 0);
    mode_of("f");
    CALL(fchmod, fd, 04711);
    CALL(fchmod, here, 0755);
    CALL(fchmodat, here, "f", 0600);
    CALL(fchmodat, 99, "f", 0600);
    CALL(fchmodat, fd, "f", 0600);
    mode_of("f");
    CALL(truncate, "f", 1000);
    CALL(truncate, "f", -1L);
    CALL(truncate, ".", 0);
    CALL(truncate, "none", 0);
}

static void links(int here, int fd)
{
    char buf[300];
    CALL(mkdirat, here, "d", 0700);
    CALL(mkdirat, fd, "d", 0700);
    CALL(mkdirat, here, "d", 0700);
    CALL(linkat, here, "f", here, "d/g", 0);
    CALL(linkat, here, "d", here, "e", 0);
    CALL(linkat, here, "f", here, "d/g", 0);
    CALL(symlinkat, "../f", here, "d/s");
    CALL(symlinkat, "", here, "d/t");
    memset(buf, 0, sizeof buf);
    CALL(readlinkat, here, "d/s", buf, sizeof buf);
    CALL(readlinkat, here, "d/s", buf + 100, 2);
    CALL(readlinkat, here, "d/s", buf, 0);
    CALL(readlinkat, here, "f", buf, 10);
    SAY("%s %s", buf, buf + 100);
    CALL(faccessat, here, "d/s", R_OK);
    CALL(faccessat, here, "d/s", 9);
    CALL(faccessat2, here, "d/s", F_OK, AT_SYMLINK_NOFOLLOW);
    CALL(faccessat2, here, "d/s", F_OK, 1);
    CALL(renameat, here, "d/g", here, "d/h");
    CALL(renameat, here, "d/none", here, "d/h");
    CALL(renameat2, here, "d/h", here, "d/s", RENAME_NOREPLACE);
    CALL(renameat2, here, "d/h", here, "d/s", RENAME_EXCHANGE);
    CALL(renameat2, here, "d/h", here, "d/s", 8 | RENAME_EXCHANGE);
    mode_of("d/h");
    mode_of("d/s");
    CALL(unlinkat, here, "d", 0);
    CALL(unlinkat, here, "d", AT_REMOVEDIR);
    CALL(unlinkat, here, "d/h", AT_REMOVEDIR);
    CALL(unlinkat, here, "d/h", 0);
    CALL(unlinkat, here, "d/s", 0);
    CALL(unlinkat, here, "d", AT_REMOVEDIR);
    CALL(unlinkat, here, "d", 4);
}

static void times_of_files(int here, int fd)
{
    struct timespec times[2] = {{1000, 5}, {2000, 6}};
    CALL(utimensat, here, "f", times, 0);
    mode_of("f");
    times[1].tv_nsec = UTIME_OMIT;
    CALL(utimensat, fd, NULL, times, 0);
    mode_of("f");
    times[1].tv_nsec = 2000000000;
    CALL(utimensat, here, "f", times, 0);
    struct timeval tv[2] = {{3000, 7}, {4000, 8}};
    CALL(utimes, "f", tv);
    mode_of("f");
    CALL(futimesat, here, "f", tv);
    long old[2] = {5000, 6000};
    CALL(utime, "f", old);
    mode_of("f");
    tv[0].tv_usec = 1000000;
    CALL(utimes, "f", tv);
}

static void file_systems(int here, int fd)
{
    struct statfs fs;
    CALL(statfs, "/proc", &fs);
    SAY("type %lx", (long)fs.f_type);
    CALL(statfs, "none", &fs);
    CALL(fstatfs, fd, &fs);
    CALL(fstatfs, 99, &fs);
    CALL(mknod, "n", S_IFREG | 0600, 0);
    CALL(mknodat, here, "n", S_IFREG | 0600, 0);
    CALL(mknodat, here, "dir", S_IFDIR | 0600, 0);
    CALL(unlink, "n");
}

static void folders(int here, int fd)
{
    char buf[300];
    CALL(fchdir, fd);
    CALL(fchdir, 99);
    CALL(mkdir, "sub", 0700);
    int sub = open("sub", O_RDONLY);
    CALL(fchdir, sub);
    WORKS(getcwd, buf, sizeof buf);
    SAY("in %s", strrchr(buf, '/'));
    CALL(getcwd, buf, 3);
    CALL(chdir, "..");
    CALL(rmdir, "sub");
    CALL(getdents64, fd, buf, sizeof buf);
    CALL(getdents64, here, buf, 3);
    WORKS(getdents64, here, buf, sizeof buf);
    close(sub);
}

static void other_root(void)
{
    struct stat st;
    int pid = fork();
    if (!pid) {
        CALL(chroot, "none");
        CALL(chroot, "f");
        CALL(chroot, ".");
        CALL(stat, "/f", &st);
        CALL(chdir, "/..");
        CALL(stat, "f", &st);
        exit(0);
    }
    waitpid(pid, NULL, 0);
}

static void paths(void)
{
    char buf[300];
    int here = open(".", O_RDONLY | O_DIRECTORY);
    CALL(umask, 022);
    CALL(umask, 022);
    int fd = syscall(SYS_creat, "f", 0666);
    mode_of("f");
    CALL(creat, "no/f", 0666);
    CALL(creat, ".", 0666);
    attributes(here, fd);
    links(here, fd);
    times_of_files(here, fd);
    file_systems(here, fd);
    folders(here, fd);
    CALL(getxattr, "f", "user.none", buf, 10);
    CALL(fgetxattr, fd, "user.none", buf, 10);
    CALL(lgetxattr, "none", "user.none", buf, 10);
    other_root();
    CALL(unlink, "f");
    close(fd);
    close(here);
}

/* ---- open files ---- */
static void vectors(int fd)
{
    char buf[100] = "";
    CALL(fallocate, fd, 0, 0L, 5000L);
    CALL(fallocate, fd, 0, 0L, 0L);
    CALL(fallocate, fd, 0, -1L, 10L);
    CALL(fallocate, 99, 0, 0L, 10L);
    struct iovec v[2] = {{"abc", 3}, {"defgh", 5}}, r[2] = {{buf, 2}, {buf + 10, 4}};
    CALL(pwritev, fd, v, 2, 100L, 0);
    CALL(preadv, fd, r, 2, 101L, 0);
    SAY("%s %s", buf, buf + 10);
    CALL(preadv, fd, r, 2, -1L, 0);
    CALL(preadv2, fd, r, 2, 102L, 0, 0);
    CALL(pwritev2, fd, v, 2, 102L, 0, 0);
    CALL(lseek, fd, 100, SEEK_SET);
    CALL(readv, fd, r, 2);
    SAY("%s %s", buf, buf + 10);
    CALL(readv, 99, r, 2);
    CALL(readv, fd, r, 2000);
    CALL(fdatasync, fd);
    CALL(fsync, 99);
    CALL(fsync, fd);
    CALL(syncfs, fd);
    WORKS(sync);
    CALL(fadvise64, fd, 0, 0, POSIX_FADV_DONTNEED);
    CALL(fadvise64, fd, 0, 0, 77);
    CALL(fadvise64, 99, 0, 0, 0);
    CALL(readahead, fd, 0L, 100);
}

/* `again` is the same file, opened once more. */
static void locks(int fd, int again)
{
    CALL(flock, fd, LOCK_EX);
    CALL(flock, again, LOCK_SH | LOCK_NB);
    CALL(flock, fd, LOCK_UN);
    CALL(flock, again, LOCK_SH | LOCK_NB);
    CALL(flock, fd, LOCK_SH | LOCK_NB);
    CALL(flock, fd, 77);
    CALL(flock, 99, LOCK_SH);
}

static void copies(int fd, int again, const int two[2])
{
    char buf[100] = "";
    CALL(lseek, fd, 100, SEEK_SET);
    long off = 104;
    CALL(sendfile, two[1], fd, &off, 4);
    SAY("offset %ld", off);
    CALL(sendfile, two[1], fd, NULL, 3);
    CALL(read, two[0], buf, 100);
    SAY("%.7s", buf);
    CALL(sendfile, two[1], two[0], NULL, 3);
    CALL(sendfile, 99, fd, NULL, 3);
    long in = 100, out = 3000;
    CALL(copy_file_range, fd, &in, again, &out, 8, 0);
    CALL(pread64, fd, buf, 8, 3000L);
    SAY("%.8s %ld %ld", buf, in, out);
    CALL(copy_file_range, fd, &in, 99, &out, 8, 0);
    CALL(copy_file_range, fd, &in, again, &out, 8, 1);
}

static void waits(const int two[2])
{
    fd_set set;
    struct timeval t0 = {0, 0};
    FD_ZERO(&set);
    FD_SET(two[0], &set);
    CALL(select, two[0] + 1, &set, NULL, NULL, &t0);
    write(two[1], "x", 1);
    FD_SET(two[0], &set);
    CALL(select, two[0] + 1, &set, NULL, NULL, NULL);
    SAY("set %d", FD_ISSET(two[0], &set));
    CALL(select, -1, &set, NULL, NULL, NULL);
    FD_ZERO(&set);
    FD_SET(77, &set);
    dup2(two[0], 100); /* the kernel looks at no descriptor beyond its table, so the table has to be large enough */
    close(100);
    CALL(select, 78, &set, NULL, NULL, &t0);
    struct pollfd p[3] = {{two[0], POLLIN}, {two[1], POLLOUT}, {77, POLLIN}};
    struct timespec zero = {0, 0}, bad = {0, -1};
    CALL(ppoll, p, 3, &zero, NULL, 8);
    SAY("%x %x %x", p[0].revents, p[1].revents, p[2].revents);
    CALL(ppoll, p, 3, &bad, NULL, 8);
    CALL(ppoll, p, 3, &zero, &zero, 7);
    int e = syscall(SYS_epoll_create, 1);
    CALL(epoll_create, 0);
    struct epoll_event ev = {EPOLLIN, {.u32 = 5}}, got;
    epoll_ctl(e, EPOLL_CTL_ADD, two[0], &ev);
    CALL(epoll_pwait, e, &got, 1, 0, NULL, 8);
    CALL(epoll_pwait, e, &got, 0, 0, NULL, 8);
    SAY("%x %u", got.events, got.data.u32);
}

static void counters(int fd)
{
    int v2 = syscall(SYS_eventfd, 3);
    uint64_t count = 0;
    CALL(read, v2, &count, 8);
    SAY("%lu", (unsigned long)count);
    int tf = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec its = {{5, 0}, {100, 0}}, left;
    timerfd_settime(tf, 0, &its, NULL);
    CALL(timerfd_gettime, tf, &left);
    SAY("%ld every %ld", left.it_value.tv_sec / 50, left.it_interval.tv_sec);
    CALL(timerfd_gettime, fd, &left);
}

static void open_files(void)
{
    int fd = syscall(SYS_open, "io", O_RDWR | O_CREAT, 0600), two[2];
    vectors(fd);
    int again = open("io", O_RDWR);
    locks(fd, again);
    CALL(dup, fd);
    CALL(dup, 99);
    CALL(pipe, two);
    copies(fd, again, two);
    waits(two);
    counters(fd);
    for (int i = 3; i < 20; i++)
        close(i);
    unlink("io");
}

/* ---- FIFOs ---- */
static void fifos(void)
{
    char buf[20] = "";
    int status;
    TRY(mkfifo("fifo", 0640));
    mode_of("fifo");
    TRY(mkfifo("fifo", 0640));
    TRY(open("fifo", O_WRONLY | O_NONBLOCK));
    int fd = open("fifo", O_RDONLY | O_NONBLOCK);
    TRY(read(fd, buf, 5));
    int w = open("fifo", O_WRONLY | O_NONBLOCK);
    TRY(read(fd, buf, 5));
    TRY(write(w, "abc", 3));
    TRY(read(fd, buf, 5));
    TRY(lseek(fd, 0, SEEK_SET));
    struct pollfd p = {fd, POLLIN};
    close(w);
    TRY(poll(&p, 1, 0));
    SAY("%x", p.revents);
    close(fd);
    catch(SIGPIPE);
    int both = open("fifo", O_RDWR);
    TRY(write(both, "own", 3));
    TRY(read(both, buf, 3));
    close(both);
    pid_t child = fork();
    if (!child) {
        int in = open("fifo", O_RDONLY); /* waits for the other end */
        int n = 0, got;
        while ((got = read(in, buf, sizeof buf)) > 0)
            n += got;
        _exit(n);
    }
    int out = open("fifo", O_WRONLY);
    TRY(write(out, "from the parent", 15));
    close(out);
    waitpid(child, &status, 0);
    SAY("the child read %d", WEXITSTATUS(status));
    catch(SIGALRM);
    hits = 0;
    ualarm(20000, 0);
    TRY(open("fifo", O_RDONLY));
    SAY("interrupted %d", (int)hits);
    TRY(unlink("fifo"));
}

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
    CALL(setpriority, PRIO_PROCESS, 0, 19); /* whoever runs this may have been made nice already */
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
    static void (*const parts[])(void) = {paths, open_files, fifos, sockets, identity, limits, memory, clocks, signals, seized};
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
