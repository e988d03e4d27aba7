/* loops.c - what the processors do at a position: loops, what they read, and who wrote that last. */
#include <inttypes.h>

#include "core/why/private/flow.h"
#include "core/why/private/loops.h"

/* ---------------------------------------------------------------- the steps */

static bool see_step(void *ctx, const struct timeline_trail *s)
{
    struct cpu_loop *l = (struct cpu_loop *)ctx + (s->cpu < LOOP_CPUS ? s->cpu : 0);
    if (l->nseen == LOOP_STEPS) {
        const size_t half = LOOP_STEPS / 2;
        memmove(l->seen, l->seen + half, half * sizeof *l->seen);
        memmove(l->icount, l->icount + half, half * sizeof *l->icount);
        l->nseen = half;
    }
    l->seen[l->nseen] = s->pc;
    l->icount[l->nseen++] = s->icount;
    return true;
}

/* Its length: the least distance after which the addresses are the same. */
static void measure(struct cpu_loop *l)
{
    l->length = 0;
    for (unsigned d = 1; d <= l->nseen / 2 && !l->length; d++) {
        size_t i = 0;
        while (i + d < l->nseen && l->seen[i] == l->seen[i + d])
            i++;
        if (i + d == l->nseen)
            l->length = d;
    }
    l->times = l->length ? (unsigned)(l->nseen / l->length) : 0;
    uint64_t pc[LOOP_PCS];
    for (size_t i = 0; i < l->nseen && l->places < LOOP_PCS; i++) {
        size_t k = 0;
        while (k < l->places && pc[k] != l->seen[i])
            k++;
        if (k == l->places)
            pc[l->places++] = l->seen[i];
    }
}

/* ---------------------------------------------------------------- what it reads */

/* Returns the number of the read in the loop's list, or -1. */
static int note_read(struct why_case *c, struct cpu_loop *l, unsigned cpu, const struct decoded *d,
                     unsigned k)
{
    const cs_x86_op *op = &d->insn->detail->x86.operands[k];
    struct view_walk w;
    struct loop_read r = {.at = timeline_icount(c->tl), .size = op->size};
    r.linear = decoded_address(c->tl, d, cpu, &op->mem);
    view_walk(timeline_look(c->tl), cpu, r.linear, &w);
    if (!w.mapped || op->size > 8)
        return -1;
    r.physical = w.physical;
    r.device = timeline_peek_physical(c->tl, r.physical, &r.value, op->size) != op->size;
    const uint64_t apic = timeline_reg(c->tl, cpu, "apic_base") >> 12; /* 0: it has none */
    r.device |= (apic && r.physical >> 12 == apic) || r.physical >> 12 == 0xfee00;
    const uint8_t *prefix = d->insn->detail->x86.prefix;
    const unsigned id = d->insn->id;
    const bool writes = decoded_access(d, k) & CS_AC_WRITE;
    r.locked = writes && (prefix[0] == X86_PREFIX_LOCK || id == X86_INS_XCHG);
    r.written = writes && !r.locked;
    snprintf(r.text, sizeof r.text, "%.15s %.80s", d->insn->mnemonic, d->insn->op_str);
    const cs_x86 *x = &d->insn->detail->x86;
    if ((id == X86_INS_TEST || id == X86_INS_CMP) && x->op_count == 2 && x->operands[1].type == X86_OP_IMM)
        r.tested = id == X86_INS_TEST ? (uint64_t)x->operands[1].imm : ~(uint64_t)0 >> (64 - 8 * op->size);
    for (unsigned i = 0; i < l->nreads; i++)
        if (l->read[i].physical == r.physical) {
            l->read[i].written |= r.written;
            l->read[i].locked |= r.locked;
            return (int)i;
        }
    if (l->nreads == LOOP_READS)
        return -1;
    l->read[l->nreads++] = r;
    return (int)l->nreads - 1;
}

/* `test al, 8` after a read: the bits that matter. Of a port they are those that are tested first after it is read. */
static void note_test(struct cpu_loop *l, const struct decoded *d)
{
    const cs_x86 *x = &d->insn->detail->x86;
    const unsigned id = d->insn->id;
    if ((id == X86_INS_TEST || id == X86_INS_AND) && x->op_count == 2 && x->operands[0].type == X86_OP_REG &&
        x->operands[1].type == X86_OP_IMM) {
        const uint64_t bits = (uint64_t)x->operands[1].imm;
        if (!l->in_tested)
            l->bits = bits;
        if (!l->first_tested)
            l->first_tested = bits;
        l->in_tested = l->in;
        if (l->nreads && !l->read[l->nreads - 1].tested)
            l->read[l->nreads - 1].tested = bits;
    }
}

/* Capstone's group of jumps lacks LOOP and its kind. */
static bool jumps(const cs_insn *insn)
{
    return insn_in_group(insn, X86_GRP_JUMP) || insn->id == X86_INS_LOOP || insn->id == X86_INS_LOOPE ||
           insn->id == X86_INS_LOOPNE;
}

/* A conditional branch whose other way is not among what the loop executes. */
static bool leaves(const struct cpu_loop *l, const struct decoded *d, size_t i)
{
    const cs_x86 *x = &d->insn->detail->x86;
    const unsigned id = d->insn->id;
    const uint64_t after = d->insn->address + d->insn->size;
    if (!l->length || i + 1 >= l->nseen || !jumps(d->insn) || id == X86_INS_JMP || x->op_count != 1 ||
        x->operands[0].type != X86_OP_IMM)
        return false;
    const uint64_t other = l->seen[i + 1] == after ? (uint64_t)x->operands[0].imm : after;
    for (size_t k = l->nseen - l->length; k < l->nseen; k++)
        if ((uint32_t)l->seen[k] == (uint32_t)other)
            return false;
    return true;
}

static void see_insn(struct why_case *c, struct cpu_loop *l, struct flow *flow, unsigned cpu, size_t i)
{
    struct decoded d;
    uint64_t sources[FLOW_OPERANDS] = {0};
    if (!decoded_open(c->tl, cpu, &d))
        return;
    const cs_x86 *x = &d.insn->detail->x86;
    const unsigned id = d.insn->id;
    l->halts |= id == X86_INS_HLT;
    if (id == X86_INS_IN) {
        l->in = l->port_read = true;
        l->port = x->operands[1].type == X86_OP_IMM ? (uint64_t)x->operands[1].imm
                                                    : timeline_reg(c->tl, cpu, "rdx") & 0xffff;
    }
    l->clock |= id == X86_INS_RDTSC || id == X86_INS_RDTSCP;
    l->strings |= x->prefix[0] == X86_PREFIX_REP || x->prefix[0] == X86_PREFIX_REPNE;
    for (unsigned k = 0; k < x->op_count; k++)
        if (x->operands[k].type == X86_OP_MEM && id != X86_INS_LEA && id != X86_INS_NOP &&
            x->operands[k].access) {
            const int n = note_read(c, l, cpu, &d, k);
            if (k < FLOW_OPERANDS)
                sources[k] = n >= 0 ? 1ull << n : FLOW_CARRIED;
        }
    note_test(l, &d);
    flow_step(flow, c, cpu, &d, sources, leaves(l, &d, i));
    /* The next step began elsewhere, and the instruction goes nowhere: an exception or interrupt was delivered. */
    const uint64_t end = d.insn->address + d.insn->size;
    const bool flows = jumps(d.insn) || insn_in_group(d.insn, X86_GRP_CALL) ||
                       insn_in_group(d.insn, X86_GRP_RET) || insn_in_group(d.insn, X86_GRP_IRET) ||
                       insn_in_group(d.insn, X86_GRP_INT);
    if (i + 1 < l->nseen && !flows && l->seen[i + 1] != end && l->seen[i + 1] != l->seen[i]) {
        l->delivers = true;
        l->delivered = l->icount[i];
    }
    decoded_close(&d);
}

/* The general registers that are others one turn after that step, as bits. */
static uint32_t changed_registers(struct why_case *c, const struct cpu_loop *l, unsigned cpu, size_t at)
{
    static const char *const names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                          "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    uint64_t before[16] = {0};
    uint32_t changed = 0;
    if (at + l->length >= l->nseen || !case_go(c, l->icount[at]))
        return 0;
    for (unsigned i = 0; i < 16; i++)
        before[i] = timeline_reg(c->tl, cpu, names[i]);
    if (!case_go(c, l->icount[at + l->length]))
        return 0;
    for (unsigned i = 0; i < 16; i++)
        changed |= (uint32_t)(before[i] != timeline_reg(c->tl, cpu, names[i])) << i;
    return changed;
}

static void what_decides(struct cpu_loop *l, const struct flow *flow)
{
    l->exits = flow->exits;
    l->port_decides = flow->left_by & FLOW_PORT;
    l->clock_decides = flow->left_by & FLOW_CLOCK;
    l->carried |= (flow->left_by & FLOW_CARRIED) != 0;
    for (unsigned i = 0; i < l->nreads; i++)
        l->read[i].decides = flow->left_by >> i & 1;
}

/* One turn of the loop, or, without one, the last steps. */
static void see_turn(struct why_case *c, struct cpu_loop *l, unsigned cpu)
{
    struct flow flow;
    enum { LAST = 64, MOST = 512 };
    const size_t share = MOST / timeline_cpus(c->tl), most = share > LAST ? share : LAST;
    size_t n = l->length ? l->length : LAST;
    n = n < most ? n : most;
    n = n < l->nseen ? n : l->nseen;
    /* The turn before the last one, so that each of its steps has one after it. */
    size_t from = l->nseen - n;
    if (l->length && from >= l->length)
        from -= l->length;
    flow_begin(&flow, l->length ? changed_registers(c, l, cpu, from) : 0);
    /* Twice: what a branch at the beginning of a turn depends on was read in the turn before. */
    for (unsigned pass = 0; pass < (l->length ? 2 : 1); pass++) {
        flow_again(&flow);
        for (size_t i = from; i < from + n; i++)
            if (case_go(c, l->icount[i]))
                see_insn(c, l, &flow, cpu, i);
    }
    l->carried = n < l->length; /* what was not looked at may change anything */
    what_decides(l, &flow);
    if (l->in && !l->in_tested && l->first_tested)
        l->bits = l->first_tested; /* the port is read at the end of the turn */
}

/* The instruction there reads that address. */
static bool reads(struct why_case *c, unsigned cpu, uint64_t linear)
{
    struct decoded d;
    bool found = false;
    if (!decoded_open(c->tl, cpu, &d))
        return true;
    const cs_x86 *x = &d.insn->detail->x86;
    for (unsigned k = 0; k < x->op_count; k++)
        found |= x->operands[k].type == X86_OP_MEM &&
                 decoded_address(c->tl, &d, cpu, &x->operands[k].mem) == linear;
    decoded_close(&d);
    return found;
}

/* The general registers, added up in a way that tells them apart. */
static uint64_t registers(struct why_case *c, unsigned cpu)
{
    static const char *const names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
                                        "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        sum = sum * 0x100000001b3 + timeline_reg(c->tl, cpu, names[i]);
    return sum;
}

/* What differs from turn to turn: a loop that goes through memory, or counts, waits for nothing. */
static void see_changes(struct why_case *c, struct cpu_loop *l, unsigned cpu)
{
    if (!l->length || l->nseen < 3 * (size_t)l->length)
        return;
    for (unsigned k = 0; k < l->nreads; k++)
        for (size_t i = l->nseen; i-- > l->length;)
            if (l->icount[i] == l->read[k].at) {
                l->read[k].moves = case_go(c, l->icount[i - l->length]) && !reads(c, cpu, l->read[k].linear);
                break;
            }
    const size_t last = l->nseen - 1;
    if (case_go(c, l->icount[last])) {
        const uint64_t now = registers(c, cpu);
        l->counts = case_go(c, l->icount[last - l->length]) && registers(c, cpu) != now;
    }
}

/* Which of the words the loop itself wrote to as it went round: not those that stayed as they were. */
static void values_at_end(struct why_case *c, struct cpu_loop *l)
{
    for (unsigned i = 0; i < l->nreads; i++) {
        uint64_t now = 0;
        struct loop_read *r = &l->read[i];
        if (r->device)
            continue;
        timeline_peek_physical(c->tl, r->physical, &now, r->size);
        r->written |= now != r->value;
        r->value = now;
    }
    for (unsigned i = 0; i < l->nreads; i++)
        l->carried |= l->read[i].decides && (l->read[i].moves || (l->read[i].written && !l->read[i].locked));
}

static void look_at(struct why_case *c, struct cpu_loop *l, unsigned cpu)
{
    char section[16];
    uint64_t halted = 0, waits = 0;
    snprintf(section, sizeof section, "cpu%u", cpu);
    timeline_field(c->tl, section, "halted", 0, &halted);
    timeline_field(c->tl, section, "wait_sipi", 0, &waits);
    l->pc = timeline_pc(c->tl, cpu);
    l->interrupts = timeline_reg(c->tl, cpu, "eflags") & 0x200;
    l->does = waits                      ? CPU_NOT_STARTED
              : halted && !l->interrupts ? CPU_HALTED_FOR_GOOD
              : halted                   ? CPU_HALTED
                                         : CPU_BUSY;
}

static bool seen_enough(const struct cpu_loop *l, unsigned n)
{
    enum { ENOUGH = 256 };
    for (unsigned i = 0; i < n; i++)
        if (l[i].does == CPU_BUSY && l[i].nseen < ENOUGH)
            return false;
    return true;
}

/* The last steps of each processor, and where it is at the end. Processors take turns, of thousands of steps or of a few, so the last
 * steps of one may be far back: looks further and further until it has seen enough of each. False if the steps cannot be run. */
static bool see_steps(struct why_case *c, struct cpu_loop *l, unsigned n)
{
    enum { FARTHEST = 1 << 21 };
    const uint64_t past = c->at - c->now.begin;
    struct error ignored;
    bool seen = false;
    for (uint64_t back = (uint64_t)LOOP_STEPS * (n < 8 ? n : 8); !seen; back *= 4) {
        const uint64_t from = past > back ? c->at - back : c->now.begin + 1;
        for (unsigned i = 0; i < n; i++)
            l[i].nseen = 0;
        if (from < c->at && (!case_go(c, from) || timeline_trail(c->tl, from, c->at, see_step, l, &ignored)))
            return false;
        if (!case_go(c, c->at))
            return false;
        for (unsigned i = 0; i < n; i++)
            look_at(c, &l[i], i);
        seen = past <= back || back >= FARTHEST || seen_enough(l, n);
    }
    return true;
}

struct cpu_loop *loops_find(struct why_case *c, unsigned n)
{
    struct cpu_loop *l = mem_zero(LOOP_CPUS, sizeof *l);
    if (n > LOOP_CPUS || !see_steps(c, l, n)) {
        free(l);
        return NULL;
    }
    for (unsigned i = 0; i < n; i++) {
        measure(&l[i]);
        if (l[i].does == CPU_BUSY && l[i].length)
            l[i].does = CPU_LOOPS;
    }
    for (unsigned i = 0; i < n; i++)
        if (l[i].does == CPU_LOOPS || l[i].does == CPU_BUSY) {
            see_turn(c, &l[i], i);
            see_changes(c, &l[i], i);
        }
    if (!case_go(c, c->at)) {
        free(l);
        return NULL;
    }
    for (unsigned i = 0; i < n; i++)
        values_at_end(c, &l[i]);
    return l;
}

/* ---------------------------------------------------------------- who wrote it */

static uint64_t word_now(struct why_case *c, const struct loop_read *r)
{
    uint64_t v = 0;
    timeline_peek_physical(c->tl, r->physical, &v, r->size);
    return v;
}

static bool is_of(const struct cpu_loop *l, uint64_t pc)
{
    for (size_t i = 0; i < l->nseen; i++)
        if (l->seen[i] == pc)
            return true;
    return false;
}

static bool in_loop_at(struct why_case *c, const struct cpu_loop *l, unsigned cpu, uint64_t icount)
{
    return case_go(c, icount) && is_of(l, timeline_pc(c->tl, cpu));
}

/* The last checkpoint of the trace at which the processor was not in the loop yet, and the next: going there runs nothing. */
static void around_entry(struct why_case *c, const struct cpu_loop *l, unsigned cpu, uint64_t *out,
                         uint64_t *in)
{
    for (size_t i = trace_checkpoint_count(c->t); i--;) {
        const uint64_t at = trace_checkpoint(c->t, i)->icount;
        if (at >= *in)
            continue;
        if (at <= c->now.begin)
            return;
        if (!in_loop_at(c, l, cpu, at)) {
            *out = at;
            return;
        }
        *in = at;
    }
}

/* A position at which the processor was not in the loop yet. A loop that tries to take a lock writes it each time: those writes do not
 * count, and may be millions. */
uint64_t loops_entered(struct why_case *c, const struct cpu_loop *l, unsigned cpu)
{
    uint64_t in = c->at, out = c->now.begin;
    around_entry(c, l, cpu, &out, &in);
    /* Forwards, so that nothing is run twice. */
    const uint64_t begin = out;
    for (uint64_t ahead = 1 << 14; begin + ahead < in; ahead *= 8) {
        if (in_loop_at(c, l, cpu, begin + ahead))
            in = begin + ahead;
        else
            out = begin + ahead;
    }
    while (in - out > 1) {
        const uint64_t middle = out + (in - out) / 2;
        if (in_loop_at(c, l, cpu, middle))
            in = middle;
        else
            out = middle;
    }
    return in;
}

struct last_writer loops_writer(struct why_case *c, const struct cpu_loop *l, unsigned cpu,
                                const struct loop_read *r)
{
    enum { WRITES = 16 };
    struct timeline_stopped s;
    struct error ignored;
    struct last_writer w = {0};
    const uint64_t mask = r->tested && r->size <= 8 ? r->tested : ~(uint64_t)0, low = r->value & 0xff;
    uint64_t at = r->locked ? loops_entered(c, l, cpu) : c->at;
    if (!case_go(c, at))
        return w;
    /* In the lowest byte, if there is something in it: a lock's state; others hold who waits. */
    const uint64_t matters = low && r->locked ? 0xff : mask;
    for (unsigned i = 0; i < WRITES; i++) {
        uint64_t after = word_now(c, r);
        if (timeline_last_write_physical(c->tl, r->physical, r->size, &s, &ignored) ||
            s.reason != TIMELINE_WATCHPOINT)
            return (struct last_writer){0};
        w = (struct last_writer){.found = true, .device = s.device, .icount = s.icount, .cpu = s.cpu};
        w.pc = timeline_pc(c->tl, s.cpu);
        w.before = word_now(c, r);
        w.after = after;
        if ((w.before ^ after) & matters)
            break;
    }
    return w;
}

/* ---------------------------------------------------------------- in words */

void loops_text(struct why_case *c, const struct cpu_loop *l, unsigned cpu, struct text *out)
{
    char where[PLACE_TEXT];
    case_address(c, c->at, cpu, l->pc, where);
    switch (l->does) {
    case CPU_NOT_STARTED:
        text_add(out, "was never started: no SIPI has come to it");
        break;
    case CPU_HALTED_FOR_GOOD:
        text_add(out, "is halted with interrupts off at %s", where);
        break;
    case CPU_HALTED:
        text_add(out, "waits in HLT at %s", where);
        break;
    case CPU_LOOPS:
        text_add(out, "is in a loop of %u instruction%s at %s with interrupts %s", l->length,
                 l->length == 1 ? "" : "s", where, l->interrupts ? "on" : "off");
        break;
    case CPU_BUSY:
        text_add(out, "executes code at %s", where);
        break;
    }
}
