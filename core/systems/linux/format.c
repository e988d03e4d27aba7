/* format.c - see format.h. */
#include <ctype.h>

#include "base/memory.h"
#include "core/systems/linux/private/format.h"

enum { STRING_MAX = 1024, WIDTH_MAX = 1024 };

struct conversion {
    char flags[8];
    size_t nflags;
    int width, precision; /* -1: none */
    unsigned bytes;       /* of the argument: 1, 2, 4, 8 */
    char what;
    char extension; /* the letter after %p, or 0 */
    bool bad;       /* one of its arguments (its own, or that of a *) cannot be read */
};

static int take_number(const char **s, struct conversion *c, const struct format_source *src)
{
    uint64_t v = 0;
    if (**s == '*') {
        ++*s;
        c->bad |= !src->next(src->ctx, 4, &v);
        return (int)(int32_t)v > WIDTH_MAX ? WIDTH_MAX : (int)(int32_t)v;
    }
    while (isdigit((unsigned char)**s)) {
        v = v * 10 + (unsigned)(*(*s)++ - '0');
        v = v < WIDTH_MAX ? v : WIDTH_MAX;
    }
    return (int)v;
}

static void add_flag(struct conversion *c, char flag)
{
    if (c->nflags < sizeof c->flags - 1)
        c->flags[c->nflags++] = flag;
}

static unsigned take_length(const char **s, unsigned word)
{
    if (**s == 'h')
        return *++*s == 'h' ? ++*s, 1 : 2;
    if (**s == 'l')
        return *++*s == 'l' ? ++*s, 8 : word;
    if (**s && strchr("zZt", **s))
        return ++*s, word;
    if (**s && strchr("jqL", **s))
        return ++*s, 8;
    return 4;
}

/* The conversion after a %; returns what follows it. */
static const char *parse(const char *s, struct conversion *c, const struct format_source *src)
{
    *c = (struct conversion){.width = -1, .precision = -1};
    for (; *s && strchr("-+ #0", *s); s++)
        add_flag(c, *s);
    if (*s == '*' || isdigit((unsigned char)*s))
        c->width = take_number(&s, c, src);
    if (c->width < -1) {
        add_flag(c, '-');
        c->width = -c->width;
    }
    if (*s == '.') {
        s++;
        c->precision = take_number(&s, c, src);
    }
    c->bytes = take_length(&s, src->word);
    c->what = *s ? *s++ : 0;
    if (c->what == 'p' && isalpha((unsigned char)*s)) {
        c->extension = *s++;
        while (isalnum((unsigned char)*s)) /* %pI4, %pOFn: more letters say how */
            s++;
    }
    return s;
}

/* The same conversion as a C format for `what`, with flags, width and precision. */
static void own_format(const struct conversion *c, const char *what, char out[64])
{
    int n = snprintf(out, 64, "%%%s", c->flags);
    if (c->width > 0)
        n += snprintf(out + n, 64 - (size_t)n, "%d", c->width);
    if (c->precision >= 0 && c->what != 'c')
        n += snprintf(out + n, 64 - (size_t)n, ".%d", c->precision);
    snprintf(out + n, 64 - (size_t)n, "%s", what);
}

__attribute__((format(printf, 2, 0))) static void add(struct text *out, const char *format, ...)
{
    char *more = NULL;
    va_list ap;
    va_start(ap, format);
    if (vasprintf(&more, format, ap) < 0)
        mem_none(0);
    va_end(ap);
    text_add(out, "%s", more);
    free(more);
}
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static int64_t signed_value(uint64_t v, unsigned bytes)
{
    unsigned shift = 64 - 8 * bytes;
    return (int64_t)(v << shift) >> shift;
}

static void add_number(struct text *out, const struct conversion *c, uint64_t v)
{
    char format[64], what[4] = {'l', 'l', c->what, 0};
    own_format(c, what, format);
    if (c->what == 'd' || c->what == 'i')
        add(out, format, (long long)signed_value(v, c->bytes));
    else
        add(out, format, (unsigned long long)(c->bytes == 8 ? v : v & ((1ull << 8 * c->bytes) - 1)));
}

static bool add_string(struct text *out, const struct conversion *c, uint64_t v,
                       const struct format_source *src)
{
    char format[64], text[STRING_MAX] = "(null)";
    own_format(c, "s", format);
    if (v && !src->string(src->ctx, v, text, sizeof text))
        return false;
    add(out, format, text);
    return true;
}

static void add_pointer(struct text *out, const struct conversion *c, uint64_t v,
                        const struct format_source *src)
{
    char name[256];
    if (c->extension && strchr("sSB", c->extension) && src->name) {
        src->name(src->ctx, v, name, sizeof name);
        text_add(out, "%s", name);
    } else {
        text_add(out, "%0*llx", (int)src->word * 2, (unsigned long long)v);
    }
}

static void add_conversion(struct text *out, struct conversion *c, const char *begin, size_t len,
                           const struct format_source *src)
{
    char format[64];
    uint64_t v = 0;
    bool pointer = c->what == 's' || c->what == 'p';
    if (!c->what || !strchr("diouxXcsp", c->what)) {
        text_add(out, "%.*s", (int)len, begin);
        return;
    }
    c->bad |= !src->next(src->ctx, pointer ? src->word : c->bytes == 8 ? 8 : 4, &v);
    if (!c->bad && c->what == 's')
        c->bad = !add_string(out, c, v, src);
    else if (!c->bad && c->what == 'p')
        add_pointer(out, c, v, src);
    else if (!c->bad && c->what == 'c')
        own_format(c, "c", format), add(out, format, (int)(v & 0xff));
    else if (!c->bad)
        add_number(out, c, v);
    if (c->bad)
        text_add(out, "(%.*s: not readable)", (int)len, begin);
}

void guest_format(struct text *out, const char *s, const struct format_source *src)
{
    struct conversion c;
    while (*s) {
        size_t plain = strcspn(s, "%");
        text_add(out, "%.*s", (int)plain, s);
        s += plain;
        if (!*s)
            return;
        const char *begin = s;
        if (s[1] == '%') {
            text_add(out, "%%");
            s += 2;
            continue;
        }
        s = parse(s + 1, &c, src);
        add_conversion(out, &c, begin, (size_t)(s - begin), src);
    }
}
