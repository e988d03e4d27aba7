/* xdg.h - the user's folders, by the XDG base directory specification. */
#ifndef BOOTREEL_CLI_XDG_H
#define BOOTREEL_CLI_XDG_H

/* A path to FILE in the folder that an environment variable gives ("XDG_STATE_HOME"), or in a folder below
 * HOME (".local/state"). NULL if neither is set. To be freed. */
char *xdg_path(const char *variable, const char *below_home, const char *file);

#endif
