/* viewer.c - one viewer, by libvncserver. See README.md.
 *
 * The process has one connection, so what it waits for stops nobody else. It may use little, and nothing of what it holds can be written
 * but its link to the recording.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <rfb/rfb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vnc/vnc.h"

enum {
    DOOR_SECONDS = 30, /* in which a connection must have become a viewer */
    GONE_SECONDS = 60, /* without an answer of the other host, after which it is gone */
    LOOK_US = 15000,   /* between two looks at the screen */
    MEMORY_MB =
        1024, /* that the process may use: the largest screen, and what encodings and scaling need of it */
    PIXEL = 4
};

struct viewer {
    const struct vnc_viewer *v;
    const struct viewer_screen *shared;
    rfbScreenInfoPtr rfb;
    uint32_t seen; /* frame */
    bool let_in;
};

/* ---------------------------------------------------------------- to the recording */

static void tell(const struct viewer *w, uint32_t kind, uint32_t a, uint32_t b, uint32_t c)
{
    const struct viewer_event ev = {kind, w->v->number, a, b, c};
    if (send(VIEWER_FD_LINK, &ev, sizeof ev, MSG_NOSIGNAL) < 0)
        _exit(0);
}

/* Once it has passed the password and asked for the screen. */
static void let_in(struct viewer *w)
{
    if (w->let_in)
        return;
    w->let_in = true;
    alarm(0);
    __atomic_store_n(w->v->let_in, 1, __ATOMIC_RELEASE);
    tell(w, VIEWER_COMES, 0, 0, 0);
}

static void on_key(rfbBool down, rfbKeySym key, rfbClientPtr client)
{
    struct viewer *w = client->screen->screenData;
    let_in(w);
    tell(w, VIEWER_KEY, key, down ? 1 : 0, 0);
}

static void on_pointer(int mask, int x, int y, rfbClientPtr client)
{
    struct viewer *w = client->screen->screenData;
    let_in(w);
    tell(w, VIEWER_POINTER, (uint32_t)x, (uint32_t)y, (uint32_t)mask);
}

/* ---------------------------------------------------------------- the screen */

/* Whether all that was read since the frame `frame` began is of that frame. */
static bool is_still(const struct viewer *w, uint32_t frame)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&w->shared->frame, __ATOMIC_RELAXED) == frame;
}

static const uint8_t *shared_row(const struct viewer *w, uint32_t width, uint32_t y)
{
    return (const uint8_t *)w->shared + VIEWER_PIXELS_AT + (size_t)y * width * PIXEL;
}

static void new_size(struct viewer *w, uint32_t width, uint32_t height, uint32_t frame)
{
    const size_t n = (size_t)width * height * PIXEL;
    char *pixels = malloc(n), *old = w->rfb->frameBuffer;
    if (!pixels)
        _exit(1);
    memcpy(pixels, shared_row(w, width, 0), n);
    if (!is_still(w, frame)) {
        free(pixels);
        return;
    }
    w->seen = frame;
    rfbNewFramebuffer(w->rfb, pixels, (int)width, (int)height, 8, 3, PIXEL);
    free(old);
}

static void copy_tile(const struct viewer *w, uint32_t width, uint32_t height, uint32_t x, uint32_t y)
{
    const uint32_t right = x + VIEWER_TILE_WIDTH < width ? x + VIEWER_TILE_WIDTH : width,
                   below = y + VIEWER_TILE_HEIGHT < height ? y + VIEWER_TILE_HEIGHT : height;
    for (uint32_t row = y; row < below; row++)
        memcpy(w->rfb->frameBuffer + ((size_t)row * width + x) * PIXEL,
               shared_row(w, width, row) + (size_t)x * PIXEL, (size_t)(right - x) * PIXEL);
}

/* Copies the tiles that have changed, or (mark) says that they have. */
static void each_changed(const struct viewer *w, uint32_t width, uint32_t height, bool mark)
{
    const uint32_t columns = viewer_tile_columns(width), rows = viewer_tile_rows(height);
    for (uint32_t i = 0; i < columns * rows; i++) {
        const uint32_t x = i % columns * VIEWER_TILE_WIDTH, y = i / columns * VIEWER_TILE_HEIGHT;
        if ((int32_t)(w->shared->stamp[i] - w->seen) <= 0)
            continue;
        if (mark)
            rfbMarkRectAsModified(w->rfb, (int)x, (int)y, (int)x + VIEWER_TILE_WIDTH,
                                  (int)y + VIEWER_TILE_HEIGHT);
        else
            copy_tile(w, width, height, x, y);
    }
}

/* Whether the viewer can be given another size: it has not been given any, or has asked for the screen, before which it says that it
 * understands new sizes. libvncserver never says again what it could not say then. */
static bool can_resize(const struct viewer *w)
{
    rfbClientPtr client = w->rfb->clientHead;
    return !client || client->state != RFB_NORMAL ||
           rfbStatGetMessageCountRcvd(client, rfbFramebufferUpdateRequest) > 0;
}

static void look(struct viewer *w)
{
    const uint32_t frame = __atomic_load_n(&w->shared->frame, __ATOMIC_ACQUIRE);
    const uint32_t width = w->shared->width, height = w->shared->height;
    if (frame == w->seen || frame & 1 || !is_still(w, frame) || !width || width > VIEWER_SIDE || !height ||
        height > VIEWER_SIDE || (uint64_t)width * height > VIEWER_PIXELS)
        return;
    if (width != (uint32_t)w->rfb->width || height != (uint32_t)w->rfb->height) {
        if (can_resize(w))
            new_size(w, width, height, frame);
        return;
    }
    each_changed(w, width, height, false);
    each_changed(w, width, height,
                 true); /* too many if the frame has changed meanwhile: these are marked again later */
    if (is_still(w, frame))
        w->seen = frame;
}

/* ---------------------------------------------------------------- the connection */

static void say_nothing(const char *format, ...) {}

/* The address sanitizer reserves more memory than any limit allows. */
#ifdef __SANITIZE_ADDRESS__
enum { LIMITS_FROM = 1 };
#else
enum { LIMITS_FROM = 0 };
#endif

static void limit(void)
{
    static const struct {
        int what;
        rlim_t most;
    } limits[] = {{RLIMIT_AS, (rlim_t)MEMORY_MB << 20}, {RLIMIT_CORE, 0}, {RLIMIT_FSIZE, 0}};
    for (unsigned i = LIMITS_FROM; i < sizeof limits / sizeof limits[0]; i++)
        setrlimit(limits[i].what, &(struct rlimit){limits[i].most, limits[i].most});
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void set_timeouts(int fd)
{
    const int on = 1, idle = GONE_SECONDS / 2, every = GONE_SECONDS / 6, count = 3,
              gone = GONE_SECONDS * 1000;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &gone, sizeof gone);
    alarm(DOOR_SECONDS);
}

/* A screen of the smallest size; look() gives it its own. */
static rfbScreenInfoPtr new_screen(struct viewer *w, char **passwords)
{
    int argc = 0;
    rfbScreenInfoPtr s = rfbGetScreen(&argc, NULL, 4, 4, 8, 3, PIXEL);
    if (!s || !(s->frameBuffer = calloc(4 * 4, PIXEL)))
        _exit(1);
    s->screenData = w;
    s->desktopName = w->v->hello->title;
    s->inetdSock = w->v->connection;
    s->alwaysShared = TRUE;
    s->kbdAddEvent = on_key;
    s->ptrAddEvent = on_pointer;
    s->deferPtrUpdateTime = 0;
    s->cursor = NULL; /* the guest draws its own */
    if (*passwords[0]) {
        s->authPasswdData = passwords;
        s->passwordCheck = rfbCheckPasswordByList;
    }
    return s;
}

void vnc_serve(const struct vnc_viewer *v)
{
    struct viewer w = {.v = v};
    char password[VIEWER_PASSWORD + 1];
    char *passwords[] = {password, NULL};
    strcpy(password, v->hello->password);
    signal(SIGPIPE, SIG_IGN);
    limit();
    set_timeouts(v->connection);
    rfbLog = rfbErr = say_nothing;
    w.shared = mmap(NULL, VIEWER_MEMORY, PROT_READ, MAP_SHARED, VIEWER_FD_SCREEN, 0);
    if (w.shared == MAP_FAILED)
        _exit(1);
    w.rfb = new_screen(&w, passwords);
    look(&w);
    rfbInitServer(w.rfb);
    do {
        rfbProcessEvents(w.rfb, LOOK_US);
        if (w.rfb->clientHead && w.rfb->clientHead->state == RFB_NORMAL)
            let_in(&w);
        look(&w);
    } while (w.rfb->clientHead);
    _exit(0);
}
