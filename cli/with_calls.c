/* with_calls.c - see with_calls.h. */
#include "cli/with_calls.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/annotate.h"
#include "cli/cli.h"

/* Where the annotated trace goes: -o, or a folder for it. -1 with err. */
static int choose_output(struct with_calls *c, const char *path, struct error *err)
{
    const char *tmp = getenv("TMPDIR");
    struct text t = {0};
    if (c->output)
        return check_output_name("-o", c->output, path, err);
    text_add(&t, "%s/bootreel-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    c->folder = t.s;
    if (!mkdtemp(c->folder)) {
        error_set(
            err, "no folder like %.200s for a trace with system calls can be made: give its name with -o NEW",
            c->folder);
        free(c->folder);
        c->folder = NULL;
        return -1;
    }
    struct text name = {0};
    text_add(&name, "%s/files.reel", c->folder);
    c->made = name.s;
    return 0;
}

static bool has_calls(const struct trace *t)
{
    const struct trace_config *config = trace_config(t);
    return config->classes &
           (strcmp(config->engine, "pc") ? EVENT_CLASS_BIT(EC_HOST) | EVENT_CLASS_BIT(EC_SYSCALL)
                                         : EVENT_CLASS_BIT(EC_SYSCALL));
}

/* The trace itself, or its run once more with system calls. NULL after a message, with *status. */
struct trace *with_calls_open(struct with_calls *c, const struct engines *engines, struct trace *t,
                              const char *path, int *status)
{
    struct error err;
    if (has_calls(t))
        return t;
    if (choose_output(c, path, &err)) {
        *status = trouble(&err);
        return NULL;
    }
    const char *to = c->made ? c->made : c->output;
    uint32_t classes = EVENT_CLASS_BIT(EC_SYSCALL) | EVENT_CLASS_BIT(EC_PROCESS);
    if (strcmp(trace_config(t)->engine, "pc"))
        classes |= EVENT_CLASS_BIT(EC_HOST);
    *status = annotate_quickly(engines, t, path, to, classes, c->quiet);
    if (*status != EXIT_DONE)
        return NULL;
    struct trace *with = trace_open(to, &err);
    *status = with ? EXIT_DONE : trouble(&err);
    return with;
}

void with_calls_end(struct with_calls *c)
{
    if (c->made)
        unlink(c->made);
    if (c->folder)
        rmdir(c->folder);
    free(c->made);
    free(c->folder);
}
