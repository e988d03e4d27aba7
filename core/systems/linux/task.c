/* task.c - processes: created, named, executed, exited, switched to. See impl.h. */
#include <stdlib.h>

#include "base/text.h"
#include "core/systems/linux/private/impl.h"

enum { COMM = 16, PF_KTHREAD = 0x200000, CLONE_THREAD = 0x10000, ARGUMENTS_MAX = 3072 };

/* ---------------------------------------------------------------- tasks */

/* Per-cpu symbols of 64-bit kernels are offsets from GS, or (since 6.15) real addresses that the offset in GS is added to. That
 * is 0 until the processors get areas of their own; later it is 0 only where the kernel's entry has not loaded it yet. */
static bool percpu_base(const struct linux_guest *lx, uint64_t *base)
{
    *base = lx_reg(lx, lx->base.word == 8 ? GUEST_GS_BASE : GUEST_FS_BASE);
    if (lx->base.word == 4 || *base)
        return true;
    return lx->current_at >= KERNEL_MAP_BASE && !(lx->percpu_offsets && lx_u64(lx, lx->percpu_offsets));
}

/* A program runs, not the kernel. A 64-bit kernel that Xen runs paravirtually is in ring 3 as well. */
static bool in_program(const struct linux_guest *lx)
{
    bool paravirtual = guest_shares(&lx->base.guest) && lx->base.word == 8 && lx_reg(lx, GUEST_RIP) >> 47;
    return lx_reg(lx, GUEST_CPL) == 3 && !paravirtual;
}

/* While a program runs, its value is in the segment register; that of a 64-bit kernel waits for SWAPGS, and its memory is mapped unless the
 * kernel isolates its page tables (PTI). A 32-bit kernel loads the register at each entry, so nothing has it. */
static uint64_t program_current(const struct linux_guest *lx)
{
    const struct engine *e = lx->base.o.engine;
    if (lx->current_how != CURRENT_PERCPU || lx->base.word != 8)
        return 0;
    const uint64_t base = engine_reg_value(e, lx->base.cpu, engine_reg_index(e, "k_gs_base"));
    return base ? lx_word(lx, base + lx->current_at) : 0;
}

uint64_t lx_current(const struct linux_guest *lx)
{
    uint64_t base = 0;
    if (lx->hosted.is)
        return lx_hosted_current(lx);
    if (lx->current_how == CURRENT_UNKNOWN)
        return 0;
    if (in_program(lx))
        return program_current(lx);
    if (lx->current_how == CURRENT_PERCPU && !percpu_base(lx, &base))
        return 0;
    return lx_word(lx, lx->base.word == 8 ? base + lx->current_at : (uint32_t)(base + lx->current_at));
}

uint32_t lx_pid(const struct linux_guest *lx, uint64_t task)
{
    return lx_member32(lx, task, lx->types.task_pid);
}

uint32_t lx_tgid(const struct linux_guest *lx, uint64_t task)
{
    return lx_member32(lx, task, lx->types.task_tgid);
}

bool lx_task(struct linux_guest *lx, struct guest_task *t)
{
    uint64_t task = lx->state == LX_FOUND ? lx_current(lx) : 0;
    if (lx->state == LX_FOUND && !lx_kernel_runs(lx))
        return lx_hosted_task(lx, t);
    if (task)
        lx_infer_pids(lx);
    *t = (struct guest_task){.pid = lx_pid(lx, task), .tgid = lx_tgid(lx, task)};
    t->space = lx_space(lx, t->tgid);
    return lx->state == LX_FOUND;
}

static void comm_of(const struct linux_guest *lx, uint64_t task, char comm[COMM + 1])
{
    comm[0] = 0;
    if (task && lx->types.task_comm >= 0)
        lx_string(lx, task + (unsigned)lx->types.task_comm, comm, COMM + 1);
}

struct current_search {
    uint64_t symbol; /* 0: there is none */
    struct code_site load;
    bool found;
};

/* The load of the symbol; without one, the first load. */
static void current_load(void *ctx, const struct code_site *site)
{
    struct current_search *s = ctx;
    bool loads = site->kind == CODE_PERCPU_LOAD || site->kind == CODE_LOAD;
    if (loads && !s->found && (!s->symbol || s->symbol == site->target)) {
        s->load = *site;
        s->found = true;
    }
}

/* The symbol of the current task: a variable, or (6.2 to 6.14) a member of pcpu_hot. */
static uint64_t current_symbol(const struct linux_guest *lx)
{
    struct symbol sym;
    if (symbols_find_in(lx->base.o.symbols, lx->base.space, "pcpu_hot", SYMBOLS_NOW, &sym) &&
        lx->types.hot_current >= 0)
        return sym.address + (unsigned)lx->types.hot_current;
    return symbols_find_in(lx->base.o.symbols, lx->base.space, "current_task", SYMBOLS_NOW, &sym)
               ? sym.address
               : 0;
}

/* The current task is what a function that only returns its number reads: a per-cpu variable, or a plain one in a kernel for one
 * processor. */
void lx_task_find_current(struct linux_guest *lx)
{
    static const char *const askers[] = {"__x64_sys_gettid", "__ia32_sys_gettid", "sys_gettid"};
    struct symbol sym;
    struct current_search s = {.symbol = current_symbol(lx)};
    if (lx->hosted.is) {
        lx_hosted_find_current(lx);
        return;
    }
    for (size_t i = 0; !s.found && i < sizeof askers / sizeof askers[0]; i++)
        if (lx_function(lx, askers[i], &sym))
            base_sites(&lx->base, &sym, current_load, &s);
    lx->percpu_offsets = lx_symbol(lx, "__per_cpu_offset");
    lx->current_at = s.found ? s.load.target : s.symbol;
    if (s.found)
        lx->current_how = s.load.kind == CODE_LOAD ? CURRENT_PLAIN : CURRENT_PERCPU;
    else if (s.symbol)
        lx->current_how = CURRENT_PERCPU;
}

/* ---------------------------------------------------------------- created */

/* kernel_clone gets the clone flags; the new task is seen in wake_up_new_task, which the same task calls. */
static void clone_enter(struct linux_guest *lx, struct hook_frame *f)
{
    const struct linux_types *t = &lx->types;
    uint64_t args = lx_argument(lx, 0), task = lx_current(lx);
    uint64_t flags =
        base_member64(&lx->base, args, t->clone_flags) | (lx_member32(lx, args, t->clone_exit_signal) & 0xff);
    for (size_t i = 0; i < lx->nclones; i++)
        if (lx->clones[i].task == task) {
            lx->clones[i].flags = flags;
            return;
        }
    MEM_MORE(lx->clones, lx->nclones);
    lx->clones[lx->nclones++] = (struct clone_flags){task, flags};
}

static uint64_t take_flags(struct linux_guest *lx, uint64_t task)
{
    for (size_t i = 0; i < lx->nclones; i++)
        if (lx->clones[i].task == task) {
            uint64_t flags = lx->clones[i].flags;
            lx->clones[i] = lx->clones[--lx->nclones];
            return flags;
        }
    return 0;
}

static void created(struct linux_guest *lx, struct hook_frame *f)
{
    const struct linux_types *t = &lx->types;
    uint64_t task = lx_argument(lx, 0), flags = take_flags(lx, lx_current(lx));
    lx_infer_created(lx, task);
    uint32_t pid = lx_pid(lx, task), tgid = lx_tgid(lx, task);
    uint32_t parent = lx_tgid(lx, lx_member(lx, task, t->task_real_parent));
    unsigned kind = lx_member32(lx, task, t->task_flags) & PF_KTHREAD ? 0 : pid == tgid ? 1 : 2;
    char comm[COMM + 1];
    comm_of(lx, task, comm);
    GUEST_EMIT(lx, EV_PROCESS_CREATE, comm, kind, flags, pid, tgid, parent);
    if (kind)
        lx_hosted_runs_in(lx, task);
    if (kind == 1)
        lx_program_forked(lx, parent, tgid);
}

/* ---------------------------------------------------------------- named, executed, exited */

static void named(struct linux_guest *lx, struct hook_frame *f)
{
    uint64_t task = lx_argument(lx, 0);
    char name[COMM], old[COMM + 1];
    lx_string(lx, lx_argument(lx, 1), name, sizeof name);
    comm_of(lx, task, old);
    if (strcmp(name, old))
        GUEST_EMIT(lx, EV_PROCESS_NAME, name, lx_pid(lx, task), lx_tgid(lx, task));
}

static void add_arguments(struct linux_guest *lx, uint64_t mm, struct text *t)
{
    char args[ARGUMENTS_MAX + 1];
    uint64_t begin = lx_member(lx, mm, lx->types.mm_arg_start), end = lx_member(lx, mm, lx->types.mm_arg_end);
    size_t n = end - begin < ARGUMENTS_MAX ? end - begin : ARGUMENTS_MAX;
    if (!begin || end <= begin)
        return;
    /* Page by page: parts that are not in memory are left out. */
    for (size_t at = 0, part; at < n; at += part) {
        part = 0x1000 - ((begin + at) & 0xfff);
        part = part < n - at ? part : n - at;
        lx_read(lx, begin + at, args + at, part);
    }
    args[n] = 0;
    for (size_t at = 0; at < n; at += strlen(args + at) + 1)
        text_add_word(t, args + at);
}

/* The new program is in place: its memory is the current one, its arguments are on its stack. */
static void executed(struct linux_guest *lx, struct hook_frame *f)
{
    const struct linux_types *t = &lx->types;
    uint64_t binprm = lx_argument(lx, 0), task = lx_current(lx);
    char path[1024];
    struct text words = {0};
    lx_infer_executed(lx, task, binprm);
    lx_string(lx, lx_member(lx, binprm, t->binprm_filename), path, sizeof path);
    text_add_word(&words, path);
    add_arguments(lx, lx_member(lx, task, t->task_mm), &words);
    GUEST_EMIT(lx, EV_PROCESS_EXEC, words.s, lx_pid(lx, task), lx_tgid(lx, task),
               lx_member(lx, binprm, t->binprm_exec));
    lx_file_executed(lx, lx_member(lx, binprm, t->binprm_file));
    lx_hosted_runs_in(lx, task);
    if (lx_pid(lx, task) == 1 && !lx->init_seen && base_wants(&lx->base, EC_KERNEL)) {
        lx->init_seen = true;
        GUEST_EMIT(lx, EV_INIT_RUN, words.s);
    }
    free(words.s);
    /* For a script, the interpreter is what runs. */
    lx_string(lx, lx_member(lx, binprm, t->binprm_interp), path, sizeof path);
    lx_program_executed(lx, binprm, path);
}

static void exited(struct linux_guest *lx, struct hook_frame *f)
{
    uint64_t task = lx_current(lx);
    uint32_t pid = lx_pid(lx, task), tgid = lx_tgid(lx, task);
    char comm[COMM + 1];
    lx_frames_of_stack(lx, lx_reg(lx, GUEST_RSP));
    if (!base_wants(&lx->base, EC_PROCESS))
        return;
    comm_of(lx, task, comm);
    GUEST_EMIT(lx, EV_PROCESS_EXIT, comm, lx_argument(lx, 0) & 0xffffffff, pid, tgid);
    if (pid == tgid)
        lx_program_exited(lx, tgid);
}

static void switched(struct linux_guest *lx, struct hook_frame *f)
{
    uint64_t prev = lx_argument(lx, 0), next = lx_argument(lx, 1);
    char comm[COMM + 1];
    comm_of(lx, next, comm);
    GUEST_EMIT(lx, EV_SCHED_SWITCH, comm, lx_pid(lx, prev), lx_pid(lx, next), lx_tgid(lx, next));
}

/* ---------------------------------------------------------------- setting up */

void lx_task_setup(struct linux_guest *lx)
{
    lx_task_find_current(lx);
    lx->vmemmap = lx_symbol(lx, "vmemmap_base");
    if (lx->types.task_comm < 0)
        return;
    if (lx->current_how == CURRENT_UNKNOWN && !lx->hosted.stack && !lx->hosted.current)
        base_missing(&lx->base, "current_task");
    if (base_wants(&lx->base, EC_PROCESS)) {
        if (!lx_hook(lx, "kernel_clone", clone_enter, NULL))
            base_missing(&lx->base, "kernel_clone");
        if (!lx_hook(lx, "wake_up_new_task", created, NULL))
            base_missing(&lx->base, "wake_up_new_task");
        if (!lx_hook(lx, "__set_task_comm", named, NULL))
            base_missing(&lx->base, "__set_task_comm");
        if (!lx_hook(lx, "finalize_exec", executed, NULL))
            base_missing(&lx->base, "finalize_exec");
    }
    if ((base_wants(&lx->base, EC_PROCESS) || base_wants(&lx->base, EC_SYSCALL)) &&
        !lx_hook(lx, "do_exit", exited, NULL))
        base_missing(&lx->base, "do_exit");
    if (base_wants(&lx->base, EC_SCHED) && !lx_hook(lx, "__switch_to", switched, NULL))
        base_missing(&lx->base, "__switch_to");
}
