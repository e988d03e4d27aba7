/* host_files.c - the part of host_rest.c that is about files. */
#include "host_rest.h"

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

/* A file that is made through links to where none is yet. */
static void dangling(int here)
{
    CALL(mkdirat, here, "far", 0700);
    CALL(symlinkat, "far/made", here, "once");
    CALL(symlinkat, "once", here, "twice");
    CALL(symlinkat, "nowhere/made", here, "deep");
    CALL(openat, here, "twice", O_WRONLY | O_CREAT | O_EXCL, 0640);
    CALL(openat, here, "twice", O_WRONLY | O_CREAT | O_NOFOLLOW, 0640);
    CALL(openat, here, "deep", O_WRONLY | O_CREAT, 0640);
    CALL(openat, here, "new/", O_WRONLY | O_CREAT, 0640);
    mode_of("far/made");
    CALL(openat, here, "twice", O_WRONLY | O_CREAT, 0640);
    mode_of("far/made");
    mode_of("once");
    CALL(unlink, "once");
    CALL(unlink, "once");
    CALL(unlink, "twice");
    CALL(unlink, "deep");
    CALL(unlink, "far/made");
    CALL(rmdir, "far");
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

void paths(void)
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
    dangling(here);
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

void open_files(void)
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
void fifos(void)
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
