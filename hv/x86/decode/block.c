/* block.c - decoding, finding and leaving blocks of code.
 *
 * A block lies within one page. An instruction that crosses into the next page forms a block of its own. The
 * dispatcher enters it after fetching both pages, so that accessed bits are set and faults raised when the
 * instruction is reached; other blocks enter it while both are in the instruction TLB (op_crosses). */
#include <assert.h>

#include "hv/x86/decode/decode.h"
#include "hv/x86/exec.h"
#include "hv/x86/flow.h"
#include "hv/x86/jit/jit.h"

/* ---------------------------------------------------------------- leaving */

const struct op *leave_to(struct x86 *cpu, const struct op *op, uint64_t rip)
{
    cpu->left += cpu->block->n - op->idx - 1;
    cpu->gpr[REG_RIP] = rip;
    cpu->block = NULL;
    return NULL;
}

const struct op *leave_after(struct x86 *cpu, const struct op *op)
{
    return leave_to(cpu, op, rip_after(cpu, op));
}

/* Replaces an op before which execution must stop. */
OP(op_resync)
{
    const uint64_t start = cpu->gpr[REG_RIP], rip = rip_of(cpu, op);
    if (op->idx)
        cpu->cut = (struct cut){.start = start, .rip = rip, .op = op->idx};
    cpu->left += cpu->block->n - op->idx;
    cpu->gpr[REG_RIP] = rip;
    cpu->block = NULL;
    return NULL;
}

OP(op_fall_through)
{
    struct block *b = cpu->block, *next = b->next[0];
    uint64_t rip = rip_of(cpu, op);
    cpu->gpr[REG_RIP] = rip;
    if (!next || (!cpu->mode64 && unlikely(rip + next->bytes - 1 > cpu->seg[CS].limit))) {
        next = block_find(cpu, rip);
        if (!next) {
            cpu->block = NULL;
            return NULL;
        }
        if (next->page == b->page && op->off + (b->id >> 16) < SNAPSHOT_PAGE)
            b->next[0] = next;
    }
    if (unlikely(cpu->left < next->n)) {
        cpu->block = NULL;
        return NULL;
    }
    cpu->block = next;
    cpu->left -= next->n;
    GOTO(next->ops);
}

OP(op_undefined)
{
    SYNC;
    lacking_tell(cpu, op);
    raise_fault(cpu, VEC_UD);
}

static OP(op_too_long)
{
    SYNC;
    raise_error(cpu, VEC_GP, 0);
}

/* ---------------------------------------------------------------- making */

static uint64_t code_limit(const struct x86 *cpu, uint64_t rip)
{
    return cpu->mode64 ? UINT64_MAX : rip > cpu->seg[CS].limit ? 0 : cpu->seg[CS].limit - rip + 1;
}

static void finish_block(struct block *b, unsigned n, unsigned bytes)
{
    assert(n && n <= BLOCK_MAX_OPS && bytes && bytes <= SNAPSHOT_PAGE && "a block lies within a page");
    b->n = (uint16_t)n;
    b->bytes = (uint16_t)bytes;
    b->ops[n] = (struct op){.fn = op_fall_through, .off = (uint16_t)bytes, .idx = (uint8_t)n, .row = NO_ROW};
}

static void link_block(struct block *b, struct code_page *page, unsigned off)
{
    assert(off < SNAPSHOT_PAGE);
    const unsigned bucket = BLOCK_BUCKET(off);
    b->bucket = page->bucket[bucket];
    page->bucket[bucket] = b;
    page->filled[bucket / 64] |= 1ull << bucket % 64;
    page->decoded += block_size(b->n);
}

/* The offset behind the last line, from `off` on, that was not executed yet; 0 if all were. */
static unsigned end_of_new_lines(const struct pmeta *m, unsigned off)
{
    const uint64_t fresh = off < SNAPSHOT_PAGE ? ~m->executed & touched_lines(off, SNAPSHOT_PAGE - off) : 0;
    return fresh ? (64 - (unsigned)__builtin_clzll(fresh)) * TOUCHED_LINE : 0;
}

/* A block may be shorter than the code that is executed from its beginning on: there is a stop, or too many
 * instructions. The length of that code, of which `at` bytes are known; what is behind the page's last line that was not
 * executed yet is not looked at, since nothing new could be noted there. Without that, code that writes to its own page would
 * cost a whole page's decoding at each instruction. */
static unsigned straight_code(const struct x86 *cpu, const struct code_page *page, unsigned off, unsigned at,
                              uint64_t room)
{
    const unsigned lines = end_of_new_lines(page->meta, off + at);
    const uint8_t *code = page->host + off;
    struct op op;
    bool end = false;
    while (!end && at < room && off + at < lines &&
           decode(cpu->decoder, code + at, (unsigned)(room - at), cpu->code_bits, at, &op, &end) == DEC_OK)
        at += op.len;
    return at;
}

/* Decodes instructions from one page. Returns how many; 0 if the first one crosses the end of the page or of
 * the segment. *goes_on: more code of the page follows. */
static unsigned decode_run(struct x86 *cpu, const uint8_t *host, unsigned off, uint64_t lin, uint64_t pa,
                           uint64_t room, struct op *ops, unsigned *bytes, bool *goes_on)
{
    unsigned n = 0, at = 0;
    bool end = false;
    *goes_on = false;
    while (!end && at < room) {
        /* blocks start at stops and do not extend past them */
        if (n == BLOCK_MAX_OPS || (n && exec_stop_here(cpu, lin + at, pa + at))) {
            *goes_on = true;
            break;
        }
        enum decoded r =
            decode(cpu->decoder, host + off + at, (unsigned)(room - at), cpu->code_bits, at, &ops[n], &end);
        if (r == DEC_SHORT)
            break;
        if (r == DEC_TOO_LONG) {
            if (n)
                break;
            ops[n].fn = op_too_long;
            ops[n].len = 15;
            end = true;
        }
        ops[n].idx = (uint8_t)n;
        at += ops[n++].len;
    }
    *bytes = at;
    assert(n <= BLOCK_MAX_OPS && at <= room);
    return n;
}

/* Behind the ops, there are `more` bytes. */
static struct block *new_block(struct x86 *cpu, const struct op *ops, unsigned n, size_t more, unsigned bytes,
                               unsigned off, struct code_page *page)
{
    assert(off < SNAPSHOT_PAGE && "a block begins in its page");
    struct block *b = code_alloc(cpu->mem, block_size(n) + more);
    if (!b)
        return NULL;
    memcpy(b->ops, ops, n * sizeof *ops);
    finish_block(b, n, bytes);
    b->id = BLOCK_ID(cpu->key, off);
    b->page = page;
    return b;
}

/* Fetches the bytes of an instruction that continues in the next page, or that is not in memory at all. */
static unsigned gather(struct x86 *cpu, uint64_t rip, uint64_t limit, uint8_t *buf, struct code_page **second)
{
    unsigned n = 0;
    *second = NULL;
    while (n < 15 && n < limit) {
        uint64_t pa, lin = code_linear(cpu, rip + n);
        unsigned part = 0x1000 - (lin & 0xfff);
        struct code_page *p = fetch_page(cpu, lin, &pa);
        part = part < 15 - n ? part : 15 - n;
        for (unsigned i = 0; i < part; i++)
            buf[n + i] = p ? p->host[(lin & 0xfff) + i] : (uint8_t)cpu->bus.read(cpu->bus.ctx, pa + i, 1);
        n += part;
        if (n == part && part < 15) {
            /* Is the second page needed at all? Fetching it may fault. */
            struct op op;
            bool end;
            if (decode(cpu->decoder, buf, n < limit ? n : (unsigned)limit, cpu->code_bits, 0, &op, &end) !=
                DEC_SHORT)
                break;
        } else if (part) {
            *second = n > part ? p : NULL;
            break;
        }
    }
    return n < limit ? n : (unsigned)limit;
}

static void note_single(struct x86 *cpu, struct code_page *page, unsigned off, struct code_page *second,
                        unsigned len)
{
    assert(len && len <= 15);
    unsigned first = len < 0x1000 - off ? len : 0x1000 - off;
    if (page)
        touch_code(cpu->mem, page->meta, off, first);
    if (second && len > first)
        touch_code(cpu->mem, second->meta, 0, len - first);
}

/* Of a block that continues in a second page: how many of its bytes are in the first one. */
static unsigned in_first_page(const struct block *b)
{
    return SNAPSHOT_PAGE - (b->id >> 16);
}

/* The linear address of the second page's first byte; the block is at `rip`. */
static uint64_t second_page(const struct x86 *cpu, const struct block *b, uint64_t rip)
{
    return code_linear(cpu, rip + in_first_page(b));
}

/* Is that page still the one in which the block continues, with the bytes that it was decoded from? */
static bool same_rest(struct block *b, const struct code_page *second)
{
    const struct crossing *c = block_crossing(b);
    assert(b->crosses && b->bytes > in_first_page(b));
    return second == c->page && !memcmp(second->host, c->bytes, b->bytes - in_first_page(b));
}

/* The first handler of such a block. It returns to the dispatcher, which fetches both pages, unless the fetch would have no effect. */
static OP(op_crosses)
{
    struct block *b = cpu->block;
    const uint64_t second = second_page(cpu, b, cpu->gpr[REG_RIP]);
    const struct itlb_entry *e = &cpu->itlb[second >> 12 & (ITLB_SIZE - 1)];
    if (likely(e->tag == second && same_rest(b, e->page)))
        return b->first(cpu, op);
    return op_resync(cpu, op);
}

static void set_crossing(struct block *b, struct code_page *second)
{
    struct crossing *c = block_crossing(b);
    assert(b->n == 1 && "it has one instruction");
    *c = (struct crossing){.page = second};
    memcpy(c->bytes, second->host, sizeof c->bytes);
    b->crosses = true;
}

static void enter_crossing(struct block *b)
{
    b->id &= ~BLOCK_SLOW;
    b->first = b->ops[0].fn;
    b->ops[0].fn = op_crosses;
}

/* A block of one instruction, decoded again each time unless it lies in two pages of memory. */
static struct block *make_single(struct x86 *cpu, uint64_t rip, uint64_t limit, struct code_page *page,
                                 uint64_t pa)
{
    const uint64_t lin = code_linear(cpu, rip);
    const unsigned off = lin & 0xfff;
    uint8_t buf[16];
    struct code_page *second;
    struct op op;
    bool end;
    if (page)
        touch_code(cpu->mem, page->meta, off,
                   1); /* a stop there has been reached, even if the second page faults */
    unsigned n = gather(cpu, rip, limit, buf, &second);
    enum decoded r = decode(cpu->decoder, buf, n, cpu->code_bits, 0, &op, &end);
    if (r != DEC_OK) {
        op = (struct op){.fn = op_too_long, .row = NO_ROW, .len = 1}; /* beyond the limit, too: #GP */
        second = NULL; /* it has no length with which the block could be looked up again */
    }
    struct block *b = new_block(cpu, &op, 1, sizeof(struct crossing), op.len, off, page);
    if (!b)
        return NULL;
    b->id |= BLOCK_SLOW;
    if (second)
        set_crossing(b, second);
    note_single(cpu, page, off, second, op.len);
    if (unlikely(cpu->code))
        flow_code(cpu, lin, pa, op.len);
    if (page && second) {
        link_block(b, page, off);
        code_mark(page, off, 0x1000 - off);
        if (!exec_stop_here(cpu, lin, pa))
            enter_crossing(b);
    }
    return b;
}

/* The bytes from an offset on, of page and segment. */
static uint64_t code_room(const struct x86 *cpu, uint64_t rip, unsigned off)
{
    const uint64_t limit = code_limit(cpu, rip);
    return SNAPSHOT_PAGE - off < limit ? SNAPSHOT_PAGE - off : limit;
}

/* The block at rip is about to be executed. */
static void note_code(struct x86 *cpu, const struct block *b, uint64_t rip, uint64_t room)
{
    const unsigned off = b->id >> 16;
    uint64_t pa;
    if (!touch_noting(cpu->mem) && !cpu->code)
        return;
    const unsigned n = b->goes_on ? straight_code(cpu, b->page, off, b->bytes, room) : b->bytes;
    touch_code(cpu->mem, b->page->meta, off, n);
    if (cpu->code && mem_translate_peek(cpu, code_linear(cpu, rip), &pa))
        flow_code(cpu, code_linear(cpu, rip), pa, n);
}

void block_note(struct x86 *cpu, struct block *b)
{
    b->ops[0].fn = b->unnoted;
    b->unnoted = NULL;
    jit_block_noted(b);
    note_code(cpu, b, cpu->gpr[REG_RIP], code_room(cpu, cpu->gpr[REG_RIP], b->id >> 16));
}

OP(op_unnoted)
{
    block_note(cpu, cpu->block);
    GOTO(op);
}

static struct block *make(struct x86 *cpu, uint64_t rip, struct code_page *page, uint64_t pa)
{
    struct op ops[BLOCK_MAX_OPS];
    const uint64_t lin = code_linear(cpu, rip);
    unsigned off = lin & 0xfff, bytes, n = 0;
    const uint64_t room = code_room(cpu, rip, off);
    bool goes_on;
    if (page)
        n = decode_run(cpu, page->host, off, lin, pa, room, ops, &bytes, &goes_on);
    if (!n)
        return make_single(cpu, rip, code_limit(cpu, rip), page, pa);
    struct block *b = new_block(cpu, ops, n, 0, bytes, off, page);
    if (!b)
        return NULL;
    if (exec_stop_here(cpu, lin, pa))
        b->id |= BLOCK_SLOW;
    b->goes_on = goes_on;
    link_block(b, page, off);
    code_mark(page, off, bytes);
    note_code(cpu, b, rip, room);
    jit_watch(physmem_jit(cpu->mem), b);
    return b;
}

/* ---------------------------------------------------------------- finding */

static struct block *find_slow(struct x86 *cpu, uint64_t rip, struct code_page *page)
{
    unsigned off = code_linear(cpu, rip) & 0xfff;
    uint32_t id = BLOCK_ID(cpu->key, off);
    for (struct block *b = page->bucket[BLOCK_BUCKET(off)]; b; b = b->bucket) {
        uint64_t pa;
        if ((b->id & ~BLOCK_SLOW) != id)
            continue;
        if (!cpu->mode64 && rip + b->bytes - 1 > cpu->seg[CS].limit)
            continue;
        /* Fetch from the second page's first byte, as gather() does: a fault's CR2 must not depend on what is
         * cached. */
        if (b->crosses && !same_rest(b, fetch_page(cpu, second_page(cpu, b, rip), &pa)))
            continue;
        return b;
    }
    return NULL;
}

/* A block with `unnoted` is left out: executing it would note its first lines, which are not executed again. */
struct block *block_cut(struct x86 *cpu)
{
    const struct cut *cut = &cpu->cut;
    if (!cut->op || cut->rip != cpu->gpr[REG_RIP])
        return NULL;
    struct block *b = block_find(cpu, cut->start);
    bool goes_on = b && cut->op < b->n && !b->unnoted && b->ops[cut->op].off == cut->rip - cut->start;
    return goes_on ? b : NULL;
}

struct block *block_at_rip(struct x86 *cpu)
{
    uint64_t rip = cpu->gpr[REG_RIP], pa;
    if (!cpu->mode64 && rip > cpu->seg[CS].limit)
        raise_error(cpu, VEC_GP, 0);
    struct code_page *page = fetch_page(cpu, code_linear(cpu, rip), &pa);
    struct block *b = page ? find_slow(cpu, rip, page) : NULL;
    if (b)
        return b;
    b = make(cpu, rip, page, pa);
    if (!b) {
        code_flush(cpu->mem);
        page = fetch_page(cpu, code_linear(cpu, rip), &pa);
        b = make(cpu, rip, page, pa);
    }
    return b;
}
