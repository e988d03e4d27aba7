/* test_linux_tasks.c - what a Linux kernel's functions tell of its tasks (core/systems/linux): processes, system calls, the files that
 * they open, what programs and the kernel say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_kernel.h"

/* ---------------------------------------------------------------- tasks */

enum { PID = 8, TGID = 12, FLAGS = 16, COMM = 0x20, PARENT = 0x40, MM = 0x48, FILES = 0x50 };
enum { CURRENT = 0x40, NEW_KTHREAD = 0x200000 };

static void set_task_types(struct linux_types *t)
{
    t->task_pid = PID;
    t->task_tgid = TGID;
    t->task_flags = FLAGS;
    t->task_comm = COMM;
    t->task_real_parent = PARENT;
    t->task_mm = MM;
    t->task_files = FILES;
    t->clone_flags = 0;
    t->clone_exit_signal = 8;
    t->mm_arg_start = 0;
    t->mm_arg_end = 8;
    t->binprm_filename = 0;
    t->binprm_interp = 8;
    t->binprm_file = 16;
    t->binprm_exec = 24;
}

static uint64_t make_task(struct kernel *k, uint32_t pid, uint32_t tgid, const char *comm)
{
    const uint64_t task = object(k);
    put(k, task + PID, pid, 4);
    put(k, task + TGID, tgid, 4);
    put_text(k, task + COMM, comm);
    return task;
}

static void run_task(struct kernel *k, uint64_t task)
{
    put_word(k, k->fake.reg[K_GS] + CURRENT, task);
}

/* A kernel whose current task is pid 1. */
static struct kernel *with_tasks(const char *const *names, uint64_t *init)
{
    struct kernel *k = kernel_new(8);
    set_task_types(&k->lx->types);
    functions(k, names);
    variable(k, "current_task", CURRENT);
    kernel_begins(k);
    k->fake.reg[K_GS] = object(k);
    *init = make_task(k, 1, 1, "init");
    run_task(k, *init);
    return k;
}

static const char *const task_functions[] = {
    "kernel_clone", "wake_up_new_task", "__set_task_comm", "finalize_exec", "do_exit", "__switch_to", NULL};

static void test_created(void **state)
{
    uint64_t init;
    struct kernel *k = with_tasks(task_functions, &init);
    const uint64_t args = object(k), child = make_task(k, 7, 7, "sh"), thread = make_task(k, 9, 7, "sh"),
                   worker = make_task(k, 3, 3, "kworker");
    lx_task_setup(k->lx);
    put_word(k, child + PARENT, init);
    put_word(k, thread + PARENT, init);
    put(k, worker + FLAGS, NEW_KTHREAD, 4);
    put(k, args, 0x01200000, 8);
    put(k, args + 8, 17, 4);
    ENTERS(k, "kernel_clone", args);
    ENTERS(k, "wake_up_new_task", child);
    ENTERS(k, "wake_up_new_task", thread); /* without a call of clone: no flags */
    ENTERS(k, "kernel_clone", args);
    put(k, args, 0x100, 8); /* that one has failed */
    ENTERS(k, "kernel_clone", args);
    ENTERS(k, "wake_up_new_task", worker);
    tells(k, "created 7 (sh), group 7, parent 1, kind 1, flags 0x1200011\n"
             "created 9 (sh), group 7, parent 1, kind 2, flags 0x0\n"
             "created 3 (kworker), group 3, parent 0, kind 0, flags 0x111\n");
    kernel_free(k);
}

static void test_lives(void **state)
{
    uint64_t init;
    struct kernel *k = with_tasks(task_functions, &init);
    const uint64_t binprm = object(k), mm = object(k), args = object(k), other = make_task(k, 7, 7, "sh");
    lx_task_setup(k->lx);
    put_word(k, binprm, text_object(k, "/sbin/init"));
    put(k, binprm + 24, 0x401000, 8);
    memcpy(kernel_place(k, args, 16), "init\0--a b\0", 11);
    put_word(k, init + MM, mm);
    put_word(k, mm, args);
    put_word(k, mm + 8, args + 11);
    ENTERS(k, "finalize_exec", binprm);
    ENTERS(k, "finalize_exec", binprm); /* only the first time it is the first program */
    ENTERS(k, "__set_task_comm", other, text_object(k, "sh"));
    ENTERS(k, "__set_task_comm", other, text_object(k, "a-name-of-more-than-15"));
    ENTERS(k, "__switch_to", init, other);
    run_task(k, other);
    ENTERS(k, "do_exit", 0x100);
    tells(k, "1 executes /sbin/init init '--a b'\n"
             "init executed: /sbin/init init '--a b'\n"
             "1 executes /sbin/init init '--a b'\n"
             "7 is named a-name-of-more-\n"
             "1 -> 7 (sh)\n"
             "7 (sh) exits, code 0x100\n");
    struct guest_task t;
    assert_true(lx_task(k->lx, &t));
    assert_int_equal(t.pid, 7);
    assert_int_equal(t.space, lx_space(k->lx, 7));
    kernel_free(k);
}

/* While a program runs, GS is the program's, and the kernel's value waits in another register. */
static void test_current_of_program(void **state)
{
    uint64_t init;
    struct kernel *k = with_tasks(task_functions, &init);
    lx_task_setup(k->lx);
    k->fake.reg[K_KERNEL_GS] = k->fake.reg[K_GS];
    k->fake.reg[K_GS] = 0x7fff0000;
    k->fake.reg[K_CPL] = 3;
    assert_int_equal(lx_current(k->lx), init);
    k->fake.reg[K_KERNEL_GS] = 0;
    assert_int_equal(lx_current(k->lx), 0);
    k->fake.reg[K_CPL] = 0;
    k->fake.reg[K_GS] = 0; /* the kernel's entry has not loaded it yet */
    assert_int_equal(lx_current(k->lx), 0);
    kernel_free(k);
}

/* What the function reads that only returns the task's number, in a kernel without symbols of data: a variable of the processor's,
 * mov %gs:0x40, %rax; or a plain one in a kernel for one processor, mov 0x2ff9(%rip), %rax. */
static void test_current_by_code(void **state)
{
    for (unsigned plain = 0; plain < 2; plain++) {
        struct kernel *k = kernel_new(8);
        const uint64_t task = object(k);
        if (plain)
            FUNCTION(k, "__x64_sys_gettid", "\x48\x8b\x05\xf9\x2f\0\0\xc3");
        else
            FUNCTION(k, "__x64_sys_gettid", "\x65\x48\x8b\x04\x25\x40\0\0\0\xc3");
        kernel_begins(k);
        k->fake.reg[K_GS] = object(k);
        put_word(k, plain ? address_of(k, "__x64_sys_gettid") + 0x3000 : k->fake.reg[K_GS] + CURRENT, task);
        lx_task_setup(k->lx);
        assert_int_equal(k->lx->current_how, plain ? CURRENT_PLAIN : CURRENT_PERCPU);
        assert_int_equal(lx_current(k->lx), task);
        kernel_free(k);
    }
}

static void test_lacks(void **state)
{
    uint64_t init;
    static const char *const some[] = {"_do_fork", "do_exit", NULL};
    struct kernel *k = with_tasks(some, &init);
    lx_task_setup(k->lx);
    lx_log_setup(k->lx);
    assert_string_equal(
        k->lx->base.missing,
        "wake_up_new_task, __set_task_comm, finalize_exec, __switch_to, vprintk_emit, __sys_sendmsg");
    assert_true(k->lx->state == LX_FOUND);
    kernel_free(k);
}

/* ---------------------------------------------------------------- system calls */

enum {
    R_BP = 32,
    R_BX = 40,
    R_R8 = 72,
    R_AX = 80,
    R_CX = 88,
    R_DX = 96,
    R_SI = 104,
    R_DI = 112,
    R_ORIG = 120,
    R_SP = 152
};

static const char *const call_functions[] = {"do_syscall_64", "do_int80_syscall_32", "do_fast_syscall_32",
                                             "do_SYSENTER_32", NULL};

static uint64_t registers_of(struct kernel *k, uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t regs = object(k);
    put(k, regs + R_ORIG, number, 8);
    put(k, regs + R_DI, a, 8);
    put(k, regs + R_SI, b, 8);
    put(k, regs + R_DX, c, 8);
    return regs;
}

static void test_system_calls(void **state)
{
    uint64_t init;
    struct kernel *k = with_tasks(call_functions, &init);
    lx_task_setup(k->lx);
    lx_syscall_setup(k->lx);
    const uint64_t path = text_object(k, "/etc/passwd"), fds = object(k);
    uint64_t regs = registers_of(k, 257, (uint64_t)-100, path, 0);
    ENTERS(k, "do_syscall_64", regs, 257); /* since 5.15 */
    put(k, regs + R_AX, (uint64_t)-2, 8);
    leaves(k, "do_syscall_64", 0);
    regs = registers_of(k, 22, fds, 0, 0);
    ENTERS(k, "do_syscall_64", 22, regs); /* before */
    put(k, fds, 3, 4);
    put(k, fds + 4, 4, 4);
    leaves(k, "do_syscall_64", 0);
    regs = registers_of(k, 5000, 1, 0, 0);
    CALLS(k, "do_syscall_64", 0, regs, 5000);
    tells(k, "1: openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY)\n"
             "1: openat = -2\n"
             "1: pipe(0xffffffff81004c00)\n"
             "1: pipe([3, 4]) = 0\n"
             "1: syscall_5000(0x1, 0x0, 0x0, 0x0, 0x0, 0x0)\n"
             "1: syscall_5000 = 0\n");
    kernel_free(k);
}

/* Calls of 32-bit programs: by INT 80h, by SYSCALL, whose sixth argument is on the program's stack, and by SYSENTER. */
static void test_narrow_calls(void **state)
{
    uint64_t init;
    struct kernel *k = with_tasks(call_functions, &init);
    lx_task_setup(k->lx);
    lx_syscall_setup(k->lx);
    const uint64_t regs = object(k);
    put(k, regs + R_ORIG, 3, 8);
    put(k, regs + R_BX, 5, 8);
    put(k, regs + R_CX, 0x8000, 8);
    put(k, regs + R_DX, 0x10, 8);
    ENTERS(k, "do_int80_syscall_32", regs);
    put(k, regs + R_AX, 0xfffffff7, 8); /* EBADF, in EAX */
    leaves(k, "do_int80_syscall_32", 0);
    put(k, regs + R_ORIG, 45, 8);
    put(k, regs + R_BX, 0, 8);
    ENTERS(k, "do_fast_syscall_32", regs);
    put(k, regs + R_AX, 0x90000000, 8); /* an address is no error */
    leaves(k, "do_fast_syscall_32", 0);
    ENTERS(k, "do_SYSENTER_32", regs);
    leaves(k, "do_SYSENTER_32", 0);
    tells(k, "1: read(5, 0x8000, 16)\n"
             "1: read = -9\n"
             "1: brk(NULL)\n"
             "1: brk = 2415919104\n"
             "1: brk(NULL)\n"
             "1: brk = 2415919104\n");
    kernel_free(k);
}

/* ---------------------------------------------------------------- files */

enum {
    F_INODE = 0,
    F_DENTRY = 8,
    F_MOUNT = 16,
    F_MAPPING = 24,
    D_PARENT = 0,
    D_NAME = 8,
    D_ALIAS = 16,
    M_PARENT = 0,
    M_POINT = 8,
    M_VFS = 32,
    V_ROOT = 0
};
enum { I_NUMBER = 0, I_SB = 8, I_ALIAS = 16, SB_DEVICE = 0, SB_TYPE = 8, SB_ID = 16 };

static void set_file_types(struct linux_types *t)
{
    t->files_fdt = 8;
    t->fdt_max = 0;
    t->fdt_fd = 8;
    t->file_inode = F_INODE;
    t->file_dentry = F_DENTRY;
    t->file_mount = F_MOUNT;
    t->file_mapping = F_MAPPING;
    t->mount_root = V_ROOT;
    t->mount_vfs = M_VFS;
    t->mount_parent = M_PARENT;
    t->mount_point = M_POINT;
    t->dentry_parent = D_PARENT;
    t->dentry_name = D_NAME;
    t->dentry_alias = D_ALIAS;
    t->inode_number = I_NUMBER;
    t->inode_sb = I_SB;
    t->inode_alias = I_ALIAS;
    t->sb_dev = SB_DEVICE;
    t->sb_type = SB_TYPE;
    t->sb_id = SB_ID;
    t->type_name = 0;
}

static uint64_t make_dentry(struct kernel *k, uint64_t parent, const char *name)
{
    const uint64_t d = object(k);
    put_word(k, d + D_PARENT, parent ? parent : d);
    put_word(k, d + D_NAME, text_object(k, name));
    return d;
}

static uint64_t make_mount(struct kernel *k, uint64_t root, uint64_t parent, uint64_t point)
{
    const uint64_t m = object(k);
    put_word(k, m + M_PARENT, parent ? parent : m);
    put_word(k, m + M_POINT, point);
    put_word(k, m + M_VFS + V_ROOT, root);
    return m;
}

static uint64_t make_inode(struct kernel *k, uint64_t number)
{
    const uint64_t inode = object(k), sb = object(k), type = object(k);
    put(k, inode + I_NUMBER, number, 8);
    put_word(k, inode + I_SB, sb);
    put(k, sb + SB_DEVICE, 8 << 20 | 1, 4);
    put_word(k, sb + SB_TYPE, type);
    put_text(k, sb + SB_ID, "sda1");
    put_word(k, type, text_object(k, "ext4"));
    return inode;
}

/* /usr/bin/env, where /usr is a file system of its own; its root has no name there. */
static uint64_t make_env(struct kernel *k)
{
    const uint64_t root = make_dentry(k, 0, "/"), usr = make_dentry(k, root, "usr"),
                   own = make_dentry(k, 0, "/"), bin = make_dentry(k, own, "bin"),
                   env = make_dentry(k, bin, "env"), file = object(k);
    const uint64_t mount = make_mount(k, own, make_mount(k, root, 0, 0), usr);
    put_word(k, file + F_INODE, make_inode(k, 77));
    put_word(k, file + F_DENTRY, env);
    put_word(k, file + F_MOUNT, mount + M_VFS);
    return file;
}

static void test_opened(void **state)
{
    uint64_t init;
    struct kernel *k = with_tasks(call_functions, &init);
    set_file_types(&k->lx->types);
    lx_task_setup(k->lx);
    lx_syscall_setup(k->lx);
    const uint64_t files = object(k), table = object(k), list = object(k), env = make_env(k),
                   regs = registers_of(k, 2, text_object(k, "env"), 0, 0);
    put_word(k, init + FILES, files);
    put_word(k, files + 8, table);
    put(k, table, 4, 4);
    put_word(k, table + 8, list);
    put_word(k, list + 3 * 8, env);
    ENTERS(k, "do_syscall_64", regs, 2);
    put(k, regs + R_AX, 3, 8);
    leaves(k, "do_syscall_64", 0);
    ENTERS(k, "do_syscall_64", regs, 2);
    put(k, regs + R_AX, 4, 8); /* no such descriptor in the table */
    leaves(k, "do_syscall_64", 0);
    lx_file_executed(k->lx, env);
    tells(k, "1: open(\"env\", O_RDONLY)\n"
             "1: descriptor 3 is inode 77 of ext4 sda1 /usr/bin/env\n"
             "1: open = 3\n"
             "1: open(\"env\", O_RDONLY)\n"
             "1: open = 4\n"
             "1: descriptor -1 is inode 77 of ext4 sda1 /usr/bin/env\n");
    kernel_free(k);
}

/* Blocks that are read for a file, through a page that is not the first of its folio; and for none. */
static void test_blocks(void **state)
{
    enum {
        BIO_SECTOR = 0,
        BIO_SIZE = 8,
        BIO_OP = 12,
        BIO_VECS = 16,
        PAGE_HEAD = 8,
        PAGE_MAPPING = 24,
        HOST = 0
    };
    static const char *const names[] = {"submit_bio", NULL};
    uint64_t init;
    struct kernel *k = with_tasks(names, &init);
    struct linux_types *t = &k->lx->types;
    set_file_types(t);
    t->bio_sector = BIO_SECTOR;
    t->bio_size = BIO_SIZE;
    t->bio_op = BIO_OP;
    t->bio_vecs = BIO_VECS;
    t->vec_page = 0;
    t->page_mapping = PAGE_MAPPING;
    t->mapping_host = HOST;
    lx_task_find_current(k->lx);
    lx_file_setup(k->lx);
    const uint64_t bio = object(k), vec = object(k), page = object(k), first = object(k), mapping = object(k),
                   inode = make_inode(k, 12), dentry = make_dentry(k, make_dentry(k, 0, "/"), "vmlinuz");
    put(k, bio + BIO_SECTOR, 2048, 8);
    put(k, bio + BIO_SIZE, 4096, 4);
    put_word(k, bio + BIO_VECS, vec);
    put_word(k, vec, page);
    put_word(k, page + PAGE_HEAD, first | 1);
    put_word(k, first + PAGE_MAPPING, mapping);
    put_word(k, mapping + HOST, inode);
    put_word(k, inode + I_ALIAS, dentry + D_ALIAS);
    ENTERS(k, "submit_bio", bio);
    put_word(k, first + PAGE_MAPPING, mapping | 1); /* a program's memory, written to a swap area */
    put(k, bio + BIO_OP, 0x801, 4);
    ENTERS(k, "submit_bio", bio);
    put(k, bio + BIO_OP, 2, 4); /* a flush has no blocks */
    ENTERS(k, "submit_bio", bio);
    tells(k, "1: write=off, sector 2048, 4096 bytes, inode 12 of ext4 sda1 /vmlinuz\n"
             "1: write=on, sector 2048, 4096 bytes, inode 0 of \n");
    kernel_free(k);
}

/* ---------------------------------------------------------------- what is said */

static const char *const log_functions[] = {"panic", "vprintk_emit", "__sys_sendmsg", NULL};

/* The seventh argument is on the stack. */
static void test_panic(void **state)
{
    uint64_t init;
    struct kernel *k = with_tasks(log_functions, &init);
    lx_task_find_current(k->lx);
    lx_log_setup(k->lx);
    put_word(k, k->fake.reg[K_RSP] + 8, text_object(k, "the seventh"));
    ENTERS(k, "panic", text_object(k, "%s: %d %d %d %d, %s\n"), text_object(k, "all"), 1, 2, 3, (uint64_t)-4);
    tells(k, "panic: all: 1 2 3 -4, the seventh\n");
    kernel_free(k);
}

/* A message of a program that came through /dev/kmsg: a va_list with one argument, in registers or not. The kernel's own is no program's. */
static void test_kmsg(void **state)
{
    uint64_t init;
    struct kernel *k = with_tasks(log_functions, &init);
    lx_task_find_current(k->lx);
    lx_log_setup(k->lx);
    const uint64_t list = object(k), save = object(k), over = object(k), format = text_object(k, "%s");
    put(k, list, 40, 4); /* the last of the registers */
    put_word(k, list + 8, over);
    put_word(k, list + 16, save);
    put_word(k, save + 40, text_object(k, "systemd[1]: Hello\nmore"));
    put_word(k, over, text_object(k, "on the stack"));
    ENTERS(k, "vprintk_emit", 1, 6, 0, format, list);
    put(k, list, 48, 4);
    ENTERS(k, "vprintk_emit", 1, 6, 0, format, list);
    ENTERS(k, "vprintk_emit", 0, 6, 0, format, list);
    tells(k, "1 says Hello\n"
             "1 says on the stack\n");
    kernel_free(k);
}

/* The journal's datagrams, in several pieces; other datagrams are no messages. */
static void test_journal(void **state)
{
    uint64_t init;
    struct kernel *k = with_tasks(log_functions, &init);
    lx_task_find_current(k->lx);
    lx_log_setup(k->lx);
    static const char *const pieces[] = {"PRIORITY=3\n", "MESSAGE=", "it failed", "\nCODE_LINE=1\n"};
    const uint64_t head = object(k), list = object(k);
    put_word(k, head + 16, list);
    put_word(k, head + 24, 4);
    for (size_t i = 0; i < 4; i++) {
        put_word(k, list + 16 * i, text_object(k, pieces[i]));
        put_word(k, list + 16 * i + 8, strlen(pieces[i]));
    }
    ENTERS(k, "__sys_sendmsg", 3, head, 0);
    put_text(k, lx_word(k->lx, list), "Priority=3\n");
    ENTERS(k, "__sys_sendmsg", 3, head, 0);
    tells(k, "1 says it failed\n");
    kernel_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_created),
        cmocka_unit_test(test_lives),
        cmocka_unit_test(test_current_of_program),
        cmocka_unit_test(test_current_by_code),
        cmocka_unit_test(test_lacks),
        cmocka_unit_test(test_system_calls),
        cmocka_unit_test(test_narrow_calls),
        cmocka_unit_test(test_opened),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_panic),
        cmocka_unit_test(test_kmsg),
        cmocka_unit_test(test_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
