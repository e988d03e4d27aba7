/* test_files.c - who opened, read and wrote what: from system calls as events. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/story/files.h"

static uint64_t now;

static void see(struct file_uses *f, unsigned kind, const char *data, uint64_t f0, uint64_t f1, uint64_t f2,
                uint64_t f3, uint64_t f4)
{
    now++;
    const struct event ev = {.kind = (uint16_t)kind,
                             .icount = now,
                             .time = now,
                             .f = {f0, f1, f2, f3, f4},
                             .data = data,
                             .len = (uint32_t)strlen(data)};
    file_uses_see(f, &ev);
}

/* A call, and its end. */
static void call(struct file_uses *f, uint64_t pid, const char *text, int64_t result)
{
    char name[64];
    see(f, EV_SYSCALL_ENTER, text, 0, pid, 0, 0, 0);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "("), text);
    see(f, EV_SYSCALL_EXIT, name, 0, pid, (uint64_t)result, 0, 0);
}

static void makes(struct file_uses *f, unsigned kind, uint64_t pid, uint64_t tgid, uint64_t parent)
{
    see(f, EV_PROCESS_CREATE, "sh", kind, kind == PROCESS_THREAD ? 0x600 : 0, pid, tgid, parent);
}

static const struct file_use *use(const struct file_uses *f, uint32_t pid, const char *path, int error)
{
    const struct file_use *u;
    for (struct file_place at = {0}; (u = file_uses_next(f, &at));)
        if (u->pid == pid && u->error == error && !strcmp(u->path, path))
            return u;
    fail_msg("process %u has no use of %s", pid, path);
    return NULL;
}

static struct file_uses *begin(void)
{
    struct file_uses *f = file_uses_new();
    now = 0;
    makes(f, PROCESS_PROCESS, 1, 1, 0);
    return f;
}

/* FreeBSD's fcntl has other numbers, which are words in its calls. */
static void test_freebsd_descriptors(void **state)
{
    struct file_uses *f = begin();
    call(f, 1, "open(\"/a\", O_RDONLY, 00)", 3);
    call(f, 1, "fcntl(3, F_DUPFD, 0xa)", 10);
    call(f, 1, "fcntl(3, F_DUP2FD, 0xb)", 11);
    call(f, 1, "fcntl(3, F_DUPFD_CLOEXEC, 0xc)", 12);
    call(f, 1, "fcntl(3, F_SETFD, 0x1)", 0);
    see(f, EV_PROCESS_EXEC, "/bin/cat cat", 1, 1, 0, 0, 0);
    call(f, 1, "read(10, 0x0, 10)", 1);
    call(f, 1, "read(11, 0x0, 10)", 2);
    call(f, 1, "read(3, 0x0, 10)", 4);
    call(f, 1, "read(12, 0x0, 10)", 8);
    uint64_t n = 0;
    const struct file_use *v;
    for (struct file_place at = {0}; (v = file_uses_next(f, &at));)
        n += !strcmp(v->path, "/a") ? v->read : 0;
    assert_int_equal(n, 3);
    assert_int_equal(use(f, 1, "(descriptor 3)", 0)->read, 4);
    assert_int_equal(use(f, 1, "(descriptor 12)", 0)->read, 8);
    file_uses_free(f);
}

static void test_paths(void **state)
{
    struct file_uses *f = begin();
    call(f, 1, "chdir(\"/etc/init.d\")", 0);
    call(f, 1, "openat(AT_FDCWD, \"../a\\\"b,)\\x41\", O_RDONLY|O_CLOEXEC)", 3);
    call(f, 1, "read(3, 0x1000, 4096)", 100);
    call(f, 1, "pread64(3, 0x1000, 4096, 0x0)", 28);
    call(f, 1, "read(3, 0x1000, 4096)", -EAGAIN);
    const struct file_use *u = use(f, 1, "/etc/a\"b,)A", 0);
    assert_int_equal(u->did, FILE_OPENED | FILE_READ);
    assert_int_equal(u->read, 128);
    call(f, 1, "openat(AT_FDCWD, \"/usr//./lib\", O_RDONLY|O_DIRECTORY)", 4);
    call(f, 1, "openat(4, \"x.so\", O_RDONLY)", 5);
    call(f, 1, "mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 5, 0x0)", 0x7000);
    call(f, 1, "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0x0)", 0x8000);
    assert_int_equal(use(f, 1, "/usr/lib/x.so", 0)->mapped, 8192);
    size_t known = file_uses_count(f);
    call(f, 1, "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANON, -1, 0x0)",
         0x8000); /* FreeBSD's name of it */
    call(f, 1, "mmap(NULL, 4096, PROT_NONE, MAP_GUARD, -1, 0x0)", 0x9000);
    assert_int_equal(file_uses_count(f), known);
    call(f, 1, "open(\"no\", O_RDWR|O_CREAT|O_TRUNC, 0600)", -EACCES);
    call(f, 1, "open(\"no\", O_RDWR|O_CREAT|O_TRUNC, 0600)", -EACCES);
    u = use(f, 1, "/etc/init.d/no", EACCES);
    assert_int_equal(u->did, FILE_OPENED | FILE_CREATES | FILE_TRUNCATED);
    assert_int_equal(u->times, 2);
    file_uses_free(f);
}

/* Descriptors are copied by dup and fork, shared by threads, closed on exec, and are other things than files. */
static void test_descriptors(void **state)
{
    struct file_uses *f = begin();
    call(f, 1, "open(\"/log\", O_WRONLY)", 3);
    call(f, 1, "openat(AT_FDCWD, \"/secret\", O_RDONLY|O_CLOEXEC)", 4);
    call(f, 1, "dup2(3, 1)", 1);
    makes(f, PROCESS_PROCESS, 7, 7, 1);
    call(f, 1, "close(3)", 0);
    call(f, 7, "write(3, \"hello\", 5)", 5);
    see(f, EV_PROCESS_NAME, "cat", 7, 7, 0, 0, 0);
    see(f, EV_PROCESS_EXEC, "/bin/cat cat", 7, 7, 0, 0, 0);
    call(f, 7, "write(1, \"x\", 1)", 1);
    call(f, 7, "read(4, 0x0, 10)", 10);
    call(f, 1, "write(1, \"yy\", 2)", 2);
    assert_int_equal(use(f, 1, "/log", 0)->written, 2);
    assert_int_equal(use(f, 7, "(descriptor 4)", 0)->read, 10);
    uint64_t n = 0;
    const struct file_use *v;
    for (struct file_place at = {0}; (v = file_uses_next(f, &at));)
        n += v->pid == 7 ? v->written : 0;
    assert_int_equal(n, 6);
    see(f, EV_SYSCALL_ENTER, "pipe2(0x1000, 0x0)", 0, 1, 0, 0, 0);
    see(f, EV_SYSCALL_EXIT, "pipe2([4, 5])", 0, 1, 0, 0, 0);
    call(f, 1, "read(4, 0x0, 10)", 10);
    assert_int_equal(use(f, 1, "/secret", 0)->read, 0);
    makes(f, PROCESS_THREAD, 8, 1, 0);
    call(f, 8, "open(\"/t\", O_RDONLY)", 6);
    call(f, 1, "read(6, 0x0, 3)", 3);
    assert_int_equal(use(f, 1, "/t", 0)->read, 3);
    file_uses_free(f);
}

/* switch_root: what was below /root is the root. */
static void test_mounts(void **state)
{
    struct file_uses *f = begin();
    call(f, 1, "mount(\"/dev/sda1\", \"/root\", \"ext4\", 0x0, NULL)", 0);
    call(f, 1, "open(\"/root/sbin/init\", O_RDONLY)", 3);
    assert_string_equal(use(f, 1, "/root/sbin/init", 0)->on, "/dev/sda1 (ext4)");
    call(f, 1, "chdir(\"/root\")", 0);
    call(f, 1, "mount(\".\", \"/\", NULL, 0x2000, NULL)", 0);
    call(f, 1, "chroot(\".\")", 0);
    call(f, 1, "open(\"etc/fstab\", O_RDONLY)", 4);
    assert_string_equal(use(f, 1, "/etc/fstab", 0)->on, "/dev/sda1 (ext4)");
    call(f, 1, "fsopen(\"tmpfs\", 0x1)", 5);
    call(f, 1, "fsmount(5, 0x1, 0x0)", 6);
    call(f, 1, "move_mount(6, \"\", AT_FDCWD, \"/run\", 0x4)", 0);
    call(f, 1, "open(\"/run/x\", O_RDWR|O_CREAT|O_EXCL, 0644)", 7);
    assert_string_equal(use(f, 1, "/run/x", 0)->on, "tmpfs");
    call(f, 1, "umount2(\"/run\", 0x0)", 0);
    call(f, 1, "open(\"/run/y\", O_RDONLY)", 8);
    assert_string_equal(use(f, 1, "/run/y", 0)->on, "/dev/sda1 (ext4)");
    file_uses_free(f);
}

/* What the kernel says: the file behind a symbolic link, and its blocks. */
static void test_identity(void **state)
{
    struct file_uses *f = begin();
    enum { SDA1 = 8 << 20 | 1 };
    see(f, EV_SYSCALL_ENTER, "openat(AT_FDCWD, 0x7f0000001000, O_RDONLY)", 0, 1, 0, 0, 0);
    see(f, EV_FILE_OPENED, "ext4 sda1 /usr/lib/x.so.1", 1, 3, SDA1, 99, 0);
    see(f, EV_SYSCALL_EXIT, "openat(AT_FDCWD, \"/lib/x.so\", O_RDONLY)", 0, 1, 3, 0, 0);
    see(f, EV_FILE_BLOCKS, "ext4 sda1 /usr/lib/x.so.1", 0, SDA1, 99, 2048, 4096);
    see(f, EV_FILE_BLOCKS, "bdev bdev ", 0, 0, 5, 8, 512);
    const struct file_use *u = use(f, 1, "/lib/x.so", 0);
    assert_string_equal(u->real, "/usr/lib/x.so.1");
    assert_string_equal(u->on, "sda1 (ext4)");
    assert_int_equal(u->inode, 99);
    assert_int_equal(u->nblocks, 1);
    assert_int_equal(u->blocks[0].sector, 2048);
    file_uses_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_freebsd_descriptors),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_mounts),
        cmocka_unit_test(test_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
