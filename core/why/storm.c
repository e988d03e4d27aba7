/* storm.c - see storm.h.
 *
 * Source: Intel SDM volume 3, 6.12.1 (frames of handlers), 6.13 (error codes); volume 2, IRET.
 */

#include "core/views/decoded.h"
#include "core/why/private/storm.h"

enum { GAP = 100000 /* steps between two exceptions of a run */ };

/* ---------------------------------------------------------------- whether a handler has returned */

struct watch {
    struct why_case *c;
    unsigned cpu;
    uint64_t frame; /* the stack pointer at which the handler began */
    uint64_t word;
    bool returned;
};

static bool see(void *ctx, const struct timeline_trail *step)
{
    struct watch *w = ctx;
    if (step->cpu != w->cpu)
        return true;
    const uint64_t sp = view_stack(timeline_look(w->c->tl), w->cpu);
    /* A handler takes the error code off its stack; one that takes more has gone back. */
    w->returned = sp > w->frame + w->word && sp - w->frame < 1 << 20;
    return !w->returned;
}

bool storm_in_handler(struct why_case *c, const struct event *ev, uint64_t icount)
{
    struct error ignored;
    struct watch w = {.c = c, .cpu = ev->cpu};
    if (!case_go(c, ev->icount + 1))
        return false;
    w.frame = view_stack(timeline_look(c->tl), ev->cpu);
    w.word = timeline_code_bits(c->tl, ev->cpu) / 8;
    return !timeline_trail(c->tl, ev->icount + 1, icount, see, &w, &ignored) && !w.returned;
}

static bool same(const struct event *a, const struct event *b)
{
    return EVF(a, EXCEPTION, ip) == EVF(b, EXCEPTION, ip) && a->cpu == b->cpu &&
           EVF(a, EXCEPTION, vector) == EVF(b, EXCEPTION, vector);
}

/* The handler of `a` had not returned when `b` was met; or it had, and its cause was not mended. */
static bool nested(struct why_case *c, const struct event *a, const struct event *b)
{
    return same(a, b) || storm_in_handler(c, a, b->icount);
}

/* ---------------------------------------------------------------- until the end */

/* The record ends in a repetition of which exceptions are a part, and nothing that gets a boot further. */
static bool ends_folded(struct why_case *c)
{
    enum { LOOKED = 16, LEAST = 8, END = 20000 /* steps */ };
    const uint32_t further = EVENT_CLASS_BIT(EC_CONSOLE) | EVENT_CLASS_BIT(EC_DISK) |
                             EVENT_CLASS_BIT(EC_PROCESS) | EVENT_CLASS_BIT(EC_SYSCALL) |
                             EVENT_CLASS_BIT(EC_NET) | EVENT_CLASS_BIT(EC_KERNEL);
    struct trace_cursor *cur = trace_cursor_open(c->t, EVENT_CLASS_BIT(EC_FOLD));
    struct error ignored;
    struct event ev;
    bool yes = false;
    if (!trace_cursor_seek_icount(cur, c->at + 1, &ignored))
        for (unsigned i = 0; i < LOOKED && !yes && trace_cursor_prev(cur, &ev, NULL, &ignored) == 1; i++)
            yes = ev.kind == EV_AGAIN && ev.icount + END >= c->at && EVF(&ev, AGAIN, count) >= LEAST &&
                  EVF(&ev, AGAIN, classes) & EVENT_CLASS_BIT(EC_EXCEPTION) &&
                  !(EVF(&ev, AGAIN, classes) & further);
    trace_cursor_close(cur);
    return yes;
}

const struct event *storm_at_end(struct why_case *c)
{
    enum { LONG = 1000000 /* steps */ };
    const struct event *first = NULL;
    if (!ends_folded(c))
        return NULL;
    for (size_t i = c->now.n; i--;) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind != EV_EXCEPTION || ev->icount > c->at)
            continue;
        if (first && !same(first, ev))
            break;
        first = ev;
    }
    return first && c->at - first->icount > LONG ? first : NULL;
}

/* ---------------------------------------------------------------- how many */

/* Exceptions from one event to a position, with those that were folded. */
static uint64_t count(struct why_case *c, uint64_t from, uint64_t to)
{
    enum { KEPT = 4096 };
    struct trace_cursor *cur = trace_cursor_open(c->t, EVENT_CLASSES_ALL);
    struct error ignored;
    struct event ev;
    bool *seen = mem_zero(KEPT, sizeof *seen);
    uint64_t n = 0, total = 0;
    if (!trace_cursor_seek_icount(cur, from, &ignored))
        while (trace_cursor_next(cur, &ev, NULL, &ignored) == 1 && ev.icount <= to) {
            if (ev.kind == EV_AGAIN) {
                uint64_t each = 0;
                for (uint64_t i = 0; i < EVF(&ev, AGAIN, period) && i < KEPT && i < n; i++)
                    each += seen[(n - 1 - i) % KEPT];
                total += each * EVF(&ev, AGAIN, count);
                continue;
            }
            seen[n++ % KEPT] = ev.kind == EV_EXCEPTION;
            total += ev.kind == EV_EXCEPTION;
        }
    trace_cursor_close(cur);
    free(seen);
    return total;
}

/* It is of the delivery that ended in a triple fault there: the processor reports each of those, too. */
static bool own(struct why_case *c, const struct event *ev, uint64_t icount)
{
    const struct event *t = facts_last(&c->now, EV_TRIPLE_FAULT);
    return t && t->icount == icount && ev->icount + 1 >= icount;
}

bool storm_find(struct why_case *c, unsigned cpu, uint64_t icount, uint64_t near, struct storm *s)
{
    const struct event *later = NULL, *other = NULL;
    *s = (struct storm){0};
    for (size_t i = c->now.n; i--;) {
        const struct event *ev = &c->now.event[i];
        if (ev->kind != EV_EXCEPTION || ev->cpu != cpu || ev->icount > icount)
            continue;
        if (!later) {
            if (own(c, ev, icount))
                continue;
            if (icount - ev->icount > near)
                return false;
            s->last = ev;
        } else {
            /* Of a storm the middle may not have been kept. */
            const bool same = EVF(ev, EXCEPTION, ip) == EVF(later, EXCEPTION, ip);
            if ((!same && later->icount - ev->icount > GAP) || !nested(c, ev, later))
                break;
            if (!same)
                other = later;
        }
        later = ev;
    }
    s->first = later;
    s->second = other;
    if (later)
        s->count = count(c, later->icount, icount - 2);
    return later;
}

/* ---------------------------------------------------------------- an error code left on the stack */

static uint64_t word(struct why_case *c, unsigned cpu, uint64_t at, unsigned size)
{
    uint64_t v = 0;
    timeline_peek(c->tl, cpu, at, &v, size);
    return v;
}

/* A code segment that is there. */
static bool is_code(struct why_case *c, unsigned cpu, uint64_t selector)
{
    enum { TYPE_CODE = 8 };
    struct view_segment s;
    return selector < 0x10000 && selector & 0xfffc &&
           view_descriptor(timeline_look(c->tl), cpu, (unsigned)selector, &s) == VIEW_SELECTOR_NAMES &&
           s.present && !s.system && s.type & TYPE_CODE;
}

bool storm_error_code(struct why_case *c, const struct event *ev, uint64_t *code)
{
    struct decoded d;
    if (!case_go(c, ev->icount) || !decoded_open(c->tl, ev->cpu, &d))
        return false;
    const unsigned id = d.insn->id;
    decoded_close(&d);
    if (id != X86_INS_IRET && id != X86_INS_IRETD && id != X86_INS_IRETQ)
        return false;
    const unsigned size = id == X86_INS_IRETQ ? 8 : timeline_code_bits(c->tl, ev->cpu) == 16 ? 2 : 4;
    const uint64_t sp = view_stack(timeline_look(c->tl), ev->cpu);
    *code = word(c, ev->cpu, sp, size);
    /* What is popped as CS is no code segment; one word on it would be. */
    return *code < 0x10000 && !is_code(c, ev->cpu, word(c, ev->cpu, sp + size, size)) &&
           is_code(c, ev->cpu, word(c, ev->cpu, sp + 2ull * size, size));
}
