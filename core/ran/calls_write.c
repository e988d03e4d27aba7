/* calls_write.c - call trees as text like that of ftrace's function_graph, as JSON, as slices for Perfetto, and folded. See calls.h. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/out.h"
#include "core/ran/calls.h"

enum { NAME = 200, WORDS = 1200, TIME = 32 };

static void name_of(const struct calls *c, const struct call *call, char buf[NAME])
{
    const struct call_function *f = calls_function(c, call->function);
    if (!f->name)
        snprintf(buf, NAME, "0x%" PRIx64, f->address);
    else if (f->offset && call->sort != CALL_BEFORE)
        snprintf(buf, NAME, "%s+0x%" PRIx64, f->name, f->offset);
    else
        snprintf(buf, NAME, "%s", f->name);
}

/* ---------------------------------------------------------------- the order of beginnings and ends */

/* What a line is about: a call's beginning, its end, or both. */
struct edge {
    uint64_t at;
    uint32_t call, depth;
    bool ends, open; /* the window ends, not the call */
};

struct order {
    const struct calls *c;
    uint32_t *depth;
    struct edge *edge;
    size_t n;
};

static uint32_t depth_of(struct order *o, uint32_t i)
{
    uint32_t chain[1024], n = 0, d = 0;
    while (i != CALL_NONE && o->depth[i] == CALL_NONE && n < 1024) {
        chain[n++] = i;
        i = calls_get(o->c, i)->parent;
    }
    d = i == CALL_NONE || n == 1024 ? 0 : o->depth[i] + 1;
    while (n)
        o->depth[chain[--n]] = d++;
    return d;
}

/* At one position: what ends there, what begins, and what goes on where the window ends. */
static unsigned rank_of(const struct edge *e)
{
    return !e->ends ? 1 : e->open ? 2 : 0;
}

/* By position; of ends the innermost comes first, of beginnings the outermost. */
static int by_position(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    if (rank_of(x) != rank_of(y))
        return rank_of(x) < rank_of(y) ? -1 : 1;
    if (x->depth != y->depth)
        return (x->depth < y->depth) == x->ends ? 1 : -1;
    return x->call < y->call ? -1 : x->call > y->call;
}

static struct order order_of(const struct calls *c)
{
    const size_t n = calls_count(c);
    struct order o = {c, mem_alloc((n + 1) * sizeof *o.depth), mem_alloc((2 * n + 1) * sizeof *o.edge), 0};
    memset(o.depth, 0xff, n * sizeof *o.depth);
    for (size_t i = 0; i < n; i++) {
        const struct call *call = calls_get(c, i);
        depth_of(&o, (uint32_t)i);
        o.edge[o.n++] = (struct edge){call->begin, (uint32_t)i, o.depth[i], false, false};
        o.edge[o.n++] = (struct edge){call->finish, (uint32_t)i, o.depth[i], true, call->end == CALL_OPEN};
    }
    qsort(o.edge, o.n, sizeof *o.edge, by_position);
    return o;
}

static void order_free(struct order *o)
{
    free(o->depth);
    free(o->edge);
}

/* ---------------------------------------------------------------- text */

static void time_text(char buf[TIME], uint64_t ns)
{
    snprintf(buf, TIME, "%" PRIu64 ".%03u us", ns / 1000, (unsigned)(ns % 1000));
}

static void print_line(FILE *out, const struct order *o, const struct edge *e, const char *call, bool times)
{
    const struct call *k = calls_get(o->c, e->call);
    char total[TIME] = "", own[TIME] = "";
    if (times) {
        time_text(total, k->total);
        time_text(own, k->own);
    }
    out_print(out, "%14" PRIu64 "  %2u)  %-20s %14s %14s  |  %*s%s\n", e->at, k->cpu,
              calls_thread(o->c, k->thread)->name, total, own, (int)(2 * (e->depth < 60 ? e->depth : 60)), "",
              call);
}

/* `end`: what follows the closing parenthesis; `whole`: with its result, and how it ended. */
static void describe(const struct calls *c, const struct call *k, char buf[WORDS], const char *end,
                     bool whole)
{
    char name[NAME], arguments[WORDS / 2], result[64];
    name_of(c, k, name);
    calls_arguments(c, k, arguments, sizeof arguments);
    calls_result(c, k, result, sizeof result);
    struct text t = {0};
    if (k->sort >= CALL_INTERRUPT && k->sort <= CALL_SMI)
        text_add(&t, k->sort == CALL_SYSCALL || k->sort == CALL_SMI ? "==== %s: " : "==== %s %u: ",
                 call_sort_text(k->sort), k->vector);
    text_add(&t, "%s(%s)%s", name, arguments, end);
    if (whole && *result)
        text_add(&t, " /* = %s */", result);
    if (k->sort == CALL_TAIL || k->sort == CALL_BEFORE)
        text_add(&t, " /* %s */", k->sort == CALL_TAIL ? "tail call" : "began before");
    if (whole && k->end != CALL_RETURNED)
        text_add(&t, " /* %s */", k->end == CALL_LEFT ? "left" : "goes on");
    snprintf(buf, WORDS, "%s", t.s);
    free(t.s);
}

void calls_text(const struct calls *c, const struct call *call, char *buf, size_t size)
{
    char words[WORDS];
    describe(c, call, words, "", true);
    snprintf(buf, size, "%s", words);
}

static void describe_end(const struct calls *c, const struct call *k, char buf[WORDS])
{
    char name[NAME], result[64];
    name_of(c, k, name);
    calls_result(c, k, result, sizeof result);
    snprintf(buf, WORDS, "} /* %s%s%s%s */", name, *result ? " = " : "", result,
             k->end == CALL_LEFT   ? ": left without a return"
             : k->end == CALL_OPEN ? ": goes on"
                                   : "");
}

/* Between lines of two threads: which task goes on; or, where names do not tell them apart, which processor, or just another stack. */
static void print_switch(FILE *out, const struct calls *c, const struct call *last, const struct call *k)
{
    const char *from = calls_thread(c, last->thread)->name, *to = calls_thread(c, k->thread)->name;
    out_print(out, "%14s  %2u)  ---------------- ", "", k->cpu);
    if (strcmp(from, to))
        out_print(out, "%s => %s\n", *from ? from : "no task", *to ? to : "no task");
    else if (last->cpu != k->cpu)
        out_print(out, "processor %u\n", k->cpu);
    else
        out_print(out, "another stack\n");
}

static void write_text(const struct calls *c, FILE *out)
{
    struct order o = order_of(c);
    const struct call *last = NULL;
    char words[WORDS];
    out_print(out, "%14s  %3s  %-20s %14s %14s  |  %s\n", "icount", "cpu", "task", "total", "own", "calls");
    for (size_t i = 0; i < o.n; i++) {
        const struct edge *e = &o.edge[i];
        const struct call *k = calls_get(c, e->call);
        const bool leaf = !e->ends && i + 1 < o.n && o.edge[i + 1].call == e->call;
        if (last && last->thread != k->thread)
            print_switch(out, c, last, k);
        last = k;
        if (e->ends)
            describe_end(c, k, words);
        else
            describe(c, k, words, leaf ? ";" : " {", leaf);
        print_line(out, &o, e, words, e->ends || leaf);
        i += leaf;
    }
    order_free(&o);
}

/* ---------------------------------------------------------------- JSON */

static void json_call(yajl_gen g, const struct calls *c, size_t i)
{
    static const char *const ends[] = {"returned", "open", "left"};
    const struct call *k = calls_get(c, i);
    const struct call_function *f = calls_function(c, k->function);
    char name[NAME], words[WORDS];
    name_of(c, k, name);
    yajl_gen_map_open(g);
    json_number(g, "call", i);
    if (k->parent != CALL_NONE)
        json_number(g, "parent", k->parent);
    json_text(g, "function", name);
    json_text(g, "module", f->module);
    json_number(g, "address", f->address);
    json_text(g, "sort", call_sort_text(k->sort));
    if (k->sort == CALL_INTERRUPT || k->sort == CALL_EXCEPTION || k->sort == CALL_SOFTWARE)
        json_number(g, "vector", k->vector);
    json_text(g, "end", ends[k->end]);
    json_text(g, "task", calls_thread(c, k->thread)->name);
    json_number(g, "thread", k->thread);
    json_number(g, "cpu", k->cpu);
    json_number(g, "icount", k->begin);
    json_number(g, "returns", k->finish);
    json_number(g, "time", k->time);
    json_number(g, "total", k->total);
    json_number(g, "own", k->own);
    if (calls_arguments(c, k, words, sizeof words))
        json_text(g, "arguments", words);
    if (calls_result(c, k, words, sizeof words))
        json_text(g, "result", words);
    yajl_gen_map_close(g);
}

static void write_json(const struct calls *c, FILE *out)
{
    yajl_gen g = json_new(false);
    yajl_gen_map_open(g);
    json_number(g, "executed", calls_executed(c));
    json_array(g, "calls");
    for (size_t i = 0; i < calls_count(c); i++) {
        json_call(g, c, i);
        if (i % 256 == 0)
            json_write(g, out);
    }
    yajl_gen_array_close(g);
    yajl_gen_map_close(g);
    json_end(g, out);
    yajl_gen_free(g);
}

/* ---------------------------------------------------------------- Perfetto */

/* Slices in the JSON form that Perfetto's interface and trace_processor read (Chrome's Trace Event Format): complete events, a track a thread.
 * Times are in microseconds, with three digits for ns. */
static void write_perfetto(const struct calls *c, FILE *out)
{
    char name[NAME], words[WORDS];
    yajl_gen g = json_new(false);
    yajl_gen_map_open(g);
    json_text(g, "displayTimeUnit", "ns");
    json_array(g, "traceEvents");
    for (size_t i = 0; i < calls_count(c); i++) {
        const struct call *k = calls_get(c, i);
        char number[32];
        name_of(c, k, name);
        yajl_gen_map_open(g);
        json_text(g, "ph", "X");
        json_text(g, "name", name);
        json_text(g, "cat", call_sort_text(k->sort));
        json_number(g, "pid", 1);
        json_number(g, "tid", k->thread + 1u);
        for (unsigned which = 0; which < 2; which++) {
            const uint64_t ns = which ? k->total : k->time;
            const int n =
                snprintf(number, sizeof number, "%" PRIu64 ".%03u", ns / 1000, (unsigned)(ns % 1000));
            json_element(g, which ? "dur" : "ts");
            yajl_gen_number(g, number, (size_t)n);
        }
        json_object(g, "args");
        json_number(g, "icount", k->begin);
        json_number(g, "returns", k->finish);
        json_number(g, "own", k->own);
        if (calls_arguments(c, k, words, sizeof words))
            json_text(g, "arguments", words);
        if (calls_result(c, k, words, sizeof words))
            json_text(g, "result", words);
        yajl_gen_map_close(g);
        yajl_gen_map_close(g);
        json_write(g, out);
    }
    uint32_t threads = 0;
    for (size_t i = 0; i < calls_count(c); i++)
        threads = calls_get(c, i)->thread >= threads ? calls_get(c, i)->thread + 1 : threads;
    for (uint32_t i = 0; i < threads; i++) {
        yajl_gen_map_open(g);
        json_text(g, "ph", "M");
        json_text(g, "name", "thread_name");
        json_number(g, "pid", 1);
        json_number(g, "tid", i + 1u);
        json_object(g, "args");
        json_text(g, "name", *calls_thread(c, i)->name ? calls_thread(c, i)->name : "processor");
        yajl_gen_map_close(g);
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
    yajl_gen_map_close(g);
    json_end(g, out);
    yajl_gen_free(g);
}

/* ---------------------------------------------------------------- folded */

/* Own time in ns by chain of calls, for flame graphs: equal chains are added. */
struct folded {
    char *chain;
    uint64_t ns;
};

/* Without what separates names and counts. */
static void one_word(char *name)
{
    for (; *name; name++)
        if (*name == ';' || *name == ' ')
            *name = '_';
}

static void add_chain(struct text *t, const struct calls *c, uint32_t i)
{
    enum { DEEP = 256 };
    uint32_t chain[DEEP], n = 0;
    char name[NAME];
    const char *task = calls_thread(c, calls_get(c, i)->thread)->name;
    snprintf(name, sizeof name, "%s", *task ? task : "processor");
    one_word(name);
    text_add(t, "%s", name);
    for (; i != CALL_NONE && n < DEEP; i = calls_get(c, i)->parent)
        chain[n++] = i;
    while (n) {
        name_of(c, calls_get(c, chain[--n]), name);
        one_word(name);
        text_add(t, ";%s", name);
    }
}

static int by_chain(const void *a, const void *b)
{
    return strcmp(((const struct folded *)a)->chain, ((const struct folded *)b)->chain);
}

static void write_folded(const struct calls *c, FILE *out)
{
    struct folded *f = mem_alloc((calls_count(c) + 1) * sizeof *f);
    size_t n = 0;
    for (size_t i = 0; i < calls_count(c); i++) {
        struct text t = {0};
        if (!calls_get(c, i)->own)
            continue;
        add_chain(&t, c, (uint32_t)i);
        f[n++] = (struct folded){t.s, calls_get(c, i)->own};
    }
    qsort(f, n, sizeof *f, by_chain);
    for (size_t i = 0; i < n; i++) {
        uint64_t ns = f[i].ns;
        while (i + 1 < n && !strcmp(f[i].chain, f[i + 1].chain)) {
            free(f[i++].chain);
            ns += f[i].ns;
        }
        out_print(out, "%s %" PRIu64 "\n", f[i].chain, ns);
        free(f[i].chain);
    }
    free(f);
}

const struct calls_format *calls_format(const char *name)
{
    static const struct calls_format formats[] = {
        {"text", write_text}, {"json", write_json}, {"perfetto", write_perfetto}, {"folded", write_folded}};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (!strcmp(formats[i].name, name))
            return &formats[i];
    return NULL;
}
