/* loops.c - while, unroll, and for over maps and ranges. See private/eval.h. */
#include <stdlib.h>

#include "core/ask/private/eval.h"

/* Counts a turn. False: the loop ends, by an error or a statement of its body. */
static bool turn(struct ask_eval *e, const struct ask_node *n, uint64_t i)
{
    if (e->failed || e->leaving)
        return false;
    if (i >= ASK_TURNS_MOST) {
        ask_fail(e, n, "the loop has run %d times in one firing: end it earlier", ASK_TURNS_MOST);
        return false;
    }
    if (++e->steps > ASK_VALUES_MOST) {
        ask_fail(e, n, "one firing has computed for too long: %d values", ASK_VALUES_MOST);
        return false;
    }
    return true;
}

static void body(struct ask_eval *e, const struct ask_node *n)
{
    ask_statement(e, n->b);
    if (e->leaving == N_CONTINUE)
        e->leaving = 0;
}

static void ended(struct ask_eval *e)
{
    if (e->leaving == N_BREAK)
        e->leaving = 0;
}

void ask_loop(struct ask_eval *e, const struct ask_node *n)
{
    const struct ask_value times = n->kind == N_UNROLL ? ask_value_of(e, n->a) : ask_number(0, true);
    for (uint64_t i = 0; !e->failed && !e->leaving; i++) {
        if (n->kind == N_UNROLL && i >= times.n)
            break;
        if (n->kind == N_WHILE) {
            const struct ask_value v = ask_value_of(e, n->a);
            if (!ask_truth(&v))
                break;
        }
        if (turn(e, n, i))
            body(e, n);
    }
    ended(e);
}

/* ---------------------------------------------------------------- for */

/* FROM..TO: without TO itself. */
static void over_range(struct ask_eval *e, const struct ask_node *n)
{
    const struct ask_value from = ask_value_of(e, n->list[0]), to = ask_value_of(e, n->list[1]);
    if (!e->failed && (from.kind != V_NUMBER || to.kind != V_NUMBER))
        ask_fail(e, n->list[from.kind != V_NUMBER ? 0 : 1], "a range is from a number to a number");
    for (int64_t i = (int64_t)from.n; i < (int64_t)to.n && turn(e, n, (uint64_t)i - from.n); i++) {
        e->local[n->a->slot] = ask_number((uint64_t)i, true);
        body(e, n);
    }
}

/* (key, value); several keys are a tuple. */
static struct ask_value pair_of(struct ask_eval *e, struct ask_value *key, size_t nkeys,
                                const struct ask_value *value)
{
    struct ask_value pair = {.kind = V_TUPLE, .length = 2, .item = ask_room(e, 2 * sizeof *pair.item)};
    pair.item[0] = nkeys == 1 ? key[0] : (struct ask_value){.kind = V_TUPLE, .length = nkeys, .item = key};
    pair.item[1] = ask_borrowed(e, value);
    return pair;
}

/* The keys that there are as the loop begins; what its body deletes is not shown any more. */
static void over_map(struct ask_eval *e, const struct ask_node *n)
{
    struct ask_map *m = &e->maps[n->list[0]->slot];
    size_t count;
    const struct ask_cell **cells = ask_map_sorted(m, 0, &count);
    struct ask_value *keys = ask_room(e, count * m->nkeys * sizeof *keys);
    for (size_t i = 0; i < count * m->nkeys; i++)
        keys[i] = ask_borrowed(e, &cells[i / m->nkeys]->key[i % m->nkeys]);
    free(cells);
    for (size_t i = 0; i < count && turn(e, n, i); i++) {
        const struct ask_cell *c = ask_map_cell(m, keys + i * m->nkeys, false);
        if (!c)
            continue;
        const struct ask_value v = ask_cell_value(m, c);
        e->local[n->a->slot] = pair_of(e, keys + i * m->nkeys, m->nkeys, &v);
        body(e, n);
    }
}

void ask_for(struct ask_eval *e, const struct ask_node *n)
{
    if (n->n == 2)
        over_range(e, n);
    else
        over_map(e, n);
    ended(e);
}
