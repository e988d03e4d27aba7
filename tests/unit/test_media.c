/* test_media.c - folders as disks and as initramfs images: what fsck says of them, what is in them, and that they have the same bytes
 * however the host keeps the folder. Images of other programs are tested by tests/cli/media.sh. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/media/media.h"

static char work[] = "/tmp/test-media-XXXXXX";

/* A command of the shell, in the test's folder. */
__attribute__((format(printf, 1, 2))) static int shell(const char *fmt, ...)
{
    char line[2000];
    int n = snprintf(line, sizeof line, "cd %s && ", work);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line + n, sizeof line - (size_t)n, fmt, ap);
    va_end(ap);
    return system(line);
}

/* All kinds of files; `order` says in which order they are made. */
static void make_folder(const char *name, bool reverse)
{
    assert_int_equal(
        shell("mkdir -p %s/usr/bin %s/many %s/empty && cd %s && "
              "for i in $(seq 1 300 | sort %s); do echo $i >many/a-file-with-a-long-name-$i; done && "
              "head -c 3000000 /dev/zero | tr '\\0' x >large && truncate -s 9M sparse && "
              "{ head -c 200000 /dev/zero; echo end; } >holes && "
              "echo hello >usr/bin/a && ln usr/bin/a usr/bin/b && ln -s usr/bin bin && "
              "ln -s $(head -c 200 /dev/zero | tr '\\0' y) long && mkfifo fifo && chmod 4711 usr/bin/a && "
              "find . -exec touch -h -d @1700000000.5 {} +",
              name, name, name, name, reverse ? "-rn" : "-n"),
        0);
}

static void save(struct media_image *m, const char *name, uint64_t from)
{
    char path[200];
    uint8_t piece[1 << 16];
    snprintf(path, sizeof path, "%s/%s", work, name);
    FILE *f = fopen(path, "w");
    for (uint64_t at = from; at < media_size(m); at += sizeof piece) {
        const uint64_t left = media_size(m) - at, n = left < sizeof piece ? left : sizeof piece;
        assert_int_equal(media_read(m, at, piece, n, NULL), 0);
        fwrite(piece, 1, n, f);
    }
    assert_int_equal(fclose(f), 0);
}

static struct media_image *open_folder(const char *name)
{
    char path[200], cache[200];
    struct error err = {""};
    snprintf(path, sizeof path, "%s/%s", work, name);
    snprintf(cache, sizeof cache, "%s/cache", work);
    struct media_image *m = media_open_folder(path, &(struct media_options){.cache = cache}, &err);
    if (!m)
        fail_msg("%s", err.text);
    return m;
}

static void test_disk(void **state)
{
    struct media_image *m = open_folder("one");
    uint8_t mbr[512];
    assert_int_equal(media_size(m) % (1 << 20), 0);
    assert_int_equal(media_read(m, 0, mbr, sizeof mbr, NULL), 0);
    assert_int_equal(mbr[446 + 4], 0x83);
    assert_int_equal(mbr[446 + 8] | mbr[446 + 9] << 8, 2048);
    assert_memory_equal(mbr + 510, "\x55\xaa", 2);
    save(m, "fs", 1 << 20);
    media_close(m);
    assert_int_equal(
        shell("PATH=$PATH:/usr/sbin:/sbin && e2fsck -fn fs >fsck.out 2>&1 || { cat fsck.out; false; }"), 0);
    assert_int_equal(
        shell(
            "PATH=$PATH:/usr/sbin:/sbin && mkdir out && debugfs -R 'rdump / out' fs 2>/dev/null && rmdir out/lost+found && "
            "rm -f one/fifo out/fifo && diff -r --no-dereference one out"),
        0);
    /* Both names of one file, its mode and its times. */
    assert_int_equal(
        shell(
            "PATH=$PATH:/usr/sbin:/sbin && debugfs -R 'stat usr/bin/b' fs 2>/dev/null >stat.out && "
            "grep -q 'Mode: *04711' stat.out && grep -q 'Links: 2' stat.out && grep -q 'mtime: 0x6553f100:77359400' stat.out && "
            "debugfs -R 'stat sparse' fs 2>/dev/null | grep -q 'Blockcount: 0' || { cat stat.out; false; }"),
        0);
}

static void test_same_bytes(void **state)
{
    struct media_image *a = open_folder("two"), *b = open_folder("three");
    save(a, "a", 0);
    save(b, "b", 0);
    media_close(a);
    media_close(b);
    assert_int_equal(shell("cmp a b"), 0);
}

static void test_initrds(void **state)
{
    char first[200], second[200], file[200];
    struct error err = {""};
    snprintf(first, sizeof first, "folder:%s/two", work);
    snprintf(second, sizeof second, "folder:%s/three", work);
    snprintf(file, sizeof file, "%s/odd", work);
    assert_int_equal(shell("printf 12345 >odd"), 0);
    struct media_image *a = media_open_initrds((const char *const[]){file, first}, 2, &err);
    struct media_image *b = media_open_initrds((const char *const[]){file, second}, 2, &err);
    assert_non_null(a);
    assert_non_null(b);
    save(a, "a", 0);
    save(b, "b", 0);
    save(a, "cpio", 8);
    media_close(a);
    media_close(b);
    assert_int_equal(shell("cmp a b && [ \"$(head -c 9 a | od -An -c | tr -d ' ')\" = '12345\\0\\0\\00' ]"),
                     0);
    assert_int_equal(
        shell(
            "mkdir unpacked && cd unpacked && cpio -idm --quiet <../cpio && rm -f fifo ../two/fifo && diff -r --no-dereference . ../two && "
            "[ usr/bin/a -ef usr/bin/b ] && [ \"$(stat -c %%Y large)\" = 1700000000 ]"),
        0);
}

static void test_not_there(void **state)
{
    struct error err;
    assert_null(media_open_folder("/no/such/folder", &(struct media_options){.cache = work}, &err));
    assert_string_equal(err.text, "/no/such/folder: cannot be opened as a folder: No such file or directory");
    assert_null(media_open("/dev/null", &(struct media_options){.formats = true}, &err));
    assert_string_equal(err.text, "/dev/null: is not a file: give an image file or a disk");
}

static int make(void **state)
{
    if (!mkdtemp(work))
        return -1;
    make_folder("one", false);
    make_folder("two", false);
    make_folder("three", true);
    return 0;
}

static int clear(void **state)
{
    return shell("rm -rf %s", work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disk),
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_initrds),
        cmocka_unit_test(test_not_there),
    };
    return cmocka_run_group_tests(tests, make, clear);
}
