/* file_lock.h - the lock that a writer has on its trace; see traces/written_file.h. */
#ifndef BOOTREEL_BASE_FILE_LOCK_H
#define BOOTREEL_BASE_FILE_LOCK_H

#include <stdbool.h>

/* Locks an open file for its writer, until it is closed. False if somebody else has it locked. On a file
 * system without locks it returns true and locks nothing. */
bool file_lock(int fd);
/* Whether a writer, perhaps of this process, has the file locked. Does not lock it, so that it is in nobody's way. */
bool file_locked(int fd);
bool file_locked_at(const char *path);

#endif
