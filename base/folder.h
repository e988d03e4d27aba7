/* folder.h - creates folders of the user's. */
#ifndef BOOTREEL_BASE_FOLDER_H
#define BOOTREEL_BASE_FOLDER_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Makes a folder, and those above it that are missing, for the user alone (mode 0700). Returns 0 if the
 * folder then exists, or -1 with errno. */
static inline int folder_make(const char *folder)
{
    char path[4096];
    if (strlen(folder) >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(path, folder);
    for (char *p = path + 1; *p; p++)
        if (*p == '/') {
            *p = 0;
            if (mkdir(path, 0700) && errno != EEXIST)
                return -1;
            *p = '/';
        }
    return mkdir(path, 0700) && errno != EEXIST ? -1 : 0;
}

#endif
