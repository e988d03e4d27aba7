/* hosted.h - programs for the deterministic Linux host: which files they need. */
#ifndef BOOTREEL_CORE_RUN_HOSTED_H
#define BOOTREEL_CORE_RUN_HOSTED_H

#include "core/engine/engine.h"
#include "core/run/image_file.h"

/* Where a program's interpreter and libraries are looked for: below `sysroot` ("" is the real root). The
 * program gets the guest path `to`. All become images, with the role "file PATH". -1 with err if one is
 * missing. A static program needs no others. libgcc_s.so.1 is added if the program uses pthread_cancel() or pthread_exit(), and may be
 * missing. */
int hosted_add_program(struct image_files *files, const char *sysroot, const char *path, const char *to,
                       struct error *err);

#endif
