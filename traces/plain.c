/* plain.c - text without the escape sequences that a terminal interprets. ECMA-48, 5.4 (control sequences)
 * and 5.6 (control strings); ECMA-35, 13.2 (other escape sequences).
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "traces/event.h"

enum { ESC = 0x1b, BEL = 0x07, CAN = 0x18, SUB = 0x1a };
enum { TEXT, ESCAPE, CONTROL, STRING, STRING_ESCAPE };

/* The byte after ESC. */
static uint8_t after_escape(uint8_t byte)
{
    if (byte == '[')
        return CONTROL;
    if (strchr("]PX^_", byte) && byte)
        return STRING;
    return byte >= 0x20 && byte <= 0x2f ? ESCAPE : TEXT; /* intermediate bytes go on */
}

/* A control string ends with ESC \ or BEL; a new line ends it as well, so that a missing end does not
 * hide the rest. */
static uint8_t in_string(uint8_t byte)
{
    if (byte == ESC)
        return STRING_ESCAPE;
    return byte == BEL || byte == '\n' || byte == '\r' ? TEXT : STRING;
}

bool plain_byte(struct plain *p, uint8_t byte)
{
    if (p->state == STRING) {
        p->state = in_string(byte);
        return byte == '\n' || byte == '\r';
    }
    if (p->state == STRING_ESCAPE && byte == '\\') {
        p->state = TEXT;
        return false;
    }
    if (byte == ESC) {
        p->state = ESCAPE;
        return false;
    }
    if (p->state == TEXT)
        return true;
    if (byte == CAN || byte == SUB) {
        p->state = TEXT;
        return false;
    }
    if (byte < 0x20)
        return true; /* a control character inside a sequence is part of the text, and the sequence goes on */
    if (p->state == CONTROL)
        p->state = byte >= 0x40 ? TEXT : CONTROL;
    else
        p->state = after_escape(byte);
    return false;
}

size_t plain_text(const void *data, size_t n, char *out)
{
    struct plain p = {0};
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        if (plain_byte(&p, ((const uint8_t *)data)[i]))
            out[len++] = ((const char *)data)[i];
    return len;
}

bool plain_holds(const void *data, size_t n, const char *text)
{
    size_t len = strlen(text);
    if (!len || (n >= len && memmem(data, n, text, len)))
        return true;
    if (!n || !memchr(data, ESC, n))
        return false;
    char *plain = mem_alloc(n);
    size_t left = plain_text(data, n, plain);
    bool holds = left >= len && memmem(plain, left, text, len);
    free(plain);
    return holds;
}
