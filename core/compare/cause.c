/* cause.c - see core/compare/cause.h. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/compare/private/cause_impl.h"
#include "core/views/views.h"

enum {
    SAMPLES = 16,   /* positions that are compared before the search goes on between two of them */
    STEPWISE = 200, /* … down to this many steps, which are all compared */
    HOPS = 16,      /* longest chain that is followed */
    REGISTERS = 8,  /* shown */
    SPANS_SHOWN = 6,
};

void cause_say(struct search *s, enum finding_kind kind, const uint64_t *icount, const char *fmt, ...)
{
    struct cause *c = s->out;
    va_list ap;
    va_start(ap, fmt);
    char *text = text_format_list(fmt, ap);
    va_end(ap);
    MEM_MORE(c->finding, c->n);
    c->finding[c->n++] = (struct finding){kind, text, icount != NULL, icount ? *icount : 0};
}

const char *finding_word(enum finding_kind kind)
{
    static const char *const words[] = {
        [FINDING_INPUT] = "input",
        [FINDING_LAST_COMMON] = "last common",
        [FINDING_NEXT_IN_A] = "next in A",
        [FINDING_NEXT_IN_B] = "next in B",
        [FINDING_REGISTERS] = "registers",
        [FINDING_MEMORY] = "memory",
        [FINDING_CALL_PATH_OF_A] = "call path of A",
        [FINDING_CALL_PATH_OF_B] = "call path of B",
        [FINDING_FIRST_DIFFERENCE] = "first difference",
        [FINDING_RESULT] = "result",
        [FINDING_DEPENDS_ON] = "depends on",
        [FINDING_WRITTEN_BY] = "written by",
        [FINDING_COMES_FROM] = "comes from",
        [FINDING_FIRST_CALL] = "first call",
        [FINDING_NOT_FOUND] = "not found",
    };
    return words[kind];
}

void cause_free(struct cause *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++)
        free(c->finding[i].text);
    free(c->finding);
    free(c);
}

/* ---------------------------------------------------------------- searching positions */

/* What is compared in both machines at a position. */
struct question {
    bool registers;
    uint64_t address; /* of a byte of memory */
};

static int differs(struct search *s, const struct question *q, uint64_t icount, struct error *err)
{
    uint8_t byte[2] = {0, 0};
    if (cause_seek(s, icount, err))
        return -1;
    if (q->registers)
        return !cause_registers_equal(s);
    for (unsigned i = 0; i < 2; i++)
        timeline_peek_physical(s->tl[i], q->address, &byte[i], 1);
    return byte[0] != byte[1];
}

/* The machines are equal at low and differ at high: finds a position at which they differ, and are equal one
 * step earlier, and sets *high to it. It is the first one unless they differ, and are equal again, between
 * two samples. */
static int first_difference(struct search *s, const struct question *q, uint64_t low, uint64_t *high,
                            struct error *err)
{
    while (*high - low > 1) {
        uint64_t span = *high - low, by = span <= STEPWISE ? 1 : span / SAMPLES;
        uint64_t at = low + by;
        int d = 0;
        for (; at < *high && !(d = differs(s, q, at, err)); at += by)
            low = at;
        if (d < 0)
            return -1;
        if (d)
            *high = at;
        else if (by == 1)
            return 0;
    }
    return 0;
}

/* The last position before *at, by steps back that double, where they are equal. 1: found; 0: they differ
 * from the beginning. */
static int last_equal(struct search *s, const struct question *q, uint64_t *at, struct error *err)
{
    for (uint64_t back = 1;; back *= 2) {
        int d = differs(s, q, *at, err);
        if (d <= 0)
            return d ? -1 : 1;
        if (!*at)
            return 0;
        *at = *at > back ? *at - back : 0;
    }
}

/* ---------------------------------------------------------------- what is said of a position */

static void say_state(struct search *s, uint64_t icount)
{
    char calls[2][1000];
    char *regs = cause_registers_text(s, REGISTERS);
    cause_say(s, FINDING_REGISTERS, &icount, "%s", *regs ? regs : "all the same");
    free(regs);
    struct spans m = cause_memory(s);
    struct text t = {0};
    for (size_t i = 0; i < m.n && i < SPANS_SHOWN; i++)
        text_add(&t, "%s%#" PRIx64 "%s%.0" PRIu32, i ? ", " : "", m.list[i].address,
                 m.list[i].length > 1 ? "+" : "", m.list[i].length > 1 ? m.list[i].length : 0);
    if (m.n)
        cause_say(s, FINDING_MEMORY, &icount, "%" PRIu64 " byte%s differ%s, at physical %s%s", m.bytes,
                  m.bytes == 1 ? "" : "s", m.bytes == 1 ? "s" : "", t.s, m.n > SPANS_SHOWN ? ", …" : "");
    else
        cause_say(s, FINDING_MEMORY, &icount, "all the same");
    free(t.s);
    cause_spans_free(&m);
    for (unsigned side = 0; side < 2; side++)
        cause_calls_text(s, side, calls[side], sizeof calls[side]);
    cause_say(s, FINDING_CALL_PATH_OF_A, &icount, "%s", *calls[0] ? calls[0] : "not known");
    if (strcmp(calls[0], calls[1]))
        cause_say(s, FINDING_CALL_PATH_OF_B, &icount, "%s", *calls[1] ? calls[1] : "not known");
}

/* The step from icount - 1, before which registers are equal, and after which they are not. */
static int say_step(struct search *s, enum finding_kind kind, uint64_t icount, struct error *err)
{
    char place[2][700];
    uint64_t before = icount - 1;
    if (cause_seek(s, icount, err))
        return -1;
    char *regs = cause_registers_text(s, REGISTERS);
    if (cause_seek(s, before, err)) {
        free(regs);
        return -1;
    }
    for (unsigned side = 0; side < 2; side++)
        cause_place_text(s, side, place[side], sizeof place[side]);
    if (strcmp(place[0], place[1]))
        cause_say(s, kind, &before, "A: %s; B: %s", place[0], place[1]);
    else
        cause_say(s, kind, &before, "%s", place[0]);
    if (*regs)
        cause_say(s, FINDING_RESULT, &icount, "%s", regs);
    free(regs);
    return 0;
}

/* ---------------------------------------------------------------- the chain */

/* Whether the byte is part of the instruction that comes next. */
static bool is_code(const struct search *s, uint64_t address)
{
    struct timeline_where w;
    struct view_walk walk;
    timeline_where(s->tl[0], &w);
    view_walk(timeline_look(s->tl[0]), w.cpu, timeline_pc(s->tl[0], w.cpu), &walk);
    return walk.mapped && address - walk.physical < 15;
}

static void say_byte(struct search *s, uint64_t address, uint64_t icount)
{
    uint8_t a = 0, b = 0;
    timeline_peek_physical(s->tl[0], address, &a, 1);
    timeline_peek_physical(s->tl[1], address, &b, 1);
    cause_say(s, FINDING_DEPENDS_ON, &icount, "the byte at physical %#" PRIx64 "%s: 0x%02x in A, 0x%02x in B",
              address, is_code(s, address) ? ", part of the instruction" : "", a, b);
}

/* The step that made a byte of memory differ. 1: *icount is the position before it; 0: it differs from the
 * beginning. */
static int find_writer(struct search *s, uint64_t address, uint64_t *icount, struct error *err)
{
    struct question q = {.address = address};
    int d = differs(s, &q, 0, err);
    if (d)
        return d < 0 ? -1 : 0;
    uint64_t high = *icount, low = *icount;
    int found = last_equal(s, &q, &low, err);
    if (found <= 0 || first_difference(s, &q, low, &high, err))
        return -1;
    *icount = high - 1;
    return 1;
}

/* Goes from a step whose registers differ before it back to the one that made them differ. */
static int find_earlier(struct search *s, uint64_t *icount, struct error *err)
{
    struct question q = {.registers = true};
    uint64_t low = *icount, high = *icount;
    int found = last_equal(s, &q, &low, err);
    if (found <= 0)
        return found;
    if (first_difference(s, &q, low, &high, err) || say_step(s, FINDING_FIRST_DIFFERENCE, high, err))
        return -1;
    *icount = high - 1;
    return 1;
}

static void say_other(struct search *s)
{
    char devices[500];
    cause_devices_text(s, devices, sizeof devices);
    cause_say(s, FINDING_DEPENDS_ON, NULL,
              *devices ? "no byte of memory; devices differ in %s" : "no byte of memory%s", devices);
}

/* One link: the step from *icount on gives result *r. 1: there is an earlier one; 0: the end; -1: error. */
static int follow(struct search *s, uint64_t *icount, struct result *r, struct error *err)
{
    char place[700];
    uint64_t address;
    int rc = cause_blame(s, *icount, *r, &address, err);
    if (rc < 0 || cause_seek(s, *icount, err))
        return -1;
    if (!rc) {
        if (cause_flash_find(s, *icount, *r))
            return 0;
        if (cause_seek(s, *icount, err)) /* it has gone elsewhere */
            return -1;
        say_other(s);
        return 0;
    }
    say_byte(s, address, *icount);
    if (cause_origin_find(s, address))
        return 0;
    rc = find_writer(s, address, icount, err);
    if (rc < 0)
        return -1;
    if (!rc) {
        cause_say(s, FINDING_COMES_FROM, NULL,
                  "the state at the beginning: what the loader put at physical %#" PRIx64, address);
        return 0;
    }
    if (cause_seek(s, *icount, err))
        return -1;
    cause_place_text(s, 0, place, sizeof place);
    cause_say(s, FINDING_WRITTEN_BY, icount, "%s", place);
    *r = (struct result){.address = address};
    if (cause_registers_equal(s))
        return 1;
    r->registers = true;
    rc = find_earlier(s, icount, err);
    if (!rc)
        cause_say(s, FINDING_NOT_FOUND, NULL, "the registers differ from the beginning");
    return rc;
}

/* From the first step in low..high whose result differs back to where that comes from. */
static int explain_step(struct search *s, uint64_t low, uint64_t high, struct error *err)
{
    struct question q = {.registers = true};
    struct result r = {.registers = true};
    if (first_difference(s, &q, low, &high, err) || say_step(s, FINDING_FIRST_DIFFERENCE, high, err))
        return -1;
    uint64_t at = high - 1;
    int rc = 1;
    for (unsigned hop = 0; rc == 1 && hop < HOPS; hop++)
        rc = follow(s, &at, &r, err);
    if (rc == 1)
        cause_say(s, FINDING_NOT_FOUND, NULL, "the chain is longer than %d steps", HOPS);
    return rc < 0 ? -1 : 0;
}

/* ---------------------------------------------------------------- the whole */

/* An event by number: its position, and text. False if there is none. */
static bool event_at(struct search *s, unsigned side, uint64_t number, struct event *ev, char *text,
                     size_t size)
{
    struct trace_cursor *c = trace_cursor_open(timeline_trace(s->tl[side]), s->classes);
    char words[400];
    bool found = !trace_cursor_seek_nth(c, number, NULL) && trace_cursor_next(c, ev, &number, NULL) == 1;
    if (found) {
        event_text_raw(ev, words, sizeof words);
        snprintf(text, size, "#%" PRIu64 " %s %s", number, event_kind(ev->kind)->name, words);
    }
    trace_cursor_close(c);
    return found;
}

/* Adds the last common event and the next ones to the findings; sets the positions between which the boots
 * part. */
static void say_events(struct search *s, uint64_t events, uint64_t *low, uint64_t *high)
{
    char text[600];
    struct event ev;
    *low = 0;
    if (events && event_at(s, 0, events - 1, &ev, text, sizeof text)) {
        *low = ev.icount;
        cause_say(s, FINDING_LAST_COMMON, &ev.icount, "%s", text);
    } else {
        cause_say(s, FINDING_LAST_COMMON, NULL, "none: the first events differ");
    }
    *high = UINT64_MAX;
    for (unsigned side = 0; side < 2; side++) {
        uint64_t last = trace_last_icount(timeline_trace(s->tl[side])), at = last;
        if (event_at(s, side, events, &ev, text, sizeof text)) {
            at = ev.icount < last ? ev.icount + 1 : last;
            cause_say(s, side ? FINDING_NEXT_IN_B : FINDING_NEXT_IN_A, &ev.icount, "%s", text);
        } else {
            cause_say(s, side ? FINDING_NEXT_IN_B : FINDING_NEXT_IN_A, NULL, "none: its record ends");
        }
        *high = at < *high ? at : *high;
    }
}

/* Moves *high on until the registers differ there: events may differ first by the state of devices alone. 1:
 * they do; 0: not up to the end of a record; -1: error. */
static int differ_later(struct search *s, uint64_t low, uint64_t *high, struct error *err)
{
    struct question q = {.registers = true};
    uint64_t a = trace_last_icount(timeline_trace(s->tl[0])), b = trace_last_icount(timeline_trace(s->tl[1]));
    uint64_t last = a < b ? a : b;
    for (;;) {
        int d = differs(s, &q, *high, err);
        if (d || *high >= last)
            return d;
        uint64_t more = (*high - low) * 4;
        *high = more < last - *high ? *high + more : last;
    }
}

static int explain(struct search *s, uint64_t events, struct error *err)
{
    struct question q = {.registers = true};
    uint64_t low, high;
    if (cause_inputs_say(s, err))
        return -1;
    if (timeline_kind(s->tl[0]) != timeline_kind(s->tl[1]) ||
        timeline_cpus(s->tl[0]) != timeline_cpus(s->tl[1])) {
        cause_say(s, FINDING_NOT_FOUND, NULL,
                  "the machines are of different kinds, or have different numbers of processors");
        return 0;
    }
    say_events(s, events, &low, &high);
    if (cause_seek(s, low, err))
        return -1;
    say_state(s, low);
    int found = last_equal(s, &q, &low, err);
    int d = found == 1 ? differ_later(s, low, &high, err) : found;
    if (d < 0)
        return -1;
    if (!found)
        cause_say(s, FINDING_NOT_FOUND, NULL, "the registers differ from the beginning");
    else if (!d) {
        say_other(s);
        cause_say(s, FINDING_NOT_FOUND, NULL, "the registers never differ");
    } else
        return explain_step(s, low, high, err);
    return 0;
}

struct cause *cause_find(struct timeline *a, struct timeline *b, uint32_t classes, uint64_t events,
                         struct error *err)
{
    struct search s = {.tl = {a, b}, .classes = classes, .out = mem_zero(1, sizeof(struct cause))};
    uint64_t end[2];
    for (unsigned side = 0; side < 2; side++) {
        s.symbols[side] = symbols_load(timeline_trace(s.tl[side]), NULL);
        end[side] = engine_ram_end(timeline_kind(s.tl[side]), timeline_trace(s.tl[side]));
    }
    s.memory = end[0] < end[1] ? end[0] : end[1];
    int rc = explain(&s, events, err);
    symbols_free(s.symbols[0]);
    symbols_free(s.symbols[1]);
    if (!rc)
        return s.out;
    cause_free(s.out);
    return NULL;
}
