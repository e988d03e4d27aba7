/* cmd_origin.c - bootreel origin: where a value comes from. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/out.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "core/origin/origin.h"

enum { OPT_REGISTER = 1, OPT_MEMORY, OPT_PHYSICAL, OPT_CONSOLE, OPT_SCREEN, OPT_CPU, OPT_LINKS };

struct origin_command {
    const struct engines *engines;
    int what; /* the option that says what is asked; 0: none */
    const char *text, *at;
    bool all, check, json, quiet;
    uint64_t cpu, links;
    struct trace *t;
    struct timeline *tl;
    struct symbols *symbols;
    struct origin *origin;
    struct progress *progress;
    struct signals *signals;
};

/* ---------------------------------------------------------------- what is asked */

static int take_memory(struct origin_command *c, struct origin_place *p, struct error *err)
{
    char *text = mem_string(c->text), *comma = strrchr(text, ',');
    uint64_t length = 0;
    struct symbol sym = {0};
    int rc = 0;
    *p = (struct origin_place){.memory = true, .cpu = (unsigned)c->cpu, .length = 1};
    if (comma && parse_number(comma + 1, &length))
        *comma = 0;
    if (!parse_number(text, &p->linear)) {
        int found = find_symbol(c->symbols, text, &sym, err);
        rc = found < 0 ? -1
             : !found
                 ? error_set(
                       err,
                       "\"%.100s\" is no address and no symbol of this trace: bootreel symbols lists them",
                       text)
                 : 0;
        p->linear = sym.address;
        if (sym.size == 2 || sym.size == 4 || sym.size == 8)
            p->length = (unsigned)sym.size;
    }
    free(text);
    if (rc)
        return rc;
    if (comma && (!length || length > ORIGIN_BYTES))
        return error_set(err, "\"%.100s\": give ADDRESS,LENGTH with 1 to %d bytes", c->text, ORIGIN_BYTES);
    if (length)
        p->length = (unsigned)length;
    return p->linear + p->length - 1 < p->linear
               ? error_set(err, "\"%.100s\": the end is not within memory", c->text)
               : 0;
}

static int take_physical(struct origin_command *c, struct origin_place *p, struct error *err)
{
    const char *comma = strchr(c->text, ',');
    char *address = mem_text(c->text, comma ? (size_t)(comma - c->text) : strlen(c->text));
    uint64_t length = 1;
    *p = (struct origin_place){.memory = true, .at_physical = true, .cpu = (unsigned)c->cpu};
    const bool good = parse_number(address, &p->linear) && (!comma || parse_number(comma + 1, &length)) &&
                      length && length <= ORIGIN_BYTES && p->linear + length - 1 >= p->linear;
    free(address);
    p->length = (unsigned)length;
    return good ? 0
                : error_set(err, "--physical %.100s: give ADDRESS,LENGTH with 1 to %d bytes", c->text,
                            ORIGIN_BYTES);
}

static int take_screen(struct origin_command *c, uint64_t icount, struct origin_place *p, struct error *err)
{
    uint64_t row, column;
    char *text = mem_string(c->text), *comma = strchr(text, ',');
    if (comma)
        *comma = 0;
    bool good = comma && parse_number(text, &row) && parse_number(comma + 1, &column);
    free(text);
    if (!good || row > UINT16_MAX || column > UINT16_MAX)
        return error_set(err, "--screen %.40s: give ROW,COLUMN, counted from 0", c->text);
    return origin_screen(c->origin, icount, (unsigned)row, (unsigned)column, p, err);
}

static int take_what(struct origin_command *c, uint64_t *icount, struct origin_place *p, struct error *err)
{
    switch (c->what) {
    case OPT_REGISTER:
        return origin_register(c->origin, (unsigned)c->cpu, c->text, p, err);
    case OPT_MEMORY:
        return take_memory(c, p, err);
    case OPT_PHYSICAL:
        return take_physical(c, p, err);
    case OPT_SCREEN:
        return take_screen(c, *icount, p, err);
    case OPT_CONSOLE:
        return origin_console(c->origin, c->text, icount, p, err);
    default:
        return error_set(
            err,
            "origin: nothing is asked: give --register, --memory, --physical, --console or --screen (see --help)");
    }
}

/* ---------------------------------------------------------------- printing */

static void print_value(const uint8_t *b, unsigned n)
{
    char value[FIND_VALUE];
    out_print(stdout, "%s", find_value(b, n, value));
}

static unsigned depth_of(const struct origin_chain *c, size_t i)
{
    unsigned depth = 0;
    for (long p = c->link[i].parent; p >= 0; p = c->link[p].parent)
        depth++;
    return depth;
}

static void print_chain(const struct origin_command *c, const struct origin_chain *chain)
{
    out_print(stdout, "%s at icount %" PRIu64 ": ", chain->name, chain->icount);
    print_value(chain->value, chain->place.length);
    out_char(stdout, '\n');
    for (size_t i = 0; i < chain->n; i++)
        out_print(stdout, "%*s%s\n", c->all ? 2 * (int)depth_of(chain, i) : 0, "", chain->link[i].text);
}

static void print_check(const struct origin_check *r, const struct origin_chain *chain)
{
    out_print(stdout, "check: %zu of %zu copies: flipping the source's first bit flips that of the result\n",
              r->changed, r->tried);
    if (!r->whole)
        return;
    out_print(stdout, "check: flipped at icount %" PRIu64 ": %s is ", r->at, chain->name);
    if (r->target) {
        print_value(r->is, chain->place.length);
        out_print(stdout, " instead of ");
        print_value(r->was, chain->place.length);
    } else {
        out_print(stdout, "as before");
    }
    out_print(stdout, "%s\n", r->same_way ? "" : "; the run goes another way with it");
}

static void json_value(yajl_gen g, const char *key, const uint8_t *b, unsigned n)
{
    char value[FIND_VALUE];
    json_text(g, key, find_value(b, n, value));
}

static void json_link(yajl_gen g, const struct origin_link *l)
{
    static const char *const how[] = {"copies", "computes", "ends"};
    char pc[32];
    snprintf(pc, sizeof pc, "0x%" PRIx64, l->pc);
    yajl_gen_map_open(g);
    if (l->parent >= 0)
        json_number(g, "parent", (uint64_t)l->parent);
    if (l->step) {
        json_number(g, "adjusted", l->adjusted);
        json_number(g, "places", l->places);
        json_number(g, "icount", l->icount);
        json_number(g, "time", l->time);
        json_number(g, "cpu", l->cpu);
        json_text(g, "pc", l->device ? NULL : pc);
        json_text(g, "instruction", *l->instruction ? l->instruction : NULL);
        json_text(g, "function", l->function && *l->function ? l->function : NULL);
        json_text(g, "caller", l->caller && *l->caller ? l->caller : NULL);
        json_text(g, "line", l->line && *l->line ? l->line : NULL);
        json_text(g, "who", l->who && *l->who ? l->who : NULL);
        json_value(g, "before", l->before, l->place.length);
    }
    json_value(g, "after", l->after, l->place.length);
    json_text(g, "how", how[l->how]);
    json_text(g, "source", l->how == ORIGIN_ENDS ? origin_source_word(l->source) : NULL);
    json_text(g, "what", l->what && *l->what ? l->what : NULL);
    json_text(g, "image", l->image);
    if (l->image)
        json_number(g, "offset", l->offset);
    json_text(g, "file", l->file);
    if (l->file)
        json_number(g, "file_offset", l->file_at);
    json_array(g, "operands");
    for (unsigned i = 0; i < l->noperands; i++) {
        yajl_gen_map_open(g);
        json_text(g, "name", l->operand[i].name);
        json_value(g, "value", l->operand[i].value, l->operand[i].length);
        json_text(g, "is",
                  (int)i == l->follows     ? "followed"
                  : l->operand[i].constant ? "constant"
                                           : "varies");
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
    yajl_gen_map_close(g);
}

static void json_check(yajl_gen g, const struct origin_check *r, unsigned n)
{
    json_object(g, "check");
    json_number(g, "copies", r->tried);
    json_number(g, "changed", r->changed);
    json_text(g, "target", !r->whole ? NULL : r->target ? "changed" : "same");
    if (r->whole && r->target)
        json_value(g, "value", r->is, n);
    yajl_gen_map_close(g);
}

static void print_json(const struct origin_chain *chain, const struct origin_check *r)
{
    yajl_gen g = json_new(false);
    yajl_gen_map_open(g);
    json_text(g, "place", chain->name);
    json_number(g, "icount", chain->icount);
    json_value(g, "value", chain->value, chain->place.length);
    json_array(g, "links");
    for (size_t i = 0; i < chain->n; i++)
        json_link(g, &chain->link[i]);
    yajl_gen_array_close(g);
    if (r)
        json_check(g, r, chain->place.length);
    yajl_gen_map_close(g);
    json_print(g);
    out_char(stdout, '\n');
    yajl_gen_free(g);
}

/* ---------------------------------------------------------------- the command */

static bool on_progress(void *ctx, const struct timeline_progress *p)
{
    struct origin_command *c = ctx;
    progress_update(c->progress, p->icount, 0);
    return true;
}

static void on_signal(void *ctx)
{
    timeline_interrupt(((struct origin_command *)ctx)->tl);
}

static int answer(struct origin_command *c, struct error *err)
{
    struct origin_place place;
    struct origin_check check;
    uint64_t icount;
    const struct origin_options options = {.all = c->all, .most = c->links};
    if (find_position(c->engines, c->t, c->at, 0, trace_last_icount(c->t), &icount, err) ||
        take_what(c, &icount, &place, err))
        return -1;
    if (c->check && c->all)
        return error_set(err, "--check is for one chain: leave --all out");
    if (c->cpu >= timeline_cpus(c->tl))
        return error_set(err, "--cpu %" PRIu64 ": the machine has %u", c->cpu, timeline_cpus(c->tl));
    struct origin_chain *chain = origin_find(c->origin, &place, icount, &options, err);
    if (!chain)
        return -1;
    int rc = c->check ? origin_check(c->origin, chain, &check, err) : 0;
    if (!rc) {
        progress_end(c->progress);
        c->progress = NULL;
        if (c->json)
            print_json(chain, c->check ? &check : NULL);
        else
            print_chain(c, chain);
        if (c->check && !c->json)
            print_check(&check, chain);
    }
    origin_chain_free(chain);
    return rc;
}

static int origin(void *ctx, const struct engines *engines, struct trace *t, const char *path)
{
    struct origin_command *c = ctx;
    struct error err;
    const struct engine_kind *kind = recording_engine(engines, t, path, &err);
    c->engines = engines;
    c->t = t;
    c->tl = kind ? timeline_open_trace(t, kind, &err) : NULL;
    c->symbols = c->tl ? symbols_load(t, &err) : NULL;
    c->origin = c->symbols ? origin_new(c->tl, c->symbols, &err) : NULL;
    int rc = -1;
    if (c->origin) {
        signals_block();
        c->progress = progress_new("searching", c->quiet);
        timeline_set_progress(c->tl, on_progress, c);
        c->signals = signals_start(on_signal, c);
        rc = answer(c, &err) || timeline_lost(c->tl, &err) ? -1 : 0;
        signals_stop(c->signals);
        if (c->progress)
            progress_end(c->progress);
    }
    origin_free(c->origin);
    symbols_free(c->symbols);
    timeline_close(c->tl);
    return rc ? trouble(&err) : EXIT_DONE;
}

static const struct option_row rows[] = {
    {.name = "at",
     .argument = "POSITION",
     .help = "where the value is looked at (default: the end)",
     STORE(struct origin_command, at)},
    {.name = "register",
     .argument = "NAME",
     .help = "the origin of a register: rax, al, xmm0, cr3, eflags, rip …",
     .id = OPT_REGISTER,
     .more = "Of rip it is the last jump, call, return or delivery. MMX and x87 registers are not followed."},
    {.name = "memory",
     .argument = "ADDRESS[,LENGTH]",
     .help = "of 1 to 16 bytes of memory (LENGTH: default 1, or the symbol's size up to 8)",
     .id = OPT_MEMORY,
     .more =
         "ADDRESS is linear, or a symbol. The memory is followed whatever addresses the guest uses for it, and with writes by devices."},
    {.name = "physical",
     .argument = "ADDRESS[,LENGTH]",
     .help = "of 1 to 16 bytes at a physical address, as `firmware --history` has them",
     .id = OPT_PHYSICAL},
    {.name = "console",
     .argument = "TEXT",
     .help = "of the first character of TEXT, as it was last printed on a serial port before POSITION",
     .id = OPT_CONSOLE},
    {.name = "screen",
     .argument = "ROW,COLUMN",
     .help =
         "of a character on the screen, counted from 0: in a graphics mode, of the first pixel that it has in its colour",
     .id = OPT_SCREEN},
    {.name = "all", .help = "follow all operands that vary, as a tree", STORE(struct origin_command, all)},
    {.name = "check",
     .help = "flip the source, in a private run, and say whether the value changes",
     STORE(struct origin_command, check),
     .more =
         "Each link that only copies is tried alone: the first bit of what it copied is flipped before its instruction. Then the oldest "
         "place that was only copied from there on is flipped, and the run goes on to POSITION."},
    {.name = "cpu",
     .argument = "N",
     .help = "the processor whose register or page tables are meant (default: 0)",
     .id = OPT_CPU},
    {.name = "links", .argument = "N", .help = "at most N links (default: 200)", .id = OPT_LINKS},
    FORMAT_ROW(struct origin_command, json),
    QUIET_ROW(struct origin_command, quiet),
    END_OF_ROWS,
};

static int take_option(void *ctx, const struct option_row *row, const char *value, struct error *err)
{
    struct origin_command *c = ctx;
    switch (row->id) {
    case OPT_REGISTER:
    case OPT_MEMORY:
    case OPT_PHYSICAL:
    case OPT_CONSOLE:
    case OPT_SCREEN:
        if (c->what)
            return error_set(
                err,
                "--%s: one thing is asked already: use one of --register, --memory, --physical, --console, --screen",
                row->name);
        c->what = row->id;
        c->text = value;
        return 0;
    case OPT_CPU:
        return take_number(row, value, 0, 255, &c->cpu, err);
    case OPT_LINKS:
        return take_number(row, value, 1, 100000, &c->links, err);
    default:
        return option_not_handled(row, err);
    }
}

static int cmd_origin(struct engines *engines, int argc, char **argv)
{
    struct origin_command c = {0};
    return run_on_trace(&command_origin, engines, argc, argv, take_option, &c, origin);
}

const struct command command_origin = {
    .name = "origin",
    .run = cmd_origin,
    .what = "say where a value comes from",
    .arguments =
        "TRACE --at POSITION --register NAME | --memory ADDRESS[,LENGTH] | --physical ADDRESS[,LENGTH] | --console TEXT | --screen ROW,COLUMN",
    .rows = rows,
    .intro =
        "Goes back from write to write to where a value comes from: bytes of an image, a device, the processor, a constant of the code. "
        "Prints for each write the icount, the guest time in seconds, the function and its caller, the instruction, the value "
        "before and after it, and who made it.",
    .more =
        "Copies are followed by themselves. Of a computation the operands are shown, and it is followed if only one of them varies. "
        "Addresses by which an operand was reached are not followed.",
    .outro = "Exits with 0 wherever the chain ends.",
};
