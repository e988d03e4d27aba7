/* help.c - --help, printed from the tables: wrapped and aligned. */
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "cli/cli.h"

enum { WIDTH = 80, MAX_OPTION_WIDTH = 24 };

/* ---------------------------------------------------------------- text in lines */

/* Columns of UTF-8 text whose characters are one column wide. */
static unsigned columns(const char *text, size_t n)
{
    unsigned c = 0;
    for (size_t i = 0; i < n; i++)
        c += ((unsigned char)text[i] & 0xc0) != 0x80;
    return c;
}

struct lines {
    FILE *out;
    unsigned indent; /* of each line but the first */
    unsigned column; /* where the current line ends */
    bool usage;      /* text in brackets is not broken */
};

static void put_word(struct lines *l, const char *word, size_t n, bool first)
{
    unsigned width = columns(word, n);
    if (!first && l->column + 1 + width > WIDTH) {
        out_print(l->out, "\n%*s", (int)l->indent, "");
        l->column = l->indent;
    } else if (!first) {
        out_char(l->out, ' ');
        l->column++;
    }
    out_words_n(l->out, word, n);
    l->column += width;
}

static void put_paragraph(struct lines *l, const char *text, size_t n)
{
    if (*text == ' ') {
        out_words_n(l->out, text, n);
        return;
    }
    for (size_t i = 0; i < n;) {
        size_t len = 0;
        int open = 0; /* brackets */
        for (; i + len < n && (text[i + len] != ' ' || open); len++)
            open += l->usage * ((text[i + len] == '[') - (text[i + len] == ']'));
        put_word(l, text + i, len, !i);
        i += len + 1;
    }
}

/* Text of a table in lines of at most WIDTH columns; the first begins where `out` is. */
static void put_lines(FILE *out, const char *text, unsigned indent, bool usage)
{
    struct lines l = {out, indent, usage ? 0 : indent, usage};
    char *filled = fill_in(text), *to = filled;
    for (const char *from = filled; *from; from++)
        if (*from != '`')
            *to++ = *from;
    *to = 0;
    for (const char *p = filled; *p;) {
        size_t n = strcspn(p, "\n");
        put_paragraph(&l, p, n);
        p += n + (p[n] == '\n');
        out_char(out, '\n');
        if (*p)
            out_print(out, "%*s", (int)indent, "");
        l.column = indent;
    }
    free(filled);
}

static void put_text(FILE *out, const char *text, unsigned indent)
{
    put_lines(out, text, indent, false);
}

/* ---------------------------------------------------------------- options */

/* "-o, --output FILE". Returns its columns. */
static unsigned option_text(const struct option_row *row, char *buf, size_t size)
{
    const char *argument = row->argument ? row->argument : "";
    bool optional = *argument == '[';
    int n = row->letter ? snprintf(buf, size, "-%c, ", row->letter) : 0;
    n += snprintf(buf + n, size - (size_t)n, "--%s%s%s", row->name,
                  optional    ? "[="
                  : *argument ? " "
                              : "",
                  argument + optional);
    return columns(buf, (size_t)n);
}

/* Where the options' texts begin: two spaces after the longest option that is not too long. */
static unsigned text_column(const struct option_list *list)
{
    char text[100];
    unsigned most = 0;
    for (size_t i = 0; i < list->n; i++) {
        unsigned width = option_is_heading(list->row[i]) ? 0 : option_text(list->row[i], text, sizeof text);
        if (width <= MAX_OPTION_WIDTH && width > most)
            most = width;
    }
    return 2 + most + 2;
}

/* An argument of many words goes on in the next line, after a '|'. Returns the columns of the last line. */
static unsigned print_name(FILE *out, const struct option_row *row)
{
    enum { LONGEST = 76, INDENT = 6 };
    char text[200], *rest = text;
    unsigned width = option_text(row, text, sizeof text);
    while (width > LONGEST) {
        const char *end = memrchr(rest, '|', LONGEST);
        if (!end)
            break;
        out_print(out, "%.*s\n%*s", (int)(end + 1 - rest), rest, INDENT, "");
        width -= (unsigned)(end + 1 - rest);
        rest += end + 1 - rest;
    }
    out_words(out, rest);
    return rest == text ? width : width + INDENT - 2;
}

static void print_option(FILE *out, const struct option_row *row, unsigned column)
{
    out_words(out, "  ");
    const unsigned width = print_name(out, row);
    if (2 + width + 2 > column)
        out_print(out, "\n%*s", (int)column, "");
    else
        out_print(out, "%*s", (int)(column - 2 - width), "");
    put_text(out, row->help, column);
}

static void print_options(FILE *out, const struct option_list *list)
{
    unsigned column = text_column(list);
    out_char(out, '\n');
    for (size_t i = 0; i < list->n; i++) {
        if (option_is_heading(list->row[i]))
            out_print(out, i ? "\n%s:\n" : "%s:\n", list->row[i]->help);
        else
            print_option(out, list->row[i], column);
    }
}

static void print_explanations(FILE *out, const struct option_list *list)
{
    const char *name, *text;
    for (size_t i = 0; text = argument_explained(i, &name), name; i++) {
        bool used = false;
        for (size_t k = 0; k < list->n; k++)
            used |= argument_has(list->row[k]->argument, name);
        if (text && used) {
            out_char(out, '\n');
            put_text(out, text, 0);
        }
    }
}

/* ---------------------------------------------------------------- all of it */

void print_help(FILE *out, const struct command *c)
{
    struct option_list list;
    char usage[400];
    option_list(c, &list);
    snprintf(usage, sizeof usage, "usage: bootreel %s%s%s [OPTION…]", c->name, c->arguments ? " " : "",
             c->arguments ? c->arguments : "");
    put_lines(out, usage, (unsigned)strlen("usage: "), true);
    out_char(out, '\n');
    put_text(out, c->intro, 0);
    print_options(out, &list);
    print_explanations(out, &list);
    if (c->outro) {
        out_char(out, '\n');
        put_text(out, c->outro, 0);
    }
}

void print_usage(FILE *out)
{
    const struct command *c;
    int longest = 0;
    for (size_t i = 0; (c = command_at(i)); i++)
        if (c->what && (int)strlen(c->name) > longest)
            longest = (int)strlen(c->name);
    out_words(out, "usage: bootreel COMMAND [OPTION…]\n\n");
    for (size_t i = 0; (c = command_at(i)); i++)
        if (c->what)
            out_print(out, "  %-*s  %s\n", longest, c->name, c->what);
    out_words(out, "\nbootreel COMMAND --help shows the options of a command; man bootreel has it all.\n"
                   "Exit status: 0 done, 1 the answer is no (the replay diverged), 2 trouble.\n");
}
