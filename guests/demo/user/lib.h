/* lib.h - what programs use: system calls (syscalls.h) as functions, and printing. */
#ifndef DEMO_LIB_H
#define DEMO_LIB_H

#include <stdarg.h>

#include "guests/demo/syscalls.h"

int main(const char *argument);

void exit(int code) NORETURN;
int getpid(void);
int fork(void);
int spawn(const char *name, const char *argument);
/* Waits for a child to end. Returns its pid, negative if there is none. */
int wait(int *code);
void yield(void);
void sleep(u32 milliseconds);
u32 uptime(void);
/* A character typed, or a negative number after that time. */
int key(u32 milliseconds);
int process(u32 index, struct process_info *info);
u32 memory_free(void);
void power_off(void) NORETURN;
void reset(void) NORETURN;

__attribute__((format(printf, 1, 2))) void printf(const char *fmt, ...);
bool same_text(const char *a, const char *b);

#endif
