/* round_trip.h - what a trace's writer is given, its reader gives back: whatever images, packed streams,
 * pages and checkpoints these are, and in whatever order they are asked for. A case follows from bytes: a
 * fuzzer's (tests/fuzz/fuzz_round_trip.c), or those of a random generator (tests/unit/test_round_trip.c).
 * What is not as it should be ends the program.
 */
#ifndef BOOTREEL_TESTS_ROUND_TRIP_H
#define BOOTREEL_TESTS_ROUND_TRIP_H

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "tests/unit/packed.h"
#include "traces/frame.h"
#include "traces/stream.h"

enum {
    RT_IMAGES = 2,
    RT_STREAMS = 5,
    RT_REGIONS = 2,
    RT_PAGES = 40, /* in a region */
    RT_STATES = 5,
    RT_CHUNKS = 64, /* in an image */
};

/* ---------------------------------------------------------------- numbers */

struct rt_source {
    const uint8_t *p;
    size_t n;
    uint64_t seed; /* used when the bytes are used up */
};

static uint64_t rt_next(struct rt_source *s)
{
    s->seed = s->seed * 6364136223846793005u + 1442695040888963407u;
    if (!s->n)
        return s->seed >> 33;
    s->n--;
    uint64_t byte = *s->p++;
    s->seed ^= byte;
    return byte | (s->seed >> 33 & ~0xffull);
}

static size_t rt_below(struct rt_source *s, size_t n)
{
    return rt_next(s) % n;
}

#define RT_CHECK(what, ...)                                                                                  \
    do {                                                                                                     \
        if (!(what)) {                                                                                       \
            fprintf(stderr, "round trip: " __VA_ARGS__);                                                     \
            fprintf(stderr, ": %s\n", #what);                                                                \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* ---------------------------------------------------------------- the case */

struct rt_state {
    bool have[RT_REGIONS][RT_PAGES];
    uint8_t page[RT_REGIONS][RT_PAGES][TRACE_PAGE];
};

struct rt_case {
    struct rt_source s;
    struct buf image[RT_IMAGES];
    bool written[RT_IMAGES][RT_CHUNKS];
    struct buf
        space; /* the streams' contents, one behind the other with zeros between them; some are not streams after all */
    struct rt_state now, *state[RT_STATES];
    size_t states;
    uint64_t icount;
};

static const char *const rt_region[RT_REGIONS] = {"ram", "disk0"};

static void rt_random(struct rt_case *c, uint8_t *p, size_t n)
{
    uint64_t seed = rt_next(&c->s) | 1;
    for (size_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        p[i] = (uint8_t)(seed >> 56);
    }
}

/* ---------------------------------------------------------------- images */

static void rt_pack(unsigned format, const uint8_t *p, size_t n, struct buf *out)
{
    struct buf packed = pack_as(format, p, n);
    buf_add(out, packed.p, packed.n);
    buf_free(&packed);
}

/* What is packed: words, some of which are addresses, with holes. Its length is often near the end of a block. */
static void rt_content(struct rt_case *c, struct buf *b)
{
    size_t n = STREAM_BLOCK * (1 + rt_below(&c->s, 2)) + (rt_below(&c->s, 3) ? rt_below(&c->s, 9000) : 0) -
               (rt_below(&c->s, 4) ? 0 : rt_below(&c->s, 5000));
    uint8_t *p = buf_room(b, n);
    rt_random(c, p, n);
    for (size_t i = 0; i < n; i++)
        p[i] = p[i] % 3 ? p[i] : 0x48;
    for (size_t i = 64; i + 4 < n; i += 16 + p[i] % 64)
        put_le32(p + i, 0x81000000 + (uint32_t)i);
    size_t hole = rt_below(&c->s, n), length = rt_below(&c->s, 20000);
    memset(p + hole, 0, length < n - hole ? length : n - hole);
    b->n += n;
}

static void rt_streams(struct rt_case *c, struct buf *image)
{
    size_t n = rt_below(&c->s, RT_STREAMS / RT_IMAGES + 2);
    while (n--) {
        struct buf content = {0};
        rt_content(c, &content);
        size_t before = image->n;
        rt_pack(1 + (unsigned)rt_below(&c->s, UNPACK_FORMATS - 1), content.p, content.n, image);
        if (!rt_below(&c->s, 8)) /* it is damaged, and so none */
            image->p[before + rt_below(&c->s, image->n - before)] ^= 0x55;
        size_t room = stream_room(content.n);
        buf_add(&c->space, content.p, content.n);
        memset(buf_room(&c->space, room), 0, room);
        c->space.n += room - content.n;
        buf_free(&content);
    }
}

static void rt_images(struct rt_case *c)
{
    for (unsigned i = 0; i < RT_IMAGES; i++) {
        struct buf *b = &c->image[i];
        size_t n = rt_below(&c->s, 150000);
        rt_random(c, buf_room(b, n + 1), n);
        b->n += n;
        memset(b->p + n / 2, 0, n / 4);
        rt_streams(c, b);
        if (i && rt_below(&c->s, 2) &&
            c->image[0].n > 2 * TRACE_CHUNK) /* a chunk that is in the other image too */
            buf_add(b, c->image[0].p, TRACE_CHUNK - b->n % TRACE_CHUNK + TRACE_CHUNK);
        buf_u8(b, 1);
    }
}

static void rt_write_chunk(struct rt_case *c, struct trace_writer *w, unsigned i, size_t k)
{
    if (k >= chunk_count(c->image[i].n) || k >= RT_CHUNKS || c->written[i][k])
        return;
    c->written[i][k] = true;
    trace_write_chunk(w, i, k, c->image[i].p + k * TRACE_CHUNK, chunk_length(c->image[i].n, k), NULL);
}

/* Writes one chunk, or all of an image, forwards or backwards. */
static void rt_write_chunks(struct rt_case *c, struct trace_writer *w)
{
    unsigned i = (unsigned)rt_below(&c->s, RT_IMAGES);
    size_t how = rt_below(&c->s, 4);
    if (how < 2)
        rt_write_chunk(c, w, i, rt_below(&c->s, chunk_count(c->image[i].n)));
    else
        for (size_t k = 0; k < RT_CHUNKS; k++)
            rt_write_chunk(c, w, i, how == 2 ? k : RT_CHUNKS - 1 - k);
}

/* ---------------------------------------------------------------- pages */

static const uint8_t *rt_old_page(struct rt_case *c)
{
    return c->now.page[rt_below(&c->s, RT_REGIONS)][rt_below(&c->s, RT_PAGES)];
}

/* A page's worth from a buffer, with zeros beyond its end. */
static void rt_cut(uint8_t *page, const struct buf *b, size_t at)
{
    size_t n = at < b->n ? b->n - at : 0;
    n = n < TRACE_PAGE ? n : TRACE_PAGE;
    memset(page, 0, TRACE_PAGE);
    if (n)
        memcpy(page, b->p + at, n);
}

static void rt_base(struct rt_case *c, uint8_t *page)
{
    const struct buf *image = &c->image[rt_below(&c->s, RT_IMAGES)];
    size_t at;
    switch (rt_below(&c->s, 8)) {
    case 0:
        memset(page, 0, TRACE_PAGE);
        break;
    case 1:
        rt_random(c, page, TRACE_PAGE);
        break;
    case 2:
        memcpy(page, rt_old_page(c), TRACE_PAGE);
        break;
    case 3:
        at = rt_below(&c->s, image->n);
        rt_cut(page, image, rt_below(&c->s, 2) ? at : at & ~511ul);
        break;
    case 4: /* about where streams begin and end */
        at = rt_below(&c->s, c->space.n / STREAM_BLOCK + 1) * STREAM_BLOCK + rt_below(&c->s, 8192);
        rt_cut(page, &c->space, at < 8192 ? at : at - 6144);
        break;
    default:
        rt_cut(page, &c->space, rt_below(&c->s, c->space.n + 1));
    }
}

static void rt_change(struct rt_case *c, uint8_t *page)
{
    uint32_t addend = (uint32_t)rt_next(&c->s) << 8 * rt_below(&c->s, 4);
    size_t at = rt_below(&c->s, TRACE_PAGE), n = rt_below(&c->s, TRACE_PAGE - at) + 1;
    switch (rt_below(&c->s, 7)) {
    case 0: /* relocation */
        for (size_t i = 0; i + 4 <= TRACE_PAGE; i++)
            if (le32(page + i) >> 24 == 0x81) {
                put_le32(page + i, le32(page + i) + addend);
                i += 3;
            }
        break;
    case 1: /* a packer's branch filter */
        for (size_t i = at % 16; i + 4 <= TRACE_PAGE; i += 40)
            put_le32(page + i, le32(page + i) + addend + (uint32_t)i);
        break;
    case 2:
        memset(page + at, 0, n);
        break;
    case 3:
        rt_random(c, page + at, n % 3000 + 1 < TRACE_PAGE - at ? n % 3000 + 1 : 1);
        break;
    case 4:
        for (size_t k = rt_below(&c->s, 30); k-- > 0;)
            page[rt_below(&c->s, TRACE_PAGE)] ^= (uint8_t)(1 + k);
        break;
    case 5: { /* another one's end */
        uint8_t other[TRACE_PAGE];
        rt_base(c, other);
        memcpy(page + at, other + at, TRACE_PAGE - at);
        break;
    }
    default:;
    }
}

static void rt_write_state(struct rt_case *c, struct trace_writer *w)
{
    bool whole = !c->states || !rt_below(&c->s, 3);
    c->icount += rt_below(&c->s, 3);
    if (trace_checkpoint_begin(w, c->icount, c->icount, whole, NULL))
        return;
    if (whole)
        memset(c->now.have, 0, sizeof c->now.have);
    unsigned r0 = (unsigned)rt_below(&c->s, RT_REGIONS), how = (unsigned)rt_below(&c->s, 4);
    for (unsigned k = 0; k < RT_REGIONS * RT_PAGES; k++) {
        unsigned r = (r0 + k) % RT_REGIONS, i = how ? k / RT_REGIONS : RT_PAGES - 1 - k / RT_REGIONS;
        uint8_t *page = c->now.page[r][i];
        if (rt_below(&c->s, how + 1))
            continue;
        if (rt_below(&c->s, 4))
            rt_base(c, page);
        for (size_t n = rt_below(&c->s, 3); n-- > 0;)
            rt_change(c, page);
        if (!rt_below(&c->s, 60)) /* no recorder does that, but it may */
            rt_write_chunks(c, w);
        c->now.have[r][i] = true;
        trace_checkpoint_page(w, rt_region[r], i * (r ? 7 : 1), page);
    }
    if (trace_checkpoint_end(w, c->states + 1, NULL))
        return;
    c->state[c->states] = mem_alloc(sizeof c->now);
    memcpy(c->state[c->states++], &c->now, sizeof c->now);
}

/* ---------------------------------------------------------------- writing */

/* Returns whether the trace has an end. */
static bool rt_write(struct rt_case *c, const char *path)
{
    struct trace_image im[RT_IMAGES] = {{.role = "kernel", .name = "k"}, {.role = "initrd", .name = "i"}};
    struct trace_config cfg = {
        .engine = "pc", .images = im, .nimages = RT_IMAGES, .classes = EVENT_CLASSES_ALL};
    for (unsigned i = 0; i < RT_IMAGES; i++)
        im[i].size = c->image[i].n;
    struct error err = {""};
    struct trace_writer *w = trace_writer_create(path, &cfg, &err);
    RT_CHECK(w, "%s", err.text);
    size_t limit = rt_below(&c->s, 6), end = rt_below(&c->s, 6);
    if (!limit)
        trace_writer_limit(w, 100000 + rt_below(&c->s, 1000000));
    if (rt_below(&c->s, 4))
        rt_write_chunks(c, w);
    rt_write_state(c, w);
    for (size_t steps = rt_below(&c->s, 12); steps-- > 0 && c->states < RT_STATES;)
        switch (rt_below(&c->s, 4)) {
        case 0:
            trace_writer_flush(w, NULL);
            break;
        case 1:
            rt_write_state(c, w);
            break;
        default:
            rt_write_chunks(c, w);
        }
    if (c->states < RT_STATES)
        rt_write_state(c, w);
    const struct trace_end e = {.reason = "reached", .text = "", .icount = c->icount, .time = c->icount};
    if (trace_writer_full(w))
        trace_writer_finish_full(w, "full", NULL);
    else if (end)
        RT_CHECK(!trace_writer_finish(w, &e, &err) || !limit, "%s", err.text);
    else
        trace_writer_abort(w);
    return end && limit;
}

/* ---------------------------------------------------------------- reading */

struct rt_region_of {
    const struct rt_state *state;
    unsigned region;
};

static int rt_same_page(void *ctx, uint64_t index, const void *data)
{
    const struct rt_region_of *want = ctx;
    unsigned r = want->region;
    uint64_t i = index / (r ? 7 : 1);
    RT_CHECK(i < RT_PAGES && want->state->have[r][i] && !memcmp(want->state->page[r][i], data, TRACE_PAGE),
             "%s page %" PRIu64, rt_region[r], index);
    return 0;
}

/* The pages of a state one by one, from anywhere on, and all at once. */
static void rt_check_state(struct rt_source *s, struct trace *t, size_t k, const struct rt_state *want)
{
    struct error err = {""};
    struct trace_state *state = trace_checkpoint_load(t, k, &err);
    RT_CHECK(state, "state %zu: %s", k, err.text);
    size_t first = rt_below(s, RT_REGIONS * RT_PAGES);
    for (size_t n = 0; n < RT_REGIONS * RT_PAGES; n++) {
        size_t at = (first + n * 7) % (RT_REGIONS * RT_PAGES);
        unsigned r = (unsigned)(at % RT_REGIONS), i = (unsigned)(at / RT_REGIONS);
        uint8_t page[TRACE_PAGE];
        int rc = trace_state_page(state, rt_region[r], i * (r ? 7 : 1), page, &err);
        RT_CHECK(rc == want->have[r][i], "state %zu, %s page %u: %s", k, rt_region[r], i, err.text);
        RT_CHECK(!rc || !memcmp(page, want->page[r][i], TRACE_PAGE), "state %zu, %s page %u", k, rt_region[r],
                 i);
    }
    for (unsigned r = 0; r < RT_REGIONS; r++) {
        struct rt_region_of all = {want, r};
        RT_CHECK(!trace_state_pages(state, rt_region[r], rt_same_page, &all, &err), "%s", err.text);
    }
    trace_state_free(state);
}

static void rt_check_images(const struct rt_case *c, struct trace *t, bool all)
{
    static uint8_t bytes[TRACE_CHUNK];
    for (unsigned i = 0; i < RT_IMAGES; i++)
        for (size_t k = 0; k < chunk_count(c->image[i].n) && k < RT_CHUNKS; k++) {
            uint32_t n = chunk_length(c->image[i].n, k);
            int rc = trace_image_read(t, i, k * TRACE_CHUNK, bytes, n, NULL);
            RT_CHECK(rc ? !all || !c->written[i][k] : c->written[i][k], "image %u chunk %zu", i, k);
            RT_CHECK(rc || !memcmp(bytes, c->image[i].p + k * TRACE_CHUNK, n), "image %u chunk %zu", i, k);
        }
}

static void rt_check(struct rt_case *c, const char *path, bool ended)
{
    struct error err = {""};
    struct trace *t = trace_open(path, &err);
    RT_CHECK(t, "%s", err.text);
    size_t n = trace_checkpoint_count(t);
    RT_CHECK(ended ? n == c->states : n <= c->states, "%zu states, not %zu", n, c->states);
    RT_CHECK(!trace_pages_refused(t), "%" PRIu64 " pages did not read back", trace_pages_refused(t));
    struct trace *beside = trace_open_beside(t, &err);
    if (rt_below(&c->s, 2))
        trace_prepare(t, NULL);
    for (size_t i = 0; n && i < n + 2; i++) {
        size_t k = rt_below(&c->s, n);
        RT_CHECK(trace_checkpoint(t, k)->hash == k + 1, "state %zu", k);
        rt_check_state(&c->s, i % 2 ? beside : t, k, c->state[k]);
    }
    rt_check_images(c, t, ended);
    RT_CHECK(!trace_check(t, &err), "%s", err.text);
    trace_close(beside);
    trace_close(t);
}

/* ---------------------------------------------------------------- copying */

static void rt_copy(struct rt_case *c, const char *from, const char *to)
{
    struct error err = {""};
    size_t n;
    struct trace *t = trace_open(from, &err);
    struct trace_chunk *chunk = trace_chunks(t, &n);
    struct trace_writer *w = trace_writer_create(to, trace_config(t), &err);
    RT_CHECK(w && !trace_writer_copies(w, t, &err), "%s", err.text);
    size_t states = 0, at = 0;
    for (; states < trace_checkpoint_count(t); states++) {
        size_t frame = 0;
        for (size_t i = 0; i < trace_frame_count(t); i++)
            if (trace_frame(t, i)->kind == TF_CHECKPOINT && trace_frame(t, i)->first == states)
                frame = i;
        for (; at < n && chunk[at].frame < frame; at++)
            RT_CHECK(!trace_copy_chunk(w, &chunk[at], &err), "%s", err.text);
        RT_CHECK(!trace_copy_checkpoint(w, &err), "%s", err.text);
    }
    for (; at < n; at++)
        RT_CHECK(!trace_copy_chunk(w, &chunk[at], &err), "%s", err.text);
    RT_CHECK(!trace_writer_finish(w, trace_end(t), &err), "%s", err.text);
    free(chunk);
    trace_close(t);
    rt_check(c, to, true);
}

/* ---------------------------------------------------------------- the whole */

static void rt_free(struct rt_case *c)
{
    for (unsigned i = 0; i < RT_IMAGES; i++)
        buf_free(&c->image[i]);
    for (size_t k = 0; k < c->states; k++)
        free(c->state[k]);
    buf_free(&c->space);
    free(c);
}

/* One case. The files are made in the folder for temporary ones, and removed. */
static void round_trip(const uint8_t *p, size_t n, uint64_t seed)
{
    const char *dir = getenv("TMPDIR");
    char path[2][200];
    struct rt_case *c = mem_zero(1, sizeof *c);
    c->s = (struct rt_source){p, n, seed};
    for (int i = 0; i < 2; i++)
        snprintf(path[i], sizeof path[i], "%s/round_trip.%ld.%d", dir ? dir : "/tmp", (long)getpid(), i);
    rt_images(c);
    bool ended = rt_write(c, path[0]);
    rt_check(c, path[0], ended);
    if (ended && !rt_below(&c->s, 3))
        rt_copy(c, path[0], path[1]);
    unlink(path[0]);
    unlink(path[1]);
    rt_free(c);
}

#endif
