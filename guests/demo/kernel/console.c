/* console.c - text goes to the screen (VGA text mode, IBM VGA reference: CRT controller) and to the first
 * serial port (PC16550D datasheet).
 */
#include "guests/demo/kernel/kernel.h"

enum { COLUMNS = 80, ROWS = 25, ATTRIBUTE = 0x0700 };
enum { CRTC_INDEX = 0x3d4, CRTC_DATA = 0x3d5, CRTC_CURSOR_HIGH = 14, CRTC_CURSOR_LOW = 15 };
enum { COM1 = 0x3f8, DATA = 0, ENABLE = 1, FIFO = 2, LINE = 3, MODEM = 4, STATUS = 5 };
enum { DIVISOR_LOW = 0, DIVISOR_HIGH = 1 };
enum { LINE_8N1 = 3, LINE_DIVISOR = 0x80, STATUS_SENDER_EMPTY = 0x20 };

static u16 *screen;
static unsigned cursor;

/* ---------------------------------------------------------------- the screen */

static u8 crtc_read(u8 index)
{
    out8(CRTC_INDEX, index);
    return in8(CRTC_DATA);
}

static void crtc_write(u8 index, u8 value)
{
    out8(CRTC_INDEX, index);
    out8(CRTC_DATA, value);
}

static void scroll(void)
{
    memcpy(screen, screen + COLUMNS, (ROWS - 1) * COLUMNS * 2);
    for (unsigned i = 0; i < COLUMNS; i++)
        screen[(ROWS - 1) * COLUMNS + i] = ATTRIBUTE | ' ';
    cursor -= COLUMNS;
}

static void screen_char(char c)
{
    if (c == '\n')
        cursor += COLUMNS - cursor % COLUMNS;
    else if (c == '\b')
        cursor -= cursor > 0;
    else
        screen[cursor++] = ATTRIBUTE | (u8)c;
    if (cursor >= ROWS * COLUMNS)
        scroll();
    crtc_write(CRTC_CURSOR_HIGH, (u8)(cursor >> 8));
    crtc_write(CRTC_CURSOR_LOW, (u8)cursor);
}

/* ---------------------------------------------------------------- the serial port */

static void serial_init(void)
{
    out8(COM1 + ENABLE, 0);
    out8(COM1 + LINE, LINE_DIVISOR);
    out8(COM1 + DIVISOR_LOW, 1); /* 115200 baud */
    out8(COM1 + DIVISOR_HIGH, 0);
    out8(COM1 + LINE, LINE_8N1);
    out8(COM1 + FIFO, 0x07);  /* on, and empty */
    out8(COM1 + MODEM, 0x0b); /* DTR, RTS, and OUT2: interrupts get through */
}

static void serial_char(char c)
{
    while (!(in8(COM1 + STATUS) & STATUS_SENDER_EMPTY))
        ;
    out8(COM1 + DATA, (u8)c);
}

/* ---------------------------------------------------------------- both */

/* Goes on where the firmware and the loader have left the cursor. */
void console_init(void)
{
    screen = direct(0xb8000);
    cursor = (unsigned)crtc_read(CRTC_CURSOR_HIGH) << 8 | crtc_read(CRTC_CURSOR_LOW);
    if (cursor >= ROWS * COLUMNS)
        cursor = 0;
    serial_init();
}

void print_char(char c)
{
    screen_char(c);
    if (c == '\n')
        serial_char('\r');
    serial_char(c);
}

static void put(void *ctx, char c)
{
    print_char(c);
}

void print(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    format(put, NULL, fmt, args);
    va_end(args);
}

void panic(const char *fmt, ...)
{
    va_list args;
    print("kernel: PANIC: ");
    va_start(args, fmt);
    format(put, NULL, fmt, args);
    va_end(args);
    print("\n");
    stop_forever();
}
