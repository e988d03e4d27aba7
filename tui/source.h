/* source.h - lines of source files, where they are on this machine: by the name in the trace, from the
 * present folder on. Private to tui/. */
#ifndef BOOTREEL_TUI_SOURCE_H
#define BOOTREEL_TUI_SOURCE_H

#include <stddef.h>

/* A file's text; the last few that were asked for stay. */
enum { SOURCES_KEPT = 8 };
struct sources {
    struct {
        char *name, *text; /* text NULL: it cannot be read */
    } file[SOURCES_KEPT];
    size_t next;
};

/* Line number `line`, from 1 on, into buf, without blanks at both ends. NULL: the file is not there, or
 * shorter. */
const char *source_line(struct sources *s, const char *file, unsigned line, char *buf, size_t size);
void sources_free(struct sources *s);

#endif
