/* files.h - who opened, created, read, wrote, mapped and executed which file: computed from the system calls
 * in a trace. Nothing is run.
 *
 * Paths are made from what programs said: relative to their folder (chdir, fchdir, the folder's descriptor)
 * and root (chroot, pivot_root), with descriptors that were duplicated, inherited (fork) and closed on exec.
 * Symbolic links are not followed. Where the kernel has type information (BTF), the trace says which file a
 * path stands for, on which device, and for which blocks requests were made. Otherwise the file system that a
 * file is on follows from the mounts that were made by system calls, in the mount namespace of the process.
 *
 * Not known: descriptors that came through a socket, what io_uring does, and what the kernel opens by itself
 * (an ELF interpreter). */
#ifndef BOOTREEL_CORE_STORY_FILES_H
#define BOOTREEL_CORE_STORY_FILES_H

#include "core/story/processes.h"

/* What was done with a file: bits. */
enum {
    FILE_OPENED = 1,
    FILE_CREATES = 2, /* opened with O_CREAT, which creates a file that is not there */
    FILE_READ = 4,
    FILE_WRITTEN = 8,
    FILE_MAPPED = 16,
    FILE_EXECUTED = 32,
    FILE_LISTED = 64,   /* its entries were read: a folder */
    FILE_MADE = 128,    /* mkdir, mknod, symlink, link, or the new name of rename */
    FILE_REMOVED = 256, /* unlink, rmdir, or the old name of rename */
    FILE_TRUNCATED = 512,
    FILE_LOADED = 1024 /* into the kernel: a module, another kernel */
};
/* The word of a bit ("open"); NULL if it has none. */
const char *file_did_word(unsigned bit);

/* Blocks of the file's device, of 512 bytes each, that were read or written for it. */
struct file_blocks {
    uint64_t sector, bytes;
    bool written;
};

/* What one program (a process from one exec to the next) did with one file; or its attempts that failed with
 * one error. */
struct file_use {
    unsigned guest;
    uint32_t pid;        /* of the process: its thread group */
    const char *process; /* its name when the program ended, or the trace */
    const char *path;    /* as the program named it, absolute */
    const char *real; /* without symbolic links, as the kernel knows it; "" if it is the same or not known */
    const char *on;   /* "sda1 (ext4)", "tmpfs": the file system that it is on; "" if not known */
    uint64_t device, inode; /* its device's dev_t (major << 20 | minor) and inode number; 0 if not known */
    struct file_blocks *blocks; /* by request */
    size_t nblocks;
    int error;                        /* 0; or why it could not be opened: ENOENT … */
    unsigned did;                     /* with an error: what was tried */
    uint64_t times;                   /* how often it was opened or executed, or the error came */
    uint64_t read, written, mapped;   /* bytes */
    uint64_t first, first_time, last; /* icount and guest time (ns) of the first call, icount of the last */
};

struct file_uses;
struct file_uses *file_uses_new(void);
void file_uses_free(struct file_uses *f); /* NULL is allowed */
/* The classes of events that file_uses_see() has to be given. */
uint32_t file_uses_classes(void);
/* Takes an event; they must come in order. */
void file_uses_see(struct file_uses *f, const struct event *ev);
size_t file_uses_count(const struct file_uses *f);
/* All uses one after the other, by programs in the order in which they began, and then by the first call. `at` is all 0 before the first;
 * NULL after the last. Valid until the next event. */
struct file_place {
    size_t run, use;
};
const struct file_use *file_uses_next(const struct file_uses *f, struct file_place *at);
/* All uses up to a position of a trace. NULL with err. */
struct file_uses *file_uses_at(struct trace *t, uint64_t icount, struct error *err);

#endif
