/* test_linux_calls.c - Linux's system calls in words: requests, flags, signals, texts and what cannot be read. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "core/ground/linux_calls.h"

enum { PAGE = 0x10000, PAGE_SIZE = 4096, NEXT = PAGE + PAGE_SIZE };

/* One page of memory, with texts at its beginning and at its end, where the next page is not there. */
static bool read_page(void *ctx, uint64_t at, void *buf, size_t n)
{
    const char *page = ctx;
    if (at < PAGE || at + n > NEXT)
        return false;
    memcpy(buf, page + (at - PAGE), n);
    return true;
}

static void says(const char *want, bool i386, uint64_t number, const uint64_t arg[LINUX_CALL_VALUES])
{
    static char page[PAGE_SIZE] = "/etc/passwd\0a\nb";
    const struct linux_memory m = {.ctx = page, .read = read_page, .word = i386 ? 4 : 8};
    struct text t = {0};
    memcpy(page + PAGE_SIZE - 4, "end", 4);
    (void)linux_call_add(&t, linux_call_of(i386, number), number, arg, &m);
    assert_string_equal(t.s, want);
    free(t.s);
}
#define SAYS(want, number, ...) says(want, false, number, (const uint64_t[LINUX_CALL_VALUES]){__VA_ARGS__})

static void test_requests(void **state)
{
    SAYS("ptrace(PTRACE_SETREGS, 1005, NULL, 0x7000)", 101, 13, 1005, 0, 0x7000);
    SAYS("ptrace(PTRACE_CONT, 1005, NULL, SIGSEGV)", 101, 7, 1005, 0, 11);
    SAYS("ptrace(PTRACE_CONT, 1005, NULL, 0)", 101, 7, 1005, 0, 0);
    SAYS("ptrace(PTRACE_SETOPTIONS, 5, NULL, PTRACE_O_TRACESYSGOOD|PTRACE_O_TRACEEXEC)", 101, 0x4200, 5, 0,
         0x11);
    SAYS("ptrace(PTRACE_GETREGSET, 5, NT_X86_XSTATE, 0x10)", 101, 0x4204, 5, 0x202, 0x10);
    SAYS("ptrace(0x7777, 5, NULL, NULL)", 101, 0x7777, 5);
    SAYS("ioctl(1, TCGETS, 0x9000)", 16, 1, 0x5401, 0x9000);
    SAYS("ioctl(1, TUNSETIFF, NULL)", 16, 1, 0x400454ca);
    SAYS("fcntl(3, F_SETFD, FD_CLOEXEC)", 72, 3, 2, 1);
    SAYS("fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK|FASYNC)", 72, 3, 4, 0x2802);
    SAYS("fcntl(3, F_DUPFD, 0xa)", 72, 3, 0, 10);
    SAYS("prctl(PR_SET_PDEATHSIG, SIGKILL, 0x0, 0x0, 0x0)", 157, 1, 9);
    SAYS("reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, NULL)", 169,
         0xfffffffffee1dead, 672274793, 0x1234567);
}

static void test_flags(void **state)
{
    SAYS("mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0x0)", 9, 0, 4096, 3, 0x22,
         0xffffffff);
    SAYS("mmap(NULL, 4096, PROT_NONE, MAP_SHARED_VALIDATE, 3, 0x1000)", 9, 0, 4096, 0, 3, 3, 0x1000);
    SAYS("mmap(NULL, 1, PROT_EXEC|0x10, 0, 3, 0x0)", 9, 0, 1, 0x14, 0, 3);
    SAYS("clone(CLONE_VM|CLONE_VFORK|SIGCHLD, NULL, NULL, NULL, 0x0)", 56, 0x4111);
    SAYS("clone(SIGCHLD, NULL, NULL, NULL, 0x0)", 56, 17);
    SAYS("wait4(-1, NULL, WNOHANG|__WALL, NULL)", 61, 0xffffffff, 0, 0x40000001);
    SAYS("socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP)", 41, 2, 0x80001, 6);
    SAYS("socket(AF_UNIX, SOCK_DGRAM, 0)", 41, 1, 2, 0);
    SAYS("setsockopt(4, SOL_SOCKET, SO_REUSEADDR, 0x10, 4)", 54, 4, 1, 2, 0x10, 4);
    SAYS("futex(0x10, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0x0)", 202, 0x10, 0x80, 2);
    SAYS("kill(77, SIGTERM)", 62, 77, 15);
    SAYS("tgkill(7, 8, 34)", 234, 7, 8, 34);
    SAYS("rt_sigprocmask(SIG_SETMASK, 0x10, NULL, 8)", 14, 2, 0x10, 0, 8);
    SAYS("prlimit64(0, RLIMIT_NOFILE, NULL, 0x10)", 302, 0, 7, 0, 0x10);
}

static void test_texts(void **state)
{
    SAYS("openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY|O_CLOEXEC)", 257, 0xffffff9c, PAGE, 0x80000);
    SAYS("openat(3, \"/etc/passwd\", O_WRONLY|O_CREAT|O_TRUNC, 0644)", 257, 3, PAGE, 0x241, 0644);
    SAYS("access(\"end\", F_OK)", 21, NEXT - 4, 0);
    SAYS("access(\"end\", W_OK|R_OK)", 21, NEXT - 4, 6);
    SAYS("chdir(0x12345678)", 80, 0x12345678);
    SAYS("write(1, \"a\\nb\", 3)", 1, 1, PAGE + 12, 3);
    SAYS("write(1, 0x10ffe, 100)", 1, 1, NEXT - 2, 100);
    SAYS("syscall_5000(0x1, 0x0, 0x0, 0x0, 0x0, 0x0)", 5000, 1);
    const uint64_t narrow[LINUX_CALL_VALUES] = {3, 0x5413, 8};
    says("ioctl(3, TIOCGWINSZ, 0x8)", true, 54, narrow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
