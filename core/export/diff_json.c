/* diff_json.c - comparisons as one JSON object. docs/diff.md describes it. */
#include <string.h>

#include "base/json.h"
#include "base/out.h"
#include "core/export/diff.h"

enum { NAME = 1000, PATH = 2000 };

static void key(yajl_gen g, const char *name)
{
    yajl_gen_string(g, (const unsigned char *)name, strlen(name));
}

static void put_prefix(yajl_gen g, const struct common_prefix *x)
{
    key(g, "prefix");
    if (!x) {
        yajl_gen_null(g);
        return;
    }
    yajl_gen_map_open(g);
    json_number(g, "events", x->events);
    json_number(g, "exact", x->exact);
    json_number(g, "icount", x->icount);
    json_bool(g, "whole", x->whole);
    yajl_gen_map_close(g);
}

static void put_boot(yajl_gen g, const char *name, const struct diff_boot *b)
{
    const struct outline_about *a = outline_about(b->outline);
    key(g, name);
    yajl_gen_map_open(g);
    json_text(g, "file", b->path);
    json_bool(g, "digest", a->digest);
    json_text(g, "engine", a->engine);
    json_number(g, "behaviour", a->behaviour);
    json_text(g, "ended", a->ended);
    json_text(g, "end_text", *a->end_text ? a->end_text : NULL);
    json_text(g, "warning", *a->warning ? a->warning : NULL);
    json_number(g, "icount", a->icount);
    json_number(g, "time", a->time);
    json_number(g, "events", a->events);
    if (b->why) {
        json_object(g, "why");
        why_json(g, b->why, b->path);
        yajl_gen_map_close(g);
    }
    yajl_gen_map_close(g);
}

static void put_counts(yajl_gen g, const struct comparison_counts *k)
{
    key(g, "counts");
    yajl_gen_map_open(g);
    json_number(g, "differences", k->differences);
    for (unsigned w = 0; w < PAIR_WAYS; w++)
        json_number(g, pair_way_name(w), k->ways[w]);
    json_number(g, "tolerated", k->tolerated);
    json_number(g, "by rules", k->by_rules);
    yajl_gen_map_close(g);
}

static void put_path(yajl_gen g, const struct diff_result *r, const struct pair *p)
{
    const struct pair *up[64];
    size_t n = 0;
    for (uint32_t i = p->within; i != OUTLINE_NONE && n < 64; i = comparison_pair(r->c, i)->within)
        up[n++] = comparison_pair(r->c, i);
    key(g, "path");
    yajl_gen_array_open(g);
    while (n--) {
        const char *name = diff_either(r, up[n])->text;
        yajl_gen_string(g, (const unsigned char *)name, strlen(name));
    }
    yajl_gen_array_close(g);
}

static void put_side(yajl_gen g, const char *name, const struct outline_item *it)
{
    key(g, name);
    if (!it) {
        yajl_gen_null(g);
        return;
    }
    yajl_gen_map_open(g);
    json_text(g, "text", it->text);
    if (*it->detail)
        json_text(g, "detail", it->detail);
    if (it->type == OUTLINE_COUNT)
        json_number(g, "count", it->count);
    if (it->type == OUTLINE_STAGE || it->type == OUTLINE_PROCESS) {
        json_number(g, "took", it->took);
        json_number(g, "steps", it->steps);
    }
    if (it->event != UINT64_MAX) {
        json_number(g, "icount", it->begin);
        json_number(g, "time", it->time);
        json_number(g, "event", it->event);
    }
    yajl_gen_map_close(g);
}

static void put_rule(yajl_gen g, const struct diff_result *r, int32_t rule)
{
    struct rule_about about;
    if (rule < 0)
        return;
    rules_get(r->rules, (size_t)rule, &about);
    json_text(g, "rule", about.text);
}

static void put_changes(yajl_gen g, const struct diff_result *r, const struct pair *p)
{
    key(g, "changes");
    yajl_gen_array_open(g);
    for (unsigned i = 0; i < p->nchanges; i++) {
        const struct change *c = comparison_change(r->c, p, i);
        yajl_gen_map_open(g);
        json_text(g, "field", c->field);
        json_text(g, "a", c->a);
        json_text(g, "b", c->b);
        json_bool(g, "tolerated", c->tolerated);
        put_rule(g, r, c->rule);
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
}

static void put_pair(yajl_gen g, const struct diff_result *r, const struct pair *p)
{
    static const char *const types[OUTLINE_TYPES] = {"input", "stage", "process", "event", "count"};
    const struct outline_item *it = diff_either(r, p);
    yajl_gen_map_open(g);
    json_text(g, "way", pair_way_name(p->way));
    json_bool(g, "tolerated", p->tolerated);
    if (p->inside)
        json_bool(g, "inside", true);
    put_rule(g, r, p->rule);
    json_text(g, "type", types[it->type]);
    json_text(g, "kind", it->kind);
    if (it->lane >= OUTLINE_CONSOLE)
        json_number(g, "device", it->lane - OUTLINE_CONSOLE);
    json_text(g, "text", it->same);
    put_path(g, r, p);
    put_side(g, "a", diff_item(r, p, 0));
    put_side(g, "b", diff_item(r, p, 1));
    put_changes(g, r, p);
    yajl_gen_map_close(g);
}

static void put_pairs(yajl_gen g, const struct diff_result *r, const struct diff_options *o)
{
    key(g, "inputs");
    yajl_gen_array_open(g);
    for (size_t i = 0; i < comparison_count(r->c); i++) {
        const struct pair *p = comparison_pair(r->c, i);
        if (diff_either(r, p)->type == OUTLINE_INPUT && (p->way != PAIR_SAME || p->nchanges))
            put_pair(g, r, p);
    }
    yajl_gen_array_close(g);
    key(g, "differences");
    yajl_gen_array_open(g);
    for (size_t i = 0; i < comparison_count(r->c); i++) {
        const struct pair *p = comparison_pair(r->c, i);
        bool more = o->all && (p->way != PAIR_SAME || p->nchanges);
        if (diff_either(r, p)->type != OUTLINE_INPUT && (diff_counts(p) || more))
            put_pair(g, r, p);
    }
    yajl_gen_array_close(g);
}

static void put_rules(yajl_gen g, const struct diff_result *r)
{
    key(g, "rules");
    yajl_gen_array_open(g);
    for (size_t i = 0; i < rules_count(r->rules); i++) {
        struct rule_about about;
        rules_get(r->rules, i, &about);
        yajl_gen_map_open(g);
        json_text(g, "where", about.where);
        json_text(g, "rule", about.text);
        json_text(g, "reason", about.reason);
        json_number(g, "applied", comparison_rule_uses(r->c)[i]);
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
}

static void put_cause(yajl_gen g, const struct cause *c)
{
    key(g, "cause");
    if (!c) {
        yajl_gen_null(g);
        return;
    }
    yajl_gen_map_open(g);
    key(g, "findings");
    yajl_gen_array_open(g);
    for (size_t i = 0; i < c->n; i++) {
        yajl_gen_map_open(g);
        json_text(g, "what", finding_word(c->finding[i].kind));
        if (c->finding[i].placed)
            json_number(g, "icount", c->finding[i].icount);
        json_text(g, "text", c->finding[i].text);
        yajl_gen_map_close(g);
    }
    yajl_gen_array_close(g);
    if (c->origin.image) {
        key(g, "origin");
        yajl_gen_map_open(g);
        json_text(g, "image", c->origin.image);
        json_number(g, "offset", c->origin.offset);
        json_number(g, "a", c->origin.byte[0]);
        json_number(g, "b", c->origin.byte[1]);
        if (*c->origin.member) {
            json_text(g, "file", c->origin.member);
            json_number(g, "file_offset", c->origin.in_member);
        }
        yajl_gen_map_close(g);
    }
    yajl_gen_map_close(g);
}

static void put_result(yajl_gen g, const struct diff_result *r, const struct diff_options *o)
{
    struct comparison_counts k;
    comparison_counts(r->c, &k);
    yajl_gen_map_open(g);
    put_boot(g, "b", r->b);
    json_bool(g, "same", !k.differences);
    put_counts(g, &k);
    put_prefix(g, r->has_prefix ? &r->prefix : NULL);
    put_pairs(g, r, o);
    put_rules(g, r);
    put_cause(g, r->cause);
    yajl_gen_map_close(g);
}

void diff_json(FILE *out, const struct diff_result *r, size_t n, const struct common_prefix *prefix,
               const struct diff_options *o)
{
    yajl_gen g = json_new(true);
    yajl_gen_config(g, yajl_gen_indent_string, " ");
    yajl_gen_map_open(g);
    json_number(g, "version", 1);
    put_boot(g, "a", r->a);
    put_prefix(g, prefix);
    key(g, "comparisons");
    yajl_gen_array_open(g);
    for (size_t i = 0; i < n; i++)
        put_result(g, &r[i], o);
    yajl_gen_array_close(g);
    yajl_gen_map_close(g);
    json_write(g, out);
    yajl_gen_free(g);
}
