/* process.c - processes: each has an address space, a stack in the kernel, and a place in a table. They take
 * turns, a few milliseconds each.
 */
#include "guests/demo/elf.h"
#include "guests/demo/kernel/kernel.h"

enum { TURN = 4 /* ms */, FLAGS_START = 0x202 /* interrupts on */, ARGUMENT_MAX = 64 };

extern char back[];                         /* entry.S: return to a program from its frame */
void switch_to(u32 *save_esp, u32 new_esp); /* entry.S */

static struct process table[PROCESSES];
static struct process *current;
static int last_pid;
static u32 turn_left;
static u32 idle_esp; /* of process_run() */

struct process *process_current(void)
{
    return current;
}

struct process *process_at(unsigned index)
{
    return index < PROCESSES && table[index].state != PROCESS_FREE ? &table[index] : NULL;
}

static struct process *find_free(void)
{
    for (unsigned i = 0; i < PROCESSES; i++)
        if (table[i].state == PROCESS_FREE)
            return &table[i];
    return NULL;
}

/* ---------------------------------------------------------------- taking turns */

/* Switches to process_run(), which chooses the next. */
static void leave(void)
{
    switch_to(&current->esp, idle_esp);
}

/* The next that is ready, after the present one; NULL if none is. */
static struct process *next_ready(void)
{
    unsigned from = current ? (unsigned)(current - table) : 0;
    for (unsigned i = 1; i <= PROCESSES; i++) {
        struct process *p = &table[(from + i) % PROCESSES];
        bool timed = p->state == PROCESS_SLEEPING || p->state == PROCESS_KEY;
        if (timed && (int)(uptime() - p->wake) >= 0)
            p->state = PROCESS_READY;
        if (p->state == PROCESS_READY)
            return p;
    }
    return NULL;
}

static bool any_left(void)
{
    for (unsigned i = 0; i < PROCESSES; i++)
        if (table[i].state != PROCESS_FREE && table[i].state != PROCESS_ZOMBIE)
            return true;
    return false;
}

/* If no process is ready, the processor waits with interrupts on: one will make a process ready. */
void process_run(void)
{
    while (any_left()) {
        struct process *p = next_ready();
        if (!p) {
            __asm__ volatile("sti; hlt; cli");
            continue;
        }
        current = p;
        turn_left = TURN;
        space_enter(p->space);
        set_kernel_stack((u32)direct(p->stack) + KERNEL_STACK);
        switch_to(&idle_esp, p->esp);
    }
    print("kernel: no process is left\n");
    acpi_power_off();
}

void process_yield(void)
{
    leave();
}

bool process_tick(void)
{
    if (!current || current->state != PROCESS_READY)
        return false;
    current->ticks++;
    return turn_left == 0 || --turn_left == 0;
}

void process_block(enum process_state state, u32 milliseconds)
{
    current->wake = uptime() + milliseconds;
    current->state = state;
    leave();
}

void process_wake(enum process_state state)
{
    for (unsigned i = 0; i < PROCESSES; i++)
        if (table[i].state == state)
            table[i].state = PROCESS_READY;
}

/* ---------------------------------------------------------------- making one */

/* What switch_to() finds on the stack of a process that has not run yet: four registers, and entry.S's way
 * back to the program. */
static void prepare_stack(struct process *p, const struct frame *f)
{
    u32 *top = (u32 *)((char *)direct(p->stack) + KERNEL_STACK - sizeof *f);
    memcpy(top, f, sizeof *f);
    *--top = (u32)back;
    top -= 4; /* ebp, ebx, esi, edi: 0 */
    p->esp = (u32)top;
}

/* Gets a slot with a pid and a stack; the caller adds the space. */
static struct process *make(const char *name, u32 space)
{
    struct process *p = find_free();
    u32 stack = p ? page_new() : NO_PAGE;
    if (stack == NO_PAGE)
        return NULL;
    *p = (struct process){.pid = ++last_pid,
                          .parent = current ? current->pid : 0,
                          .state = PROCESS_READY,
                          .space = space,
                          .stack = stack};
    copy_text(p->name, name, sizeof p->name);
    return p;
}

int process_fork(const struct frame *f)
{
    struct frame child = *f;
    u32 space = space_fork(current->space);
    struct process *p = space == NO_PAGE ? NULL : make(current->name, space);
    if (!p) {
        if (space != NO_PAGE)
            space_free(space);
        return ERROR_NO_ROOM;
    }
    child.eax = 0;
    prepare_stack(p, &child);
    return p->pid;
}

/* ---------------------------------------------------------------- programs of the disk */

/* Reads a file into memory that the next call overwrites. */
static const void *read_file(const struct file *f)
{
    static char buffer[32 * 1024] __attribute__((aligned(4)));
    u32 count = (f->size + SECTOR - 1) / SECTOR;
    return count * SECTOR <= sizeof buffer && disk_read(f->lba, count, buffer) ? buffer : NULL;
}

static bool load_segment(u32 space, const char *file, const struct elf_segment *s)
{
    if (s->vaddr < PROGRAM_BASE || s->vaddr + s->memsz > PROGRAM_STACK - PROGRAM_STACK_PAGES * PAGE)
        return false;
    for (u32 page = s->vaddr & ~(PAGE - 1); page < s->vaddr + s->memsz; page += PAGE)
        if (!space_add(space, page, s->flags & ELF_WRITE))
            return false;
    space_write(space, s->vaddr, file + s->offset, s->filesz);
    return true;
}

/* Returns the entry, or 0 if it cannot be loaded. */
static u32 load_program(u32 space, const struct file *f)
{
    const char *file = read_file(f);
    const struct elf_header *h = (const struct elf_header *)file;
    if (!file || h->magic != ELF_MAGIC || h->machine != ELF_386 ||
        h->phoff + h->phnum * h->phentsize > f->size)
        return 0;
    for (u32 i = 0; i < h->phnum; i++) {
        const struct elf_segment *s = (const struct elf_segment *)(file + h->phoff + i * h->phentsize);
        if (s->type != ELF_LOAD || !s->memsz)
            continue;
        if (s->offset + s->filesz > f->size || !load_segment(space, file, s))
            return 0;
    }
    return h->entry;
}

/* The stack, with the argument at its top: the program's main gets a pointer to it. Returns the stack
 * pointer. */
static u32 make_stack(u32 space, const char *argument)
{
    char text[ARGUMENT_MAX] = "";
    u32 top = PROGRAM_STACK - ARGUMENT_MAX;
    for (u32 i = 1; i <= PROGRAM_STACK_PAGES; i++)
        if (!space_add(space, PROGRAM_STACK - i * PAGE, true))
            return 0;
    const u32 call[2] = {0, top}; /* return address, argument */
    copy_text(text, argument, sizeof text);
    space_write(space, top, text, sizeof text);
    space_write(space, top - sizeof call, call, sizeof call);
    return top - sizeof call;
}

int process_spawn(const char *name, const char *argument)
{
    const struct file *f = file_find(name);
    if (!f)
        return ERROR_NO_FILE;
    u32 space = space_new();
    if (space == NO_PAGE)
        return ERROR_NO_ROOM;
    struct frame start = {.ds = SEL_USER_DATA,
                          .es = SEL_USER_DATA,
                          .cs = SEL_USER_CODE,
                          .ss = SEL_USER_DATA,
                          .eflags = FLAGS_START,
                          .eip = load_program(space, f),
                          .esp = make_stack(space, argument)};
    struct process *p = start.eip && start.esp ? make(name, space) : NULL;
    if (!p) {
        space_free(space);
        return ERROR_NO_ROOM;
    }
    prepare_stack(p, &start);
    return p->pid;
}

/* ---------------------------------------------------------------- the end of one */

static struct process *find(int pid)
{
    for (unsigned i = 0; i < PROCESSES; i++)
        if (table[i].state != PROCESS_FREE && table[i].pid == pid)
            return &table[i];
    return NULL;
}

/* Its children go to the first process; its parent may wait for it. */
void process_exit(int code)
{
    struct process *parent = find(current->parent);
    for (unsigned i = 0; i < PROCESSES; i++)
        if (table[i].parent == current->pid)
            table[i].parent = 1;
    space_free(current->space);
    current->code = code;
    current->state = PROCESS_ZOMBIE;
    if (parent && parent->state == PROCESS_WAITING)
        parent->state = PROCESS_READY;
    leave();
    stop_forever();
}

int process_wait(int *code)
{
    for (;;) {
        bool children = false;
        for (unsigned i = 0; i < PROCESSES; i++) {
            struct process *p = &table[i];
            if (p->state == PROCESS_FREE || p->parent != current->pid)
                continue;
            children = true;
            if (p->state == PROCESS_ZOMBIE) {
                *code = p->code;
                page_drop(p->stack);
                p->state = PROCESS_FREE;
                return p->pid;
            }
        }
        if (!children)
            return ERROR_NONE;
        process_block(PROCESS_WAITING, 0);
    }
}
