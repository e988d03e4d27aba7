/* script.c - keys and commands from a file instead of a terminal, for tests, documents and measurements.
 *
 *   # a comment
 *   COMMAND [ARGUMENT]      as after `:`
 *   keys KEY…               as if they were pressed: keys g 5 M Enter
 *   type TEXT               the same, letter by letter
 *   show FILE               writes the screen to a file ("-" is standard output); .svg makes a picture
 *   size 80x24              changes the size, even in the middle of a move
 *   cancel N                cancels the next long move when it reports its progress for the Nth time
 *   live-until TEXT         lets the guest run until it prints TEXT (at most 2 G steps)
 *   clock NAME COMMAND…     executes the command, and prints how long it and drawing the screen took: "NAME 12.3 ms"
 *   pause                   does what the program does while no key comes: it makes the likely next moves quick
 *   opened NAME             prints how long the first screen took for a person: "NAME 12.3 ms"
 *   expect TEXT             ends with an error unless the screen shows TEXT
 *   message TEXT            the same, but only for the last line, or the message that is too long for it
 *
 * A command that cannot do what it says (a stage that is not there, a symbol that nobody knows) ends the script with its message as the
 * error, unless the next line is `message TEXT`, with a part of that message.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "base/real_time.h"
#include "tui/app_impl.h"
#include "tui/duo.h"

static int do_keys(struct app *a, char *text, struct error *err)
{
    char *save;
    for (char *k = strtok_r(text, " ", &save); k; k = strtok_r(NULL, " ", &save)) {
        int key = key_parse(k);
        if (key < 0)
            return error_set(err, "\"%.40s\" is not a key", k);
        app_key(duo_front(a), key);
        duo_settle(a);
    }
    return 0;
}

static void do_type(struct app *a, const char *text)
{
    uint32_t c;
    while ((c = utf8_take(&text)))
        app_key(duo_front(a), (int)c);
    duo_settle(a);
}

static int do_size(struct app *a, const char *text, struct error *err)
{
    int w, h;
    char end;
    if (sscanf(text, "%dx%d%c", &w, &h, &end) != 2 || w < 1 || h < 1 || w > 1000 || h > 1000)
        return error_set(err, "\"%.40s\" is not a size: 120x40", text);
    duo_resize(a, w, h);
    duo_settle(a);
    return 0;
}

static bool shows(struct app *a, const char *text, int from)
{
    const struct canvas *c = duo_canvas(a);
    bool found = false;
    for (int y = from; y < c->h && !found; y++) {
        char *row = canvas_row(c, y, false);
        found = strstr(row, text);
        free(row);
    }
    return found;
}

static int do_clock(struct app *a, const char *text, struct error *err)
{
    size_t n = strcspn(text, " ");
    double begin = real_seconds();
    struct app *front = duo_front(a);
    front->scripted = false; /* as for a person, who sees at once what takes no further work */
    enum react r = app_line(front, text + n);
    duo_draw(a);
    front->scripted = true;
    if (r & REACT_UNKNOWN)
        return error_set(err, "%.200s", front->message);
    out_print(stdout, "%.*s %.1f ms\n", (int)n, text, (real_seconds() - begin) * 1000);
    duo_settle(a);
    return 0;
}

enum { LIVE_SLICES = 2000 };

static int do_live_until(struct app *a, const char *text, struct error *err)
{
    struct app *front = duo_front(a);
    for (int i = 0; i < LIVE_SLICES && front->live; i++) {
        if (lines_hold(live_lines(front), text)) {
            duo_settle(a);
            return 0;
        }
        live_slice(front);
        session_look(front->s);
    }
    return error_set(err, "the guest did not print \"%.100s\"", text);
}

/* A command was executed, and cannot do that. */
enum { REFUSED = 1 };

static int do_command(struct app *a, const char *line, struct error *err)
{
    struct app *front = duo_front(a);
    front->message[0] = 0;
    front->refused = false;
    enum react r = app_line(front, line);
    if (r & REACT_UNKNOWN)
        return error_set(err, "%.200s", front->message);
    app_react(front, r & ~REACT_UNKNOWN);
    bool failed = front->refused;
    duo_settle(a);
    if (!failed)
        return 0;
    error_set(err, "%.300s", front->message);
    return REFUSED;
}

static int do_line(struct app *a, char *line, struct error *err)
{
    size_t n = strcspn(line, " ");
    char *rest = line + n + strspn(line + n, " ");
    bool word = line[n];
    line[n] = 0;
    if (!strcmp(line, "keys"))
        return do_keys(a, rest, err);
    if (!strcmp(line, "size"))
        return do_size(a, rest, err);
    if (!strcmp(line, "show")) {
        duo_settle(a);
        return app_dump(a, rest, err);
    }
    if (!strcmp(line, "clock"))
        return do_clock(a, rest, err);
    if (!strcmp(line, "live-until"))
        return do_live_until(a, rest, err);
    if (!strcmp(line, "expect"))
        return shows(a, rest, 0) ? 0 : error_set(err, "the screen does not show \"%.200s\"", rest);
    if (!strcmp(line, "message"))
        return shows(a, rest, duo_canvas(a)->h - 1) || strstr(duo_front(a)->message, rest)
                   ? 0
                   : error_set(err, "the last line is \"%.200s\"", duo_front(a)->message);
    if (!strcmp(line, "type"))
        do_type(a, rest);
    else if (!strcmp(line, "pause"))
        while (duo_prepare(a, true) >= 0)
            ;
    else if (!strcmp(line, "opened"))
        out_print(stdout, "%s %.1f ms\n", rest, a->first_screen * 1000);
    else if (!strcmp(line, "cancel"))
        duo_front(a)->refusals = atoi(rest) - 1;
    else {
        if (word)
            line[n] = ' ';
        return do_command(a, line, err);
    }
    return 0;
}

static int no_script(const struct app *a, struct error *err)
{
    return error_set(err, "--script %.200s: %s: give the name of a file of keys and commands", a->o->script,
                     strerror(errno));
}

int script_run(struct app *a, struct error *err)
{
    FILE *f = strcmp(a->o->script, "-") ? fopen(a->o->script, "r") : stdin;
    char line[1000];
    unsigned n = 0;
    int rc = 0;
    struct error why;
    if (!f)
        return no_script(a, err);
    duo_settle(a);
    while (rc >= 0 && !duo_front(a)->quit && fgets(line, sizeof line, f)) {
        n++;
        line[strcspn(line, "\n")] = 0;
        char *p = line + strspn(line, " \t");
        if (!*p || *p == '#')
            continue;
        if (rc == REFUSED && strncmp(p, "message ", strlen("message ")))
            break;
        if ((rc = do_line(a, p, &why)))
            error_set(err, "%.100s:%u: %.280s", a->o->script, n, why.text);
    }
    rc = rc ? -1 : 0;
    if (!rc && ferror(f))
        rc = no_script(a, err);
    if (f != stdin)
        fclose(f);
    return rc;
}
