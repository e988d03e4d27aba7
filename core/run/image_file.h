/* image_file.h - images of the host (core/media/media.h) as `struct image`s. They are only read. */
#ifndef BOOTREEL_CORE_RUN_IMAGE_FILE_H
#define BOOTREEL_CORE_RUN_IMAGE_FILE_H

#include "base/file_id.h"
#include "core/engine/engine.h"
#include "core/media/media.h"

/* A growing list of opened images, in the order of adding. */
struct image_files;

struct image_files *image_files_new(void);
/* Opens a file or a disk, whose bytes are the image, under a role. -1 if it cannot be opened, is a folder, is
 * empty, or the role is taken. */
int image_files_add(struct image_files *f, const char *role, const char *path, struct error *err);
/* Adds an opened image, which is then f's, also if this fails. `path`: as the user gave it. NULL `media`: -1, with err as it is. */
int image_files_add_media(struct image_files *f, const char *role, const char *path,
                          struct media_image *media, struct error *err);
/* Adds bytes of the program's memory under a role; they must stay valid. */
int image_files_add_memory(struct image_files *f, const char *role, const char *name, const void *data,
                           size_t size, struct error *err);
/* A folder of the host that the guest sees, under the role "share0" or further. -1 with err if it is no folder. */
int image_files_add_share(struct image_files *f, const char *role, const char *path, struct error *err);
/* The images; valid until the next add. */
const struct image *image_files_images(const struct image_files *f, size_t *count);
/* The path that was given for image i, for messages only. */
const char *image_files_path(const struct image_files *f, size_t i);
/* Identifies all files that the images consist of: *count, in a list to be freed. */
struct file_id *image_files_ids(const struct image_files *f, size_t *count);
/* The image that consists of the file `path` (whatever its name), or -1. */
long image_files_same(const struct image_files *f, const char *path);
/* 0 if every file still has the size and modification time that it was opened with; otherwise -1, and err
 * names the first that has not. */
int image_files_unchanged(const struct image_files *f, struct error *err);
void image_files_free(struct image_files *f); /* NULL is allowed */

#endif
