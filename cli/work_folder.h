/* work_folder.h - a folder that collects what many pieces of work have found, and in which they go on. Private to cli/. */
#ifndef BOOTREEL_CLI_WORK_FOLDER_H
#define BOOTREEL_CLI_WORK_FOLDER_H

#include <stdio.h>

#include "base/error.h"

struct work_folder {
    const char *path;
    const char *name;        /* of the file with the description, */
    const char *description; /* which says in words what the work is */
    const char *results;     /* the file with the results */
    /* NULL, or called with `ctx` before a description is written: it removes what other work has left. `was`: the other description; NULL if there
     * was none. -1 with err: nothing is written. */
    int (*anew)(void *ctx, const char *was, struct error *err);
    void *ctx;
};

/* Makes the folder, or finds that it is this work's. While there are no results, another description is replaced. -1 with err. */
int work_folder_open(const struct work_folder *f, struct error *err);
/* Calls `take` for each line of a file in it; one that is not complete was being written when the work was ended, and does not count. No file:
 * no lines. -1 with err. */
int work_folder_lines(const char *folder, const char *name, void (*take)(void *ctx, char *line), void *ctx,
                      struct error *err);
/* Opens a file in it to add lines, and cuts off one that is not complete. NULL with err. */
FILE *work_folder_append(const char *folder, const char *name, struct error *err);
/* -1 with err, which begins with `command`, if it is no folder with that file of results. */
int work_folder_has(const char *command, const char *folder, const char *results, struct error *err);
/* The next field of a line of fields with tabs between; "" if there is none. */
char *work_field(char **rest);

#endif
