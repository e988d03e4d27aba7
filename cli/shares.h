/* shares.h - the folders of the host that a guest sees: --share. Private to cli/. */
#ifndef BOOTREEL_CLI_SHARES_H
#define BOOTREEL_CLI_SHARES_H

#include "cli/options.h"
#include "core/engine/engine.h"
#include "core/run/image_file.h"

/* FOLDER[,tag=TEXT][,path=PATH] */
struct share_given {
    char *folder, *tag, *path; /* path: where the guest mounts it, or NULL */
    char role[16], tag_key[24], path_key[24];
};
struct shares {
    struct share_given share[ENGINE_SHARES];
    unsigned n;
};

/* Takes the value of an option. -1 with err if it is not of that form, or if there are too many. */
int shares_add(struct shares *, const struct option_row *row, const char *value, struct error *err);
/* As shares_add() with parts. `path` may be NULL. */
int shares_add_parts(struct shares *, const char *option, const char *folder, const char *tag,
                     const char *path, struct error *err);
/* Opens the folders. -1 with err. */
int shares_open(const struct shares *, struct image_files *files, struct error *err);
void shares_free(struct shares *);

#endif
