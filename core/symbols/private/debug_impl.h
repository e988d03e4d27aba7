/* debug_impl.h - what the files about debug information share. Private to core/symbols. */
#ifndef BOOTREEL_CORE_SYMBOLS_DEBUG_IMPL_H
#define BOOTREEL_CORE_SYMBOLS_DEBUG_IMPL_H

#include "core/symbols/debug.h"

/* debug_file.c: what it says of a runtime address. */
size_t debug_file_places(struct debug_file *f, uint64_t address, struct debug_place *place, size_t max);
void debug_file_free(struct debug_file *f);
/* debug_files.c: a source path as it is shown, kept as long as `d`. */
const char *debug_info_source(struct debug_info *d, const char *path, const char *folder);
/* debug_files.c: the file belongs to `d`. */
void debug_info_keep(struct debug_info *d, struct debug_file *f);
/* debug_files.c: one thread at a time asks files. */
void debug_info_lock(struct debug_info *d);
void debug_info_unlock(struct debug_info *d);
/* debuginfod.c: the path of the debug information with that build-id, to be freed; NULL if no server has it, with why in err. */
char *debuginfod_fetch(const struct build_id *id, struct error *err);

#endif
