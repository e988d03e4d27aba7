/* written_file.h - the file of a trace that is being written. It gets its name only when it has begun well:
 * until then it is NAME.part (NAME.1.part … if somebody else made a file of that name), and an earlier file of that name stays as it was. And it is locked, so that no
 * two writers write one file. Private to traces/.
 *
 * The lock is one of the open file description (fcntl(2), F_OFD_SETLK): the kernel takes it away when the
 * process ends, however it does. It is on the file itself, so that other names of it (links) do not get
 * around it, and also on the earlier file, until the end. Where NAME.part cannot be made (a pipe, a device, a
 * folder without permission) NAME is written at once.
 */
#ifndef BOOTREEL_TRACES_WRITTEN_FILE_H
#define BOOTREEL_TRACES_WRITTEN_FILE_H

#include "base/error.h"
#include "traces/trace.h"

struct written_file;

/* Opens it. `at_once`: under its own name from the beginning. Nothing is written yet, and what was in a file
 * stays. NULL with err, which calls it `name`: it cannot be made, or somebody else is writing it. */
struct written_file *written_file_open(const char *path, const char *name, bool at_once, struct error *err);
int written_file_fd(const struct written_file *f);
/* With `earlier`, a file that has the name is not replaced by written_file_show, but renamed to NAME-1.reel
 * (the first number that is free), and that name is put into *earlier; it is "" if there was none. */
void written_file_keep(struct written_file *f, struct trace_kept_name *earlier);
/* Empties the file: what is written from now on is the new one. 0, or errno. */
int written_file_begin(struct written_file *f);
/* Gives the file its name, since it has begun well. Does nothing if it has it already. 0, or errno. */
int written_file_show(struct written_file *f);
/* Whether what is written stays after written_file_close. */
bool written_file_shown(const struct written_file *f);
/* Closes and frees. A file that was not shown is removed. 0, or errno. */
int written_file_close(struct written_file *f);

#endif
