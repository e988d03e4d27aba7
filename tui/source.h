/* source.h - lines of source files that exist on this machine. Private to tui/.
 *
 * A trace names a file as the compiler did: from the folder where it was built, or with its whole path. It is
 * looked for as the first substitution says that fits; then under its own name, from the present folder; then
 * in each folder of the search path, with all of its name, and with ever fewer of the folders in front.
 */
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
    char **folder;
    size_t nfolders;
    struct source_rule {
        char *from, *to;
    } * rule;
    size_t nrules;
};

/* Copies line number `line` (from 1) into buf, without blanks at both ends. NULL if the file was not found
 * or is shorter. */
const char *source_line(struct sources *s, const char *file, unsigned line, char *buf, size_t size);
/* Adds folders (A:B:…) to the end of the search path; ~/ stands for the home folder. */
void sources_search(struct sources *s, const char *folders);
/* From now on, names that begin with the folder `from` begin with `to` instead; NULL: no longer. */
void sources_substitute(struct sources *s, const char *from, const char *to);
/* Writes what is set, as one line. */
void sources_text(const struct sources *s, char *buf, size_t size);
void sources_free(struct sources *s);

#endif
