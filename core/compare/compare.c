/* compare.c - which item of one boot belongs to which of the other. */
#include <ctype.h>
#include <string.h>

#include "base/memory.h"
#include "core/compare/private/compare_impl.h"
#include "core/compare/private/sequence.h"

enum { GAP = 64 /* largest gap that is searched for resembling texts */, WORD_LEAST = 4, TEXT_MAX = 8192 };

/* ---------------------------------------------------------------- sides */

static uint64_t place_of(const struct outline_item *it, uint32_t i)
{
    return (uint64_t)(it->parent + 1) << 40 | (uint64_t)it->lane << 32 | i;
}

static int by_place(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Items by parent and lane. parent + 1 has to fit in 24 bits. */
static void sort_items(struct side *s)
{
    uint64_t *place = mem_alloc(s->n * sizeof *place);
    for (uint32_t i = 0; i < s->n; i++)
        place[i] = place_of(outline_get(s->o, i), i);
    qsort(place, s->n, sizeof *place, by_place);
    uint32_t at = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t parent = (uint32_t)(place[i] >> 40);
        while (at <= parent)
            s->begin[at++] = i;
        s->list[i] = (uint32_t)place[i];
    }
    while (at <= s->n + 1)
        s->begin[at++] = s->n;
    free(place);
}

static void side_init(struct side *s, const struct outline *o)
{
    s->o = o;
    s->n = outline_count(o);
    s->match = mem_alloc(s->n * sizeof *s->match);
    s->moved = mem_zero(s->n, sizeof *s->moved);
    s->id = mem_alloc(s->n * sizeof *s->id);
    s->key = mem_alloc(s->n * sizeof *s->key);
    s->list = mem_alloc(s->n * sizeof *s->list);
    s->begin = mem_alloc((s->n + 2) * sizeof *s->begin);
    s->pair = mem_alloc(s->n * sizeof *s->pair);
    for (uint32_t i = 0; i < s->n; i++) {
        s->match[i] = OUTLINE_NONE;
        s->pair[i] = SIZE_MAX;
        s->id[i] = outline_get(o, i)->id;
        s->key[i] = outline_get(o, i)->key;
    }
    sort_items(s);
}

static void side_free(struct side *s)
{
    free(s->match);
    free(s->moved);
    free(s->id);
    free(s->key);
    free(s->list);
    free(s->begin);
    free(s->pair);
}

int compare_class(const char *kind)
{
    for (unsigned k = 0; k < EV_COUNT; k++)
        if (!strcmp(event_kind(k)->name, kind))
            return event_kind(k)->cls;
    return -1;
}

bool compare_wants(const struct comparison *c, const struct outline_item *it)
{
    if (it->type == OUTLINE_PROCESS)
        return c->classes & EVENT_CLASS_BIT(EC_PROCESS);
    int cls = it->type == OUTLINE_EVENT || it->type == OUTLINE_COUNT ? compare_class(it->kind) : -1;
    return cls < 0 || c->classes & EVENT_CLASS_BIT(cls);
}

/* ---------------------------------------------------------------- what only the settings make different */

/* Words of a setting that the other boot's setting does not have. */
struct own_words {
    char *word[64];
    size_t n;
};

static bool has_word(const char *text, const char *word, size_t n)
{
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, " ");
        if (len == n && !memcmp(p, word, n))
            return true;
        p += len + strspn(p + len, " ");
    }
    return false;
}

static const char *setting(const struct outline *o, const char *name)
{
    for (uint32_t i = 0; i < outline_count(o); i++) {
        const struct outline_item *it = outline_get(o, i);
        if (it->type == OUTLINE_INPUT && !strcmp(it->kind, "setting") && !strcmp(it->text, name))
            return it->detail;
    }
    return "";
}

static bool is_worth(const char *word, size_t n)
{
    for (size_t i = 0; n >= WORD_LEAST && i < n; i++)
        if (isalpha((unsigned char)word[i]))
            return true;
    return false;
}

static void find_words(const struct outline *o, const struct outline *other, struct own_words *w)
{
    for (uint32_t i = 0; i < outline_count(o); i++) {
        const struct outline_item *it = outline_get(o, i);
        if (it->type != OUTLINE_INPUT || strcmp(it->kind, "setting"))
            continue;
        const char *theirs = setting(other, it->text);
        for (const char *p = it->detail; *p;) {
            size_t len = strcspn(p, " ");
            if (is_worth(p, len) && !has_word(theirs, p, len) && w->n < sizeof w->word / sizeof w->word[0])
                w->word[w->n++] = mem_text(p, len);
            p += len + strspn(p + len, " ");
        }
    }
}

/* Copies text without these words and the blank before each; returns whether there were any. */
static bool without_words(const struct own_words *w, const char *text, char out[TEXT_MAX + 1])
{
    size_t n = strnlen(text, TEXT_MAX);
    bool any = false;
    memcpy(out, text, n);
    out[n] = 0;
    for (size_t i = 0; i < w->n; i++) {
        size_t len = strlen(w->word[i]);
        for (char *p = out; (p = strstr(p, w->word[i]));) {
            bool word = (p == out || p[-1] == ' ') && (!p[len] || p[len] == ' ');
            if (!word) {
                p++;
                continue;
            }
            char *from = p > out ? p - 1 : p;
            memmove(from, p + len, strlen(p + len) + 1);
            any = true;
            p = from;
        }
    }
    return any;
}

/* A kernel prints its command line and hands it on. Items that differ only in these words count as the
 * same. */
static void forget_words(struct side *s, const struct own_words *w)
{
    char same[TEXT_MAX + 1], detail[TEXT_MAX + 1];
    for (uint32_t i = 0; w->n && i < s->n; i++) {
        const struct outline_item *it = outline_get(s->o, i);
        if (it->type == OUTLINE_INPUT || !strcmp(it->kind, event_kind(EV_COMMAND_LINE)->name))
            continue;
        bool in_same = without_words(w, it->same, same), in_detail = without_words(w, it->detail, detail);
        if (in_same || in_detail)
            outline_hashes(s->o, i, same, detail, &s->id[i], &s->key[i]);
    }
}

static void set_words_apart(struct comparison *c)
{
    struct own_words w[2] = {{{0}, 0}, {{0}, 0}};
    for (unsigned i = 0; i < 2; i++)
        find_words(c->side[i].o, c->side[!i].o, &w[i]);
    for (unsigned i = 0; i < 2; i++) {
        forget_words(&c->side[i], &w[i]);
        for (size_t k = 0; k < w[i].n; k++)
            free(w[i].word[k]);
    }
}

/* ---------------------------------------------------------------- aligning a lane */

/* Items of one parent and lane, on both sides. */
struct lane {
    const uint32_t *item[2];
    size_t n[2];
};

static void join(struct comparison *c, uint32_t a, uint32_t b)
{
    c->side[0].match[a] = b;
    c->side[1].match[b] = a;
}

/* Matches the items of a lane that belong together by id or (with `keys`) by key, in order. */
static void align_lane(struct comparison *c, struct lane l, bool keys)
{
    uint64_t *value[2];
    for (unsigned s = 0; s < 2; s++) {
        value[s] = mem_alloc(l.n[s] * sizeof *value[s]);
        for (size_t i = 0; i < l.n[s]; i++)
            value[s][i] = (keys ? c->side[s].key : c->side[s].id)[l.item[s][i]];
    }
    uint32_t *match = mem_alloc(l.n[0] * sizeof *match);
    sequence_align(value[0], l.n[0], value[1], l.n[1], match);
    for (size_t i = 0; i < l.n[0]; i++)
        if (match[i] != SEQUENCE_NONE)
            join(c, l.item[0][i], l.item[1][match[i]]);
    free(match);
    free(value[0]);
    free(value[1]);
}

/* Calls fn for each part of the lane between items that belong together. */
static void for_gaps(struct comparison *c, struct lane l, void (*fn)(struct comparison *, struct lane))
{
    size_t a = 0, b = 0;
    while (a < l.n[0] || b < l.n[1]) {
        size_t i = a, j = b;
        while (i < l.n[0] && c->side[0].match[l.item[0][i]] == OUTLINE_NONE)
            i++;
        while (j < l.n[1] && c->side[1].match[l.item[1][j]] == OUTLINE_NONE)
            j++;
        if (i > a && j > b)
            fn(c, (struct lane){{l.item[0] + a, l.item[1] + b}, {i - a, j - b}});
        a = i + 1;
        b = j + 1;
    }
}

static void gap_by_id(struct comparison *c, struct lane l)
{
    align_lane(c, l, false);
}

/* How many of the words of x are in y, in hundredths of the longer one's words. */
static unsigned resemblance(const char *x, const char *y)
{
    size_t nx = 0, ny = 0, both = 0;
    for (const char *p = x; *p;) {
        size_t len = strcspn(p, " ");
        both += len && has_word(y, p, len);
        nx += len > 0;
        p += len + strspn(p + len, " ");
    }
    for (const char *p = y; *p; ny++)
        for (p += strspn(p, " "), p += strcspn(p, " "); *p == ' ';)
            p++;
    size_t most = nx > ny ? nx : ny;
    return most ? (unsigned)(100 * both / most) : 100;
}

/* The only item of the kind in the gap, or SIZE_MAX. */
static size_t only_of_kind(const struct side *s, const uint32_t *item, size_t n, const char *kind)
{
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(outline_get(s->o, item[i])->kind, kind))
            continue;
        if (found != SIZE_MAX)
            return SIZE_MAX;
        found = i;
    }
    return found;
}

/* Matches two events of a kind of which each boot has just one in the gap. */
static void gap_by_kind(struct comparison *c, struct lane l)
{
    if (l.n[0] > GAP || l.n[1] > GAP)
        return;
    for (size_t i = 0; i < l.n[0]; i++) {
        const struct outline_item *x = outline_get(c->side[0].o, l.item[0][i]);
        if (x->type != OUTLINE_EVENT || x->lane != OUTLINE_MAIN ||
            only_of_kind(&c->side[0], l.item[0], l.n[0], x->kind) != i)
            continue;
        size_t j = only_of_kind(&c->side[1], l.item[1], l.n[1], x->kind);
        if (j != SIZE_MAX) {
            join(c, l.item[0][i], l.item[1][j]);
            return; /* one is enough: others would have to come in the same order */
        }
    }
}

/* Matches two events of a kind whose texts resemble each other: the text has changed. */
static void gap_by_text(struct comparison *c, struct lane l)
{
    size_t next = 0;
    if (l.n[0] > GAP || l.n[1] > GAP)
        return;
    for (size_t i = 0; i < l.n[0]; i++) {
        const struct outline_item *x = outline_get(c->side[0].o, l.item[0][i]);
        size_t best = SIZE_MAX;
        unsigned most = 50;
        for (size_t j = next; x->type == OUTLINE_EVENT && j < l.n[1]; j++) {
            const struct outline_item *y = outline_get(c->side[1].o, l.item[1][j]);
            unsigned r =
                y->type == OUTLINE_EVENT && !strcmp(x->kind, y->kind) ? resemblance(x->same, y->same) : 0;
            if (r > most) {
                most = r;
                best = j;
            }
        }
        if (best != SIZE_MAX) {
            join(c, l.item[0][i], l.item[1][best]);
            next = best + 1;
        }
    }
}

/* ---------------------------------------------------------------- lanes without order */

struct named {
    uint64_t value;
    uint32_t item;
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    return x->value != y->value ? (x->value < y->value ? -1 : 1) : (x->item > y->item) - (x->item < y->item);
}

/* The items of a list that have no counterpart yet, by id or key. */
static struct named *by_value(const struct side *s, const uint32_t *item, size_t n, bool keys, size_t *count)
{
    struct named *out = mem_alloc(n * sizeof *out);
    *count = 0;
    for (size_t i = 0; i < n; i++)
        if (s->match[item[i]] == OUTLINE_NONE)
            out[(*count)++] = (struct named){(keys ? s->key : s->id)[item[i]], item[i]};
    qsort(out, *count, sizeof *out, by_name);
    return out;
}

static void join_unordered(struct comparison *c, struct lane l, bool keys, bool moved)
{
    size_t n[2];
    struct named *x[2];
    for (unsigned s = 0; s < 2; s++)
        x[s] = by_value(&c->side[s], l.item[s], l.n[s], keys, &n[s]);
    for (size_t i = 0, j = 0; i < n[0] && j < n[1];) {
        int order = x[0][i].value < x[1][j].value ? -1 : x[0][i].value > x[1][j].value;
        if (!order) {
            join(c, x[0][i].item, x[1][j].item);
            c->side[0].moved[x[0][i].item] = c->side[1].moved[x[1][j].item] = moved;
        }
        i += order <= 0;
        j += order >= 0;
    }
    free(x[0]);
    free(x[1]);
}

/* ---------------------------------------------------------------- the tree */

static void align_children(struct comparison *c, uint32_t a, uint32_t b);

static void align_one_lane(struct comparison *c, struct lane l, uint8_t lane)
{
    if (lane == OUTLINE_UNORDERED) {
        join_unordered(c, l, true, false);
        join_unordered(c, l, false, false);
    } else {
        align_lane(c, l, true);
        for_gaps(c, l, gap_by_id);
        for_gaps(c, l, gap_by_text);
        for_gaps(c, l, gap_by_kind);
    }
    for (size_t i = 0; i < l.n[0]; i++)
        if (c->side[0].match[l.item[0][i]] != OUTLINE_NONE)
            align_children(c, l.item[0][i], c->side[0].match[l.item[0][i]]);
}

/* The items in the next lane from *at on (up to end). */
static struct lane next_lane(const struct comparison *c, uint32_t at[2], const uint32_t end[2], uint8_t *lane)
{
    struct lane l = {{0}, {0}};
    unsigned first = 256;
    for (unsigned s = 0; s < 2; s++)
        if (at[s] < end[s] && outline_get(c->side[s].o, c->side[s].list[at[s]])->lane < first)
            first = outline_get(c->side[s].o, c->side[s].list[at[s]])->lane;
    *lane = (uint8_t)first;
    for (unsigned s = 0; s < 2; s++) {
        uint32_t from = at[s];
        while (at[s] < end[s] && outline_get(c->side[s].o, c->side[s].list[at[s]])->lane == first)
            at[s]++;
        l.item[s] = c->side[s].list + from;
        l.n[s] = at[s] - from;
    }
    return l;
}

static void align_children(struct comparison *c, uint32_t a, uint32_t b)
{
    uint32_t i = a + 1, j = b + 1; /* OUTLINE_NONE + 1 is 0 */
    uint32_t at[2] = {c->side[0].begin[i], c->side[1].begin[j]};
    uint32_t end[2] = {c->side[0].begin[i + 1], c->side[1].begin[j + 1]};
    while (at[0] < end[0] || at[1] < end[1]) {
        uint8_t lane;
        struct lane l = next_lane(c, at, end, &lane);
        if (l.n[0] && l.n[1])
            align_one_lane(c, l, lane);
    }
}

/* Matches items without counterparts that exist elsewhere in the other boot: they have moved. */
static void find_moved(struct comparison *c)
{
    uint32_t *rest[2];
    struct lane l = {{0}, {0}};
    for (unsigned s = 0; s < 2; s++) {
        rest[s] = mem_alloc(c->side[s].n * sizeof *rest[s]);
        for (uint32_t i = 0; i < c->side[s].n; i++) {
            const struct outline_item *it = outline_get(c->side[s].o, i);
            bool parts = it->parent == OUTLINE_NONE || c->side[s].match[it->parent] != OUTLINE_NONE;
            if (c->side[s].match[i] == OUTLINE_NONE && it->type != OUTLINE_COUNT && parts)
                rest[s][l.n[s]++] = i;
        }
        l.item[s] = rest[s];
    }
    join_unordered(c, l, true, true);
    for (size_t i = 0; i < l.n[0]; i++)
        if (c->side[0].match[l.item[0][i]] != OUTLINE_NONE)
            align_children(c, l.item[0][i], c->side[0].match[l.item[0][i]]);
    free(rest[0]);
    free(rest[1]);
}

/* ---------------------------------------------------------------- the whole */

struct comparison *compare(const struct outline *a, const struct outline *b, const struct rules *rules)
{
    struct comparison *c = mem_zero(1, sizeof *c);
    c->rules = rules;
    c->uses = mem_zero(rules ? rules_count(rules) : 0, sizeof *c->uses);
    c->classes = outline_about(a)->classes & outline_about(b)->classes;
    side_init(&c->side[0], a);
    side_init(&c->side[1], b);
    set_words_apart(c);
    align_children(c, OUTLINE_NONE, OUTLINE_NONE);
    find_moved(c);
    compare_make_pairs(c);
    return c;
}

void comparison_free(struct comparison *c)
{
    if (!c)
        return;
    side_free(&c->side[0]);
    side_free(&c->side[1]);
    for (size_t i = 0; i < c->ntexts; i++)
        free(c->text[i]);
    free(c->text);
    free(c->pair);
    free(c->change);
    free(c->uses);
    free(c->sync);
    free(c);
}
