/* lists.c - moving in the list of a view, and searching it. See actions.h. */
#include <stdlib.h>
#include <string.h>

#include "tui/actions.h"
#include "tui/app_impl.h"

enum react do_list(struct app *a, enum command c, const char *arg)
{
    struct pane *p = app_focus(a);
    size_t n = pane_rows(a, p), page = (size_t)(pane_lines(p) > 1 ? pane_lines(p) - 1 : 1), to = p->sel;
    if (p->view->draw || !n)
        return REACT_NONE;
    switch (c) {
    case CMD_UP:
        to -= to > 0;
        break;
    case CMD_DOWN:
        to++;
        break;
    case CMD_PAGE_UP:
        to -= to < page ? to : page;
        break;
    case CMD_PAGE_DOWN:
        to += page;
        break;
    case CMD_FIRST:
        to = 0;
        break;
    default:
        to = n - 1;
    }
    p->sel = to < n ? to : n - 1;
    if (p->id == VIEW_EVENTS)
        a->pane[VIEW_DETAILS].stale = true;
    return REACT_DRAW;
}

enum react do_sideways(struct app *a, enum command c, const char *arg)
{
    struct pane *p = app_focus(a);
    p->left += c == CMD_RIGHT ? 8 : p->left >= 8 ? -8 : -p->left;
    return REACT_DRAW;
}

enum react do_enter(struct app *a, enum command c, const char *arg)
{
    return REACT_NONE;
}

enum { SEARCH_WIDTH = 300, LOOK_EVERY = 2048 };

static bool row_has(struct app *a, struct pane *p, struct canvas *line, size_t i, const char *text)
{
    struct window w = canvas_window(line);
    canvas_clear(line);
    if (p->view->row)
        p->view->row(a, p, i, &w);
    else
        doc_draw(&p->doc, i, &w, 0);
    char *row = canvas_row(line, 0, false);
    bool found = strcasestr(row, text);
    free(row);
    return found;
}

/* Searches from the selected row on, and wraps around at the end. */
static enum react search(struct app *a, int way, bool here_too)
{
    struct pane *p = app_focus(a);
    struct canvas line = {0};
    size_t n = pane_rows(a, p), i = p->sel, k;
    if (p->view->draw || !n) {
        app_refuse(a, "nothing can be searched in this view: Tab goes to another");
        return REACT_DRAW;
    }
    canvas_resize(&line, SEARCH_WIDTH, 1);
    for (k = 0; k < n; k++) {
        if (k || !here_too)
            i = way > 0 ? (i + 1) % n : (i + n - 1) % n;
        if (row_has(a, p, &line, i, a->search))
            break;
        if (k % LOOK_EVERY == LOOK_EVERY - 1) {
            snprintf(a->progress.text, sizeof a->progress.text, "searching: %zu of %zu rows; any key cancels",
                     k, n);
            if (!app_show_progress(a))
                break;
        }
    }
    canvas_free(&line);
    if (k == n || !row_has(a, p, (canvas_resize(&line, SEARCH_WIDTH, 1), &line), i, a->search))
        app_say(a, STYLE_WARNING, "\"%.100s\" is not in this view", a->search);
    else
        pane_select(a, p, i);
    canvas_free(&line);
    if (p->id == VIEW_EVENTS)
        a->pane[VIEW_DETAILS].stale = true;
    return REACT_DRAW;
}

enum react do_search(struct app *a, enum command c, const char *arg)
{
    if (c == CMD_SEARCH) {
        if (!arg) {
            prompt_open(a, PROMPT_SEARCH, c, NULL);
            return REACT_DRAW;
        }
        snprintf(a->search, sizeof a->search, "%s", arg);
        return search(a, 1, true);
    }
    if (!*a->search) {
        app_say(a, STYLE_WARNING, "nothing was searched for yet: / searches");
        return REACT_DRAW;
    }
    return search(a, c == CMD_SEARCH_NEXT ? 1 : -1, false);
}
