/* cmd_manual.c - bootreel manual: the parts of the manual page that are derived from the tables
 * (scripts/manual puts them into docs/bootreel.1). It is not in the list of commands. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "tui/tui.h"

/* ---------------------------------------------------------------- roff */

static void put_char(FILE *out, const char **p)
{
    if (!strncmp(*p, "…", strlen("…"))) {
        out_words(out, "...");
        *p += strlen("…");
        return;
    }
    if (**p == '\\')
        out_words(out, "\\e");
    else if (**p == '-')
        out_words(out, "\\-");
    else
        out_byte(out, (uint8_t) * *p);
    ++*p;
}

/* How many characters from here on are a NAME: capitals, and @ within. */
static size_t name_length(const char *text)
{
    size_t n = 0;
    while (isupper((unsigned char)text[n]) || (n && text[n] == '@'))
        n++;
    return n;
}

/* An argument or a usage: NAMEs are italic, what is typed as it is bold. */
static void put_usage(FILE *out, const char *text)
{
    const char *font = "R";
    for (const char *p = text; *p;) {
        size_t n = name_length(p);
        bool typed = !n && (isalnum((unsigned char)*p) || *p == '-' || *p == ':');
        const char *want = n ? "I" : typed ? "B" : "R";
        if (strcmp(want, font))
            out_print(out, "\\f%s", want);
        font = want;
        for (const char *end = p + (n ? n : 1); p < end;)
            put_char(out, &p);
    }
    if (*font != 'R')
        out_words(out, "\\fR");
}

/* How many characters from here on are an option: -i, --until, -fold. */
static size_t option_length(const char *text)
{
    size_t dashes = strspn(text, "-");
    size_t n = strspn(text + dashes, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return dashes && dashes <= 2 && n ? dashes + n : 0;
}

/* The same in a sentence, where a word may begin with a capital. */
static size_t name_in_sentence(const char *text)
{
    const size_t n = name_length(text);
    return islower((unsigned char)text[n]) ? 0 : n;
}

/* One paragraph, a sentence a line. NAMEs that are in `argument` are italic. */
static void put_sentences(FILE *out, const char *text, size_t n, const char *argument)
{
    bool literal = false, in_word = false;
    for (const char *p = text; p < text + n;) {
        size_t name = literal || in_word ? 0 : name_in_sentence(p),
               option = literal || in_word ? 0 : option_length(p);
        char word[40];
        snprintf(word, sizeof word, "%.*s", (int)name, p);
        if (name && argument_has(argument, word)) {
            out_print(out, "\\fI%s\\fR", word);
            p += name;
        } else if (option) {
            out_words(out, "\\fB");
            for (const char *end = p + option; p < end;)
                put_char(out, &p);
            out_words(out, "\\fR");
            in_word = true;
        } else if (*p == '`') {
            literal = !literal;
            out_words(out, literal ? "\\fB" : "\\fR");
            p++;
        } else if (*p == '.' && p[1] == ' ' && (isupper((unsigned char)p[2]) || p[2] == '`') &&
                   p + 2 < text + n) {
            out_words(out, ".\n");
            p += 2;
        } else {
            in_word = isalnum((unsigned char)*p);
            put_char(out, &p);
        }
    }
    out_char(out, '\n');
}

/* Paragraphs, and lines that are printed as they are. */
static void put_text(FILE *out, const char *text, const char *argument)
{
    char *filled = fill_in(text);
    bool kept = false, first = true;
    for (const char *p = filled; *p;) {
        size_t n = strcspn(p, "\n");
        if ((*p == ' ') != kept) {
            kept = !kept;
            out_words(out, kept ? ".PP\n.nf\n" : ".fi\n");
        }
        if (n && !kept && !first)
            out_words(out, ".PP\n");
        if (n)
            put_sentences(out, p, n, argument);
        first = false;
        p += n + (p[n] == '\n');
    }
    if (kept)
        out_words(out, ".fi\n");
    free(filled);
}

/* ---------------------------------------------------------------- the parts */

static void put_synopsis(FILE *out)
{
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++) {
        if (!c->what)
            continue;
        out_print(out, i ? ".br\n\\fBbootreel %s\\fR " : "\\fBbootreel %s\\fR ", c->name);
        put_usage(out, c->arguments ? c->arguments : "");
        out_words(out, " [\\fIOPTION\\fR...]\n");
    }
}

static void put_option(FILE *out, const struct option_row *row)
{
    const char *argument = row->argument ? row->argument : "";
    bool optional = *argument == '[';
    out_words(out, ".TP\n");
    if (row->letter)
        out_print(out, "\\fB\\-%c\\fR, ", row->letter);
    out_words(out, "\\fB\\-\\-");
    for (const char *p = row->name; *p;)
        put_char(out, &p);
    out_print(out, "\\fR%s", optional ? "[=" : *argument ? " " : "");
    put_usage(out, argument + optional);
    out_char(out, '\n');
    struct text text = {0};
    text_add(&text, "%s.%s%s", row->help, row->more ? " " : "", row->more ? row->more : "");
    *text.s = (char)toupper((unsigned char)*text.s);
    put_text(out, text.s, row->argument);
    free(text.s);
}

/* What a command does, and its options. */
static void put_description(FILE *out, const struct command *c)
{
    struct option_list list;
    option_list(c, &list);
    put_text(out, c->intro, c->arguments);
    if (c->more) {
        out_words(out, ".PP\n");
        put_text(out, c->more, c->arguments);
    }
    for (size_t i = 0; i + 1 < list.n; i++) /* the last is --help: the page has it once */
        if (option_is_heading(list.row[i]))
            out_print(out, ".PP\n%s:\n", list.row[i]->help);
        else
            put_option(out, list.row[i]);
    if (c->outro) {
        out_words(out, ".PP\n");
        put_text(out, c->outro, c->arguments);
    }
}

static void put_command(FILE *out, const struct command *c)
{
    out_print(out, ".SS %s\n", c->name);
    put_description(out, c);
}

/* A line of capitals, as section titles and page names are. */
static void put_capitals(FILE *out, const char *text)
{
    for (; *text; text++)
        out_byte(out, (uint8_t)toupper((unsigned char)*text));
}

/* The page of one command, bootreel-NAME(1): its section of bootreel(1), and what that page says of all commands. */
static void put_page(FILE *out, const struct command *c)
{
    out_words(out, ".TH BOOTREEL\\-");
    put_capitals(out, c->name);
    out_print(out, " 1 \"\" \"bootreel %s\" \"User Commands\"\n", program_version());
    out_print(out, ".SH NAME\nbootreel\\-%s \\- ", c->name);
    put_sentences(out, c->what, strlen(c->what), NULL);
    out_print(out, ".SH SYNOPSIS\n\\fBbootreel %s\\fR ", c->name);
    put_usage(out, c->arguments ? c->arguments : "");
    out_words(out, " [\\fIOPTION\\fR...]\n.SH DESCRIPTION\n");
    put_description(out, c);
    out_words(out, ".SH EXIT STATUS\n"
                   "0: done. 1: the answer is no. 2: trouble, which one line on standard error describes.\n"
                   ".BR bootreel (1)\nsays what else a command's status may be.\n"
                   ".SH SEE ALSO\n.BR bootreel (1)\n");
}

static void put_classes(FILE *out)
{
    for (int c = 0; c < EC_COUNT; c++) {
        out_print(out, ".TP\n\\fB%s\\fR\n", event_class_name(c));
        put_text(out, event_class_what(c), NULL);
        if (!(EVENT_CLASSES_DEFAULT & EVENT_CLASS_BIT(c)))
            out_words(out, "(not by default)\n");
    }
}

/* Text at the beginning of a line, where roff takes a dot or an apostrophe for a request. */
static void put_line(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        out_words(out, "\\&");
    while (*text)
        put_char(out, &text);
}

static void put_key(void *ctx, const char *group, const char *name, const char *keys, const char *what)
{
    const char **last = ctx;
    if (strcmp(group, *last)) {
        out_words(stdout, ".PP\n.I ");
        put_line(stdout, group);
        out_char(stdout, '\n');
        *last = group;
    }
    out_words(stdout, ".TP\n.B ");
    put_line(stdout, name);
    if (*keys)
        out_words(stdout, "   ");
    put_line(stdout, keys);
    out_char(stdout, '\n');
    put_line(stdout, what);
    out_words(stdout, ".\n");
}

/* The keys and commands of the terminal interface. */
static void put_keys(void)
{
    const char *group = "";
    tui_commands(put_key, &group);
}

/* All options, a line each, for tests: command, name, letter, argument. */
static void put_table(FILE *out)
{
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++) {
        struct option_list list;
        option_list(c, &list);
        for (size_t k = 0; k < list.n; k++) {
            const struct option_row *row = list.row[k];
            if (!option_is_heading(row))
                out_print(out, "%s\t%s\t%.1s\t%s\n", c->name, row->name, row->letter ? &row->letter : "-",
                          row->argument ? row->argument : "-");
        }
    }
}

static int cmd_manual(struct engines *engines, int argc, char **argv)
{
    int status;
    if (!parse_options(&command_manual, engines, argc, argv, NULL, NULL, &status))
        return status;
    const char *part = only_argument(argc, argv, "part");
    if (!part)
        return EXIT_TROUBLE;
    const size_t n = strcspn(part, ".");
    char name[32];
    snprintf(name, sizeof name, "%.*s", (int)n, part);
    const struct command *c = command_find(name);
    if (c && c->what && !strcmp(part + n, ".1"))
        put_page(stdout, c);
    else if (c && !part[n])
        put_command(stdout, c);
    else if (!strcmp(part, "title"))
        out_print(stdout, ".TH BOOTREEL 1 \"\" \"bootreel %s\" \"User Commands\"\n", program_version());
    else if (!strcmp(part, "synopsis"))
        put_synopsis(stdout);
    else if (!strcmp(part, "classes"))
        put_classes(stdout);
    else if (!strcmp(part, "keys"))
        put_keys();
    else if (!strcmp(part, "table"))
        put_table(stdout);
    else
        return trouble_text("manual: \"%.60s\" is not a part of the manual page: see bootreel manual --help",
                            part);
    return finish_output(EXIT_DONE);
}

const struct command command_manual = {
    .name = "manual",
    .run = cmd_manual,
    .arguments = "title|synopsis|classes|keys|table|COMMAND|COMMAND.1",
    .intro =
        "Prints a part of the manual page, as scripts/manual puts it into docs/bootreel.1: the title, the synopsis, the event "
        "classes, the keys of the terminal interface, or a command with its options. COMMAND.1: the whole page of one command, as it is installed. table: all options, a line each, with "
        "tabs between command, name, letter and argument.",
};
