/* test_trace_pages.c - pages of machine states in a trace: as changes of others, made of image content, and
 * in files where these references lead nowhere.
 */
#include "tests/unit/trace_sample.h"

#include <sys/resource.h>
#include <xxhash.h>

#include "base/byte_order.h"
#include "base/memory.h"
#include "traces/page_code.h"
#include "traces/page_store.h"
#include "traces/pagemap.h"

/* ---------------------------------------------------------------- a memory that changes */

enum { PAGES = 600, STATES = 24, MOVE = 64 };

struct memory {
    uint8_t page[PAGES][TRACE_PAGE];
    bool have[PAGES];
};

static void fill_random(uint8_t *p, size_t n, uint64_t *seed)
{
    for (size_t i = 0; i + 8 <= n; i += 8)
        put_le64(p + i, rnd(seed) * 0x9e3779b97f4a7c15u);
}

/* The same text at random places: what a relocation does to code. */
static void relocate(uint8_t *p, uint64_t *seed)
{
    for (size_t i = rnd(seed) % 64; i + 4 < TRACE_PAGE; i += 16 + rnd(seed) % 64)
        put_le32(p + i, le32(p + i) + 0x1200000);
}

static void memory_step(struct memory *m, unsigned k, uint64_t *seed)
{
    for (unsigned i = 0; i < PAGES; i++) {
        switch (k ? rnd(seed) % 6 : 0) {
        case 0:
            m->have[i] = true;
            m->page[i][rnd(seed) % TRACE_PAGE] ^= (uint8_t)rnd(seed);
            break;
        case 1:
            relocate(m->page[i], seed);
            break;
        case 2:
            memset(m->page[i], 0, k % 5 ? 8 : TRACE_PAGE);
            break;
        case 3:
            m->have[i] = m->have[i] && k % 4 != 3;
        }
    }
    if (k % 6 == 5) /* all of it elsewhere, and changed on the way */
        for (unsigned i = 0; i + MOVE < PAGES; i++) {
            memcpy(m->page[i], m->page[i + MOVE], TRACE_PAGE);
            if (i % 3)
                relocate(m->page[i], seed);
        }
}

static struct memory *memory_first(void)
{
    struct memory *m = mem_zero(1, sizeof *m);
    uint64_t seed = 11;
    for (unsigned i = 0; i < PAGES; i++)
        fill_random(m->page[i], i % 7 ? TRACE_PAGE : 0, &seed);
    return m;
}

static struct memory *memory_at(unsigned k)
{
    struct memory *m = memory_first();
    uint64_t seed = 5;
    for (unsigned i = 0; i <= k; i++)
        memory_step(m, i, &seed);
    return m;
}

static void write_pages(struct trace_writer *w, unsigned k, const struct memory *m)
{
    assert_int_equal(trace_checkpoint_begin(w, k, k, true, NULL), 0);
    for (unsigned i = 0; i < PAGES; i++)
        if (m->have[i])
            trace_checkpoint_page(w, "ram", i, m->page[i]);
    assert_int_equal(trace_checkpoint_end(w, 1, NULL), 0);
}

static struct bytes memory_trace(void)
{
    char *path = temp_path("memory");
    struct trace_writer *w = trace_writer_create(path, &sample_config, NULL);
    struct memory *m = memory_first();
    uint64_t seed = 5;
    for (unsigned k = 0; k < STATES; k++) {
        memory_step(m, k, &seed);
        write_pages(w, k, m);
    }
    assert_int_equal(trace_writer_finish(w, &sample_end, NULL), 0);
    struct bytes b = slurp(path);
    unlink(path);
    free(path);
    free(m);
    return b;
}

static int compare_page(void *ctx, uint64_t index, const void *data)
{
    struct memory *m = ctx;
    assert_true(index < PAGES && m->have[index]);
    assert_memory_equal(m->page[index], data, TRACE_PAGE);
    m->have[index] = false;
    return 0;
}

static void compare_memory(struct trace *t, unsigned k)
{
    uint8_t page[TRACE_PAGE];
    struct memory *m = memory_at(k);
    struct trace_state *s = trace_checkpoint_load(t, k, NULL);
    assert_non_null(s);
    for (unsigned i = 0; i < PAGES; i += 5) {
        assert_int_equal(trace_state_page(s, "ram", i, page, NULL), m->have[i]);
        if (m->have[i])
            assert_memory_equal(m->page[i], page, TRACE_PAGE);
    }
    assert_int_equal(trace_state_pages(s, "ram", compare_page, m, NULL), 0);
    for (unsigned i = 0; i < PAGES; i++)
        assert_false(m->have[i]);
    trace_state_free(s);
    free(m);
}

static uint64_t stored_bytes(struct trace *t, enum trace_frame_kind kind)
{
    uint64_t n = 0;
    for (size_t i = 0; i < trace_frame_count(t); i++)
        if (trace_frame(t, i)->kind == kind)
            n += trace_frame(t, i)->stored;
    return n;
}

static void test_changes(void **state)
{
    struct bytes b = memory_trace();
    struct trace *t = open_good(b);
    assert_int_equal(trace_checkpoint_count(t), STATES);
    for (unsigned k = STATES; k-- > 0;)
        compare_memory(t, k);
    for (unsigned k = 0; k < STATES; k += 7)
        compare_memory(t, k);
    assert_int_equal(trace_check(t, NULL), 0);
    uint64_t n = stored_bytes(t, TF_PAGES), once = PAGES * TRACE_PAGE;
    print_message("    %d states of %.2f MB of noise take %.2f MB\n", STATES, (double)once / 1e6,
                  (double)n / 1e6);
    assert_true(n < 3 * once);
    trace_close(t);
    free(b.p);
}

static void test_changes_deterministic(void **state)
{
    struct bytes a = memory_trace(), b = memory_trace();
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.p, b.p, a.n);
    free(a.p);
    free(b.p);
}

/* Cut at every frame: what is there is right. */
static void test_changes_cut(void **state)
{
    struct bytes b = memory_trace();
    struct trace *whole = open_good(b);
    for (size_t i = 1; i < trace_frame_count(whole); i += 3) {
        uint64_t n = trace_frame(whole, i)->offset + 100;
        struct bytes cut = {mem_alloc(n), n};
        memcpy(cut.p, b.p, n);
        struct trace *t = open_good(cut);
        assert_true(trace_truncated(t));
        assert_int_equal(trace_check(t, NULL), 0);
        if (trace_checkpoint_count(t))
            compare_memory(t, (unsigned)trace_checkpoint_count(t) - 1);
        trace_close(t);
        free(cut.p);
    }
    trace_close(whole);
    free(b.p);
}

/* ---------------------------------------------------------------- more pages than the writer keeps */

static void large_page(uint8_t *page, uint64_t i, unsigned k)
{
    memset(page, 'x', TRACE_PAGE);
    put_le64(page + 64, i * 0x9e3779b97f4a7c15u);
    put_le64(page + 2048, k);
}

/* State k, of which the pages from `from` on are given. */
static void write_large(struct trace_writer *w, unsigned k, uint64_t from, uint64_t n)
{
    uint8_t page[TRACE_PAGE];
    assert_int_equal(trace_checkpoint_begin(w, k, k, !k, NULL), 0);
    for (uint64_t i = from; i < n; i++) {
        large_page(page, i, k);
        trace_checkpoint_page(w, "ram", i, page);
    }
    assert_int_equal(trace_checkpoint_end(w, 1, NULL), 0);
}

static void test_more_than_kept(void **state)
{
    enum { MANY = PAGE_STORE_PAGES + 3000 };
    char *path = temp_path("many");
    uint8_t page[TRACE_PAGE], want[TRACE_PAGE];
    struct trace_writer *w = trace_writer_create(path, &sample_config, NULL);
    for (unsigned k = 0; k < 3; k++)
        write_large(w, k, k == 2 ? MANY - 2000 : 0, MANY);
    assert_int_equal(trace_writer_finish(w, &sample_end, NULL), 0);
    struct trace *t = trace_open(path, NULL);
    assert_non_null(t);
    for (unsigned k = 3; k-- > 0;) {
        struct trace_state *s = trace_checkpoint_load(t, k, NULL);
        for (uint64_t i = 0; i < MANY; i += 97) {
            large_page(want, i, k == 2 && i < MANY - 2000 ? 1 : k);
            assert_int_equal(trace_state_page(s, "ram", i, page, NULL), 1);
            assert_memory_equal(want, page, TRACE_PAGE);
        }
        trace_state_free(s);
    }
    trace_close(t);
    unlink(path);
    free(path);
}

/* How many bytes the pages take before they are packed. */
static uint64_t page_bytes(const char *path)
{
    struct trace *t = trace_open(path, NULL);
    uint64_t n = 0;
    assert_non_null(t);
    for (size_t i = 0; i < trace_frame_count(t); i++) {
        const struct trace_frame *f = trace_frame(t, i);
        n += f->kind == TF_PAGES ? f->raw : 0;
    }
    trace_close(t);
    return n;
}

/* More pages than the writer keeps change from state to state, always in the same order: most are still stored as changes. */
static void test_crowded(void **state)
{
    enum { MANY = PAGE_STORE_PAGES + 3000, FEW = 8 };
    char *path = temp_path("crowded");
    struct trace_writer *w = trace_writer_create(path, &sample_config, NULL);
    for (unsigned k = 0; k < FEW; k++)
        write_large(w, k, 0, MANY);
    assert_int_equal(trace_writer_finish(w, &sample_end, NULL), 0);
    assert_in_range(page_bytes(path), 0, (uint64_t)FEW * MANY * TRACE_PAGE * 6 / 10);
    unlink(path);
    free(path);
}

static void test_store(void **state)
{
    struct page_store *s = page_store_new();
    uint8_t page[TRACE_PAGE] = {0};
    unsigned depth = 0;
    assert_null(page_store_get(s, 0, &depth));
    for (uint32_t i = 0; i < PAGE_STORE_PAGES; i++) {
        put_le32(page, i);
        page_store_put(s, i, i % DELTA_DEPTH, page);
    }
    assert_int_equal(le32(page_store_get(s, 0, &depth)), 0); /* 1 is the oldest now */
    page_store_put(s, PAGE_STORE_PAGES, 0, page);
    assert_null(page_store_get(s, 1, &depth));
    assert_int_equal(le32(page_store_get(s, 2, &depth)), 2);
    assert_int_equal(depth, 2);
    page_store_retire(s, 77);
    page_store_retire(s, 1); /* not there */
    page_store_put(s, PAGE_STORE_PAGES + 1, 0, page);
    assert_null(page_store_get(s, 77, &depth));
    assert_non_null(page_store_get(s, 3, &depth));
    page_store_free(s);
    page_store_free(NULL);
}

/* ---------------------------------------------------------------- image content */

enum { DISK_CHUNKS = 6, SHORT = 3000 };

static uint8_t disk[DISK_CHUNKS * TRACE_CHUNK + SHORT];

struct image_page {
    size_t offset; /* in the disk */
    size_t before; /* bytes of something else before it */
    size_t zeros;  /* at the end */
    size_t room;   /* bytes that it may take in the frame, unpacked */
};

static const struct image_page image_pages[] = {
    {0, 0, 0, 12},
    {4096, 0, 0, 12},
    {3 * 512, 0, 0, 12},                    /* aligned to sectors */
    {TRACE_CHUNK - 1024, 0, 0, 16},         /* in two chunks */
    {3 * TRACE_CHUNK - 512, 0, 0, 16},      /* the second of which has the content of the first */
    {2 * TRACE_CHUNK + 4096, 0, 1024, 16},  /* the end of a file */
    {512, 0, 3 * 1024 + 512, 16},           /* one sector of it */
    {5 * TRACE_CHUNK, 16, 0, 600},          /* behind a header */
    {5 * TRACE_CHUNK + 4080, 0, 0, 600},    /* and so on */
    {TRACE_CHUNK + 9 * 512 + 7, 0, 0, 600}, /* anywhere */
    {6 * TRACE_CHUNK - 2048, 0, 2048, 16},
    {sizeof disk - 4096, 0, 0, 4200}, /* the last bytes of the disk are no sector */
};

static void image_page(uint8_t *page, const struct image_page *p)
{
    memset(page, 0, TRACE_PAGE);
    memset(page, 0xa5, p->before);
    memcpy(page + p->before, disk + p->offset, TRACE_PAGE - p->before - p->zeros);
}

/* A trace that has the disk. */
static struct trace_writer *disk_writer(const char *path)
{
    struct trace_image im = {.role = "disk0", .name = "x", .size = sizeof disk};
    struct trace_config cfg = {.engine = "pc", .images = &im, .nimages = 1, .classes = EVENT_CLASSES_ALL};
    struct trace_writer *w = trace_writer_create(path, &cfg, NULL);
    for (unsigned c = 0; c <= DISK_CHUNKS; c++)
        assert_int_equal(
            trace_write_chunk(w, 0, c, disk + c * TRACE_CHUNK, chunk_length(sizeof disk, c), NULL), 0);
    return w;
}

static struct bytes image_trace(void)
{
    char *path = temp_path("imagepages");
    uint64_t seed = 99;
    uint8_t page[TRACE_PAGE];
    fill_random(disk, sizeof disk, &seed);
    memcpy(disk + 3 * TRACE_CHUNK, disk, TRACE_CHUNK);
    memset(disk + 2 * TRACE_CHUNK + 8 * 512, 0, 512);
    struct trace_writer *w = disk_writer(path);
    for (size_t k = 0; k < sizeof image_pages / sizeof image_pages[0]; k++) {
        image_page(page, &image_pages[k]);
        assert_int_equal(trace_checkpoint_begin(w, k, k, !k, NULL), 0);
        trace_checkpoint_page(w, "ram", 1000 - 3 * k, page);
        assert_int_equal(trace_checkpoint_end(w, 1, NULL), 0);
    }
    assert_int_equal(trace_writer_finish(w, &sample_end, NULL), 0);
    struct bytes b = slurp(path);
    unlink(path);
    free(path);
    return b;
}

static void test_images(void **state)
{
    struct bytes b = image_trace();
    struct trace *t = open_good(b);
    uint8_t page[TRACE_PAGE], want[TRACE_PAGE];
    size_t n = sizeof image_pages / sizeof image_pages[0], k = 0;
    struct trace_state *s = trace_checkpoint_load(t, n - 1, NULL);
    for (size_t i = 0; i < n; i++) {
        image_page(want, &image_pages[i]);
        assert_int_equal(trace_state_page(s, "ram", 1000 - 3 * i, page, NULL), 1);
        assert_memory_equal(want, page, TRACE_PAGE);
    }
    trace_state_free(s);
    for (size_t i = 0; i < trace_frame_count(t); i++) {
        if (trace_frame(t, i)->kind != TF_PAGES)
            continue;
        if (trace_frame(t, i)->raw > image_pages[k].room)
            fail_msg("image page %zu takes %u bytes", k, trace_frame(t, i)->raw);
        k++;
    }
    assert_int_equal(k, n);
    assert_int_equal(trace_check(t, NULL), 0);
    trace_close(t);
    free(b.p);
}

/* After many pages that are in no image, few are looked for; but of a file that is loaded then, nearly all are found. */
static void test_images_after_others(void **state)
{
    enum { OTHERS = 200, LOADED = 64, LATE = 8, ROOM_FULL = 4200, ROOM_PARTS = 600 };
    char *path = temp_path("imagelate");
    uint64_t seed = 7;
    uint8_t page[TRACE_PAGE];
    fill_random(disk, sizeof disk, &seed);
    struct trace_writer *w = disk_writer(path);
    assert_int_equal(trace_checkpoint_begin(w, 0, 0, true, NULL), 0);
    for (unsigned i = 0; i < OTHERS + LOADED; i++) {
        fill_random(page, sizeof page, &seed);
        if (i >= OTHERS)
            memcpy(page, disk + 9 * 512 + 7 + (i - OTHERS) * TRACE_PAGE, TRACE_PAGE);
        trace_checkpoint_page(w, "ram", i, page);
    }
    assert_int_equal(trace_checkpoint_end(w, 1, NULL), 0);
    assert_int_equal(trace_writer_finish(w, &sample_end, NULL), 0);
    struct bytes b = slurp(path);
    struct trace *t = open_good(b);
    uint64_t raw = 0;
    for (size_t i = 0; i < trace_frame_count(t); i++)
        raw += trace_frame(t, i)->kind == TF_PAGES ? trace_frame(t, i)->raw : 0;
    assert_in_range(raw, OTHERS * TRACE_PAGE, (OTHERS + LATE) * ROOM_FULL + (LOADED - LATE) * ROOM_PARTS);
    assert_int_equal(trace_check(t, NULL), 0);
    trace_close(t);
    free(b.p);
    unlink(path);
    free(path);
}

/* ---------------------------------------------------------------- references that lead nowhere */

/* A trace put together by hand. */
struct craft {
    struct buf file;
    uint32_t number;
    uint64_t first[TF_KINDS];
};

static void craft_frame(struct craft *c, uint8_t kind, uint32_t items, const struct buf *extra,
                        const struct buf *payload)
{
    uint64_t hash = XXH3_64bits(payload->p, payload->n);
    struct frame_head h = {.kind = kind,
                           .extra = (uint16_t)extra->n,
                           .stored = (uint32_t)payload->n,
                           .raw = (uint32_t)payload->n,
                           .first = c->first[kind],
                           .items = items,
                           .number = c->number++,
                           .raw_hash = hash,
                           .stored_hash = hash};
    c->first[kind] += items;
    frame_head_pack(&c->file, &h, extra->p);
    buf_add(&c->file, payload->p, payload->n);
}

/* File header and configuration of the sample, whose images are 0: 3 chunks and 1000 bytes, 1: 8 chunks. */
static struct craft craft_new(void)
{
    struct craft c = {.number = 1};
    struct bytes b = sample_trace("craft", 40);
    struct trace *t = open_good(b);
    buf_add(&c.file, b.p, FILE_HEADER_SIZE + trace_frame(t, 0)->stored);
    trace_close(t);
    free(b.p);
    return c;
}

static void craft_chunk(struct craft *c, unsigned image, unsigned chunk, unsigned content, size_t n)
{
    struct buf extra = {0}, payload = {0};
    buf_varint(&extra, image);
    buf_varint(&extra, chunk);
    buf_varint(&extra, content);
    for (size_t i = 0; i < n; i++)
        buf_u8(&payload, (uint8_t)(i / 512 + 1));
    craft_frame(c, TF_CHUNKS, 1, &extra, &payload);
    buf_free(&extra);
    buf_free(&payload);
}

/* A frame of pages from its code and data. */
static void craft_pages(struct craft *c, uint32_t items, const void *code, size_t ncode, size_t ndata)
{
    struct buf extra = {0}, payload = {0};
    buf_bytes(&payload, code, ncode);
    for (size_t i = 0; i < ndata; i++)
        buf_u8(&payload, 'd');
    craft_frame(c, TF_PAGES, items, &extra, &payload);
    buf_free(&payload);
}

/* A state in which ram has all pages. */
static void craft_checkpoint(struct craft *c)
{
    struct buf extra = {0}, payload = {0};
    struct pagemap map = {0};
    for (uint32_t i = 0; i < c->first[TF_PAGES]; i++)
        pagemap_add(&map, i, i + PAGE_STORED);
    buf_varint(&payload, 0);
    buf_varint(&payload, 1);
    buf_string(&payload, "ram");
    pagemap_encode(&payload, &map);
    buf_u64(&extra, 0);
    buf_u64(&extra, 1);
    buf_varint(&extra, 0);
    craft_frame(c, TF_CHECKPOINT, 1, &extra, &payload);
    buf_free(&extra);
    buf_free(&payload);
    pagemap_free(&map);
}

static int count_page(void *ctx, uint64_t index, const void *data)
{
    ++*(unsigned *)ctx;
    return 0;
}

/* Reads all pages of the state. NULL: all good, else what is expected to be wrong; and then trace_check
 * finds it too. */
static void craft_read(struct craft *c, const char *expect)
{
    struct error err = {""};
    unsigned n = 0;
    craft_checkpoint(c);
    struct trace *t = open_good((struct bytes){c->file.p, c->file.n});
    if (trace_checkpoint_count(t) != 1)
        fail_msg("%s", trace_damage(t));
    struct trace_state *s = trace_checkpoint_load(t, 0, &err);
    assert_non_null(s);
    int result = trace_state_pages(s, "ram", count_page, &n, &err);
    if (result != (expect ? -1 : 0) || (expect && !strstr(err.text, expect)))
        fail_msg("expected '%s': result %d, '%s'", expect, result, err.text);
    assert_true(!expect || strstr(err.text, "(pages) at offset"));
    assert_int_equal(trace_check(t, NULL), expect ? -1 : 0);
    trace_state_free(s);
    trace_close(t);
    buf_free(&c->file);
}

#define CODE(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})

/* Heads of items. */
enum { FULL = PAGE_FULL, CHANGES = 4, PARTS = 4 };
#define DELTA(runs) ((runs)*CHANGES | PAGE_DELTA)
#define MADE(parts) ((parts)*PARTS | PAGE_PARTS)
/* The length and kind of a part, as a varint of two bytes. */
#define PART(kind, n) (uint8_t)(((n)-1) << 2 | (kind) | 0x80), (uint8_t)(((n)-1) >> 5)

static void one_frame(const char *expect, uint32_t items, const uint8_t *code, size_t ncode, size_t ndata)
{
    struct craft c = craft_new();
    craft_pages(&c, items, code, ncode, ndata);
    craft_read(&c, expect);
}

/* Page 0 as it is; each page after it changes the one before, in frames of two pages. */
static void chain(unsigned length, const char *expect)
{
    struct craft c = craft_new();
    uint8_t code[] = {DELTA(1), 0, 9, 0, DELTA(1), 0, 1, 0};
    craft_pages(&c, 1, CODE(FULL), TRACE_PAGE);
    for (unsigned i = 1; i <= length; i += 2) {
        code[1] = (uint8_t)(2 * (i - 1)); /* zigzag */
        craft_pages(&c, 2, code, sizeof code, 2);
    }
    craft_read(&c, expect);
}

static void test_damaged_changes(void **state)
{
    one_frame(NULL, 2, CODE(FULL, DELTA(0), 0), TRACE_PAGE);
    one_frame(NULL, 2, CODE(FULL, DELTA(1), 0, 10, 20), TRACE_PAGE + 21);
    one_frame(NULL, 2, CODE(FULL, DELTA(1), 0, 0, 0xff, 0x1f), 2 * TRACE_PAGE);
    chain(DELTA_DEPTH, NULL);
    chain(DELTA_DEPTH + 2, "a page is a change of too many others");
    one_frame("a page is a change of a later one", 1, CODE(DELTA(0), 0), 0); /* itself */
    one_frame("a page is a change of a later one", 2, CODE(FULL, DELTA(0), 2), TRACE_PAGE);
    one_frame("a page is a change of a later one", 2, CODE(DELTA(0), 2, FULL), TRACE_PAGE); /* circle */
    one_frame("a page is a change of a later one", 2, CODE(FULL, DELTA(0), 1), TRACE_PAGE); /* -1 */
    one_frame("a change is outside of its page", 2, CODE(FULL, DELTA(1), 0, 1, 0xff, 0x1f), 2 * TRACE_PAGE);
    one_frame("a change is outside of its page", 2, CODE(FULL, DELTA(1), 0, 0x80, 0x20, 0), TRACE_PAGE + 1);
    one_frame("a change is outside of its page", 2, CODE(FULL, DELTA(2), 0, 1, 1), TRACE_PAGE + 2);
    one_frame("its items do not add up", 2, CODE(FULL, DELTA(1), 0, 10, 20), TRACE_PAGE + 20);
    one_frame("its items do not add up", 2, CODE(FULL, DELTA(1), 0, 10, 20), TRACE_PAGE + 22);
    one_frame("its items do not add up", 1, CODE(FULL), TRACE_PAGE - 1);
    one_frame("its items do not add up", 1, CODE(FULL, FULL), TRACE_PAGE);
    one_frame("its items do not add up", 2, CODE(FULL), 2 * TRACE_PAGE);
    one_frame("its items do not add up", 1, CODE(FULL | 4), TRACE_PAGE);
    one_frame("its items do not add up", 1, CODE(3), TRACE_PAGE);
    one_frame("its items do not add up", 1, CODE(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), 0);
}

static void test_damaged_parts(void **state)
{
    one_frame(NULL, 1, CODE(MADE(1), PART(PART_ZERO, TRACE_PAGE)), 0);
    one_frame(NULL, 1, CODE(MADE(2), PART(PART_LITERAL, 96), PART(PART_ZERO, 4000)), 96);
    one_frame("its items do not add up", 1, CODE(MADE(2), PART(PART_LITERAL, 96), PART(PART_ZERO, 4000)), 95);
    one_frame("a page's parts do not add up", 1, CODE(MADE(0)), 0);
    one_frame("a page's parts do not add up", 1, CODE(MADE(1), PART(PART_ZERO, 4095)), 0);
    one_frame("a page's parts do not add up", 1, CODE(MADE(2), PART(PART_ZERO, 4096), 1), 0);
    one_frame("a page's parts do not add up", 1, CODE(MADE(1), PART(3, 4096)), 0);
    one_frame("a page's parts do not add up", 1, CODE(MADE(1), 0x80, 0x80, 1), 0);
    one_frame("a page's parts do not add up", 1, CODE(MADE(1)), 0);
    one_frame("a page's parts do not add up", 1, CODE(MADE(1), PART(PART_IMAGE, 4096)), 0);
    one_frame("a page's parts do not add up", 1,
              CODE(MADE(17), 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, PART(PART_ZERO, 4080)), 0);
    one_frame("image content that is not before it", 1, CODE(MADE(1), PART(PART_IMAGE, 4096), 0), 0);
    one_frame("image content that is not before it", 1, CODE(MADE(1), PART(PART_IMAGE, 4096), 1), 0);
}

/* A page that begins with n bytes of `place`, after contents of 65536 and 1000 bytes and before another. */
static void image_craft(const char *expect, uint64_t place, unsigned n)
{
    struct craft c = craft_new();
    struct buf code = {0};
    buf_varint(&code, MADE(1 + (n < TRACE_PAGE)));
    buf_varint(&code, (n - 1) << 2 | PART_IMAGE);
    buf_varint(&code, zigzag(place));
    if (n < TRACE_PAGE)
        buf_varint(&code, (TRACE_PAGE - n - 1) << 2 | PART_ZERO);
    craft_chunk(&c, 1, 0, 0, TRACE_CHUNK);
    craft_chunk(&c, 0, 3, 1, 1000);
    craft_pages(&c, 1, code.p, code.n, 0);
    craft_chunk(&c, 1, 1, 2, TRACE_CHUNK);
    buf_free(&code);
    craft_read(&c, expect);
}

static void test_damaged_images(void **state)
{
    static const char missing[] = "image content that is not before it";
    image_craft(NULL, 0, TRACE_PAGE);
    image_craft(NULL, 77, TRACE_PAGE);
    image_craft(NULL, TRACE_CHUNK - TRACE_PAGE, TRACE_PAGE);
    image_craft(NULL, TRACE_CHUNK - TRACE_PAGE + 1000, TRACE_PAGE);
    image_craft(missing, TRACE_CHUNK - TRACE_PAGE + 1001, TRACE_PAGE);
    image_craft(NULL, TRACE_CHUNK, 1000);
    image_craft(missing, TRACE_CHUNK, 1001);
    image_craft(missing, TRACE_CHUNK + 1000, 1);
    image_craft(missing, 2 * TRACE_CHUNK, TRACE_PAGE); /* that comes later */
    image_craft(missing, 3 * TRACE_CHUNK, 1);
    image_craft(missing, UINT64_MAX, 2);
    image_craft(missing, UINT64_MAX / 2, TRACE_PAGE);
}

/* Many pages from few bytes: refused, or read with no more memory than a few frames. */
static void test_bombs(void **state)
{
    struct error err;
    struct craft c = craft_new();
    struct buf code = {0};
    for (unsigned i = 0; i < PAGES_CUT_ITEMS + 1; i++) {
        buf_varint(&code, MADE(1));
        buf_varint(&code, (TRACE_PAGE - 1) << 2 | PART_ZERO);
    }
    craft_pages(&c, PAGES_CUT_ITEMS + 1, code.p, code.n, 0);
    assert_null(trace_open_memory(c.file.p, c.file.n, &err));
    assert_non_null(strstr(err.text, "more pages than it has room for"));
    buf_free(&c.file);
    c = craft_new();
    craft_pages(&c, 100, CODE(MADE(1), 0), 0);
    assert_null(trace_open_memory(c.file.p, c.file.n, &err));
    buf_free(&c.file);
    c = craft_new();
    for (unsigned i = 0; i < 20; i++)
        craft_pages(&c, PAGES_CUT_ITEMS, code.p, code.n - code.n / (PAGES_CUT_ITEMS + 1), 0);
    craft_read(&c, NULL);
    buf_free(&code);
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    print_message("    at most %ld MB\n", use.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged_changes), cmocka_unit_test(test_damaged_parts),
        cmocka_unit_test(test_damaged_images),  cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_changes),         cmocka_unit_test(test_changes_deterministic),
        cmocka_unit_test(test_changes_cut),     cmocka_unit_test(test_crowded),
        cmocka_unit_test(test_store),           cmocka_unit_test(test_more_than_kept),
        cmocka_unit_test(test_images),          cmocka_unit_test(test_images_after_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
