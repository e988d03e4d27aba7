/* test_stream_known.c - what an earlier process has unpacked is used, and what is found is the same as without: for other
 * data, damaged and missing files, and ends elsewhere. */
#include <dirent.h>
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

#include "tests/unit/packed.h"
#include "traces/stream_finder.h"
#include "traces/stream_known.h"
#include "traces/stream_store.h"

enum { LENGTH = 5 * TRACE_CHUNK + 777, BEFORE = 12345, AROUND = 2 * TRACE_CHUNK };

static char folder[64];

/* An image with a packed stream in it, in chunks. */
struct image {
    uint8_t *p;
    size_t n, end; /* where the stream ends */
};

static uint8_t *noise(size_t n, uint64_t seed)
{
    uint8_t *p = mem_alloc(n);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        p[i] = (uint8_t)(seed >> 57);
    }
    return p;
}

static struct image image_of(unsigned format)
{
    uint8_t *content = noise(LENGTH, 1);
    struct image im = {noise(LENGTH + AROUND, 2), LENGTH + AROUND, 0};
    struct buf packed = pack_as(format, content, LENGTH);
    assert_true(packed.n <= LENGTH + TRACE_CHUNK);
    memcpy(im.p + BEFORE, packed.p, packed.n);
    im.end = BEFORE + packed.n;
    buf_free(&packed);
    assert_true(im.end > 3 * TRACE_CHUNK && im.end < im.n);
    free(content);
    return im;
}

/* ---------------------------------------------------------------- what is found */

struct found {
    unsigned n;
    uint64_t sum; /* of all that is said of the streams, and of their contents */
};

static void add(struct found *f, const void *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        f->sum = (f->sum ^ ((const uint8_t *)data)[i]) * 1099511628211u;
}

static void found_one(void *ctx, const struct stream *s, struct stream_content *c)
{
    struct found *f = ctx;
    struct buf b = {0};
    uint8_t room[TRACE_PAGE];
    f->n++;
    stream_encode(&b, s);
    add(f, b.p, b.n);
    for (uint64_t at = 0; at < s->length; at += TRACE_PAGE)
        add(f, stream_content_page(c, at, room), TRACE_PAGE);
    stream_content_free(c);
    buf_free(&b);
}

static struct found find(const struct image *im, const char *store)
{
    struct found found = {0};
    struct stream_finder *f = stream_finder_new(found_one, &found);
    if (store)
        stream_finder_store(f, store);
    for (uint64_t c = 0; c < chunk_count(im->n); c++)
        stream_finder_chunk(f, 0, c, im->p + c * TRACE_CHUNK, chunk_length(im->n, c));
    stream_finder_free(f);
    return found;
}

static unsigned check(const struct image *im)
{
    const struct found plain = find(im, NULL), stored = find(im, folder);
    assert_int_equal(plain.n, stored.n);
    assert_true(plain.sum == stored.sum);
    return plain.n;
}

/* ---------------------------------------------------------------- the store's files */

/* The store's file whose name ends so. */
static bool path_of(const char *suffix, char path[400])
{
    DIR *d = opendir(folder);
    bool there = false;
    for (const struct dirent *e; !there && (e = readdir(d));) {
        const size_t n = strlen(e->d_name), end = strlen(suffix);
        there = n > end && !strcmp(e->d_name + n - end, suffix);
        if (there)
            snprintf(path, 400, "%s/%s", folder, e->d_name);
    }
    closedir(d);
    return there;
}

static off_t size_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

/* Another byte there, or nothing from there on. */
static void damage(const char *path, off_t at, bool cut)
{
    const int fd = open(path, O_RDWR);
    uint8_t byte;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    if (cut)
        assert_int_equal(ftruncate(fd, at), 0);
    else
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* ---------------------------------------------------------------- tests */

/* What is known is there at the last piece, all at once: until then nothing is unpacked. */
static void the_second_does_not_unpack(void **state)
{
    for (unsigned format = 1; format < UNPACK_FORMATS; format++) {
        struct image im = image_of(format);
        char path[400];
        assert_int_equal(check(&im), 1);
        assert_true(path_of(".raw", path) && path_of(STREAM_KNOWN_SUFFIX, path));
        assert_int_equal(check(&im), 1);
        struct stream_taker *t = stream_taker_new(format, STREAMS_MAX, folder);
        size_t at = BEFORE, used = 0;
        enum unpack_result result = UNPACK_MORE;
        for (size_t n; result == UNPACK_MORE; at += used) {
            assert_int_equal(stream_taker_length(t), 0);
            n = TRACE_CHUNK - at % TRACE_CHUNK;
            result = stream_taker_feed(t, im.p + at, n, &used);
        }
        assert_int_equal(result, UNPACK_END);
        assert_int_equal(at, im.end);
        assert_int_equal(stream_taker_length(t), LENGTH);
        stream_taker_free(t);
        free(im.p);
    }
}

static void other_data_is_unpacked(void **state)
{
    struct image im = image_of(UNPACK_XZ);
    unsigned streams = 0;
    for (size_t at = BEFORE; at < im.end + 20; at += 9973) {
        streams += check(&im);
        im.p[at] ^= 4;
        check(&im);
        im.p[at] ^= 4;
    }
    assert_true(streams > 20);
    im.n = im.end; /* it ends with the image */
    assert_int_equal(check(&im), 1);
    for (; im.n > BEFORE; im.n -= 37777) /* or does not end there */
        check(&im);
    free(im.p);
}

static void damaged_files_do_no_harm(void **state)
{
    struct image im = image_of(UNPACK_XZ);
    static const char *const suffix[] = {STREAM_KNOWN_SUFFIX, ".raw"};
    char path[400];
    for (unsigned i = 0; i < 40; i++) {
        find(&im, folder);
        assert_true(path_of(suffix[i % 2], path));
        damage(path, size_of(path) * i / 40, i % 3 == 0);
        assert_int_equal(check(&im), 1);
    }
    find(&im, folder);
    assert_true(path_of(".raw", path));
    unlink(path);
    assert_int_equal(check(&im), 1);
    assert_true(path_of(".raw", path));
    free(im.p);
}

/* A file whose own digest is right may still say what is not so. */
static void a_wrong_file_does_no_harm(void **state)
{
    struct image im = image_of(UNPACK_XZ);
    const size_t first = TRACE_CHUNK - BEFORE;
    struct stream_known k = {0};
    struct stream_taker *t = stream_taker_new(UNPACK_XZ, STREAMS_MAX, folder);
    struct stream_piece piece = {.given = (uint32_t)first, .used = (uint32_t)first};
    size_t used;
    const XXH128_hash_t h = XXH3_128bits(im.p + BEFORE, first);
    memcpy(piece.hash, (uint64_t[]){h.low64, h.high64}, sizeof piece.hash);
    assert_false(stream_known_get(folder, UNPACK_XZ, &piece, &k));
    assert_int_equal(stream_taker_feed(t, im.p + BEFORE, first, &used), UNPACK_MORE);
    stream_taker_free(t);
    find(&im, folder);
    assert_true(stream_known_get(folder, UNPACK_XZ, &piece, &k));
    assert_false(stream_known_get(folder, UNPACK_GZIP, &piece, &(struct stream_known){0}));
    im.p[BEFORE + 40000] ^= 1; /* so that it cannot be unpacked, says the unpacker */
    const XXH128_hash_t other = XXH3_128bits(im.p + BEFORE, first);
    memcpy(k.piece[0].hash, (uint64_t[]){other.low64, other.high64}, sizeof k.piece[0].hash);
    k.piece[1].hash[0]++;
    stream_known_keep(folder, &k);
    assert_int_equal(find(&im, folder).n, find(&im, NULL).n);
    stream_known_free(&k);
    free(im.p);
}

static void what_would_be_cut_off_is_unpacked(void **state)
{
    struct image im = image_of(UNPACK_GZIP);
    find(&im, folder);
    for (uint64_t most = LENGTH - 1; most <= LENGTH + 1; most++) {
        struct stream_taker *t = stream_taker_new(UNPACK_GZIP, most, folder);
        size_t at = BEFORE, used = 0;
        enum unpack_result result = UNPACK_MORE;
        for (; result == UNPACK_MORE; at += used)
            result = stream_taker_feed(t, im.p + at, TRACE_CHUNK - at % TRACE_CHUNK, &used);
        assert_int_equal(result, UNPACK_END);
        assert_int_equal(stream_taker_length(t), most < LENGTH ? most : LENGTH);
        stream_taker_free(t);
    }
    free(im.p);
}

static int make_folder(void **state)
{
    strcpy(folder, "/tmp/stream-known-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
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
        cmocka_unit_test_setup_teardown(the_second_does_not_unpack, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(other_data_is_unpacked, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(damaged_files_do_no_harm, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_wrong_file_does_no_harm, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_would_be_cut_off_is_unpacked, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
