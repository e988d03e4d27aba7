/* linux_calls.h - Linux's system calls in words, as strace prints them: ptrace(PTRACE_CONT, 1005, NULL, SIGSEGV). Which calls there are, what
 * each argument is, and the names of requests, flags and signals come from tables (*.def); nothing here examines a guest.
 *
 * Sources: Linux, arch/x86/entry/syscalls/, include/uapi/, include/linux/errno.h; the names are those of its headers and the C library's
 * (scripts/linux-words). */
#ifndef BOOTREEL_CORE_GROUND_LINUX_CALLS_H
#define BOOTREEL_CORE_GROUND_LINUX_CALLS_H

#include "base/text.h"

/* One more than a call has, so that each argument has a next one. */
enum { LINUX_CALL_ARGUMENTS = 6, LINUX_CALL_VALUES = LINUX_CALL_ARGUMENTS + 1 };

struct linux_call;

/* The call of that number, of 32-bit programs (i386) or of 64-bit ones, x32 among them; NULL if there is none. */
const struct linux_call *linux_call_of(bool i386, uint64_t number);
const char *linux_call_name(const struct linux_call *c);
/* How many arguments it has. */
unsigned linux_call_count(const struct linux_call *c);

/* The memory of the program that calls. */
struct linux_memory {
    void *ctx;
    /* Reads n bytes, which lie in one page, without any effect. False if they cannot be read. */
    bool (*read)(void *ctx, uint64_t at, void *buf, size_t n);
    unsigned word; /* bytes of a pointer */
};

/* Adds the call with its arguments. `arg` has LINUX_CALL_VALUES values. c NULL: a call without a name, with six arguments. False if a text
 * in it could not be read, since its page is not there yet: then its address stands for it. */
bool linux_call_add(struct text *t, const struct linux_call *c, uint64_t number, const uint64_t *arg,
                    const struct linux_memory *m);

/* Clone flags with the exit signal in the low byte: "CLONE_VM|CLONE_VFORK|SIGCHLD". */
void linux_add_clone(struct text *t, uint64_t flags);
/* "SIGKILL", or the number of one that has no name. */
void linux_add_signal(struct text *t, uint64_t v);
/* Why a signal came, its si_code: "SEGV_MAPERR", "SI_KERNEL"; or the number. */
void linux_add_signal_code(struct text *t, uint64_t signal, int64_t code);
/* "ENOENT" for -2; NULL if it is not an error, or one without a name. */
const char *linux_error_name(int64_t result);

#endif
