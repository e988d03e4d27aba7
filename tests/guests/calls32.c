/* calls32.c - the only program of a test initramfs (initrd-calls.gz): 32-bit, without a C library, for 32- and 64-bit
 * kernels. Makes the same system calls by INT 80h and by the kernel's own way in (__kernel_vsyscall: SYSENTER or
 * SYSCALL), says which, and powers off. Does nothing unless it is process 1.
 *
 * Numbers: arch/x86/entry/syscalls/syscall_32.tbl of Linux.
 */
enum {
    EXIT = 1,
    READ = 3,
    WRITE = 4,
    OPEN = 5,
    CLOSE = 6,
    GETPID = 20,
    MUNMAP = 91,
    LLSEEK = 140,
    REBOOT = 88,
    MKNOD = 14,
    DUP = 41,
    MMAP2 = 192
};
enum { AT_SYSINFO = 32, O_RDWR = 2, S_IFCHR = 020000, CONSOLE = 5 << 8 | 1 };

typedef long call_fn(long number, const long a[6]);

/* The frame pointer holds the sixth argument: everything is on the stack before. */
#define WAY(name, enter)                                                                                     \
    name ": push %ebp; push %ebx; push %esi; push %edi\n"                                                    \
         "mov 20(%esp), %eax; mov 24(%esp), %ebp\n"                                                          \
         "mov 0(%ebp), %ebx; mov 4(%ebp), %ecx; mov 8(%ebp), %edx; mov 12(%ebp), %esi\n"                     \
         "mov 16(%ebp), %edi; mov 20(%ebp), %ebp\n" enter "\n"                                               \
         "pop %edi; pop %esi; pop %ebx; pop %ebp; ret\n"
__asm__(
    ".globl call_int80, call_vsyscall\n" WAY("call_int80", "int $0x80") WAY("call_vsyscall", "call *vsyscall_entry")
    ".globl _start\n"
    "_start: xor %ebp, %ebp; mov %esp, %eax; and $-16, %esp; push %eax; push %eax; push %eax; push %eax; call story; hlt\n");
call_fn call_int80, call_vsyscall;
long vsyscall_entry;

#define CALL(way, number, ...) way(number, (const long[6]){__VA_ARGS__})

static void say(const char *s)
{
    long n = 0;
    while (s[n])
        n++;
    CALL(call_int80, WRITE, 1, (long)s, n);
}

/* "before", the number, "after". */
static void say_number(const char *before, long v, const char *after)
{
    char text[24];
    unsigned long u = v < 0 ? -(unsigned long)v : (unsigned long)v;
    char *p = text + sizeof text;
    *--p = 0;
    do
        *--p = (char)('0' + u % 10);
    while (u /= 10);
    if (v < 0)
        *--p = '-';
    say(before);
    say(p);
    say(after);
}

/* What is made in each way; the lines have what a tracer should see of it. */
static void calls(call_fn *way, const char *name)
{
    long long end = -1;
    char buffer[8];
    say(name);
    say("truth: getpid()\n");
    say_number("truth: getpid = ", CALL(way, GETPID, 0), "\n");
    say("truth: open(\"/init\", O_RDONLY)\n");
    long fd = CALL(way, OPEN, (long)"/init", 0, 0);
    say_number("truth: open = ", fd, "\n");
    say_number("truth: read = ", CALL(way, READ, fd, (long)buffer, 4), "\n");
    say_number("truth: _llseek = ", CALL(way, LLSEEK, fd, 0, 64, (long)&end, 0), "\n");
    /* Six arguments: where the last is depends on the way. It is in pages. */
    say_number("truth: mmap2(NULL, 4096, PROT_READ, MAP_PRIVATE, ", fd, ", 0x1)\n");
    long map = CALL(way, MMAP2, 0, 4096, 1, 2, fd, 1);
    say_number("truth: munmap = ", CALL(way, MUNMAP, map, 4096), "\n");
    for (int i = 0; i < 2; i++) {
        say_number("truth: close(", fd, ")\n");
        say_number("truth: close = ", CALL(way, CLOSE, fd), "\n");
    }
}

__attribute__((used)) void story(long *stack)
{
    long *p = stack + 1 + stack[0] + 1;
    if (CALL(call_int80, GETPID, 0) !=
        1) /* not in a guest: it would make devices and power the machine off */
        CALL(call_int80, EXIT, 1);
    /* No console is open yet if the initramfs has no /dev/console. */
    CALL(call_int80, MKNOD, (long)"/console", S_IFCHR | 0600, CONSOLE);
    if (CALL(call_int80, OPEN, (long)"/console", O_RDWR, 0) == 0)
        CALL(call_int80, DUP, 0);
    while (*p++) {
    }
    for (; p[0] && p[0] != AT_SYSINFO; p += 2) {
    }
    vsyscall_entry = p[0] ? p[1] : 0;
    calls(call_int80, "truth: by INT 80h\n");
    if (vsyscall_entry)
        calls(call_vsyscall, "truth: by the kernel's entry\n");
    say("truth: end\n");
    CALL(call_int80, REBOOT, (long)0xfee1dead, 672274793, 0x4321fedc, 0);
    for (;;) {
    }
}
