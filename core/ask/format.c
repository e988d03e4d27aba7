/* format.c - printf's format. See private/eval.h. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/out.h"
#include "core/ask/private/eval.h"

enum { SPEC = 64, WIDEST = 4096 };

/* A conversion: "%-10.3s". */
struct conversion {
    char flags[SPEC];
    unsigned length; /* bytes of a number: 1, 2, 4 or 8; 0: not said */
    char letter;
};

static size_t take(const char *s, size_t n, struct conversion *c)
{
    size_t i = 1, k = 0;
    *c = (struct conversion){.length = 0};
    for (; i < n && strchr("-+ #0123456789.", s[i]); i++)
        if (k + 1 < sizeof c->flags)
            c->flags[k++] = s[i];
    for (; i < n && strchr("hlzjt", s[i]); i++)
        c->length = s[i] != 'h' ? 8 : c->length == 2 ? 1 : 2;
    c->letter = i < n ? s[i] : 0;
    return i + 1;
}

/* A width or precision that nobody wants. */
static bool is_too_wide(const char *flags)
{
    while (*(flags += strspn(flags, "-+ #."))) {
        if (strtoul(flags, NULL, 10) > WIDEST)
            return true;
        flags += strspn(flags, "0123456789");
    }
    return false;
}

static void put_number(struct text *t, const struct conversion *c, uint64_t v)
{
    char format[SPEC + 8];
    const char letter = c->letter == 'p' ? 'x' : c->letter == 'i' ? 'd' : c->letter;
    if (letter == 'c') {
        const char one = (char)v;
        text_escape(t, ESCAPE_LINES, &one, 1);
        return;
    }
    if (c->length && c->length < 8) {
        const unsigned shift = 64 - 8 * c->length;
        v = letter == 'd' ? (uint64_t)((int64_t)(v << shift) >> shift) : v << shift >> shift;
    }
    snprintf(format, sizeof format, "%s%%%sll%c", c->letter == 'p' ? "0x" : "", c->flags, letter);
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wformat-nonliteral\"");
    text_add(t, format, (unsigned long long)v);
    _Pragma("GCC diagnostic pop");
}

static void put_text(struct text *t, const struct conversion *c, const struct ask_value *v, bool json)
{
    char format[SPEC + 4];
    struct text one = {0};
    if (json)
        ask_show_raw(&one, v);
    else
        ask_show(&one, v);
    snprintf(format, sizeof format, "%%%ss", c->flags);
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wformat-nonliteral\"");
    text_add(t, format, one.s ? one.s : "");
    _Pragma("GCC diagnostic pop");
    free(one.s);
}

static void put(struct ask_eval *e, const struct ask_node *n, struct text *t, const struct conversion *c,
                struct ask_value v)
{
    if (is_too_wide(c->flags)) {
        ask_fail(e, n, "printf: a width of more than %d", WIDEST);
        return;
    }
    if (c->letter == 's' || c->letter == 'r') {
        if (v.kind == V_NONE && c->letter == 's')
            v = (struct ask_value){.kind = V_TEXT, .s = "", .length = 0};
        put_text(t, c, &v, e->print.json);
        return;
    }
    if (v.kind != V_NUMBER && v.kind != V_RECORD && v.kind != V_NONE) {
        ask_fail(e, n, "printf: %%%c is for numbers, and this is a text: use %%s", c->letter);
        return;
    }
    put_number(t, c, v.kind == V_NONE ? 0 : v.n);
}

void ask_format(struct ask_eval *e, const struct ask_node *n, struct text *t)
{
    const char *s = n->list[0]->text;
    const size_t end = n->list[0]->ntext;
    size_t next = 1;
    for (size_t i = 0; i < end && !e->failed;) {
        const char *percent = memchr(s + i, '%', end - i);
        const size_t plain = percent ? (size_t)(percent - s) - i : end - i;
        text_add(t, "%.*s", (int)plain, s + i);
        i += plain;
        if (i >= end)
            break;
        struct conversion c;
        i += take(s + i, end - i, &c);
        if (c.letter == '%') {
            text_add(t, "%%");
        } else if (next < n->n) {
            put(e, n->list[next], t, &c, ask_value_of(e, n->list[next]));
            next++;
        }
    }
}
