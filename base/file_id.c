/* file_id.c - see file_id.h. */
#include <unistd.h>

#include "base/file_id.h"
#include "base/file_lock.h"

struct file_id file_id_of_stat(const struct stat *st)
{
    if (S_ISREG(st->st_mode))
        return (struct file_id){FILE_ID_FILE, st->st_dev, st->st_ino};
    if (S_ISBLK(st->st_mode))
        return (struct file_id){FILE_ID_DISK, st->st_rdev, 0};
    return (struct file_id){FILE_ID_NONE, 0, 0};
}

struct file_id file_id_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) ? (struct file_id){FILE_ID_NONE, 0, 0} : file_id_of_stat(&st);
}

struct file_id file_id_at(const char *path)
{
    struct stat st;
    return stat(path, &st) ? (struct file_id){FILE_ID_NONE, 0, 0} : file_id_of_stat(&st);
}

bool file_id_same(struct file_id a, struct file_id b)
{
    return a.what != FILE_ID_NONE && a.what == b.what && a.device == b.device && a.inode == b.inode;
}

static bool is_read(struct file_id written, const struct file_id *read, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (file_id_same(written, read[i]))
            return true;
    return false;
}

int output_check(const char *option, const char *path, const struct file_id *read, size_t n,
                 struct error *err)
{
    const char *space = *option ? " " : "";
    if (!path)
        return !is_read(file_id_of(STDOUT_FILENO), read, n)
                   ? 0
                   : error_set(err, "standard output is a file to be read: give another one");
    if (!*path)
        return error_set(err, "%s%sthe file's name is empty: give one", option, *option ? ": " : "");
    if (is_read(file_id_at(path), read, n))
        return error_set(err, "%s%s%.250s: this is a file to be read: give another name", option, space,
                         path);
    if (file_locked_at(path))
        return error_set(
            err,
            "%s%s%.250s: another bootreel is writing this trace: wait until it ends, or give another name",
            option, space, path);
    return 0;
}
