/* ptrace.c - tracing: ptrace(2). User-mode Linux runs its processes by it. */
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "uml/calls.h"
#include "uml/files.h"
#include "uml/memory.h"
#include "uml/tasks.h"

enum { OLD_SETOPTIONS = 21, SYSEMU = 31, SYSEMU_STEP = 32, ARCH_PRCTL = 30, EXITKILL = 1 << 20 };
enum { EVENT_STOP = 128 };
#define DR6_RESERVED 0xffff0ff0ull /* bits that are 1 in the register as programs see it */
enum { FLAG_TF = 0x100, FLAGS_SETTABLE = 0x250dd5 };

void trace_stop(struct host *h, struct task *t, int status, const struct info *info)
{
    struct task *by = TASK(t->tracer);
    t->state = TASK_TRACED;
    t->trace_status = (uint32_t)status;
    t->trace_info = *info;
    t->trace_resumed = 0;
    struct info child = {.signo = SIGCHLD, .code = 4, .pid = t->pid}; /* CLD_TRAPPED */
    child.status = status >> 8;
    if (!(((struct actions *)at(h, by->actions))->a[SIGCHLD - 1].flags & ACTION_NOCLDSTOP))
        signal_group(h, GROUP(by->group), &child);
    wake(h, KEY_CHILD);
}

void trace_event(struct host *h, struct task *t, int event, uint64_t message)
{
    struct info info = {.signo = SIGTRAP, .code = SIGTRAP | event << 8, .pid = t->pid};
    t->trace_message = message;
    t->trace_signal = 0;
    trace_stop(h, t, (SIGTRAP | event << 8) << 8 | 0x7f, &info);
}

void trace_event_stop(struct host *h, struct task *t, int sig)
{
    struct info info = {.signo = sig, .code = sig | EVENT_STOP << 8, .pid = t->pid};
    t->trace_signal = 0;
    t->trace_listen = 0;
    trace_stop(h, t, (sig | EVENT_STOP << 8) << 8 | 0x7f, &info);
}

static void resume(struct host *h, struct task *t, int sig)
{
    t->trace_status = 0;
    t->trace_resumed = t->trace_signal != 0;
    if (!t->trace_resumed && sig) { /* at other stops than a signal's it is sent */
        struct info info = {.signo = sig, .code = SI_USER};
        signal_task(h, t, &info);
    }
    t->trace_signal = (uint32_t)sig;
    task_ready(h, t);
}

/* No longer traced. */
void trace_release(struct host *h, struct task *t)
{
    t->tracer = 0;
    t->trace_mode = TRACE_CONT;
    t->trace_step = t->trace_options = 0;
    t->trace_seized = t->trace_interrupt = t->trace_listen = 0;
}

void trace_forget(struct host *h, struct task *tracer)
{
    ref self = ref_of(h, tracer), next;
    for (ref r = h->r.tasks; r; r = next) {
        struct task *t = TASK(r);
        next = t->next;
        if (t->tracer != self)
            continue;
        bool kill = t->trace_options & EXITKILL;
        trace_release(h, t);
        if (t->state == TASK_TRACED)
            resume(h, t, 0);
        if (kill)
            signal_kernel(h, t, SIGKILL);
    }
}

/* ---------------------------------------------------------------- registers */

static void get_registers(struct host *h, const struct task *t, struct user_regs_struct *r)
{
    const uint64_t *g = t->u.gpr;
    *r = (struct user_regs_struct){.r15 = g[15],
                                   .r14 = g[14],
                                   .r13 = g[13],
                                   .r12 = g[12],
                                   .rbp = g[5],
                                   .rbx = g[3],
                                   .r11 = g[11],
                                   .r10 = g[10],
                                   .r9 = g[9],
                                   .r8 = g[8],
                                   .rax = g[0],
                                   .rcx = g[1],
                                   .rdx = g[2],
                                   .rsi = g[6],
                                   .rdi = g[7],
                                   .orig_rax = (uint64_t)t->number,
                                   .rip = t->u.rip,
                                   .cs = t->u.cs,
                                   .eflags = t->u.rflags,
                                   .rsp = g[4],
                                   .ss = t->u.ss,
                                   .fs_base = t->u.fs_base,
                                   .gs_base = t->u.gs_base,
                                   .ds = t->u.ds,
                                   .es = t->u.es,
                                   .fs = t->u.fs,
                                   .gs = t->u.gs};
}

static int set_registers(struct task *t, const struct user_regs_struct *r)
{
    if (r->fs_base >= USER_END || r->gs_base >= USER_END)
        return -EIO;
    const uint64_t g[16] = {r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp, r->rsi, r->rdi,
                            r->r8,  r->r9,  r->r10, r->r11, r->r12, r->r13, r->r14, r->r15};
    memcpy(t->u.gpr, g, sizeof g);
    t->u.rip = r->rip;
    t->u.rflags = (t->u.rflags & ~(uint64_t)FLAGS_SETTABLE) | (r->eflags & FLAGS_SETTABLE);
    t->u.fs_base = r->fs_base;
    t->u.gs_base = r->gs_base;
    t->number = (int64_t)r->orig_rax;
    t->interrupted = t->interrupted && t->number >= 0 ? t->interrupted : 0;
    return 0;
}

static int put_registers(struct host *h, struct task *me, struct task *t, uint64_t to, size_t n)
{
    struct user_regs_struct r;
    get_registers(h, t, &r);
    return put_user(h, me, to, &r, n < sizeof r ? n : sizeof r);
}

static int take_registers(struct host *h, struct task *me, struct task *t, uint64_t from, size_t n)
{
    struct user_regs_struct r;
    get_registers(h, t, &r);
    if (get_user(h, me, from, &r, n < sizeof r ? n : sizeof r))
        return -EFAULT;
    return set_registers(t, &r);
}

static int take_fx(struct host *h, struct task *me, struct task *t, uint64_t from)
{
    uint8_t fx[X86_FX_SIZE];
    uint32_t mxcsr;
    if (get_user(h, me, from, fx, sizeof fx))
        return -EFAULT;
    memcpy(&mxcsr, fx + 24, 4);
    if (mxcsr >> 16)
        return -EINVAL;
    memcpy(t->fx, fx, sizeof fx);
    return 0;
}

/* NT_X86_XSTATE, if the processor has AVX: XSAVE's area, with XCR0 in the part of software. */
enum { XSTATE_XCR0 = 464, XSTATE_BV = 512, XSTATE_YMM = 576, XSTATE_SIZE = XSTATE_YMM + X86_YMM_SIZE };

static int put_xstate(struct host *h, struct task *me, struct task *t, uint64_t to, size_t n)
{
    uint8_t area[XSTATE_SIZE] = {0};
    memcpy(area, t->fx, X86_FX_SIZE);
    area[XSTATE_XCR0] = area[XSTATE_BV] = 7;
    memcpy(area + XSTATE_YMM, t->ymm, X86_YMM_SIZE);
    return put_user(h, me, to, area, n);
}

/* What XSTATE_BV leaves out becomes as it is initially. */
static int take_xstate(struct host *h, struct task *me, struct task *t, uint64_t from, size_t n)
{
    static const uint8_t initial[] = {0x7f, 3};
    uint8_t area[XSTATE_SIZE];
    uint32_t mxcsr;
    if (n < sizeof area)
        return -EINVAL;
    if (get_user(h, me, from, area, sizeof area))
        return -EFAULT;
    memcpy(&mxcsr, area + 24, 4);
    if (mxcsr >> 16 || area[XSTATE_BV] & ~7)
        return -EINVAL;
    if (!(area[XSTATE_BV] & 1))
        memset(area, 0, 24), memset(area + 32, 0, 128), memcpy(area, initial, sizeof initial);
    if (!(area[XSTATE_BV] & 2))
        memset(area + 160, 0, 256);
    if (!(area[XSTATE_BV] & 4))
        memset(area + XSTATE_YMM, 0, X86_YMM_SIZE);
    memcpy(t->fx, area, X86_FX_SIZE);
    memcpy(t->ymm, area + XSTATE_YMM, X86_YMM_SIZE);
    return 0;
}

/* GETREGSET and SETREGSET. */
static int64_t regset(struct host *h, struct task *me, struct task *t, uint64_t what, uint64_t iov, bool set)
{
    uint64_t v[2];
    if (get_user(h, me, iov, v, sizeof v))
        return -EFAULT;
    size_t size = what == NT_PRSTATUS                                 ? sizeof(struct user_regs_struct)
                  : what == NT_PRFPREG                                ? X86_FX_SIZE
                  : what == NT_X86_XSTATE && x86_user_has_ymm(h->cpu) ? XSTATE_SIZE
                                                                      : 0;
    if (!size)
        return what == NT_X86_XSTATE ? -ENODEV : -EINVAL;
    if (v[1] % 8)
        return -EINVAL;
    v[1] = v[1] < size ? v[1] : size;
    int rc = what == NT_X86_XSTATE ? (set ? take_xstate : put_xstate)(h, me, t, v[0], v[1])
             : what == NT_PRSTATUS ? (set ? take_registers : put_registers)(h, me, t, v[0], v[1])
             : set                 ? take_fx(h, me, t, v[0])
                                   : put_user(h, me, v[0], t->fx, v[1]);
    return rc ? rc : put_user(h, me, iov + 8, &v[1], 8);
}

/* Enabled breakpoints must be in the program's memory, of 1, 2, 4 or 8 bytes at a multiple of that, and of one
 * instruction, a write or any access; Linux refuses others (ptrace_write_dr7). */
static bool debug_allowed(const uint64_t dr[4], uint64_t dr7)
{
    for (unsigned i = 0; i < 4; i++) {
        static const uint8_t bytes[4] = {1, 2, 8, 4};
        unsigned kind = dr7 >> (16 + 4 * i) & 3, n = bytes[dr7 >> (18 + 4 * i) & 3];
        if (!(dr7 >> 2 * i & 3))
            continue;
        if (kind == 2 || (!kind && n != 1) || dr[i] % n || dr[i] >= USER_END)
            return false;
    }
    return true;
}

static int64_t set_debug(struct task *t, unsigned n, uint64_t v)
{
    uint64_t dr[8];
    memcpy(dr, t->debug, sizeof dr);
    dr[n] = v;
    if (n == 4 || n == 5)
        return -EIO;
    if (n < 4 ? v >= USER_END || !debug_allowed(dr, dr[7]) : n == 7 && !debug_allowed(dr, v))
        return -EINVAL;
    t->debug[n] = n == 6 ? v ^ DR6_RESERVED : v;
    return 0;
}

static int64_t user_area(struct host *h, struct task *me, struct task *t, uint64_t off, uint64_t data,
                         bool set)
{
    struct user_regs_struct r;
    const uint64_t debug = offsetof(struct user, u_debugreg);
    if (off % 8 || off >= sizeof(struct user))
        return -EIO;
    if (off >= sizeof r) {
        uint64_t value = 0;
        bool dr = off >= debug && off < debug + 64;
        if (set)
            return dr ? set_debug(t, (unsigned)(off - debug) / 8, data) : -EIO;
        if (dr)
            value = t->debug[(off - debug) / 8] ^ (off == debug + 48 ? DR6_RESERVED : 0);
        return put_user(h, me, data, &value, 8);
    }
    get_registers(h, t, &r);
    if (!set)
        return put_user(h, me, data, (char *)&r + off, 8);
    memcpy((char *)&r + off, &data, 8);
    return set_registers(t, &r);
}

/* ---------------------------------------------------------------- requests on a stopped task */

static int64_t go_on(struct host *h, struct task *t, enum trace_mode mode, bool step, uint64_t sig)
{
    if (sig > NSIG_HOST)
        return -EIO;
    t->trace_mode = mode;
    t->trace_step = step;
    resume(h, t, (int)sig);
    return 0;
}

static int64_t detach(struct host *h, struct task *t, uint64_t sig)
{
    if (sig > NSIG_HOST)
        return -EIO;
    trace_release(h, t);
    resume(h, t, (int)sig);
    return 0;
}

static int64_t set_options(struct host *h, struct task *t, uint64_t options)
{
    if (options & ~(uint64_t)(0x7f | EXITKILL))
        return -EINVAL;
    if (options & PTRACE_O_TRACEEXIT)
        report_missing(h, "ptrace option", PTRACE_O_TRACEEXIT, options);
    t->trace_options = (uint32_t)options;
    return 0;
}

static int64_t peek(struct host *h, struct task *me, struct task *t, uint64_t addr, uint64_t to)
{
    uint64_t v;
    if (!t->mm || user_peek(h, MM(t->mm), addr, &v, 8) != 8)
        return -EIO;
    return put_user(h, me, to, &v, 8);
}

static int64_t base_call(struct host *h, struct task *me, struct task *t, uint64_t code, uint64_t addr)
{
    uint64_t *base =
        code == 0x1002 || code == 0x1003 ? &t->u.fs_base : &t->u.gs_base; /* ARCH_SET_FS, GET_FS */
    if (code < 0x1001 || code > 0x1004)
        return -EINVAL;
    if (code == 0x1003 || code == 0x1004)
        return put_user(h, me, addr, base, 8);
    if (addr >= USER_END)
        return -EPERM;
    *base = addr;
    return 0;
}

static int64_t request(struct host *h, struct task *me, struct task *t, uint64_t what, uint64_t addr,
                       uint64_t data)
{
    switch (what) {
    case PTRACE_PEEKTEXT:
    case PTRACE_PEEKDATA:
        return peek(h, me, t, addr, data);
    case PTRACE_POKETEXT:
    case PTRACE_POKEDATA:
        return t->mm && user_poke(h, MM(t->mm), addr, &data, 8) == 8 ? 0 : -EIO;
    case PTRACE_PEEKUSER:
    case PTRACE_POKEUSER:
        return user_area(h, me, t, addr, data, what == PTRACE_POKEUSER);
    case PTRACE_CONT:
        return go_on(h, t, TRACE_CONT, false, data);
    case PTRACE_SYSCALL:
        return go_on(h, t, TRACE_CALL, false, data);
    case PTRACE_SINGLESTEP:
        return go_on(h, t, TRACE_CONT, true, data);
    case SYSEMU:
    case SYSEMU_STEP:
        return go_on(h, t, TRACE_EMULATE, what == SYSEMU_STEP, data);
    case PTRACE_DETACH:
        return detach(h, t, data);
    case PTRACE_GETREGS:
        return put_registers(h, me, t, data, SIZE_MAX);
    case PTRACE_SETREGS:
        return take_registers(h, me, t, data, SIZE_MAX);
    case PTRACE_GETFPREGS:
        return put_user(h, me, data, t->fx, X86_FX_SIZE);
    case PTRACE_SETFPREGS:
        return take_fx(h, me, t, data);
    case PTRACE_GETREGSET:
    case PTRACE_SETREGSET:
        return regset(h, me, t, addr, data, what == PTRACE_SETREGSET);
    case PTRACE_SETOPTIONS:
    case OLD_SETOPTIONS:
        return set_options(h, t, data);
    case PTRACE_GETEVENTMSG:
        return put_user(h, me, data, &t->trace_message, 8);
    case PTRACE_GETSIGINFO:
        return put_user(h, me, data, &t->trace_info, sizeof t->trace_info);
    case PTRACE_SETSIGINFO:
        return get_user(h, me, data, &t->trace_info, sizeof t->trace_info);
    case PTRACE_GETSIGMASK:
        return addr != 8 ? -EINVAL : put_user(h, me, data, &t->mask, 8);
    case PTRACE_SETSIGMASK:
        return addr != 8 ? -EINVAL : get_user(h, me, data, &t->mask, 8);
    case ARCH_PRCTL:
        return base_call(h, me, t, data, addr);
    default:
        report_missing(h, "ptrace request", what, addr);
        return -EIO;
    }
}

/* ---------------------------------------------------------------- beginning */

static int64_t trace_me(struct host *h, struct task *t)
{
    const struct group *g = GROUP(t->group);
    if (t->tracer)
        return -EPERM;
    t->tracer = g->parent ? GROUP(g->parent)->leader : 0;
    return t->tracer ? 0 : -EPERM;
}

static int64_t attach(struct host *h, struct task *me, struct task *t)
{
    if (t->group == me->group || t->tracer || t->state == TASK_ZOMBIE)
        return -EPERM;
    t->tracer = ref_of(h, me);
    struct info info = {.signo = SIGSTOP, .code = SI_USER, .pid = me->pid};
    if (t->state == TASK_STOPPED) {
        t->trace_signal = SIGSTOP;
        trace_stop(h, t, SIGSTOP << 8 | 0x7f, &info);
    } else {
        signal_task(h, t, &info);
    }
    return 0;
}

/* Traced without being stopped, unless its process is. */
static int64_t seize(struct host *h, struct task *me, struct task *t, uint64_t addr, uint64_t options)
{
    if (addr || options & ~(uint64_t)(0x7f | EXITKILL))
        return -EIO;
    if (t->group == me->group || t->tracer || t->state == TASK_ZOMBIE)
        return -EPERM;
    t->tracer = ref_of(h, me);
    t->trace_seized = 1;
    set_options(h, t, options);
    if (t->state == TASK_STOPPED)
        trace_event_stop(h, t, GROUP(t->group)->stop_signal);
    return 0;
}

static int64_t interrupt(struct host *h, struct task *t)
{
    if (!t->trace_seized)
        return -EIO;
    if (t->trace_listen) {
        trace_event_stop(h, t, SIGTRAP);
        return 0;
    }
    t->trace_interrupt = 1;
    if (t->state == TASK_WAITS)
        task_ready(h, t);
    return 0;
}

static int64_t listen_on(struct task *t)
{
    if (!t->trace_seized || t->trace_info.code >> 8 != EVENT_STOP)
        return -EIO;
    t->trace_listen = 1;
    t->trace_status = 0;
    return 0;
}

int64_t call_ptrace(struct host *h, struct task *t, const uint64_t *a)
{
    if (a[0] == PTRACE_TRACEME)
        return trace_me(h, t);
    struct task *to = task_find(h, (int)a[1]);
    if (!to)
        return -ESRCH;
    if (a[0] == PTRACE_ATTACH)
        return attach(h, t, to);
    if (a[0] == PTRACE_SEIZE)
        return seize(h, t, to, a[2], a[3]);
    if (to->tracer != ref_of(h, t))
        return -ESRCH;
    if (a[0] == PTRACE_KILL) {
        signal_kernel(h, to, SIGKILL);
        return 0;
    }
    if (a[0] == PTRACE_INTERRUPT)
        return interrupt(h, to);
    if (to->state != TASK_TRACED || to->trace_listen)
        return -ESRCH;
    if (a[0] == PTRACE_LISTEN)
        return listen_on(to);
    return request(h, t, to, a[0], a[2], a[3]);
}
