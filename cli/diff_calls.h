/* diff_calls.h - the first call that differs between two boots, for diff --explain. Private to cli/. */
#ifndef BOOTREEL_CLI_DIFF_CALLS_H
#define BOOTREEL_CLI_DIFF_CALLS_H

#include "core/compare/cause.h"
#include "core/engine/engines.h"

/* Adds a finding to what was found of A and B: the first function that one of them calls and the other does not, after the first
 * difference, by module and name. Nothing is added if there is none among the calls after it. -1 with err. Cost: some M steps. */
int diff_calls(struct cause *cause, struct trace *const t[2], const struct engine_kind *const kind[2],
               struct error *err);

#endif
