/* spawn.c - see spawn.h. */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

int spawn_start(const struct spawn *s, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (s->log)
        posix_spawn_file_actions_addopen(&files, STDERR_FILENO, s->log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    for (int i = 0; i < s->nfds; i++)
        posix_spawn_file_actions_adddup2(&files, s->fds[i], s->first + i);
    if (s->folder)
        posix_spawn_file_actions_addchdir_np(&files, s->folder);
    posix_spawnattr_init(&how);
    posix_spawnattr_setflags(&how, (short)(POSIX_SPAWN_SETSIGMASK | (s->group ? POSIX_SPAWN_SETPGROUP : 0)));
    posix_spawnattr_setsigmask(&how, &none);
    const int rc = posix_spawnp(pid, s->program, &files, &how, s->argv, environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

int spawn_wait(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

int spawn_shell(const char *command, char *const *words, size_t n, const char *folder, int out, int *status,
                struct error *err)
{
    char *line = text_format("%s \"$@\"", command);
    char *const head[] = {"sh", "-c", line, "sh"};
    enum { HEAD = sizeof head / sizeof *head };
    char **argv = mem_zero(HEAD + n + 1, sizeof *argv);
    posix_spawn_file_actions_t files;
    pid_t pid;
    memcpy(argv, head, sizeof head);
    memcpy(argv + HEAD, words, n * sizeof *argv);
    posix_spawn_file_actions_init(&files);
    if (out >= 0) {
        posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO);
    }
    if (folder)
        posix_spawn_file_actions_addchdir_np(&files, folder);
    const int why = posix_spawn(&pid, "/bin/sh", &files, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    free(argv);
    free(line);
    if (why)
        return error_set(err, "/bin/sh: %s", strerror(why));
    *status = spawn_wait(pid);
    return 0;
}
