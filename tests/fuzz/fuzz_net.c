/* fuzz_net.c - arbitrary bytes as a frame of a network, in words and taken apart; with room for all of the text, and with little. */
#include <string.h>

#include "core/packets/packet.h"
#include "traces/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    return 0;
}
