/* fail_alloc.c - a library for LD_PRELOAD that makes one allocation fail: the FAULT_AT-th (from 1) after main() has begun. With FAULT_LIST=FILE none fails,
 * and FILE gets, for each call stack that allocates, the numbers of its first and its last allocation, and at its end a line with how many there
 * were. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH = 24, STACKS = 1 << 14 };

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t alignment, size_t n);

static struct {
    _Atomic bool on;
    _Atomic uint64_t n;
    uint64_t at;
    const char *list;
    struct {
        uint64_t hash, first, last;
    } stack[STACKS];
} fault;
static _Thread_local bool inside;

static void note(uint64_t n)
{
    void *frame[DEPTH];
    uint64_t hash = 14695981039346656037u;
    inside = true;
    const int depth = backtrace(frame, DEPTH);
    for (int i = 2; i < depth; i++)
        hash = (hash ^ (uintptr_t)frame[i]) * 1099511628211u;
    size_t i = hash % STACKS;
    for (size_t tries = 0; fault.stack[i].hash && fault.stack[i].hash != hash && tries < STACKS; tries++)
        i = (i + 1) % STACKS;
    fault.stack[i].hash = hash;
    if (!fault.stack[i].first)
        fault.stack[i].first = n;
    fault.stack[i].last = n;
    inside = false;
}

/* For a debugger's breakpoint. */
__attribute__((noinline)) void fault_here(void)
{
    __asm__ volatile("");
}

static bool fails(void)
{
    if (!fault.on || inside)
        return false;
    const uint64_t n = atomic_fetch_add(&fault.n, 1) + 1;
    if (fault.list)
        note(n);
    if (!fault.at || n != fault.at)
        return false;
    fault_here();
    return true;
}

void *malloc(size_t n)
{
    if (!fails())
        return __libc_malloc(n);
    errno = ENOMEM;
    return NULL;
}

void *calloc(size_t n, size_t size)
{
    if (!fails())
        return __libc_calloc(n, size);
    errno = ENOMEM;
    return NULL;
}

void *realloc(void *p, size_t n)
{
    if (!fails())
        return __libc_realloc(p, n);
    errno = ENOMEM;
    return NULL;
}

void *aligned_alloc(size_t alignment, size_t n)
{
    if (!fails())
        return __libc_memalign(alignment, n);
    errno = ENOMEM;
    return NULL;
}

int posix_memalign(void **p, size_t alignment, size_t n)
{
    if (fails())
        return ENOMEM;
    *p = __libc_memalign(alignment, n);
    return *p ? 0 : ENOMEM;
}

static int (*real_main)(int, char **, char **);

static int counted_main(int argc, char **argv, char **envp)
{
    const char *at = getenv("FAULT_AT");
    void *frame[2];
    backtrace(frame, 2); /* loads what it needs */
    fault.at = at ? strtoull(at, NULL, 10) : 0;
    fault.list = getenv("FAULT_LIST");
    fault.on = true;
    return real_main(argc, argv, envp);
}

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    int (*next)(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void),
                void *) = dlsym(RTLD_NEXT, "__libc_start_main");
    real_main = main;
    return next(counted_main, argc, argv, init, fini, rtld_fini, stack_end);
}

__attribute__((destructor)) static void end(void)
{
    fault.on = false;
    FILE *f = fault.list ? fopen(fault.list, "w") : NULL;
    for (size_t i = 0; f && i < STACKS; i++)
        if (fault.stack[i].hash)
            fprintf(f, "%llu\n%llu\n", (unsigned long long)fault.stack[i].first,
                    (unsigned long long)fault.stack[i].last);
    if (f) {
        fprintf(f, "all %llu\n", (unsigned long long)fault.n);
        fclose(f);
    }
}
