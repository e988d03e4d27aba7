/* path.h - parts of a path of the host's. */
#ifndef BOOTREEL_BASE_PATH_H
#define BOOTREEL_BASE_PATH_H

#include <string.h>

/* What stands behind the last '/' of a path: the name in its folder. */
static inline const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

#endif
