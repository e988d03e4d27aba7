/* answers.h - typing by program: each answer waits for a text on one of the guest's consoles, and types keys into the device on which the
 * text stood.
 *
 * Answers are given one after the other: the next one waits for a text that was printed after that of the one before. The text may stand on
 * a serial port, on the console on virtio, or on the screen; escape sequences and carriage returns are no part of it, and blanks at the end
 * of a screen's row need not be there. The keys are typed when the guest is idle, or ANSWERS_BUSY after the text if it is not idle by then.
 * All of this depends on the run alone, so the same answers give the same recording.
 */
#ifndef BOOTREEL_CORE_LIVE_ANSWERS_H
#define BOOTREEL_CORE_LIVE_ANSWERS_H

#include "core/engine/engine.h"

/* ns of guest time */
#define ANSWERS_BUSY 100000000u

struct answers;

struct answers *answers_new(void);
void answers_free(struct answers *a); /* NULL is allowed */

/* Adds an answer, "PATTERN=KEYS" or "@TIME=KEYS" (guest time since power-on; typed where the last text stood that was answered; before the
 * first, where the guest printed last, and on the keyboard if it printed on the screen only). In both parts \n, \r, \t, \e, \b, \xHH, \\, \=, \< and \@
 * stand for one character, and in KEYS <NAME> for a key: <F12>, <Down>, <Ctrl-c>, <Ctrl-Alt-Del>. -1 with err that says what is wrong. */
int answers_add(struct answers *a, const char *word, struct error *err);
/* Adds those of a file: one a line, without lines that are empty or begin with '#'. */
int answers_add_file(struct answers *a, const char *path, struct error *err);
size_t answers_count(const struct answers *a);

/* Whether not all of them have been typed. */
bool answers_pending(const struct answers *a);
/* Guest time of the next answer, if that is what it waits for; else UINT64_MAX. */
uint64_t answers_due(const struct answers *a);

/* To be called with the bytes that the guest prints, at guest time `time`. */
void answers_console(struct answers *a, unsigned device, const void *data, size_t n, uint64_t time);
/* To be called with the screen's text (rows ended by \n) from time to time, as long as the next answer waits for a text. */
void answers_screen(struct answers *a, const char *text, uint64_t time);

/* The bytes that may be given at guest time `time`, and the port; *n is 0 if there are none. */
const uint8_t *answers_bytes(struct answers *a, uint64_t time, bool idle, enum input_port *port, size_t *n);
/* Reports that the guest took n of them. */
void answers_taken(struct answers *a, size_t n);

/* Of answer i, as it was written: what was not done of it, to be printed behind its text; NULL if it was typed. */
const char *answers_lack(const struct answers *a, size_t i);
const char *answers_word(const struct answers *a, size_t i);

#endif
