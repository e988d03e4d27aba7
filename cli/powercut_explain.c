/* powercut_explain.c - which write matters in a loss of power that is fatal. See powercut.h.
 *
 * Of the writes that are lost, those are found whose loss suffices (core/hunt/minimize.h); then, of those that are there and could have been
 * lost as well, those that have to be there. If nothing was lost, the write that begins the fatal time is there, and the one that ends it is
 * not. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/output.h"
#include "base/text.h"
#include "cli/powercut.h"
#include "core/hunt/minimize.h"

enum { RUNS_MOST = 400, NAMED = 6 };

struct explain {
    struct powercut *p;
    const struct power_results *r; /* what is known */
    struct power_cut cut;
    size_t *set; /* what the numbers of the present search stand for */
    size_t nset;
    const size_t *lost; /* the writes that are lost anyway */
    size_t nlost;
    bool keep; /* the chosen of `set` are there, and its others are lost; otherwise the chosen are lost */
    struct error *err;
    bool failed;
    size_t runs;
};

static int rising(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

static bool boot_is_dead(struct explain *x, const struct power_cut *cut)
{
    struct power_result result = {.number = UINT64_MAX};
    if (x->failed)
        return false;
    x->runs++;
    x->failed = (x->p->check ? powercut_check(x->p, cut, x->p->jobs, &result, x->err)
                             : powercut_boot(x->p, cut, NULL, NULL, &result, x->err)) != 0;
    return !x->failed && result.outcome == POWER_DEAD;
}

/* As minimize_options.bad. */
static bool is_dead(void *ctx, const size_t *choice, size_t n)
{
    struct explain *x = ctx;
    struct power_cut cut = x->cut;
    size_t at = 0;
    cut.lost = mem_zero(x->nset + x->nlost + 1, sizeof *cut.lost);
    cut.nlost = 0;
    for (size_t i = 0; i < x->nlost; i++)
        cut.lost[cut.nlost++] = x->lost[i];
    for (size_t i = 0; i < x->nset; i++) {
        const bool chosen = at < n && choice[at] == i;
        at += chosen;
        if (chosen != x->keep)
            cut.lost[cut.nlost++] = x->set[i];
    }
    qsort(cut.lost, cut.nlost, sizeof *cut.lost, rising);
    const bool dead = boot_is_dead(x, &cut);
    free(cut.lost);
    return dead;
}

/* Reduces the set to what is needed. */
static void reduce(struct explain *x)
{
    const struct minimize_options o = {.ctx = x, .bad = is_dead, .runs = RUNS_MOST};
    struct minimized m;
    if (!x->nset)
        return;
    minimize(&o, x->nset, &m);
    for (size_t i = 0; i < m.n; i++)
        x->set[i] = x->set[m.choice[i]];
    x->nset = m.n;
    free(m.choice);
}

static void put_list(struct power_names *names, const size_t *write, size_t n, struct text *to)
{
    for (size_t i = 0; i < n && i < NAMED; i++) {
        text_add(to, "  ");
        power_write_words(names, write[i], to);
        text_add(to, "\n");
    }
    if (n > NAMED)
        text_add(to, "  and %zu others\n", n - NAMED);
}

/* ---------------------------------------------------------------- something is lost */

static void explain_loss(struct explain *x, struct power_names *names, struct text *to)
{
    x->set = mem_copy(x->cut.lost, x->cut.nlost * sizeof *x->cut.lost);
    x->nset = x->cut.nlost;
    reduce(x);
    size_t *lost = x->set;
    const size_t nlost = x->nset;
    /* What could have been lost as well, and is there. */
    x->set = mem_zero(x->cut.point + 1, sizeof *x->set);
    x->nset = 0;
    for (size_t i = 0; i < x->cut.point; i++)
        if (power_may_lose(&x->p->w, x->cut.point, i) && x->cut.torn != i + 1 &&
            !bsearch(&i, lost, nlost, sizeof i, rising))
            x->set[x->nset++] = i;
    x->lost = lost;
    x->nlost = nlost;
    x->keep = true;
    reduce(x);
    text_add(to, "fatal if this is lost:\n");
    put_list(names, lost, nlost, to);
    if (x->nset) {
        text_add(to, "while this is there, and no flush is between them:\n");
        put_list(names, x->set, x->nset, to);
    }
    free(x->set);
    free(lost);
}

/* ---------------------------------------------------------------- all that was written is there */

/* The last point before this one at which a boot is known not to be dead; 0 is the disk before the run. */
static size_t last_alive(const struct explain *x)
{
    size_t last = 0;
    for (size_t i = 0; i < x->r->n; i++) {
        const struct power_result *k = &x->r->result[i];
        if (k->whole && k->outcome < POWER_DEAD && k->point < x->cut.point && k->point > last)
            last = (size_t)k->point;
    }
    return last;
}

/* A point at which the boot is dead, and is not at the one before it: not all points have been tried, so it is searched for by halves. */
static size_t begin_of_danger(struct explain *x)
{
    size_t alive = last_alive(x), dead = x->cut.point;
    while (dead - alive > 1) {
        const struct power_cut middle = {.point = alive + (dead - alive) / 2};
        *(boot_is_dead(x, &middle) ? &dead : &alive) = middle.point;
    }
    return dead;
}

enum { END_UNKNOWN = 0 };

/* The first point from here on at which the boot is not dead; beyond the end if there is none. */
static size_t end_of_danger(struct explain *x)
{
    for (struct power_cut cut = {.point = x->cut.point + 1}; cut.point <= x->p->w.n; cut.point++) {
        if (x->runs >= RUNS_MOST)
            return END_UNKNOWN;
        if (!boot_is_dead(x, &cut))
            return cut.point;
    }
    return x->p->w.n + 1;
}

static void explain_point(struct explain *x, struct power_names *names, struct text *to)
{
    const size_t first = begin_of_danger(x) - 1, end = end_of_danger(x);
    text_add(to, "fatal once this is there:\n");
    put_list(names, &first, 1, to);
    if (end == END_UNKNOWN) {
        text_add(to, "until when was not found in %zu runs\n", x->runs);
    } else if (end <= x->p->w.n) {
        const size_t next = end - 1;
        text_add(to, "and as long as this is not:\n");
        put_list(names, &next, 1, to);
    } else {
        text_add(to, "and up to the end of the run\n");
    }
}

static void explain_tear(struct explain *x, struct power_names *names, struct text *to)
{
    const size_t torn = x->cut.torn - 1;
    text_add(to, "fatal if of this only bytes %llu to %llu are there:\n", (unsigned long long)x->cut.from,
             (unsigned long long)(x->cut.to - 1));
    put_list(names, &torn, 1, to);
}

/* ---------------------------------------------------------------- the whole */

static const struct power_result *first_dead(const struct power_results *r)
{
    const struct power_result *first = NULL;
    for (size_t i = 0; i < r->n; i++)
        if (r->result[i].outcome == POWER_DEAD && (!first || r->result[i].number < first->number))
            first = &r->result[i];
    return first;
}

static bool torn_is_needed(struct explain *x)
{
    struct power_cut cut = x->cut;
    cut.torn = 0;
    const bool dead = boot_is_dead(x, &cut);
    if (dead)
        x->cut.torn = 0;
    return !dead;
}

static void explain(struct explain *x, struct power_names *names, const struct power_result *dead,
                    struct text *to)
{
    text_add(to, "%s: %s", dead->words, dead->end);
    if (*dead->code)
        text_add(to, " (%s: %s)", dead->code, dead->verdict);
    text_add(to, "\n");
    if (x->cut.torn && torn_is_needed(x))
        explain_tear(x, names, to);
    if (x->cut.nlost && is_dead(x, NULL, 0)) /* the losses do not matter */
        x->cut.nlost = 0;
    if (x->cut.nlost)
        explain_loss(x, names, to);
    else if (!x->cut.torn && x->cut.point)
        explain_point(x, names, to);
    text_add(to, "(%zu runs)\n", x->runs);
}

static int write_answer(const struct powercut *p, const char *text, struct error *err)
{
    char *path = text_format("%s/dead.txt", p->folder);
    struct output *out = output_open(path, err);
    if (out)
        out_words(output_file(out), text);
    const int rc = out ? output_done(out, err) : -1;
    free(path);
    return rc;
}

int powercut_explain(struct powercut *p, const struct power_results *r, struct error *err)
{
    const struct power_result *dead = first_dead(r);
    if (!dead)
        return 0;
    struct explain x = {.p = p, .r = r, .cut = p->cut[dead->number], .err = err};
    struct power_names *names = power_names_new(p);
    struct text answer = {0};
    struct power_result again = {.number = dead->number};
    char *reel = text_format("%s/dead.reel", p->folder);
    explain(&x, names, dead, &answer);
    int rc = x.failed ? -1 : write_answer(p, answer.s, err);
    if (!rc && !p->check)
        rc = powercut_boot(p, &p->cut[dead->number], reel, answer.s, &again, err);
    if (!rc) {
        out_print(stdout, "\nthe first dead one%s%s:\n", p->check ? "" : ", ", p->check ? "" : reel);
        out_words(stdout, answer.s);
    }
    power_names_free(names);
    free(answer.s);
    free(reel);
    return rc;
}
