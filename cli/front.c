/* front.c - a command as the front end of work in several threads (core/jobs/jobs.h): a progress line,
 * signals, notes. */
#include "base/out.h"
#include "cli/cli.h"

static void on_progress(void *ctx, uint64_t steps, uint64_t time)
{
    progress_update(((struct front *)ctx)->progress, steps, time);
}

static void on_running(void *ctx, void (*interrupt)(void *work), void *work)
{
    struct front *f = ctx;
    signals_stop(f->signals);
    f->signals = interrupt ? signals_start(interrupt, work) : NULL;
}

static void on_note(void *ctx, const char *text)
{
    if (!((struct front *)ctx)->quiet)
        out_print(stderr, "bootreel: %s\n", text);
}

struct jobs_front front_begin(struct front *f, const char *what, bool quiet)
{
    *f = (struct front){.progress = progress_new(what, quiet), .quiet = quiet};
    return (struct jobs_front){.ctx = f, .progress = on_progress, .running = on_running, .note = on_note};
}

void front_end(struct front *f)
{
    progress_end(f->progress);
}
