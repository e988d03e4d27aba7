/* test_unpack_lz4.c - legacy frames of LZ4: in pieces of any size, where they end, what is damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/byte_order.h"
#include "tests/unit/packed.h"

enum { SHORT = 100000, LONG = LZ4_BLOCK + 12345, BEHIND = 100 };

/* Text with repetitions, which packs to a third. */
static uint8_t *content_of(size_t n)
{
    uint8_t *p = mem_alloc(n);
    uint64_t seed = 5;
    for (size_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        p[i] = i > 40 && seed >> 62 ? p[i - 37] : (uint8_t)(seed >> 40);
    }
    return p;
}

/* What is behind a frame in a kernel's image: the length of its content; then anything. */
static struct buf frame_of(const uint8_t *content, size_t n)
{
    struct buf b = pack_as(UNPACK_LZ4, content, n);
    uint8_t *behind = buf_room(&b, BEHIND);
    memset(behind, 0xee, BEHIND);
    put_le32(behind, (uint32_t)n);
    return b;
}

/* Unpacks with at most `in` bytes of input and `out` of room at a time. *used: of the input. */
static enum unpack_result unpack(const struct buf *b, size_t in, size_t out, struct buf *content,
                                 size_t *used)
{
    struct unpacker *u = unpacker_new(UNPACK_LZ4);
    enum unpack_result result = UNPACK_MORE;
    size_t at = 0, stuck = 0;
    while (result == UNPACK_MORE && stuck < 2) {
        const size_t given = b->n - at < in ? b->n - at : in;
        const uint8_t *from = b->p + at;
        uint8_t *to = buf_room(content, out);
        size_t nin = given, nout = out;
        result = unpacker_run(u, &from, &nin, &to, &nout);
        at += given - nin;
        content->n += out - nout;
        stuck = given != nin || out != nout ? 0 : stuck + 1;
    }
    *used = at;
    unpacker_free(u);
    return result;
}

static void check(size_t n, size_t in, size_t out)
{
    uint8_t *content = content_of(n);
    struct buf b = frame_of(content, n), got = {0};
    const size_t frame = b.n;
    size_t used;
    b.n += BEHIND;
    assert_int_equal(unpack(&b, in, out, &got, &used), UNPACK_END);
    assert_int_equal(got.n, n);
    assert_memory_equal(got.p, content, n);
    /* In smaller pieces, some of the word behind the frame may have been taken to see what it is. */
    if (in > LZ4_WORD)
        assert_int_equal(used, frame);
    buf_free(&got);
    buf_free(&b);
    free(content);
}

static void test_pieces(void **state)
{
    check(SHORT, 1 << 30, 1 << 20);
    check(SHORT, 1, 1);
    check(SHORT, 7, 1000);
    check(SHORT, 65536, 5);
    check(LONG, 1 << 30, 1 << 24);
    check(LONG, 65536, 65536);
}

/* Nothing but what follows says that the last block is the last one: the content's length can be no block's. */
static void test_whole_blocks(void **state)
{
    check(2 * LZ4_BLOCK, 1 << 30, 1 << 16);
    check(2 * LZ4_BLOCK, 1, 1 << 16);
}

static enum unpack_result damaged(struct buf *b, struct buf *got)
{
    size_t used;
    got->n = 0;
    return unpack(b, 65536, 65536, got, &used);
}

static void test_damaged(void **state)
{
    uint8_t *content = content_of(SHORT);
    struct buf b = frame_of(content, SHORT), got = {0};
    const uint32_t size = le32(b.p + LZ4_WORD);
    put_le32(b.p + LZ4_WORD, size - 1);
    assert_int_equal(damaged(&b, &got), UNPACK_BAD);
    put_le32(b.p + LZ4_WORD, UINT32_MAX); /* larger than any block */
    assert_int_equal(damaged(&b, &got), UNPACK_BAD);
    put_le32(b.p + LZ4_WORD, 0); /* none at all */
    assert_int_equal(damaged(&b, &got), UNPACK_BAD);
    put_le32(b.p + LZ4_WORD, size);
    b.n -= 10; /* cut off: more is wanted */
    assert_int_equal(damaged(&b, &got), UNPACK_MORE);
    assert_int_equal(got.n, 0);
    buf_free(&got);
    buf_free(&b);
    free(content);
}

static void test_found(void **state)
{
    struct unpack_search s = {0};
    uint8_t data[64] = {0};
    unsigned format;
    put_le32(data + 33, 0x184c2102);
    assert_int_equal(unpack_find(&s, data, sizeof data, 0, &format), 33);
    assert_int_equal(format, UNPACK_LZ4);
    assert_string_equal(unpack_format_name(format), "lz4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_whole_blocks),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
