/* host.h - inside the deterministic host: its objects. The functions between its files are in memory.h, files.h, tasks.h, calls.h and look.h.
 * Private to uml/.
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
    ref vdso; /* the file of the shared object in every program */
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

/* ---- engine.c ---- */
/* Whether the host runs as that behaviour version or a later one. */
bool host_behaves(const struct host *h, uint32_t version);

#endif
