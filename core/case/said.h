/* said.h - what was said on any console: errors, and prompts. */
#ifndef BOOTREEL_CORE_CASE_SAID_H
#define BOOTREEL_CORE_CASE_SAID_H

#include "core/case/case.h"

enum { SAID_TEXT = 300 };

/* Whether an event is a line that the guest printed, on a console or by the BIOS's service. */
bool said_line(const struct event *ev);
/* Whether a line reads like an error. Words alone decide nothing: see said_error(). */
bool said_words(const char *line);

/* The line that reports the error at which the boot ended: of the last lines before `to` that read like errors, the first. What makes it
 * the error is that the boot went no further: the caller knows that it did not, and no kernel, program, boot sector or process was started
 * after it, and nothing was typed. NULL: there is none. */
const struct event *said_error(struct why_case *c, uint64_t to);

/* The same of what programs under a kernel said before a position, whatever was executed between. The kernel's own lines, which have a time before
 * them, count where a program that failed was in the kernel (failed.h). */
const struct event *said_before(struct why_case *c, uint64_t to);
/* The same, if it was among the last few lines before the position. */
const struct event *said_shortly(struct why_case *c, uint64_t to);
/* The last line of a program under a kernel, between two positions, that reads like an error: the kernel's own have a time before them. NULL: there
 * is none. */
const struct event *said_complaint(struct why_case *c, uint64_t from, uint64_t to);

/* The last line, whatever it says, that was printed before a position by what was started last; NULL if there is none. */
const struct event *said_last(struct why_case *c, uint64_t to);

/* The last line of a program under a kernel: the kernel's own have a time before them. NULL if there is none. */
const struct event *said_by_program(struct why_case *c);

/* What the guest waits at: its last line, which it has not ended: "login: ". "" if there is none. Returns buf. */
const char *said_prompt(struct why_case *c, char buf[SAID_TEXT]);
/* The last that was printed on the console draws on the whole screen, and has no words of an error: a dialog, an editor. */
bool said_dialog(struct why_case *c);
/* Whether a line that has not ended asks for something: "login:", "[y/n]", "Press Enter". */
bool said_asks(const char *line);
/* Who prints there, as its own lines name it: "GRUB", "FreeDOS", "U-Boot"; "" if it has no name that is known. */
const char *said_name(struct why_case *c);

#endif
