/* tasks.c - the guest kernel's tasks as gdb's threads, if that is asked for (monitor threads tasks), and backtraces of any of them.
 *
 * A task that has a processor is that processor as far as the rest of the stub is concerned: only its thread's number is the
 * task's. A task that has none is GUEST_TASK and its number; it has the registers that the kernel saved, and its own memory.
 * The kernel's list is read at each position at which gdb asks for anything. */
#include <inttypes.h>

#include "base/memory.h"
#include "gdbstub/impl.h"

/* Numbers of threads: pids; the idle tasks, which have none; processors of which no task is known. */
enum { IDLE_ID = 1 << 28, PROCESSOR_ID = IDLE_ID + 0x1000 };

static unsigned id_of_task(const struct view_task *t)
{
    return t->pid ? t->pid : IDLE_ID + (t->cpu > 0 ? (unsigned)t->cpu : 0);
}

static const struct view_task *by_id(const struct gdbstub *g, unsigned id)
{
    for (size_t i = 0; i < g->tasks.n; i++)
        if (id_of_task(&g->tasks.list[i]) == id)
            return &g->tasks.list[i];
    return NULL;
}

static const struct view_task *on_cpu(const struct gdbstub *g, unsigned cpu)
{
    for (size_t i = 0; i < g->tasks.n; i++)
        if (g->tasks.list[i].cpu == (int)cpu)
            return &g->tasks.list[i];
    return NULL;
}

static unsigned cpu_of(const struct view_task *t)
{
    return t->cpu >= 0 ? (unsigned)t->cpu : GUEST_TASK + id_of_task(t);
}

/* ---------------------------------------------------------------- the list */

static int read_tasks(struct gdbstub *g, struct error *err)
{
    struct timeline_where w;
    timeline_where(g->tl, &w);
    free(g->tasks.list);
    g->tasks.list = NULL;
    g->tasks.n = 0;
    g->tasks.icount = w.icount;
    g->tasks.diverted = w.diverted;
    if (timeline_tasks(g->tl, NULL, 0))
        return error_set(err, "the threads are those of the Linux host already");
    return view_tasks(timeline_look(g->tl), stub_types_here(g), stub_symbols(g), &g->tasks.list, &g->tasks.n,
                      err);
}

void stub_tasks_follow(struct gdbstub *g)
{
    struct timeline_where w;
    struct error ignored;
    unsigned cpu;
    if (!g->as_tasks)
        return;
    timeline_where(g->tl, &w);
    if (g->tasks.icount == w.icount && g->tasks.diverted == w.diverted && !g->tasks.stale)
        return;
    g->tasks.stale = false;
    read_tasks(g, &ignored);
    /* gdb has selected a task, wherever that is now. */
    g->cpu_g = stub_task_thread(g, g->id_g, &cpu) ? cpu : thread_here(g);
    if (g->cpu_c & GUEST_TASK)
        g->cpu_c = g->cpu_g;
}

bool stub_task_thread(const struct gdbstub *g, uint64_t id, unsigned *cpu)
{
    const struct view_task *t = by_id(g, (unsigned)id);
    if (t)
        *cpu = cpu_of(t);
    else if (id >= PROCESSOR_ID && id - PROCESSOR_ID < timeline_cpus(g->tl))
        *cpu = (unsigned)(id - PROCESSOR_ID);
    return t || (id >= PROCESSOR_ID && id - PROCESSOR_ID < timeline_cpus(g->tl));
}

unsigned stub_task_id(const struct gdbstub *g, unsigned cpu)
{
    const struct view_task *t = cpu & GUEST_TASK ? NULL : on_cpu(g, cpu);
    return cpu & GUEST_TASK ? cpu & ~(unsigned)GUEST_TASK : t ? id_of_task(t) : PROCESSOR_ID + cpu;
}

unsigned stub_cpu(const struct gdbstub *g)
{
    return g->cpu_g & GUEST_TASK ? thread_here(g) : g->cpu_g;
}

unsigned stub_code_bits(const struct gdbstub *g, unsigned cpu)
{
    return cpu & GUEST_TASK ? 64 : timeline_code_bits(g->tl, cpu);
}

/* ---------------------------------------------------------------- lists of threads */

static size_t processors_without(const struct gdbstub *g)
{
    size_t n = 0;
    for (unsigned i = 0; i < timeline_cpus(g->tl); i++)
        n += !on_cpu(g, i);
    return n;
}

size_t stub_task_threads(const struct gdbstub *g)
{
    return g->tasks.n + processors_without(g);
}

unsigned stub_task_cpu(const struct gdbstub *g, size_t i)
{
    if (i < g->tasks.n)
        return cpu_of(&g->tasks.list[i]);
    i -= g->tasks.n;
    for (unsigned cpu = 0;; cpu++)
        if (!on_cpu(g, cpu) && !i--)
            return cpu;
}

const struct view_task *stub_task(const struct gdbstub *g, unsigned cpu)
{
    return cpu & GUEST_TASK ? by_id(g, cpu & ~(unsigned)GUEST_TASK) : on_cpu(g, cpu);
}

void stub_task_text(const struct gdbstub *g, unsigned cpu, struct text *out)
{
    static const struct {
        char letter;
        const char *word;
    } states[] = {{'R', "runnable"}, {'S', "sleeps"},  {'D', "sleeps, uninterruptible"},
                  {'I', "idle"},     {'T', "stopped"}, {'Z', "zombie"},
                  {'X', "dead"}};
    char mode[48];
    const struct view_task *t = stub_task(g, cpu);
    if (!t || t->cpu >= 0)
        text_add(out, "on CPU %u, %s", cpu, view_mode_text(timeline_look(g->tl), cpu, mode));
    for (size_t i = 0; t && t->cpu < 0 && i < sizeof states / sizeof states[0]; i++)
        if (states[i].letter == t->state)
            text_add(out, "%s", states[i].word);
    if (t && t->pid != t->tgid)
        text_add(out, ", of %u", t->tgid);
}

/* ---------------------------------------------------------------- state of a task without a processor */

bool stub_task_reg(const struct gdbstub *g, unsigned cpu, const char *name, uint64_t *value)
{
    static const char *const names[VIEW_FRAME_REGISTERS] = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi",
                                                            "rbp", "rsp", "r8",  "r9",  "r10", "r11",
                                                            "r12", "r13", "r14", "r15", "rip"};
    const struct view_task *t = stub_task(g, cpu);
    for (unsigned i = 0; t && i < VIEW_FRAME_REGISTERS; i++)
        if (!strcmp(names[i], name) && view_task_has(i)) {
            *value = t->reg[i];
            return true;
        }
    return false;
}

size_t stub_task_peek(const struct gdbstub *g, unsigned cpu, uint64_t address, void *buf, size_t n)
{
    const struct view_task *t = stub_task(g, cpu);
    return t ? view_peek(timeline_look(g->tl), t->tables, address, buf, n) : 0;
}

/* ---------------------------------------------------------------- monitor commands */

static void failed(struct text *out, const char *text)
{
    text_add(out, "error: %s\n", text);
}

void monitor_threads(struct gdbstub *g, const char *args, struct text *out)
{
    struct error err;
    const bool tasks = !strcmp(args, "tasks");
    if (*args && !tasks && strcmp(args, "processors")) {
        failed(out, "threads: tasks or processors");
        return;
    }
    if (tasks && read_tasks(g, &err)) {
        failed(out, err.text);
        return;
    }
    if (*args) {
        /* gdb has selected the thread of this number, and does not say so again. */
        g->id_g = g->as_tasks ? g->id_g : g->cpu_g + 1;
        g->as_tasks = tasks;
        g->tasks.stale = true;
        g->cpu_g = g->cpu_c = thread_here(g);
        stub_tasks_follow(g);
    }
    text_add(out, "threads are %s; here runs %u\n", g->as_tasks ? "the guest's tasks" : "processors",
             g->as_tasks ? stub_task_id(g, thread_here(g)) : thread_here(g) + 1);
}

static struct view_calls *calls_of(struct gdbstub *g)
{
    if (!g->calls) {
        g->calls = view_calls_new();
        view_calls_debug(g->calls, g->debug);
    }
    return g->calls;
}

static const struct symbols *programs_of(struct gdbstub *g, const struct view_task *t)
{
    return view_task_programs(calls_of(g), timeline_look(g->tl), t, stub_types_here(g), stub_symbols(g));
}

const struct symbols *stub_programs(struct gdbstub *g, unsigned pid)
{
    struct error ignored;
    if (!g->as_tasks)
        read_tasks(g, &ignored);
    const struct view_task *t = by_id(g, pid);
    return t ? programs_of(g, t) : NULL;
}

void *stub_program_elf(struct gdbstub *g, symbol_space space, size_t *n)
{
    struct error ignored;
    if (!g->as_tasks)
        read_tasks(g, &ignored);
    const struct view_task *t = by_id(g, symbol_space_id(space));
    return t && view_task_space(t) == space ? symbols_elf(programs_of(g, t), space, NULL, n) : NULL;
}

/* The functions that are inlined at a call, as frames of their own, and then the line of the one that has the code. Returns the frame's number. */
static unsigned add_inlined(struct gdbstub *g, const struct symbols *s, symbol_space space,
                            const struct view_frame *f, unsigned number, struct debug_place *outer,
                            struct text *out)
{
    struct debug_place place[DEBUG_PLACES];
    const size_t n = symbols_places(s, space, f->pc - f->called, timeline_icount(g->tl), place, DEBUG_PLACES);
    *outer = n ? place[n - 1] : (struct debug_place){NULL};
    for (size_t i = 0; i + 1 < n; i++) {
        text_add(out, "#%-3u 0x%016" PRIx64 " in %s (inlined)", number++, f->pc,
                 place[i].function ? place[i].function : "??");
        if (place[i].file)
            text_add(out, " at %s:%u", place[i].file, place[i].line);
        text_add(out, "\n");
    }
    return number;
}

/* A call that does not return may be the last instruction of its function: what is behind it belongs to another, or to none. */
static void name_frame(const struct symbols *s, symbol_space space, const struct view_frame *f, uint64_t at,
                       char *name, size_t size)
{
    char call[300];
    symbols_text(s, space, f->pc, at, name, size);
    if (!f->called)
        return;
    symbols_text(s, space, f->pc - 1, at, call, sizeof call);
    const size_t n = strcspn(name, "+");
    if (!name[n] || n != strcspn(call, "+") || strncmp(name, call, n))
        snprintf(name, size, "%s", call);
}

static void add_frames(struct gdbstub *g, symbol_space space, const struct view_frame *frame, size_t n,
                       struct text *out)
{
    const uint64_t at = timeline_icount(g->tl);
    const char *lost;
    const size_t certain = view_frames_certain(frame, n, &lost);
    unsigned number = 0;
    for (size_t i = 0; i < certain; i++, number++) {
        const char *file;
        unsigned line;
        char name[300];
        struct debug_place outer;
        const uint64_t pc = frame[i].pc;
        const struct symbols *s = view_task_symbols(calls_of(g), stub_symbols(g), space, pc, at);
        name_frame(s, space, &frame[i], at, name, sizeof name);
        number = add_inlined(g, s, space, &frame[i], number, &outer, out);
        const bool known = *name && strncmp(name, "0x", 2);
        text_add(out, "#%-3u 0x%016" PRIx64 " in %s", number, pc,
                 known                                                   ? name
                 : view_smm_entry(timeline_look(g->tl), stub_cpu(g), pc) ? "entry of system management mode"
                                                                         : "??");
        if (outer.file)
            text_add(out, " at %s:%u", outer.file, outer.line);
        else if (symbols_line(s, space, pc - frame[i].called, at, &file, &line))
            text_add(out, " at %s:%u", file, line);
        text_add(out, "\n");
    }
    if (lost)
        text_add(out, "the caller is unknown: %s\n", lost);
}

enum { FRAMES = 100 };

/* Those of a processor of whose tasks nothing is known: firmware, a loader, a kernel that is not read, system management mode. */
static void backtrace_here(struct gdbstub *g, struct text *out)
{
    struct view_frame frame[FRAMES];
    struct running r = {.space = SPACE_KERNEL};
    struct view_orc *orc = view_orc_new();
    stub_running(g, stub_cpu(g), &r);
    add_frames(g, r.space, frame,
               view_frames(timeline_look(g->tl), stub_cpu(g), stub_symbols(g), r.space, orc, frame, FRAMES),
               out);
    view_orc_free(orc);
}

/* [PID]: the calls in progress of that task, or of the one that runs here. */
static void backtrace(struct gdbstub *g, const char *args, struct text *out)
{
    struct view_frame frame[FRAMES];
    struct error err;
    char *end;
    const unsigned long pid = strtoul(args, &end, 0);
    const bool smm = view_smm(timeline_look(g->tl), stub_cpu(g)); /* a task's page tables are not in use */
    if (!*args && !g->as_tasks && (smm || read_tasks(g, &err))) {
        backtrace_here(g, out);
        return;
    }
    if (*end || (!g->as_tasks && read_tasks(g, &err))) {
        failed(out, *end ? "backtrace: a process number" : err.text);
        return;
    }
    const struct view_task *t = *args ? by_id(g, (unsigned)pid) : on_cpu(g, stub_cpu(g));
    if (!t) {
        failed(out, "there is no such task here: boot-processes lists them");
        return;
    }
    text_add(out, "%u \"%s\", ", t->pid, t->name);
    stub_task_text(g, cpu_of(t), out);
    text_add(out, "\n");
    add_frames(g, view_task_space(t), frame,
               view_task_frames(calls_of(g), timeline_look(g->tl), t, stub_types_here(g), stub_symbols(g),
                                frame, FRAMES),
               out);
}

/* A file of debug information is opened where a frame is in it: what it lacks is said below. */
void monitor_backtrace(struct gdbstub *g, const char *args, struct text *out)
{
    struct text words = {0};
    stub_debug_listen(g, &words);
    backtrace(g, args, out);
    stub_debug_listen(g, NULL);
    if (words.n)
        text_add(out, "%s", words.s);
    free(words.s);
}

/* The task on a processor, of all or, if they are not read here, alone. */
static const struct view_task *task_here(struct gdbstub *g, struct view_task *t)
{
    const struct view_task *listed = g->as_tasks ? stub_task(g, g->cpu_g) : NULL;
    const struct kernel_types *k = stub_types_here(g);
    if (listed || (g->cpu_g & GUEST_TASK))
        return listed;
    return k && stub_symbols(g) && view_task_on(timeline_look(g->tl), k, stub_symbols(g), stub_cpu(g), t)
               ? t
               : NULL;
}

/* The registers of a frame by their DWARF numbers, up to rip, "x" for one that is not known; then whether rip is a return address. */
static bool take_registers(const char *args, struct view_registers *r)
{
    char *end = (char *)args;
    *r = (struct view_registers){0};
    for (unsigned i = 0; i < VIEW_FRAME_REGISTERS; i++) {
        args = end + strspn(end, " ");
        r->reg[i] = *args == 'x' ? 0 : strtoull(args, &end, 16);
        r->known |= (uint32_t)(*args != 'x') << i;
        if (*args == 'x')
            end = (char *)args + 1;
        else if (end == args)
            return false;
    }
    r->called = strtoul(end, &end, 0);
    return !*end;
}

static void add_registers(const struct view_registers *r, struct text *out)
{
    text_add(out, "caller 0x%" PRIx64 " %d", r->cfa, r->called);
    for (unsigned i = 0; i < VIEW_FRAME_REGISTERS; i++)
        if (r->known >> i & 1)
            text_add(out, " 0x%" PRIx64, r->reg[i]);
        else
            text_add(out, " x");
    text_add(out, "\n");
}

static symbol_space here_space(struct gdbstub *g)
{
    struct running here;
    return stub_running(g, stub_cpu(g), &here) ? here.space : SPACE_KERNEL;
}

/* The caller of a frame of a task, or with NULL of what the processor runs, in that space. */
static enum view_caller caller_of(struct gdbstub *g, const struct view_task *t, symbol_space space,
                                  struct view_registers *r, const char **lost)
{
    const struct kernel_types *k = t ? stub_types_here(g) : NULL;
    return view_task_caller(calls_of(g), timeline_look(g->tl), stub_cpu(g), t, k, stub_symbols(g), space, r,
                            lost);
}

/* The caller of a frame of a kernel, wherever: no need to know of which task. But below a hypervisor's frames are those of the kernel of
 * the task that runs. */
static enum view_caller kernel_caller(struct gdbstub *g, struct view_registers *r, const char **lost)
{
    struct view_task task;
    const enum view_caller how = caller_of(g, NULL, here_space(g), r, lost);
    const struct view_task *t = how == VIEW_CALLER_FOREIGN ? task_here(g, &task) : NULL;
    return t ? caller_of(g, t, SPACE_KERNEL, r, lost) : how;
}

/* Unwinds a frame, for bootreel_orc.py: gdb and the other views have one unwinder. The answer is "caller", the frame's CFA, whether the
 * caller's rip is a return address, and its registers; "none": it has no caller; "lost" and why the caller cannot be found; "foreign":
 * this is not code of a Linux kernel with ORC tables, or of a program of one. */
void monitor_unwind(struct gdbstub *g, const char *args, struct text *out)
{
    struct view_registers r;
    struct view_task task;
    const char *lost;
    if (!take_registers(args, &r)) {
        failed(out, "unwind: 17 registers, and whether the last is a return address");
        return;
    }
    if (view_smm_entry(timeline_look(g->tl), stub_cpu(g), r.reg[16] - r.called)) {
        text_add(
            out,
            "lost system management mode begins here: boot-bt goes on in the code that it interrupted\n");
        return;
    }
    const bool kernel = r.reg[16] >> 63 && !(g->cpu_g & GUEST_TASK);
    switch (kernel ? kernel_caller(g, &r, &lost)
                   : caller_of(g, task_here(g, &task), here_space(g), &r, &lost)) {
    case VIEW_CALLER_FOUND:
        add_registers(&r, out);
        break;
    case VIEW_CALLER_NONE:
        text_add(out, "none\n");
        break;
    case VIEW_CALLER_LOST:
        text_add(out, "lost %s\n", lost);
        break;
    default:
        text_add(out, "foreign\n");
        break;
    }
}

void stub_tasks_free(struct gdbstub *g)
{
    free(g->tasks.list);
    view_calls_free(g->calls);
    g->calls = NULL;
    g->tasks.list = NULL;
    g->tasks.n = 0;
}
