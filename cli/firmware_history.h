/* firmware_history.h - bootreel firmware --history: who built, moved and changed what the lists show. Private to cli/. */
#ifndef BOOTREEL_CLI_FIRMWARE_HISTORY_H
#define BOOTREEL_CLI_FIRMWARE_HISTORY_H

#include "base/json.h"
#include "core/views/platform.h"
#include "traces/trace.h"

struct engine_kind;
struct histories;

/* A machine of its own on the trace, which must stay open, as must the symbols. NULL with err. */
struct histories *histories_new(struct trace *t, const struct engine_kind *kind, const struct symbols *s,
                                bool quiet, struct error *err);
void histories_free(struct histories *h); /* NULL is allowed */
/* Prints the history of each block that a list was read from at `icount`, a line for each of its writers. -1 with err. Cost: see
 * history_find(). */
int histories_print(struct histories *h, const struct platform_rows *rows, uint64_t icount,
                    struct error *err);
/* Prints who gave the memory type range registers their present values at `icount`. -1 with err. Cost: see history_mtrrs(). */
int histories_print_mtrrs(struct histories *h, uint64_t icount, struct error *err);
int histories_json_mtrrs(struct histories *h, uint64_t icount, yajl_gen g, struct error *err);
/* The same as an array "history" in the open object. */
int histories_json(struct histories *h, const struct platform_rows *rows, uint64_t icount, yajl_gen g,
                   struct error *err);

#endif
