/* make.c - units for sequences, and running them in the emulator as they are added.
 */
#include "tests/native/make.h"

#include <string.h>

#include "hv/x86/decode/insn.h"

/* ---------------------------------------------------------------- rows */

/* Instructions by kind, with how often each kind is taken: in sequences that are nearly all compiled, mixed, and of
 * SIMD and floating point. */
enum { KINDS = 7 };
static const unsigned weight[STYLES][KINDS] = {{60, 1, 0, 0, 0, 0},
                                               {40, 1, 15, 0, 0, 0},
                                               {22, 1, 5, 2, 2, 2},
                                               {8, 0, 8, 6, 6, 4},
                                               {2, 0, 0, 0, 0, 0, 40}};
enum { KIND_INTEGER, KIND_STRING, KIND_SSE2, KIND_SSE, KIND_X87, KIND_MMX, KIND_PLAIN };
enum { MAX_ROWS = 1000 };
struct rows {
    const struct insn_row *row[KINDS][MAX_ROWS];
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
           one_of(row->mnemonic,
                  "call jmp ret ins outs in out dpps dppd vdpps vdppd fxrstor frstor fldenv vldmxcsr") ||
           strstr(row->mnemonic, "gather");
}

/* What is compiled in most of its forms: code of nothing else goes on in one piece where ways join. */
static bool is_plain(const struct insn_row *row)
{
    return one_of(
               row->mnemonic,
               "add or and sub xor cmp test inc dec neg not mov movzx movsx movsxd lea imul shl shr sar rol "
               "ror push pop bt bts shld bsf bswap xchg xadd cmpxchg cwd cbw clc cmc leave lods stos movups "
               "movdqa movdqu movd movq pxor paddd addsd addps mulsd mulpd divsd sqrtsd minps cmpsd comisd ucomiss "
               "cvtsi2sd cvttsd2si cvtss2sd cvtps2pd haddpd stmxcsr vmovups vmovdqa vmovsd vaddps vmulsd vucomisd "
               "vcvtdq2pd vpaddd vpxor vpshufb vpmovmskb vpermq vperm2i128 vinserti128 vextracti128 vpbroadcastd "
               "vzeroupper vfmadd231pd vfnmadd132ss tzcnt blsr shlx mulx") ||
           (row->operand[0] != O_Jb && row->operand[0] != O_Jz && judge_reads(row) && row->map == M0F);
}

static void add_row(struct rows *r, unsigned kind, const struct insn_row *row)
{
    if (r->n[kind] < MAX_ROWS)
        r->row[kind][r->n[kind]++] = row;
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
        if (gen_skips(&row[i], bits) || is_left_out(&row[i]))
            continue;
        add_row(r, kind_of(&row[i]), &row[i]);
        if (is_plain(&row[i]))
            add_row(r, KIND_PLAIN, &row[i]);
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

void maker_write(struct sequence *q, unsigned i)
{
    const struct unit *u = &q->unit[i];
    unsigned at = u->at - q->base;
    memcpy(q->code + at, u->bytes, u->len);
    for (unsigned k = 0; k < u->len; k++)
        q->starts[at + k] = u->starts[k / 64] >> k % 64 & 1 ? START_MOVE : NO_START;
    q->starts[u->c.at - q->base] = (uint8_t)(START_UNIT + i);
}

void maker_clear(struct sequence *q, uint32_t at, unsigned n)
{
    memset(q->code + (at - q->base), 0x90, n);
    memset(q->starts + (at - q->base), START_MOVE, n);
}

bool maker_add(struct maker *m, const struct unit *u)
{
    struct sequence *q = m->q;
    if (q->n == MAX_UNITS || u->at + u->len > m->limit)
        return false;
    q->unit[q->n] = *u;
    maker_write(q, q->n++);
    guest_code(u->at, u->bytes, u->len);
    m->at = u->at + u->len;
    return true;
}

void maker_remove_last(struct maker *m)
{
    struct unit *u = &m->q->unit[--m->q->n];
    maker_clear(m->q, u->at, u->len);
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

unsigned put_prefix(uint8_t *b, unsigned bits)
{
    b[0] = 0x66;
    return bits == 16;
}

void unit_move(struct unit *u, unsigned bits, unsigned reg, uint64_t v)
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

void unit_finish(struct unit *u, unsigned bits, const uint8_t *bytes, unsigned n)
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

bool is_good_pointer(uint64_t v)
{
    return (v >= DATA_BASE + 0x100 && v < DATA_BASE + 4 * PAGE) ||
           (v >= LOW_DATA + 0x100 && v < LOW_DATA + 2 * PAGE - 0x100);
}

/* Something about what the unit did that would spoil what comes after it. */
static bool spoils(struct maker *m, const struct state *before, const struct state *after)
{
    for (unsigned i = 0; i < 16; i++)
        if (m->held >> i & 1 && before->gpr[i] != after->gpr[i])
            return true;
    if (is_good_pointer(before->gpr[RSP]) && !is_good_pointer(after->gpr[RSP]) && !one_in(&m->r, 6))
        return true;
    bool read_only = after->vector == VEC_PF && after->cr2 - READ_ONLY < PAGE;
    return after->vector >= 0 && !one_in(&m->r, read_only ? 5 : 30);
}

bool maker_run(struct maker *m, uint64_t end)
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

bool maker_try(struct maker *m, const struct unit *u, uint64_t end)
{
    if (!maker_add(m, u))
        return false;
    if (!m->live || maker_run(m, end ? end : m->at))
        return true;
    maker_remove_last(m);
    return false;
}

bool is_pointer(uint64_t v)
{
    return is_good_pointer(v) || v - READ_ONLY < PAGE;
}

/* ---------------------------------------------------------------- random units */

static bool is_held(const struct maker *m, unsigned reg)
{
    return m->held >> reg & 1;
}

static bool is_near_page_end(uint64_t v)
{
    return v % PAGE > PAGE - 48;
}

/* At the end of a page, if there is such a pointer: there it matters what was checked. */
void choose_focus(struct maker *m)
{
    unsigned registers = m->q->bits == 64 ? 16 : 8;
    m->focus = 0;
    for (unsigned i = 0; i < 12; i++) {
        unsigned reg = below(&m->r, registers);
        if (is_pointer(m->s.gpr[reg]) && (!m->focus || is_near_page_end(m->s.gpr[reg])))
            m->focus = 1u << reg;
    }
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

static bool try_row(struct maker *m, const struct insn_row *row)
{
    struct unit u = {.at = m->at};
    struct state want = {0};
    struct follow f = {.from = &m->s, .kept = choose_kept(m), .at = m->at};
    uint64_t seed = rnd(&m->r);
    if (m->focus && is_pointer(m->s.gpr[__builtin_ctz(m->focus)]) && !one_in(&m->r, 3))
        f.through = m->focus & f.kept;
    if (!strcmp(row->mnemonic, "lea")) /* it adds, whatever it is that registers hold */
        f.kept = 0xffff, f.through = 0;
    uint32_t needs = gen_next(&u.c, &want, row, m->q->bits, &f, seed);
    if (must_be_placed(&u.c)) {
        f.kept = f.through = 0;
        needs = gen_next(&u.c, &want, row, m->q->bits, &f, seed);
    }
    if (needs & m->held || __builtin_popcount(needs) > 5)
        return false;
    make_unit(&u, &m->s, &want, needs);
    return maker_try(m, &u, 0);
}

bool add_random(struct maker *m)
{
    for (unsigned i = 0; i < 24; i++)
        if (try_row(m, pick_row(&m->r, m->q->bits, m->style)))
            return true;
    return false;
}

void add_reader(struct maker *m)
{
    const struct insn_row *row;
    for (unsigned i = 0, tries = 0; i < 40 && tries < 4; i++) {
        row = pick_row(&m->r, m->q->bits, 0);
        if (judge_reads(row) && (++tries, try_row(m, row)))
            return;
    }
}

/* ---------------------------------------------------------------- units that change pointers */

bool add_bytes(struct maker *m, const uint8_t *b, unsigned n, uint64_t end)
{
    struct unit u = {.at = m->at};
    unit_finish(&u, m->q->bits, b, n);
    return maker_try(m, &u, end);
}

bool add_step(struct maker *m, const uint8_t *b, unsigned n)
{
    struct unit u = {.at = m->at};
    struct state out;
    struct judged j = m->j;
    unit_finish(&u, m->q->bits, b, n);
    if (!m->live || !maker_add(m, &u) || judge_step(m->q, &m->s, &out, &j) || out.vector >= 0)
        return false;
    m->s = out, m->j = j;
    return true;
}

/* The same with an operand in memory. */
static bool add_access(struct maker *m, const uint8_t *b, unsigned n)
{
    struct unit u = {.at = m->at};
    unit_finish(&u, m->q->bits, b, n);
    u.c.mem = true;
    return maker_try(m, &u, 0);
}

void add_padding(struct maker *m, uint32_t end)
{
    static const uint8_t nop[] = {0x0f, 0x1f, 0x40, 0};
    struct unit u = {.at = m->at};
    if (end < m->at + sizeof nop || end - m->at > MAX_UNIT)
        return;
    while (u.at + u.len + 2 * sizeof nop <= end)
        unit_bytes(&u, nop, sizeof nop);
    unit_finish(&u, m->q->bits, nop, sizeof nop);
    maker_try(m, &u, 0);
}

/* A pointer's register, or -1; rSP only if it may be. */
static int pick_pointer(struct maker *m, bool stack)
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned reg = below(&m->r, m->q->bits == 64 ? 16 : 8);
        if (is_pointer(m->s.gpr[reg]) && (stack || reg != RSP))
            return (int)reg;
    }
    return -1;
}

/* As where a program goes through an array, or makes a frame. */
void add_advance(struct maker *m)
{
    unsigned bits = m->q->bits, n, reg;
    bool stack = one_in(&m->r, 4);
    int found = stack ? RSP : pick_pointer(m, false);
    uint8_t b[8];
    if (found < 0 || is_held(m, reg = (unsigned)found))
        return;
    n = put_prefix(b, bits);
    if (bits == 64)
        b[n++] = (uint8_t)(0x48 | reg >> 3);
    b[n++] = 0x83;
    b[n++] = (uint8_t)((one_in(&m->r, 2) ? 0xc0 : 0xe8) | (reg & 7));
    b[n++] = (uint8_t)((below(&m->r, 10) * 4 - 16) * (1 + stack));
    add_bytes(m, b, n, 0);
}

/* An instruction of two registers, or of a register and (rSP); opcodes above 0xff are of the second map. */
static unsigned put_pair(const struct maker *m, uint8_t *b, unsigned opcode, unsigned reg, int rm)
{
    unsigned n = 0, low = rm < 0 ? RSP : (unsigned)rm;
    if (m->q->bits == 64)
        b[n++] = (uint8_t)(0x48 | reg >> 3 << 2 | low >> 3);
    if (opcode >> 8)
        b[n++] = 0x0f;
    b[n++] = (uint8_t)opcode;
    b[n++] = (uint8_t)((rm < 0 ? 0 : 0xc0) | (reg & 7) << 3 | (low & 7));
    if (rm < 0)
        b[n++] = 0x24;
    return n;
}

static unsigned put_stack(const struct maker *m, uint8_t *b, unsigned opcode, unsigned reg)
{
    unsigned n = 0;
    if (m->q->bits == 64)
        b[n++] = (uint8_t)(0x40 | reg >> 3);
    b[n++] = (uint8_t)(opcode | (reg & 7));
    return n;
}

/* By way of the stack: PUSH of the one, then what brings it into the other. */
static void mix_on_stack(struct maker *m, unsigned to, unsigned from)
{
    uint8_t b[8];
    unsigned opcode = to == RAX && one_in(&m->r, 2) ? 0xfb1 /* CMPXCHG */
                      : one_in(&m->r, 2)            ? 0xfc1 /* XADD */
                                                    : 0x8b;
    if (!add_bytes(m, b, put_stack(m, b, 0x50, from), 0))
        return;
    if (one_in(&m->r, 3))
        add_bytes(m, b, put_stack(m, b, 0x58, to), 0);
    else
        add_access(m, b, put_pair(m, b, opcode, to, -1));
}

void add_mix(struct maker *m)
{
    static const uint8_t opcode[] = {0x87, 0x89, 0x8b}; /* XCHG, MOV */
    uint8_t b[8];
    int from = pick_pointer(m, false);
    unsigned to = m->focus ? (unsigned)__builtin_ctz(m->focus) : RBX, which = below(&m->r, 6);
    if (from < 0 || to == RSP || m->q->bits == 16 || is_held(m, to) || is_held(m, (unsigned)from))
        return;
    if (which < 3)
        add_bytes(m, b, put_pair(m, b, opcode[which], to, from), 0);
    else if (is_good_pointer(m->s.gpr[RSP]) && !is_held(m, RSP))
        mix_on_stack(m, to, (unsigned)from);
}

/* MOV of ECX from or to (reg + disp32), at an address. */
static bool add_absolute(struct maker *m, unsigned reg, uint32_t address)
{
    uint32_t disp = address - (uint32_t)m->s.gpr[reg];
    uint8_t b[8] = {one_in(&m->r, 2) ? 0x8b : 0x89, (uint8_t)(0x88 | reg)};
    memcpy(b + 2, &disp, 4);
    return add_access(m, b, 6);
}

void add_small_base(struct maker *m)
{
    static const struct {
        uint8_t n, bytes[3];
    } change[] = {{1, {0x99}},       {2, {0x48, 0x99}}, {1, {0x98}},       {2, {0xf7, 0xe0}},
                  {2, {0xf7, 0xe2}}, {2, {0xf7, 0xea}}, {2, {0x87, 0xc2}}, {3, {0x0f, 0xc1, 0xc2}}};
    unsigned which = below(&m->r, sizeof change / sizeof change[0]), reg = one_in(&m->r, 3) ? RAX : RDX;
    uint32_t address = DATA_BASE + PAGE + below(&m->r, 2 * PAGE - 64);
    uint8_t b[8] = {(uint8_t)(0xb8 | reg), (uint8_t)below(&m->r, 8)};
    uint32_t held = 1u << RAX | 1u << RDX | 1u << RCX;
    if (m->q->bits == 16 || m->held & held || (m->q->bits == 32 && change[which].bytes[0] == 0x48))
        return;
    if (!add_bytes(m, b, 5, 0) || !add_absolute(m, reg, address))
        return;
    uint32_t was = (uint32_t)m->s.gpr[reg];
    if (add_bytes(m, change[which].bytes, change[which].n, 0))
        add_absolute(m, reg, address + (uint32_t)m->s.gpr[reg] - was + 4);
}

/* VEX of three bytes, then opcode and ModRM. `reg` and `rm` are registers. */
struct vex_fields {
    unsigned map, w, l, opcode, reg, vvvv, rm;
};
static unsigned put_vex(uint8_t *b, const struct vex_fields *v, unsigned mod)
{
    b[0] = 0xc4;
    b[1] = (uint8_t)((v->reg & 8 ? 0 : 0x80) | 0x40 | (v->rm & 8 ? 0 : 0x20) | v->map);
    b[2] = (uint8_t)(v->w << 7 | (~v->vvvv & 15) << 3 | v->l << 2 | 1);
    b[3] = (uint8_t)v->opcode;
    b[4] = (uint8_t)(mod << 6 | (v->reg & 7) << 3 | (v->rm & 7));
    return 5;
}

/* VPSRLD, VPSRAD, VPSRLQ: of any indices, small ones. */
static bool add_indices(struct maker *m, unsigned index, unsigned from, bool wide)
{
    struct vex_fields v = {1, 0, 1, wide ? 0x73 : 0x72, !wide && one_in(&m->r, 2) ? 4 : 2, index, from};
    uint8_t b[8];
    unsigned n = put_vex(b, &v, 3);
    b[n++] = wide ? 59 : 27;
    return add_bytes(m, b, n, 0);
}

void add_gather(struct maker *m)
{
    unsigned bits = m->q->bits, wide = bits == 64 ? 8 : 0, index = below(&m->r, 8) | wide,
             opcode = 0x90 | below(&m->r, 4);
    unsigned mask = (index + 1 + below(&m->r, 3)) & 7, to = (mask + 1) & 7;
    int base = pick_pointer(m, true);
    uint8_t b[12];
    to = to == (index & 7) && !wide ? (to + 1) & 7 : to;
    if (bits == 16 || base < 0 || !guest_has(FT_AVX2) || !host_has(FT_AVX2) ||
        !add_indices(m, index, to, opcode & 1))
        return;
    if (!one_in(&m->r, 4)) /* VPCMPEQD: all elements */
        add_bytes(m, b, put_vex(b, &(struct vex_fields){1, 0, 1, 0x76, mask, mask, mask}, 3), 0);
    struct vex_fields v = {2, below(&m->r, 2), below(&m->r, 2), opcode, to, mask, (unsigned)base};
    unsigned n = put_vex(b, &v, 1);
    if (index & 8)
        b[1] &= 0xbf;
    b[n - 1] = (uint8_t)((b[n - 1] & 0xf8) | 4);
    b[n++] = (uint8_t)(below(&m->r, 4) << 6 | (index & 7) << 3 | ((unsigned)base & 7));
    b[n++] = (uint8_t)(below(&m->r, 32) - 16);
    add_access(m, b, n);
}
