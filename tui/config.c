/* config.c - the settings file, and what is kept about a trace from session to session. See app.h, session.h.
 *
 * Settings, a line each:
 *   colour STYLE = 81 on 236 bold     (tui/styles.def has the names)
 *   key KEY = COMMAND [ARGUMENT]      in all views
 *   key VIEW KEY = COMMAND [ARGUMENT] in one
 *   layout PAGE small|middle|large = timeline:8 / (events / details:9) | code:52
 *   set mono|ascii|by-time = yes|no
 *   set filter = story
 *   directory = FOLDER[:FOLDER…]      where source files are looked for
 *   substitute-path FROM = TO         source files below FROM are below TO on this machine
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folder.h"
#include "base/memory.h"
#include "base/out.h"
#include "base/output.h"
#include "tui/app_impl.h"

enum { WORDS = 4 };

static int set_flag(bool *flag, const char *value, struct error *err)
{
    *flag = !strcmp(value, "yes");
    return *flag || !strcmp(value, "no") ? 0 : error_set(err, "yes or no, not \"%.40s\"", value);
}

static int set_by_time(struct app *a, const char *value, struct error *err)
{
    bool by_time;
    if (set_flag(&by_time, value, err))
        return -1;
    timeline_set_by_time(a, by_time);
    return 0;
}

static int take_set(struct app *a, const char *name, const char *value, struct error *err)
{
    bool no;
    if (!strcmp(name, "mono"))
        return set_flag(a->o->mono ? &no : &a->mono, value, err);
    if (!strcmp(name, "ascii"))
        return set_flag(a->o->ascii ? &no : &a->ascii, value, err);
    if (!strcmp(name, "by-time"))
        return set_by_time(a, value, err);
    if (!strcmp(name, "filter"))
        return events_filter(a, value, err);
    return error_set(err, "\"%.40s\" is none of mono, ascii, by-time, filter", name);
}

static int take_layout(struct app *a, const char *page, const char *size, const char *value,
                       struct error *err)
{
    static const char *const sizes[] = {"small", "middle", "large"};
    int p = page_by_name(page), i = 0;
    while (i < LAYOUT_SIZES && strcmp(sizes[i], size))
        i++;
    if (p < 0 || i == LAYOUT_SIZES)
        return error_set(err, "layout PAGE small|middle|large = …");
    if (layout_check(value, err))
        return -1;
    free(a->layout[p][i]);
    a->layout[p][i] = mem_string(value);
    return 0;
}

static int take_setting(struct app *a, char *word[WORDS], unsigned n, const char *value, struct error *err)
{
    if (n == 2 && !strcmp(word[0], "colour"))
        return looks_set(&a->looks, word[1], value)
                   ? error_set(err, "colour STYLE = 0-255 [on 0-255] [bold] …")
                   : 0;
    if (n == 2 && !strcmp(word[0], "key"))
        return bindings_set(&a->bindings, VIEW_COUNT, word[1], value, err);
    if (n == 3 && !strcmp(word[0], "key")) {
        int view = view_by_name(word[1]);
        return view < 0 ? error_set(err, "\"%.40s\" is not a view", word[1])
                        : bindings_set(&a->bindings, (unsigned)view, word[2], value, err);
    }
    if (n == 3 && !strcmp(word[0], "layout"))
        return take_layout(a, word[1], word[2], value, err);
    if (n == 2 && !strcmp(word[0], "set"))
        return take_set(a, word[1], value, err);
    if (n == 1 && !strcmp(word[0], "directory")) {
        sources_search(&a->sources, value);
        return 0;
    }
    if (n == 2 && !strcmp(word[0], "substitute-path")) {
        sources_substitute(&a->sources, word[1], value);
        return 0;
    }
    return error_set(err, "colour, key, layout, set, directory or substitute-path is expected");
}

static int take_line(struct app *a, char *line, struct error *err)
{
    char *word[WORDS], *save, *value = strstr(line, " = ");
    unsigned n = 0;
    line[strcspn(line, "\n")] = 0;
    if (!line[strspn(line, " \t")] || line[strspn(line, " \t")] == '#')
        return 0;
    if (!value)
        return error_set(err, "NAME = VALUE is expected");
    *value = 0;
    value += 3 + strspn(value + 3, " \t");
    for (char *w = strtok_r(line, " \t", &save); w && n < WORDS; w = strtok_r(NULL, " \t", &save))
        word[n++] = w;
    return take_setting(a, word, n, value, err);
}

void config_read(struct app *a)
{
    FILE *f = a->o->settings ? fopen(a->o->settings, "r") : NULL;
    char line[500];
    unsigned n = 0;
    struct error err;
    if (!f)
        return;
    while (fgets(line, sizeof line, f)) {
        n++;
        if (take_line(a, line, &err))
            app_say(a, STYLE_WARNING, "%.200s:%u: %.160s", a->o->settings, n, err.text);
    }
    fclose(f);
}

/* ---------------------------------------------------------------- what is kept */

static void kept_path(const struct session *s, const char *folder, char *path, size_t size)
{
    snprintf(path, size, "%s/%016" PRIx64, folder, s->identity);
}

bool session_recall(struct session *s, const char *folder, uint64_t *icount)
{
    char path[4096], line[300], name[200];
    uint64_t at;
    bool found = false;
    kept_path(s, folder, path, sizeof path);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "position %" SCNu64, &at) == 1 && at <= s->where.last) {
            *icount = at;
            found = true;
        } else if (sscanf(line, "mark %" SCNu64 " %199[^\n]", &at, name) == 2) {
            escape_undo(name);
            timeline_mark_set(s->tl, name, at, NULL);
        }
    }
    if (f)
        fclose(f);
    return found;
}

int session_remember(struct session *s, const char *folder, struct error *err)
{
    char path[4096];
    const char *name;
    uint64_t at;
    kept_path(s, folder, path, sizeof path);
    if (folder_make(folder))
        return error_set(err, "%s: %s: the position and the marks are not kept", folder, strerror(errno));
    struct output *o = output_open(path, err);
    if (!o)
        return -1;
    FILE *f = output_file(o);
    out_print(f, "position %" PRIu64 "\n", session_recorded(s));
    for (size_t i = 0; timeline_mark(s->tl, i, &name, &at); i++)
        if (!session_is_found(name))
            out_print(f, "mark %" PRIu64 " %s\n", at, name);
    return output_done(o, err);
}
