/* typed_keys.h - keys as a person names them, and what a keyboard or a terminal sends for them. */
#ifndef BOOTREEL_CORE_LIVE_TYPED_KEYS_H
#define BOOTREEL_CORE_LIVE_TYPED_KEYS_H

#include "core/engine/engine.h"

enum { KEY_CTRL = 1, KEY_ALT = 2, KEY_SHIFT = 4 };

struct typed_key {
    uint8_t byte;      /* a character … */
    uint8_t named;     /* … or 1 + the index of a key that has a name */
    uint8_t modifiers; /* KEY_CTRL … */
};

/* Parses what stands between < and >, n bytes: "F12", "Ctrl-c". False if there is no such key. */
bool typed_key_parse(const char *name, size_t n, struct typed_key *k);

enum { TYPED_KEY_BYTES = 24 };
/* What is sent for a key: to the keyboard as engine.h has it (INPUT_KEYBOARD), to another port as terminals of the kind xterm do. Returns
 * the number of bytes; 0 if that port cannot take it. */
size_t typed_key_bytes(const struct typed_key *k, enum input_port port, uint8_t out[TYPED_KEY_BYTES]);

/* Adds to the keyboard's bytes, n of them, the press and the release of a key by its set-1 code. Returns how many there are then: at most
 * TYPED_KEY_PRESS more. */
enum { TYPED_KEY_PRESS = 8 };
size_t typed_key_press(uint8_t *out, size_t n, uint8_t code, bool extended);

#endif
