/* stages.c - see stages.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/stages.h"

enum { MAX_OPEN = 64, MAX_NAME = 200 };

struct stages {
    struct stage *list;
    size_t n, room;
};

/* A stage that is open while the events are walked. */
struct open_stage {
    size_t index; /* in the list */
    size_t rule;
    char *text; /* the opening event's */
    size_t len;
};

struct builder {
    struct stages *out;
    const struct profile *p;
    struct open_stage open[MAX_OPEN];
    unsigned nopen;
    bool *done;  /* by rule: opened since the last reset */
    bool *meant; /* by rule: for this machine */
};

/* ---------------------------------------------------------------- names */

static size_t put_field(const struct event *ev, const char *name, size_t len, char *out, size_t room)
{
    const struct event_kind *k = event_kind(ev->kind);
    if (len == 4 && !strncmp(name, "data", 4))
        return (size_t)snprintf(out, room, "%.*s", (int)(ev->len < 120 ? ev->len : 120),
                                (const char *)ev->data);
    for (unsigned i = 0; i < k->nfields; i++)
        if (strlen(k->field[i].name) == len && !strncmp(k->field[i].name, name, len))
            return (size_t)snprintf(out, room, k->field[i].type == EFT_HEX ? "%#" PRIx64 : "%" PRIu64,
                                    ev->f[i]);
    return (size_t)snprintf(out, room, "{%.*s}", (int)len, name);
}

/* NAME with {data} and {field} filled in. Blanks become underscores, so that a name is a word. */
static char *expand(const char *name, const struct event *ev)
{
    char out[MAX_NAME + 1];
    size_t n = 0;
    while (*name && n < MAX_NAME) {
        const char *end = *name == '{' ? strchr(name, '}') : NULL;
        if (end) {
            n += put_field(ev, name + 1, (size_t)(end - name - 1), out + n, MAX_NAME - n);
            n = n < MAX_NAME ? n : MAX_NAME - 1;
            name = end + 1;
        } else {
            out[n++] = *name++;
        }
    }
    out[n] = 0;
    for (char *s = out; *s; s++)
        if (*s == ' ' || *s == '\t')
            *s = '_';
    return strdup(out);
}

/* ---------------------------------------------------------------- opening and closing */

static void close_top(struct builder *b, const struct event *ev, uint64_t number, bool at_end)
{
    struct open_stage *o = &b->open[--b->nopen];
    struct stage *s = &b->out->list[o->index];
    s->end = ev->icount;
    s->end_time = ev->time;
    s->last_event = number;
    s->open = at_end;
    free(o->text);
}

static void close_down_to(struct builder *b, unsigned depth, const struct event *ev, uint64_t number,
                          bool at_end)
{
    while (b->nopen > depth)
        close_top(b, ev, number, at_end);
}

static void close_matching(struct builder *b, const struct event *ev, uint64_t number)
{
    for (unsigned d = b->nopen; d-- > 0;) {
        const struct open_stage *o = &b->open[d];
        const struct stage_rule *r = profile_stage(b->p, o->rule);
        for (size_t i = 0; i < r->nclose; i++)
            if (condition_holds(&r->close[i], ev, o->text, o->len)) {
                close_down_to(b, d, ev, number, false);
                break;
            }
    }
}

static bool ends_by_itself(const struct builder *b, unsigned depth)
{
    return profile_stage(b->p, b->open[depth].rule)->nclose > 0;
}

/* The depth at which a stage may open now: that of its parent + 1, or -1. Stages without a close condition
 * make room for it. */
static long place_for(const struct builder *b, const struct stage_rule *r)
{
    for (long d = b->nopen; d >= 0; d--) {
        bool fits = r->nin == 0;
        for (size_t i = 0; i < r->nin && d > 0; i++)
            fits |= !strcmp(profile_stage(b->p, b->open[d - 1].rule)->name, r->in[i]);
        if (fits)
            return d;
        if (d > 0 && ends_by_itself(b, (unsigned)d - 1))
            return -1; /* another stage is innermost */
    }
    return -1;
}

static void open_stage(struct builder *b, size_t rule, const struct event *ev, uint64_t number)
{
    const struct stage_rule *r = profile_stage(b->p, rule);
    struct stages *out = b->out;
    long depth = place_for(b, r);
    if (depth < 0 || (r->once && b->done[rule]))
        return;
    /* A sibling without a close condition ends where this one begins; so do the innermost ones of a stage
     * with no `in`. */
    unsigned keep = (unsigned)depth;
    while (!r->nin && keep > 0 && !ends_by_itself(b, keep - 1))
        keep--;
    close_down_to(b, keep, ev, number, false);
    if (b->nopen == MAX_OPEN)
        return;
    b->done[rule] = true;
    if (out->n == out->room) {
        out->room = out->room ? out->room * 2 : 64;
        out->list = realloc(out->list, out->room * sizeof *out->list);
    }
    out->list[out->n] = (struct stage){.name = expand(r->name, ev),
                                       .parent = b->nopen ? (long)b->open[b->nopen - 1].index : -1,
                                       .depth = b->nopen,
                                       .begin = ev->icount,
                                       .begin_time = ev->time,
                                       .first_event = number};
    struct open_stage *o = &b->open[b->nopen++];
    *o = (struct open_stage){.index = out->n++, .rule = rule, .text = malloc(ev->len + 1), .len = ev->len};
    if (ev->len)
        memcpy(o->text, ev->data, ev->len);
}

static bool opens(const struct stage_rule *r, const struct event *ev)
{
    for (size_t i = 0; i < r->nopen; i++)
        if (condition_holds(&r->open[i], ev, "", 0))
            return true;
    return false;
}

static void take(struct builder *b, const struct event *ev, uint64_t number)
{
    close_matching(b, ev, number);
    if (ev->kind == EV_RESET)
        memset(b->done, 0, profile_stages(b->p) * sizeof *b->done);
    for (size_t i = 0; i < profile_stages(b->p); i++)
        if (b->meant[i] && opens(profile_stage(b->p, i), ev))
            open_stage(b, i, ev, number);
}

/* ---------------------------------------------------------------- the walk */

static uint32_t classes_of(const struct profile *p)
{
    uint32_t mask = EVENT_CLASS_BIT(EC_POWER);
    for (size_t i = 0; i < profile_stages(p); i++) {
        const struct stage_rule *r = profile_stage(p, i);
        for (size_t k = 0; k < r->nopen; k++)
            mask |= EVENT_CLASS_BIT(event_kind(r->open[k].kind)->cls);
        for (size_t k = 0; k < r->nclose; k++)
            mask |= EVENT_CLASS_BIT(event_kind(r->close[k].kind)->cls);
    }
    return mask;
}

static int walk(struct builder *b, struct trace *t, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, classes_of(b->p));
    struct event ev, last = {.icount = trace_last_icount(t)};
    uint64_t number;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, &number, err)) == 1) {
        take(b, &ev, number);
        last.time = ev.time;
    }
    if (trace_end(t))
        last.time = trace_end(t)->time;
    close_down_to(b, 0, &last, trace_event_count(t, EVENT_CLASSES_ALL), true);
    trace_cursor_close(c);
    return rc < 0 ? -1 : 0;
}

/* A setting of the machine, or NULL. */
typedef const char *setting_fn(const void *machine, const char *key);

static const char *setting_of_trace(const void *machine, const char *key)
{
    return trace_setting(machine, key);
}

static const char *setting_of_config(const void *machine, const char *key)
{
    return config_get(machine, key);
}

static bool is_meant(setting_fn *setting, const void *machine, const struct stage_rule *r)
{
    for (size_t i = 0; i < r->nmachine; i++) {
        const char *value = setting(machine, r->machine[i].key);
        if ((value && !strcmp(value, r->machine[i].value)) != r->machine[i].wanted)
            return false;
    }
    return true;
}

static void begin(struct builder *b, const struct profile *p, setting_fn *setting, const void *machine)
{
    size_t n = profile_stages(p);
    *b = (struct builder){.out = calloc(1, sizeof *b->out),
                          .p = p,
                          .done = calloc(n + 1, sizeof(bool)),
                          .meant = calloc(n + 1, sizeof(bool))};
    for (size_t i = 0; i < n; i++)
        b->meant[i] = is_meant(setting, machine, profile_stage(p, i));
}

struct stages *stages_build(struct trace *t, const struct profile *p, struct error *err)
{
    struct builder b;
    begin(&b, p, setting_of_trace, t);
    int rc = walk(&b, t, err);
    free(b.done);
    free(b.meant);
    if (!rc)
        return b.out;
    stages_free(b.out);
    return NULL;
}

struct stages *stages_of_trace(struct trace *t, struct error *err)
{
    struct profile *p = NULL;
    for (uint64_t i = 0; i < trace_note_count(t); i++) {
        struct trace_note note;
        if (trace_note(t, i, &note, err))
            return NULL;
        if (!strcmp(note.type, "profile")) {
            char *text = strndup(note.data, note.len);
            p = profile_parse(note.name, text, err);
            free(text);
            if (!p)
                return NULL;
            break;
        }
    }
    if (!p)
        p = profile_builtin();
    struct stages *s = stages_build(t, p, err);
    profile_free(p);
    return s;
}

void stages_free(struct stages *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        free((char *)s->list[i].name);
    free(s->list);
    free(s);
}

size_t stages_count(const struct stages *s)
{
    return s->n;
}
const struct stage *stages_get(const struct stages *s, size_t i)
{
    return &s->list[i];
}

long stages_at(const struct stages *s, uint64_t icount)
{
    long best = -1;
    for (size_t i = 0; i < s->n && s->list[i].begin <= icount; i++)
        if (icount < s->list[i].end || s->list[i].open)
            best = (long)i;
    return best;
}

/* ---------------------------------------------------------------- while it runs */

struct stages_watch {
    struct builder b;
    uint64_t seen;
};

struct stages_watch *stages_watch_new(const struct profile *p, const struct engine_config *cfg)
{
    struct stages_watch *w = calloc(1, sizeof *w);
    begin(&w->b, p, setting_of_config, cfg);
    return w;
}

uint32_t stages_watch_classes(const struct stages_watch *w)
{
    return classes_of(w->b.p);
}

void stages_watch_see(struct stages_watch *w, const struct event *ev)
{
    take(&w->b, ev, w->seen++);
}

const char *stages_watch_now(const struct stages_watch *w)
{
    return w->b.nopen ? w->b.out->list[w->b.open[w->b.nopen - 1].index].name : "";
}

void stages_watch_free(struct stages_watch *w)
{
    if (!w)
        return;
    close_down_to(&w->b, 0, &(struct event){0}, 0, true);
    stages_free(w->b.out);
    free(w->b.done);
    free(w->b.meant);
    free(w);
}
