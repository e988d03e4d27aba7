/* proc.c - /proc: proc(5), as much as programs need. A file's content is made when it is looked up. */
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "uml/calls.h"
#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

enum { LINK_EXE = 1, LINK_CWD, LINK_ROOT, LINK_SELF, LINK_THREAD_SELF, LINK_FD = 0x10000, FD_NAMES = FD_MAX };

struct text {
    struct host *h;
    ref inode;
    uint64_t n;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *x, const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    size_t len = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    int64_t done = inode_write(x->h, (struct inode *)at(x->h, x->inode), x->n, line, len);
    x->n += done > 0 ? (uint64_t)done : 0;
}

/* ---------------------------------------------------------------- the system */

static void cpuinfo(struct text *x, struct task *of)
{
    add(x,
        "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel name\t: bootreel\ncpu MHz\t\t: 1000.000\n");
    add(x,
        "fpu\t\t: yes\nflags\t\t: fpu de pse tsc msr pae mce cx8 sep cmov pat clflush mmx fxsr sse sse2 syscall nx lm "
        "pni ssse3 cx16 sse4_1 sse4_2 popcnt\n");
    add(x, "bogomips\t: 2000.00\nclflush size\t: 64\ncache_alignment\t: 64\n\n");
}

static void meminfo(struct text *x, struct task *of)
{
    uint64_t all = x->h->nframes * 4, free = all - x->h->r.frames_used * 4ull;
    add(x,
        "MemTotal:       %8llu kB\nMemFree:        %8llu kB\nMemAvailable:   %8llu kB\nBuffers:               0 kB\n",
        (unsigned long long)all, (unsigned long long)free, (unsigned long long)free);
    add(x, "Cached:                0 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n");
}

static void mounts(struct text *x, struct task *of)
{
    add(x, "rootfs / rootfs rw 0 0\nproc /proc proc rw 0 0\ntmpfs /dev/shm tmpfs rw 0 0\n");
}

static void uptime(struct text *x, struct task *of)
{
    uint64_t cs = now(x->h) / 10000000;
    add(x, "%llu.%02llu %llu.%02llu\n", (unsigned long long)cs / 100, (unsigned long long)cs % 100,
        (unsigned long long)(x->h->r.skipped / 1000000000),
        (unsigned long long)(x->h->r.skipped / 10000000 % 100));
}

static void system_stat(struct text *x, struct task *of)
{
    uint64_t user = x->h->r.icount / 10000000, idle = x->h->r.skipped / 10000000;
    add(x, "cpu  %llu 0 0 %llu 0 0 0 0 0 0\ncpu0 %llu 0 0 %llu 0 0 0 0 0 0\nbtime %llu\nprocesses %u\n",
        (unsigned long long)user, (unsigned long long)idle, (unsigned long long)user,
        (unsigned long long)idle, (unsigned long long)(x->h->r.boot / 1000000000), x->h->r.next_pid - 1000);
}

static void version(struct text *x, struct task *of)
{
    add(x, "Linux version 6.1.0 (bootreel) #1 SMP\n");
}

static void loadavg(struct text *x, struct task *of)
{
    add(x, "0.00 0.00 0.00 1/1 %u\n", x->h->r.next_pid - 1);
}

static void filesystems(struct text *x, struct task *of)
{
    add(x, "nodev\tproc\nnodev\ttmpfs\n");
}

/* ---------------------------------------------------------------- one process */

static void maps(struct text *x, struct task *t)
{
    struct host *h = x->h;
    for (ref r = t->mm ? MM(t->mm)->areas : 0; r; r = AREA(r)->next) {
        const struct area *a = AREA(r);
        char path[512] = "";
        bool file = a->inode && !(a->flags & AREA_VDSO);
        if (file && !path_of(h, a->inode, path, sizeof path))
            snprintf(path, sizeof path, "/dev/zero (deleted)");
        if (a->flags & AREA_STACK)
            strcpy(path, "[stack]");
        else if (a->flags & AREA_HEAP)
            strcpy(path, "[heap]");
        else if (a->flags & AREA_VDSO)
            strcpy(path, "[vdso]");
        char line[80];
        int n = snprintf(line, sizeof line, "%08llx-%08llx %c%c%c%c %08llx %s %llu ",
                         (unsigned long long)a->start, (unsigned long long)a->end,
                         a->prot & PROT_READ ? 'r' : '-', a->prot & PROT_WRITE ? 'w' : '-',
                         a->prot & PROT_EXEC ? 'x' : '-', a->flags & AREA_SHARED ? 's' : 'p',
                         (unsigned long long)(file ? a->offset : 0), file ? "08:01" : "00:00",
                         file ? (unsigned long long)INODE(a->inode)->number : 0ull);
        if (*path)
            add(x, "%s%*s%s\n", line, n < 73 ? 73 - n : 0, "", path);
        else
            add(x, "%s\n", line);
    }
    if (t->mm)
        add(x, "%llx-%llx --xp 00000000 00:00 0                  [vsyscall]\n", VSYSCALL, VSYSCALL + PAGE);
}

static char state_of(const struct task *t)
{
    static const char letters[] = "RSTtZ";
    return letters[t->state];
}

static uint64_t mapped(struct host *h, const struct task *t)
{
    uint64_t n = 0;
    for (ref r = t->mm ? MM(t->mm)->areas : 0; r; r = AREA(r)->next)
        n += AREA(r)->end - AREA(r)->start;
    return n;
}

static void pid_stat(struct text *x, struct task *t)
{
    struct host *h = x->h;
    const struct group *g = GROUP(t->group);
    add(x, "%d (%s) %c %d %d %d 0 -1 0 0 0 0 0 %llu 0 %llu 0 20 0 %u 0 %llu %llu %u", t->pid, t->name,
        state_of(t), g->parent ? GROUP(g->parent)->pid : 1, g->pgid, g->sid,
        (unsigned long long)group_steps(h, g) / 10000000, (unsigned long long)g->child_steps / 10000000,
        g->threads, (unsigned long long)g->begun / 10000000, (unsigned long long)mapped(h, t),
        t->mm ? MM(t->mm)->pages : 0);
    add(x, " 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
}

static void pid_status(struct text *x, struct task *t)
{
    static const char *const words[] = {"R (running)", "S (sleeping)", "T (stopped)", "t (tracing stop)",
                                        "Z (zombie)"};
    struct host *h = x->h;
    const struct group *g = GROUP(t->group);
    add(x, "Name:\t%s\nUmask:\t0022\nState:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n",
        t->name, words[t->state], g->pid, t->pid, g->parent ? GROUP(g->parent)->pid : 1,
        t->tracer ? TASK(t->tracer)->pid : 0);
    add(x,
        "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t64\nVmSize:\t%8llu kB\nVmRSS:\t%8u kB\nThreads:\t%u\n",
        g->ids[0][0], g->ids[0][1], g->ids[0][2], g->ids[0][3], g->ids[1][0], g->ids[1][1], g->ids[1][2],
        g->ids[1][3], (unsigned long long)mapped(h, t) / 1024, t->mm ? MM(t->mm)->pages * 4 : 0, g->threads);
    add(x, "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\n", (unsigned long long)t->pending.set,
        (unsigned long long)g->pending.set, (unsigned long long)t->mask);
}

static void bytes_of(struct text *x, struct task *t, uint64_t from, uint64_t end)
{
    char part[512];
    for (uint64_t a = from; t->mm && a < end;) {
        size_t n = end - a < sizeof part ? (size_t)(end - a) : sizeof part,
               got = user_peek(x->h, (struct mm *)at(x->h, t->mm), a, part, n);
        inode_write(x->h, (struct inode *)at(x->h, x->inode), x->n, part, got);
        x->n += got;
        a += got;
        if (!got)
            break;
    }
}

static void cmdline(struct text *x, struct task *t)
{
    const struct mm *m = t->mm ? (struct mm *)at(x->h, t->mm) : NULL;
    if (m)
        bytes_of(x, t, m->arg_start, m->arg_end);
}
static void environ_(struct text *x, struct task *t)
{
    const struct mm *m = t->mm ? (struct mm *)at(x->h, t->mm) : NULL;
    if (m)
        bytes_of(x, t, m->env_start, m->env_end);
}
static void auxv(struct text *x, struct task *t)
{
    const struct mm *m = t->mm ? (struct mm *)at(x->h, t->mm) : NULL;
    if (m)
        inode_write(x->h, (struct inode *)at(x->h, x->inode), 0, m->auxv, m->nauxv * 8);
}
static void comm(struct text *x, struct task *t)
{
    add(x, "%s\n", t->name);
}

struct row {
    const char *name;
    void (*make)(struct text *, struct task *);
    unsigned link; /* LINK_…, or 0 */
    enum inode_kind folder;
};

static const struct row system_rows[] = {
    {"cpuinfo", cpuinfo, 0, 0},   {"meminfo", meminfo, 0, 0},
    {"mounts", mounts, 0, 0},     {"uptime", uptime, 0, 0},
    {"stat", system_stat, 0, 0},  {"version", version, 0, 0},
    {"loadavg", loadavg, 0, 0},   {"filesystems", filesystems, 0, 0},
    {"self", NULL, LINK_SELF, 0}, {"thread-self", NULL, LINK_THREAD_SELF, 0}};
static const struct row process_rows[] = {
    {"maps", maps, 0, 0},       {"stat", pid_stat, 0, 0},     {"status", pid_status, 0, 0},
    {"cmdline", cmdline, 0, 0}, {"environ", environ_, 0, 0},  {"auxv", auxv, 0, 0},
    {"comm", comm, 0, 0},       {"mounts", mounts, 0, 0},     {"exe", NULL, LINK_EXE, 0},
    {"cwd", NULL, LINK_CWD, 0}, {"root", NULL, LINK_ROOT, 0}, {"fd", NULL, 0, INODE_PROC_FD}};
enum {
    SYSTEM_ROWS = sizeof system_rows / sizeof system_rows[0],
    PROCESS_ROWS = sizeof process_rows / sizeof process_rows[0]
};

/* ---------------------------------------------------------------- looking up */

static int64_t special(struct host *h, enum inode_kind kind, uint32_t mode, int pid, uint32_t what,
                       ref parent)
{
    ref r = inode_new(h, kind, mode);
    if (!r)
        return -ENOMEM;
    INODE(r)->pid = pid;
    INODE(r)->device = what;
    INODE(r)->parent = parent;
    return r;
}

static int64_t make_file(struct host *h, const struct row *row, struct task *of)
{
    ref r = inode_new(h, INODE_FILE, S_IFREG | 0444);
    struct text x = {h, r, 0};
    if (!r)
        return -ENOMEM;
    row->make(&x, of);
    return r;
}

static int64_t open_row(struct host *h, const struct row *rows, size_t n, const char *name, struct task *of,
                        ref dir)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i].name, name))
            continue;
        int pid = of ? of->pid : 0;
        if (rows[i].folder)
            return special(h, rows[i].folder, S_IFDIR | 0500, pid, 0, dir);
        if (rows[i].link)
            return special(h, INODE_PROC_LINK, S_IFLNK | 0777, pid, rows[i].link, dir);
        return make_file(h, &rows[i], of);
    }
    return -ENOENT;
}

/* A decimal number, or -1. */
static int number_of(const char *s)
{
    char *end;
    if (*s < '0' || *s > '9')
        return -1;
    unsigned long n = strtoul(s, &end, 10);
    return *end || n > INT32_MAX ? -1 : (int)n;
}

/* /proc is never freed, and other folders are held by who walks through them; /proc/N is found by its number. */
int64_t proc_lookup(struct host *h, struct task *t, struct inode *dir, const char *name)
{
    int n = number_of(name);
    struct task *of = dir->kind == INODE_PROC ? task_find(h, n) : task_find(h, dir->pid);
    if (dir->kind == INODE_PROC) {
        if (n > 0)
            return of ? special(h, INODE_PROC_PID, S_IFDIR | 0555, n, 0, ref_of(h, dir)) : -ENOENT;
        return open_row(h, system_rows, SYSTEM_ROWS, name, t, 0);
    }
    if (!of)
        return -ENOENT;
    if (dir->kind == INODE_PROC_PID)
        return open_row(h, process_rows, PROCESS_ROWS, name, of, 0);
    if (dir->kind != INODE_PROC_FD || n < 0 || !fd_file(h, of, n))
        return -ENOENT;
    return special(h, INODE_PROC_LINK, S_IFLNK | 0700, of->pid, LINK_FD + (uint32_t)n, 0);
}

static size_t fd_target(struct host *h, struct task *of, int fd, char *buf, size_t size)
{
    static const char *const words[INODE_KINDS] = {[INODE_PIPE] = "pipe",
                                                   [INODE_SOCKET] = "socket",
                                                   [INODE_EPOLL] = "anon_inode:[eventpoll]",
                                                   [INODE_EVENT] = "anon_inode:[eventfd]",
                                                   [INODE_TIMER] = "anon_inode:[timerfd]",
                                                   [INODE_SIGNAL] = "anon_inode:[signalfd]"};
    const struct file *f = fd_file(h, of, fd);
    if (!f)
        return 0;
    const struct inode *i = INODE(f->inode);
    if (i->kind == INODE_PIPE || i->kind == INODE_SOCKET)
        return (size_t)snprintf(buf, size, "%s:[%llu]", words[i->kind], (unsigned long long)i->number);
    if (words[i->kind])
        return (size_t)snprintf(buf, size, "%s", words[i->kind]);
    size_t n = path_of(h, f->inode, buf, size);
    return n ? n : (size_t)snprintf(buf, size, "/(deleted)");
}

size_t proc_link(struct host *h, struct task *t, const struct inode *i, char *buf, size_t size)
{
    struct task *of = task_find(h, i->pid);
    if (i->device == LINK_SELF)
        return t ? (size_t)snprintf(buf, size, "%d", GROUP(t->group)->pid) : 0;
    if (i->device == LINK_THREAD_SELF)
        return t ? (size_t)snprintf(buf, size, "%d/task/%d", GROUP(t->group)->pid, t->pid) : 0;
    if (!of || !of->mm)
        return 0;
    if (i->device >= LINK_FD)
        return fd_target(h, of, (int)(i->device - LINK_FD), buf, size);
    const struct folder_state *fs = at(h, of->folders);
    ref to = i->device == LINK_EXE ? MM(of->mm)->program : i->device == LINK_CWD ? fs->cwd : fs->root;
    return path_of(h, to, buf, size);
}

size_t proc_name(struct host *h, const struct inode *dir, uint64_t i, char *name, uint32_t *mode)
{
    const struct row *rows = dir->kind == INODE_PROC ? system_rows : process_rows;
    uint64_t n = dir->kind == INODE_PROC ? SYSTEM_ROWS : dir->kind == INODE_PROC_PID ? PROCESS_ROWS : 0;
    if (i < n) {
        *mode = rows[i].folder ? S_IFDIR : rows[i].link ? S_IFLNK : S_IFREG;
        return strlen(strcpy(name, rows[i].name));
    }
    i -= n;
    struct task *of = dir->kind == INODE_PROC_FD ? task_find(h, dir->pid) : NULL;
    for (unsigned fd = 0; of && fd < FD_MAX; fd++)
        if (fd_file(h, of, (int)fd) && !i--) {
            *mode = S_IFLNK;
            return (size_t)sprintf(name, "%u", fd);
        }
    for (ref r = dir->kind == INODE_PROC ? h->r.groups : 0; r; r = GROUP(r)->next)
        if (!i--) {
            *mode = S_IFDIR;
            return (size_t)sprintf(name, "%d", GROUP(r)->pid);
        }
    return 0;
}
