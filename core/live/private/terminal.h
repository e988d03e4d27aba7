/* terminal.h - the terminal (or pipe) on which a person types to the guest: raw mode, the
 * escape key, waiting.
 *
 * It knows nothing about guests. The escape key is Ctrl-A as in QEMU: Ctrl-A x quits, Ctrl-A Ctrl-A (or
 * Ctrl-A a) sends a Ctrl-A, Ctrl-A h shows this. On a pipe there is no escape key: all bytes go to the guest.
 */
#ifndef BOOTREEL_CORE_LIVE_TERMINAL_H
#define BOOTREEL_CORE_LIVE_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct terminal;

/* Takes over `fd`. If it is a terminal it is put into raw mode until terminal_close. -1: there is none, as if it had ended. */
struct terminal *terminal_open(int fd, struct error *err);
/* Restores the terminal's settings. NULL is allowed. */
void terminal_close(struct terminal *t);
bool terminal_is_tty(const struct terminal *t);

enum terminal_wait { TERMINAL_READY, TERMINAL_TIMEOUT, TERMINAL_WOKEN };
/* Waits at most `ns` of real time (UINT64_MAX: forever) until there is something to read, also on `other` (-1: nothing else), the input
 * ends, or terminal_wake() is called; reads what is there, but not from `other`. With `ns` 0 it does not wait. */
enum terminal_wait terminal_wait(struct terminal *t, uint64_t ns, int other);
/* Ends the wait in progress, or else the next one. Async-signal-safe, from any thread. */
void terminal_wake(struct terminal *t);

/* What was typed and has not been taken yet. */
const uint8_t *terminal_pending(const struct terminal *t, size_t *n);
void terminal_take(struct terminal *t, size_t n);
bool terminal_ended(const struct terminal *t); /* end of file, or hung up; bytes may still be pending */
bool terminal_quit(const struct terminal *t);  /* Ctrl-A x was typed */

#endif
