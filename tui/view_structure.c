/* view_structure.c - a structure of a Linux kernel at the position, member by member, by the kernel's own types. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/symbols/kernel_types.h"
#include "tui/app_impl.h"

enum { STEPS_MAX = 64 };

/* What is shown, and what it was come from. */
struct step {
    struct types_place place;
    char name[120];
    size_t sel;
};

struct structure_state {
    struct step step[STEPS_MAX];
    size_t n;
};

static struct structure_state *structure_state(struct pane *p)
{
    if (!p->state)
        p->state = mem_zero(1, sizeof(struct structure_state));
    return p->state;
}

static struct step *shown(struct pane *p)
{
    struct structure_state *st = structure_state(p);
    return st->n ? &st->step[st->n - 1] : NULL;
}

static size_t read_memory(void *ctx, uint64_t address, void *buf, size_t n)
{
    const struct session *s = ctx;
    return timeline_peek(s->tl, s->where.cpu, address, buf, n);
}

/* ---------------------------------------------------------------- the lines */

struct adding {
    struct app *a;
    struct doc *d;
};

/* What a pointer points to, if it has a name: a function, a variable. */
static void add_symbol(const struct adding *ad, const char *value)
{
    char symbol[200], *end;
    const uint64_t address = strncmp(value, "0x", 2) ? 0 : strtoull(value, &end, 16);
    if (!address || *end || !*session_symbol(ad->a->s, address, symbol, sizeof symbol))
        return;
    doc_add(ad->d, STYLE_SYMBOL, "  %s", symbol);
}

static void add_part(void *ctx, const struct types_part *part)
{
    const struct adding *ad = ctx;
    const struct types_memory m = {ad->a->s, read_memory};
    char value[400];
    kernel_types_part_value(session_types(ad->a->s), part, &m, value, sizeof value);
    doc_row(ad->d, ROW_PART, part->place.address);
    doc_add(ad->d, STYLE_STRONG, " %-26s ", part->name);
    doc_add(ad->d, STYLE_LABEL, "%-30s ", part->type);
    doc_add(ad->d,
            strcmp(value, "0") && strcmp(value, "NULL") && strcmp(value, "empty") ? STYLE_NUMBER : STYLE_DIM,
            "%s", value);
    if (strchr(part->type, '*'))
        add_symbol(ad, value);
}

static void structure_build(struct app *a, struct pane *p)
{
    const struct step *here = shown(p);
    struct adding ad = {a, &p->doc};
    doc_clear(&p->doc);
    if (!here) {
        doc_line(&p->doc, STYLE_DIM,
                 " :structure init_task, or :structure ADDRESS struct TYPE, shows what is there");
        return;
    }
    kernel_types_parts(session_types(a->s), &here->place, add_part, &ad);
}

static void structure_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    const struct step *here = shown(p);
    char type[120];
    if (!here) {
        snprintf(buf, size, "nothing yet");
        return;
    }
    kernel_types_name(session_types(a->s), &here->place, type, sizeof type);
    snprintf(buf, size, "%s: %s at 0x%" PRIx64, here->name, type, here->place.address);
}

/* ---------------------------------------------------------------- going through it */

struct choosing {
    size_t left;
    struct types_part part;
    bool found;
};

static void choose(void *ctx, const struct types_part *part)
{
    struct choosing *c = ctx;
    if (!c->left--) {
        c->part = *part;
        c->found = true;
    }
}

static bool selected(struct app *a, struct pane *p, struct types_part *part)
{
    struct choosing c = {.left = p->sel};
    const struct step *here = shown(p);
    if (here)
        kernel_types_parts(session_types(a->s), &here->place, choose, &c);
    *part = c.part;
    return c.found;
}

static void enter(struct app *a, struct pane *p, const struct types_place *place, const char *name)
{
    struct structure_state *st = structure_state(p);
    if (st->n)
        shown(p)->sel = p->sel;
    if (st->n == STEPS_MAX) /* the oldest is forgotten */
        memmove(st->step, st->step + 1, --st->n * sizeof st->step[0]);
    struct step *to = &st->step[st->n++];
    *to = (struct step){.place = *place};
    snprintf(to->name, sizeof to->name, "%s", name);
    p->sel = p->top = 0;
    p->stale = true;
}

static enum react follow(struct app *a, struct pane *p, const struct types_part *part)
{
    const struct types_memory m = {a->s, read_memory};
    struct types_place to;
    char name[240];
    const struct step here = *shown(p);
    if (!kernel_types_follow(session_types(a->s), &here.place, part, &m, &to)) {
        app_refuse(a, "%.90s leads nowhere here", *part->name ? part->name : here.name);
        return REACT_DRAW;
    }
    snprintf(name, sizeof name, "%s%s%s", here.name, *part->name == '[' ? "" : ".", part->name);
    if (strlen(name) >= sizeof here.name) /* far away: its own name is enough */
        snprintf(name, sizeof name, "\xe2\x80\xa6.%s", part->name);
    enter(a, p, &to, name);
    return REACT_DRAW;
}

static enum react back(struct pane *p)
{
    struct structure_state *st = structure_state(p);
    if (st->n < 2)
        return REACT_UNKNOWN;
    st->n--;
    p->sel = shown(p)->sel;
    p->top = 0;
    p->stale = true;
    return REACT_DRAW;
}

static enum react structure_command(struct app *a, struct pane *p, enum command c, const char *arg)
{
    enum timeline_stop_kind kind = TS_WATCH_WRITE;
    struct types_part part;
    struct error err;
    if (c == CMD_WATCH || c == CMD_FIND)
        arg = app_access_word(arg, &kind);
    if (arg)
        return REACT_UNKNOWN;
    if (c == CMD_BACK)
        return back(p);
    if ((c != CMD_ENTER && c != CMD_NEXT_CHANGE && c != CMD_PREVIOUS_CHANGE && c != CMD_WRITER &&
         c != CMD_WATCH && c != CMD_FIND && c != CMD_ORIGIN) ||
        !selected(a, p, &part))
        return REACT_UNKNOWN;
    char named[60];
    const uint64_t at = part.place.address, n = part.place.size ? part.place.size : 1;
    switch (c) {
    case CMD_ENTER:
        return follow(a, p, &part);
    case CMD_ORIGIN:
        snprintf(named, sizeof named, "0x%" PRIx64 " %" PRIu64, at, n);
        return app_command(a, c, named);
    case CMD_WRITER:
        return app_moved(a, session_writer(a->s, at, n, false));
    case CMD_WATCH:
        session_stop_toggle(a->s, kind, at, n);
        a->pane[VIEW_MARKS].stale = true;
        app_say(a, STYLE_NORMAL, "%s", a->s->text);
        return REACT_DRAW;
    case CMD_FIND:
        if (session_find(a->s, kind, at, n, &err))
            app_refuse(a, "%.390s", err.text);
        else
            app_say(a, STYLE_GOOD, "%s", a->s->text);
        a->pane[VIEW_MARKS].stale = true;
        return REACT_DRAW;
    default:
        return app_moved(
            a, session_memory(a->s, c == CMD_NEXT_CHANGE ? TIMELINE_FORWARD : TIMELINE_BACK, at, n, false));
    }
}

/* ---------------------------------------------------------------- what is to be shown */

/* "ADDRESS struct TYPE" as an expression. 1; 0: it is not that; -1 with err. */
static int typed_address(struct app *a, const char *text, struct types_place *place, struct error *err)
{
    char word[120], cast[300];
    uint64_t address;
    const char *type = strstr(text, " struct ");
    if (!type)
        type = strstr(text, " union ");
    if (!type || *text == '(')
        return 0;
    snprintf(word, sizeof word, "%.*s", (int)(type - text), text);
    if (session_address(a->s, word, &address, err))
        return -1;
    snprintf(cast, sizeof cast, "(%.120s *)0x%" PRIx64, type + 1, address);
    return session_place(a->s, cast, place, err);
}

int structure_show(struct app *a, const char *text, struct error *err)
{
    struct pane *p = &a->pane[VIEW_STRUCTURE];
    struct types_place place;
    const struct kernel_types *k = session_types(a->s);
    if (!k || !kernel_types_set(k)->n)
        return error_set(err, "no Linux kernel with type information (BTF) was found in this trace");
    int rc = typed_address(a, text, &place, err);
    if (!rc)
        rc = session_place(a->s, text, &place, err);
    if (rc == 1 && !place.type)
        return error_set(err, "\"%.100s\": give [INDEX], or a member", text);
    if (rc == 0)
        return error_set(
            err,
            "\"%.100s\" is no variable of a known type: init_task, (struct TYPE *)ADDRESS, ADDRESS struct TYPE",
            text);
    if (rc < 0)
        return -1;
    enter(a, p, &place, text);
    return 0;
}

bool structure_shown(struct app *a)
{
    return shown(&a->pane[VIEW_STRUCTURE]);
}

const struct view structure_view = {
    .build = structure_build, .command = structure_command, .title = structure_title};
