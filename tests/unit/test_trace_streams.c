/* test_trace_streams.c - pages that follow from compressed streams in images. */
#include "tests/unit/packed.h"
#include "tests/unit/trace_sample.h"

#include <xxhash.h>

#include "base/byte_order.h"
#include "traces/content.h"
#include "traces/page_packer.h"
#include "traces/stream_code.h"
#include "traces/stream_finder.h"

enum { LENGTH = 3 * STREAM_BLOCK + 5000, PAGES = LENGTH / TRACE_PAGE, BEFORE = 70001, BEHIND = 100000 };

/* ---------------------------------------------------------------- something packed, in an image */

/* What a program looks like: numbers that point into it among other bytes; and a block of zeros. */
static void fill_content(uint8_t *p)
{
    uint64_t seed = 7;
    for (size_t i = 0; i < LENGTH; i++)
        p[i] = rnd(&seed) % 3 ? (uint8_t)(rnd(&seed) >> 20) : 0x48;
    for (size_t i = 100; i + 4 < LENGTH; i += 13 + rnd(&seed) % 40)
        put_le32(p + i, 0x81000000 + (uint32_t)(rnd(&seed) % LENGTH));
    memset(p + STREAM_BLOCK, 0, STREAM_BLOCK);
}

/* Other bytes, then the packed content, then other bytes. */
static struct buf image_of(const struct buf *packed)
{
    struct buf b = {0};
    uint64_t seed = 3;
    for (size_t i = 0; i < BEFORE; i++)
        buf_u8(&b, (uint8_t)(rnd(&seed) >> 30));
    buf_add(&b, packed->p, packed->n);
    for (size_t i = 0; i < BEHIND; i++)
        buf_u8(&b, (uint8_t)(rnd(&seed) >> 30));
    return b;
}

/* ---------------------------------------------------------------- its pages in a trace */

/* Page i of a state: the content in state 0, relocated in state 1, elsewhere with other changes in state 2. */
static void state_page(uint8_t *page, const uint8_t *content, unsigned state, unsigned i)
{
    uint64_t seed = 1000 + i;
    memcpy(page, content + (size_t)i * TRACE_PAGE + (state == 2 ? 77 : 0), TRACE_PAGE);
    for (size_t k = 0; state && k + 4 < TRACE_PAGE; k++)
        if (le32(page + k) >> 24 == 0x81) {
            put_le32(page + k, le32(page + k) + 0x2d000000);
            k += 3;
        }
    if (state == 2) {
        memset(page + 3000, 0, 700);
        for (unsigned k = 0; k < 20; k++)
            page[rnd(&seed) % TRACE_PAGE] ^= 0x5a;
    }
}

static void write_states(struct trace_writer *w, const uint8_t *content)
{
    uint8_t page[TRACE_PAGE];
    for (unsigned state = 0; state < 3; state++) {
        assert_int_equal(trace_checkpoint_begin(w, state, state, true, NULL), 0);
        for (unsigned i = 0; i + 1 < PAGES; i++) {
            state_page(page, content, state, i);
            trace_checkpoint_page(w, "ram", state == 2 ? 5 * i : i, page);
        }
        assert_int_equal(trace_checkpoint_end(w, 1, NULL), 0);
    }
}

/* Chunks in the order that `turn` gives: the k-th is number k ^ turn, if there is one. */
static struct bytes stream_trace(const struct buf *image, const uint8_t *content, size_t turn)
{
    char *path = temp_path("streams");
    struct trace_image im = {.role = "kernel", .name = "x", .size = image->n};
    struct trace_config cfg = {.engine = "pc", .images = &im, .nimages = 1, .classes = EVENT_CLASSES_ALL};
    struct trace_writer *w = trace_writer_create(path, &cfg, NULL);
    for (size_t k = 0; k < 64; k++)
        if ((k ^ turn) < chunk_count(image->n))
            assert_int_equal(trace_write_chunk(w, 0, k ^ turn, image->p + (k ^ turn) * TRACE_CHUNK,
                                               chunk_length(image->n, k ^ turn), NULL),
                             0);
    write_states(w, content);
    assert_int_equal(trace_writer_finish(w, &sample_end, NULL), 0);
    struct bytes b = slurp(path);
    unlink(path);
    free(path);
    return b;
}

/* A trace whose image has one stream. */
struct sample {
    unsigned format;
    uint8_t *content;
    struct buf packed, image;
    struct bytes b;
};

static struct sample sample_new(unsigned format)
{
    struct sample x = {.format = format, .content = mem_alloc(LENGTH)};
    fill_content(x.content);
    x.packed = pack_as(format, x.content, LENGTH);
    x.image = image_of(&x.packed);
    x.b = stream_trace(&x.image, x.content, 0);
    return x;
}

static struct stream sample_stream(const struct sample *x)
{
    const XXH128_hash_t h = XXH3_128bits(x->content, LENGTH);
    return (struct stream){0, BEFORE, x->packed.n, x->format, LENGTH, {h.low64, h.high64}};
}

static void sample_free(struct sample *x)
{
    free(x->b.p);
    buf_free(&x->packed);
    buf_free(&x->image);
    free(x->content);
}

/* A folder for contents that are kept. */
static void folder_new(char folder[static 32])
{
    strcpy(folder, "/tmp/trace-streams-XXXXXX");
    assert_non_null(mkdtemp(folder));
}

static void folder_remove(const char *folder)
{
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void check_states(struct trace *t, const uint8_t *content)
{
    uint8_t page[TRACE_PAGE], want[TRACE_PAGE];
    struct error err = {""};
    for (unsigned state = 3; state-- > 0;) {
        struct trace_state *s = trace_checkpoint_load(t, state, NULL);
        assert_non_null(s);
        for (unsigned i = 0; i + 1 < PAGES; i++) {
            state_page(want, content, state, i);
            if (trace_state_page(s, "ram", state == 2 ? 5 * i : i, page, &err) != 1)
                fail_msg("state %u page %u: %s", state, i, err.text);
            assert_memory_equal(want, page, TRACE_PAGE);
        }
        trace_state_free(s);
    }
}

static uint64_t stored(struct trace *t, enum trace_frame_kind kind, size_t *frames)
{
    uint64_t n = 0;
    *frames = 0;
    for (size_t i = 0; i < trace_frame_count(t); i++)
        if (trace_frame(t, i)->kind == kind) {
            n += trace_frame(t, i)->stored;
            ++*frames;
        }
    return n;
}

static void test_formats(void **state)
{
    uint8_t *content = mem_alloc(LENGTH);
    size_t streams, frames;
    fill_content(content);
    for (unsigned format = 1; format < UNPACK_FORMATS; format++) {
        struct buf packed = pack_as(format, content, LENGTH), image = image_of(&packed);
        struct bytes b = stream_trace(&image, content, 0), again = stream_trace(&image, content, 0);
        assert_int_equal(b.n, again.n);
        assert_memory_equal(b.p, again.p, b.n);
        struct trace *t = open_good(b);
        stored(t, TF_STREAM, &streams);
        assert_int_equal(streams, 1);
        /* The pages are 600 kB. A relocation takes about a byte; some pages of the last state have 20 more changes. */
        if (stored(t, TF_PAGES, &frames) > 12000)
            fail_msg("%s: the pages take %" PRIu64 " bytes", unpack_format_name(format),
                     stored(t, TF_PAGES, &frames));
        check_states(t, content);
        assert_int_equal(trace_check(t, NULL), 0);
        check_states(t, content); /* the check has given back what was unpacked */
        trace_close(t);
        free(b.p);
        free(again.p);
        buf_free(&packed);
        buf_free(&image);
    }
    free(content);
}

static size_t find(const uint8_t *p, size_t n, size_t at, unsigned *format)
{
    struct unpack_search s = {0};
    return unpack_find(&s, p, n, at, format);
}

/* The first of what is there is found, up to the last place where all of its magic is. */
static void test_magic(void **state)
{
    static const uint8_t xz[] = {0xfd, '7', 'z', 'X', 'Z', 0}, gzip[] = {0x1f, 0x8b, 8};
    uint8_t data[256];
    unsigned format;
    memset(data, 0x1f, sizeof data);
    assert_int_equal(find(data, sizeof data, 0, &format), sizeof data);
    assert_int_equal(format, 0);
    memcpy(data + 20, xz, sizeof xz);
    memcpy(data + 90, gzip, sizeof gzip);
    assert_int_equal(find(data, sizeof data, 0, &format), 20);
    assert_int_equal(format, UNPACK_XZ);
    assert_int_equal(find(data, sizeof data, 20, &format), 20);
    assert_int_equal(find(data, sizeof data, 21, &format), 90);
    assert_int_equal(format, UNPACK_GZIP);
    assert_int_equal(find(data, 93, 21, &format), 90);
    for (size_t n = 0; n < 93; n++) {
        assert_int_equal(find(data, n, n < 21 ? n : 21, &format), n);
        assert_int_equal(format, 0);
    }
}

/* Searches that go on from place to place find what each alone finds. */
static void test_magic_again(void **state)
{
    static const uint8_t magic[][6] = {
        {0xfd, '7', 'z', 'X', 'Z', 0}, {0x1f, 0x8b, 8}, {0x28, 0xb5, 0x2f, 0xfd}};
    static const uint8_t length[] = {6, 3, 4};
    uint8_t data[512] = {0};
    uint32_t x = 1;
    unsigned format, alone;
    for (unsigned round = 0; round < 50; round++) {
        for (unsigned i = 0; i < 40; i++, x = x * 1103515245 + 12345)
            memcpy(data + (x >> 16) % (sizeof data - 6), magic[x >> 8 & 1 ? 2 : i % 3],
                   length[x >> 8 & 1 ? 2 : i % 3]);
        struct unpack_search s = {0};
        for (size_t at = 0; at < sizeof data; at++) {
            const size_t place = find(data, sizeof data, at, &alone);
            assert_int_equal(unpack_find(&s, data, sizeof data, at, &format), place);
            assert_int_equal(format, alone);
            at = place;
        }
    }
}

/* The stream's chunks in another order; packed content that is damaged, or not all there, is no stream. */
static void test_found(void **state)
{
    static const struct {
        size_t turn, cut, damaged, streams;
    } cases[] = {{1, 0, 0, 1}, {3, 0, 0, 1}, {0, 3000, 0, 0}, {0, 0, 20000, 0}};
    uint8_t *content = mem_alloc(LENGTH);
    fill_content(content);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf packed = pack_as(UNPACK_GZIP, content, LENGTH), image;
        size_t streams;
        packed.n -= cases[i].cut;
        if (cases[i].damaged)
            memset(packed.p + cases[i].damaged, 0xff, 50);
        image = image_of(&packed);
        struct bytes b = stream_trace(&image, content, cases[i].turn);
        struct trace *t = open_good(b);
        stored(t, TF_STREAM, &streams);
        assert_int_equal(streams, cases[i].streams);
        check_states(t, content);
        trace_close(t);
        free(b.p);
        buf_free(&packed);
        buf_free(&image);
    }
    free(content);
}

/* ---------------------------------------------------------------- several streams in one image */

enum { STREAMS = 3, FIRST_LENGTH = STREAM_BLOCK + 20000 };

/* The space in which pages name places: the contents one behind the other, each followed by zeros. */
static struct buf space_of(const struct buf content[STREAMS])
{
    struct buf b = {0};
    for (unsigned i = 0; i < STREAMS; i++) {
        size_t behind = stream_room(content[i].n) - content[i].n;
        buf_add(&b, content[i].p, content[i].n);
        memset(buf_room(&b, behind), 0, behind);
        b.n += behind;
    }
    return b;
}

static void fill_streams(struct buf content[STREAMS], struct buf *image)
{
    uint64_t seed = 99;
    for (unsigned i = 0; i < STREAMS; i++) {
        content[i] = *image = (struct buf){0};
        for (size_t k = 0; k < FIRST_LENGTH + i * 3000; k++)
            buf_u8(&content[i], rnd(&seed) % 3 ? (uint8_t)(rnd(&seed) >> 20) : 0x48);
    }
    for (unsigned i = 0; i < STREAMS; i++) {
        struct buf packed = pack_as((unsigned)i + 1, content[i].p, content[i].n);
        buf_add(image, "between", 7);
        buf_add(image, packed.p, packed.n);
        buf_free(&packed);
    }
}

/* Zeros that end in another stream's first bytes: what is nearest to such a page begins behind the end of one stream. */
static void test_several(void **state)
{
    static const unsigned into[] = {40, 700, 2000, 4000};
    struct buf content[STREAMS], image;
    uint8_t page[TRACE_PAGE];
    fill_streams(content, &image);
    struct buf space = space_of(content);
    char *path = temp_path("several");
    struct trace_image im = {.role = "initrd", .name = "x", .size = image.n};
    struct trace_config cfg = {.engine = "pc", .images = &im, .nimages = 1, .classes = EVENT_CLASSES_ALL};
    struct trace_writer *w = trace_writer_create(path, &cfg, NULL);
    for (size_t k = 0; k < chunk_count(image.n); k++)
        assert_int_equal(
            trace_write_chunk(w, 0, k, image.p + k * TRACE_CHUNK, chunk_length(image.n, k), NULL), 0);
    assert_int_equal(trace_checkpoint_begin(w, 0, 0, true, NULL), 0);
    uint64_t at[STREAMS * 4], begin = 0;
    unsigned n = 0;
    for (unsigned i = 0; i < STREAMS; i++, begin += stream_room(content[i - 1].n))
        for (unsigned k = 0; i && k < 4; k++)
            at[n++] = begin - TRACE_PAGE + into[k];
    for (unsigned i = 0; i < n; i++)
        trace_checkpoint_page(w, "ram", i, space.p + at[i]);
    assert_int_equal(trace_checkpoint_end(w, 1, NULL), 0);
    assert_int_equal(trace_writer_finish(w, &sample_end, NULL), 0);
    struct trace *t = trace_open(path, NULL);
    struct trace_state *s = trace_checkpoint_load(t, 0, NULL);
    for (unsigned i = n; i-- > 0;) {
        assert_int_equal(trace_state_page(s, "ram", i, page, NULL), 1);
        assert_memory_equal(page, space.p + at[i], TRACE_PAGE);
    }
    trace_state_free(s);
    trace_close(t);
    unlink(path);
    free(path);
    for (unsigned i = 0; i < STREAMS; i++)
        buf_free(&content[i]);
    buf_free(&image);
    buf_free(&space);
}

/* ---------------------------------------------------------------- copied, packed as they are */

/* -1: a frame of the trace is not readable. With `apart`, each chunk is in a frame of its own. */
static int copy_trace(struct trace *t, bool apart, struct bytes *copy, struct error *err)
{
    char *path = temp_path("copy");
    size_t n;
    struct trace_chunk *chunk = trace_chunks(t, &n);
    struct trace_writer *w = trace_writer_create(path, trace_config(t), NULL);
    int rc = trace_writer_copies(w, t, err);
    for (size_t i = 0; i < n && !rc; i++) {
        rc = trace_copy_chunk(w, &chunk[i], err);
        if (apart)
            trace_writer_flush(w, NULL);
    }
    for (size_t k = 0; k < trace_checkpoint_count(t) && !rc; k++)
        rc = trace_copy_checkpoint(w, err);
    *copy = (struct bytes){0};
    if (rc) {
        trace_writer_abort(w);
        assert_int_equal(access(path, F_OK), -1); /* it has not come to a checkpoint */
    } else {
        assert_int_equal(trace_writer_finish(w, trace_end(t), NULL), 0);
        *copy = slurp(path);
        unlink(path);
    }
    free(path);
    free(chunk);
    return rc;
}

static void check_copies(const struct bytes *b, const uint8_t *content)
{
    struct bytes same, apart;
    struct trace *t = open_good(*b);
    size_t streams;
    assert_int_equal(copy_trace(t, false, &same, NULL), 0);
    assert_int_equal(copy_trace(t, true, &apart, NULL), 0);
    trace_close(t);
    assert_int_equal(same.n, b->n);
    assert_memory_equal(same.p, b->p, b->n);
    t = open_good(apart);
    stored(t, TF_STREAM, &streams);
    assert_int_equal(streams, 1);
    check_states(t, content);
    assert_int_equal(trace_check(t, NULL), 0);
    trace_close(t);
    free(same.p);
    free(apart.p);
}

/* Whatever order a stream's chunks came in; but not from a damaged frame. */
static void test_copied(void **state)
{
    uint8_t *content = mem_alloc(LENGTH);
    fill_content(content);
    struct buf packed = pack_as(UNPACK_GZIP, content, LENGTH), image = image_of(&packed);
    struct bytes b, part;
    struct error err;
    for (size_t turn = 0; turn < 4; turn++) {
        b = stream_trace(&image, content, turn);
        check_copies(&b, content);
        if (turn < 3)
            free(b.p);
    }
    struct trace *t = open_good(b);
    for (size_t i = 0; i < trace_frame_count(t); i++)
        if (trace_frame(t, i)->kind == TF_PAGES)
            b.p[trace_frame(t, i)->offset + trace_frame(t, i)->stored - 1] ^= 1;
    assert_int_equal(copy_trace(t, false, &part, &err), -1);
    assert_non_null(strstr(err.text, "(pages) at offset"));
    assert_non_null(strstr(err.text, "checksum of its content does not match"));
    trace_close(t);
    free(part.p);
    free(b.p);
    buf_free(&packed);
    buf_free(&image);
    free(content);
}

/* ---------------------------------------------------------------- several readers */

static void test_beside(void **state)
{
    struct sample x = sample_new(UNPACK_XZ);
    struct trace *t = open_good(x.b), *beside = trace_open_beside(t, NULL),
                 *third = trace_open_beside(beside, NULL);
    trace_prepare(t, NULL);
    trace_prepare(beside, NULL);
    check_states(beside, x.content);
    trace_close(t);
    check_states(third, x.content);
    trace_close(beside);
    check_states(third, x.content);
    trace_close(third);
    t = open_good(x.b);
    trace_prepare(t, NULL);
    trace_close(t); /* while that is going on */
    sample_free(&x);
}

/* The second process finds what the first has unpacked. */
static void test_kept(void **state)
{
    char folder[32], command[100];
    struct sample x = sample_new(UNPACK_XZ);
    folder_new(folder);
    for (unsigned process = 0; process < 2; process++) {
        struct trace *t = open_good(x.b);
        trace_prepare(t, folder);
        check_states(t, x.content);
        trace_close(t);
        snprintf(command, sizeof command, "test $(ls %s | wc -l) = 1", folder);
        assert_int_equal(system(command), 0);
    }
    folder_remove(folder);
    sample_free(&x);
}

/* ---------------------------------------------------------------- long content */

static void count_found(void *ctx, const struct stream *s, struct stream_content *content)
{
    uint64_t *sum = ctx;
    sum[0]++;
    sum[1] += stream_room(s->length);
    sum[2] += content->n * STREAM_BLOCK;
    stream_content_free(content);
}

/* More than all streams may have: the first part of the content is used, and later streams are not. */
static void test_most(void **state)
{
    const size_t n = STREAMS_MAX + (1 << 20);
    uint8_t *content = mem_zero(n, 1);
    content[n / 2] = 1;
    struct buf packed = pack_as(UNPACK_ZSTD, content, n);
    uint64_t sum[3] = {0};
    struct stream_finder *f = stream_finder_new(count_found, sum);
    for (unsigned image = 0; image < 2; image++)
        for (uint64_t c = 0; c < chunk_count(packed.n); c++)
            stream_finder_chunk(f, image, c, packed.p + c * TRACE_CHUNK, chunk_length(packed.n, c));
    assert_int_equal(sum[0], 1);
    assert_true(sum[1] <= STREAMS_MAX && sum[1] > STREAMS_MAX - 4 * STREAM_BLOCK);
    assert_true(sum[2] <= sum[1]);
    stream_finder_free(f);
    buf_free(&packed);
    free(content);
}

/* Short ones are not worth it. */
static void test_least(void **state)
{
    uint8_t *content = mem_zero(STREAM_LEAST, 1);
    uint64_t sum[3] = {0};
    struct stream_finder *f = stream_finder_new(count_found, sum);
    for (unsigned more = 0; more < 2; more++) {
        struct buf packed = pack_as(UNPACK_GZIP, content, STREAM_LEAST - 1 + more);
        stream_finder_chunk(f, more, 0, packed.p, packed.n);
        assert_int_equal(sum[0], more);
        buf_free(&packed);
    }
    stream_finder_free(f);
    free(content);
}

/* The files of an archive, each packed by itself, are left out; what is packed as a whole behind them is found. */
static void test_archive(void **state)
{
    enum { FILES = 5, FILE_LENGTH = 130000, WHOLE = 400000 };
    uint8_t *content = mem_alloc(WHOLE);
    uint64_t sum[3] = {0}, seed = 7;
    struct buf image = {0};
    for (size_t i = 0; i < WHOLE; i++)
        content[i] = (uint8_t)(rnd(&seed) >> 8);
    for (unsigned i = 0; i <= FILES; i++) {
        struct buf packed = pack_as(UNPACK_XZ, content, i < FILES ? FILE_LENGTH : WHOLE);
        buf_add(&image, packed.p, packed.n);
        buf_free(&packed);
    }
    struct stream_finder *f = stream_finder_new(count_found, sum);
    for (uint64_t c = 0; c < chunk_count(image.n); c++)
        stream_finder_chunk(f, 0, c, image.p + c * TRACE_CHUNK, chunk_length(image.n, c));
    assert_int_equal(sum[0], 1);
    assert_int_equal(sum[1], stream_room(WHOLE));
    stream_finder_free(f);
    buf_free(&image);
    free(content);
}

/* ---------------------------------------------------------------- changes */

static void test_changes(void **state)
{
    static uint8_t base[TRACE_PAGE], page[TRACE_PAGE], got[TRACE_PAGE];
    struct stream_changes c;
    uint64_t seed = 21;
    for (unsigned round = 0; round < 400; round++) {
        struct page_frame f = {0};
        struct page_item item;
        struct buf payload = {0};
        uint32_t addend = (uint32_t)rnd(&seed) << (rnd(&seed) % 4 * 8);
        for (size_t i = 0; i < TRACE_PAGE; i++)
            page[i] = base[i] = rnd(&seed) % 4 ? (uint8_t)(rnd(&seed) >> 9) : 0;
        for (unsigned k = (unsigned)(rnd(&seed) % 60); k-- > 0;) {
            size_t at = rnd(&seed) % (TRACE_PAGE - 40);
            if (rnd(&seed) % 3)
                put_le32(page + at, le32(page + at) + addend);
            else if (rnd(&seed) % 2)
                memset(page + at, 0, 40);
            else
                page[at] ^= 1;
        }
        const struct growth growth = {rnd(&seed) % 2 ? addend : 0, rnd(&seed) % 2};
        assert_true(stream_changes_make(&c, page, base, 8192, 0, growth, DELTA_MAX));
        page_frame_stream(&f, &c);
        assert_int_equal(page_frame_take(&f, &payload), 1);
        assert_null(page_items_read(payload.p, payload.n, 1, 0, &item));
        assert_int_equal(item.base, 8192);
        memcpy(got, base, TRACE_PAGE);
        stream_changes_apply(&item, page_item_bytes(&item, payload.p), got);
        assert_memory_equal(got, page, TRACE_PAGE);
        buf_free(&payload);
        page_frame_free(&f);
    }
}

/* Calls whose targets were made absolute: each takes a byte or two. */
static void test_branches(void **state)
{
    static uint8_t base[TRACE_PAGE], page[TRACE_PAGE];
    const uint64_t begin = 3 * STREAM_BLOCK, place = begin + 0x54321;
    struct stream_changes c;
    uint64_t seed = 4;
    unsigned calls = 0;
    for (size_t i = 0; i < TRACE_PAGE; i++)
        base[i] = (uint8_t)(rnd(&seed) >> 9);
    memcpy(page, base, TRACE_PAGE);
    for (unsigned at = 20; at + 4 <= TRACE_PAGE; at += 30, calls++) {
        put_le32(base + at, (uint32_t)(rnd(&seed) % 100000) - 50000);
        put_le32(page + at, le32(base + at) + (uint32_t)(place - begin) + at + 4);
    }
    assert_true(stream_changes_make(&c, page, base, place, begin, (struct growth){0}, DELTA_MAX));
    assert_int_equal(c.runs, calls);
    assert_int_equal(c.nbytes, 0);
    assert_true(c.ncode <= 2 * calls);
}

/* A page that has less than half of its bytes from some content is not stored as changes of that, even if those
 * that are left are few. */
static void test_hopeless(void **state)
{
    enum { BYTES = 1000 };
    static uint8_t base[TRACE_PAGE], page[TRACE_PAGE];
    struct stream_changes c;
    for (unsigned same = 0; same <= BYTES; same += 100) {
        for (unsigned i = 0; i < BYTES; i++) {
            page[4 * i] = 1;
            base[4 * i] = i < same ? 1 : 2;
        }
        const bool made = stream_changes_make(&c, page, base, 0, 0, (struct growth){0}, DELTA_MAX);
        assert_int_equal(made, same >= BYTES / 2);
    }
}

/* ---------------------------------------------------------------- pages that do not read back */

/* The writer takes the second stream to be a block further on than readers do: its pages are stored in full, and counted. */
static void test_refused(void **state)
{
    struct buf content[STREAMS], image, payload = {0}, extra = {0};
    struct page_packer *p = page_packer_new();
    struct page_item item[2];
    fill_streams(content, &image);
    for (unsigned i = 0; i < 2; i++) {
        struct stream_content c = {.block = mem_zero(2, sizeof *c.block), .n = 2};
        for (unsigned k = 0; k < 2; k++) {
            stream_content_slab(&c, c.block[k] = mem_zero(STREAM_BLOCK, 1));
            memcpy(c.block[k], content[i].p + k * STREAM_BLOCK,
                   k ? content[i].n - STREAM_BLOCK : STREAM_BLOCK);
        }
        page_packer_stream(p, &c, content[i].n, stream_room(content[i].n) + STREAM_BLOCK);
    }
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t *page = content[i].p + 1000;
        const struct page_hint hint = {NO_PAGE, NO_PAGE, page_check_of(content_key(page, TRACE_PAGE).low)};
        assert_int_equal(hint.check, page_check(page));
        assert_false(page_packer_add(p, page, &hint));
    }
    assert_int_equal(page_packer_take(p, &payload, &extra), 2);
    assert_int_equal(page_packer_refused(p), 1);
    assert_null(page_items_read(payload.p, payload.n - 2 * PAGE_CHECK, 2, 0, item));
    assert_int_equal(item[0].kind, PAGE_STREAM);
    assert_int_equal(item[1].kind, PAGE_FULL);
    assert_memory_equal(page_item_bytes(&item[1], payload.p).data, content[1].p + 1000, TRACE_PAGE);
    assert_int_equal(le32(payload.p + payload.n - PAGE_CHECK), page_check(content[1].p + 1000));
    assert_memory_equal(extra.p, "\4\1", 2);
    page_packer_free(p);
    buf_free(&payload);
    buf_free(&extra);
    buf_free(&image);
    for (unsigned i = 0; i < STREAMS; i++)
        buf_free(&content[i]);
}

/* ---------------------------------------------------------------- references that lead nowhere */

struct craft {
    struct buf file;
    uint32_t number;
    uint64_t first[TF_KINDS];
};

static void craft_frame(struct craft *c, uint8_t kind, const struct buf *extra, const struct buf *payload)
{
    uint64_t hash = XXH3_64bits(payload->n ? payload->p : (const uint8_t *)"", payload->n);
    struct frame_head h = {.kind = kind,
                           .extra = (uint16_t)extra->n,
                           .stored = (uint32_t)payload->n,
                           .raw = (uint32_t)payload->n,
                           .first = c->first[kind]++,
                           .items = 1,
                           .number = c->number++,
                           .raw_hash = hash,
                           .stored_hash = hash};
    frame_head_pack(&c->file, &h, extra->p);
    buf_add(&c->file, payload->p, payload->n);
}

/* Configuration and chunks of a good trace, then the stream, and a page at a place, with a checksum that is right or wrong. `folder`: where
 * contents may have been kept; or NULL. */
static void check_crafted_page(const struct bytes *good, const struct stream *s, uint64_t place,
                               const uint8_t *page, const char *folder, const char *want)
{
    struct trace *t = open_good(*good);
    struct craft c = {0};
    struct buf extra = {0}, payload = {0}, code = {0}, none = {0};
    struct error err = {""};
    buf_add(&c.file, good->p, FILE_HEADER_SIZE);
    for (; trace_frame(t, c.number)->kind <= TF_CHUNKS; c.number++)
        buf_add(&c.file, good->p + trace_frame(t, c.number)->offset, trace_frame(t, c.number)->stored);
    trace_close(t);
    if (s) {
        stream_encode(&extra, s);
        craft_frame(&c, TF_STREAM, &extra, &none);
    }
    buf_varint(&code, PAGE_STREAM);
    buf_varint(&code, zigzag(place));
    buf_varint(&code, 0);
    buf_bytes(&payload, code.p, code.n);
    extra.n = 0;
    if (page) {
        put_le32(buf_room(&payload, PAGE_CHECK), page_check(page));
        payload.n += PAGE_CHECK;
        pages_extra(&extra, 1);
    }
    craft_frame(&c, TF_PAGES, &extra, &payload);
    t = trace_open_memory(c.file.p, c.file.n, &err);
    if (t && page)
        assert_int_equal(trace_pages_refused(t), 1);
    if (t && folder)
        trace_prepare(t, folder);
    if (t && !trace_check(t, &err) && want)
        fail_msg("accepted: %s", want);
    if (want ? !strstr(err.text, want) : !!err.text[0])
        fail_msg("%s: not \"%s\"", err.text, want ? want : "");
    trace_close(t);
    buf_free(&c.file);
    buf_free(&extra);
    buf_free(&payload);
    buf_free(&code);
}

static void check_crafted(const struct bytes *good, const struct stream *s, uint64_t place, const char *want)
{
    check_crafted_page(good, s, place, NULL, NULL, want);
}

static void test_damaged(void **state)
{
    struct sample x = sample_new(UNPACK_GZIP);
    const struct stream good = sample_stream(&x);
    struct stream s = good;
    check_crafted_page(&x.b, &s, 100, x.content + 100, NULL, NULL);
    check_crafted_page(
        &x.b, &s, 100, x.content + 101, NULL,
        "page 0, of the checkpoint at icount 0, stored as what is unpacked at place 100 with 0 changes, is "
        "not what was recorded");
    check_crafted(&x.b, NULL, 0, "a stream that is not before it");
    check_crafted(&x.b, &s, stream_room(LENGTH), "a stream that is not before it");
    check_crafted(&x.b, &s, (uint64_t)-TRACE_PAGE, "a stream that is not before it");
    s.hash[1]++;
    check_crafted(&x.b, &s, 0, "does not unpack to what was recorded");
    s = good, s.length++;
    check_crafted(&x.b, &s, 0, "does not unpack to what was recorded");
    s = good, s.offset++;
    check_crafted(&x.b, &s, 0, "does not unpack to what was recorded");
    s = good, s.packed -= 3000;
    check_crafted(&x.b, &s, 0, "does not unpack to what was recorded");
    s = good, s.format = UNPACK_XZ;
    check_crafted(&x.b, &s, 0, "does not unpack to what was recorded");
    s.format = UNPACK_FORMATS;
    check_crafted(&x.b, &s, 0, "needs a newer bootreel");
    s = good, s.length = STREAMS_MAX + 1;
    check_crafted(&x.b, &s, 0, "longer than all streams may be");
    s = good, s.length = 0;
    check_crafted(&x.b, &s, 0, "longer than all streams may be");
    s = good, s.image = 1;
    check_crafted(&x.b, &s, 0, "is not in an image");
    s = good, s.packed = x.image.n;
    check_crafted(&x.b, &s, 0, "is not in an image");
    s = good, s.offset = UINT64_MAX;
    check_crafted(&x.b, &s, 0, "is not in an image");
    sample_free(&x);
}

/* A file that another process kept does not stand for what the trace has. */
static void test_kept_is_no_proof(void **state)
{
    char folder[32];
    struct sample x = sample_new(UNPACK_GZIP);
    struct stream s = sample_stream(&x);
    folder_new(folder);
    for (unsigned process = 0; process < 2; process++) /* the first one keeps it */
        check_crafted_page(&x.b, &s, 100, x.content + 100, folder, NULL);
    s.offset++;
    check_crafted_page(&x.b, &s, 100, x.content + 100, folder, "does not unpack to what was recorded");
    folder_remove(folder);
    sample_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_copied),
        cmocka_unit_test(test_beside),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_most),
        cmocka_unit_test(test_least),
        cmocka_unit_test(test_archive),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_branches),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_hopeless),
        cmocka_unit_test(test_magic),
        cmocka_unit_test(test_magic_again),
        cmocka_unit_test(test_kept_is_no_proof),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
