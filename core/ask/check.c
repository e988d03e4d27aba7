/* check.c - what a program means, before it meets a trace: what each map holds, what a probe needs, and whether the order of firings
 * matters. See private/ast.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/ask/private/ast.h"

struct checking {
    struct ask_program *p;
    struct ask_error *err;
    struct ask_probe *probe;
    bool at_end; /* the probe is END: all firings are over */
    bool *set;   /* by local: it has a value here */
};

static int walk(struct checking *c, const struct ask_node *n);

/* ---------------------------------------------------------------- maps */

static const char *const kind_names[] = {
    [MAP_VALUE] = "a value", [MAP_COUNT] = "count()", [MAP_SUM] = "sum()",
    [MAP_MIN] = "min()",     [MAP_MAX] = "max()",     [MAP_AVG] = "avg()",
    [MAP_STATS] = "stats()", [MAP_HIST] = "hist()",   [MAP_LHIST] = "lhist()"};

/* It may be all keys of a map: $kv.0. */
static bool may_be_tuple(const struct ask_node *n)
{
    return n->kind == N_LOCAL || n->kind == N_ITEM || n->kind == N_MAP || n->kind == N_CHOICE;
}

static int map_keys(struct checking *c, const struct ask_node *n)
{
    struct ask_map_info *m = &c->p->map[n->slot];
    const size_t keys = n->n;
    const bool open = keys == 1 && may_be_tuple(n->list[0]) && (!m->keys_known || m->nkeys);
    if (!open && ((m->keys_known && m->nkeys != keys) || (m->has_keys && !keys)))
        return ask_wrong_at(c->err, c->p, n, "%s has %zu key%s elsewhere in the program, and %zu here",
                            m->name, m->nkeys, m->nkeys == 1 ? "" : "s", keys);
    m->has_keys |= keys > 0;
    m->keys_known |= !open;
    if (!open || !m->nkeys)
        m->nkeys = keys;
    for (size_t i = 0; i < keys; i++)
        if (walk(c, n->list[i]))
            return -1;
    return 0;
}

static int map_holds(struct checking *c, const struct ask_node *n, enum ask_map_kind kind)
{
    struct ask_map_info *m = &c->p->map[n->slot];
    if (m->kind != MAP_UNKNOWN && m->kind != kind)
        return ask_wrong_at(c->err, c->p, n, "%s holds %s here, and %s in line %u", m->name, kind_names[kind],
                            kind_names[m->kind], m->first->line);
    if (m->kind == MAP_UNKNOWN)
        m->first = n;
    m->kind = kind;
    return map_keys(c, n);
}

static void map_read(struct checking *c, const struct ask_node *n)
{
    if (!c->at_end)
        c->p->map[n->slot].is_read = true;
}

/* An aggregation's function, if that is what is assigned. */
static enum ask_map_kind aggregation(const struct ask_node *n)
{
    return n->kind == N_CALL ? ask_function(n->id)->makes : MAP_UNKNOWN;
}

static int assign_map(struct checking *c, const struct ask_node *n)
{
    struct ask_map_info *m = &c->p->map[n->a->slot];
    const enum ask_map_kind kind = aggregation(n->b);
    if (kind == MAP_UNKNOWN) {
        const bool steps = n->op == '+' || n->op == '-';
        m->is_stepped |= steps;
        m->is_set |= !steps;
        if (n->op && !steps)
            map_read(c, n->a);
        if (n->b->kind == N_MAP && !n->b->n && !n->op && c->p->map[n->b->slot].kind > MAP_VALUE)
            return ask_wrong_at(c->err, c->p, n->b,
                                "%s is an aggregation, which cannot be assigned as a whole", n->b->text);
        return map_holds(c, n->a, MAP_VALUE) || walk(c, n->b) ? -1 : 0;
    }
    if (n->op)
        return ask_wrong_at(c->err, c->p, n->b, "%s() is assigned by = alone", n->b->text);
    for (size_t i = 0; i < n->b->n; i++)
        if (walk(c, n->b->list[i]))
            return -1;
    if (kind == MAP_LHIST) {
        for (size_t i = 1; i < 4; i++)
            if (n->b->list[i]->kind != N_INTEGER)
                return ask_wrong_at(c->err, c->p, n->b->list[i],
                                    "lhist(): minimum, maximum and step are numbers");
        const uint64_t low = n->b->list[1]->number, high = n->b->list[2]->number,
                       step = n->b->list[3]->number;
        if (!step || high <= low || (high - low) / step > 1000)
            return ask_wrong_at(c->err, c->p, n->b,
                                "lhist(): from %llu to %llu in steps of %llu: give at most 1000 steps",
                                (unsigned long long)low, (unsigned long long)high, (unsigned long long)step);
    }
    return map_holds(c, n->a, kind);
}

/* ---------------------------------------------------------------- locals */

static int read_local(struct checking *c, const struct ask_node *n)
{
    return c->set[n->slot]
               ? 0
               : ask_wrong_at(c->err, c->p, n, "$%s has no value here: assign one before", n->text);
}

static int assign(struct checking *c, const struct ask_node *n)
{
    if (n->a->kind == N_MAP)
        return assign_map(c, n);
    if (aggregation(n->b) != MAP_UNKNOWN)
        return ask_wrong_at(c->err, c->p, n->b, "%s() is for maps: @name = %s(…)", n->b->text, n->b->text);
    if (walk(c, n->b) || (n->op && read_local(c, n->a)))
        return -1;
    c->set[n->a->slot] = true;
    return 0;
}

/* ---------------------------------------------------------------- calls */

static int want_map(struct checking *c, const struct ask_node *n)
{
    if (!n->n || n->list[0]->kind != N_MAP)
        return ask_wrong_at(c->err, c->p, n, "%s() wants a map", n->text);
    if (!c->at_end)
        c->p->in_order = true;
    return 0;
}

/* A map as a whole, without keys: which it may have elsewhere. */
static int whole_map(struct checking *c, const struct ask_node *n)
{
    return n->n ? map_keys(c, n) : 0;
}

static int check_clear(struct checking *c, const struct ask_node *n)
{
    if (want_map(c, n))
        return -1;
    return n->list[0]->n ? ask_wrong_at(c->err, c->p, n->list[0],
                                        "%s() wants a map without keys: delete() removes one value", n->text)
                         : 0;
}

static int check_delete(struct checking *c, const struct ask_node *n)
{
    if (want_map(c, n))
        return -1;
    if (n->n == 1)
        return whole_map(c, n->list[0]);
    return n->list[0]->n
               ? ask_wrong_at(c->err, c->p, n->list[0], "delete(@map, key): the map is written without keys")
               : walk(c, n->list[1]);
}

static int check_print(struct checking *c, const struct ask_node *n)
{
    if (n->list[0]->kind == N_MAP && !n->list[0]->n) {
        for (size_t i = 1; i < n->n; i++)
            if (n->list[i]->kind != N_INTEGER)
                return ask_wrong_at(c->err, c->p, n->list[i], "print(@map, TOP, DIVISOR): both are numbers");
        return want_map(c, n);
    }
    if (n->n > 1)
        return ask_wrong_at(c->err, c->p, n, "print() of a value takes one argument");
    if (n->list[0]->kind == N_MAP && !c->at_end)
        c->p->in_order = true;
    return n->list[0]->kind == N_MAP ? map_keys(c, n->list[0]) : walk(c, n->list[0]);
}

/* A map whose keys are asked for, by its name alone. */
static int check_keys_of(struct checking *c, const struct ask_node *call, const struct ask_node *map)
{
    if (map->kind != N_MAP || map->n)
        return ask_wrong_at(c->err, c->p, map, "%s() wants a map, written without keys", call->text);
    map_read(c, map);
    c->p->map[map->slot].counted = map;
    return 0;
}

static bool is_stack(const struct ask_node *n)
{
    return (n->kind == N_WORD && (n->id == W_KSTACK || n->id == W_USTACK)) ||
           (n->kind == N_CALL && (n->id == F_KSTACK || n->id == F_USTACK));
}

static int check_len(struct checking *c, const struct ask_node *n)
{
    if (is_stack(n->list[0]))
        return walk(c, n->list[0]);
    return n->list[0]->kind == N_MAP
               ? check_keys_of(c, n, n->list[0])
               : ask_wrong_at(c->err, c->p, n->list[0], "len() wants a map, kstack or ustack");
}

static int check_text(struct checking *c, const struct ask_node *n)
{
    static const unsigned char first[F_FUNCTIONS] = {
        [F_PRINTF] = 1, [F_TIME] = 1, [F_STRFTIME] = 1, [F_KADDR] = 1,
        [F_UADDR] = 1,  [F_REG] = 1,  [F_AT] = 1,       [F_PERCPU_KADDR] = 1};
    if (first[n->id] && n->n && n->list[0]->kind != N_STRING)
        return ask_wrong_at(c->err, c->p, n->list[0], "%s(): the first argument is a text in quotation marks",
                            n->text);
    return 0;
}

/* kstack(MODE, N): the mode is a word, not a value. */
static int check_stack(struct checking *c, const struct ask_node *n)
{
    for (size_t i = 0; i < n->n; i++) {
        const struct ask_node *one = n->list[i];
        const bool mode = one->kind == N_WORD && (!strcmp(one->text, "bpftrace") ||
                                                  !strcmp(one->text, "perf") || !strcmp(one->text, "raw"));
        if (!mode && one->kind != N_INTEGER)
            return ask_wrong_at(c->err, c->p, one,
                                "%s(): write a mode (bpftrace, perf, raw), a number of frames, or both",
                                n->text);
    }
    return 0;
}

static int check_printf(struct checking *c, const struct ask_node *n);

static int check_at(struct checking *c, const struct ask_node *n)
{
    const bool machine = c->probe->uses_machine, process = c->probe->uses_process;
    const int rc = walk(c, n->list[1]);
    c->probe->uses_machine = machine; /* it is another moment's */
    c->probe->uses_process = process;
    return rc;
}

static int check_call(struct checking *c, const struct ask_node *n)
{
    const struct ask_function_row *f = ask_function(n->id);
    c->probe->uses_machine |= f->needs & NEEDS_MACHINE;
    c->probe->uses_process |= f->needs & NEEDS_PROCESS;
    if (f->makes != MAP_UNKNOWN)
        return ask_wrong_at(c->err, c->p, n, "%s() is assigned to a map: @name = %s(…)", f->name, f->name);
    if (check_text(c, n))
        return -1;
    switch (n->id) {
    case F_CLEAR:
    case F_ZERO:
        return check_clear(c, n);
    case F_DELETE:
        return check_delete(c, n);
    case F_PRINT:
        return check_print(c, n);
    case F_KSTACK:
    case F_USTACK:
        return check_stack(c, n);
    case F_EXIT:
        c->p->in_order |= !c->at_end;
        return 0;
    case F_PRINTF:
        return check_printf(c, n);
    case F_AT:
        return check_at(c, n);
    case F_HAS_KEY:
        return check_keys_of(c, n, n->list[0]) || walk(c, n->list[1]) ? -1 : 0;
    case F_LEN:
        return check_len(c, n);
    case F_EMIT:
        c->p->emits = true;
        break;
    }
    for (size_t i = 0; i < n->n; i++)
        if (walk(c, n->id == F_EMIT ? n->list[i]->a : n->list[i]))
            return -1;
    return 0;
}

/* As many arguments as the format has conversions. */
static int check_printf(struct checking *c, const struct ask_node *n)
{
    size_t want = 0;
    const struct ask_node *format = n->list[0];
    for (size_t i = 0; i < format->ntext; i++) {
        if (format->text[i] != '%')
            continue;
        i += 1 + strspn(format->text + i + 1, "-+ #0123456789.");
        i += strspn(format->text + i, "hlzjt");
        if (i >= format->ntext)
            return ask_wrong_at(c->err, c->p, format, "printf: a %% at the end");
        if (format->text[i] == '%')
            continue;
        if (!strchr("diuxXopscr", format->text[i]))
            return ask_wrong_at(c->err, c->p, format,
                                "printf: %%%c is no conversion: use d, u, x, X, o, p, c, s or r",
                                format->text[i]);
        want++;
    }
    if (want != n->n - 1)
        return ask_wrong_at(c->err, c->p, n,
                            "printf: the format has %zu conversion%s, and %zu argument%s follow%s", want,
                            want == 1 ? "" : "s", n->n - 1, n->n == 2 ? "" : "s", n->n == 2 ? "s" : "");
    for (size_t i = 1; i < n->n; i++)
        if (walk(c, n->list[i]))
            return -1;
    return 0;
}

/* ---------------------------------------------------------------- all nodes */

static int check_word(struct checking *c, const struct ask_node *n)
{
    if (n->id < 0) { /* a constant, or a variable of the guest: its trace knows */
        int64_t ignored;
        c->probe->uses_machine |= !ask_header_constant(n->text, &ignored);
        return 0;
    }
    const unsigned needs = ask_word_needs(n->id);
    c->probe->uses_machine |= needs & NEEDS_MACHINE;
    c->probe->uses_process |= needs & NEEDS_PROCESS;
    return 0;
}

/* Arguments of events and stages are in the record; those of functions in registers. */
static bool args_in_record(const struct ask_probe *p)
{
    for (size_t i = 0; i < p->nplaces; i++)
        if (p->place[i].kind != P_EVENT && p->place[i].kind != P_STAGE && p->place[i].kind != P_PROCESS)
            return false;
    return true;
}

static bool is_record_member(const struct checking *c, const struct ask_node *n)
{
    return n->kind == N_MEMBER && n->a->kind == N_ARGS && args_in_record(c->probe);
}

static int check_map_read(struct checking *c, const struct ask_node *n)
{
    map_read(c, n);
    return map_keys(c, n);
}

static int check_step(struct checking *c, const struct ask_node *n, bool used)
{
    if (n->a->kind == N_LOCAL)
        return read_local(c, n->a);
    c->p->map[n->a->slot].is_stepped = true;
    if (used)
        map_read(c, n->a);
    return map_holds(c, n->a, MAP_VALUE);
}

static int check_unroll(struct checking *c, const struct ask_node *n)
{
    enum { MOST = 100 };
    if (n->kind == N_UNROLL && n->a->kind == N_INTEGER && (!n->a->number || n->a->number > MOST))
        return ask_wrong_at(c->err, c->p, n->a, "unroll: from 1 to %d times", MOST);
    return walk(c, n->a) || walk(c, n->b) ? -1 : 0;
}

/* The variable of a loop is one of its body alone. */
static int check_for(struct checking *c, const struct ask_node *n)
{
    if (c->set[n->a->slot])
        return ask_wrong_at(c->err, c->p, n->a, "for: $%s has a value already: take another name",
                            n->a->text);
    if (n->n == 1) {
        map_read(c, n->list[0]);
        c->p->map[n->list[0]->slot].looped = n->list[0];
    } else if (walk(c, n->list[0]) || walk(c, n->list[1])) {
        return -1;
    }
    c->set[n->a->slot] = true;
    const int rc = walk(c, n->b);
    c->set[n->a->slot] = false;
    return rc;
}

static int walk(struct checking *c, const struct ask_node *n)
{
    if (!n)
        return 0;
    switch (n->kind) {
    case N_LOCAL:
        return read_local(c, n);
    case N_MAP:
        return check_map_read(c, n);
    case N_WORD:
        return check_word(c, n);
    case N_CALL:
        return check_call(c, n);
    case N_STEP:
        return check_step(c, n, true);
    case N_DO:
        return n->a->kind == N_STEP ? check_step(c, n->a, false) : walk(c, n->a);
    case N_ASSIGN:
        return assign(c, n);
    case N_UNROLL:
    case N_WHILE:
        return check_unroll(c, n);
    case N_FOR:
        return check_for(c, n);
    case N_ARGS:
        if (!args_in_record(c->probe))
            c->probe->uses_machine = true;
        return 0;
    case N_MEMBER:
    case N_INDEX:
        if (is_record_member(c, n))
            return 0;
        c->probe->uses_machine = true;
        break;
    case N_UNARY:
        c->probe->uses_machine |= n->op == '*';
        break;
    default:
        break;
    }
    for (size_t i = 0; i < n->n; i++)
        if (walk(c, n->list[i]))
            return -1;
    return walk(c, n->a) || walk(c, n->b) || walk(c, n->c) ? -1 : 0;
}

/* Firings are independent if none of them uses what another one left in a map. What they assign, or add, is put together in order. */
static void find_order(struct ask_program *p)
{
    for (size_t i = 0; i < p->nmaps; i++)
        p->in_order |= p->map[i].is_read || (p->map[i].is_stepped && p->map[i].is_set);
    for (size_t i = 0; i < p->nprobes; i++)
        for (size_t k = 0; k < p->probe[i].nplaces; k++)
            p->in_order |=
                p->probe[i].place[k].kind == P_KRETPROBE || p->probe[i].place[k].kind == P_URETPROBE;
}

/* What is asked of maps as a whole, once all of the program has said what they hold. */
static int check_whole(const struct checking *c, struct ask_map_info *m)
{
    const struct ask_node *at = m->looped ? m->looped : m->counted;
    if (at && m->keys_known && !m->nkeys)
        return ask_wrong_at(c->err, c->p, at, "%s has no keys in this program", m->name);
    if (m->looped && (m->kind == MAP_HIST || m->kind == MAP_LHIST || m->kind == MAP_STATS))
        return ask_wrong_at(c->err, c->p, m->looped, "for: %s holds %s, which is not one value: print(%s)",
                            m->name, kind_names[m->kind], m->name);
    if (m->kind == MAP_UNKNOWN)
        m->kind = MAP_VALUE; /* it is only read, and always empty */
    return 0;
}

int ask_check(struct ask_program *p, struct ask_error *err)
{
    struct checking c = {.p = p, .err = err, .set = mem_zero(p->nlocals + 1, 1)};
    int rc = 0;
    for (size_t i = 0; i < p->nprobes && !rc; i++) {
        c.probe = &p->probe[i];
        c.at_end = c.probe->nplaces == 1 && (c.probe->place[0].kind == P_END);
        memset(c.set, 0, p->nlocals + 1);
        rc = walk(&c, c.probe->condition) || walk(&c, c.probe->body) ? -1 : 0;
    }
    for (size_t i = 0; i < p->nmaps && !rc; i++)
        rc = check_whole(&c, &p->map[i]);
    free(c.set);
    find_order(p);
    return rc;
}
