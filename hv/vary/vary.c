/* vary.c - kinds, their bounds, and the streams of choices. See vary.h. */
#include "base/text.h"
#include "base/units.h"
#include "hv/vary/private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { US = 1000, MS = 1000000 };

/* Of choices with an ordinal: how rare one is (once in 2^n, n from `often` to `seldom`, which the seed decides for the whole run), and the
 * longest delay. An SMI handler or a hypervisor that runs something else takes a processor away for microseconds to some 50 ms; a
 * drive that has to seek or to spin up takes 100 ms. */
static const struct kind_row {
    const char *name;
    unsigned often, seldom;
    uint64_t max;
    bool at_reset; /* begins at power-on only */
} rows[VARY_KINDS] = {
    [VARY_TURNS] = {"turns", 0, 0, 20000, false},
    [VARY_WAKEUPS] = {"wakeups", 0, 0, 0, false},
    [VARY_TIMERS] = {"timers", 3, 10, 50 * MS, false},
    [VARY_IRQ] = {"irq", 1, 4, 500, false},
    [VARY_DISK] = {"disk", 1, 4, 100 * MS, false},
    [VARY_MEMORY] = {"memory", 0, 0, 0, true},
    [VARY_RTC] = {"rtc", 0, 0, 0, true},
    [VARY_TSC] = {"tsc", 0, 0, 10 * US, true},
    [VARY_USB] = {"usb", 0, 0, 5000ull * MS, true},
};

/* Words of the command line whose variation does not exist yet. */
static const char *const not_built[] = {"net"};

static const char *const dates[] = {
    "2026-12-31T23:59:50", "2028-02-28T23:59:50", "2038-01-19T03:13:50", "2100-02-28T23:59:50",
    "1999-12-31T23:59:50", "1980-01-01T00:00:00", "2037-12-31T23:59:50", "2050-06-15T12:00:00",
};
enum { DATES = sizeof dates / sizeof *dates };

#define STATE(member)  FIELD_AS(#member, struct vary, state.member)
#define STATES(member) FIELDS_AS(#member, struct vary, state.member)
const struct field vary_fields[] = {
    STATES(count),     STATES(own),  STATE(turn.cut), STATE(turn.next),
    STATE(turn.alone), STATES(rank), STATE(lowered),
};
const size_t vary_nfields = FIELD_COUNT(vary_fields);

const char *vary_kind_name(enum vary_kind k)
{
    return rows[k].name;
}

const char *vary_date(uint64_t value)
{
    return value ? dates[(value - 1) % DATES] : NULL;
}

/* ---------------------------------------------------------------- numbers from the seed */

/* SplitMix64's output function (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

uint64_t vary_random(const struct vary *v, enum vary_kind k, uint64_t a, uint64_t b)
{
    static const uint64_t golden = 0x9e3779b97f4a7c15ull;
    return mix(mix(mix(v->seed + golden * (k + 1u)) + golden * (a + 1)) + golden * (b + 1));
}

uint64_t vary_magnitude(uint64_t random, uint64_t max)
{
    unsigned bits = 1;
    while (bits < 64 && max >> bits)
        bits++;
    const uint64_t scale = 1ull << random % bits;
    const uint64_t value = scale + (random >> 8) % scale;
    return value < max ? value : max;
}

/* ---------------------------------------------------------------- making choices */

bool vary_has(const struct vary *v, enum vary_kind k)
{
    return v && (v->kind[k].varied || v->kind[k].scheduled);
}

void vary_quiet(struct vary *v, bool on)
{
    if (v)
        v->quiet = on;
}

void vary_clock(struct vary *v, uint64_t (*time_at)(void *ctx, uint64_t icount), void *ctx)
{
    v->time_at = time_at;
    v->clock = ctx;
}

void vary_reseed(struct vary *v, uint64_t seed)
{
    v->seed = seed;
}

void vary_observe(struct vary *v, void (*seen)(void *ctx, const struct engine_choice *c), void *ctx)
{
    v->seen = seen;
    v->ctx = ctx;
    for (size_t i = 0; seen && i < v->nearly; i++)
        seen(ctx, &v->early[i]);
    v->nearly = 0;
}

void vary_tell(struct vary *v, enum vary_kind k, uint32_t cpu, uint64_t ordinal, uint64_t value,
               uint64_t icount)
{
    const struct engine_choice c = {rows[k].name, k <= VARY_WAKEUPS, cpu, ordinal, value, icount};
    if (v->seen)
        v->seen(v->ctx, &c);
    else if (rows[k].at_reset && v->nearly < sizeof v->early / sizeof *v->early)
        v->early[v->nearly++] = c;
}

/* Delays come at a rate that the seed decides, so that some runs have few of them and some have many. */
static uint64_t draw_delay(const struct vary *v, enum vary_kind k, uint64_t ordinal)
{
    const struct kind_row *row = &rows[k];
    const unsigned rarity =
        row->often + (unsigned)(vary_random(v, k, UINT64_MAX - 1, 0) % (row->seldom - row->often + 1));
    const uint64_t r = vary_random(v, k, ordinal, 0);
    if (r & ((1u << rarity) - 1))
        return 0;
    return vary_magnitude(r >> rarity, v->kind[k].max ? v->kind[k].max : row->max);
}

static uint64_t draw_tsc(const struct vary *v, uint64_t ordinal)
{
    const uint64_t r = vary_random(v, VARY_TSC, ordinal, 0);
    const uint64_t apart = v->kind[VARY_TSC].max ? v->kind[VARY_TSC].max : rows[VARY_TSC].max;
    return ordinal ? r % apart : vary_magnitude(r, 1ull << 48);
}

/* Every other device is late, by any time. */
static uint64_t draw_usb(const struct vary *v, uint64_t ordinal)
{
    const uint64_t r = vary_random(v, VARY_USB, ordinal, 0);
    const uint64_t max = v->kind[VARY_USB].max ? v->kind[VARY_USB].max : rows[VARY_USB].max;
    return r & 1 ? 1 + (r >> 1) % max : 0;
}

static uint64_t draw(const struct vary *v, enum vary_kind k, uint64_t ordinal)
{
    switch (k) {
    case VARY_MEMORY:
        return vary_random(v, k, ordinal, 0) % 4 == MEMORY_RANDOM
                   ? MEMORY_RANDOM + vary_random(v, k, ordinal, 1) % (1u << 30)
                   : vary_random(v, k, ordinal, 0) % 4;
    case VARY_RTC:
        return vary_random(v, k, ordinal, 0) % (DATES + 1);
    case VARY_TSC:
        return draw_tsc(v, ordinal);
    case VARY_USB:
        return draw_usb(v, ordinal);
    default:
        return draw_delay(v, k, ordinal);
    }
}

static uint64_t choose(struct vary *v, enum vary_kind k, uint64_t ordinal, uint64_t icount)
{
    const struct choice *c = vary_listed(v, k, 0, ordinal);
    uint64_t value = 0;
    if (c && c->ordinal == ordinal)
        value = c->value;
    else if (!c && v->kind[k].varied)
        value = draw(v, k, ordinal);
    if (value)
        vary_tell(v, k, 0, ordinal, value, icount);
    return value;
}

uint64_t vary_choose(struct vary *v, enum vary_kind k, uint64_t icount)
{
    assert(k < VARY_USB && "a kind whose choices are counted");
    if (!vary_has(v, k) || !vary_begun(v, icount))
        return 0;
    return choose(v, k, v->state.count[k]++, icount);
}

uint64_t vary_choose_at(struct vary *v, enum vary_kind k, uint64_t ordinal)
{
    return vary_has(v, k) ? choose(v, k, ordinal, 0) : 0;
}

void vary_memory(uint64_t value, uint8_t *bytes, size_t n)
{
    const struct vary v = {.seed = value};
    switch (value) {
    case MEMORY_ZEROS:
    case MEMORY_ONES:
        memset(bytes, value ? 0xff : 0, n);
        break;
    case MEMORY_STRIPES: /* as rows of DRAM cells that lose their charge to either side */
        for (size_t i = 0; i < n; i++)
            bytes[i] = i / 64 % 2 ? 0xff : 0x00;
        break;
    default:
        for (size_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)(vary_random(&v, VARY_MEMORY, i, 2) >> 7);
        break;
    }
}

/* ---------------------------------------------------------------- settings */

/* The kind that a word of n letters names, or VARY_KINDS. */
static enum vary_kind kind_of(const char *word, size_t n)
{
    unsigned k = 0;
    while (k < VARY_KINDS && (strlen(rows[k].name) != n || strncmp(rows[k].name, word, n)))
        k++;
    return k;
}

static bool is_errors(const char *word, size_t n)
{
    return n == strlen("errors") && !strncmp(word, "errors", n);
}

static bool is_not_built(const char *word, size_t n)
{
    for (size_t i = 0; i < sizeof not_built / sizeof *not_built; i++)
        if (strlen(not_built[i]) == n && !strncmp(not_built[i], word, n))
            return true;
    return false;
}

bool vary_begins(const char *word)
{
    const size_t n = strcspn(word, ",=");
    return kind_of(word, n) < VARY_KINDS || is_errors(word, n) || is_not_built(word, n);
}

static int refuse_word(const char *word, size_t n, struct error *err)
{
    if (is_not_built(word, n))
        return error_set(err, "%.*s: this kind of variation is not implemented", (int)n, word);
    return error_set(
        err,
        "\"%.*s\" is no kind of variation: choose among turns, wakeups, timers, irq, disk, memory, rtc, tsc, usb and errors",
        (int)(n < 60 ? n : 60), word);
}

/* "500", "20us", "3ms": ns. */
static bool parse_max(const char *text, size_t n, uint64_t *ns)
{
    char *end, copy[32];
    if (!n || n >= sizeof copy || *text < '0' || *text > '9')
        return false;
    memcpy(copy, text, n);
    copy[n] = 0;
    *ns = strtoull(copy, &end, 10);
    const uint64_t scale = *end ? unit_scale(time_units, end, strlen(end)) : 1, most = 3600ull * 1000 * MS;
    if (!scale || !*ns || *ns > most / scale)
        return false;
    *ns *= scale;
    return true;
}

static int take_function(struct vary_bounds *b, const char *name, size_t n, struct error *err)
{
    if (b->nat == ENGINE_TURNS_AT)
        return error_set(err, "turns: at most %d functions", ENGINE_TURNS_AT);
    if (!n || n >= ENGINE_FUNCTION)
        return error_set(err, "turns: \"at:%.*s\": write it as at:FUNCTION, with 1 to %d characters",
                         (int)(n < 60 ? n : 60), name, ENGINE_FUNCTION - 1);
    memcpy(b->at[b->nat++].name, name, n);
    return 0;
}

/* A word that belongs to a kind. */
static int take_bound(struct vary_bounds *b, enum vary_kind k, const char *word, size_t n, struct error *err)
{
    if (k == VARY_TURNS && n == 10 && !strncmp(word, "priorities", n)) {
        b->priorities = true;
        return 0;
    }
    if (k == VARY_TURNS && n >= 3 && !strncmp(word, "at:", 3))
        return take_function(b, word + 3, n - 3, err);
    if (n > 4 && !strncmp(word, "max:", 4) && rows[k].max) {
        if (parse_max(word + 4, n - 4, &b->max))
            return 0;
        return error_set(err, "%s: \"%.*s\": write it as max:500 or max:20us", rows[k].name,
                         (int)(n < 60 ? n : 60), word);
    }
    return error_set(err, "\"%.*s\" is neither a kind of variation nor a word of %s", (int)(n < 60 ? n : 60),
                     word, rows[k].name);
}

/* One word of the text, at `p`: the kinds, and the errors, which are no kind. */
struct settings {
    struct vary_bounds *kind;
    struct vary_errors *errors;
    enum vary_kind k; /* of the word before; VARY_KINDS: none */
    bool in_errors;
};

static int take_word(struct settings *s, const char *p, size_t n, struct error *err)
{
    const size_t name = strcspn(p, ",="), more = name < n ? name + 1 : n;
    const enum vary_kind named = kind_of(p, name);
    if (s->in_errors && vary_errors_wants_name(s->errors))
        return vary_errors_word(s->errors, p, n, false, err);
    if (is_errors(p, name)) {
        s->in_errors = true;
        return vary_errors_word(s->errors, p + more, n - more, true, err);
    }
    if (named < VARY_KINDS) {
        s->k = named;
        s->in_errors = false;
        s->kind[named].varied = true;
        return more < n ? take_bound(&s->kind[named], named, p + more, n - more, err) : 0;
    }
    if (is_not_built(p, name) || (s->k == VARY_KINDS && !s->in_errors))
        return refuse_word(p, name, err);
    return s->in_errors ? vary_errors_word(s->errors, p, n, false, err)
                        : take_bound(&s->kind[s->k], s->k, p, n, err);
}

static int parse_kinds(const char *text, struct vary_bounds kind[VARY_KINDS], struct vary_errors *errors,
                       struct error *err)
{
    struct settings s = {.kind = kind, .errors = errors, .k = VARY_KINDS};
    for (const char *p = text; *p;) {
        const size_t n = strcspn(p, ",");
        if (take_word(&s, p, n, err))
            return -1;
        p += n + (p[n] == ',');
    }
    if (kind[VARY_TURNS].nat && kind[VARY_TURNS].priorities)
        return error_set(err, "turns=priorities: does not go with at:FUNCTION: leave one of them out");
    return vary_errors_complete(errors, err);
}

int vary_check(const char *kinds, struct error *err)
{
    struct vary_bounds b[VARY_KINDS] = {0};
    struct vary_errors e = {0};
    return kinds ? parse_kinds(kinds, b, &e, err) : 0;
}

size_t vary_calls(const char *kinds, struct engine_call_error list[ENGINE_CALL_ERRORS])
{
    struct vary_bounds b[VARY_KINDS] = {0};
    struct vary_errors e = {0};
    struct error ignored;
    if (parse_kinds(kinds, b, &e, &ignored))
        return 0;
    memcpy(list, e.call, e.ncalls * sizeof *list);
    return e.ncalls;
}

size_t vary_turns_at(const char *kinds, struct engine_function list[ENGINE_TURNS_AT])
{
    struct vary_bounds b[VARY_KINDS] = {0};
    struct vary_errors e = {0};
    struct error ignored;
    if (parse_kinds(kinds, b, &e, &ignored))
        return 0;
    memcpy(list, b[VARY_TURNS].at, b[VARY_TURNS].nat * sizeof *list);
    return b[VARY_TURNS].nat;
}

char *vary_fixed(const char *kinds)
{
    struct text fixed = {0};
    struct vary_bounds b[VARY_KINDS] = {0};
    struct vary_errors e = {0};
    struct settings s = {.kind = b, .errors = &e, .k = VARY_KINDS};
    struct error ignored;
    for (const char *p = kinds; *p;) {
        const size_t n = strcspn(p, ",");
        if (!take_word(&s, p, n, &ignored) && s.in_errors)
            text_add(&fixed, "%s%.*s", fixed.n ? "," : "", (int)n, p);
        p += n + (p[n] == ',');
    }
    return fixed.s;
}

/* ---------------------------------------------------------------- schedules */

static int by_key(const void *a, const void *b)
{
    const struct choice *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->cpu != y->cpu)
        return x->cpu < y->cpu ? -1 : 1;
    return x->ordinal < y->ordinal ? -1 : x->ordinal > y->ordinal;
}

const struct choice *vary_listed(const struct vary *v, enum vary_kind k, uint32_t cpu, uint64_t ordinal)
{
    const struct choice key = {.kind = k, .cpu = cpu, .ordinal = ordinal};
    size_t low = 0, high = v->nlist;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (by_key(&v->list[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const struct choice *c = &v->list[low];
    return low < v->nlist && c->kind == k && c->cpu == cpu ? c : NULL;
}

/* One choice: "turns 1:5120 0", "irq 3 250". */
static bool parse_choice(const char *text, size_t n, struct choice *c)
{
    char copy[100], *end;
    const size_t name = strcspn(text, " ");
    if (n >= sizeof copy || name >= n)
        return false;
    memcpy(copy, text, n);
    copy[n] = 0;
    *c = (struct choice){.kind = kind_of(copy, name)};
    if (c->kind == VARY_KINDS)
        return false;
    c->ordinal = strtoull(copy + name, &end, 10);
    if (c->kind <= VARY_WAKEUPS) {
        if (*end != ':' || c->ordinal >= ENGINE_CPUS)
            return false;
        c->cpu = (uint32_t)c->ordinal;
        c->ordinal = strtoull(end + 1, &end, 10);
    }
    if (*end != ' ')
        return false;
    c->value = strtoull(end, &end, 10);
    return !*end && (c->kind > VARY_WAKEUPS || c->value < ENGINE_CPUS);
}

static int parse_schedule(const char *text, struct choice **list, size_t *n, struct error *err)
{
    size_t room = 0;
    for (const char *p = text; *p;) {
        p += strspn(p, " \t");
        size_t length = strcspn(p, ";\n");
        const size_t whole = length;
        while (length && (p[length - 1] == ' ' || p[length - 1] == '\t' || p[length - 1] == '\r'))
            length--;
        if (length && *p != '#') {
            *list = mem_grow(*list, &room, *n + 1, sizeof **list);
            if (!parse_choice(p, length, &(*list)[*n]))
                return error_set(err,
                                 "\"%.*s\" is no choice: write it as \"turns 1:5120 0\" or \"irq 3 250\"",
                                 (int)(length < 60 ? length : 60), p);
            ++*n;
        }
        p += whole + (p[whole] != 0);
    }
    return 0;
}

int vary_schedule_check(const char *schedule, struct error *err)
{
    struct choice *list = NULL;
    size_t n = 0;
    const int rc = schedule ? parse_schedule(schedule, &list, &n, err) : 0;
    free(list);
    return rc;
}

/* ---------------------------------------------------------------- creation */

static int read_number(const struct engine_config *cfg, const char *key, uint64_t *n, struct error *err)
{
    const char *text = config_get(cfg, key);
    char *end = NULL;
    if (!text)
        return 0;
    *n = strtoull(text, &end, 0);
    return end == text || *end ? error_set(err, "setting %s=%.40s: is no number", key, text) : 0;
}

static int read_settings(struct vary *v, const struct engine_config *cfg, struct error *err)
{
    const char *kinds = config_get(cfg, "vary"), *schedule = config_get(cfg, "schedule");
    if ((kinds && parse_kinds(kinds, v->kind, &v->errors, err)) ||
        read_number(cfg, "vary-seed", &v->seed, err) || read_number(cfg, "vary-from", &v->from, err) ||
        read_number(cfg, "vary-from-time", &v->from_time, err) ||
        (schedule && parse_schedule(schedule, &v->list, &v->nlist, err)) ||
        vary_errors_fit(&v->errors, cfg, err))
        return -1;
    if (v->nlist)
        qsort(v->list, v->nlist, sizeof *v->list, by_key);
    for (size_t i = 0; i < v->nlist; i++)
        v->kind[v->list[i].kind].scheduled = true;
    for (unsigned k = 0; k < VARY_KINDS; k++)
        if ((v->from || v->from_time) && rows[k].at_reset && v->kind[k].varied)
            return error_set(err, "%s varies at power-on only: leave out from=, or %s", rows[k].name,
                             rows[k].name);
    return 0;
}

int vary_create(const struct engine_config *cfg, struct vary **v, struct error *err)
{
    *v = NULL;
    if (!config_get(cfg, "vary") && !config_get(cfg, "schedule"))
        return 0;
    *v = mem_zero(1, sizeof **v);
    (*v)->state.turn.cut = UINT64_MAX;
    (*v)->state.turn.alone = 1;
    if (!read_settings(*v, cfg, err))
        return 0;
    vary_free(*v);
    *v = NULL;
    return -1;
}

void vary_free(struct vary *v)
{
    if (v)
        free(v->list);
    free(v);
}
