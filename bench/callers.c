/* callers.c - whether the callers that are shown are those that called: view_frames against the calls that were executed.
 *
 *     callers TRACE FROM TO N [SEED]
 *
 * At N positions in Xen, whose code lies from symbol FROM to symbol TO, each reached from a random one by single steps that begin where
 * a guest enters Xen: a call puts a return address on the stack; it is in progress until the stack pointer is above it. Prints how
 * many positions have the right callers, and those that have not.
 */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "bench/bench.h"
#include "core/symbols/symbols.h"
#include "core/views/views.h"

enum { DEPTH = 64, TRY = 20, WITHIN = 1500, SHOWN = 12, PRESENT = 64 };

static struct error err;
static uint64_t seed = 1;

struct shadow {
    struct {
        uint64_t sp, back;
    } call[DEPTH * 8];
    unsigned n;
};

struct checked {
    struct timeline *tl;
    const struct symbols *symbols;
    uint64_t begin, end; /* of the code */
    uint64_t syscall;    /* entry by SYSCALL */
    struct shadow shadow;
};

static uint64_t reg(const struct checked *c, const char *name)
{
    return timeline_reg(c->tl, 0, name);
}

static bool inside(const struct checked *c)
{
    uint64_t pc = timeline_pc(c->tl, 0);
    return timeline_code_bits(c->tl, 0) == 64 && !reg(c, "cpl") && pc >= c->begin && pc < c->end;
}

static bool is_call(const struct checked *c)
{
    uint8_t b[16] = {0};
    unsigned i = 0;
    timeline_peek(c->tl, 0, timeline_pc(c->tl, 0), b, sizeof b - 1);
    while (b[i] == 0x66 || b[i] == 0x67 || b[i] == 0x2e || b[i] == 0x3e || b[i] == 0xf2 || b[i] >> 4 == 4)
        i++;
    int32_t distance;
    memcpy(&distance, b + i + 1, 4);
    const bool fills = distance >= 0 && distance < 16; /* the return predictor: the call is not to return */
    return (b[i] == 0xe8 && !fills) || (b[i] == 0xff && (b[i + 1] >> 3 & 7) == 2);
}

/* One step, with the calls in progress after it. Entries of other stacks stay. */
static void step(struct checked *c)
{
    struct shadow *s = &c->shadow;
    struct timeline_stopped stopped;
    const uint64_t before = reg(c, "rsp");
    const bool call = inside(c) && is_call(c);
    must(timeline_step(c->tl, TIMELINE_FORWARD, 1, &stopped, &err), &err);
    const uint64_t sp = reg(c, "rsp");
    while (s->n && s->call[s->n - 1].sp < sp && sp - s->call[s->n - 1].sp < 32768)
        s->n--;
    if (call && sp == before - 8 && s->n < DEPTH * 8) {
        s->call[s->n].sp = sp;
        timeline_peek(c->tl, 0, sp, &s->call[s->n++].back, 8);
    }
}

static void name_of(const struct checked *c, uint64_t address)
{
    char text[200];
    symbols_text(c->symbols, SPACE_KERNEL, address, timeline_icount(c->tl), text, sizeof text);
    printf(" %s", text);
}

static void show(const struct checked *c, const struct view_frame *f, size_t n)
{
    printf("%" PRIu64 ": shown", timeline_icount(c->tl));
    for (size_t i = 0; i < n && i < SHOWN; i++)
        name_of(c, f[i].pc);
    printf("; called");
    for (unsigned i = c->shadow.n; i-- > 0 && c->shadow.n - i < SHOWN;)
        name_of(c, c->shadow.call[i].back);
    printf("\n");
}

/* Whether the frames are the calls, innermost first. Code that was interrupted is among the frames, too: not as a call. */
static bool right(const struct checked *c, bool verbose)
{
    struct view_frame f[DEPTH];
    const struct shadow *s = &c->shadow;
    size_t n = view_frames(timeline_look(c->tl), 0, c->symbols, SPACE_KERNEL, NULL, f, DEPTH), i = 1;
    unsigned k = s->n;
    for (; i < n && k && f[i].pc == s->call[k - 1].back; i++)
        k--;
    for (; i < n && k; i++)
        if (f[i].pc == s->call[k - 1].back)
            k--;
        else if (f[i].pc >= c->begin && f[i].pc < c->end && f[i].by == VIEW_FRAME_CFI &&
                 f[i].sp > s->call[k - 1].sp)
            break; /* a call was left out */
    bool good = !k && i == n;
    if (!good && verbose)
        show(c, f, n);
    return good;
}

/* Goes to a random position, and on to the next entry from a guest: no call is in progress there. False if there is none. */
static bool begin(struct checked *c, uint64_t first, uint64_t last)
{
    struct timeline_stopped s;
    uint64_t cs = 0;
    must(timeline_seek(c->tl, first + random_below(&seed, last - first), &s, &err), &err);
    c->shadow.n = 0;
    for (unsigned i = 0; i < TRY; i++) {
        must(timeline_continue(c->tl, TIMELINE_FORWARD, &s, &err), &err);
        if (s.reason != TIMELINE_BREAKPOINT)
            return false;
        if (timeline_pc(c->tl, 0) == c->syscall)
            return true;
        timeline_peek(c->tl, 0, reg(c, "rsp") + 16, &cs, 8); /* above the vector: RIP, CS */
        if (cs & 3)
            return inside(c);
    }
    return false;
}

/* On to a random position. False if the guest is back before. */
static bool enter(struct checked *c)
{
    uint64_t steps = random_below(&seed, WITHIN);
    for (; steps-- && inside(c);)
        step(c);
    return inside(c);
}

static uint64_t stop_at(struct checked *c, const char *name)
{
    struct symbol sym;
    struct timeline_stop stop = {.kind = TS_BREAK_LINEAR, .length = 1};
    unsigned id;
    if (!symbols_find(c->symbols, SPACE_KERNEL, name, SYMBOLS_NOW, &sym)) {
        fprintf(stderr, "callers: no symbol %s\n", name);
        exit(2);
    }
    stop.address = sym.address;
    must(timeline_stop_add(c->tl, &stop, &id, &err), &err);
    return sym.address;
}

int main(int argc, char **argv)
{
    struct symbol from, to;
    struct timeline_where w;
    if (argc < 5) {
        fprintf(stderr, "usage: callers TRACE FROM TO N [SEED]\n");
        return 2;
    }
    struct checked *c = mem_zero(1, sizeof *c);
    c->tl = open_timeline(argv[1]);
    struct symbols *symbols = symbols_load(timeline_trace(c->tl), &err);
    must(symbols ? 0 : -1, &err);
    c->symbols = symbols;
    if (!symbols_find(symbols, SPACE_KERNEL, argv[2], SYMBOLS_NOW, &from) ||
        !symbols_find(symbols, SPACE_KERNEL, argv[3], SYMBOLS_NOW, &to)) {
        fprintf(stderr, "callers: no such symbols\n");
        return 2;
    }
    c->syscall = stop_at(c, "lstar_enter");
    stop_at(c, "common_interrupt");
    stop_at(c, "handle_exception");
    c->begin = from.address;
    c->end = to.address;
    seed = argc > 5 ? strtoull(argv[5], NULL, 0) : 1;
    timeline_where(c->tl, &w);
    unsigned good = 0, n = 0, deep = 0;
    const unsigned wanted = (unsigned)strtoul(argv[4], NULL, 0);
    for (unsigned tries = 0; n < wanted && tries < 50 * wanted; tries++) {
        if (!begin(c, w.last / 10, w.last) || !enter(c))
            continue;
        n++;
        deep += c->shadow.n;
        good += right(c, true);
    }
    printf("%u positions, %u callers: at %u all are right\n", n, deep, good);
    symbols_free(symbols);
    timeline_close(c->tl);
    free(c);
    return 0;
}
