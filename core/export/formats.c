/* formats.c - the table of formats. See core/export/export.h. */
#include <string.h>

#include "core/export/private/impl.h"
#include "core/views/views.h"

static const struct export_format formats[] = {
    {.name = "perfetto",
     .what = "stages, initcalls, processes, interrupts and console as tracks of time, for ui.perfetto.dev",
     .flags = EXPORT_BINARY,
     .write = export_perfetto},
    {.name = "folded",
     .what =
         "stacks with counts, a line each, for flamegraph.pl and speedscope: guest time in microseconds by stage, or "
         "with --every samples by symbol and call chain",
     .flags = EXPORT_RUNS_SAMPLED,
     .write = export_folded},
    {.name = "pprof",
     .what = "samples by symbol and call chain, for go tool pprof",
     .flags = EXPORT_RUNS | EXPORT_BINARY,
     .write = export_pprof},
    {.name = "speedscope",
     .what = "the stages in order of time, for speedscope.app",
     .write = export_speedscope},
    {.name = "ctf",
     .what = "all events as a folder in the Common Trace Format 1.8, for babeltrace2 and Trace Compass",
     .flags = EXPORT_FOLDER,
     .write_folder = export_ctf},
    {.name = "json",
     .what = "all events, a JSON object a line, as in bootreel events --format json",
     .write = export_json},
    {.name = "sqlite",
     .what =
         "events, stages, processes and all else that bootreel query knows, for sqlite3, datasette and pandas",
     .write_named = export_sqlite},
    {.name = "asciicast",
     .what = "what the guest's console prints, in guest time, for asciinema play",
     .flags = EXPORT_RUNS,
     .write = export_asciicast},
    {.name = "apng",
     .what = "the screen as an animated picture, in guest time, for web browsers",
     .flags = EXPORT_RUNS | EXPORT_BINARY,
     .pictures = 250,
     .write = export_apng},
    {.name = "pcapng",
     .what = "the frames of network cards with guest time and icount, for Wireshark and tshark",
     .flags = EXPORT_BINARY,
     .write = export_pcapng},
    {.name = "html",
     .what =
         "a report on one page that needs no network: time line, stages, slow initcalls, processes, console, screen",
     .flags = EXPORT_RUNS_PICTURES,
     .pictures = 8,
     .write = export_html},
};

const struct export_format *export_format(size_t i)
{
    return i < sizeof formats / sizeof formats[0] ? &formats[i] : NULL;
}

const struct export_format *export_format_by_name(const char *name)
{
    const struct export_format *f;
    for (size_t i = 0; (f = export_format(i)); i++)
        if (!strcmp(f->name, name))
            return f;
    return NULL;
}

bool export_needs_replay(const struct export_format *f, const struct export_options *o)
{
    return f->flags & EXPORT_RUNS || (f->flags & EXPORT_RUNS_SAMPLED && o->every) ||
           (f->flags & EXPORT_RUNS_PICTURES && o->pictures);
}

struct samples *export_samples(const struct export_options *o, struct error *err)
{
    const struct samples_options so = {.walker = &view_walker,
                                       .replay = o->replay,
                                       .trace = o->trace,
                                       .from = o->from,
                                       .to = o->to,
                                       .every = o->every,
                                       .progress = o->progress,
                                       .ctx = o->ctx};
    return samples_take(&so, err);
}
