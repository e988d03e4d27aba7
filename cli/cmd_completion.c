/* cmd_completion.c - bootreel completion: shell completion, written from the tables. */
#include <string.h>

#include "cli/cli.h"

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

static void print_commands(void)
{
    const struct command *c;
    fputs("_bootreel_commands() {\n    echo", stdout);
    for (size_t i = 0; (c = command_at(i)); i++)
        if (c->what)
            printf(" %s", c->name);
    fputs(" help --help --version\n}\n\n", stdout);
}

static void print_options(void)
{
    const struct command *c;
    fputs("_bootreel_options() { # COMMAND\n    case $1 in\n", stdout);
    for (size_t i = 0; (c = command_at(i)); i++) {
        struct option_list list;
        option_list(c, &list);
        if (!c->what)
            continue;
        printf("    %s) echo '", c->name);
        for (size_t k = 0; k < list.n; k++)
            if (!option_is_heading(list.row[k]))
                printf("--%s ", list.row[k]->name);
        for (size_t k = 0; k < list.n; k++)
            if (list.row[k]->letter)
                printf("-%c ", list.row[k]->letter);
        puts("' ;;");
    }
    fputs("    esac\n}\n\n", stdout);
}

static const char *kind_of(const struct argument_values *v)
{
    return v->folders ? "folders" : v->files ? "files" : v->list ? "list" : "words";
}

/* There is a line for every option that takes a value: free text must not be completed with file names. */
static void print_values_of(const char *command, const struct option_row *row)
{
    struct argument_values v;
    argument_values(row->argument, &v);
    printf("    '%s --%s'", command, row->name);
    if (row->letter)
        printf(" | '%s -%c'", command, row->letter);
    printf(") echo '%s %s' ;;\n", kind_of(&v), v.words);
    argument_values_free(&v);
}

static void print_values(void)
{
    const struct command *c;
    fputs("# What an option takes, or a command: words, files, folders or list; and then the words.\n"
          "_bootreel_values() { # \"COMMAND OPTION\" or COMMAND\n    case $1 in\n",
          stdout);
    for (size_t i = 0; (c = command_at(i)); i++) {
        struct option_list list;
        struct argument_values v;
        option_list(c, &list);
        if (!c->what)
            continue;
        for (size_t k = 0; k < list.n; k++)
            if (list.row[k]->argument)
                print_values_of(c->name, list.row[k]);
        const char *arguments = c->arguments ? c->arguments : "";
        if (argument_has(arguments, "TRACE"))
            arguments = "TRACE";
        else if (*arguments == '[')
            arguments = "";
        argument_values(arguments, &v);
        printf("    %s) echo '%s %s' ;;\n", c->name, kind_of(&v), v.words);
        argument_values_free(&v);
    }
    fputs("    help) echo \"words $(_bootreel_commands)\" ;;\n    esac\n}\n\n", stdout);
}

static int cmd_completion(struct engines *engines, int argc, char **argv)
{
    int status;
    if (!parse_options(&command_completion, engines, argc, argv, NULL, NULL, &status))
        return status;
    const char *shell = only_argument(argc, argv, "shell");
    if (!shell)
        return EXIT_TROUBLE;
    if (strcmp(shell, "bash"))
        return trouble_text("completion: there is none for \"%.60s\": give bash", shell);
    fputs("# Bash completion of bootreel, written by: bootreel completion bash\n\n", stdout);
    print_commands();
    print_options();
    print_values();
    fputs(functions, stdout);
    return finish_output(EXIT_DONE);
}

const struct command command_completion = {
    .name = "completion",
    .run = cmd_completion,
    .what = "print the completion for a shell",
    .arguments = "bash",
    .intro =
        "Prints the completion of commands, options and their values for a shell. make install installs it; without it, "
        "write this into ~/.bashrc:\n  source <(bootreel completion bash)",
};
