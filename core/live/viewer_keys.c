/* viewer_keys.c - see private/viewer_keys.h. Sources: RFC 6143, 7.5.4 (KeyEvent); X11's keysymdef.h; IBM PS/2 technical reference,
 * keyboard, scan code set 1. */
#include <string.h>

#include "core/live/private/viewer_keys.h"

/* A code has its number in bits 0 to 6. */
enum { EXTENDED = 0x100 /* after E0h */, PAUSE = 0x200, SHIFT_LEFT = 0x2a, SHIFT_RIGHT = 0x36, BREAK = 0x80 };
enum { KEYSYM_UNICODE = 0x1000000, KEYPAD_FIRST = 0xffaa, KEYPAD_LAST = 0xffb9, KEYSYM_F1 = 0xffbe };

/* The US layout: keys whose codes follow each other. */
static const struct {
    uint8_t first;
    const char *plain, *shifted;
} layout[] = {
    {0x02, "1234567890-=", "!@#$%^&*()_+"},
    {0x10, "qwertyuiop[]", "QWERTYUIOP{}"},
    {0x1e, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
    {0x2b, "\\zxcvbnm,./", "|ZXCVBNM<>?"},
    {0x39, " ", " "},
};

static const struct {
    uint16_t keysym, code;
} special[] = {
    {0xff08, 0x0e},            /* BackSpace */
    {0xff09, 0x0f},            /* Tab */
    {0xff0d, 0x1c},            /* Return */
    {0xff13, PAUSE},           /* Pause */
    {0xff14, 0x46},            /* Scroll_Lock */
    {0xff15, 0x54},            /* Sys_Req */
    {0xff1b, 0x01},            /* Escape */
    {0xff50, EXTENDED | 0x47}, /* Home */
    {0xff51, EXTENDED | 0x4b}, /* Left */
    {0xff52, EXTENDED | 0x48}, /* Up */
    {0xff53, EXTENDED | 0x4d}, /* Right */
    {0xff54, EXTENDED | 0x50}, /* Down */
    {0xff55, EXTENDED | 0x49}, /* Page_Up */
    {0xff56, EXTENDED | 0x51}, /* Page_Down */
    {0xff57, EXTENDED | 0x4f}, /* End */
    {0xff61, EXTENDED | 0x37}, /* Print */
    {0xff63, EXTENDED | 0x52}, /* Insert */
    {0xff67, EXTENDED | 0x5d}, /* Menu */
    {0xff8d, EXTENDED | 0x1c}, /* KP_Enter */
    {0xff95, EXTENDED | 0x47}, /* KP_Home */
    {0xff96, EXTENDED | 0x4b}, /* KP_Left */
    {0xff97, EXTENDED | 0x48}, /* KP_Up */
    {0xff98, EXTENDED | 0x4d}, /* KP_Right */
    {0xff99, EXTENDED | 0x50}, /* KP_Down */
    {0xff9a, EXTENDED | 0x49}, /* KP_Page_Up */
    {0xff9b, EXTENDED | 0x51}, /* KP_Page_Down */
    {0xff9c, EXTENDED | 0x4f}, /* KP_End */
    {0xff9d, 0x4c},            /* KP_Begin */
    {0xff9e, EXTENDED | 0x52}, /* KP_Insert */
    {0xff9f, EXTENDED | 0x53}, /* KP_Delete */
    {0xffaa, 0x37},            /* KP_Multiply */
    {0xffab, 0x4e},            /* KP_Add */
    {0xffad, 0x4a},            /* KP_Subtract */
    {0xffaf, EXTENDED | 0x35}, /* KP_Divide */
    {0xffc8, 0x57},            /* F11 */
    {0xffc9, 0x58},            /* F12 */
    {0xffe1, SHIFT_LEFT},      /* Shift_L */
    {0xffe2, SHIFT_RIGHT},     /* Shift_R */
    {0xffe3, 0x1d},            /* Control_L */
    {0xffe4, EXTENDED | 0x1d}, /* Control_R */
    {0xffe7, 0x38},            /* Meta_L */
    {0xffe8, EXTENDED | 0x38}, /* Meta_R */
    {0xffe9, 0x38},            /* Alt_L */
    {0xffea, EXTENDED | 0x38}, /* Alt_R */
    {0xffeb, EXTENDED | 0x5b}, /* Super_L */
    {0xffec, EXTENDED | 0x5c}, /* Super_R */
    {0xfe20, 0x0f},            /* ISO_Left_Tab */
    {0xffff, EXTENDED | 0x53}, /* Delete */
};

/* ---------------------------------------------------------------- which key */

struct key {
    uint16_t code;
    bool character; /* what it is depends on Shift … */
    bool shifted;   /* … and it needs it */
};

static bool find_character(uint32_t c, struct key *key)
{
    for (size_t i = 0; c >= ' ' && c < 0x7f && i < sizeof layout / sizeof layout[0]; i++) {
        const char *plain = strchr(layout[i].plain, (int)c), *shifted = strchr(layout[i].shifted, (int)c);
        if (!plain && !shifted)
            continue;
        const size_t at = plain ? (size_t)(plain - layout[i].plain) : (size_t)(shifted - layout[i].shifted);
        *key = (struct key){(uint16_t)(layout[i].first + at), c != ' ', !plain};
        return true;
    }
    return false;
}

/* CapsLock, NumLock and AltGr are the viewer's own: what they do is in its characters already. */
static bool find_key(uint32_t keysym, struct key *key)
{
    if (keysym >= KEYSYM_F1 && keysym < KEYSYM_F1 + 10) {
        *key = (struct key){.code = (uint16_t)(0x3b + keysym - KEYSYM_F1)};
        return true;
    }
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if (special[i].keysym == keysym) {
            *key = (struct key){.code = special[i].code};
            return true;
        }
    if (keysym >= KEYPAD_FIRST &&
        keysym <= KEYPAD_LAST) /* digits and the point, whatever the guest's NumLock is */
        keysym -= 0xff80;
    else if (keysym >= KEYSYM_UNICODE)
        keysym -= KEYSYM_UNICODE;
    return find_character(keysym, key);
}

/* ---------------------------------------------------------------- what is sent */

static size_t put(uint8_t *out, size_t n, uint16_t code, bool down)
{
    static const uint8_t pause[] = {0, 0xe1, 0, 0x1d, 0, 0x45, 0, 0xe1, 0, 0x9d, 0, 0xc5};
    if (code == PAUSE) { /* it sends all of its codes when it is pressed */
        memcpy(out + n, pause, down ? sizeof pause : 0);
        return n + (down ? sizeof pause : 0);
    }
    if (code & EXTENDED) {
        out[n++] = 0;
        out[n++] = 0xe0;
    }
    out[n++] = 0;
    out[n++] = (uint8_t)((code & 0x7f) | (down ? 0 : BREAK));
    return n;
}

static bool holds(const struct viewer_keys *k, uint16_t code)
{
    for (unsigned i = 0; i < k->nheld; i++)
        if (k->held[i].code == code)
            return true;
    return false;
}

static size_t put_shifts(const struct viewer_keys *k, uint8_t *out, size_t n, bool down)
{
    static const uint16_t shifts[] = {SHIFT_LEFT, SHIFT_RIGHT};
    for (unsigned i = 0; i < 2; i++)
        if (holds(k, shifts[i]))
            n = put(out, n, shifts[i], down);
    return n;
}

static size_t press(const struct viewer_keys *k, const struct key *key, uint8_t *out)
{
    const bool shift = holds(k, SHIFT_LEFT) || holds(k, SHIFT_RIGHT);
    size_t n = 0;
    if (!key->character || shift == key->shifted)
        return put(out, n, key->code, true);
    n = shift ? put_shifts(k, out, n, false) : put(out, n, SHIFT_LEFT, true);
    n = put(out, n, key->code, true);
    return shift ? put_shifts(k, out, n, true) : put(out, n, SHIFT_LEFT, false);
}

static size_t release(struct viewer_keys *k, unsigned i, uint8_t *out)
{
    const uint16_t code = k->held[i].code;
    k->held[i] = k->held[--k->nheld];
    return holds(k, code)
               ? 0
               : put(out, 0, code, false); /* another viewer, or another character, holds the same key */
}

/* Which of the keys held is meant; nheld if none is. A viewer that has let go of Shift before the key releases another character of it. */
static unsigned find_held(const struct viewer_keys *k, uint32_t viewer, uint32_t keysym,
                          const struct key *same)
{
    for (unsigned i = 0; i < k->nheld; i++)
        if (k->held[i].viewer == viewer && k->held[i].keysym == keysym)
            return i;
    for (unsigned i = 0; same && i < k->nheld; i++)
        if (k->held[i].viewer == viewer && k->held[i].code == same->code)
            return i;
    return k->nheld;
}

size_t viewer_key(struct viewer_keys *k, uint32_t viewer, uint32_t keysym, bool down,
                  uint8_t out[VIEWER_KEY_BYTES])
{
    struct key key;
    if (!find_key(keysym, &key))
        return 0;
    const unsigned i = find_held(k, viewer, keysym, down ? NULL : &key);
    if (!down)
        return i < k->nheld ? release(k, i, out) : 0;
    if (i == VIEWER_KEYS_HELD)
        return 0;
    const size_t n = press(k, &key, out);
    if (i == k->nheld)
        k->held[k->nheld++] = (struct viewer_key_held){viewer, keysym, key.code};
    return n;
}

size_t viewer_key_let_go(struct viewer_keys *k, uint32_t viewer, uint8_t out[VIEWER_KEY_BYTES])
{
    for (unsigned i = 0; i < k->nheld; i++) {
        const size_t n = k->held[i].viewer == viewer ? release(k, i--, out) : 0;
        if (n)
            return n;
    }
    return 0;
}
