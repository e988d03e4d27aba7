/* gdb_guest.h - a timeline to debug: a small real-mode guest, recorded into its own file. It also has the
 * other end of the connection: a client that sends given bytes. For tests/unit/test_gdbstub.c and
 * tests/fuzz/fuzz_packet.c. */
#ifndef BOOTREEL_TESTS_GDB_GUEST_H
#define BOOTREEL_TESTS_GDB_GUEST_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/run/image_file.h"
#include "core/run/recorder.h"
#include "gdbstub/gdbstub.h"
#include "gdbstub/packet.h"
#include "tests/host_asked.h"

static const struct engine_kind guest_kind = {
    .name = "pc", .behaviour = HV_BEHAVIOUR, .step_ns = 1, .create = pc_as_asked, .words = &hv_words};

/* 7C00h: ax = ds = 0; ecx = rounds; 7C0Ah: inc word [500h]; loop to 7C0Ah; 7C11h: out F4h, al (the end).
 * Steps: 3 + 2 * rounds + 1. */
enum { GUEST_LOOP = 0x7c0a, GUEST_COUNTER = 0x500, GUEST_OUT = 0x7c11 };

static inline void guest_write(const char *path, uint32_t rounds)
{
    uint8_t code[] = {0x31, 0xc0, 0x8e, 0xd8, 0x66, 0xb9, 0,    0,    0,   0,
                      0xff, 0x06, 0x00, 0x05, 0x67, 0xe2, 0xf9, 0xe6, 0xf4};
    memcpy(code + 6, &rounds, 4);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(code, sizeof code, 1, f) != 1 || fclose(f))
        abort();
}

/* Records it and opens the timeline. The files are removed at once. */
static inline struct timeline *guest_timeline(uint32_t rounds)
{
    static const struct engine_kind *const kinds[] = {&guest_kind};
    struct setting settings[] = {
        {"memory", "2097152"}, {"bios", "none"}, {"vga", "none"}, {"flat-address", "0x7c00"}};
    char bin[] = "/tmp/bootreel-guest-XXXXXX", reel[] = "/tmp/bootreel-reel-XXXXXX";
    struct engine_config cfg = {.settings = settings, .nsettings = 4};
    struct record_result result;
    struct error err;
    close(mkstemp(bin));
    close(mkstemp(reel));
    guest_write(bin, rounds);
    struct image_files *files = image_files_new();
    if (image_files_add(files, "flat", bin, &err))
        abort();
    cfg.images = image_files_images(files, &cfg.nimages);
    struct record_options o = {.path = reel,
                               .kind = &guest_kind,
                               .config = &cfg,
                               .classes = EVENT_CLASSES_DEFAULT,
                               .checkpoint_every = 10000000};
    struct recorder *r = recorder_create(&o, &err);
    if (!r || recorder_run(r, &result, &err)) {
        fprintf(stderr, "the guest: %s\n", err.text);
        abort();
    }
    recorder_destroy(r);
    image_files_free(files);
    struct timeline *tl = timeline_open(reel, kinds, 1, &err);
    if (!tl)
        fprintf(stderr, "the guest: %s\n", err.text);
    unlink(bin);
    unlink(reel);
    return tl;
}

/* ---------------------------------------------------------------- the client */

/* Sends `in`, `piece` bytes at a time, then disconnects; keeps what it receives. */
struct client {
    const uint8_t *in;
    size_t n, at, piece;
    struct text out; /* may contain zero bytes; out.n is the length */
    size_t room;
    bool deaf; /* cannot be written to */
    /* Its disconnection is noticed while something runs; otherwise only when the stub waits for it. */
    bool vanishes;
};

static inline long client_read(void *ctx, void *buf, size_t n, bool wait)
{
    struct client *c = ctx;
    size_t left = c->n - c->at, part = left < c->piece ? left : c->piece;
    if (part > n)
        part = n;
    if (!part)
        return wait || c->vanishes ? -1 : 0;
    memcpy(buf, c->in + c->at, part);
    c->at += part;
    return (long)part;
}

static inline int client_write(void *ctx, const void *buf, size_t n)
{
    struct client *c = ctx;
    if (c->deaf)
        return -1;
    c->out.s = mem_grow(c->out.s, &c->room, c->out.n + n + 1, 1);
    memcpy(c->out.s + c->out.n, buf, n);
    c->out.n += n;
    c->out.s[c->out.n] = 0;
    return 0;
}

static inline enum gdbstub_end client_run(struct client *c, struct gdbstub *g)
{
    struct gdbstub_transport t = {.ctx = c, .read = client_read, .write = client_write, .wait = NULL};
    return gdbstub_session(g, &t);
}

/* Decodes a frame at *p (escapes and run lengths) into buf, and moves *p past it. Returns the length, or -1
 * if there is no frame or it is malformed. */
static inline long unframe(const char **p, const char *end, char *buf, size_t size)
{
    const char *s = memchr(*p, '$', (size_t)(end - *p));
    uint8_t sum = 0, want;
    size_t n = 0;
    if (!s)
        return -1;
    for (s++; s < end && *s != '#'; s++) {
        size_t again = 0;
        sum += (uint8_t)*s;
        if (*s == '*' && n && s + 1 < end) {
            sum += (uint8_t) * ++s;
            again = (size_t)(uint8_t)*s - 29;
        } else if (*s == '}' && s + 1 < end) {
            sum += (uint8_t) * ++s;
            buf[n++] = *s ^ 0x20;
        } else {
            buf[n++] = *s;
        }
        if (n + again + 1 >= size)
            return -1;
        for (; again; again--, n++)
            buf[n] = buf[n - 1];
    }
    if (end - s < 3 || !hex_decode(s + 1, 1, &want) || want != sum)
        return -1;
    buf[n] = 0;
    *p = s + 3;
    return (long)n;
}

#endif
