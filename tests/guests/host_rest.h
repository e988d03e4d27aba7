/* host_rest.h - what host_rest.c and host_files.c share: calls whose results are printed. Before other headers. */
#ifndef BOOTREEL_TESTS_HOST_REST_H
#define BOOTREEL_TESTS_HOST_REST_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAY(...) (printf(__VA_ARGS__), putchar('\n'))
static inline void tell(const char *call, long result)
{
    SAY("%s = %ld, errno %d", call, result, result == -1 ? errno : 0);
}
#define TRY(call) tell(#call, (long)(call))
#define CALL(name, ...) tell(#name "(" #__VA_ARGS__ ")", syscall(SYS_##name, ##__VA_ARGS__))
/* Only whether it works: the value is the host's. */
#define WORKS(name, ...) SAY(#name "(" #__VA_ARGS__ ") %s", syscall(SYS_##name, ##__VA_ARGS__) >= 0 ? "works" : strerror(errno))

static volatile sig_atomic_t hits;
static inline void on_signal(int sig)
{
    hits++;
}
static inline void catch(int sig)
{
    struct sigaction sa = {.sa_handler = on_signal};
    sigaction(sig, &sa, NULL);
}

/* host_files.c: calls on files, by path and open, and on FIFOs. */
void paths(void);
void open_files(void);
void fifos(void);
/* host_inet.c: sockets of IPv4. */
void inet(void);

#endif
