/* variation.c - see variation.h. */
#include "cli/variation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/story/position.h"
#include "hv/hv.h"

enum { SCHEDULE_MOST = 60000 }; /* bytes: a setting of a trace has 64 KiB */

/* from= takes the rest of the argument, which may hold commas. A recording knows an icount before it is made; the other positions are those of
 * a recorded run. */
static int take_from(struct variation *v, const char *text, struct error *err)
{
    static const char *const what[] = {
        [POS_TIME] = "a guest time",  [POS_PERCENT] = "a part of a recorded run",
        [POS_EVENT] = "an event",     [POS_CONSOLE] = "a text on the console",
        [POS_MARK] = "a mark",        [POS_STAGE] = "a stage",
        [POS_FORWARD] = "a distance", [POS_BACK] = "a distance",
    };
    struct position p;
    if (position_parse(text, &p, err))
        return -1;
    v->from = p.n;
    if (p.kind == POS_ICOUNT)
        return 0;
    return error_set(
        err,
        "--vary from=%.100s: %s is not known while recording: give an icount, such as 500M (bootreel hunt --from takes any position)",
        text, what[p.kind]);
}

int variation_add(struct variation *v, const char *value, struct error *err)
{
    struct error why;
    const char *from = !strncmp(value, "from=", 5) ? value : strstr(value, ",from=");
    const size_t n = from ? (size_t)(from - value) : strlen(value);
    if (from && take_from(v, strchr(from, '=') + 1, err))
        return -1;
    if (n)
        text_add(&v->kinds, "%s%.*s", v->kinds.n ? "," : "", (int)n, value);
    if (!n && !from)
        return error_set(err, "--vary: say what is to be varied, as --vary turns");
    return hv_vary_check(v->kinds.s, NULL, &why) ? error_set(err, "--vary: %.300s", why.text) : 0;
}

/* A line is a choice or a comment; "from ICOUNT" is what --vary from= is. */
static int take_line(struct variation *v, struct text *all, char *line, const char *path, struct error *err)
{
    struct error why;
    line[strcspn(line, "#\r\n")] = 0;
    line += strspn(line, " \t");
    if (!*line)
        return 0;
    if (!strncmp(line, "from ", 5)) {
        if (parse_steps(line + 5, &v->from))
            return error_set(err, "--schedule %.200s: \"%.60s\": give an icount", path, line);
        return 0;
    }
    if (hv_vary_check(NULL, line, &why))
        return error_set(err, "--schedule %.200s: %.160s", path, why.text);
    text_add(all, "%s%s", all->n ? "; " : "", line);
    return all->n < SCHEDULE_MOST
               ? 0
               : error_set(err, "--schedule %.200s: more choices than a trace has room for", path);
}

int variation_schedule(struct variation *v, const char *path, struct error *err)
{
    struct text all = {0};
    char *line = NULL;
    size_t room = 0;
    int rc = 0;
    FILE *f = fopen(path, "re");
    if (!f)
        return error_set(err, "--schedule %.300s: %s", path, strerror(errno));
    while (!rc && getline(&line, &room, f) >= 0)
        rc = take_line(v, &all, line, path, err);
    if (!rc && ferror(f))
        rc = error_set(err, "--schedule %.300s: %s", path, strerror(errno));
    fclose(f);
    free(line);
    free(v->schedule);
    v->schedule = all.s ? all.s : mem_string("");
    return rc;
}

void variation_free(struct variation *v)
{
    free(v->kinds.s);
    free(v->schedule);
}
