/* complete_fish.c - the completion for fish: one `complete` a command and a row. */
#include <string.h>

#include "cli/cli.h"
#include "cli/completion.h"

/* fish offers files unless it is told not to. */
static void put_values(FILE *out, const struct argument_values *v)
{
    if (v->folders)
        fputs(" -xa '(__fish_complete_directories)'", out);
    else if (v->files)
        fputs(" -rF", out);
    else
        fputs(" -x", out);
    if (!*v->words)
        return;
    fputs(" -a ", out);
    if (v->list)
        fprintf(out, "'(__fish_append , %s)'", v->words);
    else
        put_quoted(out, v->words);
}

static void put_row(FILE *out, const struct command *c, const struct option_row *row)
{
    fprintf(out, "complete -c bootreel -n '__fish_seen_subcommand_from %s' -l %s", c->name, row->name);
    if (row->letter)
        fprintf(out, " -s %c", row->letter);
    if (row->argument && *row->argument != '[') {
        struct argument_values v;
        argument_values(row->argument, &v);
        put_values(out, &v);
        argument_values_free(&v);
    }
    fputs(" -d ", out);
    put_quoted(out, row->help);
    fputc('\n', out);
}

static void put_command(FILE *out, const struct command *c)
{
    struct option_list list;
    struct argument_values v;
    fprintf(out, "complete -c bootreel -n __fish_use_subcommand -a %s -d ", c->name);
    put_quoted(out, c->what);
    fputc('\n', out);
    option_list(c, &list);
    for (size_t i = 0; i < list.n; i++)
        if (!option_is_heading(list.row[i]))
            put_row(out, c, list.row[i]);
    command_values(c, &v);
    if (v.files || *v.words) {
        fprintf(out, "complete -c bootreel -n '__fish_seen_subcommand_from %s'%s", c->name,
                v.files ? " -F" : "");
        if (*v.words) {
            fputs(" -a ", out);
            put_quoted(out, v.words);
        }
        fputc('\n', out);
    }
    argument_values_free(&v);
}

void completion_fish(FILE *out)
{
    const struct command *c;
    fputs("# fish completion of bootreel, written by: bootreel completion fish\n\n"
          "complete -c bootreel -f\n"
          "complete -c bootreel -n __fish_use_subcommand -l help -s h -d 'Show the list of commands'\n"
          "complete -c bootreel -n __fish_use_subcommand -l version -s V -d 'Show the version'\n",
          out);
    for (size_t i = 0; (c = command_at(i)); i++)
        if (c->what)
            put_command(out, c);
}
