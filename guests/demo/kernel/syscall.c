/* syscall.c - the system calls (syscalls.h): a function for each call, and their table. */
#include "guests/demo/kernel/kernel.h"

static int sys_exit(struct frame *f)
{
    process_exit((int)(f->ebx & 0xff));
}

static int sys_print(struct frame *f)
{
    if (!user_range(f->ebx, f->ecx))
        return ERROR_BAD_ADDRESS;
    for (u32 i = 0; i < f->ecx; i++)
        print_char(((const char *)f->ebx)[i]);
    return (int)f->ecx;
}

static int sys_getpid(struct frame *f)
{
    return process_current()->pid;
}

static int sys_fork(struct frame *f)
{
    return process_fork(f);
}

/* Copies a program's text; false if it is not in its own memory, or too long. */
static bool user_text(u32 from, char *to, u32 size)
{
    for (u32 i = 0; i < size; i++) {
        if (!user_range(from + i, 1))
            return false;
        to[i] = *(const char *)(from + i);
        if (!to[i])
            return true;
    }
    return false;
}

static int sys_spawn(struct frame *f)
{
    char name[24], argument[64];
    if (!user_text(f->ebx, name, sizeof name) || !user_text(f->ecx, argument, sizeof argument))
        return ERROR_BAD_ADDRESS;
    return process_spawn(name, argument);
}

static int sys_wait(struct frame *f)
{
    int code;
    if (!user_range(f->ebx, sizeof code))
        return ERROR_BAD_ADDRESS;
    int pid = process_wait(&code);
    if (pid >= 0)
        memcpy((void *)f->ebx, &code, sizeof code);
    return pid;
}

static int sys_yield(struct frame *f)
{
    process_yield();
    return 0;
}

static int sys_sleep(struct frame *f)
{
    process_block(PROCESS_SLEEPING, f->ebx);
    return 0;
}

static int sys_uptime(struct frame *f)
{
    return (int)uptime();
}

static int sys_key(struct frame *f)
{
    int c = keyboard_next();
    if (c < 0 && f->ebx) {
        process_block(PROCESS_KEY, f->ebx);
        c = keyboard_next();
    }
    return c < 0 ? ERROR_NONE : c;
}

static int sys_process(struct frame *f)
{
    const struct process *p = process_at(f->ebx);
    if (!user_range(f->ecx, sizeof(struct process_info)))
        return ERROR_BAD_ADDRESS;
    if (!p)
        return ERROR_NONE;
    struct process_info info = {.pid = p->pid, .parent = p->parent, .state = p->state, .ticks = p->ticks};
    copy_text(info.name, p->name, sizeof info.name);
    memcpy((void *)f->ecx, &info, sizeof info);
    return 0;
}

static int sys_memory(struct frame *f)
{
    return (int)memory_free_kib();
}

static int sys_power_off(struct frame *f)
{
    acpi_power_off();
}

static int sys_reset(struct frame *f)
{
    acpi_reset();
}

static int (*const calls[SYS_COUNT])(struct frame *f) = {
    [SYS_EXIT] = sys_exit,           [SYS_PRINT] = sys_print,
    [SYS_GETPID] = sys_getpid,       [SYS_FORK] = sys_fork,
    [SYS_SPAWN] = sys_spawn,         [SYS_WAIT] = sys_wait,
    [SYS_YIELD] = sys_yield,         [SYS_SLEEP] = sys_sleep,
    [SYS_UPTIME] = sys_uptime,       [SYS_KEY] = sys_key,
    [SYS_PROCESS] = sys_process,     [SYS_MEMORY] = sys_memory,
    [SYS_POWER_OFF] = sys_power_off, [SYS_RESET] = sys_reset,
};

void syscall(struct frame *f)
{
    f->eax = (u32)(f->eax < SYS_COUNT ? calls[f->eax](f) : ERROR_NO_CALL);
}
