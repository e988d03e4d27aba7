/* out.h - the one way to print text. Names and texts in a trace were made by a guest, and may hold escape sequences that a terminal
 * obeys; here they become harmless, as base/escape.h says. Nothing else in the program prints (`make layers`).
 *
 * Texts inside the program are what the guest made, byte for byte: they are escaped once, when they are printed. In a format, everything
 * that %s and %c stand for is escaped as a name, and the format itself is printed as it is:
 *
 *     out_print(stdout, "%s %s\n", number, p->name);
 *
 * Text of several lines needs out_lines(). Where text is composed first and printed later, text_print() escapes while it composes, and
 * out_words() prints the result. Widths count characters.
 */
#ifndef BOOTREEL_BASE_OUT_H
#define BOOTREEL_BASE_OUT_H

#include <stdio.h>

#include "base/escape.h"
#include "base/text.h"

/* ---- text ---- */
/* As fprintf(); %n and wide characters are not supported. */
__attribute__((format(printf, 2, 3))) void out_print(FILE *f, const char *fmt, ...);
void out_print_list(FILE *f, const char *fmt, va_list ap);
void out_name(FILE *f, const void *name, size_t n);
/* Text of several lines that the guest made. */
void out_lines(FILE *f, const void *text, size_t n);
/* Text of this program, of one or several lines, in which names are escaped already: that of event_text() and text_print(). */
void out_words(FILE *f, const char *text);
void out_words_n(FILE *f, const char *text, size_t n);
void out_char(FILE *f, char c);

/* ---- the same, added to a text ---- */
__attribute__((format(printf, 2, 3))) void text_print(struct text *t, const char *fmt, ...);
void text_print_list(struct text *t, const char *fmt, va_list ap);
void text_escape(struct text *t, enum escape_kind kind, const void *text, size_t n);

/* Adds a word of a command that is printed for a person to run: in quotes where a shell needs them, and harmless to a terminal. After a blank
 * if it is not the first. */
void text_shell_word(struct text *t, const char *word);

/* ---- what is not text ---- */
/* The bytes as they are: files of binary formats. */
void out_bytes(FILE *f, const void *data, size_t n);
void out_byte(FILE *f, uint8_t byte);
/* A control sequence of ours for a terminal: a colour, the beginning of the line. */
void out_control(FILE *f, const char *sequence);
/* Text in HTML and XML, in an element or between double quotes. What XML cannot hold is escaped as in ESCAPE_LINES. */
void out_markup(FILE *f, const void *text, size_t n);
void out_markup_text(FILE *f, const char *text);

/* ---- where it goes ---- */
bool out_is_terminal(FILE *f);

/* A guest's console, which comes in pieces that may end inside a character. On a terminal it is text of several lines; elsewhere, or if
 * `raw`, its bytes are printed as they are. */
struct out_console {
    FILE *f;          /* NULL: what is printed is collected: */
    struct text text; /* out_console_take() */
    bool raw;
    uint8_t kept[4]; /* of a character or a line's end that is not complete */
    unsigned nkept;
};
struct out_console out_console_on(FILE *f, bool raw);
void out_console_add(struct out_console *c, const void *data, size_t n);
/* Of a console that is all zero: moves what it has printed to the end of `to`. */
void out_console_take(struct out_console *c, struct text *to);
/* Prints what is incomplete. More can be added afterwards. */
void out_console_end(struct out_console *c);

#endif
