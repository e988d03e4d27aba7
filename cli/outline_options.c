/* outline_options.c - see outline_options.h. */
#include "cli/outline_options.h"

const struct option_row outline_options[] = {
    {.name = "profile",
     .argument = "FILE",
     .help = "the stages of this boot profile, not of the one that the trace was recorded with",
     .id = OPT_OUTLINE_PROFILE},
    END_OF_ROWS,
};

int take_outline_option(struct outline_options *o, const struct option_row *row, const char *value,
                        struct error *err)
{
    if (row->id != OPT_OUTLINE_PROFILE)
        return option_not_handled(row, err);
    profile_free(o->profile);
    o->profile = profile_load(value, err);
    return o->profile ? 0 : -1;
}

void outline_options_free(struct outline_options *o)
{
    profile_free(o->profile);
}

struct outline *outline_from_trace(const struct outline_options *o, struct trace *t, const char *path,
                                   struct error *err)
{
    return outline_of_trace(t, path, o->profile, err);
}
