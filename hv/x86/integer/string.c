/* string.c - MOVS CMPS STOS LODS SCAS INS OUTS and their REP forms.
 *
 * One iteration of a repeated instruction is one step. A repeated instruction is the last of its block. It
 * continues within the handler while steps are left; after that the dispatcher resumes it. With rCX = 0 it is
 * one step that does nothing. */
#include "hv/x86/decode/decode.h"
#include "hv/x86/integer/int.h"
#include "hv/x86/system/sys.h"
#include "hv/x86/virt/virt.h"

static uint64_t index_mask(const struct op *op)
{
    return op->asize == 2 ? UINT64_MAX : op->asize == 1 ? 0xffffffff : 0xffff;
}

/* rSI, rDI, rCX in the address size. */
static void set_index(struct x86 *cpu, const struct op *op, unsigned reg, uint64_t v)
{
    if (op->asize == 2)
        SET64(reg, v);
    else if (op->asize == 1)
        SET32(reg, v);
    else
        SET16(reg, v);
}

static int64_t stride(const struct x86 *cpu, const struct op *op)
{
    return cpu->flags & FLAG_DF ? -(1 << op->osize) : 1 << op->osize;
}

static uint64_t source(struct x86 *cpu, const struct op *op)
{
    return seg_linear(cpu, op, op->seg, R64(RSI) & index_mask(op), 1u << op->osize, false);
}
static uint64_t destination(struct x86 *cpu, const struct op *op, bool write)
{
    return seg_linear(cpu, op, ES, R64(RDI) & index_mask(op), 1u << op->osize, write);
}
static void advance(struct x86 *cpu, const struct op *op, unsigned reg)
{
    set_index(cpu, op, reg, R64(reg) + (uint64_t)stride(cpu, op));
}

/* ---------------------------------------------------------------- one iteration of each */

static void movs_1(struct x86 *cpu, const struct op *op)
{
    uint64_t v = ld_sized(cpu, op, source(cpu, op), op->osize);
    st_sized(cpu, op, destination(cpu, op, true), op->osize, v);
    advance(cpu, op, RSI);
    advance(cpu, op, RDI);
}
static void stos_1(struct x86 *cpu, const struct op *op)
{
    st_sized(cpu, op, destination(cpu, op, true), op->osize, R64(RAX));
    advance(cpu, op, RDI);
}
static void lods_1(struct x86 *cpu, const struct op *op)
{
    uint64_t v = ld_sized(cpu, op, source(cpu, op), op->osize);
    reg_set_sized(cpu, RAX, op->osize, v); /* AL is byte 0, RAX register 0 */
    advance(cpu, op, RSI);
}
static void compare(struct x86 *cpu, const struct op *op, uint64_t a, uint64_t b)
{
    switch (op->osize) {
    case 0:
        alu_sub8(cpu, (uint8_t)a, (uint8_t)b);
        break;
    case 1:
        alu_sub16(cpu, (uint16_t)a, (uint16_t)b);
        break;
    case 2:
        alu_sub32(cpu, (uint32_t)a, (uint32_t)b);
        break;
    default:
        alu_sub64(cpu, a, b);
        break;
    }
}
static void cmps_1(struct x86 *cpu, const struct op *op)
{
    uint64_t a = ld_sized(cpu, op, source(cpu, op), op->osize);
    uint64_t b = ld_sized(cpu, op, destination(cpu, op, false), op->osize);
    compare(cpu, op, a, b);
    advance(cpu, op, RSI);
    advance(cpu, op, RDI);
}
static void scas_1(struct x86 *cpu, const struct op *op)
{
    uint64_t b = ld_sized(cpu, op, destination(cpu, op, false), op->osize);
    compare(cpu, op, R64(RAX), b);
    advance(cpu, op, RDI);
}

static void check_port(struct x86 *cpu, unsigned size)
{
    if (!io_allowed(cpu, R16(RDX), size))
        raise_error(cpu, VEC_GP, 0);
}
/* The destination is checked first: the port is only read if its value can be stored. Operand size 64 does
 * not exist. */
static void ins_1(struct x86 *cpu, const struct op *op)
{
    unsigned osize = op->osize > 2 ? 2 : op->osize, size = 1u << osize;
    SYNC;
    check_port(cpu, size);
    virt_io(cpu, op, R16(RDX), size, true, true);
    uint64_t lin = seg_linear(cpu, op, ES, R64(RDI) & index_mask(op), size, true);
    if (!host_w(cpu, lin, size))
        mem_probe(cpu, op, lin, size, true);
    uint32_t v = cpu->bus.in(cpu->bus.ctx, R16(RDX), size);
    note_port_break(cpu, R16(RDX), size);
    st_sized(cpu, op, lin, osize, v);
    advance(cpu, op, RDI);
}
static void outs_1(struct x86 *cpu, const struct op *op)
{
    unsigned osize = op->osize > 2 ? 2 : op->osize, size = 1u << osize;
    SYNC;
    check_port(cpu, size);
    virt_io(cpu, op, R16(RDX), size, false, true);
    uint64_t lin = seg_linear(cpu, op, op->seg, R64(RSI) & index_mask(op), size, false);
    uint32_t v = (uint32_t)ld_sized(cpu, op, lin, osize);
    cpu->bus.out(cpu->bus.ctx, R16(RDX), size, v);
    note_port_break(cpu, R16(RDX), size);
    advance(cpu, op, RSI);
}

/* ---------------------------------------------------------------- several iterations at a time */

/* How many iterations from index register `reg` on stay within its page; 0 if they must be done one by one. */
static uint64_t within_page(const struct x86 *cpu, const struct op *op, uint64_t lin, unsigned reg)
{
    uint64_t at = lin & 0xfff, index = R64(reg) & index_mask(op);
    bool down = cpu->flags & FLAG_DF;
    uint64_t page = down ? (at >> op->osize) + 1 : (0x1000 - at) >> op->osize;
    uint64_t wrap = (down ? index : index_mask(op) - index) >> op->osize; /* the index register may wrap */
    return page < wrap ? page : wrap;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How many iterations pass the segment's checks, which must not raise here: 0 if the first has to be looked at on its own. */
static uint64_t within_limit(const struct x86 *cpu, const struct op *op, unsigned seg, unsigned reg,
                             bool write)
{
    const uint64_t end = cpu->mode64 ? UINT64_MAX : cpu->seg[seg].reach[write],
                   index = R64(reg) & index_mask(op);
    if (end == UINT64_MAX)
        return end;
    if (index + (1u << op->osize) > end)
        return 0;
    return cpu->flags & FLAG_DF ? UINT64_MAX : (end - index) >> op->osize;
}

/* The host address to which *n elements from `lin` on are stored; *n becomes less if they have to be noted. NULL: they must be stored one
 * by one. */
static uint8_t *stored_to(struct x86 *cpu, uint64_t lin, unsigned size, int64_t step, uint64_t *n)
{
    uint8_t *to = host_w(cpu, lin, size);
    return to || step < 0 ? to : mem_note_stores(cpu, lin, size, n);
}

#define COPY_EACH(bits)                                                                                      \
    for (uint64_t i = 0; i < n; i++, from += step, to += step) {                                             \
        uint##bits##_t v;                                                                                    \
        memcpy(&v, from, sizeof v);                                                                          \
        memcpy(to, &v, sizeof v);                                                                            \
    }

/* One after the other, `step` bytes apart: what was stored may be loaded by a later iteration. */
static void copy_each(uint8_t *to, const uint8_t *from, uint64_t n, int64_t step)
{
    switch (step < 0 ? -step : step) {
    case 1:
        COPY_EACH(8)
        break;
    case 2:
        COPY_EACH(16)
        break;
    case 4:
        COPY_EACH(32)
        break;
    default:
        COPY_EACH(64)
        break;
    }
}

/* Host copies, fills and searches within a page. Each returns iterations done. The destination must be in the TLB. The source need not: source
 * and destination may contend for one slot. */
static uint64_t movs_many(struct x86 *cpu, const struct op *op, uint64_t n)
{
    n = least(n, least(within_limit(cpu, op, op->seg, RSI, false), within_limit(cpu, op, ES, RDI, true)));
    if (!n)
        return 0;
    unsigned size = 1u << op->osize;
    int64_t step = stride(cpu, op);
    uint64_t s = source(cpu, op), d = destination(cpu, op, true);
    n = least(n, least(within_page(cpu, op, s, RSI), within_page(cpu, op, d, RDI)));
    if (!n || PAGE_OF(s + size - 1) != PAGE_OF(s))
        return 0;
    const uint8_t *from = host_r(cpu, s, size);
    if (!from && !(from = mem_read_directly(cpu, s)))
        return 0;
    uint8_t *to = stored_to(cpu, d, size, step, &n);
    if (!to)
        return 0;
    if (step < 0 || (to > from && to < from + n * size))
        copy_each(to, from, n, step);
    else
        memmove(to, from, n * size);
    set_index(cpu, op, RSI, R64(RSI) + n * (uint64_t)step);
    set_index(cpu, op, RDI, R64(RDI) + n * (uint64_t)step);
    return n;
}

/* Bytes that are all the same are most of what is stored: memory is cleared. */
static void fill(uint8_t *to, uint64_t value, unsigned osize, uint64_t n)
{
    const unsigned size = 1u << osize, above = 64 - 8 * size;
    const uint64_t total = n * size, same = (uint8_t)value * 0x0101010101010101u;
    if (value << above == same << above) {
        memset(to, (int)(uint8_t)value, total);
        return;
    }
    memcpy(to, &value, size);
    for (uint64_t done = size; done < total; done *= 2)
        memcpy(to + done, to, least(done, total - done));
}

static uint64_t stos_many(struct x86 *cpu, const struct op *op, uint64_t n)
{
    n = least(n, within_limit(cpu, op, ES, RDI, true));
    if (!n || cpu->flags & FLAG_DF)
        return 0;
    unsigned size = 1u << op->osize;
    uint64_t d = destination(cpu, op, true), v = R64(RAX);
    n = least(n, within_page(cpu, op, d, RDI));
    uint8_t *to = n ? stored_to(cpu, d, size, size, &n) : NULL;
    if (!to)
        return 0;
    fill(to, v, op->osize, n);
    set_index(cpu, op, RDI, R64(RDI) + n * size);
    return n;
}

/* Only the last value remains. */
static uint64_t lods_many(struct x86 *cpu, const struct op *op, uint64_t n)
{
    n = least(n, within_limit(cpu, op, op->seg, RSI, false));
    if (!n)
        return 0;
    uint64_t s = source(cpu, op);
    const uint8_t *from = host_r(cpu, s, 1u << op->osize);
    n = least(n, within_page(cpu, op, s, RSI));
    if (!n || !from)
        return 0;
    reg_set_sized(cpu, RAX, op->osize,
                  bytes_load(from + (int64_t)(n - 1) * stride(cpu, op), 1u << op->osize));
    set_index(cpu, op, RSI, R64(RSI) + n * (uint64_t)stride(cpu, op));
    return n;
}

#define SCAN_EACH(bits)                                                                                      \
    for (uint64_t i = 0; i < n; i++, at += step) {                                                           \
        uint##bits##_t v;                                                                                    \
        memcpy(&v, at, sizeof v);                                                                            \
        if ((v == (uint##bits##_t)wanted) == until_equal)                                                    \
            return i;                                                                                        \
    }                                                                                                        \
    return n;

/* The first of n elements, `step` bytes apart, that is equal (not equal) to what is wanted; n if there is none. */
static uint64_t scan(const uint8_t *at, uint64_t wanted, uint64_t n, int64_t step, bool until_equal)
{
    switch (step) {
    case 1:
        if (until_equal) {
            const uint8_t *found = memchr(at, (uint8_t)wanted, n);
            return found ? (uint64_t)(found - at) : n;
        }
        /* fall through */
    case -1:
        SCAN_EACH(8)
    case 2:
    case -2:
        SCAN_EACH(16)
    case 4:
    case -4:
        SCAN_EACH(32)
    default:
        SCAN_EACH(64)
    }
}

static uint64_t scas_many(struct x86 *cpu, const struct op *op, uint64_t n)
{
    n = least(n, within_limit(cpu, op, ES, RDI, false));
    if (!n)
        return 0;
    int64_t step = stride(cpu, op);
    uint64_t d = destination(cpu, op, false);
    const uint8_t *at = host_r(cpu, d, 1u << op->osize);
    n = least(n, within_page(cpu, op, d, RDI));
    if (!n || !at)
        return 0;
    n = least(n, scan(at, R64(RAX), n, step, op->pfx & PFX_REPNE) + 1);
    compare(cpu, op, R64(RAX), bytes_load(at + (int64_t)(n - 1) * step, 1u << op->osize));
    set_index(cpu, op, RDI, R64(RDI) + n * (uint64_t)step);
    return n;
}

/* The first of n bytes that differ; n if none does. */
static uint64_t first_difference(const uint8_t *a, const uint8_t *b, uint64_t n)
{
    uint64_t i = 0, x, y;
    for (; i + 8 <= n; i += 8) {
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        if (x != y)
            return i + (uint64_t)__builtin_ctzll(x ^ y) / 8;
    }
    while (i < n && a[i] == b[i])
        i++;
    return i;
}

/* The first of n pairs of elements that are equal (not equal); n if there is none. */
static uint64_t scan_pairs(const uint8_t *a, const uint8_t *b, uint64_t n, int64_t step, unsigned osize,
                           bool until_equal)
{
    if (step > 0 && !until_equal)
        return first_difference(a, b, n << osize) >> osize;
    uint64_t i = 0;
    while (i < n && (bytes_load(a, 1u << osize) == bytes_load(b, 1u << osize)) != until_equal)
        i++, a += step, b += step;
    return i;
}

/* Both must be in the TLB. If they contend for one slot, the second is: the first is read without it, as in movs_many(). */
static uint64_t cmps_many(struct x86 *cpu, const struct op *op, uint64_t n)
{
    n = least(n, least(within_limit(cpu, op, op->seg, RSI, false), within_limit(cpu, op, ES, RDI, false)));
    if (!n)
        return 0;
    unsigned size = 1u << op->osize;
    int64_t step = stride(cpu, op);
    uint64_t s = source(cpu, op), d = destination(cpu, op, false);
    const uint8_t *b = host_r(cpu, d, size);
    n = least(n, least(within_page(cpu, op, s, RSI), within_page(cpu, op, d, RDI)));
    if (!n || !b || PAGE_OF(s + size - 1) != PAGE_OF(s))
        return 0;
    const uint8_t *a = host_r(cpu, s, size);
    if (!a && (tlb_of(cpu, s) != tlb_of(cpu, d) || !(a = mem_read_directly(cpu, s))))
        return 0;
    n = least(n, scan_pairs(a, b, n, step, op->osize, op->pfx & PFX_REPNE) + 1);
    int64_t last = (int64_t)(n - 1) * step;
    compare(cpu, op, bytes_load(a + last, size), bytes_load(b + last, size));
    set_index(cpu, op, RSI, R64(RSI) + n * (uint64_t)step);
    set_index(cpu, op, RDI, R64(RDI) + n * (uint64_t)step);
    return n;
}

/* ---------------------------------------------------------------- repetition */

typedef void iteration_fn(struct x86 *, const struct op *);
typedef uint64_t many_fn(struct x86 *, const struct op *, uint64_t n);

static bool stop_at(const struct x86 *cpu, uint64_t lin)
{
    uint64_t pa = UINT64_MAX;
    mem_translate_peek(cpu, lin, &pa);
    return exec_stop_here(cpu, lin, pa);
}

static uint64_t rep_count(const struct x86 *cpu, const struct op *op)
{
    return R64(RCX) & index_mask(op);
}

/* Must the dispatcher look at each iteration? An execution stop is here, or the instruction's bytes have to be compared with memory
 * again. */
static bool one_by_one(const struct x86 *cpu, const struct op *op)
{
    const struct block *b = cpu->block;
    return unlikely(b->crosses) ||
           (unlikely(b->id & BLOCK_SLOW) && (!b->page || stop_at(cpu, code_linear(cpu, rip_of(cpu, op)))));
}

/* The state after each iteration is complete (the registers hold what is left), so a fault or a stop may come
 * between any two. The first iteration's step is counted with the block's. Returns true if all iterations are
 * done. Returns false if the steps have run out, if the dispatcher handles each iteration as a separate step,
 * or if an iteration has written to the instruction. */
static inline bool repeat(struct x86 *cpu, const struct op *op, iteration_fn *one, many_fn *many,
                          bool compares)
{
    bool until_equal = op->pfx & PFX_REPNE;
    bool stop = one_by_one(cpu, op);
    uint64_t n = rep_count(cpu, op);
    if (!n)
        return true;
    count_more(cpu, op, (uint64_t)-1); /* the dispatcher has */
    cpu->left++;                       /* undo the block's count; each iteration takes one below */
    unsigned wait = 0, failed = 0;     /* iterations until several are tried again */
    for (;;) {
        uint64_t done = 0;
        if (wait) {
            wait--;
        } else if (many && cpu->left > 1 && !stop) {
            done = many(cpu, op, least(n, (uint64_t)cpu->left));
            failed = done ? 0 : failed < 16 ? failed * 2 + 1 : failed;
            wait = failed / 2; /* again at once after the first failure, which brings the page into the TLB */
        }
        if (!done) {
            cpu->op = op;
            cpu->left--; /* count the step in advance: a fault returns it */
            one(cpu, op);
            done = 1;
        } else {
            cpu->left -= (int64_t)done;
        }
        n -= done;
        count_more(cpu, op, done);
        set_index(cpu, op, RCX, R64(RCX) - done);
        if (!n || (compares && cc_zf(cpu) == until_equal))
            return true;
        if (cpu->left <= 0 || stop || op->fn == op_resync)
            return false;
    }
}

/* The steps have run out: the dispatcher resumes this instruction later. */
static const struct op *pause_here(struct x86 *cpu, const struct op *op)
{
    cpu->gpr[REG_RIP] = rip_of(cpu, op);
    cpu->block = NULL;
    return NULL;
}

#define STRING(name, many, compares)                                                                         \
    static OP(name##_any)                                                                                    \
    {                                                                                                        \
        if (op->pfx & (PFX_REP | PFX_REPNE)) {                                                               \
            if (!repeat(cpu, op, name##_1, many, compares))                                                  \
                return pause_here(cpu, op);                                                                  \
        } else {                                                                                             \
            name##_1(cpu, op);                                                                               \
        }                                                                                                    \
        NEXT;                                                                                                \
    }                                                                                                        \
    FAMILY1(fam_##name, name##_any);
STRING(movs, movs_many, false)
STRING(stos, stos_many, false)
STRING(lods, lods_many, false)
STRING(cmps, cmps_many, true)
STRING(scas, scas_many, true)
STRING(ins, NULL, false)
STRING(outs, NULL, false)
