/* kernel.h - what the kernel's files share.
 *
 * One processor; interrupts are off whenever the kernel runs (but for the moment in which it waits with
 * nothing to do), so nothing here needs a lock.
 */
#ifndef DEMO_KERNEL_H
#define DEMO_KERNEL_H

#include <stdarg.h>

#include "guests/demo/layout.h"
#include "guests/demo/syscalls.h"
#include "guests/demo/types.h"

/* ---- the processor ---- */

static inline void out8(u16 port, u8 value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}
static inline void out16(u16 port, u16 value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}
static inline u8 in8(u16 port)
{
    u8 value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static inline u16 in16(u16 port)
{
    u16 value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static inline void in16_many(u16 port, void *to, u32 count)
{
    __asm__ volatile("rep insw" : "+D"(to), "+c"(count) : "d"(port) : "memory");
}
static inline NORETURN void stop_forever(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

/* ---- text.c ---- */

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
bool same_text(const char *a, const char *b);
/* Copies at most size - 1 characters, and a NUL. */
void copy_text(char *to, const char *from, size_t size);
/* %d %u %x %c %s %%, with a width and a leading 0 or -. put(ctx, c) gets each character. */
void format(void (*put)(void *ctx, char c), void *ctx, const char *fmt, va_list args);

/* ---- console.c: the screen and the first serial port ---- */

void console_init(void);
void print_char(char c);
__attribute__((format(printf, 1, 2))) void print(const char *fmt, ...);
/* Prints why, and stops forever. */
__attribute__((format(printf, 1, 2))) void panic(const char *fmt, ...) NORETURN;

/* ---- memory.c: pages of physical memory ---- */

#define PAGE 4096u
enum { NO_PAGE = 0 };

void memory_init(const struct boot_info *info);
/* A page of zeros with one user. Returns its physical address, or NO_PAGE if there is none. */
u32 page_new(void);
/* Add or remove a user. Removing the last one frees the page. */
void page_share(u32 page);
void page_drop(u32 page);
unsigned page_users(u32 page);
u32 memory_top(void);
u32 memory_free_kib(void);
/* The virtual address at which the kernel sees a physical one. */
static inline void *direct(u32 physical)
{
    return (void *)(physical + KERNEL_BASE);
}

/* ---- paging.c: address spaces ---- */

typedef u32 entry; /* an entry of a page table or directory */

void paging_init(void);
/* A space with the kernel in it and no program; the physical address of its directory. */
u32 space_new(void);
/* A space with the same memory; a page is copied only when one of the two writes to it. */
u32 space_fork(u32 space);
void space_free(u32 space);
void space_enter(u32 space);
/* Maps a new page at a program's address; false if there is no free memory. */
bool space_add(u32 space, u32 address, bool writable);
/* Copies into a space that is not in use, page by page. */
void space_write(u32 space, u32 address, const void *from, u32 n);
/* Whether all of it is the program's own memory, in the space in use. */
bool user_range(u32 address, u32 n);
/* Handles a page fault; true if it was resolved. */
bool paging_fault(u32 address, u32 error);

/* ---- interrupts.c, entry.S ---- */

/* What entry.S pushes, from the stack pointer up. */
struct frame {
    u32 edi, esi, ebp, unused_esp, ebx, edx, ecx, eax;
    u32 ds, es;
    u32 vector, error;
    u32 eip, cs, eflags;
    u32 esp, ss; /* only from a program */
};
static inline bool from_program(const struct frame *f)
{
    return (f->cs & 3) == 3;
}

void interrupts_init(void);
/* The stack that the processor switches to when a program is interrupted. */
void set_kernel_stack(u32 top);
/* Calls fn at hardware interrupt irq, and unmasks it. */
void irq_handle(unsigned irq, void (*fn)(struct frame *));
/* entry.S calls it for all vectors. */
void interrupt(struct frame *f);

/* ---- timer.c: a tick a millisecond ---- */

void timer_init(void);
u32 uptime(void); /* milliseconds */

/* ---- keyboard.c: keys, and bytes of the serial port ---- */

void keyboard_init(void);
/* The next character, or -1. */
int keyboard_next(void);

/* ---- disk.c: the first IDE disk ---- */

/* False if there is no such disk, or it reports an error. */
bool disk_read(u32 lba, u32 count, void *to);
/* The file of that name, or NULL if there is none. Valid until the next call. */
const struct file *file_find(const char *name);
/* Prints the disk's model name and size. */
void disk_init(void);

/* ---- process.c ---- */

enum { PROCESSES = 16, KERNEL_STACK = 4096 };

struct process {
    int pid, parent;
    enum process_state state;
    u32 space;
    u32 wake; /* PROCESS_SLEEPING, PROCESS_KEY: uptime at which it resumes by itself */
    int code; /* PROCESS_ZOMBIE */
    u32 ticks;
    u32 esp;   /* in the kernel, while another runs */
    u32 stack; /* physical page */
    char name[16];
};

void process_init(void);
struct process *process_current(void);
struct process *process_at(unsigned index);
/* Starts a program of the disk in a new process. Returns its pid or an error. */
int process_spawn(const char *name, const char *argument);
int process_fork(const struct frame *f);
void process_exit(int code) NORETURN;
int process_wait(int *code);
/* Waits in that state until the process is made ready, or the time has come. */
void process_block(enum process_state state, u32 milliseconds);
/* Makes all processes that wait in that state ready. */
void process_wake(enum process_state state);
void process_yield(void);
/* A millisecond has passed. True if it is another process's turn. */
bool process_tick(void);
/* Runs processes; never returns. */
void process_run(void) NORETURN;

/* ---- syscall.c, acpi.c ---- */

void syscall(struct frame *f);

void acpi_init(void);
void acpi_power_off(void) NORETURN;
void acpi_reset(void) NORETURN;

#endif
