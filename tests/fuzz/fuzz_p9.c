/* fuzz_p9.c - a shared folder (hv/board/virtio/p9.c, shared*.c) with a hostile guest, whose messages are the fuzzer's bytes, and a hostile trace, from
 * which what the host has answered is read.
 *
 * A case is an opening, then messages: a type, a handle, how many bytes follow, and these. The answers of the host are the same bytes, from
 * another place on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/board/virtio/p9_server.h"
#include "tests/unit/mainboard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 8192, MESSAGES = 400 };

struct fuzzed {
    const uint8_t *data;
    size_t size;
    uint64_t seed;
};

/* What a trace holds: mostly a plausible answer, so that there is a tree to walk in. */
static int read_answer(void *ctx, uint64_t offset, void *buf, size_t n, struct error *err)
{
    const struct fuzzed *f = ctx;
    const uint64_t chunk = offset / SHARE_CHUNK;
    struct share_answer a = {.mode = chunk % 3 ? 0100644 : 040755, .size = 100000};
    memset(buf, 0, n);
    if (f->size > chunk % 64 && f->data[chunk % 64] & 1) {
        for (size_t i = 0; i < n && i < f->size; i++)
            ((uint8_t *)buf)[i] = f->data[(offset + i) % f->size];
        return 0;
    }
    if (offset % SHARE_CHUNK == 0 && n >= sizeof a)
        memcpy(buf, &a, sizeof a);
    return 0;
}

static void serve(struct p9 *p, uint8_t type, uint32_t handle, const uint8_t *rest, size_t n)
{
    uint8_t message[ROOM] = {0}, answer[ROOM];
    const size_t size = P9_HEADER + 4 + n;
    for (unsigned i = 0; i < 4; i++) {
        message[i] = (uint8_t)(size >> 8 * i);
        message[P9_HEADER + i] = (uint8_t)(handle >> 8 * i);
    }
    message[4] = type;
    memcpy(message + P9_HEADER + 4, rest, n);
    if (p9_serve(p, message, size, answer, sizeof answer) > sizeof answer)
        abort();
}

static void open_session(struct p9 *p)
{
    static const uint8_t version[] = "\x08\0"
                                     "9P2000.L",
                         attach[16] = {0xff, 0xff, 0xff, 0xff};
    serve(p, P9_VERSION, ROOM, version, sizeof version - 1);
    serve(p, P9_ATTACH, 0, attach, sizeof attach);
}

static void serve_all(struct p9 *p, const uint8_t *data, size_t size)
{
    open_session(p);
    for (unsigned i = 0; i < MESSAGES && size >= 3; i++) {
        size_t n = data[2] & 127;
        if (n > size - 3)
            n = size - 3;
        serve(p, data[0], data[1] & 7, data + 3, n);
        data += 3 + n;
        size -= 3 + n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fixture f = {0};
    struct fuzzed fuzzed = {data, size, 0};
    const struct board_host host = {.ctx = &f, .icount = host_icount, .time = host_time};
    struct error err;
    f.image[0] = (struct image){
        .role = "share0", .size = (uint64_t)SHARE_CHUNKS * SHARE_CHUNK, .ctx = &fuzzed, .read = read_answer};
    f.setting[0] = (struct setting){"memory", "1048576"};
    f.setting[1] = (struct setting){"vga", "none"};
    f.setting[2] = (struct setting){"rtc", "2027-01-01T00:00:00"};
    f.cfg = (struct engine_config){.settings = f.setting, .nsettings = 3, .images = f.image, .nimages = 1};
    f.board = board_create(&f.cfg, &host, &err);
    if (!f.board)
        abort();
    struct p9 p = {.share = shared_new(f.board, 0, &err)};
    serve_all(&p, data, size);
    shared_free(p.share);
    board_destroy(f.board);
    return 0;
}
