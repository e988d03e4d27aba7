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
            out_words(out, "'\\''");
        else if (strchr("[]:\\", *text))
            out_print(out, "\\%c", *text);
        else if (*text != '`')
            out_byte(out, (uint8_t)*text);
    }
}

/* `:MESSAGE:ACTION`. Words come first where files are offered too. */
static void put_action(FILE *out, const char *message, const struct argument_values *v)
{
    out_char(out, ':');
    put_in_spec(out, message);
    out_char(out, ':');
    if (v->list && *v->words) {
        out_print(out, "_values -s , word %s", v->words);
        return;
    }
    if (v->folders)
        out_words(out, "_files -/");
    else if (v->files && *v->words)
        out_print(out, "_alternative \"words\\:word\\:(%s)\" \"files\\:file\\:_files\"", v->words);
    else if (v->files)
        out_words(out, "_files");
    else if (*v->words)
        out_print(out, "(%s)", v->words);
    else
        out_char(out, ' ');
}

/* Options may be given several times: '*' says so. */
static void put_spec(FILE *out, const struct option_row *row, const char *before, const char *name)
{
    const char *argument = row->argument ? row->argument : "";
    const bool optional = *argument == '[';
    /* --name=VALUE, and --name VALUE unless it is optional */
    const char *join = !row->argument || !before[1] ? "" : optional ? "=-" : "=";
    out_print(out, " \\\n            '*%s%s%s[", before, name, join);
    char *help = fill_in(row->help);
    put_in_spec(out, help);
    free(help);
    out_char(out, ']');
    if (row->argument) {
        struct argument_values v;
        argument_values(argument, &v);
        if (optional)
            out_char(out, ':');
        put_action(out, argument, &v);
        argument_values_free(&v);
    }
    out_char(out, '\'');
}

static void put_command(FILE *out, const struct command *c)
{
    struct option_list list;
    struct argument_values v;
    out_print(out, "        %s)\n            _arguments -s", c->name);
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
        out_words(out, " \\\n            '*");
        put_action(out, c->arguments, &v);
        out_char(out, '\'');
    }
    argument_values_free(&v);
    out_words(out, "\n            ;;\n");
}

void completion_zsh(FILE *out)
{
    const struct command *c;
    out_words(out, "#compdef bootreel\n# zsh completion of bootreel, written by: bootreel completion zsh\n\n"
                   "_bootreel() {\n    local -a commands=(\n");
    for (size_t i = 0; (c = command_at(i)); i++)
        if (c->what) {
            out_print(out, "        '%s:", c->name);
            put_in_spec(out, c->what);
            out_words(out, "'\n");
        }
    out_words(out, "    )\n"
                   "    if (( CURRENT == 2 )); then\n"
                   "        _describe command commands -- '(--help --version)'\n"
                   "        return\n"
                   "    fi\n"
                   "    shift words\n"
                   "    (( CURRENT-- ))\n"
                   "    case $words[1] in\n");
    for (size_t i = 0; (c = command_at(i)); i++)
        if (c->what)
            put_command(out, c);
    out_words(
        out,
        "    esac\n}\n\n"
        "if [ \"$funcstack[1]\" = _bootreel ]; then\n    _bootreel \"$@\"\nelse\n    compdef _bootreel bootreel\nfi\n");
}
