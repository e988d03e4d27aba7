/* cmd_find.c - bootreel find: every execution, write, read or event of a kind. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/out.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "core/run/times.h"
#include "core/story/processes.h"
#include "core/timeline/timeline.h"

enum { OPT_EXEC = 1, OPT_WRITE, OPT_READ, OPT_EVENT, OPT_PART, OPT_JOBS };

struct find_command {
    struct find_request r;
    int what; /* the option that says what is searched for; 0: none */
    const char *text, *from, *to;
    struct process_names *names; /* with r.process */
    bool first, last, all, count;
    bool json, quiet;
    unsigned part, parts;           /* K/N; 0/0: the whole */
    const struct engine_kind *kind; /* the trace's; NULL: this program has none */
    uint64_t *more; /* --exec: further addresses to search for, of copies of the function or by a pattern */
    size_t nmore;
    struct symbols *symbols;        /* from the first name on */
    struct kernel_types *own_types; /* read before the search */
    const struct kernel_types *types;
    struct types_place place; /* a write or read shows the value of what is there, if its type is not 0 */
};

/* ---------------------------------------------------------------- what is searched for */

static bool has_symbols(struct find_command *c, struct trace *t, struct error *err)
{
    if (!c->symbols)
        c->symbols = symbols_load(t, err);
    return c->symbols;
}

/* SYMBOL or ADDRESS. A symbol of one, two, four or eight bytes gives its size. */
static int take_place(struct find_command *c, struct trace *t, const char *text, uint64_t *address,
                      uint64_t *length, struct error *err)
{
    struct symbol sym = {0};
    *length = 1;
    if (parse_number(text, address))
        return 0;
    int found = has_symbols(c, t, err) ? find_symbol(c->symbols, text, &sym, err) : -1;
    *address = sym.address;
    if (find_is_number(sym.size))
        *length = sym.size;
    return found > 0 ? 0
           : found < 0
               ? -1
               : error_set(
                     err, "\"%.100s\" is no address and no symbol of this trace: bootreel symbols lists them",
                     text);
}

/* Reads a Linux kernel's types, for arguments and member expressions. Without them there are only numbers and
 * symbols. */
static void read_types(struct find_command *c, struct trace *t)
{
    struct error ignored;
    c->own_types =
        c->kind && has_symbols(c, t, &ignored) ? kernel_types_read(t, c->kind, c->symbols, &ignored) : NULL;
    c->types = c->own_types;
}

static void forget(struct find_command *c)
{
    find_ahead_free(c->r.ahead); /* it uses the symbols */
    kernel_types_free(c->own_types);
    process_names_free(c->names);
    symbols_free(c->symbols);
    free(c->more);
}

/* Copies that the compiler made of a function, or the functions that a pattern matches: whether it is one of these. */
static bool take_several(struct find_command *c, struct trace *t)
{
    struct error ignored;
    struct symbol sym;
    if (!has_symbols(c, t, &ignored))
        return false;
    struct symbol_search q = symbols_search(c->symbols, SPACE_KERNEL, c->text, SYMBOLS_NOW);
    if (!symbols_search_next(&q, &sym) || q.how != SEARCH_COPIES)
        return false;
    c->r.stop.address = sym.address;
    while (symbols_search_next(&q, &sym)) {
        MEM_MORE(c->more, c->nmore);
        c->more[c->nmore++] = sym.address;
    }
    return true;
}

static int take_exec(struct find_command *c, struct trace *t, struct error *err)
{
    uint64_t length;
    const char *colon = strrchr(c->text, ':'), *name = colon ? colon + 1 : c->text;
    if (!parse_number(c->text, &length) && take_several(c, t))
        return 0;
    if (take_place(c, t, c->text, &c->r.stop.address, &length, err))
        return -1;
    if (c->count || parse_number(c->text, &length))
        return 0;
    if (c->r.ahead)
        find_ahead_types(c->r.ahead, c->symbols, name, NULL);
    return 0;
}

static void watch(struct find_command *c, const struct types_place *place)
{
    c->place = *place;
    c->r.stop.address = place->address;
    c->r.stop.length = place->size;
}

/* The name of a variable as large as a number: its symbol says where that is, so the search begins at once, and its type is read
 * meanwhile. */
static bool take_variable(struct find_command *c, struct trace *t)
{
    struct error ignored;
    struct symbol sym = {0};
    if (!c->r.ahead || strpbrk(c->text, ".>[(,:") || !has_symbols(c, t, &ignored) ||
        find_symbol(c->symbols, c->text, &sym, &ignored) != 1 || !find_is_number(sym.size))
        return false;
    watch(c, &(struct types_place){.address = sym.address, .size = sym.size});
    find_ahead_types(c->r.ahead, c->symbols, NULL, c->text);
    return true;
}

/* EXPRESSION[,LENGTH]: 1, or 0 if it is none. */
static int take_expression(struct find_command *c, struct trace *t, struct error *err)
{
    uint64_t length;
    if (parse_number(c->text, &length) || (!strpbrk(c->text, ".>[(") && c->count))
        return 0;
    if (take_variable(c, t))
        return 1;
    read_types(c, t);
    struct types_place place;
    char *text = mem_string(c->text), *comma = strrchr(text, ',');
    if (comma && parse_number(comma + 1, &length))
        *comma = 0;
    else
        length = 0;
    int rc = c->types ? kernel_types_place(c->types, c->symbols, text, &place, err) : 0;
    free(text);
    if (rc != 1)
        return rc;
    watch(c, &place);
    if (length) {
        c->r.stop.length = length;
        c->place.type = 0;
    }
    return 1;
}

static int take_range(struct find_command *c, struct trace *t, const char *text, struct timeline_stop *stop,
                      struct error *err)
{
    char *place = mem_string(text), *comma = strrchr(place, ',');
    uint64_t length = 0;
    if (comma && parse_number(comma + 1, &length))
        *comma = 0;
    int rc = take_place(c, t, place, &stop->address, &stop->length, err);
    free(place);
    if (length)
        stop->length = length;
    if (rc)
        return -1;
    if ((comma && !length) || stop->address + stop->length - 1 < stop->address)
        return error_set(err, "\"%.100s\": give ADDRESS,LENGTH with at least 1 byte and an end within memory",
                         text);
    return 0;
}

/* A thread begins to make what the search will need. */
static void prepare(struct find_command *c, const struct trace *t)
{
    struct error ignored; /* the search finds it again */
    c->kind = engine_find(c->r.engines, trace_config(t)->engine, &ignored);
    if (c->kind && c->what && c->what != OPT_EVENT)
        c->r.ahead = find_ahead_new(c->kind, t);
}

static int take_what(struct find_command *c, struct trace *t, struct error *err)
{
    struct timeline_stop *stop = &c->r.stop;
    int rc;
    switch (c->what) {
    case OPT_EXEC:
        stop->kind = TS_BREAK_LINEAR;
        return take_exec(c, t, err);
    case OPT_WRITE:
    case OPT_READ:
        stop->kind = c->what == OPT_WRITE ? TS_WATCH_WRITE : TS_WATCH_READ;
        rc = take_expression(c, t, err);
        return rc ? rc == 1 ? 0 : -1 : take_range(c, t, c->text, stop, err);
    case OPT_EVENT:
        stop->kind = TS_EVENT;
        return event_filter_parse(c->text, &stop->filter, err);
    default:
        return error_set(
            err, "find: nothing to be searched for: give --exec, --write, --read or --event (see --help)");
    }
}

/* ---------------------------------------------------------------- printing */

enum { VALUE = 400 };

/* A value as text, by its type if that is known. */
static const char *value_of(const struct find_command *c, const uint8_t *bytes, unsigned n, char buf[VALUE])
{
    if (n && c->types && c->place.type && kernel_types_value(c->types, &c->place, bytes, n, buf, VALUE) > 0)
        return buf;
    return find_value(bytes, n, buf);
}

static bool is_long(const struct find_command *c)
{
    return c->what != OPT_EXEC && c->r.stop.length > STOP_BYTES;
}

static void print_hit(const struct find_command *c, const struct find_hit *h)
{
    const struct timeline_hit *hit = &h->hit;
    char old[VALUE], new[VALUE], time[NUMBER_TEXT];
    out_print(stdout, "%15" PRIu64 " %17s  %-16s  %s%s", hit->icount, number_exact(time, hit->time),
              h->process, h->symbol, h->arguments);
    if (*h->caller)
        out_print(stdout, "  from %s", h->caller);
    if (is_long(c))
        out_print(stdout, "  0x%" PRIx64 ":", hit->from);
    if (c->what == OPT_WRITE)
        out_print(stdout, "  %s -> %s", value_of(c, hit->before, hit->nbefore, old),
                  value_of(c, hit->after, hit->nafter, new));
    if (c->what == OPT_READ)
        out_print(stdout, "  %s", value_of(c, hit->after, hit->nafter, new));
    out_char(stdout, '\n');
}

/* JSON's numbers are too short for addresses. */
static void json_address(yajl_gen g, const char *key, uint64_t address)
{
    char text[32];
    snprintf(text, sizeof text, "0x%" PRIx64, address);
    json_text(g, key, text);
}

static void json_hit(yajl_gen g, const struct find_command *c, const struct find_hit *h)
{
    const struct timeline_hit *hit = &h->hit;
    char value[VALUE];
    yajl_gen_map_open(g);
    json_number(g, "icount", hit->icount);
    json_number(g, "time", hit->time);
    json_number(g, "cpu", hit->cpu);
    json_text(g, "process", *h->process ? h->process : NULL);
    json_address(g, "pc", hit->pc);
    json_text(g, "symbol", h->symbol);
    json_text(g, "caller", *h->caller ? h->caller : NULL);
    if (c->what != OPT_EXEC)
        json_address(g, "address", hit->address);
    if (is_long(c))
        json_address(g, "from", hit->from);
    if (c->what == OPT_WRITE)
        json_text(g, "old", value_of(c, hit->before, hit->nbefore, value));
    if (c->what != OPT_EXEC)
        json_text(g, c->what == OPT_WRITE ? "new" : "value", value_of(c, hit->after, hit->nafter, value));
    if (*h->arguments)
        json_text(g, "arguments", h->arguments);
    yajl_gen_map_close(g);
}

static int print_hits(const struct find_command *c, const struct find_result *res)
{
    yajl_gen g = json_new(false);
    if (c->count) {
        out_print(stdout, "%" PRIu64 "\n", res->count);
    } else if (c->json) {
        yajl_gen_array_open(g);
        for (size_t i = 0; i < res->n; i++) {
            json_hit(g, c, &res->hit[i]);
            json_print(g);
        }
        yajl_gen_array_close(g);
        json_print(g);
        out_char(stdout, '\n');
    } else {
        for (size_t i = 0; i < res->n; i++)
            print_hit(c, &res->hit[i]);
    }
    yajl_gen_free(g);
    return res->count ? EXIT_DONE : EXIT_NO;
}

/* ---------------------------------------------------------------- events */

/* Whether a process that is meant runs where the event happens. */
static bool in_process(const struct find_command *c, struct trace *t, struct processes *ps,
                       const struct event *ev)
{
    struct error ignored;
    if (!c->r.process)
        return true;
    processes_move(ps, t, ev->icount, &ignored);
    const struct process *p = processes_current(ps, ev->cpu);
    return p && process_names_fit(c->names, c->r.process, p->guest, p->pid, ev->icount);
}

/* Walks over the matching events, which are in the record. `last`: only the last one is kept. */
static int walk_events(const struct find_command *c, struct trace *t, yajl_gen g, uint64_t *count,
                       struct error *err)
{
    const struct event_filter *f = &c->r.stop.filter;
    enum { WORDS = 4 * EVENT_MAX_DATA + 1024 };
    struct times *times = times_of_trace(t, err);
    if (!times)
        return -1;
    struct processes *ps = processes_new();
    struct trace_cursor *cur = trace_cursor_open(t, event_filter_classes(f));
    char *words = mem_zero(1, WORDS);
    struct event ev, last = {0};
    uint64_t number, at = 0;
    bool estimated = false;
    int rc = trace_cursor_seek_icount(cur, c->r.from, err);
    while (!rc && (rc = trace_cursor_next(cur, &ev, &number, err)) == 1 && ev.icount < c->r.to) {
        rc = 0;
        if (!event_filter_matches(f, &ev) || !in_process(c, t, ps, &ev))
            continue;
        const uint64_t n = times_get(times, &ev, number);
        estimated |= c->count && times_estimated(times, number);
        *count += c->count && n ? n : 1;
        if (c->last || c->count) {
            last = ev;
            at = number;
            event_text(&ev, words, WORDS);
            continue;
        }
        event_text(&ev, words, WORDS);
        if (c->json)
            event_json(&ev, number, times_count(times, &ev, number), (struct yajl_gen_t *)g);
        else
            find_print_event(&ev, number, words);
        if (c->first)
            break;
    }
    if (c->last && *count && !c->json)
        find_print_event(&last, at, words);
    if (estimated)
        out_print(
            stderr,
            "bootreel: find: the count is an estimate, since some of it is of a loop within a loop that was folded: "
            "record --events=-fold counts each\n");
    trace_cursor_close(cur);
    times_free(times);
    processes_free(ps);
    free(words);
    return rc < 0 ? -1 : 0;
}

static int find_events(struct find_command *c, struct trace *t, struct error *err)
{
    uint64_t count = 0;
    if (event_filter_recorded(&c->r.stop.filter, trace_config(t)->classes, err))
        return -1;
    if (c->last && c->json)
        return error_set(err,
                         "--event with --last has no JSON form: take the last one of bootreel find --event");
    yajl_gen g = json_new(false);
    if (c->json && !c->count)
        yajl_gen_array_open(g);
    int rc = walk_events(c, t, g, &count, err);
    if (c->json && !c->count) {
        yajl_gen_array_close(g);
        json_print(g);
        out_char(stdout, '\n');
    }
    yajl_gen_free(g);
    if (c->count)
        out_print(stdout, "%" PRIu64 "\n", count);
    return rc ? -1 : count ? EXIT_DONE : EXIT_NO;
}

/* ---------------------------------------------------------------- the command */

/* The types of the variable are read: 0 if it is what was searched for; 1 if it is not, but is from now on; -1. */
static int agree(struct find_command *c, struct error *err)
{
    const struct timeline_stop was = c->r.stop;
    struct types_place place;
    const int rc = find_ahead_placed(c->r.ahead, &c->types, &place, err);
    if (rc != 1)
        return rc;
    watch(c, &place);
    return was.address != c->r.stop.address || was.length != c->r.stop.length;
}

static int by_icount(const void *a, const void *b)
{
    const struct timeline_hit *x = &((const struct find_hit *)a)->hit,
                              *y = &((const struct find_hit *)b)->hit;
    if (x->icount != y->icount)
        return x->icount < y->icount ? -1 : 1;
    return (x->pc > y->pc) - (x->pc < y->pc);
}

/* The hits of both, in order; of the first or the last only that one. `more` is emptied. */
static void join(const struct find_command *c, struct find_result *res, struct find_result *more)
{
    struct find_result all = {.count = res->count + more->count, .n = res->n + more->n};
    all.hit = mem_alloc((all.n + 1) * sizeof *all.hit);
    if (res->n)
        memcpy(all.hit, res->hit, res->n * sizeof *all.hit);
    if (more->n)
        memcpy(all.hit + res->n, more->hit, more->n * sizeof *all.hit);
    free(res->hit);
    free(more->hit);
    *more = (struct find_result){0};
    qsort(all.hit, all.n, sizeof *all.hit, by_icount);
    *res = all;
    if (all.n < 2 || (!c->first && !c->last))
        return;
    const size_t keep = c->first ? 0 : all.n - 1;
    const struct find_hit kept = all.hit[keep];
    all.hit[keep] = all.hit[all.n - 1];
    all.n--;
    find_result_free(&all);
    *res = (struct find_result){.hit = mem_alloc(sizeof kept), .n = 1, .count = 1};
    res->hit[0] = kept;
}

/* The other addresses of --exec. */
static int search_more(struct find_command *c, struct trace *t, struct find_result *res, struct error *err)
{
    struct find_result more = {0};
    for (size_t i = 0; i < c->nmore; i++) {
        c->r.stop.address = c->more[i];
        if (find_hits(&c->r, t, &more, err))
            return -1;
        join(c, res, &more);
    }
    return 0;
}

static int search(struct find_command *c, struct trace *t, const char *path)
{
    struct find_result res = {0};
    struct error err;
    if (c->first + c->last + c->all + c->count > 1)
        return trouble_text("find: --first, --last, --all and --count: choose one of them");
    c->r.path = path;
    c->r.mode = c->first ? FIND_FIRST : c->last ? FIND_LAST : c->count ? FIND_COUNT : FIND_ALL;
    prepare(c, t);
    if (take_what(c, t, &err) || find_range(c->r.engines, t, c->from, c->to, &c->r.from, &c->r.to, &err))
        return trouble(&err);
    if (!c->to)
        c->r.to++; /* the record's last position has events too */
    cut_range(t, c->part, c->parts, &c->r.from, &c->r.to);
    const int found = c->r.process ? find_process(t, c->r.process, UINT64_MAX, &c->names) : EXIT_DONE;
    c->r.names = c->names;
    if (found != EXIT_DONE)
        return found;
    if (c->what == OPT_EVENT) {
        int status = find_events(c, t, &err);
        return status < 0 ? trouble(&err) : status;
    }
    if (!has_symbols(c, t, &err))
        return trouble(&err);
    c->r.symbols = c->symbols;
    signals_block();
    c->r.progress = progress_new("searching", c->quiet);
    int rc = find_hits(&c->r, t, &res, &err);
    while (!rc && (rc = agree(c, &err)) > 0) {
        find_result_free(&res);
        rc = find_hits(&c->r, t, &res, &err);
    }
    rc = rc ? rc : search_more(c, t, &res, &err);
    progress_end(c->r.progress);
    for (size_t i = 0; !rc && c->what == OPT_WRITE && is_long(c) && i < res.n; i++)
        timeline_hit_trim(&res.hit[i].hit);
    int status = rc ? trouble(&err) : print_hits(c, &res);
    find_result_free(&res);
    return status;
}

static int find(void *ctx, const struct engines *engines, struct trace *t, const char *path)
{
    struct find_command *c = ctx;
    c->r.engines = engines;
    const int status = search(c, t, path);
    forget(c);
    return status;
}

static const struct option_row rows[] = {
    {.name = "exec",
     .argument = "SYMBOL|ADDRESS",
     .help = "where the instruction there is executed",
     .id = OPT_EXEC,
     .more =
         "An ADDRESS is linear, and counts in any address space. MODULE:NAME is a symbol of one module, guestN:NAME one "
         "of guest N. The name of a function without a compiler's suffix finds all copies (ring_push: ring_push.constprop.0), and a "
         "pattern ('vfs_*') all functions that it matches. For a function of a Linux kernel with type information (BTF), its arguments are shown, with texts."},
    {.name = "write",
     .argument = "ADDRESS[,LENGTH]",
     .help =
         "where a processor writes to one of these bytes (LENGTH: default 1, or the symbol's size up to 8)",
     .id = OPT_WRITE,
     .more =
         "Each hit has the old and the new value: that of the whole range up to 16 bytes, otherwise of the bytes that changed, behind "
         "their address (up to 16 from the first one written). A write that does not change the value counts, one by a device does not. In a "
         "Linux kernel with type information (BTF), ADDRESS may be a variable or (struct TYPE *)ADDRESS with .MEMBER, ->MEMBER and [INDEX]: "
         "init_task.comm."},
    {.name = "read",
     .argument = "ADDRESS[,LENGTH]",
     .help = "where a processor reads one of these bytes",
     .id = OPT_READ,
     .more =
         "The index of a trace has no reads, so the first search runs all of the range. What was read in each part is kept in the folder of unpacked kernels (see XDG_CACHE_HOME), and later searches run only the parts that can have a hit."},
    {.name = "event",
     .argument = "FILTER",
     .help = "recorded events: a class or kind, then conditions, as in \"pio.write port=0x3f8\"",
     .id = OPT_EVENT},
    {.name = "from",
     .argument = "POSITION",
     .help = "only from there on (inclusive)",
     STORE(struct find_command, from)},
    {.name = "to",
     .argument = "POSITION",
     .help = "only up to there (exclusive)",
     STORE(struct find_command, to)},
    {.name = "first", .help = "only the first hit", STORE(struct find_command, first)},
    {.name = "last", .help = "only the last hit", STORE(struct find_command, last)},
    {.name = "all", .help = "all hits (default)", STORE(struct find_command, all)},
    {.name = "process",
     .argument = "PROCESS",
     .help = "only while this process runs: its number, or a part of a name or program that it ever had",
     STORE(struct find_command, r.process),
     .more =
         "As files --process: a pattern with * ? [ is of a whole name or program. Several processes may be meant."},
    {.name = "count",
     .help = "only how many there are",
     STORE(struct find_command, count),
     .more = "Events that the trace has folded count as often as they happened."},
    {.name = "part",
     .argument = "K/N",
     .help = "only part K of N, for several machines",
     .id = OPT_PART,
     .more =
         "A part begins and ends at a checkpoint. The hits of all N parts, one after the other, are those of the whole, and their counts add "
         "up to it."},
    {.name = "jobs",
     .argument = "N",
     .help = "on N processors (default: all)",
     .id = OPT_JOBS,
     .more =
         "Each job needs as much memory as the guest has touched, and some 130 MB. The output is that of one job."},
    FORMAT_ROW(struct find_command, json),
    QUIET_ROW(struct find_command, quiet),
    END_OF_ROWS,
};

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct find_command *c = ctx;
    switch (row->id) {
    case OPT_EXEC:
    case OPT_WRITE:
    case OPT_READ:
    case OPT_EVENT:
        if (c->what)
            return error_set(
                err, "--%s: one thing is searched for already: use one of --exec, --write, --read, --event",
                row->name);
        c->what = row->id;
        c->text = value;
        return 0;
    case OPT_PART:
        return take_part(row, value, &c->part, &c->parts, err);
    case OPT_JOBS:
        return take_unsigned(row, value, 1, JOBS_MAX, &c->r.jobs, err);
    default:
        return option_not_handled(row, err);
    }
}

static int cmd_find(struct engines *engines, int argc, char **argv)
{
    struct find_command c = {.r = {.jobs = find_jobs()}};
    return run_on_trace(&command_search, engines, argc, argv, take_option, &c, find);
}

const struct command command_search = {
    .name = "find",
    .run = cmd_find,
    .what = "find every execution of an instruction, write to memory, or event",
    .arguments =
        "TRACE --exec SYMBOL|ADDRESS | --write ADDRESS[,LENGTH] | --read ADDRESS[,LENGTH] | --event FILTER",
    .rows = rows,
    .intro =
        "Finds every moment at which an instruction is executed, memory is written or read, or an event of a kind happens. Prints "
        "for each of them the icount, the guest time in seconds, the process if it is known, the symbol and its caller.",
    .more =
        "Only the parts of the run in which it can have happened are run again, as the trace's index says. A caller with a "
        "question mark was taken from what looks like a return address.",
    .outro = "Exits with 1 if there is no hit.",
};
