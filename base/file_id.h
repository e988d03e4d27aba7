/* file_id.h - which file a name or a descriptor stands for, so that nothing is written over what is being read.
 *
 * Names do not say it: there are symbolic links, hard links, /dev/fd and files that were renamed. Device and
 * inode do (stat(2)), and for a disk the device number, which all of its nodes have in common.
 */
#ifndef BOOTREEL_BASE_FILE_ID_H
#define BOOTREEL_BASE_FILE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"

/* A file or a disk. Terminals, pipes and the like are neither: they can be read and written at once. */
struct file_id {
    enum { FILE_ID_NONE, FILE_ID_FILE, FILE_ID_DISK } what;
    uint64_t device, inode;
};

struct file_id file_id_of_stat(const struct stat *st);
struct file_id file_id_of(int fd);
struct file_id file_id_at(const char *path);
/* Whether both are the same file; false if either is none. */
bool file_id_same(struct file_id a, struct file_id b);

/* What every writer asks before it opens its file. `path`: NULL is standard output. `option` comes before the
 * path in the message, and may be "". -1 with err if the path is empty, or if it, or PATH.part (under which
 * files are written), is one of the n files that are being read, or if a trace is being written there. */
int output_check(const char *option, const char *path, const struct file_id *read, size_t n,
                 struct error *err);

#endif
