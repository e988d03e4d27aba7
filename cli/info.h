/* info.h - what bootreel info prints, in its two forms. Private to cli/. */
#ifndef BOOTREEL_CLI_INFO_H
#define BOOTREEL_CLI_INFO_H

#include "base/text.h"
#include "core/engine/engine.h"
#include "traces/trace.h"

/* A call to the Linux host: how often, and with which errors. */
struct host_call {
    char name[40];
    uint64_t count;
    struct text errors; /* "EAGAIN 12, EINTR 3" */
};

/* The calls, the most frequent first. *list is the caller's to free, with host_calls_free. -1 with err. */
int host_calls_of(struct trace *t, struct host_call **list, size_t *n, struct error *err);
void host_calls_free(struct host_call *list, size_t n);

/* Prints all of it as one JSON object, with the verdict on the boot. `checked`: every frame was read. -1 with err. Cost: that of
 * why_ask(), and two passes over the events. */
int info_json(const struct engines *engines, struct trace *t, const char *path, bool checked,
              struct error *err);

#endif
