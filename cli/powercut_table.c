/* powercut_table.c - the results of powercut: as lines of a file, and as a table. See powercut.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/powercut.h"
#include "cli/work_folder.h"

const char *const power_outcome_word[POWER_OUTCOMES] = {
    [POWER_BEFORE] = "as before",    [POWER_AFTER] = "as after", [POWER_SOUND] = "sound",
    [POWER_REPAIR] = "needs repair", [POWER_DEAD] = "dead",      [POWER_FAILED] = "failed",
};

/* ---------------------------------------------------------------- lines */

void power_results_add(struct power_results *r, const struct power_result *x)
{
    r->result = mem_grow(r->result, &r->room, r->n + 1, sizeof *r->result);
    r->result[r->n++] = *x;
}

const struct power_result *power_results_find(const struct power_results *r, uint64_t number)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->result[i].number == number)
            return &r->result[i];
    return NULL;
}

void power_results_put(FILE *f, const struct power_result *x)
{
    out_print(f, "%llu\t%llu\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", (unsigned long long)x->number,
              (unsigned long long)x->point, x->whole ? "whole" : "lost", power_outcome_word[x->outcome],
              x->words, x->mark, x->end, x->code, x->verdict);
}

static void take_line(void *ctx, char *line)
{
    struct power_results *r = ctx;
    struct power_result x = {.outcome = POWER_FAILED};
    x.number = strtoull(work_field(&line), NULL, 10);
    x.point = strtoull(work_field(&line), NULL, 10);
    x.whole = !strcmp(work_field(&line), "whole");
    const char *outcome = work_field(&line);
    for (unsigned i = 0; i < POWER_OUTCOMES; i++)
        if (!strcmp(outcome, power_outcome_word[i]))
            x.outcome = i;
    snprintf(x.words, sizeof x.words, "%s", work_field(&line));
    snprintf(x.mark, sizeof x.mark, "%s", work_field(&line));
    snprintf(x.end, sizeof x.end, "%s", work_field(&line));
    snprintf(x.code, sizeof x.code, "%s", work_field(&line));
    snprintf(x.verdict, sizeof x.verdict, "%s", work_field(&line));
    if (x.outcome != POWER_FAILED && !power_results_find(r, x.number)) /* a failed one is made again */
        power_results_add(r, &x);
}

int power_results_read(struct power_results *r, const char *folder, struct error *err)
{
    return work_folder_lines(folder, "results", take_line, r, err);
}

/* ---------------------------------------------------------------- the table */

static int by_point(const void *a, const void *b)
{
    const struct power_result *x = a, *y = b;
    if (x->point != y->point)
        return x->point < y->point ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static bool is_alike(const struct power_result *x, const struct power_result *y)
{
    return x->outcome == y->outcome && !strcmp(x->end, y->end) && !strcmp(x->code, y->code);
}

static void put_row(const struct power_result *first, const struct power_result *last, size_t n)
{
    if (first->whole && first->point != last->point)
        out_print(stdout, "%6zu  after writes %llu to %llu", n, (unsigned long long)first->point,
                  (unsigned long long)last->point);
    else
        out_print(stdout, "%6zu  %s", n, first->words);
    if (!first->whole && n > 1)
        out_print(stdout, "; to: %s", last->words);
    out_print(stdout, ": %s", power_outcome_word[first->outcome]);
    if (first->outcome >= POWER_REPAIR && *first->end)
        out_print(stdout, ": %s", first->end);
    if (first->outcome == POWER_DEAD && *first->code)
        out_print(stdout, " (%s: %s)", first->code, first->verdict);
    if (*first->mark)
        out_print(stdout, "  [%s]", first->mark);
    out_words(stdout, "\n");
}

/* The rows of one sort: results that follow each other and are alike are one row. */
static void put_rows(const struct power_results *r, bool whole, const char *heading)
{
    const struct power_result *first = NULL, *last = NULL;
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct power_result *x = &r->result[i];
        if (x->whole != whole)
            continue;
        if (!first)
            out_print(stdout, "%s\n", heading);
        if (first && !is_alike(first, x)) {
            put_row(first, last, n);
            n = 0;
        }
        if (!n++)
            first = x;
        last = x;
    }
    if (n)
        put_row(first, last, n);
}

int power_table(struct power_results *r)
{
    size_t count[POWER_OUTCOMES] = {0};
    bool any = false;
    qsort(r->result, r->n, sizeof *r->result, by_point);
    for (size_t i = 0; i < r->n; i++)
        count[r->result[i].outcome]++;
    put_rows(r, true, " tried  all before it, and none after it");
    put_rows(r, false, " tried  writes lost or torn");
    out_print(stdout, "%zu contents:", r->n);
    for (unsigned i = 0; i < POWER_OUTCOMES; i++)
        if (count[i]) {
            out_print(stdout, "%s %zu %s", any ? "," : "", count[i], power_outcome_word[i]);
            any = true;
        }
    out_words(stdout, "\n");
    return count[POWER_DEAD] ? EXIT_NO : count[POWER_FAILED] ? EXIT_TROUBLE : EXIT_DONE;
}
