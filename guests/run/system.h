/* system.h - Linux's system calls and the few functions that init.c needs without a C library. */
#ifndef BOOTREEL_GUESTS_RUN_SYSTEM_H
#define BOOTREEL_GUESTS_RUN_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

enum {
    SYS_READ = 0,
    SYS_WRITE = 1,
    SYS_OPEN = 2,
    SYS_CLOSE = 3,
    SYS_POLL = 7,
    SYS_RT_SIGPROCMASK = 14,
    SYS_IOCTL = 16,
    SYS_DUP2 = 33,
    SYS_PAUSE = 34,
    SYS_SOCKET = 41,
    SYS_FORK = 57,
    SYS_EXECVE = 59,
    SYS_EXIT = 60,
    SYS_WAIT4 = 61,
    SYS_FCNTL = 72,
    SYS_FSYNC = 74,
    SYS_CHDIR = 80,
    SYS_MKDIR = 83,
    SYS_SETSID = 112,
    SYS_CHROOT = 161,
    SYS_SYNC = 162,
    SYS_MOUNT = 165,
    SYS_REBOOT = 169,
    SYS_SETHOSTNAME = 170,
    SYS_SIGNALFD4 = 289,
    SYS_PIPE2 = 293,
    SYS_FINIT_MODULE = 313,
};
enum { EINTR = 4, ENOENT = 2, ENOEXEC = 8, EAGAIN = 11, EEXIST = 17, EINVAL = 22 };
enum {
    O_RDONLY = 0,
    O_WRONLY = 1,
    O_RDWR = 2,
    O_CREAT = 0100,
    O_NOCTTY = 0400,
    O_TRUNC = 01000,
    O_CLOEXEC = 02000000
};
enum {
    O_NONBLOCK = 04000,
    F_SETFL = 4,
    POLLIN = 1,
    SIGCHLD = 17,
    SIG_BLOCK = 0,
    SIG_UNBLOCK = 1,
    WNOHANG = 1
};
enum { MS_MOVE = 8192, AF_INET = 2, SOCK_DGRAM = 2, IFF_UP = 1 };
enum {
    TCGETS = 0x5401,
    TCSETS = 0x5402,
    TIOCSCTTY = 0x540e,
    TIOCSWINSZ = 0x5414,
    SIOCGIFFLAGS = 0x8913,
    SIOCSIFFLAGS = 0x8914
};
#define OPOST            1u
#define ECHO             8u
#define REBOOT_MAGIC1    0xfee1dead
#define REBOOT_MAGIC2    672274793
#define REBOOT_POWER_OFF 0x4321fedc
#define REBOOT_HALT      0xcdef0123u

static inline long call5(long number, long a, long b, long c, long d, long e)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}
#define call4(n, a, b, c, d) call5(n, a, b, c, d, 0)
#define call3(n, a, b, c)    call5(n, a, b, c, 0, 0)
#define call2(n, a, b)       call5(n, a, b, 0, 0, 0)
#define call1(n, a)          call5(n, a, 0, 0, 0, 0)
#define call0(n)             call5(n, 0, 0, 0, 0, 0)

static inline size_t length(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

static inline bool same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

/* The first such character, or NULL. */
static inline char *find(char *s, char c)
{
    while (*s && *s != c)
        s++;
    return *s ? s : NULL;
}

/* Puts a text at `at` of a buffer, cut off at its end; returns where it ends. */
static inline size_t put(char *to, size_t at, size_t size, const char *s)
{
    while (*s && at < size - 1)
        to[at++] = *s++;
    to[at] = 0;
    return at;
}

#endif
