/* stream_code.c - see stream_code.h. */
#include "base/byte_order.h"
#include "traces/difference.h"
#include "traces/stream_code.h"

enum {
    WORD = 4,          /* the length of a number that an addend is added to */
    ZEROS = 8,         /* this many zero bytes are a run of their own */
    VOTES = 4,         /* how many numbers must have grown by an addend before it is tried */
    AGAINST = 32,      /* with this many longer runs of changed bytes, nothing was relocated */
    BRANCH_ADDEND = 4, /* what a branch filter for x86 adds to the target of a call, beside its place */
    CHEAP = 64,        /* up to this many changed bytes, looking for an addend is not worth it */
    /* With so many more changed bytes than changes may take, the page is not that content: they would have to be the
     * bytes of hundreds of numbers. */
    HOPELESS = 512,
};

static bool zeros_at(const uint8_t *page, unsigned at)
{
    return at + ZEROS <= TRACE_PAGE && !le64(page + at);
}

/* A page, what it is compared with, and by what its numbers have grown. */
struct comparison {
    const uint8_t *page, *base;
    const struct difference *differ;
    uint32_t place; /* of the base, modulo 2^32 */
    struct growth growth;
    unsigned least, most; /* which byte of a number may be the lowest that has changed; least > most: none */
};

static void set_growth(struct comparison *c, struct growth g)
{
    c->growth = g;
    c->least = 0;
    c->most = WORD - 1;
    if (g.by_place)
        return;
    c->least = g.addend ? (unsigned)__builtin_ctz(g.addend) / 8 : WORD;
    if (g.addend)
        c->most = c->least;
}

static uint32_t growth_at(struct growth g, uint32_t place, unsigned at)
{
    return g.by_place ? g.addend + place + at : g.addend;
}

static bool has_grown(const struct comparison *c, unsigned at)
{
    return le32(c->page + at) - le32(c->base + at) == growth_at(c->growth, c->place, at);
}

/* Whether the lowest changed byte of a number that has grown is at `at`. If so, *begin is where the number
 * begins: at or after `before`. */
static bool grown_at(const struct comparison *c, unsigned at, unsigned before, unsigned *begin)
{
    for (unsigned low = c->least; low <= c->most && at >= before + low; low++)
        if (at - low + WORD <= TRACE_PAGE && has_grown(c, at - low)) {
            *begin = at - low;
            return true;
        }
    return false;
}

/* The end of the run of changed bytes from `at` on: before something that is stored better in another way. */
static unsigned literal_end(const struct comparison *c, unsigned at)
{
    for (unsigned begin;;) {
        const unsigned end = at + 1;
        at = difference_next(c->differ, end);
        if (at == TRACE_PAGE || at - end >= DELTA_GAP || grown_at(c, at, end, &begin))
            return end;
        for (unsigned gap = end; gap <= at; gap++)
            if (zeros_at(c->page, gap))
                return end;
    }
}

static unsigned zeros_end(const uint8_t *page, unsigned at)
{
    while (at < TRACE_PAGE && !page[at])
        at++;
    return at;
}

/* Code: skip * 2 + whether a number has grown; if not, (length - 1) * 2 + whether it is zeros. */
static void add_run(struct stream_changes *c, unsigned skip, bool grown, unsigned length, bool zero)
{
    uint8_t *p = varint_write(c->code + c->ncode, (uint64_t)skip << 1 | grown);
    if (!grown)
        p = varint_write(p, (uint64_t)(length - 1) << 1 | zero);
    c->ncode = (uint32_t)(p - c->code);
    c->runs++;
    c->grown += grown;
}

static bool make(struct stream_changes *c, const struct comparison *with, unsigned most)
{
    const uint8_t *page = with->page;
    unsigned before = 0, at = 0, begin;
    c->growth = with->growth;
    c->runs = c->grown = c->ncode = c->nbytes = 0;
    while ((at = difference_next(with->differ, at)) < TRACE_PAGE) {
        bool zero = false, grown = grown_at(with, at, before, &begin);
        unsigned end = begin + WORD;
        if (!grown) {
            begin = at;
            zero = zeros_at(page, at);
            end = zero ? zeros_end(page, at) : literal_end(with, at);
        }
        unsigned n = grown || zero ? 0 : end - begin;
        if (c->ncode + c->nbytes + n + WORD > most)
            return false;
        add_run(c, begin - before, grown, end - begin, zero);
        memcpy(c->bytes + c->nbytes, page + begin, n);
        c->nbytes += n;
        before = at = end;
    }
    return true;
}

/* By how much most of the numbers that differ have grown; 0 if that is not clear. Addresses are taken to
 * differ in their highest byte. */
static uint32_t vote(const struct comparison *with)
{
    struct comparison c = *with;
    uint32_t addend = 0;
    int votes = 0, against = 0;
    set_growth(&c, (struct growth){0});
    for (unsigned at = 0; (at = difference_next(c.differ, at)) < TRACE_PAGE;) {
        unsigned end = literal_end(&c, at), begin = end - WORD;
        if (end - at > WORD || end < WORD) {
            if (++against > AGAINST)
                return 0;
        } else {
            uint32_t d = le32(c.page + begin) - le32(c.base + begin);
            votes += d == addend ? 1 : -1;
            if (votes <= 0) {
                addend = d;
                votes = 1;
            }
        }
        at = end;
    }
    return votes >= VOTES ? addend : 0;
}

/* Whether it is worth trying another growth than that of the changes, if they are `good`. */
static bool improvable(const struct stream_changes *c, bool good)
{
    return !good || (c->nbytes > CHEAP && 2 * c->grown < c->runs);
}

/* Replaces the changes, if this growth makes them shorter. */
static bool improve(struct stream_changes *c, struct comparison *with, struct growth g, bool good,
                    unsigned most)
{
    struct stream_changes other;
    if (g.addend == c->growth.addend && g.by_place == c->growth.by_place)
        return good;
    set_growth(with, g);
    if (!make(&other, with, good ? c->ncode + c->nbytes : most))
        return good;
    *c = other;
    return true;
}

bool stream_changes_make(struct stream_changes *c, const uint8_t *page, const uint8_t *base, uint64_t place,
                         uint64_t begin, struct growth growth, unsigned most)
{
    struct difference differ;
    struct comparison with = {page, base, &differ, .place = (uint32_t)place};
    difference_find(&differ, page, base);
    if (differ.changed > differ.kept || differ.changed > most + HOPELESS)
        return false;
    set_growth(&with, growth);
    bool good = make(c, &with, most);
    if (improvable(c, good)) {
        uint32_t addend = vote(&with);
        if (addend)
            good = improve(c, &with, (struct growth){addend, false}, good, most);
    }
    if (improvable(c, good))
        good = improve(c, &with, (struct growth){BRANCH_ADDEND - (uint32_t)begin, true}, good, most);
    c->place = place;
    return good;
}

void page_frame_stream(struct page_frame *f, const struct stream_changes *c)
{
    page_frame_item(f, c->runs, PAGE_STREAM);
    buf_varint(&f->code, zigzag(c->place - f->next.stream));
    uint64_t more = zigzag((uint64_t)(int64_t)(int32_t)(c->growth.addend - f->next.addend));
    buf_varint(&f->code, more << 1 | c->growth.by_place);
    f->next.stream = c->place + TRACE_PAGE;
    f->next.addend = c->growth.addend;
    buf_add(&f->code, c->code, c->ncode);
    buf_add(&f->bytes, c->bytes, c->nbytes);
}

/* ---------------------------------------------------------------- reading */

/* One change, from the code. */
struct change {
    unsigned skip, length;
    bool grown, zero;
};

static struct change read_change(struct view *code)
{
    uint64_t head = view_number(code, 2 * TRACE_PAGE + 1);
    struct change c = {.skip = (unsigned)(head >> 1), .length = WORD, .grown = head & 1};
    if (!c.grown) {
        uint64_t run = view_number(code, 2 * TRACE_PAGE - 1);
        c.length = (unsigned)(run >> 1) + 1;
        c.zero = run & 1;
    }
    return c;
}

const char *stream_changes_check(struct view *code, unsigned runs, uint64_t *bytes)
{
    unsigned at = 0;
    for (unsigned i = 0; i < runs; i++) {
        struct change c = read_change(code);
        at += c.skip + c.length;
        if (code->bad || at > TRACE_PAGE)
            return "a change is outside of its page";
        *bytes += c.grown || c.zero ? 0 : c.length;
    }
    return NULL;
}

void stream_changes_apply(const struct page_item *item, struct page_bytes bytes, uint8_t page[TRACE_PAGE])
{
    struct view code = bytes.code;
    const uint8_t *from = bytes.data;
    unsigned at = 0;
    for (unsigned i = 0; i < item->parts; i++) {
        struct change c = read_change(&code);
        at += c.skip;
        if (c.grown) {
            put_le32(page + at, le32(page + at) + growth_at(item->growth, (uint32_t)item->base, at));
        } else if (c.zero) {
            memset(page + at, 0, c.length);
        } else {
            memcpy(page + at, from, c.length);
            from += c.length;
        }
        at += c.length;
    }
}
