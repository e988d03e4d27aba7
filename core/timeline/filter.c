/* filter.c - event filters, and the recorded events as an index. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/timeline/private/impl.h"

/* ---------------------------------------------------------------- matching */

/* The value of a field; "guest" is one of every event. */
static bool field_value(const struct event *ev, const char *name, uint64_t *value)
{
    const struct event_kind *k = event_kind(ev->kind);
    for (unsigned i = 0; i < k->nfields; i++)
        if (!strcmp(k->field[i].name, name)) {
            *value = event_number(ev, i);
            return true;
        }
    *value = ev->guest;
    return !strcmp(name, "guest");
}

uint32_t event_filter_classes(const struct event_filter *f)
{
    if (f->one_kind)
        return EVENT_CLASS_BIT(event_kind(f->kind)->cls);
    return f->classes ? f->classes : EVENT_CLASSES_ALL;
}

int event_filter_recorded(struct event_filter *f, uint32_t recorded, struct error *err)
{
    f->classes = event_classes_shown(f->classes, recorded);
    const uint32_t missing = (f->one_kind || f->classes ? event_filter_classes(f) : 0) & ~recorded;
    for (int c = 0; c < EC_COUNT; c++)
        if (missing & EVENT_CLASS_BIT(c))
            return error_set(
                err, "events of the class %s were not recorded: bootreel annotate --events +%s adds them",
                event_class_name((enum event_class)c), event_class_name((enum event_class)c));
    return 0;
}

bool event_filter_matches(const struct event_filter *f, const struct event *ev)
{
    assert(f->n <= EVENT_FILTER_CONDITIONS && ev->kind < EV_COUNT);
    if (f->one_kind ? ev->kind != f->kind
                    : !(event_filter_classes(f) & EVENT_CLASS_BIT(event_kind(ev->kind)->cls)))
        return false;
    for (unsigned i = 0; i < f->n; i++) {
        uint64_t v;
        if (!field_value(ev, f->condition[i].field, &v) || v < f->condition[i].low ||
            v > f->condition[i].high)
            return false;
    }
    return !f->text[0] || (ev->data && plain_holds(ev->data, ev->len, f->text));
}

/* ---------------------------------------------------------------- parsing */

static int parse_what(const char *word, struct event_filter *f, struct error *err)
{
    if (!strcmp(word, "all"))
        return 0;
    int cls = event_class_by_name(word);
    if (cls >= 0) {
        f->classes = EVENT_CLASS_BIT(cls);
        return 0;
    }
    for (unsigned id = 0; id < EV_COUNT; id++)
        if (!strcmp(event_kind(id)->name, word)) {
            f->one_kind = true;
            f->kind = (uint16_t)id;
            return 0;
        }
    return error_set(
        err,
        "\"%.60s\" is neither a class nor a kind of event: give irq, pio.write, all or console:TEXT, for example",
        word);
}

/* Whether some kind that the filter can match has that field. */
static bool field_exists(const struct event_filter *f, const char *name)
{
    for (unsigned id = 0; id < EV_COUNT; id++) {
        struct event ev = {.kind = (uint16_t)id};
        uint64_t v;
        struct event_filter plain = {.classes = f->classes, .one_kind = f->one_kind, .kind = f->kind};
        if (event_filter_matches(&plain, &ev) && field_value(&ev, name, &v))
            return true;
    }
    return false;
}

static int parse_number(const char *s, const char **end, uint64_t *n)
{
    char *e;
    if (*s < '0' || *s > '9')
        return -1;
    *n = strtoull(s, &e, 0);
    *end = e;
    return 0;
}

static int parse_condition(const char *word, struct event_filter *f, struct error *err)
{
    const char *value = strchr(word, '='), *end;
    size_t len = value ? (size_t)(value - word) : 0;
    if (!len || len >= EVENT_FILTER_NAME)
        return error_set(err, "\"%.60s\": a condition is written FIELD=NUMBER, FIELD=LOW..HIGH or text=TEXT",
                         word);
    if (f->n == EVENT_FILTER_CONDITIONS)
        return error_set(err, "\"%.60s\": at most %d conditions", word, EVENT_FILTER_CONDITIONS);
    char *name = f->condition[f->n].field;
    memcpy(name, word, len);
    name[len] = 0;
    if (!field_exists(f, name))
        return error_set(err, "\"%s\": those events have no field of that name", name);
    if (parse_number(value + 1, &end, &f->condition[f->n].low))
        return error_set(err, "\"%.60s\": \"%.30s\" is not a number", word, value + 1);
    f->condition[f->n].high = f->condition[f->n].low;
    if (!strncmp(end, "..", 2) && parse_number(end + 2, &end, &f->condition[f->n].high))
        return error_set(err, "\"%.60s\": a number must follow ..", word);
    if (*end)
        return error_set(err, "\"%.60s\": unexpected \"%.30s\" after the number", word, end);
    f->n++;
    return 0;
}

static int take_text(const char *text, struct event_filter *f, struct error *err)
{
    if (!*text || strlen(text) >= EVENT_FILTER_TEXT)
        return error_set(err, "the text to look for must have 1 to %d bytes", EVENT_FILTER_TEXT - 1);
    snprintf(f->text, sizeof f->text, "%s", text);
    return 0;
}

static const char *next_word(const char *s, char *word, size_t size)
{
    size_t n = strcspn(s, " \t");
    snprintf(word, size, "%.*s", (int)(n < size ? n : size - 1), s);
    s += n;
    return s + strspn(s, " \t");
}

int event_filter_parse(const char *text, struct event_filter *f, struct error *err)
{
    char word[80];
    *f = (struct event_filter){0};
    text += strspn(text, " \t");
    if (!strncmp(text, "console:", 8)) {
        f->classes = EVENT_CLASS_BIT(EC_CONSOLE);
        return take_text(text + 8, f, err);
    }
    text = next_word(text, word, sizeof word);
    if (parse_what(word, f, err))
        return -1;
    while (*text) {
        if (!strncmp(text, "text=", 5))
            return take_text(text + 5, f, err);
        text = next_word(text, word, sizeof word);
        if (parse_condition(word, f, err))
            return -1;
    }
    return 0;
}

/* ---------------------------------------------------------------- the record as an index */

void tl_sight_set(struct sight *s, unsigned id, const struct event *ev)
{
    s->found = true;
    s->id = id;
    s->event = *ev;
    s->event.data = NULL;
    s->event.len = 0;
    event_text_raw(ev, s->text, sizeof s->text);
}

static uint32_t indexed_classes(const struct timeline *tl)
{
    uint32_t classes = 0;
    for (size_t i = 0; i < tl->nstops; i++)
        if (tl->stop[i].stop.kind == TS_EVENT && tl_indexed(tl, &tl->stop[i]))
            classes |= event_filter_classes(&tl->stop[i].stop.filter);
    return classes;
}

static const struct stop_entry *event_stop(const struct timeline *tl, const struct event *ev)
{
    for (size_t i = 0; i < tl->nstops; i++)
        if (tl->stop[i].stop.kind == TS_EVENT && tl_indexed(tl, &tl->stop[i]) &&
            event_filter_matches(&tl->stop[i].stop.filter, ev))
            return &tl->stop[i];
    return NULL;
}

typedef int step_fn(struct trace_cursor *c, struct event *ev, uint64_t *number, struct error *err);

int tl_nearest_event(struct timeline *tl, enum timeline_direction dir, uint64_t from, struct error *err)
{
    step_fn *step = dir == TIMELINE_FORWARD ? trace_cursor_next : trace_cursor_prev;
    uint32_t classes = indexed_classes(tl);
    struct event ev;
    int rc;
    tl->sight.found = false;
    if (!classes)
        return 0;
    struct trace_cursor *c = trace_cursor_open(tl->t, classes);
    rc = trace_cursor_seek_icount(c, from, err);
    while (!rc && (rc = step(c, &ev, NULL, err)) == 1) {
        const struct stop_entry *s = event_stop(tl, &ev);
        if (s) {
            tl_sight_set(&tl->sight, s->id, &ev);
            break;
        }
        rc = 0;
    }
    trace_cursor_close(c);
    return rc;
}

int timeline_event_near(struct timeline *tl, enum timeline_direction dir, const struct event_filter *f,
                        struct event *ev, uint64_t *number, struct error *err)
{
    step_fn *step = dir == TIMELINE_FORWARD ? trace_cursor_next : trace_cursor_prev;
    int rc;
    if (tl->diverted)
        return 0;
    trace_cursor_close(tl->near);
    tl->near = trace_cursor_open(tl->t, event_filter_classes(f));
    if (trace_cursor_seek_icount(tl->near, tl_here(tl), err))
        return -1;
    while ((rc = step(tl->near, ev, number, err)) == 1)
        if (event_filter_matches(f, ev))
            break;
    return rc;
}
