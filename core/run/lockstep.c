/* lockstep.c - see lockstep.h.
 *
 * What an engine has cached must not change the run, but it decides whether a mistake in compiled code shows.
 * So the first step that differs is looked for by runs that all begin at one checkpoint and end in the middle
 * of the stretch, at once: in a run of single steps nothing is compiled. For the same reason that step is the
 * last one of a block: up to there the block is interpreted. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/insn/disassemble.h"
#include "core/run/lockstep.h"
#include "core/run/private/replay_impl.h"
#include "core/run/state.h"

enum lockstep_side { LOCKSTEP_INTERPRETED, LOCKSTEP_COMPILED };
enum { SIDES = 2, LAST_STEPS = 8, MAX_LINES = 24 };

struct lockstep {
    struct trace *t;
    struct lockstep_options o;
    struct engine_kind kind[SIDES];
    struct replay *side[SIDES];
    struct state_hash *hash[SIDES];
    struct snapshot_base base[SIDES];
    atomic_bool interrupted;
};

static const char *const side_name[SIDES] = {"interpreted", "compiled"};

/* ---------------------------------------------------------------- opening */

struct lockstep *lockstep_open(struct trace *t, const struct lockstep_options *o, struct error *err)
{
    assert(!o->kind->host.interpret);
    struct lockstep *l = mem_zero(1, sizeof *l);
    l->t = t;
    l->o = *o;
    for (unsigned i = 0; i < SIDES; i++) {
        l->kind[i] = *o->kind;
        l->kind[i].host.interpret = i == LOCKSTEP_INTERPRETED;
        l->side[i] = replay_open(t, &l->kind[i], err);
        l->hash[i] = state_hash_new();
        if (!l->side[i]) {
            lockstep_close(l);
            return NULL;
        }
    }
    replay_progress(l->side[LOCKSTEP_COMPILED], o->progress, o->ctx);
    return l;
}

void lockstep_close(struct lockstep *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < SIDES; i++) {
        replay_close(l->side[i]);
        state_hash_free(l->hash[i]);
    }
    free(l);
}

void lockstep_interrupt(struct lockstep *l)
{
    atomic_store(&l->interrupted, true);
    for (unsigned i = 0; i < SIDES; i++)
        replay_interrupt(l->side[i]);
}

/* ---------------------------------------------------------------- comparing */

/* Runs both to a position. If a side stops before it, either the sides are at different positions, or both
 * are where the guest ends. 0, or -1: err. */
static int run_both(struct lockstep *l, uint64_t to, struct error *err)
{
    for (unsigned i = 0; i < SIDES; i++) {
        struct stop stop;
        if (replay_run_to(l->side[i], to, &stop, err) < 0)
            return -1;
    }
    return 0;
}

static uint64_t position(const struct lockstep *l, unsigned side)
{
    return l->side[side]->e->ops->icount(l->side[side]->e);
}

static uint64_t hash_of(struct lockstep *l, unsigned side, bool changes)
{
    return state_hash_engine(l->hash[side], l->side[side]->e, changes ? &l->base[side] : NULL);
}

/* `changes`: only the pages that have changed since the last time are hashed. */
static bool equal_now(struct lockstep *l, bool changes)
{
    return position(l, 0) == position(l, 1) && hash_of(l, 0, changes) == hash_of(l, 1, changes);
}

/* Are both equal at `to`, if they run there at once from checkpoint k? 1, 0, or -1: err. */
static int equal_after(struct lockstep *l, size_t k, uint64_t to, struct error *err)
{
    for (unsigned i = 0; i < SIDES; i++)
        if (replay_load(l->side[i], k, err))
            return -1;
    return run_both(l, to, err) ? -1 : equal_now(l, false);
}

/* ---------------------------------------------------------------- how they differ */

struct section {
    const char *name;
    const struct field *fields;
    size_t nfields;
    uint8_t *bytes;
};

struct difference {
    struct text *out;
    struct section *section; /* of the first side */
    size_t nsections, at;
    unsigned lines;
    struct lockstep *l;
    const char *region; /* the page that is looked at */
    uint64_t index;
    uint8_t page[SIDES][SNAPSHOT_PAGE], *into;
};

static void skip_page(void *ctx, const char *region, uint64_t index, const void *data) {}
static void skip_section(void *ctx, const char *name, const struct field *f, size_t n, const void *base) {}

static void keep_section(void *ctx, const char *name, const struct field *f, size_t n, const void *base)
{
    struct difference *d = ctx;
    MEM_MORE(d->section, d->nsections);
    struct section *s = &d->section[d->nsections++];
    *s = (struct section){name, f, n, mem_alloc(section_size(f, n) + 1)};
    section_pack(f, n, base, s->bytes);
}

static uint64_t number(const uint8_t *p, unsigned width)
{
    uint64_t v = 0;
    memcpy(&v, p, width <= 8 ? width : 8);
    return v;
}

static void say_field(struct difference *d, const char *section, const struct field *f, uint32_t i,
                      const uint8_t *a, const uint8_t *b)
{
    if (d->lines++ >= MAX_LINES)
        return;
    text_add(d->out, "  %s.%s", section, f->name);
    if (f->count > 1)
        text_add(d->out, "[%u]", i);
    text_add(d->out, ": %s 0x%" PRIx64 ", %s 0x%" PRIx64 "\n", side_name[0], number(a, f->width),
             side_name[1], number(b, f->width));
}

/* Both engines have the same sections in the same order. */
static void compare_section(void *ctx, const char *name, const struct field *fields, size_t n,
                            const void *base)
{
    struct difference *d = ctx;
    const struct section *s = &d->section[d->at++];
    const uint8_t *a = s->bytes;
    uint8_t *packed = mem_alloc(section_size(fields, n) + 1), *b = packed;
    section_pack(fields, n, base, packed);
    for (size_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < fields[i].count; k++, a += fields[i].width, b += fields[i].width)
            if (memcmp(a, b, fields[i].width))
                say_field(d, name, &fields[i], k, a, b);
    free(packed);
}

static void compare_sections(struct difference *d)
{
    const struct snapshot_sink keep = {.ctx = d, .section = keep_section, .page = skip_page, .all = true},
                               compare = {
                                   .ctx = d, .section = compare_section, .page = skip_page, .all = true};
    struct engine *a = d->l->side[0]->e, *b = d->l->side[1]->e;
    a->ops->save(a, &keep, NULL);
    b->ops->save(b, &compare, NULL);
    for (size_t i = 0; i < d->nsections; i++)
        free(d->section[i].bytes);
    free(d->section);
}

static void grab_page(void *ctx, const char *region, uint64_t index, const void *data)
{
    struct difference *d = ctx;
    if (index == d->index && !strcmp(region, d->region))
        memcpy(d->into, data, SNAPSHOT_PAGE);
}

static void say_page(struct difference *d, const char *region, uint64_t index)
{
    const struct snapshot_sink grab = {.ctx = d, .section = skip_section, .page = grab_page};
    unsigned first = 0, count = 0;
    if (d->lines++ >= MAX_LINES)
        return;
    d->region = region;
    d->index = index;
    memset(d->page, 0, sizeof d->page);
    for (unsigned i = 0; i < SIDES; i++) {
        struct engine *e = d->l->side[i]->e;
        d->into = d->page[i];
        e->ops->save(e, &grab, NULL);
    }
    for (unsigned i = SNAPSHOT_PAGE; i-- > 0;)
        if (d->page[0][i] != d->page[1][i]) {
            first = i;
            count++;
        }
    text_add(d->out,
             "  %s page %" PRIu64 ": first differing byte at 0x%" PRIx64
             ": %s 0x%02x, %s 0x%02x (%u bytes of the page differ)\n",
             region, index, index * SNAPSHOT_PAGE + first, side_name[0], d->page[0][first], side_name[1],
             d->page[1][first], count);
}

static void page_of_first(void *ctx, const char *region, uint64_t index, uint64_t hash)
{
    struct difference *d = ctx;
    if (state_hash_of_page(d->l->hash[1], region, index) != hash)
        say_page(d, region, index);
}

/* Pages that only the second side has. */
static void page_of_second(void *ctx, const char *region, uint64_t index, uint64_t hash)
{
    struct difference *d = ctx;
    if (!state_hash_of_page(d->l->hash[0], region, index))
        say_page(d, region, index);
}

static void say_states(struct lockstep *l, struct text *out)
{
    struct difference *d = mem_zero(1, sizeof *d);
    d->out = out;
    d->l = l;
    if (position(l, 0) != position(l, 1))
        text_add(out, "  the run ends: %s at icount %" PRIu64 ", %s at %" PRIu64 "\n", side_name[0],
                 position(l, 0), side_name[1], position(l, 1));
    compare_sections(d);
    state_hash_pages(l->hash[0], page_of_first, d);
    state_hash_pages(l->hash[1], page_of_second, d);
    if (d->lines > MAX_LINES)
        text_add(out, "  and %u more\n", d->lines - MAX_LINES);
    free(d);
}

/* ---------------------------------------------------------------- the step */

static void say_instruction(const struct engine *e, const struct stop *at, struct text *out)
{
    uint8_t bytes[INSTRUCTION_BYTES];
    struct instruction in;
    const size_t n = e->ops->peek(e, at->cpu, at->address, bytes, sizeof bytes);
    disassemble(at->address, e->ops->code_bits(e, at->cpu), bytes, n, &in);
    text_add(out, "  %" PRIu64 "  0x%" PRIx64 "  %s\n", at->icount, at->address, in.text);
}

/* Adds the last instructions before `to`, as the interpreter executes them from checkpoint k on. */
static int say_steps(struct lockstep *l, size_t k, uint64_t to, struct text *out, struct error *err)
{
    struct replay *r = l->side[LOCKSTEP_INTERPRETED];
    uint64_t from = trace_checkpoint(l->t, k)->icount, at = to - from > LAST_STEPS ? to - LAST_STEPS : from;
    struct stop stop;
    if (replay_load(r, k, err))
        return -1;
    for (; at < to; at++) {
        int rc = replay_run_to(r, at, &stop, err);
        if (rc < 0)
            return -1;
        if (!rc && at > from)
            say_instruction(r->e, &stop, out);
    }
    return 0;
}

/* Brings *good and *bad together: run from checkpoint k, both sides are equal at *good and differ at *bad. */
static int narrow(struct lockstep *l, size_t k, uint64_t *good, uint64_t *bad, struct error *err)
{
    while (*bad - *good > 1 && !atomic_load(&l->interrupted)) {
        uint64_t middle = *good + (*bad - *good) / 2;
        int equal = equal_after(l, k, middle, err);
        if (equal < 0)
            return -1;
        *(equal ? good : bad) = middle;
    }
    return 0;
}

/* The checkpoint from which the difference shows: the last one before it, or else the first of all, from
 * which it was found. -1: neither; -2: err. */
static long shows_from(struct lockstep *l, uint64_t good, uint64_t bad, struct error *err)
{
    const long from[] = {trace_checkpoint_find(l->t, good), 0};
    for (unsigned i = 0; i < 2; i++) {
        int equal = from[i] < 0 ? 1 : equal_after(l, (size_t)from[i], bad, err);
        if (equal <= 0)
            return equal ? -2 : from[i];
    }
    return -1;
}

static int name_step(struct lockstep *l, uint64_t good, uint64_t bad, struct text *out, struct error *err)
{
    long k = shows_from(l, good, bad, err);
    struct text states = {0};
    if (k == -2)
        return -1;
    if (k < 0) {
        text_add(out, "  between icount %" PRIu64 " and %" PRIu64 ", but not when it is run again\n", good,
                 bad);
        return 0;
    }
    int rc = narrow(l, (size_t)k, &good, &bad, err);
    if (!rc && (rc = equal_after(l, (size_t)k, bad, err)) >= 0) {
        say_states(l, &states);
        text_add(out,
                 "the first step after which they differ is that at icount %" PRIu64
                 ", the last one of its block; the last steps:\n",
                 bad - 1);
        rc = say_steps(l, (size_t)k, bad, out, err);
    }
    if (states.s)
        text_add(out, "after them:\n%s", states.s);
    free(states.s);
    return rc < 0 ? -1 : 0;
}

/* ---------------------------------------------------------------- side by side */

int lockstep_run(struct lockstep *l, struct lockstep_report *report, struct error *err)
{
    uint64_t last = trace_last_icount(l->t), at = 0;
    struct text out = {0};
    *report = (struct lockstep_report){0};
    while (at < last) {
        uint64_t to = last - at > l->o.every ? at + l->o.every : last;
        if (run_both(l, to, err))
            return -1;
        if (atomic_load(&l->interrupted))
            break;
        if (!equal_now(l, true)) {
            report->differs = true;
            break;
        }
        report->comparisons++;
        report->steps = at = position(l, 0);
        if (at < to)
            break;
    }
    int rc =
        report->differs ? name_step(l, at, at + l->o.every < last ? at + l->o.every : last, &out, err) : 0;
    report->interrupted = atomic_load(&l->interrupted);
    report->difference = out.s;
    return rc;
}
