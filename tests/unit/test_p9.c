/* test_p9.c - folders of the host that a guest sees: 9P2000.L (hv/board/virtio/p9.c, shared*.c) over a real folder (core/media/host_folder.c), message by
 * message; what is not reached; what a saved state has; damaged states; the device on virtio. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/run/image_file.h"
#include "hv/board/virtio/p9_server.h"
#include "tests/unit/saved_state.h"
#include "tests/unit/virtio_driver.h"

enum { ROOM = 70000, ROOT = 0 };

struct bench {
    struct fixture f;
    char folder[96], outside[80];
    struct image_files *files;
    struct p9 p9;
    uint8_t out[ROOM], in[ROOM];
    size_t n;              /* of the message that is written */
    struct p9_request got; /* the answer's fields */
    unsigned questions;    /* that the host was asked */
    const struct image *image;
};

/* ---------------------------------------------------------------- the folder */

static void write_file(const struct bench *b, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", b->folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void make_folders(struct bench *b)
{
    char path[200];
    strcpy(b->outside, "/tmp/p9-XXXXXX");
    assert_non_null(mkdtemp(b->outside));
    snprintf(b->folder, sizeof b->folder, "%s/shared", b->outside);
    mkdir(b->folder, 0755);
    static const char *const folders[] = {"sub", "sub/deep", "empty"};
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", b->folder, folders[i]);
        mkdir(path, 0755);
    }
    write_file(b, "hello", "hello, world\n");
    write_file(b, "zebra", "last");
    write_file(b, "sub/a", "A");
    write_file(b, "sub/deep/b", "B");
    write_file(b, "../secret", "not for the guest");
    static const char *const links[][2] = {{"sub/a", "link"}, {"..", "up"}, {"/etc", "absolute"}};
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", b->folder, links[i][1]);
        assert_int_equal(symlink(links[i][0], path), 0);
    }
    snprintf(path, sizeof path, "%s/fifo", b->folder);
    assert_int_equal(mkfifo(path, 0644), 0);
}

/* ---------------------------------------------------------------- messages */

static void put_number(struct bench *b, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        b->out[b->n++] = i < 8 ? (uint8_t)(v >> 8 * i) : 0;
}

static void put_text(struct bench *b, const char *s)
{
    put_number(b, strlen(s), 2);
    memcpy(b->out + b->n, s, strlen(s));
    b->n += strlen(s);
}

static void put_fields(struct bench *b, const char *form, va_list ap)
{
    for (; *form; form++)
        switch (*form) {
        case 's':
            put_text(b, va_arg(ap, const char *));
            break;
        case 'q':
            put_number(b, va_arg(ap, uint64_t), 8);
            break;
        default:
            put_number(b, va_arg(ap, unsigned), *form == 'b' ? 1 : *form == 'w' ? 2 : 4);
        }
}

/* Sends what is in `out`, and reads the answer's head. Returns its error, or 0. */
static int exchange(struct bench *b, uint8_t type)
{
    for (unsigned i = 0; i < 4; i++)
        b->out[i] = (uint8_t)(b->n >> 8 * i);
    const size_t n = p9_serve(&b->p9, b->out, b->n, b->in, ROOM);
    if (!n && shared_damaged(b->p9.share))
        return EIO;
    assert_in_range(n, P9_HEADER, ROOM);
    b->got = (struct p9_request){.p = b->in, .n = n};
    assert_int_equal(p9_get(&b->got, 4), n);
    const uint8_t is = (uint8_t)p9_get(&b->got, 1);
    assert_int_equal(p9_get(&b->got, 2), 0x1234);
    if (is != P9_LERROR + 1) {
        assert_int_equal(is, type + 1);
        return 0;
    }
    return (int)p9_get(&b->got, 4);
}

static int ask(struct bench *b, uint8_t type, const char *form, ...)
{
    va_list ap;
    b->n = 4;
    put_number(b, type, 1);
    put_number(b, 0x1234, 2);
    va_start(ap, form);
    put_fields(b, form, ap);
    va_end(ap);
    return exchange(b, type);
}

static uint64_t number(struct bench *b, unsigned bytes)
{
    return p9_get(&b->got, bytes);
}

/* A walk by names that are separated by "/". */
static int walk(struct bench *b, unsigned from, unsigned to, const char *path)
{
    char copy[300], *rest = copy, *name;
    unsigned names = 0;
    snprintf(copy, sizeof copy, "%s", path);
    b->n = 4;
    put_number(b, P9_WALK, 1);
    put_number(b, 0x1234, 2);
    put_number(b, from, 4);
    put_number(b, to, 4);
    const size_t at = b->n;
    put_number(b, 0, 2);
    while (*path && (name = strsep(&rest, "/"))) {
        put_text(b, name);
        names++;
    }
    b->out[at] = (uint8_t)names;
    return exchange(b, P9_WALK);
}

/* What a file holds, by a handle of its own. */
static int content(struct bench *b, const char *path, char *text, size_t size)
{
    int rc = walk(b, ROOT, 99, path);
    if (rc)
        return rc;
    unsigned names = 1;
    for (const char *slash = path; (slash = strchr(slash, '/')); slash++)
        names++;
    if (number(b, 2) < names)
        return ENOENT;
    rc = ask(b, P9_LOPEN, "dd", 99, O_RDONLY);
    if (!rc)
        rc = ask(b, P9_READ, "dqd", 99, (uint64_t)0, (unsigned)size - 1);
    if (!rc) {
        size_t n = number(b, 4);
        memcpy(text, b->got.p, n);
        text[n] = 0;
    }
    assert_int_equal(ask(b, P9_CLUNK, "d", 99), 0);
    return rc;
}

static void assert_content(struct bench *b, const char *path, const char *want)
{
    char text[300];
    assert_int_equal(content(b, path, text, sizeof text), 0);
    assert_string_equal(text, want);
}

/* The names in a folder, each with a blank behind it. */
static const char *names_in(struct bench *b, const char *path, char *text, unsigned size)
{
    uint64_t offset = 0;
    *text = 0;
    assert_int_equal(walk(b, ROOT, 98, path), 0);
    assert_int_equal(ask(b, P9_LOPEN, "dd", 98, O_RDONLY), 0);
    for (size_t n = 1; n;) {
        assert_int_equal(ask(b, P9_READDIR, "dqd", 98, offset, size), 0);
        n = number(b, 4);
        while (b->got.n) {
            p9_get(&b->got, 8);
            p9_get(&b->got, 5);
            offset = number(b, 8);
            number(b, 1);
            const struct p9_string name = p9_get_string(&b->got);
            assert_false(b->got.bad);
            sprintf(text + strlen(text), "%.*s ", (int)name.n, name.s);
        }
    }
    assert_int_equal(ask(b, P9_CLUNK, "d", 98), 0);
    return text;
}

/* ---------------------------------------------------------------- the bench */

static int counted(void *ctx, uint64_t offset, const struct share_question *q, struct error *err)
{
    struct bench *b = ctx;
    b->questions++;
    return b->image->place(b->image->ctx, offset, q, err);
}

static int counted_read(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    const struct bench *b = ctx;
    return b->image->read(b->image->ctx, offset, buf, n, err);
}

static struct board *board_of(struct bench *b)
{
    struct fixture *f = &b->f;
    struct board_host host = {.ctx = f, .icount = host_icount, .time = host_time};
    struct error err;
    size_t n;
    b->image = image_files_images(b->files, &n);
    f->image[0] = *b->image;
    f->image[0].ctx = b;
    f->image[0].place = counted;
    f->image[0].read = counted_read;
    f->setting[0] = (struct setting){"memory", "16777216"};
    f->setting[1] = (struct setting){"vga", "none"};
    f->setting[2] = (struct setting){"rtc", "2027-01-01T00:00:00"};
    f->cfg = (struct engine_config){.settings = f->setting, .nsettings = 3, .images = f->image, .nimages = 1};
    struct board *board = board_create(&f->cfg, &host, &err);
    assert_non_null(board);
    return board;
}

static int start_bench(void **state)
{
    struct bench *b = mem_zero(1, sizeof *b);
    struct error err;
    make_folders(b);
    b->files = image_files_new();
    assert_int_equal(image_files_add_share(b->files, "share0", b->folder, &err), 0);
    b->f.board = board_of(b);
    b->p9.share = shared_new(b->f.board, 0, &err);
    assert_non_null(b->p9.share);
    assert_int_equal(ask(b, P9_VERSION, "ds", 65536, "9P2000.L"), 0);
    assert_int_equal(ask(b, P9_ATTACH, "ddssd", ROOT, P9_NO_FID, "root", "", 0), 0);
    *state = b;
    return 0;
}

static int end_bench(void **state)
{
    struct bench *b = *state;
    char command[200];
    shared_free(b->p9.share);
    board_destroy(b->f.board);
    image_files_free(b->files);
    snprintf(command, sizeof command, "rm -rf '%s'", b->outside);
    assert_int_equal(system(command), 0);
    free(b);
    return 0;
}

/* ---------------------------------------------------------------- tests */

static void test_version(void **state)
{
    struct bench *b = *state;
    assert_int_equal(ask(b, P9_VERSION, "ds", 65536, "9P2000.u"), 0);
    number(b, 4);
    struct p9_string s = p9_get_string(&b->got);
    assert_memory_equal(s.s, "unknown", s.n);
    assert_int_equal(ask(b, P9_GETATTR, "dq", ROOT, ~0ull), EPROTO); /* nothing was agreed */
    assert_int_equal(ask(b, P9_VERSION, "ds", 100, "9P2000.L"), EMSGSIZE);
    assert_int_equal(ask(b, P9_VERSION, "ds", UINT32_MAX, "9P2000.L"), 0);
    assert_int_equal(number(b, 4), P9_MSIZE_MOST);
    assert_int_equal(ask(b, P9_GETATTR, "dq", ROOT, ~0ull), EBADF); /* handles went with the session */
    assert_int_equal(ask(b, P9_AUTH, "dssd", 5, "root", "", 0), ENOENT);
    assert_int_equal(ask(b, P9_FLUSH, "w", 7), 0);
    assert_int_equal(ask(b, 112 /* Topen of 9P2000 */, "db", ROOT, 0), EOPNOTSUPP);
}

static void test_walk(void **state)
{
    struct bench *b = *state;
    assert_int_equal(walk(b, ROOT, 1, "sub/deep/b"), 0);
    assert_int_equal(number(b, 2), 3);
    assert_int_equal(walk(b, ROOT, 1, "sub"), EBADF); /* it stands for something else */
    assert_int_equal(walk(b, ROOT, 2, "sub/none/b"), 0);
    assert_int_equal(number(b, 2), 1);
    assert_int_equal(ask(b, P9_CLUNK, "d", 2), EBADF); /* the walk did not arrive */
    assert_int_equal(walk(b, ROOT, 2, "none"), ENOENT);
    assert_int_equal(walk(b, 1, 2, "x"), ENOTDIR);
    assert_int_equal(walk(b, ROOT, 2, "sub/.."), 0);
    assert_int_equal(walk(b, 2, 2, "sub"), 0); /* it moves */
    assert_int_equal(walk(b, 2, 3, ""), 0);    /* a second one */
    assert_int_equal(ask(b, P9_CLUNK, "d", 2), 0);
    assert_int_equal(walk(b, 3, 2, "a"), 0);
    assert_int_equal(walk(b, 77, 4, "a"), EBADF);
    assert_int_equal(ask(b, P9_ATTACH, "ddssd", ROOT, P9_NO_FID, "root", "", 0), EBADF);
}

/* Nothing outside: not by "..", a link, a name with a slash; a link is shown as a link. */
static void test_beneath(void **state)
{
    struct bench *b = *state;
    char text[100];
    assert_int_equal(walk(b, ROOT, 1, "../secret"), 0);
    assert_int_equal(number(b, 2), 1);
    assert_int_equal(walk(b, ROOT, 1, "up/secret"), 0);
    assert_int_equal(number(b, 2), 1);
    assert_int_equal(walk(b, ROOT, 1, "absolute/passwd"), 0);
    assert_int_equal(number(b, 2), 1);
    assert_int_equal(ask(b, P9_WALK, "ddws", ROOT, 1, 1, "../secret"), ENOENT);
    assert_int_equal(ask(b, P9_WALK, "ddws", ROOT, 1, 1, "sub/a"), ENOENT);
    assert_int_equal(walk(b, ROOT, 1, "absolute"), 0);
    assert_int_equal(ask(b, P9_READLINK, "d", 1), 0);
    struct p9_string s = p9_get_string(&b->got);
    assert_int_equal(s.n, 4);
    assert_memory_equal(s.s, "/etc", 4);
    assert_int_equal(ask(b, P9_LOPEN, "dd", 1, O_RDONLY), ELOOP);
    assert_int_equal(content(b, "fifo", text, sizeof text), EACCES); /* at once */
    assert_int_equal(walk(b, ROOT, 2, "hello"), 0);
    assert_int_equal(ask(b, P9_READLINK, "d", 2), EINVAL);
}

static void test_attributes(void **state)
{
    struct bench *b = *state;
    char path[200];
    struct stat st;
    snprintf(path, sizeof path, "%s/hello", b->folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(walk(b, ROOT, 1, "hello"), 0);
    assert_int_equal(ask(b, P9_GETATTR, "dq", 1, ~0ull), 0);
    assert_int_equal(number(b, 8), 0x7ff);
    assert_int_equal(number(b, 1), 0);
    number(b, 4);
    number(b, 8);
    assert_int_equal(number(b, 4), st.st_mode);
    assert_int_equal(number(b, 4), st.st_uid);
    assert_int_equal(number(b, 4), st.st_gid);
    assert_int_equal(number(b, 8), 1);
    number(b, 8);
    assert_int_equal(number(b, 8), 13);
    number(b, 8);
    number(b, 8);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(number(b, 8), st.st_mtim.tv_sec);
        assert_int_equal(number(b, 8), st.st_mtim.tv_nsec);
    }
    assert_int_equal(
        ask(b, P9_SETATTR, "dddddqqqqq", 1, 1 | 2 | 8 | 0x120, 0600, 5, 0, 5ull, 0ull, 0ull, 77ull, 8ull), 0);
    assert_int_equal(ask(b, P9_GETATTR, "dq", 1, ~0ull), 0);
    number(b, 8);
    number(b, 8);
    number(b, 5);
    assert_int_equal(number(b, 4), S_IFREG | 0600);
    assert_int_equal(number(b, 4), 5);
    assert_content(b, "hello", "hello");
    assert_int_equal(ask(b, P9_STATFS, "d", 1), 0);
    assert_int_equal(number(b, 4), 0x01021997);
    assert_int_equal(ask(b, P9_XATTRWALK, "dds", 1, 9, "security.selinux"), EOPNOTSUPP);
    assert_int_equal(ask(b, P9_XATTRCREATE, "dsqd", 1, "user.x", 1ull, 0), EOPNOTSUPP);
}

static void test_listing(void **state)
{
    struct bench *b = *state;
    char text[400];
    static const char all[] = ". .. absolute empty fifo hello link sub up zebra ";
    assert_int_equal(walk(b, ROOT, 1, "zebra"), 0); /* seen before it is listed */
    assert_string_equal(names_in(b, "", text, 4096), all);
    assert_string_equal(names_in(b, "", text, 64), all); /* a few at a time */
    assert_string_equal(names_in(b, "empty", text, 4096), ". .. ");
    assert_int_equal(walk(b, ROOT, 2, ""), 0);
    assert_int_equal(ask(b, P9_READDIR, "dqd", 2, 0ull, 4096), EBADF);
    assert_int_equal(ask(b, P9_LOPEN, "dd", 2, O_WRONLY), EISDIR);
    assert_int_equal(ask(b, P9_LOPEN, "dd", 2, O_RDONLY), 0);
    assert_int_equal(ask(b, P9_READDIR, "dqd", 2, 0ull, 8), EINVAL);
    assert_int_equal(ask(b, P9_READDIR, "dqd", 2, 5ull, 40), 0); /* sought: behind "fifo" */
    assert_int_equal(number(b, 4), 13 + 8 + 1 + 2 + 5);
    number(b, 8);
    number(b, 5);
    assert_int_equal(number(b, 8), 6);
    number(b, 1);
    assert_memory_equal(p9_get_string(&b->got).s, "hello", 5);
    assert_int_equal(ask(b, P9_READ, "dqd", 2, 0ull, 10), EISDIR);
}

/* Deleting all names while they are listed, a few at a time, as rm -r does. */
static void test_removing(void **state)
{
    struct bench *b = *state;
    char text[400];
    uint64_t offset = 0;
    unsigned removed = 0;
    assert_int_equal(walk(b, ROOT, 1, ""), 0);
    assert_int_equal(ask(b, P9_LOPEN, "dd", 1, O_RDONLY), 0);
    assert_int_equal(ask(b, P9_UNLINKAT, "dsd", ROOT, "sub", 0), EISDIR);
    assert_int_equal(ask(b, P9_UNLINKAT, "dsd", ROOT, "sub", 0x200), ENOTEMPTY);
    assert_int_equal(ask(b, P9_UNLINKAT, "dsd", ROOT, "hello", 0x200), ENOTDIR);
    for (size_t n = 1; n;) {
        assert_int_equal(ask(b, P9_READDIR, "dqd", 1, offset, 40), 0);
        n = number(b, 4);
        if (!n)
            break;
        number(b, 8);
        number(b, 5);
        offset = number(b, 8);
        number(b, 1);
        const struct p9_string s = p9_get_string(&b->got);
        char name[20];
        snprintf(name, sizeof name, "%.*s", (int)s.n, s.s);
        if (*name != '.' && strcmp(name, "sub")) {
            assert_int_equal(ask(b, P9_UNLINKAT, "dsd", ROOT, name, strcmp(name, "empty") ? 0 : 0x200), 0);
            removed++;
        }
    }
    assert_int_equal(removed, 7);
    assert_string_equal(names_in(b, "", text, 4096), ". .. sub ");
    assert_int_equal(walk(b, ROOT, 2, "hello"), ENOENT);
    char path[200];
    snprintf(path, sizeof path, "%s/hello", b->folder);
    assert_int_equal(access(path, F_OK), 0); /* the host's is there */
}

static int create(struct bench *b, unsigned folder, unsigned number, const char *name, const char *text)
{
    int rc = walk(b, folder, number, "");
    if (!rc)
        rc = ask(b, P9_LCREATE, "dsddd", number, name, O_RDWR | O_CREAT | O_EXCL, 0640, 7);
    if (rc)
        return rc;
    b->n = 4;
    put_number(b, P9_WRITE, 1);
    put_number(b, 0x1234, 2);
    put_number(b, number, 4);
    put_number(b, 0, 8);
    put_number(b, strlen(text), 4);
    memcpy(b->out + b->n, text, strlen(text));
    b->n += strlen(text);
    return exchange(b, P9_WRITE);
}

static void test_writing(void **state)
{
    struct bench *b = *state;
    char text[400];
    assert_int_equal(create(b, ROOT, 1, "made", "content"), 0);
    assert_int_equal(create(b, ROOT, 2, "made", ""), EEXIST);
    assert_content(b, "made", "content");
    assert_int_equal(walk(b, ROOT, 3, "sub/deep"), 0);
    assert_int_equal(create(b, 3, 4, "c", "C"), 0);
    assert_string_equal(names_in(b, "sub/deep", text, 4096), ". .. b c ");
    assert_int_equal(ask(b, P9_FSYNC, "dd", 4, 0), 0);
    assert_int_equal(ask(b, P9_LOCK, "dbdqqds", 4, 1, 0, 0ull, 0ull, 1, "me"), 0);
    assert_int_equal(number(b, 1), 0);
    assert_int_equal(ask(b, P9_GETLOCK, "dbqqds", 4, 1, 3ull, 4ull, 5, "me"), 0);
    assert_int_equal(number(b, 1), 2);
    assert_int_equal(number(b, 8), 3);
    /* a hole reads as zeros, and so does what was cut off */
    assert_int_equal(ask(b, P9_WRITE, "dqdb", 1, 200000ull, 1, 'x'), 0);
    assert_int_equal(ask(b, P9_READ, "dqd", 1, 100000ull, 4), 0);
    assert_int_equal(number(b, 4), 4);
    assert_int_equal(number(b, 4), 0);
    assert_int_equal(ask(b, P9_SETATTR, "dddddqqqqq", 1, 8, 0, 0, 0, 3ull, 0ull, 0ull, 0ull, 0ull), 0);
    assert_int_equal(ask(b, P9_SETATTR, "dddddqqqqq", 1, 8, 0, 0, 0, 7ull, 0ull, 0ull, 0ull, 0ull), 0);
    assert_int_equal(ask(b, P9_READ, "dqd", 1, 0ull, 10), 0);
    assert_int_equal(number(b, 4), 7);
    assert_memory_equal(b->got.p, "con\0\0\0\0", 7);
    assert_int_equal(ask(b, P9_WRITE, "dqdb", 1, ~0ull, 1, 'x'), EFBIG);
    assert_int_equal(ask(b, P9_WRITE, "dqdb", 1, 0ull, 100, 'x'), EPROTO); /* more than the message has */
    /* a part of a file of the host's */
    assert_int_equal(walk(b, ROOT, 5, "hello"), 0);
    assert_int_equal(ask(b, P9_WRITE, "dqdb", 5, 1ull, 1, 'E'), EBADF);
    assert_int_equal(ask(b, P9_LOPEN, "dd", 5, O_WRONLY), 0);
    assert_int_equal(ask(b, P9_WRITE, "dqdb", 5, 1ull, 1, 'E'), 0);
    assert_content(b, "hello", "hEllo, world\n");
    assert_int_equal(walk(b, ROOT, 6, "zebra"), 0);
    assert_int_equal(ask(b, P9_LOPEN, "dd", 6, O_WRONLY | O_TRUNC), 0);
    assert_content(b, "zebra", "");
    char path[200], is[20] = "";
    snprintf(path, sizeof path, "%s/zebra", b->folder);
    FILE *f = fopen(path, "r");
    assert_non_null(fgets(is, sizeof is, f));
    fclose(f);
    assert_string_equal(is, "last");
}

static void test_making(void **state)
{
    struct bench *b = *state;
    char text[400];
    assert_int_equal(ask(b, P9_MKDIR, "dsdd", ROOT, "new", 0755, 0), 0);
    assert_int_equal(number(b, 1), 0x80);
    assert_int_equal(ask(b, P9_MKDIR, "dsdd", ROOT, "new", 0755, 0), EEXIST);
    assert_int_equal(ask(b, P9_MKDIR, "dsdd", ROOT, "a/b", 0755, 0), EINVAL);
    assert_int_equal(ask(b, P9_MKDIR, "dsdd", ROOT, "..", 0755, 0), EINVAL);
    assert_int_equal(ask(b, P9_SYMLINK, "dssd", ROOT, "soft", "to/there", 0), 0);
    assert_int_equal(walk(b, ROOT, 1, "soft"), 0);
    assert_int_equal(ask(b, P9_READLINK, "d", 1), 0);
    assert_memory_equal(p9_get_string(&b->got).s, "to/there", 8);
    assert_int_equal(ask(b, P9_MKNOD, "dsdddd", ROOT, "null", S_IFCHR | 0666, 1, 3, 0), 0);
    assert_int_equal(content(b, "null", text, sizeof text), EACCES);
    assert_int_equal(walk(b, ROOT, 2, "hello"), 0);
    assert_int_equal(ask(b, P9_LINK, "dds", ROOT, 2, "hard"), 0);
    assert_int_equal(ask(b, P9_UNLINKAT, "dsd", ROOT, "hello", 0), 0);
    assert_content(b, "hard", "hello, world\n");
    assert_int_equal(ask(b, P9_LINK, "dds", ROOT, ROOT, "self"), EPERM);
    assert_string_equal(names_in(b, "", text, 4096),
                        ". .. absolute empty fifo hard link new null soft sub up zebra ");
}

static void test_moving(void **state)
{
    struct bench *b = *state;
    char text[400];
    /* a folder of the host's keeps what is in it, seen or not */
    assert_int_equal(ask(b, P9_RENAMEAT, "dsds", ROOT, "sub", ROOT, "moved"), 0);
    assert_content(b, "moved/deep/b", "B");
    assert_int_equal(walk(b, ROOT, 1, "sub"), ENOENT);
    assert_int_equal(ask(b, P9_MKDIR, "dsdd", ROOT, "sub", 0755, 0), 0);
    assert_string_equal(names_in(b, "sub", text, 4096), ". .. ");
    assert_string_equal(names_in(b, "moved", text, 4096), ". .. a deep ");
    assert_int_equal(walk(b, ROOT, 2, "moved"), 0);
    assert_int_equal(ask(b, P9_RENAMEAT, "dsds", ROOT, "moved", 2, "inside"), EINVAL);
    assert_int_equal(ask(b, P9_RENAMEAT, "dsds", ROOT, "hello", ROOT, "zebra"), 0); /* over another */
    assert_content(b, "zebra", "hello, world\n");
    assert_int_equal(ask(b, P9_RENAMEAT, "dsds", ROOT, "zebra", ROOT, "moved"), EISDIR);
    assert_int_equal(walk(b, ROOT, 3, "zebra"), 0);
    assert_int_equal(ask(b, P9_RENAME, "dds", 3, 2, "z"), 0);
    assert_content(b, "moved/z", "hello, world\n");
    assert_int_equal(ask(b, P9_REMOVE, "d", 3), 0);
    assert_int_equal(ask(b, P9_CLUNK, "d", 3), EBADF);
    assert_int_equal(walk(b, ROOT, 3, "moved/z"), 0);
    assert_int_equal(number(b, 2), 1);
    assert_int_equal(ask(b, P9_REMOVE, "d", ROOT), EBUSY);
}

/* A file that is open can be read after its name has gone, and another may have its name. */
static void test_removed_and_open(void **state)
{
    struct bench *b = *state;
    assert_int_equal(walk(b, ROOT, 1, "hello"), 0);
    assert_int_equal(ask(b, P9_LOPEN, "dd", 1, O_RDONLY), 0);
    assert_int_equal(ask(b, P9_UNLINKAT, "dsd", ROOT, "hello", 0), 0);
    assert_int_equal(create(b, ROOT, 2, "hello", "other"), 0);
    assert_int_equal(ask(b, P9_READ, "dqd", 1, 0ull, 5), 0);
    number(b, 4);
    assert_memory_equal(b->got.p, "hello", 5);
    assert_content(b, "hello", "other");
    assert_int_equal(ask(b, P9_CLUNK, "d", 1), 0);
}

/* The host is asked once, and what it then changes is not seen. */
static void test_seen_once(void **state)
{
    struct bench *b = *state;
    char text[100];
    assert_content(b, "hello", "hello, world\n");
    assert_int_equal(walk(b, ROOT, 1, "later"), ENOENT);
    const unsigned asked = b->questions;
    write_file(b, "hello", "changed");
    write_file(b, "later", "made");
    assert_content(b, "hello", "hello, world\n");
    assert_int_equal(walk(b, ROOT, 1, "later"), ENOENT);
    assert_int_equal(b->questions, asked);
    assert_int_equal(content(b, "empty/x", text, sizeof text), ENOENT);
}

/* As a user who may not read it: root may read all. */
static void test_unreadable(void **state)
{
    struct bench *b = *state;
    char path[200], text[100];
    const bool root = !geteuid();
    snprintf(path, sizeof path, "%s/zebra", b->folder);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(chmod(b->outside, 0755), 0);
    if (root) {
        assert_int_equal(seteuid(65534), 0);
        prctl(PR_SET_DUMPABLE, 1); /* otherwise its own /proc is closed to it */
    }
    const int rc = content(b, "zebra", text, sizeof text), other = content(b, "hello", text, sizeof text);
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(rc, EACCES);
    assert_int_equal(other, 0);
}

/* Messages that are cut off or too long, and names that no client sends. */
static void test_bad_messages(void **state)
{
    struct bench *b = *state;
    char name[300];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    for (unsigned type = 0; type < 256; type++)
        for (unsigned n = 0; n < 40; n++) {
            b->n = 4;
            put_number(b, type, 1);
            put_number(b, 0x1234, 2);
            put_number(b, 0, n);
            if (type == P9_VERSION || (type == P9_CLUNK && n >= 4) || (type == P9_REMOVE && n >= 4))
                continue;
            exchange(b, (uint8_t)type);
        }
    assert_int_equal(ask(b, P9_WALK, "ddws", ROOT, 1, 1, name), ENAMETOOLONG);
    assert_int_equal(ask(b, P9_MKDIR, "dsdd", ROOT, name, 0755, 0), ENAMETOOLONG);
    assert_int_equal(ask(b, P9_SYMLINK, "dssd", ROOT, "empty-target", "", 0), EINVAL);
    assert_int_equal(p9_serve(&b->p9, b->out, 3, b->in, ROOM), 0);
    b->out[0] = 0xff;
    assert_int_equal(p9_serve(&b->p9, b->out, 20, b->in, ROOM), 0);
    b->out[0] = 11;
    assert_int_equal(p9_serve(&b->p9, b->out, 20, b->in, 8), 0);
}

static struct saved *save(struct bench *b)
{
    struct saved *s = mem_zero(1, sizeof *s);
    const struct snapshot_sink sink = saved_sink(s);
    board_save(b->f.board, &sink, NULL);
    return s;
}

static void load(struct bench *b, struct saved *s)
{
    const struct snapshot_source source = saved_source(s, true);
    struct error err;
    assert_int_equal(board_load(b->f.board, &source, &err), 0);
    shared_loaded(b->p9.share);
}

/* A state that was loaded goes on as the one that was saved, and needs the host only for what is new. */
static void test_state(void **state)
{
    struct bench *b = *state;
    char text[400];
    assert_content(b, "hello", "hello, world\n");
    assert_int_equal(create(b, ROOT, 1, "made", "content"), 0);
    struct saved *s = save(b);
    assert_int_equal(ask(b, P9_UNLINKAT, "dsd", ROOT, "made", 0), 0);
    assert_int_equal(ask(b, P9_UNLINKAT, "dsd", ROOT, "hello", 0), 0);
    assert_int_equal(ask(b, P9_MKDIR, "dsdd", ROOT, "new", 0755, 0), 0);
    load(b, s);
    saved_free(s);
    const unsigned asked = b->questions;
    assert_content(b, "hello", "hello, world\n");
    assert_content(b, "made", "content");
    assert_int_equal(b->questions, asked);
    assert_string_equal(names_in(b, "", text, 4096),
                        ". .. absolute empty fifo hello link made sub up zebra ");
    assert_false(shared_damaged(b->p9.share));
}

/* Names that lead nowhere go with their folder: those that were noted one by one, and those that a loaded state has. */
static struct saved *remove_folders(struct bench *b)
{
    char text[400];
    assert_int_equal(ask(b, P9_UNLINKAT, "dsd", ROOT, "sub", 0x200), ENOTEMPTY);
    assert_int_equal(walk(b, ROOT, 3, "sub/deep"), 0);
    assert_int_equal(ask(b, P9_UNLINKAT, "dsd", 3, "b", 0), 0);
    assert_int_equal(walk(b, 3, 4, "b"), ENOENT);
    assert_int_equal(ask(b, P9_UNLINKAT, "dsd", 2, "deep", 0x200), 0);
    assert_int_equal(ask(b, P9_UNLINKAT, "dsd", ROOT, "sub", 0x200), 0);
    assert_int_equal(ask(b, P9_CLUNK, "d", 3), 0);
    assert_int_equal(ask(b, P9_CLUNK, "d", 2), 0);
    assert_int_equal(ask(b, P9_MKDIR, "dsdd", ROOT, "sub", 0755, 0), 0);
    assert_int_equal(create(b, ROOT, 3, "made", "content"), 0);
    assert_string_equal(names_in(b, "sub", text, 4096), ". .. ");
    assert_false(shared_damaged(b->p9.share));
    return save(b);
}

static void test_nowhere(void **state)
{
    struct bench *b = *state;
    assert_int_equal(walk(b, ROOT, 2, "sub"), 0);
    assert_int_equal(walk(b, 2, 1, "none"), ENOENT);
    assert_int_equal(ask(b, P9_UNLINKAT, "dsd", ROOT, "empty", 0x200), 0);
    assert_int_equal(walk(b, 2, 1, "missing"), ENOENT);
    assert_int_equal(ask(b, P9_UNLINKAT, "dsd", 2, "a", 0), 0);
    struct saved *before = save(b), *noted = remove_folders(b);
    load(b, before);
    struct saved *loaded = remove_folders(b);
    assert_int_equal(noted->npages, loaded->npages);
    for (size_t i = 0; i < noted->npages; i++)
        assert_memory_equal(noted->page[i].data, loaded->page[i].data, SNAPSHOT_PAGE);
    saved_free(before);
    saved_free(noted);
    saved_free(loaded);
}

/* Some of everything, whatever is answered. */
static void try_all(struct bench *b)
{
    static const char *const names[] = {"hello", "sub/deep/b", "made", "hard", "up", "moved", "none"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        walk(b, ROOT, 10 + i, names[i]);
        ask(b, P9_LOPEN, "dd", 10 + i, O_RDWR);
        ask(b, P9_READ, "dqd", 10 + i, 0ull, 60000);
        ask(b, P9_WRITE, "dqdb", 10 + i, 70000ull, 1, 'x');
        ask(b, P9_READLINK, "d", 10 + i);
        ask(b, P9_GETATTR, "dq", 10 + i, ~0ull);
        ask(b, P9_SETATTR, "dddddqqqqq", 10 + i, 8, 0, 0, 0, 3ull, 0ull, 0ull, 0ull, 0ull);
    }
    walk(b, ROOT, 5, "");
    ask(b, P9_LOPEN, "dd", 5, O_RDONLY);
    ask(b, P9_READDIR, "dqd", 5, 3ull, 4096);
    ask(b, P9_RENAMEAT, "dsds", ROOT, "sub", ROOT, "other");
    ask(b, P9_MKDIR, "dsdd", ROOT, "new", 0755, 0);
    ask(b, P9_UNLINKAT, "dsd", ROOT, "made", 0);
    ask(b, P9_UNLINKAT, "dsd", ROOT, "hard", 0);
    for (unsigned i = 0; i < 20; i++)
        ask(b, P9_CLUNK, "d", i);
    ask(b, P9_VERSION, "ds", 65536, "9P2000.L");
}

/* A state that was damaged, at any place of its records, is found to be so, or is another one: it is never followed out of its block, or for
 * ever. */
static void test_damaged(void **state)
{
    struct bench *b = *state;
    uint64_t random = 88172645463325252ull;
    char text[400];
    names_in(b, "", text, 4096);
    create(b, ROOT, 1, "made", "content");
    ask(b, P9_LINK, "dds", ROOT, 1, "hard");
    ask(b, P9_RENAMEAT, "dsds", ROOT, "sub", ROOT, "moved");
    assert_content(b, "hello", "hello, world\n");
    struct saved *s = save(b);
    for (unsigned round = 0; round < 300; round++) {
        struct saved_page *page;
        do
            page = &s->page[next_random(&random) % s->npages];
        while (strcmp(page->region, "share0"));
        struct saved_page was = *page;
        for (unsigned i = 0; i < 6; i++) {
            uint64_t at = next_random(&random) % 600 * 4, v = next_random(&random);
            uint32_t value = v & 1 ? (uint32_t)(v >> 32) : (uint32_t)(v >> 32) % 20;
            memcpy(page->data + at, &value, 4);
        }
        load(b, s);
        b->p9.msize = 65536;
        ask(b, P9_ATTACH, "ddssd", ROOT, P9_NO_FID, "root", "", 0);
        try_all(b);
        *page = was;
    }
    saved_free(s);
}

/* ---------------------------------------------------------------- the device */

static int make_device(void **state)
{
    return make_of(state, "share0-tag", "host");
}

static void test_device(void **state)
{
    struct machine *m = *state;
    struct fixture *f = &m->f;
    uint8_t answer[64];
    start(m, 1);
    assert_int_equal(get(f, VIRTIO_DEVICE, 2), 4);
    assert_int_equal(get(f, VIRTIO_DEVICE + 2, 4), 'h' | 'o' << 8 | 's' << 16 | 't' << 24);
    put(f, HEADER,
        "\x15\0\0\0\x64\xff\xff\0\x20\0\0\x08\0"
        "9P2000.L",
        21);
    descriptor(f, RING, 0, HEADER, 10, NEXT, 1);
    descriptor(f, RING, 1, HEADER + 10, 11, NEXT, 2);
    descriptor(f, RING, 2, DATA, 9, WRITE | NEXT, 3);
    descriptor(f, RING, 3, DATA + 9, 100, WRITE, 0);
    offer_split(m);
    assert_int_equal(word(f, DEVICE + 2), 1);
    assert_int_equal(word(f, DEVICE + 8), 21);
    physmem_read(f->board->mem, DATA, answer, 21);
    assert_memory_equal(answer,
                        "\x15\0\0\0\x65\xff\xff\0\x20\0\0\x08\0"
                        "9P2000.L",
                        21);
    assert_true(get(f, 20, 1) & VIRTIO_DRIVER_OK);
    /* what is no message breaks the device */
    put(f, HEADER, "\xff\xff\0\0", 4);
    offer_split(m);
    assert_true(get(f, 20, 1) & VIRTIO_NEEDS_RESET);
}

static void test_tags(void **state)
{
    struct fixture f = {0};
    struct board_host host = {.ctx = &f, .icount = host_icount, .time = host_time};
    struct error err;
    struct setting s[] = {{"memory", "16777216"}, {"vga", "none"}, {"share0-tag", ""}};
    f.cfg = (struct engine_config){.settings = s, .nsettings = 3};
    assert_null(board_create(&f.cfg, &host, &err));
    s[2].value = "12345678901234567890123456789012";
    assert_null(board_create(&f.cfg, &host, &err));
}

#define ON_BENCH(test) cmocka_unit_test_setup_teardown(test, start_bench, end_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(test_version),
        ON_BENCH(test_walk),
        ON_BENCH(test_beneath),
        ON_BENCH(test_attributes),
        ON_BENCH(test_listing),
        ON_BENCH(test_removing),
        ON_BENCH(test_writing),
        ON_BENCH(test_making),
        ON_BENCH(test_moving),
        ON_BENCH(test_removed_and_open),
        ON_BENCH(test_seen_once),
        ON_BENCH(test_unreadable),
        ON_BENCH(test_bad_messages),
        ON_BENCH(test_state),
        ON_BENCH(test_nowhere),
        ON_BENCH(test_damaged),
        cmocka_unit_test_setup_teardown(test_device, make_device, drop),
        cmocka_unit_test(test_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
