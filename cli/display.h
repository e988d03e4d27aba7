/* display.h - `record --display`. Private to cli/. */
#ifndef BOOTREEL_CLI_DISPLAY_H
#define BOOTREEL_CLI_DISPLAY_H

#include "cli/options.h"
#include "core/live/viewers.h"

struct display_option {
    bool given, wait;
    char host[256]; /* "": this host only */
    uint16_t port;  /* 0: any */
    char password[16];
};

/* vnc[=[HOST]:N][,password=FILE][,wait] */
int take_display(const struct option_row *row, const char *value, struct display_option *o,
                 struct error *err);
/* Starts the server, and says where viewers can connect. NULL with err. */
struct viewers *display_open(const struct display_option *o, struct error *err);

#endif
