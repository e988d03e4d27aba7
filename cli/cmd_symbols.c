/* cmd_symbols.c - bootreel symbols: the names of addresses at a position of a trace. */
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "cli/cli.h"
#include "core/symbols/symbols.h"

struct query {
    const struct symbols *s;
    const char *at_text;
    uint64_t at;
    symbol_space space;
    bool all;
};

static void print_symbol(const struct symbol *sym)
{
    out_print(stdout, "%016llx %8llu %c %s [%s]\n", (unsigned long long)sym->address,
              (unsigned long long)sym->size, sym->type, sym->name, sym->module);
}

static bool look_up_address(const struct query *q, const char *text)
{
    char *end, name[600];
    const char *file;
    unsigned line;
    struct symbol sym;
    uint64_t address = strtoull(text, &end, 16);
    if (*end || !symbols_at(q->s, q->space, address, q->at, &sym, NULL))
        return false;
    symbols_text(q->s, q->space, address, q->at, name, sizeof name);
    out_print(stdout, "%016llx %s", (unsigned long long)address, name);
    if (symbols_line(q->s, q->space, address, q->at, &file, &line))
        out_print(stdout, " %s:%u", file, line);
    out_char(stdout, '\n');
    return true;
}

static bool look_up_in_space(const struct query *q, const char *what)
{
    struct symbol sym;
    if (!strncmp(what, "0x", 2))
        return look_up_address(q, what + 2);
    struct symbol_search search = symbols_search(q->s, q->space, what, q->at);
    bool found = false;
    for (; symbols_search_next(&search, &sym); found = true)
        print_symbol(&sym);
    return found;
}

static bool in_force(const struct query *q, const struct symbol_mapping *m)
{
    return m->since <= q->at && (!m->until || q->at < m->until) &&
           (m->space <= SPACE_KERNEL || q->space == SPACE_KERNEL || m->space == q->space);
}

/* What the first guest's kernel does not have, another guest's may: a kernel in a domain, or under a Linux host. */
static bool look_up(const struct query *q, const char *what)
{
    bool found = look_up_in_space(q, what);
    for (size_t i = 0; !found && q->space == SPACE_KERNEL && i < symbols_mappings(q->s); i++) {
        const struct symbol_mapping *m = symbols_mapping(q->s, i);
        struct query other = *q;
        other.space = m->space;
        if (in_force(q, m) && m->space > SPACE_KERNEL && !symbol_space_id(m->space))
            found = look_up_in_space(&other, what);
    }
    return found;
}

/* A member of a structure, as STRUCTURE.MEMBER, or all of it, as STRUCTURE. */
static bool look_up_members(const struct query *q, const char *what)
{
    const size_t n = strcspn(what, ".");
    for (size_t i = 0; i < symbols_mappings(q->s); i++) {
        const struct symbol_mapping *m = symbols_mapping(q->s, i);
        bool found = false;
        for (size_t k = 0; in_force(q, m) && k < symbol_table_members(m->table); k++) {
            struct symbol_member is;
            symbol_table_nth_member(m->table, k, &is);
            if (strncmp(is.type, what, n) || is.type[n] || (what[n] && strcmp(is.name, what + n + 1)))
                continue;
            found = true;
            out_print(stdout, "%16u %8u . %s.%s [%s]\n", is.offset, is.size, is.type, is.name,
                      symbol_table_name(m->table));
        }
        if (found)
            return true;
    }
    return false;
}

static void list_table(const struct symbol_mapping *m)
{
    struct symbol sym;
    for (size_t i = 0; i < symbol_table_count(m->table); i++) {
        symbol_table_symbol(m->table, i, &sym);
        if (!(sym.flags & SYMBOL_ABSOLUTE))
            sym.address += m->bias;
        print_symbol(&sym);
    }
}

/* "kernel", "pid 5"; of other guests than the first "kernel 1", "pid 1:5". */
static void space_text(symbol_space space, char *buf, size_t size)
{
    const unsigned guest = space < 0 ? 0 : symbol_space_guest(space);
    if (space < 0 || !symbol_space_id(space))
        snprintf(buf, size, guest ? "kernel %u" : "kernel", guest);
    else
        symbol_space_text(space, buf + snprintf(buf, size, "pid "), size - 4);
}

static void list(const struct query *q)
{
    char where[40];
    for (size_t i = 0; i < symbols_mappings(q->s); i++) {
        const struct symbol_mapping *m = symbols_mapping(q->s, i);
        if (!in_force(q, m))
            continue;
        if (q->all) {
            list_table(m);
            continue;
        }
        space_text(m->space, where, sizeof where);
        out_print(stdout, "%15llu  %-10s %7zu symbols  bias 0x%-16llx  %-10s %s\n",
                  (unsigned long long)m->since, where, symbol_table_count(m->table),
                  (unsigned long long)m->bias, symbol_table_source(m->table), symbol_table_name(m->table));
    }
}

static int symbols_command(const struct engines *engines, struct trace *t, struct query *q, char **what,
                           struct error *err)
{
    int status = EXIT_DONE;
    if (find_position(engines, t, q->at_text, 0, trace_last_icount(t), &q->at, err))
        return trouble(err);
    struct symbols *s = symbols_load(t, err);
    if (!s)
        return trouble(err);
    q->s = s;
    if (!*what)
        list(q);
    for (; *what; what++)
        if (!look_up(q, *what) && !look_up_members(q, *what)) {
            out_print(stderr, "bootreel: %s: no such symbol at icount %llu\n", *what,
                      (unsigned long long)q->at);
            status = EXIT_NO;
        }
    symbols_free(s);
    return status;
}

enum { OPT_PID = 1 };

static const struct option_row rows[] = {
    {.name = "at",
     .argument = "POSITION",
     .help = "the symbols in force at that position (default: the end)",
     STORE(struct query, at_text)},
    {.name = "pid",
     .argument = "PID",
     .help = "also look in the programs of process PID (its tgid)",
     .more = "GUEST:PID is a process of another guest than the first.",
     .id = OPT_PID},
    {.name = "all", .help = "list every symbol in force", STORE(struct query, all)},
    END_OF_ROWS,
};

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct query *q = ctx;
    switch (row->id) {
    case OPT_PID:
        return take_process(row, value, &q->space, err);
    default:
        return option_not_handled(row, err);
    }
}

static int cmd_symbols(struct engines *engines, int argc, char **argv)
{
    struct query q = {.space = SPACE_KERNEL};
    struct error err;
    int status;
    if (!parse_options(&command_symbols, engines, argc, argv, take_option, &q, &status))
        return status;
    if (optind >= argc)
        return trouble_text("symbols: no trace given: see bootreel symbols --help");
    struct trace *t = open_trace(argv[optind]);
    if (!t)
        return EXIT_TROUBLE;
    status = conclude_trace(t, symbols_command(engines, t, &q, argv + optind + 1, &err));
    trace_close(t);
    return finish_output(status);
}

const struct command command_symbols = {
    .name = "symbols",
    .run = cmd_symbols,
    .what = "look up names and addresses",
    .arguments = "TRACE [NAME|ADDRESS…]",
    .rows = rows,
    .intro =
        "Looks up names and addresses among the symbols that the trace holds: those of the kernel and its modules, of the "
        "programs that were executed, of the built-in firmware and the demo guest, and of files given by --symbols. Without a "
        "NAME or ADDRESS it lists where the symbols are from.",
    .outro =
        "ADDRESS is 0x…; NAME may be MODULE:NAME, or the name of a function without the suffix that a compiler gave its copies "
        "(ring_push for ring_push.constprop.0), or a pattern ('vfs_*'), or, where a file given by --symbols tells of a FreeBSD kernel's structures, "
        "STRUCTURE or STRUCTURE.MEMBER, for offset and size in bytes. Exits with 1 if one is not found.",
};
