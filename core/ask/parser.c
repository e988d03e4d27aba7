/* parser.c - a program as a whole: probes, predicates, statements. See private/ast.h and program.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/ask/private/ast.h"

enum { DEEP = 100 };

static int block(struct ask_parser *s, struct ask_node **to);

/* ---------------------------------------------------------------- memory and errors */

void *ask_own(struct ask_program *p, size_t n)
{
    void *m = mem_zero(1, n ? n : 1);
    MEM_MORE(p->owned, p->nowned);
    p->owned[p->nowned++] = m;
    return m;
}

char *ask_own_text(struct ask_program *p, const char *text, size_t n)
{
    char *s = ask_own(p, n + 1);
    memcpy(s, text, n);
    return s;
}

static int wrong(struct ask_error *err, const char *name, unsigned line, unsigned column, const char *fmt,
                 va_list ap)
{
    char text[300];
    vsnprintf(text, sizeof text, fmt, ap);
    err->line = line;
    err->column = column;
    if (!err->length)
        err->length = 1;
    return line ? error_set(&err->error, "%.60s:%u:%u: %s", name, line, column, text)
                : error_set(&err->error, "%.60s: %s", name, text);
}

int ask_wrong(struct ask_error *err, const char *name, unsigned line, unsigned column, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    wrong(err, name, line, column, fmt, ap);
    va_end(ap);
    return -1;
}

int ask_wrong_at(struct ask_error *err, const struct ask_program *p, const struct ask_node *n,
                 const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err->length = n->length;
    wrong(err, p->name, n->line, n->column, fmt, ap);
    va_end(ap);
    return -1;
}

int ask_wrong_place(struct ask_error *err, const struct ask_program *p, const struct ask_place *at,
                    const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err->length = at->length;
    wrong(err, p->name, at->line, at->column, fmt, ap);
    va_end(ap);
    return -1;
}

int ask_bad(struct ask_parser *s, const char *fmt, ...)
{
    va_list ap;
    if (s->now.kind < 0) /* the lexer has said why */
        return -1;
    va_start(ap, fmt);
    s->err->length = s->now.length;
    wrong(s->err, s->p->name, s->now.line, s->now.column, fmt, ap);
    va_end(ap);
    return -1;
}

const char *ask_error_line(const struct ask_source *source, const struct ask_error *err, size_t *n)
{
    const char *s = source->text;
    if (!err->line)
        return NULL;
    for (unsigned i = 1; i < err->line; i++) {
        s = strchr(s, '\n');
        if (!s++)
            return NULL;
    }
    *n = strcspn(s, "\n");
    return s;
}

/* ---------------------------------------------------------------- tokens */

int ask_take(struct ask_parser *s)
{
    if (s->ahead) {
        s->now = s->next;
        s->ahead = false;
        return s->now.kind;
    }
    return ask_lex(s->lex, &s->now);
}

int ask_peek(struct ask_parser *s, struct ask_lexed *t)
{
    if (!s->ahead && ask_lex(s->lex, &s->next) < 0)
        return -1;
    s->ahead = true;
    *t = s->next;
    return t->kind;
}

int ask_expect(struct ask_parser *s, int kind, const char *what)
{
    if (s->now.kind == kind)
        return ask_take(s) < 0 ? -1 : 0;
    return s->now.kind == T_END
               ? ask_bad(s, "the program ends where %s is expected", what)
               : ask_bad(s, "expected %s, not \"%.*s\"", what, (int)s->now.length, s->now.text);
}

struct ask_node *ask_node_new(struct ask_parser *s, enum ask_kind kind)
{
    struct ask_node *n = ask_own(s->p, sizeof *n);
    *n = (struct ask_node){
        .kind = kind, .line = s->now.line, .column = s->now.column, .length = s->now.length, .id = -1};
    return n;
}

void ask_append(struct ask_parser *s, struct ask_node *list, struct ask_node *one)
{
    if (!(list->n & (list->n - 1))) {
        struct ask_node **more = ask_own(s->p, (list->n ? 2 * list->n : 1) * sizeof *more);
        if (list->n)
            memcpy(more, list->list, list->n * sizeof *more);
        list->list = more;
    }
    list->list[list->n++] = one;
}

/* ---------------------------------------------------------------- statements */

/* As in bpftrace from 0.24 on, parentheses may be left out. */
static int condition(struct ask_parser *s, struct ask_node *n)
{
    return ask_take(s) < 0 || ask_parse_expression(s, &n->a) ? -1 : 0;
}

static int statement_if(struct ask_parser *s, struct ask_node **to)
{
    struct ask_node *n = *to = ask_node_new(s, N_IF);
    if (condition(s, n) || block(s, &n->b))
        return -1;
    if (s->now.kind != T_NAME || strcmp(s->now.text, "else"))
        return 0;
    if (ask_take(s) < 0)
        return -1;
    if (s->now.kind == T_NAME && !strcmp(s->now.text, "if")) {
        if (s->depth > DEEP)
            return ask_bad(s, "statements are more than %d deep in each other", DEEP);
        s->depth++;
        const int rc = statement_if(s, &n->c);
        s->depth--;
        return rc;
    }
    return block(s, &n->c);
}

static int statement_loop(struct ask_parser *s, struct ask_node **to)
{
    struct ask_node *n = *to = ask_node_new(s, *s->now.text == 'u' ? N_UNROLL : N_WHILE);
    if (condition(s, n))
        return -1;
    s->loops++;
    const int rc = block(s, &n->b);
    s->loops--;
    return rc;
}

/* What a loop goes over: a map, or FROM..TO. */
static int loop_over(struct ask_parser *s, struct ask_node *n)
{
    struct ask_node *one;
    if (ask_parse_expression(s, &one))
        return -1;
    ask_append(s, n, one);
    if (s->now.kind == T_RANGE) {
        if (ask_take(s) < 0 || ask_parse_expression(s, &one))
            return -1;
        ask_append(s, n, one);
        return 0;
    }
    if (one->kind != N_MAP || one->n)
        return ask_wrong_at(s->err, s->p, one, "for: write a map without keys, or a range, as in 0..10");
    return 0;
}

static int statement_for(struct ask_parser *s, struct ask_node **to)
{
    struct ask_node *n = *to = ask_node_new(s, N_FOR);
    if (ask_take(s) < 0)
        return -1;
    const bool open = s->now.kind == '(';
    if (open && ask_take(s) < 0)
        return -1;
    if (s->now.kind != T_LOCAL)
        return ask_bad(s, "expected a variable, as in for ($kv : @map) { … }");
    if (ask_parse_operand(s, &n->a) || ask_expect(s, ':', "\":\" and a map or a range") || loop_over(s, n) ||
        (open && ask_expect(s, ')', ")")))
        return -1;
    s->loops++;
    const int rc = block(s, &n->b);
    s->loops--;
    return rc;
}

/* let $x = VALUE; let $x. */
static int statement_let(struct ask_parser *s, struct ask_node **to)
{
    struct ask_node *n = *to = ask_node_new(s, N_ASSIGN);
    if (ask_take(s) < 0)
        return -1;
    if (s->now.kind != T_LOCAL)
        return ask_bad(s, "let: expected a variable, as in let $x = 1");
    if (ask_parse_operand(s, &n->a))
        return -1;
    if (s->now.kind == '=')
        return ask_take(s) < 0 || ask_parse_expression(s, &n->b) ? -1 : 0;
    n->kind = N_BLOCK; /* it does nothing */
    n->a = NULL;
    return 0;
}

static int statement_leave(struct ask_parser *s, struct ask_node **to)
{
    const char *word = s->now.text;
    *to = ask_node_new(s, *word == 'r' ? N_RETURN : *word == 'b' ? N_BREAK : N_CONTINUE);
    if (*word != 'r' && !s->loops)
        return ask_bad(s, "%s outside of a loop", word);
    return ask_take(s) < 0 ? -1 : 0;
}

static const struct {
    const char *word;
    int (*fn)(struct ask_parser *s, struct ask_node **to);
} statements[] = {{"if", statement_if},          {"unroll", statement_loop},  {"while", statement_loop},
                  {"for", statement_for},        {"return", statement_leave}, {"break", statement_leave},
                  {"continue", statement_leave}, {"let", statement_let}};

/* The operator of a compound assignment: the token less T_ASSIGN_ADD. */
static const int assign_ops[] = {'+', '-', '*', '/', '%', '&', '|', '^', T_LEFT, T_RIGHT};

static int statement_plain(struct ask_parser *s, struct ask_node **to)
{
    struct ask_node *n = *to = ask_node_new(s, N_DO);
    if (ask_parse_expression(s, &n->a))
        return -1;
    const int op = s->now.kind;
    if (op != '=' && (op < T_ASSIGN_ADD || op > T_ASSIGN_RIGHT))
        return 0;
    if (n->a->kind != N_LOCAL && n->a->kind != N_MAP)
        return ask_wrong_at(s->err, s->p, n->a,
                            "only $locals and @maps can be assigned: a recorded boot does not change");
    n->kind = N_ASSIGN;
    n->op = op == '=' ? 0 : assign_ops[op - T_ASSIGN_ADD];
    return ask_take(s) < 0 || ask_parse_expression(s, &n->b) ? -1 : 0;
}

/* *closed: no semicolon is needed behind it. */
static int statement(struct ask_parser *s, struct ask_node **to, bool *closed)
{
    *closed = true;
    if (s->now.kind == '{')
        return block(s, to);
    for (size_t i = 0; s->now.kind == T_NAME && i < sizeof statements / sizeof statements[0]; i++)
        if (!strcmp(s->now.text, statements[i].word)) {
            *closed = i < 4;
            return statements[i].fn(s, to);
        }
    *closed = false;
    return statement_plain(s, to);
}

/* The statements of a body, up to its closing brace, which stays. */
static int body(struct ask_parser *s, struct ask_node *n)
{
    while (s->now.kind != '}') {
        struct ask_node *one;
        bool closed;
        if (s->now.kind == ';') {
            if (ask_take(s) < 0)
                return -1;
            continue;
        }
        if (statement(s, &one, &closed))
            return -1;
        ask_append(s, n, one);
        if (!closed && s->now.kind != ';' && s->now.kind != '}')
            return s->now.kind == T_END
                       ? ask_bad(s, "the program ends inside of a body: a } is missing")
                       : ask_bad(s, "expected ; before \"%.*s\"", (int)s->now.length, s->now.text);
    }
    return 0;
}

static int block(struct ask_parser *s, struct ask_node **to)
{
    *to = ask_node_new(s, N_BLOCK);
    if (s->depth > DEEP)
        return ask_bad(s, "statements are more than %d deep in each other", DEEP);
    s->depth++;
    if (ask_expect(s, '{', "{") || body(s, *to))
        return -1;
    s->depth--;
    return ask_take(s) < 0 ? -1 : 0;
}

/* ---------------------------------------------------------------- probes */

/* The places, up to the predicate or the body. *after: the token that ended them. */
static int places(struct ask_parser *s, struct ask_probe *probe, struct ask_lexed *first, int *after)
{
    struct ask_lexed t = *first;
    for (;;) {
        struct ask_place at = {.text = t.text, .line = t.line, .column = t.column, .length = t.length};
        s->now = t;
        if (t.kind != T_STRING)
            return ask_bad(s, "expected a probe, as in kprobe:vfs_read");
        if (ask_parse_place(s, &at))
            return -1;
        struct ask_place *more = ask_own(s->p, (probe->nplaces + 1) * sizeof *more);
        if (probe->nplaces)
            memcpy(more, probe->place, probe->nplaces * sizeof *more);
        probe->place = more;
        probe->place[probe->nplaces++] = at;
        if (ask_lex_place(s->lex, &t) < 0)
            return -1;
        s->now = t;
        if (t.kind != ',')
            break;
        if (ask_lex_place(s->lex, &t) < 0)
            return -1;
        if (t.kind == '{' || t.kind == '/') /* a comma behind the last */
            break;
    }
    s->now = t;
    *after = t.kind;
    return 0;
}

static int predicate(struct ask_parser *s, struct ask_probe *probe)
{
    if (ask_take(s) < 0 || ask_parse_expression(s, &probe->condition))
        return -1;
    return ask_expect(s, T_END_PREDICATE, "the end of the predicate (/) and a body");
}

static int take_probe(struct ask_parser *s, struct ask_lexed *first)
{
    struct ask_probe probe = {.nplaces = 0};
    int after = 0;
    if (places(s, &probe, first, &after))
        return -1;
    if (after == '/') {
        if (predicate(s, &probe))
            return -1;
    } else if (after == '{') {
        s->now.kind = '{';
        s->ahead = false;
    } else {
        return ask_bad(s, after == T_END ? "the program ends where a body is expected: { … }"
                                         : "expected a predicate (/…/) or a body ({ … })");
    }
    /* The token behind the closing brace belongs to the next probe, which is read in another way. */
    probe.body = ask_node_new(s, N_BLOCK);
    if (ask_take(s) < 0 || body(s, probe.body))
        return -1;
    MEM_MORE(s->p->probe, s->p->nprobes);
    s->p->probe[s->p->nprobes++] = probe;
    return 0;
}

/* What is at the top: a declaration, or a probe. */
static bool is_word(const struct ask_lexed *t, const char *word)
{
    return t->kind == T_STRING && !strcmp(t->text, word);
}

/* A declaration's tokens are read as others are, up to its end; what comes then, as a place. */
static int declaration(struct ask_parser *s, struct ask_lexed *first)
{
    s->now = *first;
    s->now.kind = T_NAME;
    s->ahead = false;
    return is_word(first, "enum") ? ask_parse_enum(s) : ask_parse_struct(s);
}

static int whole(struct ask_parser *s)
{
    struct ask_lexed t;
    for (;;) {
        if (ask_lex_place(s->lex, &t) < 0)
            return -1;
        if (t.kind == T_END)
            return 0;
        if (t.kind == ';') /* behind a declaration */
            continue;
        s->now = t;
        const char *why = t.kind == T_STRING ? ask_refused(t.text) : NULL;
        if (why)
            return ask_bad(s, "%s: %s", t.text, why);
        if (is_word(&t, "struct") || is_word(&t, "union") || is_word(&t, "enum")) {
            if (declaration(s, &t))
                return -1;
        } else if (take_probe(s, &t)) {
            return -1;
        }
    }
}

struct ask_program *ask_parse(const struct ask_source *source, struct ask_error *err)
{
    struct ask_program *p = mem_zero(1, sizeof *p);
    *err = (struct ask_error){.line = 0};
    p->name = ask_own_text(p, source->name, strlen(source->name));
    struct ask_parser s = {.p = p, .err = err, .lex = ask_lexer_new(p, source, err)};
    int rc = whole(&s);
    ask_lexer_free(s.lex);
    if (!rc && !p->nprobes)
        rc = ask_wrong(err, p->name, 0, 0,
                       "there is no probe: write PROBE { … }, as in kprobe:vfs_read { @ = count(); }");
    if (!rc)
        rc = ask_check(p, err);
    if (!rc)
        return p;
    ask_free(p);
    return NULL;
}

int ask_parse_value(struct ask_program *p, const char *text, struct ask_node **to, struct ask_error *err)
{
    const struct ask_source source = {.name = p->name, .text = text};
    struct ask_parser s = {.p = p, .err = err, .lex = ask_lexer_new(p, &source, err)};
    const int rc =
        ask_take(&s) < 0 || ask_parse_expression(&s, to) || ask_expect(&s, T_END, "the end") ? -1 : 0;
    ask_lexer_free(s.lex);
    return rc;
}

void ask_free(struct ask_program *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->nowned; i++)
        free(p->owned[i]);
    free(p->owned);
    free(p->probe);
    free(p->map);
    free(p->local);
    free(p->structure);
    free(p->constant);
    free(p);
}
