/* stages.c - see stages.h. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/story/stages.h"
#include "base/memory.h"
#include "core/story/private/stages_ahead.h"
#include "core/story/private/stages_beside.h"
#include "core/story/private/stages_impl.h"
#include "core/story/private/stages_inner.h"
#include "core/story/private/stages_tasks.h"

enum {
    MAX_OPEN = 64,
    DEEPEST = 128, /* of a stage that is under another of its kind, such as a process */
    MAX_NAME = 200,
    KEY_MAX = 32
};

/* What a rule's conditions use a kind of event for. */
enum use { USE_OPEN = 1, USE_CHANGE = 2 };

/* The stages of a virtual machine, built as those of a machine. */
struct inner_builder {
    struct builder *b;
    long parent; /* the stage of the machine itself that it is inside, or -1 */
};

struct builder {
    struct stages *out;
    const struct profile *p;
    struct open_stage open[MAX_OPEN]; /* each is inside of the one before */
    unsigned nopen;
    struct stages_beside beside;      /* those of rules with `by` */
    size_t homeless;                  /* the place of the last of those that are in no other stage, or 0 */
    bool *done;                       /* by rule: opened since the last reset */
    bool *meant;                      /* by rule: it applies to this machine */
    bool kinds[EV_COUNT];             /* kinds that a condition uses */
    uint8_t (*uses)[EV_COUNT];        /* by rule and kind: enum use */
    const struct stages_ahead *ahead; /* NULL while it runs: then nothing is known to be for good */
    size_t boot;                      /* resets so far */
    uint64_t number, time;            /* of the current event */
    bool *closed;               /* by rule: the current event closed one of its stages (those with `by`) */
    char *plain;                /* a console line without escape sequences */
    struct stages_tasks *tasks; /* NULL while it runs */
    struct stages_inner inner;
    struct inner_builder *machines; /* by their numbers - 1 */
    size_t nmachines;
};

/* ---------------------------------------------------------------- conditions */

static bool holds(const struct builder *b, size_t rule, const struct condition *c, const struct event *ev,
                  const char *opened_by, size_t len)
{
    return condition_holds(c, ev, opened_by, len) &&
           (!c->for_good || stages_ahead_allows(b->ahead, rule, b->boot, b->number, b->time));
}

/* ---------------------------------------------------------------- names */

/* The last part of the path that is the text's first word. */
static struct capture program_of(const struct event *ev)
{
    const char *text = ev->len ? ev->data : "", *blank = memchr(text, ' ', ev->len);
    size_t n = blank ? (size_t)(blank - text) : ev->len;
    const char *slash = memrchr(text, '/', n);
    if (slash && slash + 1 < text + n) {
        n -= (size_t)(slash + 1 - text);
        text = slash + 1;
    }
    return (struct capture){text, n};
}

static bool is_word(const char *name, size_t len, const char *word)
{
    return strlen(word) == len && !strncmp(name, word, len);
}

static size_t put_field(const struct event *ev, const struct condition *c, const char *name, size_t len,
                        char *out, size_t room)
{
    const struct event_kind *k = event_kind(ev->kind);
    struct capture text = {ev->data, ev->len};
    if (is_word(name, len, "program"))
        text = program_of(ev);
    if (is_word(name, len, "data") || is_word(name, len, "program") ||
        (c->capture && is_word(name, len, c->capture) && condition_capture(c, ev, &text)))
        return (size_t)snprintf(out, room, "%.*s", (int)(text.len < 120 ? text.len : 120), text.text);
    for (unsigned i = 0; i < k->nfields; i++)
        if (is_word(name, len, k->field[i].name))
            return (size_t)snprintf(out, room, event_field_hex(k->field[i].type) ? "%#" PRIx64 : "%" PRIu64,
                                    event_number(ev, i));
    return (size_t)snprintf(out, room, "{%.*s}", (int)len, name);
}

/* NAME with {data}, {program}, {field} and the text that {NAME} matches filled in. Blanks become underscores,
 * so that a name is one word. */
static char *expand(const char *name, const struct event *ev, const struct condition *c)
{
    char out[MAX_NAME + 1];
    size_t n = 0;
    while (*name && n < MAX_NAME) {
        const char *end = *name == '{' ? strchr(name, '}') : NULL;
        if (end) {
            n += put_field(ev, c, name + 1, (size_t)(end - name - 1), out + n, MAX_NAME - n);
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
    return mem_string(out);
}

/* ---------------------------------------------------------------- opening and closing */

void stage_forget(struct stage *s)
{
    free((char *)s->name);
    free((char *)s->note);
}

static void close_stage(struct builder *b, struct open_stage *o, const struct event *ev, uint64_t number,
                        bool at_end)
{
    assert(o->index < b->out->n && b->out->list[o->index].parent < (long)o->index &&
           "a stage comes after its parent");
    struct stage *s = &b->out->list[o->index];
    s->end = ev->icount;
    s->end_time = ev->time;
    s->steps = s->end - s->begin;
    s->took = s->end_time - s->begin_time;
    s->last_event = number;
    s->open = at_end;
    stages_tasks_close(b->tasks, b->out->list, o->index);
    free(o->text);
    if (profile_stage(b->p, o->rule)->lasting && !s->steps && o->index + 1 == b->out->n) {
        stage_forget(s);
        b->out->n--;
    }
}

static void close_beside(struct builder *b, size_t place, const struct event *ev, uint64_t number,
                         bool at_end)
{
    struct open_stage *o = stages_beside_at(&b->beside, place);
    close_stage(b, o, ev, number, at_end);
    stages_beside_remove(&b->beside, place);
}

/* Closes the innermost stage, and those beside others in it. */
static void close_top(struct builder *b, const struct event *ev, uint64_t number, bool at_end)
{
    assert(b->nopen && "something is open");
    struct open_stage *o = &b->open[--b->nopen];
    while (o->inside)
        close_beside(b, o->inside, ev, number, at_end);
    close_stage(b, o, ev, number, at_end);
}

static void close_down_to(struct builder *b, unsigned depth, const struct event *ev, uint64_t number,
                          bool at_end)
{
    while (b->nopen > depth)
        close_top(b, ev, number, at_end);
}

static bool closes(const struct builder *b, const struct condition *list, size_t n, const struct event *ev,
                   const struct open_stage *o)
{
    for (size_t i = 0; i < n; i++)
        if (holds(b, o->rule, &list[i], ev, o->text, o->len))
            return true;
    return false;
}

static void close_matching(struct builder *b, const struct event *ev, uint64_t number)
{
    for (unsigned d = b->nopen; d-- > 0;) {
        const struct open_stage *o = &b->open[d];
        const struct stage_rule *r = profile_stage(b->p, o->rule);
        bool fails = closes(b, r->fail, r->nfail, ev, o);
        if (!fails && !closes(b, r->close, r->nclose, ev, o))
            continue;
        b->out->list[o->index].failed = fails;
        close_down_to(b, d, ev, number, false);
    }
}

static bool ends_by_itself(const struct builder *b, unsigned depth)
{
    return profile_stage(b->p, b->open[depth].rule)->nclose +
               profile_stage(b->p, b->open[depth].rule)->nfail >
           0;
}

/* The depth at which a stage may open now: that of its parent + 1, or -1. Stages without a close
 * condition end for it. */
static long place_for(const struct builder *b, const struct stage_rule *r)
{
    assert(b->nopen <= MAX_OPEN);
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

/* Whether none of the stages that `outside` names is open. */
static bool is_outside(const struct builder *b, const struct stage_rule *r)
{
    for (size_t i = 0; i < r->noutside; i++)
        for (unsigned d = 0; d < b->nopen; d++)
            if (!strcmp(profile_stage(b->p, b->open[d].rule)->name, r->outside[i]))
                return false;
    return true;
}

/* Whether one of the stages that `after` names has been open in this boot. */
static bool is_after(const struct builder *b, const struct stage_rule *r)
{
    for (size_t i = 0; i < r->nafter; i++)
        for (size_t rule = 0; rule < profile_stages(b->p); rule++)
            if (b->done[rule] && !strcmp(profile_stage(b->p, rule)->name, r->after[i]))
                return true;
    return !r->nafter;
}

/* Whether what has been open so far lets a stage of that rule open. */
static bool may_open(const struct builder *b, size_t rule)
{
    const struct stage_rule *r = profile_stage(b->p, rule);
    return is_outside(b, r) && !(r->once && b->done[rule]) && is_after(b, r);
}

static size_t add_stage(struct builder *b, const struct stage_rule *r, const struct condition *c, long parent,
                        const struct event *ev, uint64_t number)
{
    struct stages *out = b->out;
    assert(parent < (long)out->n && "a stage comes after its parent");
    if (out->n == out->room) {
        out->room = out->room ? out->room * 2 : 64;
        out->list = mem_resize(out->list, out->room * sizeof *out->list);
    }
    out->list[out->n] = (struct stage){.name = expand(r->name, ev, c),
                                       .note = r->note ? mem_string(r->note) : NULL,
                                       .parent = parent,
                                       .depth = parent >= 0 ? out->list[parent].depth + 1 : 0,
                                       .begin = ev->icount,
                                       .begin_time = ev->time,
                                       .first_event = number,
                                       .count = 1,
                                       .rule = (size_t)(r - profile_stage(b->p, 0)),
                                       .fold = r->fold,
                                       .chain = r->chain,
                                       .beside = r->by != NULL};
    stages_tasks_open(b->tasks, out->list, out->n, ev, r);
    return out->n++;
}

static void open_stage(struct builder *b, size_t rule, const struct condition *c, const struct event *ev,
                       uint64_t number)
{
    const struct stage_rule *r = profile_stage(b->p, rule);
    long depth = place_for(b, r);
    if (depth < 0 || !may_open(b, rule))
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
    struct open_stage *o = &b->open[b->nopen];
    *o = (struct open_stage){
        .index = add_stage(b, r, c, b->nopen ? (long)b->open[b->nopen - 1].index : -1, ev, number),
        .rule = rule,
        .text = mem_alloc(ev->len + 1),
        .len = ev->len};
    if (ev->len)
        memcpy(o->text, ev->data, ev->len);
    b->nopen++;
    if (r->moment)
        close_top(b, ev, number, false);
}

/* ---------------------------------------------------------------- stages beside each other */

/* The key that distinguishes an event's stage from others of its rule. */
static struct capture key_of(const char *by, const struct condition *c, const struct event *ev,
                             char number[KEY_MAX])
{
    const struct event_kind *k = event_kind(ev->kind);
    struct capture text = {ev->data, ev->len};
    if (c && c->capture && !strcmp(by, c->capture) && condition_capture(c, ev, &text))
        return text;
    for (unsigned i = 0; i < k->nfields; i++)
        if (!strcmp(by, k->field[i].name))
            return (struct capture){number,
                                    (size_t)snprintf(number, KEY_MAX, "%" PRIu64, event_number(ev, i))};
    return text;
}

/* The key of a rule's stage: what comes before `until`, if it has one and that is there. */
static struct capture key_of_rule(const struct stage_rule *r, const struct condition *c,
                                  const struct event *ev, char number[KEY_MAX])
{
    struct capture key = key_of(r->by, c, ev, number);
    const char *end = r->until && key.len ? memmem(key.text, key.len, r->until, strlen(r->until)) : NULL;
    if (end)
        key.len = (size_t)(end - (const char *)key.text);
    return key;
}

/* The depth of the innermost open stage that `in` names, + 1; of the innermost one, if there is no `in`; 0 outside of all. False if none
 * of them is open. */
static bool find_home(const struct builder *b, const struct stage_rule *r, unsigned *home, unsigned *in)
{
    *in = 0;
    *home = b->nopen;
    for (unsigned d = b->nopen; d-- > 0;)
        for (size_t i = 0; i < r->nin; i++)
            if (!strcmp(profile_stage(b->p, b->open[d].rule)->name, r->in[i])) {
                *home = d + 1;
                *in = (unsigned)i;
                return true;
            }
    return r->nin == 0;
}

static size_t find_beside(const struct builder *b, size_t rule, struct capture key)
{
    return stages_beside_find(&b->beside, rule, key.text, key.len);
}

/* The place of the open stage that `under` names, or 0; what would be too deep hangs from its home. */
static size_t find_above(const struct builder *b, size_t rule, const struct event *ev)
{
    const struct stage_rule *r = profile_stage(b->p, rule);
    char text[KEY_MAX];
    size_t found = 0;
    for (size_t i = 0; i < r->nunder && !found; i++) {
        struct capture key = key_of(r->under[i].field, NULL, ev, text);
        const char *of = r->under[i].of ? r->under[i].of : r->name;
        for (size_t k = 0; k < profile_stages(b->p) && !found; k++)
            if (!strcmp(profile_stage(b->p, k)->name, of))
                found = find_beside(b, k, key);
    }
    return found && b->out->list[stages_beside_at(&b->beside, found)->index].depth < DEEPEST ? found : 0;
}

/* Whether the current event closed a stage of that name. An event has one key only. */
static bool was_closed(const struct builder *b, const char *name)
{
    for (size_t i = 0; i < profile_stages(b->p); i++)
        if (b->closed[i] && !strcmp(profile_stage(b->p, i)->name, name))
            return true;
    return false;
}

static void open_beside(struct builder *b, size_t rule, const struct condition *c, const struct event *ev,
                        uint64_t number)
{
    const struct stage_rule *r = profile_stage(b->p, rule);
    char text[KEY_MAX];
    struct capture key = key_of_rule(r, c, ev, text);
    unsigned home, in;
    const size_t above = find_above(b, rule, ev);
    if (r->unclosed && was_closed(b, r->name))
        return;
    if (find_beside(b, rule, key) || !find_home(b, r, &home, &in) || !may_open(b, rule))
        return;
    b->done[rule] = true;
    struct open_stage *in_it = home ? &b->open[home - 1] : NULL;
    const long parent = above   ? (long)stages_beside_at(&b->beside, above)->index
                        : in_it ? (long)in_it->index
                                : -1;
    const size_t place =
        stages_beside_add(&b->beside, rule, key.text, key.len, in_it ? &in_it->inside : &b->homeless);
    const size_t index = add_stage(b, r, c, parent, ev, number);
    stages_beside_at(&b->beside, place)->index = index;
    b->out->list[index].in = in;
    if (r->moment)
        close_beside(b, place, ev, number, false);
}

/* The first condition of the list that holds, or NULL. */
static const struct condition *which(const struct builder *b, size_t rule, const struct condition *list,
                                     size_t n, const struct event *ev)
{
    for (size_t i = 0; i < n; i++)
        if (holds(b, rule, &list[i], ev, "", 0))
            return &list[i];
    return NULL;
}

/* The place of the rule's open stage that has the event's key, if one of these conditions holds; otherwise 0. */
static size_t matching(const struct builder *b, size_t rule, const struct condition *list, size_t n,
                       const struct event *ev, const struct condition **c)
{
    char text[KEY_MAX];
    *c = which(b, rule, list, n, ev);
    return *c ? find_beside(b, rule, key_of_rule(profile_stage(b->p, rule), *c, ev, text)) : 0;
}

static void change_beside(struct builder *b, size_t rule, const struct event *ev, uint64_t number)
{
    const struct stage_rule *r = profile_stage(b->p, rule);
    const struct condition *c;
    size_t place = matching(b, rule, r->rename, r->nrename, ev, &c);
    if (place) {
        struct stage *s = &b->out->list[stages_beside_at(&b->beside, place)->index];
        free((char *)s->name);
        s->name = expand(r->name, ev, c);
    }
    /* An event that fails it may be one that closes it, too. */
    if ((place = matching(b, rule, r->fail, r->nfail, ev, &c))) {
        b->closed[rule] = true;
        b->out->list[stages_beside_at(&b->beside, place)->index].failed = true;
        close_beside(b, place, ev, number, false);
    }
    if ((place = matching(b, rule, r->close, r->nclose, ev, &c))) {
        b->closed[rule] = true;
        close_beside(b, place, ev, number, false);
    }
}

/* ---------------------------------------------------------------- an event */

static void take_known(struct builder *b, const struct event *ev, uint64_t number)
{
    memset(b->closed, 0, profile_stages(b->p) * sizeof *b->closed);
    close_matching(b, ev, number);
    for (size_t i = 0; i < profile_stages(b->p); i++)
        if (b->meant[i] && b->uses[i][ev->kind] & USE_CHANGE && profile_stage(b->p, i)->by)
            change_beside(b, i, ev, number);
    for (size_t i = 0; i < profile_stages(b->p); i++) {
        if (!b->meant[i] || !(b->uses[i][ev->kind] & USE_OPEN))
            continue;
        const struct stage_rule *r = profile_stage(b->p, i);
        const struct condition *c = which(b, i, r->open, r->nopen, ev);
        if (c && r->by)
            open_beside(b, i, c, ev, number);
        else if (c)
            open_stage(b, i, c, ev, number);
    }
}

static void take(struct builder *b, const struct event *ev, uint64_t number)
{
    b->number = number;
    b->time = ev->time;
    if (ev->kind == EV_RESET || ev->kind == EV_KERNEL_KEXEC)
        memset(b->done, 0, profile_stages(b->p) * sizeof *b->done);
    if (b->kinds[ev->kind])
        take_known(b, ev, number);
    b->boot += ev->kind == EV_RESET;
}

/* ---------------------------------------------------------------- what is read */

static uint32_t note_kinds(struct builder *b, size_t rule, enum use use, const struct condition *list,
                           size_t n)
{
    uint32_t mask = 0;
    for (size_t i = 0; i < n; i++) {
        b->kinds[list[i].kind] = true;
        b->uses[rule][list[i].kind] |= (uint8_t)use;
        mask |= EVENT_CLASS_BIT(event_kind(list[i].kind)->cls);
    }
    return mask;
}

/* Notes the event kinds that the profile uses. */
static uint32_t classes_of(struct builder *b)
{
    uint32_t mask = EVENT_CLASS_BIT(EC_POWER) | EVENT_CLASS_BIT(EC_VIRT) | EVENT_CLASS_BIT(EC_KERNEL);
    for (size_t i = 0; i < profile_stages(b->p); i++) {
        const struct stage_rule *r = profile_stage(b->p, i);
        mask |= note_kinds(b, i, USE_OPEN, r->open, r->nopen) |
                note_kinds(b, i, USE_CHANGE, r->close, r->nclose) |
                note_kinds(b, i, USE_CHANGE, r->fail, r->nfail) |
                note_kinds(b, i, USE_CHANGE, r->rename, r->nrename);
    }
    return mask;
}

/* Conditions apply to the text as a person sees it. */
static void make_plain(struct builder *b, struct event *ev)
{
    if (ev->kind != EV_CONSOLE_LINE || !ev->len || !b->kinds[ev->kind] || !memchr(ev->data, 0x1b, ev->len))
        return;
    ev->len = (uint32_t)plain_text(ev->data, ev->len, b->plain);
    ev->data = b->plain;
}

static void close_all(struct builder *b, const struct event *last, uint64_t number)
{
    close_down_to(b, 0, last, number, true);
    while (b->homeless)
        close_beside(b, b->homeless, last, number, true);
}

/* ---------------------------------------------------------------- its life */

static void begin(struct builder *b, const struct profile *p, setting_fn *setting, const void *machine)
{
    size_t n = profile_stages(p);
    *b = (struct builder){.out = mem_zero(1, sizeof *b->out),
                          .p = p,
                          .done = mem_zero(n + 1, sizeof(bool)),
                          .meant = mem_zero(n + 1, sizeof(bool)),
                          .closed = mem_zero(n + 1, sizeof(bool)),
                          .uses = mem_zero(n + 1, sizeof *b->uses),
                          .plain = mem_alloc(EVENT_MAX_DATA)};
    for (size_t i = 0; i < n; i++)
        b->meant[i] = stage_rule_is_meant(profile_stage(p, i), setting, machine);
}

static void end(struct builder *b)
{
    free(b->done);
    free(b->meant);
    free(b->closed);
    free(b->uses);
    stages_beside_clear(&b->beside);
    stages_inner_clear(&b->inner);
    free(b->machines);
    free(b->plain);
}

/* ---------------------------------------------------------------- virtual machines */

/* Nothing is known of what it was configured with. */
static const char *no_setting(const void *machine, const char *key)
{
    return NULL;
}

/* The innermost open stage whose rule has stages by that key. */
static long stage_keyed(const struct builder *b, const char *by, uint64_t key)
{
    char text[KEY_MAX];
    const int n = snprintf(text, sizeof text, "%" PRIu64, key);
    long best = -1;
    for (size_t i = 0; i < profile_stages(b->p); i++) {
        const char *own = profile_stage(b->p, i)->by;
        const size_t place = own && !strcmp(own, by) ? stages_beside_find(&b->beside, i, text, (size_t)n) : 0;
        const long index = place ? (long)stages_beside_at(&b->beside, place)->index : -1;
        if (index >= 0 && (best < 0 || b->out->list[index].depth > b->out->list[best].depth))
            best = index;
    }
    return best;
}

static long home_of(const struct builder *b, const struct stages_machine *m)
{
    static const char *const by[] = {
        [MACHINE_OF_BLOCK] = NULL, [MACHINE_OF_PROCESS] = "pid", [MACHINE_OF_DOMAIN] = "domain"};
    const long keyed = by[m->kind] ? stage_keyed(b, by[m->kind], m->key) : -1;
    return keyed >= 0 ? keyed : b->nopen ? (long)b->open[b->nopen - 1].index : -1;
}

static void take_inner(struct builder *b, size_t machine, const struct event *ev, uint64_t number)
{
    while (b->nmachines < machine) {
        struct builder *inner = mem_alloc(sizeof *inner);
        begin(inner, b->p, no_setting, NULL);
        classes_of(inner);
        MEM_MORE(b->machines, b->nmachines);
        b->machines[b->nmachines] = (struct inner_builder){inner, home_of(b, &b->inner.list[b->nmachines])};
        b->nmachines++;
    }
    take(b->machines[machine - 1].b, ev, number);
}

/* All stages of the machine itself are closed, and keep their places. */
static void adopt_all(struct builder *b, const struct event *last, uint64_t number)
{
    char prefix[40];
    for (size_t i = 0; i < b->nmachines; i++) {
        struct inner_builder *m = &b->machines[i];
        close_all(m->b, last, number);
        stages_join(b->out, m->b->out, m->parent, stages_inner_prefix(&b->inner, i + 1, prefix));
        end(m->b);
        free(m->b);
    }
    if (b->nmachines)
        stages_sort(b->out);
}

/* ---------------------------------------------------------------- the walk */

static int walk(struct builder *b, struct trace *t, struct error *err)
{
    struct trace_cursor *c = trace_cursor_open(t, classes_of(b) | TASK_TIME_CLASSES);
    struct event ev, last = {.icount = trace_last_icount(t)};
    uint64_t number;
    int rc;
    while ((rc = trace_cursor_next(c, &ev, &number, err)) == 1) {
        last.time = ev.time;
        const size_t machine = stages_inner_of(&b->inner, &ev);
        if (machine) {
            take_inner(b, machine, &ev, number);
            continue;
        }
        make_plain(b, &ev);
        stages_tasks_see(b->tasks, &ev);
        take(b, &ev, number);
    }
    if (trace_end(t))
        last.time = trace_end(t)->time;
    close_all(b, &last, trace_event_count(t, EVENT_CLASSES_ALL));
    stages_tasks_finish(b->tasks, b->out->list, b->out->n);
    adopt_all(b, &last, trace_event_count(t, EVENT_CLASSES_ALL));
    trace_cursor_close(c);
    return rc < 0 ? -1 : 0;
}

static const char *setting_of_trace(const void *machine, const char *key)
{
    return trace_setting(machine, key);
}

static const char *setting_of_config(const void *machine, const char *key)
{
    return config_get(machine, key);
}

/* ---------------------------------------------------------------- building */

struct stages *stages_build(struct trace *t, const struct profile *p, struct error *err)
{
    struct builder b;
    begin(&b, p, setting_of_trace, t);
    struct stages_ahead *ahead = stages_ahead_of(t, p, err);
    b.ahead = ahead;
    b.tasks = stages_tasks_new();
    int rc = ahead ? walk(&b, t, err) : -1;
    stages_ahead_free(ahead);
    stages_tasks_free(b.tasks);
    end(&b);
    stages_name_kernels(b.out, t);
    stages_leave_out(b.out, p);
    stages_put_in_order(b.out);
    if (!rc)
        return b.out;
    stages_free(b.out);
    return NULL;
}

int stages_profile(struct trace *t, struct profile **p, struct error *err)
{
    *p = NULL;
    for (uint64_t i = 0; i < trace_note_count(t); i++) {
        struct trace_note note;
        if (trace_note(t, i, &note, err))
            return -1;
        if (!strcmp(note.type, "profile")) {
            char *text = mem_text(note.data, note.len);
            *p = profile_parse(note.name, text, err);
            free(text);
            return *p ? 0 : -1;
        }
    }
    return 0;
}

struct stages *stages_of_trace(struct trace *t, struct error *err)
{
    struct profile *p;
    if (stages_profile(t, &p, err))
        return NULL;
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
        stage_forget(&s->list[i]);
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

bool stages_have_tasks(const struct stages *s)
{
    size_t i = 0;
    while (i < s->n && !s->list[i].has_tasks)
        i++;
    return i < s->n;
}

static bool covers(const struct stage *g, uint64_t icount)
{
    return g->begin <= icount && (icount < g->end || g->open);
}

long stages_at(const struct stages *s, uint64_t icount)
{
    long best = -1;
    for (size_t i = 0; i < s->n; i++)
        if (!s->list[i].beside && covers(&s->list[i], icount))
            best = (long)i;
    return best;
}

long stages_at_inner(const struct stages *s, uint64_t icount)
{
    long best = -1;
    for (size_t i = 0; i < s->n; i++)
        if (s->list[i].inner && covers(&s->list[i], icount) &&
            (best < 0 || s->list[i].begin >= s->list[best].begin))
            best = (long)i;
    return best >= 0 ? best : stages_at(s, icount);
}

/* ---------------------------------------------------------------- while it runs */

struct stages_watch {
    struct builder b;
    uint64_t seen;
};

struct stages_watch *stages_watch_new(const struct profile *p, const struct engine_config *cfg)
{
    struct stages_watch *w = mem_zero(1, sizeof *w);
    begin(&w->b, p, setting_of_config, cfg);
    return w;
}

uint32_t stages_watch_classes(struct stages_watch *w)
{
    return classes_of(&w->b);
}

void stages_watch_see(struct stages_watch *w, const struct event *ev)
{
    struct event plain = *ev;
    if (stages_inner_of(&w->b.inner, ev))
        return;
    make_plain(&w->b, &plain);
    take(&w->b, &plain, w->seen++);
}

const char *stages_watch_now(const struct stages_watch *w)
{
    return w->b.nopen ? w->b.out->list[w->b.open[w->b.nopen - 1].index].name : "";
}

void stages_watch_free(struct stages_watch *w)
{
    if (!w)
        return;
    close_all(&w->b, &(struct event){0}, 0);
    stages_free(w->b.out);
    end(&w->b);
    free(w);
}
