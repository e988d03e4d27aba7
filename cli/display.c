/* display.c - see display.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/out.h"
#include "cli/cli.h"
#include "cli/display.h"
#include "core/live/viewer_link.h"

enum { DISPLAYS = UINT16_MAX - VIEWERS_FIRST_PORT };

/* ---------------------------------------------------------------- the option */

/* [HOST]:N, where an address of IPv6 stands in brackets. */
static int take_place(const struct option_row *row, const char *text, size_t n, struct display_option *o,
                      struct error *err)
{
    const char *colon = memrchr(text, ':', n);
    const size_t host = colon ? (size_t)(colon - text) : 0;
    const bool bracket = host >= 2 && text[0] == '[' && colon[-1] == ']';
    char number[8];
    uint64_t display;
    if (!colon || host >= sizeof o->host || n - host - 1 >= sizeof number)
        return error_set(err, "--%s: \"%.*s\" is not [HOST]:N", row->name, (int)(n < 80 ? n : 80), text);
    snprintf(number, sizeof number, "%.*s", (int)(n - host - 1), colon + 1);
    if (!parse_number(number, &display) || display > DISPLAYS)
        return error_set(err, "--%s: \"%s\" is not a number from 0 to %d", row->name, number, DISPLAYS);
    o->port = (uint16_t)(VIEWERS_FIRST_PORT + display);
    snprintf(o->host, sizeof o->host, "%.*s", (int)(bracket ? host - 2 : host), text + bracket);
    return 0;
}

static int take_password(const struct option_row *row, const char *path, struct display_option *o,
                         struct error *err)
{
    FILE *f = fopen(path, "re");
    if (!f || !fgets(o->password, sizeof o->password, f))
        o->password[0] = 0;
    const bool read = f && !ferror(f);
    if (f)
        fclose(f);
    if (!read)
        return error_set(err, "--%s: the password cannot be read from %.300s", row->name, path);
    o->password[strcspn(o->password, "\r\n")] = 0;
    const size_t n = strlen(o->password);
    if (n && n <= VIEWER_PASSWORD)
        return 0;
    return error_set(err, "--%s: the first line of %.300s has %s: VNC's passwords have one to %d", row->name,
                     path, n ? "more than eight characters" : "no character", VIEWER_PASSWORD);
}

static int take_word(const struct option_row *row, char *word, struct display_option *o, struct error *err)
{
    static const char password[] = "password=";
    if (!strncmp(word, password, sizeof password - 1))
        return take_password(row, word + sizeof password - 1, o, err);
    o->wait = !strcmp(word, "wait");
    return o->wait ? 0 : error_set(err, "--%s: \"%.80s\" is not password=FILE or wait", row->name, word);
}

int take_display(const struct option_row *row, const char *value, struct display_option *o, struct error *err)
{
    static const char kind[] = "vnc";
    const size_t known = sizeof kind - 1;
    char words[600];
    if (strncmp(value, kind, known) || !strchr("=,", value[known]) || strlen(value) >= sizeof words)
        return error_set(err, "--%s: \"%.80s\" is not %s", row->name, value, row->argument);
    *o = (struct display_option){.given = true};
    snprintf(words, sizeof words, "%s", value + known);
    char *at = words, *word = strsep(&at, ",");
    if (word[0] == '=' && take_place(row, word + 1, strlen(word + 1), o, err))
        return -1;
    while ((word = strsep(&at, ",")))
        if (take_word(row, word, o, err))
            return -1;
    return 0;
}

/* ---------------------------------------------------------------- the server */

/* Beside this program where it was built, or where it is installed. */
static int find_server(char *path, size_t size, struct error *err)
{
    static const char *const places[] = {"/bootreel-vnc", "/../libexec/bootreel/bootreel-vnc"};
    char folder[4096];
    const ssize_t n = readlink("/proc/self/exe", folder, sizeof folder - 1);
    folder[n < 0 ? 0 : n] = 0;
    char *name = strrchr(folder, '/');
    if (name)
        *name = 0;
    for (unsigned i = 0; name && i < sizeof places / sizeof places[0]; i++)
        if (snprintf(path, size, "%s%s", folder, places[i]) < (int)size && !access(path, X_OK))
            return 0;
    return error_set(
        err, "--display: bootreel-vnc is neither in %.200s nor in its libexec folder: install bootreel whole",
        folder);
}

static bool is_loopback(const char *host)
{
    return !*host || !strcmp(host, "localhost") || !strncmp(host, "127.", 4) || !strcmp(host, "::1");
}

struct viewers *display_open(const struct display_option *o, struct error *err)
{
    char program[4200];
    if (find_server(program, sizeof program, err))
        return NULL;
    const struct viewers_options vo = {.program = program,
                                       .host = *o->host ? o->host : NULL,
                                       .port = o->port,
                                       .password = *o->password ? o->password : NULL,
                                       .title = "bootreel"};
    struct viewers *v = viewers_open(&vo, err);
    if (!v)
        return NULL;
    const unsigned port = viewers_port(v);
    out_print(stderr, "bootreel: viewers can connect to %s:%u (vncviewer %s:%u)\n",
              *o->host ? o->host : "127.0.0.1", port, *o->host ? o->host : "localhost",
              port - VIEWERS_FIRST_PORT);
    if (!is_loopback(o->host) && !*o->password)
        out_print(stderr, "bootreel: without a password, everybody who can reach %s can type to the guest\n",
                  o->host);
    return v;
}
