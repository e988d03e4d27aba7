/* fuzz_trace.c - opens arbitrary bytes as a trace and reads everything in it.
 *
 * Checksums would keep a fuzzer out of all but the outermost code. So each input is read twice: as it is, and
 * with its checksums, lengths and running numbers put right, which leaves the contents as the fuzzer made
 * them. Seeds: test_trace --seeds DIR (tests/unit).
 */
#include <xxhash.h>

#include "base/byte_order.h"
#include "traces/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Enough for the inputs; a large file is only more of the same. */
enum { MAX_INPUT = 1 << 20, MAX_WALK = 20000 };

static int put_page(void *ctx, uint64_t index, const void *data)
{
    uint64_t *left = ctx;
    volatile uint8_t last = ((const uint8_t *)data)[TRACE_PAGE - 1];
    (void)last;
    return !--*left;
}

static void walk_state(struct trace *t, size_t k)
{
    struct trace_state *s = trace_checkpoint_load(t, k, NULL);
    if (!s)
        return;
    uint64_t left = MAX_WALK, sum = 0;
    for (size_t i = 0; i < trace_state_sections(s); i++) {
        const struct trace_section *sec = trace_state_section(s, i);
        uint64_t len = 0;
        for (size_t f = 0; f < sec->nfields; f++)
            len += (uint64_t)sec->fields[f].width * sec->fields[f].count;
        if (len != sec->len)
            abort();
        for (size_t b = 0; b < sec->len; b++)
            sum += ((const uint8_t *)sec->data)[b];
    }
    for (size_t i = 0; i < trace_state_regions(s); i++) {
        uint8_t page[TRACE_PAGE];
        trace_state_pages(s, trace_state_region_name(s, i), put_page, &left, NULL);
        trace_state_page(s, trace_state_region_name(s, i), sum % 16, page, NULL);
    }
    trace_state_free(s);
}

static void walk_events(struct trace *t)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASSES_ALL);
    struct trace_cursor *some = trace_cursor_open(t, EVENT_CLASS_BIT(EC_CONSOLE) | EVENT_CLASS_BIT(EC_PIO));
    struct trace_verifier *v = trace_verifier_open(t, NULL);
    struct event ev;
    struct trace_difference diff;
    uint64_t number, last = 0, n = 0;
    char text[200];
    bool same = true;
    while (n < MAX_WALK && trace_cursor_next(c, &ev, &number, NULL) == 1) {
        if (number != n++ || ev.icount < last)
            abort();
        last = ev.icount;
        event_text(&ev, text, sizeof text);
        same = same && v && !trace_verifier_event(v, &ev, &diff, NULL);
    }
    if (v && same)
        trace_verifier_finish(v, last, &diff, NULL);
    while (trace_cursor_prev(c, &ev, &number, NULL) == 1)
        if (number != --n)
            abort();
    trace_cursor_seek_icount(some, last / 2, NULL);
    trace_cursor_next(some, &ev, NULL, NULL);
    trace_cursor_seek_nth(some, 3, NULL);
    trace_cursor_prev(some, &ev, NULL, NULL);
    trace_verifier_close(v);
    trace_cursor_close(c);
    trace_cursor_close(some);
}

static void walk_images(struct trace *t)
{
    static uint8_t buf[TRACE_CHUNK];
    for (unsigned i = 0; i < trace_config(t)->nimages; i++) {
        uint64_t size = trace_config(t)->images[i].size;
        for (uint64_t c = 0; c < chunk_count(size) && c < 64; c++)
            trace_image_read(t, i, c * TRACE_CHUNK, buf, chunk_length(size, c), NULL);
        trace_image_read(t, i, size / 2, buf, size < 100 ? 1 : 100, NULL);
    }
}

static void walk(const uint8_t *data, size_t size)
{
    struct error err;
    struct trace *t = trace_open_memory(data, size, &err);
    if (!t)
        return;
    struct input in;
    struct trace_note note;
    walk_events(t);
    walk_images(t);
    for (uint64_t i = 0; i < trace_input_count(t) && i < MAX_WALK; i++)
        trace_input(t, i, &in, NULL);
    for (uint64_t i = 0; i < trace_note_count(t) && i < MAX_WALK; i++)
        trace_note(t, i, &note, NULL);
    for (size_t k = trace_checkpoint_count(t); k-- > 0;)
        if (k < 20)
            walk_state(t, k);
    trace_check(t, NULL);
    trace_close(t);
}

/* Puts one frame right; returns where the next begins. */
static size_t repair_frame(uint8_t *p, size_t left, uint32_t number, uint64_t *first)
{
    struct frame_head h = {
        .kind = (uint8_t)(p[4] % TF_KINDS),
        .packing = p[5] % 2,
        .extra = le16(p + 6),
        .stored = le32(p + 8),
        .raw = le32(p + 12),
        .first_icount = le64(p + 16),
        .last_icount = le64(p + 24),
        .items = le32(p + 40),
        .number = number,
        .raw_hash = le64(p + 48),
    };
    h.kind = number ? h.kind : TF_CONFIG;
    h.first = first[h.kind];
    first[h.kind] += h.items;
    if (h.extra > left - FRAME_HEAD_SIZE - FRAME_HASH_SIZE)
        h.extra = (uint16_t)(left - FRAME_HEAD_SIZE - FRAME_HASH_SIZE);
    size_t room = left - frame_lead(&h);
    h.stored = h.stored > room ? (uint32_t)room : h.stored;
    uint8_t *payload = p + frame_lead(&h);
    h.stored_hash = XXH3_64bits(payload, h.stored);
    if (h.packing == PACK_NONE) {
        h.raw = h.stored;
        h.raw_hash = h.stored_hash;
    }
    struct buf out = {0}, extra = {0};
    buf_add(&extra, p + FRAME_HEAD_SIZE, h.extra);
    frame_head_pack(&out, &h, extra.p);
    memcpy(p, out.p, out.n);
    buf_free(&out);
    buf_free(&extra);
    return frame_lead(&h) + h.stored;
}

static void repair(uint8_t *p, size_t size)
{
    uint64_t first[TF_KINDS] = {0}, index = 0;
    uint32_t number = 0;
    size_t at = FILE_HEADER_SIZE, end = size;
    file_header_pack(p, TRACE_FILE, "pc", 1);
    bool trailer = size >= FILE_HEADER_SIZE + TRAILER_SIZE && p[size - TRAILER_SIZE] == 'B';
    end -= trailer ? TRAILER_SIZE : 0;
    for (; end - at >= FRAME_HEAD_SIZE + FRAME_HASH_SIZE; number++) {
        index = at;
        at += repair_frame(p + at, end - at, number, first);
    }
    if (trailer)
        trailer_pack(p + size - TRAILER_SIZE, index, number ? number - 1 : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > MAX_INPUT)
        return 0;
    walk(data, size);
    if (size < FILE_HEADER_SIZE)
        return 0;
    uint8_t *copy = mem_alloc(size);
    memcpy(copy, data, size);
    repair(copy, size);
    walk(copy, size);
    free(copy);
    return 0;
}
