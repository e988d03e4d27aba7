/* static.c - a program whose calls do not return: for its backtrace (tests/boot/debug-info.sh). */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
static volatile long total;
static __attribute__((noinline)) void innermost(int level, const char *what)
{
    for (write(1, what, strlen(what));;)
        total += level;
}
static inline void inlined(int n)
{
    innermost(n * 2, "deep inside\n");
}
static __attribute__((noinline)) void outer(int n)
{
    inlined(n + 1);
    total--;
}
int main(void)
{
    int fd = open("/dev/console", O_RDWR);
    dup2(fd, 0);
    dup2(fd, 1);
    total = fd;
    outer(20);
    return 0;
}
