/* fuzz_round_trip.c - writes a trace of images, streams, pages and checkpoints that follow from the input, and reads it back. */
#include "tests/unit/round_trip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    round_trip(data, size, size);
    return 0;
}
