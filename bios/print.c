/* print.c - messages: on the screen by INT 10h's teletype, on COM1, and in the firmware log (port 402h). */
#include <stdarg.h>

#include "bios/bios.h"

enum { LOG_PORT = 0x402, LOG_PRESENT = 0xe9, LSR = 5, LSR_EMPTY = 0x20 };

struct sink {
    bool screen, serial, log;
    char *to;
    unsigned room;
};

static void to_screen(char c)
{
    struct regs r = {.ax = 0x0e00 | (u8)c, .bx = 7, .ds = DATA_SEG, .es = DATA_SEG};
    call_int(0x10, &r);
}

static void to_serial(char c)
{
    u16 port = bda->com[0];
    if (!port)
        return;
    for (unsigned looks = 0; looks < 10000 && !(inb(port + LSR) & LSR_EMPTY); looks++)
        ;
    outb(port, c);
}

static void put(struct sink *s, char c)
{
    if (s->to && s->room > 1) {
        *s->to++ = c;
        s->room--;
    }
    if (s->log)
        outb(LOG_PORT, c);
    if (c == '\n' && (s->screen || s->serial)) {
        if (s->screen)
            to_screen('\r');
        if (s->serial)
            to_serial('\r');
    }
    if (s->screen)
        to_screen(c);
    if (s->serial)
        to_serial(c);
}

static void put_number(struct sink *s, u32 n, unsigned base, unsigned width, char pad)
{
    char digits[12];
    unsigned i = 0;
    do {
        digits[i++] = "0123456789abcdef"[n % base];
        n /= base;
    } while (n);
    for (; width > i; width--)
        put(s, pad);
    while (i)
        put(s, digits[--i]);
}

static void put_argument(struct sink *s, const char **format, va_list *args)
{
    const char *p = *format, *text;
    char pad = *p == '0' ? '0' : ' ';
    unsigned width = 0;
    for (; *p >= '0' && *p <= '9'; p++)
        width = width * 10 + (*p - '0');
    switch (*p) {
    case 's':
        for (text = va_arg(*args, const char *); *text; text++)
            put(s, *text);
        break;
    case 'c':
        put(s, (char)va_arg(*args, int));
        break;
    case 'd':
    case 'u':
        put_number(s, va_arg(*args, u32), 10, width, pad);
        break;
    case 'x':
        put_number(s, va_arg(*args, u32), 16, width, pad);
        break;
    }
    *format = p + 1;
}

static void vprint(struct sink *s, const char *format, va_list *args)
{
    while (*format) {
        char c = *format++;
        if (c == '%')
            put_argument(s, &format, args);
        else
            put(s, c);
    }
}

void print(const char *format, ...)
{
    struct sink s = {.screen = true, .serial = true, .log = inb(LOG_PORT) == LOG_PRESENT};
    va_list args;
    va_start(args, format);
    vprint(&s, format, &args);
    va_end(args);
}

void log(const char *format, ...)
{
    struct sink s = {.log = true};
    va_list args;
    if (inb(LOG_PORT) != LOG_PRESENT)
        return;
    va_start(args, format);
    vprint(&s, format, &args);
    va_end(args);
}

void format_text(char *to, unsigned room, const char *format, ...)
{
    struct sink s = {.to = to, .room = room};
    va_list args;
    va_start(args, format);
    vprint(&s, format, &args);
    va_end(args);
    *s.to = 0;
}
