/* complete_fish.c - the completion for fish: one `complete` a command and a row. */
#include <string.h>

#include "cli/cli.h"
#include "cli/completion.h"

/* fish offers files unless it is told not to. */
static void put_values(FILE *out, const struct argument_values *v)
{
    if (v->folders)
        out_words(out, " -xa '(__fish_complete_directories)'");
    else if (v->files)
        out_words(out, " -rF");
    else
        out_words(out, " -x");
    if (!*v->words)
        return;
    out_words(out, " -a ");
    if (v->list)
        out_print(out, "'(__fish_append , %s)'", v->words);
    else
        put_quoted(out, v->words);
}

static void put_row(FILE *out, const struct command *c, const struct option_row *row)
{
    out_print(out, "complete -c bootreel -n '__fish_seen_subcommand_from %s' -l %s", c->name, row->name);
    if (row->letter)
        out_print(out, " -s %c", row->letter);
    if (row->argument && *row->argument != '[') {
        struct argument_values v;
        argument_values(row->argument, &v);
        put_values(out, &v);
        argument_values_free(&v);
    }
    out_words(out, " -d ");
    put_quoted(out, row->help);
    out_char(out, '\n');
}

static void put_command(FILE *out, const struct command *c)
{
    struct option_list list;
    struct argument_values v;
    out_print(out, "complete -c bootreel -n __fish_use_subcommand -a %s -d ", c->name);
    put_quoted(out, c->what);
    out_char(out, '\n');
    option_list(c, &list);
    for (size_t i = 0; i < list.n; i++)
        if (!option_is_heading(list.row[i]))
            put_row(out, c, list.row[i]);
    command_values(c, &v);
    if (v.files || *v.words) {
        out_print(out, "complete -c bootreel -n '__fish_seen_subcommand_from %s'%s", c->name,
                  v.files ? " -F" : "");
        if (*v.words) {
            out_words(out, " -a ");
            put_quoted(out, v.words);
        }
        out_char(out, '\n');
    }
    argument_values_free(&v);
}

void completion_fish(FILE *out)
{
    const struct command *c;
    out_words(out,
              "# fish completion of bootreel, written by: bootreel completion fish\n\n"
              "complete -c bootreel -f\n"
              "complete -c bootreel -n __fish_use_subcommand -l help -s h -d 'Show the list of commands'\n"
              "complete -c bootreel -n __fish_use_subcommand -l version -s V -d 'Show the version'\n");
    for (size_t i = 0; (c = command_at(i)); i++)
        if (c->what)
            put_command(out, c);
}
