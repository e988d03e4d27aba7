/* source.h - lines of source files that exist on this machine, found by the name in the trace, relative to
 * the current folder. Private to tui/. */
#ifndef BOOTREEL_TUI_SOURCE_H
#define BOOTREEL_TUI_SOURCE_H

#include <stddef.h>

/* The text of the last few files that were asked for. */
enum { SOURCES_KEPT = 8 };
struct sources {
    struct {
        char *name, *text; /* text is NULL if the file cannot be read */
    } file[SOURCES_KEPT];
    size_t next;
};

/* Copies line number `line` (from 1) into buf, without blanks at both ends. NULL if the file does not exist
 * or is shorter. */
const char *source_line(struct sources *s, const char *file, unsigned line, char *buf, size_t size);
void sources_free(struct sources *s);

#endif
