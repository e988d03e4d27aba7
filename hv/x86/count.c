/* count.c - how often each instruction is left to the interpreter, in builds that count. */
#include "hv/x86/count.h"

#ifdef BOOTREEL_COUNT
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "hv/x86/decode/insn.h"
#include "hv/x86/jit/jit.h"

/* An instruction's form: mode (2 bits), operand size (2), memory operand, repeated or locked, why (2). */
enum { FORMS = 256 };

struct counts {
    uint64_t steps;
    uint64_t of[][FORMS];
};

static size_t number_of_rows(void)
{
    size_t n;
    insn_rows(&n);
    return n;
}

struct counts *counts_create(void)
{
    return mem_zero(1, sizeof(struct counts) + number_of_rows() * FORMS * sizeof(uint64_t));
}

/* 0: 16-bit code, 1: 32-bit, 2: 64-bit, 3: 32-bit code in flat segments. */
static unsigned mode_of(const struct block *b)
{
    return b->id & KEY_FLAT ? 3 : b->id & 3;
}

uint64_t *count_place(struct counts *c, const struct block *b, const struct op *op, enum count_why why)
{
    unsigned form = mode_of(b) | (unsigned)op->osize << 2 | !!(op->pfx & PFX_MEM) << 4 |
                    !!(op->pfx & (PFX_REP | PFX_REPNE | PFX_LOCK)) << 5 | (unsigned)why << 6;
    return op->row == NO_ROW ? NULL : &c->of[op->row][form];
}

static enum count_why why_interpreted(const struct x86 *cpu, const struct op *op)
{
    struct jit *j = physmem_jit(cpu->mem);
    const struct block *b = cpu->block;
    if (!jit_compiles(j, b, op))
        return COUNT_NEVER;
    bool compiled = jit_has(j, b->ops[0].fn) || jit_has(j, b->first) || jit_has(j, b->unnoted);
    return compiled ? COUNT_AFTER : COUNT_COLD;
}

void count_more(struct x86 *cpu, const struct op *op, uint64_t steps)
{
    enum count_why why = why_interpreted(cpu, op);
    uint64_t *at = count_place(cpu->counts, cpu->block, op, why);
    if (at)
        *at += steps;
}

void count_op(struct x86 *cpu, const struct op *op)
{
    if (!jit_has(physmem_jit(cpu->mem), op->fn))
        count_more(cpu, op, 1);
}

void count_steps(struct x86 *cpu, uint64_t steps)
{
    cpu->counts->steps += steps;
}

static void print_form(FILE *out, const struct counts *c, size_t row, unsigned form)
{
    static const char *const mode[] = {"16", "32", "64", "flat"}, *const why[] = {"cold", "left", "never",
                                                                                  "after"};
    const struct insn_row *r = &insn_rows(NULL)[row];
    fprintf(out, "%" PRIu64 "\t%s\t%s\t%s\t%u\t%s\t%s\n", c->of[row][form], why[form >> 6], mode[form & 3],
            r->mnemonic, 8u << (form >> 2 & 3), form >> 4 & 1 ? "memory" : "register",
            form >> 5 & 1 ? "prefix" : "-");
}

void counts_end(struct counts *c)
{
    const char *path = getenv("BOOTREEL_COUNT");
    FILE *out = path && *path ? fopen(path, "a") : NULL;
    for (size_t row = 0; out && row < number_of_rows(); row++)
        for (unsigned form = 0; form < FORMS; form++)
            if (c->of[row][form])
                print_form(out, c, row, form);
    if (out) {
        fprintf(out, "%" PRIu64 "\tall\n", c->steps);
        fclose(out);
    }
    free(c);
}
#endif
