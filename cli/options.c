/* options.c - parses the options of a command by its table; values that several commands take. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "cli/nearest.h"
#include "core/run/recorder.h"
#include "core/story/position.h"
#include "core/story/profile.h"
#include "core/symbols/debug.h"

/* ---------------------------------------------------------------- rows */

static const struct option_row help_option = {.name = "help", .letter = 'h', .help = "show this help"};

bool option_is_heading(const struct option_row *row)
{
    return !row->name;
}

static void add_rows(struct option_list *list, const struct option_row *row)
{
    for (; row && (row->name || row->help || row->group); row++) {
        if (row->group) {
            add_rows(list, row->group);
            continue;
        }
        assert(list->n < MAX_OPTIONS);
        list->row[list->n++] = row;
    }
}

void option_list(const struct command *c, struct option_list *list)
{
    list->n = 0;
    add_rows(list, c->rows);
    assert(list->n < MAX_OPTIONS);
    list->row[list->n++] = &help_option;
}

/* ---------------------------------------------------------------- parsing */

/* getopt_long's arrays. A long option's value is OPTION_BASE and its place in the list, above all letters. */
enum { OPTION_BASE = 256 };
struct getopt_arrays {
    struct option longs[MAX_OPTIONS + 1];
    char letters[3 * MAX_OPTIONS + 1];
};

static bool optional_argument_of(const struct option_row *row)
{
    return row->argument && *row->argument == '[';
}

static void make_arrays(const struct option_list *list, struct getopt_arrays *a)
{
    struct option *to = a->longs;
    char *letter = a->letters;
    for (size_t i = 0; i < list->n; i++) {
        const struct option_row *row = list->row[i];
        if (option_is_heading(row))
            continue;
        assert((row->store != STORE_FLAG || !row->argument) && "a flag has no argument");
        int has = !row->argument              ? no_argument
                  : optional_argument_of(row) ? optional_argument
                                              : required_argument;
        *to++ = (struct option){row->name, has, NULL, OPTION_BASE + (int)i};
        if (row->letter) {
            *letter++ = row->letter;
            for (int colons = has; colons; colons--)
                *letter++ = ':';
        }
    }
    *to = (struct option){0};
    *letter = 0;
}

static const struct option_row *row_of(const struct option_list *list, int c)
{
    if (c >= OPTION_BASE)
        return list->row[c - OPTION_BASE];
    for (size_t i = 0; i < list->n; i++)
        if (list->row[i]->letter && list->row[i]->letter == c)
            return list->row[i];
    return NULL;
}

/* The long options that an abbreviation can stand for, if it is more than one. */
static bool ambiguous(const struct option_list *list, const char *word, char *names, size_t size)
{
    size_t n = strcspn(word, "="), found = 0, len = 0;
    *names = 0;
    for (size_t i = 0; i < list->n; i++) {
        const char *name = list->row[i]->name;
        if (!name || n < 3 || strncmp(word, "--", 2) || strncmp(name, word + 2, n - 2))
            continue;
        if (len < size)
            len += (size_t)snprintf(names + len, size - len, "%s--%s", found ? ", " : "", name);
        found++;
    }
    return found > 1;
}

/* The long option that a misspelt one is meant to be, or NULL. */
static const char *meant(const struct option_list *list, const char *word)
{
    size_t n = strcspn(word, "=");
    unsigned best = UINT_MAX;
    const char *found = NULL;
    for (size_t i = 0; i < list->n && !strncmp(word, "--", 2); i++) {
        const char *name = list->row[i]->name;
        if (!name || !word_near(word + 2, n - 2, name) || word_distance(word + 2, n - 2, name) >= best)
            continue;
        best = word_distance(word + 2, n - 2, name);
        found = name;
    }
    return found;
}

/* What getopt_long did not take: `optopt` is the option if that is known. */
static void complain(const struct option_list *list, char **argv, int argc)
{
    const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";
    const struct option_row *row = row_of(list, optopt);
    char letter[] = {'-', (char)optopt, 0}, names[200];
    if (row && row->argument)
        trouble_text("%s: option \"%.60s\" needs a value: see bootreel %s --help", argv[0], word, argv[0]);
    else if (row)
        trouble_text("%s: option \"%.60s\" takes no value: see bootreel %s --help", argv[0], word, argv[0]);
    else if (optopt)
        trouble_text("%s: option \"%s\" is unknown: see bootreel %s --help", argv[0], letter, argv[0]);
    else if (ambiguous(list, word, names, sizeof names))
        trouble_text("%s: option \"%.60s\" may be any of %s: write more of it", argv[0], word, names);
    else if (meant(list, word))
        trouble_text("%s: option \"%.60s\" is unknown: did you mean --%s?", argv[0], word, meant(list, word));
    else
        trouble_text("%s: option \"%.60s\" is unknown: see bootreel %s --help", argv[0], word, argv[0]);
}

static int take_or_store(const struct option_row *row, const char *value, struct engines *engines,
                         option_taker *take, void *ctx, struct error *err)
{
    char *to = (char *)ctx + row->to;
    unsigned word;
    switch (row->store) {
    case STORE_TEXT:
        *(const char **)to = value;
        return 0;
    case STORE_FLAG:
        *(bool *)to = true;
        return 0;
    case STORE_JSON:
        if (option_word(row, value, &word, err))
            return -1;
        *(bool *)to = word == 1;
        return 0;
    case STORE_INTERPRET:
        for (unsigned i = 0; i < ENGINES; i++)
            engines->kind[i].host.interpret = true;
        return 0;
    default:
        return take ? take(ctx, row, value, err) : option_not_handled(row, err);
    }
}

bool parse_options(const struct command *command, struct engines *engines, int argc, char **argv,
                   option_taker *take, void *ctx, int *status)
{
    struct option_list list;
    struct getopt_arrays arrays;
    struct error err;
    int c;
    option_list(command, &list);
    make_arrays(&list, &arrays);
    opterr = 0;
    while ((c = getopt_long(argc, argv, arrays.letters, arrays.longs, NULL)) != -1) {
        const struct option_row *row = c == '?' ? NULL : row_of(&list, c);
        if (row == &help_option) {
            print_help(stdout, command);
            *status = finish_output(EXIT_DONE);
            return false;
        }
        if (row && !take_or_store(row, optarg, engines, take, ctx, &err))
            continue;
        if (row)
            trouble(&err);
        else
            complain(&list, argv, argc);
        *status = EXIT_TROUBLE;
        return false;
    }
    return true;
}

int option_not_handled(const struct option_row *row, struct error *err)
{
    return error_set(err, "--%s: is in the table of options, but not handled", row->name);
}

/* ---------------------------------------------------------------- values */

int take_process(const struct option_row *row, const char *value, symbol_space *process, struct error *err)
{
    if (symbol_space_parse(value, process))
        return 0;
    return error_set(err, "--%s: \"%.40s\": give a number, or GUEST:NUMBER as bootreel processes prints it",
                     row->name, value);
}

int take_number(const struct option_row *row, const char *value, uint64_t min, uint64_t max, uint64_t *n,
                struct error *err)
{
    char *end;
    assert(min <= max && row->name && "a range, and the row of an option");
    errno = 0;
    unsigned long long v = strtoull(value, &end, 10);
    if (!isdigit((unsigned char)*value) || *end || errno == ERANGE || v < min || v > max) {
        if (max == UINT64_MAX && errno != ERANGE)
            return error_set(err, "--%s: \"%.40s\": give a number from %llu on", row->name, value,
                             (unsigned long long)min);
        return error_set(err, "--%s: \"%.40s\": give a number from %llu to %llu", row->name, value,
                         (unsigned long long)min, (unsigned long long)max);
    }
    *n = v;
    return 0;
}

int take_unsigned(const struct option_row *row, const char *value, uint64_t min, uint64_t max, unsigned *n,
                  struct error *err)
{
    uint64_t v;
    if (take_number(row, value, min, max, &v, err))
        return -1;
    *n = (unsigned)v;
    return 0;
}

bool parse_number(const char *text, uint64_t *n)
{
    char *end;
    errno = 0;
    *n = strtoull(text, &end, 0);
    return isdigit((unsigned char)*text) && !*end && errno != ERANGE;
}

enum { MAX_PARTS = 1000000 };

int take_part(const struct option_row *row, const char *value, unsigned *part, unsigned *parts,
              struct error *err)
{
    char extra;
    if (sscanf(value, "%u/%u%c", part, parts, &extra) != 2 || !*part || *part > *parts ||
        *parts > MAX_PARTS || strspn(value, "0123456789/") != strlen(value))
        return error_set(err, "--%s: \"%.40s\": give K/N, with K from 1 to N", row->name, value);
    return 0;
}

int take_until(struct given_until *u, const char *value, struct record_options *o, struct error *err)
{
    if (u->n == RECORD_UNTIL)
        return error_set(err, "--until %.60s: %d are given already, which is the most", value, RECORD_UNTIL);
    if (position_parse(value, &u->at[u->n], err))
        return -1;
    o->until = u->at;
    o->nuntil = ++u->n;
    return 0;
}

bool until_say_lacking(const struct given_until *u, const struct record_result *res)
{
    for (size_t i = 0; res->text_lacking && i < u->n; i++)
        if (u->at[i].kind == POS_CONSOLE)
            out_print(stderr, "bootreel: --until \"console:%s\": this was never printed\n", u->at[i].text);
    return res->text_lacking;
}

bool calls_say_lacking(const struct record_result *res)
{
    if (*res->call_lacking)
        out_print(stderr, "bootreel: --vary %s\n", res->call_lacking);
    return *res->call_lacking != 0;
}

int take_steps(const struct option_row *row, const char *value, uint64_t *n, struct error *err)
{
    if (parse_steps(value, n) || !*n)
        return error_set(err, "--%s: \"%.40s\": give a number of steps, such as 100k or 2.5M", row->name,
                         value);
    return 0;
}

/* 256M, 1G, 65536: bytes, with suffixes K, M, G, T of 1024. Returns 0 or -1. */
static int parse_size(const char *text, uint64_t *n)
{
    static const char suffixes[] = "KMGT";
    char *end;
    if (!isdigit((unsigned char)text[0]))
        return -1;
    unsigned long long v = strtoull(text, &end, 10);
    unsigned shift = 0;
    if (*end) {
        const char *s = strchr(suffixes, toupper((unsigned char)*end));
        if (!s || (end[1] && strcmp(end + 1, "B") && strcmp(end + 1, "iB")))
            return -1;
        shift = 10 * (unsigned)(s - suffixes + 1);
    }
    if (v > (UINT64_MAX >> shift) || v == UINT64_MAX)
        return -1;
    *n = v << shift;
    return 0;
}

int take_size(const struct option_row *row, const char *value, uint64_t min, uint64_t *n, struct error *err)
{
    if (!parse_size(value, n) && *n >= min)
        return 0;
    return error_set(err, "--%s: \"%.40s\" is not a size: write it as 256M or 1G", row->name, value);
}

int option_word(const struct option_row *row, const char *value, unsigned *index, struct error *err)
{
    char list[100] = "";
    assert(row->argument && "an option whose words are listed in its argument");
    size_t n = strlen(value), len = 0;
    unsigned i = 0;
    for (const char *word = row->argument; *word; i++) {
        size_t end = strcspn(word, "|");
        if (end == n && !strncmp(word, value, n)) {
            *index = i;
            return 0;
        }
        if (len < sizeof list)
            len += (size_t)snprintf(list + len, sizeof list - len, "%s%.*s", i ? ", " : "", (int)end, word);
        word += end + (word[end] == '|');
    }
    return error_set(err, "--%s: \"%.40s\" is none of: %s", row->name, value, list);
}

int take_classes(const struct option_row *row, const char *value, uint32_t *mask, struct error *err)
{
    const char *bad = "";
    if (!event_classes_parse(value, EVENT_CLASSES_DEFAULT, mask, &bad))
        return 0;
    return error_set(err, "--%s: \"%.40s\" is not a class of events: %s; or all, none, default", row->name,
                     bad, event_class_list());
}

void given_words_add(struct words *w, const char *word)
{
    MEM_MORE(w->word, w->n);
    w->word[w->n++] = word;
}

void words_free(struct words *w)
{
    free(w->word);
    *w = (struct words){0};
}

/* ---------------------------------------------------------------- options that several commands have */

const struct option_row compile_options[] = {
    {.name = "no-compile",
     .help = "interpret all guest code: slower, nothing else differs",
     .store = STORE_INTERPRET},
    END_OF_ROWS,
};

const struct option_row observe_options[] = {
    {.name = "profile",
     .argument = "FILE",
     .help = "the boot profile: it says what stages the boot has",
     .id = OPT_PROFILE,
     .more = "Symbols that it names are probed. docs/profiles.md describes its form."},
    {.name = "probe",
     .argument = "SYMBOL",
     .help = "report each call of SYMBOL, or of 0xADDRESS, with arguments and result (several times)",
     .id = OPT_PROBE,
     .more =
         "SYMBOL may be a pattern ('vfs_*'), or the name of a function of which the compiler made copies (ring_push for "
         "ring_push.constprop.0). It is an error if nothing has such a name. The events are probe.enter and probe.leave. Arguments are those of the System V convention in 64-bit code, and EAX, EDX, "
         "ECX and three words of the stack in other code. probe.arguments follows where a Linux kernel has type information: its own (BTF), or its vmlinux's DWARF. It has "
         "the arguments by name and type, with the texts that they point to."},
    {.name = "symbols",
     .argument = "FILE",
     .help = "a file whose symbols go into the trace, or a folder with some (several times)",
     .id = OPT_SYMBOLS,
     .more =
         "Line numbers and call frames go with them. An ELF file may be a vmlinux with debug information, for example, or another firmware. "
         "A Linux kernel without symbols of its own (CONFIG_KALLSYMS off) gets those of its vmlinux or its System.map. "
         "One without type information (BTF) has the types of its vmlinux's DWARF. "
         "A kernel module's file (.ko) is used when that module is loaded, at the addresses of its sections, and a program's in the processes "
         "that execute it. "
         "ELF files that are linked at address 0 (EDK II's .debug) and PDB files are those of UEFI modules: they are matched to the modules "
         "that are loaded, as all such files in a folder are. The symbols of the built-in firmware, of the demo guest, and of an ELF file that is given as --kernel, are always in the trace."},
    {.name = "debug-info",
     .argument = "FOLDER|FILE|debuginfod",
     .help = "where the symbols of programs and UEFI modules are looked for (several times)",
     .id = OPT_OBSERVE_DEBUG,
     .more =
         "The names and lines of the programs that a Linux kernel executes go into the trace, from the files that have their build-ids "
         "(/usr/lib/debug, Debian's dbgsym packages, a build's unstripped programs), so that stripped programs have functions to probe and to find. So do those of UEFI modules, as with --symbols. Without it, `--debug-info` of bootreel why, profile, tui and gdb "
         "finds the same later, and more: inlined functions, variables and types are never in the trace. "
         "The word `debuginfod` asks the servers in $DEBUGINFOD_URLS for each program."},
    END_OF_ROWS,
};

static int observe_debug(struct observed *o, const char *where, struct error *err)
{
    struct error why;
    if (!o->debug)
        o->debug = debug_info_new();
    return debug_info_add(o->debug, where, &why) ? error_set(err, "--debug-info: %s", why.text) : 0;
}

int observe_option(struct observed *o, const struct option_row *row, const char *value, struct error *err)
{
    switch (row->id) {
    case OPT_PROFILE:
        profile_free(o->profile);
        o->profile = profile_load(value, err);
        o->profile_file = value;
        return o->profile ? 0 : -1;
    case OPT_PROBE:
        given_words_add(&o->probes, value);
        return 0;
    case OPT_SYMBOLS:
        given_words_add(&o->symbols, value);
        return 0;
    case OPT_OBSERVE_DEBUG:
        return observe_debug(o, value, err);
    default:
        return option_not_handled(row, err);
    }
}

void observe(struct observed *o, struct record_options *to)
{
    for (size_t i = 0; o->profile && profile_probe(o->profile, i); i++)
        given_words_add(&o->probes, profile_probe(o->profile, i));
    to->profile = o->profile;
    to->symbol_files = o->symbols.word;
    to->nsymbol_files = o->symbols.n;
    to->debug = o->debug;
}

int observed_check_output(const struct observed *o, const char *option, const char *path, struct error *err)
{
    if (o->profile_file && check_output_name(option, path, o->profile_file, err))
        return -1;
    for (size_t i = 0; i < o->symbols.n; i++)
        if (check_output_name(option, path, o->symbols.word[i], err))
            return -1;
    return 0;
}

void observed_free(struct observed *o)
{
    profile_free(o->profile);
    words_free(&o->probes);
    words_free(&o->symbols);
    debug_info_free(o->debug);
}
