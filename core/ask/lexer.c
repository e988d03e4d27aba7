/* lexer.c - a program's text as tokens; #define, #ifdef and their kin. See private/ast.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/units.h"
#include "core/ask/private/ast.h"

enum { EXPANSIONS = 32, NAME = 128, CONDITIONS = 64, TEXT_MOST = 65536 };

struct macro {
    const char *name;  /* NULL: it was undefined */
    const char *value; /* what stands for it */
};

/* Text that is read: the source, or what a macro stands for. */
struct input {
    const char *at;
    const char *macro; /* its name; NULL: the source */
};

struct ask_lexer {
    struct ask_program *p;
    const struct ask_source *source;
    struct ask_error *err;
    struct input input[EXPANSIONS];
    unsigned ninputs;
    const char *line_begin;
    unsigned line;
    unsigned use_line, use_column; /* where the outermost macro is used */
    struct macro *macro;
    size_t nmacros;
    struct condition {
        bool taken, outer; /* this part is read; the part around it is */
        bool was;          /* a part before was read */
    } condition[CONDITIONS];
    unsigned nconditions;
};

/* ---------------------------------------------------------------- where */

static struct input *top(struct ask_lexer *l)
{
    return &l->input[l->ninputs - 1];
}

static unsigned column(const struct ask_lexer *l)
{
    return l->ninputs > 1 ? l->use_column : (unsigned)(l->input[0].at - l->line_begin) + 1;
}

static unsigned line(const struct ask_lexer *l)
{
    return l->ninputs > 1 ? l->use_line : l->line;
}

#define WRONG(l, ...) ask_wrong((l)->err, (l)->source->name, line(l), column(l), __VA_ARGS__)

/* ---------------------------------------------------------------- macros */

static struct macro *macro_find(struct ask_lexer *l, const char *name, size_t n)
{
    for (size_t i = l->nmacros; i-- > 0;)
        if (l->macro[i].name && strlen(l->macro[i].name) == n && !memcmp(l->macro[i].name, name, n))
            return &l->macro[i];
    return NULL;
}

static void macro_add(struct ask_lexer *l, const char *name, const char *value)
{
    struct macro *m = macro_find(l, name, strlen(name));
    if (!m) {
        MEM_MORE(l->macro, l->nmacros);
        m = &l->macro[l->nmacros++];
    }
    *m = (struct macro){name, value};
}

static bool is_name(int c)
{
    return isalnum(c) || c == '_';
}

static const char *blanks(const char *s)
{
    return s + strspn(s, " \t");
}

/* The word at s. */
static size_t word(const char *s)
{
    size_t n = 0;
    while (is_name((unsigned char)s[n]))
        n++;
    return n;
}

/* ---------------------------------------------------------------- conditions */

static bool reading(const struct ask_lexer *l)
{
    return !l->nconditions || l->condition[l->nconditions - 1].taken;
}

/* #if knows numbers, names, defined NAME and !. Anything else is refused. */
static int condition_value(struct ask_lexer *l, const char *s, bool *value)
{
    bool no = false;
    for (s = blanks(s); *s == '!'; s = blanks(s + 1))
        no = !no;
    if (!strncmp(s, "defined", 7) && !is_name((unsigned char)s[7])) {
        s = blanks(s + 7);
        const bool open = *s == '(';
        s = blanks(s + open);
        const size_t n = word(s);
        if (!n)
            return WRONG(l, "#if defined: of what? write defined(NAME)");
        *value = macro_find(l, s, n);
        s = blanks(s + n);
        if (open && *s++ != ')')
            return WRONG(l, "#if defined(: a parenthesis is missing");
    } else {
        const size_t n = word(s);
        const struct macro *m = macro_find(l, s, n);
        const char *number = m ? m->value : s;
        if (!n)
            return WRONG(l, "#if: only a number, a name, defined(NAME) and ! are understood");
        *value = strtoull(number, NULL, 0);
        s += n;
    }
    if (*blanks(s))
        return WRONG(l, "#if: only a number, a name, defined(NAME) and ! are understood");
    *value ^= no;
    return 0;
}

static int condition_begin(struct ask_lexer *l, const char *what, const char *rest)
{
    bool value = false;
    const bool outer = reading(l);
    if (l->nconditions == CONDITIONS)
        return WRONG(l, "#%s: at most %d conditions may be inside each other", what, CONDITIONS);
    if (!strcmp(what, "if")) {
        if (outer && condition_value(l, rest, &value))
            return -1;
    } else {
        value = !!macro_find(l, rest, word(rest)) == !strcmp(what, "ifdef");
        if (!word(rest))
            return WRONG(l, "#%s: a name is missing", what);
    }
    l->condition[l->nconditions++] = (struct condition){outer && value, outer, value};
    return 0;
}

static int condition_next(struct ask_lexer *l, const char *what, const char *rest)
{
    if (!l->nconditions)
        return WRONG(l, "#%s without an #if before it", what);
    struct condition *c = &l->condition[l->nconditions - 1];
    bool value = true;
    if (!strcmp(what, "endif")) {
        l->nconditions--;
        return 0;
    }
    if (!strcmp(what, "elif") && c->outer && !c->was && condition_value(l, rest, &value))
        return -1;
    c->taken = c->outer && !c->was && value;
    c->was |= value;
    return 0;
}

/* ---------------------------------------------------------------- directives */

static int define(struct ask_lexer *l, const char *rest)
{
    const size_t n = word(rest);
    if (!n)
        return WRONG(l, "#define: a name is missing");
    if (rest[n] == '(')
        return WRONG(l,
                     "#define %.*s(: macros with arguments are not supported: write out what it stands for",
                     (int)n, rest);
    macro_add(l, ask_own_text(l->p, rest, n), ask_own_text(l->p, blanks(rest + n), strlen(blanks(rest + n))));
    return 0;
}

static int undefine(struct ask_lexer *l, const char *rest)
{
    struct macro *m = macro_find(l, rest, word(rest));
    if (m)
        m->name = NULL;
    return 0;
}

/* Headers are not read: types are the guest's own. */
static int ignore(struct ask_lexer *l, const char *rest)
{
    return 0;
}

static int refuse(struct ask_lexer *l, const char *rest)
{
    return WRONG(l, "#error %.200s", rest);
}

static int directive(struct ask_lexer *l, char *text)
{
    static const struct {
        const char *name;
        int (*fn)(struct ask_lexer *l, const char *rest);
    } rows[] = {{"define", define}, {"undef", undefine}, {"include", ignore}, {"pragma", ignore},
                {"error", refuse},  {"line", ignore},    {"!", ignore}};
    char *name = text + strspn(text, " \t");
    if (*name == '!' || !*name)
        return 0;
    char *end = name + word(name);
    const char *rest = blanks(end);
    *end = 0;
    if (!strcmp(name, "if") || !strcmp(name, "ifdef") || !strcmp(name, "ifndef"))
        return condition_begin(l, name, rest);
    if (!strcmp(name, "else") || !strcmp(name, "elif") || !strcmp(name, "endif"))
        return condition_next(l, name, rest);
    if (!reading(l))
        return 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!strcmp(rows[i].name, name))
            return rows[i].fn(l, rest);
    return WRONG(l, "#%.40s is no directive of the preprocessor", name);
}

/* The rest of the line from `at` on, with lines that a backslash continues, without comments and blanks at its end. */
static char *whole_line(struct ask_lexer *l, const char **at)
{
    const char *s = *at;
    char *text = mem_alloc(strlen(s) + 1);
    size_t n = 0;
    for (; *s && *s != '\n'; s++) {
        if (s[0] == '\\' && s[1] == '\n') {
            text[n++] = ' ';
            s++;
            l->line++;
            l->line_begin = s + 1;
        } else if (s[0] == '/' && s[1] == '/') {
            s += strcspn(s, "\n");
            break;
        } else if (s[0] == '/' && s[1] == '*') {
            const char *end = strstr(s + 2, "*/");
            if (!end || memchr(s, '\n', (size_t)(end - s)))
                break;
            s = end + 1;
            text[n++] = ' ';
        } else {
            text[n++] = *s;
        }
    }
    while (n && isspace((unsigned char)text[n - 1]))
        n--;
    text[n] = 0;
    *at = s;
    return text;
}

/* ---------------------------------------------------------------- blanks and comments */

static void new_line(struct ask_lexer *l, const char *after)
{
    if (l->ninputs > 1)
        return;
    l->line++;
    l->line_begin = after;
}

static int skip_comment(struct ask_lexer *l)
{
    struct input *in = top(l);
    if (in->at[1] == '/') {
        in->at += strcspn(in->at, "\n");
        return 0;
    }
    const char *end = strstr(in->at + 2, "*/");
    if (!end)
        return WRONG(l, "a comment begins here and has no end");
    for (const char *s = in->at; s < end; s++)
        if (*s == '\n')
            new_line(l, s + 1);
    in->at = end + 2;
    return 0;
}

/* Whether only blanks are before the place on its line. */
static bool begins_line(const struct ask_lexer *l)
{
    for (const char *s = l->line_begin; s < l->input[0].at; s++)
        if (*s != ' ' && *s != '\t')
            return false;
    return l->ninputs == 1;
}

static int skip(struct ask_lexer *l)
{
    for (;;) {
        struct input *in = top(l);
        if (!*in->at && l->ninputs > 1) {
            l->ninputs--;
        } else if (*in->at == '#' && begins_line(l)) {
            const char *at = in->at + 1;
            char *text = whole_line(l, &at);
            const int rc = directive(l, text);
            free(text);
            if (rc)
                return -1;
            in->at = at;
        } else if (*in->at && l->ninputs == 1 && !reading(l)) {
            in->at += strcspn(in->at, "\n");
            if (*in->at)
                new_line(l, ++in->at);
        } else if (in->at[0] == '/' && (in->at[1] == '/' || in->at[1] == '*')) {
            if (skip_comment(l))
                return -1;
        } else if (*in->at && isspace((unsigned char)*in->at)) {
            if (*in->at++ == '\n')
                new_line(l, in->at);
        } else {
            break;
        }
    }
    if (!*top(l)->at && l->nconditions)
        return WRONG(l, "the program ends inside of an #if: #endif is missing");
    return 0;
}

/* ---------------------------------------------------------------- numbers and texts */

/* 10, 0x1f, 017, 1e6, 1_000, 5ms. */
static int lex_number(struct ask_lexer *l, struct ask_lexed *t)
{
    char digits[80];
    size_t n = 0, used = 0;
    const char *s = t->text;
    const bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
    for (; is_name((unsigned char)s[used]); used++) {
        const bool digit = hex ? isalnum((unsigned char)s[used]) : isdigit((unsigned char)s[used]);
        if (s[used] == '_' || n + 1 == sizeof digits)
            continue;
        if (!digit)
            break;
        digits[n++] = s[used];
    }
    digits[n] = 0;
    char *end;
    t->number = strtoull(digits, &end, 0);
    if (*end)
        return WRONG(l, "\"%.60s\" is no number", digits);
    if (!hex && (s[used] == 'e' || s[used] == 'E') && isdigit((unsigned char)s[used + 1])) {
        for (uint64_t e = strtoull(s + used + 1, &end, 10); e-- && t->number < UINT64_MAX / 10;)
            t->number *= 10;
        used = (size_t)(end - s);
    }
    const size_t suffix = word(s + used);
    const uint64_t scale = unit_scale(time_units, s + used, suffix);
    if (scale)
        t->number *= scale;
    else if (strspn(s + used, "uUlL") != suffix)
        return WRONG(l, "\"%.*s\" is no number", (int)(used + suffix), s);
    t->n = used + suffix;
    return t->kind = T_INTEGER;
}

static int escape(const char **at)
{
    static const char known[] = "n\nt\tr\ra\ab\bf\fv\v\\\\\"\"''?\?";
    const char *s = *at;
    int c = (unsigned char)*s;
    if (c == 'x' && isxdigit((unsigned char)s[1])) {
        char two[3] = {s[1], isxdigit((unsigned char)s[2]) ? s[2] : 0, 0};
        *at = s + 1 + strlen(two);
        return (int)strtoul(two, NULL, 16);
    }
    if (c >= '0' && c <= '7') {
        unsigned v = 0, n = 0;
        while (n < 3 && *s >= '0' && *s <= '7') {
            v = v * 8 + (unsigned)(*s++ - '0');
            n++;
        }
        *at = s;
        return (int)(v & 0xff);
    }
    *at = s + 1;
    for (const char *k = known; *k; k += 2)
        if (*k == c)
            return (unsigned char)k[1];
    return -1;
}

static int lex_string(struct ask_lexer *l, struct ask_lexed *t)
{
    const char *s = t->text + 1;
    char *text = ask_own(l->p, strcspn(s, "\n") + 1);
    size_t n = 0;
    while (*s && *s != '"' && *s != '\n') {
        int c = (unsigned char)*s++;
        if (c == '\\') {
            const char shown = *s;
            c = escape(&s);
            if (c < 0)
                return WRONG(l, "\"\\%c\" in a text is no escape sequence",
                             isprint((unsigned char)shown) ? shown : '?');
        }
        text[n++] = (char)c;
    }
    if (*s != '"')
        return WRONG(l, "a text begins here and has no end: a quotation mark is missing");
    text[n] = 0;
    t->number = n;
    t->n = (size_t)(s + 1 - t->text);
    top(l)->at = s + 1;
    t->text = text;
    return t->kind = T_STRING;
}

/* ---------------------------------------------------------------- tokens */

/* $1: a text that is a number is one, as the language has it. */
static int lex_parameter(struct ask_lexer *l, struct ask_lexed *t)
{
    const size_t n = word(t->text + 1);
    t->n = 1 + n;
    if (t->text[1] == '#') {
        t->n = 2;
        t->number = l->source->nparameters;
        return t->kind = T_INTEGER;
    }
    if (!n)
        return WRONG(l, "a name is missing behind $");
    if (!isdigit((unsigned char)t->text[1])) {
        t->text = ask_own_text(l->p, t->text + 1, n);
        return t->kind = T_LOCAL;
    }
    const unsigned long which = strtoul(t->text + 1, NULL, 10);
    const char *value = which && which <= l->source->nparameters ? l->source->parameters[which - 1] : "";
    char *end;
    t->number = strtoull(value, &end, 0);
    if (!*value || !*end) {
        t->text = value;
        return t->kind = T_INTEGER;
    }
    t->text = ask_own_text(l->p, value, strlen(value));
    t->number = strlen(value);
    return t->kind = T_STRING;
}

static int lex_operator(struct ask_lexer *l, struct ask_lexed *t)
{
    static const struct {
        const char *text;
        int kind;
    } rows[] = {{"<<=", T_ASSIGN_LEFT}, {">>=", T_ASSIGN_RIGHT},
                {"->", T_ARROW},        {"..", T_RANGE},
                {"++", T_INCREMENT},    {"--", T_DECREMENT},
                {"<<", T_LEFT},         {">>", T_RIGHT},
                {"<=", T_LE},           {">=", T_GE},
                {"==", T_EQ},           {"!=", T_NE},
                {"&&", T_AND},          {"||", T_OR},
                {"+=", T_ASSIGN_ADD},   {"-=", T_ASSIGN_SUB},
                {"*=", T_ASSIGN_MUL},   {"/=", T_ASSIGN_DIV},
                {"%=", T_ASSIGN_MOD},   {"&=", T_ASSIGN_AND},
                {"|=", T_ASSIGN_OR},    {"^=", T_ASSIGN_XOR}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!strncmp(t->text, rows[i].text, strlen(rows[i].text))) {
            t->n = strlen(rows[i].text);
            return t->kind = rows[i].kind;
        }
    t->n = 1;
    t->kind = (unsigned char)*t->text;
    if (*t->text == '/' && t->text[1 + strspn(t->text + 1, " \t\r\n")] == '{')
        return t->kind = T_END_PREDICATE;
    if (strchr("+-*/%&|^~!<>=?:.,;(){}[]", *t->text))
        return t->kind;
    return isprint((unsigned char)*t->text)
               ? WRONG(l, "\"%c\" has no meaning in a program", *t->text)
               : WRONG(l, "byte 0x%02x has no meaning in a program", (unsigned)(unsigned char)*t->text);
}

static int lex_map(struct ask_lexer *l, struct ask_lexed *t)
{
    t->n = 1 + word(t->text + 1);
    t->text = ask_own_text(l->p, t->text, t->n);
    return t->kind = T_MAP;
}

/* A name; or what a macro of that name stands for is read next: 0. */
static int lex_name(struct ask_lexer *l, struct ask_lexed *t)
{
    t->n = word(t->text);
    const struct macro *m = macro_find(l, t->text, t->n);
    for (unsigned i = 1; m && i < l->ninputs; i++)
        if (l->input[i].macro == m->name)
            m = NULL; /* of itself */
    if (!m) {
        t->text = ask_own_text(l->p, t->text, t->n);
        return t->kind = T_NAME;
    }
    if (l->ninputs == EXPANSIONS)
        return WRONG(l, "%s: macros are more than %d deep in each other", m->name, EXPANSIONS);
    if (l->ninputs == 1) {
        l->use_line = l->line;
        l->use_column = column(l);
    }
    top(l)->at += t->n;
    l->input[l->ninputs++] = (struct input){m->value, m->name};
    return 0;
}

int ask_lex(struct ask_lexer *l, struct ask_lexed *t)
{
    for (;;) {
        if (skip(l))
            return t->kind = -1;
        const char *s = top(l)->at;
        *t = (struct ask_lexed){.kind = T_END, .text = s, .line = line(l), .column = column(l)};
        if (!*s)
            return T_END;
        const int c = (unsigned char)*s;
        const int rc = isdigit(c)               ? lex_number(l, t)
                       : isalpha(c) || c == '_' ? lex_name(l, t)
                       : c == '"'               ? lex_string(l, t)
                       : c == '$'               ? lex_parameter(l, t)
                       : c == '@'               ? lex_map(l, t)
                                                : lex_operator(l, t);
        if (rc < 0)
            return t->kind = -1;
        if (!rc)
            continue;
        if (t->kind != T_STRING || *s != '"')
            top(l)->at = s + t->n;
        t->length = (unsigned)t->n;
        return t->kind;
    }
}

/* ---------------------------------------------------------------- places of probes */

/* Whether what stands before the first colon may have a path behind it, with slashes. */
static bool takes_path(const char *s, size_t n)
{
    static const char *const kinds[] = {"uprobe",     "u", "uretprobe", "ur",    "line",
                                        "watchpoint", "w", "process",   "stage", "event"};
    const char *colon = memchr(s, ':', n);
    for (size_t i = 0; colon && i < sizeof kinds / sizeof kinds[0]; i++)
        if ((size_t)(colon - s) == strlen(kinds[i]) && !memcmp(s, kinds[i], strlen(kinds[i])))
            return true;
    return false;
}

int ask_lex_place(struct ask_lexer *l, struct ask_lexed *t)
{
    if (skip(l))
        return t->kind = -1;
    const char *s = top(l)->at;
    size_t n = 0, length = 0;
    *t = (struct ask_lexed){.kind = T_END, .text = s, .line = line(l), .column = column(l), .length = 1};
    if (!*s)
        return T_END;
    if (strchr(",/{;", *s)) {
        top(l)->at++;
        return t->kind = (unsigned char)*s;
    }
    char *text = ask_own(l->p, strcspn(s, "\n") + 2);
    bool quoted = false;
    for (; s[n] && s[n] != '\n' && (quoted || !strchr(" \t\r,{", s[n])); n++) {
        if (s[n] == '"')
            quoted = !quoted;
        else if (s[n] == '/' && !quoted && !takes_path(s, n))
            break;
        else if (s[n] == '$' && isdigit((unsigned char)s[n + 1])) {
            const unsigned long which = strtoul(s + n + 1, NULL, 10);
            const char *value =
                which && which <= l->source->nparameters ? l->source->parameters[which - 1] : "";
            char *more = ask_own(l->p, length + strlen(value) + strcspn(s, "\n") + 2);
            memcpy(more, text, length);
            memcpy(more + length, value, strlen(value));
            length += strlen(value);
            text = more;
            n += word(s + n + 1);
        } else
            text[length++] = s[n];
    }
    if (quoted)
        return t->kind = WRONG(l, "a quotation mark is missing at the end of the line");
    text[length] = 0;
    top(l)->at = s + n;
    t->text = text;
    t->n = length;
    t->length = (unsigned)n;
    return t->kind = T_STRING;
}

/* ---------------------------------------------------------------- beginning */

struct ask_lexer *ask_lexer_new(struct ask_program *p, const struct ask_source *source, struct ask_error *err)
{
    struct ask_lexer *l = mem_zero(1, sizeof *l);
    *l = (struct ask_lexer){.p = p, .source = source, .err = err, .line_begin = source->text, .line = 1};
    l->input[l->ninputs++] = (struct input){source->text, NULL};
    macro_add(l, "BPFTRACE_HAVE_BTF", "1");
    macro_add(l, "__x86_64__", "1");
    return l;
}

void ask_lexer_free(struct ask_lexer *l)
{
    if (l)
        free(l->macro);
    free(l);
}
