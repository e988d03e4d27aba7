/* diff_junit.c - comparisons as JUnit XML, for CI systems: a suite for each, a case for each of its outer stages. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "base/out.h"
#include "core/export/diff.h"

enum {
    CASE_DEPTH = 2 /* stages further in belong to the case of the one that they are in */,
    NAME = 800,
    PATH = 1000
};

struct suite {
    FILE *out;
    const struct diff_result *r;
};

static bool is_case(const struct suite *s, const struct pair *p)
{
    return diff_either(s->r, p)->type == OUTLINE_STAGE && p->depth <= CASE_DEPTH;
}

/* The case that a pair belongs to. */
static size_t case_of(const struct suite *s, size_t i)
{
    while (!is_case(s, comparison_pair(s->r->c, i)) && comparison_pair(s->r->c, i)->within != OUTLINE_NONE)
        i = comparison_pair(s->r->c, i)->within;
    return i;
}

static void put_difference(struct suite *s, const struct pair *p)
{
    char name[NAME];
    bool only_b = p->a == OUTLINE_NONE;
    diff_name((only_b ? s->r->b : s->r->a)->outline, only_b ? p->b : p->a, name, sizeof name);
    out_markup_text(s->out, pair_way_name(p->way));
    out_words(s->out, ": ");
    out_markup_text(s->out, name);
    for (unsigned i = 0; i < p->nchanges; i++) {
        const struct change *c = comparison_change(s->r->c, p, i);
        if (c->tolerated)
            continue;
        out_words(s->out, "\n    ");
        out_markup_text(s->out, c->field);
        out_words(s->out, ": ");
        out_markup_text(s->out, c->a);
        out_words(s->out, " -> ");
        out_markup_text(s->out, c->b);
    }
    out_char(s->out, '\n');
}

static void put_seconds(FILE *out, uint64_t ns)
{
    char text[NUMBER_TEXT];
    out_words(out, number_seconds(text, ns));
}

static void put_case(struct suite *s, size_t i)
{
    const struct pair *p = comparison_pair(s->r->c, i);
    const struct outline_item *it = diff_either(s->r, p), *b = diff_item(s->r, p, 1);
    size_t n = 0;
    out_words(s->out, "    <testcase classname=\"bootreel.diff\" name=\"");
    out_markup_text(s->out, it->text);
    out_words(s->out, "\" time=\"");
    put_seconds(s->out, (b ? b : it)->took);
    out_words(s->out, "\">");
    for (size_t k = i; k < comparison_count(s->r->c); k++)
        if (diff_counts(comparison_pair(s->r->c, k)) && case_of(s, k) == i) {
            if (!n++)
                out_words(s->out, "\n      <failure message=\"the boots differ here\">");
            put_difference(s, comparison_pair(s->r->c, k));
        }
    out_words(s->out, n ? "</failure>\n    </testcase>\n" : "</testcase>\n");
}

static void put_rules(struct suite *s)
{
    const size_t *uses = comparison_rule_uses(s->r->c);
    out_words(s->out, "    <system-out>");
    for (size_t i = 0; i < rules_count(s->r->rules); i++) {
        struct rule_about about;
        rules_get(s->r->rules, i, &about);
        if (uses[i])
            continue;
        out_words(s->out, "this rule matches nothing: ");
        out_markup_text(s->out, about.where);
        out_words(s->out, ": ");
        out_markup_text(s->out, about.text);
        out_char(s->out, '\n');
    }
    out_words(s->out, "</system-out>\n");
}

/* A bad end of the second boot that the first did not come to is a case of its own: it is what one wants to know first. */
static bool new_crash(const struct suite *s)
{
    const struct outline_about *a = outline_about(s->r->a->outline), *b = outline_about(s->r->b->outline);
    return outline_crashed(b) && strcmp(outline_end(a), outline_end(b));
}

static bool new_verdict(const struct suite *s)
{
    const struct why *a = s->r->a->why, *b = s->r->b->why;
    return why_is_bad(b) && !(why_is_bad(a) && a->code == b->code);
}

static void put_end(struct suite *s)
{
    const struct why *why = why_is_bad(s->r->b->why) ? s->r->b->why : NULL;
    const char *verdict = why ? why->verdict : "";
    out_words(s->out, "    <testcase classname=\"bootreel.diff\" name=\"end\"><failure message=\"");
    out_markup_text(s->out, new_crash(s) ? outline_end(outline_about(s->r->b->outline)) : verdict);
    out_words(s->out, "\">");
    out_markup_text(s->out, verdict);
    out_words(s->out, "</failure></testcase>\n");
}

static void put_suite(struct suite *s)
{
    size_t cases = 0, failures = 0, n = comparison_count(s->r->c);
    const bool bad = new_crash(s) || new_verdict(s);
    bool *fails = mem_zero(n + 1, sizeof *fails);
    for (size_t i = 0; i < n; i++)
        if (diff_counts(comparison_pair(s->r->c, i)))
            fails[case_of(s, i)] = true;
    for (size_t i = 0; i < n; i++) {
        cases += is_case(s, comparison_pair(s->r->c, i));
        failures += fails[i];
    }
    free(fails);
    out_words(s->out, "  <testsuite name=\"");
    out_markup_text(s->out, s->r->b->path);
    out_print(s->out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" time=\"", cases + bad, failures + bad);
    put_seconds(s->out, outline_about(s->r->b->outline)->time);
    out_words(s->out, "\">\n");
    if (bad)
        put_end(s);
    for (size_t i = 0; i < n; i++)
        if (is_case(s, comparison_pair(s->r->c, i)))
            put_case(s, i);
    put_rules(s);
    out_words(s->out, "  </testsuite>\n");
}

void diff_junit(FILE *out, const struct diff_result *r, size_t n)
{
    out_words(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (size_t i = 0; i < n; i++)
        put_suite(&(struct suite){out, &r[i]});
    out_words(out, "</testsuites>\n");
}
