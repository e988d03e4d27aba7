/* wanted.h - the names and files that programs asked for during a boot. Private to core/ran/. */
#ifndef BOOTREEL_CORE_RAN_WANTED_H
#define BOOTREEL_CORE_RAN_WANTED_H

#include "base/hash_index.h"
#include "traces/trace.h"

/* What was done with a file of an initramfs; the highest counts. */
enum wanted_how { WANTED_NOT, WANTED_NAME, WANTED_OPENED, WANTED_EXECUTED };

struct wanted {
    char **text; /* parts of names, paths of files, folders that were listed */
    uint8_t *how;
    size_t n;
    uint64_t changes; /* entries added, or raised */
    struct hash_index by_text;
    bool all_names; /* a name was cut in the record: each may have been looked up */
};

/* Reads the record. -1 with err. */
int wanted_read(struct wanted *w, struct trace *t, struct error *err);
void wanted_end(struct wanted *w);
/* What was done with the file at a path, as an archive has it ("bin/busybox"): only what it says of the path itself. */
enum wanted_how wanted_file(const struct wanted *w, const char *path);
/* Whether the name may have been looked up: its last part is a part of some name that a program gave, or its folder was listed. */
bool wanted_name(const struct wanted *w, const char *path);
/* Where a symbolic link leads counts as looked up. */
void wanted_link(struct wanted *w, const char *target, size_t n);
/* The path of the program that executes this one: an ELF file's interpreter, or a script's. False if it has none. */
enum { WANTED_PATH = 256 };
bool wanted_interpreter(const uint8_t *program, size_t n, char path[WANTED_PATH]);
/* Something was done with the file at a path. */
void wanted_used(struct wanted *w, const char *path, enum wanted_how how);
/* The i-th of what is kept (below w->n): the path of a file with which something was done, or NULL. Valid until something is added. */
const char *wanted_path_of(const struct wanted *w, size_t i, enum wanted_how *how);
/* A path as it is kept: without "./" and "/" at its beginning. */
const char *wanted_path(const char *path);

#endif
