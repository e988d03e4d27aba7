/* gen.h - between gen.c (encodings), address.c (memory operands) and operands.c (what registers and memory
 * particular instructions need). */
#ifndef BOOTREEL_TESTS_NATIVE_GEN_H
#define BOOTREEL_TESTS_NATIVE_GEN_H

#include <string.h>

#include "hv/x86/decode/insn.h"
#include "tests/native/native.h"

struct gen {
    struct rng r;
    struct insn_case *c;
    struct state *s;
    const struct insn_row *row;
    bool p66, p67, lock;
    uint8_t rep, rex; /* prefix bytes, 0: none */
    uint8_t modrm;
    bool l, w;           /* VEX */
    uint8_t vvvv, index; /* index: of a gather */
    uint32_t fixed;      /* registers whose value must stay: a bit each */
    unsigned size;       /* bytes of the memory operand */
    int64_t imm;
    bool imm_chosen;
    const struct special *special;
    /* in a sequence: the state that the instruction meets, and the registers that shall stay as they are in it */
    const struct state *from;
    uint32_t kept, through; /* as in struct follow */
};

/* What a mnemonic needs beyond random operands. */
struct special {
    const char *mnemonic;
    /* registers, before the memory operand is encoded; and memory, after */
    void (*before)(struct gen *);
    void (*after)(struct gen *);
    unsigned size; /* of the memory operand, if not what the operand's kind says */
};
const struct special *special_of(const char *mnemonic);

static inline unsigned opsize(const struct gen *g)
{
    return 1u << g->c->osize;
}
/* Addresses are this many bits wide. */
static inline uint64_t amask(const struct gen *g)
{
    return g->c->asize == 2 ? ~0ull : g->c->asize == 1 ? 0xffffffffull : 0xffff;
}
/* Set a register that holds an address or a count, leaving anything in the bits that the address size does
 * not use. */
static inline void set_areg(struct gen *g, unsigned reg, uint64_t v)
{
    g->s->gpr[reg] = (v & amask(g)) | (g->s->gpr[reg] & ~amask(g));
    g->fixed |= 1u << reg;
}

static inline void put(struct insn_case *c, uint64_t v, unsigned n)
{
    memcpy(c->bytes + c->len, &v, n);
    c->len += n;
}
/* The register that the reg field of ModRM names. */
static inline unsigned reg_field(const struct gen *g)
{
    return (g->modrm >> 3 & 7u) | (g->rex & 4 ? 8u : 0);
}
bool has_operand(const struct insn_row *row, enum operand o);

/* ---- address.c ---- */
/* What follows ModRM for a memory operand. */
void emit_memory(struct gen *);
/* Addresses of nothing that belongs to the test itself: only the regions and what is near them, and what is not
 * canonical. */
bool is_safe(uint64_t address);

/* ---- operands.c ---- */
/* An address for `size` bytes: mostly good memory, sometimes across pages, misaligned, or where a fault
 * awaits. */
uint64_t pick_address(struct gen *, unsigned size);
/* Write to the memory of both, as far as it is writable. */
void poke(uint64_t address, const void *bytes, unsigned n);
bool is_absent(uint64_t address);
/* The memory that was poked, or zeros. */
void peek(uint64_t address, void *bytes, unsigned n);

#endif
