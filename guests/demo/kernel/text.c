/* text.c - memory, texts and formatted output; programs use it too. */
#include "guests/demo/kernel/kernel.h"

void *memcpy(void *to, const void *from, size_t n)
{
    void *result = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
    return result;
}

void *memset(void *to, int byte, size_t n)
{
    void *result = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(byte) : "memory");
    return result;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const u8 *x = a, *y = b;
    for (; n && *x == *y; n--)
        x++, y++;
    return n ? *x - *y : 0;
}

bool same_text(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

void copy_text(char *to, const char *from, size_t size)
{
    while (--size && *from)
        *to++ = *from++;
    *to = 0;
}

/* ---------------------------------------------------------------- formatted output */

struct out {
    void (*put)(void *ctx, char c);
    void *ctx;
    unsigned width; /* of the present field */
    char fill;
    bool left;
};

static void out_field(struct out *o, const char *s, unsigned n)
{
    unsigned pad = o->width > n ? o->width - n : 0;
    for (unsigned i = 0; !o->left && i < pad; i++)
        o->put(o->ctx, o->fill);
    for (unsigned i = 0; i < n; i++)
        o->put(o->ctx, s[i]);
    for (unsigned i = 0; o->left && i < pad; i++)
        o->put(o->ctx, ' ');
}

static void out_number(struct out *o, u32 n, unsigned base, bool minus)
{
    char digits[12];
    unsigned at = sizeof digits;
    do
        digits[--at] = "0123456789abcdef"[n % base];
    while (n /= base);
    if (minus)
        digits[--at] = '-';
    out_field(o, digits + at, sizeof digits - at);
}

static void out_text(struct out *o, const char *s)
{
    unsigned n = 0;
    while (s[n])
        n++;
    out_field(o, s, n);
}

/* From the '%' on; returns the place after it. */
static const char *directive(struct out *o, const char *p, va_list *args)
{
    o->left = *p == '-';
    p += o->left;
    o->fill = *p == '0' ? '0' : ' ';
    for (o->width = 0; *p >= '0' && *p <= '9'; p++)
        o->width = o->width * 10 + (unsigned)(*p - '0');
    int n;
    char c;
    switch (*p) {
    case 'd':
        n = va_arg(*args, int);
        out_number(o, n < 0 ? -(u32)n : (u32)n, 10, n < 0);
        break;
    case 'u':
        out_number(o, va_arg(*args, u32), 10, false);
        break;
    case 'x':
        out_number(o, va_arg(*args, u32), 16, false);
        break;
    case 's':
        out_text(o, va_arg(*args, const char *));
        break;
    case 'c':
        c = (char)va_arg(*args, int);
        out_field(o, &c, 1);
        break;
    default:
        o->put(o->ctx, *p);
    }
    return p + 1;
}

void format(void (*put)(void *ctx, char c), void *ctx, const char *fmt, va_list args)
{
    struct out o = {.put = put, .ctx = ctx};
    va_list rest;
    va_copy(rest, args);
    while (*fmt)
        if (*fmt == '%')
            fmt = directive(&o, fmt + 1, &rest);
        else
            put(ctx, *fmt++);
    va_end(rest);
}
