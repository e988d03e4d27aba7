/* log.c - the 32-bit POST's messages: QEMU's debug console, port 402h, which reads E9h where it exists. */
#include <stdarg.h>

#include "bios/post32/post32.h"

enum { LOG_PORT = 0x402 };

static void put(char c)
{
    outb(LOG_PORT, c);
}

static void put_number(u64 n, unsigned base, unsigned width, char pad)
{
    char digits[24];
    unsigned i = 0;
    do {
        u32 low = (u32)n;
        /* No 64-bit division here: numbers above 32 bits are printed in hexadecimal only. */
        digits[i++] = "0123456789abcdef"[base == 16 ? low & 15 : low % 10];
        n = base == 16 ? n >> 4 : low / 10;
    } while (n);
    while (width > i) {
        put(pad);
        width--;
    }
    while (i)
        put(digits[--i]);
}

static void put_text(const char *s)
{
    while (*s)
        put(*s++);
}

static void put_argument(const char **format, va_list *args)
{
    const char *p = *format;
    char pad = *p == '0' ? '0' : ' ';
    unsigned width = 0;
    bool wide = false;
    for (; *p >= '0' && *p <= '9'; p++)
        width = width * 10 + (*p - '0');
    for (; *p == 'l'; p++)
        wide = p[1] == 'l' || wide;
    switch (*p) {
    case 's':
        put_text(va_arg(*args, const char *));
        break;
    case 'c':
        put((char)va_arg(*args, int));
        break;
    case 'd':
    case 'u':
        put_number(va_arg(*args, u32), 10, width, pad);
        break;
    case 'x':
        put_number(wide ? va_arg(*args, u64) : va_arg(*args, u32), 16, width, pad);
        break;
    }
    *format = p + 1;
}

void log(const char *format, ...)
{
    va_list args;
    if (inb(LOG_PORT) != 0xe9)
        return;
    va_start(args, format);
    while (*format) {
        char c = *format++;
        if (c == '%')
            put_argument(&format, &args);
        else
            put(c);
    }
    va_end(args);
}
