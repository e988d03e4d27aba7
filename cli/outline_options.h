/* outline_options.h - what digest and diff share: outlines of traces. Private to cli/. */
#ifndef BOOTREEL_CLI_OUTLINE_OPTIONS_H
#define BOOTREEL_CLI_OUTLINE_OPTIONS_H

#include "cli/options.h"
#include "core/compare/trace_outline.h"

struct outline_options {
    struct profile *profile; /* NULL: the trace's own */
};
enum { OPT_OUTLINE_PROFILE = 1900 };
extern const struct option_row outline_options[];
int take_outline_option(struct outline_options *, const struct option_row *row, const char *value,
                        struct error *err);
void outline_options_free(struct outline_options *);

struct outline *outline_from_trace(const struct outline_options *, struct trace *t, const char *path,
                                   struct error *err);

#endif
