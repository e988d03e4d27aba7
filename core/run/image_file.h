/* image_file.h - image files of the host as `struct image`s: opened for reading only, with the checks that
 * apply to any image (it exists, it is a file or a disk, it is not empty). */
#ifndef BOOTREEL_CORE_RUN_IMAGE_FILE_H
#define BOOTREEL_CORE_RUN_IMAGE_FILE_H

#include "core/engine/engine.h"
#include "traces/file_id.h"

/* A growing list of opened images, in the order of adding. */
struct image_files;

struct image_files *image_files_new(void);
/* Opens `path` under a role. -1 if it cannot be opened, is a folder, is empty, or the role is taken. */
int image_files_add(struct image_files *f, const char *role, const char *path, struct error *err);
/* Adds bytes of the program's memory under a role; they must stay valid. */
int image_files_add_memory(struct image_files *f, const char *role, const char *name, const void *data,
                           size_t size, struct error *err);
/* The images; valid until the next add. */
const struct image *image_files_images(const struct image_files *f, size_t *count);
/* The path that was given for image i, for messages only. */
const char *image_files_path(const struct image_files *f, size_t i);
/* Identifies the file of image i; none if the image is in memory. */
struct file_id image_files_id(const struct image_files *f, size_t i);
/* The image that is the same file as `path` (whatever its name), or -1. */
long image_files_same(const struct image_files *f, const char *path);
/* 0 if every file still has the size and modification time that it was opened with; otherwise -1, and err
 * names the first that has not. */
int image_files_unchanged(const struct image_files *f, struct error *err);
void image_files_free(struct image_files *f); /* NULL is allowed */

#endif
