/* viewers.h - people (or programs) who see the guest's screen over the network while it is recorded, and type to it: VNC.
 *
 * The protocol is spoken by a program of its own, bootreel-vnc (vnc/README.md), which reads the screen from shared memory and sends what
 * viewers do as messages. Nothing that it or a viewer does can stop the recording: messages are read without waiting, a few at a time,
 * into queues of limited size. What does not fit is dropped, but never the release of a key or a button whose press was given.
 *
 * Until the first viewer has been let in, a recording with viewers is the same as one without. From then on it is attended.
 */
#ifndef BOOTREEL_CORE_LIVE_VIEWERS_H
#define BOOTREEL_CORE_LIVE_VIEWERS_H

#include "core/engine/engine.h"

struct viewers;

enum { VIEWERS_FIRST_PORT = 5900 };

struct viewers_options {
    const char *program;  /* the server's file */
    const char *host;     /* a name or an address of this host; NULL: only this host can connect */
    uint16_t port;        /* 0: the first of 100, from VIEWERS_FIRST_PORT on, that is free */
    const char *password; /* of at most VIEWER_PASSWORD characters; NULL: none */
    const char *title;    /* what viewers show in their windows' frames */
};

/* Listens, and starts the server. NULL with err. */
struct viewers *viewers_open(const struct viewers_options *o, struct error *err);
/* Ends the server and its connections. NULL is allowed. */
void viewers_close(struct viewers *v);
uint16_t viewers_port(const struct viewers *v);

/* A descriptor that can be read when something has come; -1 if the server is gone. */
int viewers_fd(const struct viewers *v);
/* Reads what has come. Never waits. */
void viewers_read(struct viewers *v);
/* Whether the first viewer has been let in, and the server is there. */
bool viewers_attended(const struct viewers *v);
/* Whether the server has ended before it was closed: its viewers are gone. */
bool viewers_lost(const struct viewers *v);

/* Shows the viewers, if there are any, what the screen shows now; does nothing when it was called a moment ago. */
void viewers_paint(struct viewers *v, const struct engine *e);
/* Real time, ns, until viewers_paint() is to be called again if the guest waits so long; UINT64_MAX: it need not be. */
uint64_t viewers_paint_due(const struct viewers *v);

/* Gives the guest what it takes at guest time `now`, by `offer`, which takes a part of an input and sets its length to what was taken (as
 * feed_offer() does). -1 with err if that fails. */
int viewers_give(struct viewers *v, uint64_t now,
                 int (*offer)(void *ctx, struct input *in, struct error *err), void *ctx, struct error *err);
/* Guest time at which there is more to give; UINT64_MAX: nothing, or only what the guest did not take. */
uint64_t viewers_due(const struct viewers *v);

#endif
