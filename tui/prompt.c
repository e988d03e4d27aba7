/* prompt.c - the command line: `:`, prompts for arguments, searches; completion. See app.h. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "tui/app_impl.h"

void prompt_open(struct app *a, enum prompt_kind kind, enum command c, const char *text)
{
    struct prompt *p = &a->prompt;
    *p = (struct prompt){.kind = kind, .command = c};
    snprintf(p->text, sizeof p->text, "%s", text ? text : "");
    p->n = strlen(p->text);
    a->typed_at = a->ntyped;
}

/* ---------------------------------------------------------------- completion */

/* The words that begin with the typed text: their common continuation is added, and they are shown. */
struct completion {
    struct prompt *p;
    const char *typed;
    size_t n;
    char common[200];
    unsigned count;
};

static void offer(struct completion *c, const char *prefix, const char *word)
{
    char all[200];
    size_t k = 0;
    if (snprintf(all, sizeof all, "%s%s", prefix, word) >= (int)sizeof all || strncmp(all, c->typed, c->n))
        return;
    if (!c->count++)
        strcpy(c->common, all);
    while (c->common[k] && c->common[k] == all[k])
        k++;
    c->common[k] = 0;
    size_t used = strlen(c->p->hint);
    if (used + strlen(word) + 3 < sizeof c->p->hint)
        sprintf(c->p->hint + used, "  %s", word);
}

static void offer_commands(struct completion *c)
{
    for (unsigned i = 0; i < CMD_COUNT; i++)
        offer(c, "", command_row((enum command)i)->name);
}

static void offer_marks(struct app *a, struct completion *c, const char *prefix)
{
    const char *name;
    uint64_t at;
    for (size_t i = 0; timeline_mark(a->s->tl, i, &name, &at); i++)
        offer(c, prefix, name);
}

static void offer_stages(struct app *a, struct completion *c)
{
    const struct stages *st = story_stages(a->s->story);
    for (size_t i = 0; st && i < stages_count(st); i++)
        offer(c, "stage:", stages_get(st, i)->name);
}

static void offer_classes(struct completion *c)
{
    for (unsigned i = 0; i < EC_COUNT; i++)
        offer(c, "", event_class_name((enum event_class)i));
    for (unsigned i = 0; i < EV_COUNT; i++)
        offer(c, "", event_kind(i)->name);
}

static void offer_positions(struct app *a, struct completion *c)
{
    if (!strchr(c->typed, ':')) {
        offer(c, "", "stage:");
        offer(c, "", "console:");
        offer(c, "", "mark:");
        return;
    }
    offer_stages(a, c);
    offer_marks(a, c, "mark:");
}

static void offer_registers(struct app *a, struct completion *c)
{
    size_t n;
    const struct reg_desc *d = timeline_regs(a->s->tl, &n);
    for (size_t i = 0; i < n; i++)
        offer(c, "", d[i].name);
}

/* Files whose names begin like the typed path; folders with a slash. */
static void offer_files(struct completion *c)
{
    char folder[400], name[800];
    const char *slash = strrchr(c->typed, '/');
    struct dirent *e;
    struct stat st;
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash + 1 - c->typed) : 0, c->typed);
    DIR *dir = opendir(*folder ? folder : ".");
    while (dir && (e = readdir(dir))) {
        if (e->d_name[0] == '.' && !(slash ? slash[1] == '.' : c->typed[0] == '.'))
            continue;
        snprintf(name, sizeof name, "%s%s", folder, e->d_name);
        bool is_folder = !stat(name, &st) && S_ISDIR(st.st_mode);
        snprintf(name, sizeof name, "%s%s", e->d_name, is_folder ? "/" : "");
        offer(c, folder, name);
    }
    if (dir)
        closedir(dir);
}

static void offer_arguments(struct app *a, struct completion *c, enum command command)
{
    switch (command_row(command)->argument) {
    case ARG_POSITION:
    case ARG_POSITION_ASK:
        offer_positions(a, c);
        break;
    case ARG_EVENT:
        offer_classes(c);
        break;
    case ARG_FILTER_ASK:
        offer(c, "", "story");
        offer(c, "", "all");
        offer_classes(c);
        offer_stages(a, c);
        offer(c, "", "process:");
        offer(c, "", "text:");
        break;
    case ARG_MARK:
    case ARG_MARK_ASK:
        offer_marks(a, c, "");
        break;
    case ARG_REGISTER:
    case ARG_REGISTER_ASK:
    case ARG_ADDRESS:
    case ARG_ADDRESS_ASK:
        offer_registers(a, c);
        break;
    case ARG_PAGE:
        for (unsigned i = 0; i < PAGES; i++)
            offer(c, "", page_name(i));
        break;
    case ARG_VIEW:
        for (unsigned i = 0; i < VIEW_COUNT; i++)
            offer(c, "", view_name((enum view_id)i));
        break;
    case ARG_FILE:
        offer_files(c);
        break;
    default:
        break;
    }
}

static void complete(struct app *a)
{
    struct prompt *p = &a->prompt;
    struct completion c = {.p = p};
    size_t from = 0;
    enum command command = p->command;
    p->hint[0] = 0;
    if (p->kind == PROMPT_SEARCH)
        return;
    if (p->kind == PROMPT_COMMAND) {
        size_t n = strcspn(p->text, " ");
        command = command_by_name(p->text, n);
        if (p->text[n])
            from = n + strspn(p->text + n, " ");
    }
    if (p->kind == PROMPT_ARGUMENT || from) { /* the last word */
        char *last = strrchr(p->text + from, ' ');
        if (last)
            from = (size_t)(last + 1 - p->text);
    }
    c.typed = p->text + from;
    c.n = strlen(c.typed);
    if (p->kind == PROMPT_COMMAND && !from)
        offer_commands(&c);
    else if (command != CMD_NONE)
        offer_arguments(a, &c, command);
    if (c.count && strlen(c.common) >= c.n && from + strlen(c.common) + 2 < sizeof p->text) {
        strcpy(p->text + from, c.common);
        if (c.count == 1) {
            size_t n = strlen(p->text);
            if (p->text[n - 1] != ':' && p->text[n - 1] != '/')
                strcpy(p->text + n, " ");
            p->hint[0] = 0;
        }
        p->n = strlen(p->text);
    }
}

/* ---------------------------------------------------------------- keys */

static void keep_typed(struct app *a, const char *line)
{
    if (a->ntyped && !strcmp(a->typed[a->ntyped - 1], line))
        return;
    if (a->ntyped == KEEP_COMMANDS) {
        free(a->typed[0]);
        memmove(a->typed, a->typed + 1, (KEEP_COMMANDS - 1) * sizeof a->typed[0]);
        a->ntyped--;
    }
    a->typed[a->ntyped++] = mem_string(line);
}

static enum react done(struct app *a)
{
    struct prompt p = a->prompt;
    while (p.n && p.text[p.n - 1] == ' ')
        p.text[--p.n] = 0;
    a->prompt.kind = PROMPT_NONE;
    if (!p.n)
        return REACT_DRAW;
    if (p.kind == PROMPT_COMMAND) {
        keep_typed(a, p.text);
        return app_line(a, p.text);
    }
    a->searching = p.kind == PROMPT_SEARCH;
    return app_command(a, p.kind == PROMPT_SEARCH ? CMD_SEARCH : p.command, p.text);
}

static void recall(struct app *a, int way)
{
    if (a->prompt.kind != PROMPT_COMMAND || !a->ntyped)
        return;
    if (way < 0 && a->typed_at)
        a->typed_at--;
    else if (way > 0 && a->typed_at < a->ntyped)
        a->typed_at++;
    snprintf(a->prompt.text, sizeof a->prompt.text, "%s",
             a->typed_at < a->ntyped ? a->typed[a->typed_at] : "");
    a->prompt.n = strlen(a->prompt.text);
}

static void insert(struct prompt *p, int key)
{
    char utf8[4];
    unsigned n = utf8_put((uint32_t)key, utf8);
    size_t len = strlen(p->text);
    if (len + n + 1 >= sizeof p->text)
        return;
    memmove(p->text + p->n + n, p->text + p->n, len - p->n + 1);
    memcpy(p->text + p->n, utf8, n);
    p->n += n;
}

static size_t before(const struct prompt *p)
{
    size_t n = p->n;
    while (n && (p->text[--n] & 0xc0) == 0x80)
        ;
    return n;
}

enum react prompt_key(struct app *a, int key)
{
    struct prompt *p = &a->prompt;
    size_t len = strlen(p->text), from;
    if (key != TK_TAB)
        p->hint[0] = 0;
    switch (key) {
    case TK_ENTER:
        return done(a);
    case TK_ESCAPE:
    case 3: /* C-c */
        p->kind = PROMPT_NONE;
        break;
    case TK_TAB:
        complete(a);
        break;
    case TK_BACKSPACE:
        if (!len) {
            p->kind = PROMPT_NONE;
            break;
        }
        from = before(p);
        memmove(p->text + from, p->text + p->n, len - p->n + 1);
        p->n = from;
        break;
    case TK_DELETE:
        if (p->n < len)
            memmove(p->text + p->n, p->text + p->n + 1, len - p->n);
        break;
    case TK_LEFT:
        p->n = before(p);
        break;
    case TK_RIGHT:
        while (p->n < len && (p->text[++p->n] & 0xc0) == 0x80)
            ;
        break;
    case TK_HOME:
    case 1: /* C-a */
        p->n = 0;
        break;
    case TK_END:
    case 5: /* C-e */
        p->n = len;
        break;
    case 21: /* C-u */
        p->text[p->n = 0] = 0;
        break;
    case TK_UP:
    case TK_DOWN:
        recall(a, key == TK_UP ? -1 : 1);
        break;
    default:
        if (key >= 32 && key < KEY_SPECIAL)
            insert(p, key);
    }
    return REACT_DRAW;
}

/* ---------------------------------------------------------------- drawing */

void prompt_draw(struct app *a, const struct window *line)
{
    const struct prompt *p = &a->prompt;
    char head[600];
    int x = 0;
    if (p->kind == PROMPT_COMMAND)
        x = window_text(line, 0, 0, STYLE_KEY, ":");
    else
        x = window_print(line, 0, 0, STYLE_KEY,
                         "%s: ", p->kind == PROMPT_SEARCH ? "search" : command_row(p->command)->name);
    snprintf(head, sizeof head, "%.*s", (int)p->n, p->text);
    int cursor = window_text(line, x, 0, STYLE_STRONG, head);
    int end = window_text(line, cursor, 0, STYLE_STRONG, p->text + p->n);
    window_fill(line, end, 0, 1, STYLE_NORMAL, ' ');
    window_style(line, cursor, 0, 1, STYLE_HERE);
    if (*p->hint)
        window_text(line, end + 2, 0, STYLE_DIM, p->hint);
    else if (!*p->text && p->kind != PROMPT_COMMAND)
        window_text(line, end + 2, 0, STYLE_DIM, command_row(p->command)->help);
    else if (!*p->text)
        window_text(line, end + 2, 0, STYLE_DIM, "a command; Tab completes");
}
