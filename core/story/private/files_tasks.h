/* files_tasks.h - what is known of a task while its calls are followed. Private to core/story/files.c (tasks,
 * descriptors, what was used) and files_calls.c (what each system call does). */
#ifndef BOOTREEL_CORE_STORY_FILES_TASKS_H
#define BOOTREEL_CORE_STORY_FILES_TASKS_H

#include <stdlib.h>

#include "core/story/private/files_impl.h"

enum { FDS_MAX = 1 << 20 };

/* What a descriptor stands for. */
struct opened {
    char *path; /* absolute; NULL: closed, or not known */
    bool file;  /* otherwise `path` is a kind: "socket" */
    bool cloexec;
    char *source, *type; /* of a file system that is not mounted yet (fsopen), or NULL */
};
/* Shared by the threads of a process. */
struct fds {
    unsigned held;
    struct opened *list;
    size_t n, cap;
};
struct folders {
    unsigned held;
    char *cwd, *root;
};

/* A file as the kernel knows it (EV_FILE_OPENED). */
struct identity {
    uint64_t device, inode;
    char *on, *path; /* NULL: not known */
};

/* A task. */
struct task {
    unsigned guest;
    uint32_t pid, tgid;
    bool gone;
    struct fds *fds;
    struct folders *folders;
    struct mounts *mounts;
    size_t run;
    char *call; /* the one that it is in, or NULL */
    size_t call_len;
    uint64_t icount, time; /* of the call */
    struct identity last;  /* what was opened last */
};

static inline void set_text(char **to, char *text)
{
    free(*to);
    *to = text;
}

/* ---- files.c ---- */

/* Task i; NULL: there are no more. */
struct task *file_task(struct file_uses *f, size_t i);
/* What a descriptor stands for; NULL if nothing is known of it. */
struct opened *file_fd_find(const struct task *t, int64_t fd);
/* Takes over what `o` has. */
void file_fd_opens(struct task *t, int64_t fd, struct opened o);
void file_fd_close(struct task *t, int64_t fd);
void file_fd_dup(struct task *t, int64_t from, int64_t to, bool cloexec);

/* A path was used by a call with that result: adds that to its use, which is returned. */
struct file_use *file_did(struct file_uses *f, const struct task *t, const char *path, int64_t result,
                          unsigned what);
/* Adds to a use which file it is, as the kernel knows it. */
void file_identify(struct file_use *u, const struct identity *id);
/* An open file was used. Returns its use, under the descriptor's number if nothing is known of it; NULL: it
 * is not a file. */
struct file_use *file_fd_use(struct file_uses *f, const struct task *t, int64_t fd, unsigned what);
/* n bytes of an open file were read or written (what: FILE_READ, FILE_WRITTEN); if n is negative, none. */
void file_moved(struct file_uses *f, const struct task *t, int64_t fd, int64_t n, unsigned what);

/* ---- files_calls.c ---- */

/* A call has just returned: follows what it did. */
void file_call_ended(struct file_uses *f, struct task *t, const struct call_text *c, int64_t result);

#endif
