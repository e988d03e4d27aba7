/* hostile.c - a program whose processes, files, arguments and output have hostile names (hostile.h), for a recording of the Linux host, or of a
 * kernel that executes it as /init. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile.h"

/* In a process of its own. */
static void act(const char *program, const char *name)
{
    char path[300];
    prctl(PR_SET_NAME, name);
    snprintf(path, sizeof path, "/tmp/%s", name);
    for (char *p = path + 5; *p; p++)
        *p = *p == '/' ? '_' : *p;
    int fd = open(path, O_CREAT | O_RDWR, 0644);
    if (fd >= 0) {
        (void)!write(fd, name, strlen(name));
        (void)!read(fd, path, 1);
        close(fd);
    }
    strcat(path, ".missing");
    open(path, O_RDONLY);
    printf("console %s end\n", name);
    fflush(stdout);
    execl(program, name, "argument", name, (char *)NULL);
    _exit(1);
}

/* Kernel modules with hostile names, which tests/hostile/modules.py makes. */
static void load_modules(void)
{
    for (int i = 0; i < HOSTILE; i++) {
        char path[32];
        snprintf(path, sizeof path, "/modules/%d.ko", i);
        int fd = open(path, O_RDONLY);
        if (fd >= 0 && syscall(SYS_finit_module, fd, "", 0))
            printf("module %d: %s\n", i, strerror(errno));
        close(fd);
    }
}

int main(int argc, char **argv)
{
    const int is_init = getpid() == 1;
    if (argc == 3 && !strcmp(argv[1], "argument"))
        return 0;
    if (argc == 2 && !strcmp(argv[1], "words")) { /* for a command line, or for modules.py */
        for (int i = 0; i < HOSTILE; i++)
            printf("%s%c", hostile[i], 0);
        return 0;
    }
    if (is_init)
        load_modules();
    mkdir("/tmp", 0777);
    for (int i = 0; i < HOSTILE; i++) {
        if (!fork())
            act(is_init ? "/init" : "/proc/self/exe", hostile[i]);
        wait(NULL);
    }
    printf("the end\n");
    fflush(stdout);
    if (is_init)
        reboot(RB_POWER_OFF);
    return 0;
}
