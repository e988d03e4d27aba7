/* typed_keys.c - see private/typed_keys.h. Scan codes: IBM PS/2 technical reference, keyboard, set 1. Sequences: xterm's ctlseqs, VT220-style. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/live/private/typed_keys.h"

struct named {
    const char *name;
    uint8_t code;         /* of set 1 … */
    bool extended;        /* … after E0h */
    const char *sequence; /* what a terminal sends */
    const char *modified; /* with modifiers: %u is 1 + Shift, 2 Alt, 4 Ctrl; NULL: no terminal sends that */
};

static const struct named names[] = {
    {"F1", 0x3b, false, "\033OP", "\033[1;%uP"},
    {"F2", 0x3c, false, "\033OQ", "\033[1;%uQ"},
    {"F3", 0x3d, false, "\033OR", "\033[1;%uR"},
    {"F4", 0x3e, false, "\033OS", "\033[1;%uS"},
    {"F5", 0x3f, false, "\033[15~", "\033[15;%u~"},
    {"F6", 0x40, false, "\033[17~", "\033[17;%u~"},
    {"F7", 0x41, false, "\033[18~", "\033[18;%u~"},
    {"F8", 0x42, false, "\033[19~", "\033[19;%u~"},
    {"F9", 0x43, false, "\033[20~", "\033[20;%u~"},
    {"F10", 0x44, false, "\033[21~", "\033[21;%u~"},
    {"F11", 0x57, false, "\033[23~", "\033[23;%u~"},
    {"F12", 0x58, false, "\033[24~", "\033[24;%u~"},
    {"Up", 0x48, true, "\033[A", "\033[1;%uA"},
    {"Down", 0x50, true, "\033[B", "\033[1;%uB"},
    {"Right", 0x4d, true, "\033[C", "\033[1;%uC"},
    {"Left", 0x4b, true, "\033[D", "\033[1;%uD"},
    {"Home", 0x47, true, "\033[H", "\033[1;%uH"},
    {"End", 0x4f, true, "\033[F", "\033[1;%uF"},
    {"PageUp", 0x49, true, "\033[5~", "\033[5;%u~"},
    {"PageDown", 0x51, true, "\033[6~", "\033[6;%u~"},
    {"Insert", 0x52, true, "\033[2~", "\033[2;%u~"},
    {"Ins", 0x52, true, "\033[2~", "\033[2;%u~"},
    {"Delete", 0x53, true, "\033[3~", "\033[3;%u~"},
    {"Del", 0x53, true, "\033[3~", "\033[3;%u~"},
    {"Enter", 0x1c, false, "\r", NULL},
    {"Return", 0x1c, false, "\r", NULL},
    {"Esc", 0x01, false, "\033", NULL},
    {"Tab", 0x0f, false, "\t", NULL},
    {"Backspace", 0x0e, false, "\177", NULL},
    {"Space", 0x39, false, " ", NULL},
};

static const struct {
    const char *name;
    uint8_t bit, code;
} modifiers[] = {{"Ctrl-", KEY_CTRL, 0x1d}, {"Alt-", KEY_ALT, 0x38}, {"Shift-", KEY_SHIFT, 0x2a}};

enum { NAMES = sizeof names / sizeof names[0], MODIFIERS = sizeof modifiers / sizeof modifiers[0] };

/* ---------------------------------------------------------------- names */

static size_t take_modifier(const char *name, size_t n, struct typed_key *k)
{
    for (size_t i = 0; i < MODIFIERS; i++) {
        const size_t len = strlen(modifiers[i].name);
        if (n > len && !strncasecmp(name, modifiers[i].name, len)) {
            k->modifiers |= modifiers[i].bit;
            return len;
        }
    }
    return 0;
}

bool typed_key_parse(const char *name, size_t n, struct typed_key *k)
{
    *k = (struct typed_key){0};
    for (size_t len; (len = take_modifier(name, n, k)); n -= len)
        name += len;
    for (uint8_t i = 0; i < NAMES; i++)
        if (strlen(names[i].name) == n && !strncasecmp(name, names[i].name, n)) {
            k->named = i + 1;
            return true;
        }
    k->byte = n == 1 ? (uint8_t)*name : 0;
    return k->modifiers && n == 1 && isgraph(k->byte);
}

/* ---------------------------------------------------------------- a keyboard */

static size_t add_code(uint8_t *out, size_t n, uint8_t code)
{
    out[n++] = 0;
    out[n++] = code;
    return n;
}

size_t typed_key_press(uint8_t *out, size_t n, uint8_t code, bool extended)
{
    for (unsigned up = 0; up <= 0x80; up += 0x80) {
        if (extended)
            n = add_code(out, n, 0xe0);
        n = add_code(out, n, code | (uint8_t)up);
    }
    return n;
}

static size_t keyboard(const struct typed_key *k, uint8_t *out)
{
    size_t n = 0;
    if (!k->named && (!k->byte || k->byte >= 0x80))
        return 0;
    for (size_t i = 0; i < MODIFIERS; i++)
        if (k->modifiers & modifiers[i].bit)
            n = add_code(out, n, modifiers[i].code);
    if (k->named)
        n = typed_key_press(out, n, names[k->named - 1].code, names[k->named - 1].extended);
    else
        out[n++] = k->byte;
    for (size_t i = MODIFIERS; i--;)
        if (k->modifiers & modifiers[i].bit)
            n = add_code(out, n, modifiers[i].code | 0x80);
    return n;
}

/* ---------------------------------------------------------------- a terminal */

static size_t named_on_terminal(const struct typed_key *k, uint8_t *out)
{
    const struct named *key = &names[k->named - 1];
    const unsigned parameter = 1u + (k->modifiers & KEY_SHIFT ? 1 : 0) + (k->modifiers & KEY_ALT ? 2 : 0) +
                               (k->modifiers & KEY_CTRL ? 4 : 0);
    if (k->modifiers && !key->modified)
        return 0;
    char text[TYPED_KEY_BYTES];
    if (!k->modifiers)
        return (size_t)(stpcpy((char *)out, key->sequence) - (char *)out);
    const int n = snprintf(text, sizeof text, key->modified, parameter);
    memcpy(out, text, (size_t)n);
    return (size_t)n;
}

static size_t terminal(const struct typed_key *k, uint8_t *out)
{
    size_t n = 0;
    uint8_t c = k->byte;
    if (k->named)
        return named_on_terminal(k, out);
    if (k->modifiers & KEY_CTRL && !isalpha(c) && !strchr("@[\\]^_", c))
        return 0;
    if (k->modifiers & KEY_ALT)
        out[n++] = '\033';
    if (k->modifiers & KEY_CTRL)
        c &= 0x1f;
    else if (k->modifiers & KEY_SHIFT)
        c = (uint8_t)toupper(c);
    out[n++] = c;
    return n;
}

size_t typed_key_bytes(const struct typed_key *k, enum input_port port, uint8_t out[TYPED_KEY_BYTES])
{
    return port == INPUT_KEYBOARD ? keyboard(k, out) : terminal(k, out);
}
