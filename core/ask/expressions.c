/* expressions.c - the parser's half for expressions, by precedence as in C. See private/ast.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/ask/private/ast.h"

enum { DEEP = 200 };

static int unary(struct ask_parser *s, struct ask_node **to);

/* ---------------------------------------------------------------- helpers */

static int list(struct ask_parser *s, struct ask_node *n, int end, const char *what)
{
    while (s->now.kind != end) {
        struct ask_node *one;
        if (ask_parse_expression(s, &one))
            return -1;
        ask_append(s, n, one);
        if (s->now.kind == ',') {
            if (ask_take(s) < 0)
                return -1;
        } else if (s->now.kind != end) {
            return ask_bad(s, "expected a comma or %s", what);
        }
    }
    return ask_take(s) < 0 ? -1 : 0;
}

static unsigned numbered(const char ***names, size_t *n, struct ask_parser *s, const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (!strcmp((*names)[i], name))
            return (unsigned)i;
    MEM_MORE(*names, *n);
    (*names)[*n] = name;
    return (unsigned)(*n)++;
}

static unsigned map_number(struct ask_parser *s, const char *name)
{
    for (size_t i = 0; i < s->p->nmaps; i++)
        if (!strcmp(s->p->map[i].name, name))
            return (unsigned)i;
    MEM_MORE(s->p->map, s->p->nmaps);
    s->p->map[s->p->nmaps] = (struct ask_map_info){.name = name};
    return (unsigned)s->p->nmaps++;
}

/* ---------------------------------------------------------------- operands */

static int integer(struct ask_parser *s, struct ask_node **to)
{
    *to = ask_node_new(s, N_INTEGER);
    (*to)->number = s->now.number;
    return ask_take(s) < 0 ? -1 : 0;
}

static int string(struct ask_parser *s, struct ask_node **to)
{
    *to = ask_node_new(s, N_STRING);
    (*to)->text = s->now.text;
    (*to)->ntext = (size_t)s->now.number;
    return ask_take(s) < 0 ? -1 : 0;
}

static int local(struct ask_parser *s, struct ask_node **to)
{
    *to = ask_node_new(s, N_LOCAL);
    (*to)->text = s->now.text;
    (*to)->slot = numbered(&s->p->local, &s->p->nlocals, s, s->now.text);
    return ask_take(s) < 0 ? -1 : 0;
}

static int map(struct ask_parser *s, struct ask_node **to)
{
    struct ask_node *n = *to = ask_node_new(s, N_MAP);
    n->text = s->now.text;
    n->slot = map_number(s, s->now.text);
    if (ask_take(s) < 0)
        return -1;
    if (s->now.kind != '[')
        return 0;
    if (ask_take(s) < 0 || list(s, n, ']', "]"))
        return -1;
    return n->n ? 0 : ask_wrong_at(s->err, s->p, n, "%s[]: a key is missing", n->text);
}

/* sizeof(TYPE or VALUE), offsetof(TYPE, MEMBER). */
static int size_of(struct ask_parser *s, struct ask_node **to, bool offset)
{
    struct ask_node *n = *to = ask_node_new(s, offset ? N_OFFSETOF : N_SIZEOF);
    if (ask_take(s) < 0 || ask_expect(s, '(', "("))
        return -1;
    if (ask_is_type(&s->now) || (s->now.kind == T_NAME && ask_word_find(s->now.text) < 0 && offset)) {
        if (ask_parse_type(s, &n->type))
            return -1;
    } else if (offset) {
        return ask_bad(s, "expected a type, as in offsetof(struct task_struct, comm)");
    } else if (ask_parse_expression(s, &n->a)) {
        return -1;
    }
    if (offset) {
        if (ask_expect(s, ',', "a comma and a member"))
            return -1;
        if (s->now.kind != T_NAME)
            return ask_bad(s, "expected a member's name");
        n->text = s->now.text;
        if (ask_take(s) < 0)
            return -1;
    }
    return ask_expect(s, ')', ")");
}

/* emit(name=value, …): the names are in the arguments' nodes. */
static int named_arguments(struct ask_parser *s, struct ask_node *call)
{
    while (s->now.kind != ')') {
        struct ask_node *one;
        const char *name = s->now.text;
        if (s->now.kind != T_NAME)
            return ask_bad(s, "emit: expected NAME=VALUE");
        if (ask_take(s) < 0 || ask_expect(s, '=', "= and a value") || ask_parse_expression(s, &one))
            return -1;
        struct ask_node *named = ask_node_new(s, N_DO);
        named->text = name;
        named->a = one;
        ask_append(s, call, named);
        if (s->now.kind == ',') {
            if (ask_take(s) < 0)
                return -1;
        } else if (s->now.kind != ')') {
            return ask_bad(s, "expected a comma or )");
        }
    }
    return ask_take(s) < 0 ? -1 : 0;
}

static int count_arguments(struct ask_parser *s, const struct ask_node *n)
{
    const struct ask_function_row *f = ask_function(n->id);
    if (n->n < f->least || n->n > f->most)
        return f->least == f->most ? ask_wrong_at(s->err, s->p, n, "%s() takes %u argument%s, not %zu",
                                                  f->name, f->least, f->least == 1 ? "" : "s", n->n)
                                   : ask_wrong_at(s->err, s->p, n, "%s() takes %u to %u arguments, not %zu",
                                                  f->name, f->least, f->most, n->n);
    return 0;
}

static int call(struct ask_parser *s, struct ask_node **to)
{
    struct ask_node *n = *to = ask_node_new(s, N_CALL);
    n->text = s->now.text;
    n->id = ask_function_find(n->text);
    const char *why = ask_refused(n->text);
    if (n->id < 0)
        return why ? ask_wrong_at(s->err, s->p, n, "%s(): %s", n->text, why)
                   : ask_wrong_at(s->err, s->p, n,
                                  "unknown function %s(): docs/trace.md lists those that there are", n->text);
    if (ask_take(s) < 0 || ask_take(s) < 0)
        return -1;
    if (n->id == F_EMIT ? named_arguments(s, n) : list(s, n, ')', ")"))
        return -1;
    return count_arguments(s, n);
}

static int name(struct ask_parser *s, struct ask_node **to)
{
    struct ask_lexed after;
    if (!strcmp(s->now.text, "sizeof") || !strcmp(s->now.text, "offsetof"))
        return size_of(s, to, *s->now.text == 'o');
    if (ask_peek(s, &after) < 0)
        return -1;
    if (after.kind == '(')
        return call(s, to);
    struct ask_node *n = *to = ask_node_new(s, N_WORD);
    n->text = s->now.text;
    n->id = ask_word_find(n->text);
    if (!strcmp(n->text, "args")) {
        n->kind = N_ARGS;
    } else if (n->id < 0 && ask_function_find(n->text) >= 0) {
        return ask_wrong_at(s->err, s->p, n, "%s is a function: write %s(…)", n->text, n->text);
    } else if (n->id < 0 && ask_refused(n->text)) {
        return ask_wrong_at(s->err, s->p, n, "%s: %s", n->text, ask_refused(n->text));
    }
    return ask_take(s) < 0 ? -1 : 0;
}

/* Whether what follows "(NAME" makes it a cast: "*", or ")" and then an operand. */
static int is_cast(struct ask_parser *s, bool *yes)
{
    struct ask_lexed t;
    *yes = ask_is_type(&s->now);
    if (*yes || s->now.kind != T_NAME || ask_word_find(s->now.text) >= 0 || !strcmp(s->now.text, "args"))
        return 0;
    if (ask_peek(s, &t) < 0)
        return -1;
    if (t.kind != '*')
        return 0;
    /* (NAME *) is a type, (NAME * 2) is a product */
    const char *p = t.text + 1;
    while (*p == '*' || *p == ' ')
        p++;
    *yes = *p == ')';
    return 0;
}

/* (TYPE)value, (value), (a, b). */
static int parenthesis(struct ask_parser *s, struct ask_node **to)
{
    struct ask_node *open = ask_node_new(s, N_TUPLE);
    bool cast;
    if (ask_take(s) < 0 || is_cast(s, &cast))
        return -1;
    if (cast) {
        open->kind = N_CAST;
        *to = open;
        return ask_parse_type(s, &open->type) || ask_expect(s, ')', ")") || unary(s, &open->a) ? -1 : 0;
    }
    if (ask_parse_expression(s, to))
        return -1;
    if (s->now.kind == ',') {
        ask_append(s, open, *to);
        *to = open;
        return ask_take(s) < 0 || list(s, open, ')', ")") ? -1 : 0;
    }
    return ask_expect(s, ')', ")");
}

int ask_parse_operand(struct ask_parser *s, struct ask_node **to)
{
    switch (s->now.kind) {
    case T_INTEGER:
        return integer(s, to);
    case T_STRING:
        return string(s, to);
    case T_LOCAL:
        return local(s, to);
    case T_MAP:
        return map(s, to);
    case T_NAME:
        return name(s, to);
    case '(':
        return parenthesis(s, to);
    case T_END:
        return ask_bad(s, "the program ends where a value is expected");
    default:
        return ask_bad(s, "expected a value, not \"%.*s\"", (int)s->now.length, s->now.text);
    }
}

/* ---------------------------------------------------------------- behind an operand */

static int member(struct ask_parser *s, struct ask_node **to)
{
    struct ask_node *n = ask_node_new(s, N_MEMBER);
    n->op = s->now.kind == T_ARROW ? T_ARROW : '.';
    n->a = *to;
    if (ask_take(s) < 0)
        return -1;
    n->line = s->now.line;
    n->column = s->now.column;
    n->length = s->now.length;
    if (s->now.kind == T_INTEGER && n->op == '.') {
        n->kind = N_ITEM;
        n->number = s->now.number;
    } else if (s->now.kind == T_NAME) {
        n->text = s->now.text;
    } else {
        return ask_bad(s, "expected a member's name");
    }
    *to = n;
    return ask_take(s) < 0 ? -1 : 0;
}

static int element(struct ask_parser *s, struct ask_node **to)
{
    struct ask_node *n = ask_node_new(s, N_INDEX);
    n->a = *to;
    *to = n;
    return ask_take(s) < 0 || ask_parse_expression(s, &n->b) || ask_expect(s, ']', "]") ? -1 : 0;
}

static int step(struct ask_parser *s, struct ask_node **to, struct ask_node *of, bool before)
{
    struct ask_node *n = ask_node_new(s, N_STEP);
    n->op = s->now.kind == T_INCREMENT ? '+' : '-';
    n->number = !before;
    if (ask_take(s) < 0 || (before && unary(s, &of)))
        return -1;
    n->a = of;
    *to = n;
    if (of->kind != N_LOCAL && of->kind != N_MAP)
        return ask_wrong_at(s->err, s->p, n, "++ and -- are for $locals and @maps");
    return 0;
}

static int postfix(struct ask_parser *s, struct ask_node **to)
{
    if (ask_parse_operand(s, to))
        return -1;
    for (;;) {
        int rc;
        switch (s->now.kind) {
        case '.':
        case T_ARROW:
            rc = member(s, to);
            break;
        case '[':
            rc = element(s, to);
            break;
        case T_INCREMENT:
        case T_DECREMENT:
            rc = step(s, to, *to, false);
            break;
        default:
            return 0;
        }
        if (rc)
            return -1;
    }
}

static int unary(struct ask_parser *s, struct ask_node **to)
{
    if (s->depth > DEEP)
        return ask_bad(s, "the expression is more than %d deep", DEEP);
    s->depth++;
    int rc;
    if (s->now.kind == T_INCREMENT || s->now.kind == T_DECREMENT) {
        rc = step(s, to, NULL, true);
    } else if (s->now.kind == '-' || s->now.kind == '!' || s->now.kind == '~' || s->now.kind == '*' ||
               s->now.kind == '&' || s->now.kind == '+') {
        struct ask_node *n = *to = ask_node_new(s, N_UNARY);
        n->op = s->now.kind;
        rc = ask_take(s) < 0 || unary(s, &n->a) ? -1 : 0;
    } else {
        rc = postfix(s, to);
    }
    s->depth--;
    return rc;
}

/* ---------------------------------------------------------------- two operands */

static const struct {
    int op, rank;
} ranks[] = {{T_OR, 1},    {T_AND, 2}, {'|', 3}, {'^', 4},  {'&', 5},  {T_EQ, 6},
             {T_NE, 6},    {'<', 7},   {'>', 7}, {T_LE, 7}, {T_GE, 7}, {T_LEFT, 8},
             {T_RIGHT, 8}, {'+', 9},   {'-', 9}, {'*', 10}, {'/', 10}, {'%', 10}};

static int rank_of(int op)
{
    for (size_t i = 0; i < sizeof ranks / sizeof ranks[0]; i++)
        if (ranks[i].op == op)
            return ranks[i].rank;
    return 0;
}

static int binary(struct ask_parser *s, struct ask_node **to, int least)
{
    if (unary(s, to))
        return -1;
    for (int rank; (rank = rank_of(s->now.kind)) && rank >= least;) {
        struct ask_node *n = ask_node_new(s, N_BINARY);
        n->op = s->now.kind;
        n->a = *to;
        *to = n;
        if (ask_take(s) < 0 || binary(s, &n->b, rank + 1))
            return -1;
    }
    return 0;
}

int ask_parse_expression(struct ask_parser *s, struct ask_node **to)
{
    if (s->depth > DEEP)
        return ask_bad(s, "the expression is more than %d deep", DEEP);
    if (binary(s, to, 1))
        return -1;
    if (s->now.kind != '?')
        return 0;
    struct ask_node *n = ask_node_new(s, N_CHOICE);
    n->a = *to;
    *to = n;
    s->depth++;
    const int rc = ask_take(s) < 0 || ask_parse_expression(s, &n->b) ||
                           ask_expect(s, ':', "\":\" and what holds otherwise") ||
                           ask_parse_expression(s, &n->c)
                       ? -1
                       : 0;
    s->depth--;
    return rc;
}
