/* init.c - the first program: shows what the kernel can do, then offers a shell, then switches the machine
 * off. */
#include "guests/demo/user/lib.h"

/* Waits for all children. */
static void wait_for_all(void)
{
    int code, pid;
    while ((pid = wait(&code)) >= 0)
        if (code >= CODE_KILLED)
            printf("init: process %d was ended by the kernel, exception %d\n", pid, code - CODE_KILLED);
        else
            printf("init: process %d is done, code %d\n", pid, code);
}

static void run(const char *name, const char *argument)
{
    int pid = spawn(name, argument);
    if (pid < 0)
        printf("init: %s cannot be started (%d)\n", name, pid);
    else
        printf("init: process %d is %s%s%s\n", pid, name, *argument ? " " : "", argument);
}

/* A key pressed in time means that a person is there. */
static bool somebody(void)
{
    printf("init: press a key for a shell: ");
    bool pressed = key(2000) >= 0;
    printf("%s\n", pressed ? "yes" : "no");
    return pressed;
}

int main(const char *argument)
{
    u32 before = memory_free();
    printf("init: this is process %d\n", getpid());
    run("hello", "world");
    wait_for_all();
    run("primes", "10000"); /* these two run at the same time */
    run("primes", "20000");
    run("family", "");
    wait_for_all();
    run("fault", "");
    wait_for_all();
    printf("init: free memory %s\n", memory_free() == before ? "is what it was" : "was lost");
    if (somebody()) {
        run("shell", "");
        wait_for_all();
    }
    printf("init: that was all\n");
    power_off();
}
