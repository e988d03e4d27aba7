/* sequence.c - makes sequences, varies the states they begin with, and prints them.
 */
#include "tests/native/make.h"

#include <capstone/capstone.h>
#include <string.h>

#include "hv/x86/decode/insn.h"

/* ---------------------------------------------------------------- the whole */

/* Now and then one to where memory is read-only, or to about the end of a page. */
static uint64_t first_pointer(struct rng *r, unsigned bits)
{
    uint32_t middle = 0x200 + below(r, 0x1c00), back = below(r, 32);
    if (bits == 16)
        return LOW_DATA + middle;
    if (one_in(r, 8))
        return READ_ONLY + middle % PAGE;
    return one_in(r, 3) ? DATA_BASE + below(r, 5) * PAGE - back : DATA_BASE + middle;
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
    maker_clear(q, q->base, WINDOW);
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
    if (!m->focus || one_in(&m->r, 10))
        choose_focus(m);
    switch (below(&m->r, 22)) {
    case 0:
        add_branch(m);
        break;
    case 1:
    case 7:
    case 10:
        add_joined(m);
        break;
    case 8:
        add_mix(m);
        break;
    case 9:
        add_small_base(m);
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
    for (unsigned n = 4 + below(&m.r, 37); n; n--) {
        if (!m.ended || one_in(&m.r, 4)) /* a few that are not reached */
            add_next(&m);
        if (seed % 8 == 7 && n % 4 == 0) /* not in all: seeds that once failed stay what they are */
            add_gather(&m);
    }
    finish(&m);
}

void sequence_place(struct sequence *q)
{
    uint8_t *host = (uint8_t *)(uintptr_t)q->base;
    maker_clear(q, q->base, WINDOW);
    for (unsigned i = 0; i < q->n; i++)
        if (!q->unit[i].dropped)
            maker_write(q, i);
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

/* A pointer to where a fault awaits: at the end of a page, in one that is absent or read-only, or to no address at all. */
static uint64_t bad_pointer(struct rng *r, unsigned bits)
{
    uint32_t part = below(r, 16), absent = bits == 16 ? LOW_DATA + 2 * PAGE : DATA_BASE + 4 * PAGE;
    switch (below(r, bits == 16 ? 2 : bits == 32 ? 3 : 4)) {
    case 0:
        return absent - part;
    case 1:
        return absent + 0x100 + part;
    case 2:
        return READ_ONLY + 0x100 + part;
    default:
        return (0x8000ull << 32) + part;
    }
}

static void spoil_pointer(struct rng *r, unsigned bits, struct state *s)
{
    unsigned reg = below(r, bits == 64 ? 16 : 8);
    for (unsigned i = 0; i < 16 && !is_pointer(s->gpr[reg]); i++)
        reg = below(r, bits == 64 ? 16 : 8);
    s->gpr[reg] = bad_pointer(r, bits);
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
    if (one_in(&r, 3))
        spoil_pointer(&r, q->bits, s);
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
