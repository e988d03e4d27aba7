/* task.c - processes and threads: created, named, executed, exited, waited for, switched to. See impl.h.
 *
 * vm_forkproc is the last step of a fork and gets both processes in every version; thread_link adds a thread to a
 * process; exit1 ends a process; proc_reap gives its status to its parent.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/systems/freebsd/private/impl.h"

enum { RFCFDG = 1 << 12, RFFDG = 1 << 2, RFPROC = 1 << 4, RFMEM = 1 << 5, RFPPWAIT = 1u << 31 };
enum {
    CLONE_VM = 0x100,
    CLONE_FILES = 0x400,
    CLONE_VFORK = 0x4000,
    CLONE_THREAD = 0x10000,
    LINUX_SIGCHLD = 17
};
enum { KIND_KERNEL_THREAD, KIND_PROCESS, KIND_THREAD };
enum { EXIT_HAS_SIGNAL = 1100000 };
enum { EXECS_MAX = 1024, ARGUMENTS_MAX = 3072, ARGUMENT_SPACE = 1 << 20 };

/* ---------------------------------------------------------------- who runs */

/* Where the processor's data will be once the kernel is entered: by SWAPGS, or by the descriptor of its FS (GPRIV_SEL in
 * machine/segments.h). */
static uint64_t data_in_kernel(const struct fb_guest *fb)
{
    enum { GPRIV_SEL = 1, DESCRIPTOR = 8 };
    uint64_t at = 0;
    if (!base_reg_by_name(&fb->base, fb->base.word == 8 ? "k_gs_base" : "gdtr_base", &at))
        return 0;
    if (fb->base.word == 4) {
        const uint64_t d = fb_u64(fb, at + GPRIV_SEL * DESCRIPTOR);
        at = (d >> 16 & 0xffffff) | (d >> 56) << 24;
    }
    return fb_is_kernel(fb, at) ? at : 0;
}

/* The kernel's GS base (i386: FS base) is that of the processor's data, which begins with the current thread; while a
 * program runs, or in the first instructions after one, it is what was seen last. */
uint64_t fb_curthread(const struct fb_guest *fb)
{
    uint64_t base = fb_reg(fb, fb->base.word == 8 ? GUEST_GS_BASE : GUEST_FS_BASE);
    uint64_t *known = (uint64_t *)&fb->pcpu[fb->base.cpu % FB_CPUS];
    if (fb_reg(fb, GUEST_CPL) == 0 && base && fb_is_kernel(fb, base))
        *known = base;
    else if (!*known && fb->resumed)
        *known = data_in_kernel(fb);
    return *known ? fb_word(fb, *known) : 0;
}

static uint64_t process_of(const struct fb_guest *fb, uint64_t td)
{
    return fb_member(fb, td, fb->layout.td_proc);
}

uint32_t fb_tid(const struct fb_guest *fb, uint64_t td, uint32_t *pid)
{
    const struct fb_layout *l = &fb->layout;
    uint64_t p = process_of(fb, td);
    *pid = fb_member32(fb, p, l->p_pid);
    bool first = l->p_threads < 0 || l->td_tid < 0;
    const uint32_t number = fb->resumed && !first ? fb_member32(fb, td, l->td_tid) : 0;
    for (size_t i = 0; !first && i < fb->nthreads; i++)
        if (fb->resumed ? fb->threads[i].tid == number : fb->threads[i].td == td)
            return fb->threads[i].tid;
    return *pid;
}

uint32_t fb_current_pid(const struct fb_guest *fb)
{
    uint32_t pid;
    return fb_tid(fb, fb_curthread(fb), &pid);
}

static bool has_processes(const struct fb_guest *fb)
{
    const uint64_t allproc = fb_symbol(fb, "allproc");
    return fb_symbol(fb, "proc0") && (!allproc || fb_word(fb, allproc));
}

/* Before there is a process, every task is number 0. */
static void learn_layout(struct fb_guest *fb)
{
    if (fb->first_seen || !has_processes(fb))
        return;
    fb->first_seen = true;
    fb_layout_constants(fb);
    fb_layout_derive(fb);
    fb_layout_named(fb);
}

bool fb_task(struct fb_guest *fb, struct guest_task *t)
{
    *t = (struct guest_task){.space = fb->base.space};
    if (fb->state != FB_FOUND)
        return false;
    if (fb->resumed)
        learn_layout(fb);
    t->pid = fb_tid(fb, fb_curthread(fb), &t->tgid);
    t->space = symbol_space_of(symbol_space_guest(fb->base.space), t->tgid);
    return true;
}

static void comm_of(const struct fb_guest *fb, uint64_t p, char comm[FB_COMM + 1])
{
    comm[0] = 0;
    if (p && fb->layout.p_comm >= 0)
        fb_string(fb, p + (unsigned)fb->layout.p_comm, comm, FB_COMM + 1);
}

/* ---------------------------------------------------------------- what is known of processes */

static struct fb_process *find_process(struct fb_guest *fb, uint64_t proc)
{
    for (size_t i = 0; i < fb->nprocesses; i++)
        if (fb->processes[i].proc == proc)
            return &fb->processes[i];
    return NULL;
}

const struct fb_process *fb_process_of(struct fb_guest *fb, uint64_t td)
{
    return find_process(fb, process_of(fb, td));
}

/* A list of what lives in the guest, from which nothing was ever removed, is no real one: it begins anew. */
static void bound(size_t *n)
{
    enum { MANY = 1 << 15 };
    if (*n >= MANY)
        *n = 0;
}

static struct fb_process *add_process(struct fb_guest *fb, uint64_t proc)
{
    struct fb_process *p = find_process(fb, proc);
    if (!p) {
        bound(&fb->nprocesses);
        MEM_MORE(fb->processes, fb->nprocesses);
        p = &fb->processes[fb->nprocesses++];
    }
    *p = (struct fb_process){.proc = proc, .pid = fb_member32(fb, proc, fb->layout.p_pid)};
    comm_of(fb, proc, p->comm);
    return p;
}

static void thread_name(const struct fb_guest *fb, uint64_t td, char name[FB_COMM + 1])
{
    name[0] = 0;
    if (td && fb->layout.td_name >= 0)
        fb_string(fb, td + (unsigned)fb->layout.td_name, name, FB_COMM + 1);
}

static void drop_process(struct fb_guest *fb, struct fb_process *p)
{
    *p = fb->processes[--fb->nprocesses];
}

static void check_name(struct fb_guest *fb, struct fb_process *p)
{
    char comm[FB_COMM + 1];
    comm_of(fb, p->proc, comm);
    if (!strcmp(comm, p->comm))
        return;
    memcpy(p->comm, comm, sizeof comm);
    GUEST_EMIT(fb, EV_PROCESS_NAME, comm, p->pid, p->pid);
}

/* ---------------------------------------------------------------- created */

/* The flags that clone(2) of Linux has for the same, as EV_PROCESS_CREATE says. */
static uint64_t clone_flags(uint32_t rf)
{
    return (rf & RFMEM ? CLONE_VM : 0u) | (rf & RFPPWAIT ? CLONE_VFORK : 0u) |
           (rf & (RFFDG | RFCFDG) ? 0u : CLONE_FILES) | LINUX_SIGCHLD;
}

/* A kernel process shares the memory of process 0. */
static void forked(struct fb_guest *fb, struct hook_frame *f)
{
    uint64_t td = base_argument(&fb->base, 0), proc = base_argument(&fb->base, 1);
    uint32_t flags = (uint32_t)base_argument(&fb->base, 4), parent = 0;
    if (!proc || !(flags & RFPROC))
        return;
    fb_task_first(fb);
    fb_tid(fb, td, &parent);
    struct fb_process *p = add_process(fb, proc);
    p->parent = parent;
    p->kernel = !parent && flags & RFMEM;
    GUEST_EMIT(fb, EV_PROCESS_CREATE, p->comm, p->kernel ? KIND_KERNEL_THREAD : KIND_PROCESS,
               clone_flags(flags), p->pid, p->pid, parent);
}

/* A kernel process gets its name when its fork is over. */
static void named(struct fb_guest *fb, const struct hook_frame *f)
{
    for (size_t i = 0; i < fb->nprocesses; i++)
        check_name(fb, &fb->processes[i]);
}

static const struct fb_thread *add_thread(struct fb_guest *fb, uint64_t td, uint32_t pid)
{
    size_t i = 0;
    bound(&fb->nthreads);
    while (i < fb->nthreads && fb->threads[i].td != td)
        i++;
    if (i == fb->nthreads) {
        MEM_MORE(fb->threads, fb->nthreads);
        fb->nthreads++;
    }
    fb->threads[i] = (struct fb_thread){.td = td, .tid = fb_member32(fb, td, fb->layout.td_tid), .pid = pid};
    thread_name(fb, td, fb->threads[i].name);
    return &fb->threads[i];
}

/* The first thread of a process is linked to it before the process is known. */
static void linked(struct fb_guest *fb, struct hook_frame *f)
{
    const struct fb_layout *l = &fb->layout;
    uint64_t td = base_argument(&fb->base, 0), proc = base_argument(&fb->base, 1);
    const struct fb_process *p = find_process(fb, proc);
    char name[FB_COMM + 1];
    if (!p || l->td_tid < 0)
        return;
    const struct fb_thread *t = add_thread(fb, td, p->pid);
    fb_string(fb, l->td_name >= 0 ? td + (unsigned)l->td_name : 0, name, sizeof name);
    GUEST_EMIT(fb, EV_PROCESS_CREATE, name[0] ? name : p->comm, p->kernel ? KIND_KERNEL_THREAD : KIND_THREAD,
               CLONE_VM | CLONE_FILES | CLONE_THREAD, t->tid, p->pid, p->pid);
}

void fb_task_first(struct fb_guest *fb)
{
    const struct fb_layout *l = &fb->layout;
    if (fb->first_seen || !has_processes(fb))
        return;
    fb->first_seen = true;
    fb_layout_named(fb);
    fb_say_notes(fb);
    if (!base_wants(&fb->base, EC_PROCESS))
        return;
    if (l->p_pid < 0 || l->p_comm < 0 || l->td_proc < 0) {
        base_note_once(&fb->base, FB_NOTE_PROCESS,
                       "places of a process's members are not known: no process events");
        return;
    }
    struct fb_process *p = add_process(fb, fb_symbol(fb, "proc0"));
    p->kernel = true;
    GUEST_EMIT(fb, EV_PROCESS_CREATE, p->comm, KIND_KERNEL_THREAD, 0, p->pid, p->pid, 0);
}

/* Interrupt threads are named after their handlers. */
static void handler_added(struct fb_guest *fb, const struct hook_frame *f)
{
    char name[FB_COMM + 1];
    for (size_t i = 0; i < fb->nthreads; i++) {
        struct fb_thread *t = &fb->threads[i];
        thread_name(fb, t->td, name);
        if (!name[0] || !strcmp(name, t->name))
            continue;
        memcpy(t->name, name, sizeof name);
        GUEST_EMIT(fb, EV_PROCESS_NAME, name, t->tid, t->pid);
    }
}

/* The thread's frame, in which the program's registers are. */
static void began(struct fb_guest *fb, struct hook_frame *f)
{
    fb_layout_frame(fb, fb_curthread(fb), base_argument(&fb->base, 2));
}

/* ---------------------------------------------------------------- executed */

/* struct image_args: a buffer, then places in it; other members may come between. */
struct image_args {
    uint64_t buffer, argv, envv, path;
};

static bool read_image_args(const struct fb_guest *fb, uint64_t at, struct image_args *a)
{
    enum { WORDS = 8 };
    uint64_t w[WORDS];
    for (unsigned i = 0; i < WORDS; i++)
        w[i] = at ? fb_word(fb, at + i * fb->base.word) : 0;
    for (unsigned i = 1; i + 3 < WORDS; i++)
        if (w[0] && w[i] - w[0] < ARGUMENT_SPACE && w[i + 2] - w[i] < ARGUMENT_SPACE &&
            (!w[i + 1] || w[i + 1] - w[i] <= w[i + 2] - w[i])) {
            /* Without an environment its place may not be set. */
            *a = (struct image_args){w[0], w[i], w[i + 1] ? w[i + 1] : w[i + 2], w[i + 3]};
            return true;
        }
    return false;
}

static char *command_of(const struct fb_guest *fb, const struct image_args *a)
{
    char path[1024], args[ARGUMENTS_MAX + 1];
    struct text t = {0};
    size_t n = a->envv - a->argv < ARGUMENTS_MAX ? a->envv - a->argv : ARGUMENTS_MAX;
    fb_string(fb, a->path ? a->path : a->buffer, path, sizeof path);
    text_add_word(&t, path);
    fb_read(fb, a->argv, args, n);
    args[n] = 0;
    for (size_t at = 0; at < n; at += strlen(args + at) + 1)
        text_add_word(&t, args + at);
    return t.s;
}

static struct fb_exec *exec_of(struct fb_guest *fb, uint64_t td)
{
    for (size_t i = 0; i < fb->nexecs; i++)
        if (fb->execs[i].td == td)
            return &fb->execs[i];
    if (fb->nexecs >= EXECS_MAX) {
        fb->nexecs--;
        free(fb->execs[fb->nexecs].text);
    }
    MEM_MORE(fb->execs, fb->nexecs);
    fb->execs[fb->nexecs] = (struct fb_exec){.td = td};
    return &fb->execs[fb->nexecs++];
}

/* The text is the caller's to free. */
static char *take_exec(struct fb_guest *fb, uint64_t td)
{
    struct fb_exec *x = exec_of(fb, td);
    char *text = x->text;
    *x = fb->execs[--fb->nexecs];
    return text;
}

/* A call of kern_execve keeps its text until it succeeds. */
static void exec_begins(struct fb_guest *fb, struct hook_frame *f)
{
    struct image_args a;
    f->value[0] = base_argument(&fb->base, 0);
    struct fb_exec *x = exec_of(fb, f->value[0]);
    free(x->text);
    x->text = read_image_args(fb, base_argument(&fb->base, 1), &a) ? command_of(fb, &a) : NULL;
}

/* Success is 0, or EJUSTRETURN (-2), which keeps the program's new registers. */
static void exec_ends(struct fb_guest *fb, const struct hook_frame *f)
{
    int32_t result = (int32_t)fb_reg(fb, GUEST_RAX);
    uint64_t td = f->value[0];
    char *text = take_exec(fb, td);
    uint32_t pid, tid = fb_tid(fb, td, &pid);
    enum { TF_RIP = 152, TF_EIP = 52 };
    if (text && (result == 0 || result == -2)) {
        uint64_t frame = fb_member(fb, td, fb->layout.td_frame);
        uint64_t entry = frame ? fb_word(fb, frame + (fb->base.word == 8 ? TF_RIP : TF_EIP)) : 0;
        GUEST_EMIT(fb, EV_PROCESS_EXEC, text, tid, pid, entry);
        struct fb_process *p = find_process(fb, process_of(fb, td));
        if (p)
            check_name(fb, p);
        if (pid == 1 && !fb->init_seen && base_wants(&fb->base, EC_KERNEL))
            GUEST_EMIT(fb, EV_INIT_RUN, text);
        fb->init_seen |= pid == 1;
    } else if (!text) {
        base_note_once(&fb->base, FB_NOTE_EXEC,
                       "a program is executed, but its name and arguments are not found");
    }
    free(text);
}

/* ---------------------------------------------------------------- exited */

static void thread_gone(struct fb_guest *fb, size_t i, uint32_t code)
{
    const struct fb_thread t = fb->threads[i];
    char name[FB_COMM + 1];
    thread_name(fb, t.td, name);
    fb->threads[i] = fb->threads[--fb->nthreads];
    GUEST_EMIT(fb, EV_PROCESS_EXIT, name, code, t.tid, t.pid);
}

/* exit1(td, status, signal); before 11.0 exit1(td, wait status). */
static void exited(struct fb_guest *fb, struct hook_frame *f)
{
    uint64_t td = base_argument(&fb->base, 0);
    uint32_t value = (uint32_t)base_argument(&fb->base, 1), signal = (uint32_t)base_argument(&fb->base, 2);
    struct fb_process *p = find_process(fb, process_of(fb, td));
    if (fb->release >= EXIT_HAS_SIGNAL || !fb->release)
        value = signal ? signal : (value & 0xff) << 8;
    if (!p) /* another of its threads was first */
        return;
    check_name(fb, p);
    GUEST_EMIT(fb, EV_PROCESS_EXIT, p->comm, value & 0xffff, p->pid, p->pid);
    drop_process(fb, p);
}

static void thread_exits(struct fb_guest *fb, struct hook_frame *f)
{
    uint64_t td = fb_curthread(fb);
    for (size_t i = 0; i < fb->nthreads; i++)
        if (fb->threads[i].td == td) {
            thread_gone(fb, i, 0);
            return;
        }
}

static void reaped(struct fb_guest *fb, struct hook_frame *f)
{
    uint64_t proc = base_argument(&fb->base, 1);
    uint32_t parent;
    char comm[FB_COMM + 1];
    fb_tid(fb, base_argument(&fb->base, 0), &parent);
    comm_of(fb, proc, comm);
    GUEST_EMIT(fb, EV_PROCESS_WAIT, comm, fb_member32(fb, proc, fb->layout.p_pid), parent);
}

/* ---------------------------------------------------------------- switched */

static void switched(struct fb_guest *fb, struct hook_frame *f)
{
    uint64_t from = base_argument(&fb->base, 0), to = base_argument(&fb->base, 1);
    char name[FB_COMM + 1];
    uint32_t group;
    if (!to)
        return;
    uint32_t previous = fb_tid(fb, from, &group), next = fb_tid(fb, to, &group);
    thread_name(fb, to, name);
    GUEST_EMIT(fb, EV_SCHED_SWITCH, name, previous, next, group);
}

/* ---------------------------------------------------------------- found earlier */

/* Which tasks are threads, and not a process's first one. */
void fb_task_retell(struct guest *g, const struct event *ev)
{
    struct fb_guest *fb = (struct fb_guest *)g;
    size_t i = 0;
    if (ev->guest != symbol_space_guest(fb->base.space))
        return;
    if (ev->kind == EV_PROCESS_CREATE && EVF(ev, PROCESS_CREATE, flags) & CLONE_THREAD) {
        bound(&fb->nthreads);
        MEM_MORE(fb->threads, fb->nthreads);
        fb->threads[fb->nthreads++] = (struct fb_thread){.tid = (uint32_t)EVF(ev, PROCESS_CREATE, pid)};
        return;
    }
    if (ev->kind != EV_PROCESS_EXIT || EVF(ev, PROCESS_EXIT, pid) == EVF(ev, PROCESS_EXIT, tgid))
        return;
    while (i < fb->nthreads && fb->threads[i].tid != EVF(ev, PROCESS_EXIT, pid))
        i++;
    if (i < fb->nthreads)
        fb->threads[i] = fb->threads[--fb->nthreads];
}

/* ---------------------------------------------------------------- setting up */

void fb_task_forget(struct fb_guest *fb)
{
    for (size_t i = 0; i < fb->nexecs; i++)
        free(fb->execs[i].text);
    free(fb->execs);
    free(fb->processes);
    free(fb->threads);
}

void fb_task_setup(struct fb_guest *fb)
{
    if (base_wants(&fb->base, EC_PROCESS)) {
        fb_hook_needed(fb, "vm_forkproc", forked, NULL);
        fb_hook_needed(fb, "thread_link", linked, NULL);
        fb_hook_needed(fb, "exit1", exited, NULL);
        fb_hook_needed(fb, "thread_exit", thread_exits, NULL);
        fb_hook_needed(fb, "kern_execve", exec_begins, exec_ends);
        fb_hook_needed(fb, "kproc_create", NULL, named);
        fb_hook_needed(fb, "fork_exit", began, NULL);
        fb_hook(fb, "proc_reap", reaped, NULL);
        fb_hook(fb, "intr_event_add_handler", NULL, handler_added);
    }
    if (base_wants(&fb->base, EC_SCHED))
        fb_hook_needed(fb, "cpu_switch", switched, NULL);
}
