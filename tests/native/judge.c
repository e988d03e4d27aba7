/* judge.c - whether the results of a sequence are defined, and the same with every processor.
 *
 * What an instruction leaves undefined is known from compare.c, and where Intel and AMD differ from
 * differences.c. Of a sequence, everything must be defined but flags and bits of the x87 status word. Those that
 * are not are followed: an instruction that reads one ends the matter, and whether one passes an instruction
 * unchanged is seen by executing it with the opposite flags as well.
 */
#include <string.h>

#include "hv/x86/decode/insn.h"
#include "tests/native/sequence.h"
#include "tests/native/vendor.h"

enum { MOST_STEPS = 3000, NEAR = 0x400 };

/* ---------------------------------------------------------------- what reads flags */

/* By bits 1-3 of a condition. */
static const unsigned condition_flags[8] = {OF, CF, ZF, CF | ZF, SF, PF, SF | OF, ZF | SF | OF};

static const struct {
    const char *mnemonics;
    unsigned flags;
} readers[] = {
    {"adc adcx sbb rcl rcr cmc salc fcmovb fcmovnb", CF},
    {"adox", OF},
    {"loope loopne fcmove fcmovne", ZF},
    {"fcmovbe fcmovnbe", CF | ZF},
    {"fcmovu fcmovnu", PF},
    {"daa das", CF | AF},
    {"aaa aas", AF},
    {"lahf", FLAGS_ARITH & ~OF},
    {"pushf into", FLAGS_ARITH},
};

static bool is_conditional(const struct insn_row *row)
{
    if (row->map == M1)
        return (row->opcode & 0xf0) == 0x70;
    return row->map == M0F && row->pfx == P__ &&
           ((row->opcode & 0xf0) == 0x40 || (row->opcode & 0xe0) == 0x80);
}

unsigned judge_reads(const struct insn_row *row)
{
    if (is_conditional(row))
        return condition_flags[row->opcode >> 1 & 7];
    for (unsigned i = 0; i < sizeof readers / sizeof readers[0]; i++)
        if (one_of(row->mnemonic, readers[i].mnemonics))
            return readers[i].flags;
    return 0;
}

static bool reads_status(const struct insn_row *row)
{
    return one_of(row->mnemonic, "fnstsw fnstenv fnsave fxsave");
}

/* ---------------------------------------------------------------- code */

const struct insn_case *sequence_case(const struct sequence *q, uint64_t rip)
{
    uint64_t at = rip - q->base;
    return at < WINDOW && q->starts[at] >= START_UNIT ? &q->unit[q->starts[at] - START_UNIT].c : NULL;
}

static bool is_start(const struct sequence *q, uint64_t rip)
{
    return rip == q->end || (rip - q->base < WINDOW && q->starts[rip - q->base] != NO_START);
}

/* What a page of code shall be: the host's, but for the window, which the host may not have yet. */
static void expected_page(const struct sequence *q, uint32_t at, uint8_t *page)
{
    memcpy(page, (void *)(uintptr_t)at, PAGE);
    for (uint32_t a = at > q->base ? at : q->base; a < at + PAGE && a < q->base + WINDOW; a++)
        page[a - at] = q->code[a - q->base];
}

/* Is all code as it was? If not, it is again. */
static bool is_code_whole(const struct sequence *q)
{
    bool whole = true;
    for (unsigned r = 0; r < NREGIONS; r++)
        for (unsigned p = 0; p < regions[r].pages; p++) {
            uint32_t at = regions[r].base + p * PAGE;
            uint8_t page[PAGE];
            if (regions[r].kind[p] != PAGE_CODE)
                continue;
            expected_page(q, at, page);
            if (memcmp(page, guest_memory(at), PAGE)) {
                guest_code(at, page, PAGE);
                whole = false;
            }
        }
    return whole;
}

/* ---------------------------------------------------------------- the judgement of a step */

static bool same_state(const struct state *a, const struct state *b)
{
    return !memcmp(a->gpr, b->gpr, sizeof a->gpr) && !memcmp(a->fx, b->fx, FX_SIZE) && a->rip == b->rip &&
           a->flags == b->flags && a->vector == b->vector;
}

/* Is the result the same with each vendor's processors? The rules run other instructions in its place. */
static bool vendors_agree(const struct sequence *q, const struct difference *d, const struct insn_case *c,
                          const struct state *in, const struct state *out)
{
    static struct memory after;
    struct state other = *out;
    if (out->vector >= 0)
        return false;
    memory_take(&after, false);
    d->apply(c, in, &other);
    bool same = memory_is(&after, false) && same_state(out, &other);
    memory_put(&after, false);
    guest_code(q->base, q->code, WINDOW);
    return same;
}

/* A fault whose address is not the business of other memory in the host's process. */
static bool is_fair(const struct state *out)
{
    if (out->vector == VEC_DB || out->vector == VEC_BP)
        return false;
    if (out->vector != VEC_PF)
        return true;
    for (unsigned i = 0; i < NREGIONS; i++)
        if (out->cr2 + NEAR - regions[i].base < regions[i].pages * PAGE + 2u * NEAR)
            return !(out->error & 0x10);
    return false;
}

/* With checks of alignment, some instructions have several faults to choose from. */
static bool is_clear_with_ac(const struct insn_row *row)
{
    return (row->feature == FT_BASE || row->feature == FT_CMOV) &&
           !one_of(row->mnemonic, "pusha popa enter leave");
}

/* AMD's processors (seen with Zen 5) copy with 16-bit addresses as if the areas did not overlap when upper bits of EDI
 * are set: "REP MOVSB" then does not repeat a pattern. */
static bool may_miss_overlap(const struct insn_case *c, const struct state *in)
{
    return c->rep && c->asize == 0 && !strcmp(c->row->mnemonic, "movs") &&
           (uint32_t)(in->gpr[RSI] | in->gpr[RDI]) >> 16;
}

/* What is undefined, or the processor's own, in what a case did. */
static const char *unclear(const struct insn_case *c, const struct state *in, const struct state *out)
{
    const char *m = c->row->mnemonic;
    if (!is_defined(c, in, out))
        return "an undefined result";
    if (out->vector >= 0 && !is_fair(out))
        return "a fault outside";
    if (in->flags & FLAG_AC && !is_clear_with_ac(c->row))
        return "checks of alignment";
    if (out->flags & FLAG_TF)
        return "single steps";
    if (!strncmp(m, "fprem", 5) && fx_word(out, FX_FSW) & 0x400)
        return "a remainder in part";
    if (!strcmp(m, "ldmxcsr") && out->vector == VEC_GP)
        return "bits of MXCSR that some have"; /* bit 17 is AMD's misaligned mode */
    if (!strcmp(m, "emms") && fx_word(in, FX_FSW) & 0x3800)
        return "EMMS without MMX";
    if (may_miss_overlap(c, in))
        return "a copy of areas that may overlap";
    return NULL;
}

static bool may_write(const struct insn_case *c)
{
    return c->mem || c->row->flags & F_REP ||
           one_of(c->row->mnemonic, "push pusha pushf call enter maskmovq maskmovdqu");
}

/* The flags that the instruction has let pass, of those that are undefined: it is executed once more with the opposite
 * ones, from the memory that guest_keep() has. */
static unsigned passed(const struct sequence *q, const struct insn_case *c, const struct state *in,
                       const struct state *out, unsigned undefined)
{
    static struct memory after;
    struct state from = *in, other;
    bool writes = may_write(c);
    if (!undefined)
        return 0;
    if (writes)
        memory_take(&after, false), guest_restore();
    from.flags ^= undefined;
    guest_continue(q->bits, &from, &other, 1);
    if (writes)
        memory_put(&after, false);
    return (unsigned)(out->flags ^ other.flags) & FLAGS_ARITH;
}

static const char *judge_case(const struct sequence *q, const struct insn_case *c, const struct state *in,
                              struct state *out, struct judged *j)
{
    const struct difference *d = difference_of(c);
    bool again =
        d || (j->flags && may_write(c)); /* it is executed once more, which must not show in memory */
    if (judge_reads(c->row) & j->flags || (reads_status(c->row) && j->status))
        return "reads undefined flags";
    if (again)
        guest_keep();
    j->steps += guest_continue(q->bits, in, out, 1);
    const char *why = unclear(c, in, out);
    if (why)
        return why;
    if (again && !is_code_whole(q))
        return "changes code";
    unsigned kept = passed(q, c, in, out, j->flags);
    if (d && !vendors_agree(q, d, c, in, out))
        return "vendors differ";
    if (out->vector >= 0) {
        j->cr2 = undefined_cr2(c);
        return NULL;
    }
    j->flags = kept | (undefined_flags(c, in, out) & FLAGS_ARITH);
    j->status |= undefined_status(c->row->mnemonic);
    return is_start(q, out->rip) ? NULL : "leaves the sequence";
}

const char *judge_step(const struct sequence *q, const struct state *in, struct state *out, struct judged *j)
{
    const struct insn_case *c = sequence_case(q, in->rip);
    if (c)
        return judge_case(q, c, in, out, j);
    j->steps += guest_continue(q->bits, in, out, 1);
    return out->vector < 0 && is_start(q, out->rip) ? NULL : "a move faults";
}

/* ---------------------------------------------------------------- runs */

const char *judge_run(const struct sequence *q, const struct state *in, struct state *out, struct judged *j,
                      uint64_t end)
{
    struct state from = *in;
    const char *why = NULL;
    *out = *in;
    for (uint64_t most = j->steps + MOST_STEPS; out->rip != end && !why; from = *out) {
        why = j->steps < most ? judge_step(q, &from, out, j) : "too many steps";
        if (out->vector >= 0)
            break;
    }
    return is_code_whole(q) ? why : "changes code";
}
