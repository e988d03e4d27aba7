/* profile.h - boot profiles: a text that defines the stages of a boot by the events that open and close them.
 *
 * A profile is a list of stages. Stages nest: one that opens while others are open is inside the
 * innermost of them.
 *
 *   # from here to the end of the line: a comment
 *   stage NAME            begins a stage's description; NAME may hold {data} or {field}, taken from the
 *                         event that opens it
 *     in NAME             opens only while a stage of that name (before the substitution) is the innermost
 *                         that is open; may be given several times
 *     open CONDITION      when it opens; several: any of them
 *     close CONDITION     when it closes, and all that are inside of it; several: any of them. Without one
 *                         it ends where its parent ends, or where another stage opens inside of the same parent
 *     outside NAME        opens only while no stage of that name (before the substitution) is open
 *     after NAME          opens only if one of that name has opened before, as `once` counts; several: any of them
 *     lasting             it is omitted if it closes at the step where it opened
 *     once                it opens only once since the last reset of the machine
 *     by KEY ["TEXT"]     many may be open at a time, distinguished by KEY of their events: a field, data, or
 *                         what {KEY} matches in their TEXT. They open and close beside the others, and are
 *                         inside the innermost open stage that `in` names. Only one of a KEY is open at a time.
 *                         With TEXT the KEY is what comes before that
 *     under FIELD [of NAME]  … or inside the stage of the same description, or of NAME's, whose KEY equals that
 *                         field of the opening event; several: the first of them that is open
 *     rename CONDITION    NAME is computed again from such an event with the same KEY
 *     fail CONDITION      closes it, and marks it as failed
 *     against CONDITION   its conditions that end in `for-good` hold only if no such event follows before the next reset
 *     moment              it closes where it opens
 *     child               whose time it is: the process that the one of the opening process.log event created last before it,
 *                         with all that this starts in turn
 *     unclosed            with `by`: an event that closes a stage of that NAME and KEY does not open one
 *     fold N%             stages that take less than N % of their parent may be shown together
 *     least N%            it is omitted if it ends and takes less than N % of its parent
 *     chain               part of the critical chain (bootreel stages --critical-chain)
 *     note "TEXT"         shown behind its name
 *     with KEY=VALUE      only in traces of a machine with that setting (bootreel info shows them);
 *                         several: all of them
 *     without KEY=VALUE   only in others
 *
 * A CONDITION is one of
 *   event KIND [FIELD=NUMBER]... ["TEXT"] [same]   an event of the trace (bootreel events shows kinds and
 *                         fields), with these values, whose text holds TEXT; `same` (in close): with the text
 *                         of the event that opened the stage
 *   mode NAME             the processor gets into that mode: real, v86, protected16, protected32,
 *                         compatibility, long, smm
 *   port NUMBER [in|out] [value=NUMBER]
 *   post NUMBER           that POST code on port 80h
 *   service VECTOR [function=NUMBER]               a BIOS service returned
 *   disk read|write [drive=NUMBER] [lba=NUMBER]
 *   console "TEXT"        a console line holds TEXT
 *   symbol NAME           that symbol is entered (it is probed while recording)
 *   return NAME           it returns
 *   address NUMBER        the instruction at that linear address is reached
 *
 * FIELD>=NUMBER and FIELD<NUMBER stand for ranges. TEXT may contain one {NAME}: it matches any text, and what
 * follows it in TEXT must be the end of the event's text. In a stage's NAME, {program} stands for the file
 * name of the path that is the first word of the opening event's text.
 *
 * Numbers are decimal or 0x hexadecimal. Since stages are computed from events alone, other profiles can be
 * applied to a trace afterwards; only for symbols and addresses that were not probed must the run be
 * repeated (annotate).
 */
#ifndef BOOTREEL_CORE_STORY_PROFILE_H
#define BOOTREEL_CORE_STORY_PROFILE_H

#include "base/error.h"
#include "traces/event.h"

struct profile;

/* Parses a profile; errors give `name` and the line. NULL with err. The text is copied. */
struct profile *profile_parse(const char *name, const char *text, struct error *err);
struct profile *profile_load(const char *path, struct error *err);
/* The profile that is built in: firmware, GRUB, Linux. */
struct profile *profile_builtin(void);
void profile_free(struct profile *); /* NULL is allowed */
/* The text that it was parsed from. */
const char *profile_text(const struct profile *);
/* The i-th symbol or address that its conditions probe, or NULL. */
const char *profile_probe(const struct profile *, size_t i);

/* ---- for stages.c ---- */

enum { CONDITION_FIELDS = 4 };

struct condition {
    unsigned kind; /* enum event_id */
    unsigned nfields;
    struct {
        uint8_t field;
        uint64_t low, high; /* both included */
    } want[CONDITION_FIELDS];
    const char *text; /* NULL, or what the event's text contains (equals, for probes) */
    bool whole;       /* the text must be equal */
    bool same;        /* the text must be the opening event's */
    bool for_good;    /* only if no event of an `against` line of its stage follows in this boot */
    /* If TEXT has a {NAME}, `text` is the part before it. */
    const char *capture, *after; /* NAME, or NULL; the part of TEXT after it */
    const char *up_to;           /* of {NAME|UP TO}: the text before which it ends, where that follows; or
                                  * NULL */
};

/* The part of an event's text that {NAME} matches. */
struct capture {
    const char *text;
    size_t len;
};

/* A line `with` or `without`. */
struct machine_rule {
    const char *key, *value;
    bool wanted;
};

/* A line `under`. */
struct under_rule {
    const char *field, *of; /* a stage's name (before the substitution), or NULL: its own */
};

struct stage_rule {
    const char *name;
    const char **in, **outside, **after;
    struct machine_rule *machine;
    struct under_rule *under;
    struct condition *open, *close, *fail, *rename, *against;
    size_t nin, noutside, nafter, nopen, nclose, nfail, nrename, nagainst, nmachine, nunder;
    bool once, moment, chain, lasting, unclosed, child;
    const char *by, *note; /* NULL: none */
    const char *until;     /* with `by`: the key is what comes before that; NULL: all of it */
    unsigned fold, least;  /* percent; 0: never */
    unsigned line;
};

size_t profile_stages(const struct profile *);
const struct stage_rule *profile_stage(const struct profile *, size_t i);
/* A setting of the machine, or NULL. */
typedef const char *setting_fn(const void *machine, const char *key);
/* Whether a stage's `with` and `without` lines allow it for that machine. */
bool stage_rule_is_meant(const struct stage_rule *, setting_fn *, const void *machine);
bool condition_holds(const struct condition *, const struct event *, const char *opened_by,
                     size_t opened_len);
/* What the condition's {NAME} matches in an event that meets it; false if it has no {NAME}. */
bool condition_capture(const struct condition *, const struct event *, struct capture *out);

#endif
