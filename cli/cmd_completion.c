/* cmd_completion.c - bootreel completion: for each shell its script, and that of bash. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/completion.h"

void put_quoted(FILE *out, const char *text)
{
    char *filled = fill_in(text);
    out_char(out, '\'');
    for (const char *p = filled; *p; p++)
        if (*p == '\'')
            out_words(out, "'\\''");
        else if (*p != '`')
            out_byte(out, (uint8_t)*p);
    out_char(out, '\'');
    free(filled);
}

void command_values(const struct command *c, struct argument_values *v)
{
    const char *arguments = c->arguments ? c->arguments : "";
    if (argument_has(arguments, "TRACE"))
        arguments = "TRACE";
    else if (*arguments == '[')
        arguments = "";
    argument_values(arguments, v);
}

/* The part that does not depend on the tables. _bootreel_options and _bootreel_values are
 * written before it. */
static const char functions[] =
    "# The words of which one is being typed: in a list, after the last comma or sign.\n"
    "_bootreel_complete() { # WORD KIND WORDS\n"
    "    local word=$1 kind=$2 words=$3 before=\n"
    "    if [ \"$kind\" = list ]; then\n"
    "        before=${word%\"${word##*[,+-]}\"}\n"
    "        word=${word#\"$before\"}\n"
    "    fi\n"
    "    mapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"$words\" -- \"$word\")\n"
    "    case $kind in\n"
    "    files) mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- \"$word\"); compopt -o filenames ;;\n"
    "    folders) mapfile -t COMPREPLY < <(compgen -d -- \"$word\"); compopt -o filenames ;;\n"
    "    list) compopt -o nospace ;;\n"
    "    esac\n"
    "    case ${COMPREPLY[*]} in *:) compopt -o nospace ;; esac\n"
    "}\n"
    "\n"
    "_bootreel() {\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} values\n"
    "    COMPREPLY=()\n"
    "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
    "        _bootreel_complete \"$word\" words \"$(_bootreel_commands)\"\n"
    "        return\n"
    "    fi\n"
    "    # --option=value is three words\n"
    "    if [ \"$word\" = = ]; then\n"
    "        word=\n"
    "    elif [ \"$before\" = = ]; then\n"
    "        before=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n"
    "    values=$(_bootreel_values \"$command $before\")\n"
    "    if [ -n \"$values\" ]; then\n"
    "        _bootreel_complete \"$word\" \"${values%% *}\" \"${values#* }\"\n"
    "    elif [[ $word == -* ]]; then\n"
    "        _bootreel_complete \"$word\" words \"$(_bootreel_options \"$command\")\"\n"
    "    else\n"
    "        values=$(_bootreel_values \"$command\")\n"
    "        _bootreel_complete \"$word\" \"${values%% *}\" \"${values#* }\"\n"
    "    fi\n"
    "}\n"
    "\n"
    "complete -F _bootreel bootreel\n";

static void print_commands(FILE *out)
{
    const struct command *c;
    out_words(out, "_bootreel_commands() {\n    echo");
    for (size_t i = 0; (c = command_at(i)); i++)
        if (c->what)
            out_print(out, " %s", c->name);
    out_words(out, " help --help --version\n}\n\n");
}

static void print_options(FILE *out)
{
    const struct command *c;
    out_words(out, "_bootreel_options() { # COMMAND\n    case $1 in\n");
    for (size_t i = 0; (c = command_at(i)); i++) {
        struct option_list list;
        option_list(c, &list);
        if (!c->what)
            continue;
        out_print(out, "    %s) echo '", c->name);
        for (size_t k = 0; k < list.n; k++)
            if (!option_is_heading(list.row[k]))
                out_print(out, "--%s ", list.row[k]->name);
        for (size_t k = 0; k < list.n; k++)
            if (list.row[k]->letter)
                out_print(out, "-%c ", list.row[k]->letter);
        out_words(out, "' ;;\n");
    }
    out_words(out, "    esac\n}\n\n");
}

static const char *kind_of(const struct argument_values *v)
{
    return v->folders ? "folders" : v->files ? "files" : v->list ? "list" : "words";
}

/* There is a line for every option that takes a value: free text must not be completed with file names. */
static void print_values_of(FILE *out, const char *command, const struct option_row *row)
{
    struct argument_values v;
    argument_values(row->argument, &v);
    out_print(out, "    '%s --%s'", command, row->name);
    if (row->letter)
        out_print(out, " | '%s -%c'", command, row->letter);
    out_print(out, ") echo '%s %s' ;;\n", kind_of(&v), v.words);
    argument_values_free(&v);
}

static void print_values(FILE *out)
{
    const struct command *c;
    out_words(out,
              "# What an option takes, or a command: words, files, folders or list; and then the words.\n"
              "_bootreel_values() { # \"COMMAND OPTION\" or COMMAND\n    case $1 in\n");
    for (size_t i = 0; (c = command_at(i)); i++) {
        struct option_list list;
        struct argument_values v;
        option_list(c, &list);
        if (!c->what)
            continue;
        for (size_t k = 0; k < list.n; k++)
            if (list.row[k]->argument)
                print_values_of(out, c->name, list.row[k]);
        command_values(c, &v);
        out_print(out, "    %s) echo '%s %s' ;;\n", c->name, kind_of(&v), v.words);
        argument_values_free(&v);
    }
    out_words(out, "    help) echo \"words $(_bootreel_commands)\" ;;\n    esac\n}\n\n");
}

void completion_bash(FILE *out)
{
    out_words(out, "# Bash completion of bootreel, written by: bootreel completion bash\n\n");
    print_commands(out);
    print_options(out);
    print_values(out);
    out_words(out, functions);
}

static const struct shell {
    const char *name;
    void (*write)(FILE *out);
} shells[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};

static int cmd_completion(struct engines *engines, int argc, char **argv)
{
    int status;
    if (!parse_options(&command_completion, engines, argc, argv, NULL, NULL, &status))
        return status;
    const char *name = only_argument(argc, argv, "shell");
    if (!name)
        return EXIT_TROUBLE;
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
        if (!strcmp(name, shells[i].name)) {
            shells[i].write(stdout);
            return finish_output(EXIT_DONE);
        }
    return trouble_text("completion: there is none for \"%.60s\": give bash, zsh or fish", name);
}

const struct command command_completion = {
    .name = "completion",
    .run = cmd_completion,
    .what = "print the completion for a shell",
    .arguments = "bash|zsh|fish",
    .intro =
        "Prints the completion of commands, options and their values for a shell. make install and the Debian package install "
        "it where the shells look. Without an installation: `source <(bootreel completion bash)` in ~/.bashrc, the same with "
        "`zsh` in ~/.zshrc after compinit, or `bootreel completion fish | source` in ~/.config/fish/config.fish.",
};
