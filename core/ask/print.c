/* print.c - maps, histograms and values as bpftrace prints them, as text and as JSON. See private/value.h. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/out.h"
#include "core/ask/private/value.h"

enum { BAR = 52, LABEL = 24 };

/* ---------------------------------------------------------------- order */

static uint64_t weight(const struct ask_map *m, const struct ask_cell *c)
{
    return m->info->kind == MAP_HIST || m->info->kind == MAP_LHIST ? c->count : 0;
}

static int by_key(const struct ask_map *m, const struct ask_cell *a, const struct ask_cell *b)
{
    int order = 0;
    for (size_t i = 0; i < m->nkeys && !order; i++)
        order = ask_compare(&a->key[i], &b->key[i]);
    return order;
}

/* The smallest first, then by their keys, so that the order does not depend on the run. Texts: by their keys. */
static int in_order(const void *x, const void *y, void *ctx)
{
    const struct ask_map *m = ctx;
    const struct ask_cell *a = *(const struct ask_cell *const *)x, *b = *(const struct ask_cell *const *)y;
    const uint64_t wa = weight(m, a), wb = weight(m, b);
    int order = (wa > wb) - (wa < wb);
    const struct ask_value va = ask_cell_value(m, a), vb = ask_cell_value(m, b);
    if (!order && m->info->kind != MAP_HIST && m->info->kind != MAP_LHIST && va.kind == V_NUMBER &&
        vb.kind == V_NUMBER)
        order = ask_compare(&va, &vb);
    return order ? order : by_key(m, a, b);
}

const struct ask_cell **ask_map_sorted(const struct ask_map *m, uint64_t top, size_t *n)
{
    const struct ask_cell **list = mem_zero(m->n + 1, sizeof *list);
    *n = 0;
    for (size_t i = 0; i < m->n; i++)
        if (!m->cell[i].gone)
            list[(*n)++] = &m->cell[i];
    if (*n)
        qsort_r(list, *n, sizeof *list, in_order, (void *)m);
    if (top && top < *n) {
        memmove(list, list + (*n - top), (size_t)top * sizeof *list);
        *n = (size_t)top;
    }
    return list;
}

/* ---------------------------------------------------------------- histograms */

/* 1024 is 1K. */
static void power_label(unsigned power, char buf[LABEL])
{
    static const char units[] = "\0KMGTPE";
    snprintf(buf, LABEL, "%u%.1s", 1u << power % 10, units + power / 10);
}

static void linear_label(int64_t n, int64_t step, char buf[LABEL])
{
    enum { KILO = 1024, MEGA = 1024 * 1024 };
    if (step % KILO || !n || n % KILO)
        snprintf(buf, LABEL, "%" PRId64, n);
    else if (n % MEGA)
        snprintf(buf, LABEL, "%" PRId64 "K", n / KILO);
    else
        snprintf(buf, LABEL, "%" PRId64 "M", n / MEGA);
}

static size_t bucket_count(const struct ask_map *m)
{
    return m->info->kind == MAP_LHIST ? (size_t)((m->high - m->low + m->step - 1) / m->step) + 2 : ASK_POWERS;
}

/* From its first value to its last; false: below or above all limits. */
static bool bucket_from(const struct ask_map *m, size_t i, int64_t *low)
{
    if (m->info->kind == MAP_LHIST) {
        *low = i ? m->low + (int64_t)(i - 1) * m->step : INT64_MIN;
        return i;
    }
    *low = i > 1 ? (int64_t)(1ull << (i - 2)) : 0;
    return i;
}

static bool bucket_to(const struct ask_map *m, size_t i, int64_t *high)
{
    int64_t next;
    if (m->info->kind == MAP_LHIST) {
        next = i ? m->low + (int64_t)i * m->step : m->low;
        *high = (next < m->high ? next : m->high) - 1;
        return i + 1 < bucket_count(m);
    }
    *high = i < 2 ? (int64_t)i - 1 : (int64_t)((1ull << (i - 2)) * 2 - 1);
    return true;
}

static void label(const struct ask_map *m, size_t i, char *buf, size_t size)
{
    char from[LABEL], to[LABEL];
    int64_t low, high;
    if (m->info->kind == MAP_HIST) {
        if (i < 3) {
            snprintf(buf, size, "%s", i == 0 ? "(..., 0)" : i == 1 ? "[0]" : "[1]");
            return;
        }
        power_label((unsigned)i - 2, from);
        power_label((unsigned)i - 1, to);
    } else {
        const bool first = !bucket_from(m, i, &low), last = !bucket_to(m, i, &high);
        linear_label(first ? 0 : low, m->step, from);
        linear_label(high + 1, m->step, to);
        if (first || last) {
            snprintf(buf, size, first ? "(..., %s)" : "[%s, ...)", first ? to : from);
            return;
        }
    }
    snprintf(buf, size, "[%s, %s)", from, to);
}

struct span {
    size_t first, last;
    uint64_t most;
    bool any;
};

static struct span span_of(const struct ask_map *m, const struct ask_cell *c)
{
    struct span s = {.any = false};
    for (size_t i = 0; c->bucket && i < bucket_count(m); i++) {
        if (!c->bucket[i])
            continue;
        if (!s.any)
            s.first = i;
        s.any = true;
        s.last = i;
        s.most = c->bucket[i] > s.most ? c->bucket[i] : s.most;
    }
    return s;
}

static void text_histogram(struct text *out, const struct ask_map *m, const struct ask_cell *c,
                           uint64_t divisor)
{
    const struct span s = span_of(m, c);
    for (size_t i = s.first; s.any && i <= s.last; i++) {
        char name[2 * LABEL + 8], bar[BAR + 1];
        const size_t width = (size_t)((unsigned __int128)c->bucket[i] * BAR / s.most);
        label(m, i, name, sizeof name);
        memset(bar, '@', width);
        bar[width] = 0;
        text_add(out, "%-16s%8" PRIu64 " |%-*s|\n", name, c->bucket[i] / divisor, BAR, bar);
    }
}

/* ---------------------------------------------------------------- text */

static void text_keys(struct text *out, const struct ask_map *m, const struct ask_cell *c)
{
    text_add(out, "%s", m->info->name);
    for (size_t i = 0; i < m->nkeys; i++) {
        text_add(out, i ? ", " : "[");
        ask_show(out, &c->key[i]);
    }
    text_add(out, m->nkeys ? "]" : "");
}

static struct ask_value divided(struct ask_value v, uint64_t divisor)
{
    if (v.kind == V_NUMBER && divisor > 1)
        v.n = v.is_signed ? (uint64_t)((int64_t)v.n / (int64_t)divisor) : v.n / divisor;
    return v;
}

static void text_cell(struct text *out, const struct ask_map *m, const struct ask_cell *c, uint64_t divisor)
{
    const struct ask_value v = divided(ask_cell_value(m, c), divisor);
    const struct ask_value total =
        divided(ask_number((uint64_t)c->total, c->is_signed || !c->count), divisor);
    text_keys(out, m, c);
    text_add(out, ": ");
    if (m->info->kind == MAP_HIST || m->info->kind == MAP_LHIST) {
        text_add(out, "\n");
        text_histogram(out, m, c, divisor);
    } else if (m->info->kind == MAP_STATS) {
        text_add(out, "count %" PRIu64 ", average ", c->count);
        ask_show(out, &v);
        text_add(out, ", total ");
        ask_show(out, &total);
    } else {
        ask_show(out, &v);
    }
    text_add(out, "\n");
}

/* ---------------------------------------------------------------- JSON */

static void json_value(yajl_gen g, const struct ask_value *v)
{
    struct text t = {0};
    if (v->kind == V_TUPLE) {
        yajl_gen_array_open(g);
        for (size_t i = 0; i < v->length; i++)
            json_value(g, &v->item[i]);
        yajl_gen_array_close(g);
        return;
    }
    ask_show_raw(&t, v);
    if (v->kind == V_TEXT || v->kind == V_BYTES)
        yajl_gen_string(g, (const unsigned char *)(t.s ? t.s : ""), t.n);
    else
        yajl_gen_number(g, t.s, t.n);
    free(t.s);
}

static void json_name(yajl_gen g, const char *name)
{
    yajl_gen_string(g, (const unsigned char *)name, strlen(name));
}

static void json_bucket(yajl_gen g, const struct ask_map *m, const struct ask_cell *c, size_t i,
                        uint64_t divisor)
{
    int64_t at;
    struct ask_value v;
    yajl_gen_map_open(g);
    if (bucket_from(m, i, &at)) {
        json_name(g, "min");
        v = ask_number((uint64_t)at, true);
        json_value(g, &v);
    }
    if (bucket_to(m, i, &at)) {
        json_name(g, "max");
        v = ask_number((uint64_t)at, true);
        json_value(g, &v);
    }
    json_number(g, "count", c->bucket[i] / divisor);
    yajl_gen_map_close(g);
}

static void json_cell(yajl_gen g, const struct ask_map *m, const struct ask_cell *c, uint64_t divisor)
{
    const struct ask_value v = divided(ask_cell_value(m, c), divisor),
                           total = divided(ask_number((uint64_t)c->total, c->is_signed), divisor);
    if (m->info->kind == MAP_HIST || m->info->kind == MAP_LHIST) {
        const struct span s = span_of(m, c);
        yajl_gen_array_open(g);
        for (size_t i = s.first; s.any && i <= s.last; i++)
            json_bucket(g, m, c, i, divisor);
        yajl_gen_array_close(g);
    } else if (m->info->kind == MAP_STATS) {
        yajl_gen_map_open(g);
        json_number(g, "count", c->count);
        json_name(g, "average");
        json_value(g, &v);
        json_name(g, "total");
        json_value(g, &total);
        yajl_gen_map_close(g);
    } else {
        json_value(g, &v);
    }
}

static void json_keys(yajl_gen g, const struct ask_map *m, const struct ask_cell *c)
{
    struct text t = {0};
    for (size_t i = 0; i < m->nkeys; i++) {
        text_add(&t, i ? "," : "");
        ask_show_raw(&t, &c->key[i]);
    }
    yajl_gen_string(g, (const unsigned char *)(t.s ? t.s : ""), t.n);
    free(t.s);
}

/* An object of one line, {"type": …, "data": …}; `data` writes what it holds. */
static void json_line(const struct ask_print *p, const char *type, void (*data)(yajl_gen g, const void *ctx),
                      const void *ctx)
{
    char *s = NULL;
    size_t n = 0;
    FILE *f = mem_check(open_memstream(&s, &n));
    yajl_gen g = json_new(false);
    yajl_gen_map_open(g);
    json_text(g, "type", type);
    json_name(g, "data");
    data(g, ctx);
    yajl_gen_map_close(g);
    json_end(g, f);
    yajl_gen_free(g);
    fclose(f);
    text_add(p->out, "%s", s);
    free(s);
}

struct shown_map {
    const struct ask_map *m;
    const struct ask_cell **list;
    size_t n;
    uint64_t divisor;
};

static void json_map(yajl_gen g, const void *ctx)
{
    const struct shown_map *s = ctx;
    yajl_gen_map_open(g);
    json_name(g, s->m->info->name);
    if (s->m->nkeys)
        yajl_gen_map_open(g);
    for (size_t i = 0; i < s->n; i++) {
        if (s->m->nkeys)
            json_keys(g, s->m, s->list[i]);
        json_cell(g, s->m, s->list[i], s->divisor);
    }
    if (s->m->nkeys)
        yajl_gen_map_close(g);
    else if (!s->n)
        yajl_gen_null(g);
    yajl_gen_map_close(g);
}

/* ---------------------------------------------------------------- both */

static void show_map(const struct ask_print *p, const struct shown_map *s)
{
    static const char *const types[] = {[MAP_STATS] = "stats", [MAP_HIST] = "hist", [MAP_LHIST] = "hist"};
    const bool named = s->m->info->kind < sizeof types / sizeof types[0] && types[s->m->info->kind];
    if (p->json) {
        json_line(p, named ? types[s->m->info->kind] : "map", json_map, s);
        return;
    }
    for (size_t i = 0; i < s->n; i++)
        text_cell(p->out, s->m, s->list[i], s->divisor);
}

void ask_print_map(const struct ask_print *p, const struct ask_map *m, uint64_t top, uint64_t divisor)
{
    struct shown_map s = {.m = m, .divisor = divisor ? divisor : 1};
    s.list = ask_map_sorted(m, top, &s.n);
    show_map(p, &s);
    if (!p->json && !top && m->info->kind != MAP_HIST && m->info->kind != MAP_LHIST)
        text_add(p->out, "\n");
    free(s.list);
}

void ask_print_cell(const struct ask_print *p, const struct ask_map *m, const struct ask_cell *c)
{
    show_map(p, &(struct shown_map){.m = m, .list = &c, .n = 1, .divisor = 1});
}

static void json_one(yajl_gen g, const void *ctx)
{
    json_value(g, ctx);
}

void ask_print_value(const struct ask_print *p, const struct ask_value *v)
{
    if (p->json) {
        json_line(p, "value", json_one, v);
        return;
    }
    ask_show(p->out, v);
    text_add(p->out, "\n");
}

void ask_print_text(const struct ask_print *p, const char *type, const char *text, size_t n)
{
    if (p->json) {
        json_line(p, type, json_one, &(struct ask_value){.kind = V_TEXT, .s = text, .length = n});
        return;
    }
    struct text *t = p->out;
    t->s = mem_resize(t->s, t->n + n + 1);
    memcpy(t->s + t->n, text, n);
    t->n += n;
    t->s[t->n] = 0;
}

static void json_attached(yajl_gen g, const void *ctx)
{
    yajl_gen_map_open(g);
    json_number(g, "probes", *(const size_t *)ctx);
    yajl_gen_map_close(g);
}

void ask_print_attached(const struct ask_print *p, size_t probes)
{
    if (p->json)
        json_line(p, "attached_probes", json_attached, &probes);
    else
        text_add(p->out, "Attaching %zu probe%s...\n", probes, probes == 1 ? "" : "s");
}

/* ---------------------------------------------------------------- rows */

struct row {
    const char *const *names;
    const struct ask_value *values;
    size_t n;
};

static void json_row(yajl_gen g, const void *ctx)
{
    const struct row *r = ctx;
    yajl_gen_map_open(g);
    for (size_t i = 0; i < r->n; i++) {
        json_name(g, r->names[i]);
        json_value(g, &r->values[i]);
    }
    yajl_gen_map_close(g);
}

void ask_print_row(const struct ask_print *p, const char *const *names, const struct ask_value *values,
                   size_t n)
{
    const struct row r = {names, values, n};
    if (p->json) {
        json_line(p, "row", json_row, &r);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        text_add(p->out, "%s%s=", i ? " " : "", names[i]);
        ask_show(p->out, &values[i]);
    }
    text_add(p->out, "\n");
}
