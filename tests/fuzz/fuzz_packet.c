/* fuzz_packet.c - arbitrary bytes as a debugger: the packet parser, and a whole session on a small real
 * machine.
 *
 * Checksums would keep a fuzzer out of all but the outermost code. So each input is used twice: as bytes from
 * the wire, and as the contents of packets (a line each), framed as they must be.
 */
#include "base/memory.h"
#include "tests/unit/gdb_guest.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROUNDS = 200, MAX_INPUT = 1 << 16 };

/* What libFuzzer calls has no context, so this is kept here. */
static struct timeline *timeline;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    timeline = guest_timeline(ROUNDS);
    if (!timeline)
        abort();
    return 0;
}

static void session(const void *data, size_t n, size_t piece)
{
    struct client c = {.in = data, .n = n, .piece = piece, .vanishes = true};
    struct timeline_stopped s;
    struct error err;
    struct gdbstub *g = gdbstub_new(timeline);
    client_run(&c, g);
    gdbstub_free(g);
    free(c.out.s);
    timeline_stop_clear(timeline);
    if (timeline_undivert(timeline, &err) || timeline_seek(timeline, 0, &s, &err))
        abort();
}

static void lines(const uint8_t *data, size_t size)
{
    uint8_t *in = mem_alloc(packet_frame_room(size) + 8 * size + 16), *to = in;
    const uint8_t *end = data + size;
    while (data < end) {
        const uint8_t *nl = memchr(data, '\n', (size_t)(end - data));
        size_t n = (size_t)((nl ? nl : end) - data);
        /* The words of a monitor command are found more easily than their hexadecimal digits. */
        if (n > 1 && *data == '>') {
            char *hex = mem_alloc(6 + 2 * n);
            memcpy(hex, "qRcmd,", 6);
            hex_encode(data + 1, n - 1, hex + 6);
            to += packet_frame(hex, 6 + 2 * (n - 1), to);
            free(hex);
        } else {
            to += packet_frame(data, n, to);
        }
        data += n + 1;
    }
    session(in, (size_t)(to - in), 4096);
    free(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > MAX_INPUT)
        return 0;
    session(data, size, 1 + size % 50);
    lines(data, size);
    return 0;
}
