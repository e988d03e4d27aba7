/* vnc.h - what the files of bootreel-vnc share. See README.md. */
#ifndef BOOTREEL_VNC_VNC_H
#define BOOTREEL_VNC_VNC_H

#include <stdint.h>

#include "core/live/viewer_link.h"

struct vnc_viewer {
    int connection;
    uint32_t number;
    const struct viewer_hello *hello;
    uint32_t *let_in; /* set when it has been let in; the process of all viewers reads it */
};

/* Serves one viewer until it goes, in a process of its own. */
__attribute__((noreturn)) void vnc_serve(const struct vnc_viewer *v);

#endif
