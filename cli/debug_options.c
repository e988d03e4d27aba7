/* debug_options.c - see debug_options.h. */
#include "cli/debug_options.h"
#include "base/out.h"
#include "cli/cli.h"

enum { OPT_DEBUG_INFO = OPT_SHARED + 100, OPT_SOURCE };

const struct option_row debug_options[] = {
    {.name = "debug-info",
     .argument = "FOLDER|FILE|debuginfod",
     .help = "where debug information is: lines and inlined functions (several times)",
     .id = OPT_DEBUG_INFO,
     .more =
         "The files whose build-ids are those of the Linux kernel and of the modules in the trace are used: DWARF of a vmlinux, of .ko files, "
         "of separate debug information (/usr/lib/debug). So are those of UEFI's modules: ELF files that are linked at address 0 (EDK II's .debug) "
         "and PDB files. What does not fit is said on standard error. The word `debuginfod` asks the "
         "servers in $DEBUGINFOD_URLS, by libdebuginfod."},
    {.name = "source",
     .argument = "OLD=NEW",
     .help = "source paths that begin with OLD begin with NEW (several times)",
     .id = OPT_SOURCE},
    END_OF_ROWS,
};

int debug_option(struct debug_wish *w, const struct option_row *row, const char *value, struct error *err)
{
    if (row->id != OPT_DEBUG_INFO && row->id != OPT_SOURCE)
        return option_not_handled(row, err);
    given_words_add(row->id == OPT_SOURCE ? &w->sources : &w->where, value);
    return 0;
}

static int fill(const struct debug_wish *w, struct debug_info *d, struct error *err)
{
    struct error why;
    for (size_t i = 0; i < w->where.n; i++)
        if (debug_info_add(d, w->where.word[i], &why))
            return error_set(err, "--debug-info: %s", why.text);
    for (size_t i = 0; i < w->sources.n; i++)
        if (debug_info_map_source(d, w->sources.word[i], &why))
            return error_set(err, "--source: %s", why.text);
    return 0;
}

int debug_open(struct debug_wish *w, struct debug_info **d, struct error *err)
{
    int rc = 0;
    *d = NULL;
    if (w->sources.n && !w->where.n)
        rc = error_set(err, "--source: say with --debug-info where the debug information is");
    if (!rc && w->where.n) {
        *d = debug_info_new();
        debug_info_on_words(*d, say_warning, NULL);
        rc = fill(w, *d, err);
    }
    if (rc) {
        debug_info_free(*d);
        *d = NULL;
    }
    words_free(&w->where);
    words_free(&w->sources);
    return rc;
}
