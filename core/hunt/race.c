/* race.c - see race.h. Accesses are those that instructions name as operands; pushes, pops, calls and returns do not count, as
 * processors have stacks of their own. */
#include "core/hunt/race.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/views/decoded.h"

enum {
    BEFORE = 64,    /* steps before the place */
    BETWEEN = 4096, /* … of the others, until the processor goes on */
    AFTER = 64,     /* … of that processor from there on */
    OPERANDS = 2
};

struct access {
    struct race_access by;
    uint64_t address;
    unsigned size;
};

/* What the next instruction of a processor accesses. */
struct next {
    struct access access[OPERANDS];
    size_t n;
};

struct search {
    struct timeline *tl;
    struct decoded decoded;
    struct next next[ENGINE_CPUS];
    struct access *list; /* in the order of the run */
    size_t n, room;
};

/* Looks at the next instruction of a processor. Its registers stay as they are until it executes it. */
static void look_ahead(struct search *s, unsigned cpu)
{
    struct next *next = &s->next[cpu];
    struct decoded *d = &s->decoded;
    next->n = 0;
    if (timeline_code_bits(s->tl, cpu) == 16 || !decoded_next(s->tl, cpu, d) || d->insn->id == X86_INS_LEA ||
        d->insn->id == X86_INS_NOP)
        return;
    for (unsigned i = 0; i < d->insn->detail->x86.op_count && next->n < OPERANDS; i++) {
        const cs_x86_op *op = &d->insn->detail->x86.operands[i];
        if (op->type == X86_OP_MEM)
            next->access[next->n++] = (struct access){.by = {.cpu = cpu,
                                                             .written = decoded_access(d, i) & CS_AC_WRITE,
                                                             .pc = timeline_pc(s->tl, cpu)},
                                                      .address = decoded_address(s->tl, d, cpu, &op->mem),
                                                      .size = op->size};
    }
}

/* Makes a step, and notes what it accessed. Returns the processor that made it; -1 at the end of the run or with err. */
static int step(struct search *s, struct error *err)
{
    struct timeline_stopped stopped;
    struct timeline_where w;
    const uint64_t icount = timeline_icount(s->tl);
    if (timeline_step(s->tl, TIMELINE_FORWARD, 1, &stopped, err) || timeline_icount(s->tl) == icount)
        return -1;
    timeline_where(s->tl, &w);
    const struct next *next = &s->next[w.cpu];
    for (size_t i = 0; i < next->n; i++) {
        s->list = mem_grow(s->list, &s->room, s->n + 1, sizeof *s->list);
        s->list[s->n] = next->access[i];
        s->list[s->n++].by.icount = icount;
    }
    look_ahead(s, w.cpu);
    return (int)w.cpu;
}

/* Notes all accesses around the place. */
static int collect(struct search *s, uint64_t icount, unsigned cpu, struct error *err)
{
    struct timeline_stopped stopped;
    if (timeline_seek(s->tl, icount > BEFORE ? icount - BEFORE : 0, &stopped, err))
        return -1;
    for (unsigned i = 0; i < timeline_cpus(s->tl); i++)
        look_ahead(s, i);
    err->text[0] = 0;
    bool went_on = false;
    for (unsigned between = 0, after = 0; between < BETWEEN && after < AFTER;) {
        const bool there = timeline_icount(s->tl) >= icount;
        const int made = step(s, err);
        if (made < 0)
            return err->text[0] ? -1 : 0;
        went_on |= there && (unsigned)made == cpu;
        between += there;
        after += went_on;
    }
    return 0;
}

static bool overlap(const struct access *a, const struct access *b)
{
    return a->address < b->address + b->size && b->address < a->address + a->size;
}

static bool is_known(const struct race *race, size_t n, uint64_t address)
{
    for (size_t i = 0; i < n; i++)
        if (race[i].address == address)
            return true;
    return false;
}

/* The access of another processor that conflicts with `own`, from the place on and until the processor goes on: the first one. */
static const struct access *conflict(const struct search *s, const struct access *own, uint64_t icount,
                                     uint64_t until)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct access *a = &s->list[i];
        if (a->by.cpu != own->by.cpu && a->by.icount >= icount && a->by.icount < until && overlap(a, own) &&
            (a->by.written || own->by.written))
            return a;
    }
    return NULL;
}

static void take(const struct search *s, const struct access *own, uint64_t icount, uint64_t until,
                 struct race *race, size_t *n)
{
    const struct access *other = conflict(s, own, icount, until);
    if (!other || *n == RACE_MOST || is_known(race, *n, own->address))
        return;
    const bool after = own->by.icount >= icount;
    race[(*n)++] = (struct race){.address = own->address,
                                 .size = own->size,
                                 .first = after ? other->by : own->by,
                                 .second = after ? own->by : other->by,
                                 .after = after};
}

/* Where the processor goes on. */
static uint64_t goes_on(const struct search *s, uint64_t icount, unsigned cpu)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->list[i].by.cpu == cpu && s->list[i].by.icount >= icount)
            return s->list[i].by.icount;
    return UINT64_MAX;
}

int race_find(struct timeline *tl, uint64_t icount, unsigned cpu, struct race race[RACE_MOST],
              struct error *err)
{
    struct search s = {.tl = tl};
    size_t n = 0;
    int rc = collect(&s, icount, cpu, err);
    const uint64_t until = goes_on(&s, icount, cpu);
    size_t place = 0;
    while (place < s.n && s.list[place].by.icount < icount)
        place++;
    for (size_t i = 0; !rc && (i < place || place + i < s.n); i++) { /* the nearest first, on either side */
        if (place + i < s.n && s.list[place + i].by.cpu == cpu)
            take(&s, &s.list[place + i], icount, until, race, &n);
        if (i < place && s.list[place - 1 - i].by.cpu == cpu)
            take(&s, &s.list[place - 1 - i], icount, until, race, &n);
    }
    decoded_close(&s.decoded);
    free(s.list);
    return rc ? -1 : (int)n;
}
