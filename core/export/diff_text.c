/* diff_text.c - a comparison for people: a summary, then the differences as a tree by stage. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "base/out.h"
#include "core/export/diff.h"

enum { NAME = 600 };

struct printer {
    FILE *out;
    const struct diff_result *r;
    const struct diff_options *o;
    bool *shown; /* by pair */
};

/* How each way is marked, and its colour. */
static const struct {
    char mark;
    const char *color;
} ways[PAIR_WAYS] = {{' ', ""},         {'-', "\033[31m"}, {'+', "\033[32m"}, {'~', "\033[33m"},
                     {'>', "\033[36m"}, {'!', "\033[35m"}, {'!', "\033[35m"}};

static void color(const struct printer *p, const char *code)
{
    if (p->o->color)
        out_control(p->out, code);
}

static void colored(const struct printer *p, const char *code, const char *text)
{
    color(p, code);
    out_print(p->out, "%s", text);
    color(p, "\033[0m");
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

/* ---------------------------------------------------------------- the summary */

static void print_boot(struct printer *p, const char *letter, const struct diff_boot *b)
{
    const struct outline_about *a = outline_about(b->outline);
    char time[NUMBER_TEXT], steps[NUMBER_TEXT], events[NUMBER_TEXT];
    out_print(p->out, "%-10s %s%s: ", letter, b->path, a->digest ? " (digest)" : "");
    if (p->o->stage)
        out_print(p->out, "stage %s, %s, %s steps\n", p->o->stage, number_time(time, a->time),
                  number_commas(steps, a->icount));
    else
        out_print(p->out, "%s, %s, %s steps, %s events\n", outline_end(a), number_time(time, a->time),
                  number_commas(steps, a->icount), number_commas(events, a->events));
    if (*a->warning)
        out_print(p->out, "%-10s %s\n", "", a->warning);
    if (a->edited)
        out_print(p->out, "%-10s this digest has other lines than when it was written\n", "");
}

/* What went wrong, if it is not the same in both. */
static void print_why(struct printer *p, const char *letter, const struct diff_boot *b)
{
    enum { FIRST = 5 };
    if (!b->why)
        return;
    out_print(p->out, "why %-6s ", letter);
    colored(p, why_is_bad(b->why) ? "\033[31m" : "", b->why->verdict);
    out_char(p->out, '\n');
    for (size_t i = 0; why_is_bad(b->why) && i < b->why->n && i < FIRST; i++) {
        const struct why_line *l = &b->why->line[i];
        char at[24] = "";
        if (l->placed)
            snprintf(at, sizeof at, "%" PRIu64, l->icount);
        out_print(p->out, "%-10s %15s  %s\n", "", at, l->text);
    }
}

/* The inputs (settings, images) that are not the same. */
static void print_inputs(struct printer *p)
{
    const char *title = "inputs";
    char name[NAME];
    for (size_t i = 0; i < comparison_count(p->r->c); i++) {
        const struct pair *x = comparison_pair(p->r->c, i);
        const struct outline_item *a = diff_item(p->r, x, 0), *b = diff_item(p->r, x, 1), *it = a ? a : b;
        if (it->type != OUTLINE_INPUT || (a && b && !x->nchanges))
            continue;
        snprintf(name, sizeof name, "%s", it->text);
        out_print(p->out, "%-10s %s: ", title, name);
        if (a && b)
            out_print(p->out, "%s -> %s\n", a->detail, b->detail);
        else
            out_print(p->out, "only in %s: %s\n", a ? "A" : "B", it->detail);
        title = "";
    }
}

static void print_result(struct printer *p, const struct comparison_counts *k)
{
    size_t n = 0;
    out_print(p->out, "%-10s ", "result");
    if (!k->differences) {
        colored(p, "\033[32m", "same");
    } else {
        colored(p, "\033[31m", "different");
        out_print(p->out, ": %zu difference%s (", k->differences, plural(k->differences));
        for (unsigned w = PAIR_ONLY_A; w < PAIR_WAYS; w++)
            if (k->ways[w])
                out_print(p->out, "%s%zu %s", n++ ? ", " : "", k->ways[w], pair_way_name(w));
        out_words(p->out, ")");
    }
    out_print(p->out, "; %zu the same", k->ways[PAIR_SAME]);
    if (k->by_rules)
        out_print(p->out, ", %zu left out by rules", k->by_rules);
    out_char(p->out, '\n');
}

/* A field whose changes are tolerated. */
struct tolerance {
    const char *field;
    size_t n;
    const struct change *change; /* one of them … */
    const char *kind;            /* … and what it is of */
};

static int rarest(const void *a, const void *b)
{
    const struct tolerance *x = a, *y = b;
    return x->n != y->n ? (x->n > y->n) - (x->n < y->n) : strcmp(x->field, y->field);
}

static void add_tolerated(struct tolerance *t, size_t *n, size_t room, const char *kind,
                          const struct change *c)
{
    size_t at = 0;
    while (at < *n && strcmp(t[at].field, c->field))
        at++;
    if (at == room)
        return;
    if (at == *n)
        t[(*n)++] = (struct tolerance){c->field, 0, c, kind};
    t[at].n++;
}

static size_t find_tolerated(const struct printer *p, struct tolerance *t, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < comparison_count(p->r->c); i++) {
        const struct pair *x = comparison_pair(p->r->c, i);
        for (unsigned k = 0; k < x->nchanges && diff_either(p->r, x)->type != OUTLINE_INPUT; k++)
            if (comparison_change(p->r->c, x, k)->tolerated)
                add_tolerated(t, &n, room, diff_either(p->r, x)->kind, comparison_change(p->r->c, x, k));
    }
    qsort(t, n, sizeof *t, rarest);
    return n;
}

/* What may differ and does: how often each number or text differs, and, if only once, both values. */
static void print_tolerated(struct printer *p)
{
    enum { FIELDS = 64, SHORT = 24 };
    struct tolerance t[FIELDS];
    size_t n = find_tolerated(p, t, FIELDS);
    for (size_t i = 0; i < n; i++) {
        out_print(p->out, "%-*s", i ? 2 : 11, i ? "," : "tolerated");
        if (t[i].n == 1 && strlen(t[i].change->a) < SHORT && strlen(t[i].change->b) < SHORT)
            out_print(p->out, "%s %s %s -> %s", t[i].kind, t[i].field, t[i].change->a, t[i].change->b);
        else
            out_print(p->out, "%s %zu times", t[i].field, t[i].n);
    }
    if (n)
        out_char(p->out, '\n');
}

static uint64_t change_per_mille(uint64_t a, uint64_t b)
{
    uint64_t by = a > b ? a - b : b - a;
    return a ? (uint64_t)((unsigned __int128)by * 1000 / a) : 0;
}

static void print_speed(struct printer *p)
{
    const struct outline_about *a = outline_about(p->r->a->outline), *b = outline_about(p->r->b->outline);
    if (a->time == b->time && a->icount == b->icount)
        return;
    uint64_t by = change_per_mille(a->time, b->time), steps = change_per_mille(a->icount, b->icount);
    out_print(p->out,
              "%-10s B takes %" PRIu64 ".%" PRIu64 "%% %s guest time, %" PRIu64 ".%" PRIu64 "%% %s steps\n",
              "time", by / 10, by % 10, b->time < a->time ? "less" : "more", steps / 10, steps % 10,
              b->icount < a->icount ? "fewer" : "more");
}

static void print_prefix(struct printer *p)
{
    char exact[NUMBER_TEXT], keys[NUMBER_TEXT], at[NUMBER_TEXT];
    const struct common_prefix *x = &p->r->prefix;
    if (!p->r->has_prefix)
        return;
    if (x->whole && x->events == x->exact)
        out_print(p->out, "%-10s all %s events are the same, at the same positions\n", "events",
                  number_commas(exact, x->exact));
    else
        out_print(p->out,
                  "%-10s the first %s are the same (the first %s at the same positions, up to icount %s)\n",
                  "events", number_commas(keys, x->events), number_commas(exact, x->exact),
                  number_commas(at, x->icount));
}

/* The first difference: where it is, in both. */
static void print_first(struct printer *p)
{
    size_t i = comparison_first(p->r->c);
    char name[NAME], at[NUMBER_TEXT];
    if (i == SIZE_MAX)
        return;
    const struct pair *x = comparison_pair(p->r->c, i);
    const struct diff_boot *side = x->a == OUTLINE_NONE ? p->r->b : p->r->a;
    uint32_t item = x->a == OUTLINE_NONE ? x->b : x->a;
    diff_name(side->outline, item, name, 100);
    out_print(p->out, "%-10s %s: %s", "first", pair_way_name(x->way), name);
    if (!outline_about(side->outline)->digest)
        out_print(p->out, ", at icount %s of %s", number_commas(at, outline_get(side->outline, item)->begin),
                  x->a == OUTLINE_NONE ? "B" : "A");
    out_char(p->out, '\n');
}

/* Classes that only one of them recorded. */
static void print_classes(struct printer *p)
{
    uint32_t a = outline_about(p->r->a->outline)->classes, b = outline_about(p->r->b->outline)->classes;
    const char *title = "left out";
    for (unsigned c = 0; c < EC_COUNT; c++)
        if ((a ^ b) & EVENT_CLASS_BIT(c)) {
            out_print(p->out, "%s%s", *title ? title : ",", *title ? "   events of the classes " : " ");
            out_print(p->out, "%s (only %s has them)", event_class_name(c),
                      a & EVENT_CLASS_BIT(c) ? "A" : "B");
            title = "";
        }
    if (!*title)
        out_char(p->out, '\n');
}

static void print_summary(struct printer *p, const struct comparison_counts *k)
{
    const struct outline_about *a = outline_about(p->r->a->outline), *b = outline_about(p->r->b->outline);
    if (diff_has_verdicts(p->r)) {
        print_why(p, "A", p->r->a);
        print_why(p, "B", p->r->b);
    }
    print_boot(p, "A", p->r->a);
    print_boot(p, "B", p->r->b);
    if (strcmp(a->engine, b->engine) || a->behaviour != b->behaviour)
        out_print(p->out, "%-10s %s, behaviour %" PRIu32 " -> %s, behaviour %" PRIu32 "\n", "engine",
                  a->engine, a->behaviour, b->engine, b->behaviour);
    print_inputs(p);
    print_classes(p);
    print_result(p, k);
    print_first(p);
    print_tolerated(p);
    print_prefix(p);
    print_speed(p);
}

/* ---------------------------------------------------------------- rules */

static void print_rules(struct printer *p)
{
    const size_t *uses = comparison_rule_uses(p->r->c);
    for (size_t i = 0; p->r->rules && i < rules_count(p->r->rules); i++) {
        struct rule_about about;
        rules_get(p->r->rules, i, &about);
        if (uses[i] && !p->o->all)
            continue;
        out_print(p->out, "%-10s %s: %s", "rule", about.where, about.text);
        if (uses[i])
            out_print(p->out, ": applied %zu time%s", uses[i], plural(uses[i]));
        else
            out_words(p->out, ": matches nothing");
        out_print(p->out, "%s%s%s\n", *about.reason ? " (" : "", about.reason, *about.reason ? ")" : "");
    }
}

/* ---------------------------------------------------------------- the tree */

/* Whether a pair has something to show for itself. */
static bool has_something(const struct printer *p, const struct pair *x)
{
    if (diff_either(p->r, x)->type == OUTLINE_INPUT)
        return false;
    return diff_counts(x) || (p->o->all && (x->way != PAIR_SAME || x->nchanges));
}

/* Whether pair k is shown beside x as context. */
static bool is_neighbour(const struct printer *p, const struct pair *x, size_t k)
{
    const struct pair *y = comparison_pair(p->r->c, k);
    return y->within == x->within && diff_either(p->r, y)->type != OUTLINE_COUNT;
}

/* Shows the neighbours of pair i in the same stage: of those before it (by -1) or behind it (by 1) the nearest. */
static void choose_neighbours(struct printer *p, size_t i, int by)
{
    const struct pair *x = comparison_pair(p->r->c, i);
    size_t n = comparison_count(p->r->c);
    uint64_t left = p->o->context;
    for (size_t k = i + (size_t)by; left && k < n && comparison_pair(p->r->c, k)->depth >= x->depth;
         k += (size_t)by)
        if (is_neighbour(p, x, k)) {
            p->shown[k] = true;
            left--;
        }
}

/* Differences are shown with their neighbours, and with all that they lie in. */
static void choose(struct printer *p)
{
    size_t n = comparison_count(p->r->c);
    p->shown = mem_zero(n, sizeof *p->shown);
    for (size_t i = 0; i < n; i++) {
        const struct pair *x = comparison_pair(p->r->c, i);
        if (!has_something(p, x))
            continue;
        p->shown[i] = true;
        for (uint32_t up = x->within; up != OUTLINE_NONE; up = comparison_pair(p->r->c, up)->within)
            p->shown[up] = true;
        choose_neighbours(p, i, -1);
        choose_neighbours(p, i, 1);
    }
}

static void print_position(struct printer *p, const struct pair *x)
{
    char at[NUMBER_TEXT];
    const char *open = "  [";
    for (unsigned s = 0; s < 2; s++) {
        const struct outline_item *it = diff_item(p->r, x, s);
        if (!it || it->event == UINT64_MAX)
            continue;
        out_print(p->out, "%s%s %s", open, s ? "B" : "A", number_commas(at, it->begin));
        open = ", ";
    }
    if (*open == ',')
        out_char(p->out, ']');
}

static void print_changes(struct printer *p, const struct pair *x, unsigned depth)
{
    for (unsigned i = 0; i < x->nchanges; i++) {
        const struct change *c = comparison_change(p->r->c, x, i);
        if (c->tolerated && !p->o->all)
            continue;
        bool text = !strcmp(c->field, "text") || !strcmp(c->field, "numbers");
        out_print(p->out, "%*s%s", (int)(2 * depth + 4), "", c->tolerated ? "(tolerated) " : "");
        if (text) /* the line above shows what it was */
            out_print(p->out, "-> %s\n", c->b);
        else
            out_print(p->out, "%s: %s -> %s\n", c->field, c->a, c->b);
    }
}

/* How many items are inside one that only one boot has. */
static void print_inside(struct printer *p, size_t i)
{
    size_t n = 0;
    const struct pair *x = comparison_pair(p->r->c, i);
    for (size_t k = i + 1; k < comparison_count(p->r->c) && comparison_pair(p->r->c, k)->depth > x->depth;
         k++)
        n++;
    if (n && (x->way == PAIR_ONLY_A || x->way == PAIR_ONLY_B))
        out_print(p->out, " (with %zu item%s in it)", n, plural(n));
}

static void print_pair(struct printer *p, size_t i)
{
    char name[NAME];
    const struct pair *x = comparison_pair(p->r->c, i);
    bool only_b = x->a == OUTLINE_NONE, counts = diff_counts(x);
    const struct outline_item *it = diff_either(p->r, x);
    diff_name((only_b ? p->r->b : p->r->a)->outline, only_b ? x->b : x->a, name, sizeof name);
    char mark = counts || x->way == PAIR_ONLY_A || x->way == PAIR_ONLY_B ? ways[x->way].mark : ' ';
    color(p, counts ? ways[x->way].color : it->type == OUTLINE_STAGE ? "\033[1m" : "\033[2m");
    out_print(p->out, "%c %*s%s", mark, (int)(2 * x->depth), "", name);
    if (x->way == PAIR_MOVED && counts)
        out_words(p->out, ": moved");
    if (x->tolerated && x->way != PAIR_SAME)
        out_words(p->out, x->inside ? " (part of it)" : " (tolerated)");
    print_inside(p, i);
    if (has_something(p, x))
        print_position(p, x);
    color(p, "\033[0m");
    out_char(p->out, '\n');
    if (has_something(p, x))
        print_changes(p, x, x->depth);
}

static void print_tree(struct printer *p)
{
    choose(p);
    for (size_t i = 0; i < comparison_count(p->r->c); i++)
        if (p->shown[i])
            print_pair(p, i);
    free(p->shown);
}

/* Only how many differences each stage has. */
static void print_stat(struct printer *p)
{
    char time[2][NUMBER_TEXT];
    out_print(p->out, "%11s %14s %14s  %s\n", "differences", "A took", "B took", "stage");
    for (size_t i = 0; i < comparison_count(p->r->c); i++) {
        const struct pair *x = comparison_pair(p->r->c, i);
        const struct outline_item *a = diff_item(p->r, x, 0), *b = diff_item(p->r, x, 1), *it = a ? a : b;
        size_t n = x->below + diff_counts(x);
        if (it->type != OUTLINE_STAGE || (!n && x->depth > 1))
            continue;
        out_print(p->out, "%11zu %14s %14s  %*s%s\n", n, a ? number_time(time[0], a->took) : "-",
                  b ? number_time(time[1], b->took) : "-", (int)(2 * x->depth), "", it->text);
    }
}

static void print_cause(struct printer *p)
{
    const struct cause *c = p->r->cause;
    char at[NUMBER_TEXT];
    if (c) {
        out_char(p->out, '\n');
        colored(p, "\033[1m", "cause");
        out_char(p->out, '\n');
    }
    for (size_t i = 0; c && i < c->n; i++) {
        const struct finding *f = &c->finding[i];
        const char *what = i && f->kind == f[-1].kind ? "" : finding_word(f->kind);
        out_print(p->out, "  %-17s %16s  %s\n", what, f->placed ? number_commas(at, f->icount) : "", f->text);
    }
}

void diff_text(FILE *out, const struct diff_result *r, const struct diff_options *o)
{
    struct comparison_counts k;
    struct printer p = {.out = out, .r = r, .o = o};
    comparison_counts(r->c, &k);
    print_summary(&p, &k);
    print_rules(&p);
    if (o->stat)
        print_stat(&p);
    else if (k.differences || o->all) {
        out_char(out, '\n');
        print_tree(&p);
    }
    print_cause(&p);
}

void diff_text_several(FILE *out, const struct diff_result *r, size_t n, const struct common_prefix *prefix)
{
    char events[NUMBER_TEXT], exact[NUMBER_TEXT], at[NUMBER_TEXT];
    out_print(out, "\n%11s  %s\n", "differences", r->a->path);
    for (size_t i = 0; i < n; i++) {
        struct comparison_counts k;
        comparison_counts(r[i].c, &k);
        out_print(out, "%11zu  %s\n", k.differences, r[i].b->path);
    }
    if (prefix)
        out_print(
            out,
            "All begin with the same %s events, the first %s of them at the same positions (up to icount %s).\n",
            number_commas(events, prefix->events), number_commas(exact, prefix->exact),
            number_commas(at, prefix->icount));
}
