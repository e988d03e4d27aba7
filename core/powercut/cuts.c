/* cuts.c - which losses of power are tried: see cuts.h. */
#include "core/powercut/cuts.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/powercut/private/content.h"

enum { SECTOR = 512 };

struct listing {
    struct power_content *c;
    const struct power_options *o;
    struct power_cut *cut;
    size_t n, room;
    struct content_hash *hash; /* of each */
    size_t hash_room;
    struct hash_index seen;
    size_t *open; /* the writes that may be lost at the present point */
    size_t nopen, open_room;
};

bool power_may_lose(const struct power_writes *w, size_t point, size_t write)
{
    return write < point && !w->medium[w->write[write].medium].flash && w->write[write].held > point;
}

/* ---------------------------------------------------------------- the list */

static void cut_free(struct power_cut *cut)
{
    free(cut->lost);
}

/* Takes a cut over, unless its content is known already. */
static void add(struct listing *l, struct power_cut cut)
{
    const struct content_hash h = content_hash_of(l->c, &cut);
    for (struct hash_search s = hash_search(&l->seen, h.a); hash_found(&l->seen, &s);)
        if (l->hash[s.number].a == h.a && l->hash[s.number].b == h.b) {
            cut_free(&cut);
            return;
        }
    hash_index_add(&l->seen, h.a, l->n);
    l->hash = mem_grow(l->hash, &l->hash_room, l->n + 1, sizeof *l->hash);
    l->cut = mem_grow(l->cut, &l->room, l->n + 1, sizeof *l->cut);
    l->hash[l->n] = h;
    l->cut[l->n++] = cut;
}

static void list_open(struct listing *l, size_t point)
{
    l->nopen = 0;
    for (size_t i = 0; i < point; i++)
        if (power_may_lose(l->c->w, point, i)) {
            l->open = mem_grow(l->open, &l->open_room, l->nopen + 1, sizeof *l->open);
            l->open[l->nopen++] = i;
        }
}

static void add_lost_alone(struct listing *l, size_t point)
{
    for (size_t i = 0; i < l->nopen; i++) {
        struct power_cut cut = {.point = point, .nlost = 1, .lost = mem_zero(1, sizeof *cut.lost)};
        cut.lost[0] = l->open[i];
        add(l, cut);
    }
}

/* ---------------------------------------------------------------- samples */

/* Sebastiano Vigna, "An experimental exploration of Marsaglia's xorshift generators": splitmix64. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* A part of a write: its beginning or its end, in whole sectors unless these may be torn, or the chip is written by bytes. */
static void tear(const struct listing *l, struct power_cut *cut, size_t write, uint64_t *state)
{
    const struct power_write *x = &l->c->w->write[write];
    const bool bytes = l->o->torn_sectors || l->c->w->medium[x->medium].flash;
    const uint64_t grain = bytes ? 1 : SECTOR, parts = (x->n + grain - 1) / grain;
    if (parts < 2)
        return;
    const uint64_t at = (1 + draw(state) % (parts - 1)) * grain;
    const bool beginning = draw(state) & 1;
    cut->torn = write + 1;
    cut->from = beginning ? 0 : at;
    cut->to = beginning ? at : x->n;
}

/* Each write that may be lost is lost with the chance of 1/2, 1/4 or 1/8; and of two samples one has a torn write: the last one, while it is in
 * progress, or one of these. */
static struct power_cut sample(const struct listing *l, size_t point, uint64_t *state)
{
    struct power_cut cut = {.point = point, .lost = mem_zero(l->nopen + 1, sizeof *cut.lost)};
    const unsigned rare = 1 + (unsigned)(draw(state) % 3);
    const bool torn = draw(state) & 1;
    const size_t which = torn ? draw(state) % (l->nopen + 1) : 0;
    const size_t write = !torn ? SIZE_MAX : which < l->nopen ? l->open[which] : point - 1;
    if (torn && write == point - 1)
        cut.point--;
    for (size_t i = 0; i < l->nopen; i++)
        if (!(draw(state) & ((1u << rare) - 1)) && l->open[i] != write)
            cut.lost[cut.nlost++] = l->open[i];
    if (torn)
        tear(l, &cut, write, state);
    return cut;
}

static void add_samples(struct listing *l, size_t point)
{
    uint64_t state = l->o->seed ^ (uint64_t)point * 0xd1342543de82ef95u;
    for (size_t i = 0; i < l->o->samples; i++)
        add(l, sample(l, point, &state));
}

/* ---------------------------------------------------------------- all */

static int rising(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

/* The points that are asked for: 1 + the number of the write before each. */
static size_t list_points(const struct power_writes *w, const char *role, size_t *point)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++)
        if (!role || !strcmp(w->medium[w->write[i].medium].role, role))
            point[n++] = i + 1;
    return n;
}

/* Which of n points are tried, rising: numbers from 1 to n, drawn without repetition (Floyd's algorithm). */
static size_t choose(const struct power_options *o, size_t n, size_t *point)
{
    const size_t many = o->points && o->points < n ? o->points : n;
    uint64_t state = o->seed;
    size_t count = 0;
    for (size_t j = n - many + 1; j <= n; j++) {
        size_t p = many < n ? 1 + draw(&state) % j : j;
        for (size_t i = 0; i < count && many < n; i++)
            if (point[i] == p) {
                p = j;
                break;
            }
        point[count++] = p;
    }
    qsort(point, count, sizeof *point, rising);
    return count;
}

struct power_cut *power_cuts(struct power_content *c, const struct power_options *o, size_t *n)
{
    struct listing l = {.c = c, .o = o};
    size_t *point = mem_zero(c->w->n + 1, sizeof *point), *which = mem_zero(c->w->n + 1, sizeof *which);
    const size_t points = choose(o, list_points(c->w, o->role, point), which);
    add(&l, (struct power_cut){.point = 0});
    add(&l, (struct power_cut){.point = c->w->n});
    for (size_t i = 0; i < points; i++) {
        const size_t at = point[which[i] - 1];
        list_open(&l, at);
        add(&l, (struct power_cut){.point = at});
        add_lost_alone(&l, at);
        add_samples(&l, at);
    }
    hash_index_clear(&l.seen);
    free(l.hash);
    free(l.open);
    free(point);
    free(which);
    *n = l.n;
    return l.cut;
}

void power_cuts_free(struct power_cut *cuts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cut_free(&cuts[i]);
    free(cuts);
}
