/* progress.c - the progress line: on a terminal only, silent elsewhere. The only place where speed in real
 * time is measured. */
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/out.h"
#include "base/real_time.h"
#include "cli/cli.h"

struct progress {
    const char *what;
    bool on;
    bool shown;
    double last; /* real time of the last update, s */
    uint64_t last_icount;
};

struct progress *progress_new(const char *what, bool quiet)
{
    struct progress *p = mem_zero(1, sizeof *p);
    p->what = what;
    p->on = !quiet && isatty(STDERR_FILENO);
    p->last = real_seconds();
    return p;
}

void progress_update(struct progress *p, uint64_t icount, uint64_t time)
{
    char steps[NUMBER_TEXT], guest[NUMBER_TEXT];
    if (!p->on)
        return;
    double now = real_seconds();
    if (now - p->last < 0.2)
        return;
    out_print(stderr, "\r%s: icount %s, %.1f M steps/s, guest time %s\033[K", p->what,
              number_commas(steps, icount), (double)(icount - p->last_icount) / (now - p->last) / 1e6,
              number_time(guest, time));
    p->last = now;
    p->last_icount = icount;
    p->shown = true;
}

void progress_end(struct progress *p)
{
    if (p->shown)
        out_words(stderr, "\r\033[K");
    free(p);
}
