/* lib.c - see lib.h. */
#include "guests/demo/user/lib.h"

/* text.c of the kernel is linked to programs as well. */
void format(void (*put)(void *ctx, char c), void *ctx, const char *fmt, va_list args);

static int call(int number, u32 a, u32 b)
{
    int result;
    __asm__ volatile("int %1"
                     : "=a"(result)
                     : "i"(SYSCALL_VECTOR), "a"(number), "b"(a), "c"(b), "d"(0)
                     : "memory");
    return result;
}

/* clang-format off */
void exit(int code)
{
    for (;;)
        call(SYS_EXIT, (u32)code, 0);
}
int getpid(void) { return call(SYS_GETPID, 0, 0); }
int fork(void) { return call(SYS_FORK, 0, 0); }
int spawn(const char *name, const char *argument) { return call(SYS_SPAWN, (u32)name, (u32)argument); }
int wait(int *code) { return call(SYS_WAIT, (u32)code, 0); }
void yield(void) { call(SYS_YIELD, 0, 0); }
void sleep(u32 milliseconds) { call(SYS_SLEEP, milliseconds, 0); }
u32 uptime(void) { return (u32)call(SYS_UPTIME, 0, 0); }
int key(u32 milliseconds) { return call(SYS_KEY, milliseconds, 0); }
int process(u32 index, struct process_info *info) { return call(SYS_PROCESS, index, (u32)info); }
u32 memory_free(void) { return (u32)call(SYS_MEMORY, 0, 0); }
void power_off(void)
{
    for (;;)
        call(SYS_POWER_OFF, 0, 0);
}
void reset(void)
{
    for (;;)
        call(SYS_RESET, 0, 0);
}
/* clang-format on */

/* ---------------------------------------------------------------- printing: one call a line */

struct line {
    char text[120];
    u32 n;
};

static void flush(struct line *l)
{
    call(SYS_PRINT, (u32)l->text, l->n);
    l->n = 0;
}

static void put(void *ctx, char c)
{
    struct line *l = ctx;
    l->text[l->n++] = c;
    if (l->n == sizeof l->text)
        flush(l);
}

void printf(const char *fmt, ...)
{
    struct line l = {.n = 0};
    va_list args;
    va_start(args, fmt);
    format(put, &l, fmt, args);
    va_end(args);
    flush(&l);
}
