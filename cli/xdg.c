/* xdg.c - see xdg.h. */
#include "cli/xdg.h"

#include <stdlib.h>

#include "base/text.h"

char *xdg_path(const char *variable, const char *below_home, const char *file)
{
    const char *folder = getenv(variable), *home = getenv("HOME");
    struct text path = {0};
    if (folder && *folder == '/') /* the specification says to ignore relative paths */
        text_add(&path, "%s/%s", folder, file);
    else if (home && *home)
        text_add(&path, "%s/%s/%s", home, below_home, file);
    return path.s;
}
