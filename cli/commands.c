/* commands.c - the list of commands. Each is in its own file, with its options. */
#include <string.h>

#include "cli/cli.h"

static const struct command *const commands[] = {
    &command_record,  &command_run,        &command_replay,  &command_info,     &command_why,
    &command_stages,  &command_events,     &command_digest,  &command_diff,     &command_annotate,
    &command_symbols, &command_processes,  &command_files,   &command_firmware, &command_screen,
    &command_dump,    &command_search,     &command_profile, &command_trace,    &command_query,
    &command_calls,   &command_coverage,   &command_used,    &command_exits,    &command_origin,
    &command_export,  &command_matrix,     &command_hunt,    &command_powercut, &command_tui,
    &command_gdb,     &command_completion, &command_manual,
};

const struct command *command_at(size_t i)
{
    return i < sizeof commands / sizeof commands[0] ? commands[i] : NULL;
}

const struct command *command_find(const char *name)
{
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}
