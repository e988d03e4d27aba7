/* variables.h - a firmware's variables, out of the machine. Private to cli/. */
#ifndef BOOTREEL_CLI_VARIABLES_H
#define BOOTREEL_CLI_VARIABLES_H

#include "core/engine/engine.h"

/* Writes the content that the flash chip of that role has now to a file. -1 with err if it cannot be written;
 * the file is then as it was. */
int variables_save(struct engine *e, const struct engine_config *cfg, const char *role, const char *path,
                   struct error *err);

#endif
