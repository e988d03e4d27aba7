/* file_lock.c - see file_lock.h. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file_lock.h"

bool file_lock(int fd)
{
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return !fcntl(fd, F_OFD_SETLK, &all) || (errno != EAGAIN && errno != EACCES);
}

bool file_locked(int fd)
{
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return !fcntl(fd, F_OFD_GETLK, &all) && all.l_type != F_UNLCK;
}

bool file_locked_at(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool locked = fd >= 0 && file_locked(fd);
    if (fd >= 0)
        close(fd);
    return locked;
}
