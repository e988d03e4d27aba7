/* out.c - see out.h. */
#include <assert.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/out.h"

/* ---------------------------------------------------------------- where text goes: a file or a text */

struct sink {
    FILE *f; /* NULL: `t` */
    struct text *t;
};

static void put(struct sink s, const void *data, size_t n)
{
    if (s.f) {
        out_bytes(s.f, data, n);
        return;
    }
    s.t->s = mem_resize(s.t->s, s.t->n + n + 1);
    if (n)
        memcpy(s.t->s + s.t->n, data, n);
    s.t->n += n;
    s.t->s[s.t->n] = 0;
}

static void put_blanks(struct sink s, size_t n)
{
    static const char blanks[] = "                ";
    for (size_t part; n; n -= part) {
        part = n < sizeof blanks - 1 ? n : sizeof blanks - 1;
        put(s, blanks, part);
    }
}

/* ---------------------------------------------------------------- escaping */

/* How many bytes of the n at p are shown as they are, up to the first that is not. */
static size_t plain_length(enum escape_kind kind, const uint8_t *p, size_t n)
{
    size_t i = 0, len;
    while (i < n && !escape_drops(kind, p + i, n - i) && (len = escape_passes(kind, p + i, n - i)))
        i += len;
    return i;
}

static void put_escaped(struct sink s, enum escape_kind kind, const uint8_t *p, size_t n)
{
    while (n) {
        const size_t plain = plain_length(kind, p, n);
        if (plain)
            put(s, p, plain);
        p += plain;
        n -= plain;
        if (!n)
            break;
        char escape[ESCAPE_LONGEST];
        escape_byte(*p, escape);
        if (!escape_drops(kind, p, n))
            put(s, escape, sizeof escape);
        p++;
        n--;
    }
}

/* Columns that it takes once it is escaped; each character takes one. */
static size_t columns_of(enum escape_kind kind, const uint8_t *p, size_t n)
{
    size_t columns = 0;
    for (size_t i = 0, len; i < n; i += len ? len : 1) {
        len = escape_passes(kind, p + i, n - i);
        columns += len ? 1 : ESCAPE_LONGEST;
    }
    return columns;
}

/* ---------------------------------------------------------------- formats */

struct arguments {
    va_list ap;
};

/* A conversion: %-*.3ju. */
struct spec {
    char flags[8];
    int width, precision; /* precision -1: none */
    char length;          /* 'H': hh, 'L': ll, or h l j z t; 0: none */
    char conversion;
};

static int take_size(const char **p, struct arguments *a)
{
    int n = 0;
    if (**p == '*') {
        ++*p;
        return va_arg(a->ap, int);
    }
    for (; **p >= '0' && **p <= '9'; ++*p)
        n = 10 * n + (**p - '0');
    return n;
}

/* After the %. Returns what follows the conversion. */
static const char *take_spec(struct spec *s, const char *p, struct arguments *a)
{
    size_t n = 0;
    *s = (struct spec){.precision = -1};
    for (; *p && strchr("-+ #0", *p); p++)
        if (n + 2 < sizeof s->flags)
            s->flags[n++] = *p;
    s->width = take_size(&p, a);
    if (s->width < 0) {
        s->flags[n] = '-';
        s->width = -s->width;
    }
    if (*p == '.') {
        p++;
        s->precision = take_size(&p, a);
    }
    if (*p && strchr("hljzt", *p)) {
        s->length = *p++;
        if (*p == s->length)
            s->length = *p++ == 'h' ? 'H' : 'L';
    }
    s->conversion = *p;
    return p + 1;
}

static intmax_t take_signed(const struct spec *s, struct arguments *a)
{
    switch (s->length) {
    case 'H':
        return (signed char)va_arg(a->ap, int);
    case 'h':
        return (short)va_arg(a->ap, int);
    case 0:
        return va_arg(a->ap, int);
    default: /* all are 64 bits wide here */
        return va_arg(a->ap, long long);
    }
}

static uintmax_t take_unsigned(const struct spec *s, struct arguments *a)
{
    switch (s->length) {
    case 'H':
        return (unsigned char)va_arg(a->ap, unsigned);
    case 'h':
        return (unsigned short)va_arg(a->ap, unsigned);
    case 0:
        return va_arg(a->ap, unsigned);
    default:
        return va_arg(a->ap, unsigned long long);
    }
}

static void put_number(struct sink out, const struct spec *s, struct arguments *a)
{
    enum { MOST = 400 }; /* a double has up to 309 digits before the point */
    char fmt[sizeof s->flags + 8], text[MOST + 1];
    const bool real = strchr("fFeEgG", s->conversion), is_signed = strchr("di", s->conversion);
    const int width = s->width < MOST ? s->width : MOST;
    int n;
    snprintf(fmt, sizeof fmt, "%%%s*.*%s%c", s->flags, real ? "" : "j", s->conversion);
    if (real)
        n = snprintf(text, sizeof text, fmt, width, s->precision, va_arg(a->ap, double));
    else if (is_signed)
        n = snprintf(text, sizeof text, fmt, width, s->precision, take_signed(s, a));
    else
        n = snprintf(text, sizeof text, fmt, width, s->precision, take_unsigned(s, a));
    put(out, text, n < MOST ? (size_t)n : MOST);
}

static void put_padded(struct sink out, const struct spec *s, const char *text, size_t n)
{
    const bool left = strchr(s->flags, '-');
    size_t blanks = 0;
    if (s->width) {
        const size_t columns = columns_of(ESCAPE_NAME, (const uint8_t *)text, n);
        blanks = (size_t)s->width > columns ? (size_t)s->width - columns : 0;
    }
    put_blanks(out, left ? 0 : blanks);
    put_escaped(out, ESCAPE_NAME, (const uint8_t *)text, n);
    put_blanks(out, left ? blanks : 0);
}

/* A precision does not cut a character in two. */
static size_t within_precision(const char *text, int precision)
{
    if (precision < 0)
        return strlen(text);
    size_t n = strnlen(text, (size_t)precision), start = n;
    while (start && n - start < 4 && ((uint8_t)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start && (uint8_t)text[start - 1] >= 0xc2 && n == (size_t)precision) {
        const uint8_t lead = (uint8_t)text[start - 1];
        const size_t whole = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
        if (n - (start - 1) < whole)
            return start - 1;
    }
    return n;
}

static void put_conversion(struct sink out, const struct spec *s, struct arguments *a)
{
    if (s->conversion == 's') {
        const char *text = va_arg(a->ap, const char *);
        put_padded(out, s, text, within_precision(text, s->precision));
    } else if (s->conversion == 'c') {
        const char c = (char)va_arg(a->ap, int);
        put_padded(out, s, &c, 1);
    } else if (s->conversion == '%') {
        put(out, "%", 1);
    } else {
        assert(strchr("diouxXfFeEgG", s->conversion));
        put_number(out, s, a);
    }
}

static void format(struct sink out, const char *fmt, va_list ap)
{
    struct arguments a;
    va_copy(a.ap, ap);
    while (*fmt) {
        const size_t n = strcspn(fmt, "%");
        put(out, fmt, n);
        fmt += n;
        if (!*fmt)
            break;
        struct spec s;
        fmt = take_spec(&s, fmt + 1, &a);
        put_conversion(out, &s, &a);
    }
    va_end(a.ap);
}

/* ---------------------------------------------------------------- text */

void out_print_list(FILE *f, const char *fmt, va_list ap)
{
    format((struct sink){.f = f}, fmt, ap);
}

void out_print(FILE *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    out_print_list(f, fmt, ap);
    va_end(ap);
}

void out_name(FILE *f, const void *name, size_t n)
{
    put_escaped((struct sink){.f = f}, ESCAPE_NAME, name, n);
}

void out_lines(FILE *f, const void *text, size_t n)
{
    put_escaped((struct sink){.f = f}, ESCAPE_LINES, text, n);
}

void out_words(FILE *f, const char *text)
{
    out_words_n(f, text, strlen(text));
}

void out_words_n(FILE *f, const char *text, size_t n)
{
    put_escaped((struct sink){.f = f}, ESCAPE_WORDS, (const uint8_t *)text, n);
}

void out_char(FILE *f, char c)
{
    out_words_n(f, &c, 1);
}

void text_print_list(struct text *t, const char *fmt, va_list ap)
{
    format((struct sink){.t = t}, fmt, ap);
}

void text_print(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    text_print_list(t, fmt, ap);
    va_end(ap);
}

void text_escape(struct text *t, enum escape_kind kind, const void *text, size_t n)
{
    put_escaped((struct sink){.t = t}, kind, text, n);
}

/* ---------------------------------------------------------------- words of a shell */

static bool is_printable(const char *word)
{
    size_t len;
    for (size_t n = strlen(word); n; n -= len, word += len)
        if (!(len = utf8_printable((const uint8_t *)word, n)))
            return false;
    return true;
}

/* As bash, zsh and POSIX 2024 read it: $'a\x1bb'. A shell takes at most two digits after the x. */
static void add_dollar_word(struct text *t, const char *word)
{
    text_add(t, "%s$'", t->n ? " " : "");
    for (size_t n = strlen(word), len; n; n -= len, word += len) {
        len = utf8_printable((const uint8_t *)word, n);
        if (len)
            text_add(t, "%s%.*s", *word == '\'' || *word == '\\' ? "\\" : "", (int)len, word);
        else
            text_add(t, "\\x%02x", (uint8_t)*word);
        len += !len;
    }
    text_add(t, "'");
}

void text_shell_word(struct text *t, const char *word)
{
    if (is_printable(word))
        text_add_word(t, word);
    else
        add_dollar_word(t, word);
}

/* ---------------------------------------------------------------- what is not text */

void out_bytes(FILE *f, const void *data, size_t n)
{
    if (n) /* then `data` may be NULL */
        fwrite(data, 1, n, f);
}

void out_byte(FILE *f, uint8_t byte)
{
    putc(byte, f);
}

void out_control(FILE *f, const char *sequence)
{
    fputs(sequence, f);
}

/* What stands for a character that means something in XML; NULL for others. */
static const char *entity_of(uint8_t c)
{
    static const char *const entity[] = {['<'] = "&lt;", ['>'] = "&gt;", ['&'] = "&amp;", ['"'] = "&quot;"};
    return c < sizeof entity / sizeof entity[0] ? entity[c] : NULL;
}

void out_markup(FILE *f, const void *text, size_t n)
{
    const uint8_t *p = text;
    for (size_t i = 0, len; i < n; i += len) {
        len = escape_passes(ESCAPE_LINES, p + i, n - i);
        const char *entity = len == 1 ? entity_of(p[i]) : NULL;
        if (entity)
            fputs(entity, f);
        else if (len)
            fwrite(p + i, 1, len, f);
        else
            put_escaped((struct sink){.f = f}, ESCAPE_LINES, p + i,
                        escape_drops(ESCAPE_LINES, p + i, n - i) ? 0 : 1);
        len += !len;
    }
}

void out_markup_text(FILE *f, const char *text)
{
    out_markup(f, text, strlen(text));
}

/* ---------------------------------------------------------------- where it goes */

bool out_is_terminal(FILE *f)
{
    const int fd = fileno(f); /* -1: memory */
    return fd >= 0 && isatty(fd);
}

struct out_console out_console_on(FILE *f, bool raw)
{
    return (struct out_console){.f = f, .raw = raw || !out_is_terminal(f)};
}

/* How many bytes at the end of the n at p may be the beginning of something longer: a character, a line's end, or what looks like an
 * escape. */
static size_t incomplete(const uint8_t *p, size_t n)
{
    if (n && p[n - 1] == '\r')
        return 1;
    for (size_t back = 1; back <= 3 && back <= n; back++)
        if (p[n - back] == '\\' && (back < 2 || p[n - back + 1] == 'x') &&
            (back < 3 || escape_is_hex(p[n - 1])))
            return back;
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        const uint8_t c = p[n - back];
        if ((c & 0xc0) == 0x80)
            continue;
        return c >= 0xc2 && c < 0xf5 && back < (c >= 0xf0 ? 4u : c >= 0xe0 ? 3u : 2u) ? back : 0;
    }
    return 0;
}

static struct sink sink_of(struct out_console *c)
{
    return c->f ? (struct sink){.f = c->f} : (struct sink){.t = &c->text};
}

void out_console_add(struct out_console *c, const void *data, size_t n)
{
    if (c->raw) {
        out_bytes(c->f, data, n);
        return;
    }
    struct text t = {0};
    put((struct sink){.t = &t}, c->kept, c->nkept);
    put((struct sink){.t = &t}, data, n);
    const size_t rest = incomplete((const uint8_t *)t.s, t.n);
    put_escaped(sink_of(c), ESCAPE_LINES, (const uint8_t *)t.s, t.n - rest);
    memcpy(c->kept, t.s + t.n - rest, rest);
    c->nkept = (unsigned)rest;
    free(t.s);
}

void out_console_end(struct out_console *c)
{
    put_escaped(sink_of(c), ESCAPE_LINES, c->kept, c->nkept);
    c->nkept = 0;
}

void out_console_take(struct out_console *c, struct text *to)
{
    if (c->text.n)
        put((struct sink){.t = to}, c->text.s, c->text.n);
    free(c->text.s);
    c->text = (struct text){0};
}
