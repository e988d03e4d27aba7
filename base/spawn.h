/* spawn.h - other programs, in processes of their own. */
#ifndef BOOTREEL_BASE_SPAWN_H
#define BOOTREEL_BASE_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

#define SPAWN_SELF "/proc/self/exe" /* this program again */

struct spawn {
    const char *program; /* its path, or a name that is looked for in $PATH */
    char *const *argv;
    const char *log;    /* a file for its standard error; NULL: the caller's */
    const char *folder; /* where it runs; NULL: where the caller does */
    const int *
        fds; /* NULL, or descriptors that it gets, as numbers first, first + 1 …: the caller's are not among these numbers */
    int nfds, first;
    bool group; /* in a group of processes of its own, so that Ctrl-C on the terminal does not reach it */
};

/* Starts it without input and without standard output, and with no signal blocked. 0, or an errno. */
int spawn_start(const struct spawn *s, pid_t *pid);
/* Waits for its end. Returns the status, as waitpid() has it. */
int spawn_wait(pid_t pid);
/* Runs a command of the shell with n words behind it, and waits: its status is in *status. `folder`: where it runs, or NULL. `out`: where all output
 * goes, and it has no input; or -1: input and output are the caller's. -1 with err if there is no shell. */
int spawn_shell(const char *command, char *const *words, size_t n, const char *folder, int out, int *status,
                struct error *err);

#endif
