/* complete_zsh.c - the completion for zsh: a list of commands, and the rows of each as the specs of _arguments. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/completion.h"

/* Within a spec that stands in single quotes: what _arguments would take for its own signs. */
static void put_in_spec(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else if (strchr("[]:\\", *text))
            fprintf(out, "\\%c", *text);
        else if (*text != '`')
            fputc(*text, out);
    }
}

/* `:MESSAGE:ACTION`. Words come first where files are offered too. */
static void put_action(FILE *out, const char *message, const struct argument_values *v)
{
    fputc(':', out);
    put_in_spec(out, message);
    fputc(':', out);
    if (v->list && *v->words) {
        fprintf(out, "_values -s , word %s", v->words);
        return;
    }
    if (v->folders)
        fputs("_files -/", out);
    else if (v->files && *v->words)
        fprintf(out, "_alternative \"words\\:word\\:(%s)\" \"files\\:file\\:_files\"", v->words);
    else if (v->files)
        fputs("_files", out);
    else if (*v->words)
        fprintf(out, "(%s)", v->words);
    else
        fputc(' ', out);
}

/* Options may be given several times: '*' says so. */
static void put_spec(FILE *out, const struct option_row *row, const char *before, const char *name)
{
    const char *argument = row->argument ? row->argument : "";
    const bool optional = *argument == '[';
    /* --name=VALUE, and --name VALUE unless it is optional */
    const char *join = !row->argument || !before[1] ? "" : optional ? "=-" : "=";
    fprintf(out, " \\\n            '*%s%s%s[", before, name, join);
    char *help = fill_in(row->help);
    put_in_spec(out, help);
    free(help);
    fputc(']', out);
    if (row->argument) {
        struct argument_values v;
        argument_values(argument, &v);
        if (optional)
            fputc(':', out);
        put_action(out, argument, &v);
        argument_values_free(&v);
    }
    fputc('\'', out);
}

static void put_command(FILE *out, const struct command *c)
{
    struct option_list list;
    struct argument_values v;
    fprintf(out, "        %s)\n            _arguments -s", c->name);
    option_list(c, &list);
    for (size_t i = 0; i < list.n; i++) {
        const struct option_row *row = list.row[i];
        const char letter[2] = {row->letter};
        if (option_is_heading(row))
            continue;
        put_spec(out, row, "--", row->name);
        if (row->letter)
            put_spec(out, row, "-", letter);
    }
    command_values(c, &v);
    if (v.files || *v.words) {
        fputs(" \\\n            '*", out);
        put_action(out, c->arguments, &v);
        fputc('\'', out);
    }
    argument_values_free(&v);
    fputs("\n            ;;\n", out);
}

void completion_zsh(FILE *out)
{
    const struct command *c;
    fputs("#compdef bootreel\n# zsh completion of bootreel, written by: bootreel completion zsh\n\n"
          "_bootreel() {\n    local -a commands=(\n",
          out);
    for (size_t i = 0; (c = command_at(i)); i++)
        if (c->what) {
            fprintf(out, "        '%s:", c->name);
            put_in_spec(out, c->what);
            fputs("'\n", out);
        }
    fputs("    )\n"
          "    if (( CURRENT == 2 )); then\n"
          "        _describe command commands -- '(--help --version)'\n"
          "        return\n"
          "    fi\n"
          "    shift words\n"
          "    (( CURRENT-- ))\n"
          "    case $words[1] in\n",
          out);
    for (size_t i = 0; (c = command_at(i)); i++)
        if (c->what)
            put_command(out, c);
    fputs(
        "    esac\n}\n\n"
        "if [ \"$funcstack[1]\" = _bootreel ]; then\n    _bootreel \"$@\"\nelse\n    compdef _bootreel bootreel\nfi\n",
        out);
}
