/* fuzz_net.c - arbitrary bytes as a frame of a network, in words and taken apart, with room for all of the text and with little; and as what a
 * card sends, takes and sends again, of which transfers are made. */
#include <string.h>

#include "base/memory.h"
#include "core/packets/packet.h"
#include "core/story/private/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hear(void *ctx, const struct event *ev)
{
    char text[1024];
    event_text(ev, text, sizeof text);
}

static void transfers(const uint8_t *data, size_t size)
{
    struct network *n = network_new(hear, NULL);
    const uint32_t kept = size < EVENT_MAX_DATA ? (uint32_t)size : EVENT_MAX_DATA;
    for (unsigned i = 0; i < 3; i++)
        network_event(n, &(struct event){.kind = i == 1 ? EV_NET_IN : EV_NET_OUT,
                                         .icount = i,
                                         .time = i,
                                         .f = {[EVF_NET_OUT_length] = size},
                                         .data = data,
                                         .len = kept});
    network_event(n, &(struct event){.kind = EV_BOOT_SECTOR_ENTER, .icount = 3, .time = 3000000000u});
    network_free(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { TEXT = 1 << 17 };
    char *text = mem_alloc(TEXT), little[40];
    const int n = packet_line(data, size, size + 1, text, TEXT);
    if (n < 0 || packet_line(data, size, size + 1, little, sizeof little) != n ||
        (n < TEXT && strlen(text) != (size_t)n))
        abort();
    packet_fields(data, size, text, TEXT);
    free(text);
    transfers(data, size);
    return 0;
}
