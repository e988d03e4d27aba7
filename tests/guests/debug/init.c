/* init.c - a program with the frames that debug information tells of: a callback of the C library with a function that is inlined, and code that it
 * has generated itself. Then it panics the kernel. tests/boot/debug-info.sh builds it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

struct pair {
    int key;
    const char *name;
};

static inline __attribute__((always_inline)) int order(const struct pair *a, const struct pair *b)
{
    static int calls;
    if (++calls == 3)
        syscall(SYS_write, 1, "comparing\n", 10);
    return a->key - b->key;
}

static int compare(const void *a, const void *b)
{
    return order(a, b);
}

static void generate(void)
{
    /* mov eax, 1000000; 1: dec eax; jnz 1b; ret */
    static const unsigned char code[] = {0xb8, 0x40, 0x42, 0x0f, 0x00, 0xff, 0xc8, 0x75, 0xfc, 0xc3};
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(p, code, sizeof code);
    printf("generated code\n");
    ((void (*)(void))p)();
    printf("generated code has returned\n");
}

int main(void)
{
    struct pair list[5] = {{3, "c"}, {1, "a"}, {5, "e"}, {2, "b"}, {4, "d"}};
    setvbuf(stdout, NULL, _IONBF, 0);
    mount("proc", "/proc", "proc", 0, NULL);
    const int module = open("/dummy.ko", O_RDONLY);
    if (module >= 0 && !syscall(SYS_finit_module, module, "", 0))
        printf("the module is loaded\n");
    qsort(list, 5, sizeof *list, compare);
    printf("sorted: %s\n", list[0].name);
    generate();
    const int trigger = open("/proc/sysrq-trigger", O_WRONLY);
    return (int)write(trigger, "c", 1);
}
