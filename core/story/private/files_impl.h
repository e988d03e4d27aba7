/* files_impl.h - what the files of core/story/files.h share: system calls as text, paths, mounts. Private to
 * core/story/files*.c. */
#ifndef BOOTREEL_CORE_STORY_FILES_IMPL_H
#define BOOTREEL_CORE_STORY_FILES_IMPL_H

#include "core/story/files.h"

/* ---- a call as its event's text: openat(AT_FDCWD, "/etc/fstab", O_RDONLY) (files_text.c) ---- */

enum { CALL_ARGS = 8 };
struct call_text {
    const char *name;
    size_t name_len;
    unsigned n;
    struct {
        const char *s;
        size_t len;
    } arg[CALL_ARGS];
};
/* Takes a call's text apart. False if it is no call. The text must outlive *c. */
bool call_parse(struct call_text *c, const char *text, size_t len);
/* Whether an argument is that word, or has it among its flags (O_CREAT|O_EXCL). */
bool call_word(const struct call_text *c, unsigned i, const char *word);
/* The same; or whether it is a number with that bit, as flags without names are. */
bool call_flag(const struct call_text *c, unsigned i, const char *word, uint64_t bit);
/* A number, decimal or 0x…; AT_FDCWD is -100. `otherwise` if it is none. */
int64_t call_number(const struct call_text *c, unsigned i, int64_t otherwise);
/* A text argument, decoded, to be freed; if it was cut off, it ends with an ellipsis. NULL if it was not
 * known, or the argument is not a text. */
char *call_string(const struct call_text *c, unsigned i);

/* ---- paths and mounts (files_paths.c) ---- */

/* `path` seen from the folder `cwd`, below `root`: absolute, without "." and "..". To be freed. */
char *path_join(const char *root, const char *cwd, const char *path);
/* Whether `path` is `top` or below it. */
bool path_under(const char *path, const char *top);
/* `path`, which is below `from`, as it is below `to`. To be freed. */
char *path_moved(const char *path, const char *from, const char *to);

struct mounts;
struct mounts *mounts_new(void);
struct mounts *mounts_copy(const struct mounts *m);
struct mounts *mounts_hold(struct mounts *m);
void mounts_drop(struct mounts *m); /* NULL is allowed */
void mounts_add(struct mounts *m, const char *at, const char *source, const char *type);
/* A bind mount: what is at `from` is at `to` as well. */
void mounts_bind(struct mounts *m, const char *from, const char *to);
void mounts_move(struct mounts *m, const char *from, const char *to);
void mounts_remove(struct mounts *m, const char *at);
/* "/dev/sda1 (ext4)"; "" if not known. */
const char *mounts_find(const struct mounts *m, const char *path);

#endif
