/* hunt_words.c - see hunt_words.h. */
#include "cli/hunt_words.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/hunt/race.h"
#include "core/symbols/symbols.h"
#include "core/timeline/timeline.h"
#include "core/views/views.h"

enum { FRAMES = 8, NAME = 200, SHOWN = 40, RACES_OF = 4 };

struct telling {
    const struct hunt_words *w;
    struct trace *t;
    struct timeline *tl;
    struct symbols *symbols, *others; /* of the run; of the other trace */
    struct view_orc *orc;
};

static const char *name_of(const struct telling *s, uint64_t address, char buf[NAME])
{
    struct symbol sym;
    const uint64_t at = timeline_icount(s->tl);
    const bool own = symbols_at(s->symbols, SPACE_KERNEL, address, at, &sym, NULL);
    symbols_text(own ? s->symbols : s->others, SPACE_KERNEL, address, at, buf, NAME);
    return buf;
}

static void put_stack(struct telling *s, unsigned cpu)
{
    struct view_frame frame[FRAMES];
    char name[NAME];
    const char *lost;
    const struct look m = timeline_look(s->tl);
    struct symbol sym;
    const bool own =
        symbols_at(s->symbols, SPACE_KERNEL, look_pc(m, cpu), timeline_icount(s->tl), &sym, NULL);
    const struct symbols *names = own ? s->symbols : s->others;
    const size_t n =
        view_frames_certain(frame, view_frames(m, cpu, names, SPACE_KERNEL, s->orc, frame, FRAMES), &lost);
    out_print(stdout, "   processor %u is at %s", cpu, name_of(s, look_pc(m, cpu), name));
    for (size_t i = 1; i < n; i++)
        out_print(stdout, " < %s", name_of(s, frame[i].pc, name));
    out_print(stdout, "\n");
}

static int go(struct telling *s, uint64_t icount, struct error *err)
{
    struct timeline_stopped stopped;
    return timeline_seek(s->tl, icount, &stopped, err);
}

/* "between x+0x12 and x+0x15": the instruction that was just executed, and the next one of that processor. */
static int put_between(struct telling *s, const struct engine_choice *c, struct error *err)
{
    char a[NAME], b[NAME];
    if (!c->icount)
        return 0;
    if (go(s, c->icount - 1, err))
        return -1;
    name_of(s, look_pc(timeline_look(s->tl), c->cpu), a);
    if (go(s, c->icount, err))
        return -1;
    name_of(s, look_pc(timeline_look(s->tl), c->cpu), b);
    out_print(stdout, ", between %s and %s", a, b);
    return 0;
}

static int put_choice(struct telling *s, const struct engine_choice *c, struct error *err)
{
    static const struct {
        const char *kind, *form;
    } forms[] = {
        {"timers", "after write %llu to a device, %llu ns pass while all processors stand still"},
        {"irq", "interrupt line rise %llu comes %llu ns later"},
        {"disk", "command %llu of a drive takes %llu ns longer"},
        {"tsc", "time-stamp counter %llu is ahead by %llu"},
        {"usb", "device %llu on USB is connected %llu ns after the reset"},
        {"rtc", "choice %llu: the clock begins with date %llu of docs/hunt.md's list"},
    };
    if (!strcmp(c->kind, "memory")) {
        out_print(stdout, "memory at power-on holds %s",
                  c->value == 1   ? "ones"
                  : c->value == 2 ? "stripes"
                                  : "random bytes");
        return 0;
    }
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (!strcmp(c->kind, forms[i].kind)) {
            char *text =
                text_format(forms[i].form, (unsigned long long)c->ordinal, (unsigned long long)c->value);
            out_words(stdout, text);
            free(text);
            return 0;
        }
    out_print(stdout, "processor %u, after %llu steps of its own, %s processor %llu", c->cpu,
              (unsigned long long)c->ordinal,
              !strcmp(c->kind, "wakeups") ? "halts and is followed by"
              : c->value == c->cpu        ? "keeps its turn as"
                                          : "gives way to",
              (unsigned long long)c->value);
    return put_between(s, c, err);
}

static void put_access(const struct telling *s, const struct race_access *a)
{
    char name[NAME];
    out_print(stdout, "%s by processor %u at %s", a->written ? "written" : "read", a->cpu,
              name_of(s, a->pc, name));
}

/* The words over which this processor and the others race here. Not of each choice of many. */
static int put_races(struct telling *s, const struct engine_choice *c, struct error *err)
{
    struct race race[RACE_MOST];
    char name[NAME];
    if (!c->by_cpu || (s->w->choices->n > RACES_OF && c != &s->w->choices->choice[s->w->choices->n - 1]))
        return 0;
    const int n = race_find(s->tl, c->icount, c->cpu, race, err);
    for (int i = 0; i < n; i++) {
        name_of(s, race[i].address, name);
        out_print(stdout, "   the word at %#llx (%s) is ", (unsigned long long)race[i].address, name);
        put_access(s, &race[i].first);
        out_print(stdout, ", then ");
        put_access(s, &race[i].second);
        out_print(stdout, "\n");
    }
    return n < 0 ? -1 : 0;
}

static void put_more(const struct telling *s, const struct engine_choice *c)
{
    for (size_t i = 0; i < s->w->nmore; i++) {
        const struct hunt_more *m = &s->w->more[i];
        if (m->lines.s && !strcmp(m->kind, c->kind) && m->cpu == c->cpu && m->ordinal == c->ordinal)
            out_words(stdout, m->lines.s);
    }
}

static int put_all(struct telling *s, struct error *err)
{
    const struct choices *list = s->w->choices;
    const size_t hidden = list->n > SHOWN ? list->n - SHOWN : 0;
    if (hidden) /* those next to the failure say most */
        out_print(stdout, "the last %d of %zu: the schedule has all\n", SHOWN, list->n);
    for (size_t i = hidden; i < list->n; i++) {
        const struct engine_choice *c = &list->choice[i];
        out_print(stdout, "%zu. ", i + 1);
        if (put_choice(s, c, err))
            return -1;
        out_print(stdout, " (icount %llu)\n", (unsigned long long)c->icount);
        put_more(s, c);
        if (go(s, c->icount, err))
            return -1;
        for (unsigned cpu = 0; c->icount && cpu < look_cpus(timeline_look(s->tl)); cpu++)
            put_stack(s, cpu);
        if (put_races(s, c, err))
            return -1;
    }
    return 0;
}

int hunt_words(const struct hunt_words *w, struct error *err)
{
    struct telling s = {.w = w, .t = trace_open(w->path, err)};
    s.tl = s.t ? timeline_open_unplaced(s.t, w->kind, err) : NULL;
    s.symbols = s.tl ? symbols_load(s.t, err) : NULL;
    s.others = s.symbols ? symbols_load(w->named, err) : NULL;
    s.orc = view_orc_new();
    const int rc = s.others ? put_all(&s, err) : -1;
    view_orc_free(s.orc);
    symbols_free(s.symbols);
    symbols_free(s.others);
    timeline_close(s.tl);
    trace_close(s.t);
    return rc;
}
