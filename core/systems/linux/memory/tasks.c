/* tasks.c - see tasks.h. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/systems/linux/memory/tasks.h"

/* ---------------------------------------------------------------- memory: SDM volume 3, 4.5 */

enum { PRESENT = 1, LARGE = 128, PAGE = 4096, CR4_LA57 = 1 << 12, ISOLATED = 1 << 12 };
#define ADDRESS 0x000ffffffffff000ull

/* The first processor whose tables these are, or processor 0: where they are in the machine depends on it if it runs a virtual machine. */
static unsigned cpu_with(struct look m, uint64_t tables)
{
    for (unsigned cpu = 0; cpu < look_cpus(m); cpu++)
        if (((look_reg(m, cpu, "cr3") ^ tables) & ADDRESS & ~(uint64_t)ISOLATED) == 0)
            return cpu;
    return 0;
}

/* The physical address as the kernel has it: of its virtual machine, if it runs in one. */
static bool to_inner(struct look m, unsigned cpu, uint64_t table, uint64_t linear, uint64_t *inner)
{
    const unsigned levels = look_reg(m, cpu, "cr4") & CR4_LA57 ? 5 : 4;
    for (unsigned left = levels; left-- > 0;) {
        const unsigned shift = 12 + 9 * left;
        uint64_t entry;
        if (look_peek_inner(m, cpu, (table & ADDRESS) + 8 * (linear >> shift & 511), &entry, 8) != 8 ||
            !(entry & PRESENT))
            return false;
        if (!left || (left <= 2 && entry & LARGE)) {
            const uint64_t within = ((uint64_t)1 << shift) - 1;
            *inner = (entry & ADDRESS & ~within) | (linear & within);
            return true;
        }
        table = entry;
    }
    return false;
}

/* The same in the machine. */
static bool to_physical(struct look m, uint64_t table, uint64_t linear, uint64_t *physical)
{
    const unsigned cpu = cpu_with(m, table);
    uint64_t inner;
    return to_inner(m, cpu, table, linear, &inner) && look_to_machine(m, cpu, inner, physical);
}

size_t view_peek(struct look m, uint64_t tables, uint64_t linear, void *buf, size_t n)
{
    size_t done = 0;
    while (done < n) {
        const uint64_t at = linear + done, room = PAGE - at % PAGE;
        const size_t part = n - done < room ? n - done : (size_t)room;
        uint64_t physical;
        if (!to_physical(m, tables, at, &physical) ||
            look_peek_physical(m, physical, (uint8_t *)buf + done, part) != part)
            break;
        done += part;
    }
    return done;
}

bool view_translate(struct look m, uint64_t tables, uint64_t linear, uint64_t *physical)
{
    return to_physical(m, tables, linear, physical);
}

/* Linux has the program's tables right behind the kernel's own (arch/x86/include/asm/pgtable.h, PTI_PGTABLE_SWITCH_BIT). */
uint64_t view_tables_for(struct look m, unsigned cpu, uint64_t linear)
{
    const uint64_t own = look_reg(m, cpu, "cr3") & ADDRESS;
    uint64_t inner;
    const bool other = !to_inner(m, cpu, own, linear, &inner) && own & ISOLATED &&
                       to_inner(m, cpu, own & ~(uint64_t)ISOLATED, linear, &inner);
    return other ? own & ~(uint64_t)ISOLATED : own;
}

/* ---------------------------------------------------------------- members */

enum member {
    TASKS,
    THREAD_NODE,
    SIGNAL,
    PID,
    TGID,
    COMM,
    MM,
    FLAGS,
    THREAD_SP,
    STATE,
    THREAD_HEAD,
    PGD,
    FRAME_BP,
    FRAME_BX,
    FRAME_R12,
    FRAME_R13,
    FRAME_R14,
    FRAME_R15,
    FRAME_RET,
    MEMBERS
};

static const struct {
    const char *type, *name, *older; /* older: its name in other versions */
} members[MEMBERS] = {[TASKS] = {"task_struct", "tasks", NULL},
                      [THREAD_NODE] = {"task_struct", "thread_node", NULL},
                      [SIGNAL] = {"task_struct", "signal", NULL},
                      [PID] = {"task_struct", "pid", NULL},
                      [TGID] = {"task_struct", "tgid", NULL},
                      [COMM] = {"task_struct", "comm", NULL},
                      [MM] = {"task_struct", "mm", NULL},
                      [FLAGS] = {"task_struct", "flags", NULL},
                      [THREAD_SP] = {"task_struct", "thread.sp", NULL},
                      [STATE] = {"task_struct", "__state", "state"}, /* before 5.14 */
                      [THREAD_HEAD] = {"signal_struct", "thread_head", NULL},
                      [PGD] = {"mm_struct", "pgd", NULL},
                      [FRAME_BP] = {"inactive_task_frame", "bp", NULL},
                      [FRAME_BX] = {"inactive_task_frame", "bx", NULL},
                      [FRAME_R12] = {"inactive_task_frame", "r12", NULL},
                      [FRAME_R13] = {"inactive_task_frame", "r13", NULL},
                      [FRAME_R14] = {"inactive_task_frame", "r14", NULL},
                      [FRAME_R15] = {"inactive_task_frame", "r15", NULL},
                      [FRAME_RET] = {"inactive_task_frame", "ret_addr", NULL}};

/* Where the DWARF numbers of registers are in the frame: System V ABI for AMD64, figure 3.36. */
static const struct {
    uint8_t reg;
    enum member member;
} saved[] = {{6, FRAME_BP},   {3, FRAME_BX},   {12, FRAME_R12}, {13, FRAME_R13},
             {14, FRAME_R14}, {15, FRAME_R15}, {16, FRAME_RET}};
enum { SAVED = sizeof saved / sizeof saved[0], REG_SP = 7, REG_PC = 16 };

bool view_task_has(unsigned reg)
{
    size_t i = 0;
    while (i < SAVED && saved[i].reg != reg)
        i++;
    return i < SAVED || reg == REG_SP;
}

struct reader {
    struct look m;
    const struct symbols *symbols;
    const struct kernel_types *types;
    symbol_space space; /* of the kernel's symbols */
    uint64_t tables;    /* of the kernel */
    uint64_t offset[MEMBERS], frame_size;
    struct view_task *list;
    size_t n;
};

static bool offset_of(const struct reader *r, const char *type, const char *name, uint64_t *offset)
{
    struct types_place p;
    if (!kernel_types_member(r->types, type, name, &p))
        return false;
    *offset = p.address;
    return true;
}

static int find_members(struct reader *r, struct error *err)
{
    for (size_t i = 0; i < MEMBERS; i++)
        if (!offset_of(r, members[i].type, members[i].name, &r->offset[i]) &&
            !(members[i].older && offset_of(r, members[i].type, members[i].older, &r->offset[i])))
            return error_set(
                err, "the kernel's types (BTF) have no struct %s with %s, so its tasks cannot be found",
                members[i].type, members[i].name);
    r->frame_size = r->offset[FRAME_RET] + 8; /* it is the last */
    return 0;
}

static uint64_t word(const struct reader *r, uint64_t at)
{
    uint64_t v = 0;
    return view_peek(r->m, r->tables, at, &v, 8) == 8 ? v : 0;
}

static uint32_t half(const struct reader *r, uint64_t at)
{
    uint32_t v = 0;
    return view_peek(r->m, r->tables, at, &v, 4) == 4 ? v : 0;
}

static bool symbol(const struct reader *r, const char *name, uint64_t *address)
{
    struct symbol s;
    const bool found = symbols_find(r->symbols, r->space, name, look_icount(r->m), &s);
    *address = found ? s.address : 0;
    return found;
}

/* ---------------------------------------------------------------- a task */

/* TASK_RUNNING and the rest: include/linux/sched.h. */
static char state_letter(uint32_t state, uint32_t flags)
{
    enum {
        INTERRUPTIBLE = 1,
        UNINTERRUPTIBLE = 2,
        STOPPED = 4,
        TRACED = 8,
        DEAD = 0x10 | 0x80,
        ZOMBIE = 0x20,
        NOLOAD = 0x400
    };
    if (state & ZOMBIE)
        return 'Z';
    if (state & DEAD)
        return 'X';
    if (state & (STOPPED | TRACED))
        return 'T';
    if ((state & (UNINTERRUPTIBLE | NOLOAD)) == (UNINTERRUPTIBLE | NOLOAD))
        return 'I';
    return state & UNINTERRUPTIBLE ? 'D' : state & INTERRUPTIBLE ? 'S' : 'R';
}

static void take_frame(const struct reader *r, struct view_task *t)
{
    const uint64_t sp = word(r, t->address + r->offset[THREAD_SP]);
    for (size_t i = 0; i < SAVED; i++)
        t->reg[saved[i].reg] = word(r, sp + r->offset[saved[i].member]);
    t->reg[REG_SP] = sp + r->frame_size;
}

static void add_task(struct reader *r, uint64_t address, int cpu)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->list[i].address == address)
            return;
    MEM_MORE(r->list, r->n);
    struct view_task *t = &r->list[r->n++];
    *t = (struct view_task){.address = address, .cpu = cpu, .tables = r->tables, .kernel = r->space};
    t->pid = half(r, address + r->offset[PID]);
    t->tgid = half(r, address + r->offset[TGID]);
    view_peek(r->m, r->tables, address + r->offset[COMM], t->name, sizeof t->name - 1);
    t->state = cpu >= 0
                   ? 'R'
                   : state_letter(half(r, address + r->offset[STATE]), half(r, address + r->offset[FLAGS]));
    const uint64_t mm = word(r, address + r->offset[MM]), pgd = mm ? word(r, mm + r->offset[PGD]) : 0;
    t->has_memory = mm;
    if (pgd && !to_inner(r->m, cpu_with(r->m, r->tables), r->tables, pgd, &t->tables))
        t->tables = r->tables;
    if (cpu < 0)
        take_frame(r, t);
}

/* ---------------------------------------------------------------- all of them */

enum { MOST = 100000 };

/* The threads of a process, its first one before the others. */
static void add_threads(struct reader *r, uint64_t leader)
{
    const uint64_t signal = word(r, leader + r->offset[SIGNAL]), head = signal + r->offset[THREAD_HEAD];
    add_task(r, leader, -1);
    uint64_t at = signal ? word(r, head) : 0;
    for (unsigned i = 0; at && at != head && i < MOST; i++, at = word(r, at))
        add_task(r, at - r->offset[THREAD_NODE], -1);
}

/* The task of a processor: in its own copy of a variable, or (6.2 to 6.14) of a structure of often used ones. */
static uint64_t current_of(const struct reader *r, unsigned cpu)
{
    uint64_t at, offsets, member;
    if (symbol(r, "pcpu_hot", &at) && offset_of(r, "pcpu_hot", "current_task", &member))
        at += member;
    else if (!symbol(r, "current_task", &at))
        return 0;
    return word(r, at + (symbol(r, "__per_cpu_offset", &offsets) ? word(r, offsets + 8 * cpu) : 0));
}

/* Those that run come first, so that their processors are known. */
static int add_all(struct reader *r, uint64_t init, struct error *err)
{
    for (unsigned cpu = 0; cpu < look_cpus(r->m); cpu++) {
        const uint64_t task = current_of(r, cpu);
        if (task && (half(r, task + r->offset[PID]) || !cpu || word(r, task + r->offset[SIGNAL])))
            add_task(r, task, (int)cpu);
    }
    if (!r->n)
        return error_set(err, "the kernel's current task is not known here");
    const uint64_t head = init + r->offset[TASKS];
    uint64_t at = word(r, head);
    add_task(r, init, -1);
    for (unsigned i = 0; at && at != head && i < MOST; i++, at = word(r, at))
        add_threads(r, at - r->offset[TASKS]);
    return 0;
}

/* Finds the kernel and its members. *init: its first task. */
static int begin(struct reader *r, uint64_t *init, struct error *err)
{
    char name[8] = "";
    r->space = r->types ? kernel_types_set(r->types)->space : SPACE_KERNEL;
    if (!r->symbols || !symbol(r, "init_task", init))
        return error_set(err, "no Linux kernel with a symbol init_task has been found here");
    if (!r->types)
        return error_set(err, "the kernel has no type information (BTF), so its tasks cannot be found");
    if (find_members(r, err))
        return -1;
    r->tables = view_tables_for(r->m, 0, *init);
    if (view_peek(r->m, r->tables, *init + r->offset[COMM], name, 7) != 7 || strcmp(name, "swapper"))
        return error_set(err, "the kernel has not begun here: there are no tasks yet");
    return 0;
}

bool view_task_on(struct look m, const struct kernel_types *k, const struct symbols *s, unsigned cpu,
                  struct view_task *t)
{
    struct reader r = {.m = m, .symbols = s, .types = k};
    struct error ignored;
    uint64_t init;
    const uint64_t task = begin(&r, &init, &ignored) ? 0 : current_of(&r, cpu);
    if (!task)
        return false;
    add_task(&r, task, (int)cpu);
    *t = *r.list;
    free(r.list);
    return true;
}

int view_tasks(struct look m, const struct kernel_types *k, const struct symbols *s, struct view_task **list,
               size_t *n, struct error *err)
{
    struct reader r = {.m = m, .symbols = s, .types = k};
    uint64_t init;
    *list = NULL;
    *n = 0;
    if (begin(&r, &init, err))
        return -1;
    if (add_all(&r, init, err)) {
        free(r.list);
        return -1;
    }
    *list = r.list;
    *n = r.n;
    return 0;
}

symbol_space view_task_space(const struct view_task *t)
{
    return symbol_space_of(symbol_space_guest(t->kernel), t->has_memory ? t->tgid : 0);
}
