/* samples.c - the calls in progress, for samples of a run. See core/run/samples.h. */
#include "core/run/samples.h"
#include "core/views/views.h"

static void *open_tables(void)
{
    return view_orc_new();
}

static void close_tables(void *walker)
{
    view_orc_free(walker);
}

static size_t walk(void *walker, struct look m, unsigned cpu, const struct symbols *s, symbol_space space,
                   uint64_t *pc, size_t max, bool *lost)
{
    struct view_frame frame[SAMPLES_DEPTH];
    const char *why;
    const size_t n = view_frames_certain(
        frame, view_frames(m, cpu, s, space, walker, frame, max < SAMPLES_DEPTH ? max : SAMPLES_DEPTH), &why);
    for (size_t i = 0; i < n; i++)
        pc[i] = frame[i].pc - frame[i].called;
    *lost = why != NULL;
    return n;
}

const struct sample_walker view_walker = {open_tables, close_tables, walk};
