/* viewer_keys.h - keys as RFB has them (X's keysyms, pressed and released) as a PC keyboard's codes. Private to core/live.
 *
 * A keysym is a character in the viewer's layout, a scan code a key of the guest's, which is taken to be the US layout. Where a character
 * needs Shift there and the viewer does not hold it, or the other way round, Shift is pressed or released around the key.
 */
#ifndef BOOTREEL_CORE_LIVE_VIEWER_KEYS_H
#define BOOTREEL_CORE_LIVE_VIEWER_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More keys than these are not held at once. */
enum { VIEWER_KEYS_HELD = 32, VIEWER_KEY_BYTES = 24 };

struct viewer_keys {
    struct viewer_key_held {
        uint32_t viewer, keysym;
        uint16_t code;
    } held[VIEWER_KEYS_HELD];
    unsigned nheld;
};

/* What the keyboard port takes (engine.h: INPUT_KEYBOARD) for a key that a viewer presses (again: it repeats) or releases. Returns the number
 * of bytes; 0 if the keyboard has no such key, or a release has no press. */
size_t viewer_key(struct viewer_keys *k, uint32_t viewer, uint32_t keysym, bool down,
                  uint8_t out[VIEWER_KEY_BYTES]);
/* Releases one key that the viewer holds. 0: it holds none. */
size_t viewer_key_let_go(struct viewer_keys *k, uint32_t viewer, uint8_t out[VIEWER_KEY_BYTES]);

#endif
