/* share_files.h - files that a guest has in folders of the host. Private to cli/. */
#ifndef BOOTREEL_CLI_SHARE_FILES_H
#define BOOTREEL_CLI_SHARE_FILES_H

#include "base/text.h"
#include "cli/options.h"

struct engine;
struct engine_config;
struct trace;
struct trace_image;

/* Whether an image of a trace is a folder of the host (core/engine/share.h). */
bool image_is_folder(const struct trace_image *);

/* Adds what a file holds at the engine's position: `path` as the guest sees it, below where it mounts a share (the settings share0-path
 * and further), or "TAG:PATH". -1 with err. */
int share_file_read(struct engine *, const struct engine_config *, const char *path, struct text *content,
                    struct error *err);
/* bootreel files --get PATH -o FILE. An exit status. */
int share_file_get(const struct engines *, struct trace *, const char *path, const char *at,
                   const char *output);

#endif
