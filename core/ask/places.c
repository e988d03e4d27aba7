/* places.c - places of probes as they are written: "kprobe:vfs_*", "interval:s:1". See private/ast.h. */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "core/ask/private/ast.h"
#include "traces/event.h"

/* ---------------------------------------------------------------- parts */

#define WRONG(s, at, ...) ask_wrong_place((s)->err, (s)->p, (at), __VA_ARGS__)

static bool number(const char *text, uint64_t *n)
{
    char *end;
    *n = strtoull(text, &end, 0);
    return *text >= '0' && *text <= '9' && !*end;
}

/* The text before the next colon, and what follows it. */
static char *next(char **rest)
{
    char *first = *rest, *colon = first ? strchr(first, ':') : NULL;
    if (colon)
        *colon++ = 0;
    *rest = colon;
    return first;
}

/* ---------------------------------------------------------------- each kind */

static int plain(struct ask_parser *s, struct ask_place *at, char *rest)
{
    return rest ? WRONG(s, at, "%s: nothing can follow it", at->text) : 0;
}

/* NAME+OFFSET */
static int take_offset(struct ask_parser *s, struct ask_place *at, char *name)
{
    char *plus = strrchr(name, '+');
    at->name = name;
    if (!plus)
        return 0;
    *plus = 0;
    return number(plus + 1, &at->number) ? 0 : WRONG(s, at, "%s: \"%s\" is no offset", at->text, plus + 1);
}

/* F, MODULE:F */
static int function(struct ask_parser *s, struct ask_place *at, char *rest)
{
    char *colon = rest ? strrchr(rest, ':') : NULL;
    if (!rest || !*rest || (colon && !colon[1]))
        return WRONG(s, at, "%s: a function is missing, as in kprobe:vfs_read", at->text);
    if (colon) {
        *colon = 0;
        at->table = rest;
    }
    if (take_offset(s, at, colon ? colon + 1 : rest))
        return -1;
    return at->kind == P_KRETPROBE && at->number ? WRONG(s, at, "%s: a return has no offset", at->text) : 0;
}

/* NAME:F, where NAME may be a path with colons. */
static int in_table(struct ask_parser *s, struct ask_place *at, char *rest)
{
    char *colon = rest ? strrchr(rest, ':') : NULL;
    if (!colon || !colon[1] || colon == rest)
        return WRONG(s, at, "%s: write NAME:FUNCTION behind the kind", at->text);
    *colon = 0;
    at->table = rest;
    return take_offset(s, at, colon + 1);
}

static int symbol(struct ask_parser *s, struct ask_place *at, char *rest)
{
    return rest && *rest ? take_offset(s, at, rest) : WRONG(s, at, "%s: a function is missing", at->text);
}

static int address(struct ask_parser *s, struct ask_place *at, char *rest)
{
    return rest && number(rest, &at->number) ? 0 : WRONG(s, at, "%s: write address:0x…", at->text);
}

/* FILE:LINE */
static int line(struct ask_parser *s, struct ask_place *at, char *rest)
{
    char *colon = rest ? strrchr(rest, ':') : NULL;
    if (!colon || !number(colon + 1, &at->number) || !at->number)
        return WRONG(s, at, "%s: write line:FILE:NUMBER", at->text);
    *colon = 0;
    at->name = rest;
    return 0;
}

static int tracepoint(struct ask_parser *s, struct ask_place *at, char *rest)
{
    at->table = next(&rest);
    at->name = rest;
    return rest && *rest ? 0 : WRONG(s, at, "%s: write tracepoint:GROUP:NAME", at->text);
}

/* UNIT:N of guest time; a profile also hz:N and steps:N. */
static int rhythm(struct ask_parser *s, struct ask_place *at, char *rest)
{
    const bool profile = at->kind == P_PROFILE;
    const char *unit = next(&rest);
    uint64_t n;
    if (!unit || !rest || !number(rest, &n) || !n)
        return WRONG(s, at, "%s: write %s", at->text,
                     profile ? "profile:hz:99, profile:ms:10 or profile:steps:100000"
                             : "interval:s:1 or interval:ms:100");
    at->rate = 1;
    const uint64_t scale = unit_scale(time_units, unit, strlen(unit));
    if (scale && n <= UINT64_MAX / scale) {
        at->period = n * scale;
        return 0;
    }
    if (!strcmp(unit, "hz") && n <= 1000000000) {
        at->rate = n;
        at->period = 1000000000;
        return 0;
    }
    if (!strcmp(unit, "steps")) {
        at->number = n;
        return 0;
    }
    return WRONG(s, at, "%s: \"%s\" is no unit of this probe: s, ms, us, hz or steps", at->text, unit);
}

/* A class or a kind of events, and conditions as find has them. */
static int event(struct ask_parser *s, struct ask_place *at, char *rest)
{
    char word[64] = "";
    if (!rest || !*rest)
        return WRONG(s, at, "%s: write event:KIND, as in event:process.exec", at->text);
    at->name = rest;
    snprintf(word, sizeof word, "%.*s", (int)strcspn(rest, " "), rest);
    if (event_class_by_name(word) >= 0)
        return 0;
    for (unsigned i = 0; i < EV_COUNT; i++)
        if (event_kind(i)->name && !strcmp(event_kind(i)->name, word))
            return 0;
    return WRONG(
        s, at,
        "%s: \"%s\" is no kind or class of events: bootreel query TRACE 'SELECT name FROM kinds' lists them",
        at->text, word);
}

static int stage(struct ask_parser *s, struct ask_place *at, char *rest)
{
    char *colon = rest ? strrchr(rest, ':') : NULL;
    at->name = rest;
    if (!colon || (strcmp(colon + 1, "begin") && strcmp(colon + 1, "end")))
        return WRONG(s, at, "%s: write stage:NAME:begin or stage:NAME:end", at->text);
    at->ends = !strcmp(colon + 1, "end");
    *colon = 0;
    return 0;
}

static int process(struct ask_parser *s, struct ask_place *at, char *rest)
{
    at->name = rest;
    return rest && *rest ? 0 : WRONG(s, at, "%s: write process:NAME", at->text);
}

/* EXPRESSION:LENGTH:rw */
static int watchpoint(struct ask_parser *s, struct ask_place *at, char *rest)
{
    char *mode = rest ? strrchr(rest, ':') : NULL;
    if (mode)
        *mode++ = 0;
    char *length = mode ? strrchr(rest, ':') : NULL;
    if (length)
        *length++ = 0;
    if (!length || !number(length, &at->number) || !at->number || !*mode || mode[strspn(mode, "rwx")])
        return WRONG(s, at, "%s: write watchpoint:ADDRESS:LENGTH:rw, as in watchpoint:jiffies_64:8:w",
                     at->text);
    at->name = rest;
    at->on_read = strchr(mode, 'r');
    at->on_write = strchr(mode, 'w');
    at->on_execute = strchr(mode, 'x');
    return at->on_execute ? WRONG(s, at, "%s: for execution, use address:0x…", at->text) : 0;
}

/* ---------------------------------------------------------------- the table */

static const struct {
    const char *name, *shorter;
    enum ask_probe_kind kind;
    int (*take)(struct ask_parser *s, struct ask_place *at, char *rest);
} kinds[] = {
    {"BEGIN", NULL, P_BEGIN, plain},
    {"END", NULL, P_END, plain},
    {"kprobe", "k", P_KPROBE, function},
    {"kretprobe", "kr", P_KRETPROBE, function},
    {"kfunc", "f", P_KPROBE, function},
    {"fentry", NULL, P_KPROBE, function},
    {"kretfunc", "fr", P_KRETPROBE, function},
    {"fexit", NULL, P_KRETPROBE, function},
    {"uprobe", "u", P_UPROBE, in_table},
    {"uretprobe", "ur", P_URETPROBE, in_table},
    {"address", NULL, P_ADDRESS, address},
    {"firmware", NULL, P_FIRMWARE, in_table},
    {"loader", NULL, P_LOADER, symbol},
    {"xen", NULL, P_XEN, symbol},
    {"line", NULL, P_LINE, line},
    {"tracepoint", "t", P_TRACEPOINT, tracepoint},
    {"interval", "i", P_INTERVAL, rhythm},
    {"profile", "p", P_PROFILE, rhythm},
    {"event", NULL, P_EVENT, event},
    {"stage", NULL, P_STAGE, stage},
    {"process", NULL, P_PROCESS, process},
    {"watchpoint", "w", P_WATCHPOINT, watchpoint},
};

/* What bpftrace has and a recorded boot has not. */
static const struct {
    const char *name, *why;
} refused[] = {
    {"usdt", "static probes of programs are not implemented: use uprobe:BINARY:FUNCTION"},
    {"software", "counters of the host's kernel are not in a boot: use kprobe:, event: or profile:"},
    {"hardware", "the machine has no counters of that kind: use profile:steps:N"},
    {"rawtracepoint", "use tracepoint:GROUP:NAME"},
    {"rt", "use tracepoint:GROUP:NAME"},
    {"asyncwatchpoint", "use watchpoint:ADDRESS:LENGTH:rw"},
    {"iter", "iterators are not implemented: bootreel gdb lists tasks"},
    {"self", "a recorded boot gets no signals"},
    {"bench", "benchmarks are not implemented"},
};

/* The builtin `probe` and messages have the whole name of a kind. */
static const char *whole_name(struct ask_parser *s, const char *kind, const char *rest)
{
    const size_t n = strlen(kind) + 1 + strlen(rest);
    char *text = ask_own(s->p, n + 1);
    snprintf(text, n + 1, "%s:%s", kind, rest);
    return text;
}

int ask_parse_place(struct ask_parser *s, struct ask_place *at)
{
    char *rest = ask_own_text(s->p, at->text, strlen(at->text));
    const char *kind = next(&rest);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (!strcmp(kind, kinds[i].name) || (kinds[i].shorter && !strcmp(kind, kinds[i].shorter))) {
            at->kind = kinds[i].kind;
            if (rest && kinds[i].shorter && !strcmp(kind, kinds[i].shorter))
                at->text = whole_name(s, kinds[i].name, rest);
            return kinds[i].take(s, at, rest);
        }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (!strcmp(kind, refused[i].name))
            return WRONG(s, at, "%s: %s", at->text, refused[i].why);
    return WRONG(s, at, "\"%s\" is no kind of probe: docs/trace.md lists them", kind);
}
