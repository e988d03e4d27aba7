/* layout.c - which panes are where: the pages, for small, middle and large screens. See app.h.
 *
 * A layout is rows of columns:   timeline:8 / (events / details:9) | (code / registers:11):52
 *   A / B    A above B           A | B    A beside B; it binds more tightly than /
 *   ( )      together            :N       that many lines (columns); without it, an equal share of what is left
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"
#include "tui/duo.h"

static const struct {
    const char *name, *title;
} view_names[VIEW_COUNT] = {
#define VIEW(id, name, title) {name, title},
#include "tui/views.def"
#undef VIEW
};

static const struct view *const views[VIEW_COUNT] = {
#define VIEW(id, name, title)   [VIEW_##id] = &VIEW_OBJECT_##id,
#define VIEW_OBJECT_TIMELINE    timeline_view
#define VIEW_OBJECT_EVENTS      events_view
#define VIEW_OBJECT_DETAILS     details_view
#define VIEW_OBJECT_STAGES      stages_view
#define VIEW_OBJECT_REGISTERS   registers_view
#define VIEW_OBJECT_CPU         cpu_view
#define VIEW_OBJECT_CODE        code_view
#define VIEW_OBJECT_STACK       stack_view
#define VIEW_OBJECT_MEMORY      memory_view
#define VIEW_OBJECT_WALK        walk_view
#define VIEW_OBJECT_DEVICES     devices_view
#define VIEW_OBJECT_STRUCTURE   structure_view
#define VIEW_OBJECT_FIRMWARE    firmware_view
#define VIEW_OBJECT_SCREEN      screen_view
#define VIEW_OBJECT_CONSOLE     console_view
#define VIEW_OBJECT_PROCESSES   processes_view
#define VIEW_OBJECT_MARKS       marks_view
#define VIEW_OBJECT_DIFFERENCES differences_view
#define VIEW_OBJECT_WHY         why_view
#define VIEW_OBJECT_ORIGIN      origin_view
#define VIEW_OBJECT_CALLS       calls_view
#define VIEW_OBJECT_EXITS       exits_view
#define VIEW_OBJECT_HELP        help_view
#include "tui/views.def"
#undef VIEW
};

const char *view_name(enum view_id id)
{
    assert(id < VIEW_COUNT);
    return view_names[id].name;
}

const char *view_title(enum view_id id)
{
    return view_names[id].title;
}

const struct view *view_of(enum view_id id)
{
    return views[id];
}

int view_by_name(const char *name)
{
    for (int i = 0; i < VIEW_COUNT; i++)
        if (!strcmp(view_names[i].name, name))
            return i;
    return -1;
}

/* ---------------------------------------------------------------- pages */

static const struct {
    const char *name;
    const char *layout[LAYOUT_SIZES];
} pages[PAGES] = {
    {"console", {"console", "console", "console"}},
    {"overview",
     {"timeline:6 / events / code:7", "timeline:8 / (events / details:9) | (code / registers:12):52",
      "timeline:11 / (events / details:13) | (code / registers:14):56 | (screen:27 / console):81"}},
    {"events",
     {"events / details:8", "timeline:7 / events / details:11", "timeline:9 / events | details:70"}},
    {"stages", {"stages", "timeline:8 / stages", "timeline:12 / stages"}},
    {"processor",
     {"registers:9 / cpu", "(registers:22 / stack) | cpu:66", "(registers / stack) | cpu:70 | code:62"}},
    {"code", {"code / stack:7", "code | (registers:20 / stack):52", "code | (registers / stack):80"}},
    {"memory",
     {"memory / walk:8", "memory / (walk | registers:52):12",
      "memory:88 | (walk:14 / registers:24 / stack) | code:54"}},
    {"devices", {"devices", "devices", "devices"}},
    {"screen", {"screen", "screen:82 | console", "screen:98 | (console / processes)"}},
    {"processes", {"processes", "processes / console:12", "processes | (console / events):90"}},
    {"marks", {"marks", "timeline:8 / marks", "timeline:12 / marks"}},
    {"firmware", {"firmware", "firmware", "firmware | memory:88"}},
    {"structure", {"structure", "structure", "structure | memory:88"}},
    {"why", {"why", "timeline:8 / why", "timeline:11 / (why / code:14) | console:90"}},
    {"origin", {"origin", "origin / code:9", "origin / (code | registers:80):20"}},
    {"calls", {"calls", "timeline:8 / calls", "timeline:12 / calls / code:14"}},
    {"exits", {"exits", "timeline:8 / exits", "timeline:12 / exits / code:14"}},
};

const char *page_name(unsigned page)
{
    assert(page < PAGES);
    return pages[page].name;
}

int page_by_name(const char *name)
{
    for (int i = 0; i < PAGES; i++)
        if (!strcmp(pages[i].name, name))
            return i;
    return -1;
}

/* ---------------------------------------------------------------- parsing */

enum { PARTS = 12, DEEPEST = 8, LEAST_LINES = 4, LEAST_COLUMNS = 20 };

struct layout {
    struct app *a; /* NULL: only a check */
    const char *p;
    unsigned depth;
    struct error *err;
    bool seen[VIEW_COUNT];
};

struct area {
    int x, y, w, h;
};

/* A part's text and its size. */
struct split_item {
    const char *begin;
    int size; /* 0 for an equal share of the rest */
};

static int place(struct layout *l, const struct area *at);

/* Skips one item: a name or a bracket. Returns false if there is neither. */
static bool skip_item(const char **p)
{
    unsigned depth = 0;
    *p += strspn(*p, " ");
    if (**p != '(') {
        size_t n = strspn(*p, "abcdefghijklmnopqrstuvwxyz");
        *p += n;
        return n;
    }
    do {
        depth += **p == '(';
        depth -= **p == ')';
        if (!**p)
            return false; /* the bracket is not closed */
        ++*p;
    } while (depth);
    return true;
}

/* Splits at `sign` up to the end or a closing bracket. `over` signs may occur inside a part. */
static int split(struct layout *l, char sign, struct split_item part[PARTS])
{
    int n = 0;
    bool has_size;
    do {
        if (n == PARTS)
            return error_set(l->err, "more than %d parts", PARTS);
        l->p += strspn(l->p, " ");
        part[n] = (struct split_item){l->p, 0};
        int sizes = 0;
        do {
            l->p += *l->p == '|';
            if (!skip_item(&l->p))
                return error_set(l->err, "a view's name or ( is missing at \"%.20s\"", l->p);
            has_size = *l->p == ':';
            if (has_size)
                part[n].size = (int)strtol(l->p + 1, (char **)&l->p, 10);
            sizes++;
            l->p += strspn(l->p, " ");
        } while (sign == '/' && *l->p == '|');
        if (sign == '/' && sizes > 1)
            part[n].size = 0; /* the sizes are in columns */
        n++;
    } while (*l->p == sign && l->p++);
    return n;
}

static int place_view(struct layout *l, const struct area *at)
{
    char name[32];
    size_t n = strspn(l->p, "abcdefghijklmnopqrstuvwxyz");
    snprintf(name, sizeof name, "%.*s", (int)n, l->p);
    int id = view_by_name(name);
    if (id < 0)
        return error_set(l->err, "\"%s\" is not a view", name);
    if (l->seen[id])
        return error_set(l->err, "%s appears twice", name);
    l->seen[id] = true;
    l->p += n;
    if (l->a) {
        struct pane *p = &l->a->pane[id];
        p->x = at->x;
        p->y = at->y;
        p->w = at->w > 0 ? at->w : 0;
        p->h = at->h > 0 ? at->h : 0;
        if (p->h < 2)
            p->w = 0;
    }
    return 0;
}

static int place_item(struct layout *l, const struct area *at)
{
    l->p += strspn(l->p, " ");
    if (*l->p != '(')
        return place_view(l, at);
    l->p++;
    if (++l->depth > DEEPEST)
        return error_set(l->err, "too many brackets");
    int rc = place(l, at);
    assert(l->depth && "a bracket is closed as often as it was opened");
    l->depth--;
    if (!rc && *l->p++ != ')')
        return error_set(l->err, "a ) is missing");
    return rc;
}

/* Makes the largest of the parts that have a size smaller, until `least` is left for each of the others. */
static int make_room(struct split_item *part, int n, int left, int wanted, int least)
{
    assert(n > 0 && n <= PARTS);
    while (left < wanted) {
        int most = 0;
        for (int i = 1; i < n; i++)
            most = part[i].size >= part[most].size ? i : most;
        if (part[most].size <= least)
            break;
        part[most].size--;
        left++;
    }
    return left;
}

/* Divides `room` among the parts, of which each should have `least`; columns have a rule between them. */
static void share(struct split_item *part, int n, int room, int least, int size[PARTS])
{
    int free_parts = 0, left = room;
    for (int i = 0; i < n; i++) {
        free_parts += !part[i].size;
        left -= part[i].size;
    }
    left = make_room(part, n, left, least * free_parts, least);
    for (int i = 0; i < n; i++) {
        size[i] = part[i].size;
        if (!size[i]) {
            assert(free_parts > 0 && "each part without a size was counted");
            size[i] = left > 0 ? left / free_parts : 0;
            left -= size[i];
            free_parts--;
        }
    }
}

static int place_columns(struct layout *l, const struct area *at)
{
    struct split_item part[PARTS];
    int size[PARTS], x = at->x, n = split(l, '|', part);
    const char *end = l->p;
    if (n < 0)
        return -1;
    if (n == 1)
        part[0].size = 0; /* a size of lines */
    share(part, n, at->w - (n - 1), LEAST_COLUMNS, size);
    for (int i = 0; i < n; i++) {
        l->p = part[i].begin;
        if (place_item(l, &(struct area){x, at->y, size[i], at->h}))
            return -1;
        x += size[i] + 1;
    }
    l->p = end;
    return 0;
}

static int place(struct layout *l, const struct area *at)
{
    struct split_item part[PARTS];
    int size[PARTS], y = at->y, n = split(l, '/', part);
    const char *end = l->p;
    if (n < 0)
        return -1;
    share(part, n, at->h, LEAST_LINES, size);
    for (int i = 0; i < n; i++) {
        l->p = part[i].begin;
        if (place_columns(l, &(struct area){at->x, y, at->w, size[i]}))
            return -1;
        y += size[i];
    }
    l->p = end;
    return 0;
}

int layout_check(const char *text, struct error *err)
{
    struct layout l = {.p = text, .err = err};
    if (place(&l, &(struct area){0, 0, 100, 40}))
        return -1;
    return *l.p ? error_set(err, "unexpected text at \"%.20s\"", l.p) : 0;
}

/* ---------------------------------------------------------------- showing */

static unsigned size_class(const struct rectangle *p)
{
    return p->w < 100 || p->h < 29 ? 0 : p->w >= 190 && p->h >= 47 ? 2 : 1;
}

/* The focus must be on a visible pane: the pane that had it if that is visible, otherwise the first of a
 * list. */
static void keep_focus(struct app *a)
{
    assert(a->focus < VIEW_COUNT && a->page < PAGES);
    static const enum view_id favourites[] = {VIEW_EVENTS, VIEW_STAGES,    VIEW_CODE,   VIEW_MEMORY,
                                              VIEW_CPU,    VIEW_PROCESSES, VIEW_SCREEN, VIEW_MARKS};
    if (a->pane[a->focus].w)
        return;
    int best = -1;
    for (size_t i = 0; best < 0 && i < sizeof favourites / sizeof favourites[0]; i++)
        if (a->pane[favourites[i]].w && !strcmp(view_name(favourites[i]), page_name(a->page)))
            best = favourites[i];
    for (size_t i = 0; best < 0 && i < sizeof favourites / sizeof favourites[0]; i++)
        if (a->pane[favourites[i]].w)
            best = favourites[i];
    for (int i = 0; best < 0 && i < VIEW_COUNT; i++)
        if (a->pane[i].w)
            best = i;
    if (best >= 0)
        a->focus = (enum view_id)best;
}

/* Below both boots. */
static void place_differences(struct app *a)
{
    struct pane *p = &a->pane[VIEW_DIFFERENCES];
    if (duo_lines(a))
        *p = (struct pane){.id = p->id,
                           .view = p->view,
                           .x = 0,
                           .y = a->place.y + a->place.h,
                           .w = a->canvas.w,
                           .h = duo_lines(a),
                           .top = p->top,
                           .sel = p->sel,
                           .epoch = p->epoch};
}

void layout_apply(struct app *a)
{
    unsigned size = size_class(&a->place);
    const char *text = a->layout[a->page][size] ? a->layout[a->page][size] : pages[a->page].layout[size];
    struct error err;
    struct layout l = {.a = a, .p = text, .err = &err};
    struct area at = {a->place.x, a->place.y + 1, a->place.w, a->place.h - 1};
    for (unsigned i = 0; i < VIEW_COUNT; i++)
        a->pane[i].w = 0;
    if (a->helping || a->zoomed) {
        struct pane *p = a->helping ? &a->pane[VIEW_HELP] : app_focus(a);
        p->x = 0;
        p->y = at.y;
        p->w = a->canvas.w;
        p->h = at.h + duo_lines(a) > 1 ? at.h + duo_lines(a) : 2;
        a->focus = p->id;
    } else {
        place(&l, &at);
        place_differences(a);
        keep_focus(a);
    }
    for (unsigned i = 0; i < VIEW_COUNT; i++)
        a->pane[i].stale = true;
}
