/* searches.c - searches by the trace's index (traces/touched.h): how fast, and whether they are right.
 *
 *     searches TRACE                        prints, in ms of processor time: opening the trace; a breakpoint that is hit
 *                                           once, from the other end of the run; the last write to each of 100 random
 *                                           variables of the kernel, from the end; the size of the index
 *     searches --check N [--way STEPS] TRACE     asks N random questions with and without the index, and compares the
 *                                           answers: breakpoints and watchpoints of all kinds, in both directions, at
 *                                           linear and physical addresses in pages that are executed or written on the
 *                                           way, at those in registers there, and in memory of devices; each over
 *                                           at most STEPS steps (default 150 M)
 */
#include <string.h>

#include "base/memory.h"
#include "bench/bench.h"
#include "core/symbols/symbols.h"

static struct error err;
static uint64_t seed = 1;

static uint64_t last_of(const struct timeline *tl)
{
    struct timeline_where w;
    timeline_where(tl, &w);
    return w.last;
}

/* ---------------------------------------------------------------- questions */

enum what { EXECUTED, EXECUTED_PHYSICAL, WRITTEN, WRITTEN_PHYSICAL, READ, ACCESSED, WHATS };

static const struct {
    const char *name;
    enum timeline_stop_kind kind;
    enum touch touch; /* whose pages it is asked about */
    bool physical;
} whats[WHATS] = {
    [EXECUTED] = {"execution", TS_BREAK_LINEAR, TOUCH_EXECUTED, false},
    [EXECUTED_PHYSICAL] = {"execution (physical)", TS_BREAK_PHYSICAL, TOUCH_EXECUTED, true},
    [WRITTEN] = {"write", TS_WATCH_WRITE, TOUCH_WRITTEN, false},
    [WRITTEN_PHYSICAL] = {"last write (physical)", TS_WATCH_WRITE, TOUCH_WRITTEN, true},
    [READ] = {"read", TS_WATCH_READ, TOUCH_WRITTEN, false},
    [ACCESSED] = {"access", TS_WATCH_ACCESS, TOUCH_WRITTEN, false},
};

struct question {
    enum what what;
    enum timeline_direction dir;
    uint64_t from, limit, address, length;
};

static void ask(struct timeline *tl, const struct question *q, struct timeline_stopped *s)
{
    unsigned id;
    must(timeline_seek(tl, q->from, s, &err), &err);
    if (q->what == WRITTEN_PHYSICAL) {
        must(timeline_last_write_physical(tl, q->address, q->length, s, &err), &err);
        return;
    }
    const struct timeline_stop stop = {
        .kind = whats[q->what].kind, .address = q->address, .length = q->length};
    must(timeline_stop_add(tl, &stop, &id, &err), &err);
    must(timeline_continue_to(tl, q->dir, q->limit, s, &err), &err);
    timeline_stop_clear(tl);
}

/* An address in a page that the part around `at` executed or wrote. */
static uint64_t in_index(const struct touched_index *x, enum what what, uint64_t at)
{
    const enum touch k = whats[what].touch;
    const long part = touched_part_at(x, at);
    struct touched_set set;
    uint64_t begin, end;
    touched_part(x, part < 0 ? 0 : (size_t)part, &begin, &end, &set);
    if (!set.n[k])
        return random_below(&seed, 1ull << 32);
    const struct touched *page = &set.page[k][random_below(&seed, set.n[k])];
    uint64_t offset = random_below(&seed, 4096);
    for (unsigned i = 0; i < 64 && !(page->lines >> offset / TOUCHED_LINE & 1); i++)
        offset = random_below(&seed, 4096);
    return (whats[what].physical ? page->physical : page->linear) << 12 | offset;
}

/* What is executed at `at`, or what a register there has: often an address of the kernel or of a program. */
static uint64_t in_register(struct timeline *tl, enum what what, uint64_t at)
{
    static const char *const names[] = {"rsp", "rbp", "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r12", "r14"};
    struct timeline_stopped s;
    must(timeline_seek(tl, at, &s, &err), &err);
    if (what == EXECUTED)
        return timeline_pc(tl, 0);
    return timeline_reg(tl, 0, names[random_below(&seed, sizeof names / sizeof names[0])]) +
           8 * random_below(&seed, 4);
}

static uint64_t of_device(void)
{
    static const uint64_t places[] = {0xa0000, 0xb8000, 0xe0000, 0xfec00000, 0xfed00000, 0xfee00000};
    return places[random_below(&seed, sizeof places / sizeof places[0])] + random_below(&seed, 4096);
}

static uint64_t some_address(struct timeline *tl, const struct touched_index *x, enum what what, uint64_t at)
{
    const uint64_t which = random_below(&seed, 16);
    if (!which && what != EXECUTED)
        return of_device();
    return which < 8 && !whats[what].physical ? in_register(tl, what, at) : in_index(x, what, at);
}

/* Half of the questions are about the second half of the boot, where most of what happens is. */
static void make_question(struct timeline *tl, const struct touched_index *x, uint64_t way,
                          struct question *q)
{
    uint64_t last = last_of(tl), here = random_below(&seed, last + 1);
    q->what = (enum what)random_below(&seed, WHATS);
    q->dir = q->what != WRITTEN_PHYSICAL && random_below(&seed, 2) ? TIMELINE_FORWARD : TIMELINE_BACK;
    q->length = 1ull << random_below(&seed, 4);
    if (random_below(&seed, 2))
        here = last - random_below(&seed, last / 4 + 1);
    if (q->what == WRITTEN_PHYSICAL) /* that goes back to the beginning */
        here %= way;
    q->from = here;
    q->limit = q->dir == TIMELINE_FORWARD ? here + way < last ? here + way : last
               : here > way               ? here - way
                                          : 0;
    uint64_t low = q->from < q->limit ? q->from : q->limit, high = q->from < q->limit ? q->limit : q->from;
    q->address = some_address(tl, x, q->what, low + random_below(&seed, high - low + 1));
    if (q->address + q->length < q->length)
        q->length = 1;
}

static bool same(const struct timeline_stopped *a, const struct timeline_stopped *b)
{
    return a->reason == b->reason && a->icount == b->icount && a->address == b->address && a->time == b->time;
}

/* What is learnt between two questions must not be noticed, except by how long the next one takes. */
static void learn_a_part(struct timeline *tl)
{
    const uint64_t here = timeline_icount(tl), hash = timeline_hash(tl);
    const int rc = timeline_learn(tl, &err);
    must(rc < 0 ? -1 : 0, &err);
    if (timeline_icount(tl) != here || timeline_hash(tl) != hash)
        must(error_set(&err, "learning about a part did not come back to icount %llu",
                       (unsigned long long)here),
             &err);
}

static int check(const char *path, uint64_t n, uint64_t way)
{
    struct timeline *with = open_timeline(path), *without = open_timeline(path);
    struct touched_index *x = touched_index_read(timeline_trace(with), &err);
    uint64_t hits = 0, wrong = 0;
    double ms[2] = {0};
    must(x && touched_parts(x) ? 0 : error_set(&err, "%s has no index", path), &err);
    timeline_set_index(without, false);
    timeline_short_seeks(with, true);
    timeline_short_seeks(without, true);
    for (uint64_t i = 0; i < n; i++) {
        struct question q;
        struct timeline_stopped a, b;
        make_question(with, x, way, &q);
        if (i % 8 == 0)
            learn_a_part(with);
        double t = now_ms();
        ask(with, &q, &a);
        ms[0] += now_ms() - t;
        t = now_ms();
        ask(without, &q, &b);
        ms[1] += now_ms() - t;
        hits += b.reason == TIMELINE_BREAKPOINT || b.reason == TIMELINE_WATCHPOINT;
        if (same(&a, &b) && timeline_hash(with) == timeline_hash(without))
            continue;
        wrong++;
        printf(
            "%s of %llu bytes at %#llx, %s from %llu to %llu: by the index %d at %llu, by full search %d at %llu\n",
            whats[q.what].name, (unsigned long long)q.length, (unsigned long long)q.address,
            q.dir == TIMELINE_BACK ? "back" : "forward", (unsigned long long)q.from,
            (unsigned long long)q.limit, a.reason, (unsigned long long)a.icount, b.reason,
            (unsigned long long)b.icount);
    }
    printf(
        "%llu questions, %llu with a hit, %llu answers differ; %.0f ms by the index, %.0f ms by full search\n",
        (unsigned long long)n, (unsigned long long)hits, (unsigned long long)wrong, ms[0], ms[1]);
    touched_index_free(x);
    timeline_close(with);
    timeline_close(without);
    return wrong ? 1 : 0;
}

/* ---------------------------------------------------------------- figures */

/* Opens the trace and goes to its end, which waits for what opening leaves to a thread: unpacking the streams. Otherwise
 * that would be counted with the first question. */
static struct timeline *open_ready(const char *path)
{
    struct timeline *tl = open_timeline(path);
    struct timeline_stopped s;
    timeline_short_seeks(tl, true);
    must(timeline_seek(tl, last_of(tl), &s, &err), &err);
    return tl;
}

static void opening(const char *path)
{
    double began = now_ms();
    struct timeline *tl = open_ready(path);
    printf("%-34s %9.0f ms\n", "open, and go to the end", now_ms() - began);
    timeline_close(tl);
}

static const struct symbol_table *kernel_of(const struct symbols *s, uint64_t *bias)
{
    const struct symbol_mapping *found = NULL;
    for (size_t i = 0; i < symbols_mappings(s); i++) {
        const struct symbol_mapping *m = symbols_mapping(s, i);
        if (!strcmp(symbol_table_name(m->table), "kernel") && m->space == SPACE_KERNEL)
            found = m;
    }
    must(found ? 0 : error_set(&err, "the trace has no symbols of a kernel"), &err);
    *bias = found->bias;
    return found->table;
}

static bool is_variable(const struct symbol *s)
{
    return strchr("dDbB", s->type) && !(s->flags & SYMBOL_ABSOLUTE);
}

static void last_writes(const char *path)
{
    enum { VARIABLES = 100 };
    struct timeline *tl = open_ready(path);
    struct symbols *s = symbols_load(timeline_trace(tl), &err);
    must(s ? 0 : -1, &err);
    uint64_t bias, last = last_of(tl), found = 0;
    const struct symbol_table *t = kernel_of(s, &bias);
    double ms[VARIABLES];
    for (unsigned i = 0; i < VARIABLES; i++) {
        struct symbol sym;
        struct timeline_stopped stopped;
        do
            symbol_table_symbol(t, random_below(&seed, symbol_table_count(t)), &sym);
        while (!is_variable(&sym));
        must(timeline_seek(tl, last, &stopped, &err), &err);
        double began = now_ms();
        must(timeline_last_write(tl, sym.address + bias, 1, &stopped, &err), &err);
        ms[i] = now_ms() - began;
        found += stopped.reason == TIMELINE_WATCHPOINT;
    }
    report("last write to a kernel variable", ms, VARIABLES);
    printf("%-34s %llu of %d\n", "  were written at all", (unsigned long long)found, VARIABLES);
    symbols_free(s);
    timeline_close(tl);
}

/* The names of some functions that are called once: initcalls. */
static size_t initcalls(struct trace *t, char (*name)[64], size_t most)
{
    struct trace_cursor *c = trace_cursor_open(t, EVENT_CLASS_BIT(EC_KERNEL));
    struct event ev;
    size_t n = 0, seen = 0;
    while (trace_cursor_next(c, &ev, NULL, NULL) == 1) {
        if (ev.kind != EV_INITCALL || ev.len >= 64 || memchr(ev.data, ' ', ev.len) || seen++ % 16)
            continue;
        if (n < most) {
            memcpy(name[n], ev.data, ev.len);
            name[n++][ev.len] = 0;
        }
    }
    trace_cursor_close(c);
    return n;
}

static void hit_once(const char *path)
{
    enum { FUNCTIONS = 40 };
    struct timeline *tl = open_ready(path);
    struct symbols *s = symbols_load(timeline_trace(tl), &err);
    must(s ? 0 : -1, &err);
    uint64_t last = last_of(tl);
    char name[FUNCTIONS][64];
    double ahead[FUNCTIONS], behind[FUNCTIONS];
    size_t n = 0, named = initcalls(timeline_trace(tl), name, FUNCTIONS);
    for (size_t i = 0; i < named; i++) {
        struct timeline_stop stop = {.kind = TS_BREAK_LINEAR};
        struct timeline_stopped a, b;
        struct symbol sym;
        unsigned id;
        if (!symbols_find(s, SPACE_KERNEL, name[i], SYMBOLS_NOW, &sym))
            continue;
        stop.address = sym.address;
        must(timeline_to_begin(tl, &a, &err), &err);
        must(timeline_stop_add(tl, &stop, &id, &err), &err);
        double began = now_ms();
        must(timeline_continue(tl, TIMELINE_FORWARD, &a, &err), &err);
        double first = now_ms();
        must(timeline_seek(tl, last, &b, &err), &err);
        double again = now_ms();
        must(timeline_continue(tl, TIMELINE_BACK, &b, &err), &err);
        double end = now_ms();
        timeline_stop_clear(tl);
        if (a.reason != TIMELINE_BREAKPOINT || a.icount != b.icount)
            continue;
        ahead[n] = first - began;
        behind[n++] = end - again;
    }
    must(n ? 0 : error_set(&err, "no function that is hit once was found"), &err);
    report("breakpoint hit once, from 0", ahead, n);
    report("breakpoint hit once, from the end", behind, n);
    symbols_free(s);
    timeline_close(tl);
}

static void size_of_index(const char *path)
{
    struct timeline *tl = open_timeline(path);
    struct touched_index *x = touched_index_read(timeline_trace(tl), &err);
    uint64_t pages[TOUCHES] = {0}, begin, end;
    struct touched_set set;
    must(x ? 0 : -1, &err);
    for (size_t i = 0; i < touched_parts(x); i++) {
        touched_part(x, i, &begin, &end, &set);
        for (unsigned k = 0; k < TOUCHES; k++)
            pages[k] += set.n[k];
    }
    printf("%-34s %zu parts, %llu pages executed, %llu written\n", "index", touched_parts(x),
           (unsigned long long)pages[TOUCH_EXECUTED], (unsigned long long)pages[TOUCH_WRITTEN]);
    touched_index_free(x);
    timeline_close(tl);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    uint64_t n = 0, way = 150000000;
    for (; argc > 3; argc -= 2, argv += 2) {
        if (!strcmp(argv[1], "--check"))
            n = strtoull(argv[2], NULL, 10);
        else if (!strcmp(argv[1], "--way"))
            way = strtoull(argv[2], NULL, 10);
    }
    if (argc != 2) {
        fprintf(stderr, "usage: searches [--check N [--way STEPS]] TRACE\n");
        return 2;
    }
    if (n)
        return check(argv[1], n, way);
    size_of_index(argv[1]);
    opening(argv[1]);
    hit_once(argv[1]);
    last_writes(argv[1]);
    return 0;
}
