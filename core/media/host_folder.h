/* host_folder.h - a folder of the host that a guest sees while it is recorded: answers what an engine asks of it (core/engine/share.h).
 *
 * Nothing outside of the folder is reached, whatever links are in it: paths are resolved beneath it by the kernel (openat2). Only regular files and
 * folders are opened, never devices, FIFOs or sockets, and nothing waits for another process. No time of access changes where the
 * user may prevent that.
 */
#ifndef BOOTREEL_CORE_MEDIA_HOST_FOLDER_H
#define BOOTREEL_CORE_MEDIA_HOST_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "core/engine/share.h"

struct host_folder;

/* NULL with err: it is no folder, or cannot be opened. */
struct host_folder *host_folder_open(const char *path, struct error *err);
void host_folder_close(struct host_folder *); /* NULL is allowed */

/* As struct image's `place` and `read`. The file's bytes that have been read are kept in memory, so that a second reading is as the
 * first was. -1 with err: the file could not be read to its end, or the host has no memory left. */
int host_folder_place(void *folder, uint64_t offset, const struct share_question *, struct error *);
int host_folder_read(void *folder, uint64_t offset, void *buf, size_t n, struct error *);

#endif
