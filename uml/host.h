/* host.h - inside the deterministic host: its objects and the functions between its files. Private to uml/.
 *
 * State. All objects (tasks, address spaces, files, pipes …) lie in one block of memory, the arena, and refer
 * to each other by offsets (`ref`, 0 is none). The arena is a region of snapshots, as the programs' memory is:
 * saving, loading and hashing the host are copies of pages. A few numbers are in `struct root`, which has a
 * field table. Pointers to objects are only used while the host works between two steps.
 *
 * Blocking. A call that cannot finish returns wait_for(); its handler is called again, with the same
 * arguments, when the task is woken. What it has done so far is in the task (`progress`). */
#ifndef BOOTREEL_UML_HOST_H
#define BOOTREEL_UML_HOST_H

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "core/engine/engine.h"
#include "hv/x86/base.h"
#include "hv/x86/x86.h"

enum { PAGE = 4096 };
typedef uint32_t ref;
struct host;

/* The task's call blocks: returned by handlers, never seen by programs. */
enum { BLOCKS = -10000 };

/* ---------------------------------------------------------------- the numbers outside of the arena */

enum { SIZE_CLASSES = 8, NO_TIME = 0 };
struct root {
    uint64_t icount, skipped;
    uint64_t boot;   /* wall clock at guest time 0: ns since 1970 */
    uint64_t random; /* of getrandom() and AT_RANDOM */
    uint32_t turn_left;
    uint8_t live;   /* the current task's registers are those in the processor, not those in the task */
    uint8_t ended;  /* the first process, or every one, has exited */
    int32_t status; /* of the first process: a wait status */
    ref current;    /* the task whose registers are in the processor */
    ref run_first, run_last;
    ref tasks, groups;
    uint32_t next_pid, next_inode, next_pty;
    ref timers;
    ref sockets;  /* with abstract names or ports */
    ref segments; /* System V shared memory */
    uint32_t next_segment;
    ref folder;   /* "/" */
    ref terminal; /* the console */
    uint32_t free_list[SIZE_CLASSES], arena_top;
    uint32_t frame_free, frame_top, frames_used;
    uint64_t calls, calls_missing;
    ref vdso; /* the file of the shared object in every program; 0 before behaviour 6 */
};

/* ---------------------------------------------------------------- objects */

/* Something that one can wait for: readable, writable, gone. */
struct source {
    uint32_t seq; /* counts what happened, for edge-triggered polling */
    ref async;    /* files with O_ASYNC */
};

enum { NSIG_HOST = 64, INFO_SIZE = 128 };
/* siginfo_t as programs see it. */
struct info {
    int32_t signo, error, code, pad;
    union {
        struct {
            int32_t pid, uid;
            union {
                uint64_t value;
                int32_t status;
            };
        };
        struct {
            int32_t timer, overrun;
            uint64_t timer_value;
        };
        struct {
            uint64_t address;
        };
        struct {
            int64_t band;
            int32_t fd;
        };
        uint8_t rest[INFO_SIZE - 16];
    };
};

struct queued {
    ref next;
    uint32_t timer; /* of a POSIX timer: ref, so that it is queued once */
    struct info info;
};

struct pending {
    uint64_t set;
    ref first;
};

/* As rt_sigaction() has it. */
struct action {
    uint64_t handler, flags, restorer, mask;
};
enum {
    ACTION_NOCLDSTOP = 1,
    ACTION_NOCLDWAIT = 2,
    ACTION_SIGINFO = 4,
    ACTION_ONSTACK = 0x08000000,
    ACTION_RESTART = 0x10000000,
    ACTION_NODEFER = 0x40000000,
    ACTION_RESTORER = 0x04000000
};
#define ACTION_RESETHAND 0x80000000u

struct actions { /* shared with CLONE_SIGHAND */
    uint32_t refs;
    struct action a[NSIG_HOST];
};

struct folder_state { /* CLONE_FS */
    uint32_t refs, umask;
    ref cwd, root;
};

enum { FD_CHUNK = 512, FD_CHUNKS = 8, FD_MAX = FD_CHUNK * FD_CHUNKS };
struct fd_entry {
    ref file;
    uint32_t cloexec;
};
struct files {
    uint32_t refs;
    uint32_t room; /* descriptors that Linux would have a table for: select() looks at no others */
    ref chunk[FD_CHUNKS];
};

struct timer {
    ref next;        /* of all timers that are set, by time */
    ref group_next;  /* of the process */
    ref group, task; /* to whom */
    uint32_t id, clock, signal, notify;
    uint64_t value;
    uint64_t due, interval; /* ns of CLOCK_MONOTONIC; due 0: not set */
    uint64_t overrun, last_overrun;
    uint32_t queued; /* its signal is pending */
    uint32_t real;   /* ITIMER_REAL */
    ref file;        /* of a timerfd */
};

/* In steps of the process; due 0: it is not set. */
struct cpu_timer {
    uint64_t due, interval;
};

enum id_kind { ID_USER, ID_GROUP, ID_KINDS };
enum { ID_REAL, ID_EFFECTIVE, ID_SAVED, ID_FILES, ID_COUNT };
enum { LIMITS = 16 };
/* A process: what its threads share. */
struct group {
    ref next; /* of all */
    int32_t pid, pgid, sid;
    ref leader, parent; /* parent: a group; 0: none */
    struct pending pending;
    uint32_t threads;
    int32_t exit_status; /* a wait status */
    int32_t exit_signal; /* sent to the parent */
    int32_t stop_signal; /* why it is stopped, or 0 */
    uint8_t exiting, stopped, zombie, stop_reported, continued, subreaper, exec_done, reaped;
    ref timers, real_timer;
    struct cpu_timer cpu_timer[2]; /* ITIMER_VIRTUAL and ITIMER_PROF */
    uint32_t next_timer;
    ref terminal;
    uint64_t limit[LIMITS][2];
    uint64_t user_steps, child_steps, begun;
    uint32_t ids[ID_KINDS][ID_COUNT];
    int32_t nice;
    uint32_t personality, dumpable;
    ref exec_waiter; /* a thread that executes and waits for the others to go */
};

enum task_state { TASK_READY, TASK_WAITS, TASK_STOPPED, TASK_TRACED, TASK_ZOMBIE };
enum trace_mode { TRACE_CONT, TRACE_CALL, TRACE_EMULATE };
enum call_state { CALL_NONE, CALL_ENTERING, CALL_RUNS, CALL_LEAVING, CALL_SKIPPED };

struct task {
    ref next; /* of all */
    ref run_next;
    uint32_t queued; /* in the run queue */
    int32_t pid;
    ref group, mm, files, folders, actions;
    uint32_t state;
    struct x86_user u;
    uint8_t fx[X86_FX_SIZE];
    /* signals */
    uint64_t mask, saved_mask;
    uint32_t mask_saved;
    struct pending pending;
    uint64_t alt_base, alt_size;
    uint32_t alt_flags;
    /* the call in progress */
    uint32_t call;  /* enum call_state */
    int64_t number; /* orig_rax; -1: none */
    uint64_t arg[6];
    uint64_t wait_key;    /* what wakes it */
    uint64_t deadline;    /* CLOCK_MONOTONIC, ns; UINT64_MAX: none */
    uint64_t progress;    /* what the handler has done so far */
    uint64_t restart;     /* deadline of an interrupted sleep */
    uint32_t again;       /* the handler is called again */
    uint32_t woken;       /* by what it waited for (not by a signal or the time) */
    ref opening;          /* the file that open() waits for the other end of */
    uint32_t interrupted; /* 0, or how the call that a signal interrupted is restarted */
    /* tracing */
    ref tracer; /* a task */
    uint32_t trace_mode, trace_step, trace_options, trace_new;
    uint32_t trace_signal;  /* the signal that it stopped with; the one to be delivered */
    uint32_t trace_status;  /* to be reported by wait4(), or 0 */
    uint32_t trace_resumed; /* it was resumed with trace_signal */
    uint32_t trace_seized, trace_interrupt, trace_listen; /* PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_LISTEN */
    uint64_t trace_message;
    struct info trace_info;
    /* life */
    int32_t exit_code; /* a wait status */
    ref vfork_parent;  /* it waits until this one executes or exits */
    uint64_t clear_tid, robust;
    char name[16];
    uint32_t futex_mask;
    uint32_t policy, priority, death_signal;
    uint64_t steps;
    uint32_t dying;                                 /* SIGKILL, exit_group */
    uint64_t trap_number, trap_error, trap_address; /* of the last exception, for signal frames */
    uint64_t debug[8];                              /* breakpoints that a tracer has set: DR0-3, 6, 7 */
    uint64_t begun;
    uint8_t ymm[X86_YMM_SIZE]; /* the upper halves, beside fx; 0 in models without AVX */
};

struct area { /* a mapping */
    ref next;
    uint32_t prot, flags;
    uint64_t start, end;
    ref inode;
    uint32_t pad;
    uint64_t offset; /* bytes */
};
enum {
    AREA_SHARED = 1,
    AREA_GROWS = 2,
    AREA_STACK = 4,
    AREA_HEAP = 8,
    AREA_NORESERVE = 16,
    AREA_WIPE = 32,
    AREA_NOFORK = 64,
    AREA_VDSO = 128
};

struct mm {
    uint32_t refs;
    ref areas;
    uint64_t root; /* physical address of the page tables */
    uint64_t brk_start, brk, stack_top, code_start, code_end, arg_start, arg_end, env_start, env_end;
    ref program; /* inode */
    uint32_t pages;
    uint64_t auxv[64];
    uint32_t nauxv;
};

enum inode_kind {
    INODE_FILE,
    INODE_FOLDER,
    INODE_LINK,
    INODE_PIPE,
    INODE_SOCKET,
    INODE_DEVICE,
    INODE_EPOLL,
    INODE_EVENT,
    INODE_TIMER,
    INODE_SIGNAL,
    INODE_PROC,
    INODE_PROC_PID,
    INODE_PROC_FD,
    INODE_PROC_LINK,
    INODE_KINDS
};
struct inode {
    uint32_t refs, kind, mode, nlink;
    uint32_t uid, gid;
    uint64_t number, size;
    uint64_t atime, mtime, ctime; /* ns since 1970 */
    uint32_t device;              /* major << 8 | minor */
    uint32_t image;               /* 1 + its number in the configuration, or 0 */
    uint64_t image_size;          /* up to here its content is that of the image where nothing was written */
    ref data;    /* file: table of pages; folder: first entry; link: its target; others: the object */
    ref parent;  /* of a folder */
    int32_t pid; /* /proc */
    uint32_t lock_pid, shm;         /* shm: on a tmpfs */
    uint32_t lock_owner, lock_kind; /* flock: file ref, LOCK_SH or LOCK_EX */
};

enum { NAME_SIZE = 240 };
struct entry {
    ref next, inode;
    uint32_t cookie, pad;
    char name[NAME_SIZE];
};

struct file { /* an open file */
    uint32_t refs;
    ref inode, object; /* object: pipe, socket, terminal … */
    uint32_t flags;    /* O_… */
    uint64_t pos;
    int32_t owner;                    /* F_SETOWN */
    uint32_t owner_kind, signal, end; /* end: 0 read, 1 write; of a pty: 1 is the master */
    ref async_next;
    ref folder; /* where it was opened, for /proc/self/fd: text */
};

enum { PIPE_CHUNKS = 16 };
struct pipe {
    struct source source;
    uint32_t refs, readers, writers, head, len;
    uint32_t opens[2]; /* how often it was opened for reading, and for writing */
    ref chunk[PIPE_CHUNKS];
};

struct message {
    ref next;
    uint32_t len, at; /* at: what was read of it already */
    ref from;         /* address of the sender: text, or 0 */
    ref fds;          /* passed descriptors: struct passed, or 0 */
    uint32_t nchunks;
    ref chunk[64];
};
enum { PASSED_MAX = 32 };
struct passed {
    uint32_t n;
    ref file[PASSED_MAX];
};
struct socket {
    struct source source;
    uint32_t refs, family, type, listening, backlog, shut, gone, connected;
    ref peer, inbox, inbox_last, name, waiting; /* waiting: connections to accept, by `waiting` */
    uint32_t bytes, messages;
    int32_t peer_pid, owner_pid; /* owner_pid: of who listens */
    uint32_t passcred;
    ref bound_next; /* of those with an abstract name or a port */
};

enum { LINE_SIZE = 4096 };
struct terminal {
    struct source source, master; /* master: the other end of a pty */
    uint32_t refs, masters, slaves, number, console, locked, packet;
    uint32_t iflag, oflag, cflag, lflag;
    uint8_t cc[20];
    uint8_t line;
    uint16_t rows, columns, px, py;
    int32_t pgrp, session;
    uint32_t column;
    ref in, out;                       /* LINE_SIZE bytes each; out: for the master */
    uint32_t in_len, in_done, out_len; /* in_done: up to here lines are complete */
    uint32_t line_ends;                /* number of them in `in` */
    uint32_t in_eofs, stopped;
    ref eofs; /* one bit per byte of `in`: it is the end-of-file character */
};

struct watch { /* an entry of an epoll set */
    ref next, file;
    int32_t fd;
    uint32_t events, seq, reported;
    uint64_t data;
};
struct epoll {
    struct source source;
    ref watches;
};
struct event_counter {
    struct source source;
    uint64_t count;
    uint32_t semaphore;
};
struct timer_file {
    struct source source;
    ref timer;
    uint64_t expired;
    uint32_t clock;
};

/* ---------------------------------------------------------------- the host */

/* The areas of an address space in an array, for searches: the list alone would be walked by each mmap(). Not state. */
struct area_index {
    ref mm; /* 0: of none */
    ref *area;
    size_t n, cap;
    size_t used; /* how many of the first areas count as used since the last save */
    uint64_t full_from,
        full_for; /* each gap that ends above full_from is smaller than full_for; 0: nothing is known */
};
enum { AREA_INDEXES = 8 };
/* The entries of a folder by name (folders.c). Not state. */
struct folder_table;
enum { FOLDER_LISTS = 256 };

struct host {
    struct engine engine;
    struct engine_base base;
    struct engine_config own_config;
    const struct engine_config *config;
    struct physmem *mem;
    struct ramblock *ram, *arena_block;
    struct x86 *cpu;
    void (*flow)(void *ctx, const struct engine_flow *flow); /* host_flows() */
    void *flow_ctx;
    void (*code)(void *ctx, const struct engine_code *code); /* host_codes() */
    void *code_ctx;
    uint8_t *arena, *dirty; /* dirty: pages of the arena that were used since the last save */
    uint8_t *memory;        /* of `ram` */
    uint64_t nframes;
    struct root r;
    /* not state */
    struct area_index areas[AREA_INDEXES];
    struct folder_table *folders[FOLDER_LISTS];
    uint32_t epoch;
    uint64_t soonest;      /* nothing happens by itself before this time */
    struct reg_desc *regs; /* the processor's, then host_pid */
    size_t nregs;
    /* Shows the registers of a task that does not have the processor; NULL until it is needed. */
    struct x86 *viewer;
    struct physmem *viewer_memory;
    bool failed; /* the engine cannot go on */
    char failure[300];
};

/* The object at r. Marks its page as used: every object lies within one page. */
static inline void *at(struct host *h, ref r)
{
    h->dirty[r / PAGE] = 1;
    return h->arena + r;
}
#define TASK(r)   ((struct task *)at(h, r))
#define GROUP(r)  ((struct group *)at(h, r))
#define MM(r)     ((struct mm *)at(h, r))
#define AREA(r)   ((struct area *)at(h, r))
#define INODE(r)  ((struct inode *)at(h, r))
#define FILE_(r)  ((struct file *)at(h, r))
#define FILES(r)  ((struct files *)at(h, r))
#define PIPE(r)   ((struct pipe *)at(h, r))
#define SOCKET(r) ((struct socket *)at(h, r))
#define TERM(r)   ((struct terminal *)at(h, r))
#define TIMER(r)  ((struct timer *)at(h, r))
static inline ref ref_of(const struct host *h, const void *p)
{
    return (ref)((const uint8_t *)p - h->arena);
}

/* ---- arena.c ---- */
int arena_create(struct host *h, struct error *err);
/* A zeroed object of at most 4096 bytes; 0 if there is no room (the caller answers ENOMEM). */
ref arena_new(struct host *h, size_t size);
void arena_free(struct host *h, ref r, size_t size);
/* A text of at most 4095 bytes. */
ref arena_text(struct host *h, const char *s);
void arena_text_free(struct host *h, ref r);
/* Pages of the programs' memory, by number; each has a count of its users. 0 if there is none left. */
uint32_t frame_new(struct host *h);
void frame_hold(struct host *h, uint32_t f);
void frame_drop(struct host *h, uint32_t f);
uint32_t frame_users(struct host *h, uint32_t f);
static inline uint64_t frame_address(uint32_t f)
{
    return (uint64_t)f * PAGE;
}

/* ---- space.c: address spaces ---- */
enum access { ACCESS_READ = 1, ACCESS_WRITE = 2, ACCESS_EXEC = 4, ACCESS_FORCE = 8 };
#define USER_END 0x7ffffffff000ull
#define VSYSCALL 0xffffffffff600000ull
ref mm_new(struct host *h);
ref mm_copy(struct host *h, struct mm *from);
void mm_drop(struct host *h, ref mm);

/* ---- areas.c ---- */
/* The first area that ends above `addr`, or NULL. */
struct area *area_find(struct host *h, const struct mm *m, uint64_t addr);
/* The area that contains `addr`, or NULL. */
struct area *area_at(struct host *h, const struct mm *m, uint64_t addr);
/* Whether nothing is mapped in that range. Does not mark the areas' pages as used, so the next save is the
 * same. */
bool area_none(struct host *h, const struct mm *m, uint64_t start, uint64_t end);
int area_map(struct host *h, struct mm *m, uint64_t start, uint64_t end, uint32_t prot, uint32_t flags,
             ref inode, uint64_t offset);
int area_unmap(struct host *h, struct mm *m, uint64_t start, uint64_t end);
int area_protect(struct host *h, struct mm *m, uint64_t start, uint64_t end, uint32_t prot);
/* A free range of that size below the stack; 0 if there is none. */
uint64_t space_place(struct host *h, const struct mm *m, uint64_t size);
/* Drops what is kept about the areas of an address space, or of all, because the list has changed. */
void areas_forget(struct host *h, ref mm);
void areas_forget_all(struct host *h);
/* After a save: no area counts as used any more. */
void areas_unused(struct host *h);

/* ---- vdso.c ---- */
/* Makes the shared object that the kernel gives programs. */
int vdso_create(struct host *h);
/* Maps the shared object. Returns its address, for AT_SYSINFO_EHDR; 0 if there is none or no room. */
uint64_t vdso_map(struct host *h, struct mm *m);

/* ---- space.c ---- */
/* Gives the pages of an area that are present its protection. */
void space_protect(struct host *h, struct mm *m, struct area *v);
/* Gives the pages of a range back; they are made anew when they are used. */
void space_zap(struct host *h, struct mm *m, uint64_t start, uint64_t end);
/* The pages of a file from `first` on are gone: no address space has them any more. */
void space_zap_inode(struct host *h, ref inode, uint64_t first, uint64_t end);
/* Makes the page at `addr` present for that access. 0, or a signal, with *code. */
int space_fault(struct host *h, struct mm *m, uint64_t addr, unsigned access, int *code);
/* mmap.c: an inode with that many bytes of zeros and no name, held once; or an error. */
int64_t unnamed_memory(struct host *h, uint64_t size);
/* Moves page table entries (mremap). */
int space_move(struct host *h, struct mm *m, uint64_t from, uint64_t to, uint64_t size);
/* Copies to and from a program's memory; -EFAULT. */
int user_read(struct host *h, struct mm *m, uint64_t addr, void *buf, size_t n);
int user_write(struct host *h, struct mm *m, uint64_t addr, const void *buf, size_t n);
/* Copy whatever the protection is (ptrace); return the number of bytes that could be. */
size_t user_peek(struct host *h, struct mm *m, uint64_t addr, void *buf, size_t n);
size_t user_poke(struct host *h, struct mm *m, uint64_t addr, const void *buf, size_t n);
/* The length of the string, or -EFAULT, or -ENAMETOOLONG if it does not fit. */
int user_string(struct host *h, struct mm *m, uint64_t addr, char *buf, size_t size);
static inline int get_user(struct host *h, struct task *t, uint64_t addr, void *buf, size_t n)
{
    return user_read(h, MM(t->mm), addr, buf, n);
}
static inline int put_user(struct host *h, struct task *t, uint64_t addr, const void *buf, size_t n)
{
    return user_write(h, MM(t->mm), addr, buf, n);
}
/* The physical address behind a linear one, without side effects; false if there is none. */
bool space_lookup(const struct host *h, uint64_t root, uint64_t addr, uint64_t *pa);

/* ---- processor.c ---- */
/* A processor in user mode on that memory, without devices. NULL with err if the configuration names no model
 * that exists. */
struct x86 *processor_new(struct host *h, struct physmem *mem, struct error *err);

/* ---- look.c: registers and memory, for those who look: functions of struct engine_ops ---- */
void host_look_begin(struct host *h);
void host_look_end(struct host *h);
size_t host_tasks(const struct engine *e, struct engine_task *list, size_t n);
uint32_t host_running(const struct engine *e);
const struct reg_desc *host_regs(const struct engine *e, size_t *count);
int host_reg_get(const struct engine *e, unsigned cpu, size_t reg, void *value);
int host_reg_set(struct engine *e, unsigned cpu, size_t reg, const void *value);
unsigned host_cpus(const struct engine *e);
unsigned host_code_bits(const struct engine *e, unsigned cpu);
size_t host_peek(const struct engine *e, unsigned cpu, uint64_t linear, void *buf, size_t n);
size_t host_poke(struct engine *e, unsigned cpu, uint64_t linear, const void *buf, size_t n);
size_t host_peek_physical(const struct engine *e, uint64_t address, void *buf, size_t n);
size_t host_poke_physical(struct engine *e, uint64_t address, const void *buf, size_t n);

/* ---- engine.c ---- */
/* Whether the host runs as that behaviour version or a later one. */
bool host_behaves(const struct host *h, uint32_t version);

/* ---- inode.c: files in memory and images ---- */
ref inode_new(struct host *h, enum inode_kind kind, uint32_t mode);
void inode_hold(struct host *h, ref i);
void inode_drop(struct host *h, ref i);
/* The frame of page `index` of a file. If there is none, it is made, or 0 is returned if `make` is false. */
uint32_t inode_page(struct host *h, ref inode, uint64_t index, bool make);
int64_t inode_read(struct host *h, struct inode *i, uint64_t pos, void *buf, size_t n);
int64_t inode_write(struct host *h, struct inode *i, uint64_t pos, const void *buf, size_t n);
int inode_resize(struct host *h, struct inode *i, uint64_t size);
void inode_punch(struct host *h, struct inode *i, uint64_t from, uint64_t to);
const char *link_target(struct host *h, const struct inode *i);

/* ---- folders.c ---- */
/* The entry of that name, or NULL. */
struct entry *folder_find(struct host *h, const struct inode *dir, const char *name);
/* The first entry with that cookie or a higher one, or NULL. Fast if it follows what the last call returned. */
struct entry *folder_from(struct host *h, const struct inode *dir, uint64_t cookie);
/* Adds a name that is not in the folder. 0 or -error. */
int folder_add(struct host *h, struct inode *dir, const char *name, ref inode);
void folder_remove(struct host *h, struct inode *dir, const char *name);
/* Drops what is kept about a folder that goes, or about all, because the lists have changed. */
void folder_forget(struct host *h, ref dir);
void folders_forget_all(struct host *h);
/* After a save: no entry counts as used any more. */
void folders_unused(struct host *h);

/* ---- path.c ---- */
enum { WALK_NOFOLLOW = 1, WALK_PARENT = 2, WALK_MISSING = 4 };
/* The inode of a path (held), or a negative error. With WALK_MISSING, if only the last part of the path, or of a link to which it leads, is
 * not there: the folder where it would be, and *last is that part (else ""). With WALK_PARENT the folder it is in, and *last is its
 * last part. */
int64_t path_walk(struct host *h, struct task *t, int dirfd, const char *path, unsigned how, char *last);
/* The path of an inode below "/"; returns its length, or 0 if it has none. */
size_t path_of(struct host *h, ref inode, char *buf, size_t size);
int tree_create(struct host *h, struct error *err);
/* The inode of a path argument of an …at call, held: with AT_EMPTY_PATH the descriptor's own. */
int64_t path_at(struct host *h, struct task *t, int dirfd, uint64_t path, unsigned flags);

/* ---- file.c ---- */
struct file *fd_file(struct host *h, struct task *t, int fd);
int fd_new(struct host *h, struct task *t, ref file, uint32_t from, bool cloexec);
int fd_close(struct host *h, struct task *t, int fd);
struct fd_entry *fd_entry(struct host *h, struct files *f, uint32_t fd);
ref file_new(struct host *h, ref inode, uint32_t flags);
/* A file of its own that is an object of that kind and size, all zero: for reading and writing, and with O_NONBLOCK if the flags have it. 0
 * if there is no memory. */
ref file_of_object(struct host *h, enum inode_kind kind, size_t size, uint32_t flags);
void file_hold(struct host *h, ref f);
void file_drop(struct host *h, ref f);
/* The task's open() of a FIFO does not wait any more. */
void open_given_up(struct host *h, struct task *t);
ref files_new(struct host *h);
ref files_copy(struct host *h, ref f);
void files_drop(struct host *h, ref f);
void files_close_exec(struct host *h, struct task *t);
unsigned file_poll(struct host *h, struct file *f);
struct source *file_source(struct host *h, struct file *f);
/* Something happened: wakes those who wait for it, and sends SIGIO. */
void source_changed(struct host *h, struct source *s, unsigned events);
void file_async(struct host *h, struct file *f, bool on);
int file_open(struct host *h, struct task *t, int dirfd, const char *path, uint32_t flags, uint32_t mode,
              ref *file);

/* Objects behind files: how they read and write. */
int64_t pipe_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);
int64_t pipe_write(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);
unsigned pipe_poll(struct host *h, struct file *f);
void pipe_close(struct host *h, struct file *f);
int64_t pipe_open(struct host *h, struct task *t, struct file *f);
/* Whether open() of a FIFO has to wait for the other end. */
bool pipe_lacks(struct host *h, const struct file *f);
/* How many bytes fit into a pipe now; puts as many of n bytes as fit, and returns how many, or an error. */
size_t pipe_room(struct host *h, const struct file *f);
int64_t pipe_put(struct host *h, struct file *f, const void *data, size_t n);
int64_t socket_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);
int64_t socket_write(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);
unsigned socket_poll(struct host *h, struct file *f);
struct socket *socket_of(struct host *h, struct file *f);
/* The error for a descriptor that is no socket. */
int64_t not_socket(const struct file *f);
/* address.c: names of sockets as text. */
enum { ADDRESS_TEXT = 240 };
int address_take(struct host *h, struct task *t, uint32_t family, uint64_t from, uint64_t len,
                 char text[ADDRESS_TEXT]);
/* Writes a socket's address to the program's memory; text NULL: it has no name. */
int address_put(struct host *h, struct task *t, uint32_t family, const char *text, uint64_t to,
                uint64_t len_at);
/* The socket of that type with that name; -error. */
int64_t address_find(struct host *h, struct task *t, uint32_t type, const char *text);
/* inet.c: names of IPv4 sockets. Whether there is such a socket; -error. */
int inet_check(uint64_t type, uint64_t protocol);
int inet_take(const void *bytes, uint64_t len, char text[ADDRESS_TEXT]);
/* Writes a struct sockaddr_in, all zeros if text is NULL; returns its size. */
size_t inet_put(const char *text, void *bytes);
int64_t inet_find(struct host *h, uint32_t type, const char *text);
/* Gives a socket a name; port 0: the first free one. */
int64_t inet_bind(struct host *h, ref socket, const char *text);
/* Gives an IPv4 socket that has no port one, as connect() and sendto() do. */
int64_t inet_bind_any(struct host *h, ref socket);
/* The name that the other side sees: 127.0.0.1 for a socket that listens everywhere. */
void inet_source(const char *name, char text[ADDRESS_TEXT]);
/* Whether setsockopt() accepts this option, which has no effect. */
bool inet_option(uint64_t level, uint64_t name);
void address_gone(struct host *h, ref socket);
void socket_close(struct host *h, struct file *f);
int64_t tty_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);
int64_t tty_write(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);
unsigned tty_poll(struct host *h, struct file *f);
void tty_close(struct host *h, struct file *f);
int64_t tty_ioctl(struct host *h, struct task *t, struct file *f, uint32_t request, uint64_t arg);
/* Opens a terminal device; sets f->object. */
int tty_open_device(struct host *h, struct task *t, struct file *f, uint32_t device);
ref tty_new(struct host *h);
/* Gives the terminal what was typed; returns how many bytes it took. */
uint32_t tty_typed(struct host *h, struct terminal *tt, const uint8_t *in, uint32_t n);
void tty_flush(struct host *h);
unsigned epoll_poll(struct host *h, struct file *f);
void epoll_close(struct host *h, struct file *f);
/* The file is gone: no epoll set watches it any more. */
void epoll_forget(struct host *h, ref file);
/* Character devices. */
int64_t device_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);
int64_t device_write(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);

/* ---- proc.c ---- */
int64_t proc_lookup(struct host *h, struct task *t, struct inode *dir, const char *name);
size_t proc_link(struct host *h, struct task *t, const struct inode *i, char *buf, size_t size);
/* The i-th name in a folder of /proc, or 0. */
size_t proc_name(struct host *h, const struct inode *dir, uint64_t i, char *name, uint32_t *kind);

/* ---- task.c ---- */
struct task *task_find(struct host *h, int pid);
struct group *group_find(struct host *h, int pid);
struct task *current(struct host *h);
/* The call blocks until `key` is woken or the time comes. */
int64_t wait_for(struct task *t, uint64_t key, uint64_t deadline);
bool timed_out(struct host *h, const struct task *t);
void wake(struct host *h, uint64_t key);
void task_ready(struct host *h, struct task *t);
void task_exit(struct host *h, struct task *t, int status);
void group_exit(struct host *h, struct task *t, int status);
void group_stop(struct host *h, struct group *g, int sig);
void group_continue(struct host *h, struct group *g);
void vfork_done(struct host *h, struct task *t);
/* Ends all threads of the process but this one (execve). True if they are gone. */
bool group_single(struct host *h, struct task *t);
struct task *task_new(struct host *h, struct group *g);
struct group *group_new(struct host *h);
enum { KEY_ANY_FILE = 1, KEY_CHILD = 2, KEY_NEVER = 3, KEY_SIGNAL = 4 };
#define KEY_OBJECT(r) ((uint64_t)(r) << 8)
/* ---- sched.c ---- */
/* Puts a task that can run on the processor; delivers its signals. False: all wait. */
bool schedule(struct host *h);
void sched_rotate(struct host *h);
/* The next time at which something happens by itself, or UINT64_MAX. */
uint64_t next_deadline(struct host *h);
/* As next_deadline(), at less cost: it may be too early, because of something that is no longer waited for.
 * It is computed anew only when that time has come. */
uint64_t soonest(struct host *h);
/* Notes that something is waited for until `deadline`. */
void wait_until(struct host *h, uint64_t deadline);
void run_timers(struct host *h);
/* The processor left the program. */
void handle_trap(struct host *h);
/* Takes the registers of the current task out of the processor. */
void task_save(struct host *h);
void current_gone(struct host *h);

/* ---- exec.c ---- */
/* Reports that a program begins. */
void exec_report(struct host *h, const struct task *t, const char *path);
int exec_program(struct host *h, struct task *t, const char *path, char *const *argv, char *const *envp,
                 int dirfd, unsigned flags);

/* ---- signal.c ---- */
void signal_task(struct host *h, struct task *t, const struct info *info);
void signal_group(struct host *h, struct group *g, const struct info *info);
/* Sends a signal of the kernel's own, with SI_KERNEL. */
void signal_kernel(struct host *h, struct task *t, int sig);
void signal_force(struct host *h, struct task *t, const struct info *info);
void signal_pgrp(struct host *h, int pgrp, int sig);
uint64_t
signals_pending(struct host *h,
                const struct task *t); /* its own and its process's, blocked or not: bit N - 1 for signal N */
bool signal_waits(struct host *h, struct task *t); /* one is pending that is not blocked */
bool signal_take(struct host *h, struct task *t, uint64_t among, struct info *info);
/* Delivers pending signals to a task that is about to run. False: it does not run. */
bool signals_deliver(struct host *h, struct task *t);
void pending_free(struct host *h, struct pending *p);
bool signal_ignored(struct host *h, struct task *t, int sig);
void timer_taken(struct host *h, struct queued *q);

/* ---- ptrace.c ---- */
/* Stops a traced task with a wait status; `info`: the signal that it would get. */
void trace_stop(struct host *h, struct task *t, int status, const struct info *info);
void trace_event(struct host *h, struct task *t, int event, uint64_t message);
/* PTRACE_EVENT_STOP: a stop that no signal made, or that the whole process made by `sig`. */
void trace_event_stop(struct host *h, struct task *t, int sig);
void trace_forget(struct host *h, struct task *tracer);
void trace_release(struct host *h, struct task *t);

/* ---- time.c ---- */
/* A signal ends the task's nanosleep or clock_nanosleep: its result. */
int64_t sleep_interrupted(struct host *h, struct task *t);
uint64_t now(const struct host *h);  /* guest time = CLOCK_MONOTONIC, ns */
uint64_t wall(const struct host *h); /* CLOCK_REALTIME */
void timer_arm(struct host *h, struct timer *tm, uint64_t due, uint64_t interval);
void timer_free(struct host *h, struct timer *tm);
/* How many steps a process has executed. */
uint64_t group_steps(const struct host *h, const struct group *g);
/* In how many steps of the current task a timer of its process's processor time is due; UINT64_MAX: never. */
uint64_t cpu_timer_left(const struct host *h);
/* Sends the signals of the processor-time timers that are due. */
void run_cpu_timers(struct host *h);
struct timer *timer_new(struct host *h);
uint64_t random_next(struct host *h);
int time_get(struct host *h, struct task *t, uint64_t addr, uint64_t *ns); /* struct timespec */
int time_put(struct host *h, struct task *t, uint64_t addr, uint64_t ns);
/* A deadline from a relative timeout, in ns. */
uint64_t deadline_after(const struct host *h, const struct task *t, uint64_t ns);

/* ---- futex.c ---- */
void futex_wake_address(struct host *h, struct task *t, uint64_t addr, unsigned n);
void futex_exit(struct host *h, struct task *t);

/* ---- signalfd.c ---- */
int64_t signal_file_read(struct host *h, struct task *t, struct file *f, uint64_t buf, size_t n);
unsigned signal_file_poll(struct host *h, struct file *f);
void signal_file_close(struct host *h, struct file *f);

/* ---- calls.c ---- */
typedef int64_t call_fn(struct host *h, struct task *t, const uint64_t *a);
/* The call's name, or NULL. */
const char *call_name(int64_t number);
#define CALL(number, name, args, how) call_fn call_##name;
#define MISSING(number, name)
#include "uml/calls.def"
#undef CALL
#undef MISSING
/* The answer to a call that the host does not have, which is reported. */
int64_t host_call_missing(struct host *h, struct task *t);
/* How an interrupted call is restarted (as the kernel's ERESTART…). */
enum restart { RESTART_NEVER, RESTART_ALWAYS, RESTART_NO_HANDLER, RESTART_SLEEP, RESTART_UNINTERRUPTED };
/* Begins or continues the task's call. */
void call_begin(struct host *h, struct task *t);
void call_continue(struct host *h, struct task *t);
void report(struct host *h, struct event *ev);
/* A task's x87, SSE and AVX state, from and to the processor. */
void task_float_get(struct host *h, struct task *t);
void task_float_set(struct host *h, const struct task *t);
/* Reports an event of a step within x86_run(). */
void report_at(struct host *h, struct event *ev, uint64_t icount, uint64_t time);
__attribute__((format(printf, 2, 3))) void fail(struct host *h, const char *fmt, ...);
void report_missing(struct host *h, const char *what, uint64_t number, uint64_t value);

#endif
