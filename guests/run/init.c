/* init.c - the first program in a guest of `bootreel run`: loads modules, makes the host's tree its root, runs a command, says how it ended, and
 * switches the machine off.
 *
 * It needs no C library and nothing of the root: it has to run under any kernel and over any tree. What it is to do is in /run.conf, strings that
 * end with a 0, each "key=value", in the order in which they are done.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guests/run/system.h"

enum { WORDS = 512, CONFIG = 128 << 10, NAME = 4096 };

struct job {
    char config[CONFIG];
    size_t size;
    const char *folder; /* where the command begins */
    const char *argument[WORDS + 1], *environment[WORDS + 1];
    unsigned narguments, nenvironment;
    bool terminal; /* the command has the console for all, as a person's shell */
    struct {
        uint16_t rows, columns, width, height;
    } size_of_terminal; /* 0: not known */
    long status;        /* the descriptor of the file that the host reads the exit status of, or -1 */
};

static struct job job;

/* ---------------------------------------------------------------- words */

static void say(const char *text)
{
    call3(SYS_WRITE, 2, (long)text, (long)length(text));
}

static void say_number(long n)
{
    char text[24], *p = text + sizeof text - 1;
    bool minus = n < 0;
    *p = 0;
    do
        *--p = (char)('0' + (minus ? -(n % 10) : n % 10));
    while (n /= 10);
    if (minus)
        *--p = '-';
    say(p);
}

static long complain(const char *what, const char *name, long error)
{
    say("bootreel run: ");
    say(what);
    say(" ");
    say(name);
    say(": error ");
    say_number(-error);
    say("\n");
    return error;
}

/* ---------------------------------------------------------------- files */

/* A folder and those above it; what is there already is no error. */
static void make_folders(const char *path)
{
    char part[NAME];
    for (size_t i = 0; path[i] && i < sizeof part - 1; i++) {
        part[i] = path[i];
        if (i && (path[i + 1] == '/' || !path[i + 1])) {
            part[i + 1] = 0;
            call2(SYS_MKDIR, (long)part, 0755);
        }
    }
}

/* "/newroot" and a path. */
static const char *below_root(char *to, const char *path)
{
    size_t n = put(to, 0, NAME, "/newroot");
    put(to, n, NAME, path[0] == '/' && !path[1] ? "" : path);
    return to;
}

static long mount(const char *source, const char *where, const char *type, const char *options)
{
    make_folders(where);
    return call5(SYS_MOUNT, (long)source, (long)where, (long)type, 0, (long)options);
}

/* `share`: "TAG:PATH". Without a cache each page of a program is read by a request, again and again; since nobody but this guest changes
 * the tree, it may keep all. */
static long mount_share(char *share)
{
    static const char options[] = "trans=virtio,version=9p2000.L,msize=262144,cache=loose";
    char where[NAME], *path = find(share, ':');
    if (!path)
        return complain("cannot read", share, -EINVAL);
    *path++ = 0;
    below_root(where, path);
    long rc = mount(share, where, "9p", options);
    return rc < 0 ? complain("cannot mount", share, rc) : 0;
}

static void load_module(const char *path)
{
    long fd = call3(SYS_OPEN, (long)path, O_RDONLY | O_CLOEXEC, 0);
    long rc = fd < 0 ? fd : call3(SYS_FINIT_MODULE, fd, (long)"", 0);
    if (rc < 0 && rc != -EEXIST)
        complain("cannot load", path, rc);
    if (fd >= 0)
        call1(SYS_CLOSE, fd);
}

/* What programs expect of a running system. The host's own /proc is an empty folder below the real one; a file in there is seen by nobody. */
static void mount_system(void)
{
    static const struct {
        const char *type, *where, *options;
    } systems[] = {
        {"proc", "/newroot/proc", ""},
        {"sysfs", "/newroot/sys", ""},
        {"devtmpfs", "/newroot/dev", "mode=0755"},
        {"devpts", "/newroot/dev/pts", "gid=5,mode=620,ptmxmode=666"},
        {"tmpfs", "/newroot/dev/shm", "mode=1777"},
        {"tmpfs", "/newroot/run", "mode=0755"},
        {"debugfs", "/newroot/sys/kernel/debug", ""},
        {"tracefs", "/newroot/sys/kernel/tracing", ""},
        {"cgroup2", "/newroot/sys/fs/cgroup", ""},
        {"bpf", "/newroot/sys/fs/bpf", ""},
    };
    make_folders("/newroot/proc");
    job.status = call3(SYS_OPEN, (long)"/newroot/proc/bootreel-status",
                       O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (job.status < 0)
        complain("cannot make", "the file for the exit status", job.status);
    for (unsigned i = 0; i < sizeof systems / sizeof systems[0]; i++)
        mount(systems[i].type, systems[i].where, systems[i].type, systems[i].options);
}

static void enter_root(void)
{
    call1(SYS_CHDIR, (long)"/newroot");
    call5(SYS_MOUNT, (long)".", (long)"/", 0, MS_MOVE, 0);
    call1(SYS_CHROOT, (long)".");
    call1(SYS_CHDIR, (long)"/");
    call2(SYS_SETHOSTNAME, (long)"bootreel", 8);
}

/* The loopback interface, which tests of networks use. */
static void start_loopback(void)
{
    struct {
        char name[16];
        short flags;
        char rest[22];
    } request = {.name = "lo"};
    long fd = call3(SYS_SOCKET, AF_INET, SOCK_DGRAM, 0);
    if (fd < 0)
        return;
    call3(SYS_IOCTL, fd, SIOCGIFFLAGS, (long)&request);
    request.flags |= IFF_UP;
    call3(SYS_IOCTL, fd, SIOCSIFFLAGS, (long)&request);
    call1(SYS_CLOSE, fd);
}

/* ---------------------------------------------------------------- the job */

static void add_word(const char **list, unsigned *n, const char *word)
{
    if (*n < WORDS)
        list[(*n)++] = word;
}

static uint16_t number_in(const char *text)
{
    unsigned n = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        n = n * 10 + (unsigned)(*text - '0');
    return (uint16_t)n;
}

static long take(char *line)
{
    char *value = find(line, '=');
    if (!value)
        return 0;
    *value++ = 0;
    if (same(line, "module"))
        load_module(value);
    else if (same(line, "root")) {
        long rc = mount_share(value);
        if (rc < 0)
            return rc;
        mount_system();
    } else if (same(line, "mount"))
        return mount_share(value);
    else if (same(line, "folder"))
        job.folder = value;
    else if (same(line, "environment"))
        add_word(job.environment, &job.nenvironment, value);
    else if (same(line, "argument"))
        add_word(job.argument, &job.narguments, value);
    else if (same(line, "terminal"))
        job.terminal = true;
    else if (same(line, "rows"))
        job.size_of_terminal.rows = number_in(value);
    else if (same(line, "columns"))
        job.size_of_terminal.columns = number_in(value);
    return 0;
}

static long read_job(void)
{
    long fd = call3(SYS_OPEN, (long)"/run.conf", O_RDONLY | O_CLOEXEC, 0), n = 1;
    while (fd >= 0 && n > 0 && job.size < CONFIG - 1) {
        n = call3(SYS_READ, fd, (long)(job.config + job.size), (long)(CONFIG - 1 - job.size));
        job.size += n > 0 ? (size_t)n : 0;
    }
    for (size_t at = 0; at < job.size;) {
        char *line = job.config + at;
        at += length(line) + 1;
        long rc = take(line);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---------------------------------------------------------------- the command */

/* A device for a descriptor; the console where there is no such device. */
static long open_as(int want, const char *device, int flags)
{
    long fd = call3(SYS_OPEN, (long)device, flags, 0);
    if (fd < 0)
        fd = call3(SYS_OPEN, (long)"/dev/console", flags, 0);
    if (fd >= 0 && want >= 0 && fd != want) {
        call2(SYS_DUP2, fd, want);
        call1(SYS_CLOSE, fd);
        return want;
    }
    return fd;
}

/* What a program prints goes to the host as it is, not with a return before each end of a line. */
static long open_port(const char *device)
{
    struct {
        uint32_t input, output, control, local;
        uint8_t line, characters[19];
    } settings;
    long fd = open_as(-1, device, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (call3(SYS_IOCTL, fd, TCGETS, (long)&settings) >= 0) {
        settings.output &= ~OPOST;
        settings.local &= ~ECHO;
        call3(SYS_IOCTL, fd, TCSETS, (long)&settings);
    }
    return fd;
}

static void open_terminal(void)
{
    call0(SYS_SETSID);
    open_as(0, "/dev/ttyS0", O_RDWR);
    call3(SYS_IOCTL, 0, TIOCSCTTY, 1);
    call3(SYS_IOCTL, 0, TIOCSWINSZ, (long)&job.size_of_terminal);
    call2(SYS_DUP2, 0, 1);
    call2(SYS_DUP2, 0, 2);
}

/* The command's outputs are pipes, since a port would be a terminal for it; what comes out of them goes to a port each. */
struct stream {
    int pipe[2];
    long port;
};
static struct stream streams[2];

static void make_streams(void)
{
    static const char *const ports[] = {"/dev/ttyS1", "/dev/ttyS2"};
    for (unsigned i = 0; i < 2; i++) {
        call2(SYS_PIPE2, (long)streams[i].pipe, O_CLOEXEC);
        call3(SYS_FCNTL, streams[i].pipe[0], F_SETFL, O_NONBLOCK);
        streams[i].port = open_port(ports[i]);
    }
}

static void open_outputs(void)
{
    call0(SYS_SETSID);
    open_as(0, "/dev/null", O_RDONLY | O_NOCTTY);
    call2(SYS_DUP2, streams[0].pipe[1], 1);
    call2(SYS_DUP2, streams[1].pipe[1], 2);
}

/* Moves what a pipe has. False at its end, when nobody can write to it any more. */
static bool move_output(const struct stream *s)
{
    char part[4096];
    for (;;) {
        long n = call3(SYS_READ, s->pipe[0], (long)part, sizeof part);
        if (n <= 0 && n != -EINTR)
            return n == -EAGAIN;
        for (long done = 0, m; done<n; done += m> 0 ? m : 0)
            if ((m = call3(SYS_WRITE, s->port, (long)(part + done), n - done)) <= 0 && m != -EINTR)
                return false;
    }
}

/* A script without "#!" is the shell's, as any shell has it. */
static long execute(const char *path)
{
    const char *shell[WORDS + 2] = {"/bin/sh", path};
    long rc = call3(SYS_EXECVE, (long)path, (long)job.argument, (long)job.environment);
    if (rc != -ENOEXEC)
        return rc;
    for (unsigned i = 1; i < job.narguments; i++)
        shell[i + 1] = job.argument[i];
    return call3(SYS_EXECVE, (long)shell[0], (long)shell, (long)job.environment);
}

/* Along the PATH, where the name has no slash. */
static long search(const char *name)
{
    static const char *const folders[] = {"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/",
                                          "/usr/bin/",        "/sbin/",          "/bin/"};
    char path[NAME];
    long why = -ENOENT;
    if (find((char *)name, '/'))
        return execute(name);
    for (unsigned i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        put(path, put(path, 0, NAME, folders[i]), NAME, name);
        long rc = execute(path);
        if (rc != -ENOENT)
            why = rc;
    }
    return why;
}

static void set_mask(int how)
{
    uint64_t set = 1ull << (SIGCHLD - 1);
    call4(SYS_RT_SIGPROCMASK, how, (long)&set, 0, sizeof set);
}

static void run_command(void)
{
    long rc;
    set_mask(SIG_UNBLOCK);
    if (job.terminal)
        open_terminal();
    else
        open_outputs();
    if (job.folder && (rc = call1(SYS_CHDIR, (long)job.folder)) < 0)
        complain("cannot enter", job.folder, rc);
    if (!job.narguments) { /* a shell: the first one that there is */
        job.argument[0] = "-bash";
        execute("/bin/bash");
        job.argument[0] = "-sh";
        rc = execute("/bin/sh");
    } else
        rc = search(job.argument[0]);
    complain("cannot run", job.narguments ? job.argument[0] : "/bin/sh", rc);
    call1(SYS_EXIT, rc == -ENOENT ? 127 : 126);
}

/* Reaps who has ended: the command, and what was left to this process. True once the command has, with its status as a shell has it. */
static bool reap(long child, int *result)
{
    int status;
    for (long pid; (pid = call4(SYS_WAIT4, -1, (long)&status, WNOHANG, 0)) > 0;)
        if (pid == child) {
            *result = status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff;
            return true;
        }
    return false;
}

/* Waits for the command, and moves its output meanwhile. What it has left running may print on; nobody waits for that. */
static int wait_for(long child)
{
    struct {
        int fd;
        short events, seen;
    } wait[3] = {{-1, POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}};
    uint64_t set = 1ull << (SIGCHLD - 1);
    uint8_t signal[128];
    int status = 0;
    wait[2].fd = (int)call4(SYS_SIGNALFD4, -1, (long)&set, sizeof set, O_NONBLOCK | O_CLOEXEC);
    for (unsigned i = 0; i < 2 && !job.terminal; i++) {
        wait[i].fd = streams[i].pipe[0];
        call1(SYS_CLOSE, streams[i].pipe[1]);
    }
    for (bool over = false; !over;) {
        call3(SYS_POLL, (long)wait, 3, -1);
        call3(SYS_READ, wait[2].fd, (long)signal, sizeof signal);
        over = reap(child, &status);
        for (unsigned i = 0; i < 2; i++)
            if (wait[i].fd >= 0 && (over || wait[i].seen) && !move_output(&streams[i]))
                wait[i].fd = -1;
    }
    return status;
}

static void report(int status)
{
    char text[8] = {0};
    unsigned n = 0;
    for (int part = 100; part; part /= 10)
        if (status >= part || part == 1)
            text[n++] = (char)('0' + status / part % 10);
    text[n++] = '\n';
    if (job.status < 0)
        return;
    call3(SYS_WRITE, job.status, (long)text, n);
    call1(SYS_FSYNC, job.status);
    call1(SYS_CLOSE, job.status);
}

static void switch_off(void)
{
    call0(SYS_SYNC);
    call4(SYS_REBOOT, (int)REBOOT_MAGIC1, REBOOT_MAGIC2, REBOOT_POWER_OFF, 0);
    call4(SYS_REBOOT, (int)REBOOT_MAGIC1, REBOOT_MAGIC2, REBOOT_HALT, 0);
}

__attribute__((noreturn)) void init_main(void);
void init_main(void)
{
    job.status = -1;
    if (read_job() < 0) {
        switch_off();
    } else {
        enter_root();
        start_loopback();
        if (!job.terminal)
            make_streams();
        set_mask(SIG_BLOCK);
        long child = call0(SYS_FORK);
        if (!child)
            run_command();
        report(wait_for(child));
        switch_off();
    }
    for (;;)
        call0(SYS_PAUSE);
}
