/* unfinished.c - see unfinished.h. */
#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/unfinished.h"

enum { MOST = 64 };

static _Atomic(const char *) names[MOST];

static void exchange(const char *from, const char *to)
{
    for (size_t i = 0; i < MOST; i++) {
        const char *was = from;
        if (atomic_compare_exchange_strong(&names[i], &was, to))
            return;
    }
}

void unfinished_begin(const char *path)
{
    exchange(NULL, path);
}

void unfinished_done(const char *path)
{
    if (path)
        exchange(path, NULL);
}

/* An entry of a folder as getdents64(2) gives it; opendir() would need memory. */
struct entry {
    uint64_t inode, next;
    uint16_t length;
    uint8_t type;
    char name[];
};

static void remove_folder(int folder, const char *path)
{
    _Alignas(struct entry) char bytes[2048];
    long n;
    while ((n = syscall(SYS_getdents64, folder, bytes, sizeof bytes)) > 0)
        for (long at = 0; at < n;) {
            const struct entry *e = (const void *)(bytes + at);
            unlinkat(folder, e->name, 0);
            at += e->length;
        }
    rmdir(path);
}

void unfinished_remove(void)
{
    for (size_t i = 0; i < MOST; i++) {
        const char *path = atomic_exchange(&names[i], NULL);
        if (!path || !unlink(path))
            continue;
        const int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (folder < 0)
            continue;
        remove_folder(folder, path);
        close(folder);
    }
}
