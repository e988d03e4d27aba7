/* test_flips.c - one flipped bit in each part of a trace, with all checksums mended so that the content counts: the reader or a verification
 * refuses it, but for the bits that docs/trace-format.md lists ("What verification cannot refute").
 *
 *   test_flips                    a sample of the bits of a golden trace
 *   test_flips [-N] TRACE...      every N-th byte's (1: each byte's) of these
 *
 * The index and the trailer are written again like everything else, so for them the flip comes last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/jobs/verify.h"
#include "core/run/replay.h"
#include "hv/hv.h"
#include "tests/host_asked.h"
#include "traces/frame.h"
#include "traces/touched.h"

static const struct engine_kind pc_kind = {
    .name = "pc", .behaviour = HV_BEHAVIOUR, .step_ns = 1, .create = pc_as_asked, .oldest = HV_OLDEST};

/* ---------------------------------------------------------------- a trace taken apart */

struct part {
    struct frame_head head;
    uint8_t *extra, *payload; /* unpacked */
};

struct file {
    uint8_t header[FILE_HEADER_SIZE];
    struct part *part; /* without INDEX */
    size_t n;
};

static uint8_t *slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    uint8_t *p = mem_alloc(*n + 1);
    assert_int_equal(fread(p, 1, *n, f), *n);
    fclose(f);
    return p;
}

static void unpack(struct part *p, const uint8_t *stored)
{
    p->payload = mem_alloc(p->head.raw + 1);
    if (p->head.packing == PACK_ZSTD)
        assert_int_equal(ZSTD_decompress(p->payload, p->head.raw, stored, p->head.stored), p->head.raw);
    else
        memcpy(p->payload, stored, p->head.raw);
}

static struct file take_apart(const char *path)
{
    size_t size;
    uint8_t *bytes = slurp(path, &size);
    struct file f = {.part = NULL};
    memcpy(f.header, bytes, sizeof f.header);
    struct view v = view_of(bytes + FILE_HEADER_SIZE, size - FILE_HEADER_SIZE);
    for (;;) {
        struct part p;
        const uint8_t *extra;
        assert_null(frame_head_unpack(&v, &p.head, &extra));
        if (p.head.kind == TF_INDEX)
            break;
        p.extra = mem_copy(extra, p.head.extra + 1u);
        unpack(&p, view_take(&v, p.head.stored));
        MEM_MORE(f.part, f.n);
        f.part[f.n++] = p;
    }
    free(bytes);
    return f;
}

static void file_free(struct file *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->part[i].extra);
        free(f->part[i].payload);
    }
    free(f->part);
}

static void put_frame(struct buf *out, struct buf *index, struct frame_head h, const uint8_t *extra,
                      const uint8_t *payload)
{
    h.packing = PACK_NONE;
    h.stored = h.raw;
    h.raw_hash = h.stored_hash = XXH3_64bits(payload, h.raw);
    const size_t at = out->n;
    frame_head_pack(out, &h, extra);
    buf_add(index, out->p + at, out->n - at);
    buf_add(out, payload, h.raw);
}

struct put {
    size_t index, trailer; /* where they begin in the file */
    struct buf out;
};

static void put_together(const struct file *f, struct put *p)
{
    struct buf index = {0}, none = {0};
    uint8_t trailer[TRAILER_SIZE];
    p->out.n = 0;
    buf_add(&p->out, f->header, sizeof f->header);
    for (size_t i = 0; i < f->n; i++)
        put_frame(&p->out, &index, f->part[i].head, f->part[i].extra, f->part[i].payload);
    const size_t at = p->index = p->out.n;
    put_frame(
        &p->out, &none,
        (struct frame_head){
            .kind = TF_INDEX, .raw = (uint32_t)index.n, .items = (uint32_t)f->n, .number = (uint32_t)f->n},
        NULL, index.p);
    trailer_pack(trailer, at, f->n);
    p->trailer = p->out.n;
    buf_add(&p->out, trailer, sizeof trailer);
    buf_free(&index);
    buf_free(&none);
}

/* ---------------------------------------------------------------- asking */

/* By one job, or by three. */
static bool verifies(struct trace *t, bool in_parts)
{
    struct error err;
    struct replay_report report = {0};
    struct verified v = {0};
    const struct replay_options o = {.verify = true};
    const struct verify_job job = {.kind = &pc_kind, .jobs = 3};
    bool is = false;
    if (in_parts) {
        is = !verify_in_parts(&job, t, &v, &err) && v.outcome == VERIFY_EQUAL;
        verified_free(&v);
        return is;
    }
    struct replay *r = replay_open(t, &pc_kind, &err);
    if (r)
        is = !replay_all(r, &o, &report, &err) && report.verified;
    free(report.divergence);
    replay_close(r);
    return is;
}

/* Whether a search by index `x` can pass over a page, line or cell of which `good` says that it may have been touched. */
static bool page_hides(const struct touched *good, const struct touched *page)
{
    if (page->lines == UINT64_MAX && !page->cells)
        return false;
    return page->cells && good->cells ? !touched_within(good, page) : good->lines & ~page->lines;
}

static bool set_hides(const struct touched_set *good, const struct touched_set *set)
{
    for (unsigned k = 0; k < TOUCHES; k++)
        for (size_t i = 0, at = 0; i < good->n[k]; i++) {
            const struct touched *page = &good->page[k][i];
            while (at < set->n[k] &&
                   (set->page[k][at].linear != page->linear || set->page[k][at].physical != page->physical))
                at++;
            if (at == set->n[k] || page_hides(page, &set->page[k][at]))
                return true;
        }
    return false;
}

static bool index_hides(const struct touched_index *good, const struct touched_index *x)
{
    for (size_t i = 0; i < touched_parts(x); i++) {
        struct touched_set set, was;
        uint64_t begin, end;
        touched_part(x, i, &begin, &end, &set);
        const long part = touched_part_to(good, end);
        if (part < 0)
            return true;
        touched_part(good, (size_t)part, &begin, &end, &was);
        if (set_hides(&was, &set))
            return true;
    }
    return false;
}

struct flips {
    struct file f;
    struct touched_index *index; /* as it was */
    struct put put;
    char path[64];
    size_t every, tried, passed, wrong;
};

/* What a search would use of the file that was not refused. */
static bool hides(const struct flips *x, struct trace *t)
{
    struct error err;
    struct touched_index *index = touched_index_read(t, &err);
    assert_non_null(index);
    const bool is = x->index && index_hides(x->index, index);
    touched_index_free(index);
    return is;
}

/* Whether the reader or a verification refuses the file. What is not refused hides nothing from a search. */
static bool refused(struct flips *x, bool in_parts)
{
    struct error err;
    FILE *f = fopen(x->path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(x->put.out.p, 1, x->put.out.n, f), x->put.out.n);
    fclose(f);
    struct trace *t = trace_open(x->path, &err);
    bool is = !t || trace_truncated(t) || !verifies(t, in_parts);
    if (!is && hides(x, t)) {
        x->wrong++;
        printf("the next one%s hides something from searches\n", in_parts ? ", in parts," : "");
    }
    trace_close(t);
    return is;
}

/* ---------------------------------------------------------------- flipping */

enum where { IN_FIRST, IN_LAST, IN_NUMBER, IN_HEAD, IN_EXTRA, IN_PAYLOAD };
static const char *const where_names[] = {"first icount", "last icount", "first item",
                                          "head",         "extra",       "payload"};

/* Whether the byte is one of END's text, which follows the reason; both are shorter than 128 bytes, so their lengths are bytes. */
static bool in_end_text(const struct part *p, size_t at)
{
    const size_t text = 1u + p->payload[0];
    return at > text && at <= text + p->payload[text];
}

/* What may pass: see docs/trace-format.md. */
static bool may_pass(const struct part *p, enum where where, size_t at)
{
    const unsigned kind = p->head.kind;
    return (kind == TF_END && where == IN_PAYLOAD && in_end_text(p, at)) ||
           (kind == TF_CHUNKS && (where == IN_FIRST || where == IN_LAST)) ||
           (kind == TF_STREAM && where == IN_EXTRA) ||
           (where == IN_PAYLOAD &&
            (kind == TF_CONFIG || kind == TF_INPUT || kind == TF_NOTE || kind == TF_CHUNKS));
}

static void flip_one(struct flips *x, const struct part *p, enum where where, uint8_t *byte, size_t at)
{
    const uint8_t bit = (uint8_t)(1u << (at * 5 + at / 8) % 8);
    *byte ^= bit;
    put_together(&x->f, &x->put);
    const bool is = refused(x, false), looked = x->tried++ % 8 == 0 || p->head.kind == TF_NOTE,
               in_parts = looked ? refused(x, true) : is;
    x->passed += !is;
    if ((is != in_parts && p->head.kind != TF_NOTE) || (!is && !may_pass(p, where, at))) {
        x->wrong++;
        printf("%s, frame %u, %s, byte %zu: %s, in parts %s\n", trace_frame_kind_name(p->head.kind),
               p->head.number, where_names[where], at, is ? "refused" : "passed",
               in_parts ? "refused" : "passed");
    }
    *byte ^= bit;
}

static void flip_bytes(struct flips *x, const struct part *p, enum where where, uint8_t *bytes, size_t n,
                       size_t step)
{
    for (size_t at = 0; at < n; at += step)
        flip_one(x, p, where, bytes + at, at);
}

/* Of the head, what is not derived from the rest: positions, numbers and counts. */
static void flip_head(struct flips *x, struct part *p)
{
    struct frame_head *h = &p->head;
    const size_t step = x->every > 1 ? 5 : 1;
    flip_bytes(x, p, IN_FIRST, (uint8_t *)&h->first_icount, 8, step);
    flip_bytes(x, p, IN_LAST, (uint8_t *)&h->last_icount, 8, step);
    flip_bytes(x, p, IN_NUMBER, (uint8_t *)&h->first, 8, step);
    flip_bytes(x, p, IN_HEAD, (uint8_t *)&h->items, 4, step);
    flip_bytes(x, p, IN_HEAD, (uint8_t *)&h->number, 4, step);
    flip_bytes(x, p, IN_HEAD, &h->kind, 1, 1);
}

/* The checksums of what was flipped. */
static void index_mend(struct flips *x)
{
    struct put *p = &x->put;
    const uint32_t n = (uint32_t)(p->trailer - p->index - FRAME_HEAD_SIZE - FRAME_HASH_SIZE);
    struct buf out = {0}, none = {0};
    put_frame(&out, &none,
              (struct frame_head){
                  .kind = TF_INDEX, .raw = n, .items = (uint32_t)x->f.n, .number = (uint32_t)x->f.n},
              NULL, p->out.p + p->index + FRAME_HEAD_SIZE + FRAME_HASH_SIZE);
    memcpy(p->out.p + p->index, out.p, out.n);
    buf_free(&out);
    buf_free(&none);
}

static void trailer_mend(struct flips *x)
{
    uint8_t *t = x->put.out.p + x->put.trailer;
    const uint64_t sum = XXH3_64bits(t, TRAILER_SIZE - 8);
    memcpy(t + TRAILER_SIZE - 8, &sum, 8);
}

static void flip_parts(struct flips *x)
{
    for (size_t i = 0; i < x->f.n; i++) {
        struct part *p = &x->f.part[i];
        flip_head(x, p);
        flip_bytes(x, p, IN_EXTRA, p->extra, p->head.extra, 1);
        flip_bytes(x, p, IN_PAYLOAD, p->payload, p->head.raw, x->every);
    }
}

/* The index and the trailer, which the rest is no longer written to agree with: they are a copy, so any flip is refused. */
static void flip_ends(struct flips *x)
{
    put_together(&x->f, &x->put);
    const size_t first = x->put.index + FRAME_HEAD_SIZE + FRAME_HASH_SIZE,
                 end = x->put.out.n - FRAME_HASH_SIZE, step = x->every > 1 ? 7 : 1;
    for (size_t at = first; at < end; at += step) {
        x->put.out.p[at] ^= 1;
        x->tried++;
        if (at >= x->put.trailer)
            trailer_mend(x);
        else
            index_mend(x);
        if (!refused(x, false)) {
            x->wrong++;
            printf("index or trailer, byte %zu: passed\n", at);
        }
        put_together(&x->f, &x->put);
    }
}

static struct touched_index *index_of(const char *trace)
{
    struct error err;
    struct trace *t = trace_open(trace, &err);
    assert_non_null(t);
    struct touched_index *index = touched_index_read(t, &err);
    assert_non_null(index);
    trace_close(t);
    return index;
}

static void flip_all(const char *trace, size_t every)
{
    struct flips x = {.f = take_apart(trace), .every = every};
    snprintf(x.path, sizeof x.path, "/tmp/bootreel-flips-%ld", (long)getpid());
    put_together(&x.f, &x.put);
    assert_false(refused(&x, false));
    x.index = index_of(trace);
    flip_parts(&x);
    flip_ends(&x);
    print_message("%s: %zu bits flipped, %zu of them not noticed\n", trace, x.tried, x.passed);
    assert_int_equal(x.wrong, 0);
    unlink(x.path);
    touched_index_free(x.index);
    file_free(&x.f);
    buf_free(&x.put.out);
}

static void test_flips(void **state)
{
    flip_all("tests/golden/behaviour-15-frames.reel", 997);
    flip_all("tests/golden/behaviour-15-turns.reel", 1999);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_flips)};
    size_t every = 1;
    if (argc == 1)
        return cmocka_run_group_tests(tests, NULL, NULL);
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-')
            every = strtoul(argv[i] + 1, NULL, 10);
        else
            flip_all(argv[i], every ? every : 1);
    }
    return 0;
}
