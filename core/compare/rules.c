/* rules.c - see rules.h. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/units.h"
#include "core/compare/rules.h"

enum what { ANY, TYPE, CLASS, KIND, STAGE, PROCESS, CONSOLE };

struct rule {
    char *where, *text, *reason;
    bool bound;
    enum what what;
    unsigned number; /* of the type, class or kind */
    char *name;      /* of a stage or process; text of a console line */
    char *in, *field, *contains;
    unsigned ways;      /* mask; 0: all */
    char *limited;      /* field of a bound */
    uint64_t limit;     /* … at most so much */
    unsigned per_mille; /* … and, if `percent`, so much of the first number */
    bool percent;
};

struct rules {
    struct rule *list;
    size_t n;
};

static const char *const ways[WAYS] = {"added", "removed", "changed", "moved", "slower", "faster"};

const char *difference_way_name(enum difference_way way)
{
    return ways[way];
}

struct rules *rules_new(void)
{
    return mem_zero(1, sizeof(struct rules));
}

static void rule_clear(struct rule *r)
{
    free(r->where);
    free(r->text);
    free(r->reason);
    free(r->name);
    free(r->in);
    free(r->field);
    free(r->contains);
    free(r->limited);
}

void rules_free(struct rules *rs)
{
    if (!rs)
        return;
    for (size_t i = 0; i < rs->n; i++)
        rule_clear(&rs->list[i]);
    free(rs->list);
    free(rs);
}

/* ---------------------------------------------------------------- reading */

static int bad(const char *where, const char *word, struct error *err, const char *why)
{
    return error_set(err, "%.150s: \"%.80s\": %s", where, word, why);
}

static bool starts(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

static int take_what(struct rule *r, const char *word, const char *where, struct error *err)
{
    static const struct {
        const char *prefix;
        enum what what;
    } named[] = {{"stage:", STAGE}, {"process:", PROCESS}, {"console:", CONSOLE}};
    static const struct {
        const char *word;
        enum outline_type type;
    } types[] = {{"input", OUTLINE_INPUT}, {"stage", OUTLINE_STAGE}, {"process", OUTLINE_PROCESS}};
    for (size_t i = 0; i < 3; i++)
        if (starts(word, named[i].prefix)) {
            r->what = named[i].what;
            r->name = mem_string(word + strlen(named[i].prefix));
            return 0;
        }
    for (size_t i = 0; i < 3; i++)
        if (!strcmp(word, types[i].word)) {
            r->what = TYPE;
            r->number = types[i].type;
            return 0;
        }
    for (unsigned k = 0; k < EV_COUNT; k++)
        if (!strcmp(event_kind(k)->name, word) && event_class_by_name(word) < 0) {
            r->what = KIND;
            r->number = k;
            return 0;
        }
    if (event_class_by_name(word) >= 0) {
        r->what = CLASS;
        r->number = (unsigned)event_class_by_name(word);
        return 0;
    }
    r->what = ANY;
    return strcmp(word, "all")
               ? bad(where, word, err, "no class or kind of event, nor input, stage, process or all")
               : 0;
}

static int take_way(struct rule *r, const char *word, const char *where, struct error *err)
{
    for (unsigned w = 0; w < WAYS; w++)
        if (!strcmp(word, ways[w])) {
            r->ways |= 1u << w;
            return 0;
        }
    return bad(where, word, err, "no way: added, removed, changed, moved, slower or faster");
}

static int bad_limit(const char *where, const char *value, struct error *err)
{
    return bad(where, value, err, "no limit: give a number, NN%, a time such as 5ms, or NN%+5ms");
}

static int take_amount(const char *value, uint64_t *limit)
{
    return units_parse(value, time_units, limit) ? units_parse(value, count_units, limit) : 0;
}

/* LIMIT of a bound. */
static int take_limit(struct rule *r, const char *value, const char *where, struct error *err)
{
    char *end = NULL;
    double v = isdigit((unsigned char)*value) ? strtod(value, &end) : -1;
    if (v >= 0 && *end == '%') {
        r->per_mille = (unsigned)(v > 1e6 ? 1e7 : v * 10 + 0.5);
        r->percent = true;
        if (!end[1])
            return 0;
        value = end[1] == '+' ? end + 2 : "";
    }
    return take_amount(value, &r->limit) ? bad_limit(where, value, err) : 0;
}

static int set_text(char **to, const char *value, const char *word, const char *where, struct error *err)
{
    if (*to || !*value)
        return bad(where, word, err, *value ? "given twice" : "has no value");
    *to = mem_string(value);
    return 0;
}

static int take_condition(struct rule *r, char *word, const char *where, struct error *err)
{
    char *value = strchr(word, '=');
    if (!value)
        return bad(where, word, err, "no condition: give in=STAGE, field=NAME, way=WAY or text=TEXT");
    *value++ = 0;
    if (!strcmp(word, "in"))
        return set_text(&r->in, value, word, where, err);
    if (!strcmp(word, "field"))
        return set_text(&r->field, value, word, where, err);
    if (!strcmp(word, "text"))
        return set_text(&r->contains, value, word, where, err);
    if (!strcmp(word, "way"))
        return take_way(r, value, where, err);
    if (!r->bound)
        return bad(where, word, err, "no condition: give in=STAGE, field=NAME, way=WAY or text=TEXT");
    return set_text(&r->limited, word, word, where, err) || take_limit(r, value, where, err) ? -1 : 0;
}

/* The next word of *text, which ends it; text= and console: extend to the end. NULL if there is none. */
static char *next_word(char **text)
{
    char *p = *text + strspn(*text, " \t");
    if (!*p)
        return NULL;
    char *end = starts(p, "text=") || starts(p, "console:") ? p + strlen(p) : p + strcspn(p, " \t");
    *text = *end ? end + 1 : end;
    *end = 0;
    return p;
}

static int parse(struct rule *r, char *text, const char *where, struct error *err)
{
    char *word = next_word(&text);
    if (!word || (strcmp(word, "ignore") && strcmp(word, "bound")))
        return bad(where, word ? word : "", err, "no rule: a rule begins with ignore or bound");
    r->bound = *word == 'b';
    word = next_word(&text);
    if (!word)
        return bad(where, r->text, err,
                   "the rule says nothing: give a class, a kind, stage:NAME, console:TEXT …");
    /* A bound may begin with its condition: time=10% */
    bool what =
        !strchr(word, '=') || starts(word, "stage:") || starts(word, "process:") || starts(word, "console:");
    if (what && take_what(r, word, where, err))
        return -1;
    for (word = what ? next_word(&text) : word; word; word = next_word(&text))
        if (take_condition(r, word, where, err))
            return -1;
    if (r->bound && !r->limited)
        return bad(where, r->text, err, "a bound needs FIELD=LIMIT, such as time=10%");
    return 0;
}

int rules_add(struct rules *rs, const char *where, const char *text, struct error *err)
{
    const char *hash = strstr(text, " # ");
    struct rule r = {.where = mem_string(where)};
    size_t n = hash ? (size_t)(hash - text) : strlen(text);
    while (n && isspace((unsigned char)text[n - 1]))
        n--;
    const char *begin = text + strspn(text, " \t");
    r.text = mem_text(begin, n > (size_t)(begin - text) ? n - (size_t)(begin - text) : 0);
    r.reason = mem_string(hash ? hash + 3 + strspn(hash + 3, " \t") : "");
    char *copy = mem_string(r.text);
    int rc = parse(&r, copy, where, err);
    free(copy);
    if (rc) {
        rule_clear(&r);
        return -1;
    }
    MEM_MORE(rs->list, rs->n);
    rs->list[rs->n++] = r;
    return 0;
}

int rules_load(struct rules *rs, const char *path, struct error *err)
{
    FILE *f = fopen(path, "r");
    char *line = NULL, where[300];
    size_t room = 0;
    int rc = 0;
    ssize_t n;
    if (!f)
        return error_set(err, "%.200s: %s: give a file of rules", path, strerror(errno));
    for (unsigned number = 1; !rc && (n = getline(&line, &room, f)) >= 0; number++) {
        while (n && isspace((unsigned char)line[n - 1]))
            line[--n] = 0;
        const char *text = line + strspn(line, " \t");
        if (!*text || *text == '#')
            continue;
        snprintf(where, sizeof where, "%.250s:%u", path, number);
        rc = rules_add(rs, where, text, err);
    }
    if (!rc && !feof(f)) /* no memory for a line, too */
        rc = error_set(err, "%.200s: %s: give a file of rules", path, strerror(errno));
    free(line);
    fclose(f);
    return rc;
}

size_t rules_count(const struct rules *rs)
{
    return rs->n;
}

void rules_get(const struct rules *rs, size_t i, struct rule_about *about)
{
    const struct rule *r = &rs->list[i];
    *about = (struct rule_about){r->where, r->text, r->reason};
}

/* ---------------------------------------------------------------- applying */

/* Whether all of `text` matches a pattern with * and ?. Time: product of the lengths at worst. */
static bool matches(const char *pattern, const char *text)
{
    const char *star = NULL, *again = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            again = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++again;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

static bool contains(const char *pattern, const char *text)
{
    char whole[1100];
    snprintf(whole, sizeof whole, "*%.1000s*", pattern);
    return matches(whole, text);
}

/* Whether an item, or one that it is in, is a stage (process) of that name. */
static bool lies_in(const struct outline *o, uint32_t item, const char *name, int type)
{
    for (; item != OUTLINE_NONE; item = outline_get(o, item)->within) {
        const struct outline_item *it = outline_get(o, item);
        if ((it->type == OUTLINE_STAGE || it->type == OUTLINE_PROCESS) && (type < 0 || it->type == type) &&
            matches(name, it->text))
            return true;
    }
    return false;
}

static bool is_class(const struct outline_item *it, unsigned cls)
{
    if (it->type == OUTLINE_PROCESS)
        return cls == EC_PROCESS;
    for (unsigned k = 0; (it->type == OUTLINE_EVENT || it->type == OUTLINE_COUNT) && k < EV_COUNT; k++)
        if (event_kind(k)->cls == cls && !strcmp(event_kind(k)->name, it->kind))
            return true;
    return false;
}

static bool is_what(const struct rule *r, const struct outline *o, uint32_t item)
{
    const struct outline_item *it = outline_get(o, item);
    switch (r->what) {
    case ANY:
        return true;
    case TYPE:
        return it->type == r->number;
    case CLASS:
        return is_class(it, r->number);
    case KIND:
        return !strcmp(it->kind, event_kind(r->number)->name);
    case STAGE:
    case PROCESS: {
        enum outline_type type = r->what == STAGE ? OUTLINE_STAGE : OUTLINE_PROCESS;
        return r->bound ? it->type == type && matches(r->name, it->text) : lies_in(o, item, r->name, type);
    }
    case CONSOLE:
        return is_class(it, EC_CONSOLE) && contains(r->name, it->text);
    }
    return false;
}

static bool applies(const struct rule *r, const struct outline *o, uint32_t item)
{
    return is_what(r, o, item) && (!r->in || lies_in(o, outline_get(o, item)->within, r->in, -1)) &&
           (!r->contains || contains(r->contains, outline_get(o, item)->text));
}

long rules_ignore(const struct rules *rs, const struct outline *o, uint32_t item, enum difference_way way,
                  const char *field)
{
    for (size_t i = 0; rs && i < rs->n; i++) {
        const struct rule *r = &rs->list[i];
        if (!r->bound && (!r->ways || r->ways & 1u << way) &&
            (!r->field || (field && !strcmp(r->field, field))) && applies(r, o, item))
            return (long)i;
    }
    return -1;
}

int rules_bound(const struct rules *rs, const struct outline *o, uint32_t item, const char *field, uint64_t a,
                uint64_t b, size_t *rule)
{
    /* The last rule that applies: later ones are more particular. */
    for (size_t i = rs ? rs->n : 0; i-- > 0;) {
        const struct rule *r = &rs->list[i];
        if (!r->bound || strcmp(r->limited, field) || !applies(r, o, item))
            continue;
        uint64_t by = a > b ? a - b : b - a;
        *rule = i;
        unsigned __int128 share = r->percent ? (unsigned __int128)a * r->per_mille / 1000 : 0;
        return by <= share + r->limit;
    }
    return -1;
}
