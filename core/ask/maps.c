/* maps.c - maps: cells by keys, and what aggregations add up. See private/value.h. */
#include "base/memory.h"
#include "core/ask/private/value.h"

/* ---------------------------------------------------------------- beginning and end */

struct ask_map *ask_maps_new(const struct ask_program *p)
{
    struct ask_map *maps = mem_zero(p->nmaps + 1, sizeof *maps);
    for (size_t i = 0; i < p->nmaps; i++) {
        maps[i].info = &p->map[i];
        maps[i].nkeys = p->map[i].nkeys;
    }
    return maps;
}

static void cell_clear(struct ask_cell *c)
{
    ask_forget(&c->value);
    free(c->bucket);
    c->bucket = NULL;
    c->count = 0;
    c->total = c->least = c->most = 0;
}

static void cell_free(struct ask_map *m, struct ask_cell *c)
{
    cell_clear(c);
    for (size_t i = 0; i < m->nkeys; i++)
        ask_forget(&c->key[i]);
    free(c->key);
}

void ask_map_clear(struct ask_map *m)
{
    for (size_t i = 0; i < m->n; i++)
        cell_free(m, &m->cell[i]);
    free(m->cell);
    hash_index_clear(&m->by_key);
    m->cell = NULL;
    m->n = m->ngone = 0;
}

void ask_maps_free(struct ask_map *maps, const struct ask_program *p)
{
    for (size_t i = 0; maps && i < p->nmaps; i++)
        ask_map_clear(&maps[i]);
    free(maps);
}

/* ---------------------------------------------------------------- cells */

static bool same_key(const struct ask_map *m, const struct ask_cell *c, const struct ask_value *key)
{
    for (size_t i = 0; i < m->nkeys; i++)
        if (ask_compare(&c->key[i], &key[i]))
            return false;
    return true;
}

/* Without the cells that were deleted. */
static void tidy(struct ask_map *m)
{
    size_t n = 0;
    hash_index_clear(&m->by_key);
    for (size_t i = 0; i < m->n; i++) {
        if (m->cell[i].gone) {
            cell_free(m, &m->cell[i]);
            continue;
        }
        m->cell[n] = m->cell[i];
        hash_index_add(&m->by_key, ask_hash(m->cell[n].key, m->nkeys), n);
        n++;
    }
    struct ask_cell *cells = NULL; /* its capacity follows from its number */
    for (size_t i = 0; i < n; i++) {
        MEM_MORE(cells, i);
        cells[i] = m->cell[i];
    }
    free(m->cell);
    m->cell = cells;
    m->n = n;
    m->ngone = 0;
}

static struct ask_cell *find(struct ask_map *m, uint64_t hash, const struct ask_value *key)
{
    for (struct hash_search s = hash_search(&m->by_key, hash); hash_found(&m->by_key, &s);)
        if (same_key(m, &m->cell[s.number], key))
            return &m->cell[s.number];
    return NULL;
}

struct ask_cell *ask_map_cell(struct ask_map *m, const struct ask_value *key, bool make)
{
    enum { WORTH = 1024 };
    const uint64_t hash = ask_hash(key, m->nkeys);
    struct ask_cell *c = find(m, hash, key);
    if (c && !c->gone)
        return c;
    if (!make)
        return NULL;
    if (c) {
        c->gone = false;
        m->ngone--;
        return c;
    }
    if (m->ngone > WORTH && m->ngone > m->n / 2)
        tidy(m);
    MEM_MORE(m->cell, m->n);
    c = &m->cell[m->n];
    *c = (struct ask_cell){.key = mem_zero(m->nkeys + 1, sizeof *c->key)};
    for (size_t i = 0; i < m->nkeys; i++)
        c->key[i] = ask_copy(&key[i]);
    hash_index_add(&m->by_key, hash, m->n++);
    return c;
}

void ask_map_delete(struct ask_map *m, const struct ask_value *key)
{
    struct ask_cell *c = ask_map_cell(m, key, false);
    if (!c)
        return;
    cell_clear(c);
    c->gone = true;
    m->ngone++;
}

void ask_map_zero(struct ask_map *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (!m->cell[i].gone) {
            cell_clear(&m->cell[i]);
            m->cell[i].value = ask_number(0, true);
        }
}

/* ---------------------------------------------------------------- aggregations */

static unsigned power_bucket(uint64_t n, bool is_signed)
{
    if (is_signed && (int64_t)n < 0)
        return 0;
    return n ? 2 + (63 - (unsigned)__builtin_clzll(n)) : 1;
}

static size_t buckets(const struct ask_map *m)
{
    return m->info->kind == MAP_LHIST ? (size_t)((m->high - m->low + m->step - 1) / m->step) + 2 : ASK_POWERS;
}

static size_t linear_bucket(const struct ask_map *m, int64_t n)
{
    return n < m->low ? 0 : n >= m->high ? buckets(m) - 1 : (size_t)((n - m->low) / m->step) + 1;
}

static void add_bucket(const struct ask_map *m, struct ask_cell *c, const struct ask_value *v)
{
    if (!c->bucket)
        c->bucket = mem_zero(buckets(m), sizeof *c->bucket);
    c->bucket[m->info->kind == MAP_HIST ? power_bucket(v->n, v->is_signed)
                                        : linear_bucket(m, (int64_t)v->n)]++;
}

static bool less(uint64_t a, uint64_t b, bool is_signed)
{
    return is_signed ? (int64_t)a < (int64_t)b : a < b;
}

void ask_map_add(struct ask_map *m, struct ask_cell *c, const struct ask_value *v)
{
    const bool first = !c->count++;
    if (m->info->kind == MAP_COUNT)
        return;
    if (first)
        c->is_signed = v->is_signed;
    if (first || less(v->n, (uint64_t)c->least, c->is_signed))
        c->least = (int64_t)v->n;
    if (first || less((uint64_t)c->most, v->n, c->is_signed))
        c->most = (int64_t)v->n;
    c->total += (int64_t)v->n;
    if (m->info->kind == MAP_HIST || m->info->kind == MAP_LHIST)
        add_bucket(m, c, v);
}

static int64_t average(const struct ask_cell *c)
{
    if (!c->count)
        return 0;
    return c->is_signed ? c->total / (int64_t)c->count : (int64_t)((uint64_t)c->total / c->count);
}

struct ask_value ask_cell_value(const struct ask_map *m, const struct ask_cell *c)
{
    switch (m->info->kind) {
    case MAP_COUNT:
        return ask_number(c->count, true);
    case MAP_SUM:
        return ask_number((uint64_t)c->total, c->is_signed || !c->count);
    case MAP_MIN:
        return ask_number((uint64_t)c->least, c->is_signed || !c->count);
    case MAP_MAX:
        return ask_number((uint64_t)c->most, c->is_signed || !c->count);
    case MAP_AVG:
    case MAP_STATS:
        return ask_number((uint64_t)average(c), c->is_signed || !c->count);
    default:
        return c->value.kind == V_NONE ? ask_number(0, true) : c->value;
    }
}

/* ---------------------------------------------------------------- joining */

static void join_numbers(struct ask_cell *c, const struct ask_cell *later)
{
    if (!later->count)
        return;
    if (!c->count)
        c->is_signed = later->is_signed;
    if (!c->count || less((uint64_t)later->least, (uint64_t)c->least, c->is_signed))
        c->least = later->least;
    if (!c->count || less((uint64_t)c->most, (uint64_t)later->most, c->is_signed))
        c->most = later->most;
    c->count += later->count;
    c->total += later->total;
}

static void join_cell(struct ask_map *m, struct ask_cell *c, const struct ask_cell *later)
{
    join_numbers(c, later);
    if (later->bucket && !c->bucket)
        c->bucket = mem_zero(buckets(m), sizeof *c->bucket);
    for (size_t i = 0; later->bucket && i < buckets(m); i++)
        c->bucket[i] += later->bucket[i];
    if (m->info->kind != MAP_VALUE || later->value.kind == V_NONE)
        return;
    if (m->info->is_stepped && c->value.kind == V_NUMBER) {
        c->value.n += later->value.n;
        return;
    }
    ask_forget(&c->value);
    c->value = ask_copy(&later->value);
    c->value.type = NULL; /* types go with who made them */
}

void ask_map_join(struct ask_map *m, const struct ask_map *later)
{
    if (later->step)
        m->low = later->low, m->high = later->high, m->step = later->step;
    for (size_t i = 0; i < later->n; i++)
        if (!later->cell[i].gone)
            join_cell(m, ask_map_cell(m, later->cell[i].key, true), &later->cell[i]);
}
