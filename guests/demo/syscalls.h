/* syscalls.h - the system calls: INT 80h with the number in EAX, arguments in
 * EBX, ECX and EDX, and the result in EAX, which is negative for an error. */
#ifndef DEMO_SYSCALLS_H
#define DEMO_SYSCALLS_H

#include "guests/demo/types.h"

#define SYSCALL_VECTOR 0x80

enum {
    SYS_EXIT,      /* (code) never returns */
    SYS_PRINT,     /* (text, bytes) */
    SYS_GETPID,    /* () */
    SYS_FORK,      /* () returns 0 in the child, its pid in the parent */
    SYS_SPAWN,     /* (name, argument) runs a program in a new process; its pid */
    SYS_WAIT,      /* (int *code) waits for a child to end; its pid */
    SYS_YIELD,     /* () */
    SYS_SLEEP,     /* (milliseconds) */
    SYS_UPTIME,    /* () milliseconds */
    SYS_KEY,       /* (milliseconds) a character typed; ERROR_NONE if none came */
    SYS_PROCESS,   /* (index, struct process_info *) */
    SYS_MEMORY,    /* () free memory in KiB */
    SYS_POWER_OFF, /* () never returns */
    SYS_RESET,     /* () never returns */
    SYS_COUNT
};

enum { ERROR_NONE = -1, ERROR_NO_FILE = -2, ERROR_NO_ROOM = -3, ERROR_BAD_ADDRESS = -4, ERROR_NO_CALL = -5 };
/* The code that SYS_WAIT gives for a process that the kernel ended. */
enum { CODE_KILLED = 256 };

enum process_state {
    PROCESS_FREE,
    PROCESS_READY,
    PROCESS_SLEEPING,
    PROCESS_WAITING,
    PROCESS_KEY,
    PROCESS_ZOMBIE
};

struct process_info {
    int pid, parent;
    enum process_state state;
    u32 ticks; /* milliseconds on the processor */
    char name[16];
};

#endif
