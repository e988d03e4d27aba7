/* files_text.c - system calls as text, taken apart. See files_impl.h. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/story/private/files_impl.h"

/* The end of the argument that begins at s: a comma or a closing bracket outside texts and brackets. */
static const char *argument_end(const char *s, const char *end)
{
    unsigned depth = 0;
    bool quoted = false;
    for (; s < end; s++) {
        if (quoted && *s == '\\')
            s++;
        else if (*s == '"')
            quoted = !quoted;
        else if (quoted)
            continue;
        else if (*s == '[' || *s == '{' || *s == '(')
            depth++;
        else if (depth && (*s == ']' || *s == '}' || *s == ')'))
            depth--;
        else if (!depth && (*s == ',' || *s == ')'))
            return s;
    }
    return end;
}

bool call_parse(struct call_text *c, const char *text, size_t len)
{
    const char *end = text + len, *open = memchr(text, '(', len);
    if (!open)
        return false;
    *c = (struct call_text){.name = text, .name_len = (size_t)(open - text)};
    for (const char *s = open + 1; s < end && *s != ')' && c->n < CALL_ARGS; c->n++) {
        const char *stop = argument_end(s, end);
        c->arg[c->n].s = s;
        c->arg[c->n].len = (size_t)(stop - s);
        s = stop + (stop < end && *stop == ',');
        while (s < end && *s == ' ')
            s++;
    }
    return true;
}

int64_t call_number(const struct call_text *c, unsigned i, int64_t otherwise)
{
    char buf[32], *end;
    if (i >= c->n || !c->arg[i].len || c->arg[i].len >= sizeof buf)
        return otherwise;
    memcpy(buf, c->arg[i].s, c->arg[i].len);
    buf[c->arg[i].len] = 0;
    if (!strcmp(buf, "AT_FDCWD"))
        return -100;
    if (!strcmp(buf, "NULL"))
        return 0;
    int64_t v = *buf == '-' ? strtoll(buf, &end, 10) : (int64_t)strtoull(buf, &end, 0);
    return *end ? otherwise : v;
}

bool call_word(const struct call_text *c, unsigned i, const char *word)
{
    size_t n = strlen(word);
    if (i >= c->n || !c->arg[i].len)
        return false;
    const char *s = c->arg[i].s, *end = s + c->arg[i].len;
    while (s < end) {
        const char *bar = memchr(s, '|', (size_t)(end - s));
        bar = bar ? bar : end;
        if ((size_t)(bar - s) == n && !memcmp(s, word, n))
            return true;
        s = bar + 1;
    }
    return false;
}

bool call_flag(const struct call_text *c, unsigned i, const char *word, uint64_t bit)
{
    return call_word(c, i, word) || call_number(c, i, 0) & (int64_t)bit;
}

static char unescaped(const char **s)
{
    static const char escapes[] = "a\ab\bt\tn\nv\vf\fr\r";
    char c = *(*s)++;
    for (const char *e = escapes; *e; e += 2)
        if (c == *e)
            return e[1];
    if (c == 'x') {
        char digits[3] = {(*s)[0], (*s)[0] ? (*s)[1] : (char)0, 0};
        *s += strlen(digits);
        return (char)strtoul(digits, NULL, 16);
    }
    return c;
}

char *call_string(const struct call_text *c, unsigned i)
{
    static const char ellipsis[] = "…";
    if (i >= c->n || !c->arg[i].len || *c->arg[i].s != '"')
        return NULL;
    char *raw = mem_text(c->arg[i].s, c->arg[i].len), *out = mem_alloc(c->arg[i].len + sizeof ellipsis);
    size_t n = 0;
    const char *s = raw + 1;
    while (*s && *s != '"') {
        if (*s == '\\' && s[1]) {
            s++;
            out[n++] = unescaped(&s);
        } else {
            out[n++] = *s++;
        }
    }
    strcpy(out + n, *s == '"' && s[1] == '.' ? ellipsis : "");
    free(raw);
    return out;
}
