/* why.h - what went wrong in a recorded boot: a verdict in one sentence, and its evidence.
 *
 * The events are read first; parts of the boot are run only where the state of the machine has to be looked
 * at. A verdict is given only with evidence for it; without any, the answer is that it cannot be told, and
 * what is missing. docs/why.md has examples.
 */
#ifndef BOOTREEL_CORE_WHY_WHY_H
#define BOOTREEL_CORE_WHY_WHY_H

#include <yajl/yajl_gen.h>

#include "base/text.h"
#include "core/case/verdict.h"
#include "core/engine/engines.h"
#include "traces/trace.h"

struct why {
    enum why_code code;
    enum why_answer answer; /* that of the code */
    const char *subject;    /* "fault", "linux" …: who found it; "" if nobody did */
    char *verdict;          /* the headline: at most WHY_HEADLINE characters, without a full stop */
    uint64_t icount;        /* where it went wrong; the end if nothing did */
    struct why_line
        line[WHY_LINES]; /* the rest of the headline; in order of time; then those without a position */
    size_t n;
};

/* What went wrong up to a position (UINT64_MAX: the end of the record). The trace must stay open during the
 * call, and is used by it alone. NULL with err if it cannot be read. Cost: a pass over the events, some
 * million per second; and some tenths of a second where the machine is looked at. */
struct why *why_ask(struct trace *t, const struct engine_kind *kind, uint64_t at, struct error *err);
/* The same, with the source lines that debug information has for places in a kernel (core/symbols/debug.h; NULL: none), which must outlive the
 * call. */
struct debug_info;
struct why *why_ask_debug(struct trace *t, const struct engine_kind *kind, uint64_t at,
                          struct debug_info *debug, struct error *err);
void why_free(struct why *w); /* NULL is allowed */

/* Adds the verdict, and evidence in at most `most` lines, ready to be printed (out_words()): that which says most, in order of time. Long
 * lines are wrapped. `go`: the command that goes to a position given after it ("boot-seek"), its words quoted (text_shell_word()); NULL: it
 * is left out. */
void why_text(struct text *out, const struct why *w, const char *go, size_t most);
/* Adds it as members of the open object. `path`: the trace that the commands in it go to. */
void why_json(yajl_gen g, const struct why *w, const char *path);

/* Whether something went wrong. NULL is allowed: nothing was asked. */
static inline bool why_is_bad(const struct why *w)
{
    return w && w->answer == WHY_WRONG;
}

#endif
