/* callers_efi.c - whether the callers that are shown in UEFI firmware are those that called.
 *
 *     callers_efi TRACE N [SEED]
 *
 * At N positions of 64-bit firmware: half of them random, half of them at random events of the firmware; from each on a random number
 * of single steps. A call puts a return address on the stack; it is in progress until the stack pointer is above it. The innermost
 * callers that view_frames shows have to be those of the calls that were seen. Prints the positions where they are not; how many are
 * right; and how many lead to the module where a phase begins (a core, SEC).
 */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "bench/bench.h"
#include "core/symbols/symbols.h"
#include "core/views/views.h"

enum { DEPTH = 64, CALLS = 512, WITHIN = 3000, SHOWN = 14 };

static struct error err;
static uint64_t seed = 1;

struct checked {
    struct timeline *tl;
    struct symbols *symbols;
    struct {
        uint64_t sp, back;
    } call[CALLS];
    unsigned n;
};

static bool symbol_at(const struct checked *c, uint64_t address, struct symbol *sym)
{
    return symbols_at(c->symbols, SPACE_KERNEL, address, timeline_icount(c->tl), sym, NULL);
}

static bool inside(const struct checked *c)
{
    struct symbol sym;
    return timeline_code_bits(c->tl, 0) == 64 && symbol_at(c, timeline_pc(c->tl, 0), &sym);
}

static bool is_call(const struct checked *c)
{
    uint8_t b[16] = {0};
    unsigned i = 0;
    timeline_peek(c->tl, 0, timeline_pc(c->tl, 0), b, sizeof b - 1);
    while (b[i] == 0x66 || b[i] == 0x67 || b[i] == 0x2e || b[i] == 0x3e || b[i] >> 4 == 4)
        i++;
    return b[i] == 0xe8 || (b[i] == 0xff && (b[i + 1] >> 3 & 7) == 2);
}

static void step(struct checked *c)
{
    struct timeline_stopped stopped;
    const uint64_t before = timeline_reg(c->tl, 0, "rsp");
    const bool call = is_call(c);
    must(timeline_step(c->tl, TIMELINE_FORWARD, 1, &stopped, &err), &err);
    const uint64_t sp = timeline_reg(c->tl, 0, "rsp");
    while (c->n && c->call[c->n - 1].sp < sp)
        c->n--;
    if (call && sp == before - 8 && c->n < CALLS) {
        c->call[c->n].sp = sp;
        timeline_peek(c->tl, 0, sp, &c->call[c->n++].back, 8);
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
    static const char by[] = {'.', 'c', 'p', 'g'};
    printf("%" PRIu64 ": shown", timeline_icount(c->tl));
    for (size_t i = 0; i < n && i < SHOWN; i++) {
        name_of(c, f[i].pc);
        printf("/%c", by[f[i].by]);
    }
    printf("; called");
    for (unsigned i = c->n; i-- > 0 && c->n - i < SHOWN;)
        name_of(c, c->call[i].back);
    printf("\n");
}

/* Between two callers there may be code that was interrupted. */
static bool right(const struct checked *c, const struct view_frame *f, size_t n)
{
    unsigned k = c->n, other = 0;
    for (size_t i = 1; i < n && k && other < 2; i++) {
        const bool same = f[i].pc == c->call[k - 1].back;
        k -= same;
        other = same ? 0 : other + 1;
    }
    return !k;
}

/* The chain ends in the module that a phase begins with. */
static bool whole(const struct checked *c, const struct view_frame *f, size_t n)
{
    static const char *const first[] = {"DxeCore", "PeiCore", "SecMain"};
    struct symbol sym;
    for (size_t i = 0; n > 1 && symbol_at(c, f[n - 1].pc, &sym) && i < 3; i++)
        if (!strcmp(sym.module, first[i]))
            return true;
    return false;
}

static uint64_t first_of(struct trace *t, unsigned kind)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_FIRMWARE));
    struct event ev;
    uint64_t at = 0;
    while (trace_cursor_next(c, &ev, NULL, NULL) == 1 && !at)
        at = ev.kind == kind ? ev.icount : 0;
    trace_cursor_close(c);
    return at;
}

static uint64_t of_event(struct trace *t, uint64_t number)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_FIRMWARE));
    struct event ev = {0};
    for (uint64_t i = 0; i <= number && trace_cursor_next(c, &ev, NULL, NULL) == 1; i++)
        ;
    trace_cursor_close(c);
    return ev.icount;
}

static uint64_t events(struct trace *t)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_FIRMWARE));
    struct event ev;
    uint64_t n = 0;
    while (trace_cursor_next(c, &ev, NULL, NULL) == 1)
        n++;
    trace_cursor_close(c);
    return n;
}

int main(int argc, char **argv)
{
    struct timeline_stopped s;
    struct timeline_where w;
    struct view_frame f[DEPTH];
    if (argc < 3) {
        fprintf(stderr, "usage: callers_efi TRACE N [SEED]\n");
        return 2;
    }
    struct checked *c = mem_zero(1, sizeof *c);
    c->tl = open_timeline(argv[1]);
    struct trace *t = timeline_trace(c->tl);
    c->symbols = symbols_load(t, &err);
    must(c->symbols ? 0 : -1, &err);
    timeline_where(c->tl, &w);
    seed = argc > 3 ? strtoull(argv[3], NULL, 0) : 1;
    const uint64_t begin = first_of(t, EV_EFI_START), nevents = events(t);
    const unsigned wanted = (unsigned)strtoul(argv[2], NULL, 0);
    unsigned n = 0, good = 0, callers = 0, wholes = 0;
    for (unsigned tries = 0; n < wanted && tries < 20 * wanted; tries++) {
        const uint64_t at = tries & 1 ? begin + random_below(&seed, w.last - begin)
                                      : of_event(t, random_below(&seed, nevents));
        must(timeline_seek(c->tl, at, &s, &err), &err);
        c->n = 0;
        for (uint64_t steps = random_below(&seed, WITHIN); inside(c) && steps--;)
            step(c);
        if (!inside(c))
            continue;
        const size_t nf = view_frames(timeline_look(c->tl), 0, c->symbols, SPACE_KERNEL, NULL, f, DEPTH);
        n++;
        callers += c->n;
        wholes += whole(c, f, nf);
        good += right(c, f, nf);
        if (!right(c, f, nf) || !whole(c, f, nf))
            show(c, f, nf);
    }
    printf("%u positions, %u callers: at %u all are right; %u lead to where a phase begins\n", n, callers,
           good, wholes);
    symbols_free(c->symbols);
    timeline_close(c->tl);
    free(c);
    return 0;
}
