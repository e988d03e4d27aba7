/* waits.c - what the processes of a Linux wait for, by the functions in which they sleep. See explain.h. */
#include <inttypes.h>
#include <string.h>

#include "core/systems/linux/why/explain.h"

/* The first that fits. */
static const struct wait_kind sleeps[] = {
    {"n_tty_read", "a line of input", true, false},
    {"tty_read", "input at a terminal", true, false},
    {"do_wait", "a process that it has started", false, false},
    {"kernel_wait4", "a process that it has started", false, false},
    {"hrtimer_nanosleep", "time to pass", false, false},
    {"do_nanosleep", "time to pass", false, false},
    {"unix_stream_read", "data at a socket", false, false},
    {"unix_dgram_recvmsg", "messages at its socket", false, true},
    {"unix_accept", "a connection at a socket", false, true},
    {"inet_csk_accept", "a connection from the network", false, true},
    {"inet_stream_connect", "a connection to a server", false, false},
    {"tcp_recvmsg", "data from the network", false, false},
    {"udp_recvmsg", "data from the network", false, false},
    {"packet_recvmsg", "packets from the network", false, false},
    {"netlink_recvmsg", "a message of the kernel", false, false},
    {"pipe_read", "data in a pipe", false, false},
    {"ep_poll", "events", false, false},
    {"do_epoll_wait", "events", false, false},
    {"do_sys_poll", "events", false, false},
    {"do_poll", "events", false, false},
    {"do_select", "events", false, false},
    {"futex_wait", "another thread", false, false},
    {"sigsuspend", "a signal", false, false},
    {"do_sigtimedwait", "a signal", false, false},
    {"sys_pause", "a signal", false, false},
    {"rpc_wait", "an answer of a server (RPC)", false, false},
    {"nfs_", "an answer of an NFS server", false, false},
    {"wait_for_device_probe", "a driver", false, false},
    {"wait_for_root", "the root device", false, false},
    {"io_schedule", "a disk", false, false},
    {"usb_start_wait_urb", "a USB device", false, false},
    {"wait_for_completion", "a completion", false, false},
    {"__wait_for_common", "a completion", false, false},
    {"__down", "a semaphore", false, false},
    {"__mutex_lock", "a lock", false, false},
    {"rwsem_down", "a lock", false, false},
};

uint64_t process_left(struct why_case *c, uint32_t pid)
{
    enum { MOST = 200000 };
    struct trace_cursor *cur = trace_cursor_open(c->t, EVENT_CLASS_BIT(EC_SCHED));
    struct error ignored;
    struct event ev;
    uint64_t at = 0;
    if (!trace_cursor_seek_icount(cur, c->at + 1, &ignored))
        for (unsigned i = 0;
             i < MOST && !at && trace_cursor_prev(cur, &ev, NULL, &ignored) == 1 && ev.icount >= c->now.begin;
             i++)
            if (ev.kind == EV_SCHED_SWITCH && EVF(&ev, SCHED_SWITCH, prev) == pid)
                at = ev.icount;
    trace_cursor_close(cur);
    return at;
}

/* The callers of what runs at a position, as find_callers() adds them. False if there are none. */
static bool callers_at(struct why_case *c, uint64_t icount, struct finding *calls)
{
    struct timeline_where w;
    find_drop(calls);
    if (!case_go(c, icount))
        return false;
    timeline_where(c->tl, &w);
    find_callers(calls, c, w.cpu);
    return calls->n;
}

static const struct wait_kind *row_of(const char *callers)
{
    for (size_t k = 0; k < sizeof sleeps / sizeof sleeps[0]; k++)
        if (strstr(callers, sleeps[k].function))
            return &sleeps[k];
    return NULL;
}

/* The stack is that of a thread of the kernel, which has the processor next. */
static bool of_kernel(const char *callers)
{
    static const char *const roots[] = {"start_kernel", "secondary_startup", "kthread", "cpu_startup_entry",
                                        "worker_thread"};
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++)
        if (strstr(callers, roots[i]))
            return true;
    return false;
}

/* Of "called by a+1 < b+2 < …" the function that went to sleep: the first that is none of the scheduler's or of the primitive's own. */
static void waiting_function(const char *callers, char buf[80])
{
    static const char *const own[] = {
        "schedule",    "__schedule",     "io_schedule", "__wait_for", "wait_for_completion",
        "__mutex",     "mutex_",         "rwsem_",      "down",       "__down",
        "prepare_to_", "__cond_resched", "__switch_to", "__rt_mutex"};
    *buf = 0;
    for (const char *p = callers + strlen("called by "); *callers && *p;) {
        const char *end = strstr(p, " < ");
        const size_t n = end ? (size_t)(end - p) : strlen(p);
        bool is_own = false;
        for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
            is_own |= !strncmp(p, own[i], strlen(own[i]));
        if (!is_own) {
            snprintf(buf, 80, "%.*s", (int)n, p);
            return;
        }
        p += n + (end ? strlen(" < ") : 0);
    }
}

/* The event of a switch comes when the other stack is in use already:
 * what the process itself did last is shortly before. */
const struct wait_kind *process_wait(struct why_case *c, struct finding *f, const struct process *p,
                                     char function[80])
{
    static const unsigned before[] = {8, 24, 60, 120, 250, 500, 1000};
    const uint64_t at = process_left(c, p->pid);
    struct finding calls = {0};
    char name[60], text[200] = "";
    const struct wait_kind *row = NULL;
    for (size_t i = 0; at && i < sizeof before / sizeof before[0] && !row; i++) {
        if (!callers_at(c, at - before[i], &calls) || !strstr(calls.line[0].text, "schedule") ||
            of_kernel(calls.line[0].text))
            continue;
        row = row_of(calls.line[0].text);
        if (row || !*text)
            snprintf(text, sizeof text, "%s", calls.line[0].text);
    }
    snprintf(name, sizeof name, "%.40s (%" PRIu32 ")", p->name, p->pid);
    waiting_function(text, function);
    if (row)
        find_line(f, at, NULL, "%s waits for %s: %s", name, row->what, text);
    else if (*text)
        find_line(f, at, NULL, "%s sleeps, %s", name, text);
    find_drop(&calls);
    return row;
}

bool process_waits(struct why_case *c, struct finding *f, uint32_t pid, struct text *what)
{
    struct error ignored;
    struct processes *ps = processes_at(c->t, c->at, &ignored);
    char function[80] = "";
    const struct wait_kind *row = NULL;
    for (size_t i = 0; i < (ps ? processes_count(ps) : 0); i++) {
        const struct process *p = processes_get(ps, i);
        if (p->pid != pid || p->exited)
            continue;
        row = process_wait(c, f, p, function);
        if (row)
            text_add(what, "%.30s (%" PRIu32 ") waits for %s%s%s", p->name, p->pid, row->what,
                     *function ? " in " : "", function);
    }
    processes_free(ps);
    return row;
}
