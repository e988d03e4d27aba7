/* diff_html.c - comparisons as one HTML page: no network, no script; what is the same is folded away. */
#include <inttypes.h>
#include <string.h>

#include "base/numbers.h"
#include "base/out.h"
#include "core/export/diff.h"

enum { NAME = 1200 };

static const char style[] =
    "body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em;color:#222;background:#fff}"
    "table{border-collapse:collapse;margin:1em 0}td,th{padding:.15em .8em;text-align:left;vertical-align:top}"
    "tr:first-child th{border-bottom:1px solid #999}td.n{text-align:right;font-variant-numeric:tabular-nums}"
    "details{margin-left:1.2em}summary{cursor:pointer}"
    ".d{font-family:ui-monospace,monospace;margin:.1em 0 .1em 1.2em;padding:0 .4em;white-space:pre-wrap}"
    ".a{background:#fde8e8}.b{background:#e6f6e6}.c{background:#fff4d6}.m{background:#e2f1f8}.s{background:#f3e6f8}"
    ".p{color:#777}.bar{display:block;height:.45em;margin:.15em 0;background:#7a9cc6}.bar.x{background:#d08a5a}"
    "@media(prefers-color-scheme:dark){body{background:#1b1b1b;color:#ddd}.a{background:#4a2222}.b{background:#1f3d22}"
    ".c{background:#453a18}.m{background:#1d3a46}.s{background:#3b2445}.p{color:#999}}";

static const char *const css[PAIR_WAYS] = {"", "a", "b", "c", "m", "s", "s"};

struct page {
    FILE *out;
    const struct diff_result *r;
};

static void text(struct page *g, const char *s)
{
    out_markup_text(g->out, s);
}

static void put_boot(struct page *g, const char *letter, const struct diff_boot *b)
{
    const struct outline_about *a = outline_about(b->outline);
    char n[3][NUMBER_TEXT];
    out_print(g->out, "<tr><th>%s<td>", letter);
    text(g, b->path);
    out_words(g->out, a->digest ? " (digest)<td>" : "<td>");
    text(g, outline_end(a));
    out_print(g->out, "<td class=n>%s<td class=n>%s<td class=n>%s", number_time(n[0], a->time),
              number_commas(n[1], a->icount), number_commas(n[2], a->events));
    if (*a->warning) {
        out_words(g->out, "<tr><td><td colspan=5>");
        text(g, a->warning);
    }
}

static void put_inputs(struct page *g)
{
    bool any = false;
    for (size_t i = 0; i < comparison_count(g->r->c); i++) {
        const struct pair *p = comparison_pair(g->r->c, i);
        const struct outline_item *a = diff_item(g->r, p, 0), *b = diff_item(g->r, p, 1);
        if (diff_either(g->r, p)->type != OUTLINE_INPUT || (p->way == PAIR_SAME && !p->nchanges))
            continue;
        if (!any)
            out_words(g->out, "<h3>Inputs that differ</h3><table><tr><th>input<th>A<th>B");
        any = true;
        out_words(g->out, "<tr><td>");
        text(g, diff_either(g->r, p)->text);
        out_words(g->out, "<td>");
        text(g, a ? a->detail : "");
        out_words(g->out, "<td>");
        text(g, b ? b->detail : "");
    }
    if (any)
        out_words(g->out, "</table>");
}

static void put_bar(struct page *g, uint64_t took, uint64_t whole, const char *cls)
{
    unsigned width = whole ? (unsigned)((unsigned __int128)took * 300 / whole) : 0;
    out_print(g->out, "<span class=\"bar%s\" style=\"width:%upx\"></span>", cls, width);
}

/* The outer stages: how long each took in both. */
static void put_stages(struct page *g)
{
    char n[2][NUMBER_TEXT];
    uint64_t a_time = outline_about(g->r->a->outline)->time, b_time = outline_about(g->r->b->outline)->time;
    uint64_t whole = a_time > b_time ? a_time : b_time;
    out_words(g->out, "<h3>Stages</h3><table><tr><th>stage<th>differences<th>A took<th>B took<th>");
    for (size_t i = 0; i < comparison_count(g->r->c); i++) {
        const struct pair *p = comparison_pair(g->r->c, i);
        const struct outline_item *a = diff_item(g->r, p, 0), *b = diff_item(g->r, p, 1);
        if (diff_either(g->r, p)->type != OUTLINE_STAGE || p->depth > 3 ||
            (p->depth > 2 && !p->below && !diff_counts(p)))
            continue;
        out_print(g->out, "<tr><td style=\"padding-left:%uem\">", p->depth * 2);
        text(g, diff_either(g->r, p)->text);
        out_print(g->out, "<td class=n>%zu<td class=n>%s<td class=n>%s<td>",
                  (size_t)p->below + diff_counts(p), a ? number_time(n[0], a->took) : "",
                  b ? number_time(n[1], b->took) : "");
        put_bar(g, a ? a->took : 0, whole, "");
        put_bar(g, b ? b->took : 0, whole, " x");
    }
    out_words(g->out, "</table>");
}

static void put_difference(struct page *g, const struct pair *p)
{
    char name[NAME], n[NUMBER_TEXT];
    bool only_b = p->a == OUTLINE_NONE;
    diff_name((only_b ? g->r->b : g->r->a)->outline, only_b ? p->b : p->a, name, sizeof name);
    out_print(g->out, "<div class=\"d %s\">%s: ", css[p->way], pair_way_name(p->way));
    text(g, name);
    for (unsigned s = 0; s < 2; s++) {
        const struct outline_item *it = diff_item(g->r, p, s);
        if (it && it->event != UINT64_MAX)
            out_print(g->out, " <span class=p>%s %s</span>", s ? "B" : "A", number_commas(n, it->begin));
    }
    for (unsigned i = 0; i < p->nchanges; i++) {
        const struct change *c = comparison_change(g->r->c, p, i);
        if (c->tolerated)
            continue;
        out_words(g->out, "\n  ");
        text(g, c->field);
        out_words(g->out, ": ");
        text(g, c->a);
        out_words(g->out, " → ");
        text(g, c->b);
    }
    out_words(g->out, "</div>\n");
}

static void put_tree(struct page *g)
{
    uint16_t open[256];
    size_t nopen = 0;
    out_words(g->out, "<h3>Differences</h3>\n");
    for (size_t i = 0; i < comparison_count(g->r->c); i++) {
        const struct pair *p = comparison_pair(g->r->c, i);
        while (nopen && open[nopen - 1] >= p->depth) {
            out_words(g->out, "</details>\n");
            nopen--;
        }
        if (diff_counts(p))
            put_difference(g, p);
        if (!p->below || nopen == sizeof open / sizeof open[0])
            continue;
        out_words(g->out, "<details open><summary>");
        text(g, diff_either(g->r, p)->text);
        out_print(g->out, " <span class=p>%u</span></summary>\n", p->below);
        open[nopen++] = p->depth;
    }
    while (nopen--)
        out_words(g->out, "</details>\n");
}

static void put_rules(struct page *g)
{
    size_t n = rules_count(g->r->rules);
    if (!n)
        return;
    out_words(g->out, "<h3>Rules</h3><table><tr><th>rule<th>from<th>reason<th>applied");
    for (size_t i = 0; i < n; i++) {
        struct rule_about about;
        rules_get(g->r->rules, i, &about);
        out_words(g->out, "<tr><td>");
        text(g, about.text);
        out_words(g->out, "<td>");
        text(g, about.where);
        out_words(g->out, "<td>");
        text(g, about.reason);
        out_print(g->out, "<td class=n>%zu", comparison_rule_uses(g->r->c)[i]);
    }
    out_words(g->out, "</table>");
}

static void put_cause(struct page *g)
{
    const struct cause *c = g->r->cause;
    char n[NUMBER_TEXT];
    if (c)
        out_words(g->out, "<h3>Cause</h3><table><tr><th><th>icount<th>");
    for (size_t i = 0; c && i < c->n; i++) {
        out_words(g->out, "<tr><td>");
        text(g, finding_word(c->finding[i].kind));
        out_print(g->out, "<td class=n>%s<td>",
                  c->finding[i].placed ? number_commas(n, c->finding[i].icount) : "");
        text(g, c->finding[i].text);
    }
    if (c)
        out_words(g->out, "</table>");
}

static void put_why(struct page *g, const char *letter, const struct diff_boot *b)
{
    if (!b->why)
        return;
    out_print(g->out, "</p><p>%s: ", letter);
    text(g, b->why->verdict);
}

static void put_result(struct page *g)
{
    struct comparison_counts k;
    comparison_counts(g->r->c, &k);
    out_words(g->out, "<h2>");
    text(g, g->r->b->path);
    out_print(g->out, "</h2><p>%s", k.differences ? "Different: " : "The same.");
    if (k.differences)
        out_print(g->out, "%zu difference%s.", k.differences, k.differences == 1 ? "" : "s");
    if (diff_has_verdicts(g->r)) {
        put_why(g, "A", g->r->a);
        put_why(g, "B", g->r->b);
    }
    out_words(g->out, "</p><table><tr><th><th>file<th>ended<th>guest time<th>steps<th>events");
    put_boot(g, "A", g->r->a);
    put_boot(g, "B", g->r->b);
    out_words(g->out, "</table>\n");
    put_inputs(g);
    put_stages(g);
    if (k.differences)
        put_tree(g);
    put_cause(g);
    put_rules(g);
}

void diff_html(FILE *out, const struct diff_result *r, size_t n)
{
    out_words(
        out,
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><title>bootreel: how boots differ</title>"
        "<style>");
    out_words(out, style);
    out_words(out, "</style></head><body>\n<h1>How boots differ from ");
    out_markup_text(out, r->a->path);
    out_words(out, "</h1>\n");
    for (size_t i = 0; i < n; i++)
        put_result(&(struct page){out, &r[i]});
    out_words(out, "</body></html>\n");
}
