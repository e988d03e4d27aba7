/* options.h - the commands and their options, in tables. The parser, --help, the shell completion and the
 * manual page are derived from them. Private to cli/.
 *
 * Texts in the tables:
 *   `word`    a literal: bold in the manual page; --help leaves the quotes out
 *   {name}    a value that the program knows: event classes, defaults … (cli/values.c)
 *   NAME      italic in the manual page where it is the row's argument
 *   a line break ends a paragraph; a line that begins with a space is printed as it is
 */
#ifndef BOOTREEL_CLI_OPTIONS_H
#define BOOTREEL_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "core/run/recorder.h"
#include "core/symbols/symbols.h"

/* ---- the tables ---- */

/* What parse_options does with an option by itself. */
enum option_store { STORE_NOTHING, STORE_TEXT, STORE_FLAG, STORE_JSON, STORE_INTERPRET };

struct option_row {
    const char *name;     /* "until"; NULL for a heading or a group of rows */
    char letter;          /* 'o', or 0 */
    const char *argument; /* "FILE", "text|json"; "[DEVICE]" if it is optional; NULL if it takes none */
    /* A few words, without a full stop at the end; or the heading. In the manual page they begin with a
     * capital letter. */
    const char *help;
    int id; /* for the command's option_taker; not if the row has STORE */
    enum option_store store;
    size_t to;                      /* with STORE: the offset of the member */
    const char *more;               /* further sentences for the manual page, or NULL */
    const struct option_row *group; /* rows that several commands share, inserted here */
};
/* In a row: the option sets this member of the command's struct, which is the `ctx` of parse_options. A text
 * gets the argument, and a flag becomes true. */
#define STORE(type, member)                                                                                  \
    .store = _Generic(((type *)0)->member, const char * : STORE_TEXT, bool : STORE_FLAG),                    \
    .to = offsetof(type, member)
/* The same of a row whose argument is text|json: json sets the flag. */
#define STORE_FORMAT(type, member)                                                                           \
    .store = _Generic(((type *)0)->member, bool : STORE_JSON), .to = offsetof(type, member)
/* A row of a command that answers as text or as one array of objects. */
#define FORMAT_ROW(type, member)                                                                             \
    {                                                                                                        \
        .name = "format", .argument = "text|json", .help = "text (default), or json: one array of objects",  \
        STORE_FORMAT(type, member)                                                                           \
    }
/* -q sets the flag. */
#define QUIET_ROW(type, member)                                                                              \
    {                                                                                                        \
        .name = "quiet", .letter = 'q', .help = "print no summary and no progress line", STORE(type, member) \
    }
#define HEADING(text)                                                                                        \
    {                                                                                                        \
        .help = (text)                                                                                       \
    }
#define GROUP(rows)                                                                                          \
    {                                                                                                        \
        .group = (rows)                                                                                      \
    }
#define END_OF_ROWS                                                                                          \
    {                                                                                                        \
        .name = NULL                                                                                         \
    }

struct engines;

struct command {
    const char *name;
    /* argv[0] is the command's name; returns an exit status. */
    int (*run)(struct engines *engines, int argc, char **argv);
    const char *what;      /* its line in the list of commands; NULL if it is not listed */
    const char *arguments; /* "TRACE [NAME|ADDRESS…]", or NULL */
    const struct option_row *rows;
    const char *intro; /* what it does */
    const char *outro; /* printed after the options, or NULL */
    const char *more;  /* further paragraphs for the manual page, after the intro, or NULL */
};

/* The command of that name, or NULL. */
const struct command *command_find(const char *name);
/* The i-th command; NULL beyond the last. */
const struct command *command_at(size_t i);

enum { MAX_OPTIONS = 80 };
/* All rows of a command in order, including groups, headings and --help. */
struct option_list {
    const struct option_row *row[MAX_OPTIONS];
    size_t n;
};
void option_list(const struct command *c, struct option_list *list);
bool option_is_heading(const struct option_row *row);

/* ---- parsing ---- */

/* Called with an option; `value` is NULL if it has none. -1 with err if the value is not valid. */
typedef int option_taker(void *ctx, const struct option_row *row, const char *value, struct error *err);
/* Stores the options whose rows have STORE, and in `engines` how they execute code, and calls `take` for the
 * others (NULL if there are none); optind is then the index of the first other argument. False, with *status
 * set, if there is nothing more to do: --help was printed, or an option was wrong and a message was
 * printed. */
bool parse_options(const struct command *c, struct engines *engines, int argc, char **argv,
                   option_taker *take, void *ctx, int *status);
/* To be returned for a row that the command does not handle, which is an error in the program. */
int option_not_handled(const struct option_row *row, struct error *err);

/* ---- values; each function returns 0, or -1 with err, which names the option ---- */

/* Whether all of the text is a number as C writes it: 4096, 0x1000. */
bool parse_number(const char *text, uint64_t *n);
/* A number without a suffix, in the range from min to max. */
int take_number(const struct option_row *row, const char *value, uint64_t min, uint64_t max, uint64_t *n,
                struct error *err);
/* The same for what fits into an unsigned. */
int take_unsigned(const struct option_row *row, const char *value, uint64_t min, uint64_t max, unsigned *n,
                  struct error *err);
/* K/N, with K from 1 to N. */
int take_part(const struct option_row *row, const char *value, unsigned *part, unsigned *parts,
              struct error *err);
/* A process: PID, or GUEST:PID. */
int take_process(const struct option_row *row, const char *value, symbol_space *process, struct error *err);
/* Bytes: 256M, 1G; at least `min`. */
int take_size(const struct option_row *row, const char *value, uint64_t min, uint64_t *n, struct error *err);
/* Steps: 1234567, 100k, 2.5M; at least 1. */
int take_steps(const struct option_row *row, const char *value, uint64_t *n, struct error *err);
/* One of the words in the row's argument ("text|json"): *index is which one. */
int option_word(const struct option_row *row, const char *value, unsigned *index, struct error *err);
/* Event classes (event_classes_parse). */
int take_classes(const struct option_row *row, const char *value, uint32_t *mask, struct error *err);

/* --until, which may be given several times. */
struct given_until {
    struct position at[RECORD_UNTIL];
    size_t n;
};
int take_until(struct given_until *u, const char *value, struct record_options *o, struct error *err);
/* If the recording waited for a text that was not printed, says so on standard error. */
bool until_say_lacking(const struct given_until *u, const struct record_result *res);
/* If a call that was to fail was not made, or could not be made to fail, says so on standard error. */
bool calls_say_lacking(const struct record_result *res);

/* Arguments of an option that may be given several times. */
struct words {
    const char **word;
    size_t n;
};
void given_words_add(struct words *w, const char *word);
void words_free(struct words *w);

/* ---- options that several commands have ---- */

/* Ids of a command's own rows begin with 1. */
enum { OPT_SHARED = 1000, OPT_PROFILE, OPT_PROBE, OPT_SYMBOLS, OPT_OBSERVE_DEBUG, OPT_MACHINE = 2000 };
/* --no-compile, for commands that run a machine: parse_options sets it in the list of engines. */
extern const struct option_row compile_options[];
extern const struct option_row observe_options[]; /* OPT_PROFILE to OPT_OBSERVE_DEBUG: observe_option */

struct profile;
struct record_options;
/* What a recording observes in addition to events. */
struct observed {
    struct profile *profile; /* NULL: none */
    const char *profile_file;
    struct words probes;      /* symbols or addresses */
    struct words symbols;     /* files */
    struct debug_info *debug; /* NULL: none */
};
int observe_option(struct observed *o, const struct option_row *row, const char *value, struct error *err);
/* To be called after all options: adds the profile's probes after the given ones, and sets the profile and
 * the symbol files for the recorder. The probes are settings of the machine, which the caller adds. */
void observe(struct observed *o, struct record_options *to);
/* -1 with err if a command must not write what OPTION PATH said, since it reads that file for this. */
int observed_check_output(const struct observed *o, const char *option, const char *path, struct error *err);
void observed_free(struct observed *o);

/* ---- what the tables' texts stand for (values.c) ---- */

/* `text` with its {names} replaced by their values. To be freed. */
char *fill_in(const char *text);
/* The possible completions of an argument such as "builtin|seabios|FILE". */
struct argument_values {
    char *words; /* separated by spaces */
    bool files, folders;
    bool list; /* several words, with commas between them */
};
void argument_values(const char *argument, struct argument_values *v);
void argument_values_free(struct argument_values *v);
/* The explanation of the i-th NAME that can be in an argument, or NULL if it needs none. Sets *name, which is
 * NULL after the last. */
const char *argument_explained(size_t i, const char **name);
/* Whether the argument text contains this NAME. */
bool argument_has(const char *argument, const char *name);

/* ---- output ---- */
void print_help(FILE *out, const struct command *c);
/* The list of commands. */
void print_usage(FILE *out);

#endif
