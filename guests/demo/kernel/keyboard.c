/* keyboard.c - what is typed, on the keyboard (8042 controller, scan code set 1) or at the serial port. */
#include "guests/demo/kernel/kernel.h"

enum { KBC_DATA = 0x60, KBC_STATUS = 0x64, KBC_FULL = 1 };
enum { COM1 = 0x3f8, COM1_ENABLE = 0x3f9, COM1_STATUS = 0x3fd, READY = 1 };
enum { LEFT_SHIFT = 0x2a, RIGHT_SHIFT = 0x36, RELEASED = 0x80, QUEUE = 64 };

static const char plain[] = "\0\0331234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] = "\0\033!@#$%^&*()_+\b\tQWERTYUIOP{}\n\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

static char queue[QUEUE];
static unsigned first, count;
static bool shift;

static void typed(char c)
{
    if (!c || count == QUEUE)
        return;
    queue[(first + count++) % QUEUE] = c;
    process_wake(PROCESS_KEY);
}

static void key(struct frame *f)
{
    while (in8(KBC_STATUS) & KBC_FULL) {
        u8 code = in8(KBC_DATA), released = code & RELEASED;
        code &= ~RELEASED;
        if (code == LEFT_SHIFT || code == RIGHT_SHIFT)
            shift = !released;
        else if (!released && code < sizeof plain - 1)
            typed(shift ? shifted[code] : plain[code]);
    }
}

static void serial(struct frame *f)
{
    while (in8(COM1_STATUS) & READY) {
        char c = (char)in8(COM1);
        typed(c == '\r' ? '\n' : c == 0x7f ? '\b' : c);
    }
}

int keyboard_next(void)
{
    if (!count)
        return -1;
    char c = queue[first];
    first = (first + 1) % QUEUE;
    count--;
    return (u8)c;
}

void keyboard_init(void)
{
    irq_handle(1, key);
    irq_handle(4, serial);
    key(NULL); /* an old byte would keep the controller from interrupting */
    out8(COM1_ENABLE, 1);
}
