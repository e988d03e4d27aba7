/* sequence.c - makes sequences, runs their instructions in the emulator while it does, and prints them.
 */
#include "tests/native/sequence.h"

#include <capstone/capstone.h>
#include <string.h>

#include "hv/x86/insn.h"

/* ---------------------------------------------------------------- rows */

/* Instructions by kind, with how often each kind is taken: in sequences that are nearly all compiled, mixed, and of
 * SIMD and floating point. */
enum { KINDS = 6, STYLES = 4 };
static const unsigned weight[STYLES][KINDS] = {
    {60, 1, 0, 0, 0, 0}, {40, 1, 15, 0, 0, 0}, {22, 1, 5, 2, 2, 2}, {8, 0, 8, 6, 6, 4}};
enum { KIND_INTEGER, KIND_STRING, KIND_SSE2, KIND_SSE, KIND_X87, KIND_MMX };
struct rows {
    const struct insn_row *row[KINDS][400];
    unsigned n[KINDS];
};

static bool has_mmx(const struct insn_row *row)
{
    for (unsigned i = 0; i < 3; i++)
        if (row->operand[i] >= O_Pq && row->operand[i] <= O_Nq)
            return true;
    return row->feature == FT_MMX;
}

static unsigned kind_of(const struct insn_row *row)
{
    if (row->flags & F_REP)
        return KIND_STRING;
    if (row->feature == FT_FPU || (row->map == M1 && (row->opcode & 0xf8) == 0xd8))
        return KIND_X87;
    if (has_mmx(row))
        return KIND_MMX;
    if (row->feature == FT_SSE || row->feature == FT_SSE2)
        return KIND_SSE2;
    if (row->feature == FT_BASE || row->feature == FT_CMOV || row->feature == FT_CX8 ||
        row->feature == FT_POPCNT || row->feature == FT_CX16)
        return KIND_INTEGER;
    return KIND_SSE;
}

/* Branches are made here, not by gen.c. The rest is never defined, or its difference between vendors looks at memory. */
static bool is_left_out(const struct insn_row *row)
{
    return row->operand[0] == O_Jb || row->operand[0] == O_Jz || row->operand[0] == O_Ap ||
           one_of(row->mnemonic, "call jmp ret ins outs in out dpps dppd fxrstor frstor fldenv");
}

static const struct rows *rows_for(unsigned bits)
{
    static struct rows all[3];
    struct rows *r = &all[bits >> 5];
    size_t n;
    const struct insn_row *row = insn_rows(&n);
    if (r->n[KIND_INTEGER]) /* they are there */
        return r;
    for (size_t i = 0; i < n; i++) {
        unsigned k = kind_of(&row[i]);
        if (!gen_skips(&row[i], bits) && !is_left_out(&row[i]) && r->n[k] < 400)
            r->row[k][r->n[k]++] = &row[i];
    }
    return r;
}

static const struct insn_row *pick_row(struct rng *r, unsigned bits, unsigned style)
{
    const struct rows *rows = rows_for(bits);
    const unsigned *w = weight[style];
    unsigned sum = 0, k = 0;
    for (unsigned i = 0; i < KINDS; i++)
        sum += w[i];
    for (unsigned at = below(r, sum); at >= w[k]; k++)
        at -= w[k];
    return rows->row[k][below(r, rows->n[k])];
}

/* ---------------------------------------------------------------- a sequence in the making */

struct maker {
    struct sequence *q;
    struct rng r;
    unsigned style;
    struct state s; /* at `at`, if `live` */
    struct judged j;
    uint32_t at, limit; /* where the next unit goes, and where units must end */
    uint32_t held;      /* registers that have to stay */
    uint32_t function;  /* where it ends, if there is one; else 0 */
    bool live;          /* what comes next is executed */
    bool ended;         /* by a fault: nothing more is executed */
};

static void write_unit(struct sequence *q, unsigned i)
{
    const struct unit *u = &q->unit[i];
    unsigned at = u->at - q->base;
    memcpy(q->code + at, u->bytes, u->len);
    for (unsigned k = 0; k < u->len; k++)
        q->starts[at + k] = u->starts[k / 64] >> k % 64 & 1 ? START_MOVE : NO_START;
    q->starts[u->c.at - q->base] = (uint8_t)(START_UNIT + i);
}

static void clear_code(struct sequence *q, uint32_t at, unsigned n)
{
    memset(q->code + (at - q->base), 0x90, n);
    memset(q->starts + (at - q->base), START_MOVE, n);
}

static bool add_unit(struct maker *m, const struct unit *u)
{
    struct sequence *q = m->q;
    if (q->n == MAX_UNITS || u->at + u->len > m->limit)
        return false;
    q->unit[q->n] = *u;
    write_unit(q, q->n++);
    guest_code(u->at, u->bytes, u->len);
    m->at = u->at + u->len;
    return true;
}

static void remove_last(struct maker *m)
{
    struct unit *u = &m->q->unit[--m->q->n];
    clear_code(m->q, u->at, u->len);
    guest_code(u->at, m->q->code + (u->at - m->q->base), u->len);
    m->at = u->at;
}

/* ---------------------------------------------------------------- units */

static void unit_bytes(struct unit *u, const void *bytes, unsigned n)
{
    u->starts[u->len / 64] |= 1ull << u->len % 64;
    memcpy(u->bytes + u->len, bytes, n);
    u->len += n;
}

/* Prefixes for an operand size of 32 bits. */
static unsigned put_prefix(uint8_t *b, unsigned bits)
{
    b[0] = 0x66;
    return bits == 16;
}

static void unit_move(struct unit *u, unsigned bits, unsigned reg, uint64_t v)
{
    uint8_t b[12];
    unsigned n = put_prefix(b, bits), wide = v >> 32 ? 8 : 4;
    if (reg >= 8 || wide == 8)
        b[n++] = (uint8_t)(0x40 | (wide == 8 ? 8 : 0) | reg >> 3);
    b[n++] = (uint8_t)(0xb8 | (reg & 7));
    memcpy(b + n, &v, wide);
    unit_bytes(u, b, n + wide);
}

/* The moves that bring registers from `have` to `want`, then the instruction, which was made for another address. */
static void make_unit(struct unit *u, const struct state *have, const struct state *want, uint32_t needs)
{
    struct insn_case *c = &u->c;
    if ((have->flags ^ want->flags) & FLAG_DF)
        unit_bytes(u, want->flags & FLAG_DF ? "\xfd" : "\xfc", 1);
    for (unsigned i = 0; i < 16; i++)
        if (needs >> i & 1)
            unit_move(u, c->bits, i, want->gpr[i]);
    if (c->relative) {
        uint32_t disp;
        memcpy(&disp, c->bytes + c->relative, 4);
        disp -= u->at + u->len - c->at;
        memcpy(c->bytes + c->relative, &disp, 4);
    }
    c->at = u->at + u->len;
    unit_bytes(u, c->bytes, c->len);
}

/* A unit of one instruction that is given by its bytes, after what is in *u already. */
static void finish_unit(struct unit *u, unsigned bits, const uint8_t *bytes, unsigned n)
{
    uint8_t padded[16] = {0};
    memcpy(padded, bytes, n);
    u->c.bits = bits, u->c.at = u->at + u->len, u->c.len = n;
    u->c.osize = bits == 64 ? 3 : bits == 32 ? 2 : 1;
    memcpy(u->c.bytes, bytes, n);
    guest_decode(padded, sizeof padded, bits, &u->c.row);
    unit_bytes(u, bytes, n);
}

/* ---------------------------------------------------------------- executing what was added */

static bool is_good_pointer(uint64_t v)
{
    return (v >= DATA_BASE + 0x100 && v < DATA_BASE + 4 * PAGE) ||
           (v >= LOW_DATA + 0x100 && v < LOW_DATA + 2 * PAGE - 0x100);
}

enum { READ_ONLY = DATA_BASE + 5 * PAGE };

/* Something about what the unit did that would spoil what comes after it. */
static bool spoils(struct maker *m, const struct state *before, const struct state *after)
{
    for (unsigned i = 0; i < 16; i++)
        if (m->held >> i & 1 && before->gpr[i] != after->gpr[i])
            return true;
    if (is_good_pointer(before->gpr[RSP]) && !is_good_pointer(after->gpr[RSP]) && !one_in(&m->r, 20))
        return true;
    bool read_only = after->vector == VEC_PF && after->cr2 - READ_ONLY < PAGE;
    return after->vector >= 0 && !one_in(&m->r, read_only ? 5 : 30);
}

/* Runs on to `end`. If that is not to be, everything is as before. */
static bool go_on(struct maker *m, uint64_t end)
{
    static struct memory before;
    struct judged j = m->j;
    struct state out;
    memory_take(&before, false);
    if (judge_run(m->q, &m->s, &out, &j, end) || spoils(m, &m->s, &out)) {
        memory_put(&before, false);
        return false;
    }
    m->j = j;
    m->s = out;
    if (out.vector >= 0)
        m->ended = true, m->live = false;
    return true;
}

/* Adds a unit; if it would be executed, runs it up to `end` (0: to its own end), or takes it back. */
static bool try_unit(struct maker *m, const struct unit *u, uint64_t end)
{
    if (!add_unit(m, u))
        return false;
    if (!m->live || go_on(m, end ? end : m->at))
        return true;
    remove_last(m);
    return false;
}

/* Good, or to where memory can only be read. */
static bool is_pointer(uint64_t v)
{
    return is_good_pointer(v) || v - READ_ONLY < PAGE;
}

/* Pointers, most of them: instructions shall use them as they are. */
static uint32_t choose_kept(struct maker *m)
{
    uint32_t kept = m->held;
    for (unsigned i = 0; i < 16; i++)
        if (is_pointer(m->s.gpr[i]) && !one_in(&m->r, 6))
            kept |= 1u << i;
    return kept;
}

/* An access that locks must lie in a line (gen.c), wherever pointers are later. */
static bool must_be_placed(const struct insn_case *c)
{
    return c->mem && (c->locked || one_of(c->row->mnemonic, "xchg cmpxchg cmpxchg8b"));
}

static bool try_random(struct maker *m)
{
    struct unit u = {.at = m->at};
    struct state want = {0};
    const struct insn_row *row = pick_row(&m->r, m->q->bits, m->style);
    struct follow f = {&m->s, choose_kept(m), m->at};
    uint64_t seed = rnd(&m->r);
    uint32_t needs = gen_next(&u.c, &want, row, m->q->bits, &f, seed);
    if (must_be_placed(&u.c)) {
        f.kept = 0;
        needs = gen_next(&u.c, &want, row, m->q->bits, &f, seed);
    }
    if (needs & m->held || __builtin_popcount(needs) > 5)
        return false;
    make_unit(&u, &m->s, &want, needs);
    return try_unit(m, &u, 0);
}

static bool add_random(struct maker *m)
{
    for (unsigned i = 0; i < 24; i++)
        if (try_random(m))
            return true;
    return false;
}

/* ADD of a small number to a pointer, as where a program goes through an array. */
static void add_advance(struct maker *m)
{
    unsigned bits = m->q->bits, reg = below(&m->r, bits == 64 ? 16 : 8), n;
    struct unit u = {.at = m->at};
    uint8_t b[8];
    for (unsigned i = 0; i < 16 && !(is_pointer(m->s.gpr[reg]) && reg != RSP); i++)
        reg = below(&m->r, bits == 64 ? 16 : 8);
    if (!is_pointer(m->s.gpr[reg]) || reg == RSP || m->held >> reg & 1)
        return;
    n = put_prefix(b, bits);
    if (bits == 64)
        b[n++] = (uint8_t)(0x48 | reg >> 3);
    b[n++] = 0x83;
    b[n++] = (uint8_t)(0xc0 | (reg & 7));
    b[n++] = (uint8_t)(below(&m->r, 10) * 4 - 16);
    finish_unit(&u, bits, b, n);
    try_unit(m, &u, 0);
}

/* ---------------------------------------------------------------- branches forward */

enum { JUMP = 16, JCXZ, JUMP_INDIRECT, BRANCHES };

static unsigned put_branch(struct unit *u, unsigned bits, unsigned which, uint32_t room, uint8_t *b,
                           bool near)
{
    unsigned n = bits == 16 ? 2 : 4;
    if (which == JUMP_INDIRECT) { /* MOV EAX, the target; JMP rAX */
        unit_move(u, bits, RAX, u->at + (bits == 16 ? 6 : 5) + 2 + room);
        memcpy(b, "\xff\xe0", 2);
        return 2;
    }
    if (which == JCXZ || (!near && which <= JUMP)) {
        b[0] = which == JCXZ ? 0xe3 : which == JUMP ? 0xeb : (uint8_t)(0x70 + which);
        b[1] = (uint8_t)room;
        return 2;
    }
    unsigned k = which == JUMP ? 1 : 2;
    memcpy(b, (uint8_t[]){0x0f, (uint8_t)(0x80 + which)}, 2);
    if (which == JUMP)
        b[0] = 0xe9;
    memcpy(b + k, &room, n);
    return k + n;
}

static bool try_branch(struct maker *m, uint32_t room)
{
    struct unit u = {.at = m->at};
    uint8_t b[8];
    unsigned which = one_in(&m->r, 5) ? below(&m->r, BRANCHES) : below(&m->r, JUMP);
    unsigned n = put_branch(&u, m->q->bits, which, room, b, one_in(&m->r, 4));
    if (which == JUMP_INDIRECT && m->held & 1u << RAX)
        return false;
    finish_unit(&u, m->q->bits, b, n);
    if (u.at + u.len + room > m->limit || !add_unit(m, &u))
        return false;
    struct state out = m->s;
    struct judged j = m->j;
    const char *why = NULL;
    for (out.rip = m->s.rip; out.rip - u.at < u.len && !why && m->live;) {
        struct state from = out;
        why = judge_step(m->q, &from, &out, &j);
    }
    if (why) {
        remove_last(m);
        return false;
    }
    if (m->live)
        m->s = out, m->j = j;
    return true;
}

/* A branch over some units, which are executed if it is not taken. */
static void add_branch(struct maker *m)
{
    uint32_t room = 6 + below(&m->r, 100), limit = m->limit;
    bool live = m->live, made = false;
    for (unsigned i = 0; i < 6 && !made; i++)
        made = try_branch(m, room);
    if (!made)
        return;
    m->limit = m->at + room;
    m->live = live && m->s.rip != m->limit;
    while (m->at < m->limit && add_random(m))
        ;
    m->at = m->limit;
    if (m->live)
        go_on(m, m->at);
    m->live = live && !m->ended;
    m->limit = limit;
}

/* ---------------------------------------------------------------- going back to before something */

struct mark {
    struct maker m;
    struct sequence q;
    struct memory memory;
};

static void set_mark(struct mark *k, const struct maker *m)
{
    k->m = *m;
    k->q = *m->q;
    memory_take(&k->memory, false);
}

static void go_back(struct maker *m, struct mark *k)
{
    struct rng r = m->r;
    *m = k->m;
    m->r = r;
    *m->q = k->q;
    memory_put(&k->memory, false);
    guest_code(m->q->base, m->q->code, WINDOW);
}

static void add_some(struct maker *m)
{
    for (unsigned n = 1 + below(&m->r, 6); n && m->live; n--)
        if (one_in(&m->r, 8))
            add_branch(m);
        else if (one_in(&m->r, 6))
            add_advance(m);
        else
            add_random(m);
}

/* ---------------------------------------------------------------- loops */

static bool add_bytes(struct maker *m, const uint8_t *b, unsigned n, uint64_t end)
{
    struct unit u = {.at = m->at};
    finish_unit(&u, m->q->bits, b, n);
    return try_unit(m, &u, end);
}

static bool add_counter(struct maker *m, unsigned reg, unsigned count)
{
    struct unit u = {.at = m->at};
    uint8_t b[8];
    unsigned n = put_prefix(b, m->q->bits);
    b[n++] = (uint8_t)(0xb8 | reg);
    memcpy(b + n, &count, 4);
    finish_unit(&u, m->q->bits, b, n + 4);
    return try_unit(m, &u, 0);
}

/* Adds a unit of one instruction, and executes only that. */
static bool add_step(struct maker *m, const uint8_t *b, unsigned n)
{
    struct unit u = {.at = m->at};
    struct state out;
    struct judged j = m->j;
    finish_unit(&u, m->q->bits, b, n);
    if (!m->live || !add_unit(m, &u) || judge_step(m->q, &m->s, &out, &j) || out.vector >= 0)
        return false;
    m->s = out, m->j = j;
    return true;
}

/* JZ to the end; Jcc to the head; some units, and JMP to the head: two ways back, which come with different states. */
static bool add_two_ways(struct maker *m, uint32_t head)
{
    enum { ROOM = 32 };
    uint32_t end = m->at + 4 + ROOM + 2, limit = m->limit;
    int64_t back = (int64_t)head - end;
    uint8_t cc = (uint8_t)(0x70 + below(&m->r, 16));
    if (back < -128 || end > limit || !add_step(m, (uint8_t[]){0x74, ROOM + 4}, 2) ||
        !add_step(m, (uint8_t[]){cc, (uint8_t)(back + ROOM + 2)}, 2))
        return false;
    m->live = m->s.rip != head;
    m->limit = m->at + ROOM;
    while (m->at < m->limit && add_random(m))
        ;
    if (m->ended)
        return false;
    m->live = false, m->at = m->limit, m->limit = limit;
    add_bytes(m, (uint8_t[]){0xeb, (uint8_t)back}, 2, 0);
    m->live = true;
    return go_on(m, end);
}

/* LOOP, or DEC and JNZ. After the turn that was made already, the others are. */
static bool add_turns(struct maker *m, unsigned reg, uint32_t head)
{
    unsigned bits = m->q->bits;
    uint8_t dec[4] = {bits == 64 ? 0x48 : 0x66, 0xff, (uint8_t)(0xc8 | reg)};
    bool loop = reg == RCX && one_in(&m->r, 2);
    m->held &= ~(1u << reg);
    if (!loop && !add_bytes(m, dec + (bits == 32), bits == 32 ? 2 : 3, 0))
        return false;
    if (!loop && one_in(&m->r, 2))
        return m->live && add_two_ways(m, head);
    int64_t back = (int64_t)head - (m->at + 2);
    return m->live && back >= -128 &&
           add_bytes(m, (uint8_t[]){loop ? 0xe2 : 0x75, (uint8_t)back}, 2, m->at + 2);
}

static void add_loop(struct maker *m)
{
    static struct mark before;
    unsigned reg = below(&m->r, 8), count = 2 + below(&m->r, 10), style = m->style;
    uint32_t held = m->held;
    if (!m->live || reg == RSP || held >> reg & 1)
        return;
    set_mark(&before, m);
    if (add_counter(m, reg, count)) {
        uint32_t head = m->at;
        m->held |= 1u << reg;
        if (!one_in(&m->r, 3))
            m->style = 0; /* a loop that is compiled as a whole */
        add_some(m);
        m->style = style;
        if (m->live && add_turns(m, reg, head)) {
            m->held = held;
            return;
        }
    }
    go_back(m, &before);
}

/* ---------------------------------------------------------------- calls */

static bool add_call(struct maker *m, uint32_t to, uint64_t end)
{
    unsigned bits = m->q->bits, n = bits == 16 ? 2 : 4;
    struct unit u = {.at = m->at};
    uint8_t b[8] = {0xe8};
    if (one_in(&m->r, 3) && !(m->held & 1u << RAX)) {
        unit_move(&u, bits, RAX, to);
        finish_unit(&u, bits, (uint8_t[]){0xff, 0xd0}, 2);
    } else {
        memcpy(b + 1, &(uint32_t){to - (m->at + 1 + n)}, n);
        finish_unit(&u, bits, b, 1 + n);
    }
    return try_unit(m, &u, end ? end : u.at + u.len);
}

/* The function's units, and its RET. */
static bool add_function(struct maker *m, uint32_t start)
{
    uint32_t back, limit = m->limit, held = m->held;
    if (!add_call(m, start, start))
        return false;
    back = m->at;
    m->at = start, m->limit = m->q->base + WINDOW, m->held |= 1u << RSP;
    add_some(m);
    m->held = held;
    if (!m->live || !add_bytes(m, (uint8_t[]){0xc3}, 1, back))
        return false;
    m->function = m->at;
    m->at = back, m->limit = limit;
    return m->live;
}

static void add_calls(struct maker *m)
{
    static struct mark before;
    uint32_t start = m->q->base + FUNCTION;
    if (!m->live || !is_good_pointer(m->s.gpr[RSP]))
        return;
    set_mark(&before, m);
    if (m->function ? !add_call(m, start, 0) : !add_function(m, start))
        go_back(m, &before);
}

/* ---------------------------------------------------------------- the whole */

/* Now and then one to where memory is read-only, or to about the end of a page. */
static uint64_t first_pointer(struct rng *r, unsigned bits)
{
    uint32_t middle = 0x200 + below(r, 0x1c00), back = below(r, 32);
    if (bits == 16)
        return LOW_DATA + middle;
    if (one_in(r, 8))
        return READ_ONLY + middle % PAGE;
    return one_in(r, 4) ? DATA_BASE + below(r, 5) * PAGE - back : DATA_BASE + middle;
}

static void first_state(struct state *s, unsigned bits, uint64_t seed)
{
    struct rng r = {seed};
    gen_first(s, bits, rnd(&r));
    for (unsigned i = 0; i < 3; i++) {
        unsigned reg = below(&r, bits == 64 ? 16 : 8);
        if (reg != RSP)
            s->gpr[reg] = first_pointer(&r, bits);
    }
    if (!one_in(&r, 4)) /* no exception of the x87 waits */
        s->fx[FX_FSW] &= 0x7f, s->fx[FX_FSW + 1] &= 0x7f, s->fx[FX_FCW] |= 0x3f;
    s->vector = -1;
}

static void start(struct sequence *q, struct maker *m, unsigned bits, uint64_t seed)
{
    uint32_t low = bits == 16 ? LOW_CODE : CODE_BASE;
    *q = (struct sequence){.bits = bits, .seed = seed};
    *m = (struct maker){.q = q, .r = {seed}, .live = true};
    m->style = below(&m->r, STYLES);
    q->base = low + below(&m->r, 2 * PAGE);
    clear_code(q, q->base, WINDOW);
    guest_choose(0);
    gen_memory(rnd(&m->r));
    guest_flush();
    guest_code(q->base, q->code, WINDOW);
    first_state(&m->s, bits, rnd(&m->r));
    m->s.rip = m->at = q->base;
    m->limit = q->base + FUNCTION - HOST_PAD - 2;
}

static void add_next(struct maker *m)
{
    switch (below(&m->r, 20)) {
    case 0:
    case 1:
        add_branch(m);
        break;
    case 2:
    case 6:
        add_loop(m);
        break;
    case 3:
        add_calls(m);
        break;
    case 4:
    case 5:
        add_advance(m);
        break;
    default:
        add_random(m);
    }
}

/* The last unit is a jump, so that a block ends with the sequence. */
static void finish(struct maker *m)
{
    m->limit += 2;
    m->live = false;
    add_bytes(m, (uint8_t[]){0xeb, 0}, 2, 0);
    m->q->end = m->at;
}

void sequence_make(struct sequence *q, struct state *in, struct memory *memory, unsigned bits, uint64_t seed)
{
    struct maker m;
    start(q, &m, bits, seed);
    memory_take(memory, false);
    *in = m.s;
    for (unsigned n = 4 + below(&m.r, 37); n; n--)
        if (!m.ended || one_in(&m.r, 4)) /* a few that are not reached */
            add_next(&m);
    finish(&m);
}

void sequence_place(struct sequence *q)
{
    uint8_t *host = (uint8_t *)(uintptr_t)q->base;
    clear_code(q, q->base, WINDOW);
    for (unsigned i = 0; i < q->n; i++)
        if (!q->unit[i].dropped)
            write_unit(q, i);
    memset(q->starts + (q->end - q->base), NO_START, q->base + FUNCTION - q->end); /* the pad */
    memcpy(host, q->code, WINDOW);
    host_pad(q->end, q->bits);
    memcpy(q->code, host, WINDOW);
    for (unsigned i = GUESTS; i--;) {
        guest_choose(i);
        guest_code(q->base, q->code, WINDOW);
        guest_flush();
    }
}

void sequence_vary(const struct sequence *q, struct state *s, uint64_t seed)
{
    struct rng r = {seed};
    struct state other;
    gen_first(&other, q->bits, rnd(&r));
    for (unsigned i = 0; i < 16; i++)
        if (!is_pointer(s->gpr[i]) && one_in(&r, 2))
            s->gpr[i] = other.gpr[i];
    s->flags ^= (s->flags ^ other.flags) & FLAGS_ARITH;
    memcpy(s->fx + FX_XMM, other.fx + FX_XMM, FX_SIZE - FX_XMM);
}

static void print_unit(FILE *f, csh handle, const struct unit *u)
{
    cs_insn *in;
    size_t n = cs_disasm(handle, u->bytes, u->len, u->at, 0, &in);
    for (size_t i = 0; i < n; i++) {
        fprintf(f, "    %8llx  %s %s", (unsigned long long)in[i].address, in[i].mnemonic, in[i].op_str);
        fprintf(f, "%*s;", (int)(44 - strlen(in[i].mnemonic) - strlen(in[i].op_str)), "");
        for (unsigned k = 0; k < in[i].size; k++)
            fprintf(f, " %02x", in[i].bytes[k]);
        fprintf(f, "\n");
    }
    if (n)
        cs_free(in, n);
}

void sequence_print(FILE *f, const struct sequence *q)
{
    csh handle;
    if (cs_open(CS_ARCH_X86,
                q->bits == 64   ? CS_MODE_64
                : q->bits == 32 ? CS_MODE_32
                                : CS_MODE_16,
                &handle) != CS_ERR_OK)
        return;
    for (unsigned i = 0; i < q->n; i++)
        if (!q->unit[i].dropped)
            print_unit(f, handle, &q->unit[i]);
    cs_close(&handle);
}
