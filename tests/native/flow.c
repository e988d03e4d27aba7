/* flow.c - what leads from one unit of a sequence to another: branches, joins, loops, calls.
 */
#include "tests/native/make.h"

#include <string.h>

#include "hv/x86/decode/insn.h"

/* ---------------------------------------------------------------- branches forward */

enum { JUMP_ZERO = 4, JUMP = 16, JCXZ, JUMP_INDIRECT, BRANCHES };

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

static unsigned choose_branch(struct maker *m)
{
    return one_in(&m->r, 5) ? below(&m->r, BRANCHES) : below(&m->r, JUMP);
}

static bool try_branch(struct maker *m, unsigned which, uint32_t room)
{
    struct unit u = {.at = m->at};
    uint8_t b[8];
    unsigned n = put_branch(&u, m->q->bits, which, room, b, one_in(&m->r, 4));
    if (which == JUMP_INDIRECT && m->held & 1u << RAX)
        return false;
    unit_finish(&u, m->q->bits, b, n);
    if (u.at + u.len + room > m->limit || !maker_add(m, &u))
        return false;
    struct state out = m->s;
    struct judged j = m->j;
    const char *why = NULL;
    for (out.rip = m->s.rip; out.rip - u.at < u.len && !why && m->live;) {
        struct state from = out;
        why = judge_step(m->q, &from, &out, &j);
    }
    if (why) {
        maker_remove_last(m);
        return false;
    }
    if (m->live)
        m->s = out, m->j = j;
    return true;
}

/* A branch over some units, which are executed if it is not taken. */
void add_branch(struct maker *m)
{
    uint32_t room = 6 + below(&m->r, 100), limit = m->limit;
    bool live = m->live, made = false;
    for (unsigned i = 0; i < 6 && !made; i++)
        made = try_branch(m, choose_branch(m), room);
    if (!made)
        return;
    m->limit = m->at + room;
    m->live = live && m->s.rip != m->limit;
    while (m->at < m->limit && add_random(m))
        ;
    m->at = m->limit;
    if (m->live)
        maker_run(m, m->at);
    m->live = live && !m->ended;
    m->limit = limit;
}

/* ---------------------------------------------------------------- two ways that join */

/* Units up to an address, which are executed if this is where the processor is. */
static void fill(struct maker *m, uint32_t end)
{
    uint32_t limit = m->limit, focus = m->focus;
    m->live = !m->ended && m->s.rip == m->at;
    m->limit = end;
    if (one_in(&m->r, 4))
        choose_focus(m);
    while (m->at < m->limit && add_random(m))
        ;
    add_padding(m, end);
    m->at = end;
    if (m->live)
        maker_run(m, end);
    m->limit = limit, m->focus = focus;
    m->live = !m->ended && m->s.rip == m->at;
}

/* A branch of two bytes, by what is known of flags. */
static void add_short(struct maker *m, unsigned opcode, uint32_t room)
{
    uint32_t at = m->at;
    uint8_t b[2] = {(uint8_t)opcode, (uint8_t)room};
    if (!m->live) {
        add_bytes(m, b, 2, 0);
    } else if (!add_step(m, b, 2)) {
        if (m->at != at)
            maker_remove_last(m);
        if (opcode != 0xeb)
            add_short(m, 0xeb, room);
    }
    m->live = !m->ended && m->s.rip == m->at;
}

static unsigned any_branch(struct maker *m)
{
    return one_in(&m->r, 2) ? 0xeb : 0x70 + below(&m->r, 16);
}

/* TEST of a bit: of a loop's counter, or of what differs between states. */
static void add_test(struct maker *m)
{
    unsigned bits = m->q->bits, registers = bits == 64 ? 16 : 8, reg = below(&m->r, registers), n;
    uint32_t counters = m->held & ~(1u << RSP), bit = 1u << below(&m->r, counters ? 2 : 32);
    uint8_t b[8];
    for (unsigned i = 0; i < 8 && is_pointer(m->s.gpr[reg]); i++)
        reg = below(&m->r, registers);
    if (counters)
        reg = (unsigned)__builtin_ctz(counters);
    n = put_prefix(b, bits);
    if (bits == 64)
        b[n++] = (uint8_t)(0x48 | reg >> 3);
    b[n++] = 0xf7;
    b[n++] = (uint8_t)(0xc0 | (reg & 7));
    memcpy(b + n, &bit, 4);
    add_bytes(m, b, n + 4, 0);
}

/* Jcc to the second part; the first part; a branch over the second one, which ends with a branch to what is next. There two or more
 * ways join, each with flags, registers and checked memory of its own. */
void add_joined(struct maker *m)
{
    uint32_t first = 4 + below(&m->r, 36), second = 4 + below(&m->r, 36);
    unsigned style = m->style;
    bool live = m->live, made = false;
    if (m->at + 30 + first + second > m->limit)
        return;
    bool test = !one_in(&m->r, 4);
    if (test)
        add_test(m);
    for (unsigned i = 0; i < 6 && !made; i++)
        made = try_branch(m, test ? JUMP_ZERO + below(&m->r, 2) : choose_branch(m), first + 2);
    if (!made)
        return;
    if (!live) /* nothing is */
        m->s.rip = 0;
    if (!one_in(&m->r, 4))
        m->style = STYLE_PLAIN;
    uint32_t middle = m->at + first + 2, end = middle + second + 2;
    fill(m, middle - 2);
    add_short(m, any_branch(m), second + 2);
    m->at = middle;
    fill(m, end - 2);
    add_short(m, any_branch(m), 0);
    m->at = end;
    m->live = live && !m->ended && m->s.rip == end;
    for (unsigned n = below(&m->r, 3); n; n--)
        add_reader(m);
    m->style = style;
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
        if (one_in(&m->r, 12))
            add_branch(m);
        else if (one_in(&m->r, 5))
            add_joined(m);
        else if (one_in(&m->r, 10))
            add_mix(m);
        else if (one_in(&m->r, 6))
            add_advance(m);
        else
            add_random(m);
}

/* ---------------------------------------------------------------- loops */

static bool add_counter(struct maker *m, unsigned reg, unsigned count)
{
    struct unit u = {.at = m->at};
    uint8_t b[8];
    unsigned n = put_prefix(b, m->q->bits);
    b[n++] = (uint8_t)(0xb8 | reg);
    memcpy(b + n, &count, 4);
    unit_finish(&u, m->q->bits, b, n + 4);
    return maker_try(m, &u, 0);
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
    return maker_run(m, end);
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

void add_loop(struct maker *m)
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
            m->style = STYLE_PLAIN; /* a loop that is compiled as a whole */
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
        unit_finish(&u, bits, (uint8_t[]){0xff, 0xd0}, 2);
    } else {
        memcpy(b + 1, &(uint32_t){to - (m->at + 1 + n)}, n);
        unit_finish(&u, bits, b, 1 + n);
    }
    return maker_try(m, &u, end ? end : u.at + u.len);
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

void add_calls(struct maker *m)
{
    static struct mark before;
    uint32_t start = m->q->base + FUNCTION;
    if (!m->live || !is_good_pointer(m->s.gpr[RSP]))
        return;
    set_mark(&before, m);
    if (m->function ? !add_call(m, start, 0) : !add_function(m, start))
        go_back(m, &before);
}
