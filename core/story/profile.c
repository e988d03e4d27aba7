/* profile.c - see profile.h: the parser. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/must.h"
#include "base/out.h"
#include "base/path.h"
#include "core/story/builtin_profile.h"
#include "core/story/profile.h"

enum { MAX_WORDS = 16, MAX_FILE = 1 << 20 };

struct profile {
    char *text;  /* as given */
    char *words; /* a copy that is cut into words */
    struct stage_rule *stage;
    size_t nstages;
    char **probe;
    size_t nprobes;
};

/* One line being parsed. */
struct line {
    struct profile *p;
    const char *name;
    unsigned number;
    char *word[MAX_WORDS];
    bool quoted[MAX_WORDS];
    unsigned n;
    struct error *err;
};

#define BAD(l, ...) bad(l, __VA_ARGS__)
__attribute__((format(printf, 2, 3))) static int bad(const struct line *l, const char *fmt, ...)
{
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return error_set(l->err, "%s:%u: %s", l->name, l->number, text);
}

/* ---------------------------------------------------------------- words */

static char *end_of_word(struct line *l, char *s)
{
    if (*s != '"')
        return s + strcspn(s, " \t\r");
    l->quoted[l->n] = true;
    l->word[l->n] = s + 1;
    return strchr(s + 1, '"');
}

static int split(struct line *l, char *s)
{
    l->n = 0;
    for (;;) {
        s += strspn(s, " \t\r");
        if (!*s || *s == '#')
            return 0;
        if (l->n == MAX_WORDS)
            return BAD(l, "more than %d words in a line", MAX_WORDS);
        l->quoted[l->n] = false;
        l->word[l->n] = s;
        char *end = end_of_word(l, s);
        if (!end)
            return BAD(l, "a quotation mark without its partner");
        l->n++;
        if (!*end)
            return 0;
        *end = 0;
        s = end + 1;
    }
}

static int number(const struct line *l, const char *text, uint64_t *v)
{
    char *end;
    errno = 0;
    *v = strtoull(text, &end, 0);
    if (!*text || *end || errno)
        return BAD(l, "\"%.60s\" is not a number", text);
    return 0;
}

/* ---------------------------------------------------------------- conditions */

static int find_kind(const struct line *l, const char *name, unsigned *kind)
{
    for (unsigned k = 0; k < EV_COUNT; k++)
        if (!strcmp(event_kind(k)->name, name)) {
            *kind = k;
            return 0;
        }
    return BAD(l, "\"%.60s\" is not a kind of event: bootreel events shows them", name);
}

static int add_range(const struct line *l, struct condition *c, const char *name, size_t len, uint64_t low,
                     uint64_t high)
{
    const struct event_kind *k = event_kind(c->kind);
    for (unsigned i = 0; i < k->nfields; i++)
        if (strlen(k->field[i].name) == len && !strncmp(k->field[i].name, name, len)) {
            if (c->nfields == CONDITION_FIELDS)
                return BAD(l, "more than %d fields in a condition", CONDITION_FIELDS);
            c->want[c->nfields].field = (uint8_t)i;
            c->want[c->nfields].low = low;
            c->want[c->nfields++].high = high;
            return 0;
        }
    return BAD(l, "events %s have no field \"%.*s\"", k->name, (int)len, name);
}

static int set_field(const struct line *l, struct condition *c, const char *name, uint64_t value)
{
    return add_range(l, c, name, strlen(name), value, value);
}

/* FIELD=NUMBER, FIELD>=NUMBER, FIELD<NUMBER */
static int take_comparison(const struct line *l, struct condition *c, const char *word)
{
    size_t n = strcspn(word, "<>=");
    const char *value = word + n + (word[n] == '>' && word[n + 1] == '=' ? 2 : 1);
    uint64_t v;
    if (word[n] == '>' && word[n + 1] != '=')
        return BAD(l, "\"%.60s\": ranges are written FIELD>=NUMBER and FIELD<NUMBER", word);
    if (number(l, value, &v))
        return -1;
    if (word[n] == '<')
        return v ? add_range(l, c, word, n, 0, v - 1) : BAD(l, "\"%.60s\": nothing is less than 0", word);
    return add_range(l, c, word, n, v, word[n] == '>' ? UINT64_MAX : v);
}

/* Splits a TEXT with a {NAME} or {NAME|UP TO} into the part before it, the name, what ends it, and the part after it. */
static int take_text(const struct line *l, struct condition *c, char *text)
{
    char *open = strchr(text, '{'), *close = open ? strchr(open, '}') : NULL;
    c->text = text;
    if (!close)
        return 0;
    if (strchr(close, '{'))
        return BAD(l, "\"%.60s\": more than one {NAME} in a text", text);
    *open = *close = 0;
    c->capture = open + 1;
    c->after = close + 1;
    char *bar = strchr(open + 1, '|');
    if (bar) {
        *bar = 0;
        c->up_to = bar + 1;
    }
    return 0;
}

/* Parses comparisons, "TEXT" and same, from word `from` on. */
static int take_details(const struct line *l, struct condition *c, unsigned from)
{
    for (unsigned i = from; i < l->n; i++) {
        if (l->quoted[i]) {
            if (take_text(l, c, l->word[i]))
                return -1;
        } else if (!strcmp(l->word[i], "same")) {
            c->same = true;
        } else if (!strcmp(l->word[i], "for-good")) {
            c->for_good = true;
        } else if (strpbrk(l->word[i], "<>=")) {
            if (take_comparison(l, c, l->word[i]))
                return -1;
        } else {
            return BAD(
                l,
                "\"%.60s\": expected FIELD=NUMBER, FIELD>=NUMBER, FIELD<NUMBER, \"TEXT\", same or for-good",
                l->word[i]);
        }
    }
    return 0;
}

static int need_words(const struct line *l, unsigned n, const char *form)
{
    return l->n < n ? BAD(l, "expected: %s", form) : 0;
}

static int parse_event(const struct line *l, struct condition *c)
{
    if (need_words(l, 3, "event KIND [FIELD=NUMBER]... [\"TEXT\"] [same] [for-good]") ||
        find_kind(l, l->word[2], &c->kind))
        return -1;
    return take_details(l, c, 3);
}

static int parse_mode(const struct line *l, struct condition *c)
{
    static const char *const modes[] = {"real",          "v86",  "protected16", "protected32",
                                        "compatibility", "long", "smm"};
    if (need_words(l, 3, "mode NAME [for-good]"))
        return -1;
    c->kind = EV_CPU_MODE;
    if (take_details(l, c, 3))
        return -1;
    for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (!strcmp(modes[i], l->word[2]))
            return set_field(l, c, "to", i);
    return BAD(l, "\"%.60s\" is not a mode: real, v86, protected16, protected32, compatibility, long or smm",
               l->word[2]);
}

static int parse_port(const struct line *l, struct condition *c)
{
    uint64_t port;
    unsigned at = 3;
    if (need_words(l, 3, "port NUMBER [in|out] [value=NUMBER]") || number(l, l->word[2], &port))
        return -1;
    c->kind = EV_PIO_WRITE;
    if (l->n > 3 && (!strcmp(l->word[3], "in") || !strcmp(l->word[3], "out")))
        c->kind = l->word[at++][0] == 'i' ? EV_PIO_READ : EV_PIO_WRITE;
    return set_field(l, c, "port", port) || take_details(l, c, at) ? -1 : 0;
}

static int parse_numbered(const struct line *l, struct condition *c, unsigned kind, const char *field,
                          const char *form)
{
    uint64_t v;
    c->kind = kind;
    if (need_words(l, 3, form) || number(l, l->word[2], &v) || set_field(l, c, field, v))
        return -1;
    return take_details(l, c, 3);
}
static int parse_post(const struct line *l, struct condition *c)
{
    return parse_numbered(l, c, EV_POST_CODE, "code", "post NUMBER");
}
static int parse_service(const struct line *l, struct condition *c)
{
    return parse_numbered(l, c, EV_SERVICE, "vector", "service VECTOR [function=NUMBER]");
}

static int parse_disk(const struct line *l, struct condition *c)
{
    if (need_words(l, 3, "disk read|write [drive=NUMBER] [lba=NUMBER]"))
        return -1;
    if (strcmp(l->word[2], "read") && strcmp(l->word[2], "write"))
        return BAD(l, "\"%.60s\": expected read or write", l->word[2]);
    c->kind = l->word[2][0] == 'r' ? EV_DISK_READ : EV_DISK_WRITE;
    return take_details(l, c, 3);
}

static int parse_console(const struct line *l, struct condition *c)
{
    if (need_words(l, 3, "console \"TEXT\""))
        return -1;
    c->kind = EV_CONSOLE_LINE;
    return take_text(l, c, l->word[2]) || take_details(l, c, 3) ? -1 : 0;
}

static int parse_probe(const struct line *l, struct condition *c)
{
    struct profile *p = l->p;
    if (need_words(l, 3, "symbol NAME, return NAME or address NUMBER"))
        return -1;
    c->kind = l->word[1][0] == 'r' ? EV_PROBE_LEAVE : EV_PROBE_ENTER;
    c->text = l->word[2];
    c->whole = true;
    for (size_t i = 0; i < p->nprobes; i++)
        if (!strcmp(p->probe[i], c->text))
            return 0;
    MEM_MORE(p->probe, p->nprobes);
    p->probe[p->nprobes++] = l->word[2];
    return 0;
}

static const struct {
    const char *word;
    int (*parse)(const struct line *, struct condition *);
} conditions[] = {
    {"event", parse_event},     {"mode", parse_mode},     {"port", parse_port},       {"post", parse_post},
    {"service", parse_service}, {"disk", parse_disk},     {"console", parse_console}, {"symbol", parse_probe},
    {"return", parse_probe},    {"address", parse_probe},
};

static int parse_condition(const struct line *l, struct condition **list, size_t *n)
{
    struct condition c = {0};
    if (need_words(l, 2,
                   "open CONDITION, close CONDITION, fail CONDITION, rename CONDITION or against CONDITION"))
        return -1;
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++)
        if (!strcmp(conditions[i].word, l->word[1])) {
            if (conditions[i].parse(l, &c))
                return -1;
            MEM_MORE(*list, *n);
            (*list)[(*n)++] = c;
            return 0;
        }
    return BAD(
        l,
        "\"%.60s\" is not a condition: event, mode, port, post, service, disk, console, symbol, return, address",
        l->word[1]);
}

/* ---------------------------------------------------------------- lines */

static int begin_stage(struct line *l)
{
    struct profile *p = l->p;
    if (l->n != 2)
        return BAD(l, "expected: stage NAME");
    MEM_MORE(p->stage, p->nstages);
    p->stage[p->nstages++] = (struct stage_rule){.name = l->word[1], .line = l->number};
    return 0;
}

static int parse_machine(const struct line *l, struct stage_rule *s)
{
    char *eq = l->n == 2 ? strchr(l->word[1], '=') : NULL;
    if (!eq)
        return BAD(l, "expected: %s KEY=VALUE", l->word[0]);
    *eq = 0;
    MEM_MORE(s->machine, s->nmachine);
    s->machine[s->nmachine++] = (struct machine_rule){l->word[1], eq + 1, !strcmp(l->word[0], "with")};
    return 0;
}

static int add_name(const char ***list, size_t *n, const char *name)
{
    MEM_MORE(*list, *n);
    (*list)[(*n)++] = name;
    return 0;
}

static int parse_percent(const struct line *l, unsigned *to)
{
    char *end;
    unsigned long v = strtoul(l->n == 2 ? l->word[1] : "", &end, 10);
    if (l->n != 2 || strcmp(end, "%") || !v || v > 100)
        return BAD(l, "expected: %s N%%, N from 1 to 100", l->word[0]);
    *to = (unsigned)v;
    return 0;
}

/* Parses a line of one word. */
static int parse_word(const struct line *l, const char **to)
{
    if (l->n != 2)
        return BAD(l, "expected: %s and one word", l->word[0]);
    *to = l->word[1];
    return 0;
}

static int parse_by(const struct line *l, struct stage_rule *s)
{
    if (l->n != 2 && l->n != 3)
        return BAD(l, "expected: by KEY [\"TEXT\"]");
    s->by = l->word[1];
    s->until = l->n == 3 ? l->word[2] : NULL;
    return 0;
}

static int parse_under(const struct line *l, struct stage_rule *s)
{
    if (l->n != 2 && (l->n != 4 || strcmp(l->word[2], "of") != 0))
        return BAD(l, "expected: under FIELD [of NAME]");
    MEM_MORE(s->under, s->nunder);
    s->under[s->nunder++] = (struct under_rule){l->word[1], l->n == 4 ? l->word[3] : NULL};
    return 0;
}

static int parse_condition_of(const struct line *l, struct stage_rule *s)
{
    switch (l->word[0][0]) {
    case 'o':
        return parse_condition(l, &s->open, &s->nopen);
    case 'c':
        return parse_condition(l, &s->close, &s->nclose);
    case 'f':
        return parse_condition(l, &s->fail, &s->nfail);
    case 'a':
        return parse_condition(l, &s->against, &s->nagainst);
    default:
        return parse_condition(l, &s->rename, &s->nrename);
    }
}

static int parse_flag(const struct line *l, struct stage_rule *s)
{
    const struct {
        const char *word;
        bool *flag;
    } flags[] = {{"once", &s->once},       {"moment", &s->moment},     {"chain", &s->chain},
                 {"lasting", &s->lasting}, {"unclosed", &s->unclosed}, {"child", &s->child}};
    if (l->n != 1)
        return BAD(l, "%s stands alone in its line", l->word[0]);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (!strcmp(flags[i].word, l->word[0]))
            *flags[i].flag = true;
    return 0;
}

static bool is_one_of(const char *word, const char *const *list)
{
    while (*list && strcmp(word, *list))
        list++;
    return *list;
}

static int parse_line(struct line *l)
{
    static const char *const condition_words[] = {"open", "close", "fail", "rename", "against", NULL};
    static const char *const flags[] = {"once", "moment", "chain", "lasting", "unclosed", "child", NULL};
    struct profile *p = l->p;
    if (!l->n)
        return 0;
    if (!strcmp(l->word[0], "stage"))
        return begin_stage(l);
    if (!p->nstages)
        return BAD(l, "\"%.60s\" before the first stage", l->word[0]);
    struct stage_rule *s = &p->stage[p->nstages - 1];
    const char *word = l->word[0];
    if (is_one_of(word, condition_words))
        return parse_condition_of(l, s);
    if (is_one_of(word, flags))
        return parse_flag(l, s);
    if (!strcmp(word, "by"))
        return parse_by(l, s);
    if (!strcmp(word, "under"))
        return parse_under(l, s);
    if (!strcmp(word, "note"))
        return parse_word(l, &s->note);
    if (!strcmp(word, "fold"))
        return parse_percent(l, &s->fold);
    if (!strcmp(word, "least"))
        return parse_percent(l, &s->least);
    if (!strcmp(word, "in") && l->n == 2)
        return add_name(&s->in, &s->nin, l->word[1]);
    if (!strcmp(word, "outside") && l->n == 2)
        return add_name(&s->outside, &s->noutside, l->word[1]);
    if (!strcmp(word, "after") && l->n == 2)
        return add_name(&s->after, &s->nafter, l->word[1]);
    if (!strcmp(l->word[0], "with") || !strcmp(l->word[0], "without"))
        return parse_machine(l, s);
    return BAD(
        l,
        "\"%.60s\": expected stage, in, outside, after, open, close, fail, rename, against, with, without, once, by, under, moment, unclosed, lasting, child, fold, least, chain or note",
        l->word[0]);
}

static bool has_key(const char *by, const struct condition *c)
{
    const struct event_kind *k = event_kind(c->kind);
    if (!strcmp(by, "data") || (c->capture && !strcmp(by, c->capture)))
        return true;
    for (unsigned i = 0; i < k->nfields; i++)
        if (!strcmp(by, k->field[i].name))
            return true;
    return false;
}

static int check_keys(const struct line *l, const struct stage_rule *s, const struct condition *list,
                      size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!has_key(s->by, &list[i]))
            return BAD(l, "stage %s: events %s have no %s to tell them apart by", s->name,
                       event_kind(list[i].kind)->name, s->by);
    return 0;
}

static int check_under(const struct line *l, const struct stage_rule *s)
{
    for (size_t i = 0; i < s->nunder; i++) {
        bool known = !s->under[i].of;
        for (size_t k = 0; k < l->p->nstages && !known; k++)
            known = l->p->stage[k].by && !strcmp(l->p->stage[k].name, s->under[i].of);
        if (!known)
            return BAD(l, "stage %s: there is no stage %s with by for it to be under", s->name,
                       s->under[i].of);
    }
    return 0;
}

static int check_stage(const struct line *l, const struct stage_rule *s)
{
    if (!s->nopen)
        return BAD(l, "stage %s has no open line: it would never begin", s->name);
    if (!s->by)
        return s->nunder || s->nrename ? BAD(l, "stage %s: under and rename need by", s->name) : 0;
    return check_under(l, s) || check_keys(l, s, s->open, s->nopen) ||
                   check_keys(l, s, s->close, s->nclose) || check_keys(l, s, s->fail, s->nfail) ||
                   check_keys(l, s, s->rename, s->nrename)
               ? -1
               : 0;
}

static int check_stages(struct line *l)
{
    int rc = 0;
    for (size_t i = 0; i < l->p->nstages && !rc; i++) {
        l->number = l->p->stage[i].line;
        rc = check_stage(l, &l->p->stage[i]);
    }
    return rc;
}

struct profile *profile_parse(const char *name, const char *text, struct error *err)
{
    struct profile *p = mem_zero(1, sizeof *p);
    p->text = mem_string(text);
    p->words = mem_string(text);
    struct line l = {.p = p, .name = name, .err = err};
    int rc = 0;
    for (char *s = p->words, *next; s && !rc; s = next) {
        next = strchr(s, '\n');
        if (next)
            *next++ = 0;
        l.number++;
        rc = split(&l, s) || parse_line(&l) ? -1 : 0;
    }
    if (!rc && !check_stages(&l))
        return p;
    profile_free(p);
    return NULL;
}

struct profile *profile_load(const char *path, struct error *err)
{
    char *text = mem_alloc(MAX_FILE + 1);
    FILE *f = fopen(path, "r");
    struct profile *p = NULL;
    size_t n = f ? fread(text, 1, MAX_FILE + 1, f) : 0;
    const char *base = path_name(path);
    if (!f || ferror(f)) {
        error_set(err, "%s: %s: give a boot profile that can be read", path, strerror(errno));
    } else if (n > MAX_FILE || memchr(text, 0, n)) {
        error_set(err, "%s: no boot profile: %s", path, n > MAX_FILE ? "over 1 MiB" : "it holds a zero byte");
    } else {
        text[n] = 0;
        p = profile_parse(base, text, err);
    }
    if (f)
        fclose(f);
    free(text);
    return p;
}

struct profile *profile_builtin(void)
{
    struct error err;
    struct profile *p = profile_parse("builtin", builtin_profile, &err);
    if (!p)
        must_fail(__FILE__, __LINE__, "the built-in profile", err.text);
    return p;
}

void profile_free(struct profile *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->nstages; i++) {
        free(p->stage[i].in);
        free(p->stage[i].outside);
        free(p->stage[i].after);
        free(p->stage[i].machine);
        free(p->stage[i].under);
        free(p->stage[i].open);
        free(p->stage[i].close);
        free(p->stage[i].fail);
        free(p->stage[i].rename);
        free(p->stage[i].against);
    }
    free(p->stage);
    free(p->probe);
    free(p->text);
    free(p->words);
    free(p);
}

const char *profile_text(const struct profile *p)
{
    return p->text;
}
const char *profile_probe(const struct profile *p, size_t i)
{
    return i < p->nprobes ? p->probe[i] : NULL;
}
size_t profile_stages(const struct profile *p)
{
    return p->nstages;
}
const struct stage_rule *profile_stage(const struct profile *p, size_t i)
{
    assert(i < p->nstages);
    return &p->stage[i];
}

bool condition_capture(const struct condition *c, const struct event *ev, struct capture *out)
{
    assert((!c->capture || (c->text && c->after)) && "a {NAME} stands between two texts");
    size_t before = c->capture ? strlen(c->text) : 0, after = c->capture ? strlen(c->after) : 0;
    const char *text = ev->data, *end = text + ev->len;
    if (!c->capture || !ev->len)
        return false;
    while (end > text && (end[-1] == ' ' || end[-1] == '\r'))
        end--;
    const char *at = memmem(text, (size_t)(end - text), c->text, before);
    if (!at || (size_t)(end - at) <= before + after || memcmp(end - after, c->after, after))
        return false;
    *out = (struct capture){at + before, (size_t)(end - after - at) - before};
    const char *ended = c->up_to ? memmem(out->text, out->len, c->up_to, strlen(c->up_to)) : NULL;
    if (ended)
        out->len = (size_t)(ended - out->text);
    return out->len;
}

static bool text_holds(const struct condition *c, const struct event *ev)
{
    struct capture ignored;
    size_t n = c->text ? strlen(c->text) : 0;
    if (c->capture)
        return condition_capture(c, ev, &ignored);
    if (c->whole)
        return ev->len == n && !memcmp(ev->data, c->text, n);
    return !c->text || plain_holds(ev->data, ev->len, c->text);
}

bool condition_holds(const struct condition *c, const struct event *ev, const char *opened_by,
                     size_t opened_len)
{
    if (ev->kind != c->kind)
        return false;
    for (unsigned i = 0; i < c->nfields; i++)
        if (event_number(ev, c->want[i].field) < c->want[i].low ||
            event_number(ev, c->want[i].field) > c->want[i].high)
            return false;
    if (c->same && (ev->len != opened_len || memcmp(ev->data, opened_by, opened_len)))
        return false;
    return text_holds(c, ev);
}

/* ---------------------------------------------------------------- machines */

bool stage_rule_is_meant(const struct stage_rule *r, setting_fn *setting, const void *machine)
{
    for (size_t i = 0; i < r->nmachine; i++) {
        const char *value = setting(machine, r->machine[i].key);
        if ((value && !strcmp(value, r->machine[i].value)) != r->machine[i].wanted)
            return false;
    }
    return true;
}
