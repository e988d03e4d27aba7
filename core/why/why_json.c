/* why_json.c - a verdict as JSON. See why.h. */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "core/why/why.h"

static void put_command(yajl_gen g, const char *path, uint64_t icount)
{
    char at[24];
    snprintf(at, sizeof at, "%" PRIu64, icount);
    const char *const words[] = {"bootreel", "tui", path, "--at", at};
    json_array(g, "command");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        json_element(g, words[i]);
    yajl_gen_array_close(g);
}

static void put_line(yajl_gen g, const struct why_line *l, const char *path)
{
    yajl_gen_map_open(g);
    json_text(g, "text", l->text);
    json_text(g, "place", *l->place ? l->place : NULL);
    if (l->placed) {
        json_number(g, "icount", l->icount);
        put_command(g, path, l->icount);
    }
    yajl_gen_map_close(g);
}

void why_json(yajl_gen g, const struct why *w, const char *path)
{
    json_text(g, "answer", why_answer_word(w->answer));
    json_text(g, "code", why_code_name(w->code));
    json_text(g, "verdict", w->verdict);
    json_text(g, "subject", *w->subject ? w->subject : NULL);
    json_number(g, "icount", w->icount);
    json_array(g, "evidence");
    for (size_t i = 0; i < w->n; i++)
        put_line(g, &w->line[i], path);
    yajl_gen_array_close(g);
}
