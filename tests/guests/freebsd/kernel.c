/* kernel.c - a small kernel that GRUB's kfreebsd starts, for amd64 and i386. It has the functions and structures of FreeBSD
 * by which bootreel understands that kernel, under their names, and does nothing else; its structures have offsets of their own.
 * What it does it also prints ("truth: …"), and each SYSINIT as VERBOSE_SYSINIT does.
 *
 *   -DWITHOUT_CONSTANTS   without the constants for debuggers: offsets have to be derived
 *   -DNO_ROOT="FROM"      the root is not there: it asks for one, and nobody answers; "" if none was asked for
 *   -DPANIC               it panics at the end, and waits in its debugger
 *   -DFATAL               … because of a trap that goes to the debugger first
 *   -DHOSTILE             the list of processes is a cycle, the set of SYSINITs holds itself, a module's symbols have no end
 */
#include <stddef.h>
#include <stdint.h>

typedef unsigned long word;
#define FUNCTION __attribute__((noipa))

/* ---------------------------------------------------------------- ports and text */

static void out8(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}

static void out16(uint16_t port, uint16_t v)
{
    __asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port));
}

#ifdef NO_ROOT
static uint8_t in8(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
#endif

static void put(const char *s)
{
    for (; *s; s++)
        out8(0x3f8, (uint8_t)*s);
}

static void put_number(word v, unsigned base)
{
    char text[24], *p = text + sizeof text;
    *--p = 0;
    do
        *--p = "0123456789abcdef"[v % base];
    while (v /= base);
    put(p);
}

static void copy(char *to, const char *from)
{
    while ((*to++ = *from++))
        ;
}

#include "linker.h"

/* ---------------------------------------------------------------- structures */

struct proc;
struct thread {
    struct { /* TAILQ_ENTRY */
        struct thread *next, **previous;
    } td_plist;
    word padding[5];
    struct proc *td_proc;
    int td_tid;
    char td_name[20];
    void *td_frame;
    void *td_pcb;
};
struct sysentvec {
    int size;
    const char *name;
    const char **names;
};
struct proc {
    struct proc *p_next, **p_previous; /* LIST_ENTRY */
    word padding[3];
    struct thread *first, **last; /* TAILQ_HEAD */
    const struct sysentvec *p_sysent;
    int p_flag, p_state, p_pid;
    word more[4];
    char p_comm[20];
    struct proc *p_pptr;
};
struct trapframe_64 {
    uint64_t rdi, rsi, rdx, rcx, r8, r9, rax, rbx, rbp, r10, r11, r12, r13, r14, r15, trap, address, flags, error, rip,
        cs, rflags, rsp, ss;
};
struct trapframe_32 {
    uint32_t fs, es, ds, edi, esi, ebp, isp, ebx, edx, ecx, eax, trap, error, eip, cs, eflags, esp, ss;
};

struct proc *allproc, *initproc, proc0, processes[16];
struct thread thread0_st, threads[16];
struct { /* struct pcpu */
    struct thread *current;
} pcpu;
int osreldate = 1201000;
const char version[] = "FreeBSD 12.1-TEST a small kernel\n    of bootreel's tests\n";
static int next_pid = 10, next_tid = 100001, next_process;

#ifndef WITHOUT_CONSTANTS
const int proc_off_p_pid = offsetof(struct proc, p_pid), proc_off_p_comm = offsetof(struct proc, p_comm),
          proc_off_p_list = offsetof(struct proc, p_next), proc_off_p_threads = offsetof(struct proc, first),
          thread_off_td_tid = offsetof(struct thread, td_tid), thread_off_td_name = offsetof(struct thread, td_name),
          thread_off_td_plist = offsetof(struct thread, td_plist);
#endif

const char *syscallnames[] = {"syscall", "exit", "fork", "read", "write", "open", "close", "wait4"};
const struct sysentvec elf_freebsd_sysvec = {8, "FreeBSD ELF", syscallnames};

/* ---------------------------------------------------------------- processes */

FUNCTION void thread_link(struct thread *td, struct proc *p)
{
    td->td_proc = p;
    td->td_plist.next = NULL;
    if (!p->first)
        p->last = &p->first;
    td->td_plist.previous = p->last;
    *p->last = td;
    p->last = &td->td_plist.next;
}

FUNCTION void vm_forkproc(struct thread *td, struct proc *p2, struct thread *td2, void *vm2, int flags)
{
    __asm__ volatile("" ::"r"(td), "r"(p2), "r"(td2), "r"(vm2), "r"(flags));
}

FUNCTION void fork_exit(void (*callout)(void *), void *argument, void *frame)
{
    __asm__ volatile("" ::"r"(callout), "r"(argument), "r"(frame));
}

enum { RFFDG = 4, RFPROC = 16, RFMEM = 32 };

static struct proc *fork1(struct thread *td, int flags)
{
    struct proc *p = &processes[next_process];
    struct thread *td2 = &threads[next_process++];
    *p = (struct proc){.p_pid = flags & RFMEM ? next_pid++ : initproc ? next_pid++ : 1, .p_sysent = td->td_proc->p_sysent};
    *td2 = (struct thread){.td_tid = next_tid++};
    copy(td2->td_name, td->td_name);
    thread_link(td2, p);
    copy(p->p_comm, td->td_proc->p_comm);
    p->p_pptr = td->td_proc;
    p->p_next = allproc;
    allproc = p;
#ifdef HOSTILE
    p->p_next = p;
#endif
    vm_forkproc(td, p, td2, NULL, flags);
    put("truth: created ");
    put_number((word)p->p_pid, 10);
    put(" by ");
    put_number((word)td->td_proc->p_pid, 10);
    put("\n");
    return p;
}

FUNCTION int kproc_create(void (*f)(void *), void *argument, struct proc **p, int flags, int pages, const char *name)
{
    struct proc *made = fork1(&thread0_st, RFMEM | RFFDG | RFPROC | flags);
    copy(made->p_comm, name);
    put("truth: named ");
    put(name);
    put("\n");
    *p = made;
    __asm__ volatile("" ::"r"(f), "r"(argument), "r"(pages));
    return 0;
}

struct image_args {
    char *buffer;
    void *space;
    char *argv, *envv, *end, *path, *path_buffer;
};
static char strings[256];

FUNCTION int kern_execve(struct thread *td, struct image_args *args, void *mac)
{
    enum { ENOENT = 2, EJUSTRETURN = -2 };
    __asm__ volatile("" ::"r"(mac));
    if (args->path[0] == 'n')
        return ENOENT;
    copy(td->td_proc->p_comm, args->path[1] == 'b' && args->path[5] == 's' ? "sh" : "program");
    put("truth: executed ");
    put(args->path);
    put("\n");
    return EJUSTRETURN;
}

static void execute(struct thread *td, const char *path, const char *first, const char *second)
{
    static struct image_args args;
    char *p = strings;
    args.buffer = args.path = p;
    copy(p, path);
    while (*p++)
        ;
    args.argv = p;
    copy(p, path);
    while (*p++)
        ;
    copy(p, first);
    while (*p++)
        ;
    if (second)
        copy(p, second);
    while (second && *p++)
        ;
    args.envv = NULL; /* there is no environment */
    args.end = p;
    pcpu.current = td;
    kern_execve(td, &args, NULL);
}

FUNCTION int kern_openat(struct thread *td, int directory, const char *path, int segment, int flags, int mode)
{
    enum { ENOENT = 2 };
    __asm__ volatile("" ::"r"(td), "r"(directory), "r"(segment), "r"(flags), "r"(mode));
    return path[1] == 'n' ? ENOENT : 0;
}

/* A program reads what is not there. */
#ifdef __x86_64__
typedef struct trapframe_64 trapframe;
#define AT rip
#else
typedef struct trapframe_32 trapframe;
#define AT eip
#endif

FUNCTION void trap(trapframe *frame)
{
    __asm__ volatile("" ::"r"(frame));
}

static void page_fault(void)
{
    trapframe frame = {.trap = 12, .error = 6, .AT = 0x1234, .cs = 0x2b};
    trap(&frame);
}

FUNCTION void thread_exit(void)
{
    __asm__ volatile("");
}

FUNCTION void exit1(struct thread *td, int status, int signal)
{
    struct proc **at = &allproc;
    put("truth: exited ");
    put_number((word)td->td_proc->p_pid, 10);
    put(" ");
    put_number((word)(signal ? signal : status << 8), 16);
    put("\n");
    while (*at && *at != td->td_proc && *at != (*at)->p_next)
        at = &(*at)->p_next;
    if (*at)
        *at = (*at)->p_next;
    thread_exit();
}

FUNCTION void proc_reap(struct thread *td, struct proc *p, int *status, int options)
{
    __asm__ volatile("" ::"r"(td), "r"(p), "r"(status), "r"(options));
}

FUNCTION void cpu_switch(struct thread *from, struct thread *to)
{
    pcpu.current = to;
    __asm__ volatile("" ::"r"(from));
}

/* A script that a subshell reads; the subshell also opens what is no script, and the parent what it only writes to. */
static void read_script(struct thread *shell, const char *path)
{
    enum { AT_FDCWD = -100, O_RDONLY = 0, O_WRONLY = 1, O_CLOEXEC = 0x100000, O_DIRECTORY = 0x20000 };
    struct proc *p = fork1(shell, RFFDG | RFPROC);
    cpu_switch(shell, p->first);
    kern_openat(p->first, AT_FDCWD, "/dev/null", 0, O_RDONLY, 0);
    kern_openat(p->first, AT_FDCWD, "/none", 0, O_RDONLY, 0);
    kern_openat(p->first, AT_FDCWD, "/etc", 0, O_DIRECTORY, 0);
    kern_openat(p->first, AT_FDCWD, "/var/log", 0, O_WRONLY, 0);
    kern_openat(p->first, AT_FDCWD, path, 0, O_CLOEXEC, 0);
    put("truth: read ");
    put_number((word)p->p_pid, 10);
    put(" ");
    put(path);
    put("\n");
    exit1(p->first, 0, 0);
    cpu_switch(p->first, shell);
    proc_reap(shell, p, NULL, 0);
}

/* What a system call does is to report the number of its arguments as its result; number 5 fails. */
#ifdef __x86_64__
FUNCTION void amd64_syscall(struct thread *td, int traced)
{
    struct trapframe_64 *frame = td->td_frame;
    __asm__ volatile("" ::"r"(traced));
    frame->rflags = frame->rax == 5;
    frame->rax = frame->rax == 5 ? 2 : frame->rdx;
}

static void system_call(struct thread *td, word number, word a, word b, word c)
{
    __asm__ volatile("sub $200, %%rsp\n movq %2, 48(%%rsp)\n movq %3, 0(%%rsp)\n movq %4, 8(%%rsp)\n movq %5, 16(%%rsp)\n"
                     "movq %%rsp, %0\n mov %1, %%rdi\n xor %%esi, %%esi\n call amd64_syscall\n add $200, %%rsp"
                     : "=m"(td->td_frame)
                     : "r"(td), "r"(number), "r"(a), "r"(b), "r"(c)
                     : "memory", "rdi", "rsi", "rcx", "r8", "r9", "r10", "r11", "rax", "rdx", "cc");
}
#else
FUNCTION void syscall(struct trapframe_32 *frame)
{
    frame->eflags = frame->eax == 5;
    frame->eax = frame->eax == 5 ? 2 : ((uint32_t *)frame->esp)[3];
}

static void system_call(struct thread *td, word number, word a, word b, word c)
{
    uint32_t stack[] = {0, a, b, c, 0, 0, 0, 0};
    struct trapframe_32 frame = {.eax = number, .esp = (uint32_t)stack};
    td->td_frame = &frame;
    syscall(&frame);
}
#endif

FUNCTION int sys_getpid(struct thread *td, void *arguments)
{
    struct proc *p = td->td_proc;
    __asm__ volatile("" ::"r"(arguments));
    return p->p_pid;
}

/* ---------------------------------------------------------------- devices, file systems */

struct device {
    word padding[6];
    struct device *parent;
    word more[2];
    char *nameunit, *desc;
};
static struct device nexus = {.nameunit = "nexus0"}, uart = {.parent = &nexus, .nameunit = "uart0", .desc = "a serial port"};

FUNCTION const char *device_get_nameunit(struct device *d)
{
    return d->nameunit;
}

FUNCTION const char *device_get_desc(struct device *d)
{
    return d->desc;
}

FUNCTION struct device *device_get_parent(struct device *d)
{
    return d->parent;
}

FUNCTION int device_attach(struct device *d)
{
    put("truth: attached ");
    put(d->nameunit);
    put("\n");
    return 0;
}

struct vfsconf {
    unsigned number;
    char name[16];
};
static struct vfsconf cd9660 = {1, "cd9660"};
static word root_mount[16];

FUNCTION void *vfs_mount_alloc(void *vnode, struct vfsconf *type, const char *path, void *credentials)
{
    __asm__ volatile("" ::"r"(vnode), "r"(type), "r"(path), "r"(credentials));
    return root_mount;
}

FUNCTION void vfs_mountedfrom(void *mount, const char *from)
{
    __asm__ volatile("" ::"r"(mount), "r"(from));
}

struct consdev {
    void *operations;
    short priority;
    void *argument;
    int flags;
    char name[16];
};
static struct consdev console = {.name = "ttyu0"};

FUNCTION void cnadd(struct consdev *c)
{
    __asm__ volatile("" ::"r"(c));
}

FUNCTION void kern_reboot(int howto)
{
    __asm__ volatile("" ::"r"(howto));
    out16(0x604, 0x2000); /* ACPI: PM1a control, sleep type 0, sleep enable */
    for (;;)
        __asm__ volatile("hlt");
}

#ifdef PANIC
const char *panicstr;

static void debugger_waits(void)
{
    put("db> ");
    for (;;)
        __asm__ volatile("pause"); /* it polls its console */
}

FUNCTION void kdb_trap(int type, int code, void *frame)
{
    __asm__ volatile("" ::"r"(type), "r"(code), "r"(frame));
    debugger_waits();
}

FUNCTION void kdb_enter(const char *why, const char *text)
{
    __asm__ volatile("" ::"r"(why), "r"(text));
    put("KDB: enter: panic\n");
    kdb_trap(3, 0, NULL);
}

FUNCTION void panic(const char *text)
{
    panicstr = text;
    put("panic: ");
    put(text);
    put("\ncpuid = 0\n");
    kdb_enter("panic", "panic");
}
#endif

/* ---------------------------------------------------------------- SYSINITs */

struct sysinit {
    unsigned subsystem, order;
    void (*function)(const void *);
    const void *argument;
};
#define SYSINIT(id, subsystem, order, f, argument)                                                                     \
    static struct sysinit id##_sys_init = {subsystem, order, f, argument};                                             \
    __attribute__((section("set_sysinit_set"), used)) static struct sysinit *id##_set = &id##_sys_init

static const char copyright[] = "Copyright: none\n";
static const int m_one = 1, m_two = 2;
static struct proc *pagedaemon;

FUNCTION static void print_caddr_t(const void *text)
{
    put(text);
}

FUNCTION static void malloc_init(const void *type)
{
    __asm__ volatile("" ::"r"(type));
}

FUNCTION static void proc0_init(const void *unused)
{
    __asm__ volatile("" ::"r"(unused));
    allproc = &proc0;
    copy(proc0.p_comm, "kernel");
    thread0_st.td_tid = 100000; /* not before: the same is so in FreeBSD */
    copy(thread0_st.td_name, "swapper");
}

FUNCTION static void create_init(const void *unused)
{
    __asm__ volatile("" ::"r"(unused));
    initproc = fork1(&thread0_st, RFFDG | RFPROC);
}

FUNCTION static void vm_pageout(const void *unused)
{
    __asm__ volatile("" ::"r"(unused));
    kproc_create(NULL, NULL, &pagedaemon, 0, 0, "pagedaemon");
    copy(threads[7].td_name, "uma");
    threads[7].td_tid = next_tid++;
    thread_link(&threads[7], pagedaemon);
}

struct table {
    uint16_t limit;
    const void *base;
} __attribute__((packed));
enum { VECTOR = 0x40 };

#ifdef __x86_64__
/* An entry as FreeBSD's: it makes room for struct trapframe and stores registers. */
__asm__(".text\n.globl Xfake_isr\nXfake_isr: sub $152, %rsp\n mov %rbx, 56(%rsp)\n mov %rbp, 64(%rsp)\n mov %r12, 88(%rsp)\n"
        "mov %r13, 96(%rsp)\n mov %r14, 104(%rsp)\n mov %r15, 112(%rsp)\n mov %rsp, %rdi\n xor %ebp, %ebp\n xor %ebx, %ebx\n"
        "call fake_handler\n mov 112(%rsp), %r15\n mov 104(%rsp), %r14\n mov 96(%rsp), %r13\n mov 88(%rsp), %r12\n"
        "mov 64(%rsp), %rbp\n mov 56(%rsp), %rbx\n add $152, %rsp\n iretq\n");

FUNCTION void fake_handler(struct trapframe_64 *frame)
{
    __asm__ volatile("" ::"r"(frame));
}

/* With tables of its own: the loader's are gone. */
FUNCTION static void interrupted(void)
{
    extern const char Xfake_isr[];
    static word segments[8], gates[2 * VECTOR + 2];
    const struct table gdt = {sizeof segments - 1, segments}, idt = {sizeof gates - 1, gates};
    word at = (word)Xfake_isr, code;
    __asm__ volatile("mov %%cs, %0" : "=r"(code));
    for (unsigned i = 1; i < 8; i++)
        segments[i] = i == code / 8 ? 0xaf9b000000ffff : 0xcf93000000ffff;
    __asm__ volatile("lgdt %0\n lidt %1" ::"m"(gdt), "m"(idt));
    gates[2 * VECTOR] = (at & 0xffff) | (code & 0xffff) << 16 | (word)0x8e00 << 32 | (at >> 16 & 0xffff) << 48;
    gates[2 * VECTOR + 1] = at >> 32;
    __asm__ volatile("int %0" ::"i"(VECTOR) : "memory", "cc", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11");
}
#else
/* What all address spaces have, and is executed where it was copied to: it can only call by address. */
__asm__(".text\n.globl start_exceptions\nstart_exceptions:\n.globl Xfake_isr\nXfake_isr: push $0\n push $0\n pushal\n"
        "push $0\n mov %ds, (%esp)\n push $0\n mov %es, (%esp)\n push $0\n mov %fs, (%esp)\n cld\n push %esp\n"
        "mov $fake_handler, %eax\n call *%eax\n add $4, %esp\n jmp doreti\n.globl doreti\ndoreti: pop %fs\n pop %es\n pop %ds\n"
        "popal\n add $8, %esp\n iret\n.globl end_exceptions\nend_exceptions: nop\n");
extern const char start_exceptions[], end_exceptions[], Xfake_isr[];
static char trampoline[256];
word setidt_disp;

FUNCTION static void machdep_init_trampoline(void)
{
    for (const char *p = start_exceptions; p < end_exceptions; p++)
        trampoline[p - start_exceptions] = *p;
    setidt_disp = (word)trampoline - (word)start_exceptions;
}

FUNCTION void fake_handler(struct trapframe_32 frame)
{
    __asm__ volatile("" ::"r"(&frame));
}

static uint64_t private_segment(void)
{
    const uint64_t base = (word)&pcpu;
    return 0xcf93000000ffff | (base & 0xffffff) << 16 | base >> 24 << 56;
}

/* With tables of its own: by the entry, then by its copy. */
FUNCTION static void interrupted(void)
{
    static uint64_t segments[8], gates[VECTOR + 1];
    const struct table gdt = {sizeof segments - 1, segments}, idt = {sizeof gates - 1, gates};
    word code;
    __asm__ volatile("mov %%cs, %0" : "=r"(code));
    for (unsigned i = 1; i < 8; i++)
        segments[i] = i == code / 8 ? 0xcf9b000000ffff : i == 1 ? private_segment() : 0xcf93000000ffff;
    __asm__ volatile("lgdt %0\n lidt %1" ::"m"(gdt), "m"(idt));
    for (unsigned i = 0; i < 2; i++) {
        const word at = (word)Xfake_isr + setidt_disp;
        gates[VECTOR] = (at & 0xffff) | code << 16 | (uint64_t)0x8e00 << 32 | (uint64_t)(at >> 16) << 48;
        __asm__ volatile("int %0" ::"i"(VECTOR) : "memory", "cc", "eax", "ecx", "edx");
        if (!i)
            machdep_init_trampoline();
    }
}
#endif

FUNCTION static void configure(const void *unused)
{
    __asm__ volatile("" ::"r"(unused));
    interrupted();
    device_attach(&nexus);
    device_attach(&uart);
}

#ifdef NO_ROOT
FUNCTION static void cngets(void)
{
    while (!(in8(0x3fd) & 1))
        ;
}

FUNCTION void vfs_mountroot(void)
{
    put("cd0 at ata1 bus 0 scbus1 target 0 lun 0\ncd0: <a drive> Removable CD-ROM SCSI device\n");
    if (sizeof NO_ROOT > 1)
        put("Trying to mount root from " NO_ROOT " [ro]...\nmountroot: waiting for device ...\n"
            "Mounting from " NO_ROOT " failed with error 19.\n");
    put("\nManual root filesystem specification:\n  <fstype>:<device> [options]\n\nmountroot> ");
    cngets();
}
#endif

FUNCTION static void mount_root(const void *unused)
{
    __asm__ volatile("" ::"r"(unused));
#ifdef NO_ROOT
    vfs_mountroot();
#endif
    vfs_mountedfrom(vfs_mount_alloc(NULL, &cd9660, "/", NULL), "/dev/cd0");
}

FUNCTION static void linker_preload(const void *unused);

/* Not in their order: mi_startup sorts them. */
SYSINIT(root, 0xb000000, 0, mount_root, NULL);
SYSINIT(two, 0x1800000, 1, malloc_init, &m_two);
SYSINIT(devices, 0x3800000, 3, configure, NULL);
SYSINIT(one, 0x1800000, 0, malloc_init, &m_one);
SYSINIT(text, 0x800001, 0, print_caddr_t, copyright);
SYSINIT(page, 0xe400000, 1, vm_pageout, NULL);
SYSINIT(init, 0x2500000, 0, create_init, NULL);
SYSINIT(proc0, 0x2200000, 0, proc0_init, NULL);
SYSINIT(skipped, 0, 0, configure, NULL);
SYSINIT(fake, 0x4000000, 0x1000000, malloc_init, NULL); /* a module takes its place */
SYSINIT(kld, 0x2000000, 0, linker_preload, NULL);
static struct sysinit second_sys_init = {0x7000000, 1, NULL, NULL}, *second_set[1] = {&second_sys_init};

/* A module's function is called as if it had been in the set from the start. */
static void take_module(struct sysinit *s, const struct elf_file *f)
{
    s->function = (void (*)(const void *))module_symbol(f, "fake_init");
    s->argument = module_symbol(f, "fake_data");
}

FUNCTION static void linker_preload(const void *unused)
{
    __asm__ volatile("" ::"r"(unused));
    load_first();
    if (first_file.file.address)
        take_module(&fake_sys_init, &first_file);
}

/* The names that are printed. */
static const struct {
    const void *address;
    const char *name;
} names[] = {{print_caddr_t, "print_caddr_t"}, {malloc_init, "malloc_init"}, {proc0_init, "proc0_init"},
             {create_init, "create_init"},     {vm_pageout, "vm_pageout"},   {configure, "configure"},
             {mount_root, "mount_root"},       {copyright, "copyright"},     {&m_one, "m_one"},
             {&m_two, "m_two"},               {linker_preload, "linker_preload"}};

static void put_name(const void *address)
{
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].address == address)
            put(names[i].name);
    for (int i = 0; i < 2; i++) {
        static const char *const known[] = {"fake_init", "fake_data"};
        if (address && (module_symbol(&first_file, known[i]) == address || module_symbol(&second_file, known[i]) == address))
            put(known[i]);
    }
}

static void put_call(const struct sysinit *s)
{
    put("   ");
    put_name((const void *)s->function);
    put(s->argument ? "(&" : "(0");
    put_name(s->argument);
    put(")...\n");
}

/* What the linker does for a file that is loaded later. */
FUNCTION static void linker_file_sysinit(struct sysinit **set, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        put_call(set[i]);
        set[i]->function(set[i]->argument);
    }
}

extern struct sysinit *__start_set_sysinit_set[], *__stop_set_sysinit_set[];
struct sysinit **sysinit, **sysinit_end;

static void sort(void)
{
    for (struct sysinit **a = sysinit; a < sysinit_end; a++)
        for (struct sysinit **b = a + 1; b < sysinit_end; b++)
            if ((*a)->subsystem > (*b)->subsystem ||
                ((*a)->subsystem == (*b)->subsystem && (*a)->order > (*b)->order)) {
                struct sysinit *saved = *a;
                *a = *b;
                *b = saved;
            }
}

/* Processes: one executes and ends, one is killed, one executes what there is not. */
static void programs(void)
{
    struct thread *init = initproc->first;
    pcpu.current = init;
    execute(init, "/sbin/init", "--", NULL);
    for (int i = 0; i < 3; i++) {
        struct proc *p = fork1(init, RFFDG | RFPROC);
        cpu_switch(init, p->first);
        for (volatile unsigned n = 0; n < 4000000; n++) /* so that parts of the run begin here */
            ;
        if (i == 2)
            execute(p->first, "/bin/sh", "/etc/rc", "autoboot");
        else
            execute(p->first, i == 1 ? "nothing" : "/bin/program", "two words", NULL);
        if (i == 1)
            page_fault();
        if (i == 2)
            read_script(p->first, "/etc/rc.d/hostname");
        if (i == 2)
            system_call(p->first, 4, 1, (word) "hello", 5);
        if (i == 2)
            system_call(p->first, 5, (word) "/none", 0, 0);
        exit1(p->first, i == 0 ? 42 : 0, i == 1 ? 10 : 0);
        cpu_switch(p->first, init);
        proc_reap(init, p, NULL, 0);
    }
}

FUNCTION void mi_startup(void)
{
    sysinit = __start_set_sysinit_set;
    sysinit_end = __stop_set_sysinit_set;
    sort();
#ifdef HOSTILE
    sysinit[0] = (struct sysinit *)sysinit;
    sysinit[1] = NULL;
#endif
    for (struct sysinit **s = sysinit; s < sysinit_end; s++) {
#ifdef HOSTILE
        if (s - sysinit < 2)
            continue;
#endif
        if ((*s)->subsystem <= 1)
            continue;
        put_call(*s);
        (*s)->function((*s)->argument);
        (*s)->subsystem = 1;
    }
    programs();
    if (first_file.file.address) {
        load_second();
        take_module(&second_sys_init, &second_file);
        linker_file_sysinit(second_set, 1);
        unload_second();
    }
#ifdef FATAL
    put("Fatal trap 12: page fault while in kernel mode\n");
    kdb_trap(12, 0, NULL);
#elif defined PANIC
    panic("the test wants it");
#endif
    kern_reboot(0x4000);
}

/* ---------------------------------------------------------------- from the entry */

static word stack[4096];

static void make_first(void)
{
    proc0.p_sysent = &elf_freebsd_sysvec;
    thread_link(&thread0_st, &proc0);
    pcpu.current = &thread0_st;
    cnadd(&console);
}

#ifdef __x86_64__
FUNCTION word hammer_time(word modulep, word end)
{
    enum { GS_BASE = 0xc0000101 };
    word base = (word)&pcpu;
    __asm__ volatile("wrmsr" ::"c"(GS_BASE), "a"((uint32_t)base), "d"((uint32_t)(base >> 32)));
    metadata = modulep;
    __asm__ volatile("" ::"r"(end));
    make_first();
    return (word)(stack + 4096);
}
__asm__(".globl btext\n.type btext, @function\nbtext:\n"
        "movl 4(%rsp), %edi\n movl 8(%rsp), %esi\n movq $stack + 32768, %rsp\n xor %ebp, %ebp\n"
        "call hammer_time\n movq %rax, %rsp\n call mi_startup\n"
        ".size btext, . - btext");
#else
/* FreeBSD's order (x86/segments.h): 1 begins at pcpu, and FS is loaded with it; 4 is code, 5 data. */
static uint64_t gdt[] = {0, 0, 0, 0, 0xcf9b000000ffff, 0xcf93000000ffff};

FUNCTION word init386(word bootinfo)
{
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) pointer = {sizeof gdt - 1, (uint32_t)gdt};
    gdt[1] = private_segment();
    __asm__ volatile("lgdt %0\n ljmp $32, $1f\n1: mov $40, %%eax\n mov %%eax, %%ds\n mov %%eax, %%es\n mov %%eax, %%ss\n"
                     "mov $8, %%eax\n mov %%eax, %%fs" ::"m"(pointer)
                     : "eax", "memory");
    metadata = *(word *)(bootinfo + 80); /* struct bootinfo, bi_modulep */
    make_first();
    return (word)(stack + 4096);
}
__asm__(".globl btext\n.type btext, @function\nbtext:\n"
        "movl 24(%esp), %eax\n movl $stack + 16384, %esp\n xor %ebp, %ebp\n pushl %eax\n call init386\n movl %eax, %esp\n call mi_startup\n"
        ".size btext, . - btext");
#endif
