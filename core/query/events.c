/* events.c - the virtual table `events`: the reader's events, of which a query reads the frames that it must.
 *
 * Constraints on kind and class choose the classes of a cursor, so that frames without them are not unpacked; those on icount,
 * event and time choose where it begins and ends; of events whose fields have other values than a constant, nothing is made. All but
 * those on kind and class are compared again by SQLite.
 */
#include <stdlib.h>
#include <string.h>

#include "core/query/private/impl.h"

enum column {
    C_BOOT,
    C_EVENT,
    C_ICOUNT,
    C_TIME,
    C_CPU,
    C_GUEST,
    C_KIND,
    C_CLASS,
    C_STAGE,
    C_PROCESS,
    C_DATA,
    C_TEXT,
    C_TIMES,
    C_FIELD
};

static const char declaration[] =
    "CREATE TABLE x(boot INTEGER, event INTEGER, icount INTEGER, time INTEGER, cpu INTEGER, guest INTEGER, kind TEXT, "
    "class TEXT, stage INTEGER, process INTEGER, data, text TEXT, times INTEGER, f0 HIDDEN, f1 HIDDEN, f2 HIDDEN, f3 HIDDEN, f4 HIDDEN, "
    "f5 HIDDEN, f6 HIDDEN, f7 HIDDEN)";
_Static_assert(EVENT_MAX_FIELDS == 8, "a hidden column each");

struct table {
    sqlite3_vtab base;
    struct query *query;
};

/* A range of numbers, both ends included. */
struct range {
    uint64_t low, high;
};

struct cursor {
    sqlite3_vtab_cursor base;
    /* What is wanted. */
    bool back;
    size_t boot, last_boot; /* the table ends after last_boot */
    bool kinds[EV_COUNT];
    uint32_t classes;
    struct range event, icount, time;
    unsigned fields; /* those that have one value, as a mask */
    uint64_t field[EVENT_MAX_FIELDS];
    bool counts; /* the column `times` is used */
    /* Where it is. */
    struct trace_cursor *at;
    const struct boot *of; /* whose cursor `at` is */
    uint32_t of_classes;
    struct range stretch; /* icounts, in this boot */
    struct event ev;
    uint64_t number;
    bool end;
    unsigned steps;
    size_t stage_hint, process_hint[QUERY_CPUS];
};

static struct query *query_of(const struct cursor *c)
{
    return ((const struct table *)c->base.pVtab)->query;
}

/* ---------------------------------------------------------------- what is wanted */

/* idxStr has two characters for each argument of xFilter: the column, as a letter from 'a' on, and how it is compared. */
static const struct {
    unsigned char op;
    char letter;
} comparisons[] = {{SQLITE_INDEX_CONSTRAINT_EQ, '='},
                   {SQLITE_INDEX_CONSTRAINT_GT, '>'},
                   {SQLITE_INDEX_CONSTRAINT_GE, 'g'},
                   {SQLITE_INDEX_CONSTRAINT_LT, '<'},
                   {SQLITE_INDEX_CONSTRAINT_LE, 'l'}};

static char comparison(int column, unsigned char op)
{
    const bool ranged = column == C_EVENT || column == C_ICOUNT || column == C_TIME;
    const bool equal = column == C_BOOT || column == C_KIND || column == C_CLASS || column >= C_FIELD;
    for (size_t i = 0; i < sizeof comparisons / sizeof comparisons[0]; i++)
        if (comparisons[i].op == op && (ranged || (equal && op == SQLITE_INDEX_CONSTRAINT_EQ)))
            return comparisons[i].letter;
    return 0;
}

/* How many events a constraint on the kind or class leaves, if it is known when the query is prepared. */
static double events_of(const struct query *q, sqlite3_value *value, int column)
{
    uint32_t classes = 0;
    uint64_t n = 0;
    const char *word = value ? (const char *)sqlite3_value_text(value) : NULL;
    for (unsigned i = 0; word && i < EV_COUNT; i++)
        if (!strcmp(word, column == C_KIND ? event_kind(i)->name : event_class_name(event_kind(i)->cls)))
            classes |= EVENT_CLASS_BIT(event_kind(i)->cls);
    for (size_t i = 0; i < q->nboots; i++)
        n += trace_event_count(q->boot[i].trace, word ? classes : EVENT_CLASSES_ALL);
    return (double)n / (word ? 1 : 8);
}

/* Whether the constraint compares with a constant, and not with the rows of another table. */
static bool is_constant(sqlite3_index_info *info, int i)
{
    sqlite3_value *value;
    return !sqlite3_vtab_in(info, i, -1) && sqlite3_vtab_rhs_value(info, i, &value) == SQLITE_OK;
}

/* Whether rows come in the order that is wanted: by their number or position, in one boot or boot by boot. */
static bool in_order(const struct query *q, const sqlite3_index_info *info, bool one_boot, bool *back)
{
    int i = 0;
    const struct sqlite3_index_orderby *by = info->aOrderBy;
    if (i < info->nOrderBy && by[i].iColumn == C_BOOT)
        i++;
    else if (!one_boot && q->nboots > 1)
        return false;
    if (i + 1 != info->nOrderBy || (by[i].iColumn != C_EVENT && by[i].iColumn != C_ICOUNT) ||
        (i && by[0].desc != by[1].desc))
        return false;
    *back = by[i].desc;
    return true;
}

enum plan { BACKWARDS = 1, COUNTS = 2 };

static int events_best(sqlite3_vtab *v, sqlite3_index_info *info)
{
    const struct query *q = ((const struct table *)v)->query;
    double rows = events_of(q, NULL, 0) * 8;
    bool one_boot = false, back = false;
    int n = 0;
    char *plan = sqlite3_malloc(2 * info->nConstraint + 1);
    if (!plan)
        return SQLITE_NOMEM;
    for (int i = 0; i < info->nConstraint; i++) {
        const struct sqlite3_index_constraint *c = &info->aConstraint[i];
        const char op = c->usable ? comparison(c->iColumn, c->op) : 0;
        const bool word = c->iColumn == C_KIND || c->iColumn == C_CLASS;
        if (!op || (word && strcmp(sqlite3_vtab_collation(info, i), "BINARY")) ||
            (c->iColumn >= C_FIELD && !is_constant(info, i)))
            continue;
        plan[2 * n] = (char)('a' + c->iColumn);
        plan[2 * n + 1] = op;
        info->aConstraintUsage[i].argvIndex = ++n;
        info->aConstraintUsage[i].omit = word;
        if (word && sqlite3_vtab_in(info, i, 1)) {
            plan[2 * n - 1] = 'i';
        } else if (word) {
            sqlite3_value *value = NULL;
            sqlite3_vtab_rhs_value(info, i, &value);
            const double some = events_of(q, value, c->iColumn);
            rows = some < rows ? some : rows;
        } else if (c->iColumn == C_BOOT) {
            rows /= (double)(q->nboots ? q->nboots : 1);
            one_boot = true;
        } else {
            rows = c->iColumn >= C_FIELD ? rows / 8 : op == '=' ? 1 : rows / 4;
        }
    }
    plan[2 * n] = 0;
    info->idxStr = plan;
    info->needToFreeIdxStr = 1;
    info->orderByConsumed = info->nOrderBy && in_order(q, info, one_boot, &back);
    info->idxNum = (back ? BACKWARDS : 0) | (info->colUsed >> C_TIMES & 1 ? COUNTS : 0);
    info->estimatedRows = (sqlite3_int64)rows;
    info->estimatedCost = 50 + rows;
    return SQLITE_OK;
}

/* Narrows a range to what is compared with that number. */
static void narrow(struct range *r, char op, sqlite3_value *value)
{
    if (sqlite3_value_numeric_type(value) != SQLITE_INTEGER) {
        if (sqlite3_value_type(value) == SQLITE_NULL) /* nothing is equal to it, or less */
            *r = (struct range){1, 0};
        return; /* SQLite compares it */
    }
    const sqlite3_int64 n = sqlite3_value_int64(value);
    const bool lower = op == '=' || op == '>' || op == 'g', upper = op == '=' || op == '<' || op == 'l';
    if (n < (op == '<') && upper) /* numbers are not negative */
        *r = (struct range){1, 0};
    else if (lower && n >= 0 && (uint64_t)n + (op == '>') > r->low)
        r->low = (uint64_t)n + (op == '>');
    if (upper && n >= (op == '<') && (uint64_t)n - (op == '<') < r->high)
        r->high = (uint64_t)n - (op == '<');
}

static void add_kinds(bool kinds[EV_COUNT], int column, sqlite3_value *value)
{
    const bool text = sqlite3_value_type(value) == SQLITE_TEXT;
    const char *word = text ? (const char *)sqlite3_value_text(value) : NULL;
    for (unsigned i = 0; word && i < EV_COUNT; i++)
        kinds[i] |=
            !strcmp(word, column == C_KIND ? event_kind(i)->name : event_class_name(event_kind(i)->cls));
}

static int keep_kinds(struct cursor *c, int column, char op, sqlite3_value *value)
{
    bool kinds[EV_COUNT] = {false};
    sqlite3_value *one;
    int rc = SQLITE_OK;
    if (op == '=')
        add_kinds(kinds, column, value);
    else
        for (rc = sqlite3_vtab_in_first(value, &one); rc == SQLITE_OK && one;
             rc = sqlite3_vtab_in_next(value, &one))
            add_kinds(kinds, column, one);
    for (unsigned i = 0; i < EV_COUNT; i++)
        c->kinds[i] &= kinds[i];
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void want_field(struct cursor *c, unsigned field, sqlite3_value *value)
{
    if (sqlite3_value_type(value) != SQLITE_INTEGER)
        return; /* SQLite compares it */
    c->fields |= 1u << field;
    c->field[field] = (uint64_t)sqlite3_value_int64(value);
}

static int want(struct cursor *c, int column, char op, sqlite3_value *value)
{
    const size_t n = query_of(c)->nboots;
    struct range boots = {1, n};
    switch (column) {
    case C_BOOT:
        narrow(&boots, op, value);
        c->boot = boots.low > n ? n : (size_t)boots.low - 1;
        c->last_boot = boots.low > boots.high ? c->boot : (size_t)boots.high;
        return SQLITE_OK;
    case C_EVENT:
        narrow(&c->event, op, value);
        return SQLITE_OK;
    case C_ICOUNT:
        narrow(&c->icount, op, value);
        return SQLITE_OK;
    case C_TIME:
        narrow(&c->time, op, value);
        return SQLITE_OK;
    case C_KIND:
    case C_CLASS:
        return keep_kinds(c, column, op, value);
    default:
        want_field(c, (unsigned)(column - C_FIELD), value);
        return SQLITE_OK;
    }
}

/* ---------------------------------------------------------------- walking */

/* The icounts that guest times from t->low to t->high can have: checkpoints say. */
static struct range stretch_of(const struct cursor *c, struct trace *t)
{
    struct range r = c->icount;
    if (!c->time.low && c->time.high == UINT64_MAX)
        return r;
    for (size_t i = 0; i < trace_checkpoint_count(t); i++) {
        const struct trace_checkpoint *k = trace_checkpoint(t, i);
        if (k->time < c->time.low && k->icount > r.low)
            r.low = k->icount;
        if (k->time > c->time.high) {
            r.high = k->icount < r.high ? k->icount : r.high;
            break;
        }
    }
    return r;
}

static int seek(struct cursor *c, struct error *err)
{
    if (!c->back)
        return c->event.low ? trace_cursor_seek_number(c->at, c->event.low, err)
                            : trace_cursor_seek_icount(c->at, c->stretch.low, err);
    if (c->event.high != UINT64_MAX)
        return trace_cursor_seek_number(c->at, c->event.high + 1, err);
    return c->stretch.high != UINT64_MAX ? trace_cursor_seek_icount(c->at, c->stretch.high + 1, err)
                                         : trace_cursor_seek_number(c->at, UINT64_MAX, err);
}

static size_t boot_now(const struct cursor *c)
{
    return c->back ? c->last_boot - 1 : c->boot;
}

/* Puts the cursor at the beginning of what is wanted of the boot. An open one is kept, with the frame that it has unpacked. */
static int enter(struct cursor *c)
{
    struct query *q = query_of(c);
    struct boot *b = &q->boot[boot_now(c)];
    if (c->of != b || c->of_classes != c->classes) {
        trace_cursor_close(c->at);
        c->at = trace_cursor_open(b->trace, c->classes);
        c->of = b;
        c->of_classes = c->classes;
        c->stage_hint = 0;
        memset(c->process_hint, 0, sizeof c->process_hint);
    }
    query_needs(q, b, c->classes);
    c->stretch = stretch_of(c, b->trace);
    return seek(c, &q->trouble) ? SQLITE_ERROR : SQLITE_OK;
}

/* Whether the event is beyond the range, in the direction of the walk. */
static bool beyond(const struct cursor *c)
{
    return c->back ? c->ev.icount < c->stretch.low || c->number < c->event.low
                   : c->ev.icount > c->stretch.high || c->number > c->event.high;
}

static bool fields_wanted(const struct cursor *c)
{
    for (unsigned bits = c->fields; bits; bits &= bits - 1) {
        const unsigned i = (unsigned)__builtin_ctz(bits);
        if (i >= event_kind(c->ev.kind)->nfields || event_number(&c->ev, i) != c->field[i])
            return false;
    }
    return true;
}

static bool wanted(const struct cursor *c)
{
    return c->kinds[c->ev.kind] && c->ev.icount >= c->stretch.low && c->ev.icount <= c->stretch.high &&
           c->number >= c->event.low && c->number <= c->event.high && fields_wanted(c);
}

/* Notes that a row stands for several events, if nobody asks for how many. */
static int note_times(const struct cursor *c)
{
    struct query *q = query_of(c);
    struct boot *b = &q->boot[boot_now(c)];
    if (c->counts || q->folded)
        return SQLITE_OK;
    if (boot_times(b, &q->trouble))
        return SQLITE_ERROR;
    q->folded = times_get(b->times, &c->ev, c->number) > 1;
    return SQLITE_OK;
}

/* The next event that is wanted, of this boot or a later one. */
static int advance(struct cursor *c)
{
    enum { LOOK_AT_CLOCK = 4096 };
    struct query *q = query_of(c);
    for (;;) {
        const int rc = c->back ? trace_cursor_prev(c->at, &c->ev, &c->number, &q->trouble)
                               : trace_cursor_next(c->at, &c->ev, &c->number, &q->trouble);
        if (rc < 0)
            return SQLITE_ERROR;
        if (++c->steps % LOOK_AT_CLOCK == 0 && query_late(q))
            return SQLITE_INTERRUPT;
        if (rc && !beyond(c)) {
            if (wanted(c))
                return note_times(c);
            continue;
        }
        if (c->back)
            c->last_boot--;
        else
            c->boot++;
        c->end = c->boot >= c->last_boot;
        if (c->end)
            return SQLITE_OK;
        if (enter(c))
            return SQLITE_ERROR;
    }
}

/* ---------------------------------------------------------------- the module */

static int events_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out,
                          char **err)
{
    int rc = sqlite3_declare_vtab(db, declaration);
    struct table *t = rc == SQLITE_OK ? sqlite3_malloc(sizeof *t) : NULL;
    if (!t)
        return rc == SQLITE_OK ? SQLITE_NOMEM : rc;
    *t = (struct table){.query = aux};
    *out = &t->base;
    return SQLITE_OK;
}

static int events_disconnect(sqlite3_vtab *v)
{
    sqlite3_free(v);
    return SQLITE_OK;
}

static int events_open(sqlite3_vtab *v, sqlite3_vtab_cursor **out)
{
    struct cursor *c = sqlite3_malloc(sizeof *c);
    if (!c)
        return SQLITE_NOMEM;
    memset(c, 0, sizeof *c);
    *out = &c->base;
    return SQLITE_OK;
}

static int events_close(sqlite3_vtab_cursor *v)
{
    trace_cursor_close(((struct cursor *)v)->at);
    sqlite3_free(v);
    return SQLITE_OK;
}

static int events_filter(sqlite3_vtab_cursor *v, int how, const char *plan, int argc, sqlite3_value **argv)
{
    struct cursor *c = (struct cursor *)v;
    int rc = SQLITE_OK;
    c->back = how & BACKWARDS;
    c->counts = how & COUNTS;
    c->fields = 0;
    c->boot = 0;
    c->last_boot = query_of(c)->nboots;
    c->event = c->icount = c->time = (struct range){0, UINT64_MAX};
    memset(c->kinds, true, sizeof c->kinds);
    for (int i = 0; i < argc && rc == SQLITE_OK; i++)
        rc = want(c, plan[2 * i] - 'a', plan[2 * i + 1], argv[i]);
    c->classes = 0;
    for (unsigned i = 0; i < EV_COUNT; i++)
        c->classes |= c->kinds[i] ? EVENT_CLASS_BIT(event_kind(i)->cls) : 0;
    c->end = c->boot >= c->last_boot || !c->classes || c->event.low > c->event.high ||
             c->icount.low > c->icount.high || c->time.low > c->time.high;
    if (rc == SQLITE_OK && !c->end)
        rc = enter(c);
    return rc == SQLITE_OK && !c->end ? advance(c) : rc;
}

static int events_next(sqlite3_vtab_cursor *v)
{
    return advance((struct cursor *)v);
}

static int events_eof(sqlite3_vtab_cursor *v)
{
    return ((struct cursor *)v)->end;
}

/* The place of one of the other tables' rows. */
static int result_place(sqlite3_context *out, long place)
{
    if (place >= 0)
        sqlite3_result_int64(out, place);
    else
        sqlite3_result_null(out);
    return SQLITE_OK;
}

static int result_stage(struct cursor *c, sqlite3_context *out)
{
    struct query *q = query_of(c);
    struct boot *b = &q->boot[boot_now(c)];
    if (boot_innermost(b, &q->trouble))
        return SQLITE_ERROR;
    return result_place(out, changes_at(&b->innermost, c->ev.icount, &c->stage_hint));
}

static int result_process(struct cursor *c, sqlite3_context *out)
{
    struct query *q = query_of(c);
    struct boot *b = &q->boot[boot_now(c)];
    if (boot_processes(b, &q->trouble))
        return SQLITE_ERROR;
    const unsigned cpu = c->ev.cpu;
    return result_place(out, changes_at(&b->running[cpu], c->number, &c->process_hint[cpu]));
}

static int result_times(struct cursor *c, sqlite3_context *out)
{
    struct query *q = query_of(c);
    struct boot *b = &q->boot[boot_now(c)];
    if (boot_times(b, &q->trouble))
        return SQLITE_ERROR;
    q->estimated |= times_estimated(b->times, c->number);
    sqlite3_result_int64(out, (sqlite3_int64)times_get(b->times, &c->ev, c->number));
    return SQLITE_OK;
}

static void result_field(const struct event *ev, sqlite3_context *out, unsigned field)
{
    const struct event_kind *k = event_kind(ev->kind);
    if (field < k->nfields && !event_field_none(k->field[field].type, event_number(ev, field)))
        sqlite3_result_int64(out, (sqlite3_int64)event_number(ev, field));
}

static void result_words(const struct event *ev, sqlite3_context *out)
{
    enum { MOST = 4 * EVENT_MAX_DATA + 1024 };
    char words[MOST];
    int n = event_text_raw(ev, words, sizeof words);
    sqlite3_result_text(out, words, n < MOST ? n : MOST - 1, SQLITE_TRANSIENT);
}

static int events_column(sqlite3_vtab_cursor *v, sqlite3_context *out, int column)
{
    struct cursor *c = (struct cursor *)v;
    const struct event *ev = &c->ev;
    const struct event_kind *k = event_kind(ev->kind);
    switch (column) {
    case C_BOOT:
        sqlite3_result_int64(out, (sqlite3_int64)boot_now(c) + 1);
        break;
    case C_EVENT:
        sqlite3_result_int64(out, (sqlite3_int64)c->number);
        break;
    case C_ICOUNT:
        sqlite3_result_int64(out, (sqlite3_int64)ev->icount);
        break;
    case C_TIME:
        sqlite3_result_int64(out, (sqlite3_int64)ev->time);
        break;
    case C_CPU:
        sqlite3_result_int64(out, ev->cpu);
        break;
    case C_GUEST:
        sqlite3_result_int64(out, ev->guest);
        break;
    case C_KIND:
        sqlite3_result_text(out, k->name, -1, SQLITE_STATIC);
        break;
    case C_CLASS:
        sqlite3_result_text(out, event_class_name(k->cls), -1, SQLITE_STATIC);
        break;
    case C_STAGE:
        return result_stage(c, out);
    case C_PROCESS:
        return result_process(c, out);
    case C_TIMES:
        return result_times(c, out);
    case C_DATA:
        if (k->has_data)
            result_bytes(out, ev->data, ev->len);
        break;
    case C_TEXT:
        result_words(ev, out);
        break;
    default:
        result_field(ev, out, (unsigned)(column - C_FIELD));
    }
    return SQLITE_OK;
}

static int events_rowid(sqlite3_vtab_cursor *v, sqlite3_int64 *id)
{
    const struct cursor *c = (const struct cursor *)v;
    *id = (sqlite3_int64)((uint64_t)boot_now(c) << 40 | c->number);
    return SQLITE_OK;
}

int events_register(struct query *q)
{
    static const sqlite3_module module = {.iVersion = 1,
                                          .xCreate = events_connect,
                                          .xConnect = events_connect,
                                          .xBestIndex = events_best,
                                          .xDisconnect = events_disconnect,
                                          .xDestroy = events_disconnect,
                                          .xOpen = events_open,
                                          .xClose = events_close,
                                          .xFilter = events_filter,
                                          .xNext = events_next,
                                          .xEof = events_eof,
                                          .xColumn = events_column,
                                          .xRowid = events_rowid};
    int rc = sqlite3_create_module(q->db, "events", &module, q);
    return rc == SQLITE_OK ? sqlite3_exec(q->db, "CREATE VIRTUAL TABLE events USING events", NULL, NULL, NULL)
                           : rc;
}
