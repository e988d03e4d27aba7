/* cmd_symbols.c - bootreel symbols: what addresses are called, at a position of a trace. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/position.h"
#include "core/symbols.h"

static const char help[] =
    "usage: bootreel symbols TRACE [OPTION…] [NAME|ADDRESS…]\n\n"
    "Looks names and addresses up among the symbols that the trace holds: of the kernel, its modules, the\n"
    "programs that were executed, and files given by --symbols. Without any: lists where symbols are from.\n\n"
    "  --at POSITION   as it was there (default: the end)\n"
    "  --pid PID       a process's own addresses, too (its tgid; GUEST:PID as listed)\n"
    "  --all           list every symbol that is in force\n\n"
    "ADDRESS is 0x…; NAME may be MODULE:NAME. Exits with 1 if one is not found.\n";

enum { OPT_AT = 1, OPT_PID, OPT_ALL, OPT_HELP };

static const struct option longs[] = {
    {"at", required_argument, NULL, OPT_AT},
    {"pid", required_argument, NULL, OPT_PID},
    {"all", no_argument, NULL, OPT_ALL},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

struct query {
    const struct symbols *s;
    uint64_t at;
    symbol_space space;
    bool all;
};

static void print_symbol(const struct symbol *sym)
{
    printf("%016llx %8llu %c %s [%s]\n", (unsigned long long)sym->address, (unsigned long long)sym->size,
           sym->type, sym->name, sym->module);
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
    printf("%016llx %s", (unsigned long long)address, name);
    if (symbols_line(q->s, q->space, address, q->at, &file, &line))
        printf(" %s:%u", file, line);
    putchar('\n');
    return true;
}

static bool look_up(const struct query *q, const char *what)
{
    struct symbol sym;
    if (!strncmp(what, "0x", 2))
        return look_up_address(q, what + 2);
    if (!symbols_find(q->s, q->space, what, q->at, &sym))
        return false;
    do
        print_symbol(&sym);
    while (symbols_find_next(q->s, q->space, what, q->at, &sym));
    return true;
}

static bool in_force(const struct query *q, const struct symbol_mapping *m)
{
    return m->since <= q->at && (!m->until || q->at < m->until) &&
           (m->space <= SPACE_KERNEL || q->space == SPACE_KERNEL || m->space == q->space);
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
    const uint32_t id = space < 0 ? 0 : symbol_space_id(space);
    if (!id)
        snprintf(buf, size, guest ? "kernel %u" : "kernel", guest);
    else if (!guest)
        snprintf(buf, size, "pid %u", id);
    else
        snprintf(buf, size, "pid %u:%u", guest, id);
}

/* What --pid says: "5", or as listed "1:5". */
static symbol_space space_named(const char *text)
{
    unsigned guest = 0, pid = 0;
    if (sscanf(text, "%u:%u", &guest, &pid) == 2)
        return symbol_space_of(guest, pid);
    return symbol_space_of(0, guest);
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
        printf("%15llu  %-10s %7zu symbols  bias 0x%-16llx  %-10s %s\n", (unsigned long long)m->since, where,
               symbol_table_count(m->table), (unsigned long long)m->bias, symbol_table_source(m->table),
               symbol_table_name(m->table));
    }
}

static int symbols_command(struct trace *t, struct query *q, const char *at, char **what, struct error *err)
{
    struct position pos = {.kind = POS_PERCENT, .n = 1000000};
    int status = EXIT_DONE;
    if ((at && position_parse(at, &pos, err)) || position_resolve(t, &pos, 0, &q->at, err))
        return trouble(err);
    struct symbols *s = symbols_load(t, err);
    if (!s)
        return trouble(err);
    q->s = s;
    if (!*what)
        list(q);
    for (; *what; what++)
        if (!look_up(q, *what)) {
            fprintf(stderr, "bootreel: %s: no such symbol at icount %llu\n", *what,
                    (unsigned long long)q->at);
            status = EXIT_NO;
        }
    symbols_free(s);
    return status;
}

int cmd_symbols(int argc, char **argv)
{
    struct query q = {.space = SPACE_KERNEL};
    const char *at = NULL;
    struct error err;
    int c;
    while ((c = next_option(argc, argv, "", longs)) != -1) {
        switch (c) {
        case OPT_HELP:
            fputs(help, stdout);
            return finish_output(EXIT_DONE);
        case OPT_AT:
            at = optarg;
            break;
        case OPT_PID:
            q.space = space_named(optarg);
            break;
        case OPT_ALL:
            q.all = true;
            break;
        default:
            return EXIT_TROUBLE;
        }
    }
    if (optind >= argc)
        return trouble_text("symbols: which trace? give its file name");
    struct trace *t = open_trace(argv[optind]);
    if (!t)
        return EXIT_TROUBLE;
    int status = symbols_command(t, &q, at, argv + optind + 1, &err);
    trace_close(t);
    return finish_output(status);
}
