/* actions.c - what the commands do. A command goes to the view's `command` first; what that does not handle
 * is done here. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tui/actions.h"
#include "tui/app_impl.h"
#include "tui/duo.h"

/* ---------------------------------------------------------------- moving */

static enum timeline_direction back_if(bool back)
{
    return back ? TIMELINE_BACK : TIMELINE_FORWARD;
}

static enum react do_goto(struct app *a, enum command c, const char *arg)
{
    return app_moved(a, session_go(a->s, arg));
}

static enum react do_step(struct app *a, enum command c, const char *arg)
{
    struct position pos;
    struct error err;
    uint64_t n = 1;
    if (arg && (position_parse(arg, &pos, &err) || pos.kind != POS_ICOUNT || !(n = pos.n))) {
        app_refuse(a, "\"%.40s\" is not a number of steps: write 100, 5k, 2M", arg);
        return REACT_DRAW;
    }
    return app_moved(a, session_step(a->s, back_if(c == CMD_BACK_STEP), n));
}

static enum react do_over(struct app *a, enum command c, const char *arg)
{
    return app_moved(a, session_over(a->s, back_if(c == CMD_BACK_OVER)));
}

static enum react do_out(struct app *a, enum command c, const char *arg)
{
    return app_moved(a, session_out(a->s, back_if(c == CMD_BACK_OUT)));
}

static enum react do_continue(struct app *a, enum command c, const char *arg)
{
    return app_moved(a, session_continue(a->s, back_if(c == CMD_BACK_CONTINUE)));
}

/* Moves among the list's events; the message is the event's text. */
static enum react next_of_list(struct app *a, enum timeline_direction dir)
{
    char words[300];
    uint64_t icount;
    if (a->s->where.diverted) {
        app_say(a, STYLE_WARNING, "a diversion has no recorded events; U leaves it");
        return REACT_DRAW;
    }
    if (!events_near(a, dir, &icount, words, sizeof words)) {
        app_say(a, STYLE_WARNING, "no event of the list (%.60s) %s here", events_filter_text(a),
                dir == TIMELINE_BACK ? "before" : "after");
        return REACT_DRAW;
    }
    enum react r = app_moved(a, session_seek(a->s, icount));
    if (!*a->s->text)
        app_say(a, STYLE_NORMAL, "%s", words);
    return r;
}

static enum react go_filter(struct app *a, enum timeline_direction dir, const char *text)
{
    struct event_filter f = {0};
    struct error err;
    if (event_filter_parse(text, &f, &err)) {
        app_refuse(a, "%.390s", err.text);
        return REACT_DRAW;
    }
    return app_moved(a, session_event(a->s, dir, &f));
}

static enum react do_event(struct app *a, enum command c, const char *arg)
{
    enum timeline_direction dir = back_if(c == CMD_PREVIOUS_EVENT);
    return arg ? go_filter(a, dir, arg) : next_of_list(a, dir);
}

static enum react do_stage(struct app *a, enum command c, const char *arg)
{
    return app_moved(a, session_stage(a->s, back_if(c == CMD_PREVIOUS_STAGE)));
}

static enum react do_line(struct app *a, enum command c, const char *arg)
{
    return go_filter(a, back_if(c == CMD_PREVIOUS_LINE), "console");
}

static enum react do_process(struct app *a, enum command c, const char *arg)
{
    return go_filter(a, back_if(c == CMD_PREVIOUS_PROCESS), "process");
}

static enum react do_ends(struct app *a, enum command c, const char *arg)
{
    return app_moved(a, session_seek(a->s, c == CMD_BEGIN ? 0 : a->s->where.last));
}

static enum react do_history(struct app *a, enum command c, const char *arg)
{
    return app_moved(a, session_history(a->s, back_if(c == CMD_BACK)));
}

/* ---------------------------------------------------------------- marks, stop points */

static enum react do_mark(struct app *a, enum command c, const char *arg)
{
    struct error err;
    int rc = c == CMD_MARK ? timeline_mark_set(a->s->tl, arg, a->s->where.icount, &err)
                           : timeline_mark_remove(a->s->tl, arg);
    if (rc)
        app_refuse(a, "%.390s", c == CMD_MARK ? err.text : "there is no such mark");
    else
        app_say(a, STYLE_GOOD, c == CMD_MARK ? "mark %s is here: g mark:%s comes back" : "mark %s is gone",
                arg, arg);
    a->pane[VIEW_MARKS].stale = true;
    return REACT_DRAW;
}

/* "EXPRESSION [LENGTH]", without a length that of the member. As session_place. */
static int member_of(struct app *a, const char *arg, uint64_t *address, uint64_t *length, struct error *err)
{
    char word[200], *end = NULL;
    struct types_place place;
    if (!strpbrk(arg, ".[(") && !strstr(arg, "->"))
        return 0;
    snprintf(word, sizeof word, "%s", arg);
    char *last = strrchr(word, ' ');
    const uint64_t given = last ? strtoull(last, &end, 0) : 0;
    if (given && !*end)
        *last = 0;
    int rc = session_place(a->s, word, &place, err);
    if (rc == 1) {
        *address = place.address;
        *length = given && !*end ? given : place.size;
    }
    return rc;
}

int app_address(struct app *a, const char *arg, uint64_t *address, uint64_t *length, struct error *err)
{
    char word[200];
    *length = 1;
    const int member = member_of(a, arg, address, length, err);
    if (member)
        return member < 0 ? -1 : 0;
    size_t n = strcspn(arg, " ");
    snprintf(word, sizeof word, "%.*s", (int)n, arg);
    if (arg[n])
        *length = strtoull(arg + n, NULL, 0);
    if (!*length)
        return error_set(err, "a length is a number from 1 on");
    return session_address(a->s, word, address, err);
}

/* A range of memory that an argument names, or the selected byte. */
struct range {
    uint64_t address, length;
    bool physical;
};

const char *app_physical_word(const char *arg, bool *physical)
{
    static const char word[] = "physical ";
    *physical = !strncmp(arg, word, strlen(word));
    return *physical ? arg + strlen(word) : arg;
}

/* ADDRESS [LENGTH] or physical ADDRESS [LENGTH]; without an argument, `otherwise`. Refuses what is none. */
static int range_of(struct app *a, const char *arg, struct range otherwise, struct range *r)
{
    struct error err;
    *r = otherwise;
    r->length = 1;
    if (!arg)
        return 0;
    arg = app_physical_word(arg, &r->physical);
    if (!app_address(a, arg, &r->address, &r->length, &err))
        return 0;
    app_refuse(a, "%.390s", err.text);
    return -1;
}

static struct range selected_byte(struct app *a)
{
    const struct memory_state *m = memory_of(a);
    return (struct range){.address = m->cursor, .physical = m->physical};
}

static struct range selected_code(struct app *a)
{
    return (struct range){.address = code_selected(a)};
}

/* Makes `kind` that of a physical address, if the range is at one. Refuses one that has none. */
static int at_physical(struct app *a, const struct range *r, enum timeline_stop_kind *kind)
{
    if (!r->physical)
        return 0;
    if (*kind != TS_BREAK_LINEAR && *kind != TS_WATCH_WRITE) {
        app_refuse(a, "only writes to physical addresses can be watched for, not reads");
        return -1;
    }
    *kind = *kind == TS_WATCH_WRITE ? TS_WATCH_WRITE_PHYSICAL : TS_BREAK_PHYSICAL;
    return 0;
}

const char *app_access_word(const char *arg, enum timeline_stop_kind *kind)
{
    static const struct {
        const char *word;
        enum timeline_stop_kind kind;
    } words[] = {{"write", TS_WATCH_WRITE}, {"read", TS_WATCH_READ}, {"access", TS_WATCH_ACCESS}};
    const size_t n = arg ? strcspn(arg, " ") : 0;
    for (size_t i = 0; n && i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i].word) == n && !strncmp(arg, words[i].word, n)) {
            *kind = words[i].kind;
            arg += n + strspn(arg + n, " ");
            return *arg ? arg : NULL;
        }
    return arg;
}

static enum react do_change(struct app *a, enum command c, const char *arg)
{
    const struct range here = selected_byte(a);
    enum timeline_direction dir = back_if(c == CMD_PREVIOUS_CHANGE);
    if (!arg && a->focus == VIEW_MEMORY)
        return app_moved(a, session_memory(a->s, dir, here.address, 1, here.physical));
    if (!arg) {
        prompt_open(a, PROMPT_ARGUMENT, c, NULL);
        return REACT_DRAW;
    }
    uint64_t address, length;
    struct error err;
    const int member = member_of(a, arg, &address, &length, &err);
    if (member < 0) {
        app_refuse(a, "%.390s", err.text);
        return REACT_DRAW;
    }
    return app_moved(a, member ? session_memory(a->s, dir, address, length, false)
                               : session_register(a->s, dir, arg));
}

static enum react toggle_stop(struct app *a, enum timeline_stop_kind kind, const struct range *r)
{
    if (!at_physical(a, r, &kind)) {
        session_stop_toggle(a->s, kind, r->address, kind == TS_BREAK_LINEAR ? 1 : r->length);
        app_say(a, STYLE_NORMAL, "%s", a->s->text);
    }
    a->pane[VIEW_CODE].stale = a->pane[VIEW_MARKS].stale = true;
    return REACT_DRAW;
}

static enum react do_break(struct app *a, enum command c, const char *arg)
{
    struct range r;
    if (range_of(a, arg, selected_code(a), &r))
        return REACT_DRAW;
    return toggle_stop(a, TS_BREAK_LINEAR, &r);
}

static enum react do_watch(struct app *a, enum command c, const char *arg)
{
    enum timeline_stop_kind kind = TS_WATCH_WRITE;
    struct range r;
    arg = app_access_word(arg, &kind);
    if (range_of(a, arg, selected_byte(a), &r))
        return REACT_DRAW;
    if (!arg && !r.address) {
        prompt_open(a, PROMPT_ARGUMENT, c, NULL);
        return REACT_DRAW;
    }
    return toggle_stop(a, kind, &r);
}

static enum react do_writer(struct app *a, enum command c, const char *arg)
{
    struct range r;
    if (range_of(a, arg, selected_byte(a), &r))
        return REACT_DRAW;
    if (!arg && !r.address) {
        prompt_open(a, PROMPT_ARGUMENT, c, NULL);
        return REACT_DRAW;
    }
    return app_moved(a, session_writer(a->s, r.address, r.length, r.physical));
}

static enum react do_find(struct app *a, enum command c, const char *arg)
{
    const bool memory = a->focus == VIEW_MEMORY && memory_of(a)->cursor;
    enum timeline_stop_kind kind = memory ? TS_WATCH_WRITE : TS_BREAK_LINEAR;
    struct range r;
    struct error err;
    if (arg && !strncmp(arg, "exec ", 5)) {
        kind = TS_BREAK_LINEAR;
        arg += 5;
    } else {
        arg = app_access_word(arg, &kind);
    }
    if (!arg && !memory && kind != TS_BREAK_LINEAR) {
        app_refuse(a, "of which memory? Select a byte, or give an address");
        return REACT_DRAW;
    }
    if (range_of(a, arg, memory ? selected_byte(a) : selected_code(a), &r) || at_physical(a, &r, &kind))
        return REACT_DRAW;
    if (session_find(a->s, kind, r.address, r.length, &err))
        app_refuse(a, "%.390s", err.text);
    else
        app_say(a, STYLE_NORMAL, "%s", a->s->text);
    a->pane[VIEW_MARKS].stale = true;
    return REACT_DRAW;
}

static enum react do_clear_stops(struct app *a, enum command c, const char *arg)
{
    timeline_stop_clear(a->s->tl);
    a->pane[VIEW_CODE].stale = a->pane[VIEW_MARKS].stale = true;
    app_say(a, STYLE_NORMAL, "no breakpoints or watchpoints are left");
    return REACT_DRAW;
}

/* ---------------------------------------------------------------- views */

enum react app_show_page(struct app *a, unsigned page)
{
    if (a->page != page)
        a->page_before = a->page;
    a->page = page;
    a->zoomed = a->helping = false;
    int own = view_by_name(page_name(page));
    layout_apply(a);
    if (own >= 0 && a->pane[own].w)
        a->focus = (enum view_id)own;
    return REACT_LAYOUT;
}

static enum react do_page(struct app *a, enum command c, const char *arg)
{
    int page = c == CMD_PAGE       ? arg ? page_by_name(arg) : (int)a->page_before
               : c == CMD_PAGE_0   ? 0
               : c == CMD_MARKS    ? PAGE_MARKS
               : c == CMD_FIRMWARE ? PAGE_FIRMWARE
               : c == CMD_EXITS    ? PAGE_EXITS
                                   : (int)(c - CMD_PAGE_1 + 1);
    if (page >= 0)
        return app_show_page(a, (unsigned)page);
    app_refuse(a, "\"%.40s\" is not a page: Tab completes", arg);
    return REACT_DRAW;
}

static enum react do_structure(struct app *a, enum command c, const char *arg)
{
    struct error err;
    if (arg && structure_show(a, arg, &err)) {
        app_refuse(a, "%.390s", err.text);
        return REACT_DRAW;
    }
    if (!arg && !structure_shown(a)) {
        app_show_page(a, PAGE_STRUCTURE);
        prompt_open(a, PROMPT_ARGUMENT, c, NULL);
        return REACT_LAYOUT;
    }
    return app_show_page(a, PAGE_STRUCTURE);
}

static enum react do_why(struct app *a, enum command c, const char *arg)
{
    struct error err;
    if (!why_show(a, arg, &err))
        return app_show_page(a, PAGE_WHY);
    app_refuse(a, "%.390s", err.text);
    return REACT_DRAW;
}

/* Without an argument: of what is selected in memory, or the chain that was found last. */
static enum react do_origin(struct app *a, enum command c, const char *arg)
{
    struct memory_state *m = memory_of(a);
    struct error err;
    char cursor[60];
    if (!arg && a->focus == VIEW_MEMORY && m->cursor) {
        snprintf(cursor, sizeof cursor, "%s0x%" PRIx64, m->physical ? "physical " : "", m->cursor);
        arg = cursor;
    }
    if (!arg && (a->page == PAGE_ORIGIN || a->focus == VIEW_SCREEN || !origin_shown(a))) {
        prompt_open(a, PROMPT_ARGUMENT, c, a->focus == VIEW_SCREEN ? "screen " : NULL);
        return REACT_DRAW;
    }
    if (!arg || !origin_show(a, arg, a->s->where.icount, &err))
        return app_show_page(a, PAGE_ORIGIN);
    app_refuse(a, "%.390s", err.text);
    return REACT_DRAW;
}

static enum react do_calls(struct app *a, enum command c, const char *arg)
{
    struct error err;
    const bool shown = !arg && a->page != PAGE_CALLS && calls_shown(a);
    if (shown || !calls_ask(a, arg, &err))
        return app_show_page(a, PAGE_CALLS);
    app_refuse(a, "%.390s", err.text);
    return REACT_DRAW;
}

static enum react do_help(struct app *a, enum command c, const char *arg)
{
    a->helping = !a->helping;
    a->zoomed = false;
    if (a->helping) {
        a->pane[VIEW_HELP].sel = a->pane[VIEW_HELP].top = 0;
        a->pane[VIEW_HELP].epoch = 0;
    }
    return REACT_LAYOUT;
}

static enum react do_focus(struct app *a, enum command c, const char *arg)
{
    int id = arg ? view_by_name(arg) : (int)a->focus, step = c == CMD_FOCUS ? 1 : VIEW_COUNT - 1;
    if (arg && (id < 0 || !a->pane[id].w)) {
        app_refuse(a, "\"%.40s\" is not shown here", arg);
        return REACT_DRAW;
    }
    for (int tries = 0; !arg && tries < VIEW_COUNT; tries++) { /* a tiny screen may have none */
        id = (id + step) % VIEW_COUNT;
        if (a->pane[id].w)
            break;
    }
    a->focus = (enum view_id)id;
    return REACT_DRAW;
}

static enum react do_zoom(struct app *a, enum command c, const char *arg)
{
    a->zoomed = !a->zoomed;
    return REACT_LAYOUT;
}

/* ---------------------------------------------------------------- what views share */

static enum react do_timeline(struct app *a, enum command c, const char *arg)
{
    return timeline_view.command(a, &a->pane[VIEW_TIMELINE], c, arg);
}

static enum react do_filter(struct app *a, enum command c, const char *arg)
{
    struct error err;
    if (events_filter(a, arg, &err))
        app_refuse(a, "%.390s", err.text);
    return REACT_DRAW;
}

static enum react do_address(struct app *a, enum command c, const char *arg)
{
    struct memory_state *m = memory_of(a);
    struct error err;
    uint64_t address;
    if (session_address(a->s, arg, &address, &err)) {
        app_refuse(a, "%.390s", err.text);
        return REACT_DRAW;
    }
    bool physical = m->physical && a->pane[VIEW_MEMORY].w;
    memory_show(a, address);
    m->physical = physical;
    return a->pane[VIEW_MEMORY].w ? REACT_DRAW : app_show_page(a, 6);
}

static enum react do_cpu(struct app *a, enum command c, const char *arg)
{
    unsigned n = timeline_cpus(a->s->tl), cpu = (a->s->where.cpu + 1) % n;
    char *end;
    if (arg && strcmp(arg, "turn")) {
        cpu = (unsigned)strtoul(arg, &end, 10);
        if (*end || cpu >= n) {
            app_refuse(a, "\"%.40s\" is not a processor: there are %u, from 0 on", arg, n);
            return REACT_DRAW;
        }
    }
    a->s->chosen_cpu = arg && !strcmp(arg, "turn") ? 0 : cpu + 1;
    uint64_t stop = a->s->last_stop;
    session_look(a->s);
    a->s->last_stop = stop;
    app_say(a, STYLE_NORMAL,
            a->s->chosen_cpu ? "processor %u of %u; :cpu turn follows the turns"
                             : "processor %u of %u, whose turn it is",
            a->s->where.cpu, n);
    return REACT_MOVED;
}

static enum react do_follow(struct app *a, enum command c, const char *arg)
{
    struct memory_state *m = memory_of(a);
    struct error err;
    uint64_t address;
    if (session_address(a->s, arg, &address, &err)) {
        app_refuse(a, "%.390s", err.text);
        return REACT_DRAW;
    }
    memory_show(a, address);
    snprintf(m->follow, sizeof m->follow, "%s", arg);
    return a->pane[VIEW_MEMORY].w ? REACT_DRAW : app_show_page(a, 6);
}

static enum react do_not_here(struct app *a, enum command c, const char *arg)
{
    app_refuse(a, "%s: not in this view", command_row(c)->name);
    return REACT_DRAW;
}

/* ---------------------------------------------------------------- live */

static enum react do_live(struct app *a, enum command c, const char *arg)
{
    return live_enter(a);
}

static enum react do_undo(struct app *a, enum command c, const char *arg)
{
    struct error err;
    if (!timeline_diverted(a->s->tl)) {
        app_say(a, STYLE_WARNING, "this is the recorded run");
        return REACT_DRAW;
    }
    if (timeline_undivert(a->s->tl, &err))
        app_refuse(a, "%.390s", err.text);
    session_look(a->s);
    return REACT_MOVED;
}

static enum react do_save(struct app *a, enum command c, const char *arg)
{
    struct error err;
    if (!arg || !timeline_diverted(a->s->tl)) {
        app_refuse(a, arg ? "there is no diversion to save: l begins one" : "save FILE");
        return REACT_DRAW;
    }
    timeline_interrupt_clear(a->s->tl);
    if (app_may_write(a, arg, &err) || timeline_save_private(a->s->tl, arg, &err))
        app_refuse(a, "%.390s", err.text);
    else
        app_say(a, STYLE_GOOD, "saved as %.300s: the record up to the diversion, then what was typed", arg);
    return REACT_MOVED;
}

static enum react do_duo(struct app *a, enum command c, const char *arg)
{
    return duo_command(a, c);
}

/* ---------------------------------------------------------------- the program */

static enum react do_command(struct app *a, enum command c, const char *arg)
{
    prompt_open(a, PROMPT_COMMAND, c, NULL);
    return REACT_DRAW;
}

static enum react do_dump(struct app *a, enum command c, const char *arg)
{
    struct error err;
    if (!arg)
        app_refuse(a, "dump FILE: FILE.svg is a picture, others are text");
    else if (app_dump(a, arg, &err))
        app_refuse(a, "%.390s", err.text);
    else
        app_say(a, STYLE_GOOD, "the screen is in %.300s", arg);
    return REACT_DRAW;
}

static enum react say_sources(struct app *a)
{
    char words[sizeof a->message];
    sources_text(&a->sources, words, sizeof words);
    app_say(a, STYLE_NORMAL, "%s", words);
    a->pane[VIEW_CODE].stale = true;
    return REACT_DRAW;
}

static enum react do_directory(struct app *a, enum command c, const char *arg)
{
    struct stat st;
    if (arg && !strchr(arg, ':') && *arg != '~' && (stat(arg, &st) || !S_ISDIR(st.st_mode))) {
        app_refuse(a, "%.300s is not a folder", arg);
        return REACT_DRAW;
    }
    if (arg)
        sources_search(&a->sources, arg);
    return say_sources(a);
}

static enum react do_substitute(struct app *a, enum command c, const char *arg)
{
    char from[400];
    if (arg) {
        size_t n = strcspn(arg, " ");
        const char *to = arg + n + strspn(arg + n, " ");
        snprintf(from, sizeof from, "%.*s", (int)n, arg);
        sources_substitute(&a->sources, from, *to ? to : NULL);
    }
    return say_sources(a);
}

static enum react do_redraw(struct app *a, enum command c, const char *arg)
{
    a->full_redraw = true;
    for (unsigned i = 0; i < VIEW_COUNT; i++)
        a->pane[i].stale = true;
    return REACT_DRAW;
}

static enum react do_quit(struct app *a, enum command c, const char *arg)
{
    return REACT_QUIT;
}

static action *const actions[CMD_COUNT] = {
    [CMD_GOTO] = do_goto,
    [CMD_STEP] = do_step,
    [CMD_BACK_STEP] = do_step,
    [CMD_OVER] = do_over,
    [CMD_BACK_OVER] = do_over,
    [CMD_OUT] = do_out,
    [CMD_BACK_OUT] = do_out,
    [CMD_CONTINUE] = do_continue,
    [CMD_BACK_CONTINUE] = do_continue,
    [CMD_NEXT_EVENT] = do_event,
    [CMD_PREVIOUS_EVENT] = do_event,
    [CMD_NEXT_STAGE] = do_stage,
    [CMD_PREVIOUS_STAGE] = do_stage,
    [CMD_NEXT_LINE] = do_line,
    [CMD_PREVIOUS_LINE] = do_line,
    [CMD_NEXT_PROCESS] = do_process,
    [CMD_PREVIOUS_PROCESS] = do_process,
    [CMD_NEXT_CHANGE] = do_change,
    [CMD_PREVIOUS_CHANGE] = do_change,
    [CMD_BEGIN] = do_ends,
    [CMD_END] = do_ends,
    [CMD_BACK] = do_history,
    [CMD_FORWARD] = do_history,
    [CMD_MARK] = do_mark,
    [CMD_UNMARK] = do_mark,
    [CMD_BREAK] = do_break,
    [CMD_WATCH] = do_watch,
    [CMD_CLEAR_STOPS] = do_clear_stops,
    [CMD_PAGE] = do_page,
    [CMD_PAGE_1] = do_page,
    [CMD_PAGE_2] = do_page,
    [CMD_PAGE_3] = do_page,
    [CMD_PAGE_4] = do_page,
    [CMD_PAGE_5] = do_page,
    [CMD_PAGE_6] = do_page,
    [CMD_PAGE_7] = do_page,
    [CMD_PAGE_8] = do_page,
    [CMD_PAGE_9] = do_page,
    [CMD_PAGE_0] = do_page,
    [CMD_MARKS] = do_page,
    [CMD_FIRMWARE] = do_page,
    [CMD_EXITS] = do_page,
    [CMD_STRUCTURE] = do_structure,
    [CMD_WHY] = do_why,
    [CMD_ORIGIN] = do_origin,
    [CMD_CALLS] = do_calls,
    [CMD_HELP] = do_help,
    [CMD_FOCUS] = do_focus,
    [CMD_FOCUS_BACK] = do_focus,
    [CMD_ZOOM] = do_zoom,
    [CMD_ENTER] = do_enter,
    [CMD_UP] = do_list,
    [CMD_DOWN] = do_list,
    [CMD_PAGE_UP] = do_list,
    [CMD_PAGE_DOWN] = do_list,
    [CMD_FIRST] = do_list,
    [CMD_LAST] = do_list,
    [CMD_LEFT] = do_sideways,
    [CMD_RIGHT] = do_sideways,
    [CMD_SEARCH] = do_search,
    [CMD_SEARCH_NEXT] = do_search,
    [CMD_SEARCH_BACK] = do_search,
    [CMD_ZOOM_IN] = do_timeline,
    [CMD_ZOOM_OUT] = do_timeline,
    [CMD_AXIS] = do_timeline,
    [CMD_FILTER] = do_filter,
    [CMD_FOLD] = do_not_here,
    [CMD_ALL_CONSOLES] = do_not_here,
    [CMD_SORT] = do_not_here,
    [CMD_PATH] = do_not_here,
    [CMD_DIRECTORY] = do_directory,
    [CMD_SUBSTITUTE] = do_substitute,
    [CMD_CPU] = do_cpu,
    [CMD_ADDRESS] = do_address,
    [CMD_PHYSICAL] = do_not_here,
    [CMD_FOLLOW] = do_follow,
    [CMD_WRITER] = do_writer,
    [CMD_FIND] = do_find,
    [CMD_LIVE] = do_live,
    [CMD_UNDO] = do_undo,
    [CMD_SAVE] = do_save,
    [CMD_OTHER] = do_duo,
    [CMD_NEXT_DIFFERENCE] = do_duo,
    [CMD_PREVIOUS_DIFFERENCE] = do_duo,
    [CMD_TIE] = do_duo,
    [CMD_COMMAND] = do_command,
    [CMD_DUMP] = do_dump,
    [CMD_REDRAW] = do_redraw,
    [CMD_QUIT] = do_quit,
};

static bool asks(enum argument a)
{
    return a == ARG_POSITION_ASK || a == ARG_REGISTER_ASK || a == ARG_MARK_ASK || a == ARG_ADDRESS_ASK ||
           a == ARG_FILTER_ASK;
}

enum react app_command(struct app *a, enum command c, const char *arg)
{
    struct pane *p = app_focus(a);
    pane_fresh(a, p);
    enum react r = p->view->command ? p->view->command(a, p, c, arg) : REACT_UNKNOWN;
    if (r != REACT_UNKNOWN)
        return r;
    if (!arg && asks(command_row(c)->argument)) {
        prompt_open(a, PROMPT_ARGUMENT, c, c == CMD_FILTER ? events_filter_text(a) : NULL);
        return REACT_DRAW;
    }
    if (!arg && c == CMD_UNMARK) {
        app_refuse(a, "unmark NAME");
        return REACT_DRAW;
    }
    return actions[c](a, c, arg);
}

enum react app_line(struct app *a, const char *line)
{
    line += strspn(line, " ");
    line += *line == ':'; /* who writes it as it is typed after : means the same */
    line += strspn(line, " ");
    a->greeting = false;
    size_t n = strcspn(line, " ");
    enum command c = command_by_name(line, n);
    const char *arg = line + n + strspn(line + n, " ");
    if (c == CMD_NONE && (isdigit((unsigned char)*line) || strchr("+-#", *line) || strchr(line, ':')))
        return app_command(a, CMD_GOTO, line); /* a position alone */
    if (c == CMD_NONE) {
        app_refuse(a, "\"%.*s\" is not a command, or is the beginning of several: ? shows them", (int)n,
                   line);
        return REACT_UNKNOWN | REACT_DRAW;
    }
    if (c == CMD_FOLLOW && *arg)
        return do_follow(a, c, arg);
    return app_command(a, c, *arg ? arg : NULL);
}
