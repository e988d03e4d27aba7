/* view_answers.c - the two questions to a boot: what went wrong (core/why), and where a value comes from (core/origin), as lists in
 * which Enter goes to the moment of each line. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/origin/origin.h"
#include "core/why/why.h"
#include "tui/app_impl.h"

struct why_state {
    struct why *why; /* NULL: it was not asked yet */
    uint64_t at;     /* up to where; UINT64_MAX: the whole record */
};

struct origin_state {
    struct origin_chain *chain; /* NULL: it was not asked yet */
};

static struct why_state *why_of(struct app *a)
{
    struct pane *p = &a->pane[VIEW_WHY];
    if (!p->state)
        p->state = mem_zero(1, sizeof(struct why_state));
    return p->state;
}

static void why_release(struct pane *p)
{
    why_free(((struct why_state *)p->state)->why);
}

static struct origin_state *origin_of(struct app *a)
{
    struct pane *p = &a->pane[VIEW_ORIGIN];
    if (!p->state)
        p->state = mem_zero(1, sizeof(struct origin_state));
    return p->state;
}

static void origin_release(struct pane *p)
{
    origin_chain_free(((struct origin_state *)p->state)->chain);
}

enum { TEXT_COLUMN = 18 };

/* A row of a list: its position, and a text in as many lines as it takes. */
static void add_answer(const struct app *a, const struct pane *p, struct doc *d, bool placed, uint64_t icount,
                       enum style s, const char *text)
{
    char n[TEXT_MAX];
    const bool here = placed && icount == session_recorded(a->s);
    doc_row(d, placed ? ROW_ICOUNT : ROW_TEXT, icount);
    if (here)
        doc_add(d, STYLE_HERE, "\xe2\x96\xb8");
    doc_pad(d, 1);
    if (placed)
        doc_add(d, STYLE_NUMBER, "%15s", count_text(n, icount));
    doc_wrap(d, TEXT_COLUMN, p->w - 1, s, text);
}

/* ---------------------------------------------------------------- what went wrong */

static void why_build(struct app *a, struct pane *p)
{
    const struct why *w = why_of(a)->why;
    doc_clear(&p->doc);
    if (!w) {
        doc_line(&p->doc, STYLE_DIM, " :why says what went wrong in this boot");
        return;
    }
    doc_row(&p->doc, w->answer == WHY_WRONG ? ROW_ICOUNT : ROW_TEXT, w->icount);
    doc_wrap(&p->doc, 1, p->w - 1,
             w->answer == WHY_WRONG     ? STYLE_WARNING
             : w->answer == WHY_NOTHING ? STYLE_GOOD
                                        : STYLE_STRONG,
             w->verdict);
    doc_line(&p->doc, STYLE_NORMAL, "%s", "");
    for (size_t i = 0; i < w->n; i++) {
        char *text = NULL;
        const struct why_line *l = &w->line[i];
        if (asprintf(&text, *l->place ? "%s  [%s]" : "%s", l->text, l->place) < 0)
            mem_none(0);
        add_answer(a, p, &p->doc, l->placed, l->icount, STYLE_NORMAL, text);
        free(text);
    }
}

static void why_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    const struct why_state *s = why_of(a);
    char n[TEXT_MAX];
    if (s->why && s->at != UINT64_MAX)
        snprintf(buf, size, "up to icount %s", count_text(n, s->at));
    else
        snprintf(buf, size, "Enter goes there");
}

const struct view why_view = {
    .build = why_build, .command = app_go_to_row, .title = why_title, .release = why_release};

int why_show(struct app *a, const char *arg, struct error *err)
{
    struct why_state *s = why_of(a);
    uint64_t at = UINT64_MAX;
    if (arg && timeline_resolve(a->s->tl, arg, &at, err))
        return -1;
    if (s->why && s->at == at)
        return 0;
    struct why *w = why_ask(a->s->t, timeline_kind(a->s->tl), at, err);
    if (!w)
        return -1;
    why_free(s->why);
    s->why = w;
    s->at = at;
    a->pane[VIEW_WHY].sel = a->pane[VIEW_WHY].top = 0;
    a->pane[VIEW_WHY].stale = true;
    return 0;
}

/* ---------------------------------------------------------------- where a value comes from */

static void origin_build(struct app *a, struct pane *p)
{
    enum { POSITION_AND_TIME = 32 }; /* of a link's text: the row has the position already */
    const struct origin_chain *c = origin_of(a)->chain;
    doc_clear(&p->doc);
    if (!c) {
        doc_line(&p->doc, STYLE_DIM,
                 " :origin REGISTER, or ADDRESS, or console TEXT, or screen ROW,COLUMN goes back to where a "
                 "value comes from");
        return;
    }
    for (size_t i = 0; i < c->n; i++) {
        const struct origin_link *l = &c->link[i];
        const char *text = strlen(l->text) > POSITION_AND_TIME ? l->text + POSITION_AND_TIME : l->text;
        add_answer(a, p, &p->doc, l->step, l->icount,
                   l->how == ORIGIN_ENDS       ? STYLE_GOOD
                   : l->how == ORIGIN_COMPUTES ? STYLE_STRONG
                                               : STYLE_NORMAL,
                   text + strspn(text, " "));
    }
}

static void origin_title(struct app *a, struct pane *p, char *buf, size_t size)
{
    const struct origin_chain *c = origin_of(a)->chain;
    char n[TEXT_MAX];
    if (c)
        snprintf(buf, size, "%s at icount %s, back to its source", c->name, count_text(n, c->icount));
}

const struct view origin_view = {
    .build = origin_build, .command = app_go_to_row, .title = origin_title, .release = origin_release};

/* ROW,COLUMN from 0 on, as on the command line. */
static int take_screen(struct app *a, struct origin *o, const char *text, struct origin_place *place,
                       struct error *err)
{
    unsigned row, column;
    char more;
    if (sscanf(text, "%u,%u%c", &row, &column, &more) != 2)
        return error_set(err, "screen \"%.40s\": give ROW,COLUMN, from 0 on", text);
    return origin_screen(o, a->s->where.icount, row, column, place, err);
}

/* 0; -1 with err. */
static int take_place(struct app *a, struct origin *o, const char *arg, struct origin_place *place,
                      uint64_t *icount, struct error *err)
{
    uint64_t address, length;
    struct error none;
    if (!strncmp(arg, "console ", 8))
        return origin_console(o, arg + 8, icount, place, err);
    if (!strncmp(arg, "screen ", 7))
        return take_screen(a, o, arg + 7, place, err);
    if (!origin_register(o, a->s->where.cpu, arg, place, &none))
        return 0;
    bool physical;
    arg = app_physical_word(arg, &physical);
    if (app_address(a, arg, &address, &length, err))
        return -1;
    *place = (struct origin_place){.memory = true,
                                   .cpu = a->s->where.cpu,
                                   .linear = address,
                                   .at_physical = physical,
                                   .length = (unsigned)(length < ORIGIN_BYTES ? length : ORIGIN_BYTES)};
    return 0;
}

static struct origin_chain *find_chain(struct app *a, const char *arg, uint64_t icount, struct error *err)
{
    const struct origin_options options = {0};
    struct origin_place place = {0};
    struct origin_chain *c = NULL;
    struct origin *o = origin_new(a->s->tl, story_symbols(a->s->story), err);
    if (o && !take_place(a, o, arg, &place, &icount, err))
        c = origin_find(o, &place, icount, &options, err);
    origin_free(o);
    return c;
}

int origin_show(struct app *a, const char *arg, uint64_t icount, struct error *err)
{
    struct error way;
    struct origin_state *s = origin_of(a);
    if (a->s->where.diverted)
        return error_set(err, "a diversion has no history: U leaves it");
    timeline_interrupt_clear(a->s->tl);
    struct origin_chain *c = find_chain(a, arg, icount, err);
    if (session_return(a->s, &way) && c)
        *err = way, origin_chain_free(c), c = NULL;
    if (!c)
        return -1;
    origin_chain_free(s->chain);
    s->chain = c;
    a->pane[VIEW_ORIGIN].sel = a->pane[VIEW_ORIGIN].top = 0;
    a->pane[VIEW_ORIGIN].stale = true;
    return 0;
}

bool origin_shown(struct app *a)
{
    return origin_of(a)->chain;
}
