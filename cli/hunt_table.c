/* hunt_table.c - the results of a hunt: read from folders, and as a table. See hunt.h. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/hunt.h"
#include "cli/work_folder.h"

static uint64_t hash_of(const void *bytes, size_t n)
{
    return XXH3_64bits(bytes, n);
}

const struct hunt_trial *hunt_find(const struct hunt_results *r, uint64_t seed)
{
    for (struct hash_search s = hash_search(&r->by_seed, hash_of(&seed, sizeof seed));
         hash_found(&r->by_seed, &s);)
        if (r->trial[s.number].seed == seed)
            return &r->trial[s.number];
    return NULL;
}

static bool has_outcome(const struct hunt_results *r, const char *outcome, uint64_t hash)
{
    for (struct hash_search s = hash_search(&r->by_outcome, hash); hash_found(&r->by_outcome, &s);)
        if (!strcmp(r->trial[s.number].outcome, outcome))
            return true;
    return false;
}

void hunt_add(struct hunt_results *r, const struct hunt_trial *t)
{
    const uint64_t outcome = hash_of(t->outcome, strlen(t->outcome));
    if (!has_outcome(r, t->outcome, outcome)) {
        hash_index_add(&r->by_outcome, outcome, r->n);
        r->outcomes++;
    }
    hash_index_add(&r->by_seed, hash_of(&t->seed, sizeof t->seed), r->n);
    r->bad += t->bad;
    r->trial = mem_grow(r->trial, &r->room, r->n + 1, sizeof *r->trial);
    r->trial[r->n++] = *t;
}

static void take_trial_line(void *ctx, char *line)
{
    struct hunt_results *r = ctx;
    struct hunt_trial t = {.seed = strtoull(work_field(&line), NULL, 10)};
    const char *state = work_field(&line);
    t.bad = !strcmp(state, "bad");
    t.failed = !strcmp(state, "failed");
    t.icount = strtoull(work_field(&line), NULL, 10);
    t.time = strtoull(work_field(&line), NULL, 10);
    snprintf(t.outcome, sizeof t.outcome, "%s", work_field(&line));
    if (!t.failed && *t.outcome && !hunt_find(r, t.seed)) /* a failed one is made again */
        hunt_add(r, &t);
}

static void take_kept_line(void *ctx, char *line)
{
    struct hunt_results *r = ctx;
    struct hunt_kept k = {.seed = strtoull(work_field(&line), NULL, 10)};
    snprintf(k.code, sizeof k.code, "%s", work_field(&line));
    snprintf(k.verdict, sizeof k.verdict, "%s", work_field(&line));
    r->kept = mem_grow(r->kept, &r->kept_room, r->nkept + 1, sizeof *r->kept);
    r->kept[r->nkept++] = k;
}

int hunt_read(struct hunt_results *r, const char *folder, struct error *err)
{
    return work_folder_lines(folder, "trials", take_trial_line, r, err) ||
                   work_folder_lines(folder, "kept", take_kept_line, r, err)
               ? -1
               : 0;
}

void hunt_results_free(struct hunt_results *r)
{
    hash_index_clear(&r->by_seed);
    hash_index_clear(&r->by_outcome);
    free(r->trial);
    free(r->kept);
}

/* ---------------------------------------------------------------- the table */

/* One outcome. */
struct row {
    const struct hunt_trial *first; /* of the lowest seed */
    size_t n;
};

static int by_count(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return x->first->seed < y->first->seed ? -1 : 1;
}

static size_t rows_of(const struct hunt_results *r, struct row *row)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct hunt_trial *t = &r->trial[i];
        size_t k = 0;
        while (k < n && (strcmp(row[k].first->outcome, t->outcome) || row[k].first->bad != t->bad))
            k++;
        if (k == n)
            row[n++] = (struct row){.first = t};
        if (t->seed < row[k].first->seed)
            row[k].first = t;
        row[k].n++;
    }
    qsort(row, n, sizeof *row, by_count);
    return n;
}

static void put_kept(const struct hunt_results *r, const struct row *row)
{
    for (size_t i = 0; i < r->nkept; i++) {
        const struct hunt_trial *t = hunt_find(r, r->kept[i].seed);
        if (t && t->bad == row->first->bad && !strcmp(t->outcome, row->first->outcome))
            out_print(stdout, "          seed-%llu.reel: %s: %s\n", (unsigned long long)t->seed,
                      r->kept[i].code, r->kept[i].verdict);
    }
}

int hunt_table(const struct hunt_results *r)
{
    struct row *row = mem_zero(r->n + 1, sizeof *row);
    const size_t n = rows_of(r, row);
    out_print(stdout, "%8s  %-10s  %s\n", "trials", "first seed", "outcome");
    for (size_t i = 0; i < n; i++) {
        const struct hunt_trial *t = row[i].first;
        out_print(stdout, "%8zu  %-10llu  %s%s\n", row[i].n, (unsigned long long)t->seed, t->outcome,
                  t->failed ? "  (failed)"
                  : t->bad  ? "  (bad)"
                            : "");
        put_kept(r, &row[i]);
    }
    out_print(stdout, "%zu of %zu trials ended badly\n", r->bad, r->n);
    free(row);
    return r->bad ? EXIT_NO : EXIT_DONE;
}
