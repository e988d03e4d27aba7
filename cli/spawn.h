/* spawn.h - this program again, as a process of its own. Private to cli/. */
#ifndef BOOTREEL_CLI_SPAWN_H
#define BOOTREEL_CLI_SPAWN_H

#include <sys/types.h>

/* Starts bootreel with these arguments (argv[0] is its name), without input and without its standard output, and with no signal blocked.
 * `log`: a file for its standard error, or NULL: that of the caller. `folder`: where it runs, or NULL. 0, or an errno. */
int spawn_self(char **argv, const char *log, const char *folder, pid_t *pid);

#endif
