/* used.h - which bytes and files of its images a boot needed, from the record: nothing is run.
 *
 * Of disks, CDs and floppies: the sectors that commands read, and the files that these belong to. Of an initramfs: the files that programs
 * executed and opened, the names that they looked up, and what nobody looked at. The trace needs system calls (file_uses_classes()). */
#ifndef BOOTREEL_CORE_RAN_USED_H
#define BOOTREEL_CORE_RAN_USED_H

#include "core/engine/engines.h"
#include "traces/trace.h"

struct used_options {
    struct trace *trace;
    const struct engine_kind *kind;
    const char *image; /* the role of the only one that is asked about; NULL: all */
    bool all;          /* with each file that nobody looked at, and each module that was started */
    bool json;         /* an array with an object for each image, with all files and modules; else text */
};

/* Whether what is asked about depends on what programs did: only then must the trace have system calls. */
bool used_needs_calls(const struct used_options *o);
/* -1 with err: the trace cannot be read, or there is no such image. */
int used_print(const struct used_options *o, FILE *out, struct error *err);
/* Writes the initramfs with only what was used: see docs/what-ran.md. *said becomes what was left out, in lines; to be freed. -1 with err. */
int used_slim(const struct used_options *o, FILE *out, char **said, struct error *err);

#endif
