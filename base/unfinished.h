/* unfinished.h - names of files that the process has begun, so that it can remove them when it must end at once (no memory). A file without a
 * name needs none of this. It is the one list that the process has of itself: it ends only once, whatever machines run in it.
 */
#ifndef BOOTREEL_BASE_UNFINISHED_H
#define BOOTREEL_BASE_UNFINISHED_H

/* Adds a file or a folder of files. The text must stay until unfinished_done(). Beyond 64 names it is not added. */
void unfinished_begin(const char *path);
/* It is complete, or removed. Nothing happens if it was not added; NULL is allowed. */
void unfinished_done(const char *path);
/* Removes all of them. Needs no memory, and may be called in a signal handler. */
void unfinished_remove(void);

#endif
