/* test_stream_store.c - contents of streams that are kept in a folder: what is read back, what is damaged, what is too much. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <xxhash.h>

#include "base/folder.h"
#include "base/memory.h"
#include "traces/stream_store.h"

enum { LENGTH = 3 * STREAM_BLOCK + 1234 };

static const atomic_bool never;
static char folder[64], inner[96];

/* Three blocks, of which the second is zeros, and a part of a fourth. */
static struct stream_content content_of(uint8_t seed, struct stream *s)
{
    struct stream_content c = {.block = mem_zero(4, sizeof(uint8_t *)), .n = 4};
    uint8_t *all = mem_zero(LENGTH + STREAM_BLOCK, 1);
    for (size_t i = 0; i < LENGTH; i++)
        all[i] = i / STREAM_BLOCK == 1 ? 0 : (uint8_t)(i * i / 7 + seed);
    for (size_t i = 0; i < 4; i++)
        if (i != 1)
            stream_content_slab(&c, c.block[i] = mem_copy(all + i * STREAM_BLOCK, STREAM_BLOCK));
    const XXH128_hash_t h = XXH3_128bits(all, LENGTH);
    *s = (struct stream){.format = UNPACK_XZ, .length = LENGTH, .hash = {h.low64, h.high64}};
    free(all);
    return c;
}

static void file_of(const struct stream *s, char path[200])
{
    snprintf(path, 200, "%s/%016llx%016llx.raw", inner, (unsigned long long)s->hash[1],
             (unsigned long long)s->hash[0]);
}

static void check_same(const struct stream_content *a, const struct stream_content *b)
{
    uint8_t room[2][TRACE_PAGE];
    for (uint64_t at = 0; at < LENGTH; at += TRACE_PAGE)
        assert_memory_equal(stream_content_page(a, at, room[0]), stream_content_page(b, at, room[1]),
                            TRACE_PAGE);
}

static void what_is_kept_is_read_back(void **state)
{
    struct stream s;
    struct stream_content c = content_of(1, &s), got = {0};
    assert_false(stream_store_get(inner, &s, &got, &never));
    stream_store_keep(inner, &s, &c);
    stream_store_keep(inner, &s, &c); /* it is there: nothing happens */
    assert_true(stream_store_get(inner, &s, &got, &never));
    check_same(&c, &got);
    assert_null(got.block[1]);
    stream_content_free(&got);
    const atomic_bool stop = true;
    assert_false(stream_store_get(inner, &s, &got, &stop));
    assert_true(stream_store_get(inner, &s, &got, &never));
    stream_content_free(&got);
    stream_content_free(&c);
}

/* Each byte wrong, each length: never a wrong content, and the file is gone, so that the next process makes a good one. */
static void a_damaged_file_is_dropped(void **state)
{
    struct stream s;
    struct stream_content c = content_of(2, &s), got = {0};
    char path[200];
    struct stat st;
    file_of(&s, path);
    for (unsigned i = 0; i < 60; i++) {
        stream_store_keep(inner, &s, &c);
        assert_int_equal(stat(path, &st), 0);
        const int fd = open(path, O_RDWR);
        const off_t at = st.st_size * i / 60;
        uint8_t byte;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= (uint8_t)(1 << i % 8);
        if (i % 2)
            assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        else
            assert_int_equal(ftruncate(fd, at), 0);
        close(fd);
        if (stream_store_get(inner, &s, &got, &never)) {
            check_same(&c, &got); /* a bit without meaning */
            stream_content_free(&got);
        } else {
            assert_int_equal(access(path, F_OK), -1);
        }
    }
    struct stream other = s;
    stream_store_keep(inner, &s, &c);
    other.length--;
    assert_false(stream_store_get(inner, &other, &got, &never));
    stream_content_free(&c);
}

static const struct stream_content *that(void *ctx, size_t i)
{
    return ctx;
}

/* A file that is cut off while it is in use: its pages are read as far as there are any, and the others are an error. */
static void a_file_may_be_cut_off(void **state)
{
    struct stream s;
    struct stream_content c = content_of(5, &s), got = {0};
    uint8_t page[TRACE_PAGE], room[TRACE_PAGE];
    char path[200];
    stream_store_keep(inner, &s, &c);
    assert_true(stream_store_get(inner, &s, &got, &never));
    const struct stream_entry e = {.s = s};
    for (uint64_t at = 0; at < stream_room(LENGTH); at += TRACE_PAGE / 2) {
        const bool there = at + TRACE_PAGE <= stream_room(LENGTH);
        assert_int_equal(stream_space_page(&e, 1, at, that, &got, page), STREAM_GOT);
        if (there)
            assert_memory_equal(page, stream_content_page(&c, at, room), TRACE_PAGE);
    }
    assert_int_equal(stream_space_page(&e, 1, stream_room(LENGTH), that, &got, page), STREAM_NOWHERE);
    file_of(&s, path);
    assert_int_equal(truncate(path, 2 * STREAM_BLOCK + 100), 0);
    assert_int_equal(stream_space_page(&e, 1, STREAM_BLOCK, that, &got, page), STREAM_GOT);
    assert_int_equal(stream_space_page(&e, 1, 2 * STREAM_BLOCK, that, &got, page), STREAM_UNREAD);
    assert_int_equal(stream_space_page(&e, 1, 3 * STREAM_BLOCK, that, &got, page), STREAM_UNREAD);
    stream_content_free(&got);
    stream_content_free(&c);
    unlink(path);
}

static void the_oldest_go(void **state)
{
    struct stream s;
    struct stream_content c = content_of(3, &s);
    char path[3][200];
    assert_int_equal(folder_make(inner), 0);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path[i], sizeof path[i], i < 2 ? "%s/%032x.raw" : "%s/mine-%u.raw", inner, i);
        const int fd = open(path[i], O_CREAT | O_WRONLY, 0600);
        assert_int_equal(posix_fallocate(fd, 0, (off_t)STREAM_STORE_MOST / 2), 0);
        const struct timespec times[2] = {{1000 + i, 0}, {1000 + i, 0}};
        assert_int_equal(futimens(fd, times), 0);
        close(fd);
    }
    stream_store_keep(inner, &s, &c);
    assert_int_equal(access(path[0], F_OK), -1);
    assert_int_equal(access(path[1], F_OK), 0);
    assert_int_equal(access(path[2], F_OK), 0); /* none of ours */
    file_of(&s, path[0]);
    assert_int_equal(access(path[0], F_OK), 0);
    stream_content_free(&c);
}

static void a_folder_that_cannot_be_made_does_no_harm(void **state)
{
    struct stream s;
    struct stream_content c = content_of(4, &s), got = {0};
    stream_store_keep("/dev/null/there", &s, &c);
    assert_false(stream_store_get("/dev/null/there", &s, &got, &never));
    stream_content_free(&c);
}

static int make_folder(void **state)
{
    strcpy(folder, "/tmp/stream-store-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(inner, sizeof inner, "%s/a/b", folder);
    return 0;
}

static int remove_folder(void **state)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_kept_is_read_back, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_dropped, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_file_may_be_cut_off, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(the_oldest_go, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_made_does_no_harm, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
